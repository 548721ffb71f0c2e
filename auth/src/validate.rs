//! Steps 5 and 6: values that are illegal whatever the card says.

use crate::limits::LARGEST_AMOUNT_MINOR;
use crate::receipt::{Decline, Receipt, Step};
use crate::request::{AccountType, MessageClass, Request, TransactionType};
use card::{Currency, Pan, ResponseCode};

/// Step 5: transaction type, account type, currency and amount.
pub(crate) fn request(request: &Request, receipt: &mut Receipt) -> Result<(), Decline> {
    if request.transaction == TransactionType::Unsupported {
        return Err(receipt.fail(Step::TransactionType, ResponseCode::INVALID_TRANSACTION, 0, 0));
    }
    if request.account_type == AccountType::Unknown {
        return Err(receipt.fail(Step::AccountType, ResponseCode::INVALID_TRANSACTION, 0, 0));
    }
    if Currency::from_numeric(request.currency).is_err() {
        let seen = i64::from(request.currency);
        return Err(receipt.fail(Step::Currency, ResponseCode::INVALID_TRANSACTION, seen, 0));
    }
    instruction(request, receipt)?;
    if !request.transaction.moves_money() {
        receipt.skip(Step::Amount);
        return Ok(());
    }
    if !(1..=LARGEST_AMOUNT_MINOR).contains(&request.amount_minor) {
        return Err(receipt.fail(Step::Amount, ResponseCode::INVALID_AMOUNT, request.amount_minor, 0));
    }
    receipt.pass(Step::Amount, request.amount_minor, 0);
    if request.cash.is_some_and(|cash| cash.notes.is_none()) {
        return Err(receipt.fail(Step::Notes, ResponseCode::INVALID_AMOUNT, request.amount_minor, 0));
    }
    Ok(())
}

/// What the message says of accounts and amounts beyond that.
fn instruction(request: &Request, receipt: &mut Receipt) -> Result<(), Decline> {
    let transaction = request.transaction;
    let to_matters = transaction.gives_money() || transaction == TransactionType::Transfer;
    if to_matters && request.instruction.to_account_type == AccountType::Unknown {
        return Err(receipt.fail(Step::AccountType, ResponseCode::INVALID_TRANSACTION, 0, 0));
    }
    // What an authorization would hold for a transfer nobody would complete.
    if transaction == TransactionType::Transfer && request.class != MessageClass::Financial {
        return Err(receipt.fail(Step::TransactionType, ResponseCode::INVALID_TRANSACTION, 0, 0));
    }
    if transaction == TransactionType::Verification && request.amount_minor != 0 {
        return Err(receipt.fail(Step::Amount, ResponseCode::INVALID_AMOUNT, request.amount_minor, 0));
    }
    let cash = request.instruction.cash_minor;
    // Without goods it would be a withdrawal.
    if transaction == TransactionType::Cashback && !(1..request.amount_minor).contains(&cash) {
        return Err(receipt.fail(Step::Cashback, ResponseCode::INVALID_AMOUNT, cash, request.amount_minor));
    }
    Ok(())
}

/// Step 6: length, check digit, and agreement of DE 2 with the track.
pub(crate) fn card_number(request: &Request, receipt: &mut Receipt) -> Result<(), Decline> {
    let pan: &Pan = &request.presented();
    let digits = pan.len() as i64;
    let agrees = request.track2.as_ref().is_none_or(|track| track.pan() == *pan);
    // ISO/IEC 7812-1 allows 8 to 19 digits; payment cards have at least 12.
    if (12..=19).contains(&pan.len()) && pan.has_valid_check_digit() && agrees {
        receipt.pass(Step::PanFormat, digits, 0);
        return Ok(());
    }
    Err(receipt.fail(Step::PanFormat, ResponseCode::INVALID_CARD, digits, 0))
}
