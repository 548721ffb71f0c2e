//! Replacing characters where they stand: the class, the length and the filler of what is around them
//! stay.

use crate::class::Class;
use crate::dialect::{Encoding, FieldSpec, Pad};
use crate::{Charset, hex_text};

/// What stands in place of a hidden character of text.
pub(super) fn hidden(character: u8, class: Option<Class>) -> u8 {
    match (character, class) {
        (b'0'..=b'9', _) => b'0',
        // The separator of a track.
        (b'D', Some(Class::Z)) => b'D',
        (character, Some(Class::H)) if character.is_ascii_hexdigit() => b'0',
        (character, _) if character.is_ascii_graphic() && !character.is_ascii_alphabetic() => character,
        (b' ', _) => b' ',
        _ => b'X',
    }
}

/// Replaces the characters of a decoded value over which a masked one has stars.
pub(super) fn hide_stars(value: &mut [u8], masked: &str, class: Class) {
    for (byte, star) in value.iter_mut().zip(masked.bytes()) {
        if star == b'*' {
            *byte = hidden(*byte, Some(class));
        }
    }
}

/// Replaces packed digits of chip data, masked as text by `mask`. Fillers and the separator stay; what
/// is not digits with at most one separator becomes zeros.
pub(super) fn hide_packed(bytes: &mut [u8], mask: fn(&[u8]) -> String) {
    let digits = hex_text::write(bytes);
    let digits = digits.trim_end_matches('F');
    if !digits.replacen('D', "", 1).bytes().all(|digit| digit.is_ascii_digit()) {
        return bytes.fill(0);
    }
    for (index, (digit, star)) in digits.bytes().zip(mask(digits.as_bytes()).bytes()).enumerate() {
        if star == b'*'
            && digit != b'D'
            && let Some(byte) = bytes.get_mut(index / 2)
        {
            *byte &= if index % 2 == 0 { 0x0F } else { 0xF0 };
        }
    }
}

/// Hides text of which one character is not one byte.
pub(super) fn hide_text(spec: &FieldSpec, bytes: &mut [u8]) {
    let Encoding::Text(charset) = spec.encoding else { return };
    let mut second = false;
    for byte in bytes {
        // The second byte of two may look like a letter.
        let ascii = charset.ascii(*byte).filter(|_| !second);
        second = charset == Charset::Gbk && !second && ascii.is_none();
        *byte = charset.byte(ascii.map_or(b'X', |character| hidden(character, Some(spec.class))));
    }
}

/// Writes what differs between two decoded values of one length over the bytes of the first. Text is
/// ASCII in both.
pub(super) fn overlay(spec: &FieldSpec, bytes: &mut [u8], units: usize, from: &[u8], to: &[u8]) {
    let sign = usize::from(spec.class == Class::Xn);
    let first_digit = usize::from(spec.pad == Pad::Left && units.saturating_sub(sign) % 2 == 1);
    for (index, (_, new)) in from.iter().zip(to).enumerate().filter(|(_, (old, new))| old != new) {
        match spec.encoding {
            Encoding::Raw => set(bytes, index, *new),
            Encoding::Text(charset) => set(bytes, index, charset.byte(*new)),
            Encoding::Hex(charset) => {
                let [high, low] = hex_text::pair(*new).map(|digit| charset.byte(digit));
                set(bytes, 2 * index, high);
                set(bytes, 2 * index + 1, low);
            }
            Encoding::Bcd => {
                // A sign is one byte in front and never replaced.
                let nibble = index.saturating_sub(sign) + first_digit;
                if let Some(byte) = bytes.get_mut(sign + nibble / 2) {
                    let digit = new & 0x0F;
                    *byte = if nibble % 2 == 0 { *byte & 0x0F | digit << 4 } else { *byte & 0xF0 | digit };
                }
            }
        }
    }
}

fn set(bytes: &mut [u8], index: usize, new: u8) {
    if let Some(byte) = bytes.get_mut(index) {
        *byte = new;
    }
}
