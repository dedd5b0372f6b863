//! Commands, and how they are written.
//!
//! No value of these types makes a line that does more or less than its command.

use alloc::vec::Vec;

use mailbearer_wire::Secret;

use crate::{Atom, Capability, Flag, Mailbox, Param, SequenceSet, Text};

mod encode;
mod options;
mod search;
mod write;

pub use encode::{Encoded, Next};
pub(crate) use encode::{
    Write, write_authenticate, write_fetch, write_id, write_login, write_select, write_word,
};
pub use options::{
    AppendData, AppendMessage, CatenatePart, FetchItem, ListReturn, ListSelection, MetadataDepth,
    NotifyEvent, NotifyMailboxes, Partial, QResync, Select, StatusAttribute, StoreAction,
};
pub use search::{EntryScope, SearchKey, SearchReturn, SortCriterion, SortKey};
pub(crate) use write::Writer;
pub use write::{Dialect, Literals};

/// A command of a client (RFC 9051 section 6, and the extensions named).
///
/// `uid` selects the form with `UID` in front of the command: numbers are UIDs.
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
        /// The initial response in base64 (RFC 4959). `Some` of nothing is an empty response.
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
    /// `ID` (RFC 2971). An empty list is sent as NIL.
    Id(Vec<Param<'a>>),
    /// `ENABLE` (RFC 5161).
    Enable(Vec<Capability<'a>>),
    /// `LANGUAGE` (RFC 5255). An empty list asks which languages there are.
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
    /// `LIST`, in its extended form if there are options, or other than one pattern (RFC 5258, RFC 5819, RFC 6154).
    List {
        /// Which mailboxes.
        selection: Vec<ListSelection>,
        /// The name that the patterns start from.
        reference: Mailbox<'a>,
        /// Names in which `*` stands for any octets, and `%` for any octets within a level.
        patterns: Vec<Mailbox<'a>>,
        /// What to report about them.
        returns: Vec<ListReturn>,
    },
    /// `LSUB`.
    Lsub {
        /// The name that the pattern starts from.
        reference: Mailbox<'a>,
        /// A name with `*` and `%`.
        pattern: Mailbox<'a>,
    },
    /// `XLIST`: LIST with special uses on servers from before RFC 6154.
    Xlist {
        /// The name that the pattern starts from.
        reference: Mailbox<'a>,
        /// A name with `*` and `%`.
        pattern: Mailbox<'a>,
    },
    /// `STATUS`.
    Status {
        /// The mailbox.
        mailbox: Mailbox<'a>,
        /// What to report about it.
        attributes: Vec<StatusAttribute>,
    },
    /// `APPEND`, several messages at once by MULTIAPPEND (RFC 3502).
    Append {
        /// The mailbox to append to.
        mailbox: Mailbox<'a>,
        /// The messages.
        messages: Vec<AppendMessage<'a>>,
    },
    /// `REPLACE` (RFC 8508).
    Replace {
        /// Whether `number` is a UID.
        uid: bool,
        /// The message to replace.
        number: u32,
        /// The mailbox for the new message.
        mailbox: Mailbox<'a>,
        /// The new message.
        message: AppendMessage<'a>,
    },
    /// `IDLE` (RFC 2177). The line `DONE` ends it.
    Idle,
    /// `CHECK`.
    Check,
    /// `CLOSE`.
    Close,
    /// `UNSELECT`.
    Unselect,
    /// `EXPUNGE`, or `UID EXPUNGE` of a set (RFC 4315).
    Expunge(Option<SequenceSet>),
    /// `SEARCH`.
    Search {
        /// Whether the server returns UIDs.
        uid: bool,
        /// What to return of the messages found (RFC 4731).
        returns: Option<Vec<SearchReturn>>,
        /// Charset of the texts in `key`.
        charset: Option<Atom<'a>>,
        /// What to look for.
        key: SearchKey<'a>,
    },
    /// `SORT` (RFC 5256, RFC 5267).
    Sort {
        /// Whether the server returns UIDs.
        uid: bool,
        /// What to return of the messages found.
        returns: Option<Vec<SearchReturn>>,
        /// The order. Each criterion counts among messages that are alike by those before it.
        criteria: Vec<SortCriterion>,
        /// Charset of the texts in `key`.
        charset: Atom<'a>,
        /// What to look for.
        key: SearchKey<'a>,
    },
    /// `THREAD` (RFC 5256).
    Thread {
        /// Whether the server returns UIDs.
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
        /// What to return of them.
        items: Vec<FetchItem<'a>>,
        /// Only messages changed since this MODSEQ (RFC 7162).
        changed_since: Option<u64>,
        /// Whether to report what vanished since then (RFC 7162).
        vanished: bool,
    },
    /// `UID FETCH` of a part of the messages in `set`, counted in their order (RFC 9394).
    FetchPartial {
        /// Which messages.
        set: SequenceSet,
        /// What to return of them.
        items: Vec<FetchItem<'a>>,
        /// The first and the last place in the set, counted from 1; from the end of the set if negative.
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
        /// Whether the server may leave out the new flags in its answer.
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
        /// Whether the server may leave out the new labels in its answer.
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
        /// The mailbox to copy to.
        mailbox: Mailbox<'a>,
    },
    /// `MOVE` (RFC 6851).
    Move {
        /// Whether `set` is of UIDs.
        uid: bool,
        /// Which messages.
        set: SequenceSet,
        /// The mailbox to move to.
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
        /// Whose rights they are.
        identifier: Text<'a>,
        /// The rights, with `+` or `-` in front to add or take away.
        rights: Text<'a>,
    },
    /// `DELETEACL` (RFC 4314).
    DeleteAcl {
        /// The mailbox.
        mailbox: Mailbox<'a>,
        /// Whose rights they are.
        identifier: Text<'a>,
    },
    /// `LISTRIGHTS` (RFC 4314).
    ListRights {
        /// The mailbox.
        mailbox: Mailbox<'a>,
        /// Whose rights they are.
        identifier: Text<'a>,
    },
    /// `MYRIGHTS` (RFC 4314).
    MyRights(Mailbox<'a>),
    /// `GETMETADATA` (RFC 5464).
    GetMetadata {
        /// The mailbox. An empty name stands for the server.
        mailbox: Mailbox<'a>,
        /// The longest values to return, in octets.
        max_size: Option<u64>,
        /// How many levels below the entries to return.
        depth: Option<MetadataDepth>,
        /// Names of entries.
        entries: Vec<Text<'a>>,
    },
    /// `SETMETADATA` (RFC 5464).
    SetMetadata {
        /// The mailbox. An empty name stands for the server.
        mailbox: Mailbox<'a>,
        /// Names and values; `None` removes the entry.
        entries: Vec<(Text<'a>, Option<Text<'a>>)>,
    },
    /// `NOTIFY` (RFC 5465): the events to report. No groups is `NONE`.
    Notify {
        /// Whether to report the present state first.
        status: bool,
        /// Mailboxes, and the events to report for them.
        groups: Vec<(NotifyMailboxes<'a>, Vec<NotifyEvent<'a>>)>,
    },
}

/// The name of `value` in a table of values and names.
pub(crate) fn name_of<T: PartialEq>(names: &[(T, &'static str)], value: &T) -> &'static str {
    names.iter().find(|(named, _)| named == value).map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests;
