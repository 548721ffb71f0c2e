use super::{Engine, Outcome};
use crate::cipher::{ClearKey, KeyLength, set_odd_parity};
use crate::kcv::kcv;
use crate::key_block;
use crate::lmk::{self, KeyError, Lmk};
use hsm::{
    CheckValue, ErrorCode, ExportKey, GenerateKey, ImportKey, Kcv, KcvLength, KeyField, KeyScheme, KeyType,
    LmkIdentifier, Reply, ReplyBody,
};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a key in a command is for: its type under the variant LMK, and the usages that a key block may
/// state for it.
#[derive(Clone, Copy)]
pub(super) struct KeyUse {
    key_type: KeyType,
    usages: &'static [&'static [u8; 2]],
}

impl KeyUse {
    pub(super) const ZMK: KeyUse = KeyUse { key_type: KeyType::ZMK, usages: &[b"K0", b"52"] };
    pub(super) const TPK: KeyUse = KeyUse { key_type: KeyType::TPK, usages: &[b"P0", b"71"] };
    pub(super) const ZPK: KeyUse = KeyUse { key_type: KeyType::ZPK, usages: &[b"P0", b"72"] };
    pub(super) const PVK_VISA: KeyUse = KeyUse { key_type: KeyType::PVK, usages: &[b"V0", b"V2"] };
    pub(super) const PVK_IBM: KeyUse = KeyUse { key_type: KeyType::PVK, usages: &[b"V0", b"V1"] };
    pub(super) const CVK: KeyUse = KeyUse { key_type: KeyType::CVK, usages: &[b"C0", b"12", b"13"] };
    pub(super) const MK_AC: KeyUse = KeyUse { key_type: KeyType::MK_AC, usages: &[b"E0"] };

    pub(super) const MK_SMI: KeyUse = KeyUse { key_type: KeyType::MK_SMI, usages: &[b"E2"] };
    pub(super) const MK_CVC3: KeyUse = KeyUse { key_type: KeyType::MK_CVC3, usages: &[b"E6", b"32"] };

    pub(super) fn data(key_type: KeyType) -> KeyUse {
        KeyUse { key_type, usages: &[b"D0", b"21", b"22", b"23"] }
    }

    pub(super) fn mac(key_type: KeyType) -> KeyUse {
        KeyUse { key_type, usages: &[b"M0", b"M1", b"M2", b"M3", b"M4", b"M5", b"M6"] }
    }
}

impl Engine {
    /// The clear key; `parity` is the error for bad parity, 10 or 11 by the key's place in the command.
    pub(super) fn key(
        &self,
        lmk: LmkIdentifier,
        usage: KeyUse,
        key: &KeyField<'_>,
        parity: ErrorCode,
    ) -> Result<Arc<ClearKey>, ErrorCode> {
        let clear = self.any_key(lmk, usage.key_type, key, parity)?;
        // Under the variant LMK the key type has said it already: with another one, parity is wrong.
        if lmk != Lmk::VARIANT && !usage.usages.iter().any(|usage| key_block::has_usage(key.reveal(), usage))
        {
            return Err(KeyError::Usage.code(parity));
        }
        Ok(clear)
    }

    /// The clear key, whatever use its key block states.
    fn any_key(
        &self,
        lmk: LmkIdentifier,
        key_type: KeyType,
        key: &KeyField<'_>,
        parity: ErrorCode,
    ) -> Result<Arc<ClearKey>, ErrorCode> {
        let found = match lmk {
            Lmk::VARIANT => {
                let name = [lmk.0, key_type.variant(), key_type.pair()];
                self.keys.find_or(name, key, || self.lmk.decrypt_key(key_type, key))
            }
            _ => self.keys.find_or([lmk.0, 0, 0], key, || self.lmk.decrypt_key_block(key)),
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

    /// `BU`.
    pub(super) fn check_value(&self, lmk: LmkIdentifier, command: &CheckValue<'_>) -> Outcome {
        let key = self.any_key(lmk, command.key_type, &command.key, ErrorCode::SOURCE_KEY_PARITY)?;
        Ok(ReplyBody::CheckValue(Kcv::new(kcv(&key), command.length)))
    }

    /// `A0` mode 0.
    pub(super) fn generate_key(&self, lmk: LmkIdentifier, command: GenerateKey) -> Outcome {
        variant_only(lmk)?;
        let length = scheme_length(command.scheme)?;
        let mut bytes = Zeroizing::new([0; 24]);
        let bytes = &mut bytes[..length.bytes()];
        self.fill(bytes)?;
        set_odd_parity(bytes);
        let key = ClearKey::new(bytes).map_err(|_| ErrorCode::KEY_LENGTH)?;
        let wrapped = self.lmk.encrypt_key(command.key_type, command.scheme, &key);
        reply_key(wrapped, &key)
    }

    /// `A6`.
    pub(super) fn import_key(&self, lmk: LmkIdentifier, command: &ImportKey<'_>) -> Reply<'static> {
        match self.import(lmk, command) {
            Ok((body, true)) => Reply::success(body),
            Ok((body, false)) => Reply { error: ErrorCode::VERIFICATION_FAILED, body },
            Err(error) => Reply::failure(error),
        }
    }

    /// The imported key, and whether its parity was right.
    fn import(
        &self,
        lmk: LmkIdentifier,
        command: &ImportKey<'_>,
    ) -> Result<(ReplyBody<'static>, bool), ErrorCode> {
        variant_only(lmk)?;
        scheme_length(command.scheme)?;
        let zmk = self.key(lmk, KeyUse::ZMK, &command.zmk, ErrorCode::SOURCE_KEY_PARITY)?;
        let received =
            lmk::unwrap(&zmk, &command.key).map_err(|error| error.code(ErrorCode::DESTINATION_KEY_PARITY))?;
        if received.reveal().iter().all(|byte| *byte == 0) {
            return Err(ErrorCode::DESTINATION_KEY_PARITY);
        }
        let key = received.with_odd_parity();
        let wrapped = self.lmk.encrypt_key(command.key_type, command.scheme, &key);
        Ok((reply_key(wrapped, &key)?, received.has_odd_parity()))
    }

    /// `A8`.
    pub(super) fn export_key(&self, lmk: LmkIdentifier, command: &ExportKey<'_>) -> Outcome {
        variant_only(lmk)?;
        let zmk = self.key(lmk, KeyUse::ZMK, &command.zmk, ErrorCode::SOURCE_KEY_PARITY)?;
        let key = self.any_key(lmk, command.key_type, &command.key, ErrorCode::DESTINATION_KEY_PARITY)?;
        reply_key(lmk::wrap(&zmk, command.scheme, &key), &key)
    }
}

fn reply_key(wrapped: Result<KeyField<'static>, KeyError>, key: &ClearKey) -> Outcome {
    let wrapped = wrapped.map_err(|error| error.code(ErrorCode::DESTINATION_KEY_PARITY))?;
    Ok(ReplyBody::Key { key: wrapped, kcv: Kcv::new(kcv(key), KcvLength::Six) })
}

/// Key blocks are unwrapped only; nothing here makes one.
fn variant_only(lmk: LmkIdentifier) -> Result<(), ErrorCode> {
    if lmk == Lmk::VARIANT { Ok(()) } else { Err(ErrorCode::COMMAND_DISABLED) }
}

fn scheme_length(scheme: KeyScheme) -> Result<KeyLength, ErrorCode> {
    match scheme {
        KeyScheme::Z | KeyScheme::U | KeyScheme::T => {
            lmk::key_length(scheme).map_err(|error| error.code(ErrorCode::INTERNAL))
        }
        _ => Err(ErrorCode::KEY_SCHEME),
    }
}
