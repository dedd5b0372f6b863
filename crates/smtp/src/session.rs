mod chunks;
mod mail;

use alloc::{
    boxed::Box,
    collections::VecDeque,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, mem, time::Duration};

use mailbearer_sasl::{Credentials, Exchange, Redactor};
use mailbearer_wire::{DotEncoder, Machine, RecvBuf, Secret, Security, SendBuf, Step, printable_bytes};

use self::{
    chunks::{Chunks, Verdict},
    mail::{Mail, Parameters, Turn},
};
use crate::{
    Capabilities, Capability, Class, Envelope, Error, Event, Misuse, Options, Refusal, Reply, ReplyReader,
    Stage, Ticket,
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
    /// A refused message left its sender behind in the server, and RSET has to go before the next.
    leftover: bool,
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
    /// Returns [`Misuse::Argument`] for a client name that is no domain name or address literal, and for a host
    /// with a control character.
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
            leftover: false,
            state: State::Greeting,
            options,
        })
    }

    /// Authenticates with the best mechanism that the server offers. The token goes with the command where that
    /// stays within 512 octets, and after it otherwise.
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
                Ok(None) if rx.is_eof() => return self.give_up(Error::Closed { stage: self.stage() }),
                Ok(None) => return Ok(Step::Read),
                Err(error) => {
                    let error = error.redacted(|text| self.redactor.redact(text));
                    return self.give_up(Error::Reply { stage: self.stage(), error });
                }
            }
        }
    }

    /// Sends what can be sent in this state before the server says more.
    fn speak(&mut self, rx: &RecvBuf, tx: &mut SendBuf) -> Result<Option<Step<Event>>, Error> {
        // With nothing to answer a server has nothing to say but that it closes: that is heard first.
        let quiet = rx.unread().is_empty() && !rx.is_eof();
        match &mut self.state {
            State::Hello { secured } if quiet => {
                let secured = *secured;
                tx.push(format!("EHLO {}\r\n", self.options.client_name).as_bytes());
                self.state = State::HelloReply { secured };
            }
            State::StartTls if !rx.unread().is_empty() => return Err(Error::BytesBeforeTls),
            State::StartTls if quiet => {
                tx.push(b"STARTTLS\r\n");
                self.state = State::StartTlsReply;
            }
            State::Ready if quiet => {
                if let Some(command) = self.queue.pop_front() {
                    return self.begin(command, tx);
                }
            }
            State::Mail(mail) if quiet || mail.is_waiting() => {
                return Ok(mail.speak(tx).then_some(Step::Flush));
            }
            State::Body(_) if quiet => return Ok(self.send_body(tx)),
            State::Chunks { chunks, .. } if quiet || chunks.is_waiting() => {
                if let Some(step) = chunks.speak(tx) {
                    return Ok(Some(step));
                }
                if chunks.is_all_sent() {
                    return Ok(self.speak_behind(tx));
                }
            }
            State::DotReply { .. } => return Ok(self.speak_behind(tx)),
            State::Cut { reply } => {
                let reply = reply.clone();
                return match self.queue.front() {
                    None | Some(Command::Quit) => {
                        self.state = State::Over;
                        Ok(Some(Step::Close))
                    }
                    Some(_) => Err(Error::Refused { stage: Stage::Body, reply }),
                };
            }
            State::Over => return Ok(Some(Step::Close)),
            _ => {}
        }
        Ok(None)
    }

    fn begin(&mut self, command: Command, tx: &mut SendBuf) -> Result<Option<Step<Event>>, Error> {
        match command {
            Command::Authenticate(credentials) => self.begin_auth(&credentials, tx)?,
            Command::Submit(ticket, envelope) => return Ok(self.begin_mail(ticket, envelope, tx)),
            Command::Reset => {
                tx.push(b"RSET\r\n");
                self.state = State::CommandReply(Stage::Reset);
            }
            Command::Noop => {
                tx.push(b"NOOP\r\n");
                self.state = State::CommandReply(Stage::Noop);
            }
            Command::Quit => {
                tx.push(QUIT);
                self.state = State::QuitReply;
            }
        }
        Ok(None)
    }

    fn begin_mail(&mut self, ticket: Ticket, envelope: Envelope, tx: &mut SendBuf) -> Option<Step<Event>> {
        let parameters = match self.parameters(&envelope) {
            Ok(parameters) => parameters,
            Err(refusal) => return Some(Step::Event(Event::Refused(ticket, refusal))),
        };
        let mail = self.mail(ticket, envelope, parameters);
        self.state = self.state_of(mail);
        match &mut self.state {
            State::Chunks { chunks, .. } => chunks.speak(tx),
            State::Mail(mail) => mail.speak(tx).then_some(Step::Flush),
            _ => None,
        }
    }

    /// What the server has to be told of a message.
    fn parameters(&self, envelope: &Envelope) -> Result<Parameters, Refusal> {
        match self.capabilities.limits().messages.filter(|&limit| self.begun >= limit) {
            Some(limit) => Err(Refusal::TooManyMessages { limit }),
            None => Parameters::of(envelope, &self.capabilities),
        }
    }

    /// The commands of a message that is begun now.
    fn mail(&mut self, ticket: Ticket, envelope: Envelope, parameters: Parameters) -> Box<Mail> {
        self.begun = self.begun.saturating_add(1);
        let pipelining = self.is_pipelining();
        let window = if pipelining { self.options.limits.pipeline } else { 1 };
        let leftover = mem::take(&mut self.leftover);
        let chunking = envelope.binary
            || self.options.chunking && pipelining && self.capabilities.has(Capability::Chunking);
        Box::new(Mail::new(ticket, envelope, parameters, leftover, !chunking, window))
    }

    /// Where a message stands whose commands go out, or went out.
    fn state_of(&self, mail: Box<Mail>) -> State {
        if mail.has_data() {
            return State::Mail(mail);
        }
        let binary = mail.envelope.binary;
        let chunks = Box::new(Chunks::new(mail, binary, self.is_pipelining()));
        State::Chunks { chunks, behind: Behind::Nothing }
    }

    fn is_pipelining(&self) -> bool {
        self.capabilities.has(Capability::Pipelining)
    }

    /// Sends behind the end of a message what may go in the same flight (RFC 2920 section 3.1): QUIT, or the commands of
    /// the next message up to where its octets would follow.
    fn speak_behind(&mut self, tx: &mut SendBuf) -> Option<Step<Event>> {
        if !self.is_pipelining() {
            return None;
        }
        let (State::Chunks { behind, .. } | State::DotReply { behind, .. }) = &mut self.state else {
            return None;
        };
        if let Behind::Mail(mail) = behind {
            return mail.speak(tx).then_some(Step::Flush);
        }
        let next = match (behind, self.queue.front()) {
            (Behind::Nothing, Some(Command::Quit)) => {
                self.queue.pop_front();
                tx.push(QUIT);
                Behind::Quit
            }
            // One that the server can't take is refused when it is its turn.
            (Behind::Nothing, Some(Command::Submit(_, envelope))) => {
                let parameters = self.parameters(envelope).ok()?;
                let Some(Command::Submit(ticket, envelope)) = self.queue.pop_front() else { return None };
                Behind::Mail(self.mail(ticket, envelope, parameters))
            }
            _ => return None,
        };
        if let State::Chunks { behind, .. } | State::DotReply { behind, .. } = &mut self.state {
            *behind = next;
            if let Behind::Mail(mail) = behind {
                return mail.speak(tx).then_some(Step::Flush);
            }
        }
        None
    }

    /// Where the session stands when the message before has its verdict.
    fn state_behind(&self, behind: Behind) -> State {
        match behind {
            Behind::Nothing => State::Ready,
            Behind::Quit => State::QuitReply,
            Behind::Mail(mail) => self.state_of(mail),
            Behind::Abandoned => State::Failed(Error::Abandoned),
        }
    }

    /// RFC 4954 section 4: the command with its initial response keeps to the 512 octets of any command, and the
    /// response comes after a challenge where it does not fit.
    fn begin_auth(&mut self, credentials: &Credentials, tx: &mut SendBuf) -> Result<(), Error> {
        let Options { host, port, .. } = &self.options;
        let Some(mut exchange) = Exchange::choose(credentials, host, *port, self.capabilities.mechanisms())
        else {
            tx.push(QUIT);
            return Err(Error::NoMechanism {
                offered: self.capabilities.mechanisms().map(ToString::to_string).collect(),
            });
        };
        let command = format!("AUTH {}", exchange.mechanism().name());
        tx.push(command.as_bytes());
        let mut held = exchange.initial_response();
        let octets = |response: &Secret<Vec<u8>>| [command.len(), response.expose().len(), 3].iter().sum();
        if let Some(response) = held.take_if(|response| COMMAND_LINE >= octets(response)) {
            tx.push(b" ");
            tx.push_secret(response.expose());
        }
        tx.push(b"\r\n");
        self.state = State::AuthReply { exchange: Box::new(exchange), held };
        Ok(())
    }

    /// Moves what fits; ends the message when all of it was moved.
    fn send_body(&mut self, tx: &mut SendBuf) -> Option<Step<Event>> {
        let State::Body(mut body) = mem::replace(&mut self.state, State::Over) else { return None };
        let count = tx.room().min(body.pending.len());
        tx.push_bulk(body.pending.get(..count).unwrap_or_default());
        body.pending.drain(..count);
        if !body.pending.is_empty() || !body.finished {
            let full = !body.pending.is_empty();
            let told = mem::replace(&mut body.told, !full);
            let wanted = Step::Event(Event::BodyWanted(body.mail.ticket));
            self.state = State::Body(body);
            // A caller that was asked and gave nothing waits for the server: it must not spin.
            return if full { Some(Step::Flush) } else { (!told).then_some(wanted) };
        }
        body.encoder.finish(&mut body.pending);
        tx.push(&body.pending);
        self.state = State::DotReply { mail: body.mail, behind: Behind::Nothing };
        self.speak_behind(tx)
    }

    /// Takes a reply in. `None` where there is more to say or to hear.
    fn hear(&mut self, reply: Reply, rx: &RecvBuf, tx: &mut SendBuf) -> Result<Option<Step<Event>>, Error> {
        use Class::{Intermediate, Permanent, Success, Transient};

        let stage = self.stage();
        let reply = reply.redacted(|text| self.redactor.redact(text));
        let class = reply.class();
        let leaving = self.is_leaving();
        let state = mem::replace(&mut self.state, State::Over);
        if leaving {
            return Ok(None);
        }
        if stage == Stage::Greeting {
            let first = reply.lines().next().unwrap_or_default();
            self.greeting = printable_bytes(first.as_bytes(), GREETING);
        }
        if reply.is_closing() {
            return Err(Error::Closing { stage, reply });
        }
        let (next, event) = match (state, class) {
            (State::Greeting, Success) => {
                (State::Hello { secured: self.options.security == Security::Implicit }, None)
            }
            (State::HelloReply { secured: true }, Success) => {
                self.capabilities = Capabilities::of_reply(reply, self.options.quirks);
                (State::Ready, Some(Event::Ready))
            }
            (State::HelloReply { secured: false }, Success) => {
                let capabilities = Capabilities::of_reply(reply, self.options.quirks);
                if !capabilities.has(Capability::StartTls) {
                    return Err(Error::StartTlsMissing);
                }
                (State::StartTls, None)
            }
            (State::StartTlsReply, Success) => {
                if !rx.unread().is_empty() {
                    return Err(Error::BytesBeforeTls);
                }
                self.state = State::Hello { secured: true };
                return Ok(Some(Step::StartTls));
            }
            (State::Greeting | State::HelloReply { .. } | State::StartTlsReply, Transient | Permanent) => {
                return Err(Error::Refused { stage, reply });
            }
            (State::AuthReply { exchange, held }, Intermediate) => {
                (answer(exchange, held, &reply, tx)?, None)
            }
            (State::AuthReply { held: None, .. }, Success) => (State::Ready, Some(Event::Authenticated)),
            (State::AuthReply { exchange, .. }, Transient | Permanent) => {
                tx.push(QUIT);
                let reason = exchange.reason().cloned().map(Box::new);
                return Err(Error::Auth { mechanism: exchange.mechanism(), reply, reason });
            }
            (State::Mail(mail), _) => self.hear_mail(mail, reply, tx)?,
            (State::Body(body), Transient | Permanent) => {
                let refusal = Refusal::Message { reply: reply.clone() };
                (State::Cut { reply }, Some(Event::Refused(body.mail.ticket, refusal)))
            }
            (State::Chunks { mut chunks, behind }, _) => {
                let ticket = chunks.ticket();
                let (event, leftover) = match chunks.hear(reply)? {
                    None => {
                        self.state = State::Chunks { chunks, behind };
                        return Ok(None);
                    }
                    Some(Verdict::Submitted(receipt)) => (Event::Submitted(ticket, receipt), false),
                    Some(Verdict::Refused { refusal, leftover }) => {
                        (Event::Refused(ticket, refusal), leftover)
                    }
                };
                self.leftover = leftover;
                (self.state_behind(behind), Some(event))
            }
            (State::DotReply { mail, behind }, Success | Transient | Permanent) => {
                let ticket = mail.ticket;
                let event = match class {
                    Success => Event::Submitted(ticket, mail.into_receipt(reply)),
                    _ => Event::Refused(ticket, Refusal::Message { reply }),
                };
                (self.state_behind(behind), Some(event))
            }
            (State::DotReply { .. }, Intermediate) => {
                let cause = Box::new(Error::Unexpected { stage, reply });
                return Err(Error::OutcomeUnknown { cause });
            }
            (State::NullReply(ticket, refusal), Success | Transient | Permanent) => {
                (State::Ready, Some(Event::Refused(ticket, refusal)))
            }
            (State::CommandReply(command), Success | Transient | Permanent) => {
                self.leftover &= !(command == Stage::Reset && class == Success);
                (State::Ready, Some(Event::Done(reply)))
            }
            (_, _) => return Err(Error::Unexpected { stage, reply }),
        };
        self.state = next;
        Ok(event.map(Step::Event))
    }

    fn hear_mail(
        &mut self,
        mut mail: Box<Mail>,
        reply: Reply,
        tx: &mut SendBuf,
    ) -> Result<(State, Option<Event>), Error> {
        let ticket = mail.ticket;
        match mail.hear(reply)? {
            Turn::More => Ok((State::Mail(mail), None)),
            Turn::Body => {
                let (encoder, pending) = (DotEncoder::new(), Vec::new());
                let body = Box::new(Body { mail, encoder, pending, finished: false, told: true });
                Ok((State::Body(body), Some(Event::BodyWanted(ticket))))
            }
            Turn::BodyForNobody(refusal) => {
                // RFC 2920 section 3.1: a server may want the message though it goes to nobody.
                tx.push(b".\r\n");
                Ok((State::NullReply(ticket, refusal), None))
            }
            // The lone dot would be an empty message to those recipients.
            Turn::BodyForSome { refusal, reply } => {
                Ok((State::Cut { reply }, Some(Event::Refused(ticket, refusal))))
            }
            Turn::Refused { refusal, leftover } => {
                self.leftover = leftover;
                Ok((State::Ready, Some(Event::Refused(ticket, refusal))))
            }
        }
    }

    /// Ends the session where the server's part ended with `error`.
    fn give_up(&mut self, error: Error) -> Result<Step<Event>, Error> {
        match self.state {
            _ if self.is_leaving() => {
                self.state = State::Over;
                Ok(Step::Close)
            }
            _ if self.outcome_unknown() => Err(Error::OutcomeUnknown { cause: Box::new(error) }),
            _ => Err(error),
        }
    }

    /// Whether nothing is left but QUIT and its answer: however the server takes its leave is fine then.
    fn is_leaving(&self) -> bool {
        match self.state {
            State::QuitReply => true,
            State::Ready => matches!(self.queue.front(), Some(Command::Quit)),
            _ => false,
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

/// Answers a challenge with the held initial response, or with what the mechanism has to say.
fn answer(
    mut exchange: Box<Exchange>,
    held: Option<Secret<Vec<u8>>>,
    challenge: &Reply,
    tx: &mut SendBuf,
) -> Result<State, Error> {
    let text = challenge.lines().next().unwrap_or_default().as_bytes();
    let response = match held {
        Some(response) => response,
        None => exchange.respond(text).map_err(|error| {
            // RFC 4954 section 4: cancels the exchange.
            tx.push(b"*\r\n");
            Error::Challenge { mechanism: exchange.mechanism(), error }
        })?,
    };
    if !response.expose().is_empty() {
        tx.push_secret(response.expose());
    }
    tx.push(b"\r\n");
    Ok(State::AuthReply { exchange, held: None })
}

const QUIT: &[u8] = b"QUIT\r\n";
/// RFC 5321 section 4.5.3.1.4: octets of a command line, its end included.
const COMMAND_LINE: usize = 512;

/// Octets of the greeting that are kept.
const GREETING: usize = 160;

#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
