use crate::recovery::RecoveryError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use store::{Sequence, Stream};
use transaction_store::TransactionStoreError;

/// Why a backup was not made, is not good, or was not restored. Names files, never contents.
#[derive(Debug)]
pub enum BackupError {
    /// The disk or its file system refused.
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// There is something where the backup or the data folder is to be made.
    NotEmpty(PathBuf),
    /// A restore was killed while it gave everything its place.
    HalfRestored(PathBuf),
    /// There was an error, and what had been made by then could not be removed.
    LeftBehind {
        /// The error.
        error: Box<BackupError>,
        /// The folder in which it is.
        path: PathBuf,
        /// Why it could not be removed.
        reason: io::Error,
    },
    /// The folder holds no finished backup.
    NoBackup(PathBuf),
    /// The backup is not as it was written.
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key or the journal: of the data folder, or of the backup.
    Recovery(RecoveryError),
    /// The transaction store could not be copied.
    TransactionStore(TransactionStoreError),
    /// The backup begins after the moment that was asked for.
    TooLate {
        /// When the backup's first record was made, RFC 3339, if it says so.
        first: String,
    },
    /// The snapshot that the backup begins with knows more than the point that was asked for.
    BeforeSnapshot {
        /// The oldest point that can be restored, as an option of the command.
        oldest: String,
    },
    /// The stream ends before the record that was asked for.
    NoSuchRecord {
        /// The stream.
        stream: Stream,
        /// The record.
        record: Sequence,
        /// How many records the stream has.
        end: Sequence,
    },
}

impl BackupError {
    pub(super) fn io(doing: &'static str, path: &Path, error: io::Error) -> BackupError {
        BackupError::Io { doing, path: path.to_owned(), error }
    }

    /// The error, and if what had been made by then could not be removed from `path`, that as well.
    pub(super) fn unless_removed(self, path: &Path, removed: io::Result<()>) -> BackupError {
        match removed {
            Ok(()) => self,
            Err(reason) => BackupError::LeftBehind { error: Box::new(self), path: path.to_owned(), reason },
        }
    }

    /// Whether the backup itself is at fault.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            BackupError::NoBackup(_) | BackupError::Damaged { .. } => true,
            BackupError::LeftBehind { error, .. } => error.is_damage(),
            BackupError::Recovery(RecoveryError::Journal(error)) => {
                matches!(error, store::JournalError::Damaged { .. } | store::JournalError::Rejected { .. })
            }
            _ => false,
        }
    }
}

impl From<RecoveryError> for BackupError {
    fn from(error: RecoveryError) -> BackupError {
        BackupError::Recovery(error)
    }
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupError::Io { doing, path, error } => {
                write!(f, "{doing} {}: {error}", path.display())?;
                mend(error).map_or(Ok(()), |mend| write!(f, "; {mend}"))
            }
            BackupError::NotEmpty(path) => {
                let path = path.display();
                write!(
                    f,
                    "{path} is not empty, and nothing is overwritten; name a folder that is not there yet"
                )
            }
            BackupError::HalfRestored(path) => write!(
                f,
                "{} holds a restore that was interrupted; remove everything in it but master.key, and restore again",
                path.display()
            ),
            BackupError::LeftBehind { error, path, reason } => write!(
                f,
                "{error}; what was made by then could not be removed from {} ({reason}): it is not whole, remove it",
                path.display()
            ),
            BackupError::NoBackup(path) => write!(
                f,
                "{} has no {}, which is written last: it is no backup, or one that was not finished",
                path.display(),
                super::MANIFEST
            ),
            BackupError::Damaged { file, reason } => {
                write!(f, "{} {reason}; use another backup", file.display())
            }
            BackupError::Recovery(error) => error.fmt(f),
            BackupError::TransactionStore(error) => error.fmt(f),
            BackupError::TooLate { first } => write!(
                f,
                "this backup begins at {first}, after the moment asked for; use an earlier backup or a later moment"
            ),
            BackupError::BeforeSnapshot { oldest } => write!(
                f,
                "the first segments of the journal are not in this backup, and the snapshot in their place knows \
                 more than the point asked for; the oldest point this backup can be restored to is {oldest}: ask for \
                 that or a later one, or use an earlier backup"
            ),
            BackupError::NoSuchRecord { stream, record, end } => write!(
                f,
                "stream {} has {} records in this backup, so there is no place before record {}; look at the number \
                 of the stream (`turnout journal dump` shows them), or leave --until-sequence away for everything",
                stream.0, end.0, record.0
            ),
        }
    }
}

/// What to do about an error of the system, where that is known.
fn mend(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("make room on that disk, or name a folder on another one")
        }
        io::ErrorKind::FileTooLarge => Some("raise the limit on the size of files (`ulimit -f`, LimitFSIZE)"),
        io::ErrorKind::PermissionDenied => Some("run it as the user of the switch"),
        _ => None,
    }
}

impl std::error::Error for BackupError {}
