use mailbearer_imap::{Capability, Code, Command, Data, Flag, SearchKey, SequenceSet, Status, StoreAction};
use mailbearer_net::Runtime;

use super::{
    Imap, mailbox,
    select::code_of,
    sets::{joined, pieces},
};
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
    /// Fails for a name that can't be a mailbox's, and if the server refuses. Of a set that takes several commands (each
    /// holds about 800 octets of it) some may be copied then; of one command none.
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
                self.expunge_by(&uids).await?;
            }
            Ok(Moved { copied, removed })
        })
    }

    async fn move_by(&mut self, set: SequenceSet, name: &str) -> Result<Moved, Error> {
        let mailbox = mailbox(name)?;
        let mut parts = Vec::new();
        for set in pieces(&set) {
            let command = Command::Move { uid: true, set, mailbox: mailbox.clone() };
            self.transfer(&command, &mut parts).await?;
        }
        Ok(Moved { copied: Copied::joined(&parts), removed: true })
    }

    async fn copy_by(&mut self, set: SequenceSet, name: &str) -> Result<Option<Copied>, Error> {
        let mailbox = mailbox(name)?;
        let mut parts = Vec::new();
        for set in pieces(&set) {
            let command = Command::Copy { uid: true, set, mailbox: mailbox.clone() };
            self.transfer(&command, &mut parts).await?;
        }
        Ok(Copied::joined(&parts))
    }

    /// Finds where messages went: MOVE tells before the messages are expunged (RFC 6851 section 4.3), Exchange for a
    /// COPY with no answer around it.
    async fn transfer(&mut self, command: &Command<'_>, parts: &mut Vec<Copied>) -> Result<(), Error> {
        let mut copied = None;
        let completion = self
            .run(command, &mut |data| {
                let Data::Status(line) = data else { return Ok(false) };
                let found = line.code.filter(|_| line.status == Status::Ok).and_then(Copied::of);
                let is_kept = found.is_some();
                copied = found.or(copied.take());
                Ok(is_kept)
            })
            .await?;
        parts.extend(code_of(&completion, Copied::of).or(copied));
        Ok(())
    }
}

impl Copied {
    /// All of it; all copies are in one mailbox.
    fn joined(parts: &[Self]) -> Option<Self> {
        let uid_validity = parts.first()?.uid_validity;
        let side = |pick: fn(&Self) -> SequenceSet| joined(&parts.iter().map(pick).collect::<Vec<_>>());
        let (from, to) = (side(|part| part.from.clone())?, side(|part| part.to.clone())?);
        Some(Self { uid_validity, from, to })
    }

    fn of(code: Code<'_>) -> Option<Self> {
        match code {
            Code::CopyUid { validity, from, to } => Some(Self { uid_validity: validity, from, to }),
            _ => None,
        }
    }
}
