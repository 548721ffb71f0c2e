//! Chip objects in which every bit says something of its own. In the tables a row is a byte and
//! the names stand from bit 8, the highest, to bit 1; a bit without a name is reserved, or means
//! different things in different kernels.

use std::fmt::Write;

/// The names of all bits that are set.
pub(super) fn of<const N: usize>(value: &[u8], names: &[[&str; 8]; N]) -> Option<String> {
    let value: &[u8; N] = value.try_into().ok()?;
    let mut text = String::new();
    for (index, (byte, names)) in value.iter().zip(names).enumerate() {
        for (bit, name) in (1..=8).rev().zip(names) {
            if byte >> (bit - 1) & 1 == 0 {
                continue;
            }
            let separator = if text.is_empty() { "" } else { "; " };
            let written = match *name {
                "" => write!(text, "{separator}byte {} bit {bit}", index + 1),
                name => write!(text, "{separator}{name}"),
            };
            written.ok()?;
        }
    }
    if text.is_empty() {
        text.push_str("nothing set");
    }
    Some(text)
}

const NONE: [&str; 8] = [""; 8];

/// Terminal verification results, tag 95, and the issuer action codes 9F0D to 9F0F, which are laid
/// out alike (EMV 4.4 Book 3, annex C5). The low half of byte 5 belongs to the contactless kernels.
pub(super) const VERIFICATION_RESULTS: [[&str; 8]; 5] = [
    [
        "offline data authentication not performed",
        "SDA failed",
        "chip data missing",
        "card on the terminal's exception file",
        "DDA failed",
        "CDA failed",
        "SDA selected",
        "XDA selected",
    ],
    [
        "card and terminal have different application versions",
        "application expired",
        "application not yet effective",
        "requested service not allowed for the card",
        "new card",
        "",
        "biometric check successful",
        "biometric template format not supported",
    ],
    [
        "cardholder verification failed",
        "unknown verification method",
        "PIN tries exceeded",
        "PIN required, no working PIN pad",
        "PIN required, not entered",
        "PIN entered for online check",
        "biometric capture device out of order",
        "biometric entry bypassed",
    ],
    [
        "over the floor limit",
        "lower limit of consecutive offline transactions exceeded",
        "upper limit of consecutive offline transactions exceeded",
        "chosen at random for online processing",
        "merchant forced online",
        "biometric tries exceeded",
        "biometric type not supported",
        "XDA signature wrong",
    ],
    [
        "default TDOL used",
        "issuer authentication failed",
        "script failed before the final GENERATE AC",
        "script failed after the final GENERATE AC",
        "",
        "",
        "",
        "",
    ],
];

/// Transaction status information, tag 9B (EMV 4.4 Book 3, annex C6).
pub(super) const STATUS_INFORMATION: [[&str; 8]; 2] = [
    [
        "offline data authentication performed",
        "cardholder verification performed",
        "card risk management performed",
        "issuer authentication performed",
        "terminal risk management performed",
        "script processing performed",
        "",
        "",
    ],
    NONE,
];

/// Application interchange profile, tag 82 (EMV 4.4 Book 3, annex C1; bit 2 of byte 1 and byte 2:
/// contactless Book C-2).
pub(super) const INTERCHANGE_PROFILE: [[&str; 8]; 2] = [
    [
        "XDA supported",
        "SDA supported",
        "DDA supported",
        "cardholder verification supported",
        "terminal risk management required",
        "issuer authentication supported",
        "verification on the device supported",
        "CDA supported",
    ],
    ["contactless EMV mode supported", "", "", "", "", "", "", "relay resistance supported"],
];

/// Application usage control, tag 9F07 (EMV 4.4 Book 3, annex C2).
pub(super) const USAGE_CONTROL: [[&str; 8]; 2] = [
    [
        "domestic cash",
        "international cash",
        "domestic goods",
        "international goods",
        "domestic services",
        "international services",
        "ATMs",
        "terminals other than ATMs",
    ],
    ["domestic cashback", "international cashback", "", "", "", "", "", ""],
];

/// Card transaction qualifiers, tag 9F6C (contactless Book C-3, annex A.2).
pub(super) const CARD_QUALIFIERS: [[&str; 8]; 2] = [
    [
        "online PIN required",
        "signature required",
        "go online if offline data authentication fails",
        "use another interface if offline data authentication fails",
        "go online if the application has expired",
        "use another interface for cash",
        "use another interface for cashback",
        "not for contactless ATMs",
    ],
    ["verified on the device", "issuer update supported", "", "", "", "", "", ""],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verification_results() {
        let check = |value: &[u8], expect: Option<&str>| {
            assert_eq!(of(value, &VERIFICATION_RESULTS).as_deref(), expect);
        };
        check(&[0, 0, 0, 0, 0], Some("nothing set"));
        check(
            &[0x80, 0x00, 0x04, 0x80, 0x00],
            Some(
                "offline data authentication not performed; PIN entered for online check; over the floor limit",
            ),
        );
        check(
            &[0x40, 0x40, 0x20, 0x08, 0x40],
            Some(
                "SDA failed; application expired; PIN tries exceeded; merchant forced online; \
             issuer authentication failed",
            ),
        );
        check(&[0, 0x04, 0, 0, 0x01], Some("byte 2 bit 3; byte 5 bit 1"));
        check(&[0, 0, 0, 0], None);
        check(&[0, 0, 0, 0, 0, 0], None);
    }

    #[test]
    fn other_tables() {
        let check = |text: Option<String>, expect: &str| assert_eq!(text.as_deref(), Some(expect));
        check(
            of(&[0xE8, 0x00], &STATUS_INFORMATION),
            "offline data authentication performed; cardholder verification performed; \
             card risk management performed; terminal risk management performed",
        );
        check(
            of(&[0x18, 0x00], &INTERCHANGE_PROFILE),
            "cardholder verification supported; terminal risk management required",
        );
        check(of(&[0x00, 0x80], &INTERCHANGE_PROFILE), "contactless EMV mode supported");
        check(
            of(&[0x03, 0xC0], &USAGE_CONTROL),
            "ATMs; terminals other than ATMs; domestic cashback; international cashback",
        );
        check(of(&[0x80, 0x80], &CARD_QUALIFIERS), "online PIN required; verified on the device");
    }
}
