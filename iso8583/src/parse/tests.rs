use super::*;
use crate::class::Found;
use crate::{Class, Length, MessageWriter, field};
use ParseErrorKind::{
    FrameTooLong, NotABitmap, NotADigit, NotAFiller, NotAHeader, NotALength, NotAMessageType, NotHex,
    NotInClass, NotInDialect, OddHex, TooLong, TrailingBytes, Truncated,
};

fn builtin(name: &str) -> &'static Dialect {
    Dialect::by_name(name).unwrap()
}

fn made(text: &str) -> Dialect {
    Dialect::from_toml(&format!("name = \"made\"\nedition = 1987\n{text}")).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex.replace(' ', "")).unwrap()
}

/// The error of a frame, which both ways to read it must agree on. Its message type is known exactly
/// when the fault lies behind it.
fn fault(frame: &[u8], dialect: &Dialect) -> (u8, usize, ParseErrorKind) {
    let error = parse(frame, dialect).unwrap_err();
    assert_eq!(parse_leading(frame, dialect).1, Some(error));
    let behind = error.offset >= dialect.header.length + dialect.mti.mti_width();
    assert_eq!(error.mti.is_some(), behind, "{error}");
    (error.field, error.offset, error.kind)
}

#[test]
fn every_fault_has_its_name_and_place_in_ascii() {
    let check = |rest: &str, field, offset, kind| {
        let frame = [b"0200", rest.as_bytes()].concat();
        assert_eq!(fault(&frame, builtin("iso87_ascii")), (field, offset, kind), "{rest:?}");
    };
    let not = |class, found| NotInClass { class, found };
    check("", 0, 4, Truncated { need: 16, left: 0 });
    check("7000000000", 0, 4, Truncated { need: 16, left: 10 });
    check("7000G00000000000", 0, 8, NotABitmap);
    check("700000000000000 ", 0, 19, NotABitmap);
    check("8000000000000000+000000000000000", 0, 20, NotABitmap);
    check("8000000000000000", 0, 20, Truncated { need: 16, left: 0 });
    check("4000000000000000", 2, 20, Truncated { need: 2, left: 0 });
    check("40000000000000001", 2, 20, Truncated { need: 2, left: 1 });
    check("4000000000000000+940000012", 2, 20, NotALength);
    check("4000000000000000 940000012", 2, 20, NotALength);
    check("40000000000000001A40000012", 2, 20, NotALength);
    check("40000000000000002040000000000000000000", 2, 20, TooLong { found: 20, max: 19 });
    check("4000000000000000994", 2, 20, TooLong { found: 99, max: 19 });
    check("40000000000000001640000012345678", 2, 22, Truncated { need: 16, left: 14 });
    check("4000000000000000084000001X", 2, 29, not(Class::N, Found::Letter));
    check("1000000000000000000000 12345", 4, 26, not(Class::N, Found::Space));
    check("100000000000000000000012345", 4, 20, Truncated { need: 12, left: 11 });
    check("1000000000000000-00000012345", 4, 20, not(Class::N, Found::Punctuation));
    check("0000001000000000X00000011", 28, 20, not(Class::Xn, Found::Letter));
    check("0000001000000000C0000001\u{1}", 28, 28, not(Class::Xn, Found::Control));
    check("00000000200000000440=x", 35, 25, not(Class::Z, Found::Letter));
    check("0000000000800000123456\u{e9}", 41, 26, not(Class::Ans, Found::NotAscii));
    check("000000000000100001234567G9ABCDEF", 52, 28, NotHex { found: Found::Letter });
    check("00000000000002000039F0", 55, 23, OddHex);
    check("00000000000002000049F0-", 55, 26, NotHex { found: Found::Punctuation });
    check("80000000000000008000000000000000", 65, 36, NotInDialect);
    check("0000000000000000\0", 0, 20, TrailingBytes { count: 1 });
    check("000000000000000012345", 0, 20, TrailingBytes { count: 5 });
}

#[test]
fn every_fault_has_its_name_and_place_in_packed_digits() {
    let check = |rest: &str, field, offset, kind| {
        let frame = bytes(&format!("6000018001 0200 {rest}"));
        assert_eq!(fault(&frame, builtin("iso87_bcd")), (field, offset, kind), "{rest:?}");
    };
    check("40000000", 0, 7, Truncated { need: 8, left: 4 });
    check("4000000000000000 ", 2, 15, Truncated { need: 1, left: 0 });
    check("4000000000000000 0F", 2, 15, NotALength);
    check("4000000000000000 A0", 2, 15, NotALength);
    check("4000000000000000 20", 2, 15, TooLong { found: 20, max: 19 });
    check("4000000000000000 03 12", 2, 16, Truncated { need: 2, left: 1 });
    check("4000000000000000 03 1234", 2, 17, NotAFiller);
    check("4000000000000000 04 1A34", 2, 16, NotADigit { class: Class::N });
    check("4000000000000000 03 1A30", 2, 16, NotADigit { class: Class::N });
    check("2000000000000000 0000A0", 3, 17, NotADigit { class: Class::N });
    check("0000040000000000 1051", 22, 15, NotAFiller);
    check("0000040000000000 F051", 22, 15, NotAFiller);
    check("0000040000000000 0A51", 22, 15, NotADigit { class: Class::N });
    check("0000040000000000 00", 22, 15, Truncated { need: 2, left: 1 });
    check("0000001000000000 4500000022", 28, 15, NotInClass { class: Class::Xn, found: Found::Letter });
    check("0000001000000000 4400000F22", 28, 18, NotADigit { class: Class::Xn });
    check("0000000020000000 07 40E28120", 35, 17, NotADigit { class: Class::Z });
    check("0000000000000200 1005", 55, 15, NotALength);
    check("0000000000000200 0A05", 55, 15, NotALength);
    check("0000000000000200 0005 9F", 55, 17, Truncated { need: 5, left: 1 });
    check("8000000000000000 8000000000000000", 65, 23, NotInDialect);
    check("0000000000000000 00", 0, 15, TrailingBytes { count: 1 });
}

#[test]
fn every_fault_has_its_name_and_place_in_ebcdic() {
    let check = |rest: &str, field, offset, kind| {
        let frame = bytes(&format!("F0F2F0F0 {rest}"));
        assert_eq!(fault(&frame, builtin("iso87_ebcdic")), (field, offset, kind), "{rest:?}");
    };
    let not = |class, found| NotInClass { class, found };
    check("40000000", 0, 4, Truncated { need: 8, left: 4 });
    check("4000000000000000 F1", 2, 12, Truncated { need: 2, left: 1 });
    check("4000000000000000 F1FA", 2, 12, NotALength);
    check("4000000000000000 3136", 2, 12, NotALength);
    check("4000000000000000 F2F0", 2, 12, TooLong { found: 20, max: 19 });
    check("4000000000000000 F0F2 F0C1", 2, 15, not(Class::N, Found::Letter));
    check("4000000000000000 F0F2 F040", 2, 15, not(Class::N, Found::Space));
    check("4000000000000000 F0F2 51F0", 2, 14, not(Class::N, Found::NotAscii));
    check("4000000000000000 F0F2 604B", 2, 14, not(Class::N, Found::Punctuation));
    check("0000001000000000 E7F0F0F0F0F0F0F0F0", 28, 12, not(Class::Xn, Found::Letter));
    check("0000000002000000 F005", 39, 13, not(Class::An, Found::Control));
    check("0000000000001000 0011223344", 52, 12, Truncated { need: 8, left: 5 });
    check("0000000000000000 F0", 0, 12, TrailingBytes { count: 1 });
}

#[test]
fn message_types_that_are_none() {
    let check = |dialect, hex: &str, offset, kind| {
        assert_eq!(fault(&bytes(hex), builtin(dialect)), (0, offset, kind), "{hex}");
    };
    let short = |need, left| Truncated { need, left };
    check("iso87_ascii", "", 0, short(4, 0));
    check("iso87_ascii", "303230", 0, short(4, 3));
    check("iso87_ascii", "30324130", 0, NotAMessageType);
    check("iso87_ascii", "20323030", 0, NotAMessageType);
    check("iso87_ascii", "F0F2F0F0", 0, NotAMessageType);
    check("iso87_ebcdic", "F0F2C1F0", 0, NotAMessageType);
    check("iso87_ebcdic", "30323030", 0, NotAMessageType);
    check("iso87_ebcdic", "F0F2", 0, short(4, 2));
    check("iso87_bcd", "6000018001 02F0", 5, NotAMessageType);
    check("iso87_bcd", "6000018001 A200", 5, NotAMessageType);
    check("iso87_bcd", "6000018001 02", 5, short(2, 1));
    check("iso87_bcd", "600001", 0, short(5, 3));
}

#[test]
fn a_frame_has_a_greatest_length() {
    assert_eq!(fault_of_length(65_536, builtin("iso87_ascii")), Some(FrameTooLong { max: 65_535 }));
    assert_eq!(fault_of_length(65_535, builtin("iso87_ascii")), Some(TrailingBytes { count: 65_515 }));
    let short = made("max_frame = 40\nfield.2.type = \"n..19\"");
    assert_eq!(fault_of_length(41, &short), Some(FrameTooLong { max: 40 }));
    assert_eq!(fault_of_length(40, &short), Some(TrailingBytes { count: 20 }));
    assert_eq!(fault_of_length(20, &short), None);
}

/// What is wrong with a message of no field that is filled with zeros up to a length.
fn fault_of_length(length: usize, dialect: &Dialect) -> Option<ParseErrorKind> {
    parse(&vec![b'0'; length], dialect).err().map(|error| error.kind)
}

#[test]
fn bitmaps_in_either_case_and_code() {
    let frame = b"0800000000000000000a003ABC003DEF";
    let message = parse(frame, builtin("iso87_ascii")).unwrap();
    assert_eq!(message.value(field::PRIVATE_61).unwrap().as_str(), Some("ABC"));
    assert_eq!(message.raw(field::PRIVATE_63), Some(&b"DEF"[..]));
    let dialect = made(
        "encoding = { mti = \"ebcdic\", bitmap = \"hex_ebcdic\", text = \"cp500\" }\nfield.61.type = \"a1\"",
    );
    let check = |bitmap: &str, expect: Result<&str, (u8, usize, ParseErrorKind)>| {
        let frame = bytes(&format!("F0F8F0F0 {bitmap} C1"));
        match expect {
            Ok(value) => {
                assert_eq!(parse(&frame, &dialect).unwrap().value(61).unwrap().as_str(), Some(value));
            }
            Err(error) => assert_eq!(fault(&frame, &dialect), error),
        }
    };
    check("F0F0F0F0F0F0F0F0 F0F0F0F0F0F0F0F8", Ok("A"));
    check("F0F0F0F0F0F0F0F0 F0F0F0F0F0F0F083", Err((62, 21, NotInDialect)));
    check("F0F0F0F0F0F0F0F0 F0F0F0F0F0F0F038", Err((0, 19, NotABitmap)));
}

#[test]
fn values_and_places_in_packed_form() {
    let frame = bytes("6000018001 0800 2020010000800000 990000 000123 0001 3132333435363738");
    let message = parse(&frame, builtin("iso87_bcd")).unwrap();
    assert_eq!(message.mti(), Mti::NETWORK_REQUEST);
    assert_eq!(message.header(), [0x60, 0x00, 0x01, 0x80, 0x01]);
    assert_eq!(*message.response_header(), [0x60, 0x80, 0x01, 0x00, 0x01]);
    assert_eq!(message.layout(), crate::Layout { mti: 5, bitmaps: 7, fields: 15 });
    assert_eq!(message.number(field::STAN), Some(123));
    assert_eq!(message.value(field::NETWORK_ID).unwrap().as_str(), Some("001"));
    assert_eq!(message.raw(field::NETWORK_ID), Some(&[0x00, 0x01][..]));
    assert_eq!(message.offset(field::NETWORK_ID), Some(21));
    assert_eq!(message.value(field::TERMINAL_ID).unwrap().as_str(), Some("12345678"));
    for absent in [0, 1, field::PAN, 65, 128, 192, 193, 255] {
        assert!(message.value(absent).is_none() && message.wire(absent).is_none(), "{absent}");
    }
    assert_eq!(format!("{message:?}"), "Message(0800 [3, 11, 24, 41])");
}

#[test]
fn second_bitmap_in_every_message_whatever_bit_1_says() {
    let dialect = made(
        "bitmap.secondary = \"always\"\nencoding.bitmap = \"binary\"
         field = { 2.type = \"an2\", 70.type = \"n3\" }",
    );
    let check = |rest: &str, expect: &[(u8, &str)]| {
        let frame = [b"0800", &bytes(rest)[..]].concat();
        let message = parse(&frame, &dialect).unwrap();
        let values: Vec<_> = message.fields().map(|(field, value)| (field, value.to_vec())).collect();
        let expect: Vec<_> =
            expect.iter().map(|(field, value)| (*field, value.as_bytes().to_vec())).collect();
        assert_eq!(values, expect, "{rest}");
        assert!(!message.has(1));
    };
    check("4000000000000000 0400000000000000 4142 333031", &[(2, "AB"), (70, "301")]);
    check("C000000000000000 0400000000000000 4142 333031", &[(2, "AB"), (70, "301")]);
    check("4000000000000000 0000000000000000 4142", &[(2, "AB")]);
    check("8000000000000000 0000000000000000", &[]);
    let frame = [b"0800", &bytes("4000000000000000 0000")[..]].concat();
    assert_eq!(fault(&frame, &dialect), (0, 12, Truncated { need: 8, left: 2 }));
}

fn with_third_bitmap(place: &str) -> Dialect {
    made(&format!(
        "bitmap.tertiary = {place:?}
         field = {{ 2.type = \"an..9\", 64.type = \"an2\", 70.type = \"n3\", 130.type = \"a3\", 192.type = \"n1\" }}"
    ))
}

#[test]
fn third_bitmap_where_the_dialect_has_it() {
    let check = |place: &str, rest: &str, expect: &[(u8, &str)]| {
        let (frame, dialect) = (format!("0800{rest}"), with_third_bitmap(place));
        let message = parse(frame.as_bytes(), &dialect).unwrap();
        let (careful, None) = parse_leading(frame.as_bytes(), &dialect) else { panic!("{rest}") };
        for message in [message, careful] {
            // By their bytes, which end where the next field or a bitmap begins.
            let read = message.bitmap().fields().map(|field| (field, message.wire(field).unwrap()));
            let expect = expect.iter().map(|(field, wire)| (*field, wire.as_bytes()));
            assert_eq!(read.collect::<Vec<_>>(), expect.collect::<Vec<_>>(), "{place} {rest}");
            assert!(!message.has(65) && message.value(65).is_none());
        }
    };
    let all = [(2, "01X"), (64, "AB"), (70, "301"), (130, "xyz"), (192, "7")];
    let (after, at, wide) = ("after_secondary", "de_65", "de_65_wide");
    let (first, second, third) = ("C000000000000001", "8400000000000000", "4000000000000001");
    let (only_65, none) = ("8000000000000000", "0000000000000000");
    check(after, &format!("{first}{second}{third}01XAB301xyz7"), &all);
    check(at, &format!("{first}{second}01XAB{third}301xyz7"), &all);
    check(wide, &format!("{first}{second}01XAB{third}{none}301xyz7"), &all);
    // All zero, with and without a neighbour on either side.
    check(after, &format!("{first}{second}{none}01XAB301"), &all[..3]);
    check(at, &format!("{first}{second}01XAB{none}301"), &all[..3]);
    check(wide, &format!("{first}{second}01XAB{none}{none}301"), &all[..3]);
    check(at, &format!("{first}{only_65}01XAB{none}"), &all[..2]);
    check(wide, &format!("{first}{only_65}01XAB{none}{none}"), &all[..2]);
    check(at, &format!("{only_65}{second}{none}301"), &all[2..3]);
    check(at, &format!("{only_65}{only_65}{none}"), &[]);
    check(wide, &format!("{only_65}{only_65}{third}{none}xyz7"), &all[3..]);
    // Without bit 65 there is none anywhere.
    for place in [after, at, wide] {
        check(place, &format!("{first}040000000000000001XAB301"), &all[..3]);
        check(place, "400000000000000101XAB", &all[..2]);
    }
}

#[test]
fn faults_of_a_third_bitmap() {
    let check = |place: &str, rest: &str, field, offset, kind| {
        let frame = format!("0800{rest}");
        assert_eq!(fault(frame.as_bytes(), &with_third_bitmap(place)), (field, offset, kind), "{rest}");
    };
    let front = "80000000000000018000000000000000";
    let zeros = "0000000000000000";
    check("after_secondary", front, 0, 36, Truncated { need: 16, left: 0 });
    check("after_secondary", &format!("{front}000000000000000gAB"), 0, 51, NotABitmap);
    check("de_65", &format!("{front}AB4000"), 65, 38, Truncated { need: 16, left: 4 });
    check("de_65", &format!("{front}AB40000x0000000000"), 65, 43, NotABitmap);
    check("de_65", &format!("{front}AB8000000000000000"), 129, 54, NotInDialect);
    check(
        "de_65",
        &format!("{front}AB4000000000000000x1z"),
        130,
        55,
        NotInClass { class: Class::A, found: Found::Digit },
    );
    check("de_65_wide", &format!("{front}AB{zeros}"), 65, 54, Truncated { need: 16, left: 0 });
    check("de_65_wide", &format!("{front}AB{zeros}0000000000000001"), 65, 54, NotABitmap);
}

#[test]
fn headers() {
    let visa = builtin("visa_base1");
    let frame = |header: &str| bytes(&format!("{header} 0800 0020000000000000 000123"));
    let check = |header: &str, expect: Result<usize, (u8, usize, ParseErrorKind)>| {
        let frame = frame(header);
        match expect {
            Ok(length) => {
                let message = parse(&frame, visa).unwrap();
                assert_eq!((message.header(), message.number(11)), (&frame[..length], Some(123)));
            }
            Err(error) => assert_eq!(fault(&frame, visa), error, "{header}"),
        }
    };
    let rest = "0A0B0C 0D0E0F 0000000000000000000000";
    check(&format!("16 0102 0023 {rest}"), Ok(22));
    check(&format!("1A 0102 0027 {rest} 11223344"), Ok(26));
    check(&format!("15 0102 0023 {rest}"), Err((0, 0, NotAHeader)));
    check(&format!("16 0102 0024 {rest}"), Err((0, 3, NotAHeader)));
    check(&format!("FF 0102 0023 {rest}"), Err((0, 0, Truncated { need: 255, left: 35 })));
    assert_eq!(fault(&bytes("16 0102"), visa), (0, 0, Truncated { need: 22, left: 3 }));
    assert_eq!(fault(&[], visa), (0, 0, Truncated { need: 22, left: 0 }));
    let answer = frame(&format!("16 0102 0023 {rest}"));
    let answer = parse(&answer, visa).unwrap().response_header();
    assert_eq!(answer[..11], bytes("16 0102 0023 0D0E0F 0A0B0C"));

    let text = made("header = { length = 12, starts_with = \"49534F\" }\nfield.2.type = \"n..19\"");
    let message = b"ISO01500005508000000000000000000";
    assert_eq!(parse(message, &text).unwrap().header(), b"ISO015000055");
    assert_eq!(fault(b"IS0015000055080000000000000000000", &text), (0, 0, NotAHeader));
}

#[test]
fn what_stands_before_the_fault_is_read() {
    let check = |frame: &[u8], expect: &[(u8, &str)], fault: Option<(u8, usize)>| {
        let (message, error) = parse_leading(frame, builtin("iso87_ascii"));
        let values: Vec<_> = message.fields().map(|(field, value)| (field, value.to_vec())).collect();
        let expect: Vec<_> =
            expect.iter().map(|(field, value)| (*field, value.as_bytes().to_vec())).collect();
        assert_eq!((values, error.map(|error| (error.field, error.offset))), (expect, fault));
    };
    let fields = [(2, "40000012"), (3, "000000"), (11, "000123")];
    check(b"02006020000000000000084000001200000000012", &fields[..2], Some((11, 36)));
    check(b"020060200000000000000840000012000000000123", &fields, None);
    check(b"020060200000000000000840000012000000000123x", &fields, Some((0, 42)));
    check(b"02006020000000000000084000001200000x000123", &fields[..1], Some((3, 35)));
    check(b"02006020000000000000A84000001200000x000123", &[], Some((2, 20)));
    check(b"02006020000000X00000", &[], Some((0, 14)));
    check(b"02", &[], Some((0, 0)));
    let (message, error) = parse_leading(b"0420602", builtin("iso87_ascii"));
    assert_eq!((message.mti(), error.unwrap().mti), (Mti::REVERSAL_ADVICE, Some(Mti::REVERSAL_ADVICE)));
}

/// Sound messages of every dialect, and the same with a byte changed, put in or taken out: the fast walk
/// reads all that is sound, and never anything else than the careful one.
#[test]
fn both_walks_agree() {
    let mut random = Random(1);
    let names: Vec<&str> = Dialect::names().collect();
    let own = [
        with_third_bitmap("after_secondary"),
        with_third_bitmap("de_65"),
        with_third_bitmap("de_65_wide"),
        every_shape(),
    ];
    let dialects: Vec<&Dialect> =
        names.into_iter().map(|name| -> &Dialect { builtin(name) }).chain(&own).collect();
    for round in 0..1500 {
        let dialect = dialects[round % dialects.len()];
        let mut frame = sound(dialect, &mut random);
        agree(&frame, dialect, true);
        for _ in 0..6 {
            let (at, byte) = (random.below(frame.len()), b"0129+- =DF\x00\x12\xF0\xFF"[random.below(14)]);
            match random.below(4) {
                0 => frame.insert(at, byte),
                1 if frame.len() > 1 => drop(frame.remove(at)),
                _ => frame[at] = byte,
            }
            agree(&frame, dialect, false);
        }
    }
}

fn agree(frame: &[u8], dialect: &Dialect, sound: bool) {
    let mut fast = Message::empty(frame, dialect);
    let walked = walk(&mut fast).is_some();
    let (careful, error) = parse_leading(frame, dialect);
    let shown = format!("{} {}", dialect.name(), hex::encode(frame));
    assert_eq!(parse(frame, dialect).err(), error, "{shown}");
    assert!(!sound || error.is_none(), "{error:?} {shown}");
    assert_eq!(walked, error.is_none(), "{error:?} {shown}");
    if walked {
        assert_eq!((fast.starts, fast.bitmap), (careful.starts, careful.bitmap), "{shown}");
        for field in careful.bitmap().fields() {
            assert_eq!(fast.wire(field), careful.wire(field), "{field} {shown}");
            assert_eq!(&*fast.value(field).unwrap(), &*careful.value(field).unwrap(), "{field} {shown}");
        }
    }
}

/// A message of some fields of its dialect.
fn sound(dialect: &Dialect, random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    let header = dialect.header.default.clone();
    let mut writer = MessageWriter::begin(&mut out, dialect, &header, Mti::FINANCIAL_REQUEST).unwrap();
    let rarely = 1 + random.below(20);
    for (field, spec) in dialect.fields() {
        if random.below(rarely) > 0 {
            continue;
        }
        let length = match spec.length {
            Length::Fixed(units) => usize::from(units),
            Length::Variable { max } => random.below((max as usize).min(60) + 1),
            Length::Rest => 0,
        };
        let hex = matches!(spec.encoding, crate::Encoding::Hex(_));
        let mut value: Vec<u8> = (0..if hex { length / 2 } else { length })
            .map(|_| match spec.class {
                Class::A | Class::As => b"AZaz "[random.below(5)],
                Class::An | Class::Ans | Class::Any => b"AZaz 09"[random.below(7)],
                Class::B => random.below(256) as u8,
                _ => b"0123456789"[random.below(10)],
            })
            .collect();
        if let (Class::Xn, Some(sign)) = (spec.class, value.first_mut()) {
            *sign = b'D';
        }
        writer.field(field, &value).unwrap();
    }
    writer.finish().unwrap();
    out
}

/// Every way to find a length and every class, side by side.
fn every_shape() -> Dialect {
    let lengths = ["ascii", "bcd", "binary", "ebcdic"];
    let types = [
        "n..19",
        "an..25",
        "ans...999",
        "z..37",
        "h..8",
        "a..9",
        "n3",
        "an7",
        "ans4",
        "z5",
        "b..30",
        "b4",
        "any..20",
        "ns..9",
        "x+n8",
        "ans....9999",
        "n.9",
    ];
    let mut elements = Vec::new();
    for length in lengths {
        for notation in types {
            let mut keys = format!("type = {notation:?}");
            if notation.contains('.') {
                keys += &format!(", length_encoding = {length:?}");
            }
            if matches!(notation, "n..19" | "n3" | "z..37" | "z5" | "x+n8" | "n.9") {
                elements.push(format!("{keys}, encoding = \"bcd\""));
            }
            if notation == "b..30" {
                elements.push(format!("{keys}, encoding = \"raw\""));
            }
            elements.push(keys);
        }
    }
    let lines = elements.iter().zip(2..).map(|(keys, field)| format!("field.{field} = {{ {keys} }}\n"));
    let text: String = lines.collect();
    made(&text)
}

/// The numbers of Knuth's MMIX generator: the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}
