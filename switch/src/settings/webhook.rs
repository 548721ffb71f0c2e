use crate::notifications::{EventKind, SecretSource};
use std::path::PathBuf;
use std::time::Duration;

/// A receiver of events over HTTP.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Its name, which files, metrics and a header have.
    pub name: String,
    /// Where events are posted.
    pub target: WebhookTarget,
    /// What signs them: one secret, or two while one is exchanged for the other.
    pub secrets: Vec<SecretSource>,
    /// Which events.
    pub events: Vec<EventKind>,
    /// How long one attempt may take, from connecting to the end of the answer.
    pub timeout: Duration,
    /// Requests at the same time. Events of one card always follow each other.
    pub in_flight: usize,
    /// Most events of one request.
    pub batch: usize,
}

/// The parts of a webhook's URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookTarget {
    /// Host name or IP address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Host and port as the header `Host` has them.
    pub authority: String,
    /// Path and query.
    pub path: String,
    /// TLS, and who may vouch for the receiver.
    pub tls: WebhookTls,
}

/// How a webhook's receiver is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookTls {
    /// Plain HTTP, which only a loopback address may have.
    Off,
    /// By the authorities that browsers trust.
    PublicAuthorities,
    /// By the authorities of this file, PEM.
    Authority(PathBuf),
}
