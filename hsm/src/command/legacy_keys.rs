//! The older commands that make, import and export keys, each for one type of key; `A0`, `A6` and `A8` have
//! superseded them.

use super::block_options::write_scheme;
use super::keys::{AtallaVariant, read_atalla, write_atalla};
use crate::reader::Reader;
use crate::{ErrorCode, KcvLength, KeyField, KeyScheme, writer};

/// Which type of key goes which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyTranslation {
    /// `FA`: ZPK, from the ZMK to the LMK.
    ZpkIn,
    /// `GC`: ZPK, from the LMK to the ZMK.
    ZpkOut,
    /// `FC`: TMK, TPK or PVK, from the ZMK to the LMK.
    TmkIn,
    /// `FE`: TMK, TPK or PVK, from the LMK to the ZMK.
    TmkOut,
    /// `FK`: ZEK, or ZAK when told so, from the ZMK to the LMK.
    ZekIn {
        /// Whether it is a ZAK.
        zak: bool,
    },
    /// `FM`: ZEK, or ZAK when told so, from the LMK to the ZMK.
    ZekOut {
        /// Whether it is a ZAK.
        zak: bool,
    },
    /// `MI`: TAK, from the ZMK to the LMK.
    TakIn,
    /// `MG`: TAK, from the LMK to the ZMK.
    TakOut,
    /// `AW`: CVK pair, from the ZMK to the LMK.
    CvkIn,
    /// `AU`: CVK pair, from the LMK to the ZMK.
    CvkOut,
    /// `DW`: BDK, from the ZMK to the LMK.
    BdkIn,
    /// `DY`: BDK, from the LMK to the ZMK.
    BdkOut,
}

/// Which type of key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MadeKey {
    /// `HC`: TMK, TPK or PVK, under a TMK. The reply has no check value.
    Tmk,
    /// `HA`: TAK, under a TMK.
    Tak,
    /// `IA`: ZPK, under a ZMK.
    Zpk,
    /// `FI`: ZEK, or ZAK when told so, under a ZMK.
    Zek {
        /// Whether it is a ZAK.
        zak: bool,
    },
}

/// `FA`, `GC`, `FC`, `FE`, `FK`, `FM`, `MI`, `MG`, `AW`, `AU`, `DW`, `DY`: [`FK` and `FM`: flag 1N], ZMK, key,
/// [Atalla variant], [`;` schemes and the check value's form]. The reply holds the key and its check value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslateKey<'a> {
    /// Which type of key goes which way.
    pub translation: KeyTranslation,
    /// The ZMK, under the LMK.
    pub zmk: KeyField<'a>,
    /// The key, under the ZMK or the LMK.
    pub key: KeyField<'a>,
    /// Atalla variant.
    pub atalla_variant: Option<AtallaVariant>,
    /// Schemes and check value, when the command says them.
    pub forms: Option<KeyForms>,
}

/// `HC`, `HA`, `IA`, `FI`: [`FI`: flag 1N], TMK or ZMK, [Atalla variant], [`;` schemes and the check value's
/// form]. The reply holds the key under the TMK or ZMK, the same under the LMK, and but for `HC` its check
/// value. That `HA` has one is what two sources say and a third does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MakeKey<'a> {
    /// Which type of key.
    pub made: MadeKey,
    /// The TMK or ZMK, under the LMK.
    pub transport: KeyField<'a>,
    /// Atalla variant.
    pub atalla_variant: Option<AtallaVariant>,
    /// Schemes and check value, when the command says them.
    pub forms: Option<KeyForms>,
}

/// `;`, scheme under the ZMK 1A, scheme under the LMK 1A, and `0` for a check value of 16 digits or `1` for
/// one of six. A scheme may be `0`: that of the key as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyForms {
    /// Under the ZMK or TMK.
    pub outside: Option<KeyScheme>,
    /// Under the LMK.
    pub inside: Option<KeyScheme>,
    /// The check value.
    pub kcv: KcvLength,
}

impl KeyTranslation {
    /// The two characters that name the command.
    pub(super) fn code(self) -> &'static [u8; 2] {
        match self {
            KeyTranslation::ZpkIn => b"FA",
            KeyTranslation::ZpkOut => b"GC",
            KeyTranslation::TmkIn => b"FC",
            KeyTranslation::TmkOut => b"FE",
            KeyTranslation::ZekIn { .. } => b"FK",
            KeyTranslation::ZekOut { .. } => b"FM",
            KeyTranslation::TakIn => b"MI",
            KeyTranslation::TakOut => b"MG",
            KeyTranslation::CvkIn => b"AW",
            KeyTranslation::CvkOut => b"AU",
            KeyTranslation::BdkIn => b"DW",
            KeyTranslation::BdkOut => b"DY",
        }
    }

    /// Digits of a key without a letter.
    fn plain_digits(self) -> usize {
        match self {
            KeyTranslation::CvkIn
            | KeyTranslation::CvkOut
            | KeyTranslation::BdkIn
            | KeyTranslation::BdkOut => 32,
            _ => 16,
        }
    }
}

impl MadeKey {
    /// The two characters that name the command.
    pub(super) fn code(self) -> &'static [u8; 2] {
        match self {
            MadeKey::Tmk => b"HC",
            MadeKey::Tak => b"HA",
            MadeKey::Zpk => b"IA",
            MadeKey::Zek { .. } => b"FI",
        }
    }
}

impl<'a> TranslateKey<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        if let KeyTranslation::ZekIn { zak } | KeyTranslation::ZekOut { zak } = self.translation {
            out.push(if zak { b'1' } else { b'0' });
        }
        writer::key(out, &self.zmk);
        writer::key(out, &self.key);
        write_atalla(out, self.atalla_variant);
        KeyForms::encode(self.forms, out);
    }

    pub(super) fn parse(
        translation: KeyTranslation,
        reader: &mut Reader<'a>,
    ) -> Result<TranslateKey<'a>, ErrorCode> {
        let translation = match translation {
            KeyTranslation::ZekIn { .. } => KeyTranslation::ZekIn { zak: is_zak(reader)? },
            KeyTranslation::ZekOut { .. } => KeyTranslation::ZekOut { zak: is_zak(reader)? },
            other => other,
        };
        Ok(TranslateKey {
            translation,
            zmk: reader.key(16)?,
            key: reader.key(translation.plain_digits())?,
            atalla_variant: read_atalla(reader)?,
            forms: KeyForms::parse(reader)?,
        })
    }
}

impl<'a> MakeKey<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        if let MadeKey::Zek { zak } = self.made {
            out.push(if zak { b'1' } else { b'0' });
        }
        writer::key(out, &self.transport);
        write_atalla(out, self.atalla_variant);
        KeyForms::encode(self.forms, out);
    }

    pub(super) fn parse(made: MadeKey, reader: &mut Reader<'a>) -> Result<MakeKey<'a>, ErrorCode> {
        let made = match made {
            MadeKey::Zek { .. } => MadeKey::Zek { zak: is_zak(reader)? },
            other => other,
        };
        Ok(MakeKey {
            made,
            transport: reader.key(16)?,
            atalla_variant: read_atalla(reader)?,
            forms: KeyForms::parse(reader)?,
        })
    }
}

impl KeyForms {
    fn encode(forms: Option<KeyForms>, out: &mut Vec<u8>) {
        let Some(forms) = forms else { return };
        out.push(b';');
        for scheme in [forms.outside, forms.inside] {
            match scheme {
                Some(scheme) => write_scheme(out, scheme),
                None => out.push(b'0'),
            }
        }
        out.push(if forms.kcv == KcvLength::Six { b'1' } else { b'0' });
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Option<KeyForms>, ErrorCode> {
        if !reader.accept(b';') {
            return Ok(None);
        }
        let mut scheme = || if reader.accept(b'0') { Ok(None) } else { reader.key_scheme().map(Some) };
        let (outside, inside) = (scheme()?, scheme()?);
        let kcv = match &reader.array()? {
            b"0" => KcvLength::Sixteen,
            b"1" => KcvLength::Six,
            _ => return Err(ErrorCode::INPUT),
        };
        Ok(Some(KeyForms { outside, inside, kcv }))
    }
}

fn is_zak(reader: &mut Reader<'_>) -> Result<bool, ErrorCode> {
    match &reader.array()? {
        b"0" => Ok(false),
        b"1" => Ok(true),
        _ => Err(ErrorCode::INPUT),
    }
}
