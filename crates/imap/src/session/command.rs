use alloc::{string::ToString, vec, vec::Vec};

use super::{Misuse, Role, Session, Tag};
use crate::{
    AppendData, AppendMessage, Capability, Command, DateTime, Dialect, Encoded, FetchItem, Flag, Literals,
    Mailbox, Select, SequenceSet,
    command::{Write, write_fetch, write_select, write_word},
};

/// A command on its way out.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) tag: Tag,
    pub(super) kind: Kind,
    /// What is left of it.
    pub(super) encoded: Encoded,
    /// The same with UTF-8, where it will be known only when the command goes out which of them the server expects.
    pub(super) utf8: Option<Encoded>,
}

/// What a command means for the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It needs authentication.
    Plain,
    /// It is of use before authentication too.
    AnyState,
    /// ENABLE of what changes how commands are written: nothing goes out behind it before its answer.
    Enable,
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
    pub(super) fn needs_the_line(&self) -> bool {
        self.encoded.waits() || matches!(self.kind, Kind::Idle { .. })
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
    /// that they may. Names and texts are written in UTF-8 once the server has enabled `UTF8=ACCEPT` or `IMAP4rev2`; an
    /// ENABLE of those is answered before anything behind it goes out. A message in it is held until it is sent, and sent in one piece, unless it is a
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
            Command::Enable(wanted) if wanted.iter().any(Capability::brings_utf8) => Kind::Enable,
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
        let encode = |dialect| Encoded::new(&tag.to_string(), dialect, write);
        let encoded = encode(dialect)?;
        let undecided = !dialect.utf8 && self.is_enabling();
        let utf8 = if undecided { Some(encode(Dialect { utf8: true, ..dialect })?) } else { None };
        self.last_tag = tag.0;
        self.queue.push_back(Outgoing { tag, kind, encoded, utf8 });
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
        Dialect { literals, utf8: self.utf8 }
    }

    /// Whether an ENABLE that may bring UTF-8 waits or is in flight.
    fn is_enabling(&self) -> bool {
        self.queue.iter().any(|command| command.kind == Kind::Enable)
            || self.in_flight.iter().any(|command| command.role == Role::Enable)
    }
}
