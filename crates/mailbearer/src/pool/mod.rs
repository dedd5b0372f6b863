//! Many messages over few connections, within what the provider allows.

mod book;
mod gate;
#[cfg(feature = "file-store")]
mod host;
mod job;
mod outcome;
mod sending;
mod turn;

use std::{
    fmt,
    future::poll_fn,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::{Duration, Instant},
};

use mailbearer_mime::Composed;
use mailbearer_net::Runtime;
use mailbearer_smtp::Problem;

pub use outcome::{Fate, Outcome};
pub use sending::{Ended, Sending, Sent};
pub use turn::Turn;

use self::gate::{Gate, NAP, Permit, Seat, later};
use crate::{Client, Error, Kind, MailObject, Smtp, Token};

/// How a [`Pool`] keeps within what the provider allows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PoolOptions {
    /// Connections at a time, at least 1. Default: what the [account](crate::Account::limits) says, 3 for Microsoft
    /// 365, and 3 if it says nothing. A server that has too many at the moment gets one less for ten minutes.
    pub connections: u32,
    /// Messages in a minute, counted before they are sent. Default: what the account says, 30 for Microsoft 365. `None`
    /// sets no limit.
    pub messages_per_minute: Option<u32>,
    /// How long a message waits in all for a server that asks for time or has too many connections, before it is
    /// deferred. Default 5 minutes. The wait for the next minute is not included.
    pub patience: Duration,
    /// How long a message waits while other processes of the host have all connections, before it is deferred. Default 5
    /// minutes.
    pub place_patience: Duration,
    /// How often a message that failed for now is sent again: on a new connection after one that broke, or when the time
    /// is over that the server asked for. Default 3. With 0 only the other parts of a message in parts are sent, what the
    /// server takes only in another session or from fewer connections at a time, and what it takes without a parameter
    /// that it refused.
    pub tries: u32,
    /// How long a connection may have been silent to be used again. Default 60 seconds.
    pub idle: Duration,
    /// A folder for small files through which all processes of this host that use the account share connections and
    /// counts. Default: what the account says. `None` lets each pool count by itself. Nothing is shared without the
    /// feature `file-store`.
    pub folder: Option<PathBuf>,
}

/// Sends many messages over few connections, within what the provider allows.
///
/// If the server offers `PIPELINING`, each message takes one flight. No message is lost if a connection ends, a token
/// expires or a server is busy for a moment. If the end of a message was on its way when the connection broke, the pool
/// never sends that message again by itself. If a message has more recipients than the server accepts at a time
/// (`LIMITS RCPTMAX`, or 452), the pool sends it several times, each time to some of them, and counts each time.
/// Cloning is cheap, and clones share the connections.
///
/// ```no_run
/// # use mailbearer::{Client, Composed, Outcome};
/// # fn job(robot: Client, messages: &[Composed]) -> Result<(), Box<dyn std::error::Error>> {
/// let pool = robot.pool();
/// for sent in pool.send_all(messages) {
///     match sent.outcome {
///         Outcome::Accepted(receipt) => println!("{}: {}", sent.index, receipt.reply),
///         Outcome::Refused(error) => println!("{}: {error}", sent.index),
///         Outcome::Deferred(error) => println!("{}: later: {error}", sent.index),
///         Outcome::Unknown { error, .. } => println!("{}: perhaps: {error}", sent.index),
///     }
/// }
/// pool.close();
/// # Ok(()) }
/// ```
pub struct Pool<R: Runtime> {
    inner: Arc<Inner<R>>,
}

struct Inner<R: Runtime> {
    client: Client<R>,
    options: PoolOptions,
    gate: Arc<Gate>,
    /// Connections that wait for a message, and since when.
    idle: Mutex<Vec<(Lease<R>, Instant)>>,
}

/// A connection and its place.
struct Lease<R: Runtime> {
    smtp: Smtp<R>,
    /// The token that let it in.
    token: Option<Token>,
    /// Whether it has sent a message before.
    used: bool,
    seat: Seat,
}

impl<R: Runtime> Client<R> {
    /// Makes a pool with the account's limits.
    #[must_use]
    pub fn pool(&self) -> Pool<R> {
        self.pool_with(self.pool_options())
    }

    /// Returns options with the account's limits, to be changed.
    #[must_use]
    pub fn pool_options(&self) -> PoolOptions {
        let limits = self.account().limits;
        PoolOptions {
            connections: limits.smtp_connections.unwrap_or(CONNECTIONS),
            messages_per_minute: limits.messages_per_minute,
            patience: PATIENCE,
            place_patience: PLACE_PATIENCE,
            tries: TRIES,
            idle: IDLE,
            folder: self.account().pool_folder.clone(),
        }
    }

    /// Makes a pool. Connects to nothing yet.
    #[must_use]
    pub fn pool_with(&self, options: PoolOptions) -> Pool<R> {
        let account = self.account();
        let host = account.smtp.as_ref().map_or("", |server| &server.host);
        let gate = Arc::new(Gate::new(&options, R::now(), host, &account.user));
        Pool { inner: Arc::new(Inner { client: self.clone(), options, gate, idle: Mutex::default() }) }
    }
}

impl<R: Runtime> Pool<R> {
    /// Sends one message. Several threads or tasks can call it at once; each uses a connection of its own as long as
    /// there are enough.
    ///
    /// If the future is dropped, it is unknown whether the message arrives, as with [`Smtp::send`].
    pub fn send<'a>(&'a self, message: &'a Composed) -> R::Task<'a, Outcome> {
        self.deliver(message)
    }

    /// Does the same as [`send`](Self::send), for a message that is read as it is sent.
    pub fn deliver<'a, M: MailObject + 'a>(&'a self, message: M) -> R::Task<'a, Outcome> {
        R::task(async move {
            let mut sending = Sending::new(self, std::iter::once(message));
            match sending.advance().await {
                Some(sent) => sent.outcome,
                // The only message always has an end.
                None => Outcome::Deferred(Error::smtp_closed()),
            }
        })
    }

    /// Sends messages over as many connections as are allowed. [`Sending::next`] reports how each ended.
    ///
    /// Messages are taken from `messages` when it is their turn. Nothing is sent before the first `next`.
    pub fn send_all<'a, M>(
        &'a self,
        messages: impl IntoIterator<Item = M, IntoIter: Send + 'a>,
    ) -> Sending<'a, R, M>
    where
        M: MailObject + 'a,
    {
        Sending::new(self, messages.into_iter())
    }

    /// Says goodbye on the connections that wait for a message. Those in use close when their message has ended and the
    /// last clone is dropped.
    pub fn close(&self) -> R::Task<'_, ()> {
        R::task(async move {
            loop {
                let Some((lease, _)) = self.inner.idle().pop() else { return };
                lease.smtp.say_goodbye_within(GOODBYE).await;
            }
        })
    }

    /// Returns for how long nothing can be sent: the server asked for time, or the minute is full. `None` if a message
    /// can go now.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.inner.gate.quiet::<R>().or_else(|| self.inner.gate.full::<R>())
    }

    /// Returns a connection, as soon as one is allowed and the server may be sent something.
    async fn lease(&self, since: Instant) -> Result<Lease<R>, Error> {
        let inner = &self.inner;
        let mut tries = 0;
        let mut asked = R::now();
        loop {
            self.quiet(since).await?;
            let Some(seat) = self.seat_or_idle().await else {
                self.nap(asked).await?;
                continue;
            };
            let seat = match seat {
                Place::Idle(lease) => return Ok(*lease),
                Place::Seat(seat) => seat,
            };
            let error = match inner.client.open_smtp_with_token().await {
                Ok((smtp, token)) => return Ok(Lease { smtp, token, used: false, seat }),
                Err(error) => error,
            };
            let wait = self.wait_after(&error, tries);
            drop(seat);
            let is_again = inner.options.tries > 0;
            let pause = match wait {
                // The next turn of the loop waits for it.
                Some(_) if is_again || error.smtp_problem() == Some(Problem::TooManyConnections) => {
                    Duration::ZERO
                }
                None if is_again && is_passing(&error) && tries < OPENINGS => grows(tries),
                _ => return Err(error),
            };
            if !self.has_time(since, wait.unwrap_or(pause)) {
                return Err(error);
            }
            tries = tries.saturating_add(1);
            R::sleep(later(R::now(), pause)).await;
            asked = R::now();
        }
    }

    /// Waits a moment for a place that another process has. `asked` is when it was wanted first.
    async fn nap(&self, asked: Instant) -> Result<(), Error> {
        if R::now().saturating_duration_since(asked) >= self.inner.options.place_patience {
            return Err(Error::backoff_of_server(
                "other processes have all connections of the account",
                PAUSE,
            ));
        }
        R::sleep(later(R::now(), NAP)).await;
        Ok(())
    }

    /// Returns an open connection, or a place for one. `None` if other processes have all places.
    async fn seat_or_idle(&self) -> Option<Place<R>> {
        let Inner { gate, .. } = &*self.inner;
        let most = gate.most::<R>();
        let place = poll_fn(|context| {
            if let Some(lease) = self.inner.pop_idle() {
                return Poll::Ready(Some(lease));
            }
            match gate.poll_place(most, context) {
                Poll::Ready(()) => Poll::Ready(None),
                // A connection may have become free in between.
                Poll::Pending => {
                    self.inner.pop_idle().map_or(Poll::Pending, |lease| Poll::Ready(Some(lease)))
                }
            }
        });
        match place.await {
            Some(lease) => Some(Place::Idle(Box::new(lease))),
            None => gate.seat(most).map(Place::Seat),
        }
    }

    /// Waits while the server must be sent nothing.
    async fn quiet(&self, since: Instant) -> Result<(), Error> {
        while let Some(left) = self.inner.gate.quiet::<R>() {
            if !self.has_time(since, left) {
                return Err(Error::backoff_of_server("the server asked to be left alone", left));
            }
            R::sleep(later(R::now(), left)).await;
        }
        Ok(())
    }

    /// Whether a message that has waited since then may wait for so much longer.
    fn has_time(&self, since: Instant, wait: Duration) -> bool {
        R::now().saturating_duration_since(since).saturating_add(wait) <= self.inner.options.patience
    }

    /// Gives a server that has too much to do fewer connections, or time. Returns how long that takes. `None` for any
    /// other failure.
    fn wait_after(&self, error: &Error, tries: u32) -> Option<Duration> {
        let problem = error.smtp_problem();
        let hint = error.retry_after();
        let wait = match problem {
            // A connection less is the cure, unless the server names a time.
            Some(Problem::TooManyConnections) if self.inner.gate.lower::<R>() => hint.unwrap_or_default(),
            Some(Problem::TooManyConnections | Problem::Throttled { .. }) => {
                hint.unwrap_or_else(|| grows(tries))
            }
            _ if error.is_transient() => hint?,
            _ => return None,
        };
        self.inner.gate.keep_quiet::<R>(wait);
        Some(wait)
    }
}

/// Whether a connection that failed may succeed at the next try. A server that can't be reached stays so for a while.
const fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), Kind::Broken | Kind::Closed | Kind::Busy)
}

/// Returns a growing pause: a second, then twice as much each time, up to half a minute.
fn grows(tries: u32) -> Duration {
    Duration::from_secs(1_u64 << tries.min(5))
}

enum Place<R: Runtime> {
    Idle(Box<Lease<R>>),
    Seat(Seat),
}

impl<R: Runtime> Inner<R> {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Lease<R>, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the connection that was used last, if that was lately and its token is valid for a while.
    fn pop_idle(&self) -> Option<Lease<R>> {
        loop {
            let (lease, since) = self.idle().pop()?;
            let is_new = R::now().saturating_duration_since(since) <= self.options.idle;
            if is_new && !lease.is_expired() && !self.gate.is_crowded::<R>(&lease.seat) {
                return Some(lease);
            }
        }
    }

    /// Keeps a connection for the next message.
    fn give_back(&self, lease: Lease<R>) {
        self.idle().push((lease, R::now()));
        self.gate.wake();
    }
}

impl<R: Runtime> Lease<R> {
    /// Whether its token has expired: then the server may end the session at any time.
    fn is_expired(&self) -> bool {
        let end = self.token.as_ref().and_then(|token| token.expires_at);
        end.is_some_and(|end| end <= std::time::SystemTime::now())
    }
}

impl<R: Runtime> Clone for Pool<R> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<R: Runtime> fmt::Debug for Pool<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

/// How often to retry a connection that ends before it was of use.
const OPENINGS: u32 = 2;
/// How often to send a message again.
const TRIES: u32 = 3;
/// For how long nothing more is tried, if the server does not say.
const PAUSE: Duration = Duration::from_secs(60);
const CONNECTIONS: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(300);
const PLACE_PATIENCE: Duration = Duration::from_secs(300);
const IDLE: Duration = Duration::from_secs(60);
/// How long to wait for the answer to QUIT.
const GOODBYE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
