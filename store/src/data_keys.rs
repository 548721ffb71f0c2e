//! The keys under which data lies on disk. The master key seals nothing itself: it wraps these,
//! in one small file, so a new data key costs no stop and a new master key no rewriting of data.
//! `docs/journal.md` has the form of the file.

mod error;
mod key_file;
mod sealed_pan;
mod wrapping;

pub use error::{DataKeysError, SealedPanError};
pub use sealed_pan::SealedPan;

use crate::MasterKey;
use key_file::{Content, Entry, Stamp};
use ring::aead::LessSafeKey;
use ring::hmac;
use sealed_pan::PanKeys;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{SystemTime, UNIX_EPOCH};
use wrapping::{Secret, Wrapping};

/// The data keys of a data folder, unwrapped. Cheap to clone, all clones are the same keys, and any
/// thread may use them. `Debug` shows nothing of them.
///
/// Every data key has a version. The newest is the current one: what is sealed from now on is
/// sealed under it. The others only open what they have sealed.
#[derive(Clone)]
pub struct DataKeys(Arc<Shared>);

/// What may be known of a data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataKeyVersion {
    /// Its number, from 1. [`DataKeys::FORMAT_1`] is the key of journals of format 1.
    pub version: u32,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
    /// What it is for.
    pub state: DataKeyState,
}

/// What a data key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataKeyState {
    /// It seals and opens.
    Current,
    /// It opens what it has sealed while it was the current one.
    Retired,
}

struct Shared {
    /// `None` for keys that live in memory only.
    file: Option<PathBuf>,
    loaded: RwLock<Loaded>,
}

struct Loaded {
    /// Unwraps what another process may add to the file.
    wrapping: Wrapping,
    /// The file as it was when it was read, or was last found unfit.
    stamp: Option<Stamp>,
    keys: Arc<Keys>,
}

/// The keys themselves.
struct Keys {
    lookup: Secret,
    pan_lookup: hmac::Key,
    /// Oldest first. The last is the current one.
    versions: Vec<DataKey>,
}

struct DataKey {
    version: u32,
    created_ms: u64,
    secret: Secret,
    pan: PanKeys,
}

impl DataKeys {
    /// Name of the file in a data folder.
    pub const FILE_NAME: &str = "data-keys.json";

    /// Version of the data key that is the master key of a journal of format 1, whose segments
    /// name no data key. It seals nothing any more.
    pub const FORMAT_1: u32 = 0;

    /// Makes the keys of a new data folder and their file (mode 0600).
    ///
    /// # Errors
    /// When the file exists, which is never overwritten, or cannot be written, or the system gives
    /// no random bytes.
    pub fn create(file: &Path, master: &MasterKey) -> Result<DataKeys, DataKeysError> {
        DataKeys::create_with(file, master, Vec::new())
    }

    /// Makes the keys for a data folder whose journal is of format 1, sealed under this master key
    /// itself. That key becomes the data key [`DataKeys::FORMAT_1`], so it is kept, wrapped like
    /// the others, should the master key change.
    ///
    /// # Errors
    /// As [`DataKeys::create`].
    pub fn adopt(file: &Path, master: &MasterKey) -> Result<DataKeys, DataKeysError> {
        let format_1 = DataKey::new(Self::FORMAT_1, now_ms(), Secret::copy(master.reveal()));
        DataKeys::create_with(file, master, vec![format_1])
    }

    fn create_with(
        file: &Path,
        master: &MasterKey,
        mut versions: Vec<DataKey>,
    ) -> Result<DataKeys, DataKeysError> {
        versions.push(DataKey::generate(1)?);
        let keys = Keys::new(Secret::generate()?, versions);
        let wrapping = Wrapping::new(master)?;
        key_file::create(file, &keys.content(&wrapping)?)?;
        DataKeys::open(file, master)
    }

    /// Unwraps the keys in a file.
    ///
    /// # Errors
    /// When the file is missing, open to others, damaged, of an unknown format, or wrapped under
    /// another master key: that has an error of its own.
    pub fn open(file: &Path, master: &MasterKey) -> Result<DataKeys, DataKeysError> {
        let (content, stamp) = key_file::read(file)?;
        let wrapping = Wrapping::of(master, content.salt);
        let keys = Arc::new(Keys::unwrap(file, &content, &wrapping)?);
        let loaded = RwLock::new(Loaded { wrapping, stamp: Some(stamp), keys });
        Ok(DataKeys(Arc::new(Shared { file: Some(file.to_owned()), loaded })))
    }

    /// New keys that are kept nowhere, for tests, benches and simulations.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn in_memory() -> Result<DataKeys, DataKeysError> {
        let wrapping = Wrapping::new(&MasterKey::generate().map_err(|_| DataKeysError::NoRandom)?)?;
        let keys = Arc::new(Keys::new(Secret::generate()?, vec![DataKey::generate(1)?]));
        let loaded = RwLock::new(Loaded { wrapping, stamp: None, keys });
        Ok(DataKeys(Arc::new(Shared { file: None, loaded })))
    }

    /// Adds a version, which is the current one from now on, and returns its number. Other
    /// processes notice by [`DataKeys::reload`].
    ///
    /// # Errors
    /// When another process is changing the file, it cannot be read or written, or the system
    /// gives no random bytes. The keys are then as before.
    pub fn rotate(&self) -> Result<u32, DataKeysError> {
        let mut loaded = self.write();
        let _lock = self.0.file.as_deref().map(key_file::lock).transpose()?;
        self.read_again(&mut loaded)?;
        let mut versions: Vec<DataKey> = loaded.keys.versions.iter().map(DataKey::copy).collect();
        let version = loaded.keys.current().version.checked_add(1).ok_or(DataKeysError::NoVersionLeft)?;
        versions.push(DataKey::generate(version)?);
        let keys = Keys::new(loaded.keys.lookup.clone(), versions);
        if let Some(file) = &self.0.file {
            loaded.stamp = Some(key_file::replace(file, &keys.content(&loaded.wrapping)?)?);
        }
        loaded.keys = Arc::new(keys);
        Ok(version)
    }

    /// Wraps all keys under another master key; the keys themselves stay. The file opens with that
    /// master key only from now on. A process that has opened it with the old one keeps its keys, and
    /// notices no rotation until it is started again.
    ///
    /// # Errors
    /// As [`DataKeys::rotate`].
    pub fn rewrap(&self, master: &MasterKey) -> Result<(), DataKeysError> {
        let mut loaded = self.write();
        let _lock = self.0.file.as_deref().map(key_file::lock).transpose()?;
        self.read_again(&mut loaded)?;
        let wrapping = Wrapping::new(master)?;
        if let Some(file) = &self.0.file {
            loaded.stamp = Some(key_file::replace(file, &loaded.keys.content(&wrapping)?)?);
        }
        loaded.wrapping = wrapping;
        Ok(())
    }

    /// Takes up what another process has changed in the file, and says whether it had. Costs one
    /// look at the file's metadata when it had not.
    ///
    /// # Errors
    /// When the changed file cannot be read, or was wrapped under another master key. The keys are
    /// then as before, and the error comes once for each change.
    pub fn reload(&self) -> Result<bool, DataKeysError> {
        let Some(file) = &self.0.file else { return Ok(false) };
        let stamp = Stamp::of(file)?;
        if self.read().stamp == Some(stamp) {
            return Ok(false);
        }
        let mut loaded = self.write();
        // Noted before the file is read: a bad one is complained of once, not at every look.
        loaded.stamp = Some(stamp);
        self.read_again(&mut loaded)?;
        Ok(true)
    }

    /// All versions, oldest first.
    #[must_use]
    pub fn versions(&self) -> Vec<DataKeyVersion> {
        let keys = self.keys();
        let describe = |key: &DataKey| DataKeyVersion {
            version: key.version,
            created_ms: key.created_ms,
            state: keys.state(key),
        };
        keys.versions.iter().map(describe).collect()
    }

    /// The version under which new data is sealed.
    #[must_use]
    pub fn current_version(&self) -> u32 {
        self.keys().current().version
    }

    /// The keyed hash by which a PAN is found where it is not stored in clear: HMAC-SHA-256 of its
    /// digits, the first 16 bytes. It stays the same over rotations and new master keys.
    #[must_use]
    pub fn pan_lookup(&self, pan: &card::Pan) -> [u8; 16] {
        let tag = hmac::sign(&self.keys().pan_lookup, &pan.reveal());
        *tag.as_ref().first_chunk().expect("HMAC-SHA-256 has 32 bytes")
    }

    /// A keyed hash of something that counters go by, of a kind (`ip`, `email`): the first 64 bits of HMAC-SHA-256 under
    /// the key of [`DataKeys::pan_lookup`]. A PAN has digits alone, so nothing here is the hash of one.
    #[must_use]
    pub fn trace(&self, kind: &str, text: &str) -> u64 {
        let tag = hmac::sign(&self.keys().pan_lookup, format!("{kind}:{text}").as_bytes());
        u64::from_be_bytes(*tag.as_ref().first_chunk().expect("HMAC-SHA-256 has 32 bytes"))
    }

    /// The key of hashes of cardholders' codes and passwords. It stays the same over rotations and new master keys.
    #[must_use]
    pub fn code_key(&self) -> [u8; 32] {
        // Of the key that hashes PANs, which are digits alone, so no tag serves both.
        let tag = hmac::sign(&self.keys().pan_lookup, b"turnout cardholder codes 1");
        *tag.as_ref().first_chunk().expect("HMAC-SHA-256 has 32 bytes")
    }

    /// Seals a PAN under the current data key. The same PAN gives the same bytes until the next
    /// rotation.
    #[must_use]
    pub fn seal_pan(&self, pan: &card::Pan) -> SealedPan {
        let keys = self.keys();
        let key = keys.current();
        key.pan.seal(key.version, pan)
    }

    /// Opens what [`DataKeys::seal_pan`] gave, under whichever version.
    ///
    /// # Errors
    /// When the bytes are no sealed PAN, their data key is not among these, or the seal is broken.
    pub fn open_pan(&self, sealed: &[u8]) -> Result<card::Pan, SealedPanError> {
        let version = sealed_pan::version(sealed)?;
        let keys = self.keys_with(version).ok_or(SealedPanError::UnknownDataKey(version))?;
        keys.find(version).ok_or(SealedPanError::UnknownDataKey(version))?.pan.open(sealed)
    }

    /// A key of its own for one piece of data (HKDF-SHA256 of the data key, `salt` and `info`).
    /// `None` when there is no such version, in the file either.
    pub(crate) fn derive(&self, version: u32, salt: &[u8; 32], info: &[&[u8]]) -> Option<LessSafeKey> {
        let keys = self.keys_with(version)?;
        Some(keys.find(version)?.secret.derive_aead(salt, info))
    }

    /// A value that tells this version of the data key from others. `None` as above.
    pub(crate) fn check_value(&self, version: u32, salt: &[u8; 32], info: &[u8]) -> Option<[u8; 8]> {
        let keys = self.keys_with(version)?;
        Some(keys.find(version)?.secret.check_value(salt, info))
    }

    /// Keys that hold this version, after another look at the file where ours do not.
    fn keys_with(&self, version: u32) -> Option<Arc<Keys>> {
        let keys = self.keys();
        if keys.find(version).is_some() {
            return Some(keys);
        }
        if let Err(error) = self.reload() {
            tracing::warn!(%error, "the data keys were changed and cannot be taken up");
        }
        Some(self.keys())
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.read().keys)
    }

    fn read_again(&self, loaded: &mut Loaded) -> Result<(), DataKeysError> {
        let Some(file) = &self.0.file else { return Ok(()) };
        let (content, stamp) = key_file::read(file)?;
        loaded.keys = Arc::new(Keys::unwrap(file, &content, &loaded.wrapping)?);
        loaded.stamp = Some(stamp);
        Ok(())
    }

    // A panic under the lock leaves the old keys or the new ones, whole.
    fn read(&self) -> RwLockReadGuard<'_, Loaded> {
        self.0.loaded.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Loaded> {
        self.0.loaded.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn new(lookup: Secret, versions: Vec<DataKey>) -> Keys {
        Keys { pan_lookup: lookup.hmac_key(), lookup, versions }
    }

    fn unwrap(file: &Path, content: &Content, wrapping: &Wrapping) -> Result<Keys, DataKeysError> {
        if !wrapping.is_of(content.salt, content.key_check) {
            return Err(DataKeysError::WrongMasterKey(file.to_owned()));
        }
        let broken = |what| DataKeysError::Damaged(file.to_owned(), what);
        let lookup = wrapping.open(LOOKUP_KEY, &content.lookup_key);
        let lookup = lookup.ok_or_else(|| broken("the lookup key does not unwrap".to_owned()))?;
        let mut versions = Vec::new();
        for entry in &content.data_keys {
            let label = label(entry.version, entry.created_ms);
            let secret = wrapping.open(&label, &entry.wrapped);
            let secret =
                secret.ok_or_else(|| broken(format!("data key {} does not unwrap", entry.version)))?;
            versions.push(DataKey::new(entry.version, entry.created_ms, secret));
        }
        Ok(Keys::new(lookup, versions))
    }

    fn content(&self, wrapping: &Wrapping) -> Result<Content, DataKeysError> {
        let mut data_keys = Vec::new();
        for key in &self.versions {
            let &DataKey { version, created_ms, .. } = key;
            let wrapped = wrapping.seal(&label(version, created_ms), &key.secret)?;
            data_keys.push(Entry { version, created_ms, state: self.state(key), wrapped });
        }
        let lookup_key = wrapping.seal(LOOKUP_KEY, &self.lookup)?;
        Ok(Content { salt: wrapping.salt, key_check: wrapping.key_check, lookup_key, data_keys })
    }

    fn find(&self, version: u32) -> Option<&DataKey> {
        self.versions.iter().rev().find(|key| key.version == version)
    }

    fn current(&self) -> &DataKey {
        self.versions.last().expect("a key file without a current key is refused")
    }

    fn state(&self, key: &DataKey) -> DataKeyState {
        if key.version == self.current().version { DataKeyState::Current } else { DataKeyState::Retired }
    }
}

impl DataKey {
    fn new(version: u32, created_ms: u64, secret: Secret) -> DataKey {
        DataKey { version, created_ms, pan: PanKeys::derive(&secret), secret }
    }

    fn generate(version: u32) -> Result<DataKey, DataKeysError> {
        Ok(DataKey::new(version, now_ms(), Secret::generate()?))
    }

    fn copy(&self) -> DataKey {
        DataKey::new(self.version, self.created_ms, self.secret.clone())
    }
}

impl fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKeys(current version {})", self.current_version())
    }
}

/// What a wrapped data key is bound to: it cannot be passed off as another version.
fn label(version: u32, created_ms: u64) -> Vec<u8> {
    [&b"turnout data key 1"[..], &version.to_le_bytes(), &created_ms.to_le_bytes()].concat()
}

fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

/// What the wrapped lookup key is bound to.
const LOOKUP_KEY: &[u8] = b"turnout lookup key 1";

#[cfg(test)]
mod tests;
