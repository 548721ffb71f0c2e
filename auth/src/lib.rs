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

mod accounts;
mod between_shards;
mod billing;
mod booking;
mod card_answer;
mod card_change;
mod card_file;
mod card_mode;
mod card_view;
mod cashback;
mod chip;
mod chip_rules;
mod completion;
mod confirmation;
mod core;
mod counters;
mod decision;
mod duplicate;
mod effect;
mod enquiry;
mod funds;
mod holder;
mod hot_list;
mod hsm_checks;
mod indexed;
mod input;
mod instruction;
mod keyed_hash;
mod ledger_rules;
mod limit;
pub mod limits;
mod linked_account;
mod mode_orders;
mod mode_rules;
mod names;
mod online_pin;
mod original;
mod own_limits;
mod particulars;
mod pin_tries;
mod pipeline;
mod policy;
mod preauthorization;
mod product_rules;
mod provision;
mod rate;
mod recall;
mod receipt;
mod recipe;
mod record;
mod refund;
mod remittance;
mod remote;
mod request;
mod reversal;
mod script;
mod secure;
mod slab;
mod spare;
mod state;
mod stored;
mod suspended;
mod tables;
mod tariff;
mod terminal;
mod token;
mod told;
mod transfer;
mod validate;
mod value_recipe;
mod velocity;
mod verification;

pub use crate::core::Core;
pub use between_shards::{Home, ShardMessage};
pub use billing::{Billing, Settlement, Shares, Stated};
pub use booking::{Booking, Life, Role, STATEMENT_LINES, Statement, StatementLine};
pub use card_answer::CardAnswer;
pub use card_change::{
    AccountPut, AccountTerms, CardChange, CardPut, Did, Done, FurtherAccount, Planned, Refusal,
};
pub use card_mode::{
    Alarm, BlockCause, CardBlocked, CardMode, ConfirmationAsked, ConfirmationTicket, Kept, Lift, ModeChange,
    ModeChanged, ModeFile, ModeUse, ModeUsed, OneTimeCode, OwnTransfer, TransferCause, Tries, Unconfirmed,
};
pub use card_view::{CardView, LimitView};
pub use chip_rules::{ChipFinding, ChipRules, Reaction};
pub use completion::{Completion, Dispensed};
pub use confirmation::HolderAnswer;
pub use counters::{Count, Counted, MAX_COUNTED, SLIDING_PARTS, Scope, Window};
pub use effect::{Balance, Effect, IssuerAuthentication, Response};
pub use holder::{Holder, HolderChange, HolderFacts, NoSuchCard, OrderKey};
pub use hot_list::{HotChange, HotListChanged, HotNotice, HotReason, HotRefusal, HotSpan, RewardCode};
pub use hsm_checks::{
    Checks, ChecksReply, CryptogramAnswer, CryptogramCheck, CryptogramResult, CvvCheck, CvvResult,
    OrderCheck, PinCheck, PinResult, PinVerification,
};
pub use indexed::LOOK_AHEAD;
pub use input::Input;
pub use instruction::{Destination, Instruction, Reference};
pub use keyed_hash::{CodeKey, KeyedHash};
pub use ledger_rules::{LedgerRules, Transfers};
pub use limit::{Bound, Channel, Filter, Limit, Limits, Place};
pub use mode_orders::{ModeOrder, ModeRefusal};
pub use mode_rules::ModeRules;
pub use names::{
    AccountId, CustomerId, FeeName, LimitId, LinkName, ReplyTo, ShardIndex, Ticket, TransactionId,
    TransmissionTime,
};
pub use online_pin::{EncryptedBlock, KeySerial, OnlinePin};
pub use own_limits::{LimitChange, LimitChanged, LimitHolder, OWN_LIMITS, Override, OwnLimits};
pub use particulars::{
    AddressDigits, Authentication, Cvv2, HolderName, Order, Particulars, PostalCode, Traces,
};
pub use pin_tries::{PinTriesCleared, PinTriesReset};
pub use policy::{RuleMark, rule_marks};
pub use product_rules::ProductRules;
pub use provision::{LimitRefusal, Provision, ProvisionAnswer, ProvisionTask, ProvisionTicket};
pub use rate::{Markup, Quotation, RATE_DECIMALS, RATE_DIGITS, Rate, RateTable, Rounding};
pub use recall::Recall;
pub use receipt::{Check, Receipt, Step, Unit, Verdict};
pub use recipe::{ArpcBy, CryptogramKeys, IadLayout, RECIPES, Recipe, Tail};
pub use record::{
    Account, AccountKind, AccountRemoved, Card, CardRemoved, CardStatus, Completed, Credited, Details, Funds,
    HoldExpired, HoldReleased, Origin, PinReference, Record, RememberedReversal, Reversed, Transaction,
    TransactionStatus,
};
pub use remittance::{Remittance, RemittanceForgotten, RemittanceNumber, RemittanceOutcome, SentRemittance};
pub use remote::{AddressResult, AuthenticationDemand, Demand, RemoteRules, WithoutProof};
pub use request::{
    AccountType, Cash, Chip, CryptogramKind, EntryMode, MessageClass, PointOfService, Request,
    TransactionType,
};
pub use reversal::Reversal;
pub use script::{
    IssuerScript, QueuedScript, ScriptCommand, ScriptConfirmed, ScriptKeys, ScriptMac, ScriptOutcome,
    ScriptQueued, ScriptRefusal, ScriptRules, ScriptSent, Scripts, SentScript,
};
pub use state::{
    Element, Frozen, HotEntry, InternalAccount, Memory, NewestOfTerminal, Route, State, TokenFile,
};
pub use stored::{Billed, StoredTransaction};
pub use tables::{
    IbmMethod, Key, Link, PinKey, PinKeyKind, PinMethod, Product, Tables, Terminal, TerminalSet,
};
pub use tariff::{Charge, Fee, PartialFee};
pub use token::{Token, TokenChange, TokenNumber, TokenRefusal, TokenRemoved, TokenStatus, TokenTask};
pub use told::{Cvv2Result, Told};
pub use value_recipe::{ValueCheck, ValueRecipe};
pub use verification::{ContactlessUse, DeviceProof, HolderVerification, Unverified, VerificationRules};
