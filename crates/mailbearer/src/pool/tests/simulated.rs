//! A network in memory, and a clock that jumps to the next event: nothing depends on the machine or on luck.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use mailbearer_net::{Interest, Listener, Runtime, ServerTls, Socket, Timer};

use super::serving::{Shared, locked, serve};

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static ALARMS: RefCell<Vec<Duration>> = const { RefCell::new(Vec::new()) };
    static TASKS: RefCell<Vec<Pin<Box<dyn Future<Output = ()>>>>> = const { RefCell::new(Vec::new()) };
    static SERVER: RefCell<Option<(Shared, ServerTls)>> = const { RefCell::new(None) };
}

/// Restarts at time 0 with this server alone.
pub(super) fn begin(server: Shared, tls: ServerTls) {
    NOW.set(Duration::ZERO);
    TASKS.take();
    locked(&server).clock = Some(elapsed);
    SERVER.set(Some((server, tls)));
}

pub(super) fn elapsed() -> Duration {
    NOW.get()
}

fn start() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The runtime, a type without values.
pub(super) enum Simulated {}

impl Runtime for Simulated {
    type Socket = End;
    type Listener = Nobody;
    type Timer = Alarm;
    type Task<'a, T: 'a> = T;

    fn task<'a, T: Send + 'a>(operation: impl Future<Output = T> + Send + 'a) -> T {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut operation = pin!(operation);
        loop {
            ALARMS.take();
            let mut context = Context::from_waker(&waker);
            if let Poll::Ready(result) = operation.as_mut().poll(&mut context) {
                return result;
            }
            let mut tasks = TASKS.take();
            tasks.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
            TASKS.with_borrow_mut(|new| tasks.append(new));
            TASKS.set(tasks);
            if !woken.0.swap(false, Ordering::Relaxed) {
                let next = ALARMS.take().into_iter().min().expect("everybody waits for ever");
                NOW.set(next.max(NOW.get()));
            }
        }
    }

    fn now() -> Instant {
        start() + NOW.get()
    }

    fn timer(at: Instant) -> Alarm {
        Alarm(at)
    }

    async fn resolve(_: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![(Ipv4Addr::LOCALHOST, port).into()])
    }

    async fn connect(_: SocketAddr) -> io::Result<End> {
        let [up, down] = [(); 2].map(|()| Arc::new(Mutex::new(Pipe::default())));
        let client = End { input: Arc::clone(&down), output: Arc::clone(&up) };
        let (server, tls) = SERVER.with_borrow(|server| server.clone()).unwrap();
        let serving = serve::<Self>(End { input: up, output: down }, server, tls);
        TASKS.with_borrow_mut(|tasks| tasks.push(Box::pin(serving)));
        Ok(client)
    }

    fn listen(_: SocketAddr) -> io::Result<Nobody> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub(super) struct Alarm(Instant);

impl Timer for Alarm {
    fn reset(&mut self, at: Instant) {
        self.0 = at;
    }

    fn poll_expired(&mut self, _: &mut Context<'_>) -> Poll<()> {
        if self.0 <= Simulated::now() {
            return Poll::Ready(());
        }
        ALARMS.with_borrow_mut(|alarms| alarms.push(self.0.saturating_duration_since(start())));
        Poll::Pending
    }
}

pub(super) enum Nobody {}

impl Listener for Nobody {
    type Socket = End;

    async fn accept(&mut self) -> io::Result<(End, SocketAddr)> {
        match *self {}
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        match *self {}
    }
}

/// One direction of a connection.
#[derive(Default)]
struct Pipe {
    octets: VecDeque<u8>,
    closed: bool,
    reader: Option<Waker>,
}

impl Pipe {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// One end of a connection.
pub(super) struct End {
    input: Arc<Mutex<Pipe>>,
    output: Arc<Mutex<Pipe>>,
}

impl Socket for End {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut pipe = self.input.lock().unwrap();
        if pipe.octets.is_empty() {
            return if pipe.closed { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        io::Read::read(&mut pipe.octets, into)
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let mut pipe = self.output.lock().unwrap();
        if pipe.closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        pipe.octets.extend(from);
        pipe.wake();
        Ok(from.len())
    }

    fn shut_down(&mut self) -> io::Result<()> {
        let mut pipe = self.output.lock().unwrap();
        pipe.closed = true;
        pipe.wake();
        Ok(())
    }

    fn poll_ready(&mut self, _: Interest, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut pipe = self.input.lock().unwrap();
        if pipe.octets.is_empty() && !pipe.closed {
            pipe.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        for pipe in [&self.input, &self.output] {
            let mut pipe = pipe.lock().unwrap();
            pipe.closed = true;
            pipe.wake();
        }
    }
}
