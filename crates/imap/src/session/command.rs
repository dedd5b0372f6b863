use alloc::{string::ToString, vec, vec::Vec};

use mailbearer_wire::SendBuf;

use super::{Misuse, Session, Tag};
use crate::{
    AppendData, AppendMessage, Capability, Command, DateTime, Dialect, Encoded, FetchItem, Flag, Literals,
    Mailbox, Next, Select, SequenceSet,
    command::{Write, write_fetch, write_select, write_word},
};

/// A command on its way out.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) tag: Tag,
    pub(super) kind: Kind,
    /// Whether the server will be asked for a go-ahead in the middle of it.
    pub(super) waits: bool,
    /// What is left of it.
    pub(super) encoded: Encoded,
}

/// What a command means for the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It needs authentication.
    Plain,
    /// It is of use before authentication too.
    AnyState,
    /// IDLE; `done` if it is to end as soon as it began.
    Idle {
        done: bool,
    },
    Logout,
}

impl Outgoing {
    pub(super) const fn is_logout(&self) -> bool {
        matches!(self.kind, Kind::Logout)
    }

    /// Whether no other command may be in flight when it begins, as the server's `+` would be anybody's.
    pub(super) const fn needs_the_line(&self) -> bool {
        self.waits || matches!(self.kind, Kind::Idle { .. })
    }

    pub(super) const fn idle_mut(&mut self) -> Option<&mut bool> {
        match &mut self.kind {
            Kind::Idle { done } => Some(done),
            _ => None,
        }
    }
}

/// What the caller asks for. Each command is queued, and its [`Tag`] names it in [`Event::Done`](super::Event).
///
/// # Errors
///
/// Each method refuses with [`Misuse::LoggingOut`] and [`Misuse::Ended`] when it is too late, with
/// [`Misuse::TooManyCommands`] when it is too much, and with [`Misuse::Invalid`] what the command's encoder does.
impl Session {
    /// Queues any command. IDLE and LOGOUT do the same as [`idle`](Self::idle) and [`logout`](Self::logout).
    ///
    /// Literals in it go out without waiting for the server where [`capabilities`](Self::capabilities) says now
    /// that they may. A message in it is held until it is sent, and sent in one piece, unless it is a
    /// [stream](AppendData::Stream), whose octets [`body`](Self::body) takes.
    ///
    /// # Errors
    ///
    /// As for all commands, and [`Misuse::NotACommand`] for what would change the session under itself: STARTTLS,
    /// AUTHENTICATE, LOGIN, UNAUTHENTICATE, COMPRESS.
    pub fn command(&mut self, command: &Command<'_>) -> Result<Tag, Misuse> {
        let kind = match command {
            Command::StartTls
            | Command::Authenticate { .. }
            | Command::Login { .. }
            | Command::Unauthenticate
            | Command::Compress(_) => return Err(Misuse::NotACommand),
            Command::Capability | Command::Noop | Command::Id(_) | Command::Language(_) => Kind::AnyState,
            Command::Idle => Kind::Idle { done: false },
            Command::Logout => Kind::Logout,
            _ => Kind::Plain,
        };
        self.give(kind, &|out| command.write(out))
    }

    /// Queues what `write` writes. The commands with methods of their own come this way, so that the encoder of all
    /// commands is only in a program that gives others.
    fn give(&mut self, kind: Kind, write: &Write<'_>) -> Result<Tag, Misuse> {
        self.check_open()?;
        if self.queue.len().saturating_add(self.in_flight.len()) >= self.options.bounds.commands {
            return Err(Misuse::TooManyCommands);
        }
        let dialect = self.dialect();
        let tag = Tag(self.last_tag.wrapping_add(1));
        let encoded = Encoded::new(&tag.to_string(), dialect, write)?;
        let waits =
            dialect.literals != Literals::Plus && waits(Encoded::new(&tag.to_string(), dialect, write)?);
        self.last_tag = tag.0;
        self.queue.push_back(Outgoing { tag, kind, waits, encoded });
        Ok(tag)
    }

    /// Queues SELECT.
    pub fn select(&mut self, mailbox: Mailbox<'_>) -> Result<Tag, Misuse> {
        let select = Select { mailbox, condstore: false, qresync: None };
        self.give(Kind::Plain, &|out| write_select(out, "SELECT ", &select))
    }

    /// Queues EXAMINE: SELECT for reading only.
    pub fn examine(&mut self, mailbox: Mailbox<'_>) -> Result<Tag, Misuse> {
        let select = Select { mailbox, condstore: false, qresync: None };
        self.give(Kind::Plain, &|out| write_select(out, "EXAMINE ", &select))
    }

    /// Queues FETCH of these items of the messages with these numbers.
    pub fn fetch(&mut self, set: SequenceSet, items: Vec<FetchItem<'_>>) -> Result<Tag, Misuse> {
        self.give(Kind::Plain, &|out| write_fetch(out, false, &set, &items))
    }

    /// Queues UID FETCH of these items of the messages with these UIDs.
    pub fn uid_fetch(&mut self, set: SequenceSet, items: Vec<FetchItem<'_>>) -> Result<Tag, Misuse> {
        self.give(Kind::Plain, &|out| write_fetch(out, true, &set, &items))
    }

    /// Queues NOOP.
    pub fn noop(&mut self) -> Result<Tag, Misuse> {
        self.give(Kind::AnyState, &write_word("NOOP"))
    }

    /// Queues LOGOUT, after which no command can be given. [`Event::Closed`](super::Event::Closed) follows.
    pub fn logout(&mut self) -> Result<Tag, Misuse> {
        self.give(Kind::Logout, &write_word("LOGOUT"))
    }

    /// Queues IDLE (RFC 2177), to go out when everything before it is answered.
    ///
    /// [`Event::Idling`](super::Event::Idling) says when the server listens. The next command ends it, or
    /// [`done`](Self::done); either way its own answer comes first.
    pub fn idle(&mut self) -> Result<Tag, Misuse> {
        self.give(Kind::Idle { done: false }, &write_word("IDLE"))
    }

    /// Queues APPEND of a message of `size` octets, which the caller gives to [`body`](Self::body) when
    /// [`Event::BodyWanted`](super::Event::BodyWanted) asks for it. A server that does not want it answers NO
    /// instead.
    pub fn append(
        &mut self,
        mailbox: Mailbox<'_>,
        flags: Vec<Flag<'_>>,
        date: Option<DateTime>,
        size: u64,
    ) -> Result<Tag, Misuse> {
        let messages = vec![AppendMessage { flags, date, data: AppendData::Stream(size) }];
        self.command(&Command::Append { mailbox, messages })
    }

    fn dialect(&self) -> Dialect {
        let literals = if self.capabilities.has(&Capability::LiteralPlus) {
            Literals::Plus
        } else if self.capabilities.has(&Capability::LiteralMinus) {
            Literals::Minus
        } else {
            Literals::Synchronizing
        };
        Dialect { literals, ..Dialect::default() }
    }
}

fn waits(mut encoded: Encoded) -> bool {
    let mut nowhere = SendBuf::new();
    loop {
        match encoded.send(&mut nowhere) {
            Next::Done => return false,
            Next::Wait => return true,
            Next::Stream(_) => {}
        }
    }
}
