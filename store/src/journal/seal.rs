//! Keys of a segment, and sealing of its frames: AES-256-GCM with a key that HKDF-SHA256 derives
//! from the master key and the segment's random salt.

use crate::MasterKey;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes that sealing adds to a payload.
pub(super) const TAG_BYTES: usize = 16;

/// Random bytes of a segment that make its key its own.
pub(super) type SegmentSalt = [u8; 32];

/// Tells which master key a segment needs without telling anything about it.
pub(super) type KeyCheck = [u8; 8];

/// Random bytes of one opening of the journal, part of every nonce. After a crash the number of a
/// torn frame is given out again; without this, two payloads would be sealed under one nonce.
pub(super) type Opening = [u8; 8];

/// The key under which one segment's frames are sealed.
pub(super) struct SegmentKey(LessSafeKey);

impl SegmentKey {
    /// Derives the key of a segment. The segment's number goes into it, so the frames of one
    /// segment cannot be passed off as those of another.
    pub(super) fn derive(master: &MasterKey, salt: &SegmentSalt, number: u64) -> SegmentKey {
        let number = number.to_le_bytes();
        let info = [&b"turnout journal segment 1"[..], &number];
        let prk = extract(master, salt);
        let okm = prk.expand(&info, &AES_256_GCM).expect("HKDF gives up to 255 hashes");
        SegmentKey(LessSafeKey::new(UnboundKey::from(okm)))
    }

    /// Seals `payload` in place and returns the tag that goes behind it.
    pub(super) fn seal(&self, opening: Opening, frame: u32, header: &[u8], payload: &mut [u8]) -> Tag {
        self.0
            .seal_in_place_separate_tag(nonce(opening, frame), Aad::from(header), payload)
            .expect("AES-GCM seals up to 64 GiB")
    }

    /// Opens `sealed` (payload and tag) in place and returns the payload.
    pub(super) fn open<'a>(
        &self,
        opening: Opening,
        frame: u32,
        header: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<&'a [u8], Unspecified> {
        let payload = self.0.open_in_place(nonce(opening, frame), Aad::from(header), sealed)?;
        Ok(payload)
    }
}

/// The check value of the master key under this salt.
pub(super) fn key_check(master: &MasterKey, salt: &SegmentSalt) -> KeyCheck {
    let mut check = KeyCheck::default();
    extract(master, salt)
        .expand(&[b"turnout journal key check 1"], KeyCheckLength)
        .and_then(|okm| okm.fill(&mut check))
        .expect("HKDF gives up to 255 hashes");
    check
}

/// Fresh random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Unspecified> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(bytes)
}

fn extract(master: &MasterKey, salt: &SegmentSalt) -> Prk {
    Salt::new(HKDF_SHA256, salt).extract(master.reveal())
}

fn nonce(opening: Opening, frame: u32) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&opening);
    nonce[8..].copy_from_slice(&frame.to_le_bytes());
    Nonce::assume_unique_for_key(nonce)
}

struct KeyCheckLength;

impl KeyType for KeyCheckLength {
    fn len(&self) -> usize {
        size_of::<KeyCheck>()
    }
}
