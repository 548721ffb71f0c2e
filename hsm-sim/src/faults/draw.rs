//! Random numbers of one command, each for its purpose. Not for cryptography.

use hsm::CommandCode;

/// The numbers drawn for one command.
#[derive(Clone, Copy)]
pub(super) struct Draw(u64);

/// What a number is drawn for. Each purpose has its own, so that a fault that is added leaves the others
/// as they were.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Disconnect = 1,
    Drop,
    Error,
    Flip,
    Delay,
    DelayAngle,
}

impl Draw {
    pub(super) fn new(seed: u64, code: CommandCode, earlier: u64) -> Draw {
        let code = u16::from_be_bytes(*code.as_bytes());
        Draw(mix(mix(mix(seed) ^ u64::from(code)) ^ earlier))
    }

    /// All 64 bits are random.
    pub(super) fn bits(&self, purpose: Purpose) -> u64 {
        mix(self.0 ^ (purpose as u64).rotate_right(8))
    }

    /// A number below `limit`.
    pub(super) fn below(&self, purpose: Purpose, limit: u64) -> u64 {
        let product = u128::from(self.bits(purpose)) * u128::from(limit);
        u64::try_from(product >> 64).expect("the upper half of 128 bits")
    }
}

/// One step of SplitMix64.
fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::mix;

    /// The first output of the published SplitMix64 for seed 0, and of 1234567.
    #[test]
    fn published_outputs() {
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
    }
}
