//! The body of one data element on the wire: checking it, decoding it, writing it. Decoded, a
//! value is ASCII characters, or raw bytes of a binary element, whatever the dialect.

use crate::class::all_bcd;
use crate::{Class, EncodeErrorKind, Encoding, FieldSpec, Pad, ParseErrorKind, Value};

/// Checks a body of so many units. The error says at which of its bytes.
#[inline]
pub(crate) fn check(spec: &FieldSpec, body: &[u8], units: usize) -> Result<(), (usize, ParseErrorKind)> {
    match spec.encoding {
        Encoding::Raw => Ok(()),
        Encoding::Ascii => match spec.class.first_outside(body) {
            None => Ok(()),
            Some(position) => Err((position, ParseErrorKind::NotInClass(spec.class))),
        },
        Encoding::Hex => check_hex(body),
        Encoding::Bcd => check_bcd(spec, body, units),
    }
}

fn check_hex(body: &[u8]) -> Result<(), (usize, ParseErrorKind)> {
    if body.len() % 2 == 1 {
        return Err((0, ParseErrorKind::OddHex));
    }
    match body.iter().position(|byte| nibble(*byte).is_none()) {
        None => Ok(()),
        Some(position) => Err((position, ParseErrorKind::NotHex)),
    }
}

fn check_bcd(spec: &FieldSpec, body: &[u8], units: usize) -> Result<(), (usize, ParseErrorKind)> {
    let outside = |position| Err((position, ParseErrorKind::NotInClass(spec.class)));
    match spec.class {
        // The common case at once; a filler F behind the digits falls through to the exact answer.
        Class::N if units.is_multiple_of(2) && all_bcd(body) => return Ok(()),
        Class::Xn if body.first().is_some_and(|sign| !matches!(sign, b'C' | b'D' | b'0')) => {
            return outside(0);
        }
        _ => {}
    }
    let packed = Packed::new(spec, body, units);
    if let Some((position, filler)) = packed.filler()
        && !(filler == 0 || filler == 0xF && spec.pad == Pad::Right)
    {
        return Err((position, ParseErrorKind::NotAFiller));
    }
    let is_separator = |nibble| spec.class == Class::Z && nibble == 0xD;
    match packed.nibbles().position(|nibble| nibble > 9 && !is_separator(nibble)) {
        None => Ok(()),
        Some(index) => outside(packed.byte_of(index)),
    }
}

/// Decodes a checked body of so many units, copying only when the wire form is not the value.
#[inline]
pub(crate) fn decode<'a>(spec: &FieldSpec, body: &'a [u8], units: usize) -> Value<'a> {
    match spec.encoding {
        Encoding::Ascii | Encoding::Raw => Value::borrowed(body),
        Encoding::Hex => Value::decoded(|out| unhex(body, out)),
        Encoding::Bcd => Value::decoded(|out| unpack(&Packed::new(spec, body, units), out)),
    }
}

fn unhex(body: &[u8], out: &mut [u8]) -> usize {
    let (pairs, _) = body.as_chunks::<2>();
    for (slot, [high, low]) in out.iter_mut().zip(pairs) {
        *slot = nibble(*high).unwrap_or_default() << 4 | nibble(*low).unwrap_or_default();
    }
    pairs.len()
}

fn unpack(packed: &Packed<'_>, out: &mut [u8]) -> usize {
    let sign = packed.sign_length();
    if let (Some(sign), Some(slot)) = (packed.sign, out.first_mut()) {
        *slot = sign;
    }
    let filler = packed.leading_filler();
    let character = |nibble: u8| if nibble > 9 { b'D' } else { b'0' + nibble };
    let (slots, _) = out[sign..].as_chunks_mut::<2>();
    for (slot, byte) in slots.iter_mut().zip(packed.bytes) {
        *slot = [character(byte >> 4), character(byte & 0x0F)];
    }
    // A filler in front was unpacked like a digit.
    if filler > 0 {
        out.copy_within(sign + filler..sign + filler + packed.digits, sign);
    }
    sign + packed.digits
}

/// Appends the wire form of a value, after checking its characters. Its length is checked already.
pub(crate) fn write(spec: &FieldSpec, value: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeErrorKind> {
    if spec.class.first_outside(value).is_some() {
        return Err(EncodeErrorKind::NotInClass(spec.class));
    }
    match spec.encoding {
        Encoding::Ascii | Encoding::Raw => out.extend_from_slice(value),
        Encoding::Hex => out.extend(value.iter().flat_map(|byte| hex_pair(*byte))),
        Encoding::Bcd => write_bcd(spec, value, out)?,
    }
    Ok(())
}

fn write_bcd(spec: &FieldSpec, value: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeErrorKind> {
    let digits = match (spec.class, value) {
        (Class::Xn, [sign, digits @ ..]) => {
            out.push(*sign);
            digits
        }
        _ => value,
    };
    // The class of track 2 has characters beyond the digits and the separator; they have no nibble.
    if spec.class == Class::Z && !digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'=' | b'D')) {
        return Err(EncodeErrorKind::NotInClass(spec.class));
    }
    let (first, digits) = match (spec.pad, digits) {
        (Pad::Left, [first, rest @ ..]) if digits.len() % 2 == 1 => (Some(first), rest),
        _ => (None, digits),
    };
    out.extend(first.map(|digit| packed_nibble(*digit)));
    let (pairs, last) = digits.as_chunks::<2>();
    out.extend(pairs.iter().map(|pair| packed_nibble(pair[0]) << 4 | packed_nibble(pair[1])));
    out.extend(last.iter().map(|digit| packed_nibble(*digit) << 4));
    Ok(())
}

/// The nibble of a digit or of the track separator.
fn packed_nibble(character: u8) -> u8 {
    if character.is_ascii_digit() { character & 0x0F } else { 0x0D }
}

/// Packed digits of a body, without sign and filler.
struct Packed<'a> {
    sign: Option<u8>,
    bytes: &'a [u8],
    digits: usize,
    pad: Pad,
}

impl<'a> Packed<'a> {
    fn new(spec: &FieldSpec, body: &'a [u8], units: usize) -> Packed<'a> {
        match (spec.class, body) {
            (Class::Xn, [sign, bytes @ ..]) => {
                Packed { sign: Some(*sign), bytes, digits: units - 1, pad: spec.pad }
            }
            _ => Packed { sign: None, bytes: body, digits: units, pad: spec.pad },
        }
    }

    fn nibbles(&self) -> impl Iterator<Item = u8> {
        let all = self.bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]);
        all.skip(self.leading_filler()).take(self.digits)
    }

    /// Byte of the body that holds the filler, and the filler.
    fn filler(&self) -> Option<(usize, u8)> {
        if self.digits.is_multiple_of(2) {
            return None;
        }
        match self.pad {
            Pad::Left => Some((self.sign_length(), self.bytes.first()? >> 4)),
            Pad::Right => Some((self.sign_length() + self.bytes.len() - 1, self.bytes.last()? & 0x0F)),
        }
    }

    /// Byte of the body that holds the digit at `index`.
    fn byte_of(&self, index: usize) -> usize {
        self.sign_length() + (index + self.leading_filler()) / 2
    }

    fn leading_filler(&self) -> usize {
        usize::from(self.pad == Pad::Left && self.digits % 2 == 1)
    }

    fn sign_length(&self) -> usize {
        usize::from(self.sign.is_some())
    }
}

/// The value of a hexadecimal character of either case.
pub(crate) fn nibble(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'A'..=b'F' => Some(character - b'A' + 10),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

/// A byte as two upper-case hexadecimal characters.
pub(crate) fn hex_pair(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 0x0F].map(|nibble| if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, Length};

    fn spec(dialect: &str, field: u8) -> &'static FieldSpec {
        Dialect::by_name(dialect).unwrap().field(field).unwrap()
    }

    #[test]
    fn value_and_wire_form() {
        let check_both = |dialect, field, value: &str, wire: &str| {
            let spec = spec(dialect, field);
            let (value, wire) = (value.as_bytes(), hex::decode(wire).unwrap());
            let mut written = Vec::new();
            write(spec, value, &mut written).unwrap();
            assert_eq!(written, wire);
            let units = spec.units(value.len());
            assert_eq!(wire.len(), spec.wire_length(units));
            assert_eq!(check(spec, &wire, units), Ok(()));
            assert_eq!(&*decode(spec, &wire, units), value);
        };
        check_both("iso87_bcd", 2, "4000001234567899", "4000001234567899");
        check_both("iso87_bcd", 2, "40000012345678901", "400000123456789010");
        check_both("iso87_bcd", 2, "", "");
        check_both("iso87_bcd", 3, "012345", "012345");
        check_both("iso87_bcd", 22, "051", "0051");
        check_both("iso87_bcd", 27, "6", "06");
        check_both("iso87_bcd", 28, "D00000022", "4400000022");
        check_both("iso87_bcd", 97, "C0000000000000001", "430000000000000001");
        check_both("iso87_bcd", 35, "4000001234567899D2812", "4000001234567899D28120");
        check_both("iso87_bcd", 39, "00", "3030");
        check_both("iso87_ascii", 35, "4000001234567899=2812", "343030303030313233343536373839393D32383132");
        check_both("iso87_ascii", 52, "\x01\x23\x00\x7F\x01\x23\x00\x7F", "30313233303037463031323330303746");
        check_both("iso87_ascii_binary", 52, "\x01\x23\x00\x7F\x01\x23\x00\x7F", "0123007F0123007F");
    }

    #[test]
    fn wire_forms_that_are_read_but_not_written() {
        let check_value = |dialect, field, wire: &str, units, expect: &[u8]| {
            let wire = hex::decode(wire).unwrap();
            let spec = spec(dialect, field);
            assert_eq!(check(spec, &wire, units), Ok(()));
            assert_eq!(&*decode(spec, &wire, units), expect);
        };
        check_value("iso87_bcd", 2, "123F", 3, b"123");
        check_value("iso87_bcd", 35, "40D2812F", 7, b"40D2812");
        check_value(
            "iso87_ascii",
            52,
            "61626364656630314142434445463031",
            16,
            b"\xAB\xCD\xEF\x01\xAB\xCD\xEF\x01",
        );
    }

    #[test]
    fn names_the_byte() {
        let fails = |dialect, field, wire: &str, units, position, kind| {
            let wire = hex::decode(wire).unwrap();
            assert_eq!(check(spec(dialect, field), &wire, units), Err((position, kind)), "DE {field}");
        };
        fails("iso87_bcd", 3, "01A345", 6, 1, ParseErrorKind::NotInClass(Class::N));
        fails("iso87_bcd", 2, "1A30", 3, 0, ParseErrorKind::NotInClass(Class::N));
        fails("iso87_bcd", 22, "1051", 3, 0, ParseErrorKind::NotAFiller);
        fails("iso87_bcd", 22, "F051", 3, 0, ParseErrorKind::NotAFiller);
        fails("iso87_bcd", 2, "1235", 3, 1, ParseErrorKind::NotAFiller);
        fails("iso87_bcd", 28, "4500000022", 9, 0, ParseErrorKind::NotInClass(Class::Xn));
        fails("iso87_bcd", 28, "4400000F22", 9, 3, ParseErrorKind::NotInClass(Class::Xn));
        fails("iso87_bcd", 35, "40E28120", 7, 1, ParseErrorKind::NotInClass(Class::Z));
        fails("iso87_ascii", 55, "303132", 3, 0, ParseErrorKind::OddHex);
        fails("iso87_ascii", 55, "3031324730", 5, 0, ParseErrorKind::OddHex);
        fails("iso87_ascii", 55, "30313247", 4, 3, ParseErrorKind::NotHex);
        fails("iso87_ascii", 4, "3030303030303030302031", 11, 9, ParseErrorKind::NotInClass(Class::N));
    }

    #[test]
    fn track_characters_without_a_nibble_are_not_written() {
        let spec = spec("iso87_bcd", 35);
        assert_eq!(spec.length, Length::Variable { digits: 2, max: 37 });
        let refused = write(spec, b";4000001234567899=2812?", &mut Vec::new());
        assert_eq!(refused, Err(EncodeErrorKind::NotInClass(Class::Z)));
        let mut wire = Vec::new();
        write(spec, b"40=2812", &mut wire).unwrap();
        assert_eq!(wire, [0x40, 0xD2, 0x81, 0x20]);
    }
}
