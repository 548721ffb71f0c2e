use crate::dialect::{BitmapEncoding, Dialect, Length, NumberEncoding, Secondary, Tertiary};
use crate::plan::{Plan, Row, Shape};
use crate::{Bitmap, Charset, Class, EncodeError, EncodeErrorKind, Message, Mti, body, hex_text};
use checked_copy::Verdict;
use std::mem;
use std::ops::Deref;

mod checked_copy;

/// Room made at a time behind what is written.
const ROOM: usize = 512;

/// Writes one message at the end of a reused buffer, field by field in ascending order.
///
/// A field out of order or repeated is an error and not written. A writer that is dropped without
/// [`MessageWriter::finish`] takes everything back, so that half a message is never sent.
#[must_use = "only `finish` completes the message"]
pub struct MessageWriter<'a> {
    /// The buffer, with room behind what is written.
    out: &'a mut Vec<u8>,
    /// Where what is written ends.
    end: usize,
    dialect: &'a Dialect,
    bitmap: Bitmap,
    /// Length of the buffer before this message; it is cut back to here without `finish`.
    start: usize,
    bitmap_start: usize,
    /// Where the first field above 64 begins, once there is one.
    upper_start: Option<usize>,
    last_field: u8,
    finished: bool,
    /// The request that is answered, and the fields of it that are still to be repeated.
    request: Option<&'a Message<'a>>,
    echo: Bitmap,
}

impl<'a> MessageWriter<'a> {
    /// Begins a message after what `out` already holds (a length header, say). An empty `header`
    /// stands for the default of the dialect, where it has one.
    ///
    /// # Errors
    /// When `header` is not one of the dialect.
    #[inline]
    pub fn begin(
        out: &'a mut Vec<u8>,
        dialect: &'a Dialect,
        header: &[u8],
        mti: Mti,
    ) -> Result<MessageWriter<'a>, EncodeError> {
        let header = if header.is_empty() { &dialect.header.default } else { header };
        if !dialect.header.allows(header) {
            return Err(EncodeError { field: 0, kind: EncodeErrorKind::NotAHeader });
        }
        let start = out.len();
        let mti_start = start + header.len();
        let bitmap_start = mti_start + dialect.mti.mti_width();
        let bitmaps = if dialect.bitmap.secondary == Secondary::ByBit1 { 1 } else { 2 };
        let end = bitmap_start + bitmaps * dialect.bitmap.encoding.width();
        out.resize(end + ROOM, 0);
        out[start..mti_start].copy_from_slice(header);
        let place = &mut out[mti_start..bitmap_start];
        match dialect.mti {
            NumberEncoding::Ascii => place.copy_from_slice(&mti.to_ascii()),
            NumberEncoding::Ebcdic => {
                place.copy_from_slice(&mti.to_ascii());
                to_ebcdic(place);
            }
            NumberEncoding::Bcd => place.copy_from_slice(&mti.to_bcd()),
        }
        Ok(MessageWriter {
            out,
            end,
            dialect,
            bitmap: Bitmap::EMPTY,
            start,
            bitmap_start,
            upper_start: None,
            last_field: 0,
            finished: false,
            request: None,
            echo: Bitmap::EMPTY,
        })
    }

    /// Begins the response to a request, in its dialect: its header with source and destination
    /// exchanged, the type that answers it, and the fields that the dialect's rules repeat. These are
    /// copied as they came, each before the first field written that is above it.
    ///
    /// # Errors
    /// As [`MessageWriter::begin`].
    pub fn respond(out: &'a mut Vec<u8>, request: &'a Message<'a>) -> Result<MessageWriter<'a>, EncodeError> {
        let header = request.response_header();
        let mut writer = MessageWriter::begin(out, request.dialect(), &header, request.mti().response())?;
        writer.echo = request.dialect().rules.echo(request.mti()).and(request.bitmap());
        writer.request = Some(request);
        Ok(writer)
    }

    /// Writes a field from its decoded value: UTF-8, or raw bytes of a binary element. In a response
    /// it takes the place of what would be repeated.
    ///
    /// # Errors
    /// When the dialect lacks the field, it is not above the one written last, or its value has the
    /// wrong length or a character outside its class: nothing of it is written then.
    pub fn field(&mut self, field: u8, value: &[u8]) -> Result<(), EncodeError> {
        self.fields([(field, value)])
    }

    /// Writes several fields, ascending: those of a whole message, for example
    /// [`Message::fields`] of one in another dialect.
    ///
    /// # Errors
    /// As [`MessageWriter::field`]; the fields before the one at fault are written.
    #[inline(never)]
    pub fn fields<V: Deref<Target = [u8]>>(
        &mut self,
        fields: impl IntoIterator<Item = (u8, V)>,
    ) -> Result<(), EncodeError> {
        let mut fields = fields.into_iter();
        loop {
            let rows = self.usual_rows();
            // What changes with each field stays in registers as long as fields are of the usual kind.
            let (mut last, mut bits, mut verdict) = (self.last_field, 0u64, Verdict::FINE);
            let mut rest = &mut self.out[self.end..];
            let (room, other) = loop {
                let room = rest.len();
                let Some((field, value)) = fields.next() else { break (room, None) };
                let row = &rows[usize::from(field)];
                if field > last
                    && let Some(behind) = put(row, &value, mem::take(&mut rest), &mut verdict)
                {
                    rest = behind;
                    bits |= 1 << (field % 64);
                    last = field;
                    continue;
                }
                break (room, Some((field, value)));
            };
            self.catch_up(self.out.len() - room, bits.rotate_right(1), verdict)?;
            let Some((field, value)) = other else { return Ok(()) };
            self.field_by_spec(field, &value)?;
        }
    }

    /// Notes what the loop over usual fields has kept to itself.
    #[inline]
    fn catch_up(&mut self, end: usize, bits: u64, verdict: Verdict) -> Result<(), EncodeError> {
        if !verdict.is_fine() {
            return Err(self.take_back(end, bits));
        }
        self.end = end;
        self.last_field = self.last_field.max(64 - bits.leading_zeros() as u8);
        self.bitmap = self.bitmap.or(Bitmap::from_words([bits, 0, 0]));
        Ok(())
    }

    /// Finds the field at fault among those of the usual kind up to `end`, and takes back what was
    /// written from there on.
    #[cold]
    fn take_back(&mut self, end: usize, bits: u64) -> EncodeError {
        let mut error = EncodeError { field: self.last_field, kind: EncodeErrorKind::NotInClass(Class::Any) };
        for field in Bitmap::from_words([bits, 0, 0]).fields() {
            let Some(spec) = self.dialect.field(field) else { continue };
            error = EncodeError { field, kind: EncodeErrorKind::NotInClass(spec.class) };
            let Ok(extent) = body::measure(spec, &self.out[self.end..end]) else { break };
            let start = self.end + extent.prefix;
            let next = start + extent.wire;
            if body::check(spec, &self.out[start..next], extent.units).is_err() {
                break;
            }
            self.end = next;
            self.note(field, start);
        }
        error
    }

    /// The rows of the fields that may be written in the usual way: none in a response, where others
    /// are repeated before them, and none of the upper bitmaps, which need more than a place.
    fn usual_rows(&self) -> &'a [Row; 256] {
        let dialect: &'a Dialect = self.dialect;
        if self.request.is_some() { &Plan::NONE } else { &dialect.plan.usual }
    }

    /// Writes a field in all other ways than the usual one, and says what is wrong with one.
    #[inline(never)]
    fn field_by_spec(&mut self, field: u8, value: &[u8]) -> Result<(), EncodeError> {
        let dialect = self.dialect;
        let spec = dialect.field(field).ok_or(EncodeError { field, kind: EncodeErrorKind::NotInDialect })?;
        self.append(field, body::room(spec, value.len()), |out| body::write(spec, value, out))
    }

    /// Makes room up to `end`, and much more, so that this is rarely needed.
    #[cold]
    #[inline(never)]
    fn make_sure_of(&mut self, end: usize) {
        if self.out.len() < end {
            self.out.resize(end + ROOM, 0);
        }
    }

    /// Writes a field of fixed length from a number, with zeros in front; a field of variable length
    /// gets the digits it needs.
    ///
    /// # Errors
    /// As [`MessageWriter::field`]; a number with too many digits is a wrong length.
    pub fn number(&mut self, field: u8, number: u64) -> Result<(), EncodeError> {
        let width = match self.dialect.field(field).map(|spec| spec.length) {
            Some(Length::Fixed(fixed)) => usize::from(fixed),
            _ => 1,
        };
        let mut digits = [b'0'; 64];
        let mut first = digits.len();
        let mut rest = number;
        while rest > 0 || digits.len() - first < width.min(digits.len()) {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.field(field, &digits[first..])
    }

    /// Writes a field as `message` has it, or nothing when it is absent there. Within one dialect the
    /// bytes are copied as they are; from another the value is decoded and written anew.
    ///
    /// # Errors
    /// As [`MessageWriter::field`].
    pub fn copy(&mut self, field: u8, message: &Message<'_>) -> Result<(), EncodeError> {
        if std::ptr::eq(self.dialect, message.dialect()) {
            let Some(wire) = message.wire(field) else { return Ok(()) };
            return self.append(field, wire.len(), |out| {
                out[..wire.len()].copy_from_slice(wire);
                Ok(wire.len())
            });
        }
        match message.value(field) {
            Some(value) => self.field(field, &value),
            None => Ok(()),
        }
    }

    /// Completes the message: what is still to be repeated, then the bitmaps.
    ///
    /// # Errors
    /// When a character is outside its class, or the message has become longer than the dialect allows;
    /// all of it is taken back.
    #[inline(always)]
    pub fn finish(mut self) -> Result<(), EncodeError> {
        self.complete()
    }

    #[inline(never)]
    fn complete(&mut self) -> Result<(), EncodeError> {
        if self.request.is_some() {
            self.repeat(self.echo)?;
        }
        self.write_bitmaps();
        let length = self.end - self.start;
        if length > self.dialect.max_frame {
            let kind = EncodeErrorKind::FrameTooLong { max: self.dialect.max_frame as u32 };
            return Err(EncodeError { field: 0, kind });
        }
        if let Some(at) = self.dialect.header.total_length_at {
            let at = self.start + at;
            self.out[at..at + 2].copy_from_slice(&(length as u16).to_be_bytes());
        }
        self.finished = true;
        Ok(())
    }

    /// Runs `write` for a field that is in order; it gets so much room and answers how much it took.
    fn append(
        &mut self,
        field: u8,
        room: usize,
        write: impl FnOnce(&mut [u8]) -> Result<usize, EncodeErrorKind>,
    ) -> Result<(), EncodeError> {
        if field <= self.last_field {
            return Err(EncodeError { field, kind: EncodeErrorKind::OutOfOrder });
        }
        self.repeat_below(field)?;
        let start = self.end;
        self.make_sure_of(start + room);
        let length = write(&mut self.out[start..]).map_err(|kind| EncodeError { field, kind })?;
        self.end = start + length;
        self.note(field, start);
        self.echo.remove(field);
        Ok(())
    }

    /// Repeats the fields of the request below `field`, which itself takes the place of its own.
    fn repeat_below(&mut self, field: u8) -> Result<(), EncodeError> {
        if self.request.is_none() {
            return Ok(());
        }
        self.repeat(self.echo.below(field))
    }

    /// Copies fields of the request, neighbours there in one piece.
    fn repeat(&mut self, fields: Bitmap) -> Result<(), EncodeError> {
        let Some(request) = self.request.filter(|_| !fields.is_empty()) else { return Ok(()) };
        let frame = request.frame();
        let mut piece = 0..0;
        for field in fields.fields() {
            let place = request.place(field);
            if place.start != piece.end {
                self.put_piece(&frame[piece]);
                piece = place.start..place.start;
            }
            self.note(field, self.end + piece.len());
            piece.end = place.end;
        }
        self.put_piece(&frame[piece]);
        self.echo = self.echo.without(fields);
        Ok(())
    }

    fn put_piece(&mut self, piece: &[u8]) {
        self.make_sure_of(self.end + piece.len());
        self.out[self.end..self.end + piece.len()].copy_from_slice(piece);
        self.end += piece.len();
    }

    /// Notes that a field begins at `start` of the buffer.
    #[inline]
    fn note(&mut self, field: u8, start: usize) {
        if field > 64 && self.upper_start.is_none() {
            self.upper_start = Some(start);
        }
        self.bitmap.insert(field);
        self.last_field = field;
    }

    /// Writes the bitmaps.
    #[inline]
    fn write_bitmaps(&mut self) {
        let [mut first, second, third] = self.bitmap.words();
        let spec = self.dialect.bitmap;
        if second | third != 0 || spec.secondary != Secondary::ByBit1 {
            first |= self.write_upper_bitmaps(second, third);
        }
        let at = self.bitmap_start;
        write_bitmap(&mut self.out[at..at + spec.encoding.width()], spec.encoding, first);
    }

    /// Writes the bitmaps behind the first, and makes room for those that are not there yet: few
    /// messages have fields above 64, so most never pay for moving what was written. Returns what the
    /// first bitmap says of it.
    #[inline(never)]
    fn write_upper_bitmaps(&mut self, mut second: u64, third: u64) -> u64 {
        let spec = self.dialect.bitmap;
        let width = spec.encoding.width();
        if third != 0
            && let Tertiary::De65 { width: bytes } = spec.tertiary
        {
            let wide = width * bytes / 8;
            let at = self.upper_start.unwrap_or(self.end);
            self.make_room(at, wide);
            write_bitmap(&mut self.out[at..at + width], spec.encoding, third);
            write_bitmap(
                &mut self.out[at + wide - width..at + wide],
                spec.encoding,
                if wide > width { 0 } else { third },
            );
        }
        if third != 0 {
            second |= crate::bitmap::CONTINUES;
        }
        let at = self.bitmap_start + width;
        let first = match spec.secondary {
            Secondary::ByBit1 if second != 0 => {
                self.make_room(at, width);
                crate::bitmap::CONTINUES
            }
            Secondary::Always { set_bit_1: true } if second != 0 => crate::bitmap::CONTINUES,
            _ => 0,
        };
        if second != 0 || spec.secondary != Secondary::ByBit1 {
            write_bitmap(&mut self.out[at..at + width], spec.encoding, second);
        }
        if third != 0 && spec.tertiary == Tertiary::AfterSecondary {
            self.make_room(at + width, width);
            write_bitmap(&mut self.out[at + width..at + 2 * width], spec.encoding, third);
        }
        first
    }

    fn make_room(&mut self, at: usize, width: usize) {
        self.make_sure_of(self.end + width);
        self.out.copy_within(at..self.end, at + width);
        self.end += width;
    }
}

/// Cuts off the room behind the message, or all of it.
impl Drop for MessageWriter<'_> {
    fn drop(&mut self) {
        self.out.truncate(if self.finished { self.end } else { self.start });
    }
}

/// Writes a field of the usual kind to the front of `room`, and returns what is left of it. `None` when
/// it is of another kind or there is not enough.
#[inline(always)]
fn put<'a>(row: &Row, value: &[u8], mut room: &'a mut [u8], verdict: &mut Verdict) -> Option<&'a mut [u8]> {
    if !row.takes_exactly(value.len()) {
        if !row.takes_counted(value.len()) {
            return None;
        }
        let (prefix, behind) = room.split_at_mut_checked(usize::from(row.prefix))?;
        write_length(row.shape, value.len(), prefix);
        room = behind;
    }
    let (place, behind) = room.split_at_mut_checked(value.len())?;
    verdict.copy(value, place, row.check);
    Some(behind)
}

/// Writes a length prefix in one of the simple shapes.
#[inline]
fn write_length(shape: Shape, length: usize, out: &mut [u8]) {
    let count = length as u16;
    let digit = |value: u16| b'0' + (value % 10) as u8;
    let pair = |value: u16| ((value / 10 % 10) as u8) << 4 | (value % 10) as u8;
    match (shape, out) {
        (Shape::AsciiLl, [tens, ones, ..]) => (*tens, *ones) = (digit(count / 10), digit(count)),
        (Shape::AsciiLll, [hundreds, tens, ones, ..]) => {
            (*hundreds, *tens, *ones) = (digit(count / 100), digit(count / 10), digit(count));
        }
        (Shape::BcdLl, [one, ..]) => *one = pair(count),
        (Shape::BcdLll, [high, low, ..]) => (*high, *low) = (pair(count / 100), pair(count)),
        (Shape::BinaryLl, [one, ..]) => *one = count as u8,
        _ => {}
    }
}

/// Writes a bitmap whose first bit is the least significant.
#[inline]
fn write_bitmap(out: &mut [u8], encoding: BitmapEncoding, bits: u64) {
    let word = bits.reverse_bits();
    match encoding {
        BitmapEncoding::Binary => out.copy_from_slice(&word.to_be_bytes()),
        BitmapEncoding::Hex => out.copy_from_slice(&hex_text::from_word(word)),
        BitmapEncoding::HexEbcdic => {
            out.copy_from_slice(&hex_text::from_word(word));
            to_ebcdic(out);
        }
    }
}

/// Turns ASCII digits and letters into those of EBCDIC.
#[inline(never)]
fn to_ebcdic(out: &mut [u8]) {
    for byte in out {
        *byte = Charset::Cp500.byte(*byte);
    }
}

/// The fields written so far, no values.
impl std::fmt::Debug for MessageWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MessageWriter({:?})", self.bitmap)
    }
}

#[cfg(test)]
mod tests;
