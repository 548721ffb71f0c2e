//! What the objects of chip data (DE 55) say.

use super::date::{Clock, Day};
use super::digits::{packed_number, packed_pairs};
use super::{
    amount, application, country, entry_mode, flags, issuer_object, merchant_category, processing_code,
    response, terminal, verification,
};
use crate::emv::tag;
use card::Currency;

/// What the value of an EMV data object says, or `None` when there is nothing to add to it. Objects
/// that carry card data ([`tag::is_sensitive`]) and cryptograms have no meaning.
#[must_use]
pub fn of_tag(tag: u32, value: &[u8]) -> Option<String> {
    if tag::is_sensitive(tag) {
        return None;
    }
    match tag {
        tag::TVR | tag::IAC_DEFAULT | tag::IAC_DENIAL | tag::IAC_ONLINE => {
            flags::of(value, &flags::VERIFICATION_RESULTS)
        }
        tag::TSI => flags::of(value, &flags::STATUS_INFORMATION),
        tag::AIP => flags::of(value, &flags::INTERCHANGE_PROFILE),
        tag::APPLICATION_USAGE_CONTROL => flags::of(value, &flags::USAGE_CONTROL),
        tag::CARD_QUALIFIERS => flags::of(value, &flags::CARD_QUALIFIERS),
        tag::TERMINAL_CAPABILITIES => flags::of(value, &terminal::CAPABILITIES),
        tag::ADDITIONAL_TERMINAL_CAPABILITIES => flags::of(value, &terminal::ADDITIONAL_CAPABILITIES),
        tag::TERMINAL_QUALIFIERS => flags::of(value, &terminal::QUALIFIERS),
        tag::TERMINAL_TYPE => terminal::of_type(value),
        tag::CVM_RESULTS => verification::of_results(value),
        tag::CVM_LIST => verification::of_list(value),
        tag::CRYPTOGRAM_INFORMATION => of_cryptogram_information(value),
        tag::ISSUER_APPLICATION_DATA => issuer_object::of_application_data(value),
        tag::ISSUER_AUTHENTICATION => issuer_object::of_authentication_data(value),
        tag::SCRIPT_1 | tag::SCRIPT_2 => issuer_object::of_script(tag, value),
        tag::SCRIPT_RESULTS => issuer_object::of_script_results(value),
        tag::RESPONSE_CODE => response::of_chip(value),
        tag::AID_CARD | tag::DF_NAME | tag::AID_TERMINAL => application::of(value),
        tag::TRANSACTION_TYPE => of_two_digits(value, processing_code::transaction_type),
        tag::ACCOUNT_TYPE => of_two_digits(value, processing_code::account_type),
        tag::ENTRY_MODE => of_two_digits(value, entry_mode::name),
        tag::MERCHANT_CATEGORY => {
            let code = packed_number::<2>(value)?;
            merchant_category::by_number(u16::try_from(code).ok()?).map(str::to_string)
        }
        tag::TERMINAL_COUNTRY | tag::ISSUER_COUNTRY => {
            country::by_number(packed_number::<2>(value)?).map(str::to_string)
        }
        tag::CURRENCY | tag::REFERENCE_CURRENCY | tag::APPLICATION_CURRENCY => of_currency(value),
        tag::CURRENCY_EXPONENT | tag::REFERENCE_CURRENCY_EXPONENT | tag::APPLICATION_CURRENCY_EXPONENT => {
            Some(amount::of_exponent(packed_number::<1>(value)?))
        }
        tag::AMOUNT | tag::AMOUNT_OTHER => Some(format!("{} minor units", packed_number::<6>(value)?)),
        tag::AMOUNT_BINARY | tag::AMOUNT_OTHER_BINARY | tag::FLOOR_LIMIT => {
            Some(format!("{} minor units", u32::from_be_bytes(value.try_into().ok()?)))
        }
        tag::DATE | tag::EXPIRY | tag::EFFECTIVE_DATE => {
            Some(Day::of_chip(packed_pairs(value)?)?.to_string())
        }
        tag::TIME => Some(Clock::new(packed_pairs(value)?)?.to_string()),
        tag::ATC | tag::LAST_ONLINE_ATC => Some(u16::from_be_bytes(value.try_into().ok()?).to_string()),
        tag::PIN_TRY_COUNTER => of_pin_tries(value),
        tag::APPLICATION_LABEL
        | tag::PREFERRED_NAME
        | tag::LANGUAGE_PREFERENCE
        | tag::ISSUER_COUNTRY_ALPHA_2
        | tag::ISSUER_COUNTRY_ALPHA_3
        | tag::MERCHANT_IDENTIFIER
        | tag::TERMINAL_IDENTIFICATION
        | tag::INTERFACE_DEVICE_SERIAL
        | tag::MERCHANT_NAME => of_text(value),
        _ => None,
    }
}

/// Tag 9F27: the kind of cryptogram, whether an advice is wanted, and why (EMV 4.4 Book 3, 6.5.5.4).
fn of_cryptogram_information(value: &[u8]) -> Option<String> {
    let [byte] = *value else { return None };
    let mut text = match byte >> 6 {
        0 => "AAC: declined",
        1 => "TC: approved",
        2 => "ARQC: online authorization requested",
        _ => return None,
    }
    .to_string();
    if byte & 0x08 != 0 {
        text.push_str("; advice required");
    }
    match byte & 0x07 {
        1 => text.push_str("; service not allowed"),
        2 => text.push_str("; PIN tries exceeded"),
        3 => text.push_str("; issuer authentication failed"),
        _ => {}
    }
    Some(text)
}

fn of_currency(value: &[u8]) -> Option<String> {
    let code = u16::try_from(packed_number::<2>(value)?).ok()?;
    amount::of_currency(Currency::from_numeric(code).ok()?.code())
}

fn of_pin_tries(value: &[u8]) -> Option<String> {
    match *value {
        [1] => Some("1 try left".to_string()),
        [tries] => Some(format!("{tries} tries left")),
        _ => None,
    }
}

/// Two digits packed in one byte, which mean what they mean in the field they are copied from.
fn of_two_digits(value: &[u8], meaning: fn(&str) -> Option<&'static str>) -> Option<String> {
    let [pair] = packed_pairs(value)?;
    let digits = [b'0' + pair / 10, b'0' + pair % 10];
    meaning(std::str::from_utf8(&digits).ok()?).map(str::to_string)
}

/// Printable ASCII as it is; names in other character sets stay hexadecimal.
fn of_text(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let printable = text.bytes().all(|byte| (0x20..=0x7E).contains(&byte));
    (printable && !text.is_empty()).then(|| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tag: u32, value: &str, expect: Option<&str>) {
        assert_eq!(of_tag(tag, &hex::decode(value).unwrap()).as_deref(), expect, "{tag:X} {value}");
    }

    #[test]
    fn terminal_and_card() {
        check(0x95, "0000008000", Some("over the floor limit"));
        check(0x9F0E, "0000000000", Some("nothing set"));
        check(
            0x9B,
            "6800",
            Some(
                "cardholder verification performed; card risk management performed; \
             terminal risk management performed",
            ),
        );
        check(0x82, "1800", Some("cardholder verification supported; terminal risk management required"));
        check(0x9F07, "FF", None);
        check(0x9F33, "000840", Some("no CVM; DDA"));
        check(0x9F34, "1F0002", Some("no CVM required, always: successful"));
        check(0x9F35, "22", Some("merchant, attended, offline with online capability"));
        check(0x9F6C, "0080", Some("verified on the device"));
        check(0x84, "A0000000031010", Some("Visa credit or debit"));
        check(0x9F17, "03", Some("3 tries left"));
        check(0x50, "56495341", Some("VISA"));
        check(0x50, "5649C141", None);
        check(0x9F1C, "3132333435363738", Some("12345678"));
    }

    #[test]
    fn the_transaction() {
        check(0x9C, "00", Some("purchase"));
        check(0x9C, "09", Some("purchase with cashback"));
        check(0x9C, "1A", None);
        check(0x9F39, "05", Some("chip"));
        check(0x9F39, "07", Some("contactless chip"));
        check(0x9F15, "5411", Some("grocery stores and supermarkets"));
        check(0x9F1A, "0860", Some("Uzbekistan"));
        check(0x5F28, "0840", Some("United States"));
        check(0x9F1A, "084A", None);
        check(0x5F2A, "0840", Some("USD, 2 decimals"));
        check(0x5F2A, "0392", Some("JPY, no decimals"));
        check(0x5F2A, "0000", None);
        check(0x5F36, "02", Some("2 decimals"));
        check(0x9F44, "00", Some("no decimals"));
        check(0x5F57, "20", Some("cheque account"));
        check(0x5F2D, "656E", Some("en"));
        check(0x9F02, "000000001250", Some("1250 minor units"));
        check(0x9F02, "0000001250", None);
        check(0x81, "000004E2", Some("1250 minor units"));
        check(0x9A, "261123", Some("23 November 2026"));
        check(0x9A, "261323", None);
        check(0x5F24, "991231", Some("31 December 1999"));
        check(0x9F21, "155959", Some("15:59:59"));
        check(0x9F36, "002A", Some("42"));
        check(0x9F36, "2A", None);
    }

    #[test]
    fn the_decision() {
        check(0x9F27, "80", Some("ARQC: online authorization requested"));
        check(0x9F27, "40", Some("TC: approved"));
        check(0x9F27, "00", Some("AAC: declined"));
        check(0x9F27, "0A", Some("AAC: declined; advice required; PIN tries exceeded"));
        check(0x9F27, "C0", None);
        check(0x9F27, "8000", None);
        check(0x8A, "3030", Some("approved"));
        check(0x8A, "5A33", Some("unable to go online, declined offline"));
        check(0x91, "0011223344556677", Some("8 bytes, ARPC and card status update"));
        check(0x72, "860184", Some("1 command, to run after the final GENERATE AC"));
        check(0x9F5B, "2000000001", Some("script 00000001 successful"));
        check(0x9F10, "06011203A0B800", Some("7 bytes, Visa layout, key index 01, CVN 18 (12)"));
    }

    #[test]
    fn card_data_has_no_meaning() {
        let secrets =
            ["4000001234567899", "4000001234567899D28122011234", "34303030303031323334353637383939", "1234"];
        let tags = [
            0x56, 0x57, 0x5A, 0x86, 0x99, 0x5F20, 0x5F53, 0x9F0B, 0x9F1F, 0x9F20, 0x9F25, 0x9F26, 0x9F2D,
            0x9F37, 0x9F46, 0x9F60, 0x9F61, 0x9F6B, 0x9F6E, 0x9F7C, 0xDF01,
        ];
        for tag in tags {
            for secret in secrets {
                check(tag, secret, None);
            }
        }
    }

    #[test]
    fn no_value_panics() {
        for tag in (0..=0xFF).chain(0x5F00..=0x5FFF).chain(0x9F00..=0x9FFF).chain([0xBF0C, 0xDF8101]) {
            for byte in [0x00, 0x09, 0x10, 0x3F, 0x99, 0xFF] {
                for length in 0..=40 {
                    let _ = of_tag(tag, &vec![byte; length]);
                }
            }
        }
    }
}
