use crate::file;
use std::fmt;
use std::io;
use std::path::PathBuf;
use store::{Sequence, Stream};

/// Why the transaction store cannot do what was asked. Holds no card data.
#[derive(Debug)]
pub enum TransactionStoreError {
    /// SQLite failed while doing this.
    Sqlite(&'static str, rusqlite::Error),
    /// A file or folder.
    Io(PathBuf, io::Error),
    /// Another process writes to it.
    InUse(PathBuf),
    /// The file was written by another version of this program, or by another program.
    OtherSchema(PathBuf),
    /// Records are missing between what the store has and what it is given.
    Gap {
        /// The stream.
        stream: Stream,
        /// The next record that the store can take.
        expected: Sequence,
        /// The record it was given.
        found: Sequence,
    },
    /// An archived day has more rows than the store has of it now. The file stays as it is.
    FewerRows {
        /// The Parquet file.
        file: PathBuf,
        /// Rows in it.
        archived: i64,
        /// Rows in the store.
        here: i64,
    },
    /// A Parquet file.
    Parquet(PathBuf, parquet::errors::ParquetError),
    /// A stored value is not what this program writes; names the column.
    Content(&'static str),
}

impl fmt::Display for TransactionStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(doing, error) if file::is_damage(error) => {
                write!(f, "{doing}: {error}; `turnout tran rebuild` makes it anew from the journal")
            }
            Self::Sqlite(doing, error) => write!(f, "{doing}: {error}"),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::InUse(path) => {
                let path = path.display();
                write!(f, "{path} is being written to by another process; stop it, or let it do the work")
            }
            Self::OtherSchema(path) => {
                let path = path.display();
                write!(
                    f,
                    "{path} is of another version; `turnout tran rebuild` makes it anew from the journal"
                )
            }
            Self::Gap { stream, expected, found } => write!(
                f,
                "stream {}: the next record is {} and the journal has {}; `turnout tran rebuild` begins anew",
                stream.0, expected.0, found.0
            ),
            Self::FewerRows { file, archived, here } => write!(
                f,
                "{} has {archived} rows and the store {here} of that day; it stays as it is, so move it away if the \
                 store is right",
                file.display()
            ),
            Self::Parquet(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Content(column) => {
                write!(
                    f,
                    "column {column} holds what this program never writes; `turnout tran rebuild` mends it"
                )
            }
        }
    }
}

impl std::error::Error for TransactionStoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sqlite(_, error) => Some(error),
            Self::Io(_, error) => Some(error),
            Self::Parquet(_, error) => Some(error),
            Self::InUse(_)
            | Self::OtherSchema(_)
            | Self::Gap { .. }
            | Self::FewerRows { .. }
            | Self::Content(_) => None,
        }
    }
}

/// Names what was being done when SQLite failed.
pub(crate) fn while_doing(doing: &'static str) -> impl Fn(rusqlite::Error) -> TransactionStoreError {
    move |error| TransactionStoreError::Sqlite(doing, error)
}
