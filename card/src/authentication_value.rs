use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The value of a 3-D Secure authentication (CAVV, AAV): twenty bytes, looked at as forty hexadecimal digits. Masked
/// in `Debug`, wiped on drop, never stored.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct AuthenticationValue([u8; 20]);

impl AuthenticationValue {
    /// How many hexadecimal digits it has.
    pub const DIGITS: u8 = 40;

    /// Twenty bytes as they are, or written as forty hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<AuthenticationValue> {
        if let Ok(bytes) = value.try_into() {
            return Some(AuthenticationValue(bytes));
        }
        let (pairs, []) = value.as_chunks::<2>() else { return None };
        let mut read = AuthenticationValue([0; 20]);
        if pairs.len() != read.0.len() {
            return None;
        }
        for (byte, [high, low]) in read.0.iter_mut().zip(pairs) {
            let digit = |character: &u8| char::from(*character).to_digit(16);
            *byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
        }
        Some(read)
    }

    /// The digits at these places, from 1, as ASCII for the HSM command that verifies them. `None` when one of them
    /// is above 9, or a place is none.
    #[must_use]
    pub fn reveal_decimal<const N: usize>(&self, places: [u8; N]) -> Option<[u8; N]> {
        let mut digits = [0; N];
        for (digit, place) in digits.iter_mut().zip(places) {
            let index = usize::from(place.checked_sub(1)?);
            let byte = *self.0.get(index / 2)?;
            let nibble = if index.is_multiple_of(2) { byte >> 4 } else { byte & 15 };
            *digit = (nibble < 10).then_some(b'0' + nibble)?;
        }
        Some(digits)
    }
}

impl fmt::Debug for AuthenticationValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthenticationValue(****)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"0123456789abcdefABCD0000000000000000000f";

    #[test]
    fn bytes_and_digits_are_the_same_value() {
        let read = AuthenticationValue::read(TEXT).unwrap();
        let mut bytes = [0; 20];
        bytes[..10].copy_from_slice(b"\x01\x23\x45\x67\x89\xAB\xCD\xEF\xAB\xCD");
        bytes[19] = 0x0F;
        assert_eq!(AuthenticationValue::read(&bytes), Some(read));
        for wrong in [&TEXT[..39], &TEXT[..38], b"", b"0123456789abcdefABCD0000000000000000000g"] {
            assert_eq!(AuthenticationValue::read(wrong), None);
        }
    }

    #[test]
    fn places_count_from_one() {
        let value = AuthenticationValue::read(TEXT).unwrap();
        assert_eq!(value.reveal_decimal([2, 3, 10]), Some(*b"129"));
        assert_eq!(value.reveal_decimal([1, 39]), Some(*b"00"));
        assert_eq!(value.reveal_decimal([11]), None);
        assert_eq!(value.reveal_decimal([0]), None);
        assert_eq!(value.reveal_decimal([41]), None);
    }

    #[test]
    fn debug_shows_nothing() {
        let value = AuthenticationValue::read(TEXT).unwrap();
        assert_eq!(format!("{value:?}"), "AuthenticationValue(****)");
    }
}
