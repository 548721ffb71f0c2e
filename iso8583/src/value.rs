use std::fmt;
use std::ops::Deref;

/// The decoded value of a data element: UTF-8 of digits and text, raw bytes of binary elements. It
/// points into the frame when the wire form is the value. Packed digits, hexadecimal characters and
/// other character sets are decoded onto the stack, or into memory of their own when they are longer
/// than any card number, track or amount. `Debug` shows the length only.
#[derive(Clone)]
pub struct Value<'a>(Form<'a>);

#[derive(Clone)]
enum Form<'a> {
    Borrowed(&'a [u8]),
    Inline { bytes: [u8; Value::INLINE], length: u8 },
    Heap(Vec<u8>),
}

impl<'a> Value<'a> {
    /// Longest value that is decoded onto the stack.
    pub const INLINE: usize = 64;

    #[inline]
    pub(crate) fn borrowed(bytes: &'a [u8]) -> Value<'a> {
        Value(Form::Borrowed(bytes))
    }

    /// Filled by `decode`, which gets room for `most` bytes and answers how many it wrote.
    #[inline]
    pub(crate) fn decoded(most: usize, decode: impl FnOnce(&mut [u8]) -> usize) -> Value<'a> {
        if most <= Self::INLINE {
            let mut bytes = [0; Self::INLINE];
            let length = decode(&mut bytes[..most]).min(most) as u8;
            return Value(Form::Inline { bytes, length });
        }
        let mut bytes = vec![0; most];
        let length = decode(&mut bytes);
        bytes.truncate(length);
        Value(Form::Heap(bytes))
    }

    /// The value as text, or `None` when it is binary and happens not to be UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self).ok()
    }

    /// The value as a number, when it is 1 to 19 decimal digits.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        if self.is_empty() || self.len() > 19 {
            return None;
        }
        self.iter().try_fold(0u64, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
        })
    }
}

impl Deref for Value<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::Borrowed(bytes) => bytes,
            Form::Inline { bytes, length } => &bytes[..usize::from(*length)],
            Form::Heap(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let check =
            |text: &str, expect| assert_eq!(Value::borrowed(text.as_bytes()).number(), expect, "{text}");
        check("000000012345", Some(12345));
        check("9999999999999999999", Some(9_999_999_999_999_999_999));
        check("10000000000000000000", None);
        check("", None);
        check("+1", None);
        check("C00000011", None);
    }

    #[test]
    fn debug_shows_no_content() {
        for most in [16, 100] {
            let value = Value::decoded(most, |bytes| {
                bytes[..16].copy_from_slice(b"4000001234567899");
                16
            });
            assert_eq!(format!("{value:?}"), "Value(16 bytes)");
            assert_eq!(&*value, b"4000001234567899");
        }
    }
}
