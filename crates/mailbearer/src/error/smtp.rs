//! Submission: failures of the session, and what it refuses of a message.

use std::{borrow::Cow, error};

use mailbearer_net::{self as net, DriveError};
use mailbearer_smtp::{self as smtp, Capability, Misuse, Refusal, Reply};

use super::{Error, Evidence, Failure, Kind, Protocol, Stage, Verdict};

impl Protocol {
    /// Submission of mail.
    pub const SMTP: Self = Self("SMTP");
}

impl Error {
    /// Returns the recipients that the server refused, with its words, if nothing else is wrong, or if the session ended
    /// before the others had a verdict.
    #[must_use]
    pub fn refused_recipients(&self) -> &[(String, Reply)] {
        match self.cause() {
            Some(Refusal::Recipients { refused }) => refused,
            _ => {
                let known = self.verdicts();
                known.get(..known.partition_point(|(_, reply)| !is_taken(reply))).unwrap_or_default()
            }
        }
    }

    /// Returns what is known of some recipients if the session ended before the others had a verdict, each with the
    /// server's words. First come those whom the server refused, then those for whom an LMTP server has
    /// accepted the message.
    #[must_use]
    pub fn verdicts(&self) -> &[(String, Reply)] {
        &self.inner.verdicts
    }

    /// Returns the same failure, with what is known of the recipients.
    pub(crate) fn with_verdicts(mut self, verdicts: Vec<(String, Reply)>) -> Self {
        // Not sorted: that would add 9 kB to a small program.
        let (taken, mut known): (Vec<_>, Vec<_>) =
            verdicts.into_iter().partition(|(_, reply)| is_taken(reply));
        known.extend(taken);
        self.inner.verdicts = known;
        self
    }
}

impl Failure for smtp::Error {
    fn verdict(&self) -> Verdict {
        let kind = match self {
            Self::Misuse(misuse) => return misuse.verdict(),
            Self::Closed { .. } => Kind::Closed,
            _ if self.is_transient() => Kind::Busy,
            _ if self.is_auth() => Kind::Auth,
            Self::Refused { .. } => Kind::Refused,
            _ => Kind::Protocol,
        };
        let unknown = self.is_outcome_unknown();
        Verdict {
            auth: self.is_auth() && !self.is_transient(),
            ended: true,
            unknown,
            wait: self.retry_after(),
            ..Verdict::of(kind)
        }
    }

    fn evidence(&self) -> Evidence<'_> {
        let stage = match self {
            Self::NoMechanism { .. } => Stage::Mechanism,
            Self::Auth { .. } | Self::Challenge { .. } => Stage::Auth,
            Self::StartTlsMissing | Self::BytesBeforeTls => Stage::Tls,
            Self::Refused { stage, .. }
            | Self::Closing { stage, .. }
            | Self::Reply { stage, .. }
            | Self::Unexpected { stage, .. }
            | Self::Closed { stage } => match stage {
                smtp::Stage::Greeting => Stage::Greeting,
                smtp::Stage::StartTls => Stage::Tls,
                smtp::Stage::Auth => Stage::Auth,
                smtp::Stage::Hello => Stage::Other,
                _ => Stage::Message,
            },
            _ => Stage::Other,
        };
        let name = match self {
            Self::StartTlsMissing => "starttls-missing",
            Self::BytesBeforeTls => "bytes-before-tls",
            _ => "",
        };
        Evidence { name: Cow::Borrowed(name), ..evidence(stage, self.reply()) }
    }

    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        error::Error::source(self)
    }

    fn tells_outcome(&self) -> bool {
        true
    }
}

/// The server refused the message, but the session goes on.
impl Failure for Refusal {
    fn verdict(&self) -> Verdict {
        let kind = match self {
            Self::TooLarge { limit, .. } => Kind::TooLarge { limit: *limit },
            Self::NotOffered { .. } => Kind::Unsupported,
            _ if self.is_auth() => Kind::Auth,
            _ if self.is_transient() => Kind::Busy,
            _ => Kind::Refused,
        };
        Verdict { wait: self.retry_after(), ..Verdict::of(kind) }
    }

    fn evidence(&self) -> Evidence<'_> {
        let name = match self {
            Self::NotOffered { capability: Capability::SmtpUtf8 } => "smtputf8-not-offered",
            Self::NotOffered { .. } => "extension-not-offered",
            _ => "",
        };
        Evidence { name: Cow::Borrowed(name), ..evidence(Stage::Message, self.reply()) }
    }
}

impl Failure for Misuse {
    fn verdict(&self) -> Verdict {
        Verdict::of(match self {
            Self::Abandoned => Kind::Unfinished,
            Self::Argument { .. } | Self::NoRecipients | Self::EightBit => Kind::Message,
            _ => Kind::Misuse,
        })
    }
}

fn evidence(stage: Stage, reply: Option<&Reply>) -> Evidence<'_> {
    let Some(reply) = reply else { return Evidence { stage, ..Evidence::default() } };
    Evidence {
        stage,
        code: reply.code,
        enhanced: reply.enhanced.map(|code| (code.class, code.subject, code.detail)),
        text: Cow::Owned(reply.text()),
        ..Evidence::default()
    }
}

impl Error {
    pub(crate) fn smtp(error: DriveError<smtp::Error>) -> Self {
        Self::drive(Protocol::SMTP, error)
    }

    pub(crate) fn smtp_net(error: net::Error) -> Self {
        Self::net(Protocol::SMTP, error)
    }

    /// Returns the known problem that the server's words stand for.
    #[cfg(feature = "pool")]
    pub(crate) fn smtp_problem(&self) -> Option<smtp::Problem> {
        match self.cause::<Refusal>() {
            Some(refusal) => refusal.problem(),
            None => self.cause::<smtp::Error>().and_then(smtp::Error::problem),
        }
    }

    /// Makes the error for a pool that sends nothing more.
    #[cfg(feature = "pool")]
    pub(crate) fn stopped() -> Self {
        Self::net(Protocol::SMTP, net::Error::Cancelled)
    }

    pub(crate) fn message(refusal: Refusal) -> Self {
        Self::new(Protocol::SMTP, refusal)
    }
}

fn is_taken(reply: &Reply) -> bool {
    reply.class() == smtp::Class::Success
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Self::new(Protocol::SMTP, misuse)
    }
}
