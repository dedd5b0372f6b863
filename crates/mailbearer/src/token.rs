use std::{
    fmt,
    future::{Future, poll_fn},
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mailbearer_oauth::{self as oauth, Cache, Cached, Policy, Refresh, Ticket};
use mailbearer_wire::Secret;

use crate::Error;

/// An access token and what is known of it.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token: visible ASCII, fit for any SASL mechanism and header.
    pub access_token: Secret,
    /// When it runs out, by this machine's clock; `None` where the server does not say.
    pub expires_at: Option<SystemTime>,
    /// What gets the next one, where the server gave a new one with this: to be kept in place of the old.
    pub refresh_token: Option<Secret>,
    /// The scopes that were granted, where the server says so.
    pub scope: Option<String>,
}

/// The token of one account, shared by all its connections. One request is under way at a time; whoever comes
/// meanwhile waits for it.
pub(crate) struct Tokens {
    state: Mutex<State>,
}

struct State {
    cache: Cache,
    latest: Option<Token>,
    waiting: Vec<Waker>,
    failure: String,
}

/// A token to use.
pub(crate) struct Lease {
    pub(crate) token: Token,
    /// Whether it was fetched for this very use.
    pub(crate) fresh: bool,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        let cache = Cache::new(Policy::DEFAULT);
        Self { state: Mutex::new(State { cache, latest: None, waiting: Vec::new(), failure: String::new() }) }
    }

    /// The token at hand, or what `fetch` gets. `jitter` spreads the renewals.
    pub(crate) async fn lease(
        &self,
        jitter: u8,
        fetch: impl Future<Output = Result<oauth::Token, Error>>,
    ) -> Result<Lease, Error> {
        let (ticket, stale) = match self.turn().await? {
            Turn::Use(token) => return Ok(Lease { token, fresh: false }),
            Turn::Fetch { ticket, stale } => (ticket, stale),
        };
        let refresh = Refreshing { tokens: self, ticket: Some(ticket) };
        let asked_at = now();
        match (fetch.await, stale) {
            (Ok(token), _) => Ok(Lease { token: refresh.complete(token, asked_at, jitter), fresh: true }),
            // It is good for a while yet, and the next caller tries again.
            (Err(error), Some(token)) => {
                refresh.fail(&error);
                Ok(Lease { token, fresh: false })
            }
            (Err(error), None) => {
                refresh.fail(&error);
                Err(error)
            }
        }
    }

    /// Takes in a token that was fetched by someone else, or earlier.
    pub(crate) fn keep(&self, token: Token) {
        let now = now();
        let life = token.expires_at.map(|end| since_epoch(end).saturating_sub(now));
        let mut state = self.lock();
        state.cache.store(oauth::Token::new(token.access_token.clone(), life), now, 0);
        state.latest = Some(token);
    }

    /// Forgets a token that a server refused.
    pub(crate) fn forget(&self, token: &Token) {
        self.lock().cache.invalidate(&token.access_token);
    }

    /// The refresh token to use next, if the server replaced the one of the account.
    pub(crate) fn refresh_token(&self) -> Option<Secret> {
        self.lock().cache.refresh_token().cloned()
    }

    /// Waits while another fetches.
    async fn turn(&self) -> Result<Turn, Error> {
        poll_fn(|context| {
            let mut state = self.lock();
            let (stale, latest) = match state.cache.get(now()) {
                Cached::Fresh(_) => (false, state.latest.clone()),
                Cached::Stale(_) => (true, state.latest.clone()),
                Cached::Expired => (false, None),
            };
            match (state.cache.begin_refresh(now()), latest) {
                (Refresh::Begin(ticket), latest) => {
                    Poll::Ready(Ok(Turn::Fetch { ticket, stale: latest.filter(|_| stale) }))
                }
                (_, Some(token)) => Poll::Ready(Ok(Turn::Use(token))),
                (Refresh::Wait(left), None) => Poll::Ready(Err(Error::backoff(&state.failure, left))),
                (Refresh::Running | Refresh::NotNeeded, None) => {
                    state.waiting.push(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic holds the lock in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

enum Turn {
    Use(Token),
    Fetch {
        ticket: Ticket,
        /// What can be used if the refresh fails.
        stale: Option<Token>,
    },
}

/// The right to fetch; gives it back and wakes the others however it ends, also when its future is dropped.
struct Refreshing<'a> {
    tokens: &'a Tokens,
    ticket: Option<Ticket>,
}

impl Refreshing<'_> {
    fn complete(mut self, token: oauth::Token, asked_at: Duration, jitter: u8) -> Token {
        let mut state = self.tokens.lock();
        let latest = Token {
            access_token: token.access_token.clone(),
            expires_at: token.expires_in.and_then(|life| UNIX_EPOCH.checked_add(asked_at)?.checked_add(life)),
            refresh_token: token.refresh_token.clone(),
            scope: token.scope.clone(),
        };
        state.latest = Some(latest.clone());
        if let Some(ticket) = self.ticket.take() {
            state.cache.complete(ticket, token, asked_at, jitter);
        }
        latest
    }

    fn fail(mut self, error: &Error) {
        let mut state = self.tokens.lock();
        state.failure = error.to_string();
        if let Some(ticket) = self.ticket.take() {
            state.cache.fail(ticket, now(), error.retry_after());
        }
    }
}

impl Drop for Refreshing<'_> {
    fn drop(&mut self) {
        let mut state = self.tokens.lock();
        if let Some(ticket) = self.ticket.take() {
            state.cache.cancel(ticket);
        }
        state.waiting.drain(..).for_each(Waker::wake);
    }
}

fn now() -> Duration {
    since_epoch(SystemTime::now())
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}
