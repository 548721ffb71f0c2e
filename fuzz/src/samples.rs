//! Values that a data element may hold, by its specification alone, and messages made of them.

use iso8583::composite::{self, Content};
use iso8583::{
    Class, Composite, Counts, Dialect, EncodeError, Encoding, FieldSpec, Filler, Length, MessageWriter, Mti,
    Part,
};

/// The card number of all samples.
pub const PAN: &str = "4000001234567899";

/// How long a value of variable length is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Nothing.
    Empty,
    /// A few units; a card number or a track where there is room for one.
    Usual,
    /// As many as there may be, up to a hundred.
    Long,
}

/// A header that the dialect allows, where its specification allows one.
pub fn header(dialect: &Dialect) -> Vec<u8> {
    let spec = dialect.header();
    if !spec.default.is_empty() {
        return spec.default.clone();
    }
    let mut header = spec.starts_with.clone();
    header.resize(spec.length, 0x20);
    if let Some(place) = spec.own_length_at.and_then(|at| header.get_mut(at)) {
        *place = spec.length as u8;
    }
    header
}

/// A message of the fields that `wanted` lets through.
///
/// # Errors
/// When the writer refuses one; a dialect that was accepted gives no reason to, except its length.
pub fn message(
    dialect: &Dialect,
    mti: Mti,
    size: Size,
    wanted: impl Fn(u8) -> bool,
) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    let mut writer = MessageWriter::begin(&mut out, dialect, &header(dialect), mti)?;
    for (field, spec) in dialect.fields().filter(|(field, _)| wanted(*field)) {
        writer.field(field, &value(spec, size))?;
    }
    writer.finish()?;
    Ok(out)
}

/// A decoded value: from its parts where it has any and they fit, else a plain one.
pub fn value(spec: &FieldSpec, size: Size) -> Vec<u8> {
    let plain = plain(spec, size);
    let Some(composite) = spec.composite.as_deref().filter(|_| size != Size::Empty) else { return plain };
    let of_parts = composite::write(spec, &parts(composite, size)).ok();
    of_parts.filter(|value| fits(spec, value.len())).unwrap_or(plain)
}

fn fits(spec: &FieldSpec, length: usize) -> bool {
    let units = if matches!(spec.encoding, Encoding::Hex(_)) { 2 * length } else { length };
    match spec.length {
        Length::Fixed(fixed) => units == usize::from(fixed),
        Length::Variable { max } => units <= max as usize && !(length % 2 == 1 && only_even(spec)),
        Length::Rest => true,
    }
}

/// Whether an odd number of packed digits cannot be said, since the filler is counted and zero.
fn only_even(spec: &FieldSpec) -> bool {
    spec.encoding == Encoding::Bcd
        && spec.filler == Filler::Zero
        && matches!(spec.prefix.counts, Counts::Bytes | Counts::Nibbles)
}

fn parts(composite: &Composite, size: Size) -> Content {
    let known =
        |parts: &[Part]| parts.iter().map(|part| (part.key.to_string(), content(&part.spec, size))).collect();
    let text = |key: &str, text: &str| (key.to_owned(), Content::Text(text.to_owned()));
    Content::Parts(match composite {
        Composite::BerTlv => vec![
            text("82", "3900"),
            text("9F36", "002A"),
            text("5A", PAN),
            text("57", "4000001234567899D2812201F"),
            ("71".to_owned(), Content::Parts(vec![text("86", "8424000008"), text("9F18", "00000001")])),
        ],
        Composite::Positional(parts) | Composite::Bitmapped { parts, .. } | Composite::Tlv { parts, .. } => {
            known(parts)
        }
    })
}

fn content(spec: &FieldSpec, size: Size) -> Content {
    if let Some(composite) = spec.composite.as_deref() {
        let content = parts(composite, size);
        if composite::write(spec, &content).is_ok_and(|value| fits(spec, value.len())) {
            return content;
        }
    }
    let value = plain(spec, size);
    Content::Text(match spec.is_binary() {
        true => value.iter().map(|byte| format!("{byte:02X}")).collect(),
        false => String::from_utf8_lossy(&value).into_owned(),
    })
}

fn plain(spec: &FieldSpec, size: Size) -> Vec<u8> {
    let hex = matches!(spec.encoding, Encoding::Hex(_));
    let units = match spec.length {
        Length::Fixed(units) => usize::from(units),
        Length::Variable { max } => (max as usize).min(match size {
            Size::Empty => 0,
            Size::Usual if spec.class == Class::N || spec.class == Class::Z => PAN.len(),
            Size::Usual => 6,
            Size::Long => 100,
        }),
        Length::Rest => 4,
    };
    let mut length = if hex { units / 2 } else { units };
    if only_even(spec) && matches!(spec.length, Length::Variable { .. }) {
        length -= length % 2;
    }
    let pattern: &[u8] = match spec.class {
        Class::N | Class::Ns | Class::H => PAN.as_bytes(),
        // The separator comes out as the dialect writes it; without one it is D in packed digits.
        Class::Z if length > PAN.len() => b"4000001234567899D2812201123456789012",
        Class::Z => PAN.as_bytes(),
        Class::Xn => b"C00001250",
        Class::A | Class::As => b"ABCxyz",
        Class::An | Class::Ans | Class::Any => b"A1b2 C3",
        Class::B => b"\x9F\x26\x01\x00",
    };
    let mut value: Vec<u8> = pattern.iter().copied().cycle().take(length).collect();
    if let (Class::Xn, [_, digits @ ..]) = (spec.class, &mut value[..]) {
        digits.fill(b'1');
    }
    value
}
