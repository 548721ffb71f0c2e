//! How long a reply is held back.

use super::draw::{Draw, Purpose};
use std::fmt;
use std::time::Duration;

/// No reply is held back longer than this, whatever is drawn.
pub const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// A distribution of delays, cut off at a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// What is drawn.
    pub distribution: Distribution,
    /// A longer one becomes this one; at most [`LONGEST_DELAY`].
    pub cap: Duration,
}

/// How delays are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Always the same.
    Fixed(Duration),
    /// Each from the first to the last as likely as the other.
    Uniform(Duration, Duration),
    /// Mostly short, sometimes long: this is the mean.
    Exponential(Duration),
    /// Mean and standard deviation. What would be negative is zero.
    Normal(Duration, Duration),
}

impl Delay {
    pub(super) fn draw(self, draw: &Draw) -> Duration {
        let nanoseconds = match self.distribution {
            Distribution::Fixed(delay) => nanoseconds(delay),
            Distribution::Uniform(from, to) => {
                let (from, to) = (nanoseconds(from), nanoseconds(to));
                from + draw.below(Purpose::Delay, to.saturating_sub(from) + 1)
            }
            Distribution::Exponential(mean) => exponential(nanoseconds(mean), draw),
            Distribution::Normal(mean, deviation) => normal(nanoseconds(mean), nanoseconds(deviation), draw),
        };
        Duration::from_nanos(nanoseconds).min(self.cap).min(LONGEST_DELAY)
    }
}

/// 0 < x <= 1, of 53 bits.
#[expect(clippy::float_arithmetic, reason = "a delay is not money")]
fn unit(draw: &Draw, purpose: Purpose) -> f64 {
    ((draw.bits(purpose) >> 11) + 1) as f64 / (1u64 << 53) as f64
}

#[expect(clippy::float_arithmetic, reason = "a delay is not money")]
fn exponential(mean: u64, draw: &Draw) -> u64 {
    (-unit(draw, Purpose::Delay).ln() * mean as f64) as u64
}

/// By Box and Muller.
#[expect(clippy::float_arithmetic, reason = "a delay is not money")]
fn normal(mean: u64, deviation: u64, draw: &Draw) -> u64 {
    let radius = (-2.0 * unit(draw, Purpose::Delay).ln()).sqrt();
    let angle = std::f64::consts::TAU * unit(draw, Purpose::DelayAngle);
    // The conversion makes zero of what is negative.
    (mean as f64 + deviation as f64 * radius * angle.cos()) as u64
}

/// Durations here are a minute at most.
fn nanoseconds(delay: Duration) -> u64 {
    u64::try_from(delay.min(LONGEST_DELAY).as_nanos()).expect("a minute has fewer than 2^64 nanoseconds")
}

/// As a tester writes it.
impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = super::text::duration;
        match self.distribution {
            Distribution::Fixed(delay) => write!(f, "delay={}", text(delay)),
            Distribution::Uniform(from, to) => write!(f, "delay=uniform:{}..{}", text(from), text(to)),
            Distribution::Exponential(mean) => write!(f, "delay=exponential:{}", text(mean)),
            Distribution::Normal(mean, deviation) => {
                write!(f, "delay=normal:{},{}", text(mean), text(deviation))
            }
        }?;
        if self.cap == LONGEST_DELAY { Ok(()) } else { write!(f, " cap={}", text(self.cap)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hsm::CommandCode;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Shortest, mean and longest of 20,000, in microseconds.
    fn drawn(distribution: Distribution, cap: Duration) -> (u128, u128, u128) {
        let delay = Delay { distribution, cap };
        let all: Vec<_> = (0..20_000)
            .map(|earlier| delay.draw(&Draw::new(5, CommandCode::new(*b"CA"), earlier)).as_micros())
            .collect();
        let mean = all.iter().sum::<u128>() / 20_000;
        (*all.iter().min().unwrap(), mean, *all.iter().max().unwrap())
    }

    #[test]
    fn distributions_have_their_means_and_bounds() {
        let near = |found: u128, expect: u128| {
            assert!(found.abs_diff(expect) < expect / 25, "{found}, not {expect}");
        };
        assert_eq!(drawn(Distribution::Fixed(ms(5)), LONGEST_DELAY), (5000, 5000, 5000));
        let (least, mean, most) = drawn(Distribution::Uniform(ms(2), ms(9)), LONGEST_DELAY);
        assert!((2000..2020).contains(&least) && (8980..=9000).contains(&most), "{least} {most}");
        near(mean, 5500);
        let (least, mean, most) = drawn(Distribution::Exponential(ms(5)), LONGEST_DELAY);
        assert!(least < 10 && (30_000..120_000).contains(&most), "{least} {most}");
        near(mean, 5000);
        let (least, mean, most) = drawn(Distribution::Normal(ms(10), ms(1)), LONGEST_DELAY);
        assert!((4000..8000).contains(&least) && (12_000..16_000).contains(&most), "{least} {most}");
        near(mean, 10_000);
    }

    #[test]
    fn caps_hold() {
        for distribution in [
            Distribution::Fixed(ms(5)),
            Distribution::Uniform(ms(2), ms(9)),
            Distribution::Exponential(ms(5)),
            Distribution::Normal(ms(3), ms(9)),
        ] {
            assert_eq!(drawn(distribution, ms(4)).2, 4000, "{distribution:?}");
        }
        assert_eq!(drawn(Distribution::Normal(ms(0), ms(9)), ms(60)).0, 0);
    }
}
