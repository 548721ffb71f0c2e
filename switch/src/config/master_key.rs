//! `master_key`: a file, or a table that names another source.

use super::error::Complaint;
use super::value::text;
use crate::master_key::{MasterKeyError, MasterKeySource};
use std::path::Path;
use toml::de::DeValue;

/// How the sources are written.
const FORMS: &str =
    "write \"FILE\", { environment = \"VARIABLE\" }, { credential = \"NAME\" } or { hsm = \"FILE\" }";

/// Reads `"file"` or a table with one of `file`, `environment`, `credential`, `hsm`.
pub(super) fn source(value: &DeValue<'_>, folder: &Path) -> Result<MasterKeySource, Complaint> {
    let Some(table) = value.as_table() else {
        return text(value).map(|file| MasterKeySource::File(folder.join(file)));
    };
    let mut entries = table.iter();
    let (Some((key, named)), None) = (entries.next(), entries.next()) else {
        return Err(Complaint::new("does not name one source", FORMS));
    };
    let named = text(named.get_ref())?;
    if named.is_empty() || (key.get_ref() == "credential" && named.contains('/')) {
        return Err(Complaint::new("names nothing that could be there", FORMS));
    }
    match key.get_ref().as_ref() {
        "file" => Ok(MasterKeySource::File(folder.join(named))),
        "environment" => Ok(MasterKeySource::Environment(named.to_owned())),
        "credential" => Ok(MasterKeySource::Credential(named.to_owned())),
        "hsm" => Ok(MasterKeySource::Hsm(folder.join(named))),
        other => Err(Complaint::not_known("source", other, ["file", "environment", "credential", "hsm"])),
    }
}

/// What to say of a source that gives no key, and what to do.
pub(super) fn complaint(source: &MasterKeySource, error: &MasterKeyError) -> Complaint {
    let mend = match source {
        // A key that exists must never be written over: what it has sealed would be lost.
        _ if source.file().is_some_and(Path::exists) => {
            "mend the file, or bring it back from where it is kept safe; without this key the data is lost"
                .to_owned()
        }
        MasterKeySource::File(file) => {
            let file = file.display();
            format!(
                "`turnout init` makes one; or, for a new data folder: (umask 077 && openssl rand -hex 32 > {file})"
            )
        }
        MasterKeySource::Environment(name) => format!(
            "give {name} 64 hexadecimal digits in the environment of this process, and of each tool that reads data"
        ),
        MasterKeySource::Credential(name) => format!(
            "write LoadCredentialEncrypted={name}:/etc/turnout/{name}.cred into the unit, and run tools by \
             `systemd-run -p LoadCredentialEncrypted=… --pipe`"
        ),
        MasterKeySource::Hsm(_) => {
            "bring the file back from where it is kept safe; `turnout key rewrap --hsm FILE` makes one for data whose \
             master key you have"
                .to_owned()
        }
    };
    Complaint::new(error.to_string(), mend)
}
