use std::{fmt, io, time::Duration};

use mailbearer::{
    Blocking, Client, Ended, Envelope, Fate, MailObject, Outcome, Pool,
    proto::smtp::{Capability, Dsn, Refusal, Reply},
};

use super::{Entry, Error, State, Stored};

/// An account to send by, with a pool of connections to its server. Connections are kept from one message to the next.
/// Dropping this ends them with QUIT.
pub struct Lane<'l> {
    pool: Result<Pool<Blocking>, String>,
    /// Why there is no session at the moment, and how long the server asks to be left alone.
    closed: Option<(String, Option<Duration>)>,
    /// The server does not offer `DSN`: what the sender wants to hear of a delivery is not passed on.
    without_dsn: bool,
    /// Returns true once no message shall wait any longer.
    stop: Option<&'l (dyn Fn() -> bool + Sync)>,
}

/// What an attempt says of the recipients that it was for.
pub(crate) struct Verdict {
    pub(crate) states: Vec<(State, Vec<usize>)>,
    pub(crate) wait: Option<Duration>,
    pub(crate) problem: Option<String>,
    lacks_dsn: bool,
}

impl<'l> Lane<'l> {
    /// Connects nowhere yet. With an error, which says why the account can't be used, its messages stay in the queue.
    #[must_use]
    pub fn new(client: Result<Client, String>) -> Self {
        let pool = client.map(|client| {
            let mut options = client.pool_options();
            // A message whose server asks for time waits in the spool, not here.
            options.patience = Duration::ZERO;
            client.pool_with(options)
        });
        Self { pool, closed: None, without_dsn: false, stop: None }
    }

    /// Asks `stop` once a second while a message waits for its turn. If it returns true, the message stays as it is.
    #[must_use]
    pub fn until(mut self, stop: &'l (dyn Fn() -> bool + Sync)) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Closes the connections. The next message connects again, also where connecting failed before.
    pub fn close(&mut self) {
        self.closed = None;
        if let Ok(pool) = &self.pool {
            pool.close();
        }
    }

    /// Tries to connect again for the next message, if that failed before.
    pub fn reopen(&mut self) {
        self.closed = None;
    }

    /// Sends a message; `None` if it was stopped before.
    ///
    /// A server without `DSN` gets it without the requests for reports (RFC 3461 section 5.2.2): that nobody will tell of
    /// the delivery is no reason to refuse it.
    pub(crate) fn send(
        &mut self,
        entry: &mut Entry<'_>,
        waiting: &[usize],
    ) -> Result<Option<Verdict>, Error> {
        let sent = self.try_send(entry, waiting)?;
        let without = matches!(&sent, Some(verdict) if verdict.lacks_dsn);
        if without && !std::mem::replace(&mut self.without_dsn, true) {
            return self.try_send(entry, waiting);
        }
        Ok(sent)
    }

    fn try_send(&mut self, entry: &mut Entry<'_>, waiting: &[usize]) -> Result<Option<Verdict>, Error> {
        let pool = match &self.pool {
            Ok(pool) => pool,
            Err(problem) => return Ok(Some(put_off(waiting, problem, None))),
        };
        if let Some((problem, wait)) = &self.closed {
            return Ok(Some(put_off(waiting, problem, *wait)));
        }
        let mut envelope = envelope(entry.stored(), waiting);
        if self.without_dsn {
            envelope.dsn = Dsn::default();
        }
        let message = Waiting { entry, envelope, piece: Vec::new(), piece_at: 0, failed: None };
        let mut sending = pool.send_all([message]);
        let sent = loop {
            match sending.next_within(LOOK) {
                Ok(Some(sent)) => break sent,
                Ok(None) if self.stop.is_some_and(|stop| stop()) => sending.stop(),
                Ok(None) => {}
                Err(Ended) => return Ok(None),
            }
        };
        drop(sending);
        let (message, outcome) = (sent.message, sent.outcome);
        if let Some(error) = message.failed {
            return Err(error);
        }
        match outcome.error() {
            Some(error) if error.is_cancelled() => return Ok(None),
            // Not about the message: the others wait with it.
            Some(error) if matches!(outcome, Outcome::Deferred(_)) && error.cause::<Refusal>().is_none() => {
                self.closed = Some((error.to_string(), error.retry_after()));
            }
            _ => {}
        }
        Ok(Some(verdict(message.entry.stored(), waiting, &outcome)))
    }
}

impl fmt::Debug for Lane<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("is_open", &self.closed.is_none()).finish_non_exhaustive()
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.close();
    }
}

/// A message of the spool on its way out.
struct Waiting<'e, 's> {
    entry: &'e mut Entry<'s>,
    envelope: Envelope,
    /// What was read of it last, and where that begins.
    piece: Vec<u8>,
    piece_at: u64,
    failed: Option<Error>,
}

impl Waiting<'_, '_> {
    fn note(&mut self, error: Error) -> io::Error {
        let told = io::Error::other(error.to_string());
        self.failed = Some(error);
        told
    }
}

impl MailObject for Waiting<'_, '_> {
    fn envelope(&self) -> Envelope {
        self.envelope.clone()
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

    fn before_end(&mut self) -> io::Result<()> {
        // The mark is on the disk before the dot is on the wire: a mark without a result means that the outcome is unknown.
        self.entry.mark().map_err(|error| self.note(error))
    }
}

/// The envelope for the recipients who did not get it yet.
fn envelope(stored: &Stored, waiting: &[usize]) -> Envelope {
    let mut envelope = stored.envelope.clone();
    let recipients = waiting.iter().filter_map(|index| stored.envelope.recipients.get(*index).cloned());
    envelope.recipients = recipients.collect();
    envelope
}

fn verdict(stored: &Stored, waiting: &[usize], outcome: &Outcome) -> Verdict {
    let text = outcome.error().map(ToString::to_string);
    let said = |reply: Option<&Reply>| {
        // A reply to this recipient says more than the error about all of them.
        let own = reply.filter(|_| is_by_recipient(outcome)).map(ToString::to_string);
        own.or_else(|| text.clone()).unwrap_or_default()
    };
    let states = waiting.iter().map(|index| {
        let address = stored.envelope.recipients.get(*index).map_or("", String::as_str);
        let state = match outcome.fate(address) {
            Fate::Accepted(reply) => State::Delivered(reply.to_string()),
            Fate::Refused(reply) => State::Failed(said(reply)),
            Fate::Deferred(reply) => State::Waiting(Some(said(reply))),
            Fate::Unknown => State::Unknown(said(None)),
        };
        (state, vec![*index])
    });
    let wait = outcome.error().and_then(mailbearer::Error::retry_after);
    let refusal = outcome.error().and_then(|error| error.cause::<Refusal>());
    let lacks_dsn = matches!(refusal, Some(Refusal::NotOffered { capability: Capability::Dsn }));
    Verdict { states: states.collect(), wait, problem: text, lacks_dsn }
}

/// Whether the server answered for each recipient.
fn is_by_recipient(outcome: &Outcome) -> bool {
    outcome.error().is_none_or(|error| !error.refused_recipients().is_empty())
}

fn put_off(waiting: &[usize], problem: &str, wait: Option<Duration>) -> Verdict {
    let states = vec![(State::Waiting(Some(problem.to_owned())), waiting.to_vec())];
    Verdict { states, wait, problem: Some(problem.to_owned()), lacks_dsn: false }
}

/// How often `stop` is asked while a message waits.
const LOOK: Duration = Duration::from_secs(1);
