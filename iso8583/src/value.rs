use std::fmt;
use std::ops::Deref;

/// The decoded value of a data element: ASCII characters of digits and text, raw bytes of binary
/// elements. It points into the frame when the wire form is the value; packed digits and
/// hexadecimal characters are decoded onto the stack. `Debug` shows the length only.
#[derive(Clone)]
pub struct Value<'a>(Form<'a>);

#[derive(Clone)]
// A box would be smaller and would allocate, which is what this type exists to avoid.
#[allow(clippy::large_enum_variant)]
enum Form<'a> {
    Borrowed(&'a [u8]),
    Decoded { bytes: [u8; Value::CAPACITY], length: u16 },
}

impl<'a> Value<'a> {
    /// Room for the longest decoded value: 999 hexadecimal characters are 499 bytes.
    pub(crate) const CAPACITY: usize = 500;

    pub(crate) fn borrowed(bytes: &'a [u8]) -> Value<'a> {
        Value(Form::Borrowed(bytes))
    }

    /// Filled by `decode`, which answers how many bytes it wrote. Every dialect's table keeps to
    /// values that fit.
    #[inline]
    pub(crate) fn decoded(decode: impl FnOnce(&mut [u8; Value::CAPACITY]) -> usize) -> Value<'a> {
        let mut bytes = [0; Self::CAPACITY];
        let length = decode(&mut bytes) as u16;
        Value(Form::Decoded { bytes, length })
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

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::Borrowed(bytes) => bytes,
            Form::Decoded { bytes, length } => &bytes[..usize::from(*length)],
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
        let value = Value::decoded(|bytes| {
            bytes[..16].copy_from_slice(b"4000001234567899");
            16
        });
        assert_eq!(format!("{value:?}"), "Value(16 bytes)");
    }
}
