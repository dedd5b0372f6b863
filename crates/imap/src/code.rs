use crate::{Capability, Flag, List, SequenceSet, Text};

/// A response code: what stands in brackets before the text of a status response (RFC 9051 section 7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code<'a> {
    /// The text must be shown to the user.
    Alert,
    /// The mailbox exists already.
    AlreadyExists,
    /// Where an appended message went (RFC 4315).
    AppendUid {
        /// UIDVALIDITY of the mailbox that holds it.
        validity: u32,
        /// Its UID; several after MULTIAPPEND.
        uids: SequenceSet,
    },
    /// The credentials are wrong.
    AuthenticationFailed,
    /// The user may not act as the identity that the client asked for.
    AuthorizationFailed,
    /// The server does not support the charset. Lists those that it supports.
    BadCharset(List<'a, Text<'a>>),
    /// The server has none of the comparators that the client named (RFC 5255).
    BadComparator,
    /// Events that NOTIFY cannot report; then, in parentheses, those that it can (RFC 5465).
    BadEvent(Text<'a>),
    /// A URL of CATENATE that names nothing (RFC 4469).
    BadUrl(Text<'a>),
    /// Mailbox too large or too many messages for the operation.
    Cannot,
    /// Capabilities, in place of a CAPABILITY response.
    Capability(List<'a, Capability<'a>>),
    /// The client misbehaves.
    ClientBug,
    /// The mailbox that was selected before is closed.
    Closed,
    /// COMPRESS is active already (RFC 4978).
    CompressionActive,
    /// Contact the administrators.
    ContactAdmin,
    /// Where copied or moved messages went (RFC 4315).
    CopyUid {
        /// UIDVALIDITY of the mailbox that holds the copies.
        validity: u32,
        /// The messages copied.
        from: SequenceSet,
        /// Their copies.
        to: SequenceSet,
    },
    /// The server found its data damaged.
    Corruption,
    /// The password or token has expired.
    Expired,
    /// Messages were expunged before the command got to them.
    ExpungeIssued,
    /// The mailbox has children.
    HasChildren,
    /// The highest MODSEQ of the mailbox (RFC 7162).
    HighestModSeq(u64),
    /// The mailbox is in use.
    InUse,
    /// A limit was passed.
    Limit,
    /// The identity of the mailbox (RFC 8474).
    MailboxId(Text<'a>),
    /// The server stopped a command at its limit of messages (RFC 9738).
    MessageLimit {
        /// The most messages that it handles at once.
        limit: u32,
        /// The lowest UID that it handled; those below it are left.
        lowest: Option<u32>,
    },
    /// The server left out entries that were too long; the longest has this size in octets (RFC 5464).
    MetadataLongEntries(u64),
    /// The server takes no value longer than this many octets (RFC 5464).
    MetadataMaxSize(u64),
    /// The server keeps no private entries (RFC 5464).
    MetadataNoPrivate,
    /// The mailbox has as many entries as the server allows (RFC 5464).
    MetadataTooMany,
    /// Messages that someone else changed (RFC 7162).
    Modified(SequenceSet),
    /// The mailbox does not exist.
    Nonexistent,
    /// The mailbox keeps no MODSEQ (RFC 7162).
    NoModSeq,
    /// A permission is missing.
    NoPerm,
    /// NOTIFY cannot keep up and is off (RFC 5465).
    NotificationOverflow,
    /// The server could not keep the search result that `$` stands for (RFC 5182).
    NotSaved,
    /// The mailbox is over its quota.
    OverQuota,
    /// A header or MIME structure cannot be parsed.
    Parse,
    /// Flags that can be changed for good; `\*` for new keywords.
    PermanentFlags(List<'a, Flag<'a>>),
    /// Encryption is needed first.
    PrivacyRequired,
    /// The mailbox is at this URL (RFC 2221). This crate never follows it.
    Referral(Text<'a>),
    /// The mailbox can only be read.
    ReadOnly,
    /// The mailbox can be written.
    ReadWrite,
    /// The server misbehaves.
    ServerBug,
    /// An APPEND is larger than the server accepts (RFC 7889).
    TooBig,
    /// Create the mailbox first.
    TryCreate,
    /// The next UID.
    UidNext(u32),
    /// The mailbox does not keep its UIDs (RFC 4315).
    UidNotSticky,
    /// The command takes only UIDs after ENABLE UIDONLY (RFC 9586).
    UidRequired,
    /// The UIDVALIDITY of the mailbox.
    UidValidity(u32),
    /// A subsystem is down for now.
    Unavailable,
    /// A BINARY part has a transfer encoding that the server does not know (RFC 3516).
    UnknownCte,
    /// Number of the first message that is not seen.
    Unseen(u32),
    /// The server cannot give the mailbox this special use (RFC 6154).
    UseAttr,
    /// Any other.
    Other {
        /// The code.
        name: Text<'a>,
        /// What follows it in the brackets.
        rest: Text<'a>,
    },
}
