use super::pin::offset;
use super::{Engine, Outcome};
use crate::ibm3624;
use crate::pin::Pin;
use hsm::{
    ChangeIbmPin, ChangePvvPin, ErrorCode, GenerateIbmOffset, GeneratePvv, IbmParameters, LmkIdentifier,
    PinWithKeys, ReplyBody,
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

impl Engine {
    /// `BK`.
    pub(super) fn generate_ibm_offset(&self, lmk: LmkIdentifier, command: &GenerateIbmOffset<'_>) -> Outcome {
        let key = self.coded_pin_key(lmk, command.pin.key_type, &command.pin.pin_key)?;
        let natural = self.natural_pin_for(lmk, &command.pin, &command.ibm)?;
        let pin = key.open(&command.pin.pin_block, command.pin.format, &command.pin.account)?;
        offset(&natural, &pin, command.ibm.check_length).map(ReplyBody::PinOffset)
    }

    /// `DU`.
    pub(super) fn change_ibm_pin(&self, lmk: LmkIdentifier, command: &ChangeIbmPin<'_>) -> Outcome {
        let PinWithKeys { pin_block, format, account, .. } = &command.pin;
        let key = self.coded_pin_key(lmk, command.pin.key_type, &command.pin.pin_key)?;
        let natural = self.natural_pin_for(lmk, &command.pin, &command.ibm)?;
        let pin = key.open(pin_block, *format, account)?;
        let new = key.open(&command.new_pin_block, *format, account)?;
        if !ibm3624::verify(&natural, &command.offset, command.ibm.check_length, &pin) {
            return Err(ErrorCode::VERIFICATION_FAILED);
        }
        offset(&natural, &new, command.ibm.check_length).map(ReplyBody::PinOffset)
    }

    /// `FW`.
    pub(super) fn generate_pvv(&self, lmk: LmkIdentifier, command: &GeneratePvv<'_>) -> Outcome {
        let PinWithKeys { pin_block, format, account, .. } = &command.pin;
        let key = self.coded_pin_key(lmk, command.pin.key_type, &command.pin.pin_key)?;
        let pin = || key.open(pin_block, *format, account);
        self.pvv_of(lmk, &command.pin.pvk, account, command.pvki, pin).map(ReplyBody::Pvv)
    }

    /// `CU`.
    pub(super) fn change_pvv_pin(&self, lmk: LmkIdentifier, command: &ChangePvvPin<'_>) -> Outcome {
        let PinWithKeys { pvk, pin_block, format, account, .. } = &command.pin;
        let key = self.coded_pin_key(lmk, command.pin.key_type, &command.pin.pin_key)?;
        let pvv_of =
            |pin: &dyn Fn() -> Result<Pin, ErrorCode>| self.pvv_of(lmk, pvk, account, command.pvki, pin);
        let old = pvv_of(&|| key.open(pin_block, *format, account))?;
        let new = pvv_of(&|| key.open(&command.new_pin_block, *format, account))?;
        if bool::from(old.reveal().ct_eq(command.pvv.reveal())) {
            Ok(ReplyBody::Pvv(new))
        } else {
            Err(ErrorCode::VERIFICATION_FAILED)
        }
    }

    fn natural_pin_for(
        &self,
        lmk: LmkIdentifier,
        pin: &PinWithKeys<'_>,
        ibm: &IbmParameters,
    ) -> Result<Zeroizing<[u8; 16]>, ErrorCode> {
        self.natural_pin(lmk, &pin.pvk, &ibm.decimalisation_table, &ibm.validation_data, &pin.account)
    }
}
