//! What all commands that change keys have in common: the configuration, the HSM, the lock, the audit trail.

use super::audit::{Audit, Deed};
use super::key_file::KeyFile;
use super::unit::{Unit, UnitError};
use crate::command::DataFormat;
use crate::command::check::good_configuration;
use crate::config::{Configuration, KeyKind, is_key_name};
use crate::master_key::MasterKeyError;
use crate::recovery::RecoveryError;
use hsm::KeyField;
use serde_json::json;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use store::DataKeysError;

/// A change under way.
pub(super) struct Change {
    command: &'static str,
    pub(super) configuration: Configuration,
    audit: Audit,
    unit: Option<Unit>,
    /// Held until the end, so that two changes never mix.
    pub(super) file: KeyFile,
}

/// Why nothing was changed: what to say, and the exit code.
pub(super) struct Refusal(String, u8);

const FAILED: u8 = 1;
const BAD_DATA: u8 = 65;
const UNAVAILABLE: u8 = 69;

impl Change {
    /// Reads the configuration and takes the lock. What is wrong with them is said here.
    pub(super) fn of(command: &'static str, config: &Path) -> Result<Change, ExitCode> {
        let configuration = good_configuration(config)?;
        let path = configuration.imported_keys_file();
        let audit = Audit::of(configuration.data_folder());
        let file = KeyFile::open(path.clone()).map_err(|error| {
            eprintln!("turnout key {command}: {}: {error}", path.display());
            ExitCode::from(FAILED)
        })?;
        Ok(Change { command, configuration, audit, unit: None, file })
    }

    /// Makes the change, and says why it was not made.
    pub(super) fn finish(
        mut self,
        change: impl FnOnce(&mut Change) -> Result<(), Refusal>,
    ) -> Result<(), ExitCode> {
        change(&mut self).map_err(|Refusal(reason, code)| {
            eprintln!("turnout key {}: {reason}", self.command);
            ExitCode::from(code)
        })
    }

    /// The HSM of the configuration, connected when it is asked first.
    pub(super) fn unit(&mut self) -> Result<&mut Unit, Refusal> {
        if self.unit.is_none() {
            self.unit = Some(Unit::connect(&self.configuration.settings.hsm)?);
        }
        self.unit.as_mut().ok_or_else(|| Refusal::data("no HSM is configured"))
    }

    /// Whether a key may be added by this name.
    pub(super) fn check_name(&self, name: &str) -> Result<(), Refusal> {
        if !is_key_name(name) {
            return Err(Refusal::data("a name has 1 to 64 letters, digits, `-`, `_` or `.`"));
        }
        if self.configuration.keys.iter().any(|key| key.key.name == name) {
            return Err(Refusal::data(format!(
                "there is a key {name:?} already; `turnout key list` shows it, `turnout key rotate` replaces it"
            )));
        }
        Ok(())
    }

    /// The check value of six digits that the HSM gives for a key, after comparing it with the one wanted.
    pub(super) fn verified_kcv(
        &mut self,
        kind: KeyKind,
        key: &KeyField<'_>,
        wanted: Option<&str>,
    ) -> Result<String, Refusal> {
        let kcv = self.unit()?.check_value(kind, key)?;
        if let Some(wanted) = wanted.filter(|wanted| !kcv.starts_with(wanted)) {
            let found = &kcv[..wanted.len().min(kcv.len())];
            return Err(Refusal::data(format!(
                "the key's check value is {found} and not {wanted}; nothing was changed"
            )));
        }
        Ok(kcv.get(..6).unwrap_or(&kcv).to_owned())
    }

    /// Writes a deed down.
    pub(super) fn record(&self, deed: &Deed<'_>) -> Result<(), Refusal> {
        self.audit.record(deed).map_err(|error| Refusal::failed(self.audit.path(), &error))
    }

    /// Has the HSM verify a key, writes that down, adds it to the file, and says so.
    #[expect(clippy::too_many_arguments, reason = "a key, its check value, and how it came")]
    pub(super) fn add(
        &mut self,
        action: &'static str,
        name: &str,
        kind: KeyKind,
        key: &KeyField<'_>,
        wanted_kcv: Option<&str>,
        detail: &str,
        format: DataFormat,
    ) -> Result<(), Refusal> {
        // Whatever way it came, what will be used is asked for its check value.
        let kcv = self.verified_kcv(kind, key, wanted_kcv)?;
        self.record(&Deed { action, name, kind: kind.as_str(), kcv: Some(&kcv), detail })?;
        self.file.add(name, kind, key, &kcv);
        self.save()?;
        match format {
            DataFormat::Text => println!("{name} {kind} {kcv}"),
            DataFormat::Json => println!("{}", json!({ "name": name, "type": kind.as_str(), "kcv": kcv })),
        }
        eprintln!(
            "added to {}; `turnout serve` reads it at its next start",
            self.configuration.imported_keys_file().display()
        );
        Ok(())
    }

    /// Writes the file of keys.
    pub(super) fn save(&self) -> Result<(), Refusal> {
        self.file.save().map_err(|error| Refusal::failed(&self.configuration.imported_keys_file(), &error))
    }
}

impl Refusal {
    /// What was given is not right.
    pub(super) fn data(reason: impl Into<String>) -> Refusal {
        Refusal(reason.into(), BAD_DATA)
    }

    /// A file could not be read or written.
    pub(super) fn failed(path: &Path, error: &io::Error) -> Refusal {
        Refusal(format!("{}: {error}", path.display()), FAILED)
    }
}

/// The keys of data at rest are not as they must be.
impl From<RecoveryError> for Refusal {
    fn from(error: RecoveryError) -> Refusal {
        Refusal(format!("{error}; nothing was changed"), FAILED)
    }
}

impl From<DataKeysError> for Refusal {
    fn from(error: DataKeysError) -> Refusal {
        Refusal(format!("{error}; nothing was changed"), FAILED)
    }
}

impl From<MasterKeyError> for Refusal {
    fn from(error: MasterKeyError) -> Refusal {
        match error {
            MasterKeyError::Hsm(error) => Refusal::from(error),
            error => Refusal(format!("{error}; nothing was changed"), FAILED),
        }
    }
}

impl From<UnitError> for Refusal {
    fn from(error: UnitError) -> Refusal {
        let code = if matches!(error, UnitError::Refused(_)) { BAD_DATA } else { UNAVAILABLE };
        let mend = if code == BAD_DATA { "; check key, type and LMK or ZMK" } else { "" };
        Refusal(format!("{error}{mend}; nothing was changed"), code)
    }
}
