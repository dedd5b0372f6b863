mod problem;
mod seen;
mod server;
mod side;

use std::{error, fmt, sync::Arc};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    crypto::{CryptoProvider, KeyProvider, hash::HashAlgorithm},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    sign::SigningKey,
};

pub use problem::{Alert, CertificateProblem, TlsProblem};
pub use seen::Seen;
pub use server::ServerTls;
pub(crate) use side::{Clear, Session, Side};

use crate::Error;

/// The trust anchors and the rest of a TLS configuration. Built once, cheap to clone, shared by all connections.
///
/// TLS 1.3, and 1.2 with the feature `tls12` (default). Certificates are always verified, against the trust anchors and
/// the host name that the caller gave.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    roots: Arc<RootCertStore>,
}

impl Tls {
    /// Trusts Mozilla's roots. Without the feature `webpki-roots` it trusts none.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::Provider`] if no cryptography provider was built in.
    pub fn new() -> Result<Self, TlsError> {
        Self::with_roots(builtin_roots())
    }

    /// Trusts the certificates of a PEM file in addition to the built-in roots.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::Pem`] for text that is not PEM or has no certificate, and [`TlsError::Certificate`] for a
    /// certificate that can't be a trust anchor.
    pub fn with_ca_pem(pem: &[u8]) -> Result<Self, TlsError> {
        Self::add_pem(builtin_roots(), pem)
    }

    /// Trusts the certificates of a PEM file and nothing else.
    ///
    /// # Errors
    ///
    /// Fails as [`with_ca_pem`](Self::with_ca_pem) does.
    pub fn with_only_ca_pem(pem: &[u8]) -> Result<Self, TlsError> {
        Self::add_pem(RootCertStore::empty(), pem)
    }

    /// Fills `into` with random octets from the provider's generator.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::Random`] if the system has no randomness.
    pub fn random(&self, into: &mut [u8]) -> Result<(), TlsError> {
        self.config.crypto_provider().secure_random.fill(into).map_err(|_| TlsError::Random)
    }

    /// Digests octets with the provider's SHA-256.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::Provider`] if the provider has no SHA-256.
    pub fn sha256(&self, octets: &[u8]) -> Result<[u8; 32], TlsError> {
        sha256(self.config.crypto_provider(), octets)
    }

    fn add_pem(mut roots: RootCertStore, pem: &[u8]) -> Result<Self, TlsError> {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| TlsError::Pem)?;
            roots.add(certificate).map_err(|error| TlsError::Certificate(TlsProblem::of(&error)))?;
        }
        if roots.len() == before {
            return Err(TlsError::Pem);
        }
        Self::with_roots(roots)
    }

    fn with_roots(roots: RootCertStore) -> Result<Self, TlsError> {
        let roots = Arc::new(roots);
        // There are no client certificates here, and without keys a program does not link the code that signs with
        // them.
        let provider = CryptoProvider { key_provider: &NoKeys, ..provider()? };
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Certificate(TlsProblem::of(&error)))?
            .with_root_certificates(Arc::clone(&roots))
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), roots })
    }

    /// Makes the client's side of a connection with `host`.
    ///
    /// # Errors
    ///
    /// Returns [`Error::InvalidHost`] if no certificate can match `host`.
    pub(crate) fn client(&self, host: &str) -> Result<Client, Error> {
        let name = ServerName::try_from(host).map_err(|_| Error::InvalidHost(host.to_owned()))?.to_owned();
        Ok(Client { config: Arc::clone(&self.config), name, host: host.to_owned() })
    }
}

/// The client's side of one connection.
pub(crate) struct Client {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    host: String,
}

impl Side for Client {
    fn start(&self) -> Result<Box<dyn Session>, Error> {
        match ClientConnection::new(Arc::clone(&self.config), self.name.clone()) {
            Ok(session) => Ok(Box::new(session)),
            Err(error) => Err(Error::Tls { host: self.host.clone(), problem: TlsProblem::of(&error) }),
        }
    }

    fn peer(&self) -> &str {
        &self.host
    }

    fn is_server(&self) -> bool {
        false
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Why a [`Tls`], a server's certificate or a key can't be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// The crate was built with neither the `ring` nor the `aws-lc-rs` feature.
    Provider,
    /// The text has no certificate in PEM form.
    Pem,
    /// There is no key, or one of a kind that can't be used.
    Key,
    /// The key does not belong to the first certificate.
    KeyMismatch,
    /// A certificate can't be used.
    Certificate(TlsProblem),
    /// The system's source of randomness failed.
    Random,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provider => {
                f.write_str("built without a provider of cryptography; enable the feature `ring`")
            }
            Self::Pem => f.write_str("no certificate in PEM form found"),
            Self::Key => f.write_str("no private key that can be used found"),
            Self::KeyMismatch => f.write_str("the private key is not that of the first certificate"),
            Self::Certificate(source) => write!(f, "certificate can't be used: {source}"),
            Self::Random => f.write_str("the system gives no random octets"),
        }
    }
}

impl error::Error for TlsError {}

/// A provider of keys that loads none.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("client certificates are not supported".to_owned()))
    }
}

fn builtin_roots() -> RootCertStore {
    #[cfg(feature = "webpki-roots")]
    return RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    #[cfg(not(feature = "webpki-roots"))]
    RootCertStore::empty()
}

/// Uses the digest with which TLS 1.3 works, because the provider has no other interface for digests.
pub(crate) fn sha256(provider: &CryptoProvider, octets: &[u8]) -> Result<[u8; 32], TlsError> {
    let hashes = provider
        .cipher_suites
        .iter()
        .filter_map(|suite| suite.tls13())
        .map(|suite| suite.common.hash_provider);
    let sha256 = hashes.into_iter().find(|hash| hash.algorithm() == HashAlgorithm::SHA256);
    let digest = sha256.map(|sha256| sha256.hash(octets)).ok_or(TlsError::Provider)?;
    digest.as_ref().try_into().map_err(|_| TlsError::Provider)
}

pub(crate) fn provider() -> Result<CryptoProvider, TlsError> {
    #[cfg(feature = "aws-lc-rs")]
    return Ok(rustls::crypto::aws_lc_rs::default_provider());
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    return Ok(rustls::crypto::ring::default_provider());
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    Err(TlsError::Provider)
}
