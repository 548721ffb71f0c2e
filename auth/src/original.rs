//! The earlier transaction that a message is about: what an increment raises, a completion posts, a refund gives back.

use crate::booking::Role;
use crate::limits::{LOOK_BACK, TRANSACTION_REACH};
use crate::names::OriginalKey;
use crate::receipt::{Decline, Receipt, Step};
use crate::record::{Funds, TransactionStatus};
use crate::request::{MessageClass, Request, TransactionType};
use crate::state::{CardFile, State};
use crate::stored::StoredTransaction;
use crate::{Reference, TransmissionTime};
use card::{ResponseCode, Time};

/// What a message is to the transaction that it names. Whatever holds money may be completed; only purchases are raised.
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
        (_, MessageClass::Financial | MessageClass::Advice) if may_be_held(request.transaction) => {
            Role::Completion
        }
        _ => Role::Own,
    }
}

/// Whether an authorization of it holds money, which somebody completes then.
fn may_be_held(transaction: TransactionType) -> bool {
    matches!(
        transaction,
        TransactionType::Purchase
            | TransactionType::Cashback
            | TransactionType::Withdrawal
            | TransactionType::CashAdvance
            | TransactionType::Payment
    )
}

/// A reference number alone names an earlier transaction only where there is one that it can be about: every message
/// has such a number, the first of them too. An advice that is about nothing is declined for it.
pub(crate) fn forget_mere_number(state: &State, now: Time, request: &mut Request) {
    let Some(reference) = &request.instruction.original else { return };
    let mere_number = reference.stan.is_none() && reference.authorization_id.is_none();
    let begins = !request.class.is_advice() && matches!(role(request), Role::Increment | Role::Completion);
    if !mere_number || !begins {
        return;
    }
    let found = state.card(&request.pan).and_then(|file| find(state, now, file, request, reference));
    // What was reversed, or posted at once, is nothing that another request could be about.
    let is_over = |stored: &StoredTransaction| {
        stored.status == TransactionStatus::Reversed || stored.is_posted() && stored.role() == Role::Own
    };
    if found.is_none_or(is_over) {
        request.instruction.original = None;
    }
}

/// The key of the transaction that a message names by STAN.
pub(crate) fn key(request: &Request) -> Option<OriginalKey> {
    let stan = request.instruction.original.as_ref()?.stan?;
    Some(OriginalKey { link: request.link, terminal: request.terminal, stan })
}

/// Whether the transaction that a message names by STAN may have left memory. What is raised has not: it holds money.
pub(crate) fn may_have_left(state: &State, now: Time, request: &Request) -> bool {
    let Some(reference) = &request.instruction.original else { return false };
    let asks = reference.stan.is_some() && matches!(role(request), Role::Refund | Role::Completion);
    let unknown = |file| find(state, now, file, request, reference).is_none();
    asks && state.some_have_left() && state.card(&request.pan).is_some_and(unknown)
}

/// The one that it means of those that the transaction store has, if memory does not have it by now.
pub(crate) fn recalled<'a>(
    state: &State,
    now: Time,
    request: &Request,
    found: &'a [StoredTransaction],
) -> Option<&'a StoredTransaction> {
    let reference = request.instruction.original.as_ref()?;
    let horizon = now.minus(TRANSACTION_REACH);
    let found = found.iter().find(|stored| {
        may_mean(stored, request) && at_its_time(stored, reference) && stored.time >= horizon
    })?;
    state.transaction(found.id).is_none().then_some(found)
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
    if let Some(key) = key(request) {
        let is_meant =
            |stored: &&StoredTransaction| may_mean(stored, request) && at_its_time(stored, reference);
        let found = state.same_stan(&key, now).find(is_meant);
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
    let of_card = || file.card.accounts().flat_map(|account| state.of_account(account, now).take(LOOK_BACK));
    let is_meant = |stored: &&StoredTransaction| may_mean(stored, request) && named(stored);
    // A completion often has the number of what it completes, which leads to it.
    let first = of_card().find(|stored| is_meant(stored) && stored.role() != Role::Completion);
    first.or_else(|| of_card().find(is_meant))
}

fn at_its_time(stored: &StoredTransaction, reference: &Reference) -> bool {
    let any_time = reference.transmission == TransmissionTime::default();
    any_time || stored.transmission == reference.transmission
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
