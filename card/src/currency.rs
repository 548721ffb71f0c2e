use serde::{Deserialize, Serialize};
use std::fmt;

/// An ISO 4217 currency by its numeric code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Currency(u16);

/// No such currency in ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrencyError;

impl Currency {
    /// From the numeric code, for example 840.
    ///
    /// # Errors
    /// When ISO 4217 has no such code.
    pub fn from_numeric(code: u16) -> Result<Currency, CurrencyError> {
        iso_currency::Currency::from_numeric(code).map(|_| Currency(code)).ok_or(CurrencyError)
    }

    /// From text: the alphabetic (`USD`) or the three-digit numeric code (`840`), as in DE 49.
    ///
    /// # Errors
    /// When ISO 4217 has no such code.
    pub fn parse(text: &str) -> Result<Currency, CurrencyError> {
        if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Currency::from_numeric(text.parse().map_err(|_| CurrencyError)?);
        }
        iso_currency::Currency::from_code(text).map(|found| Currency(found.numeric())).ok_or(CurrencyError)
    }

    /// The numeric code.
    #[must_use]
    pub fn numeric(self) -> u16 {
        self.0
    }

    /// The alphabetic code.
    #[must_use]
    pub fn code(self) -> &'static str {
        iso_currency::Currency::from_numeric(self.0).map_or("XXX", |currency| currency.code())
    }

    /// How many digits of an amount are minor units: 2 for USD, 0 for JPY, 3 for KWD.
    #[must_use]
    pub fn exponent(self) -> u8 {
        iso_currency::Currency::from_numeric(self.0).and_then(iso_currency::Currency::exponent).unwrap_or(0)
            as u8
    }
}

/// The alphabetic code.
impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({self})")
    }
}

impl fmt::Display for CurrencyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such currency in ISO 4217")
    }
}

impl std::error::Error for CurrencyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_exponents() {
        let check = |text: &str, numeric, exponent| {
            let currency = Currency::parse(text).unwrap();
            assert_eq!((currency.numeric(), currency.exponent()), (numeric, exponent));
        };
        check("USD", 840, 2);
        check("840", 840, 2);
        check("JPY", 392, 0);
        check("KWD", 414, 3);
        check("UZS", 860, 2);
        assert_eq!(Currency::parse("000"), Err(CurrencyError));
        assert_eq!(Currency::parse("usd?"), Err(CurrencyError));
    }
}
