//! Step 14: the account, and whether it can bear the amount.

use crate::receipt::{Decline, Receipt, Step};
use crate::record::AccountKind;
use crate::request::{AccountType, Request};
use crate::state::{AccountFile, CardFile, State};
use card::ResponseCode;

/// The account behind the card, of the type asked for.
pub(crate) fn account<'a>(
    state: &'a State,
    file: &CardFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<&'a AccountFile, Decline> {
    let Some(account) = state.account(&file.card.account) else {
        return Err(receipt.fail(Step::AccountType, ResponseCode::MALFUNCTION, 0, 0));
    };
    if let Some(code) = wrong_kind(account.account.kind, request.account_type) {
        return Err(receipt.fail(Step::AccountType, code, 0, 0));
    }
    Ok(account)
}

/// 53 no savings account, 52 no cheque account, 39 no credit account.
fn wrong_kind(kind: AccountKind, asked: AccountType) -> Option<ResponseCode> {
    let (wanted, code) = match asked {
        AccountType::Savings => (AccountKind::Savings, ResponseCode::NO_SAVINGS_ACCOUNT),
        AccountType::Cheque => (AccountKind::Cheque, ResponseCode::NO_CHEQUE_ACCOUNT),
        AccountType::Credit => (AccountKind::Credit, ResponseCode::NO_CREDIT_ACCOUNT),
        AccountType::Default | AccountType::Unknown => return None,
    };
    (kind != AccountKind::Default && kind != wanted).then_some(code)
}

/// Available = balance + credit line − holds: it has to bear the amount and the fee, in the account's currency.
pub(crate) fn available(account: &AccountFile, needed: i64, receipt: &mut Receipt) -> Result<(), Decline> {
    if needed == 0 {
        return Ok(());
    }
    let available = account.available_minor();
    if needed > available {
        return Err(receipt.fail(Step::Funds, ResponseCode::INSUFFICIENT_FUNDS, needed, available));
    }
    receipt.pass(Step::Funds, needed, available);
    Ok(())
}
