use super::*;
use crate::{Class, field, parse};

fn builtin(name: &str) -> &'static Dialect {
    Dialect::by_name(name).unwrap()
}

fn made(text: &str) -> Dialect {
    Dialect::from_toml(&format!("name = \"made\"\nedition = 1987\n{text}")).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex.replace(' ', "")).unwrap()
}

/// A financial request behind something else, which stays as it is.
fn written(dialect: &Dialect, fields: &[(u8, &[u8])]) -> Result<Vec<u8>, EncodeError> {
    let mut out = b"before".to_vec();
    let written = write_to(&mut out, dialect, fields);
    assert!(out.starts_with(b"before"));
    if written.is_err() {
        assert_eq!(out, b"before");
    }
    written.map(|()| out.split_off(6))
}

fn write_to(out: &mut Vec<u8>, dialect: &Dialect, fields: &[(u8, &[u8])]) -> Result<(), EncodeError> {
    let mut writer = MessageWriter::begin(out, dialect, &[], Mti::FINANCIAL_REQUEST)?;
    for (number, value) in fields {
        writer.field(*number, value)?;
    }
    writer.finish()
}

#[test]
fn same_message_several_ways() {
    let fields: [(u8, &[u8]); 5] =
        [(2, b"400000123456789"), (22, b"051"), (41, b"TERM 001"), (52, &[0xAB; 8]), (70, b"301")];
    let check = |name, expect: &[u8]| assert_eq!(written(builtin(name), &fields).unwrap(), expect, "{name}");
    check(
        "iso87_ascii",
        b"0200C0000400008010000400000000000000\
          15400000123456789051TERM 001ABABABABABABABAB301",
    );
    check(
        "iso87_ascii_binary",
        b"0200\xC0\x00\x04\x00\x00\x80\x10\x00\x04\x00\x00\x00\x00\x00\x00\x00\
          15400000123456789051TERM 001\xAB\xAB\xAB\xAB\xAB\xAB\xAB\xAB301",
    );
    check(
        "iso87_bcd",
        &bytes(
            "6000010000 0200 C000040000801000 0400000000000000 \
             15 4000001234567890 0051 5445524D20303031 ABABABABABABABAB 0301",
        ),
    );
    check(
        "iso87_ebcdic",
        &bytes(
            "F0F2F0F0 C000040000801000 0400000000000000 \
             F1F5 F4F0F0F0F0F0F1F2F3F4F5F6F7F8F9 F0F5F1 E3C5D9D440F0F0F1 ABABABABABABABAB F3F0F1",
        ),
    );
    let mut fields = fields;
    fields[1].1 = b"0510";
    let visa = written(builtin("visa_base1"), &fields).unwrap();
    assert_eq!(
        visa,
        bytes(
            "16 0102 0045 0000000000000000000000000000000000 0200 C000040000801000 0400000000000000 \
             0F 0400000123456789 0510 E3C5D9D440F0F0F1 ABABABABABABABAB 0301",
        )
    );
    assert_eq!(visa.len(), 0x45);
}

#[test]
fn long_lengths() {
    let check = |name, prefix: &[u8]| {
        let out = written(builtin(name), &[(48, &[b'x'; 987])]).unwrap();
        assert_eq!(&out[out.len() - 987 - prefix.len()..out.len() - 987], prefix, "{name}");
    };
    check("iso87_ascii", b"987");
    check("iso87_bcd", &[0x09, 0x87]);
    check("iso87_ebcdic", &[0xF9, 0xF8, 0xF7]);
    let longest = [0xAB; 20_000];
    let out = written(builtin("postilion"), &[(127, &longest)]).unwrap();
    assert_eq!(&out[20..26], b"020000");
    assert_eq!(out[26..], longest);
}

/// Every length that is copied in a way of its own.
#[test]
fn values_of_every_length() {
    let dialect = made("field.2.type = \"n..99\"");
    let digits = b"0123456789".repeat(10);
    for length in 0..=99 {
        let expect = [format!("02004000000000000000{length:02}").as_bytes(), &digits[..length]].concat();
        assert_eq!(written(&dialect, &[(2, &digits[..length])]).unwrap(), expect);
    }
}

#[test]
fn refuses_by_name() {
    let check = |fields: &[(u8, &[u8])], field, kind| {
        assert_eq!(written(builtin("iso87_ascii"), fields), Err(EncodeError { field, kind }));
    };
    let only = |found, allowed| EncodeErrorKind::Length { found, allowed, fixed: true };
    let most = |found, allowed| EncodeErrorKind::Length { found, allowed, fixed: false };
    check(&[(3, b"000000"), (2, b"4000")], 2, EncodeErrorKind::OutOfOrder);
    check(&[(3, b"000000"), (3, b"000000")], 3, EncodeErrorKind::OutOfOrder);
    check(&[(70, b"301"), (52, &[0; 8])], 52, EncodeErrorKind::OutOfOrder);
    for field in [0, 1, 65, 129, 192, 193, 255] {
        check(&[(field, b"")], field, EncodeErrorKind::NotInDialect);
    }
    check(&[(3, b"00000")], 3, only(5, 6));
    check(&[(2, b"40000000000000000000")], 2, most(20, 19));
    check(&[(55, &[0; 500])], 55, most(1000, 999));
    check(&[(3, b"00000x")], 3, EncodeErrorKind::NotInClass(Class::N));
    check(&[(43, &[b'\n'; 40])], 43, EncodeErrorKind::NotInClass(Class::Ans));
    check(&[(35, b"4000D28x")], 35, EncodeErrorKind::NotInClass(Class::Z));
    let ebcdic = written(builtin("iso87_ebcdic"), &[(44, "€".as_bytes())]);
    assert_eq!(ebcdic, Err(EncodeError { field: 44, kind: EncodeErrorKind::NotInCharset }));
    let odd = made("field.2 = { type = \"n..19\", encoding = \"bcd\", length_counts = \"bytes\" }");
    let odd = written(&odd, &[(2, b"400")]);
    assert_eq!(odd, Err(EncodeError { field: 2, kind: EncodeErrorKind::OddDigits }));
    let short = made("max_frame = 40\nfield.2.type = \"ans..99\"");
    assert_eq!(written(&short, &[(2, &[b'x'; 18])]).unwrap().len(), 40);
    let long = written(&short, &[(2, &[b'x'; 19])]);
    assert_eq!(long, Err(EncodeError { field: 0, kind: EncodeErrorKind::FrameTooLong { max: 40 } }));
}

#[test]
fn headers_are_given_or_by_default() {
    let check = |dialect: &Dialect, header: &[u8], expect: Option<&str>| {
        let mut out = b"before".to_vec();
        let begun = MessageWriter::begin(&mut out, dialect, header, Mti::NETWORK_REQUEST);
        let written = begun.and_then(MessageWriter::finish);
        let refused = EncodeError { field: 0, kind: EncodeErrorKind::NotAHeader };
        match expect {
            Some(expect) => {
                written.unwrap();
                assert!(out[6..].starts_with(&bytes(expect)), "{}", hex::encode(out));
            }
            None => assert_eq!((written, &out[..]), (Err(refused), &b"before"[..])),
        }
    };
    let tpdu = builtin("iso87_bcd");
    check(tpdu, &[], Some("6000010000 0800"));
    check(tpdu, &[0x60, 0, 2, 0, 3], Some("6000020003 0800"));
    check(tpdu, &[0x60, 0, 2, 0], None);
    check(tpdu, &[0x60, 0, 2, 0, 3, 0], None);
    check(builtin("iso87_ascii"), &[], Some("30383030"));
    check(builtin("iso87_ascii"), &[0x60], None);
    let visa = builtin("visa_base1");
    // The length of all is written over what was given.
    check(visa, &bytes(&format!("16 0102 FFFF {}", "00".repeat(17))), Some("16 0102 0020 00"));
    check(visa, &bytes(&format!("18 0102 FFFF {} AABB", "00".repeat(17))), Some("18 0102 0022 00"));
    check(visa, &bytes(&format!("17 0102 FFFF {}", "00".repeat(17))), None);
    check(visa, &bytes("03 0102"), None);
    let text = made("header = { length = 4, starts_with = \"49534F\" }\nfield.2.type = \"n..19\"");
    check(&text, b"ISO1", Some("49534F31 30383030"));
    check(&text, b"IS01", None);
    check(&text, &[], None);
}

#[test]
fn an_error_leaves_the_message_whole() {
    let mut out = Vec::new();
    let mut writer =
        MessageWriter::begin(&mut out, builtin("iso87_ascii"), &[], Mti::FINANCIAL_REQUEST).unwrap();
    writer.field(field::STAN, b"000001").unwrap();
    writer.field(field::TRACK_2, &[b'0'; 38]).unwrap_err();
    writer.field(field::RRN, b"short").unwrap_err();
    writer.field(field::STAN, b"000002").unwrap_err();
    writer.field(field::ICC, &[0; 500]).unwrap_err();
    writer.field(65, b"").unwrap_err();
    writer.field(field::RESPONSE_CODE, b"30").unwrap();
    writer.finish().unwrap();
    assert_eq!(out, b"0200002000000200000000000130");
}

/// With the field it stands in; what stood before it is written, and the message can go on.
#[test]
fn a_character_outside_its_class_is_told() {
    let check = |name: &str, fields: &[(u8, &[u8])], field, class| {
        let expect = EncodeError { field, kind: EncodeErrorKind::NotInClass(class) };
        assert_eq!(written(builtin(name), fields), Err(expect), "{name} {field}");
        let mut out = b"before".to_vec();
        let mut writer = MessageWriter::begin(&mut out, builtin(name), &[], Mti::FINANCIAL_REQUEST).unwrap();
        assert_eq!(writer.fields(fields.iter().copied()), Err(expect), "{name} {field}");
        writer.field(53, b"0123456789012345").unwrap();
        writer.finish().unwrap();
        let others: Vec<_> = fields
            .iter()
            .copied()
            .filter(|(number, _)| *number < field)
            .chain([(53, &b"0123456789012345"[..])])
            .collect();
        assert_eq!(out[6..], written(builtin(name), &others).unwrap(), "{name} {field}");
    };
    let neighbours: [(u8, &[u8]); 5] =
        [(3, b"000000"), (4, b"000000001200"), (11, b"000123"), (35, b"40D2812"), (37, b"ABC000000123")];
    for (index, (field, _)) in neighbours.iter().enumerate() {
        let (mut fields, class) = (neighbours, [Class::N, Class::N, Class::N, Class::Z, Class::An][index]);
        let broken = [&fields[index].1[1..], b"!"].concat();
        let broken = if class == Class::Z { [&fields[index].1[1..], b"a"].concat() } else { broken };
        fields[index].1 = &broken;
        for name in ["iso87_ascii", "iso87_ascii_binary", "iso87_bcd", "iso87_ebcdic"] {
            check(name, &fields, *field, class);
            check(name, &fields[..=index], *field, class);
        }
    }
    check("iso87_ascii", &[(2, b"40"), (32, b"12345"), (33, b"1234x")], 33, Class::N);
    check("iso87_ascii", &[(43, &[b' '; 40]), (44, b"\x07"), (48, b"x")], 44, Class::Ans);
}

#[test]
fn every_length_is_copied_and_checked() {
    let allowed: [(&str, &[u8], u8); 5] = [
        ("n", b"0123456789", b':'),
        ("an", b"09 AZaz", b'-'),
        ("ans", b" !09AZ~", 0x1F),
        ("z", b"0129=D", b'E'),
        ("b", b"\x00\x80\xFF", 0),
    ];
    for (class, letters, wrong) in allowed {
        for length in 1..=200 {
            let dialect = made(&format!(
                "[encoding]\nbinary = \"raw\"\n[field]\n5 = {{ type = \"n1\" }}\n6 = {{ type = \"{class}{length}\" }}\n\
                 7 = {{ type = \"{class}...200\" }}\n8 = {{ type = \"n1\" }}"
            ));
            let value: Vec<u8> = letters.iter().copied().cycle().take(length).collect();
            let write = |field, value: &[u8]| written(&dialect, &[(5, b"5"), (field, value), (8, b"8")]);
            let prefix = format!("{length:03}");
            for (field, bitmap, prefix) in
                [(6, "0D00000000000000", ""), (7, "0B00000000000000", prefix.as_str())]
            {
                let expect = [b"0200", bitmap.as_bytes(), b"5", prefix.as_bytes(), &value, b"8"].concat();
                assert_eq!(write(field, &value).unwrap(), expect, "{class} {length}");
                for position in (0..length).filter(|_| class != "b") {
                    let mut broken = value.clone();
                    broken[position] = wrong;
                    let error = write(field, &broken).unwrap_err();
                    assert!(matches!(error.kind, EncodeErrorKind::NotInClass(_)), "{class} {length} {error}");
                    assert_eq!(error.field, field);
                }
            }
        }
    }
}

#[test]
fn unfinished_takes_itself_back() {
    let mut out = b"before".to_vec();
    let mut writer =
        MessageWriter::begin(&mut out, builtin("iso87_ascii"), &[], Mti::FINANCIAL_REQUEST).unwrap();
    writer.field(field::STAN, b"000001").unwrap();
    writer.field(field::NETWORK_MANAGEMENT_CODE, b"301").unwrap();
    assert_eq!(format!("{writer:?}"), "MessageWriter([11, 70])");
    drop(writer);
    assert_eq!(out, b"before");
}

#[test]
fn messages_stand_one_after_the_other_in_one_buffer() {
    let mut out = Vec::new();
    let fields: [(u8, &[u8]); 2] = [(11, b"000001"), (70, b"301")];
    for _ in 0..3 {
        write_to(&mut out, builtin("iso87_ascii"), &fields).unwrap();
    }
    assert_eq!(out, b"020080200000000000000400000000000000000001301".repeat(3));
}

#[test]
fn numbers_are_filled_with_zeros() {
    let mut out = Vec::new();
    let mut writer =
        MessageWriter::begin(&mut out, builtin("iso87_ascii"), &[], Mti::FINANCIAL_REQUEST).unwrap();
    writer.number(field::AMOUNT, 12345).unwrap();
    writer.number(field::FEE, 11).unwrap();
    writer.number(field::ACQUIRER_ID, 0).unwrap();
    writer.number(field::FORWARDING_ID, 12_345_678_901).unwrap();
    let error = writer.number(field::CURRENCY, 1000).unwrap_err();
    let kind = EncodeErrorKind::Length { found: 4, allowed: 3, fixed: true };
    assert_eq!(error, EncodeError { field: field::CURRENCY, kind });
    writer.number(field::ORIGINAL_DATA, u64::MAX).unwrap();
    assert_eq!(writer.number(field::MAC_SECONDARY + 1, 1).unwrap_err().kind, EncodeErrorKind::NotInDialect);
    writer.finish().unwrap();
    let expect =
        b"020090000011800000000000004000000000000000012345000000011010111234567890100000000000000000000001\
        8446744073709551615";
    assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(expect));
}

#[test]
fn copies_within_and_across_dialects() {
    let fields: [(u8, &[u8]); 4] =
        [(2, b"400000123456789"), (22, b"051"), (35, b"4000D2812"), (52, &[0xAB; 8])];
    let packed = written(builtin("iso87_bcd"), &fields).unwrap();
    let message = parse(&packed, builtin("iso87_bcd")).unwrap();
    let copy = |name| {
        let mut out = Vec::new();
        let mut writer = MessageWriter::begin(&mut out, builtin(name), &[], message.mti()).unwrap();
        for number in [2, 3, 22, 35, 52, 70] {
            writer.copy(number, &message).unwrap();
        }
        assert_eq!(writer.copy(52, &message).unwrap_err().kind, EncodeErrorKind::OutOfOrder);
        writer.finish().unwrap();
        out
    };
    assert_eq!(copy("iso87_bcd"), packed);
    let ascii = b"0200400004002000100015400000123456789051094000D2812ABABABABABABABAB";
    assert_eq!(String::from_utf8_lossy(&copy("iso87_ascii")), String::from_utf8_lossy(ascii));
}

#[test]
fn second_bitmap_as_the_dialect_has_it() {
    let check = |keys: &str, field: u8, expect: &str| {
        let dialect = made(&format!("{keys}\nfield = {{ 2.type = \"n1\", 70.type = \"n1\" }}"));
        let out = written(&dialect, &[(field, b"7")]).unwrap();
        assert_eq!(String::from_utf8_lossy(&out), format!("0200{}", expect.replace(' ', "")), "{keys}");
    };
    let always = "bitmap = { secondary = \"always\" }";
    let clear = "bitmap = { secondary = \"always\", bit_1 = \"clear\" }";
    check("", 2, "4000000000000000 7");
    check("", 70, "8000000000000000 0400000000000000 7");
    check(always, 2, "4000000000000000 0000000000000000 7");
    check(always, 70, "8000000000000000 0400000000000000 7");
    check(clear, 2, "4000000000000000 0000000000000000 7");
    check(clear, 70, "0000000000000000 0400000000000000 7");
}

fn with_third_bitmap(place: &str) -> Dialect {
    made(&format!(
        "bitmap.tertiary = {place:?}
         field = {{ 2.type = \"an..9\", 64.type = \"an2\", 70.type = \"n3\", 130.type = \"a3\", 192.type = \"n1\" }}
         rule = [{{ mti = [\"0200\"], echo = [2, 64, 70, 130, 192] }}]"
    ))
}

#[test]
fn third_bitmap_where_the_dialect_has_it() {
    let all: [(u8, &[u8]); 5] = [(2, b"X"), (64, b"AB"), (70, b"301"), (130, b"xyz"), (192, b"7")];
    let check = |place: &str, fields: &[(u8, &[u8])], expect: &str| {
        let out = written(&with_third_bitmap(place), fields).unwrap();
        assert_eq!(String::from_utf8_lossy(&out), format!("0200{expect}"), "{place}");
    };
    let (after, at, wide) = ("after_secondary", "de_65", "de_65_wide");
    let (first, second, third) = ("C000000000000001", "8400000000000000", "4000000000000001");
    let (only_1, none) = ("8000000000000000", "0000000000000000");
    check(after, &all, &format!("{first}{second}{third}01XAB301xyz7"));
    check(at, &all, &format!("{first}{second}01XAB{third}301xyz7"));
    check(wide, &all, &format!("{first}{second}01XAB{third}{none}301xyz7"));
    check(at, &all[4..], &format!("{only_1}{only_1}00000000000000017"));
    check(wide, &all[4..], &format!("{only_1}{only_1}0000000000000001{none}7"));
    check(after, &all[4..], &format!("{only_1}{only_1}00000000000000017"));
    for place in [after, at, wide] {
        check(place, &all[..3], &format!("{first}040000000000000001XAB301"));
        check(place, &all[..2], "400000000000000101XAB");
    }
}

/// What answers a request with these fields written.
fn response(dialect: &Dialect, request: &[u8], fields: &[(u8, &[u8])]) -> Vec<u8> {
    let request = parse(request, dialect).unwrap();
    let mut out = b"before".to_vec();
    let mut writer = MessageWriter::respond(&mut out, &request).unwrap();
    for (number, value) in fields {
        writer.field(*number, value).unwrap();
    }
    writer.finish().unwrap();
    out.split_off(6)
}

#[test]
fn a_response_repeats_what_the_rules_say() {
    let check = |request: &str, fields: &[(u8, &[u8])], expect: &str| {
        let out = response(builtin("iso87_ascii"), request.as_bytes(), fields);
        assert_eq!(String::from_utf8_lossy(&out), expect);
    };
    // DE 2, 3, 4, 11, 14 (not repeated), 22 (not repeated), 41, 49.
    let request = "020070240400008080001640000012345678990000000000000012000001232812051TERM 001978";
    check(request, &[], "02107020000000808000164000001234567899000000000000001200000123TERM 001978");
    check(
        request,
        &[(39, b"00")],
        "0210702000000280800016400000123456789900000000000000120000012300TERM 001978",
    );
    // What is written takes the place of what would be repeated, wherever that stands.
    check(
        request,
        &[(3, b"010000"), (38, b"A1B2C3"), (39, b"10"), (49, b"840")],
        "02107020000006808000164000001234567899010000000000001200000123A1B2C310TERM 001840",
    );
    check(request, &[(2, b""), (50, b"978")], "0210702000000080C00000000000000000001200000123TERM 001978978");
}

#[test]
fn types_without_rules_repeat_nothing() {
    let out = response(builtin("iso87_ascii"), b"06000020000000000000000123", &[(39, b"00")]);
    assert_eq!(out, b"0610000000000200000000");
}

#[test]
fn a_response_repeats_fields_of_every_bitmap() {
    let (first, second, third) = ("C000000000000001", "8400000000000000", "4000000000000001");
    let zeros = "0000000000000000";
    let check = |place: &str, rest: &str, fields: &[(u8, &[u8])], expect: &str| {
        let out = response(&with_third_bitmap(place), format!("0200{rest}").as_bytes(), fields);
        assert_eq!(String::from_utf8_lossy(&out), format!("0210{expect}"), "{place}");
    };
    for (place, all) in [
        ("after_secondary", format!("{first}{second}{third}01XAB301xyz7")),
        ("de_65", format!("{first}{second}01XAB{third}301xyz7")),
        ("de_65_wide", format!("{first}{second}01XAB{third}{zeros}301xyz7")),
    ] {
        check(place, &all, &[], &all);
        check(place, &all, &[(64, b"CD"), (130, b"abc")], &all.replace("AB", "CD").replace("xyz", "abc"));
        check(
            place,
            &all,
            &[(2, b"Y"), (70, b"302"), (192, b"8")],
            &all.replace("01X", "01Y").replace("301xyz7", "302xyz8"),
        );
    }
    // A bitmap that says nothing is left out.
    let few = format!("{first}040000000000000001XAB301");
    check("de_65", &format!("{first}{second}01XAB{zeros}301"), &[], &few);
    check("after_secondary", &format!("{first}{second}{zeros}01XAB301"), &[], &few);
}

#[test]
fn a_response_goes_back_to_where_the_request_came_from() {
    let tpdu = bytes("6000018002 0800 2220000000800000 990000 1126153059 000123 3132333435363738");
    let out = response(builtin("iso87_bcd"), &tpdu, &[(39, b"00")]);
    assert_eq!(out, bytes("6080020001 0810 2220000002800000 990000 1126153059 000123 3030 3132333435363738"));
    let rest = "0A0B0C 0D0E0F 0102030405060708090A0B";
    let visa = bytes(&format!("16 0102 0023 {rest} 0800 0020000000000000 000123"));
    let out = response(builtin("visa_base1"), &visa, &[(39, b"00")]);
    let rest = "0D0E0F 0A0B0C 0102030405060708090A0B";
    assert_eq!(out, bytes(&format!("16 0102 0025 {rest} 0810 0020000002000000 000123 F0F0")));
}

#[test]
fn a_response_that_becomes_too_long_is_taken_back() {
    let dialect = made(
        "max_frame = 40\nfield = { 2.type = \"ans..99\", 3.type = \"ans..99\" }\nrule = [{ mti = [\"0200\"], echo = [2] }]",
    );
    let request = parse(b"0200400000000000000010abcdefghij", &dialect).unwrap();
    let mut out = b"before".to_vec();
    let mut writer = MessageWriter::respond(&mut out, &request).unwrap();
    writer.field(3, b"1234567").unwrap();
    let kind = EncodeErrorKind::FrameTooLong { max: 40 };
    assert_eq!(writer.finish(), Err(EncodeError { field: 0, kind }));
    assert_eq!(out, b"before");
    let mut writer = MessageWriter::respond(&mut out, &request).unwrap();
    writer.field(3, b"123456").unwrap();
    writer.finish().unwrap();
    assert_eq!(out, b"before0210600000000000000010abcdefghij06123456");
}
