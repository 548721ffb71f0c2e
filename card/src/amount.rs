use crate::Currency;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Money: an integer of minor units with its currency. No floating point comes near it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Minor units: cents for USD, whole yen for JPY.
    pub minor: i64,
    /// The currency of those units.
    pub currency: Currency,
}

/// The text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmountError;

impl Amount {
    /// Of this many minor units.
    #[must_use]
    pub fn new(minor: i64, currency: Currency) -> Amount {
        Amount { minor, currency }
    }

    /// Reads major units with the currency's decimals, as people write them: `12.50`, `-3`, `1000`.
    ///
    /// # Errors
    /// When it is no decimal number, has more decimals than the currency, or does not fit.
    pub fn parse_major(text: &str, currency: Currency) -> Result<Amount, AmountError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let exponent = usize::from(currency.exponent());
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || fraction.len() > exponent || !only_digits(whole) || !only_digits(fraction) {
            return Err(AmountError);
        }
        let minor: i64 = format!("{whole}{fraction:0<exponent$}").parse().map_err(|_| AmountError)?;
        Ok(Amount { minor: if negative { -minor } else { minor }, currency })
    }
}

/// Major units, decimals and the alphabetic code: `12.50 USD`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let magnitude = self.minor.unsigned_abs();
        let scale = 10u64.pow(u32::from(self.currency.exponent()));
        write!(f, "{sign}{}", magnitude / scale)?;
        if scale > 1 {
            write!(f, ".{:0width$}", magnitude % scale, width = usize::from(self.currency.exponent()))?;
        }
        write!(f, " {}", self.currency)
    }
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an amount in this currency, such as 12.50")
    }
}

impl std::error::Error for AmountError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_major_units() {
        let check = |text: &str, code: &str, minor, shown: &str| {
            let amount = Amount::parse_major(text, Currency::parse(code).unwrap()).unwrap();
            assert_eq!(amount.minor, minor);
            assert_eq!(amount.to_string(), shown);
        };
        check("12.5", "USD", 1250, "12.50 USD");
        check("-0.05", "USD", -5, "-0.05 USD");
        check("1000", "JPY", 1000, "1000 JPY");
        check("1.234", "KWD", 1234, "1.234 KWD");
        let usd = Currency::parse("USD").unwrap();
        for bad in ["", ".5", "1.234", "1,5", "--1", "1e3", "99999999999999999999"] {
            assert_eq!(Amount::parse_major(bad, usd), Err(AmountError), "{bad}");
        }
    }
}
