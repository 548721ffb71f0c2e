use crate::names::TransmissionTime;
use card::{Time, UtcOffset};
use serde::{Deserialize, Serialize};

/// How far the clock of a terminal is behind ours, as the times of its messages (DE 7) tell. A message may come late, and
/// none comes early: so the least distance of two days is the clock's own. Two days, so that a clock that was put back
/// is known anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct TerminalClock {
    /// Days since the Unix epoch of the newest message.
    day: i32,
    /// Seconds, of that day's messages and of those of the day with messages before it.
    behind_s: [Option<i32>; 2],
}

impl TerminalClock {
    /// Takes note of a message that came at this moment.
    pub(super) fn note(&mut self, transmission: TransmissionTime, time: Time) {
        let Some(behind_s) = behind(transmission, time) else { return };
        let day = i32::try_from(time.unix_ms.div_euclid(DAY_MS)).unwrap_or(i32::MAX);
        self.turn_to(day);
        let least = self.behind_s[0].map_or(behind_s, |least| least.min(behind_s));
        self.behind_s[0] = Some(least);
    }

    fn turn_to(&mut self, day: i32) {
        if day > self.day {
            self.day = day;
            self.behind_s = [None, self.behind_s[0].or(self.behind_s[1])];
        }
    }

    /// What both know together.
    pub(super) fn merge(&mut self, other: TerminalClock) {
        let (mut older, newer) = if other.day < self.day { (other, *self) } else { (*self, other) };
        older.turn_to(newer.day);
        *self = newer;
        for (known, also) in self.behind_s.iter_mut().zip(older.behind_s) {
            *known = [*known, also].into_iter().flatten().min();
        }
    }

    /// When a message of this time came at first, by our clock, if it came quickly. `None` where it does not say its time, or the clock is not
    /// known.
    pub(super) fn sent(&self, transmission: TransmissionTime, now: Time) -> Option<Time> {
        let own_s = self.behind_s.into_iter().flatten().min()?;
        let age_s = i64::from(behind(transmission, now)?) - i64::from(own_s);
        Some(Time::from_unix_ms(now.unix_ms.saturating_sub(age_s * 1000)))
    }
}

const DAY_S: i32 = 86_400;
const DAY_MS: i64 = 86_400_000;
/// Every year has its 29 February here: what is off by a day around it seems older than it is, which is safe.
const YEAR_S: i32 = 366 * DAY_S;
const DAYS_BEFORE_MONTH: [i32; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];

/// By how many seconds the time of a message lies before this moment: up to half a year, or behind it.
fn behind(transmission: TransmissionTime, time: Time) -> Option<i32> {
    let TransmissionTime(number) = transmission;
    let part = |divisor: u32| (number / divisor % 100) as i32;
    let (hours, minutes, seconds) = (part(10_000), part(100), part(1));
    let clock = hours * 3600 + minutes * 60 + seconds;
    let sent_s = day_of_year(part(100_000_000), part(1_000_000))? * DAY_S + clock;
    let day = time.day(UtcOffset::default());
    let today_s = (time.unix_ms.rem_euclid(DAY_MS) / 1000) as i32;
    let now_s = day_of_year(day.month.into(), day.day.into())? * DAY_S + today_s;
    let apart_s = (now_s - sent_s).rem_euclid(YEAR_S);
    Some(if apart_s > YEAR_S / 2 { apart_s - YEAR_S } else { apart_s })
}

fn day_of_year(month: i32, day: i32) -> Option<i32> {
    let before = DAYS_BEFORE_MONTH.get(usize::try_from(month - 1).ok()?)?;
    (1..=31).contains(&day).then_some(before + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-27 12:00:00 UTC.
    const NOON: i64 = 1_795_780_800_000;

    fn at(seconds: i64) -> Time {
        Time::from_unix_ms(NOON + seconds * 1000)
    }

    fn sent(clock: &TerminalClock, transmission: u32, seconds: i64) -> Option<i64> {
        clock.sent(TransmissionTime(transmission), at(seconds)).map(|time| (time.unix_ms - NOON) / 1000)
    }

    #[test]
    fn a_clock_is_known_by_the_message_that_came_quickest() {
        let mut clock = TerminalClock::default();
        assert_eq!(sent(&clock, 1127_120000, 0), None);
        // Its clock is an hour ahead; one message came after three seconds, one was stored for a while.
        clock.note(TransmissionTime(1127_130000), at(3));
        clock.note(TransmissionTime(1127_123000), at(10));
        assert_eq!(sent(&clock, 1127_130000, 3), Some(3));
        assert_eq!(sent(&clock, 1127_130000, 600), Some(3));
        assert_eq!(sent(&clock, 1127_130957, 600), Some(600));
    }

    #[test]
    fn a_clock_that_was_put_back_is_known_anew_after_two_days() {
        let mut clock = TerminalClock::default();
        clock.note(TransmissionTime(1127_130000), at(0));
        clock.note(TransmissionTime(1128_120000), at(86_400));
        assert_eq!(sent(&clock, 1128_120000, 86_400), Some(86_400 - 3600), "as if it were an hour old");
        clock.note(TransmissionTime(1129_120000), at(2 * 86_400));
        assert_eq!(sent(&clock, 1129_120000, 2 * 86_400), Some(2 * 86_400));
    }

    #[test]
    fn years_end() {
        let mut clock = TerminalClock::default();
        let new_year = 34 * 86_400 + 43_200;
        clock.note(TransmissionTime(1231_235959), at(new_year));
        assert_eq!(sent(&clock, 1231_235959, new_year + 100), Some(new_year));
        assert_eq!(sent(&clock, 101_000001, new_year + 2), Some(new_year + 2));
    }

    #[test]
    fn what_is_no_time_says_nothing() {
        let mut clock = TerminalClock::default();
        for wrong in [0, 1300_000000, 1100_120000, 32_000000] {
            clock.note(TransmissionTime(wrong), at(0));
            assert_eq!(clock, TerminalClock::default());
        }
    }

    /// The state has a clock of each message and merges them.
    #[test]
    fn clocks_of_single_messages_together_are_one_that_noted_all() {
        let messages = [
            (1127_130000, 0),
            (1127_120500, 600),
            (1128_120000, 86_400),
            (1128_120030, 86_420),
            (1129_115950, 172_800),
        ];
        let (mut noted, mut merged) = (TerminalClock::default(), TerminalClock::default());
        for (transmission, seconds) in messages {
            noted.note(TransmissionTime(transmission), at(seconds));
            let mut one = TerminalClock::default();
            one.note(TransmissionTime(transmission), at(seconds));
            merged.merge(one);
            assert_eq!(merged, noted, "{transmission}");
        }
    }

    #[test]
    fn two_shards_know_it_together() {
        let (mut one, mut other) = (TerminalClock::default(), TerminalClock::default());
        one.note(TransmissionTime(1127_115950), at(0));
        other.note(TransmissionTime(1127_115957), at(0));
        one.merge(other);
        assert_eq!(sent(&one, 1127_115957, 0), Some(0));
    }
}
