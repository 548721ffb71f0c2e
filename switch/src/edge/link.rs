//! What every conversation with an outside party needs to know about its listener.

use crate::edge::sessions::Sessions;
use crate::metrics::Metrics;
use crate::settings::ListenerSettings;
use crate::shards::Shards;
use card::TerminalId;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// A listener in service.
pub struct Link {
    /// Its settings.
    pub settings: ListenerSettings,
    /// Where requests go.
    pub shards: Arc<Shards>,
    /// What is known of each ATM.
    pub sessions: Arc<Sessions>,
    /// Keys of the keyed hashes of where orders come from.
    pub keys: store::DataKeys,
    /// Where events are counted.
    pub metrics: Arc<Metrics>,
    /// Turns `true` when the process drains: no new work, answer what is in flight.
    pub draining: watch::Receiver<bool>,
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Common name of its certificate, if it showed one.
    pub certificate: Option<String>,
}

impl Link {
    /// Whether this peer's certificate may speak for a terminal.
    #[must_use]
    pub fn may_speak_for(&self, peer: &Peer, terminal: &TerminalId) -> bool {
        self.settings.certificates.may(terminal, peer.certificate.as_deref())
    }
}
