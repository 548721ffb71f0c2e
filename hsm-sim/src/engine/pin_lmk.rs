use super::pin::offset;
use super::{Engine, Outcome, verified};
use crate::pin::{Pin, PinError};
use hsm::{
    Account, ComparePin, DeriveIbmPin, EncryptClearPin, ErrorCode, GeneratePin, LmkIdentifier, LmkPin,
    MovePin, OffsetOfLmkPin, PinFromLmk, PinToLmk, PvvOfLmkPin, ReplyBody,
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

impl Engine {
    /// `JA`.
    pub(super) fn generate_pin(&self, lmk: LmkIdentifier, command: &GeneratePin) -> Outcome {
        let mut digits = Zeroizing::new([0; Pin::MAX_DIGITS]);
        let digits = digits.get_mut(..command.length.into()).ok_or(ErrorCode::PIN_LENGTH)?;
        for digit in digits.iter_mut() {
            *digit = b'0' + self.random_digit()?;
        }
        let pin = Pin::parse(digits).map_err(|_| ErrorCode::PIN_LENGTH)?;
        self.protected(lmk, &pin, &command.account)
    }

    /// `JC`, `JE`.
    pub(super) fn pin_to_lmk(&self, lmk: LmkIdentifier, command: &PinToLmk<'_>) -> Outcome {
        let key = self.pin_key(lmk, command.source, &command.pin_key)?;
        let pin = key.open(&command.pin_block, command.format, &command.account)?;
        self.protected(lmk, &pin, &command.account)
    }

    /// `JG`.
    pub(super) fn pin_from_lmk(&self, lmk: LmkIdentifier, command: &PinFromLmk<'_>) -> Outcome {
        // The key stands first in the command, so its parity error is 10 here.
        let key = self.destination_zpk(lmk, &command.zpk, ErrorCode::SOURCE_KEY_PARITY)?;
        let pin = self.open_lmk_pin(lmk, &command.pin, &command.account)?;
        key.seal(command.format, &pin, &command.account, self.pin_filling()?).map(ReplyBody::PinBlock)
    }

    /// `BA`.
    pub(super) fn encrypt_clear_pin(&self, lmk: LmkIdentifier, command: &EncryptClearPin) -> Outcome {
        if !self.settings.authorised {
            return Err(ErrorCode::NOT_AUTHORISED);
        }
        if command.pin.reveal().len() != usize::from(self.settings.pin_length) + 1 {
            return Err(ErrorCode::PIN_LENGTH);
        }
        let pin = Pin::parse(command.pin.digits()).map_err(|_| ErrorCode::PIN_LENGTH)?;
        self.protected(lmk, &pin, &command.account)
    }

    /// `BC`, `BE`.
    pub(super) fn compare_pin(&self, lmk: LmkIdentifier, command: &ComparePin<'_>) -> Outcome {
        let key = self.pin_key(lmk, command.source, &command.pin_key)?;
        let typed = key.open(&command.pin_block, command.format, &command.account)?;
        let kept = self.open_lmk_pin(lmk, &command.pin, &command.account)?;
        verified(typed.ct_eq(&kept).into())
    }

    /// `DE`.
    pub(super) fn offset_of_lmk_pin(&self, lmk: LmkIdentifier, command: &OffsetOfLmkPin<'_>) -> Outcome {
        let natural = self.natural_pin(
            lmk,
            &command.pvk,
            &command.decimalisation_table,
            &command.validation_data,
            &command.account,
        )?;
        let pin = self.open_lmk_pin(lmk, &command.pin, &command.account)?;
        offset(&natural, &pin, command.check_length).map(ReplyBody::PinOffset)
    }

    /// `DG`.
    pub(super) fn pvv_of_lmk_pin(&self, lmk: LmkIdentifier, command: &PvvOfLmkPin<'_>) -> Outcome {
        let pin = || self.open_lmk_pin(lmk, &command.pin, &command.account);
        self.pvv_of(lmk, &command.pvk, &command.account, command.pvki, pin).map(ReplyBody::Pvv)
    }

    /// `EE`.
    pub(super) fn derive_ibm_pin(&self, lmk: LmkIdentifier, command: &DeriveIbmPin<'_>) -> Outcome {
        let natural = self.natural_pin(
            lmk,
            &command.pvk,
            &command.decimalisation_table,
            &command.validation_data,
            &command.account,
        )?;
        let offset = &command.offset.reveal()[..command.check_length.into()];
        if !offset.iter().all(u8::is_ascii_digit) {
            return Err(ErrorCode::INPUT);
        }
        let mut digits = Zeroizing::new([0; Pin::MAX_DIGITS]);
        for ((slot, natural), offset) in digits.iter_mut().zip(natural.iter()).zip(offset) {
            *slot = b'0' + (natural - b'0' + (offset - b'0')) % 10;
        }
        let pin = Pin::parse(&digits[..offset.len()]).map_err(|_| ErrorCode::PIN_LENGTH)?;
        self.protected(lmk, &pin, &command.account)
    }

    /// `QK`.
    pub(super) fn move_pin(&self, lmk: LmkIdentifier, command: &MovePin) -> Outcome {
        let pin = self.open_lmk_pin(lmk, &command.pin, &command.old_account)?;
        self.protected(lmk, &pin, &command.new_account)
    }

    /// The reply that holds a PIN under the LMK. A PIN longer than the unit is set to is refused.
    fn protected(&self, lmk: LmkIdentifier, pin: &Pin, account: &Account) -> Outcome {
        let pin_lmk = self.lmk.pin_lmk(lmk).ok_or(ErrorCode::LMK_IDENTIFIER)?;
        match pin_lmk.protect(pin, account, self.settings.pin_length, self.pin_filling()?) {
            Ok(pin) => Ok(ReplyBody::LmkPin(pin)),
            Err(PinError::Length | PinError::Block) => Err(ErrorCode::PIN_LENGTH),
        }
    }

    fn open_lmk_pin(&self, lmk: LmkIdentifier, pin: &LmkPin, account: &Account) -> Result<Pin, ErrorCode> {
        let pin_lmk = self.lmk.pin_lmk(lmk).ok_or(ErrorCode::LMK_IDENTIFIER)?;
        pin_lmk.open(pin, account, self.settings.pin_length).ok_or(ErrorCode::LMK_PIN)
    }

    /// 0 to 9, each as likely as the others.
    fn random_digit(&self) -> Result<u8, ErrorCode> {
        loop {
            let mut byte = [0];
            self.fill(&mut byte)?;
            // 250 is the largest multiple of ten in a byte.
            if byte[0] < 250 {
                return Ok(byte[0] % 10);
            }
        }
    }
}
