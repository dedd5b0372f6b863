use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use mailbearer_oauth::{InvalidRedirect, Redirect, RedirectCheck};

/// Takes the address at which a browser ended, from wherever a person pastes it: another thread or another task.
///
/// All clones are the same handle. A login goes on if it is dropped or never used.
#[derive(Clone, Debug)]
pub struct Pasting {
    check: RedirectCheck,
    implicit: bool,
    desk: Arc<Desk>,
}

/// What became of a pasted address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pasted {
    /// It is the login's answer, and the login continues with it.
    Taken,
    /// It is the login's answer, but another one came before.
    Late,
    /// It is another address. The login waits on.
    Wrong(InvalidRedirect),
}

impl Pasting {
    pub(super) fn new(check: RedirectCheck, implicit: bool) -> Self {
        Self { check, implicit, desk: Arc::default() }
    }

    /// Takes an address, as a whole or from its `?` or `#` on, with or without white space in it.
    pub fn paste(&self, address: &str) -> Pasted {
        let redirect = match self.check.pasted(address) {
            // The implicit grant alone puts a token into the address, and no code.
            Ok(Redirect::Token(_)) if !self.implicit => {
                return Pasted::Wrong(InvalidRedirect::Malformed("it has a token in place of a code"));
            }
            Ok(Redirect::Code(_)) if self.implicit => {
                return Pasted::Wrong(InvalidRedirect::Malformed("it has a code in place of a token"));
            }
            Ok(redirect) => redirect,
            Err(invalid) => return Pasted::Wrong(invalid),
        };
        let mut state = self.desk.lock();
        if std::mem::replace(&mut state.taken, true) {
            return Pasted::Late;
        }
        state.redirect = Some(redirect);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
        Pasted::Taken
    }

    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Redirect> {
        let mut state = self.desk.lock();
        match state.redirect.take() {
            Some(redirect) => Poll::Ready(redirect),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Accepts no more. Returns false if one was accepted already.
    pub(super) fn close(&self) -> bool {
        !std::mem::replace(&mut self.desk.lock().taken, true)
    }
}

/// Holds a pasted address until the login takes it.
#[derive(Debug, Default)]
struct Desk {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: bool,
    redirect: Option<Redirect>,
    waker: Option<Waker>,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
