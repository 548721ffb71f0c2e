use super::error::JournalError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The right to write to a journal's folder. The system takes it back when the process ends,
/// however it ends, so a lock file that is still there after a crash means nothing.
#[derive(Debug)]
pub(super) struct WriteLock {
    file: File,
}

impl WriteLock {
    /// Takes the lock (`flock` on the file `lock`) and leaves our process number in the file.
    pub(super) fn take(dir: &Path) -> Result<WriteLock, JournalError> {
        let path = dir.join("lock");
        let failed = |error| JournalError::Io { doing: "locking", path: path.clone(), error };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::InUse { dir: dir.to_owned(), pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(WriteLock { file })
    }
}

/// Closing the file is not enough: a child process that is just being started holds a copy of it
/// until it has become another program.
impl Drop for WriteLock {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// The number that the owner of the lock has left, unless it has not come to it yet.
fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
