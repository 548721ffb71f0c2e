//! The life of an authorization that holds money: more is held, less or more is posted, once.

use crate::billing::Billing;
use crate::booking::{Booking, Role};
use crate::core::Core;
use crate::decision::{Approval, Movement};
use crate::effect::Effect;
use crate::funds;
use crate::limits::INCREMENTS;
use crate::names::TransactionId;
use crate::receipt::{Decline, Receipt, Step};
use crate::record::{HoldReleased, Record, TransactionStatus};
use crate::request::{MessageClass, Request};
use crate::state::{AccountFile, State};
use crate::stored::StoredTransaction;
use crate::tables::{Product, Tables};
use card::{Currency, ResponseCode, Time};

/// Whether more may be held for an authorization: it holds money, and may be raised once more.
pub(crate) fn may_be_raised(
    original: &StoredTransaction,
    request: &Request,
    now: Time,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let open = original.holds_money() && original.expires().is_some_and(|expires| now < expires);
    if !open {
        let code = ResponseCode::ORIGINAL_NOT_FOUND;
        return Err(receipt.fail(Step::Original, code, original.id.number().cast_signed(), 0));
    }
    same_currency(original, request, receipt)?;
    receipt.pass(Step::Original, original.id.number().cast_signed(), 0);
    let raised = original.life.as_ref().map_or(0, |life| life.increments.len());
    if raised >= INCREMENTS {
        let (seen, limit) = (raised as i64 + 1, INCREMENTS as i64);
        return Err(receipt.fail(Step::Increments, ResponseCode::OVER_COUNT_LIMIT, seen, limit));
    }
    Ok(())
}

/// Posts what was held, or what an authorization that has lapsed asked for. Funds are asked for where more is posted
/// than is held.
pub(crate) fn complete(
    state: &State,
    product: &Product,
    request: &Request,
    original: &StoredTransaction,
    receipt: &mut Receipt,
) -> Result<Approval, Decline> {
    let account = funds::account_of(state, original, receipt)?;
    same_currency(original, request, receipt)?;
    if original.is_posted() {
        return confirm(original, account, request, receipt);
    }
    let holds = holds(state, original);
    let held_minor: i64 = holds.clone().map(|hold| hold.standing_minor).sum();
    let held_amount: i64 = holds.clone().map(StoredTransaction::standing_amount).sum();
    let late = held_minor == 0;
    let again = original.life.as_ref().and_then(|life| life.completed_by);
    let undone =
        |completion| state.transaction(completion).is_some_and(|it| it.status == TransactionStatus::Reversed);
    let open = match original.status {
        TransactionStatus::Approved | TransactionStatus::PartlyReversed => true,
        TransactionStatus::Expired => true,
        TransactionStatus::Completed => again.is_some_and(undone),
        TransactionStatus::Declined | TransactionStatus::Reversed | TransactionStatus::Suspect => false,
    };
    if !open || original.funds.expires().is_none() {
        let code = ResponseCode::ORIGINAL_NOT_FOUND;
        return Err(receipt.fail(Step::Original, code, original.id.number().cast_signed(), 0));
    }
    receipt.pass(Step::Original, original.id.number().cast_signed(), 0);
    let authorized_minor = if late {
        let stood = holds.filter(|hold| hold.status != TransactionStatus::Reversed);
        stood.map(|hold| hold.approved_amount() - hold.refunded_minor()).sum()
    } else {
        held_amount
    };
    let amount = request.amount_minor;
    let most = product.ledger.most_completed(authorized_minor);
    if amount > most {
        return Err(receipt.fail(Step::CompletionAmount, ResponseCode::INVALID_AMOUNT, amount, most));
    }
    receipt.pass(Step::CompletionAmount, amount, most);
    if late {
        receipt.note(Step::LateCompletion, amount, authorized_minor);
    }
    let billing = billed(original, amount, receipt)?;
    let total = billing.as_ref().map_or(amount, |billing| billing.total_minor());
    funds::bears(account, product, total.saturating_sub(held_minor), receipt)?;
    Ok(Approval {
        movement: Movement::Post(total),
        billing,
        // What was held has been counted, in the windows of its day.
        counted: if late { None } else { Some(original.counted.clone()) },
        booking: Some(Box::new(Booking {
            role: Role::Completion,
            original: Some(original.id),
            counted_at: (!late).then_some((original.business_day, original.time)),
            ..Booking::default()
        })),
        ..Approval::plain(account)
    })
}

/// A completion by the rates and with the fee of its authorization.
fn billed(
    original: &StoredTransaction,
    amount: i64,
    receipt: &mut Receipt,
) -> Result<Option<Box<Billing>>, Decline> {
    let Some(billed) = original.billed.as_deref() else { return Ok(None) };
    let currency = Currency::from_numeric(original.currency).ok();
    let whole = original.approved_amount();
    let billing = currency.and_then(|currency| billed.billing.of_amount(whole, amount, currency));
    let billing =
        billing.ok_or_else(|| receipt.fail(Step::Amount, ResponseCode::INVALID_AMOUNT, amount, 0))?;
    receipt.pass(Step::BillingAmount, billing.amount_minor, 0);
    Ok(Some(Box::new(billing)))
}

/// What was posted at once is told of again: nothing moves.
fn confirm(
    original: &StoredTransaction,
    account: &AccountFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<Approval, Decline> {
    if request.class != MessageClass::Advice || original.standing_amount() != request.amount_minor {
        let code = ResponseCode::ORIGINAL_NOT_FOUND;
        return Err(receipt.fail(Step::Original, code, original.id.number().cast_signed(), 0));
    }
    receipt.pass(Step::Confirmation, original.id.number().cast_signed(), 0);
    Ok(Approval { movement: Movement::Nothing, ..Approval::plain(account) })
}

fn same_currency(
    original: &StoredTransaction,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let (seen, own) = (i64::from(request.currency), i64::from(original.currency));
    if seen != own {
        return Err(receipt.fail(Step::Currency, ResponseCode::INVALID_TRANSACTION, seen, own));
    }
    Ok(())
}

/// An authorization and what raised it, as far as they are in memory; what holds money is.
pub(crate) fn holds<'a>(
    state: &'a State,
    original: &'a StoredTransaction,
) -> impl Iterator<Item = &'a StoredTransaction> + Clone {
    let increments = original.life.iter().flat_map(|life| &life.increments);
    std::iter::once(original).chain(increments.filter_map(|id| state.transaction(*id)))
}

/// After a completion is recorded, what was held for it is free.
pub(crate) fn release(
    core: &mut Core,
    now: Time,
    original: TransactionId,
    by: TransactionId,
    posted_minor: i64,
    effects: &mut Vec<Effect>,
) {
    let Some(first) = core.state.transaction(original) else { return };
    // All that stays counted stays with the authorization, where a reversal of the completion takes it out.
    let release = |hold: &StoredTransaction| {
        let kept_minor = if hold.id == original { posted_minor } else { 0 };
        let origin = hold.origin();
        let (transaction, pan) = (hold.id, hold.pan);
        Record::HoldReleased(HoldReleased { transaction, pan, time: now, by, kept_minor, origin })
    };
    let holding = holds(&core.state, first).filter(|hold| hold.id == original || hold.holds_money());
    let records: Vec<Record> = holding.map(release).collect();
    for record in records {
        core.commit(record, effects);
    }
}

/// When a hold of this request lapses.
pub(crate) fn lapses(tables: &Tables, product: Option<&Product>, request: &Request, now: Time) -> Time {
    let period = product.and_then(|product| product.ledger.hold_period(request));
    now.plus(period.unwrap_or(tables.hold_period))
}

/// The booking of an increment.
pub(crate) fn increment_of(original: TransactionId) -> Box<Booking> {
    Box::new(Booking { role: Role::Increment, original: Some(original), ..Booking::default() })
}
