/// The character classes of ISO 8583, by the standard's own letters.
///
/// Spaces are allowed in `a` and `an`, because the standard fills these classes with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `n`: decimal digits.
    N,
    /// `a`: letters, filled with spaces.
    A,
    /// `an`: letters and digits, filled with spaces.
    An,
    /// `ans`: printable ASCII, 0x20 to 0x7E.
    Ans,
    /// `z`: the code set of tracks 2 and 3 (ISO/IEC 7813), that is 0x30 to 0x3F with `=` as
    /// separator; `D`, the separator's nibble written as a letter, stands for it as well.
    Z,
    /// `x+n`: `C` or `D` for credit or debit, then digits. A zero in place of the letter is read
    /// too, because widely used software (jPOS) sends these fields as plain digits.
    Xn,
    /// `b`: binary.
    B,
}

impl Class {
    /// Position of the first character outside the class, or `None` when all belong to it.
    pub(crate) fn first_outside(self, text: &[u8]) -> Option<usize> {
        if self.holds(text) { None } else { self.scan(text) }
    }

    /// The question of every field of every message, so digits and text go by eight bytes at once.
    fn holds(self, text: &[u8]) -> bool {
        match self {
            Class::N => by_words(text, b'0', beyond_digits),
            Class::Ans => by_words(text, b' ', beyond_printable),
            Class::B => true,
            Class::A | Class::An | Class::Z | Class::Xn => self.scan(text).is_none(),
        }
    }

    fn scan(self, text: &[u8]) -> Option<usize> {
        text.iter().enumerate().position(|(index, byte)| !self.allows(*byte, index))
    }

    fn allows(self, byte: u8, index: usize) -> bool {
        match self {
            Class::N => byte.is_ascii_digit(),
            Class::A => byte.is_ascii_alphabetic() || byte == b' ',
            Class::An => byte.is_ascii_alphanumeric() || byte == b' ',
            Class::Ans => matches!(byte, 0x20..=0x7E),
            Class::Z => matches!(byte, 0x30..=0x3F | b'D'),
            Class::Xn if index == 0 => matches!(byte, b'C' | b'D' | b'0'),
            Class::Xn => byte.is_ascii_digit(),
            Class::B => true,
        }
    }
}

/// Whether all bytes are packed decimal digits.
pub(crate) fn all_bcd(bytes: &[u8]) -> bool {
    by_words(bytes, 0, |word| {
        let low = word & lanes(0x0F);
        let high = (word >> 4) & lanes(0x0F);
        ((low + lanes(0x06)) | (high + lanes(0x06))) & lanes(0x10)
    })
}

/// Runs `bad` over the bytes eight at a time; it answers zero when all eight are good. Bytes at the
/// end are looked at twice rather than one by one; `fill` is a good byte for what cannot be filled.
#[inline]
fn by_words(bytes: &[u8], fill: u8, bad: impl Fn(u64) -> u64) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut found = 0;
    for word in words {
        found |= bad(u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        found |= bad(match bytes.last_chunk::<8>() {
            Some(last) => u64::from_le_bytes(*last),
            None => short_word(bytes, fill),
        });
    }
    found == 0
}

/// One to seven bytes as a word, some of them twice.
#[inline]
fn short_word(bytes: &[u8], fill: u8) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
    }
    let mut word = [fill; 8];
    for (slot, byte) in word.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    u64::from_le_bytes(word)
}

/// The high bit of a lane is set when its byte is not 0x30 to 0x39. A carry into the next lane
/// comes only from a lane that is bad already.
#[inline]
fn beyond_digits(word: u64) -> u64 {
    let value = word ^ lanes(0x30);
    (value.wrapping_add(lanes(0x76)) | value) & lanes(0x80)
}

/// The high bit of a lane is set when its byte is not 0x20 to 0x7E, with the same remark.
#[inline]
fn beyond_printable(word: u64) -> u64 {
    (word.wrapping_sub(lanes(0x20)) | word.wrapping_add(lanes(0x01)) | word) & lanes(0x80)
}

const fn lanes(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Class; 7] = [Class::N, Class::A, Class::An, Class::Ans, Class::Z, Class::Xn, Class::B];

    /// Every byte value at every position of every length: words agree with the plain scan.
    #[test]
    fn words_agree_with_the_scan() {
        for class in ALL {
            for length in 1..=20 {
                for position in 0..length {
                    for byte in 0..=255 {
                        let mut text = vec![if class == Class::A { b'A' } else { b'0' }; length];
                        text[position] = byte;
                        let expect = (!class.allows(byte, position)).then_some(position);
                        assert_eq!(class.first_outside(&text), expect, "{class:?} {byte:02X} at {position}");
                    }
                }
            }
            assert_eq!(class.first_outside(b""), None);
        }
    }

    #[test]
    fn packed_digits() {
        for length in 1..=20 {
            for position in 0..length {
                for byte in 0..=255 {
                    let mut bytes = vec![0x99; length];
                    bytes[position] = byte;
                    assert_eq!(all_bcd(&bytes), byte >> 4 < 10 && byte & 15 < 10, "{byte:02X}");
                }
            }
        }
    }

    #[test]
    fn names_the_first_offender() {
        let check = |class: Class, text: &[u8], expect| assert_eq!(class.first_outside(text), expect);
        check(Class::N, b"0000000+9000", Some(7));
        check(Class::N, b"12 4x", Some(2));
        check(Class::An, b"AB 12-", Some(5));
        check(Class::Ans, b"caf\xC3\xA9", Some(3));
        check(Class::Z, b";4000001234567899=2812?", None);
        check(Class::Xn, b"C00000011", None);
        check(Class::Xn, b"X00000011", Some(0));
        check(Class::Xn, b"DD0000011", Some(1));
        check(Class::B, b"\x00\xFF", None);
    }
}
