use std::{
    fmt,
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mailbearer_oauth::{self as oauth, Cache, Cached, Policy, Refresh, Ticket};
use mailbearer_wire::Secret;

use super::{
    Fetch, Keep, Kept, Token,
    keeper::{Found, Unsaved},
};
use crate::Error;

/// The token of one account, shared by all its connections. Only one request is in progress at a time; other callers
/// wait for its result.
pub(crate) struct Tokens {
    state: Mutex<State>,
}

struct State {
    cache: Cache,
    latest: Option<Token>,
    /// The last token that a server refused.
    refused: Option<Token>,
    /// What was requested but could not be kept.
    unsaved: Option<Kept>,
    waiting: Vec<Waker>,
    failure: String,
}

/// A token to use.
pub(crate) struct Lease {
    pub(crate) token: Token,
    /// Whether it was requested just now: if a server refuses it, it would refuse the next one too.
    pub(crate) fresh: bool,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                cache: Cache::new(Policy::DEFAULT),
                latest: None,
                refused: None,
                unsaved: None,
                waiting: Vec::new(),
                failure: String::new(),
            }),
        }
    }

    /// Returns the present token, or the kept one, or what `fetch` gets with a refresh token. `jitter` spreads the
    /// renewals.
    pub(crate) async fn lease<'a>(
        &self,
        jitter: u8,
        keeper: Option<&'a dyn Keep>,
        fetch: Fetch<'a>,
    ) -> Result<Lease, Error> {
        let (ticket, stale) = match self.turn().await? {
            Turn::Use(lease) => return Ok(lease),
            Turn::Fetch { ticket, stale } => (ticket, stale),
        };
        let refresh = Refreshing { tokens: self, ticket: Some(ticket) };
        let (refused, unsaved, refresh_token) = {
            let state = self.lock();
            (state.refused.clone(), state.unsaved.clone(), state.cache.refresh_token().cloned())
        };
        let found = match keeper {
            None => {
                let asked_at = SystemTime::now();
                let fetched = fetch(refresh_token).await;
                fetched.map(|token| Found::Fetched { token, asked_at }).map_err(Unsaved::from)
            }
            Some(keeper) => keeper.renew(refused, unsaved, fetch).await,
        };
        match (found, stale) {
            (Ok(Found::Fetched { token, asked_at }), _) => {
                Ok(Lease { token: refresh.complete(token, since_epoch(asked_at), jitter), fresh: true })
            }
            (Ok(Found::Kept(token)), _) => {
                refresh.keep(token.clone());
                Ok(Lease { token, fresh: false })
            }
            // The token is valid for a while, and the next caller tries again.
            (Err(Unsaved { error, kept: None }), Some(token)) => {
                refresh.fail(&error, None);
                Ok(Lease { token, fresh: false })
            }
            (Err(Unsaved { error, kept }), _) => {
                refresh.fail(&error, kept);
                Err(error)
            }
        }
    }

    /// Keeps a token that was fetched elsewhere or earlier.
    pub(crate) fn keep(&self, token: Token) {
        let now = now();
        let life = token.expires_at.map(|end| since_epoch(end).saturating_sub(now));
        let mut state = self.lock();
        state.cache.store(oauth::Token::new(token.access_token.clone(), life), now, 0);
        state.latest = Some(token);
    }

    /// Keeps what a login brought, in place of everything before it.
    pub(crate) fn logged_in(&self, token: oauth::Token, asked_at: SystemTime) -> Token {
        let mut state = self.lock();
        state.cache = Cache::new(Policy::DEFAULT);
        let latest = shown(&token, since_epoch(asked_at));
        state.cache.store(token, since_epoch(asked_at), 0);
        state.latest = Some(latest.clone());
        (state.refused, state.unsaved) = (None, None);
        latest
    }

    /// Returns the refresh token in memory.
    pub(crate) fn refresh_token(&self) -> Option<Secret> {
        self.lock().cache.refresh_token().cloned()
    }

    /// Forgets everything.
    pub(crate) fn log_out(&self) {
        let mut state = self.lock();
        state.cache = Cache::new(Policy::DEFAULT);
        (state.latest, state.refused, state.unsaved) = (None, None, None);
    }

    /// Forgets a token that a server refused.
    pub(crate) fn forget(&self, token: &Token) {
        let mut state = self.lock();
        state.cache.invalidate(&token.access_token);
        state.refused = Some(token.clone());
    }

    /// Waits while another caller fetches.
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
                (_, Some(token)) => Poll::Ready(Ok(Turn::Use(Lease { token, fresh: false }))),
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
        // Code that can panic never holds this lock halfway through a change.
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
    Use(Lease),
    Fetch {
        ticket: Ticket,
        /// The token to use if the renewal fails.
        stale: Option<Token>,
    },
}

/// The right to fetch. However that ends, also if its future is dropped, it is given back and wakes the others.
struct Refreshing<'a> {
    tokens: &'a Tokens,
    ticket: Option<Ticket>,
}

impl Refreshing<'_> {
    fn complete(mut self, token: oauth::Token, asked_at: Duration, jitter: u8) -> Token {
        let mut state = self.tokens.lock();
        let latest = shown(&token, asked_at);
        state.latest = Some(latest.clone());
        state.unsaved = None;
        if let Some(ticket) = self.ticket.take() {
            state.cache.complete(ticket, token, asked_at, jitter);
        }
        latest
    }

    /// Keeps a token from the store.
    fn keep(self, token: Token) {
        self.tokens.lock().unsaved = None;
        self.tokens.keep(token);
    }

    fn fail(mut self, error: &Error, unsaved: Option<Kept>) {
        let mut state = self.tokens.lock();
        state.failure = error.to_string();
        state.unsaved = unsaved;
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

/// Makes the token that callers see, of one that was requested at `asked_at`.
fn shown(token: &oauth::Token, asked_at: Duration) -> Token {
    let end = token.expires_in.and_then(|life| UNIX_EPOCH.checked_add(asked_at)?.checked_add(life));
    Token {
        refresh_token: token.refresh_token.clone(),
        scope: token.scope.clone(),
        ..Token::new(token.access_token.clone(), end)
    }
}

fn now() -> Duration {
    since_epoch(SystemTime::now())
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}
