use mailbearer_imap::session::Completion;
use mailbearer_imap::{Capability, Code, Command, Flag, SequenceSet, StoreAction, UidSet};
use mailbearer_net::Runtime;

use super::{Examined, Selected, mailbox::code_of, run::SET_LINE};
use crate::Error;

/// Flags, and removal. For an empty set of messages nothing is sent.
impl<R: Runtime> Selected<'_, R> {
    /// Adds flags to messages, removes some, or replaces them all.
    ///
    /// # Errors
    ///
    /// Fails for a flag that only servers set, and if the server refuses. Fails with
    /// [`Kind::ReadOnly`](crate::Kind::ReadOnly) if the server says that nothing can be changed, even if it says so
    /// with an OK.
    pub fn store<'a>(
        &'a mut self,
        uids: UidSet,
        action: StoreAction,
        flags: &'a [Flag<'a>],
    ) -> R::Task<'a, Result<(), Error>> {
        R::task(async move { self.store_by(&uids, action, flags, None).await.map(drop) })
    }

    /// Does the same as [`store`](Self::store), but skips messages that changed since this MODSEQ. Returns their UIDs
    /// (RFC 7162 section 3.1.3).
    ///
    /// # Errors
    ///
    /// Fails as [`store`](Self::store) does, and as [unsupported](Error::is_unsupported) without CONDSTORE.
    pub fn store_unchanged_since<'a>(
        &'a mut self,
        uids: UidSet,
        action: StoreAction,
        flags: &'a [Flag<'a>],
        mod_seq: u64,
    ) -> R::Task<'a, Result<UidSet, Error>> {
        R::task(async move {
            self.needs_mod_seq().await?;
            self.store_by(&uids, action, flags, Some(mod_seq)).await
        })
    }

    /// Removes every message that is flagged `\Deleted`.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses.
    pub fn expunge(&mut self) -> R::Task<'_, Result<(), Error>> {
        R::task(async move {
            self.writable()?;
            let count = self.exists().into();
            self.run_on(&Command::Expunge(None), count, &mut |_| Ok(false)).await.map(drop)
        })
    }

    /// Removes the messages of a set that are flagged `\Deleted`, and no others.
    ///
    /// # Errors
    ///
    /// Fails as [`expunge`](Self::expunge) does, and as [unsupported](Error::is_unsupported) without UIDPLUS (RFC
    /// 4315).
    pub fn expunge_only(&mut self, uids: UidSet) -> R::Task<'_, Result<(), Error>> {
        R::task(async move {
            if !self.has_uid_expunge().await? {
                return Err(Error::unsupported("UIDPLUS"));
            }
            self.expunge_by(&uids).await
        })
    }

    pub(super) async fn expunge_by(&mut self, uids: &UidSet) -> Result<(), Error> {
        self.writable()?;
        for set in uids.lines(SET_LINE) {
            let count = self.affected(&set);
            self.run_on(&Command::Expunge(Some(set)), count, &mut |_| Ok(false)).await?;
        }
        Ok(())
    }

    pub(super) async fn has_uid_expunge(&mut self) -> Result<bool, Error> {
        Ok(self.offers(&Capability::UidPlus).await? || self.offers(&Capability::Imap4Rev2).await?)
    }

    pub(super) async fn store_by(
        &mut self,
        uids: &UidSet,
        action: StoreAction,
        flags: &[Flag<'_>],
        unchanged_since: Option<u64>,
    ) -> Result<UidSet, Error> {
        self.writable()?;
        let flags = flags.to_vec();
        let mut modified = UidSet::new();
        for set in uids.lines(SET_LINE) {
            let (flags, count) = (flags.clone(), self.affected(&set));
            // Not silent: the view needs the new flags.
            let store = Command::Store { uid: true, set, unchanged_since, action, silent: false, flags };
            let completion = self.run_on(&store, count, &mut |_| Ok(false)).await?;
            if says_read_only(&completion) {
                return Err(Error::read_only(self.name()));
            }
            let told = code_of(&completion, |code| match code {
                Code::Modified(uids) => Some(UidSet::of(&uids)),
                _ => None,
            });
            modified = modified.union(&told.unwrap_or_default());
        }
        Ok(modified)
    }
}

impl<R: Runtime> Examined<'_, R> {
    /// Returns how many messages a command about this set can have something to say of.
    pub(super) fn affected(&self, set: &SequenceSet) -> u64 {
        set.count().unwrap_or(u64::MAX).min(self.exists().into())
    }
}

/// Whether an OK says that nothing was done, as Dovecot's does: `OK Store ignored with read-only mailbox.`
fn says_read_only(completion: &Completion) -> bool {
    let answer = completion.answer();
    let is_code = answer.code.is_some_and(|code| code.eq_ignore_ascii_case("READ-ONLY"));
    is_code || answer.text.to_ascii_lowercase().contains("read-only")
}
