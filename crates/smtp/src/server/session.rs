use alloc::{
    borrow::{Cow, ToOwned},
    format,
    string::String,
    vec::Vec,
};
use core::{mem, time::Duration};

use mailbearer_sasl::{
    Mechanism,
    server::{Acceptor, Received},
};
use mailbearer_wire::{Lines, Machine, RecvBuf, Security, SendBuf, Step};

use super::{
    Answer, Command, CommandError, DataDecoder, Error, Event, Limits, Options, Parameter, Wording,
    chunk::LineEndCheck,
};

/// The server's side of one SMTP conversation.
///
/// Answer each [`Event`] that wants it, by [`answer`](Self::answer), then step on. What an order of commands, a limit
/// or a syntax forbids is refused by the session itself, in the words of [`Options::wording`], and never seen outside.
///
/// The conversation ends by [`Step::Close`] after QUIT, after an answer of code 421, when the client goes away between
/// messages, and after too many refusals. The receive buffer must hold [`Limits::response`](super::Limits::response)
/// octets.
#[derive(Debug)]
pub struct Session {
    options: Options,
    lines: Lines,
    state: State,
    tls: bool,
    /// The client's name, and whether it said EHLO.
    hello: Option<(String, bool)>,
    authenticated: bool,
    transaction: Transaction,
    refusals: usize,
    out: Vec<u8>,
}

#[derive(Debug)]
enum State {
    Greeting,
    Command,
    /// A response of an authentication exchange is awaited.
    Response(Mechanism, Acceptor),
    /// The client has to acknowledge why its token was refused.
    Acknowledgement(Acceptor, Answer),
    Owed(Owed),
    Content(Content),
    Chunk(Chunk),
    Handshake,
    Closing,
    Failed(Error),
}

/// The answer that the caller owes the client.
#[derive(Clone, Debug)]
enum Owed {
    Login(Acceptor),
    Mail,
    Recipient,
    Data,
    Chunk(Chunk),
    Message,
}

/// How far a message got (RFC 5321 section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    None,
    /// The sender and so many recipients were accepted.
    Begun {
        recipients: usize,
    },
    /// So many octets of it came by BDAT.
    Chunked {
        octets: u64,
        ends: LineEndCheck,
    },
}

impl Transaction {
    const fn count_recipient(&mut self) {
        if let Self::Begun { recipients } = self {
            *recipients = recipients.saturating_add(1);
        }
    }
}

/// A message on its way in.
#[derive(Debug, Default)]
struct Content {
    decoder: DataDecoder,
    octets: usize,
    ended: bool,
}

/// What is left of a BDAT's octets.
#[derive(Clone, Debug)]
struct Chunk {
    left: u64,
    last: bool,
    /// It is refused: its octets are taken and thrown away, then this is said.
    refusal: Option<Answer>,
}

/// What to do after a command: tell the caller, or go on.
type Next = (State, Option<Event>);

impl Session {
    /// Expects a client that has just connected, with TLS already on where [`Options::security`] is
    /// [`Security::Implicit`].
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            lines: Lines::new(options.limits.response),
            state: State::Greeting,
            tls: options.security == Some(Security::Implicit),
            hello: None,
            authenticated: false,
            transaction: Transaction::None,
            refusals: 0,
            out: Vec::new(),
            options,
        }
    }

    /// The name that the client gave, and whether it did so by EHLO; `None` before it did, and again once TLS is on.
    #[must_use]
    pub fn hello(&self) -> Option<(&str, bool)> {
        self.hello.as_ref().map(|(name, extended)| (name.as_str(), *extended))
    }

    /// Answers the event that came last. An answer of code 421 ends the session.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Misuse`] where no answer is due, for a code below 200 or above 599, and for a positive one that
    /// does not fit: 235 is for a login, 354 for DATA, 2yz for the others.
    pub fn answer(&mut self, answer: &Answer) -> Result<(), Error> {
        let State::Owed(owed) = &self.state else { return Err(Error::Misuse("no answer is due")) };
        let fits = match (owed, answer.code) {
            (_, 400..600) | (Owed::Login(_), 235) | (Owed::Data | Owed::Chunk(_), 354) => true,
            (Owed::Login(_) | Owed::Data | Owed::Chunk(_), _) => false,
            (_, code) => (200..300).contains(&code),
        };
        if !fits {
            return Err(Error::Misuse("the answer's code does not fit the event"));
        }
        let positive = answer.is_positive();
        match owed {
            Owed::Login(_) => self.authenticated |= positive,
            Owed::Mail if positive => self.transaction = Transaction::Begun { recipients: 0 },
            Owed::Recipient if positive => self.transaction.count_recipient(),
            Owed::Message => self.transaction = Transaction::None,
            Owed::Chunk(chunk) => {
                let mut chunk = chunk.clone();
                if positive {
                    self.transaction = Transaction::Chunked { octets: 0, ends: LineEndCheck::default() };
                } else {
                    chunk.refusal = Some(answer.clone());
                }
                self.state = State::Chunk(chunk);
                return Ok(());
            }
            Owed::Mail | Owed::Recipient | Owed::Data => {}
        }
        let data = matches!(owed, Owed::Data);
        self.state = if positive { self.say(answer) } else { self.refuse(answer) };
        if data && positive {
            self.state = State::Content(Content::default());
        }
        Ok(())
    }

    /// Refuses the token of a login: first tells the client `challenge`, in base64, as
    /// [`Acceptor::refusal`] makes it, and `answer` when it has acknowledged that.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Misuse`] where no login waits for its answer, and for an answer that lets it in.
    pub fn refuse_token(&mut self, challenge: &str, answer: Answer) -> Result<(), Error> {
        let State::Owed(Owed::Login(acceptor)) = &self.state else {
            return Err(Error::Misuse("no login waits for its answer"));
        };
        if !(400..600).contains(&answer.code) {
            return Err(Error::Misuse("the answer's code does not fit the event"));
        }
        self.state = State::Acknowledgement(acceptor.clone(), answer);
        Answer { code: 334, text: Cow::Owned(challenge.into()) }.encode(&mut self.out);
        Ok(())
    }

    /// Ends the session with this answer, as with a 421 that no command asked for (RFC 5321 section 3.8). Before the
    /// first step it takes the place of the greeting.
    pub fn close(&mut self, answer: &Answer) {
        if !matches!(self.state, State::Closing | State::Failed(_)) {
            answer.encode(&mut self.out);
            self.state = State::Closing;
        }
    }

    fn command(&mut self, line: &[u8], rx: &mut RecvBuf) -> Next {
        let Limits { command, auth, .. } = self.options.limits;
        if line.len() > if is_auth(line) { auth } else { command } {
            return self.refuse_by(|wording| &wording.line_too_long);
        }
        let parse = if self.options.lenient { Command::parse_lenient } else { Command::parse };
        match parse(line) {
            // Whoever reached this by a browser may have a whole session in the body of a request.
            Err(CommandError::Unknown) if is_http(line) => {
                let _ = self.say_by(|wording| &wording.http);
                (State::Closing, self.give_up())
            }
            Err(CommandError::Unknown) => self.refuse_by(|wording| &wording.unknown),
            // Nobody knows where its octets end.
            Err(CommandError::Syntax(_)) if is_verb(line, b"BDAT") => {
                let _ = self.say_by(|wording| &wording.arguments);
                (State::Closing, self.give_up())
            }
            Err(CommandError::Syntax(_)) => self.refuse_by(|wording| &wording.arguments),
            Ok(Command::Ehlo(name)) => self.greet(&name, true),
            Ok(Command::Helo(name)) => self.greet(&name, false),
            Ok(Command::StartTls) => self.starttls(rx),
            Ok(Command::Auth { mechanism, initial }) => {
                self.auth(&mechanism, initial.as_ref().map(|initial| initial.expose().as_slice()))
            }
            Ok(Command::Mail { sender, parameters }) => self.mail(sender, parameters),
            Ok(Command::Rcpt { recipient, parameters }) => self.rcpt(recipient, parameters),
            Ok(Command::Data) => match self.transaction {
                Transaction::None => self.refuse_by(|wording| &wording.mail_first),
                Transaction::Begun { recipients: 0 } => self.refuse_by(|wording| &wording.recipient_first),
                Transaction::Begun { .. } => (State::Owed(Owed::Data), Some(Event::Data)),
                Transaction::Chunked { .. } => self.refuse_by(|wording| &wording.sequence),
            },
            Ok(Command::Bdat { size, last }) => self.bdat(size, last),
            Ok(Command::Rset) => {
                let state = self.say_by(|wording| &wording.reset);
                (state, self.give_up())
            }
            Ok(Command::Noop) => (self.say_by(|wording| &wording.noop), None),
            Ok(Command::Vrfy(_)) => (self.say_by(|wording| &wording.verify), None),
            Ok(Command::Quit) => {
                let _ = self.say_by(|wording| &wording.quit);
                (State::Closing, None)
            }
        }
    }

    fn greet(&mut self, client: &str, extended: bool) -> Next {
        self.hello = Some((client.to_owned(), extended));
        let mut text = format!("{} {} {client}", self.options.name, self.options.wording.hello);
        if extended {
            for line in self.capabilities() {
                text.push('\n');
                text.push_str(&line);
            }
        }
        let state = self.say(&Answer { code: 250, text: Cow::Owned(text) });
        (state, self.give_up())
    }

    fn capabilities(&self) -> Vec<Cow<'static, str>> {
        let options = &self.options;
        let mut lines: Vec<Cow<'static, str>> = Vec::from([
            Cow::Owned(format!("SIZE {}", options.limits.message)),
            Cow::Borrowed("PIPELINING"),
            Cow::Borrowed("ENHANCEDSTATUSCODES"),
            Cow::Borrowed("8BITMIME"),
        ]);
        lines.extend(options.dsn.then_some(Cow::Borrowed("DSN")));
        lines.extend(options.smtputf8.then_some(Cow::Borrowed("SMTPUTF8")));
        lines.extend(options.chunking.then_some(Cow::Borrowed("CHUNKING")));
        lines.extend(self.may_start_tls().then_some(Cow::Borrowed("STARTTLS")));
        if self.takes_credentials() && !options.mechanisms.is_empty() {
            let names: Vec<&str> = options.mechanisms.iter().map(|mechanism| mechanism.name()).collect();
            lines.push(Cow::Owned(format!("AUTH {}", names.join(" "))));
        }
        lines.extend(options.extensions.iter().cloned());
        lines
    }

    fn may_start_tls(&self) -> bool {
        self.options.security.is_some() && !self.tls
    }

    fn takes_credentials(&self) -> bool {
        self.tls || self.options.security.is_none() || self.options.clear_credentials
    }

    fn starttls(&mut self, rx: &mut RecvBuf) -> Next {
        if !self.may_start_tls() {
            return self.refuse_by(|wording| &wording.sequence);
        }
        if self.options.lenient {
            rx.consume_secret(rx.unread().len());
        }
        if !rx.unread().is_empty() {
            let _ = self.say_by(|wording| &wording.bytes_before_tls);
            return (State::Closing, None);
        }
        let _ = self.say_by(|wording| &wording.starttls);
        (State::Handshake, self.give_up())
    }

    fn auth(&mut self, name: &str, initial: Option<&[u8]>) -> Next {
        if self.hello.is_none() {
            return self.refuse_by(|wording| &wording.hello_first);
        }
        if self.authenticated || self.transaction != Transaction::None {
            return self.refuse_by(|wording| &wording.sequence);
        }
        if self.options.require_tls && !self.tls {
            return self.refuse_by(|wording| &wording.tls_first);
        }
        let offered = name.parse().ok().filter(|mechanism| self.options.mechanisms.contains(mechanism));
        let Some(mechanism) = offered.filter(|_| self.takes_credentials()) else {
            return self.refuse_by(|wording| &wording.mechanism);
        };
        let acceptor = Acceptor::new(mechanism);
        match initial {
            Some(initial) => self.response(mechanism, acceptor, initial),
            None => (self.challenge(mechanism, acceptor, None), None),
        }
    }

    fn response(&mut self, mechanism: Mechanism, mut acceptor: Acceptor, response: &[u8]) -> Next {
        if response == b"*" {
            return self.refuse_by(|wording| &wording.cancelled);
        }
        match acceptor.receive(response) {
            Err(_) => self.refuse_by(|wording| &wording.malformed),
            Ok(Received::Prompt(challenge)) => (self.challenge(mechanism, acceptor, Some(challenge)), None),
            Ok(Received::Login(login)) => {
                (State::Owed(Owed::Login(acceptor)), Some(Event::Login { mechanism, login }))
            }
        }
    }

    fn challenge(
        &mut self,
        mechanism: Mechanism,
        acceptor: Acceptor,
        challenge: Option<&'static str>,
    ) -> State {
        let _ = self.say(&Answer::new(334, challenge.unwrap_or_else(|| acceptor.prompt())));
        State::Response(mechanism, acceptor)
    }

    fn acknowledgement(&mut self, acceptor: &Acceptor, answer: &Answer, response: &[u8]) -> Next {
        if !acceptor.is_acknowledgement(response) {
            return self.refuse_by(|wording| &wording.malformed);
        }
        (self.refuse(answer), None)
    }

    fn mail(&mut self, sender: String, parameters: Vec<Parameter>) -> Next {
        if self.hello.is_none() {
            return self.refuse_by(|wording| &wording.hello_first);
        }
        if self.options.require_tls && !self.tls {
            return self.refuse_by(|wording| &wording.tls_first);
        }
        if self.options.login && !self.authenticated {
            return self.refuse_by(|wording| &wording.login_first);
        }
        if self.transaction != Transaction::None {
            return self.refuse_by(|wording| &wording.sequence);
        }
        let options = &self.options;
        let offered = |own: &Parameter| match own.keyword.as_str() {
            "SIZE" | "BODY" => true,
            "AUTH" => !options.mechanisms.is_empty(),
            "RET" | "ENVID" => options.dsn,
            "SMTPUTF8" => options.smtputf8,
            _ => false,
        };
        if !parameters.iter().all(offered) {
            return self.refuse_by(|wording| &wording.parameter);
        }
        let value = |name| parameters.iter().find(|own| own.keyword == name);
        let size = value("SIZE").map(|size| size.value.as_deref().unwrap_or_default().parse::<usize>());
        match size {
            // A number past all bounds is past ours.
            Some(Err(error)) if *error.kind() != core::num::IntErrorKind::PosOverflow => {
                return self.refuse_by(|wording| &wording.arguments);
            }
            Some(Ok(size)) if size <= options.limits.message => {}
            Some(_) => return self.refuse_by(|wording| &wording.message_too_large),
            None => {}
        }
        if !sender.is_ascii() && value("SMTPUTF8").is_none() {
            return self.refuse_by(|wording| &wording.smtputf8);
        }
        (State::Owed(Owed::Mail), Some(Event::Mail { sender, parameters }))
    }

    fn rcpt(&mut self, recipient: String, parameters: Vec<Parameter>) -> Next {
        let recipients = match self.transaction {
            Transaction::Begun { recipients } => recipients,
            Transaction::None => return self.refuse_by(|wording| &wording.mail_first),
            Transaction::Chunked { .. } => return self.refuse_by(|wording| &wording.sequence),
        };
        let dsn = self.options.dsn;
        if !parameters.iter().all(|own| dsn && matches!(own.keyword.as_str(), "NOTIFY" | "ORCPT")) {
            return self.refuse_by(|wording| &wording.parameter);
        }
        if recipients >= self.options.limits.recipients {
            return self.refuse_by(|wording| &wording.recipients);
        }
        (State::Owed(Owed::Recipient), Some(Event::Recipient { recipient, parameters }))
    }

    /// RFC 3030 section 2: whatever is wrong, the octets come, and the answer after them.
    fn bdat(&mut self, size: u64, last: bool) -> Next {
        let wording = &self.options.wording;
        let octets = match self.transaction {
            Transaction::Chunked { octets, .. } => octets,
            _ => 0,
        };
        let limit = u64::try_from(self.options.limits.message).unwrap_or(u64::MAX);
        let refusal = match self.transaction {
            _ if !self.options.chunking => Some(&wording.unknown),
            Transaction::None => Some(&wording.mail_first),
            Transaction::Begun { recipients: 0 } => Some(&wording.recipient_first),
            _ if octets.saturating_add(size) > limit => Some(&wording.message_too_large),
            _ => None,
        };
        let chunk = Chunk { left: size, last, refusal: refusal.cloned() };
        match self.transaction {
            Transaction::Begun { .. } if chunk.refusal.is_none() => {
                (State::Owed(Owed::Chunk(chunk)), Some(Event::Data))
            }
            _ => (State::Chunk(chunk), None),
        }
    }

    /// Reads what there is of a chunk. Returns `None` if nothing is there.
    fn chunk(&mut self, mut chunk: Chunk, rx: &mut RecvBuf) -> Option<Next> {
        if chunk.left == 0 {
            return Some(self.end_of_chunk(chunk));
        }
        let unread = rx.unread();
        let count = usize::try_from(chunk.left).unwrap_or(usize::MAX).min(unread.len());
        let piece = unread.get(..count).unwrap_or_default();
        if piece.is_empty() {
            self.state = State::Chunk(chunk);
            return None;
        }
        chunk.left = chunk.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        let mut event = None;
        if chunk.refusal.is_none()
            && let Transaction::Chunked { octets, ends } = &mut self.transaction
        {
            *octets = octets.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            ends.add(piece);
            event = Some(Event::Content(piece.to_vec()));
        }
        rx.consume_bulk(count);
        Some((State::Chunk(chunk), event))
    }

    fn end_of_chunk(&mut self, chunk: Chunk) -> Next {
        if let Some(refusal) = chunk.refusal {
            let state = self.refuse(&refusal);
            return (state, self.give_up());
        }
        match self.transaction {
            Transaction::Chunked { ends, .. } if chunk.last && ends.is_bare() => {
                let (state, _) = self.refuse_by(|wording| &wording.bare_line_end);
                (state, self.give_up())
            }
            _ if chunk.last => (State::Owed(Owed::Message), Some(Event::EndOfContent)),
            _ => (self.say_by(|wording| &wording.chunk), None),
        }
    }

    /// Reads what there is of a message. Returns `None` if nothing is there.
    fn content(&mut self, mut content: Content, rx: &mut RecvBuf) -> Option<Next> {
        let unread = rx.unread();
        if unread.is_empty() {
            self.state = State::Content(content);
            return None;
        }
        let mut piece = Vec::with_capacity(unread.len());
        let end = content.decoder.decode(unread, &mut piece);
        rx.consume_bulk(end.unwrap_or(unread.len()));
        content.octets = content.octets.saturating_add(piece.len());
        // What is too much is read on to its final dot, which is where the refusal is heard.
        let fits = content.octets <= self.options.limits.message;
        let piece = Some(piece).filter(|piece| fits && !piece.is_empty()).map(Event::Content);
        // The end of the content is an event of its own, after the piece.
        content.ended = end.is_some();
        Some((State::Content(content), piece))
    }

    fn end_of_content(&mut self, content: &Content) -> Next {
        let refusal: Option<fn(&Wording) -> &Answer> = if content.octets > self.options.limits.message {
            Some(|wording| &wording.message_too_large)
        } else if content.decoder.saw_bare_line_end() {
            Some(|wording| &wording.bare_line_end)
        } else {
            None
        };
        match refusal {
            None => (State::Owed(Owed::Message), Some(Event::EndOfContent)),
            Some(refusal) => {
                let (state, _) = self.refuse_by(refusal);
                (state, self.give_up())
            }
        }
    }

    /// Ends the message that was begun, if there is one.
    fn give_up(&mut self) -> Option<Event> {
        let begun = mem::replace(&mut self.transaction, Transaction::None) != Transaction::None;
        begun.then_some(Event::Reset)
    }

    fn say(&mut self, answer: &Answer) -> State {
        answer.encode(&mut self.out);
        if answer.code == CLOSING { State::Closing } else { State::Command }
    }

    fn say_by(&mut self, pick: impl FnOnce(&Wording) -> &Answer) -> State {
        let answer = pick(&self.options.wording).clone();
        self.say(&answer)
    }

    fn refuse(&mut self, answer: &Answer) -> State {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals > self.options.limits.refusals {
            let _ = self.say_by(|wording| &wording.refusals);
            return State::Closing;
        }
        self.say(answer)
    }

    fn refuse_by(&mut self, pick: impl FnOnce(&Wording) -> &Answer) -> Next {
        let answer = pick(&self.options.wording).clone();
        (self.refuse(&answer), None)
    }

    /// The next line, once it is whole.
    fn line(&mut self, state: State, rx: &mut RecvBuf) -> Option<Next> {
        match self.lines.next(rx) {
            Ok(Some(found)) => {
                let line = found.of(rx).to_vec();
                // Only a login has secrets, but what a confused client sends as a command may be one too.
                match &state {
                    State::Command if !is_auth(&line) => rx.consume(found.total),
                    _ => rx.consume_secret(found.total),
                }
                Some(match state {
                    State::Response(mechanism, acceptor) => self.response(mechanism, acceptor, &line),
                    State::Acknowledgement(acceptor, answer) => {
                        self.acknowledgement(&acceptor, &answer, &line)
                    }
                    _ => self.command(&line, rx),
                })
            }
            Ok(None) => {
                self.state = state;
                None
            }
            Err(_) => {
                let _ = self.say_by(|wording| &wording.line_too_long);
                Some((State::Closing, None))
            }
        }
    }
}

impl Machine for Session {
    type Event = Event;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Event>, Error> {
        loop {
            tx.push(&mem::take(&mut self.out));
            if tx.room() == 0 {
                return Ok(Step::Flush);
            }
            let next = match mem::replace(&mut self.state, State::Closing) {
                State::Greeting => Some((self.say_by(|wording| &wording.greeting), None)),
                State::Handshake => {
                    // Nothing that was said in the clear counts any more.
                    (self.tls, self.hello, self.authenticated) = (true, None, false);
                    self.state = State::Command;
                    return Ok(Step::StartTls);
                }
                State::Closing => return Ok(Step::Close),
                State::Failed(error) => {
                    self.state = State::Failed(error);
                    return Err(error);
                }
                State::Owed(_) => {
                    let error = Error::Misuse("an event was not answered");
                    self.state = State::Failed(error);
                    return Err(error);
                }
                State::Content(content) if content.ended => Some(self.end_of_content(&content)),
                State::Content(content) => self.content(content, rx),
                State::Chunk(chunk) => self.chunk(chunk, rx),
                state @ (State::Command | State::Response(..) | State::Acknowledgement(..)) => {
                    self.line(state, rx)
                }
            };
            let Some((state, event)) = next else {
                if !rx.is_eof() {
                    return Ok(Step::Read);
                }
                self.state = match self.state {
                    State::Content(_) | State::Chunk(_) => State::Failed(Error::Truncated),
                    _ => State::Closing,
                };
                continue;
            };
            self.state = state;
            if let Some(event) = event {
                tx.push(&mem::take(&mut self.out));
                return Ok(Step::Event(event));
            }
        }
    }

    fn patience(&self) -> Option<Duration> {
        Some(self.options.limits.silence)
    }
}

fn is_auth(line: &[u8]) -> bool {
    is_verb(line, b"AUTH")
}

fn is_verb(line: &[u8], verb: &[u8]) -> bool {
    line.get(..verb.len()).is_some_and(|start| start.eq_ignore_ascii_case(verb))
}

/// Whether it is of an HTTP request: the first line, whatever its method, or a line of its header.
fn is_http(line: &[u8]) -> bool {
    let mut words = line.split(|octet| octet.is_ascii_whitespace());
    let is_header = words.next().is_some_and(|first| first.ends_with(b":"));
    let methods: [&[u8]; 9] =
        [b"GET ", b"POST ", b"PUT ", b"HEAD ", b"CONNECT ", b"OPTIONS ", b"DELETE ", b"PATCH ", b"TRACE "];
    is_header
        || words.any(|word| is_verb(word, b"HTTP/"))
        || methods.iter().any(|method| is_verb(line, method))
}

/// The reply code that says that the connection is closed.
const CLOSING: u16 = 421;

#[cfg(test)]
mod tests;
