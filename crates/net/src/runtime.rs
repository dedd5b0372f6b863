use std::{
    future::Future,
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::Instant,
};

/// A way to wait: by blocking the thread, or as a future of some executor.
pub trait Runtime: Sized + Send + Sync + 'static {
    /// A connected TCP stream.
    type Socket: Socket;

    /// A TCP port that is listened on.
    type Listener: Listener<Socket = Self::Socket>;

    /// What calling an operation gives: its result, or a future of it.
    type Task<'a, T: 'a>;

    /// Runs `operation`, or wraps it up for the executor to run.
    fn task<'a, T: Send + 'a>(operation: impl Future<Output = T> + Send + 'a) -> Self::Task<'a, T>;

    /// Looks `host` up and connects to the first of its addresses that answers.
    ///
    /// # Errors
    ///
    /// Fails if the name has no address, no address takes the connection, or `deadline` passes
    /// ([`io::ErrorKind::TimedOut`]).
    fn connect(
        host: &str,
        port: u16,
        deadline: Instant,
    ) -> impl Future<Output = io::Result<Self::Socket>> + Send;

    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Fails if the address is not this machine's, is in use, or is not for this user.
    fn listen(address: SocketAddr) -> io::Result<Self::Listener>;
}

/// A TCP port that is listened on.
pub trait Listener: Send {
    /// What a client's connection is.
    type Socket: Socket;

    /// Waits for the next client. The future can be dropped at any time: no client is lost.
    ///
    /// # Errors
    ///
    /// Fails if the connection was gone before it was accepted, or the system has no descriptor left: the next call
    /// may succeed.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Socket, SocketAddr)>> + Send;

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// Fails if the system does not say.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// A TCP stream that never waits, and a separate way to wait.
pub trait Socket: Send {
    /// Reads what is there.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if nothing is there; else the stream is broken.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// Writes what fits.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if nothing fits; else the stream is broken.
    fn write(&mut self, from: &[u8]) -> io::Result<usize>;

    /// Tells the peer that nothing more is written.
    ///
    /// # Errors
    ///
    /// Fails if the stream is broken.
    fn shut_down(&mut self) -> io::Result<()>;

    /// Waits until one of `interest` is worth trying; may be early.
    ///
    /// [`Poll::Pending`] promises to wake the task then, and when `deadline` passes.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] when `deadline` passes first.
    fn poll_ready(
        &mut self,
        interest: Interest,
        deadline: Instant,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>>;
}

/// What a [`Socket`] is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Bytes of the peer, or its end.
    Read,
    /// Room for bytes to the peer.
    Write,
    /// Either.
    Both,
}
