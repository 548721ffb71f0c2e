//! What an answer tells the card beyond the ARPC of an approval. The HSM is asked for it after the decision: an
//! approval that says nothing more has cost one round trip and no command too many. By then the decision is
//! recorded, so that no other request can come between it and the money; only its answer waits.

use crate::chip;
use crate::core::{Core, respond_all};
use crate::effect::{Effect, IssuerAuthentication, Response};
use crate::hsm_checks::{Checks, ChecksReply, CryptogramAnswer, CryptogramResult};
use crate::limits::SUSPENDED_CAPACITY;
use crate::names::{OriginalKey, ReplyTo, Ticket, TransactionId};
use crate::record::Record;
use crate::request::{CryptogramKind, Request};
use crate::script::{self, IssuerScript, ScriptSent};
use crate::suspended::SuspendedRequest;
use card::{Pan, Time};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What an answer has told the card beyond what was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardAnswer {
    /// The transaction that was answered.
    pub transaction: TransactionId,
    /// Its card, which names the shard.
    #[serde(with = "card::sealed_pan")]
    pub pan: Pan,
    /// When.
    pub time: Time,
    /// Value of tag 91, where the decision had none.
    pub issuer_authentication: Option<IssuerAuthentication>,
}

/// Answers that wait for the HSM. They may die with the process: their decisions are recorded, and a repeat gets
/// the answer without what it would have told the card.
#[derive(Debug, Default)]
pub(crate) struct Answering {
    waiting: HashMap<Ticket, WaitingAnswer>,
    /// In order of tickets; those that went out stay in here for a while.
    deadlines: VecDeque<(Time, Ticket)>,
    by_key: HashMap<OriginalKey, Ticket>,
}

#[derive(Debug)]
pub(crate) struct WaitingAnswer {
    pub(crate) request: Box<Request>,
    response: Response,
    transaction: TransactionId,
    asked: Asked,
    pub(crate) repeats: Vec<ReplyTo>,
}

/// What the HSM was asked for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    arpc: Option<CryptogramAnswer>,
    /// Number of the script.
    script: Option<u32>,
}

impl Answering {
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= SUSPENDED_CAPACITY
    }

    /// The answer that waits under this key, to add a repeat to it.
    pub(crate) fn find_mut(&mut self, key: &OriginalKey) -> Option<&mut WaitingAnswer> {
        if self.by_key.is_empty() {
            return None;
        }
        let ticket = self.by_key.get(key)?;
        self.waiting.get_mut(ticket)
    }

    fn add(&mut self, ticket: Ticket, deadline: Time, waiting: WaitingAnswer) {
        self.by_key.insert(waiting.request.key(), ticket);
        if self.deadlines.len() >= 2 * SUSPENDED_CAPACITY {
            self.deadlines.retain(|(_, ticket)| self.waiting.contains_key(ticket));
        }
        self.deadlines.push_back((deadline, ticket));
        self.waiting.insert(ticket, waiting);
    }

    fn take(&mut self, ticket: Ticket) -> Option<WaitingAnswer> {
        let waiting = self.waiting.remove(&ticket)?;
        // A terminal that uses the key for something new has taken the place already.
        let key = waiting.request.key();
        if self.by_key.get(&key) == Some(&ticket) {
            self.by_key.remove(&key);
        }
        while self.deadlines.front().is_some_and(|(_, ticket)| !self.waiting.contains_key(ticket)) {
            self.deadlines.pop_front();
        }
        Some(waiting)
    }

    fn overdue(&self, now: Time) -> Vec<Ticket> {
        let due = self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now);
        due.map(|(_, ticket)| *ticket).filter(|ticket| self.waiting.contains_key(ticket)).collect()
    }
}

/// Gives the answer, at once or when the HSM has made what is to go with it. `atc`: what was accepted of the card.
pub(crate) fn give(
    core: &mut Core,
    now: Time,
    suspended: SuspendedRequest,
    atc: Option<u16>,
    response: Response,
    effects: &mut Vec<Effect>,
) {
    let SuspendedRequest { request, repeats, .. } = suspended;
    let owed = owed(core, &request, atc, &response);
    let (Some((checks, asked)), Some(transaction), false) =
        (owed, response.transaction, core.answering.is_full())
    else {
        return respond_all(request.reply_to, repeats, &response, effects);
    };
    let ticket = core.suspended.ticket();
    let deadline = now.plus(core.tables.hsm_deadline);
    core.answering.add(ticket, deadline, WaitingAnswer { request, response, transaction, asked, repeats });
    effects.push(Effect::AskHsm { ticket, checks });
}

/// What the HSM has to make for this answer; `None` when nothing.
fn owed(core: &Core, request: &Request, atc: Option<u16>, response: &Response) -> Option<(Checks, Asked)> {
    // Only a card that has proven itself and waits for a word is told one.
    let chip = request.chip.as_deref()?;
    let asks = chip.kind() == Some(CryptogramKind::Arqc) && !request.class.is_advice();
    if !asks || atc.is_none() || !chip.takes_updates(request.entry) {
        return None;
    }
    // The ARPC of an approval is here already.
    let declined = !response.code.is_approval();
    let file = core.state.card(&request.pan)?;
    if !declined && file.seldom().scripts.is_none() {
        return None;
    }
    let product = core.tables.product(&request.pan)?;
    let arpc = declined.then(|| chip::decline_answer(product, file, request, chip)).flatten();
    let script = script::next(product, file, request, chip);
    if arpc.is_none() && script.is_none() {
        return None;
    }
    let asked = Asked {
        arpc: arpc.as_ref().map(|check| check.answer),
        script: script.as_ref().map(|(number, _)| *number),
    };
    let script = script.map(|(_, mac)| Box::new(mac));
    Some((Checks { cryptogram: arpc, script, ..Checks::default() }, asked))
}

/// The HSM has answered, or none of it: the answer goes out with what there is.
pub(crate) fn finish(
    core: &mut Core,
    now: Time,
    ticket: Ticket,
    reply: &ChecksReply,
    effects: &mut Vec<Effect>,
) {
    let Some(waiting) = core.answering.take(ticket) else { return };
    let WaitingAnswer { request, mut response, transaction, asked, repeats, .. } = waiting;
    let issuer_authentication = match (asked.arpc, reply.cryptogram) {
        (Some(answer), Some(CryptogramResult::Right { arpc })) => {
            Some(chip::issuer_authentication(answer, arpc))
        }
        _ => None,
    };
    if issuer_authentication.is_some() {
        response.issuer_authentication.clone_from(&issuer_authentication);
        let answer = CardAnswer { transaction, pan: request.pan, time: now, issuer_authentication };
        core.commit(Record::CardAnswered(answer), effects);
    }
    if let Some((number, mac)) = asked.script.zip(reply.script.flatten()) {
        response.script = send_script(core, now, &request, transaction, number, mac, effects);
    }
    respond_all(request.reply_to, repeats, &response, effects);
}

/// The script with its MAC; `None` when it was taken off the list meanwhile.
fn send_script(
    core: &mut Core,
    now: Time,
    request: &Request,
    transaction: TransactionId,
    number: u32,
    mac: [u8; 8],
    effects: &mut Vec<Effect>,
) -> Option<Box<IssuerScript>> {
    let (pan, atc) = (request.pan, request.chip.as_ref()?.atc);
    let product = core.tables.product(&pan)?;
    let script = core.state.card_scripts(&pan).iter().find(|script| script.number == number)?;
    let template = script.template(&product.scripts, mac);
    let sent = ScriptSent { pan, time: now, number, transaction, atc, template: template.clone() };
    core.commit(Record::ScriptSent(Box::new(sent)), effects);
    Some(Box::new(template))
}

/// Answers whose deadline has passed go out without.
pub(crate) fn overdue(core: &mut Core, now: Time, effects: &mut Vec<Effect>) {
    for ticket in core.answering.overdue(now) {
        finish(core, now, ticket, &ChecksReply::default(), effects);
    }
}
