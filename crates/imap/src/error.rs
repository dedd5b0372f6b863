use alloc::{boxed::Box, string::String};
use core::fmt;

use mailbearer_sasl::{ChallengeError, Reason};

use crate::{FrameError, Invalid, event::Answer, problem::Problem};

/// Why a session ended. The connection is of no further use.
///
/// If the server answers a command with NO or BAD, that is no error of the session but a
/// [`Completion`](crate::session::Completion). What an error quotes of the server is cut, and escaped for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The server refused to begin the session, in its greeting or in its answer to CAPABILITY.
    Refused {
        /// What the session was about to do.
        stage: Stage,
        /// Its words.
        answer: Answer,
    },
    /// STARTTLS is not among the capabilities. Nothing was sent in the clear.
    StartTlsMissing,
    /// STARTTLS was answered NO or BAD.
    StartTlsRefused(Answer),
    /// The server offers no mechanism that fits the credentials.
    NoMechanism {
        /// Names of those that it offers, separated by spaces. Empty if it offers none.
        offered: String,
    },
    /// The server did not accept the credentials.
    Auth {
        /// The server's verdict.
        answer: Answer,
        /// What the server said about the token before that.
        reason: Option<Box<Reason>>,
    },
    /// Exchange answered OK where it should have said NO: the token is good, but the mailbox cannot be reached
    /// ([`Quirks::failure_in_ok`](crate::Quirks::failure_in_ok)).
    Unreachable(Answer),
    /// The server said BYE unasked, or before it answered the commands ahead of LOGOUT.
    Bye(Answer),
    /// The greeting on a connection without TLS was PREAUTH. TLS can't be started after that.
    PreauthInClear,
    /// The server, or someone in between, sent bytes after it agreed to STARTTLS and before TLS began.
    BytesBeforeTls,
    /// The server broke the protocol.
    Protocol {
        /// What was going on.
        stage: Stage,
        /// The rule that it broke.
        what: &'static str,
        /// The response that broke it.
        got: String,
    },
    /// The mechanism has no answer to a challenge. The session cancelled the authentication.
    Challenge(ChallengeError),
    /// The caller gave the session something that it cannot say.
    Misuse(Misuse),
    /// A line, a response or a literal passed its limit.
    Frame(FrameError),
    /// Before the authentication the server sent more responses, or more octets of them, than
    /// [`Bounds`](crate::session::Bounds) allows.
    TooMuchBeforeAuth,
    /// The connection ended without a BYE.
    Closed {
        /// What was going on.
        stage: Stage,
    },
}

impl Error {
    /// Returns whether the credentials are at fault: the server refused them, or offers no mechanism that fits them.
    #[must_use]
    pub fn is_auth(&self) -> bool {
        match self {
            Self::Auth { answer, .. } => {
                let is_busy = matches!(
                    answer.problem(),
                    Some(Problem::Throttled { .. } | Problem::Unavailable | Problem::TooManyConnections)
                );
                !is_busy && !passes(answer)
            }
            // A server that goes on challenging breaks the protocol; another token helps nothing.
            Self::NoMechanism { .. } => true,
            _ => false,
        }
    }

    /// Returns whether a new connection with a fresh token may get further at once, because the present token expired.
    #[must_use]
    pub fn needs_new_token(&self) -> bool {
        self.problem() == Some(Problem::TokenExpired)
    }

    /// Returns whether the same may succeed later without anyone changing a setting.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match (self, self.problem()) {
            (_, Some(problem)) => problem.is_transient(),
            (Self::Bye(_) | Self::Closed { .. } | Self::Unreachable(_), None) => true,
            (Self::Auth { answer, .. } | Self::Refused { answer, .. }, None) => passes(answer),
            _ => false,
        }
    }

    /// Returns the known problem that the server's words stand for.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        match self {
            Self::Protocol { got, .. } => Problem::of_text(got),
            _ => self.answer()?.problem(),
        }
    }

    /// Returns the server's words, if it said any.
    #[must_use]
    pub const fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Refused { answer, .. }
            | Self::StartTlsRefused(answer)
            | Self::Auth { answer, .. }
            | Self::Unreachable(answer)
            | Self::Bye(answer) => Some(answer),
            _ => None,
        }
    }
}

/// Whether a refused login may succeed later. Its code (RFC 5530) decides if that blames the credentials or a limit,
/// else its words. In an answer to another command the same words say that the command asks for too much.
fn passes(answer: &Answer) -> bool {
    match answer.code.as_deref().unwrap_or_default().to_ascii_uppercase().as_str() {
        "LIMIT" => true,
        "AUTHENTICATIONFAILED" | "AUTHORIZATIONFAILED" | "EXPIRED" | "PRIVACYREQUIRED" | "CONTACTADMIN" => {
            false
        }
        _ => Problem::is_for_now(&answer.text),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { stage, answer } => write!(f, "server refused {stage}: {answer}"),
            Self::StartTlsMissing => f.write_str("server does not offer STARTTLS"),
            Self::StartTlsRefused(answer) => write!(f, "server refused STARTTLS: {answer}"),
            Self::NoMechanism { offered } if offered.is_empty() => {
                f.write_str("server offers no way to authenticate")
            }
            Self::NoMechanism { offered } => write!(f, "no usable mechanism among {offered}"),
            Self::Auth { answer, reason: None } => {
                write!(f, "server did not accept the credentials: {answer}")
            }
            Self::Auth { answer, reason: Some(reason) } => {
                write!(f, "server did not accept the credentials: {answer} ({})", reason.raw)
            }
            Self::Unreachable(answer) => {
                write!(f, "authenticated, but the mailbox cannot be reached: {answer}")
            }
            Self::Bye(answer) => write!(f, "server ended the session: {answer}"),
            Self::PreauthInClear => f.write_str("server skips authentication, and with it TLS"),
            Self::BytesBeforeTls => f.write_str("data between the answer to STARTTLS and TLS"),
            Self::Protocol { stage, what, got } => write!(f, "protocol error {stage}: {what}: {got}"),
            Self::Challenge(error) => fmt::Display::fmt(error, f),
            Self::Misuse(misuse) => fmt::Display::fmt(misuse, f),
            Self::Frame(error) => fmt::Display::fmt(error, f),
            Self::TooMuchBeforeAuth => f.write_str("server sends too much before authentication"),
            Self::Closed { stage } => write!(f, "connection closed {stage}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

impl From<FrameError> for Error {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

/// What a session was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Waiting for the greeting.
    Greeting,
    /// Waiting for the answer to STARTTLS, or for TLS itself.
    StartTls,
    /// Waiting for the capabilities.
    Capability,
    /// Between the capabilities and the authentication.
    NotAuthenticated,
    /// Authenticating.
    Auth,
    /// Authenticated. Commands may be in flight.
    Authenticated,
    /// In IDLE.
    Idle,
    /// Logging out.
    Logout,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "at the greeting",
            Self::StartTls => "at STARTTLS",
            Self::Capability => "at CAPABILITY",
            Self::NotAuthenticated => "before authentication",
            Self::Auth => "during authentication",
            Self::Authenticated => "after authentication",
            Self::Idle => "during IDLE",
            Self::Logout => "at LOGOUT",
        })
    }
}

/// A call that the session's state forbids. The session goes on as if the call had not been made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// The session failed, or is closed.
    Ended,
    /// The caller asked for LOGOUT before.
    LoggingOut,
    /// As many commands are waiting or in flight as [`Bounds::commands`](crate::session::Bounds::commands) allows.
    TooManyCommands,
    /// The caller gave credentials before, or the session is authenticated.
    AlreadyAuthenticated,
    /// No IDLE is active or waiting.
    NotIdling,
    /// The command changes what the session itself keeps track of: STARTTLS, AUTHENTICATE, LOGIN, UNAUTHENTICATE,
    /// COMPRESS. The session has a method of its own for it, or none.
    NotACommand,
    /// The protocol has no way to say it.
    Invalid(Invalid),
}

impl From<Invalid> for Misuse {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid(invalid) => return fmt::Display::fmt(invalid, f),
            Self::Ended => "the session has ended",
            Self::LoggingOut => "LOGOUT was given already",
            Self::TooManyCommands => "too many commands at a time",
            Self::AlreadyAuthenticated => "credentials were given already",
            Self::NotIdling => "no IDLE is under way",
            Self::NotACommand => "this command cannot be given directly",
        })
    }
}

impl core::error::Error for Misuse {}
