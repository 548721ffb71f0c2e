use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A card verification value of three digits: CVV on the stripe, iCVV in the chip's track
/// equivalent, or CVV2. Masked in `Debug`, wiped on drop, never stored.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Cvv([u8; 3]);

/// The text is not three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CvvError;

impl Cvv {
    /// Reads three ASCII digits.
    ///
    /// # Errors
    /// When there are not exactly three, or one is no digit.
    pub fn parse(digits: &[u8]) -> Result<Cvv, CvvError> {
        match digits {
            [a, b, c] if digits.iter().all(u8::is_ascii_digit) => Ok(Cvv([*a, *b, *c])),
            _ => Err(CvvError),
        }
    }

    /// The digits as ASCII, for the HSM command that verifies them.
    #[must_use]
    pub fn reveal(&self) -> &[u8; 3] {
        &self.0
    }
}

impl fmt::Debug for Cvv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cvv(***)")
    }
}

impl fmt::Display for CvvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a card verification value has three digits")
    }
}

impl std::error::Error for CvvError {}
