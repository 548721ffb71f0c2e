//! What is kept of a one-time code or a password of a cardholder: HMAC-SHA-256 over a salt, the card and the
//! secret, under a key that is not in the journal. So nobody who reads a backup can try all codes of six digits, and
//! equal codes of two cards do not look alike.

use card::{HolderSecret, Pan};
use ring::hmac;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The key of the hashes. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct CodeKey(hmac::Key);

/// The hash of a secret. `Debug` shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyedHash {
    salt: [u8; 16],
    tag: [u8; 32],
}

impl CodeKey {
    /// The key of these 32 bytes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> CodeKey {
        CodeKey(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

impl KeyedHash {
    /// Hashes a secret of a card. The salt is random and new each time.
    #[must_use]
    pub fn new(key: &CodeKey, pan: &Pan, salt: [u8; 16], secret: &HolderSecret) -> KeyedHash {
        let mut tag = [0; 32];
        tag.copy_from_slice(hmac::sign(&key.0, message(&salt, pan, secret).bytes()).as_ref());
        KeyedHash { salt, tag }
    }

    /// Whether this is the secret. Takes equally long whether it is or not.
    #[must_use]
    pub fn is_of(&self, key: &CodeKey, pan: &Pan, secret: &HolderSecret) -> bool {
        hmac::verify(&key.0, message(&self.salt, pan, secret).bytes(), &self.tag).is_ok()
    }
}

/// Salt, PAN with its length, and the secret. Wiped when it is done with.
#[derive(zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
struct Message {
    bytes: [u8; LONGEST],
    length: usize,
}

const LONGEST: usize = 16 + 1 + 19 + HolderSecret::LONGEST;

impl Message {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn push(&mut self, part: &[u8]) {
        self.bytes[self.length..self.length + part.len()].copy_from_slice(part);
        self.length += part.len();
    }
}

fn message(salt: &[u8; 16], pan: &Pan, secret: &HolderSecret) -> Message {
    let mut message = Message { bytes: [0; LONGEST], length: 0 };
    let digits = pan.reveal();
    message.push(salt);
    message.push(&[pan.len() as u8]);
    message.push(&digits);
    message.push(secret.reveal());
    message
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey(****)")
    }
}

impl fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyedHash(****)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_secret_of_one_card_under_one_key() {
        let pan = |last: u8| Pan::with_check_digit(&[b"40000012345678", &[last][..]].concat()).unwrap();
        let secret = |text: &[u8]| HolderSecret::parse(text).unwrap();
        let (key, other) = (CodeKey::new(&[1; 32]), CodeKey::new(&[2; 32]));
        let hash = KeyedHash::new(&key, &pan(b'9'), [7; 16], &secret(b"123456"));
        assert!(hash.is_of(&key, &pan(b'9'), &secret(b"123456")));
        assert!(!hash.is_of(&key, &pan(b'9'), &secret(b"123457")));
        assert!(!hash.is_of(&key, &pan(b'8'), &secret(b"123456")));
        assert!(!hash.is_of(&other, &pan(b'9'), &secret(b"123456")));
        assert_ne!(hash, KeyedHash::new(&key, &pan(b'9'), [8; 16], &secret(b"123456")));
        assert_eq!(format!("{key:?} {hash:?}"), "CodeKey(****) KeyedHash(****)");
    }
}
