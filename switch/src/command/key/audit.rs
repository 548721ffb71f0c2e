//! What was done with keys: a line for each deed, chained so that none can be changed or taken out unseen.

use crate::clock;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file of the data folder.
const FILE: &str = "key-audit.jsonl";

/// Stands for the type of a key in deeds with keys of data at rest.
pub(super) const DATA_KEY: &str = "DATA";

/// Stands before the first line.
const BEGINNING: &str = "";

/// Something done with a key.
pub(super) struct Deed<'a> {
    pub(super) action: &'static str,
    pub(super) name: &'a str,
    /// Type of the key, as the configuration writes it, or [`DATA_KEY`].
    pub(super) kind: &'a str,
    /// Check value of the key or component, where there is one.
    pub(super) kcv: Option<&'a str>,
    /// Who and how, in words; never anything of a key.
    pub(super) detail: &'a str,
}

/// The audit trail of a data folder. Each line holds the hash of the one before it, so whoever changes one
/// has to change all that follow, and a copy of the last hash kept elsewhere tells. Lines cut off at the end can be
/// told by such a copy only.
pub(super) struct Audit {
    path: PathBuf,
}

/// What `verify` found.
pub(super) struct Trail {
    pub(super) lines: Vec<String>,
    /// Hash of the last line.
    pub(super) last_hash: String,
    /// Number of the first line that does not follow from the one before it.
    pub(super) broken_at: Option<usize>,
}

impl Audit {
    pub(super) fn of(data_folder: &Path) -> Audit {
        Audit { path: data_folder.join(FILE) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a deed down, on disk when this returns. Called before the deed, so that none goes
    /// unrecorded; the caller holds the lock of the key file.
    ///
    /// # Errors
    /// When the file cannot be read or written, or its chain is broken: nothing may be added to it then.
    pub(super) fn record(&self, deed: &Deed<'_>) -> io::Result<()> {
        let trail = self.read()?;
        if let Some(line) = trail.broken_at {
            return Err(io::Error::other(format!("{} is broken at line {line}", self.path.display())));
        }
        let entry = json!({
            "number": trail.lines.len() + 1,
            "time": clock::now().to_string(),
            "user": user(),
            "action": deed.action,
            "name": deed.name,
            "type": deed.kind,
            "kcv": deed.kcv,
            "detail": deed.detail,
            "previous": trail.last_hash,
        });
        let hash = hash(&entry);
        let mut entry = entry;
        entry["hash"] = Value::from(hash);
        if let Some(folder) = self.path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut out = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        out.write_all(format!("{entry}\n").as_bytes())?;
        out.sync_all()
    }

    /// Reads all lines and follows the chain.
    ///
    /// # Errors
    /// When the file cannot be read. One that is not there has no lines.
    pub(super) fn read(&self) -> io::Result<Trail> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut trail = Trail { lines: Vec::new(), last_hash: BEGINNING.to_owned(), broken_at: None };
        for (index, line) in text.lines().enumerate() {
            match follow(line, &trail.last_hash) {
                Some(hash) => trail.last_hash = hash,
                None => trail.broken_at = trail.broken_at.or(Some(index + 1)),
            }
            trail.lines.push(line.to_owned());
        }
        Ok(trail)
    }
}

/// The hash of a line that follows the one with hash `previous`.
fn follow(line: &str, previous: &str) -> Option<String> {
    let mut entry: Value = serde_json::from_str(line).ok()?;
    let stated = entry.as_object_mut()?.shift_remove("hash")?;
    let right = entry["previous"] == previous && stated == hash(&entry);
    right.then(|| stated.as_str().map(str::to_owned))?
}

fn hash(entry: &Value) -> String {
    hex::encode(digest(&SHA256, entry.to_string().as_bytes()))
}

/// Name and number of whoever runs the program. The name is what the environment says, the number what
/// the system says.
fn user() -> String {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let number = fs::metadata("/proc/self").map(|process| process.uid().to_string());
    format!("{name} ({})", number.unwrap_or_else(|_| "?".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(name: &str) -> Deed<'_> {
        Deed { action: "import", name, kind: "ZPK", kcv: Some("08D7B4"), detail: "" }
    }

    #[test]
    fn a_changed_line_breaks_the_chain() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::of(folder.path());
        for name in ["a", "b", "c"] {
            audit.record(&deed(name)).unwrap();
        }
        let trail = audit.read().unwrap();
        assert_eq!((trail.lines.len(), trail.broken_at), (3, None));
        let text = fs::read_to_string(audit.path()).unwrap();
        let check = |text: String, line| {
            fs::write(audit.path(), text).unwrap();
            assert_eq!(audit.read().unwrap().broken_at, line);
        };
        check(text.replace("\"b\"", "\"x\""), Some(2));
        check(text.lines().filter(|line| !line.contains("\"b\"")).collect::<Vec<_>>().join("\n"), Some(2));
        check(text.replacen("\"hash\":\"", "\"hash\":\"0", 1), Some(1));
        assert!(audit.record(&deed("d")).is_err());
        check(text, None);
    }
}
