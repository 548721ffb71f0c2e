//! Which notes make up an amount: the fewest, under what each cassette type may give.

use crate::Notes;

/// One cassette type as it may be used for this dispense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cassette {
    /// What one note is worth, in minor units. A type of zero is left out.
    pub denomination_minor: u64,
    /// How many notes it may give. Zero for a cassette that is out, faulty or locked.
    pub available: u32,
}

/// Most notes of one type: the reply has two digits for them.
pub const MAX_COUNT: u32 = 99;

/// Largest amount planned, in units of the greatest common divisor of amount and denominations. Bounds
/// time and memory whatever is configured; real amounts are far below.
pub const MAX_UNITS: u64 = 100_000;

/// Finds the smallest number of notes that make up `amount_minor` exactly, at most `max_notes` (what the
/// presenter holds) and [`MAX_COUNT`] per type. Of equal solutions, the one that takes least from the
/// last type, then from the one before it, and so on. `None` when there is no solution, for an amount of zero, for more than seven types and
/// above [`MAX_UNITS`].
///
/// Taking the largest note first would fail for 80 from {50, 20}, so every mix is weighed, by dynamic
/// programming over reachable amounts.
///
/// ```
/// use ndc::dispense::{Cassette, plan};
/// let cassettes = [5000, 2000].map(|denomination_minor| Cassette { denomination_minor, available: 100 });
/// assert_eq!(plan(8000, &cassettes, 40).unwrap().counts(), [0, 4, 0, 0]);
/// assert_eq!(plan(3000, &cassettes, 40), None);
/// ```
#[must_use]
pub fn plan(amount_minor: u64, cassettes: &[Cassette], max_notes: u32) -> Option<Notes> {
    if amount_minor == 0 || cassettes.len() > Notes::MAX_TYPES {
        return None;
    }
    // No divisor is zero: `amount_minor` is not, and takes part in each.
    let unit = cassettes.iter().map(|cassette| cassette.denomination_minor).fold(amount_minor, divisor);
    let target = usize::try_from(amount_minor / unit).ok().filter(|target| *target as u64 <= MAX_UNITS)?;
    let mut fewest = vec![UNREACHABLE; target + 1];
    fewest[0] = 0;
    let mut chosen = Vec::with_capacity(cassettes.len());
    for cassette in cassettes {
        let step = usize::try_from(cassette.denomination_minor / unit).ok()?;
        let limit = cassette.available.min(MAX_COUNT).min(max_notes);
        chosen.push(add_type(&mut fewest, step, limit as u16));
    }
    if u32::from(fewest[target]) > max_notes || fewest[target] == UNREACHABLE {
        return None;
    }
    trace(target, cassettes, unit, &chosen)
}

/// More than seven types of [`MAX_COUNT`] notes can ever be.
const UNREACHABLE: u16 = u16::MAX;

/// Lets one more type take part in all amounts; returns how many of its notes each then has.
fn add_type(fewest: &mut [u16], step: usize, limit: u16) -> Vec<u8> {
    let mut chosen = vec![0; fewest.len()];
    if step == 0 {
        return chosen;
    }
    // From the top down, so that the amounts looked back at do not contain this type yet.
    for amount in (step..fewest.len()).rev() {
        for count in 1..=limit {
            let Some(rest) = amount.checked_sub(step * usize::from(count)) else { break };
            let notes = fewest[rest].saturating_add(count);
            if notes < fewest[amount] {
                (fewest[amount], chosen[amount]) = (notes, count as u8);
            }
        }
    }
    chosen
}

/// Walks back from the amount: what the last type gave, then the one before it.
fn trace(target: usize, cassettes: &[Cassette], unit: u64, chosen: &[Vec<u8>]) -> Option<Notes> {
    let mut counts = [0; Notes::MAX_TYPES];
    let mut rest = target;
    for (index, (cassette, chosen)) in cassettes.iter().zip(chosen).enumerate().rev() {
        counts[index] = u32::from(chosen[rest]);
        rest -= (cassette.denomination_minor / unit) as usize * usize::from(chosen[rest]);
    }
    Notes::new(&counts[..cassettes.len()])
}

/// Greatest common divisor. A denomination of zero changes nothing.
fn divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cassettes(types: &[(u64, u32)]) -> Vec<Cassette> {
        let cassette = |&(denomination_minor, available)| Cassette { denomination_minor, available };
        types.iter().map(cassette).collect()
    }

    #[test]
    fn fewest_notes_within_bounds() {
        let check = |amount, types: &[(u64, u32)], max_notes, expect: Option<&[u32]>| {
            let notes = plan(amount, &cassettes(types), max_notes);
            assert_eq!(notes.as_ref().map(Notes::counts), expect, "{amount} of {types:?}");
        };
        check(80, &[(50, 9), (20, 9)], 40, Some(&[0, 4, 0, 0]));
        check(80, &[(20, 9), (50, 9)], 40, Some(&[4, 0, 0, 0]));
        check(110, &[(50, 9), (20, 9)], 40, Some(&[1, 3, 0, 0]));
        check(30, &[(50, 9), (20, 9)], 40, None);
        check(100, &[(50, 1), (20, 9), (10, 9)], 40, Some(&[1, 2, 1, 0]));
        check(100, &[(50, 0), (20, 0), (10, 9)], 40, None);
        check(100, &[(10, 200)], 10, Some(&[10, 0, 0, 0]));
        check(100, &[(10, 200)], 9, None);
        check(1000, &[(10, 200)], 200, None);
        check(990, &[(10, 200)], 200, Some(&[99, 0, 0, 0]));
        check(40, &[(20, 1), (20, 9)], 40, Some(&[1, 1, 0, 0]));
        check(40, &[(20, 9), (20, 9)], 40, Some(&[2, 0, 0, 0]));
        check(40, &[(0, 9), (20, 9)], 40, Some(&[0, 2, 0, 0]));
        check(6, &[(1, 9), (2, 9), (3, 9), (4, 9), (5, 9)], 40, Some(&[0, 0, 2, 0, 0, 0, 0]));
        check(0, &[(20, 9)], 40, None);
        check(20, &[], 40, None);
        check(20, &[(20, 9); 8], 40, None);
        check(100_001, &[(3, 99), (1, 99)], 40, None);
        check(u64::MAX, &[(2, 99), (u64::MAX, 1)], 40, None);
        check(u64::MAX, &[(u64::MAX, 1)], 40, Some(&[1, 0, 0, 0]));
    }

    /// Every mix, one by one.
    fn reference(amount: u64, types: &[(u64, u32)], max_notes: u32) -> Option<u32> {
        let Some((&(denomination, available), others)) = types.split_first() else {
            return (amount == 0).then_some(0);
        };
        (0..=available.min(max_notes))
            .filter_map(|count| {
                let rest = amount.checked_sub(denomination * u64::from(count))?;
                Some(count + reference(rest, others, max_notes - count)?)
            })
            .min()
    }

    proptest! {
        #[test]
        fn agrees_with_trying_every_mix(
            amount in 1u64..120,
            types in prop::collection::vec((1u64..30, 0u32..6), 1..5),
            max_notes in 0u32..12,
        ) {
            let notes = plan(amount, &cassettes(&types), max_notes);
            prop_assert_eq!(notes.map(|notes| notes.total() as u32), reference(amount, &types, max_notes));
            if let Some(notes) = notes {
                let denominations: Vec<u64> = types.iter().map(|(denomination, _)| *denomination).collect();
                prop_assert_eq!(notes.value_minor(&denominations), Some(amount));
                prop_assert!(notes.counts().iter().zip(&types).all(|(count, (_, most))| count <= most));
            }
        }
    }
}
