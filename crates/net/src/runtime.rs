use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// Everything that this crate needs of its surroundings: sockets, timers, names, the clock, and a way to run an
/// operation.
///
/// [`Blocking`](crate::Blocking) and `Tokio` implement it; `examples/own_runtime.rs` of the crate `mailbearer` is a
/// third. Every wait returns [`Poll::Pending`], so dropping a future ends it, and a [`Canceller`](crate::Canceller)
/// needs only wakers.
pub trait Runtime: Sized + Send + Sync + 'static {
    /// A connected TCP stream.
    type Socket: Socket;

    /// A TCP port on which a server listens.
    type Listener: Listener<Socket = Self::Socket>;

    /// An alarm.
    type Timer: Timer;

    /// What a call of an operation returns: its result, or a future of it.
    type Task<'a, T: 'a>;

    /// Runs `operation`, or wraps it up for the executor to run.
    fn task<'a, T: Send + 'a>(operation: impl Future<Output = T> + Send + 'a) -> Self::Task<'a, T>;

    /// Returns the present moment. Tests may have a clock of their own.
    #[must_use]
    fn now() -> Instant {
        Instant::now()
    }

    /// Sets an alarm.
    fn timer(at: Instant) -> Self::Timer;

    /// Waits until `at`.
    fn sleep(at: Instant) -> impl Future<Output = ()> + Send {
        async move {
            let mut timer = Self::timer(at);
            poll_fn(|context| timer.poll_expired(context)).await;
        }
    }

    /// Looks up the addresses of `host`, the preferred ones first. An address is its own result.
    ///
    /// # Errors
    ///
    /// Fails if the name does not exist, or can't be looked up now.
    fn resolve(host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Connects to one address. Takes as long as the system allows; a caller that can't wait drops the future.
    ///
    /// # Errors
    ///
    /// Fails if the address does not accept the connection.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self::Socket>> + Send;

    /// Listens on `address`. Port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Fails if the address does not belong to this machine, is in use, or is not permitted to this user.
    fn listen(address: SocketAddr) -> io::Result<Self::Listener>;
}

/// A TCP stream whose reads and writes never wait. Waiting is a separate operation.
pub trait Socket: Send {
    /// Reads what has arrived.
    ///
    /// # Errors
    ///
    /// Returns [`io::ErrorKind::WouldBlock`] if nothing has arrived. Any other error means that the stream is broken.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// Writes what fits.
    ///
    /// # Errors
    ///
    /// Returns [`io::ErrorKind::WouldBlock`] if nothing fits. Any other error means that the stream is broken.
    fn write(&mut self, from: &[u8]) -> io::Result<usize>;

    /// Writes what fits of several buffers, the first of which is not empty.
    ///
    /// # Errors
    ///
    /// Fails as [`write`](Self::write) does.
    fn write_vectored(&mut self, from: &[io::IoSlice<'_>]) -> io::Result<usize> {
        from.first().map_or(Ok(0), |first| self.write(first))
    }

    /// Tells the peer that no more will be written.
    ///
    /// # Errors
    ///
    /// Fails if the stream is broken.
    fn shut_down(&mut self) -> io::Result<()>;

    /// Makes the system probe the peer whenever nothing came for `idle`.
    ///
    /// # Errors
    ///
    /// Fails if the system can't do it.
    fn keep_alive(&mut self, idle: Duration) -> io::Result<()> {
        let _ = idle;
        Ok(())
    }

    /// Waits until one of `interest` is worth trying. May return early, also repeatedly.
    ///
    /// Called after a [`read`](Self::read) or [`write`](Self::write) would have had to wait, and again after each
    /// wake-up. A runtime with wake-ups of its own may always return [`Poll::Pending`], because the caller tries before
    /// it waits.
    ///
    /// # Errors
    ///
    /// Fails if the stream can't be waited for.
    fn poll_ready(&mut self, interest: Interest, context: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// A TCP port on which a server listens.
pub trait Listener: Send {
    /// The type of a client's connection.
    type Socket: Socket;

    /// Waits for the next client. Dropping the future loses no client.
    ///
    /// # Errors
    ///
    /// Fails if the connection broke before it was accepted, or if the system has no descriptor left. The next call may
    /// succeed.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Socket, SocketAddr)>> + Send;

    /// Returns the address on which it listens.
    ///
    /// # Errors
    ///
    /// Fails if the system does not say.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

/// An alarm.
pub trait Timer: Send {
    /// Sets it to another time.
    fn reset(&mut self, at: Instant);

    /// Waits until its time has come.
    fn poll_expired(&mut self, context: &mut Context<'_>) -> Poll<()>;
}

/// What to wait for on a [`Socket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a socket has two directions")]
pub enum Interest {
    /// Bytes of the peer, or its end.
    Read,
    /// Room for bytes to the peer.
    Write,
    /// Either.
    Both,
}
