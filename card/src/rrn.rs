use serde::{Deserialize, Serialize};
use std::fmt;

/// Retrieval reference number (DE 37): 12 letters or digits that follow a transaction through all
/// links.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rrn([u8; 12]);

/// The text is not 12 letters, digits or spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RrnError;

impl Rrn {
    /// Reads 12 ASCII letters, digits or spaces.
    ///
    /// # Errors
    /// When the length or a character differs.
    pub fn parse(text: &[u8]) -> Result<Rrn, RrnError> {
        let rrn: [u8; 12] = text.try_into().map_err(|_| RrnError)?;
        let legal = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b' ';
        if rrn.iter().all(legal) { Ok(Rrn(rrn)) } else { Err(RrnError) }
    }

    /// The 12 characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 12] {
        &self.0
    }

    /// The 12 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("????????????")
    }
}

impl fmt::Display for Rrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Rrn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rrn({self})")
    }
}

impl fmt::Display for RrnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RRN has 12 letters or digits")
    }
}

impl std::error::Error for RrnError {}
