use std::{collections::HashSet, fmt, io, time::Duration};

use mailbearer::{
    Blocking, Client, Ended, Envelope, Fate, MailObject, Outcome, Pool, Sent, Unsent, proto::smtp::Reply,
};

use super::{Entry, Error, State, Stored};

/// An account and a pool of connections to its server. It keeps connections from one message to the next, and ends them with
/// QUIT when it is dropped.
pub struct Lane<'l> {
    pool: Result<Pool<Blocking>, String>,
    /// Returns true once no message shall wait any longer.
    stop: Option<&'l (dyn Fn() -> bool + Sync)>,
}

/// What an attempt says of the recipients that it was for.
pub(crate) struct Verdict {
    pub(crate) states: Vec<(State, Vec<usize>)>,
    pub(crate) wait: Option<Duration>,
    pub(crate) problem: Option<String>,
    /// The server got the message without its requests for reports.
    pub(crate) without_dsn: bool,
}

/// A message that is to be sent, and its recipients who did not get it yet.
pub(crate) struct Ready<'s> {
    pub(crate) entry: Entry<'s>,
    pub(crate) waiting: Vec<usize>,
}

impl<'l> Lane<'l> {
    /// Creates a lane. It connects when there is a message to send. If there is no client, because of this error, the messages stay
    /// in the queue.
    #[must_use]
    pub fn new(client: Result<Client, String>) -> Self {
        let pool = client.map(|client| {
            let mut options = client.pool_options();
            // A message whose server asks for time waits in the spool, not here.
            options.patience = Duration::ZERO;
            client.pool_with(options)
        });
        Self { pool, stop: None }
    }

    /// Calls `stop` once a second while messages wait for their turn. If it returns true, they stay in the queue.
    #[must_use]
    pub fn until(mut self, stop: &'l (dyn Fn() -> bool + Sync)) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Closes the connections. The next message connects again.
    pub fn close(&mut self) {
        if let Ok(pool) = &self.pool {
            pool.close();
        }
    }

    /// Sends messages, over as many connections as the account may have, one behind the other on each. `ready` is asked for
    /// a message when it is its turn. `heard` is called with each message that has its verdict, which is `None` if it was
    /// stopped before; and without one about once a second while nothing happens.
    pub(crate) fn send_all<'s>(
        &self,
        ready: impl Iterator<Item = Ready<'s>> + Send,
        mut heard: impl FnMut(Option<(Entry<'s>, Result<Option<Verdict>, Error>)>),
    ) {
        let pool = match &self.pool {
            Ok(pool) => pool,
            Err(problem) => {
                for Ready { entry, waiting } in ready {
                    heard(Some((entry, Ok(Some(put_off(waiting, problem))))));
                }
                return;
            }
        };
        let mut sending = pool.send_all(ready.map(Waiting::new));
        loop {
            match sending.next_within(LOOK) {
                Ok(Some(Sent { message, outcome, .. })) => {
                    let Waiting { entry, waiting, failed, .. } = message;
                    let is_stopped = outcome.error().is_some_and(mailbearer::Error::is_cancelled);
                    let verdict = match failed {
                        Some(error) => Err(error),
                        None if is_stopped => Ok(None),
                        None => Ok(Some(verdict(entry.stored(), &waiting, &outcome))),
                    };
                    heard(Some((entry, verdict)));
                }
                Ok(None) => {
                    if self.stop.is_some_and(|stop| stop()) {
                        sending.stop();
                    } else {
                        // A server that thinks about one message keeps no more than one other waiting.
                        sending.widen();
                    }
                    heard(None);
                }
                Err(Ended) => return,
            }
        }
    }
}

impl fmt::Debug for Lane<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.close();
    }
}

/// A message of the spool on its way out.
struct Waiting<'s> {
    entry: Entry<'s>,
    waiting: Vec<usize>,
    /// What was read of it last, and where that begins.
    piece: Vec<u8>,
    piece_at: u64,
    failed: Option<Error>,
}

impl<'s> Waiting<'s> {
    fn new(Ready { entry, waiting }: Ready<'s>) -> Self {
        Self { entry, waiting, piece: Vec::new(), piece_at: 0, failed: None }
    }

    /// Those of the attempt's recipients who are among these.
    fn which(&self, recipients: &[String]) -> Vec<usize> {
        if recipients.len() >= self.waiting.len() {
            return self.waiting.clone();
        }
        let all = &self.entry.stored().envelope.recipients;
        let of_part: HashSet<&String> = recipients.iter().collect();
        let is_of_part = |index: &usize| all.get(*index).is_some_and(|address| of_part.contains(address));
        self.waiting.iter().copied().filter(is_of_part).collect()
    }

    fn note(&mut self, error: Error) -> io::Error {
        let told = io::Error::other(error.to_string());
        self.failed = Some(error);
        told
    }
}

impl MailObject for Waiting<'_> {
    fn envelope(&self) -> Envelope {
        envelope(self.entry.stored(), &self.waiting)
    }

    fn octets(&mut self, offset: u64) -> io::Result<&[u8]> {
        let inside = offset.checked_sub(self.piece_at).and_then(|inside| usize::try_from(inside).ok());
        let inside = match inside.filter(|inside| *inside < self.piece.len()) {
            Some(inside) => inside,
            None => {
                let read = self.entry.read_at(offset, &mut self.piece);
                self.piece_at = offset;
                read.map_err(|error| self.note(error))?;
                0
            }
        };
        Ok(self.piece.get(inside..).unwrap_or_default())
    }

    fn before_end(&mut self, recipients: &[String]) -> io::Result<()> {
        let which = self.which(recipients);
        // The mark is on the disk before the dot is on the wire: a mark without a result means that the outcome is unknown.
        self.entry.mark(&which).map_err(|error| self.note(error))
    }

    fn after_part(&mut self, recipients: &[String], outcome: &Outcome) {
        let which = self.which(recipients);
        let verdict = verdict(self.entry.stored(), &which, outcome);
        // It only counts if the program is killed before the message has ended: without the line, these are unknown then.
        let _ = self.entry.known(verdict);
    }
}

/// The envelope for the recipients who did not get it yet.
fn envelope(stored: &Stored, waiting: &[usize]) -> Envelope {
    let mut envelope = stored.envelope.clone();
    let recipients = waiting.iter().filter_map(|index| stored.envelope.recipients.get(*index).cloned());
    envelope.recipients = recipients.collect();
    // That nobody will tell of the delivery is no reason to refuse a message.
    envelope.dsn.if_offered = true;
    envelope
}

fn verdict(stored: &Stored, waiting: &[usize], outcome: &Outcome) -> Verdict {
    let text = outcome.error().map(ToString::to_string);
    let said = |reply: Option<&Reply>| {
        // A reply to this recipient says more than the error about all of them.
        let own = reply.filter(|_| is_by_recipient(outcome)).map(ToString::to_string);
        own.or_else(|| text.clone()).unwrap_or_default()
    };
    let (unsent, reason) = (outcome.unsent(), |unsent: &Unsent| unsent.reason.clone());
    let states = waiting.iter().map(|index| {
        let address = stored.envelope.recipients.get(*index).map_or("", String::as_str);
        let state = match outcome.fate(address) {
            Fate::Accepted(reply) => State::Delivered(reply.to_string()),
            Fate::Refused(reply) => State::Failed(said(reply)),
            // Whatever became of the other parts.
            Fate::Deferred(None) => State::Waiting(Some(unsent.map_or_else(|| said(None), reason))),
            Fate::Deferred(reply) => State::Waiting(Some(said(reply))),
            Fate::Unknown => State::Unknown(said(None)),
        };
        (state, vec![*index])
    });
    let wait = unsent.map_or_else(
        || outcome.error().and_then(mailbearer::Error::retry_after),
        |unsent| unsent.retry_after,
    );
    let without_dsn = matches!(outcome, Outcome::Accepted(receipt) if receipt.without_dsn);
    Verdict { states: states.collect(), wait, problem: text, without_dsn }
}

/// Whether the server answered for each recipient.
fn is_by_recipient(outcome: &Outcome) -> bool {
    outcome.error().is_none_or(|error| !error.refused_recipients().is_empty())
}

fn put_off(waiting: Vec<usize>, problem: &str) -> Verdict {
    let states = vec![(State::Waiting(Some(problem.to_owned())), waiting)];
    Verdict { states, wait: None, problem: Some(problem.to_owned()), without_dsn: false }
}

/// How often `stop` is asked while messages wait.
const LOOK: Duration = Duration::from_secs(1);

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
