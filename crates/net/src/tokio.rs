use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

use ::tokio::{
    io::AsyncWrite,
    net::{TcpListener, TcpStream, lookup_host},
    time::{Sleep, sleep_until, timeout_at},
};

use crate::{Interest, Listener, Runtime, Socket, blocking::share};

/// Waits as a future on a tokio runtime that has its I/O and time drivers enabled.
///
/// Every operation can be dropped at any await: what was read or queued stays in the connection.
#[derive(Clone, Copy, Debug)]
pub enum Tokio {}

impl Runtime for Tokio {
    type Socket = TokioSocket;
    type Listener = TokioListener;
    type Task<'a, T: 'a> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

    fn task<'a, T: Send + 'a>(operation: impl Future<Output = T> + Send + 'a) -> Self::Task<'a, T> {
        Box::pin(operation)
    }

    async fn connect(host: &str, port: u16, deadline: Instant) -> io::Result<TokioSocket> {
        let addresses: Vec<_> = timeout_at(deadline.into(), lookup_host((host, port)))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "name look-up took too long"))??
            .collect();
        let mut error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for (tried, address) in addresses.iter().enumerate() {
            let left = addresses.len().saturating_sub(tried).max(1);
            let until = Instant::now().checked_add(share(deadline, left)).unwrap_or(deadline);
            match timeout_at(until.into(), TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return TokioSocket::new(stream),
                Ok(Err(failed)) => error = failed,
                Err(_) => error = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(error)
    }

    fn listen(address: SocketAddr) -> io::Result<TokioListener> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener).map(TokioListener)
    }
}

/// A tokio [`TcpListener`].
#[derive(Debug)]
pub struct TokioListener(TcpListener);

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
    /// Runs while something is waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

impl TokioSocket {
    /// Takes over a connected stream.
    ///
    /// # Errors
    ///
    /// Fails if the stream's options can't be set.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, timer: None })
    }
}

impl Socket for TokioSocket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.try_read(into)
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.stream.try_write(from)
    }

    fn shut_down(&mut self) -> io::Result<()> {
        // Done at the first poll: TCP's own shutdown never waits.
        match Pin::new(&mut self.stream).poll_shutdown(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    fn poll_ready(
        &mut self,
        interest: Interest,
        deadline: Instant,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        // Each is asked, so that each wakes.
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
        let deadline = deadline.into();
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}
