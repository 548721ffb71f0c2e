//! What becomes of segments that no snapshot needs any more.

use super::disk::create_folder;
use super::error::JournalError;
use super::segment;
use crate::private_file::sync_folder;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What to do with a segment that is no longer needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retire {
    /// Move it into this folder, which is made when it does not exist (0700). It stays sealed.
    Archive(PathBuf),
    /// Delete it. Its records are then in snapshots and projections only.
    Remove,
}

/// Takes segments before `segment` away, oldest first, as long as they were last written before
/// `written_before`; the newest always stays. Returns the numbers of those that went.
///
/// `segment` must be the [`super::Start`] of a snapshot that is whole and durable: without the
/// segments before it the journal can only be opened from there. Whatever stops this half-way,
/// power included, each segment is in one of the two places, and no gap is left between those that
/// stay; the next call goes on.
///
/// # Errors
/// When a file cannot be moved, copied or deleted, or the archive holds another file of that name.
pub fn retire_before(
    dir: &Path,
    segment: u64,
    written_before: SystemTime,
    how: &Retire,
) -> Result<Vec<u64>, JournalError> {
    let at = |doing, path: &Path| {
        let path = path.to_owned();
        move |error| JournalError::Io { doing, path, error }
    };
    let numbers = segment::numbers(dir).map_err(at("listing", dir))?;
    let newest = numbers.last().copied().unwrap_or_default();
    let mut retired = Vec::new();
    for number in numbers.into_iter().filter(|number| *number < segment.min(newest)) {
        let file = segment::path(dir, number);
        let written = fs::metadata(&file).and_then(|metadata| metadata.modified());
        // Only from the old end: what stays must be without a gap.
        if written.map_err(at("looking at", &file))? >= written_before {
            break;
        }
        match how {
            Retire::Archive(archive) => move_into(archive, &file).map_err(at("archiving", &file))?,
            Retire::Remove => fs::remove_file(&file).map_err(at("removing", &file))?,
        }
        // One after the other, so that no loss of power takes a newer one first.
        sync_folder(dir).map_err(at("syncing", dir))?;
        retired.push(number);
    }
    Ok(retired)
}

/// Moves a file into a folder that may be on another file system. It is in the one place or the
/// other at any moment, for a while in both.
fn move_into(archive: &Path, file: &Path) -> io::Result<()> {
    create_folder(archive)?;
    let name = file.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let target = archive.join(name);
    if target.try_exists()? {
        // A move that was interrupted behind its copy, or a file of another journal.
        if !is_same(&target, file)? {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!(
                    "{} is there and is another file; give each journal its own archive",
                    target.display()
                ),
            ));
        }
        return fs::remove_file(file);
    }
    match fs::rename(file, &target) {
        Ok(()) => return sync_folder(archive),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        Err(error) => return Err(error),
    }
    let copy = archive.join(COPY);
    let mut options = OpenOptions::new();
    let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&copy)?;
    io::copy(&mut File::open(file)?, &mut out)?;
    out.sync_all()?;
    fs::rename(&copy, &target)?;
    sync_folder(archive)?;
    fs::remove_file(file)
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; PART], vec![0; PART]);
    loop {
        let length = one.read(&mut left)?;
        if length == 0 {
            return Ok(true);
        }
        other.read_exact(&mut right[..length])?;
        if left[..length] != right[..length] {
            return Ok(false);
        }
    }
}

/// Name of a copy that is not whole yet.
const COPY: &str = "copy.tmp";

const PART: usize = 1 << 16;
