use super::*;
use crate::Dialect;
use EncodeErrorKind::{NotInCharset, OddDigits};
use ParseErrorKind::{NotADigit, NotAFiller, NotALength, NotHex, NotInClass, OddHex, TooLong, Truncated};

/// The specification that a dialect file's line makes.
fn spec(keys: &str) -> FieldSpec {
    let text = format!("name = \"made\"\nedition = 1987\nfield.2 = {{ type = {keys} }}");
    let dialect = Dialect::from_toml(&text).unwrap_or_else(|error| panic!("{keys}: {error}"));
    dialect.field(2).unwrap().clone()
}

fn written(keys: &str, value: &[u8]) -> Result<Vec<u8>, EncodeErrorKind> {
    let spec = spec(keys);
    let mut out = vec![0xEE; room(&spec, value.len())];
    let length = write(&spec, value, &mut out)?;
    out.truncate(length);
    Ok(out)
}

/// The value of a wire form with something behind it.
fn read(keys: &str, wire: &[u8]) -> Result<Vec<u8>, (usize, ParseErrorKind)> {
    let spec = spec(keys);
    let followed = match spec.length {
        Length::Rest => wire.to_vec(),
        _ => [wire, b"8"].concat(),
    };
    let extent = measure(&spec, &followed)?;
    let body = &followed[extent.prefix..extent.prefix + extent.wire];
    check(&spec, body, extent.units).map_err(|(position, kind)| (extent.prefix + position, kind))?;
    assert_eq!(extent.prefix + extent.wire, wire.len(), "{keys}");
    let value = decode(&spec, body, extent.units).to_vec();
    let mut appended = b"before".to_vec();
    decode_into(&spec, body, extent.units, &mut appended);
    assert_eq!(appended, [b"before", &value[..]].concat(), "{keys}");
    Ok(value)
}

/// Both directions.
fn both(keys: &str, value: &str, wire: &[u8]) {
    assert_eq!(written(keys, value.as_bytes()).as_deref(), Ok(wire), "{keys}");
    reads(keys, wire, value.as_bytes());
}

fn reads(keys: &str, wire: &[u8], value: &[u8]) {
    assert_eq!(read(keys, wire).as_deref(), Ok(value), "{keys}");
}

fn writes(keys: &str, value: &str, wire: &[u8]) {
    assert_eq!(written(keys, value.as_bytes()).as_deref(), Ok(wire), "{keys}");
}

/// Wire forms of [`both`] end with what belongs to the field; the units of a length are its own.
#[test]
fn length_prefixes() {
    both(r#""n..19""#, "4000", b"044000");
    both(r#""n..19""#, "", b"00");
    both(r#""n.9""#, "4000", b"44000");
    both(r#""ans...999""#, "ab", b"002ab");
    both(r#""ans....9999""#, "ab", b"0002ab");
    both(r#""ans......999999""#, "ab", b"000002ab");
    both(r#""n..19", length_encoding = "ebcdic""#, "4000", b"\xF0\xF44000");
    both(r#""n...19", length_encoding = "ebcdic""#, "4000001234567899", b"\xF0\xF1\xF64000001234567899");
    both(r#""n.9", length_encoding = "bcd""#, "4000", b"\x044000");
    both(r#""n..19", length_encoding = "bcd""#, "4000001234567899", b"\x164000001234567899");
    both(r#""n...999", length_encoding = "bcd""#, "4000", b"\x00\x044000");
    both(r#""n....9999", length_encoding = "bcd""#, "4000", b"\x00\x044000");
    both(r#""n.....99999", length_encoding = "bcd""#, "4000", b"\x00\x00\x044000");
    both(r#""n..19", length_encoding = "binary""#, "4000001234567899", b"\x104000001234567899");
    both(r#""n...255", length_encoding = "binary""#, "4000", b"\x00\x044000");
    both(r#""n...255", length_encoding = "binary", length_bytes = 1"#, "4000", b"\x044000");
    both(r#""n.....99999", length_encoding = "binary""#, "4000", b"\x00\x00\x044000");
    both(r#""n..19", length_encoding = "binary", length_bytes = 4"#, "4000", b"\x00\x00\x00\x044000");
    let long = "x".repeat(987);
    both(r#""ans...999""#, &long, &[b"987", long.as_bytes()].concat());
    both(r#""ans...999", length_encoding = "bcd""#, &long, &[b"\x09\x87", long.as_bytes()].concat());
    both(r#""ans...999", length_encoding = "binary""#, &long, &[b"\x03\xDB", long.as_bytes()].concat());
    both(r#""ans...999", length_encoding = "ebcdic""#, &long, &[b"\xF9\xF8\xF7", long.as_bytes()].concat());
}

#[test]
fn packed_digits() {
    both(r#""n4", encoding = "bcd""#, "1234", b"\x12\x34");
    both(r#""n3", encoding = "bcd""#, "051", b"\x00\x51");
    both(r#""n3", encoding = "bcd", filler = "F""#, "051", b"\xF0\x51");
    both(r#""n3", encoding = "bcd", pad = "right""#, "051", b"\x05\x10");
    both(r#""n3", encoding = "bcd", pad = "right", filler = "F""#, "051", b"\x05\x1F");
    both(r#""n1", encoding = "bcd""#, "6", b"\x06");
    both(r#""n1", encoding = "bcd", pad = "right""#, "6", b"\x60");
    both(r#""n..19", encoding = "bcd""#, "", b"00");
    both(r#""n..19", encoding = "bcd""#, "1234", b"04\x12\x34");
    both(r#""n..19", encoding = "bcd""#, "123", b"03\x12\x30");
    both(r#""n..19", encoding = "bcd", filler = "F""#, "123", b"03\x12\x3F");
    both(r#""n..19", encoding = "bcd", pad = "left""#, "123", b"03\x01\x23");
    both(r#""n..19", encoding = "bcd", pad = "left", filler = "F""#, "123", b"03\xF1\x23");
    let long = "1234567890".repeat(10);
    let packed = b"\x12\x34\x56\x78\x90".repeat(10);
    both(r#""n...100", encoding = "bcd""#, &long, &[b"100", &packed[..]].concat());
}

#[test]
fn lengths_that_count_the_filler() {
    both(r#""n..19", encoding = "bcd", length_counts = "bytes""#, "1234", b"02\x12\x34");
    both(r#""n..19", encoding = "bcd", length_counts = "bytes", filler = "F""#, "1234", b"02\x12\x34");
    both(r#""n..19", encoding = "bcd", length_counts = "bytes", filler = "F""#, "123", b"02\x12\x3F");
    both(
        r#""n..19", encoding = "bcd", length_counts = "bytes", filler = "F", pad = "left""#,
        "123",
        b"02\xF1\x23",
    );
    both(r#""n..19", encoding = "bcd", length_counts = "bytes", filler = "F""#, "", b"00");
    both(r#""n..19", encoding = "bcd", length_counts = "nibbles""#, "1234", b"04\x12\x34");
    both(r#""n..19", encoding = "bcd", length_counts = "nibbles", filler = "F""#, "123", b"04\x12\x3F");
    both(
        r#""n..19", encoding = "bcd", length_counts = "nibbles", filler = "F", pad = "left""#,
        "123",
        b"04\xF1\x23",
    );
    both(
        r#""n..19", encoding = "bcd", length_counts = "nibbles", filler = "F", length_encoding = "bcd""#,
        "4000001234567899012",
        b"\x20\x40\x00\x00\x12\x34\x56\x78\x99\x01\x2F",
    );
    both(
        r#""z..37", encoding = "bcd", length_counts = "bytes", filler = "F", length_encoding = "binary""#,
        "4000001234567899D2812",
        b"\x0B\x40\x00\x00\x12\x34\x56\x78\x99\xD2\x81\x2F",
    );
}

#[test]
fn signed_amounts() {
    both(r#""x+n8""#, "C00000011", b"C00000011");
    both(r#""x+n8", encoding = "cp500""#, "D00000011", b"\xC4\xF0\xF0\xF0\xF0\xF0\xF0\xF1\xF1");
    both(r#""x+n8", encoding = "bcd""#, "D00000022", b"D\x00\x00\x00\x22");
    both(r#""x+n8", encoding = "bcd""#, "000000022", b"0\x00\x00\x00\x22");
    both(r#""x+n16", encoding = "bcd""#, "C0000000000000001", b"C\0\0\0\0\0\0\0\x01");
    both(r#""x+n7", encoding = "bcd""#, "C1234567", b"C\x01\x23\x45\x67");
    both(r#""x+n7", encoding = "bcd", pad = "right", filler = "F""#, "C1234567", b"C\x12\x34\x56\x7F");
}

#[test]
fn tracks() {
    both(r#""z..37""#, "4000001234567899=2812", b"214000001234567899=2812");
    both(r#""z..37""#, "4000001234567899D2812", b"214000001234567899D2812");
    both(r#""z..37", encoding = "cp037""#, "40=28", b"05\xF4\xF0\x7E\xF2\xF8");
    both(r#""z..37", encoding = "bcd""#, "40D2812", b"07\x40\xD2\x81\x20");
    writes(r#""z..37", encoding = "bcd""#, "40=2812", b"07\x40\xD2\x81\x20");
    writes(r#""z..37", encoding = "bcd", separator = "=""#, "40=2812", b"07\x40\xD2\x81\x20");
    writes(r#""z..37", separator = "=""#, "40D28", b"0540=28");
    writes(r#""z..37", separator = "=""#, "40=28", b"0540=28");
    writes(r#""z..37", separator = "D""#, "40=28", b"0540D28");
    writes(r#""z..37", separator = "D", encoding = "cp500""#, "40=28", b"05\xF4\xF0\xC4\xF2\xF8");
    reads(r#""z..37", separator = "=""#, b"0540D28", b"40D28");
}

#[test]
fn binary() {
    let check = |keys: &str, value: &[u8], wire: &[u8]| {
        assert_eq!(written(keys, value).as_deref(), Ok(wire), "{keys}");
        reads(keys, wire, value);
    };
    check(r#""b2""#, &[0xAB, 0x01], b"AB01");
    check(r#""b2", encoding = "raw""#, &[0xAB, 0x01], &[0xAB, 0x01]);
    check(r#""b2", encoding = "hex_ebcdic""#, &[0xAB, 0x01], &[0xC1, 0xC2, 0xF0, 0xF1]);
    check(r#""b..50", encoding = "raw""#, &[0xAB, 0x01], b"02\xAB\x01");
    check(r#""b..50", encoding = "raw", length_counts = "bytes""#, &[0xAB, 0x01], b"02\xAB\x01");
    check(r#""b..50""#, &[0xAB, 0x01], b"04AB01");
    check(r#""b..50", length_counts = "bytes""#, &[0xAB, 0x01], b"04AB01");
    check(r#""b..50", length_counts = "value""#, &[0xAB, 0x01], b"02AB01");
    check(r#""b..50", length_counts = "value", encoding = "hex_ebcdic""#, &[0xAB], b"01\xC1\xC2");
    check(r#""b..50""#, &[], b"00");
    check(
        r#""b...999", length_counts = "value""#,
        &[0xAB; 999],
        &[&b"999"[..], &[b'A', b'B'].repeat(999)].concat(),
    );
}

/// Bytes by the codecs of Python, and of iconv for 1047.
#[test]
fn character_sets() {
    both(r#""ans..20""#, "AZ az 09 ~", b"10AZ az 09 ~");
    both(r#""ans..20", encoding = "latin1""#, "Zo\u{eb}", b"03Zo\xEB");
    both(r#""ans..20", encoding = "latin1""#, "Zoe", b"03Zoe");
    both(r#""ans..20", encoding = "cp1251""#, "Молоко", b"06\xCC\xEE\xEB\xEE\xEA\xEE");
    both(r#""ans..20", encoding = "gbk""#, "银行A", b"05\xD2\xF8\xD0\xD0A");
    both(r#""ans..20", encoding = "cp037""#, "A[é]", b"04\xC1\xBA\x51\xBB");
    both(r#""ans..20", encoding = "cp500""#, "A[é]", b"04\xC1\x4A\x51\x5A");
    both(r#""ans..20", encoding = "ebcdic""#, "A[é]", b"04\xC1\x4A\x51\x5A");
    both(r#""ans..20", encoding = "cp1047""#, "A[é]", b"04\xC1\xAD\x51\xBD");
    both(r#""n4", encoding = "cp500""#, "4000", b"\xF4\xF0\xF0\xF0");
    both(r#""h..9""#, "0aF", b"030aF");
    both(r#""any..9", encoding = "cp500""#, "\u{7}a", b"02\x2F\x81");
    both(r#""ans...999", encoding = "cp500""#, &"é".repeat(100), &[&b"100"[..], &[0x51; 100]].concat());
}

#[test]
fn forms_that_are_read_but_not_written() {
    reads(r#""n..19", encoding = "bcd""#, b"03\x12\x3F", b"123");
    reads(r#""n..19", encoding = "bcd", filler = "F""#, b"03\x12\x30", b"123");
    reads(r#""n3", encoding = "bcd", pad = "right""#, b"\x05\x1F", b"051");
    reads(r#""z..37", encoding = "bcd""#, b"07\x40\xD2\x81\x2F", b"40D2812");
    reads(r#""n..19", encoding = "bcd", length_counts = "bytes", filler = "F""#, b"02\x12\x30", b"1230");
    reads(r#""n..19", encoding = "bcd", length_counts = "bytes", pad = "left""#, b"02\x01\x23", b"0123");
    reads(r#""n..19", encoding = "bcd", length_counts = "nibbles", filler = "F""#, b"03\x12\x30", b"123");
    reads(r#""b2""#, b"aBcd", &[0xAB, 0xCD]);
    reads(r#""b2", encoding = "hex_ebcdic""#, &[0x81, 0xC2, 0x83, 0xF4], &[0xAB, 0xC4]);
}

#[test]
fn names_the_byte() {
    let check = |keys: &str, wire: &[u8], position, kind| {
        assert_eq!(read(keys, wire), Err((position, kind)), "{keys} {}", hex::encode(wire));
    };
    let not = |class, found| NotInClass { class, found };
    check(r#""n6""#, b"12 456", 2, not(Class::N, Found::Space));
    check(r#""n6""#, b"1234", 0, Truncated { need: 6, left: 5 });
    check(r#""n6", encoding = "cp500""#, b"\xF1\xF2\xF34\xF5\xF6", 3, not(Class::N, Found::NotAscii));
    check(r#""a3""#, b"AB1", 2, not(Class::A, Found::Digit));
    check(r#""an3""#, b"A-1", 1, not(Class::An, Found::Punctuation));
    check(r#""ns3""#, b"1-A", 2, not(Class::Ns, Found::Letter));
    check(r#""as3""#, b"A-1", 2, not(Class::As, Found::Digit));
    check(r#""ans3""#, b"A\n1", 1, not(Class::Ans, Found::Control));
    check(r#""h3""#, b"0aG", 2, not(Class::H, Found::Letter));
    check(r#""ans4", encoding = "gbk""#, b"A\xD2\xF8\xD0", 0, not(Class::Ans, Found::Letter));
    check(r#""ans3", encoding = "latin1""#, b"A\x85\x85", 1, not(Class::Ans, Found::NotAscii));
    check(r#""x+n8""#, b"E00000011", 0, not(Class::Xn, Found::Letter));
    check(r#""x+n8""#, b"C0000001C", 8, not(Class::Xn, Found::Letter));
    check(r#""x+n8", encoding = "bcd""#, b"E\0\0\0\0", 0, not(Class::Xn, Found::Letter));
    check(r#""x+n8", encoding = "bcd""#, b"C\0\0\x0F\0", 3, NotADigit { class: Class::Xn });
    check(r#""x+n7", encoding = "bcd""#, b"C\x10\0\0\0", 1, NotAFiller);
    check(r#""n6", encoding = "bcd""#, b"\x01\xA3\x45", 1, NotADigit { class: Class::N });
    check(r#""n6", encoding = "bcd""#, b"\x01\xD3\x45", 1, NotADigit { class: Class::N });
    check(r#""n3", encoding = "bcd""#, b"\x10\x51", 0, NotAFiller);
    check(r#""n3", encoding = "bcd""#, b"\xF0\x51", 0, NotAFiller);
    check(r#""n3", encoding = "bcd", filler = "F""#, b"\x00\x51", 0, NotAFiller);
    check(r#""n3", encoding = "bcd", pad = "right""#, b"\x05\x15", 1, NotAFiller);
    check(r#""n3", encoding = "bcd""#, b"\x00\x5A", 1, NotADigit { class: Class::N });
    check(r#""n..19", encoding = "bcd""#, b"03\x12\x35", 3, NotAFiller);
    check(
        r#""n..19", encoding = "bcd", length_counts = "bytes", pad = "left""#,
        b"02\xF1\x23",
        2,
        NotADigit { class: Class::N },
    );
    check(r#""z..37", encoding = "bcd""#, b"04\x40\xE2", 3, NotADigit { class: Class::Z });
    check(r#""b2""#, b"ABG1", 2, NotHex { found: Found::Letter });
    check(r#""b2", encoding = "hex_ebcdic""#, b"\xC1\xC2A1", 2, NotHex { found: Found::NotAscii });
    check(r#""b..50""#, b"03AB1", 2, OddHex);
}

#[test]
fn names_the_length() {
    let check = |keys: &str, wire: &[u8], kind| {
        assert_eq!(read(keys, wire), Err((0, kind)), "{keys} {}", hex::encode(wire));
    };
    let long = |found, max| TooLong { found, max };
    check(r#""n..19""#, b"20", long(20, 19));
    check(r#""n..19""#, b"2x", NotALength);
    check(r#""n..19", length_encoding = "ebcdic""#, b"20", NotALength);
    check(r#""n..19", length_encoding = "bcd""#, b"\x20", long(20, 19));
    check(r#""n..19", length_encoding = "bcd""#, b"\x1A", NotALength);
    check(r#""n...999", length_encoding = "bcd""#, b"\x10\x04", NotALength);
    check(r#""n.9", length_encoding = "bcd""#, b"\x10", NotALength);
    check(r#""n..19", length_encoding = "binary""#, b"\x20", long(32, 19));
    check(r#""n..19", length_encoding = "binary", length_bytes = 4"#, &[0xFF; 4], long(0xFFFF_FFFF, 19));
    check(r#""n..19", encoding = "bcd", length_counts = "bytes""#, b"11", long(11, 10));
    check(r#""n..19", encoding = "bcd", length_counts = "nibbles""#, b"21", long(21, 20));
    check(r#""n..4", encoding = "bcd", length_counts = "bytes""#, b"03", long(3, 2));
    // Twenty digits and no filler among them.
    check(
        r#""n..19", encoding = "bcd", length_counts = "bytes""#,
        b"10\x40\x00\x00\x12\x34\x56\x78\x99\x01\x23",
        long(20, 19),
    );
    check(r#""ans..25", length_counts = "bytes""#, b"26abcdefghijklmnopqrstuvwxyz", long(26, 25));
    check(r#""b..33", encoding = "raw", length_counts = "bytes""#, b"34", long(34, 33));
    check(r#""b..20", length_counts = "value""#, b"21", long(21, 20));
    check(r#""b..20""#, b"41", long(41, 40));
    assert_eq!(read(r#""n..19""#, b"05400"), Err((2, Truncated { need: 5, left: 4 })));
    assert_eq!(read(r#""n..19", encoding = "bcd""#, b"05\x40"), Err((2, Truncated { need: 3, left: 2 })));
    let spec = spec(r#""ans...999""#);
    assert_eq!(measure(&spec, b"00"), Err((0, Truncated { need: 3, left: 2 })));
    assert_eq!(measure(&spec, b""), Err((0, Truncated { need: 3, left: 0 })));
}

#[test]
fn what_does_not_fit_is_not_written() {
    let check = |keys: &str, value: &[u8], kind| {
        assert_eq!(written(keys, value), Err(kind), "{keys} {}", hex::encode(value));
    };
    let only = |found, allowed| EncodeErrorKind::Length { found, allowed, fixed: true };
    let most = |found, allowed| EncodeErrorKind::Length { found, allowed, fixed: false };
    let not = EncodeErrorKind::NotInClass;
    check(r#""n6""#, b"12345", only(5, 6));
    check(r#""n6""#, b"1234567", only(7, 6));
    check(r#""n6", encoding = "bcd""#, b"12345", only(5, 6));
    check(r#""n5", encoding = "bcd""#, b"123456", only(6, 5));
    check(r#""x+n8", encoding = "bcd""#, b"C0000011", only(8, 9));
    check(r#""b2""#, &[1, 2, 3], only(6, 4));
    check(r#""b2", encoding = "raw""#, &[1], only(1, 2));
    check(r#""n..19""#, b"40000012345678990123", most(20, 19));
    check(r#""n..19", encoding = "bcd""#, b"40000012345678990123", most(20, 19));
    check(r#""b..50""#, &[0; 50], most(100, 99));
    check(r#""ans..2", encoding = "gbk""#, "银行".as_bytes(), most(4, 2));
    check(r#""n6""#, b"12345x", not(Class::N));
    check(r#""n6", encoding = "cp500""#, b"12345x", not(Class::N));
    check(r#""n6", encoding = "bcd""#, b"12345x", not(Class::N));
    check(r#""n6", encoding = "bcd""#, b"1234=6", not(Class::N));
    check(r#""z..37", encoding = "bcd""#, b";4000001234567899=2812?", not(Class::Z));
    check(r#""z..37""#, b"40:28A", not(Class::Z));
    check(r#""x+n8""#, b"X00000011", not(Class::Xn));
    check(r#""x+n8", encoding = "bcd""#, b"X00000011", not(Class::Xn));
    check(r#""x+n8", encoding = "bcd""#, b"C0000001D", not(Class::Xn));
    check(r#""ans..9""#, "é".as_bytes(), not(Class::Ans));
    check(r#""ans..9", encoding = "latin1""#, "€".as_bytes(), NotInCharset);
    check(r#""ans..9", encoding = "cp500""#, &[0xFF], NotInCharset);
    check(r#""ans..9", encoding = "gbk""#, "🎉".as_bytes(), NotInCharset);
    check(r#""ans..99", encoding = "gbk""#, "🎉".repeat(30).as_bytes(), NotInCharset);
    check(r#""ans..99", encoding = "cp1251""#, "银".repeat(30).as_bytes(), NotInCharset);
    check(r#""n6""#, &[b'1'; 70_000], only(70_000, 6));
    check(r#""n6", encoding = "bcd""#, &[b'1'; 70_000], only(70_000, 6));
    check(r#""n6""#, b"", only(0, 6));
    check(r#""x+n8", encoding = "bcd""#, b"", only(0, 9));
    check(r#""n..19", encoding = "bcd", length_counts = "bytes""#, b"123", OddDigits);
    check(r#""n..19", encoding = "bcd", length_counts = "nibbles""#, b"123", OddDigits);
}
