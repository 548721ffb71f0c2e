use super::keys::KeyUse;
use super::{Engine, Outcome, verified};
use crate::lmk::LmkKind;
use crate::mac::{chain_value, mac_from};
use hsm::{
    ErrorCode, GenerateMac, KeyType, LmkIdentifier, Mac, MacAlgorithm, MacInput, MacMessage, MacPart,
    ReplyBody, VerifyMac,
};
use std::borrow::Cow;
use subtle::ConstantTimeEq;

impl Engine {
    /// `M6`.
    pub(super) fn generate_mac(&self, lmk: LmkIdentifier, command: &GenerateMac<'_>) -> Outcome {
        let made = self.mac(lmk, &command.input, b"NCG")?;
        if command.input.part.goes_on() {
            return reply_mac(&made);
        }
        reply_mac(&made[..command.size.bytes()])
    }

    /// `M8`.
    pub(super) fn verify_mac(&self, lmk: LmkIdentifier, command: &VerifyMac<'_>) -> Outcome {
        let expected = self.mac(lmk, &command.input, b"NCV")?;
        match &command.mac {
            None if command.input.part.goes_on() => reply_mac(&expected),
            None => Err(ErrorCode::INPUT),
            Some(received) => {
                let received = received.as_bytes();
                verified(expected[..received.len()].ct_eq(received).into())
            }
        }
    }

    /// The MAC, or what a part that goes on comes to.
    fn mac(
        &self,
        lmk: LmkIdentifier,
        input: &MacInput<'_>,
        modes: &'static [u8],
    ) -> Result<[u8; 8], ErrorCode> {
        let message = message_bytes(input.message)?;
        let usage = self.mac_usage(lmk, input.key_type)?.for_modes(modes);
        if input.key.is_aes() {
            return self.aes_mac(lmk, usage, input, &message);
        }
        let key = self.key(lmk, usage, &input.key, ErrorCode::SOURCE_KEY_PARITY)?;
        let made = if input.part.goes_on() {
            chain_value(&key, input.algorithm, input.part.iv(), &message)
        } else {
            mac_from(&key, input.algorithm, input.padding, input.part.iv(), &message)
        };
        made.map_err(|_| ErrorCode::LENGTH)
    }

    /// The type matters under a variant LMK; a key block states its usage itself.
    fn mac_usage(&self, lmk: LmkIdentifier, key_type: Option<KeyType>) -> Result<KeyUse, ErrorCode> {
        match key_type {
            Some(key_type @ (KeyType::TAK | KeyType::ZAK)) => Ok(KeyUse::mac(key_type)),
            None if self.lmk.kind(lmk) != Some(LmkKind::Variant) => Ok(KeyUse::mac(KeyType::ZAK)),
            _ => Err(ErrorCode::KEY_TYPE_CODE),
        }
    }

    /// AES makes CMACs only, and of a whole message only: an IV of 16 bytes has no field.
    fn aes_mac(
        &self,
        lmk: LmkIdentifier,
        usage: KeyUse,
        input: &MacInput<'_>,
        message: &[u8],
    ) -> Result<[u8; 8], ErrorCode> {
        if input.algorithm != MacAlgorithm::Cmac || input.part != MacPart::Only {
            return Err(ErrorCode::KEY_BLOCK_ALGORITHM);
        }
        let key = self.aes_key(lmk, usage, &input.key, ErrorCode::SOURCE_KEY_PARITY)?;
        let [left, _] = halves(key.cmac(message));
        Ok(left)
    }
}

pub(super) fn reply_mac(bytes: &[u8]) -> Outcome {
    Mac::new(bytes).map(ReplyBody::Mac).ok_or(ErrorCode::INTERNAL)
}

pub(super) fn message_bytes(message: MacMessage<'_>) -> Result<Cow<'_, [u8]>, ErrorCode> {
    match message {
        MacMessage::Binary(bytes) | MacMessage::Text(bytes) => Ok(Cow::Borrowed(bytes)),
        MacMessage::Hex(digits) => hex::decode(digits).map(Cow::Owned).map_err(|_| ErrorCode::INPUT),
    }
}

fn halves(block: [u8; 16]) -> [[u8; 8]; 2] {
    let number = u128::from_be_bytes(block);
    [(number >> 64) as u64, number as u64].map(u64::to_be_bytes)
}
