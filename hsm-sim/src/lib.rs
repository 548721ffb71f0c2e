//! A payment HSM in software, speaking payShield host commands: for development and tests.
//!
//! **Never for live keys.** They lie in the memory of a process, whatever LMK they stand under: the public
//! test LMKs that everybody knows ([`Lmk::public_test`]), or LMKs of a file ([`lmk_file`]).
//!
//! [`Engine`] executes commands, typed in process ([`Engine::run`]) or as bytes of the wire
//! ([`Engine::execute`]); [`server`] puts it behind TCP, and the program `hsm-sim` behind a command line.
//! The modules of cryptography are public, because a card or terminal simulator needs the other side of
//! each check.
//!
//! ```
//! use hsm::{Command, GenerateCvv, KeyScheme, KeyType, ReplyBody};
//! use hsm_sim::{ClearKey, Engine, Lmk, Settings};
//!
//! let cvk = ClearKey::double(&[0x31; 16]);
//! let lmk = Lmk::public_test();
//! let under_lmk = lmk.encrypt_key(KeyType::CVK, KeyScheme::U, &cvk).unwrap();
//!
//! let engine = Engine::new(lmk, Settings::default());
//! let pan = card::Pan::parse(b"4000001234567899").unwrap();
//! let reply = engine.run(&Command::GenerateCvv(GenerateCvv {
//!     cvk: under_lmk,
//!     pan,
//!     expiry: *b"3012",
//!     service_code: *b"201",
//! }));
//! let ReplyBody::Cvv(made) = reply.body else { panic!("{}", reply.error) };
//! assert_eq!(made.reveal(), hsm_sim::cvv::cvv(&cvk, &pan, b"3012", b"201").reveal());
//! ```

pub mod admin;
pub mod aes_key;
mod block_keys;
pub mod cipher;
pub mod cvv;
pub mod data_cipher;
mod decimalise;
pub mod dukpt;
pub mod emv;
mod engine;
pub mod faults;
mod ff1;
pub mod hash;
pub mod ibm3624;
pub mod kcv;
pub mod key_block;
mod key_part;
pub mod lmk;
pub mod lmk_file;
pub mod lmk_pin;
pub mod mac;
mod outbox;
pub mod pin;
pub mod pvv;
pub mod server;
pub mod statistics;
mod throttle;
pub mod tr31;
mod unit;
mod weak_key;
pub mod working_key;

pub use aes_key::AesKey;
pub use cipher::{ClearKey, KeyLength, KeyLengthError};
pub use engine::{Engine, OwnedReply, Settings};
pub use lmk::{KeyError, Lmk, LmkKind};
pub use pin::{Pin, PinError};
pub use unit::Unit;
pub use working_key::WorkingKey;
