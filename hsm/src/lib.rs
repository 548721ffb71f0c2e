//! The wire format of payShield host commands, shared by the switch's HSM link and by `hsm-sim`.
//!
//! Pure: bytes in, typed values out, and back. A message on the wire is a two-byte length, a message
//! header of an agreed length that the HSM echoes, a two-character command code and a body
//! ([`framing`] cuts and writes it). [`Command`] is what is asked and [`Reply`] what is answered;
//! [`Request`] is a command with the LMK identifier and trailer that may follow it.
//!
//! Keys travel only as cryptograms ([`KeyField`]). What must not be seen is masked by its own type,
//! so the `Debug` form of every command and reply is safe to log.
//!
//! ```
//! use hsm::{Command, Reply, ReplyBody, VerifyCvv, KeyField, framing};
//!
//! let command = Command::VerifyCvv(VerifyCvv {
//!     cvk: KeyField::parse("U9B4934384B19946B040CD702B4D58145").unwrap(),
//!     cvv: card::Cvv::parse(b"561").unwrap(),
//!     pan: card::Pan::parse(b"4123456789012345").unwrap(),
//!     expiry: *b"8701",
//!     service_code: *b"101",
//! });
//! let mut wire = Vec::new();
//! framing::write_frame(&mut wire, b"0004", |out| command.encode(out)).unwrap();
//!
//! let frame = framing::next_frame(&wire, framing::MAX_MESSAGE).unwrap().unwrap();
//! let (header, body) = framing::split_header(&wire[frame.body], 4).unwrap();
//! assert_eq!(header, b"0004");
//! assert_eq!(Command::parse(body).unwrap().code(), command.code());
//!
//! let reply = Reply::parse(command.code(), b"CZ01").unwrap();
//! assert!(matches!(reply.body, ReplyBody::Empty));
//! assert_eq!(reply.error.to_string(), "01 verification failed");
//! ```

mod code;
mod command;
mod error;
mod field;
pub mod framing;
mod key;
mod key_block;
mod ksn;
mod pan_sequence;
mod pin_field;
mod reader;
mod reply;
mod request;
mod writer;

pub use code::CommandCode;
pub use command::{
    ArpcMethod, ArqcScheme, ArqcTask, CheckValue, Command, DerivationOption, Echo, ExportKey, GenerateCvv,
    GenerateKey, GenerateMac, ImportKey, MacAlgorithm, MacInput, MacMessage, MacPadding, MacSize, PinKeyType,
    Proprietary, Random, TransactionData, TranslatePin, VerifyArqc, VerifyArqcSessionKey, VerifyCvv,
    VerifyIbm, VerifyMac, VerifyPvv,
};
pub use command::{
    AskedAlgorithm, AskedAttributes, AtallaVariant, BdkType, ChangeIbmPin, ChangePvvPin, ChangeScheme,
    CipherData, CipherDirection, CipherMode, ComparePin, Cvc3, DataFormat, DataKey, DataKsn, DataMessage,
    DataReply, DeriveIbmPin, DeriveInitialKey, DukptDestination, DukptForm, DukptMac, EncryptClearPin,
    ExportUnder, FormKey, FormedAttributes, GenerateIbmOffset, GeneratePin, GeneratePvv, GenerateTerminalMac,
    HashAlgorithm, HashMessage, IbmParameters, InitialKsn, Iv, KeyBlockOptions, KeyForms, KeyTranslation,
    MacBlock, MacBlockZone, MacPart, MadeKey, MakeKey, MigrateKey, MovePin, OffsetOfLmkPin, PairCheckValue,
    PinFromLmk, PinKeyCode, PinToLmk, PinWithKeys, PvvOfLmkPin, ScriptMac, ScriptMessage, ScriptScheme,
    TrackBytes, TranslateData, TranslateDukptPin, TranslateDukptPinToZpk, TranslateKey, TranslateTerminalMac,
    TransportKey, TreeShape, UnionPayScriptMac, VerifyArqcDiscretionary, VerifyArqcTree, VerifyCvc3,
    VerifyDukptIbm, VerifyDukptPvv, VerifyTerminalMac, VerifyUnionPayArqc,
};
pub use error::{CommandError, ErrorCode, ReplyError, ReplyErrorKind};
pub use field::{
    Account, Arpc, DecimalisationTable, Kcv, KcvLength, Mac, PinBlockFormat, PinOffset, Pvv, ValidationData,
};
pub use key::{KeyField, KeyFieldError, KeyScheme, KeyType};
pub use key_block::{
    Exportability, KeyAlgorithm, KeyAttributes, KeyBlockError, KeyBlockHeader, KeyUsage, ModeOfUse,
    OptionalBlocks,
};
pub use ksn::{KeySerialNumber, KsnNumber};
pub use pan_sequence::PanSequence;
pub use pin_field::{ClearPinField, LmkPin, PinBlockField};
pub use reply::{Reply, ReplyBody};
pub use request::{LmkIdentifier, Request};
