use crate::{KeyField, KeyType};

/// Appends `bytes` as upper-case hexadecimal digits.
pub(crate) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 0x0F)]);
    }
}

/// Appends `number` in `width` decimal digits; a larger number becomes all nines.
pub(crate) fn decimal(out: &mut Vec<u8>, number: u16, width: u32) {
    let number = number.min((10u32.pow(width.min(4)) - 1) as u16);
    for place in (0..width).rev() {
        out.push(DIGITS[usize::from(number / 10u16.pow(place) % 10)]);
    }
}

/// Appends a length in `width` hexadecimal digits, more when it does not fit. A message that long does
/// not fit a frame, and framing refuses it.
pub(crate) fn hex_length(out: &mut Vec<u8>, length: usize, width: usize) {
    out.extend_from_slice(format!("{length:0width$X}").as_bytes());
}

/// Appends a key type, `FFF` for "as the key block says".
pub(crate) fn key_type(out: &mut Vec<u8>, key_type: Option<KeyType>) {
    match key_type {
        Some(key_type) => out.extend_from_slice(key_type.to_string().as_bytes()),
        None => out.extend_from_slice(b"FFF"),
    }
}

/// Appends a key with its scheme letter.
pub(crate) fn key(out: &mut Vec<u8>, key: &KeyField<'_>) {
    if let Some(letter) = key.scheme().prefix() {
        out.push(letter as u8);
    }
    out.extend_from_slice(key.reveal().as_bytes());
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
