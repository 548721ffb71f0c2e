//! How many commands of each code there were, what came of them and how long they took.

use hsm::{CommandCode, ErrorCode};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts since the start or the last reset, shared between threads.
pub struct Statistics {
    slots: Box<[Slot]>,
}

/// The counts of one command code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Commands received.
    pub count: u64,
    /// Replies with another error code than 00, injected ones included.
    pub errors: u64,
    /// Replies that a fault lost.
    pub dropped: u64,
    /// Connections that a fault closed in place of a reply.
    pub disconnected: u64,
    /// Time that all of them took to compute.
    pub computing: Duration,
    /// Time from reading each command until its reply was due: computing, queue, delay and the replies
    /// before it.
    pub replying: Duration,
}

/// What came of one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered(ErrorCode),
    Dropped,
    Disconnected,
}

/// A slot for each code of capital letters and digits, and one for all others: what peers send must
/// not make it grow.
const SLOTS: usize = 36 * 36 + 1;

/// Under which codes other than letters and digits are counted.
const OTHERS: &str = "others";

#[derive(Default)]
struct Slot {
    count: AtomicU64,
    errors: AtomicU64,
    dropped: AtomicU64,
    disconnected: AtomicU64,
    computing_ns: AtomicU64,
    replying_ns: AtomicU64,
}

impl Statistics {
    pub(crate) fn new() -> Statistics {
        Statistics { slots: (0..SLOTS).map(|_| Slot::default()).collect() }
    }

    pub(crate) fn record(
        &self,
        code: CommandCode,
        outcome: Outcome,
        computing: Duration,
        replying: Duration,
    ) {
        let slot = &self.slots[slot(code)];
        let add = |counter: &AtomicU64, more: u64| counter.fetch_add(more, Ordering::Relaxed);
        add(&slot.count, 1);
        match outcome {
            Outcome::Answered(ErrorCode::NONE) => 0,
            Outcome::Answered(_) => add(&slot.errors, 1),
            Outcome::Dropped => add(&slot.dropped, 1),
            Outcome::Disconnected => add(&slot.disconnected, 1),
        };
        add(&slot.computing_ns, nanoseconds(computing));
        add(&slot.replying_ns, nanoseconds(replying));
    }

    /// Begins anew.
    pub fn reset(&self) {
        for slot in &self.slots {
            for counter in slot.counters() {
                counter.store(0, Ordering::Relaxed);
            }
        }
    }

    /// The counts of one code.
    #[must_use]
    pub fn of(&self, code: CommandCode) -> Counts {
        self.slots[slot(code)].counts()
    }
}

/// Which slot a code has.
pub(crate) fn slot(code: CommandCode) -> usize {
    let [first, second] = *code.as_bytes();
    match (place(first), place(second)) {
        (Some(first), Some(second)) => first * 36 + second,
        _ => SLOTS - 1,
    }
}

/// How many slots there are.
pub(crate) const fn slots() -> usize {
    SLOTS
}

fn place(character: u8) -> Option<usize> {
    match character {
        b'0'..=b'9' => Some(usize::from(character - b'0')),
        b'A'..=b'Z' => Some(usize::from(character - b'A') + 10),
        _ => None,
    }
}

fn name(slot: usize) -> String {
    if slot == SLOTS - 1 {
        return String::from(OTHERS);
    }
    let character = |place: usize| {
        char::from_digit(u32::try_from(place).expect("below 36"), 36).expect("below 36").to_ascii_uppercase()
    };
    [character(slot / 36), character(slot % 36)].iter().collect()
}

impl Slot {
    fn counters(&self) -> [&AtomicU64; 6] {
        [&self.count, &self.errors, &self.dropped, &self.disconnected, &self.computing_ns, &self.replying_ns]
    }

    fn counts(&self) -> Counts {
        let [count, errors, dropped, disconnected, computing, replying] =
            self.counters().map(|counter| counter.load(Ordering::Relaxed));
        let [computing, replying] = [computing, replying].map(Duration::from_nanos);
        Counts { count, errors, dropped, disconnected, computing, replying }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A mean in microseconds with one decimal.
fn mean(sum: Duration, count: u64) -> String {
    let tenths = sum.as_nanos() / 100 / u128::from(count.max(1));
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A table: a line for each code that came, by code.
impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "code        count     errors    dropped     closed  compute_us   reply_us")?;
        for (index, slot) in self.slots.iter().enumerate() {
            let Counts { count, errors, dropped, disconnected, computing, replying } = slot.counts();
            if count == 0 {
                continue;
            }
            let (computing, replying) = (mean(computing, count), mean(replying, count));
            let name = name(index);
            writeln!(
                f,
                "{name:<6} {count:>10} {errors:>10} {dropped:>10} {disconnected:>10} {computing:>11} {replying:>10}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_code_and_begins_anew() {
        let statistics = Statistics::new();
        let (ca, z9, odd) =
            (CommandCode::new(*b"CA"), CommandCode::new(*b"Z9"), CommandCode::new([b'c', 0xFF]));
        let us = Duration::from_micros;
        statistics.record(ca, Outcome::Answered(ErrorCode::NONE), us(2), us(5));
        statistics.record(ca, Outcome::Answered(ErrorCode::INPUT), us(3), us(6));
        statistics.record(ca, Outcome::Dropped, us(1), us(1));
        statistics.record(z9, Outcome::Disconnected, us(1), us(1));
        statistics.record(odd, Outcome::Answered(ErrorCode::INPUT), us(1), us(1));
        let expect =
            Counts { count: 3, errors: 1, dropped: 1, disconnected: 0, computing: us(6), replying: us(12) };
        assert_eq!(statistics.of(ca), expect);
        let table = statistics.to_string();
        let lines: Vec<Vec<_>> =
            table.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["CA", "3", "1", "1", "0", "2.0", "4.0"]);
        assert_eq!(lines[1][..5], ["Z9", "1", "0", "0", "1"]);
        assert_eq!(lines[2][..3], ["others", "1", "1"]);
        statistics.reset();
        assert_eq!(statistics.of(ca), Counts::default());
        assert_eq!(statistics.to_string().lines().count(), 1);
    }

    #[test]
    fn every_code_has_a_slot_of_its_own() {
        for first in (b'0'..=b'9').chain(b'A'..=b'Z') {
            for second in (b'0'..=b'9').chain(b'A'..=b'Z') {
                let code = CommandCode::new([first, second]);
                assert_eq!(name(slot(code)), code.to_string());
            }
        }
    }
}
