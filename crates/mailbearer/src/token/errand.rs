//! Waits for what no runtime can wait for: the lock of a file, a keyring.

use std::{
    future::poll_fn,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Poll, Waker},
    thread,
};

/// Does `work` in a thread of its own, so that no other task has to wait for it. Returns its result.
///
/// # Errors
///
/// Fails if no thread can be started.
pub(super) async fn run<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(&Caller<T>) -> T + Send + 'static,
) -> io::Result<T> {
    let desk = Arc::new(Desk { state: Mutex::new(State { result: None, waker: None }) });
    let caller = Caller(Arc::downgrade(&desk));
    thread::Builder::new().name(name.into()).spawn(move || {
        let result = work(&caller);
        if let Some(desk) = caller.0.upgrade() {
            let mut state = desk.state();
            state.result = Some(result);
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
        }
    })?;
    let result = poll_fn(|context| {
        let mut state = desk.state();
        match state.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    });
    Ok(result.await)
}

/// The caller that waits for the thread.
pub(super) struct Caller<T>(Weak<Desk<T>>);

impl<T> Caller<T> {
    /// Whether nobody waits any more, because the future was dropped.
    pub(super) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

/// Holds the result.
struct Desk<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    result: Option<T>,
    waker: Option<Waker>,
}

impl<T> Desk<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
