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
    /// The part that was not sent yet.
    pub(super) encoded: Encoded,
    /// The same in UTF-8, if only the answer to an ENABLE in flight will decide which of the two the server expects.
    pub(super) utf8: Option<Encoded>,
}

/// What a command means for the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It requires authentication.
    Plain,
    /// It may go out before authentication too.
    AnyState,
    /// An ENABLE that changes how commands are written. Nothing is sent behind it before its answer.
    Enable,
    /// IDLE. `done` if it ends as soon as it has begun.
    Idle {
        done: bool,
    },
    Logout,
}

impl Outgoing {
    pub(super) const fn is_logout(&self) -> bool {
        matches!(self.kind, Kind::Logout)
    }

    /// Whether no other command may be in flight when it begins, because the server's `+` could belong to either.
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

/// Commands. Each is queued, and its [`Tag`] names it in [`Event::Done`](super::Event).
///
/// # Errors
///
/// Each method fails with [`Misuse::LoggingOut`] after a LOGOUT, with [`Misuse::Ended`] after the end, with
/// [`Misuse::TooManyCommands`] at the limit, and with [`Misuse::Invalid`] if the encoder refuses the command.
impl Session {
    /// Queues any command. IDLE and LOGOUT do the same as [`idle`](Self::idle) and [`logout`](Self::logout).
    ///
    /// Literals in it are sent without waiting if [`capabilities`](Self::capabilities) allows that now. Names and texts
    /// are written in UTF-8 once the server has enabled `UTF8=ACCEPT` or `IMAP4rev2`; nothing goes out behind an ENABLE
    /// of those before its answer. A message in the command is held in memory and sent in one piece, unless it is a
    /// [stream](AppendData::Stream), whose octets [`body`](Self::body) takes.
    ///
    /// # Errors
    ///
    /// Fails as all commands do, and with [`Misuse::NotACommand`] for STARTTLS, AUTHENTICATE, LOGIN, UNAUTHENTICATE and
    /// COMPRESS, which change what the session itself keeps track of.
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

    /// Queues what `write` writes. Commands with methods of their own are queued through this, so that a program that
    /// uses no others does not link the encoder of all commands.
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

    /// Queues LOGOUT. No command can be queued after it. [`Event::Closed`](super::Event::Closed) follows.
    pub fn logout(&mut self) -> Result<Tag, Misuse> {
        self.give(Kind::Logout, &write_word("LOGOUT"))
    }

    /// Queues IDLE (RFC 2177), which goes out when everything before it is answered.
    ///
    /// [`Event::Idling`](super::Event::Idling) says that the server has accepted it. The next command ends it, or
    /// [`done`](Self::done). Either way, the answer to IDLE comes first.
    pub fn idle(&mut self) -> Result<Tag, Misuse> {
        self.give(Kind::Idle { done: false }, &write_word("IDLE"))
    }

    /// Queues APPEND of a message of `size` octets. When [`Event::BodyWanted`](super::Event::BodyWanted) asks for them,
    /// the caller gives them to [`body`](Self::body). A server that does not want the message answers NO instead.
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

    /// Whether an ENABLE that may switch to UTF-8 is waiting or in flight.
    fn is_enabling(&self) -> bool {
        self.queue.iter().any(|command| command.kind == Kind::Enable)
            || self.in_flight.iter().any(|command| command.role == Role::Enable)
    }
}
