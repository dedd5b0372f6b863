use std::{error, fmt, io, time::Duration};

use mailbearer_wire::{BufferFull, printable};

/// Why a connection failed, apart from what was said on it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The name has no address, or no address takes the connection.
    Connect {
        /// Host as the caller gave it.
        host: String,
        /// TCP port.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The host is neither a DNS name nor an IP address, so no certificate can be checked for it.
    InvalidHost(String),
    /// The handshake failed, the certificate was refused, or a record was broken.
    Tls {
        /// Host as the caller gave it.
        host: String,
        /// What the TLS library says.
        source: rustls::Error,
    },
    /// Reading or writing failed.
    Io(io::Error),
    /// The peer was silent, or took nothing, for longer than allowed.
    Timeout {
        /// What was waited for.
        stage: Stage,
        /// For how long.
        after: Duration,
    },
    /// The peer sent more than the machine consumes; see [`Options::recv_limit`](crate::Options).
    BufferFull(BufferFull),
    /// Cleartext was left over when TLS was to start.
    BytesBeforeTls,
}

impl Error {
    /// Whether a [`Canceller`](crate::Canceller) ended it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::ConnectionAborted)
    }

    /// Whether time ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Timeout { .. } => true,
            Self::Connect { source, .. } => source.kind() == io::ErrorKind::TimedOut,
            _ => false,
        }
    }

    /// Whether the server's certificate was refused.
    #[must_use]
    pub const fn is_certificate(&self) -> bool {
        matches!(self, Self::Tls { source: rustls::Error::InvalidCertificate(_), .. })
    }

    /// Whether the first octets from the server were not TLS: another protocol, or STARTTLS, lives on that port.
    #[must_use]
    pub const fn is_not_tls(&self) -> bool {
        matches!(self, Self::Tls { source: rustls::Error::InvalidMessage(_), .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { host, port, source } => {
                write!(f, "cannot connect to {host} port {port}: {source}")
            }
            Self::InvalidHost(host) => {
                write!(f, "\"{}\" is neither a host name nor an IP address", printable(host))
            }
            Self::Tls { host, source } => write!(f, "TLS with {host} failed: {source}"),
            Self::Io(source) => write!(f, "connection broke: {source}"),
            // In integers: printing floats takes 20 kB of code that nothing else here needs.
            Self::Timeout { stage, after } if after.subsec_millis() == 0 => {
                write!(f, "server {stage} for {} s", after.as_secs())
            }
            Self::Timeout { stage, after } => {
                write!(f, "server {stage} for {}.{:03} s", after.as_secs(), after.subsec_millis())
            }
            Self::BufferFull(full) => write!(f, "server sent too much at once: {full}"),
            Self::BytesBeforeTls => f.write_str("server sent cleartext after agreeing to start TLS"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Connect { source, .. } | Self::Io(source) => Some(source),
            Self::Tls { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// What a [`Timeout`](Error::Timeout) was waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The TLS handshake.
    Handshake,
    /// Bytes of the peer.
    Read,
    /// The peer taking ours.
    Write,
    /// The whole operation.
    Total,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "did not finish the TLS handshake",
            Self::Read => "was silent",
            Self::Write => "took no bytes",
            Self::Total => "did not finish the operation",
        })
    }
}

/// Why driving a machine failed: the connection under it, or the conversation itself.
#[derive(Debug)]
pub enum DriveError<E> {
    /// The connection.
    Net(Error),
    /// The machine: what the peer said, or did not.
    Machine(E),
}

impl<E> From<Error> for DriveError<E> {
    fn from(error: Error) -> Self {
        Self::Net(error)
    }
}

impl<E: fmt::Display> fmt::Display for DriveError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(error) => error.fmt(f),
            Self::Machine(error) => error.fmt(f),
        }
    }
}

impl<E: error::Error + 'static> error::Error for DriveError<E> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Net(error) => error.source(),
            Self::Machine(error) => error.source(),
        }
    }
}
