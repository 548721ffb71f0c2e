//! Step 10: the cash part of a purchase with cashback.

use crate::billing::Quote;
use crate::receipt::{Decline, Receipt, Step};
use crate::request::{Request, TransactionType};
use crate::state::{CardFile, State};
use crate::tables::Product;
use card::{Currency, ResponseCode};

/// Whether the product gives cash with purchases, and so much. What is asked for in another currency than the account's
/// is looked at once there is a rate.
pub(crate) fn allowed(
    state: &State,
    product: &Product,
    file: &CardFile,
    request: &Request,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    if request.transaction != TransactionType::Cashback {
        return Ok(());
    }
    let cash = request.instruction.cash_minor;
    let Some(most) = product.ledger.cashback_up_to_minor else {
        return Err(receipt.fail(Step::Cashback, ResponseCode::NOT_PERMITTED_TO_CARDHOLDER, cash, 0));
    };
    let own = state.account(&file.card.account).map(|account| account.account.currency.numeric());
    if own.is_some_and(|own| own != request.currency) { Ok(()) } else { within(cash, most, receipt) }
}

/// The same for cash in another currency, at the rate of the purchase.
pub(crate) fn converted(
    product: &Product,
    request: &Request,
    quote: &Quote,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    if request.transaction != TransactionType::Cashback {
        return Ok(());
    }
    let billing = quote.billing.as_deref();
    let Some((billing, rate)) = billing.and_then(|billing| Some((billing, billing.rate?))) else {
        return Ok(());
    };
    let Some(most) = product.ledger.cashback_up_to_minor else { return Ok(()) };
    let cash = request.instruction.cash_minor;
    let currency = Currency::from_numeric(request.currency).ok();
    let cash = currency.and_then(|from| rate.convert(cash, from, billing.currency, billing.rounding));
    within(cash.unwrap_or(i64::MAX), most, receipt)
}

fn within(cash: i64, most: i64, receipt: &mut Receipt) -> Result<(), Decline> {
    if cash > most {
        return Err(receipt.fail(Step::Cashback, ResponseCode::OVER_AMOUNT_LIMIT, cash, most));
    }
    receipt.pass(Step::Cashback, cash, most);
    Ok(())
}
