use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The value of a 3-D Secure authentication (CAVV, AAV): twenty bytes, looked at as forty hexadecimal digits. Masked
/// in `Debug`, wiped on drop, never stored.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct AuthenticationValue([u8; 20]);

impl AuthenticationValue {
    /// How many hexadecimal digits it has.
    pub const DIGITS: u8 = 40;

    /// Twenty bytes as they are, or written as forty hexadecimal digits or as 28 characters of Base64; `None` for
    /// anything else.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<AuthenticationValue> {
        if let Ok(bytes) = value.try_into() {
            return Some(AuthenticationValue(bytes));
        }
        if let Ok(characters) = value.try_into() {
            return AuthenticationValue::of_base64(characters);
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

    /// RFC 4648: 27 characters of six bits, of which the last two are none of the value, and one that fills.
    fn of_base64(characters: &[u8; 28]) -> Option<AuthenticationValue> {
        let (digits, [b'=']) = characters.split_at(27) else { return None };
        let mut read = AuthenticationValue([0; 20]);
        let mut bytes = read.0.iter_mut();
        let (mut bits, mut count) = (0u16, 0);
        for character in digits {
            let six = match character {
                b'A'..=b'Z' => character - b'A',
                b'a'..=b'z' => character - b'a' + 26,
                b'0'..=b'9' => character - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u16::from(six);
            count += 6;
            if count >= 8 {
                count -= 8;
                *bytes.next()? = (bits >> count) as u8;
                bits &= (1 << count) - 1;
            }
        }
        (bits == 0).then_some(read)
    }

    /// Whether it is all zeros, which stands where there is none.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 20]
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
    fn base64() {
        let read = |text: &str| AuthenticationValue::read(text.as_bytes());
        // Made by Python's base64 of the bytes 0 to 19, and of 20 bytes FF.
        let counted: [u8; 20] = std::array::from_fn(|index| index as u8);
        assert_eq!(read("AAECAwQFBgcICQoLDA0ODxAREhM="), AuthenticationValue::read(&counted));
        assert_eq!(read("//////////////////////////8="), AuthenticationValue::read(&[0xFF; 20]));
        assert!(read("AAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap().is_zero());
        assert!(!read("AAECAwQFBgcICQoLDA0ODxAREhM=").unwrap().is_zero());
        for wrong in
            ["AAECAwQFBgcICQoLDA0ODxAREhMA", "AAECAwQFBgcICQoLDA0ODxAREhN=", "AAECAwQF BgcICQoLDA0ODxAREh="]
        {
            assert_eq!(read(wrong), None, "{wrong}");
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
