use crate::ParseErrorKind;
use crate::token::number;
use std::fmt;

/// Note counts per cassette *type*, 1 to 7 from left to right. Several cassettes may hold one type, and
/// what a type is worth is configured, not sent (reference §19, trap 12).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Notes {
    counts: [u32; Notes::MAX_TYPES],
    types: u8,
}

impl Notes {
    /// Cassette types of the widest layout (option 76).
    pub const MAX_TYPES: usize = 7;
    /// No notes, for a terminal of four types.
    pub const NONE: Notes = Notes { counts: [0; Notes::MAX_TYPES], types: 4 };

    /// From one count per type: up to four make a four-type layout, five to seven the wide one. `None`
    /// for more.
    #[must_use]
    pub fn new(counts: &[u32]) -> Option<Notes> {
        let types = match counts.len() {
            0..=4 => 4,
            5..=7 => 7,
            _ => return None,
        };
        let mut notes = Notes { counts: [0; Self::MAX_TYPES], types };
        notes.counts[..counts.len()].copy_from_slice(counts);
        Some(notes)
    }

    /// Counts of the layout's types: four or seven of them.
    #[must_use]
    pub fn counts(&self) -> &[u32] {
        &self.counts[..usize::from(self.types)]
    }

    /// Number of notes of all types.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// Whether the same number of each type is in both, in whatever layout.
    #[must_use]
    pub fn same_as(&self, other: &Notes) -> bool {
        self.counts == other.counts
    }

    /// Whether of no type there are more than in `other`.
    #[must_use]
    pub fn within(&self, other: &Notes) -> bool {
        self.counts.iter().zip(&other.counts).all(|(this, other)| this <= other)
    }

    /// What the notes are worth, given the denomination of each type in minor units. `None` when notes
    /// of a type without denomination are among them, or it does not fit.
    #[must_use]
    pub fn value_minor(&self, denominations_minor: &[u64]) -> Option<u64> {
        self.counts.iter().enumerate().try_fold(0u64, |sum, (index, count)| match count {
            0 => Some(sum),
            count => sum.checked_add(denominations_minor.get(index)?.checked_mul(u64::from(*count))?),
        })
    }

    /// Reads counts of equal width. The length tells the layout: 4 or 7 types of two or, with option 76
    /// bit 2, of four digits make 8, 14, 16 or 28 digits.
    pub(crate) fn parse(digits: &[u8]) -> Result<Notes, ParseErrorKind> {
        let width = match digits.len() {
            8 | 14 => 2,
            16 | 28 => 4,
            0 => return Err(ParseErrorKind::Missing),
            _ => return Err(ParseErrorKind::Length),
        };
        let mut counts = [0; Self::MAX_TYPES];
        for (count, digits) in counts.iter_mut().zip(digits.chunks_exact(width)) {
            *count = number(digits).ok_or(ParseErrorKind::Character)?;
        }
        Ok(Notes { counts, types: (digits.len() / width) as u8 })
    }
}

impl Default for Notes {
    fn default() -> Notes {
        Notes::NONE
    }
}

impl From<[u32; 4]> for Notes {
    fn from(counts: [u32; 4]) -> Notes {
        let [a, b, c, d] = counts;
        Notes { counts: [a, b, c, d, 0, 0, 0], types: 4 }
    }
}

impl From<[u32; 7]> for Notes {
    fn from(counts: [u32; 7]) -> Notes {
        Notes { counts, types: 7 }
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Notes{:?}", self.counts())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_tells_the_layout() {
        let check = |digits: &str, expect: Result<&[u32], ParseErrorKind>| {
            let notes = Notes::parse(digits.as_bytes());
            assert_eq!(notes.as_ref().map(Notes::counts).map_err(|kind| *kind), expect, "{digits}");
        };
        check("04010000", Ok(&[4, 1, 0, 0]));
        check("04010000000099", Ok(&[4, 1, 0, 0, 0, 0, 99]));
        check("0004000100000100", Ok(&[4, 1, 0, 100]));
        check("", Err(ParseErrorKind::Missing));
        check("040100", Err(ParseErrorKind::Length));
        check("0x010000", Err(ParseErrorKind::Character));
    }

    #[test]
    fn worth_and_comparison() {
        let notes = Notes::from([2, 1, 0, 0]);
        assert_eq!(notes.value_minor(&[5000, 2000]), Some(12_000));
        assert_eq!(notes.value_minor(&[5000]), None);
        assert_eq!(Notes::from([u32::MAX, 0, 0, 0]).value_minor(&[u64::MAX]), None);
        assert!(notes.same_as(&Notes::from([2, 1, 0, 0, 0, 0, 0])));
        assert!(notes.within(&Notes::from([2, 2, 0, 0])));
        assert!(!notes.within(&Notes::from([1, 9, 9, 9])));
        assert_eq!(Notes::new(&[0; 8]), None);
    }
}
