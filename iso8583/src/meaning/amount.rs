//! Amounts, rates and currencies.

use super::digits::{cut, number};
use card::{Amount, Currency};

/// An amount in major units, for elements whose currency stands elsewhere in the message:
/// `of_amount("000000001250", "840")` is `12.50 USD`. The digits are minor units, as in DE 4 to 6
/// and, in hexadecimal, tags 9F02 and 9F03; the currency is alphabetic or numeric, as in DE 49 to
/// 51 and, with a leading zero, tag 5F2A.
#[must_use]
pub fn of_amount(digits: &str, currency: &str) -> Option<String> {
    let minor = i64::try_from(number(digits)?).ok()?;
    Some(Amount::new(minor, named(currency)?).to_string())
}

/// A currency and its decimals: DE 49 to 51, tags 5F2A and 9F42.
pub(super) fn of_currency(value: &str) -> Option<String> {
    let currency = named(value)?;
    Some(match currency.exponent() {
        0 => format!("{currency}, no decimals"),
        1 => format!("{currency}, 1 decimal"),
        exponent => format!("{currency}, {exponent} decimals"),
    })
}

/// The decimals of a currency where only they are told: tags 5F36, 9F3D and 9F44.
pub(super) fn of_exponent(exponent: u64) -> String {
    match exponent {
        0 => "no decimals".to_string(),
        1 => "1 decimal".to_string(),
        exponent => format!("{exponent} decimals"),
    }
}

/// Chip data writes three digits in two bytes, so a zero comes first.
fn named(value: &str) -> Option<Currency> {
    let code = if value.len() == 4 { value.strip_prefix('0')? } else { value };
    if code.len() == 3 { Currency::parse(code).ok() } else { None }
}

/// Sign and so many digits: fees (DE 28 to 31 of 1987), net settlement (DE 97).
pub(super) fn of_signed(value: &str, digits: usize) -> Option<String> {
    let (minor, side) = signed(value, digits)?;
    Some(format!("{minor} minor units{side}"))
}

/// Widely used software sends a zero in place of `C` or `D`, which leaves the side open.
fn signed(value: &str, digits: usize) -> Option<(u64, &'static str)> {
    let [sign, minor] = cut(value, [1, digits])?;
    let side = match sign {
        "C" => ", credit",
        "D" => ", debit",
        "0" => "",
        _ => return None,
    };
    Some((number(minor)?, side))
}

/// Conversion rate, DE 9 and 10, n8: the first digit counts the decimals of the other seven.
pub(super) fn of_conversion_rate(value: &str) -> Option<String> {
    let [decimals, rate] = cut(value, [1, 7])?;
    let (decimals, rate) = (number(decimals)?, number(rate)?);
    let scale = 10u64.pow(u32::try_from(decimals).ok()?);
    Some(match usize::try_from(decimals).ok()? {
        0 => format!("rate {rate}"),
        width => format!("rate {}.{:0width$}", rate / scale, rate % scale),
    })
}

/// Replacement amounts, DE 95 of 1987, an42: what was really paid, in transaction and settlement
/// currency, n12 each, and the fee in both, x+n8 each.
pub(super) fn of_replacement(value: &str) -> Option<String> {
    let [transaction, settlement, fee, settlement_fee] = cut(value, [12, 12, 9, 9])?;
    let (transaction, settlement) = (number(transaction)?, number(settlement)?);
    let (fee, side) = signed(fee, 8)?;
    let (settlement_fee, settlement_side) = signed(settlement_fee, 8)?;
    Some(format!(
        "minor units: transaction {transaction}; settlement {settlement}; fee {fee}{side}; \
         settlement fee {settlement_fee}{settlement_side}"
    ))
}

/// Original amounts, DE 30 of 1993, n24: transaction and reconciliation.
pub(super) fn of_original(value: &str) -> Option<String> {
    let [transaction, reconciliation] = cut(value, [12, 12])?;
    let (transaction, reconciliation) = (number(transaction)?, number(reconciliation)?);
    Some(format!("minor units: transaction {transaction}; reconciliation {reconciliation}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        let check = |digits: &str, currency: &str, expect: Option<&str>| {
            assert_eq!(of_amount(digits, currency).as_deref(), expect, "{digits} {currency}");
        };
        check("000000001250", "840", Some("12.50 USD"));
        check("000000001250", "USD", Some("12.50 USD"));
        check("000000001250", "0840", Some("12.50 USD"));
        check("000000001250", "392", Some("1250 JPY"));
        check("000000001250", "414", Some("1.250 KWD"));
        check("000000001250", "000", None);
        check("000000001250", "1840", None);
        check("000000001250", "", None);
        check("", "840", None);
        check("-1250", "840", None);
    }

    #[test]
    fn currencies() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of_currency(value).as_deref(), expect);
        check("840", Some("USD, 2 decimals"));
        check("860", Some("UZS, 2 decimals"));
        check("EUR", Some("EUR, 2 decimals"));
        check("392", Some("JPY, no decimals"));
        check("0978", Some("EUR, 2 decimals"));
        for bad in ["", "999999", "éa", "84", "00840", "ABC"] {
            check(bad, None);
        }
    }

    #[test]
    fn signs_and_rates() {
        let check = |value: &str, expect: Option<&str>| assert_eq!(of_signed(value, 8).as_deref(), expect);
        check("D00000150", Some("150 minor units, debit"));
        check("C00000000", Some("0 minor units, credit"));
        check("000000150", Some("150 minor units"));
        check("+00000150", None);
        check("D0000150", None);
        let check =
            |value: &str, expect: Option<&str>| assert_eq!(of_conversion_rate(value).as_deref(), expect);
        check("61234567", Some("rate 1.234567"));
        check("70012345", Some("rate 0.0012345"));
        check("90000001", Some("rate 0.000000001"));
        check("00000042", Some("rate 42"));
        check("6123456", None);
        check("6123456A", None);
    }

    #[test]
    fn several_at_once() {
        assert_eq!(
            of_replacement("000000001000000000000900D00000050C00000000").as_deref(),
            Some("minor units: transaction 1000; settlement 900; fee 50, debit; settlement fee 0, credit")
        );
        assert_eq!(of_replacement("000000001000000000000900X00000050C00000000"), None);
        assert_eq!(of_replacement(""), None);
        assert_eq!(
            of_original("000000001250000000001100").as_deref(),
            Some("minor units: transaction 1250; reconciliation 1100")
        );
        assert_eq!(of_original("00000000125000000000110"), None);
    }
}
