//! Reversals: give back what an original holds or posted, once, in whatever order messages come.

use crate::billing::Part;
use crate::core::{Core, respond};
use crate::effect::{Effect, Response};
use crate::limits::TRANSACTION_REACH;
use crate::names::{AccountId, LinkName, OriginalKey, ReplyTo, TransactionId, TransmissionTime};
use crate::preauthorization;
use crate::recall::{self, Who};
use crate::record::{Credited, Record, RememberedReversal, Reversed, TransactionStatus};
use crate::remittance::{self, TakeBack};
use crate::stored::StoredTransaction;
use crate::terminal;
use card::{Pan, ResponseCode, Stan, TerminalId, Time};

/// A reversal request or advice (04xx), protocol-neutral.
#[derive(Clone, Debug)]
pub struct Reversal {
    /// Where the response goes.
    pub reply_to: ReplyTo,
    /// The acquiring link.
    pub link: LinkName,
    /// Terminal (DE 41).
    pub terminal: TerminalId,
    /// The card.
    pub pan: Pan,
    /// STAN of the original: from DE 90, or the reversal's own where DE 90 is absent.
    pub original_stan: Stan,
    /// Transmission time of the original from DE 90; 0 when it does not say.
    pub original_transmission: TransmissionTime,
    /// Amount that stands after all (first amount of DE 95), minor units; `None` reverses in full.
    pub replacement_minor: Option<i64>,
}

/// Finds the original and gives back its money, whatever became of its terminal since. A doubled reversal
/// changes nothing and is answered alike; one without an original is remembered, for a terminal of ours.
pub(crate) fn reverse(core: &mut Core, now: Time, reversal: Box<Reversal>, effects: &mut Vec<Effect>) {
    match find_original(core, now, &reversal) {
        Some(original) => undo(core, now, reversal, original, effects),
        None if core.state.some_have_left() => recall::ask(core, now, Who::Reversal(reversal), effects),
        None => without_original(core, now, &reversal, effects),
    }
}

/// The same once the transaction store has been asked. Memory is looked at again: the original may have come
/// meanwhile, or been recalled by another reversal.
pub(crate) fn recalled(
    core: &mut Core,
    now: Time,
    reversal: Box<Reversal>,
    found: &[StoredTransaction],
    effects: &mut Vec<Effect>,
) {
    if let Some(original) = find_original(core, now, &reversal) {
        return undo(core, now, reversal, original, effects);
    }
    let horizon = now.minus(TRANSACTION_REACH);
    let original = found.iter().find(|stored| means(&reversal, stored) && stored.time >= horizon);
    match original {
        Some(stored) if core.state.transaction(stored.id).is_none() => {
            core.commit(Record::Recalled(Box::new(stored.clone())), effects);
            undo(core, now, reversal, stored.id, effects);
        }
        _ => without_original(core, now, &reversal, effects),
    }
}

fn without_original(core: &mut Core, now: Time, reversal: &Reversal, effects: &mut Vec<Effect>) {
    // What is remembered takes memory for days, so not everybody on the link may have it remembered.
    // Merchant and transaction type are not looked at: a reversal may lack them.
    let ours = terminal::active(&core.tables, reversal.link, reversal.terminal).is_some();
    let code = if ours { remember(core, now, reversal, effects) } else { ResponseCode::INVALID_MERCHANT };
    respond(reversal.reply_to, Response::bare(code), effects);
}

/// The newest transaction that the reversal can mean. While a request that it can mean still waits for
/// the HSM or its holder, none: that one is the newest, and is refused when its turn comes.
fn find_original(core: &Core, now: Time, reversal: &Reversal) -> Option<TransactionId> {
    let key = reversal.key();
    let waiting =
        core.suspended.find(&key).or_else(|| core.confirmations.find(&key)).is_some_and(|suspended| {
            suspended.request.pan == reversal.pan && at_its_time(reversal, suspended.request.transmission)
        });
    if waiting {
        return None;
    }
    let mut same_stan = core.state.same_stan(&key, now);
    same_stan.find(|stored| means(reversal, stored)).map(|stored| stored.id)
}

fn means(reversal: &Reversal, stored: &StoredTransaction) -> bool {
    stored.pan == reversal.pan && at_its_time(reversal, stored.transmission)
}

fn at_its_time(reversal: &Reversal, transmission: TransmissionTime) -> bool {
    let any_time = reversal.original_transmission == TransmissionTime::default();
    any_time || transmission == reversal.original_transmission
}

/// Gives back what the reversal asks for, and answers it; or lets it wait for another shard.
pub(crate) fn undo(
    core: &mut Core,
    now: Time,
    reversal: Box<Reversal>,
    original: TransactionId,
    effects: &mut Vec<Effect>,
) {
    let Some(code) = give_back(core, now, &reversal, original, effects) else {
        return remittance::wait(core, now, reversal, original, effects);
    };
    let response = Response { transaction: Some(original), ..Response::bare(code) };
    respond(reversal.reply_to, response, effects);
}

/// The answer; `None` where another shard has to give the money back first, or has not said yet that it got it.
fn give_back(
    core: &mut Core,
    now: Time,
    reversal: &Reversal,
    original: TransactionId,
    effects: &mut Vec<Effect>,
) -> Option<ResponseCode> {
    let stored = core.state.transaction(original).expect("it was found in memory");
    let asked_minor = reversal.replacement_minor.unwrap_or(0);
    if asked_minor < 0 || asked_minor > stored.approved_amount() {
        return Some(ResponseCode::INVALID_AMOUNT);
    }
    // Another transaction has posted what this one held; that one is to be reversed.
    let completed = stored.status == TransactionStatus::Completed && !stored.is_posted();
    if completed {
        return Some(ResponseCode::ORIGINAL_NOT_FOUND);
    }
    if core.state.remittance_of(original).is_some() {
        return None;
    }
    // What refunds have given back is not given back again.
    let remaining_minor = asked_minor.max(stored.refunded_minor());
    // The rate and the fee are those of the original, whatever the tables say by now.
    let (remaining, standing) = (stored.part(remaining_minor), stored.standing());
    // Nothing left to give back: a declined original, or this reversal came before.
    let open = !matches!(stored.status, TransactionStatus::Declined | TransactionStatus::Reversed);
    if !remaining.gives_back(&standing) || !open {
        return Some(ResponseCode::APPROVED);
    }
    // An account that was closed since takes no money back; nor does one opened under its number in another
    // currency.
    let takes = |id: AccountId| {
        let account = core.state.account(&id)?;
        (account.account.currency.numeric() == stored.account_currency()).then_some(account)
    };
    let to = stored.booking.as_ref().and_then(|booking| booking.to);
    let elsewhere = to.filter(|to| core.tables.shards > 1 && core.state.account(to).is_none());
    let (account, receiver) = (stored.account.and_then(takes), to.filter(|_| elsewhere.is_none()).map(takes));
    let (Some(account), None | Some(Some(_))) = (account, receiver) else {
        return Some(ResponseCode::ORIGINAL_NOT_FOUND);
    };
    // Who has got the money may have spent it.
    let payer = if stored.standing_minor < 0 { Some(account) } else { receiver.flatten() };
    let product = core.tables.product(&stored.pan);
    let returned_minor = standing.without_fee().abs() - remaining.without_fee().abs();
    let forced = product.is_some_and(|product| product.ledger.force_post);
    if let Some(to) = elsewhere.filter(|_| returned_minor != 0) {
        let (payer, currency) = (account.account.id, account.account.currency);
        let back = TakeBack { payer, account: to, currency, returned_minor, remaining, forced };
        let has_room = remittance::take_back(core, now, original, &back, effects);
        return (!has_room).then_some(ResponseCode::MALFUNCTION);
    }
    if payer.is_some_and(|payer| payer.available_minor() < returned_minor) && !forced {
        return Some(ResponseCode::INSUFFICIENT_FUNDS);
    }
    let credited = to.filter(|_| elsewhere.is_none()).map(|account| Credited {
        transaction: original,
        pan: stored.pan,
        time: now,
        link: stored.link,
        account,
        minor: -returned_minor,
    });
    let mut records = vec![Record::Reversed(reversed(stored, remaining, now))];
    if remaining.minor == 0 && !stored.is_posted() {
        // With an authorization goes what was held more for it.
        let raised = preauthorization::holds(&core.state, stored).filter(|hold| hold.id != original);
        records.extend(
            raised
                .filter(|hold| hold.holds_money())
                .map(|hold| Record::Reversed(reversed(hold, hold.part(0), now))),
        );
    }
    records.extend(credited.map(Record::Credited));
    for record in records {
        core.commit(record, effects);
    }
    Some(ResponseCode::APPROVED)
}

pub(crate) fn reversed(stored: &StoredTransaction, remaining: Part, now: Time) -> Reversed {
    let (transaction, pan, origin) = (stored.id, stored.pan, stored.origin());
    let Part { minor: remaining_minor, shares } = remaining;
    Reversed { transaction, pan, time: now, remaining_minor, origin, shares }
}

fn remember(core: &mut Core, now: Time, reversal: &Reversal, effects: &mut Vec<Effect>) -> ResponseCode {
    let known = core.state.remembers_reversal(reversal.key(), reversal.original_transmission, reversal.pan);
    if !known {
        let remembered = RememberedReversal {
            link: reversal.link,
            terminal: reversal.terminal,
            stan: reversal.original_stan,
            transmission: reversal.original_transmission,
            pan: reversal.pan,
            time: now,
        };
        core.commit(Record::ReversalRemembered(remembered), effects);
    }
    ResponseCode::ORIGINAL_NOT_FOUND
}

impl Reversal {
    pub(crate) fn key(&self) -> OriginalKey {
        OriginalKey { link: self.link, terminal: self.terminal, stan: self.original_stan }
    }
}
