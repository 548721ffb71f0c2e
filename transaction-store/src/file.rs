//! The SQLite file: opening it for writing or reading, and the right to write.

use crate::error::{TransactionStoreError, while_doing};
use crate::schema::{self, APPLICATION_ID, SCHEMA_VERSION};
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Page cache in KiB: the indexes of an open part and of a merge fit.
const CACHE_KIB: i64 = 96 * 1024;

/// How long a reader waits while a writer changes the file's header; a checkpoint takes less.
pub(crate) const BUSY: Duration = Duration::from_secs(5);

/// The right to write. The system takes it back when the process ends.
#[derive(Debug)]
pub(crate) struct WriteLock(File);

impl WriteLock {
    pub(crate) fn take(path: &Path) -> Result<WriteLock, TransactionStoreError> {
        let lock = beside(path, ".lock");
        let failed = |error| TransactionStoreError::Io(lock.clone(), error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&lock).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(WriteLock(file)),
            Err(TryLockError::WouldBlock) => Err(TransactionStoreError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Opens for writing; a file that is missing or of another version is made anew. Says whether it was.
pub(crate) fn open_writer(path: &Path) -> Result<(Connection, bool), TransactionStoreError> {
    if let Some(connection) = existing(path)? {
        return Ok((connection, false));
    }
    remove(path)?;
    // SQLite gives its other files the rights of this one.
    let create = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    create.map_err(|error| TransactionStoreError::Io(path.to_owned(), error))?;
    let connection = connect(path)?;
    let made = connection.execute_batch("BEGIN").and_then(|()| schema::create(&connection));
    let made = made.and_then(|()| connection.execute_batch("COMMIT"));
    made.map_err(while_doing("making the tables"))?;
    Ok((connection, true))
}

/// The file as it is, if it is of this version.
fn existing(path: &Path) -> Result<Option<Connection>, TransactionStoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let is_ours = |connection: &Connection| of_this_version(connection).unwrap_or(false);
    match connect(path) {
        Ok(connection) if is_ours(&connection) => Ok(Some(connection)),
        // Also what is no SQLite file at all: the journal has everything.
        Ok(_) | Err(TransactionStoreError::Sqlite(..)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn connect(path: &Path) -> Result<Connection, TransactionStoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags);
    let connection = opened.map_err(while_doing("opening the transaction store"))?;
    let prepared = connection
        .busy_timeout(BUSY)
        .and_then(|()| connection.pragma_update(None, "journal_mode", "WAL"))
        .and_then(|()| connection.pragma_update(None, "synchronous", "NORMAL"))
        .and_then(|()| connection.pragma_update(None, "cache_size", -CACHE_KIB))
        // Indexes are sorted in memory and never in files elsewhere.
        .and_then(|()| connection.pragma_update(None, "temp_store", "MEMORY"))
        .and_then(|()| connection.pragma_update(None, "journal_size_limit", 256 << 20));
    prepared.map_err(while_doing("opening the transaction store"))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens beside a writer and changes nothing. `None` when there is no file.
pub(crate) fn open_reader(path: &Path) -> Result<Option<Connection>, TransactionStoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let doing = while_doing("reading the transaction store");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(&doing)?;
    connection.busy_timeout(BUSY).map_err(&doing)?;
    // One for each day's table, and those that go before.
    connection.set_prepared_statement_cache_capacity(64);
    match of_this_version(&connection) {
        Ok(true) => Ok(Some(connection)),
        Ok(false) => Err(TransactionStoreError::OtherSchema(path.to_owned())),
        Err(error) => Err(doing(error)),
    }
}

fn of_this_version(connection: &Connection) -> rusqlite::Result<bool> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    Ok(number("application_id")? == APPLICATION_ID && number("user_version")? == SCHEMA_VERSION)
}

/// Removes the file and what SQLite keeps beside it.
pub(crate) fn remove(path: &Path) -> Result<(), TransactionStoreError> {
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(TransactionStoreError::Io(file, error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes a folder that only its owner sees, with those above it.
pub(crate) fn make_folder(folder: &Path) -> Result<(), TransactionStoreError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| TransactionStoreError::Io(folder.to_owned(), error))
}

pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}
