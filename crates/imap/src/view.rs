//! What untagged data says of the selected mailbox: which message has which number, and its UID and flags.
//!
//! Give a [`View`] every untagged response, in the order of arrival. It says what changed. It sends nothing:
//! [`View::unknown`] names the messages that it does not know yet, and the caller fetches their `UID` and `FLAGS`.
//!
//! ```
//! use mailbearer_imap::{Data, Frame, Response, view::{Change, View}};
//!
//! let mut view = View::new();
//! let mut tell = |line: &str| {
//!     let frame = Frame::from(line.as_bytes().to_vec());
//!     let Ok(Response::Untagged(data)) = frame.response() else { panic!() };
//!     view.apply(&data)
//! };
//! assert_eq!(tell("* 3 EXISTS\r\n")?, Some(Change::Arrived { first: 1, last: 3 }));
//! assert_eq!(tell("* 3 FETCH (UID 9 FLAGS (\\Seen))\r\n")?, Some(Change::Learned { sequence: 3, uid: 9 }));
//! assert_eq!(tell("* 1 EXPUNGE\r\n")?, Some(Change::Expunged { sequence: 1, uid: None }));
//! assert_eq!(tell("* 2 FETCH (FLAGS ())\r\n")?, Some(Change::Flags { sequence: 2, uid: 9 }));
//! assert_eq!(tell("* VANISHED 9\r\n")?, Some(Change::Vanished { uids: 9.into(), others: 0 }));
//! assert_eq!(view.unknown(), 1.into());
//! # Ok::<(), mailbearer_imap::view::ViewError>(())
//! ```

use alloc::boxed::Box;
use core::fmt;

use crate::{Data, Fetch, Item, UidSet};

mod flags;
mod messages;
mod runs;
#[cfg(test)]
mod tests;

pub use flags::Flags;

use runs::{Found, Runs};

/// What a server said of a mailbox. See the [module](self).
///
/// Its memory grows with the messages whose UIDs the server sent, not with the number that it claims: `* 4294967295
/// EXISTS` costs nothing.
#[derive(Clone, Debug, Default)]
pub struct View {
    limits: Limits,
    runs: Runs,
    recent: u32,
    /// Whether it drops MODSEQs.
    timeless: bool,
}

/// How much a [`View`] keeps. Each field's default is named with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Messages whose UIDs are known. Each takes an octet, 4 more where UIDs have gaps, 8 more if the server sent its
    /// MODSEQ, and its keywords. Default 1,000,000.
    pub messages: usize,
    /// Alternating stretches of known and unknown messages. They bound the work for each response. Default 8,192.
    pub stretches: usize,
    /// Octets of the keywords of one message. Default 4,096.
    pub keywords: usize,
}

impl Limits {
    const DEFAULT: Self = Self { messages: 1_000_000, stretches: 8192, keywords: 4096 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A message of a [`View`].
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its UID.
    pub uid: u32,
    /// Its MODSEQ: when it changed last (RFC 7162). 0 if the server did not say.
    pub mod_seq: u64,
    flags: Option<Flags>,
}

impl Message {
    /// Returns its flags. `None` before the server sent them.
    #[must_use]
    pub const fn flags(&self) -> Option<&Flags> {
        self.flags.as_ref()
    }
}

/// What a response changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// There are messages with these numbers now. Their UIDs are not known yet.
    Arrived {
        /// The first of them.
        first: u32,
        /// The last of them, which is the last of the mailbox.
        last: u32,
    },
    /// The UID of a message became known.
    Learned {
        /// Its number.
        sequence: u32,
        /// Its UID.
        uid: u32,
    },
    /// The flags of a known message changed, or became known.
    Flags {
        /// Its number.
        sequence: u32,
        /// Its UID.
        uid: u32,
    },
    /// A message is gone. Those behind it moved up.
    Expunged {
        /// The number that it had.
        sequence: u32,
        /// Its UID, if that was known.
        uid: Option<u32>,
    },
    /// Messages are gone. Those behind them moved up.
    Vanished {
        /// The messages whose UIDs were known.
        uids: UidSet,
        /// How many others are gone, whose UIDs were not known.
        others: u32,
    },
    /// Only the number of messages is known now, as after a [`reset`](View::reset).
    Lost,
}

/// Why a view could not take in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ViewError {
    /// The response contradicts what the server said before: fewer messages than are left, UIDs that do not ascend, or
    /// another UID for a known message. The view did not change, but it no longer fits the mailbox:
    /// [reset](View::reset) it and fetch again.
    OutOfStep {
        /// How many messages there are.
        exists: u32,
    },
    /// One of the [`Limits`] is reached. The message that the response is about stays unknown, or keeps its flags.
    Full,
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfStep { .. } => "message numbers and UIDs contradict what was told before",
            Self::Full => "more messages or keywords than are kept",
        })
    }
}

impl core::error::Error for ViewError {}

impl View {
    /// Makes the view of a mailbox of which nothing is known, with the default [`Limits`].
    #[must_use]
    pub const fn new() -> Self {
        Self { limits: Limits::DEFAULT, runs: Runs::NONE, recent: 0, timeless: false }
    }

    /// Makes the same with these limits.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes in untagged data. Returns `None` if it changed nothing here.
    ///
    /// Data about a message that does not exist (with a number past the last) changes nothing.
    ///
    /// # Errors
    ///
    /// Returns [`ViewError::OutOfStep`] for data that contradicts what is known, and [`ViewError::Full`] for a FETCH
    /// response that would exceed a limit.
    pub fn apply(&mut self, data: &Data<'_>) -> Result<Option<Change>, ViewError> {
        match data {
            Data::Exists(count) => self.exist(*count),
            Data::Recent(count) => {
                self.recent = *count;
                Ok(None)
            }
            Data::Expunge(sequence) => {
                let gone = self.runs.remove(*sequence);
                Ok(gone.map(|uid| Change::Expunged { sequence: *sequence, uid }))
            }
            // Only for messages that vanish now. For those of the past there is `forget`.
            Data::Vanished { earlier: false, uids } => {
                let (uids, others) = self.runs.remove_uids(&UidSet::of(uids), true);
                let changed = !uids.is_empty() || others > 0;
                Ok(changed.then_some(Change::Vanished { uids, others }))
            }
            Data::Fetch(fetch) => self.fetched(fetch.number, &Told::of(&fetch.items)),
            Data::UidFetch(fetch) => {
                let told = Told::of(&fetch.items);
                let Some(sequence) = self.sequence_of(fetch.number) else { return Ok(None) };
                self.fetched(sequence, &Told { uid: Some(fetch.number), ..told })
            }
            _ => Ok(None),
        }
    }

    /// Forgets everything but how many messages there are.
    pub fn reset(&mut self, exists: u32) -> Change {
        self.runs.lose(exists);
        Change::Lost
    }

    /// Returns how many messages there are.
    #[must_use]
    pub fn exists(&self) -> u32 {
        self.runs.count()
    }

    /// Returns how many of them are recent, as the server said last.
    #[must_use]
    pub const fn recent(&self) -> u32 {
        self.recent
    }

    /// Returns how many messages are known.
    #[must_use]
    pub const fn known(&self) -> usize {
        self.runs.known()
    }

    /// Returns the numbers of messages whose UIDs are not known.
    #[must_use]
    pub fn unknown(&self) -> UidSet {
        self.runs.unknown(false)
    }

    /// Returns the numbers of messages whose UIDs or flags are not known.
    #[must_use]
    pub fn without_flags(&self) -> UidSet {
        self.runs.unknown(true)
    }

    /// Returns the message with this number, if its UID is known.
    #[must_use]
    pub fn message(&self, sequence: u32) -> Option<Message> {
        self.runs.get(sequence)
    }

    /// Returns the number of the message with this UID.
    #[must_use]
    pub fn sequence_of(&self, uid: u32) -> Option<u32> {
        self.runs.find(uid).map(|(sequence, _)| sequence)
    }

    /// Returns the message with this UID.
    #[must_use]
    pub fn by_uid(&self, uid: u32) -> Option<Message> {
        self.runs.find(uid).and_then(|(sequence, _)| self.runs.get(sequence))
    }

    /// Iterates over the messages whose UIDs are known, with their numbers.
    pub fn messages(&self) -> impl Iterator<Item = (u32, Message)> + '_ {
        self.runs.iter()
    }

    /// Returns the highest UID that is known.
    #[must_use]
    pub fn highest_uid(&self) -> Option<u32> {
        self.runs.last()
    }

    /// Forgets all MODSEQs, and keeps none from now on.
    pub fn forget_mod_seqs(&mut self) {
        self.timeless = true;
        self.runs.forget_mod_seqs();
    }

    /// Forgets the messages with these UIDs. Returns those that were known. It is for what a server says of the time
    /// between two sessions (`VANISHED (EARLIER)`), so it ignores messages that are not known.
    pub fn forget(&mut self, uids: &UidSet) -> UidSet {
        self.runs.remove_uids(uids, false).0
    }

    /// Forgets all messages but those with these UIDs. Returns the UIDs that it forgot.
    pub fn retain(&mut self, uids: &UidSet) -> UidSet {
        self.runs.remove_uids(&uids.complement(), false).0
    }

    /// Makes messages unknown, so that the caller fetches them again. All others keep their numbers.
    pub fn unlearn(&mut self, which: impl Fn(&Message) -> bool) {
        self.runs.unlearn(which);
    }

    /// Begins a new session of the same mailbox: UIDVALIDITY is the same, and there are `exists` messages. The known
    /// messages are the first ones, the others arrived since. [Forget](Self::forget) those that are gone before.
    ///
    /// Returns false, and forgets everything, if more messages are known than there are.
    pub fn resume(&mut self, exists: u32) -> bool {
        let known = self.runs.drop_unknown();
        if known > exists {
            self.runs.lose(exists);
            return false;
        }
        self.runs.append(exists.saturating_sub(known));
        true
    }

    /// Takes in the items of a FETCH response. Finds the message by its UID, whatever number it has. Returns true if
    /// its flags were known and changed, `None` if the message is not known.
    ///
    /// # Errors
    ///
    /// Returns [`ViewError::Full`] if the keywords exceed [`Limits::keywords`].
    pub fn update(&mut self, items: &[Item<'_>]) -> Result<Option<bool>, ViewError> {
        let told = Told::of(items);
        let found = told.uid.and_then(|uid| self.runs.find(uid));
        let Some((sequence, had_flags)) = found else { return Ok(None) };
        self.fetched(sequence, &told).map(|change| Some(had_flags && change.is_some()))
    }

    fn exist(&mut self, count: u32) -> Result<Option<Change>, ViewError> {
        let before = self.exists();
        let more = count.checked_sub(before).ok_or(ViewError::OutOfStep { exists: count })?;
        self.runs.append(more);
        Ok((more > 0).then(|| Change::Arrived { first: before.saturating_add(1), last: count }))
    }

    fn fetched(&mut self, sequence: u32, told: &Told<'_, '_>) -> Result<Option<Change>, ViewError> {
        let flags = match told.flags {
            Some(listed) => Some(Flags::of(listed, self.limits.keywords).ok_or(ViewError::Full)?),
            None => None,
        };
        let mod_seq = told.mod_seq.filter(|_| !self.timeless);
        match self.runs.seek(sequence) {
            Found::Nothing => Ok(None),
            Found::Known(messages, offset) => {
                let Some(message) = messages.get(offset) else { return Ok(None) };
                if told.uid.is_some_and(|uid| uid != message.uid) {
                    return Err(self.out_of_step());
                }
                let uid = message.uid;
                let is_news = flags.is_some() && flags != message.flags;
                messages.set(offset, mod_seq, flags.filter(|_| is_news));
                let changed = is_news.then_some(());
                Ok(changed.map(|()| Change::Flags { sequence, uid }))
            }
            Found::Unknown => {
                let Some(uid) = told.uid else { return Ok(None) };
                if self.runs.known() >= self.limits.messages || self.runs.stretches() >= self.limits.stretches
                {
                    return Err(ViewError::Full);
                }
                let mod_seq = mod_seq.unwrap_or_default();
                let message = Message { uid, mod_seq, flags };
                if !self.runs.learn(sequence, message) {
                    return Err(self.out_of_step());
                }
                Ok(Some(Change::Learned { sequence, uid }))
            }
        }
    }

    fn out_of_step(&self) -> ViewError {
        ViewError::OutOfStep { exists: self.exists() }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.uid)?;
        f.debug_list().entries(self.flags.iter().flat_map(Flags::iter)).finish()
    }
}

/// The items of a FETCH response that a view keeps.
#[derive(Clone, Copy)]
struct Told<'f, 'a> {
    uid: Option<u32>,
    flags: Option<&'f crate::List<'a, crate::Flag<'a>>>,
    mod_seq: Option<u64>,
}

impl<'f, 'a> Told<'f, 'a> {
    fn of(items: &'f [Item<'a>]) -> Self {
        // Broken servers send UID 0.
        let uid = Fetch::uid_of(items).filter(|uid| *uid > 0);
        let mut told = Self { uid, flags: None, mod_seq: None };
        for item in items {
            match item {
                Item::Flags(flags) => told.flags = Some(flags),
                Item::ModSeq(mod_seq) => told.mod_seq = Some(*mod_seq),
                _ => {}
            }
        }
        told
    }
}

/// For [`Flags`]: text that needs no memory if it is empty.
type Words = Box<str>;
