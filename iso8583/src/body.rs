//! One data element on the wire: measuring it, checking it, decoding it, writing it. Decoded, a value
//! is UTF-8, or raw bytes of a binary element, whatever the dialect.

use crate::class::Found;
use crate::dialect::{Counts, FieldSpec, Length, PrefixEncoding, Separator};
use crate::error::ParseErrorKind;
use crate::packed::{self, Packed};
use crate::{Charset, Class, EncodeErrorKind, Encoding, Value, hex_text};

/// Where the body of a data element lies behind the place at which the element begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Bytes of the length prefix.
    pub(crate) prefix: usize,
    /// Bytes of the body.
    pub(crate) wire: usize,
    /// Its length in units of the encoding.
    pub(crate) units: usize,
}

/// Measures the data element at the beginning of `rest`. The error says at which of its bytes.
pub(crate) fn measure(spec: &FieldSpec, rest: &[u8]) -> Result<Extent, (usize, ParseErrorKind)> {
    let truncated = |position, need: usize, left: usize| {
        Err((position, ParseErrorKind::Truncated { need: need as u32, left: left as u32 }))
    };
    let (prefix, wire, units) = match spec.length {
        Length::Fixed(units) => (0, spec.wire_length(usize::from(units)), usize::from(units)),
        Length::Rest => (0, rest.len(), units_of(spec, rest.len())),
        Length::Variable { max } => {
            let prefix = usize::from(spec.prefix.width);
            let Some(written) = rest.get(..prefix) else { return truncated(0, prefix, rest.len()) };
            let count = count(spec, written).ok_or((0, ParseErrorKind::NotALength))?;
            let (wire, units) = match spec.prefix.counts {
                Counts::Units => (spec.wire_length(count as usize), count as usize),
                Counts::Bytes => (count as usize, units_of(spec, count as usize)),
                Counts::Nibbles => ((count as usize).div_ceil(2), count as usize),
                Counts::Value => (2 * count as usize, 2 * count as usize),
            };
            let filler =
                spec.encoding == Encoding::Bcd && spec.prefix.counts != Counts::Units && max % 2 == 1;
            let most = max as usize + usize::from(filler);
            if units > most {
                let max = match spec.prefix.counts {
                    Counts::Units | Counts::Nibbles => most as u32,
                    Counts::Bytes => spec.wire_length(max as usize) as u32,
                    Counts::Value => max / 2,
                };
                return Err((0, ParseErrorKind::TooLong { found: count, max }));
            }
            (prefix, wire, units)
        }
    };
    let Some(body) = rest.get(prefix..prefix + wire) else {
        return truncated(prefix, wire, rest.len() - prefix);
    };
    Ok(Extent { prefix, wire, units: without_filler(spec, body, units)? })
}

/// Takes off the filler that a length counted. What then is still too long was so with its digits.
fn without_filler(spec: &FieldSpec, body: &[u8], units: usize) -> Result<usize, (usize, ParseErrorKind)> {
    let counts_filler = matches!(spec.prefix.counts, Counts::Bytes | Counts::Nibbles);
    match spec.length {
        Length::Variable { max } if spec.encoding == Encoding::Bcd && counts_filler => {
            let units = packed::digits_without_filler(spec, body, units);
            if units > max as usize {
                return Err((0, ParseErrorKind::TooLong { found: units as u32, max }));
            }
            Ok(units)
        }
        Length::Rest if spec.encoding == Encoding::Bcd => {
            Ok(packed::digits_without_filler(spec, body, units))
        }
        _ => Ok(units),
    }
}

/// Units of a body of so many bytes, filler included.
fn units_of(spec: &FieldSpec, wire: usize) -> usize {
    match (spec.encoding, spec.class) {
        (Encoding::Bcd, Class::Xn) => 1 + 2 * wire.saturating_sub(1),
        (Encoding::Bcd, _) => 2 * wire,
        _ => wire,
    }
}

/// The number that a length prefix says.
fn count(spec: &FieldSpec, prefix: &[u8]) -> Option<u32> {
    let digit = |value: u8| (value < 10).then_some(u32::from(value));
    let number = prefix.iter().try_fold(0u32, |number, byte| match spec.prefix.encoding {
        PrefixEncoding::Ascii => Some(number * 10 + digit(byte.wrapping_sub(b'0'))?),
        PrefixEncoding::Ebcdic => Some(number * 10 + digit(byte.wrapping_sub(0xF0))?),
        PrefixEncoding::Bcd => Some(number * 100 + digit(byte >> 4)? * 10 + digit(byte & 0x0F)?),
        PrefixEncoding::Binary => Some(number << 8 | u32::from(*byte)),
    })?;
    // An odd number of packed digits has a filler in front, which must be zero: 1999 is no LLL.
    let too_many =
        spec.prefix.encoding == PrefixEncoding::Bcd && number >= 10u32.pow(spec.prefix.digits.into());
    (!too_many).then_some(number)
}

/// Checks a body of so many units. The error says at which of its bytes.
#[inline]
pub(crate) fn check(spec: &FieldSpec, body: &[u8], units: usize) -> Result<(), (usize, ParseErrorKind)> {
    match spec.encoding {
        Encoding::Raw => Ok(()),
        Encoding::Text(charset) => match spec.class.first_outside(body, charset) {
            None => Ok(()),
            Some(position) => {
                let found = Found::of(body.get(position).copied().unwrap_or_default(), charset);
                Err((position, ParseErrorKind::NotInClass { class: spec.class, found }))
            }
        },
        Encoding::Hex(charset) => check_hex(body, charset),
        Encoding::Bcd => Packed::new(spec, body, units).check(spec),
    }
}

fn check_hex(body: &[u8], charset: Charset) -> Result<(), (usize, ParseErrorKind)> {
    if body.len() % 2 == 1 {
        return Err((0, ParseErrorKind::OddHex));
    }
    match Class::H.first_outside(body, charset) {
        None => Ok(()),
        Some(position) => {
            let found = Found::of(body.get(position).copied().unwrap_or_default(), charset);
            Err((position, ParseErrorKind::NotHex { found }))
        }
    }
}

/// Decodes a checked body of so many units, copying only when the wire form is not the value.
#[inline]
pub(crate) fn decode<'a>(spec: &FieldSpec, body: &'a [u8], units: usize) -> Value<'a> {
    match spec.encoding {
        Encoding::Raw | Encoding::Text(Charset::Ascii) => Value::borrowed(body),
        Encoding::Text(charset) if charset.extends_ascii() && body.is_ascii() => Value::borrowed(body),
        _ => Value::decoded(longest_value(spec, body), |out| decode_to(spec, body, units, out)),
    }
}

/// Appends the value of a checked body of so many units.
pub(crate) fn decode_into(spec: &FieldSpec, body: &[u8], units: usize, out: &mut Vec<u8>) {
    if matches!(spec.encoding, Encoding::Raw | Encoding::Text(Charset::Ascii)) {
        return out.extend_from_slice(body);
    }
    let start = out.len();
    out.resize(start + longest_value(spec, body), 0);
    let length = decode_to(spec, body, units, &mut out[start..]);
    out.truncate(start + length);
}

/// Room that [`decode_to`] needs.
#[inline]
fn longest_value(spec: &FieldSpec, body: &[u8]) -> usize {
    match spec.encoding {
        Encoding::Raw => body.len(),
        Encoding::Text(charset) => charset.longest_decoded(body.len()),
        Encoding::Hex(_) => body.len() / 2,
        Encoding::Bcd => Packed::room(body),
    }
}

#[inline]
fn decode_to(spec: &FieldSpec, body: &[u8], units: usize, out: &mut [u8]) -> usize {
    match spec.encoding {
        Encoding::Raw => {
            out[..body.len()].copy_from_slice(body);
            body.len()
        }
        Encoding::Text(charset) => charset.decode(body, out),
        Encoding::Hex(charset) => unhex(body, charset, out),
        Encoding::Bcd => Packed::new(spec, body, units).unpack(out),
    }
}

fn unhex(body: &[u8], charset: Charset, out: &mut [u8]) -> usize {
    let (pairs, _) = body.as_chunks::<2>();
    // A letter has bit 6 set, whatever its case, and a value 9 above its low bits.
    let ascii = |character: u8| (character & 0x0F) + 9 * (character >> 6 & 1);
    if charset == Charset::Ascii {
        for (slot, [high, low]) in out.iter_mut().zip(pairs) {
            *slot = ascii(*high) << 4 | ascii(*low);
        }
    } else {
        for (slot, pair) in out.iter_mut().zip(pairs) {
            let [high, low] = pair.map(|byte| ascii(charset.ascii(byte).unwrap_or(b'0')));
            *slot = high << 4 | low;
        }
    }
    pairs.len()
}

/// Room that [`write`] needs for a value of so many bytes.
pub(crate) fn room(spec: &FieldSpec, value: usize) -> usize {
    spec.prefix_width() + 2 * value + 2
}

/// Writes a value with its length prefix to the front of `out`, which has [`room`] for it, and answers
/// how many bytes that took.
pub(crate) fn write(spec: &FieldSpec, value: &[u8], out: &mut [u8]) -> Result<usize, EncodeErrorKind> {
    let (prefix, out) = out.split_at_mut(spec.prefix_width());
    let (wire, units) = write_body(spec, value, out)?;
    let (most, fixed) = match spec.length {
        Length::Fixed(fixed) => (u32::from(fixed), true),
        Length::Variable { max } => (max, false),
        Length::Rest => return Ok(wire),
    };
    if units > most as usize || fixed && units < most as usize {
        return Err(EncodeErrorKind::Length { found: units as u32, allowed: most, fixed });
    }
    if !fixed {
        let count = match spec.prefix.counts {
            Counts::Units => units,
            Counts::Bytes => wire,
            Counts::Nibbles => 2 * wire,
            Counts::Value => value.len(),
        };
        write_count(spec.prefix.encoding, count, prefix);
    }
    Ok(prefix.len() + wire)
}

/// Writes the body of a value, and answers its length in bytes and in units.
fn write_body(spec: &FieldSpec, value: &[u8], out: &mut [u8]) -> Result<(usize, usize), EncodeErrorKind> {
    match spec.encoding {
        Encoding::Raw => {
            out[..value.len()].copy_from_slice(value);
            Ok((value.len(), value.len()))
        }
        Encoding::Text(charset) => {
            let length = if charset == Charset::Ascii {
                out[..value.len()].copy_from_slice(value);
                value.len()
            } else {
                let text = std::str::from_utf8(value).map_err(|_| EncodeErrorKind::NotInCharset)?;
                charset.encode(text, out).ok_or(EncodeErrorKind::NotInCharset)?
            };
            let body = &mut out[..length];
            if let Some(separator) = spec.separator {
                separate(separator, charset, body);
            }
            match spec.class.first_outside(body, charset) {
                None => Ok((length, length)),
                Some(_) => Err(EncodeErrorKind::NotInClass(spec.class)),
            }
        }
        Encoding::Hex(charset) => {
            let out = &mut out[..2 * value.len()];
            hex_text::write_to(value, out);
            if charset != Charset::Ascii {
                for digit in out {
                    *digit = charset.byte(*digit);
                }
            }
            Ok((2 * value.len(), 2 * value.len()))
        }
        Encoding::Bcd => packed::write(spec, value, out).map(|wire| (wire, value.len())),
    }
}

/// Writes the one separator that the dialect wants.
fn separate(separator: Separator, charset: Charset, track: &mut [u8]) {
    let [equals, d] = [b'=', b'D'].map(|character| charset.byte(character));
    let (other, wanted) = match separator {
        Separator::Equals => (d, equals),
        Separator::D => (equals, d),
    };
    for byte in track.iter_mut().filter(|byte| **byte == other) {
        *byte = wanted;
    }
}

/// The largest number that so many bytes of a length can say.
pub(crate) fn largest_count(encoding: PrefixEncoding, width: usize) -> usize {
    let base = match encoding {
        PrefixEncoding::Ascii | PrefixEncoding::Ebcdic => 10usize,
        PrefixEncoding::Bcd => 100,
        PrefixEncoding::Binary => 256,
    };
    (0..width).fold(1, |most, _| most * base) - 1
}

/// Writes a number over all bytes of a length prefix.
pub(crate) fn write_count(encoding: PrefixEncoding, count: usize, out: &mut [u8]) {
    let mut rest = count;
    for slot in out.iter_mut().rev() {
        let mut part = |base: usize| {
            let part = (rest % base) as u8;
            rest /= base;
            part
        };
        *slot = match encoding {
            PrefixEncoding::Ascii => b'0' + part(10),
            PrefixEncoding::Ebcdic => 0xF0 + part(10),
            PrefixEncoding::Bcd => {
                let pair = part(100);
                ((pair / 10) << 4) | (pair % 10)
            }
            PrefixEncoding::Binary => part(256),
        };
    }
}

#[cfg(test)]
mod tests;
