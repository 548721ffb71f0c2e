//! Dialects by name or from a file of one's own.

use iso8583::{Dialect, DialectError};
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest dialect file.
const LONGEST_FILE: u64 = 1024 * 1024;

/// Why there is no such dialect.
#[derive(Debug)]
pub enum DialectsError {
    /// No dialect of that name is compiled in.
    Unknown {
        /// The name.
        name: String,
    },
    /// The file cannot be read.
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is no dialect.
    Faults {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        error: DialectError,
    },
}

/// The dialect that a text names: a compiled-in one by its name, or a file by its path, relative to
/// `folder`. A path ends in `.toml` or has a separator in it. In a file `based_on` may name another
/// file beside it, without its ending.
///
/// # Errors
/// When there is none, or its file is wrong.
pub fn find(named: &str, folder: &Path) -> Result<Arc<Dialect>, DialectsError> {
    if !is_path(named) {
        return Dialect::by_name(named)
            .map(Arc::clone)
            .ok_or_else(|| DialectsError::Unknown { name: named.to_owned() });
    }
    let path = folder.join(named);
    let text = read(&path).map_err(|error| DialectsError::File { path: path.clone(), error })?;
    let beside = path.parent().unwrap_or(Path::new("")).to_owned();
    let base = |name: &str| read(&beside.join(format!("{name}.toml"))).ok();
    Dialect::from_toml_with(&text, base).map(Arc::new).map_err(|error| DialectsError::Faults { path, error })
}

/// Whether a text is the path of a dialect file rather than a name.
#[must_use]
pub fn is_path(named: &str) -> bool {
    named.ends_with(".toml") || named.contains(std::path::is_separator)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LONGEST_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST_FILE {
        return Err(io::Error::other("a dialect file is shorter than 1 MiB"));
    }
    Ok(text)
}

impl fmt::Display for DialectsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DialectsError::Unknown { name } => {
                let known: Vec<&str> = Dialect::names().collect();
                write!(
                    f,
                    "no dialect is named {name} here; there are {}, and files ending in .toml",
                    known.join(", ")
                )
            }
            DialectsError::File { path, error } => write!(f, "{}: {error}", path.display()),
            DialectsError::Faults { path, error } => {
                for (index, fault) in error.faults.iter().enumerate() {
                    let line_end = if index > 0 { "\n" } else { "" };
                    write!(f, "{line_end}{}: {fault}", path.display())?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for DialectsError {}
