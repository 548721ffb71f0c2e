use super::error::BackupError;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// Name of the list in a backup.
pub const MANIFEST: &str = "backup.json";

/// Form of backups that this version writes and reads.
const FORMAT: u32 = 1;

/// The list of a backup: what is in it. Written last, so that a folder without one is no backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Form of the backup, 1.
    pub format: u32,
    /// Version of the program that made it.
    pub program: String,
    /// When it was begun, RFC 3339: everything acknowledged before is in it.
    pub begun: String,
    /// When it was done: nothing decided after is in it.
    pub ended: String,
    /// Number of the first segment.
    pub first_segment: u64,
    /// Number of frames in all segments.
    pub frames: u64,
    /// Minutes east of UTC at which business days begin.
    #[serde(default)]
    pub business_offset_minutes: i16,
    /// The transaction store in the backup, which has one where segments of the journal are gone.
    #[serde(default)]
    pub transaction_store: Option<String>,
    /// Folder of the Parquet files in the backup, if the archives were not left out.
    #[serde(default)]
    pub archive: Option<String>,
    /// What did not lie in the data folder: its place in the backup, and the path where it was.
    #[serde(default)]
    pub elsewhere: BTreeMap<String, String>,
    /// Every other file, in the order it was copied.
    pub files: Vec<BackupFile>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// Where it is, relative to the backup, and belongs, relative to a data folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// The list of files that were copied between two moments.
    pub(super) fn new(begun: card::Time, ended: card::Time, first_segment: u64) -> Manifest {
        Manifest {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            begun: begun.to_string(),
            ended: ended.to_string(),
            first_segment,
            frames: 0,
            business_offset_minutes: 0,
            transaction_store: None,
            archive: None,
            elsewhere: BTreeMap::new(),
            files: Vec::new(),
        }
    }

    /// Reads the list of a backup.
    ///
    /// # Errors
    /// When there is none, or it is none of a known form, or names files outside the backup.
    pub fn read(backup: &Path) -> Result<Manifest, BackupError> {
        let path = backup.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::NoBackup(backup.to_owned()));
            }
            Err(error) => return Err(BackupError::io("reading", &path, error)),
        };
        let damaged = |reason: String| BackupError::Damaged { file: path.clone(), reason };
        let manifest: Manifest = serde_json::from_str(&text)
            .map_err(|error| damaged(format!("is no list of a backup: {error}")))?;
        if manifest.format != FORMAT {
            return Err(damaged(format!("is of form {}, unknown to this version", manifest.format)));
        }
        match manifest.files.iter().find(|file| !is_within(&file.path)) {
            Some(file) => Err(damaged(format!("names {:?}, which is outside the backup", file.path))),
            None => Ok(manifest),
        }
    }

    /// Writes the list: whole or not at all.
    pub(super) fn write(&self, backup: &Path) -> Result<(), BackupError> {
        let text = serde_json::to_string_pretty(self).expect("text and numbers are JSON") + "\n";
        let (path, unfinished) = (backup.join(MANIFEST), backup.join("backup.json.tmp"));
        let failed = |error| BackupError::io("writing", &path, error);
        write_private(&unfinished, text.as_bytes()).map_err(failed)?;
        fs::rename(&unfinished, &path).map_err(failed)?;
        sync_folder(backup).map_err(failed)
    }
}

impl BackupFile {
    /// What there is to say of a file that lies in the backup.
    pub(super) fn of(backup: &Path, path: &str) -> Result<BackupFile, BackupError> {
        let file = backup.join(path);
        let read = || {
            let mut input = File::open(&file)?;
            digest_while(|buffer| input.read(buffer), |_| Ok(()))
        };
        let (bytes, sha256) = read().map_err(|error| BackupError::io("reading", &file, error))?;
        Ok(BackupFile { path: path.to_owned(), bytes, sha256 })
    }

    /// Whether the file in the backup is as it was written.
    pub(super) fn check(&self, backup: &Path) -> Result<(), BackupError> {
        let file = backup.join(&self.path);
        if !file.exists() {
            return Err(BackupError::Damaged { file, reason: "is missing".to_owned() });
        }
        let found = BackupFile::of(backup, &self.path)?;
        self.compare(file, found.bytes, &found.sha256)
    }

    /// Copies the file to a new one; what was read must be what was written.
    pub(super) fn copy(&self, backup: &Path, target: &Path) -> Result<(), BackupError> {
        let file = backup.join(&self.path);
        let mut input = File::open(&file).map_err(|error| BackupError::io("reading", &file, error))?;
        let copied = copy_private(&mut input, target);
        let (bytes, sha256) = copied.map_err(|error| BackupError::io("copying to", target, error))?;
        self.compare(file, bytes, &sha256)
    }

    fn compare(&self, file: PathBuf, bytes: u64, sha256: &str) -> Result<(), BackupError> {
        if bytes != self.bytes {
            let reason = format!("has {bytes} bytes; {} were written", self.bytes);
            return Err(BackupError::Damaged { file, reason });
        }
        if sha256 != self.sha256 {
            let reason = "is not what was written: its SHA-256 differs".to_owned();
            return Err(BackupError::Damaged { file, reason });
        }
        Ok(())
    }
}

/// Copies a file to a new one, part by part, and makes it durable. Gives size and SHA-256.
pub(super) fn copy_private(input: &mut File, target: &Path) -> io::Result<(u64, String)> {
    if let Some(folder) = target.parent() {
        private_folder(folder)?;
    }
    let mut output = create_private(target)?;
    let digest = digest_while(|buffer| input.read(buffer), |part| output.write_all(part))?;
    output.sync_all()?;
    Ok(digest)
}

/// Size and SHA-256 of what `read` gives until it gives nothing; `take` gets each part.
fn digest_while(
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<(u64, String)> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        let count = read(&mut buffer)?;
        if count == 0 {
            return Ok((bytes, hex::encode(context.finish())));
        }
        context.update(&buffer[..count]);
        take(&buffer[..count])?;
        bytes += count as u64;
    }
}

/// Whether a path stays below the folder it is relative to.
fn is_within(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Makes a folder that only its owner may look into; one that is there already stays as it is.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = create_private(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes the names of these files durable, and of the folders that they lie in up to `top`.
pub(super) fn sync_folders_of<'a>(
    top: &Path,
    files: impl IntoIterator<Item = &'a String>,
) -> Result<(), BackupError> {
    let mut folders = BTreeSet::from([Path::new("")]);
    for file in files {
        folders.extend(Path::new(file).ancestors().skip(1));
    }
    for folder in folders {
        let folder = top.join(folder);
        sync_folder(&folder).map_err(|error| BackupError::io("syncing", &folder, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reaches_nothing_outside() {
        let check = |path: &str, within: bool| assert_eq!(is_within(path), within, "{path:?}");
        check("journal/00000000000000000001.journal", true);
        check("keys.toml", true);
        check("", false);
        check("/etc/passwd", false);
        check("../master.key", false);
        check("journal/../../x", false);
    }
}
