use std::{error, fmt, time::Duration};

use mailbearer_imap::{Invalid, ParseError, session as imap};
use mailbearer_net::{self as net, DriveError, TlsError};
use mailbearer_oauth as oauth;
use mailbearer_smtp as smtp;
use mailbearer_wire::printable;

/// Why an operation failed. Opaque: ask the predicates what to do, print it for people.
///
/// The text is one line, fit for a terminal, and never holds a secret.
#[derive(Debug)]
pub struct Error {
    /// In a box, so that what may fail is not as large as its failures.
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    context: Context,
    kind: Kind,
    /// Whether it happened between the last octet of a message and the verdict.
    unknown: bool,
}

/// What was being talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    Settings,
    Token,
    Imap,
    Smtp,
}

/// Which layer failed, for those who need more than the predicates.
#[derive(Debug)]
#[non_exhaustive]
pub enum Kind {
    /// The account or an argument can't be used; says which and why.
    Settings(String),
    /// Connecting, TLS, time.
    Net(net::Error),
    /// The token endpoint.
    OAuth(oauth::Error),
    /// The token endpoint failed a moment ago, and is left alone for this long.
    Backoff {
        /// The failure.
        failure: String,
        /// Until it is tried again.
        left: Duration,
    },
    /// The IMAP session.
    Imap(imap::Error),
    /// An IMAP command was answered with NO or BAD.
    Command(imap::Completion),
    /// The SMTP session.
    Smtp(smtp::Error),
    /// The server took the session and refused the message.
    Message(smtp::Refusal),
    /// What the server sent does not parse.
    Parse(String),
    /// There is no message with that UID.
    NotFound {
        /// The mailbox.
        mailbox: String,
        /// The UID.
        uid: u32,
    },
    /// The server does not offer what the operation needs; says what that is.
    Unsupported(&'static str),
    /// The server does not search in UTF-8, and a text to look for is not ASCII.
    Charset {
        /// The charsets that it takes, where it says so.
        offered: Vec<String>,
    },
    /// An answer, or a part of one, is larger than is held in memory, or a message larger than the server takes.
    TooLarge {
        /// The limit, in octets.
        limit: u64,
    },
    /// An upload was dropped before its end, so that the server waits for octets that nobody has.
    Unfinished,
    /// The server ended the session before it was asked to.
    Closed,
}

impl Error {
    /// Whether the user, the token or the application was not accepted: trying again changes nothing.
    #[must_use]
    pub fn is_auth(&self) -> bool {
        match &self.inner.kind {
            Kind::OAuth(error) => error.needs_login() || error.is_configuration(),
            Kind::Imap(error) => error.is_auth(),
            Kind::Smtp(error) => error.is_auth(),
            Kind::Command(completion) => completion.problem() == Some(imap::Problem::NotConnected),
            Kind::Message(refusal) => refusal.is_auth(),
            _ => false,
        }
    }

    /// Whether the same may succeed later, with no risk of sending a message twice.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match &self.inner.kind {
            Kind::Net(error) => {
                error.is_timeout() || matches!(error, net::Error::Connect { .. } | net::Error::Io(_))
            }
            Kind::OAuth(error) => error.is_transient(),
            Kind::Imap(error) => error.is_transient(),
            Kind::Command(completion) => completion.problem().is_some_and(imap::Problem::is_transient),
            Kind::Smtp(error) => error.is_transient(),
            Kind::Message(refusal) => refusal.is_transient(),
            Kind::Backoff { .. } | Kind::Closed => true,
            Kind::Settings(_)
            | Kind::Parse(_)
            | Kind::NotFound { .. }
            | Kind::Unsupported(_)
            | Kind::Charset { .. }
            | Kind::TooLarge { .. }
            | Kind::Unfinished => false,
        }
    }

    /// Whether the token ran out during the session: connect again, and a fresh one is used.
    #[must_use]
    pub fn needs_new_token(&self) -> bool {
        match &self.inner.kind {
            Kind::Imap(error) => error.needs_new_token(),
            Kind::Command(completion) => completion.problem() == Some(imap::Problem::TokenExpired),
            _ => false,
        }
    }

    /// Whether time ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(&self.inner.kind, Kind::Net(error) if error.is_timeout())
    }

    /// Whether a setting of the account, or of the application at the provider, is wrong.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match &self.inner.kind {
            Kind::Settings(_) | Kind::Net(net::Error::InvalidHost(_)) => true,
            Kind::OAuth(error) => error.is_configuration(),
            _ => false,
        }
    }

    /// Whether a server's certificate was refused.
    #[must_use]
    pub const fn is_certificate(&self) -> bool {
        matches!(&self.inner.kind, Kind::Net(error) if error.is_certificate())
    }

    /// Whether a message was sent to its last octet and the verdict never came: the server may deliver it or not.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        self.inner.unknown || matches!(&self.inner.kind, Kind::Smtp(error) if error.is_outcome_unknown())
    }

    /// Whether another thread cancelled the operation.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(&self.inner.kind, Kind::Net(error) if error.is_cancelled())
    }

    /// Whether the server does not offer what the operation needs.
    #[must_use]
    pub const fn is_unsupported(&self) -> bool {
        matches!(self.inner.kind, Kind::Unsupported(_) | Kind::Charset { .. })
    }

    /// How long the server asks to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.inner.kind {
            Kind::OAuth(error) => error.retry_after(),
            Kind::Backoff { left, .. } => Some(*left),
            _ => match self.problem() {
                Some(imap::Problem::Throttled { wait }) => wait,
                _ => None,
            },
        }
    }

    /// The known problem that the words of an IMAP server stand for.
    pub(crate) fn problem(&self) -> Option<imap::Problem> {
        match &self.inner.kind {
            Kind::Imap(error) => error.problem(),
            Kind::Command(completion) => completion.problem(),
            _ => None,
        }
    }

    /// The layer that failed.
    #[must_use]
    pub const fn kind(&self) -> &Kind {
        &self.inner.kind
    }

    /// The refusal of a command.
    pub(crate) fn completion(&self) -> Option<&imap::Completion> {
        match &self.inner.kind {
            Kind::Command(completion) => Some(completion),
            _ => None,
        }
    }

    pub(crate) fn settings(what: String) -> Self {
        Self::new(Context::Settings, Kind::Settings(what))
    }

    pub(crate) fn certificates(error: TlsError) -> Self {
        Self::settings(format!("certificates: {error}"))
    }

    pub(crate) fn backoff(failure: &str, left: Duration) -> Self {
        Self::new(Context::Token, Kind::Backoff { failure: failure.to_owned(), left })
    }

    pub(crate) fn token(error: DriveError<oauth::Error>) -> Self {
        match error {
            DriveError::Net(error) => Self::token_net(error),
            DriveError::Machine(error) => Self::new(Context::Token, Kind::OAuth(error)),
        }
    }

    pub(crate) fn token_net(error: net::Error) -> Self {
        Self::new(Context::Token, Kind::Net(error))
    }

    pub(crate) fn token_closed() -> Self {
        Self::new(Context::Token, Kind::Closed)
    }

    pub(crate) fn imap(error: DriveError<imap::Error>) -> Self {
        match error {
            DriveError::Net(error) => Self::imap_net(error),
            DriveError::Machine(error) => Self::new(Context::Imap, Kind::Imap(error)),
        }
    }

    pub(crate) fn imap_net(error: net::Error) -> Self {
        Self::new(Context::Imap, Kind::Net(error))
    }

    pub(crate) fn imap_closed() -> Self {
        Self::new(Context::Imap, Kind::Closed)
    }

    pub(crate) fn command(completion: imap::Completion) -> Self {
        Self::new(Context::Imap, Kind::Command(completion))
    }

    pub(crate) fn parse(error: ParseError) -> Self {
        Self::new(Context::Imap, Kind::Parse(error.to_string()))
    }

    pub(crate) fn not_found(mailbox: &str, uid: u32) -> Self {
        Self::new(Context::Imap, Kind::NotFound { mailbox: mailbox.to_owned(), uid })
    }

    pub(crate) fn unsupported(what: &'static str) -> Self {
        Self::new(Context::Imap, Kind::Unsupported(what))
    }

    pub(crate) fn charset(offered: Vec<String>) -> Self {
        Self::new(Context::Imap, Kind::Charset { offered })
    }

    pub(crate) fn too_large(limit: u64) -> Self {
        Self::new(Context::Imap, Kind::TooLarge { limit })
    }

    pub(crate) fn unfinished() -> Self {
        Self::new(Context::Imap, Kind::Unfinished)
    }

    pub(crate) fn smtp(error: DriveError<smtp::Error>) -> Self {
        match error {
            DriveError::Net(error) => Self::smtp_net(error),
            DriveError::Machine(error) => Self::new(Context::Smtp, Kind::Smtp(error)),
        }
    }

    pub(crate) fn smtp_net(error: net::Error) -> Self {
        Self::new(Context::Smtp, Kind::Net(error))
    }

    pub(crate) fn smtp_closed() -> Self {
        Self::new(Context::Smtp, Kind::Closed)
    }

    pub(crate) fn message(refusal: smtp::Refusal) -> Self {
        Self::new(Context::Smtp, Kind::Message(refusal))
    }

    /// The same failure, with what it left open.
    pub(crate) fn with_outcome_unknown(mut self, unknown: bool) -> Self {
        self.inner.unknown = unknown;
        self
    }

    fn new(context: Context, kind: Kind) -> Self {
        Self { inner: Box::new(Inner { context, kind, unknown: false }) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.inner.context {
            Context::Settings => "",
            Context::Token => "token: ",
            Context::Imap => "IMAP: ",
            Context::Smtp => "SMTP: ",
        })?;
        match &self.inner.kind {
            Kind::Settings(what) => f.write_str(what),
            Kind::Net(error) => error.fmt(f),
            Kind::OAuth(error) => error.fmt(f),
            Kind::Backoff { failure, left } => {
                write!(f, "not tried again for {} s: {failure}", left.as_secs().saturating_add(1))
            }
            Kind::Imap(error) => error.fmt(f),
            Kind::Command(completion) => completion.answer().fmt(f),
            Kind::Smtp(error) => error.fmt(f),
            Kind::Message(refusal) => refusal.fmt(f),
            Kind::Parse(error) => error.fmt(f),
            Kind::NotFound { mailbox, uid } => {
                write!(f, "no message with UID {uid} in \"{}\"", printable(mailbox))
            }
            Kind::Unsupported(what) => write!(f, "server does not offer {what}"),
            Kind::Charset { offered } => {
                f.write_str("server does not search for text that is not ASCII")?;
                match offered.join(", ") {
                    offered if offered.is_empty() => Ok(()),
                    offered => write!(f, "; it takes {}", printable(&offered)),
                }
            }
            Kind::TooLarge { limit } => write!(f, "larger than the limit of {limit} octets"),
            Kind::Unfinished => f.write_str("the session is in the middle of an upload that was dropped"),
            Kind::Closed => f.write_str("server ended the session"),
        }?;
        if self.inner.unknown && !matches!(self.inner.kind, Kind::Smtp(_)) {
            f.write_str("; whether the server took the message is unknown")
        } else {
            Ok(())
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.inner.kind {
            Kind::Net(error) => error.source(),
            Kind::OAuth(error) => error.source(),
            Kind::Imap(error) => error.source(),
            Kind::Smtp(error) => error.source(),
            _ => None,
        }
    }
}

impl From<smtp::Misuse> for Error {
    fn from(misuse: smtp::Misuse) -> Self {
        Self::new(
            Context::Smtp,
            match misuse {
                smtp::Misuse::Abandoned => Kind::Unfinished,
                misuse => Kind::Smtp(misuse.into()),
            },
        )
    }
}

impl From<imap::Misuse> for Error {
    fn from(misuse: imap::Misuse) -> Self {
        Self::new(Context::Imap, Kind::Settings(misuse.to_string()))
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::new(Context::Imap, Kind::Settings(invalid.to_string()))
    }
}
