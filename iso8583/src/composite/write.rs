//! Writing a value from its parts.

use crate::dialect::{Composite, FieldSpec, Part, PartKey};
use crate::{EncodeErrorKind, body, emv, hex_text};
use std::fmt;

/// What a data element or a part of it holds, as text: binary in hexadecimal. `Debug` shows no value.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// The value.
    Text(String),
    /// Its parts by their keys, in order.
    Parts(Vec<(String, Content)>),
}

/// Why a value could not be written from its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentError {
    /// Keys that lead to the part at fault, from the outermost.
    pub path: Vec<String>,
    /// What is wrong with it.
    pub kind: ContentErrorKind,
}

/// What is wrong with a part to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentErrorKind {
    /// As of a data element.
    Field(EncodeErrorKind),
    /// The dialect has no such part, or it is no tag.
    UnknownPart,
    /// A part stands twice.
    Twice,
    /// A part before the last is missing.
    Gap,
    /// The dialect knows no parts of this.
    NoParts,
}

/// The decoded value of a data element or part from its content.
///
/// # Errors
/// When text of a binary one is not hexadecimal, or its parts do not fit the dialect.
pub fn write(spec: &FieldSpec, content: &Content) -> Result<Vec<u8>, ContentError> {
    value(spec.is_binary(), spec.composite.as_deref(), content)
}

fn value(binary: bool, composite: Option<&Composite>, content: &Content) -> Result<Vec<u8>, ContentError> {
    let parts = match content {
        Content::Text(text) if binary => {
            return hex_text::read(text).ok_or(fail(ContentErrorKind::Field(EncodeErrorKind::NotHex)));
        }
        Content::Text(text) => return Ok(text.as_bytes().to_vec()),
        Content::Parts(parts) => parts,
    };
    match composite {
        None => Err(fail(ContentErrorKind::NoParts)),
        Some(Composite::BerTlv) => ber_tlv(parts),
        Some(Composite::Positional(known)) => positional(known, parts),
        Some(Composite::Bitmapped { hex, width, parts: known }) => bitmapped(*hex, *width, known, parts),
        Some(Composite::Tlv { tag, binary_tag, length, parts: known }) => {
            let mut out = Vec::new();
            for (key, content) in parts {
                let named = if *binary_tag { hex_text::read(key) } else { Some(key.as_bytes().to_vec()) };
                let named = named
                    .filter(|named| named.len() == *tag)
                    .ok_or(within(key)(fail(ContentErrorKind::UnknownPart)))?;
                let part_key = if *binary_tag { PartKey::hex(&named) } else { PartKey::text(&named) };
                let part_key = part_key.ok_or(within(key)(fail(ContentErrorKind::UnknownPart)))?;
                let known = known.iter().find(|part| part.key == part_key).map(|part| &part.spec);
                let mut bytes = Vec::new();
                match known {
                    Some(spec) => one(spec, content, &mut bytes).map_err(within(key))?,
                    None => bytes = value(*binary_tag, None, content).map_err(within(key))?,
                }
                let most = body::largest_count(length.encoding, length.width);
                if bytes.len() > most {
                    let (found, allowed) = (bytes.len() as u32, most as u32);
                    let kind = EncodeErrorKind::Length { found, allowed, fixed: false };
                    return Err(within(key)(fail(ContentErrorKind::Field(kind))));
                }
                out.extend_from_slice(&named);
                let start = out.len();
                out.resize(start + length.width, 0);
                body::write_count(length.encoding, bytes.len(), &mut out[start..]);
                out.extend_from_slice(&bytes);
            }
            Ok(out)
        }
    }
}

/// Appends one part with its own length prefix, where it has one.
fn one(spec: &FieldSpec, content: &Content, out: &mut Vec<u8>) -> Result<(), ContentError> {
    let value = value(spec.is_binary(), spec.composite.as_deref(), content)?;
    let start = out.len();
    out.resize(start + body::room(spec, value.len()), 0);
    let length =
        body::write(spec, &value, &mut out[start..]).map_err(|kind| fail(ContentErrorKind::Field(kind)))?;
    out.truncate(start + length);
    Ok(())
}

fn ber_tlv(parts: &[(String, Content)]) -> Result<Vec<u8>, ContentError> {
    let mut out = Vec::new();
    for (key, content) in parts {
        let tag = hex_text::read(key).filter(|tag| emv::is_tag(tag));
        let tag = tag.ok_or(within(key)(fail(ContentErrorKind::UnknownPart)))?;
        let tag = tag.iter().fold(0, |tag, byte| tag << 8 | u32::from(*byte));
        let value = value(true, Some(&Composite::BerTlv), content).map_err(within(key))?;
        emv::write_tlv(tag, &value, &mut out);
    }
    Ok(out)
}

fn positional(known: &[Part], parts: &[(String, Content)]) -> Result<Vec<u8>, ContentError> {
    let given = numbered(known, parts)?;
    let mut out = Vec::new();
    let mut ended = false;
    for (part, content) in known.iter().zip(given) {
        let key = part.key.to_string();
        match content {
            Some(_) if ended => return Err(within(&key)(fail(ContentErrorKind::Gap))),
            Some(content) => one(&part.spec, content, &mut out).map_err(within(&key))?,
            None if part.optional => ended = true,
            None => return Err(within(&key)(fail(ContentErrorKind::Gap))),
        }
    }
    Ok(out)
}

fn bitmapped(
    hex: bool,
    width: usize,
    known: &[Part],
    parts: &[(String, Content)],
) -> Result<Vec<u8>, ContentError> {
    let given = numbered(known, parts)?;
    let mut bits = vec![0u8; width];
    let mut bodies = Vec::new();
    for (part, content) in known.iter().zip(given) {
        let (PartKey::Number(bit), Some(content)) = (part.key, content) else { continue };
        one(&part.spec, content, &mut bodies).map_err(within(&part.key.to_string()))?;
        let bit = usize::from(bit - 1);
        if let Some(byte) = bits.get_mut(bit / 8) {
            *byte |= 0x80 >> (bit % 8);
        }
    }
    let bitmap = if hex { hex_text::write(&bits).into_bytes() } else { bits };
    Ok([bitmap, bodies].concat())
}

/// The content of each part that the dialect knows, in its order.
fn numbered<'a>(
    known: &[Part],
    parts: &'a [(String, Content)],
) -> Result<Vec<Option<&'a Content>>, ContentError> {
    let mut given = vec![None; known.len()];
    for (key, content) in parts {
        let index = known.iter().position(|part| part.key.to_string() == *key);
        let slot = index.and_then(|index| given.get_mut(index));
        let slot = slot.ok_or(within(key)(fail(ContentErrorKind::UnknownPart)))?;
        if slot.replace(content).is_some() {
            return Err(within(key)(fail(ContentErrorKind::Twice)));
        }
    }
    Ok(given)
}

fn fail(kind: ContentErrorKind) -> ContentError {
    ContentError { path: Vec::new(), kind }
}

/// Puts a key in front of the path of an error.
fn within(key: &str) -> impl Fn(ContentError) -> ContentError {
    move |mut error| {
        error.path.insert(0, key.to_owned());
        error
    }
}

/// Whether it is text or parts, no value.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Content::Parts(parts) => {
                f.debug_map().entries(parts.iter().map(|(key, part)| (key, part))).finish()
            }
        }
    }
}

impl fmt::Display for ContentErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContentErrorKind::Field(kind) => kind.fmt(f),
            ContentErrorKind::UnknownPart => f.write_str("the dialect has no such part"),
            ContentErrorKind::Twice => f.write_str("the part stands twice"),
            ContentErrorKind::Gap => f.write_str("a part is missing"),
            ContentErrorKind::NoParts => {
                f.write_str("the dialect knows no parts of this, give its value as text")
            }
        }
    }
}

/// `.25.3: its length is …`, to stand behind `DE 127`.
impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in &self.path {
            // A key that is longer than any tag may be a value in the wrong place.
            let shown = if key.len() <= 8 { key.as_str() } else { "?" };
            write!(f, ".{shown}")?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl std::error::Error for ContentError {}
