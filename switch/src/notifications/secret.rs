use ring::hmac;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Where a secret comes from. It never stands in the configuration itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file that only its owner can read.
    File(PathBuf),
    /// A variable of the environment.
    Environment(String),
}

/// A secret that signs. `Debug` shows nothing of it.
#[derive(Clone, Debug)]
pub struct Secret(hmac::Key);

/// Why there is no secret. Holds nothing of it.
#[derive(Debug)]
pub enum SecretError {
    /// The file cannot be read.
    File(PathBuf, io::Error),
    /// Others may read the file, whose mode is given.
    OpenToOthers(PathBuf, u32),
    /// The environment has no such variable, or it is not text.
    NoVariable(String),
    /// It is shorter than [`Secret::SHORTEST`] or longer than [`Secret::LONGEST`].
    Length(usize),
}

impl SecretSource {
    /// Reads the secret: the file's bytes or the variable's, without blanks and line ends behind them.
    ///
    /// # Errors
    /// When it is not there, others may read it, or its length is out of bounds.
    pub fn read(&self) -> Result<Secret, SecretError> {
        match self {
            SecretSource::File(path) => {
                let failed = |error| SecretError::File(path.clone(), error);
                let file = File::open(path).map_err(failed)?;
                // The rights of the opened file, so that it cannot be exchanged in between.
                let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
                if mode & 0o077 != 0 {
                    return Err(SecretError::OpenToOthers(path.clone(), mode));
                }
                // Room from the start: bytes that grow would leave copies of the secret behind.
                let limit = Secret::LONGEST + 16;
                let mut bytes = Zeroizing::new(Vec::with_capacity(limit));
                file.take(limit as u64).read_to_end(&mut bytes).map_err(failed)?;
                Secret::new(&bytes)
            }
            SecretSource::Environment(name) => {
                let text = std::env::var(name).map_err(|_| SecretError::NoVariable(name.clone()))?;
                Secret::new(Zeroizing::new(text).as_bytes())
            }
        }
    }
}

impl Secret {
    /// Shortest secret in bytes.
    pub const SHORTEST: usize = 16;

    /// Longest secret in bytes.
    pub const LONGEST: usize = 1024;

    /// From bytes; blanks and line ends behind them do not count.
    ///
    /// # Errors
    /// When the length is out of bounds.
    pub fn new(bytes: &[u8]) -> Result<Secret, SecretError> {
        let bytes = bytes.trim_ascii_end();
        if !(Secret::SHORTEST..=Secret::LONGEST).contains(&bytes.len()) {
            return Err(SecretError::Length(bytes.len()));
        }
        Ok(Secret(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// HMAC-SHA-256 over these parts, one behind the other.
    #[must_use]
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        parts.iter().for_each(|part| context.update(part));
        *context.sign().as_ref().first_chunk().expect("HMAC-SHA-256 has 32 bytes")
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretError::File(path, error) => write!(f, "{}: {error}", path.display()),
            SecretError::OpenToOthers(path, mode) => {
                write!(f, "{}: mode {mode:03o} lets others read the secret", path.display())
            }
            SecretError::NoVariable(name) => write!(f, "the environment has no {name}"),
            SecretError::Length(length) => write!(
                f,
                "the secret has {length} bytes; it needs {} to {}",
                Secret::SHORTEST,
                Secret::LONGEST
            ),
        }
    }
}

impl std::error::Error for SecretError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn secrets_are_private_and_long_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let source = SecretSource::File(path.clone());
        assert!(matches!(source.read(), Err(SecretError::File(..))));
        fs::write(&path, "0123456789abcdef\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(source.read(), Err(SecretError::OpenToOthers(_, 0o640))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let secret = source.read().unwrap();
        assert_eq!(secret.sign(&[b"a", b"b"]), Secret::new(b"0123456789abcdef").unwrap().sign(&[b"ab"]));
        assert!(!format!("{secret:?}").contains("0123"), "{secret:?}");
        for length in [15, 1025] {
            assert!(
                matches!(Secret::new(&vec![b'x'; length]), Err(SecretError::Length(found)) if found == length)
            );
        }
        let nowhere = SecretSource::Environment("TURNOUT_NO_SUCH_VARIABLE".to_owned());
        assert!(matches!(nowhere.read(), Err(SecretError::NoVariable(_))));
    }
}
