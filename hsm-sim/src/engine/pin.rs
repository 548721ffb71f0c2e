use super::keys::KeyUse;
use super::{Engine, Outcome, verified};
use crate::cipher::ClearKey;
use crate::pin::{Pin, PinError};
use crate::{ibm3624, pin, pvv};
use card::PinBlock;
use hsm::{
    Account, DecimalisationTable, ErrorCode, KeyField, LmkIdentifier, PinBlockFormat, PinKeyType, ReplyBody,
    TranslatePin, VerifyIbm, VerifyPvv,
};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

impl Engine {
    /// `CA`, `CC`.
    pub(super) fn translate_pin(&self, lmk: LmkIdentifier, command: &TranslatePin<'_>) -> Outcome {
        let source = self.pin_key(lmk, command.source, &command.source_key)?;
        let destination =
            self.key(lmk, KeyUse::ZPK, &command.destination_key, ErrorCode::DESTINATION_KEY_PARITY)?;
        let pin = open(&source, &command.pin_block, command.source_format, &command.account)?;
        check_longest(&pin, command.max_pin_length)?;
        let mut filling = [0; 8];
        self.fill(&mut filling)?;
        let mut clear = pin::build(command.destination_format, &pin, &command.account, filling);
        let pin_block = PinBlock::new(destination.encrypt(clear));
        clear.zeroize();
        Ok(ReplyBody::TranslatedPin {
            pin_length: pin.reveal().len() as u8,
            pin_block,
            format: command.destination_format,
        })
    }

    /// `DC`, `EC`.
    pub(super) fn verify_pvv(&self, lmk: LmkIdentifier, command: &VerifyPvv<'_>) -> Outcome {
        let pin_key = self.pin_key(lmk, command.source, &command.pin_key)?;
        let pvk = self.long_key(lmk, KeyUse::PVK_VISA, &command.pvk, ErrorCode::DESTINATION_KEY_PARITY)?;
        let pin = open(&pin_key, &command.pin_block, command.format, &command.account)?;
        let expected = pvv::pvv(&pvk, &command.account, command.pvki, &pin);
        verified(expected.reveal().ct_eq(command.pvv.reveal()).into())
    }

    /// `DA`, `EA`.
    pub(super) fn verify_ibm(&self, lmk: LmkIdentifier, command: &VerifyIbm<'_>) -> Outcome {
        let pin_key = self.pin_key(lmk, command.source, &command.pin_key)?;
        let pvk = self.key(lmk, KeyUse::PVK_IBM, &command.pvk, ErrorCode::DESTINATION_KEY_PARITY)?;
        let table = self.table(&command.decimalisation_table)?;
        let pin = open(&pin_key, &command.pin_block, command.format, &command.account)?;
        check_longest(&pin, command.max_pin_length)?;
        let validation = ibm3624::validation_block(&command.validation_data, &command.account);
        let natural = ibm3624::natural_pin(&pvk, &table, validation);
        verified(ibm3624::verify(&natural, &command.offset, command.check_length, &pin))
    }

    fn pin_key(
        &self,
        lmk: LmkIdentifier,
        kind: PinKeyType,
        key: &KeyField<'_>,
    ) -> Result<Arc<ClearKey>, ErrorCode> {
        let usage = match kind {
            PinKeyType::Tpk => KeyUse::TPK,
            PinKeyType::Zpk => KeyUse::ZPK,
        };
        self.key(lmk, usage, key, ErrorCode::SOURCE_KEY_PARITY)
    }

    /// A table of digits only is in clear; one with letters can only be encrypted. An encrypted one that
    /// happens to have no letter is taken for clear, about one in two thousand.
    fn table(&self, table: &DecimalisationTable) -> Result<ibm3624::Table, ErrorCode> {
        let digits = table.reveal();
        if digits.iter().all(u8::is_ascii_digit) {
            return Ok(digits.map(|digit| digit - b'0'));
        }
        let mut encrypted = [0; 8];
        hex::decode_to_slice(digits, &mut encrypted).map_err(|_| ErrorCode::DECIMALISATION_TABLE)?;
        let mut clear = [0; 16];
        for (pair, byte) in clear.chunks_exact_mut(2).zip(self.lmk.decrypt_table(encrypted)) {
            pair[0] = byte >> 4;
            pair[1] = byte & 0x0F;
        }
        if clear.iter().all(|digit| *digit <= 9) { Ok(clear) } else { Err(ErrorCode::DECIMALISATION_TABLE) }
    }
}

fn open(
    key: &ClearKey,
    block: &PinBlock,
    format: PinBlockFormat,
    account: &Account,
) -> Result<Pin, ErrorCode> {
    let mut clear = key.decrypt(*block.reveal());
    let pin = pin::extract(format, clear, account);
    clear.zeroize();
    pin.map_err(|error| match error {
        PinError::Block => ErrorCode::PIN_BLOCK,
        PinError::Length => ErrorCode::PIN_LENGTH,
    })
}

fn check_longest(pin: &Pin, max_pin_length: u8) -> Result<(), ErrorCode> {
    if pin.reveal().len() > usize::from(max_pin_length) { Err(ErrorCode::PIN_LENGTH) } else { Ok(()) }
}
