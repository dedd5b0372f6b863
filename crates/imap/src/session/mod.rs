//! The client's side of an IMAP session as a [`Machine`]: greeting, STARTTLS, authentication, commands in flight.
//!
//! A [`Session`] takes commands at any time, also before its first step and while its driver waits for bytes:
//! [`authenticate`](Session::authenticate), [`select`](Session::select), [`uid_fetch`](Session::uid_fetch),
//! [`idle`](Session::idle), [`append`](Session::append), or [`command`](Session::command) for all others. It sends
//! commands in their order and in as few flights as the protocol allows. Several are in flight at a time, and an
//! [`Event::Done`] with its [`Tag`] answers each. A command that cannot share the line (IDLE, one with a literal that
//! the server must agree to) waits until it is alone.
//!
//! The session hands out untagged data response by response as it comes, and keeps none of it. It only looks at the
//! capabilities, BYE and the answers to its own commands.
//!
//! The caller decides which commands are in flight together. RFC 9051 section 5.5 names those whose results would be
//! ambiguous (sequence numbers while another command may expunge). If a SELECT fails, the FETCH behind it fails too,
//! with an [`Event::Done`] of its own.
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
//! With [`Security::StartTls`](mailbearer_wire::Security) the client sends nothing but STARTTLS in the clear. It uses
//! and hands out nothing that it learned before TLS, and bytes between the server's consent and TLS are an error. An
//! answer counts only if none of its octets had arrived before its command was sent.

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
    /// Knows the credentials, which a server may repeat at any time.
    redactor: Redactor,
    /// Commands that have not begun.
    queue: VecDeque<Outgoing>,
    /// Commands that have begun and are not answered.
    in_flight: Vec<InFlight>,
    last_tag: u32,
    identity: Identity,
    /// Whether the server has enabled UTF-8 in commands.
    utf8: bool,
    /// Octets of the peer consumed so far.
    consumed: u64,
    /// Octets written to the send buffer so far.
    written: u64,
    /// What is left of [`Bounds::early_responses`] and [`Bounds::early_octets`].
    early: (usize, usize),
    /// How many lines were passed over since all commands were answered ([`Quirks::junk_line`](crate::Quirks)).
    junk: usize,
}

/// What the session waits for. RFC 9051 section 3 with the ways into it:
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
    /// The caller is starting TLS.
    Handshake,
    /// The session sent CAPABILITY.
    Capability,
    /// The greeting was PREAUTH. The session owes the caller the events `Ready` and `Authenticated`.
    PreAuth,
    Open {
        access: Access,
        line: Line,
    },
    /// LOGOUT was sent. `bye` is the server's BYE, if that came.
    Logout {
        bye: Option<Answer>,
    },
    /// The server closed as it should. The next step says so to the caller.
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
    /// The rest of this command begins with a literal, and waits for the server's `+`.
    GoAhead(Outgoing),
    /// This command's literal waits for octets of the caller, or is being sent.
    Body(Body),
    /// IDLE was sent, its `+` has not come. `done` if it ends as soon as it has begun.
    IdleGoAhead { tag: Tag, done: bool },
    /// The server accepted IDLE.
    Idle { tag: Tag, done: bool },
    /// DONE was sent.
    IdleDone { tag: Tag },
}

#[derive(Debug)]
struct Auth {
    tag: Tag,
    /// `None` for LOGIN, which has no challenges.
    exchange: Option<Exchange>,
    /// Whether the credentials were sent, so that the server can judge them.
    told: bool,
    /// Whether a CAPABILITY came since then. Its contents are still true after the authentication.
    relearned: bool,
}

#[derive(Debug)]
struct Body {
    /// Octets that the caller has yet to give.
    left: u64,
    /// Octets from the caller that are not in the send buffer yet.
    given: Vec<u8>,
    /// Whether the caller knows that the server wants more.
    asked: bool,
    /// The rest of the command, which follows the literal.
    rest: Outgoing,
    /// A refusal that came before all was sent. A server that takes literals without a go-ahead must read the octets
    /// nevertheless (RFC 7888 section 4), so the caller gets the refusal when all are sent.
    refusal: Option<Frame>,
}

/// A command that was sent, at least in part.
#[derive(Debug)]
struct InFlight {
    tag: Tag,
    role: Role,
    /// [`Session::written`] behind its last octet so far. The largest number while the caller has octets to give.
    end: u64,
    /// An answer that starts before this octet of the peer was sent before the server knew the command.
    not_before: u64,
}

/// Whether [`Options::id`] has to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    /// No: there is nothing to send, or it was sent.
    Kept,
    /// Once the session is authenticated: the server wants it before it opens a mailbox.
    Wanted,
    /// Now.
    Due,
}

/// Who gave a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The session, on its way in.
    Entry,
    Caller,
    /// The caller, with an ENABLE that may change how commands are written. Nothing is sent before its answer.
    Enable,
    Logout,
}

impl Session {
    /// Makes a session for a new connection. With [`Security::Implicit`](mailbearer_wire::Security), TLS is established
    /// already.
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
            junk: 0,
        }
    }

    /// Authenticates as soon as the server is ready. Until then, the session holds back commands that need
    /// authentication.
    ///
    /// [`Event::Authenticated`] follows, or the session fails with [`Error::Auth`].
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::AlreadyAuthenticated`] for a second call, and [`Misuse::LoggingOut`] or [`Misuse::Ended`]
    /// after the end.
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

    /// Ends the IDLE that was queued last. Any other command does the same.
    ///
    /// # Errors
    ///
    /// Returns [`Misuse::NotIdling`] if there is none, or if it has ended.
    pub fn done(&mut self) -> Result<(), Misuse> {
        let queued = self.queue.iter_mut().rev().find_map(Outgoing::idle_mut);
        match (queued, &mut self.state) {
            (Some(done), _)
            | (None, State::Open { line: Line::IdleGoAhead { done, .. } | Line::Idle { done, .. }, .. }) => {
                *done = true;
            }
            // DONE was sent already.
            (None, State::Open { line: Line::IdleDone { .. }, .. }) => {}
            _ => return Err(Misuse::NotIdling),
        }
        Ok(())
    }

    /// Takes octets of the message that the server wants ([`Event::BodyWanted`]). Returns how many it took: as many as
    /// fit into [`SendBuf::LIMIT`] and the announced size. Step, and give the rest when it is wanted again. The last
    /// octet completes the command.
    ///
    /// If a message turns out shorter than announced, drop the connection: the server then forgets the message.
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

    /// Returns the server's first words, cut and escaped for a terminal. Empty before they came. With STARTTLS they
    /// came in the clear: they may tell a person whose server it is, but no decision may depend on them.
    #[must_use]
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Returns what the server can do, as it last said over TLS and in the present state of authentication.
    ///
    /// Empty until the server has said so. Many servers do not repeat it after the authentication, and the session
    /// spends no round trip on it: a caller that needs to know sends a CAPABILITY command.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Returns the redactor, which takes the credentials out of what the server says. The session applies it to all its
    /// errors and to every response in words, but hands out data as it came.
    #[must_use]
    pub const fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Returns the bounds that it was set up with.
    #[must_use]
    pub const fn bounds(&self) -> &Bounds {
        &self.options.bounds
    }

    /// Returns the limits that it was set up with.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// Returns the quirks that it was set up with.
    #[must_use]
    pub const fn quirks(&self) -> &Quirks {
        &self.options.quirks
    }

    /// Iterates over the commands that are not answered yet, the oldest first.
    pub fn pending(&self) -> impl Iterator<Item = Tag> + '_ {
        let sent = self.in_flight.iter().filter(|command| command.role != Role::Entry);
        sent.map(|command| command.tag).chain(self.queue.iter().map(|command| command.tag))
    }

    /// Returns whether the session is authenticated and not logging out.
    #[must_use]
    pub const fn is_authenticated(&self) -> bool {
        matches!(self.state, State::Open { access: Access::Authenticated, .. })
    }

    /// Returns whether the server accepted an IDLE that nothing has ended yet.
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

    /// Notes, for commands that the peer does not have in full yet, that everything received up to now can't be their
    /// answer.
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

    /// Returns the state after authentication, in which the limits of the login no longer apply.
    fn authenticated(&mut self) -> State {
        self.framer = Framer::with_quirks(&self.options.limits, &self.options.quirks);
        if self.identity == Identity::Wanted && !self.options.id.is_empty() {
            self.identity = Identity::Due;
        }
        State::Open { access: Access::Authenticated, line: Line::Free }
    }

    fn on_eof(&mut self) -> Result<Step<Event>, Error> {
        match &mut self.state {
            // The server hung up instead of reading octets that it does not want: the refusal need not wait for them.
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
            // The BYE says why commands before LOGOUT get no answer: the token may have expired.
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

/// Whether only LOGOUT is unanswered, and commands whose answers nobody waits for.
fn is_all_answered(in_flight: &[InFlight]) -> bool {
    in_flight.iter().all(|command| matches!(command.role, Role::Logout | Role::Entry))
}

const IDLE_MOST: Duration = Duration::from_secs(28 * 60);

/// Returns the limits that apply until the credentials are sent.
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
