use super::key_exchange::{tdes, varied};
use super::keys::KeyUse;
use super::{Engine, Outcome};
use crate::cipher::{ClearKey, KeyLength, set_odd_parity};
use crate::kcv::kcv;
use crate::lmk::{self, KeyError, LmkKind};
use crate::weak_key::is_weak;
use hsm::{
    ErrorCode, Kcv, KcvLength, KeyField, KeyForms, KeyScheme, KeyTranslation, KeyType, LmkIdentifier,
    MadeKey, MakeKey, Reply, ReplyBody, TranslateKey,
};
use zeroize::Zeroizing;

impl Engine {
    /// `FA`, `GC`, `FC`, `FE`, `FK`, `FM`, `MI`, `MG`, `AW`, `AU`, `DW`, `DY`.
    pub(super) fn translate_key(&self, lmk: LmkIdentifier, command: &TranslateKey<'_>) -> Reply<'static> {
        match self.translated(lmk, command) {
            Ok((body, true)) => Reply::success(body),
            Ok((body, false)) => Reply { error: ErrorCode::VERIFICATION_FAILED, body },
            Err(error) => Reply::failure(error),
        }
    }

    /// The key in its new place, and whether its parity was right.
    fn translated(
        &self,
        lmk: LmkIdentifier,
        command: &TranslateKey<'_>,
    ) -> Result<(ReplyBody<'static>, bool), ErrorCode> {
        let parity = ErrorCode::DESTINATION_KEY_PARITY;
        self.variant_only(lmk)?;
        let (key_type, inward) = direction(command.translation);
        if matches!(command.translation, KeyTranslation::ZpkOut | KeyTranslation::BdkOut) {
            self.require_authorised()?;
        }
        let zmk = self.key(lmk, KeyUse::ZMK, &command.zmk, ErrorCode::SOURCE_KEY_PARITY)?;
        let zmk = varied(&zmk, command.atalla_variant)?;
        let forms = command.forms;
        let (key, received, good) = if inward {
            let received = lmk::unwrap(&zmk, &command.key).map_err(|error| error.code(parity))?;
            if received.reveal().iter().all(|byte| *byte == 0) {
                return Err(parity);
            }
            let key = received.with_odd_parity();
            if is_weak(&key.clone().into()) {
                return Err(ErrorCode::INPUT);
            }
            let scheme = forms.and_then(|forms| forms.inside).unwrap_or(command.key.scheme());
            let under_lmk =
                in_scheme(scheme, &key, |scheme, key| self.lmk.encrypt_key_under(lmk, key_type, scheme, key));
            (under_lmk, key, received.has_odd_parity())
        } else {
            let key = self.any_key(lmk, key_type, &command.key, parity)?;
            let key = ClearKey::clone(tdes(&key)?);
            let scheme = forms.and_then(|forms| forms.outside).unwrap_or(command.key.scheme());
            (in_scheme(scheme, &key, |scheme, key| lmk::wrap(&zmk, scheme, key)), key, true)
        };
        let key = key.map_err(|error| error.code(parity))?;
        let length = forms.map_or(KcvLength::Sixteen, |forms| forms.kcv);
        let of_pair = matches!(command.translation, KeyTranslation::CvkIn | KeyTranslation::CvkOut);
        if of_pair && length == KcvLength::Sixteen && received.length() == KeyLength::Double {
            // The older form shows each key of a CVK pair by itself.
            let kcvs = [0, 8].map(|at| {
                let half =
                    ClearKey::new(&received.reveal()[at..at + 8]).map_err(|_| ErrorCode::KEY_LENGTH)?;
                Ok(Kcv::new(kcv(&half), KcvLength::Six))
            });
            let [left, right] = kcvs;
            return Ok((ReplyBody::CvkPair { key, kcvs: [left?, right?] }, good));
        }
        Ok((ReplyBody::Key { key, kcv: Kcv::new(kcv(&received), length) }, good))
    }

    /// `HC`, `HA`, `IA`, `FI`.
    pub(super) fn make_key(&self, lmk: LmkIdentifier, command: &MakeKey<'_>) -> Outcome {
        let parity = ErrorCode::DESTINATION_KEY_PARITY;
        self.variant_only(lmk)?;
        let (key_type, usage) = match command.made {
            MadeKey::Tmk => (KeyType::TMK, KeyUse::TMK),
            MadeKey::Tak => (KeyType::TAK, KeyUse::TMK),
            MadeKey::Zpk => (KeyType::ZPK, KeyUse::ZMK),
            MadeKey::Zek { zak: false } => (KeyType::ZEK, KeyUse::ZMK),
            MadeKey::Zek { zak: true } => (KeyType::ZAK, KeyUse::ZMK),
        };
        let transport = self.key(lmk, usage, &command.transport, ErrorCode::SOURCE_KEY_PARITY)?;
        let transport = varied(&transport, command.atalla_variant)?;
        let schemes = command.forms.map(|forms| (forms.outside, forms.inside));
        let (outside, inside) = match schemes.unwrap_or_default() {
            (Some(outside), Some(inside)) => (outside, inside),
            // A scheme for one place only is that of both, and without any the key has single length.
            (one, other) => {
                let scheme = one.or(other).unwrap_or(KeyScheme::Z);
                (scheme, scheme)
            }
        };
        let length = lmk::key_length(inside).map_err(|error| error.code(parity))?;
        let mut bytes = Zeroizing::new([0; 24]);
        let bytes = &mut bytes[..length.bytes()];
        let mut key = None;
        for _ in 0..8 {
            self.fill(bytes)?;
            set_odd_parity(bytes);
            let made = ClearKey::new(bytes).map_err(|_| ErrorCode::KEY_LENGTH)?;
            if !is_weak(&made.clone().into()) {
                key = Some(made);
                break;
            }
        }
        let key = key.ok_or(ErrorCode::INTERNAL)?;
        let exported = lmk::wrap(&transport, outside, &key).map_err(|error| error.code(parity))?;
        let under_lmk = self.lmk.encrypt_key_under(lmk, key_type, inside, &key);
        let shown = command.forms.map_or(KcvLength::Sixteen, |KeyForms { kcv, .. }| kcv);
        let kcv = (command.made != MadeKey::Tmk).then(|| Kcv::new(kcv(&key), shown));
        let key = under_lmk.map_err(|error| error.code(parity))?;
        Ok(ReplyBody::MadeKey { exported, key, kcv })
    }

    /// In key blocks there are `A0`, `A6` and `A8` for all this.
    fn variant_only(&self, lmk: LmkIdentifier) -> Result<(), ErrorCode> {
        let variant = self.lmk.kind(lmk) == Some(LmkKind::Variant);
        if variant { Ok(()) } else { Err(ErrorCode::COMMAND_DISABLED) }
    }
}

/// The type of the key, and whether it comes in.
fn direction(translation: KeyTranslation) -> (KeyType, bool) {
    match translation {
        KeyTranslation::ZpkIn => (KeyType::ZPK, true),
        KeyTranslation::ZpkOut => (KeyType::ZPK, false),
        KeyTranslation::TmkIn => (KeyType::TMK, true),
        KeyTranslation::TmkOut => (KeyType::TMK, false),
        KeyTranslation::ZekIn { zak: false } => (KeyType::ZEK, true),
        KeyTranslation::ZekIn { zak: true } => (KeyType::ZAK, true),
        KeyTranslation::ZekOut { zak: false } => (KeyType::ZEK, false),
        KeyTranslation::ZekOut { zak: true } => (KeyType::ZAK, false),
        KeyTranslation::TakIn => (KeyType::TAK, true),
        KeyTranslation::TakOut => (KeyType::TAK, false),
        KeyTranslation::CvkIn => (KeyType::CVK, true),
        KeyTranslation::CvkOut => (KeyType::CVK, false),
        KeyTranslation::BdkIn => (KeyType::BDK, true),
        KeyTranslation::BdkOut => (KeyType::BDK, false),
    }
}

/// Wraps a key. A pair without a letter is wrapped as X, which has the same digits behind it.
fn in_scheme(
    scheme: KeyScheme,
    key: &ClearKey,
    wrap: impl Fn(KeyScheme, &ClearKey) -> Result<KeyField<'static>, KeyError>,
) -> Result<KeyField<'static>, KeyError> {
    if scheme != KeyScheme::Z || key.length() != KeyLength::Double {
        return wrap(scheme, key);
    }
    let wrapped = wrap(KeyScheme::X, key)?;
    KeyField::from_text(wrapped.reveal()).map_err(|_| KeyError::Length)
}
