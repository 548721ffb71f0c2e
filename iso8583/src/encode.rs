use crate::dialect::{BitmapEncoding, Dialect, Length, NumberEncoding, Secondary, Tertiary};
use crate::plan::{Check, Row, Shape};
use crate::{Bitmap, Charset, Class, EncodeError, EncodeErrorKind, Message, Mti, body, hex_text};
use std::ops::Deref;

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
    /// The neighbours that are not checked yet.
    run: Run,
    /// What stands in the way of completing the message.
    failed: Option<EncodeError>,
    finished: bool,
    /// The request that is answered, and the fields of it that are still to be repeated.
    request: Option<&'a Message<'a>>,
    echo: Bitmap,
}

/// Neighbours of one class that are checked together.
#[derive(Clone, Copy)]
struct Run {
    check: Check,
    /// Where the value of the first one begins.
    start: usize,
    /// The first one.
    field: u8,
}

impl Run {
    /// Nothing to be checked up to here.
    fn over(end: usize) -> Run {
        Run { check: Check::Nothing, start: end, field: 0 }
    }

    /// Whether all that was written since is of the class.
    #[inline]
    fn holds(self, out: &[u8], end: usize) -> bool {
        self.check == Check::Nothing || out.get(self.start..end).is_some_and(|bytes| self.check.holds(bytes))
    }
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
        out.extend_from_slice(header);
        match dialect.mti {
            NumberEncoding::Ascii => out.extend(mti.to_ascii()),
            NumberEncoding::Ebcdic => out.extend(mti.to_ascii().map(|digit| Charset::Cp500.byte(digit))),
            NumberEncoding::Bcd => out.extend(mti.to_bcd()),
        }
        let bitmap_start = out.len();
        let bitmaps = if dialect.bitmap.secondary == Secondary::ByBit1 { 1 } else { 2 };
        let end = bitmap_start + bitmaps * dialect.bitmap.encoding.width();
        out.resize(end + ROOM, 0);
        Ok(MessageWriter {
            out,
            end,
            dialect,
            bitmap: Bitmap::EMPTY,
            start,
            bitmap_start,
            upper_start: None,
            last_field: 0,
            run: Run::over(end),
            failed: None,
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
    /// wrong length: nothing of it is written then. A character outside its class is told by this call
    /// or a later one, at the latest by [`MessageWriter::finish`], with the field it stands in, and the
    /// message cannot be completed any more: neighbours of one class are checked together, which is
    /// what makes writing fast.
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
        let mut rows = self.usual_rows();
        // What changes with each field stays in registers as long as fields are of the usual kind.
        let (mut at, mut last, mut bits) = (self.end, self.last_field, 0u64);
        for (field, value) in fields {
            let value: &[u8] = &value;
            let position = field.wrapping_sub(1);
            match rows.get(usize::from(position)).filter(|_| field > last) {
                Some(row) if row.takes_exactly(value.len()) => {
                    if row.check != self.run.check {
                        self.catch_up(at, last, bits);
                        self.end_run()?;
                        self.run = Run { check: row.check, start: at, field };
                    }
                    let end = at.wrapping_add(value.len());
                    put(value, self.place(at, end));
                    at = end;
                }
                Some(row) if row.takes_counted(value.len()) => {
                    let start = at.wrapping_add(usize::from(row.prefix));
                    if row.check != self.run.check || !row.joins() {
                        self.catch_up(at, last, bits);
                        self.end_run()?;
                        self.run = Run { check: row.check, start, field };
                    }
                    let end = start.wrapping_add(value.len());
                    let place = self.place(at, end);
                    write_length(row.shape, value.len(), place);
                    put(value, &mut place[usize::from(row.prefix)..]);
                    at = end;
                }
                _ => {
                    self.catch_up(at, last, bits);
                    self.field_by_spec(field, value)?;
                    rows = self.usual_rows();
                    (at, last, bits) = (self.end, self.last_field, 0);
                    continue;
                }
            }
            bits |= 1 << (position % 64);
            last = field;
        }
        self.catch_up(at, last, bits);
        Ok(())
    }

    /// Notes what the loop over usual fields has kept to itself.
    #[inline]
    fn catch_up(&mut self, end: usize, last: u8, bits: u64) {
        self.end = end;
        self.last_field = last;
        self.bitmap = self.bitmap.or(Bitmap::from_words([bits, 0, 0]));
    }

    /// The rows of the fields that may be written in the usual way: none in a response, where others
    /// are repeated before them, and none of the upper bitmaps, which need more than a place.
    fn usual_rows(&self) -> &'a [Row] {
        let dialect: &'a Dialect = self.dialect;
        if self.request.is_some() { &[] } else { &dialect.plan.rows[0] }
    }

    /// Bytes of the buffer behind what is written, with room made for them.
    #[inline]
    fn place(&mut self, start: usize, end: usize) -> &mut [u8] {
        if end > self.out.len() {
            self.make_sure_of(end);
        }
        &mut self.out[start..end]
    }

    /// Writes a field in all other ways than the usual one, and says what is wrong with one.
    #[inline(never)]
    fn field_by_spec(&mut self, field: u8, value: &[u8]) -> Result<(), EncodeError> {
        let dialect = self.dialect;
        let spec = dialect.field(field).ok_or(EncodeError { field, kind: EncodeErrorKind::NotInDialect })?;
        self.append(field, body::room(spec, value.len()), |out| body::write(spec, value, out))
    }

    /// Checks the neighbours written last, as far as they were not yet.
    #[inline]
    fn end_run(&mut self) -> Result<(), EncodeError> {
        if self.run.holds(self.out, self.end) { Ok(()) } else { Err(self.fail()) }
    }

    /// Finds the field at fault among the neighbours written last.
    #[cold]
    fn fail(&mut self) -> EncodeError {
        let mut at = self.run.start.saturating_sub(usize::from(self.dialect.plan.row(self.run.field).prefix));
        let mut error = EncodeError { field: self.run.field, kind: EncodeErrorKind::NotInClass(Class::Any) };
        for field in self.bitmap.fields().filter(|field| *field >= self.run.field) {
            let Some(spec) = self.dialect.field(field) else { continue };
            error = EncodeError { field, kind: EncodeErrorKind::NotInClass(spec.class) };
            let Ok(extent) = body::measure(spec, &self.out[at..self.end]) else { break };
            let start = at + extent.prefix;
            at = start + extent.wire;
            if body::check(spec, &self.out[start..at], extent.units).is_err() {
                break;
            }
        }
        self.failed = Some(error);
        error
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
    #[inline]
    pub fn finish(mut self) -> Result<(), EncodeError> {
        if self.request.is_some() {
            self.repeat(self.echo)?;
        }
        self.end_run()?;
        if let Some(error) = self.failed {
            return Err(error);
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
        self.end_run()?;
        let start = self.end;
        self.make_sure_of(start + room);
        let length = write(&mut self.out[start..]).map_err(|kind| EncodeError { field, kind })?;
        self.end = start + length;
        self.run = Run::over(self.end);
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
        // What was read with this dialect needs no check.
        self.end_run()?;
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
        self.run = Run::over(self.end);
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

    /// Writes the bitmaps, and makes room first for those that are not there yet. Few messages have
    /// fields above 64, so most never pay for moving what was written.
    fn write_bitmaps(&mut self) {
        let spec = self.dialect.bitmap;
        let width = spec.encoding.width();
        let [mut first, mut second, third] = self.bitmap.words();
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
        let at = self.bitmap_start;
        match spec.secondary {
            Secondary::ByBit1 if second != 0 => {
                self.make_room(at + width, width);
                first |= crate::bitmap::CONTINUES;
            }
            Secondary::Always { set_bit_1: true } if second != 0 => first |= crate::bitmap::CONTINUES,
            _ => {}
        }
        write_bitmap(&mut self.out[at..at + width], spec.encoding, first);
        if second != 0 || spec.secondary != Secondary::ByBit1 {
            write_bitmap(&mut self.out[at + width..at + 2 * width], spec.encoding, second);
        }
        if third != 0 && spec.tertiary == Tertiary::AfterSecondary {
            self.make_room(at + 2 * width, width);
            write_bitmap(&mut self.out[at + 2 * width..at + 3 * width], spec.encoding, third);
        }
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

/// Copies bytes over as many. Few are moved by registers: two pieces of fixed size that overlap are
/// cheaper than a call that has to find out how many there are.
#[inline]
fn put(bytes: &[u8], out: &mut [u8]) {
    match bytes.len() {
        0..=1 => put_ends::<1>(bytes, out),
        2..=3 => put_ends::<2>(bytes, out),
        4..=7 => put_ends::<4>(bytes, out),
        8..=16 => put_ends::<8>(bytes, out),
        17..=32 => put_ends::<16>(bytes, out),
        33..=64 => put_ends::<32>(bytes, out),
        _ => out.copy_from_slice(bytes),
    }
}

#[inline]
fn put_ends<const N: usize>(bytes: &[u8], out: &mut [u8]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) {
        if let Some(place) = out.first_chunk_mut() {
            *place = *first;
        }
        if let Some(place) = out.last_chunk_mut() {
            *place = *last;
        }
    }
}

/// Writes a bitmap whose first bit is the least significant.
#[inline]
fn write_bitmap(out: &mut [u8], encoding: BitmapEncoding, bits: u64) {
    let bytes = bits.reverse_bits().to_be_bytes();
    match encoding.charset() {
        None => out.copy_from_slice(&bytes),
        Some(charset) => {
            let digits = hex_text::from_word(u64::from_be_bytes(bytes));
            match charset {
                Charset::Ascii => out.copy_from_slice(&digits),
                _ => out.copy_from_slice(&digits.map(|digit| charset.byte(digit))),
            }
        }
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
