use core::time::Duration;

use mailbearer_wire::suggested_wait;

use crate::{EnhancedCode, Error, Refusal, Reply};

/// What a reply of a server in the field is known to mean.
///
/// By codes first: texts change and are translated. The table follows Microsoft's and Google's documentation and
/// RFC 4954, RFC 3463 and RFC 5321.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The server did not accept the user or the token.
    AuthRefused,
    /// The server could not check the credentials now; they may be good.
    AuthUnavailable,
    /// The server wants a login first, or lost it.
    AuthRequired,
    /// The server does not take this mechanism, or takes no passwords any more.
    MechanismRefused,
    /// An administrator switched submission off, for the tenant or for the mailbox.
    SubmissionDisabled,
    /// The user may not send in this name.
    SenderRefused,
    /// The account is blocked as compromised, or was a source of spam.
    AccountRestricted,
    /// The user sent too much in a short time, or failed too often in the same way.
    Throttled {
        /// How long to wait, where the server says so.
        wait: Option<Duration>,
    },
    /// The user has too many connections, or sends too much at once: use fewer.
    TooManyConnections,
    /// The user has sent to as many recipients as the server allows in a day.
    QuotaExceeded,
    /// The sender's mailbox is full, so the server can't keep a copy.
    MailboxFull,
    /// The message is larger than the server takes.
    TooLarge,
    /// There is no such recipient.
    UnknownRecipient,
    /// The server, or the one behind it, is down or busy.
    Unavailable,
}

impl Problem {
    /// Whether it helps to wait or to use fewer connections.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::AuthUnavailable
                | Self::Throttled { .. }
                | Self::TooManyConnections
                | Self::QuotaExceeded
                | Self::Unavailable
        )
    }

    fn of(reply: &Reply) -> Option<Self> {
        let text = || reply.lines().flat_map(|line| WORDS.iter().filter(|words| holds(line, words.0)));
        if let Some((_, problem)) = text().next() {
            return Some(problem.waiting(reply));
        }
        let code = reply.enhanced.map(|EnhancedCode { class, subject, detail }| (class, subject, detail));
        let by_code = CODES.iter().find(|(plain, enhanced, _)| {
            plain.is_none_or(|plain| plain == reply.code)
                && enhanced.is_none_or(|enhanced| code == Some(enhanced))
        });
        by_code.map(|(.., problem)| problem.waiting(reply))
    }

    /// With the time to wait, where this kind has one.
    fn waiting(self, reply: &Reply) -> Self {
        match self {
            Self::Throttled { .. } => Self::Throttled { wait: reply.lines().find_map(suggested_wait) },
            _ => self,
        }
    }
}

impl Reply {
    /// The known problem that the reply stands for. `None` for a positive reply.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        if self.code < 400 { None } else { Problem::of(self) }
    }

    /// How long the server asks the client to wait, in the words of a temporary reply. SMTP has no field for it.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        if self.is_transient() { self.lines().find_map(suggested_wait) } else { None }
    }
}

impl Error {
    /// The known problem that caused it.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        self.reply().and_then(Reply::problem)
    }

    /// How long the server asks the client to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.reply().and_then(Reply::retry_after)
    }
}

impl Refusal {
    /// The known problem that caused it. If the server refused every recipient, that of the first.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        match self {
            Self::TooLarge { .. } => Some(Problem::TooLarge),
            _ => self.reply().and_then(Reply::problem),
        }
    }

    /// How long the server asks the client to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.reply().and_then(Reply::retry_after)
    }
}

/// Words that say more than their code, because several problems share it.
const WORDS: &[(&str, Problem)] = &[
    ("smtpclientauthentication is disabled", Problem::SubmissionDisabled),
    ("basic authentication is disabled", Problem::MechanismRefused),
    ("basic authentication is not supported", Problem::MechanismRefused),
    ("submissionquotaexceeded", Problem::QuotaExceeded),
    ("sendasdenied", Problem::SenderRefused),
    ("sender throttled", Problem::Throttled { wait: None }),
    ("mapiexceptionlogonfailed", Problem::AuthRefused),
    ("too many login", Problem::Throttled { wait: None }),
    ("concurrent connections limit", Problem::TooManyConnections),
    ("sender thread limit", Problem::TooManyConnections),
    ("too many connections", Problem::TooManyConnections),
    ("too many concurrent", Problem::TooManyConnections),
    ("rate limit", Problem::Throttled { wait: None }),
    ("throttl", Problem::Throttled { wait: None }),
    ("greylist", Problem::Throttled { wait: None }),
];

/// Reply code, enhanced code, and what they mean together. The first that fits counts.
const CODES: &[(Option<u16>, Option<(u16, u16, u16)>, Problem)] = &[
    (Some(432), Some((4, 3, 2)), Problem::TooManyConnections),
    (None, Some((5, 2, 250)), Problem::Throttled { wait: None }),
    (None, Some((5, 2, 251)), Problem::MailboxFull),
    (None, Some((5, 2, 252)), Problem::SenderRefused),
    (None, Some((5, 2, 253)), Problem::AccountRestricted),
    (None, Some((5, 2, 2)), Problem::MailboxFull),
    (None, Some((5, 1, 8)), Problem::AccountRestricted),
    (None, Some((5, 7, 30)), Problem::MechanismRefused),
    (None, Some((5, 7, 60)), Problem::SenderRefused),
    (None, Some((5, 7, 57)), Problem::AuthRequired),
    (None, Some((5, 7, 705)), Problem::AccountRestricted),
    (None, Some((5, 7, 232)), Problem::QuotaExceeded),
    (None, Some((5, 7, 233)), Problem::QuotaExceeded),
    (None, Some((5, 4, 5)), Problem::QuotaExceeded),
    (None, Some((4, 7, 28)), Problem::Throttled { wait: None }),
    (None, Some((4, 7, 500)), Problem::Throttled { wait: None }),
    (None, Some((5, 3, 4)), Problem::TooLarge),
    (None, Some((5, 1, 1)), Problem::UnknownRecipient),
    (None, Some((5, 1, 10)), Problem::UnknownRecipient),
    // RFC 4954 section 6.
    (Some(454), None, Problem::AuthUnavailable),
    (Some(535), None, Problem::AuthRefused),
    (Some(530), None, Problem::AuthRequired),
    (Some(534), None, Problem::MechanismRefused),
    (Some(504), Some((5, 7, 4)), Problem::MechanismRefused),
    (Some(452), Some((4, 5, 3)), Problem::Throttled { wait: None }),
    (Some(421), None, Problem::Unavailable),
];

/// Whether the text holds these words, in any case.
fn holds(text: &str, words: &str) -> bool {
    text.as_bytes().windows(words.len()).any(|window| window.eq_ignore_ascii_case(words.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_of_providers_are_known() {
        let wait = |seconds: u64| Problem::Throttled { wait: Some(Duration::from_secs(seconds)) };
        let rows = [
            (535, "5.7.3 Authentication unsuccessful", Some(Problem::AuthRefused)),
            (
                535,
                "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit x",
                Some(Problem::SubmissionDisabled),
            ),
            (
                535,
                "5.7.139 Authentication unsuccessful, basic authentication is disabled. [X]",
                Some(Problem::MechanismRefused),
            ),
            (
                550,
                "5.7.30 Basic authentication is not supported for Client Submission.",
                Some(Problem::MechanismRefused),
            ),
            (530, "5.7.57 Client not authenticated to send mail", Some(Problem::AuthRequired)),
            (454, "4.7.0 Temporary authentication failure", Some(Problem::AuthUnavailable)),
            (504, "5.7.4 Unrecognized authentication type", Some(Problem::MechanismRefused)),
            (
                550,
                "5.7.60 SMTP; Client does not have permissions to send as this sender",
                Some(Problem::SenderRefused),
            ),
            (
                554,
                "5.2.252 SendAsDenied; a@x not allowed to send as b@x; STOREDRV.Submission.Exception:SendAsDeniedException",
                Some(Problem::SenderRefused),
            ),
            (550, "5.2.252 Sender throttled due to repeated SendAsDenied", Some(Problem::SenderRefused)),
            (
                554,
                "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
                Some(Problem::QuotaExceeded),
            ),
            (
                432,
                "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
                Some(Problem::TooManyConnections),
            ),
            (432, "4.3.2 Concurrent connections limit exceeded. Visit x", Some(Problem::TooManyConnections)),
            (
                430,
                "4.2.0 STOREDRV; mailbox logon failure; MapiExceptionLogonFailed",
                Some(Problem::AuthRefused),
            ),
            (421, "4.7.0 Too many login attempts, please try again in 60 seconds", Some(wait(60))),
            (421, "4.3.2 Service not available", Some(Problem::Unavailable)),
            (451, "4.7.500 Server busy. Please try again later", Some(Problem::Throttled { wait: None })),
            (450, "4.2.0 Greylisted, come back in 00:05:00", Some(wait(300))),
            (552, "5.3.4 Message size exceeds fixed limit", Some(Problem::TooLarge)),
            (550, "5.1.1 no such user", Some(Problem::UnknownRecipient)),
            (550, "5.1.8 Access denied, bad outbound sender", Some(Problem::AccountRestricted)),
            (550, "5.4.5 Daily user sending limit exceeded", Some(Problem::QuotaExceeded)),
            (550, "go away", None),
            (250, "2.0.0 rate limit is fine", None),
        ];
        for (code, text, want) in rows {
            let reply = Reply::new(code, text);
            assert_eq!(reply.problem(), want, "{reply}");
            assert_eq!(Refusal::Data { reply }.problem(), want);
        }
        let told = Reply::new(421, "4.7.0 Too many, try again in 60 seconds");
        assert_eq!(told.retry_after(), Some(Duration::from_secs(60)));
        assert_eq!(Reply::new(550, "5.7.1 never try again in 60 seconds").retry_after(), None);
        assert_eq!(Refusal::TooLarge { size: 2, limit: 1 }.problem(), Some(Problem::TooLarge));
    }
}
