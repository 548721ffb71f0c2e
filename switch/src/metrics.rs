//! What is counted, in the OpenMetrics text form. Labels are names of links, codes and commands:
//! never a card's.

mod hsm;
mod snapshots;
mod webhooks;

pub use hsm::{CommandMeters, HsmMetrics, UnitMeters};
pub use snapshots::SnapshotMetrics;
pub use webhooks::{WebhookMeters, WebhookMetrics};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// All counters of one process.
pub struct Metrics {
    registry: Registry,
    connections: Family<LinkLabel, Gauge>,
    connections_refused: Family<ReasonLabels, Counter>,
    requests: Family<LinkLabel, Counter>,
    network_messages: Family<LinkLabel, Counter>,
    messages_refused: Family<ReasonLabels, Counter>,
    responses: Family<CodeLabels, Counter>,
    response_seconds: SecondsFamily<LinkLabel>,
    rule_matches: Family<RuleLabels, Counter>,
    rule_errors: Family<RuleLabels, Counter>,
    projection_records_behind: Gauge,
    projection_seconds_behind: Gauge,
    archive_failed: Counter,
    hsm: HsmMetrics,
    snapshots: SnapshotMetrics,
    webhooks: WebhookMetrics,
}

/// Times, by labels.
type SecondsFamily<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LinkLabel {
    link: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    link: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    link: String,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabels {
    rule: String,
    mode: String,
}

/// Upper bounds in seconds: from a fifth of a millisecond, where an idle switch answers, to the ten
/// seconds after which nobody waits any more.
const SECONDS: [f64; 14] =
    [0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 10.0];

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// All zero.
    #[must_use]
    pub fn new() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("turnout"),
            connections: Family::default(),
            connections_refused: Family::default(),
            requests: Family::default(),
            network_messages: Family::default(),
            messages_refused: Family::default(),
            responses: Family::default(),
            response_seconds: Family::new_with_constructor(seconds),
            rule_matches: Family::default(),
            rule_errors: Family::default(),
            projection_records_behind: Gauge::default(),
            projection_seconds_behind: Gauge::default(),
            archive_failed: Counter::default(),
            hsm: HsmMetrics::new(),
            snapshots: SnapshotMetrics::default(),
            webhooks: WebhookMetrics::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register(
            "connections_refused",
            "Connections refused, by reason",
            self.connections_refused.clone(),
        );
        registry.register("requests", "Requests and reversals handed to a shard", self.requests.clone());
        registry.register(
            "network_messages",
            "Network management messages answered",
            self.network_messages.clone(),
        );
        registry.register(
            "messages_refused",
            "Messages answered or dropped at the edge, by response code or reason",
            self.messages_refused.clone(),
        );
        registry.register("responses", "Responses of the core, by response code", self.responses.clone());
        registry.register_with_unit(
            "response",
            "From the request's frame to its response",
            Unit::Seconds,
            self.response_seconds.clone(),
        );
        registry.register(
            "rule_matches",
            "Transactions that a policy rule decided, flagged or scored, or would have in shadow mode",
            self.rule_matches.clone(),
        );
        registry.register(
            "rule_errors",
            "Transactions for which the condition of a policy rule had no value",
            self.rule_errors.clone(),
        );
        registry.register(
            "projection_behind_records",
            "Durable records that the transaction store does not have yet",
            self.projection_records_behind.clone(),
        );
        registry.register_with_unit(
            "projection_behind",
            "Age of the newest record in the transaction store while others wait",
            Unit::Seconds,
            self.projection_seconds_behind.clone(),
        );
        registry.register(
            "archive_failed",
            "Times that closed days could not all be archived",
            self.archive_failed.clone(),
        );
        self.hsm.register(registry);
        self.snapshots.register(registry);
        self.webhooks.register(registry);
    }

    /// What is counted of snapshots.
    #[must_use]
    pub fn snapshots(&self) -> &SnapshotMetrics {
        &self.snapshots
    }

    /// What is counted of webhooks.
    #[must_use]
    pub fn webhooks(&self) -> &WebhookMetrics {
        &self.webhooks
    }

    /// A connection is open.
    pub fn connection_opened(&self, link: &str) {
        self.connections.get_or_create(&LinkLabel { link: link.to_owned() }).inc();
    }

    /// A connection is closed.
    pub fn connection_closed(&self, link: &str) {
        self.connections.get_or_create(&LinkLabel { link: link.to_owned() }).dec();
    }

    /// A connection was not taken.
    pub fn connection_refused(&self, link: &str, reason: &str) {
        let labels = ReasonLabels { link: link.to_owned(), reason: reason.to_owned() };
        self.connections_refused.get_or_create(&labels).inc();
    }

    /// A request or reversal went to its shard.
    pub fn request(&self, link: &str) {
        self.requests.get_or_create(&LinkLabel { link: link.to_owned() }).inc();
    }

    /// A network management message was answered.
    pub fn network_message(&self, link: &str) {
        self.network_messages.get_or_create(&LinkLabel { link: link.to_owned() }).inc();
    }

    /// A message went no further than the edge.
    pub fn message_refused(&self, link: &str, reason: &str) {
        let labels = ReasonLabels { link: link.to_owned(), reason: reason.to_owned() };
        self.messages_refused.get_or_create(&labels).inc();
    }

    /// A response of the core is on its way to the wire.
    pub fn response(&self, link: &str, code: &str, elapsed: Duration) {
        let labels = CodeLabels { link: link.to_owned(), code: code.to_owned() };
        self.responses.get_or_create(&labels).inc();
        let label = LinkLabel { link: link.to_owned() };
        self.response_seconds.get_or_create(&label).observe(elapsed.as_secs_f64());
    }

    /// A policy rule did something about a transaction, or would have in shadow mode.
    pub fn rule_matched(&self, rule: &str, mode: &str) {
        self.rule_matches.get_or_create(&RuleLabels { rule: rule.to_owned(), mode: mode.to_owned() }).inc();
    }

    /// The condition of a policy rule had no value for a transaction.
    pub fn rule_failed(&self, rule: &str, mode: &str) {
        self.rule_errors.get_or_create(&RuleLabels { rule: rule.to_owned(), mode: mode.to_owned() }).inc();
    }

    /// How far the transaction store is behind the journal.
    pub fn projection_behind(&self, records: u64, seconds: u64) {
        self.projection_records_behind.set(i64::try_from(records).unwrap_or(i64::MAX));
        self.projection_seconds_behind.set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }

    /// Closed days could not all be archived.
    pub fn archive_failed(&self) {
        self.archive_failed.inc();
    }

    /// What is counted about the HSM.
    #[must_use]
    pub fn hsm(&self) -> &HsmMetrics {
        &self.hsm
    }

    /// All of it as text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing into a String cannot fail");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_appear_in_the_text() {
        let metrics = Metrics::new();
        metrics.response("pos", "00", Duration::from_millis(3));
        metrics.rule_matched("night", "shadow");
        metrics.rule_failed("night", "shadow");
        let text = metrics.render();
        let rule = "{rule=\"night\",mode=\"shadow\"} 1";
        assert!(text.contains(&format!("turnout_rule_matches_total{rule}")), "{text}");
        assert!(text.contains(&format!("turnout_rule_errors_total{rule}")), "{text}");
        assert!(text.contains("turnout_responses_total{link=\"pos\",code=\"00\"} 1"), "{text}");
        assert!(text.contains("turnout_response_seconds_bucket{le=\"0.005\",link=\"pos\"} 1"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
