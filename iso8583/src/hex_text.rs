//! Hexadecimal text, which is written in upper case.

use crate::class::{Hex, Lanes};
use wide::u8x16;

/// The value of a hexadecimal digit in ASCII, upper or lower case.
pub(crate) fn nibble(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'A'..=b'F' => Some(character - b'A' + 10),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

/// The two digits of a byte.
pub(crate) const fn pair(byte: u8) -> [u8; 2] {
    [digit(byte >> 4), digit(byte & 0x0F)]
}

const fn digit(nibble: u8) -> u8 {
    nibble + if nibble < 10 { b'0' } else { b'A' - 10 }
}

/// Bytes of a text with two digits each, or `None` when it is not that.
pub(crate) fn read(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

/// Bytes as text.
pub(crate) fn write(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| pair(*byte)).map(char::from).collect()
}

/// Bytes as digits to the front of `out`, which has room for them.
pub(crate) fn write_to(bytes: &[u8], out: &mut [u8]) {
    let (words, rest) = bytes.as_chunks::<8>();
    let (places, rest_places) = out.as_chunks_mut::<16>();
    for (place, word) in places.iter_mut().zip(words) {
        *place = from_word(u64::from_be_bytes(*word));
    }
    // What is left lies in the next place that is not whole, or in one that is.
    let left = places.get_mut(words.len()).map_or(rest_places, |place| &mut place[..]);
    let (pairs, _) = left.as_chunks_mut::<2>();
    for (pair_place, byte) in pairs.iter_mut().zip(rest) {
        *pair_place = pair(*byte);
    }
}

/// Sixteen digits as 64 bits, the first the least significant, or `None` when one is no digit: a bitmap
/// in characters.
#[inline]
pub(crate) fn bits(text: &[u8; 16]) -> Option<u64> {
    let lanes = u8x16::new(*text);
    // A letter has bit 6 set, whatever its case, and a value 9 above its low bits.
    let letters = (lanes & u8x16::splat(0x40)).min(u8x16::splat(9));
    let nibbles = u128::from_le_bytes(((lanes & u8x16::splat(0x0F)) + letters).to_array());
    let (first, last) = (joined(nibbles as u64), joined((nibbles >> 64) as u64));
    // The digits are turned around by that, the bits in them not yet.
    let word = u64::from(first) | u64::from(last) << 32;
    let word = (word >> 2 & 0x3333_3333_3333_3333) | (word & 0x3333_3333_3333_3333) << 2;
    let word = (word >> 1 & 0x5555_5555_5555_5555) | (word & 0x5555_5555_5555_5555) << 1;
    (Hex::bad(lanes) == u8x16::ZERO).then_some(word)
}

/// The nibbles in the low halves of eight bytes.
#[inline]
fn joined(nibbles: u64) -> u32 {
    let pairs = (nibbles | nibbles >> 4) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs | pairs >> 8) & 0x0000_FFFF_0000_FFFF;
    (fours | fours >> 16) as u32
}

/// A number as sixteen digits: each nibble into a byte of its own, then all made characters at once.
#[inline]
pub(crate) fn from_word(word: u64) -> [u8; 16] {
    let bytes = word.swap_bytes();
    let lanes = |nibbles: u64| u8x16::new(u128::from(nibbles & 0x0F0F_0F0F_0F0F_0F0F).to_le_bytes());
    let nibbles = u8x16::unpack_low(lanes(bytes >> 4), lanes(bytes));
    let letters = u8x16::ZERO - nibbles.saturating_sub(u8x16::splat(9)).min(u8x16::ONE);
    (nibbles + u8x16::splat(b'0') + (letters & u8x16::splat(b'A' - b'9' - 1))).to_array()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(read("00fFA9"), Some(vec![0, 0xFF, 0xA9]));
        assert_eq!(write(&[0, 0xFF, 0xA9]), "00FFA9");
        assert_eq!((read("0"), read("0G"), read("é0")), (None, None, None));
    }

    #[test]
    fn words() {
        assert_eq!(bits(b"8000000000000002"), Some(1 | 1 << 62));
        assert_eq!(bits(b"0123456789abCDEF"), Some(0x0123_4567_89AB_CDEF_u64.reverse_bits()));
        for length in 0..40u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(7)).collect();
            let mut out = vec![b'.'; 2 * bytes.len() + 3];
            write_to(&bytes, &mut out);
            assert_eq!(out, [write(&bytes).as_bytes(), b"..."].concat(), "{length}");
        }
        assert_eq!(from_word(0x0123_4567_89AB_CDEF), *b"0123456789ABCDEF");
        assert_eq!(from_word(0xFFA0_0000_0000_0090), *b"FFA0000000000090");
        for position in 0..16 {
            for byte in 0..=255u8 {
                let mut text = *b"7234054128C28805";
                text[position] = byte;
                let expect =
                    text.iter().try_fold(0u64, |word, byte| Some(word << 4 | u64::from(nibble(*byte)?)));
                assert_eq!(bits(&text), expect.map(u64::reverse_bits), "{byte:02X} at {position}");
            }
        }
    }
}
