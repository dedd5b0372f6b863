use alloc::{boxed::Box, vec::Vec};

use crate::{Atom, Date, Flag, SequenceSet, Text};

/// What a SEARCH looks for: `search-key` of RFC 9051 section 9.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SearchKey<'a> {
    /// All messages.
    All,
    /// Has this flag: `SEEN`, `KEYWORD $Forwarded`. `\Recent` too, but no [`Flag::System`] and no [`Flag::Any`].
    Flag(Flag<'a>),
    /// Does not have this flag: `UNSEEN`, `UNKEYWORD …`. `OLD` for `\Recent`.
    NoFlag(Flag<'a>),
    /// `NEW`: `\Recent` and not `\Seen`.
    New,
    /// Is in this set of message numbers.
    Sequence(SequenceSet),
    /// Is in this set of UIDs.
    Uid(SequenceSet),
    /// `BCC` has this text.
    Bcc(Text<'a>),
    /// `CC` has this text.
    Cc(Text<'a>),
    /// `FROM` has this text.
    From(Text<'a>),
    /// `TO` has this text.
    To(Text<'a>),
    /// `SUBJECT` has this text.
    Subject(Text<'a>),
    /// The body has this text.
    Body(Text<'a>),
    /// The header or the body has this text.
    Text(Text<'a>),
    /// A header field has this text. If the text is empty, the field exists.
    Header {
        /// Name of the field.
        name: Text<'a>,
        /// The text.
        value: Text<'a>,
    },
    /// INTERNALDATE before this day.
    Before(Date),
    /// INTERNALDATE on this day.
    On(Date),
    /// INTERNALDATE on this day or later.
    Since(Date),
    /// `Date:` before this day.
    SentBefore(Date),
    /// `Date:` on this day.
    SentOn(Date),
    /// `Date:` on this day or later.
    SentSince(Date),
    /// Has more octets than this.
    Larger(u64),
    /// Has fewer octets than this.
    Smaller(u64),
    /// All of these are true.
    And(Vec<Self>),
    /// One of these is true.
    Or(Box<Self>, Box<Self>),
    /// This is false.
    Not(Box<Self>),
    /// Arrived more than this many seconds ago (RFC 5032).
    Older(u32),
    /// Arrived less than this many seconds ago (RFC 5032).
    Younger(u32),
    /// Has at least this MODSEQ (RFC 7162).
    ModSeq(u64),
    /// Has at least this MODSEQ for one of its flags (RFC 7162 section 3.1.5).
    ModSeqOf {
        /// The flag, named as RFC 7162 does: `/flags/\\Seen`.
        entry: Text<'a>,
        /// Whose flag.
        scope: EntryScope,
        /// The least MODSEQ.
        mod_seq: u64,
    },
    /// Has this EMAILID (RFC 8474).
    EmailId(Atom<'a>),
    /// Has this THREADID (RFC 8474).
    ThreadId(Atom<'a>),
    /// Saved to the mailbox before this day (RFC 8514).
    SavedBefore(Date),
    /// Saved to the mailbox on this day (RFC 8514).
    SavedOn(Date),
    /// Saved to the mailbox on this day or later (RFC 8514).
    SavedSince(Date),
    /// The mailbox records when messages were saved (RFC 8514).
    SaveDateSupported,
    /// Gmail's own search finds it.
    GmailRaw(Text<'a>),
    /// Has this X-GM-MSGID.
    GmailMessageId(u64),
    /// Has this X-GM-THRID.
    GmailThreadId(u64),
    /// Has this Gmail label.
    GmailLabel(Text<'a>),
}

/// Whose MODSEQ of a flag counts (RFC 7162, `entry-type-req`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the three of RFC 7162")]
pub enum EntryScope {
    /// The user's own.
    Private,
    /// The one that all users share.
    Shared,
    /// The higher of the two.
    All,
}

impl EntryScope {
    pub(crate) const NAMES: [(Self, &'static str); 3] =
        [(Self::Private, "priv"), (Self::Shared, "shared"), (Self::All, "all")];
}

/// What a SEARCH returns of what it finds (RFC 9051 section 6.4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SearchReturn {
    /// `MIN`.
    Min,
    /// `MAX`.
    Max,
    /// `ALL`.
    All,
    /// `COUNT`.
    Count,
    /// `SAVE`: keeps the result for `$` (RFC 5182).
    Save,
    /// `PARTIAL` (RFC 9394): the results from the first to the last place, counted from the end if negative.
    Partial(i64, i64),
}

/// One criterion of an order (RFC 5256).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a key, reversed or not: `sort-criterion` of RFC 5256")]
pub struct SortCriterion {
    /// Whether the order is reversed.
    pub reverse: bool,
    /// What is compared.
    pub key: SortKey,
}

/// What messages are ordered by (RFC 5256, RFC 5957).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SortKey {
    /// INTERNALDATE.
    Arrival,
    /// First mailbox of `Cc:`.
    Cc,
    /// `Date:`.
    Date,
    /// First mailbox of `From:`.
    From,
    /// Size in octets.
    Size,
    /// Subject without `Re:` and the like.
    Subject,
    /// First mailbox of `To:`.
    To,
    /// First display name of `From:`.
    DisplayFrom,
    /// First display name of `To:`.
    DisplayTo,
}

impl SortKey {
    /// All of them, with their names.
    pub(crate) const NAMES: [(Self, &'static str); 9] = [
        (Self::Arrival, "ARRIVAL"),
        (Self::Cc, "CC"),
        (Self::Date, "DATE"),
        (Self::From, "FROM"),
        (Self::Size, "SIZE"),
        (Self::Subject, "SUBJECT"),
        (Self::To, "TO"),
        (Self::DisplayFrom, "DISPLAYFROM"),
        (Self::DisplayTo, "DISPLAYTO"),
    ];
}
