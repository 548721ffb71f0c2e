//! Small files that only their owner may read or write (mode 0600).

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why a file was not read.
pub(crate) enum ReadError {
    /// Group or others have a right to it; the mode is given.
    OpenToOthers(u32),
    Io(io::Error),
}

/// A file as read.
pub(crate) struct ReadFile {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) metadata: Metadata,
}

/// Reads at most `limit` bytes of a file to which only its owner has any right.
pub(crate) fn read(path: &Path, limit: u64) -> Result<ReadFile, ReadError> {
    read_without(0o077, path, limit)
}

/// Reads at most `limit` bytes of a file that has none of these rights.
pub(crate) fn read_without(refused: u32, path: &Path, limit: u64) -> Result<ReadFile, ReadError> {
    let file = OpenOptions::new().read(true).open(path).map_err(ReadError::Io)?;
    // The rights of the opened file, so that it cannot be exchanged in between.
    let metadata = file.metadata().map_err(ReadError::Io)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & refused != 0 {
        return Err(ReadError::OpenToOthers(mode));
    }
    // Capacity from the start: bytes that grow would leave copies of a key behind.
    let capacity = metadata.len().min(limit) as usize + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(limit).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    Ok(ReadFile { bytes, metadata })
}

/// Writes a new file that only its owner can read (mode 0600), durably: it is there whole, or not at all.
///
/// # Errors
/// When a file is there already, which is never overwritten, or cannot be written.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let prepared = prepare(path, bytes)?;
    // A link, unlike a renaming, never takes the place of a file that is there.
    let linked = fs::hard_link(&prepared, path);
    fs::remove_file(&prepared)?;
    linked?;
    sync_folder(folder_of(path))
}

/// Puts a new file that only its owner can read (mode 0600) in the place of an old one, durably: at any time there
/// is one of them, whole.
///
/// # Errors
/// When the file cannot be written; the old one is there then.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::rename(prepare(path, bytes)?, path)?;
    sync_folder(folder_of(path))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The folder in which a file lies.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The file under a temporary name of this process, written and synced.
fn prepare(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let prepared = path.with_extension(format!("{}.tmp", std::process::id()));
    // What an ended process of the same number has left may have other rights.
    match fs::remove_file(&prepared) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&prepared)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        let _ = fs::remove_file(&prepared);
        return Err(error);
    }
    Ok(prepared)
}
