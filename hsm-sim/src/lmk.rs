//! Local master keys: what every key outside the HSM is encrypted under.

use crate::aes_key::AesKey;
use crate::cipher::{ClearKey, KeyLength};
use crate::key_block;
use crate::lmk_pin::PinLmk;
use crate::working_key::WorkingKey;
use hsm::{ErrorCode, KeyAttributes, KeyBlockError, KeyField, KeyScheme, KeyType, KeyUsage, LmkIdentifier};
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// The LMKs loaded, each under an identifier from 00 to 99: variant LMKs of 20 pairs and key block LMKs of
/// 3DES or AES. The default is 00.
///
/// ```
/// use hsm::LmkIdentifier;
/// use hsm_sim::{AesKey, Lmk};
///
/// let lmk = Lmk::public_test().with_key_block(LmkIdentifier(7), AesKey::new(&[0x5A; 32]).unwrap());
/// assert!(lmk.check_value(LmkIdentifier(7)).is_some());
/// assert!(lmk.check_value(LmkIdentifier(8)).is_none());
/// ```
pub struct Lmk {
    loaded: BTreeMap<u8, Loaded>,
    /// The LMKs that the ones under the same identifiers came after (key change storage).
    old: BTreeMap<u8, Loaded>,
}

enum Loaded {
    Variant { pairs: Box<Pairs>, check_value: [u8; 16] },
    KeyBlock { key: WorkingKey, check_value: [u8; 16] },
}

type Pairs = [Zeroizing<[u8; 16]>; 20];

/// How keys stand under an LMK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LmkKind {
    /// By type, each under a variant of an LMK pair.
    Variant,
    /// In key blocks, under 3DES.
    TdesKeyBlock,
    /// In key blocks, under AES.
    AesKeyBlock,
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
    /// The key block holds a key of another algorithm.
    Algorithm,
    /// The key in the key block has another length than its use asks for, or one that no key has.
    BlockLength,
    /// The key block is for other operations.
    Mode,
    /// The key may not go there.
    Exportability,
    /// The key block has another number of optional blocks than it says.
    OptionalCount,
    /// An optional block cannot be read.
    OptionalBlock,
    /// No key stands under this LMK by this type.
    Type,
    /// An AES key may not stand under 3DES.
    UnderTdes,
}

impl Lmk {
    /// Identifier of the variant LMK of [`Lmk::public_test`], the default.
    pub const VARIANT: LmkIdentifier = LmkIdentifier(0);

    /// Identifier of the 3DES key block LMK of [`Lmk::public_test`].
    pub const KEY_BLOCK: LmkIdentifier = LmkIdentifier(1);

    /// Identifier of the AES key block LMK of [`Lmk::public_test`].
    pub const AES_KEY_BLOCK: LmkIdentifier = LmkIdentifier(2);

    /// No LMK at all: nothing can be asked until one is added.
    #[must_use]
    pub fn new() -> Lmk {
        Lmk { loaded: BTreeMap::new(), old: BTreeMap::new() }
    }

    /// The test LMKs that payShields are delivered with and that everybody knows: variant as 00, 3DES key
    /// block as 01, AES-256 key block as 02.
    #[must_use]
    pub fn public_test() -> Lmk {
        let tdes = ClearKey::new(PUBLIC_TEST_KEY_BLOCK).expect("24 bytes are a triple-length key");
        let aes = AesKey::new(&PUBLIC_TEST_AES_KEY_BLOCK).expect("32 bytes are an AES key");
        Lmk::new()
            .with_variant(Lmk::VARIANT, &PUBLIC_TEST_PAIRS.map(u128::to_be_bytes))
            .with_key_block(Lmk::KEY_BLOCK, tdes)
            .with_key_block(Lmk::AES_KEY_BLOCK, aes)
    }

    /// The same with a variant LMK under `identifier`: pairs 00-01 to 38-39. What stood under it before goes.
    #[must_use]
    pub fn with_variant(mut self, identifier: LmkIdentifier, pairs: &[[u8; 16]; 20]) -> Lmk {
        self.loaded.insert(identifier.0, Loaded::variant(pairs));
        self
    }

    /// The same with a key block LMK under `identifier`: a [`ClearKey`] of double or triple length, or an
    /// [`AesKey`]. What stood under it before goes.
    #[must_use]
    pub fn with_key_block(mut self, identifier: LmkIdentifier, key: impl Into<WorkingKey>) -> Lmk {
        self.loaded.insert(identifier.0, Loaded::key_block(key.into()));
        self
    }

    /// The same with the variant LMK that the one under `identifier` came after, for `BW`.
    #[must_use]
    pub fn with_old_variant(mut self, identifier: LmkIdentifier, pairs: &[[u8; 16]; 20]) -> Lmk {
        self.old.insert(identifier.0, Loaded::variant(pairs));
        self
    }

    /// The same with the key block LMK that the one under `identifier` came after, for `BW`.
    #[must_use]
    pub fn with_old_key_block(mut self, identifier: LmkIdentifier, key: impl Into<WorkingKey>) -> Lmk {
        self.old.insert(identifier.0, Loaded::key_block(key.into()));
        self
    }

    /// What kind of LMK stands under `identifier`; `None` when none does.
    #[must_use]
    pub fn kind(&self, identifier: LmkIdentifier) -> Option<LmkKind> {
        Some(match self.loaded.get(&identifier.0)? {
            Loaded::Variant { .. } => LmkKind::Variant,
            Loaded::KeyBlock { key: WorkingKey::Tdes(_), .. } => LmkKind::TdesKeyBlock,
            Loaded::KeyBlock { key: WorkingKey::Aes(_), .. } => LmkKind::AesKeyBlock,
        })
    }

    /// The identifiers under which LMKs stand, lowest first.
    pub fn identifiers(&self) -> impl Iterator<Item = LmkIdentifier> {
        self.loaded.keys().copied().map(LmkIdentifier)
    }

    /// The check value that `NC` answers for an LMK; `None` when no such LMK is loaded.
    ///
    /// Of AES, the start of the CMAC of nothing. How a unit works out that of a variant LMK or of a 3DES key
    /// block LMK is not known: for the public test LMKs it is as recorded, for others the plain check value,
    /// for a variant LMK that of its pairs exclusive-ored.
    #[must_use]
    pub fn check_value(&self, identifier: LmkIdentifier) -> Option<[u8; 16]> {
        match self.loaded.get(&identifier.0)? {
            Loaded::Variant { check_value, .. } | Loaded::KeyBlock { check_value, .. } => Some(*check_value),
        }
    }

    /// Encrypts a key under the variant LMK 00, as [`KeyScheme::Z`] (single length), [`KeyScheme::U`]
    /// (double), [`KeyScheme::T`] (triple), or in the older [`KeyScheme::X`] or [`KeyScheme::Y`].
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
        self.encrypt_key_under(Lmk::VARIANT, key_type, scheme, key)
    }

    /// As [`Lmk::encrypt_key`], under the variant LMK of `identifier`.
    ///
    /// # Errors
    /// As [`Lmk::encrypt_key`]; [`KeyError::LmkScheme`] when no variant LMK stands there.
    pub fn encrypt_key_under(
        &self,
        identifier: LmkIdentifier,
        key_type: KeyType,
        scheme: KeyScheme,
        key: &ClearKey,
    ) -> Result<KeyField<'static>, KeyError> {
        if !key.has_odd_parity() && key_type != KeyType::IKEY {
            return Err(KeyError::Parity);
        }
        wrap(&pair(self.loaded.get(&identifier.0), key_type)?, scheme, key)
    }

    /// Decrypts a key from under the variant LMK 00.
    ///
    /// # Errors
    /// [`KeyError::Parity`] when the clear key has not odd parity, [`KeyError::LmkScheme`] for key blocks,
    /// [`KeyError::Length`] or [`KeyError::Scheme`] when the field is not one for a TDES key.
    pub fn decrypt_key(&self, key_type: KeyType, key: &KeyField<'_>) -> Result<ClearKey, KeyError> {
        self.decrypt_key_under(Lmk::VARIANT, key_type, key)
    }

    /// As [`Lmk::decrypt_key`], from under the variant LMK of `identifier`.
    ///
    /// # Errors
    /// As [`Lmk::decrypt_key`]; [`KeyError::LmkScheme`] when no variant LMK stands there.
    pub fn decrypt_key_under(
        &self,
        identifier: LmkIdentifier,
        key_type: KeyType,
        key: &KeyField<'_>,
    ) -> Result<ClearKey, KeyError> {
        decrypt(self.loaded.get(&identifier.0), key_type, key)
    }

    /// Decrypts a key from under the LMK that the one of `identifier` came after: by its type under a variant
    /// LMK, out of its key block otherwise. `None` when there is no old one.
    pub(crate) fn decrypt_old_key(
        &self,
        identifier: LmkIdentifier,
        key_type: KeyType,
        key: &KeyField<'_>,
    ) -> Option<Result<WorkingKey, KeyError>> {
        let old = self.old.get(&identifier.0)?;
        Some(match old {
            Loaded::Variant { .. } => decrypt(Some(old), key_type, key).map(WorkingKey::from),
            Loaded::KeyBlock { .. } => open_block(Some(old), identifier, key),
        })
    }

    /// Wraps a key in a Thales key block under the key block LMK of `identifier`. `filling` is random.
    ///
    /// # Errors
    /// [`KeyError::LmkScheme`] when no key block LMK stands there, [`KeyError::Parity`] when the key could
    /// never be used, [`KeyError::Algorithm`] when the attributes are not for it, [`KeyError::UnderTdes`] for
    /// an AES key under a 3DES LMK.
    pub fn wrap_key_block(
        &self,
        identifier: LmkIdentifier,
        attributes: KeyAttributes<'_>,
        key: &WorkingKey,
        filling: [u8; 16],
    ) -> Result<KeyField<'static>, KeyError> {
        let Some(Loaded::KeyBlock { key: lmk, .. }) = self.loaded.get(&identifier.0) else {
            return Err(KeyError::LmkScheme);
        };
        if !key.has_good_parity() && attributes.usage != INITIAL_KEY {
            return Err(KeyError::Parity);
        }
        if matches!((lmk, key), (WorkingKey::Tdes(_), WorkingKey::Aes(_))) {
            return Err(KeyError::UnderTdes);
        }
        let block = key_block::wrap(lmk, context(identifier), attributes, key, filling)?;
        KeyField::from_text(&format!("S{block}")).map_err(|_| KeyError::KeyBlockFormat)
    }

    /// Unwraps a Thales key block from under the key block LMK of `identifier`, whatever its usage.
    ///
    /// # Errors
    /// When it is not one of this LMK, does not authenticate, or holds a key that could never be used.
    pub fn unwrap_key_block(
        &self,
        identifier: LmkIdentifier,
        key: &KeyField<'_>,
    ) -> Result<WorkingKey, KeyError> {
        open_block(self.loaded.get(&identifier.0), identifier, key)
    }

    /// Decrypts a decimalisation table from under this LMK: pair 18-19, variant 1, or a variant of a 3DES key
    /// block LMK. `None` under an AES LMK, of which it is not known.
    pub(crate) fn decrypt_table(&self, identifier: LmkIdentifier, table: [u8; 8]) -> Option<[u8; 8]> {
        let key = match self.loaded.get(&identifier.0)? {
            variant @ Loaded::Variant { .. } => pair(Some(variant), KeyType::DECIMALISATION_TABLE).ok()?,
            Loaded::KeyBlock { key: WorkingKey::Tdes(key), .. } => {
                let varied: Zeroizing<Vec<u8>> =
                    key.reveal().iter().map(|byte| byte ^ 0x54).collect::<Vec<_>>().into();
                ClearKey::new(&varied).ok()?
            }
            Loaded::KeyBlock { key: WorkingKey::Aes(_), .. } => return None,
        };
        Some(key.decrypt(table))
    }

    /// What PINs are encrypted by under this LMK; `None` when no such LMK is loaded. Pair 02-03 of a variant LMK
    /// is there for it, as in a real unit.
    #[must_use]
    pub fn pin_lmk(&self, identifier: LmkIdentifier) -> Option<PinLmk> {
        match self.loaded.get(&identifier.0)? {
            Loaded::Variant { pairs, .. } => PinLmk::digits(pairs[1].as_slice()).ok(),
            Loaded::KeyBlock { key: WorkingKey::Tdes(key), .. } => PinLmk::digits(key.reveal()).ok(),
            Loaded::KeyBlock { key: WorkingKey::Aes(key), .. } => PinLmk::block(key.reveal()).ok(),
        }
    }
}

impl Default for Lmk {
    fn default() -> Lmk {
        Lmk::new()
    }
}

impl Loaded {
    fn variant(pairs: &[[u8; 16]; 20]) -> Loaded {
        let check_value = if *pairs == PUBLIC_TEST_PAIRS.map(u128::to_be_bytes) {
            *b"2686040000000000"
        } else {
            let all = pairs.iter().fold(0, |all, pair| all ^ u128::from_be_bytes(*pair));
            shown(&ClearKey::double(&all.to_be_bytes()).encrypt([0; 8]))
        };
        Loaded::Variant { pairs: Box::new(pairs.map(Zeroizing::new)), check_value }
    }

    fn key_block(key: WorkingKey) -> Loaded {
        let check_value = match &key {
            WorkingKey::Tdes(key) if key.reveal() == PUBLIC_TEST_KEY_BLOCK => *b"1651260000000000",
            WorkingKey::Tdes(key) => shown(&key.encrypt([0; 8])),
            WorkingKey::Aes(key) => shown(&key.cmac(&[])),
        };
        Loaded::KeyBlock { key, check_value }
    }
}

/// The first three bytes in hexadecimal, filled with zeros to 16 characters.
fn shown(check_value: &[u8]) -> [u8; 16] {
    let mut text = [b'0'; 16];
    hex::encode_to_slice(&check_value[..3], &mut text[..6]).expect("three bytes are six digits");
    text.make_ascii_uppercase();
    text
}

fn decrypt(lmk: Option<&Loaded>, key_type: KeyType, key: &KeyField<'_>) -> Result<ClearKey, KeyError> {
    if matches!(key.scheme(), KeyScheme::S | KeyScheme::R) {
        return Err(KeyError::LmkScheme);
    }
    let clear = unwrap(&pair(lmk, key_type)?, key)?;
    // The initial key of DUKPT is derived, and every bit of it counts: it has the parity that it has.
    if clear.has_odd_parity() || key_type == KeyType::IKEY { Ok(clear) } else { Err(KeyError::Parity) }
}

fn open_block(
    lmk: Option<&Loaded>,
    identifier: LmkIdentifier,
    key: &KeyField<'_>,
) -> Result<WorkingKey, KeyError> {
    let Some(Loaded::KeyBlock { key: lmk, .. }) = lmk.filter(|_| key.scheme() == KeyScheme::S) else {
        return Err(KeyError::LmkScheme);
    };
    let clear = key_block::unwrap(lmk, context(identifier), key.reveal())?;
    // None is made so, and none is taken.
    if matches!((lmk, &clear), (WorkingKey::Tdes(_), WorkingKey::Aes(_))) {
        return Err(KeyError::UnderTdes);
    }
    let derived = key_block::has_usage(key.reveal(), INITIAL_KEY.as_bytes());
    if clear.has_good_parity() || derived { Ok(clear) } else { Err(KeyError::Parity) }
}

/// Usage of the initial key of DUKPT.
const INITIAL_KEY: KeyUsage = KeyUsage::literal(b"B1");

/// What the header of a block under this LMK ends with.
fn context(identifier: LmkIdentifier) -> [u8; 2] {
    [b'0' + identifier.0 / 10 % 10, b'0' + identifier.0 % 10]
}

/// The pair that keys of this type are under, with its variant applied.
fn pair(lmk: Option<&Loaded>, key_type: KeyType) -> Result<ClearKey, KeyError> {
    let Some(Loaded::Variant { pairs, .. }) = lmk else {
        return Err(KeyError::LmkScheme);
    };
    let code = usize::from(key_type.pair());
    // Pairs 08-09 to 12-13 are of other uses and have no code.
    let pair = pairs.get(if code < 2 { code + 2 } else { code + 5 });
    let mut pair = pair.ok_or(KeyError::Type)?.clone();
    if let Some(variant) = usize::from(key_type.variant()).checked_sub(1) {
        pair[0] ^= TYPE_VARIANTS.get(variant).ok_or(KeyError::Type)?;
    }
    Ok(ClearKey::double(&pair))
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
            KeyError::BlockLength => ErrorCode::KEY_BLOCK_KEY_LENGTH,
            KeyError::Mode => ErrorCode::KEY_BLOCK_MODE,
            KeyError::Exportability => ErrorCode::KEY_BLOCK_EXPORTABILITY,
            KeyError::OptionalCount => ErrorCode::OPTIONAL_BLOCK_COUNT,
            KeyError::OptionalBlock => ErrorCode::OPTIONAL_BLOCK,
            KeyError::Type => ErrorCode::KEY_TYPE_CODE,
            KeyError::UnderTdes => ErrorCode::NOT_UNDER_TDES_LMK,
        }
    }
}

impl From<KeyBlockError> for KeyError {
    fn from(error: KeyBlockError) -> KeyError {
        match error {
            KeyBlockError::Format => KeyError::KeyBlockFormat,
            KeyBlockError::Algorithm => KeyError::Algorithm,
            KeyBlockError::Exportability => KeyError::Exportability,
            KeyBlockError::OptionalCount => KeyError::OptionalCount,
            KeyBlockError::OptionalBlock => KeyError::OptionalBlock,
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

const PUBLIC_TEST_AES_KEY_BLOCK: [u8; 32] = [
    0x9B, 0x71, 0x33, 0x3A, 0x13, 0xF9, 0xFA, 0xE7, 0x2F, 0x9D, 0x0E, 0x2D, 0xAB, 0x4A, 0xD6, 0x78, 0x47,
    0x18, 0x01, 0x2F, 0x92, 0x44, 0x03, 0x3F, 0x3F, 0x26, 0xA2, 0xDE, 0x0C, 0x8A, 0xA1, 0x1A,
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
            KeyError::Algorithm => "the key block holds a key of another algorithm",
            KeyError::BlockLength => "the key in the key block has a wrong length",
            KeyError::Mode => "the key block is for other operations",
            KeyError::Exportability => "the key may not go there",
            KeyError::OptionalCount => "the key block has another number of optional blocks",
            KeyError::OptionalBlock => "an optional block of the key block cannot be read",
            KeyError::Type => "no key stands under this LMK by this type",
            KeyError::UnderTdes => "an AES key may not stand under 3DES",
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
    fn any_identifier_may_hold_either_kind() {
        let pairs = PUBLIC_TEST_PAIRS.map(u128::to_be_bytes);
        let mut own = pairs;
        own[7] = *b"a pair of my own";
        let lmk = Lmk::public_test()
            .with_variant(LmkIdentifier(99), &own)
            .with_key_block(LmkIdentifier(0), key("0123456789ABCDEFFEDCBA9876543210"));
        let shown = |identifier| {
            let text = lmk.check_value(LmkIdentifier(identifier));
            text.map(|text| String::from_utf8(text.to_vec()).unwrap())
        };
        // 08D7B4FB629D0885 is the published check value of that key.
        assert_eq!(shown(0).unwrap(), "08D7B40000000000");
        assert_eq!(shown(1).unwrap(), "1651260000000000");
        assert_eq!(shown(2).unwrap(), "9D04A00000000000");
        assert_ne!(shown(99).unwrap(), "2686040000000000");
        assert_eq!(shown(3), None);
        assert_eq!(lmk.identifiers().map(|id| id.0).collect::<Vec<_>>(), [0, 1, 2, 99]);
        assert_eq!(lmk.kind(LmkIdentifier(2)), Some(LmkKind::AesKeyBlock));
        assert_eq!(lmk.kind(LmkIdentifier(99)), Some(LmkKind::Variant));

        let clear = key("0123456789ABCDEFFEDCBA9876543210");
        let (type_, scheme) = (KeyType::TPK, KeyScheme::U);
        assert_eq!(lmk.encrypt_key(type_, scheme, &clear).unwrap_err(), KeyError::LmkScheme);
        let field = lmk.encrypt_key_under(LmkIdentifier(99), type_, scheme, &clear).unwrap();
        let back = lmk.decrypt_key_under(LmkIdentifier(99), type_, &field).unwrap();
        assert_eq!(back.reveal(), clear.reveal());
        assert!(Lmk::public_test().decrypt_key(type_, &field).is_err(), "of another LMK");
        let none = lmk.encrypt_key_under(LmkIdentifier(99), KeyType::FROM_KEY_BLOCK, scheme, &clear);
        assert_eq!(none.unwrap_err(), KeyError::Type);
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
