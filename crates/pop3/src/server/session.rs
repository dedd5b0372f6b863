use alloc::{borrow::Cow, format, string::String, vec::Vec};
use core::{mem, time::Duration};

use mailbearer_sasl::{
    Mechanism,
    server::{Acceptor, Login, Received},
};
use mailbearer_wire::{
    DotEncoder, Lines, Machine, Octets, RecvBuf, Secret, Security, SendBuf, Step, find_octet, printable,
};

use super::{Answer, Command, CommandError, Error, Event, Options, Wording};

/// The server's side of one POP3 conversation.
///
/// Answer each [`Event`] before the next step. The session itself refuses commands that are out of order, malformed or over
/// a limit, in the words of [`Options::wording`], and does not report them.
///
/// It ends with [`Step::Close`] after QUIT, when the client disconnects, and after too many refusals. The receive buffer must
/// be able to hold [`Limits::response`](super::Limits::response) octets.
#[derive(Debug)]
pub struct Session {
    options: Options,
    lines: Lines,
    state: State,
    tls: bool,
    authenticated: bool,
    refusals: usize,
    out: Vec<u8>,
    /// What USER named.
    user: Option<String>,
    /// What is on its way out.
    body: Option<Body>,
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
    Handshake,
    Closing,
    Failed(Error),
}

/// The answer that the caller owes the client.
#[derive(Clone, Debug)]
enum Owed {
    Login(Option<Acceptor>),
    /// A status line.
    Status,
    /// Lines, unless it is refused.
    Lines,
    /// A message, unless it is refused.
    Message,
    Quit,
}

/// A message on its way out.
#[derive(Debug)]
struct Body {
    octets: Octets,
    at: usize,
    encoder: DotEncoder,
}

/// What to do after a command: tell the caller, or go on.
type Next = (State, Option<Event>);

impl Session {
    /// Makes a session for a client that has just connected. TLS is already on if [`Options::security`] is
    /// [`Security::Implicit`].
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            lines: Lines::new(options.limits.response),
            state: State::Greeting,
            tls: options.security == Some(Security::Implicit),
            authenticated: false,
            refusals: 0,
            out: Vec::new(),
            user: None,
            body: None,
            options,
        }
    }

    /// Answers the last event with a status line.
    ///
    /// # Errors
    ///
    /// Fails with [`Error::Misuse`] if no answer is due, and for `+OK` if lines or a message must follow.
    pub fn answer(&mut self, answer: &Answer) -> Result<(), Error> {
        let State::Owed(owed) = &self.state else { return Err(Error::Misuse("no answer is due")) };
        if answer.ok && matches!(owed, Owed::Lines | Owed::Message) {
            return Err(Error::Misuse("more than a status line is due"));
        }
        let (login, quit) = (matches!(owed, Owed::Login(_)), matches!(owed, Owed::Quit));
        self.authenticated |= login && answer.ok;
        let closes = quit || login && !answer.ok && self.options.closes_after_refusal;
        self.state = if answer.ok { self.say(answer) } else { self.refuse(answer) };
        if closes {
            self.state = State::Closing;
        }
        Ok(())
    }

    /// Answers LIST or UIDL of all messages with `+OK` and these lines. Escapes control characters in them.
    ///
    /// # Errors
    ///
    /// Fails with [`Error::Misuse`] if no lines are due, and for `-ERR`.
    pub fn answer_lines<T: AsRef<str>>(
        &mut self,
        answer: &Answer,
        lines: impl IntoIterator<Item = T>,
    ) -> Result<(), Error> {
        if !matches!(self.state, State::Owed(Owed::Lines)) || !answer.ok {
            return Err(Error::Misuse("no lines are due"));
        }
        answer.encode(&mut self.out);
        self.say_lines(lines);
        self.state = State::Command;
        Ok(())
    }

    /// Answers RETR with `+OK` and the message, whose lines may end with CRLF, LF or CR.
    ///
    /// # Errors
    ///
    /// Fails with [`Error::Misuse`] if no message is due, and for `-ERR`.
    pub fn answer_message(&mut self, answer: &Answer, octets: Octets) -> Result<(), Error> {
        if !matches!(self.state, State::Owed(Owed::Message)) || !answer.ok {
            return Err(Error::Misuse("no message is due"));
        }
        answer.encode(&mut self.out);
        self.body = Some(Body { octets, at: 0, encoder: DotEncoder::new() });
        self.state = State::Command;
        Ok(())
    }

    /// Answers TOP as [`answer_message`](Self::answer_message) answers RETR, but sends only the header, the empty line after it
    /// and `lines` lines of the body.
    ///
    /// # Errors
    ///
    /// Fails as [`answer_message`](Self::answer_message) does.
    pub fn answer_top(&mut self, answer: &Answer, octets: Octets, lines: u32) -> Result<(), Error> {
        let end = top(&octets, lines);
        self.answer_message(answer, octets.part(0..end))
    }

    /// Refuses the token of a login. Sends `challenge` first, in base64, as [`Acceptor::refusal`] makes it, and `answer` after
    /// the client acknowledged that.
    ///
    /// # Errors
    ///
    /// Fails with [`Error::Misuse`] if no login by a mechanism waits for its answer, and for `+OK`.
    pub fn refuse_token(&mut self, challenge: &str, answer: Answer) -> Result<(), Error> {
        let State::Owed(Owed::Login(Some(acceptor))) = &self.state else {
            return Err(Error::Misuse("no login by a mechanism waits for its answer"));
        };
        if answer.ok {
            return Err(Error::Misuse("a refusal says -ERR"));
        }
        let state = State::Acknowledgement(acceptor.clone(), answer);
        self.challenge(challenge);
        self.state = state;
        Ok(())
    }

    /// Ends the session with this answer, which answers no command. Before the first step it replaces the greeting.
    pub fn close(&mut self, answer: &Answer) {
        if !matches!(self.state, State::Closing | State::Failed(_)) {
            answer.encode(&mut self.out);
            self.state = State::Closing;
        }
    }

    fn command(&mut self, line: &[u8], rx: &RecvBuf) -> Next {
        if line.len() > self.options.limits.command && !is_auth(line) {
            return self.refuse_by(|wording| &wording.line_too_long);
        }
        let command = match Command::parse(line) {
            Err(CommandError::Unknown) => return self.refuse_by(|wording| &wording.unknown),
            Err(CommandError::Syntax(_)) => return self.refuse_by(|wording| &wording.arguments),
            Ok(command) => command,
        };
        match command {
            Command::Capa => {
                let state = self.say_by(|wording| &wording.capabilities);
                let lines = self.capabilities();
                self.say_lines(lines);
                (state, None)
            }
            Command::Noop => (self.say_by(|wording| &wording.noop), None),
            Command::Lang(None) => {
                let state = self.say(&Answer::ok(""));
                self.say_lines(["en English"]);
                (state, None)
            }
            Command::Lang(Some(tag)) if tag == "*" || tag.eq_ignore_ascii_case("en") => {
                (self.say(&Answer::ok("en English")), None)
            }
            Command::Lang(_) => self.refuse_by(|wording| &wording.language),
            Command::Quit if self.authenticated => (State::Owed(Owed::Quit), Some(Event::Quit)),
            Command::Quit => {
                let _ = self.say_by(|wording| &wording.quit);
                (State::Closing, None)
            }
            command if self.authenticated => self.transaction(&command),
            command => self.authorization(command, rx),
        }
    }

    /// A command before the login.
    fn authorization(&mut self, command: Command, rx: &RecvBuf) -> Next {
        match command {
            Command::Stls => self.stls(rx),
            Command::Utf8 => (self.say_by(|wording| &wording.utf8), None),
            Command::Auth { mechanism: None, .. } if self.takes_credentials() => {
                let state = self.say(&Answer::ok(""));
                let names: Vec<&str> = self.options.mechanisms.iter().map(|own| own.name()).collect();
                self.say_lines(names);
                (state, None)
            }
            Command::Auth { mechanism: Some(name), initial } => self.auth(&name, initial),
            Command::User(name) if self.takes_passwords() => {
                self.user = Some(name);
                (self.say_by(|wording| &wording.user), None)
            }
            Command::Pass(secret) if self.takes_passwords() => match self.user.take() {
                Some(user) => {
                    let login = Login { user, secret };
                    (State::Owed(Owed::Login(None)), Some(Event::Login { mechanism: None, login }))
                }
                None => self.refuse_by(|wording| &wording.state),
            },
            _ => self.refuse_by(|wording| &wording.state),
        }
    }

    /// A command after the login.
    fn transaction(&mut self, command: &Command) -> Next {
        let (owed, event) = match *command {
            Command::Stat => (Owed::Status, Event::Stat),
            Command::List(None) => (Owed::Lines, Event::List(None)),
            Command::Uidl(None) => (Owed::Lines, Event::Uidl(None)),
            Command::List(number) => (Owed::Status, Event::List(number)),
            Command::Uidl(number) => (Owed::Status, Event::Uidl(number)),
            Command::Retr(number) => (Owed::Message, Event::Retrieve(number)),
            Command::Top(number, lines) => (Owed::Message, Event::Top(number, lines)),
            Command::Dele(number) => (Owed::Status, Event::Delete(number)),
            Command::Rset => (Owed::Status, Event::Reset),
            _ => return self.refuse_by(|wording| &wording.state),
        };
        (State::Owed(owed), Some(event))
    }

    fn capabilities(&self) -> Vec<Cow<'static, str>> {
        let options = &self.options;
        let mut lines: Vec<Cow<'static, str>> = Vec::from(["TOP", "UIDL"].map(Cow::Borrowed));
        lines.extend(options.pipelining.then_some(Cow::Borrowed("PIPELINING")));
        lines.extend(self.may_start_tls().then_some(Cow::Borrowed("STLS")));
        if self.takes_credentials() && !options.mechanisms.is_empty() {
            let names: Vec<&str> = options.mechanisms.iter().map(|mechanism| mechanism.name()).collect();
            lines.push(Cow::Owned(format!("SASL {}", names.join(" "))));
        }
        lines.extend(self.takes_passwords().then_some(Cow::Borrowed("USER")));
        lines.extend(options.extensions.iter().cloned());
        lines
    }

    fn may_start_tls(&self) -> bool {
        self.options.security.is_some() && !self.tls
    }

    const fn takes_credentials(&self) -> bool {
        self.tls || self.options.security.is_none()
    }

    const fn takes_passwords(&self) -> bool {
        self.takes_credentials() && self.options.user
    }

    fn stls(&mut self, rx: &RecvBuf) -> Next {
        if !self.may_start_tls() {
            return self.refuse_by(|wording| &wording.state);
        }
        if !rx.unread().is_empty() {
            let _ = self.say_by(|wording| &wording.bytes_before_tls);
            return (State::Closing, None);
        }
        let _ = self.say_by(|wording| &wording.stls);
        (State::Handshake, None)
    }

    fn auth(&mut self, name: &str, initial: Option<Secret<Vec<u8>>>) -> Next {
        let offered = name.parse().ok().filter(|mechanism| self.options.mechanisms.contains(mechanism));
        let Some(mechanism) = offered.filter(|_| self.takes_credentials()) else {
            return self.refuse_by(|wording| &wording.mechanism);
        };
        let acceptor = Acceptor::new(mechanism);
        match initial {
            Some(_) if !self.options.initial_response => {
                let _ = self.say_by(|wording| &wording.initial_response);
                (State::Closing, None)
            }
            Some(initial) => self.response(mechanism, acceptor, initial.expose()),
            None => {
                self.challenge(acceptor.prompt());
                (State::Response(mechanism, acceptor), None)
            }
        }
    }

    fn response(&mut self, mechanism: Mechanism, mut acceptor: Acceptor, response: &[u8]) -> Next {
        if response == b"*" {
            return self.refuse_by(|wording| &wording.cancelled);
        }
        match acceptor.receive(response) {
            Err(_) => self.refuse_by(|wording| &wording.malformed),
            Ok(Received::Prompt(challenge)) => {
                self.challenge(challenge);
                (State::Response(mechanism, acceptor), None)
            }
            Ok(Received::Login(login)) => {
                let mechanism = Some(mechanism);
                (State::Owed(Owed::Login(Some(acceptor))), Some(Event::Login { mechanism, login }))
            }
        }
    }

    fn acknowledgement(&mut self, acceptor: &Acceptor, answer: &Answer, response: &[u8]) -> Next {
        if !acceptor.is_acknowledgement(response) {
            return self.refuse_by(|wording| &wording.malformed);
        }
        let state = self.refuse(answer);
        (if self.options.closes_after_refusal { State::Closing } else { state }, None)
    }

    fn challenge(&mut self, challenge: &str) {
        self.out.extend_from_slice(format!("+ {}\r\n", printable(challenge)).as_bytes());
    }

    fn say(&mut self, answer: &Answer) -> State {
        answer.encode(&mut self.out);
        State::Command
    }

    fn say_lines<T: AsRef<str>>(&mut self, lines: impl IntoIterator<Item = T>) {
        for line in lines {
            let line = printable(line.as_ref());
            let dot = if line.starts_with('.') { "." } else { "" };
            self.out.extend_from_slice(format!("{dot}{line}\r\n").as_bytes());
        }
        self.out.extend_from_slice(b".\r\n");
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
                let line = Secret::new(found.of(rx).to_vec());
                let line = line.expose();
                // Only a login has secrets, but what a confused client sends as a command may be one too.
                match &state {
                    State::Command if !is_auth(line) && !starts(line, b"PASS") => rx.consume(found.total),
                    _ => rx.consume_secret(found.total),
                }
                Some(match state {
                    State::Response(mechanism, acceptor) => self.response(mechanism, acceptor, line),
                    State::Acknowledgement(acceptor, answer) => {
                        self.acknowledgement(&acceptor, &answer, line)
                    }
                    _ => self.command(line, rx),
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

    /// Moves what fits of what is to be said; whether there is more of it.
    fn flush(&mut self, tx: &mut SendBuf) -> bool {
        tx.push(&mem::take(&mut self.out));
        while let Some(body) = &mut self.body {
            let room = tx.room();
            if room < LEAST {
                return true;
            }
            let rest = body.octets.get(body.at..).unwrap_or_default();
            let mut piece = Vec::with_capacity(rest.len().min(room));
            let taken = body.encoder.encode(rest, &mut piece, room.saturating_sub(END));
            tx.push_bulk(&piece);
            body.at = body.at.saturating_add(taken);
            if body.at >= body.octets.len() {
                let mut end = Vec::new();
                body.encoder.finish(&mut end);
                tx.push(&end);
                self.body = None;
            }
        }
        tx.room() == 0
    }
}

impl Machine for Session {
    type Event = Event;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Event>, Error> {
        loop {
            if self.flush(tx) {
                return Ok(Step::Flush);
            }
            let next = match mem::replace(&mut self.state, State::Closing) {
                State::Greeting => Some((self.say_by(|wording| &wording.greeting), None)),
                State::Handshake => {
                    // Nothing that was said in the clear counts any more.
                    (self.tls, self.user) = (true, None);
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
                state @ (State::Command | State::Response(..) | State::Acknowledgement(..)) => {
                    self.line(state, rx)
                }
            };
            let Some((state, event)) = next else {
                if !rx.is_eof() {
                    return Ok(Step::Read);
                }
                self.state = State::Closing;
                continue;
            };
            self.state = state;
            if let Some(event) = event {
                return Ok(Step::Event(event));
            }
        }
    }

    fn patience(&self) -> Option<Duration> {
        Some(self.options.limits.silence)
    }
}

fn is_auth(line: &[u8]) -> bool {
    starts(line, b"AUTH")
}

fn starts(line: &[u8], verb: &[u8]) -> bool {
    line.get(..verb.len()).is_some_and(|start| start.eq_ignore_ascii_case(verb))
}

/// Where the header, the empty line and so many lines of the body end.
fn top(octets: &[u8], lines: u32) -> usize {
    let (mut at, mut left) = (0_usize, None);
    while left != Some(0) {
        let rest = octets.get(at..).unwrap_or_default();
        let Some(end) = find_octet(rest, b'\n') else { return octets.len() };
        let line = rest.get(..end).unwrap_or_default();
        at = at.saturating_add(end).saturating_add(1);
        left = match left {
            Some(left) => Some(u32::saturating_sub(left, 1)),
            None => matches!(line, b"" | b"\r").then_some(lines),
        };
    }
    at
}

/// Octets that end a message: of its last line, and the dot.
const END: usize = 5;
/// Less room than this is not used: it would be a system call for a few octets.
const LEAST: usize = 64;

#[cfg(test)]
mod tests;
