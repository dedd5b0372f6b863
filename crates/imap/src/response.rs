use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use crate::{Capability, Code, Flag, Item, List, Mailbox, SequenceSet, Text};

/// What a server says, `response` of RFC 9051 section 9.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "`response` of RFC 9051 has these three")]
pub enum Response<'a> {
    /// `+ …`: the server waits for the rest of a command.
    Continuation {
        /// The code in front of the text.
        code: Option<Code<'a>>,
        /// The text. During authentication, the mechanism's base64.
        text: &'a [u8],
    },
    /// The end of a command.
    Tagged {
        /// The command's tag.
        tag: &'a [u8],
        /// How it ended.
        line: StatusLine<'a>,
    },
    /// Data, or a status response that belongs to no command.
    Untagged(Data<'a>),
}

/// `OK`, `NO`, `BAD`, `PREAUTH` or `BYE` and what comes with it (RFC 9051 section 7.1).
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a word, a code and a text")]
pub struct StatusLine<'a> {
    /// The first word.
    pub status: Status,
    /// What stands in brackets.
    pub code: Option<Code<'a>>,
    /// Text for people. Show it only through [`printable_bytes`](mailbearer_wire::printable_bytes).
    pub text: &'a [u8],
}

/// The first word of a status response (RFC 9051 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the five of RFC 9051 section 7.1")]
pub enum Status {
    /// Success. Untagged: information.
    Ok,
    /// Refusal or failure. Untagged: a warning.
    No,
    /// The server did not understand the command.
    Bad,
    /// In a greeting: the client is logged in already.
    PreAuth,
    /// The server is closing the connection.
    Bye,
}

impl Status {
    /// Returns the word as it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
            Self::PreAuth => "PREAUTH",
            Self::Bye => "BYE",
        }
    }

    pub(crate) fn from_word(word: &[u8]) -> Option<Self> {
        const ALL: [Status; 5] = [Status::Ok, Status::No, Status::Bad, Status::PreAuth, Status::Bye];
        ALL.into_iter().find(|status| word.eq_ignore_ascii_case(status.as_str().as_bytes()))
    }
}

/// An untagged response (RFC 9051 section 7).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Data<'a> {
    /// `OK`, `NO`, `BAD`, `PREAUTH`, `BYE`.
    Status(StatusLine<'a>),
    /// `CAPABILITY`.
    Capability(List<'a, Capability<'a>>),
    /// `ENABLED` (RFC 5161).
    Enabled(List<'a, Capability<'a>>),
    /// `LIST`, or `XLIST` of old servers.
    List(Listed<'a>),
    /// `LSUB`.
    Lsub(Listed<'a>),
    /// `STATUS`.
    MailboxStatus {
        /// The mailbox.
        mailbox: Mailbox<'a>,
        /// The values that the client asked for.
        items: List<'a, StatusItem<'a>>,
    },
    /// `FLAGS`.
    Flags(List<'a, Flag<'a>>),
    /// `EXISTS`.
    Exists(u32),
    /// `RECENT`.
    Recent(u32),
    /// `EXPUNGE`.
    Expunge(u32),
    /// `FETCH`.
    Fetch(Fetch<'a>),
    /// `UIDFETCH` (RFC 9586), whose number is a UID.
    UidFetch(Fetch<'a>),
    /// `SEARCH`.
    Search(Found<'a>),
    /// `SORT` (RFC 5256).
    Sort(Found<'a>),
    /// `THREAD` (RFC 5256).
    Thread(Vec<ThreadMember>),
    /// `ESEARCH` (RFC 9051 section 7.3.4, RFC 4731). Boxed, because it is larger than all others.
    Esearch(Box<Esearch<'a>>),
    /// `VANISHED` (RFC 7162).
    Vanished {
        /// Whether the messages vanished in the past, as a FETCH or SELECT asked for.
        earlier: bool,
        /// The UIDs.
        uids: SequenceSet,
    },
    /// `NAMESPACE` (RFC 2342).
    Namespace {
        /// The user's own.
        personal: Vec<Namespace<'a>>,
        /// Other users'.
        other: Vec<Namespace<'a>>,
        /// Shared ones.
        shared: Vec<Namespace<'a>>,
    },
    /// `ID` (RFC 2971). Empty if the server sent NIL.
    Id(List<'a, Param<'a>>),
    /// `QUOTA` (RFC 9208).
    Quota {
        /// Name of the quota root.
        root: Text<'a>,
        /// The resources that have limits.
        resources: Vec<QuotaResource<'a>>,
    },
    /// `QUOTAROOT` (RFC 9208).
    QuotaRoot {
        /// The mailbox.
        mailbox: Mailbox<'a>,
        /// Names of its quota roots.
        roots: Vec<Text<'a>>,
    },
    /// `ACL` (RFC 4314).
    Acl {
        /// The mailbox.
        mailbox: Mailbox<'a>,
        /// Identifiers and their rights.
        rights: Vec<(Text<'a>, Text<'a>)>,
    },
    /// `LISTRIGHTS` (RFC 4314).
    ListRights {
        /// The mailbox.
        mailbox: Mailbox<'a>,
        /// Whose rights these are.
        identifier: Text<'a>,
        /// Rights that are always granted, then the groups that can be.
        rights: Vec<Text<'a>>,
    },
    /// `MYRIGHTS` (RFC 4314).
    MyRights {
        /// The mailbox.
        mailbox: Mailbox<'a>,
        /// The rights.
        rights: Text<'a>,
    },
    /// `METADATA` (RFC 5464).
    Metadata {
        /// The mailbox. An empty name stands for the server.
        mailbox: Mailbox<'a>,
        /// Entries and their values. `None` if the server sent the name alone.
        entries: Vec<(Text<'a>, Option<Text<'a>>)>,
    },
    /// `LANGUAGE` (RFC 5255).
    Language(List<'a, Text<'a>>),
    /// Any other.
    Other {
        /// The number in front of the keyword, if there is one.
        number: Option<u32>,
        /// The keyword.
        keyword: Text<'a>,
        /// What follows it, without the line end.
        rest: Text<'a>,
    },
}

/// One mailbox of a LIST or LSUB response (RFC 9051 section 7.3.1).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed<'a> {
    /// Attributes such as `\HasNoChildren` or `\Sent`.
    pub attributes: List<'a, Flag<'a>>,
    /// The character that separates the levels of the name. `None` if there are no levels.
    pub delimiter: Option<u8>,
    /// The name.
    pub mailbox: Mailbox<'a>,
    /// Extended data such as `CHILDINFO` and `OLDNAME`, with its parentheses. Empty if there is none.
    pub extended: &'a [u8],
}

impl<'a> Listed<'a> {
    /// Makes a mailbox without attributes and extended data.
    #[must_use]
    pub const fn new(mailbox: Mailbox<'a>, delimiter: Option<u8>) -> Self {
        Self { attributes: List::EMPTY, delimiter, mailbox, extended: b"" }
    }
}

/// One value of a STATUS response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusItem<'a> {
    /// `MESSAGES`.
    Messages(u32),
    /// `RECENT`.
    Recent(u32),
    /// `UIDNEXT`.
    UidNext(u32),
    /// `UIDVALIDITY`.
    UidValidity(u32),
    /// `UNSEEN`.
    Unseen(u32),
    /// `DELETED`.
    Deleted(u32),
    /// `DELETED-STORAGE` in octets (RFC 9208).
    DeletedStorage(u64),
    /// `SIZE` in octets (RFC 8438).
    Size(u64),
    /// `HIGHESTMODSEQ` (RFC 7162).
    HighestModSeq(u64),
    /// `APPENDLIMIT` in octets (RFC 7889). `None` if there is no limit.
    AppendLimit(Option<u64>),
    /// `MAILBOXID` (RFC 8474).
    MailboxId(Text<'a>),
    /// Any other.
    Other {
        /// The attribute.
        name: Text<'a>,
        /// Its value as it came.
        value: Text<'a>,
    },
}

/// A FETCH response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a number and its items")]
pub struct Fetch<'a> {
    /// Sequence number of the message; its UID in a `UIDFETCH`.
    pub number: u32,
    /// Its data items.
    pub items: Vec<Item<'a>>,
}

impl Fetch<'_> {
    /// The UID that the items name: 0, which no message has, where they name two.
    #[must_use]
    pub fn uid(&self) -> Option<u32> {
        Self::uid_of(&self.items)
    }

    /// The same of items alone.
    #[must_use]
    pub fn uid_of(items: &[Item<'_>]) -> Option<u32> {
        let uids = items.iter().filter_map(|item| match item {
            Item::Uid(uid) => Some(*uid),
            _ => None,
        });
        uids.reduce(|one, other| if one == other { one } else { 0 })
    }
}

/// Message numbers or UIDs that a SEARCH or SORT found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the numbers, and the one thing that RFC 7162 adds to them")]
pub struct Found<'a> {
    /// The numbers in the server's order.
    pub numbers: List<'a, u32>,
    /// The highest MODSEQ among them (RFC 7162).
    pub mod_seq: Option<u64>,
}

/// A message of a THREAD response. Members are in the order of a walk: the replies of each follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a message and its place")]
pub struct ThreadMember {
    /// The message. `None` for a common parent that does not exist.
    pub message: Option<u32>,
    /// How many members are above it. 0 starts a new thread.
    pub level: u32,
}

/// An ESEARCH response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Esearch<'a> {
    /// Tag of the command that the response answers.
    pub tag: Option<Text<'a>>,
    /// What else the answer is about if several mailboxes were searched: `MAILBOX` and `UIDVALIDITY`, name and value as
    /// they came (RFC 7377).
    pub correlators: Vec<(Text<'a>, Text<'a>)>,
    /// Whether the numbers are UIDs.
    pub uid: bool,
    /// `MIN`.
    pub min: Option<u32>,
    /// `MAX`.
    pub max: Option<u32>,
    /// `ALL`.
    pub all: Option<SequenceSet>,
    /// `COUNT`.
    pub count: Option<u32>,
    /// `MODSEQ` (RFC 7162).
    pub mod_seq: Option<u64>,
    /// `PARTIAL` (RFC 9394): the range that the client asked for, as it came, and what was found in it.
    pub partial: Option<(Text<'a>, Option<SequenceSet>)>,
    /// Any others: name and value as they came.
    pub other: Vec<(Text<'a>, Text<'a>)>,
}

/// A namespace: a place where mailboxes are (RFC 2342).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "`extensions` holds what is new")]
pub struct Namespace<'a> {
    /// What the names of its mailboxes start with.
    pub prefix: Mailbox<'a>,
    /// The character that separates the levels of a name. `None` if there are no levels.
    pub delimiter: Option<u8>,
    /// Extensions: name and value as they came.
    pub extensions: Vec<(Text<'a>, Text<'a>)>,
}

/// A name and a value, as in ID responses and the parameters of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a name and a value")]
pub struct Param<'a> {
    /// The name.
    pub name: Text<'a>,
    /// The value; `None` for NIL.
    pub value: Option<Text<'a>>,
}

/// A limited resource of a quota root (RFC 9208).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a name and two numbers: `quota-resource` of RFC 9208")]
pub struct QuotaResource<'a> {
    /// `STORAGE` (in units of 1024 octets), `MESSAGE`, …
    pub name: Text<'a>,
    /// How much is used.
    pub usage: u64,
    /// How much may be used.
    pub limit: u64,
}

// Shows octets as text: a derived implementation would show numbers.

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continuation { code, text } => {
                f.debug_struct("Continuation").field("code", code).field("text", &Text::of(text)).finish()
            }
            Self::Tagged { tag, line } => {
                f.debug_struct("Tagged").field("tag", &Text::of(tag)).field("line", line).finish()
            }
            Self::Untagged(data) => f.debug_tuple("Untagged").field(data).finish(),
        }
    }
}

impl fmt::Debug for StatusLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, code, text } = self;
        let text = Text::of(text);
        f.debug_struct("StatusLine").field("status", status).field("code", code).field("text", &text).finish()
    }
}

impl fmt::Debug for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attributes, delimiter, mailbox, extended } = self;
        f.debug_struct("Listed")
            .field("attributes", attributes)
            .field("delimiter", &delimiter.map(char::from))
            .field("mailbox", mailbox)
            .field("extended", &Text::of(extended))
            .finish()
    }
}
