use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use mailbearer_sasl::{ChallengeError, Mechanism, Reason};
use mailbearer_wire::{printable, printable_bytes};

use crate::{Reply, ReplyError};

/// Why a session failed. No message was removed, unless the error says so.
///
/// The refusal of a command is not an error, but [`Event::Refused`](crate::Event::Refused): the session goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The server refused something that the session can't do without.
    Refused {
        /// What it refused.
        stage: Stage,
        /// Its words.
        reply: Reply,
    },
    /// The server did not let the user in.
    Auth {
        /// The mechanism used; `None` for USER and PASS.
        mechanism: Option<Mechanism>,
        /// The verdict.
        reply: Reply,
        /// What the server said about the token before the verdict.
        reason: Option<Box<Reason>>,
    },
    /// The server offers no mechanism for these credentials.
    NoMechanism {
        /// The names of those that it offers. `USER` stands for USER and PASS.
        offered: Vec<String>,
    },
    /// The server offers USER and PASS alone, and the user's name or the password holds a control character, which neither
    /// can carry.
    Unfit,
    /// The server does not offer STLS, or someone in between hides it. Nothing secret was sent.
    StartTlsMissing,
    /// The server ends the session: it sent `-ERR` that answers no command.
    Closing {
        /// Its words.
        reply: Reply,
    },
    /// The server, or someone in between, sent bytes between the answer to CAPA or STLS and the start of TLS.
    BytesBeforeTls,
    /// The server sent something that is not an answer, or that exceeds one of the [`Limits`](crate::Limits).
    Reply {
        /// Where in the session.
        stage: Stage,
        /// What is wrong with it.
        error: ReplyError,
    },
    /// The server sent an answer that makes no sense here, or one to no command.
    Unexpected {
        /// Where in the session.
        stage: Stage,
        /// The answer; for a challenge its text.
        reply: Reply,
    },
    /// The server sent more challenges than the mechanism has answers.
    Challenge {
        /// The mechanism used.
        mechanism: Mechanism,
        /// What is wrong with the challenge.
        error: ChallengeError,
    },
    /// The connection ended. A message that was arriving is incomplete, and no message was removed, so the caller may try
    /// again.
    Closed {
        /// Where in the session.
        stage: Stage,
    },
    /// QUIT was sent with messages marked as deleted, and no answer came: the server may have removed them or not.
    OutcomeUnknown {
        /// What came in place of the answer.
        cause: Box<Self>,
    },
    /// The caller broke the contract of a method. No session ends with it. It is here for programs that keep all errors in
    /// one type.
    Misuse(Misuse),
}

impl Error {
    /// Returns whether the server did not let the user in because of the credentials, or because of the mechanism.
    #[must_use]
    pub fn is_auth(&self) -> bool {
        match self {
            Self::Auth { reply, reason, .. } => reason.is_some() || !reply.is_transient(),
            Self::NoMechanism { .. } | Self::Unfit => true,
            _ => false,
        }
    }

    /// Returns whether the same may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused { reply, .. } | Self::Auth { reply, .. } => {
                reply.is_transient() || self.problem().is_some_and(crate::Problem::is_transient)
            }
            Self::Closing { .. } | Self::Closed { .. } => true,
            _ => false,
        }
    }

    /// Returns whether the server broke the protocol or exceeded a limit.
    #[must_use]
    pub const fn is_protocol(&self) -> bool {
        matches!(
            self,
            Self::BytesBeforeTls | Self::Reply { .. } | Self::Unexpected { .. } | Self::Challenge { .. }
        )
    }

    /// Returns whether it is unknown if messages were removed.
    #[must_use]
    pub const fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }

    /// Returns the server's answer that ended the session, if one did.
    #[must_use]
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Refused { reply, .. }
            | Self::Auth { reply, .. }
            | Self::Closing { reply }
            | Self::Unexpected { reply, .. } => Some(reply),
            Self::OutcomeUnknown { cause } => cause.reply(),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { stage, reply } => write!(f, "server refused {stage}: {reply}"),
            Self::Auth { mechanism, reply, reason } => {
                let name = mechanism.map_or("USER and PASS", Mechanism::name);
                if self.is_transient() && reason.is_none() {
                    return write!(f, "server did not let the user in now ({name}): {reply}");
                }
                write!(f, "server did not accept the credentials ({name}): {reply}")?;
                match reason {
                    Some(reason) => write!(f, "; reason given: {}", reason.raw),
                    None => Ok(()),
                }
            }
            Self::NoMechanism { offered } if offered.is_empty() => {
                f.write_str("server offers no authentication")
            }
            Self::NoMechanism { offered } => {
                f.write_str("server offers no mechanism for these credentials, only")?;
                offered.iter().try_for_each(|name| write!(f, " {}", printable(name)))
            }
            Self::Unfit => f.write_str(
                "server takes USER and PASS alone, which can't carry this user's name or password",
            ),
            Self::StartTlsMissing => f.write_str("server does not offer STLS"),
            Self::Closing { reply } => write!(f, "server is closing: {reply}"),
            Self::BytesBeforeTls => f.write_str("server sent data ahead of TLS: someone may be tampering"),
            Self::Reply { stage, error } => write!(f, "at {stage}: {error}"),
            Self::Unexpected { stage, reply } => write!(f, "unexpected answer at {stage}: {reply}"),
            Self::Challenge { mechanism, error } => write!(f, "{mechanism}: {error}"),
            Self::Closed { stage } => write!(f, "connection closed at {stage}"),
            Self::OutcomeUnknown { .. } => {
                f.write_str("QUIT was sent, and whether the server removed the messages is unknown")
            }
            Self::Misuse(misuse) => misuse.fmt(f),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Reply { error, .. } => Some(error),
            Self::Challenge { error, .. } => Some(error),
            Self::OutcomeUnknown { cause } => Some(cause),
            _ => None,
        }
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

/// Where in a session something happened: what the server was to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The greeting.
    Greeting,
    /// CAPA, in the clear or over TLS.
    Capabilities,
    /// STLS, up to the handshake.
    StartTls,
    /// AUTH, or USER and PASS.
    Auth,
    /// Nothing: the session waits for its caller.
    Idle,
    /// UTF8.
    Utf8,
    /// LANG.
    Language,
    /// STAT.
    Stat,
    /// LIST.
    List,
    /// UIDL.
    Uidl,
    /// RETR.
    Retrieve,
    /// TOP.
    Top,
    /// DELE.
    Delete,
    /// RSET.
    Reset,
    /// NOOP.
    Noop,
    /// QUIT.
    Quit,
    /// Nothing: the session is over.
    Over,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "the greeting",
            Self::Capabilities => "CAPA",
            Self::StartTls => "STLS",
            Self::Auth => "AUTH",
            Self::Idle => "the next command",
            Self::Utf8 => "UTF8",
            Self::Language => "LANG",
            Self::Stat => "STAT",
            Self::List => "LIST",
            Self::Uidl => "UIDL",
            Self::Retrieve => "RETR",
            Self::Top => "TOP",
            Self::Delete => "DELE",
            Self::Reset => "RSET",
            Self::Noop => "NOOP",
            Self::Quit => "QUIT",
            Self::Over => "the end",
        })
    }
}

/// Why a method refused a call. The session is as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// An argument can't be written into a command.
    Argument {
        /// Which: `"host"` or `"language"`.
        field: &'static str,
        /// The start of it, escaped.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Message number 0: numbers begin at 1.
    NoSuchNumber,
    /// Authentication was asked for before.
    AuthenticatedBefore,
    /// The session is over, or QUIT was asked for.
    Over,
}

impl Misuse {
    pub(crate) fn argument(field: &'static str, value: &str, problem: &'static str) -> Self {
        Self::Argument { field, value: printable_bytes(value.as_bytes(), EXCERPT), problem }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument { field, value, problem } => write!(f, "{field} \"{value}\" {problem}"),
            Self::NoSuchNumber => f.write_str("message numbers begin at 1"),
            Self::AuthenticatedBefore => f.write_str("authentication was asked for before"),
            Self::Over => f.write_str("session is over"),
        }
    }
}

impl core::error::Error for Misuse {}

/// Octets of a refused argument that an error shows.
const EXCERPT: usize = 80;
