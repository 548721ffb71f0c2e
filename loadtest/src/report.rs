use crate::duration;
use crate::schedule::Schedule;
use crate::tally::{Tally, microseconds};
use card::ResponseCode;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) address: SocketAddr,
    pub(crate) dialect: &'static str,
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    pub(crate) cards: usize,
    pub(crate) schedule: Schedule,
    pub(crate) tally: Tally,
    /// Why connections were lost.
    pub(crate) lost: Vec<String>,
    pub(crate) thresholds: Thresholds,
}

/// What the run was asked to keep to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Thresholds {
    /// Of the response time.
    pub(crate) max_p99: Option<Duration>,
    /// Approvals of all scheduled messages, 0 to 1.
    pub(crate) min_approved: Option<f64>,
}

const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

impl Report {
    /// Whether every threshold is met and every ARPC was right.
    pub(crate) fn is_met(&self) -> bool {
        self.tally.arpc_wrong == 0 && self.missed().is_empty()
    }

    /// Answers per second, over the time from the first counted send to the last answer.
    fn throughput(&self) -> f64 {
        let end = self.tally.last_answer.max(self.schedule.end());
        self.tally.answered_count() as f64 / (end - self.schedule.warm_up).as_secs_f64()
    }

    fn approved_share(&self) -> f64 {
        self.tally.approved_count() as f64 / self.schedule.measured_count().max(1) as f64
    }

    /// The thresholds that were not met, in words.
    fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        let p99 = self.tally.response.value_at_quantile(0.99);
        if let Some(max) = self.thresholds.max_p99.map(microseconds).filter(|max| p99 > *max) {
            let (p99, max) = (duration::show(p99), duration::show(max));
            missed.push(format!("response time p99 is {p99}, more than {max}"));
        }
        let share = self.approved_share();
        if let Some(min) = self.thresholds.min_approved.filter(|min| share < *min) {
            missed.push(format!("{share:.4} of all were approved, less than {min}"));
        }
        missed
    }

    /// For people.
    pub(crate) fn to_text(&self) -> String {
        let Report { schedule, tally, .. } = self;
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "asked       {}/s for {:?} after {:?} of warm-up: {} messages to {} ({})",
            schedule.rate,
            schedule.duration,
            schedule.warm_up,
            schedule.measured_count(),
            self.address,
            self.dialect,
        );
        let _ = writeln!(
            text,
            "achieved    {:.1}/s: {} sent, {} answered; {} connections, {} threads, {} cards",
            self.throughput(),
            tally.sent,
            tally.answered_count(),
            self.connections,
            self.threads,
            self.cards,
        );
        let _ =
            writeln!(text, "\n            {:>9}{:>9}{:>9}{:>9}{:>9}", "p50", "p90", "p99", "p99.9", "max");
        for (name, histogram) in [("response", &tally.response), ("service", &tally.service)] {
            let _ = write!(text, "{name:<12}");
            for (_, quantile) in QUANTILES {
                let _ = write!(text, "{:>9}", duration::show(histogram.value_at_quantile(quantile)));
            }
            let _ = writeln!(text, "{:>9}", duration::show(histogram.max()));
        }
        let _ = writeln!(text, "(response: from the scheduled send; service: from the actual one)\n");
        for (code, count) in &tally.answers {
            let meaning = ResponseCode::parse(code.as_bytes()).map_or("", ResponseCode::meaning);
            let _ = writeln!(text, "{code:<12}{count:>9}  {meaning}");
        }
        for (name, count, meaning) in self.troubles() {
            let _ = writeln!(text, "{name:<12}{count:>9}  {meaning}");
        }
        let _ = writeln!(text, "ARPC        {:>9}  checked, {} wrong", tally.arpc_checked, tally.arpc_wrong);
        for reason in &self.lost {
            let _ = writeln!(text, "connection lost: {reason}");
        }
        for reason in self.missed() {
            let _ = writeln!(text, "not met: {reason}");
        }
        text
    }

    fn troubles(&self) -> [(&'static str, u64, String); 5] {
        let Tally { late, timeouts, unanswered, unsent, unmatched, lateness, .. } = &self.tally;
        let worst = duration::show(lateness.max());
        [
            ("late", *late, format!("sends more than 1 ms behind the schedule, the worst by {worst}")),
            ("timeouts", *timeouts, "requests without an answer within the deadline".into()),
            ("unanswered", *unanswered, "requests whose connection was lost".into()),
            ("unsent", *unsent, "no connection or card was free before the end".into()),
            ("unmatched", *unmatched, "answers that no request waits for".into()),
        ]
    }

    /// One object, times in microseconds.
    pub(crate) fn to_json(&self) -> Value {
        let Report { schedule, tally, .. } = self;
        json!({
            "address": self.address.to_string(),
            "dialect": self.dialect,
            "connections": self.connections,
            "threads": self.threads,
            "cards": self.cards,
            "rate_asked": schedule.rate,
            "rate_achieved": (self.throughput() * 10.0).round() / 10.0,
            "warm_up_s": schedule.warm_up.as_secs_f64(),
            "duration_s": schedule.duration.as_secs_f64(),
            "scheduled": schedule.measured_count(),
            "sent": tally.sent,
            "answered": tally.answered_count(),
            "approved": tally.approved_count(),
            "answers": tally.answers,
            "late": tally.late,
            "timeouts": tally.timeouts,
            "unanswered": tally.unanswered,
            "unsent": tally.unsent,
            "unmatched": tally.unmatched,
            "arpc": { "checked": tally.arpc_checked, "wrong": tally.arpc_wrong },
            "response_us": percentiles(&tally.response),
            "service_us": percentiles(&tally.service),
            "lateness_us": percentiles(&tally.lateness),
            "connections_lost": self.lost,
            "not_met": self.missed(),
        })
    }
}

fn percentiles(histogram: &Histogram<u64>) -> Value {
    let mut object = serde_json::Map::new();
    for (name, quantile) in QUANTILES {
        object.insert(name.to_owned(), histogram.value_at_quantile(quantile).into());
    }
    object.insert("max".to_owned(), histogram.max().into());
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Moments;

    /// Two seconds at 10/s: 19 approvals after 2 ms and one decline after 50 ms.
    fn report(thresholds: Thresholds) -> Report {
        let mut tally = Tally::new();
        for index in 0..20 {
            let sent = Duration::from_millis(100 * index);
            let moments = Moments { scheduled: sent, sent };
            let (wait, code) =
                if index == 7 { (50, ResponseCode::INSUFFICIENT_FUNDS) } else { (2, ResponseCode::APPROVED) };
            tally.sent(moments);
            tally.answered(moments, sent + Duration::from_millis(wait), code);
        }
        let schedule = Schedule { rate: 10.0, warm_up: Duration::ZERO, duration: Duration::from_secs(2) };
        let address = SocketAddr::from(([127, 0, 0, 1], 8583));
        let (dialect, lost) = ("iso87_ascii", Vec::new());
        Report { address, dialect, connections: 1, threads: 1, cards: 20, schedule, tally, lost, thresholds }
    }

    #[test]
    fn thresholds_are_met_or_named() {
        let check = |max_p99_ms: u64, min_approved, expect: usize| {
            let max_p99 = Some(Duration::from_millis(max_p99_ms));
            let report = report(Thresholds { max_p99, min_approved: Some(min_approved) });
            assert_eq!(report.missed().len(), expect, "{:?}", report.missed());
            assert_eq!(report.is_met(), expect == 0);
        };
        check(51, 0.95, 0);
        check(49, 0.95, 1);
        check(51, 0.96, 1);
        check(1, 0.99, 2);
        assert!(report(Thresholds::default()).is_met());
    }

    #[test]
    fn a_wrong_arpc_is_never_met() {
        let mut report = report(Thresholds::default());
        report.tally.arpc(false);
        assert!(!report.is_met());
    }

    #[test]
    fn json_has_throughput_percentiles_and_outcomes() {
        let json = report(Thresholds::default()).to_json();
        assert_eq!(json["rate_achieved"], 10.0);
        assert_eq!(json["answers"], json!({ "00": 19, "51": 1 }));
        assert_eq!(json["approved"], 19);
        let p50 = json["response_us"]["p50"].as_u64().unwrap();
        assert!((1_990..=2_010).contains(&p50), "{p50}");
        assert!(json["response_us"]["max"].as_u64().unwrap() >= 49_900);
    }

    #[test]
    fn text_names_codes() {
        let text = report(Thresholds::default()).to_text();
        assert!(text.contains("51                  1  insufficient funds"), "{text}");
        assert!(text.contains("achieved    10.0/s: 20 sent, 20 answered"), "{text}");
    }
}
