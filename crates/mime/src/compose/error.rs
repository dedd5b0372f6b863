use alloc::string::String;
use core::fmt::{self, Write as _};

use mailbearer_wire::printable;

use crate::AddressError;

/// Why a message cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Neither To nor Cc nor Bcc.
    NoRecipients,
    /// CR, LF or NUL, which could add a header. In the name of a group any control character.
    ControlCharacter(Field),
    /// No text where there has to be one.
    Empty(Field),
    /// Not `type/subtype` with plain parameters, or a type that attachments cannot have.
    ContentType(String),
    /// Not `left@right` in printable ASCII without spaces and brackets, or longer than 250 octets.
    MessageId,
    /// The year is before 1900.
    Date,
    /// Not a field that may be added: its name is not printable ASCII, or we or servers write that field.
    HeaderName(String),
    /// Not a Content-ID: printable ASCII without spaces and brackets, at most 250 octets.
    ContentId,
    /// Calendar data without an event, or without a METHOD that is a token of at most 40 octets.
    Calendar,
    /// No URI, or one that is not `https` or `mailto`, is longer than 900 octets or has brackets or commas. The one-click way
    /// needs one with `https`.
    Unsubscribe,
    /// An attachment is read later: the message can't be built as a whole.
    ReadLater,
    /// The message to [answer](super::Message::reply) names an address that mail can't be sent to.
    Recipient {
        /// The address as it is written there.
        address: String,
        /// What is wrong with it.
        error: AddressError,
    },
}

/// A part of a message that is given as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// [`Message::subject`](super::Message::subject)
    Subject,
    /// File name of [`Message::attach`](super::Message::attach)
    FileName,
    /// Content type of [`Message::attach`](super::Message::attach)
    ContentType,
    /// [`Message::message_id`](super::Message::message_id)
    MessageId,
    /// [`Message::header`](super::Message::header)
    Header,
    /// Name of [`Message::to_group`](super::Message::to_group) or [`Message::cc_group`](super::Message::cc_group)
    Group,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subject => "subject",
            Self::FileName => "file name of the attachment",
            Self::ContentType => "content type of the attachment",
            Self::MessageId => "Message-ID",
            Self::Header => "header field",
            Self::Group => "name of the group",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecipients => f.write_str("message has no recipients"),
            Self::ControlCharacter(field) => write!(f, "line break or other control character in {field}"),
            Self::Empty(field) => write!(f, "{field} is empty"),
            Self::ContentType(given) => {
                f.write_str("not a content type for an attachment: ")?;
                given.chars().try_for_each(|character| {
                    f.write_char(if character.is_ascii_graphic() { character } else { '?' })
                })
            }
            Self::MessageId => {
                f.write_str("Message-ID is not left@right in printable ASCII of at most 250 octets")
            }
            Self::Date => f.write_str("date is before the year 1900"),
            Self::HeaderName(name) => {
                f.write_str("a message can't be given a field of the name \"")?;
                name.chars().take(40).try_for_each(|character| {
                    f.write_char(if character.is_ascii_graphic() { character } else { '?' })
                })?;
                f.write_str("\"")
            }
            Self::ContentId => {
                f.write_str("id of the picture is not 1 to 250 octets of printable ASCII without brackets")
            }
            Self::Calendar => f.write_str("not calendar data with an event and a METHOD of one short word"),
            Self::Unsubscribe => f.write_str(
                "unsubscribing takes https and mailto URIs without brackets and commas, at most 900 octets each, \
                 and for one click one of https",
            ),
            Self::Recipient { address, error } => {
                let address = printable(address);
                write!(f, "no mail can be sent to {address}, which the message names: {error}")
            }
            Self::ReadLater => f.write_str("an attachment is read later: the message has to be streamed"),
        }
    }
}

impl core::error::Error for Error {}
