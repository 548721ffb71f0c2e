//! What the parser does for each data element, worked out when the dialect is loaded: a row of eight
//! bytes, where a [`FieldSpec`] says it in a hundred.

use crate::class::{Alphanumeric, Bcd, Digits, Hex, Lanes, Printable, Track};
use crate::dialect::{
    BitmapSpec, Counts, Encoding, FIELDS, FieldSpec, Filler, Length, Pad, PrefixEncoding, Tertiary,
};
use crate::{Charset, Class};

/// A row for each data element, by bitmap and bit: indices that need no check.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) rows: Box<[[Row; 64]; 3]>,
    /// By number, those of the first bitmap: what is written in the usual way.
    pub(crate) usual: Box<[Row; 256]>,
}

/// How one data element is passed over and, when its wire form is its value, taken out and written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// How its length is found.
    pub(crate) shape: Shape,
    /// What its bytes must be, where that can be asked of several data elements at once.
    pub(crate) check: Check,
    /// Bytes of a fixed length, or the most that a prefix may say.
    pub(crate) size: u16,
    /// Bytes of a value that is written as it is and always has this length; [`NO_LENGTH`] of all others.
    pub(crate) exact: u16,
    /// Bytes of the length prefix.
    pub(crate) prefix: u8,
    flags: u8,
}

/// A length that no value has, since no frame is as long.
const NO_LENGTH: u16 = u16::MAX;

/// The bytes on the wire are the value.
const PLAIN: u8 = 1;
/// So they are, and a length prefix counts them.
const COUNTED: u8 = 2;
/// There is no length prefix, or its digits are of the class of the value.
const JOINS: u8 = 4;

/// How the length of a data element is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// The same always.
    Fixed,
    /// The same always, an odd number of packed digits with a zero in front.
    FixedOdd,
    /// Any way that has no row of its own: by its specification.
    BySpec,
    /// Two ASCII digits, which count bytes.
    AsciiLl,
    /// Three ASCII digits, which count bytes.
    AsciiLll,
    /// Two packed digits in one byte, which count bytes.
    BcdLl,
    /// Three packed digits in two bytes, which count bytes.
    BcdLll,
    /// One byte, which counts bytes.
    BinaryLl,
    /// Two packed digits in one byte, which count packed digits; an even number of them only.
    BcdLlPacked,
    /// Bit 65: the third bitmap stands here.
    ThirdBitmap,
}

/// What bytes must be. `encode/checked_copy.rs` has a table in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Anything.
    Nothing,
    /// ASCII digits.
    Digits,
    /// Printable ASCII.
    Printable,
    /// ASCII letters, digits and spaces.
    Alphanumeric,
    /// Track 2 in ASCII.
    Track,
    /// Hexadecimal characters in ASCII.
    Hex,
    /// Packed digits.
    Packed,
}

impl Plan {
    /// Rows that leave everything to the specification.
    pub(crate) const NONE: [Row; 256] = [Row::BY_SPEC; 256];

    pub(crate) fn of(fields: &[Option<FieldSpec>; FIELDS], bitmap: BitmapSpec) -> Plan {
        let mut rows = Box::new([[Row::BY_SPEC; 64]; 3]);
        // Bit 1 is entry 0.
        for (row, spec) in rows.as_flattened_mut().iter_mut().zip(&fields[1..]) {
            if let Some(spec) = spec {
                *row = Row::of(spec);
            }
        }
        if matches!(bitmap.tertiary, Tertiary::De65 { .. }) {
            rows[1][0].shape = Shape::ThirdBitmap;
        }
        let mut usual = Box::new(Self::NONE);
        usual[1..=64].copy_from_slice(&rows[0]);
        Plan { rows, usual }
    }

    /// The row of a data element; one without a meaning for 0 and what is beyond.
    #[inline]
    pub(crate) fn row(&self, field: u8) -> Row {
        let index = usize::from(field.wrapping_sub(1));
        self.rows.as_flattened().get(index).copied().unwrap_or(Row::BY_SPEC)
    }
}

impl Row {
    const BY_SPEC: Row =
        Row { shape: Shape::BySpec, check: Check::Nothing, size: 0, exact: NO_LENGTH, prefix: 0, flags: 0 };

    fn of(spec: &FieldSpec) -> Row {
        let plain = matches!(spec.encoding, Encoding::Raw | Encoding::Text(Charset::Ascii));
        let flags = if plain { PLAIN } else { 0 };
        let by_spec = Row { prefix: spec.prefix_width() as u8, flags, ..Row::BY_SPEC };
        let (Some(check), Some((shape, size))) = (Check::of(spec), Shape::of(spec)) else { return by_spec };
        let counted = plain && shape > Shape::FixedOdd && shape != Shape::BcdLlPacked;
        let flags = flags | if counted { COUNTED } else { 0 } | if shape.joins(check) { JOINS } else { 0 };
        let exact = if plain && shape == Shape::Fixed { size } else { NO_LENGTH };
        Row { shape, check, size, exact, flags, ..by_spec }
    }

    /// Whether the bytes on the wire are the value.
    #[inline]
    pub(crate) fn is_plain(self) -> bool {
        self.flags & PLAIN != 0
    }

    /// Whether a value of so many bytes is written as it is and always has this length.
    #[inline]
    pub(crate) fn takes_exactly(&self, length: usize) -> bool {
        length == usize::from(self.exact)
    }

    /// Whether a value of so many bytes is written as it is, behind a prefix that counts them.
    #[inline]
    pub(crate) fn takes_counted(&self, length: usize) -> bool {
        self.flags & COUNTED != 0 && length <= usize::from(self.size)
    }

    /// Whether it can be checked together with what stands in front of it.
    #[inline]
    pub(crate) fn joins(self) -> bool {
        self.flags & JOINS != 0
    }
}

impl Shape {
    /// The shape of a specification with the size of its row, or `None` when it has to be followed
    /// itself.
    fn of(spec: &FieldSpec) -> Option<(Shape, u16)> {
        let packed = spec.encoding == Encoding::Bcd;
        match spec.length {
            Length::Rest => None,
            // It is not written as it was given.
            _ if spec.separator.is_some() => None,
            Length::Fixed(units) => {
                let size = spec.wire_length(usize::from(units)) as u16;
                match (packed && units % 2 == 1, spec.pad, spec.filler) {
                    (false, ..) => Some((Shape::Fixed, size)),
                    (true, Pad::Left, Filler::Zero) => Some((Shape::FixedOdd, size)),
                    (true, ..) => None,
                }
            }
            Length::Variable { max } => {
                let prefix = spec.prefix;
                if !(prefix.counts == Counts::Units || prefix.counts == Counts::Bytes && !packed) {
                    return None;
                }
                let shape = match (prefix.encoding, prefix.digits) {
                    (PrefixEncoding::Bcd, 2) if packed => Shape::BcdLlPacked,
                    _ if packed => return None,
                    (PrefixEncoding::Ascii, 2) => Shape::AsciiLl,
                    (PrefixEncoding::Ascii, 3) => Shape::AsciiLll,
                    (PrefixEncoding::Bcd, 2) => Shape::BcdLl,
                    (PrefixEncoding::Bcd, 3) => Shape::BcdLll,
                    (PrefixEncoding::Binary, _) if prefix.width == 1 => Shape::BinaryLl,
                    _ => return None,
                };
                Some((shape, u16::try_from(max).unwrap_or(u16::MAX)))
            }
        }
    }

    /// Whether there is no length prefix, or one of the class of the body behind it.
    fn joins(self, check: Check) -> bool {
        match self {
            Shape::Fixed | Shape::FixedOdd => true,
            Shape::AsciiLl | Shape::AsciiLll => {
                matches!(check, Check::Digits | Check::Alphanumeric | Check::Printable)
            }
            Shape::BcdLlPacked => check == Check::Packed,
            _ => false,
        }
    }
}

impl Check {
    fn of(spec: &FieldSpec) -> Option<Check> {
        match (spec.encoding, spec.class) {
            (Encoding::Raw, _) => Some(Check::Nothing),
            (Encoding::Hex(Charset::Ascii), _) => Some(Check::Hex),
            (Encoding::Bcd, Class::N) => Some(Check::Packed),
            (Encoding::Text(Charset::Ascii), class) => match class {
                Class::N => Some(Check::Digits),
                Class::An => Some(Check::Alphanumeric),
                Class::Ans => Some(Check::Printable),
                Class::Z => Some(Check::Track),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether all these bytes are such.
    #[inline(never)]
    pub(crate) fn holds(self, bytes: &[u8]) -> bool {
        match self {
            Check::Nothing => true,
            Check::Digits => Digits::all(bytes),
            Check::Alphanumeric => Alphanumeric::all(bytes),
            Check::Printable => Printable::all(bytes),
            Check::Track => Track::all(bytes),
            Check::Hex => Hex::all(bytes),
            Check::Packed => Bcd::all(bytes),
        }
    }
}
