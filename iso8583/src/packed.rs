//! Packed digits: two a byte, a filler beside an odd number, one byte of sign in front of `x+n`.

use crate::class::{Bcd, Digits, Found, Lanes};
use crate::dialect::{Counts, FieldSpec, Filler, Pad};
use crate::error::ParseErrorKind;
use crate::{Charset, Class, EncodeErrorKind};

/// Packed digits of a body, without sign and filler.
pub(crate) struct Packed<'a> {
    sign: Option<u8>,
    bytes: &'a [u8],
    digits: usize,
    pad: Pad,
}

impl<'a> Packed<'a> {
    pub(crate) fn new(spec: &FieldSpec, body: &'a [u8], units: usize) -> Packed<'a> {
        match (spec.class, body) {
            (Class::Xn, [sign, bytes @ ..]) => {
                Packed { sign: Some(*sign), bytes, digits: units.saturating_sub(1), pad: spec.pad }
            }
            _ => Packed { sign: None, bytes: body, digits: units, pad: spec.pad },
        }
    }

    /// Whether these are digits of the field's class. The error says at which byte they are not.
    pub(crate) fn check(&self, spec: &FieldSpec) -> Result<(), (usize, ParseErrorKind)> {
        let class = spec.class;
        if self.digits.is_multiple_of(2) && class == Class::N && Bcd::all(self.bytes) {
            return Ok(());
        }
        if let Some(sign) = self.sign.filter(|sign| !matches!(sign, b'C' | b'D' | b'0')) {
            let found = Found::of(sign, Charset::Ascii);
            return Err((0, ParseErrorKind::NotInClass { class, found }));
        }
        if let Some((position, filler)) = self.filler() {
            let allowed = match spec.pad {
                Pad::Left => filler == spec.filler.nibble(),
                Pad::Right => filler == 0 || filler == 0xF,
            };
            if !allowed {
                return Err((position, ParseErrorKind::NotAFiller));
            }
        }
        let is_separator = |nibble| class == Class::Z && nibble == 0xD;
        match self.nibbles().position(|nibble| nibble > 9 && !is_separator(nibble)) {
            None => Ok(()),
            Some(index) => Err((self.byte_of(index), ParseErrorKind::NotADigit { class })),
        }
    }

    /// Room that [`Packed::unpack`] needs.
    pub(crate) fn room(body: &[u8]) -> usize {
        2 * body.len()
    }

    /// Writes the digits as ASCII to the front of `out` and answers how many bytes that took.
    #[inline]
    pub(crate) fn unpack(&self, out: &mut [u8]) -> usize {
        let sign = self.sign_length();
        if let (Some(sign), Some(slot)) = (self.sign, out.first_mut()) {
            *slot = sign;
        }
        let character = |nibble: u8| if nibble > 9 { b'D' } else { b'0' + nibble };
        let (slots, _) = out[sign..].as_chunks_mut::<2>();
        for (slot, byte) in slots.iter_mut().zip(self.bytes) {
            *slot = [character(byte >> 4), character(byte & 0x0F)];
        }
        // A filler in front was unpacked like a digit.
        if self.leading_filler() > 0 {
            out.copy_within(sign + 1..sign + 1 + self.digits, sign);
        }
        sign + self.digits
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

/// Digits of a body whose length prefix counts the filler too, so that only a filler F tells an odd
/// number from an even one.
pub(crate) fn digits_without_filler(spec: &FieldSpec, body: &[u8], digits: usize) -> usize {
    let filler = match spec.pad {
        Pad::Left => body.first().map(|byte| byte >> 4),
        Pad::Right => body.last().map(|byte| byte & 0x0F),
    };
    let odd = digits.is_multiple_of(2) && spec.filler == Filler::F && filler == Some(0xF);
    if odd { digits - 1 } else { digits }
}

/// Writes a value packed to the front of `out`, which has room for it, and answers how many bytes that
/// took.
pub(crate) fn write(spec: &FieldSpec, value: &[u8], out: &mut [u8]) -> Result<usize, EncodeErrorKind> {
    let (sign, digits) = match (spec.class, value) {
        (Class::Xn, [sign, digits @ ..]) => (Some(*sign), digits),
        _ => (None, value),
    };
    let legal = |byte: &u8| byte.is_ascii_digit() || spec.class == Class::Z && matches!(byte, b'=' | b'D');
    let all_legal = Digits::all(digits) || spec.class == Class::Z && digits.iter().all(legal);
    if sign.is_some_and(|sign| !matches!(sign, b'C' | b'D' | b'0')) || !all_legal {
        return Err(EncodeErrorKind::NotInClass(spec.class));
    }
    let odd = digits.len() % 2 == 1;
    let filler = spec.filler.nibble();
    // The peer could not tell the filler from a digit.
    if odd && filler == 0 && matches!(spec.prefix.counts, Counts::Bytes | Counts::Nibbles) {
        return Err(EncodeErrorKind::OddDigits);
    }
    let (first, digits) = match (spec.pad, digits) {
        (Pad::Left, [first, rest @ ..]) if odd => (Some(filler << 4 | packed_nibble(*first)), rest),
        _ => (None, digits),
    };
    let mut length = 0;
    for byte in sign.into_iter().chain(first) {
        out[length] = byte;
        length += 1;
    }
    let (pairs, last) = digits.as_chunks::<2>();
    for (place, [high, low]) in out[length..].iter_mut().zip(pairs) {
        *place = (packed_nibble(*high) << 4) | packed_nibble(*low);
    }
    length += pairs.len();
    if let [digit] = last {
        out[length] = packed_nibble(*digit) << 4 | filler;
        length += 1;
    }
    Ok(length)
}

/// The nibble of a digit or of the track separator.
///
/// `=` is 0x3D and `D` 0x44: without a branch, since the low nibble of the former is the one wanted.
fn packed_nibble(character: u8) -> u8 {
    (character & 0x0F) | ((character >> 6) * 0x09)
}
