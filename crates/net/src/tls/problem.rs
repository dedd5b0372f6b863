//! What can go wrong in TLS, as values. The TLS library's own type is only used in here.

use std::{error, fmt};

use mailbearer_wire::{printable, printable_bytes};
use rustls::{CertificateError, InvalidMessage};

/// Why TLS with a peer failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The server's certificate was refused.
    Certificate(CertificateProblem),
    /// The first octets were not TLS.
    NotTls,
    /// The peer ended the handshake with an alert.
    Alert(Alert),
    /// The peer supports no version or cipher of TLS that is still safe. Says what is missing.
    Incompatible(String),
    /// The peer broke the protocol, or a record was changed on its way. Says how.
    Broken(String),
}

/// Why a certificate was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// It has expired, by this machine's clock.
    Expired,
    /// It is not valid yet, by this machine's clock.
    NotYetValid,
    /// It is for other names: these.
    WrongName(Vec<String>),
    /// No trusted authority issued it. The issuer is a private authority, a proxy that inspects TLS, or the server
    /// itself.
    UnknownIssuer,
    /// It is the certificate of an authority, which can't be that of a server. Self-signed certificates that `openssl
    /// req -x509` makes are of this kind.
    AuthorityAsServer,
    /// Its authority revoked it.
    Revoked,
    /// It is not for servers.
    WrongPurpose,
    /// It is not a certificate, its signature is wrong, or it requires something that is not supported.
    Invalid,
}

/// A TLS alert, by its number (RFC 8446 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an alert is one octet")]
pub struct Alert(pub u8);

impl TlsProblem {
    pub(crate) fn of(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => Self::Certificate(CertificateProblem::of(error)),
            rustls::Error::NoCertificatesPresented => Self::Certificate(CertificateProblem::Invalid),
            rustls::Error::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) => Self::NotTls,
            rustls::Error::InvalidMessage(
                InvalidMessage::HandshakePayloadTooLarge | InvalidMessage::CertificatePayloadTooLarge,
            ) => Self::Broken("a handshake message, such as the certificates, takes more than 64 KiB".into()),
            rustls::Error::AlertReceived(alert) => Self::Alert(Alert((*alert).into())),
            rustls::Error::PeerIncompatible(why) => Self::Incompatible(format!("{why:?}")),
            error => Self::Broken(printable(&error.to_string()).into_owned()),
        }
    }
}

impl CertificateProblem {
    fn of(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForName => Self::WrongName(Vec::new()),
            CertificateError::NotValidForNameContext { presented, .. } => {
                Self::WrongName(presented.iter().take(NAMES).map(|name| bare(name)).collect())
            }
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::Revoked => Self::Revoked,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Self::WrongPurpose
            }
            CertificateError::Other(other) => match other.0.downcast_ref() {
                Some(webpki::Error::CaUsedAsEndEntity) => Self::AuthorityAsServer,
                _ => Self::Invalid,
            },
            _ => Self::Invalid,
        }
    }
}

/// Takes a name out of the TLS library's wrapping: `DnsName("a.test")`, `IpAddress(127.0.0.1)`.
fn bare(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    printable_bytes(inner.trim_matches('"').as_bytes(), NAME)
}

/// The most names of a certificate that are kept: one for many hosts has hundreds.
const NAMES: usize = 8;
/// The most octets of such a name: no host has a longer one.
const NAME: usize = 255;

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(problem) => problem.fmt(f),
            Self::NotTls => f.write_str("the server's answer is not TLS"),
            Self::Alert(alert) => write!(f, "the peer refused: {alert}"),
            Self::Incompatible(why) => write!(f, "no common version or cipher: {why}"),
            Self::Broken(how) => f.write_str(how),
        }
    }
}

impl error::Error for TlsProblem {}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the certificate has expired",
            Self::NotYetValid => "the certificate is not valid yet",
            Self::WrongName(names) if names.is_empty() => "the certificate is for no name",
            Self::WrongName(names) => {
                return write!(f, "the certificate is not for this name, but for {}", names.join(", "));
            }
            Self::UnknownIssuer => "the certificate was issued by an unknown authority",
            Self::AuthorityAsServer => "the certificate is that of an authority, not of a server",
            Self::Revoked => "the certificate was revoked",
            Self::WrongPurpose => "the certificate is not for servers",
            Self::Invalid => "the certificate is not valid",
        })
    }
}

impl error::Error for CertificateProblem {}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ALERTS.iter().find(|(number, _)| *number == self.0) {
            Some((number, name)) => write!(f, "{name} (alert {number})"),
            None => write!(f, "alert {}", self.0),
        }
    }
}

/// Alerts that a client or a server may get, in the words of RFC 8446.
const ALERTS: [(u8, &str); 14] = [
    (0, "close_notify"),
    (40, "handshake_failure"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (112, "unrecognized_name"),
    (116, "certificate_required"),
];
