use crate::duration;
use crate::tally::histogram;
use card::ResponseCode;
use hdrhistogram::Histogram;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// What all workers have done so far, warm-up included, for the line that is printed every second.
pub(crate) struct Progress {
    sent: AtomicU64,
    answered: AtomicU64,
    declined: AtomicU64,
    timeouts: AtomicU64,
    /// Response times since the last line, microseconds.
    latest: Mutex<Histogram<u64>>,
}

/// Where the lines go.
pub(crate) struct Lines {
    /// On a terminal each line takes the place of the one before.
    in_place: bool,
    answered_before: u64,
    at_before: Duration,
}

impl Progress {
    pub(crate) fn new() -> Progress {
        Progress {
            sent: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            declined: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
            latest: Mutex::new(histogram()),
        }
    }

    pub(crate) fn sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self, code: ResponseCode, response_us: u64) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        if code != ResponseCode::APPROVED {
            self.declined.fetch_add(1, Ordering::Relaxed);
        }
        self.latest().saturating_record(response_us);
    }

    pub(crate) fn timed_out(&self) {
        self.timeouts.fetch_add(1, Ordering::Relaxed);
    }

    fn latest(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.latest.lock().expect("no worker panics while it counts")
    }
}

impl Lines {
    pub(crate) fn new() -> Lines {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let in_place = std::io::stderr().is_terminal() && !no_color;
        Lines { in_place, answered_before: 0, at_before: Duration::ZERO }
    }

    /// Prints how things stand `at` after the start.
    pub(crate) fn print(&mut self, at: Duration, progress: &Progress) {
        let line = self.line(at, progress);
        let (begin, end) = if self.in_place { ("\r\x1b[2K", "") } else { ("", "\n") };
        let mut out = std::io::stderr().lock();
        // Nobody may be reading it.
        let _ = write!(out, "{begin}{line}{end}").and_then(|()| out.flush());
    }

    /// Leaves the last line standing.
    pub(crate) fn finish(&self) {
        if self.in_place {
            eprintln!();
        }
    }

    fn line(&mut self, at: Duration, progress: &Progress) -> String {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let answered = count(&progress.answered);
        let seconds = (at.saturating_sub(self.at_before)).as_secs_f64().max(1e-3);
        let rate = (answered - self.answered_before) as f64 / seconds;
        (self.answered_before, self.at_before) = (answered, at);
        let mut latest = progress.latest();
        let quantile = |quantile| duration::show(latest.value_at_quantile(quantile));
        let line = format!(
            "{:>4.0} s  {rate:>7.0}/s  p50 {:>8}  p99 {:>8}  sent {}  answered {answered}  declined {}  timeouts {}",
            at.as_secs_f64(),
            quantile(0.5),
            quantile(0.99),
            count(&progress.sent),
            count(&progress.declined),
            count(&progress.timeouts),
        );
        latest.reset();
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_of_the_time_since_the_last() {
        let progress = Progress::new();
        let mut lines = Lines { in_place: false, answered_before: 0, at_before: Duration::ZERO };
        for _ in 0..100 {
            progress.sent();
            progress.answered(ResponseCode::APPROVED, 400);
        }
        let line = lines.line(Duration::from_secs(1), &progress);
        assert!(line.contains("100/s  p50   400 µs"), "{line}");
        progress.sent();
        // The histogram keeps three digits: 9,000 µs stand for all up to 9,007.
        progress.answered(ResponseCode::WRONG_PIN, 9_000);
        progress.timed_out();
        let line = lines.line(Duration::from_millis(1_500), &progress);
        assert!(line.contains("2/s") && line.contains("sent 101") && line.contains("9.01 ms"), "{line}");
        assert!(line.ends_with("declined 1  timeouts 1"), "{line}");
    }
}
