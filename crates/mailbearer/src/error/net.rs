//! Connecting, TLS, time.

use std::{borrow::Cow, error, io};

use mailbearer_net::{
    self as net, CertificateProblem, DriveError, ProxyProblem, Stage as NetStage, TlsProblem,
};

use super::{Error, Evidence, Failure, Kind, Protocol, Stage, Verdict};

impl Failure for net::Error {
    fn verdict(&self) -> Verdict {
        Verdict::of(match self {
            _ if self.is_cancelled() => Kind::Cancelled,
            _ if self.is_timeout() => Kind::Timeout,
            _ if self.is_certificate() => Kind::Certificate,
            Self::InvalidHost(_) => Kind::Settings,
            Self::LookUp { .. } => Kind::NoAddress,
            Self::Proxy { problem, .. } if problem.is_transient() => Kind::Unreachable,
            // Other credentials, another proxy, or no proxy for this server.
            Self::Proxy { .. } => Kind::Settings,
            Self::Connect { .. } => Kind::Unreachable,
            Self::Tls { .. } => Kind::Tls,
            Self::Io { .. } => Kind::Broken,
            _ => return Verdict { ended: true, ..Verdict::of(Kind::Protocol) },
        })
    }

    fn evidence(&self) -> Evidence<'_> {
        let stage = match self {
            Self::Timeout { stage, .. } | Self::Io { stage, .. } => match stage {
                NetStage::Handshake | NetStage::StartTls => Stage::Tls,
                NetStage::Greeting => Stage::Greeting,
                _ => Stage::Other,
            },
            Self::Tls { .. } | Self::BytesBeforeTls => Stage::Tls,
            _ => Stage::Other,
        };
        let name = match self {
            Self::InvalidHost(_) => "invalid-host",
            Self::Connect { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused => {
                "connection-refused"
            }
            Self::Connect { .. } => "connect",
            Self::Tls { problem: TlsProblem::NotTls, .. } => "not-tls",
            Self::Timeout { stage: NetStage::StartTls, .. } | Self::Io { stage: NetStage::StartTls, .. } => {
                "starttls"
            }
            Self::BytesBeforeTls => "bytes-before-tls",
            Self::Timeout { stage: NetStage::Proxy, .. } => "proxy",
            Self::Proxy { problem, .. } => match problem {
                ProxyProblem::Credentials => "proxy-credentials",
                ProxyProblem::Protocol => "proxy-protocol",
                ProxyProblem::Status { .. } | ProxyProblem::Socks(_) => "proxy-refused",
                _ => "proxy",
            },
            _ => match self.certificate() {
                Some(CertificateProblem::WrongName(_)) => "wrong-name",
                Some(CertificateProblem::Expired) => "expired",
                Some(CertificateProblem::NotYetValid) => "not-yet-valid",
                Some(CertificateProblem::AuthorityAsServer) => "authority-as-server",
                _ => "",
            },
        };
        Evidence { stage, name: Cow::Borrowed(name), ..Evidence::default() }
    }

    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        error::Error::source(self)
    }
}

impl Error {
    pub(crate) fn net(protocol: Protocol, error: net::Error) -> Self {
        Self::new(protocol, error)
    }

    pub(super) fn drive<E: Failure>(protocol: Protocol, error: DriveError<E>) -> Self {
        match error {
            DriveError::Net(error) => Self::net(protocol, error),
            DriveError::Machine(error) => Self::new(protocol, error),
        }
    }
}
