//! Whose turn it is among units that have equally little to do.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Units in the order of their turns: each as often as its weight says, spread evenly.
pub(super) struct Shares {
    turns: Vec<usize>,
    next: AtomicUsize,
}

impl Shares {
    pub(super) fn new(weights: impl Iterator<Item = usize>) -> Shares {
        let weights: Vec<usize> = weights.collect();
        let divisor = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
        let weights: Vec<usize> = weights.into_iter().map(|weight| weight / divisor).collect();
        let total: usize = weights.iter().sum();
        let mut credit = vec![0; weights.len()];
        let mut turns = Vec::with_capacity(total);
        // Each turn gives every unit credit by its weight; the one with the most goes, and pays for it.
        for _ in 0..total {
            let mut chosen = 0;
            for unit in 0..weights.len() {
                credit[unit] += weights[unit] as i64;
                if credit[unit] > credit[chosen] {
                    chosen = unit;
                }
            }
            credit[chosen] -= total as i64;
            turns.push(chosen);
        }
        Shares { turns, next: AtomicUsize::new(0) }
    }

    /// The unit whose turn it is; 0 when there is none.
    pub(super) fn next(&self) -> usize {
        match self.turns.len() {
            0 => 0,
            count => self.turns[self.next.fetch_add(1, Ordering::Relaxed) % count],
        }
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_follow_the_weights_and_alternate() {
        let check = |weights: &[usize], expect: &[usize]| {
            let shares = Shares::new(weights.iter().copied());
            let turns: Vec<usize> = (0..expect.len()).map(|_| shares.next()).collect();
            assert_eq!(turns, expect);
        };
        check(&[], &[0, 0]);
        check(&[1], &[0, 0]);
        check(&[1, 1], &[0, 1, 0, 1]);
        check(&[50, 50], &[0, 1, 0, 1]);
        check(&[3, 1], &[0, 0, 1, 0, 0, 0, 1, 0]);
        check(&[2, 1, 1], &[0, 1, 2, 0]);
    }
}
