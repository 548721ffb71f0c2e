//! Derived unique key per transaction: TDES (ANSI X9.24-1:2009) and AES (ANSI X9.24-3:2017).
//!
//! A device holds an initial key, made from a base derivation key (BDK) that the HSM keeps and the device's
//! number. Each transaction uses another key, which the HSM finds again from the BDK and the key serial number
//! (KSN) that travels with the block.

use crate::aes_key::AesKey;
use crate::cipher::{ClearKey, xor};
use zeroize::Zeroizing;

/// What a TDES key of one transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TdesUsage {
    /// PIN blocks.
    Pin,
    /// MAC of a request, and of a response where both share a key.
    MacRequest,
    /// MAC of a response.
    MacResponse,
    /// Data of a request, and of a response where both share a key.
    DataRequest,
    /// Data of a response.
    DataResponse,
}

/// What an AES key of one transaction is for (X9.24-3, key usage indicators).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AesUsage {
    /// 0002: other keys.
    KeyEncryption,
    /// 1000: PIN blocks.
    Pin,
    /// 2000: making MACs.
    MacGeneration,
    /// 2001: verifying MACs.
    MacVerification,
    /// 2002: both.
    MacBoth,
    /// 3000: encrypting data.
    DataEncryption,
    /// 3001: decrypting data.
    DataDecryption,
    /// 3002: both.
    DataBoth,
    /// 8000: deriving keys.
    KeyDerivation,
}

/// The algorithm that a derived key is for, which decides its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkingKeyType {
    /// TDES of 16 bytes, whatever its parity.
    TwoKeyTdes,
    /// TDES of 24 bytes, whatever its parity.
    ThreeKeyTdes,
    /// AES of 16 bytes.
    Aes128,
    /// AES of 24 bytes.
    Aes192,
    /// AES of 32 bytes.
    Aes256,
}

/// The initial key of a device (IPEK), from a BDK of double length. The counter of `ksn` does not matter.
#[must_use]
pub fn initial_key(bdk: &ClearKey, ksn: [u8; 10]) -> ClearKey {
    let (_, device) = split(ksn);
    let [a, b, ..] = ksn;
    let [c, d, e, f, g, h, ..] = device;
    let device = [a, b, c, d, e, f, g, h];
    let mut key = Zeroizing::new([0; 16]);
    key[..8].copy_from_slice(&bdk.encrypt(device));
    let other = ClearKey::new(&masked(bdk.reveal())).expect("a masked key is as long as before");
    key[8..].copy_from_slice(&other.encrypt(device));
    ClearKey::double(&key)
}

/// The PIN key of a transaction.
#[must_use]
pub fn pin_key(bdk: &ClearKey, ksn: [u8; 10]) -> ClearKey {
    working_key(bdk, ksn, TdesUsage::Pin)
}

/// The MAC key of a transaction's request.
#[must_use]
pub fn mac_key(bdk: &ClearKey, ksn: [u8; 10]) -> ClearKey {
    working_key(bdk, ksn, TdesUsage::MacRequest)
}

/// The data key of a transaction's request.
#[must_use]
pub fn data_key(bdk: &ClearKey, ksn: [u8; 10]) -> ClearKey {
    working_key(bdk, ksn, TdesUsage::DataRequest)
}

/// A key of one transaction.
#[must_use]
pub fn working_key(bdk: &ClearKey, ksn: [u8; 10], usage: TdesUsage) -> ClearKey {
    working_key_of_device(&initial_key(bdk, ksn), ksn, usage)
}

/// A key of one transaction from the device's initial key: what a terminal does.
#[must_use]
pub fn working_key_of_device(initial: &ClearKey, ksn: [u8; 10], usage: TdesUsage) -> ClearKey {
    let mut key = transaction_key(initial, ksn);
    let at = match usage {
        TdesUsage::Pin => 7,
        TdesUsage::MacRequest => 6,
        TdesUsage::DataRequest => 5,
        TdesUsage::MacResponse => 4,
        TdesUsage::DataResponse => 3,
    };
    key[at] ^= 0xFF;
    key[8 + at] ^= 0xFF;
    let mut working = ClearKey::double(&key);
    if matches!(usage, TdesUsage::DataRequest | TdesUsage::DataResponse) {
        // A data key goes once more through itself, so that it tells nothing of the PIN key.
        working.encrypt_ecb(key.as_mut());
        working = ClearKey::double(&key);
    }
    working
}

/// The initial key of a device, from an AES BDK and the initial key identifier.
#[must_use]
pub fn aes_initial_key(bdk: &AesKey, identifier: [u8; 8]) -> AesKey {
    const INITIAL_KEY: [u8; 2] = [0x80, 0x01];
    let kind = WorkingKeyType::of_aes(bdk);
    aes(&derive(bdk, INITIAL_KEY, kind, identifier))
}

/// A key of one transaction from an AES BDK. `ksn` is initial key identifier and counter. Its bytes fit the
/// type asked for.
#[must_use]
pub fn aes_working_key(
    bdk: &AesKey,
    ksn: [u8; 12],
    usage: AesUsage,
    key_type: WorkingKeyType,
) -> Zeroizing<Vec<u8>> {
    let [a, b, c, d, e, f, g, h, ..] = ksn;
    aes_working_key_of_device(&aes_initial_key(bdk, [a, b, c, d, e, f, g, h]), ksn, usage, key_type)
}

/// A key of one transaction from the device's initial key: what a terminal does.
#[must_use]
pub fn aes_working_key_of_device(
    initial: &AesKey,
    ksn: [u8; 12],
    usage: AesUsage,
    key_type: WorkingKeyType,
) -> Zeroizing<Vec<u8>> {
    let [_, _, _, _, e, f, g, h, counter @ ..] = ksn;
    let counter = u32::from_be_bytes(counter);
    let material = |counter: u32| {
        let [i, j, k, l] = counter.to_be_bytes();
        [e, f, g, h, i, j, k, l]
    };
    let kind = WorkingKeyType::of_aes(initial);
    let mut key = initial.clone();
    let mut walked = 0;
    for bit in (0..u32::BITS).rev().map(|place| 1 << place).filter(|bit| counter & bit != 0) {
        walked |= bit;
        key = aes(&derive(&key, AesUsage::KeyDerivation.indicator(), kind, material(walked)));
    }
    derive(&key, usage.indicator(), key_type, material(counter))
}

/// The PIN key of a transaction, as long as the BDK.
#[must_use]
pub fn aes_pin_key(bdk: &AesKey, ksn: [u8; 12]) -> AesKey {
    aes(&aes_working_key(bdk, ksn, AesUsage::Pin, WorkingKeyType::of_aes(bdk)))
}

impl AesUsage {
    fn indicator(self) -> [u8; 2] {
        match self {
            AesUsage::KeyEncryption => [0x00, 0x02],
            AesUsage::Pin => [0x10, 0x00],
            AesUsage::MacGeneration => [0x20, 0x00],
            AesUsage::MacVerification => [0x20, 0x01],
            AesUsage::MacBoth => [0x20, 0x02],
            AesUsage::DataEncryption => [0x30, 0x00],
            AesUsage::DataDecryption => [0x30, 0x01],
            AesUsage::DataBoth => [0x30, 0x02],
            AesUsage::KeyDerivation => [0x80, 0x00],
        }
    }
}

impl WorkingKeyType {
    fn of_aes(key: &AesKey) -> WorkingKeyType {
        match key.reveal().len() {
            16 => WorkingKeyType::Aes128,
            24 => WorkingKeyType::Aes192,
            _ => WorkingKeyType::Aes256,
        }
    }

    fn indicator(self) -> u8 {
        match self {
            WorkingKeyType::TwoKeyTdes => 0,
            WorkingKeyType::ThreeKeyTdes => 1,
            WorkingKeyType::Aes128 => 2,
            WorkingKeyType::Aes192 => 3,
            WorkingKeyType::Aes256 => 4,
        }
    }

    fn bytes(self) -> usize {
        match self {
            WorkingKeyType::TwoKeyTdes | WorkingKeyType::Aes128 => 16,
            WorkingKeyType::ThreeKeyTdes | WorkingKeyType::Aes192 => 24,
            WorkingKeyType::Aes256 => 32,
        }
    }
}

/// Encrypts the derivation data once for each block of the key wanted: version, number of the block, usage,
/// algorithm, length in bits, then what tells this key from others.
fn derive(key: &AesKey, usage: [u8; 2], key_type: WorkingKeyType, material: [u8; 8]) -> Zeroizing<Vec<u8>> {
    let mut derived = Zeroizing::new(Vec::with_capacity(32));
    let [bits_high, bits_low] = (key_type.bytes() as u16 * 8).to_be_bytes();
    for number in 1..=key_type.bytes().div_ceil(16) as u8 {
        let mut data = [0; 16];
        data[..8].copy_from_slice(&[
            1,
            number,
            usage[0],
            usage[1],
            0,
            key_type.indicator(),
            bits_high,
            bits_low,
        ]);
        data[8..].copy_from_slice(&material);
        derived.extend_from_slice(&key.encrypt(data));
    }
    derived.truncate(key_type.bytes());
    derived
}

fn aes(key: &[u8]) -> AesKey {
    AesKey::new(key).expect("a key derived for AES has one of its lengths")
}

/// Walks from the initial key to the counter, one step for each of its bits, highest first.
fn transaction_key(initial: &ClearKey, ksn: [u8; 10]) -> Zeroizing<[u8; 16]> {
    let (counter, device) = split(ksn);
    let mut key = Zeroizing::new([0; 16]);
    let length = initial.reveal().len().min(16);
    key[..length].copy_from_slice(&initial.reveal()[..length]);
    let mut register = device;
    for bit in (0..COUNTER_BITS).rev().map(|place| 1u32 << place).filter(|bit| counter & bit != 0) {
        let [_, high, middle, low] = bit.to_be_bytes();
        register[5] |= high;
        register[6] |= middle;
        register[7] |= low;
        key = step(&key, register);
    }
    key
}

/// The one-way step from a key to one that follows it.
fn step(key: &[u8; 16], register: [u8; 8]) -> Zeroizing<[u8; 16]> {
    let mut next = Zeroizing::new([0; 16]);
    next[8..].copy_from_slice(&half(key, register));
    let mut other = Zeroizing::new([0; 16]);
    other.copy_from_slice(&masked(key));
    next[..8].copy_from_slice(&half(&other, register));
    next
}

fn half(key: &[u8; 16], register: [u8; 8]) -> [u8; 8] {
    let [_, right] = *key.as_chunks::<8>().0 else { unreachable!("16 bytes are two halves") };
    xor(ClearKey::double(key).encrypt_by_left_part(xor(register, right)), right)
}

/// `C0C0C0C000000000` on each part.
fn masked(key: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut masked = Zeroizing::new(key.to_vec());
    for (at, byte) in masked.iter_mut().enumerate() {
        if at % 8 < 4 {
            *byte ^= 0xC0;
        }
    }
    masked
}

const COUNTER_BITS: u32 = 21;

/// The counter, and the eight rightmost bytes of the number without it.
fn split(ksn: [u8; 10]) -> (u32, [u8; 8]) {
    let [_, _, mut device @ ..] = ksn;
    let counter = u32::from_be_bytes([0, device[5] & 0x1F, device[6], device[7]]);
    device[5] &= 0xE0;
    device[6] = 0;
    device[7] = 0;
    (counter, device)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ANSI X9.24-1 annex A and X9.24-3 annex B.
    #[test]
    fn published_initial_keys() {
        let bdk = ClearKey::new(&hex::decode("0123456789ABCDEFFEDCBA9876543210").unwrap()).unwrap();
        for ksn in ["FFFF9876543210E00000", "FFFF9876543210F00001"] {
            let key = initial_key(&bdk, hex::decode(ksn).unwrap().try_into().unwrap());
            assert_eq!(hex::encode_upper(key.reveal()), "6AC292FAA1315B4D858AB3A3D7D5933A", "{ksn}");
        }
        let bdk = AesKey::new(&hex::decode("FEDCBA9876543210F1F1F1F1F1F1F1F1").unwrap()).unwrap();
        let key = aes_initial_key(&bdk, 0x1234567890123456u64.to_be_bytes());
        assert_eq!(hex::encode_upper(key.reveal()), "1273671EA26AC29AFA4D1084127652A1");
    }

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    /// The examples of ANSI X9.24-1:2009 annex A.4.
    #[test]
    fn published_tdes_keys() {
        let bdk = ClearKey::double(&bytes("0123456789ABCDEFFEDCBA9876543210"));
        let ksn = bytes("FFFF9876543210E00001");
        let check = |key: ClearKey, expect: &str| assert_eq!(hex::encode_upper(key.reveal()), expect);
        check(initial_key(&bdk, ksn), "6AC292FAA1315B4D858AB3A3D7D5933A");
        check(pin_key(&bdk, ksn), "042666B49184CF5C68DE9628D0397B36");
        check(mac_key(&bdk, ksn), "042666B4918430A368DE9628D03984C9");
        check(working_key(&bdk, ksn, TdesUsage::MacResponse), "042666B46E84CFA368DE96282F397BC9");
        // Format 0 of PIN 1234 for PAN 4012345678909.
        let block = pin_key(&bdk, ksn).encrypt(bytes("041274EDCBA9876F"));
        assert_eq!(block, bytes("1B9C1845EB993A7A"));
    }

    /// At counter 0 the key of the transaction is the initial key.
    #[test]
    fn counter_zero_takes_no_step() {
        let bdk = ClearKey::double(&bytes("0123456789ABCDEFFEDCBA9876543210"));
        let ksn = bytes("FFFF9876543210E00000");
        assert_eq!(*transaction_key(&initial_key(&bdk, ksn), ksn), bytes("6AC292FAA1315B4D858AB3A3D7D5933A"));
    }

    /// The test vectors that X9 publishes with ANSI X9.24-3:2017: AES-128 at counter 1, all usages, and later
    /// counters.
    #[test]
    fn published_aes_keys() {
        let bdk = AesKey::new(&bytes::<16>("FEDCBA9876543210F1F1F1F1F1F1F1F1")).unwrap();
        let initial = aes_initial_key(&bdk, bytes("1234567890123456"));
        assert_eq!(initial.reveal(), bytes::<16>("1273671EA26AC29AFA4D1084127652A1"));
        let check = |counter: &str, usage, expect: &str| {
            let ksn = bytes(&format!("1234567890123456{counter}"));
            let key = aes_working_key(&bdk, ksn, usage, WorkingKeyType::Aes128);
            assert_eq!(hex::encode_upper(&*key), expect, "{counter} {usage:?}");
        };
        check("00000001", AesUsage::Pin, "AF8CB133A78F8DC2D1359F18527593FB");
        check("00000001", AesUsage::MacGeneration, "A2DC23DE6FDE0824A2BC321E08E4B8B7");
        check("00000001", AesUsage::MacVerification, "DBB463945B286C07CD3AD82EE96FD9C9");
        check("00000001", AesUsage::MacBoth, "85675439D18D7F1158BD8E3EAA3D502B");
        check("00000001", AesUsage::DataEncryption, "A35C412EFD41FDB98B69797C02DCD08F");
        check("00000001", AesUsage::DataDecryption, "16292C6EA8F64C5420A0584BFBC577BE");
        check("00000001", AesUsage::DataBoth, "A308E080DD15A1B741F1721BF67DE11C");
        check("00000001", AesUsage::KeyEncryption, "36A724B7BEFA5A25F5E7B5782A4554A2");
        check("00000002", AesUsage::Pin, "D30BDC73EC9714B000BEC66BDB7B6D09");
        check("00000003", AesUsage::Pin, "7D69F01F3B45449F62C7816ECE723268");
        check("00000008", AesUsage::MacGeneration, "6FD572E5D59E618875F193484F9178FB");
        // 8675309 has eleven bits set.
        check("00845FED", AesUsage::Pin, "D1DDA386AA4A556AF0119FDCB5D132C6");
    }
}
