use crate::private_file::{self, ReadError};
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The 256-bit key that wraps the data keys, see [`DataKeys`](crate::DataKeys). Wiped on drop, masked
/// in `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; MasterKey::BYTES]);

/// Why there is no master key. Holds nothing of it.
#[derive(Debug)]
pub enum KeyError {
    /// Not 64 hexadecimal digits.
    NotHex,
    /// Others than the owner may read or write the file; the mode is given.
    OpenToOthers(PathBuf, u32),
    /// The file could not be read or written. A new key never overwrites an existing file.
    Io(PathBuf, io::Error),
    /// The system gave no random bytes.
    NoRandom,
}

impl MasterKey {
    /// Length in bytes.
    pub const BYTES: usize = 32;

    /// A new key from the system's random source.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<MasterKey, KeyError> {
        let mut key = MasterKey([0; Self::BYTES]);
        SystemRandom::new().fill(&mut key.0).map_err(|_| KeyError::NoRandom)?;
        Ok(key)
    }

    /// Reads 64 hexadecimal digits; white space around them is ignored.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn from_hex(text: &str) -> Result<MasterKey, KeyError> {
        let mut key = MasterKey([0; Self::BYTES]);
        hex::decode_to_slice(text.trim(), &mut key.0).map_err(|_| KeyError::NotHex)?;
        Ok(key)
    }

    /// Reads the key from a file of 64 hexadecimal digits.
    ///
    /// # Errors
    /// When the file cannot be read, group or others have any right to it, or it holds no key.
    pub fn read_file(path: &Path) -> Result<MasterKey, KeyError> {
        MasterKey::read_without(0o077, path)
    }

    /// Reads the key from a credential that systemd has put down for this process. It gives the
    /// service's user a right of its own in an access list, and the mode then shows one of the group.
    ///
    /// # Errors
    /// As [`MasterKey::read_file`], but the group may read.
    pub fn read_credential(path: &Path) -> Result<MasterKey, KeyError> {
        MasterKey::read_without(0o037, path)
    }

    fn read_without(refused: u32, path: &Path) -> Result<MasterKey, KeyError> {
        // Room for white space around the digits.
        let read = private_file::read_without(refused, path, 256).map_err(|error| match error {
            ReadError::OpenToOthers(mode) => KeyError::OpenToOthers(path.to_owned(), mode),
            ReadError::Io(error) => KeyError::Io(path.to_owned(), error),
        })?;
        let text = str::from_utf8(&read.bytes).map_err(|_| KeyError::NotHex)?;
        MasterKey::from_hex(text)
    }

    /// Writes the key into a new file that only its owner can read (mode 0600).
    ///
    /// # Errors
    /// When the file exists already or cannot be written.
    pub fn create_file(&self, path: &Path) -> Result<(), KeyError> {
        let mut text = Zeroizing::new([0; 2 * Self::BYTES + 1]);
        text[2 * Self::BYTES] = b'\n';
        hex::encode_to_slice(self.0, &mut text[..2 * Self::BYTES]).expect("the text is twice as long");
        private_file::create(path, &text[..]).map_err(|error| KeyError::Io(path.to_owned(), error))
    }

    /// The key itself, for deriving others from it.
    pub(crate) fn reveal(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(****)")
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::NotHex => f.write_str("the master key must be 64 hexadecimal digits"),
            KeyError::OpenToOthers(path, mode) => {
                let path = path.display();
                write!(f, "{path} holds the master key and has mode {mode:03o}; run `chmod 600 {path}`")
            }
            KeyError::Io(path, error) => write!(f, "{}: {error}", path.display()),
            KeyError::NoRandom => f.write_str("the system gave no random bytes"),
        }
    }
}

impl std::error::Error for KeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            KeyError::Io(_, error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_written_key_is_read_back_and_the_file_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let key = MasterKey::generate().unwrap();
        key.create_file(&path).unwrap();
        assert_eq!(MasterKey::read_file(&path).unwrap().0, key.0);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_existing_key_file_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let key = MasterKey::generate().unwrap();
        key.create_file(&path).unwrap();
        assert!(matches!(MasterKey::generate().unwrap().create_file(&path), Err(KeyError::Io(..))));
        assert_eq!(MasterKey::read_file(&path).unwrap().0, key.0);
    }

    #[test]
    fn a_key_file_open_to_others_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        MasterKey::generate().unwrap().create_file(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let Err(KeyError::OpenToOthers(_, found)) = MasterKey::read_file(&path) else {
                panic!("mode {mode:o} was accepted");
            };
            assert_eq!(found, mode);
        }
    }

    #[test]
    fn only_64_hexadecimal_digits_are_a_key() {
        assert_eq!(MasterKey::from_hex(&format!(" {}\n", "aB".repeat(32))).unwrap().0, [0xab; 32]);
        for text in ["", "ab", &"ab".repeat(31), &"ab".repeat(33), &"xy".repeat(32), &"é".repeat(32)] {
            assert!(matches!(MasterKey::from_hex(text), Err(KeyError::NotHex)));
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        let key = MasterKey::from_hex(&"5a".repeat(32)).unwrap();
        assert_eq!(format!("{key:?}"), "MasterKey(****)");
    }
}
