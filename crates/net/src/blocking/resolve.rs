use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    thread,
};

/// A look-up of a name. The standard library's look-up has no time limit, so it runs in a thread that may be left
/// behind.
pub(super) struct LookUp {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    found: Option<io::Result<Vec<SocketAddr>>>,
    waker: Option<Waker>,
}

impl LookUp {
    pub(super) fn new(host: &str, port: u16) -> io::Result<Self> {
        let state = Arc::<Mutex<State>>::default();
        if let Ok(address) = host.parse() {
            lock(&state).found = Some(Ok(vec![SocketAddr::new(address, port)]));
            return Ok(Self { state });
        }
        let (theirs, host) = (Arc::clone(&state), host.to_owned());
        thread::Builder::new().name("look-up".into()).spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
            let mut state = lock(&theirs);
            state.found = Some(found);
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
        })?;
        Ok(Self { state })
    }

    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<io::Result<Vec<SocketAddr>>> {
        let mut state = lock(&self.state);
        if let Some(found) = state.found.take() {
            return Poll::Ready(found);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    // Code that can panic never holds this lock halfway through a change.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
