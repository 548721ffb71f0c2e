mod block_options;
mod cvv;
mod data;
mod discretionary;
mod dynamic;
mod emv;
mod hash;
mod key_forms;
mod keys;
mod legacy_keys;
mod mac;
mod mac_old;
mod management;
mod pin;
mod pin_change;
mod pin_dukpt;
mod pin_lmk;
mod script;
mod tree;

use crate::reader::Reader;
use crate::{CommandCode, ErrorCode};

pub use block_options::{AskedAlgorithm, AskedAttributes, FormedAttributes, KeyBlockOptions};
pub use cvv::{GenerateCvv, VerifyCvv};
pub use data::{
    CipherData, CipherDirection, CipherMode, DataFormat, DataKey, DataKsn, DataMessage, DataReply, Iv,
    TranslateData,
};
pub use discretionary::VerifyArqcDiscretionary;
pub use dynamic::{Cvc3, TrackBytes, VerifyCvc3};
pub use emv::{
    ArpcMethod, ArqcScheme, ArqcTask, DerivationOption, Proprietary, TransactionData, VerifyArqc,
    VerifyArqcSessionKey,
};
pub use hash::{HashAlgorithm, HashMessage};
pub use key_forms::{ChangeScheme, FormKey, MigrateKey, PairCheckValue};
pub use keys::{
    AtallaVariant, CheckValue, DeriveInitialKey, ExportKey, ExportUnder, GenerateKey, ImportKey, InitialKsn,
    TransportKey,
};
pub use legacy_keys::{KeyForms, KeyTranslation, MadeKey, MakeKey, TranslateKey};
pub use mac::{GenerateMac, MacAlgorithm, MacInput, MacMessage, MacPadding, MacPart, MacSize, VerifyMac};
pub use mac_old::{GenerateTerminalMac, MacBlock, MacBlockZone, TranslateTerminalMac, VerifyTerminalMac};
pub use management::{Echo, Random};
pub use pin::{PinKeyType, TranslatePin, VerifyIbm, VerifyPvv};
pub use pin_change::{
    ChangeIbmPin, ChangePvvPin, GenerateIbmOffset, GeneratePvv, IbmParameters, PinKeyCode, PinWithKeys,
};
pub use pin_dukpt::{
    BdkType, DukptDestination, DukptForm, DukptMac, TranslateDukptPin, TranslateDukptPinToZpk,
    VerifyDukptIbm, VerifyDukptPvv,
};
pub use pin_lmk::{
    ComparePin, DeriveIbmPin, EncryptClearPin, GeneratePin, MovePin, OffsetOfLmkPin, PinFromLmk, PinToLmk,
    PvvOfLmkPin,
};
pub use script::{ScriptMac, ScriptMessage, ScriptScheme, UnionPayScriptMac, VerifyUnionPayArqc};
pub use tree::{TreeShape, VerifyArqcTree};

/// What a host asks of the HSM. Borrows open-length fields from the message it was read from.
#[derive(Clone, Debug)]
pub enum Command<'a> {
    /// `NC`: which LMK and firmware are loaded.
    Diagnostics,
    /// `NO` mode 00: how the unit is connected.
    Status,
    /// `B2`: send these bytes back.
    Echo(Echo<'a>),
    /// `N0`: random bytes.
    Random(Random),
    /// `BU`: check value of a key.
    CheckValue(CheckValue<'a>),
    /// `A0`: make a key, at random or from a base derivation key.
    GenerateKey(GenerateKey<'a>),
    /// `A4`: make a key of components.
    FormKey(FormKey<'a>),
    /// `B0`: write a key in another scheme.
    ChangeScheme(ChangeScheme<'a>),
    /// `KA`: check value of a key, the older form.
    PairCheckValue(PairCheckValue<'a>),
    /// `BW`: bring a key from under the old LMK to the new one.
    MigrateKey(MigrateKey<'a>),
    /// `FA`, `GC`, `FC`, `FE`, `FK`, `FM`, `MI`, `MG`, `AW`, `AU`, `DW`, `DY`: bring a key of one type in or out.
    TranslateKey(TranslateKey<'a>),
    /// `HC`, `HA`, `IA`, `FI`: make a key of one type and send it out.
    MakeKey(MakeKey<'a>),
    /// `A6`: bring a key in from under a ZMK.
    ImportKey(ImportKey<'a>),
    /// `A8`: send a key out under a ZMK.
    ExportKey(ExportKey<'a>),
    /// `CA` from a terminal's key, `CC` from a zone's: encrypt a PIN block under another zone's key.
    TranslatePin(TranslatePin<'a>),
    /// `DC` or `EC`: verify a PIN by its PVV.
    VerifyPvv(VerifyPvv<'a>),
    /// `DA` or `EA`: verify a PIN by its IBM 3624 offset.
    VerifyIbm(VerifyIbm<'a>),
    /// `CW`: make a card verification value.
    GenerateCvv(GenerateCvv<'a>),
    /// `CY`: verify a card verification value.
    VerifyCvv(VerifyCvv<'a>),
    /// `KQ`: verify an ARQC made by a card's master key or a Mastercard session key, make its ARPC.
    VerifyArqc(VerifyArqc<'a>),
    /// `KW`: verify an ARQC made by an EMV common session key, make its ARPC.
    VerifyArqcSessionKey(VerifyArqcSessionKey<'a>),
    /// `M6`: make a MAC.
    GenerateMac(GenerateMac<'a>),
    /// `M8`: verify a MAC.
    VerifyMac(VerifyMac<'a>),
    /// `GM`: hash a block of data.
    HashMessage(HashMessage<'a>),
    /// `JA`: make a random PIN.
    GeneratePin(GeneratePin),
    /// `JC` or `JE`: bring a PIN from a terminal's or a zone's key under the LMK.
    PinToLmk(PinToLmk<'a>),
    /// `JG`: bring a PIN from the LMK under a zone's key.
    PinFromLmk(PinFromLmk<'a>),
    /// `BA`: encrypt a PIN given in clear under the LMK.
    EncryptClearPin(EncryptClearPin),
    /// `BC` or `BE`: compare a PIN block with a PIN under the LMK.
    ComparePin(ComparePin<'a>),
    /// `DE`: IBM 3624 offset of a PIN under the LMK.
    OffsetOfLmkPin(OffsetOfLmkPin<'a>),
    /// `DG`: PVV of a PIN under the LMK.
    PvvOfLmkPin(PvvOfLmkPin<'a>),
    /// `EE`: derive a PIN from its IBM 3624 offset.
    DeriveIbmPin(DeriveIbmPin<'a>),
    /// `QK`: bind a PIN under the LMK to another account.
    MovePin(MovePin),
    /// `BK`: IBM 3624 offset of a PIN block.
    GenerateIbmOffset(GenerateIbmOffset<'a>),
    /// `DU`: verify a PIN by its offset, make the offset of a new one.
    ChangeIbmPin(ChangeIbmPin<'a>),
    /// `FW`: PVV of a PIN block.
    GeneratePvv(GeneratePvv<'a>),
    /// `CU`: verify a PIN by its PVV, make the PVV of a new one.
    ChangePvvPin(ChangePvvPin<'a>),
    /// `G0`: encrypt a PIN block from a DUKPT key under a zone's or another DUKPT key.
    TranslateDukptPin(TranslateDukptPin<'a>),
    /// `CI`: the older form of `G0`.
    TranslateDukptPinToZpk(TranslateDukptPinToZpk<'a>),
    /// `GO` or `CK`: verify a PIN under DUKPT by its IBM 3624 offset.
    VerifyDukptIbm(VerifyDukptIbm<'a>),
    /// `GQ` or `CM`: verify a PIN under DUKPT by its PVV.
    VerifyDukptPvv(VerifyDukptPvv<'a>),
    /// `GW`: make or verify a MAC under DUKPT.
    DukptMac(DukptMac<'a>),
    /// `KQ` modes 3 and 4: as before, and verify a MAC over discretionary data.
    VerifyArqcDiscretionary(VerifyArqcDiscretionary<'a>),
    /// `KW` schemes 0 and 1: verify an ARQC made by a key of the EMV2000 tree, make its ARPC.
    VerifyArqcTree(VerifyArqcTree<'a>),
    /// `JS`: verify a UnionPay ARQC, make its ARPC.
    VerifyUnionPayArqc(VerifyUnionPayArqc<'a>),
    /// `KU`: make the MAC of an issuer script command.
    ScriptMac(ScriptMac<'a>),
    /// `JU`: make the MAC of a UnionPay script command.
    UnionPayScriptMac(UnionPayScriptMac<'a>),
    /// `PM`: verify a CVC3.
    VerifyCvc3(VerifyCvc3<'a>),
    /// `M4`: decrypt data and encrypt it under another key.
    TranslateData(TranslateData<'a>),
    /// `MS`: make an ANSI X9.19 MAC, block by block.
    MacBlock(MacBlock<'a>),
    /// `MQ`: make a MAC under a ZAK, block by block.
    MacBlockZone(MacBlockZone<'a>),
    /// `MA`: make a MAC under a TAK.
    GenerateTerminalMac(GenerateTerminalMac<'a>),
    /// `MC`: verify a MAC under a TAK.
    VerifyTerminalMac(VerifyTerminalMac<'a>),
    /// `ME`: verify a MAC under a TAK, make it under another.
    TranslateTerminalMac(TranslateTerminalMac<'a>),
    /// `M0`: encrypt data; `M2`: decrypt it.
    CipherData(CipherData<'a>),
}

impl<'a> Command<'a> {
    /// The two characters that name the command on the wire.
    #[must_use]
    pub fn code(&self) -> CommandCode {
        CommandCode::new(*match self {
            Command::Diagnostics => b"NC",
            Command::Status => b"NO",
            Command::Echo(_) => b"B2",
            Command::Random(_) => b"N0",
            Command::CheckValue(_) => b"BU",
            Command::GenerateKey(_) => b"A0",
            Command::FormKey(_) => b"A4",
            Command::ChangeScheme(_) => b"B0",
            Command::PairCheckValue(_) => b"KA",
            Command::MigrateKey(_) => b"BW",
            Command::TranslateKey(command) => command.translation.code(),
            Command::MakeKey(command) => command.made.code(),
            Command::ImportKey(_) => b"A6",
            Command::ExportKey(_) => b"A8",
            Command::TranslatePin(TranslatePin { source: PinKeyType::Tpk, .. }) => b"CA",
            Command::TranslatePin(TranslatePin { source: PinKeyType::Zpk, .. }) => b"CC",
            Command::VerifyPvv(VerifyPvv { source: PinKeyType::Tpk, .. }) => b"DC",
            Command::VerifyPvv(VerifyPvv { source: PinKeyType::Zpk, .. }) => b"EC",
            Command::VerifyIbm(VerifyIbm { source: PinKeyType::Tpk, .. }) => b"DA",
            Command::VerifyIbm(VerifyIbm { source: PinKeyType::Zpk, .. }) => b"EA",
            Command::GenerateCvv(_) => b"CW",
            Command::VerifyCvv(_) => b"CY",
            Command::VerifyArqc(_) => b"KQ",
            Command::VerifyArqcSessionKey(_) => b"KW",
            Command::GenerateMac(_) => b"M6",
            Command::VerifyMac(_) => b"M8",
            Command::HashMessage(_) => b"GM",
            Command::GeneratePin(_) => b"JA",
            Command::PinToLmk(PinToLmk { source: PinKeyType::Tpk, .. }) => b"JC",
            Command::PinToLmk(PinToLmk { source: PinKeyType::Zpk, .. }) => b"JE",
            Command::PinFromLmk(_) => b"JG",
            Command::EncryptClearPin(_) => b"BA",
            Command::ComparePin(ComparePin { source: PinKeyType::Tpk, .. }) => b"BC",
            Command::ComparePin(ComparePin { source: PinKeyType::Zpk, .. }) => b"BE",
            Command::OffsetOfLmkPin(_) => b"DE",
            Command::PvvOfLmkPin(_) => b"DG",
            Command::DeriveIbmPin(_) => b"EE",
            Command::MovePin(_) => b"QK",
            Command::GenerateIbmOffset(_) => b"BK",
            Command::ChangeIbmPin(_) => b"DU",
            Command::GeneratePvv(_) => b"FW",
            Command::ChangePvvPin(_) => b"CU",
            Command::TranslateDukptPin(_) => b"G0",
            Command::TranslateDukptPinToZpk(_) => b"CI",
            Command::VerifyDukptIbm(VerifyDukptIbm { form: DukptForm::Current, .. }) => b"GO",
            Command::VerifyDukptIbm(VerifyDukptIbm { form: DukptForm::Older, .. }) => b"CK",
            Command::VerifyDukptPvv(VerifyDukptPvv { form: DukptForm::Current, .. }) => b"GQ",
            Command::VerifyDukptPvv(VerifyDukptPvv { form: DukptForm::Older, .. }) => b"CM",
            Command::DukptMac(_) => b"GW",
            Command::VerifyArqcDiscretionary(_) => b"KQ",
            Command::VerifyArqcTree(_) => b"KW",
            Command::VerifyUnionPayArqc(_) => b"JS",
            Command::ScriptMac(_) => b"KU",
            Command::UnionPayScriptMac(_) => b"JU",
            Command::VerifyCvc3(_) => b"PM",
            Command::TranslateData(_) => b"M4",
            Command::MacBlock(_) => b"MS",
            Command::MacBlockZone(_) => b"MQ",
            Command::GenerateTerminalMac(_) => b"MA",
            Command::VerifyTerminalMac(_) => b"MC",
            Command::TranslateTerminalMac(_) => b"ME",
            Command::CipherData(CipherData { direction: CipherDirection::Encrypt, .. }) => b"M0",
            Command::CipherData(CipherData { direction: CipherDirection::Decrypt, .. }) => b"M2",
        })
    }

    /// Appends command code, body and what key blocks add to it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_body(out);
        self.encode_options(out);
    }

    /// What key blocks add to a command; an LMK identifier comes before it.
    pub(crate) fn encode_options(&self, out: &mut Vec<u8>) {
        match self {
            Command::GenerateKey(command) => command.options.encode(out),
            Command::ImportKey(command) => command.options.encode(out),
            Command::ExportKey(command) => command.options.encode(out),
            Command::FormKey(command) => command.encode_options(out),
            _ => {}
        }
    }

    pub(crate) fn parse_options(&mut self, reader: &mut Reader<'a>) -> Result<(), ErrorCode> {
        match self {
            Command::GenerateKey(command) => command.parse_options(reader),
            Command::ImportKey(command) => command.parse_options(reader),
            Command::ExportKey(command) => command.parse_options(reader),
            Command::FormKey(command) => command.parse_options(reader),
            _ => Ok(()),
        }
    }

    /// Appends command code and body.
    pub(crate) fn encode_body(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.code().as_bytes());
        match self {
            Command::Diagnostics => {}
            Command::Status => out.extend_from_slice(b"00"),
            Command::Echo(command) => command.encode(out),
            Command::Random(command) => command.encode(out),
            Command::CheckValue(command) => command.encode(out),
            Command::GenerateKey(command) => command.encode(out),
            Command::FormKey(command) => command.encode(out),
            Command::ChangeScheme(command) => command.encode(out),
            Command::PairCheckValue(command) => command.encode(out),
            Command::MigrateKey(command) => command.encode(out),
            Command::TranslateKey(command) => command.encode(out),
            Command::MakeKey(command) => command.encode(out),
            Command::ImportKey(command) => command.encode(out),
            Command::ExportKey(command) => command.encode(out),
            Command::TranslatePin(command) => command.encode(out),
            Command::VerifyPvv(command) => command.encode(out),
            Command::VerifyIbm(command) => command.encode(out),
            Command::GenerateCvv(command) => command.encode(out),
            Command::VerifyCvv(command) => command.encode(out),
            Command::VerifyArqc(command) => command.encode(out),
            Command::VerifyArqcSessionKey(command) => command.encode(out),
            Command::GenerateMac(command) => command.encode(out),
            Command::VerifyMac(command) => command.encode(out),
            Command::HashMessage(command) => command.encode(out),
            Command::GeneratePin(command) => command.encode(out),
            Command::PinToLmk(command) => command.encode(out),
            Command::PinFromLmk(command) => command.encode(out),
            Command::EncryptClearPin(command) => command.encode(out),
            Command::ComparePin(command) => command.encode(out),
            Command::OffsetOfLmkPin(command) => command.encode(out),
            Command::PvvOfLmkPin(command) => command.encode(out),
            Command::DeriveIbmPin(command) => command.encode(out),
            Command::MovePin(command) => command.encode(out),
            Command::GenerateIbmOffset(command) => command.encode(out),
            Command::ChangeIbmPin(command) => command.encode(out),
            Command::GeneratePvv(command) => command.encode(out),
            Command::ChangePvvPin(command) => command.encode(out),
            Command::TranslateDukptPin(command) => command.encode(out),
            Command::TranslateDukptPinToZpk(command) => command.encode(out),
            Command::VerifyDukptIbm(command) => command.encode(out),
            Command::VerifyDukptPvv(command) => command.encode(out),
            Command::DukptMac(command) => command.encode(out),
            Command::VerifyArqcDiscretionary(command) => command.encode(out),
            Command::VerifyArqcTree(command) => command.encode(out),
            Command::VerifyUnionPayArqc(command) => command.encode(out),
            Command::ScriptMac(command) => command.encode(out),
            Command::UnionPayScriptMac(command) => command.encode(out),
            Command::VerifyCvc3(command) => command.encode(out),
            Command::TranslateData(command) => command.encode(out),
            Command::MacBlock(command) => command.encode(out),
            Command::MacBlockZone(command) => command.encode(out),
            Command::GenerateTerminalMac(command) => command.encode(out),
            Command::VerifyTerminalMac(command) => command.encode(out),
            Command::TranslateTerminalMac(command) => command.encode(out),
            Command::CipherData(command) => command.encode(out),
        }
    }

    pub(crate) fn parse_body(code: CommandCode, reader: &mut Reader<'a>) -> Result<Command<'a>, ErrorCode> {
        Ok(match code.as_bytes() {
            b"NC" => Command::Diagnostics,
            b"NO" => management::parse_status(reader)?,
            b"B2" => Command::Echo(Echo::parse(reader)?),
            b"N0" => Command::Random(Random::parse(reader)?),
            b"BU" => Command::CheckValue(CheckValue::parse(reader)?),
            b"A0" => Command::GenerateKey(GenerateKey::parse(reader)?),
            b"A4" => Command::FormKey(FormKey::parse(reader)?),
            b"B0" => Command::ChangeScheme(ChangeScheme::parse(reader)?),
            b"KA" => Command::PairCheckValue(PairCheckValue::parse(reader)?),
            b"BW" => Command::MigrateKey(MigrateKey::parse(reader)?),
            b"FA" => Command::TranslateKey(TranslateKey::parse(KeyTranslation::ZpkIn, reader)?),
            b"GC" => Command::TranslateKey(TranslateKey::parse(KeyTranslation::ZpkOut, reader)?),
            b"FC" => Command::TranslateKey(TranslateKey::parse(KeyTranslation::TmkIn, reader)?),
            b"FE" => Command::TranslateKey(TranslateKey::parse(KeyTranslation::TmkOut, reader)?),
            b"FK" => {
                Command::TranslateKey(TranslateKey::parse(KeyTranslation::ZekIn { zak: false }, reader)?)
            }
            b"FM" => {
                Command::TranslateKey(TranslateKey::parse(KeyTranslation::ZekOut { zak: false }, reader)?)
            }
            b"MI" => Command::TranslateKey(TranslateKey::parse(KeyTranslation::TakIn, reader)?),
            b"MG" => Command::TranslateKey(TranslateKey::parse(KeyTranslation::TakOut, reader)?),
            b"AW" => Command::TranslateKey(TranslateKey::parse(KeyTranslation::CvkIn, reader)?),
            b"AU" => Command::TranslateKey(TranslateKey::parse(KeyTranslation::CvkOut, reader)?),
            b"DW" => Command::TranslateKey(TranslateKey::parse(KeyTranslation::BdkIn, reader)?),
            b"DY" => Command::TranslateKey(TranslateKey::parse(KeyTranslation::BdkOut, reader)?),
            b"HC" => Command::MakeKey(MakeKey::parse(MadeKey::Tmk, reader)?),
            b"HA" => Command::MakeKey(MakeKey::parse(MadeKey::Tak, reader)?),
            b"IA" => Command::MakeKey(MakeKey::parse(MadeKey::Zpk, reader)?),
            b"FI" => Command::MakeKey(MakeKey::parse(MadeKey::Zek { zak: false }, reader)?),
            b"A6" => Command::ImportKey(ImportKey::parse(reader)?),
            b"A8" => Command::ExportKey(ExportKey::parse(reader)?),
            b"CA" => Command::TranslatePin(TranslatePin::parse(PinKeyType::Tpk, reader)?),
            b"CC" => Command::TranslatePin(TranslatePin::parse(PinKeyType::Zpk, reader)?),
            b"DC" => Command::VerifyPvv(VerifyPvv::parse(PinKeyType::Tpk, reader)?),
            b"EC" => Command::VerifyPvv(VerifyPvv::parse(PinKeyType::Zpk, reader)?),
            b"DA" => Command::VerifyIbm(VerifyIbm::parse(PinKeyType::Tpk, reader)?),
            b"EA" => Command::VerifyIbm(VerifyIbm::parse(PinKeyType::Zpk, reader)?),
            b"CW" => Command::GenerateCvv(GenerateCvv::parse(reader)?),
            b"CY" => Command::VerifyCvv(VerifyCvv::parse(reader)?),
            b"KQ" if matches!(reader.rest(), [b'3' | b'4', ..]) => {
                Command::VerifyArqcDiscretionary(VerifyArqcDiscretionary::parse(reader)?)
            }
            b"KW" if matches!(reader.rest(), [_, b'0' | b'1', ..]) => {
                Command::VerifyArqcTree(VerifyArqcTree::parse(reader)?)
            }
            b"KQ" => Command::VerifyArqc(VerifyArqc::parse(reader)?),
            b"KW" => Command::VerifyArqcSessionKey(VerifyArqcSessionKey::parse(reader)?),
            b"M6" => Command::GenerateMac(GenerateMac::parse(reader)?),
            b"M8" => Command::VerifyMac(VerifyMac::parse(reader)?),
            b"GM" => Command::HashMessage(HashMessage::parse(reader)?),
            b"JA" => Command::GeneratePin(GeneratePin::parse(reader)?),
            b"JC" => Command::PinToLmk(PinToLmk::parse(PinKeyType::Tpk, reader)?),
            b"JE" => Command::PinToLmk(PinToLmk::parse(PinKeyType::Zpk, reader)?),
            b"JG" => Command::PinFromLmk(PinFromLmk::parse(reader)?),
            b"BA" => Command::EncryptClearPin(EncryptClearPin::parse(reader)?),
            b"BC" => Command::ComparePin(ComparePin::parse(PinKeyType::Tpk, reader)?),
            b"BE" => Command::ComparePin(ComparePin::parse(PinKeyType::Zpk, reader)?),
            b"DE" => Command::OffsetOfLmkPin(OffsetOfLmkPin::parse(reader)?),
            b"DG" => Command::PvvOfLmkPin(PvvOfLmkPin::parse(reader)?),
            b"EE" => Command::DeriveIbmPin(DeriveIbmPin::parse(reader)?),
            b"QK" => Command::MovePin(MovePin::parse(reader)?),
            b"BK" => Command::GenerateIbmOffset(GenerateIbmOffset::parse(reader)?),
            b"DU" => Command::ChangeIbmPin(ChangeIbmPin::parse(reader)?),
            b"FW" => Command::GeneratePvv(GeneratePvv::parse(reader)?),
            b"CU" => Command::ChangePvvPin(ChangePvvPin::parse(reader)?),
            b"G0" => Command::TranslateDukptPin(TranslateDukptPin::parse(reader)?),
            b"CI" => Command::TranslateDukptPinToZpk(TranslateDukptPinToZpk::parse(reader)?),
            b"GO" => Command::VerifyDukptIbm(VerifyDukptIbm::parse(DukptForm::Current, reader)?),
            b"CK" => Command::VerifyDukptIbm(VerifyDukptIbm::parse(DukptForm::Older, reader)?),
            b"GQ" => Command::VerifyDukptPvv(VerifyDukptPvv::parse(DukptForm::Current, reader)?),
            b"CM" => Command::VerifyDukptPvv(VerifyDukptPvv::parse(DukptForm::Older, reader)?),
            b"GW" => Command::DukptMac(DukptMac::parse(reader)?),
            b"JS" => Command::VerifyUnionPayArqc(VerifyUnionPayArqc::parse(reader)?),
            b"KU" => Command::ScriptMac(ScriptMac::parse(reader)?),
            b"JU" => Command::UnionPayScriptMac(UnionPayScriptMac::parse(reader)?),
            b"PM" => Command::VerifyCvc3(VerifyCvc3::parse(reader)?),
            b"M4" => Command::TranslateData(TranslateData::parse(reader)?),
            b"MS" => Command::MacBlock(MacBlock::parse(reader)?),
            b"MQ" => Command::MacBlockZone(MacBlockZone::parse(reader)?),
            b"MA" => Command::GenerateTerminalMac(GenerateTerminalMac::parse(reader)?),
            b"MC" => Command::VerifyTerminalMac(VerifyTerminalMac::parse(reader)?),
            b"ME" => Command::TranslateTerminalMac(TranslateTerminalMac::parse(reader)?),
            b"M0" => Command::CipherData(CipherData::parse(CipherDirection::Encrypt, reader)?),
            b"M2" => Command::CipherData(CipherData::parse(CipherDirection::Decrypt, reader)?),
            _ => return Err(ErrorCode::COMMAND_DISABLED),
        })
    }
}
