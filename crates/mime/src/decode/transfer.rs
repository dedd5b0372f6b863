//! Content transfer encodings (RFC 2045 section 6), decoded in pieces of any size.

mod base64;
mod quoted_printable;
#[cfg(test)]
mod tests;
mod uuencode;

use alloc::borrow::Cow;
use alloc::vec::Vec;

pub(super) use base64::Groups;
#[cfg(feature = "charsets")]
pub(super) use base64::sextet;
pub use base64::{Base64, base64};
pub use quoted_printable::{QuotedPrintable, quoted_printable};
pub use uuencode::UuEncode;
pub(crate) use uuencode::file_name as uuencoded_name;

use crate::ascii::{is_space, tail};

/// How a body is encoded, by its `Content-Transfer-Encoding` header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferEncoding {
    /// `7bit`, `8bit` and `binary`: the octets as they are.
    #[default]
    Identity,
    /// `quoted-printable`
    QuotedPrintable,
    /// `base64`
    Base64,
    /// `x-uuencode`, `uuencode`, `x-uue`
    UuEncode,
    /// Any other word. Its body is given as it is.
    Unknown,
}

impl TransferEncoding {
    /// Reads the header's value; white space and comments around it are ignored.
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        let mut value = value.trim_ascii();
        while let Some(comment) = value.strip_prefix(b"(")
            && let Some(end) = memchr::memchr(b')', comment)
        {
            value = tail(comment, end.saturating_add(1)).trim_ascii();
        }
        let mut words = value.split(|&byte| is_space(byte) || matches!(byte, b'(' | b';' | b'"' | b','));
        let word = words.find(|word| !word.is_empty()).unwrap_or_default();
        let is = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()));
        if is(&["base64", "base-64", "x-base64"]) {
            Self::Base64
        } else if is(&["quoted-printable", "quotedprintable", "quoted_printable"]) {
            Self::QuotedPrintable
        } else if is(&["x-uuencode", "uuencode", "x-uue", "uue"]) {
            Self::UuEncode
        } else if is(&["", "7bit", "8bit", "binary", "7-bit", "8-bit", "none"]) {
            Self::Identity
        } else {
            Self::Unknown
        }
    }

    /// A decoder for a body that comes in pieces.
    #[must_use]
    pub fn decoder(self) -> Decoder {
        Decoder(match self {
            Self::Identity | Self::Unknown => Inner::Identity,
            Self::QuotedPrintable => Inner::QuotedPrintable(QuotedPrintable::default()),
            Self::Base64 => Inner::Base64(Base64::default()),
            Self::UuEncode => Inner::UuEncode(UuEncode::default()),
        })
    }

    /// Decodes a whole body.
    #[must_use]
    pub fn decode(self, body: &[u8]) -> Cow<'_, [u8]> {
        if matches!(self, Self::Identity | Self::Unknown) {
            return Cow::Borrowed(body);
        }
        let (mut decoder, mut bytes) = (self.decoder(), Vec::with_capacity(body.len()));
        decoder.decode(body, &mut bytes);
        decoder.finish(&mut bytes);
        Cow::Owned(bytes)
    }
}

/// Decodes a body of any [`TransferEncoding`] in pieces. Holds at most a line.
#[derive(Clone, Debug)]
pub struct Decoder(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Identity,
    QuotedPrintable(QuotedPrintable),
    Base64(Base64),
    UuEncode(UuEncode),
}

impl Decoder {
    /// Appends to `out` what `text` adds and is decided.
    pub fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            Inner::Identity => out.extend_from_slice(text),
            Inner::QuotedPrintable(decoder) => decoder.decode(text, out),
            Inner::Base64(decoder) => decoder.decode(text, out),
            Inner::UuEncode(decoder) => decoder.decode(text, out),
        }
    }

    /// Ends the body: appends to `out` what was held back for what might have followed.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match &mut self.0 {
            Inner::Identity => {}
            Inner::QuotedPrintable(decoder) => decoder.finish(out),
            Inner::Base64(decoder) => decoder.finish(out),
            Inner::UuEncode(decoder) => decoder.finish(out),
        }
    }
}
