use std::fmt;

/// Which data elements a message carries: 1 to 128, primary and secondary bitmap together.
/// Bit 1 says that a secondary bitmap is present and is not a data element itself.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Bitmap {
    primary: u64,
    secondary: u64,
}

impl Bitmap {
    const FIRST: u64 = 1 << 63;

    pub(crate) fn new(primary: u64, secondary: u64) -> Bitmap {
        Bitmap { primary, secondary }
    }

    /// Whether data element `field` is present. Never for 0, 1 and numbers above 128.
    #[must_use]
    pub fn has(self, field: u8) -> bool {
        match field {
            2..=64 => self.primary & bit(field) != 0,
            65..=128 => self.secondary & bit(field) != 0,
            _ => false,
        }
    }

    /// The data elements present, ascending.
    pub fn fields(self) -> impl Iterator<Item = u8> {
        Bits(self.primary & !Self::FIRST).chain(Bits(self.secondary).map(|field| field + 64))
    }

    /// Bits 1 to 64, bit 1 the most significant.
    #[must_use]
    pub fn primary(self) -> u64 {
        self.primary
    }

    /// Bits 65 to 128, or `None` when bit 1 is off.
    #[must_use]
    pub fn secondary(self) -> Option<u64> {
        (self.primary & Self::FIRST != 0).then_some(self.secondary)
    }

    /// Adds a data element, and bit 1 with the first one above 64.
    pub(crate) fn insert(&mut self, field: u8) {
        if field <= 64 {
            self.primary |= bit(field);
        } else {
            self.primary |= Self::FIRST;
            self.secondary |= bit(field);
        }
    }
}

/// The bit of a data element within its own half.
fn bit(field: u8) -> u64 {
    Bitmap::FIRST >> ((field - 1) % 64)
}

/// Positions of the bits that are set, from 1 at the most significant.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.0 == 0 {
            return None;
        }
        let zeros = self.0.leading_zeros();
        self.0 &= !(Bitmap::FIRST >> zeros);
        Some(zeros as u8 + 1)
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
        let check = |fields: &[u8], primary, secondary| {
            let mut bitmap = Bitmap::default();
            for field in fields {
                bitmap.insert(*field);
            }
            assert_eq!(bitmap.fields().collect::<Vec<_>>(), fields);
            assert_eq!((bitmap.primary(), bitmap.secondary()), (primary, secondary));
            for field in 0..=255 {
                assert_eq!(bitmap.has(field), fields.contains(&field), "{field}");
            }
        };
        check(&[], 0, None);
        check(&[2, 3, 4, 64], 0x7000_0000_0000_0001, None);
        check(&[7, 70], 0x8200_0000_0000_0000, Some(0x0400_0000_0000_0000));
        check(&[65, 128], 0x8000_0000_0000_0000, Some(0x8000_0000_0000_0001));
    }

    #[test]
    fn bit_one_is_no_data_element() {
        let bitmap = Bitmap::new(u64::MAX, 0);
        assert_eq!(bitmap.fields().next(), Some(2));
        assert_eq!(bitmap.secondary(), Some(0));
        assert!(!bitmap.has(1));
    }
}
