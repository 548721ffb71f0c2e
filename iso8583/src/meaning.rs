//! What a decoded value says in words, for people who read an annotated message.
//!
//! Every meaning is taken from a published code list (ISO 8583, EMV Books 3 and 4, ISO 3166,
//! ISO 4217, ISO 18245) in words of our own. Where a list leaves a code to the networks, where
//! editions differ and we do not know, and where a value has the wrong length or characters, there
//! is no meaning rather than a guess. Card numbers, tracks, PIN blocks and check values have none
//! either, so a meaning may be shown beside a masked value.
//!
//! ```
//! use iso8583::{Mti, meaning};
//! assert_eq!(meaning::of_mti(Mti::REVERSAL_ADVICE.repeat()), "1987 reversal advice, acquirer repeat");
//! assert_eq!(meaning::of_field(1987, 3, "011000").unwrap(), "cash withdrawal from savings account");
//! assert_eq!(meaning::of_tag(0x9F27, &[0x80]).unwrap(), "ARQC: online authorization requested");
//! assert_eq!(meaning::of_field(1987, 2, "4000001234567899"), None);
//! ```

mod additional_amounts;
mod amount;
mod application;
mod chip;
mod country;
mod date;
mod digits;
mod entry_mode;
mod flags;
mod function_code;
mod issuer_object;
mod merchant_category;
mod original;
mod point_of_service;
mod processing_code;
mod reason;
mod response;
mod terminal;
mod verification;

pub use amount::of_amount;
pub use chip::of_tag;

use crate::Mti;
use date::{Clock, Day, Month};
use digits::pairs;

/// The four digits of a message type in words: `1987 financial request, acquirer`. Digits which
/// ISO 8583 reserves are named as numbers.
#[must_use]
pub fn of_mti(mti: Mti) -> String {
    let version = match mti.version() {
        0 => "1987",
        1 => "1993",
        2 => "2003",
        8 => "national",
        9 => "private",
        _ => "reserved edition",
    };
    // An issuer does not reverse, it charges back: 0402 and 1442.
    let class = match (mti.class(), mti.origin()) {
        (1, _) => "authorization",
        (2, _) => "financial",
        (3, _) => "file action",
        (4, 2 | 3) => "chargeback",
        (4, _) => "reversal",
        (5, _) => "reconciliation",
        (6, _) => "administrative",
        (7, _) => "fee collection",
        (8, _) => "network management",
        _ => "reserved class",
    };
    let function = match (mti.function(), mti.version()) {
        (0, _) => "request",
        (1, _) => "response",
        (2, _) => "advice",
        (3, _) => "advice response",
        (4, _) => "notification",
        (5, 2) => "notification acknowledgement",
        (6, 2) => "instruction",
        (7, 2) => "instruction acknowledgement",
        _ => "reserved function",
    };
    let origin = match mti.origin() {
        0 => "acquirer",
        1 => "acquirer repeat",
        2 => "issuer",
        3 => "issuer repeat",
        4 => "other",
        5 => "other repeat",
        _ => "reserved origin",
    };
    format!("{version} {class} {function}, {origin}")
}

/// What the value of a data element says in one edition of ISO 8583 (1987, 1993 or 2003), or `None`
/// when there is nothing to add to it. The value is decoded: digits and text as they are, binary as
/// hexadecimal.
///
/// Amounts of DE 4 to 6 have no meaning without their currency: see [`of_amount`].
#[must_use]
pub fn of_field(edition: u16, field: u8, value: &str) -> Option<String> {
    match (edition, field) {
        (1987, _) => of_field_1987(field, value),
        (1993, _) => of_field_1993(field, value),
        (2003, _) => of_field_2003(field, value),
        _ => None,
    }
}

fn of_field_1987(field: u8, value: &str) -> Option<String> {
    match field {
        12 => Some(Clock::new(pairs(value)?)?.to_string()),
        13 | 15 => Some(Day::of_year(pairs(value)?)?.to_string()),
        22 => entry_mode::of_element(value),
        25 => point_of_service::of_condition(value),
        26 => of_pin_capture(value),
        28..=31 => amount::of_signed(value, 8),
        39 => response::of_1987(value),
        70 => function_code::of_network_management(value),
        90 => original::of_element_90(value),
        95 => amount::of_replacement(value),
        _ => of_field_before_2003(field, value),
    }
}

fn of_field_1993(field: u8, value: &str) -> Option<String> {
    match field {
        12 => short_day_and_time(value),
        13 => Some(Month::new(pairs(value)?)?.to_string()),
        15 | 28 => Some(Day::short(pairs(value)?)?.to_string()),
        22 => point_of_service::of_data_code(value),
        24 => function_code::of_function(value),
        25 => reason::of(value),
        26 => merchant_category::of(value),
        30 => amount::of_original(value),
        39 => response::of_1993(value),
        56 => original::of_element_56(value),
        _ => of_field_before_2003(field, value),
    }
}

fn of_field_2003(field: u8, value: &str) -> Option<String> {
    match field {
        12 => long_day_and_time(value),
        13 => Some(Month::new(pairs(value)?)?.to_string()),
        15 => Some(Day::long(pairs(value)?)?.to_string()),
        24 => function_code::of_function(value),
        25 => reason::of(value),
        26 => merchant_category::of(value),
        39 => response::of_2003(value),
        _ => of_any_field(field, value),
    }
}

/// What 1987 and 1993 have in common and 2003 uses otherwise.
fn of_field_before_2003(field: u8, value: &str) -> Option<String> {
    match field {
        9 | 10 => amount::of_conversion_rate(value),
        16 | 17 => Some(Day::of_year(pairs(value)?)?.to_string()),
        18 => merchant_category::of(value),
        21 | 68 | 69 => country::of(value),
        49..=51 => amount::of_currency(value),
        54 => additional_amounts::of(value),
        73 => Some(Day::short(pairs(value)?)?.to_string()),
        97 => amount::of_signed(value, 16),
        _ => of_any_field(field, value),
    }
}

fn of_any_field(field: u8, value: &str) -> Option<String> {
    match field {
        3 => processing_code::of(value),
        7 => transmission_time(value),
        14 => Some(Month::new(pairs(value)?)?.to_string()),
        19 | 20 => country::of(value),
        _ => None,
    }
}

/// DE 7, MMDDhhmmss, which all editions keep in UTC.
fn transmission_time(value: &str) -> Option<String> {
    let [month, day, hour, minute, second] = pairs(value)?;
    let (day, time) = (Day::of_year([month, day])?, Clock::new([hour, minute, second])?);
    Some(format!("{day}, {time} UTC"))
}

/// DE 12 of 1993, YYMMDDhhmmss.
fn short_day_and_time(value: &str) -> Option<String> {
    let [year, month, day, hour, minute, second] = pairs(value)?;
    let (day, time) = (Day::short([year, month, day])?, Clock::new([hour, minute, second])?);
    Some(format!("{day}, {time}"))
}

/// DE 12 of 2003, CCYYMMDDhhmmss.
fn long_day_and_time(value: &str) -> Option<String> {
    let [century, year, month, day, hour, minute, second] = pairs(value)?;
    let (day, time) = (Day::long([century, year, month, day])?, Clock::new([hour, minute, second])?);
    Some(format!("{day}, {time}"))
}

/// DE 26 of 1987, n2: largest number of PIN digits. ISO 9564 allows 4 to 12.
fn of_pin_capture(value: &str) -> Option<String> {
    let [most] = pairs(value)?;
    (4..=12).contains(&most).then(|| format!("PIN of at most {most} digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_types() {
        let check = |mti: &str, expect: &str| {
            assert_eq!(of_mti(Mti::parse(mti.as_bytes()).unwrap()), expect);
        };
        check("0100", "1987 authorization request, acquirer");
        check("0200", "1987 financial request, acquirer");
        check("0201", "1987 financial request, acquirer repeat");
        check("0210", "1987 financial response, acquirer");
        check("0302", "1987 file action request, issuer");
        check("0421", "1987 reversal advice, acquirer repeat");
        check("0422", "1987 chargeback advice, issuer");
        check("0800", "1987 network management request, acquirer");
        check("1240", "1993 financial notification, acquirer");
        check("1442", "1993 chargeback notification, issuer");
        check("1520", "1993 reconciliation advice, acquirer");
        check("1740", "1993 fee collection notification, acquirer");
        check("1804", "1993 network management request, other");
        check("1160", "1993 authorization reserved function, acquirer");
        check("2260", "2003 financial instruction, acquirer");
        check("2630", "2003 administrative advice response, acquirer");
        check("9999", "private reserved class reserved function, reserved origin");
    }

    #[test]
    fn dates_by_edition() {
        let check = |edition, field, value: &str, expect: Option<&str>| {
            assert_eq!(of_field(edition, field, value).as_deref(), expect, "{edition} {field} {value}");
        };
        check(1987, 7, "1123155959", Some("23 November, 15:59:59 UTC"));
        check(1993, 7, "0229000000", Some("29 February, 00:00:00 UTC"));
        check(2003, 7, "1131155959", None);
        check(1987, 7, "112315595", None);
        check(1987, 12, "155959", Some("15:59:59"));
        check(1987, 12, "240000", None);
        check(1993, 12, "261123155959", Some("23 November 2026, 15:59:59"));
        check(1993, 12, "155959", None);
        check(2003, 12, "20261123155959", Some("23 November 2026, 15:59:59"));
        check(1987, 13, "1123", Some("23 November"));
        check(1993, 13, "2611", Some("November 2026"));
        check(1987, 14, "2811", Some("November 2028"));
        check(2003, 14, "2813", None);
        check(1987, 15, "0101", Some("1 January"));
        check(1993, 15, "260101", Some("1 January 2026"));
        check(2003, 15, "20260101", Some("1 January 2026"));
        check(1987, 16, "1231", Some("31 December"));
        check(1993, 17, "0430", Some("30 April"));
        check(2003, 17, "0430", None);
        check(1993, 28, "270229", None);
        check(1987, 73, "280229", Some("29 February 2028"));
        check(2021, 7, "1123155959", None);
    }

    #[test]
    fn one_number_in_several_editions() {
        let check = |edition, field, value: &str, expect: Option<&str>| {
            assert_eq!(of_field(edition, field, value).as_deref(), expect, "{edition} {field} {value}");
        };
        check(1987, 3, "000000", Some("purchase"));
        check(2003, 3, "200030", Some("refund to credit account"));
        check(1987, 9, "61234567", Some("rate 1.234567"));
        check(2003, 9, "61234567", None);
        check(1987, 18, "5411", Some("grocery stores and supermarkets"));
        check(2003, 18, "5411", None);
        check(1993, 26, "6011", Some("automated cash disbursement"));
        check(1987, 26, "12", Some("PIN of at most 12 digits"));
        check(1987, 26, "03", None);
        check(1987, 19, "860", Some("Uzbekistan"));
        check(1993, 21, "840", Some("United States"));
        check(2003, 21, "840", None);
        check(1987, 22, "051", Some("chip, PIN can be entered"));
        check(1987, 24, "100", None);
        check(1993, 24, "100", Some("original authorization, exact amount"));
        check(1987, 25, "08", Some("mail or telephone order"));
        check(1993, 25, "4021", Some("timeout waiting for the response"));
        check(1987, 28, "D00000150", Some("150 minor units, debit"));
        check(1993, 30, "000000001250000000000000", Some("minor units: transaction 1250; reconciliation 0"));
        check(1987, 39, "51", Some("insufficient funds"));
        check(1993, 39, "116", Some("insufficient funds"));
        check(2003, 39, "1016", Some("insufficient funds"));
        check(1987, 39, "116", None);
        check(1987, 49, "840", Some("USD, 2 decimals"));
        check(1987, 51, "JPY", Some("JPY, no decimals"));
        check(2003, 49, "840", None);
        check(1987, 70, "301", Some("echo test"));
        check(1993, 70, "301", None);
        check(1993, 24, "831", Some("echo test"));
        check(1987, 97, "C0000000000001250", Some("1250 minor units, credit"));
    }

    #[test]
    fn card_data_has_no_meaning() {
        let secrets = [
            "4000001234567899",
            "4000001234567899=28122011234",
            "%B4000001234567899^DOE/J^2812201",
            "0123456789ABCDEF",
            "123",
        ];
        // PAN, extended PAN, tracks, PIN block, security control, chip data, accounts, private data.
        for field in [2, 34, 35, 36, 45, 48, 52, 53, 55, 64, 96, 102, 103, 128].into_iter().chain(57..=63) {
            for (edition, secret) in [1987, 1993, 2003].into_iter().flat_map(|e| secrets.map(|s| (e, s))) {
                assert_eq!(of_field(edition, field, secret), None, "{edition} {field}");
            }
        }
    }

    #[test]
    fn no_value_panics() {
        let odd = [
            "",
            "-",
            "é",
            "éééé",
            "\u{1F4B3}\u{1F4B3}\u{1F4B3}",
            "+1234567",
            "0x12",
            "99999999",
            " 123",
            "C",
        ];
        for edition in [0, 1987, 1993, 2003] {
            for field in 0..=u8::MAX {
                for text in odd {
                    for times in 1..=12 {
                        let _ = of_field(edition, field, &text.repeat(times));
                    }
                }
                for digit in ["0", "1", "9", "A"] {
                    for times in 0..=130 {
                        let _ = of_field(edition, field, &digit.repeat(times));
                    }
                }
            }
        }
    }
}
