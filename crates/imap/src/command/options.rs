//! What commands are asked for: their arguments beyond a name or a number.

use alloc::vec::Vec;

use crate::{DateTime, Flag, Mailbox, Part, Section, SequenceSet, Text};

/// Arguments of SELECT and EXAMINE.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Select<'a> {
    /// The mailbox.
    pub mailbox: Mailbox<'a>,
    /// Ask for MODSEQ from now on (RFC 7162).
    pub condstore: bool,
    /// Ask for what changed since (RFC 7162).
    pub qresync: Option<QResync>,
}

impl<'a> Select<'a> {
    /// Opens this mailbox, and asks for nothing else.
    #[must_use]
    pub const fn new(mailbox: Mailbox<'a>) -> Self {
        Self { mailbox, condstore: false, qresync: None }
    }

    /// Asks for MODSEQ from now on, or not.
    #[must_use]
    pub fn condstore(self, condstore: bool) -> Self {
        Self { condstore, ..self }
    }

    /// Asks for what changed since the client was there last.
    #[must_use]
    pub fn qresync(self, qresync: QResync) -> Self {
        Self { qresync: Some(qresync), ..self }
    }
}

/// What a client knows of a mailbox that it was in before (RFC 7162 section 3.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the four arguments of RFC 7162 section 3.2.5")]
pub struct QResync {
    /// UIDVALIDITY at that time.
    pub validity: u32,
    /// The highest MODSEQ at that time.
    pub mod_seq: u64,
    /// The UIDs known.
    pub known: Option<SequenceSet>,
    /// Message numbers and their UIDs, to tell earlier what vanished.
    pub matching: Option<(SequenceSet, SequenceSet)>,
}

/// Which mailboxes a LIST is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListSelection {
    /// `SUBSCRIBED`.
    Subscribed,
    /// `REMOTE`.
    Remote,
    /// `RECURSIVEMATCH`.
    RecursiveMatch,
    /// `SPECIAL-USE`.
    SpecialUse,
}

/// What a LIST tells besides the names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListReturn {
    /// `SUBSCRIBED`.
    Subscribed,
    /// `CHILDREN`.
    Children,
    /// `SPECIAL-USE`.
    SpecialUse,
    /// `STATUS` (RFC 5819).
    Status(Vec<StatusAttribute>),
}

/// What a STATUS can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusAttribute {
    /// `MESSAGES`.
    Messages,
    /// `RECENT`.
    Recent,
    /// `UIDNEXT`.
    UidNext,
    /// `UIDVALIDITY`.
    UidValidity,
    /// `UNSEEN`.
    Unseen,
    /// `DELETED` (RFC 9051).
    Deleted,
    /// `DELETED-STORAGE`: what expunging would free (RFC 9208).
    DeletedStorage,
    /// `SIZE` (RFC 8438).
    Size,
    /// `HIGHESTMODSEQ` (RFC 7162).
    HighestModSeq,
    /// `APPENDLIMIT` (RFC 7889).
    AppendLimit,
    /// `MAILBOXID` (RFC 8474).
    MailboxId,
}

/// A message to be appended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AppendMessage<'a> {
    /// Its flags.
    pub flags: Vec<Flag<'a>>,
    /// Its INTERNALDATE; now, where there is none.
    pub date: Option<DateTime>,
    /// Its octets.
    pub data: AppendData<'a>,
}

impl<'a> AppendMessage<'a> {
    /// A message without flags, dated by the server.
    #[must_use]
    pub const fn new(data: AppendData<'a>) -> Self {
        Self { flags: Vec::new(), date: None, data }
    }

    /// Gives the message these flags.
    #[must_use]
    pub fn flags(self, flags: Vec<Flag<'a>>) -> Self {
        Self { flags, ..self }
    }

    /// Gives the message this INTERNALDATE.
    #[must_use]
    pub fn date(self, date: DateTime) -> Self {
        Self { date: Some(date), ..self }
    }
}

/// Where the octets of a message to be appended come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendData<'a> {
    /// Here they are.
    Octets(Text<'a>),
    /// Here they are, with NUL among them (RFC 3516).
    Binary(Text<'a>),
    /// Here they are, with UTF-8 in their header: where `UTF8=ACCEPT` is enabled (RFC 6855 section 4).
    Utf8(Text<'a>),
    /// That many follow from elsewhere: see [`Next::Stream`](super::Next::Stream).
    Stream(u64),
    /// They are put together by the server (RFC 4469).
    Catenate(Vec<CatenatePart<'a>>),
}

/// A piece of a message that the server puts together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two of RFC 4469")]
pub enum CatenatePart<'a> {
    /// Text.
    Text(Text<'a>),
    /// What a URL of the server names (RFC 5092).
    Url(Text<'a>),
}

/// What a FETCH can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchItem<'a> {
    /// `UID`.
    Uid,
    /// `FLAGS`.
    Flags,
    /// `INTERNALDATE`.
    InternalDate,
    /// `RFC822.SIZE`.
    Size,
    /// `ENVELOPE`.
    Envelope,
    /// `BODYSTRUCTURE`.
    BodyStructure,
    /// `BODY`, that is the structure without extension data.
    Body,
    /// `BODY[…]`, or `BODY.PEEK[…]` that does not set `\Seen`.
    Section {
        /// Which part.
        section: Section<'a>,
        /// Only these octets of it.
        partial: Option<Partial>,
        /// Whether `\Seen` stays as it is.
        peek: bool,
    },
    /// `BINARY[…]`, or `BINARY.PEEK[…]` (RFC 3516).
    Binary {
        /// Which part.
        part: Part<'a>,
        /// Only these octets of it.
        partial: Option<Partial>,
        /// Whether `\Seen` stays as it is.
        peek: bool,
    },
    /// `BINARY.SIZE[…]` (RFC 3516).
    BinarySize(Part<'a>),
    /// `RFC822`.
    Rfc822,
    /// `RFC822.HEADER`.
    Rfc822Header,
    /// `RFC822.TEXT`.
    Rfc822Text,
    /// `MODSEQ` (RFC 7162).
    ModSeq,
    /// `EMAILID` (RFC 8474).
    EmailId,
    /// `THREADID` (RFC 8474).
    ThreadId,
    /// `SAVEDATE` (RFC 8514).
    SaveDate,
    /// `PREVIEW`, or `PREVIEW (LAZY)`, which a server leaves out where it would have to be made first (RFC 8970).
    Preview {
        /// Whether it is the second.
        lazy: bool,
    },
    /// `X-GM-MSGID`.
    GmailMessageId,
    /// `X-GM-THRID`.
    GmailThreadId,
    /// `X-GM-LABELS`.
    GmailLabels,
}

impl FetchItem<'_> {
    /// What the macro `FAST` stands for.
    pub const FAST: [FetchItem<'static>; 3] = [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size];
    /// What the macro `ALL` stands for.
    pub const ALL: [FetchItem<'static>; 4] =
        [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size, FetchItem::Envelope];
    /// What the macro `FULL` stands for.
    pub const FULL: [FetchItem<'static>; 5] =
        [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size, FetchItem::Envelope, FetchItem::Body];
}

/// A range of octets of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a range has two numbers")]
pub struct Partial {
    /// The first octet, counted from 0.
    pub offset: u64,
    /// How many, at least 1.
    pub count: u64,
}

/// What a STORE does with the flags of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "FLAGS, +FLAGS and -FLAGS")]
pub enum StoreAction {
    /// Those given take the place of all.
    Replace,
    /// Those given are added.
    Add,
    /// Those given are taken away.
    Remove,
}

/// How many levels below its entries a GETMETADATA goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the three of RFC 5464")]
pub enum MetadataDepth {
    /// None.
    Zero,
    /// One.
    One,
    /// All.
    Infinity,
}

/// Mailboxes that a NOTIFY is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotifyMailboxes<'a> {
    /// The selected one.
    Selected,
    /// The selected one; expunges only when nothing is under way.
    SelectedDelayed,
    /// The inboxes.
    Inboxes,
    /// All in the personal namespace.
    Personal,
    /// Those subscribed to.
    Subscribed,
    /// These and what is below them.
    Subtree(Vec<Mailbox<'a>>),
    /// These.
    Mailboxes(Vec<Mailbox<'a>>),
}

/// An event that NOTIFY asks the server to report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotifyEvent<'a> {
    /// `MessageNew`, and what to fetch of such a message.
    MessageNew(Vec<FetchItem<'a>>),
    /// `MessageExpunge`.
    MessageExpunge,
    /// `FlagChange`.
    FlagChange,
    /// `AnnotationChange`.
    AnnotationChange,
    /// `MailboxName`.
    MailboxName,
    /// `SubscriptionChange`.
    SubscriptionChange,
    /// `MailboxMetadataChange`.
    MailboxMetadataChange,
    /// `ServerMetadataChange`.
    ServerMetadataChange,
}

impl StatusAttribute {
    /// All of them with their names.
    pub(crate) const NAMES: [(Self, &'static str); 11] = [
        (Self::Messages, "MESSAGES"),
        (Self::Recent, "RECENT"),
        (Self::UidNext, "UIDNEXT"),
        (Self::UidValidity, "UIDVALIDITY"),
        (Self::Unseen, "UNSEEN"),
        (Self::Deleted, "DELETED"),
        (Self::DeletedStorage, "DELETED-STORAGE"),
        (Self::Size, "SIZE"),
        (Self::HighestModSeq, "HIGHESTMODSEQ"),
        (Self::AppendLimit, "APPENDLIMIT"),
        (Self::MailboxId, "MAILBOXID"),
    ];
}
