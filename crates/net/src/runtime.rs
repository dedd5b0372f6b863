use std::{
    future::Future,
    io,
    task::{Context, Poll},
    time::Instant,
};

/// A way to wait: by blocking the thread, or as a future of some executor.
pub trait Runtime: Sized + Send + Sync + 'static {
    /// A connected TCP stream.
    type Socket: Socket;

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
