mod known;
mod news;
mod resync;
mod session;

use std::{
    future::{Future, poll_fn},
    mem,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use mailbearer_imap::session::Problem;
use mailbearer_net::{self as net, Canceller, Runtime};

pub use known::{NoPosition, Position};
pub use news::News;

use self::{
    known::Known,
    news::Pending,
    resync::{Attempt, Attempted},
    session::Listening,
};
use crate::{Client, Error, Kind};

/// How a [`Watcher`] waits. Each field's default is named with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchOptions {
    /// How long an IDLE may last before it is renewed, at most 28 minutes, because RFC 2177 asks for less than 29.
    /// Default `None`: 28 minutes, but 10 on Exchange, which silently forgets an IDLE some time after that.
    pub idle: Option<Duration>,
    /// How often to ask a server without IDLE. Default 1 minute.
    pub poll: Duration,
    /// How long to wait before the second attempt to reconnect; the first is immediate. Each further wait is twice as
    /// long, and all are shortened at random by up to a half. Default 1 second.
    pub first_wait: Duration,
    /// The longest wait between two attempts, unless the server asks for more. Default 5 minutes.
    pub longest_wait: Duration,
    /// How long a connection must last for the next attempt to count as the first again. Default 1 minute.
    pub steady: Duration,
    /// How many attempts in a row may fail before the watch fails. Default `None`: no limit.
    pub attempts: Option<u32>,
    /// Whether to report changed flags. Default true. Without, the watcher fetches a little less.
    pub flags: bool,
    /// Whether to retry a first connection that fails, as later ones are. Default false.
    pub retry: bool,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            idle: None,
            poll: Duration::from_secs(60),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(300),
            steady: Duration::from_secs(60),
            attempts: None,
            flags: true,
            retry: false,
        }
    }
}

/// A watch on a mailbox that outlives its connections, made by [`Client::watch`].
///
/// It reports what happens, by UID, and nothing twice. If a connection breaks, its token expires, or the server says
/// something that makes no sense, the watcher makes a new connection with a fresh token and finds out what happened
/// meanwhile: by QRESYNC or CONDSTORE (RFC 7162) if the server has them, else by comparing UIDs and flags. On a server
/// without IDLE it asks from time to time.
///
/// It keeps UID and flags of every message in the mailbox: an octet for each with consecutive UIDs, 5 otherwise.
pub struct Watcher<R: Runtime> {
    client: Client<R>,
    mailbox: String,
    options: WatchOptions,
    listening: Option<Listening<R>>,
    /// The attempt to make the next connection. It holds `known` and `pending` meanwhile.
    attempt: Option<Pin<Box<dyn Future<Output = Attempted<R>> + Send>>>,
    known: Known,
    pending: Pending,
    place: Position,
    /// Failed attempts in a row.
    failures: u32,
    retry_at: Option<Instant>,
    /// When the present connection was made.
    since: Instant,
    canceller: Canceller,
}

impl<R: Runtime> Watcher<R> {
    pub(crate) async fn start(
        client: Client<R>,
        mailbox: &str,
        options: WatchOptions,
        position: Option<Position>,
    ) -> Result<Self, Error> {
        let place = position.unwrap_or_default();
        let mut watcher = Self {
            client,
            mailbox: mailbox.to_owned(),
            options,
            listening: None,
            attempt: None,
            known: Known::at(place.clone()),
            pending: Pending::default(),
            place,
            failures: 0,
            retry_at: None,
            since: R::now(),
            canceller: Canceller::new(),
        };
        match watcher.connect().await {
            Ok(_) => {}
            Err(error) if options.retry => watcher.lost(error)?,
            Err(error) => return Err(error),
        }
        Ok(watcher)
    }

    /// Returns up to where news were reported. What [`next`](Self::next) returned last counts as reported.
    ///
    /// Kept beyond the end of the program, the position lets [`Client::resume_watch`] continue from there. `None`
    /// before the mailbox was opened.
    #[must_use]
    pub fn position(&self) -> Option<&Position> {
        Some(&self.place).filter(|place| place.is_known())
    }

    /// Waits for the next event, for as long as it takes.
    ///
    /// The future can be dropped at any time: the next call reports what this one did not.
    ///
    /// # Errors
    ///
    /// Fails if waiting does not help: the user is no longer let in, the mailbox is gone, or a setting is wrong. Fails
    /// after [`WatchOptions::attempts`], and if it was [cancelled](Error::is_cancelled). A later call tries again.
    pub fn next(&mut self) -> R::Task<'_, Result<News, Error>> {
        R::task(async move {
            loop {
                if let Some(news) = self.advance_or_end(None).await? {
                    return Ok(news);
                }
            }
        })
    }

    /// Waits for the next event, at most for `patience`. Returns `None` if there was none.
    ///
    /// An attempt to connect that has begun is finished first; [`Timeouts`](crate::Timeouts) limit that. Dropping the
    /// future leaves the attempt as it is, and the next call continues it.
    ///
    /// # Errors
    ///
    /// Fails as [`next`](Self::next) does.
    pub fn next_within(&mut self, patience: Duration) -> R::Task<'_, Result<Option<News>, Error>> {
        R::task(async move { self.advance_or_end(R::now().checked_add(patience)).await })
    }

    /// Ends the watch and says goodbye to the server.
    ///
    /// # Errors
    ///
    /// Fails if the connection breaks first.
    pub fn stop(self) -> R::Task<'static, Result<(), Error>> {
        R::task(async move {
            match self.listening {
                Some(listening) => listening.leave().await,
                None => Ok(()),
            }
        })
    }

    /// Continues until something happens, or until the watch is cancelled, wherever it waits.
    async fn advance_or_end(&mut self, until: Option<Instant>) -> Result<Option<News>, Error> {
        let canceller = self.canceller.clone();
        let cancelled = |_| Err(Error::imap_net(net::Error::Cancelled));
        canceller.run(self.advance(until)).await.unwrap_or_else(cancelled)
    }

    async fn advance(&mut self, until: Option<Instant>) -> Result<Option<News>, Error> {
        loop {
            if let Some(news) = self.pending.next(&self.known.view) {
                self.note(&news);
                return Ok(Some(news));
            }
            if let Some(retry_at) = self.retry_at {
                let end = until.map_or(retry_at, |until| until.min(retry_at));
                R::sleep(end).await;
                if R::now() < retry_at {
                    return Ok(None);
                }
                self.retry_at = None;
            }
            let result = match self.listening {
                Some(_) => self.listen(until).await,
                None => self.connect().await,
            };
            match result {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => self.lost(error)?,
            }
        }
    }

    /// Notes what the caller learns now.
    fn note(&mut self, news: &News) {
        match news {
            News::Arrived(summary) => self.place.told(summary.uid),
            News::Renumbered { .. } => self.place.connected(&self.known),
            _ => {}
        }
        self.catch_up();
    }

    fn catch_up(&mut self) {
        let view = &self.known.view;
        let is_known = self.listening.is_some() && view.exists() > 0 && view.unknown().is_empty();
        if self.pending.is_empty() && is_known {
            self.place.caught_up(view.highest_uid());
        }
    }

    /// Makes the next connection, or continues to.
    async fn connect(&mut self) -> Result<bool, Error> {
        let attempt = self.attempt.take().unwrap_or_else(|| {
            let attempt = Attempt {
                client: self.client.clone(),
                mailbox: self.mailbox.clone(),
                options: self.options,
                known: mem::take(&mut self.known),
                pending: mem::take(&mut self.pending),
            };
            Box::pin(attempt.run())
        });
        let attempt = self.attempt.insert(attempt);
        let Attempted { known, pending, result } = poll_fn(|context| attempt.as_mut().poll(context)).await;
        self.attempt = None;
        (self.known, self.pending) = (known, pending);
        self.listening = Some(result?);
        self.since = R::now();
        if self.pending.is_empty() {
            self.place.connected(&self.known);
        }
        Ok(true)
    }

    /// Prepares to reconnect, if that can help.
    fn lost(&mut self, error: Error) -> Result<(), Error> {
        if let Some(listening) = self.listening.take() {
            if error.needs_new_token() {
                listening.token.iter().for_each(|token| self.client.forget_token(token));
            }
            if R::now().saturating_duration_since(self.since) >= self.options.steady {
                self.failures = 0;
            }
        }
        let may_help = (error.is_transient() || error.needs_new_token()) && !error.is_auth();
        // A server that makes no sense may do so on another connection, or it is no mail server.
        let is_odd =
            error.kind() == Kind::Protocol && self.failures < ODD_ATTEMPTS && self.known.validity.is_some();
        let may_help = may_help || is_odd;
        if !may_help || self.options.attempts.is_some_and(|most| self.failures >= most) {
            return Err(error);
        }
        let mut wait = self.wait()?;
        if let Some(asked) = error.retry_after().or_else(|| usual_wait(&error)) {
            wait = wait.max(asked);
        }
        self.failures = self.failures.saturating_add(1);
        self.retry_at = R::now().checked_add(wait);
        self.pending.tell(News::Interrupted { error: Arc::new(error), retry_in: wait });
        Ok(())
    }

    /// Returns how long to wait after so many failures.
    fn wait(&self) -> Result<Duration, Error> {
        let Some(doubled) = self.failures.checked_sub(1) else { return Ok(Duration::ZERO) };
        let factor = 1_u32.checked_shl(doubled).unwrap_or(u32::MAX);
        let most = self.options.first_wait.saturating_mul(factor).min(self.options.longest_wait);
        let off = u32::from(self.client.random_octet()?);
        Ok(most.saturating_sub(most.saturating_mul(off).checked_div(512).unwrap_or_default()))
    }
}

impl<R: Runtime> Watcher<R> {
    /// Returns a handle that cancels the watch from anywhere: whatever it waits for and every later call fail with
    /// [`Error::is_cancelled`].
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }
}

/// Returns how long to wait if a server says that there is too much of something, but not for how long.
fn usual_wait(error: &Error) -> Option<Duration> {
    match error.problem()? {
        Problem::Throttled { .. } | Problem::TooManyConnections => Some(Duration::from_secs(30)),
        _ => None,
    }
}

/// How many times in a row a server may make no sense.
const ODD_ATTEMPTS: u32 = 10;
