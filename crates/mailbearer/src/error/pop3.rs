//! POP3: failures of the session, and what it refuses.

use std::{borrow::Cow, error};

use mailbearer_net::{self as net, DriveError};
use mailbearer_pop3::{self as pop3, Misuse, Problem, Reply, ReplyError};

use super::{Error, Evidence, Failure, Kind, Protocol, Stage, Verdict};

impl Failure for pop3::Error {
    fn verdict(&self) -> Verdict {
        let kind = match self {
            Self::Misuse(misuse) => return misuse.verdict(),
            Self::Closed { .. } => Kind::Closed,
            _ if self.is_transient() => Kind::Busy,
            _ if self.is_auth() => Kind::Auth,
            Self::Reply { error: ReplyError::MessageTooLarge { limit }, .. } => {
                Kind::TooLarge { limit: *limit }
            }
            Self::Refused { .. } if self.problem() == Some(Problem::NoSuchMessage) => Kind::NotFound,
            Self::Refused { .. } => Kind::Refused,
            _ => Kind::Protocol,
        };
        Verdict {
            auth: self.is_auth() && !self.is_transient(),
            ended: true,
            unknown: self.is_outcome_unknown(),
            wait: self.retry_after(),
            ..Verdict::of(kind)
        }
    }

    fn evidence(&self) -> Evidence<'_> {
        let stage = match self {
            Self::NoMechanism { .. } | Self::Unfit => Stage::Mechanism,
            Self::Auth { .. } | Self::Challenge { .. } => Stage::Auth,
            Self::StartTlsMissing | Self::BytesBeforeTls => Stage::Tls,
            Self::Refused { stage, .. }
            | Self::Reply { stage, .. }
            | Self::Unexpected { stage, .. }
            | Self::Closed { stage } => match stage {
                pop3::Stage::Greeting => Stage::Greeting,
                pop3::Stage::StartTls => Stage::Tls,
                pop3::Stage::Auth => Stage::Auth,
                pop3::Stage::Capabilities => Stage::Other,
                _ => Stage::Command,
            },
            _ => Stage::Other,
        };
        let name = match self {
            Self::StartTlsMissing => "starttls-missing",
            Self::BytesBeforeTls => "bytes-before-tls",
            _ => self.reply().and_then(|reply| reply.code).map_or("", pop3::Code::name),
        };
        let text = self.reply().map(Reply::text).unwrap_or_default();
        Evidence { stage, name: Cow::Borrowed(name), text: Cow::Owned(text), ..Evidence::default() }
    }

    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        error::Error::source(self)
    }

    fn tells_outcome(&self) -> bool {
        true
    }
}

impl Failure for Misuse {
    fn verdict(&self) -> Verdict {
        Verdict::of(match self {
            Self::Argument { .. } | Self::NoSuchNumber => Kind::Argument,
            _ => Kind::Misuse,
        })
    }
}

impl Error {
    pub(crate) fn pop3(error: DriveError<pop3::Error>) -> Self {
        Self::drive(Protocol::POP3, error)
    }

    pub(crate) fn pop3_net(error: net::Error) -> Self {
        Self::net(Protocol::POP3, error)
    }

    /// Makes the error for a refused command, after which the session goes on.
    pub(crate) fn pop3_refused(stage: pop3::Stage, reply: Reply) -> Self {
        let mut error = Self::new(Protocol::POP3, pop3::Error::Refused { stage, reply });
        error.inner.verdict.ended = false;
        error
    }

    /// Whether a POP3 server refused this very token.
    pub(super) fn is_pop3_token_refused(&self) -> bool {
        match self.cause() {
            Some(error @ pop3::Error::Auth { mechanism: Some(_), .. }) => {
                !error.is_transient() && matches!(error.problem(), None | Some(Problem::AuthRefused))
            }
            _ => false,
        }
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Self::new(Protocol::POP3, misuse)
    }
}
