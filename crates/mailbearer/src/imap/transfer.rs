use mailbearer_imap::{
    Capability, Code, Command, Data, Flag, SearchKey, SequenceSet, Status, StoreAction, UidSet,
};
use mailbearer_net::Runtime;

use super::{Examined, Selected, mailbox::code_of, mailbox_name, run::SET_LINE};
use crate::Error;

/// Where copies are (RFC 4315).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// UIDVALIDITY of the mailbox that holds the copies.
    pub uid_validity: u32,
    /// The UID of each copied message, and of its copy.
    pub pairs: Vec<(u32, u32)>,
}

/// How messages were moved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// Where the messages are now, if the server said so.
    pub copied: Option<Copied>,
    /// Whether the originals are gone. If the server can't remove individual messages, they stay and are flagged
    /// `\Deleted`: [`Selected::expunge`] removes them, together with all others that are.
    pub removed: bool,
}

impl<R: Runtime> Examined<'_, R> {
    /// Copies messages to another mailbox. Returns where the copies are, if the server says so.
    ///
    /// # Errors
    ///
    /// Fails for a name that no mailbox can have, and if the server refuses. A large set takes several commands (about
    /// 800 octets of it each), and some messages may be copied then; a single command copies all or none. If the
    /// session ends before the answer, it is [unknown whether they were copied](Error::outcome_unknown).
    pub fn copy<'a>(
        &'a mut self,
        uids: UidSet,
        mailbox: &'a str,
    ) -> R::Task<'a, Result<Option<Copied>, Error>> {
        R::task(async move { self.copy_by(&uids, mailbox).await })
    }

    async fn copy_by(&mut self, uids: &UidSet, name: &str) -> Result<Option<Copied>, Error> {
        let mailbox = mailbox_name(name)?;
        let mut parts = Vec::new();
        for set in uids.lines(SET_LINE) {
            let (count, mailbox) = (self.affected(&set), mailbox.clone());
            self.transfer(&Command::Copy { uid: true, set, mailbox }, count, &mut parts).await?;
        }
        Ok(Copied::joined(parts))
    }

    /// Sends the command and finds where the messages are now. MOVE says so in an untagged response, before the
    /// messages are expunged (RFC 6851 section 4.3); so does Exchange for a COPY, by a code alone.
    async fn transfer(
        &mut self,
        command: &Command<'_>,
        messages: u64,
        parts: &mut Vec<Copied>,
    ) -> Result<(), Error> {
        let mut copied = None;
        // Reads what an earlier operation left behind. A failure there is not one of this command.
        self.begin().await?;
        let completion = self
            .run_on(command, messages, &mut |data| {
                let Data::Status(line) = data else { return Ok(false) };
                let found = line.code.filter(|_| line.status == Status::Ok).and_then(Copied::of);
                let is_kept = found.is_some();
                copied = found.or(copied.take());
                Ok(is_kept)
            })
            .await
            .map_err(Error::unless_answered)?;
        parts.extend(code_of(&completion, Copied::of).or(copied));
        Ok(())
    }
}

impl<R: Runtime> Selected<'_, R> {
    /// Moves messages to another mailbox. On a server without MOVE (RFC 6851), copies them, flags them `\Deleted` and
    /// removes them.
    ///
    /// # Errors
    ///
    /// Fails for a name that no mailbox can have, and if the server refuses. If the session ends before all is done, it
    /// is [unknown what was moved](Error::outcome_unknown). Without MOVE, messages may be copied and not removed; the
    /// text of the error says so.
    pub fn move_to<'a>(&'a mut self, uids: UidSet, mailbox: &'a str) -> R::Task<'a, Result<Moved, Error>> {
        R::task(async move {
            self.writable()?;
            if uids.is_empty() {
                return Ok(Moved { copied: None, removed: true });
            }
            if self.offers(&Capability::Move).await? || self.offers(&Capability::Imap4Rev2).await? {
                return self.move_by(&uids, mailbox).await;
            }
            // The set is settled first, because a message that arrives between two commands must not be in it.
            let mut there = UidSet::new();
            for set in uids.lines(SET_LINE) {
                there = there.union(&self.find(&SearchKey::Uid(set)).await?.uids);
            }
            let uids = there.intersection(&uids);
            let copied = self.copy_by(&uids, mailbox).await?;
            let removed = self.remove(&uids).await.map_err(Error::after_copying)?;
            Ok(Moved { copied, removed })
        })
    }

    async fn remove(&mut self, uids: &UidSet) -> Result<bool, Error> {
        self.store_by(uids, StoreAction::Add, &[Flag::Deleted], None).await?;
        let removed = self.has_uid_expunge().await?;
        if removed {
            self.expunge_by(uids).await?;
        }
        Ok(removed)
    }

    async fn move_by(&mut self, uids: &UidSet, name: &str) -> Result<Moved, Error> {
        let mailbox = mailbox_name(name)?;
        let mut parts = Vec::new();
        for set in uids.lines(SET_LINE) {
            let (count, mailbox) = (self.affected(&set), mailbox.clone());
            self.transfer(&Command::Move { uid: true, set, mailbox }, count, &mut parts).await?;
        }
        Ok(Moved { copied: Copied::joined(parts), removed: true })
    }
}

impl Copied {
    /// Returns the UIDs of the messages that were copied.
    #[must_use]
    pub fn from(&self) -> UidSet {
        self.pairs.iter().map(|(from, _)| *from).collect()
    }

    /// Returns the UIDs of the copies.
    #[must_use]
    pub fn to(&self) -> UidSet {
        self.pairs.iter().map(|(_, to)| *to).collect()
    }

    /// Joins parts, whose copies are all in one mailbox.
    fn joined(parts: Vec<Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let mut all = parts.next()?;
        parts.for_each(|part| all.pairs.extend(part.pairs));
        Some(all)
    }

    /// Reads a code. `None` also for sets that do not match, because these say nothing.
    fn of(code: Code<'_>) -> Option<Self> {
        let Code::CopyUid { validity, from, to } = code else { return None };
        let count = from.count().filter(|count| *count <= PAIRS && to.count() == Some(*count))?;
        let numbers = |set: &SequenceSet| set.numbers(0).collect::<Vec<_>>();
        debug_assert!(count <= PAIRS, "a set may name four thousand million");
        let pairs = numbers(&from).into_iter().zip(numbers(&to)).collect();
        Some(Self { uid_validity: validity, pairs })
    }
}

/// The most messages that one command copies. A set of so many, if it has gaps, takes more than a line.
const PAIRS: u64 = 10_000_000;
