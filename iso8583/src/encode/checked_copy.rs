//! Copies a value and checks its characters in the same registers.

use crate::class::{Alphanumeric, Lanes};
use crate::plan::Check;
use wide::u8x16;

/// The bytes that a class allows, as the first of them and how far they reach.
struct Range {
    first: u8x16,
    reach: u8x16,
}

const fn range(first: u8, last: u8) -> Range {
    Range { first: u8x16::new([first; 16]), reach: u8x16::new([last - first; 16]) }
}

const ANY: Range = range(0, 0xFF);

/// By [`Check`], those classes that are one range of bytes. A table, since a jump for each class is
/// guessed wrong too often.
static RANGES: [Range; 8] = [ANY, range(b'0', b'9'), range(b' ', b'~'), ANY, ANY, ANY, ANY, ANY];

/// What was found wrong in the values copied so far: asked once for all of them.
#[derive(Clone, Copy)]
pub(super) struct Verdict {
    /// Zero in every lane in which nothing was wrong.
    wrong: u8x16,
}

impl Verdict {
    pub(super) const FINE: Verdict = Verdict { wrong: u8x16::ZERO };

    #[inline]
    pub(super) fn is_fine(self) -> bool {
        self.wrong == u8x16::ZERO
    }

    /// Copies a value to a place as long, and notes when it is not what it must be.
    #[inline(always)]
    pub(super) fn copy(&mut self, value: &[u8], place: &mut [u8], check: Check) {
        let Some(lanes) = copy_short(value, place) else {
            if !copy_long(value, place, check) {
                self.wrong = u8x16::ONE;
            }
            return;
        };
        match check {
            Check::Nothing | Check::Digits | Check::Printable => {
                self.wrong |= beyond(&RANGES[check as usize % RANGES.len()], lanes);
            }
            Check::Alphanumeric => self.wrong |= Alphanumeric::bad(lanes),
            _ => {
                if !holds(check, value) {
                    self.wrong = u8x16::ONE;
                }
            }
        }
    }
}

/// Copies 1 to 16 bytes as two pieces of fixed size that overlap or meet, which is cheaper than a call
/// that has to find out how many there are. All of them are in the lanes, some more than once.
#[inline(always)]
fn copy_short(value: &[u8], place: &mut [u8]) -> Option<u8x16> {
    let length = value.len();
    let lanes = if length >= 8 {
        if length > 16 {
            return None;
        }
        let (first, last) = copy_ends(value, place)?;
        u128::from(u64::from_le_bytes(first)) | u128::from(u64::from_le_bytes(last)) << 64
    } else if length >= 4 {
        let (first, last) = copy_ends(value, place)?;
        let both = u64::from(u32::from_le_bytes(first)) | u64::from(u32::from_le_bytes(last)) << 32;
        u128::from(both) | u128::from(both) << 64
    } else if length >= 2 {
        let (first, last) = copy_ends(value, place)?;
        let both = u64::from(u16::from_le_bytes(first)) | u64::from(u16::from_le_bytes(last)) << 16;
        let both = both | both << 32;
        u128::from(both) | u128::from(both) << 64
    } else {
        let ([byte], [_]) = copy_ends(value, place)?;
        u128::from_le_bytes([byte; 16])
    };
    Some(u8x16::new(lanes.to_le_bytes()))
}

/// Copies the first and last bytes and returns them; `None` when there are fewer.
#[inline(always)]
fn copy_ends<const N: usize>(value: &[u8], place: &mut [u8]) -> Option<([u8; N], [u8; N])> {
    let (first, last) = (*value.first_chunk()?, *value.last_chunk()?);
    *place.first_chunk_mut()? = first;
    *place.last_chunk_mut()? = last;
    Some((first, last))
}

/// Copies any number of bytes, and says whether they are what they must be.
// Cold, as `holds` is, so that those fields which need no call keep their registers.
#[cold]
#[inline(never)]
fn copy_long(value: &[u8], place: &mut [u8], check: Check) -> bool {
    match value.len() {
        17..=32 => drop(copy_ends::<16>(value, place)),
        33..=64 => drop(copy_ends::<32>(value, place)),
        _ => place.copy_from_slice(value),
    }
    check.holds(value)
}

#[cold]
#[inline(never)]
fn holds(check: Check, value: &[u8]) -> bool {
    check.holds(value)
}

/// Zero in every lane whose byte is in the range.
#[inline(always)]
fn beyond(range: &Range, bytes: u8x16) -> u8x16 {
    (bytes - range.first).saturating_sub(range.reach)
}
