//! DE 55: chip data by itself, or in a data set, as the dialect says.

use super::Refusal;
use iso8583::composite::{self, Content};
use iso8583::{Composite, Dialect, Message, Part, PartKey, field};
use std::borrow::Cow;

/// The objects within a value of DE 55; `None` where its data sets hold no chip data.
pub(super) fn objects<'v>(message: &Message<'_>, value: &'v [u8]) -> Result<Option<&'v [u8]>, Refusal> {
    let Some(sets) = data_sets(message.dialect()) else { return Ok(Some(value)) };
    for set in composite::parts(sets, value) {
        let set = set.map_err(|_| Refusal::illegal(field::ICC, "its data sets do not hold together"))?;
        if matches!(set.composite(), Some(Composite::BerTlv)) {
            return Ok(Some(set.wire()));
        }
    }
    Ok(None)
}

/// The value of DE 55 that holds these objects.
pub(super) fn value<'o>(dialect: &Dialect, objects: &'o [u8]) -> Cow<'o, [u8]> {
    let set = data_sets(dialect).and_then(of_chip).zip(dialect.field(field::ICC));
    let Some((key, spec)) = set else { return Cow::Borrowed(objects) };
    let content = Content::Parts(vec![(key.to_string(), Content::Text(hex::encode_upper(objects)))]);
    // What does not fit is for the writer of the message to refuse.
    composite::write(spec, &content).map_or(Cow::Borrowed(objects), Cow::Owned)
}

/// The data sets that the dialect has in DE 55; `None` where it is chip data by itself.
fn data_sets(dialect: &Dialect) -> Option<&Composite> {
    let composite = dialect.field(field::ICC)?.composite.as_deref()?;
    (!matches!(composite, Composite::BerTlv)).then_some(composite)
}

/// What names the data set of chip data.
fn of_chip(sets: &Composite) -> Option<PartKey> {
    let (Composite::Tlv { parts, .. } | Composite::Positional(parts) | Composite::Bitmapped { parts, .. }) =
        sets
    else {
        return None;
    };
    let of_chip = |part: &&Part| matches!(part.spec.composite.as_deref(), Some(Composite::BerTlv));
    parts.iter().find(of_chip).map(|part| part.key)
}
