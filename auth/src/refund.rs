//! Money given back for goods returned: of an earlier purchase, never more than was paid, or on a terminal's word.

use crate::billing::{Part, Quote};
use crate::booking::{Booking, Role};
use crate::receipt::{Decline, Receipt, Step};
use crate::request::{Request, TransactionType};
use crate::state::{AccountFile, CardFile, State};
use crate::stored::StoredTransaction;
use crate::tables::Tables;
use crate::{accounts, funds, terminal};
use card::ResponseCode;

/// The account that gets the money, and what is noted of it.
pub(crate) fn account<'a>(
    state: &'a State,
    tables: &Tables,
    file: &CardFile,
    request: &Request,
    original: Option<&StoredTransaction>,
    receipt: &mut Receipt,
) -> Result<(&'a AccountFile, Option<Box<Booking>>), Decline> {
    let Some(original) = original else {
        let known = terminal::active(tables, request.link, request.terminal);
        if !known.is_some_and(|terminal| terminal.unreferenced_refunds) {
            let code = match request.instruction.original {
                Some(_) => ResponseCode::ORIGINAL_NOT_FOUND,
                None => ResponseCode::NOT_PERMITTED_TO_TERMINAL,
            };
            return Err(receipt.fail(Step::Original, code, 0, 0));
        }
        receipt.skip(Step::Original);
        let account = accounts::of_type(state, file, request.drawn_type(), receipt)?;
        return Ok((account, None));
    };
    // What was bought; cash and transfers went to the holder, or from one account of ours to another.
    let bought = matches!(
        original.transaction,
        TransactionType::Purchase | TransactionType::Cashback | TransactionType::Payment
    );
    let id = original.id.number().cast_signed();
    if !bought {
        return Err(receipt.fail(Step::Original, ResponseCode::ORIGINAL_NOT_FOUND, id, 0));
    }
    let account = funds::account_of(state, original, receipt)?;
    let (seen, own) = (i64::from(request.currency), i64::from(original.currency));
    if seen != own {
        return Err(receipt.fail(Step::Currency, ResponseCode::INVALID_TRANSACTION, seen, own));
    }
    let refunded = original.refunded_minor();
    let left = left(original);
    if left == 0 && (refunded == 0 || !original.is_posted()) {
        return Err(receipt.fail(Step::Original, ResponseCode::ORIGINAL_NOT_FOUND, id, 0));
    }
    receipt.pass(Step::Original, id, 0);
    if request.amount_minor > left {
        return Err(receipt.fail(
            Step::RefundAmount,
            ResponseCode::INVALID_AMOUNT,
            request.amount_minor,
            left,
        ));
    }
    receipt.pass(Step::RefundAmount, request.amount_minor, left);
    let booking = Booking { role: Role::Refund, original: Some(original.id), ..Booking::default() };
    Ok((account, Some(Box::new(booking))))
}

/// What of a purchase can still be given back, minor units of its own currency.
fn left(original: &StoredTransaction) -> i64 {
    let paid = original.is_posted() && original.standing_minor > 0;
    if paid { original.standing_amount().saturating_sub(original.refunded_minor()).max(0) } else { 0 }
}

/// What is given back of a purchase: at the rate that it was paid with. Its fee stays. A part that comes to less than a
/// minor unit is nothing, and not given.
pub(crate) fn quote(
    original: &StoredTransaction,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<Quote, Decline> {
    let left = left(original);
    let [before, after] = [left, left - request.amount_minor].map(|stands_minor| original.part(stands_minor));
    let amount_minor = before.without_fee() - after.without_fee();
    if amount_minor == 0 {
        return Err(receipt.fail(Step::BillingAmount, ResponseCode::INVALID_AMOUNT, amount_minor, 0));
    }
    let settled = |part: Part| part.shares.map_or(0, |shares| shares.settlement_minor);
    let billing = original
        .billed
        .as_deref()
        .map(|billed| Box::new(billed.billing.given_back(amount_minor, settled(before) - settled(after))));
    Ok(Quote { amount_minor, total_minor: amount_minor, billing, count: None })
}
