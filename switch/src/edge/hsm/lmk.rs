//! Which LMK each unit has told of. Units that are to stand in for each other must have the same: a
//! key's cryptogram means nothing under another.

use super::pool::Pool;
use crate::metrics::HsmMetrics;
use std::sync::Mutex;

/// The LMK check value that each unit told last.
pub(super) struct LmkValues {
    told: Mutex<Vec<Option<[u8; 16]>>>,
    metrics: HsmMetrics,
}

impl LmkValues {
    pub(super) fn new(units: usize, metrics: HsmMetrics) -> LmkValues {
        LmkValues { told: Mutex::new(vec![None; units]), metrics }
    }

    /// Keeps what a unit told. Gives back a unit that told something else, when what this one told is
    /// new.
    fn note(&self, unit: usize, value: [u8; 16]) -> Option<(usize, [u8; 16])> {
        let mut told = self.told.lock().expect("nothing below can panic");
        let known = told[unit].replace(value);
        let other = told.iter().enumerate().find_map(|(number, other)| {
            let other = other.filter(|other| *other != value)?;
            Some((number, other))
        });
        self.metrics.set_lmk_differs(other.is_some());
        other.filter(|_| known != Some(value))
    }
}

impl Pool {
    /// A unit has told its LMK's check value, which is compared with those of the others.
    pub(super) fn note_lmk(&self, unit: usize, value: [u8; 16]) {
        if let Some((other, others_value)) = self.lmks.note(unit, value) {
            tracing::warn!(
                unit = %self.units[unit].address, lmk_check_value = %value.escape_ascii(),
                other = %self.units[other].address, other_lmk_check_value = %others_value.escape_ascii(),
                "HSM units differ in their LMK: keys of one are none to the other"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn a_unit_under_another_lmk_is_told_once() {
        let metrics = Metrics::new();
        let differs = || metrics.render().contains("turnout_hsm_lmk_differs 1\n");
        let values = LmkValues::new(2, metrics.hsm().clone());
        let (test, live) = (*b"2686040000000000", *b"9999990000000000");
        assert_eq!(values.note(0, test), None);
        assert_eq!(values.note(1, test), None);
        assert!(!differs());
        assert_eq!(values.note(1, live), Some((0, test)));
        assert!(differs());
        assert_eq!(values.note(1, live), None);
        assert!(differs(), "told once, and still so");
        assert_eq!(values.note(0, live), None);
        assert!(!differs());
    }
}
