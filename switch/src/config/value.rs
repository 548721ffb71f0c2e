//! Reading single values: text, numbers, amounts, and quantities with their unit.

use super::error::Complaint;
use card::{Amount, CivilDay, Currency};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::de::DeValue;

/// Text in quotes.
pub(super) fn text<'f>(value: &'f DeValue<'f>) -> Result<&'f str, Complaint> {
    value.as_str().ok_or_else(|| wrong_type(value, "text", "write it in quotes"))
}

/// `true` or `false`.
pub(super) fn switch(value: &DeValue<'_>) -> Result<bool, Complaint> {
    value.as_bool().ok_or_else(|| wrong_type(value, "true or false", "write true or false, without quotes"))
}

/// A whole number within bounds.
pub(super) fn number(range: RangeInclusive<u64>) -> impl FnOnce(&DeValue<'_>) -> Result<u64, Complaint> {
    move |value| {
        let (first, last) = (*range.start(), *range.end());
        let mend = format!("write a whole number from {first} to {last}, without quotes");
        let Some(integer) = value.as_integer() else { return Err(wrong_type(value, "a number", &mend)) };
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(Complaint::new("is out of bounds", mend)),
        }
    }
}

/// A whole number that may be below zero.
pub(super) fn signed(value: &DeValue<'_>) -> Result<i64, Complaint> {
    let mend = "write a whole number, without quotes";
    let Some(integer) = value.as_integer() else { return Err(wrong_type(value, "a number", mend)) };
    i64::from_str_radix(integer.as_str(), integer.radix())
        .map_err(|_| Complaint::new("is out of bounds", mend))
}

/// A list of values of one kind.
pub(super) fn list<'f, T>(
    value: &'f DeValue<'f>,
    read: impl Fn(&'f DeValue<'f>) -> Result<T, Complaint>,
) -> Result<Vec<T>, Complaint> {
    let mend = "write a list in brackets: [\"…\", \"…\"]";
    let items = value.as_array().ok_or_else(|| wrong_type(value, "a list", mend))?;
    items.iter().map(|item| read(item.get_ref())).collect()
}

/// A duration with its unit: `250ms`, `2s`, `5m`, `1h`, `7d`.
pub(super) fn duration(value: &DeValue<'_>) -> Result<Duration, Complaint> {
    let mend = "write a number and its unit: \"250ms\", \"2s\", \"5m\", \"1h\", \"7d\"";
    let text = value.as_str().ok_or_else(|| wrong_type(value, "a duration", mend))?;
    parse_duration(text).ok_or_else(|| Complaint::new("is not a duration", mend))
}

/// A size with its unit: `4096B`, `64KiB`, `10MiB`, `1GiB`.
pub(super) fn size(value: &DeValue<'_>) -> Result<u64, Complaint> {
    let mend = "write a number and its unit: \"512B\", \"64KiB\", \"10MiB\", \"1GiB\"";
    let text = value.as_str().ok_or_else(|| wrong_type(value, "a size", mend))?;
    parse_size(text).ok_or_else(|| Complaint::new("is not a size", mend))
}

/// A size within bounds.
pub(super) fn size_within(range: RangeInclusive<u64>) -> impl FnOnce(&DeValue<'_>) -> Result<u64, Complaint> {
    move |value| {
        let bytes = size(value)?;
        if range.contains(&bytes) {
            return Ok(bytes);
        }
        let mend = format!("between {} and {} bytes", range.start(), range.end());
        Err(Complaint::new("is out of bounds", mend))
    }
}

/// A duration that is not zero and not longer than `longest`.
pub(super) fn duration_up_to(longest: Duration) -> impl FnOnce(&DeValue<'_>) -> Result<Duration, Complaint> {
    move |value| {
        let duration = duration(value)?;
        if !duration.is_zero() && duration <= longest {
            return Ok(duration);
        }
        Err(Complaint::new("is out of bounds", format!("more than nothing and at most {longest:?}")))
    }
}

/// IP address and port.
pub(super) fn address(value: &DeValue<'_>) -> Result<SocketAddr, Complaint> {
    let mend = "write IP address and port: \"127.0.0.1:8583\", \"[::1]:8583\"";
    let text = value.as_str().ok_or_else(|| wrong_type(value, "an address", mend))?;
    text.parse().map_err(|_| Complaint::new("is not an IP address with a port", mend))
}

/// A country of ISO 3166-1, numeric.
pub(super) fn country(value: &DeValue<'_>) -> Result<u16, Complaint> {
    let mend = "write the three digits of ISO 3166-1: \"840\", \"276\"";
    let text = value.as_str().ok_or_else(|| wrong_type(value, "a country", mend))?;
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number > 0);
    number.ok_or_else(|| Complaint::new("is no country number", mend))
}

/// A currency of ISO 4217.
pub(super) fn currency(value: &DeValue<'_>) -> Result<Currency, Complaint> {
    let mend = "write the alphabetic or numeric code of ISO 4217: \"USD\", \"840\"";
    let text = value.as_str().ok_or_else(|| wrong_type(value, "a currency", mend))?;
    Currency::parse(text).map_err(|_| Complaint::new("is no currency of ISO 4217", mend))
}

/// A share in percent with up to two decimals, as basis points: `1.5%`.
pub(super) fn percent(most: u32) -> impl Fn(&DeValue<'_>) -> Result<u32, Complaint> {
    move |value| {
        let mend = format!("write a share from \"0%\" to \"{most}%\", with up to two decimals: \"1.5%\"");
        let text = value.as_str().ok_or_else(|| wrong_type(value, "a share", &mend))?;
        parse_percent(text)
            .filter(|points| *points <= most * 100)
            .ok_or_else(|| Complaint::new("is no share", mend))
    }
}

/// Basis points of `1.5%`.
pub(super) fn parse_percent(text: &str) -> Option<u32> {
    let number = text.strip_suffix('%')?.trim_end();
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 2 {
        return None;
    }
    let points: u32 = format!("{decimals:0<2}").parse().ok()?;
    whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(points)
}

/// A calendar day: `2026-11-27`.
pub(super) fn day(value: &DeValue<'_>) -> Result<CivilDay, Complaint> {
    let mend = "write year, month and day: \"2026-11-27\"";
    let text = value.as_str().ok_or_else(|| wrong_type(value, "a day", mend))?;
    parse_day(text).ok_or_else(|| Complaint::new("is no day", mend))
}

pub(super) fn parse_day(text: &str) -> Option<CivilDay> {
    let part = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u16>().ok())?
    };
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let dashes = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    };
    let exists = dashes && (1..=12).contains(&month) && (1..=last).contains(&day);
    exists.then_some(CivilDay { year, month: month as u8, day: day as u8 })
}

/// Largest amount that a file may state, minor units: 15 digits. Sums of thousands of them stay within `i64`.
pub(crate) const LARGEST_MINOR: i64 = 999_999_999_999_999;

/// An amount in major units, not negative and of at most 15 digits, as minor units of the currency.
pub(super) fn amount(currency: Currency) -> impl Fn(&DeValue<'_>) -> Result<i64, Complaint> {
    move |value| {
        let decimals = usize::from(currency.exponent());
        let example = if decimals == 0 { "500".to_owned() } else { format!("500.{:0decimals$}", 0) };
        let mend = format!("write major units of {currency} in quotes: {example:?}");
        let text = value.as_str().ok_or_else(|| wrong_type(value, "an amount", &mend))?;
        match Amount::parse_major(text, currency) {
            Ok(amount) if amount.minor > LARGEST_MINOR => {
                let largest = Amount::new(LARGEST_MINOR, currency);
                Err(Complaint::new("is out of bounds", format!("at most {largest}")))
            }
            Ok(amount) if amount.minor >= 0 => Ok(amount.minor),
            _ => Err(Complaint::new(format!("is not an amount of {currency}"), mend)),
        }
    }
}

/// One of a few words, each with its meaning.
pub(super) fn one_of<T: Copy>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&DeValue<'_>) -> Result<T, Complaint> {
    move |value| {
        let known = words.iter().map(|(word, _)| *word);
        let mend = format!("one of {}", known.map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", "));
        let text = value.as_str().ok_or_else(|| wrong_type(value, "text", &mend))?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| Complaint::new(format!("is {text:?}"), mend))
    }
}

/// A number with its unit.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (count, unit) = split_unit(text)?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    count.checked_mul(milliseconds).map(Duration::from_millis)
}

fn parse_size(text: &str) -> Option<u64> {
    let (count, unit) = split_unit(text)?;
    let shift = match unit {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    count.checked_mul(1 << shift)
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(digits);
    Some((count.parse().ok()?, unit.trim_start()))
}

fn wrong_type(value: &DeValue<'_>, wanted: &str, mend: &str) -> Complaint {
    let article = if value.as_integer().is_some() || value.is_array() { "an" } else { "a" };
    Complaint::new(format!("is {article} {} and not {wanted}", value.type_str()), mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(parse_duration(text), expect.map(Duration::from_millis), "{text}");
        };
        check("250ms", Some(250));
        check("2s", Some(2_000));
        check("5 m", Some(300_000));
        check("7d", Some(604_800_000));
        for bad in ["", "2", "s", "-2s", "2.5s", "2S", "2sec", "999999999999999999d", "é"] {
            check(bad, None);
        }
    }

    #[test]
    fn shares() {
        let check = |text: &str, expect: Option<u32>| assert_eq!(parse_percent(text), expect, "{text}");
        check("0%", Some(0));
        check("1.5%", Some(150));
        check("0.05%", Some(5));
        check("100 %", Some(10_000));
        for bad in ["", "%", "1", "1.%", ".5%", "1.005%", "-1%", "1,5%", "99999999999%"] {
            check(bad, None);
        }
    }

    #[test]
    fn days() {
        let check = |text: &str, expect: bool| assert_eq!(parse_day(text).is_some(), expect, "{text}");
        check("2026-11-27", true);
        check("2024-02-29", true);
        check("2100-02-29", false);
        for bad in [
            "",
            "2026-13-01",
            "2026-00-01",
            "2026-04-31",
            "2026-4-30",
            "26-04-30",
            "2026/04/30",
            "2026-04-3é",
        ] {
            check(bad, false);
        }
    }

    #[test]
    fn sizes() {
        for (text, expect) in [
            ("512B", Some(512)),
            ("64KiB", Some(65_536)),
            ("10MiB", Some(10_485_760)),
            ("1GiB", Some(1 << 30)),
            ("10MB", None),
            ("10", None),
            ("18446744073709551615KiB", None),
        ] {
            assert_eq!(parse_size(text), expect, "{text}");
        }
    }
}
