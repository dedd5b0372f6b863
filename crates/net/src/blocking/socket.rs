use std::{
    future::poll_fn,
    io::{self, IoSlice, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use socket2::{Domain, Protocol, SockRef, TcpKeepalive, Type};

use super::wait;
use crate::{Interest, Listener, Socket};

/// A [`TcpStream`] in non-blocking mode.
#[derive(Debug)]
pub struct BlockingSocket {
    stream: Arc<TcpStream>,
    /// The last read took everything. Another read would only find that out, so waiting comes first.
    dry: bool,
    /// The last write did not take everything.
    full: bool,
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
        Ok(Self { stream: Arc::new(stream), dry: false, full: false })
    }

    fn written(&mut self, result: io::Result<usize>, length: usize) -> io::Result<usize> {
        match &result {
            Ok(count) => self.full = *count < length,
            // What the peer sent before it hung up can still be read.
            Err(_) => self.dry = false,
        }
        result
    }
}

impl Socket for BlockingSocket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.dry {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = (&*self.stream).read(into)?;
        // After the end, there is nothing to wait for.
        self.dry = count > 0 && count < into.len();
        Ok(count)
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        if self.full {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let result = (&*self.stream).write(from);
        self.written(result, from.len())
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.full {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let result = (&*self.stream).write_vectored(from);
        self.written(result, from.iter().map(|slice| slice.len()).sum())
    }

    fn shut_down(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    fn keep_alive(&mut self, idle: Duration) -> io::Result<()> {
        keep_alive(SockRef::from(&*self.stream), idle)
    }

    fn poll_ready(&mut self, interest: Interest, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.dry &= interest == Interest::Write;
        self.full &= interest == Interest::Read;
        wait::ready(&self.stream, interest);
        Poll::Pending
    }
}

pub(crate) fn keep_alive(socket: SockRef<'_>, idle: Duration) -> io::Result<()> {
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle).with_interval(PROBES))
}

/// Time between probes of a peer that does not answer. The system gives up after about nine.
const PROBES: Duration = Duration::from_secs(15);

/// A connection attempt in progress.
pub(super) struct Connecting {
    socket: Option<Arc<socket2::Socket>>,
}

impl Connecting {
    pub(super) fn new(address: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Err(error) if !is_under_way(&error) => Err(error),
            _ => Ok(Self { socket: Some(Arc::new(socket)) }),
        }
    }

    pub(super) fn poll(&mut self) -> Poll<io::Result<BlockingSocket>> {
        let Some(socket) = self.socket.take() else { return Poll::Pending };
        if let Some(error) = socket.take_error()? {
            return Poll::Ready(Err(error));
        }
        match socket.peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                wait::ready(&socket, Interest::Write);
                self.socket = Some(socket);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
            // The wait is over and has dropped its reference, so that nobody else has the socket.
            Ok(_) => Poll::Ready(match Arc::into_inner(socket) {
                Some(socket) => BlockingSocket::new(socket.into()),
                None => Err(io::Error::other("the socket is in use")),
            }),
        }
    }
}

fn is_under_way(error: &io::Error) -> bool {
    // Unix says EINPROGRESS where Windows says WouldBlock.
    error.kind() == io::ErrorKind::WouldBlock
        || rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::INPROGRESS)
}

/// Listens on `address`, with room for many clients that connect at once; the standard library's listener has room for
/// 128. The listener is in non-blocking mode.
///
/// # Errors
///
/// Fails if the address does not belong to this machine, is in use, or is not permitted to this user.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that restarts gets its port back. On Windows the option would let it take another program's port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

const BACKLOG: i32 = 1024;

/// A [`TcpListener`] in non-blocking mode.
#[derive(Debug)]
pub struct BlockingListener(Arc<TcpListener>);

impl BlockingListener {
    /// Takes over a listening socket.
    ///
    /// # Errors
    ///
    /// Fails if the socket can't be switched to non-blocking mode.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self(Arc::new(listener)))
    }
}

impl Listener for BlockingListener {
    type Socket = BlockingSocket;

    async fn accept(&mut self) -> io::Result<(BlockingSocket, SocketAddr)> {
        let accepted = poll_fn(|_| match self.0.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait::ready(&self.0, Interest::Read);
                Poll::Pending
            }
            accepted => Poll::Ready(accepted),
        });
        let (stream, client) = accepted.await?;
        Ok((BlockingSocket::new(stream)?, client))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
