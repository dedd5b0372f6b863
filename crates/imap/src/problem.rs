use core::time::Duration;

use mailbearer_wire::suggested_wait;

/// What a server's words are known to mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Exchange accepts the token and opens no mailbox for it: a permission, a licence or the `user=` is wrong.
    NotConnected,
    /// Exchange finds no mailbox, or IMAP is disabled for it.
    NoMailbox,
    /// The client asked for too much in a short time.
    Throttled {
        /// How long to wait, if the server says so.
        wait: Option<Duration>,
    },
    /// The server, or a server behind it, is down, or the mailbox is being moved.
    Unavailable,
    /// The user has too many connections.
    TooManyConnections,
    /// The access token expired during the session.
    TokenExpired,
    /// NetEase's servers want an ID command first.
    IdWanted,
}

impl Problem {
    /// Returns whether waiting, or a new connection, helps.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        !matches!(self, Self::NotConnected | Self::NoMailbox | Self::IdWanted)
    }

    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        if after(&text, "request is throttled").is_some() {
            return Some(Self::Throttled { wait: suggested_wait(&text) });
        }
        PHRASES.iter().find(|(phrase, _)| after(&text, phrase).is_some()).map(|(_, problem)| *problem)
    }

    /// Whether the words ask to come back later.
    pub(crate) fn is_for_now(text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        FOR_NOW.iter().any(|phrase| after(&text, phrase).is_some())
    }

    pub(crate) fn of_code(code: &str) -> Option<Self> {
        let name = code.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        CODES.iter().find(|(code, _)| *code == name).map(|(_, problem)| *problem)
    }
}

/// In lower case. The first phrase that is found counts.
const PHRASES: &[(&str, Problem)] = &[
    ("authenticated but not connected", Problem::NotConnected),
    ("noadrecipient", Problem::NoMailbox),
    ("authresultfrompopimapend=8", Problem::NoMailbox),
    ("accesstokenexpired", Problem::TokenExpired),
    ("session expired", Problem::TokenExpired),
    ("too many simultaneous connections", Problem::TooManyConnections),
    ("maximum number of connections", Problem::TooManyConnections),
    ("bandwidth limits", Problem::Throttled { wait: None }),
    ("server unavailable", Problem::Unavailable),
    ("wrongserverexception", Problem::Unavailable),
    ("unsafe login", Problem::IdWanted),
];

/// In lower case. These do not say what they are about.
const FOR_NOW: &[&str] = &["try again later", "try later", "again in ", "too many", "temporar", "rate limit"];

/// RFC 5530.
const CODES: &[(&str, Problem)] = &[
    ("UNAVAILABLE", Problem::Unavailable),
    ("INUSE", Problem::Unavailable),
    ("EXPIRED", Problem::TokenExpired),
];

/// Returns what follows a phrase in a short text. The search of the standard library is made for long texts, and its
/// code is large.
fn after<'t>(text: &'t str, phrase: &str) -> Option<&'t str> {
    let at = text.as_bytes().windows(phrase.len()).position(|window| window == phrase.as_bytes())?;
    text.get(at.saturating_add(phrase.len())..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::{Error, Stage},
        event::Answer,
    };

    /// At login, the same words say that the credentials are not the problem, unless a code says that they are.
    #[test]
    fn a_login_that_may_succeed_later_is_told_from_one_that_will_not() {
        let rows = [
            ("A1 NO [LIMIT] no", true),
            ("A1 NO [UNAVAILABLE] no", true),
            ("A1 NO [INUSE] no", true),
            ("A1 NO Please try again later", true),
            ("A1 NO [ALERT] Too many login failures", true),
            ("A1 NO temporarily locked", true),
            ("A1 BAD [x] Rate limit exceeded, try again in 5 minutes", true),
            ("A1 NO LOGIN failed.", false),
            ("A1 NO wrong password, try again", false),
            ("A1 NO [AUTHENTICATIONFAILED] too many failures, try again later", false),
            ("A1 NO [authorizationfailed] temporary", false),
            ("A1 NO [CONTACTADMIN] too many", false),
        ];
        for (line, want) in rows {
            let answer = Answer::of(line.as_bytes());
            let refused = Error::Refused { stage: Stage::Greeting, answer: answer.clone() };
            let error = Error::Auth { answer, reason: None };
            assert_eq!((error.is_transient(), error.is_auth()), (want, !want), "{line}");
            assert_eq!(refused.is_transient(), want, "{line}");
        }
    }

    #[test]
    fn known_problems_are_recognised() {
        let wait = |millis| Some(Problem::Throttled { wait: Some(Duration::from_millis(millis)) });
        let rows: &[(&str, Option<Problem>)] = &[
            ("A1 BAD User is authenticated but not connected.", Some(Problem::NotConnected)),
            ("A1 NO Request is throttled. Suggested Backoff Time: 299910 milliseconds", wait(299_910)),
            ("A1 BAD Request is throttled.", Some(Problem::Throttled { wait: None })),
            ("* BYE Session invalidated - AccessTokenExpired", Some(Problem::TokenExpired)),
            ("* BYE Session expired, please login again.", Some(Problem::TokenExpired)),
            ("A1 NO Server Unavailable. 15", Some(Problem::Unavailable)),
            (
                "A1 NO [UNAVAILABLE] UID FETCH Service is temporarily not available",
                Some(Problem::Unavailable),
            ),
            (
                "A1 NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded",
                Some(Problem::TooManyConnections),
            ),
            ("A1 NO [ALERT] Too many simultaneous connections. (Failure)", Some(Problem::TooManyConnections)),
            (
                "A1 NO [OVERQUOTA] Account exceeded command or bandwidth limits.",
                Some(Problem::Throttled { wait: None }),
            ),
            ("A1 NO [OVERQUOTA] Mailbox is full", None),
            ("A1 NO SELECT Unsafe Login. Please contact kefu@188.com for help", Some(Problem::IdWanted)),
            (
                "A1 OK [Error=\"Microsoft.Exchange.Data.Storage.WrongServerException:Cross Server access\" \
                 AuthResultFromPopImapEnd=0] AUTHENTICATE completed.",
                Some(Problem::Unavailable),
            ),
            ("A1 OK [Error=\"NoADRecipient\" AuthResultFromPopImapEnd=8] x", Some(Problem::NoMailbox)),
            ("A1 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", None),
        ];
        for (line, want) in rows {
            assert_eq!(Answer::of(line.as_bytes()).problem(), *want, "{line}");
        }
    }
}
