use super::{Engine, Outcome, verified};
use crate::{dukpt, ibm3624, mac};
use hsm::{
    BdkType, DukptMac, ErrorCode, KsnNumber, LmkIdentifier, Mac, MacAlgorithm, MacPadding, PinBlockFormat,
    ReplyBody, TranslateDukptPin, TranslateDukptPinToZpk, VerifyDukptIbm, VerifyDukptPvv,
};
use subtle::ConstantTimeEq;

impl Engine {
    /// `G0`.
    pub(super) fn translate_dukpt_pin(&self, lmk: LmkIdentifier, command: &TranslateDukptPin<'_>) -> Outcome {
        let source = self.dukpt_pin_key(
            lmk,
            command.source_type,
            &command.source_key,
            &command.source_ksn,
            ErrorCode::SOURCE_KEY_PARITY,
        )?;
        let destination =
            self.destination_key(lmk, &command.destination_key, command.destination_bdk.as_ref())?;
        let pin = source.open(&command.pin_block, command.source_format, &command.account)?;
        let account = command.destination_account.as_ref().unwrap_or(&command.account);
        self.translated_pin(&destination, command.destination_format, &pin, account)
    }

    /// `CI`.
    pub(super) fn translate_dukpt_pin_to_zpk(
        &self,
        lmk: LmkIdentifier,
        command: &TranslateDukptPinToZpk<'_>,
    ) -> Outcome {
        let parity = ErrorCode::SOURCE_KEY_PARITY;
        let source = self.dukpt_pin_key(lmk, BdkType::One, &command.bdk, &command.ksn, parity)?;
        let destination = self.destination_zpk(lmk, &command.zpk, ErrorCode::DESTINATION_KEY_PARITY)?;
        let pin = source.open(&command.pin_block, PinBlockFormat::Iso0, &command.account)?;
        self.translated_pin(&destination, command.destination_format, &pin, &command.account)
    }

    /// `GO`, `CK`.
    pub(super) fn verify_dukpt_ibm(&self, lmk: LmkIdentifier, command: &VerifyDukptIbm<'_>) -> Outcome {
        let parity = ErrorCode::SOURCE_KEY_PARITY;
        let pin_key = self.dukpt_pin_key(lmk, BdkType::One, &command.bdk, &command.ksn, parity)?;
        let natural = self.natural_pin(
            lmk,
            &command.pvk,
            &command.decimalisation_table,
            &command.validation_data,
            &command.account,
        )?;
        let pin = pin_key.open(&command.pin_block, command.format, &command.account)?;
        verified(ibm3624::verify(&natural, &command.offset, command.check_length, &pin))
    }

    /// `GQ`, `CM`.
    pub(super) fn verify_dukpt_pvv(&self, lmk: LmkIdentifier, command: &VerifyDukptPvv<'_>) -> Outcome {
        let parity = ErrorCode::SOURCE_KEY_PARITY;
        let pin_key = self.dukpt_pin_key(lmk, BdkType::One, &command.bdk, &command.ksn, parity)?;
        let pin = || pin_key.open(&command.pin_block, command.format, &command.account);
        let account = command.verification_account.as_ref().unwrap_or(&command.account);
        let expected = self.pvv_of(lmk, &command.pvk, account, command.pvki, pin)?;
        verified(expected.reveal().ct_eq(command.pvv.reveal()).into())
    }

    /// `GW`.
    pub(super) fn dukpt_mac(&self, lmk: LmkIdentifier, command: &DukptMac<'_>) -> Outcome {
        // How a MAC is made under AES DUKPT is not known of this command.
        let KsnNumber::Tdes(ksn) = command.ksn.number else { return Err(ErrorCode::COMMAND_DISABLED) };
        let bdk = self.bdk(lmk, BdkType::One, &command.bdk, ErrorCode::SOURCE_KEY_PARITY)?;
        let key = dukpt::mac_key(&bdk, ksn);
        let made = mac::mac(&key, MacAlgorithm::Three, MacPadding::Zeros, command.message)
            .map_err(|_| ErrorCode::LENGTH)?;
        match &command.mac {
            Some(received) => verified(made.ct_eq(received.as_bytes()).into()),
            None => Mac::new(&made).map(ReplyBody::Mac).ok_or(ErrorCode::INTERNAL),
        }
    }
}
