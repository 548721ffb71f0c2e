//! DES under one part of a key: eight bytes.
#![expect(deprecated, reason = "AWS-LC marks DES so in general; payments still run on it")]

use aws_lc_rs::cipher::{
    DES_FOR_LEGACY_USE_ONLY, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey,
};
use des::Des;
use des::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use std::sync::OnceLock;

/// The schedules of one part, each worked out when its direction is first needed: a key that is only moved
/// about, or only ever encrypts, costs no more than that.
///
/// They stay where they are in memory until they are dropped, and wipe themselves then.
#[derive(Default)]
pub(crate) struct KeyPart {
    encrypting: OnceLock<Box<Cipher<EncryptingKey>>>,
    decrypting: OnceLock<Box<Cipher<DecryptingKey>>>,
}

/// AWS-LC refuses the 16 weak and semi-weak parts, which test LMKs are full of and which a derivation may
/// come upon. For those there is the slower crate.
enum Cipher<K> {
    Strong(K),
    Weak(Des),
}

impl KeyPart {
    /// Encrypts one block. `part` is the same in every call.
    pub(crate) fn encrypt(&self, part: &[u8; 8], mut block: [u8; 8]) -> [u8; 8] {
        let cipher = self.encrypting.get_or_init(|| Cipher::new(part, EncryptingKey::ecb));
        match &**cipher {
            Cipher::Strong(key) => {
                key.encrypt(&mut block).expect(WHOLE_BLOCK);
            }
            Cipher::Weak(des) => des.encrypt_block((&mut block).into()),
        }
        block
    }

    /// Decrypts one block. `part` is the same in every call.
    pub(crate) fn decrypt(&self, part: &[u8; 8], mut block: [u8; 8]) -> [u8; 8] {
        let cipher = self.decrypting.get_or_init(|| Cipher::new(part, DecryptingKey::ecb));
        match &**cipher {
            Cipher::Strong(key) => {
                key.decrypt(&mut block, DecryptionContext::None).expect(WHOLE_BLOCK);
            }
            Cipher::Weak(des) => des.decrypt_block((&mut block).into()),
        }
        block
    }
}

const WHOLE_BLOCK: &str = "ECB takes whole blocks, and this is one";

impl<K> Cipher<K> {
    fn new<E>(part: &[u8; 8], bind: impl FnOnce(UnboundCipherKey) -> Result<K, E>) -> Box<Cipher<K>> {
        let key = UnboundCipherKey::new(&DES_FOR_LEGACY_USE_ONLY, part).expect("DES keys have eight bytes");
        Box::new(match bind(key) {
            Ok(key) => Cipher::Strong(key),
            Err(_) => Cipher::Weak(Des::new(part.into())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The library by C and the crate in Rust share no code.
    #[test]
    fn both_libraries_agree() {
        let mut part = *b"\x13\x34\x57\x79\x9B\xBC\xDF\xF1";
        let mut block = [0x5A; 8];
        for _ in 0..2000 {
            let key = KeyPart::default();
            let des = Des::new(&part.into());
            let mut expected = block.into();
            des.encrypt_block(&mut expected);
            assert_eq!(key.encrypt(&part, block), <[u8; 8]>::from(expected));
            assert_eq!(key.decrypt(&part, expected.into()), block);
            (part, block) = (block, expected.into());
        }
    }

    /// FIPS 74: encrypting twice under a weak key gives the text back.
    #[test]
    fn weak_keys_work() {
        for weak in [[0x01; 8], [0xFE; 8], *b"\x1F\x1F\x1F\x1F\x0E\x0E\x0E\x0E", [0; 8]] {
            let key = KeyPart::default();
            let block = *b"turnout!";
            assert_ne!(key.encrypt(&weak, block), block);
            assert_eq!(key.encrypt(&weak, key.encrypt(&weak, block)), block);
            assert_eq!(key.decrypt(&weak, key.encrypt(&weak, block)), block);
        }
    }
}
