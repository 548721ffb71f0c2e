use super::*;
use crate::class::Found;
use crate::{Class, Dialect, EncodeErrorKind};
use ContentErrorKind::{Gap, NoParts, Twice, UnknownPart};
use ParseErrorKind::{NotABitmap, NotALength, NotInClass, NotInDialect, TooLong, TrailingBytes, Truncated};
use PartErrorKind::{LeftOver, NotATag};

/// Path, byte of the value around, and text or hexadecimal.
type Shown = (String, usize, String);

/// Path, byte of the value around, and what is wrong there.
type Fault = (String, usize, PartErrorKind);

/// The specification of a data element with parts, by the keys of its table in a dialect file.
fn spec(keys: &str) -> FieldSpec {
    let text = format!("name = 'made'\nedition = 1987\n[field.48]\n{keys}");
    let dialect = Dialect::from_toml(&text).unwrap_or_else(|error| panic!("{keys}: {error}"));
    dialect.field(48).unwrap().clone()
}

/// The parts of a value, those of parts included.
fn read(spec: &FieldSpec, value: &[u8]) -> Result<Vec<Shown>, Fault> {
    let mut all = Vec::new();
    read_into(spec.composite.as_deref().unwrap(), value, "", &mut all)?;
    Ok(all)
}

fn read_into(composite: &Composite, value: &[u8], path: &str, all: &mut Vec<Shown>) -> Result<(), Fault> {
    for part in parts(composite, value) {
        let part = part.map_err(|error| {
            let key = error.key.map(|key| key.to_string()).unwrap_or_default();
            (format!("{path}{key}"), error.offset, error.kind)
        })?;
        let path = format!("{path}{}", part.key);
        match part.composite() {
            Some(inner) => read_into(inner, &part.value(), &format!("{path}."), all)?,
            None => all.push((path, part.offset, shown(&part))),
        }
    }
    Ok(())
}

fn shown(part: &PartView<'_, '_>) -> String {
    let binary = part.spec.map_or(matches!(part.key, PartKey::Hex { .. }), FieldSpec::is_binary);
    match (binary, part.value().as_str()) {
        (false, Some(text)) => text.to_owned(),
        _ => hex_text::write(&part.value()),
    }
}

/// Reads a value, and writes it again from what was read.
fn both(spec: &FieldSpec, value: &[u8], expect: &[(&str, usize, &str)]) {
    let read = read(spec, value).unwrap();
    let shown: Vec<_> =
        read.iter().map(|(path, offset, text)| (path.as_str(), *offset, text.as_str())).collect();
    assert_eq!(shown, expect);
    let texts: Vec<(&str, &str)> = expect.iter().map(|(path, _, text)| (*path, *text)).collect();
    let again = write(spec, &content(&texts)).unwrap();
    assert_eq!(again, value, "{}", String::from_utf8_lossy(&again));
}

/// The content that paths and texts make.
fn content(texts: &[(&str, &str)]) -> Content {
    if let [("", text)] = texts {
        return Content::Text((*text).to_owned());
    }
    let first = |path: &str| path.split('.').next().unwrap_or_default().to_owned();
    let mut parts: Vec<(String, Content)> = Vec::new();
    for run in texts.chunk_by(|(left, _), (right, _)| left.contains('.') && first(left) == first(right)) {
        let key = first(run[0].0);
        let inner: Vec<(&str, &str)> = run
            .iter()
            .map(|(path, text)| (path.split_once('.').map_or("", |(_, rest)| rest), *text))
            .collect();
        parts.push((key, content(&inner)));
    }
    Content::Parts(parts)
}

fn fails(spec: &FieldSpec, value: &[u8], path: &str, offset: usize, kind: PartErrorKind) {
    assert_eq!(read(spec, value), Err((path.to_owned(), offset, kind)), "{}", String::from_utf8_lossy(value));
}

fn field(kind: ParseErrorKind) -> PartErrorKind {
    PartErrorKind::Field(kind)
}

#[test]
fn parts_by_position() {
    let spec = spec(
        "type = 'ans...999'\nformat = 'positional'\n\
         part = { 1.type = 'n2', 2.type = 'an..5', 3 = { type = 'x+n3', optional = true }, 4.type = 'ans*' }",
    );
    both(&spec, b"0103abcC123rest", &[("1", 0, "01"), ("2", 4, "abc"), ("3", 7, "C123"), ("4", 11, "rest")]);
    both(&spec, b"0100C123rest", &[("1", 0, "01"), ("2", 4, ""), ("3", 4, "C123"), ("4", 8, "rest")]);
    both(&spec, b"0103abcC123", &[("1", 0, "01"), ("2", 4, "abc"), ("3", 7, "C123")]);
    both(&spec, b"0103abc", &[("1", 0, "01"), ("2", 4, "abc")]);
    fails(&spec, b"", "1", 0, field(Truncated { need: 2, left: 0 }));
    fails(&spec, b"01", "2", 2, field(Truncated { need: 2, left: 0 }));
    fails(&spec, b"0x", "1", 1, field(NotInClass { class: Class::N, found: Found::Letter }));
    fails(&spec, b"0106abcdef", "2", 2, field(TooLong { found: 6, max: 5 }));
    fails(&spec, b"010xabc", "2", 2, field(NotALength));
    fails(&spec, b"0103ab-C123", "2", 6, field(NotInClass { class: Class::An, found: Found::Punctuation }));
    fails(&spec, b"0103abcC1", "3", 7, field(Truncated { need: 4, left: 2 }));
    fails(&spec, b"0103abcC123\x07", "4", 11, field(NotInClass { class: Class::Ans, found: Found::Control }));
}

#[test]
fn what_is_left_over_behind_the_last_position() {
    let spec = spec("type = 'n6'\nformat = 'positional'\npart = { 1.type = 'n2', 2.type = 'n2' }");
    both(&spec, b"0102", &[("1", 0, "01"), ("2", 2, "02")]);
    fails(&spec, b"010203", "", 4, LeftOver);
}

#[test]
fn packed_positions() {
    let spec = spec(
        "type = 'b..99'\nencoding = 'raw'\nformat = 'positional'\n\
         part.1 = { type = 'n3', encoding = 'bcd' }\n\
         part.2 = { type = 'b2', encoding = 'raw' }\n\
         part.3 = { type = 'ans..9', encoding = 'cp500', length_encoding = 'binary' }\n\
         part.4 = { type = 'n*', encoding = 'bcd', filler = 'F', pad = 'right' }",
    );
    let parts = [("1", 0, "123"), ("2", 2, "AB01"), ("3", 5, "Aé"), ("4", 7, "456")];
    both(&spec, b"\x01\x23\xAB\x01\x02\xC1\x51\x45\x6F", &parts);
    fails(&spec, b"\x11\x23\xAB\x01\x00", "1", 0, field(ParseErrorKind::NotAFiller));
    fails(&spec, b"\x01\x2A\xAB\x01\x00", "1", 1, field(ParseErrorKind::NotADigit { class: Class::N }));
    fails(&spec, b"\x01\x23\xAB\x01\x00\xA0", "4", 5, field(ParseErrorKind::NotADigit { class: Class::N }));
}

#[test]
fn parts_by_a_bitmap() {
    let parts = "part = { 2.type = 'n2', 7.type = 'ans..5', 16.type = 'b1' }";
    let binary = spec(&format!(
        "type = 'b...999'\nencoding = 'raw'\nformat = 'bitmapped'\ninner_bitmap_bytes = 2\n{parts}"
    ));
    // Class b is written as the dialect has it, in hexadecimal here.
    let all = [("2", 2, "01"), ("7", 6, "ab"), ("16", 8, "FF")];
    both(&binary, b"\x42\x010102abFF", &all);
    both(&binary, b"\x40\x0001", &all[..1]);
    both(&binary, b"\x00\x00", &[]);
    fails(&binary, b"\x42", "", 0, field(Truncated { need: 2, left: 1 }));
    fails(&binary, b"\xC0\x0001", "1", 2, field(NotInDialect));
    fails(&binary, b"\x60\x0001", "3", 4, field(NotInDialect));
    fails(&binary, b"\x42\x000199", "7", 4, field(TooLong { found: 99, max: 5 }));
    fails(&binary, b"\x42\x000103ab", "7", 6, field(Truncated { need: 3, left: 2 }));
    fails(&binary, b"\x40\x0001x", "", 4, LeftOver);
    fails(&binary, b"\x00\x00x", "", 2, LeftOver);
    let hex = spec(&format!(
        "type = 'ans...999'\nformat = 'bitmapped'\ninner_bitmap = 'hex'\ninner_bitmap_bytes = 2\n{parts}"
    ));
    both(&hex, b"42010102abFF", &[("2", 4, "01"), ("7", 8, "ab"), ("16", 10, "FF")]);
    assert_eq!(read(&hex, b"4200010012").unwrap_err(), (String::new(), 8, LeftOver));
    fails(&hex, b"420", "", 0, field(Truncated { need: 4, left: 3 }));
    fails(&hex, b"42g0", "", 0, field(NotABitmap));
    let wide = spec(
        "type = 'ans...999'\nformat = 'bitmapped'\ninner_bitmap = 'hex'\ninner_bitmap_bytes = 16\npart.128.type = 'n1'",
    );
    both(&wide, b"000000000000000000000000000000017", &[("128", 32, "7")]);
    let narrow = spec(
        "type = 'b...999'\nencoding = 'raw'\nformat = 'bitmapped'\ninner_bitmap_bytes = 1\npart.8.type = 'n1'",
    );
    both(&narrow, b"\x017", &[("8", 1, "7")]);
}

#[test]
fn parts_by_tags_of_text() {
    let spec = spec(
        "type = 'ans...999'\nformat = 'tlv'\ntag_bytes = 4\nvalue_length_bytes = 3\n\
         part = { 0001.type = 'n3', 0002.name = 'By its name alone', 00AB.type = 'an*' }",
    );
    both(&spec, b"0001003978", &[("0001", 7, "978")]);
    both(
        &spec,
        b"00AB002xy9999004\xC3\xA9-!0002000",
        &[("00AB", 7, "xy"), ("9999", 16, "é-!"), ("0002", 27, "")],
    );
    // A tag may stand twice.
    both(&spec, b"7777001a7777001b", &[("7777", 7, "a"), ("7777", 15, "b")]);
    fails(&spec, b"000", "", 0, field(Truncated { need: 7, left: 3 }));
    fails(&spec, b"0001003978000100", "", 10, field(Truncated { need: 7, left: 6 }));
    fails(&spec, b"000 003978", "", 0, NotATag);
    fails(&spec, b"000100x978", "0001", 4, field(NotALength));
    fails(&spec, b"0001004978", "0001", 7, field(Truncated { need: 4, left: 3 }));
    fails(&spec, b"000100297", "0001", 7, field(Truncated { need: 3, left: 2 }));
    fails(&spec, b"00010049780", "0001", 10, field(TrailingBytes { count: 1 }));
    fails(&spec, b"000100397x", "0001", 9, field(NotInClass { class: Class::N, found: Found::Letter }));
    fails(&spec, b"00AB002x-", "00AB", 8, field(NotInClass { class: Class::An, found: Found::Punctuation }));
}

#[test]
fn parts_by_binary_tags() {
    let spec = spec(
        "type = 'b...999'\nencoding = 'raw'\nformat = 'tlv'\ntag_bytes = 1\nvalue_length_bytes = 2\n\
         part.01 = { type = 'b*', encoding = 'raw', format = 'ber_tlv' }\n\
         part.02 = { type = 'n*', encoding = 'bcd', filler = 'F', pad = 'right' }",
    );
    both(&spec, b"\x01\x00\x05\x9F\x36\x02\x00\x2A", &[("01.9F36", 3, "002A")]);
    both(&spec, b"\x02\x00\x02\x12\x3F\x03\x00\x01\xFF", &[("02", 3, "123"), ("03", 8, "FF")]);
    // A tag that would be a template in chip data is none here.
    both(&spec, b"\x61\x00\x02\x01\x02", &[("61", 3, "0102")]);
    fails(&spec, b"\x03\x00", "", 0, field(Truncated { need: 3, left: 2 }));
    // What is no tag of the dialect is not told.
    fails(&spec, b"\x03\x00\x02\xFF", "", 3, field(Truncated { need: 2, left: 1 }));
    fails(&spec, b"\x02\x00\x01\xA3", "02", 3, field(ParseErrorKind::NotADigit { class: Class::N }));
    fails(&spec, b"\x01\x00\x03\x9F\x36\x02", "01.", 0, PartErrorKind::Tlv(TlvErrorKind::Truncated));
    let packed = self::spec(
        "type = 'b...999'\nformat = 'tlv'\ntag_bytes = 2\nvalue_length_bytes = 1\nvalue_length_encoding = 'bcd'",
    );
    both(&packed, &[&b"\xDF\x01\x12"[..], &[7; 12]].concat(), &[("DF01", 3, "070707070707070707070707")]);
    fails(&packed, b"\xDF\x01\x1A", "", 2, field(NotALength));
}

#[test]
fn chip_data() {
    let spec = spec("type = 'b...999'\nformat = 'ber_tlv'");
    both(&spec, b"\x95\x01\x80\x9F\x36\x02\x00\x2A", &[("95", 2, "80"), ("9F36", 6, "002A")]);
    both(
        &spec,
        b"\x71\x09\x9F\x18\x02\x01\x02\x86\x02\x84\x24\x8A\x02\x30\x30",
        &[("71.9F18", 3, "0102"), ("71.86", 7, "8424"), ("8A", 13, "3030")],
    );
    both(&spec, &[&b"\x5A\x81\xC8"[..], &[0x11; 200]].concat(), &[("5A", 3, &"11".repeat(200))]);
    let tlv = PartErrorKind::Tlv;
    fails(&spec, b"\x95\x01\x80\x9F", "", 3, tlv(TlvErrorKind::Truncated));
    fails(&spec, b"\x9F\x81\x81\x01\x00", "", 0, tlv(TlvErrorKind::TagTooLong));
    fails(&spec, b"\x95\x80\x00\x00", "", 0, tlv(TlvErrorKind::LengthForm));
    fails(&spec, b"\x71\x02\x9F\x18", "71.", 0, tlv(TlvErrorKind::Truncated));
}

/// As Postilion hosts have it: a message within DE 127, and one more within its element 25.
fn message_within() -> Dialect {
    let text = "
name = 'made'
edition = 1987
[encoding]
binary = 'raw'
[field.3]
type = 'n6'
format = 'positional'
part = { 1.type = 'n2', 2.type = 'n4' }
[field.127]
type = 'b......999999'
format = 'bitmapped'
[field.127.part]
2.type = 'ans..32'
[field.127.part.25]
type = 'ans....9999'
format = 'bitmapped'
inner_bitmap = 'hex'
inner_bitmap_bytes = 1
part.2.type = 'n12'
part.3 = { type = 'ans..9', format = 'tlv', tag_bytes = 1, value_length_bytes = 1 }
";
    Dialect::from_toml(text).unwrap()
}

#[test]
fn parts_within_parts() {
    let dialect = message_within();
    let spec = dialect.field(127).unwrap();
    let bitmap = b"\x40\x00\x00\x80\x00\x00\x00\x00";
    let value = [&bitmap[..], b"03abc", b"0022", b"60", b"000000001200", b"06A1xB1y"].concat();
    both(
        spec,
        &value,
        &[("2", 10, "abc"), ("25.2", 2, "000000001200"), ("25.3.A", 2, "x"), ("25.3.B", 5, "y")],
    );
    let value = [&bitmap[..], b"03abc", b"0006", b"400000"].concat();
    fails(spec, &value, "25.2", 2, field(Truncated { need: 12, left: 4 }));
}

/// All faults of a message, each in its own element: the path, and the byte of the value around.
#[test]
fn faults_of_a_message() {
    let dialect = message_within();
    let tells = |fields: &[(u8, &[u8])], expect: &[&str]| {
        let mut frame = Vec::new();
        let mti = crate::Mti::FINANCIAL_REQUEST;
        let mut writer = crate::MessageWriter::begin(&mut frame, &dialect, &[], mti).unwrap();
        for (field, value) in fields {
            writer.field(*field, value).unwrap();
        }
        writer.finish().unwrap();
        let errors = check(&crate::parse(&frame, &dialect).unwrap());
        assert_eq!(errors.iter().map(StructureError::to_string).collect::<Vec<_>>(), expect);
    };
    let bitmap = b"\x40\x00\x00\x80\x00\x00\x00\x00";
    let inner = [&bitmap[..], b"03abc", b"0010", b"20", b"06A1xB9y"].concat();
    tells(&[(3, b"012345")], &[]);
    tells(
        &[(127, &inner)],
        &["DE 127.25.3 at byte 5 of its value: truncated: 9 bytes belong here, 1 is left"],
    );
    tells(&[(127, b"\x40")], &["DE 127 at byte 0 of its value: truncated: 8 bytes belong here, 1 is left"]);
    tells(
        &[(127, b"\x20\0\0\0\0\0\0\0")],
        &["DE 127.3 at byte 8 of its value: not a data element of this dialect"],
    );
    tells(
        &[(127, b"\0\0\0\0\0\0\0\0xx")],
        &["DE 127 at byte 8 of its value: bytes are left over after the last part"],
    );
}

#[test]
fn views_show_no_value() {
    let spec = spec("type = 'ans...999'\nformat = 'tlv'\ntag_bytes = 2\nvalue_length_bytes = 2");
    let part = parts(spec.composite.as_deref().unwrap(), b"01164000001234567899").next().unwrap().unwrap();
    assert_eq!(format!("{part:?}"), "PartView(01, 16 bytes)");
    assert_eq!((part.wire(), part.offset), (&b"4000001234567899"[..], 4));
    let content = content(&[("01", "4000001234567899"), ("02.1", "123")]);
    assert_eq!(format!("{content:?}"), "{\"01\": Text(16 bytes), \"02\": {\"1\": Text(3 bytes)}}");
}

#[test]
fn text_of_the_whole_value() {
    let check = |keys: &str, text: &str, expect: Result<&[u8], ContentErrorKind>| {
        let written = write(&spec(keys), &content(&[("", text)]));
        assert_eq!(
            written.as_deref().map_err(|error| error.kind),
            expect.as_deref().map_err(|kind| *kind),
            "{keys}"
        );
    };
    check("type = 'ans..9'", "abé", Ok("abé".as_bytes()));
    check("type = 'b..9'", "00fF", Ok(&[0x00, 0xFF]));
    check("type = 'b..9'", "00f", Err(ContentErrorKind::Field(EncodeErrorKind::NotHex)));
    check("type = 'n6'\nformat = 'positional'\npart.1.type = 'n6'", "012345", Ok(b"012345"));
}

#[test]
fn what_cannot_be_written() {
    let check = |spec: &FieldSpec, texts: &[(&str, &str)], expect: &str, kind| {
        let error = write(spec, &content(texts)).unwrap_err();
        assert_eq!((error.path.join("."), error.kind), (expect.to_owned(), kind), "{texts:?}");
    };
    let kind = ContentErrorKind::Field;
    let most = |found, allowed| kind(EncodeErrorKind::Length { found, allowed, fixed: false });
    let only = |found, allowed| kind(EncodeErrorKind::Length { found, allowed, fixed: true });
    let position = spec(
        "type = 'ans...999'\nformat = 'positional'\n\
         part = { 1.type = 'n2', 2.type = 'b1', 3 = { type = 'ans..2', optional = true }, 4.type = 'n1' }",
    );
    check(&position, &[("1", "01")], "2", Gap);
    check(&position, &[("2", "FF")], "1", Gap);
    check(&position, &[("1", "01"), ("2", "FF"), ("4", "1")], "4", Gap);
    check(&position, &[("1", "01"), ("1", "01")], "1", Twice);
    check(&position, &[("1", "01"), ("5", "01")], "5", UnknownPart);
    check(&position, &[("01", "01")], "01", UnknownPart);
    check(&position, &[("1", "012"), ("2", "FF")], "1", only(3, 2));
    check(&position, &[("1", "0x"), ("2", "FF")], "1", kind(EncodeErrorKind::NotInClass(Class::N)));
    check(&position, &[("1", "01"), ("2", "F")], "2", kind(EncodeErrorKind::NotHex));
    check(&position, &[("1", "01"), ("2", "FF"), ("3", "abc")], "3", most(3, 2));
    check(&position, &[("1.x", "01"), ("2", "FF")], "1", NoParts);
    let tags = spec(
        "type = 'ans...999'\nformat = 'tlv'\ntag_bytes = 2\nvalue_length_bytes = 1\n\
         part = { 01.type = 'n2', 02 = { type = 'ans*', format = 'positional', part.1.type = 'n1' } }",
    );
    check(&tags, &[("1", "x")], "1", UnknownPart);
    check(&tags, &[("0 ", "x")], "0 ", UnknownPart);
    check(&tags, &[("99", "0123456789")], "99", most(10, 9));
    check(&tags, &[("01", "1")], "01", only(1, 2));
    check(&tags, &[("02.1", "x")], "02.1", kind(EncodeErrorKind::NotInClass(Class::N)));
    check(&tags, &[("02.2", "1")], "02.2", UnknownPart);
    check(&tags, &[("99.1", "x")], "99", NoParts);
    let binary = spec("type = 'b...999'\nformat = 'tlv'\ntag_bytes = 1\nvalue_length_bytes = 1");
    check(&binary, &[("0101", "00")], "0101", UnknownPart);
    check(&binary, &[("0G", "00")], "0G", UnknownPart);
    check(&binary, &[("01", "0")], "01", kind(EncodeErrorKind::NotHex));
    check(&binary, &[("01", &"00".repeat(256))], "01", most(256, 255));
    let bits = spec("type = 'ans...999'\nformat = 'bitmapped'\ninner_bitmap = 'hex'\npart.2.type = 'n1'");
    check(&bits, &[("3", "1")], "3", UnknownPart);
    check(&bits, &[("2", "1"), ("2", "1")], "2", Twice);
    check(&bits, &[("2", "12")], "2", only(2, 1));
    let chip = spec("type = 'b...999'\nformat = 'ber_tlv'");
    for tag in ["9", "9F", "5A00", "00", "9F818101", "xx"] {
        check(&chip, &[("95", "00"), (tag, "00")], tag, UnknownPart);
    }
    check(&chip, &[("9F36", "0")], "9F36", kind(EncodeErrorKind::NotHex));
    check(&chip, &[("71.9F18", "xx")], "71.9F18", kind(EncodeErrorKind::NotHex));
    check(&spec("type = 'n6'"), &[("1", "x")], "", NoParts);
}

#[test]
fn errors_in_words() {
    let error = ContentError { path: vec!["25".to_owned(), "3".to_owned()], kind: Gap };
    assert_eq!(error.to_string(), ".25.3: a part is missing");
    let check = |kind: ContentErrorKind, expect: &str| assert_eq!(kind.to_string(), expect);
    check(UnknownPart, "the dialect has no such part");
    check(Twice, "the part stands twice");
    check(NoParts, "the dialect knows no parts of this, give its value as text");
    check(ContentErrorKind::Field(EncodeErrorKind::NotHex), "not hexadecimal");
}
