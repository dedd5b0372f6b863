//! Whole messages, taken apart: their parts, bodies and attachments.
//!
//! [`Message::parse`] reads a message that is in memory and copies none of it. [`Stream`] takes one apart while it
//! arrives, in pieces of any size, and holds a header section at most. Both stand on the same code and tell the same.
//!
//! There is always an answer. What is wrong with a message is a list of [`Defect`]s beside it.
//!
//! ```
//! use mailbearer_mime::parse::Message;
//!
//! let raw = b"Subject: hi\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
//!     --b\r\n\r\nHello\r\n--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nabc\r\n--b--\r\n";
//! let message = Message::parse(raw);
//! assert_eq!(message.subject().as_deref(), Some("hi"));
//! let texts: Vec<_> = message.text_body().map(|part| part.text()).collect();
//! assert_eq!(texts, ["Hello"]);
//! let file = message.attachments().next().ok_or("no attachment")?;
//! assert_eq!((file.file_name(), file.bytes().as_ref()), (Some("a.txt"), &b"abc"[..]));
//! # Ok::<(), &str>(())
//! ```

mod body;
mod defect;
mod message;
mod part;
mod readable;
mod role;
mod split;
mod stream;
#[cfg(test)]
mod tests;
mod unnamed;

pub use body::{Bodies, PartInfo};
pub use defect::{Defect, DefectKind};
pub use message::{Message, Parts};
pub use part::{Kind, Part};
pub use readable::Piece;
pub use role::{Role, Signed};
pub(crate) use split::{MAX_LOOK, field_of};
pub use stream::{Event, Head, Stream};

/// How much of a message is looked at. What is beyond a limit is left as it is, and told as a [`Defect`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Multiparts and attached messages that stand in each other. Default 50; one that is deeper is not opened.
    pub depth: usize,
    /// Parts of a message, multiparts and attached messages counted. Default 1,000; what follows belongs to the last.
    pub parts: usize,
    /// Header sections, as for [`Headers`](crate::Headers).
    pub headers: crate::Limits,
    /// How many defects are reported. Default 100.
    pub defects: usize,
    /// Whether texts that are labelled UTF-8 are looked at beneath quoted-printable and base64 too, to tell whether they are. It
    /// decodes each text once more. Default false: those without an encoding are looked at.
    pub encoded_texts: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 50,
            parts: 1_000,
            headers: crate::Limits::default(),
            defects: 100,
            encoded_texts: false,
        }
    }
}
