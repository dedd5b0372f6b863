use std::{
    future::Future,
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use ::tokio::{
    io::AsyncWrite,
    net::{TcpListener, TcpStream, lookup_host},
    time::{Sleep, sleep_until},
};
use socket2::SockRef;

use crate::{
    Interest, Listener, Runtime, Socket, Timer,
    blocking::{keep_alive, listen},
};

/// Runs operations as futures, on a tokio runtime that has its I/O and time drivers enabled.
///
/// Every operation can be dropped at any await: what was read or queued stays in the connection.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it has no values")]
pub enum Tokio {}

impl Runtime for Tokio {
    type Socket = TokioSocket;
    type Listener = TokioListener;
    type Timer = TokioTimer;
    type Task<'a, T: 'a> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

    fn task<'a, T: Send + 'a>(operation: impl Future<Output = T> + Send + 'a) -> Self::Task<'a, T> {
        Box::pin(operation)
    }

    fn timer(at: Instant) -> TokioTimer {
        TokioTimer { sleep: Box::pin(sleep_until(at.into())) }
    }

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        lookup_host((host, port)).await.map(Iterator::collect)
    }

    async fn connect(address: SocketAddr) -> io::Result<TokioSocket> {
        TokioSocket::new(TcpStream::connect(address).await?)
    }

    fn listen(address: SocketAddr) -> io::Result<TokioListener> {
        TcpListener::from_std(listen(address)?).map(TokioListener)
    }
}

/// An alarm of tokio.
#[derive(Debug)]
pub struct TokioTimer {
    sleep: Pin<Box<Sleep>>,
}

impl Timer for TokioTimer {
    fn reset(&mut self, at: Instant) {
        let at = at.into();
        if self.sleep.deadline() != at {
            self.sleep.as_mut().reset(at);
        }
    }

    fn poll_expired(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().poll(context)
    }
}

/// A tokio [`TcpListener`].
#[derive(Debug)]
pub struct TokioListener(TcpListener);

impl TokioListener {
    /// Takes over a listening socket of the standard library, such as a service manager passes on.
    ///
    /// # Errors
    ///
    /// Fails if its options can't be set.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener).map(Self)
    }
}

impl Listener for TokioListener {
    type Socket = TokioSocket;

    async fn accept(&mut self) -> io::Result<(TokioSocket, SocketAddr)> {
        let (stream, client) = self.0.accept().await?;
        Ok((TokioSocket::new(stream)?, client))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A tokio [`TcpStream`].
#[derive(Debug)]
pub struct TokioSocket {
    stream: TcpStream,
}

impl TokioSocket {
    /// Takes over a connected stream of the standard library.
    ///
    /// # Errors
    ///
    /// Fails if the stream's options can't be set.
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Self::new(TcpStream::from_std(stream)?)
    }

    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }
}

impl Socket for TokioSocket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.try_read(into)
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.stream.try_write(from)
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.try_write_vectored(from)
    }

    fn shut_down(&mut self) -> io::Result<()> {
        // Completes at the first poll: TCP's own shutdown never waits.
        match Pin::new(&mut self.stream).poll_shutdown(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    fn keep_alive(&mut self, idle: Duration) -> io::Result<()> {
        keep_alive(SockRef::from(&self.stream), idle)
    }

    fn poll_ready(&mut self, interest: Interest, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Both are polled, so that either wakes the task.
        if interest != Interest::Write
            && let Poll::Ready(ready) = self.stream.poll_read_ready(context)
        {
            return Poll::Ready(ready);
        }
        if interest != Interest::Read
            && let Poll::Ready(ready) = self.stream.poll_write_ready(context)
        {
            return Poll::Ready(ready);
        }
        Poll::Pending
    }
}
