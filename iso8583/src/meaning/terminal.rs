//! What the terminal is and can do: tags 9F35, 9F33, 9F40 and 9F66.

/// Terminal type, tag 9F35: who runs it, and where (EMV 4.4 Book 4, annex A1). A cardholder's own
/// terminal is always unattended.
pub(super) fn of_type(value: &[u8]) -> Option<String> {
    let [code] = value else { return None };
    let operator = match (code >> 4, code & 0x0F) {
        (1, _) => "bank",
        (2, _) => "merchant",
        (3, 4..) => "cardholder",
        _ => return None,
    };
    let environment = match code & 0x0F {
        1 => "attended, online only",
        2 => "attended, offline with online capability",
        3 => "attended, offline only",
        4 => "unattended, online only",
        5 => "unattended, offline with online capability",
        6 => "unattended, offline only",
        _ => return None,
    };
    Some(format!("{operator}, {environment}"))
}

/// Terminal capabilities, tag 9F33 (EMV 4.4 Book 4, annex A2).
pub(super) const CAPABILITIES: [[&str; 8]; 3] = [
    ["manual entry", "magnetic stripe", "chip with contacts", "", "", "", "", ""],
    [
        "plaintext PIN to the card",
        "online PIN",
        "signature",
        "enciphered PIN to the card",
        "no CVM",
        "",
        "",
        "",
    ],
    ["SDA", "DDA", "card capture", "", "CDA", "", "", ""],
];

/// Additional terminal capabilities, tag 9F40 (EMV 4.4 Book 4, annex A3).
pub(super) const ADDITIONAL_CAPABILITIES: [[&str; 8]; 5] = [
    ["cash", "goods", "services", "cashback", "inquiry", "transfer", "payment", "administrative"],
    ["cash deposit", "", "", "", "", "", "", ""],
    ["numeric keys", "letters and special keys", "command keys", "function keys", "", "", "", ""],
    [
        "prints for attendant",
        "prints for cardholder",
        "displays to attendant",
        "displays to cardholder",
        "",
        "",
        "code table 10",
        "code table 9",
    ],
    [
        "code table 8",
        "code table 7",
        "code table 6",
        "code table 5",
        "code table 4",
        "code table 3",
        "code table 2",
        "code table 1",
    ],
];

/// Terminal transaction qualifiers, tag 9F66 (contactless Book A, 5.7).
pub(super) const QUALIFIERS: [[&str; 8]; 4] = [
    [
        "stripe mode supported",
        "",
        "EMV mode supported",
        "chip with contacts supported",
        "offline-only reader",
        "online PIN supported",
        "signature supported",
        "offline data authentication for online transactions supported",
    ],
    ["online cryptogram required", "CVM required", "offline PIN supported", "", "", "", "", ""],
    [
        "issuer update supported",
        "verification on the device supported",
        "",
        "",
        "verification on the device required",
        "",
        "",
        "",
    ],
    ["fDDA version 1 supported", "", "", "", "", "", "", ""],
];

#[cfg(test)]
mod tests {
    use super::super::flags;
    use super::*;

    #[test]
    fn types() {
        let check = |value: &[u8], expect: Option<&str>| assert_eq!(of_type(value).as_deref(), expect);
        check(&[0x14], Some("bank, unattended, online only"));
        check(&[0x22], Some("merchant, attended, offline with online capability"));
        check(&[0x36], Some("cardholder, unattended, offline only"));
        check(&[0x31], None);
        check(&[0x20], None);
        check(&[0x42], None);
        check(&[0x22, 0x22], None);
        check(&[], None);
    }

    #[test]
    fn capabilities() {
        let check = |text: Option<String>, expect: &str| assert_eq!(text.as_deref(), Some(expect));
        check(
            flags::of(&[0xE0, 0xF8, 0xC8], &CAPABILITIES),
            "manual entry; magnetic stripe; chip with contacts; plaintext PIN to the card; online PIN; \
             signature; enciphered PIN to the card; no CVM; SDA; DDA; CDA",
        );
        check(
            flags::of(&[0x80, 0x80, 0xF0, 0x30, 0x01], &ADDITIONAL_CAPABILITIES),
            "cash; cash deposit; numeric keys; letters and special keys; command keys; function keys; \
             displays to attendant; displays to cardholder; code table 1",
        );
        check(
            flags::of(&[0x26, 0x80, 0x40, 0x00], &QUALIFIERS),
            "EMV mode supported; online PIN supported; signature supported; online cryptogram required; \
             verification on the device supported",
        );
        assert_eq!(flags::of(&[0xE0, 0xF8], &CAPABILITIES), None);
    }
}
