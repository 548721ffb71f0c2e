use std::fmt;

/// Transaction serial number: four digits chosen by the host in each reply, stored by the terminal and
/// given back in the last-transaction status of its next request.
///
/// `0000` is what replies without a transaction of their own carry, so [`Tsn::next`] steps over it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Tsn(u16);

/// Time variant number: eight upper-case hexadecimal characters that change with every MACed message
/// of the terminal; the host's reply carries the same ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tvn([u8; 8]);

/// Message authentication code as on the wire: the last field, eight upper-case hexadecimal characters
/// for four bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac([u8; 8]);

impl Tsn {
    /// The number of a reply that belongs to no transaction.
    pub const ZERO: Tsn = Tsn(0);
    const COUNT: u16 = 10_000;

    /// From 0 to 9999; `None` for a number of more digits.
    #[must_use]
    pub fn new(number: u16) -> Option<Tsn> {
        (number < Self::COUNT).then_some(Tsn(number))
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// The number for the reply after this one: ascending, 0001 after 9999.
    #[must_use]
    pub fn next(self) -> Tsn {
        Tsn(if self.0 + 1 == Self::COUNT { 1 } else { self.0 + 1 })
    }

    /// Whether this one was given out before `other`, taking the shorter way around the circle. `0000`
    /// comes before every other number.
    #[must_use]
    pub fn is_before(self, other: Tsn) -> bool {
        if self == other || other == Tsn::ZERO {
            return false;
        }
        let ahead = (other.0 + Self::COUNT - self.0) % Self::COUNT;
        self == Tsn::ZERO || ahead <= Self::COUNT / 2
    }
}

impl Tvn {
    /// Reads eight upper-case hexadecimal characters.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Tvn> {
        hex_8(text).map(Tvn)
    }

    /// The characters as sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl Mac {
    /// Reads eight upper-case hexadecimal characters.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Mac> {
        hex_8(text).map(Mac)
    }

    /// From the four bytes that an HSM computed.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 4]) -> Mac {
        let mut text = [0; 8];
        for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&hex_pair(byte));
        }
        Mac(text)
    }

    /// The characters as sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// The part of a MACed body that its MAC is computed over: all but the final separator and the MAC
    /// (reference §15, recorded traffic). `None` when the body is too short to end in a MAC.
    #[must_use]
    pub fn covered(body: &[u8]) -> Option<&[u8]> {
        body.len().checked_sub(9).map(|end| &body[..end])
    }
}

/// Two upper-case hexadecimal characters.
pub(crate) fn hex_pair(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0x0F)]]
}

fn hex_8(text: &[u8]) -> Option<[u8; 8]> {
    let text: [u8; 8] = text.try_into().ok()?;
    text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')).then_some(text)
}

impl fmt::Display for Tsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

impl fmt::Debug for Tsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tsn({self})")
    }
}

impl fmt::Debug for Tvn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tvn({})", self.0.escape_ascii())
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mac({})", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_go_around_the_circle() {
        let check = |this: u16, other: u16, before: bool| {
            let (this, other) = (Tsn::new(this).unwrap(), Tsn::new(other).unwrap());
            assert_eq!(this.is_before(other), before, "{this} {other}");
        };
        check(1, 2, true);
        check(2, 1, false);
        check(2, 2, false);
        check(9999, 1, true);
        check(1, 9999, false);
        check(0, 9000, true);
        check(9000, 0, false);
        assert_eq!(Tsn::new(9999).unwrap().next(), Tsn::new(1).unwrap());
        assert_eq!(Tsn::new(10_000), None);
    }

    #[test]
    fn mac_text_and_cover() {
        assert_eq!(Mac::from_bytes([0x87, 0xB7, 0x19, 0x0E]), Mac::new(b"87B7190E").unwrap());
        assert_eq!(Mac::new(b"87b7190e"), None);
        assert_eq!(Mac::covered(b"4\x1c001\x1c87B7190E"), Some(&b"4\x1c001"[..]));
        assert_eq!(Mac::covered(b"4"), None);
    }
}
