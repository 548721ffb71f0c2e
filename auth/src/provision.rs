//! Questions and tasks of whoever keeps the card base, and their answers.

use crate::card_change::{CardChange, Did, Done, Refusal};
use crate::card_mode::ConfirmationTicket;
use crate::card_view::CardView;
use crate::confirmation::{self, HolderAnswer};
use crate::core::Core;
use crate::effect::Effect;
use crate::holder::{HolderChange, NoSuchCard};
use crate::hot_list::{HotChange, HotRefusal};
use crate::limit::Bound;
use crate::limits::CUSTOMERS_WITH_LIMITS;
use crate::mode_orders::{self, ModeOrder, ModeRefusal};
use crate::names::LimitId;
use crate::own_limits::{LimitChange, LimitChanged, LimitHolder};
use crate::pin_tries;
use crate::record::Record;
use crate::script::{self, ScriptCommand, ScriptRefusal};
use crate::tables::Product;
use crate::token::{TokenChange, TokenRefusal};
use card::{HolderSecret, Pan, Time};
use std::fmt;

/// A question or a task from whoever keeps the card base. It is answered once, with
/// [`Effect::Provisioned`].
#[derive(Clone, Debug)]
pub struct Provision {
    /// Handed back with the answer.
    pub ticket: ProvisionTicket,
    /// What is asked.
    pub task: ProvisionTask,
}

/// Names a [`Provision`] until its answer; opaque to the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProvisionTicket(pub u64);

/// What is asked. All changes of one task become one batch of records: they are durable together.
#[derive(Clone, Debug)]
pub enum ProvisionTask {
    /// Say what each change would do, each by itself, and do nothing.
    Check(Vec<CardChange>),
    /// Make each change that may be made, in order.
    Apply(Vec<CardChange>),
    /// Show a card.
    Show(Pan),
    /// Give a card, an account or a customer a limit of its own, or an override.
    ChangeLimit {
        /// Whose.
        holder: LimitHolder,
        /// Name of the limit.
        limit: String,
        /// How.
        change: LimitChange,
    },
    /// Change the hot list, each change by itself; or, to check, say what each would do.
    ChangeHotList {
        /// What to change.
        changes: Vec<HotChange>,
        /// Whether nothing is done.
        check: bool,
    },
    /// Change tokens, likewise.
    ChangeTokens {
        /// What to change.
        changes: Vec<TokenChange>,
        /// Whether nothing is done.
        check: bool,
    },
    /// Change what is known of holders, likewise.
    ChangeHolders {
        /// What to change.
        changes: Vec<HolderChange>,
        /// Whether nothing is done.
        check: bool,
    },
    /// Change the mode of a card, or something about it.
    ChangeMode {
        /// The card.
        pan: Pan,
        /// What is ordered.
        order: ModeOrder,
    },
    /// What a cardholder says about a transaction that waits.
    Answer {
        /// Which transaction.
        ticket: ConfirmationTicket,
        /// What is said.
        answer: HolderAnswer,
        /// Where the mode has one.
        password: Option<HolderSecret>,
    },
    /// Queue a command for a card's chip.
    QueueScript {
        /// The card.
        pan: Pan,
        /// What it is to do.
        command: ScriptCommand,
    },
    /// Let the count of wrong PINs begin anew.
    ClearPinTries(Pan),
    /// Take such a command off the list.
    CancelScript {
        /// The card.
        pan: Pan,
        /// Number of the script.
        number: u32,
    },
}

/// The answer to a [`Provision`].
#[derive(Clone, Debug)]
pub enum ProvisionAnswer {
    /// One for each change, in order.
    Changes(Vec<Result<Done, Vec<Refusal>>>),
    /// The card, if it is on file.
    Card(Option<Box<CardView>>),
    /// Whether the limit was changed.
    Limit(Result<(), LimitRefusal>),
    /// One for each change of the hot list, in order.
    HotList(Vec<Result<Did, HotRefusal>>),
    /// One for each change of a token, in order.
    Tokens(Vec<Result<Did, TokenRefusal>>),
    /// One for each change of what is known of a holder, in order.
    Holders(Vec<Result<Did, NoSuchCard>>),
    /// Whether the order about a mode, or the answer of a cardholder, was carried out.
    Mode(Result<(), ModeRefusal>),
    /// Whether the card is on file, so that its count of wrong PINs is at zero now.
    PinTriesCleared(bool),
    /// Number of the script that was queued or taken away.
    Script(Result<u32, ScriptRefusal>),
}

/// Why a limit of a card or an account may not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitRefusal {
    /// The card or the account is not on file.
    NotOnFile,
    /// No limit that the card, or any product, is held against has this name.
    NoSuchLimit,
    /// It has too many already.
    Full,
    /// The override would be over before it begins.
    Over,
}

/// Answers a provision; what it changes is committed before.
pub(crate) fn provision(core: &mut Core, now: Time, provision: Provision, effects: &mut Vec<Effect>) {
    let answer = match provision.task {
        ProvisionTask::Check(changes) => {
            let check = |change: CardChange| change.plan(&core.state, now).map(|planned| planned.done);
            ProvisionAnswer::Changes(changes.into_iter().map(check).collect())
        }
        ProvisionTask::Apply(changes) => {
            ProvisionAnswer::Changes(changes.iter().map(|change| apply(core, now, change, effects)).collect())
        }
        ProvisionTask::Show(pan) => {
            ProvisionAnswer::Card(CardView::of(&core.state, &core.tables, &pan, now).map(Box::new))
        }
        ProvisionTask::ChangeLimit { holder, limit, change } => {
            ProvisionAnswer::Limit(change_limit(core, now, holder, &limit, change, effects))
        }
        ProvisionTask::ChangeHotList { changes, check } => {
            let change = |change: HotChange| {
                let (record, did) = core.state.plan_hot_change(&change, now)?;
                if let Some(record) = record.filter(|_| !check) {
                    core.commit(Record::HotListChanged(record), effects);
                }
                Ok(did)
            };
            ProvisionAnswer::HotList(changes.into_iter().map(change).collect())
        }
        ProvisionTask::ChangeTokens { changes, check } => {
            let change = |change: TokenChange| {
                let (record, did) = core.state.plan_token(&change, now)?;
                if let Some(record) = record.filter(|_| !check) {
                    core.commit(record, effects);
                }
                Ok(did)
            };
            ProvisionAnswer::Tokens(changes.into_iter().map(change).collect())
        }
        ProvisionTask::ChangeHolders { changes, check } => {
            let change = |change: HolderChange| {
                let (record, did) = core.state.plan_holder(&change)?;
                if let Some(record) = record.filter(|_| !check) {
                    core.commit(record, effects);
                }
                Ok(did)
            };
            ProvisionAnswer::Holders(changes.into_iter().map(change).collect())
        }
        ProvisionTask::ChangeMode { pan, order } => {
            ProvisionAnswer::Mode(mode_orders::carry_out(core, now, &pan, order, effects))
        }
        ProvisionTask::Answer { ticket, answer, password } => {
            ProvisionAnswer::Mode(confirmation::answer(core, now, ticket, answer, password.as_ref(), effects))
        }
        ProvisionTask::QueueScript { pan, command } => {
            ProvisionAnswer::Script(script::queue(core, now, pan, command, effects))
        }
        ProvisionTask::ClearPinTries(pan) => {
            ProvisionAnswer::PinTriesCleared(pin_tries::clear(core, now, pan, effects))
        }
        ProvisionTask::CancelScript { pan, number } => {
            ProvisionAnswer::Script(script::cancel(core, now, pan, number, effects))
        }
    };
    effects.push(Effect::Provisioned { ticket: provision.ticket, answer });
}

fn change_limit(
    core: &mut Core,
    now: Time,
    holder: LimitHolder,
    name: &str,
    change: LimitChange,
    effects: &mut Vec<Effect>,
) -> Result<(), LimitRefusal> {
    let (on_file, known) = match &holder {
        LimitHolder::Card(pan) => {
            let product = core.tables.product(pan);
            (core.state.card(pan).is_some(), product.is_some_and(|product| has_limit(product, name)))
        }
        LimitHolder::Account(id) => {
            let known = core.tables.products.iter().any(|product| has_limit(product, name));
            (core.state.account(id).is_some(), known)
        }
        // There is no list of customers; each is whom the accounts name.
        LimitHolder::Customer(_) => {
            (true, core.tables.products.iter().any(|product| has_limit(product, name)))
        }
    };
    if !on_file {
        return Err(LimitRefusal::NotOnFile);
    }
    let ends = matches!(&change, LimitChange::Override(None))
        || matches!(&change, LimitChange::Own(bound) if *bound == Bound::default());
    // What is left of a limit that is gone from the configuration may always be taken away.
    if !known && !ends {
        return Err(LimitRefusal::NoSuchLimit);
    }
    if matches!(&change, LimitChange::Override(Some(replaced)) if replaced.until <= now) {
        return Err(LimitRefusal::Over);
    }
    let limit = LimitId::of(name);
    let own = core.state.own_limits(&holder);
    let one_too_many = own.is_none()
        && matches!(holder, LimitHolder::Customer(_))
        && core.state.customers_with_limits() >= CUSTOMERS_WITH_LIMITS;
    let has_room = own.is_none_or(|own| own.has_room(limit, &change, now)) && !one_too_many;
    if !has_room && !ends {
        return Err(LimitRefusal::Full);
    }
    core.commit(Record::LimitChanged(LimitChanged { holder, limit, change, time: now }), effects);
    Ok(())
}

fn has_limit(product: &Product, name: &str) -> bool {
    product.limits.iter().chain(&product.stand_in_limits).any(|limit| limit.name == name)
}

fn apply(
    core: &mut Core,
    now: Time,
    change: &CardChange,
    effects: &mut Vec<Effect>,
) -> Result<Done, Vec<Refusal>> {
    let planned = change.plan(&core.state, now)?;
    for record in planned.records() {
        core.commit(record, effects);
    }
    Ok(planned.done)
}

impl fmt::Display for LimitRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LimitRefusal::NotOnFile => "is not on file",
            LimitRefusal::NoSuchLimit => {
                "limit: no limit of the configuration that applies has this name; `card show` lists them"
            }
            LimitRefusal::Full => "limit: has 16 of its own already; take one away first",
            LimitRefusal::Over => "until: lies in the past",
        })
    }
}
