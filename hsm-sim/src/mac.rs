//! Message authentication codes over TDES: ISO/IEC 9797-1 algorithms 1 and 3, and CMAC.

use crate::cipher::{ClearKey, xor};
use hsm::{MacAlgorithm, MacPadding};
use std::fmt;

/// The message is no multiple of eight bytes and no padding was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpaddedError;

/// The full MAC of eight bytes; shorter ones are its left part. CMAC takes no notice of `padding`.
///
/// With a single-length key algorithms 1 and 3 are the same.
///
/// # Errors
/// When padding is [`MacPadding::None`] and the message is empty or no multiple of eight bytes.
pub fn mac(
    key: &ClearKey,
    algorithm: MacAlgorithm,
    padding: MacPadding,
    message: &[u8],
) -> Result<[u8; 8], UnpaddedError> {
    mac_from(key, algorithm, padding, [0; 8], message)
}

/// As [`mac`], of the last part of a message whose earlier parts came to `iv`, as [`chain_value`] tells it.
///
/// # Errors
/// As [`mac`].
pub fn mac_from(
    key: &ClearKey,
    algorithm: MacAlgorithm,
    padding: MacPadding,
    iv: [u8; 8],
    message: &[u8],
) -> Result<[u8; 8], UnpaddedError> {
    if algorithm == MacAlgorithm::Cmac {
        return Ok(cmac(key, iv, message));
    }
    let (blocks, tail) = message.as_chunks::<8>();
    let last = last_block(padding, blocks.is_empty(), tail)?;
    let blocks = blocks.iter().copied().chain(last);
    Ok(match algorithm {
        MacAlgorithm::Three => retail(key, iv, blocks),
        _ => chain(iv, blocks, |block| key.encrypt(block)),
    })
}

/// What a part of a message that goes on comes to: the IV for the next one.
///
/// # Errors
/// When the part is empty or no multiple of eight bytes.
pub fn chain_value(
    key: &ClearKey,
    algorithm: MacAlgorithm,
    iv: [u8; 8],
    part: &[u8],
) -> Result<[u8; 8], UnpaddedError> {
    let (blocks, tail) = part.as_chunks::<8>();
    if blocks.is_empty() || !tail.is_empty() {
        return Err(UnpaddedError);
    }
    let blocks = blocks.iter().copied();
    Ok(match algorithm {
        MacAlgorithm::Three => chain(iv, blocks, |block| key.encrypt_by_left_part(block)),
        MacAlgorithm::One | MacAlgorithm::Cmac => chain(iv, blocks, |block| key.encrypt(block)),
    })
}

/// CMAC (NIST SP 800-38B): a subkey goes into the last block, one for a whole block and another for a
/// padded one.
fn cmac(key: &ClearKey, iv: [u8; 8], message: &[u8]) -> [u8; 8] {
    let whole = doubled(key.encrypt([0; 8]));
    let (mut blocks, tail) = message.as_chunks::<8>();
    let mut last = [0; 8];
    let subkey = match blocks.split_last() {
        Some((block, before)) if tail.is_empty() => {
            (last, blocks) = (*block, before);
            whole
        }
        _ => {
            last[..tail.len()].copy_from_slice(tail);
            last[tail.len()] = 0x80;
            doubled(whole)
        }
    };
    chain(iv, blocks.iter().copied().chain([xor(last, subkey)]), |block| key.encrypt(block))
}

/// Twice the block in the field of 2^64 elements.
fn doubled(block: [u8; 8]) -> [u8; 8] {
    let number = u64::from_be_bytes(block);
    // Masked rather than branched on: the block is a secret.
    (number << 1 ^ (number >> 63).wrapping_neg() & 0x1B).to_be_bytes()
}

/// What follows the whole blocks of the message, if anything does.
fn last_block(padding: MacPadding, no_blocks: bool, tail: &[u8]) -> Result<Option<[u8; 8]>, UnpaddedError> {
    let mut block = [0; 8];
    block[..tail.len()].copy_from_slice(tail);
    match padding {
        MacPadding::None if tail.is_empty() && !no_blocks => Ok(None),
        MacPadding::None => Err(UnpaddedError),
        // An empty message still makes one block.
        MacPadding::Zeros => Ok((!tail.is_empty() || no_blocks).then_some(block)),
        MacPadding::Marked => {
            block[tail.len()] = 0x80;
            Ok(Some(block))
        }
    }
}

/// Single DES by the left part of the key through all blocks; the last one goes through the whole key,
/// since decrypting by its right part and encrypting by its left completes the TDES of it.
fn retail(key: &ClearKey, iv: [u8; 8], blocks: impl Iterator<Item = [u8; 8]>) -> [u8; 8] {
    let mut blocks = blocks.peekable();
    let mut state = iv;
    while let Some(block) = blocks.next() {
        let input = xor(state, block);
        state = match blocks.peek() {
            Some(_) => key.encrypt_by_left_part(input),
            None => key.encrypt(input),
        };
    }
    state
}

fn chain(
    iv: [u8; 8],
    blocks: impl Iterator<Item = [u8; 8]>,
    encrypt: impl Fn([u8; 8]) -> [u8; 8],
) -> [u8; 8] {
    blocks.fold(iv, |state, block| encrypt(xor(state, block)))
}

impl fmt::Display for UnpaddedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message is no multiple of eight bytes")
    }
}

impl std::error::Error for UnpaddedError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_none_needs_whole_blocks() {
        let key = ClearKey::double(&[0x31; 16]);
        let check = |message: &[u8], expect: bool| {
            let made = mac(&key, MacAlgorithm::Three, MacPadding::None, message);
            assert_eq!(made.is_ok(), expect);
        };
        check(b"", false);
        check(b"seven77", false);
        check(b"eight888", true);
    }

    #[test]
    fn whole_blocks_need_no_zeros() {
        let key = ClearKey::double(&[0x31; 16]);
        for algorithm in [MacAlgorithm::One, MacAlgorithm::Three] {
            let with = |padding, message| mac(&key, algorithm, padding, message).unwrap();
            let plain = with(MacPadding::None, b"eight888");
            assert_eq!(with(MacPadding::Zeros, b"eight888"), plain);
            assert_ne!(with(MacPadding::Marked, b"eight888"), plain);
            assert_eq!(with(MacPadding::Zeros, b""), with(MacPadding::None, &[0; 8]));
            assert_eq!(with(MacPadding::Marked, b"six666"), with(MacPadding::None, b"six666\x80\0"));
        }
    }
}
