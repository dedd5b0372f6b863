use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use mailbearer_imap::{
    Flag, UidSet,
    view::{Message, View},
};

use crate::{Error, Summary};

/// An event in a watched mailbox.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum News {
    /// There is a new message. If the server can't show it, only its UID, size and time are known.
    Arrived(Box<Summary>),
    /// The flags of a message changed.
    Flags {
        /// Its UID.
        uid: u32,
        /// Its present flags, without `\Recent`.
        flags: Vec<Flag<'static>>,
    },
    /// A message is gone.
    Expunged {
        /// The UID that it had.
        uid: u32,
    },
    /// The server renumbered the mailbox: UIDs that are known are no longer valid. Messages that are there now are not
    /// reported as new.
    Renumbered {
        /// The new UIDVALIDITY.
        uid_validity: u32,
    },
    /// The connection broke, or none could be made. The watcher will try again; nothing is missed.
    Interrupted {
        /// What happened.
        error: Arc<Error>,
        /// How long until the next attempt.
        retry_in: Duration,
    },
}

/// Two failures are equal if they have the same text.
impl PartialEq for News {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Arrived(own), Self::Arrived(other)) => own == other,
            (Self::Flags { uid, flags }, Self::Flags { uid: other, flags: others }) => {
                uid == other && flags == others
            }
            (Self::Expunged { uid }, Self::Expunged { uid: other }) => uid == other,
            (Self::Renumbered { uid_validity }, Self::Renumbered { uid_validity: other }) => {
                uid_validity == other
            }
            (Self::Interrupted { error, retry_in }, Self::Interrupted { error: other, retry_in: others }) => {
                error.to_string() == other.to_string() && retry_in == others
            }
            _ => false,
        }
    }
}

/// News that were not reported yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// In this order. At most what one response brings.
    ready: VecDeque<News>,
    /// UIDs of messages whose flags changed.
    flags: BTreeSet<u32>,
    /// UIDs of messages that are gone.
    gone: BTreeSet<u32>,
}

impl Pending {
    pub(super) fn next(&mut self, view: &View) -> Option<News> {
        if let Some(news) = self.ready.pop_front() {
            return Some(news);
        }
        while let Some(uid) = self.flags.pop_first() {
            if let Some(flags) = view.by_uid(uid).as_ref().and_then(Message::flags) {
                let flags = flags.iter().map(Flag::into_owned).collect();
                return Some(News::Flags { uid, flags });
            }
        }
        self.gone.pop_first().map(|uid| News::Expunged { uid })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    pub(super) fn tell(&mut self, news: News) {
        self.ready.push_back(news);
    }

    pub(super) fn changed(&mut self, uid: u32) {
        self.flags.insert(uid);
    }

    /// Drops a change of its flags too: the view no longer has the message.
    pub(super) fn expunged(&mut self, uid: u32) {
        self.gone.insert(uid);
    }

    /// `uids` were known, so there are no more of them than messages.
    pub(super) fn all_expunged(&mut self, uids: &UidSet) {
        for uid in uids.iter() {
            self.expunged(uid);
        }
    }

    /// Drops everything about messages, which is no longer valid.
    pub(super) fn renumbered(&mut self, uid_validity: u32) {
        self.ready.retain(|news| matches!(news, News::Interrupted { .. }));
        self.flags.clear();
        self.gone.clear();
        self.tell(News::Renumbered { uid_validity });
    }
}
