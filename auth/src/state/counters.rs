//! Counters of one card, account, terminal or merchant.

use crate::counters::{Moment, Window};
use crate::names::LimitId;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// What one limit counted in one piece of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cell {
    limit: LimitId,
    window: Window,
    piece: u32,
    count: u32,
    minor: i64,
}

/// Most cards buy and draw no cash on the same day: the one counter of theirs lies within their file.
const INLINE: usize = 1;

/// Counters that stand. What has left its window makes place for what comes, so that there are as many at most as
/// limits have counted in windows that are still open: one for each calendar window, 13 for each sliding one.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Counters(SmallVec<[Cell; INLINE]>);

// A million cards are a million of these.
const _: () = assert!(size_of::<Cell>() == 24 && size_of::<Counters>() == 32);

impl Counters {
    /// Minor units and number that count at this moment.
    pub(crate) fn used(&self, limit: LimitId, window: Window, moment: Moment) -> (i64, u32) {
        let piece = window.piece(moment);
        let of_limit = self.0.iter().filter(|cell| cell.limit == limit && cell.window == window);
        let open = of_limit.filter(|cell| cell.is_open(piece));
        open.fold((0i64, 0u32), |(minor, count), cell| {
            (minor.saturating_add(cell.minor), count.saturating_add(cell.count))
        })
    }

    /// Counts one transaction.
    pub(crate) fn add(&mut self, limit: LimitId, window: Window, moment: Moment, minor: i64) {
        let piece = window.piece(moment);
        let cell = match self.position(limit, window, piece) {
            Some(place) => &mut self.0[place],
            None => {
                let new = Cell { limit, window, piece, count: 0, minor: 0 };
                let over = self.0.iter().position(|cell| !cell.is_open(cell.window.piece(moment)));
                let place = over.unwrap_or(self.0.len());
                match self.0.get_mut(place) {
                    Some(cell) => *cell = new,
                    None => self.0.push(new),
                }
                &mut self.0[place]
            }
        };
        cell.minor = cell.minor.saturating_add(minor);
        cell.count = cell.count.saturating_add(1);
    }

    /// Takes back so much of what was counted then, if it still stands.
    pub(crate) fn take_back(
        &mut self,
        limit: LimitId,
        window: Window,
        moment: Moment,
        minor: i64,
        count: u32,
    ) {
        let Some(place) = self.position(limit, window, window.piece(moment)) else { return };
        let cell = &mut self.0[place];
        cell.minor = cell.minor.saturating_sub(minor);
        cell.count = cell.count.saturating_sub(count);
        if cell.count == 0 && cell.minor == 0 {
            self.0.swap_remove(place);
        }
    }

    /// Whether anything counts at this moment.
    pub(crate) fn is_over(&self, moment: Moment) -> bool {
        self.0.iter().all(|cell| !cell.is_open(cell.window.piece(moment)))
    }

    /// Adds up with those of another shard.
    pub(super) fn merge(&mut self, other: &Counters) {
        for cell in &other.0 {
            match self.position(cell.limit, cell.window, cell.piece) {
                Some(place) => {
                    let own = &mut self.0[place];
                    own.minor = own.minor.saturating_add(cell.minor);
                    own.count = own.count.saturating_add(cell.count);
                }
                None => self.0.push(*cell),
            }
        }
    }

    fn position(&self, limit: LimitId, window: Window, piece: u32) -> Option<usize> {
        self.0.iter().position(|cell| (cell.limit, cell.window, cell.piece) == (limit, window, piece))
    }

    /// All that stand, for those who add up or show them.
    pub(crate) fn cells(&self) -> &[Cell] {
        &self.0
    }
}

impl Cell {
    /// Whether it still counts when the present piece is this one. One of a later piece does: the clock went back.
    fn is_open(&self, piece: u32) -> bool {
        self.piece.saturating_add(self.window.pieces()) > piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::{Time, UtcOffset};
    use std::time::Duration;

    fn check(window: Window, counted: i64, asked: i64, expect: bool) {
        let at = |unix_ms| {
            let time = Time::from_unix_ms(unix_ms);
            Moment::new(time.day(UtcOffset::default()), time)
        };
        let mut counters = Counters::default();
        let limit = LimitId::of("x");
        let (then, now) = (at(counted), at(asked));
        counters.add(limit, window, then, 5);
        let expected = if expect { (5, 1) } else { (0, 0) };
        assert_eq!(counters.used(limit, window, now), expected, "{window} {counted} {asked}");
        assert_eq!(counters.is_over(now), !expect);
        counters.take_back(limit, window, then, 5, 1);
        assert!(counters.cells().is_empty());
    }

    /// Of 2024, a leap year, in milliseconds.
    fn at(month: u8, day: u8, hour: i64) -> i64 {
        const BEFORE: [i64; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];
        let days = 19_723 + BEFORE[usize::from(month) - 1] + i64::from(day) - 1;
        (days * 24 + hour) * 3_600_000
    }

    #[test]
    fn windows_end_where_the_calendar_says() {
        check(Window::DAY, at(2, 28, 23), at(2, 28, 23) + 3_599_999, true);
        check(Window::DAY, at(2, 28, 23), at(2, 29, 0), false);
        check(Window::MONTH, at(2, 1, 0), at(2, 29, 23), true);
        check(Window::MONTH, at(2, 29, 23), at(3, 1, 0), false);
        // 2024-01-01 was a Monday.
        check(Window::WEEK, at(1, 1, 0), at(1, 7, 23), true);
        check(Window::WEEK, at(1, 7, 23), at(1, 8, 0), false);
        check(Window::WEEK, at(2, 26, 0), at(3, 3, 23), true);
        check(Window::YEAR, at(1, 1, 0), at(12, 31, 23), true);
        check(Window::YEAR, at(1, 1, 0) - 1, at(1, 1, 0), false);
        check(Window::YEAR, at(12, 31, 23), at(12, 31, 24), false);
    }

    #[test]
    fn a_sliding_window_is_never_shorter_than_it_says() {
        let day = Window::sliding(Duration::from_hours(24)).unwrap();
        const HOUR: i64 = 3_600_000;
        for offset in [0, 1, HOUR, 2 * HOUR - 1] {
            let start = at(6, 15, 0) + offset;
            check(day, start, start + 24 * HOUR - 1, true);
            check(day, start, start + 24 * HOUR, true);
            check(day, start, start + 26 * HOUR, false);
        }
        check(day, at(6, 15, 2) - 1, at(6, 16, 2), false);
    }

    #[test]
    fn what_is_over_makes_place() {
        let mut counters = Counters::default();
        let hour = Window::sliding(Duration::from_hours(1)).unwrap();
        let minute = 60_000;
        for step in 0..100_000 {
            let time = Time::from_unix_ms(at(1, 1, 0) + step * minute);
            let moment = Moment::new(time.day(UtcOffset::default()), time);
            counters.add(LimitId::of("a"), Window::DAY, moment, 1);
            counters.add(LimitId::of("b"), hour, moment, 1);
            assert!(counters.cells().len() <= 14, "{}", counters.cells().len());
            let (_, count) = counters.used(LimitId::of("b"), hour, moment);
            assert!(i64::from(count) == (step + 1).min(60 + step % 5 + 1), "{count} at {step}");
        }
    }
}
