//! The one error of this crate.
//!
//! What can fail implements `Failure` in a module of its own here; a new protocol adds one such module, and nothing
//! else in this folder changes.

mod claims;
mod imap;
mod local;
mod net;
#[cfg(feature = "doctor")]
mod observed;
#[cfg(feature = "pop3")]
mod pop3;
mod smtp;
mod token;

use std::{any::Any, borrow::Cow, error, fmt, time::Duration};

use mailbearer_smtp::Reply;

use crate::Vendor;

/// Why an operation failed. Opaque: ask the predicates what to do, print it for people.
///
/// The text is one line, fit for a terminal, and never holds a secret. [`kind`](Self::kind) sorts failures by what a
/// program does about them, [`cause`](Self::cause) gives the failure as the layer below described it, and
/// [`advice`](crate::advice) explains it to people.
pub struct Error {
    /// In a box, so that results stay small.
    inner: Box<Inner>,
}

struct Inner {
    protocol: Option<Protocol>,
    /// The server's first words, by which it is known whose it is.
    greeting: String,
    /// What the token says of itself that may explain it.
    doubt: Option<&'static str>,
    /// What was done before it failed.
    done: Done,
    verdict: Verdict,
    /// What is known of the recipients of a message whose outcome is not: those who were refused before the others.
    verdicts: Vec<(String, Reply)>,
    /// Unsized, so that its type is not spelt here.
    failure: Box<dyn Failure>,
}

/// What an operation of several steps did before it failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Nothing,
    /// Messages were to be moved, and were copied.
    Copied,
}

/// A conversation that failed. Compare it with the constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol(&'static str);

impl Protocol {
    /// POP3. Advice knows it without the feature `pop3` too.
    pub const POP3: Self = Self("POP3");

    /// The name as texts spell it, such as `IMAP`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// What kind of failure it is: one for each thing that a program may want to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A setting of the account, or of the application at the provider, is wrong.
    Settings,
    /// A setting that the operation needs is not there.
    Missing(Missing),
    /// The message to send can't be built or sent as it is: [`compose`](crate::Client::compose) refused it, or an
    /// address in it.
    Message,
    /// What a message is read from failed, a file or a pipe.
    Input,
    /// An argument can't be said in the protocol, as a folder's name with a line break.
    Argument,
    /// A method was called when it can't be, as after the end of its session.
    Misuse,
    /// An upload was dropped before its end, so that the session takes nothing more.
    Unfinished,
    /// The token store can't be read or written.
    Store,
    /// The program's own source of tokens has none.
    Source,
    /// The server's name has no address.
    NoAddress,
    /// No address of the server takes a connection.
    Unreachable,
    /// The server's certificate is not trusted.
    Certificate,
    /// TLS failed for another reason.
    Tls,
    /// Time ran out.
    Timeout,
    /// The connection broke.
    Broken,
    /// The server ended the session before it was asked to.
    Closed,
    /// Another thread cancelled the operation.
    Cancelled,
    /// The user, the token or the application was not accepted.
    Auth,
    /// A server refused, for a reason that passes.
    Busy,
    /// The token endpoint failed a moment ago and is left alone for a while.
    Backoff,
    /// A server refused for good.
    Refused,
    /// There is no such folder.
    NoFolder,
    /// There is no such message.
    NotFound,
    /// The server has nothing of the kind that was asked for of a message: no such part, or nothing that it can read.
    NoData,
    /// Nothing can be changed in the folder.
    ReadOnly,
    /// The server does not offer what the operation needs.
    Unsupported,
    /// The server does not search in UTF-8, and a text to look for is not ASCII.
    Charset,
    /// An answer, or a part of one, is larger than is held in memory, or a message larger than the server takes.
    TooLarge {
        /// The limit, in octets.
        limit: u64,
    },
    /// There are more of something than are held in memory.
    TooMany {
        /// The limit.
        limit: u64,
    },
    /// The peer does not speak the protocol, or passed a limit.
    Protocol,
}

/// A setting that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// The account has no server for this protocol.
    Server(Protocol),
    /// The account has no client id.
    ClientId,
    /// Nobody has logged in to the account, or the login is over.
    Login,
}

impl Error {
    /// What kind of failure it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.inner.verdict.kind
    }

    /// The conversation that failed; `None` if none had begun.
    #[must_use]
    pub const fn protocol(&self) -> Option<Protocol> {
        self.inner.protocol
    }

    /// Which server it was, as far as its own words tell.
    #[must_use]
    pub fn vendor(&self) -> Option<Vendor> {
        Vendor::of_greeting(&self.inner.greeting)
    }

    /// The failure in the terms of the layer below, if it is of this type: [`net::Error`](crate::proto::net::Error),
    /// [`oauth::Error`](crate::proto::oauth::Error), the `Error`, `Completion`, `Misuse` and `Invalid` of IMAP, the `Error`
    /// and `Refusal` of SMTP, the `Error` of POP3, the `Error` of [composing](crate::proto::mime::compose).
    #[must_use]
    pub fn cause<T: 'static>(&self) -> Option<&T> {
        let failure: &dyn Any = &*self.inner.failure;
        failure.downcast_ref()
    }

    /// Whether the user, the token or the application was not accepted: trying again changes nothing.
    #[must_use]
    pub const fn is_auth(&self) -> bool {
        self.inner.verdict.auth
    }

    /// Whether the same may succeed later, with no risk of sending a message twice.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        self.inner.verdict.transient
    }

    /// Whether the token ran out during the session: connect again, and a fresh one is used.
    #[must_use]
    pub const fn needs_new_token(&self) -> bool {
        self.inner.verdict.new_token
    }

    /// Whether time ran out.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self.kind(), Kind::Timeout)
    }

    /// Whether a setting of the account, or of the application at the provider, is wrong or not there.
    #[must_use]
    pub const fn is_configuration(&self) -> bool {
        self.inner.verdict.configuration
    }

    /// Whether a server's certificate was refused.
    #[must_use]
    pub const fn is_certificate(&self) -> bool {
        matches!(self.kind(), Kind::Certificate)
    }

    /// Whether something was sent to its last octet that is there twice if it is sent again, and the verdict never came:
    /// the server may have done it or not. Also where messages that were to be moved were copied and not removed.
    #[must_use]
    pub const fn outcome_unknown(&self) -> bool {
        self.inner.verdict.unknown
    }

    /// Whether another thread cancelled the operation.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self.kind(), Kind::Cancelled)
    }

    /// Whether the server does not offer what the operation needs.
    #[must_use]
    pub const fn is_unsupported(&self) -> bool {
        matches!(self.kind(), Kind::Unsupported | Kind::Charset)
    }

    /// Whether the caller broke the contract of a method: a fault in the program.
    #[must_use]
    pub const fn is_misuse(&self) -> bool {
        matches!(self.kind(), Kind::Misuse | Kind::Unfinished)
    }

    /// Whether the session on which it happened is over. False for a refusal after which the session goes on.
    #[must_use]
    pub const fn ended_session(&self) -> bool {
        self.inner.verdict.ended
    }

    /// How long the server asks to be left alone.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.inner.verdict.wait
    }

    /// What the failure shows, for those who look for its cause.
    #[must_use]
    pub fn evidence(&self) -> Evidence<'_> {
        self.inner.failure.evidence()
    }

    /// The same failure, with what it left open.
    pub(crate) fn with_outcome_unknown(mut self, unknown: bool) -> Self {
        let verdict = &mut self.inner.verdict;
        verdict.unknown |= unknown;
        verdict.transient &= !verdict.unknown;
        self
    }

    /// The same failure, after messages that were to be moved had been copied: doing it again would make more copies.
    pub(crate) fn after_copying(mut self) -> Self {
        self.inner.done = Done::Copied;
        self.with_outcome_unknown(true)
    }

    /// The same failure, of a server that began with this greeting.
    pub(crate) fn with_greeting(mut self, greeting: &str) -> Self {
        greeting.clone_into(&mut self.inner.greeting);
        self
    }

    /// The same failure, of a token that raises this doubt.
    pub(crate) fn with_doubt(mut self, doubt: Option<&'static str>) -> Self {
        self.inner.doubt = doubt;
        self
    }

    /// The entry of the catalogue that may explain a refusal for which the server gave no reason.
    pub(crate) fn doubt(&self) -> Option<&'static str> {
        self.inner.doubt
    }

    /// The same failure, on a session that is over.
    pub(crate) fn with_session_ended(mut self) -> Self {
        self.inner.verdict.ended = true;
        self
    }

    fn new<F: Failure>(protocol: impl Into<Option<Protocol>>, failure: F) -> Self {
        Self::of(protocol.into(), Box::new(failure))
    }

    /// One body for all kinds of failures.
    #[inline(never)]
    fn of(protocol: Option<Protocol>, failure: Box<dyn Failure>) -> Self {
        let verdict = failure.verdict();
        let (greeting, doubt, done, verdicts) = (String::new(), None, Done::Nothing, Vec::new());
        Self { inner: Box::new(Inner { protocol, greeting, doubt, done, verdict, verdicts, failure }) }
    }
}

/// With the failure in its own words: the fields of all that can fail are no use to who does not ask for them.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { protocol, verdict, .. } = &*self.inner;
        f.debug_struct("Error")
            .field("protocol", protocol)
            .field("verdict", verdict)
            .field("failure", &format_args!("{self}"))
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(protocol) = self.inner.protocol {
            write!(f, "{}: ", protocol.0)?;
        }
        fmt::Display::fmt(&self.inner.failure, f)?;
        if self.inner.done == Done::Copied {
            return f.write_str(match self.ended_session() {
                true => "; the messages were copied, and whether the originals were removed is unknown",
                false => "; the messages were copied, and the originals are still there",
            });
        }
        if self.outcome_unknown() && !self.inner.failure.tells_outcome() {
            f.write_str(match self.inner.protocol {
                Some(Protocol::IMAP) => "; whether the server did it is unknown",
                Some(Protocol::POP3) => "; whether the server removed the messages is unknown",
                _ => "; whether the server took the message is unknown",
            })?;
        }
        Ok(())
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.inner.failure.source()
    }
}

/// What a layer below fails with.
pub(crate) trait Failure: Any + fmt::Display + Send + Sync {
    /// What to do about it. Asked once, when the error is made.
    fn verdict(&self) -> Verdict;

    /// What it shows.
    fn evidence(&self) -> Evidence<'_> {
        Evidence::default()
    }

    /// What caused it, beyond what its text says.
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        None
    }

    /// Whether its text says that the outcome is unknown.
    fn tells_outcome(&self) -> bool {
        false
    }
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    kind: Kind,
    auth: bool,
    transient: bool,
    configuration: bool,
    new_token: bool,
    unknown: bool,
    ended: bool,
    wait: Option<Duration>,
}

impl Verdict {
    /// What follows from the kind alone.
    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            auth: matches!(kind, Kind::Auth),
            transient: matches!(
                kind,
                Kind::NoAddress
                    | Kind::Unreachable
                    | Kind::Timeout
                    | Kind::Broken
                    | Kind::Closed
                    | Kind::Busy
                    | Kind::Backoff
            ),
            configuration: matches!(kind, Kind::Settings | Kind::Missing(_)),
            new_token: false,
            unknown: false,
            ended: matches!(
                kind,
                Kind::NoAddress
                    | Kind::Unreachable
                    | Kind::Certificate
                    | Kind::Tls
                    | Kind::Timeout
                    | Kind::Broken
                    | Kind::Closed
                    | Kind::Cancelled
                    | Kind::Protocol
            ),
            wait: None,
        }
    }
}

/// The facts of a failure by which its cause is found. Each is empty or 0 where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence<'e> {
    /// Where in the conversation.
    pub stage: Stage,
    /// SMTP reply code or HTTP status.
    pub code: u16,
    /// Enhanced status code (RFC 3463).
    pub enhanced: Option<(u16, u16, u16)>,
    /// A name of the failure: OAuth's `error`, IMAP's response code, or what a connection failed for, such as
    /// `wrong-name`.
    pub name: Cow<'e, str>,
    /// Microsoft's error numbers.
    pub numbers: &'e [u32],
    /// The server's words.
    pub text: Cow<'e, str>,
}

/// Where in a conversation something failed, as far as the advice depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Nowhere in particular.
    #[default]
    Other,
    /// The server's first words.
    Greeting,
    /// STARTTLS and the TLS handshake.
    Tls,
    /// Authentication: the credentials were refused.
    Auth,
    /// The token was not shown to the server, for by its own words it is not for it.
    Claims,
    /// Authentication: nothing was sent, since the server offers no mechanism that fits.
    Mechanism,
    /// The sender, a recipient or a message.
    Message,
    /// A command of a session that is under way.
    Command,
}

#[cfg(test)]
mod tests;
