//! TLS of our listeners and webhooks: rustls with the ring provider, versions 1.2 and 1.3. The provider is named
//! wherever one is needed, so that no other part of the process can exchange it.

use crate::settings::TlsSettings;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Why a listener's TLS cannot be set up. Names the file, never its contents.
#[derive(Debug)]
pub enum TlsError {
    /// This file cannot be read, or is not PEM.
    Read(PathBuf, pem::Error),
    /// This file holds no certificate.
    NoCertificate(PathBuf),
    /// This file holds a certificate that cannot be an authority.
    Authority(PathBuf, rustls::Error),
    /// No verifier can be made of this file.
    Verifier(PathBuf, VerifierBuilderError),
    /// Certificate and key, in these files, do not make an identity.
    Identity(PathBuf, PathBuf, rustls::Error),
    /// Client certificates are required and no authority says which are right.
    NoAuthority,
}

/// Reads the files and makes what a listener accepts connections with.
///
/// # Errors
/// When a file cannot be read or does not hold what it should.
pub fn acceptor(settings: &TlsSettings) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier(settings, &provider)?;
    let chain = certificates(&settings.certificate_file)?;
    let key = PrivateKeyDer::from_pem_file(&settings.key_file)
        .map_err(|error| TlsError::Read(settings.key_file.clone(), error))?;
    let (certificate_file, key_file) = (&settings.certificate_file, &settings.key_file);
    let identity = |error| TlsError::Identity(certificate_file.clone(), key_file.clone(), error);
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(identity)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(identity)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The common name of a certificate's subject: the first one, as text.
#[must_use]
pub fn common_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let name = certificate.subject().iter_common_name().next()?;
    name.as_str().ok().map(str::to_owned)
}

fn verifier(
    settings: &TlsSettings,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let required = settings.client_certificate_required;
    let Some(file) = &settings.client_authority_file else {
        // Nobody to ask who is right: letting everybody in would be the opposite of what was asked.
        return if required {
            Err(TlsError::NoAuthority)
        } else {
            Ok(WebPkiClientVerifier::no_client_auth())
        };
    };
    let roots = authorities(file)?;
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| TlsError::Verifier(file.clone(), error))
}

/// The authorities of a PEM file.
///
/// # Errors
/// When it cannot be read, or holds a certificate that cannot be an authority.
pub fn authorities(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| TlsError::Authority(file.to_owned(), error))?;
    }
    Ok(roots)
}

/// The authorities that browsers trust.
#[must_use]
pub fn public_authorities() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

/// What we connect with where others listen: they must show a certificate of these authorities, and we show none.
///
/// # Panics
/// Never: the provider has both versions.
#[must_use]
pub fn client(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("the ring provider has both versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// All certificates of a PEM file, at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = |error| TlsError::Read(file.to_owned(), error);
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).map_err(read)?.collect();
    let certificates = certificates.map_err(read)?;
    if certificates.is_empty() { Err(TlsError::NoCertificate(file.to_owned())) } else { Ok(certificates) }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::Read(file, pem::Error::NoItemsFound) => write!(
                f,
                "{}: holds no private key; give a PEM file with one PRIVATE KEY section",
                file.display()
            ),
            TlsError::Read(file, pem::Error::Io(error)) => {
                write!(f, "{}: {error}; name a file that this user may read", file.display())
            }
            TlsError::Read(file, error) => write!(f, "{}: {error}; give a PEM file", file.display()),
            TlsError::NoCertificate(file) => {
                write!(
                    f,
                    "{}: holds no certificate; give a PEM file with CERTIFICATE sections",
                    file.display()
                )
            }
            TlsError::Authority(file, error) => {
                write!(f, "{}: {error}; give certificates of authorities", file.display())
            }
            TlsError::Verifier(file, error) => {
                write!(f, "{}: {error}; give certificates of authorities", file.display())
            }
            TlsError::Identity(certificate, key, error) => write!(
                f,
                "{} and {}: {error}; give the key that belongs to the first certificate",
                certificate.display(),
                key.display()
            ),
            TlsError::NoAuthority => f.write_str(
                "client certificates are required; name the file of the authority that signs them",
            ),
        }
    }
}

impl std::error::Error for TlsError {}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    use rustls::pki_types::ServerName;
    use std::fs;
    use std::io;
    use tempfile::TempDir;
    use tokio_rustls::TlsConnector;

    struct Authority {
        issuer: Issuer<'static, KeyPair>,
        pem: String,
    }

    struct Identity {
        certificate: rcgen::Certificate,
        key: KeyPair,
    }

    impl Authority {
        fn new(name: &str) -> Authority {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().unwrap();
            let pem = params.self_signed(&key).unwrap().pem();
            Authority { issuer: Issuer::new(params, key), pem }
        }

        fn sign(&self, common_name: &str) -> Identity {
            let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, common_name);
            let key = KeyPair::generate().unwrap();
            Identity { certificate: params.signed_by(&key, &self.issuer).unwrap(), key }
        }
    }

    /// A listener whose files lie in a folder of their own.
    struct Site {
        authority: Authority,
        settings: TlsSettings,
        _folder: TempDir,
    }

    impl Site {
        fn new(required: bool) -> Site {
            let folder = tempfile::tempdir().unwrap();
            let file = |name: &str, contents: String| {
                let path = folder.path().join(name);
                fs::write(&path, contents).unwrap();
                path
            };
            let authority = Authority::new("Test authority");
            let listener = authority.sign("listener");
            let settings = TlsSettings {
                certificate_file: file("listener.pem", listener.certificate.pem()),
                key_file: file("listener.key", listener.key.serialize_pem()),
                client_authority_file: Some(file("authority.pem", authority.pem.clone())),
                client_certificate_required: required,
            };
            Site { authority, settings, _folder: folder }
        }

        /// Shakes hands; gives the common name that the listener saw.
        fn handshake(
            &self,
            identity: Option<&Identity>,
            version: &'static rustls::SupportedProtocolVersion,
        ) -> io::Result<Option<String>> {
            let (near, far) = tokio::io::duplex(64 * 1024);
            let connector = TlsConnector::from(Arc::new(self.peer(identity, version)));
            let acceptor = acceptor(&self.settings).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let (_, accepted) =
                runtime.block_on(async { tokio::join!(connector.connect(name, near), acceptor.accept(far)) });
            let accepted = accepted?;
            let chain = accepted.get_ref().1.peer_certificates();
            Ok(chain.and_then(|chain| chain.first()).and_then(|der| common_name(der)))
        }

        fn peer(
            &self,
            identity: Option<&Identity>,
            version: &'static rustls::SupportedProtocolVersion,
        ) -> ClientConfig {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(self.authority.pem.as_bytes()).unwrap()).unwrap();
            let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_protocol_versions(&[version])
                .unwrap()
                .with_root_certificates(roots);
            match identity {
                None => builder.with_no_client_auth(),
                Some(Identity { certificate, key }) => {
                    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                    builder.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
                }
            }
        }
    }

    #[test]
    fn who_may_come_in() {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            for required in [true, false] {
                let site = Site::new(required);
                let right = site.authority.sign("terminal-1");
                assert_eq!(site.handshake(Some(&right), version).unwrap().as_deref(), Some("terminal-1"));
                let stranger = Authority::new("Other authority").sign("terminal-1");
                assert!(site.handshake(Some(&stranger), version).is_err());
                let nobody = site.handshake(None, version);
                assert_eq!(nobody.ok(), if required { None } else { Some(None) });
            }
        }
    }

    #[test]
    fn without_an_authority_nobody_is_asked() {
        let mut site = Site::new(false);
        site.settings.client_authority_file = None;
        let right = site.authority.sign("terminal-1");
        for identity in [None, Some(&right)] {
            assert_eq!(site.handshake(identity, &rustls::version::TLS13).unwrap(), None);
        }
        site.settings.client_certificate_required = true;
        assert!(matches!(acceptor(&site.settings), Err(TlsError::NoAuthority)));
    }

    #[test]
    fn errors_name_the_file_and_what_to_do() {
        let check = |change: fn(&mut TlsSettings), file: &str, mend: &str| {
            let mut site = Site::new(true);
            change(&mut site.settings);
            let Err(error) = acceptor(&site.settings) else { panic!("{file} was accepted") };
            let text = error.to_string();
            assert!(text.contains(file) && text.contains(mend), "{text}");
            assert!(!text.contains("BEGIN"), "{text}");
        };
        check(|settings| settings.key_file = "/nowhere/a.key".into(), "/nowhere/a.key", "may read");
        check(
            |settings| settings.client_authority_file = Some("/nowhere/ca.pem".into()),
            "/nowhere/ca.pem",
            "may read",
        );
        check(
            |settings| settings.certificate_file = settings.key_file.clone(),
            "listener.key",
            "CERTIFICATE",
        );
        check(
            |settings| settings.key_file = settings.certificate_file.clone(),
            "listener.pem",
            "PRIVATE KEY",
        );
        check(
            |settings| fs::write(settings.client_authority_file.as_ref().unwrap(), "").unwrap(),
            "authority.pem",
            "CERTIFICATE",
        );
        check(
            |settings| fs::write(&settings.key_file, KeyPair::generate().unwrap().serialize_pem()).unwrap(),
            "listener.key",
            "belongs to",
        );
        check(
            |settings| {
                let broken = "-----BEGIN CERTIFICATE-----\n****\n-----END CERTIFICATE-----\n";
                fs::write(&settings.certificate_file, broken).unwrap();
            },
            "listener.pem",
            "give a PEM file",
        );
    }

    #[test]
    fn names_of_certificates() {
        let authority = Authority::new("Test authority");
        let der = authority.sign("acquirer-7").certificate.der().to_vec();
        assert_eq!(common_name(&der).as_deref(), Some("acquirer-7"));
        assert_eq!(common_name(&der[..der.len() / 2]), None);
        assert_eq!(common_name(b""), None);
    }
}
