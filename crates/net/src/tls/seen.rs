//! Records what a handshake showed, for finding the cause of a failure.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{Tls, TlsError};

/// What the last handshake with a [`Tls::seen`] showed, whether it succeeded or not.
#[derive(Clone, Default)]
pub struct Seen {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    chain: Vec<Vec<u8>>,
    version: Option<&'static str>,
}

impl Seen {
    /// Returns the certificates that the server showed, its own first, in DER form. At most [`Self::CERTIFICATES`].
    #[must_use]
    pub fn chain(&self) -> Vec<Vec<u8>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).chain.clone()
    }

    /// Returns the TLS version, such as `TLS 1.3`. `None` if the handshake did not get that far.
    #[must_use]
    pub fn version(&self) -> Option<&'static str> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).version
    }

    /// The most certificates that are kept.
    pub const CERTIFICATES: usize = 10;

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("version", &self.version()).finish_non_exhaustive()
    }
}

impl Tls {
    /// Returns the same trust anchors, and a record of what each handshake shows of version and certificates.
    ///
    /// Certificates are verified as always. They are only recorded in addition, also those that are refused. No session
    /// is resumed, so that each handshake shows everything.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::Provider`] without a provider of cryptography, and [`TlsError::Pem`] without any trust
    /// anchor.
    pub fn seen(&self) -> Result<(Self, Seen), TlsError> {
        let provider = Arc::clone(self.config.crypto_provider());
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.roots), provider);
        let inner = inner.build().map_err(|_| TlsError::Pem)?;
        let seen = Seen::default();
        let mut config = ClientConfig::clone(&self.config);
        config.dangerous().set_certificate_verifier(Arc::new(Witness { inner, seen: seen.clone() }));
        config.resumption = Resumption::disabled();
        Ok((Self { config: Arc::new(config), roots: Arc::clone(&self.roots) }, seen))
    }
}

/// Records what it is shown, and leaves the verdict to the library's own verifier.
#[derive(Debug)]
struct Witness {
    inner: Arc<WebPkiServerVerifier>,
    seen: Seen,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates).take(Seen::CERTIFICATES);
        let chain = chain.map(|certificate| certificate.to_vec()).collect();
        self.seen.change(|seen| *seen = Inner { chain, version: None });
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.seen.change(|seen| seen.version = Some("TLS 1.2"));
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.seen.change(|seen| seen.version = Some("TLS 1.3"));
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
