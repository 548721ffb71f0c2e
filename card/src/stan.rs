use serde::{Deserialize, Serialize};
use std::fmt;

/// System trace audit number (DE 11): six digits, unique per link and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stan(u32);

/// The text is not six digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StanError;

impl Stan {
    /// From a number of at most six digits.
    ///
    /// # Errors
    /// When it has more.
    pub fn new(number: u32) -> Result<Stan, StanError> {
        if number < 1_000_000 { Ok(Stan(number)) } else { Err(StanError) }
    }

    /// Reads six ASCII digits.
    ///
    /// # Errors
    /// When there are not exactly six.
    pub fn parse(digits: &[u8]) -> Result<Stan, StanError> {
        if digits.len() != 6 || !digits.iter().all(u8::is_ascii_digit) {
            return Err(StanError);
        }
        Ok(Stan(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))))
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Stan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl fmt::Display for StanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a STAN has six digits")
    }
}

impl std::error::Error for StanError {}
