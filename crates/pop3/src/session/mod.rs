mod ask;
mod login;

use alloc::{
    boxed::Box,
    collections::{BTreeSet, VecDeque},
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, mem, time::Duration};

use mailbearer_sasl::{Credentials, Redactor};
use mailbearer_wire::{
    Line as Place, Lines, Machine, RecvBuf, Security, SendBuf, Step, printable, printable_bytes,
};

use self::{
    ask::{Ask, Asked, By},
    login::Login,
};
use crate::{
    Capabilities, Capability, Error, Event, Language, Misuse, Options, Removal, Reply, ReplyError, Size,
    Stage, Stat, Ticket, Uid,
    multiline::{Multiline, Piece},
    reply::Line,
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

    /// Takes a line in. `None` where there is more to say or to hear.
    fn hear(
        &mut self,
        place: Place,
        rx: &mut RecvBuf,
        tx: &mut SendBuf,
    ) -> Result<Option<Step<Event>>, Error> {
        let line = rx.take(place.total);
        let bare = place.total.saturating_sub(place.content) == 1;
        let line = line.get(..place.content).unwrap_or_default();
        match &mut self.state {
            State::CapaLines { lines, .. } => {
                if line != b"." {
                    let limit = self.options.limits.capabilities;
                    if lines.len() >= limit {
                        let error = ReplyError::TooManyLines { limit };
                        return Err(Error::Reply { stage: Stage::Capabilities, error });
                    }
                    lines.push(String::from_utf8_lossy(unstuffed(line)).to_string());
                    return Ok(None);
                }
                return self.hear_capabilities(rx);
            }
            State::Listing { .. } => return self.hear_listing(line).map(|event| event.map(Step::Event)),
            _ => {}
        }
        let said = match Line::parse(line) {
            Some(Line::Reply(reply)) => Line::Reply(reply.redacted(|text| self.redactor.redact(text))),
            Some(said) => said,
            None => {
                let error = ReplyError::NotAReply(printable_bytes(line, EXCERPT));
                return Err(Error::Reply { stage: self.stage(), error });
            }
        };
        let reply = match (mem::replace(&mut self.state, State::Over), said) {
            (State::Login(login), said) => {
                let (state, event) = match login.hear(said, &self.options, tx)? {
                    Some(login) => (State::Login(login), None),
                    None => (State::Ready, Some(Step::Event(Event::Authenticated))),
                };
                self.state = state;
                return Ok(event);
            }
            (state, Line::Reply(reply)) => {
                self.state = state;
                reply
            }
            (state, Line::Challenge(text)) => {
                self.state = state;
                let reply = Reply::new(true, String::from_utf8_lossy(text));
                return Err(Error::Unexpected { stage: self.stage(), reply });
            }
        };
        self.hear_reply(reply, bare, rx)
    }

    fn hear_reply(&mut self, reply: Reply, bare: bool, rx: &RecvBuf) -> Result<Option<Step<Event>>, Error> {
        let stage = self.stage();
        match (&self.state, reply.ok) {
            (State::Greeting, ok) => {
                self.greeting = printable(reply.raw()).chars().take(GREETING).collect();
                if !ok {
                    return Err(Error::Refused { stage, reply });
                }
                self.state = State::Capa { secured: self.options.security == Security::Implicit };
            }
            (State::CapaReply { secured }, true) => {
                self.state = State::CapaLines { secured: *secured, lines: Vec::new() };
            }
            // It does not know the command, which does not mean that it can nothing.
            (State::CapaReply { secured: true }, false) => {
                self.state = State::Ready;
                return Ok(Some(Step::Event(Event::Ready)));
            }
            (State::CapaReply { secured: false }, false) => return Err(Error::StartTlsMissing),
            (State::StlsReply, true) => {
                if !rx.unread().is_empty() {
                    return Err(Error::BytesBeforeTls);
                }
                self.state = State::Capa { secured: true };
                return Ok(Some(Step::StartTls));
            }
            (State::StlsReply, false) => return Err(Error::Refused { stage, reply }),
            (State::Ready, _) => return self.hear_answer(reply, bare).map(|event| event.map(Step::Event)),
            _ => return Err(Error::Unexpected { stage, reply }),
        }
        Ok(None)
    }

    fn hear_capabilities(&mut self, rx: &RecvBuf) -> Result<Option<Step<Event>>, Error> {
        let State::CapaLines { secured, lines } = mem::replace(&mut self.state, State::Ready) else {
            return Ok(None);
        };
        let capabilities = Capabilities::of_lines(lines);
        if secured {
            self.capabilities = capabilities;
            return Ok(Some(Step::Event(Event::Ready)));
        }
        if !capabilities.has(Capability::Stls) {
            return Err(Error::StartTlsMissing);
        }
        self.state = State::Stls;
        if rx.unread().is_empty() { Ok(None) } else { Err(Error::BytesBeforeTls) }
    }

    /// Takes the status line of the oldest command in.
    fn hear_answer(&mut self, reply: Reply, bare: bool) -> Result<Option<Event>, Error> {
        let stage = self.stage();
        let Some(asked) = self.sent.front() else {
            return Err(if reply.ok { Error::Unexpected { stage, reply } } else { Error::Closing { reply } });
        };
        if let Ask::Quit = asked.ask {
            self.sent.clear();
            self.state = State::Over;
            return Ok(Some(Event::Left(match (self.marked.len(), reply.ok) {
                (0, _) => Removal::Nothing,
                (count, true) => Removal::Done(count),
                (_, false) => Removal::Partial(reply),
            })));
        }
        if !reply.ok {
            // Without it the stray mark stays, and QUIT would remove what it must not.
            if let (Ask::Reset, By::Session) = (&asked.ask, asked.by) {
                return Err(Error::Refused { stage, reply });
            }
            let asked = self.sent.pop_front();
            let told = asked.filter(|asked| asked.by == By::Caller);
            return Ok(told.map(|asked| Event::Refused(asked.ticket, reply)));
        }
        let ticket = asked.ticket;
        let event = match &asked.ask {
            Ask::Stat => Some(Event::Stat(ticket, stat(&reply).ok_or_else(|| odd(stage, reply.raw()))?)),
            Ask::List(Some(number)) => {
                let size = size(reply.raw()).filter(|size| size.number == *number);
                Some(Event::Size(ticket, size.ok_or_else(|| odd(stage, reply.raw()))?))
            }
            Ask::Uidl(Some(number)) => {
                let uid = uid(reply.raw()).filter(|uid| uid.number == *number);
                Some(Event::Uid(ticket, uid.ok_or_else(|| odd(stage, reply.raw()))?))
            }
            Ask::List(None) | Ask::Uidl(None) | Ask::Languages => {
                self.state = State::Listing { reply, lines: 0, octets: 0 };
                return Ok(None);
            }
            Ask::Retrieve(_) | Ask::Top(..) => {
                let multiline = Multiline::new(bare && self.options.quirks.bare_line_ends);
                self.state = State::Message { reply, multiline, octets: 0 };
                return Ok(None);
            }
            Ask::Delete(_) if asked.by == By::Nobody => {
                self.stray_mark = true;
                None
            }
            Ask::Delete(number) => {
                self.marked.insert(*number);
                None
            }
            Ask::Reset => {
                // The session makes the marks again that the caller made.
                if asked.by != By::Session {
                    self.stray_mark = false;
                }
                self.marked.clear();
                None
            }
            _ => None,
        };
        Ok(self.finish(event, reply))
    }

    fn hear_listing(&mut self, line: &[u8]) -> Result<Option<Event>, Error> {
        let stage = self.stage();
        let State::Listing { lines, octets, .. } = &mut self.state else { return Ok(None) };
        if line == b"." {
            let State::Listing { reply, .. } = mem::replace(&mut self.state, State::Ready) else {
                return Ok(None);
            };
            return Ok(self.finish(None, reply));
        }
        let limit = self.options.limits.listing;
        if *lines >= limit {
            return Err(Error::Reply { stage, error: ReplyError::TooManyLines { limit } });
        }
        *lines = lines.saturating_add(1);
        *octets = octets.saturating_add(line.len());
        let limit = self.options.limits.listing_octets;
        if *octets > limit {
            return Err(Error::Reply { stage, error: ReplyError::ListingTooLarge { limit } });
        }
        let Some(asked) = self.sent.front() else { return Ok(None) };
        let (ticket, line) = (asked.ticket, unstuffed(line));
        let text = core::str::from_utf8(line).ok();
        let event = text.and_then(|text| match &asked.ask {
            Ask::List(_) => size(text).map(|size| Event::Size(ticket, size)),
            Ask::Uidl(_) => uid(text).map(|uid| Event::Uid(ticket, uid)),
            _ => Some(Event::Language(ticket, language(text))),
        });
        match event {
            Some(event) => Ok(Some(event).filter(|_| asked.by == By::Caller)),
            None => Err(odd_line(stage, line)),
        }
    }

    /// Reads what there is of a message.
    fn message(&mut self, rx: &mut RecvBuf) -> Result<Option<Event>, Error> {
        let stage = self.stage();
        let told = self.sent.front().filter(|asked| asked.by == By::Caller).map(|asked| asked.ticket);
        let State::Message { multiline, octets, .. } = &mut self.state else { return Ok(None) };
        loop {
            match multiline.next(rx.unread()) {
                Piece::Data(count) => {
                    *octets = octets.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
                    let limit = self.options.limits.message;
                    if *octets > limit {
                        return Err(Error::Reply { stage, error: ReplyError::MessageTooLarge { limit } });
                    }
                    if let Some(ticket) = told {
                        return Ok(Some(Event::Octets(ticket, rx.take_message(count, 0))));
                    }
                    rx.consume_bulk(count);
                }
                Piece::Dot => rx.consume_bulk(1),
                Piece::More => return Ok(None),
                Piece::End(count) => {
                    rx.consume(count);
                    break;
                }
            }
        }
        let State::Message { reply, .. } = mem::replace(&mut self.state, State::Ready) else {
            return Ok(None);
        };
        Ok(self.finish(None, reply))
    }

    /// The oldest command is done: tells `event`, if there is one, and that.
    fn finish(&mut self, event: Option<Event>, reply: Reply) -> Option<Event> {
        let asked = self.sent.pop_front().filter(|asked| asked.by == By::Caller)?;
        let done = Event::Done(asked.ticket, reply);
        match event {
            Some(event) => {
                self.next = Some(done);
                Some(event)
            }
            None => Some(done),
        }
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

/// RFC 1939 section 3: a line of a multi-line answer that begins with a dot has another in front of it.
fn unstuffed(line: &[u8]) -> &[u8] {
    line.strip_prefix(b".").unwrap_or(line)
}

/// `"+OK" SP number SP octets` (RFC 1939 section 5)
fn stat(reply: &Reply) -> Option<Stat> {
    let mut words = reply.raw().split_ascii_whitespace();
    let (count, octets) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Stat { count, octets })
}

/// `number SP octets`, and what some servers add (RFC 1939 section 5).
fn size(text: &str) -> Option<Size> {
    let mut words = text.split_ascii_whitespace();
    let number = words.next()?.parse().ok().filter(|number| *number > 0)?;
    Some(Size { number, octets: words.next()?.parse().ok()? })
}

/// `number SP unique-id` (RFC 1939 section 7)
fn uid(text: &str) -> Option<Uid> {
    let (number, uid) = text.trim_ascii().split_once([' ', '\t'])?;
    let number = number.parse().ok().filter(|number| *number > 0)?;
    let uid = uid.trim_ascii();
    (!uid.is_empty()).then(|| Uid { number, uid: uid.into() })
}

/// `tag SP name` (RFC 6856 section 3.2)
fn language(text: &str) -> Language {
    let (tag, name) = text.split_once(' ').unwrap_or((text, ""));
    Language { tag: tag.into(), name: name.into() }
}

fn odd(stage: Stage, text: &str) -> Error {
    odd_line(stage, text.as_bytes())
}

fn odd_line(stage: Stage, line: &[u8]) -> Error {
    Error::Reply { stage, error: ReplyError::NotAListing(printable_bytes(line, EXCERPT)) }
}

const QUIT: &[u8] = b"QUIT\r\n";
/// Room for any command but AUTH and PASS, in octets.
const COMMAND: usize = 255;
/// Octets of a language tag, at most (RFC 5646 section 4.4.1 finds 35 to be enough).
const TAG: usize = 64;
/// Characters of the greeting that are kept.
const GREETING: usize = 160;
/// Octets of a line that an error shows.
const EXCERPT: usize = 80;

#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
