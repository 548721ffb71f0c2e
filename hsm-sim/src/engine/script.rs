use super::keys::KeyUse;
use super::{Engine, Outcome};
use crate::emv::{self, DeriveOption};
use crate::mac::mac;
use hsm::{
    ErrorCode, LmkIdentifier, MacAlgorithm, MacPadding, ReplyBody, ScriptMac, ScriptScheme, UnionPayScriptMac,
};

impl Engine {
    /// `KU`.
    pub(super) fn script_mac(&self, lmk: LmkIdentifier, command: &ScriptMac<'_>) -> Outcome {
        let sequence = &command.pan_sequence;
        let master = self.card_key(lmk, KeyUse::MK_SMI, &command.mk_smi, sequence, DeriveOption::A)?;
        let [.., high, low] = command.session_data;
        let session = match command.scheme {
            ScriptScheme::Visa => emv::visa_messaging_key(&master, [high, low]),
            ScriptScheme::Mastercard | ScriptScheme::Common => {
                emv::common_messaging_key(&master, command.session_data)
            }
        };
        Ok(ReplyBody::ScriptMac(emv::script_mac(&session, command.message.as_bytes())))
    }

    /// `JU`.
    pub(super) fn union_pay_script_mac(
        &self,
        lmk: LmkIdentifier,
        command: &UnionPayScriptMac<'_>,
    ) -> Outcome {
        let sequence = &command.pan_sequence;
        let master = self.card_key(lmk, KeyUse::MK_SMI, &command.mk_smi, sequence, DeriveOption::A)?;
        let session = emv::union_pay_session_key(&master, command.atc);
        let padding = if command.padded { MacPadding::None } else { MacPadding::Marked };
        mac(&session, MacAlgorithm::Three, padding, command.message.as_bytes())
            .map(ReplyBody::ScriptMac)
            .map_err(|_| ErrorCode::LENGTH)
    }
}
