use super::keys::KeyUse;
use super::pin_key::PinKey;
use super::{Engine, Outcome, verified};
use crate::pin::Pin;
use crate::{ibm3624, pvv};
use hsm::{
    Account, DecimalisationTable, DukptDestination, ErrorCode, KeyField, LmkIdentifier, PinBlockFormat,
    PinOffset, Pvv, ReplyBody, TranslatePin, ValidationData, VerifyIbm, VerifyPvv,
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

impl Engine {
    /// `CA`, `CC`.
    pub(super) fn translate_pin(&self, lmk: LmkIdentifier, command: &TranslatePin<'_>) -> Outcome {
        let source = self.pin_key(lmk, command.source, &command.source_key)?;
        let destination =
            self.destination_key(lmk, &command.destination_key, command.destination_bdk.as_ref())?;
        let pin = source.open(&command.pin_block, command.source_format, &command.account)?;
        check_longest(&pin, command.max_pin_length)?;
        self.translated_pin(&destination, command.destination_format, &pin, &command.account)
    }

    /// A ZPK, or the PIN key of one transaction under a BDK.
    pub(super) fn destination_key(
        &self,
        lmk: LmkIdentifier,
        key: &KeyField<'_>,
        bdk: Option<&DukptDestination>,
    ) -> Result<PinKey, ErrorCode> {
        match bdk {
            None => self.destination_zpk(lmk, key, ErrorCode::DESTINATION_KEY_PARITY),
            Some(DukptDestination { bdk_type, ksn }) => {
                self.dukpt_pin_key(lmk, *bdk_type, key, ksn, ErrorCode::DESTINATION_KEY_PARITY)
            }
        }
    }

    /// The reply to every translation.
    pub(super) fn translated_pin(
        &self,
        destination: &PinKey,
        format: PinBlockFormat,
        pin: &Pin,
        account: &Account,
    ) -> Outcome {
        let pin_block = destination.seal(format, pin, account, self.pin_filling()?)?;
        Ok(ReplyBody::TranslatedPin { pin_length: pin.reveal().len() as u8, pin_block, format })
    }

    /// Randomness for a PIN block.
    pub(super) fn pin_filling(&self) -> Result<[u8; 8], ErrorCode> {
        let mut filling = [0; 8];
        self.fill(&mut filling)?;
        Ok(filling)
    }

    /// `DC`, `EC`.
    pub(super) fn verify_pvv(&self, lmk: LmkIdentifier, command: &VerifyPvv<'_>) -> Outcome {
        let pin_key = self.pin_key(lmk, command.source, &command.pin_key)?;
        let pin = || pin_key.open(&command.pin_block, command.format, &command.account);
        let account = command.verification_account.as_ref().unwrap_or(&command.account);
        let expected = self.pvv_of(lmk, &command.pvk, account, command.pvki, pin)?;
        verified(expected.reveal().ct_eq(command.pvv.reveal()).into())
    }

    /// `DA`, `EA`.
    pub(super) fn verify_ibm(&self, lmk: LmkIdentifier, command: &VerifyIbm<'_>) -> Outcome {
        let pin_key = self.pin_key(lmk, command.source, &command.pin_key)?;
        let natural = self.natural_pin(
            lmk,
            &command.pvk,
            &command.decimalisation_table,
            &command.validation_data,
            &command.account,
        )?;
        let pin = pin_key.open(&command.pin_block, command.format, &command.account)?;
        check_longest(&pin, command.max_pin_length)?;
        verified(ibm3624::verify(&natural, &command.offset, command.check_length, &pin))
    }

    /// The PVV of a PIN, which is opened only once the PVK is known to be good.
    pub(super) fn pvv_of(
        &self,
        lmk: LmkIdentifier,
        pvk: &KeyField<'_>,
        account: &Account,
        pvki: u8,
        pin: impl FnOnce() -> Result<Pin, ErrorCode>,
    ) -> Result<Pvv, ErrorCode> {
        let pvk = self.long_key(lmk, KeyUse::PVK_VISA, pvk, ErrorCode::DESTINATION_KEY_PARITY)?;
        Ok(pvv::pvv(&pvk, account, pvki, &pin()?))
    }

    /// The natural PIN of an account by IBM 3624.
    pub(super) fn natural_pin(
        &self,
        lmk: LmkIdentifier,
        pvk: &KeyField<'_>,
        table: &DecimalisationTable,
        validation: &ValidationData,
        account: &Account,
    ) -> Result<Zeroizing<[u8; 16]>, ErrorCode> {
        let pvk = self.key(lmk, KeyUse::PVK_IBM, pvk, ErrorCode::DESTINATION_KEY_PARITY)?;
        let table = self.table(lmk, table)?;
        Ok(ibm3624::natural_pin(&pvk, &table, ibm3624::validation_block(validation, account)))
    }

    /// A table of digits only is in clear; one with letters can only be encrypted. An encrypted one that
    /// happens to have no letter is taken for clear, about one in two thousand.
    fn table(&self, lmk: LmkIdentifier, table: &DecimalisationTable) -> Result<ibm3624::Table, ErrorCode> {
        let digits = table.reveal();
        if digits.iter().all(u8::is_ascii_digit) {
            return Ok(digits.map(|digit| digit - b'0'));
        }
        let mut encrypted = [0; 8];
        hex::decode_to_slice(digits, &mut encrypted).map_err(|_| ErrorCode::DECIMALISATION_TABLE)?;
        let decrypted = self.lmk.decrypt_table(lmk, encrypted).ok_or(ErrorCode::DECIMALISATION_TABLE)?;
        let mut clear = [0; 16];
        for (pair, byte) in clear.chunks_exact_mut(2).zip(decrypted) {
            pair[0] = byte >> 4;
            pair[1] = byte & 0x0F;
        }
        if clear.iter().all(|digit| *digit <= 9) { Ok(clear) } else { Err(ErrorCode::DECIMALISATION_TABLE) }
    }
}

/// The offset for the first `check_length` digits of a PIN.
pub(super) fn offset(natural: &[u8; 16], pin: &Pin, check_length: u8) -> Result<PinOffset, ErrorCode> {
    let whole = ibm3624::offset(natural, pin);
    let digits = whole.reveal().iter().take_while(|digit| digit.is_ascii_digit()).count();
    let checked = usize::from(check_length);
    if checked > digits {
        return Err(ErrorCode::PIN_LENGTH);
    }
    PinOffset::from_digits(&whole.reveal()[..checked]).ok_or(ErrorCode::INTERNAL)
}

fn check_longest(pin: &Pin, max_pin_length: u8) -> Result<(), ErrorCode> {
    if pin.reveal().len() > usize::from(max_pin_length) { Err(ErrorCode::PIN_LENGTH) } else { Ok(()) }
}
