//! A clock that tests move on.

use std::{
    cell::Cell,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use mailbearer_net::{Blocking, Runtime, Timer};

thread_local! {
    /// How far the clock was moved on.
    static LATER: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Moves this thread's clock on.
pub(crate) fn pass(time: Duration) {
    LATER.set(passed().checked_add(time).unwrap());
}

/// Returns how far this thread's clock was moved on.
pub(crate) fn passed() -> Duration {
    LATER.get()
}

/// [`Blocking`] with that clock.
pub(crate) enum Later {}

impl Runtime for Later {
    type Socket = <Blocking as Runtime>::Socket;
    type Listener = <Blocking as Runtime>::Listener;
    type Timer = Alarm;
    type Task<'a, T: 'a> = T;

    fn task<'a, T: Send + 'a>(operation: impl Future<Output = T> + Send + 'a) -> T {
        Blocking::task(operation)
    }

    fn now() -> Instant {
        Instant::now().checked_add(LATER.get()).unwrap()
    }

    fn timer(at: Instant) -> Alarm {
        Alarm(Blocking::timer(really(at)))
    }

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Blocking::resolve(host, port).await
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Socket> {
        Blocking::connect(address).await
    }

    fn listen(address: SocketAddr) -> io::Result<Self::Listener> {
        Blocking::listen(address)
    }
}

pub(crate) struct Alarm(<Blocking as Runtime>::Timer);

impl Timer for Alarm {
    fn reset(&mut self, at: Instant) {
        self.0.reset(really(at));
    }

    fn poll_expired(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        self.0.poll_expired(context)
    }
}

/// When that is by the clock of the machine.
fn really(at: Instant) -> Instant {
    at.checked_sub(LATER.get()).unwrap_or_else(Instant::now)
}
