use card::Pan;
use std::fmt;

/// PAN and PAN sequence number packed two digits to a byte: what a chip's master key is derived from
/// (EMV Book 2 annex A1.4). Masked in `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PanSequence {
    bytes: [u8; PanSequence::MAX_BYTES],
    length: u8,
}

impl PanSequence {
    /// 19 digits of PAN and two of PSN, filled with a zero in front.
    pub const MAX_BYTES: usize = 11;

    /// The eight bytes of option A: the 16 rightmost digits of PAN and PSN, filled with zeros in front.
    /// The PSN is 0 when the card gives none; only its last two digits count.
    #[must_use]
    pub fn option_a(pan: &Pan, psn: u8) -> PanSequence {
        pack(pan, psn, |_| 16)
    }

    /// All digits of PAN and PSN, with a zero in front when their count is odd, as option B takes them.
    #[must_use]
    pub fn option_b(pan: &Pan, psn: u8) -> PanSequence {
        pack(pan, psn, |digits| digits.next_multiple_of(2))
    }

    /// From packed bytes as received, at most [`PanSequence::MAX_BYTES`]; `None` when there are more, or
    /// a half byte is no decimal digit.
    #[must_use]
    pub fn from_packed(packed: &[u8]) -> Option<PanSequence> {
        let mut bytes = [0; PanSequence::MAX_BYTES];
        let decimal = packed.iter().all(|byte| byte >> 4 <= 9 && byte & 0x0F <= 9);
        bytes.get_mut(..packed.len())?.copy_from_slice(packed);
        decimal.then_some(PanSequence { bytes, length: packed.len() as u8 })
    }

    /// The packed digits.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// The 16 rightmost digits in eight bytes, filled with zeros in front: option A's view of it.
    #[must_use]
    pub fn rightmost(&self) -> [u8; 8] {
        let packed = self.reveal();
        let kept = &packed[packed.len().saturating_sub(8)..];
        let mut rightmost = [0; 8];
        rightmost[8 - kept.len()..].copy_from_slice(kept);
        rightmost
    }
}

impl fmt::Debug for PanSequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PanSequence(****)")
    }
}

/// Packs the rightmost digits of PAN and PSN, as many as `width` makes of their count.
fn pack(pan: &Pan, psn: u8, width: impl Fn(usize) -> usize) -> PanSequence {
    let pan = pan.reveal();
    let width = width(pan.len() + 2);
    let psn = [psn / 10 % 10, psn % 10];
    let mut from_right = psn.iter().rev().copied().chain(pan.iter().rev().map(|digit| digit - b'0'));
    let mut bytes = [0; PanSequence::MAX_BYTES];
    for slot in bytes[..width / 2].iter_mut().rev() {
        let low = from_right.next().unwrap_or(0);
        let high = from_right.next().unwrap_or(0);
        *slot = high << 4 | low;
    }
    PanSequence { bytes, length: (width / 2) as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_both_options() {
        let check = |pan: &str, psn, option_a: &str, option_b: &str| {
            let pan = Pan::parse(pan.as_bytes()).unwrap();
            assert_eq!(hex::encode(PanSequence::option_a(&pan, psn).reveal()), option_a);
            let b = PanSequence::option_b(&pan, psn);
            assert_eq!(hex::encode(b.reveal()), option_b);
            assert_eq!(hex::encode(b.rightmost()), option_a);
        };
        check("1234567890123456", 7, "3456789012345607", "123456789012345607");
        check("1234567890123", 12, "0123456789012312", "0123456789012312");
        check("1234567890123456789", 99, "6789012345678999", "0123456789012345678999");
        check("1234", 0, "0000000000123400", "123400");
    }

    #[test]
    fn takes_decimal_digits_only() {
        assert!(PanSequence::from_packed(&[0x12, 0x3A]).is_none());
        assert!(PanSequence::from_packed(&[0; 12]).is_none());
        assert!(PanSequence::from_packed(&[0x99; 11]).is_some());
    }
}
