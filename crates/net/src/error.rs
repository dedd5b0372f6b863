use std::{error, fmt, io, time::Duration};

use mailbearer_wire::{BufferFull, printable};

use crate::{CertificateProblem, ProxyProblem, TlsProblem};

/// Why a connection failed, apart from what the peer said on it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The name has no address, or could not be looked up.
    LookUp {
        /// Host as the caller gave it.
        host: String,
        /// The system's error.
        source: io::Error,
    },
    /// No address of the host accepts the connection.
    Connect {
        /// Host as the caller gave it.
        host: String,
        /// TCP port.
        port: u16,
        /// The system's error for the address that was tried last.
        source: io::Error,
    },
    /// The proxy did not connect to the server.
    Proxy {
        /// The proxy's host and port.
        proxy: String,
        /// What went wrong.
        problem: ProxyProblem,
    },
    /// The host is neither a DNS name nor an IP address, so no certificate can be checked for it.
    InvalidHost(String),
    /// The handshake failed, the certificate was refused, or a record was broken.
    Tls {
        /// Host as the caller gave it.
        host: String,
        /// What went wrong.
        problem: TlsProblem,
    },
    /// Reading or writing failed: the peer, or something on the way, broke the connection.
    Io {
        /// Where in the conversation it broke.
        stage: Stage,
        /// The system's error.
        source: io::Error,
    },
    /// The peer was silent, or accepted nothing, for longer than allowed.
    Timeout {
        /// What the connection waited for.
        stage: Stage,
        /// How long it waited.
        after: Duration,
    },
    /// The peer sent more than the machine consumes; see [`Options::recv_limit`](crate::Options).
    BufferFull(BufferFull),
    /// Octets in the clear were left over when TLS should have begun.
    BytesBeforeTls,
    /// A [`Canceller`](crate::Canceller) ended the operation.
    Cancelled,
}

impl Error {
    /// Returns whether a [`Canceller`](crate::Canceller) ended the operation.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// Returns whether time ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Timeout { .. } => true,
            Self::Connect { source, .. }
            | Self::LookUp { source, .. }
            | Self::Proxy { problem: ProxyProblem::LookUp(source) | ProxyProblem::Connect(source), .. } => {
                source.kind() == io::ErrorKind::TimedOut
            }
            _ => false,
        }
    }

    /// Returns whether the same may succeed later, because nobody refused anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::LookUp { .. } | Self::Connect { .. } | Self::Io { .. } => true,
            Self::Proxy { problem, .. } => problem.is_transient(),
            _ => self.is_timeout(),
        }
    }

    /// Returns why the server's certificate was refused, if it was.
    #[must_use]
    pub const fn certificate(&self) -> Option<&CertificateProblem> {
        match self {
            Self::Tls { problem: TlsProblem::Certificate(problem), .. } => Some(problem),
            _ => None,
        }
    }

    /// Returns whether the server's certificate was refused.
    #[must_use]
    pub const fn is_certificate(&self) -> bool {
        self.certificate().is_some()
    }

    /// Returns whether the first octets from the server were not TLS: the port is for another protocol, or for
    /// STARTTLS.
    #[must_use]
    pub const fn is_not_tls(&self) -> bool {
        matches!(self, Self::Tls { problem: TlsProblem::NotTls, .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LookUp { host, source } => write!(f, "cannot look up {}: {source}", printable(host)),
            Self::Connect { host, port, source } => {
                write!(f, "cannot connect to {host} port {port}: {source}")
            }
            Self::Proxy { proxy, problem } => write!(f, "proxy {proxy}: {problem}"),
            Self::InvalidHost(host) => {
                write!(f, "\"{}\" is neither a host name nor an IP address", printable(host))
            }
            Self::Tls { host, problem } => write!(f, "TLS with {host} failed: {problem}"),
            Self::Io { stage, source } => match stage {
                Stage::Read | Stage::Write | Stage::Progress | Stage::Opening | Stage::Total => {
                    write!(f, "connection broke: {source}")
                }
                Stage::Greeting => write!(f, "connection broke before the server said anything: {source}"),
                Stage::StartTls => write!(f, "connection broke before TLS was started: {source}"),
                Stage::Handshake => write!(f, "connection broke in the TLS handshake: {source}"),
                Stage::Proxy => write!(f, "connection to the proxy broke: {source}"),
            },
            // In integers, because printing floats takes 20 kB of code that nothing else here needs.
            Self::Timeout { stage, after } if after.subsec_millis() == 0 => {
                write!(f, "{} {stage} for {} s", stage.who(), after.as_secs())
            }
            Self::Timeout { stage, after } => {
                write!(f, "{} {stage} for {}.{:03} s", stage.who(), after.as_secs(), after.subsec_millis())
            }
            Self::BufferFull(full) => write!(f, "server sent too much at once: {full}"),
            Self::BytesBeforeTls => f.write_str("server sent cleartext after agreeing to start TLS"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::LookUp { source, .. } | Self::Connect { source, .. } | Self::Io { source, .. } => {
                Some(source)
            }
            Self::Tls { problem, .. } => Some(problem),
            Self::Proxy { problem, .. } => Some(problem),
            _ => None,
        }
    }
}

/// What a connection was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Waiting for a proxy to connect to the server.
    Proxy,
    /// Waiting for the server's first octet.
    Greeting,
    /// On the way to TLS by STARTTLS: waiting for the server's capabilities, or for its answer to the command.
    StartTls,
    /// The TLS handshake.
    Handshake,
    /// Waiting for bytes of the peer.
    Read,
    /// Waiting for the peer to accept ours.
    Write,
    /// Transferring octets too slowly. [`Timeouts`](crate::Timeouts) says how slow that is.
    Progress,
    /// Everything until the server lets the client in.
    Opening,
    /// The whole operation.
    Total,
}

impl Stage {
    const fn who(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            _ => "server",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proxy => "did not connect to the server",
            Self::Greeting => "said nothing after the connection was made",
            Self::StartTls => "was silent before TLS was started",
            Self::Handshake => "did not finish the TLS handshake",
            Self::Read => "was silent",
            Self::Write => "took no bytes",
            Self::Progress => "was too slow",
            Self::Opening => "did not get as far as letting the user in",
            Self::Total => "did not finish the operation",
        })
    }
}

/// Why driving a machine failed: because of the connection, or of the conversation itself.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing else under a machine")]
pub enum DriveError<E> {
    /// The connection failed.
    Net(Error),
    /// The machine failed, because of what the peer said or did not say.
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
