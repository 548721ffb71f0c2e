use super::*;
use crate::dump::frame_of;
use crate::{Dialect, parse, parse_leading};

const PURCHASE: [(u8, &str); 9] = [
    (2, "4000001234567899"),
    (3, "011000"),
    (4, "000000001250"),
    (35, "4000001234567899=28122011234567890"),
    (48, "CVV2 123"),
    (49, "840"),
    (52, "0123456789ABCDEF"),
    (55, "5A08400000123456789982023900009F270180"),
    (70, "301"),
];

fn dialect(name: &str) -> &'static Dialect {
    Dialect::by_name(name).unwrap()
}

/// Checks that every row of `expect` is a row of the view, in this order.
fn check(view: &str, expect: &[&str]) {
    let mut rows = view.lines();
    for row in expect {
        assert!(rows.any(|line| line.trim_end() == *row), "no row {row:?} in its place in\n{view}");
    }
}

#[test]
fn every_byte_with_its_meaning() {
    let frame = frame_of(dialect("iso87_bcd"), "0200", &PURCHASE);
    let message = parse(&frame, dialect("iso87_bcd")).unwrap();
    check(
        &annotate(&message, Show::Masked),
        &[
            "    0  60 00 01 00 00                                    header",
            "    5  02 00                                             MTI     0200  (1987 financial request, acquirer)",
            "    7  F0 00 00 00 20 01 92 00                           bitmap  DE 2, 3, 4, 35, 48, 49, 52, 55; a further bitmap follows",
            "   15  04 00 00 00 00 00 00 00                           bitmap  DE 70",
            "   23  16                                                DE 2    length 16",
            "   24  ** ** ** ** ** ** ** **                           DE 2    Primary account number: 400000******7899",
            "   32  01 10 00                                          DE 3    Processing code: 011000  (cash withdrawal from savings account)",
            "                                                           1       Transaction type: 01",
            "   35  00 00 00 00 12 50                                 DE 4    Amount, transaction: 000000001250  (12.50 USD)",
            "   59  00 08                                             DE 48   length 8",
            "   61  ** ** ** ** ** ** ** **                           DE 48   Additional data, private: ********",
            "   82                                                    DE 55   ICC data",
            "   82  5A 08                                               5A      tag, length 8",
            "   84  ** ** ** ** ** ** ** **                             5A      Application PAN: ****************",
            "   96  00                                                  filler",
            "  100  80                                                  9F27    Cryptogram information data: 80  (ARQC: online authorization requested)",
        ],
    );
}

#[test]
fn parts_in_characters_stand_where_they_are() {
    let frame = frame_of(dialect("iso87_ascii"), "0200", &PURCHASE);
    let message = parse(&frame, dialect("iso87_ascii")).unwrap();
    check(
        &annotate(&message, Show::Unmasked),
        &[
            "   54                                                    DE 3    Processing code: 011000  (cash withdrawal from savings account)",
            "   54  30 31                                               1       Transaction type: 01",
            "   56  31 30                                               2       Account from: 10",
            "  122  30 31 32 33 34 35 36 37 38 39 41 42 43 44 45 46   DE 52   PIN block: 0123456789ABCDEF",
            "  141  35 41 30 38                                         5A      tag, length 8",
            "  145  34 30 30 30 30 30 31 32 33 34 35 36 37 38 39 39     5A      Application PAN: 4000001234567899",
        ],
    );
}

/// All bytes that stand in a view, without spaces.
fn bytes_of(view: &str) -> String {
    view.lines().flat_map(|line| line.chars().skip(7).take(48)).filter(|digit| *digit != ' ').collect()
}

/// Each byte of the frame stands in the view once, in order.
#[test]
fn no_byte_is_left_out() {
    for name in Dialect::names().filter(|name| *name != "iso2003_ascii") {
        let fields: Vec<(u8, &str)> = match name {
            "visa_base1" => vec![(2, "4000001234567899"), (3, "000000"), (55, "01000A9F2701800000820239FF")],
            "mastercard_cis" => {
                vec![(2, "4000001234567899"), (48, "T4201212345"), (55, "8202390095050000000000")]
            }
            "mastercard_ipm" | "mastercard_ipm_ascii" => {
                vec![(2, "4000001234567899"), (48, "0023003CT60001001X")]
            }
            "postilion" => vec![(2, "4000001234567899"), (127, "60000000000000003034414243444B4B4B")],
            _ => vec![(2, "4000001234567899"), (3, "000000"), (55, "8202390095050000000000")],
        };
        let Some(dialect) = Dialect::by_name(name) else { continue };
        let fields: Vec<(u8, &str)> =
            fields.into_iter().filter(|(field, _)| dialect.field(*field).is_some()).collect();
        let frame = frame_of(dialect, "0200", &fields);
        let message = parse(&frame, dialect).unwrap();
        let view = annotate(&message, Show::Unmasked);
        let shown = bytes_of(&view);
        assert_eq!(shown, hex_text::write(&frame), "{name}\n{view}");
    }
}

#[test]
fn nothing_hidden_is_shown() {
    for name in ["iso87_ascii", "iso87_ascii_binary", "iso87_bcd", "iso87_ebcdic", "postilion"] {
        let mut fields = PURCHASE.to_vec();
        if name == "postilion" {
            // CVV2 and a field without a name in the dialect's open list.
            fields.push((127, "4140000000000000303441424344313233"));
        }
        let frame = frame_of(dialect(name), "0200", &fields);
        let message = parse(&frame, dialect(name)).unwrap();
        let view = annotate(&message, Show::Masked);
        let bytes = bytes_of(&view);
        for secret in ["4000001234567899", "123456", "CVV2", "0123456789ABCDEF", "28122011"] {
            assert!(!view.contains(secret), "{name} shows {secret}\n{view}");
            assert!(!bytes.contains(&hex_text::write(secret.as_bytes())), "{name}\n{view}");
            assert!(!bytes.contains(secret), "{name}\n{view}");
        }
    }
}

#[test]
fn chip_data_that_cannot_be_read_is_hidden() {
    let mut fields = PURCHASE.to_vec();
    fields[7] = (55, "820A5A084000001234567899009F");
    let frame = frame_of(dialect("iso87_bcd"), "0200", &fields);
    let message = parse(&frame, dialect("iso87_bcd")).unwrap();
    let view = annotate(&message, Show::Masked);
    check(
        &view,
        &[
            "   82  ** ** ** ** ** ** ** ** ** ** ** ** ** **         DE 55   ICC data: ****************************",
            "                                                           at byte 13: the data ends inside the object",
        ],
    );
    assert!(!message.to_string().contains("12345678"));
}

#[test]
fn up_to_the_fault() {
    let mut frame = frame_of(dialect("iso87_ascii"), "0200", &PURCHASE);
    frame[75] = b'x';
    let (message, error) = parse_leading(&frame, dialect("iso87_ascii"));
    let view = annotate_leading(&message, &error.unwrap(), Show::Masked);
    check(
        &view,
        &[
            "   38  ** ** ** ** ** ** ** ** ** ** ** ** ** ** ** **   DE 2    Primary account number: 400000******7899",
            "   72  ** ** **                                          DE 35   Track 2 data, not read",
            "   75                                                    FAULT   DE 35 at offset 75: a track character belongs here, found a letter",
            "   75  ** ** ** ** ** ** ** ** ** ** ** ** ** ** ** **   not read",
            "  139  and 43 more",
        ],
    );
    assert!(annotate_leading(&message, &error.unwrap(), Show::Unmasked).contains("33 34 34  "), "{view}");
}

#[test]
fn a_frame_that_does_not_begin_well() {
    let check = |frame: &[u8], expect: &[&str]| {
        let (message, error) = parse_leading(frame, dialect("iso87_ascii"));
        let view = annotate_leading(&message, &error.unwrap(), Show::Masked);
        assert_eq!(view.lines().collect::<Vec<_>>(), expect);
    };
    let fault = "                                                    FAULT   ";
    check(b"", &[&format!("    0{fault}at offset 0: truncated: 4 bytes belong here, 0 are left")]);
    check(
        b"02x0",
        &[
            &format!("    0{fault}at offset 0: not a message type: four decimal digits belong here"),
            "    0  ** ** ** **                                       not read",
        ],
    );
    check(
        b"020012",
        &[
            "    0  30 32 30 30                                       MTI     0200  (1987 financial request, acquirer)",
            &format!("    4{fault}at offset 4: truncated: 16 bytes belong here, 2 are left"),
            "    4  ** **                                             not read",
        ],
    );
}

#[test]
fn a_card_number_in_the_wrong_place_is_hidden() {
    // Two card numbers where DE 42 is all there should be.
    let frame = b"0200000000000040000041111111111111114000001234567899";
    let (message, error) = parse_leading(frame, dialect("iso87_ascii"));
    assert!(message.has(42));
    let view = annotate_leading(&message, &error.unwrap(), Show::Masked);
    assert!(view.contains("a card number may have got into it") && !view.contains("41111"), "{view}");
}

#[test]
fn a_card_number_is_not_taken_for_a_bitmap() {
    let (message, error) = parse_leading(b"4000001234567899000000000000001", dialect("iso87_ascii"));
    let view = annotate_leading(&message, &error.unwrap(), Show::Masked);
    assert!(!view.contains("31 32 33") && !view.contains("MTI"), "{view}");
}
