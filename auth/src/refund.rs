//! Money given back for goods returned: of an earlier purchase, never more than was paid, or on a terminal's word.

use crate::booking::{Booking, Role};
use crate::receipt::{Decline, Receipt, Step};
use crate::request::Request;
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
        funds::same_currency(account, request, receipt)?;
        return Ok((account, None));
    };
    let account = funds::account_of(state, original, receipt)?;
    funds::same_currency(account, request, receipt)?;
    let refunded = original.life.as_ref().map_or(0, |life| life.refunded_minor);
    let left = if original.is_posted() { original.standing_minor.saturating_sub(refunded).max(0) } else { 0 };
    let id = original.id.0.cast_signed();
    if left == 0 && refunded == 0 {
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
