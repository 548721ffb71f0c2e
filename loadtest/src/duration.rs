//! Durations as people write them.

use std::time::Duration;

/// Reads a number and its unit: `250ms`, `2.5s`, `1m`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let fail = || "a number and its unit, such as 250ms, 30s or 2m".to_owned();
    let unit_start = text.find(|character: char| character.is_ascii_alphabetic()).ok_or_else(fail)?;
    let (number, unit) = text.split_at(unit_start);
    let scale = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(fail()),
    };
    let number: f64 = number.trim_end().parse().map_err(|_| fail())?;
    Duration::try_from_secs_f64(number * scale).map_err(|_| fail())
}

/// Three digits and a unit: `412 µs`, `3.07 ms`, `1.20 s`.
pub(crate) fn show(microseconds: u64) -> String {
    match microseconds {
        0..1_000 => format!("{microseconds} µs"),
        1_000..10_000 => format!("{:.2} ms", microseconds as f64 / 1e3),
        10_000..100_000 => format!("{:.1} ms", microseconds as f64 / 1e3),
        100_000..1_000_000 => format!("{:.0} ms", microseconds as f64 / 1e3),
        _ => format!("{:.2} s", microseconds as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        let check = |text, ms| assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        check("250ms", 250);
        check("30s", 30_000);
        check("2.5 s", 2_500);
        check("1m", 60_000);
        check("1h", 3_600_000);
        check("5000us", 5);
        for bad in ["", "5", "s", "-1s", "1d", "1e400s", "é", "nans"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shows_three_digits() {
        let check = |microseconds, text: &str| assert_eq!(show(microseconds), text);
        check(0, "0 µs");
        check(412, "412 µs");
        check(3_070, "3.07 ms");
        check(12_340, "12.3 ms");
        check(999_400, "999 ms");
        check(1_204_000, "1.20 s");
    }
}
