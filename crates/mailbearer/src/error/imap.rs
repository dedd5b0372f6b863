//! IMAP: failures of the session and its commands, and what its grammar refuses.

use std::{borrow::Cow, error, time::Duration};

use mailbearer_imap::{
    Invalid, ParseError,
    session::{self as imap, Answer, Completion, Misuse, Problem},
};
use mailbearer_net::{self as net, DriveError};

use super::{Error, Evidence, Failure, Kind, Protocol, Stage, Verdict};

impl Protocol {
    /// IMAP.
    pub const IMAP: Self = Self("IMAP");
}

impl Failure for imap::Error {
    fn verdict(&self) -> Verdict {
        let problem = self.problem();
        let kind = match self {
            _ if self.is_auth() => Kind::Auth,
            Self::Misuse(misuse) => return misuse.verdict(),
            _ if self.is_transient() => match self {
                Self::Closed { .. } => Kind::Closed,
                _ => Kind::Busy,
            },
            _ => match problem {
                Some(Problem::NotConnected | Problem::NoMailbox) => Kind::Auth,
                Some(Problem::IdWanted) => Kind::Refused,
                _ if matches!(self, Self::Refused { .. } | Self::StartTlsRefused(_)) => Kind::Refused,
                _ => Kind::Protocol,
            },
        };
        Verdict {
            auth: self.is_auth(),
            ended: true,
            new_token: self.needs_new_token(),
            wait: wait(problem),
            ..Verdict::of(kind)
        }
    }

    fn evidence(&self) -> Evidence<'_> {
        let stage = match self {
            Self::Refused { .. }
            | Self::Protocol { stage: imap::Stage::Greeting, .. }
            | Self::Closed { stage: imap::Stage::Greeting } => Stage::Greeting,
            Self::StartTlsMissing
            | Self::StartTlsRefused(_)
            | Self::BytesBeforeTls
            | Self::PreauthInClear => Stage::Tls,
            Self::NoMechanism { .. } => Stage::Mechanism,
            Self::Auth { .. } | Self::Challenge(_) => Stage::Auth,
            _ => Stage::Other,
        };
        let (name, text) = match (self, self.answer()) {
            (_, Some(answer)) => (answer.code.as_deref().unwrap_or_default(), answer.text.as_str()),
            (Self::Protocol { got, .. }, None) => ("", got.as_str()),
            (Self::StartTlsMissing, None) => ("starttls-missing", ""),
            (Self::BytesBeforeTls, None) => ("bytes-before-tls", ""),
            (Self::PreauthInClear, None) => ("preauth-in-clear", ""),
            _ => ("", ""),
        };
        Evidence { stage, name: Cow::Borrowed(name), text: Cow::Borrowed(text), ..Evidence::default() }
    }

    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        error::Error::source(self)
    }
}

/// The server answered NO or BAD to a command, or carried it out in part.
impl Failure for Completion {
    fn verdict(&self) -> Verdict {
        let problem = self.problem();
        let kind = match problem {
            Some(Problem::NotConnected | Problem::NoMailbox) => Kind::Auth,
            Some(problem) if problem.is_transient() => Kind::Busy,
            _ if is_nonexistent(&self.answer()) => Kind::NoFolder,
            _ => Kind::Refused,
        };
        Verdict {
            auth: problem == Some(Problem::NotConnected),
            new_token: problem == Some(Problem::TokenExpired),
            // To repeat it would do a part of it twice.
            unknown: self.is_partial(),
            wait: wait(problem),
            ..Verdict::of(kind)
        }
    }

    fn tells_outcome(&self) -> bool {
        self.is_partial()
    }

    fn evidence(&self) -> Evidence<'_> {
        let Answer { code, text, .. } = self.answer();
        let name = Cow::Owned(code.unwrap_or_default());
        Evidence { stage: Stage::Command, name, text: Cow::Owned(text), ..Evidence::default() }
    }
}

/// A response that does not follow the grammar.
impl Failure for ParseError {
    fn verdict(&self) -> Verdict {
        Verdict { ended: false, ..Verdict::of(Kind::Protocol) }
    }
}

/// The protocol cannot express an argument.
impl Failure for Invalid {
    fn verdict(&self) -> Verdict {
        Verdict::of(Kind::Argument)
    }
}

impl Failure for Misuse {
    fn verdict(&self) -> Verdict {
        Verdict::of(match self {
            Self::Invalid(_) => Kind::Argument,
            _ => Kind::Misuse,
        })
    }
}

const fn wait(problem: Option<Problem>) -> Option<Duration> {
    match problem {
        Some(Problem::Throttled { wait }) => wait,
        _ => None,
    }
}

/// Whether the answer says that there is no such folder: by the code of RFC 5530 or RFC 9051, or in the words of
/// servers that send neither.
fn is_nonexistent(answer: &Answer) -> bool {
    let words =
        format!("{} {}", answer.code.as_deref().unwrap_or_default(), answer.text).to_ascii_lowercase();
    ["nonexistent", "trycreate", "doesn't exist", "does not exist", "unknown mailbox", "no such mailbox"]
        .iter()
        .any(|phrase| words.as_bytes().windows(phrase.len()).any(|window| window == phrase.as_bytes()))
}

impl Error {
    pub(crate) fn imap(error: DriveError<imap::Error>) -> Self {
        Self::drive(Protocol::IMAP, error)
    }

    pub(crate) fn imap_net(error: net::Error) -> Self {
        Self::net(Protocol::IMAP, error)
    }

    pub(crate) fn command(completion: Completion) -> Self {
        Self::new(Protocol::IMAP, completion)
    }

    /// Makes the error for a refused command about messages: the folder is open, so it is a message that does not
    /// exist.
    pub(crate) fn fetch_refused(completion: Completion) -> Self {
        let mut error = Self::command(completion);
        if error.inner.verdict.kind == Kind::NoFolder {
            error.inner.verdict = Verdict::of(Kind::Refused);
        }
        error
    }

    pub(crate) fn parse(error: ParseError) -> Self {
        Self::new(Protocol::IMAP, error)
    }

    /// Returns the server's refusal of a command.
    pub(crate) fn completion(&self) -> Option<&Completion> {
        self.cause()
    }

    /// Returns the known problem that the words of an IMAP server stand for.
    pub(crate) fn problem(&self) -> Option<Problem> {
        match (self.cause::<imap::Error>(), self.cause::<Completion>()) {
            (Some(error), _) => error.problem(),
            (_, Some(completion)) => completion.problem(),
            _ => None,
        }
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Self::new(Protocol::IMAP, misuse)
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::new(Protocol::IMAP, invalid)
    }
}
