use std::{
    borrow::Borrow,
    error, fmt,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

/// Ends every wait of its connections. It can be called from another thread, another task or a signal handler.
///
/// Clones share one state, and cancelling is final. It works on every runtime, because it only wakes.
#[derive(Clone, Default)]
pub struct Canceller {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    cancelled: AtomicBool,
    next_key: AtomicU64,
    waiting: Mutex<Vec<(u64, Waker)>>,
}

impl Canceller {
    /// Makes a canceller that belongs to no connection yet; see [`Options::canceller`](crate::Options::canceller) and
    /// [`run`](Self::run).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends all present and future waits with [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::SeqCst);
        let waiting = std::mem::take(&mut *self.shared.waiting());
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Returns whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::SeqCst)
    }

    /// Runs `operation` to its end. If this is cancelled first, drops the operation.
    ///
    /// # Errors
    ///
    /// Returns [`Cancelled`] if it was cancelled before the operation ended.
    pub async fn run<T>(&self, operation: impl Future<Output = T>) -> Result<T, Cancelled> {
        let mut operation = pin!(operation);
        let wait = Wait::new(self);
        poll_fn(|context| {
            if wait.poll_cancelled(context) {
                return Poll::Ready(Err(Cancelled));
            }
            operation.as_mut().poll(context).map(Ok)
        })
        .await
    }
}

impl fmt::Debug for Canceller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canceller").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Vec<(u64, Waker)>> {
        // Code that can panic never holds this lock halfway through a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of an operation that a [`Canceller`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is no more to it")]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl error::Error for Cancelled {}

/// The place of one task among those that a [`Canceller`] wakes.
pub(crate) struct Wait<C: Borrow<Canceller>> {
    pub(crate) canceller: C,
    key: u64,
}

impl<C: Borrow<Canceller>> Wait<C> {
    pub(crate) fn new(canceller: C) -> Self {
        let key = canceller.borrow().shared.next_key.fetch_add(1, Ordering::Relaxed);
        Self { canceller, key }
    }

    /// Returns true if it was cancelled. Otherwise the task is woken when that happens.
    pub(crate) fn poll_cancelled(&self, context: &Context<'_>) -> bool {
        let canceller = self.canceller.borrow();
        let shared = &canceller.shared;
        // If there is no other handle, nobody can cancel, and a blocking thread waits at less cost without a waker.
        if Arc::strong_count(shared) > 1 && !canceller.is_cancelled() {
            let mut waiting = shared.waiting();
            match waiting.iter_mut().find(|(key, _)| *key == self.key) {
                Some((_, waker)) => waker.clone_from(context.waker()),
                None => waiting.push((self.key, context.waker().clone())),
            }
        }
        // Checked again, because it may have been cancelled before the waker was stored.
        canceller.is_cancelled()
    }
}

impl<C: Borrow<Canceller>> Drop for Wait<C> {
    fn drop(&mut self) {
        let mut waiting = self.canceller.borrow().shared.waiting();
        if let Some(place) = waiting.iter().position(|(key, _)| *key == self.key) {
            waiting.swap_remove(place);
        }
    }
}
