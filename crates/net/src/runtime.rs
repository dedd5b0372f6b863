use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// Everything that this crate needs of its surroundings: sockets, timers, names, the clock, and how an operation is
/// run.
///
/// [`Blocking`](crate::Blocking) and `Tokio` implement it; `examples/own_runtime.rs` of the crate `mailbearer` is a
/// third. Every wait returns [`Poll::Pending`], so dropping a future ends it, and a [`Canceller`](crate::Canceller)
/// needs nothing but wakers.
pub trait Runtime: Sized + Send + Sync + 'static {
    /// A connected TCP stream.
    type Socket: Socket;

    /// A TCP port that is listened on.
    type Listener: Listener<Socket = Self::Socket>;

    /// An alarm.
    type Timer: Timer;

    /// What a call of an operation returns: its result, or a future of it.
    type Task<'a, T: 'a>;

    /// Runs `operation`, or wraps it up for the executor to run.
    fn task<'a, T: Send + 'a>(operation: impl Future<Output = T> + Send + 'a) -> Self::Task<'a, T>;

    /// The present moment. A test can have a clock of its own.
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

    /// Looks up the addresses of `host`, the ones to prefer first; an address is its own.
    ///
    /// # Errors
    ///
    /// Fails if the name does not exist or can't be looked up now.
    fn resolve(host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Connects to one address. This takes as long as the system allows. A caller that can't wait drops the future.
    ///
    /// # Errors
    ///
    /// Fails if the address does not take the connection.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self::Socket>> + Send;

    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Fails if the address is not this machine's, is in use, or is not for this user.
    fn listen(address: SocketAddr) -> io::Result<Self::Listener>;
}

/// A TCP stream whose reads and writes never wait, and a separate way to wait.
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

    /// Writes what fits of several buffers, the first of which is not empty.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    fn write_vectored(&mut self, from: &[io::IoSlice<'_>]) -> io::Result<usize> {
        from.first().map_or(Ok(0), |first| self.write(first))
    }

    /// Tells the peer that nothing more is written.
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

    /// Waits until one of `interest` is worth trying; may be early, also again and again.
    ///
    /// Called after a [`read`](Self::read) or [`write`](Self::write) had to wait, and again after each wake. A runtime
    /// that wakes by itself may return [`Poll::Pending`] each time, since the caller tries before it waits.
    ///
    /// # Errors
    ///
    /// Fails if the stream can't be waited for.
    fn poll_ready(&mut self, interest: Interest, context: &mut Context<'_>) -> Poll<io::Result<()>>;
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

/// An alarm.
pub trait Timer: Send {
    /// Sets it to another time.
    fn reset(&mut self, at: Instant);

    /// Waits until its time has come.
    fn poll_expired(&mut self, context: &mut Context<'_>) -> Poll<()>;
}

/// What a [`Socket`] is waited for.
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
