use super::{Engine, Outcome};
use crate::aes_key::AesKey;
use crate::cipher::{ClearKey, KeyLength};
use crate::key_block;
use crate::lmk::{KeyError, LmkKind};
use crate::working_key::WorkingKey;
use hsm::{
    CheckValue, ErrorCode, Exportability, Kcv, KcvLength, KeyAlgorithm, KeyAttributes, KeyField, KeyScheme,
    KeyType, KeyUsage, LmkIdentifier, ModeOfUse, OptionalBlocks, PairCheckValue, ReplyBody,
};
use std::sync::Arc;

/// What a key in a command is for: its type under a variant LMK, and what a key block may state for it.
#[derive(Clone, Copy)]
pub(super) struct KeyUse {
    key_type: KeyType,
    usages: &'static [&'static [u8; 2]],
    modes: &'static [u8],
}

impl KeyUse {
    pub(super) const ZMK: KeyUse = KeyUse::new(KeyType::ZMK, &[b"K0", b"52"], b"NBDE");
    pub(super) const TMK: KeyUse = KeyUse::new(KeyType::TMK, &[b"K0", b"51"], b"NBDE");
    pub(super) const TPK: KeyUse = KeyUse::new(KeyType::TPK, &[b"P0", b"71"], b"NBDE");
    pub(super) const ZPK: KeyUse = KeyUse::new(KeyType::ZPK, &[b"P0", b"72"], b"NBDE");
    pub(super) const PVK_VISA: KeyUse = KeyUse::new(KeyType::PVK, &[b"V0", b"V2"], b"NCGV");
    pub(super) const PVK_IBM: KeyUse = KeyUse::new(KeyType::PVK, &[b"V0", b"V1"], b"NCGV");
    pub(super) const CVK: KeyUse = KeyUse::new(KeyType::CVK, &[b"C0", b"12", b"13"], b"NCGV");
    pub(super) const MK_AC: KeyUse = KeyUse::new(KeyType::MK_AC, &[b"E0"], b"NX");

    /// Some PIN key, by what its key block says.
    pub(super) const PIN_KEY: KeyUse = KeyUse::new(KeyType::ZPK, &[b"P0", b"71", b"72"], b"NBDE");
    pub(super) const TPK_PCI: KeyUse = KeyUse::new(KeyType::TPK_PCI, &[b"P0", b"71"], b"NBDE");
    pub(super) const BDK_1: KeyUse = KeyUse::new(KeyType::BDK, BDK_USAGES, b"NX");
    pub(super) const BDK_2: KeyUse = KeyUse::new(KeyType::BDK_2, BDK_USAGES, b"NX");

    pub(super) const MK_SMI: KeyUse = KeyUse::new(KeyType::MK_SMI, &[b"E2"], b"NX");
    pub(super) const MK_CVC3: KeyUse = KeyUse::new(KeyType::MK_CVC3, &[b"E6", b"32"], b"NX");

    pub(super) fn data(key_type: KeyType) -> KeyUse {
        KeyUse::new(key_type, &[b"D0", b"21", b"22", b"23"], b"NBDE")
    }

    pub(super) fn mac(key_type: KeyType) -> KeyUse {
        KeyUse::new(key_type, &[b"M0", b"M1", b"M2", b"M3", b"M4", b"M5", b"M6"], b"NCGV")
    }

    /// A use of keys of this type, or in key blocks of these usages and modes.
    pub(super) const fn new(
        key_type: KeyType,
        usages: &'static [&'static [u8; 2]],
        modes: &'static [u8],
    ) -> KeyUse {
        KeyUse { key_type, usages, modes }
    }

    /// The same use in a place that does only some of its operations.
    pub(super) const fn for_modes(self, modes: &'static [u8]) -> KeyUse {
        KeyUse { modes, ..self }
    }

    /// Whether a key block may hold a key for this use. Says something only of a block that was unwrapped.
    fn check(&self, block: &str) -> Result<(), KeyError> {
        if !self.usages.iter().any(|usage| key_block::has_usage(block, usage)) {
            return Err(KeyError::Usage);
        }
        let mode = block.as_bytes().get(8).ok_or(KeyError::KeyBlockFormat)?;
        if self.modes.contains(mode) { Ok(()) } else { Err(KeyError::Mode) }
    }
}

impl Engine {
    /// The clear TDES key; `parity` is the error for bad parity, 10 or 11 by the key's place in the command.
    pub(super) fn key(
        &self,
        lmk: LmkIdentifier,
        usage: KeyUse,
        key: &KeyField<'_>,
        parity: ErrorCode,
    ) -> Result<Arc<ClearKey>, ErrorCode> {
        match self.working_key(lmk, usage, key, parity)? {
            WorkingKey::Tdes(key) => Ok(key),
            WorkingKey::Aes(_) => Err(ErrorCode::KEY_BLOCK_ALGORITHM),
        }
    }

    /// The clear AES key, which can only come from a key block.
    pub(super) fn aes_key(
        &self,
        lmk: LmkIdentifier,
        usage: KeyUse,
        key: &KeyField<'_>,
        parity: ErrorCode,
    ) -> Result<Arc<AesKey>, ErrorCode> {
        match self.working_key(lmk, usage, key, parity)? {
            WorkingKey::Aes(key) => Ok(key),
            WorkingKey::Tdes(_) => Err(ErrorCode::KEY_BLOCK_ALGORITHM),
        }
    }

    /// The clear key, of either algorithm.
    pub(super) fn working_key(
        &self,
        lmk: LmkIdentifier,
        usage: KeyUse,
        key: &KeyField<'_>,
        parity: ErrorCode,
    ) -> Result<WorkingKey, ErrorCode> {
        let clear = self.any_key(lmk, usage.key_type, key, parity)?;
        // Under a variant LMK the key type has said it already: with another one, parity is wrong.
        if self.lmk.kind(lmk) != Some(LmkKind::Variant) {
            usage.check(key.reveal()).map_err(|error| error.code(parity))?;
        }
        Ok(clear)
    }

    /// The clear key, whatever use its key block states.
    pub(super) fn any_key(
        &self,
        lmk: LmkIdentifier,
        key_type: KeyType,
        key: &KeyField<'_>,
        parity: ErrorCode,
    ) -> Result<WorkingKey, ErrorCode> {
        let found = match self.lmk.kind(lmk) {
            Some(LmkKind::Variant) => {
                let name = [lmk.0, key_type.variant(), key_type.pair()];
                let unwrap = || self.lmk.decrypt_key_under(lmk, key_type, key).map(WorkingKey::from);
                self.keys.find_or(name, key, unwrap)
            }
            _ => self.keys.find_or([lmk.0, 0, 0], key, || self.lmk.unwrap_key_block(lmk, key)),
        };
        found.map_err(|error| error.code(parity))
    }

    /// As [`Engine::key`], for uses that take double or triple length only.
    pub(super) fn long_key(
        &self,
        lmk: LmkIdentifier,
        usage: KeyUse,
        key: &KeyField<'_>,
        parity: ErrorCode,
    ) -> Result<Arc<ClearKey>, ErrorCode> {
        let key = self.key(lmk, usage, key, parity)?;
        if key.length() == KeyLength::Single { Err(ErrorCode::KEY_LENGTH) } else { Ok(key) }
    }

    /// A key that another one comes in or goes out under, and whether it stands in a key block.
    pub(super) fn transport_key(
        &self,
        lmk: LmkIdentifier,
        usage: KeyUse,
        key: &KeyField<'_>,
    ) -> Result<WorkingKey, ErrorCode> {
        self.working_key(lmk, usage, key, ErrorCode::SOURCE_KEY_PARITY)
    }

    /// `BU`.
    pub(super) fn check_value(&self, lmk: LmkIdentifier, command: &CheckValue<'_>) -> Outcome {
        // 16 digits tell much about a key, so the unit gives them to nobody who is not authorised. Hosts that
        // do not say how many they want have always had 16, and have them still (sample P7).
        if command.length_stated && command.length == KcvLength::Sixteen {
            self.require_authorised()?;
        }
        let key = self.any_key(lmk, command.key_type, &command.key, ErrorCode::SOURCE_KEY_PARITY)?;
        Ok(ReplyBody::CheckValue(Kcv::new(key.check_value(), command.length)))
    }

    /// `KA`.
    pub(super) fn pair_check_value(&self, lmk: LmkIdentifier, command: &PairCheckValue<'_>) -> Outcome {
        let key = self.any_key(lmk, command.key_type, &command.key, ErrorCode::SOURCE_KEY_PARITY)?;
        Ok(ReplyBody::CheckValue(Kcv::new(key.check_value(), command.length)))
    }

    /// 17 unless the unit is in authorised state.
    pub(super) fn require_authorised(&self) -> Result<(), ErrorCode> {
        if self.settings.authorised { Ok(()) } else { Err(ErrorCode::NOT_AUTHORISED) }
    }

    /// A key as it stands under the LMK: in `scheme` by its type under a variant LMK, in a block of these
    /// attributes otherwise.
    pub(super) fn under_lmk(
        &self,
        lmk: LmkIdentifier,
        key_type: KeyType,
        scheme: KeyScheme,
        attributes: KeyAttributes<'_>,
        key: &WorkingKey,
    ) -> Result<KeyField<'static>, ErrorCode> {
        let parity = ErrorCode::DESTINATION_KEY_PARITY;
        let wrapped = match (self.lmk.kind(lmk), key, scheme) {
            (Some(LmkKind::Variant), WorkingKey::Tdes(key), KeyScheme::Z | KeyScheme::U | KeyScheme::T) => {
                self.lmk.encrypt_key_under(lmk, key_type, scheme, key)
            }
            (Some(LmkKind::TdesKeyBlock | LmkKind::AesKeyBlock), _, KeyScheme::S) => {
                self.lmk.wrap_key_block(lmk, attributes, key, self.filling()?)
            }
            _ => return Err(ErrorCode::KEY_SCHEME),
        };
        wrapped.map_err(|error| error.code(parity))
    }

    /// Random bytes for the end of a key block.
    pub(super) fn filling(&self) -> Result<[u8; 16], ErrorCode> {
        let mut filling = [0; 16];
        self.fill(&mut filling)?;
        Ok(filling)
    }
}

const BDK_USAGES: &[&[u8; 2]] = &[b"B0", b"41", b"42", b"43", b"44"];

/// The key types of the fact sheet's section 4, and what a key block says of such a key.
const TYPE_USAGES: [(KeyType, &[u8; 2], u8); 26] = [
    (KeyType::ZMK, b"52", b'N'),
    (KeyType::ZPK, b"72", b'N'),
    // The type is that of the TMK, the TPK and the PVK; `#` tells them apart.
    (KeyType::TMK, b"51", b'N'),
    (KeyType::TPK_PCI, b"71", b'N'),
    (KeyType::TMK_PCI, b"51", b'N'),
    (KeyType::TKR, b"73", b'N'),
    (KeyType::TAK, b"M0", b'N'),
    (KeyType::ZAK, b"M0", b'N'),
    (KeyType::BDK, b"B0", b'N'),
    (KeyType::BDK_2, b"41", b'N'),
    (KeyType::BDK_3, b"42", b'N'),
    (KeyType::IKEY, b"B1", b'N'),
    (KeyType::CVK, b"C0", b'N'),
    (KeyType::WWK, b"01", b'N'),
    (KeyType::MK_AC, b"E0", b'N'),
    (KeyType::MK_SMC, b"E1", b'N'),
    (KeyType::MK_SMI, b"E2", b'N'),
    (KeyType::MK_DAC, b"E3", b'N'),
    (KeyType::MK_DN, b"E4", b'N'),
    (KeyType::MK_CVC3, b"32", b'N'),
    (KeyType::ZEK, b"22", b'N'),
    (KeyType::DEK, b"21", b'N'),
    (KeyType::TEK, b"23", b'N'),
    (KeyType::RSA_PRIVATE, b"03", b'S'),
    (KeyType::RSA_PUBLIC, b"02", b'V'),
    (KeyType::HMAC, b"61", b'C'),
];

/// What a key block says of a key that only has a type. Which usage a unit writes is known for few types; the
/// exportability is [`Exportability::Sensitive`], since a variant LMK knows no other. `None` for types that
/// are not known, FFF among them.
pub(super) fn attributes_of_type(
    key_type: KeyType,
    algorithm: KeyAlgorithm,
) -> Option<KeyAttributes<'static>> {
    let (_, usage, mode) = TYPE_USAGES.iter().find(|(known, ..)| *known == key_type)?;
    Some(KeyAttributes {
        usage: KeyUsage::new(**usage)?,
        algorithm,
        mode: ModeOfUse::from_letter(*mode)?,
        key_version: *b"00",
        exportability: Exportability::Sensitive,
        optional_blocks: OptionalBlocks::NONE,
    })
}
