use std::{collections::HashSet, io, mem, time::Instant};

use mailbearer_smtp::{Class, Envelope, Receipt, Refusal, Reply, ServerLimits, Unsent};

use super::{Outcome, Permit};
use crate::{Error, MailObject};

/// A message to send.
pub(super) struct Job<M> {
    pub(super) index: usize,
    pub(super) message: M,
    pub(super) permit: Option<Permit>,
    pub(super) tries: u32,
    pub(super) since: Instant,
    /// Set if the server accepts fewer recipients at a time than there are, or refused some and hung up.
    parts: Option<Box<Parts>>,
}

/// The recipients of a message that is sent several times, each time to some of them (RFC 5321 section 4.5.3.1.10).
#[derive(Default)]
struct Parts {
    /// Recipients of the present part.
    now: Vec<String>,
    /// Recipients of the parts after that.
    later: Vec<String>,
    /// The most recipients of a part, from what the server said to earlier parts.
    most: Option<usize>,
    /// Recipients who have the message, with the server's words.
    taken: Vec<(String, Reply)>,
    refused: Vec<(String, Reply)>,
    without_dsn: bool,
    /// A part that may or may not have arrived.
    unknown: Option<Error>,
}

impl<M> Job<M> {
    pub(super) const fn new(index: usize, message: M, since: Instant) -> Self {
        Self { index, message, permit: None, tries: 0, since, parts: None }
    }
}

impl<M: MailObject> Job<M> {
    /// Chooses the recipients of the next part from those who have no verdict yet.
    pub(super) fn choose(&mut self, limits: ServerLimits) {
        let number = |limit: Option<u64>| limit.and_then(|limit| usize::try_from(limit).ok());
        let (most, domains) = (number(limits.recipients), number(limits.recipient_domains));
        match &mut self.parts {
            None if most.is_none() && domains.is_none() => {}
            None => {
                let mut recipients = self.message.envelope().recipients;
                // Where the server lacks SMTPUTF8, the whole message is refused, before a part of it went.
                recipients.sort_by_key(|address| address.is_ascii());
                let count = within(&recipients, most, domains);
                if count < recipients.len() {
                    let mut parts = Parts { later: recipients, ..Parts::default() };
                    parts.choose(count);
                    self.parts = Some(Box::new(parts));
                }
            }
            Some(parts) => {
                // A part that was not sent may be too large for this server.
                let now = mem::take(&mut parts.now);
                parts.later.splice(..0, now);
                let most = parts.most.into_iter().chain(most).min();
                parts.choose(within(&parts.later, most, domains));
            }
        }
    }

    /// Goes on in parts that every server accepts, after a session that ended at a recipient: some servers hang up on who
    /// names more than they accept. Returns false if the parts are no larger already.
    pub(super) fn shrink(&mut self) -> bool {
        if self.envelope().recipients.len() <= EACH_ACCEPTS {
            return false;
        }
        self.parts().most = Some(EACH_ACCEPTS);
        true
    }

    /// Leaves out those whom the server refused for good before it ended the session: it may have hung up because of them.
    /// Returns whether there are any.
    pub(super) fn leave_out_refused(&mut self, error: &Error) -> bool {
        let is_final = |(_, reply): &&(String, Reply)| reply.class() == Class::Permanent;
        let refused: Vec<_> = error.verdicts().iter().filter(is_final).cloned().collect();
        if error.outcome_unknown() || refused.is_empty() {
            return false;
        }
        let parts = self.parts();
        let gone: HashSet<&String> = refused.iter().map(|(address, _)| address).collect();
        for left in [&mut parts.now, &mut parts.later] {
            left.retain(|address| !gone.contains(address));
        }
        drop(gone);
        parts.refused.extend(refused);
        true
    }

    /// Whether nobody is left to send it to.
    pub(super) fn is_done(&self) -> bool {
        self.parts.as_ref().is_some_and(|parts| parts.now.is_empty() && parts.later.is_empty())
    }

    /// Returns the parts of the message. Where it had none, all recipients are in the present one.
    fn parts(&mut self) -> &mut Parts {
        self.parts.get_or_insert_with(|| {
            let mut now = self.message.envelope().recipients;
            // Where the server lacks SMTPUTF8, the whole message is refused, before a part of it went.
            now.sort_by_key(|address| address.is_ascii());
            Box::new(Parts { now, ..Parts::default() })
        })
    }

    /// Notes that the server accepted the present part for some of its recipients. Returns the receipt once nobody is
    /// left.
    pub(super) fn taken(&mut self, receipt: Receipt) -> Option<Outcome> {
        // A full mailbox has the same code, and is not emptied by sending the message to the others.
        let is_mailbox = |reply: &Reply| reply.enhanced.is_some_and(|code| code.subject == MAILBOX);
        let is_full = |(_, reply): &(String, Reply)| reply.code == FULL && !is_mailbox(reply);
        if self.parts.is_none() && (receipt.accepted.is_empty() || !receipt.refused.iter().any(is_full)) {
            return Some(Outcome::Accepted(receipt));
        }
        let part = (self.envelope().recipients, Outcome::Accepted(receipt.clone()));
        let parts = self.parts.get_or_insert_default();
        let Receipt { reply, accepted, refused, replies, without_dsn, .. } = receipt;
        let (full, refused): (Vec<_>, Vec<_>) = refused.into_iter().partition(is_full);
        let count = accepted.len();
        if count > 0 && !full.is_empty() {
            // RFC 5321 section 4.5.3.1.10: the server will accept these when the others are done.
            parts.most = Some(count);
            parts.later.splice(..0, full.into_iter().map(|(address, _)| address));
        } else {
            parts.refused.extend(full);
        }
        let mut replies = replies.into_iter();
        parts.taken.extend(
            accepted.into_iter().map(|address| (address, replies.next().unwrap_or_else(|| reply.clone()))),
        );
        parts.refused.extend(refused);
        parts.without_dsn |= without_dsn;
        self.next_part(part)
    }

    /// Notes that the present part will not be tried again. Returns what became of the whole message, unless other
    /// parts follow.
    pub(super) fn failed(&mut self, error: Error) -> Option<Outcome> {
        let Some(parts) = &mut self.parts else { return Some(Outcome::of(Err(error))) };
        let has_begun = !parts.taken.is_empty() || !parts.refused.is_empty() || parts.unknown.is_some();
        let all = |reply: &Reply, now: &[String]| -> Vec<(String, Reply)> {
            now.iter().map(|address| (address.clone(), reply.clone())).collect()
        };
        match error.cause::<Refusal>() {
            _ if error.outcome_unknown() => {
                let known = error.verdicts().to_vec();
                let (taken, refused): (Vec<_>, Vec<_>) =
                    known.into_iter().partition(|(_, reply)| reply.class() == Class::Success);
                parts.taken.extend(taken);
                parts.refused.extend(refused);
            }
            Some(Refusal::Recipients { refused }) => parts.refused.extend(refused.iter().cloned()),
            // A refused login is nobody's verdict.
            Some(refusal) if has_begun && refusal.reply().is_some() && !refusal.is_auth() => {
                let refused = refusal.reply().map(|reply| all(reply, &parts.now));
                parts.refused.extend(refused.unwrap_or_default());
            }
            _ => return Some(self.conclude(Some(error))),
        }
        let part = (mem::take(&mut parts.now), Outcome::of(Err(error)));
        self.next_part(part)
    }

    /// Ends the message. Those who have no verdict yet do not get it.
    pub(super) fn conclude(&mut self, error: Option<Error>) -> Outcome {
        let parts = self.parts.take().map(|parts| *parts).unwrap_or_default();
        let Parts { mut now, later, taken, refused, without_dsn, unknown, .. } = parts;
        now.extend(later);
        let mut unsent = Unsent::default();
        if let Some(error) = error.as_ref().filter(|_| !now.is_empty()) {
            (unsent.recipients, unsent.reason) = (now, error.to_string());
            unsent.retry_after = error.retry_after();
        }
        if let Some(unknown) = unknown {
            let error = unknown.with_verdicts([refused, taken].concat());
            return Outcome::Unknown { error, unsent };
        }
        match (taken.first(), error) {
            (Some((_, reply)), _) => {
                let mut receipt = Receipt::new(reply.clone(), Vec::new(), refused);
                (receipt.accepted, receipt.replies) = taken.into_iter().unzip();
                (receipt.unsent, receipt.without_dsn) = (unsent, without_dsn);
                Outcome::Accepted(receipt)
            }
            (None, Some(error)) if refused.is_empty() => Outcome::of(Err(error)),
            (None, Some(error)) => Outcome::of(Err(error.with_verdicts(refused))),
            (None, None) => Outcome::of(Err(Error::message(Refusal::Recipients { refused }))),
        }
    }

    /// Notes the outcome of a part for its recipients. Returns what became of the whole message if that was the last part.
    fn next_part(&mut self, (recipients, outcome): (Vec<String>, Outcome)) -> Option<Outcome> {
        let is_last = self.parts.as_ref().is_none_or(|parts| parts.later.is_empty());
        if !is_last {
            self.message.after_part(&recipients, &outcome);
        }
        if let Some(parts) = &mut self.parts {
            parts.now.clear();
            if let Outcome::Unknown { error, .. } = outcome {
                parts.unknown.get_or_insert(error);
            }
        }
        if is_last { Some(self.conclude(None)) } else { None }
    }
}

impl Parts {
    fn choose(&mut self, count: usize) {
        let later = self.later.split_off(count.min(self.later.len()));
        self.now = mem::replace(&mut self.later, later);
    }
}

impl<M: MailObject> MailObject for Job<M> {
    fn envelope(&self) -> Envelope {
        let mut envelope = self.message.envelope();
        if let Some(parts) = &self.parts {
            envelope.recipients.clone_from(&parts.now);
        }
        envelope
    }

    fn octets(&mut self, offset: u64) -> io::Result<&[u8]> {
        self.message.octets(offset)
    }

    fn before_end(&mut self, recipients: &[String]) -> io::Result<()> {
        self.message.before_end(recipients)
    }
}

/// Returns how many of these recipients, from the first on, are within the server's limits. At least one.
fn within(recipients: &[String], most: Option<usize>, domains: Option<usize>) -> usize {
    let most = most.unwrap_or(usize::MAX).min(recipients.len());
    let mut seen: Vec<&str> = Vec::new();
    let mut count = 0_usize;
    for address in recipients.iter().take(most) {
        let domain = address.rsplit('@').next().unwrap_or_default();
        // Counted as the session does. The list is short, because servers with such a limit allow few domains.
        if domains.is_some() && !seen.iter().any(|known| known.eq_ignore_ascii_case(domain)) {
            seen.push(domain);
        }
        if domains.is_some_and(|domains| seen.len() > domains) {
            break;
        }
        count = count.saturating_add(1);
    }
    count.max(1)
}

/// RFC 5321 section 4.5.3.1.8: a server accepts so many recipients.
const EACH_ACCEPTS: usize = 100;
/// The reply of a server that accepts no more recipients of this message.
const FULL: u16 = 452;
/// The subject of an enhanced code that is about a recipient's mailbox (RFC 3463 section 3.3).
const MAILBOX: u16 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_within_both_limits() {
        let all: Vec<String> = ["a@x", "b@X", "c@y", "d@z", "e@z"].map(Into::into).into();
        for (most, domains, want) in [
            (None, None, 5),
            (Some(2), None, 2),
            (Some(9), None, 5),
            (Some(0), None, 1),
            (None, Some(1), 2),
            (None, Some(2), 3),
            (Some(2), Some(2), 2),
            (Some(4), Some(2), 3),
            (None, Some(0), 1),
        ] {
            assert_eq!(within(&all, most, domains), want, "{most:?} {domains:?}");
        }
    }
}
