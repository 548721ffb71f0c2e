//! Answers to frames that could not be read to their end.

use super::response;
use auth::Response;
use card::ResponseCode;
use iso8583::{BitmapEncoding, Dialect, EncodeError, Mti, NumberEncoding, ParseError, ParseErrorKind, parse};

/// Appends the answer 30 to a frame that [`parse`] refused with `error`: the fields before the faulty
/// one are echoed like those of any request, so that the sender finds its message by them.
/// Gives `false`, and appends nothing, when not even the message type was read or it asks for no
/// answer.
///
/// # Errors
/// As [`response()`].
pub fn unreadable_response(
    frame: &[u8],
    dialect: &'static Dialect,
    error: &ParseError,
    out: &mut Vec<u8>,
) -> Result<bool, EncodeError> {
    if !error.mti.is_some_and(Mti::expects_response) {
        return Ok(false);
    }
    let leading = leading_fields(frame, dialect, error);
    let Ok(message) = parse(&leading, dialect) else { return Ok(false) };
    response(&message, &Response::bare(ResponseCode::FORMAT_ERROR), out)?;
    Ok(true)
}

/// The frame as if it had only the fields before the faulty one. Where the bitmap itself could not be
/// read, no field at all.
fn leading_fields(frame: &[u8], dialect: &'static Dialect, error: &ParseError) -> Vec<u8> {
    let bitmap_start = dialect.header.length() + mti_width(dialect.mti);
    if error.field == 0 && error.kind != ParseErrorKind::TrailingBytes {
        return without_fields(frame.get(..bitmap_start).unwrap_or_default(), dialect.bitmap);
    }
    let mut leading = frame.to_vec();
    if error.field != 0 {
        clear_bits_from(error.field, &mut leading[bitmap_start..], dialect.bitmap);
    }
    // What the bitmap no longer names is now left over, and the parser says where that begins.
    if let Err(ParseError { kind: ParseErrorKind::TrailingBytes, offset, .. }) = parse(&leading, dialect) {
        leading.truncate(offset);
    }
    leading
}

fn without_fields(up_to_mti: &[u8], encoding: BitmapEncoding) -> Vec<u8> {
    let bitmap: &[u8] = match encoding {
        BitmapEncoding::Hex => b"0000000000000000",
        BitmapEncoding::Binary => &[0; 8],
    };
    [up_to_mti, bitmap].concat()
}

/// Takes `field` and all above it out of the bitmaps, which are known to be sound since fields were
/// read by them. Bit 1 stays, so an empty secondary bitmap stays where there was one.
fn clear_bits_from(field: u8, bitmaps: &mut [u8], encoding: BitmapEncoding) {
    let (bits_a_byte, has_secondary) = match encoding {
        BitmapEncoding::Hex => (4, bitmaps.first().is_some_and(|digit| *digit >= b'8')),
        BitmapEncoding::Binary => (8, bitmaps.first().is_some_and(|byte| byte & 0x80 != 0)),
    };
    let last = if has_secondary { 128 } else { 64 };
    for position in usize::from(field - 1)..last {
        let Some(byte) = bitmaps.get_mut(position / bits_a_byte) else { return };
        let bit = 1 << (bits_a_byte - 1 - position % bits_a_byte);
        *byte = match encoding {
            BitmapEncoding::Binary => *byte & !bit,
            BitmapEncoding::Hex => {
                let nibble = char::from(*byte).to_digit(16).unwrap_or(0) as u8 & !bit;
                if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }
            }
        };
    }
}

fn mti_width(encoding: NumberEncoding) -> usize {
    match encoding {
        NumberEncoding::Ascii => 4,
        NumberEncoding::Bcd => 2,
    }
}
