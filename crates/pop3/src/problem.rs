use core::time::Duration;

use mailbearer_wire::suggested_wait;

use crate::{Code, Error, Reply};

/// A known cause of a refusal.
///
/// Found by the code first (RFC 2449, RFC 3206), then by the words, because most servers send no codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The server did not accept the user, the token or the password.
    AuthRefused,
    /// The server could not check the credentials now; they may be good.
    AuthUnavailable,
    /// The server does not take this mechanism, or takes no passwords any more.
    MechanismRefused,
    /// POP3 is switched off, for the mailbox or for all.
    Disabled,
    /// The command was not understood: Exchange says so of AUTH in one line, and of a token that is too long.
    CommandRefused,
    /// Another session holds the mailbox.
    InUse,
    /// The user logged in a moment ago, or asks too often.
    Throttled {
        /// How long to wait, if the server says so.
        wait: Option<Duration>,
    },
    /// The user has too many connections.
    TooManyConnections,
    /// There is no message of that number, or it is marked as deleted.
    NoSuchMessage,
    /// Only a client that sent UTF8 may fetch the message.
    NeedsUtf8,
    /// The server, or the one behind it, is down or busy.
    Unavailable,
    /// The server has a problem that a person has to solve.
    Broken,
}

impl Problem {
    /// Returns whether it helps to wait, or to use fewer connections.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::AuthUnavailable
                | Self::InUse
                | Self::Throttled { .. }
                | Self::TooManyConnections
                | Self::Unavailable
        )
    }

    fn of(reply: &Reply) -> Option<Self> {
        let by_code = reply.code.map(|code| match code {
            Code::InUse => Self::InUse,
            Code::LoginDelay => Self::Throttled { wait: None },
            Code::SysTemp => Self::Unavailable,
            Code::SysPerm => Self::Broken,
            Code::Auth => Self::AuthRefused,
            Code::Utf8 => Self::NeedsUtf8,
        });
        let by_words =
            || WORDS.iter().find(|(words, _)| holds(reply.raw(), words)).map(|(_, problem)| *problem);
        // Servers give these two codes for all kinds of things, which their words tell apart.
        let problem = match by_code {
            Some(Self::AuthRefused | Self::Broken) | None => by_words().or(by_code)?,
            Some(problem) => problem,
        };
        Some(match problem {
            Self::Throttled { .. } => Self::Throttled { wait: suggested_wait(reply.raw()) },
            _ => problem,
        })
    }
}

impl Reply {
    /// Returns the known cause of the refusal. `None` for `+OK`.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        if self.ok { None } else { Problem::of(self) }
    }

    /// Returns how long the client should wait, by the words of a refusal. POP3 has no field for it.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        if self.ok { None } else { suggested_wait(self.raw()) }
    }
}

impl Error {
    /// Returns the known cause.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        self.reply().and_then(Reply::problem)
    }

    /// Returns how long the client should wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.reply().and_then(Reply::retry_after)
    }
}

/// Words that are known, most telling first. In any case of letters.
const WORDS: &[(&str, Problem)] = &[
    ("basic authentication is disabled", Problem::MechanismRefused),
    ("application-specific password", Problem::MechanismRefused),
    ("web login required", Problem::MechanismRefused),
    ("pop is disabled", Problem::Disabled),
    ("not enabled for pop", Problem::Disabled),
    ("pop access", Problem::Disabled),
    ("pop service is not", Problem::Disabled),
    ("authresultfrompopimapend", Problem::Disabled),
    ("throttl", Problem::Throttled { wait: None }),
    ("too many login", Problem::Throttled { wait: None }),
    ("login too often", Problem::Throttled { wait: None }),
    ("too frequent", Problem::Throttled { wait: None }),
    ("rate limit", Problem::Throttled { wait: None }),
    ("too many connections", Problem::TooManyConnections),
    ("too many concurrent", Problem::TooManyConnections),
    ("maximum number of connections", Problem::TooManyConnections),
    ("already locked", Problem::InUse),
    ("mailbox is locked", Problem::InUse),
    ("maildrop is locked", Problem::InUse),
    ("temporary authentication failure", Problem::AuthUnavailable),
    ("temporarily unavailable", Problem::Unavailable),
    ("try again later", Problem::Unavailable),
    ("server busy", Problem::Unavailable),
    ("protocol error", Problem::CommandRefused),
    ("authentication fail", Problem::AuthRefused),
    ("logon failure", Problem::AuthRefused),
    ("invalid login", Problem::AuthRefused),
    ("invalid credentials", Problem::AuthRefused),
    ("username and password not accepted", Problem::AuthRefused),
    ("no such message", Problem::NoSuchMessage),
    ("there's no message", Problem::NoSuchMessage),
    ("message is deleted", Problem::NoSuchMessage),
    ("the specified message is out of range", Problem::NoSuchMessage),
];

/// Whether the text holds these words, in any case.
fn holds(text: &str, words: &str) -> bool {
    text.as_bytes().windows(words.len()).any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_providers_are_known() {
        let wait = |seconds| Problem::Throttled { wait: Some(Duration::from_secs(seconds)) };
        let rows = [
            ("Authentication failure: unknown user name or bad password.", Some(Problem::AuthRefused)),
            ("Logon failure: unknown user name or bad password.", Some(Problem::AuthRefused)),
            ("Protocol error. Connection is closed. 10", Some(Problem::CommandRefused)),
            ("[AUTH] Username and password not accepted.", Some(Problem::AuthRefused)),
            ("[AUTH] Application-specific password required", Some(Problem::MechanismRefused)),
            ("[AUTH] Authentication failed.", Some(Problem::AuthRefused)),
            ("[AUTH] no", Some(Problem::AuthRefused)),
            ("[SYS/TEMP] server error, please try again later", Some(Problem::Unavailable)),
            ("[SYS/PERM] Your account is not enabled for POP access.", Some(Problem::Disabled)),
            ("[SYS/PERM] no mailbox", Some(Problem::Broken)),
            ("Your account is not enabled for POP access.", Some(Problem::Disabled)),
            ("[IN-USE] Unable to lock maildrop", Some(Problem::InUse)),
            ("[LOGIN-DELAY] try again in 60 seconds", Some(wait(60))),
            ("Too many logins, retry after 5 minutes", Some(wait(300))),
            ("Too many login attempts, retry after 5 minutes", Some(wait(300))),
            ("[UTF8] x", Some(Problem::NeedsUtf8)),
            ("There's no message 7.", Some(Problem::NoSuchMessage)),
            ("no such message, only 2 messages in maildrop", Some(Problem::NoSuchMessage)),
            ("go away", None),
        ];
        for (text, want) in rows {
            assert_eq!(Reply::new(false, text).problem(), want, "{text}");
            assert_eq!(Reply::new(true, text).problem(), None, "{text}");
        }
        assert_eq!(Reply::new(false, "[LOGIN-DELAY] wait 7").retry_after(), Some(Duration::from_secs(7)));
    }
}
