//! The dialects of the 1987 edition. They share one table of elements and differ in how each
//! class of value is written.

use super::elements_1987::{ELEMENTS, Element};
use super::{BitmapEncoding, Dialect, Encoding, FieldSpec, HeaderSpec, Length, NumberEncoding, Pad};
use crate::{Class, value::Value};

/// Everything in ASCII: bitmaps and binary elements as hexadecimal characters, which lengths
/// count. The `default_ascii` specification of pyiso8583 and the ISO87APackager of jPOS.
pub(super) static ASCII: Dialect = Dialect {
    name: "iso87_ascii",
    header: HeaderSpec::None,
    mti: NumberEncoding::Ascii,
    bitmap: BitmapEncoding::Hex,
    lengths: NumberEncoding::Ascii,
    fields: specs(Encoding::Ascii, Encoding::Hex),
};

/// Digits and text in ASCII, bitmaps and binary elements raw: `default` of pyiso8583.
pub(super) static ASCII_BINARY: Dialect = Dialect {
    name: "iso87_ascii_binary",
    header: HeaderSpec::None,
    mti: NumberEncoding::Ascii,
    bitmap: BitmapEncoding::Binary,
    lengths: NumberEncoding::Ascii,
    fields: specs(Encoding::Ascii, Encoding::Raw),
};

/// The form of POS terminals: digits packed, text in ASCII, the rest raw, a TPDU in front. After
/// the TPDU it is the ISO87BPackager of jPOS, but for DE 55, which is binary here.
pub(super) static BCD: Dialect = Dialect {
    name: "iso87_bcd",
    header: HeaderSpec::Tpdu,
    mti: NumberEncoding::Bcd,
    bitmap: BitmapEncoding::Binary,
    lengths: NumberEncoding::Bcd,
    fields: specs(Encoding::Bcd, Encoding::Raw),
};

/// Writes every element by its class: digits, tracks and signed amounts as `numeric`, binary as
/// `binary`, text in ASCII.
const fn specs(numeric: Encoding, binary: Encoding) -> [Option<FieldSpec>; Dialect::FIELDS] {
    let mut specs = [None; Dialect::FIELDS];
    let mut index = 0;
    while index < ELEMENTS.len() {
        let element = &ELEMENTS[index];
        let spec = spec(element, numeric, binary);
        assert!(is_sound(&spec), "an element of the 1987 table contradicts itself");
        assert!(specs[element.number as usize].is_none(), "an element stands in the table twice");
        specs[element.number as usize] = Some(spec);
        index += 1;
    }
    specs
}

const fn spec(element: &Element, numeric: Encoding, binary: Encoding) -> FieldSpec {
    let encoding = match element.class {
        Class::N | Class::Xn | Class::Z => numeric,
        Class::B => binary,
        Class::A | Class::An | Class::Ans => Encoding::Ascii,
    };
    FieldSpec {
        name: element.name,
        length: if matches!(encoding, Encoding::Hex) { doubled(element.length) } else { element.length },
        class: element.class,
        encoding,
        // A fixed number keeps its value when a zero is put in front, and a number of variable
        // length must be readable from its first digit.
        pad: match element.length {
            Length::Fixed(_) => Pad::Left,
            Length::Variable { .. } => Pad::Right,
        },
        sensitivity: element.sensitivity,
    }
}

/// Bytes to hexadecimal characters, as far as the length prefix can count.
const fn doubled(length: Length) -> Length {
    match length {
        Length::Fixed(bytes) => Length::Fixed(bytes * 2),
        Length::Variable { digits, max } => {
            let most = largest(digits);
            Length::Variable { digits, max: if max * 2 < most { max * 2 } else { most } }
        }
    }
}

const fn largest(digits: u8) -> u16 {
    10u16.pow(digits as u32) - 1
}

/// Checked while compiling: a table that cannot work is no program.
const fn is_sound(spec: &FieldSpec) -> bool {
    let most = match spec.length {
        Length::Fixed(units) => units,
        Length::Variable { digits, max } => {
            if digits == 0 || digits > 4 || max > largest(digits) {
                return false;
            }
            max
        }
    };
    let decoded = match spec.encoding {
        Encoding::Ascii | Encoding::Raw => 0,
        Encoding::Bcd => most,
        Encoding::Hex => most / 2,
    };
    let signed_is_fixed = !matches!((spec.class, spec.length), (Class::Xn, Length::Variable { .. }));
    most > 0 && decoded as usize <= Value::CAPACITY && signed_is_fixed
}
