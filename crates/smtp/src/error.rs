use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use mailbearer_sasl::{ChallengeError, Mechanism, Reason};
use mailbearer_wire::{printable, printable_bytes};

use crate::{Reply, ReplyError};

/// Why a session ended before its time.
///
/// What is wrong with one message alone is no error but a [`Refusal`](crate::Refusal), and the session goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The server said no to something that the session cannot do without.
    Refused {
        /// What it said no to.
        stage: Stage,
        /// Its words.
        reply: Reply,
    },
    /// The server did not let the user in.
    Auth {
        /// The mechanism used.
        mechanism: Mechanism,
        /// The verdict.
        reply: Reply,
        /// What the server said about the token before the verdict.
        reason: Option<Box<Reason>>,
    },
    /// What the mechanism says is over the 12,288 octets of a line that a server has to take (RFC 4954 section 4); it was not
    /// sent. A token of that size carries more than it needs, as the groups of the user.
    ResponseTooLong {
        /// The mechanism.
        mechanism: Mechanism,
        /// Octets of the response in base64.
        octets: usize,
    },
    /// The server offers no mechanism for the kind of credentials given.
    NoMechanism {
        /// The names of those it does offer.
        offered: Vec<String>,
    },
    /// The server does not offer STARTTLS, or something between hides it. Nothing was said in the clear.
    StartTlsMissing,
    /// The server is going away: reply code 421, at whatever point.
    Closing {
        /// Where in the session.
        stage: Stage,
        /// Its words.
        reply: Reply,
    },
    /// The server, or someone between, sent bytes between the reply to EHLO or STARTTLS and the start of TLS.
    BytesBeforeTls,
    /// What the server sent is no reply, or passes one of the [`Limits`](crate::Limits).
    Reply {
        /// Where in the session.
        stage: Stage,
        /// What is wrong with it.
        error: ReplyError,
    },
    /// The server sent a reply of a kind that makes no sense here, or one that nothing asked for.
    Unexpected {
        /// Where in the session.
        stage: Stage,
        /// The reply.
        reply: Reply,
    },
    /// The server asked for more than the mechanism has to say.
    Challenge {
        /// The mechanism used.
        mechanism: Mechanism,
        /// What is wrong with the challenge.
        error: ChallengeError,
    },
    /// The connection ended, and no message was on its way: the same may be tried again.
    Closed {
        /// Where in the session.
        stage: Stage,
    },
    /// The whole message was sent, and its verdict never came: the server may deliver it or not. Sending it again
    /// may deliver it twice.
    OutcomeUnknown {
        /// What came in place of the verdict.
        cause: Box<Self>,
    },
    /// The caller gave a message up before its end. The server got a part of it, and delivers nothing when the
    /// connection closes.
    Abandoned,
    /// The caller broke the contract of a method. No session ends so; it is here for those who hold all errors in
    /// one type.
    Misuse(Misuse),
}

impl Error {
    /// Whether the user was not let in, and the credentials are at fault, or the way they are shown. A server that
    /// could not check them now (454) says nothing of the kind, unless it gave a reason.
    #[must_use]
    pub fn is_auth(&self) -> bool {
        match self {
            Self::Auth { reply, reason, .. } => reason.is_some() || !reply.is_transient(),
            Self::NoMechanism { .. } => true,
            _ => false,
        }
    }

    /// Whether the same may succeed later, with no risk that a message is delivered twice.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused { reply, .. } | Self::Auth { reply, .. } => reply.is_transient(),
            Self::Closing { .. } | Self::Closed { .. } => true,
            _ => false,
        }
    }

    /// Whether the peer does not speak SMTP as it should, or passed a limit.
    #[must_use]
    pub const fn is_protocol(&self) -> bool {
        matches!(
            self,
            Self::BytesBeforeTls | Self::Reply { .. } | Self::Unexpected { .. } | Self::Challenge { .. }
        )
    }

    /// Whether a message may have been delivered or not.
    #[must_use]
    pub const fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown { .. })
    }

    /// The server's reply that ended the session, if one did.
    #[must_use]
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Refused { reply, .. }
            | Self::Auth { reply, .. }
            | Self::Closing { reply, .. }
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
            Self::Auth { mechanism, reply, reason: None } if reply.is_transient() => {
                write!(f, "server could not check the credentials now ({mechanism}): {reply}")
            }
            Self::Auth { mechanism, reply, reason } => {
                write!(f, "server did not accept the credentials ({mechanism}): {reply}")?;
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
            Self::ResponseTooLong { mechanism, octets } => {
                let line = octets.saturating_add(2);
                write!(
                    f,
                    "the credentials make a line of {line} octets ({mechanism}), and a server need not take more than 12288: a token is shorter without groups"
                )
            }
            Self::StartTlsMissing => f.write_str("server does not offer STARTTLS"),
            Self::Closing { stage, reply } => write!(f, "server is closing, at {stage}: {reply}"),
            Self::BytesBeforeTls => f.write_str("server sent data ahead of TLS: someone may be tampering"),
            Self::Reply { stage, error } => write!(f, "at {stage}: {error}"),
            Self::Unexpected { stage, reply } => write!(f, "unexpected reply at {stage}: {reply}"),
            Self::Challenge { mechanism, error } => write!(f, "{mechanism}: {error}"),
            Self::Closed { stage } => write!(f, "connection closed at {stage}"),
            Self::OutcomeUnknown { .. } => {
                f.write_str("message was sent, and whether the server took it is unknown")
            }
            Self::Abandoned => Misuse::Abandoned.fmt(f),
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

/// Where in a session something happened: what the server had to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The greeting.
    Greeting,
    /// EHLO, in the clear or over TLS.
    Hello,
    /// STARTTLS, up to the handshake.
    StartTls,
    /// AUTH.
    Auth,
    /// Nothing: the session waits for its caller.
    Idle,
    /// MAIL.
    Sender,
    /// RCPT.
    Recipient,
    /// DATA.
    Data,
    /// Nothing: the message is being sent.
    Body,
    /// The final dot of the message.
    FinalDot,
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
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Idle => "the next command",
            Self::Sender => "MAIL",
            Self::Recipient => "RCPT",
            Self::Data => "DATA",
            Self::Body => "the message",
            Self::FinalDot => "the end of the message",
            Self::Reset => "RSET",
            Self::Noop => "NOOP",
            Self::Quit => "QUIT",
            Self::Over => "the end",
        })
    }
}

/// A method was called with what it does not take, or when it cannot be. Nothing happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// An argument cannot be written into a command.
    Argument {
        /// Which: `"host"`, `"client name"`, `"sender"` or `"recipient"`.
        field: &'static str,
        /// The start of it, escaped.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An envelope without recipients.
    NoRecipients,
    /// No body is wanted for this message now: there was no [`Event::BodyWanted`](crate::Event::BodyWanted) for it,
    /// or it was finished.
    NoBodyWanted,
    /// The body holds an octet over 127, and its envelope says neither
    /// [`eight_bit`](crate::Envelope::eight_bit) nor [`smtp_utf8`](crate::Envelope::smtp_utf8).
    EightBit,
    /// Authentication was asked for before.
    AuthenticatedBefore,
    /// A message was given up in its middle ([`Session::abandon`](crate::Session::abandon)), so the session takes
    /// nothing more.
    Abandoned,
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
            Self::NoRecipients => f.write_str("no recipients"),
            Self::NoBodyWanted => f.write_str("no message body is wanted now"),
            Self::EightBit => f.write_str("message is not plain ASCII and was not declared as 8-bit"),
            Self::AuthenticatedBefore => f.write_str("authentication was asked for before"),
            Self::Abandoned => f.write_str("a message was given up before its end, and the session with it"),
            Self::Over => f.write_str("session is over"),
        }
    }
}

impl core::error::Error for Misuse {}

/// Octets of a refused argument that an error shows.
const EXCERPT: usize = 80;
