//! Keys by name: those of the configuration and those that `turnout key import` has added.

use super::error::{Complaint, Findings};
use super::section::Section;
use super::value::text;
use auth::Key;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// A key of the configuration.
#[derive(Clone, Debug)]
pub struct NamedKey {
    /// Name and cryptogram under the LMK.
    pub key: Arc<Key>,
    /// What it is for.
    pub kind: KeyKind,
    /// Check value, 6 or 16 upper-case hexadecimal digits, where one is stated.
    pub kcv: Option<String>,
    /// When and why it was revoked: it stands in the list, and nothing may use it.
    pub revoked: Option<String>,
    /// Whether it was imported, and so stands in the data folder and not in the configuration.
    pub imported: bool,
    /// Line of its file.
    pub line: usize,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Zone PIN key.
    Zpk,
    /// Terminal PIN key.
    Tpk,
    /// PIN verification key.
    Pvk,
    /// Card verification key.
    Cvk,
    /// Issuer master key for application cryptograms.
    MkAc,
    /// Zone master key.
    Zmk,
    /// Terminal authentication key.
    Tak,
    /// Zone authentication key.
    Zak,
    /// Base derivation key of DUKPT.
    Bdk,
    /// Issuer master key for secure messaging with integrity.
    MkSmi,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [KeyKind; 10] = [
        KeyKind::Zpk,
        KeyKind::Tpk,
        KeyKind::Pvk,
        KeyKind::Cvk,
        KeyKind::MkAc,
        KeyKind::Zmk,
        KeyKind::Tak,
        KeyKind::Zak,
        KeyKind::Bdk,
        KeyKind::MkSmi,
    ];

    /// The word used in configuration and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            KeyKind::Zpk => "ZPK",
            KeyKind::Tpk => "TPK",
            KeyKind::Pvk => "PVK",
            KeyKind::Cvk => "CVK",
            KeyKind::MkAc => "MK-AC",
            KeyKind::Zmk => "ZMK",
            KeyKind::Tak => "TAK",
            KeyKind::Zak => "ZAK",
            KeyKind::Bdk => "BDK",
            KeyKind::MkSmi => "MK-SMI",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<KeyKind> {
        KeyKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The key type of payShield commands.
    #[must_use]
    pub fn hsm_type(self) -> hsm::KeyType {
        match self {
            KeyKind::Zpk => hsm::KeyType::ZPK,
            KeyKind::Tpk => hsm::KeyType::TPK,
            KeyKind::Pvk => hsm::KeyType::PVK,
            KeyKind::Cvk => hsm::KeyType::CVK,
            KeyKind::MkAc => hsm::KeyType::MK_AC,
            KeyKind::Zmk => hsm::KeyType::ZMK,
            KeyKind::Tak => hsm::KeyType::TAK,
            KeyKind::Zak => hsm::KeyType::ZAK,
            KeyKind::Bdk => hsm::KeyType::BDK,
            KeyKind::MkSmi => hsm::KeyType::MK_SMI,
        }
    }
}

/// The word of configuration.
impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// All keys by name.
#[derive(Default)]
pub(super) struct KeyRing {
    keys: BTreeMap<String, NamedKey>,
}

impl KeyRing {
    /// Takes the `[[key]]` tables of a file.
    pub(super) fn take(&mut self, top: &mut Section<'_>, imported: bool) {
        for section in top.tables("key") {
            self.take_one(section, imported);
        }
    }

    /// Reads the file of imported keys, if there is one.
    pub(super) fn take_imported(&mut self, file: &Path) -> Result<(), Findings> {
        let content = match std::fs::read_to_string(file) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                let findings = Findings::new(file, "");
                findings.add(None, "", Complaint::bare(format!("cannot be read: {error}")));
                return Err(findings);
            }
        };
        let findings = Findings::new(file, &content);
        let (table, errors) = DeTable::parse_recoverable(&content);
        for error in errors {
            findings.add(error.span(), "", Complaint::bare(error.message()));
        }
        if findings.is_empty() {
            let mut top = Section::top(&findings, table.get_ref());
            self.take(&mut top, true);
            top.finish();
        }
        if findings.is_empty() { Ok(()) } else { Err(findings) }
    }

    /// A key that is wrong in some other way is known by its name all the same, so that its uses are
    /// not complained about as well.
    fn take_one(&mut self, mut section: Section<'_>, imported: bool) {
        let name = section.required("name", key_name);
        let kind = section.required("type", key_kind);
        let cryptogram = section.required("cryptogram", cryptogram);
        let kcv = section.optional("kcv", check_value);
        let revoked = section.optional("revoked", |value| text(value).map(str::to_owned));
        if let (Some(name), Some(kind)) = (name, kind) {
            let key = Arc::new(Key { name: name.to_owned(), cryptogram: cryptogram.unwrap_or_default() });
            if self.keys.contains_key(name) {
                let mend =
                    "give each key a name of its own; imported keys stand in the data folder's keys.toml";
                section.complain("name", Complaint::new(format!("the name {name:?} is taken"), mend));
            } else {
                let line = section.line();
                self.keys.insert(name.to_owned(), NamedKey { key, kind, kcv, revoked, imported, line });
            }
        }
        section.finish();
    }

    /// Reads the name of a key of one of these kinds.
    pub(super) fn named(&self, value: &DeValue<'_>, kinds: &[KeyKind]) -> Result<&NamedKey, Complaint> {
        let name = text(value)?;
        let words = kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ");
        let Some(found) = self.keys.get(name) else {
            let fitting = self.keys.iter().filter(|(_, key)| kinds.contains(&key.kind));
            return Err(Complaint::not_known(
                &format!("{words} key"),
                name,
                fitting.map(|(name, _)| &**name),
            ));
        };
        if let Some(revoked) = &found.revoked {
            let mend = "name another key, or bring a new one in by that name";
            return Err(Complaint::new(format!("the key {name:?} is revoked: {revoked}"), mend));
        }
        if kinds.contains(&found.kind) {
            return Ok(found);
        }
        let reason = format!("the key {name:?} is a {} and not a {words}", found.kind);
        Err(Complaint::new(reason, format!("name a key of type {words}")))
    }

    pub(super) fn into_keys(self) -> Vec<NamedKey> {
        self.keys.into_values().collect()
    }
}

fn key_name<'f>(value: &'f DeValue<'f>) -> Result<&'f str, Complaint> {
    let name = text(value)?;
    if is_key_name(name) {
        return Ok(name);
    }
    Err(Complaint::new("is not a name", "1 to 64 letters, digits, `-`, `_` or `.`"))
}

/// Whether a key may be called so.
pub(crate) fn is_key_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

fn key_kind(value: &DeValue<'_>) -> Result<KeyKind, Complaint> {
    let word = text(value)?;
    let known = KeyKind::ALL.iter().map(|kind| kind.as_str());
    KeyKind::parse(word).ok_or_else(|| Complaint::not_known("key type", word, known))
}

fn cryptogram(value: &DeValue<'_>) -> Result<String, Complaint> {
    let cryptogram = text(value)?;
    match hsm::KeyField::parse(cryptogram) {
        Ok(_) => Ok(cryptogram.to_owned()),
        Err(error) => {
            let mend =
                "scheme letter and upper-case hexadecimal digits, as the HSM gave it: \"U\" and 32 digits";
            Err(Complaint::new(format!("is not a key under an LMK: {error}"), mend))
        }
    }
}

fn check_value(value: &DeValue<'_>) -> Result<String, Complaint> {
    let kcv = text(value)?;
    if matches!(kcv.len(), 6 | 16) && kcv.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(kcv.to_ascii_uppercase());
    }
    Err(Complaint::new("is not a key check value", "6 or 16 hexadecimal digits"))
}
