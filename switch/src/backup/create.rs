use super::error::BackupError;
use super::manifest::{BackupFile, Manifest, copy_private, private_folder, sync_folder, sync_folders_of};
use super::{JOURNAL, Progress, SNAPSHOTS, gone, journal_failed, parent};
use crate::clock;
use crate::master_key::MasterKeySource;
use crate::notifications;
use crate::recovery::{self, RecoveryError};
use crate::settings::Settings;
use crate::snapshots;
use card::Time;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use store::JournalError;

/// How often journal and snapshot are tried. What made one fail is a segment or a snapshot that was taken away between
/// its being listed and its being copied, and that happens once in a day or so.
const TRIES: usize = 5;

/// Copies what a data folder can be made from again into a new folder. A running `serve` does not notice:
/// nothing of it is locked, and nothing waits. In the backup is everything that was acknowledged before it
/// was begun, and some of what came meanwhile.
///
/// # Errors
/// When the folder is there and not empty, a file cannot be read or written, or the journal is damaged.
/// What was copied by then is removed again.
pub fn create(
    settings: &Settings,
    backup: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Manifest, BackupError> {
    let begun = clock::now();
    let is_new = !backup.exists();
    empty_folder(backup)?;
    let made = Making { settings, backup, progress, files: Vec::new() }.everything(begun);
    made.map_err(|error| error.unless_removed(backup, clear(backup, is_new)))
}

/// A backup in the making.
struct Making<'a> {
    settings: &'a Settings,
    backup: &'a Path,
    progress: &'a mut dyn FnMut(Progress<'_>),
    /// What was copied, relative to the backup.
    files: Vec<String>,
}

/// The journal as it was copied.
struct Copied {
    first_segment: u64,
    frames: u64,
}

impl Making<'_> {
    fn everything(mut self, begun: Time) -> Result<Manifest, BackupError> {
        // A folder that never had data keys gets them, since a backup needs them.
        recovery::data_keys(self.settings)?;
        // Before the segments: what was delivered meanwhile is delivered again, and nothing is left out.
        for place in places(self.settings)? {
            self.copy_if_there(&place)?;
        }
        let Copied { first_segment, frames } = self.journal()?;
        // Behind the segments, so that the key of the newest is among them, should it be new.
        for file in small_files(self.settings, self.backup)? {
            self.copy_if_there(&file)?;
        }
        let mut manifest = Manifest::new(begun, clock::now(), first_segment);
        manifest.frames = frames;
        // Read back from where they are now, so that the sums are those of what was written.
        let files = self.files.iter().map(|path| BackupFile::of(self.backup, path));
        manifest.files = files.collect::<Result<_, _>>()?;
        sync_folders_of(self.backup, &self.files)?;
        manifest.write(self.backup)?;
        Ok(manifest)
    }

    /// Copies journal and snapshot, from the beginning again when the switch takes away what is to be copied.
    fn journal(&mut self) -> Result<Copied, BackupError> {
        let before = self.files.len();
        let mut tries = 1;
        loop {
            match self.try_journal() {
                Err(error) if is_gone(&error) && tries < TRIES => {
                    tries += 1;
                    self.files.truncate(before);
                    for name in [JOURNAL, SNAPSHOTS] {
                        let folder = self.backup.join(name);
                        let removed = gone(fs::remove_dir_all(&folder));
                        removed.map_err(|error| BackupError::io("removing", &folder, error))?;
                    }
                }
                done => return done,
            }
        }
    }

    fn try_journal(&mut self) -> Result<Copied, BackupError> {
        let folder = recovery::journal_folder(self.settings);
        let first_segment = store::oldest_segment(&folder).map_err(journal_failed)?.unwrap_or(1);
        // Before the segments: a snapshot must not know more than the journal does. As the first segment was there
        // before it and is there when it is copied, none is missing between the two.
        if let Some(snapshot) = newest_snapshot(self.settings)? {
            self.copy(&snapshot)?;
        }
        let mut frames = 0;
        let (files, progress) = (&mut self.files, &mut self.progress);
        let copied =
            store::copy_segments(&folder, &self.backup.join(JOURNAL), first_segment, &mut |segment| {
                let name = segment.file.file_name().unwrap_or_default().to_string_lossy();
                let path = format!("{JOURNAL}/{name}");
                progress(Progress { path: &path, bytes: segment.bytes });
                frames += u64::from(segment.frames);
                files.push(path);
            });
        copied.map_err(journal_failed)?;
        Ok(Copied { first_segment, frames })
    }

    /// Copies a file of the data folder whole, if it is still there: what was removed is not in a backup.
    fn copy_if_there(&mut self, file: &Path) -> Result<(), BackupError> {
        match self.copy(file) {
            Err(error) if is_gone(&error) => Ok(()),
            done => done,
        }
    }

    /// Copies a file of the data folder to the same place in the backup.
    fn copy(&mut self, file: &Path) -> Result<(), BackupError> {
        let relative = file.strip_prefix(&self.settings.data_folder).expect("found below the folder");
        let target = self.backup.join(relative);
        let mut input = File::open(file).map_err(|error| BackupError::io("reading", file, error))?;
        let copied = copy_private(&mut input, &target);
        let (bytes, _) = copied.map_err(|error| BackupError::io("copying to", &target, error))?;
        let path = relative.to_string_lossy().into_owned();
        (self.progress)(Progress { path: &path, bytes });
        self.files.push(path);
        Ok(())
    }
}

/// Whether what was to be copied is not there.
fn is_gone(error: &BackupError) -> bool {
    match error {
        BackupError::Io { error, .. }
        | BackupError::Recovery(RecoveryError::Journal(JournalError::Io { error, .. })) => {
            error.kind() == io::ErrorKind::NotFound
        }
        _ => false,
    }
}

/// The places of the webhooks in the journal.
fn places(settings: &Settings) -> Result<Vec<PathBuf>, BackupError> {
    let found = files_below(settings, &settings.data_folder.join(notifications::FOLDER), &|_| false)?;
    Ok(found.into_iter().filter(|path| path.extension().is_some_and(|end| end == PLACE)).collect())
}

/// How the name of a webhook's place ends.
const PLACE: &str = "place";

fn newest_snapshot(settings: &Settings) -> Result<Option<PathBuf>, BackupError> {
    let dir = snapshots::folder(settings);
    let found = store::snapshots(&dir)
        .map_err(|error| BackupError::io("listing", &dir, io::Error::other(error.to_string())))?;
    Ok(found.into_iter().next().map(|(_, path)| path))
}

/// Makes a folder, or takes one without anything in it.
fn empty_folder(path: &Path) -> Result<(), BackupError> {
    let failed = |error| BackupError::io("making", path, error);
    private_folder(path).map_err(failed)?;
    match fs::read_dir(path).map_err(failed)?.next() {
        Some(_) => Err(BackupError::NotEmpty(path.to_owned())),
        None => sync_folder(parent(path)).map_err(failed),
    }
}

/// Takes away what is in the folder, and the folder if it was made for it.
fn clear(folder: &Path, is_new: bool) -> io::Result<()> {
    if is_new {
        return gone(fs::remove_dir_all(folder));
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        gone(if entry.file_type()?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) })?;
    }
    Ok(())
}
/// The data folder's files beside the journal: data keys, keys that were imported, ceremonies, the audit
/// trail. Neither the master key, nor what is being written, nor what can be built anew.
fn small_files(settings: &Settings, backup: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let top = &settings.data_folder;
    let left_out: Vec<PathBuf> = LEFT_OUT.iter().map(|name| top.join(name)).collect();
    // A backup may lie in the data folder, though it should not.
    let backup = fs::canonicalize(backup).ok();
    let is_left_out =
        |folder: &Path| left_out.iter().any(|left| left == folder) || fs::canonicalize(folder).ok() == backup;
    let mut found = files_below(settings, top, &is_left_out)?;
    found.retain(|path| path.extension().is_none_or(|end| end != PLACE));
    Ok(found)
}

/// The files in a folder and those below it, sorted, without what is passing; none where there is no such folder.
fn files_below(
    settings: &Settings,
    folder: &Path,
    is_left_out: &dyn Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, BackupError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error| BackupError::io("listing", &folder, error);
        let entries = match fs::read_dir(&folder) {
            // Removed meanwhile, or never made.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
            if kind.is_dir() && !is_left_out(&path) {
                folders.push(path);
            } else if kind.is_file() && !is_master_key(&path, settings) && !is_passing(&path, settings) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Folders of a data folder that are not copied file by file: of the journal the frames are copied, of the
/// snapshots the newest one, and the others are built anew.
const LEFT_OUT: [&str; 5] = [JOURNAL, SNAPSHOTS, "journal-archive", "transactions", "archive"];

fn is_master_key(path: &Path, settings: &Settings) -> bool {
    let key = match &settings.master_key {
        // A cryptogram under the HSM's key is no secret, and of no use without that HSM.
        MasterKeySource::Environment(_) | MasterKeySource::Credential(_) | MasterKeySource::Hsm(_) => None,
        MasterKeySource::File(key) => fs::canonicalize(key).ok(),
    };
    // One that is kept here though the configuration names another is left out as well.
    path.file_name().is_some_and(|name| name == MASTER_KEY)
        || key.is_some() && fs::canonicalize(path).ok() == key
}

/// Name of the master key's file as `init` makes it.
const MASTER_KEY: &str = "master.key";

/// Locks, files that are not finished, and the transaction store, which the journal gives back: beside a journal
/// restored to a moment it would know too much.
fn is_passing(path: &Path, settings: &Settings) -> bool {
    // SQLite keeps files of its own beside it.
    let store = settings.transactions.file.as_os_str().as_encoded_bytes();
    path.as_os_str().as_encoded_bytes().starts_with(store)
        || path.file_name().is_some_and(|name| name == "lock")
        || path.extension().is_some_and(|end| end == "tmp" || end == "lock")
}
