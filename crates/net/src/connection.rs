use std::{
    io::{self, BufRead, IoSlice, Read, Write},
    time::{Duration, Instant},
};

use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step, TraceLine};
use rustls::ClientConnection;

use crate::{DriveError, Error, Interest, Runtime, Socket, Stage, Tls};

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
    socket: R::Socket,
    host: String,
    tls: Option<Box<ClientConnection>>,
    /// A TLS record that waits for another to go out with.
    held: Vec<u8>,
    options: Options,
    rx: RecvBuf,
    tx: SendBuf,
    /// Since when neither side moved a byte.
    still_since: Instant,
    deadline: Option<Instant>,
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
        let tls = Box::new(options.tls.client(host)?);
        let deadline = later(Instant::now(), options.timeouts.connect);
        let socket = R::connect(host, port, deadline).await.map_err(|source| Error::Connect {
            host: host.to_owned(),
            port,
            source,
        })?;
        let mut connection = Self::over(socket, host, options);
        if security == Security::Implicit {
            connection.handshake(tls).await?;
        }
        Ok(connection)
    }

    /// Takes over a connected socket on which TLS has not started.
    pub fn over(socket: R::Socket, host: &str, options: Options) -> Self {
        let (mut rx, mut tx) = (RecvBuf::with_limit(options.recv_limit), SendBuf::new());
        if options.trace.is_some() {
            rx.start_trace();
            tx.start_trace();
        }
        let deadline = options.timeouts.total.map(|total| later(Instant::now(), total));
        Self {
            socket,
            host: host.to_owned(),
            tls: None,
            held: Vec::new(),
            options,
            rx,
            tx,
            still_since: Instant::now(),
            deadline,
        }
    }

    /// Gives the operation that starts now its [`Timeouts::total`] of time.
    pub fn start_operation(&mut self) {
        self.deadline = self.options.timeouts.total.map(|total| later(Instant::now(), total));
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
        let read = self.options.timeouts.read.or_else(|| machine.patience()).unwrap_or(MINUTE);
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
        self.still_since = Instant::now();
        loop {
            let step = machine.step(&mut self.rx, &mut self.tx);
            self.hand_out_trace();
            match step {
                Ok(Step::Event(event)) => return Ok(Next::Event(event)),
                Ok(Step::Read) => {
                    if !self.pump(Some(patience)).await? {
                        return Ok(Next::Quiet);
                    }
                }
                Ok(Step::Flush) => {
                    self.pump(None).await?;
                }
                Ok(Step::StartTls) => {
                    self.flush().await?;
                    if self.tls.is_some() || !self.rx.unread().is_empty() {
                        return Err(Error::BytesBeforeTls.into());
                    }
                    let tls = Box::new(self.options.tls.client(&self.host)?);
                    self.handshake(tls).await?;
                }
                Ok(Step::Close) => {
                    // No TLS closure alert: the protocol's own goodbye was answered, the peer is gone.
                    self.flush().await?;
                    return Ok(Next::Closed);
                }
                Err(error) => {
                    // The machine's last words, if the peer still takes them at once.
                    let _ = self.write();
                    return Err(DriveError::Machine(error));
                }
            }
        }
    }

    pub(crate) const fn socket(&self) -> &R::Socket {
        &self.socket
    }

    async fn handshake(&mut self, tls: Box<ClientConnection>) -> Result<(), Error> {
        self.tls = Some(tls);
        let limit = self.options.timeouts.connect;
        let deadline = later(Instant::now(), limit);
        while self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            // What is left to write when the handshake is over goes out with the first data: a flight less.
            let written = self.write()?;
            match self.read() {
                Ok(true) if self.rx.is_eof() => {
                    return Err(Error::Io(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "server closed the connection during the TLS handshake",
                    )));
                }
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    // The alert that says why.
                    let _ = self.write();
                    return Err(error);
                }
            }
            let interest = if written { Interest::Read } else { Interest::Both };
            self.wait(interest, deadline, Stage::Handshake, limit).await?;
        }
        self.still_since = Instant::now();
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        while !self.write()? {
            let limit = self.options.timeouts.write;
            self.wait(Interest::Write, later(self.still_since, limit), Stage::Write, limit).await?;
        }
        Ok(())
    }

    /// Sends what is queued, and with a `patience` waits for bytes; false if they did not come in that time.
    ///
    /// Reads also while it only has to write: a peer that can't get rid of its bytes takes none of ours.
    async fn pump(&mut self, patience: Option<Duration>) -> Result<bool, Error> {
        loop {
            let written = self.write()?;
            if written && patience.is_none() {
                return Ok(true);
            }
            if self.rx.is_eof() {
                // A machine that reads on after the end is told so again, and ends.
                return if written {
                    Err(Error::Io(io::ErrorKind::UnexpectedEof.into()))
                } else {
                    self.flush().await.map(|()| true)
                };
            }
            if self.read()? {
                return Ok(true);
            }
            let room = self.rx.room() > 0;
            if written && !room {
                let limit = self.options.recv_limit;
                return Err(Error::BufferFull(mailbearer_wire::BufferFull { limit }));
            }
            let (interest, stage, limit) = match (written, patience) {
                (true, Some(patience)) => (Interest::Read, Stage::Read, patience),
                _ if room => (Interest::Both, Stage::Write, self.options.timeouts.write),
                _ => (Interest::Write, Stage::Write, self.options.timeouts.write),
            };
            match self.wait(interest, later(self.still_since, limit), stage, limit).await {
                Err(Error::Timeout { stage: Stage::Read, .. }) => return Ok(false),
                waited => waited?,
            }
        }
    }

    async fn wait(
        &mut self,
        interest: Interest,
        until: Instant,
        stage: Stage,
        after: Duration,
    ) -> Result<(), Error> {
        let (until, stage, after) = match (self.deadline, self.options.timeouts.total) {
            (Some(deadline), Some(total)) if deadline < until => (deadline, Stage::Total, total),
            _ => (until, stage, after),
        };
        self.socket.ready(interest, Some(until)).await.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => Error::Timeout { stage, after },
            _ => Error::Io(error),
        })
    }

    /// Writes what the socket takes now; true if nothing is left.
    fn write(&mut self) -> Result<bool, Error> {
        let handshaking = self.tls.as_ref().is_some_and(|tls| tls.is_handshaking());
        let mut socket = NonBlocking { socket: &mut self.socket, held: &mut self.held, handshaking };
        let Some(tls) = &mut self.tls else {
            while !self.tx.unsent().is_empty() {
                match taken(socket.write(self.tx.unsent()))? {
                    Some(count) => self.tx.sent(count),
                    None => return Ok(false),
                }
                self.still_since = Instant::now();
            }
            return Ok(true);
        };
        loop {
            // A failed handshake leaves an alert to send, but takes no plaintext, not even none.
            if !self.tx.unsent().is_empty() {
                let accepted = tls.writer().write(self.tx.unsent()).map_err(Error::Io)?;
                self.tx.sent(accepted);
            }
            while tls.wants_write() {
                if taken(tls.write_tls(&mut socket))?.is_none() {
                    return Ok(false);
                }
                self.still_since = Instant::now();
            }
            if self.tx.unsent().is_empty() {
                return Ok(true);
            }
        }
    }

    /// Reads what is there and fits; true if bytes or the end came.
    fn read(&mut self) -> Result<bool, Error> {
        if self.rx.room() == 0 || self.rx.is_eof() {
            return Ok(false);
        }
        let handshaking = self.tls.as_ref().is_some_and(|tls| tls.is_handshaking());
        let mut socket = NonBlocking { socket: &mut self.socket, held: &mut self.held, handshaking };
        let Some(tls) = &mut self.tls else {
            let mut chunk = [0; 4096];
            let room = self.rx.room().min(chunk.len());
            let Some(count) = taken(socket.read(chunk.get_mut(..room).unwrap_or_default()))? else {
                return Ok(false);
            };
            self.still_since = Instant::now();
            match count {
                0 => self.rx.set_eof(),
                _ => self.rx.extend(chunk.get(..count).unwrap_or_default()).map_err(Error::BufferFull)?,
            }
            return Ok(true);
        };
        // Plaintext that found no room before comes first: the TLS library takes no more records meanwhile.
        if drain(tls, &mut self.rx)? {
            return Ok(true);
        }
        let was_handshaking = tls.is_handshaking();
        let Some(_) = taken(tls.read_tls(&mut socket))? else {
            return Ok(false);
        };
        self.still_since = Instant::now();
        tls.process_new_packets().map_err(|source| Error::Tls { host: self.host.clone(), source })?;
        // A record without data (a session ticket, a part of the handshake) is progress too, but not for the machine.
        Ok(drain(tls, &mut self.rx)? || was_handshaking)
    }

    fn hand_out_trace(&mut self) {
        if let Some(trace) = &mut self.options.trace {
            self.rx.take_trace().iter().chain(&self.tx.take_trace()).for_each(trace);
        }
    }
}

/// Moves decrypted bytes to the machine; true if bytes or the end came.
fn drain(tls: &mut ClientConnection, rx: &mut RecvBuf) -> Result<bool, Error> {
    let mut moved = false;
    let mut reader = tls.reader();
    while rx.room() > 0 {
        match reader.fill_buf() {
            Ok([]) => {
                rx.set_eof();
                return Ok(true);
            }
            Ok(bytes) => {
                let fitting = bytes.get(..rx.room()).unwrap_or(bytes);
                rx.extend(fitting).map_err(Error::BufferFull)?;
                let count = fitting.len();
                reader.consume(count);
                moved = true;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // The end without a TLS closure alert: someone may have cut it.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                rx.set_cut_off();
                return Ok(true);
            }
            Err(error) => return Err(Error::Io(error)),
        }
    }
    Ok(moved)
}

/// `None` where the socket would have to wait.
fn taken(result: io::Result<usize>) -> Result<Option<usize>, Error> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(error) => Err(Error::Io(error)),
    }
}

/// What the TLS library reads from and writes to: a write is one segment, as long as it fits.
struct NonBlocking<'a, S> {
    socket: &'a mut S,
    held: &'a mut Vec<u8>,
    handshaking: bool,
}

impl<S: Socket> Read for NonBlocking<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.socket.read(into)
    }
}

impl<S: Socket> Write for NonBlocking<'_, S> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        if self.handshaking && from == CHANGE_CIPHER_SPEC {
            self.held.extend_from_slice(from);
            return Ok(from.len());
        }
        if self.held.is_empty() {
            return self.socket.write(from);
        }
        let count = self.socket.write(&[self.held.as_slice(), from].concat())?;
        let held = self.held.len();
        self.held.drain(..count.min(held));
        count.checked_sub(held).filter(|&count| count > 0).ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn write_vectored(&mut self, records: &[IoSlice<'_>]) -> io::Result<usize> {
        match records {
            [record] => self.write(record),
            records => {
                self.write(&records.iter().flat_map(|record| record.iter().copied()).collect::<Vec<u8>>())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// The record of TLS 1.3 that means nothing (RFC 8446 appendix D.4). It is due in the middle of the server's flight:
/// sent at once it would make two flights of the client's one.
const CHANGE_CIPHER_SPEC: &[u8] = &[20, 3, 3, 0, 1, 1];

fn later(from: Instant, by: Duration) -> Instant {
    // An addition that overflows is a limit of centuries: any far moment will do.
    from.checked_add(by).or_else(|| from.checked_add(Duration::from_secs(86_400 * 365))).unwrap_or(from)
}
