//! Step 5: which of its accounts a card draws on.

use crate::receipt::{Decline, Receipt, Step};
use crate::record::AccountKind;
use crate::request::AccountType;
use crate::state::{AccountFile, CardFile, State};
use card::ResponseCode;

/// The account of a card that an account type of DE 3 means. The default is the first. Of a kind, the first that is
/// of it, else the first that serves any.
pub(crate) fn of_type<'a>(
    state: &'a State,
    file: &CardFile,
    asked: AccountType,
    receipt: &mut Receipt,
) -> Result<&'a AccountFile, Decline> {
    let Some(first) = state.account(&file.card.account) else {
        return Err(receipt.fail(Step::AccountType, ResponseCode::MALFUNCTION, 0, 0));
    };
    let Some((kind, code)) = kind(asked) else { return Ok(first) };
    if first.account.kind == kind {
        return Ok(first);
    }
    let mut further = file.card.further.iter().filter_map(|id| state.account(id));
    if let Some(exact) = further.find(|account| account.account.kind == kind) {
        return Ok(exact);
    }
    let mut all = file.card.accounts().filter_map(|id| state.account(&id));
    let any = all.find(|account| account.account.kind == AccountKind::Default);
    any.ok_or_else(|| receipt.fail(Step::AccountType, code, 0, 0))
}

/// 53 no savings account, 52 no cheque account, 39 no credit account.
fn kind(asked: AccountType) -> Option<(AccountKind, ResponseCode)> {
    match asked {
        AccountType::Savings => Some((AccountKind::Savings, ResponseCode::NO_SAVINGS_ACCOUNT)),
        AccountType::Cheque => Some((AccountKind::Cheque, ResponseCode::NO_CHEQUE_ACCOUNT)),
        AccountType::Credit => Some((AccountKind::Credit, ResponseCode::NO_CREDIT_ACCOUNT)),
        AccountType::Default | AccountType::Unknown => None,
    }
}
