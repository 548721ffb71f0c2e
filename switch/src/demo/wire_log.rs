//! What the terminals sent, in clear, for a test that searches for it where it must not be.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::rc::Rc;

/// A file of one line per frame, or nothing.
#[derive(Clone)]
pub(super) struct WireLog(Option<Rc<RefCell<File>>>);

impl WireLog {
    /// Keeps nothing.
    pub(super) fn none() -> WireLog {
        WireLog(None)
    }

    /// Writes to a new file that its owner alone may read.
    pub(super) fn create(path: &Path) -> io::Result<WireLog> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(WireLog(Some(Rc::new(RefCell::new(file)))))
    }

    /// Listener and frame in hexadecimal, without its length.
    pub(super) fn sent(&self, listener: &str, frame: &[u8]) -> io::Result<()> {
        match &self.0 {
            Some(file) => writeln!(file.borrow_mut(), "{listener} {}", hex::encode_upper(frame)),
            None => Ok(()),
        }
    }
}
