use alloc::{boxed::Box, vec::Vec};

use crate::{Atom, Date, Flag, SequenceSet, Text};

/// What a SEARCH looks for, `search-key` of RFC 9051 section 9.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SearchKey<'a> {
    /// Every message.
    All,
    /// With this flag: `SEEN`, `KEYWORD $Forwarded`. `\Recent` as well, no other with a backslash.
    Flag(Flag<'a>),
    /// Without this flag: `UNSEEN`, `UNKEYWORD …`. `OLD` for `\Recent`.
    NoFlag(Flag<'a>),
    /// `NEW`: `\Recent` and not `\Seen`.
    New,
    /// In this set of message numbers.
    Sequence(SequenceSet),
    /// In this set of UIDs.
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
    /// Header or body have this text.
    Text(Text<'a>),
    /// A header field has this text; it is there where the text is empty.
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
    /// More octets than this.
    Larger(u64),
    /// Fewer octets than this.
    Smaller(u64),
    /// All of these hold.
    And(Vec<Self>),
    /// One of these holds.
    Or(Box<Self>, Box<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// Arrived more than this many seconds ago (RFC 5032).
    Older(u32),
    /// Arrived less than this many seconds ago (RFC 5032).
    Younger(u32),
    /// MODSEQ of at least this (RFC 7162).
    ModSeq(u64),
    /// The same for one flag of the message (RFC 7162 section 3.1.5).
    ModSeqOf {
        /// The flag as it is named there: `/flags/\\Seen`.
        entry: Text<'a>,
        /// Whose flag.
        scope: EntryScope,
        /// The least MODSEQ.
        mod_seq: u64,
    },
    /// Of this EMAILID (RFC 8474).
    EmailId(Atom<'a>),
    /// Of this THREADID (RFC 8474).
    ThreadId(Atom<'a>),
    /// Saved to the mailbox before this day (RFC 8514).
    SavedBefore(Date),
    /// Saved on this day (RFC 8514).
    SavedOn(Date),
    /// Saved on this day or later (RFC 8514).
    SavedSince(Date),
    /// The mailbox knows when messages were saved (RFC 8514).
    SaveDateSupported,
    /// What Gmail's own search finds.
    GmailRaw(Text<'a>),
    /// Of this X-GM-MSGID.
    GmailMessageId(u64),
    /// Of this X-GM-THRID.
    GmailThreadId(u64),
    /// With this label of Gmail's.
    GmailLabel(Text<'a>),
}

/// Whose value of an entry counts (RFC 7162, `entry-type-req`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the three of RFC 7162")]
pub enum EntryScope {
    /// The user's own.
    Private,
    /// That which all see.
    Shared,
    /// The higher of both.
    All,
}

impl EntryScope {
    pub(crate) const NAMES: [(Self, &'static str); 3] =
        [(Self::Private, "priv"), (Self::Shared, "shared"), (Self::All, "all")];
}

/// What a SEARCH tells about what it finds (RFC 9051 section 6.4.4).
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
    /// `SAVE`: keep it for `$` (RFC 5182).
    Save,
    /// `PARTIAL`: from the first to the last place in the result, counted from its end if negative (RFC 9394).
    Partial(i64, i64),
}

/// One rule of an order (RFC 5256).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a key, reversed or not: `sort-criterion` of RFC 5256")]
pub struct SortCriterion {
    /// Whether it is turned round.
    pub reverse: bool,
    /// What counts.
    pub key: SortKey,
}

/// What counts in an order (RFC 5256, RFC 5957).
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
    /// All of them with their names.
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
