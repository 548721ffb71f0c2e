//! Local master keys: what every key outside the HSM is encrypted under.

use crate::cipher::{ClearKey, KeyLength};
use crate::key_block;
use crate::lmk_pin::PinLmk;
use hsm::{ErrorCode, KeyField, KeyScheme, KeyType, LmkIdentifier};
use std::fmt;
use zeroize::Zeroizing;

/// The LMKs loaded: a variant LMK of 20 pairs under identifier 00, the default, and a key block LMK of
/// 3DES under 01.
pub struct Lmk {
    pairs: [Zeroizing<[u8; 16]>; 20],
    key_block: ClearKey,
    check_value: [u8; 16],
    key_block_check_value: [u8; 16],
}

/// Why a key cannot be unwrapped or wrapped. Says nothing about the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// A byte of the clear key has even parity: it stands under another LMK or is of another type.
    Parity,
    /// The scheme is not one for this place.
    Scheme,
    /// The key is not as long as its scheme or its use asks for.
    Length,
    /// A key block under a variant LMK, or the reverse.
    LmkScheme,
    /// The key block names an LMK that is not the one selected.
    LmkIdentifier,
    /// The header of the key block cannot be read, or it has parts that are not supported.
    KeyBlockFormat,
    /// The key block is not what was wrapped under this LMK.
    Authentication,
    /// The key block holds a key for another use.
    Usage,
    /// The key block holds a key of another algorithm than TDES.
    Algorithm,
}

impl Lmk {
    /// Identifier of the variant LMK, the default.
    pub const VARIANT: LmkIdentifier = LmkIdentifier(0);

    /// Identifier of the key block LMK.
    pub const KEY_BLOCK: LmkIdentifier = LmkIdentifier(1);

    /// The test LMKs that payShields are delivered with and that everybody knows.
    #[must_use]
    pub fn public_test() -> Lmk {
        Lmk {
            pairs: PUBLIC_TEST_PAIRS.map(|pair| Zeroizing::new(pair.to_be_bytes())),
            key_block: ClearKey::new(PUBLIC_TEST_KEY_BLOCK).expect("24 bytes are a triple-length key"),
            check_value: *b"2686040000000000",
            key_block_check_value: *b"1651260000000000",
        }
    }

    /// The check value that `NC` answers for an LMK; `None` when no such LMK is loaded.
    #[must_use]
    pub fn check_value(&self, identifier: LmkIdentifier) -> Option<[u8; 16]> {
        match identifier {
            Lmk::VARIANT => Some(self.check_value),
            Lmk::KEY_BLOCK => Some(self.key_block_check_value),
            _ => None,
        }
    }

    /// Encrypts a key under the variant LMK, as [`KeyScheme::Z`] (single length), [`KeyScheme::U`] (double),
    /// [`KeyScheme::T`] (triple), or in the older [`KeyScheme::X`] or [`KeyScheme::Y`].
    ///
    /// # Errors
    /// [`KeyError::Parity`] when the key has not odd parity, since it could never be used;
    /// [`KeyError::Length`] when it does not fit the scheme; [`KeyError::Scheme`] for key blocks.
    pub fn encrypt_key(
        &self,
        key_type: KeyType,
        scheme: KeyScheme,
        key: &ClearKey,
    ) -> Result<KeyField<'static>, KeyError> {
        if !key.has_odd_parity() {
            return Err(KeyError::Parity);
        }
        wrap(&self.pair(key_type), scheme, key)
    }

    /// Decrypts a key from under the variant LMK.
    ///
    /// # Errors
    /// [`KeyError::Parity`] when the clear key has not odd parity, [`KeyError::LmkScheme`] for key blocks,
    /// [`KeyError::Length`] or [`KeyError::Scheme`] when the field is not one for a TDES key.
    pub fn decrypt_key(&self, key_type: KeyType, key: &KeyField<'_>) -> Result<ClearKey, KeyError> {
        if matches!(key.scheme(), KeyScheme::S | KeyScheme::R) {
            return Err(KeyError::LmkScheme);
        }
        let clear = unwrap(&self.pair(key_type), key)?;
        if clear.has_odd_parity() { Ok(clear) } else { Err(KeyError::Parity) }
    }

    /// Unwraps a Thales key block of version 0, whatever its usage.
    pub(crate) fn decrypt_key_block(&self, key: &KeyField<'_>) -> Result<ClearKey, KeyError> {
        if key.scheme() != KeyScheme::S {
            return Err(KeyError::LmkScheme);
        }
        let clear = key_block::unwrap(&self.key_block, Lmk::KEY_BLOCK, key.reveal())?;
        if clear.has_odd_parity() { Ok(clear) } else { Err(KeyError::Parity) }
    }

    /// Decrypts a decimalisation table: pair 18-19, variant 1.
    pub(crate) fn decrypt_table(&self, table: [u8; 8]) -> [u8; 8] {
        self.pair(KeyType::DECIMALISATION_TABLE).decrypt(table)
    }

    /// Decrypts a decimalisation table from under this LMK: pair 18-19, variant 1, or a variant of the key block
    /// LMK.
    pub(crate) fn decrypt_table_under(&self, identifier: LmkIdentifier, table: [u8; 8]) -> [u8; 8] {
        match identifier {
            Lmk::KEY_BLOCK => key_block::variant(&self.key_block, 0x54).decrypt(table),
            _ => self.decrypt_table(table),
        }
    }

    /// What PINs are encrypted by under this LMK; `None` when no such LMK is loaded. Pair 02-03 of the variant
    /// LMK is there for it, as in a real unit.
    #[must_use]
    pub fn pin_lmk(&self, identifier: LmkIdentifier) -> Option<PinLmk> {
        match identifier {
            Lmk::VARIANT => PinLmk::digits(&*self.pairs[1]).ok(),
            Lmk::KEY_BLOCK => PinLmk::digits(self.key_block.reveal()).ok(),
            _ => None,
        }
    }

    /// The pair that keys of this type are under, with its variant applied.
    fn pair(&self, key_type: KeyType) -> ClearKey {
        let code = usize::from(key_type.pair());
        // Pairs 08-09 to 12-13 are of other uses and have no code.
        let mut pair = self.pairs[if code < 2 { code + 2 } else { code + 5 }].clone();
        if let Some(variant) = usize::from(key_type.variant()).checked_sub(1) {
            pair[0] ^= TYPE_VARIANTS[variant];
        }
        ClearKey::double(&pair)
    }
}

impl KeyError {
    /// The error code to answer; `parity` is 10 or 11, by the place of the key in the command.
    #[must_use]
    pub fn code(self, parity: ErrorCode) -> ErrorCode {
        match self {
            KeyError::Parity => parity,
            KeyError::Scheme => ErrorCode::KEY_SCHEME,
            KeyError::Length => ErrorCode::KEY_LENGTH,
            KeyError::LmkScheme => ErrorCode::LMK_SCHEME_MISMATCH,
            KeyError::LmkIdentifier => ErrorCode::KEY_BLOCK_LMK_IDENTIFIER,
            KeyError::KeyBlockFormat => ErrorCode::KEY_BLOCK_FORMAT,
            KeyError::Authentication => ErrorCode::KEY_BLOCK_AUTHENTICATION,
            KeyError::Usage => ErrorCode::KEY_BLOCK_USAGE,
            KeyError::Algorithm => ErrorCode::KEY_BLOCK_ALGORITHM,
        }
    }
}

/// Encrypts a key under an LMK pair or a ZMK.
pub(crate) fn wrap(
    wrapping: &ClearKey,
    scheme: KeyScheme,
    key: &ClearKey,
) -> Result<KeyField<'static>, KeyError> {
    if key_length(scheme)? != key.length() {
        return Err(KeyError::Length);
    }
    let mut wrapped = Zeroizing::new(key.reveal().to_vec());
    for (part, bytes) in wrapped.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *bytes = part_key(wrapping, scheme, part)?.encrypt(*bytes);
    }
    let prefix = scheme.prefix().map(String::from).unwrap_or_default();
    let text = prefix + &hex::encode_upper(&*wrapped);
    Ok(KeyField::from_text(&text).expect("a wrapped key has the length of its scheme"))
}

/// Decrypts a key from under an LMK pair or a ZMK, whatever its parity.
pub(crate) fn unwrap(wrapping: &ClearKey, key: &KeyField<'_>) -> Result<ClearKey, KeyError> {
    let scheme = key.scheme();
    if matches!(scheme, KeyScheme::S | KeyScheme::R) {
        return Err(KeyError::Scheme);
    }
    let mut clear = Zeroizing::new(hex::decode(key.reveal()).map_err(|_| KeyError::Length)?);
    for (part, bytes) in clear.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *bytes = part_key(wrapping, scheme, part)?.decrypt(*bytes);
    }
    ClearKey::new(&clear).map_err(|_| KeyError::Length)
}

/// How long a key of this scheme is.
pub(crate) fn key_length(scheme: KeyScheme) -> Result<KeyLength, KeyError> {
    match scheme {
        KeyScheme::Z => Ok(KeyLength::Single),
        KeyScheme::U | KeyScheme::X => Ok(KeyLength::Double),
        KeyScheme::T | KeyScheme::Y => Ok(KeyLength::Triple),
        KeyScheme::S | KeyScheme::R => Err(KeyError::Scheme),
    }
}

/// The key for one part of a wrapped key: the schemes U and T change the second half of the wrapping key
/// from part to part, the others use it as it is.
fn part_key(wrapping: &ClearKey, scheme: KeyScheme, part: usize) -> Result<ClearKey, KeyError> {
    let variants: &[u8] = match scheme {
        KeyScheme::U => &[0xA6, 0x5A],
        KeyScheme::T => &[0x6A, 0xDE, 0x2B],
        _ => return Ok(wrapping.clone()),
    };
    let mut bytes = Zeroizing::new(wrapping.reveal().to_vec());
    let (Some(byte), Some(variant)) = (bytes.get_mut(8), variants.get(part)) else {
        return Err(KeyError::Length);
    };
    *byte ^= variant;
    ClearKey::new(&bytes).map_err(|_| KeyError::Length)
}

/// Variants 1 to 9 of the first byte of a pair.
const TYPE_VARIANTS: [u8; 9] = [0xA6, 0x5A, 0x6A, 0xDE, 0x2B, 0x50, 0x74, 0x9C, 0xFA];

/// Pairs 00-01 to 38-39.
const PUBLIC_TEST_PAIRS: [u128; 20] = [
    0x01010101010101017902CD1FD36EF8BA,
    0x20202020202020203131313131313131,
    0x40404040404040405151515151515151,
    0x61616161616161617070707070707070,
    0x80808080808080809191919191919191,
    0xA1A1A1A1A1A1A1A1B0B0B0B0B0B0B0B0,
    0xC1C1010101010101D0D0010101010101,
    0xE0E0010101010101F1F1010101010101,
    0x1C587F1C13924FEF0101010101010101,
    0x01010101010101010101010101010101,
    0x02020202020202020404040404040404,
    0x07070707070707071010101010101010,
    0x13131313131313131515151515151515,
    0x16161616161616161919191919191919,
    0x1A1A1A1A1A1A1A1A1C1C1C1C1C1C1C1C,
    0x23232323232323232525252525252525,
    0x26262626262626262929292929292929,
    0x2A2A2A2A2A2A2A2A2C2C2C2C2C2C2C2C,
    0x2F2F2F2F2F2F2F2F3131313131313131,
    0x01010101010101010101010101010101,
];

const PUBLIC_TEST_KEY_BLOCK: &[u8; 24] = &[
    0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xFE,
    0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10,
];

impl fmt::Debug for Lmk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lmk(****)")
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyError::Parity => "the key has not odd parity: wrong LMK or key type",
            KeyError::Scheme => "the key scheme does not fit here",
            KeyError::Length => "the key has not the length of its scheme",
            KeyError::LmkScheme => "the key scheme does not fit the LMK",
            KeyError::LmkIdentifier => "the key block names another LMK",
            KeyError::KeyBlockFormat => "the key block header cannot be read",
            KeyError::Authentication => "the key block does not authenticate",
            KeyError::Usage => "the key block is for another use",
            KeyError::Algorithm => "the key block holds no TDES key",
        })
    }
}

impl std::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ClearKey {
        ClearKey::new(&hex::decode(text).unwrap()).unwrap()
    }

    /// Keys of public samples, with their cryptograms.
    #[test]
    fn public_cryptograms() {
        let lmk = Lmk::public_test();
        let check = |key_type, scheme, clear: &str, cryptogram: &str| {
            let field = lmk.encrypt_key(key_type, scheme, &key(clear)).unwrap();
            assert_eq!(field.to_text(), cryptogram);
            let back = lmk.decrypt_key(key_type, &field).unwrap();
            assert_eq!(hex::encode_upper(back.reveal()), clear);
        };
        check(
            KeyType::CVK,
            KeyScheme::U,
            "0123456789ABCDEFFEDCBA9876543210",
            "U9B4934384B19946B040CD702B4D58145",
        );
        check(
            KeyType::ZPK,
            KeyScheme::U,
            "C7152C20BC2C830EA7EC9E8334ABE3FE",
            "U1EF828AA8F6B80EB83E19FBC373F3A85",
        );
        check(KeyType::ZPK, KeyScheme::Z, "13F10E5D868A529E", "BAB32D775A38E4AB");
        check(KeyType::ZMK, KeyScheme::Z, "E951A1D6EF08EA15", "4ED06495741C280C");
    }

    #[test]
    fn every_type_and_scheme_comes_back_and_under_no_other() {
        let lmk = Lmk::public_test();
        let triple = key("0123456789ABCDEFFEDCBA98765432104C4C4C4C4C4C4C4C");
        for (scheme, length) in [
            (KeyScheme::Z, 8),
            (KeyScheme::U, 16),
            (KeyScheme::X, 16),
            (KeyScheme::T, 24),
            (KeyScheme::Y, 24),
        ] {
            let clear = ClearKey::new(&triple.reveal()[..length]).unwrap();
            for text in ["000", "001", "002", "003", "402", "109", "90D"] {
                let key_type = KeyType::parse(text.as_bytes()).unwrap();
                let field = lmk.encrypt_key(key_type, scheme, &clear).unwrap();
                assert_eq!(lmk.decrypt_key(key_type, &field).unwrap().reveal(), clear.reveal());
                let other = KeyType::parse(b"209").unwrap();
                assert_eq!(lmk.decrypt_key(other, &field).unwrap_err(), KeyError::Parity, "{text}");
            }
        }
    }

    #[test]
    fn refuses_what_could_never_be_used() {
        let lmk = Lmk::public_test();
        let check = |scheme, clear: &[u8], expect| {
            let clear = ClearKey::new(clear).unwrap();
            assert_eq!(lmk.encrypt_key(KeyType::ZPK, scheme, &clear).unwrap_err(), expect);
        };
        check(KeyScheme::U, &[0; 16], KeyError::Parity);
        check(KeyScheme::U, &[1; 24], KeyError::Length);
        check(KeyScheme::S, &[1; 16], KeyError::Scheme);
        assert_eq!(format!("{lmk:?}"), "Lmk(****)");
    }
}
