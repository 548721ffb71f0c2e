//! A PAN as it may lie on disk outside the journal.

use super::error::SealedPanError;
use super::wrapping::Secret;
use card::Pan;
use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use ring::hmac;
use std::fmt;

/// A PAN, sealed: form (1 byte, 1), data key version (4, little endian), nonce (12), the digits (10)
/// and the tag (16). Its length says nothing of the PAN's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealedPan([u8; SealedPan::BYTES]);

impl SealedPan {
    /// Length in bytes.
    pub const BYTES: usize = BODY_AT + DIGIT_BYTES + 16;

    /// The version of the data key it is sealed under.
    #[must_use]
    pub fn data_key_version(&self) -> u32 {
        version(&self.0).expect("we have written it")
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; SealedPan::BYTES] {
        &self.0
    }
}

/// Sealed bytes tell nobody anything, so a log may as well be spared them.
impl fmt::Debug for SealedPan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedPan(data key {})", self.data_key_version())
    }
}

/// The version of the data key that a sealed PAN names.
pub(super) fn version(sealed: &[u8]) -> Result<u32, SealedPanError> {
    if sealed.len() != SealedPan::BYTES || sealed[0] != FORM {
        return Err(SealedPanError::Form);
    }
    Ok(u32::from_le_bytes(*sealed[VERSION_AT..].first_chunk().expect("the length is right")))
}

/// What seals PANs under one data key.
pub(super) struct PanKeys {
    seal: LessSafeKey,
    nonce: hmac::Key,
}

impl PanKeys {
    pub(super) fn derive(secret: &Secret) -> PanKeys {
        PanKeys {
            seal: secret.derive_aead(&NO_SALT, &[b"turnout pan seal 1"]),
            nonce: secret.derive_hmac(&NO_SALT, &[b"turnout pan nonce 1"]),
        }
    }

    /// The nonce is a keyed hash of the PAN. Random nonces may be used some 2^32 times under one key,
    /// which a busy switch reaches within a year; this way only different PANs count, and
    /// no nonce ever meets two of them. That equal PANs look equal is known from the lookup hash.
    pub(super) fn seal(&self, data_key: u32, pan: &Pan) -> SealedPan {
        let mut sealed = [0; SealedPan::BYTES];
        sealed[0] = FORM;
        sealed[VERSION_AT..NONCE_AT].copy_from_slice(&data_key.to_le_bytes());
        let hash = hmac::sign(&self.nonce, &pan.reveal());
        sealed[NONCE_AT..BODY_AT].copy_from_slice(&hash.as_ref()[..NONCE_LEN]);
        let (header, body) = sealed.split_at_mut(BODY_AT);
        let (digits, tag) = body.split_at_mut(DIGIT_BYTES);
        digits.copy_from_slice(&pack(pan));
        let seal = self.seal.seal_in_place_separate_tag(nonce(header), Aad::from(&*header), digits);
        tag.copy_from_slice(seal.expect("AES-GCM seals up to 64 GiB").as_ref());
        SealedPan(sealed)
    }

    pub(super) fn open(&self, sealed: &[u8]) -> Result<Pan, SealedPanError> {
        let sealed: &[u8; SealedPan::BYTES] = sealed.try_into().map_err(|_| SealedPanError::Form)?;
        let (header, body) = sealed.split_at(BODY_AT);
        let mut body: [u8; DIGIT_BYTES + 16] = body.try_into().expect("the rest is this long");
        let opened = self.seal.open_in_place(nonce(header), Aad::from(header), &mut body);
        unpack(opened.map_err(|_| SealedPanError::Seal)?).ok_or(SealedPanError::Seal)
    }
}

/// Two digits a byte, filled up with `F`.
fn pack(pan: &Pan) -> [u8; DIGIT_BYTES] {
    let mut packed = [0xff; DIGIT_BYTES];
    for (index, digit) in pan.reveal().iter().enumerate() {
        let slot = &mut packed[index / 2];
        let value = digit - b'0';
        *slot = if index.is_multiple_of(2) { value << 4 | 0x0f } else { *slot & 0xf0 | value };
    }
    packed
}

fn unpack(packed: &[u8]) -> Option<Pan> {
    let nibbles = packed.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    let mut digits = [0; 2 * DIGIT_BYTES];
    let mut length = 0;
    for nibble in nibbles.take_while(|nibble| *nibble != 0x0f) {
        digits[length] = b'0' + nibble;
        length += 1;
    }
    Pan::parse(&digits[..length]).ok()
}

fn nonce(header: &[u8]) -> Nonce {
    Nonce::assume_unique_for_key(*header[NONCE_AT..].first_chunk().expect("the header ends with the nonce"))
}

const FORM: u8 = 1;
const VERSION_AT: usize = 1;
const NONCE_AT: usize = 5;
const BODY_AT: usize = NONCE_AT + NONCE_LEN;
const DIGIT_BYTES: usize = Pan::MAX_DIGITS.div_ceil(2);

/// A data key is random in all its bits, which is when HKDF needs no salt (RFC 5869, 3.1).
const NO_SALT: [u8; 32] = [0; 32];
