use super::keys::KeyUse;
use super::{Engine, Refusal};
use crate::emv::{self, DeriveOption};
use hsm::{ErrorCode, LmkIdentifier, PanSequence, ReplyBody, VerifyCvc3};
use subtle::ConstantTimeEq;

impl Engine {
    /// `PM`.
    pub(super) fn verify_cvc3(
        &self,
        lmk: LmkIdentifier,
        command: &VerifyCvc3<'_>,
    ) -> Result<ReplyBody<'static>, Refusal> {
        let sequence = match command.option {
            DeriveOption::A => PanSequence::option_a(&command.pan, command.psn),
            DeriveOption::B => PanSequence::option_b(&command.pan, command.psn),
        };
        let master = self.card_key(lmk, KeyUse::MK_CVC3, &command.mk_cvc3, &sequence, command.option)?;
        let mut unpredictable_number = [0; 4];
        hex::decode_to_slice(command.unpredictable_number, &mut unpredictable_number)
            .map_err(|_| ErrorCode::INPUT)?;
        let atc = command.atc.to_be_bytes();
        let value = emv::cvc3(&master, command.track.reveal(), unpredictable_number, atc);
        let expected = format!("{value:05}").into_bytes();
        let received = command.cvc3.reveal();
        let unsent = expected.len().saturating_sub(received.len());
        if bool::from(expected[unsent..].ct_eq(received)) {
            Ok(ReplyBody::Empty)
        } else {
            Err(Refusal::Wrong { expected })
        }
    }
}
