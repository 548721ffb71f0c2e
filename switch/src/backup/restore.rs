use super::error::BackupError;
use super::manifest::{private_folder, sync_folder};
use super::verify::{Contents, beginning, verify};
use super::{JOURNAL, Progress, SNAPSHOTS, data_keys};
use crate::recovery::RecoveryError;
use card::Time;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use store::{DataKeys, JournalError, MasterKey, Rejected, Sequence, Start, Stream, read_from};

/// Up to where a backup is restored: to the first frame of the journal that holds something beyond. A frame
/// is what one shard recorded at once, whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// All of it.
    End,
    /// To the first frame with a record of after this moment.
    Time(Time),
    /// To the first frame with this record of a stream, or one behind it.
    Record(Stream, Sequence),
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What is in the backup.
    pub contents: Contents,
    /// Records that are in the data folder now.
    pub records: u64,
    /// Records of the backup that were left out.
    pub left_out: u64,
}

/// Makes a data folder from a backup, after everything in the backup has been read and found good. The
/// folder may hold the master key already, and nothing else.
///
/// # Errors
/// As [`verify`]; and when there is something in the folder, or it cannot be written.
pub fn restore(
    backup: &Path,
    data: &Path,
    until: Until,
    master: &MasterKey,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Restored, BackupError> {
    nothing_but_the_master_key(data)?;
    let contents = verify(backup, master, progress)?;
    let keys = data_keys(backup, master)?;
    let (_, start) = beginning(backup, &contents.manifest, &keys)?;
    let cut = find_cut(backup, until, &keys, start.clone())?;
    if let (Until::Time(moment), Some((first, _))) = (until, contents.times)
        && moment < first
    {
        return Err(BackupError::TooLate { first: first.to_string() });
    }
    let failed = |error| BackupError::io("making", data, error);
    private_folder(data).map_err(failed)?;
    let journal = |path: &str| Path::new(path).parent() == Some(Path::new(JOURNAL));
    for file in &contents.manifest.files {
        // A snapshot may know what is left out; where the whole journal is there it is not needed.
        if cut.is_some() && start == Start::default() && file.path.starts_with(SNAPSHOTS) {
            continue;
        }
        let behind =
            cut.as_ref().is_some_and(|cut| journal(&file.path) && backup.join(&file.path) > cut.file);
        if behind {
            continue;
        }
        file.copy(backup, data)?;
        if let Some(cut) = cut.as_ref().filter(|cut| cut.file == backup.join(&file.path)) {
            shorten(&data.join(&file.path), cut.offset)?;
        }
        progress(Progress { path: &file.path, bytes: file.bytes });
    }
    sync_folder(&data.join(JOURNAL)).and_then(|()| sync_folder(data)).map_err(failed)?;
    // What was written is read once more, from where it is to be used.
    let records =
        read_from(&data.join(JOURNAL), &keys, start, &mut |_, _, _| Ok(())).map_err(journal_failed)?.records;
    let left_out = contents.records - records;
    Ok(Restored { contents, records, left_out })
}

/// Where a restored journal ends.
struct Cut {
    /// The segment of the backup.
    file: PathBuf,
    /// Byte at which the first frame begins that is left out.
    offset: u64,
}

/// `None` when everything is wanted.
fn find_cut(backup: &Path, until: Until, keys: &DataKeys, start: Start) -> Result<Option<Cut>, BackupError> {
    let mut beyond = false;
    let read = read_from(&backup.join(JOURNAL), keys, start, &mut |stream, sequence, bytes| {
        beyond = match until {
            Until::End => false,
            Until::Time(moment) => store::decode_record(bytes)?.time().is_some_and(|time| time > moment),
            Until::Record(of, first) => stream == of && sequence >= first,
        };
        if beyond { Err(Rejected("beyond the moment to restore to")) } else { Ok(()) }
    });
    match read {
        Ok(_) => Ok(None),
        // Of a record that we have refused, the journal says where its frame begins.
        Err(JournalError::Rejected { file, offset, .. }) if beyond => Ok(Some(Cut { file, offset })),
        Err(error) => Err(journal_failed(error)),
    }
}

fn journal_failed(error: JournalError) -> BackupError {
    BackupError::Recovery(RecoveryError::Journal(error))
}

/// Cuts a restored segment behind its last frame.
fn shorten(path: &Path, bytes: u64) -> Result<(), BackupError> {
    let shorten = || {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(bytes)?;
        file.sync_all()
    };
    shorten().map_err(|error| BackupError::io("writing", path, error))
}

fn nothing_but_the_master_key(data: &Path) -> Result<(), BackupError> {
    let entries = match fs::read_dir(data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BackupError::io("listing", data, error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| BackupError::io("listing", data, error))?;
        if entry.file_name() != "master.key" {
            return Err(BackupError::NotEmpty(data.to_owned()));
        }
    }
    Ok(())
}
