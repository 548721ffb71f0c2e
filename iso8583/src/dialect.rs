mod elements_1987;
mod iso87;

use crate::Class;

/// How one network writes its messages: a table of data, and nothing else.
#[derive(Debug)]
pub struct Dialect {
    /// The name used in configuration: `iso87_ascii`.
    pub name: &'static str,
    /// What stands before the MTI.
    pub header: HeaderSpec,
    /// How the MTI is written.
    pub mti: NumberEncoding,
    /// How the bitmaps are written. The secondary follows the primary when bit 1 is set.
    pub bitmap: BitmapEncoding,
    /// How length prefixes are written.
    pub lengths: NumberEncoding,
    /// Data elements by number; `None` is not part of the dialect. Index 0 and 1 are never used.
    pub(crate) fields: [Option<FieldSpec>; Dialect::FIELDS],
}

/// How a dialect writes one data element.
#[derive(Clone, Copy, Debug)]
pub struct FieldSpec {
    /// Name by the standard.
    pub name: &'static str,
    /// Fixed or variable, in the units of [`FieldSpec::encoding`].
    pub length: Length,
    /// Which characters the value may hold.
    pub class: Class,
    /// How the value is written.
    pub encoding: Encoding,
    /// Where an odd number of packed digits gets its filler.
    pub pad: Pad,
    /// What a dump may show.
    pub sensitivity: Sensitivity,
}

/// Length of a data element, counted in units of its encoding: characters, digits or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Always this many units, without a prefix.
    Fixed(u16),
    /// A prefix of `digits` decimal digits (LL is 2, LLL is 3), then at most `max` units.
    Variable {
        /// Digits of the prefix.
        digits: u8,
        /// Most units.
        max: u16,
    },
}

/// How the value of a data element is written. Lengths count the unit named here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One character a byte. Unit: the character.
    Ascii,
    /// Two digits a byte; the separator of track 2 is the nibble D, the sign of `x+n` one ASCII
    /// byte in front. Unit: the digit (a sign counts as one), filler not counted.
    Bcd,
    /// Binary as two hexadecimal characters a byte, upper case when written, either case when
    /// read. Unit: the character.
    Hex,
    /// Binary as it is. Unit: the byte.
    Raw,
}

/// Where an odd number of packed digits gets its filler nibble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pad {
    /// In front; the filler is 0.
    Left,
    /// Behind; the filler is written as 0 and read as 0 or F.
    Right,
}

/// What a masked dump may show of a data element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sensitivity {
    /// All of it.
    Open,
    /// A card or account number: first six and last four characters.
    Pan,
    /// A track: its PAN masked, the rest starred.
    Track,
    /// Chip data: values of sensitive tags starred, all of it when it is no valid TLV.
    Chip,
    /// A PIN block, a key, or private data that may hold anything, a CVV2 for example: only stars.
    Secret,
}

/// What stands before the MTI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderSpec {
    /// Nothing.
    None,
    /// Five bytes: identifier, destination (2) and source (2). An answer swaps the addresses.
    Tpdu,
}

/// How a number of the envelope (MTI, length prefix) is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberEncoding {
    /// One ASCII digit a byte.
    Ascii,
    /// Two digits a byte, padded left: LL is one byte, LLL two.
    Bcd,
}

/// How a bitmap is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitmapEncoding {
    /// 16 hexadecimal characters, upper case when written, either case when read.
    Hex,
    /// 8 bytes.
    Binary,
}

impl Dialect {
    pub(crate) const FIELDS: usize = 129;

    /// The compiled-in dialect of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Dialect> {
        ALL.into_iter().find(|dialect| dialect.name == name)
    }

    /// Names of the compiled-in dialects.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ALL.into_iter().map(|dialect| dialect.name)
    }

    /// How data element `number` is written, or `None` when the dialect lacks it.
    #[must_use]
    pub fn field(&self, number: u8) -> Option<&FieldSpec> {
        self.fields.get(usize::from(number))?.as_ref()
    }

    /// Data elements that the dialect knows, ascending.
    pub fn fields(&self) -> impl Iterator<Item = (u8, &FieldSpec)> {
        (0..=128).filter_map(|number| Some((number, self.field(number)?)))
    }
}

impl HeaderSpec {
    /// Bytes before the MTI.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            HeaderSpec::None => 0,
            HeaderSpec::Tpdu => 5,
        }
    }
}

impl NumberEncoding {
    /// Bytes that a number of so many digits takes.
    pub(crate) const fn width(self, digits: u8) -> usize {
        match self {
            NumberEncoding::Ascii => digits as usize,
            NumberEncoding::Bcd => (digits as usize).div_ceil(2),
        }
    }
}

impl BitmapEncoding {
    /// Bytes of one bitmap.
    pub(crate) const fn width(self) -> usize {
        match self {
            BitmapEncoding::Hex => 16,
            BitmapEncoding::Binary => 8,
        }
    }
}

impl FieldSpec {
    /// Bytes that a value of so many units takes on the wire, without its length prefix.
    pub(crate) const fn wire_length(&self, units: usize) -> usize {
        match (self.encoding, self.class) {
            (Encoding::Bcd, Class::Xn) => 1 + (units - 1).div_ceil(2),
            (Encoding::Bcd, _) => units.div_ceil(2),
            (Encoding::Ascii | Encoding::Hex | Encoding::Raw, _) => units,
        }
    }

    /// Bytes of the length prefix.
    pub(crate) const fn prefix_width(&self, encoding: NumberEncoding) -> usize {
        match self.length {
            Length::Fixed(_) => 0,
            Length::Variable { digits, .. } => encoding.width(digits),
        }
    }

    /// Units that a decoded value of so many bytes takes.
    pub(crate) const fn units(&self, value_length: usize) -> usize {
        match self.encoding {
            Encoding::Hex => value_length * 2,
            Encoding::Ascii | Encoding::Bcd | Encoding::Raw => value_length,
        }
    }

    /// Whether the value is raw bytes rather than text.
    #[must_use]
    pub const fn is_binary(&self) -> bool {
        matches!(self.class, Class::B)
    }
}

static ALL: [&Dialect; 3] = [&iso87::ASCII, &iso87::ASCII_BINARY, &iso87::BCD];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_by_name() {
        for name in Dialect::names() {
            assert_eq!(Dialect::by_name(name).unwrap().name, name);
        }
        assert!(Dialect::by_name("iso87").is_none());
    }

    #[test]
    fn bitmaps_are_no_data_elements() {
        for dialect in ALL {
            let missing: Vec<u8> = (0..=255).filter(|number| dialect.field(*number).is_none()).collect();
            let expect: Vec<u8> = [0, 1, 65].into_iter().chain(129..=255).collect();
            assert_eq!(missing, expect, "{}", dialect.name);
        }
    }

    #[test]
    fn one_element_three_ways() {
        let check = |dialect: &str, number: u8, length, encoding| {
            let spec = Dialect::by_name(dialect).unwrap().field(number).unwrap();
            assert_eq!((spec.length, spec.encoding), (length, encoding), "{dialect} DE {number}");
        };
        check("iso87_ascii", 52, Length::Fixed(16), Encoding::Hex);
        check("iso87_ascii_binary", 52, Length::Fixed(8), Encoding::Raw);
        check("iso87_bcd", 52, Length::Fixed(8), Encoding::Raw);
        check("iso87_ascii", 2, Length::Variable { digits: 2, max: 19 }, Encoding::Ascii);
        check("iso87_bcd", 2, Length::Variable { digits: 2, max: 19 }, Encoding::Bcd);
        check("iso87_ascii", 55, Length::Variable { digits: 3, max: 999 }, Encoding::Hex);
        check("iso87_bcd", 55, Length::Variable { digits: 3, max: 999 }, Encoding::Raw);
        check("iso87_bcd", 28, Length::Fixed(9), Encoding::Bcd);
        check("iso87_bcd", 37, Length::Fixed(12), Encoding::Ascii);
    }
}
