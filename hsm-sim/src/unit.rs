//! The whole unit as its hosts see it: an engine, and everything that makes it slow or wrong.

use crate::engine::Engine;
use crate::faults::{Fate, FaultTable};
use crate::statistics::{self, Statistics};
use crate::throttle::Throttle;
use hsm::CommandCode;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// An engine with faults, a rate and statistics, shared by all connections. By default it has no
/// faults and no limit.
pub struct Unit {
    pub(crate) engine: Arc<Engine>,
    pub(crate) throttle: Throttle,
    pub(crate) out_of_order: bool,
    statistics: Statistics,
    faults: RwLock<Arc<FaultTable>>,
    /// How many commands of each code have had their fate drawn.
    drawn: Box<[AtomicU64]>,
}

impl Unit {
    /// A unit without faults.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Unit {
        Unit {
            engine,
            throttle: Throttle::new(),
            out_of_order: false,
            statistics: Statistics::new(),
            faults: RwLock::default(),
            drawn: (0..statistics::slots()).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Whether a reply that is due sooner may overtake another of its connection. Without delays none is.
    #[must_use]
    pub fn with_out_of_order(mut self, out_of_order: bool) -> Unit {
        self.out_of_order = out_of_order;
        self
    }

    /// The faults in force.
    #[must_use]
    pub fn faults(&self) -> Arc<FaultTable> {
        Arc::clone(&self.faults.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the faults for what is read from now on, and says what the change says.
    pub fn change_faults<T>(&self, change: impl FnOnce(&mut FaultTable) -> T) -> T {
        let mut faults = self.faults.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut faults))
    }

    /// Draws faults from this seed, for the commands from now on counted from the first.
    pub fn set_seed(&self, seed: u64) {
        self.change_faults(|faults| {
            faults.set_seed(seed);
            for drawn in &self.drawn {
                drawn.store(0, Ordering::Relaxed);
            }
        });
    }

    /// How many commands a second the unit is licensed for.
    #[must_use]
    pub fn rate(&self) -> Option<NonZeroU32> {
        self.throttle.rate()
    }

    /// Sets how many; `None` for no limit.
    pub fn set_rate(&self, rate: Option<NonZeroU32>) {
        self.throttle.set_rate(rate);
    }

    /// What has been asked so far.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The fate of a command of this code that has just come.
    pub(crate) fn fate(&self, faults: &FaultTable, code: CommandCode) -> Fate {
        let earlier = self.drawn[statistics::slot(code)].fetch_add(1, Ordering::Relaxed);
        if faults.is_empty() { Fate::UNHARMED } else { faults.fate(code, earlier) }
    }
}
