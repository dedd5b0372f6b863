use std::{fmt, sync::Arc};

use mailbearer_wire::Secret;
use rustls::{
    ServerConfig, ServerConnection,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::{Session, Side, TlsError, TlsProblem, provider};
use crate::Error;

/// The identity of a server: its certificates and its key. Built once, cheap to clone, shared by all connections.
///
/// TLS 1.3, and 1.2 with the feature `tls12` (default). Clients are not asked for certificates.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// Takes the certificate chain, the server's own certificate first, and its key, each as the text of a PEM file.
    ///
    /// The key is in PKCS#8, PKCS#1 or SEC1 form, unencrypted. The first one found is used.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::Pem`] if `chain` is not PEM or has no certificate, [`TlsError::Key`] if `key` has no key or
    /// one that can't be used, [`TlsError::KeyMismatch`] if it does not belong to the first certificate, and
    /// [`TlsError::Certificate`] for certificates that can't be used.
    pub fn from_pem(chain: &[u8], key: &Secret) -> Result<Self, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).map_err(|_| TlsError::Key)?;
        Self::new(chain.map_err(|_| TlsError::Pem)?, key)
    }

    /// Does the same as [`from_pem`](Self::from_pem), from DER: one vector for each certificate.
    ///
    /// # Errors
    ///
    /// Fails as [`from_pem`](Self::from_pem) does.
    pub fn from_der(chain: Vec<Vec<u8>>, key: Vec<u8>) -> Result<Self, TlsError> {
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        Self::new(chain, PrivateKeyDer::try_from(key).map_err(|_| TlsError::Key)?)
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, TlsError> {
        if chain.is_empty() {
            return Err(TlsError::Pem);
        }
        let provider = Arc::new(provider()?);
        provider.key_provider.load_private_key(key.clone_key()).map_err(|_| TlsError::Key)?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => TlsError::KeyMismatch,
                error => TlsError::Certificate(TlsProblem::of(&error)),
            })?;
        Ok(Self { config: Arc::new(config) })
    }
}

impl Side for ServerTls {
    fn start(&self) -> Result<Box<dyn Session>, Error> {
        match ServerConnection::new(Arc::clone(&self.config)) {
            Ok(session) => Ok(Box::new(session)),
            Err(error) => Err(Error::Tls { host: self.peer().to_owned(), problem: TlsProblem::of(&error) }),
        }
    }

    fn peer(&self) -> &str {
        "the client"
    }

    fn is_server(&self) -> bool {
        true
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}
