use super::keys::KeyUse;
use super::{Engine, Refusal};
use crate::cipher::ClearKey;
use crate::emv::{self, DeriveOption};
use crate::mac::mac;
use hsm::{
    Arpc, ArpcMethod, ArqcScheme, ArqcTask, ErrorCode, KeyField, LmkIdentifier, MacAlgorithm, MacPadding,
    PanSequence, ReplyBody, TransactionData, VerifyArqc, VerifyArqcSessionKey, VerifyArqcTree,
    VerifyUnionPayArqc,
};
use std::sync::Arc;
use subtle::ConstantTimeEq;

impl Engine {
    /// `KQ` modes 0 to 2.
    pub(super) fn verify_arqc(
        &self,
        lmk: LmkIdentifier,
        command: &VerifyArqc<'_>,
    ) -> Result<ReplyBody<'static>, Refusal> {
        let master =
            self.card_key(lmk, KeyUse::MK_AC, &command.mk_ac, &command.pan_sequence, DeriveOption::A)?;
        match command.scheme {
            ArqcScheme::Visa | ArqcScheme::Amex => {
                compare(&master, command.task.transaction(), command.arqc)?;
            }
            // Without a cryptogram to verify the session key is not needed either.
            ArqcScheme::Mastercard if command.task.transaction().is_some() => {
                let session = emv::mastercard_session_key(&master, command.atc, command.unpredictable_number);
                compare(&session, command.task.transaction(), command.arqc)?;
            }
            ArqcScheme::Mastercard => {}
        }
        let arc = command.task.arpc();
        reply_arpc(arc.map(|arc| emv::arpc_method_1(&master, command.arqc, arc)).as_ref().map(|a| &a[..]))
    }

    /// `KW` schemes 2 and 3.
    pub(super) fn verify_arqc_session_key(
        &self,
        lmk: LmkIdentifier,
        command: &VerifyArqcSessionKey<'_>,
    ) -> Result<ReplyBody<'static>, Refusal> {
        let master =
            self.card_key(lmk, KeyUse::MK_AC, &command.mk_ac, &command.pan_sequence, command.option)?;
        let session = emv::common_session_key(&master, command.atc);
        verify(&session, command.arqc, &command.task)
    }

    /// `KW` schemes 0 and 1.
    pub(super) fn verify_arqc_tree(
        &self,
        lmk: LmkIdentifier,
        command: &VerifyArqcTree<'_>,
    ) -> Result<ReplyBody<'static>, Refusal> {
        let master =
            self.card_key(lmk, KeyUse::MK_AC, &command.mk_ac, &command.pan_sequence, command.option)?;
        let session = emv::tree_session_key(&master, command.atc, command.shape, &command.iv);
        verify(&session, command.arqc, &command.task)
    }

    /// `JS`.
    pub(super) fn verify_union_pay_arqc(
        &self,
        lmk: LmkIdentifier,
        command: &VerifyUnionPayArqc<'_>,
    ) -> Result<ReplyBody<'static>, Refusal> {
        let sequence = &command.pan_sequence;
        let master = self.card_key(lmk, KeyUse::MK_AC, &command.mk_ac, sequence, DeriveOption::A)?;
        let session = emv::union_pay_session_key(&master, command.atc);
        if let Some(transaction) = command.task.transaction() {
            let padding = if command.padded { MacPadding::None } else { MacPadding::Marked };
            let expected = mac(&session, MacAlgorithm::Three, padding, transaction.as_bytes());
            same(expected.map_err(|_| ErrorCode::LENGTH)?, command.arqc)?;
        }
        let arc = command.task.arpc();
        reply_arpc(arc.map(|arc| emv::arpc_method_1(&session, command.arqc, arc)).as_ref().map(|a| &a[..]))
    }

    /// The card's master key, from the issuer's under the LMK.
    pub(super) fn card_key(
        &self,
        lmk: LmkIdentifier,
        usage: KeyUse,
        issuer: &KeyField<'_>,
        sequence: &PanSequence,
        option: DeriveOption,
    ) -> Result<Arc<ClearKey>, ErrorCode> {
        let issuer = self.long_key(lmk, usage, issuer, ErrorCode::SOURCE_KEY_PARITY)?;
        Ok(self.card_keys.find_or_derive(&issuer, sequence, option))
    }
}

/// A task of `KW`, whose one key is for both cryptograms.
fn verify(
    session: &ClearKey,
    arqc: [u8; 8],
    task: &ArqcTask<'_, ArpcMethod>,
) -> Result<ReplyBody<'static>, Refusal> {
    compare(session, task.transaction(), arqc)?;
    match task.arpc() {
        None => reply_arpc(None),
        Some(ArpcMethod::One { arc }) => reply_arpc(Some(&emv::arpc_method_1(session, arqc, arc))),
        Some(ArpcMethod::Two { csu, proprietary }) => {
            reply_arpc(Some(&emv::arpc_method_2(session, arqc, csu, proprietary.as_bytes())))
        }
    }
}

/// Whether the cryptogram is the one over the transaction, where it is to be verified at all.
fn compare(key: &ClearKey, transaction: Option<TransactionData<'_>>, arqc: [u8; 8]) -> Result<(), Refusal> {
    let Some(transaction) = transaction else { return Ok(()) };
    same(emv::application_cryptogram(key, transaction.as_bytes()), arqc)
}

fn same(expected: [u8; 8], arqc: [u8; 8]) -> Result<(), Refusal> {
    if bool::from(expected.ct_eq(&arqc)) {
        Ok(())
    } else {
        Err(Refusal::Wrong { expected: expected.to_vec() })
    }
}

fn reply_arpc(arpc: Option<&[u8]>) -> Result<ReplyBody<'static>, Refusal> {
    let Some(arpc) = arpc else { return Ok(ReplyBody::Empty) };
    Ok(Arpc::new(arpc).map(ReplyBody::Arpc).ok_or(ErrorCode::INTERNAL)?)
}
