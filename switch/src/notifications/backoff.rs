use std::time::Duration;

/// Before the second attempt.
const FIRST: Duration = Duration::from_millis(200);

/// At most between two attempts.
const LONGEST: Duration = Duration::from_secs(30);

/// How long to wait before attempt number `attempt` (from 2), doubling up to half a minute. `spread` moves it
/// into the upper half of that time, so that what failed together does not come back together; the same
/// spread gives the same times.
#[must_use]
pub fn backoff(attempt: u32, spread: u64) -> Duration {
    let doublings = attempt.saturating_sub(2).min(16);
    let whole = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let mixed = (spread ^ u64::from(attempt).rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // Eight bits are spread enough for a few dozen lanes.
    let share = (mixed >> 56) as u32;
    whole / 2 + whole / 512 * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_spread() {
        let mut whole = FIRST;
        for attempt in 2..40 {
            for spread in 0..64 {
                let wait = backoff(attempt, spread);
                assert!(wait >= whole / 2 && wait <= whole, "{attempt} {spread} {wait:?}");
            }
            whole = (whole * 2).min(LONGEST);
        }
        let distinct: std::collections::BTreeSet<_> = (0..8).map(|lane| backoff(9, lane)).collect();
        assert!(distinct.len() > 4, "lanes are spread");
    }
}
