//! From the journal to state, at start and for the tools that only look.

use crate::backup::RESTORING;
use crate::directory::Directory;
use crate::filling;
use crate::master_key::MasterKeyError;
use crate::settings::Settings;
use crate::snapshots;
use auth::{CodeKey, Core, State};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use store::{DataKeys, DataKeysError, FileJournal, JournalError, MasterKey, Replay, SnapshotError, Stream};

/// The stream of card imports, beside those of the shards.
pub const PROVISIONING: Stream = Stream(auth::limits::SHARDS as u16);

/// Why the journal could not be opened.
#[derive(Debug)]
pub enum RecoveryError {
    /// The master key.
    MasterKey(MasterKeyError),
    /// The file of the data keys.
    DataKeys(DataKeysError),
    /// The journal itself.
    Journal(JournalError),
    /// A restore of a backup was interrupted in this data folder, or goes on.
    HalfRestored(PathBuf),
    /// No snapshot can be read, and the journal cannot tell the same, since it has no beginning any more.
    NoSnapshot {
        /// What is wrong with the newest one.
        error: SnapshotError,
        /// The folder of the journal.
        journal: PathBuf,
        /// Its first segment that is missing; those behind it may be, too.
        missing: u64,
    },
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

/// What a start begins with.
pub struct Recovered {
    /// The journal, open for writing.
    pub journal: FileJournal,
    /// One core per shard.
    pub cores: Vec<Core>,
    /// What was read of the journal.
    pub replay: Replay,
    /// The keys of data at rest.
    pub keys: DataKeys,
}

/// Opens the journal for writing and brings one core per shard to the state it describes, from the newest
/// snapshot on. Records go to the shard of their card, not to the shard that wrote them, so the number of
/// shards may change from one start to the next.
///
/// # Errors
/// When the master key, the data keys or the journal cannot be read, or another process is writing to it.
pub fn recover(settings: &Settings, directory: &Directory) -> Result<Recovered, RecoveryError> {
    let keys = data_keys(settings)?;
    let (mut cores, start) = snapshots::restore_cores(settings, &keys, directory)?;
    let sizes = store::Settings { segment_bytes: settings.segment_bytes };
    let opened = filling::fill(&mut cores, |filler| {
        FileJournal::open_from(&journal_folder(settings), &keys, sizes, start, &mut |_, _, bytes| {
            let record = store::decode_without_receipt(bytes)?;
            let homes = directory.homes_of_record(&record);
            let mut homes = homes.peekable();
            while let Some(home) = homes.next() {
                if homes.peek().is_none() {
                    filler.replay(home, record);
                    break;
                }
                filler.replay(home, record.clone());
            }
            Ok(())
        })
    });
    let (journal, replay) = opened.map_err(RecoveryError::Journal)?;
    let last_counter = cores.iter().map(|core| core.state().last_counter()).max().unwrap_or(0);
    for core in &mut cores {
        core.resume(last_counter);
        core.keep_codes_under(CodeKey::new(&keys.code_key()));
    }
    Ok(Recovered { journal, cores, replay, keys })
}

/// Reads the state of all shards into one, from the newest snapshot on and without a lock: `serve` may be
/// running.
///
/// # Errors
/// As [`recover`].
pub fn load_state(settings: &Settings) -> Result<State, RecoveryError> {
    whole_data_folder(settings)?;
    let folder = journal_folder(settings);
    if !folder.exists() {
        return Ok(State::default());
    }
    let keys = data_keys(settings)?;
    let (mut state, start) = snapshots::restore_state(settings, &keys)?;
    let read = filling::fill(std::slice::from_mut(&mut state), |filler| {
        store::read_from(&folder, &keys, start, &mut |_, _, bytes| {
            filler.replay(0, store::decode_without_receipt(bytes)?);
            Ok(())
        })
    });
    read.map_err(RecoveryError::Journal)?;
    Ok(state)
}

/// The same with the journal open for writing, for the tools that change the card base while no `serve` runs.
///
/// # Errors
/// As [`recover`].
pub fn open_state(settings: &Settings) -> Result<(FileJournal, State), RecoveryError> {
    let keys = data_keys(settings)?;
    let (mut state, start) = snapshots::restore_state(settings, &keys)?;
    let sizes = store::Settings { segment_bytes: settings.segment_bytes };
    let opened = filling::fill(std::slice::from_mut(&mut state), |filler| {
        FileJournal::open_from(&journal_folder(settings), &keys, sizes, start, &mut |_, _, bytes| {
            filler.replay(0, store::decode_without_receipt(bytes)?);
            Ok(())
        })
    });
    let (journal, _) = opened.map_err(RecoveryError::Journal)?;
    Ok((journal, state))
}

/// The keys of data at rest. A folder from before there were data keys gets them now.
///
/// # Errors
/// When the master key or the file of the data keys cannot be read, that file is missing and the
/// journal needs it, or a restore of the folder was not finished.
pub fn data_keys(settings: &Settings) -> Result<DataKeys, RecoveryError> {
    whole_data_folder(settings)?;
    let master = master_key(settings)?;
    let file = data_keys_file(settings);
    match DataKeys::open(&file, &master) {
        Err(DataKeysError::Missing(_)) => first_data_keys(settings, &file, &master),
        opened => opened.map_err(RecoveryError::DataKeys),
    }
}

/// A data folder that is being restored is not opened: it would look like a new one, or like an old one of which some
/// is missing.
fn whole_data_folder(settings: &Settings) -> Result<(), RecoveryError> {
    match settings.data_folder.join(RESTORING).exists() {
        true => Err(RecoveryError::HalfRestored(settings.data_folder.clone())),
        false => Ok(()),
    }
}

/// Where the data keys lie.
#[must_use]
pub fn data_keys_file(settings: &Settings) -> PathBuf {
    settings.data_folder.join(DataKeys::FILE_NAME)
}

/// Makes the data keys of a folder that never had any, as its journal tells.
fn first_data_keys(settings: &Settings, file: &Path, master: &MasterKey) -> Result<DataKeys, RecoveryError> {
    let journal = journal_folder(settings);
    let format = if journal.exists() { store::newest_format(&journal) } else { Ok(None) };
    let made = match format.map_err(RecoveryError::Journal)? {
        None => DataKeys::create(file, master),
        Some(1) => DataKeys::adopt(file, master),
        // New keys would open nothing of it.
        Some(_) => Err(DataKeysError::Missing(file.to_owned())),
    };
    match made {
        // Another process was quicker.
        Err(DataKeysError::Io(_, error)) if error.kind() == io::ErrorKind::AlreadyExists => {
            DataKeys::open(file, master).map_err(RecoveryError::DataKeys)
        }
        made => made.map_err(RecoveryError::DataKeys),
    }
}

/// The key that wraps the data keys.
///
/// # Errors
/// When it is not where the configuration says, others may read it, it is no key, or the HSM that keeps it
/// does not answer.
pub fn master_key(settings: &Settings) -> Result<MasterKey, RecoveryError> {
    settings.master_key.read(&settings.hsm).map_err(RecoveryError::MasterKey)
}

impl fmt::Display for RecoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecoveryError::MasterKey(error) => write!(f, "master key: {error}"),
            RecoveryError::DataKeys(error) => write!(f, "data keys: {error}"),
            RecoveryError::Journal(error) => write!(f, "journal: {error}"),
            RecoveryError::HalfRestored(folder) => write!(
                f,
                "{} is being restored from a backup, or that was interrupted: if it does not run any more, remove \
                 everything in the folder but master.key, and run `turnout backup restore` again",
                folder.display()
            ),
            RecoveryError::NoSnapshot { error, journal, missing } => {
                let journal = journal.display();
                let instead = match error {
                    SnapshotError::Version(..) => "start with the build that wrote the snapshot",
                    _ => "put back the snapshot or the data folder from a backup",
                };
                write!(
                    f,
                    "{error}; the journal in {journal} does not tell the same, since its segment {missing} is \
                     missing: {instead}, or move all segments that were retired back into that folder"
                )
            }
        }
    }
}

impl std::error::Error for RecoveryError {}
