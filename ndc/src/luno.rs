use std::fmt;

/// Logical unit number of an ATM: three digits, or these with a six-digit machine number behind them;
/// other lengths of 1 to 9 letters and digits are in use (reference §2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Luno {
    chars: [u8; Luno::MAX_LENGTH],
    length: u8,
}

impl Luno {
    /// Longest LUNO with its machine number.
    pub const MAX_LENGTH: usize = 9;

    /// Reads 1 to 9 ASCII letters and digits; anything else is `None`.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Luno> {
        if text.is_empty() || text.len() > Self::MAX_LENGTH || !text.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let mut chars = [0; Self::MAX_LENGTH];
        chars[..text.len()].copy_from_slice(text);
        Some(Luno { chars, length: text.len() as u8 })
    }

    /// The characters as sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.chars[..usize::from(self.length)]
    }

    /// The characters as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("new() admits ASCII only")
    }
}

impl fmt::Display for Luno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Luno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Luno({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_nine_letters_and_digits() {
        let check = |text: &str, expect: Option<&str>| {
            let luno = Luno::new(text.as_bytes());
            assert_eq!(luno.as_ref().map(Luno::as_str), expect);
        };
        check("000", Some("000"));
        check("001000001", Some("001000001"));
        check("ATM1", Some("ATM1"));
        check("", None);
        check("0010000010", None);
        check("00\x1d", None);
    }
}
