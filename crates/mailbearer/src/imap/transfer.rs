use mailbearer_imap::{Capability, Code, Command, Data, Flag, SearchKey, SequenceSet, Status, StoreAction};
use mailbearer_net::Runtime;

use super::{Imap, mailbox, select::code_of};
use crate::Error;

/// Where copies went (RFC 4315). The first of `to` is the copy of the first of `from`, and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// UIDVALIDITY of the mailbox that holds the copies.
    pub uid_validity: u32,
    /// UIDs of the messages that were copied.
    pub from: SequenceSet,
    /// UIDs of their copies.
    pub to: SequenceSet,
}

/// How messages were moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Where they went, if the server told.
    pub copied: Option<Copied>,
    /// Whether the originals are gone. Where the server can't remove certain messages alone, they stay and are
    /// flagged `\Deleted`: [`Imap::expunge`] removes them, with all others that are.
    pub removed: bool,
}

impl<R: Runtime> Imap<R> {
    /// Copies messages of the open mailbox to another one. Says where they went, if the server tells.
    ///
    /// # Errors
    ///
    /// Fails for a name that can't be a mailbox's, and if the server refuses; then nothing was copied.
    pub fn copy<'a>(
        &'a mut self,
        uids: SequenceSet,
        mailbox: &'a str,
    ) -> R::Task<'a, Result<Option<Copied>, Error>> {
        R::task(self.copy_by(uids, mailbox))
    }

    /// Moves messages of the open mailbox to another one. On a server without MOVE (RFC 6851) they are copied, flagged
    /// `\Deleted` and removed.
    ///
    /// # Errors
    ///
    /// Fails for a name that can't be a mailbox's, and if the server refuses. Some may be copied and not removed then.
    pub fn move_to<'a>(
        &'a mut self,
        uids: SequenceSet,
        mailbox: &'a str,
    ) -> R::Task<'a, Result<Moved, Error>> {
        R::task(async move {
            if self.offers(&Capability::Move).await? || self.offers(&Capability::Imap4Rev2).await? {
                return self.move_by(uids, mailbox).await;
            }
            // The set is made certain first: a message that arrives between two commands must not be in it.
            let Some(uids) = self.find(&SearchKey::Uid(uids)).await?.uids else {
                return Ok(Moved { copied: None, removed: true });
            };
            let copied = self.copy_by(uids.clone(), mailbox).await?;
            self.store_by(uids.clone(), StoreAction::Add, &[Flag::Deleted], None).await?;
            let removed = self.has_uid_expunge().await?;
            if removed {
                self.just_run(&Command::Expunge(Some(uids))).await?;
            }
            Ok(Moved { copied, removed })
        })
    }

    async fn move_by(&mut self, set: SequenceSet, name: &str) -> Result<Moved, Error> {
        let mut copied = None;
        let command = Command::Move { uid: true, set, mailbox: mailbox(name)? };
        // Before the expunges, so that who reads them knows where the messages went (RFC 6851 section 4.3).
        let completion = self
            .run(&command, &mut |data| {
                let Data::Status(line) = data else { return Ok(false) };
                let found = line.code.filter(|_| line.status == Status::Ok).and_then(Copied::of);
                let is_kept = found.is_some();
                copied = found.or(copied.take());
                Ok(is_kept)
            })
            .await?;
        Ok(Moved { copied: copied.or_else(|| code_of(&completion, Copied::of)), removed: true })
    }

    async fn copy_by(&mut self, set: SequenceSet, name: &str) -> Result<Option<Copied>, Error> {
        let command = Command::Copy { uid: true, set, mailbox: mailbox(name)? };
        // Exchange sends the code without an answer around it.
        let mut copied = None;
        let completion = self
            .run(&command, &mut |data| {
                let Data::Status(line) = data else { return Ok(false) };
                copied = line.code.and_then(Copied::of).or(copied.take());
                Ok(copied.is_some())
            })
            .await?;
        Ok(code_of(&completion, Copied::of).or(copied))
    }
}

impl Copied {
    fn of(code: Code<'_>) -> Option<Self> {
        match code {
            Code::CopyUid { validity, from, to } => Some(Self { uid_validity: validity, from, to }),
            _ => None,
        }
    }
}
