use std::time::{Duration, Instant};

use mailbearer_wire::{Machine, Security, Step, TraceLine};

use crate::{
    Canceller, DriveError, Error, Runtime, ServerTls, Socket, Stage, Tls, connect,
    link::{Errand, Link, Outcome, later},
    tls::Clear,
};

/// How long to wait for what.
///
/// A peer that moves an octet now and then is not silent, but slow: it has ten times its patience for each thing that it
/// is asked, and a second more for every 100 octets that move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Name look-up, TCP and a proxy together; and again for the TLS handshake. Default 30 s.
    pub connect: Duration,
    /// From the first look-up until [`Connection::start_operation`] is called for the first time: so long may it take to
    /// log in. Default none; the crate `mailbearer` sets 60 s, and 30 s for a token.
    pub opening: Option<Duration>,
    /// Silence of the peer. Default none: the [`patience`](Machine::patience) of the machine in its present state, and
    /// 60 s where it has none; but 30 s where a greeting is due, or TLS.
    pub read: Option<Duration>,
    /// The peer taking none of our bytes. Default 60 s.
    pub write: Duration,
    /// A whole operation, as [`Connection::start_operation`] begins it; making the connection is one. Default none.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: OPENING, opening: None, read: None, write: MINUTE, total: None }
    }
}

/// What a [`Connection`] is made with, on either side.
#[non_exhaustive]
pub struct Options {
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Octets received and not yet consumed by the machine. Default 64 KiB; a machine that takes larger pieces
    /// says so in its docs.
    pub recv_limit: usize,
    /// Gets every line of the conversation, without secrets. Default none.
    pub trace: Option<Box<dyn FnMut(&TraceLine) + Send>>,
    /// Ends whatever the connection waits for. Default one of its own, which [`Connection::canceller`] gives.
    pub canceller: Option<Canceller>,
}

impl Default for Options {
    fn default() -> Self {
        Self { timeouts: Timeouts::default(), recv_limit: 64 * 1024, trace: None, canceller: None }
    }
}

/// What [`Connection::next_within`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<E> {
    /// The machine has something to tell.
    Event(E),
    /// The conversation ended as it should.
    Closed,
    /// The peer was silent. The connection is as good as before.
    Quiet,
}

/// A TCP connection, its TLS, and the buffers of the machine that talks over it.
pub struct Connection<R: Runtime> {
    link: Box<Link<R>>,
}

impl<R: Runtime> Connection<R> {
    /// Connects, and with [`Security::Implicit`] does the TLS handshake.
    ///
    /// `host` is what the certificate is checked against.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`], [`Error::InvalidHost`], [`Error::Tls`] or [`Error::Timeout`].
    pub async fn open(
        host: &str,
        port: u16,
        security: Security,
        tls: &Tls,
        options: Options,
    ) -> Result<Self, Error> {
        // Before anything is sent: a name that no certificate can match is no use.
        let side = tls.client(host)?;
        let now = R::now();
        let Timeouts { connect, opening, total, .. } = options.timeouts;
        let patience = opening.into_iter().chain(total).fold(connect, Duration::min);
        let canceller = options.canceller.clone().unwrap_or_default();
        let connecting = connect::tcp::<R>(host, port, later(now, patience));
        let socket = canceller.run(connecting).await.map_err(|_| Error::Cancelled)??;
        let link = Link::new(socket, Box::new(side), security == Security::StartTls, options);
        Self::begin(link, security, now).await
    }

    /// Takes over a socket that is connected to `host`, as its client. With [`Security::Implicit`] does the TLS
    /// handshake.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidHost`], [`Error::Tls`], [`Error::Io`] or [`Error::Timeout`].
    pub async fn over(
        socket: R::Socket,
        host: &str,
        security: Security,
        tls: &Tls,
        options: Options,
    ) -> Result<Self, Error> {
        let due = security == Security::StartTls;
        Self::begin(Link::new(socket, Box::new(tls.client(host)?), due, options), security, R::now()).await
    }

    /// Takes over a socket that a client connected to. With [`Security::Implicit`] does the server's side of the TLS
    /// handshake; a machine's [`Step::StartTls`] does it later.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`], [`Error::Io`] or [`Error::Timeout`].
    pub async fn accept(
        socket: R::Socket,
        security: Security,
        tls: &ServerTls,
        options: Options,
    ) -> Result<Self, Error> {
        Self::begin(Link::new(socket, Box::new(tls.clone()), false, options), security, R::now()).await
    }

    /// Takes over a socket that a client connected to and that stays in the clear: for loopback, where a browser or a
    /// device speaks to a program on its own machine. [`Step::StartTls`] is an error on it.
    #[must_use]
    pub fn accept_in_clear(socket: R::Socket, options: Options) -> Self {
        Self { link: Box::new(Link::new(socket, Box::new(Clear), false, options)) }
    }

    async fn begin(link: Link<R>, security: Security, since: Instant) -> Result<Self, Error> {
        let mut link = Box::new(link);
        let Timeouts { opening, total, .. } = link.options.timeouts;
        let limit = opening.into_iter().chain(total).min();
        link.set_deadline(limit.map(|limit| (later(since, limit), limit)));
        if security == Security::Implicit {
            let handshake = link.start_tls()?;
            link.run(handshake).await?;
        }
        Ok(Self { link })
    }

    /// Gives the operation that starts now its [`Timeouts::total`] of time.
    pub fn start_operation(&mut self) {
        let total = self.link.options.timeouts.total;
        self.link.set_deadline(total.map(|total| (later(R::now(), total), total)));
    }

    /// Drives `machine` to its next event; `None` when the conversation ended as it should.
    ///
    /// What the machine queued is sent before anything is waited for, not before an event is returned. The
    /// future can be dropped at any await; calling again goes on where it was.
    ///
    /// # Errors
    ///
    /// [`DriveError::Machine`] with the machine's own error, after its last words were sent; else
    /// [`DriveError::Net`].
    pub async fn next<M: Machine>(
        &mut self,
        machine: &mut M,
    ) -> Result<Option<M::Event>, DriveError<M::Error>> {
        let read = self.link.options.timeouts.read.unwrap_or_else(|| {
            let patience = machine.patience().unwrap_or(MINUTE);
            match self.link.stage() {
                Stage::Greeting | Stage::StartTls => patience.min(OPENING),
                _ => patience,
            }
        });
        match self.next_within(machine, read).await? {
            Next::Event(event) => Ok(Some(event)),
            Next::Closed => Ok(None),
            Next::Quiet => Err(Error::Timeout { stage: self.link.stage(), after: read }.into()),
        }
    }

    /// As [`next`](Self::next), but after `patience` of silence it says so instead of failing.
    ///
    /// This is how a listener gives a command: wait a while, stop waiting, queue it, go on.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next), but for the silence.
    pub async fn next_within<M: Machine>(
        &mut self,
        machine: &mut M,
        patience: Duration,
    ) -> Result<Next<M::Event>, DriveError<M::Error>> {
        self.link.start_waiting(patience);
        let found = self.drive(machine, patience).await;
        self.link.stop_waiting();
        found
    }

    async fn drive<M: Machine>(
        &mut self,
        machine: &mut M,
        patience: Duration,
    ) -> Result<Next<M::Event>, DriveError<M::Error>> {
        let link = &mut *self.link;
        loop {
            let step = machine.step(&mut link.rx, &mut link.tx);
            link.hand_out_trace();
            let errand = match step {
                Ok(Step::Event(event)) => return Ok(Next::Event(event)),
                Ok(Step::Read) => Errand::Read(patience),
                Ok(Step::Flush) => Errand::Flush,
                Ok(Step::StartTls) => Errand::StartTls,
                Ok(Step::Close) => Errand::Close,
                Err(error) => {
                    link.say_last_words();
                    return Err(DriveError::Machine(error));
                }
            };
            match link.run(errand).await? {
                Outcome::Done => {}
                Outcome::Quiet => return Ok(Next::Quiet),
                Outcome::Closed => return Ok(Next::Closed),
            }
        }
    }

    /// Sends what the machine queued, tells the peer that there is no more, and waits for it to go, half a second at
    /// most: a peer that is still sending would lose the last answer otherwise.
    ///
    /// For a server's machine that failed. One that ends by [`Step::Close`] is closed like this by [`next`](Self::next).
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Timeout`].
    pub async fn close(mut self) -> Result<(), Error> {
        self.link.start_waiting(MINUTE);
        self.link.run(Errand::Linger).await.map(drop)
    }

    /// A handle that ends whatever this connection waits for, from wherever it is called.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        self.link.wait.canceller.clone()
    }

    /// Has the system find out whether the peer is still there, each time nothing came for `idle`: for a connection that
    /// listens, whose peer may vanish without a word.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system can't do it.
    pub fn keep_alive(&mut self, idle: Duration) -> Result<(), Error> {
        self.link.socket.keep_alive(idle).map_err(|source| Error::Io { stage: Stage::Read, source })
    }
}

const MINUTE: Duration = Duration::from_secs(60);
/// Of silence before a greeting or TLS. A server that is well says hello at once; one that wants TLS first never does.
const OPENING: Duration = Duration::from_secs(30);
