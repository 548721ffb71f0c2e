use crate::class::Found;
use crate::{Class, Mti};
use std::fmt;

/// Why a frame could not be read: the sender's fault. Names the field and the place, never the
/// contents: this value is logged, and the contents may be a card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Number of the data element; 0 is header, MTI, bitmap or the message as a whole.
    pub field: u8,
    /// Byte of the frame, from 0, at which reading stopped.
    pub offset: usize,
    /// What is wrong there.
    pub kind: ParseErrorKind,
    /// The message type, when it was read before the error: enough to answer with 30.
    pub mti: Option<Mti>,
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseErrorKind {
    /// The frame ends inside this part.
    Truncated {
        /// Bytes that the part takes.
        need: u32,
        /// Bytes that are left.
        left: u32,
    },
    /// Longer than the dialect allows.
    FrameTooLong {
        /// Bytes allowed.
        max: u32,
    },
    /// Bytes are left over after the last field.
    TrailingBytes {
        /// How many.
        count: u32,
    },
    /// The header is not of this dialect: its first bytes, its own length or the length of the message.
    NotAHeader,
    /// The message type is not four decimal digits.
    NotAMessageType,
    /// A bitmap in characters holds one that is not hexadecimal, or says more than there can be.
    NotABitmap,
    /// The dialect has no such data element.
    NotInDialect,
    /// A length prefix is not decimal digits: `+9`, ` 9`.
    NotALength,
    /// The length is more than this data element may have.
    TooLong {
        /// The length found, as its prefix counts.
        found: u32,
        /// The most allowed.
        max: u32,
    },
    /// A character outside the class of the data element.
    NotInClass {
        /// What belongs there.
        class: Class,
        /// What kind of character was found.
        found: Found,
    },
    /// A packed digit above 9.
    NotADigit {
        /// What belongs there.
        class: Class,
    },
    /// A binary element in characters holds one that is not hexadecimal.
    NotHex {
        /// What kind of character was found.
        found: Found,
    },
    /// A binary element in characters has an odd number of them.
    OddHex,
    /// The filler of an odd number of packed digits is neither zero nor, behind the digits, F.
    NotAFiller,
}

/// Why a message could not be written: a value does not fit the dialect, or the calls are wrong.
/// Nothing was written for this data element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeError {
    /// Number of the data element; 0 is the header.
    pub field: u8,
    /// What is wrong with it.
    pub kind: EncodeErrorKind,
}

/// What is wrong with a value to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeErrorKind {
    /// The header is not one of the dialect: its length, or its first bytes.
    NotAHeader,
    /// The dialect has no such data element.
    NotInDialect,
    /// This data element or a later one was written before.
    OutOfOrder,
    /// Not the length of this data element.
    Length {
        /// The length found, in the units of the data element's encoding.
        found: u32,
        /// The only one allowed, or the most.
        allowed: u32,
        /// Whether it is the only one.
        fixed: bool,
    },
    /// A character outside the class of the data element.
    NotInClass(Class),
    /// A character that the character set lacks.
    NotInCharset,
    /// An odd number of digits, where the length cannot say so.
    OddDigits,
    /// The text of a binary element is not hexadecimal.
    NotHex,
    /// The message is longer than the dialect allows.
    FrameTooLong {
        /// Bytes allowed.
        max: u32,
    },
}

/// `DE 4 at offset 38: a digit belongs here, found a letter`.
impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field != 0 {
            write!(f, "DE {} ", self.field)?;
        }
        write!(f, "at offset {}: {}", self.offset, self.kind)
    }
}

impl fmt::Display for ParseErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseErrorKind::Truncated { need, left } => {
                let (bytes, are) = (
                    if *need == 1 { "byte belongs" } else { "bytes belong" },
                    if *left == 1 { "is" } else { "are" },
                );
                write!(f, "truncated: {need} {bytes} here, {left} {are} left")
            }
            ParseErrorKind::FrameTooLong { max } => write!(f, "longer than {max} bytes"),
            ParseErrorKind::TrailingBytes { count: 1 } => {
                f.write_str("1 byte is left over after the last field")
            }
            ParseErrorKind::TrailingBytes { count } => {
                write!(f, "{count} bytes are left over after the last field")
            }
            ParseErrorKind::NotAHeader => f.write_str("not a header of this dialect"),
            ParseErrorKind::NotAMessageType => {
                f.write_str("not a message type: four decimal digits belong here")
            }
            ParseErrorKind::NotABitmap => {
                f.write_str("not a bitmap: hexadecimal digits belong here, for data elements up to 192")
            }
            ParseErrorKind::NotInDialect => f.write_str("not a data element of this dialect"),
            ParseErrorKind::NotALength => f.write_str("not a length: decimal digits belong here"),
            ParseErrorKind::TooLong { found, max } => {
                write!(f, "the length says {found}, at most {max} is allowed")
            }
            ParseErrorKind::NotInClass { class, found } => {
                write!(f, "{} belongs here, found {found}", belongs(*class))
            }
            ParseErrorKind::NotADigit { class } => {
                write!(f, "{} belongs here, found a nibble that is none", belongs(*class))
            }
            ParseErrorKind::NotHex { found } => write!(f, "a hexadecimal digit belongs here, found {found}"),
            ParseErrorKind::OddHex => f.write_str("an odd number of hexadecimal digits"),
            ParseErrorKind::NotAFiller => f.write_str("the filler of an odd number of digits is none"),
        }
    }
}

/// `DE 35: a track character belongs here`.
impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field == 0 {
            return write!(f, "header: {}", self.kind);
        }
        write!(f, "DE {}: {}", self.field, self.kind)
    }
}

impl fmt::Display for EncodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeErrorKind::NotAHeader => f.write_str("not a header of this dialect"),
            EncodeErrorKind::NotInDialect => f.write_str("not a data element of this dialect"),
            EncodeErrorKind::OutOfOrder => f.write_str("written twice, or after a later data element"),
            EncodeErrorKind::Length { found, allowed, fixed: true } => {
                write!(f, "its length is {found} and must be {allowed}")
            }
            EncodeErrorKind::Length { found, allowed, fixed: false } => {
                write!(f, "its length is {found}, at most {allowed} is allowed")
            }
            EncodeErrorKind::NotInClass(class) => {
                write!(f, "only {} may stand here", belongs(*class))
            }
            EncodeErrorKind::NotInCharset => f.write_str("a character that the character set lacks"),
            EncodeErrorKind::OddDigits => {
                f.write_str("an odd number of digits, and the length counts bytes; use `filler = \"F\"`")
            }
            EncodeErrorKind::NotHex => f.write_str("not hexadecimal"),
            EncodeErrorKind::FrameTooLong { max } => write!(f, "the message is longer than {max} bytes"),
        }
    }
}

fn belongs(class: Class) -> &'static str {
    match class {
        Class::N => "a digit",
        Class::A => "a letter or space",
        Class::An => "a letter, digit or space",
        Class::Ns => "a digit or punctuation mark",
        Class::As => "a letter or punctuation mark",
        Class::Ans => "a printable character",
        Class::Z => "a track character",
        Class::Xn => "a signed amount (C or D, then digits)",
        Class::H => "a hexadecimal digit",
        Class::Any => "text of the character set",
        Class::B => "binary",
    }
}

impl std::error::Error for ParseError {}

impl std::error::Error for EncodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_and_what() {
        let check = |field, offset, kind, expect: &str| {
            assert_eq!(ParseError { field, offset, kind, mti: None }.to_string(), expect);
        };
        check(
            4,
            38,
            ParseErrorKind::NotInClass { class: Class::N, found: Found::Letter },
            "DE 4 at offset 38: a digit belongs here, found a letter",
        );
        check(
            0,
            2,
            ParseErrorKind::Truncated { need: 4, left: 1 },
            "at offset 2: truncated: 4 bytes belong here, 1 is left",
        );
        check(
            2,
            20,
            ParseErrorKind::TooLong { found: 20, max: 19 },
            "DE 2 at offset 20: the length says 20, at most 19 is allowed",
        );
        let error = EncodeError { field: 35, kind: EncodeErrorKind::NotInClass(Class::Z) };
        assert_eq!(error.to_string(), "DE 35: only a track character may stand here");
        let kind = EncodeErrorKind::Length { found: 5, allowed: 6, fixed: true };
        assert_eq!(EncodeError { field: 3, kind }.to_string(), "DE 3: its length is 5 and must be 6");
    }
}
