use super::cut::{self, Cut, Until};
use super::error::BackupError;
use super::manifest::{BackupFile, private_folder, sync_folder, sync_folders_of};
use super::verify::{Contents, beginning, verify};
use super::{JOURNAL, Progress, SNAPSHOTS, data_keys, gone, journal_failed, parent};
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use store::{DataKeys, MasterKey, Start, read_from};

/// Folder in a data folder that is being restored. As long as it is there, nothing opens that data folder.
pub const RESTORING: &str = "restoring";

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
/// Everything is made in a folder within, [`RESTORING`], which goes when all is there: whatever happens before, power
/// included, no other command opens the data folder. After an error nothing is left of it.
///
/// # Errors
/// As [`verify`]; when the backup cannot be restored to that point; and when there is something in the folder, or it
/// cannot be written.
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
    let (_, start) = beginning(backup, &contents.manifest, &keys);
    let cut = cut::find(backup, &contents.manifest, until, &keys, &start)?;
    let source = Source { backup, contents: &contents, keys: &keys, start, cut };
    let mut target = Target::make(data)?;
    match source.fill(&target.staging, progress).and_then(|records| target.settle().map(|()| records)) {
        Ok(records) => {
            let left_out = contents.records - records;
            Ok(Restored { contents, records, left_out })
        }
        Err(error) => Err(target.take_away(error)),
    }
}

/// What is restored.
struct Source<'a> {
    backup: &'a Path,
    contents: &'a Contents,
    keys: &'a DataKeys,
    start: Start,
    cut: Option<Cut>,
}

impl Source<'_> {
    /// Copies everything, and returns how many records there are then.
    fn fill(&self, staging: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<u64, BackupError> {
        let mut copied = Vec::new();
        for file in &self.contents.manifest.files {
            if !self.is_wanted(file) {
                continue;
            }
            let target = staging.join(&file.path);
            file.copy(self.backup, &target)?;
            if let Some(cut) = self.cut.as_ref().filter(|cut| cut.file == self.backup.join(&file.path)) {
                shorten(&target, cut.offset)?;
            }
            copied.push(&file.path);
            progress(Progress { path: &file.path, bytes: file.bytes });
        }
        sync_folders_of(staging, copied)?;
        // What was written is read once more, from where it is to be used.
        let read = read_from(&staging.join(JOURNAL), self.keys, self.start.clone(), &mut |_, _, _| Ok(()));
        read.map(|replay| replay.records).map_err(journal_failed)
    }

    fn is_wanted(&self, file: &BackupFile) -> bool {
        let Some(cut) = &self.cut else { return true };
        // A snapshot may know what is left out; where the whole journal is there it is not needed.
        if file.path.starts_with(SNAPSHOTS) {
            return self.start != Start::default();
        }
        let is_segment = Path::new(&file.path).parent() == Some(Path::new(JOURNAL));
        !is_segment || self.backup.join(&file.path) <= cut.file
    }
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

/// The data folder while it is made.
struct Target<'a> {
    data: &'a Path,
    staging: PathBuf,
    /// Whether the data folder was not there before.
    is_new: bool,
    /// What has its place in the data folder already.
    settled: Vec<PathBuf>,
}

impl<'a> Target<'a> {
    fn make(data: &'a Path) -> Result<Target<'a>, BackupError> {
        let staging = data.join(RESTORING);
        let is_new = !data.exists();
        // What a restore that was killed has left: it is in our folder, and nothing else is there.
        if staging.exists() {
            fs::remove_dir_all(&staging).map_err(|error| BackupError::io("removing", &staging, error))?;
        }
        let target = Target { data, staging, is_new, settled: Vec::new() };
        let made = private_folder(&target.staging).and_then(|()| sync_folder(data));
        // Also the name of the data folder itself is to be there after a loss of power.
        let made = made.and_then(|()| if is_new { sync_folder(parent(data)) } else { Ok(()) });
        match made {
            Ok(()) => Ok(target),
            Err(error) => {
                let error = BackupError::io("making", &target.staging, error);
                Err(target.take_away(error))
            }
        }
    }

    /// Gives everything its place. The folder [`RESTORING`] goes last, and with it what keeps others out.
    fn settle(&mut self) -> Result<(), BackupError> {
        let failed = |error| BackupError::io("moving files out of", &self.staging, error);
        for entry in fs::read_dir(&self.staging).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let (from, to) = (self.staging.join(&name), self.data.join(&name));
            if to.exists() {
                return Err(BackupError::NotEmpty(self.data.to_owned()));
            }
            fs::rename(from, &to).map_err(failed)?;
            self.settled.push(to);
        }
        let ended = sync_folder(self.data)
            .and_then(|()| fs::remove_dir(&self.staging))
            .and_then(|()| sync_folder(self.data));
        ended.map_err(failed)
    }

    /// After an error: everything as it was before.
    fn take_away(self, error: BackupError) -> BackupError {
        let take_away = || {
            for path in &self.settled {
                gone(if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) })?;
            }
            // Last, since it keeps others out.
            gone(fs::remove_dir_all(&self.staging))?;
            if self.is_new { gone(fs::remove_dir(self.data)) } else { Ok(()) }
        };
        error.unless_removed(self.data, take_away())
    }
}

fn nothing_but_the_master_key(data: &Path) -> Result<(), BackupError> {
    let entries = match fs::read_dir(data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BackupError::io("listing", data, error)),
    };
    let (mut is_empty, mut is_half) = (true, false);
    for entry in entries {
        let name = entry.map_err(|error| BackupError::io("listing", data, error))?.file_name();
        is_half |= name == RESTORING;
        is_empty &= name == RESTORING || name == "master.key";
    }
    match (is_empty, is_half) {
        (true, _) => Ok(()),
        (false, true) => Err(BackupError::HalfRestored(data.to_owned())),
        (false, false) => Err(BackupError::NotEmpty(data.to_owned())),
    }
}
