//! What the administration orders about the mode of a card, on behalf of its holder.

use crate::card_mode::{CardMode, Kept, Lift, ModeChange, ModeChanged, TransferCause};
use crate::core::Core;
use crate::effect::Effect;
use crate::keyed_hash::KeyedHash;
use crate::linked_account;
use crate::names::AccountId;
use crate::record::Record;
use crate::state::{AccountFile, CardFile};
use card::{Pan, Time};
use std::fmt;

/// What is ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModeOrder {
    /// This mode from now on.
    Set(CardMode),
    /// Open a locked card for a while, for one transaction.
    Unlock {
        /// The first moment at which it is locked again.
        until: Time,
    },
    /// Move money from the linked account to the card's: for a while where the card is empty otherwise.
    TopUp {
        /// Minor units.
        minor: i64,
        /// The first moment at which what remains goes back; for an empty card.
        until: Option<Time>,
    },
    /// Another limit for one transaction for a while.
    Lift(Lift),
    /// The code of the next transaction.
    Code {
        /// What is kept of it.
        hash: KeyedHash,
        /// The first moment at which it is good no longer.
        until: Time,
    },
    /// What was opened, lifted or set for a while ends now.
    End,
}

/// Why an order is not carried out. Holds no card data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModeRefusal {
    /// The card is not on file.
    NotOnFile,
    /// The order belongs to another mode than the card has.
    OtherMode,
    /// The linked account is not on file, or not where the card is.
    NoSource,
    /// The linked account is the card's own.
    OwnAccount,
    /// The linked account has another currency.
    OtherCurrency,
    /// The accounts do not name the same customer.
    OtherCustomer,
    /// The mode of another card keeps one of the accounts.
    KeptByOther,
    /// The maximum is below the minimum, or one of them below zero.
    Levels,
    /// An amount is not above zero.
    Amount,
    /// The linked account has less.
    SourceShort,
    /// The account would hold more than the maximum.
    AboveMaximum,
    /// An empty card is topped up for a while, which is not said; another one is not.
    Until,
    /// The end lies in the past.
    Over,
    /// No transaction waits under this ticket, or not any more.
    NoSuchTicket,
    /// The password is another, or missing.
    WrongPassword {
        /// How many more are taken.
        left: u8,
    },
}

/// Carries out an order.
pub(crate) fn carry_out(
    core: &mut Core,
    now: Time,
    pan: &Pan,
    order: ModeOrder,
    effects: &mut Vec<Effect>,
) -> Result<(), ModeRefusal> {
    let file = core.state.card(pan).ok_or(ModeRefusal::NotOnFile)?;
    let mode = file.mode().cloned().unwrap_or_default();
    let change = match order {
        ModeOrder::Set(mode) => return set(core, now, pan, mode, effects),
        ModeOrder::TopUp { minor, until } => return top_up(core, now, pan, minor, until, effects),
        ModeOrder::Unlock { until } => match mode {
            CardMode::Locked { .. } => ModeChange::Open { until: ahead(until, now)? },
            _ => return Err(ModeRefusal::OtherMode),
        },
        ModeOrder::Lift(lift) => match mode {
            CardMode::SingleLimit { .. } if lift.most_minor.is_some_and(|most| most <= 0) => {
                return Err(ModeRefusal::Amount);
            }
            CardMode::SingleLimit { .. } => ModeChange::Lift(Lift { until: ahead(lift.until, now)?, ..lift }),
            _ => return Err(ModeRefusal::OtherMode),
        },
        ModeOrder::Code { hash, until } => match mode {
            CardMode::OneTimeCode { .. } => ModeChange::Code { hash, until: ahead(until, now)? },
            _ => return Err(ModeRefusal::OtherMode),
        },
        ModeOrder::End => match mode {
            CardMode::Standard | CardMode::Kept(_) | CardMode::Confirm { .. } => {
                return Err(ModeRefusal::OtherMode);
            }
            _ => ModeChange::End,
        },
    };
    commit(core, now, pan, change, effects);
    linked_account::settle(core, now, pan, effects);
    Ok(())
}

fn commit(core: &mut Core, now: Time, pan: &Pan, change: ModeChange, effects: &mut Vec<Effect>) {
    core.commit(Record::ModeChanged(Box::new(ModeChanged { pan: *pan, change, time: now })), effects);
}

fn set(
    core: &mut Core,
    now: Time,
    pan: &Pan,
    mode: CardMode,
    effects: &mut Vec<Effect>,
) -> Result<(), ModeRefusal> {
    let file = core.state.card(pan).ok_or(ModeRefusal::NotOnFile)?;
    match &mode {
        CardMode::SingleLimit { most_minor, .. } if *most_minor <= 0 => return Err(ModeRefusal::Amount),
        CardMode::Kept(Kept { minimum_minor, maximum_minor, .. })
            if *minimum_minor < 0 || maximum_minor < minimum_minor =>
        {
            return Err(ModeRefusal::Levels);
        }
        _ => {}
    }
    if let Some(source) = mode.source() {
        linkable(core, file, &source)?;
    }
    // What was topped up for a while goes back before its mode is forgotten.
    if file.mode().is_some_and(|mode| matches!(mode, CardMode::Empty { .. }) && mode.is_open(now)) {
        commit(core, now, pan, ModeChange::End, effects);
        linked_account::settle(core, now, pan, effects);
    }
    commit(core, now, pan, ModeChange::Set(mode), effects);
    linked_account::settle(core, now, pan, effects);
    Ok(())
}

/// Whether the card's account may be linked with this one.
fn linkable(core: &Core, file: &CardFile, source: &AccountId) -> Result<(), ModeRefusal> {
    let own = core.state.account(&file.card.account).ok_or(ModeRefusal::NotOnFile)?;
    let source = core.state.account(source).ok_or(ModeRefusal::NoSource)?;
    let (own, source) = (&own.account, &source.account);
    if own.id == source.id {
        return Err(ModeRefusal::OwnAccount);
    }
    if own.currency != source.currency {
        return Err(ModeRefusal::OtherCurrency);
    }
    if own.customer.is_none() || own.customer != source.customer {
        return Err(ModeRefusal::OtherCustomer);
    }
    let by_other = |keeper: Option<Pan>| keeper.is_some_and(|keeper| keeper != file.card.pan);
    // Two modes on one account would move the same money to and fro.
    if by_other(core.state.keeper(&own.id)) || core.state.keeper(&source.id).is_some() {
        return Err(ModeRefusal::KeptByOther);
    }
    Ok(())
}

fn top_up(
    core: &mut Core,
    now: Time,
    pan: &Pan,
    minor: i64,
    until: Option<Time>,
    effects: &mut Vec<Effect>,
) -> Result<(), ModeRefusal> {
    let file = core.state.card(pan).ok_or(ModeRefusal::NotOnFile)?;
    let mode = file.mode().ok_or(ModeRefusal::OtherMode)?;
    let source = mode.source().ok_or(ModeRefusal::OtherMode)?;
    let account = core.state.account(&file.card.account).ok_or(ModeRefusal::NotOnFile)?;
    let source = core.state.account(&source).ok_or(ModeRefusal::NoSource)?;
    if minor <= 0 {
        return Err(ModeRefusal::Amount);
    }
    let opened = match (mode, until) {
        (CardMode::Empty { .. }, Some(until)) => Some(ahead(until, now)?),
        (CardMode::Kept(kept), None) => {
            within(kept.maximum_minor, account, minor)?;
            None
        }
        _ => return Err(ModeRefusal::Until),
    };
    if source.own_minor() < minor {
        return Err(ModeRefusal::SourceShort);
    }
    let transfer = linked_account::transfer(file, source, account, minor, now, TransferCause::TopUp)
        .ok_or(ModeRefusal::OtherCurrency)?;
    // Opened first: money on an empty card that is not open goes back.
    if let Some(until) = opened {
        commit(core, now, pan, ModeChange::Open { until }, effects);
    }
    core.commit(Record::OwnTransfer(transfer), effects);
    Ok(())
}

fn within(maximum_minor: i64, account: &AccountFile, minor: i64) -> Result<(), ModeRefusal> {
    let room = maximum_minor.saturating_sub(account.own_minor());
    if minor <= room { Ok(()) } else { Err(ModeRefusal::AboveMaximum) }
}

fn ahead(until: Time, now: Time) -> Result<Time, ModeRefusal> {
    if until > now { Ok(until) } else { Err(ModeRefusal::Over) }
}

impl fmt::Display for ModeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ModeRefusal::NotOnFile => "the card is not on file",
            ModeRefusal::OtherMode => {
                "the card is in another mode, to which this does not belong; `card show` says in which"
            }
            ModeRefusal::NoSource => {
                "source: the account is not on file, or lives in another shard than the card's; accounts that name one \
                 customer when they are opened live together"
            }
            ModeRefusal::OwnAccount => "source: is the card's own account; name another one of the customer",
            ModeRefusal::OtherCurrency => "source: the account has another currency than the card's",
            ModeRefusal::OtherCustomer => {
                "source: both accounts have to name the same customer; `card import --update` sets it"
            }
            ModeRefusal::KeptByOther => "source: the mode of another card keeps one of the accounts already",
            ModeRefusal::Levels => "minimum, maximum: have to be 0 <= minimum <= maximum",
            ModeRefusal::Amount => "amount: has to be above zero",
            ModeRefusal::SourceShort => "amount: the linked account has less",
            ModeRefusal::AboveMaximum => "amount: the card's account would hold more than the maximum",
            ModeRefusal::Until => "for: an empty card is topped up for a while, and no other",
            ModeRefusal::Over => "for: is over before it begins",
            ModeRefusal::NoSuchTicket => "no transaction waits under this ticket, or not any more",
            ModeRefusal::WrongPassword { left } => {
                return write!(f, "password: is wrong or missing; {left} left");
            }
        })
    }
}
