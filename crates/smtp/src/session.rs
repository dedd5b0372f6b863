mod chunks;
mod hear;
mod mail;
mod speak;

use alloc::{boxed::Box, collections::VecDeque, string::String, vec::Vec};
use core::{fmt, time::Duration};

use mailbearer_sasl::{Credentials, Exchange, Redactor};
use mailbearer_wire::{DotEncoder, Machine, RecvBuf, Secret, SendBuf, Step};

use self::{chunks::Chunks, mail::Mail};
use crate::{
    Capabilities, Envelope, Error, Event, Misuse, Options, Refusal, Reply, ReplyReader, Stage, Ticket,
};

/// The client's side of an SMTP session.
///
/// # The contract
///
/// It is driven as every [`Machine`]. Its methods only queue: what is asked for is done in the order of asking,
/// and may be asked for before the first step. Between [`Event::BodyWanted`] and the end of the body the caller
/// supplies the message. A caller that can't, or that lost interest, calls [`abandon`](Self::abandon): nothing is
/// delivered, and a session in the middle of the message is over.
///
/// When everything is done the session waits ([`Step::Read`]) until it is asked for more; after
/// [`quit`](Self::quit) it ends with [`Step::Close`], also where the server closes without a word.
///
/// In the clear it says EHLO and STARTTLS and nothing else. What a server said there is forgotten.
///
/// A driver that fails (an I/O error, a timeout) asks [`outcome_unknown`](Self::outcome_unknown).
///
/// # States
///
/// ```text
/// Greeting > Hello > HelloReply [> StartTls > StartTlsReply > Hello > HelloReply] > Ready
/// Ready > AuthReply > Ready            Ready > CommandReply > Ready            Ready > QuitReply > Over
/// Ready > Mail > Body > DotReply > Ready or QuitReply;  where the message is refused: Mail [> NullReply] > Ready
/// ```
pub struct Session {
    options: Options,
    capabilities: Capabilities,
    greeting: String,
    replies: ReplyReader,
    queue: VecDeque<Command>,
    auth_asked: bool,
    /// What was said to log in, which a server may repeat at any time.
    redactor: Redactor,
    tickets: u64,
    /// Messages that were begun.
    begun: u64,
    /// Where their recipients are, for a server that limits it.
    domains: Vec<String>,
    /// What LMTP has said so far of the recipients of the message that was ended last.
    heard: Vec<(String, Reply)>,
    /// A refused message left its sender behind in the server, and RSET has to go before the next.
    leftover: bool,
    /// The server refused a parameter that it offers: what can be left out is.
    spare: bool,
    /// What is known of the message in which the session ended.
    known: Vec<(String, Reply)>,
    state: State,
}

/// What the caller asked for.
enum Command {
    Authenticate(Box<Credentials>),
    Submit(Ticket, Envelope),
    Reset,
    Noop,
    Quit,
}

enum State {
    Greeting,
    /// EHLO is to be sent.
    Hello {
        secured: bool,
    },
    HelloReply {
        secured: bool,
    },
    /// STARTTLS is to be sent.
    StartTls,
    StartTlsReply,
    Ready,
    AuthReply {
        exchange: Box<Exchange>,
        /// The initial response, where it did not fit into the command.
        held: Option<Secret<Vec<u8>>>,
    },
    Mail(Box<Mail>),
    Body(Box<Body>),
    Chunks {
        chunks: Box<Chunks>,
        behind: Behind,
    },
    DotReply {
        mail: Box<Mail>,
        behind: Behind,
    },
    /// A message for nobody was ended with a lone dot.
    NullReply(Ticket, Refusal),
    /// The server refused the message while it was sent, and can't be told that it ends there.
    Cut {
        reply: Reply,
    },
    CommandReply(Stage),
    QuitReply,
    Over,
    Failed(Error),
}

/// What went out behind the end of a message, in the same flight (RFC 2920 section 3.1).
enum Behind {
    Nothing,
    Quit,
    /// The commands of the next message, as far as a window allows.
    Mail(Box<Mail>),
    /// They went out, and the caller gave the message up.
    Abandoned,
}

/// A message on its way out.
struct Body {
    mail: Box<Mail>,
    encoder: DotEncoder,
    /// Encoded, and not in the send buffer yet.
    pending: Vec<u8>,
    finished: bool,
    /// The caller knows that there is room.
    told: bool,
}

impl Session {
    /// Makes a session that waits for the server's greeting.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::Argument`] for a client name that is no domain name or address literal, for a host with a control
    /// character, and for LMTP on port 25 (RFC 2033 section 5).
    pub fn new(options: Options) -> Result<Self, Misuse> {
        options.check()?;
        Ok(Self {
            capabilities: Capabilities::default(),
            greeting: String::new(),
            replies: ReplyReader::new(options.limits),
            queue: VecDeque::new(),
            auth_asked: false,
            redactor: Redactor::default(),
            tickets: 0,
            begun: 0,
            domains: Vec::new(),
            heard: Vec::new(),
            leftover: false,
            spare: false,
            known: Vec::new(),
            state: State::Greeting,
            options,
        })
    }

    /// Authenticates with the best mechanism that the server offers. The token goes with the command where that
    /// stays within 512 octets, and after it otherwise; one whose response is over 12,288 octets with its line end is not sent
    /// ([`Error::ResponseTooLong`]).
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::AuthenticatedBefore`] at the second call, [`Misuse::Abandoned`] and [`Misuse::Over`].
    pub fn authenticate(&mut self, credentials: Credentials) -> Result<(), Misuse> {
        if self.auth_asked {
            return Err(Misuse::AuthenticatedBefore);
        }
        let redactor = credentials.redactor();
        self.ask(Command::Authenticate(Box::new(credentials)))?;
        self.auth_asked = true;
        self.redactor = redactor;
        Ok(())
    }

    /// Submits a message. Its body is asked for by [`Event::BodyWanted`], and [`Event::Submitted`] or
    /// [`Event::Refused`] says what became of it; each names the message by the ticket that this returns.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::Argument`] for an address that is empty, over 254 octets, or holds a control character,
    /// an angle bracket or white space that is no space in a quoted local part, [`Misuse::NoRecipients`],
    /// [`Misuse::Abandoned`] and [`Misuse::Over`].
    pub fn submit(&mut self, envelope: Envelope) -> Result<Ticket, Misuse> {
        envelope.check()?;
        let ticket = Ticket(self.tickets);
        self.ask(Command::Submit(ticket, envelope))?;
        self.tickets = self.tickets.saturating_add(1);
        Ok(ticket)
    }

    /// Gives up a message before its end. It is not delivered.
    ///
    /// A message that was not begun is forgotten. In the middle of one the session ends: the server waits for octets
    /// that nobody has, and whatever else was sent would become a part of the message. A message that is finished, or
    /// that has its verdict, is left as it is.
    pub fn abandon(&mut self, ticket: Ticket) {
        let is_it = |command: &Command| matches!(command, Command::Submit(queued, _) if *queued == ticket);
        if let Some(place) = self.queue.iter().position(is_it) {
            self.queue.remove(place);
        }
        let begun = match &self.state {
            State::Mail(mail) => mail.ticket == ticket,
            State::Body(body) => body.mail.ticket == ticket && !body.finished,
            State::Chunks { chunks, .. } => chunks.ticket() == ticket && chunks.is_open(),
            _ => false,
        };
        if let State::Chunks { behind, .. } | State::DotReply { behind, .. } = &mut self.state
            && matches!(behind, Behind::Mail(next) if next.ticket == ticket)
        {
            // The message before it has its verdict to come.
            *behind = Behind::Abandoned;
            self.queue.clear();
        }
        if begun {
            self.state = State::Failed(Error::Abandoned);
            self.queue.clear();
        }
    }

    /// Takes a piece of the message, with line ends of any kind, and returns how many of its octets; 0 when there
    /// is no room before the next step. At most [`SendBuf::LIMIT`] octets are held.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::NoBodyWanted`] when the server does not wait for this message, and [`Misuse::EightBit`],
    /// with nothing taken, for an octet over 127 in a message that was not declared so.
    pub fn body(&mut self, ticket: Ticket, piece: &[u8]) -> Result<usize, Misuse> {
        if let State::Chunks { chunks, .. } = &mut self.state
            && chunks.ticket() == ticket
            && chunks.is_open()
        {
            return chunks.body(piece);
        }
        let body = self.open_body(ticket)?;
        let room = SendBuf::LIMIT.saturating_sub(body.pending.len());
        let piece = piece.get(..room).unwrap_or(piece);
        if !body.mail.envelope.may_hold(piece) {
            return Err(Misuse::EightBit);
        }
        body.told = false;
        Ok(body.encoder.encode(piece, &mut body.pending, room))
    }

    /// Ends the message. A last line without an end gets one.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::NoBodyWanted`] when the server does not wait for this message.
    pub fn finish_body(&mut self, ticket: Ticket) -> Result<(), Misuse> {
        match &mut self.state {
            State::Chunks { chunks, .. } if chunks.ticket() == ticket && chunks.is_open() => chunks.finish(),
            _ => self.open_body(ticket)?.finished = true,
        }
        Ok(())
    }

    fn open_body(&mut self, ticket: Ticket) -> Result<&mut Body, Misuse> {
        match &mut self.state {
            State::Body(body) if body.mail.ticket == ticket && !body.finished => Ok(body),
            State::Failed(Error::Abandoned) => Err(Misuse::Abandoned),
            _ => Err(Misuse::NoBodyWanted),
        }
    }

    /// Sends RSET; [`Event::Done`] has the answer. Not needed after a refused message.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::Abandoned`] and [`Misuse::Over`].
    pub fn reset(&mut self) -> Result<(), Misuse> {
        self.ask(Command::Reset)
    }

    /// Sends NOOP; [`Event::Done`] has the answer.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::Abandoned`] and [`Misuse::Over`].
    pub fn noop(&mut self) -> Result<(), Misuse> {
        self.ask(Command::Noop)
    }

    /// Ends the session when everything asked for before is done. Nothing can be asked for after it.
    ///
    /// Asked for before a message is finished, QUIT goes out together with its end where the server offers
    /// `PIPELINING`, which saves a round trip.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::Abandoned`] and [`Misuse::Over`].
    pub fn quit(&mut self) -> Result<(), Misuse> {
        self.ask(Command::Quit)
    }

    /// The server's first words, escaped for a terminal; empty before they came. With STARTTLS they came in the clear:
    /// fit for telling a person whose server it may be, and for no decision.
    #[must_use]
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// What the server offers; nothing before [`Event::Ready`].
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// What the server has to answer now.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match &self.state {
            State::Greeting => Stage::Greeting,
            State::Hello { .. } | State::HelloReply { .. } => Stage::Hello,
            State::StartTls | State::StartTlsReply => Stage::StartTls,
            State::Ready => Stage::Idle,
            State::AuthReply { .. } => Stage::Auth,
            State::Mail(mail) => mail.stage(),
            State::Body(_) | State::Cut { .. } => Stage::Body,
            State::Chunks { chunks, .. } => chunks.stage(),
            State::DotReply { .. } => Stage::FinalDot,
            State::NullReply(..) => Stage::Data,
            State::CommandReply(stage) => *stage,
            State::QuitReply => Stage::Quit,
            State::Over | State::Failed(_) => Stage::Over,
        }
    }

    /// Whether a whole message was sent and its verdict is not known, so that it may be delivered or not if the
    /// connection is given up now.
    #[must_use]
    pub const fn outcome_unknown(&self) -> bool {
        match &self.state {
            State::DotReply { .. } | State::Failed(Error::OutcomeUnknown { .. }) => true,
            State::Chunks { chunks, .. } => chunks.outcome_unknown(),
            _ => false,
        }
    }

    /// The recipients of the message that is being sent whom the server has refused by now, with its words.
    #[must_use]
    pub fn refused(&self) -> &[(String, Reply)] {
        match &self.state {
            State::Body(body) => body.mail.refused(),
            State::Chunks { chunks, .. } => chunks.refused(),
            State::Mail(mail) | State::DotReply { mail, .. } => mail.refused(),
            _ => &[],
        }
    }

    /// What is known of the recipients of the message in which the session ended, with the server's words: those whom it
    /// refused, and with LMTP also those of whom it said what became of the message.
    #[must_use]
    pub fn verdicts(&self) -> Vec<(String, Reply)> {
        match &self.state {
            State::Failed(_) => self.known.clone(),
            _ => [self.refused(), &self.heard].concat(),
        }
    }

    fn ask(&mut self, command: Command) -> Result<(), Misuse> {
        let quits = matches!(self.queue.back(), Some(Command::Quit));
        match self.state {
            State::Failed(Error::Abandoned)
            | State::DotReply { behind: Behind::Abandoned, .. }
            | State::Chunks { behind: Behind::Abandoned, .. } => Err(Misuse::Abandoned),
            State::QuitReply
            | State::DotReply { behind: Behind::Quit, .. }
            | State::Chunks { behind: Behind::Quit, .. }
            | State::Cut { .. }
            | State::Over
            | State::Failed(_) => Err(Misuse::Over),
            _ if quits => Err(Misuse::Over),
            _ => {
                self.queue.push_back(command);
                Ok(())
            }
        }
    }

    fn advance(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Event>, Error> {
        loop {
            if let Some(step) = self.speak(rx, tx)? {
                return Ok(step);
            }
            match self.replies.next(rx) {
                Ok(Some(reply)) => {
                    if let Some(step) = self.hear(reply, rx, tx)? {
                        return Ok(step);
                    }
                }
                Ok(None) if rx.is_eof() => match self.replies.refusal_cut_off() {
                    Some(reply) => {
                        if let Some(step) = self.hear(reply, rx, tx)? {
                            return Ok(step);
                        }
                    }
                    None => return self.give_up(Error::Closed { stage: self.stage() }),
                },
                Ok(None) => return Ok(Step::Read),
                Err(error) => {
                    let error = error.redacted(|text| self.redactor.redact(text));
                    return self.give_up(Error::Reply { stage: self.stage(), error });
                }
            }
        }
    }
}

/// The stage alone: neither a message nor credentials end up in a log.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("stage", &self.stage()).finish_non_exhaustive()
    }
}

impl Machine for Session {
    type Event = Event;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Event>, Error> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        self.redactor.hide_in(rx);
        let step = self.advance(rx, tx);
        if let Err(error) = &step {
            self.state = State::Failed(error.clone());
            // With it go the credentials that were not used.
            self.queue.clear();
        }
        step
    }

    /// The timeouts of RFC 5321 section 4.5.3.2; none while the session waits for its caller.
    fn patience(&self) -> Option<Duration> {
        let seconds = match self.stage() {
            Stage::Idle | Stage::Over => return None,
            Stage::Data => 120,
            Stage::Body => 180,
            Stage::FinalDot => 600,
            // Everything is done, so nobody should wait long for good manners.
            Stage::Quit => 10,
            _ => 300,
        };
        Some(Duration::from_secs(seconds))
    }
}

const QUIT: &[u8] = b"QUIT\r\n";

#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
