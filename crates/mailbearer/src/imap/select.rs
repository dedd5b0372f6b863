use mailbearer_imap::session::Completion;
use mailbearer_imap::{Capability, Code, Command, Data, Flag, Select, Status};
use mailbearer_net::Runtime;

use super::{Imap, follow::Follower, mailbox, run::Take};
use crate::Error;

/// A mailbox as it was when it was opened (RFC 9051 section 6.3.2). What the server did not tell is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Selected {
    /// Messages in it.
    pub exists: u32,
    /// Those of them that no session saw before this one.
    pub recent: u32,
    /// Number of the first message that was not read.
    pub unseen: Option<u32>,
    /// UIDs that were told under another value name other messages.
    pub uid_validity: Option<u32>,
    /// No message that is there has this UID or a higher one.
    pub uid_next: Option<u32>,
    /// When it was changed last (RFC 7162); `None` too where the mailbox keeps no such numbers.
    pub highest_mod_seq: Option<u64>,
    /// Flags that are used in it.
    pub flags: Vec<Flag<'static>>,
    /// Flags that can be changed for good; [`Flag::Any`] where new ones can be made.
    pub permanent_flags: Option<Vec<Flag<'static>>>,
    /// Whether nothing can be changed.
    pub read_only: bool,
    /// The identity of the mailbox, whatever its name (RFC 8474).
    pub id: Option<String>,
}

impl<R: Runtime> Imap<R> {
    /// Opens a mailbox to read and change it.
    ///
    /// # Errors
    ///
    /// Fails for a name that can't be a mailbox's, and when the server refuses to open it; then none is open.
    pub fn select<'a>(&'a mut self, mailbox: &'a str) -> R::Task<'a, Result<Selected, Error>> {
        R::task(async move {
            let select = self.plain(mailbox)?;
            self.open_mailbox(mailbox, Command::Select(select), &mut |_| Ok(false)).await
        })
    }

    /// Opens a mailbox to read it only.
    ///
    /// # Errors
    ///
    /// As [`select`](Self::select).
    pub fn examine<'a>(&'a mut self, mailbox: &'a str) -> R::Task<'a, Result<Selected, Error>> {
        R::task(async move {
            let select = self.plain(mailbox)?;
            self.open_mailbox(mailbox, Command::Examine(select), &mut |_| Ok(false)).await
        })
    }

    /// Leaves the open mailbox and removes its messages that are flagged `\Deleted`, if it was opened by
    /// [`select`](Self::select).
    ///
    /// # Errors
    ///
    /// Fails if none is open, and if the session ends.
    pub fn close(&mut self) -> R::Task<'_, Result<(), Error>> {
        R::task(async move {
            self.just_run(&Command::Close).await?;
            self.leave();
            Ok(())
        })
    }

    /// Leaves the open mailbox, and removes nothing.
    ///
    /// # Errors
    ///
    /// As [`close`](Self::close), and [`unsupported`](Error::is_unsupported) without UNSELECT (RFC 3691).
    pub fn unselect(&mut self) -> R::Task<'_, Result<(), Error>> {
        R::task(async move {
            if !self.offers(&Capability::Imap4Rev2).await? {
                self.needs(&Capability::Unselect, "UNSELECT").await?;
            }
            self.just_run(&Command::Unselect).await?;
            self.leave();
            Ok(())
        })
    }

    fn plain(&self, name: &str) -> Result<Select<'static>, Error> {
        // Some servers number the changes of a mailbox only from when someone asked for it.
        let condstore = self.session.capabilities().has(&Capability::CondStore);
        Ok(Select { mailbox: mailbox(name)?, condstore, qresync: None })
    }

    /// Opens a mailbox by this command; `also` sees the data that comes with the answer.
    pub(crate) async fn open_mailbox(
        &mut self,
        name: &str,
        command: Command<'static>,
        also: &mut Take<'_>,
    ) -> Result<Selected, Error> {
        self.begin().await?;
        self.leave();
        let tag = self.session.command(&command)?;
        self.follower = Some(Box::<Follower>::default());
        let mut selected = Selected::default();
        match self
            .answer(tag, &mut |data| {
                selected.take_in(&data);
                also(data)
            })
            .await
        {
            Ok(completion) => {
                selected.read_only = selected.read_only
                    || matches!(command, Command::Examine(_))
                    || code_of(&completion, |code| matches!(code, Code::ReadOnly).then_some(())).is_some();
                // What was told so far is how the mailbox was opened.
                self.changes().for_each(drop);
                self.selected = Some(name.to_owned());
                Ok(selected)
            }
            Err(error) => {
                self.leave();
                Err(error)
            }
        }
    }
}

impl Selected {
    fn take_in(&mut self, data: &Data<'_>) {
        match data {
            Data::Exists(count) => self.exists = *count,
            Data::Recent(count) => self.recent = *count,
            Data::Flags(flags) => self.flags = flags.iter().map(Flag::into_owned).collect(),
            Data::Status(line) if line.status == Status::Ok => match &line.code {
                // What came before is about the mailbox that was open (RFC 7162 section 3.2.11).
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

/// What `pick` finds in the code of an answer.
pub(super) fn code_of<T>(completion: &Completion, pick: impl FnOnce(Code<'_>) -> Option<T>) -> Option<T> {
    completion.line()?.code.and_then(pick)
}
