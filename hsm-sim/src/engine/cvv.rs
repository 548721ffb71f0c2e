use super::keys::KeyUse;
use super::{Engine, Outcome, verified};
use crate::cipher::{ClearKey, KeyLength};
use crate::cvv::cvv;
use hsm::{ErrorCode, GenerateCvv, KeyField, LmkIdentifier, ReplyBody, VerifyCvv};
use std::sync::Arc;
use subtle::ConstantTimeEq;

impl Engine {
    /// `CW`.
    pub(super) fn generate_cvv(&self, lmk: LmkIdentifier, command: &GenerateCvv<'_>) -> Outcome {
        let cvk = self.cvk(lmk, &command.cvk, b"NCG")?;
        Ok(ReplyBody::Cvv(cvv(&cvk, &command.pan, &command.expiry, &command.service_code)))
    }

    /// `CY`.
    pub(super) fn verify_cvv(&self, lmk: LmkIdentifier, command: &VerifyCvv<'_>) -> Outcome {
        let cvk = self.cvk(lmk, &command.cvk, b"NCV")?;
        let expected = cvv(&cvk, &command.pan, &command.expiry, &command.service_code);
        verified(expected.reveal().ct_eq(command.cvv.reveal()).into())
    }

    /// A CVK is a pair: one DES key for the first block, both for the second.
    fn cvk(
        &self,
        lmk: LmkIdentifier,
        cvk: &KeyField<'_>,
        modes: &'static [u8],
    ) -> Result<Arc<ClearKey>, ErrorCode> {
        let cvk = self.key(lmk, KeyUse::CVK.for_modes(modes), cvk, ErrorCode::SOURCE_KEY_PARITY)?;
        if cvk.length() == KeyLength::Double { Ok(cvk) } else { Err(ErrorCode::KEY_LENGTH) }
    }
}
