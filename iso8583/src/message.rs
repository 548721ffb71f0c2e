use crate::bitmap::Numbers;
use crate::body;
use crate::dialect::{Dialect, FieldSpec};
use crate::{Bitmap, Header, Mti, Value};
use std::fmt;
use std::ops::Range;

/// A message that was read from a frame and points into it. Every field was found and checked.
#[derive(Clone)]
pub struct Message<'a> {
    pub(crate) frame: &'a [u8],
    pub(crate) dialect: &'a Dialect,
    pub(crate) mti: Mti,
    pub(crate) header_length: u8,
    /// Byte at which the first field begins.
    pub(crate) fields_start: u16,
    /// Byte behind the last field.
    pub(crate) fields_end: u16,
    pub(crate) bitmap: Bitmap,
    /// Byte of the frame at which a field begins, its length prefix included. Half the size of a table
    /// that holds the ends as well: a field ends where the next one begins. Entry 65 may be that of a
    /// third bitmap.
    pub(crate) starts: [[u16; 64]; 3],
}

impl<'a> Message<'a> {
    #[inline(always)]
    pub(crate) fn empty(frame: &'a [u8], dialect: &'a Dialect) -> Message<'a> {
        Message {
            frame,
            dialect,
            mti: Mti::NETWORK_REQUEST,
            header_length: 0,
            fields_start: 0,
            fields_end: 0,
            bitmap: Bitmap::EMPTY,
            starts: [[0; 64]; 3],
        }
    }

    /// The message type.
    #[must_use]
    pub fn mti(&self) -> Mti {
        self.mti
    }

    /// Bytes before the MTI: a TPDU, or nothing.
    #[must_use]
    pub fn header(&self) -> &'a [u8] {
        &self.frame[..usize::from(self.header_length)]
    }

    /// The header for the answer: a TPDU with its addresses swapped.
    #[must_use]
    pub fn response_header(&self) -> Header {
        self.dialect.header.answering(self.header())
    }

    /// All bytes of the message.
    #[must_use]
    pub fn frame(&self) -> &'a [u8] {
        self.frame
    }

    /// The dialect it was read with.
    #[must_use]
    pub fn dialect(&self) -> &'a Dialect {
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
        let prefix = self.dialect.plan.row(field).prefix;
        self.wire(field)?.get(usize::from(prefix)..)
    }

    /// The decoded value of a field. Allocates only when it has to be decoded and is longer than
    /// [`Value::INLINE`]; [`Message::decode_into`] never does into a buffer that is large enough.
    #[must_use]
    #[inline]
    pub fn value(&self, field: u8) -> Option<Value<'a>> {
        if self.dialect.plan.row(field).is_plain() {
            return self.raw(field).map(Value::borrowed);
        }
        self.body(field).map(|(spec, body, units)| body::decode(spec, body, units))
    }

    /// Appends the decoded value of a field to a buffer, or answers `false` when it is absent.
    #[inline]
    pub fn decode_into(&self, field: u8, out: &mut Vec<u8>) -> bool {
        match self.body(field) {
            Some((spec, body, units)) => {
                body::decode_into(spec, body, units, out);
                true
            }
            None => false,
        }
    }

    /// The value of a field of 1 to 19 digits as a number.
    #[must_use]
    pub fn number(&self, field: u8) -> Option<u64> {
        self.value(field)?.number()
    }

    /// All data elements with their decoded values, ascending.
    pub fn fields(&self) -> impl Iterator<Item = (u8, Value<'a>)> {
        let mut rest = self.bitmap.fields();
        let field = rest.next();
        let third_bitmap = self.start(65) != 0 && !self.has(65);
        Fields { message: self, field, rest, third_bitmap }
    }

    /// Byte of the frame at which a field begins, its length prefix included.
    #[must_use]
    pub fn offset(&self, field: u8) -> Option<usize> {
        self.has(field).then(|| self.start(field))
    }

    /// A field as it is on the wire, its length prefix included.
    #[must_use]
    #[inline]
    pub fn wire(&self, field: u8) -> Option<&'a [u8]> {
        if !self.bitmap.has(field) {
            return None;
        }
        self.frame.get(self.start(field)..self.end_of(field))
    }

    /// Byte at which MTI, bitmaps and fields begin.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let mti = usize::from(self.header_length);
        Layout { mti, bitmaps: mti + self.dialect.mti.mti_width(), fields: usize::from(self.fields_start) }
    }

    /// Where a field lies that is present, its length prefix included.
    #[inline]
    pub(crate) fn place(&self, field: u8) -> Range<usize> {
        self.start(field)..self.end_of(field)
    }

    /// Byte behind a field that is present: where the next one begins.
    #[inline]
    fn end_of(&self, field: u8) -> usize {
        let third_bitmap = || field < 65 && !self.has(65) && self.start(65) != 0;
        match self.bitmap.next_above(field) {
            Some(next) if next > 65 && third_bitmap() => self.start(65),
            None if third_bitmap() => self.start(65),
            Some(next) => self.start(next),
            None => usize::from(self.fields_end),
        }
    }

    /// Byte at which a field begins that is present.
    #[inline]
    fn start(&self, field: u8) -> usize {
        let index = usize::from(field.wrapping_sub(1));
        usize::from(self.starts.as_flattened().get(index).copied().unwrap_or_default())
    }

    /// Notes where a field begins.
    pub(crate) fn set_start(&mut self, field: u8, start: usize) {
        let index = usize::from(field.wrapping_sub(1));
        if let Some(slot) = self.starts.as_flattened_mut().get_mut(index) {
            *slot = start as u16;
        }
    }

    /// Specification, bytes and units of a field that is present.
    #[inline]
    fn body(&self, field: u8) -> Option<(&'a FieldSpec, &'a [u8], usize)> {
        let spec = self.dialect.field(field)?;
        let wire = self.wire(field)?;
        // It was measured and checked before, so measuring it again succeeds.
        let extent = body::measure(spec, wire).ok()?;
        Some((spec, wire.get(extent.prefix..)?, extent.units))
    }
}

/// Goes through the fields with the number of the next one at hand, which says where each one ends.
struct Fields<'m, 'a> {
    message: &'m Message<'a>,
    field: Option<u8>,
    rest: Numbers,
    /// Whether a third bitmap lies between fields.
    third_bitmap: bool,
}

impl<'a> Iterator for Fields<'_, 'a> {
    type Item = (u8, Value<'a>);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let field = self.field?;
        self.field = self.rest.next();
        let message = self.message;
        let row = message.dialect.plan.row(field);
        if !row.is_plain() || self.third_bitmap {
            return Some((field, message.value(field)?));
        }
        let end = match self.field {
            Some(next) => message.start(next),
            None => usize::from(message.fields_end),
        };
        let body = message.frame.get(message.start(field) + usize::from(row.prefix)..end)?;
        Some((field, Value::borrowed(body)))
    }
}

/// Where the parts of a frame begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The message type, behind the header.
    pub mti: usize,
    /// The first bitmap.
    pub bitmaps: usize,
    /// The first data element.
    pub fields: usize,
}

/// Type and numbers of the data elements, no values: `Message(0200 [2, 3, 4])`.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} {:?})", self.mti, self.bitmap)
    }
}
