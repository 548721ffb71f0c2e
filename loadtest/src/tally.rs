use card::ResponseCode;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of the messages that are counted.
///
/// A request that got no answer, or was never sent, stands in both histograms with the time that was
/// waited in vain: left out, it would make a bad run look good.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// Messages written to a connection.
    pub(crate) sent: u64,
    /// Answers by DE 39.
    pub(crate) answers: BTreeMap<String, u64>,
    /// Sends more than [`Tally::LATE`] behind their schedule.
    pub(crate) late: u64,
    /// Requests without an answer within the deadline.
    pub(crate) timeouts: u64,
    /// Requests whose connection was lost before their answer.
    pub(crate) unanswered: u64,
    /// Messages that no connection or card was free for before the end of the run.
    pub(crate) unsent: u64,
    /// Answers that no request waits for: later than the deadline, or not ours.
    pub(crate) unmatched: u64,
    /// ARPCs checked.
    pub(crate) arpc_checked: u64,
    /// Among them wrong or missing.
    pub(crate) arpc_wrong: u64,
    /// From the scheduled send to the answer, microseconds.
    pub(crate) response: Histogram<u64>,
    /// From the actual send to the answer, microseconds.
    pub(crate) service: Histogram<u64>,
    /// How far the sends were behind their schedule, microseconds.
    pub(crate) lateness: Histogram<u64>,
    /// When the last answer came, from the start of the run.
    pub(crate) last_answer: Duration,
}

/// The moments of one message, from the start of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    pub(crate) scheduled: Duration,
    pub(crate) sent: Duration,
}

impl Tally {
    /// A send that is further behind is late. The system wakes a sleeper with some 0.1 ms delay.
    pub(crate) const LATE: Duration = Duration::from_millis(1);

    pub(crate) fn new() -> Tally {
        Tally {
            sent: 0,
            answers: BTreeMap::new(),
            late: 0,
            timeouts: 0,
            unanswered: 0,
            unsent: 0,
            unmatched: 0,
            arpc_checked: 0,
            arpc_wrong: 0,
            response: histogram(),
            service: histogram(),
            lateness: histogram(),
            last_answer: Duration::ZERO,
        }
    }

    pub(crate) fn sent(&mut self, moments: Moments) {
        self.sent += 1;
        let behind = moments.sent.saturating_sub(moments.scheduled);
        self.lateness.saturating_record(microseconds(behind));
        self.late += u64::from(behind > Tally::LATE);
    }

    pub(crate) fn answered(&mut self, moments: Moments, now: Duration, code: ResponseCode) {
        self.waited(moments, now);
        self.last_answer = self.last_answer.max(now);
        match self.answers.get_mut(code.as_str()) {
            Some(count) => *count += 1,
            None => {
                self.answers.insert(code.as_str().to_owned(), 1);
            }
        }
    }

    pub(crate) fn timed_out(&mut self, moments: Moments, now: Duration) {
        self.timeouts += 1;
        self.waited(moments, now);
    }

    pub(crate) fn lost(&mut self, moments: Moments, now: Duration) {
        self.unanswered += 1;
        self.waited(moments, now);
    }

    pub(crate) fn not_sent(&mut self, scheduled: Duration, now: Duration) {
        self.unsent += 1;
        self.waited(Moments { scheduled, sent: scheduled }, now);
    }

    pub(crate) fn arpc(&mut self, right: bool) {
        self.arpc_checked += 1;
        self.arpc_wrong += u64::from(!right);
    }

    fn waited(&mut self, moments: Moments, now: Duration) {
        self.response.saturating_record(microseconds(now.saturating_sub(moments.scheduled)));
        self.service.saturating_record(microseconds(now.saturating_sub(moments.sent)));
    }

    /// Answers of any code.
    pub(crate) fn answered_count(&self) -> u64 {
        self.answers.values().sum()
    }

    /// Answers 00 and 10.
    pub(crate) fn approved_count(&self) -> u64 {
        [ResponseCode::APPROVED, ResponseCode::PARTIAL]
            .iter()
            .map(|code| self.answers.get(code.as_str()).copied().unwrap_or(0))
            .sum()
    }

    /// Adds what another worker counted.
    pub(crate) fn add(&mut self, other: &Tally) {
        self.sent += other.sent;
        for (code, count) in &other.answers {
            *self.answers.entry(code.clone()).or_default() += count;
        }
        self.late += other.late;
        self.timeouts += other.timeouts;
        self.unanswered += other.unanswered;
        self.unsent += other.unsent;
        self.unmatched += other.unmatched;
        self.arpc_checked += other.arpc_checked;
        self.arpc_wrong += other.arpc_wrong;
        let same = "all histograms have the same bounds";
        self.response.add(&other.response).expect(same);
        self.service.add(&other.service).expect(same);
        self.lateness.add(&other.lateness).expect(same);
        self.last_answer = self.last_answer.max(other.last_answer);
    }
}

/// From 1 µs to an hour with three digits; what is longer counts as an hour.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds are in order")
}

pub(crate) fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(scheduled_us: u64, sent_us: u64) -> Moments {
        Moments { scheduled: Duration::from_micros(scheduled_us), sent: Duration::from_micros(sent_us) }
    }

    #[test]
    fn a_stall_shows_in_response_time_and_not_in_service_time() {
        let mut tally = Tally::new();
        for index in 0..100 {
            // One every millisecond; the first is answered only after 100 ms, and then all at once.
            let moments = moments(index * 1_000, 100_000);
            tally.sent(moments);
            tally.answered(moments, Duration::from_micros(100_100), ResponseCode::APPROVED);
        }
        assert_eq!(tally.service.max(), 100);
        assert_eq!(tally.response.value_at_quantile(0.5) / 1_000, 50);
        assert_eq!(tally.response.max() / 1_000, 100);
        // The last one was due at 99 ms and went out at 100 ms, which is not yet late.
        assert_eq!(tally.late, 99);
    }

    #[test]
    fn what_is_never_answered_counts_with_the_time_waited() {
        let mut tally = Tally::new();
        let at = Duration::from_secs;
        tally.timed_out(moments(0, 0), at(5));
        tally.lost(moments(0, 0), at(3));
        tally.not_sent(at(1), at(3));
        assert_eq!((tally.timeouts, tally.unanswered, tally.unsent), (1, 1, 1));
        assert_eq!((tally.answered_count(), tally.response.len()), (0, 3));
        assert_eq!(tally.response.max() / 100_000, 50);
    }

    #[test]
    fn tallies_add_up() {
        let answered = |code, at_us| {
            let mut tally = Tally::new();
            tally.sent(moments(0, 0));
            tally.answered(moments(0, 0), Duration::from_micros(at_us), code);
            tally.arpc(code == ResponseCode::APPROVED);
            tally
        };
        let mut sum = answered(ResponseCode::APPROVED, 10);
        sum.add(&answered(ResponseCode::APPROVED, 30));
        sum.add(&answered(ResponseCode::WRONG_PIN, 20));
        assert_eq!((sum.sent, sum.answered_count(), sum.approved_count()), (3, 3, 2));
        assert_eq!((sum.arpc_checked, sum.arpc_wrong), (3, 1));
        assert_eq!(sum.response.max(), 30);
        assert_eq!(sum.last_answer, Duration::from_micros(30));
        assert_eq!(sum.answers.keys().collect::<Vec<_>>(), ["00", "55"]);
    }
}
