//! Encryption of data by TDES and AES, in the modes ECB, CBC and CFB.

use crate::aes_key::{self, AesKey};
use crate::cipher::{self, ClearKey};
use hsm::{CipherDirection, CipherMode, Iv};
use std::sync::Arc;

/// A key for data.
#[derive(Clone, Debug)]
pub enum DataCipher {
    /// DES or TDES.
    Tdes(Arc<ClearKey>),
    /// AES.
    Aes(Arc<AesKey>),
}

/// Data is no multiple of the block, or an IV is not as long as the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataLengthError;

impl DataCipher {
    /// Encrypts or decrypts in place. Gives back the IV with which more data can follow; none in ECB.
    ///
    /// # Errors
    /// When there is no data, or ECB and CBC find no multiple of the block, or the IV has another length
    /// than the block, or AES is asked for a feedback of 64 bits, which has no definition here.
    pub fn apply(
        &self,
        direction: CipherDirection,
        mode: CipherMode,
        bytes: &mut [u8],
    ) -> Result<Option<Iv>, DataLengthError> {
        if bytes.is_empty() {
            return Err(DataLengthError);
        }
        match self {
            DataCipher::Tdes(key) => apply(
                &Block { encrypt: |b| key.encrypt(b), decrypt: |b| key.decrypt(b), xor: cipher::xor },
                direction,
                mode,
                bytes,
            ),
            DataCipher::Aes(_) if matches!(mode, CipherMode::Cfb64(_)) => Err(DataLengthError),
            DataCipher::Aes(key) => apply(
                &Block { encrypt: |b| key.encrypt(b), decrypt: |b| key.decrypt(b), xor: aes_key::xor },
                direction,
                mode,
                bytes,
            ),
        }
    }
}

/// A block cipher of `N` bytes.
struct Block<E, D, X> {
    encrypt: E,
    decrypt: D,
    xor: X,
}

fn apply<const N: usize>(
    cipher: &Block<
        impl Fn([u8; N]) -> [u8; N],
        impl Fn([u8; N]) -> [u8; N],
        impl Fn([u8; N], [u8; N]) -> [u8; N],
    >,
    direction: CipherDirection,
    mode: CipherMode,
    bytes: &mut [u8],
) -> Result<Option<Iv>, DataLengthError> {
    let iv = |iv: Iv| <[u8; N]>::try_from(iv.as_bytes()).map_err(|_| DataLengthError);
    let after = match mode {
        CipherMode::Ecb => {
            for block in whole(bytes)? {
                *block = match direction {
                    CipherDirection::Encrypt => (cipher.encrypt)(*block),
                    CipherDirection::Decrypt => (cipher.decrypt)(*block),
                };
            }
            return Ok(None);
        }
        CipherMode::Cbc(start) => {
            let mut previous = iv(start)?;
            for block in whole(bytes)? {
                let received = *block;
                *block = match direction {
                    CipherDirection::Encrypt => (cipher.encrypt)((cipher.xor)(received, previous)),
                    CipherDirection::Decrypt => (cipher.xor)((cipher.decrypt)(received), previous),
                };
                previous = if direction == CipherDirection::Encrypt { *block } else { received };
            }
            previous
        }
        CipherMode::Cfb8(start) => feedback(&cipher.encrypt, iv(start)?, 1, direction, bytes),
        CipherMode::Cfb64(start) => feedback(&cipher.encrypt, iv(start)?, N, direction, bytes),
    };
    Ok(Iv::new(&after))
}

/// All blocks, where there are only whole ones.
fn whole<const N: usize>(bytes: &mut [u8]) -> Result<&mut [[u8; N]], DataLengthError> {
    let (blocks, tail) = bytes.as_chunks_mut();
    if tail.is_empty() { Ok(blocks) } else { Err(DataLengthError) }
}

/// CFB by `width` bytes. The register takes up what was encrypted, so both directions encrypt it; a last
/// piece may be shorter.
fn feedback<const N: usize>(
    encrypt: &impl Fn([u8; N]) -> [u8; N],
    iv: [u8; N],
    width: usize,
    direction: CipherDirection,
    bytes: &mut [u8],
) -> [u8; N] {
    let mut register = iv;
    for piece in bytes.chunks_mut(width) {
        let mask = encrypt(register);
        register.copy_within(piece.len().., 0);
        let free = N - piece.len();
        for (at, byte) in piece.iter_mut().enumerate() {
            let received = *byte;
            *byte ^= mask[at];
            let encrypted = if direction == CipherDirection::Encrypt { *byte } else { received };
            register[free + at] = encrypted;
        }
    }
    register
}
