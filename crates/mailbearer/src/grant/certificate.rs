use std::{future::ready, time::SystemTime};

use mailbearer_net::{RsaPadding, SigningCertificate, SigningKey, TlsError};
use mailbearer_oauth::{Algorithm, Assertion, Sign, SignError};
use mailbearer_wire::Secret;

use super::{Asking, AssertionSource};
use crate::{
    Error,
    token::{Pending, SourceError},
};

/// A certificate and its RSA key, with which an application proves its identity instead of a secret
/// (`private_key_jwt`).
///
/// Assertions name the certificate by its SHA-256 digest (`x5t#S256`), and with [`Algorithm::Rs256`] also by its SHA-1
/// digest (`x5t`), by which older servers know certificates.
///
/// ```no_run
/// use mailbearer::{Account, grant::{Algorithm, ClientCertificate}};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pem = std::fs::read("robot.crt")?;
/// let key = std::fs::read_to_string("robot.key")?.into();
/// let certificate = ClientCertificate::from_pem(&pem, &key, Algorithm::Ps256)?;
/// let robot = Account::microsoft365("robot@contoso.com", "contoso.onmicrosoft.com")
///     .client_assertion("8f1b2c3d-…", certificate)
///     .blocking()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct ClientCertificate {
    key: Key,
    certificate: SigningCertificate,
    carries_chain: bool,
}

impl ClientCertificate {
    /// Takes the certificate and the key, both in PEM. Certificates of its issuers may follow the certificate. The key
    /// is in PKCS#8 or PKCS#1 form, unencrypted. Both may be in the same text.
    ///
    /// # Errors
    ///
    /// Fails if either is missing, if the key is not an RSA key, and if it does not belong to the certificate.
    pub fn from_pem(certificate: &[u8], key: &Secret, algorithm: Algorithm) -> Result<Self, Error> {
        let certificate = SigningCertificate::from_pem(certificate).map_err(wrong)?;
        Self::new(certificate, SigningKey::from_pem(key, padding(algorithm)).map_err(wrong)?)
    }

    /// Takes the same in DER: the certificate first, then those of its issuers, and the key in PKCS#8 form.
    ///
    /// # Errors
    ///
    /// Fails as [`from_pem`](Self::from_pem) does.
    pub fn from_der(chain: Vec<Vec<u8>>, key: &Secret<Vec<u8>>, algorithm: Algorithm) -> Result<Self, Error> {
        let certificate = SigningCertificate::from_der(chain).map_err(wrong)?;
        Self::new(certificate, SigningKey::from_der(key, padding(algorithm)).map_err(wrong)?)
    }

    /// Takes the same from a PKCS#12 file (`.pfx`, `.p12`), and uses the first key in it.
    ///
    /// # Errors
    ///
    /// Fails as [`from_pem`](Self::from_pem) does, and if the password is wrong.
    #[cfg(feature = "pkcs12")]
    pub fn from_pkcs12(file: &[u8], password: &Secret, algorithm: Algorithm) -> Result<Self, Error> {
        use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
        let store =
            KeyStore::from_pkcs12(file, password.expose(), Pkcs12ImportPolicy::Relaxed).map_err(|_| {
                Error::settings("the PKCS#12 file can't be opened: another password, or no such file".into())
            })?;
        let (_, chain) = store
            .private_key_chain()
            .ok_or_else(|| Error::settings("the PKCS#12 file holds no key with a certificate".into()))?;
        let certificates = chain.certs().iter().map(|certificate| certificate.as_der().to_vec()).collect();
        Self::from_der(certificates, &Secret::new(chain.key().as_der().to_vec()), algorithm)
    }

    fn new(certificate: SigningCertificate, key: SigningKey) -> Result<Self, Error> {
        certificate.check(&key).map_err(wrong)?;
        Ok(Self { key: Key(key), certificate, carries_chain: false })
    }

    /// Sends the certificate and those of its issuers along (`x5c`), for applications that trust the issuer rather than
    /// a thumbprint.
    #[must_use]
    pub fn with_chain(self) -> Self {
        Self { carries_chain: true, ..self }
    }

    fn signed(&self, asking: &Asking<'_>) -> Result<Secret, SourceError> {
        let mut assertion =
            Assertion::client(asking.client_id(), asking.token_url(), asking.now(), asking.random()?);
        if self.key.algorithm() == Algorithm::Rs256 {
            assertion = assertion.sha1_thumbprint(&self.certificate.sha1()?);
        }
        assertion = assertion.sha256_thumbprint(&self.certificate.sha256()?);
        if self.carries_chain {
            assertion = assertion.chain(self.certificate.chain());
        }
        Ok(assertion.sign(&self.key)?)
    }
}

impl AssertionSource for ClientCertificate {
    fn assertion<'a>(&'a self, asking: &'a Asking<'a>) -> Pending<'a, Result<Secret, SourceError>> {
        Box::pin(ready(self.signed(asking)))
    }

    fn ends_at(&self) -> Option<SystemTime> {
        self.certificate.not_after()
    }
}

/// A key of the cryptography provider that TLS uses.
#[derive(Debug)]
pub(super) struct Key(pub(super) SigningKey);

impl Sign for Key {
    fn algorithm(&self) -> Algorithm {
        match self.0.padding() {
            RsaPadding::Pkcs1 => Algorithm::Rs256,
            _ => Algorithm::Ps256,
        }
    }

    fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, SignError> {
        self.0.sign(octets).map_err(|error| SignError::new(error.to_string()))
    }
}

const fn padding(algorithm: Algorithm) -> RsaPadding {
    match algorithm {
        Algorithm::Rs256 => RsaPadding::Pkcs1,
        _ => RsaPadding::Pss,
    }
}

pub(super) fn wrong(error: TlsError) -> Error {
    Error::settings(match error {
        TlsError::Key => "the key is no RSA key in PEM (PKCS#8 or PKCS#1, unencrypted)".into(),
        error => format!("the application's certificate: {error}"),
    })
}
