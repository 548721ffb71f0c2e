//! Step 10: the cash part of a purchase with cashback.

use crate::receipt::{Decline, Receipt, Step};
use crate::request::{Request, TransactionType};
use crate::tables::Product;
use card::ResponseCode;

/// Whether the product gives cash with purchases, and so much.
pub(crate) fn allowed(product: &Product, request: &Request, receipt: &mut Receipt) -> Result<(), Decline> {
    if request.transaction != TransactionType::Cashback {
        return Ok(());
    }
    let cash = request.instruction.cash_minor;
    let Some(most) = product.ledger.cashback_up_to_minor else {
        return Err(receipt.fail(Step::Cashback, ResponseCode::NOT_PERMITTED_TO_CARDHOLDER, cash, 0));
    };
    if cash > most {
        return Err(receipt.fail(Step::Cashback, ResponseCode::OVER_AMOUNT_LIMIT, cash, most));
    }
    receipt.pass(Step::Cashback, cash, most);
    Ok(())
}
