//! Transactions that have left memory: a request that may repeat one, and a reversal, refund or completion that memory
//! knows no original of, wait until the transaction store has been asked.

use crate::core::{Core, respond};
use crate::effect::{Effect, Response};
use crate::limits::{RECALL_DEADLINE, RECALLS};
use crate::names::{LinkName, OriginalKey, ReplyTo, Ticket};
use crate::request::Request;
use crate::reversal::Reversal;
use crate::stored::StoredTransaction;
use crate::{duplicate, original, pipeline, reversal};
use card::{ResponseCode, Stan, TerminalId, Time};
use std::collections::BTreeMap;

/// What the transaction store is asked for: every transaction of a link, terminal and STAN, whatever its card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recall {
    /// The link.
    pub link: LinkName,
    /// The terminal.
    pub terminal: TerminalId,
    /// The STAN.
    pub stan: Stan,
}

/// Who waits for the transaction store. They may die with the process, as those that wait for the HSM.
#[derive(Debug, Default)]
pub(crate) struct Recalls {
    waiting: BTreeMap<Ticket, Waiting>,
    next_ticket: u64,
}

#[derive(Debug)]
struct Waiting {
    who: Who,
    deadline: Time,
    /// Requests of the same key that came meanwhile.
    behind: Vec<Request>,
}

#[derive(Debug)]
pub(crate) enum Who {
    Request(Box<Request>),
    Reversal(Box<Reversal>),
    /// For the transaction that it names.
    About(Box<Request>),
}

/// Lets a request or reversal wait, or answers 96 where too many do.
pub(crate) fn ask(core: &mut Core, now: Time, who: Who, effects: &mut Vec<Effect>) {
    let (OriginalKey { link, terminal, stan }, reply_to) = who.names();
    if core.recalls.waiting.len() >= RECALLS {
        return respond(reply_to, Response::bare(ResponseCode::MALFUNCTION), effects);
    }
    let ticket = Ticket(core.recalls.next_ticket);
    core.recalls.next_ticket += 1;
    let waiting = Waiting { who, deadline: now.plus(RECALL_DEADLINE), behind: Vec::new() };
    core.recalls.waiting.insert(ticket, waiting);
    effects.push(Effect::Recall { ticket, recall: Recall { link, terminal, stan } });
}

/// Takes a request in whose key another one waits already; gives it back where none does.
pub(crate) fn wait_behind(core: &mut Core, request: Box<Request>) -> Option<Box<Request>> {
    let key = request.key();
    let same = core.recalls.waiting.values_mut().find(|waiting| match &waiting.who {
        Who::Request(first) | Who::About(first) => first.key() == key,
        Who::Reversal(_) => false,
    });
    match same {
        Some(waiting) => waiting.behind.push(*request),
        None => return Some(request),
    }
    None
}

/// The transaction store has answered: what it found, or `None` when it could not look.
pub(crate) fn answered(
    core: &mut Core,
    now: Time,
    ticket: Ticket,
    found: Option<Vec<StoredTransaction>>,
    effects: &mut Vec<Effect>,
) {
    // As in memory, a refused second use of a key does not stand for the key.
    let found = found.map(|mut found| {
        found.retain(|stored| stored.code != ResponseCode::DUPLICATE);
        found
    });
    // An answer after the deadline finds nobody.
    let Some(Waiting { who, behind, .. }) = core.recalls.waiting.remove(&ticket) else { return };
    match (who, &found) {
        (Who::Request(request), Some(found)) => recalled_request(core, now, request, found, effects),
        (Who::Reversal(asked), Some(found)) => reversal::recalled(core, now, asked, found, effects),
        (Who::About(request), Some(found)) => pipeline::begin_about(core, now, request, found, effects),
        (who, None) => refuse(&who, effects),
    }
    // The first of them is decided or waits for the HSM by now, so the others find it.
    for request in behind {
        match &found {
            Some(_) => pipeline::admit(core, now, Box::new(request), effects),
            None => respond(request.reply_to, Response::bare(ResponseCode::MALFUNCTION), effects),
        }
    }
}

/// Nobody waits longer than the deadline.
pub(crate) fn overdue(core: &mut Core, now: Time, effects: &mut Vec<Effect>) {
    while let Some((ticket, waiting)) = core.recalls.waiting.first_key_value()
        && waiting.deadline <= now
    {
        let ticket = *ticket;
        answered(core, now, ticket, None, effects);
    }
}

fn recalled_request(
    core: &mut Core,
    now: Time,
    request: Box<Request>,
    found: &[StoredTransaction],
    effects: &mut Vec<Effect>,
) {
    match duplicate::among(found.iter(), &request) {
        duplicate::Found::Nothing => pipeline::admit_new(core, now, request, effects),
        duplicate::Found::Answered(response) => respond(request.reply_to, response, effects),
        duplicate::Found::OtherContent => pipeline::refuse_duplicate(core, now, &request, effects),
    }
}

/// 96: not decided, and nothing recorded; whoever asks may try again.
fn refuse(who: &Who, effects: &mut Vec<Effect>) {
    let (_, reply_to) = who.names();
    respond(reply_to, Response::bare(ResponseCode::MALFUNCTION), effects);
}

impl Who {
    fn names(&self) -> (OriginalKey, ReplyTo) {
        match self {
            Who::Request(request) => (request.key(), request.reply_to),
            Who::Reversal(reversal) => (reversal.key(), reversal.reply_to),
            Who::About(request) => (original::key(request).unwrap_or(request.key()), request.reply_to),
        }
    }
}
