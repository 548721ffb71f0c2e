//! The authorization core: a pure, deterministic state machine without clock, lock or I/O.
//!
//! [`Core::step`] takes the time and one [`Input`] and appends [`Effect`]s: records to make durable,
//! checks to ask the HSM for, responses to send. The edge carries them out; a test or a simulator
//! does the same without a socket. Durable state changes only in [`State::apply`], live and on
//! replay alike.
//!
//! ```
//! use auth::{Core, Input, Tables};
//! use card::Time;
//! use std::sync::Arc;
//!
//! let mut core = Core::new(auth::ShardIndex(0), Arc::new(Tables::default()));
//! let mut effects = Vec::new();
//! core.step(Time::from_unix_ms(0), Input::Tick, &mut effects);
//! assert!(effects.is_empty());
//! ```

mod card_answer;
mod card_file;
mod chip;
mod chip_rules;
mod completion;
mod core;
mod counters;
mod duplicate;
mod effect;
mod funds;
mod hsm_checks;
mod indexed;
mod input;
mod limit;
pub mod limits;
mod names;
mod online_pin;
mod own_limits;
mod pin_tries;
mod pipeline;
mod policy;
mod product_rules;
mod provision;
mod recall;
mod receipt;
mod recipe;
mod record;
mod request;
mod reversal;
mod script;
mod secure;
mod slab;
mod state;
mod stored;
mod suspended;
mod tables;
mod terminal;
mod validate;
mod velocity;
mod verification;

pub use crate::core::Core;
pub use card_answer::CardAnswer;
pub use chip_rules::{ChipFinding, ChipRules, Reaction};
pub use completion::{Completion, Dispensed};
pub use counters::{Count, Counted, MAX_COUNTED, SLIDING_PARTS, Scope, Window};
pub use effect::{Balance, Effect, IssuerAuthentication, Response};
pub use hsm_checks::{
    Checks, ChecksReply, CryptogramAnswer, CryptogramCheck, CryptogramResult, CvvCheck, CvvResult, PinCheck,
    PinResult, PinVerification,
};
pub use indexed::LOOK_AHEAD;
pub use input::Input;
pub use limit::{Bound, Channel, Filter, Limit, Limits, Place};
pub use names::{
    AccountId, CustomerId, LimitId, LinkName, ReplyTo, ShardIndex, Ticket, TransactionId, TransmissionTime,
};
pub use online_pin::{EncryptedBlock, KeySerial, OnlinePin};
pub use own_limits::{LimitChange, LimitChanged, LimitHolder, OWN_LIMITS, Override, OwnLimits};
pub use pin_tries::{PinTriesCleared, PinTriesReset};
pub use policy::{RuleMark, rule_marks};
pub use product_rules::ProductRules;
pub use provision::{
    AccountPut, AccountTerms, CardChange, CardPut, CardView, Did, Done, LimitRefusal, LimitView, Planned,
    Provision, ProvisionAnswer, ProvisionTask, ProvisionTicket, Refusal,
};
pub use recall::Recall;
pub use receipt::{Check, Receipt, Step, Unit, Verdict};
pub use recipe::{ArpcBy, CryptogramKeys, IadLayout, RECIPES, Recipe, Tail};
pub use record::{
    Account, AccountKind, AccountRemoved, Card, CardRemoved, CardStatus, Completed, Details, Funds,
    HoldExpired, Origin, PinReference, Record, RememberedReversal, Reversed, Transaction, TransactionStatus,
};
pub use request::{
    AccountType, Cash, Chip, CryptogramKind, EntryMode, MessageClass, PointOfService, Request,
    TransactionType,
};
pub use reversal::Reversal;
pub use script::{
    IssuerScript, QueuedScript, ScriptCommand, ScriptConfirmed, ScriptKeys, ScriptMac, ScriptOutcome,
    ScriptQueued, ScriptRefusal, ScriptRules, ScriptSent, Scripts, SentScript,
};
pub use state::{Element, Frozen, Memory, NewestOfTerminal, Route, State};
pub use stored::StoredTransaction;
pub use tables::{
    IbmMethod, Key, Link, PinKey, PinKeyKind, PinMethod, Product, Tables, Terminal, TerminalSet,
};
pub use verification::{ContactlessUse, DeviceProof, HolderVerification, Unverified, VerificationRules};
