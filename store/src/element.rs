//! The stored form of a piece of a snapshot: its postcard encoding. The version stands in the snapshot's header.

use crate::{Rejected, stored_form};
use auth::Element;

/// Version of the stored form. A change of [`Element`] that is more than a new variant at the end needs a
/// new number and a reader for this one: where old segments of the journal are retired, nothing else has what a
/// snapshot says. Versions 1 and 2 were never released.
pub(crate) const ELEMENT_VERSION: u32 = 3;

/// Appends the stored form. It may hold a clear PAN, so it may only go where it is sealed.
pub(crate) fn encode(element: &Element, out: &mut Vec<u8>) {
    stored_form::append(element, out);
}

/// Reads what [`encode`] wrote.
pub(crate) fn decode(bytes: &[u8]) -> Result<Element, Rejected> {
    match postcard::take_from_bytes(bytes) {
        Ok((element, [])) => Ok(element),
        Ok(_) => Err(Rejected("an element of a snapshot has bytes left over")),
        Err(_) => Err(Rejected("an element of a snapshot cannot be read")),
    }
}
