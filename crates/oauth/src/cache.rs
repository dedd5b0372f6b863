use core::time::Duration;

use mailbearer_wire::Secret;

use crate::Token;

/// Keeps the token of one account, and says when to get another; without I/O, clock or threads.
///
/// Time is an argument of every method: the time since any fixed moment, such as the Unix epoch or the start of
/// the program. It may step back; the cache then gets a new token early, and does not use an old one for
/// longer.
///
/// # The contract
///
/// Tasks that share an account share one cache behind a lock, and hold the lock for these calls, not while they
/// talk to the server. To get a token, one calls [`get`](Self::get):
///
/// - [`Cached::Fresh`]: use it.
/// - [`Cached::Stale`]: call [`begin_refresh`](Self::begin_refresh). With a [`Ticket`] get a new one; without,
///   use the stale one, which is still good.
/// - [`Cached::Expired`]: call [`begin_refresh`](Self::begin_refresh). With a [`Ticket`] get a new one; on
///   [`Refresh::Running`] sleep until another task has finished, then start over; on [`Refresh::Wait`] report
///   the last error.
///
/// The holder of a ticket calls [`complete`](Self::complete), [`fail`](Self::fail) or [`cancel`](Self::cancel)
/// with it and wakes the others. One that is killed before that blocks the others no longer than
/// [`Policy::lease`]: a sleeper wakes up by then and starts over.
///
/// A mail server that refuses the token is a reason to [`invalidate`](Self::invalidate) it and start over,
/// once: if the next one is refused too, the token is not what is wrong.
///
/// ```
/// use core::time::Duration;
/// use mailbearer_oauth::{Cache, Cached, Policy, Refresh};
/// # use mailbearer_oauth::{Limits, Token, http::Response};
/// # let body = br#"{"token_type":"Bearer","expires_in":3600,"access_token":"t"}"#;
/// # let response = Response::new(200, body.to_vec().into());
/// # let token = Token::from_response(&response, &Limits::DEFAULT).unwrap();
///
/// let at = Duration::from_secs;
/// let mut cache = Cache::new(Policy::default());
/// assert!(matches!(cache.get(at(0)), Cached::Expired));
/// let Refresh::Begin(ticket) = cache.begin_refresh(at(0)) else { panic!("nobody else is at it") };
/// assert!(matches!(cache.begin_refresh(at(1)), Refresh::Running));
/// cache.complete(ticket, token, at(1), 0);
/// assert!(matches!(cache.get(at(1)), Cached::Fresh(_)));
/// assert!(matches!(cache.get(at(3302)), Cached::Stale(_)));
/// assert!(matches!(cache.get(at(3601)), Cached::Expired));
/// ```
#[derive(Clone, Debug)]
pub struct Cache {
    policy: Policy,
    held: Option<Held>,
    refresh_token: Option<Secret>,
    running: Option<Running>,
    failed: Option<Failed>,
    /// The last ticket that was given out.
    tickets: u64,
    /// The last ticket that brought a token.
    completed: u64,
}

/// When a [`Cache`] asks for another token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// How long before its end a token is stale, if that is not more than a tenth of its life. A random part of
    /// as much again comes on top. Default 5 minutes.
    pub margin: Duration,
    /// After how long a token is stale that came without a life. Default 1 hour.
    pub assumed_life: Duration,
    /// How long one refresh keeps others from beginning. Default 2 minutes.
    pub lease: Duration,
    /// How long to wait after the first failure; it doubles with each that follows. Default 1 second.
    pub first_backoff: Duration,
    /// How long to wait after a failure at most, unless the server asks for more. Default 5 minutes.
    pub max_backoff: Duration,
}

impl Policy {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        margin: Duration::from_secs(300),
        assumed_life: Duration::from_secs(3600),
        lease: Duration::from_secs(120),
        first_backoff: Duration::from_secs(1),
        max_backoff: Duration::from_secs(300),
    };
}

impl Default for Policy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[derive(Clone, Debug)]
struct Held {
    token: Secret,
    since: Duration,
    stale_at: Duration,
    /// `None` where the server does not say.
    expires_at: Option<Duration>,
}

#[derive(Clone, Debug)]
struct Running {
    ticket: u64,
    since: Duration,
}

#[derive(Clone, Debug)]
struct Failed {
    at: Duration,
    wait: Duration,
    /// What to wait after the next failure.
    next: Duration,
}

/// What a [`Cache`] holds.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a token is fresh, stale or gone")]
pub enum Cached<'a> {
    /// A token to use.
    Fresh(&'a Secret),
    /// A token that is still good, and due for a refresh.
    Stale(&'a Secret),
    /// No token that could be used.
    Expired,
}

/// Whether the caller is to get a new token.
#[derive(Debug)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "a caller has to treat every answer")]
pub enum Refresh {
    /// Yes, and nobody else until [`Cache::complete`] or [`Cache::fail`].
    Begin(Ticket),
    /// No, another is at it.
    Running,
    /// No, it failed and this long is to pass before the next try.
    Wait(Duration),
    /// No, there is a fresh one: another was faster.
    NotNeeded,
}

/// The right to get a new token.
#[derive(Debug)]
pub struct Ticket(u64);

impl Cache {
    /// An empty cache.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            held: None,
            refresh_token: None,
            running: None,
            failed: None,
            tickets: 0,
            completed: 0,
        }
    }

    /// Returns what the cache holds at the time `now`.
    #[must_use]
    pub fn get(&self, now: Duration) -> Cached<'_> {
        match &self.held {
            Some(held) if held.expires_at.is_some_and(|end| end <= now) => Cached::Expired,
            // Before `since` the clock was set back, and how old the token is nobody knows.
            Some(held) if now < held.since || held.stale_at <= now => Cached::Stale(&held.token),
            Some(held) => Cached::Fresh(&held.token),
            None => Cached::Expired,
        }
    }

    /// Asks to be the one who gets a new token.
    pub fn begin_refresh(&mut self, now: Duration) -> Refresh {
        if matches!(self.get(now), Cached::Fresh(_)) {
            return Refresh::NotNeeded;
        }
        if let Some(running) = &mut self.running {
            // The lease of a clock that was set back starts again; else it could last for ever.
            running.since = running.since.min(now);
            if now.saturating_sub(running.since) < self.policy.lease {
                return Refresh::Running;
            }
        }
        if let Some(failed) = self.failed.as_ref().filter(|failed| failed.at <= now) {
            let left = failed.at.saturating_add(failed.wait).saturating_sub(now);
            if !left.is_zero() {
                return Refresh::Wait(left);
            }
        }
        self.tickets = self.tickets.wrapping_add(1);
        self.running = Some(Running { ticket: self.tickets, since: now });
        Refresh::Begin(Ticket(self.tickets))
    }

    /// Keeps a new token, which was asked for at or after the time `asked_at`. `jitter` is a random octet:
    /// it spreads the refreshes of accounts that started together.
    ///
    /// Takes a ticket whose lease has passed too, unless a later one brought a token: its token is good,
    /// and its refresh token may be the only one that still is.
    pub fn complete(&mut self, ticket: Ticket, token: Token, asked_at: Duration, jitter: u8) {
        if self.finish(&ticket) {
            self.completed = ticket.0;
            self.store(token, asked_at, jitter);
        }
    }

    /// Keeps a token that nobody held a ticket for, such as one from a file.
    pub fn store(&mut self, token: Token, asked_at: Duration, jitter: u8) {
        let Token { access_token, expires_in, refresh_token, .. } = token;
        let stale_after = match expires_in {
            Some(life) => {
                let part = |whole: Duration, of: u32| whole.checked_div(of).unwrap_or_default();
                let margin = self.policy.margin.min(part(life, 10));
                let jitter = part(margin.saturating_mul(jitter.into()), 256);
                life.saturating_sub(margin).saturating_sub(jitter)
            }
            None => self.policy.assumed_life,
        };
        self.held = Some(Held {
            token: access_token,
            since: asked_at,
            stale_at: asked_at.saturating_add(stale_after),
            expires_at: expires_in.map(|life| asked_at.saturating_add(life)),
        });
        if refresh_token.is_some() {
            self.refresh_token = refresh_token;
        }
        self.failed = None;
    }

    /// Gives the ticket back without a token. The next refresh can begin after a wait, which grows with each
    /// failure, and is at least `retry_after` ([`Error::retry_after`](crate::Error::retry_after)).
    pub fn fail(&mut self, ticket: Ticket, now: Duration, retry_after: Option<Duration>) {
        if !self.finish(&ticket) {
            return;
        }
        let backoff = self.failed.as_ref().map_or(self.policy.first_backoff, |failed| failed.next);
        let backoff = backoff.min(self.policy.max_backoff);
        let wait = retry_after.unwrap_or_default().max(backoff);
        self.failed = Some(Failed { at: now, wait, next: backoff.saturating_mul(2) });
    }

    /// Gives the ticket back as if the refresh had not begun, for a caller that was stopped.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.finish(&ticket);
    }

    /// Forgets the token that a server refused, if it is the one that is held: a refusal that comes late does
    /// no harm to a newer one.
    pub fn invalidate(&mut self, token: &Secret) {
        if self.held.as_ref().is_some_and(|held| held.token.expose() == token.expose()) {
            self.held = None;
        }
    }

    /// What gets the next token: the last one that a server gave, or that was set.
    #[must_use]
    pub const fn refresh_token(&self) -> Option<&Secret> {
        self.refresh_token.as_ref()
    }

    /// Sets what gets the next token, such as what was kept in a file.
    pub fn set_refresh_token(&mut self, refresh_token: impl Into<Secret>) {
        self.refresh_token = Some(refresh_token.into());
    }

    /// Whether the ticket counts: no later one brought a token.
    fn finish(&mut self, ticket: &Ticket) -> bool {
        if self.running.as_ref().is_some_and(|running| running.ticket == ticket.0) {
            self.running = None;
        }
        ticket.0 > self.completed
    }
}

#[cfg(test)]
mod tests;
