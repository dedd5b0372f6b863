use std::ops::{Deref, DerefMut};

use mailbearer_imap::session::Completion;
use mailbearer_imap::view::View;
use mailbearer_imap::{Capability, Code, Command, Data, Flag, Select, Status};
use mailbearer_net::Runtime;

use super::{Authenticated, Imap, follow::Follower, mailbox_name, run::Take};
use crate::{Error, unique::unique};

/// A mailbox that is open for reading, made by [`Imap::examine`]. It is also a part of [`Selected`].
///
/// Its operations change nothing, and mark nothing as read. They name messages by UID. It derefs to [`Authenticated`],
/// which has the operations that need no open mailbox.
///
/// When it is dropped, the mailbox stays open until another one is opened, or the session ends.
pub struct Examined<'a, R: Runtime> {
    imap: &'a mut Imap<R>,
    opened: Opened,
}

/// A mailbox that is open for reading and changing, made by [`Imap::select`]. It derefs to [`Examined`], which has the
/// operations that read.
pub struct Selected<'a, R: Runtime> {
    examined: Examined<'a, R>,
}

/// A mailbox as it was when it was opened (RFC 9051 section 6.3.2). `None` stands for what the server did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// Number of messages.
    pub exists: u32,
    /// Messages that no session had seen before this one.
    pub recent: u32,
    /// Number of the first message that was not read.
    pub unseen: Option<u32>,
    /// UIDVALIDITY. UIDs from a time with another value name other messages.
    pub uid_validity: Option<u32>,
    /// All messages have lower UIDs than this.
    pub uid_next: Option<u32>,
    /// The MODSEQ of its last change (RFC 7162). `None` also if the mailbox keeps none.
    pub highest_mod_seq: Option<u64>,
    /// Flags that are in use.
    pub flags: Vec<Flag<'static>>,
    /// Flags that can be changed permanently. [`Flag::Any`] means that new keywords can be made.
    pub permanent_flags: Option<Vec<Flag<'static>>>,
    /// The id of the mailbox, which stays the same if it is renamed (RFC 8474).
    pub id: Option<String>,
    read_only: bool,
}

/// An open mailbox that does not borrow its session: for a caller that keeps it beside the [`Imap`], in a pool or
/// behind a C interface.
///
/// [`Examined::detach`] and [`Selected::detach`] make it; [`Imap::examined`] and [`Imap::selected`] make it usable
/// again.
#[derive(Debug)]
pub struct Open {
    opened: Opened,
    id: u64,
}

/// What the session knows of the mailbox that is open.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) name: String,
    /// No other mailbox that this process opened has the same number.
    id: u64,
}

impl<R: Runtime> Imap<R> {
    /// Opens a mailbox for reading and changing.
    ///
    /// # Errors
    ///
    /// Fails for a name that no mailbox can have, and if the server refuses to open it, or opens it for reading only
    /// ([`Kind::ReadOnly`](crate::Kind::ReadOnly)). No mailbox is open then.
    pub fn select<'a>(&'a mut self, mailbox: &'a str) -> R::Task<'a, Result<Selected<'a, R>, Error>> {
        R::task(async move {
            let select = self.plain(mailbox)?;
            let opened = self.open_mailbox(mailbox, Command::Select(select), &mut |_| Ok(false)).await?;
            if opened.read_only {
                self.leave();
                return Err(Error::read_only(mailbox));
            }
            Ok(Selected { examined: Examined { imap: self, opened } })
        })
    }

    /// Opens a mailbox for reading.
    ///
    /// # Errors
    ///
    /// Fails for a name that no mailbox can have, and if the server refuses to open it. No mailbox is open then.
    pub fn examine<'a>(&'a mut self, mailbox: &'a str) -> R::Task<'a, Result<Examined<'a, R>, Error>> {
        R::task(async move {
            let select = self.plain(mailbox)?;
            let opened = self.open_mailbox(mailbox, Command::Examine(select), &mut |_| Ok(false)).await?;
            Ok(Examined { imap: self, opened })
        })
    }

    /// Returns the open mailbox that was [detached](Examined::detach). Sends nothing.
    ///
    /// `None` if this session no longer has it open, for example because it opened another one since.
    pub fn examined(&mut self, open: Open) -> Option<Examined<'_, R>> {
        self.is_open(&open).then_some(Examined { imap: self, opened: open.opened })
    }

    /// Returns the same as [`examined`](Self::examined), for changing too. `None` also if the mailbox was opened for
    /// reading only.
    pub fn selected(&mut self, open: Open) -> Option<Selected<'_, R>> {
        let examined = self.examined(open).filter(|examined| !examined.opened.read_only)?;
        Some(Selected { examined })
    }

    fn is_open(&self, open: &Open) -> bool {
        self.line.open.as_ref().is_some_and(|held| held.id == open.id)
    }
}

impl<'a, R: Runtime> Examined<'a, R> {
    /// Returns the name by which it was opened.
    #[must_use]
    pub fn name(&self) -> &str {
        self.open_name()
    }

    /// Returns the mailbox as it was when it was opened. [`view`](Self::view) is what is known now.
    #[must_use]
    pub const fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Returns the number of messages in it, as the server last said.
    #[must_use]
    pub fn exists(&self) -> u32 {
        self.view().exists()
    }

    /// Returns whether the server has said that nothing can be changed in it.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.opened.read_only || self.follower.as_ref().is_none_or(|follower| follower.is_read_only())
    }

    /// Detaches the mailbox from the session, and keeps it open.
    #[must_use]
    pub fn detach(self) -> Open {
        let id = self.open.as_ref().map(|held| held.id).unwrap_or_default();
        Open { opened: self.opened, id }
    }

    /// Closes the mailbox, and removes nothing.
    ///
    /// # Errors
    ///
    /// Fails as [unsupported](Error::is_unsupported) without UNSELECT (RFC 3691). Drop the value then: that removes
    /// nothing either.
    pub fn unselect(self) -> R::Task<'a, Result<(), Error>> {
        R::task(async move {
            if !self.imap.offers(&Capability::Imap4Rev2).await? {
                self.imap.needs(&Capability::Unselect, "UNSELECT").await?;
            }
            self.imap.just_run(&Command::Unselect).await?;
            self.imap.leave();
            Ok(())
        })
    }
}

impl<'a, R: Runtime> Selected<'a, R> {
    /// Closes the mailbox, and removes its messages that are flagged `\Deleted`.
    ///
    /// # Errors
    ///
    /// Fails if the session ends.
    pub fn close(self) -> R::Task<'a, Result<(), Error>> {
        R::task(async move {
            self.writable()?;
            let imap = self.examined.imap;
            imap.just_run(&Command::Close).await?;
            imap.leave();
            Ok(())
        })
    }

    /// Does the same as [`Examined::unselect`].
    ///
    /// # Errors
    ///
    /// Fails as that does.
    pub fn unselect(self) -> R::Task<'a, Result<(), Error>> {
        self.examined.unselect()
    }

    /// Does the same as [`Examined::detach`].
    #[must_use]
    pub fn detach(self) -> Open {
        self.examined.detach()
    }

    /// Fails if the server has said meanwhile that nothing can be changed.
    pub(super) fn writable(&self) -> Result<(), Error> {
        if self.is_read_only() { Err(Error::read_only(self.name())) } else { Ok(()) }
    }
}

impl<R: Runtime> Deref for Examined<'_, R> {
    type Target = Authenticated<R>;

    fn deref(&self) -> &Authenticated<R> {
        &self.imap.line
    }
}

impl<R: Runtime> DerefMut for Examined<'_, R> {
    fn deref_mut(&mut self) -> &mut Authenticated<R> {
        &mut self.imap.line
    }
}

impl<'a, R: Runtime> Deref for Selected<'a, R> {
    type Target = Examined<'a, R>;

    fn deref(&self) -> &Examined<'a, R> {
        &self.examined
    }
}

impl<'a, R: Runtime> DerefMut for Selected<'a, R> {
    fn deref_mut(&mut self) -> &mut Examined<'a, R> {
        &mut self.examined
    }
}

impl<R: Runtime> Authenticated<R> {
    pub(super) fn plain(&self, name: &str) -> Result<Select<'static>, Error> {
        // Some servers number the changes of a mailbox only after someone asked for it.
        let condstore = self.session.capabilities().has(&Capability::CondStore);
        Ok(Select::new(mailbox_name(name)?).condstore(condstore))
    }

    /// Opens a mailbox for reading.
    #[cfg(feature = "doctor")]
    pub(super) async fn look(&mut self, name: &str) -> Result<Opened, Error> {
        let select = self.plain(name)?;
        self.open_mailbox(name, Command::Examine(select), &mut |_| Ok(false)).await
    }

    /// Opens a mailbox with this command. `also` gets the data that comes with the answer.
    pub(super) async fn open_mailbox(
        &mut self,
        name: &str,
        command: Command<'static>,
        also: &mut Take<'_>,
    ) -> Result<Opened, Error> {
        self.begin().await?;
        self.leave();
        let tag = self.session.command(&command)?;
        self.follower = Some(Box::<Follower>::default());
        let mut opened = Opened::default();
        let resyncs = matches!(&command, Command::Select(select) | Command::Examine(select) if select.qresync.is_some());
        let answer = self
            .answer(tag, if resyncs { &["FETCH", "VANISHED"] } else { &[] }, &mut |data| {
                opened.take_in(&data);
                also(data)
            })
            .await;
        match answer {
            Ok(completion) => {
                opened.read_only |= matches!(command, Command::Examine(_))
                    || code_of(&completion, |code| matches!(code, Code::ReadOnly).then_some(())).is_some();
                // Everything so far describes the mailbox as it was opened.
                self.changes().for_each(drop);
                self.hold(name);
                Ok(opened)
            }
            Err(error) => {
                self.leave();
                Err(error)
            }
        }
    }

    /// Notes which mailbox is open.
    pub(super) fn hold(&mut self, name: &str) {
        self.open = Some(Held { name: name.to_owned(), id: unique() });
    }

    pub(super) fn open_name(&self) -> &str {
        self.open.as_ref().map(|held| held.name.as_str()).unwrap_or_default()
    }

    pub(super) fn open_view(&self) -> Option<&View> {
        self.follower.as_deref().map(super::Follow::view)
    }
}

impl Opened {
    pub(super) fn take_in(&mut self, data: &Data<'_>) {
        match data {
            Data::Exists(count) => self.exists = *count,
            Data::Recent(count) => self.recent = *count,
            Data::Flags(flags) => self.flags = flags.iter().map(Flag::into_owned).collect(),
            Data::Status(line) if line.status == Status::Ok => match &line.code {
                // Everything before is about the mailbox that was open before (RFC 7162 section 3.2.11).
                Some(Code::Closed) => *self = Self::default(),
                Some(Code::Unseen(number)) => self.unseen = Some(*number),
                Some(Code::UidValidity(number)) => self.uid_validity = Some(*number),
                Some(Code::UidNext(number)) => self.uid_next = Some(*number),
                Some(Code::HighestModSeq(number)) => self.highest_mod_seq = Some(*number),
                Some(Code::PermanentFlags(flags)) => {
                    self.permanent_flags = Some(flags.iter().map(Flag::into_owned).collect());
                }
                Some(Code::ReadOnly) => self.read_only = true,
                Some(Code::MailboxId(id)) => self.id = Some(id.to_text().into_owned()),
                _ => {}
            },
            _ => {}
        }
    }
}

/// Returns what `pick` finds in the code of an answer.
pub(super) fn code_of<T>(completion: &Completion, pick: impl FnOnce(Code<'_>) -> Option<T>) -> Option<T> {
    completion.line()?.code.and_then(pick)
}
