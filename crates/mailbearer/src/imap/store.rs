use mailbearer_imap::{Capability, Code, Command, Flag, SequenceSet, StoreAction};
use mailbearer_net::Runtime;

use super::{
    Imap,
    select::code_of,
    sets::{joined, pieces},
};
use crate::Error;

/// Flags, and removal, in the open mailbox.
impl<R: Runtime> Imap<R> {
    /// Adds flags to messages, takes some from them, or replaces them all.
    ///
    /// # Errors
    ///
    /// Fails for a flag that only servers set, if the mailbox was opened for reading only, and if the server refuses.
    pub fn store<'a>(
        &'a mut self,
        uids: SequenceSet,
        action: StoreAction,
        flags: &'a [Flag<'a>],
    ) -> R::Task<'a, Result<(), Error>> {
        R::task(async move { self.store_by(uids, action, flags, None).await.map(drop) })
    }

    /// As [`store`](Self::store), but leaves messages alone that changed since they had this MODSEQ, and returns
    /// their UIDs (RFC 7162 section 3.1.3).
    ///
    /// # Errors
    ///
    /// As [`store`](Self::store), and [`unsupported`](Error::is_unsupported) without CONDSTORE.
    pub fn store_unchanged_since<'a>(
        &'a mut self,
        uids: SequenceSet,
        action: StoreAction,
        flags: &'a [Flag<'a>],
        mod_seq: u64,
    ) -> R::Task<'a, Result<Option<SequenceSet>, Error>> {
        R::task(async move {
            self.needs_mod_seq().await?;
            self.store_by(uids, action, flags, Some(mod_seq)).await
        })
    }

    /// Removes every message that is flagged `\Deleted`.
    ///
    /// # Errors
    ///
    /// Fails if the mailbox was opened for reading only, and if the server refuses.
    pub fn expunge(&mut self) -> R::Task<'_, Result<(), Error>> {
        R::task(async move { self.just_run(&Command::Expunge(None)).await })
    }

    /// Removes those messages of a set that are flagged `\Deleted`, and no other.
    ///
    /// # Errors
    ///
    /// As [`expunge`](Self::expunge), and [`unsupported`](Error::is_unsupported) without UIDPLUS (RFC 4315).
    pub fn expunge_only(&mut self, uids: SequenceSet) -> R::Task<'_, Result<(), Error>> {
        R::task(async move {
            if !self.has_uid_expunge().await? {
                return Err(Error::unsupported("UIDPLUS"));
            }
            self.expunge_by(&uids).await
        })
    }

    pub(super) async fn expunge_by(&mut self, uids: &SequenceSet) -> Result<(), Error> {
        for set in pieces(uids) {
            self.just_run(&Command::Expunge(Some(set))).await?;
        }
        Ok(())
    }

    pub(super) async fn has_uid_expunge(&mut self) -> Result<bool, Error> {
        Ok(self.offers(&Capability::UidPlus).await? || self.offers(&Capability::Imap4Rev2).await?)
    }

    pub(super) async fn store_by(
        &mut self,
        set: SequenceSet,
        action: StoreAction,
        flags: &[Flag<'_>],
        unchanged_since: Option<u64>,
    ) -> Result<Option<SequenceSet>, Error> {
        // Whoever keeps a view wants to know what became of the flags.
        let silent = self.follower.is_none();
        let flags = flags.to_vec();
        let mut modified = Vec::new();
        for set in pieces(&set) {
            let flags = flags.clone();
            let store = Command::Store { uid: true, set, unchanged_since, action, silent, flags };
            let completion = self.run(&store, &mut |_| Ok(false)).await?;
            modified.extend(code_of(&completion, |code| match code {
                Code::Modified(uids) => Some(uids),
                _ => None,
            }));
        }
        Ok(joined(&modified))
    }
}
