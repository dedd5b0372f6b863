use alloc::{borrow::Cow, vec::Vec};
use core::time::Duration;

use mailbearer_sasl::Mechanism;
use mailbearer_wire::Security;

use crate::Capability;

/// How a [`Session`](super::Session) behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// When the connection starts TLS. Default [`Security::StartTls`]. `None` is a server in the clear, which takes
    /// credentials without TLS: only for loopback and networks that someone vouches for.
    pub security: Option<Security>,
    /// The mechanisms to offer, after TLS has started if there is any. Default `XOAUTH2` and `OAUTHBEARER`.
    pub mechanisms: Vec<Mechanism>,
    /// Whether to accept the command LOGIN, also only after TLS. Default false.
    pub login: bool,
    /// Capabilities to list always. Default `IMAP4rev1`, `SASL-IR`, `LITERAL+` and `ID`. The session itself adds
    /// `STARTTLS`, `LOGINDISABLED` and the mechanisms.
    pub capabilities: Vec<Capability<'static>>,
    /// Capabilities to list once the client is logged in. Default `IDLE`.
    pub late_capabilities: Vec<Capability<'static>>,
    /// Whether the greeting and the answer to a login list the capabilities too, which saves the client a command.
    /// Default true.
    pub capability_codes: bool,
    /// How much the session accepts.
    pub limits: Limits,
    /// What it says.
    pub wording: Wording,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            security: Some(Security::StartTls),
            mechanisms: Vec::from([Mechanism::XOAuth2, Mechanism::OAuthBearer]),
            login: false,
            capabilities: Vec::from([
                Capability::Imap4Rev1,
                Capability::SaslIr,
                Capability::LiteralPlus,
                Capability::Id,
            ]),
            late_capabilities: Vec::from([Capability::Idle]),
            capability_codes: true,
            limits: Limits::default(),
            wording: Wording::default(),
        }
    }
}

/// How much a [`Session`](super::Session) accepts of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of the lines of one command without its literals. Default 64 KiB. The receive buffer must be able to hold
    /// as many. A longer command ends the session.
    pub command: usize,
    /// Octets of all literals of one command, which are held in memory. Default 100 MiB. A longer literal that the
    /// client may send without asking ends the session.
    pub literals: usize,
    /// The same before the client is logged in. Default 4,096.
    pub early_literals: usize,
    /// `NO` and `BAD` answers of one session. Default 100. The next one ends the session.
    pub refusals: usize,
    /// How long the client may be silent. Default 30 minutes (RFC 9051 section 5.4).
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command: 64 * 1024,
            literals: 100 << 20,
            early_literals: 4096,
            refusals: 100,
            silence: Duration::from_secs(1800),
        }
    }
}

/// What a [`Session`](super::Session) says itself: the texts behind the status.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wording {
    /// The greeting.
    pub greeting: Cow<'static, str>,
    /// The answer to CAPABILITY.
    pub capability: Cow<'static, str>,
    /// Stands at the end of the line that lists the capabilities. Default empty. A mock writes a space there, as QQ does.
    pub capability_end: Cow<'static, str>,
    /// The answer to NOOP before the client is logged in.
    pub noop: Cow<'static, str>,
    /// The BYE to a LOGOUT.
    pub bye: Cow<'static, str>,
    /// The answer to LOGOUT.
    pub logout: Cow<'static, str>,
    /// STARTTLS is accepted.
    pub starttls: Cow<'static, str>,
    /// `+`: the client may send the literal.
    pub literal: Cow<'static, str>,
    /// `+`: IDLE begins.
    pub idle: Cow<'static, str>,
    /// `BAD`: this is not a command.
    pub command: Cow<'static, str>,
    /// `BAD`: the command makes no sense in this state.
    pub state: Cow<'static, str>,
    /// `NO`: the session does not offer this mechanism.
    pub mechanism: Cow<'static, str>,
    /// `NO [PRIVACYREQUIRED]`: LOGIN without TLS.
    pub privacy: Cow<'static, str>,
    /// `NO`: the session does not accept LOGIN.
    pub login: Cow<'static, str>,
    /// `BAD`: the client cancelled an authentication.
    pub cancelled: Cow<'static, str>,
    /// `BAD`: what the client sent does not follow the mechanism.
    pub malformed: Cow<'static, str>,
    /// `NO [TOOBIG]`: a literal over the limit.
    pub literal_too_large: Cow<'static, str>,
    /// `BYE`: a command over the limits that can't be refused.
    pub too_much: Cow<'static, str>,
    /// `BYE`: bytes behind STARTTLS.
    pub bytes_before_tls: Cow<'static, str>,
    /// `BYE`: more than [`Limits::refusals`].
    pub refusals: Cow<'static, str>,
}

impl Default for Wording {
    fn default() -> Self {
        Self {
            greeting: "ready".into(),
            capability: "done".into(),
            capability_end: "".into(),
            noop: "done".into(),
            bye: "goodbye".into(),
            logout: "done".into(),
            starttls: "begin TLS now".into(),
            literal: "go ahead".into(),
            idle: "idling".into(),
            command: "not a command".into(),
            state: "not now".into(),
            mechanism: "no such mechanism here".into(),
            privacy: "LOGIN needs TLS".into(),
            login: "LOGIN is not taken here".into(),
            cancelled: "authentication cancelled".into(),
            malformed: "not a response of the mechanism".into(),
            literal_too_large: "literal too large".into(),
            too_much: "too much at once".into(),
            bytes_before_tls: "octets behind STARTTLS".into(),
            refusals: "too many errors".into(),
        }
    }
}
