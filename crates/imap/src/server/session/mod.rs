//! Greeting, STARTTLS, authentication, literals, IDLE: one `match` over the state.

use alloc::{string::String, vec::Vec};
use core::{mem, time::Duration};

use mailbearer_sasl::{
    Mechanism,
    server::{Acceptor, Login, Received as Response},
};
use mailbearer_wire::{Machine, RecvBuf, Secret, Security, SendBuf, Step};

use super::{
    encode_response,
    framer::{CommandFramer, Refusal},
    parse_command,
};
use crate::{Atom, Capability, Code, Command, Data, List, Status, StatusLine, Text};

mod event;
mod options;
#[cfg(test)]
mod tests;

pub use event::{Error, Event, Received};
pub use options::{Limits, Options, Wording};

/// The server's side of one IMAP conversation.
///
/// The session answers CAPABILITY, LOGOUT and STARTTLS itself and runs the exchange of AUTHENTICATE. It refuses what a
/// limit or the state of RFC 9051 section 3 forbids, in the words of [`Options::wording`]. It hands out all other
/// commands as [`Event::Command`], one at a time: send data with [`untagged`](Self::untagged), and end the command with
/// [`complete`](Self::complete). The caller has to know which mailbox is selected.
///
/// A long answer need not be in memory as a whole: step between its parts, and go on at [`Event::Room`].
///
/// The conversation ends with [`Step::Close`] after LOGOUT, after [`bye`](Self::bye), when the client goes away, and
/// after too many refusals. The receive buffer must be able to hold [`Limits::command`] octets.
///
/// ```
/// use mailbearer_imap::{Command, Data, Status, server::{Event, Options, Session}};
/// use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};
///
/// let mut options = Options::default();
/// (options.security, options.login) = (None, true);
/// let mut session = Session::new(options);
/// let (mut rx, mut tx) = (RecvBuf::with_limit(64 * 1024), SendBuf::new());
/// rx.extend(b"a LOGIN ann secret\r\nb SELECT INBOX\r\nc LOGOUT\r\n")?;
/// loop {
///     match session.step(&mut rx, &mut tx)? {
///         Step::Event(Event::Login { login, .. }) if login.secret.expose() == "secret" => {
///             session.complete(Status::Ok, None, "welcome")?;
///         }
///         Step::Event(Event::Command(received)) => match received.command() {
///             Ok(Command::Select(_)) => {
///                 session.untagged(Data::Exists(0));
///                 session.complete(Status::Ok, None, "opened")?;
///             }
///             _ => session.complete(Status::Bad, None, "what?")?,
///         },
///         Step::Event(_) => session.complete(Status::No, None, "wrong")?,
///         Step::Close => break,
///         _ => unreachable!("all of the input is there"),
///     }
/// }
/// let said = String::from_utf8(tx.unsent().to_vec())?;
/// assert!(said.ends_with("* 0 EXISTS\r\nb OK opened\r\n* BYE goodbye\r\nc OK done\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session {
    options: Options,
    framer: CommandFramer,
    state: State,
    tls: bool,
    authenticated: bool,
    refusals: usize,
    out: Vec<u8>,
    /// Octets of `out` that were moved to the send buffer already.
    moved: usize,
}

#[derive(Debug)]
enum State {
    Greeting,
    Command,
    /// The session waits for a response of an authentication exchange.
    Response {
        tag: String,
        mechanism: Mechanism,
        acceptor: Acceptor,
    },
    /// The client has to acknowledge why its token was refused.
    Acknowledgement {
        tag: String,
        acceptor: Acceptor,
        text: String,
    },
    /// The caller decides on a login.
    Login {
        tag: String,
        acceptor: Option<Acceptor>,
    },
    /// The caller answers a command.
    Answering {
        tag: String,
    },
    Idle {
        tag: String,
    },
    /// The client ended IDLE with something other than DONE.
    BrokenIdle {
        tag: String,
    },
    Handshake,
    Closing,
    Failed(Error),
}

/// The next state, and the event for the caller, if there is one.
type Next = (State, Option<Event>);

impl Session {
    /// Makes a session for a client that has just connected. TLS is on already if [`Options::security`] is
    /// [`Security::Implicit`].
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            framer: CommandFramer::new(options.limits.command),
            state: State::Greeting,
            tls: options.security == Some(Security::Implicit),
            authenticated: false,
            refusals: 0,
            out: Vec::new(),
            moved: 0,
            options,
        }
    }

    /// Queues an untagged response: data that a command asked for, or news while a command is being answered or the
    /// client idles.
    pub fn untagged(&mut self, data: Data<'_>) {
        encode_response(&crate::Response::Untagged(data), &mut self.out);
    }

    /// Queues octets as they are, in whole lines with their ends. For responses that no grammar has.
    pub fn push(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }

    /// Returns how many queued octets no step has taken yet.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.out.len().saturating_sub(self.moved)
    }

    /// Ends the command, or decides on the login, that came last.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Misuse`] if neither waits for that, and for a status other than OK, NO and BAD.
    pub fn complete(&mut self, status: Status, code: Option<Code<'_>>, text: &str) -> Result<(), Error> {
        if !matches!(status, Status::Ok | Status::No | Status::Bad) {
            return Err(Error::Misuse("a command ends by OK, NO or BAD"));
        }
        match mem::replace(&mut self.state, State::Closing) {
            State::Answering { tag } => self.state = self.end(&tag, status, code, text),
            State::BrokenIdle { tag } => {
                let text = self.options.wording.state.clone();
                self.state = self.end(&tag, Status::Bad, None, &text);
            }
            State::Login { tag, .. } => {
                self.authenticated |= status == Status::Ok;
                let told = self.authenticated && self.options.capability_codes && code.is_none();
                let code = if told { Some(Code::Capability(self.capabilities())) } else { code };
                self.state = self.end(&tag, status, code, text);
            }
            other => {
                self.state = other;
                return Err(Error::Misuse("no command is being answered"));
            }
        }
        Ok(())
    }

    /// Refuses the token of a login. First sends the client `challenge`, in base64, as [`Acceptor::refusal`] makes it,
    /// and after its acknowledgement NO with `text`. A refused password gets no challenge.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Misuse`] if no login waits for its decision.
    pub fn refuse_token(&mut self, challenge: &str, text: &str) -> Result<(), Error> {
        match mem::replace(&mut self.state, State::Closing) {
            State::Login { tag, acceptor: Some(acceptor) } => {
                self.go_on(challenge);
                self.state = State::Acknowledgement { tag, acceptor, text: text.into() };
                Ok(())
            }
            State::Login { tag, acceptor: None } => {
                self.state = self.end(&tag, Status::No, None, text);
                Ok(())
            }
            other => {
                self.state = other;
                Err(Error::Misuse("no login waits for its decision"))
            }
        }
    }

    /// Lets the client idle, in answer to [`Command::Idle`]. Until [`Event::Done`] the caller can send data.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Misuse`] if no command is being answered.
    pub fn idle(&mut self) -> Result<(), Error> {
        match mem::replace(&mut self.state, State::Closing) {
            State::Answering { tag } => {
                let text = self.options.wording.idle.clone();
                self.go_on(&text);
                self.state = State::Idle { tag };
                Ok(())
            }
            other => {
                self.state = other;
                Err(Error::Misuse("no command is being answered"))
            }
        }
    }

    /// Ends the session with an untagged BYE. Before the first step, the BYE takes the place of the greeting.
    pub fn bye(&mut self, code: Option<Code<'_>>, text: &str) {
        if !matches!(self.state, State::Closing | State::Failed(_)) {
            self.status(None, Status::Bye, code, text);
            self.state = State::Closing;
        }
    }

    /// Ends the session with octets as they are. For a last response that no grammar has, or that breaks off. Before
    /// the first step, the octets take the place of the greeting.
    pub fn abort(&mut self, octets: &[u8]) {
        if !matches!(self.state, State::Closing | State::Failed(_)) {
            self.push(octets);
            self.state = State::Closing;
        }
    }

    /// Returns whether the client idles, so that news can be sent to it now.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle { .. })
    }

    fn greet(&mut self) -> State {
        let code = self.options.capability_codes.then(|| Code::Capability(self.capabilities()));
        let text = self.options.wording.greeting.clone();
        self.status(None, Status::Ok, code, &text);
        State::Command
    }

    fn command(&mut self, octets: Vec<u8>, rx: &RecvBuf) -> Next {
        let Some(tag) = tag(&octets).map(String::from) else {
            let text = self.options.wording.command.clone();
            self.status(None, Status::Bad, None, &text);
            return (self.count_refusal(), None);
        };
        if self.authenticated && !is_own(&octets) {
            return self.hand_out(tag, octets);
        }
        // Only a login has secrets.
        let octets = Secret::new(octets);
        let Ok((_, command)) = parse_command(octets.expose()) else {
            return self.refuse(&tag, Status::Bad, None, |wording| &wording.command);
        };
        match command {
            Command::Capability => {
                let capabilities = self.capabilities();
                self.untagged(Data::Capability(capabilities));
                let end = self.out.len().saturating_sub(b"\r\n".len());
                self.out.splice(end..end, self.options.wording.capability_end.bytes());
                self.done(&tag, |wording| &wording.capability)
            }
            Command::Logout => {
                let text = self.options.wording.bye.clone();
                self.status(None, Status::Bye, None, &text);
                let _ = self.done(&tag, |wording| &wording.logout);
                (State::Closing, None)
            }
            Command::StartTls => self.starttls(&tag, rx),
            _ if self.authenticated => self.refuse(&tag, Status::Bad, None, |wording| &wording.state),
            Command::Noop => self.done(&tag, |wording| &wording.noop),
            Command::Id(_) => self.hand_out(tag, octets.expose().clone()),
            Command::Authenticate { mechanism, initial } => self.authenticate(
                tag,
                &mechanism,
                initial.as_ref().map(|initial| initial.expose().as_slice()),
            ),
            Command::Login { user, password } => self.login(tag, &user, &password),
            _ => self.refuse(&tag, Status::Bad, None, |wording| &wording.state),
        }
    }

    fn hand_out(&self, tag: String, octets: Vec<u8>) -> Next {
        (State::Answering { tag: tag.clone() }, Some(Event::Command(Received { tag, octets })))
    }

    fn starttls(&mut self, tag: &str, rx: &RecvBuf) -> Next {
        if self.tls || self.authenticated || self.options.security.is_none() {
            return self.refuse(tag, Status::Bad, None, |wording| &wording.state);
        }
        if !rx.unread().is_empty() {
            let text = self.options.wording.bytes_before_tls.clone();
            self.status(None, Status::Bye, None, &text);
            return (State::Closing, None);
        }
        let _ = self.done(tag, |wording| &wording.starttls);
        (State::Handshake, None)
    }

    fn authenticate(&mut self, tag: String, name: &Atom<'_>, initial: Option<&[u8]>) -> Next {
        let offered = name.to_text().parse().ok().filter(|own| self.options.mechanisms.contains(own));
        let Some(mechanism) = offered.filter(|_| self.takes_credentials()) else {
            return self.refuse(&tag, Status::No, None, |wording| &wording.mechanism);
        };
        let acceptor = Acceptor::new(mechanism);
        match initial {
            Some(initial) => self.response(tag, mechanism, acceptor, initial),
            None => {
                self.go_on(acceptor.prompt());
                (State::Response { tag, mechanism, acceptor }, None)
            }
        }
    }

    fn response(
        &mut self,
        tag: String,
        mechanism: Mechanism,
        mut acceptor: Acceptor,
        response: &[u8],
    ) -> Next {
        if response == b"*" {
            return self.refuse(&tag, Status::Bad, None, |wording| &wording.cancelled);
        }
        match acceptor.receive(response) {
            Err(_) => self.refuse(&tag, Status::Bad, None, |wording| &wording.malformed),
            Ok(Response::Prompt(challenge)) => {
                self.go_on(challenge);
                (State::Response { tag, mechanism, acceptor }, None)
            }
            Ok(Response::Login(login)) => {
                let event = Event::Login { mechanism: Some(mechanism), login };
                // A refused password gets no challenge.
                let acceptor = mechanism.is_bearer().then_some(acceptor);
                (State::Login { tag, acceptor }, Some(event))
            }
        }
    }

    fn login(&mut self, tag: String, user: &Text<'_>, password: &Secret<Vec<u8>>) -> Next {
        if !self.takes_credentials() {
            let code = Some(Code::PrivacyRequired);
            return self.refuse(&tag, Status::No, code, |wording| &wording.privacy);
        }
        if !self.options.login {
            return self.refuse(&tag, Status::No, None, |wording| &wording.login);
        }
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec());
        let (Ok(user), Ok(secret)) = (text(user.as_bytes()), text(password.expose())) else {
            return self.refuse(&tag, Status::Bad, None, |wording| &wording.malformed);
        };
        let login = Login { user, secret: Secret::new(secret) };
        (State::Login { tag, acceptor: None }, Some(Event::Login { mechanism: None, login }))
    }

    fn capabilities(&self) -> List<'static, Capability<'static>> {
        let options = &self.options;
        let mut list = options.capabilities.clone();
        if self.authenticated {
            list.extend(options.late_capabilities.iter().cloned());
            return List::from(list);
        }
        list.extend((options.security.is_some() && !self.tls).then_some(Capability::StartTls));
        list.extend((!options.login || !self.takes_credentials()).then_some(Capability::LoginDisabled));
        if self.takes_credentials() {
            let names = options.mechanisms.iter().filter_map(|mechanism| Atom::new(mechanism.name()).ok());
            list.extend(names.map(Capability::Auth));
        }
        List::from(list)
    }

    fn takes_credentials(&self) -> bool {
        self.tls || self.options.security.is_none()
    }

    fn max_literals(&self) -> usize {
        let limits = &self.options.limits;
        if self.authenticated { limits.literals } else { limits.early_literals }
    }

    fn status(&mut self, tag: Option<&str>, status: Status, code: Option<Code<'_>>, text: &str) {
        let line = StatusLine { status, code, text: text.as_bytes() };
        let response = match tag {
            Some(tag) => crate::Response::Tagged { tag: tag.as_bytes(), line },
            None => crate::Response::Untagged(Data::Status(line)),
        };
        encode_response(&response, &mut self.out);
    }

    fn go_on(&mut self, text: &str) {
        let response = crate::Response::Continuation { code: None, text: text.as_bytes() };
        encode_response(&response, &mut self.out);
    }

    fn end(&mut self, tag: &str, status: Status, code: Option<Code<'_>>, text: &str) -> State {
        self.status(Some(tag), status, code, text);
        if status == Status::Ok { State::Command } else { self.count_refusal() }
    }

    fn done(&mut self, tag: &str, pick: impl FnOnce(&Wording) -> &str) -> Next {
        let text = String::from(pick(&self.options.wording));
        (self.end(tag, Status::Ok, None, &text), None)
    }

    fn refuse(
        &mut self,
        tag: &str,
        status: Status,
        code: Option<Code<'_>>,
        pick: impl FnOnce(&Wording) -> &str,
    ) -> Next {
        let text = String::from(pick(&self.options.wording));
        (self.end(tag, status, code, &text), None)
    }

    fn count_refusal(&mut self) -> State {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals <= self.options.limits.refusals {
            return State::Command;
        }
        let text = self.options.wording.refusals.clone();
        self.status(None, Status::Bye, None, &text);
        State::Closing
    }

    fn too_much(&mut self) -> Next {
        let text = self.options.wording.too_much.clone();
        self.status(None, Status::Bye, None, &text);
        (State::Closing, None)
    }

    /// Handles the next command once it is whole.
    fn read_command(&mut self, rx: &mut RecvBuf) -> Option<Next> {
        let (max_literals, wording, out) = (self.max_literals(), &self.options.wording, &mut self.out);
        let found = self.framer.next(rx, max_literals, || {
            let text = wording.literal.as_bytes();
            encode_response(&crate::Response::Continuation { code: None, text }, out);
        });
        match found {
            Ok(Some(octets)) => Some(self.command(octets, rx)),
            Ok(None) => {
                self.state = State::Command;
                None
            }
            Err(Refusal::Literal { command }) => {
                let tag = tag(&command).unwrap_or("*");
                Some(self.refuse(tag, Status::No, Some(Code::TooBig), |wording| &wording.literal_too_large))
            }
            Err(Refusal::TooMuch) => Some(self.too_much()),
        }
    }

    /// Handles the next line of an exchange once it is whole.
    fn read_line(&mut self, state: State, rx: &mut RecvBuf) -> Option<Next> {
        let line = match self.framer.line(rx) {
            Ok(Some(line)) => Secret::new(line),
            Ok(None) => {
                self.state = state;
                return None;
            }
            Err(_) => return Some(self.too_much()),
        };
        let line = line.expose().as_slice();
        Some(match state {
            State::Response { tag, mechanism, acceptor } => self.response(tag, mechanism, acceptor, line),
            State::Acknowledgement { tag, acceptor, .. } if !acceptor.is_acknowledgement(line) => {
                self.refuse(&tag, Status::Bad, None, |wording| &wording.malformed)
            }
            State::Acknowledgement { tag, text, .. } => (self.end(&tag, Status::No, None, &text), None),
            State::Idle { tag } if line.eq_ignore_ascii_case(b"DONE") => {
                (State::Answering { tag }, Some(Event::Done))
            }
            State::Idle { tag } => (State::BrokenIdle { tag }, Some(Event::Done)),
            other => (other, None),
        })
    }

    /// Moves what fits into `tx`. Returns whether that was all.
    fn pump(&mut self, tx: &mut SendBuf) -> bool {
        let rest = self.out.get(self.moved..).unwrap_or_default();
        let piece = rest.get(..tx.room()).unwrap_or(rest);
        // A trace shows lines; of messages it shows how long they are.
        if self.out.len() > TRACED {
            tx.push_bulk(piece);
        } else {
            tx.push(piece);
        }
        self.moved = self.moved.saturating_add(piece.len());
        let all = self.moved >= self.out.len();
        if all {
            (self.out, self.moved) = (Vec::new(), 0);
        }
        all
    }
}

impl Machine for Session {
    type Event = Event;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Event>, Error> {
        loop {
            if !self.pump(tx) || tx.room() == 0 {
                return Ok(Step::Flush);
            }
            let next = match mem::replace(&mut self.state, State::Closing) {
                State::Greeting => Some((self.greet(), None)),
                State::Handshake => {
                    // Nothing counts that the client said in the clear.
                    (self.tls, self.state) = (true, State::Command);
                    return Ok(Step::StartTls);
                }
                State::Closing => return Ok(Step::Close),
                State::Failed(error) => {
                    self.state = State::Failed(error);
                    return Err(error);
                }
                State::Login { .. } | State::BrokenIdle { .. } => {
                    let error = Error::Misuse("an event was not answered");
                    self.state = State::Failed(error);
                    return Err(error);
                }
                answering @ State::Answering { .. } => Some((answering, Some(Event::Room))),
                State::Command => self.read_command(rx),
                state => self.read_line(state, rx),
            };
            match next {
                Some((state, None)) => self.state = state,
                Some((state, Some(event))) => {
                    self.state = state;
                    return Ok(Step::Event(event));
                }
                None if rx.is_eof() => self.state = State::Closing,
                // The leave to send a literal has to go out.
                None if !self.out.is_empty() => {}
                None => return Ok(Step::Read),
            }
        }
    }

    fn patience(&self) -> Option<Duration> {
        Some(self.options.limits.silence)
    }
}

/// `tag = 1*<any ASTRING-CHAR except "+">` in front of the first space.
fn tag(command: &[u8]) -> Option<&str> {
    let word = command.split(|&octet| octet == b' ').next()?;
    let fits = |octet: &u8| octet.is_ascii_graphic() && !b"+(){%*\"\\".contains(octet);
    let tag = Some(word).filter(|word| !word.is_empty() && word.iter().all(fits))?;
    core::str::from_utf8(tag).ok()
}

/// Whether the session answers the command itself even after login.
fn is_own(command: &[u8]) -> bool {
    let line = command.split(|&octet| octet == b'\r').next().unwrap_or_default();
    let name = line.split(|&octet| octet == b' ').nth(1).unwrap_or_default();
    let own: [&[u8]; 5] = [b"CAPABILITY", b"LOGOUT", b"STARTTLS", b"AUTHENTICATE", b"LOGIN"];
    own.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// The longest answer in octets that a trace shows. Of longer ones it shows the length.
const TRACED: usize = 4096;
