//! Certificates: ours, and the authority of those who connect.

use super::error::Complaint;
use super::section::Section;
use super::value::{list, text};
use crate::settings::TlsSettings;
use std::path::{Path, PathBuf};
use toml::de::DeValue;

/// The files of an identity, as far as a section names them.
#[derive(Clone, Default)]
pub(super) struct Identity {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    authority: Option<PathBuf>,
}

/// What a listener asks of those who connect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsMode {
    /// A certificate that the authority signed.
    Required,
    /// TLS, and no certificate.
    Server,
    /// Plain TCP.
    Off,
}

pub(super) const MODES: &[(&str, TlsMode)] =
    &[("required", TlsMode::Required), ("server", TlsMode::Server), ("off", TlsMode::Off)];

impl Identity {
    /// Reads `certificate`, `key` and `client_authority` of a section.
    pub(super) fn read(section: &mut Section<'_>, folder: &Path) -> Identity {
        // A file that is missing has been complained about; its place is taken all the same, so that
        // its listeners are not complained about as well.
        let mut file = |key| {
            let found = section.optional(key, |value| existing_file(value, folder));
            found.or_else(|| section.has(key).then(PathBuf::new))
        };
        let identity = Identity {
            certificate: file("certificate"),
            key: file("key"),
            authority: file("client_authority"),
        };
        // One without the other would pair it with the half of another identity.
        for (key, missing) in [("certificate", "key"), ("key", "certificate")] {
            if section.has(key) && !section.has(missing) {
                let mend = "name both files; the common names of those who may connect stand in \
                            `client_certificate` of a listener, or `certificate` of a terminal";
                section.complain(key, Complaint::new(format!("needs `{missing}`"), mend));
            }
        }
        identity
    }

    /// This identity, with what it lacks taken from another.
    pub(super) fn or(self, default: &Identity) -> Identity {
        let own = self.certificate.is_some();
        Identity {
            certificate: if own { self.certificate } else { default.certificate.clone() },
            key: if own { self.key } else { default.key.clone() },
            authority: self.authority.or_else(|| default.authority.clone()),
        }
    }

    /// The settings for this mode; `None` for plain TCP.
    pub(super) fn settings(self, mode: TlsMode) -> Result<Option<TlsSettings>, Complaint> {
        if mode == TlsMode::Off {
            return Ok(None);
        }
        let mend = "name it in [tls], or here; `turnout init` makes development certificates";
        let (Some(certificate_file), Some(key_file)) = (self.certificate, self.key) else {
            return Err(Complaint::new("needs `certificate` and `key`", mend));
        };
        let required = mode == TlsMode::Required;
        if required && self.authority.is_none() {
            return Err(Complaint::new("needs `client_authority`", mend));
        }
        Ok(Some(TlsSettings {
            certificate_file,
            key_file,
            client_authority_file: self.authority.filter(|_| required),
            client_certificate_required: required,
        }))
    }
}

/// Common names of the certificates that may speak for terminals: one, or a list.
pub(super) fn common_names(value: &DeValue<'_>) -> Result<Vec<String>, Complaint> {
    let names = if value.is_str() { vec![text(value)?] } else { list(value, text)? };
    if names.is_empty() || names.contains(&"") {
        let mend = "the common name of a certificate, or several: \"pos\", [\"pos\", \"spare\"]";
        return Err(Complaint::new("names no certificate", mend));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// A path, relative to the configuration's folder, of a file that is there.
fn existing_file(value: &DeValue<'_>, folder: &Path) -> Result<PathBuf, Complaint> {
    let path = folder.join(text(value)?);
    if path.is_file() {
        return Ok(path);
    }
    let mend = "paths are relative to the folder of the configuration; `turnout init` makes development certificates";
    Err(Complaint::new(format!("there is no file {}", path.display()), mend))
}
