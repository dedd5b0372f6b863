use alloc::{borrow::Cow, string::String, vec::Vec};
use core::time::Duration;

use mailbearer_sasl::Mechanism;
use mailbearer_wire::Security;

use super::Answer;
use crate::ServerLimits;

/// How a [`Session`](super::Session) behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The server's name, in the reply to EHLO.
    pub name: String,
    /// How TLS starts; default [`Security::StartTls`]. `None` is a server that takes credentials and mail in the clear, for
    /// loopback and trusted networks.
    pub security: Option<Security>,
    /// Whether a client has to log in before MAIL; default true.
    pub login: bool,
    /// The mechanisms that the session offers, after TLS has started if there is any; default `XOAUTH2` and `OAUTHBEARER`.
    pub mechanisms: Vec<Mechanism>,
    /// Whether DSN (RFC 3461) is offered; default true.
    pub dsn: bool,
    /// Whether SMTPUTF8 (RFC 6531) is offered; default true.
    pub smtputf8: bool,
    /// Whether CHUNKING (RFC 3030) is offered; default false.
    pub chunking: bool,
    /// Whether the session speaks LMTP (RFC 2033): LHLO in place of EHLO and HELO, and an answer for each accepted recipient
    /// to the end of a message; default false.
    pub lmtp: bool,
    /// Whether REQUIRETLS (RFC 8689) is offered after TLS has started; default false.
    pub requiretls: bool,
    /// Whether BINARYMIME (RFC 3030) is offered together with [`chunking`](Self::chunking); default false.
    pub binarymime: bool,
    /// Whether DELIVERBY (RFC 2852) is offered, and the shortest time in seconds for messages that are to be returned, or 0 for
    /// any; default `None`.
    pub deliver_by: Option<u64>,
    /// What LIMITS (RFC 9422) announces, and the session enforces; default nothing. [`Limits::recipients`] is enforced without
    /// being announced.
    pub told_limits: ServerLimits,
    /// Whether commands are parsed by [`Command::parse_lenient`](super::Command::parse_lenient), and what a client sends ahead
    /// behind STARTTLS is discarded instead of ending the session; default false.
    pub lenient: bool,
    /// Whether a client must start TLS before it logs in or sends, if [`security`](Self::security) is `StartTls`; default
    /// false.
    pub require_tls: bool,
    /// Whether clients may log in before TLS although it is offered; default false.
    pub clear_credentials: bool,
    /// More lines for the reply to EHLO, for extensions that do not change the dialogue; default none. One that begins
    /// with `AUTH` is offered where a login is.
    pub extensions: Vec<Cow<'static, str>>,
    /// How much the session accepts.
    pub limits: Limits,
    /// The words.
    pub wording: Wording,
}

impl Options {
    /// The defaults, for a server of this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            security: Some(Security::StartTls),
            login: true,
            mechanisms: Vec::from([Mechanism::XOAuth2, Mechanism::OAuthBearer]),
            dsn: true,
            smtputf8: true,
            chunking: false,
            lmtp: false,
            requiretls: false,
            binarymime: false,
            deliver_by: None,
            told_limits: ServerLimits::default(),
            lenient: false,
            require_tls: false,
            clear_credentials: false,
            extensions: Vec::new(),
            limits: Limits::default(),
            wording: Wording::default(),
        }
    }
}

/// How much a [`Session`](super::Session) accepts from a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of a command line without its end; default 510, RFC 5321 section 4.5.3.1.4.
    pub command: usize,
    /// Octets of an AUTH command without its end; default 510. RFC 4954 section 4 asks for 12,288 with its end. With less, a
    /// client must send a longer response in a second step, as with Microsoft's servers.
    pub auth: usize,
    /// Octets of a line of an authentication exchange with its end; default 12,288, RFC 4954 section 4. The receive
    /// buffer must hold as many. A longer line ends the session.
    pub response: usize,
    /// Octets of a message; default 100 MiB. It is offered as SIZE (RFC 1870).
    pub message: usize,
    /// Recipients of a message; default 100, RFC 5321 section 4.5.3.1.8.
    pub recipients: usize,
    /// Refusals in one session; the next one ends it. Default 100.
    pub refusals: usize,
    /// Commands that send nothing (EHLO, HELO, NOOP, RSET, VRFY) in a row without a message; the next one ends the session.
    /// Default 100.
    pub chatter: usize,
    /// How long the client may be silent; default 5 minutes, RFC 5321 section 4.5.3.2.7.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command: 510,
            auth: 510,
            response: 12_288,
            message: 100 << 20,
            recipients: 100,
            refusals: 100,
            chatter: 100,
            silence: Duration::from_secs(300),
        }
    }
}

/// The replies that a [`Session`](super::Session) gives by itself; by default those of RFC 5321 and RFC 3463.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wording {
    /// The greeting.
    pub greeting: Answer,
    /// What follows the server's name in the first line of the reply to EHLO and HELO, in front of the client's name.
    pub hello: Cow<'static, str>,
    /// STARTTLS is granted.
    pub starttls: Answer,
    /// RSET was done.
    pub reset: Answer,
    /// NOOP.
    pub noop: Answer,
    /// VRFY.
    pub verify: Answer,
    /// QUIT.
    pub quit: Answer,
    /// No such command.
    pub unknown: Answer,
    /// A command with wrong arguments.
    pub arguments: Answer,
    /// A command line over [`Limits::command`].
    pub line_too_long: Answer,
    /// A command before EHLO.
    pub hello_first: Answer,
    /// A command that makes no sense now.
    pub sequence: Answer,
    /// RCPT or DATA without MAIL.
    pub mail_first: Answer,
    /// DATA without an accepted recipient.
    pub recipient_first: Answer,
    /// Bytes behind STARTTLS. The session ends.
    pub bytes_before_tls: Answer,
    /// AUTH or MAIL before TLS, where [`Options::require_tls`] is set.
    pub tls_first: Answer,
    /// What a browser says. The session ends.
    pub http: Answer,
    /// A chunk of a message that is not the last.
    pub chunk: Answer,
    /// AUTH by a mechanism that is not offered.
    pub mechanism: Answer,
    /// The client gave an authentication up.
    pub cancelled: Answer,
    /// What the client sent is not of the mechanism.
    pub malformed: Answer,
    /// MAIL before AUTH.
    pub login_first: Answer,
    /// A parameter of MAIL that is not offered.
    pub parameter: Answer,
    /// A time for delivery that is less than the least.
    pub too_soon: Answer,
    /// More messages, or domains of recipients, than LIMITS allows a session.
    pub limits: Answer,
    /// Content that BODY=BINARYMIME was said of, by DATA.
    pub not_by_data: Answer,
    /// An address that is not ASCII, without SMTPUTF8.
    pub smtputf8: Answer,
    /// More than [`Limits::recipients`].
    pub recipients: Answer,
    /// A message over [`Limits::message`].
    pub message_too_large: Answer,
    /// A message with CR or LF alone, RFC 5321 section 2.3.8.
    pub bare_line_end: Answer,
    /// More than [`Limits::refusals`]. The session ends.
    pub refusals: Answer,
    /// More than [`Limits::chatter`]. The session ends.
    pub chatter: Answer,
}

impl Default for Wording {
    fn default() -> Self {
        Self {
            greeting: Answer::new(220, "ready"),
            hello: Cow::Borrowed("greets"),
            starttls: Answer::new(220, "2.0.0 Ready for TLS"),
            reset: Answer::new(250, "2.0.0 OK"),
            noop: Answer::new(250, "2.0.0 OK"),
            verify: Answer::new(252, "2.1.5 Send some mail to find out"),
            quit: Answer::new(221, "2.0.0 Bye"),
            unknown: Answer::new(500, "5.5.1 No such command"),
            arguments: Answer::new(501, "5.5.4 Wrong arguments"),
            line_too_long: Answer::new(500, "5.5.2 Line too long"),
            hello_first: Answer::new(503, "5.5.1 Send EHLO first"),
            sequence: Answer::new(503, "5.5.1 Bad sequence of commands"),
            mail_first: Answer::new(503, "5.5.1 Send MAIL first"),
            recipient_first: Answer::new(503, "5.5.1 No recipient was accepted"),
            bytes_before_tls: Answer::new(554, "5.5.0 Octets behind STARTTLS"),
            tls_first: Answer::new(530, "5.7.0 Start TLS first"),
            http: Answer::new(554, "5.7.0 This is SMTP"),
            chunk: Answer::new(250, "2.0.0 OK, go on"),
            mechanism: Answer::new(504, "5.5.4 No such mechanism here"),
            cancelled: Answer::new(501, "5.7.0 Authentication cancelled"),
            malformed: Answer::new(501, "5.5.2 Not a response of the mechanism"),
            login_first: Answer::new(530, "5.7.0 Authentication required"),
            parameter: Answer::new(555, "5.5.4 No such parameter here"),
            too_soon: Answer::new(550, "5.7.0 Deliver by time is too short"),
            limits: Answer::new(452, "4.5.3 Too many for one session"),
            not_by_data: Answer::new(503, "5.5.1 Binary content goes by BDAT"),
            smtputf8: Answer::new(553, "5.6.7 The address needs SMTPUTF8"),
            recipients: Answer::new(452, "4.5.3 Too many recipients"),
            message_too_large: Answer::new(552, "5.3.4 Message too large"),
            bare_line_end: Answer::new(550, "5.6.11 Lines must end with CR and LF"),
            refusals: Answer::new(421, "4.7.0 Too many errors"),
            chatter: Answer::new(421, "4.7.0 Too many commands without a message"),
        }
    }
}
