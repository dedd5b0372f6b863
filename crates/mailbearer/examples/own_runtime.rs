//! A runtime of your own: everything that Mailbearer needs of its surroundings, on smol's `async-io`.
//!
//! A program implements this once, and then calls the same operations as with `Blocking` or tokio. `cargo run --example
//! own_runtime` fetches a token, sends a message and lists it, against a server in memory.

use std::{
    error::Error,
    future::Future,
    io::{self, IoSlice, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use async_io::Async;
use mailbearer::{
    Account, Address, Message, Range, Runtime, Security, Server,
    proto::net::{Interest, Listener, Socket, Timer},
};
use mailbearer_mock::memory::Options;

/// The runtime is a type without values.
enum Smol {}

impl Runtime for Smol {
    type Socket = SmolSocket;
    type Listener = SmolListener;
    type Timer = SmolTimer;
    // What an operation returns: here a future, which any executor can run.
    type Task<'a, T: 'a> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

    fn task<'a, T: Send + 'a>(operation: impl Future<Output = T> + Send + 'a) -> Self::Task<'a, T> {
        Box::pin(operation)
    }

    fn timer(at: Instant) -> SmolTimer {
        SmolTimer(async_io::Timer::at(at))
    }

    async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        // The system's look-up blocks, so it runs in a thread.
        let host = host.to_owned();
        blocking::unblock(move || (host.as_str(), port).to_socket_addrs().map(Iterator::collect)).await
    }

    async fn connect(address: SocketAddr) -> io::Result<SmolSocket> {
        SmolSocket::new(Async::<TcpStream>::connect(address).await?)
    }

    fn listen(address: SocketAddr) -> io::Result<SmolListener> {
        Async::<TcpListener>::bind(address).map(SmolListener)
    }
}

struct SmolSocket(Async<TcpStream>);

impl SmolSocket {
    fn new(stream: Async<TcpStream>) -> io::Result<Self> {
        // Commands are small, and each waits for an answer: holding them back gains nothing.
        stream.get_ref().set_nodelay(true)?;
        Ok(Self(stream))
    }
}

impl Socket for SmolSocket {
    // The stream is in non-blocking mode: these never wait.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.get_ref().read(into)
    }

    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.0.get_ref().write(from)
    }

    fn write_vectored(&mut self, from: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.get_ref().write_vectored(from)
    }

    fn shut_down(&mut self) -> io::Result<()> {
        self.0.get_ref().shutdown(Shutdown::Write)
    }

    fn poll_ready(&mut self, interest: Interest, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // If both are of interest, either wakes the task.
        let readable = match interest {
            Interest::Read | Interest::Both => self.0.poll_readable(context),
            Interest::Write => Poll::Pending,
        };
        let writable = match interest {
            Interest::Write | Interest::Both => self.0.poll_writable(context),
            Interest::Read => Poll::Pending,
        };
        if readable.is_ready() { readable } else { writable }
    }
}

struct SmolListener(Async<TcpListener>);

impl Listener for SmolListener {
    type Socket = SmolSocket;

    async fn accept(&mut self) -> io::Result<(SmolSocket, SocketAddr)> {
        let (stream, client) = self.0.accept().await?;
        Ok((SmolSocket::new(stream)?, client))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }
}

struct SmolTimer(async_io::Timer);

impl Timer for SmolTimer {
    fn reset(&mut self, at: Instant) {
        self.0.set_at(at);
    }

    fn poll_expired(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context).map(drop)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mock = mailbearer_mock::Server::start(Options::default())?;
    let mut account = Account::custom(mock.user(), mock.token_url(), mock.scope())
        .client_credentials(mock.client_id(), mock.client_secret())
        .ca_pem(mock.ca_pem())?;
    account.imap = Some(Server::new("localhost", mock.ports().imaps, Security::Implicit));
    account.smtp = Some(Server::new("localhost", mock.ports().smtp, Security::StartTls));

    let robot = account.on::<Smol>()?;
    async_io::block_on(async {
        let me = Address::parse(mock.user())?;
        let message = Message::new(me.clone()).to(me).subject("From a runtime of our own").text("Hello");
        robot.send(&robot.compose(&message)?).await?;
        let mut imap = robot.connect_imap().await?;
        let mut listing = imap.list("INBOX", Range::Last(1)).await?;
        while let Some(item) = listing.next().await? {
            writeln!(io::stdout(), "{} {} {}", item.uid, item.from, item.subject)?;
        }
        imap.logout().await?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn does_the_main_job() {
        main().unwrap();
    }

    #[test]
    fn is_cancelled_as_any_other() {
        let canceller = mailbearer::Canceller::new();
        let handle = canceller.clone();
        let cancelling = std::thread::spawn(move || handle.cancel());
        let far = Instant::now() + Duration::from_secs(3600);
        assert!(async_io::block_on(canceller.run(Smol::sleep(far))).is_err());
        cancelling.join().unwrap();
    }
}
