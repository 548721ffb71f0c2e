//! The two keys that one wrapping key of a key block becomes: one to encrypt, another to authenticate.

use crate::aes_key::AesKey;
use crate::cipher::{ClearKey, KeyLength};
use zeroize::Zeroizing;

/// What a derived key is for, as the derivation of X9.143 and of Thales version 1 numbers it.
#[derive(Clone, Copy)]
enum Purpose {
    Encryption = 0,
    Authentication = 1,
}

/// A key with each byte exclusive-ored by 45 to encrypt and by 4D to authenticate (Thales version 0, TR-31
/// versions A and C).
pub(crate) fn by_variant(wrapping: &ClearKey) -> [ClearKey; 2] {
    [0x45, 0x4D].map(|variant| {
        let mut bytes = Zeroizing::new(wrapping.reveal().to_vec());
        for byte in bytes.iter_mut() {
            *byte ^= variant;
        }
        ClearKey::new(&bytes).expect("a variant is as long as its key")
    })
}

/// Derived by AES-CMAC in counter mode (Thales version 1, TR-31 version D).
pub(crate) fn by_aes(wrapping: &AesKey) -> [AesKey; 2] {
    let length = wrapping.reveal().len();
    let algorithm = match length {
        16 => 2,
        24 => 3,
        _ => 4,
    };
    [Purpose::Encryption, Purpose::Authentication].map(|purpose| {
        let mut bytes = Zeroizing::new(Vec::with_capacity(32));
        for counter in 1..=length.div_ceil(16) as u8 {
            bytes.extend_from_slice(&wrapping.cmac(&input(counter, purpose, algorithm, length)));
        }
        AesKey::new(&bytes[..length]).expect("a derived key is as long as its source")
    })
}

/// Derived by TDES-CMAC in counter mode (TR-31 version B).
pub(crate) fn by_tdes(wrapping: &ClearKey) -> [ClearKey; 2] {
    let length = wrapping.reveal().len();
    let algorithm = u8::from(wrapping.length() == KeyLength::Triple);
    [Purpose::Encryption, Purpose::Authentication].map(|purpose| {
        let mut bytes = Zeroizing::new(Vec::with_capacity(24));
        for counter in 1..=(length / 8) as u8 {
            bytes.extend_from_slice(&tdes_cmac(wrapping, &input(counter, purpose, algorithm, length)));
        }
        ClearKey::new(&bytes).expect("a derived key is as long as its source")
    })
}

fn input(counter: u8, purpose: Purpose, algorithm: u8, length: usize) -> [u8; 8] {
    let [high, low] = (length as u16 * 8).to_be_bytes();
    [counter, 0, purpose as u8, 0, 0, algorithm, high, low]
}

/// CMAC over blocks of eight bytes (NIST SP 800-38B).
pub(crate) fn tdes_cmac(key: &ClearKey, bytes: &[u8]) -> [u8; 8] {
    let first = doubled(u64::from_be_bytes(key.encrypt([0; 8])));
    let last_length = match bytes.len() % 8 {
        0 => bytes.len().min(8),
        rest => rest,
    };
    let (whole, last) = bytes.split_at(bytes.len() - last_length);
    let state = whole.as_chunks::<8>().0.iter().fold(0, |state, block| {
        u64::from_be_bytes(key.encrypt((state ^ u64::from_be_bytes(*block)).to_be_bytes()))
    });
    let mut block = [0; 8];
    block[..last.len()].copy_from_slice(last);
    let mask = match block.get_mut(last.len()) {
        Some(byte) => {
            *byte = 0x80;
            doubled(first)
        }
        None => first,
    };
    key.encrypt((state ^ u64::from_be_bytes(block) ^ mask).to_be_bytes())
}

/// Doubled in the field of 64 bits that CMAC uses.
fn doubled(value: u64) -> u64 {
    (value << 1) ^ if value >> 63 == 1 { 0x1B } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST SP 800-38B, appendix D: three-key and two-key TDES.
    #[test]
    fn published_tdes_cmacs() {
        let check = |key: &str, length: usize, expect: &str| {
            let key = ClearKey::new(&hex::decode(key).unwrap()).unwrap();
            let message =
                hex::decode("6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51").unwrap();
            assert_eq!(hex::encode_upper(tdes_cmac(&key, &message[..length])), expect);
        };
        let three = "8AA83BF8CBDA10620BC1BF19FBB6CD58BC313D4A371CA8B5";
        check(three, 0, "B7A688E122FFAF95");
        check(three, 8, "8E8F293136283797");
        check(three, 20, "743DDBE0CE2DC2ED");
        check(three, 32, "33E6B1092400EAE5");
        let two = "4CF15134A2850DD58A3D10BA80570D38";
        check(two, 0, "BD2EBF9A3BA00361");
        check(two, 32, "31B1E431DABC4EB8");
    }
}
