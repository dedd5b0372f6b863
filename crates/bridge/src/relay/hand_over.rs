use std::{
    error, fmt,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use mailbearer::{
    Envelope, Receipt,
    proto::{
        smtp::{Event, Misuse, Options, Refusal, Session, Ticket},
        wire::{Machine, RecvBuf, SendBuf, Step},
    },
};

/// Why a relay did not accept a message.
#[derive(Debug)]
#[non_exhaustive]
pub enum HandOverError {
    /// The address is not on this machine. Nothing is sent to other machines in the clear.
    Elsewhere(SocketAddr),
    /// Connecting failed.
    Connect(io::Error),
    /// The envelope can't be written in SMTP.
    Envelope(Misuse),
    /// The relay refused the message, with these words.
    Refused(Refusal),
    /// The conversation broke.
    Broken {
        /// How.
        problem: String,
        /// Whether the whole message was sent, so that the relay may have accepted it.
        is_unknown: bool,
    },
}

impl fmt::Display for HandOverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere(address) => write!(f, "{address} is not on this machine"),
            Self::Connect(error) => write!(f, "no relay answers: {error}"),
            Self::Envelope(misuse) => misuse.fmt(f),
            Self::Refused(refusal) => write!(f, "the relay did not take it: {refusal}"),
            Self::Broken { problem, .. } => write!(f, "the conversation with the relay broke: {problem}"),
        }
    }
}

impl error::Error for HandOverError {}

/// Sends a message to a relay on this machine, in the clear and without a login, for a user who may not read the account's
/// secret. The relay has the message when [`finish`](Self::finish) returns a receipt. If this is dropped before, it has none.
///
/// Every call blocks.
pub struct HandOver {
    talk: Talk,
    session: Session,
    ticket: Ticket,
}

impl HandOver {
    /// Connects and sends the envelope.
    ///
    /// # Errors
    ///
    /// As the variants of [`HandOverError`] say.
    pub fn begin(address: SocketAddr, envelope: Envelope) -> Result<Self, HandOverError> {
        if !address.ip().to_canonical().is_loopback() {
            return Err(HandOverError::Elsewhere(address));
        }
        let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(HandOverError::Connect)?;
        let options = Options::new("localhost", address.port());
        let mut session = Session::new(options).map_err(HandOverError::Envelope)?;
        let ticket = session.submit(envelope).map_err(HandOverError::Envelope)?;
        let rx = RecvBuf::with_limit(REPLIES);
        let talk = Talk { stream, rx, tx: SendBuf::new(), is_unknown: false };
        let mut own = Self { talk, session, ticket };
        own.until_wanted()?;
        Ok(own)
    }

    /// Sends a piece of the message, with line ends of any kind.
    ///
    /// # Errors
    ///
    /// As the variants of [`HandOverError`] say.
    pub fn write(&mut self, mut piece: &[u8]) -> Result<(), HandOverError> {
        while !piece.is_empty() {
            let taken = self.session.body(self.ticket, piece).map_err(|error| self.talk.broken(&error))?;
            piece = piece.get(taken..).unwrap_or_default();
            self.until_wanted()?;
        }
        Ok(())
    }

    /// Ends the message. The receipt names the recipients that the relay refused.
    ///
    /// # Errors
    ///
    /// As the variants of [`HandOverError`] say. If `is_unknown`, the relay may have the message.
    pub fn finish(mut self) -> Result<Receipt, HandOverError> {
        self.session.finish_body(self.ticket).map_err(|error| self.talk.broken(&error))?;
        self.talk.is_unknown = true;
        loop {
            match self.talk.turn(&mut self.session)? {
                Some(Event::Submitted(_, receipt)) => {
                    // The message is taken, so a failed goodbye changes nothing.
                    let _ = self.session.quit();
                    let _ = self.session.step(&mut self.talk.rx, &mut self.talk.tx);
                    let _ = self.talk.stream.write_all(self.talk.tx.unsent());
                    return Ok(receipt);
                }
                Some(Event::Refused(_, refusal)) => return Err(HandOverError::Refused(refusal)),
                Some(_) => {}
                None => return Err(self.talk.broken(&"it ended")),
            }
        }
    }

    fn until_wanted(&mut self) -> Result<(), HandOverError> {
        loop {
            match self.talk.turn(&mut self.session)? {
                Some(Event::BodyWanted(_)) => return Ok(()),
                Some(Event::Refused(_, refusal)) => return Err(HandOverError::Refused(refusal)),
                Some(_) => {}
                None => return Err(self.talk.broken(&"it ended")),
            }
        }
    }
}

impl fmt::Debug for HandOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandOver").finish_non_exhaustive()
    }
}

struct Talk {
    stream: TcpStream,
    rx: RecvBuf,
    tx: SendBuf,
    is_unknown: bool,
}

impl Talk {
    /// Drives the session to its next event. Returns `None` at its end.
    fn turn(&mut self, session: &mut Session) -> Result<Option<Event>, HandOverError> {
        loop {
            let step = session.step(&mut self.rx, &mut self.tx);
            self.stream.write_all(self.tx.unsent()).map_err(|error| self.broken(&error))?;
            self.tx.sent(usize::MAX);
            match step.map_err(|error| self.broken(&error))? {
                Step::Event(event) => return Ok(Some(event)),
                Step::Flush => {}
                Step::Read => self.read(session.patience()).map_err(|error| self.broken(&error))?,
                Step::Close | Step::StartTls => return Ok(None),
            }
        }
    }

    fn read(&mut self, patience: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(patience.or(Some(PATIENCE)))?;
        let mut piece = [0; 4096];
        let room = self.rx.room().min(piece.len());
        match self.stream.read(piece.get_mut(..room).unwrap_or_default()) {
            Ok(0) => self.rx.set_eof(),
            Ok(count) => self.rx.extend(piece.get(..count).unwrap_or_default()).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn broken(&self, problem: &dyn fmt::Display) -> HandOverError {
        HandOverError::Broken { problem: problem.to_string(), is_unknown: self.is_unknown }
    }
}

/// How long a relay on this machine may take to answer, where the session has no patience of its own.
const PATIENCE: Duration = Duration::from_secs(30);
/// Octets of replies that are held.
const REPLIES: usize = 64 * 1024;
