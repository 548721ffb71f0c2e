//! Development certificates: an authority of one's own, and what it signs.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};
use zeroize::Zeroizing;

/// A certificate authority for development. Whoever has its key can pretend to be any terminal, so it
/// is of no use where money is.
pub struct DevelopmentAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its private key, both PEM.
pub struct PemIdentity {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS 8.
    pub key: Zeroizing<String>,
}

impl DevelopmentAuthority {
    /// Makes an authority of this common name.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new(common_name: &str) -> Result<DevelopmentAuthority, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = named(common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(DevelopmentAuthority { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// The authority's own certificate, PEM.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// The authority's private key, PEM.
    #[must_use]
    pub fn key(&self) -> Zeroizing<String> {
        Zeroizing::new(self.issuer.key().serialize_pem())
    }

    /// A certificate for a listener on this machine: `localhost`, `127.0.0.1` and `::1`.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn for_listener(&self, common_name: &str) -> Result<PemIdentity, rcgen::Error> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names.to_vec())?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params, common_name)
    }

    /// A certificate for one who connects: a terminal, a host, an ATM.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn for_terminal(&self, common_name: &str) -> Result<PemIdentity, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, common_name)
    }

    fn sign(&self, mut params: CertificateParams, common_name: &str) -> Result<PemIdentity, rcgen::Error> {
        params.distinguished_name = named(common_name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(PemIdentity { certificate, key: Zeroizing::new(key.serialize_pem()) })
    }
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}
