//! What is counted about the HSM. A unit's own counters are found once, when it is set up, so that
//! counting a command neither looks a name up nor makes one.

use super::{SecondsFamily, seconds};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::OnceLock;
use std::time::Duration;

/// Counters of all HSM units, by the unit's name. Clones count into the same.
#[derive(Clone)]
pub struct HsmMetrics {
    commands: Family<CommandLabels, Counter>,
    seconds: SecondsFamily<CommandLabel>,
    refused: Counter,
    queue: Family<LaneLabel, Gauge>,
    outstanding: Family<UnitLabel, Gauge>,
    connections: Family<UnitLabel, Gauge>,
    failovers: Family<UnitLabel, Counter>,
    rate: Family<UnitLabel, Gauge>,
    licence_rate: Family<UnitLabel, Gauge>,
    headroom: Family<UnitLabel, Gauge>,
    lmk_differs: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CommandLabels {
    unit: String,
    command: String,
    error: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CommandLabel {
    unit: String,
    command: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnitLabel {
    unit: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabel {
    lane: String,
}

impl HsmMetrics {
    pub(super) fn new() -> HsmMetrics {
        HsmMetrics {
            commands: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            refused: Counter::default(),
            queue: Family::default(),
            outstanding: Family::default(),
            connections: Family::default(),
            failovers: Family::default(),
            rate: Family::default(),
            licence_rate: Family::default(),
            headroom: Family::default(),
            lmk_differs: Gauge::default(),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("hsm_commands", "HSM commands, by unit and error code", self.commands.clone());
        registry.register_with_unit(
            "hsm_command",
            "Time of an HSM command",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register(
            "hsm_refused",
            "Checks refused because the HSM queue was full",
            self.refused.clone(),
        );
        registry.register("hsm_queue", "HSM commands that wait for room, by lane", self.queue.clone());
        registry.register(
            "hsm_outstanding",
            "HSM commands in a unit's care, sent or about to be",
            self.outstanding.clone(),
        );
        registry.register(
            "hsm_connections",
            "Connections to an HSM unit in service; with none it is out of service",
            self.connections.clone(),
        );
        registry.register(
            "hsm_failovers",
            "HSM commands taken from a unit whose connection died, to be asked of another",
            self.failovers.clone(),
        );
        registry.register("hsm_rate", "Commands sent to a unit in the last second", self.rate.clone());
        registry.register(
            "hsm_licence_rate",
            "Commands per second that a unit is licensed for",
            self.licence_rate.clone(),
        );
        registry.register(
            "hsm_headroom",
            "Licensed commands per second less those sent in the last second",
            self.headroom.clone(),
        );
        registry.register(
            "hsm_lmk_differs",
            "1 when HSM units have told different LMK check values",
            self.lmk_differs.clone(),
        );
    }

    /// A job was refused because the queue was full.
    pub fn refused(&self) {
        self.refused.inc();
    }

    /// The gauge of commands that wait in this lane.
    #[must_use]
    pub fn queue(&self, lane: &str) -> Gauge {
        self.queue.get_or_create_owned(&LaneLabel { lane: lane.to_owned() })
    }

    /// Whether the units' LMKs differ.
    pub fn set_lmk_differs(&self, differs: bool) {
        self.lmk_differs.set(i64::from(differs));
    }

    /// The counters of a unit that reports commands only.
    #[must_use]
    pub fn commands(&self, unit: &str) -> CommandMeters {
        CommandMeters {
            unit: unit.to_owned(),
            commands: self.commands.clone(),
            seconds: self.seconds.clone(),
            usual: std::array::from_fn(|_| UsualCommand::default()),
        }
    }

    /// All counters of a unit. `licence_rate` is 0 when it is not known; the unit has no headroom then.
    #[must_use]
    pub fn unit(&self, unit: &str, licence_rate: u32) -> UnitMeters {
        let label = UnitLabel { unit: unit.to_owned() };
        let headroom = (licence_rate > 0).then(|| {
            self.licence_rate.get_or_create(&label).set(licence_rate.into());
            self.headroom.get_or_create_owned(&label)
        });
        UnitMeters {
            commands: self.commands(unit),
            outstanding: self.outstanding.get_or_create_owned(&label),
            connections: self.connections.get_or_create_owned(&label),
            failovers: self.failovers.get_or_create_owned(&label),
            rate: self.rate.get_or_create_owned(&label),
            headroom,
            licence_rate,
        }
    }
}

/// Counters of one unit.
pub struct UnitMeters {
    /// Of its commands.
    pub commands: CommandMeters,
    /// Commands in its care.
    pub outstanding: Gauge,
    /// Connections in service.
    pub connections: Gauge,
    /// Commands that left it for another.
    pub failovers: Counter,
    rate: Gauge,
    /// `None` when the licence is not known.
    headroom: Option<Gauge>,
    licence_rate: u32,
}

impl UnitMeters {
    /// How many commands per second the unit was sent last.
    pub fn set_rate(&self, per_second: u64) {
        let per_second = i64::try_from(per_second).unwrap_or(i64::MAX);
        self.rate.set(per_second);
        if let Some(headroom) = &self.headroom {
            headroom.set(i64::from(self.licence_rate).saturating_sub(per_second));
        }
    }
}

/// Commands that the switch sends all the time.
const USUAL: [&str; 9] = ["DC", "EC", "DA", "EA", "CY", "KQ", "KW", "NC", "B2"];

/// Commands of one unit, by code and outcome.
pub struct CommandMeters {
    unit: String,
    commands: Family<CommandLabels, Counter>,
    seconds: SecondsFamily<CommandLabel>,
    usual: [UsualCommand; USUAL.len()],
}

/// Counters of a usual command, found at its first use so that what is never sent is never shown.
#[derive(Default)]
struct UsualCommand {
    success: OnceLock<Counter>,
    verification_failed: OnceLock<Counter>,
    seconds: OnceLock<Histogram>,
}

impl CommandMeters {
    /// The name of the unit.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The unit answered a command; `error` is its two-character error code, or a word of ours when
    /// there was no answer.
    pub fn count(&self, code: &[u8; 2], error: &str, elapsed: Duration) {
        let usual = USUAL.iter().position(|usual| usual.as_bytes() == code).map(|at| &self.usual[at]);
        let Some(usual) = usual else {
            self.counter(code, error).inc();
            return self.histogram(code).observe(elapsed.as_secs_f64());
        };
        match error {
            "00" => usual.success.get_or_init(|| self.counter(code, error)).inc(),
            "01" => usual.verification_failed.get_or_init(|| self.counter(code, error)).inc(),
            // Rare, and logged besides.
            _ => self.counter(code, error).inc(),
        };
        usual.seconds.get_or_init(|| self.histogram(code)).observe(elapsed.as_secs_f64());
    }

    fn counter(&self, code: &[u8; 2], error: &str) -> Counter {
        let (unit, command) = (self.unit.clone(), code.escape_ascii().to_string());
        self.commands.get_or_create_owned(&CommandLabels { unit, command, error: error.to_owned() })
    }

    fn histogram(&self, code: &[u8; 2]) -> Histogram {
        let (unit, command) = (self.unit.clone(), code.escape_ascii().to_string());
        self.seconds.get_or_create_owned(&CommandLabel { unit, command })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn commands_are_counted_by_unit_and_outcome() {
        let metrics = Metrics::new();
        let meters = metrics.hsm().commands("10.0.0.1:1500");
        for (code, error) in [(b"EC", "00"), (b"EC", "00"), (b"EC", "01"), (b"EC", "deadline"), (b"A0", "00")]
        {
            meters.count(code, error, Duration::from_micros(40));
        }
        let text = metrics.render();
        let expect = |line: &str| assert!(text.contains(line), "{line}\n{text}");
        let counted = |command: &str, error: &str, count: u64| {
            let labels = format!("unit=\"10.0.0.1:1500\",command=\"{command}\",error=\"{error}\"");
            expect(&format!("turnout_hsm_commands_total{{{labels}}} {count}\n"));
        };
        counted("EC", "00", 2);
        counted("EC", "01", 1);
        counted("EC", "deadline", 1);
        counted("A0", "00", 1);
        expect("turnout_hsm_command_seconds_count{unit=\"10.0.0.1:1500\",command=\"EC\"} 4\n");
        assert!(!text.contains("\"DC\""), "{text}");
    }

    #[test]
    fn headroom_is_what_the_licence_leaves() {
        let metrics = Metrics::new();
        let unit = metrics.hsm().unit("a", 250);
        unit.set_rate(180);
        let unlimited = metrics.hsm().unit("b", 0);
        unlimited.set_rate(7);
        let text = metrics.render();
        for line in [
            "turnout_hsm_rate{unit=\"a\"} 180\n",
            "turnout_hsm_headroom{unit=\"a\"} 70\n",
            "turnout_hsm_licence_rate{unit=\"a\"} 250\n",
            "turnout_hsm_rate{unit=\"b\"} 7\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("headroom{unit=\"b\"}"), "{text}");
        unit.set_rate(300);
        assert!(metrics.render().contains("turnout_hsm_headroom{unit=\"a\"} -50\n"));
    }
}
