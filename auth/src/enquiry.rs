//! A transfer to an account that this shard does not have: the one that may have it is asked whether it takes the money,
//! before anything is recorded. The request waits as those for the HSM do, under the same deadline.

use crate::between_shards::{Home, Word, tell};
use crate::core::Core;
use crate::effect::Effect;
use crate::hsm_checks::ChecksReply;
use crate::limits::ENQUIRIES;
use crate::names::{AccountId, Ticket};
use crate::suspended::SuspendedRequest;
use crate::{Destination, pipeline, transfer};
use card::{Currency, ResponseCode, Time};
use std::collections::BTreeMap;

/// What is needed beside the suspended request to go on with it. May die with the process.
#[derive(Debug, Default)]
pub(crate) struct Enquiries(BTreeMap<Ticket, Waiting>);

#[derive(Debug)]
struct Waiting {
    reply: ChecksReply,
    /// Whether the cardholder has been asked already.
    confirmed: bool,
}

/// Asks the shard that has the account, if any has. Where too many ask: 96.
pub(crate) fn ask(
    core: &mut Core,
    now: Time,
    suspended: SuspendedRequest,
    reply: ChecksReply,
    confirmed: bool,
    effects: &mut Vec<Effect>,
) {
    let request = &suspended.request;
    let (amount_minor, currency) = (request.amount_minor, Currency::from_numeric(request.currency));
    let home = match request.instruction.destination {
        Some(Destination::Card(pan)) => Some(Home::Card(pan)),
        Some(Destination::Account(id)) => Some(Home::Account(id)),
        _ => None,
    };
    let (Some(home), Some(destination), Ok(currency)) = (home, request.instruction.destination, currency)
    else {
        return go_on(core, now, suspended, &Waiting { reply, confirmed }, Err(ResponseCode::ROUTE), effects);
    };
    if core.enquiries.0.len() >= ENQUIRIES {
        let refused = Err(ResponseCode::MALFUNCTION);
        return go_on(core, now, suspended, &Waiting { reply, confirmed }, refused, effects);
    }
    let deadline = now.plus(core.tables.hsm_deadline);
    let ticket = core.suspended.put_back(suspended, deadline);
    core.enquiries.0.insert(ticket, Waiting { reply, confirmed });
    tell(core, home, Word::Enquire { ticket, destination, currency, amount_minor }, effects);
}

/// Another shard asks.
pub(crate) fn answer(
    core: &Core,
    destination: &Destination,
    currency: Currency,
    amount_minor: i64,
) -> Result<AccountId, ResponseCode> {
    transfer::payee(&core.state, &core.tables, destination, currency, amount_minor)
}

/// The other shard has answered. After the deadline that finds nobody.
pub(crate) fn answered(
    core: &mut Core,
    now: Time,
    ticket: Ticket,
    found: Result<AccountId, ResponseCode>,
    effects: &mut Vec<Effect>,
) {
    let Some(waiting) = core.enquiries.0.remove(&ticket) else { return };
    if let Some(suspended) = core.suspended.take(ticket) {
        go_on(core, now, suspended, &waiting, found, effects);
    }
}

/// The deadline of a suspended request has passed. Says whether it is one of these; it is declined with 96 then.
pub(crate) fn overdue(core: &mut Core, now: Time, ticket: Ticket, effects: &mut Vec<Effect>) -> bool {
    let asked = core.enquiries.0.contains_key(&ticket);
    if asked {
        answered(core, now, ticket, Err(ResponseCode::MALFUNCTION), effects);
    }
    asked
}

/// Judges the request again, with what the other shard has said in the place of what its message says.
fn go_on(
    core: &mut Core,
    now: Time,
    mut suspended: SuspendedRequest,
    waiting: &Waiting,
    found: Result<AccountId, ResponseCode>,
    effects: &mut Vec<Effect>,
) {
    let destination = found.map_or_else(Destination::Refused, Destination::Elsewhere);
    suspended.request.instruction.destination = Some(destination);
    pipeline::decide(core, now, suspended, &waiting.reply, waiting.confirmed, effects);
}
