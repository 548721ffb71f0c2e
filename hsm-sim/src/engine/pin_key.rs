use super::Engine;
use super::keys::KeyUse;
use crate::aes_key::AesKey;
use crate::cipher::{ClearKey, KeyLength};
use crate::dukpt;
use crate::lmk::LmkKind;
use crate::pin::{self, Pin, PinError};
use card::{AesPinBlock, PinBlock};
use hsm::{
    Account, BdkType, ErrorCode, KeyField, KeySerialNumber, KsnNumber, LmkIdentifier, PinBlockField,
    PinBlockFormat, PinKeyCode, PinKeyType,
};
use std::sync::Arc;
use zeroize::Zeroize;

/// A key that PIN blocks are under, in clear.
pub(super) enum PinKey {
    Tdes(Arc<ClearKey>),
    Aes(Arc<AesKey>),
}

impl PinKey {
    /// The PIN of a block.
    pub(super) fn open(
        &self,
        block: &PinBlockField,
        format: PinBlockFormat,
        account: &Account,
    ) -> Result<Pin, ErrorCode> {
        let pin = match (self, block) {
            (PinKey::Tdes(key), PinBlockField::Tdes(block)) if format != PinBlockFormat::Iso4 => {
                let mut clear = key.decrypt(*block.reveal());
                let pin = pin::extract(format, clear, account);
                clear.zeroize();
                pin
            }
            (PinKey::Aes(key), PinBlockField::Aes(block)) if format == PinBlockFormat::Iso4 => {
                let pan = account.pan().ok_or(ErrorCode::ACCOUNT)?;
                pin::decrypt_iso4(key, *block.reveal(), &pan)
            }
            _ => return Err(ErrorCode::PIN_BLOCK_FORMAT),
        };
        pin.map_err(|error| match error {
            PinError::Block => ErrorCode::PIN_BLOCK,
            PinError::Length => ErrorCode::PIN_LENGTH,
        })
    }

    /// A block of this format; `filling` is random.
    pub(super) fn seal(
        &self,
        format: PinBlockFormat,
        pin: &Pin,
        account: &Account,
        filling: [u8; 8],
    ) -> Result<PinBlockField, ErrorCode> {
        match self {
            PinKey::Tdes(key) if format != PinBlockFormat::Iso4 => {
                let mut clear = pin::build(format, pin, account, filling);
                let block = PinBlock::new(key.encrypt(clear));
                clear.zeroize();
                Ok(block.into())
            }
            PinKey::Aes(key) if format == PinBlockFormat::Iso4 => {
                let pan = account.pan().ok_or(ErrorCode::ACCOUNT)?;
                Ok(AesPinBlock::new(pin::encrypt_iso4(key, pin, &pan, filling)).into())
            }
            _ => Err(ErrorCode::PIN_BLOCK_FORMAT),
        }
    }
}

impl Engine {
    /// A TPK or ZPK.
    pub(super) fn pin_key(
        &self,
        lmk: LmkIdentifier,
        kind: PinKeyType,
        key: &KeyField<'_>,
    ) -> Result<PinKey, ErrorCode> {
        let usage = match kind {
            PinKeyType::Tpk => KeyUse::TPK,
            PinKeyType::Zpk => KeyUse::ZPK,
        };
        self.pin_key_for(lmk, usage.for_modes(DECRYPTS), key, ErrorCode::SOURCE_KEY_PARITY)
    }

    /// A PIN key of the type that a command states.
    pub(super) fn coded_pin_key(
        &self,
        lmk: LmkIdentifier,
        code: PinKeyCode,
        key: &KeyField<'_>,
    ) -> Result<PinKey, ErrorCode> {
        let usage = match code {
            PinKeyCode::Zpk => KeyUse::ZPK,
            PinKeyCode::Tpk => KeyUse::TPK,
            PinKeyCode::TpkPci => KeyUse::TPK_PCI,
            PinKeyCode::KeyBlock if self.lmk.kind(lmk) == Some(LmkKind::Variant) => {
                return Err(ErrorCode::KEY_TYPE);
            }
            PinKeyCode::KeyBlock => KeyUse::PIN_KEY,
        };
        self.pin_key_for(lmk, usage.for_modes(DECRYPTS), key, ErrorCode::SOURCE_KEY_PARITY)
    }

    /// The key to put a PIN under: a ZPK. `parity` says where it stands in the command.
    pub(super) fn destination_zpk(
        &self,
        lmk: LmkIdentifier,
        key: &KeyField<'_>,
        parity: ErrorCode,
    ) -> Result<PinKey, ErrorCode> {
        self.pin_key_for(lmk, KeyUse::ZPK.for_modes(ENCRYPTS), key, parity)
    }

    /// The PIN key of one transaction.
    pub(super) fn dukpt_pin_key(
        &self,
        lmk: LmkIdentifier,
        bdk_type: BdkType,
        bdk: &KeyField<'_>,
        ksn: &KeySerialNumber,
        parity: ErrorCode,
    ) -> Result<PinKey, ErrorCode> {
        match ksn.number {
            KsnNumber::Tdes(number) => {
                let bdk = self.bdk(lmk, bdk_type, bdk, parity)?;
                Ok(PinKey::Tdes(Arc::new(dukpt::pin_key(&bdk, number))))
            }
            KsnNumber::Aes(number) => {
                let bdk = self.aes_key(lmk, bdk_use(bdk_type), bdk, parity)?;
                Ok(PinKey::Aes(Arc::new(dukpt::aes_pin_key(&bdk, number))))
            }
        }
    }

    /// A BDK of TDES, which has double length.
    pub(super) fn bdk(
        &self,
        lmk: LmkIdentifier,
        bdk_type: BdkType,
        bdk: &KeyField<'_>,
        parity: ErrorCode,
    ) -> Result<Arc<ClearKey>, ErrorCode> {
        let key = self.key(lmk, bdk_use(bdk_type), bdk, parity)?;
        if key.length() == KeyLength::Double { Ok(key) } else { Err(ErrorCode::KEY_LENGTH) }
    }

    fn pin_key_for(
        &self,
        lmk: LmkIdentifier,
        usage: KeyUse,
        key: &KeyField<'_>,
        parity: ErrorCode,
    ) -> Result<PinKey, ErrorCode> {
        if key.is_aes() {
            self.aes_key(lmk, usage, key, parity).map(PinKey::Aes)
        } else {
            self.key(lmk, usage, key, parity).map(PinKey::Tdes)
        }
    }
}

/// Modes of use of a key block whose key opens blocks, and of one whose key makes them.
const DECRYPTS: &[u8] = b"NBD";
const ENCRYPTS: &[u8] = b"NBE";

fn bdk_use(bdk_type: BdkType) -> KeyUse {
    match bdk_type {
        BdkType::One => KeyUse::BDK_1,
        BdkType::Two => KeyUse::BDK_2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::Pan;

    #[test]
    fn format_4_goes_with_aes_keys_and_no_other_does() {
        let account = Account::from(&Pan::parse(b"4000001234567899").unwrap());
        let pin = Pin::parse(b"12345").unwrap();
        let aes = PinKey::Aes(Arc::new(AesKey::new(&[0x31; 16]).unwrap()));
        let tdes = PinKey::Tdes(Arc::new(ClearKey::double(&[0x31; 16])));
        let sealed = aes.seal(PinBlockFormat::Iso4, &pin, &account, [3; 8]).unwrap();
        assert_eq!(aes.open(&sealed, PinBlockFormat::Iso4, &account).unwrap().reveal(), b"12345");
        let other = Account::from(&Pan::parse(b"4000001234567890").unwrap());
        assert_eq!(
            aes.open(&sealed, PinBlockFormat::Iso4, &other).unwrap_err(),
            ErrorCode::PIN_BLOCK,
            "the check digit counts"
        );
        let short = Account::parse(b"000123456789").unwrap();
        assert_eq!(aes.open(&sealed, PinBlockFormat::Iso4, &short).unwrap_err(), ErrorCode::ACCOUNT);
        for (key, format) in [(&aes, PinBlockFormat::Iso0), (&tdes, PinBlockFormat::Iso4)] {
            assert_eq!(key.open(&sealed, format, &account).unwrap_err(), ErrorCode::PIN_BLOCK_FORMAT);
            let made = key.seal(format, &pin, &account, [3; 8]);
            assert_eq!(made.unwrap_err(), ErrorCode::PIN_BLOCK_FORMAT);
        }
    }
}
