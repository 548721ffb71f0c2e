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

mod mask;

use crate::emv::{self, is_constructed};
use crate::{
    Dialect, EncodeError, EncodeErrorKind, FieldSpec, Message, MessageWriter, Mti, Sensitivity, body,
};
use std::fmt;

/// Whether card data is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Stars in place of card data, PIN blocks and private fields. For logs and screens.
    Masked,
    /// Everything in clear. For test messages only.
    Unmasked,
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

/// Writes a message from texts as [`fields_as_text`] shows them unmasked, in any order.
///
/// # Errors
/// As [`MessageWriter::begin`] and [`MessageWriter::field`]; text of a binary element must be
/// hexadecimal.
pub fn encode_text(
    dialect: &'static Dialect,
    header: &[u8],
    mti: Mti,
    fields: &[(u8, String)],
) -> Result<Vec<u8>, EncodeError> {
    let mut ascending: Vec<&(u8, String)> = fields.iter().collect();
    ascending.sort_by_key(|(field, _)| *field);
    let mut out = Vec::new();
    let mut writer = MessageWriter::begin(&mut out, dialect, header, mti)?;
    for (field, text) in ascending {
        if dialect.field(*field).is_some_and(FieldSpec::is_binary) {
            let bytes = from_hex(text).ok_or(EncodeError { field: *field, kind: EncodeErrorKind::NotHex })?;
            writer.field(*field, &bytes)?;
        } else {
            writer.field(*field, text.as_bytes())?;
        }
    }
    writer.finish();
    Ok(out)
}

fn text(spec: &FieldSpec, value: &[u8], show: Show) -> String {
    match (show, spec.sensitivity) {
        (Show::Masked, Sensitivity::Pan) => mask::pan(value),
        (Show::Masked, Sensitivity::Track) => mask::track(value),
        (Show::Masked, Sensitivity::Chip) => mask::chip(value),
        (Show::Masked, Sensitivity::Secret) if spec.is_binary() => mask::stars(value.len() * 2),
        (Show::Masked, Sensitivity::Secret) => mask::stars(value.len()),
        (Show::Masked, Sensitivity::Open) | (Show::Unmasked, _) if spec.is_binary() => to_hex(value),
        (Show::Masked, Sensitivity::Open) | (Show::Unmasked, _) => {
            String::from_utf8_lossy(value).into_owned()
        }
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| body::hex_pair(*byte)).map(char::from).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(body::nibble(*high)? << 4 | body::nibble(*low)?)).collect()
}

/// The masked message, a line for each part: offset in the frame, data element, name, value. Chip
/// data is followed by a line for each object.
impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.header();
        if !header.is_empty() {
            writeln!(f, "{:5}  header  {}", 0, to_hex(header))?;
        }
        writeln!(f, "{:5}  MTI     {}", header.len(), self.mti())?;
        for (field, text) in fields_as_text(self, Show::Masked) {
            let offset = self.offset(field).unwrap_or_default();
            let name = self.dialect().field(field).map_or("", |spec| spec.name);
            writeln!(f, "{offset:5}  DE {field:<3}  {name}: {text}")?;
            if field == crate::field::ICC {
                self.write_objects(field, f)?;
            }
        }
        Ok(())
    }
}

impl Message<'_> {
    fn write_objects(&self, field: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value(field);
        for object in emv::tlv(value.as_deref().unwrap_or_default()) {
            let object = match object {
                Ok(object) => object,
                Err(error) => return writeln!(f, "{:15}{error}", ""),
            };
            let name = emv::tag_name(object.tag).unwrap_or("(not named)");
            let text = match (emv::tag::is_sensitive(object.tag), is_constructed(object.tag)) {
                (true, _) => mask::stars(object.value.len() * 2),
                (false, true) => mask::chip(object.value),
                (false, false) => to_hex(object.value),
            };
            writeln!(f, "{:15}{:<6X}  {name}: {text}", "", object.tag)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn dialect(name: &str) -> &'static Dialect {
        Dialect::by_name(name).unwrap()
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
            assert_eq!(error, EncodeError { field, kind });
        };
        check(&[(11, "000001"), (11, "000001")], 11, EncodeErrorKind::OutOfOrder);
        check(&[(52, "0123456789ABCDE")], 52, EncodeErrorKind::NotHex);
        check(&[(52, "0123456789ABCDEé")], 52, EncodeErrorKind::NotHex);
        check(&[(52, "0123456789ABCD")], 52, EncodeErrorKind::Length);
        check(&[(1, "00")], 1, EncodeErrorKind::NotInDialect);
    }
}
