//! Failures of this program, in which no peer has a part.

use std::{fmt, io, time::Duration};

use mailbearer_mime::{AddressError, RawError, compose};
use mailbearer_net::TlsError;
use mailbearer_wire::printable;

use super::{Error, Failure, Kind, Missing, Protocol, Verdict};

/// Failures that no layer below knows.
#[derive(Debug)]
enum Local {
    Settings(String),
    Missing(Missing),
    Address { address: String, error: AddressError },
    Misuse(&'static str),
    Unfinished,
    Backoff { failure: String, left: Duration },
    NotFound { mailbox: String, uid: u32 },
    NoData { mailbox: String, uid: u32 },
    ReadOnly { mailbox: String },
    Unexpected(&'static str),
    Unasked,
    Untold { messages: u64 },
    Unsupported(&'static str),
    Charset { offered: Vec<String> },
    TooLarge { limit: u64 },
    TooManyMessages { limit: u64 },
    Closed,
    OtherPerson { wanted: String, found: String },
    NobodyCame(Duration),
    CannotListen(io::Error),
}

impl Failure for Local {
    fn verdict(&self) -> Verdict {
        Verdict::of(match self {
            Self::Settings(_) => Kind::Settings,
            Self::Missing(Missing::Login) => {
                return Verdict {
                    auth: true,
                    configuration: false,
                    ..Verdict::of(Kind::Missing(Missing::Login))
                };
            }
            Self::Missing(missing) => Kind::Missing(*missing),
            Self::OtherPerson { .. } => Kind::Auth,
            // A person would have to try again.
            Self::NobodyCame(_) => return Verdict { transient: false, ..Verdict::of(Kind::Timeout) },
            Self::CannotListen(_) => Kind::Settings,
            Self::Address { .. } => Kind::Message,
            Self::Misuse(_) => Kind::Misuse,
            Self::Unfinished => Kind::Unfinished,
            Self::Backoff { left, .. } => {
                return Verdict { wait: Some(*left), ..Verdict::of(Kind::Backoff) };
            }
            Self::NotFound { .. } => Kind::NotFound,
            Self::NoData { .. } => Kind::NoData,
            Self::ReadOnly { .. } => Kind::ReadOnly,
            Self::Unexpected(_) | Self::Untold { .. } => {
                return Verdict { ended: false, ..Verdict::of(Kind::Protocol) };
            }
            Self::Unasked => Kind::Protocol,
            Self::Unsupported(_) => Kind::Unsupported,
            Self::Charset { .. } => Kind::Charset,
            Self::TooLarge { limit } => Kind::TooLarge { limit: *limit },
            Self::TooManyMessages { limit } => Kind::TooMany { limit: *limit },
            Self::Closed => Kind::Closed,
        })
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(what) => f.write_str(what),
            Self::Missing(missing) => missing.fmt(f),
            Self::Address { address, error } => {
                write!(f, "the address \"{}\": {error}", printable(address))
            }
            Self::Misuse(what) => f.write_str(what),
            Self::Unfinished => f.write_str("the session is in the middle of an upload that was dropped"),
            Self::Backoff { failure, left } => {
                write!(f, "not tried again for {} s: {failure}", left.as_secs().saturating_add(1))
            }
            Self::NotFound { mailbox, uid } => {
                write!(f, "no message with UID {uid} in \"{}\"", printable(mailbox))
            }
            Self::NoData { mailbox, uid } => {
                write!(
                    f,
                    "server has no such data of the message with UID {uid} in \"{}\"",
                    printable(mailbox)
                )
            }
            Self::ReadOnly { mailbox } => {
                write!(f, "\"{}\" can be read only: nothing was changed", printable(mailbox))
            }
            Self::Unexpected(what) => f.write_str(what),
            Self::Unasked => f.write_str("server sends too much that nobody asked for"),
            Self::Untold { messages } => {
                write!(f, "server says that there are {messages} messages more, and tells nothing of them")
            }
            Self::Unsupported(what) => write!(f, "server does not offer {what}"),
            Self::Charset { offered } => {
                f.write_str("server does not search for text that is not ASCII")?;
                match offered.join(", ") {
                    offered if offered.is_empty() => Ok(()),
                    offered => write!(f, "; it takes {}", printable(&offered)),
                }
            }
            Self::TooLarge { limit } => write!(f, "larger than the limit of {limit} octets"),
            Self::TooManyMessages { limit } => {
                write!(f, "a mailbox of more than {limit} messages can't be watched")
            }
            Self::Closed => f.write_str("server ended the session"),
            Self::NobodyCame(patience) => {
                write!(f, "nobody logged in within {} s", patience.as_secs())
            }
            Self::CannotListen(error) => {
                write!(f, "this machine can't listen for the browser: {error}")
            }
            Self::OtherPerson { wanted, found } => {
                write!(f, "{} logged in, not {}; nothing was kept", printable(found), printable(wanted))
            }
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(protocol) => write!(f, "the account has no {} server", protocol.0),
            Self::ClientId => f.write_str("the account has no client id"),
            Self::Login => f.write_str("nobody has logged in to the account"),
        }
    }
}

impl Failure for compose::Error {
    fn verdict(&self) -> Verdict {
        Verdict::of(Kind::Message)
    }
}

impl Failure for RawError {
    fn verdict(&self) -> Verdict {
        Verdict::of(Kind::Message)
    }
}

impl From<RawError> for Error {
    fn from(error: RawError) -> Self {
        Self::new(None, error)
    }
}

/// A message to send could not be read.
impl Failure for io::Error {
    fn verdict(&self) -> Verdict {
        Verdict::of(Kind::Input)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::new(None, error)
    }
}

impl From<compose::Error> for Error {
    fn from(error: compose::Error) -> Self {
        Self::new(None, error)
    }
}

impl Error {
    pub(crate) fn settings(what: String) -> Self {
        Self::new(None, Local::Settings(what))
    }

    pub(crate) fn missing(missing: Missing) -> Self {
        Self::new(None, Local::Missing(missing))
    }

    pub(crate) fn address(address: &str, error: AddressError) -> Self {
        Self::new(None, Local::Address { address: address.to_owned(), error })
    }

    pub(crate) fn login_timed_out(patience: Duration) -> Self {
        Self::new(Protocol::TOKEN, Local::NobodyCame(patience))
    }

    pub(crate) fn listen(error: io::Error) -> Self {
        Self::new(None, Local::CannotListen(error))
    }

    /// Makes the error for a login by another person.
    pub(crate) fn other_person(wanted: &str, found: &str) -> Self {
        Self::new(Protocol::TOKEN, Local::OtherPerson { wanted: wanted.into(), found: found.into() })
    }

    pub(crate) fn certificates(error: TlsError) -> Self {
        Self::settings(format!("certificates: {error}"))
    }

    pub(crate) fn misuse(protocol: Protocol, what: &'static str) -> Self {
        Self::new(protocol, Local::Misuse(what))
    }

    pub(crate) fn backoff(failure: &str, left: Duration) -> Self {
        Self::new(Protocol::TOKEN, Local::Backoff { failure: failure.to_owned(), left })
    }

    #[cfg(feature = "pool")]
    pub(crate) fn backoff_of_server(failure: &str, left: Duration) -> Self {
        Self::new(Protocol::SMTP, Local::Backoff { failure: failure.to_owned(), left })
    }

    pub(crate) fn token_closed() -> Self {
        Self::new(Protocol::TOKEN, Local::Closed)
    }

    pub(crate) fn imap_closed() -> Self {
        Self::new(Protocol::IMAP, Local::Closed)
    }

    pub(crate) fn smtp_closed() -> Self {
        Self::new(Protocol::SMTP, Local::Closed)
    }

    #[cfg(feature = "pop3")]
    pub(crate) fn pop3_closed() -> Self {
        Self::new(Protocol::POP3, Local::Closed)
    }

    pub(crate) fn not_found(mailbox: &str, uid: u32) -> Self {
        Self::new(Protocol::IMAP, Local::NotFound { mailbox: mailbox.to_owned(), uid })
    }

    pub(crate) fn no_data(mailbox: &str, uid: u32) -> Self {
        Self::new(Protocol::IMAP, Local::NoData { mailbox: mailbox.to_owned(), uid })
    }

    pub(crate) fn read_only(mailbox: &str) -> Self {
        Self::new(Protocol::IMAP, Local::ReadOnly { mailbox: mailbox.to_owned() })
    }

    /// Makes the error for an answer to another question.
    pub(crate) fn unexpected(what: &'static str) -> Self {
        Self::new(Protocol::IMAP, Local::Unexpected(what))
    }

    pub(crate) fn unasked() -> Self {
        Self::new(Protocol::IMAP, Local::Unasked)
    }

    pub(crate) fn untold(messages: u64) -> Self {
        Self::new(Protocol::IMAP, Local::Untold { messages })
    }

    /// Makes the error for an operation that was continued after another one had read past its answers.
    pub(crate) fn given_up() -> Self {
        Self::misuse(Protocol::IMAP, "another command was given in the middle of this operation")
    }

    /// Turns the failure of a command that creates something, and was sent, into an unknown outcome if there was no
    /// answer.
    pub(crate) fn unless_answered(self) -> Self {
        let ended = self.ended_session();
        self.with_outcome_unknown(ended)
    }

    pub(crate) fn unsupported(what: &'static str) -> Self {
        Self::new(Protocol::IMAP, Local::Unsupported(what))
    }

    pub(crate) fn charset(offered: Vec<String>) -> Self {
        Self::new(Protocol::IMAP, Local::Charset { offered })
    }

    pub(crate) fn too_large(limit: u64) -> Self {
        Self::new(Protocol::IMAP, Local::TooLarge { limit })
    }

    /// Makes the error for a mailbox with more messages than a view holds.
    pub(crate) fn too_many_messages(limit: usize) -> Self {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        Self::new(Protocol::IMAP, Local::TooManyMessages { limit })
    }

    pub(crate) fn unfinished() -> Self {
        Self::new(Protocol::IMAP, Local::Unfinished)
    }
}
