use std::time::{Duration, Instant};

use mailbearer_wire::{Describe, Machine, RecvBuf, Security, SendBuf, Step, TraceLine};

use crate::{
    Canceller, DriveError, Error, ProxyProblem, Route, Runtime, ServerTls, Socket, Stage, Tls, connect,
    link::{Errand, Link, Outcome, Silence, Turn, later},
    proxy::Tunnel,
    tls::Clear,
};

/// How long to wait, and for what.
///
/// A peer that sends an octet now and then is slow, not silent. For each request it has ten times its patience, and a
/// second more for every 100 octets that are transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// How long name look-up, TCP and a proxy may take together, and how long the TLS handshake may take after them.
    /// Default 30 s each.
    pub connect: Duration,
    /// How long a login may take, from the look-up of the name until the caller calls [`Connection::opened`]. Default
    /// none; the crate `mailbearer` sets 60 s, and 30 s for a whole request for a token.
    pub opening: Option<Duration>,
    /// How long the peer may be silent. Default none: the [`patience`](Machine::patience) of the machine in its present
    /// state counts, or 60 s if it has none, but at most 30 s before a greeting or TLS.
    pub read: Option<Duration>,
    /// How long the peer may accept none of our bytes. Default 60 s.
    pub write: Duration,
    /// How long a whole operation may take, from [`Connection::start_operation`] on. Connecting counts as an operation.
    /// Default none.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: OPENING, opening: None, read: None, write: MINUTE, total: None }
    }
}

/// Options of a [`Connection`], on either side.
#[non_exhaustive]
pub struct Options {
    /// How long to wait.
    pub timeouts: Timeouts,
    /// The most octets to receive before the machine consumes them. Default 64 KiB. A machine that takes larger pieces
    /// says so in its docs.
    pub recv_limit: usize,
    /// Gets every line of the conversation. Default none.
    pub trace: Option<Trace>,
    /// How [`Connection::open`] reaches the server. [`Proxies`](crate::Proxies) chooses the route for a server.
    /// Default: directly.
    pub route: Route,
    /// After how much silence the system probes whether the peer is still there, as with [`Connection::keep_alive`].
    /// Only [`Connection::open`] uses it. Default never.
    pub keep_alive: Option<Duration>,
    /// Ends whatever the connection waits for. By default the connection makes its own, which [`Connection::canceller`]
    /// returns.
    pub canceller: Option<Canceller>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            recv_limit: 64 * 1024,
            trace: None,
            route: Route::Direct,
            keep_alive: None,
            canceller: None,
        }
    }
}

/// Gets every line of a conversation, without secrets.
pub struct Trace {
    pub(crate) tell: Box<dyn FnMut(&TraceLine) + Send>,
    describe: Option<Describe>,
    /// A pointer, so that a program without traces links nothing that writes one.
    start: fn(&mut RecvBuf, &mut SendBuf, Option<Describe>),
}

impl Trace {
    /// Reports lines to `tell`. `describe` says what to show in place of secrets; `None` shows `[redacted]`.
    #[must_use]
    pub fn new(tell: impl FnMut(&TraceLine) + Send + 'static, describe: Option<Describe>) -> Self {
        let start = |rx: &mut RecvBuf, tx: &mut SendBuf, describe| {
            rx.start_trace(describe);
            tx.start_trace(describe);
        };
        Self { tell: Box::new(tell), describe, start }
    }

    pub(crate) fn start(&self, rx: &mut RecvBuf, tx: &mut SendBuf) {
        (self.start)(rx, tx, self.describe);
    }
}

/// What [`Connection::next_within`] returns.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a wait ends in no fourth way")]
pub enum Next<E> {
    /// The machine has an event.
    Event(E),
    /// The conversation ended as it should.
    Closed,
    /// The peer was silent. The connection can be used as before.
    Quiet,
}

/// A TCP connection, its TLS, and the buffers of the machine that talks over it.
pub struct Connection<R: Runtime> {
    link: Box<Link<R>>,
}

impl<R: Runtime> Connection<R> {
    /// Connects, and with [`Security::Implicit`] does the TLS handshake.
    ///
    /// The certificate is checked against `host`.
    ///
    /// # Errors
    ///
    /// Returns [`Error::InvalidHost`] if no certificate can match `host`; [`Error::LookUp`], [`Error::Connect`] or
    /// [`Error::Proxy`] if the server can't be reached; [`Error::Tls`] if the handshake fails;
    /// [`Error::BytesBeforeTls`], [`Error::Io`], [`Error::Timeout`] or [`Error::Cancelled`].
    pub async fn open(
        host: &str,
        port: u16,
        security: Security,
        tls: &Tls,
        options: Options,
    ) -> Result<Self, Error> {
        // Before anything is sent: a name that no certificate can match is of no use.
        let side = tls.client(host)?;
        let now = R::now();
        let Timeouts { connect, opening, total, .. } = options.timeouts;
        let patience = opening.into_iter().chain(total).fold(connect, Duration::min);
        let canceller = options.canceller.clone().unwrap_or_default();
        let proxy = match &options.route {
            Route::Direct => None,
            Route::Proxy(proxy) => Some((proxy.to_string(), proxy.tunnel(host, port))),
        };
        let (first, first_port) = match &options.route {
            Route::Direct => (host, port),
            Route::Proxy(proxy) => (proxy.host.as_str(), proxy.port),
        };
        let connecting = connect::tcp::<R>(first, first_port, later(now, patience));
        let connected = canceller.run(connecting).await.map_err(|_| Error::Cancelled)?;
        let socket = connected.map_err(|error| match (&proxy, error) {
            (Some((proxy, _)), Error::LookUp { source, .. }) => {
                Error::Proxy { proxy: proxy.clone(), problem: ProxyProblem::LookUp(source) }
            }
            (Some((proxy, _)), Error::Connect { source, .. }) => {
                Error::Proxy { proxy: proxy.clone(), problem: ProxyProblem::Connect(source) }
            }
            (_, error) => error,
        })?;
        let keep_alive = options.keep_alive;
        let link = Link::new(socket, Box::new(side), security == Security::StartTls, options);
        let mut connection = Self { link: Box::new(link) };
        if let Some((proxy, machine)) = proxy {
            connection.link.set_deadline(Some((later(now, patience), patience)));
            connection.tunnel(proxy, machine, patience).await?;
        }
        connection.begin(security, now).await?;
        if let Some(idle) = keep_alive {
            // The connection works without keepalive too.
            let _ = connection.keep_alive(idle);
        }
        Ok(connection)
    }

    /// Takes over a socket that is connected to `host`, as the client. With [`Security::Implicit`] does the TLS
    /// handshake.
    ///
    /// # Errors
    ///
    /// Returns [`Error::InvalidHost`] if no certificate can match `host`, [`Error::Tls`] if the handshake fails,
    /// [`Error::Io`] or [`Error::Timeout`].
    pub async fn over(
        socket: R::Socket,
        host: &str,
        security: Security,
        tls: &Tls,
        options: Options,
    ) -> Result<Self, Error> {
        let due = security == Security::StartTls;
        let link = Link::new(socket, Box::new(tls.client(host)?), due, options);
        let mut connection = Self { link: Box::new(link) };
        connection.begin(security, R::now()).await?;
        Ok(connection)
    }

    /// Takes over a socket to which a client connected. With [`Security::Implicit`] does the server's side of the TLS
    /// handshake; otherwise a machine's [`Step::StartTls`] may do it later.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Tls`] if the handshake fails, [`Error::Io`] or [`Error::Timeout`].
    pub async fn accept(
        socket: R::Socket,
        security: Security,
        tls: &ServerTls,
        options: Options,
    ) -> Result<Self, Error> {
        let mut connection =
            Self { link: Box::new(Link::new(socket, Box::new(tls.clone()), false, options)) };
        connection.begin(security, R::now()).await?;
        Ok(connection)
    }

    /// Takes over the socket of a client that may begin with or without TLS, for a port that serves both.
    ///
    /// A client that wants TLS begins with it at once. One that says nothing within `patience` waits for a greeting,
    /// and gets that in the clear; a machine's [`Step::StartTls`] may do the handshake later. The second value is
    /// whether TLS is on.
    ///
    /// # Errors
    ///
    /// Fails as [`accept`](Self::accept) does.
    pub async fn accept_either(
        socket: R::Socket,
        tls: &ServerTls,
        options: Options,
        patience: Duration,
    ) -> Result<(Self, bool), Error> {
        let mut connection =
            Self { link: Box::new(Link::new(socket, Box::new(tls.clone()), false, options)) };
        let mut step = |rx: &mut RecvBuf, _: &mut SendBuf| match rx.unread() {
            [] if !rx.is_eof() => Turn::Go(Errand::Read(patience)),
            _ => Turn::Over,
        };
        connection.link.drive(patience, Silence::IsAnswer, &mut step).await?;
        let is_tls = connection.link.rx.unread().first() == Some(&HANDSHAKE);
        if is_tls {
            let handshake = connection.link.start_tls_as_heard()?;
            connection.link.run(handshake).await?;
        }
        Ok((connection, is_tls))
    }

    /// Traces what is said from now on.
    pub fn watch(&mut self, trace: Trace) {
        self.link.watch(trace);
    }

    /// Takes over the socket of a client, and stays in the clear. For loopback, where a browser or a device connects to
    /// a program on its own machine. [`Step::StartTls`] is an error on it.
    #[must_use]
    pub fn accept_in_clear(socket: R::Socket, options: Options) -> Self {
        Self { link: Box::new(Link::new(socket, Box::new(Clear), false, options)) }
    }

    /// Asks a proxy to connect to the server. Octets of the server that came meanwhile stay in the buffer for its
    /// machine.
    async fn tunnel(&mut self, proxy: String, mut machine: Tunnel, patience: Duration) -> Result<(), Error> {
        let late = Error::Timeout { stage: Stage::Proxy, after: patience };
        let mut found = None;
        let mut step =
            |rx: &mut RecvBuf, tx: &mut SendBuf| turn_of(machine.step(rx, tx), patience, &mut found);
        let outcome = self.link.drive(patience, Silence::IsAnswer, &mut step).await;
        let problem = match (found, outcome) {
            (Some(Ok(())), _) => {
                self.link.forget_proxy();
                return Ok(());
            }
            (Some(Err(problem)), _) => problem,
            (None, Ok(Outcome::Quiet) | Err(Error::Timeout { .. })) => return Err(late),
            (None, Ok(_) | Err(Error::Io { .. })) => ProxyProblem::Closed,
            (None, Err(error)) => return Err(error),
        };
        Err(Error::Proxy { proxy, problem })
    }

    async fn begin(&mut self, security: Security, since: Instant) -> Result<(), Error> {
        let Timeouts { opening, total, .. } = self.link.options.timeouts;
        self.link.set_opening(opening.map(|limit| (later(since, limit), limit)));
        self.link.set_deadline(total.map(|limit| (later(since, limit), limit)));
        if security == Security::Implicit {
            let handshake = self.link.start_tls()?;
            self.link.run(handshake).await?;
        }
        Ok(())
    }

    /// Notes that the server let the client in within [`Timeouts::opening`].
    pub fn opened(&mut self) {
        self.link.set_opening(None);
    }

    /// Gives the operation that starts now [`Timeouts::total`] of time.
    pub fn start_operation(&mut self) {
        let total = self.link.options.timeouts.total;
        self.link.forget_waiting();
        self.link.set_deadline(total.map(|total| (later(R::now(), total), total)));
    }

    /// Drives `machine` to its next event. Returns `None` if the conversation ended as it should.
    ///
    /// Sends what the machine queued before it waits, but not before it returns an event. The future can be dropped at
    /// any await: the next call continues, and goes on counting the peer's silence.
    ///
    /// # Errors
    ///
    /// Returns [`DriveError::Machine`] with the machine's own error, after its last words were sent, and
    /// [`DriveError::Net`] if the connection fails.
    pub async fn next<M>(&mut self, machine: &mut M) -> Result<Option<M::Event>, DriveError<M::Error>>
    where
        M: Machine<Event: Send, Error: Send> + Send,
    {
        let patience = self.link.patience(machine.patience());
        let mut found = None;
        let mut step =
            |rx: &mut RecvBuf, tx: &mut SendBuf| turn_of(machine.step(rx, tx), patience, &mut found);
        let outcome = self.link.drive(patience, Silence::Fails, &mut step).await;
        match (found, outcome) {
            // A broken connection says more than a machine that got no further.
            (None | Some(Err(_)), Err(error)) => Err(DriveError::Net(error)),
            (Some(found), _) => found.map(Some).map_err(DriveError::Machine),
            (None, Ok(_)) => Ok(None),
        }
    }

    /// Does the same as [`next`](Self::next), but returns [`Next::Quiet`] after `patience` of silence instead of
    /// failing.
    ///
    /// A caller that waits for news uses it to send a command: it waits for a while, queues the command, and goes on.
    ///
    /// # Errors
    ///
    /// Fails as [`next`](Self::next) does, except for the silence.
    pub async fn next_within<M>(
        &mut self,
        machine: &mut M,
        patience: Duration,
    ) -> Result<Next<M::Event>, DriveError<M::Error>>
    where
        M: Machine<Event: Send, Error: Send> + Send,
    {
        let mut found = None;
        let mut step =
            |rx: &mut RecvBuf, tx: &mut SendBuf| turn_of(machine.step(rx, tx), patience, &mut found);
        let outcome = self.link.drive(patience, Silence::IsAnswer, &mut step).await;
        match (found, outcome) {
            (None | Some(Err(_)), Err(error)) => Err(DriveError::Net(error)),
            (Some(found), _) => found.map(Next::Event).map_err(DriveError::Machine),
            (None, Ok(Outcome::Closed)) => Ok(Next::Closed),
            (None, Ok(_)) => Ok(Next::Quiet),
        }
    }

    /// Sends what the machine queued, tells the peer that no more will come, and waits for the peer to close, at most
    /// half a second. Otherwise a peer that is still sending would lose the last answer.
    ///
    /// For a server's machine that failed. [`next`](Self::next) closes one that ends with [`Step::Close`] in the same
    /// way.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Io`] or [`Error::Timeout`].
    pub async fn close(mut self) -> Result<(), Error> {
        self.link.start_waiting(MINUTE);
        self.link.run(Errand::Linger).await.map(drop)
    }

    /// Returns the TLS version and the cipher suite of the connection by their numbers at IANA: `(0x0304, 0x1301)` is
    /// TLS 1.3 with `TLS_AES_128_GCM_SHA256`. `None` in the clear and during the handshake.
    #[must_use]
    pub fn tls(&self) -> Option<(u16, u16)> {
        self.link.agreed()
    }

    /// Returns a handle that ends whatever this connection waits for, from anywhere.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        self.link.wait.canceller.clone()
    }

    /// Makes the system probe the peer whenever nothing came for `idle`. For a connection that waits for news, whose
    /// peer may vanish without a word.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Io`] if the system can't do it.
    pub fn keep_alive(&mut self, idle: Duration) -> Result<(), Error> {
        self.link.socket.keep_alive(idle).map_err(|source| Error::Io { stage: Stage::Read, source })
    }
}

/// Translates a machine's step into what the link does next. Leaves events and errors in `found`, for the caller.
fn turn_of<E, F>(step: Result<Step<E>, F>, patience: Duration, found: &mut Option<Result<E, F>>) -> Turn {
    let (result, turn) = match step {
        Ok(Step::Event(event)) => (Ok(event), Turn::Over),
        Ok(Step::Read) => return Turn::Go(Errand::Read(patience)),
        Ok(Step::Flush) => return Turn::Go(Errand::Flush),
        Ok(Step::StartTls) => return Turn::Go(Errand::StartTls),
        Ok(Step::Close) => return Turn::Go(Errand::Close),
        Err(error) => (Err(error), Turn::Failed),
    };
    *found = Some(result);
    turn
}

/// The first octet of a TLS record with a handshake (RFC 8446 section 5.1). No command of a mail client begins with it.
const HANDSHAKE: u8 = 22;
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
/// The longest silence before a greeting or TLS. A healthy server greets at once; one that expects TLS first never
/// does.
pub(crate) const OPENING: Duration = Duration::from_secs(30);
