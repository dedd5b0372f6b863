mod commands;
mod content;
mod login;

use alloc::{borrow::Cow, collections::BTreeSet, string::String, vec::Vec};
use core::{mem, time::Duration};

use mailbearer_sasl::{Mechanism, server::Acceptor};
use mailbearer_wire::{Lines, Machine, RecvBuf, Security, SendBuf, Step};

use super::{Answer, Command, DataDecoder, Error, Event, Options, Wording, chunk::LineEndCheck};

/// The server's side of one SMTP conversation.
///
/// Answer each [`Event`] that needs one, by [`answer`](Self::answer), before the next step. The session itself refuses, in the
/// words of [`Options::wording`], what the order of commands, a limit or the syntax forbids; there is no event for that.
///
/// The conversation ends by [`Step::Close`] after QUIT, after an answer with code 421, when the client closes the connection
/// between messages, and after too many refusals or commands without a message. The receive buffer must hold
/// [`Limits::response`](super::Limits::response) octets.
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
    /// Recipients of the present message that were accepted, and whether its content may be anything.
    accepted: usize,
    binary: bool,
    /// Answers to the end of the message that are due yet.
    due: usize,
    /// Messages of the session, and where their recipients are, as far as LIMITS has to do with it.
    messages: u64,
    domains: BTreeSet<String>,
    refusals: usize,
    /// Commands since the last message that sent nothing.
    chatter: usize,
    /// How the client ended the session, if it did.
    end: Option<End>,
    out: Vec<u8>,
}

/// Who ended a session, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the client says goodbye or leaves without, or the server ends it"
)]
pub enum End {
    /// The client said QUIT.
    Quit,
    /// The client closed the connection without.
    Gone,
    /// The server closed it, for the reason that it gave as its last answer.
    Closed,
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
            accepted: 0,
            binary: false,
            due: 0,
            messages: 0,
            domains: BTreeSet::new(),
            refusals: 0,
            chatter: 0,
            end: None,
            out: Vec::new(),
            options,
        }
    }

    /// The name that the client gave, and whether it did so by EHLO; `None` before it did, and again once TLS is on.
    #[must_use]
    pub fn hello(&self) -> Option<(&str, bool)> {
        self.hello.as_ref().map(|(name, extended)| (name.as_str(), *extended))
    }

    /// Who ended the session; `None` while it goes on.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        match (&self.state, self.end) {
            (State::Closing | State::Failed(_), None) => Some(End::Closed),
            (State::Closing | State::Failed(_), end) => end,
            _ => None,
        }
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
            Owed::Mail if positive => {
                self.transaction = Transaction::Begun { recipients: 0 };
                self.accepted = 0;
                self.messages = self.messages.saturating_add(1);
            }
            Owed::Recipient if positive => {
                self.transaction.count_recipient();
                self.accepted = self.accepted.saturating_add(1);
            }
            Owed::Message => {
                self.due = self.due.saturating_sub(1);
                let next = if positive { self.say(answer) } else { self.refuse(answer) };
                self.state = match next {
                    State::Command if self.due > 0 => State::Owed(Owed::Message),
                    next => {
                        self.transaction = Transaction::None;
                        next
                    }
                };
                return Ok(());
            }
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

    /// How many answers the end of a message gets.
    const fn answers(&self) -> usize {
        if self.options.lmtp { self.accepted } else { 1 }
    }

    /// Wants the caller to answer the end of a message.
    const fn end_of_message(&mut self) -> Next {
        self.due = self.answers();
        self.chatter = 0;
        (State::Owed(Owed::Message), Some(Event::EndOfContent))
    }

    /// Refuses a whole message, with as many answers as its end has.
    fn refuse_message(&mut self, answer: &Answer) -> Next {
        let mut state = State::Command;
        for _ in 0..self.answers() {
            state = self.refuse(answer);
            if matches!(state, State::Closing) {
                break;
            }
        }
        (state, self.give_up())
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
                // Only a login has secrets, but what a confused client sends in place of a command may be one too.
                match &state {
                    State::Command if Command::is_shown(&line) => rx.consume(found.total),
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
                self.end.get_or_insert(End::Gone);
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

/// The reply code that says that the connection is closed.
const CLOSING: u16 = 421;

#[cfg(test)]
mod tests;
