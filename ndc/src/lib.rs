//! NDC messages between host and ATM (NCR Direct Connect, NDC+, Advance NDC), in both directions:
//! the switch is the host, the simulator of crate `terminal` is the ATM. Bytes in, values out; no
//! socket, clock or thread.
//!
//! A message is read where it lies: structs borrow from the body, and whatever may hold card data
//! ([`Secret`], `card::PinBlock`, [`SmartCard`]) is masked in `Debug`. Every struct is also written by
//! its `encode`. What a site configures and the wire does not tell comes in as [`Options`].
//!
//! ```
//! use ndc::{DispenseOutcome, FromTerminal, Function, Notes, Options, TransactionReply, Tsn};
//!
//! let request = b"11\x1c001\x1c\x1c\x1c15\x1c;4000001234567899=28122010000000123?\x1c\x1cA      A\x1c00008000";
//! let Ok(FromTerminal::TransactionRequest(request)) = ndc::parse_from_terminal(request, &Options::default())
//! else { panic!("not a request") };
//! assert_eq!(request.amount_minor, Some(8000));
//!
//! let fifty_and_twenty = [
//!     ndc::dispense::Cassette { denomination_minor: 5000, available: 100 },
//!     ndc::dispense::Cassette { denomination_minor: 2000, available: 100 },
//! ];
//! let notes = ndc::dispense::plan(8000, &fifty_and_twenty, 40).unwrap();
//! assert_eq!(notes.counts(), [0, 4, 0, 0]);
//!
//! let mut reply = TransactionReply::new(*b"125", Function::DISPENSE_AND_PRINT, request.mcn);
//! reply.luno = Some(request.luno);
//! reply.notes = Some(notes);
//! reply.tsn = Tsn::new(17).unwrap();
//! let mut body = Vec::new();
//! reply.encode(&mut body).unwrap();
//! assert_eq!(body, b"4\x1c001\x1c\x1c125\x1c00040000\x1c00172\x1c500");
//!
//! let status = b"22\x1c001\x1c\x1c8\x1cE100030000\x1c01000\x1c\x1c13000";
//! let Ok(FromTerminal::SolicitedStatus(status)) = ndc::parse_from_terminal(status, &Options::default())
//! else { panic!("not a status") };
//! let three_notes = Notes::from([0, 3, 0, 0]);
//! assert_eq!(DispenseOutcome::of(&status, &notes), DispenseOutcome::Partial { dispensed: three_notes });
//! ```
//!
//! "Reference §n" in the documentation names a section of the project's NDC reference (`ndc.md`), which
//! was written from open codecs and recorded traffic. Not read by this crate, because no open source
//! describes it well enough: the MAC algorithm (the field is found and [`Mac::covered`] says over what;
//! the check is the HSM's), coin groups, and the bodies of the classes kept verbatim as `Other`.

mod completion;
mod device_status;
pub mod dispense;
mod dump;
mod encoder;
mod error;
pub mod framing;
mod last_status;
mod luno;
mod message;
mod notes;
mod options;
mod outcome;
mod reject_code;
mod secret;
mod sequence;
mod smart_card;
mod status;
mod terminal_command;
pub mod tlv;
mod token;
mod transaction_reply;
mod transaction_request;

pub use completion::Completion;
pub use device_status::{DeviceStatus, dig};
pub use dump::dump;
pub use error::{EncodeError, EncodeErrorKind, Field, ParseError, ParseErrorKind};
pub use last_status::{LastStatus, LastStatusCode};
pub use luno::Luno;
pub use message::{FromHost, FromTerminal, parse_from_host, parse_from_terminal};
pub use notes::Notes;
pub use options::Options;
pub use outcome::DispenseOutcome;
pub use reject_code::RejectCode;
pub use secret::Secret;
pub use sequence::{Mac, Tsn, Tvn};
pub use smart_card::{CamFlags, SmartCard};
pub use status::{Descriptor, SolicitedStatus, TvnPosition, UnsolicitedStatus};
pub use terminal_command::{Command, TerminalCommand};
pub use transaction_reply::{CardFlag, Function, Print, Screen, TransactionReply};
pub use transaction_request::{OperationCode, OptionalField, RequestHeader, TransactionRequest};
