//! How the values of a scenario's words are read.

use crate::script::milliseconds;
use auth::{AccountType, Cash, ChipFinding, MessageClass, Reaction, TransactionType, TransmissionTime};
use card::{Amount, Currency, Expiry, ResponseCode, Rrn, Stan, Time, UtcOffset};
use std::time::Duration;

pub(crate) const CLASSES: [(&str, MessageClass); 4] = [
    ("0100", MessageClass::Authorization),
    ("0200", MessageClass::Financial),
    ("0220", MessageClass::Advice),
    ("0120", MessageClass::AuthorizationAdvice),
];

/// Reference values of the PIN that a holder has chosen.
pub(crate) const CHANGED_PVV: [u8; 4] = *b"5678";
pub(crate) const CHANGED_OFFSET: [u8; 12] = *b"5678FFFFFFFF";

pub(crate) const TRANSACTIONS: [(&str, TransactionType); 14] = [
    ("purchase", TransactionType::Purchase),
    ("withdrawal", TransactionType::Withdrawal),
    ("inquiry", TransactionType::BalanceInquiry),
    ("unsupported", TransactionType::Unsupported),
    ("cashback", TransactionType::Cashback),
    ("cash-advance", TransactionType::CashAdvance),
    ("refund", TransactionType::Refund),
    ("deposit", TransactionType::Deposit),
    ("payment", TransactionType::Payment),
    ("verification", TransactionType::Verification),
    ("transfer", TransactionType::Transfer),
    ("mini-statement", TransactionType::MiniStatement),
    ("pin-change", TransactionType::PinChange),
    ("pin-unblock", TransactionType::PinUnblock),
];

pub(crate) fn chosen<T: Copy>(text: &str, choices: &[(&str, T)]) -> Option<T> {
    choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice)
}

pub(crate) fn account_type(text: &str) -> Option<AccountType> {
    use AccountType::{Cheque, Credit, Savings, Unknown};
    chosen(text, &[("savings", Savings), ("cheque", Cheque), ("credit", Credit), ("unknown", Unknown)])
}

/// Minor units of an amount such as `12.00`.
pub(crate) fn minor(text: &str) -> Option<i64> {
    let eur = Currency::parse("EUR").expect("ISO 4217");
    Amount::parse_major(text, eur).ok().map(|amount| amount.minor)
}

/// Bytes in hexadecimal digits.
pub(crate) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let places = bytes.iter_mut().enumerate();
    let read = places.map(|(place, byte)| {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
        Some(())
    });
    (read.flatten().count() == N && text.len() == 2 * N).then_some(bytes)
}

/// `fallback:flag`, `new_card:59`.
pub(crate) fn chip_rule(text: &str) -> Option<(ChipFinding, Reaction)> {
    let (finding, reaction) = text.split_once(':')?;
    let reaction = match reaction {
        "ignore" => Reaction::Ignore,
        "flag" => Reaction::Flag,
        code => Reaction::Decline(ResponseCode::parse(code.as_bytes())?),
    };
    Some((ChipFinding::named(finding)?, reaction))
}

/// `12/29`.
pub(crate) fn expiry(text: &str) -> Option<Expiry> {
    let (month, year) = text.split_once('/')?;
    Expiry::parse_yymm(format!("{year}{month}").as_bytes()).ok()
}

/// `2s`, as a duration.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let ms = milliseconds(text).ok()?;
    u64::try_from(ms).ok().map(Duration::from_millis)
}

pub(crate) fn rrn(text: &str) -> Option<Rrn> {
    Rrn::parse(text.as_bytes()).ok()
}

pub(crate) fn stan(text: &str) -> Option<Stan> {
    Stan::parse(text.as_bytes()).ok()
}

/// DE 7 as `MMDDhhmmss`, or `unknown`.
pub(crate) fn transmission(text: &str) -> Option<TransmissionTime> {
    match text {
        "unknown" => Some(TransmissionTime::default()),
        _ => text.parse().ok().map(TransmissionTime),
    }
}

pub(crate) fn sent_at(now: Time) -> TransmissionTime {
    let digits = now.month_day_time(UtcOffset::default());
    TransmissionTime(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

/// `2,0,1,0`: notes of each cassette; `none` where no mix makes up the amount.
pub(crate) fn notes(text: &str) -> Option<Cash> {
    if text == "none" {
        return Some(Cash { tsn: 1, notes: None });
    }
    let counts: Vec<u8> = text.split(',').map(|count| count.parse().ok()).collect::<Option<_>>()?;
    Some(Cash { tsn: 1, notes: Some(counts.try_into().ok()?) })
}
