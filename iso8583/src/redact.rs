//! A message without its card data, to be kept as a test message or sent to somebody else.
//!
//! Of a card number the first six and last four digits stay, as in a masked dump, and the digits
//! between become 0, so its check digit no longer fits. Of everything else that a dump hides all
//! digits become 0, all letters X and all binary 00: tracks, PIN blocks, keys, private data, sensitive
//! tags of chip data. What a dump shows stays byte by byte, message authentication codes among it,
//! which no longer fit either. All lengths stay, so the message is one of its dialect as before.
//!
//! ```
//! use iso8583::redact::redact;
//! use iso8583::{Dialect, parse};
//! let dialect = Dialect::by_name("iso87_ascii").unwrap();
//! let message = parse(b"02005000000000000000164000001234567899000000001250", dialect).unwrap();
//! assert_eq!(redact(&message), b"02005000000000000000164000000000007899000000001250");
//! ```

mod wire;

use crate::composite::{self, DEEPEST, PartView};
use crate::dialect::{Composite, FieldSpec, Sensitivity};
use crate::dump::{Inner, Show, mask, part_text};
use crate::emv::tag;
use crate::{Class, Message, body};

/// The message with its card data replaced. Done twice it is the same.
#[must_use]
pub fn redact(message: &Message<'_>) -> Vec<u8> {
    let mut out = message.frame().to_vec();
    for field in message.bitmap().fields() {
        let (Some(spec), Some(start), Some(wire)) =
            (message.dialect().field(field), message.offset(field), message.wire(field))
        else {
            continue;
        };
        // The parser measured it before.
        let Ok(extent) = body::measure(spec, wire) else { continue };
        let body = start + extent.prefix..start + extent.prefix + extent.wire;
        if let Some(bytes) = out.get_mut(body) {
            element(spec, bytes, extent.units, DEEPEST);
        }
    }
    out
}

/// Replaces what is hidden of a data element or part, in its bytes as they are written.
fn element(spec: &FieldSpec, bytes: &mut [u8], units: usize, depth: usize) {
    let composite = spec.composite.as_deref();
    if spec.sensitivity == Sensitivity::Open && composite.is_none_or(|composite| !composite.hides()) {
        return;
    }
    let value = body::decode(spec, bytes, units).to_vec();
    if !spec.is_binary() && !value.is_ascii() {
        // One character is not one byte here, so neither parts nor a card number have a place.
        return wire::hide_text(spec, bytes);
    }
    let mut redacted = value.clone();
    match Inner::of(spec) {
        Some(inner) if is_readable(inner.composite, &value) => parts(inner, &mut redacted, depth),
        Some(_) => hide(spec.is_binary(), Some(spec.class), &mut redacted),
        None => whole(spec, &mut redacted),
    }
    wire::overlay(spec, bytes, units, &value, &redacted);
}

/// Replaces what is hidden of the parts of a decoded value.
fn parts(inner: Inner<'_>, value: &mut [u8], depth: usize) {
    let original = value.to_vec();
    for part in composite::parts(inner.composite, &original).flatten() {
        let place = part.offset..part.offset + part.wire().len();
        let Some(bytes) = value.get_mut(place) else { continue };
        match (part.spec, depth.checked_sub(1)) {
            (Some(spec), Some(depth)) => element(spec, bytes, part.units(), depth),
            (None, Some(depth)) => unknown(&part, inner.hides, bytes, depth),
            // Nothing that was read goes this deep.
            (spec, None) => hide(part.is_binary(), spec.map(|spec| spec.class), bytes),
        }
    }
}

/// Replaces what is hidden of a part that the dialect does not know: chip data, mostly.
fn unknown(part: &PartView<'_, '_>, hides: bool, bytes: &mut [u8], depth: usize) {
    if let Some(composite) = part.composite() {
        match is_readable(composite, part.wire()) {
            true => parts(Inner { composite, hides }, bytes, depth),
            false => hide(true, None, bytes),
        }
        return;
    }
    match part.emv_tag() {
        Some(tag::PAN) if !hides => wire::hide_packed(bytes, mask::pan),
        Some(tag::TRACK_2_EQUIVALENT | tag::TRACK_2_CONTACTLESS) if !hides => {
            wire::hide_packed(bytes, mask::track);
        }
        _ if part_text(part, Show::Masked, hides) != part_text(part, Show::Unmasked, hides) => {
            hide(part.is_binary(), None, bytes);
        }
        _ => {}
    }
}

/// Replaces what is hidden of a decoded value without parts.
fn whole(spec: &FieldSpec, value: &mut [u8]) {
    let binary = spec.is_binary();
    match spec.sensitivity {
        Sensitivity::Pan if !binary => wire::hide_stars(value, &mask::pan(value), spec.class),
        Sensitivity::Track if !binary => wire::hide_stars(value, &mask::track(value), spec.class),
        Sensitivity::Chip if binary && is_readable(&Composite::BerTlv, value) => {
            parts(Inner { composite: &Composite::BerTlv, hides: false }, value, DEEPEST);
        }
        _ => hide(binary, Some(spec.class), value),
    }
}

fn hide(binary: bool, class: Option<Class>, bytes: &mut [u8]) {
    if binary {
        return bytes.fill(0);
    }
    // The sign of an amount says nothing, and nothing else may stand there.
    let sign = usize::from(class == Some(Class::Xn));
    for byte in bytes.iter_mut().skip(sign) {
        *byte = wire::hidden(*byte, class);
    }
}

fn is_readable(composite: &Composite, value: &[u8]) -> bool {
    composite::parts(composite, value).all(|part| part.is_ok())
}

#[cfg(test)]
mod tests;
