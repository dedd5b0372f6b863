use alloc::{borrow::Cow, vec::Vec};
use core::time::Duration;

use mailbearer_sasl::Mechanism;
use mailbearer_wire::Security;

use super::Answer;

/// How a [`Session`](super::Session) behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How TLS starts. Default [`Security::Implicit`]. With `None` the server has no TLS and accepts credentials without
    /// it, for loopback and trusted networks.
    pub security: Option<Security>,
    /// The mechanisms to offer, once TLS is on if there is any. Default `XOAUTH2` and `OAUTHBEARER`.
    pub mechanisms: Vec<Mechanism>,
    /// Whether to accept USER and PASS, once TLS is on if there is any. Default no.
    pub user: bool,
    /// Whether AUTH may have its initial response on the same line. Default yes. If not, an initial response ends the
    /// session, as with Exchange Online.
    pub initial_response: bool,
    /// Whether to offer PIPELINING. Default yes.
    pub pipelining: bool,
    /// More lines for the answer to CAPA than the session writes by itself. Default none.
    pub extensions: Vec<Cow<'static, str>>,
    /// Whether a refused login ends the session, as with Exchange. Default no.
    pub closes_after_refusal: bool,
    /// How much the session accepts of a client.
    pub limits: Limits,
    /// What the session says.
    pub wording: Wording,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            security: Some(Security::Implicit),
            mechanisms: Vec::from([Mechanism::XOAuth2, Mechanism::OAuthBearer]),
            user: false,
            initial_response: true,
            pipelining: true,
            extensions: Vec::new(),
            closes_after_refusal: false,
            limits: Limits::default(),
            wording: Wording::default(),
        }
    }
}

/// How much a [`Session`](super::Session) accepts of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of a command line without its end. Default 253 (RFC 2449 section 4), but 12,288 for AUTH, because some clients
    /// send a long token with it.
    pub command: usize,
    /// Octets of a line of an authentication exchange, with its end. Default 12,288. The receive buffer must be able to hold
    /// as many. A longer line ends the session.
    pub response: usize,
    /// Refusals in one session. Default 100. The next one ends the session.
    pub refusals: usize,
    /// How long the client may be silent. Default 10 minutes (RFC 1939 section 3).
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { command: 253, response: 12_288, refusals: 100, silence: Duration::from_secs(600) }
    }
}

/// What a [`Session`](super::Session) says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wording {
    /// The greeting.
    pub greeting: Answer,
    /// In front of the capabilities.
    pub capabilities: Answer,
    /// STLS is granted.
    pub stls: Answer,
    /// USER; whether there is such a user is not said.
    pub user: Answer,
    /// NOOP.
    pub noop: Answer,
    /// UTF8.
    pub utf8: Answer,
    /// QUIT where nothing is to be removed.
    pub quit: Answer,
    /// No such command.
    pub unknown: Answer,
    /// A command with wrong arguments.
    pub arguments: Answer,
    /// A command line over [`Limits::command`].
    pub line_too_long: Answer,
    /// A command that makes no sense now.
    pub state: Answer,
    /// Bytes behind STLS. The session ends.
    pub bytes_before_tls: Answer,
    /// AUTH by a mechanism that is not offered.
    pub mechanism: Answer,
    /// AUTH with an initial response where there may be none. The session ends.
    pub initial_response: Answer,
    /// The client gave an authentication up.
    pub cancelled: Answer,
    /// What the client sent is not of the mechanism.
    pub malformed: Answer,
    /// LANG with a language that there is none of.
    pub language: Answer,
    /// More than [`Limits::refusals`]. The session ends.
    pub refusals: Answer,
}

impl Default for Wording {
    fn default() -> Self {
        Self {
            greeting: Answer::ok("POP3 ready"),
            capabilities: Answer::ok("Capabilities follow"),
            stls: Answer::ok("Begin TLS"),
            user: Answer::ok("Send the password"),
            noop: Answer::ok(""),
            utf8: Answer::ok("UTF-8 from now on"),
            quit: Answer::ok("Bye"),
            unknown: Answer::err("No such command"),
            arguments: Answer::err("Wrong arguments"),
            line_too_long: Answer::err("Line too long"),
            state: Answer::err("Not now"),
            bytes_before_tls: Answer::err("Octets behind STLS"),
            mechanism: Answer::err("No such mechanism here"),
            initial_response: Answer::err("Protocol error. Connection is closed. 10"),
            cancelled: Answer::err("Authentication cancelled"),
            malformed: Answer::err("Not a response of the mechanism"),
            language: Answer::err("No such language here"),
            refusals: Answer::err("Too many errors"),
        }
    }
}
