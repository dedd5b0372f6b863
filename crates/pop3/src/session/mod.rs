mod ask;
mod hear;
mod login;

use alloc::{
    boxed::Box,
    collections::{BTreeSet, VecDeque},
    string::String,
    vec::Vec,
};
use core::{fmt, mem, time::Duration};

use mailbearer_sasl::{Credentials, Redactor};
use mailbearer_wire::{Lines, Machine, RecvBuf, SendBuf, Step};

use self::{
    ask::{Ask, Asked, By},
    login::Login,
};
use crate::{
    Capabilities, Capability, Error, Event, Misuse, Options, Removal, Reply, Stage, Ticket,
    multiline::Multiline,
};

/// The client's side of a POP3 session.
///
/// # The contract
///
/// It is driven as every [`Machine`]. Its methods only queue: what is asked for is done in the order of asking, and may be
/// asked for before the first step. A caller that lost interest in an answer calls [`abandon`](Self::abandon): what is to
/// come of it is read and dropped.
///
/// When everything is done the session waits ([`Step::Read`]) until it is asked for more; after [`quit`](Self::quit) it
/// ends with [`Event::Left`] and [`Step::Close`].
///
/// In the clear it says CAPA and STLS and nothing else. What a server said there is forgotten, but for the greeting.
///
/// A driver that fails (an I/O error, a timeout) asks [`outcome_unknown`](Self::outcome_unknown).
///
/// # States
///
/// ```text
/// Greeting > Capa > CapaReply > CapaLines [> Stls > StlsReply > Capa > …] > Ready
/// Ready > Login > Ready        Ready > Listing > Ready        Ready > Message > Ready        Ready > Over
/// ```
pub struct Session {
    options: Options,
    capabilities: Capabilities,
    greeting: String,
    lines: Lines,
    /// Not sent yet.
    queue: VecDeque<Asked>,
    /// Sent and not answered, the oldest first.
    sent: VecDeque<Asked>,
    auth_asked: bool,
    /// What was said to log in, which a server may repeat at any time.
    redactor: Redactor,
    tickets: u64,
    /// Messages that QUIT will remove.
    marked: BTreeSet<u32>,
    /// The server marked a message for a caller who had given that up.
    stray_mark: bool,
    /// Follows the event that was told last.
    next: Option<Event>,
    state: State,
}

enum State {
    Greeting,
    /// CAPA is to be sent.
    Capa {
        secured: bool,
    },
    CapaReply {
        secured: bool,
    },
    CapaLines {
        secured: bool,
        lines: Vec<String>,
    },
    /// STLS is to be sent.
    Stls,
    StlsReply,
    /// The status line of the oldest command is awaited, if there is one.
    Ready,
    Login(Login),
    /// Within the answer to the oldest command.
    Listing {
        reply: Reply,
        lines: usize,
        octets: usize,
    },
    Message {
        reply: Reply,
        multiline: Multiline,
        octets: u64,
    },
    Over,
    Failed(Error),
}

impl Session {
    /// A session that waits for the server's greeting.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::Argument`] for a host with a control character.
    pub fn new(options: Options) -> Result<Self, Misuse> {
        options.check()?;
        Ok(Self {
            capabilities: Capabilities::default(),
            greeting: String::new(),
            lines: Lines::new(options.limits.line),
            queue: VecDeque::new(),
            sent: VecDeque::new(),
            auth_asked: false,
            redactor: Redactor::default(),
            tickets: 0,
            marked: BTreeSet::new(),
            stray_mark: false,
            next: None,
            state: State::Greeting,
            options,
        })
    }

    /// Authenticates with the best mechanism that the server offers, with USER and PASS if a password is all there is and
    /// no mechanism takes it. [`Options::auth`] says whether the token goes with the command.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::AuthenticatedBefore`] at the second call, and [`Misuse::Over`].
    pub fn authenticate(&mut self, credentials: Credentials) -> Result<(), Misuse> {
        if self.auth_asked {
            return Err(Misuse::AuthenticatedBefore);
        }
        let redactor = credentials.redactor();
        self.ask(Ask::Authenticate(Box::new(credentials)))?;
        self.auth_asked = true;
        self.redactor = redactor;
        Ok(())
    }

    /// UTF8 (RFC 6856 section 2.1), to be asked for before authentication: messages may come with UTF-8 in their header.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::Over`].
    pub fn utf8(&mut self) -> Result<Ticket, Misuse> {
        self.ask(Ask::Utf8)
    }

    /// LANG without an argument: [`Event::Language`] for each language that the server's texts can be in.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::Over`].
    pub fn languages(&mut self) -> Result<Ticket, Misuse> {
        self.ask(Ask::Languages)
    }

    /// LANG: the server's texts are in this language from now on; `*` is its own.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::Argument`] for what is no language tag, and [`Misuse::Over`].
    pub fn language(&mut self, tag: &str) -> Result<Ticket, Misuse> {
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        if tag != "*" && (tag.is_empty() || tag.len() > TAG || !tag.bytes().all(fits)) {
            return Err(Misuse::argument("language", tag, "is no language tag"));
        }
        self.ask(Ask::Language(tag.into()))
    }

    /// STAT: [`Event::Stat`].
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::Over`].
    pub fn stat(&mut self) -> Result<Ticket, Misuse> {
        self.ask(Ask::Stat)
    }

    /// LIST, of one message or all: [`Event::Size`] for each.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::NoSuchNumber`] for 0, and [`Misuse::Over`].
    pub fn list(&mut self, number: Option<u32>) -> Result<Ticket, Misuse> {
        self.ask(Ask::List(number.map(checked).transpose()?))
    }

    /// UIDL, of one message or all: [`Event::Uid`] for each.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::NoSuchNumber`] for 0, and [`Misuse::Over`].
    pub fn uidl(&mut self, number: Option<u32>) -> Result<Ticket, Misuse> {
        self.ask(Ask::Uidl(number.map(checked).transpose()?))
    }

    /// RETR: [`Event::Octets`] for each piece of the message.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::NoSuchNumber`] for 0, and [`Misuse::Over`].
    pub fn retrieve(&mut self, number: u32) -> Result<Ticket, Misuse> {
        self.ask(Ask::Retrieve(checked(number)?))
    }

    /// TOP: [`Event::Octets`] for each piece of the header and of the first `lines` lines of the body. Servers differ in
    /// what they count.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::NoSuchNumber`] for 0, and [`Misuse::Over`].
    pub fn top(&mut self, number: u32, lines: u32) -> Result<Ticket, Misuse> {
        self.ask(Ask::Top(checked(number)?, lines))
    }

    /// DELE: marks a message as deleted. It is removed by [`quit`](Self::quit), and by nothing else: a session that ends
    /// otherwise leaves it where it is.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::NoSuchNumber`] for 0, and [`Misuse::Over`].
    pub fn delete(&mut self, number: u32) -> Result<Ticket, Misuse> {
        self.ask(Ask::Delete(checked(number)?))
    }

    /// RSET: takes all marks back.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::Over`].
    pub fn reset(&mut self) -> Result<Ticket, Misuse> {
        self.ask(Ask::Reset)
    }

    /// NOOP.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::Over`].
    pub fn noop(&mut self) -> Result<Ticket, Misuse> {
        self.ask(Ask::Noop)
    }

    /// Ends the session when everything asked for before is done, and has the marked messages removed. Nothing can be
    /// asked for after it. [`Event::Left`] tells what became of them.
    ///
    /// A message that the server marked for a caller who had [given that up](Self::abandon) is not removed: all marks are
    /// taken back first, and the others made again.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::Over`].
    pub fn quit(&mut self) -> Result<(), Misuse> {
        self.ask(Ask::Quit).map(drop)
    }

    /// Gives up a command: nothing is told of it any more. One that was not sent is not sent.
    pub fn abandon(&mut self, ticket: Ticket) {
        self.abandon_where(|own| own == ticket);
    }

    /// Gives up a command and all that were asked for after it, but QUIT.
    pub fn abandon_since(&mut self, first: Ticket) {
        self.abandon_where(|own| own >= first);
    }

    fn abandon_where(&mut self, which: impl Fn(Ticket) -> bool) {
        let theirs = |asked: &Asked| which(asked.ticket) && asked.by != By::Session && !asked.ask.is_quit();
        self.queue.retain(|asked| !theirs(asked));
        for asked in self.sent.iter_mut().filter(|asked| theirs(asked)) {
            asked.by = By::Nobody;
        }
        self.next.take_if(|event| matches!(event, Event::Done(own, _) if which(*own)));
    }

    /// The server's first words, escaped for a terminal; empty before they came. With STLS they came in the clear: fit for
    /// telling a person whose server it may be, and for choosing between two ways that are both safe.
    #[must_use]
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// What the server offers; nothing before [`Event::Ready`].
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Numbers of the messages that are marked as deleted, as far as the server has answered.
    pub fn marked(&self) -> impl Iterator<Item = u32> {
        self.marked.iter().copied()
    }

    /// What the server has to answer now.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match &self.state {
            State::Greeting => Stage::Greeting,
            State::Capa { .. } | State::CapaReply { .. } | State::CapaLines { .. } => Stage::Capabilities,
            State::Stls | State::StlsReply => Stage::StartTls,
            State::Login(_) => Stage::Auth,
            State::Ready | State::Listing { .. } | State::Message { .. } => {
                self.sent.front().map_or(Stage::Idle, |asked| asked.ask.stage())
            }
            State::Over | State::Failed(_) => Stage::Over,
        }
    }

    /// Whether QUIT was sent with messages marked as deleted and not answered, so that they may be removed or not if the
    /// connection is given up now.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        match &self.state {
            State::Over => false,
            State::Failed(error) => error.is_outcome_unknown(),
            _ => self.has_quit() && !self.marked.is_empty(),
        }
    }

    fn has_quit(&self) -> bool {
        self.sent.back().is_some_and(|asked| asked.ask.is_quit())
    }

    fn ask(&mut self, ask: Ask) -> Result<Ticket, Misuse> {
        let quits = self.queue.back().is_some_and(|asked| asked.ask.is_quit());
        if quits || self.has_quit() || matches!(self.state, State::Over | State::Failed(_)) {
            return Err(Misuse::Over);
        }
        let ticket = Ticket(self.tickets);
        self.tickets = self.tickets.saturating_add(1);
        self.queue.push_back(Asked { ticket, ask, by: By::Caller });
        Ok(ticket)
    }

    fn advance(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Event>, Error> {
        loop {
            if let Some(event) = self.next.take() {
                return Ok(Step::Event(event));
            }
            if let Some(step) = self.speak(rx, tx)? {
                return Ok(step);
            }
            if matches!(self.state, State::Message { .. }) {
                match self.message(rx) {
                    Ok(Some(event)) => return Ok(Step::Event(event)),
                    Ok(None) if matches!(self.state, State::Ready) => continue,
                    Ok(None) => {}
                    Err(error) => return self.give_up(error),
                }
            } else {
                match self.lines.next(rx) {
                    Ok(Some(place)) => match self.hear(place, rx, tx) {
                        Ok(None) => continue,
                        Ok(Some(step)) => return Ok(step),
                        Err(error) => return self.give_up(error),
                    },
                    Ok(None) => {}
                    Err(error) => {
                        return self.give_up(Error::Reply { stage: self.stage(), error: error.into() });
                    }
                }
            }
            return if rx.is_eof() {
                self.give_up(Error::Closed { stage: self.stage() })
            } else {
                Ok(Step::Read)
            };
        }
    }

    /// Says what the state has to say without hearing more; what cannot be said yet waits for the server.
    fn speak(&mut self, rx: &RecvBuf, tx: &mut SendBuf) -> Result<Option<Step<Event>>, Error> {
        // With nothing to answer a server has nothing to say but that it closes: that is heard first.
        let quiet = rx.unread().is_empty() && !rx.is_eof();
        match &self.state {
            State::Capa { secured } if quiet => {
                tx.push(b"CAPA\r\n");
                self.state = State::CapaReply { secured: *secured };
            }
            State::Stls if !rx.unread().is_empty() => return Err(Error::BytesBeforeTls),
            State::Stls if quiet => {
                tx.push(b"STLS\r\n");
                self.state = State::StlsReply;
            }
            State::Ready | State::Listing { .. } | State::Message { .. }
                if quiet || !self.sent.is_empty() =>
            {
                return self.send(tx);
            }
            State::Over => return Ok(Some(Step::Close)),
            _ => {}
        }
        Ok(None)
    }

    /// Sends commands up to the window, in bursts, so that the direction changes seldom.
    fn send(&mut self, tx: &mut SendBuf) -> Result<Option<Step<Event>>, Error> {
        let pipelining = self.capabilities.has(Capability::Pipelining);
        let window = if pipelining { self.options.limits.pipeline.max(1) } else { 1 };
        if self.sent.len() > window.div_euclid(2) {
            return Ok(None);
        }
        while self.sent.len() < window
            && let Some(asked) = self.queue.pop_front()
        {
            let waits = match asked.ask {
                Ask::Authenticate(_) => !self.sent.is_empty(),
                // Whether a mark has to be taken back is known when all are answered.
                Ask::Quit => {
                    let given_up =
                        |asked: &Asked| matches!(asked.ask, Ask::Delete(_)) && asked.by == By::Nobody;
                    !self.sent.is_empty() && (self.stray_mark || self.sent.iter().any(given_up))
                }
                _ => false,
            };
            if waits || tx.room() < COMMAND {
                self.queue.push_front(asked);
                return Ok((!waits).then_some(Step::Flush));
            }
            match asked.ask {
                Ask::Authenticate(credentials) => {
                    let (options, capabilities) = (&self.options, &self.capabilities);
                    let login = Login::begin(credentials, options, capabilities, &self.greeting, tx)?;
                    self.state = State::Login(login);
                    return Ok(None);
                }
                Ask::Quit if mem::take(&mut self.stray_mark) => {
                    self.queue.push_front(asked);
                    let again = self.marked.iter().rev().map(|number| Ask::Delete(*number));
                    for ask in again.chain([Ask::Reset]) {
                        self.queue.push_front(Asked { ticket: Ticket(u64::MAX), ask, by: By::Session });
                    }
                }
                _ => {
                    tx.push(asked.ask.line().as_bytes());
                    self.sent.push_back(asked);
                }
            }
        }
        Ok(None)
    }

    /// Ends the session where the server's part ended with `error`.
    fn give_up(&mut self, error: Error) -> Result<Step<Event>, Error> {
        let error = match error {
            Error::Reply { stage, error } => {
                Error::Reply { stage, error: error.redacted(|text| self.redactor.redact(text)) }
            }
            error => error,
        };
        if self.outcome_unknown() {
            return Err(Error::OutcomeUnknown { cause: Box::new(error) });
        }
        // However the server takes its leave is fine when nothing is left but QUIT.
        let mut left = self.sent.iter().chain(&self.queue);
        let only_quit = left.next().is_some_and(|asked| asked.ask.is_quit());
        if only_quit && self.marked.is_empty() && matches!(self.state, State::Ready) {
            self.sent.clear();
            self.queue.clear();
            self.state = State::Over;
            return Ok(Step::Event(Event::Left(Removal::Nothing)));
        }
        Err(error)
    }
}

/// The stage alone: neither messages nor credentials end up in a log.
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
            // With them go the credentials that were not used.
            self.queue.clear();
            self.sent.clear();
        }
        step
    }

    /// Five minutes for each answer; none while the session waits for its caller.
    fn patience(&self) -> Option<Duration> {
        let seconds = match self.stage() {
            Stage::Idle | Stage::Over => return None,
            // Everything is done, so nobody should wait long for good manners.
            Stage::Quit if self.marked.is_empty() => 10,
            _ => 300,
        };
        Some(Duration::from_secs(seconds))
    }
}

const fn checked(number: u32) -> Result<u32, Misuse> {
    if number == 0 { Err(Misuse::NoSuchNumber) } else { Ok(number) }
}

const QUIT: &[u8] = b"QUIT\r\n";
/// Room for any command but AUTH and PASS, in octets.
const COMMAND: usize = 255;
/// Octets of a language tag, at most (RFC 5646 section 4.4.1 finds 35 to be enough).
const TAG: usize = 64;

#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
