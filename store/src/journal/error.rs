use super::{Sequence, Stream};
use crate::DataKeys;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a batch was not appended.
#[derive(Debug)]
pub enum AppendError {
    /// The stream stands elsewhere: another writer has appended, or ours lost count. Nothing was
    /// written.
    Sequence {
        /// The stream of the append.
        stream: Stream,
        /// Where the writer believed it to stand.
        expected: Sequence,
        /// Where it stands.
        next: Sequence,
    },
    /// The batch has this many bytes, more than [`super::Batch::MAX_BYTES`]. Nothing was written.
    TooLarge(usize),
    /// The engine has failed. Final.
    Journal(JournalError),
}

/// Why a journal cannot be opened, read or written. Names file and offset, never contents.
#[derive(Debug)]
pub enum JournalError {
    /// The disk or its file system refused.
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another process has the journal open for writing.
    InUse {
        /// The journal's folder.
        dir: PathBuf,
        /// That process, if it has left its number.
        pid: Option<u32>,
    },
    /// The segment was sealed under a key of that version, but another one.
    WrongKey {
        /// The segment.
        file: PathBuf,
    },
    /// The segment is sealed under a data key that is not there.
    UnknownDataKey {
        /// The segment.
        file: PathBuf,
        /// Version of the data key; 0 for the master key itself, as in format 1.
        version: u32,
    },
    /// The segment is of a format that this version does not know.
    UnknownVersion {
        /// The segment.
        file: PathBuf,
        /// Its format version.
        version: u32,
    },
    /// What was durable once is damaged or gone.
    Damaged {
        /// The segment.
        file: PathBuf,
        /// Byte of the file at which the damaged header or frame begins.
        offset: u64,
        /// What is wrong there.
        damage: Damage,
    },
    /// The visitor of a replay could not take a record.
    Rejected {
        /// The segment.
        file: PathBuf,
        /// Byte of the file at which the record's frame begins.
        offset: u64,
        /// The record's stream.
        stream: Stream,
        /// The record's place in it.
        sequence: Sequence,
        /// What the visitor said.
        reason: &'static str,
    },
    /// The records from here on were asked for and are no longer kept: their segments have been
    /// archived or removed.
    Gone {
        /// The stream.
        stream: Stream,
        /// The place in it.
        from: Sequence,
    },
    /// The system gave no random bytes for a segment's salt.
    NoRandom,
    /// The journal failed earlier and refuses everything since.
    Failed,
}

/// What is wrong with a place in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The segment between its neighbours, or the first one, is missing.
    SegmentMissing,
    /// The segment's header is damaged, or is that of another segment.
    SegmentHeader,
    /// The segment does not continue the one before it: frames at the end of that one are lost.
    SegmentLink,
    /// A frame is damaged, and is not the torn end of an interrupted write.
    Frame,
    /// A whole frame stands where another belongs.
    FrameOrder,
    /// The frame does not continue its stream.
    Sequence,
    /// The checksum is right and the seal is not: somebody has changed the frame.
    Seal,
    /// The payload is sealed rightly and does not consist of records.
    Records,
    /// The journal ends before a place that a snapshot or a projection has reached: frames at its
    /// end are lost, or those belong to another journal.
    EndsEarly,
    /// No frame begins at the place where reading was to go on: it is a place of another journal.
    Place,
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AppendError::Sequence { stream, expected, next } => write!(
                f,
                "stream {} stands at {} and the writer expected {}: it is not, or no longer, the owner",
                stream.0, next.0, expected.0
            ),
            AppendError::TooLarge(bytes) => write!(f, "a batch of {bytes} bytes is too large; split it"),
            AppendError::Journal(error) => error.fmt(f),
        }
    }
}

/// What whoever runs the switch can do about a disk that refuses, where we know.
fn mend(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull => {
            Some("make room on that disk and start again: everything that was answered is there")
        }
        io::ErrorKind::QuotaExceeded => {
            Some("raise the quota or make room, and start again: everything that was answered is there")
        }
        io::ErrorKind::FileTooLarge => Some(
            "raise the limit on the size of files (`ulimit -f`, LimitFSIZE) or configure smaller segments, and \
             start again: everything that was answered is there",
        ),
        io::ErrorKind::ReadOnlyFilesystem => Some(
            "the disk is read-only, which systems make of one that had errors: look into the system's log \
             before you start again",
        ),
        io::ErrorKind::PermissionDenied => Some("the file has to belong to the user that we run as"),
        _ => None,
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JournalError::Io { doing, path, error } => {
                write!(f, "{doing} {}: {error}", path.display())?;
                mend(error).map_or(Ok(()), |mend| write!(f, "; {mend}"))
            }
            JournalError::InUse { dir, pid } => {
                write!(f, "{} is in use by ", dir.display())?;
                match pid {
                    Some(pid) => write!(f, "process {pid}; stop it first"),
                    None => f.write_str("another process; stop it first"),
                }
            }
            JournalError::WrongKey { file } => {
                let (file, keys) = (file.display(), DataKeys::FILE_NAME);
                write!(f, "{file} is sealed under other data keys; bring back the {keys} that belongs to it")
            }
            JournalError::UnknownDataKey { file, version: DataKeys::FORMAT_1 } => {
                let (file, keys) = (file.display(), DataKeys::FILE_NAME);
                write!(
                    f,
                    "{file} is of format 1, sealed under the master key itself, which {keys} does not hold; \
                     bring back the {keys} that was made when this journal was first opened by a newer version"
                )
            }
            JournalError::UnknownDataKey { file, version } => {
                let (file, keys) = (file.display(), DataKeys::FILE_NAME);
                write!(
                    f,
                    "{file} is sealed under data key {version}, which {keys} does not have; \
                     bring back the newest copy of that file"
                )
            }
            JournalError::UnknownVersion { file, version } => {
                let file = file.display();
                write!(f, "{file} has format {version}, unknown to this version; use a newer one")
            }
            JournalError::Damaged { file, offset, damage } => {
                let file = file.display();
                write!(f, "{file} at byte {offset}: {damage}; restore the file from a backup")
            }
            JournalError::Rejected { file, offset, stream, sequence, reason } => write!(
                f,
                "{} at byte {offset}: record {} of stream {}: {reason}",
                file.display(),
                sequence.0,
                stream.0
            ),
            JournalError::Gone { stream, from } => write!(
                f,
                "record {} of stream {} is no longer in the journal; look into its archive",
                from.0, stream.0
            ),
            JournalError::NoRandom => f.write_str("the system gave no random bytes"),
            JournalError::Failed => f.write_str("the journal has failed earlier; restart the process"),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Damage::SegmentMissing => "the segment is missing",
            Damage::SegmentHeader => "the segment header is damaged",
            Damage::SegmentLink => "the segment does not continue the one before it",
            Damage::Frame => "a frame is damaged",
            Damage::FrameOrder => "a frame is not the next one",
            Damage::Sequence => "a frame does not continue its stream",
            Damage::Seal => "the seal of a frame is broken",
            Damage::Records => "a frame does not consist of records",
            Damage::EndsEarly => "the journal ends before a place that a snapshot of it has reached",
            Damage::Place => "no frame begins where reading was to go on",
        })
    }
}

impl std::error::Error for AppendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AppendError::Journal(error) => Some(error),
            _ => None,
        }
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            JournalError::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<JournalError> for AppendError {
    fn from(error: JournalError) -> AppendError {
        AppendError::Journal(error)
    }
}
