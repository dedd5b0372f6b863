use alloc::{boxed::Box, vec::Vec};

use crate::{DateTime, Flag, List, Param, Part, Section, Text};

/// One thing that a FETCH response tells about a message (RFC 9051 section 7.5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// `UID`. 0 if a broken server sends that.
    Uid(u32),
    /// `FLAGS`.
    Flags(List<'a, Flag<'a>>),
    /// `INTERNALDATE`.
    InternalDate(DateTime),
    /// `RFC822.SIZE` in octets. Exchange sends an estimate.
    Size(u64),
    /// `ENVELOPE`.
    Envelope(Envelope<'a>),
    /// `BODYSTRUCTURE`, or `BODY` without its extension data.
    BodyStructure {
        /// Whether it was `BODYSTRUCTURE`.
        extended: bool,
        /// The structure. Boxed, because it is larger than all other items.
        structure: Box<BodyStructure<'a>>,
    },
    /// `BODY[…]`; `None` for NIL.
    Body {
        /// Which part.
        section: Section<'a>,
        /// Offset at which the data starts in it, if the client asked for a piece only.
        origin: Option<u64>,
        /// The octets. Empty if the literal was streamed, see [`Frame::streamed_for`](crate::Frame::streamed_for).
        data: Option<Text<'a>>,
    },
    /// `RFC822`, the old name of `BODY[]`.
    Rfc822(Option<Text<'a>>),
    /// `RFC822.HEADER`.
    Rfc822Header(Option<Text<'a>>),
    /// `RFC822.TEXT`.
    Rfc822Text(Option<Text<'a>>),
    /// `BINARY[…]`: a part without its transfer encoding (RFC 3516).
    Binary {
        /// Which part.
        part: Part<'a>,
        /// Offset at which the data starts in it, if the client asked for a piece only.
        origin: Option<u64>,
        /// The octets.
        data: Option<Text<'a>>,
    },
    /// `BINARY.SIZE[…]` in octets.
    BinarySize {
        /// Which part.
        part: Part<'a>,
        /// Its size.
        size: u64,
    },
    /// `MODSEQ` (RFC 7162).
    ModSeq(u64),
    /// `EMAILID` (RFC 8474).
    EmailId(Text<'a>),
    /// `THREADID` (RFC 8474). `None` if the server has none.
    ThreadId(Option<Text<'a>>),
    /// `SAVEDATE` (RFC 8514).
    SaveDate(Option<DateTime>),
    /// `PREVIEW` in UTF-8 (RFC 8970).
    Preview(Option<Text<'a>>),
    /// `X-GM-MSGID`.
    GmailMessageId(u64),
    /// `X-GM-THRID`.
    GmailThreadId(u64),
    /// `X-GM-LABELS`.
    GmailLabels(List<'a, Text<'a>>),
    /// Any other item, and one whose value is not of the kind that it should be.
    Other {
        /// The name.
        name: Text<'a>,
        /// The value as it came. NIL if there was none.
        value: Text<'a>,
    },
}

/// The header of a message as the server parsed it (RFC 9051 section 7.5.2).
///
/// Texts are as in the message: encoded words (RFC 2047) are not decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the ten fields of RFC 9051, known by their places")]
pub struct Envelope<'a> {
    /// `Date`.
    pub date: Option<Text<'a>>,
    /// `Subject`.
    pub subject: Option<Text<'a>>,
    /// `From`.
    pub from: List<'a, Address<'a>>,
    /// `Sender`.
    pub sender: List<'a, Address<'a>>,
    /// `Reply-To`.
    pub reply_to: List<'a, Address<'a>>,
    /// `To`.
    pub to: List<'a, Address<'a>>,
    /// `Cc`.
    pub cc: List<'a, Address<'a>>,
    /// `Bcc`.
    pub bcc: List<'a, Address<'a>>,
    /// `In-Reply-To`.
    pub in_reply_to: Option<Text<'a>>,
    /// `Message-ID`.
    pub message_id: Option<Text<'a>>,
}

/// An address, or the start or end of a group of them.
///
/// A group starts with an address that has no host and whose mailbox is the group's name. It ends with an address that
/// has neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the four fields of RFC 9051, known by their places")]
pub struct Address<'a> {
    /// The display name.
    pub name: Option<Text<'a>>,
    /// Source route; obsolete.
    pub route: Option<Text<'a>>,
    /// The part before the `@`.
    pub mailbox: Option<Text<'a>>,
    /// The part after the `@`.
    pub host: Option<Text<'a>>,
}

/// The MIME structure of a message (RFC 9051 section 7.5.2, `body`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a part has parts or it has none")]
pub enum BodyStructure<'a> {
    /// A part that is not a multipart.
    Single(SinglePart<'a>),
    /// A multipart.
    Multi(MultiPart<'a>),
}

impl BodyStructure<'_> {
    /// A value to parse a structure into.
    pub(crate) const EMPTY: Self = Self::Single(SinglePart {
        media: Text::EMPTY,
        subtype: Text::EMPTY,
        parameters: List::EMPTY,
        id: None,
        description: None,
        encoding: Text::EMPTY,
        octets: 0,
        lines: None,
        message: None,
        md5: None,
        extension: Extension { disposition: None, languages: List::EMPTY, location: None },
    });
}

/// A part without parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the fields of RFC 9051, known by their places; what is new goes into `Extension`"
)]
pub struct SinglePart<'a> {
    /// `text`, `image`, …
    pub media: Text<'a>,
    /// `plain`, `png`, …
    pub subtype: Text<'a>,
    /// Parameters of Content-Type.
    pub parameters: List<'a, Param<'a>>,
    /// `Content-ID`.
    pub id: Option<Text<'a>>,
    /// `Content-Description`.
    pub description: Option<Text<'a>>,
    /// `Content-Transfer-Encoding`. Empty if the server sent NIL.
    pub encoding: Text<'a>,
    /// Size in octets, before decoding.
    pub octets: u64,
    /// Size in lines. Only of texts and messages.
    pub lines: Option<u64>,
    /// The message within, of `message/rfc822`.
    pub message: Option<Box<Message<'a>>>,
    /// `Content-MD5`.
    pub md5: Option<Text<'a>>,
    /// What a `BODYSTRUCTURE` says besides.
    pub extension: Extension<'a>,
}

/// The message within a `message/rfc822`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a header and a structure")]
pub struct Message<'a> {
    /// Its header.
    pub envelope: Envelope<'a>,
    /// Its structure.
    pub structure: BodyStructure<'a>,
}

/// A part of parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the fields of RFC 9051, known by their places; what is new goes into `Extension`"
)]
pub struct MultiPart<'a> {
    /// The parts. At least one, unless the server is broken.
    pub parts: Vec<BodyStructure<'a>>,
    /// `mixed`, `alternative`, …
    pub subtype: Text<'a>,
    /// Parameters of Content-Type.
    pub parameters: List<'a, Param<'a>>,
    /// What a `BODYSTRUCTURE` says besides.
    pub extension: Extension<'a>,
}

/// What a `BODYSTRUCTURE` says of each part and a `BODY` does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extension<'a> {
    /// `Content-Disposition`.
    pub disposition: Option<Disposition<'a>>,
    /// `Content-Language`.
    pub languages: List<'a, Text<'a>>,
    /// `Content-Location`.
    pub location: Option<Text<'a>>,
}

/// A `Content-Disposition`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a word and its parameters")]
pub struct Disposition<'a> {
    /// `attachment`, `inline`, …
    pub kind: Text<'a>,
    /// Its parameters.
    pub parameters: List<'a, Param<'a>>,
}
