//! Tests of time that do not wait: the clock of this runtime jumps to the next event.

#![expect(clippy::arithmetic_side_effects, reason = "the sums of a simulation are small")]

use std::{
    cell::Cell,
    collections::VecDeque,
    future::poll_fn,
    net::SocketAddr,
    pin::pin,
    sync::OnceLock,
    task::{Context, Poll, Waker},
    time::Instant,
};

use super::*;
use crate::{Interest, Listener, Socket, Timer};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A peer that sends `what` once in every `every`, for ever.
pub(super) fn drip(what: &'static str, every: Duration) -> Script {
    Script { again: Some((every, what)), ..Script::default() }
}

/// A peer that sends these, each so long after the one before, and is silent then.
pub(super) fn script(first: &[(u64, &'static str)]) -> Script {
    let first = first.iter().map(|(after, what)| (SECOND * u32::try_from(*after).unwrap(), *what));
    Script { first: first.collect(), ..Script::default() }
}

/// One octet per read timeout holds no wait for ever; 30 s of patience where TLS or a greeting is due.
#[test]
fn every_wait_has_an_end() {
    let long = "x".repeat(3000).leak();
    let rows = [
        ("no greeting", script(&[]), None, "said nothing after the connection was made for 30 s", 30),
        (
            "silence before TLS",
            script(&[(1, "hello\r\n")]),
            None,
            "was silent before TLS was started for 30 s",
            31,
        ),
        ("an octet each 29 s", drip("x", 29 * SECOND), None, "was too slow for 300 s", 300),
        ("a line each 29 s", drip("* OK\r\n", 29 * SECOND), None, "was too slow for 300 s", 300),
        (
            "100 octets a second",
            drip(long, 29 * SECOND),
            Some(3600),
            "did not get as far as letting the user in for 3600 s",
            3600,
        ),
        (
            "a line each second",
            drip("* OK\r\n", SECOND),
            Some(60),
            "did not get as far as letting the user in for 60 s",
            60,
        ),
    ];
    for (name, script, opening, want, after) in rows {
        let (error, elapsed) = run(script, |timeouts| timeouts.opening = opening.map(Duration::from_secs));
        assert_eq!(error, format!("server {want}"), "{name}");
        assert!(
            elapsed >= Duration::from_secs(after) && elapsed <= Duration::from_secs(after + 2),
            "{name}: {elapsed:?}"
        );
    }
}

#[test]
fn a_server_that_says_it_needs_a_while_has_it() {
    // Dovecot says so every 15 s. Ten minutes are ten times the patience, and its words earn it a little more.
    let hanging = drip("* OK Hang in there..\r\n", 15 * SECOND);
    let (error, elapsed) = run(hanging, |timeouts| timeouts.read = Some(60 * SECOND));
    assert_eq!(error, "server was too slow for 600 s");
    assert!(elapsed > 600 * SECOND && elapsed < 620 * SECOND, "{elapsed:?}");
}

#[test]
fn a_wait_that_is_dropped_each_second_has_an_end() {
    let rows = [
        ("silence", script(&[]), "server said nothing after the connection was made for 30 s", 30),
        ("a line each 20 s", drip("* OK\r\n", 20 * SECOND), "server was too slow for 300 s", 300),
    ];
    for (name, script, want, after) in rows {
        let (error, elapsed) = run_dropping(script, |_| {}, Some(SECOND));
        assert_eq!((error.as_str(), elapsed.as_secs()), (want, after), "{name}");
    }
}

/// A server (the relay, the mock) waits for its client by the time that it gives, and no drip is longer than ten of these:
/// not of a command, nor of a message that was to come.
#[test]
fn a_client_that_drips_at_a_server_is_left() {
    let message = "x".repeat(1000).leak();
    let rows = [
        ("silence", script(&[(7, "EHLO x\r\n")]), "quiet", 307),
        ("an octet each 299 s", drip("x", 299 * SECOND), "was too slow for 3000 s", 3000),
        ("10 octets a second", drip("xxxxxxxxxx", SECOND), "was too slow for 3000 s", 3334),
        (
            "lines first",
            Script { again: Some((299 * SECOND, "x")), ..script(&[(1, "EHLO x\r\n")]) },
            "was too slow for 3000 s",
            3001,
        ),
        ("a kilobyte each minute", drip(message, 60 * SECOND), "was too slow for 3000 s", 3590),
    ];
    for (name, script, want, after) in rows {
        let mut connection = Connection::<Simulated>::accept_in_clear(
            socket(script),
            Options { recv_limit: 1 << 20, ..Options::default() },
        );
        let ended = Simulated::task(async {
            let mut machine = Talk::new();
            machine.lines = Lines::new(1 << 20);
            loop {
                match connection.next_within(&mut machine, 300 * SECOND).await {
                    Ok(Next::Event(_)) => {}
                    Ok(Next::Quiet) => break "quiet".to_owned(),
                    Ok(_) => break "closed".to_owned(),
                    Err(error) => break error.to_string(),
                }
            }
        });
        assert!(ended.ends_with(want), "{name}: {ended}");
        assert!(NOW.get().as_secs().abs_diff(after) <= 2, "{name}: {:?}", NOW.get());
    }
}

proptest::proptest! {
    /// However a peer drips, and however often the wait is dropped and started again, it ends: after ten times the
    /// patience, and a second more for each 100 octets.
    #[test]
    fn any_drip_has_an_end(
        drips in proptest::collection::vec((0..40_u64, 0..2_000_usize), 0..60),
        each in proptest::option::of(1..100_u64),
    ) {
        static LINES: [u8; 2_000] = [b'\n'; 2_000];
        let all: usize = drips.iter().map(|(_, count)| count).sum();
        let first = drips.iter().map(|(after, count)| {
            (SECOND * u32::try_from(*after).unwrap(), std::str::from_utf8(&LINES[..*count]).unwrap())
        });
        let script = Script { first: first.collect(), ..Script::default() };
        let (error, elapsed) = run_dropping(script, |_| {}, each.map(Duration::from_secs));
        let most = 300 + u64::try_from(all).unwrap() / 100 + 1;
        proptest::prop_assert!(elapsed <= SECOND * u32::try_from(most).unwrap(), "{} after {:?}", error, elapsed);
    }
}

/// Drives a machine of lines until it fails. Returns how, and when.
fn run(script: Script, set: impl FnOnce(&mut Timeouts)) -> (String, Duration) {
    run_dropping(script, set, None)
}

/// As [`run`], with a future that is dropped after `each` and made again.
fn run_dropping(
    script: Script,
    set: impl FnOnce(&mut Timeouts),
    each: Option<Duration>,
) -> (String, Duration) {
    let mut options = Options { recv_limit: 1 << 20, ..Options::default() };
    set(&mut options.timeouts);
    let socket = socket(script);
    let tls = Tls::new().unwrap();
    let error = Simulated::task(async {
        let over = Connection::<Simulated>::over(socket, "mail.test", Security::StartTls, &tls, options);
        let mut connection = over.await.unwrap();
        let mut machine = Talk::new();
        machine.lines = Lines::new(1 << 20);
        loop {
            let mut next = pin!(connection.next(&mut machine));
            let mut alarm = each.map(|each| Simulated::timer(Simulated::now() + each));
            let found = poll_fn(|context| match next.as_mut().poll(context) {
                Poll::Ready(found) => Poll::Ready(Some(found)),
                Poll::Pending => match &mut alarm {
                    Some(alarm) => alarm.poll_expired(context).map(|()| None),
                    None => Poll::Pending,
                },
            });
            if let Some(Err(error)) = found.await {
                break error;
            }
        }
    });
    (error.to_string(), NOW.get())
}

/// Makes a peer, and sets the clock to 0.
pub(super) fn socket(script: Script) -> Scripted {
    NOW.set(Duration::ZERO);
    Scripted { script, ready: VecDeque::new(), due: None, takes_from: Duration::ZERO }
}

/// Returns the time since [`socket`].
pub(super) fn elapsed() -> Duration {
    NOW.get()
}

/// Lets time pass while the caller is somewhere else.
pub(super) fn pass(time: Duration) {
    NOW.set(NOW.get() + time);
}

thread_local! {
    /// The time since the start of the simulation.
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// The time of the next event.
    static NEXT: Cell<Option<Duration>> = const { Cell::new(None) };
}

fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

fn note(at: Duration) {
    NEXT.set(Some(NEXT.get().map_or(at, |next| next.min(at))));
}

pub(super) enum Simulated {}

impl Runtime for Simulated {
    type Socket = Scripted;
    type Listener = NoListener;
    type Timer = Alarm;
    type Task<'a, T: 'a> = T;

    fn task<'a, T: Send + 'a>(operation: impl Future<Output = T> + Send + 'a) -> T {
        let mut operation = pin!(operation);
        loop {
            NEXT.set(None);
            if let Poll::Ready(result) = operation.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return result;
            }
            NOW.set(NEXT.get().expect("something is waited for"));
        }
    }

    fn now() -> Instant {
        epoch() + NOW.get()
    }

    fn timer(at: Instant) -> Alarm {
        Alarm(at)
    }

    async fn resolve(_: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn connect(_: SocketAddr) -> io::Result<Scripted> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn listen(_: SocketAddr) -> io::Result<NoListener> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[derive(Default)]
pub(super) struct Script {
    pub(super) first: Vec<(Duration, &'static str)>,
    pub(super) again: Option<(Duration, &'static str)>,
    /// What reading returns after everything above was read. `None`: nothing yet.
    pub(super) end: Option<Result<(), io::ErrorKind>>,
    pub(super) takes: Takes,
}

/// What the peer accepts.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Takes {
    #[default]
    Everything,
    /// Nothing before this time.
    From(Duration),
    /// So many octets each time that this has passed.
    Slowly(usize, Duration),
    /// Nothing any more.
    Nothing,
}

/// A peer that sends at given times.
pub(super) struct Scripted {
    script: Script,
    ready: VecDeque<u8>,
    due: Option<(Duration, &'static str)>,
    /// From when on the peer accepts something again.
    takes_from: Duration,
}

impl Socket for Scripted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.due.is_none() {
            let next = if self.script.first.is_empty() {
                self.script.again
            } else {
                Some(self.script.first.remove(0))
            };
            self.due = next.map(|(after, what)| (NOW.get() + after, what));
        }
        if let Some((_, what)) = self.due.take_if(|(at, _)| NOW.get() >= *at) {
            self.ready.extend(what.as_bytes());
        }
        match self.script.end {
            _ if !self.ready.is_empty() => self.ready.read(into),
            Some(end) if self.due.is_none() => end.map(|()| 0).map_err(io::Error::from),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        match self.script.takes {
            Takes::From(at) if NOW.get() < at => Err(io::ErrorKind::WouldBlock.into()),
            Takes::Nothing => Err(io::ErrorKind::BrokenPipe.into()),
            Takes::Slowly(..) if NOW.get() < self.takes_from => Err(io::ErrorKind::WouldBlock.into()),
            Takes::Slowly(octets, every) => {
                self.takes_from = NOW.get() + every;
                Ok(octets.min(from.len()))
            }
            Takes::Everything | Takes::From(_) => Ok(from.len()),
        }
    }

    fn shut_down(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn poll_ready(&mut self, interest: Interest, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if interest != Interest::Write {
            if !self.ready.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if let Some((at, _)) = self.due {
                note(at);
            }
        }
        match self.script.takes {
            _ if interest == Interest::Read => {}
            Takes::From(at) => note(at),
            Takes::Slowly(..) => note(self.takes_from),
            Takes::Everything | Takes::Nothing => {}
        }
        Poll::Pending
    }
}

pub(super) struct Alarm(Instant);

impl Timer for Alarm {
    fn reset(&mut self, at: Instant) {
        self.0 = at;
    }

    fn poll_expired(&mut self, _: &mut Context<'_>) -> Poll<()> {
        if Simulated::now() >= self.0 {
            return Poll::Ready(());
        }
        note(self.0.saturating_duration_since(epoch()));
        Poll::Pending
    }
}

pub(super) struct NoListener;

impl Listener for NoListener {
    type Socket = Scripted;

    async fn accept(&mut self) -> io::Result<(Scripted, SocketAddr)> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
