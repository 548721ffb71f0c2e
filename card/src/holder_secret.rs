use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A one-time code or a password of a cardholder, as it came. Masked in `Debug`, wiped on drop, never stored: what is
/// kept of it is a keyed hash.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct HolderSecret {
    bytes: [u8; HolderSecret::LONGEST],
    length: usize,
}

/// The text is too short, too long, or has more than printable ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolderSecretError;

impl HolderSecret {
    /// Fewest characters.
    pub const SHORTEST: usize = 4;
    /// Most characters.
    pub const LONGEST: usize = 32;

    /// Reads 4 to 32 printable ASCII characters. Blanks around them, with which a message fills its field, are left off.
    ///
    /// # Errors
    /// When there are fewer or more, or others.
    pub fn parse(text: &[u8]) -> Result<HolderSecret, HolderSecretError> {
        let text = text.trim_ascii();
        let fits = (HolderSecret::SHORTEST..=HolderSecret::LONGEST).contains(&text.len());
        if !fits || !text.iter().all(u8::is_ascii_graphic) {
            return Err(HolderSecretError);
        }
        let mut bytes = [0; HolderSecret::LONGEST];
        bytes[..text.len()].copy_from_slice(text);
        Ok(HolderSecret { bytes, length: text.len() })
    }

    /// The characters, for the hash that is kept or compared.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl fmt::Debug for HolderSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HolderSecret(****)")
    }
}

impl fmt::Display for HolderSecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a code or password has 4 to 32 letters, digits and signs without blanks between them")
    }
}

impl std::error::Error for HolderSecretError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_code() {
        let check = |text: &[u8], expect: Option<&[u8]>| {
            let read = HolderSecret::parse(text).ok();
            assert_eq!(read.as_ref().map(HolderSecret::reveal), expect);
            assert!(read.is_none_or(|read| format!("{read:?}") == "HolderSecret(****)"));
        };
        check(b"1234", Some(b"1234"));
        check(b" 123456  ", Some(b"123456"));
        check(b"Pa55-word", Some(b"Pa55-word"));
        check(b"123", None);
        check(b"12 34", None);
        check("пароль".as_bytes(), None);
        check(&[b'1'; 32], Some(&[b'1'; 32]));
        check(&[b'1'; 33], None);
    }
}
