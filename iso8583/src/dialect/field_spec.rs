use crate::{Charset, Class};

/// How a dialect writes one data element, or one part of one.
#[derive(Clone, Debug)]
pub struct FieldSpec {
    /// Name by the standard, or by the network.
    pub name: String,
    /// Which characters the value may hold.
    pub class: Class,
    /// Fixed or variable, in the units of [`FieldSpec::encoding`].
    pub length: Length,
    /// How the value is written.
    pub encoding: Encoding,
    /// How a length prefix is written; of no meaning when the length is fixed.
    pub prefix: Prefix,
    /// Where an odd number of packed digits gets its filler.
    pub pad: Pad,
    /// The filler of an odd number of packed digits.
    pub filler: Filler,
    /// Which separator of track data is written; `None` writes what was given.
    pub separator: Option<Separator>,
    /// What a dump may show.
    pub sensitivity: Sensitivity,
    /// Inner structure of the decoded value.
    pub composite: Option<Box<Composite>>,
}

/// Length of a data element, counted in units of its encoding: characters on the wire, digits or
/// bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Always this many units, without a prefix.
    Fixed(u16),
    /// A prefix, then at most this many units.
    Variable {
        /// Most units.
        max: u32,
    },
    /// All that is left. Only of parts.
    Rest,
}

/// How a length prefix is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// How its number is written.
    pub encoding: PrefixEncoding,
    /// Decimal digits by the type: LL is 2, LLL is 3.
    pub digits: u8,
    /// Bytes on the wire.
    pub width: u8,
    /// What it counts.
    pub counts: Counts,
}

/// How the number of a length prefix is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrefixEncoding {
    /// One ASCII digit a byte.
    Ascii,
    /// One EBCDIC digit a byte.
    Ebcdic,
    /// Two digits a byte, a zero in front of an odd number: LL is one byte, LLL two.
    Bcd,
    /// Binary, big-endian.
    Binary,
}

/// What a length prefix counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Units: packed digits, characters on the wire of text and hexadecimal, bytes of binary.
    Units,
    /// Bytes on the wire. Of packed digits an odd number shows by its filler F.
    Bytes,
    /// Packed digits with their filler, so that an odd number shows by its filler F.
    Nibbles,
    /// Bytes of the decoded value, for binary in hexadecimal characters.
    Value,
}

/// How the value of a data element is written. Lengths count the unit named here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Characters. Unit: the byte on the wire.
    Text(Charset),
    /// Two digits a byte; the separator of track 2 is the nibble D, the sign of `x+n` one ASCII
    /// byte in front. Unit: the digit (a sign counts as one), filler not counted.
    Bcd,
    /// Binary as two hexadecimal characters a byte, upper case when written, either case when
    /// read. Unit: the character.
    Hex(Charset),
    /// Binary as it is. Unit: the byte.
    Raw,
}

/// Where an odd number of packed digits gets its filler nibble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pad {
    /// In front. Only the filler of the dialect is read.
    Left,
    /// Behind. Both 0 and F are read.
    Right,
}

/// The filler nibble of an odd number of packed digits, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filler {
    /// 0.
    Zero,
    /// F.
    F,
}

/// What separates the PAN of track 2 from the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// `=`.
    Equals,
    /// `D`.
    D,
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

/// Inner structure of a decoded value.
#[derive(Clone, Debug)]
pub enum Composite {
    /// BER-TLV of EMV; see [`crate::emv`].
    BerTlv,
    /// Parts one after the other.
    Positional(Vec<Part>),
    /// A bitmap, then the parts it names.
    Bitmapped {
        /// Whether it is written as hexadecimal characters.
        hex: bool,
        /// Bytes of the bitmap, before they are made characters.
        width: usize,
        /// Parts ascending by their bit.
        parts: Vec<Part>,
    },
    /// Objects of tag, length, value. Unknown tags are kept.
    Tlv {
        /// Bytes of a tag.
        tag: usize,
        /// Whether a tag is binary and shown in hexadecimal.
        binary_tag: bool,
        /// How lengths are written.
        length: TextLength,
        /// The tags that the dialect knows, in the order of the file.
        parts: Vec<Part>,
    },
}

/// How the length of an object of [`Composite::Tlv`] is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextLength {
    /// Bytes of it.
    pub width: usize,
    /// Its encoding.
    pub encoding: PrefixEncoding,
}

/// One part of a data element.
#[derive(Clone, Debug)]
pub struct Part {
    /// What names it.
    pub key: PartKey,
    /// How it is written.
    pub spec: FieldSpec,
    /// Whether a positional value may end before it.
    pub optional: bool,
}

/// What names a part: the step of a path behind the data element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKey {
    /// Position or bit, from 1: `DE 127.25`.
    Number(u16),
    /// A tag, shown as so many hexadecimal digits: `DE 55.9F26`.
    Hex {
        /// The tag.
        tag: u32,
        /// Digits to show.
        digits: u8,
    },
    /// A tag of up to 8 characters, filled with zero bytes: `DE 48.0001`.
    Text([u8; 8]),
}

impl FieldSpec {
    /// Bytes that a value of so many units takes on the wire, without its length prefix.
    #[inline]
    pub(crate) const fn wire_length(&self, units: usize) -> usize {
        match (self.encoding, self.class) {
            (Encoding::Bcd, Class::Xn) => 1 + units.saturating_sub(1).div_ceil(2),
            (Encoding::Bcd, _) => units.div_ceil(2),
            _ => units,
        }
    }

    /// Bytes of the length prefix.
    pub(crate) const fn prefix_width(&self) -> usize {
        match self.length {
            Length::Fixed(_) | Length::Rest => 0,
            Length::Variable { .. } => self.prefix.width as usize,
        }
    }

    /// Whether the value is raw bytes rather than text.
    #[must_use]
    pub const fn is_binary(&self) -> bool {
        matches!(self.class, Class::B)
    }

    /// The type as the standard writes it: `n..19`, `b8`, `x+n8`.
    #[must_use]
    pub fn notation(&self) -> String {
        super::notation::write(self)
    }
}

impl Encoding {
    /// The name in dialect files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Text(charset) => charset.name(),
            Encoding::Bcd => "bcd",
            Encoding::Hex(Charset::Ascii) => "hex",
            Encoding::Hex(_) => "hex_ebcdic",
            Encoding::Raw => "raw",
        }
    }
}

impl Filler {
    pub(crate) const fn nibble(self) -> u8 {
        match self {
            Filler::Zero => 0,
            Filler::F => 0xF,
        }
    }
}

impl PartKey {
    /// A tag in characters; `None` when it is longer than eight or not printable ASCII.
    pub(crate) fn text(tag: &[u8]) -> Option<PartKey> {
        let mut key = [0; 8];
        key.get_mut(..tag.len())?.copy_from_slice(tag);
        tag.iter().all(u8::is_ascii_graphic).then_some(PartKey::Text(key))
    }

    /// A binary tag of one to four bytes.
    pub(crate) fn hex(tag: &[u8]) -> Option<PartKey> {
        let digits = u8::try_from(tag.len() * 2).ok().filter(|digits| (2..=8).contains(digits))?;
        Some(PartKey::Hex { tag: tag.iter().fold(0, |tag, byte| tag << 8 | u32::from(*byte)), digits })
    }

    /// A tag of EMV, which has as many bytes as it needs.
    pub(crate) fn emv(tag: u32) -> PartKey {
        let bytes = 4 - (tag | 1).leading_zeros() as u8 / 8;
        PartKey::Hex { tag, digits: bytes * 2 }
    }
}

/// As it stands in a path: `25`, `9F26`, `0001`.
impl std::fmt::Display for PartKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PartKey::Number(number) => write!(f, "{number}"),
            PartKey::Hex { tag, digits } => write!(f, "{tag:0width$X}", width = usize::from(*digits)),
            PartKey::Text(text) => {
                text.iter().take_while(|byte| **byte != 0).try_for_each(|byte| write!(f, "{}", *byte as char))
            }
        }
    }
}
