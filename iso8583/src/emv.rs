//! Chip data (DE 55): BER-TLV objects of EMV Book 3, annex B.
//!
//! ```
//! use iso8583::emv::{self, tag};
//! let icc = [0x9F, 0x36, 0x02, 0x00, 0x2A, 0x00, 0x95, 0x01, 0x80];
//! assert_eq!(emv::find(&icc, tag::ATC), Ok(Some(&[0x00, 0x2A][..])));
//! let tags: Vec<u32> = emv::tlv(&icc).map(|object| object.unwrap().tag).collect();
//! assert_eq!(tags, [tag::ATC, tag::TVR]);
//! ```

pub mod tag;

pub use tag::tag_name;

use nom::bytes::complete::{take, take_while};
use nom::error::ErrorKind;
use nom::number::complete::{be_u8, be_u16};
use nom::{Err, IResult};
use std::fmt;

/// One data object. `Debug` shows the length of its value only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The tag with its bytes in order: 0x9F36.
    pub tag: u32,
    /// The value, which may be empty.
    pub value: &'a [u8],
    /// Byte at which the value begins, from the start of what was given to [`tlv`].
    pub offset: usize,
}

/// Why chip data could not be read. Holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlvError {
    /// Byte at which the offending object begins.
    pub offset: usize,
    /// What is wrong with it.
    pub kind: TlvErrorKind,
}

/// What is wrong with a data object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlvErrorKind {
    /// The data ends inside the object.
    Truncated,
    /// A tag of more than three bytes.
    TagTooLong,
    /// A length that is indefinite, or of more than two bytes.
    LengthForm,
    /// The tag asked for occurs twice, so neither can be trusted.
    Duplicate,
}

/// Goes through the objects, without looking inside constructed ones. Zero bytes between objects
/// are filler. After an error there is nothing more.
pub fn tlv(bytes: &[u8]) -> impl Iterator<Item = Result<Tlv<'_>, TlvError>> {
    objects(bytes)
}

/// The same with a type that can be kept.
pub(crate) fn objects(bytes: &[u8]) -> Objects<'_> {
    Objects { bytes, offset: 0 }
}

/// The value of the one object with this tag, or `None`. Everything is read, so what is found
/// stands in sound data.
///
/// # Errors
/// When any object cannot be read, or the tag occurs twice.
pub fn find(bytes: &[u8], tag: u32) -> Result<Option<&[u8]>, TlvError> {
    let mut found = None;
    for object in tlv(bytes) {
        let object = object?;
        if object.tag == tag && found.replace(object.value).is_some() {
            return Err(TlvError { offset: object.offset, kind: TlvErrorKind::Duplicate });
        }
    }
    Ok(found)
}

/// Whether the value of a tag is a list of objects itself (bit 6 of the first byte).
#[must_use]
pub fn is_constructed(tag: u32) -> bool {
    tag.to_be_bytes().into_iter().find(|byte| *byte != 0).is_some_and(|first| first & 0x20 != 0)
}

/// Whether these bytes are one tag, and would be read as such.
pub(crate) fn is_tag(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| *first != 0) && tag_number(bytes).is_ok_and(|(rest, _)| rest.is_empty())
}

/// Appends an object, its length in the shortest form.
pub fn write_tlv(tag: u32, value: &[u8], out: &mut Vec<u8>) {
    out.extend(tag.to_be_bytes().into_iter().skip_while(|byte| *byte == 0));
    let length = value.len().to_be_bytes();
    let significant = &length[value.len().leading_zeros() as usize / 8..];
    match value.len() {
        0 => out.push(0),
        1..=0x7F => out.extend_from_slice(significant),
        _ => {
            out.push(0x80 | significant.len() as u8);
            out.extend_from_slice(significant);
        }
    }
    out.extend_from_slice(value);
}

/// See [`tlv`].
pub(crate) struct Objects<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Iterator for Objects<'a> {
    type Item = Result<Tlv<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.offset..)?;
        let filler = rest.iter().take_while(|byte| **byte == 0).count();
        let rest = &rest[filler..];
        if rest.is_empty() {
            return None;
        }
        match object(rest) {
            Ok((after, (tag, value))) => {
                self.offset = self.bytes.len() - after.len();
                Some(Ok(Tlv { tag, value, offset: self.offset - value.len() }))
            }
            Err(error) => {
                let offset = self.offset + filler;
                self.offset = self.bytes.len();
                Some(Err(TlvError { offset, kind: fault(&error) }))
            }
        }
    }
}

type Parsed<'a, T> = IResult<&'a [u8], T>;

fn object(input: &[u8]) -> Parsed<'_, (u32, &[u8])> {
    let (input, tag) = tag_number(input)?;
    let (input, length) = length(input)?;
    let (input, value) = take(length)(input)?;
    Ok((input, (tag, value)))
}

/// One byte; when its low five bits are set, more bytes follow, each but the last with its high bit.
fn tag_number(input: &[u8]) -> Parsed<'_, u32> {
    let (rest, first) = be_u8(input)?;
    if first & 0x1F != 0x1F {
        return Ok((rest, u32::from(first)));
    }
    let (rest, middle) = take_while(|byte: u8| byte & 0x80 != 0)(rest)?;
    if middle.len() > 1 {
        return Err(Err::Failure(nom::error::Error::new(input, ErrorKind::TooLarge)));
    }
    let (rest, last) = be_u8(rest)?;
    let tag = middle.iter().chain([&last]).fold(u32::from(first), |tag, byte| tag << 8 | u32::from(*byte));
    Ok((rest, tag))
}

fn length(input: &[u8]) -> Parsed<'_, u16> {
    match be_u8(input)? {
        (rest, short @ 0..=0x7F) => Ok((rest, u16::from(short))),
        (rest, 0x81) => be_u8(rest).map(|(rest, length)| (rest, u16::from(length))),
        (rest, 0x82) => be_u16(rest),
        _ => Err(Err::Failure(nom::error::Error::new(input, ErrorKind::LengthValue))),
    }
}

fn fault(error: &Err<nom::error::Error<&[u8]>>) -> TlvErrorKind {
    match error {
        Err::Failure(error) if error.code == ErrorKind::TooLarge => TlvErrorKind::TagTooLong,
        Err::Failure(_) => TlvErrorKind::LengthForm,
        Err::Error(_) | Err::Incomplete(_) => TlvErrorKind::Truncated,
    }
}

impl fmt::Debug for Tlv<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tlv({:X}, {} bytes)", self.tag, self.value.len())
    }
}

impl fmt::Display for TlvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chip data at offset {}: {}", self.offset, self.kind)
    }
}

impl fmt::Display for TlvErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlvErrorKind::Truncated => "the data ends inside the object",
            TlvErrorKind::TagTooLong => "a tag of more than three bytes",
            TlvErrorKind::LengthForm => "a length that is indefinite or of more than two bytes",
            TlvErrorKind::Duplicate => "the tag occurs twice",
        })
    }
}

impl std::error::Error for TlvError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_objects() {
        let check = |text: &str, expect: &[(u32, &str, usize)]| {
            let bytes = hex::decode(text).unwrap();
            let found: Vec<_> = tlv(&bytes)
                .map(|object| object.map(|object| (object.tag, hex::encode(object.value), object.offset)))
                .collect::<Result<_, _>>()
                .unwrap();
            let expect: Vec<_> =
                expect.iter().map(|(tag, value, at)| (*tag, (*value).to_string(), *at)).collect();
            assert_eq!(found, expect);
        };
        check("", &[]);
        check("000000", &[]);
        check("9500", &[(0x95, "", 2)]);
        check("82023900840100", &[(0x82, "3900", 2), (0x84, "00", 6)]);
        check("008202390000009F36020001", &[(0x82, "3900", 3), (0x9F36, "0001", 10)]);
        check("DF810C0102", &[(0xDF_810C, "02", 4)]);
        check("DF81010102", &[(0xDF_8101, "02", 4)]);
        check("95810180", &[(0x95, "80", 3)]);
        check("9582000180", &[(0x95, "80", 4)]);
        check("71039F1800", &[(0x71, "9f1800", 2)]);
    }

    #[test]
    fn names_the_object_that_cannot_be_read() {
        let check = |text: &str, offset, kind| {
            let bytes = hex::decode(text).unwrap();
            let results: Vec<_> = tlv(&bytes).collect();
            assert_eq!(results.last(), Some(&Err(TlvError { offset, kind })), "{text}");
            assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1);
            assert_eq!(find(&bytes, 0x57), Err(TlvError { offset, kind }));
        };
        check("95", 0, TlvErrorKind::Truncated);
        check("9F", 0, TlvErrorKind::Truncated);
        check("82023900009505000000", 5, TlvErrorKind::Truncated);
        check("9581", 0, TlvErrorKind::Truncated);
        check("958200", 0, TlvErrorKind::Truncated);
        check("9580010000", 0, TlvErrorKind::LengthForm);
        check("958300000101", 0, TlvErrorKind::LengthForm);
        check("95FF", 0, TlvErrorKind::LengthForm);
        check("DF8181010102", 0, TlvErrorKind::TagTooLong);
    }

    #[test]
    fn finds_one_and_refuses_two() {
        let bytes = hex::decode("820239009F3602002A820200009500").unwrap();
        assert_eq!(find(&bytes, tag::ATC), Ok(Some(&[0x00, 0x2A][..])));
        assert_eq!(find(&bytes, tag::CRYPTOGRAM), Ok(None));
        assert_eq!(find(&bytes, tag::AIP), Err(TlvError { offset: 11, kind: TlvErrorKind::Duplicate }));
    }

    #[test]
    fn writes_the_shortest_length() {
        let check = |tag, length: usize, head: &str| {
            let value = vec![0xA5; length];
            let mut out = Vec::new();
            write_tlv(tag, &value, &mut out);
            assert_eq!(hex::encode_upper(&out[..out.len() - length]), head);
            assert_eq!(find(&out, tag), Ok(Some(&value[..])));
        };
        check(0x95, 0, "9500");
        check(0x95, 5, "9505");
        check(0x9F26, 127, "9F267F");
        check(0x9F26, 128, "9F268180");
        check(0xDF_8101, 255, "DF810181FF");
        check(0x72, 256, "72820100");
    }

    #[test]
    fn constructed_by_the_first_byte() {
        assert!(is_constructed(tag::SCRIPT_1) && is_constructed(0xBF0C) && is_constructed(0xE1));
        assert!(!is_constructed(tag::ATC) && !is_constructed(tag::PAN) && !is_constructed(0));
    }
}
