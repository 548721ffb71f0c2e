//! Step 13: policy rules.

use crate::chip::from_bcd;
use crate::counters::Moment;
use crate::receipt::{Decline, Receipt, Step, Verdict};
use crate::record::{AccountKind, Transaction};
use crate::remote::{self, AddressResult};
use crate::request::{MessageClass, Request};
use crate::state::{AccountFile, CardFile};
use crate::tables::{Product, Tables};
use crate::velocity;
use crate::verification::HolderVerification;
use card::{CivilDay, Currency, Expiry, MerchantId, ResponseCode};
use rules::{FactName, Facts, MAX_RULES};

/// Asks the rules. Gives back those that flagged the transaction, by bit, whatever was decided then.
#[expect(clippy::too_many_arguments, reason = "everything that a rule may ask about")]
pub(crate) fn apply(
    tables: &Tables,
    product: &Product,
    file: &CardFile,
    account: &AccountFile,
    request: &Request,
    verified: Option<HolderVerification>,
    moment: Moment,
    receipt: &mut Receipt,
) -> (u64, Result<(), Decline>) {
    if tables.rules.rules().is_empty() {
        receipt.pass(Step::Policy, 0, 0);
        return (0, Ok(()));
    }
    let Moment { day: today, time: now, .. } = moment;
    let (daily_amount, daily_count) = velocity::used(file, request.transaction, moment);
    // What is dear to come by is there where a rule asks for it.
    let asks = |fact| tables.rules.asks(fact);
    let digits = asks(FactName::bin).then(|| request.pan.reveal());
    let chip = request.chip.as_deref();
    let told = request.particulars.as_deref();
    let authentication = told.and_then(|told| told.authentication.as_ref());
    let facts = Facts {
        transaction: request.transaction.as_str(),
        message: match request.class {
            MessageClass::Authorization | MessageClass::AuthorizationAdvice => "authorization",
            // An advice posts as well; none comes here, as it is not decided anew.
            MessageClass::Financial | MessageClass::Advice => "financial",
        },
        amount: request.amount_minor,
        currency: Currency::from_numeric(request.currency).map_or("", Currency::code),
        mcc: known(request.mcc),
        entry_mode: request.entry.as_str(),
        pin_present: request.pin_block.is_some(),
        verification: verified.unwrap_or(HolderVerification::Unknown).as_str(),
        chip_present: chip.is_some(),
        atm: request.cash.is_some(),
        hour: i64::from(now.hour(tables.business_offset)),
        weekday: i64::from(now.weekday(tables.business_offset)),
        country: known(request.country),
        terminal_country: chip.map(|chip| from_bcd(&chip.terminal_country)),
        link: request.link.as_str(),
        terminal: if asks(FactName::terminal) { request.terminal.as_str() } else { "" },
        merchant: request.merchant.as_ref().filter(|_| asks(FactName::merchant)).map(MerchantId::as_str),
        // Eight digits is the longest BIN, and as much of a PAN as may be shown.
        bin: digits.as_ref().and_then(|digits| digits.as_str().get(..8)).unwrap_or(""),
        product: &product.name,
        scheme: product.scheme.as_str(),
        months_to_expiry: if asks(FactName::months_to_expiry) {
            months_between(today, file.card.expiry)
        } else {
            0
        },
        wrong_pins: i64::from(file.pin_tries_used),
        atc: chip.map(|chip| i64::from(chip.atc)),
        account_kind: match account.account.kind {
            AccountKind::Default => "default",
            AccountKind::Savings => "savings",
            AccountKind::Cheque => "cheque",
            AccountKind::Credit => "credit",
        },
        balance_available: account.available_minor(),
        daily_amount,
        daily_count: i64::from(daily_count),
        token: request.token.is_some(),
        cvv2_present: told.is_some_and(|told| told.cvv2.is_some()),
        address_result: if asks(FactName::address_result) {
            remote::address_result(file, told).map(AddressResult::as_str)
        } else {
            None
        },
        authentication: authentication.map(|sent| product.remote.says(sent).as_str()),
        eci: authentication.and_then(|sent| sent.indicator).map(i64::from),
        score: 0,
    };
    let outcome = tables.rules.evaluate(&facts);
    // A condition that is an error counts as not matching, which its author must get to see.
    for rule in bits(outcome.errors) {
        receipt.note(Step::Policy, number(rule), 0);
    }
    for rule in bits(outcome.scored) {
        receipt.note(Step::PolicyScore, number(rule), points(tables, rule));
    }
    for rule in bits(outcome.shadow) {
        match tables.rules.rules()[rule].verdict.response_code() {
            Some(code) => receipt.note(Step::ShadowDecision, number(rule), digits_of(code)),
            None => receipt.note(Step::ShadowMark, number(rule), points(tables, rule)),
        }
    }
    let decided =
        outcome.decision.and_then(|(rule, verdict)| Some((rule, verdict, verdict.response_code()?)));
    let Some((rule, verdict, code)) = decided else {
        receipt.pass(Step::Policy, 0, 0);
        return (outcome.flags, Ok(()));
    };
    if let rules::Verdict::Limit(most) = verdict {
        receipt.note(Step::PolicyLimit, request.amount_minor, most);
    }
    (outcome.flags, Err(receipt.fail(Step::Policy, code, number(rule), outcome.score)))
}

/// What a rule did about a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleMark {
    /// It decided, flagged or gave points.
    Live,
    /// It would have, were it not in shadow mode.
    Shadow,
    /// Its condition was an error.
    Failed,
}

/// Which rules did something about a transaction, by their place in the tables it was decided under.
pub fn rule_marks(transaction: &Transaction) -> impl Iterator<Item = (usize, RuleMark)> + '_ {
    let told = transaction.receipt.checks.iter().filter_map(|check| {
        let mark = match (check.step, check.verdict) {
            (Step::Policy, Verdict::Failed(_)) | (Step::PolicyScore, _) => RuleMark::Live,
            (Step::Policy, Verdict::Noted) => RuleMark::Failed,
            (Step::ShadowDecision | Step::ShadowMark, _) => RuleMark::Shadow,
            _ => return None,
        };
        Some((usize::try_from(check.seen.checked_sub(1)?).ok()?, mark))
    });
    bits(transaction.flags).map(|rule| (rule, RuleMark::Live)).chain(told)
}

/// The rules in a set of them.
fn bits(set: u64) -> impl Iterator<Item = usize> {
    let all = if set == 0 { 0..0 } else { 0..MAX_RULES };
    all.filter(move |rule| set & 1 << rule != 0)
}

/// Rules are counted from 1.
fn number(rule: usize) -> i64 {
    rule as i64 + 1
}

fn points(tables: &Tables, rule: usize) -> i64 {
    match tables.rules.rules()[rule].verdict {
        rules::Verdict::Score(points) => points,
        _ => 0,
    }
}

/// A response code as a number, for the receipt; 0 for the few with letters.
fn digits_of(code: ResponseCode) -> i64 {
    code.as_str().parse().unwrap_or(0)
}

/// A number that a message states as 0 or leaves out where it is unknown.
fn known(number: u16) -> Option<i64> {
    (number != 0).then_some(i64::from(number))
}

fn months_between(today: CivilDay, expiry: Expiry) -> i64 {
    let [y1, y0, m1, m0] = expiry.to_yymm().map(|digit| i64::from(digit - b'0'));
    let last = (2000 + 10 * y1 + y0) * 12 + 10 * m1 + m0;
    last - (i64::from(today.year) * 12 + i64::from(today.month))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_to_expiry() {
        let check = |year, month, yymm: &[u8; 4], expect| {
            let today = CivilDay { year, month, day: 30 };
            assert_eq!(months_between(today, Expiry::parse_yymm(yymm).unwrap()), expect);
        };
        check(2026, 6, b"2606", 0);
        check(2026, 6, b"2701", 7);
        check(2026, 1, b"2512", -1);
    }

    #[test]
    fn bits_of_a_set() {
        assert_eq!(bits(0).count(), 0);
        assert_eq!(bits(1 | 1 << 5 | 1 << 63).collect::<Vec<_>>(), [0, 5, 63]);
    }
}
