use crate::HeaderSpec;
use crate::error::ParseErrorKind;
use std::ops::Deref;

/// A header to stand before a message, on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    bytes: [u8; HeaderSpec::LONGEST],
    length: u8,
}

impl HeaderSpec {
    /// Bytes of the header in front of a frame, which is looked at no further than needed.
    pub(crate) fn length_in(&self, frame: &[u8]) -> Result<usize, (usize, ParseErrorKind)> {
        let truncated =
            |need: usize| Err((0, ParseErrorKind::Truncated { need: need as u32, left: frame.len() as u32 }));
        let length = match self.own_length_at {
            Some(at) => match frame.get(at) {
                Some(length) if usize::from(*length) >= self.length => usize::from(*length),
                Some(_) => return Err((at, ParseErrorKind::NotAHeader)),
                None => return truncated(self.length),
            },
            None => self.length,
        };
        if frame.len() < length {
            return truncated(length);
        }
        if !frame.starts_with(&self.starts_with) {
            return Err((0, ParseErrorKind::NotAHeader));
        }
        if let Some(at) = self.total_length_at {
            let said = frame.get(at..at + 2).map(|bytes| usize::from(bytes[0]) << 8 | usize::from(bytes[1]));
            if said.is_some_and(|said| said != frame.len()) {
                return Err((at, ParseErrorKind::NotAHeader));
            }
        }
        Ok(length)
    }

    /// Whether a header may stand before a message of this dialect.
    #[inline]
    pub(crate) fn allows(&self, header: &[u8]) -> bool {
        let fits = match self.own_length_at {
            Some(at) => {
                header.len() >= self.length
                    && header.get(at).is_some_and(|length| usize::from(*length) == header.len())
            }
            None => header.len() == self.length,
        };
        fits && header.starts_with(&self.starts_with)
    }

    /// The header that answers one received: source and destination exchanged.
    pub(crate) fn answering(&self, received: &[u8]) -> Header {
        let mut header = Header { bytes: [0; Self::LONGEST], length: 0 };
        let length = received.len().min(Self::LONGEST);
        header.bytes[..length].copy_from_slice(&received[..length]);
        header.length = length as u8;
        if let Some(swap) = self.swap
            && swap.right + swap.width <= length
        {
            let (front, back) = header.bytes.split_at_mut(swap.right);
            front[swap.left..swap.left + swap.width].swap_with_slice(&mut back[..swap.width]);
        }
        header
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
    use crate::dialect::Swap;

    fn tpdu() -> HeaderSpec {
        HeaderSpec { length: 5, swap: Some(Swap { left: 1, right: 3, width: 2 }), ..HeaderSpec::default() }
    }

    #[test]
    fn addresses_are_swapped() {
        let answer = tpdu().answering(&[0x60, 0x00, 0x01, 0x80, 0x02]);
        assert_eq!(*answer, [0x60, 0x80, 0x02, 0x00, 0x01]);
        assert!(HeaderSpec::default().answering(&[]).is_empty());
    }

    #[test]
    fn headers_are_measured() {
        let check = |spec: &HeaderSpec, frame: &[u8], expect| assert_eq!(spec.length_in(frame), expect);
        check(&tpdu(), &[0x60, 0, 1, 0, 2, 9], Ok(5));
        check(&tpdu(), &[0x60, 0, 1], Err((0, ParseErrorKind::Truncated { need: 5, left: 3 })));
        let own = HeaderSpec { length: 4, own_length_at: Some(0), ..HeaderSpec::default() };
        check(&own, &[4, 0, 0, 0, 9], Ok(4));
        check(&own, &[5, 0, 0, 0, 9], Ok(5));
        check(&own, &[3, 0, 0, 0, 9], Err((0, ParseErrorKind::NotAHeader)));
        check(&own, &[6, 0, 0, 0, 9], Err((0, ParseErrorKind::Truncated { need: 6, left: 5 })));
        check(&own, &[], Err((0, ParseErrorKind::Truncated { need: 4, left: 0 })));
        let text = HeaderSpec { length: 5, starts_with: b"ISO".to_vec(), ..HeaderSpec::default() };
        check(&text, b"ISO01x", Ok(5));
        check(&text, b"IS001x", Err((0, ParseErrorKind::NotAHeader)));
        let total = HeaderSpec { length: 3, total_length_at: Some(1), ..HeaderSpec::default() };
        check(&total, &[9, 0, 4, 9], Ok(3));
        check(&total, &[9, 0, 5, 9], Err((1, ParseErrorKind::NotAHeader)));
    }

    #[test]
    fn what_may_be_written() {
        assert!(tpdu().allows(&[0; 5]) && !tpdu().allows(&[0; 4]));
        let own = HeaderSpec { length: 4, own_length_at: Some(0), ..HeaderSpec::default() };
        assert!(own.allows(&[5, 0, 0, 0, 0]) && !own.allows(&[4, 0, 0, 0, 0]) && !own.allows(&[3, 0, 0]));
    }
}
