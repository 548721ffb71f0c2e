use super::keys::KeyUse;
use super::{Engine, Outcome};
use crate::cipher::ClearKey;
use crate::emv::{self, DeriveOption};
use hsm::{
    Arpc, ArpcMethod, ArqcScheme, ErrorCode, LmkIdentifier, ReplyBody, TransactionData, VerifyArqc,
    VerifyArqcSessionKey,
};
use subtle::ConstantTimeEq;

impl Engine {
    /// `KQ`.
    pub(super) fn verify_arqc(&self, lmk: LmkIdentifier, command: &VerifyArqc<'_>) -> Outcome {
        let imk = self.long_key(lmk, KeyUse::MK_AC, &command.mk_ac, ErrorCode::SOURCE_KEY_PARITY)?;
        let master = emv::master_key(&imk, &command.pan_sequence, DeriveOption::A);
        match command.scheme {
            ArqcScheme::Visa => compare(&master, command.task.transaction(), command.arqc)?,
            ArqcScheme::Mastercard => {
                let session = emv::mastercard_session_key(&master, command.atc, command.unpredictable_number);
                compare(&session, command.task.transaction(), command.arqc)?;
            }
        }
        let arc = command.task.arpc();
        reply_arpc(arc.map(|arc| emv::arpc_method_1(&master, command.arqc, arc)).as_ref().map(|a| &a[..]))
    }

    /// `KW`.
    pub(super) fn verify_arqc_session_key(
        &self,
        lmk: LmkIdentifier,
        command: &VerifyArqcSessionKey<'_>,
    ) -> Outcome {
        let imk = self.long_key(lmk, KeyUse::MK_AC, &command.mk_ac, ErrorCode::SOURCE_KEY_PARITY)?;
        let master = emv::master_key(&imk, &command.pan_sequence, command.option);
        let session = emv::common_session_key(&master, command.atc);
        compare(&session, command.task.transaction(), command.arqc)?;
        match command.task.arpc() {
            None => reply_arpc(None),
            Some(ArpcMethod::One { arc }) => {
                reply_arpc(Some(&emv::arpc_method_1(&session, command.arqc, arc)))
            }
            Some(ArpcMethod::Two { csu, proprietary }) => {
                reply_arpc(Some(&emv::arpc_method_2(&session, command.arqc, csu, proprietary.as_bytes())))
            }
        }
    }
}

/// Whether the cryptogram is the one over the transaction, where it is to be verified at all.
fn compare(key: &ClearKey, transaction: Option<TransactionData<'_>>, arqc: [u8; 8]) -> Result<(), ErrorCode> {
    let Some(transaction) = transaction else { return Ok(()) };
    let expected = emv::application_cryptogram(key, transaction.as_bytes());
    if bool::from(expected.ct_eq(&arqc)) { Ok(()) } else { Err(ErrorCode::VERIFICATION_FAILED) }
}

fn reply_arpc(arpc: Option<&[u8]>) -> Outcome {
    let Some(arpc) = arpc else { return Ok(ReplyBody::Empty) };
    Arpc::new(arpc).map(ReplyBody::Arpc).ok_or(ErrorCode::INTERNAL)
}
