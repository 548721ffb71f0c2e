//! The SQLite file: opening it for writing or reading, and the right to write.

use crate::error::{TransactionStoreError, while_doing};
use crate::schema::{self, APPLICATION_ID, SCHEMA_VERSION};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Page cache in KiB: the indexes of an open part and of a merge fit.
const CACHE_KIB: i64 = 96 * 1024;

/// How long a reader waits while a writer changes the file's header; a checkpoint takes less.
pub(crate) const BUSY: Duration = Duration::from_secs(5);

/// What fails in [`open_writer`].
const OPENING: &str = "opening the transaction store";

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

/// Opens for writing. A file that is missing, or of another version of ours, is made anew, since the journal has
/// everything; what is no store of ours or is damaged is set aside first. Whatever else hinders SQLite (a full
/// disk, too many open files, a lock) passes, so the file then stays as it is.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, TransactionStoreError> {
    let failed = |error| TransactionStoreError::Io(path.to_owned(), error);
    if path.try_exists().map_err(failed)? {
        match look_at(path)? {
            Found::Ours(connection) => return Ok(connection),
            Found::OtherVersion => remove(path)?,
            Found::NotOurs => set_aside(path)?,
        }
    } else {
        // Without the file, what SQLite kept beside it belongs to nothing.
        remove(path)?;
    }
    // SQLite gives its other files the rights of this one.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    let connection = connect(path)?;
    prepare(&connection).map_err(while_doing(OPENING))?;
    let made = connection.execute_batch("BEGIN").and_then(|()| schema::create(&connection));
    let made = made.and_then(|()| connection.execute_batch("COMMIT"));
    made.map_err(while_doing("making the tables"))?;
    Ok(connection)
}

/// What a file is, as far as its beginning tells.
enum Found {
    /// A store of this version.
    Ours(Connection),
    /// A store of another version, or one that was never finished.
    OtherVersion,
    /// A file of another program, or one that SQLite finds damaged.
    NotOurs,
}

fn look_at(path: &Path) -> Result<Found, TransactionStoreError> {
    let connection = connect(path)?;
    // Read before anything is set: that would change the file.
    match marks(&connection) {
        Ok(Marks { application_id: APPLICATION_ID, version: SCHEMA_VERSION, .. }) => {
            prepare(&connection).map_err(while_doing(OPENING))?;
            Ok(Found::Ours(connection))
        }
        Ok(Marks { application_id: APPLICATION_ID, .. } | Marks { tables: 0, .. }) => Ok(Found::OtherVersion),
        Ok(_) => Ok(Found::NotOurs),
        Err(error) if is_damage(&error) => Ok(Found::NotOurs),
        Err(error) => Err(TransactionStoreError::Sqlite(OPENING, error)),
    }
}

fn connect(path: &Path) -> Result<Connection, TransactionStoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags);
    let connection = opened.map_err(while_doing(OPENING))?;
    connection.busy_timeout(BUSY).map_err(while_doing(OPENING))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // Indexes are sorted in memory and never in files elsewhere.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "journal_size_limit", 256 << 20)
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
    match marks(&connection) {
        Ok(Marks { application_id: APPLICATION_ID, version: SCHEMA_VERSION, .. }) => Ok(Some(connection)),
        Ok(_) => Err(TransactionStoreError::OtherSchema(path.to_owned())),
        Err(error) => Err(doing(error)),
    }
}

/// What tells whose file it is.
struct Marks {
    application_id: i32,
    version: i32,
    /// Tables, views and indexes.
    tables: u64,
}

fn marks(connection: &Connection) -> rusqlite::Result<Marks> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application_id, version) = (number("application_id")?, number("user_version")?);
    let tables =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(Marks { application_id, version, tables: tables.unsigned_abs() })
}

/// Whether the file itself is what SQLite complains of, which does not pass.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Renames what is no store of ours, over what was set aside before, so that nobody loses what only it has.
fn set_aside(path: &Path) -> Result<(), TransactionStoreError> {
    let aside = beside(path, ".damaged");
    tracing::error!(
        file = %path.display(),
        aside = %aside.display(),
        "no transaction store, or a damaged one; set aside and made anew from the journal"
    );
    // It may be of use with what SQLite kept beside it only.
    for end in ["", "-wal", "-shm"] {
        let from = beside(path, end);
        match fs::rename(&from, beside(&aside, end)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(TransactionStoreError::Io(from, error));
            }
            _ => {}
        }
    }
    Ok(())
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
