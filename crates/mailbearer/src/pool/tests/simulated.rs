//! A network in memory and a clock that jumps to whatever comes next: nothing depends on the machine or on luck.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use mailbearer_net::{Connection, Interest, Listener, Options, Runtime, Security, ServerTls, Socket, Timer};
use mailbearer_smtp::server::{Answer, Error, Event, Options as ServerOptions, Session};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

/// What the server does; all of it is seen by every connection.
#[derive(Default)]
pub(super) struct Server {
    /// The first octets of the content of each message that it took, in order, and when.
    pub(super) taken: Vec<(String, Duration)>,
    /// Connections that were made, and those that are open.
    pub(super) connections: usize,
    pub(super) open: usize,
    /// The most that were open at a time.
    pub(super) most_open: usize,
    /// After how many octets of the client, and of its own, it is gone: by the number of the connection.
    pub(super) cut: Option<Cut>,
    /// Logins at a time; more are told 432.
    pub(super) seats: Option<usize>,
    pub(super) chunking: bool,
    /// What is answered to the end of a message; by its number among all that came so far.
    pub(super) verdict: Option<fn(usize) -> Option<Answer>>,
    /// What is answered to MAIL.
    pub(super) sender: Option<fn(usize) -> Option<Answer>>,
    pub(super) ends: usize,
    pub(super) senders: usize,
    /// Lines of its answer to EHLO.
    pub(super) extensions: Vec<&'static str>,
    pub(super) logins: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) connections: usize,
    pub(super) of_client: Option<usize>,
    pub(super) of_server: Option<usize>,
}

pub(super) type Shared = Arc<Mutex<Server>>;

/// A test that failed leaves nothing half done.
pub(super) fn locked(server: &Shared) -> MutexGuard<'_, Server> {
    server.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static ALARMS: RefCell<Vec<Duration>> = const { RefCell::new(Vec::new()) };
    static TASKS: RefCell<Vec<Pin<Box<dyn Future<Output = ()>>>>> = const { RefCell::new(Vec::new()) };
    static SERVER: RefCell<Option<(Shared, ServerTls)>> = const { RefCell::new(None) };
}

/// Starts again at time 0 with this server alone.
pub(super) fn begin(server: Shared, tls: ServerTls) {
    NOW.set(Duration::ZERO);
    TASKS.take();
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

/// The runtime. It has no values.
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
        let serving = serve(End { input: up, output: down }, server, tls);
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

async fn serve(socket: End, server: Shared, tls: ServerTls) {
    let mut serving = Serving::new(server);
    let accepted =
        Connection::<Simulated>::accept(socket, Security::Implicit, &tls, Options::default()).await;
    if let Ok(mut connection) = accepted {
        // Its end, whatever it is: the session has no events.
        let _ = connection.next(&mut serving).await;
    }
}

/// A server's session that is gone after so many octets.
struct Serving {
    server: Shared,
    session: Session,
    rx: RecvBuf,
    tx: SendBuf,
    of_client: usize,
    of_server: usize,
    content: Vec<u8>,
    seated: bool,
}

impl Serving {
    fn new(shared: Shared) -> Self {
        let server = Arc::clone(&shared);
        let mut server = locked(&server);
        server.connections += 1;
        let mut options = ServerOptions::new("mx.test");
        options.security = Some(Security::Implicit);
        options.chunking = server.chunking;
        options.extensions = server.extensions.iter().map(|line| (*line).into()).collect();
        let cut = server.cut.filter(|cut| server.connections <= cut.connections);
        Self {
            server: shared,
            session: Session::new(options),
            rx: RecvBuf::with_limit(1 << 20),
            tx: SendBuf::new(),
            of_client: cut.and_then(|cut| cut.of_client).unwrap_or(usize::MAX),
            of_server: cut.and_then(|cut| cut.of_server).unwrap_or(usize::MAX),
            content: Vec::new(),
            seated: false,
        }
    }

    fn on(&mut self, event: Event) -> Result<(), Error> {
        let mut server = locked(&self.server);
        let answer = match event {
            Event::Login { login, .. } => {
                server.logins.push(format!("{login:?}"));
                if server.seats.is_some_and(|seats| server.open >= seats) {
                    Answer::new(432, "4.3.2 Concurrent connections limit exceeded")
                } else {
                    server.open += 1;
                    server.most_open = server.most_open.max(server.open);
                    self.seated = true;
                    Answer::new(235, "2.7.0 welcome")
                }
            }
            Event::Mail { .. } => {
                server.senders += 1;
                let number = server.senders;
                let answer = server.sender.and_then(|sender| sender(number));
                answer.unwrap_or_else(|| Answer::new(250, "2.1.0 sender ok"))
            }
            Event::Recipient { recipient, .. } if recipient.starts_with("nobody") => {
                Answer::new(550, "5.1.1 nobody")
            }
            Event::Recipient { .. } => Answer::new(250, "2.1.5 recipient ok"),
            Event::Data => Answer::new(354, "go on"),
            Event::Content(piece) => {
                self.content.extend(piece);
                return Ok(());
            }
            Event::EndOfContent => {
                let content = String::from_utf8(std::mem::take(&mut self.content)).unwrap();
                server.ends += 1;
                let number = server.ends;
                let answer = server.verdict.and_then(|verdict| verdict(number));
                answer.unwrap_or_else(|| {
                    server.taken.push((content.lines().next().unwrap().to_owned(), elapsed()));
                    Answer::new(250, "2.0.0 OK <1@mx.test>")
                })
            }
            _ => {
                self.content.clear();
                return Ok(());
            }
        };
        self.session.answer(&answer)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if self.seated {
            locked(&self.server).open -= 1;
        }
    }
}

impl Machine for Serving {
    type Event = Infallible;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Infallible>, Error> {
        let heard = rx.unread().len().min(self.of_client);
        self.rx.extend(&rx.unread()[..heard]).unwrap();
        rx.consume(heard);
        self.of_client -= heard;
        loop {
            let step = self.session.step(&mut self.rx, &mut self.tx);
            let said = self.tx.unsent().len().min(self.of_server);
            tx.push(&self.tx.unsent()[..said]);
            self.of_server -= said;
            self.tx.sent(usize::MAX);
            match step? {
                Step::Event(event) => self.on(event)?,
                Step::Flush => {}
                Step::Read if self.of_client == 0 || self.of_server == 0 || rx.is_eof() => {
                    return Ok(Step::Close);
                }
                Step::Read => return Ok(Step::Read),
                Step::StartTls => unreachable!("TLS is on"),
                Step::Close => return Ok(Step::Close),
            }
        }
    }
}
