//! Arguments of commands that are more than a name or a number.

use alloc::vec::Vec;

use crate::{DateTime, Flag, Mailbox, Part, Section, SequenceSet, Text};

/// Arguments of SELECT and EXAMINE.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Select<'a> {
    /// The mailbox.
    pub mailbox: Mailbox<'a>,
    /// Whether to report MODSEQs from now on (RFC 7162).
    pub condstore: bool,
    /// What the client knows, to be told what changed since (RFC 7162).
    pub qresync: Option<QResync>,
}

impl<'a> Select<'a> {
    /// Opens this mailbox and asks for nothing else.
    #[must_use]
    pub const fn new(mailbox: Mailbox<'a>) -> Self {
        Self { mailbox, condstore: false, qresync: None }
    }

    /// Sets whether the server reports MODSEQs from now on.
    #[must_use]
    pub fn condstore(self, condstore: bool) -> Self {
        Self { condstore, ..self }
    }

    /// Asks for what changed since the client last had the mailbox open.
    #[must_use]
    pub fn qresync(self, qresync: QResync) -> Self {
        Self { qresync: Some(qresync), ..self }
    }
}

/// What a client knows of a mailbox that it had open before (RFC 7162 section 3.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the four arguments of RFC 7162 section 3.2.5")]
pub struct QResync {
    /// UIDVALIDITY at that time.
    pub validity: u32,
    /// The highest MODSEQ at that time.
    pub mod_seq: u64,
    /// The UIDs that the client knows. `None` for all.
    pub known: Option<SequenceSet>,
    /// Message numbers and their UIDs, which let the server report less of what vanished.
    pub matching: Option<(SequenceSet, SequenceSet)>,
}

/// Which mailboxes a LIST returns.
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

/// What a LIST returns besides names.
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
    /// `DELETED-STORAGE`: octets that an expunge would free (RFC 9208).
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
    /// Its INTERNALDATE. `None` for the time of the APPEND.
    pub date: Option<DateTime>,
    /// Its octets.
    pub data: AppendData<'a>,
}

impl<'a> AppendMessage<'a> {
    /// Makes a message without flags, dated by the server.
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

/// Where the octets of a message to append come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendData<'a> {
    /// These octets.
    Octets(Text<'a>),
    /// These octets, which may include NUL (RFC 3516).
    Binary(Text<'a>),
    /// These octets, with UTF-8 in the header. For servers where `UTF8=ACCEPT` is enabled (RFC 6855 section 4).
    Utf8(Text<'a>),
    /// So many octets, which the caller sends: see [`Next::Stream`](super::Next::Stream).
    Stream(u64),
    /// The server puts the message together from these parts (RFC 4469).
    Catenate(Vec<CatenatePart<'a>>),
}

/// A piece of a message that the server puts together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two of RFC 4469")]
pub enum CatenatePart<'a> {
    /// Text.
    Text(Text<'a>),
    /// What this URL of the server names (RFC 5092).
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
    /// `BODY`: the structure without extension data.
    Body,
    /// `BODY[…]`, or `BODY.PEEK[…]`, which does not set `\Seen`.
    Section {
        /// Which part.
        section: Section<'a>,
        /// The octets of it to return. `None` for all.
        partial: Option<Partial>,
        /// Whether to leave `\Seen` as it is.
        peek: bool,
    },
    /// `BINARY[…]`, or `BINARY.PEEK[…]` (RFC 3516).
    Binary {
        /// Which part.
        part: Part<'a>,
        /// The octets of it to return. `None` for all.
        partial: Option<Partial>,
        /// Whether to leave `\Seen` as it is.
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
    /// `PREVIEW`, or `PREVIEW (LAZY)`, which the server leaves out if it has none at hand (RFC 8970).
    Preview {
        /// Whether to ask lazily.
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
    /// The items that the macro `FAST` stands for.
    pub const FAST: [FetchItem<'static>; 3] = [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size];
    /// The items that the macro `ALL` stands for.
    pub const ALL: [FetchItem<'static>; 4] =
        [FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size, FetchItem::Envelope];
    /// The items that the macro `FULL` stands for.
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
    /// Replaces all flags by those given.
    Replace,
    /// Adds those given.
    Add,
    /// Removes those given.
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
    /// The selected one. The server reports expunges only while no command is in progress.
    SelectedDelayed,
    /// The inboxes.
    Inboxes,
    /// All mailboxes in the personal namespace.
    Personal,
    /// All subscribed mailboxes.
    Subscribed,
    /// These mailboxes and all below them.
    Subtree(Vec<Mailbox<'a>>),
    /// These mailboxes.
    Mailboxes(Vec<Mailbox<'a>>),
}

/// An event that NOTIFY asks the server to report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotifyEvent<'a> {
    /// `MessageNew`, and what to fetch of each new message.
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
    /// All of them, with their names.
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
