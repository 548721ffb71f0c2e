//! Keys of a segment, and sealing of its frames: AES-256-GCM with a key that HKDF-SHA256 derives
//! from a data key and the segment's random salt.

use crate::DataKeys;
use ring::aead::{Aad, LessSafeKey, Nonce, Tag};
use ring::error::Unspecified;
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes that sealing adds to a payload.
pub(super) const TAG_BYTES: usize = 16;

/// Random bytes of a segment that make its key its own.
pub(super) type SegmentSalt = [u8; 32];

/// Tells which data key a segment needs without telling anything about it.
pub(super) type KeyCheck = [u8; 8];

/// Random bytes of one opening of the journal, part of every nonce. After a crash the number of a
/// torn frame is given out again; without this, two payloads would be sealed under one nonce.
pub(super) type Opening = [u8; 8];

/// The key under which one segment's frames are sealed.
pub(super) struct SegmentKey(LessSafeKey);

impl SegmentKey {
    /// Derives the key of a segment. The segment's number goes into it, so the frames of one
    /// segment cannot be passed off as those of another. `None` when there is no such data key.
    pub(super) fn derive(
        keys: &DataKeys,
        data_key: u32,
        salt: &SegmentSalt,
        number: u64,
    ) -> Option<SegmentKey> {
        let number = number.to_le_bytes();
        keys.derive(data_key, salt, &[labels(data_key).segment, &number]).map(SegmentKey)
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

/// The check value of a data key under this salt. `None` when there is no such data key.
pub(super) fn key_check(keys: &DataKeys, data_key: u32, salt: &SegmentSalt) -> Option<KeyCheck> {
    keys.check_value(data_key, salt, labels(data_key).check)
}

/// Fresh random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Unspecified> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(bytes)
}

fn nonce(opening: Opening, frame: u32) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&opening);
    nonce[8..].copy_from_slice(&frame.to_le_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// What derived keys are bound to.
struct Labels {
    segment: &'static [u8],
    check: &'static [u8],
}

/// Format 1 used the master key as we use a data key, under labels of its own.
fn labels(data_key: u32) -> Labels {
    match data_key {
        DataKeys::FORMAT_1 => {
            Labels { segment: b"turnout journal segment 1", check: b"turnout journal key check 1" }
        }
        _ => Labels { segment: b"turnout journal segment 2", check: b"turnout journal key check 2" },
    }
}
