//! A clear key of either algorithm.

use crate::aes_key::AesKey;
use crate::cipher::{ClearKey, KeyLengthError};
use crate::kcv::kcv;
use hsm::{Kcv, KcvLength, KeyAlgorithm};
use std::sync::Arc;

/// A clear key as key blocks hold it: TDES of any length, or AES. Cheap to clone; wiped when its last copy
/// goes, masked in `Debug`.
#[derive(Clone, Debug)]
pub enum WorkingKey {
    /// DES or TDES.
    Tdes(Arc<ClearKey>),
    /// AES.
    Aes(Arc<AesKey>),
}

impl WorkingKey {
    /// Takes the bytes as they are.
    ///
    /// # Errors
    /// When the algorithm has no keys of that length, or is neither DES, TDES nor AES.
    pub fn new(algorithm: KeyAlgorithm, key: &[u8]) -> Result<WorkingKey, KeyLengthError> {
        match algorithm {
            KeyAlgorithm::Tdes => ClearKey::new(key).map(WorkingKey::from),
            KeyAlgorithm::Des if key.len() == 8 => ClearKey::new(key).map(WorkingKey::from),
            KeyAlgorithm::Aes => AesKey::new(key).map(WorkingKey::from),
            _ => Err(KeyLengthError),
        }
    }

    /// The bytes.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        match self {
            WorkingKey::Tdes(key) => key.reveal(),
            WorkingKey::Aes(key) => key.reveal(),
        }
    }

    /// The algorithm; DES counts as TDES.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        match self {
            WorkingKey::Tdes(_) => KeyAlgorithm::Tdes,
            WorkingKey::Aes(_) => KeyAlgorithm::Aes,
        }
    }

    /// The first eight bytes of the check value: of TDES, eight zero bytes encrypted; of AES, the CMAC of 16
    /// zero bytes.
    #[must_use]
    pub fn check_value(&self) -> [u8; 8] {
        match self {
            WorkingKey::Tdes(key) => kcv(key),
            WorkingKey::Aes(key) => {
                let [a, b, c, d, e, f, g, h, ..] = key.cmac(&[0; 16]);
                [a, b, c, d, e, f, g, h]
            }
        }
    }

    /// The check value of six digits.
    #[must_use]
    pub fn kcv(&self) -> Kcv {
        Kcv::new(self.check_value(), KcvLength::Six)
    }

    /// Whether an HSM would take it: a DES or TDES key has odd parity, an AES key has none.
    #[must_use]
    pub fn has_good_parity(&self) -> bool {
        match self {
            WorkingKey::Tdes(key) => key.has_odd_parity(),
            WorkingKey::Aes(_) => true,
        }
    }
}

impl From<ClearKey> for WorkingKey {
    fn from(key: ClearKey) -> WorkingKey {
        WorkingKey::Tdes(Arc::new(key))
    }
}

impl From<AesKey> for WorkingKey {
    fn from(key: AesKey) -> WorkingKey {
        WorkingKey::Aes(Arc::new(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Check values that real units showed for these keys (fact sheet sections 4 and 8).
    #[test]
    fn published_check_values() {
        let check = |algorithm, key: &str, expect: &str| {
            let key = WorkingKey::new(algorithm, &hex::decode(key).unwrap()).unwrap();
            assert_eq!(key.kcv().to_string(), expect);
        };
        check(KeyAlgorithm::Tdes, "98519E45CBB9291F49EFAD4AFEFDDC79", "4FE9FD");
        check(KeyAlgorithm::Tdes, "49C7CDA758407C6189E0102F6D583298", "456B7D");
        // The same 16 bytes by either algorithm.
        check(KeyAlgorithm::Tdes, "000102030405060708090A0B0C0D0E0F", "DDADA1");
    }

    #[test]
    fn lengths_follow_the_algorithm() {
        assert!(WorkingKey::new(KeyAlgorithm::Tdes, &[1; 32]).is_err());
        assert!(WorkingKey::new(KeyAlgorithm::Des, &[1; 16]).is_err());
        assert!(WorkingKey::new(KeyAlgorithm::Aes, &[1; 8]).is_err());
        assert!(WorkingKey::new(KeyAlgorithm::Rsa, &[1; 16]).is_err());
        let key = WorkingKey::new(KeyAlgorithm::Aes, &[0x31; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "Aes(AesKey(32 bytes, ****))");
    }
}
