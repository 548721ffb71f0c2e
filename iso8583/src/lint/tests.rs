use super::*;
use crate::dump::frame_of;
use crate::{Dialect, parse};

/// A sound purchase.
const PURCHASE: [(u8, &str); 12] = [
    (2, "4000001234567899"),
    (3, "000000"),
    (4, "000000001250"),
    (7, "1123155959"),
    (11, "000123"),
    (14, "2812"),
    (35, "4000001234567899=28122011234567890"),
    (41, "TERM0001"),
    (49, "840"),
    (52, "0123456789ABCDEF"),
    (55, "5F2A0208409F02060000000012509A032611239F2103155959"),
    (70, "301"),
];

fn findings(dialect: &str, mti: &str, change: &[(u8, &str)]) -> Vec<String> {
    let dialect = Dialect::by_name(dialect).unwrap();
    let mut fields: Vec<(u8, &str)> = PURCHASE
        .into_iter()
        .filter(|(field, _)| !change.iter().any(|(changed, _)| changed == field))
        .collect();
    fields.extend(change.iter().filter(|(_, text)| !text.is_empty()));
    let frame = frame_of(dialect, mti, &fields);
    lint(&parse(&frame, dialect).unwrap()).iter().map(ToString::to_string).collect()
}

fn check(change: &[(u8, &str)], expect: &[&str]) {
    for dialect in ["iso87_ascii", "iso87_bcd", "iso87_ebcdic", "postilion"] {
        assert_eq!(findings(dialect, "0200", change), expect, "{dialect} {change:?}");
    }
}

#[test]
fn a_sound_message() {
    check(&[], &[]);
    check(&[(39, "00")], &[]);
}

#[test]
fn rules_of_the_dialect() {
    check(&[(41, "")], &["error: DE 41: missing"]);
    assert_eq!(findings("iso87_ascii", "0210", &[]), ["error: DE 39: missing"]);
    assert_eq!(findings("iso87_ascii", "0210", &[(39, "00")]), [""; 0]);
}

#[test]
fn a_response_without_a_rule() {
    let dialect = Dialect::from_toml("name = \"x\"\nedition = 1987\n[field]\n3 = { type = \"n6\" }").unwrap();
    let frame = frame_of(&dialect, "0210", &[(3, "000000")]);
    let found = lint(&parse(&frame, &dialect).unwrap());
    assert_eq!(
        found.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["error: DE 39: missing in a response"]
    );
}

#[test]
fn dates_and_times() {
    check(&[(7, "1131155959")], &["error: DE 7: no such date and time"]);
    check(&[(12, "240000")], &["error: DE 12: no such time"]);
    check(&[(13, "0230"), (15, "0000")], &["error: DE 13: no such date", "warning: DE 15: no such date"]);
    check(&[(14, "2813"), (35, "")], &["error: DE 14: no such month"]);
    check(&[(73, "270229")], &["error: DE 73: no such date"]);
    check(
        &[(55, "9A032613239F2103246060")],
        &["warning: DE 55.9A: no such date", "warning: DE 55.9F21: no such time"],
    );
    assert_eq!(
        findings("iso93_ascii", "1200", &[(12, "260230155959"), (24, "200"), (39, "000")]),
        ["error: DE 12: no such date and time"]
    );
}

#[test]
fn currencies_and_amounts() {
    check(&[(49, "999"), (50, "ZZZ"), (55, "")], &["warning: DE 50: no currency of ISO 4217"]);
    check(&[(49, "001"), (55, "")], &["warning: DE 49: no currency of ISO 4217"]);
    check(&[(49, "978")], &["warning: DE 55.5F2A: another currency than DE 49"]);
    check(&[(49, "USD")], &[]);
    check(&[(4, "000000001251")], &["warning: DE 55.9F02: another amount than DE 4"]);
    check(&[(55, "5F2A020001")], &["warning: DE 55.5F2A: no currency of ISO 4217"]);
}

#[test]
fn card_data_that_disagrees() {
    let wrong = "the check digit of the card number is wrong";
    check(
        &[(2, "4000001234567890")],
        &[&format!("warning: DE 2: {wrong}"), "warning: DE 35: another card number than DE 2"],
    );
    check(&[(14, "2811")], &["warning: DE 35: another expiry than DE 14"]);
    check(&[(14, ""), (2, "")], &[]);
    check(
        &[(55, "5A0840000000000000025F2403281131")],
        &[
            "warning: DE 55.5A: another card number than DE 2",
            "warning: DE 55.5F24: another expiry than DE 14",
        ],
    );
    check(&[(55, "57134000001234567899D28122010000000000000F5F2403281231")], &[]);
}

#[test]
fn chip_data_that_is_odd() {
    check(
        &[(55, "820239009A032611238202390072038601FF72038601FF")],
        &["warning: DE 55.82: the tag stands twice"],
    );
    check(&[(55, "8202390095")], &["error: DE 55: at byte 4: the data ends inside the object"]);
}

#[test]
fn message_types() {
    let check =
        |mti, expect: &[&str]| assert_eq!(findings("iso87_ascii", mti, &[(39, "00")]), expect, "{mti}");
    check("1200", &["warning: MTI 1200: of the edition of 1993, the dialect is of 1987"]);
    check("0900", &["warning: MTI 0900: the second digit is no class of messages"]);
    check(
        "0257",
        &[
            "warning: MTI 0257: the third digit is no function",
            "warning: MTI 0257: the last digit is no origin",
        ],
    );
    check("3200", &["warning: MTI 3200: no edition of the standard begins with this digit"]);
    check("9999", &[]);
}

#[test]
fn bitmaps_and_hexadecimal() {
    let check = |frame: &[u8], expect: &[&str]| {
        let dialect = Dialect::by_name("iso87_ascii").unwrap();
        let found: Vec<String> =
            lint(&parse(frame, dialect).unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(found, expect);
    };
    check(b"030080200000000000000000000000000000000123", &["note: the second bitmap is there and empty"]);
    check(b"03000000000000000001FEDCBA98765432ff", &["note: DE 64: lower-case hexadecimal"]);
    check(
        b"0300c0000000000000000400000000000000134000001234567301",
        &[
            "note: a bitmap in lower-case hexadecimal",
            "warning: DE 2: the check digit of the card number is wrong",
        ],
    );
}

#[test]
fn nothing_is_told_of_the_card() {
    let secrets = ["4000001234567890", "123456", "2811", "281220", "0123456789ABCDEF"];
    let change = [(2, "4000001234567890"), (14, "2811"), (48, "4000001234567890")];
    for dialect in ["iso87_ascii", "iso93_ascii", "mastercard_ipm"] {
        let fields: Vec<(u8, &str)> = change
            .into_iter()
            .chain([(12, "991399999999")])
            .filter(|(field, _)| *field != 12 || dialect != "iso87_ascii")
            .collect();
        for text in findings(dialect, "0200", &fields) {
            assert!(!secrets.iter().any(|secret| text.contains(secret)), "{dialect}: {text}");
        }
    }
}
