//! What a watch knows of its mailbox, across connections and runs.

use std::{fmt, str::FromStr};

use mailbearer_imap::view::{Limits, View};
use mailbearer_imap::{Fetch, Item, UidSet};

use super::news::Pending;
use crate::Error;

/// What is known of the mailbox, across connections.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// UIDVALIDITY. `None` before the mailbox was opened for the first time.
    pub(super) validity: Option<u32>,
    /// The MODSEQ up to which everything is known (RFC 7162).
    pub(super) mod_seq: Option<u64>,
    /// Messages with this UID or a higher one came after the watch began.
    pub(super) first_new: u32,
    /// Those of them that an earlier run reported.
    pub(super) told: UidSet,
    /// All messages that need no report: those that were reported, or are about to be.
    pub(super) view: View,
}

/// Up to where the news of a mailbox were reported. A watch that [resumes](crate::Client::resume_watch) from it reports
/// what came since, and nothing twice.
///
/// Its text form, by [`Display`](fmt::Display) and [`FromStr`], is one line for a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    uid_validity: u32,
    /// Messages with this UID or a higher one are new.
    next: u32,
    /// Except for these.
    told: UidSet,
}

impl Known {
    /// Starts from the end of an earlier run.
    pub(super) fn at(position: Position) -> Self {
        let Position { uid_validity, next, told } = position;
        let validity = (next > 0).then_some(uid_validity);
        Self { validity, first_new: next, told, ..Self::default() }
    }

    /// Whether to report a message with this UID, which was not known.
    pub(super) fn is_news(&self, uid: u32) -> bool {
        uid >= self.first_new && !self.told.contains(uid)
    }

    /// Whether all known messages come before all others, as a new session requires.
    pub(super) fn is_orderly(&self) -> bool {
        let known = u32::try_from(self.view.known()).ok();
        self.view.highest_uid().is_none_or(|uid| self.view.sequence_of(uid) == known)
    }

    /// Notes that only a comparison of everything can be trusted next time.
    pub(super) const fn distrust(&mut self) {
        self.mod_seq = None;
    }

    /// Notes that everything up to this MODSEQ was reported on this connection.
    pub(super) fn reached(&mut self, mod_seq: u64) {
        self.mod_seq = self.mod_seq.map(|before| before.max(mod_seq));
    }

    /// Notes what a FETCH response says of a message that may have changed between connections.
    pub(super) fn note_flags(&mut self, pending: &mut Pending, items: &[Item<'_>]) {
        if let (Some(uid), Ok(Some(true))) = (Fetch::uid_of(items), self.view.update(items)) {
            pending.changed(uid);
        }
    }
}

impl Position {
    pub(super) const fn is_known(&self) -> bool {
        self.next > 0
    }

    /// Notes that a connection was made, and what is known on it.
    pub(super) fn connected(&mut self, known: &Known) {
        let validity = known.validity.unwrap_or_default();
        if self.next == 0 || self.uid_validity != validity {
            *self = Self { uid_validity: validity, next: known.first_new, told: known.told.clone() };
        }
    }

    /// Notes that a message was reported.
    pub(super) fn told(&mut self, uid: u32) {
        if uid >= self.next {
            self.told.insert(uid);
        }
    }

    /// Notes that the caller knows of every message that there is.
    pub(super) fn caught_up(&mut self, highest: Option<u32>) {
        let Some(highest) = highest.into_iter().chain(self.told.last()).max() else { return };
        self.next = self.next.max(highest.saturating_add(1));
        self.told = UidSet::new();
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uid_validity, next, told } = self;
        write!(f, "uidvalidity={uid_validity} next={next} told={told}")
    }
}

/// The error for a text that is no [`Position`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoPosition;

impl fmt::Display for NoPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the position of a watch")
    }
}

impl std::error::Error for NoPosition {}

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let mut words = text.trim().split(' ');
        let mut word = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=');
        let mut read = || {
            let uid_validity = word("uidvalidity")?.parse().ok()?;
            let next = word("next")?.parse().ok().filter(|next| *next > 0)?;
            let told = word("told")?.parse().ok()?;
            Some(Self { uid_validity, next, told })
        };
        let position = read().ok_or(NoPosition)?;
        if words.next().is_some() { Err(NoPosition) } else { Ok(position) }
    }
}

/// The error for a mailbox with more messages than a view holds.
pub(super) fn too_many() -> Error {
    Error::too_many_messages(Limits::default().messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_written_and_read() {
        let text = "uidvalidity=7 next=12 told=14,16:20";
        let position: Position = text.parse().unwrap();
        assert_eq!(position.to_string(), text);
        assert_eq!(format!("{text}\n").parse(), Ok(position));
        let fresh: Position = "uidvalidity=7 next=12 told=".parse().unwrap();
        assert_eq!(fresh.told, UidSet::new());
        for text in [
            "",
            "uidvalidity=7",
            "uidvalidity=7 next=0 told=",
            "uidvalidity=-1 next=1 told=",
            "next=1 told=1",
        ] {
            assert_eq!(text.parse::<Position>(), Err(NoPosition), "{text}");
        }
        assert!("uidvalidity=7 next=12 told=14 x".parse::<Position>().is_err());
    }

    #[test]
    fn what_was_told_is_kept_until_all_is() {
        let mut position: Position = "uidvalidity=7 next=12 told=".parse().unwrap();
        position.told(5);
        position.told(13);
        assert_eq!(position.to_string(), "uidvalidity=7 next=12 told=13");
        let known = Known::at(position.clone());
        assert_eq!([11, 12, 13, 14].map(|uid| known.is_news(uid)), [false, true, false, true]);
        position.caught_up(Some(12));
        assert_eq!(position.to_string(), "uidvalidity=7 next=14 told=");
        position.caught_up(None);
        assert_eq!(position.next, 14);
    }
}
