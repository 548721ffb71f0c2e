//! `keys.toml` of the data folder: read whole, changed under a lock, written whole or not at all.

use crate::config::KeyKind;
use hsm::KeyField;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The keys that tools have added. Nobody else changes them as long as this lives.
pub(super) struct KeyFile {
    path: PathBuf,
    /// Locked until it is dropped, or the process ends.
    folder: File,
    content: Content,
}

#[derive(Default, Serialize, Deserialize)]
struct Content {
    #[serde(default)]
    key: Vec<Entry>,
}

/// One `[[key]]`.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    name: String,
    r#type: String,
    cryptogram: String,
    kcv: Option<String>,
    revoked: Option<String>,
}

impl KeyFile {
    /// Makes the folder where it is not there yet.
    ///
    /// # Errors
    /// When another tool is at work, or the file cannot be read.
    pub(super) fn open(path: PathBuf) -> io::Result<KeyFile> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let folder = File::open(folder)?;
        folder.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::other("another `turnout key` is at work; try again"),
            TryLockError::Error(error) => error,
        })?;
        let content = match fs::read_to_string(&path) {
            // What is wrong with it was told when the configuration was read.
            Ok(text) => toml::from_str(&text).map_err(|_| io::Error::other("cannot be read as keys"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(error) => return Err(error),
        };
        Ok(KeyFile { path, folder, content })
    }

    /// Adds a key.
    pub(super) fn add(&mut self, name: &str, kind: KeyKind, key: &KeyField<'_>, kcv: &str) {
        self.content.key.push(Entry {
            name: name.to_owned(),
            r#type: kind.as_str().to_owned(),
            cryptogram: key.to_text(),
            kcv: Some(kcv.to_owned()),
            revoked: None,
        });
    }

    /// Whether a key of that name stands here.
    pub(super) fn has(&self, name: &str) -> bool {
        self.content.key.iter().any(|entry| entry.name == name)
    }

    /// Says of a key when and why it is not used any more, or that it is again.
    pub(super) fn revoke(&mut self, name: &str, revoked: Option<String>) {
        if let Some(entry) = self.content.key.iter_mut().find(|entry| entry.name == name) {
            entry.revoked = revoked;
        }
    }

    /// Gives a key the next free name with a number, `zpk-visa.1`, and frees its own.
    pub(super) fn set_aside(&mut self, name: &str) -> Option<String> {
        let free = |number: &u32| !self.has(&format!("{name}.{number}"));
        let aside = format!("{name}.{}", (1..=u32::MAX).find(free)?);
        let entry = self.content.key.iter_mut().find(|entry| entry.name == name)?;
        aside.clone_into(&mut entry.name);
        Some(aside)
    }

    /// Writes the file, whole or not at all, whenever the power fails.
    ///
    /// # Errors
    /// When it cannot be written; the old one is still there then.
    pub(super) fn save(&self) -> io::Result<()> {
        let text = toml::to_string(&self.content).map_err(io::Error::other)?;
        let new = self.path.with_extension("toml.new");
        write_new(&new, &(FILE_HEAD.to_owned() + &text))?;
        fs::rename(new, &self.path)?;
        // The name is on disk only when its folder is.
        self.folder.sync_all()
    }
}

/// Writes a file that only its owner can read. One that is there was left behind by a crash.
pub(super) fn write_new(path: &Path, content: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    out.write_all(content.as_bytes())?;
    out.sync_all()
}

const FILE_HEAD: &str =
    "# Keys added by `turnout key`, as cryptograms under the LMK. It writes this file anew each time.\n\n";
