//! Days, months and times of day, written so that nobody takes the day for the month.

use std::fmt;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A day, of a known year or of any: `23 November 2026`, `23 November`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    year: Option<u16>,
    month: u8,
    day: u8,
}

/// A month of validity: `November 2026`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Month {
    year: u16,
    month: u8,
}

/// A time of day: `15:59:59`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock([u8; 3]);

impl Day {
    /// MMDD.
    pub(super) fn of_year([month, day]: [u8; 2]) -> Option<Day> {
        Day { year: None, month, day }.checked()
    }

    /// YYMMDD of a message: years 2000 to 2099, as [`card::Expiry`] reads them.
    pub(super) fn short([year, month, day]: [u8; 3]) -> Option<Day> {
        Day { year: Some(2000 + u16::from(year)), month, day }.checked()
    }

    /// CCYYMMDD.
    pub(super) fn long([century, year, month, day]: [u8; 4]) -> Option<Day> {
        Day { year: Some(u16::from(century) * 100 + u16::from(year)), month, day }.checked()
    }

    /// YYMMDD of chip data, where 50 to 99 are years of the last century (EMV Book 4, 6.7.3).
    pub(super) fn of_chip([year, month, day]: [u8; 3]) -> Option<Day> {
        let century = if year < 50 { 2000 } else { 1900 };
        Day { year: Some(century + u16::from(year)), month, day }.checked()
    }

    fn checked(self) -> Option<Day> {
        let last = match self.month {
            2 if self.year.is_none_or(is_leap) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (1..=last).contains(&self.day).then_some(self)
    }
}

impl Month {
    /// YYMM of the years 2000 to 2099.
    pub(super) fn new([year, month]: [u8; 2]) -> Option<Month> {
        (1..=12).contains(&month).then_some(Month { year: 2000 + u16::from(year), month })
    }
}

impl Clock {
    /// hhmmss.
    pub(super) fn new(time: [u8; 3]) -> Option<Clock> {
        let [hour, minute, second] = time;
        (hour < 24 && minute < 60 && second < 60).then_some(Clock(time))
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

fn name(month: u8) -> &'static str {
    MONTHS.get(usize::from(month).wrapping_sub(1)).copied().unwrap_or_default()
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.day, name(self.month))?;
        self.year.map_or(Ok(()), |year| write!(f, " {year}"))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", name(self.month), self.year)
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [hour, minute, second] = self.0;
        write!(f, "{hour:02}:{minute:02}:{second:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        let check = |day: Option<Day>, expect: Option<&str>| {
            assert_eq!(day.map(|day| day.to_string()).as_deref(), expect);
        };
        check(Day::of_year([2, 29]), Some("29 February"));
        check(Day::of_year([2, 30]), None);
        check(Day::of_year([0, 1]), None);
        check(Day::of_year([13, 1]), None);
        check(Day::of_year([4, 31]), None);
        check(Day::of_year([12, 0]), None);
        check(Day::short([26, 2, 29]), None);
        check(Day::short([28, 2, 29]), Some("29 February 2028"));
        check(Day::short([99, 1, 1]), Some("1 January 2099"));
        check(Day::long([19, 0, 2, 29]), None);
        check(Day::long([20, 0, 2, 29]), Some("29 February 2000"));
        check(Day::of_chip([49, 12, 31]), Some("31 December 2049"));
        check(Day::of_chip([50, 1, 1]), Some("1 January 1950"));
    }

    #[test]
    fn months_and_times() {
        assert_eq!(Month::new([26, 11]).unwrap().to_string(), "November 2026");
        assert_eq!(Month::new([26, 0]), None);
        assert_eq!(Clock::new([0, 5, 9]).unwrap().to_string(), "00:05:09");
        assert_eq!(Clock::new([23, 60, 0]), None);
    }
}
