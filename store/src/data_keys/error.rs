use super::DataKeys;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there are no data keys, or they stay as they are. Holds nothing of them.
#[derive(Debug)]
pub enum DataKeysError {
    /// The file, or the folder in which it belongs, is not there.
    Missing(PathBuf),
    /// Others than the owner may read or write the file; the mode is given.
    OpenToOthers(PathBuf, u32),
    /// The file could not be read or written. New keys never overwrite an existing file.
    Io(PathBuf, io::Error),
    /// The file has a format that this program does not know.
    UnknownFormat(PathBuf, u32),
    /// The file is not what we wrote; what is wrong is given.
    Damaged(PathBuf, String),
    /// The keys are wrapped under another master key.
    WrongMasterKey(PathBuf),
    /// Another process is changing the file.
    Busy(PathBuf),
    /// There are as many versions as a number can count.
    NoVersionLeft,
    /// The system gave no random bytes.
    NoRandom,
}

/// Why a sealed PAN does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedPanError {
    /// The bytes do not have the form of a sealed PAN.
    Form,
    /// It is sealed under a version that is not among the data keys.
    UnknownDataKey(u32),
    /// The seal is broken: the bytes were changed, or sealed under the data keys of another folder.
    Seal,
}

impl fmt::Display for DataKeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataKeysError::Missing(path) => {
                let path = path.display();
                write!(
                    f,
                    "{path} is missing; bring it back from a backup: without it the data cannot be read"
                )
            }
            DataKeysError::OpenToOthers(path, mode) => {
                let path = path.display();
                write!(f, "{path} holds the data keys and has mode {mode:03o}; run `chmod 600 {path}`")
            }
            DataKeysError::Io(path, error) => write!(f, "{}: {error}", path.display()),
            DataKeysError::UnknownFormat(path, format) => {
                write!(f, "{} has format {format}, unknown to this version; use a newer one", path.display())
            }
            DataKeysError::Damaged(path, what) => {
                write!(f, "{} is damaged: {what}; restore it from a backup", path.display())
            }
            DataKeysError::WrongMasterKey(path) => {
                let path = path.display();
                write!(
                    f,
                    "{path} is wrapped under another master key; give the one it was last wrapped under"
                )
            }
            DataKeysError::Busy(path) => {
                write!(f, "another process is changing {}; try again when it is done", path.display())
            }
            DataKeysError::NoVersionLeft => f.write_str("there is no version number left for a data key"),
            DataKeysError::NoRandom => f.write_str("the system gave no random bytes"),
        }
    }
}

impl fmt::Display for SealedPanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SealedPanError::Form => f.write_str("the bytes are not a sealed card number"),
            SealedPanError::UnknownDataKey(version) => write!(
                f,
                "the card number is sealed under data key {version}, which {} does not have; bring back the \
                 newest copy of that file",
                DataKeys::FILE_NAME
            ),
            SealedPanError::Seal => f.write_str(
                "the seal of the card number is broken: it was changed, or belongs to another folder",
            ),
        }
    }
}

impl std::error::Error for DataKeysError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DataKeysError::Io(_, error) => Some(error),
            _ => None,
        }
    }
}

impl std::error::Error for SealedPanError {}
