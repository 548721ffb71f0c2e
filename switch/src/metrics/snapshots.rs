use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Snapshots of the shards' states.
#[derive(Default)]
pub struct SnapshotMetrics {
    taken: Counter,
    failed: Counter,
    bytes: Gauge,
    seconds: Gauge<f64, AtomicU64>,
    pause: Gauge<f64, AtomicU64>,
}

impl SnapshotMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("snapshots", "Snapshots taken", self.taken.clone());
        registry.register("snapshots_failed", "Snapshots given up", self.failed.clone());
        registry.register_with_unit("snapshot_size", "Size of the newest", Unit::Bytes, self.bytes.clone());
        let took = "From freezing to durable, of the newest";
        registry.register_with_unit("snapshot_duration", took, Unit::Seconds, self.seconds.clone());
        let pause = "Longest time a shard stood still for the newest";
        registry.register_with_unit("snapshot_pause", pause, Unit::Seconds, self.pause.clone());
    }

    /// A snapshot is durable.
    pub fn taken(&self, bytes: u64, took: Duration, pause: Duration) {
        self.taken.inc();
        self.bytes.set(bytes as i64);
        self.seconds.set(took.as_secs_f64());
        self.pause.set(pause.as_secs_f64());
    }

    /// A snapshot was not taken.
    pub fn failed(&self) {
        self.failed.inc();
    }
}
