use super::cut::{self, Cut, Until};
use super::error::BackupError;
use super::manifest::{BackupFile, private_folder, sync_folder, sync_folders_of};
use super::verify::{Contents, beginning, verify};
use super::{JOURNAL, Progress, SNAPSHOTS, data_keys, gone, journal_failed, parent};
use card::{Time, UtcOffset};
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
    /// Files of the history in the backup that were left out, since they know what came after the moment.
    pub files_left_out: Vec<String>,
    /// Parquet files of a day that the journal has in part only. The switch will write that day anew from the journal,
    /// so they are there under names of their own.
    pub kept: Vec<String>,
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
    let (_, start) = beginning(backup, &contents.manifest, &keys)?;
    let cut = cut::find(backup, &contents.manifest, until, &keys, &start)?;
    let source = Source { backup, contents: &contents, keys: &keys, start, cut };
    let mut target = Target::make(data)?;
    match source.fill(&target.staging, progress).and_then(|filled| target.settle().map(|()| filled)) {
        Ok(Filled { records, files_left_out, kept }) => {
            let left_out = contents.records - records;
            Ok(Restored { contents, records, left_out, files_left_out, kept })
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

/// What there is then; see [`Restored`].
struct Filled {
    records: u64,
    files_left_out: Vec<String>,
    kept: Vec<String>,
}

/// What becomes of a file.
enum Fate {
    Copied,
    Kept(String),
    LeftOut,
    /// The same; it is no history, but belongs to the journal.
    NotNeeded,
}

impl Source<'_> {
    /// Copies everything.
    fn fill(&self, staging: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Filled, BackupError> {
        let (mut copied, mut files_left_out, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for file in &self.contents.manifest.files {
            let place = match self.fate_of(file) {
                Fate::Copied => file.path.clone(),
                Fate::Kept(place) => {
                    kept.push(place.clone());
                    place
                }
                Fate::LeftOut => {
                    files_left_out.push(file.path.clone());
                    continue;
                }
                Fate::NotNeeded => continue,
            };
            let target = staging.join(&place);
            file.copy(self.backup, &target)?;
            if let Some(cut) = self.cut.as_ref().filter(|cut| cut.file == self.backup.join(&file.path)) {
                shorten(&target, cut.offset)?;
            }
            copied.push(place);
            progress(Progress { path: &file.path, bytes: file.bytes });
        }
        sync_folders_of(staging, &copied)?;
        // What was written is read once more, from where it is to be used.
        let read = read_from(&staging.join(JOURNAL), self.keys, self.start.clone(), &mut |_, _, _| Ok(()));
        let records = read.map_err(journal_failed)?.records;
        Ok(Filled { records, files_left_out, kept })
    }

    fn fate_of(&self, file: &BackupFile) -> Fate {
        let (manifest, path) = (&self.contents.manifest, &file.path);
        let Some(cut) = &self.cut else { return Fate::Copied };
        let when = |is_wanted: bool| if is_wanted { Fate::Copied } else { Fate::NotNeeded };
        // A snapshot may know what is left out; where the whole journal is there it is not needed.
        if path.starts_with(SNAPSHOTS) {
            return when(self.start != Start::default());
        }
        if Path::new(path).parent() == Some(Path::new(JOURNAL)) {
            return when(self.backup.join(path) <= cut.file);
        }
        // What it knows of transactions that were reversed later cannot be told from the rest.
        if manifest.transaction_store.as_ref() == Some(path) {
            return Fate::LeftOut;
        }
        match manifest.archive.as_ref().and_then(|archive| archived_day(archive, path)) {
            Some(day) => self.fate_of_day(cut, path, day),
            None => Fate::Copied,
        }
    }

    fn fate_of_day(&self, cut: &Cut, path: &str, day: &str) -> Fate {
        let business_offset = UtcOffset { minutes: self.contents.manifest.business_offset_minutes };
        let day_of = |moment: Time| moment.day(business_offset).to_string();
        let is_of = |moment: Option<Time>| moment.is_some_and(|moment| day_of(moment) == day);
        // The journal begins in the middle of that day.
        if self.contents.manifest.first_segment > 1 && is_of(cut.first) {
            let (folder, name) = path.rsplit_once('/').unwrap_or_default();
            return Fate::Kept(format!("{folder}/{KEPT}{name}"));
        }
        // A day that is not over at that moment will be written when it is.
        match cut.moment {
            Some(moment) if *day >= *day_of(moment) => Fate::LeftOut,
            _ => Fate::Copied,
        }
    }
}

/// How names begin of what the archive must not write over.
const KEPT: &str = "kept-";

/// The day of a Parquet file of the archive, as its name has it.
fn archived_day<'p>(archive: &str, path: &'p str) -> Option<&'p str> {
    let stem = path.strip_prefix(archive)?.strip_prefix('/')?.strip_suffix(".parquet")?;
    let day = stem.get(stem.len().checked_sub("YYYY-MM-DD".len())?..)?;
    day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-').then_some(day)
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
