use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use mailbearer_net::Runtime;

use super::{
    PoolOptions,
    book::{Book, millis},
};

/// Decides who may connect, and when the next message may be sent.
pub(super) struct Gate {
    connections: usize,
    messages_per_minute: Option<usize>,
    began: Instant,
    state: Mutex<State>,
    #[cfg(feature = "file-store")]
    host: Option<super::host::Host>,
}

#[derive(Default)]
struct State {
    open: usize,
    /// Of this pool only. Used if no file has a book.
    book: Book,
    waiting: Vec<Waker>,
}

/// A place for a connection.
pub(super) struct Seat {
    gate: Arc<Gate>,
    /// Its number among the places of the host, from 1 on. If the process ends, in whatever way, the system unlocks its
    /// file.
    #[cfg(feature = "file-store")]
    held: Option<(usize, std::fs::File)>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.open = state.open.saturating_sub(1);
        state.waiting.drain(..).for_each(Waker::wake);
    }
}

/// A message that was counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Permit(Option<u64>);

impl Gate {
    pub(super) fn new(options: &PoolOptions, now: Instant, host: &str, user: &str) -> Self {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        #[cfg(not(feature = "file-store"))]
        let _ = (host, user);
        Self {
            connections: count(options.connections.max(1)),
            messages_per_minute: options.messages_per_minute.map(count),
            began: now,
            state: Mutex::default(),
            #[cfg(feature = "file-store")]
            host: options.folder.as_deref().map(|folder| super::host::Host::new(folder, host, user)),
        }
    }

    /// Returns the most connections that are ever allowed.
    pub(super) const fn connections(&self) -> usize {
        self.connections
    }

    /// Returns how many connections are allowed now.
    pub(super) fn most<R: Runtime>(&self) -> usize {
        self.book::<R, _>(|book, now| book.most(now, self.connections))
    }

    /// Takes a place for a connection, if this process has fewer than `most`.
    pub(super) fn poll_place(&self, most: usize, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.open < most {
            state.open = state.open.saturating_add(1);
            return Poll::Ready(());
        }
        state.waiting.push(context.waker().clone());
        Poll::Pending
    }

    /// Turns a place that was taken into a seat. `None` if other processes have all seats.
    pub(super) fn seat(self: &Arc<Self>, most: usize) -> Option<Seat> {
        #[cfg(not(feature = "file-store"))]
        let _ = most;
        #[cfg_attr(not(feature = "file-store"), expect(unused_mut, reason = "the file is filled in"))]
        let mut seat = Seat {
            gate: Arc::clone(self),
            #[cfg(feature = "file-store")]
            held: None,
        };
        #[cfg(feature = "file-store")]
        // If the folder can't be used, this pool counts by itself: mail matters more.
        if let Some(Ok(held)) = self.host.as_ref().map(|host| host.seat(most)) {
            seat.held = Some(held?);
        }
        Some(seat)
    }

    /// Counts one more message. If that exceeds the limit, returns how long to wait.
    pub(super) fn try_permit<R: Runtime>(&self) -> Result<Permit, Duration> {
        let Some(limit) = self.messages_per_minute else { return Ok(Permit(None)) };
        let permit = self.book::<R, _>(|book, now| book.permit(now, limit));
        permit.map(|stamp| Permit(Some(stamp)))
    }

    /// Returns how long to wait until one more message is allowed. `None` if one is allowed now.
    pub(super) fn full<R: Runtime>(&self) -> Option<Duration> {
        let limit = self.messages_per_minute?;
        self.book::<R, _>(|book, now| book.full(now, limit))
    }

    /// Waits until one more message is allowed, and counts it.
    pub(super) async fn permit<R: Runtime>(&self) -> Permit {
        loop {
            match self.try_permit::<R>() {
                Ok(permit) => return permit,
                Err(wait) => R::sleep(later(R::now(), wait)).await,
            }
        }
    }

    /// Notes that a message is complete: the server counts it now at the latest.
    pub(super) fn sent<R: Runtime>(&self, permit: Permit) {
        if let Permit(Some(stamp)) = permit {
            self.book::<R, _>(|book, now| book.renew(stamp, now));
        }
    }

    /// Notes that a message was not sent.
    pub(super) fn take_back<R: Runtime>(&self, permit: Permit) {
        if let Permit(Some(stamp)) = permit {
            self.book::<R, _>(|book, _| book.take_back(stamp));
        }
    }

    /// Returns how long the server must still be sent nothing.
    pub(super) fn quiet<R: Runtime>(&self) -> Option<Duration> {
        self.book::<R, _>(|book, now| book.quiet(now))
    }

    /// Sends the server nothing for this long.
    pub(super) fn keep_quiet<R: Runtime>(&self, wait: Duration) {
        self.book::<R, _>(|book, now| book.keep_quiet(now, wait));
    }

    /// Allows fewer connections for a while, for all processes of the host, because the server accepts no more. Returns
    /// whether there are others, one of which may end soon.
    pub(super) fn lower<R: Runtime>(&self) -> bool {
        let (open, most) = (self.open(), self.most::<R>());
        self.book::<R, _>(|book, now| book.lower(now, open.min(most)));
        open > 1
    }

    /// As [`lower`](Self::lower), for a caller without a connection in this pool.
    pub(super) fn lower_by_one<R: Runtime>(&self) {
        let most = self.most::<R>();
        self.book::<R, _>(|book, now| book.lower(now, most));
    }

    /// Returns how many connections all processes of the host have open, or this pool if nothing is shared.
    fn open(&self) -> usize {
        let own = self.state().open;
        #[cfg(feature = "file-store")]
        if let Some(Ok(taken)) = self.host.as_ref().map(|host| host.taken(self.connections)) {
            return taken.max(own);
        }
        own
    }

    /// Whether this connection is one too many now.
    pub(super) fn is_crowded<R: Runtime>(&self, seat: &Seat) -> bool {
        let most = self.most::<R>();
        #[cfg(feature = "file-store")]
        if let Some((number, _)) = &seat.held {
            return *number > most;
        }
        #[cfg(not(feature = "file-store"))]
        let _ = seat;
        self.state().open > most
    }

    /// Wakes all that wait for a connection.
    pub(super) fn wake(&self) {
        self.state().waiting.drain(..).for_each(Waker::wake);
    }

    /// Reads or changes the book of all processes of the host, or that of this pool if there is none. If the folder
    /// can't be used, it is that of this pool too: mail should go out even if others do not know.
    fn book<R: Runtime, T>(&self, look: impl Fn(&mut Book, u64) -> T) -> T {
        #[cfg(feature = "file-store")]
        if let Some(Ok(seen)) = self.host.as_ref().map(|host| host.update(&look)) {
            return seen;
        }
        let now = millis(R::now().saturating_duration_since(self.began));
        look(&mut self.state().book, now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Code that can panic never holds this lock halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn later(now: Instant, by: Duration) -> Instant {
    now.checked_add(by).unwrap_or(now)
}

/// How long it may take to notice a place that another process left.
pub(super) const NAP: Duration = Duration::from_millis(50);
