//! What makes a clear key unfit, and bringing it under the public test LMKs.

use crate::config::KeyKind;
use hsm::{Exportability, KeyAttributes, KeyField, KeyScheme, KeyUsage, ModeOfUse, OptionalBlocks};
use hsm_sim::cipher::set_odd_parity;
use hsm_sim::{AesKey, ClearKey, KeyLength, Lmk, WorkingKey};
use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use zeroize::Zeroizing;

/// Why a clear key is refused. Says nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClearKeyError {
    /// Not 16, 32 or 48 hexadecimal digits.
    Form,
    /// Not 32, 48 or 64 hexadecimal digits.
    AesForm,
    /// Nothing but zeros.
    Zero,
    /// A part is one of the 16 keys that DES treats badly (NIST SP 800-67, section 3.3.2).
    Weak,
    /// A byte with an even number of one bits: mistyped, or no key at all.
    Parity,
}

/// Reads hexadecimal digits as a key fit for use.
pub(super) fn read(digits: &str) -> Result<ClearKey, ClearKeyError> {
    let bytes = Zeroizing::new(hex::decode(digits).map_err(|_| ClearKeyError::Form)?);
    let key = ClearKey::new(&bytes).map_err(|_| ClearKeyError::Form)?;
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(ClearKeyError::Zero);
    }
    if !key.has_odd_parity() {
        return Err(ClearKeyError::Parity);
    }
    if bytes.as_chunks::<8>().0.iter().any(|part| WEAK.contains(&u64::from_be_bytes(*part))) {
        return Err(ClearKeyError::Weak);
    }
    Ok(key)
}

/// Reads hexadecimal digits as an AES key fit for use.
pub(super) fn read_aes(digits: &str) -> Result<AesKey, ClearKeyError> {
    let bytes = Zeroizing::new(hex::decode(digits).map_err(|_| ClearKeyError::AesForm)?);
    let key = AesKey::new(&bytes).map_err(|_| ClearKeyError::AesForm)?;
    if bytes.iter().all(|byte| *byte == 0) { Err(ClearKeyError::Zero) } else { Ok(key) }
}

/// Makes a part of double length at random.
pub(super) fn random() -> Result<ClearKey, Unspecified> {
    let mut bytes = Zeroizing::new([0; 16]);
    loop {
        SystemRandom::new().fill(&mut *bytes)?;
        set_odd_parity(&mut *bytes);
        // None is weak twice in the life of the universe.
        if let Ok(key) = read(&Zeroizing::new(hex::encode_upper(*bytes))) {
            return Ok(key);
        }
    }
}

/// The digits in groups of four, as they are written by hand.
pub(super) fn groups(key: &ClearKey) -> Zeroizing<String> {
    let digits = Zeroizing::new(hex::encode_upper(key.reveal()));
    let mut groups = Zeroizing::new(String::with_capacity(64));
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            groups.push(' ');
        }
        groups.push(digit);
    }
    groups
}

/// Whether what this key protects is protected by single DES: it is of single length, or triple DES with
/// it is single DES, since parts that are equal undo each other.
pub(super) fn is_single_des(key: &ClearKey) -> bool {
    let parts = key.reveal().as_chunks::<8>().0;
    parts.len() == 1 || parts.windows(2).any(|pair| pair[0] == pair[1])
}

/// The cryptogram under the public test LMK.
pub(super) fn under_test_lmk(kind: KeyKind, key: &ClearKey) -> KeyField<'static> {
    let scheme = match key.length() {
        KeyLength::Single => KeyScheme::Z,
        KeyLength::Double => KeyScheme::U,
        KeyLength::Triple => KeyScheme::T,
    };
    let wrapped = Lmk::public_test().encrypt_key(kind.hsm_type(), scheme, key);
    wrapped.expect("a key of odd parity is wrapped in the scheme of its length")
}

/// The key block under the public AES test LMK, [`Lmk::AES_KEY_BLOCK`].
///
/// # Errors
/// When the system gives no random bytes.
pub(crate) fn in_test_block(kind: KeyKind, key: &WorkingKey) -> Result<KeyField<'static>, Unspecified> {
    let mut filling = [0; 16];
    SystemRandom::new().fill(&mut filling)?;
    let attributes = KeyAttributes {
        usage: KeyUsage::new(*block_usage(kind)).expect("every usage of the table is known"),
        algorithm: key.algorithm(),
        mode: ModeOfUse::from_letter(b'N').expect("N is a mode of use"),
        key_version: *b"00",
        exportability: Exportability::Sensitive,
        optional_blocks: OptionalBlocks::NONE,
    };
    let wrapped = Lmk::public_test().wrap_key_block(Lmk::AES_KEY_BLOCK, attributes, key, filling);
    Ok(wrapped.expect("a key of odd parity, or of AES, is wrapped under an AES LMK"))
}

/// What a key block says of a key of this kind, as TR-31 has it where it knows the kind.
fn block_usage(kind: KeyKind) -> &'static [u8; 2] {
    match kind {
        KeyKind::Zpk | KeyKind::Tpk => b"P0",
        KeyKind::Pvk => b"V0",
        KeyKind::Cvk => b"C0",
        KeyKind::MkAc => b"E0",
        KeyKind::Zmk => b"K0",
        // Algorithm 3 of ISO 9797-1.
        KeyKind::Tak | KeyKind::Zak => b"M3",
        KeyKind::Bdk => b"B0",
        KeyKind::MkSmi => b"E2",
    }
}

/// Weak and semi-weak keys of DES, with odd parity.
const WEAK: [u64; 16] = [
    0x0101_0101_0101_0101,
    0xFEFE_FEFE_FEFE_FEFE,
    0xE0E0_E0E0_F1F1_F1F1,
    0x1F1F_1F1F_0E0E_0E0E,
    0x01FE_01FE_01FE_01FE,
    0xFE01_FE01_FE01_FE01,
    0x1FE0_1FE0_0EF1_0EF1,
    0xE01F_E01F_F10E_F10E,
    0x01E0_01E0_01F1_01F1,
    0xE001_E001_F101_F101,
    0x1FFE_1FFE_0EFE_0EFE,
    0xFE1F_FE1F_FE0E_FE0E,
    0x011F_011F_010E_010E,
    0x1F01_1F01_0E01_0E01,
    0xE0FE_E0FE_F1FE_F1FE,
    0xFEE0_FEE0_FEF1_FEF1,
];

impl fmt::Display for ClearKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ClearKeyError::Form => "a clear key is 16, 32 or 48 hexadecimal digits",
            ClearKeyError::AesForm => "a clear AES key is 32, 48 or 64 hexadecimal digits",
            ClearKeyError::Zero => "the key is all zeros",
            ClearKeyError::Weak => "the key has a part that is a weak key of DES",
            ClearKeyError::Parity => "the key has not odd parity: a digit is mistyped, or it is no DES key",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfit_keys_are_refused() {
        let check = |digits: &str, expect: Result<(), ClearKeyError>| {
            assert_eq!(read(digits).map(|_| ()), expect, "{digits}");
        };
        check("0123456789ABCDEFFEDCBA9876543210", Ok(()));
        check("0123456789abcdeffedcba9876543210", Ok(()));
        check("", Err(ClearKeyError::Form));
        check("0123456789ABCDEFFEDCBA987654321", Err(ClearKeyError::Form));
        check("0123456789ABCDEFFEDCBA98765432", Err(ClearKeyError::Form));
        check(&"0".repeat(32), Err(ClearKeyError::Zero));
        check("0123456789ABCDEFFEDCBA9876543211", Err(ClearKeyError::Parity));
        check("0123456789ABCDEF0101010101010101", Err(ClearKeyError::Weak));
        check("FEE0FEE0FEF1FEF1FEDCBA9876543210", Err(ClearKeyError::Weak));
    }

    #[test]
    fn single_des_is_noticed() {
        let check = |digits: &str, expect| {
            assert_eq!(is_single_des(&read(digits).unwrap()), expect, "{digits}");
        };
        check("0123456789ABCDEF", true);
        check("0123456789ABCDEF0123456789ABCDEF", true);
        check("0123456789ABCDEFFEDCBA9876543210", false);
        check("FEDCBA98765432100123456789ABCDEF0123456789ABCDEF", true);
        // First and third alike is a double-length key written as a triple.
        check("0123456789ABCDEFFEDCBA98765432100123456789ABCDEF", false);
    }

    #[test]
    fn aes_keys_have_other_lengths_and_no_parity() {
        let check = |digits: String, expect: Result<(), ClearKeyError>| {
            assert_eq!(read_aes(&digits).map(|_| ()), expect, "{digits}");
        };
        for length in [32, 48, 64] {
            check("A".repeat(length), Ok(()));
            check("0".repeat(length), Err(ClearKeyError::Zero));
        }
        check("A".repeat(16), Err(ClearKeyError::AesForm));
        check("G".repeat(32), Err(ClearKeyError::AesForm));
    }

    #[test]
    fn a_block_of_every_kind_can_be_opened_again() {
        let key = read("0123456789ABCDEFFEDCBA9876543210").unwrap();
        for kind in KeyKind::ALL {
            let block = in_test_block(kind, &key.clone().into()).unwrap();
            assert_eq!(block.lmk_identifier(), Some(Lmk::AES_KEY_BLOCK));
            let opened = Lmk::public_test().unwrap_key_block(Lmk::AES_KEY_BLOCK, &block).unwrap();
            assert_eq!(opened.reveal(), key.reveal(), "{kind}");
        }
    }

    #[test]
    fn every_weak_key_has_odd_parity() {
        for key in WEAK {
            assert!(key.to_be_bytes().iter().all(|byte| byte.count_ones() % 2 == 1), "{key:016X}");
        }
    }
}
