use super::keys::KeyUse;
use super::{Engine, Outcome, verified};
use crate::cvv::cvv;
use hsm::{ErrorCode, GenerateCvv, LmkIdentifier, ReplyBody, VerifyCvv};
use subtle::ConstantTimeEq;

impl Engine {
    /// `CW`.
    pub(super) fn generate_cvv(&self, lmk: LmkIdentifier, command: &GenerateCvv<'_>) -> Outcome {
        let cvk = self.long_key(lmk, KeyUse::CVK, &command.cvk, ErrorCode::SOURCE_KEY_PARITY)?;
        Ok(ReplyBody::Cvv(cvv(&cvk, &command.pan, &command.expiry, &command.service_code)))
    }

    /// `CY`.
    pub(super) fn verify_cvv(&self, lmk: LmkIdentifier, command: &VerifyCvv<'_>) -> Outcome {
        let cvk = self.long_key(lmk, KeyUse::CVK, &command.cvk, ErrorCode::SOURCE_KEY_PARITY)?;
        let expected = cvv(&cvk, &command.pan, &command.expiry, &command.service_code);
        verified(expected.reveal().ct_eq(command.cvv.reveal()).into())
    }
}
