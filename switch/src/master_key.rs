//! Where the master key comes from. It wraps the data keys, which seal everything at rest.

use crate::command::key::{Unit, UnitError};
use crate::settings::HsmSettings;
use hsm::{CipherDirection, Iv, KeyField, KeyScheme, KeyType};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use store::{KeyError, MasterKey};
use zeroize::Zeroizing;

/// Where the master key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterKeySource {
    /// A file of 64 hexadecimal digits that only its owner can read.
    File(PathBuf),
    /// A variable of the environment that holds 64 hexadecimal digits.
    Environment(String),
    /// A credential of the systemd unit, by its name: 64 hexadecimal digits.
    Credential(String),
    /// A file with the master key as a cryptogram, which the HSM decrypts.
    Hsm(PathBuf),
}

/// Why there is no master key. Holds nothing of it.
#[derive(Debug)]
pub enum MasterKeyError {
    /// The file, or the credential's.
    File(PathBuf, KeyError),
    /// The environment has no such variable, or it is not text.
    NoVariable(String),
    /// The variable holds no key.
    Variable(String, KeyError),
    /// The process was started without credentials; the one looked for is named.
    NoCredentials(String),
    /// The file with the cryptogram could not be read or written.
    HsmFile(PathBuf, io::Error),
    /// The file with the cryptogram is not of its form.
    HsmForm(PathBuf),
    /// The HSM does not encrypt or decrypt the master key.
    Hsm(UnitError),
    /// The system gave no random bytes.
    NoRandom,
}

/// The variable by which systemd names the folder of credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

impl MasterKeySource {
    /// Reads the key; asks the HSM where the key is with it.
    ///
    /// # Errors
    /// When it is not there, others may read it, or the HSM does not answer.
    pub fn read(&self, hsm: &HsmSettings) -> Result<MasterKey, MasterKeyError> {
        match self {
            MasterKeySource::Hsm(file) => read_cryptogram(file)?.decrypt(file, hsm),
            MasterKeySource::File(file) => {
                MasterKey::read_file(file).map_err(|error| MasterKeyError::File(file.clone(), error))
            }
            MasterKeySource::Environment(name) => {
                let text = std::env::var(name).map_err(|_| MasterKeyError::NoVariable(name.clone()))?;
                let key = MasterKey::from_hex(&Zeroizing::new(text));
                key.map_err(|error| MasterKeyError::Variable(name.clone(), error))
            }
            MasterKeySource::Credential(name) => {
                let file = credential(name, std::env::var_os(CREDENTIALS))?;
                MasterKey::read_credential(&file).map_err(|error| MasterKeyError::File(file, error))
            }
        }
    }

    /// Whether the key can be read, as far as that is to be told without the HSM.
    ///
    /// # Errors
    /// As [`MasterKeySource::read`].
    pub fn check(&self, hsm: &HsmSettings) -> Result<(), MasterKeyError> {
        match self {
            MasterKeySource::Hsm(file) => read_cryptogram(file).map(|_| ()),
            _ => self.read(hsm).map(|_| ()),
        }
    }

    /// The file that must be there, where there is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            MasterKeySource::File(file) | MasterKeySource::Hsm(file) => Some(file),
            _ => None,
        }
    }
}

/// As the configuration writes it.
impl fmt::Display for MasterKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MasterKeySource::File(file) => write!(f, "{:?}", file.display().to_string()),
            MasterKeySource::Environment(name) => write!(f, "{{ environment = {name:?} }}"),
            MasterKeySource::Credential(name) => write!(f, "{{ credential = {name:?} }}"),
            MasterKeySource::Hsm(file) => write!(f, "{{ hsm = {:?} }}", file.display().to_string()),
        }
    }
}

/// Makes a master key that lies on disk only as a cryptogram under a key of the HSM, in a new file.
///
/// # Errors
/// When the file is there already or cannot be written, or the HSM does not make or use the key.
pub fn create_with_hsm(file: &Path, hsm: &HsmSettings) -> Result<MasterKey, MasterKeyError> {
    let mut bytes = Zeroizing::new([0; MasterKey::BYTES]);
    let mut iv = [0; 8];
    let random = SystemRandom::new();
    random.fill(&mut bytes[..]).and_then(|()| random.fill(&mut iv)).map_err(|_| MasterKeyError::NoRandom)?;
    let clear = Zeroizing::new(hex::encode_upper(&bytes[..]));
    let mut unit = Unit::connect(hsm).map_err(MasterKeyError::Hsm)?;
    let key = unit.generate_type(KeyType::DEK, KeyScheme::T).map_err(MasterKeyError::Hsm)?;
    let cryptogram = unit
        .cipher(CipherDirection::Encrypt, &key, block(iv), clear.as_bytes())
        .map_err(MasterKeyError::Hsm)?;
    let stored = Cryptogram {
        data_encryption_key: key.to_text(),
        iv: hex::encode_upper(iv),
        cryptogram: String::from_utf8_lossy(&cryptogram).into_owned(),
    };
    // What will be asked for at every start is tried once before anything depends on it.
    let master = stored.decrypt(file, hsm)?;
    let text = serde_json::to_string_pretty(&stored).expect("text is JSON") + "\n";
    store::create_private_file(file, text.as_bytes())
        .map_err(|error| MasterKeyError::HsmFile(file.to_owned(), error))?;
    Ok(master)
}

/// The master key as it lies on disk when the HSM keeps it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cryptogram {
    /// Of type 00B, under the LMK.
    data_encryption_key: String,
    /// 16 hexadecimal digits.
    iv: String,
    /// The master key under that key in CBC mode, 64 hexadecimal digits.
    cryptogram: String,
}

fn read_cryptogram(file: &Path) -> Result<Cryptogram, MasterKeyError> {
    let text = fs::read_to_string(file).map_err(|error| MasterKeyError::HsmFile(file.to_owned(), error))?;
    let stored: Option<Cryptogram> = serde_json::from_str(&text).ok();
    stored.filter(Cryptogram::is_well_formed).ok_or_else(|| MasterKeyError::HsmForm(file.to_owned()))
}

impl Cryptogram {
    fn is_well_formed(&self) -> bool {
        KeyField::from_text(&self.data_encryption_key).is_ok()
            && hex::decode_to_slice(&self.iv, &mut [0; 8]).is_ok()
            && hex::decode_to_slice(&self.cryptogram, &mut [0; MasterKey::BYTES]).is_ok()
    }

    fn decrypt(&self, file: &Path, hsm: &HsmSettings) -> Result<MasterKey, MasterKeyError> {
        let mut iv = [0; 8];
        let form = || MasterKeyError::HsmForm(file.to_owned());
        hex::decode_to_slice(&self.iv, &mut iv).map_err(|_| form())?;
        let key = KeyField::from_text(&self.data_encryption_key).map_err(|_| form())?;
        let mut unit = Unit::connect(hsm).map_err(MasterKeyError::Hsm)?;
        let sent = self.cryptogram.as_bytes();
        let clear =
            unit.cipher(CipherDirection::Decrypt, &key, block(iv), sent).map_err(MasterKeyError::Hsm)?;
        let clear = Zeroizing::new(clear);
        let text = str::from_utf8(&clear).map_err(|_| MasterKeyError::Hsm(UnitError::NotUnderstood))?;
        MasterKey::from_hex(text).map_err(|_| MasterKeyError::Hsm(UnitError::NotUnderstood))
    }
}

fn block(iv: [u8; 8]) -> Iv {
    Iv::new(&iv).expect("an IV of eight bytes is one")
}

/// The file of a credential.
fn credential(name: &str, folder: Option<OsString>) -> Result<PathBuf, MasterKeyError> {
    match folder {
        Some(folder) => Ok(Path::new(&folder).join(name)),
        None => Err(MasterKeyError::NoCredentials(name.to_owned())),
    }
}

impl fmt::Display for MasterKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MasterKeyError::File(_, error) => error.fmt(f),
            MasterKeyError::NoVariable(name) => write!(f, "the environment has no variable {name}"),
            MasterKeyError::Variable(name, error) => write!(f, "the variable {name}: {error}"),
            MasterKeyError::NoCredentials(name) => {
                write!(f, "there is no credential {name:?}, since {CREDENTIALS} is not set")
            }
            MasterKeyError::HsmFile(file, error) => write!(f, "{}: {error}", file.display()),
            MasterKeyError::HsmForm(file) => {
                write!(f, "{} is not a master key as a cryptogram of the HSM", file.display())
            }
            MasterKeyError::Hsm(error) => write!(f, "{error}, asked for the master key"),
            MasterKeyError::NoRandom => f.write_str("the system gave no random bytes"),
        }
    }
}

impl std::error::Error for MasterKeyError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const EMBEDDED: HsmSettings = HsmSettings::Embedded { workers: 1 };

    #[test]
    fn the_hsm_gives_back_what_it_has_encrypted() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("master.hsm");
        let made = create_with_hsm(&file, &EMBEDDED).unwrap();
        let source = MasterKeySource::Hsm(file.clone());
        source.check(&EMBEDDED).unwrap();
        let read = source.read(&EMBEDDED).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        // That two keys are the same shows in what they open.
        let keys = dir.path().join("keys.json");
        store::DataKeys::create(&keys, &made).unwrap();
        store::DataKeys::open(&keys, &read).unwrap();
        assert!(matches!(create_with_hsm(&file, &EMBEDDED), Err(MasterKeyError::HsmFile(..))));

        fs::write(&file, "{}").unwrap();
        assert!(matches!(source.check(&EMBEDDED), Err(MasterKeyError::HsmForm(_))));
    }

    #[test]
    fn a_credential_lies_in_the_folder_of_the_unit() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("turnout");
        fs::write(&file, "ab".repeat(32)).unwrap();
        // As systemd makes it: the right of the service's user stands in an access list, which shows
        // as a right of the group.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
        let found = credential("turnout", Some(dir.path().as_os_str().to_owned())).unwrap();
        assert_eq!(found, file);
        MasterKey::read_credential(&found).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
        assert!(matches!(MasterKey::read_credential(&found), Err(KeyError::OpenToOthers(..))));
        let error = credential("turnout", None).unwrap_err().to_string();
        assert!(error.contains("CREDENTIALS_DIRECTORY"), "{error}");
    }

    #[test]
    fn a_variable_that_is_missing_is_named() {
        let source = MasterKeySource::Environment("TURNOUT_NO_SUCH_VARIABLE".to_owned());
        let error = source.read(&EMBEDDED).unwrap_err().to_string();
        assert_eq!(error, "the environment has no variable TURNOUT_NO_SUCH_VARIABLE");
    }
}
