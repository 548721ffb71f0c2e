//! Objects of chip data, in themselves and beside the data elements that they repeat.

use super::values::currency;
use super::{Findings, Severity};
use crate::dialect::PartKey;
use crate::dump::{Show, walk_parts};
use crate::emv::tag;
use crate::{Class, Message, field, meaning};
use card::Currency;

/// Tags that may stand several times: a card takes several scripts, and a script several commands.
const REPEATED: [u32; 3] = [tag::SCRIPT_1, tag::SCRIPT_2, tag::SCRIPT_COMMAND];

/// An object of chip data, with the data element it stands in and the steps to it.
pub(super) struct Object {
    pub(super) field: u8,
    pub(super) path: Vec<PartKey>,
    pub(super) tag: u32,
    pub(super) value: Vec<u8>,
}

/// All objects of chip data, wherever they stand.
pub(super) fn objects(message: &Message<'_>) -> Vec<Object> {
    let mut objects = Vec::new();
    for field in message.bitmap().fields() {
        walk_parts(message, field, Show::Unmasked, |path, found| {
            let Ok(found) = found else { return };
            if let Some(tag) = found.part.emv_tag() {
                objects.push(Object { field, path: path.to_vec(), tag, value: found.part.value().to_vec() });
            }
        });
    }
    objects
}

pub(super) fn check(message: &Message<'_>, objects: &[Object], findings: &mut Findings) {
    for (index, object) in objects.iter().enumerate() {
        let before = objects.get(..index).unwrap_or_default();
        let again = before.iter().any(|other| other.field == object.field && other.path == object.path);
        // Within two templates of one tag the same may stand in each.
        if again && !object.path.iter().any(is_repeated) {
            findings.tell(Severity::Warning, object.field, &object.path, "the tag stands twice");
        }
        if let Some(text) = odd_value(message, object) {
            findings.tell(Severity::Warning, object.field, &object.path, text);
        }
    }
}

fn is_repeated(key: &PartKey) -> bool {
    matches!(key, PartKey::Hex { tag, .. } if REPEATED.contains(tag))
}

fn odd_value(message: &Message<'_>, object: &Object) -> Option<&'static str> {
    let value = object.value.as_slice();
    match (object.tag, value.len()) {
        (tag::DATE, 3) if meaning::of_tag(tag::DATE, value).is_none() => Some("no such date"),
        (tag::TIME, 3) if meaning::of_tag(tag::TIME, value).is_none() => Some("no such time"),
        (tag::CURRENCY, 2) => {
            let Some(chip) = packed_currency(value) else { return Some("no currency of ISO 4217") };
            let other = currency(&of_message(message, field::CURRENCY)?)?;
            (other != chip).then_some("another currency than DE 49")
        }
        (tag::AMOUNT, 6) => {
            let other = of_message(message, field::AMOUNT).filter(|digits| digits.len() == 12)?;
            (other != crate::hex_text::write(value).as_bytes()).then_some("another amount than DE 4")
        }
        _ => None,
    }
}

/// The value of a data element in the editions that use it for the same. DE 4 and 49 of 2003 are not
/// what they were.
fn of_message(message: &Message<'_>, field: u8) -> Option<Vec<u8>> {
    let spec = message.dialect().field(field)?;
    let plain =
        spec.composite.is_none() && spec.class != Class::B && message.dialect().edition().year() < 2003;
    message.value(field).filter(|_| plain).map(|value| value.to_vec())
}

fn packed_currency(value: &[u8]) -> Option<Currency> {
    let digits = crate::hex_text::write(value);
    Currency::from_numeric(digits.parse().ok()?).ok()
}
