use crate::tls::Identity;
use iso8583::Dialect;
use serde::Deserialize;
use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use terminal::TestIssuer;

/// What is put under load: a listener, who we are to it, and the cards that its switch knows.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) server_name: String,
    pub(crate) dialect: &'static Dialect,
    pub(crate) identity: Identity,
    pub(crate) issuer: TestIssuer,
    /// Where the cards came from.
    pub(crate) cards: PathBuf,
}

/// Why there is no target.
#[derive(Debug)]
pub(crate) enum TargetError {
    /// A file cannot be read.
    File(PathBuf, io::Error),
    /// The configuration is not TOML, or not as `turnout init` writes it.
    Config(PathBuf, toml::de::Error),
    /// The configuration has no fitting listener.
    NoListener(PathBuf, &'static str),
    /// The file of test cards is not as `turnout init` writes it. Says where and not what: it holds keys.
    Cards(PathBuf, usize),
}

/// The folder that `turnout init` made.
pub(crate) struct Folder<'a>(pub(crate) &'a Path);

impl Folder<'_> {
    /// The address of the first TLS listener of this dialect.
    pub(crate) fn address(&self, dialect: &'static Dialect) -> Result<SocketAddr, TargetError> {
        let path = self.0.join("turnout.toml");
        let text = read(&path)?;
        let config: Config =
            toml::from_str(&text).map_err(|error| TargetError::Config(path.clone(), error))?;
        let fits = |listener: &&Listener| {
            let tls = listener.tls.as_deref().unwrap_or("required");
            listener.dialect.as_deref() == Some(dialect.name()) && tls != "off"
        };
        let listener = config.listener.iter().find(fits);
        listener.map(|listener| listener.address).ok_or(TargetError::NoListener(path, dialect.name()))
    }

    /// The certificate made for load tests.
    pub(crate) fn identity(&self) -> Identity {
        let file = |name| self.0.join("certs").join(name);
        Identity {
            certificate: file("loadtest.pem"),
            key: file("loadtest.key"),
            authority: file("authority.pem"),
        }
    }

    /// The test cards.
    pub(crate) fn cards(&self) -> PathBuf {
        self.0.join("test-cards.json")
    }
}

/// Reads `test-cards.json`.
pub(crate) fn read_cards(path: &Path) -> Result<TestIssuer, TargetError> {
    let text = read(path)?;
    serde_json::from_str(&text).map_err(|error| TargetError::Cards(path.to_owned(), error.line()))
}

fn read(path: &Path) -> Result<String, TargetError> {
    fs::read_to_string(path).map_err(|error| TargetError::File(path.to_owned(), error))
}

/// The part of `turnout.toml` that says where to connect; `turnout check` judges the rest.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    listener: Vec<Listener>,
}

#[derive(Deserialize)]
struct Listener {
    address: SocketAddr,
    dialect: Option<String>,
    tls: Option<String>,
}

impl TargetError {
    /// 65 for bad data, 78 for a bad configuration.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            TargetError::Cards(..) => 65,
            _ => 78,
        }
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TargetError::File(path, error) => write!(f, "{}: {error}", path.display()),
            TargetError::Config(path, error) => write!(f, "{}: {error}", path.display()),
            TargetError::NoListener(path, dialect) => {
                write!(f, "{} has no TLS listener of dialect {dialect}", path.display())
            }
            TargetError::Cards(path, line) => {
                let path = path.display();
                write!(f, "{path}, line {line}: not a file of test cards as `turnout init` writes it")
            }
        }
    }
}

impl std::error::Error for TargetError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tls_listener_of_the_dialect_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let listener = |port: u16, rest: &str| {
            format!("[[listener]]\nname = \"l{port}\"\naddress = \"127.0.0.1:{port}\"\n{rest}\n")
        };
        let text = [
            listener(1, "protocol = \"ndc\""),
            listener(2, "dialect = \"iso87_ascii\"\ntls = \"off\""),
            listener(3, "dialect = \"iso87_bcd\"\ntls = \"required\""),
            listener(4, "dialect = \"iso87_ascii\""),
            listener(5, "dialect = \"iso87_ascii\"\ntls = \"required\""),
        ]
        .concat();
        fs::write(folder.path().join("turnout.toml"), text).unwrap();
        let port = |dialect| {
            let dialect = Dialect::by_name(dialect).unwrap();
            Folder(folder.path()).address(dialect).map(|address| address.port())
        };
        assert_eq!(port("iso87_ascii").unwrap(), 4);
        assert_eq!(port("iso87_bcd").unwrap(), 3);
        assert_eq!(port("iso87_ascii_binary").unwrap_err().exit_code(), 78);
    }

    #[test]
    fn an_error_about_cards_quotes_nothing_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test-cards.json");
        fs::write(&path, "{\"keys\": {\n\"zpk\": \"0123456789ABCDEFX\"}}").unwrap();
        let error = read_cards(&path).unwrap_err();
        assert_eq!(error.exit_code(), 65);
        assert!(!error.to_string().contains("0123"), "{error}");
    }
}
