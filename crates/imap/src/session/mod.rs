//! The client's side of an IMAP session as a [`Machine`]: greeting, STARTTLS, authentication, commands in flight.
//!
//! A [`Session`] takes commands at any time, also before its first step and while its driver waits for bytes:
//! [`authenticate`](Session::authenticate), [`select`](Session::select), [`uid_fetch`](Session::uid_fetch),
//! [`idle`](Session::idle), [`append`](Session::append), or [`command`](Session::command) for all that needs no
//! method of its own. Commands are sent in their order and in as few flights as the protocol allows: several are in
//! flight at a time, and each is answered by an [`Event::Done`] with its [`Tag`]. What cannot share the line (IDLE, a
//! literal that the server must agree to) waits until it is alone.
//!
//! Untagged data is handed out response by response as it comes; the session keeps none of it. It looks at the
//! capabilities, BYE and the answers to its own commands only.
//!
//! The choice of several commands in flight is the caller's: RFC 9051 section 5.5 names those whose results would be
//! ambiguous (sequence numbers while another command may expunge), and a SELECT that fails makes the FETCH behind it
//! fail too, as its own [`Event::Done`].
//!
//! ```
//! use mailbearer_imap::{Mailbox, session::{Event, Options, Session}};
//! use mailbearer_sasl::Credentials;
//! use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};
//!
//! let options = Options::new("imap.example.org", 993, Security::Implicit);
//! let (mut rx, mut tx) = (RecvBuf::with_limit(options.limits.buffer()), SendBuf::new());
//! let mut session = Session::new(options);
//! session.authenticate(Credentials::bearer("robot@example.org", "t0ken")?)?;
//! let select = session.select(Mailbox::INBOX)?;
//!
//! rx.extend(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\r\n")?;
//! assert_eq!(session.step(&mut rx, &mut tx)?, Step::Event(Event::Ready));
//! assert_eq!(session.step(&mut rx, &mut tx)?, Step::Read);
//! assert!(tx.unsent().starts_with(b"A2 AUTHENTICATE XOAUTH2 dXNl"));
//! tx.sent(tx.unsent().len());
//!
//! rx.extend(b"A2 OK welcome\r\n")?;
//! assert_eq!(session.step(&mut rx, &mut tx)?, Step::Event(Event::Authenticated));
//! assert_eq!(session.step(&mut rx, &mut tx)?, Step::Read);
//! assert_eq!(tx.unsent(), b"A1 SELECT INBOX\r\n");
//! tx.sent(tx.unsent().len());
//!
//! rx.extend(b"A1 NO [UNAVAILABLE] later\r\n")?;
//! let Step::Event(Event::Done(done)) = session.step(&mut rx, &mut tx)? else { panic!() };
//! assert!(done.tag == select && !done.is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Before TLS
//!
//! With [`Security::StartTls`](mailbearer_wire::Security) the client sends nothing in the clear but STARTTLS. Nothing that was learned before TLS is used
//! or handed out after it, and bytes between the server's consent and TLS are an error. An answer counts only if no
//! octet of it was there before its command had been sent.

use alloc::{collections::VecDeque, string::String, vec::Vec};
use core::{mem, time::Duration};

use mailbearer_sasl::{Credentials, Exchange, Redactor};
use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

use crate::{Capabilities, Frame, Framer, Limits, Quirks};

mod command;
mod input;
mod output;
#[cfg(test)]
mod tests;

pub use crate::{
    error::{Error, Misuse, Stage},
    event::{Answer, Completion, Event, Tag},
    options::{Bounds, Options},
    problem::Problem,
};

use command::Outgoing;

/// A client's session. See the [module](self).
#[derive(Debug)]
pub struct Session {
    options: Options,
    state: State,
    framer: Framer,
    capabilities: Capabilities,
    greeting: String,
    login: Option<Credentials>,
    /// The credentials, which a server may repeat at any time.
    redactor: Redactor,
    /// Commands that were not begun.
    queue: VecDeque<Outgoing>,
    /// Commands that were begun and not answered.
    in_flight: Vec<InFlight>,
    last_tag: u32,
    identity: Identity,
    /// Whether the server has enabled UTF-8 in commands.
    utf8: bool,
    /// Octets of the peer consumed so far.
    consumed: u64,
    /// Octets put into the send buffer so far.
    written: u64,
    /// What is left of [`Bounds::early_responses`] and [`Bounds::early_octets`].
    early: (usize, usize),
}

/// What is awaited; RFC 9051 section 3 with the ways into it:
///
/// ```text
/// Greeting ─── OK, implicit TLS ──────────────► Capability? ─► Open(NotAuthenticated)
///    │  └───── OK, STARTTLS ─► StartTls ─► Handshake ─► Capability    │ AUTHENTICATE
///    └──────── PREAUTH, implicit TLS ─► PreAuth ─────────────► Open(Authenticated)
///                                                              │ LOGOUT
///                                             Closed ◄─ Goodbye ◄─ Logout
/// ```
#[derive(Debug)]
enum State {
    Greeting,
    /// STARTTLS was sent.
    StartTls,
    /// The caller was told to start TLS.
    Handshake,
    /// CAPABILITY was sent by the session itself.
    Capability,
    /// The greeting was PREAUTH: both events of the way there are due.
    PreAuth,
    Open {
        access: Access,
        line: Line,
    },
    /// LOGOUT was sent, and perhaps answered with this BYE.
    Logout {
        bye: Option<Answer>,
    },
    /// The server closed as it should; the next step says so to the caller.
    Goodbye(String),
    Closed,
    Failed(Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    NotAuthenticated,
    Authenticated,
}

/// Who may send next on an open session.
#[derive(Debug)]
enum Line {
    /// The next command of the queue.
    Free,
    /// AUTHENTICATE was sent.
    Auth(Auth),
    /// The server's `+` is awaited before the rest of this command goes on with a literal.
    GoAhead(Outgoing),
    /// The caller's octets of this command's literal are awaited, or being sent.
    Body(Body),
    /// IDLE was sent, `+` is awaited; `done` if the caller wants it to end as soon as it began.
    IdleGoAhead { tag: Tag, done: bool },
    /// The server listens to IDLE.
    Idle { tag: Tag, done: bool },
    /// DONE was sent.
    IdleDone { tag: Tag },
}

#[derive(Debug)]
struct Auth {
    tag: Tag,
    /// `None` for LOGIN, which is no exchange.
    exchange: Option<Exchange>,
    /// Whether the credentials were sent, so that the server can judge them.
    told: bool,
    /// Whether a CAPABILITY came since: those hold after the authentication.
    relearned: bool,
}

#[derive(Debug)]
struct Body {
    /// Octets that the caller did not give yet.
    left: u64,
    /// Octets given and not yet in the send buffer.
    given: Vec<u8>,
    /// Whether the caller knows that the server wants more.
    asked: bool,
    /// The command, to go on with when all is given.
    rest: Outgoing,
    /// A refusal that came before all was sent. A server that takes literals without a go-ahead must read the
    /// octets nevertheless (RFC 7888 section 4), so the caller is told at their end.
    refusal: Option<Frame>,
}

/// A command that was sent, at least in part.
#[derive(Debug)]
struct InFlight {
    tag: Tag,
    role: Role,
    /// [`Session::written`] behind its last octet so far; the largest number while the caller gives a literal.
    end: u64,
    /// An answer that starts before this octet of the peer was sent without knowledge of the command.
    not_before: u64,
}

/// Whether [`Options::id`] is still to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    /// There is nothing to send, or it was sent.
    Kept,
    /// The server wants it before it opens a mailbox.
    Wanted,
    /// It is to be sent next.
    Due,
}

/// Who gave a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The session's own way in.
    Entry,
    Caller,
    /// The same, and nothing is sent before it is answered: it may change how commands are written.
    Enable,
    Logout,
}

impl Session {
    /// A session at the start of its connection: with [`Security::Implicit`](mailbearer_wire::Security) over TLS already.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let bounds = options.bounds;
        Self {
            framer: Framer::with_quirks(&early_limits(&options), &options.quirks),
            options,
            state: State::Greeting,
            capabilities: Capabilities::default(),
            greeting: String::new(),
            login: None,
            redactor: Redactor::default(),
            queue: VecDeque::new(),
            in_flight: Vec::new(),
            last_tag: 0,
            identity: Identity::Kept,
            utf8: false,
            consumed: 0,
            written: 0,
            early: (bounds.early_responses, bounds.early_octets),
        }
    }

    /// Authenticates as soon as the server is ready. The session sends nothing before that needs authentication.
    ///
    /// [`Event::Authenticated`] follows, or the session fails with [`Error::Auth`].
    ///
    /// # Errors
    ///
    /// [`Misuse::AlreadyAuthenticated`] for a second call; [`Misuse::LoggingOut`] and [`Misuse::Ended`] after the
    /// end.
    pub fn authenticate(&mut self, credentials: Credentials) -> Result<(), Misuse> {
        self.check_open()?;
        let before = match &self.state {
            State::Open { access, line } => {
                *access == Access::NotAuthenticated && !matches!(line, Line::Auth(_))
            }
            State::PreAuth => false,
            _ => true,
        };
        if !before || self.login.is_some() {
            return Err(Misuse::AlreadyAuthenticated);
        }
        self.redactor = credentials.redactor();
        self.login = Some(credentials);
        Ok(())
    }

    /// Ends the IDLE that was given last. Giving any other command does the same.
    ///
    /// # Errors
    ///
    /// [`Misuse::NotIdling`] where there is none, or it has ended.
    pub fn done(&mut self) -> Result<(), Misuse> {
        let queued = self.queue.iter_mut().rev().find_map(Outgoing::idle_mut);
        match (queued, &mut self.state) {
            (Some(done), _)
            | (None, State::Open { line: Line::IdleGoAhead { done, .. } | Line::Idle { done, .. }, .. }) => {
                *done = true;
            }
            // On its way already.
            (None, State::Open { line: Line::IdleDone { .. }, .. }) => {}
            _ => return Err(Misuse::NotIdling),
        }
        Ok(())
    }

    /// Gives octets of the message that the server wants ([`Event::BodyWanted`]) and says how many were taken: as
    /// many as fit into [`SendBuf::LIMIT`] and the size announced. Step, and give the rest when it is wanted again.
    /// With the last octet the command is complete.
    ///
    /// If a message turns out shorter than announced, drop the connection; the server then forgets the message.
    pub fn body(&mut self, octets: &[u8]) -> usize {
        let State::Open { line: Line::Body(body), .. } = &mut self.state else { return 0 };
        let room = SendBuf::LIMIT.saturating_sub(body.given.len());
        let left = usize::try_from(body.left).unwrap_or(usize::MAX);
        let count = octets.len().min(room).min(left);
        body.given.extend_from_slice(octets.get(..count).unwrap_or_default());
        body.left = body.left.saturating_sub(long(count));
        body.asked &= count == 0;
        count
    }

    /// The server's first words, cut and escaped for a terminal; empty before they came. With STARTTLS they came in the
    /// clear: they may tell a person whose server it is, but no decision may depend on them.
    #[must_use]
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// What the server can do, as it said last over TLS and for the present state of authentication.
    ///
    /// Empty while it has said nothing: many servers do not tell again after the authentication, and the session
    /// spends no round trip on it. A caller that needs to know gives a CAPABILITY command.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Takes the credentials out of what the server says. The session does so in all its errors, and in every response in words;
    /// data is handed out as it came.
    #[must_use]
    pub const fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The bounds that it was set up with.
    #[must_use]
    pub const fn bounds(&self) -> &Bounds {
        &self.options.bounds
    }

    /// The limits that it was set up with.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// The quirks that it was set up with.
    #[must_use]
    pub const fn quirks(&self) -> &Quirks {
        &self.options.quirks
    }

    /// The commands that were given and not answered yet, the oldest first.
    pub fn pending(&self) -> impl Iterator<Item = Tag> + '_ {
        let sent = self.in_flight.iter().filter(|command| command.role != Role::Entry);
        sent.map(|command| command.tag).chain(self.queue.iter().map(|command| command.tag))
    }

    /// Whether the session is past its authentication and not leaving yet.
    #[must_use]
    pub const fn is_authenticated(&self) -> bool {
        matches!(self.state, State::Open { access: Access::Authenticated, .. })
    }

    /// Whether the server listens to an IDLE that nothing ends yet.
    #[must_use]
    pub const fn is_idling(&self) -> bool {
        matches!(self.state, State::Open { line: Line::Idle { done: false, .. }, .. })
    }

    fn check_open(&self) -> Result<(), Misuse> {
        match self.state {
            State::Failed(_) | State::Closed | State::Goodbye(_) => Err(Misuse::Ended),
            State::Logout { .. } => Err(Misuse::LoggingOut),
            _ if self.queue.iter().any(Outgoing::is_logout) => Err(Misuse::LoggingOut),
            _ => Ok(()),
        }
    }

    fn stage(&self) -> Stage {
        match &self.state {
            State::Greeting => Stage::Greeting,
            State::StartTls | State::Handshake => Stage::StartTls,
            State::Capability => Stage::Capability,
            State::Open { line: Line::Auth(_), .. } => Stage::Auth,
            State::Open { access: Access::NotAuthenticated, .. } => Stage::NotAuthenticated,
            State::Open {
                line: Line::IdleGoAhead { .. } | Line::Idle { .. } | Line::IdleDone { .. },
                ..
            } => Stage::Idle,
            State::Open { .. } | State::PreAuth | State::Failed(_) => Stage::Authenticated,
            State::Logout { .. } | State::Goodbye(_) | State::Closed => Stage::Logout,
        }
    }

    fn advance(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Event>, Error> {
        self.note_what_came_early(rx, tx);
        match &mut self.state {
            State::PreAuth => {
                self.state = self.authenticated();
                return Ok(Step::Event(Event::Authenticated));
            }
            State::Goodbye(text) => {
                let text = mem::take(text);
                self.state = State::Closed;
                return Ok(Step::Event(Event::Closed(text)));
            }
            State::Closed => return Ok(Step::Close),
            _ => {}
        }
        loop {
            let before = rx.unread().len();
            let piece = self.framer.next(rx)?;
            self.consumed = self.consumed.saturating_add(long(before.saturating_sub(rx.unread().len())));
            match piece {
                Some(piece) => {
                    if let Some(step) = self.on_piece(piece, rx, tx)? {
                        return Ok(step);
                    }
                }
                None if rx.is_eof() => return self.on_eof(),
                None => return self.write(rx, tx),
            }
        }
    }

    /// Marks answers to a command that the peer has not got whole as premature, and everything else that came up to
    /// now.
    fn note_what_came_early(&mut self, rx: &RecvBuf, tx: &SendBuf) {
        let sent = self.written.saturating_sub(long(tx.unsent().len()));
        let received = self.received(rx);
        for command in self.in_flight.iter_mut().filter(|command| command.end > sent) {
            command.not_before = received;
        }
    }

    fn received(&self, rx: &RecvBuf) -> u64 {
        self.consumed.saturating_add(long(rx.unread().len()))
    }

    /// The state after authentication, where the limits of the login no longer apply.
    fn authenticated(&mut self) -> State {
        self.framer = Framer::with_quirks(&self.options.limits, &self.options.quirks);
        if self.identity == Identity::Wanted && !self.options.id.is_empty() {
            self.identity = Identity::Due;
        }
        State::Open { access: Access::Authenticated, line: Line::Free }
    }

    fn on_eof(&mut self) -> Result<Step<Event>, Error> {
        match &mut self.state {
            // It need not wait for the rest of the octets that nobody takes.
            State::Open { line: Line::Body(Body { rest, refusal: refusal @ Some(_), .. }), .. } => {
                let (tag, refusal) = (rest.tag, refusal.take());
                self.in_flight.retain(|command| command.tag != tag);
                refusal.map_or(Err(Error::Closed { stage: Stage::Authenticated }), |refusal| {
                    Ok(input::done(tag, self.shown(refusal)))
                })
            }
            State::Logout { bye } if is_all_answered(&self.in_flight) => {
                let text = bye.take().map(|answer| answer.text).unwrap_or_default();
                self.state = State::Closed;
                Ok(Step::Event(Event::Closed(text)))
            }
            // Why commands before LOGOUT get no answer: the token may have run out.
            State::Logout { bye } => bye
                .take()
                .map_or(Err(Error::Closed { stage: Stage::Logout }), |answer| Err(Error::Bye(answer))),
            _ => Err(Error::Closed { stage: self.stage() }),
        }
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
        self.advance(rx, tx).inspect_err(|error| {
            self.state = State::Failed(error.clone());
            self.login = None;
            self.queue.clear();
            self.in_flight.clear();
        })
    }

    fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Open { line: Line::Idle { .. }, .. } => Some(self.options.idle.min(IDLE_MOST)),
            _ => None,
        }
    }
}

/// Whether nothing is unanswered but LOGOUT, or what nobody waits for.
fn is_all_answered(in_flight: &[InFlight]) -> bool {
    in_flight.iter().all(|command| matches!(command.role, Role::Logout | Role::Entry))
}

const IDLE_MOST: Duration = Duration::from_secs(28 * 60);

/// The limits that hold until the server has seen the credentials.
fn early_limits(options: &Options) -> Limits {
    let octets = options.bounds.early_octets;
    let limits = &options.limits;
    Limits {
        line: limits.line.min(octets),
        response: limits.response.min(octets),
        literal: limits.literal.min(long(octets)),
        ..limits.clone()
    }
}

fn long(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
