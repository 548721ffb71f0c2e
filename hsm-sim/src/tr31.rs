//! TR-31 / ANSI X9.143 key blocks (scheme R): version B under TDES, version D under AES; the older versions
//! A and C, under TDES, are unwrapped only.

use crate::aes_key::AesKey;
use crate::block_keys::{by_aes, by_tdes, by_variant, tdes_cmac};
use crate::cipher::ClearKey;
use crate::key_block::{cbc_mac, check_algorithm, close, first, open};
use crate::lmk::KeyError;
use crate::working_key::WorkingKey;
use hsm::{KeyAttributes, KeyBlockHeader, OptionalBlocks};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Unwraps `block`, which is everything after the letter `R`, under a key block protection key. Gives the
/// key; [`KeyBlockHeader::parse`] tells what the block says of it.
///
/// # Errors
/// [`KeyError::KeyBlockFormat`] when the header cannot be read or its version does not fit the wrapping key,
/// [`KeyError::Authentication`] when the block is not what was wrapped, [`KeyError::Algorithm`] or
/// [`KeyError::BlockLength`] when it holds no DES, TDES or AES key.
pub fn unwrap(wrapping: &WorkingKey, block: &str) -> Result<WorkingKey, KeyError> {
    let (header, rest) = KeyBlockHeader::parse(block)?;
    let (header_text, _) = block.split_at(block.len() - rest.len());
    let authenticator = match header.version {
        b'A' | b'C' => 4,
        b'B' => 8,
        b'D' => 16,
        _ => return Err(KeyError::KeyBlockFormat),
    };
    let body = rest.len().checked_sub(2 * authenticator).ok_or(KeyError::KeyBlockFormat)?;
    let (body, mac) = rest.split_at(body);
    let mut body = Zeroizing::new(hex::decode(body).map_err(|_| KeyError::KeyBlockFormat)?);
    let mac = hex::decode(mac).map_err(|_| KeyError::KeyBlockFormat)?;
    let block_length = if header.version == b'D' { 16 } else { 8 };
    if body.is_empty() || body.len() % block_length != 0 {
        return Err(KeyError::KeyBlockFormat);
    }
    let header_text = header_text.as_bytes();
    let authentic = match (wrapping, header.version) {
        (WorkingKey::Tdes(wrapping), b'A' | b'C') => {
            unwrap_by_variant(wrapping, header_text, &mut body, &mac)
        }
        (WorkingKey::Tdes(wrapping), b'B') => unwrap_b(wrapping, header_text, &mut body, &mac),
        (WorkingKey::Aes(wrapping), b'D') => unwrap_d(wrapping, header_text, &mut body, &mac),
        _ => return Err(KeyError::KeyBlockFormat),
    };
    // Only now: a header that is not authenticated says nothing.
    if !authentic {
        return Err(KeyError::Authentication);
    }
    open(&header, &body)
}

/// Wraps a key: version B under TDES, D under AES. Optional blocks are kept, with a block `PB` of padding
/// after them where they do not fill blocks of the cipher. `filling` is random and fills the last block; the
/// length of the key is not hidden, which real units do not do either.
///
/// # Errors
/// When the header cannot be written, its algorithm is not that of the key, or its usage has no code here.
pub fn wrap(
    wrapping: &WorkingKey,
    attributes: KeyAttributes<'_>,
    key: &WorkingKey,
    filling: [u8; 16],
) -> Result<String, KeyError> {
    check_algorithm(&attributes, key)?;
    let (version, block, authenticator) = match wrapping {
        WorkingKey::Tdes(_) => (b'B', 8, 8),
        WorkingKey::Aes(_) => (b'D', 16, 16),
    };
    let usage = attributes.usage.to_tr31().ok_or(KeyError::Usage)?;
    let (count, optional) = padded(attributes.optional_blocks, block);
    let optional_blocks = OptionalBlocks::parse(count, &optional).map_err(|_| KeyError::OptionalBlock)?;
    let attributes = KeyAttributes { usage, optional_blocks, ..attributes };
    let mut body = close(key, block, &filling);
    let header = KeyBlockHeader { version, attributes, context: *b"00" };
    let length = 2 * (body.len() + authenticator);
    let mut text = header.to_text(length).ok_or(KeyError::KeyBlockFormat)?;
    let authenticated = Zeroizing::new([text.as_bytes(), &body].concat());
    let mac = match wrapping {
        WorkingKey::Tdes(wrapping) => {
            let [encryption, authentication] = by_tdes(wrapping);
            let mac = tdes_cmac(&authentication, &authenticated);
            encryption.encrypt_cbc(mac, &mut body);
            mac.to_vec()
        }
        WorkingKey::Aes(wrapping) => {
            let [encryption, authentication] = by_aes(wrapping);
            let mac = authentication.cmac(&authenticated);
            encryption.encrypt_cbc(mac, &mut body);
            mac.to_vec()
        }
    };
    text.push_str(&hex::encode_upper(&*body));
    text.push_str(&hex::encode_upper(mac));
    Ok(text)
}

/// The MAC is over the cryptogram, which is chained from the header.
fn unwrap_by_variant(wrapping: &ClearKey, header: &[u8], body: &mut [u8], mac: &[u8]) -> bool {
    let [encryption, authentication] = by_variant(wrapping);
    let mut text = [header, body].concat();
    text.resize(text.len().next_multiple_of(8), 0);
    let expected = cbc_mac(&authentication, &text);
    encryption.decrypt_cbc(first(header), body);
    expected[..4].ct_eq(mac).into()
}

/// The MAC is over what is encrypted, which is chained from the MAC.
fn unwrap_b(wrapping: &ClearKey, header: &[u8], body: &mut [u8], mac: &[u8]) -> bool {
    let [encryption, authentication] = by_tdes(wrapping);
    let Ok(iv) = mac.try_into() else { return false };
    encryption.decrypt_cbc(iv, body);
    let text = Zeroizing::new([header, body].concat());
    tdes_cmac(&authentication, &text).ct_eq(mac).into()
}

fn unwrap_d(wrapping: &AesKey, header: &[u8], body: &mut [u8], mac: &[u8]) -> bool {
    let [encryption, authentication] = by_aes(wrapping);
    let Ok(iv) = mac.try_into() else { return false };
    encryption.decrypt_cbc(iv, body);
    let text = Zeroizing::new([header, body].concat());
    authentication.cmac(&text).ct_eq(mac).into()
}

/// Optional blocks that fill whole blocks of the cipher, and how many. Padding that was there already goes.
fn padded(blocks: OptionalBlocks<'_>, block: usize) -> (u8, String) {
    let mut text = String::new();
    let mut count = 0;
    for kept in blocks.iter().filter(|kept| !kept.starts_with("PB")) {
        text.push_str(kept);
        count += 1;
    }
    if !text.len().is_multiple_of(block) {
        // A block of padding has four characters at least.
        let length = (text.len() + 4).next_multiple_of(block) - text.len();
        text.push_str(&format!("PB{length:02X}"));
        text.extend(std::iter::repeat_n('0', length - 4));
        count += 1;
    }
    (count, text)
}
