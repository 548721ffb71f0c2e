//! Transactions that wait for the word of the cardholder. Everything else has passed when the holder is asked, and is
//! looked at again when the answer comes: what was free then may be spent by now.

use crate::card_mode::{
    BlockCause, CardBlocked, CardMode, ConfirmationAsked, ConfirmationTicket, ModeUse, Unconfirmed,
};
use crate::core::{Core, respond_all};
use crate::decision::Decision;
use crate::effect::Effect;
use crate::hsm_checks::ChecksReply;
use crate::limits::CONFIRMATIONS;
use crate::mode_orders::ModeRefusal;
use crate::names::OriginalKey;
use crate::pipeline;
use crate::receipt::{Receipt, Step};
use crate::record::Record;
use crate::request::Request;
use crate::suspended::SuspendedRequest;
use card::{HolderSecret, Pan, ResponseCode, Time};
use std::collections::{BTreeMap, HashMap};

/// What the holder answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolderAnswer {
    /// 1: it may go on.
    Confirm,
    /// 2: block the card. Needs no password: whoever holds the phone may.
    Block,
    /// 3: not this transaction.
    Cancel,
}

/// Requests that wait for an answer. As those that wait for the HSM, they may die with the process: nothing was
/// promised yet.
#[derive(Debug, Default)]
pub(crate) struct Confirmations {
    waiting: BTreeMap<ConfirmationTicket, Waiting>,
    by_key: HashMap<OriginalKey, ConfirmationTicket>,
    by_card: HashMap<Pan, ConfirmationTicket>,
}

#[derive(Debug)]
struct Waiting {
    suspended: SuspendedRequest,
    /// When it is declined without an answer.
    deadline: Time,
    reply: ChecksReply,
    wrong_passwords: u8,
}

/// Wrong passwords that decline the transaction.
const PASSWORD_TRIES: u8 = 3;

impl Confirmations {
    pub(crate) fn find(&self, key: &OriginalKey) -> Option<&SuspendedRequest> {
        self.waiting.get(self.by_key.get(key)?).map(|waiting| &waiting.suspended)
    }

    pub(crate) fn find_mut(&mut self, key: &OriginalKey) -> Option<&mut SuspendedRequest> {
        self.waiting.get_mut(self.by_key.get(key)?).map(|waiting| &mut waiting.suspended)
    }

    fn has_room(&self, pan: &Pan) -> bool {
        self.waiting.len() < CONFIRMATIONS && !self.by_card.contains_key(pan)
    }

    fn add(&mut self, ticket: ConfirmationTicket, waiting: Waiting) {
        let request = &waiting.suspended.request;
        self.by_key.insert(request.key(), ticket);
        self.by_card.insert(request.pan, ticket);
        self.waiting.insert(ticket, waiting);
    }

    fn take(&mut self, ticket: ConfirmationTicket) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ticket)?;
        self.by_key.remove(&waiting.suspended.request.key());
        self.by_card.remove(&waiting.suspended.request.pan);
        Some(waiting)
    }

    /// Those whose deadline has passed. Deadlines rise with tickets but for a change of configuration, which at worst
    /// lets one wait for those before it.
    fn overdue(&self, now: Time) -> Vec<ConfirmationTicket> {
        let due = self.waiting.iter().take_while(|(_, waiting)| waiting.deadline <= now);
        due.map(|(ticket, _)| *ticket).collect()
    }
}

/// Asks the holder about a request that may be approved otherwise. One transaction of a card is asked about at a time:
/// somebody who is asked again and again confirms in the end.
pub(crate) fn ask(
    core: &mut Core,
    now: Time,
    suspended: SuspendedRequest,
    reply: ChecksReply,
    effects: &mut Vec<Effect>,
) {
    if !core.confirmations.has_room(&suspended.request.pan) {
        return decline(core, now, suspended, Unconfirmed::Busy, effects);
    }
    let ticket = ConfirmationTicket(core.next_transaction_id().number());
    let deadline = now.plus(core.tables.modes.confirmation_deadline);
    let asked = asked(&suspended.request, ticket, now, deadline);
    core.confirmations.add(ticket, Waiting { suspended, deadline, reply, wrong_passwords: 0 });
    core.commit(Record::ConfirmationAsked(Box::new(asked)), effects);
}

fn asked(request: &Request, ticket: ConfirmationTicket, time: Time, deadline: Time) -> ConfirmationAsked {
    ConfirmationAsked {
        ticket,
        pan: request.pan,
        time,
        deadline,
        link: request.link,
        terminal: request.terminal,
        merchant: request.merchant,
        mcc: request.mcc,
        transaction: request.transaction,
        stan: request.stan,
        rrn: request.rrn,
        amount_minor: request.amount_minor,
        currency: request.currency,
    }
}

/// Takes the holder's answer.
pub(crate) fn answer(
    core: &mut Core,
    now: Time,
    ticket: ConfirmationTicket,
    answer: HolderAnswer,
    password: Option<&HolderSecret>,
    effects: &mut Vec<Effect>,
) -> Result<(), ModeRefusal> {
    let waiting = core.confirmations.waiting.get(&ticket).ok_or(ModeRefusal::NoSuchTicket)?;
    let pan = waiting.suspended.request.pan;
    if waiting.deadline <= now {
        return Err(ModeRefusal::NoSuchTicket);
    }
    if answer != HolderAnswer::Block && !knows_password(core, &pan, password) {
        return Err(wrong_password(core, now, ticket, effects));
    }
    let Some(waiting) = core.confirmations.take(ticket) else { return Err(ModeRefusal::NoSuchTicket) };
    match answer {
        HolderAnswer::Confirm => pipeline::confirmed(core, now, waiting.suspended, &waiting.reply, effects),
        HolderAnswer::Cancel => decline(core, now, waiting.suspended, Unconfirmed::Cancelled, effects),
        HolderAnswer::Block => {
            let status = core.tables.modes.block_status;
            let blocked = CardBlocked { pan, time: now, status, cause: BlockCause::Holder, reissue: false };
            core.commit(Record::CardBlocked(blocked), effects);
            decline(core, now, waiting.suspended, Unconfirmed::Blocked, effects);
        }
    }
    Ok(())
}

/// A mode without a password asks for none, and nor does another mode that the card got meanwhile.
fn knows_password(core: &Core, pan: &Pan, password: Option<&HolderSecret>) -> bool {
    let Some(CardMode::Confirm { password: Some(hash) }) = core.state.card_mode(pan) else { return true };
    let (Some(key), Some(password)) = (&core.code_key, password) else { return false };
    hash.is_of(key, pan, password)
}

fn wrong_password(
    core: &mut Core,
    now: Time,
    ticket: ConfirmationTicket,
    effects: &mut Vec<Effect>,
) -> ModeRefusal {
    let Some(waiting) = core.confirmations.waiting.get_mut(&ticket) else { return ModeRefusal::NoSuchTicket };
    waiting.wrong_passwords += 1;
    let left = PASSWORD_TRIES.saturating_sub(waiting.wrong_passwords);
    if left == 0
        && let Some(waiting) = core.confirmations.take(ticket)
    {
        decline(core, now, waiting.suspended, Unconfirmed::Password, effects);
    }
    ModeRefusal::WrongPassword { left }
}

/// Declines what nobody has answered in time.
pub(crate) fn overdue(core: &mut Core, now: Time, effects: &mut Vec<Effect>) {
    for ticket in core.confirmations.overdue(now) {
        if let Some(waiting) = core.confirmations.take(ticket) {
            decline(core, now, waiting.suspended, Unconfirmed::Late, effects);
        }
    }
}

fn decline(
    core: &mut Core,
    now: Time,
    suspended: SuspendedRequest,
    why: Unconfirmed,
    effects: &mut Vec<Effect>,
) {
    let code = match why {
        Unconfirmed::Blocked => ResponseCode::RESTRICTED,
        _ => ResponseCode::NOT_PERMITTED_TO_CARDHOLDER,
    };
    let SuspendedRequest { request, mut receipt, repeats, .. } = suspended;
    let decline = receipt.fail(Step::HolderConfirmation, code, why.number(), 0);
    let mut decision = Decision::early(decline, receipt);
    decision.counters.mode = Some(ModeUse::NotConfirmed(why));
    let response = pipeline::record(core, now, &request, decision, effects);
    respond_all(request.reply_to, repeats, &response, effects);
}

/// Marks in the receipt that the holder has confirmed.
pub(crate) fn note(receipt: &mut Receipt) {
    receipt.pass(Step::HolderConfirmation, 0, 0);
}
