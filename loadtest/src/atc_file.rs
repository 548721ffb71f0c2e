//! Where the chips' transaction counters stand between runs. A chip never counts back and the issuer
//! refuses a counter it has seen, so a run must begin above the one before.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file beside the test cards with the highest counter that any card may have used.
#[derive(Clone, Debug)]
pub(crate) struct AtcFile(PathBuf);

impl AtcFile {
    /// Of the test cards in `cards`: the same name, ending in `.atc`.
    pub(crate) fn beside(cards: &Path) -> AtcFile {
        AtcFile(cards.with_extension("atc"))
    }

    /// The counter; 0 when no run has been.
    ///
    /// # Errors
    /// When the file cannot be read or holds no counter.
    pub(crate) fn read(&self) -> io::Result<u16> {
        match fs::read_to_string(&self.0) {
            Ok(text) => text.trim().parse().map_err(|_| {
                let path = self.0.display();
                io::Error::new(io::ErrorKind::InvalidData, format!("{path} holds no transaction counter"))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Remembers a counter.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write(&self, atc: u16) -> io::Result<()> {
        fs::write(&self.0, format!("{atc}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_the_counter() {
        let folder = tempfile::tempdir().unwrap();
        let file = AtcFile::beside(&folder.path().join("test-cards.json"));
        assert_eq!(file.read().unwrap(), 0);
        file.write(41).unwrap();
        assert_eq!(file.read().unwrap(), 41);
        fs::write(folder.path().join("test-cards.atc"), "many").unwrap();
        assert_eq!(file.read().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
