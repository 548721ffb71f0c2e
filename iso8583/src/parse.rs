//! Reading a message. Two walks over the same table: the fast one answers only whether the frame is
//! sound and where its fields begin; when it is not, the careful one says what is wrong and where.

use crate::bitmap::CONTINUES;
use crate::body;
use crate::dialect::{BitmapEncoding, Dialect, FieldSpec, NumberEncoding, Secondary, Tertiary};
use crate::plan::{Check, Row, Shape};
use crate::{Bitmap, Charset, Message, Mti, ParseError, ParseErrorKind, hex_text};

/// Reads a message: finds every field named by the bitmap and checks its length and characters. One
/// pass; copies and allocates nothing, the message points into `frame`.
///
/// # Errors
/// The first thing in the frame that the dialect does not allow, with its field and offset.
#[inline(always)]
pub fn parse<'a>(frame: &'a [u8], dialect: &'a Dialect) -> Result<Message<'a>, ParseError> {
    // Made where it is given back, since it is too large to be moved for nothing.
    let mut parsed = Ok(Message::empty(frame, dialect));
    if let Ok(message) = &mut parsed
        && walk(message).is_none()
    {
        return explain(frame, dialect);
    }
    parsed
}

/// Reads as far as a message can be read, and says what is wrong with the rest. The fields of the
/// message are those before the fault; there are none when not even the bitmaps could be read, and
/// the type is without meaning when `mti` of the error is `None`.
#[must_use]
pub fn parse_leading<'a>(frame: &'a [u8], dialect: &'a Dialect) -> (Message<'a>, Option<ParseError>) {
    let mut message = Message::empty(frame, dialect);
    let mut mti = None;
    let read = walk_carefully(&mut message, &mut mti);
    let error = read.err().map(|fault| ParseError {
        field: fault.field,
        offset: fault.offset,
        kind: fault.kind,
        mti,
    });
    (message, error)
}

#[cold]
#[inline(never)]
fn explain<'a>(frame: &'a [u8], dialect: &'a Dialect) -> Result<Message<'a>, ParseError> {
    match parse_leading(frame, dialect) {
        (_, Some(error)) => Err(error),
        (message, None) => Ok(message),
    }
}

/// What is wrong, before the message type is known.
struct Fault {
    field: u8,
    offset: usize,
    kind: ParseErrorKind,
}

fn at(offset: usize, kind: ParseErrorKind) -> Fault {
    Fault { field: 0, offset, kind }
}

/// The fast walk. Neighbours that must be of one class are checked together, a length prefix between
/// them included where its digits are of that class as well: it was looked at already. What is beyond
/// the end is noticed when bytes are asked for, at the latest at the end of all. Nothing here can
/// overflow, since each of at most 192 fields adds at most 65,538, so sums go without a check of their
/// own.
#[inline(never)]
fn walk(message: &mut Message<'_>) -> Option<()> {
    let (frame, dialect) = (message.frame, message.dialect);
    if frame.len() > dialect.max_frame {
        return None;
    }
    let (mut words, start) = envelope(message, &mut None).ok()?;
    let mut run = Run { check: Check::Nothing, start };
    let mut at = start;
    for index in 0..3 {
        let (rows, starts) = (&dialect.plan.rows[index], &mut message.starts[index]);
        let mut bits = words[index];
        while bits != 0 {
            let bit = bits.trailing_zeros() as usize % 64;
            bits &= bits.wrapping_sub(1);
            let row = &rows[bit];
            starts[bit] = at as u16;
            if row.shape == Shape::Fixed {
                if row.check != run.check {
                    run.end(frame, at)?;
                    run = Run { check: row.check, start: at };
                }
                at = at.wrapping_add(usize::from(row.size));
                continue;
            }
            let rest = frame.get(at..)?;
            let body = match row.shape {
                Shape::BySpec => None,
                Shape::ThirdBitmap => {
                    run.end(frame, at)?;
                    let (third, width) = third_bitmap(frame, at, dialect).ok()?;
                    words[1] &= !CONTINUES;
                    words[2] = third;
                    at = at.wrapping_add(width);
                    run = Run { check: Check::Nothing, start: at };
                    continue;
                }
                // The filler of an odd number of digits has a rule of its own.
                Shape::BcdLlPacked if rest.first()? & 1 == 1 => None,
                _ => Some(variable(row, rest)?),
            };
            let Some(body) = body else {
                run.end(frame, at)?;
                let spec = dialect.field((index * 64 + bit) as u8 + 1)?;
                at = at.wrapping_add(by_spec(rest, spec)?);
                run = Run { check: Check::Nothing, start: at };
                continue;
            };
            let body_start = at.wrapping_add(usize::from(row.prefix));
            if row.check != run.check || !row.joins() {
                run.end(frame, at)?;
                run = Run { check: row.check, start: body_start };
            }
            at = body_start.wrapping_add(body);
        }
    }
    run.end(frame, at)?;
    message.bitmap = Bitmap::from_words(words);
    message.fields_end = at as u16;
    (at == frame.len()).then_some(())
}

/// Bytes that must all be of one class, up to where the walk is.
struct Run {
    check: Check,
    start: usize,
}

impl Run {
    #[inline]
    fn end(&self, frame: &[u8], at: usize) -> Option<()> {
        // Beyond the end of the frame the walk ends in any case.
        if self.check == Check::Nothing {
            return Some(());
        }
        self.check.holds(frame.get(self.start..at)?).then_some(())
    }
}

/// Bytes of the body of a variable field.
#[inline]
fn variable(row: &Row, rest: &[u8]) -> Option<usize> {
    let digit = |byte: u8| u32::from(byte.wrapping_sub(b'0'));
    let bcd = |byte: u8| u32::from(byte >> 4) * 10 + u32::from(byte & 0x0F);
    let is_bcd = |byte: u8| byte <= 0x99 && byte & 0x0F < 10;
    let (count, sound) = match row.shape {
        Shape::AsciiLl => {
            let [tens, ones] = rest.first_chunk::<2>()?.map(digit);
            (tens * 10 + ones, tens < 10 && ones < 10)
        }
        Shape::AsciiLll => {
            let [hundreds, tens, ones] = rest.first_chunk::<3>()?.map(digit);
            (hundreds * 100 + tens * 10 + ones, hundreds < 10 && tens < 10 && ones < 10)
        }
        Shape::BcdLl | Shape::BcdLlPacked => {
            let byte = *rest.first()?;
            (bcd(byte), is_bcd(byte))
        }
        Shape::BcdLll => {
            let [high, low] = *rest.first_chunk::<2>()?;
            (u32::from(high) * 100 + bcd(low), high < 10 && is_bcd(low))
        }
        Shape::BinaryLl => (u32::from(*rest.first()?), true),
        Shape::FixedOdd => (u32::from(row.size), rest.first()? >> 4 == 0),
        Shape::Fixed | Shape::BySpec | Shape::ThirdBitmap => return None,
    };
    let odd_hex = row.check == Check::Hex && count % 2 == 1;
    if !sound || count > u32::from(row.size) || odd_hex {
        return None;
    }
    Some(if row.shape == Shape::BcdLlPacked { count / 2 } else { count } as usize)
}

/// Bytes of a field that is passed over by its specification.
fn by_spec(rest: &[u8], spec: &FieldSpec) -> Option<usize> {
    let extent = body::measure(spec, rest).ok()?;
    let end = extent.prefix + extent.wire;
    body::check(spec, rest.get(extent.prefix..end)?, extent.units).ok()?;
    Some(end)
}

/// The careful walk: one field after the other, each by its specification.
fn walk_carefully(message: &mut Message<'_>, mti: &mut Option<Mti>) -> Result<(), Fault> {
    let (frame, dialect) = (message.frame, message.dialect);
    if frame.len() > dialect.max_frame {
        return Err(at(0, ParseErrorKind::FrameTooLong { max: dialect.max_frame as u32 }));
    }
    let (words, start) = envelope(message, mti)?;
    let mut expected = Bitmap::from_words(words);
    let mut offset = start;
    while let Some(field) = expected.fields().next() {
        expected.remove(field);
        if field == 65 && matches!(dialect.bitmap.tertiary, Tertiary::De65 { .. }) {
            let (third, width) =
                third_bitmap(frame, offset, dialect).map_err(|fault| Fault { field, ..fault })?;
            message.set_start(65, offset);
            let [first, second, _] = expected.words();
            expected = Bitmap::from_words([first, second, third]);
            offset += width;
            continue;
        }
        let fail = |(position, kind)| Fault { field, offset: offset + position, kind };
        let spec = dialect.field(field).ok_or(fail((0, ParseErrorKind::NotInDialect)))?;
        let extent = body::measure(spec, &frame[offset..]).map_err(fail)?;
        let body = offset + extent.prefix;
        body::check(spec, &frame[body..body + extent.wire], extent.units)
            .map_err(|(position, kind)| fail((extent.prefix + position, kind)))?;
        message.set_start(field, offset);
        message.bitmap.insert(field);
        offset = body + extent.wire;
        message.fields_end = offset as u16;
    }
    // Bytes left over mean that we and the sender disagree about the dialect, so no field read
    // above can be trusted either.
    match frame.len() - offset {
        0 => Ok(()),
        count => Err(at(offset, ParseErrorKind::TrailingBytes { count: count as u32 })),
    }
}

/// Reads header, message type and the bitmaps in front, and answers which fields there are and where
/// they begin. Bit 1 and a bit 65 that stands for a bitmap are taken out.
#[inline(always)]
fn envelope(message: &mut Message<'_>, known: &mut Option<Mti>) -> Result<([u64; 3], usize), Fault> {
    let (frame, dialect) = (message.frame, message.dialect);
    let header = match &dialect.header {
        none if none.length == 0 => 0,
        spec => spec.length_in(frame).map_err(|(offset, kind)| at(offset, kind))?,
    };
    let mti = message_type(frame, header, dialect.mti)?;
    *known = Some(mti);
    message.header_length = header as u8;
    message.mti = mti;
    let spec = dialect.bitmap;
    let width = spec.encoding.width();
    let mut offset = header + dialect.mti.mti_width();
    let mut words = [one_bitmap(frame, offset, spec.encoding)?, 0, 0];
    offset += width;
    if words[0] & CONTINUES != 0 || spec.secondary != Secondary::ByBit1 {
        words[1] = one_bitmap(frame, offset, spec.encoding)?;
        offset += width;
        words[0] &= !CONTINUES;
        if spec.tertiary == Tertiary::AfterSecondary && words[1] & CONTINUES != 0 {
            words[2] = one_bitmap(frame, offset, spec.encoding)?;
            offset += width;
            words[1] &= !CONTINUES;
        }
    }
    message.fields_start = offset as u16;
    Ok((words, offset))
}

#[inline(always)]
fn message_type(frame: &[u8], offset: usize, encoding: NumberEncoding) -> Result<Mti, Fault> {
    let text = take(frame, offset, encoding.mti_width())?;
    let mti = match (encoding, text) {
        (NumberEncoding::Bcd, &[high, low]) => Mti::from_bcd([high, low]),
        (NumberEncoding::Ebcdic, &[a, b, c, d]) => {
            Mti::parse(&[a, b, c, d].map(|digit| Charset::Cp500.ascii(digit).unwrap_or_default()))
        }
        _ => Mti::parse(text),
    };
    mti.map_err(|_| at(offset, ParseErrorKind::NotAMessageType))
}

/// One bitmap, turned around: its first bit is the least significant.
#[inline(always)]
fn one_bitmap(frame: &[u8], offset: usize, encoding: BitmapEncoding) -> Result<u64, Fault> {
    let text = take(frame, offset, encoding.width())?;
    match (encoding, text.first_chunk::<16>()) {
        (BitmapEncoding::Hex, Some(digits)) => {
            hex_text::bits(digits).ok_or_else(|| not_a_bitmap(offset, *digits))
        }
        (BitmapEncoding::HexEbcdic, Some(digits)) => {
            let digits = digits.map(|byte| Charset::Cp500.ascii(byte).unwrap_or_default());
            hex_text::bits(&digits).ok_or_else(|| not_a_bitmap(offset, digits))
        }
        _ => Ok(text.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes).reverse_bits())),
    }
}

#[cold]
fn not_a_bitmap(offset: usize, digits: [u8; 16]) -> Fault {
    let position = digits.iter().position(|digit| hex_text::nibble(*digit).is_none());
    at(offset + position.unwrap_or_default(), ParseErrorKind::NotABitmap)
}

/// The third bitmap in the place of DE 65, with its bytes on the wire.
fn third_bitmap(frame: &[u8], offset: usize, dialect: &Dialect) -> Result<(u64, usize), Fault> {
    let encoding = dialect.bitmap.encoding;
    let third = one_bitmap(frame, offset, encoding)?;
    if dialect.bitmap.tertiary != (Tertiary::De65 { width: 16 }) {
        return Ok((third, encoding.width()));
    }
    let beyond = offset + encoding.width();
    if one_bitmap(frame, beyond, encoding)? != 0 {
        return Err(at(beyond, ParseErrorKind::NotABitmap));
    }
    Ok((third, 2 * encoding.width()))
}

#[inline(always)]
fn take(frame: &[u8], offset: usize, length: usize) -> Result<&[u8], Fault> {
    let rest = frame.get(offset..).unwrap_or_default();
    rest.get(..length)
        .ok_or_else(|| at(offset, ParseErrorKind::Truncated { need: length as u32, left: rest.len() as u32 }))
}

#[cfg(test)]
mod tests;
