use crate::encoder::Encoder;
use crate::token::GS;
use crate::{EncodeError, Field};
use std::fmt;

/// What the chip said after the reply: the completion objects that the AID table names and the results
/// of issuer scripts. Comes behind `GS CAM GS` in a solicited status and in the last-transaction status.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Completion<'a> {
    /// Objects in hexadecimal, as sent.
    pub tlv_hex: &'a [u8],
    /// Script results as sent: result (0 not performed, 1 failed, 2 done), sequence and identifier.
    pub script_results: &'a [u8],
}

impl<'a> Completion<'a> {
    /// Divides a field into what stands before the first GS and the completion behind it, if that is
    /// one. Groups of another kind are left to others: terminals append what their release knows.
    pub(crate) fn split(field: &'a [u8]) -> (&'a [u8], Option<Completion<'a>>) {
        let (before, groups) = cut(field);
        let (kind, groups) = cut(groups);
        if kind != b"CAM" {
            return (before, None);
        }
        let (tlv_hex, script_results) = cut(groups);
        (before, Some(Completion { tlv_hex, script_results }))
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) -> Result<(), EncodeError> {
        encoder.gs();
        encoder.raw(b"CAM");
        encoder.gs();
        encoder.text(Field::SmartCard, self.tlv_hex)?;
        if !self.script_results.is_empty() {
            encoder.gs();
            encoder.groups(Field::SmartCard, self.script_results)?;
        }
        Ok(())
    }
}

fn cut(groups: &[u8]) -> (&[u8], &[u8]) {
    match groups.iter().position(|byte| *byte == GS) {
        Some(separator) => (&groups[..separator], &groups[separator + 1..]),
        None => (groups, &[]),
    }
}

/// Which objects are asked for is configured and could include card data, so only their size is shown.
impl fmt::Debug for Completion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Completion({} bytes of objects)", self.tlv_hex.len() / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_group() {
        let check = |field: &'static [u8], before: &[u8], expect: Option<(&[u8], &[u8])>| {
            let (found, completion) = Completion::split(field);
            assert_eq!(found, before);
            assert_eq!(completion.map(|found| (found.tlv_hex, found.script_results)), expect);
        };
        check(b"B", b"B", None);
        check(b"B\x1dCAM\x1d9B026000", b"B", Some((b"9B026000", b"")));
        check(b"B\x1dCAM\x1d\x1d21\x1d10", b"B", Some((b"", b"21\x1d10")));
        check(b"B\x1dCAM", b"B", Some((b"", b"")));
        check(b"B\x1dXYZ", b"B", None);
    }
}
