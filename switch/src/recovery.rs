//! From the journal to state, at start and for the tools that only look.

use crate::directory::Directory;
use crate::settings::Settings;
use auth::{Core, Record, ShardIndex, State};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use store::{FileJournal, JournalError, KeyError, MasterKey, Rejected, Replay, Stream};

/// The stream of card imports, beside those of the shards.
pub const PROVISIONING: Stream = Stream(auth::limits::SHARDS as u16);

/// Why the journal could not be opened.
#[derive(Debug)]
pub enum RecoveryError {
    /// The master key file.
    MasterKey(PathBuf, KeyError),
    /// The journal itself.
    Journal(JournalError),
}

/// Where the journal's segments lie.
#[must_use]
pub fn journal_folder(settings: &Settings) -> PathBuf {
    settings.data_folder.join("journal")
}

/// Where a running `serve` takes changes of the card base.
#[must_use]
pub fn control_socket(settings: &Settings) -> PathBuf {
    settings.data_folder.join("control.sock")
}

/// Opens the journal for writing and brings one core per shard to the state it describes. Records go
/// to the shard of their card, not to the shard that wrote them, so the number of shards may change
/// from one start to the next.
///
/// # Errors
/// When the master key or the journal cannot be read, or another process is writing to it.
pub fn recover(
    settings: &Settings,
    directory: &Directory,
) -> Result<(FileJournal, Vec<Core>, Replay), RecoveryError> {
    let master = master_key(settings)?;
    let mut cores: Vec<Core> = (0..settings.shards)
        .map(|shard| Core::new(ShardIndex(shard as u8), Arc::clone(&settings.tables)))
        .collect();
    let sizes = store::Settings { segment_bytes: settings.segment_bytes };
    let (journal, replay) =
        FileJournal::open(&journal_folder(settings), &master, sizes, &mut |_, _, bytes| {
            let record = store::decode_record(bytes)?;
            cores[directory.home_of_record(&record)].replay(&record);
            Ok(())
        })
        .map_err(RecoveryError::Journal)?;
    let last_counter = cores.iter().map(|core| core.state().last_counter()).max().unwrap_or(0);
    for core in &mut cores {
        core.resume(last_counter);
    }
    Ok((journal, cores, replay))
}

/// Reads the whole journal into one state, without a lock: `serve` may be running.
///
/// # Errors
/// As [`recover`].
pub fn load_state(settings: &Settings) -> Result<State, RecoveryError> {
    let mut state = State::default();
    read_records(settings, |record| {
        state.apply(&record);
        Ok(())
    })?;
    Ok(state)
}

/// Visits every record, oldest first, without a lock.
///
/// # Errors
/// As [`recover`], and when the visitor rejects a record.
pub fn read_records(
    settings: &Settings,
    mut visit: impl FnMut(Record) -> Result<(), Rejected>,
) -> Result<Replay, RecoveryError> {
    let folder = journal_folder(settings);
    if !folder.exists() {
        return Ok(Replay::default());
    }
    let master = master_key(settings)?;
    store::read_all(&folder, &master, &mut |_, _, bytes| visit(store::decode_record(bytes)?))
        .map_err(RecoveryError::Journal)
}

/// The key of data at rest.
///
/// # Errors
/// When its file is missing, readable by others or holds no key.
pub fn master_key(settings: &Settings) -> Result<MasterKey, RecoveryError> {
    let file = &settings.master_key_file;
    MasterKey::read_file(file).map_err(|error| RecoveryError::MasterKey(file.clone(), error))
}

impl fmt::Display for RecoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecoveryError::MasterKey(file, error) => {
                write!(f, "master key {}: {error}; `turnout init` makes one for a new folder", file.display())
            }
            RecoveryError::Journal(error) => write!(f, "journal: {error}"),
        }
    }
}

impl std::error::Error for RecoveryError {}
