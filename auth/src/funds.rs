//! Step 14: the account, and whether it can bear the amount.

use crate::accounts;
use crate::billing::{Billing, Quote};
use crate::limits::LARGEST_LEDGER_MINOR;
use crate::receipt::{Decline, Receipt, Step};
use crate::request::{Request, TransactionType};
use crate::state::{AccountFile, CardFile, State};
use crate::stored::StoredTransaction;
use crate::tables::Product;
use crate::velocity::Held;
use card::ResponseCode;

/// The account behind the card, of the type asked for.
pub(crate) fn account<'a>(
    state: &'a State,
    file: &CardFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<&'a AccountFile, Decline> {
    accounts::of_type(state, file, request.drawn_type(), receipt)
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

/// What of a request the account bears.
pub(crate) struct Granted {
    /// With the fee, minor units of the account.
    pub(crate) total_minor: i64,
    pub(crate) billing: Option<Box<Billing>>,
    /// Where it is not all that was asked for: how much, minor units of the transaction.
    pub(crate) approved_minor: Option<i64>,
}

/// How much of the request the account bears: available = balance + credit line − holds, for the amount and its fee. A
/// part of a purchase where the product and the terminal take that, and then goods before cash.
pub(crate) fn granted(held: &Held<'_>, quote: Quote, receipt: &mut Receipt) -> Result<Granted, Decline> {
    let Held { account, product, request, .. } = *held;
    let needed = quote.total_minor;
    if request.transaction.gives_money() {
        takes(account, needed, receipt)?;
        return Ok(Granted { total_minor: needed, billing: quote.billing, approved_minor: None });
    }
    let available = account.available_minor();
    if needed == 0 || needed <= available {
        if needed != 0 {
            receipt.pass(Step::Funds, needed, available);
        }
        return Ok(Granted { total_minor: needed, billing: quote.billing, approved_minor: None });
    }
    let most = match request.transaction {
        TransactionType::Purchase => request.amount_minor,
        TransactionType::Cashback => request.amount_minor - request.instruction.cash_minor,
        _ => 0,
    };
    let may = product.ledger.partial_approval && request.instruction.takes_partial;
    if may
        && request.instruction.original.is_none()
        && let Some((part, total_minor, billing)) = quote.affordable(request, most, available)
    {
        receipt.note(Step::PartialApproval, part, request.amount_minor);
        return Ok(Granted { total_minor, billing, approved_minor: Some(part) });
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
