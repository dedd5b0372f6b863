//! Commands: what they are, and how they are written.
//!
//! No value of these types can hold a line that does more or less than its command.

use alloc::vec::Vec;

use mailbearer_wire::Secret;

use crate::{Atom, Capability, DateTime, Flag, Mailbox, Param, Part, Section, SequenceSet, Text};

mod encode;
mod search;
mod write;

pub use encode::{Encoded, Next};
pub(crate) use encode::{Write, write_authenticate, write_fetch, write_id, write_select, write_word};
pub use search::{EntryScope, SearchKey, SearchReturn, SortCriterion, SortKey};
pub use write::{Dialect, Literals};

/// What a client can ask for (RFC 9051 section 6 and the extensions named).
///
/// `uid` says that numbers are UIDs: the command with `UID` in front.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command<'a> {
    /// `CAPABILITY`.
    Capability,
    /// `NOOP`.
    Noop,
    /// `LOGOUT`.
    Logout,
    /// `STARTTLS`.
    StartTls,
    /// `AUTHENTICATE`.
    Authenticate {
        /// The SASL mechanism.
        mechanism: Atom<'a>,
        /// The initial response in base64, empty for an empty one (RFC 4959).
        initial: Option<Secret<Vec<u8>>>,
    },
    /// `LOGIN`.
    Login {
        /// The user.
        user: Text<'a>,
        /// The password.
        password: Secret<Vec<u8>>,
    },
    /// `UNAUTHENTICATE` (RFC 8437).
    Unauthenticate,
    /// `COMPRESS` (RFC 4978) with its mechanism.
    Compress(Atom<'a>),
    /// `ID` (RFC 2971); nothing for NIL.
    Id(Vec<Param<'a>>),
    /// `ENABLE` (RFC 5161).
    Enable(Vec<Capability<'a>>),
    /// `LANGUAGE` (RFC 5255); nothing to ask what there is.
    Language(Vec<Text<'a>>),
    /// `NAMESPACE` (RFC 2342).
    Namespace,
    /// `SELECT`.
    Select(Select<'a>),
    /// `EXAMINE`.
    Examine(Select<'a>),
    /// `CREATE`, with special uses (RFC 6154).
    Create {
        /// The mailbox.
        mailbox: Mailbox<'a>,
        /// `\Sent`, `\Trash`, …
        special_uses: Vec<Flag<'a>>,
    },
    /// `DELETE`.
    Delete(Mailbox<'a>),
    /// `RENAME`.
    Rename {
        /// The old name.
        from: Mailbox<'a>,
        /// The new name.
        to: Mailbox<'a>,
    },
    /// `SUBSCRIBE`.
    Subscribe(Mailbox<'a>),
    /// `UNSUBSCRIBE`.
    Unsubscribe(Mailbox<'a>),
    /// `LIST`, extended where there are options or not one pattern (RFC 5258, RFC 5819, RFC 6154).
    List {
        /// Which mailboxes.
        selection: Vec<ListSelection>,
        /// What the patterns start from.
        reference: Mailbox<'a>,
        /// Names with `*` and `%` for any octets, the second within a level.
        patterns: Vec<Mailbox<'a>>,
        /// What to tell about them.
        returns: Vec<ListReturn>,
    },
    /// `LSUB`.
    Lsub {
        /// What the pattern starts from.
        reference: Mailbox<'a>,
        /// A name with `*` and `%`.
        pattern: Mailbox<'a>,
    },
    /// `XLIST`: LIST with special uses before RFC 6154 gave them a place, for old servers.
    Xlist {
        /// What the pattern starts from.
        reference: Mailbox<'a>,
        /// A name with `*` and `%`.
        pattern: Mailbox<'a>,
    },
    /// `STATUS`.
    Status {
        /// The mailbox.
        mailbox: Mailbox<'a>,
        /// What to tell about it.
        attributes: Vec<StatusAttribute>,
    },
    /// `APPEND`, several messages at once by MULTIAPPEND (RFC 3502).
    Append {
        /// Where to.
        mailbox: Mailbox<'a>,
        /// What.
        messages: Vec<AppendMessage<'a>>,
    },
    /// `REPLACE` (RFC 8508).
    Replace {
        /// Whether `number` is a UID.
        uid: bool,
        /// The message that goes.
        number: u32,
        /// Where the new one goes.
        mailbox: Mailbox<'a>,
        /// The new message.
        message: AppendMessage<'a>,
    },
    /// `IDLE` (RFC 2177). It is ended with the line `DONE`.
    Idle,
    /// `CHECK`.
    Check,
    /// `CLOSE`.
    Close,
    /// `UNSELECT`.
    Unselect,
    /// `EXPUNGE`; `UID EXPUNGE` of a set (RFC 4315).
    Expunge(Option<SequenceSet>),
    /// `SEARCH`.
    Search {
        /// Whether UIDs are asked for.
        uid: bool,
        /// What to tell about what is found (RFC 4731).
        returns: Option<Vec<SearchReturn>>,
        /// Charset of the texts in `key`.
        charset: Option<Atom<'a>>,
        /// What to look for.
        key: SearchKey<'a>,
    },
    /// `SORT` (RFC 5256, RFC 5267).
    Sort {
        /// Whether UIDs are asked for.
        uid: bool,
        /// What to tell about what is found.
        returns: Option<Vec<SearchReturn>>,
        /// In which order; the second counts where the first is alike.
        criteria: Vec<SortCriterion>,
        /// Charset of the texts in `key`.
        charset: Atom<'a>,
        /// What to look for.
        key: SearchKey<'a>,
    },
    /// `THREAD` (RFC 5256).
    Thread {
        /// Whether UIDs are asked for.
        uid: bool,
        /// `REFERENCES`, `ORDEREDSUBJECT`, …
        algorithm: Atom<'a>,
        /// Charset of the texts in `key`.
        charset: Atom<'a>,
        /// What to look for.
        key: SearchKey<'a>,
    },
    /// `FETCH`.
    Fetch {
        /// Whether `set` is of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// What to tell about them.
        items: Vec<FetchItem<'a>>,
        /// Only messages changed since this MODSEQ (RFC 7162).
        changed_since: Option<u64>,
        /// Tell what vanished since then (RFC 7162).
        vanished: bool,
    },
    /// `UID FETCH` of a part of the messages in `set`, counted in their order (RFC 9394).
    FetchPartial {
        /// Which messages.
        set: SequenceSet,
        /// What to tell about them.
        items: Vec<FetchItem<'a>>,
        /// The first and the last of them, from the end of the set if negative; both count from 1.
        range: (i64, i64),
    },
    /// `STORE`.
    Store {
        /// Whether `set` is of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// Only messages not changed since this MODSEQ (RFC 7162).
        unchanged_since: Option<u64>,
        /// What to do with the flags.
        action: StoreAction,
        /// Whether the server need not tell the new flags.
        silent: bool,
        /// The flags.
        flags: Vec<Flag<'a>>,
    },
    /// `STORE` of Gmail's labels (X-GM-EXT-1).
    StoreLabels {
        /// Whether `set` is of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// What to do with the labels.
        action: StoreAction,
        /// Whether the server need not tell the new labels.
        silent: bool,
        /// The labels, in modified UTF-7 like the names of mailboxes.
        labels: Vec<Text<'a>>,
    },
    /// `COPY`.
    Copy {
        /// Whether `set` is of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// Where to.
        mailbox: Mailbox<'a>,
    },
    /// `MOVE` (RFC 6851).
    Move {
        /// Whether `set` is of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// Where to.
        mailbox: Mailbox<'a>,
    },
    /// `GETQUOTA` (RFC 9208) of a quota root.
    GetQuota(Text<'a>),
    /// `GETQUOTAROOT` (RFC 9208).
    GetQuotaRoot(Mailbox<'a>),
    /// `SETQUOTA` (RFC 9208).
    SetQuota {
        /// The quota root.
        root: Text<'a>,
        /// Resources and their limits.
        limits: Vec<(Atom<'a>, u64)>,
    },
    /// `GETACL` (RFC 4314).
    GetAcl(Mailbox<'a>),
    /// `SETACL` (RFC 4314).
    SetAcl {
        /// The mailbox.
        mailbox: Mailbox<'a>,
        /// Whose rights.
        identifier: Text<'a>,
        /// The rights, with `+` or `-` in front to add or take away.
        rights: Text<'a>,
    },
    /// `DELETEACL` (RFC 4314).
    DeleteAcl {
        /// The mailbox.
        mailbox: Mailbox<'a>,
        /// Whose rights.
        identifier: Text<'a>,
    },
    /// `LISTRIGHTS` (RFC 4314).
    ListRights {
        /// The mailbox.
        mailbox: Mailbox<'a>,
        /// Whose rights.
        identifier: Text<'a>,
    },
    /// `MYRIGHTS` (RFC 4314).
    MyRights(Mailbox<'a>),
    /// `GETMETADATA` (RFC 5464).
    GetMetadata {
        /// The mailbox; an empty name is the server.
        mailbox: Mailbox<'a>,
        /// No values longer than this.
        max_size: Option<u64>,
        /// How many levels below the entries.
        depth: Option<MetadataDepth>,
        /// Names of entries.
        entries: Vec<Text<'a>>,
    },
    /// `SETMETADATA` (RFC 5464).
    SetMetadata {
        /// The mailbox; an empty name is the server.
        mailbox: Mailbox<'a>,
        /// Names and values; `None` removes the entry.
        entries: Vec<(Text<'a>, Option<Text<'a>>)>,
    },
    /// `NOTIFY` (RFC 5465): which events to tell; nothing for `NONE`.
    Notify {
        /// Whether to tell the present state first.
        status: bool,
        /// For which mailboxes, and what.
        groups: Vec<(NotifyMailboxes<'a>, Vec<NotifyEvent<'a>>)>,
    },
}

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
    /// That many follow from elsewhere: see [`Next::Stream`].
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

/// The name of `value` in a table of values and names.
pub(crate) fn name_of<T: PartialEq>(names: &[(T, &'static str)], value: &T) -> &'static str {
    names.iter().find(|(named, _)| named == value).map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests;
