use super::*;
use crate::Class;

#[test]
fn known_by_name() {
    for name in Dialect::names() {
        let dialect = Dialect::by_name(name).unwrap();
        assert_eq!(dialect.name(), name);
        assert!(!dialect.title().is_empty(), "{name}");
        assert!(Dialect::source(name).unwrap().contains(&format!("\nname = \"{name}\"\n")), "{name}");
    }
    for unknown in ["iso87", "ISO87_ASCII", ""] {
        assert!(Dialect::by_name(unknown).is_none() && Dialect::source(unknown).is_none(), "{unknown}");
    }
}

#[test]
fn editions() {
    let check = |name, year| assert_eq!(Dialect::by_name(name).unwrap().edition().year(), year, "{name}");
    check("iso87_bcd", 1987);
    check("iso93_ascii", 1993);
    check("iso93_binary", 1993);
    check("iso2003_ascii", 2003);
    check("postilion", 1987);
    check("mastercard_ipm", 1993);
}

#[test]
fn bitmaps_are_no_data_elements() {
    for name in Dialect::names() {
        let dialect = Dialect::by_name(name).unwrap();
        let third = dialect.bitmap().tertiary != Tertiary::None;
        for number in [0, 1, 193, 255] {
            assert!(dialect.field(number).is_none(), "{name} {number}");
        }
        assert!(!third || dialect.field(65).is_none(), "{name}");
        let beyond = dialect.fields().any(|(number, _)| number > 128);
        assert!(third || !beyond, "{name}");
    }
    let dialect = Dialect::by_name("iso87_ascii").unwrap();
    let missing: Vec<u8> = (0..=255).filter(|number| dialect.field(*number).is_none()).collect();
    assert_eq!(missing, [0, 1, 65].into_iter().chain(129..=255).collect::<Vec<u8>>());
}

#[test]
fn elements_ascend_and_have_names() {
    for name in Dialect::names() {
        let dialect = Dialect::by_name(name).unwrap();
        let numbers: Vec<u8> = dialect.fields().map(|(number, _)| number).collect();
        assert!(numbers.is_sorted() && numbers.len() > 100, "{name}");
        for (number, spec) in dialect.fields() {
            assert!(!spec.name.is_empty(), "{name} DE {number}");
        }
    }
}

/// What may hold a card number, a track, a PIN or a key is never shown whole.
#[test]
fn card_data_is_sensitive_everywhere() {
    for name in Dialect::names() {
        let dialect = Dialect::by_name(name).unwrap();
        for number in [2, 34, 35, 36, 45, 48, 52, 55] {
            let spec = dialect.field(number);
            assert!(spec.is_none_or(|spec| spec.sensitivity != Sensitivity::Open), "{name} DE {number}");
        }
        assert_eq!(dialect.field(2).unwrap().sensitivity, Sensitivity::Pan, "{name}");
        assert_eq!(dialect.field(35).unwrap().sensitivity, Sensitivity::Track, "{name}");
        assert_eq!(dialect.field(52).unwrap().sensitivity, Sensitivity::Secret, "{name}");
    }
}

#[test]
fn one_element_several_ways() {
    let ascii = Encoding::Text(Charset::Ascii);
    let variable = |max| Length::Variable { max };
    let check = |name: &str, number: u8, notation: &str, length, encoding| {
        let spec = Dialect::by_name(name).unwrap().field(number).unwrap();
        assert_eq!(spec.notation(), notation, "{name} DE {number}");
        assert_eq!((spec.length, spec.encoding), (length, encoding), "{name} DE {number}");
    };
    check("iso87_ascii", 52, "b8", Length::Fixed(16), Encoding::Hex(Charset::Ascii));
    check("iso87_ascii_binary", 52, "b8", Length::Fixed(8), Encoding::Raw);
    check("iso87_bcd", 52, "b8", Length::Fixed(8), Encoding::Raw);
    check("iso87_ebcdic", 52, "b8", Length::Fixed(8), Encoding::Raw);
    check("iso87_ascii", 2, "n..19", variable(19), ascii);
    check("iso87_bcd", 2, "n..19", variable(19), Encoding::Bcd);
    check("iso87_ebcdic", 2, "n..19", variable(19), Encoding::Text(Charset::Cp500));
    // Half of the 999 characters that the prefix can say.
    check("iso87_ascii", 55, "b...500", variable(999), Encoding::Hex(Charset::Ascii));
    check("iso87_bcd", 55, "b...999", variable(999), Encoding::Raw);
    check("iso87_ascii", 28, "x+n8", Length::Fixed(9), ascii);
    check("iso87_bcd", 28, "x+n8", Length::Fixed(9), Encoding::Bcd);
    check("visa_base1", 28, "x+n8", Length::Fixed(9), Encoding::Text(Charset::Cp037));
    check("iso87_bcd", 37, "an12", Length::Fixed(12), ascii);
    check("iso93_binary", 35, "z..37", variable(37), ascii);
    check("iso93_binary", 56, "n..35", variable(35), Encoding::Bcd);
    check("postilion", 127, "b......999999", variable(999_999), Encoding::Raw);
    check("postilion", 53, "b48", Length::Fixed(48), Encoding::Raw);
    check("mastercard_cis", 22, "n3", Length::Fixed(3), Encoding::Text(Charset::Cp500));
}

#[test]
fn length_prefixes_of_one_element() {
    let check = |name: &str, number: u8, encoding, width| {
        let prefix = Dialect::by_name(name).unwrap().field(number).unwrap().prefix;
        assert_eq!(
            (prefix.encoding, prefix.width, prefix.counts),
            (encoding, width, Counts::Units),
            "{name}"
        );
    };
    check("iso87_ascii", 48, PrefixEncoding::Ascii, 3);
    check("iso87_bcd", 48, PrefixEncoding::Bcd, 2);
    check("iso87_ebcdic", 48, PrefixEncoding::Ebcdic, 3);
    check("visa_base1", 48, PrefixEncoding::Binary, 1);
    check("postilion", 127, PrefixEncoding::Ascii, 6);
    check("iso87_ascii", 2, PrefixEncoding::Ascii, 2);
    check("iso87_bcd", 2, PrefixEncoding::Bcd, 1);
}

#[test]
fn fillers() {
    let check = |name: &str, number: u8, pad| {
        let spec = Dialect::by_name(name).unwrap().field(number).unwrap();
        assert_eq!((spec.pad, spec.filler), (pad, Filler::Zero), "{name} DE {number}");
    };
    check("iso87_bcd", 22, Pad::Left);
    check("iso87_bcd", 2, Pad::Right);
    check("iso93_binary", 19, Pad::Right);
    check("visa_base1", 2, Pad::Left);
}

#[test]
fn envelopes() {
    let check = |name: &str, mti, bitmap: BitmapEncoding, tertiary, header| {
        let dialect = Dialect::by_name(name).unwrap();
        let spec = BitmapSpec { encoding: bitmap, secondary: Secondary::ByBit1, tertiary };
        assert_eq!((dialect.mti(), dialect.bitmap()), (mti, spec), "{name}");
        assert_eq!((dialect.header().length, dialect.max_frame()), (header, 65_535), "{name}");
    };
    check("iso87_ascii", NumberEncoding::Ascii, BitmapEncoding::Hex, Tertiary::None, 0);
    check("iso87_ascii_binary", NumberEncoding::Ascii, BitmapEncoding::Binary, Tertiary::None, 0);
    check("iso87_bcd", NumberEncoding::Bcd, BitmapEncoding::Binary, Tertiary::None, 5);
    check("iso87_ebcdic", NumberEncoding::Ebcdic, BitmapEncoding::Binary, Tertiary::None, 0);
    check("iso93_binary", NumberEncoding::Bcd, BitmapEncoding::Binary, Tertiary::None, 0);
    check("visa_base1", NumberEncoding::Bcd, BitmapEncoding::Binary, Tertiary::AfterSecondary, 22);
    check("mastercard_ipm_ascii", NumberEncoding::Ascii, BitmapEncoding::Binary, Tertiary::None, 0);
}

#[test]
fn framings() {
    let check = |name: &str, expect: Framing| {
        assert_eq!(Dialect::by_name(name).unwrap().framing(), &expect, "{name}");
    };
    check("iso87_ascii", Framing::TWO_BYTES);
    check("iso87_bcd", Framing::TWO_BYTES);
    check("visa_base1", Framing { reserved: 2, ..Framing::TWO_BYTES });
}

/// The type of every element of every dialect is one that its file could hold.
#[test]
fn notations_are_read_back() {
    for name in Dialect::names() {
        for (number, spec) in Dialect::by_name(name).unwrap().fields() {
            let notation = notation::read(&spec.notation());
            assert_eq!(notation.map(|notation| notation.class), Some(spec.class), "{name} DE {number}");
        }
    }
    assert_eq!(notation::read("b8").unwrap().class, Class::B);
}

#[test]
fn the_schema_knows_every_key() {
    let schema = schema();
    for key in ["name", "edition", "based_on", "inherit_rules", "max_frame", "remove", "header", "framing"] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
    assert!(schema["properties"]["inherited"].is_null());
    assert!(!schema.to_string().contains("\"inherited\""));
}
