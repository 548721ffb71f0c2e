use super::event::Event;
use card::Time;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file of the events that a receiver has refused for good, one JSON object a line (0600).
#[derive(Clone, Debug)]
pub struct Quarantine(PathBuf);

impl Quarantine {
    /// The file here; it is made when the first event comes into it.
    #[must_use]
    pub fn new(path: PathBuf) -> Quarantine {
        Quarantine(path)
    }

    /// Puts an event behind the others, durably, with the status that refused it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put(&self, now: Time, status: u16, event: &Event) -> io::Result<()> {
        let mut line = format!("{{\"refused\":\"{now}\",\"status\":{status},\"event\":").into_bytes();
        line.extend_from_slice(&event.json);
        line.extend_from_slice(b"}\n");
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.0)?;
        file.write_all(&line)?;
        file.sync_data()
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}
