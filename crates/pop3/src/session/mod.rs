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
/// A driver steps it like every [`Machine`]. Its methods only queue commands, which it carries out in that order; they may
/// be called before the first step. A caller that no longer needs an answer calls [`abandon`](Self::abandon). The session
/// then reads the answer and drops it.
///
/// When all commands are done, the session waits ([`Step::Read`]) for more. After [`quit`](Self::quit) it ends with
/// [`Event::Left`] and [`Step::Close`].
///
/// Without TLS it sends nothing but CAPA and STLS, and forgets all that the server said there except the greeting.
///
/// If the driver fails (an I/O error, a timeout), [`outcome_unknown`](Self::outcome_unknown) says what that means for marked
/// messages.
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
    /// Makes a session that waits for the server's greeting.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::Argument`] for a host with a control character.
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

    /// Authenticates with the best mechanism that the server offers. A password goes by USER and PASS if no mechanism takes
    /// it. [`Options::auth`] says whether the token is sent with the command.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::AuthenticatedBefore`] at the second call, and with [`Misuse::Over`] after [`quit`](Self::quit).
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

    /// Sends UTF8 (RFC 6856 section 2.1), before authentication. Headers of messages may hold UTF-8 from then on.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::Over`] after [`quit`](Self::quit).
    pub fn utf8(&mut self) -> Result<Ticket, Misuse> {
        self.ask(Ask::Utf8)
    }

    /// Sends LANG without an argument. [`Event::Language`] comes for each language that the server has for its texts.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::Over`] after [`quit`](Self::quit).
    pub fn languages(&mut self) -> Result<Ticket, Misuse> {
        self.ask(Ask::Languages)
    }

    /// Sends LANG, which sets the language of the server's texts. `*` is the server's own.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::Argument`] for a malformed language tag, and with [`Misuse::Over`] after [`quit`](Self::quit).
    pub fn language(&mut self, tag: &str) -> Result<Ticket, Misuse> {
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        if tag != "*" && (tag.is_empty() || tag.len() > TAG || !tag.bytes().all(fits)) {
            return Err(Misuse::argument("language", tag, "is no language tag"));
        }
        self.ask(Ask::Language(tag.into()))
    }

    /// Sends STAT. [`Event::Stat`] has the answer.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::Over`] after [`quit`](Self::quit).
    pub fn stat(&mut self) -> Result<Ticket, Misuse> {
        self.ask(Ask::Stat)
    }

    /// Sends LIST, for one message or all. [`Event::Size`] comes for each.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::NoSuchNumber`] for 0, and with [`Misuse::Over`] after [`quit`](Self::quit).
    pub fn list(&mut self, number: Option<u32>) -> Result<Ticket, Misuse> {
        self.ask(Ask::List(number.map(checked).transpose()?))
    }

    /// Sends UIDL, for one message or all. [`Event::Uid`] comes for each.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::NoSuchNumber`] for 0, and with [`Misuse::Over`] after [`quit`](Self::quit).
    pub fn uidl(&mut self, number: Option<u32>) -> Result<Ticket, Misuse> {
        self.ask(Ask::Uidl(number.map(checked).transpose()?))
    }

    /// Sends RETR. [`Event::Octets`] comes for each piece of the message.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::NoSuchNumber`] for 0, and with [`Misuse::Over`] after [`quit`](Self::quit).
    pub fn retrieve(&mut self, number: u32) -> Result<Ticket, Misuse> {
        self.ask(Ask::Retrieve(checked(number)?))
    }

    /// Sends TOP. [`Event::Octets`] comes for each piece of the header and of the first `lines` lines of the body. Servers
    /// count these differently.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::NoSuchNumber`] for 0, and with [`Misuse::Over`] after [`quit`](Self::quit).
    pub fn top(&mut self, number: u32, lines: u32) -> Result<Ticket, Misuse> {
        self.ask(Ask::Top(checked(number)?, lines))
    }

    /// Sends DELE, which marks a message as deleted. Only [`quit`](Self::quit) removes it: a session that ends in another
    /// way leaves it in place.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::NoSuchNumber`] for 0, and with [`Misuse::Over`] after [`quit`](Self::quit).
    pub fn delete(&mut self, number: u32) -> Result<Ticket, Misuse> {
        self.ask(Ask::Delete(checked(number)?))
    }

    /// Sends RSET, which removes all marks.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::Over`] after [`quit`](Self::quit).
    pub fn reset(&mut self) -> Result<Ticket, Misuse> {
        self.ask(Ask::Reset)
    }

    /// Sends NOOP.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::Over`] after [`quit`](Self::quit).
    pub fn noop(&mut self) -> Result<Ticket, Misuse> {
        self.ask(Ask::Noop)
    }

    /// Sends QUIT behind all commands before it, which removes the marked messages. No command can follow. [`Event::Left`]
    /// says what became of the messages.
    ///
    /// A message that the server marked for a caller that had [given that up](Self::abandon) is not removed: the session
    /// first removes all marks and sets the others again.
    ///
    /// # Errors
    ///
    /// Fails with [`Misuse::Over`] after [`quit`](Self::quit).
    pub fn quit(&mut self) -> Result<(), Misuse> {
        self.ask(Ask::Quit).map(drop)
    }

    /// Gives up a command. The session reports nothing more of it, and does not send it if it has not yet.
    pub fn abandon(&mut self, ticket: Ticket) {
        self.abandon_where(|own| own == ticket);
    }

    /// Gives up a command and all later ones except QUIT.
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

    /// Returns the server's greeting, escaped for a terminal. Empty before it arrived. With STLS it came without TLS: it may
    /// tell a person whose server this seems to be, or choose between two safe ways.
    #[must_use]
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Returns what the server offers. Empty before [`Event::Ready`].
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Iterates over the numbers of the messages that are marked as deleted, as far as the server has answered.
    pub fn marked(&self) -> impl Iterator<Item = u32> {
        self.marked.iter().copied()
    }

    /// Returns what the server has to answer now.
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

    /// Returns whether QUIT was sent with messages marked as deleted and is not answered yet: if the connection ends now, it
    /// is unknown whether they were removed.
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
