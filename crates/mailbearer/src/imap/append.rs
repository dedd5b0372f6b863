use mailbearer_imap::session::{Completion, Event, Tag};
use mailbearer_imap::{Capability, Code, Command, DateTime, Flag};
use mailbearer_net::Runtime;

use super::{Authenticated, mailbox::code_of, mailbox_name};
use crate::{Error, error::Protocol};

/// Where an appended message went (RFC 4315).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Appended {
    /// UIDVALIDITY of its mailbox.
    pub uid_validity: u32,
    /// Its UID.
    pub uid: u32,
}

/// A message that is being appended to a mailbox.
///
/// If it is dropped before [`finish`](Self::finish), the session accepts nothing more, and the server drops the message
/// when the connection ends.
#[must_use = "a message is there when it is finished"]
pub struct Appending<'a, R: Runtime> {
    imap: &'a mut Authenticated<R>,
    state: AppendingState,
}

/// An [`Appending`] that does not borrow its session. [`Authenticated::appending`] continues it.
///
/// Until all of the message is given, the session accepts no other command. If it is dropped before that, the session
/// accepts nothing more.
#[derive(Debug)]
#[must_use = "a message is there when it is finished"]
pub struct AppendingState {
    session: u64,
    append: Tag,
    /// Octets that have yet to be given.
    left: u64,
    /// The server's answer, if it came before the whole message was given.
    answer: Option<Completion>,
}

impl<R: Runtime> Authenticated<R> {
    /// Appends a message to a mailbox, which need not be open. Returns where it is, if the server says so.
    ///
    /// Without a date, the server uses the present time. Line ends must be CRLF.
    ///
    /// # Errors
    ///
    /// Fails for a name that no mailbox can have, and if the server refuses, as for lack of the mailbox or of space.
    pub fn append<'a>(
        &'a mut self,
        mailbox: &'a str,
        flags: &'a [Flag<'a>],
        date: Option<DateTime>,
        message: &'a [u8],
    ) -> R::Task<'a, Result<Option<Appended>, Error>> {
        R::task(async move {
            let size = u64::try_from(message.len()).unwrap_or(u64::MAX);
            let mut appending = Appending::start(self, mailbox, flags, date, size).await?;
            appending.give(message).await?;
            appending.end().await
        })
    }

    /// Begins to append a message of `size` octets to a mailbox. The octets come in pieces.
    ///
    /// # Errors
    ///
    /// Fails as [`append`](Self::append) does.
    pub fn append_in_pieces<'a>(
        &'a mut self,
        mailbox: &'a str,
        flags: &'a [Flag<'a>],
        date: Option<DateTime>,
        size: u64,
    ) -> R::Task<'a, Result<Appending<'a, R>, Error>> {
        R::task(Appending::start(self, mailbox, flags, date, size))
    }

    /// Continues an upload that was [detached](Appending::detach). `None` if it belongs to another session, or if
    /// another command was sent since its last octet.
    pub fn appending(&mut self, state: AppendingState) -> Option<Appending<'_, R>> {
        let is_known = state.answer.is_some() || self.session.pending().any(|tag| tag == state.append);
        (state.session == self.id && is_known).then_some(Appending { imap: self, state })
    }
}

impl<'a, R: Runtime> Appending<'a, R> {
    async fn start(
        imap: &'a mut Authenticated<R>,
        name: &str,
        flags: &[Flag<'_>],
        date: Option<DateTime>,
        size: u64,
    ) -> Result<Self, Error> {
        let name = mailbox_name(name)?;
        // A server that takes literals without a go-ahead can't refuse one before it has read all of it.
        if let Some(limit) = imap.append_limit().await?
            && size > limit
        {
            return Err(Error::too_large(limit));
        }
        imap.begin().await?;
        let append = imap.session.append(name, flags.to_vec(), date, size)?;
        // Stays true if this future, or the upload that it returns, is dropped halfway.
        imap.unfinished = size > 0;
        let state = AppendingState { session: imap.id, append, left: size, answer: None };
        let mut appending = Self { imap, state };
        appending.wait().await?;
        Ok(appending)
    }

    /// Sends the next octets.
    ///
    /// # Errors
    ///
    /// Fails for more octets than were announced, and takes none of them then. Fails if the server refuses meanwhile,
    /// and if the session ends.
    pub fn write<'w>(&'w mut self, octets: &'w [u8]) -> R::Task<'w, Result<(), Error>> {
        R::task(self.give(octets))
    }

    /// Returns how many octets have yet to be given.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.state.left
    }

    /// Detaches the upload from the session, and remembers how far it was. [`Authenticated::appending`] continues it.
    pub fn detach(self) -> AppendingState {
        self.state
    }

    /// Waits for the server's answer. Returns where the message is, if the server says so.
    ///
    /// # Errors
    ///
    /// Fails if fewer octets were given than announced, if the server refuses, and if the session ends.
    pub fn finish(self) -> R::Task<'a, Result<Option<Appended>, Error>> {
        R::task(self.end())
    }

    async fn give(&mut self, mut octets: &[u8]) -> Result<(), Error> {
        let size = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        if size > self.state.left {
            return Err(Error::misuse(Protocol::IMAP, "more octets than were announced"));
        }
        while !octets.is_empty() {
            self.refused()?;
            let taken = self.imap.session.body(octets);
            octets = octets.get(taken..).unwrap_or_default();
            self.is_left(self.state.left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX)));
            if self.state.left > 0 {
                self.wait().await?;
            }
        }
        Ok(())
    }

    async fn end(mut self) -> Result<Option<Appended>, Error> {
        if self.state.left > 0 {
            return Err(Error::misuse(Protocol::IMAP, "fewer octets than were announced"));
        }
        while self.state.answer.is_none() {
            self.event().await?;
        }
        self.refused()?;
        let completion = self.state.answer.take();
        Ok(completion.and_then(|completion| code_of(&completion, Appended::of)))
    }

    /// Waits until the server wants octets, or answers.
    async fn wait(&mut self) -> Result<(), Error> {
        while !self.event().await? && self.state.answer.is_none() {}
        self.refused()
    }

    /// Handles one event. Returns whether the server wants octets.
    async fn event(&mut self) -> Result<bool, Error> {
        match self.imap.event().await? {
            Event::BodyWanted(tag) if tag == self.state.append => return Ok(true),
            Event::Done(completion) if completion.tag == self.state.append => {
                if !completion.is_ok() {
                    self.is_left(0);
                }
                self.state.answer = Some(completion);
            }
            _ => {}
        }
        Ok(false)
    }

    fn refused(&mut self) -> Result<(), Error> {
        match self.state.answer.take_if(|completion| !completion.is_ok()) {
            Some(completion) => Err(Error::command(completion)),
            None => Ok(()),
        }
    }

    fn is_left(&mut self, octets: u64) {
        self.state.left = octets;
        self.imap.unfinished = octets > 0;
    }
}

impl<R: Runtime> Authenticated<R> {
    /// Returns the size in octets of the largest message that every mailbox accepts, if the server says so (RFC 7889).
    async fn append_limit(&mut self) -> Result<Option<u64>, Error> {
        if self.session.capabilities().is_empty() {
            self.just_run(&Command::Capability).await?;
        }
        let limits = self.session.capabilities().iter().filter_map(|capability| match capability {
            Capability::AppendLimit(limit) => *limit,
            _ => None,
        });
        Ok(limits.min())
    }
}

impl Appended {
    fn of(code: Code<'_>) -> Option<Self> {
        match code {
            Code::AppendUid { validity, uids } => {
                let uid = uids.numbers(0).next()?;
                Some(Self { uid_validity: validity, uid })
            }
            _ => None,
        }
    }
}
