use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Events on their way to webhooks, by webhook.
#[derive(Default)]
pub struct WebhookMetrics {
    delivered: Family<WebhookLabel, Counter>,
    retried: Family<WebhookLabel, Counter>,
    quarantined: Family<WebhookLabel, Counter>,
    waiting: Family<WebhookLabel, Gauge>,
    records_behind: Family<WebhookLabel, Gauge>,
    seconds_behind: Family<WebhookLabel, Gauge>,
}

/// What is counted of one webhook.
#[derive(Clone)]
pub struct WebhookMeters {
    /// Events that the receiver has acknowledged.
    pub delivered: Counter,
    /// Attempts that have to be made again.
    pub retried: Counter,
    /// Events that the receiver has refused for good.
    pub quarantined: Counter,
    /// Events that were read and are neither delivered nor quarantined.
    pub waiting: Gauge,
    /// Durable records behind the webhook's place, events or not.
    pub records_behind: Gauge,
    /// Age of the oldest event that waits.
    pub seconds_behind: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabel {
    webhook: String,
}

impl WebhookMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "webhook_delivered_events",
            "Events that the receiver has acknowledged",
            self.delivered.clone(),
        );
        registry.register("webhook_retries", "Attempts that have to be made again", self.retried.clone());
        registry.register(
            "webhook_quarantined_events",
            "Events that the receiver has refused for good",
            self.quarantined.clone(),
        );
        registry.register(
            "webhook_waiting_events",
            "Events that were read and are neither delivered nor quarantined",
            self.waiting.clone(),
        );
        registry.register(
            "webhook_behind_records",
            "Durable records behind the webhook's place, events or not",
            self.records_behind.clone(),
        );
        let age = "Age of the oldest event that waits";
        registry.register_with_unit("webhook_behind", age, Unit::Seconds, self.seconds_behind.clone());
    }

    /// The meters of a webhook.
    #[must_use]
    pub fn of(&self, webhook: &str) -> WebhookMeters {
        let label = WebhookLabel { webhook: webhook.to_owned() };
        WebhookMeters {
            delivered: self.delivered.get_or_create(&label).clone(),
            retried: self.retried.get_or_create(&label).clone(),
            quarantined: self.quarantined.get_or_create(&label).clone(),
            waiting: self.waiting.get_or_create(&label).clone(),
            records_behind: self.records_behind.get_or_create(&label).clone(),
            seconds_behind: self.seconds_behind.get_or_create(&label).clone(),
        }
    }
}
