//! Stars in place of what must not be seen. Every result has as many characters as the clear text.

use crate::composite::{self, PartView};
use crate::dialect::{Composite, FieldSpec, PartKey, Sensitivity};
use crate::emv::{self, is_constructed};
use crate::hex_text;
use card::Pan;

/// Templates within templates; real messages nest scripts once.
const DEEPEST_TEMPLATE: usize = 4;

/// The value of a data element or part, masked as its specification says.
pub(super) fn value(spec: &FieldSpec, value: &[u8]) -> String {
    match spec.sensitivity {
        Sensitivity::Pan => pan(value),
        Sensitivity::Track => track(value),
        Sensitivity::Chip if is_emv(spec) => chip(value),
        Sensitivity::Chip | Sensitivity::Secret => stars(characters(spec.is_binary(), value)),
        Sensitivity::Open => {
            // Stars first: making text of bytes that are none would move what stands behind them.
            let mut text =
                if spec.is_binary() { hex_text::write(value).into_bytes() } else { value.to_vec() };
            if let Some(composite) = spec.composite.as_deref().filter(|composite| composite.hides()) {
                star_parts(composite, value, spec.is_binary(), &mut text);
            }
            String::from_utf8_lossy(&text).into_owned()
        }
    }
}

/// The value of a part, masked as its specification or its tag says. What the dialect does not know
/// is hidden where `hides` says so.
pub(super) fn part(part: &PartView<'_, '_>, hides: bool) -> String {
    if let Some(spec) = part.spec {
        return value(spec, &part.value());
    }
    let binary = matches!(part.key, PartKey::Hex { .. });
    let sensitive = matches!(part.key, PartKey::Hex { tag, .. } if emv::tag::is_sensitive(tag));
    match part.emv_tag() {
        _ if hides || sensitive => stars(characters(binary, part.wire())),
        Some(tag) if is_constructed(tag) => chip(part.wire()),
        _ => super::clear(binary, part.wire()),
    }
}

/// Whether a value is EMV objects and nothing else.
fn is_emv(spec: &FieldSpec) -> bool {
    spec.is_binary() && matches!(spec.composite.as_deref(), None | Some(Composite::BerTlv))
}

/// Characters of a value as text.
fn characters(binary: bool, value: &[u8]) -> usize {
    if binary { value.len() * 2 } else { String::from_utf8_lossy(value).chars().count() }
}

impl FieldSpec {
    /// Whether parts of it are hidden that the dialect does not know.
    pub(crate) fn hides_unknown(&self) -> bool {
        match self.sensitivity {
            Sensitivity::Open => false,
            Sensitivity::Chip => !is_emv(self),
            Sensitivity::Pan | Sensitivity::Track | Sensitivity::Secret => true,
        }
    }
}

impl Composite {
    /// Whether a part of it must not be seen.
    pub(crate) fn hides(&self) -> bool {
        let parts = match self {
            Composite::BerTlv => return true,
            Composite::Positional(parts)
            | Composite::Bitmapped { parts, .. }
            | Composite::Tlv { parts, .. } => parts,
        };
        parts.iter().any(|part| {
            part.spec.sensitivity != Sensitivity::Open
                || part.spec.composite.as_deref().is_some_and(Composite::hides)
        })
    }
}

/// Stars over the parts that must not be seen; over everything when the parts cannot be told.
fn star_parts(composite: &Composite, value: &[u8], binary: bool, text: &mut [u8]) {
    let scale = if binary { 2 } else { 1 };
    let hidden = |part: &PartView<'_, '_>| match part.spec {
        Some(spec) => {
            spec.sensitivity != Sensitivity::Open || spec.composite.as_deref().is_some_and(Composite::hides)
        }
        None => matches!(composite, Composite::BerTlv),
    };
    for part in composite::parts(composite, value) {
        let place = match part {
            Ok(part) if hidden(&part) => part.offset * scale..(part.offset + part.wire().len()) * scale,
            Ok(_) => continue,
            Err(_) => 0..text.len(),
        };
        if let Some(place) = text.get_mut(place) {
            place.fill(b'*');
        }
    }
}

/// A card number as `card` masks it everywhere; what is no card number only as stars.
pub(crate) fn pan(value: &[u8]) -> String {
    match Pan::parse(value) {
        Ok(pan) => pan.to_string(),
        Err(_) => stars(characters(false, value)),
    }
}

/// The card number of a track masked as one, everything behind it starred. Digits without a
/// separator are too many for a card number, so all of them are.
pub(crate) fn track(value: &[u8]) -> String {
    let is_mark = |byte: &&u8| matches!(byte, b'%' | b';' | b'B');
    let (marks, rest) = value.split_at(value.iter().take_while(is_mark).count().min(2));
    let (digits, rest) = rest.split_at(rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let marks: String = marks.iter().copied().map(char::from).collect();
    marks + &pan(digits) + &stars(characters(false, rest))
}

/// Chip data in hexadecimal with the values of sensitive tags starred. What cannot be read as TLV
/// may be anything and is starred whole.
fn chip(value: &[u8]) -> String {
    let mut text = hex_text::write(value).into_bytes();
    star_objects(value, &mut text, DEEPEST_TEMPLATE);
    text.into_iter().map(char::from).collect()
}

fn star_objects(value: &[u8], text: &mut [u8], depth: usize) {
    if depth == 0 || emv::tlv(value).any(|object| object.is_err()) {
        text.fill(b'*');
        return;
    }
    for object in emv::tlv(value).flatten() {
        let place = &mut text[object.offset * 2..(object.offset + object.value.len()) * 2];
        if emv::tag::is_sensitive(object.tag) {
            place.fill(b'*');
        } else if is_constructed(object.tag) {
            star_objects(object.value, place, depth - 1);
        }
    }
}

fn stars(count: usize) -> String {
    "*".repeat(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers() {
        let check = |clear: &str, expect: &str| assert_eq!(pan(clear.as_bytes()), expect);
        check("4000001234567899", "400000******7899");
        check("4000001234567", "400000***4567");
        check("400000123456", "********3456");
        check("40000012", "********");
        check("ACCOUNT 4000001", "***************");
        check("40000012345678990000", "********************");
        check("", "");
    }

    #[test]
    fn tracks() {
        let check = |clear: &str, expect: &str| assert_eq!(track(clear.as_bytes()), expect);
        check("4000001234567899=2812201", "400000******7899********");
        check(";4000001234567899=2812?", ";400000******7899******");
        check("%B4000001234567899^DOE/J^2812", "%B400000******7899***********");
        check("014000001234567899=123", "014000********7899****");
        check("4000001234567899281220112345", "****************************");
        check("NO TRACK", "********");
        check("", "");
    }

    #[test]
    fn chips() {
        let check = |clear: &str, expect: &str| {
            let shown = chip(&hex::decode(clear).unwrap());
            assert_eq!(shown.replace('*', "."), expect);
        };
        check("5A0440000012950180", "5A04........950180");
        check("005A01409F6B01FF00", "005A01..9F6B01..00");
        check("70055A034000009500", "70055A03......9500");
        check("71068604842400009500", "71068604........9500");
        check("5A08400000", "..........");
        check("70035A0340", "7003......");
        // Deeper than any real message: not looked into, so not shown.
        check("700A70087006700470029500", "700A700870067004........");
    }
}
