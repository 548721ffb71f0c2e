use crate::time::CivilDay;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Month of validity: a card is valid from the first day of its start month to the last day of its
/// expiry month. Two-digit years are 2000 to 2099.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Expiry {
    year: u16,
    month: u8,
}

/// The text is not `YYMM` with a month of 01 to 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiryError;

impl Expiry {
    /// Reads `YYMM`, the form of DE 14 and track 2.
    ///
    /// # Errors
    /// When it is not four digits or the month is not 01 to 12.
    pub fn parse_yymm(text: &[u8]) -> Result<Expiry, ExpiryError> {
        let [a, b, c, d] = text else { return Err(ExpiryError) };
        if !text.iter().all(u8::is_ascii_digit) {
            return Err(ExpiryError);
        }
        let year = 2000 + u16::from(a - b'0') * 10 + u16::from(b - b'0');
        let month = (c - b'0') * 10 + (d - b'0');
        if (1..=12).contains(&month) { Ok(Expiry { year, month }) } else { Err(ExpiryError) }
    }

    /// `YYMM` as ASCII.
    #[must_use]
    pub fn to_yymm(self) -> [u8; 4] {
        let year = (self.year % 100) as u8;
        [b'0' + year / 10, b'0' + year % 10, b'0' + self.month / 10, b'0' + self.month % 10]
    }

    /// Whether `day` lies after the last day of this month.
    #[must_use]
    pub fn is_before(self, day: CivilDay) -> bool {
        (self.year, self.month) < (day.year, day.month)
    }

    /// Whether `day` lies before the first day of this month.
    #[must_use]
    pub fn is_after(self, day: CivilDay) -> bool {
        (self.year, self.month) > (day.year, day.month)
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{:02}", self.month, self.year % 100)
    }
}

impl fmt::Display for ExpiryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an expiry is YYMM with a month of 01 to 12")
    }
}

impl std::error::Error for ExpiryError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_through_the_last_day_of_its_month() {
        let expiry = Expiry::parse_yymm(b"2611").unwrap();
        let day = |year, month, day| CivilDay { year, month, day };
        assert!(!expiry.is_before(day(2026, 11, 30)));
        assert!(expiry.is_before(day(2026, 12, 1)));
        assert!(expiry.is_after(day(2026, 10, 31)));
        assert!(!expiry.is_after(day(2026, 11, 1)));
        assert_eq!(expiry.to_yymm(), *b"2611");
        for bad in ["2600", "2613", "26", "26111", "2a11"] {
            assert_eq!(Expiry::parse_yymm(bad.as_bytes()), Err(ExpiryError));
        }
    }
}
