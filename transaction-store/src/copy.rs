//! A copy of the store for a backup, made beside whoever writes.

use crate::error::{TransactionStoreError, while_doing};
use crate::file::BUSY;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Pages that are copied at a time.
const PAGES: i32 = 4096;

/// Copies the store as it is at this moment into a new file, page by page. Whoever writes is not stopped; only the
/// write-ahead log grows until the copy is done. `false` when there is no store.
///
/// The copy is a single file, without a log beside it, and is durable.
///
/// # Errors
/// When the store cannot be read, or the copy not be written or is there already.
pub fn copy_store(from: &Path, to: &Path) -> Result<bool, TransactionStoreError> {
    if !from.exists() {
        return Ok(false);
    }
    let doing = while_doing("copying the transaction store");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags).map_err(&doing)?;
    source.busy_timeout(BUSY).map_err(&doing)?;
    // Held until the end, since a copy of which pages change begins again and again.
    let begun = source.execute_batch("BEGIN").and_then(|()| {
        source.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
    });
    begun.map_err(&doing)?;

    let failed = |error| TransactionStoreError::Io(to.to_owned(), error);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(failed)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(to, flags).map_err(&doing)?;
    // A copy that is not finished is of no use, so it need not be safe before the end.
    let prepared = target.pragma_update(None, "synchronous", "OFF");
    prepared.map_err(&doing)?;
    let backup = Backup::new(&source, &mut target).map_err(&doing)?;
    loop {
        match backup.step(PAGES).map_err(&doing)? {
            StepResult::Done => break,
            StepResult::More => {}
            // The source is read under a transaction, and nobody else knows of the target.
            _ => return Err(TransactionStoreError::InUse(to.to_owned())),
        }
    }
    drop(backup);
    target.pragma_update(None, "journal_mode", "DELETE").map_err(&doing)?;
    target.close().map_err(|(_, error)| doing(error))?;
    File::open(to).and_then(|file| file.sync_all()).map_err(failed)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Reader, TransactionStore};
    use auth::{AccountId, AccountRemoved, Record};
    use card::{Time, UtcOffset};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use store::{Sequence, Stream};

    #[test]
    fn a_copy_is_of_one_moment_and_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("store.db"), folder.path().join("copy.db"));
        assert!(!copy_store(&from, &to).unwrap());
        let keys = store::DataKeys::in_memory().unwrap();
        let mut store = TransactionStore::open(&from, UtcOffset::default(), keys).unwrap();
        let removed = AccountRemoved { account: AccountId::new("1").unwrap(), time: Time::from_unix_ms(5) };
        store.apply(Stream(0), Sequence(0), &Record::AccountRemoved(removed)).unwrap();
        store.commit(Some("here")).unwrap();
        // Applied and not committed: it comes again from the journal.
        store.apply(Stream(0), Sequence(1), &Record::AccountRemoved(removed)).unwrap();
        assert!(copy_store(&from, &to).unwrap());
        store.commit(Some("there")).unwrap();

        let beside: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("copy"))
            .collect();
        assert_eq!(beside, ["copy.db"]);
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        let progress = Reader::open(&to).unwrap().unwrap().progress().clone();
        assert_eq!((progress.place.as_deref(), progress.next[&0]), (Some("here"), 1));
        assert!(copy_store(&from, &to).is_err(), "nothing is overwritten");
    }
}
