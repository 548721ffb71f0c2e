//! Step 14: the account, and whether it can bear the amount.

use crate::accounts;
use crate::limits::LARGEST_LEDGER_MINOR;
use crate::receipt::{Decline, Receipt, Step};
use crate::request::{Request, TransactionType};
use crate::state::{AccountFile, CardFile, State};
use crate::stored::StoredTransaction;
use crate::tables::Product;
use card::ResponseCode;

/// The account behind the card, of the type asked for and in the currency asked for.
pub(crate) fn account<'a>(
    state: &'a State,
    file: &CardFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<&'a AccountFile, Decline> {
    let account = accounts::of_type(state, file, request.drawn_type(), receipt)?;
    same_currency(account, request, receipt)?;
    Ok(account)
}

/// The account of an earlier transaction; one that was closed since takes no money.
pub(crate) fn account_of<'a>(
    state: &'a State,
    original: &StoredTransaction,
    receipt: &mut Receipt,
) -> Result<&'a AccountFile, Decline> {
    let account = original.account.and_then(|id| state.account(&id));
    account.ok_or_else(|| receipt.fail(Step::Original, ResponseCode::ORIGINAL_NOT_FOUND, 0, 0))
}

/// Whether the account is in the currency asked for.
pub(crate) fn same_currency(
    account: &AccountFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let own = i64::from(account.account.currency.numeric());
    if i64::from(request.currency) != own {
        let code = ResponseCode::NOT_PERMITTED_TO_CARDHOLDER;
        return Err(receipt.fail(Step::Currency, code, i64::from(request.currency), own));
    }
    Ok(())
}

/// What the whole amount of a request moves on the account, minor units of its currency. The one place that says so:
/// funds, limits, holds and postings ask it.
pub(crate) fn moved_minor(request: &Request) -> i64 {
    if request.transaction.moves_money() { request.amount_minor } else { 0 }
}

/// How much of the request the account bears: available = balance + credit line − holds. A part of a purchase where the
/// product and the terminal take that, and then goods before cash.
pub(crate) fn granted(
    account: &AccountFile,
    product: &Product,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<i64, Decline> {
    let needed = moved_minor(request);
    if request.transaction.gives_money() {
        takes(account, needed, receipt)?;
        return Ok(needed);
    }
    if !request.transaction.takes_money() {
        return Ok(0);
    }
    let available = account.available_minor();
    if needed <= available {
        receipt.pass(Step::Funds, needed, available);
        return Ok(needed);
    }
    let part = match request.transaction {
        TransactionType::Purchase => available,
        TransactionType::Cashback => available.min(needed - request.instruction.cash_minor),
        _ => 0,
    };
    let may = product.ledger.partial_approval && request.instruction.takes_partial;
    if may && part > 0 && request.instruction.original.is_none() {
        receipt.note(Step::PartialApproval, part, needed);
        return Ok(part);
    }
    Err(receipt.fail(Step::Funds, ResponseCode::INSUFFICIENT_FUNDS, needed, available))
}

/// Whether the account bears what has happened already. The product may want it posted all the same.
pub(crate) fn bears(
    account: &AccountFile,
    product: &Product,
    needed: i64,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    let available = account.available_minor();
    if needed <= 0 || needed <= available {
        receipt.pass(Step::Funds, needed.max(0), available);
        return Ok(());
    }
    if product.ledger.force_post {
        receipt.note(Step::ForcedPosting, needed, available);
        return Ok(());
    }
    Err(receipt.fail(Step::Funds, ResponseCode::INSUFFICIENT_FUNDS, needed, available))
}

/// Whether the account can hold so much more.
pub(crate) fn takes(account: &AccountFile, minor: i64, receipt: &mut Receipt) -> Result<(), Decline> {
    let then = account.ledger_minor.saturating_add(minor);
    if then > LARGEST_LEDGER_MINOR {
        let code = ResponseCode::INVALID_AMOUNT;
        return Err(receipt.fail(Step::LedgerRoom, code, then, LARGEST_LEDGER_MINOR));
    }
    Ok(())
}
