use std::fmt;

/// Which data elements a message carries, 2 to 192: a set of numbers, however the dialect writes it.
///
/// Bit 1 and, where a dialect has a third bitmap, bit 65 say that a further bitmap follows. They are
/// no data elements and never in this set.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Bitmap {
    /// Numbers 1 to 64, 65 to 128 and 129 to 192. The lowest number is the least significant bit, the
    /// other way round than on the wire, since that one is the cheapest to find and to take out.
    words: [u64; 3],
}

/// The bit that says a further bitmap follows: the first of its word.
pub(crate) const CONTINUES: u64 = 1;

impl Bitmap {
    /// The largest number of a data element.
    pub const LAST: u8 = 192;
    /// No data element.
    pub const EMPTY: Bitmap = Bitmap { words: [0; 3] };

    /// The set of these numbers; those outside 2 to 192 are left out.
    #[must_use]
    pub fn of(fields: &[u8]) -> Bitmap {
        let mut bitmap = Bitmap::EMPTY;
        for field in fields.iter().filter(|field| (2..=Self::LAST).contains(field)) {
            bitmap.insert(*field);
        }
        bitmap
    }

    pub(crate) fn from_words(words: [u64; 3]) -> Bitmap {
        Bitmap { words }
    }

    pub(crate) fn words(self) -> [u64; 3] {
        self.words
    }

    /// Whether data element `field` is present. Never for 0, 1 and numbers above 192.
    #[must_use]
    #[inline]
    pub fn has(self, field: u8) -> bool {
        let (index, bit) = place(field);
        self.words.get(index).is_some_and(|word| word >> bit & 1 == 1)
    }

    /// Whether there is no data element at all.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.words == [0; 3]
    }

    /// The data elements present, ascending.
    pub fn fields(self) -> Numbers {
        Numbers { words: self.words, index: 0 }
    }

    /// What is in both sets.
    #[must_use]
    pub fn and(self, other: Bitmap) -> Bitmap {
        self.by_word(other, |mine, others| mine & others)
    }

    /// What is in either set.
    #[must_use]
    pub fn or(self, other: Bitmap) -> Bitmap {
        self.by_word(other, |mine, others| mine | others)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn without(self, other: Bitmap) -> Bitmap {
        self.by_word(other, |mine, others| mine & !others)
    }

    /// The data elements below `field`.
    pub(crate) fn below(self, field: u8) -> Bitmap {
        let (last, bit) = place(field);
        let mut words = self.words;
        for (index, word) in words.iter_mut().enumerate().skip(last) {
            *word &= if index == last { (1 << bit) - 1 } else { 0 };
        }
        Bitmap { words }
    }

    /// The first data element above `field`.
    #[inline]
    pub(crate) fn next_above(self, field: u8) -> Option<u8> {
        let (mut index, bit) = place(field);
        let mut bits = self.words.get(index)? >> bit >> 1 << bit << 1;
        while bits == 0 {
            index += 1;
            bits = *self.words.get(index)?;
        }
        Some(index as u8 * 64 + bits.trailing_zeros() as u8 + 1)
    }

    #[inline]
    pub(crate) fn insert(&mut self, field: u8) {
        let (index, bit) = place(field);
        if let Some(word) = self.words.get_mut(index) {
            *word |= 1 << bit;
        }
    }

    pub(crate) fn remove(&mut self, field: u8) {
        let (index, bit) = place(field);
        if let Some(word) = self.words.get_mut(index) {
            *word &= !(1 << bit);
        }
    }

    fn by_word(self, other: Bitmap, combine: impl Fn(u64, u64) -> u64) -> Bitmap {
        let mut words = self.words;
        for (mine, others) in words.iter_mut().zip(other.words) {
            *mine = combine(*mine, others);
        }
        Bitmap { words }
    }
}

/// Word and bit of a data element; a word that there is not of number 0.
#[inline]
fn place(field: u8) -> (usize, u32) {
    let position = field.wrapping_sub(1);
    (usize::from(position / 64), u32::from(position % 64))
}

/// The data elements of a [`Bitmap`], ascending.
#[derive(Clone, Debug)]
pub struct Numbers {
    words: [u64; 3],
    index: usize,
}

impl Iterator for Numbers {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            let word = self.words.get_mut(self.index)?;
            if *word != 0 {
                let bit = word.trailing_zeros() as u8;
                *word &= word.wrapping_sub(1);
                return Some((self.index as u8).wrapping_mul(64).wrapping_add(bit).wrapping_add(1));
            }
            self.index += 1;
        }
    }
}

/// The numbers of the data elements present: `[2, 3, 4]`.
impl fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_what_was_inserted() {
        let check = |fields: &[u8], words| {
            let bitmap = Bitmap::of(fields);
            assert_eq!(bitmap.fields().collect::<Vec<_>>(), fields);
            assert_eq!(bitmap.words(), words);
            for field in 0..=255 {
                assert_eq!(bitmap.has(field), fields.contains(&field), "{field}");
            }
        };
        check(&[], [0; 3]);
        check(&[2, 3, 4, 64], [0x8000_0000_0000_000E, 0, 0]);
        check(&[7, 70], [1 << 6, 1 << 5, 0]);
        check(&[66, 128, 129, 192], [0, 0x8000_0000_0000_0002, 0x8000_0000_0000_0001]);
        assert!(Bitmap::of(&[0, 1, 193, 255]).is_empty());
    }

    #[test]
    fn sets() {
        let all = Bitmap::of(&[2, 3, 64, 65, 66, 128, 129, 192]);
        let check = |field, expect: &[u8]| {
            assert_eq!(all.below(field).fields().collect::<Vec<_>>(), expect, "below {field}");
        };
        check(2, &[]);
        check(3, &[2]);
        check(64, &[2, 3]);
        check(65, &[2, 3, 64]);
        check(66, &[2, 3, 64, 65]);
        check(129, &[2, 3, 64, 65, 66, 128]);
        check(192, &[2, 3, 64, 65, 66, 128, 129]);
        let ascending: Vec<u8> = all.fields().collect();
        for pair in ascending.windows(2) {
            for field in pair[0]..pair[1] {
                assert_eq!(all.next_above(field), Some(pair[1]), "above {field}");
            }
        }
        assert_eq!((all.next_above(192), all.next_above(0)), (None, None));
        assert_eq!(Bitmap::of(&[2]).or(Bitmap::of(&[129])), Bitmap::of(&[2, 129]));
        assert_eq!(all.and(Bitmap::of(&[3, 4, 129])), Bitmap::of(&[3, 129]));
        assert_eq!(all.without(Bitmap::of(&[2, 64, 65, 66, 128])), Bitmap::of(&[3, 129, 192]));
    }
}
