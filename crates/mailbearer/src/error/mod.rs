//! The one error of this crate.
//!
//! Whatever can fail implements `Failure`, in a module of its own here. A new protocol adds one such module, and
//! nothing else in this folder changes.

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

/// Why an operation failed. Ask the predicates what to do, and print it for people.
///
/// Its text is one line that is fit for a terminal and never holds a secret. [`kind`](Self::kind) sorts failures by
/// what a program does about them, [`cause`](Self::cause) returns the failure as the layer below described it, and
/// [`advice`](crate::advice) explains it to people.
pub struct Error {
    /// Boxed, to keep results small.
    inner: Box<Inner>,
}

struct Inner {
    protocol: Option<Protocol>,
    /// The server's first words, by which its vendor is recognised.
    greeting: String,
    /// What the token says of itself that may explain the failure.
    doubt: Option<&'static str>,
    /// What was done before the failure.
    done: Done,
    verdict: Verdict,
    /// What is known of recipients if the session ended before the others had a verdict.
    verdicts: Vec<(String, Reply)>,
    /// A trait object, so that its type need not be named here.
    failure: Box<dyn Failure>,
}

/// What an operation in several steps did before it failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Nothing,
    /// Messages that were to be moved were copied.
    Copied,
}

/// The conversation that failed. Compare it with the constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol(&'static str);

impl Protocol {
    /// POP3. Advice needs it without the feature `pop3` too.
    pub const POP3: Self = Self("POP3");

    /// Returns the name for texts, such as `IMAP`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// The kind of a failure: one for each thing that a program may want to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A setting of the account, or of the application at the provider, is wrong.
    Settings,
    /// The account lacks a setting that the operation needs.
    Missing(Missing),
    /// The message can't be built or sent as it is: [`compose`](crate::Client::compose) refused it or one of its
    /// addresses.
    Message,
    /// A file or pipe from which a message is read failed.
    Input,
    /// The protocol can't express an argument, such as a folder's name with a line break.
    Argument,
    /// A method was called at the wrong time, for example after the end of its session.
    Misuse,
    /// An upload was dropped before its end, so that the session accepts nothing more.
    Unfinished,
    /// The token store can't be read or written.
    Store,
    /// The program's own token source has no token.
    Source,
    /// The server's name has no address.
    NoAddress,
    /// No address of the server accepts a connection.
    Unreachable,
    /// The server's certificate is not trusted.
    Certificate,
    /// TLS failed for another reason.
    Tls,
    /// Time ran out.
    Timeout,
    /// The connection broke.
    Broken,
    /// The server ended the session unasked.
    Closed,
    /// Another thread cancelled the operation.
    Cancelled,
    /// The server did not accept the user, the token or the application.
    Auth,
    /// A server refused for a temporary reason.
    Busy,
    /// The token endpoint failed a moment ago, and is not asked again for a while.
    Backoff,
    /// A server refused permanently.
    Refused,
    /// There is no such folder.
    NoFolder,
    /// There is no such message.
    NotFound,
    /// The server has no such data of a message: no such part, or none that it can read.
    NoData,
    /// Nothing can be changed in the folder.
    ReadOnly,
    /// The server does not offer what the operation needs.
    Unsupported,
    /// The server does not search in UTF-8, and a text to look for is not ASCII.
    Charset,
    /// An answer, or a part of one, is larger than what is held in memory, or a message is larger than the server
    /// accepts.
    TooLarge {
        /// The limit, in octets.
        limit: u64,
    },
    /// There are more items than are held in memory.
    TooMany {
        /// The limit.
        limit: u64,
    },
    /// The peer does not speak the protocol, or exceeded a limit.
    Protocol,
}

/// A setting that is missing.
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
    /// Returns the kind of the failure.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.inner.verdict.kind
    }

    /// Returns the conversation that failed. `None` if none had begun.
    #[must_use]
    pub const fn protocol(&self) -> Option<Protocol> {
        self.inner.protocol
    }

    /// Returns whose server it was, if its own words say so.
    #[must_use]
    pub fn vendor(&self) -> Option<Vendor> {
        Vendor::of_greeting(&self.inner.greeting)
    }

    /// Returns the failure as the layer below describes it, if it is of this type:
    /// [`net::Error`](crate::proto::net::Error), [`oauth::Error`](crate::proto::oauth::Error), the `Error`,
    /// `Completion`, `Misuse` and `Invalid` of IMAP, the `Error` and `Refusal` of SMTP, the `Error` of POP3, the
    /// `Error` of [composing](crate::proto::mime::compose).
    #[must_use]
    pub fn cause<T: 'static>(&self) -> Option<&T> {
        let failure: &dyn Any = &*self.inner.failure;
        failure.downcast_ref()
    }

    /// Returns whether the server did not accept the user, the token or the application: trying again changes nothing.
    #[must_use]
    pub const fn is_auth(&self) -> bool {
        self.inner.verdict.auth
    }

    /// Returns whether the same may succeed later, with no risk of sending a message twice.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        self.inner.verdict.transient
    }

    /// Returns whether the token expired during the session. Connect again, and the client uses a fresh one.
    #[must_use]
    pub const fn needs_new_token(&self) -> bool {
        self.inner.verdict.new_token
    }

    /// Returns whether time ran out.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self.kind(), Kind::Timeout)
    }

    /// Returns whether a setting of the account, or of the application at the provider, is wrong or missing.
    #[must_use]
    pub const fn is_configuration(&self) -> bool {
        self.inner.verdict.configuration
    }

    /// Returns whether a server's certificate was not accepted.
    #[must_use]
    pub const fn is_certificate(&self) -> bool {
        matches!(self.kind(), Kind::Certificate)
    }

    /// Returns whether the server may or may not have done something that repeating would do twice: all of it was sent,
    /// and the answer never came. True also if messages that should be moved were copied and not removed.
    #[must_use]
    pub const fn outcome_unknown(&self) -> bool {
        self.inner.verdict.unknown
    }

    /// Returns whether another thread cancelled the operation.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self.kind(), Kind::Cancelled)
    }

    /// Returns whether the server does not offer what the operation needs.
    #[must_use]
    pub const fn is_unsupported(&self) -> bool {
        matches!(self.kind(), Kind::Unsupported | Kind::Charset)
    }

    /// Returns whether the caller broke the contract of a method: a bug in the program.
    #[must_use]
    pub const fn is_misuse(&self) -> bool {
        matches!(self.kind(), Kind::Misuse | Kind::Unfinished)
    }

    /// Returns whether the session that failed is over. False for a refusal after which the session goes on.
    #[must_use]
    pub const fn ended_session(&self) -> bool {
        self.inner.verdict.ended
    }

    /// Returns how long the server asks to be left alone.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.inner.verdict.wait
    }

    /// Returns what the failure shows, for finding its cause.
    #[must_use]
    pub fn evidence(&self) -> Evidence<'_> {
        self.inner.failure.evidence()
    }

    /// Returns the same failure, and notes whether the outcome is unknown.
    pub(crate) fn with_outcome_unknown(mut self, unknown: bool) -> Self {
        let verdict = &mut self.inner.verdict;
        verdict.unknown |= unknown;
        verdict.transient &= !verdict.unknown;
        self
    }

    /// Returns the same failure of a move that had copied messages already: repeating it would make more copies.
    pub(crate) fn after_copying(mut self) -> Self {
        self.inner.done = Done::Copied;
        self.with_outcome_unknown(true)
    }

    /// Returns the same failure of a server with this greeting.
    pub(crate) fn with_greeting(mut self, greeting: &str) -> Self {
        greeting.clone_into(&mut self.inner.greeting);
        self
    }

    /// Returns the same failure of a token that raises this doubt.
    pub(crate) fn with_doubt(mut self, doubt: Option<&'static str>) -> Self {
        self.inner.doubt = doubt;
        self
    }

    /// Returns the entry of the catalogue that may explain a refusal, if the server gave no reason.
    pub(crate) fn doubt(&self) -> Option<&'static str> {
        self.inner.doubt
    }

    /// Returns the same failure of a session that is over.
    pub(crate) fn with_session_ended(mut self) -> Self {
        self.inner.verdict.ended = true;
        self
    }

    fn new<F: Failure>(protocol: impl Into<Option<Protocol>>, failure: F) -> Self {
        Self::of(protocol.into(), Box::new(failure))
    }

    /// One function for all kinds of failures, to keep programs small.
    #[inline(never)]
    fn of(protocol: Option<Protocol>, failure: Box<dyn Failure>) -> Self {
        let verdict = failure.verdict();
        let (greeting, doubt, done, verdicts) = (String::new(), None, Done::Nothing, Vec::new());
        Self { inner: Box::new(Inner { protocol, greeting, doubt, done, verdict, verdicts, failure }) }
    }
}

/// Shows the failure in its own words. The derived form would link code for the fields of everything that can fail.
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

/// A failure of a layer below.
pub(crate) trait Failure: Any + fmt::Display + Send + Sync {
    /// Returns what to do about it. Called once, when the error is made.
    fn verdict(&self) -> Verdict;

    /// Returns what it shows.
    fn evidence(&self) -> Evidence<'_> {
        Evidence::default()
    }

    /// Returns its cause, if that is more than its text says.
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
    /// Returns the verdict that follows from the kind alone.
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

/// Facts of a failure that help to find its cause. Each is empty or 0 if there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence<'e> {
    /// The stage of the conversation.
    pub stage: Stage,
    /// SMTP reply code or HTTP status.
    pub code: u16,
    /// Enhanced status code (RFC 3463).
    pub enhanced: Option<(u16, u16, u16)>,
    /// A name of the failure: OAuth's `error`, IMAP's response code, or why a connection failed, such as `wrong-name`.
    pub name: Cow<'e, str>,
    /// Microsoft's error numbers.
    pub numbers: &'e [u32],
    /// The server's words.
    pub text: Cow<'e, str>,
}

/// The stage of a conversation at which something failed, as far as advice depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Any other.
    #[default]
    Other,
    /// The server's first words.
    Greeting,
    /// STARTTLS and the TLS handshake.
    Tls,
    /// Authentication: the server refused the credentials.
    Auth,
    /// The token was not shown to the server, because by what it says of itself it is not for that server.
    Claims,
    /// Authentication: nothing was sent, because the server offers no mechanism that fits.
    Mechanism,
    /// The sender, a recipient or a message.
    Message,
    /// A command of a session in progress.
    Command,
}

#[cfg(test)]
mod tests;
