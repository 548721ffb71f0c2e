//! Backups: a folder of its own from which a data folder can be made again, as it was at the end of the
//! backup or at a moment before. `docs/backup.md` has the drill.
//!
//! A backup holds the journal as whole frames, sealed as they are on disk, the data keys, wrapped as they
//! are on disk, what the journal has no more (the transaction store, Parquet files, archived segments), and the
//! other files of the data folder; and a list of all that with checksums, written last. The master key is not in it, and has to be kept elsewhere.

mod create;
mod cut;
mod error;
mod manifest;
mod restore;
mod verify;

pub use create::{Archives, create};
pub use cut::Until;
pub use error::BackupError;
pub use manifest::{BackupFile, MANIFEST, Manifest};
pub use restore::{RESTORING, Restored, restore};
pub use verify::{Contents, Trial, verify};

use crate::recovery::RecoveryError;
use std::io;
use std::path::Path;
use store::{DataKeys, JournalError, MasterKey};

/// Folder of the journal's segments, in a backup as in a data folder.
const JOURNAL: &str = "journal";

/// Folder of the snapshots, likewise.
const SNAPSHOTS: &str = "snapshots";

/// The data keys of a backup.
fn data_keys(backup: &Path, master: &MasterKey) -> Result<DataKeys, BackupError> {
    DataKeys::open(&backup.join(DataKeys::FILE_NAME), master)
        .map_err(|error| BackupError::Recovery(RecoveryError::DataKeys(error)))
}

fn journal_failed(error: JournalError) -> BackupError {
    BackupError::Recovery(RecoveryError::Journal(error))
}

/// The folder that something lies in.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What came of removing something: well, too, if it was not there.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What there is to say while files are copied or read: one of them is done.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Which, relative to the backup.
    pub path: &'a str,
    /// Its size.
    pub bytes: u64,
}

#[cfg(test)]
mod tests;
