use super::keys::KeyUse;
use super::mac::{message_bytes, reply_mac};
use super::{Engine, Outcome, verified};
use crate::cipher::{ClearKey, KeyLength};
use crate::mac::{chain_value, mac_from};
use hsm::{
    ErrorCode, GenerateTerminalMac, KeyField, KeyType, LmkIdentifier, MacAlgorithm, MacBlock, MacBlockZone,
    MacMessage, MacPadding, MacPart, TranslateTerminalMac, VerifyTerminalMac,
};
use std::sync::Arc;
use subtle::ConstantTimeEq;

impl Engine {
    /// `MS`.
    pub(super) fn mac_block(&self, lmk: LmkIdentifier, command: &MacBlock<'_>) -> Outcome {
        let usage = KeyUse::mac(if command.zone { KeyType::ZAK } else { KeyType::TAK });
        let key = self.key(lmk, usage, &command.key, ErrorCode::SOURCE_KEY_PARITY)?;
        block(&key, command.part, command.message)
    }

    /// `MQ`.
    pub(super) fn mac_block_zone(&self, lmk: LmkIdentifier, command: &MacBlockZone<'_>) -> Outcome {
        let usage = KeyUse::mac(KeyType::ZAK);
        let key = self.key(lmk, usage, &command.zak, ErrorCode::SOURCE_KEY_PARITY)?;
        block(&key, command.part, command.message)
    }

    /// `MA`.
    pub(super) fn generate_terminal_mac(
        &self,
        lmk: LmkIdentifier,
        command: &GenerateTerminalMac<'_>,
    ) -> Outcome {
        let tak = self.tak(lmk, &command.tak, ErrorCode::SOURCE_KEY_PARITY)?;
        reply_mac(&terminal_mac(&tak, command.message)?)
    }

    /// `MC`.
    pub(super) fn verify_terminal_mac(&self, lmk: LmkIdentifier, command: &VerifyTerminalMac<'_>) -> Outcome {
        let tak = self.tak(lmk, &command.tak, ErrorCode::SOURCE_KEY_PARITY)?;
        verified(terminal_mac(&tak, command.message)?.ct_eq(command.mac.as_bytes()).into())
    }

    /// `ME`.
    pub(super) fn translate_terminal_mac(
        &self,
        lmk: LmkIdentifier,
        command: &TranslateTerminalMac<'_>,
    ) -> Outcome {
        let source = self.tak(lmk, &command.source_tak, ErrorCode::SOURCE_KEY_PARITY)?;
        let destination = self.tak(lmk, &command.destination_tak, ErrorCode::DESTINATION_KEY_PARITY)?;
        verified(terminal_mac(&source, command.message)?.ct_eq(command.mac.as_bytes()).into())?;
        reply_mac(&terminal_mac(&destination, command.message)?)
    }

    fn tak(
        &self,
        lmk: LmkIdentifier,
        tak: &KeyField<'_>,
        parity: ErrorCode,
    ) -> Result<Arc<ClearKey>, ErrorCode> {
        let tak = self.key(lmk, KeyUse::mac(KeyType::TAK), tak, parity)?;
        if tak.length() == KeyLength::Single { Ok(tak) } else { Err(ErrorCode::KEY_LENGTH) }
    }
}

/// X9.19: algorithm 3, zeros to fill up.
fn block(key: &ClearKey, part: MacPart, message: MacMessage<'_>) -> Outcome {
    let message = message_bytes(message)?;
    let made = if part.goes_on() {
        chain_value(key, MacAlgorithm::Three, part.iv(), &message)
    } else {
        mac_from(key, MacAlgorithm::Three, MacPadding::Zeros, part.iv(), &message)
    };
    reply_mac(&made.map_err(|_| ErrorCode::LENGTH)?)
}

fn terminal_mac(tak: &ClearKey, message: MacMessage<'_>) -> Result<[u8; 4], ErrorCode> {
    let message = message_bytes(message)?;
    let made = mac_from(tak, MacAlgorithm::One, MacPadding::Zeros, [0; 8], &message);
    let [a, b, c, d, ..] = made.map_err(|_| ErrorCode::LENGTH)?;
    Ok([a, b, c, d])
}
