//! A message as text: for people, for tools and back. Card data is masked unless asked otherwise.
//!
//! ```
//! use iso8583::dump::{Show, fields_as_text};
//! use iso8583::{Dialect, parse};
//! let dialect = Dialect::by_name("iso87_ascii").unwrap();
//! let message = parse(b"02005000000000000000164000001234567899000000001250", dialect).unwrap();
//! let masked = fields_as_text(&message, Show::Masked);
//! assert_eq!(masked, [(2, "400000******7899".to_string()), (4, "000000001250".to_string())]);
//! ```

pub(crate) mod mask;
mod walk;

pub(crate) use walk::{Found, Inner, walk_parts};

use crate::composite::{self, Content, ContentError, PartView};
use crate::dialect::{Composite, PartKey};
use crate::{Dialect, EncodeError, FieldSpec, Message, MessageWriter, Mti, hex_text};
use std::fmt;

/// Whether card data is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Stars in place of card data, PIN blocks and private fields. For logs and screens.
    Masked,
    /// Everything in clear. For test messages only.
    Unmasked,
}

/// Why a message could not be written from its contents. Holds nothing of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentsError {
    /// Number of the data element; 0 is the header.
    pub field: u8,
    /// The part of it and what is wrong there.
    pub error: ContentError,
}

/// The data elements ascending, each as text: digits and text as they are, binary as upper-case
/// hexadecimal. Masked, the text keeps its length and every hidden character is a star.
#[must_use]
pub fn fields_as_text(message: &Message<'_>, show: Show) -> Vec<(u8, String)> {
    message
        .fields()
        .filter_map(|(field, value)| {
            let spec = message.dialect().field(field)?;
            Some((field, text(spec, &value, show)))
        })
        .collect()
}

/// The data elements ascending, those with inner structure as their parts, wherever these say all
/// there is: zero bytes between chip data, a tag that stands twice or a part that cannot be read
/// leave the data element as text.
#[must_use]
pub fn contents(message: &Message<'_>, show: Show) -> Vec<(u8, Content)> {
    let content = |(field, value): (u8, crate::Value<'_>)| {
        let spec = message.dialect().field(field)?;
        let parts = spec.composite.as_deref().and_then(|composite| {
            let clear = parts_as_content(composite, &value, Show::Unmasked, false, composite::DEEPEST)?;
            let whole = composite::write(spec, &clear).is_ok_and(|written| written == *value);
            if !whole {
                return None;
            }
            parts_as_content(composite, &value, show, spec.hides_unknown(), composite::DEEPEST)
        });
        Some((field, parts.unwrap_or_else(|| Content::Text(text(spec, &value, show)))))
    };
    message.fields().filter_map(content).collect()
}

fn parts_as_content(
    composite: &Composite,
    value: &[u8],
    show: Show,
    hides: bool,
    depth: usize,
) -> Option<Content> {
    let depth = depth.checked_sub(1)?;
    let mut all: Vec<(String, Content)> = Vec::new();
    for part in composite::parts(composite, value) {
        let part = part.ok()?;
        let inner = part
            .composite()
            .filter(|_| !part.wire().is_empty())
            .and_then(|inner| parts_as_content(inner, &part.value(), show, part.hides_unknown(hides), depth));
        let content = inner.unwrap_or_else(|| Content::Text(part_text(&part, show, hides)));
        let key = part.key.to_string();
        if all.iter().any(|(other, _)| *other == key) {
            return None;
        }
        all.push((key, content));
    }
    Some(Content::Parts(all))
}

/// The value of a part as text.
pub(crate) fn part_text(part: &PartView<'_, '_>, show: Show, hides: bool) -> String {
    match (show, part.spec) {
        (Show::Masked, _) => mask::part(part, hides),
        (Show::Unmasked, Some(spec)) => clear(spec.is_binary(), &part.value()),
        (Show::Unmasked, None) => clear(matches!(part.key, PartKey::Hex { .. }), part.wire()),
    }
}

/// Writes a message from contents as [`fields_as_text`] and [`contents`] give them unmasked, in any
/// order.
///
/// # Errors
/// As [`MessageWriter::begin`], [`MessageWriter::field`] and [`composite::write`].
pub fn encode_contents(
    dialect: &Dialect,
    header: &[u8],
    mti: Mti,
    fields: &[(u8, Content)],
) -> Result<Vec<u8>, ContentsError> {
    let mut ascending: Vec<&(u8, Content)> = fields.iter().collect();
    ascending.sort_by_key(|(field, _)| *field);
    let mut out = Vec::new();
    let mut writer = MessageWriter::begin(&mut out, dialect, header, mti)?;
    for (field, content) in ascending {
        let value = match dialect.field(*field) {
            Some(spec) => {
                composite::write(spec, content).map_err(|error| ContentsError { field: *field, error })?
            }
            // The writer says what is wrong with it.
            None => Vec::new(),
        };
        writer.field(*field, &value)?;
    }
    writer.finish()?;
    Ok(out)
}

impl From<EncodeError> for ContentsError {
    fn from(error: EncodeError) -> ContentsError {
        let kind = composite::ContentErrorKind::Field(error.kind);
        ContentsError { field: error.field, error: ContentError { path: Vec::new(), kind } }
    }
}

/// `DE 127.25: …`.
impl fmt::Display for ContentsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field == 0 {
            return write!(f, "header{}", self.error);
        }
        write!(f, "DE {}{}", self.field, self.error)
    }
}

impl std::error::Error for ContentsError {}

pub(crate) fn text(spec: &FieldSpec, value: &[u8], show: Show) -> String {
    match show {
        Show::Masked => mask::value(spec, value),
        Show::Unmasked => clear(spec.is_binary(), value),
    }
}

fn clear(binary: bool, value: &[u8]) -> String {
    if binary { hex_text::write(value) } else { String::from_utf8_lossy(value).into_owned() }
}

/// The masked message, a line for each part: offset in the frame, data element, name, value. Parts of
/// a data element follow it, a line each.
impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.header();
        if !header.is_empty() {
            writeln!(f, "{:5}  header  {}", 0, hex_text::write(header))?;
        }
        writeln!(f, "{:5}  MTI     {}", header.len(), self.mti())?;
        for (field, text) in fields_as_text(self, Show::Masked) {
            let offset = self.offset(field).unwrap_or_default();
            let name = self.dialect().field(field).map_or("", |spec| spec.name.as_str());
            writeln!(f, "{offset:5}  DE {field:<3}  {name}: {}", printable(&text))?;
            let mut written = Ok(());
            walk_parts(self, field, Show::Masked, |path, found| {
                let depth = 2 * path.len();
                let result = match found {
                    Ok(found) => {
                        let (indent, key) = (13 + depth, found.part.key.to_string());
                        let text = printable(&found.text(Show::Masked));
                        writeln!(f, "{:indent$}{key:<6}  {}: {text}", "", found.name())
                    }
                    Err(error) => {
                        let indent = 15 + depth;
                        let key = error.key.map(|key| format!("{key} ")).unwrap_or_default();
                        writeln!(f, "{:indent$}{key}at byte {}: {}", "", error.offset, error.kind)
                    }
                };
                if written.is_ok() {
                    written = result;
                }
            });
            written?;
        }
        Ok(())
    }
}

/// Text without control characters, which could move the cursor of a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{FFFD}' } else { character }).collect()
}

/// A message from texts, for tests.
#[cfg(test)]
pub(crate) fn frame_of(dialect: &Dialect, mti: &str, fields: &[(u8, &str)]) -> Vec<u8> {
    let text = |(field, text): &(u8, &str)| (*field, Content::Text((*text).to_owned()));
    let contents: Vec<(u8, Content)> = fields.iter().map(text).collect();
    encode_contents(dialect, &[], Mti::parse(mti.as_bytes()).unwrap(), &contents).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EncodeErrorKind, parse};

    fn dialect(name: &str) -> &'static Dialect {
        Dialect::by_name(name).unwrap()
    }

    fn encode_text(
        dialect: &Dialect,
        header: &[u8],
        mti: Mti,
        fields: &[(u8, String)],
    ) -> Result<Vec<u8>, ContentsError> {
        let contents: Vec<_> =
            fields.iter().map(|(field, text)| (*field, Content::Text(text.clone()))).collect();
        encode_contents(dialect, header, mti, &contents)
    }

    fn fields(list: &[(u8, &str)]) -> Vec<(u8, String)> {
        list.iter().map(|(field, text)| (*field, (*text).to_string())).collect()
    }

    #[test]
    fn masks_what_names_the_card() {
        let clear = fields(&[
            (2, "4000001234567899"),
            (14, "2812"),
            (35, "4000001234567899D28122011234567890"),
            (45, "B4000001234567899^DOE/JANE^28122011234567890"),
            (48, "CVV2 123"),
            (52, "0123456789ABCDEF"),
            (55, "5A0840000012345678999F36020001"),
            (62, "ORDER 1"),
            (102, "4000001234567899"),
            (125, "NEW PIN"),
        ]);
        let masked = fields(&[
            (2, "400000******7899"),
            (14, "2812"),
            (35, "400000******7899******************"),
            (45, "B400000******7899***************************"),
            (48, "********"),
            (52, "****************"),
            (55, "5A08****************9F36020001"),
            (62, "*******"),
            (102, "400000******7899"),
            (125, "*******"),
        ]);
        for (name, header) in
            [("iso87_ascii", &[][..]), ("iso87_ascii_binary", &[]), ("iso87_bcd", &[0x60, 0, 1, 0, 2])]
        {
            let frame = encode_text(dialect(name), header, Mti::FINANCIAL_REQUEST, &clear).unwrap();
            let message = parse(&frame, dialect(name)).unwrap();
            assert_eq!(fields_as_text(&message, Show::Masked), masked, "{name}");
            assert_eq!(fields_as_text(&message, Show::Unmasked), clear, "{name}");
            let shown = message.to_string();
            for secret in
                ["4000001234567899", "123456", "DOE", "CVV2", "0123456789ABCDEF", "ORDER", "NEW PIN"]
            {
                assert!(!shown.contains(secret), "{name} shows {secret}");
            }
        }
    }

    /// What the dialect does not know, within parts that are hidden, and what cannot be told apart.
    #[test]
    fn parts_that_nobody_named_are_hidden() {
        let check = |name: &str, field: (u8, &str), secrets: &[&str], shown: &[&str]| {
            let frame = frame_of(dialect(name), "0200", &[field]);
            let message = parse(&frame, dialect(name)).unwrap();
            let parts = format!(
                "{:?}",
                contents(&message, Show::Masked)
                    .into_iter()
                    .map(|(_, content)| flat(&content))
                    .collect::<Vec<_>>()
            );
            for text in [message.to_string(), parts] {
                assert!(!secrets.iter().any(|secret| text.contains(secret)), "{name}: {text}");
            }
            assert!(shown.iter().all(|shown| message.to_string().contains(shown)), "{name}: {message}");
        };
        check("mastercard_cis", (48, "T920354177031239905SPLIT"), &["541", "SPLIT"], &["77      Payment"]);
        check("mastercard_ipm", (48, "0023003CT60001005SPLIT"), &["SPLIT"], &["CT6"]);
        // The length of the second tag is wrong, and then of the last.
        check("mastercard_ipm", (48, "0023003CT64000001234567899"), &["4000", "CT6"], &["at byte 25"]);
        check(
            "iso87_bcd",
            (55, "820E5A0840000012345678990000000095"),
            &["4000001234567899"],
            &["at byte 16"],
        );
        check("visa_base1", (55, "02000B5A0840000012345678990101"), &["4000001234567899", "5A08"], &[]);
        check("iso87_bcd", (55, "70055A03400000E1059F0102ABCD"), &["400000"], &["ABCD"]);
    }

    fn flat(content: &Content) -> String {
        match content {
            Content::Text(text) => text.clone(),
            Content::Parts(parts) => {
                parts.iter().map(|(key, part)| format!("{key}={} ", flat(part))).collect()
            }
        }
    }

    #[test]
    fn text_is_written_in_any_order_but_once() {
        let frame = encode_text(
            dialect("iso87_ascii"),
            &[],
            Mti::NETWORK_REQUEST,
            &fields(&[(70, "301"), (11, "000001")]),
        );
        assert_eq!(frame.unwrap(), b"080080200000000000000400000000000000000001301");
        let check = |list: &[(u8, &str)], field, kind| {
            let error =
                encode_text(dialect("iso87_ascii"), &[], Mti::NETWORK_REQUEST, &fields(list)).unwrap_err();
            assert_eq!(error, ContentsError::from(EncodeError { field, kind }));
        };
        check(&[(11, "000001"), (11, "000001")], 11, EncodeErrorKind::OutOfOrder);
        check(&[(52, "0123456789ABCDE")], 52, EncodeErrorKind::NotHex);
        check(&[(52, "0123456789ABCDEé")], 52, EncodeErrorKind::NotHex);
        check(&[(52, "0123456789ABCD")], 52, EncodeErrorKind::Length { found: 14, allowed: 16, fixed: true });
        check(&[(1, "00")], 1, EncodeErrorKind::NotInDialect);
    }
}
