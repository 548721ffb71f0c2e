use crate::HeaderSpec;
use std::ops::Deref;

/// A header to stand before a message, on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    bytes: [u8; Header::MAX],
    length: u8,
}

impl Header {
    const MAX: usize = HeaderSpec::Tpdu.length();

    /// The header that answers one received: a TPDU with its two addresses swapped.
    pub(crate) fn answering(spec: HeaderSpec, received: &[u8]) -> Header {
        match (spec, received) {
            (HeaderSpec::Tpdu, &[id, to_1, to_2, from_1, from_2]) => {
                Header { bytes: [id, from_1, from_2, to_1, to_2], length: 5 }
            }
            _ => Header { bytes: [0; Header::MAX], length: 0 },
        }
    }
}

impl Deref for Header {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_swapped() {
        let answer = Header::answering(HeaderSpec::Tpdu, &[0x60, 0x00, 0x01, 0x80, 0x02]);
        assert_eq!(*answer, [0x60, 0x80, 0x02, 0x00, 0x01]);
        assert!(Header::answering(HeaderSpec::None, &[]).is_empty());
    }
}
