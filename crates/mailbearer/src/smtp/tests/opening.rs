//! The time for the way in, by a clock that can be moved on.

use std::{cell::Cell, io, net::SocketAddr, time::Instant};

use mailbearer_net::Timer;

use super::*;
use crate::Login;

/// The way in ends with the login, or at once where there is none: a session may be used long after.
#[test]
fn a_session_outlives_the_time_for_the_way_in() {
    let (mock, client) = start();
    let mail = message(&client, "ann@mail.test", "late");
    let mut open = client.account().clone();
    open.login = Login::Nothing;
    for account in [client.account(), &open] {
        let client: crate::Client<Later> = crate::Client::new(account.clone()).unwrap();
        let mut smtp = client.connect_smtp().unwrap();
        let first = smtp.send(&mail);
        LATER.set(LATER.get().saturating_add(Duration::from_secs(86_400)));
        let second = smtp.send(&mail);
        for sent in [first, second] {
            let refused = sent.as_ref().is_err_and(Error::is_auth);
            assert!(sent.is_ok() || (refused && matches!(account.login, Login::Nothing)), "{sent:?}");
        }
    }
    assert_eq!(arrived(&mock).len(), 2);
}

thread_local! {
    /// How far the clock was moved on.
    static LATER: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// [`Blocking`] with that clock.
enum Later {}

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

struct Alarm(<Blocking as Runtime>::Timer);

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
