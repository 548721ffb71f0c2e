//! The earlier transaction that a message is about: what an increment raises, a completion posts, a refund gives back.

use crate::booking::Role;
use crate::limits::LOOK_BACK;
use crate::names::OriginalKey;
use crate::receipt::{Decline, Receipt, Step};
use crate::record::Funds;
use crate::request::{MessageClass, Request, TransactionType};
use crate::state::{CardFile, State};
use crate::stored::StoredTransaction;
use crate::{Reference, TransmissionTime};
use card::{ResponseCode, Time};

/// What a message is to the transaction that it names. Cash and the like is about none, whatever its message names.
pub(crate) fn role(request: &Request) -> Role {
    if request.instruction.original.is_none() {
        return Role::Own;
    }
    match (request.transaction, request.class) {
        (TransactionType::Refund, _) => Role::Refund,
        (
            TransactionType::Purchase | TransactionType::Cashback,
            MessageClass::Authorization | MessageClass::AuthorizationAdvice,
        ) => Role::Increment,
        (TransactionType::Purchase | TransactionType::Cashback, _) => Role::Completion,
        _ => Role::Own,
    }
}

/// The transaction that a message names. `None` where it names none, and where it can be judged without: a refund, if
/// its terminal may, and what a chip has approved.
pub(crate) fn of<'a>(
    state: &'a State,
    now: Time,
    file: &CardFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<Option<&'a StoredTransaction>, Decline> {
    let (Some(reference), role) = (&request.instruction.original, role(request)) else { return Ok(None) };
    if role == Role::Own {
        return Ok(None);
    }
    match find(state, now, file, request, reference).and_then(|found| meant(state, now, found, role)) {
        Some(original) => Ok(Some(original)),
        None if role == Role::Refund || request.class.is_advice() && request.chip.is_some() => Ok(None),
        None => Err(receipt.fail(Step::Original, ResponseCode::ORIGINAL_NOT_FOUND, 0, 0)),
    }
}

fn find<'a>(
    state: &'a State,
    now: Time,
    file: &CardFile,
    request: &Request,
    reference: &Reference,
) -> Option<&'a StoredTransaction> {
    if let Some(stan) = reference.stan {
        let key = OriginalKey { link: request.link, terminal: request.terminal, stan };
        let any_time = reference.transmission == TransmissionTime::default();
        let found = state.same_stan(&key, now).find(|stored| {
            may_mean(stored, request) && (any_time || stored.transmission == reference.transmission)
        });
        if found.is_some() {
            return found;
        }
    }
    // The approval code says more than the reference number, which messages about one another often share.
    let named = |stored: &&StoredTransaction| match (reference.authorization_id, reference.rrn) {
        (Some(id), _) => stored.authorization_id == Some(id),
        (None, Some(rrn)) => stored.rrn == Some(rrn),
        (None, None) => false,
    };
    let mut of_card = file.card.accounts().flat_map(|account| state.of_account(account, now).take(LOOK_BACK));
    of_card.find(|stored| may_mean(stored, request) && named(stored))
}

/// Of the same card and acceptor. A completion may come from another terminal of the merchant.
fn may_mean(stored: &StoredTransaction, request: &Request) -> bool {
    let same_merchant = stored.merchant.is_some() && stored.merchant == request.merchant;
    stored.pan == request.pan
        && stored.link == request.link
        && (stored.terminal == request.terminal || same_merchant)
        && stored.funds != Funds::None
        && stored.role() != Role::Refund
}

/// Behind an increment stands the authorization that it raises; behind one that was completed, for a refund, what was
/// posted.
fn meant<'a>(
    state: &'a State,
    now: Time,
    found: &'a StoredTransaction,
    role: Role,
) -> Option<&'a StoredTransaction> {
    let first = match found.role() {
        Role::Increment => state.reached(found.booking.as_ref()?.original?, now)?,
        _ => found,
    };
    let completed_by = first.life.as_ref().and_then(|life| life.completed_by);
    match completed_by {
        Some(completion) if role == Role::Refund => state.reached(completion, now),
        _ => Some(first),
    }
}
