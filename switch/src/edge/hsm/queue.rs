//! Commands for which no connection has room: bounded, and in lanes.

use super::errand::Errand;
use super::policy::Lane;
use crate::metrics::HsmMetrics;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

/// Housekeeping that may wait. It has room of its own, so that it neither takes any from
/// authorizations nor is shut out by them.
const HOUSEKEEPING: usize = 64;

/// The queue in front of the units. Empty as long as some connection has room.
pub(super) struct Queue {
    lanes: Mutex<Lanes>,
    /// Commands in each lane, to be read without the lock.
    lengths: [AtomicUsize; Lane::ALL.len()],
    capacities: [usize; Lane::ALL.len()],
    gauges: [Gauge; Lane::ALL.len()],
}

/// The lanes, while locked.
#[derive(Default)]
pub(super) struct Lanes([VecDeque<Errand>; Lane::ALL.len()]);

impl Queue {
    /// `capacity` is that of the lane of authorizations.
    pub(super) fn new(capacity: usize, metrics: &HsmMetrics) -> Queue {
        Queue {
            lanes: Mutex::default(),
            lengths: Default::default(),
            capacities: [capacity, HOUSEKEEPING],
            gauges: Lane::ALL.map(|lane| metrics.queue(lane.name())),
        }
    }

    /// Whether as many wait in a lane as may. Those who ask at the same moment all see the last place
    /// free, so there may be a few more than the capacity: up to three for each shard.
    pub(super) fn is_full(&self, lane: Lane) -> bool {
        self.lengths[lane as usize].load(Ordering::Acquire) >= self.capacities[lane as usize]
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lengths.iter().all(|length| length.load(Ordering::Acquire) == 0)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().expect("nothing under the lock can panic")
    }

    /// Publishes the lengths; called before unlocking after a change.
    pub(super) fn publish(&self, lanes: &Lanes) {
        for (lane, waiting) in lanes.0.iter().enumerate() {
            self.lengths[lane].store(waiting.len(), Ordering::Release);
            self.gauges[lane].set(waiting.len() as i64);
        }
    }
}

impl Lanes {
    /// Adds one: at the end, or in front when it has waited before.
    pub(super) fn push(&mut self, errand: Errand) {
        let lane = &mut self.0[errand.lane() as usize];
        if errand.avoid.is_some() { lane.push_front(errand) } else { lane.push_back(errand) }
    }

    /// The next to go.
    pub(super) fn front(&self) -> Option<&Errand> {
        self.0.iter().find_map(VecDeque::front)
    }

    /// Takes the next to go.
    pub(super) fn pop(&mut self) -> Option<Errand> {
        self.0.iter_mut().find_map(VecDeque::pop_front)
    }

    /// Takes those whose deadline has passed. All have the same time to live, so they stand in front.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Vec<Errand> {
        let mut overdue = Vec::new();
        for lane in &mut self.0 {
            while lane.front().is_some_and(|errand| errand.deadline <= now) {
                overdue.extend(lane.pop_front());
            }
        }
        overdue
    }
}
