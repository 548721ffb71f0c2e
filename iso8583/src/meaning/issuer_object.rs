//! What passes between the card and its issuer: tags 9F10, 91, 71, 72 and 9F5B. Only the frame of
//! each is told; the contents are the issuer's.

use crate::emv::{self, tag};
use std::fmt::Write;

/// Issuer application data, tag 9F10. It does not say whose layout it follows, so this is what it
/// looks like by lengths and constant bytes; whoever checks a cryptogram goes by the BIN.
pub(super) fn of_application_data(value: &[u8]) -> Option<String> {
    if !(1..=32).contains(&value.len()) {
        return None;
    }
    let mut text = bytes(value.len());
    let (layout, key_index, cvn, name) = match *value {
        [0x0F, cci @ (0xA5 | 0xA6), key, ..] if value.len() == 32 && value.get(16) == Some(&0x0F) => {
            write!(text, ", CCD layout, key index {key:02X}, CCI {cci:02X}").ok()?;
            return Some(text);
        }
        [0x06, key, cvn, 0x03, _, _, _, ..] => ("Visa", key, cvn, visa_name(cvn)),
        [0x1F, cvn, key, ..] if value.len() == 32 => ("Visa", key, cvn, visa_name(cvn)),
        [key, cvn @ 0x10..=0x17, ..] if matches!(value.len(), 18 | 20 | 26 | 28) => {
            ("M/Chip", key, cvn, m_chip_name(cvn))
        }
        [0x07, key, cvn, 0x03, _, _, _, _, ..] => ("UnionPay", key, cvn, None),
        _ => return Some(text),
    };
    write!(text, ", {layout} layout, key index {key_index:02X}, CVN ").ok()?;
    match name {
        Some(name) => write!(text, "{name} ({cvn:02X})").ok()?,
        None => write!(text, "{cvn:02X}").ok()?,
    }
    Some(text)
}

/// Visa speaks of its versions in decimal, but for the 22 of cloud cards, which is hexadecimal.
fn visa_name(cvn: u8) -> Option<u8> {
    match cvn {
        0x0A => Some(10),
        0x11 => Some(17),
        0x12 => Some(18),
        0x22 => Some(22),
        _ => None,
    }
}

fn m_chip_name(cvn: u8) -> Option<u8> {
    matches!(cvn, 0x10 | 0x11 | 0x14 | 0x15).then_some(cvn)
}

/// Issuer authentication data, tag 91: ARPC (8) and response code (2), or ARPC (4), card status
/// update (4) and up to 8 bytes of the issuer (EMV 4.4 Book 2, 8.2).
pub(super) fn of_authentication_data(value: &[u8]) -> Option<String> {
    let length = bytes(value.len());
    match value.len() {
        8 => Some(format!("{length}, ARPC and card status update")),
        // Two bytes of the issuer would make the second form as long.
        10 => Some(format!("{length}, probably ARPC and response code")),
        9..=16 => Some(format!("{length}, ARPC, card status update and data of the issuer")),
        _ => None,
    }
}

/// Issuer script templates 71 and 72 (EMV 4.4 Book 3, 10.10).
pub(super) fn of_script(template: u32, value: &[u8]) -> Option<String> {
    let when = match template {
        tag::SCRIPT_1 => "before",
        tag::SCRIPT_2 => "after",
        _ => return None,
    };
    let mut commands = 0;
    let mut identifier = None;
    for object in emv::tlv(value) {
        let object = object.ok()?;
        match object.tag {
            tag::SCRIPT_COMMAND => commands += 1,
            tag::SCRIPT_IDENTIFIER => identifier = Some(<[u8; 4]>::try_from(object.value).ok()?),
            _ => {}
        }
    }
    let plural = if commands == 1 { "" } else { "s" };
    let mut text = format!("{commands} command{plural}, to run {when} the final GENERATE AC");
    if let Some(identifier) = identifier {
        write!(text, ", script {:08X}", u32::from_be_bytes(identifier)).ok()?;
    }
    Some(text)
}

/// Issuer script results, tag 9F5B: five bytes for each script (EMV 4.4 Book 4, annex A5).
pub(super) fn of_script_results(value: &[u8]) -> Option<String> {
    let (results, rest) = value.as_chunks::<5>();
    if results.is_empty() || !rest.is_empty() {
        return None;
    }
    let mut text = String::new();
    for [result, identifier @ ..] in results {
        let outcome = match result >> 4 {
            0 => "not performed",
            1 => "failed",
            2 => "successful",
            _ => return None,
        };
        let separator = if text.is_empty() { "" } else { "; " };
        write!(text, "{separator}script {:08X} {outcome}", u32::from_be_bytes(*identifier)).ok()?;
        match result & 0x0F {
            0 => {}
            0xF => text.push_str(", command 15 or later"),
            command => write!(text, ", command {command}").ok()?,
        }
    }
    Some(text)
}

fn bytes(length: usize) -> String {
    format!("{length} byte{}", if length == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    #[test]
    fn application_data() {
        let check = |value: &str, expect: Option<&str>| {
            assert_eq!(of_application_data(&unhex(value)).as_deref(), expect);
        };
        check("06011203A0B800", Some("7 bytes, Visa layout, key index 01, CVN 18 (12)"));
        check("06010A03A0B800", Some("7 bytes, Visa layout, key index 01, CVN 10 (0A)"));
        check("06012C03A0B800", Some("7 bytes, Visa layout, key index 01, CVN 2C"));
        check(
            &format!("1F2201{}", "00".repeat(29)),
            Some("32 bytes, Visa layout, key index 01, CVN 22 (22)"),
        );
        check(
            "0110608003220000B6A4FFFFFFFFFFFFFFFF",
            Some("18 bytes, M/Chip layout, key index 01, CVN 16 (10)"),
        );
        check(
            "0114608003220000B6A4FFFFFFFFFFFFFFFF0000",
            Some("20 bytes, M/Chip layout, key index 01, CVN 20 (14)"),
        );
        check("07010103A0A00001", Some("8 bytes, UnionPay layout, key index 01, CVN 01"));
        check(
            &format!("0FA501{}0F{}", "00".repeat(13), "00".repeat(15)),
            Some("32 bytes, CCD layout, key index 01, CCI A5"),
        );
        check("06011203A0B8", Some("6 bytes"));
        check("00", Some("1 byte"));
        check("", None);
        check(&"00".repeat(33), None);
    }

    #[test]
    fn authentication_data() {
        let check = |length: usize, expect: Option<&str>| {
            assert_eq!(of_authentication_data(&[0; 17][..length]).as_deref(), expect);
        };
        check(7, None);
        check(8, Some("8 bytes, ARPC and card status update"));
        check(10, Some("10 bytes, probably ARPC and response code"));
        check(16, Some("16 bytes, ARPC, card status update and data of the issuer"));
        check(17, None);
    }

    #[test]
    fn scripts() {
        let check = |template, value: &str, expect: Option<&str>| {
            assert_eq!(of_script(template, &unhex(value)).as_deref(), expect);
        };
        check(
            0x71,
            "9F180400000001860D8424000008AABBCCDDEEFF0011",
            Some("1 command, to run before the final GENERATE AC, script 00000001"),
        );
        check(0x72, "86018486018400", Some("2 commands, to run after the final GENERATE AC"));
        check(0x72, "", Some("0 commands, to run after the final GENERATE AC"));
        check(0x72, "860584", None);
        check(0x72, "9F180100", None);
        check(0x73, "", None);
        let check = |value: &str, expect: Option<&str>| {
            assert_eq!(of_script_results(&unhex(value)).as_deref(), expect);
        };
        check("2000000001", Some("script 00000001 successful"));
        check(
            "13000000011F00000002",
            Some("script 00000001 failed, command 3; script 00000002 failed, command 15 or later"),
        );
        check("3000000001", None);
        check("20000000", None);
        check("", None);
    }
}
