mod errand;
mod octets;
mod pace;

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use mailbearer_wire::{BufferFull, RecvBuf, SendBuf};

pub(crate) use self::errand::{Errand, Outcome, Silence, Turn};
use self::{
    octets::{NonBlocking, drain, taken, writing},
    pace::Pace,
};
use crate::{
    Canceller, Error, Interest, Options, Runtime, Socket, Stage, Timer, Trace,
    cancel::Wait,
    connection::{MINUTE, OPENING},
    tls::{Session, Side, TlsProblem},
};

/// A connected socket, its TLS, and the buffers of the machine that talks over it.
///
/// All of its state is in here and none in a future, so polling can stop at any time and start again.
pub(crate) struct Link<R: Runtime> {
    pub(crate) socket: R::Socket,
    pub(crate) rx: RecvBuf,
    pub(crate) tx: SendBuf,
    pub(crate) options: Options,
    pub(crate) wait: Wait<Canceller>,
    timer: Option<R::Timer>,
    side: Box<dyn Side>,
    tls: Option<Box<dyn Session>>,
    /// TLS starts later in the conversation. Until then the machine sends only what leads to it.
    tls_is_due: bool,
    /// Whether the machine has sent anything, and whether the peer has.
    spoke: bool,
    heard: bool,
    /// A TLS record that is sent together with the next one.
    held: Vec<u8>,
    /// The peer accepts nothing more. What it said before may not have arrived yet, so the link waits for that until
    /// then.
    broken: Option<(io::Error, Instant)>,
    /// When a byte was last transferred, in either direction.
    still_since: Instant,
    /// The patience of a wait that has not ended. Its future may have been dropped.
    waiting: Option<Duration>,
    pace: Pace,
    /// When the operation must be over, and how long it was given.
    deadline: Option<(Instant, Duration)>,
    /// When the login must be over, and how long it was given.
    opening: Option<(Instant, Duration)>,
    /// How far the end of the connection got.
    closing: Option<Closing>,
}

/// What is left to do at the end of a connection on which we have the last word.
#[derive(Clone, Copy)]
enum Closing {
    /// Send what is queued, and say that no more will come.
    Sending,
    /// Read until then what the peer still sends: closing a socket with unread bytes resets the connection, and the
    /// peer would lose our last answer.
    Lingering { until: Instant },
}

impl<R: Runtime> Link<R> {
    /// `tls_is_due` means that TLS starts later.
    pub(crate) fn new(socket: R::Socket, side: Box<dyn Side>, tls_is_due: bool, options: Options) -> Self {
        let (mut rx, mut tx) = (RecvBuf::with_limit(options.recv_limit), SendBuf::new());
        if let Some(trace) = &options.trace {
            trace.start(&mut rx, &mut tx);
        }
        let now = R::now();
        Self {
            socket,
            rx,
            tx,
            wait: Wait::new(options.canceller.clone().unwrap_or_default()),
            options,
            timer: None,
            side,
            tls: None,
            tls_is_due,
            spoke: false,
            heard: false,
            held: Vec::new(),
            broken: None,
            still_since: now,
            waiting: None,
            pace: Pace::new(now),
            deadline: None,
            opening: None,
            closing: None,
        }
    }

    pub(crate) fn watch(&mut self, trace: Trace) {
        trace.start(&mut self.rx, &mut self.tx);
        self.options.trace = Some(trace);
    }

    /// Notes that nothing was said to the server yet: the proxy does not count.
    pub(crate) fn forget_proxy(&mut self) {
        self.spoke = false;
        self.heard = !self.rx.unread().is_empty();
    }

    /// Sets when the operation must be over, and how long it was given.
    pub(crate) fn set_deadline(&mut self, deadline: Option<(Instant, Duration)>) {
        self.deadline = deadline;
    }

    /// Sets when the client must be logged in, and how long it was given. `None` once it is.
    pub(crate) fn set_opening(&mut self, opening: Option<(Instant, Duration)>) {
        self.opening = opening;
    }

    /// Starts to count the peer's silence. Goes on counting if the same wait was dropped and is polled again: otherwise
    /// a caller that looks elsewhere every second would be patient for ever.
    pub(crate) fn start_waiting(&mut self, patience: Duration) {
        if self.waiting.replace(patience) == Some(patience) {
            return;
        }
        self.still_since = R::now();
        self.pace.resume(self.still_since, patience);
    }

    /// Stops counting: time that the caller takes is not the peer's.
    pub(crate) fn stop_waiting(&mut self) {
        self.waiting = None;
        self.pace.pause(R::now());
    }

    /// Forgets a wait that was dropped.
    pub(crate) fn forget_waiting(&mut self) {
        self.waiting = None;
    }

    /// Returns what the link waits for while the peer is silent.
    pub(crate) fn stage(&self) -> Stage {
        if self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            Stage::Handshake
        } else if self.side.is_server() {
            Stage::Read
        } else if !self.heard && !self.spoke {
            Stage::Greeting
        } else if self.tls_is_due {
            Stage::StartTls
        } else {
            Stage::Read
        }
    }

    /// Returns the version and the cipher suite that the handshake agreed on.
    pub(crate) fn agreed(&self) -> Option<(u16, u16)> {
        self.tls.as_ref().and_then(|tls| tls.agreed())
    }

    /// Puts TLS on the socket. The errand is the handshake.
    pub(crate) fn start_tls(&mut self) -> Result<Errand, Error> {
        if self.tls.is_some() || !self.rx.unread().is_empty() {
            return Err(Error::BytesBeforeTls);
        }
        self.tls = Some(self.side.start()?);
        self.tls_is_due = false;
        Ok(Errand::Handshake { deadline: later(R::now(), self.options.timeouts.connect) })
    }

    /// As [`start_tls`](Self::start_tls), for a client whose first records were read already.
    pub(crate) fn start_tls_as_heard(&mut self) -> Result<Errand, Error> {
        let heard = self.rx.unread().to_vec();
        self.rx.consume_bulk(heard.len());
        let errand = self.start_tls()?;
        let Some(tls) = &mut self.tls else { return Ok(errand) };
        let mut rest = heard.as_slice();
        while !rest.is_empty() {
            let failed = |source| Error::Io { stage: Stage::Handshake, source };
            if tls.read_records(&mut rest).map_err(failed)? == 0 {
                return Err(Error::BytesBeforeTls);
            }
            tls.process().map_err(|error| Error::Tls {
                host: self.side.peer().to_owned(),
                problem: TlsProblem::of(&error),
            })?;
        }
        Ok(errand)
    }

    /// Tries to send a failed machine's last words.
    pub(crate) fn say_last_words(&mut self) {
        // Only if the peer accepts them at once: the caller should get the failure.
        let _ = self.write();
    }

    pub(crate) fn hand_out_trace(&mut self) {
        if let Some(trace) = &mut self.options.trace {
            self.rx.take_trace().iter().chain(&self.tx.take_trace()).for_each(&mut trace.tell);
        }
    }

    /// Returns how long to wait for the peer. `machine` is the patience of the machine.
    pub(crate) fn patience(&self, machine: Option<Duration>) -> Duration {
        self.options.timeouts.read.unwrap_or_else(|| {
            let patience = machine.unwrap_or(MINUTE);
            match self.stage() {
                Stage::Greeting | Stage::StartTls => patience.min(OPENING),
                _ => patience,
            }
        })
    }

    /// Steps a machine and runs its errands until it has an event, fails, or must wait for too long. Events and errors
    /// stay with `step`, so that the same code serves all machines.
    pub(crate) async fn drive(
        &mut self,
        patience: Duration,
        silence: Silence,
        step: &mut (dyn FnMut(&mut RecvBuf, &mut SendBuf) -> Turn + Send),
    ) -> Result<Outcome, Error> {
        self.start_waiting(patience);
        let outcome = loop {
            let turn = step(&mut self.rx, &mut self.tx);
            self.hand_out_trace();
            let errand = match turn {
                Turn::Go(errand) => errand,
                Turn::Over => break Ok(Outcome::Done),
                Turn::Failed => {
                    self.say_last_words();
                    break Ok(Outcome::Done);
                }
            };
            match self.run(errand).await {
                Ok(Outcome::Done) => {}
                Ok(Outcome::Quiet) if silence == Silence::Fails => {
                    break Err(Error::Timeout { stage: self.stage(), after: patience });
                }
                over => break over,
            }
        };
        self.stop_waiting();
        // The machine may have read the reason, but still wait for something that will never come. And without the last
        // step, a trace would just stop.
        // the last step would end in silence.
        if let Err(Error::Io { source, .. }) = &outcome
            && matches!(source.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
        {
            self.rx.set_reset();
            let told = !self.side.is_server() && matches!(step(&mut self.rx, &mut self.tx), Turn::Over);
            self.hand_out_trace();
            if told {
                return Ok(Outcome::Done);
            }
        }
        outcome
    }

    pub(crate) async fn run(&mut self, mut errand: Errand) -> Result<Outcome, Error> {
        if !self.tx.unsent().is_empty() {
            self.pace.start(R::now());
        }
        poll_fn(|context| self.poll_run(&mut errand, context)).await
    }

    fn poll_run(&mut self, errand: &mut Errand, context: &mut Context<'_>) -> Poll<Result<Outcome, Error>> {
        if self.wait.poll_cancelled(context) {
            return Poll::Ready(Err(Error::Cancelled));
        }
        if let Errand::StartTls = errand {
            ready!(self.poll_flush(context))?;
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
                // The goodbye was answered. The server is gone, and nobody would read a closure alert.
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
            // Octets that are left after the handshake go out with the first data, which saves a flight.
            let written = self.write()?;
            match self.read() {
                Ok(true) if self.rx.is_eof() => {
                    let source = io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed it");
                    return Poll::Ready(Err(Error::Io { stage: Stage::Handshake, source }));
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
        self.still_since = R::now();
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

    /// Sends what is queued, says that no more will come, and waits a moment for the peer to close.
    fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.closing.is_none() {
            if let Some(tls) = &mut self.tls {
                while !self.tx.unsent().is_empty() {
                    let accepted = tls.encrypt(self.tx.unsent()).map_err(writing)?;
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
                            // A peer that stays or sends for that long no longer reads.
                            let waited =
                                ready!(self.poll_wait(Interest::Read, until, Stage::Read, LINGER, context));
                            if waited.is_err() {
                                return Poll::Ready(Ok(()));
                            }
                        }
                        Err(_) => return Poll::Ready(Ok(())),
                    }
                    if R::now() >= until {
                        return Poll::Ready(Ok(()));
                    }
                }
                _ => {
                    ready!(self.poll_flush(context))?;
                    self.socket.shut_down().map_err(writing)?;
                    self.closing = Some(Closing::Lingering { until: later(R::now(), LINGER) });
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
            let written = match self.broken {
                Some(_) => false,
                None => match self.write() {
                    Ok(written) => written,
                    // A peer that hangs up in the middle of a message may have said why.
                    Err(Error::Io { source, .. }) => {
                        self.broken = Some((source, later(R::now(), LINGER)));
                        false
                    }
                    Err(error) => return Poll::Ready(Err(error)),
                },
            };
            if written && patience.is_none() {
                return Poll::Ready(Ok(Outcome::Done));
            }
            if self.rx.is_eof() {
                // A machine that asks for more after the end gets the end again, and stops.
                return if written || self.broken.is_some() {
                    Poll::Ready(Err(self.end()))
                } else {
                    self.poll_flush(context).map_ok(|()| Outcome::Done)
                };
            }
            match self.read() {
                // What broke says more than the end alone.
                Ok(true) if self.broken.is_some() && self.rx.is_eof() && self.rx.unread().is_empty() => {
                    return Poll::Ready(Err(self.end()));
                }
                Ok(true) => return Poll::Ready(Ok(Outcome::Done)),
                Ok(false) => {}
                Err(Error::Io { .. }) if self.broken.is_some() => return Poll::Ready(Err(self.end())),
                Err(error) => return Poll::Ready(Err(error)),
            }
            if let Some((_, until)) = self.broken {
                match ready!(self.poll_wait(Interest::Read, until, Stage::Write, LINGER, context)) {
                    Ok(()) => continue,
                    Err(_) => return Poll::Ready(Err(self.end())),
                }
            }
            let room = self.rx.room() > 0;
            if written && !room {
                let limit = self.options.recv_limit;
                return Poll::Ready(Err(Error::BufferFull(BufferFull { limit })));
            }
            let (interest, stage, limit) = match (written, patience) {
                (true, Some(patience)) => (Interest::Read, self.stage(), patience),
                _ if room => (Interest::Both, Stage::Write, self.options.timeouts.write),
                _ => (Interest::Write, Stage::Write, self.options.timeouts.write),
            };
            let until = later(self.still_since, limit);
            if interest == Interest::Read {
                // A connection that waits for news may do so for hours, and there may be thousands of them.
                self.rx.release_idle();
                self.tx.release_idle();
            }
            match ready!(self.poll_wait(interest, until, stage, limit, context)) {
                Err(Error::Timeout { stage: told, .. }) if told == stage && stage != Stage::Write => {
                    self.pace.start(R::now());
                    return Poll::Ready(Ok(Outcome::Quiet));
                }
                waited => waited?,
            }
        }
    }

    /// Returns why nothing more comes.
    fn end(&mut self) -> Error {
        match self.broken.take() {
            Some((source, _)) => Error::Io { stage: Stage::Write, source },
            None => Error::Io { stage: self.stage(), source: io::ErrorKind::UnexpectedEof.into() },
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
        let mut limit = (until, stage, after);
        if stage != Stage::Handshake && self.pace.until < limit.0 {
            limit = (self.pace.until, Stage::Progress, self.pace.allowance);
        }
        for (deadline, stage) in [(self.deadline, Stage::Total), (self.opening, Stage::Opening)] {
            if let Some((deadline, after)) = deadline
                && deadline < limit.0
            {
                limit = (deadline, stage, after);
            }
        }
        let (until, stage, after) = limit;
        if let Poll::Ready(ready) = self.socket.poll_ready(interest, context) {
            return Poll::Ready(ready.map_err(|source| Error::Io { stage, source }));
        }
        let timer = self.timer.get_or_insert_with(|| R::timer(until));
        timer.reset(until);
        timer.poll_expired(context).map(|()| Err(Error::Timeout { stage, after }))
    }

    fn moved(&mut self, octets: usize) {
        self.still_since = R::now();
        self.pace.moved(self.still_since, octets);
    }

    /// Writes what the socket accepts now. Returns true if nothing is left.
    fn write(&mut self) -> Result<bool, Error> {
        let stage = if self.stage() == Stage::Handshake { Stage::Handshake } else { Stage::Write };
        self.spoke |= !self.tx.unsent().is_empty();
        let Some(tls) = &mut self.tls else {
            while !self.tx.unsent().is_empty() {
                match taken(self.socket.write(self.tx.unsent()), stage)? {
                    Some(count) => {
                        self.tx.sent(count);
                        self.moved(count);
                    }
                    None => return Ok(false),
                }
            }
            return Ok(true);
        };
        let mut octets = 0_usize;
        let handshaking = tls.is_handshaking();
        let mut socket = NonBlocking { socket: &mut self.socket, held: &mut self.held, handshaking };
        let written = loop {
            // A failed handshake leaves an alert to send, but accepts no plaintext, not even an empty one.
            if !self.tx.unsent().is_empty() {
                let accepted = tls.encrypt(self.tx.unsent()).map_err(|source| Error::Io { stage, source })?;
                self.tx.sent(accepted);
            }
            let mut full = false;
            while tls.wants_write() && !full {
                match taken(tls.write_records(&mut socket), stage)? {
                    Some(count) => octets = octets.saturating_add(count),
                    None => full = true,
                }
            }
            if full {
                break false;
            }
            if self.tx.unsent().is_empty() {
                break true;
            }
        };
        if octets > 0 {
            self.moved(octets);
        }
        Ok(written)
    }

    /// Reads what has arrived and fits. Returns true if bytes or the end came.
    fn read(&mut self) -> Result<bool, Error> {
        if self.rx.room() == 0 || self.rx.is_eof() {
            return Ok(false);
        }
        let stage = self.stage();
        let Some(tls) = &mut self.tls else {
            let mut chunk = [0; 4096];
            let room = self.rx.room().min(chunk.len());
            let into = chunk.get_mut(..room).unwrap_or_default();
            let Some(count) = taken(self.socket.read(into), stage)? else {
                return Ok(false);
            };
            self.moved(count);
            match count {
                0 => self.rx.set_eof(),
                _ => {
                    self.heard = true;
                    self.rx.extend(chunk.get(..count).unwrap_or_default()).map_err(Error::BufferFull)?;
                }
            }
            return Ok(true);
        };
        // Plaintext that had no room before comes first: the TLS library accepts no more records until then.
        if drain(&mut **tls, &mut self.rx)? {
            return Ok(true);
        }
        let was_handshaking = tls.is_handshaking();
        let handshaking = was_handshaking;
        let mut socket = NonBlocking { socket: &mut self.socket, held: &mut self.held, handshaking };
        let Some(count) = taken(tls.read_records(&mut socket), stage)? else {
            return Ok(false);
        };
        tls.process().map_err(|error| Error::Tls {
            host: self.side.peer().to_owned(),
            problem: TlsProblem::of(&error),
        })?;
        // A record without data (a session ticket, a part of the handshake) is progress too, but not for the machine.
        let drained = drain(&mut **tls, &mut self.rx)?;
        self.heard |= !self.rx.unread().is_empty();
        self.moved(count);
        Ok(drained || was_handshaking)
    }
}

pub(crate) fn later(from: Instant, by: Duration) -> Instant {
    // If the addition overflows, the limit is centuries away: any distant moment will do.
    from.checked_add(by).or_else(|| from.checked_add(Duration::from_secs(86_400 * 365))).unwrap_or(from)
}

/// How long a peer may take to read our last words.
const LINGER: Duration = Duration::from_millis(500);
