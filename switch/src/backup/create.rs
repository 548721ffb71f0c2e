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
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use store::{JournalError, Retire};
use transaction_store::copy_store;

/// How often journal and snapshot are tried. What made one fail is a segment or a snapshot that was taken away between
/// its being listed and its being copied, and that happens once in a day or so.
const TRIES: usize = 5;

/// Whether a backup has the files that only grow in number: Parquet files of past days, and archived segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archives {
    /// They are copied.
    Copied,
    /// They are backed up by other means.
    LeftOut,
}

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
    archives: Archives,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Manifest, BackupError> {
    let begun = clock::now();
    let is_new = !backup.exists();
    empty_folder(backup)?;
    let making = Making {
        settings,
        backup,
        progress,
        files: Vec::new(),
        sources: BTreeSet::new(),
        elsewhere: BTreeMap::new(),
    };
    let made = making.everything(begun, archives);
    made.map_err(|error| error.unless_removed(backup, clear(backup, is_new)))
}

/// A backup in the making.
struct Making<'a> {
    settings: &'a Settings,
    backup: &'a Path,
    progress: &'a mut dyn FnMut(Progress<'_>),
    /// What was copied, relative to the backup.
    files: Vec<String>,
    /// The files that were copied whole: both archives may be one folder.
    sources: BTreeSet<PathBuf>,
    /// Where the files are from that do not lie in the data folder, by their place in the backup.
    elsewhere: BTreeMap<String, String>,
}

/// The journal as it was copied, and what belongs to it.
struct Copied {
    first_segment: u64,
    frames: u64,
    transaction_store: Option<String>,
}

impl Making<'_> {
    fn everything(mut self, begun: Time, archives: Archives) -> Result<Manifest, BackupError> {
        // A folder that never had data keys gets them, since a backup needs them.
        recovery::data_keys(self.settings)?;
        // Before the segments: what was delivered meanwhile is delivered again, and nothing is left out.
        for place in places(self.settings)? {
            self.copy_data_file(&place)?;
        }
        let Copied { first_segment, frames, transaction_store } = self.journal()?;
        // Behind the segments and the transaction store: what left those meanwhile is in an archive by now.
        let archive = match archives {
            Archives::Copied => Some(self.archives(first_segment)?),
            Archives::LeftOut => None,
        };
        // Behind the segments, so that the key of the newest is among them, should it be new.
        for file in small_files(self.settings, self.backup)? {
            self.copy_data_file(&file)?;
        }
        let mut manifest = Manifest::new(begun, clock::now(), first_segment);
        manifest.frames = frames;
        manifest.business_offset_minutes = self.settings.tables.business_offset.minutes;
        manifest.transaction_store = transaction_store;
        manifest.archive = archive;
        manifest.elsewhere = self.elsewhere;
        // Read back from where they are now, so that the sums are those of what was written.
        let files = self.files.iter().map(|path| BackupFile::of(self.backup, path));
        manifest.files = files.collect::<Result<_, _>>()?;
        sync_folders_of(self.backup, &self.files)?;
        manifest.write(self.backup)?;
        Ok(manifest)
    }

    /// Copies journal, snapshot and transaction store, from the beginning again when the switch takes away what is to
    /// be copied.
    fn journal(&mut self) -> Result<Copied, BackupError> {
        let before = self.files.len();
        let mut tries = 1;
        loop {
            match self.try_journal() {
                Err(error) if is_gone(&error) && tries < TRIES => {
                    tries += 1;
                    self.forget(before)?;
                }
                done => return done,
            }
        }
    }

    /// Removes what was copied behind the first `count` files.
    fn forget(&mut self, count: usize) -> Result<(), BackupError> {
        self.sources.clear();
        for name in [JOURNAL, SNAPSHOTS] {
            let folder = self.backup.join(name);
            let removed = gone(fs::remove_dir_all(&folder));
            removed.map_err(|error| BackupError::io("removing", &folder, error))?;
        }
        for path in self.files.drain(count..) {
            let file = self.backup.join(path);
            gone(fs::remove_file(&file)).map_err(|error| BackupError::io("removing", &file, error))?;
        }
        Ok(())
    }

    fn try_journal(&mut self) -> Result<Copied, BackupError> {
        let folder = recovery::journal_folder(self.settings);
        let first_segment = store::oldest_segment(&folder).map_err(journal_failed)?.unwrap_or(1);
        // Before the segments as well, so that it can read on where it stands. The whole journal gives it back.
        let transaction_store = if first_segment > 1 { self.transaction_store()? } else { None };
        // Before the segments: a snapshot must not know more than the journal does. As the first segment was there
        // before it and is there when it is copied, none is missing between the two.
        if let Some(snapshot) = newest_snapshot(self.settings)? {
            self.copy(&snapshot, self.relative(&snapshot))?;
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
        Ok(Copied { first_segment, frames, transaction_store })
    }

    /// Copies the transaction store as it is at this moment: it has days of which neither the journal nor the archive
    /// has everything.
    fn transaction_store(&mut self) -> Result<Option<String>, BackupError> {
        let file = &self.settings.transactions.file.clone();
        let relative = self.place_of(file, "transactions.db");
        let target = self.backup.join(&relative);
        if let Some(folder) = target.parent() {
            private_folder(folder).map_err(|error| BackupError::io("making", folder, error))?;
        }
        if !copy_store(file, &target).map_err(BackupError::TransactionStore)? {
            return Ok(None);
        }
        let path = relative.to_string_lossy().into_owned();
        let bytes = fs::metadata(&target).map_or(0, |metadata| metadata.len());
        (self.progress)(Progress { path: &path, bytes });
        self.files.push(path.clone());
        Ok(Some(path))
    }

    /// Copies the Parquet files and the archived segments. Gives the folder of the Parquet files in the backup.
    fn archives(&mut self, first_segment: u64) -> Result<String, BackupError> {
        let parquet = &self.settings.transactions.archive_folder;
        let place = self.place_of(parquet, "archive");
        let mut folders = vec![(parquet.clone(), place.clone())];
        if let Retire::Archive(segments) = &self.settings.retention.then {
            folders.push((segments.clone(), self.place_of(segments, "journal-archive")));
        }
        let left_out = with_a_way_of_their_own(self.settings, self.backup);
        for (folder, place) in folders {
            for file in files_below(self.settings, &folder, &left_out)? {
                // One that was archived meanwhile is with those of the journal.
                if segment_number(&file).is_some_and(|number| number >= first_segment) {
                    continue;
                }
                let below = file.strip_prefix(&folder).expect("found below the folder");
                self.copy_if_there(&file, &place.join(below))?;
            }
        }
        Ok(place.to_string_lossy().into_owned())
    }

    /// Where in the backup a file or folder belongs that may lie outside the data folder.
    fn place_of(&mut self, path: &Path, name: &str) -> PathBuf {
        let data = &self.settings.data_folder;
        if let Ok(relative) = path.strip_prefix(data) {
            return relative.to_owned();
        }
        let real = |path: &Path| fs::canonicalize(path).ok();
        if let (Some(path), Some(data)) = (real(path), real(data))
            && let Ok(relative) = path.strip_prefix(data)
        {
            return relative.to_owned();
        }
        let place = Path::new(ELSEWHERE).join(name);
        // What is not there is not missing after a restore.
        if path.exists() {
            let key = place.to_string_lossy().into_owned();
            self.elsewhere.insert(key, path.to_string_lossy().into_owned());
        }
        place
    }

    /// Copies a file whole, if it is still there: what was removed is not in a backup.
    fn copy_if_there(&mut self, file: &Path, relative: &Path) -> Result<(), BackupError> {
        match self.copy(file, relative) {
            Err(error) if is_gone(&error) => Ok(()),
            done => done,
        }
    }

    /// The same of one in the data folder, to the same place in the backup.
    fn copy_data_file(&mut self, file: &Path) -> Result<(), BackupError> {
        self.copy_if_there(file, self.relative(file))
    }

    fn relative<'p>(&self, file: &'p Path) -> &'p Path {
        file.strip_prefix(&self.settings.data_folder).expect("found below the folder")
    }

    fn copy(&mut self, file: &Path, relative: &Path) -> Result<(), BackupError> {
        let reading = |error| BackupError::io("reading", file, error);
        if !self.sources.insert(fs::canonicalize(file).map_err(reading)?) {
            return Ok(());
        }
        let mut input = File::open(file).map_err(reading)?;
        let target = self.backup.join(relative);
        let copied = copy_private(&mut input, &target);
        let (bytes, _) = copied.map_err(|error| BackupError::io("copying to", &target, error))?;
        let path = relative.to_string_lossy().into_owned();
        (self.progress)(Progress { path: &path, bytes });
        self.files.push(path);
        Ok(())
    }
}

/// Folder in a backup of what does not lie in the data folder.
const ELSEWHERE: &str = "elsewhere";

/// The number in the name of a segment's file.
fn segment_number(file: &Path) -> Option<u64> {
    file.extension().filter(|end| *end == "journal")?;
    file.file_stem()?.to_str()?.parse().ok()
}

/// Whether what was to be copied is not there.
fn is_gone(error: &BackupError) -> bool {
    match error {
        // Not what was to be written: it may be the backup's folder that has gone.
        BackupError::Io { doing: "reading", error, .. }
        | BackupError::Recovery(RecoveryError::Journal(JournalError::Io {
            doing: "reading", error, ..
        })) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

/// The places of the webhooks in the journal.
fn places(settings: &Settings) -> Result<Vec<PathBuf>, BackupError> {
    let found = files_below(settings, &settings.data_folder.join(notifications::FOLDER), &[])?;
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
/// The data folder's files beside journal, snapshots and archives: data keys, keys that were imported, ceremonies, the
/// audit trail. Neither the master key nor what is being written.
fn small_files(settings: &Settings, backup: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let mut left_out = with_a_way_of_their_own(settings, backup);
    left_out.extend(fs::canonicalize(&settings.transactions.archive_folder));
    if let Retire::Archive(folder) = &settings.retention.then {
        left_out.extend(fs::canonicalize(folder));
    }
    let mut found = files_below(settings, &settings.data_folder, &left_out)?;
    found.retain(|path| path.extension().is_none_or(|end| end != PLACE));
    Ok(found)
}

/// Folders that are not copied file by file, wherever they are met. A backup may lie in the data folder, though it
/// should not.
fn with_a_way_of_their_own(settings: &Settings, backup: &Path) -> Vec<PathBuf> {
    let folders = [&*recovery::journal_folder(settings), &*snapshots::folder(settings), backup];
    folders.iter().filter_map(|folder| fs::canonicalize(folder).ok()).collect()
}

/// The files in a folder and those below it, sorted, without what is passing, and without these folders by their real
/// paths; none where there is no such folder.
fn files_below(
    settings: &Settings,
    folder: &Path,
    left_out: &[PathBuf],
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
            if kind.is_dir() {
                let is_left_out = fs::canonicalize(&path).is_ok_and(|path| left_out.contains(&path));
                folders.extend((!is_left_out).then_some(path));
            } else if kind.is_file() && !is_master_key(&path, settings) && !is_passing(&path, settings) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

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

/// Locks, files that are not finished, and the transaction store, which is not copied as a file while it is written to.
fn is_passing(path: &Path, settings: &Settings) -> bool {
    // SQLite keeps files of its own beside it.
    let store = settings.transactions.file.as_os_str().as_encoded_bytes();
    path.as_os_str().as_encoded_bytes().starts_with(store)
        || path.file_name().is_some_and(|name| name == "lock")
        || path.extension().is_some_and(|end| end == "tmp" || end == "lock" || end == "new")
}
