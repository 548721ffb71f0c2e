//! TLS of our listeners: rustls with the ring provider, versions 1.2 and 1.3. The provider is named
//! wherever one is needed, so that no other part of the process can exchange it.

use crate::settings::TlsSettings;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
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
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| TlsError::Authority(file.clone(), error))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| TlsError::Verifier(file.clone(), error))
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
