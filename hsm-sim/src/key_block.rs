//! Thales key blocks (scheme S, fact sheet section 3): version 0 under 3DES, version 1 under AES.
//!
//! Header, optional blocks, encrypted key in hexadecimal, authenticator in hexadecimal. What is encrypted is
//! the length of the key in bits, the key, and random bytes to the next block. The authenticator is over
//! header and cryptogram.

use crate::block_keys::{by_aes, by_variant};
use crate::cipher::{ClearKey, xor};
use crate::lmk::KeyError;
use crate::working_key::WorkingKey;
use hsm::{KeyAttributes, KeyBlockHeader};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The context of a block wrapped under a ZMK or TMK and not under an LMK.
pub const UNDER_ZMK: [u8; 2] = *b"FF";

/// Whether the block's header states this usage. Says something only of a block that was unwrapped.
pub(crate) fn has_usage(block: &str, usage: &[u8; 2]) -> bool {
    block.as_bytes().get(5..7) == Some(usage)
}

/// What the block's header states of its key. Says something only of a block that was unwrapped.
pub(crate) fn stated(block: &str) -> Result<KeyAttributes<'_>, KeyError> {
    Ok(KeyBlockHeader::parse(block)?.0.attributes)
}

/// Unwraps `block`, which is everything after the letter `S`. `context` is what its header must end with:
/// the identifier of the LMK, or [`UNDER_ZMK`].
///
/// # Errors
/// When the header cannot be read, names another LMK or version, when the block does not authenticate, or
/// holds no DES, TDES or AES key.
pub fn unwrap(wrapping: &WorkingKey, context: [u8; 2], block: &str) -> Result<WorkingKey, KeyError> {
    let (header, rest) = KeyBlockHeader::parse(block)?;
    if header.context != context {
        return Err(KeyError::LmkIdentifier);
    }
    let scheme = Scheme::of(wrapping);
    if header.version != scheme.version() {
        return Err(KeyError::KeyBlockFormat);
    }
    let body_digits = rest.len().checked_sub(2 * scheme.authenticator()).ok_or(KeyError::KeyBlockFormat)?;
    let (header_text, _) = block.split_at(block.len() - rest.len());
    let (body, authenticator) = rest.split_at(body_digits);
    let mut body = Zeroizing::new(hex::decode(body).map_err(|_| KeyError::KeyBlockFormat)?);
    let authenticator = hex::decode(authenticator).map_err(|_| KeyError::KeyBlockFormat)?;
    if body.is_empty() || body.len() % scheme.block() != 0 {
        return Err(KeyError::KeyBlockFormat);
    }
    let expected = scheme.authenticate(header_text.as_bytes(), &body);
    if !bool::from(expected[..scheme.authenticator()].ct_eq(&authenticator)) {
        return Err(KeyError::Authentication);
    }
    // Only now: a header that is not authenticated says nothing.
    scheme.decrypt(header_text.as_bytes(), &mut body);
    open(&header, &body)
}

/// Wraps a key. `filling` is random and fills the last block.
///
/// # Errors
/// When the header cannot be written, or its algorithm is not that of the key.
pub fn wrap(
    wrapping: &WorkingKey,
    context: [u8; 2],
    attributes: KeyAttributes<'_>,
    key: &WorkingKey,
    filling: [u8; 16],
) -> Result<String, KeyError> {
    let scheme = Scheme::of(wrapping);
    check_algorithm(&attributes, key)?;
    let mut body = close(key, scheme.block(), &filling);
    let header = KeyBlockHeader { version: scheme.version(), attributes, context };
    let length = 2 * (body.len() + scheme.authenticator());
    let mut text = header.to_text(length).ok_or(KeyError::KeyBlockFormat)?;
    scheme.encrypt(text.as_bytes(), &mut body);
    let authenticator = scheme.authenticate(text.as_bytes(), &body);
    text.push_str(&hex::encode_upper(&*body));
    text.push_str(&hex::encode_upper(&authenticator[..scheme.authenticator()]));
    Ok(text)
}

/// Length in bits, key, and as much of the filling as whole blocks need.
pub(crate) fn close(key: &WorkingKey, block: usize, filling: &[u8; 16]) -> Zeroizing<Vec<u8>> {
    let key = key.reveal();
    let mut body = Zeroizing::new(Vec::with_capacity(48));
    body.extend_from_slice(&(key.len() as u16 * 8).to_be_bytes());
    body.extend_from_slice(key);
    let missing = body.len().next_multiple_of(block) - body.len();
    body.extend_from_slice(&filling[..missing]);
    body
}

/// The key in what was decrypted. The block authenticated, so a fault here is that of who made it.
pub(crate) fn open(header: &KeyBlockHeader<'_>, body: &[u8]) -> Result<WorkingKey, KeyError> {
    let (bits, rest) = body.split_first_chunk().ok_or(KeyError::BlockLength)?;
    let bits = u16::from_be_bytes(*bits);
    let key = rest.get(..usize::from(bits) / 8).filter(|_| bits % 8 == 0).ok_or(KeyError::BlockLength)?;
    match header.attributes.algorithm {
        hsm::KeyAlgorithm::Hmac | hsm::KeyAlgorithm::Rsa => Err(KeyError::Algorithm),
        algorithm => WorkingKey::new(algorithm, key).map_err(|_| KeyError::BlockLength),
    }
}

pub(crate) fn check_algorithm(attributes: &KeyAttributes<'_>, key: &WorkingKey) -> Result<(), KeyError> {
    let fits = match attributes.algorithm {
        hsm::KeyAlgorithm::Des => key.algorithm() == hsm::KeyAlgorithm::Tdes && key.reveal().len() == 8,
        algorithm => key.algorithm() == algorithm,
    };
    if fits { Ok(()) } else { Err(KeyError::Algorithm) }
}

/// Encryption and authentication under one wrapping key.
enum Scheme {
    Tdes { encryption: Box<ClearKey>, authentication: Box<ClearKey> },
    Aes { encryption: Box<crate::AesKey>, authentication: Box<crate::AesKey> },
}

impl Scheme {
    fn of(wrapping: &WorkingKey) -> Scheme {
        match wrapping {
            WorkingKey::Tdes(key) => {
                let [encryption, authentication] = by_variant(key).map(Box::new);
                Scheme::Tdes { encryption, authentication }
            }
            WorkingKey::Aes(key) => {
                let [encryption, authentication] = by_aes(key).map(Box::new);
                Scheme::Aes { encryption, authentication }
            }
        }
    }

    fn version(&self) -> u8 {
        if matches!(self, Scheme::Tdes { .. }) { b'0' } else { b'1' }
    }

    /// Bytes of a block of the cipher.
    fn block(&self) -> usize {
        if matches!(self, Scheme::Tdes { .. }) { 8 } else { 16 }
    }

    /// Bytes of the authenticator.
    fn authenticator(&self) -> usize {
        if matches!(self, Scheme::Tdes { .. }) { 4 } else { 8 }
    }

    /// Chained from the first characters of the header.
    fn encrypt(&self, header: &[u8], body: &mut [u8]) {
        match self {
            Scheme::Tdes { encryption, .. } => encryption.encrypt_cbc(first(header), body),
            Scheme::Aes { encryption, .. } => encryption.encrypt_cbc(first(header), body),
        }
    }

    fn decrypt(&self, header: &[u8], body: &mut [u8]) {
        match self {
            Scheme::Tdes { encryption, .. } => encryption.decrypt_cbc(first(header), body),
            Scheme::Aes { encryption, .. } => encryption.decrypt_cbc(first(header), body),
        }
    }

    /// Over header, optional blocks and cryptogram: CBC-MAC of full TDES with zeros to the last block, or
    /// AES-CMAC.
    fn authenticate(&self, header: &[u8], body: &[u8]) -> [u8; 16] {
        let mut text = [header, body].concat();
        match self {
            Scheme::Tdes { authentication, .. } => {
                text.resize(text.len().next_multiple_of(8), 0);
                let mut mac = [0; 16];
                let last = cbc_mac(authentication, &text);
                mac[..8].copy_from_slice(&last);
                mac
            }
            Scheme::Aes { authentication, .. } => authentication.cmac(&text),
        }
    }
}

/// The last block of a chain over whole blocks.
pub(crate) fn cbc_mac(key: &ClearKey, text: &[u8]) -> [u8; 8] {
    text.as_chunks::<8>().0.iter().fold([0; 8], |state, block| key.encrypt(xor(state, *block)))
}

/// The first characters of a header, which has 16 at least.
pub(crate) fn first<const N: usize>(header: &[u8]) -> [u8; N] {
    *header.first_chunk().expect("a header has 16 characters at least")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hsm::{Exportability, KeyAlgorithm, KeyUsage, ModeOfUse, OptionalBlocks};

    const TDES_LMK: &str = "0123456789ABCDEF8080808080808080FEDCBA9876543210";
    const AES_LMK: &str = "9B71333A13F9FAE72F9D0E2DAB4AD6784718012F9244033F3F26A2DE0C8AA11A";

    fn tdes(key: &str) -> WorkingKey {
        WorkingKey::new(KeyAlgorithm::Tdes, &hex::decode(key).unwrap()).unwrap()
    }

    fn aes(key: &str) -> WorkingKey {
        WorkingKey::new(KeyAlgorithm::Aes, &hex::decode(key).unwrap()).unwrap()
    }

    fn check(lmk: &WorkingKey, context: &[u8; 2], block: &str, expect: Result<&str, KeyError>) {
        let found = unwrap(lmk, *context, block);
        assert_eq!(found.map(|key| hex::encode_upper(key.reveal())), expect.map(String::from));
    }

    /// The unwrap examples of the BP-Tools documentation.
    #[test]
    fn published_blocks() {
        let lmk = tdes(TDES_LMK);
        let block = "00072B0TN00E000256A37F894FD49E61DD3FA27FDE8919D07F7AA966F8BF39AB31D00034";
        check(&lmk, b"02", block, Ok("735B3125EFF2E04ABFBFA1670180A168"));
        check(&lmk, b"01", block, Err(KeyError::LmkIdentifier));
        check(&lmk, b"02", &block.replace("B0TN", "P0TN"), Err(KeyError::Authentication));
        check(&lmk, b"02", &block.replace("0034", "0035"), Err(KeyError::Authentication));
        check(&lmk, b"02", &block[..20], Err(KeyError::KeyBlockFormat));
        check(&lmk, b"02", &format!("1{}", &block[1..]), Err(KeyError::KeyBlockFormat));
        assert!(has_usage(block, b"B0") && !has_usage(block, b"P0"));

        let block = "10096B0TN00E0002F21247ABCAF1AAB60415020B95858FA2D3D35DCE0B9CA675739A1C6EC367061107D66472D5097626";
        check(&aes(AES_LMK), b"02", block, Ok("000102030405060708090A0B0C0D0E0F"));
        check(&aes(AES_LMK), b"02", &block.replace("7626", "7627"), Err(KeyError::Authentication));
        check(&aes(AES_LMK), b"02", &block.replace("00E", "01E"), Err(KeyError::Authentication));
        check(&lmk, b"02", block, Err(KeyError::KeyBlockFormat));
    }

    /// Blocks of a real unit under its 3DES test LMK, opened and wrapped again with the filling they have:
    /// that gives them back, character for character.
    #[test]
    fn recorded_blocks_are_wrapped_as_they_were() {
        let check = |lmk: &WorkingKey, block: &str, key: &str, filling: &str| {
            let (header, _) = KeyBlockHeader::parse(block).unwrap();
            let opened = unwrap(lmk, header.context, block).unwrap();
            assert_eq!(hex::encode_upper(opened.reveal()), key);
            let mut bytes = [0; 16];
            hex::decode_to_slice(filling, &mut bytes[..filling.len() / 2]).unwrap();
            let wrapped = wrap(lmk, header.context, header.attributes, &opened, bytes).unwrap();
            assert_eq!(wrapped, block);
        };
        let lmk = tdes(TDES_LMK);
        for block in [
            "00072P0TB00E0001EA421618B34F5FA1A77F7CF6480111B97CF0FAE7BD77D589EC921EF9",
            "00072P0TB00N0001EA421618B34F5FA1A77F7CF6480111B921F02973DFC5A06F345B34FB",
        ] {
            check(&lmk, block, "98519E45CBB9291F49EFAD4AFEFDDC79", &filling(&lmk, block));
        }
        let block = "00072P0TB00E00010D869FE84C1F77AE64E0019151533363D4CCE7E1C3F89F3D86115EE8";
        check(&lmk, block, "49C7CDA758407C6189E0102F6D583298", &filling(&lmk, block));
        let block = "10096B0TN00E0002F21247ABCAF1AAB60415020B95858FA2D3D35DCE0B9CA675739A1C6EC367061107D66472D5097626";
        let lmk = aes(AES_LMK);
        check(&lmk, block, "000102030405060708090A0B0C0D0E0F", &filling(&lmk, block));
    }

    /// The random bytes of a block with a key of 16 bytes.
    fn filling(lmk: &WorkingKey, block: &str) -> String {
        let scheme = Scheme::of(lmk);
        let mut body = hex::decode(&block[16..block.len() - 2 * scheme.authenticator()]).unwrap();
        scheme.decrypt(&block.as_bytes()[..16], &mut body);
        hex::encode(&body[18..])
    }

    #[test]
    fn optional_blocks_are_kept_and_authenticated() {
        for lmk in [tdes(TDES_LMK), aes(AES_LMK)] {
            for key in [tdes("98519E45CBB9291F49EFAD4AFEFDDC79"), aes(AES_LMK)] {
                let attributes = KeyAttributes {
                    usage: KeyUsage::literal(b"72"),
                    algorithm: key.algorithm(),
                    mode: ModeOfUse::from_letter(b'E').unwrap(),
                    key_version: *b"07",
                    exportability: Exportability::Sensitive,
                    optional_blocks: OptionalBlocks::parse(2, "0005A0408some").unwrap(),
                };
                let block = wrap(&lmk, UNDER_ZMK, attributes, &key, [0x5E; 16]).unwrap();
                assert_eq!(stated(&block).unwrap(), attributes);
                let opened = unwrap(&lmk, UNDER_ZMK, &block).unwrap();
                assert_eq!(opened.reveal(), key.reveal());
                let changed = block.replace("some", "sone");
                assert_eq!(unwrap(&lmk, UNDER_ZMK, &changed).unwrap_err(), KeyError::Authentication);
                let other = KeyAttributes { algorithm: KeyAlgorithm::Des, ..attributes };
                let refused = wrap(&lmk, UNDER_ZMK, other, &key, [0; 16]);
                assert_eq!(refused.unwrap_err(), KeyError::Algorithm);
            }
        }
    }
}
