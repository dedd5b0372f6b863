use std::{fmt, io, sync::Arc};

use mailbearer_net::ServerTls;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// A certificate authority that lives as long as its test.
///
/// Nothing trusts it until its [`pem`](Self::pem) is given to a client.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// Which certificate a server shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Certificate {
    /// For `localhost`, `127.0.0.1` and `::1`, signed by the authority.
    #[default]
    Good,
    /// Signed by the authority, for `elsewhere.test` alone.
    OtherName,
    /// Signed by the authority, expired at the end of 2020.
    Expired,
    /// For the right names, signed by itself.
    SelfSigned,
    /// For the right names, signed by the authority, and marked as the certificate of an authority.
    OfAuthority,
}

impl Authority {
    /// Makes a new authority.
    ///
    /// # Errors
    ///
    /// Fails when the system gives no random octets.
    pub fn new() -> io::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "Mailbearer mock CA");
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
        Ok(Self { issuer })
    }

    /// Returns the authority's own certificate in PEM, for a client to trust.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// For the transcript player.
    pub(crate) fn server_config(&self, certificate: Certificate) -> io::Result<Arc<ServerConfig>> {
        let (certificate, key) = self.issue(certificate)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate.into()], key))
            .map_err(io::Error::other)?;
        Ok(Arc::new(config))
    }

    /// Returns the configuration of a server with a certificate of this authority.
    ///
    /// # Errors
    ///
    /// Fails when the system gives no random octets.
    pub fn server_tls(&self, certificate: Certificate) -> io::Result<ServerTls> {
        let (certificate, key) = self.issue(certificate)?;
        ServerTls::from_der(vec![certificate], key).map_err(io::Error::other)
    }

    /// A certificate and its key, both in DER.
    fn issue(&self, certificate: Certificate) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let names = match certificate {
            Certificate::OtherName => vec!["elsewhere.test".to_owned()],
            _ => vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()],
        };
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, "Mailbearer mock server");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        if certificate == Certificate::Expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 12, 31);
        }
        if certificate == Certificate::OfAuthority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let signed = match certificate {
            Certificate::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &self.issuer),
        };
        let signed = signed.map_err(io::Error::other)?;
        Ok((signed.der().to_vec(), key.serialize_der()))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}
