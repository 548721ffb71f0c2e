//! Notifications: what the journal holds becomes events for webhooks. Here is what needs no socket: the events,
//! their signature, how far each webhook has come, and what a receiver did not want. `edge/webhook.rs` delivers.
//!
//! The journal is the outbox. Nothing is written in the way of an answer, and nothing can be lost between a
//! decision and its event: a webhook reads what is durable, and its place moves on once the receiver has
//! acknowledged everything before it.

mod backoff;
mod event;
mod event_kind;
mod in_flight;
mod mode_part;
mod place_file;
mod quarantine;
mod secret;
mod signature;

pub use backoff::backoff;
pub use event::{Event, Events};
pub use event_kind::EventKind;
pub use in_flight::{InFlight, Ticket};
pub use place_file::{PlaceFile, PlaceFileError};
pub use quarantine::Quarantine;
pub use secret::{Secret, SecretError, SecretSource};
pub use signature::{SIGNATURE_HEADER, signature};

use std::path::{Path, PathBuf};

/// The folder of what webhooks keep, in the data folder.
pub const FOLDER: &str = "webhooks";

/// Where a webhook keeps its place in the journal.
#[must_use]
pub fn place_file(data_folder: &Path, webhook: &str) -> PathBuf {
    data_folder.join(FOLDER).join(format!("{webhook}.place"))
}

/// Where a webhook keeps the events that its receiver has refused for good.
#[must_use]
pub fn quarantine_file(data_folder: &Path, webhook: &str) -> PathBuf {
    data_folder.join(FOLDER).join(format!("{webhook}.quarantine.jsonl"))
}
