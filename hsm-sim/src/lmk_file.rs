//! A file of local master keys, sealed under a passphrase.
//!
//! Text of three lines, so that it can be looked at and copied:
//!
//! ```text
//! hsm-sim lmk 1
//! salt <16 bytes in hexadecimal>
//! sealed <the keys in AES-256-GCM, in hexadecimal>
//! ```
//!
//! Sealed is, for each LMK: identifier (1 byte), kind (1 byte), length (2 bytes, big-endian), key. The key of the
//! sealing is PBKDF2-HMAC-SHA256 of passphrase and salt, 600,000 rounds. Argon2 would cost an attacker
//! with graphics cards more, at the price of another dependency: these are test keys, `ring` is here
//! already, and a passphrase of twelve characters or more carries the weight.

use crate::aes_key::AesKey;
use crate::cipher::{ClearKey, set_odd_parity};
use crate::lmk::{Lmk, LmkKind};
use hsm::LmkIdentifier;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::num::NonZeroU32;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;
use zeroize::Zeroizing;

/// Shortest passphrase that a file is made with, in bytes.
pub const SHORTEST_PASSPHRASE: usize = 12;

/// Highest identifier of an LMK on a unit.
pub const HIGHEST_IDENTIFIER: u8 = 19;

/// One LMK of a file. Wiped on drop, masked in `Debug`.
#[derive(Clone)]
pub struct StoredLmk {
    /// Its identifier, 00 to 19.
    pub identifier: LmkIdentifier,
    /// What it is.
    pub kind: LmkKind,
    key: Zeroizing<Vec<u8>>,
}

/// Why LMKs cannot be stored, opened or used. Says nothing about passphrase and keys.
#[derive(Debug)]
pub enum LmkFileError {
    /// The file cannot be read or made.
    Io(io::Error),
    /// This is no LMK file, or of another version.
    Format,
    /// The passphrase is another one, or the file was changed.
    Passphrase,
    /// A new file needs a passphrase of at least [`SHORTEST_PASSPHRASE`] bytes.
    ShortPassphrase,
    /// Two LMKs have this identifier.
    Duplicate(LmkIdentifier),
    /// An identifier above [`HIGHEST_IDENTIFIER`].
    Identifier(LmkIdentifier),
    /// No LMK at all.
    Empty,
    /// A key of it is none: a wrong length, or a DES key of even parity.
    Unsupported,
    /// The system gives no random bytes.
    Random,
}

impl StoredLmk {
    /// Makes an LMK of random bytes; DES keys have odd parity.
    ///
    /// # Errors
    /// [`LmkFileError::Identifier`], or [`LmkFileError::Random`].
    pub fn generate(identifier: LmkIdentifier, kind: LmkKind) -> Result<StoredLmk, LmkFileError> {
        if identifier.0 > HIGHEST_IDENTIFIER {
            return Err(LmkFileError::Identifier(identifier));
        }
        let mut key = Zeroizing::new(vec![0; kind.bytes()]);
        SystemRandom::new().fill(&mut key).map_err(|_| LmkFileError::Random)?;
        if kind != LmkKind::AesKeyBlock {
            set_odd_parity(&mut key);
        }
        Ok(StoredLmk { identifier, kind, key })
    }

    /// The key in clear: 320, 24 or 32 bytes, by kind.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.key
    }

    /// What the unit shows of the LMK, 16 characters of which six count: [`Lmk::check_value`].
    #[must_use]
    pub fn check_value(&self) -> [u8; 16] {
        let loaded = add(Lmk::new(), self).ok();
        loaded.and_then(|lmk| lmk.check_value(self.identifier)).unwrap_or([b'0'; 16])
    }
}

impl LmkKind {
    /// Every kind.
    pub const ALL: [LmkKind; 3] = [LmkKind::Variant, LmkKind::TdesKeyBlock, LmkKind::AesKeyBlock];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LmkKind::Variant => "variant",
            LmkKind::TdesKeyBlock => "3des-key-block",
            LmkKind::AesKeyBlock => "aes-key-block",
        }
    }

    /// How long its key is.
    fn bytes(self) -> usize {
        match self {
            LmkKind::Variant => 20 * 16,
            LmkKind::TdesKeyBlock => 24,
            LmkKind::AesKeyBlock => 32,
        }
    }

    fn code(self) -> u8 {
        match self {
            LmkKind::Variant => b'V',
            LmkKind::TdesKeyBlock => b'T',
            LmkKind::AesKeyBlock => b'A',
        }
    }
}

impl FromStr for LmkKind {
    type Err = String;

    fn from_str(text: &str) -> Result<LmkKind, String> {
        let kind = LmkKind::ALL.into_iter().find(|kind| kind.name() == text);
        kind.ok_or_else(|| String::from("a kind is variant, 3des-key-block or aes-key-block"))
    }
}

/// Seals LMKs into a new file that only its owner can read. A file that exists is never written.
///
/// # Errors
/// All but [`LmkFileError::Format`], [`LmkFileError::Passphrase`] and [`LmkFileError::Unsupported`].
pub fn create(path: &Path, lmks: &[StoredLmk], passphrase: &[u8]) -> Result<(), LmkFileError> {
    check(lmks)?;
    if passphrase.len() < SHORTEST_PASSPHRASE {
        return Err(LmkFileError::ShortPassphrase);
    }
    let text = seal(lmks, passphrase)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file would only stand in the way of the next try.
        let _ = std::fs::remove_file(path);
    }
    Ok(written?)
}

/// Opens a file of LMKs, in the order of their identifiers.
///
/// # Errors
/// [`LmkFileError::Io`], [`LmkFileError::Format`], or [`LmkFileError::Passphrase`].
pub fn open(path: &Path, passphrase: &[u8]) -> Result<Vec<StoredLmk>, LmkFileError> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    // The longest file has twenty variant LMKs. A device or a log given by mistake is not read to its end.
    file.take(LONGEST_FILE).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => LmkFileError::Format,
        _ => LmkFileError::Io(error),
    })?;
    unseal(&text, passphrase)
}

/// Makes of stored LMKs what the engine works with.
///
/// # Errors
/// [`LmkFileError::Unsupported`].
pub fn load(lmks: &[StoredLmk]) -> Result<Lmk, LmkFileError> {
    lmks.iter().try_fold(Lmk::new(), add)
}

fn add(lmk: Lmk, stored: &StoredLmk) -> Result<Lmk, LmkFileError> {
    let odd = || stored.key.iter().all(|byte| byte.count_ones() % 2 == 1);
    if stored.kind != LmkKind::AesKeyBlock && !odd() {
        return Err(LmkFileError::Unsupported);
    }
    match stored.kind {
        LmkKind::Variant => {
            let pairs = stored.key.as_chunks::<16>().0.try_into().map(Zeroizing::new);
            let pairs: Zeroizing<[[u8; 16]; 20]> = pairs.map_err(|_| LmkFileError::Unsupported)?;
            Ok(lmk.with_variant(stored.identifier, &pairs))
        }
        LmkKind::TdesKeyBlock => {
            let key = ClearKey::new(&stored.key).map_err(|_| LmkFileError::Unsupported)?;
            Ok(lmk.with_key_block(stored.identifier, key))
        }
        LmkKind::AesKeyBlock => {
            let key = AesKey::new(&stored.key).map_err(|_| LmkFileError::Unsupported)?;
            Ok(lmk.with_key_block(stored.identifier, key))
        }
    }
}

const MAGIC: &str = "hsm-sim lmk 1";

const SALT_BYTES: usize = 16;

const LONGEST_FILE: u64 = 64 * 1024;

const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).expect("not zero");

fn seal(lmks: &[StoredLmk], passphrase: &[u8]) -> Result<String, LmkFileError> {
    let mut salt = [0; SALT_BYTES];
    SystemRandom::new().fill(&mut salt).map_err(|_| LmkFileError::Random)?;
    // Room for everything at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_FILE as usize / 2));
    for lmk in lmks {
        let length = u16::try_from(lmk.key.len()).expect("the longest LMK has 320 bytes");
        bytes.extend_from_slice(&[lmk.identifier.0, lmk.kind.code()]);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&lmk.key);
    }
    let tag = sealing_key(passphrase, &salt)
        .seal_in_place_separate_tag(nonce(), Aad::from(MAGIC.as_bytes()), &mut bytes)
        .expect("AES-GCM seals up to 64 GiB");
    bytes.extend_from_slice(tag.as_ref());
    Ok(format!("{MAGIC}\nsalt {}\nsealed {}\n", hex::encode(salt), hex::encode(&*bytes)))
}

fn unseal(text: &str, passphrase: &[u8]) -> Result<Vec<StoredLmk>, LmkFileError> {
    let mut lines = text.lines();
    let mut value = |word: &str| {
        let line = lines.next().and_then(|line| line.strip_prefix(word)).ok_or(LmkFileError::Format)?;
        hex::decode(line.trim()).map_err(|_| LmkFileError::Format)
    };
    if !value(MAGIC)?.is_empty() {
        return Err(LmkFileError::Format);
    }
    let salt: [u8; SALT_BYTES] = value("salt ")?.try_into().map_err(|_| LmkFileError::Format)?;
    let mut sealed = Zeroizing::new(value("sealed ")?);
    if lines.next().is_some() {
        return Err(LmkFileError::Format);
    }
    let bytes = sealing_key(passphrase, &salt)
        .open_in_place(nonce(), Aad::from(MAGIC.as_bytes()), &mut sealed)
        .map_err(|_| LmkFileError::Passphrase)?;
    let mut lmks = entries(bytes)?;
    check(&lmks)?;
    lmks.sort_by_key(|lmk| lmk.identifier.0);
    Ok(lmks)
}

fn entries(mut bytes: &[u8]) -> Result<Vec<StoredLmk>, LmkFileError> {
    let mut lmks = Vec::new();
    while let Some(([identifier, code, high, low], rest)) = bytes.split_first_chunk() {
        let kind = LmkKind::ALL.into_iter().find(|kind| kind.code() == *code).ok_or(LmkFileError::Format)?;
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (key, rest) = rest.split_at_checked(length).ok_or(LmkFileError::Format)?;
        if length != kind.bytes() {
            return Err(LmkFileError::Format);
        }
        let key = Zeroizing::new(key.to_vec());
        lmks.push(StoredLmk { identifier: LmkIdentifier(*identifier), kind, key });
        bytes = rest;
    }
    if bytes.is_empty() { Ok(lmks) } else { Err(LmkFileError::Format) }
}

fn check(lmks: &[StoredLmk]) -> Result<(), LmkFileError> {
    if lmks.is_empty() {
        return Err(LmkFileError::Empty);
    }
    for (index, lmk) in lmks.iter().enumerate() {
        if lmk.identifier.0 > HIGHEST_IDENTIFIER {
            return Err(LmkFileError::Identifier(lmk.identifier));
        }
        if lmks[..index].iter().any(|earlier| earlier.identifier == lmk.identifier) {
            return Err(LmkFileError::Duplicate(lmk.identifier));
        }
    }
    Ok(())
}

fn sealing_key(passphrase: &[u8], salt: &[u8; SALT_BYTES]) -> LessSafeKey {
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::derive(PBKDF2_HMAC_SHA256, ROUNDS, salt, passphrase, &mut *key);
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*key).expect("an AES-256 key has 32 bytes"))
}

/// Always the same: the salt makes every file's key its own, and each key seals once.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

impl fmt::Debug for StoredLmk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredLmk({:02}, {:?}, ****)", self.identifier.0, self.kind)
    }
}

impl fmt::Display for LmkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for LmkFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LmkFileError::Io(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                f.write_str("the file exists already, and LMK files are never overwritten")
            }
            LmkFileError::Io(error) => write!(f, "{error}"),
            LmkFileError::Format => f.write_str("this is no LMK file of hsm-sim, or one of another version"),
            LmkFileError::Passphrase => f.write_str("wrong passphrase, or the file was changed"),
            LmkFileError::ShortPassphrase => {
                write!(f, "the passphrase of a new file needs at least {SHORTEST_PASSPHRASE} characters")
            }
            LmkFileError::Duplicate(LmkIdentifier(id)) => write!(f, "two LMKs have the identifier {id:02}"),
            LmkFileError::Identifier(LmkIdentifier(id)) => {
                write!(f, "the identifier {id:02} is above {HIGHEST_IDENTIFIER}")
            }
            LmkFileError::Empty => f.write_str("there is no LMK"),
            LmkFileError::Unsupported => {
                f.write_str("an LMK of it has a wrong length, or is a DES key of even parity")
            }
            LmkFileError::Random => f.write_str("the system gives no random bytes"),
        }
    }
}

impl std::error::Error for LmkFileError {}

impl From<io::Error> for LmkFileError {
    fn from(error: io::Error) -> LmkFileError {
        LmkFileError::Io(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const PASSPHRASE: &[u8] = b"correct horse battery";

    fn set() -> Vec<StoredLmk> {
        vec![
            StoredLmk::generate(LmkIdentifier(1), LmkKind::TdesKeyBlock).unwrap(),
            StoredLmk::generate(LmkIdentifier(0), LmkKind::Variant).unwrap(),
        ]
    }

    #[test]
    fn comes_back_under_its_passphrase_and_no_other() {
        let lmks = set();
        let text = seal(&lmks, PASSPHRASE).unwrap();
        let back = unseal(&text, PASSPHRASE).unwrap();
        assert_eq!(back.iter().map(|lmk| lmk.identifier.0).collect::<Vec<_>>(), [0, 1]);
        assert_eq!((back[0].reveal(), back[1].reveal()), (lmks[1].reveal(), lmks[0].reveal()));
        assert_ne!(text, seal(&lmks, PASSPHRASE).unwrap());
        assert!(!text.contains(&hex::encode(&lmks[1].reveal()[..16])));
        let fails = |text: &str, passphrase| unseal(text, passphrase).unwrap_err().to_string();
        let wrong = LmkFileError::Passphrase.to_string();
        assert_eq!(fails(&text, b"correct horse batterz"), wrong);
        let changed = if text.ends_with("0\n") { "1\n" } else { "0\n" };
        assert_eq!(fails(&format!("{}{changed}", &text[..text.len() - 2]), PASSPHRASE), wrong);
        let format = LmkFileError::Format.to_string();
        for no_file in ["", "hsm-sim lmk 2\n", "hsm-sim lmk 1\nsalt 00\n", &format!("{text}more\n")] {
            assert_eq!(fails(no_file, PASSPHRASE), format);
        }
    }

    /// Independent of the engine: the bytes inside are where the description says.
    #[test]
    fn entries_are_identifier_kind_length_and_key() {
        let mut bytes = vec![5, b'A', 0, 32];
        bytes.extend_from_slice(&[0xEE; 32]);
        let lmks = entries(&bytes).unwrap();
        assert_eq!(
            (lmks[0].identifier.0, lmks[0].kind, lmks[0].reveal()),
            (5, LmkKind::AesKeyBlock, &[0xEE; 32][..])
        );
        bytes[3] = 31;
        assert!(matches!(entries(&bytes), Err(LmkFileError::Format)));
        bytes[1] = b'B';
        assert!(matches!(entries(&bytes), Err(LmkFileError::Format)));
    }

    /// The AES test LMK and the value that payShields show for it.
    #[test]
    fn published_check_value() {
        let key = hex::decode("9B71333A13F9FAE72F9D0E2DAB4AD6784718012F9244033F3F26A2DE0C8AA11A").unwrap();
        let lmk =
            StoredLmk { identifier: LmkIdentifier(2), kind: LmkKind::AesKeyBlock, key: Zeroizing::new(key) };
        assert_eq!(&lmk.check_value(), b"9D04A00000000000");
        assert_eq!(format!("{lmk:?}"), "StoredLmk(02, AesKeyBlock, ****)");
    }

    #[test]
    fn generated_keys_have_their_length_and_parity() {
        for (kind, bytes, odd) in [
            (LmkKind::Variant, 320, true),
            (LmkKind::TdesKeyBlock, 24, true),
            (LmkKind::AesKeyBlock, 32, false),
        ] {
            let lmk = StoredLmk::generate(LmkIdentifier(3), kind).unwrap();
            assert_eq!(lmk.reveal().len(), bytes);
            assert!(!odd || lmk.reveal().iter().all(|byte| byte.count_ones() % 2 == 1));
            let other = StoredLmk::generate(LmkIdentifier(3), kind).unwrap();
            assert_ne!(lmk.reveal(), other.reveal());
            assert_ne!(lmk.check_value(), other.check_value());
        }
        assert!(matches!(
            StoredLmk::generate(LmkIdentifier(20), LmkKind::Variant),
            Err(LmkFileError::Identifier(_))
        ));
    }

    #[test]
    fn is_private_and_never_overwritten() {
        let folder = std::env::temp_dir().join(format!("hsm-sim-lmk-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("unit.lmk");
        create(&path, &set(), PASSPHRASE).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let before = std::fs::read(&path).unwrap();
        let error = create(&path, &set(), PASSPHRASE).unwrap_err();
        assert!(error.to_string().contains("never overwritten"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
        load(&open(&path, PASSPHRASE).unwrap()).unwrap();
        let other = folder.join("other.lmk");
        assert!(matches!(create(&other, &set(), b"short"), Err(LmkFileError::ShortPassphrase)));
        assert!(matches!(create(&other, &[], PASSPHRASE), Err(LmkFileError::Empty)));
        let twice = [set(), set()].concat();
        assert!(matches!(create(&other, &twice, PASSPHRASE), Err(LmkFileError::Duplicate(_))));
        assert!(!other.exists());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
