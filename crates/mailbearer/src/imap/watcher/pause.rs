//! Waiting without a connection to wait on: a thread that sleeps and wakes the task, whatever runs it.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread,
    time::Instant,
};

use mailbearer_net as net;

use crate::Error;

/// Ends a watch from another thread.
#[derive(Debug)]
pub struct WatchCanceller(Arc<Stop>);

impl WatchCanceller {
    pub(super) const fn new(stop: Arc<Stop>) -> Self {
        Self(stop)
    }

    /// Cuts the connection, and the wait for the next one.
    pub fn cancel(&self) {
        let mut state = self.0.lock();
        state.cancelled = true;
        if let Some(socket) = &state.socket {
            socket.cancel();
        }
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        drop(state);
        self.0.changed.notify_all();
    }
}

/// Whether a watch is to end, and what it waits on.
#[derive(Debug, Default)]
pub(super) struct Stop {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    cancelled: bool,
    socket: Option<net::Canceller>,
    /// Who waits for the end of a pause.
    waker: Option<Waker>,
    /// Counts the pauses, so that the thread of one that is over ends.
    pause: u64,
}

impl Stop {
    /// # Errors
    ///
    /// Fails if the watch was cancelled.
    pub(super) fn check(&self) -> Result<(), Error> {
        if !self.lock().cancelled {
            return Ok(());
        }
        Err(Error::imap_net(net::Error::Io(io::Error::new(io::ErrorKind::ConnectionAborted, "cancelled"))))
    }

    /// Remembers how the connection in use is cut.
    pub(super) fn set_socket(&self, socket: Option<net::Canceller>) {
        self.lock().socket = socket;
    }

    /// Waits until then, or until the watch is cancelled.
    ///
    /// # Errors
    ///
    /// Fails if the system gives no thread.
    pub(super) async fn pause(self: &Arc<Self>, until: Instant) -> Result<(), Error> {
        Pause { stop: Arc::clone(self), until, thread: None }
            .await
            .map_err(|error| Error::imap_net(net::Error::Io(error)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic holds the lock in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Pause {
    stop: Arc<Stop>,
    until: Instant,
    /// Number of the pause that a thread sleeps for.
    thread: Option<u64>,
}

impl Future for Pause {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stop = Arc::clone(&self.stop);
        let mut state = stop.lock();
        if state.cancelled || Instant::now() >= self.until {
            return Poll::Ready(Ok(()));
        }
        state.waker = Some(context.waker().clone());
        if self.thread.is_none() {
            state.pause = state.pause.wrapping_add(1);
            let (number, until, stop) = (state.pause, self.until, Arc::clone(&self.stop));
            thread::Builder::new().spawn(move || sleep(&stop, number, until))?;
            self.thread = Some(number);
        }
        Poll::Pending
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if self.thread.is_some() {
            let mut state = self.stop.lock();
            state.pause = state.pause.wrapping_add(1);
            state.waker = None;
            drop(state);
            self.stop.changed.notify_all();
        }
    }
}

/// Wakes who waits when the time is over; ends before if nobody waits any more.
fn sleep(stop: &Stop, number: u64, until: Instant) {
    let mut state = stop.lock();
    while state.pause == number && !state.cancelled {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
            return;
        }
        (state, _) = stop.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mailbearer_net::{Blocking, Runtime};

    use super::*;

    #[test]
    fn a_pause_ends_by_its_time_by_cancelling_and_by_being_dropped() {
        let stop = Arc::<Stop>::default();
        let soon = Instant::now() + Duration::from_millis(5);
        Blocking::task(stop.pause(soon)).unwrap();
        assert!(Instant::now() >= soon && stop.check().is_ok());

        let far = Instant::now() + Duration::from_secs(3600);
        let mut dropped = Box::pin(stop.pause(far));
        assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(dropped);
        // The thread of the pause holds one.
        while Arc::strong_count(&stop) > 1 {
            thread::yield_now();
        }
        let canceller = WatchCanceller::new(Arc::clone(&stop));
        let cancelling = thread::spawn(move || canceller.cancel());
        Blocking::task(stop.pause(far)).unwrap();
        assert!(stop.check().unwrap_err().is_cancelled());
        cancelling.join().unwrap();
    }
}
