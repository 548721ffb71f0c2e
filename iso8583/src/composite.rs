//! Inner structure of a data element: parts by position, by a bitmap or by tags, within each other.
//! Read from the decoded value, on demand.
//!
//! ```
//! use iso8583::{Dialect, composite};
//! let dialect = Dialect::by_name("iso87_ascii").unwrap();
//! let processing_code = dialect.field(3).unwrap().composite.as_deref().unwrap();
//! let parts: Vec<String> = composite::parts(processing_code, b"012030")
//!     .map(|part| { let part = part.unwrap(); format!("{}={}", part.key, part.value().as_str().unwrap()) })
//!     .collect();
//! assert_eq!(parts, ["1=01", "2=20", "3=30"]);
//! ```

mod write;

pub use write::{Content, ContentError, ContentErrorKind, write};

use crate::body;
use crate::dialect::{Composite, FieldSpec, Part, PartKey, PrefixEncoding, TextLength};
use crate::emv::{self, TlvErrorKind};
use crate::error::ParseErrorKind;
use crate::{Message, Value, hex_text};
use nom::bytes::complete::take;
use nom::{IResult, Parser};
use std::fmt;

/// One part of a value. `Debug` shows no value.
#[derive(Clone, Copy)]
pub struct PartView<'c, 'v> {
    /// What names it.
    pub key: PartKey,
    /// How it is written; `None` of a tag that the dialect does not know.
    pub spec: Option<&'c FieldSpec>,
    /// Byte of the whole value at which the part's own value begins.
    pub offset: usize,
    bytes: &'v [u8],
    units: usize,
    /// Whether it is an object of chip data, whose tag says whether there are objects within.
    chip: bool,
}

/// Why the inner structure of a value could not be read. Holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartError {
    /// The part at fault, when it is known which.
    pub key: Option<PartKey>,
    /// Byte of the value.
    pub offset: usize,
    /// What is wrong there.
    pub kind: PartErrorKind,
}

/// What is wrong with a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartErrorKind {
    /// As of a data element.
    Field(ParseErrorKind),
    /// As of chip data.
    Tlv(TlvErrorKind),
    /// A tag that is not printable.
    NotATag,
    /// Bytes are left over after the last part.
    LeftOver,
}

/// A part of a message that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StructureError {
    /// The data element.
    pub field: u8,
    /// The steps from the data element to the part.
    pub path: Vec<PartKey>,
    /// Byte of the decoded value of the data element, or of the part around.
    pub offset: usize,
    /// What is wrong there.
    pub kind: PartErrorKind,
}

/// The parts of a decoded value in the order in which they stand. After an error there is nothing more.
pub fn parts<'c, 'v>(composite: &'c Composite, value: &'v [u8]) -> Parts<'c, 'v> {
    let state = match composite {
        Composite::Positional(_) => State::Positional { next: 0 },
        Composite::Bitmapped { .. } => State::BeforeBitmap,
        Composite::Tlv { .. } => State::Tlv,
        Composite::BerTlv => State::BerTlv(emv::objects(value)),
    };
    Parts { composite, value, at: 0, state }
}

/// See [`parts`].
pub struct Parts<'c, 'v> {
    composite: &'c Composite,
    value: &'v [u8],
    at: usize,
    state: State<'v>,
}

enum State<'v> {
    Positional { next: usize },
    BeforeBitmap,
    Bitmapped { bits: u128, bit: u16 },
    Tlv,
    BerTlv(emv::Objects<'v>),
    Over,
}

impl<'c, 'v> Iterator for Parts<'c, 'v> {
    type Item = Result<PartView<'c, 'v>, PartError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.step().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.state = State::Over;
        }
        next
    }
}

impl<'c, 'v> Parts<'c, 'v> {
    fn step(&mut self) -> Result<Option<PartView<'c, 'v>>, PartError> {
        match (&mut self.state, self.composite) {
            (State::Positional { next }, Composite::Positional(parts)) => {
                let Some(part) =
                    parts.get(*next).filter(|part| !(part.optional && self.at == self.value.len()))
                else {
                    return self.nothing_left();
                };
                *next += 1;
                self.by_spec(part).map(Some)
            }
            (State::BeforeBitmap, Composite::Bitmapped { hex, width, .. }) => {
                let bits = self.bitmap(*hex, *width)?;
                self.state = State::Bitmapped { bits, bit: 0 };
                self.step()
            }
            (State::Bitmapped { bits, bit }, Composite::Bitmapped { parts, .. }) => {
                if *bits == 0 {
                    return self.nothing_left();
                }
                let zeros = bits.leading_zeros();
                *bit = zeros as u16 + 1;
                *bits &= !((1u128 << 127) >> zeros);
                let key = PartKey::Number(*bit);
                match parts.iter().find(|part| part.key == key) {
                    Some(part) => self.by_spec(part).map(Some),
                    None => Err(self.error(Some(key), 0, PartErrorKind::Field(ParseErrorKind::NotInDialect))),
                }
            }
            (State::Tlv, Composite::Tlv { tag, binary_tag, length, parts }) => {
                if self.at == self.value.len() {
                    return Ok(None);
                }
                self.object(*tag, *binary_tag, *length, parts).map(Some)
            }
            (State::BerTlv(objects), _) => match objects.next() {
                None => Ok(None),
                Some(Ok(object)) => {
                    let (bytes, units) = (object.value, object.value.len());
                    let key = PartKey::emv(object.tag);
                    Ok(Some(PartView { key, spec: None, offset: object.offset, bytes, units, chip: true }))
                }
                Some(Err(error)) => {
                    Err(PartError { key: None, offset: error.offset, kind: PartErrorKind::Tlv(error.kind) })
                }
            },
            _ => Ok(None),
        }
    }

    fn rest(&self) -> &'v [u8] {
        self.value.get(self.at..).unwrap_or_default()
    }

    fn error(&self, key: Option<PartKey>, position: usize, kind: PartErrorKind) -> PartError {
        PartError { key, offset: self.at + position, kind }
    }

    fn nothing_left(&self) -> Result<Option<PartView<'c, 'v>>, PartError> {
        if self.at == self.value.len() {
            return Ok(None);
        }
        Err(self.error(None, 0, PartErrorKind::LeftOver))
    }

    /// A part that says itself how long it is.
    fn by_spec(&mut self, part: &'c Part) -> Result<PartView<'c, 'v>, PartError> {
        let rest = self.rest();
        let extent = body::measure(&part.spec, rest)
            .map_err(|(at, kind)| self.error(Some(part.key), at, PartErrorKind::Field(kind)))?;
        let bytes = &rest[extent.prefix..extent.prefix + extent.wire];
        body::check(&part.spec, bytes, extent.units).map_err(|(at, kind)| {
            self.error(Some(part.key), extent.prefix + at, PartErrorKind::Field(kind))
        })?;
        let offset = self.at + extent.prefix;
        self.at = offset + extent.wire;
        let (key, spec, units) = (part.key, Some(&part.spec), extent.units);
        Ok(PartView { key, spec, offset, bytes, units, chip: false })
    }

    fn bitmap(&mut self, hex: bool, width: usize) -> Result<u128, PartError> {
        let wire = if hex { 2 * width } else { width };
        let rest = self.rest();
        let Some(text) = rest.get(..wire) else {
            let kind = ParseErrorKind::Truncated { need: wire as u32, left: rest.len() as u32 };
            return Err(self.error(None, 0, PartErrorKind::Field(kind)));
        };
        let digit =
            |byte: &u8| if hex { hex_text::nibble(*byte).map(u128::from) } else { Some(u128::from(*byte)) };
        let shift = if hex { 4 } else { 8 };
        let bits = text.iter().try_fold(0u128, |bits, byte| Some(bits << shift | digit(byte)?));
        let bits = bits.ok_or(self.error(None, 0, PartErrorKind::Field(ParseErrorKind::NotABitmap)))?;
        self.at += wire;
        Ok(bits << (128 - 8 * width as u32))
    }

    fn object(
        &mut self,
        tag: usize,
        binary_tag: bool,
        length: TextLength,
        known: &'c [Part],
    ) -> Result<PartView<'c, 'v>, PartError> {
        let rest = self.rest();
        let truncated = |need: usize, left: usize| {
            PartErrorKind::Field(ParseErrorKind::Truncated { need: need as u32, left: left as u32 })
        };
        let Ok((after, (named, written))) = heading(tag, length.width, rest) else {
            return Err(self.error(None, 0, truncated(tag + length.width, rest.len())));
        };
        let key = if binary_tag { PartKey::hex(named) } else { PartKey::text(named) };
        let Some(key) = key else { return Err(self.error(None, 0, PartErrorKind::NotATag)) };
        let heading = tag + length.width;
        let spec = known.iter().find(|part| part.key == key).map(|part| &part.spec);
        // What is no tag of the dialect may be anything, a card number for example.
        let told = spec.is_some().then_some(key);
        let Some(count) = count(length.encoding, written) else {
            return Err(self.error(told, tag, PartErrorKind::Field(ParseErrorKind::NotALength)));
        };
        let Some(bytes) = after.get(..count) else {
            return Err(self.error(told, heading, truncated(count, after.len())));
        };
        let units = self.check_value(key, spec, bytes, heading)?;
        let offset = self.at + heading;
        self.at = offset + count;
        Ok(PartView { key, spec, offset, bytes, units, chip: false })
    }

    /// Checks the value behind a tag that the dialect knows, and answers its length in units.
    fn check_value(
        &self,
        key: PartKey,
        spec: Option<&FieldSpec>,
        bytes: &[u8],
        heading: usize,
    ) -> Result<usize, PartError> {
        let Some(spec) = spec else { return Ok(bytes.len()) };
        let fail = |(at, kind)| self.error(Some(key), heading + at, PartErrorKind::Field(kind));
        let extent = body::measure(spec, bytes).map_err(fail)?;
        if extent.wire != bytes.len() {
            return Err(fail((
                extent.wire,
                ParseErrorKind::TrailingBytes { count: (bytes.len() - extent.wire) as u32 },
            )));
        }
        body::check(spec, bytes, extent.units).map_err(fail)?;
        Ok(extent.units)
    }
}

/// Tag and length of an object.
fn heading(tag: usize, length: usize, input: &[u8]) -> IResult<&[u8], (&[u8], &[u8])> {
    (take(tag), take(length)).parse(input)
}

/// The number that the bytes of a length say.
pub(crate) fn count(encoding: PrefixEncoding, written: &[u8]) -> Option<usize> {
    let digit = |value: u8| (value < 10).then_some(usize::from(value));
    written.iter().try_fold(0usize, |number, byte| match encoding {
        PrefixEncoding::Ascii => Some(number * 10 + digit(byte.wrapping_sub(b'0'))?),
        PrefixEncoding::Ebcdic => Some(number * 10 + digit(byte.wrapping_sub(0xF0))?),
        PrefixEncoding::Bcd => Some(number * 100 + digit(byte >> 4)? * 10 + digit(byte & 0x0F)?),
        PrefixEncoding::Binary => Some(number << 8 | usize::from(*byte)),
    })
}

impl<'c, 'v> PartView<'c, 'v> {
    /// The decoded value.
    #[must_use]
    pub fn value(&self) -> Value<'v> {
        match self.spec {
            Some(spec) => body::decode(spec, self.bytes, self.units),
            None => Value::borrowed(self.bytes),
        }
    }

    /// Bytes of it as it stands in the value around.
    #[must_use]
    pub fn wire(&self) -> &'v [u8] {
        self.bytes
    }

    /// Its inner structure, a template of chip data included.
    #[must_use]
    pub fn composite(&self) -> Option<&'c Composite> {
        match (self.spec, self.emv_tag()) {
            (Some(spec), _) => spec.composite.as_deref(),
            (None, Some(tag)) if emv::is_constructed(tag) => Some(&Composite::BerTlv),
            _ => None,
        }
    }

    /// The tag of an object of chip data; `None` of all other parts.
    #[must_use]
    pub fn emv_tag(&self) -> Option<u32> {
        match self.key {
            PartKey::Hex { tag, .. } if self.chip => Some(tag),
            _ => None,
        }
    }

    /// Whether the value is raw bytes rather than text.
    pub(crate) fn is_binary(&self) -> bool {
        self.spec.map_or(matches!(self.key, PartKey::Hex { .. }), FieldSpec::is_binary)
    }

    /// Its length in units of its encoding.
    pub(crate) fn units(&self) -> usize {
        self.units
    }
}

impl fmt::Debug for PartView<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartView({}, {} bytes)", self.key, self.bytes.len())
    }
}

/// Chip data within chip data, scripts within templates: no message goes deeper.
pub(crate) const DEEPEST: usize = 6;

/// Everything in the inner structures of a message that cannot be read. Parsing leaves them alone,
/// since whoever needs a part reads it.
#[must_use]
pub fn check(message: &Message<'_>) -> Vec<StructureError> {
    let mut errors = Vec::new();
    for (field, value) in message.fields() {
        let composite = message.dialect().field(field).and_then(|spec| spec.composite.as_deref());
        if let Some(composite) = composite {
            check_value(field, &mut Vec::new(), composite, &value, &mut errors);
        }
    }
    errors
}

fn check_value(
    field: u8,
    path: &mut Vec<PartKey>,
    composite: &Composite,
    value: &[u8],
    errors: &mut Vec<StructureError>,
) {
    if path.len() >= DEEPEST {
        return;
    }
    for part in parts(composite, value) {
        match part {
            Ok(part) => {
                if let Some(inner) = part.composite() {
                    path.push(part.key);
                    check_value(field, path, inner, &part.value(), errors);
                    path.pop();
                }
            }
            Err(error) => {
                let path = path.iter().copied().chain(error.key).collect();
                errors.push(StructureError { field, path, offset: error.offset, kind: error.kind });
            }
        }
    }
}

/// `DE 127.25 at byte 40 of its value: …`.
impl fmt::Display for StructureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DE {}", self.field)?;
        for key in &self.path {
            write!(f, ".{key}")?;
        }
        write!(f, " at byte {} of its value: {}", self.offset, self.kind)
    }
}

impl fmt::Display for PartErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PartErrorKind::Field(kind) => kind.fmt(f),
            PartErrorKind::Tlv(kind) => kind.fmt(f),
            PartErrorKind::NotATag => f.write_str("not a tag: printable characters belong here"),
            PartErrorKind::LeftOver => f.write_str("bytes are left over after the last part"),
        }
    }
}

impl std::error::Error for StructureError {}

#[cfg(test)]
mod tests;
