//! Step 12: amount per transaction, amount and number per business day.

use crate::receipt::{Decline, Receipt, Step};
use crate::record::Usage;
use crate::request::{Request, TransactionType};
use crate::state::CardFile;
use crate::tables::Product;
use card::{CivilDay, ResponseCode};

pub(crate) fn within_limits(
    product: &Product,
    file: &CardFile,
    request: &Request,
    today: CivilDay,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    if !request.transaction.moves_money() {
        return Ok(());
    }
    let limits = product.limits(request.transaction);
    let (used_minor, used_count) = used(file, request.transaction, today);
    at_most(
        Step::LimitPerTransaction,
        ResponseCode::OVER_AMOUNT_LIMIT,
        request.amount_minor,
        limits.per_transaction_minor,
        receipt,
    )?;
    let of_day = used_minor.saturating_add(request.amount_minor);
    at_most(Step::LimitDailyAmount, ResponseCode::OVER_AMOUNT_LIMIT, of_day, limits.daily_minor, receipt)?;
    let count = i64::from(used_count) + 1;
    let daily_count = limits.daily_count.map(i64::from);
    at_most(Step::LimitDailyCount, ResponseCode::OVER_COUNT_LIMIT, count, daily_count, receipt)
}

/// What today has used of the limits of this kind of transaction: minor units and number.
pub(crate) fn used(file: &CardFile, transaction: TransactionType, today: CivilDay) -> (i64, u32) {
    let usage = match transaction {
        TransactionType::Withdrawal => file.withdrawals,
        _ => file.purchases,
    };
    match usage {
        Some(Usage { day, amount_minor, count }) if day == today => (amount_minor, count),
        _ => (0, 0),
    }
}

fn at_most(
    step: Step,
    code: ResponseCode,
    seen: i64,
    limit: Option<i64>,
    receipt: &mut Receipt,
) -> Result<(), Decline> {
    match limit {
        None => receipt.skip(step),
        Some(limit) if seen <= limit => receipt.pass(step, seen, limit),
        Some(limit) => return Err(receipt.fail(step, code, seen, limit)),
    }
    Ok(())
}
