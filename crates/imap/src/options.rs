use alloc::{string::String, vec, vec::Vec};
use core::time::Duration;

use mailbearer_wire::Security;

use crate::{Limits, Quirks};

/// How a [`Session`](crate::session::Session) is set up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The server's name as the caller knows it. OAUTHBEARER sends it.
    pub host: String,
    /// The server's port. OAUTHBEARER sends it.
    pub port: u16,
    /// When the connection starts TLS.
    pub security: Security,
    /// How much of a response is accepted. The [`RecvBuf`](mailbearer_wire::RecvBuf) must be able to hold
    /// [`Limits::buffer`] octets.
    pub limits: Limits,
    /// How much of everything else is accepted.
    pub bounds: Bounds,
    /// Which mistakes of servers to tolerate in what the session parses itself.
    pub quirks: Quirks,
    /// Names and values that the session tells of its program, if the server wants that first ([`Quirks::id_first`]).
    /// Default: name and version of this crate. If it is empty, the session sends no ID.
    pub id: Vec<(String, String)>,
    /// The [`patience`](mailbearer_wire::Machine::patience) of an IDLE, at most 28 minutes, because RFC 2177 asks for
    /// less than 29. Default 10 minutes: some time after that, Exchange Online silently forgets an IDLE. When it is
    /// over, call [`done`](crate::session::Session::done) and [`idle`](crate::session::Session::idle) again.
    pub idle: Duration,
}

impl Options {
    /// Sets the defaults for this server.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16, security: Security) -> Self {
        Self {
            host: host.into(),
            port,
            security,
            limits: Limits::default(),
            bounds: Bounds::default(),
            quirks: Quirks::default(),
            id: vec![
                ("name".into(), env!("CARGO_PKG_NAME").into()),
                ("version".into(), env!("CARGO_PKG_VERSION").into()),
            ],
            idle: Duration::from_secs(600),
        }
    }
}

/// Limits of a session beyond those of a response. Each field's default is named with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// Commands that wait or are in flight. Default 256.
    pub commands: usize,
    /// Responses that may come before the authentication. Default 64.
    pub early_responses: usize,
    /// Octets of those responses. Default 64 KiB.
    pub early_octets: usize,
    /// Responses for each command that the command did not ask for. Default 100,000. The session can't tell which those
    /// are and counts none. Its driver has to.
    pub unasked_responses: usize,
    /// Octets of those responses. Default 16 MiB.
    pub unasked_octets: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            commands: 256,
            early_responses: 64,
            early_octets: 64 * 1024,
            unasked_responses: 100_000,
            unasked_octets: 16 << 20,
        }
    }
}
