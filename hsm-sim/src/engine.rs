mod cache;
mod card_keys;
mod cvv;
mod data;
mod dynamic;
mod emv;
mod key_exchange;
mod keys;
mod legacy_keys;
mod mac;
mod mac_old;
mod pin;
mod pin_change;
mod pin_dukpt;
mod pin_key;
mod pin_lmk;
mod script;

use crate::hash::hash;
use crate::lmk::Lmk;
use cache::KeyCache;
use card_keys::CardKeys;
use hsm::{Command, CommandError, ErrorCode, LmkIdentifier, Reply, ReplyBody, Request};
use ring::rand::{SecureRandom, SystemRandom};
use std::borrow::Cow;
use std::fmt;

/// A reply that borrows nothing.
pub type OwnedReply = Reply<'static>;

/// What one command came to, inside the engine.
type Outcome = Result<ReplyBody<'static>, ErrorCode>;

/// Executes commands. Shared between threads by reference; holds nothing that changes but a cache of
/// keys already unwrapped.
pub struct Engine {
    lmk: Lmk,
    settings: Settings,
    keys: KeyCache,
    card_keys: CardKeys,
    random: SystemRandom,
}

/// What an operator may choose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The firmware version that `NC` and `NO` report, nine characters.
    pub firmware: [u8; 9],
    /// The number of connections that `NO` reports: 0 to 99.
    pub sockets: u8,
    /// How many unwrapped keys to keep with their schedules. A full cache is emptied; with 0 every command
    /// unwraps its keys anew, at some 2 µs each.
    pub key_cache_capacity: usize,
    /// Whether the unit is in authorised state.
    pub authorised: bool,
    /// Longest PIN that is kept under the LMK, in digits: 4 to 12. A PIN under a TDES LMK has one digit more,
    /// however long it is.
    pub pin_length: u8,
    /// How many card master keys to keep with their schedules, at some 2 KB each: a card that comes
    /// a third time costs no derivation. The cards of the longest ago go first; 0 derives every time.
    pub card_key_cache_capacity: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            firmware: *b"0001-SIM1",
            sockets: 64,
            key_cache_capacity: 4096,
            authorised: false,
            pin_length: 12,
            card_key_cache_capacity: 16_384,
        }
    }
}

impl Engine {
    /// An engine with these LMKs.
    #[must_use]
    pub fn new(lmk: Lmk, settings: Settings) -> Engine {
        let keys = KeyCache::new(settings.key_cache_capacity);
        let card_keys = CardKeys::new(settings.card_key_cache_capacity);
        Engine { lmk, settings, keys, card_keys, random: SystemRandom::new() }
    }

    /// Executes a command under the default LMK.
    #[must_use]
    pub fn run(&self, command: &Command<'_>) -> OwnedReply {
        self.run_under(Lmk::VARIANT, command)
    }

    /// Executes a command under the LMK that it selects. The error is 13 when no such LMK is loaded.
    #[must_use]
    pub fn run_under(&self, lmk: LmkIdentifier, command: &Command<'_>) -> OwnedReply {
        let Some(check_value) = self.lmk.check_value(lmk) else {
            return Reply::failure(ErrorCode::LMK_IDENTIFIER);
        };
        let outcome = match command {
            Command::Diagnostics => {
                Ok(ReplyBody::Diagnostics { lmk_check_value: check_value, firmware: self.settings.firmware })
            }
            Command::Status => Ok(self.status()),
            Command::Echo(command) => Ok(ReplyBody::Echo(Cow::Owned(command.message.to_vec()))),
            Command::Random(command) => self.random(command.length),
            Command::CheckValue(command) => self.check_value(lmk, command),
            Command::GenerateKey(command) => self.generate_key(lmk, command),
            Command::FormKey(command) => self.form_key(lmk, command),
            Command::ChangeScheme(command) => self.change_scheme(lmk, command),
            Command::PairCheckValue(command) => self.pair_check_value(lmk, command),
            Command::MigrateKey(command) => self.migrate_key(lmk, command),
            Command::TranslateKey(command) => return self.translate_key(lmk, command),
            Command::MakeKey(command) => self.make_key(lmk, command),
            // The one command that answers data and a warning at once.
            Command::ImportKey(command) => return self.import_key(lmk, command),
            Command::ExportKey(command) => self.export_key(lmk, command),
            Command::TranslatePin(command) => self.translate_pin(lmk, command),
            Command::VerifyPvv(command) => self.verify_pvv(lmk, command),
            Command::VerifyIbm(command) => self.verify_ibm(lmk, command),
            Command::GenerateCvv(command) => self.generate_cvv(lmk, command),
            Command::VerifyCvv(command) => self.verify_cvv(lmk, command),
            // In authorised state these answer what would have been right, together with 01.
            Command::VerifyArqc(command) => return self.reply(self.verify_arqc(lmk, command)),
            Command::VerifyArqcSessionKey(command) => {
                return self.reply(self.verify_arqc_session_key(lmk, command));
            }
            Command::VerifyArqcTree(command) => return self.reply(self.verify_arqc_tree(lmk, command)),
            Command::VerifyUnionPayArqc(command) => {
                return self.reply(self.verify_union_pay_arqc(lmk, command));
            }
            Command::VerifyCvc3(command) => return self.reply(self.verify_cvc3(lmk, command)),
            // How the MAC over the discretionary data is made is not known.
            Command::VerifyArqcDiscretionary(_) => Err(ErrorCode::COMMAND_DISABLED),
            Command::ScriptMac(command) => self.script_mac(lmk, command),
            Command::UnionPayScriptMac(command) => self.union_pay_script_mac(lmk, command),
            Command::CipherData(command) => self.cipher_data(lmk, command),
            Command::TranslateData(command) => self.translate_data(lmk, command),
            Command::MacBlock(command) => self.mac_block(lmk, command),
            Command::MacBlockZone(command) => self.mac_block_zone(lmk, command),
            Command::GenerateTerminalMac(command) => self.generate_terminal_mac(lmk, command),
            Command::VerifyTerminalMac(command) => self.verify_terminal_mac(lmk, command),
            Command::TranslateTerminalMac(command) => self.translate_terminal_mac(lmk, command),
            Command::GenerateMac(command) => self.generate_mac(lmk, command),
            Command::VerifyMac(command) => self.verify_mac(lmk, command),
            Command::HashMessage(command) => {
                Ok(ReplyBody::Hash(Cow::Owned(hash(command.algorithm, command.message))))
            }
            Command::GeneratePin(command) => self.generate_pin(lmk, command),
            Command::PinToLmk(command) => self.pin_to_lmk(lmk, command),
            Command::PinFromLmk(command) => self.pin_from_lmk(lmk, command),
            Command::EncryptClearPin(command) => self.encrypt_clear_pin(lmk, command),
            Command::ComparePin(command) => self.compare_pin(lmk, command),
            Command::OffsetOfLmkPin(command) => self.offset_of_lmk_pin(lmk, command),
            Command::PvvOfLmkPin(command) => self.pvv_of_lmk_pin(lmk, command),
            Command::DeriveIbmPin(command) => self.derive_ibm_pin(lmk, command),
            Command::MovePin(command) => self.move_pin(lmk, command),
            Command::GenerateIbmOffset(command) => self.generate_ibm_offset(lmk, command),
            Command::ChangeIbmPin(command) => self.change_ibm_pin(lmk, command),
            Command::GeneratePvv(command) => self.generate_pvv(lmk, command),
            Command::ChangePvvPin(command) => self.change_pvv_pin(lmk, command),
            Command::TranslateDukptPin(command) => self.translate_dukpt_pin(lmk, command),
            Command::TranslateDukptPinToZpk(command) => self.translate_dukpt_pin_to_zpk(lmk, command),
            Command::VerifyDukptIbm(command) => self.verify_dukpt_ibm(lmk, command),
            Command::VerifyDukptPvv(command) => self.verify_dukpt_pvv(lmk, command),
            Command::DukptMac(command) => self.dukpt_mac(lmk, command),
        };
        outcome.map_or_else(Reply::failure, Reply::success)
    }

    /// The reply to a verification; with what would have been right, where the unit is in the state to
    /// tell it.
    fn reply(&self, verified: Result<ReplyBody<'static>, Refusal>) -> OwnedReply {
        match verified {
            Ok(body) => Reply::success(body),
            Err(Refusal::Error(error)) => Reply::failure(error),
            Err(Refusal::Wrong { expected }) if self.settings.authorised => Reply {
                error: ErrorCode::VERIFICATION_FAILED,
                body: ReplyBody::Expected(Cow::Owned(expected)),
            },
            Err(Refusal::Wrong { .. }) => Reply::failure(ErrorCode::VERIFICATION_FAILED),
        }
    }

    /// Executes one message of the wire: `request` is everything after the message header. Appends what
    /// follows the header of the reply. Every request is answered: 68 to an unknown command code, 15 to
    /// most that cannot be read.
    pub fn execute(&self, request: &[u8], reply: &mut Vec<u8>) {
        match Request::parse(request) {
            Ok(Request { command, lmk, trailer }) => {
                self.run_under(lmk.unwrap_or(Lmk::VARIANT), &command).encode(command.code(), reply);
                if let Some(trailer) = trailer {
                    reply.push(Request::END_OF_MEDIUM);
                    reply.extend_from_slice(trailer);
                }
            }
            Err(CommandError { code, error }) => Reply::failure(error).encode(code, reply),
        }
    }

    fn status(&self) -> ReplyBody<'static> {
        // Code 3 is a buffer of 32 KiB, the limit of `hsm::framing`.
        ReplyBody::Status {
            buffer: 3,
            tcp: true,
            sockets: self.settings.sockets,
            firmware: self.settings.firmware,
        }
    }

    fn random(&self, length: u16) -> Outcome {
        let mut bytes = vec![0; length.into()];
        self.fill(&mut bytes)?;
        Ok(ReplyBody::Random(Cow::Owned(bytes)))
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), ErrorCode> {
        self.random.fill(bytes).map_err(|_| ErrorCode::INTERNAL)
    }
}

/// Why a verification did not succeed.
enum Refusal {
    /// It could not be done.
    Error(ErrorCode),
    /// The value is another one.
    Wrong {
        /// The one that would have been right.
        expected: Vec<u8>,
    },
}

impl From<ErrorCode> for Refusal {
    fn from(error: ErrorCode) -> Refusal {
        Refusal::Error(error)
    }
}

/// Success without data, or 01.
fn verified(equal: bool) -> Outcome {
    if equal { Ok(ReplyBody::Empty) } else { Err(ErrorCode::VERIFICATION_FAILED) }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("settings", &self.settings).finish_non_exhaustive()
    }
}
