//! AES, with CMAC: PIN block format 4, AES DUKPT, key blocks of version D and AES LMKs.

use crate::cipher::KeyLengthError;
use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use cmac::{Cmac, Mac};
use std::fmt;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// An AES key in clear, of 16, 24 or 32 bytes, with its schedule worked out. Wiped on drop, masked in
/// `Debug`.
#[derive(Clone)]
pub struct AesKey {
    bytes: Zeroizing<Vec<u8>>,
    cipher: Cipher,
}

// Each schedule wipes itself on drop.
#[derive(Clone)]
enum Cipher {
    Aes128(Box<Aes128>),
    Aes192(Box<Aes192>),
    Aes256(Box<Aes256>),
}

impl AesKey {
    /// Takes the bytes as they are.
    ///
    /// # Errors
    /// When there are not 16, 24 or 32 of them.
    pub fn new(key: &[u8]) -> Result<AesKey, KeyLengthError> {
        let cipher = match key.len() {
            16 => Aes128::new_from_slice(key).map(Box::new).map(Cipher::Aes128),
            24 => Aes192::new_from_slice(key).map(Box::new).map(Cipher::Aes192),
            _ => Aes256::new_from_slice(key).map(Box::new).map(Cipher::Aes256),
        };
        let cipher = cipher.map_err(|_| KeyLengthError)?;
        Ok(AesKey { bytes: Zeroizing::new(key.to_vec()), cipher })
    }

    /// The bytes.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.bytes
    }

    /// Encrypts one block.
    #[must_use]
    pub fn encrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut block = Block::<Aes128>::from(block);
        match &self.cipher {
            Cipher::Aes128(cipher) => cipher.encrypt_block(&mut block),
            Cipher::Aes192(cipher) => cipher.encrypt_block(&mut block),
            Cipher::Aes256(cipher) => cipher.encrypt_block(&mut block),
        }
        block.into()
    }

    /// Decrypts one block.
    #[must_use]
    pub fn decrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut block = Block::<Aes128>::from(block);
        match &self.cipher {
            Cipher::Aes128(cipher) => cipher.decrypt_block(&mut block),
            Cipher::Aes192(cipher) => cipher.decrypt_block(&mut block),
            Cipher::Aes256(cipher) => cipher.decrypt_block(&mut block),
        }
        block.into()
    }

    /// Encrypts whole blocks in place, chained from `iv` (CBC). Bytes after the last whole block stay.
    pub fn encrypt_cbc(&self, iv: [u8; 16], bytes: &mut [u8]) {
        let mut previous = iv;
        for block in bytes.as_chunks_mut::<16>().0 {
            *block = self.encrypt(xor(*block, previous));
            previous = *block;
        }
    }

    /// Decrypts whole blocks in place, chained from `iv` (CBC). Bytes after the last whole block stay.
    pub fn decrypt_cbc(&self, iv: [u8; 16], bytes: &mut [u8]) {
        let mut previous = iv;
        for block in bytes.as_chunks_mut::<16>().0 {
            let encrypted = *block;
            *block = xor(self.decrypt(encrypted), previous);
            previous = encrypted;
        }
    }

    /// CMAC of the bytes (NIST SP 800-38B), all 16 bytes of it.
    #[must_use]
    pub fn cmac(&self, bytes: &[u8]) -> [u8; 16] {
        match self.bytes.len() {
            16 => cmac_by::<Cmac<Aes128>>(&self.bytes, bytes),
            24 => cmac_by::<Cmac<Aes192>>(&self.bytes, bytes),
            _ => cmac_by::<Cmac<Aes256>>(&self.bytes, bytes),
        }
    }
}

fn cmac_by<M: Mac + KeyInit>(key: &[u8], bytes: &[u8]) -> [u8; 16] {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("the length of the key was looked at");
    mac.update(bytes);
    let mut out = [0; 16];
    out.copy_from_slice(&mac.finalize().into_bytes());
    out
}

/// The bytes of both, exclusive-ored.
pub(crate) fn xor(a: [u8; 16], b: [u8; 16]) -> [u8; 16] {
    (u128::from_ne_bytes(a) ^ u128::from_ne_bytes(b)).to_ne_bytes()
}

/// Compares the bytes in constant time; two lengths differ at once.
impl ConstantTimeEq for AesKey {
    fn ct_eq(&self, other: &AesKey) -> Choice {
        self.bytes.as_slice().ct_eq(&other.bytes)
    }
}

/// Every field wipes itself.
impl ZeroizeOnDrop for AesKey {}

impl fmt::Debug for AesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AesKey({} bytes, ****)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    /// FIPS 197 appendix C.
    #[test]
    fn published_blocks() {
        let key = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";
        let check = |length: usize, expect| {
            let key = AesKey::new(&hex::decode(&key[..2 * length]).unwrap()).unwrap();
            let block = key.encrypt(bytes("00112233445566778899AABBCCDDEEFF"));
            assert_eq!(hex::encode_upper(block), expect);
            assert_eq!(key.decrypt(block), bytes("00112233445566778899AABBCCDDEEFF"));
        };
        check(16, "69C4E0D86A7B0430D8CDB78070B4C55A");
        check(24, "DDA97CA4864CDFE06EAF70A0EC0D7191");
        check(32, "8EA2B7CA516745BFEAFC49904B496089");
        assert!(AesKey::new(&[0; 8]).is_err());
    }

    /// NIST SP 800-38B appendix D (RFC 4493), and the check value of the public AES test LMK.
    #[test]
    fn published_cmacs() {
        let key = AesKey::new(&bytes::<16>("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
        assert_eq!(key.cmac(&[]), bytes("BB1D6929E95937287FA37D129B756746"));
        let message: [u8; 40] =
            bytes("6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E5130C81C46A35CE411");
        assert_eq!(key.cmac(&message[..16]), bytes("070A16B46B4D4144F79BDD9DD04A287C"));
        assert_eq!(key.cmac(&message), bytes("DFA66747DE9AE63030CA32611497C827"));
        let lmk: [u8; 32] = bytes("9B71333A13F9FAE72F9D0E2DAB4AD6784718012F9244033F3F26A2DE0C8AA11A");
        assert_eq!(AesKey::new(&lmk).unwrap().cmac(&[])[..3], bytes::<3>("9D04A0"));
    }

    /// NIST SP 800-38A F.2.1.
    #[test]
    fn published_chain() {
        let key = AesKey::new(&bytes::<16>("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
        let clear: [u8; 32] = bytes("6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51");
        let mut text = clear;
        let iv = bytes("000102030405060708090A0B0C0D0E0F");
        key.encrypt_cbc(iv, &mut text);
        assert_eq!(text, bytes("7649ABAC8119B246CEE98E9B12E9197D5086CB9B507219EE95DB113A917678B2"));
        key.decrypt_cbc(iv, &mut text);
        assert_eq!(text, clear);
    }

    #[test]
    fn debug_shows_the_length_only() {
        let key = AesKey::new(&[0x31; 16]).unwrap();
        assert_eq!(format!("{key:?}"), "AesKey(16 bytes, ****)");
    }
}
