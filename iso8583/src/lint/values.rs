//! Dates, times and currencies.

use super::{Findings, Severity};
use crate::dialect::Length;
use crate::{Class, Edition, Message, field, meaning};
use card::Currency;

/// A data element that is a date or time, with its digits. Where a dialect has other digits there, it
/// means something else.
struct Date {
    field: u8,
    digits: u16,
    what: &'static str,
}

const fn date(field: u8, digits: u16, what: &'static str) -> Date {
    Date { field, digits, what }
}

const OF_1987: [Date; 8] = [
    date(7, 10, "date and time"),
    date(12, 6, "time"),
    date(13, 4, "date"),
    date(14, 4, "month"),
    date(15, 4, "date"),
    date(16, 4, "date"),
    date(17, 4, "date"),
    date(73, 6, "date"),
];

const OF_1993: [Date; 9] = [
    date(7, 10, "date and time"),
    date(12, 12, "date and time"),
    date(13, 4, "month"),
    date(14, 4, "month"),
    date(15, 6, "date"),
    date(16, 4, "date"),
    date(17, 4, "date"),
    date(28, 6, "date"),
    date(73, 6, "date"),
];

const OF_2003: [Date; 4] =
    [date(7, 10, "date and time"), date(12, 14, "date and time"), date(14, 4, "month"), date(15, 8, "date")];

pub(super) fn check(message: &Message<'_>, findings: &mut Findings) {
    let year = message.dialect().edition().year();
    let dates: &[Date] = match message.dialect().edition() {
        Edition::Iso1987 => &OF_1987,
        Edition::Iso1993 => &OF_1993,
        Edition::Iso2003 => &OF_2003,
    };
    for Date { field, digits, what } in dates {
        let spec = message.dialect().field(*field);
        let fits = spec.is_some_and(|spec| spec.class == Class::N && spec.length == Length::Fixed(*digits));
        let value = message.value(*field).filter(|_| fits);
        let Some(text) = value.as_ref().and_then(|value| value.as_str()) else { continue };
        if meaning::of_field(year, *field, text).is_none() {
            // Some write zeros for a date that they do not know.
            let zeros = text.bytes().all(|digit| digit == b'0');
            let severity = if zeros { Severity::Warning } else { Severity::Error };
            findings.tell(severity, *field, &[], format!("no such {what}"));
        }
    }
    // DE 49 of 2003 is no currency.
    for field in [field::CURRENCY, field::CURRENCY_SETTLEMENT, field::CURRENCY_BILLING] {
        let value = message.value(field).filter(|value| year < 2003 && value.len() == 3);
        if value.is_some_and(|value| currency(&value).is_none()) {
            findings.tell(Severity::Warning, field, &[], "no currency of ISO 4217");
        }
    }
}

/// The currency of DE 49 to 51.
pub(super) fn currency(value: &[u8]) -> Option<Currency> {
    Currency::parse(std::str::from_utf8(value).ok()?).ok()
}
