use alloc::{borrow::Cow, vec::Vec};
use core::time::Duration;

use mailbearer_sasl::Mechanism;
use mailbearer_wire::Security;

use crate::Capability;

/// How a [`Session`](super::Session) behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// How the connection gets its TLS; default [`Security::StartTls`]. `None` is a server in the clear, for loopback
    /// and networks that someone vouches for: it takes credentials without TLS.
    pub security: Option<Security>,
    /// The mechanisms that are offered, once TLS is on if there is any; default `XOAUTH2` and `OAUTHBEARER`.
    pub mechanisms: Vec<Mechanism>,
    /// Whether the command LOGIN is taken, under the same condition; default false.
    pub login: bool,
    /// Capabilities that are always told; default `IMAP4rev1`, `SASL-IR`, `LITERAL+` and `ID`. `STARTTLS`,
    /// `LOGINDISABLED` and the mechanisms are the session's to tell.
    pub capabilities: Vec<Capability<'static>>,
    /// Further capabilities that a client sees once it is logged in. Default `IDLE`.
    pub late_capabilities: Vec<Capability<'static>>,
    /// Whether the greeting and the answer to a login tell the capabilities too, which saves the client a command;
    /// default true.
    pub capability_codes: bool,
    /// How much is taken.
    pub limits: Limits,
    /// The words.
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

/// How much a [`Session`](super::Session) takes of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of the lines of one command, its literals left out; default 64 KiB. The receive buffer must hold as many.
    /// A longer command ends the session.
    pub command: usize,
    /// Octets of all literals of one command, which are held in memory; default 100 MiB. What the client may send
    /// unasked ends the session where it is longer.
    pub literals: usize,
    /// The same before the client is logged in; default 4,096.
    pub early_literals: usize,
    /// `NO` and `BAD` in one session, before the next ends it; default 100.
    pub refusals: usize,
    /// How long the client may be silent; default 30 minutes, RFC 9051 section 5.4.
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

/// What a [`Session`](super::Session) says of itself, as texts behind the status.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wording {
    /// The greeting.
    pub greeting: Cow<'static, str>,
    /// CAPABILITY was answered.
    pub capability: Cow<'static, str>,
    /// NOOP before the client is logged in.
    pub noop: Cow<'static, str>,
    /// The BYE to a LOGOUT.
    pub bye: Cow<'static, str>,
    /// LOGOUT was answered.
    pub logout: Cow<'static, str>,
    /// STARTTLS is granted.
    pub starttls: Cow<'static, str>,
    /// `+`: the literal may be sent.
    pub literal: Cow<'static, str>,
    /// `+`: IDLE begins.
    pub idle: Cow<'static, str>,
    /// `BAD`: not a command.
    pub command: Cow<'static, str>,
    /// `BAD`: a command that makes no sense now.
    pub state: Cow<'static, str>,
    /// `NO`: a mechanism that is not offered.
    pub mechanism: Cow<'static, str>,
    /// `NO [PRIVACYREQUIRED]`: LOGIN without TLS.
    pub privacy: Cow<'static, str>,
    /// `NO`: LOGIN is not taken.
    pub login: Cow<'static, str>,
    /// `BAD`: the client gave an authentication up.
    pub cancelled: Cow<'static, str>,
    /// `BAD`: what the client sent is not of the mechanism.
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
