//! The file in which wrapped keys are kept.

use super::DataKeyState;
use super::error::DataKeysError;
use super::wrapping::{FileSalt, KeyCheck, Wrapped};
use crate::private_file;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What the file says.
pub(super) struct Content {
    pub(super) salt: FileSalt,
    pub(super) key_check: KeyCheck,
    pub(super) lookup_key: Wrapped,
    /// Oldest first, one at least. The last is the current one.
    pub(super) data_keys: Vec<Entry>,
}

/// A wrapped data key.
pub(super) struct Entry {
    pub(super) version: u32,
    pub(super) created_ms: u64,
    pub(super) state: DataKeyState,
    pub(super) wrapped: Wrapped,
}

/// What tells one state of the file from another: a change replaces the file, so it is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    modified: (i64, i64),
    bytes: u64,
}

impl Stamp {
    pub(super) fn of(file: &Path) -> Result<Stamp, DataKeysError> {
        Ok(Stamp::from(&fs::metadata(file).map_err(failed(file))?))
    }
}

impl From<&fs::Metadata> for Stamp {
    fn from(metadata: &fs::Metadata) -> Stamp {
        Stamp {
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            bytes: metadata.len(),
        }
    }
}

/// The right to change the file. The system takes it back when the process ends.
pub(super) struct ChangeLock {
    _locked: File,
}

/// Takes the right to change the file (`flock`).
pub(super) fn lock(file: &Path) -> Result<ChangeLock, DataKeysError> {
    let locked = File::open(file).map_err(failed(file))?;
    match locked.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(DataKeysError::Busy(file.to_owned())),
        Err(TryLockError::Error(error)) => return Err(failed(file)(error)),
    }
    // Whoever was quicker may have replaced the file, and then the one we have locked is gone.
    if Stamp::from(&locked.metadata().map_err(failed(file))?) != Stamp::of(file)? {
        return Err(DataKeysError::Busy(file.to_owned()));
    }
    Ok(ChangeLock { _locked: locked })
}

/// Writes a file that is not there yet.
pub(super) fn create(file: &Path, content: &Content) -> Result<(), DataKeysError> {
    private_file::create(file, text(content).as_bytes()).map_err(failed(file))
}

/// Puts another file in its place.
pub(super) fn replace(file: &Path, content: &Content) -> Result<Stamp, DataKeysError> {
    private_file::replace(file, text(content).as_bytes()).map_err(failed(file))?;
    Stamp::of(file)
}

/// Reads the file, and says which state of it that was.
pub(super) fn read(file: &Path) -> Result<(Content, Stamp), DataKeysError> {
    let read = private_file::read(file, MAX_BYTES).map_err(|error| match error {
        private_file::ReadError::OpenToOthers(mode) => DataKeysError::OpenToOthers(file.to_owned(), mode),
        private_file::ReadError::Io(error) => failed(file)(error),
    })?;
    let stamp = Stamp::from(&read.metadata);
    Ok((parse(file, &read.bytes)?, stamp))
}

fn parse(file: &Path, bytes: &[u8]) -> Result<Content, DataKeysError> {
    let damaged = |what: String| DataKeysError::Damaged(file.to_owned(), what);
    // Of a wrong text only the place is told.
    let misread = |error: serde_json::Error| {
        damaged(format!("line {}, column {} is not as expected", error.line(), error.column()))
    };
    let Format { format } = serde_json::from_slice(bytes).map_err(misread)?;
    if format != FORMAT {
        return Err(DataKeysError::UnknownFormat(file.to_owned(), format));
    }
    let stored: Stored = serde_json::from_slice(bytes).map_err(misread)?;
    let not_hex = |name: &str| damaged(format!("`{name}` is not hexadecimal, or not of its length"));
    let mut content = Content {
        salt: bytes_of(&stored.salt).ok_or_else(|| not_hex("salt"))?,
        key_check: bytes_of(&stored.key_check).ok_or_else(|| not_hex("key_check"))?,
        lookup_key: bytes_of(&stored.lookup_key).ok_or_else(|| not_hex("lookup_key"))?,
        data_keys: Vec::new(),
    };
    for StoredKey { version, created_ms, state, wrapped } in stored.data_keys {
        let wrapped = bytes_of(&wrapped).ok_or_else(|| not_hex("wrapped"))?;
        content.data_keys.push(Entry { version, created_ms, state, wrapped });
    }
    if !content.data_keys.is_sorted_by(|a, b| a.version < b.version) {
        return Err(damaged("the versions do not ascend".to_owned()));
    }
    match content.data_keys.split_last() {
        Some((newest, others))
            if newest.state == DataKeyState::Current
                && others.iter().all(|key| key.state == DataKeyState::Retired) =>
        {
            Ok(content)
        }
        _ => Err(damaged("the newest data key must be the current one, and no other".to_owned())),
    }
}

fn text(content: &Content) -> String {
    let stored_key = |entry: &Entry| StoredKey {
        version: entry.version,
        created_ms: entry.created_ms,
        state: entry.state,
        wrapped: hex::encode(entry.wrapped),
    };
    let stored = Stored {
        format: FORMAT,
        salt: hex::encode(content.salt),
        key_check: hex::encode(content.key_check),
        lookup_key: hex::encode(content.lookup_key),
        data_keys: content.data_keys.iter().map(stored_key).collect(),
    };
    serde_json::to_string_pretty(&stored).expect("text and numbers are JSON") + "\n"
}

fn bytes_of<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

fn failed(file: &Path) -> impl FnOnce(io::Error) -> DataKeysError {
    |error| match error.kind() {
        io::ErrorKind::NotFound => DataKeysError::Missing(file.to_owned()),
        _ => DataKeysError::Io(file.to_owned(), error),
    }
}

/// Read before all else: a newer format may look different.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    salt: String,
    key_check: String,
    lookup_key: String,
    data_keys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    version: u32,
    created_ms: u64,
    state: DataKeyState,
    wrapped: String,
}

/// Version of the file's form.
const FORMAT: u32 = 1;

/// Room for more versions than daily rotation makes in ten years.
const MAX_BYTES: u64 = 1 << 20;
