use super::*;
use crate::dump::{self, frame_of};
use crate::{Dialect, hex_text, parse};

fn dialect(name: &str) -> &'static Dialect {
    Dialect::by_name(name).unwrap()
}

/// Checks that a redacted message is sound, has the lengths of before, holds no secret in any form, and
/// is the same when redacted again; answers its fields in clear.
fn check(dialect: &Dialect, fields: &[(u8, &str)], secrets: &[&str]) -> Vec<(u8, String)> {
    let name = dialect.name();
    let frame = frame_of(dialect, "0200", fields);
    let message = parse(&frame, dialect).unwrap();
    let redacted = redact(&message);
    let after = parse(&redacted, dialect).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(after.bitmap(), message.bitmap(), "{name}");
    for field in message.bitmap().fields() {
        let lengths = [&message, &after].map(|message| message.wire(field).map(<[u8]>::len));
        assert_eq!(lengths[0], lengths[1], "{name} DE {field}");
    }
    let hexadecimal = hex_text::write(&redacted);
    let texts = dump::fields_as_text(&after, Show::Unmasked);
    for secret in secrets {
        let written = hex_text::write(secret.as_bytes());
        // Three digits come about by chance.
        let packed = secret.len() > 5 && secret.bytes().all(|digit| digit.is_ascii_hexdigit());
        assert!(!hexadecimal.contains(&written), "{name} holds {secret} in ASCII");
        assert!(!(packed && hexadecimal.contains(secret)), "{name} holds {secret} packed");
        assert!(!texts.iter().any(|(_, text)| text.contains(secret)), "{name} holds {secret}");
    }
    assert_eq!(redact(&after), redacted, "{name}: twice");
    texts
}

#[test]
fn card_data_of_every_form() {
    let fields = [
        (2, "4000001234567899"),
        (3, "000000"),
        (4, "000000001250"),
        (14, "2812"),
        (35, "4000001234567899=28122011234567890"),
        (45, "B4000001234567899^DOE/JANE^28122011234567890"),
        (48, "CVV2 541"),
        (52, "0123456789ABCDEF"),
        (55, "5A08400000123456789957114000001234567899D281220112345678905F2003444F459F36020001"),
        (64, "FEDCBA9876543210"),
        (102, "ACC 4000001234567899"),
    ];
    let secrets =
        ["4000001234567899", "123456", "CVV2", "541", "0123456789ABCDEF", "DOE", "JANE", "444F45", "2011234"];
    for name in
        ["iso87_ascii", "iso87_ascii_binary", "iso87_bcd", "iso87_ebcdic", "mastercard_cis", "postilion"]
    {
        // Private data of one has parts of its own.
        let mut fields: Vec<_> = fields.to_vec();
        if name == "mastercard_cis" {
            fields[6] = (48, "T9203541");
        }
        let shown = check(dialect(name), &fields, &secrets);
        let expect = [
            (2, "4000000000007899"),
            (3, "000000"),
            (4, "000000001250"),
            (14, "2812"),
            (35, "4000000000007899=00000000000000000"),
            (45, "X4000000000007899^XXX/XXXX^00000000000000000"),
            (48, if name == "mastercard_cis" { "T9203000" } else { "XXX0 000" }),
            (52, "0000000000000000"),
            (55, "5A08400000000000789957114000000000007899D000000000000000005F20030000009F36020001"),
            (64, "FEDCBA9876543210"),
            (102, "XXX 0000000000000000"),
        ];
        for ((field, text), (number, expect)) in shown.iter().zip(expect) {
            let text = text.replacen("7899D0", "7899=0", usize::from(*field == 35));
            // Track 1 keeps its format code.
            let expect = expect.replacen('X', "B", usize::from(*field == 45));
            assert_eq!((*field, text.as_str()), (number, expect.as_str()), "{name}");
        }
    }
}

#[test]
fn odd_digits_and_their_fillers() {
    for name in ["iso87_bcd", "visa_base1", "iso93_binary"] {
        let fields = [(2, "4000001234567890123"), (35, "400000123456789=281220112345")];
        let shown = check(dialect(name), &fields, &["123456", "2812"]);
        assert_eq!(shown[0].1, "4000000000000000123", "{name}");
        assert_eq!(shown[1].1.replace('D', "="), "400000000006789=000000000000", "{name}");
    }
}

#[test]
fn chip_data() {
    let check = |value: &str, expect: &str| {
        let shown = check(dialect("iso87_bcd"), &[(55, value)], &[]);
        assert_eq!(shown, [(55, expect.to_owned())]);
    };
    // An odd number of digits with its filler, and what is no card number.
    check("5A074000001234567F", "5A074000000004567F");
    check("5A08400000123456789F", "5A08400000000006789F");
    check("5A0440000012", "5A0400000000");
    check("5A084000001234567A9F", "5A080000000000000000");
    check("57104000001234567899D28122011234567F", "57104000000000007899D00000000000000F");
    check("570A40000012345678991234", "570A00000000000000000000");
    check("8407A0000000031010990412345678", "8407A0000000031010990400000000");
    check("710D86048424000096059F27018000", "710D86040000000096059F27018000");
    check("72038601FF9F26080123456789ABCDEF", "72038601009F26080123456789ABCDEF");
    // Cannot be read, so may be anything.
    check("8202390057104000001234567899D2812201", "000000000000000000000000000000000000");
}

#[test]
fn parts_of_private_data() {
    // Switch key, additional node data, CVV2: "06ABC123", "003CDE", "541".
    let shown = check(
        dialect("postilion"),
        &[(127, "40C00000000000003036414243313233303033434445353431")],
        &["541", "353431", "434445"],
    );
    assert_eq!(shown[0].1, "40C00000000000003036414243313233303033585858303030");
    // Sub-elements with a name that are open stay, all others go.
    let shown = check(dialect("mastercard_cis"), &[(48, "T42032109203987770212A10512345")], &["12345"]);
    assert_eq!(shown[0].1, "T42032109203000770212A10500000");
    let shown = check(dialect("mastercard_ipm"), &[(48, "0023003CT60001004AB12")], &["AB12"]);
    assert_eq!(shown[0].1, "0023003CT60001004XX00");
    // Cut short: nothing of it can be told.
    let shown = check(dialect("mastercard_ipm"), &[(48, "0023003CT60001009AB12")], &["CT6", "AB12"]);
    assert_eq!(shown[0].1, "0000000XX00000000XX00");
}

#[test]
fn text_of_other_character_sets() {
    let check = |charset: &str, value: &str, expect: &str| {
        let text = format!(
            "name = \"x\"\nedition = 1987\n[encoding]\ntext = \"{charset}\"\n[field]\n\
             48 = {{ type = \"ans...999\", sensitive = \"secret\" }}\n43 = {{ type = \"ans..99\" }}"
        );
        let dialect = Dialect::from_toml(&text).unwrap();
        let shown = check(&dialect, &[(43, value), (48, value)], &[]);
        assert_eq!(shown, [(43, value.to_owned()), (48, expect.to_owned())]);
    };
    check("cp1251", "Иван 5", "XXXX 0");
    check("latin1", "José-5", "XXXX-0");
    check("gbk", "王 wa5", "XX XX0");
    check("cp037", "Jos\u{e9} 5", "XXXX 0");
}

#[test]
fn what_is_open_stays_as_it_came() {
    let dialect = dialect("iso87_ascii");
    // Lower-case hexadecimal, which a parser takes and an encoder never writes.
    let frame = b"0200400000000000000113400000123456700000000000000ff";
    let message = parse(frame, dialect).unwrap();
    assert_eq!(redact(&message), b"0200400000000000000113400000000456700000000000000ff");
}
