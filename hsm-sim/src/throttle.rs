//! The rate that a unit is licensed for: commands above it wait for their turn, none is lost.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The queue of the whole unit. Each command occupies it for one part of a second.
pub(crate) struct Throttle {
    /// Commands a second; 0 for no limit.
    rate: AtomicU32,
    /// When the last command that was let in will be done.
    free: Mutex<Instant>,
}

impl Throttle {
    pub(crate) fn new() -> Throttle {
        Throttle { rate: AtomicU32::new(0), free: Mutex::new(Instant::now()) }
    }

    pub(crate) fn rate(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.rate.load(Ordering::Relaxed))
    }

    /// Sets the rate. Commands that wait already keep their turn.
    pub(crate) fn set_rate(&self, rate: Option<NonZeroU32>) {
        self.rate.store(rate.map_or(0, NonZeroU32::get), Ordering::Relaxed);
    }

    /// Takes a command in and says when it will be done; `None` when there is no limit.
    pub(crate) fn admit(&self, now: Instant) -> Option<Instant> {
        let turn = Duration::from_secs(1) / self.rate()?.get();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = (*free).max(now) + turn;
        Some(*free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_queue_for_the_whole_unit_and_idle_time_is_not_saved() {
        let throttle = Throttle::new();
        let start = Instant::now() + Duration::from_secs(1);
        assert_eq!(throttle.admit(start), None);
        throttle.set_rate(NonZeroU32::new(100));
        let done = |after| throttle.admit(start + Duration::from_millis(after)).unwrap() - start;
        assert_eq!([done(0), done(0), done(5), done(30)].map(|it| it.as_millis()), [10, 20, 30, 40]);
        assert_eq!([done(500), done(500)].map(|it| it.as_millis()), [510, 520]);
        throttle.set_rate(None);
        assert_eq!(throttle.admit(start), None);
    }
}
