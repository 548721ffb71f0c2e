mod builtin;
mod error;
mod field_spec;
pub(crate) mod file;
pub(crate) mod load;
mod notation;

pub use error::{DialectError, DialectFault};
pub use field_spec::{
    Composite, Counts, Encoding, FieldSpec, Filler, Length, Pad, Part, PartKey, Prefix, PrefixEncoding,
    Sensitivity, Separator, TextLength,
};
pub use file::schema;

use crate::framing::Framing;
use crate::plan::Plan;
use crate::rules::Rules;
use crate::{Bitmap, Charset};
use std::sync::Arc;

/// How one network writes its messages: a table of data, and nothing else.
#[derive(Debug)]
pub struct Dialect {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) edition: Edition,
    pub(crate) header: HeaderSpec,
    pub(crate) framing: Framing,
    pub(crate) mti: NumberEncoding,
    pub(crate) bitmap: BitmapSpec,
    pub(crate) max_frame: usize,
    /// Data elements by number; `None` is not part of the dialect. Index 0 and 1 are never used.
    pub(crate) fields: Box<[Option<FieldSpec>; FIELDS]>,
    pub(crate) plan: Plan,
    pub(crate) rules: Rules,
}

/// Size of a table indexed by the number of a data element.
pub(crate) const FIELDS: usize = Bitmap::LAST as usize + 1;

/// The edition of the standard, which says what the data elements mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// ISO 8583:1987.
    Iso1987,
    /// ISO 8583:1993.
    Iso1993,
    /// ISO 8583:2003.
    Iso2003,
}

/// What stands before the MTI.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderSpec {
    /// Bytes; 0 is no header. Where the header says its own length, the least that may be.
    pub length: usize,
    /// Bytes it begins with.
    pub starts_with: Vec<u8>,
    /// Offset of the byte that holds the header's own length.
    pub own_length_at: Option<usize>,
    /// Offset of two bytes, big-endian, with the length of header and message.
    pub total_length_at: Option<usize>,
    /// Two places that an answer exchanges: source and destination of a TPDU.
    pub swap: Option<Swap>,
    /// Written where nobody gives a header.
    pub default: Vec<u8>,
}

/// Two places of a header that an answer exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swap {
    /// Offset of one place.
    pub left: usize,
    /// Offset of the other.
    pub right: usize,
    /// Bytes of each.
    pub width: usize,
}

/// How the MTI is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberEncoding {
    /// One ASCII digit a byte.
    Ascii,
    /// One EBCDIC digit a byte.
    Ebcdic,
    /// Two digits a byte.
    Bcd,
}

/// How the bitmaps are written and which there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitmapSpec {
    /// How each is written.
    pub encoding: BitmapEncoding,
    /// When there is a second one.
    pub secondary: Secondary,
    /// When there is a third one.
    pub tertiary: Tertiary,
}

/// How a bitmap is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitmapEncoding {
    /// 8 bytes.
    Binary,
    /// 16 hexadecimal characters in ASCII, upper case when written, either case when read.
    Hex,
    /// The same in EBCDIC.
    HexEbcdic,
}

/// When there is a second bitmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secondary {
    /// When bit 1 is set.
    ByBit1,
    /// In every message. Bit 1 is read either way and written as said here when there are data
    /// elements above 64.
    Always {
        /// Whether to set bit 1.
        set_bit_1: bool,
    },
}

/// When there is a third bitmap, for data elements 129 to 192.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tertiary {
    /// Never; bit 65 is a data element or an error.
    None,
    /// Directly after the second when bit 65 is set.
    AfterSecondary,
    /// In the place of DE 65, so many bytes wide; what is beyond 8 must be zero, since nothing says
    /// what data elements above 192 would be.
    De65 {
        /// Bytes, 8 or 16.
        width: usize,
    },
}

impl Dialect {
    /// The compiled-in dialect of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Arc<Dialect>> {
        builtin::by_name(name)
    }

    /// Names of the compiled-in dialects.
    pub fn names() -> impl Iterator<Item = &'static str> {
        builtin::names()
    }

    /// The text of a compiled-in dialect file, comments included: where a dialect of one's own begins.
    #[must_use]
    pub fn source(name: &str) -> Option<&'static str> {
        builtin::source(name)
    }

    /// Reads a dialect file. `based_on` may name a compiled-in dialect only.
    ///
    /// # Errors
    /// Everything that is wrong with the file, each with its line and what to do about it.
    pub fn from_toml(text: &str) -> Result<Dialect, DialectError> {
        Dialect::from_toml_with(text, |_| None)
    }

    /// Reads a dialect file. `based_on` may also name what `other` gives the text of.
    ///
    /// # Errors
    /// As [`Dialect::from_toml`].
    pub fn from_toml_with(
        text: &str,
        other: impl Fn(&str) -> Option<String>,
    ) -> Result<Dialect, DialectError> {
        load::load(text, &other)
    }

    /// The name used in configuration: `iso87_ascii`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is, in a line.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The edition of the standard its data elements follow.
    #[must_use]
    pub fn edition(&self) -> Edition {
        self.edition
    }

    /// What stands before the MTI.
    #[must_use]
    pub fn header(&self) -> &HeaderSpec {
        &self.header
    }

    /// How its messages are cut out of a stream, unless a listener says otherwise.
    #[must_use]
    pub fn framing(&self) -> &Framing {
        &self.framing
    }

    /// How the MTI is written.
    #[must_use]
    pub fn mti(&self) -> NumberEncoding {
        self.mti
    }

    /// How the bitmaps are written.
    #[must_use]
    pub fn bitmap(&self) -> BitmapSpec {
        self.bitmap
    }

    /// Longest message in bytes, its header included.
    #[must_use]
    pub fn max_frame(&self) -> usize {
        self.max_frame
    }

    /// What each message type must, may and may not carry, and what its response repeats.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// How data element `number` is written, or `None` when the dialect lacks it.
    #[must_use]
    #[inline]
    pub fn field(&self, number: u8) -> Option<&FieldSpec> {
        self.fields.get(usize::from(number))?.as_ref()
    }

    /// Data elements that the dialect knows, ascending.
    pub fn fields(&self) -> impl Iterator<Item = (u8, &FieldSpec)> {
        (0..=Bitmap::LAST).filter_map(|number| Some((number, self.field(number)?)))
    }
}

impl Edition {
    /// The year: 1987, 1993, 2003.
    #[must_use]
    pub fn year(self) -> u16 {
        match self {
            Edition::Iso1987 => 1987,
            Edition::Iso1993 => 1993,
            Edition::Iso2003 => 2003,
        }
    }
}

impl HeaderSpec {
    /// Most bytes a header may have: as many as one byte can say.
    pub const LONGEST: usize = 255;
}

impl NumberEncoding {
    /// Bytes of an MTI.
    pub(crate) const fn mti_width(self) -> usize {
        match self {
            NumberEncoding::Ascii | NumberEncoding::Ebcdic => 4,
            NumberEncoding::Bcd => 2,
        }
    }
}

impl BitmapEncoding {
    /// Bytes of a bitmap of 64 bits.
    pub(crate) const fn width(self) -> usize {
        match self {
            BitmapEncoding::Hex | BitmapEncoding::HexEbcdic => 16,
            BitmapEncoding::Binary => 8,
        }
    }

    /// The character set of a bitmap in characters.
    pub(crate) const fn charset(self) -> Option<Charset> {
        match self {
            BitmapEncoding::Binary => None,
            BitmapEncoding::Hex => Some(Charset::Ascii),
            BitmapEncoding::HexEbcdic => Some(Charset::Cp500),
        }
    }
}

#[cfg(test)]
mod tests;
