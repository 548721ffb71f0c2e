//! Wrapping of keys under the master key, and what is derived from a key.

use super::error::DataKeysError;
use crate::MasterKey;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a wrapped key: nonce, key, tag.
pub(super) const WRAPPED_BYTES: usize = NONCE_LEN + Secret::BYTES + 16;

/// A key in its wrapped form.
pub(super) type Wrapped = [u8; WRAPPED_BYTES];

/// Random bytes of a key file; each wrapping of all keys has new ones.
pub(super) type FileSalt = [u8; 32];

/// Tells which master key a file needs without telling anything about it.
pub(super) type KeyCheck = [u8; 8];

/// 256 secret bits. Wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct Secret([u8; Secret::BYTES]);

impl Secret {
    pub(super) const BYTES: usize = 32;

    pub(super) fn generate() -> Result<Secret, DataKeysError> {
        Ok(Secret(random()?))
    }

    pub(super) fn copy(bytes: &[u8; Self::BYTES]) -> Secret {
        Secret(*bytes)
    }

    #[cfg(test)]
    pub(super) fn reveal(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    pub(super) fn hmac_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }

    /// An AES-256-GCM key.
    pub(super) fn derive_aead(&self, salt: &[u8; 32], info: &[&[u8]]) -> LessSafeKey {
        let prk = extract(salt, &self.0);
        let okm = prk.expand(info, &AES_256_GCM).expect("HKDF gives up to 255 hashes");
        LessSafeKey::new(UnboundKey::from(okm))
    }

    /// An HMAC-SHA-256 key.
    pub(super) fn derive_hmac(&self, salt: &[u8; 32], info: &[&[u8]]) -> hmac::Key {
        let prk = extract(salt, &self.0);
        hmac::Key::from(prk.expand(info, hmac::HMAC_SHA256).expect("HKDF gives up to 255 hashes"))
    }

    pub(super) fn check_value(&self, salt: &[u8; 32], info: &[u8]) -> KeyCheck {
        check_value(&extract(salt, &self.0), info)
    }
}

/// The key that wraps others, derived from the master key and a salt. The master key itself is not
/// kept.
pub(super) struct Wrapping {
    pub(super) salt: FileSalt,
    pub(super) key_check: KeyCheck,
    key: LessSafeKey,
}

impl Wrapping {
    /// With a new salt.
    pub(super) fn new(master: &MasterKey) -> Result<Wrapping, DataKeysError> {
        Ok(Wrapping::of(master, random()?))
    }

    /// With the salt of a file.
    pub(super) fn of(master: &MasterKey, salt: FileSalt) -> Wrapping {
        let prk = extract(&salt, master.reveal());
        let okm = prk.expand(&[b"turnout data keys wrapping 1"], &AES_256_GCM);
        let key = LessSafeKey::new(UnboundKey::from(okm.expect("HKDF gives up to 255 hashes")));
        Wrapping { salt, key_check: check_value(&prk, b"turnout data keys check 1"), key }
    }

    /// Whether a file with this salt and check value is ours to open.
    pub(super) fn is_of(&self, salt: FileSalt, key_check: KeyCheck) -> bool {
        self.salt == salt && self.key_check == key_check
    }

    /// Wraps a key, bound to `label`.
    pub(super) fn seal(&self, label: &[u8], secret: &Secret) -> Result<Wrapped, DataKeysError> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut wrapped = [0; WRAPPED_BYTES];
        let (front, rest) = wrapped.split_at_mut(NONCE_LEN);
        let (body, tag) = rest.split_at_mut(Secret::BYTES);
        front.copy_from_slice(&nonce);
        body.copy_from_slice(&secret.0);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let seal = self.key.seal_in_place_separate_tag(nonce, Aad::from(label), body);
        tag.copy_from_slice(seal.expect("AES-GCM seals up to 64 GiB").as_ref());
        Ok(wrapped)
    }

    /// Unwraps a key; `None` when it was changed or bound to something else.
    pub(super) fn open(&self, label: &[u8], wrapped: &Wrapped) -> Option<Secret> {
        let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let body = self.key.open_in_place(nonce, Aad::from(label), &mut sealed).ok()?;
        Some(Secret(*body.first_chunk()?))
    }
}

fn extract(salt: &[u8; 32], key: &[u8]) -> Prk {
    Salt::new(HKDF_SHA256, salt).extract(key)
}

fn check_value(prk: &Prk, info: &[u8]) -> KeyCheck {
    let mut check = KeyCheck::default();
    prk.expand(&[info], KeyCheckLength)
        .and_then(|okm| okm.fill(&mut check))
        .expect("HKDF gives up to 255 hashes");
    check
}

fn random<const N: usize>() -> Result<[u8; N], DataKeysError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| DataKeysError::NoRandom)?;
    Ok(bytes)
}

struct KeyCheckLength;

impl KeyType for KeyCheckLength {
    fn len(&self) -> usize {
        size_of::<KeyCheck>()
    }
}
