use std::time::Duration;

/// When each message of a run is to be sent: at a constant rate, from the first moment to the last. Times
/// are offsets from the start, so nothing here reads a clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// Messages per second.
    pub(crate) rate: f64,
    /// Sent like the rest and not counted.
    pub(crate) warm_up: Duration,
    /// What is counted.
    pub(crate) duration: Duration,
}

impl Schedule {
    /// Messages of the whole run, warm-up included.
    pub(crate) fn count(&self) -> u64 {
        self.messages_in(self.warm_up + self.duration)
    }

    /// Messages that are counted.
    pub(crate) fn measured_count(&self) -> u64 {
        self.count() - self.messages_in(self.warm_up)
    }

    /// When message `index` (from 0) is to be sent.
    pub(crate) fn offset(&self, index: u64) -> Duration {
        // Each from the start anew: a sum of intervals would drift with every rounding.
        Duration::from_secs_f64(index as f64 / self.rate)
    }

    /// Whether message `index` belongs to what is counted.
    pub(crate) fn is_measured(&self, index: u64) -> bool {
        index >= self.messages_in(self.warm_up)
    }

    /// When the last message is over: what is not sent by then is not sent at all.
    pub(crate) fn end(&self) -> Duration {
        self.warm_up + self.duration
    }

    /// The messages of worker `worker` of `workers`: every so many, so that each has the same rate.
    pub(crate) fn share(&self, worker: usize, workers: usize) -> impl Iterator<Item = u64> + use<> {
        (worker as u64..self.count()).step_by(workers)
    }

    /// Messages scheduled before `offset`.
    fn messages_in(&self, offset: Duration) -> u64 {
        // The tolerance keeps 2/s for 1.5 s at 3 messages, whichever way the product is rounded.
        (offset.as_secs_f64() * self.rate - 1e-6).ceil().max(0.0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: f64, warm_up_ms: u64, duration_ms: u64) -> Schedule {
        let ms = Duration::from_millis;
        Schedule { rate, warm_up: ms(warm_up_ms), duration: ms(duration_ms) }
    }

    #[test]
    fn messages_are_evenly_spaced_and_do_not_drift() {
        let schedule = schedule(3000.0, 0, 3_600_000);
        assert_eq!(schedule.offset(0), Duration::ZERO);
        assert_eq!(schedule.offset(3000), Duration::from_secs(1));
        assert_eq!(schedule.offset(3000 * 3599), Duration::from_secs(3599));
        assert_eq!(schedule.count(), 3000 * 3600);
    }

    #[test]
    fn warm_up_is_sent_and_not_counted() {
        let schedule = schedule(100.0, 500, 2_000);
        assert_eq!((schedule.count(), schedule.measured_count()), (250, 200));
        assert!(!schedule.is_measured(49));
        assert!(schedule.is_measured(50));
        assert_eq!(schedule.offset(50), schedule.warm_up);
        assert!(schedule.offset(schedule.count() - 1) < schedule.end());
        assert!(schedule.offset(schedule.count()) >= schedule.end());
    }

    #[test]
    fn odd_rates_are_neither_rounded_up_nor_down() {
        for (rate, duration_ms, expect) in
            [(2.0, 1_500, 3), (0.5, 1_000, 1), (1.0 / 3.0, 9_000, 3), (7.0, 1_000, 7)]
        {
            assert_eq!(schedule(rate, 0, duration_ms).count(), expect, "{rate}/s for {duration_ms} ms");
        }
    }

    #[test]
    fn workers_share_all_messages() {
        let schedule = schedule(10.0, 0, 1_000);
        let mut all: Vec<u64> = (0..3).flat_map(|worker| schedule.share(worker, 3)).collect();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<u64>>());
        assert_eq!(schedule.share(1, 3).collect::<Vec<u64>>(), [1, 4, 7]);
    }
}
