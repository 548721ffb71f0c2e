//! Step 13: policy rules.

use crate::receipt::{Decline, Receipt, Step};
use crate::request::Request;
use crate::state::{AccountFile, CardFile};
use crate::tables::{Product, Tables};
use crate::velocity;
use card::{Currency, ResponseCode, Time};
use rules::{Facts, MAX_RULES, Verdict};

/// Asks the rules. Gives back those that flagged the transaction, by bit, whatever was decided then.
pub(crate) fn apply(
    tables: &Tables,
    product: &Product,
    file: &CardFile,
    account: &AccountFile,
    request: &Request,
    now: Time,
    receipt: &mut Receipt,
) -> (u64, Result<(), Decline>) {
    let today = now.day(tables.business_offset);
    let (daily_amount, daily_count) = velocity::used(file, request.transaction, today);
    let facts = Facts {
        transaction: request.transaction.as_str(),
        amount: request.amount_minor,
        currency: Currency::from_numeric(request.currency).map_or("", Currency::code),
        mcc: i64::from(request.mcc),
        entry_mode: request.entry.as_str(),
        pin_present: request.pin_block.is_some(),
        hour: i64::from(now.hour(tables.business_offset)),
        country: i64::from(request.country),
        link: request.link.as_str(),
        terminal: request.terminal.as_str(),
        merchant: request.merchant.as_ref().map_or("", card::MerchantId::as_str),
        product: &product.name,
        scheme: product.scheme.as_str(),
        balance_available: account.available_minor(),
        daily_amount,
        daily_count: i64::from(daily_count),
    };
    let outcome = tables.rules.evaluate(&facts);
    // A rule that overflowed counts as not matching, which its author must get to see.
    for rule in (0..MAX_RULES).filter(|rule| outcome.errors & 1 << rule != 0) {
        receipt.note(Step::Policy, number(rule), 0);
    }
    let (rule, code) = match outcome.decision {
        Some((rule, Verdict::Decline(code) | Verdict::Capture(code))) => (rule, code),
        Some((rule, Verdict::Refer)) => (rule, ResponseCode::REFER),
        Some((_, Verdict::Flag)) | None => {
            receipt.pass(Step::Policy, 0, 0);
            return (outcome.flags, Ok(()));
        }
    };
    (outcome.flags, Err(receipt.fail(Step::Policy, code, number(rule), 0)))
}

/// Rules are counted from 1.
fn number(rule: usize) -> i64 {
    rule as i64 + 1
}
