use super::keys::KeyUse;
use super::{Engine, Outcome};
use crate::data_cipher::DataCipher;
use crate::dukpt;
use crate::lmk::LmkKind;
use crate::working_key::WorkingKey;
use hsm::{
    BdkType, CipherData, CipherDirection, DataFormat, DataKey, DataKsn, DataMessage, DataReply, ErrorCode,
    KeyType, LmkIdentifier, ReplyBody, TranslateData,
};
use std::borrow::Cow;
use std::sync::Arc;
use zeroize::Zeroizing;

impl Engine {
    /// `M0`, `M2`.
    pub(super) fn cipher_data(&self, lmk: LmkIdentifier, command: &CipherData<'_>) -> Outcome {
        let key = self.data_key(lmk, &command.key, command.direction, ErrorCode::SOURCE_KEY_PARITY)?;
        let mut bytes = message_bytes(&command.message)?;
        let iv = key.apply(command.direction, command.mode, &mut bytes).map_err(|_| ErrorCode::LENGTH)?;
        reply([iv, None], command.output, &bytes)
    }

    /// `M4`.
    pub(super) fn translate_data(&self, lmk: LmkIdentifier, command: &TranslateData<'_>) -> Outcome {
        let parity = ErrorCode::SOURCE_KEY_PARITY;
        let source = self.data_key(lmk, &command.source_key, CipherDirection::Decrypt, parity)?;
        let parity = ErrorCode::DESTINATION_KEY_PARITY;
        let destination = self.data_key(lmk, &command.destination_key, CipherDirection::Encrypt, parity)?;
        let mut bytes = message_bytes(&command.message)?;
        let source_iv = source.apply(CipherDirection::Decrypt, command.source_mode, &mut bytes);
        let source_iv = source_iv.map_err(|_| ErrorCode::LENGTH)?;
        let destination_iv =
            destination.apply(CipherDirection::Encrypt, command.destination_mode, &mut bytes);
        let destination_iv = destination_iv.map_err(|_| ErrorCode::LENGTH)?;
        reply([source_iv, destination_iv], command.output, &bytes)
    }

    fn data_key(
        &self,
        lmk: LmkIdentifier,
        key: &DataKey<'_>,
        direction: CipherDirection,
        parity: ErrorCode,
    ) -> Result<DataCipher, ErrorCode> {
        if let Some(ksn) = key.ksn {
            return self.dukpt_data_key(lmk, key, ksn, parity);
        }
        let usage = match key.key_type {
            Some(key_type @ (KeyType::ZEK | KeyType::DEK | KeyType::TEK)) => KeyUse::data(key_type),
            None if self.lmk.kind(lmk) != Some(LmkKind::Variant) => KeyUse::data(KeyType::DEK),
            _ => return Err(ErrorCode::KEY_TYPE_CODE),
        };
        let usage = usage.for_modes(match direction {
            CipherDirection::Encrypt => b"NBE",
            CipherDirection::Decrypt => b"NBD",
        });
        match self.working_key(lmk, usage, &key.key, parity)? {
            WorkingKey::Tdes(key) => Ok(DataCipher::Tdes(key)),
            WorkingKey::Aes(key) => Ok(DataCipher::Aes(key)),
        }
    }

    /// The data key of a DUKPT transaction, in the variant of requests. 68 for what has no facts: BDK-3, and
    /// AES, whose serial number is longer than the field.
    fn dukpt_data_key(
        &self,
        lmk: LmkIdentifier,
        key: &DataKey<'_>,
        ksn: DataKsn,
        parity: ErrorCode,
    ) -> Result<DataCipher, ErrorCode> {
        let bdk_type = match key.key_type {
            Some(KeyType::BDK) | None => BdkType::One,
            Some(KeyType::BDK_2) => BdkType::Two,
            Some(_) => return Err(ErrorCode::COMMAND_DISABLED),
        };
        if key.key.is_aes() {
            return Err(ErrorCode::COMMAND_DISABLED);
        }
        let bdk = self.bdk(lmk, bdk_type, &key.key, parity)?;
        Ok(DataCipher::Tdes(Arc::new(dukpt::data_key(&bdk, ksn.ksn))))
    }
}

fn message_bytes(message: &DataMessage<'_>) -> Result<Zeroizing<Vec<u8>>, ErrorCode> {
    match message.format {
        DataFormat::Binary | DataFormat::Text => Ok(Zeroizing::new(message.sent.to_vec())),
        DataFormat::Hex => hex::decode(message.sent).map(Zeroizing::new).map_err(|_| ErrorCode::INPUT),
    }
}

fn reply(ivs: [Option<hsm::Iv>; 2], format: DataFormat, bytes: &[u8]) -> Outcome {
    let sent = match format {
        DataFormat::Binary | DataFormat::Text => Zeroizing::new(bytes.to_vec()),
        DataFormat::Hex => Zeroizing::new(hex::encode_upper(bytes).into_bytes()),
    };
    // The length has four digits, and twice the bytes of the longest message may be too many.
    if sent.len() > 0xFFFF {
        return Err(ErrorCode::LENGTH);
    }
    Ok(ReplyBody::Data(Cow::Owned(DataReply { ivs, sent: &sent }.to_bytes())))
}
