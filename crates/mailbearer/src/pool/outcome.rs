use mailbearer_smtp::{Class, Receipt, Refusal, Reply, Unsent};

use crate::{Error, Kind};

/// How a message ended.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a message was taken, refused or put off, or nobody knows")]
pub enum Outcome {
    /// The server accepted it for at least one recipient. The receipt has those whom the server refused, and those to
    /// whom the message was not sent.
    Accepted(Receipt),
    /// It can't be sent: the server refused it permanently, or it is malformed.
    Refused(Error),
    /// It was not sent, but may be later. [`Error::retry_after`] has the time that the server asks for.
    Deferred(Error),
    /// All of it was sent, but the server's verdict did not come, or, with LMTP, not for all recipients. It may or may
    /// not arrive. If it is sent again, it may arrive twice.
    Unknown {
        /// Why there is no verdict, and what is known of some recipients.
        error: Error,
        /// The recipients to whom a message in parts was not sent.
        unsent: Unsent,
    },
}

/// How a message ended for one recipient, with the server's words if there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "as an outcome")]
pub enum Fate<'a> {
    /// The server accepted it.
    Accepted(&'a Reply),
    /// The server refused it permanently, or it is malformed.
    Refused(Option<&'a Reply>),
    /// The server may accept it later.
    Deferred(Option<&'a Reply>),
    /// It may or may not arrive.
    Unknown,
}

impl Outcome {
    /// Returns the outcome of an attempt.
    #[must_use]
    pub fn of(attempt: Result<Receipt, Error>) -> Self {
        let error = match attempt {
            Ok(receipt) => return Self::Accepted(receipt),
            Err(error) => error,
        };
        match error.cause::<Refusal>() {
            _ if error.outcome_unknown() => Self::Unknown { error, unsent: Unsent::default() },
            // A refused login is not the message's fault.
            Some(refusal) if !refusal.is_auth() && !refusal.is_transient() => Self::Refused(error),
            _ if error.kind() == Kind::Message => Self::Refused(error),
            _ => Self::Deferred(error),
        }
    }

    /// Returns how the message ended for `recipient`, one of its recipients.
    #[must_use]
    pub fn fate(&self, recipient: &str) -> Fate<'_> {
        let refused: &[(String, Reply)] = match self {
            Self::Accepted(receipt) => &receipt.refused,
            Self::Refused(error) | Self::Deferred(error) => error.refused_recipients(),
            Self::Unknown { error, .. } => error.verdicts(),
        };
        if let Some((_, reply)) = refused.iter().find(|(address, _)| address == recipient) {
            return match reply.class() {
                Class::Success => Fate::Accepted(reply),
                Class::Transient => Fate::Deferred(Some(reply)),
                _ => Fate::Refused(Some(reply)),
            };
        }
        let unsent = self.unsent().map_or(&[][..], |unsent| &unsent.recipients);
        if unsent.iter().any(|address| address == recipient) {
            return Fate::Deferred(None);
        }
        let reply = || self.error().and_then(|error| error.cause::<Refusal>()).and_then(Refusal::reply);
        match self {
            Self::Accepted(receipt) => Fate::Accepted(receipt.reply_to(recipient).unwrap_or(&receipt.reply)),
            Self::Refused(_) => Fate::Refused(reply()),
            Self::Deferred(_) => Fate::Deferred(reply()),
            Self::Unknown { .. } => Fate::Unknown,
        }
    }

    /// Returns the recipients to whom a message in parts was not sent, and why. `None` if there are none.
    #[must_use]
    pub fn unsent(&self) -> Option<&Unsent> {
        let unsent = match self {
            Self::Accepted(receipt) => &receipt.unsent,
            Self::Unknown { unsent, .. } => unsent,
            Self::Refused(_) | Self::Deferred(_) => return None,
        };
        (!unsent.recipients.is_empty()).then_some(unsent)
    }

    /// Returns why it was not accepted.
    #[must_use]
    pub const fn error(&self) -> Option<&Error> {
        match self {
            Self::Accepted(_) => None,
            Self::Refused(error) | Self::Deferred(error) | Self::Unknown { error, .. } => Some(error),
        }
    }

    /// Returns the same as a result, for callers to whom everything but acceptance is alike.
    ///
    /// # Errors
    ///
    /// Fails for a message that was not accepted.
    pub fn into_result(self) -> Result<Receipt, Error> {
        match self {
            Self::Accepted(receipt) => Ok(receipt),
            Self::Refused(error) | Self::Deferred(error) | Self::Unknown { error, .. } => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use mailbearer_net::DriveError;
    use mailbearer_smtp as smtp;

    use super::*;

    #[test]
    fn each_recipient_has_a_fate() {
        let reply = |code| Reply::new(code, "x");
        let some = |code| vec![("b@x".to_owned(), reply(code))];
        let accepted = |refused| Ok(Receipt::new(reply(250), vec!["a@x".into()], refused));
        let refused = |refusal| Err(Error::message(refusal));
        let recipients = |first, second| {
            let refused = vec![("a@x".to_owned(), reply(first)), ("b@x".to_owned(), reply(second))];
            Err(Error::message(Refusal::Recipients { refused }))
        };
        let ended = |error| Err(Error::smtp(DriveError::Machine(error)));
        let closed = || smtp::Error::Closed { stage: smtp::Stage::FinalDot };
        let rows = [
            ("taken", accepted(vec![]), "Accepted", ["Accepted", "Accepted"]),
            ("one refused", accepted(some(550)), "Accepted", ["Accepted", "Refused"]),
            ("one put off", accepted(some(450)), "Accepted", ["Accepted", "Deferred"]),
            ("all refused", recipients(550, 551), "Refused", ["Refused", "Refused"]),
            ("all, one for now", recipients(550, 450), "Deferred", ["Refused", "Deferred"]),
            ("sender", refused(Refusal::Sender { reply: reply(550) }), "Refused", ["Refused", "Refused"]),
            ("busy", refused(Refusal::Message { reply: reply(451) }), "Deferred", ["Deferred", "Deferred"]),
            (
                "no login",
                refused(Refusal::Sender { reply: reply(530) }),
                "Deferred",
                ["Deferred", "Deferred"],
            ),
            ("large", refused(Refusal::TooLarge { size: 2, limit: 1 }), "Refused", ["Refused", "Refused"]),
            ("closed", ended(closed()), "Deferred", ["Deferred", "Deferred"]),
            (
                "closed, one refused",
                ended(closed()).map_err(|error: Error| error.with_verdicts(some(550))),
                "Deferred",
                ["Deferred", "Refused"],
            ),
            (
                "behind the dot",
                ended(smtp::Error::OutcomeUnknown { cause: Box::new(closed()) }),
                "Unknown",
                ["Unknown", "Unknown"],
            ),
            (
                "behind the dot, one refused",
                ended(smtp::Error::OutcomeUnknown { cause: Box::new(closed()) })
                    .map_err(|error: Error| error.with_verdicts(some(550))),
                "Unknown",
                ["Unknown", "Refused"],
            ),
            (
                "between the verdicts of LMTP",
                ended(smtp::Error::OutcomeUnknown { cause: Box::new(closed()) })
                    .map_err(|error: Error| error.with_verdicts(some(250))),
                "Unknown",
                ["Unknown", "Accepted"],
            ),
            ("no message", Err(smtp::Misuse::NoRecipients.into()), "Refused", ["Refused", "Refused"]),
        ];
        for (name, attempt, want, fates) in rows {
            let outcome = Outcome::of(attempt);
            let word = |text: String| text.split(['(', ' ']).next().unwrap().to_owned();
            assert_eq!(word(format!("{outcome:?}")), want, "{name}");
            let found = ["a@x", "b@x"].map(|recipient| word(format!("{:?}", outcome.fate(recipient))));
            assert_eq!(found, fates, "{name}");
            assert_eq!(outcome.error().is_some(), outcome.into_result().is_err(), "{name}");
        }
    }
}
