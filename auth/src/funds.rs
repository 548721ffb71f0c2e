//! Step 14: the account, and whether it can bear the amount.

use crate::accounts;
use crate::receipt::{Decline, Receipt, Step};
use crate::request::Request;
use crate::state::{AccountFile, CardFile, State};
use card::ResponseCode;

/// The account behind the card, of the type asked for and in the currency asked for.
pub(crate) fn account<'a>(
    state: &'a State,
    file: &CardFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<&'a AccountFile, Decline> {
    let account = accounts::of_type(state, file, request.drawn_type(), receipt)?;
    let own = i64::from(account.account.currency.numeric());
    if i64::from(request.currency) != own {
        let code = ResponseCode::NOT_PERMITTED_TO_CARDHOLDER;
        return Err(receipt.fail(Step::Currency, code, i64::from(request.currency), own));
    }
    Ok(account)
}

/// Available = balance + credit line − holds.
pub(crate) fn available(
    account: &AccountFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    if !request.transaction.moves_money() {
        return Ok(());
    }
    let (needed, available) = (request.amount_minor, account.available_minor());
    if needed > available {
        return Err(receipt.fail(Step::Funds, ResponseCode::INSUFFICIENT_FUNDS, needed, available));
    }
    receipt.pass(Step::Funds, needed, available);
    Ok(())
}
