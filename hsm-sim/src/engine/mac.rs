use super::keys::KeyUse;
use super::{Engine, Outcome, verified};
use crate::mac::mac;
use hsm::{ErrorCode, GenerateMac, KeyType, LmkIdentifier, Mac, MacInput, MacMessage, ReplyBody, VerifyMac};
use std::borrow::Cow;
use subtle::ConstantTimeEq;

impl Engine {
    /// `M6`.
    pub(super) fn generate_mac(&self, lmk: LmkIdentifier, command: &GenerateMac<'_>) -> Outcome {
        let made = self.mac(lmk, &command.input)?;
        Mac::new(&made[..command.size.bytes()]).map(ReplyBody::Mac).ok_or(ErrorCode::INTERNAL)
    }

    /// `M8`.
    pub(super) fn verify_mac(&self, lmk: LmkIdentifier, command: &VerifyMac<'_>) -> Outcome {
        let expected = self.mac(lmk, &command.input)?;
        let received = command.mac.as_bytes();
        verified(expected[..received.len()].ct_eq(received).into())
    }

    fn mac(&self, lmk: LmkIdentifier, input: &MacInput<'_>) -> Result<[u8; 8], ErrorCode> {
        if !matches!(input.key_type, KeyType::TAK | KeyType::ZAK) {
            return Err(ErrorCode::KEY_TYPE_CODE);
        }
        let usage = KeyUse::mac(input.key_type);
        let key = self.key(lmk, usage, &input.key, ErrorCode::SOURCE_KEY_PARITY)?;
        let message = message_bytes(input.message)?;
        mac(&key, input.algorithm, input.padding, &message).map_err(|_| ErrorCode::LENGTH)
    }
}

fn message_bytes(message: MacMessage<'_>) -> Result<Cow<'_, [u8]>, ErrorCode> {
    match message {
        MacMessage::Binary(bytes) | MacMessage::Text(bytes) => Ok(Cow::Borrowed(bytes)),
        MacMessage::Hex(digits) => hex::decode(digits).map(Cow::Owned).map_err(|_| ErrorCode::INPUT),
    }
}
