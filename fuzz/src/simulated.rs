//! A network and a clock in memory: the facade's own code, over TLS, without a socket and without waiting.
//!
//! The clock jumps to what comes next as soon as nobody can go on. What goes over the network moves a piece at a time, and
//! the client's future is polled after each, so that it can be dropped at any place.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use mailbearer::{
    Account, Client, Login, Runtime, Security, Server, Tls,
    proto::net::{Interest, Listener, ServerTls, Socket, Timer},
};
use mailbearer_mock::{Authority, Certificate};

/// Whose mailbox it is.
pub(crate) const USER: &str = "robot@mail.test";

thread_local! {
    /// Since the epoch of the simulation.
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// What comes next.
    static NEXT: Cell<Option<Duration>> = const { Cell::new(None) };
    /// Counts the rounds; a piece moves in each.
    static ROUND: Cell<u64> = const { Cell::new(0) };
    static MOVED: Cell<bool> = const { Cell::new(false) };
    /// Octets that were written or read, by either side.
    static OCTETS: Cell<u64> = const { Cell::new(0) };
    static SERVERS: RefCell<Vec<Task<'static, ()>>> = const { RefCell::new(Vec::new()) };
    static ACCEPT: RefCell<Option<Accept>> = const { RefCell::new(None) };
}

/// What an operation is: a future.
pub(crate) type Task<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// Makes the server of a connection to this port.
type Accept = Box<dyn Fn(SimulatedSocket, u16) -> Task<'static, ()>>;

/// How octets move in one direction.
#[derive(Clone, Debug)]
pub(crate) enum Pace {
    /// Up to so many in each round.
    Pieces(usize),
    /// So many, each so long after those before; then nothing, or all that comes.
    Drip { steps: VecDeque<(Duration, usize)>, then_all: bool },
}

/// Begins a simulation: with its clock at 0, and `accept` as the world outside.
pub(crate) fn begin(accept: impl Fn(SimulatedSocket, u16) -> Task<'static, ()> + 'static) {
    NOW.set(Duration::ZERO);
    SERVERS.take().clear();
    ACCEPT.set(Some(Box::new(accept)));
}

/// The time that it is.
pub(crate) fn now() -> Duration {
    NOW.get()
}

/// How many octets the client has sent and got.
pub(crate) fn octets() -> u64 {
    // Each is written by one and read by the other.
    OCTETS.get() / 2
}

fn moved(count: usize) {
    MOVED.set(true);
    OCTETS.set(OCTETS.get() + count as u64);
}

/// Runs a client's operation to its end, or drops it after so many rounds, or as soon as nothing moves.
pub(crate) fn run<T>(mut operation: Task<'_, T>, rounds: Option<u32>) -> Option<T> {
    let mut left = rounds;
    for _ in 0..400_000 {
        begin_round();
        if let Poll::Ready(result) = poll(&mut operation) {
            return Some(result);
        }
        if let Some(rounds) = &mut left {
            *rounds = rounds.checked_sub(1)?;
        }
        poll_servers();
        if !MOVED.get() {
            if left.is_some() {
                return None;
            }
            NOW.set(NEXT.get().expect("something is waited for").max(NOW.get()));
        }
    }
    panic!("goes on for ever");
}

/// Lets the servers take in what was sent, until nothing moves.
pub(crate) fn settle() {
    for _ in 0..100_000 {
        begin_round();
        poll_servers();
        if !MOVED.get() {
            return;
        }
    }
    panic!("never settles");
}

fn begin_round() {
    ROUND.set(ROUND.get() + 1);
    NEXT.set(None);
    MOVED.set(false);
}

fn poll<T>(task: &mut Task<'_, T>) -> Poll<T> {
    task.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn poll_servers() {
    let mut servers = SERVERS.take();
    servers.retain_mut(|server| poll(server).is_pending());
    SERVERS.with_borrow_mut(|all| all.append(&mut servers));
}

fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

fn note(at: Duration) {
    NEXT.set(Some(NEXT.get().map_or(at, |next| next.min(at))));
}

/// A client of servers on the ports 1 (SMTP), 2 (IMAP) and 3 (POP3), each with TLS from the start.
pub(crate) fn account() -> Account {
    let (_, tls) = certificates();
    let mut account = Account::new(USER, Login::Password("password".into()));
    account.tls = Some(tls.clone());
    account.smtp = Some(Server::new("localhost", 1, Security::Implicit));
    account.imap = Some(Server::new("localhost", 2, Security::Implicit));
    account.pop3 = Some(Server::new("localhost", 3, Security::Implicit));
    account
}

pub(crate) fn client(account: Account) -> Client<Simulated> {
    account.on().expect("settings that fit")
}

/// The servers' side of TLS.
pub(crate) fn server_tls() -> ServerTls {
    certificates().0.clone()
}

fn certificates() -> &'static (ServerTls, Tls) {
    static CERTIFICATES: OnceLock<(ServerTls, Tls)> = OnceLock::new();
    CERTIFICATES.get_or_init(|| {
        let authority = Authority::new().unwrap();
        let server = authority.server_tls(Certificate::Good).unwrap();
        (server, Tls::with_only_ca_pem(authority.pem().as_bytes()).unwrap())
    })
}

/// The runtime.
pub(crate) enum Simulated {}

impl Runtime for Simulated {
    type Socket = SimulatedSocket;
    type Listener = NoListener;
    type Timer = Alarm;
    type Task<'a, T: 'a> = Task<'a, T>;

    fn task<'a, T: Send + 'a>(operation: impl Future<Output = T> + Send + 'a) -> Task<'a, T> {
        Box::pin(operation)
    }

    fn now() -> Instant {
        epoch() + NOW.get()
    }

    fn timer(at: Instant) -> Alarm {
        Alarm(at)
    }

    async fn resolve(_: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![(Ipv4Addr::LOCALHOST, port).into()])
    }

    async fn connect(address: SocketAddr) -> io::Result<SimulatedSocket> {
        let (near, far) = SimulatedSocket::pair();
        let server = ACCEPT.with_borrow(|accept| {
            let accept = accept.as_ref().expect("a simulation that has begun");
            accept(far, address.port())
        });
        SERVERS.with_borrow_mut(|servers| servers.push(server));
        Ok(near)
    }

    fn listen(_: SocketAddr) -> io::Result<NoListener> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// What is on its way in one direction.
#[derive(Debug)]
struct Pipe {
    octets: VecDeque<u8>,
    /// No more comes.
    ended: bool,
    /// Nobody reads it any more.
    broken: bool,
    pace: Pace,
    /// The round in which a piece was taken last.
    round: u64,
    /// When the next step of a drip is due.
    due: Option<Duration>,
    /// Octets that may be taken now.
    released: usize,
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct SimulatedSocket {
    incoming: Arc<Mutex<Pipe>>,
    outgoing: Arc<Mutex<Pipe>>,
}

impl SimulatedSocket {
    fn pair() -> (Self, Self) {
        let [here, there] = [(), ()].map(|()| {
            Arc::new(Mutex::new(Pipe {
                octets: VecDeque::new(),
                ended: false,
                broken: false,
                pace: Pace::Pieces(1 << 16),
                round: 0,
                due: None,
                released: 0,
            }))
        });
        let near = Self { incoming: Arc::clone(&here), outgoing: Arc::clone(&there) };
        (near, Self { incoming: there, outgoing: here })
    }

    /// How what this end sends moves, and what it gets.
    pub(crate) fn pace(self, sends: Pace, gets: Pace) -> Self {
        lock(&self.outgoing).pace = sends;
        lock(&self.incoming).pace = gets;
        self
    }
}

fn lock(pipe: &Mutex<Pipe>) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pipe {
    /// How many octets may be read now.
    fn open(&mut self) -> usize {
        match &mut self.pace {
            Pace::Pieces(size) => {
                if self.round == ROUND.get() {
                    // The next round has it.
                    MOVED.set(MOVED.get() || !self.octets.is_empty());
                    return 0;
                }
                *size
            }
            Pace::Drip { steps, then_all } => {
                if self.due.is_none() {
                    self.due = steps.front().map(|(after, _)| NOW.get() + *after);
                }
                while let Some(at) = self.due
                    && at <= NOW.get()
                    && let Some((_, count)) = steps.pop_front()
                {
                    self.released += count;
                    self.due = steps.front().map(|(after, _)| at + *after);
                }
                if steps.is_empty() && *then_all { usize::MAX } else { self.released }
            }
        }
    }
}

impl Socket for SimulatedSocket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut pipe = lock(&self.incoming);
        let count = pipe.open().min(pipe.octets.len()).min(into.len());
        if count > 0 {
            into.iter_mut().zip(pipe.octets.drain(..count)).for_each(|(to, octet)| *to = octet);
            pipe.round = ROUND.get();
            pipe.released = pipe.released.saturating_sub(count);
            moved(count);
            return Ok(count);
        }
        if pipe.octets.is_empty() && pipe.ended {
            return Ok(0);
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let mut pipe = lock(&self.outgoing);
        if pipe.broken {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let room = match pipe.pace {
            // A small window: what is sent has to be taken before more is.
            Pace::Pieces(size) => (4 * size).saturating_sub(pipe.octets.len()),
            Pace::Drip { .. } => (1_usize << 15).saturating_sub(pipe.octets.len()),
        };
        let count = room.min(from.len());
        if count == 0 && !from.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        pipe.octets.extend(&from[..count]);
        moved(count);
        Ok(count)
    }

    fn shut_down(&mut self) -> io::Result<()> {
        lock(&self.outgoing).ended = true;
        MOVED.set(true);
        Ok(())
    }

    fn poll_ready(&mut self, _: Interest, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        for pipe in [&self.incoming, &self.outgoing] {
            let mut pipe = lock(pipe);
            pipe.open();
            if let Some(at) = pipe.due {
                note(at.max(NOW.get()));
            }
        }
        Poll::Pending
    }
}

impl Drop for SimulatedSocket {
    fn drop(&mut self) {
        lock(&self.outgoing).ended = true;
        let mut incoming = lock(&self.incoming);
        incoming.broken = true;
        incoming.octets.clear();
        MOVED.set(true);
    }
}

pub(crate) struct Alarm(Instant);

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

pub(crate) struct NoListener;

impl Listener for NoListener {
    type Socket = SimulatedSocket;

    async fn accept(&mut self) -> io::Result<(SimulatedSocket, SocketAddr)> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
