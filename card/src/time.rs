use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A moment: milliseconds since 1970-01-01 UTC. Always an input, never read from a clock here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time {
    /// Milliseconds since the Unix epoch.
    pub unix_ms: i64,
}

const DAY_MS: i64 = 86_400_000;
/// Julian day number of 1970-01-01.
const EPOCH_JULIAN: i64 = 2_440_588;

/// Distance of the business day from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UtcOffset {
    /// Minutes east of UTC, -1439 to 1439.
    pub minutes: i16,
}

/// A calendar day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CivilDay {
    /// Year with century.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
}

/// `YYYY-MM-DD`.
impl fmt::Display for CivilDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Time {
    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub fn from_unix_ms(unix_ms: i64) -> Time {
        Time { unix_ms }
    }

    /// This much later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Time {
        Time { unix_ms: self.unix_ms.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)) }
    }

    /// This much earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Time {
        Time { unix_ms: self.unix_ms.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)) }
    }

    fn at(self, offset: UtcOffset) -> ::time::OffsetDateTime {
        ::time::OffsetDateTime::from_unix_timestamp(self.local_ms(offset).div_euclid(1000))
            .unwrap_or(::time::OffsetDateTime::UNIX_EPOCH)
    }

    fn local_ms(self, offset: UtcOffset) -> i64 {
        self.unix_ms.saturating_add(i64::from(offset.minutes) * 60_000)
    }

    /// Days from 1970-01-01 to the calendar day at this offset.
    #[must_use]
    pub fn day_number(self, offset: UtcOffset) -> i64 {
        self.local_ms(offset).div_euclid(DAY_MS)
    }

    /// The calendar day at this offset.
    #[must_use]
    pub fn day(self, offset: UtcOffset) -> CivilDay {
        let julian = self.day_number(offset).saturating_add(EPOCH_JULIAN);
        let date = i32::try_from(julian).ok().and_then(|julian| ::time::Date::from_julian_day(julian).ok());
        let (year, month, day) = date.unwrap_or(::time::OffsetDateTime::UNIX_EPOCH.date()).to_calendar_date();
        CivilDay { year: u16::try_from(year).unwrap_or(0), month: month as u8, day }
    }

    /// Hour of the day at this offset, 0 to 23.
    #[must_use]
    pub fn hour(self, offset: UtcOffset) -> u8 {
        (self.local_ms(offset).rem_euclid(DAY_MS) / 3_600_000) as u8
    }

    /// Day of the week at this offset, 1 for Monday to 7 for Sunday (ISO 8601).
    #[must_use]
    pub fn weekday(self, offset: UtcOffset) -> u8 {
        // 1970-01-01 was a Thursday.
        ((self.day_number(offset) + 3).rem_euclid(7) + 1) as u8
    }

    /// `MMDDhhmmss` at this offset: the form of DE 7 (which is in UTC).
    #[must_use]
    pub fn month_day_time(self, offset: UtcOffset) -> [u8; 10] {
        let at = self.at(offset);
        let text = format!(
            "{:02}{:02}{:02}{:02}{:02}",
            at.month() as u8,
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        );
        text.as_bytes().try_into().expect("five numbers of two digits")
    }
}

impl UtcOffset {
    /// Reads `Z`, `+05:00` or `-03:30`.
    #[must_use]
    pub fn parse(text: &str) -> Option<UtcOffset> {
        if matches!(text, "Z" | "UTC") {
            return Some(UtcOffset::default());
        }
        let sign = match text.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hours, minutes) = text.get(1..)?.split_once(':')?;
        let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
        (hours < 24 && minutes < 60).then_some(UtcOffset { minutes: sign * (hours * 60 + minutes) })
    }
}

fn two_digits(text: &str) -> Option<i16> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// RFC 3339 in UTC with milliseconds.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at(UtcOffset::default());
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            at.year(),
            at.month() as u8,
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            self.unix_ms.rem_euclid(1000)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_hour_and_weekday_are_those_of_the_library() {
        for step in -500_000..600_000i64 {
            let time = Time::from_unix_ms(step * 397_000_003 + 1);
            let beyond = !(1..10_000).contains(&time.at(UtcOffset::default()).year());
            if step % 7 != 0 && step.abs() > 20_000 || beyond {
                continue;
            }
            for minutes in [0, 600, -1439] {
                let (offset, at) = (UtcOffset { minutes }, time.at(UtcOffset { minutes }));
                let (year, month, day) = at.to_calendar_date();
                assert_eq!(time.day(offset), CivilDay { year: year as u16, month: month as u8, day });
                assert_eq!(time.hour(offset), at.hour());
                assert_eq!(time.weekday(offset), at.weekday().number_from_monday());
            }
        }
    }

    #[test]
    fn days_follow_the_offset() {
        let late = Time::from_unix_ms(1_795_471_199_123);
        assert_eq!(late.to_string(), "2026-11-23T21:59:59.123Z");
        let tashkent = UtcOffset::parse("+05:00").unwrap();
        assert_eq!(late.day(UtcOffset::default()), CivilDay { year: 2026, month: 11, day: 23 });
        assert_eq!(late.day(tashkent), CivilDay { year: 2026, month: 11, day: 24 });
        assert_eq!(late.hour(tashkent), 2);
        assert_eq!(&late.month_day_time(UtcOffset::default()), b"1123215959");
        assert_eq!(UtcOffset::parse("-03:30"), Some(UtcOffset { minutes: -210 }));
        for bad in ["", "5", "+5:00", "+24:00", "+00:60", "x"] {
            assert_eq!(UtcOffset::parse(bad), None, "{bad}");
        }
    }
}
