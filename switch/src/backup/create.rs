use super::error::BackupError;
use super::manifest::{BackupFile, Manifest, private_folder, sync_folder, write_private};
use super::{JOURNAL, Progress, SNAPSHOTS, journal_failed};
use crate::clock;
use crate::master_key::MasterKeySource;
use crate::notifications;
use crate::recovery;
use crate::settings::Settings;
use crate::snapshots;
use std::fs;
use std::path::{Path, PathBuf};

/// Copies what a data folder can be made from again into a new folder. A running `serve` does not notice:
/// nothing of it is locked, and nothing waits. In the backup is everything that was acknowledged before it
/// was begun, and some of what came meanwhile.
///
/// # Errors
/// When the folder is there and not empty, a file cannot be read or written, or the journal is damaged.
/// What was copied by then stays, without a list.
pub fn create(
    settings: &Settings,
    backup: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Manifest, BackupError> {
    let begun = clock::now();
    empty_folder(backup)?;
    // A folder that never had data keys gets them, since a backup needs them.
    recovery::data_keys(settings)?;
    let journal = recovery::journal_folder(settings);
    let first_segment = store::oldest_segment(&journal).map_err(journal_failed)?.unwrap_or(1);
    let mut frames = 0;
    let mut files = Vec::new();
    // Before the segments: a snapshot must not know more than the journal does.
    if let Some(snapshot) = newest_snapshot(settings)? {
        files.push(copy_small(&snapshot, settings, backup, progress)?);
    }
    // Before the segments as well: what was delivered meanwhile is delivered again, and nothing is left out.
    for place in places(settings)? {
        files.push(copy_small(&place, settings, backup, progress)?);
    }
    let copied = store::copy_segments(&journal, &backup.join(JOURNAL), first_segment, &mut |segment| {
        let name = segment.file.file_name().unwrap_or_default().to_string_lossy();
        let path = format!("{JOURNAL}/{name}");
        progress(Progress { path: &path, bytes: segment.bytes });
        frames += u64::from(segment.frames);
        files.push(path);
    });
    copied.map_err(journal_failed)?;
    // Behind the segments, so that the key of the newest is among them, should it be new.
    for file in small_files(settings)? {
        files.push(copy_small(&file, settings, backup, progress)?);
    }
    let mut manifest = Manifest::new(begun, clock::now(), first_segment);
    manifest.frames = frames;
    // Read back from where they are now, so that the sums are those of what was written.
    manifest.files = files.iter().map(|path| BackupFile::of(backup, path)).collect::<Result<_, _>>()?;
    manifest.write(backup)?;
    Ok(manifest)
}

/// Copies a file of the data folder whole, and returns its path relative to that.
fn copy_small(
    file: &Path,
    settings: &Settings,
    backup: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<String, BackupError> {
    let content = fs::read(file).map_err(|error| BackupError::io("reading", file, error))?;
    let relative = file.strip_prefix(&settings.data_folder).expect("found below the folder");
    let target = backup.join(relative);
    let failed = |error| BackupError::io("writing", &target, error);
    if let Some(folder) = target.parent() {
        private_folder(folder).map_err(failed)?;
    }
    write_private(&target, &content).map_err(failed)?;
    let path = relative.to_string_lossy().into_owned();
    progress(Progress { path: &path, bytes: content.len() as u64 });
    Ok(path)
}

/// The places of the webhooks in the journal.
fn places(settings: &Settings) -> Result<Vec<PathBuf>, BackupError> {
    let found = small_files_below(settings, &settings.data_folder.join(notifications::FOLDER))?;
    Ok(found.into_iter().filter(|path| path.extension().is_some_and(|end| end == PLACE)).collect())
}

/// How the name of a webhook's place ends.
const PLACE: &str = "place";

fn newest_snapshot(settings: &Settings) -> Result<Option<PathBuf>, BackupError> {
    let dir = snapshots::folder(settings);
    let found = store::snapshots(&dir)
        .map_err(|error| BackupError::io("listing", &dir, std::io::Error::other(error.to_string())))?;
    Ok(found.into_iter().next().map(|(_, path)| path))
}

/// Makes a folder, or takes one without anything in it.
fn empty_folder(path: &Path) -> Result<(), BackupError> {
    let failed = |error| BackupError::io("making", path, error);
    private_folder(path).map_err(failed)?;
    match fs::read_dir(path).map_err(failed)?.next() {
        Some(_) => Err(BackupError::NotEmpty(path.to_owned())),
        None => sync_folder(
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        )
        .map_err(failed),
    }
}

/// The data folder's files beside the journal: data keys, keys that were imported, ceremonies, the audit
/// trail. Neither the master key, nor what is being written, nor what can be built anew.
fn small_files(settings: &Settings) -> Result<Vec<PathBuf>, BackupError> {
    let mut found = small_files_below(settings, &settings.data_folder)?;
    found.retain(|path| path.extension().is_none_or(|end| end != PLACE));
    Ok(found)
}

/// As [`small_files`], in one folder and those below it; none where there is no such folder.
fn small_files_below(settings: &Settings, folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let mut found = Vec::new();
    let mut folders = if folder.exists() { vec![folder.to_owned()] } else { Vec::new() };
    while let Some(folder) = folders.pop() {
        let failed = |error| BackupError::io("listing", &folder, error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
            let is_top = folder == settings.data_folder;
            let name = entry.file_name();
            if kind.is_dir() && !(is_top && LEFT_OUT.iter().any(|left| name == *left)) {
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
