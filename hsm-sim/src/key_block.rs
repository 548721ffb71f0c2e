//! Thales key blocks of version 0: keys wrapped under a 3DES key block LMK.

use crate::cipher::{ClearKey, xor};
use crate::lmk::KeyError;
use hsm::LmkIdentifier;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const HEADER: usize = 16;
const AUTHENTICATOR: usize = 8;

/// Whether the block's header states this usage. Says something only of a block that was unwrapped.
pub(crate) fn has_usage(block: &str, usage: &[u8; 2]) -> bool {
    block.as_bytes().get(5..7) == Some(usage)
}

/// Unwraps `block`, which is everything after the letter `S`: header of 16 characters, encrypted key and
/// authenticator in hexadecimal.
pub(crate) fn unwrap(lmk: &ClearKey, identifier: LmkIdentifier, block: &str) -> Result<ClearKey, KeyError> {
    let block = block.as_bytes();
    let (header, rest) = block.split_first_chunk::<HEADER>().ok_or(KeyError::KeyBlockFormat)?;
    check_header(header, identifier)?;
    let body_length = rest.len().checked_sub(AUTHENTICATOR).ok_or(KeyError::KeyBlockFormat)?;
    let (body, authenticator) = rest.split_at(body_length);
    let mut body = Zeroizing::new(hex::decode(body).map_err(|_| KeyError::KeyBlockFormat)?);
    let authenticator = hex::decode(authenticator).map_err(|_| KeyError::KeyBlockFormat)?;
    if body.is_empty() || body.len() % 8 != 0 {
        return Err(KeyError::KeyBlockFormat);
    }
    let expected = authenticate(&variant(lmk, 0x4D), header, &body);
    if !bool::from(expected.ct_eq(authenticator.as_slice())) {
        return Err(KeyError::Authentication);
    }
    // Only now: a header that is not authenticated says nothing.
    if header[7] != b'T' {
        return Err(KeyError::Algorithm);
    }
    let [iv, _] = halves(header);
    variant(lmk, 0x45).decrypt_cbc(iv, &mut body);
    let bits = u16::from_be_bytes([body[0], body[1]]);
    let key = body.get(2..2 + usize::from(bits) / 8).ok_or(KeyError::Length)?;
    ClearKey::new(key).map_err(|_| KeyError::Length)
}

/// Version 0 without optional blocks, under this LMK.
fn check_header(header: &[u8; HEADER], identifier: LmkIdentifier) -> Result<(), KeyError> {
    if header[0] != b'0' || header[12..14] != *b"00" {
        return Err(KeyError::KeyBlockFormat);
    }
    if header[14..] != *format!("{:02}", identifier.0).as_bytes() {
        return Err(KeyError::LmkIdentifier);
    }
    Ok(())
}

/// The left half of a CBC-MAC over header and encrypted key.
fn authenticate(key: &ClearKey, header: &[u8; HEADER], body: &[u8]) -> [u8; 4] {
    let blocks = halves(header).into_iter().chain(body.as_chunks::<8>().0.iter().copied());
    let [a, b, c, d, ..] = blocks.fold([0; 8], |state, block| key.encrypt(xor(state, block)));
    [a, b, c, d]
}

fn halves(header: &[u8; HEADER]) -> [[u8; 8]; 2] {
    let (left, right) = header.split_at(8);
    [left, right].map(|half| half.try_into().expect("half a header is a block"))
}

/// The LMK with each byte exclusive-ored: one key to encrypt, another to authenticate.
pub(crate) fn variant(lmk: &ClearKey, byte: u8) -> ClearKey {
    let mut bytes = Zeroizing::new(lmk.reveal().to_vec());
    for slot in bytes.iter_mut() {
        *slot ^= byte;
    }
    ClearKey::new(&bytes).expect("a variant is as long as its key")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LMK: &str = "0123456789ABCDEF8080808080808080FEDCBA9876543210";

    fn check(identifier: u8, block: &str, expect: Result<&str, KeyError>) {
        let lmk = ClearKey::new(&hex::decode(LMK).unwrap()).unwrap();
        let found = unwrap(&lmk, LmkIdentifier(identifier), block);
        assert_eq!(found.map(|key| hex::encode_upper(key.reveal())), expect.map(String::from));
    }

    /// The unwrap example of the BP-Tools documentation.
    #[test]
    fn published_block() {
        let block = "00072B0TN00E000256A37F894FD49E61DD3FA27FDE8919D07F7AA966F8BF39AB31D00034";
        check(2, block, Ok("735B3125EFF2E04ABFBFA1670180A168"));
        check(1, block, Err(KeyError::LmkIdentifier));
        check(2, &block.replace("B0TN", "P0TN"), Err(KeyError::Authentication));
        check(2, &block.replace("0034", "0035"), Err(KeyError::Authentication));
        check(2, &block[..20], Err(KeyError::KeyBlockFormat));
        check(2, &format!("1{}", &block[1..]), Err(KeyError::KeyBlockFormat));
        assert!(has_usage(block, b"B0") && !has_usage(block, b"P0"));
    }
}
