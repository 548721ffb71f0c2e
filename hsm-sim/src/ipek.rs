//! Initial keys of DUKPT terminals: what `A0` derives from a base derivation key (ANSI X9.24).

use crate::aes_key::AesKey;
use crate::cipher::ClearKey;
use zeroize::Zeroizing;

/// TDES: from a double-length base derivation key and the leading 15 digits of the key serial number, left
/// in eight bytes. `None` for a key of another length. Its parity is as it comes out: the later keys of the
/// terminal depend on every bit.
pub(crate) fn tdes(bdk: &ClearKey, ksn: [u8; 8]) -> Option<ClearKey> {
    let bdk_bytes: &[u8; 16] = bdk.reveal().try_into().ok()?;
    // The five lowest bits belong to the counter, which is zero for the initial key.
    let serial = (u64::from_be_bytes(ksn) & !0x1F).to_be_bytes();
    let mut other = Zeroizing::new(*bdk_bytes);
    for half in other.as_chunks_mut::<8>().0 {
        half[..4].iter_mut().for_each(|byte| *byte ^= 0xC0);
    }
    let mut key = Zeroizing::new([0; 16]);
    key[..8].copy_from_slice(&bdk.encrypt(serial));
    key[8..].copy_from_slice(&ClearKey::double(&other).encrypt(serial));
    Some(ClearKey::double(&key))
}

/// AES: from a base derivation key and an initial key identifier, a key of the same length.
pub(crate) fn aes(bdk: &AesKey, initial_key_id: [u8; 8]) -> AesKey {
    let length = bdk.reveal().len();
    let algorithm = match length {
        16 => 2,
        24 => 3,
        _ => 4,
    };
    let [bits_high, bits_low] = (length as u16 * 8).to_be_bytes();
    let mut key = Zeroizing::new(Vec::with_capacity(32));
    for counter in 1..=length.div_ceil(16) as u8 {
        // Version 1, counter of the block, usage 8001 (initial key), algorithm and length of the result.
        let mut block = [1, counter, 0x80, 0x01, 0, algorithm, bits_high, bits_low, 0, 0, 0, 0, 0, 0, 0, 0];
        block[8..].copy_from_slice(&initial_key_id);
        key.extend_from_slice(&bdk.encrypt(block));
    }
    AesKey::new(&key[..length]).expect("a derived key is as long as its source")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ANSI X9.24-1 annex A and X9.24-3 annex B.
    #[test]
    fn published_initial_keys() {
        let bdk = ClearKey::new(&hex::decode("0123456789ABCDEFFEDCBA9876543210").unwrap()).unwrap();
        let key = tdes(&bdk, 0xFFFF9876543210E0u64.to_be_bytes()).unwrap();
        let expect = hex::decode("6AC292FAA1315B4D858AB3A3D7D5933A").unwrap();
        assert_eq!(key.reveal(), expect);
        let counted = tdes(&bdk, 0xFFFF9876543210F0u64.to_be_bytes()).unwrap();
        assert_eq!(counted.reveal(), expect, "bits of the counter do not matter");

        let bdk = AesKey::new(&hex::decode("FEDCBA9876543210F1F1F1F1F1F1F1F1").unwrap()).unwrap();
        let key = aes(&bdk, 0x1234567890123456u64.to_be_bytes());
        assert_eq!(hex::encode_upper(key.reveal()), "1273671EA26AC29AFA4D1084127652A1");
    }
}
