//! Putting a sheet's new file in the place of the one before.

use crate::error::TransactionStoreError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// What happens to a file that has more rows than the one that is to replace it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fewer {
    /// An error: what only one of the two has would be lost.
    Refused,
    /// It stays. Its rows follow from those of others, which are as many as they were; this store lacks what it
    /// takes to say them all.
    Kept,
}

/// Renames `new` to `path`, unless the file there has more rows.
///
/// # Errors
/// When the file system fails, the new file is no Parquet, or there are fewer rows and that is refused. The file
/// that was there is then as it was.
pub(crate) fn put(new: &Path, path: &Path, fewer: Fewer) -> Result<(), TransactionStoreError> {
    if let Some(archived) = whole_rows(path)? {
        let here = rows(new)?.unwrap_or(0);
        if here < archived {
            fs::remove_file(new).map_err(|error| TransactionStoreError::Io(new.to_owned(), error))?;
            if fewer == Fewer::Refused {
                return Err(TransactionStoreError::FewerRows { file: path.to_owned(), archived, here });
            }
            tracing::warn!(file = %path.display(), archived, here, "kept: the store could say less of it by now");
            return Ok(());
        }
    }
    fs::rename(new, path).map_err(|error| TransactionStoreError::Io(new.to_owned(), error))
}

/// Rows of a file of the archive; `None` also when it is damaged, so that the day is written anew while the store has it.
///
/// # Errors
/// When the file system fails.
pub(crate) fn whole_rows(path: &Path) -> Result<Option<i64>, TransactionStoreError> {
    match rows(path) {
        Err(TransactionStoreError::Parquet(path, error)) => {
            tracing::warn!(file = %path.display(), %error, "damaged");
            Ok(None)
        }
        rows => rows,
    }
}

/// Rows of a Parquet file, as its end says; `None` when there is no file.
fn rows(path: &Path) -> Result<Option<i64>, TransactionStoreError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| TransactionStoreError::Io(path.to_owned(), error))?,
    };
    let reader = SerializedFileReader::new(file);
    let reader = reader.map_err(|error| TransactionStoreError::Parquet(path.to_owned(), error))?;
    Ok(Some(reader.metadata().file_metadata().num_rows()))
}
