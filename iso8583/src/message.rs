use crate::body;
use crate::dialect::{Dialect, FieldSpec};
use crate::{Bitmap, Header, Mti, Value};
use std::fmt;

/// A message that was read from a frame and points into it. Every field was found and checked.
#[derive(Clone)]
pub struct Message<'a> {
    pub(crate) frame: &'a [u8],
    pub(crate) dialect: &'static Dialect,
    pub(crate) mti: Mti,
    pub(crate) bitmap: Bitmap,
    pub(crate) spans: [Span; Dialect::FIELDS],
}

/// Where the body of a field lies.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    /// Byte of the frame at which the body begins, after its length prefix.
    pub(crate) start: u16,
    /// Its length in units of the field's encoding.
    pub(crate) units: u16,
}

impl Span {
    pub(crate) const EMPTY: Span = Span { start: 0, units: 0 };
}

impl<'a> Message<'a> {
    /// The message type.
    #[must_use]
    pub fn mti(&self) -> Mti {
        self.mti
    }

    /// Bytes before the MTI: a TPDU, or nothing.
    #[must_use]
    pub fn header(&self) -> &'a [u8] {
        &self.frame[..self.dialect.header.length()]
    }

    /// The header for the answer: a TPDU with its addresses swapped.
    #[must_use]
    pub fn response_header(&self) -> Header {
        Header::answering(self.dialect.header, self.header())
    }

    /// All bytes of the message.
    #[must_use]
    pub fn frame(&self) -> &'a [u8] {
        self.frame
    }

    /// The dialect it was read with.
    #[must_use]
    pub fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    /// Which data elements are present.
    #[must_use]
    pub fn bitmap(&self) -> Bitmap {
        self.bitmap
    }

    /// Whether data element `field` is present.
    #[must_use]
    pub fn has(&self, field: u8) -> bool {
        self.bitmap.has(field)
    }

    /// The body of a field as it is on the wire, without its length prefix.
    #[must_use]
    #[inline]
    pub fn raw(&self, field: u8) -> Option<&'a [u8]> {
        self.body(field).map(|(_, body, _)| body)
    }

    /// The decoded value of a field.
    #[must_use]
    #[inline]
    pub fn value(&self, field: u8) -> Option<Value<'a>> {
        self.body(field).map(|(spec, body, units)| body::decode(spec, body, units))
    }

    /// The value of a field of 1 to 19 digits as a number.
    #[must_use]
    pub fn number(&self, field: u8) -> Option<u64> {
        self.value(field)?.number()
    }

    /// All data elements with their decoded values, ascending.
    pub fn fields(&self) -> impl Iterator<Item = (u8, Value<'a>)> {
        Fields { message: self, numbers: self.bitmap.fields() }
    }

    /// Byte of the frame at which a field begins, its length prefix included.
    #[must_use]
    pub fn offset(&self, field: u8) -> Option<usize> {
        let (spec, _, _) = self.body(field)?;
        Some(usize::from(self.spans[usize::from(field)].start) - spec.prefix_width(self.dialect.lengths))
    }

    /// Specification, bytes and units of a field that is present.
    #[inline]
    pub(crate) fn body(&self, field: u8) -> Option<(&'static FieldSpec, &'a [u8], usize)> {
        if !self.bitmap.has(field) {
            return None;
        }
        let spec = self.dialect.field(field)?;
        let span = self.spans[usize::from(field)];
        let (start, units) = (usize::from(span.start), usize::from(span.units));
        Some((spec, &self.frame[start..start + spec.wire_length(units)], units))
    }
}

/// A `filter_map` would say the same, and move each value, which is large, several times.
struct Fields<'m, 'a, Numbers> {
    message: &'m Message<'a>,
    numbers: Numbers,
}

impl<'a, Numbers: Iterator<Item = u8>> Iterator for Fields<'_, 'a, Numbers> {
    type Item = (u8, Value<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let field = self.numbers.next()?;
        let value = self.message.value(field)?;
        Some((field, value))
    }
}

/// Type and numbers of the data elements, no values: `Message(0200 [2, 3, 4])`.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} {:?})", self.mti, self.bitmap)
    }
}
