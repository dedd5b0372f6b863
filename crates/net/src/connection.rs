use std::time::{Duration, Instant};

use mailbearer_wire::{Machine, Security, Step, TraceLine};

use crate::{
    DriveError, Error, Runtime, Stage, Tls,
    link::{Errand, Link, Outcome, later},
};

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name look-up and TCP together; and again for the TLS handshake. Default 30 s.
    pub connect: Duration,
    /// Silence of the peer. Default none: the [`patience`](Machine::patience) of the machine in its present state, and
    /// 60 s where it has none.
    pub read: Option<Duration>,
    /// The peer taking none of our bytes. Default 60 s.
    pub write: Duration,
    /// A whole operation, as [`Connection::start_operation`] begins it. Default none.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(30), read: None, write: MINUTE, total: None }
    }
}

/// What a [`Connection`] is made with.
pub struct Options {
    /// Whom to trust.
    pub tls: Tls,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Octets received and not yet consumed by the machine. Default 64 KiB; a machine that takes larger pieces
    /// says so in its docs.
    pub recv_limit: usize,
    /// Gets every line of the conversation, without secrets. Default none.
    pub trace: Option<Box<dyn FnMut(&TraceLine) + Send>>,
}

impl Options {
    /// The defaults, with this trust.
    #[must_use]
    pub fn new(tls: Tls) -> Self {
        Self { tls, timeouts: Timeouts::default(), recv_limit: 64 * 1024, trace: None }
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
    link: Box<Link<R::Socket>>,
}

impl<R: Runtime> Connection<R> {
    /// Connects, and with [`Security::Implicit`] does the TLS handshake.
    ///
    /// `host` is what the certificate is checked against.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`], [`Error::InvalidHost`], [`Error::Tls`] or [`Error::Timeout`].
    pub async fn open(host: &str, port: u16, security: Security, options: Options) -> Result<Self, Error> {
        // Before anything is sent: a name that no certificate can match is no use.
        let tls = options.tls.client(host)?;
        let deadline = later(Instant::now(), options.timeouts.connect);
        let socket = R::connect(host, port, deadline).await.map_err(|source| Error::Connect {
            host: host.to_owned(),
            port,
            source,
        })?;
        let mut connection = Self::over(socket, host, options);
        if security == Security::Implicit {
            let handshake = connection.link.start_tls(tls);
            connection.link.run(handshake).await?;
        }
        Ok(connection)
    }

    /// Takes over a connected socket on which TLS has not started.
    pub fn over(socket: R::Socket, host: &str, options: Options) -> Self {
        Self { link: Box::new(Link::new(socket, host, options)) }
    }

    /// Gives the operation that starts now its [`Timeouts::total`] of time.
    pub fn start_operation(&mut self) {
        self.link.start_operation();
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
        let read = self.link.options.timeouts.read.or_else(|| machine.patience()).unwrap_or(MINUTE);
        match self.next_within(machine, read).await? {
            Next::Event(event) => Ok(Some(event)),
            Next::Closed => Ok(None),
            Next::Quiet => Err(Error::Timeout { stage: Stage::Read, after: read }.into()),
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
        let link = &mut *self.link;
        link.start_waiting();
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

    pub(crate) const fn socket(&self) -> &R::Socket {
        &self.link.socket
    }
}

const MINUTE: Duration = Duration::from_secs(60);
