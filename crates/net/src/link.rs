use std::{
    future::poll_fn,
    io::{self, IoSlice, Read, Write},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use mailbearer_wire::{BufferFull, RecvBuf, SendBuf};

use crate::{
    Error, Interest, Options, Socket, Stage,
    tls::{Session, Side},
};

/// A connected socket, its TLS, and the buffers of the machine that talks over it.
///
/// All its state is in here and none in a future: what polls can stop at any time and begin again.
pub(crate) struct Link<S> {
    pub(crate) socket: S,
    pub(crate) rx: RecvBuf,
    pub(crate) tx: SendBuf,
    pub(crate) options: Options,
    side: Box<dyn Side>,
    tls: Option<Box<dyn Session>>,
    /// A TLS record that waits for another to go out with.
    held: Vec<u8>,
    /// Since when neither side moved a byte.
    still_since: Instant,
    deadline: Option<Instant>,
    /// How far the end of the connection got.
    closing: Option<Closing>,
}

/// What is left to do at the end of a connection whose last word was ours.
#[derive(Clone, Copy)]
enum Closing {
    /// Send what is queued, and say that there is no more.
    Sending,
    /// Read what the peer still sends until then: closing a socket with unread bytes resets the connection, and the
    /// peer would lose our last answer.
    Lingering { until: Instant },
}

/// What a machine's step asks of the link.
#[derive(Clone, Copy)]
pub(crate) enum Errand {
    /// Send everything, then wait for bytes, at most for this long.
    Read(Duration),
    /// Send everything. Reads meanwhile: a peer that can't get rid of its bytes takes none of ours.
    Flush,
    /// Send everything, then do the TLS handshake.
    StartTls,
    /// Do the rest of a handshake.
    Handshake { deadline: Instant },
    /// Send everything and be done.
    Close,
    /// Send everything, say that there is no more, and wait for the peer to go.
    Linger,
}

/// How an [`Errand`] went.
pub(crate) enum Outcome {
    Done,
    /// The peer was silent for the time that was given.
    Quiet,
    Closed,
}

impl<S: Socket> Link<S> {
    pub(crate) fn new(socket: S, side: Box<dyn Side>, options: Options) -> Self {
        let (mut rx, mut tx) = (RecvBuf::with_limit(options.recv_limit), SendBuf::new());
        if options.trace.is_some() {
            rx.start_trace();
            tx.start_trace();
        }
        let mut link = Self {
            socket,
            rx,
            tx,
            options,
            side,
            tls: None,
            held: Vec::new(),
            still_since: Instant::now(),
            deadline: None,
            closing: None,
        };
        link.start_operation();
        link
    }

    pub(crate) fn start_operation(&mut self) {
        self.deadline = self.options.timeouts.total.map(|total| later(Instant::now(), total));
    }

    /// Counts the silence of the peer from now on.
    pub(crate) fn start_waiting(&mut self) {
        self.still_since = Instant::now();
    }

    /// Puts TLS on the socket; the errand is the handshake.
    pub(crate) fn start_tls(&mut self) -> Result<Errand, Error> {
        self.tls = Some(self.side.start()?);
        Ok(Errand::Handshake { deadline: later(Instant::now(), self.options.timeouts.connect) })
    }

    /// Tries to get rid of a failed machine's last words.
    pub(crate) fn say_last_words(&mut self) {
        // Only if the peer still takes them at once: the failure is what the caller is to hear of.
        let _ = self.write();
    }

    pub(crate) fn hand_out_trace(&mut self) {
        if let Some(trace) = &mut self.options.trace {
            self.rx.take_trace().iter().chain(&self.tx.take_trace()).for_each(trace);
        }
    }

    pub(crate) async fn run(&mut self, mut errand: Errand) -> Result<Outcome, Error> {
        poll_fn(|context| self.poll_run(&mut errand, context)).await
    }

    fn poll_run(&mut self, errand: &mut Errand, context: &mut Context<'_>) -> Poll<Result<Outcome, Error>> {
        if let Errand::StartTls = errand {
            ready!(self.poll_flush(context))?;
            if self.tls.is_some() || !self.rx.unread().is_empty() {
                return Poll::Ready(Err(Error::BytesBeforeTls));
            }
            *errand = self.start_tls()?;
        }
        Poll::Ready(Ok(match *errand {
            Errand::Read(patience) => return self.poll_pump(Some(patience), context),
            Errand::Flush | Errand::StartTls => return self.poll_pump(None, context),
            Errand::Handshake { deadline } => {
                ready!(self.poll_handshake(deadline, context))?;
                Outcome::Done
            }
            Errand::Close if !self.side.is_server() => {
                // The goodbye was answered: the server is gone, there is nobody to send a closure alert to.
                ready!(self.poll_flush(context))?;
                Outcome::Closed
            }
            Errand::Close | Errand::Linger => {
                ready!(self.poll_close(context))?;
                Outcome::Closed
            }
        }))
    }

    fn poll_handshake(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            // What is left to write when the handshake is over goes out with the first data: a flight less.
            let written = self.write()?;
            match self.read() {
                Ok(true) if self.rx.is_eof() => {
                    return Poll::Ready(Err(Error::Io(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "connection closed during the TLS handshake",
                    ))));
                }
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    // The alert that says why.
                    let _ = self.write();
                    return Poll::Ready(Err(error));
                }
            }
            let interest = if written { Interest::Read } else { Interest::Both };
            let limit = self.options.timeouts.connect;
            ready!(self.poll_wait(interest, deadline, Stage::Handshake, limit, context))?;
        }
        self.still_since = Instant::now();
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.write()? {
            let limit = self.options.timeouts.write;
            let until = later(self.still_since, limit);
            ready!(self.poll_wait(Interest::Write, until, Stage::Write, limit, context))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what is queued, says that there is no more, and waits a moment for the peer to go.
    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.closing.is_none() {
            if let Some(tls) = &mut self.tls {
                while !self.tx.unsent().is_empty() {
                    let accepted = tls.encrypt(self.tx.unsent()).map_err(Error::Io)?;
                    self.tx.sent(accepted);
                }
                tls.close();
            }
            self.closing = Some(Closing::Sending);
        }
        loop {
            match self.closing {
                Some(Closing::Lingering { until }) => {
                    let mut chunk = [0; 4096];
                    match self.socket.read(&mut chunk) {
                        Ok(0) => return Poll::Ready(Ok(())),
                        Ok(_) => {}
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            // Whoever waits that long, or sends for that long, does not read any more.
                            let waited =
                                ready!(self.poll_wait(Interest::Read, until, Stage::Read, LINGER, context));
                            if waited.is_err() {
                                return Poll::Ready(Ok(()));
                            }
                        }
                        Err(_) => return Poll::Ready(Ok(())),
                    }
                    if Instant::now() >= until {
                        return Poll::Ready(Ok(()));
                    }
                }
                _ => {
                    ready!(self.poll_flush(context))?;
                    self.socket.shut_down().map_err(Error::Io)?;
                    self.closing = Some(Closing::Lingering { until: later(Instant::now(), LINGER) });
                }
            }
        }
    }

    fn poll_pump(
        &mut self,
        patience: Option<Duration>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Outcome, Error>> {
        loop {
            let written = self.write()?;
            if written && patience.is_none() {
                return Poll::Ready(Ok(Outcome::Done));
            }
            if self.rx.is_eof() {
                // A machine that reads on after the end is told so again, and ends.
                return if written {
                    Poll::Ready(Err(Error::Io(io::ErrorKind::UnexpectedEof.into())))
                } else {
                    self.poll_flush(context).map_ok(|()| Outcome::Done)
                };
            }
            if self.read()? {
                return Poll::Ready(Ok(Outcome::Done));
            }
            let room = self.rx.room() > 0;
            if written && !room {
                let limit = self.options.recv_limit;
                return Poll::Ready(Err(Error::BufferFull(BufferFull { limit })));
            }
            let (interest, stage, limit) = match (written, patience) {
                (true, Some(patience)) => (Interest::Read, Stage::Read, patience),
                _ if room => (Interest::Both, Stage::Write, self.options.timeouts.write),
                _ => (Interest::Write, Stage::Write, self.options.timeouts.write),
            };
            let until = later(self.still_since, limit);
            match ready!(self.poll_wait(interest, until, stage, limit, context)) {
                Err(Error::Timeout { stage: Stage::Read, .. }) => return Poll::Ready(Ok(Outcome::Quiet)),
                waited => waited?,
            }
        }
    }

    fn poll_wait(
        &mut self,
        interest: Interest,
        until: Instant,
        stage: Stage,
        after: Duration,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        let (until, stage, after) = match (self.deadline, self.options.timeouts.total) {
            (Some(deadline), Some(total)) if deadline < until => (deadline, Stage::Total, total),
            _ => (until, stage, after),
        };
        self.socket.poll_ready(interest, until, context).map_err(|error| match error.kind() {
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
                let accepted = tls.encrypt(self.tx.unsent()).map_err(Error::Io)?;
                self.tx.sent(accepted);
            }
            while tls.wants_write() {
                if taken(tls.write_records(&mut socket))?.is_none() {
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
        if drain(&mut **tls, &mut self.rx)? {
            return Ok(true);
        }
        let was_handshaking = tls.is_handshaking();
        let Some(_) = taken(tls.read_records(&mut socket))? else {
            return Ok(false);
        };
        self.still_since = Instant::now();
        tls.process().map_err(|source| Error::Tls { host: self.side.peer().to_owned(), source })?;
        // A record without data (a session ticket, a part of the handshake) is progress too, but not for the machine.
        Ok(drain(&mut **tls, &mut self.rx)? || was_handshaking)
    }
}

/// Moves decrypted bytes to the machine; true if bytes or the end came.
fn drain(tls: &mut dyn Session, rx: &mut RecvBuf) -> Result<bool, Error> {
    let mut moved = false;
    while rx.room() > 0 {
        let mut count = 0;
        let decrypted = tls.decrypted(&mut |bytes| {
            let fitting = bytes.get(..rx.room()).unwrap_or(bytes);
            count = if rx.extend(fitting).is_ok() { fitting.len() } else { 0 };
            count
        });
        match decrypted {
            Ok(()) if count == 0 => {
                rx.set_eof();
                return Ok(true);
            }
            Ok(()) => moved = true,
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

/// The record of TLS 1.3 that means nothing (RFC 8446 appendix D.4). It is due in the middle of the server's flight:
/// sent at once it would make two flights of the client's one.
const CHANGE_CIPHER_SPEC: &[u8] = &[20, 3, 3, 0, 1, 1];

pub(crate) fn later(from: Instant, by: Duration) -> Instant {
    // An addition that overflows is a limit of centuries: any far moment will do.
    from.checked_add(by).or_else(|| from.checked_add(Duration::from_secs(86_400 * 365))).unwrap_or(from)
}

/// How long a peer may take to read our last words.
const LINGER: Duration = Duration::from_millis(500);
