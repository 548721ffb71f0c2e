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
    Truncated,
    /// Longer than 65,535 bytes, which the two-byte length header of framing cannot express.
    FrameTooLong,
    /// Bytes are left over after the last field.
    TrailingBytes,
    /// The message type is not four decimal digits.
    NotAMessageType,
    /// A bitmap in characters holds one that is not hexadecimal.
    NotABitmap,
    /// The dialect has no such data element.
    NotInDialect,
    /// A length prefix is not decimal digits: `+9`, ` 9`.
    NotALength,
    /// The length is more than this data element may have.
    TooLong,
    /// A character outside the class of the data element.
    NotInClass(Class),
    /// A binary element in characters holds one that is not hexadecimal.
    NotHex,
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
    /// The header has not the length that the dialect demands.
    HeaderLength,
    /// The dialect has no such data element.
    NotInDialect,
    /// This data element or a later one was written before.
    OutOfOrder,
    /// Not the fixed length, or longer than the largest.
    Length,
    /// A character outside the class of the data element.
    NotInClass(Class),
    /// The text of a binary element is not hexadecimal.
    NotHex,
}

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
        f.write_str(match self {
            ParseErrorKind::Truncated => "truncated",
            ParseErrorKind::FrameTooLong => "the frame is longer than 65535 bytes",
            ParseErrorKind::TrailingBytes => "bytes left over after the last field",
            ParseErrorKind::NotAMessageType => "not a message type of four digits",
            ParseErrorKind::NotABitmap => "not a hexadecimal bitmap",
            ParseErrorKind::NotInDialect => "not in the dialect",
            ParseErrorKind::NotALength => "not a length in digits",
            ParseErrorKind::TooLong => "longer than the dialect allows",
            ParseErrorKind::NotInClass(class) => outside(*class),
            ParseErrorKind::NotHex => "not a hexadecimal character",
            ParseErrorKind::OddHex => "an odd number of hexadecimal characters",
            ParseErrorKind::NotAFiller => "not a filler",
        })
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field != 0 {
            write!(f, "DE {}: ", self.field)?;
        }
        f.write_str(match self.kind {
            EncodeErrorKind::HeaderLength => "the header has not the length of the dialect",
            EncodeErrorKind::NotInDialect => "not in the dialect",
            EncodeErrorKind::OutOfOrder => "out of order or repeated",
            EncodeErrorKind::Length => "not a length that the dialect allows",
            EncodeErrorKind::NotInClass(class) => outside(class),
            EncodeErrorKind::NotHex => "not hexadecimal",
        })
    }
}

fn outside(class: Class) -> &'static str {
    match class {
        Class::N => "not a digit",
        Class::A => "not a letter",
        Class::An => "not a letter or digit",
        Class::Ans => "not a printable character",
        Class::Z => "not a track character",
        Class::Xn => "not a signed amount",
        Class::B => "not binary",
    }
}

impl std::error::Error for ParseError {}

impl std::error::Error for EncodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_and_what() {
        let error =
            ParseError { field: 4, offset: 38, kind: ParseErrorKind::NotInClass(Class::N), mti: None };
        assert_eq!(error.to_string(), "DE 4 at offset 38: not a digit");
        let error = ParseError { field: 0, offset: 2, kind: ParseErrorKind::Truncated, mti: None };
        assert_eq!(error.to_string(), "at offset 2: truncated");
        let error = EncodeError { field: 35, kind: EncodeErrorKind::NotInClass(Class::Z) };
        assert_eq!(error.to_string(), "DE 35: not a track character");
    }
}
