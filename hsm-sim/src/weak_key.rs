//! DES keys under which encrypting twice, by one key or by two, gives the text back. None is made, and none
//! comes in: the answer is 15, which is our choice, since no source names a code for it.

use crate::cipher::set_odd_parity;
use crate::working_key::WorkingKey;

/// Whether a part of a DES or TDES key is weak or semi-weak, whatever its parity. AES has no such keys.
pub(crate) fn is_weak(key: &WorkingKey) -> bool {
    let WorkingKey::Tdes(key) = key else { return false };
    key.reveal().as_chunks::<8>().0.iter().any(|part| {
        let mut part = *part;
        set_odd_parity(&mut part);
        WEAK.contains(&u64::from_be_bytes(part))
    })
}

/// NIST SP 800-67, section 3.3.2: four weak and six pairs of semi-weak keys.
const WEAK: [u64; 16] = [
    0x0101010101010101,
    0xFEFEFEFEFEFEFEFE,
    0xE0E0E0E0F1F1F1F1,
    0x1F1F1F1F0E0E0E0E,
    0x011F011F010E010E,
    0x1F011F010E010E01,
    0x01E001E001F101F1,
    0xE001E001F101F101,
    0x01FE01FE01FE01FE,
    0xFE01FE01FE01FE01,
    0x1FE01FE00EF10EF1,
    0xE01FE01FF10EF10E,
    0x1FFE1FFE0EFE0EFE,
    0xFE1FFE1FFE0EFE0E,
    0xE0FEE0FEF1FEF1FE,
    0xFEE0FEE0FEF1FEF1,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::ClearKey;

    /// A weak key undoes itself; of a semi-weak pair each undoes the other.
    #[test]
    fn each_is_undone_by_one_of_them() {
        let key = |value: u64| ClearKey::new(&value.to_be_bytes()).unwrap();
        for weak in WEAK {
            let twice = WEAK.iter().filter(|other| key(**other).encrypt(key(weak).encrypt([7; 8])) == [7; 8]);
            assert_eq!(twice.count(), 1, "{weak:016X}");
        }
    }

    #[test]
    fn parity_does_not_hide_it() {
        let check = |bytes: &[u8], expect| {
            assert_eq!(is_weak(&ClearKey::new(bytes).unwrap().into()), expect);
        };
        check(&[0; 8], true);
        check(&[0xFF; 16], true);
        check(&[&[0x31; 8][..], &[0xFE; 8]].concat(), true);
        check(&[0x31; 24], false);
        assert!(!is_weak(&crate::AesKey::new(&[0; 16]).unwrap().into()));
    }
}
