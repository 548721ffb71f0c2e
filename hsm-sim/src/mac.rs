//! Message authentication codes of ISO/IEC 9797-1 over TDES.

use crate::cipher::{ClearKey, xor};
use hsm::{MacAlgorithm, MacPadding};
use std::fmt;

/// The message is no multiple of eight bytes and no padding was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpaddedError;

/// The full MAC of eight bytes; shorter ones are its left part.
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
    let (blocks, tail) = message.as_chunks::<8>();
    let last = last_block(padding, blocks.is_empty(), tail)?;
    Ok(match algorithm {
        MacAlgorithm::One => chain(blocks.iter().copied().chain(last), |block| key.encrypt(block)),
        MacAlgorithm::Three => retail(key, blocks.iter().copied().chain(last)),
    })
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
fn retail(key: &ClearKey, blocks: impl Iterator<Item = [u8; 8]>) -> [u8; 8] {
    let mut blocks = blocks.peekable();
    let mut state = [0; 8];
    while let Some(block) = blocks.next() {
        let input = xor(state, block);
        state = match blocks.peek() {
            Some(_) => key.encrypt_by_left_part(input),
            None => key.encrypt(input),
        };
    }
    state
}

fn chain(blocks: impl Iterator<Item = [u8; 8]>, encrypt: impl Fn([u8; 8]) -> [u8; 8]) -> [u8; 8] {
    blocks.fold([0; 8], |state, block| encrypt(xor(state, block)))
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
