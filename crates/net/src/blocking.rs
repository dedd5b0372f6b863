use std::{
    future::Future,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use crate::{Connection, Interest, Listener, Runtime, Socket};

/// Waits by blocking the thread, with the standard library alone.
#[derive(Clone, Copy, Debug)]
pub enum Blocking {}

impl Runtime for Blocking {
    type Socket = BlockingSocket;
    type Listener = BlockingListener;
    type Task<'a, T: 'a> = T;

    fn task<'a, T: Send + 'a>(operation: impl Future<Output = T> + Send + 'a) -> T {
        // The sockets below have waited by the time their futures are polled, so this is one poll as a rule.
        let mut operation = pin!(operation);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            match operation.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(result) => return result,
                Poll::Pending => thread::park(),
            }
        }
    }

    async fn connect(host: &str, port: u16, deadline: Instant) -> io::Result<BlockingSocket> {
        let addresses = look_up(host, port, deadline)?;
        let mut error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for (tried, address) in addresses.iter().enumerate() {
            let left = addresses.len().saturating_sub(tried).max(1);
            let patience = share(deadline, left);
            if patience.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match TcpStream::connect_timeout(address, patience) {
                Ok(stream) => return BlockingSocket::new(stream),
                Err(failed) => error = failed,
            }
        }
        Err(error)
    }

    fn listen(address: SocketAddr) -> io::Result<BlockingListener> {
        TcpListener::bind(address).map(BlockingListener)
    }
}

/// A [`TcpListener`].
#[derive(Debug)]
pub struct BlockingListener(TcpListener);

impl Listener for BlockingListener {
    type Socket = BlockingSocket;

    async fn accept(&mut self) -> io::Result<(BlockingSocket, SocketAddr)> {
        let (stream, client) = self.0.accept()?;
        Ok((BlockingSocket::new(stream)?, client))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A [`TcpStream`] in non-blocking mode, except while it waits.
#[derive(Debug)]
pub struct BlockingSocket {
    stream: TcpStream,
    /// The next nap while the peer takes nothing: the standard library can't wait for room to write.
    nap: Duration,
    cancelled: Arc<AtomicBool>,
}

impl BlockingSocket {
    /// Takes over a connected stream.
    ///
    /// # Errors
    ///
    /// Fails if the stream can't be switched to non-blocking mode.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, nap: SHORTEST_NAP, cancelled: Arc::default() })
    }

    /// Whatever became of a connection that was cut, it was cut.
    fn unless_cancelled<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if self.cancelled.load(Ordering::Acquire) {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cancelled"));
        }
        result
    }

    fn wait_for_bytes(&mut self, patience: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(patience))?;
        self.stream.set_nonblocking(false)?;
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(true)?;
        match peeked {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            // Unix says WouldBlock where Windows says TimedOut.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(io::ErrorKind::TimedOut.into()),
            Err(error) => Err(error),
        }
    }
}

impl Socket for BlockingSocket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(into);
        let count = self.unless_cancelled(read)?;
        self.nap = SHORTEST_NAP;
        Ok(count)
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let written = self.stream.write(from);
        let count = self.unless_cancelled(written)?;
        self.nap = SHORTEST_NAP;
        Ok(count)
    }

    fn shut_down(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    fn poll_ready(
        &mut self,
        interest: Interest,
        deadline: Instant,
        _: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let patience = deadline.saturating_duration_since(Instant::now());
        if patience.is_zero() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if interest == Interest::Read {
            let waited = self.wait_for_bytes(patience);
            return Poll::Ready(self.unless_cancelled(waited));
        }
        thread::sleep(self.nap);
        self.nap = self.nap.saturating_mul(2).min(LONGEST_NAP);
        Poll::Ready(Ok(()))
    }
}

impl Connection<Blocking> {
    /// A handle with which another thread can end whatever this connection waits for.
    ///
    /// # Errors
    ///
    /// Fails if the system has no file descriptor left.
    pub fn canceller(&self) -> io::Result<Canceller> {
        let socket = self.socket();
        Ok(Canceller { stream: socket.stream.try_clone()?, cancelled: Arc::clone(&socket.cancelled) })
    }
}

/// Ends a blocking operation from another thread.
#[derive(Debug)]
pub struct Canceller {
    stream: TcpStream,
    cancelled: Arc<AtomicBool>,
}

impl Canceller {
    /// Cuts the connection. What waits on it fails with [`Error::is_cancelled`](crate::Error::is_cancelled).
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        // Fails only if the connection is gone already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// An equal share of the time that is left, for one of `left` attempts.
pub(crate) fn share(deadline: Instant, left: usize) -> Duration {
    let left = u32::try_from(left).unwrap_or(u32::MAX);
    let remaining = deadline.saturating_duration_since(Instant::now());
    remaining.checked_div(left).unwrap_or(remaining)
}

/// The standard library's look-up can't be given a time, so it gets a thread that may be left behind.
fn look_up(host: &str, port: u16, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let answer = Arc::new(Mutex::new(None));
    let (theirs, host, asker) = (Arc::clone(&answer), host.to_owned(), thread::current());
    thread::Builder::new().spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        *theirs.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        asker.unpark();
    })?;
    loop {
        if let Some(found) = answer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return found;
        }
        let patience = deadline.saturating_duration_since(Instant::now());
        if patience.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "name look-up took too long"));
        }
        thread::park_timeout(patience);
    }
}

const SHORTEST_NAP: Duration = Duration::from_micros(100);
const LONGEST_NAP: Duration = Duration::from_millis(5);
