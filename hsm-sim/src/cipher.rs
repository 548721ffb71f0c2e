//! DES and TDES of one to three parts.
//!
//! Both libraries look S-boxes up by secret bits, so they do not run in constant time. For a simulator that
//! must never hold live keys this is accepted.

use crate::key_part::KeyPart;
use std::fmt;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// A key in clear, which keeps the schedules that it was used with: single (8 bytes), double (16) or triple
/// length (24). Wiped on drop, masked in `Debug`.
///
/// A single-length key works as DES; the others as TDES, encrypt-decrypt-encrypt.
pub struct ClearKey {
    bytes: Zeroizing<[u8; 24]>,
    length: KeyLength,
    left: KeyPart,
    middle: KeyPart,
    // Stands idle in keys of double length, which end with their left part.
    right: KeyPart,
}

/// How many parts of eight bytes a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyLength {
    /// 8 bytes, DES.
    Single,
    /// 16 bytes, TDES with the first part used twice.
    Double,
    /// 24 bytes, TDES.
    Triple,
}

/// A key does not have 8, 16 or 24 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLengthError;

impl ClearKey {
    /// Takes the bytes as they are, whatever their parity.
    ///
    /// # Errors
    /// When there are not 8, 16 or 24 of them.
    pub fn new(key: &[u8]) -> Result<ClearKey, KeyLengthError> {
        let length = match key.len() {
            8 => KeyLength::Single,
            16 => KeyLength::Double,
            24 => KeyLength::Triple,
            _ => return Err(KeyLengthError),
        };
        let mut bytes = Zeroizing::new([0; 24]);
        bytes[..key.len()].copy_from_slice(key);
        Ok(ClearKey::of(bytes, length))
    }

    fn of(bytes: Zeroizing<[u8; 24]>, length: KeyLength) -> ClearKey {
        ClearKey {
            bytes,
            length,
            left: KeyPart::default(),
            middle: KeyPart::default(),
            right: KeyPart::default(),
        }
    }

    /// A double-length key. Cannot fail, which saves derivations from an error that never comes.
    #[must_use]
    pub fn double(key: &[u8; 16]) -> ClearKey {
        ClearKey::new(key).expect("16 bytes are a double-length key")
    }

    /// The bytes.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.bytes[..self.length.bytes()]
    }

    /// How long the key is.
    #[must_use]
    pub fn length(&self) -> KeyLength {
        self.length
    }

    /// Whether every byte has an odd number of one bits, as an HSM demands of its keys.
    #[must_use]
    pub fn has_odd_parity(&self) -> bool {
        self.reveal().iter().all(|byte| byte.count_ones() % 2 == 1)
    }

    /// The same key with the lowest bit of each byte set to make its parity odd. DES ignores these bits.
    #[must_use]
    pub fn with_odd_parity(&self) -> ClearKey {
        let mut bytes = self.bytes.clone();
        set_odd_parity(&mut bytes[..self.length.bytes()]);
        ClearKey::of(bytes, self.length)
    }

    /// Encrypts one block.
    #[must_use]
    pub fn encrypt(&self, block: [u8; 8]) -> [u8; 8] {
        let [left, middle, right] = self.parts();
        let block = self.left.encrypt(left, block);
        match self.length {
            KeyLength::Single => block,
            KeyLength::Double => self.left.encrypt(left, self.middle.decrypt(middle, block)),
            KeyLength::Triple => self.right.encrypt(right, self.middle.decrypt(middle, block)),
        }
    }

    /// Decrypts one block.
    #[must_use]
    pub fn decrypt(&self, block: [u8; 8]) -> [u8; 8] {
        let [left, middle, right] = self.parts();
        let block = match self.length {
            KeyLength::Single => block,
            KeyLength::Double => self.middle.encrypt(middle, self.left.decrypt(left, block)),
            KeyLength::Triple => self.middle.encrypt(middle, self.right.decrypt(right, block)),
        };
        self.left.decrypt(left, block)
    }

    /// Encrypts one block by DES under the first part of the key alone.
    #[must_use]
    pub fn encrypt_by_left_part(&self, block: [u8; 8]) -> [u8; 8] {
        self.left.encrypt(self.parts()[0], block)
    }

    fn parts(&self) -> [&[u8; 8]; 3] {
        let [left, middle, right] = self.bytes.as_chunks::<8>().0 else {
            unreachable!("24 bytes are three parts")
        };
        [left, middle, right]
    }

    /// Encrypts whole blocks in place, each by itself (ECB). Bytes after the last whole block stay.
    pub fn encrypt_ecb(&self, bytes: &mut [u8]) {
        for block in bytes.as_chunks_mut::<8>().0 {
            *block = self.encrypt(*block);
        }
    }

    /// Decrypts whole blocks in place, each by itself (ECB). Bytes after the last whole block stay.
    pub fn decrypt_ecb(&self, bytes: &mut [u8]) {
        for block in bytes.as_chunks_mut::<8>().0 {
            *block = self.decrypt(*block);
        }
    }

    /// Encrypts whole blocks in place, chained from `iv` (CBC). Bytes after the last whole block stay.
    pub fn encrypt_cbc(&self, iv: [u8; 8], bytes: &mut [u8]) {
        let mut previous = iv;
        for block in bytes.as_chunks_mut::<8>().0 {
            *block = self.encrypt(xor(*block, previous));
            previous = *block;
        }
    }

    /// Decrypts whole blocks in place, chained from `iv` (CBC). Bytes after the last whole block stay.
    pub fn decrypt_cbc(&self, iv: [u8; 8], bytes: &mut [u8]) {
        let mut previous = iv;
        for block in bytes.as_chunks_mut::<8>().0 {
            let encrypted = *block;
            *block = xor(self.decrypt(encrypted), previous);
            previous = encrypted;
        }
    }
}

impl KeyLength {
    /// Number of bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            KeyLength::Single => 8,
            KeyLength::Double => 16,
            KeyLength::Triple => 24,
        }
    }
}

/// Sets the lowest bit of each byte so that its number of one bits is odd.
pub fn set_odd_parity(key: &mut [u8]) {
    for byte in key {
        *byte = *byte & 0xFE | u8::from((*byte & 0xFE).count_ones() % 2 == 0);
    }
}

/// The bytes of both, exclusive-ored.
pub(crate) fn xor(a: [u8; 8], b: [u8; 8]) -> [u8; 8] {
    (u64::from_ne_bytes(a) ^ u64::from_ne_bytes(b)).to_ne_bytes()
}

/// The same key; its schedules are worked out anew where they are needed.
impl Clone for ClearKey {
    fn clone(&self) -> ClearKey {
        ClearKey::of(self.bytes.clone(), self.length)
    }
}

/// Compares the bytes in constant time; two lengths differ at once.
impl ConstantTimeEq for ClearKey {
    fn ct_eq(&self, other: &ClearKey) -> Choice {
        self.reveal().ct_eq(other.reveal())
    }
}

/// Every field wipes itself.
impl ZeroizeOnDrop for ClearKey {}

impl fmt::Debug for ClearKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClearKey({:?}, ****)", self.length)
    }
}

impl fmt::Display for KeyLengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key has 8, 16 or 24 bytes")
    }
}

impl std::error::Error for KeyLengthError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn published_des_vectors() {
        // NIST SP 800-17 known answers, and the TDES example of SP 800-67 with all parts distinct.
        let des = ClearKey::new(&bytes::<8>("0101010101010101")).unwrap();
        assert_eq!(des.encrypt(bytes("8000000000000000")), bytes("95F8A5E5DD31D900"));
        let tdes = ClearKey::new(&bytes::<24>("0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123")).unwrap();
        assert_eq!(tdes.encrypt(*b"The qufc"), bytes("A826FD8CE53B855F"));
        assert_eq!(tdes.decrypt(bytes("A826FD8CE53B855F")), *b"The qufc");
    }

    #[test]
    fn double_length_repeats_its_first_part() {
        let double = ClearKey::new(&bytes::<16>("0123456789ABCDEFFEDCBA9876543210")).unwrap();
        let triple = ClearKey::new(&bytes::<24>("0123456789ABCDEFFEDCBA98765432100123456789ABCDEF")).unwrap();
        assert_eq!(double.encrypt([7; 8]), triple.encrypt([7; 8]));
        assert_eq!(double.decrypt(double.encrypt([7; 8])), [7; 8]);
    }

    #[test]
    fn cbc_is_undone_by_its_reverse() {
        let key = ClearKey::double(&[0x13; 16]);
        let mut text = *b"sixteen bytes!!!tail";
        key.encrypt_cbc([9; 8], &mut text);
        assert_ne!(&text[..16], b"sixteen bytes!!!");
        assert_eq!(&text[16..], b"tail");
        key.decrypt_cbc([9; 8], &mut text);
        assert_eq!(&text, b"sixteen bytes!!!tail");
    }

    #[test]
    fn parity() {
        let even = ClearKey::double(&[0; 16]);
        assert!(!even.has_odd_parity());
        let odd = even.with_odd_parity();
        assert!(odd.has_odd_parity());
        assert_eq!(odd.reveal(), [1; 16]);
        assert_eq!(odd.encrypt([3; 8]), even.encrypt([3; 8]));
        assert!(ClearKey::new(&[0; 17]).is_err());
        assert_eq!(format!("{odd:?}"), "ClearKey(Double, ****)");
    }
}
