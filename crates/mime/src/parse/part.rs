use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::split::Fields;
use crate::ascii::{is_space, tail};
use crate::decode::{Charset, ContentType, Disposition, TransferEncoding, looks_like_utf8};
use crate::line_end::LineEnd;
use crate::{Headers, Limits, LineEnds};

/// The content of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Octets: a text, a picture, a file.
    Leaf,
    /// Other parts (RFC 2046 section 5.1).
    Multipart,
    /// A message (RFC 2046 section 5.2.1), which is its only child. One that is encoded is a [`Leaf`](Self::Leaf):
    /// [`attached_message`](Part::attached_message) opens it.
    Message,
}

/// A part of a message, or the message itself.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    pub(super) index: usize,
    pub(super) parent: Option<usize>,
    pub(super) whole: &'a [u8],
    pub(super) header: &'a [u8],
    pub(super) body: &'a [u8],
    pub(super) fields: Fields,
    pub(super) raw_charset: Charset,
    /// The charset of a text that names none and does not look like UTF-8, if the rest of the message tells.
    pub(super) unnamed: Charset,
    /// What ends the lines of the message.
    pub(super) ends: LineEnd,
}

impl<'a> Part<'a> {
    /// Place among the parts of the message, in the order in which they stand there; 0 is the message itself.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Index of the multipart or message that it is in.
    #[must_use]
    pub const fn parent(&self) -> Option<usize> {
        self.parent
    }

    /// Its content.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.fields.kind
    }

    /// Its header fields, as many as the limits allow.
    #[must_use]
    pub fn headers(&self) -> Headers<'a> {
        Headers::of(self.header, self.raw_charset, self.ends)
    }

    /// All of it as it stands in the message, header section and body: what a signature is over.
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.whole
    }

    /// Its header section as it stands in the message, with the empty line that ends it.
    #[must_use]
    pub const fn raw_header(&self) -> &'a [u8] {
        self.header
    }

    /// Its body as it stands in the message.
    #[must_use]
    pub const fn raw_body(&self) -> &'a [u8] {
        self.body
    }

    /// Its media type. `text/plain` where none is given, or none that can be read.
    #[must_use]
    pub const fn content_type(&self) -> &ContentType {
        &self.fields.content_type
    }

    /// Whether to show it in the text or to offer it as a file, if it says so.
    #[must_use]
    pub const fn disposition(&self) -> Option<&Disposition> {
        self.fields.disposition.as_ref()
    }

    /// How its body is encoded.
    #[must_use]
    pub const fn encoding(&self) -> TransferEncoding {
        self.fields.encoding
    }

    /// The name by which HTML refers to it as `cid:…`, without the brackets (RFC 2392).
    #[must_use]
    pub fn content_id(&self) -> Option<&str> {
        self.fields.content_id.as_deref()
    }

    /// Name that the sender suggests for the file, decoded and otherwise as sent: never open a file by it unchecked.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        let is_some = |name: &&str| !name.is_empty();
        let disposition = self.fields.disposition.as_ref().and_then(Disposition::file_name);
        let name = || self.fields.content_type.parameters.get("name").filter(is_some);
        disposition.filter(is_some).or_else(name)
    }

    /// Whether the body is text of any subtype.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.fields.content_type.essence.starts_with("text/")
    }

    /// Whether its disposition is `attachment`.
    #[must_use]
    pub fn is_attachment(&self) -> bool {
        self.fields.disposition.as_ref().is_some_and(|disposition| disposition.kind == "attachment")
    }

    /// The attached message that this part is, without its transfer encoding. `None` for other parts.
    ///
    /// `message/global` may be encoded (RFC 6532 section 3.7). `message/rfc822` may not (RFC 2046 section 5.2.1), but some
    /// mailers do it.
    #[must_use]
    pub fn attached_message(&self) -> Option<Cow<'a, [u8]>> {
        is_message(&self.fields.content_type.essence).then(|| self.bytes())
    }

    /// A message made of a multipart that hides its parts, for [`Message::parse`](super::Message::parse): it has a transfer
    /// encoding, which it must not have (RFC 2045 section 6.4), or its lines have another boundary than it names. `None` for
    /// other parts. [`Message::text`](super::Message::text) and [`Message::html`](super::Message::html) look into it.
    #[must_use]
    pub fn hidden_parts(&self) -> Option<Vec<u8>> {
        let named = self.fields.content_type.parameters.get("boundary").unwrap_or_default().trim_end();
        let line = ["--", named].concat();
        let has_line = |octets: &[u8]| lines(octets).any(|start| start.starts_with(line.as_bytes()));
        if self.fields.kind != Kind::Multipart || named.is_empty() || has_line(self.body) {
            return None;
        }
        let content = self.bytes();
        let parameter = match has_line(&content) {
            true => ["; boundary=\"", &named.replace(['"', '\\'], ""), "\""].concat(),
            false if has_parts(&content) => String::new(),
            false => return None,
        };
        let head = ["Content-Type: ", &self.fields.content_type.essence, &parameter, "\r\n\r\n"].concat();
        Some([head.as_bytes(), &content].concat())
    }

    /// The body without its transfer encoding.
    #[must_use]
    pub fn bytes(&self) -> Cow<'a, [u8]> {
        match self.fields.encoding {
            // Their decoders go by lines.
            encoding @ (TransferEncoding::QuotedPrintable | TransferEncoding::UuEncode)
                if self.ends == LineEnd::Cr =>
            {
                Cow::Owned(encoding.decode(&LineEnds::to_crlf(self.body)).into_owned())
            }
            encoding => encoding.decode(self.body),
        }
    }

    /// The first `most` octets of the body without its transfer encoding, and whether that is all of it. Reads at most four
    /// times as many octets, which is enough in each encoding unless it is full of white space or the like.
    #[cfg(feature = "guess")]
    pub(super) fn start(&self, most: usize) -> (Cow<'a, [u8]>, bool) {
        let encoded = self.body.get(..most.saturating_mul(4)).unwrap_or(self.body);
        let octets = self.fields.encoding.decode(encoded);
        let is_whole = encoded.len() == self.body.len() && octets.len() <= most;
        let octets = match octets {
            Cow::Borrowed(octets) => Cow::Borrowed(octets.get(..most).unwrap_or(octets)),
            Cow::Owned(mut octets) => {
                octets.truncate(most);
                Cow::Owned(octets)
            }
        };
        (octets, is_whole)
    }

    /// Reads the fields that name files once more, in the charset that the message tells.
    pub(super) fn read_again(&mut self, limits: &Limits) {
        let headers = self.headers();
        if let Some(field) = headers.get("content-type") {
            self.fields.content_type = field.content_type(limits);
        }
        if let Some(field) = headers.get("content-disposition") {
            self.fields.disposition = Some(field.disposition(limits));
        }
    }

    /// The body as text: without its transfer encoding, decoded by its charset. Where the header names no charset, HTML may
    /// name it within. A charset that is not known is guessed as [`decode::guess`](crate::decode::guess) does.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        match self.bytes() {
            Cow::Borrowed(bytes) => match str::from_utf8(bytes) {
                Ok(text) if text.is_ascii() && self.charset_of(bytes).is_ascii_plain(bytes) => {
                    Cow::Borrowed(text)
                }
                _ => Cow::Owned(self.text_of(bytes)),
            },
            Cow::Owned(bytes) => Cow::Owned(self.text_of(&bytes)),
        }
    }

    /// Octets of the body, without its transfer encoding, as text.
    pub(super) fn text_of(&self, bytes: &[u8]) -> String {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let charset = match self.charset_of(bytes) {
            Charset::Utf8 => match str::from_utf8(bytes) {
                Ok(text) => return text.into(),
                Err(_) => self.instead_of_utf8(bytes),
            },
            charset => charset,
        };
        charset.decode(bytes).into_owned()
    }

    fn charset_of(&self, bytes: &[u8]) -> Charset {
        let named = self.fields.content_type.charset().and_then(Charset::named);
        named.or_else(|| self.charset_in(bytes)).unwrap_or_else(|| {
            let is_utf8 = self.unnamed == Charset::Guess || looks_like_utf8(bytes);
            if is_utf8 { Charset::Guess } else { self.unnamed }
        })
    }

    fn charset_in(&self, bytes: &[u8]) -> Option<Charset> {
        html_charset(bytes).filter(|_| self.fields.content_type.essence == "text/html")
    }

    /// The charset of octets that are labelled UTF-8 and are not.
    fn instead_of_utf8(&self, bytes: &[u8]) -> Charset {
        if looks_like_utf8(bytes) {
            return Charset::Utf8;
        }
        self.charset_in(bytes).filter(|charset| *charset != Charset::Utf8).unwrap_or(self.unnamed)
    }
}

fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split(|byte| matches!(byte, b'\r' | b'\n')).filter(|line| !line.is_empty())
}

/// Whether a line of what should be a multipart looks like a boundary, and the one behind it like a field of a part.
fn has_parts(content: &[u8]) -> bool {
    let mut after_boundary = false;
    lines(content).any(|line| {
        let is_field = line.get(..8).is_some_and(|name| name.eq_ignore_ascii_case(b"content-"));
        let found = after_boundary && is_field;
        after_boundary = line.starts_with(b"--");
        found
    })
}

/// Whether this is the type of an attached message.
pub(super) fn is_message(essence: &str) -> bool {
    matches!(essence, "message/rfc822" | "message/global" | "message/news")
}

/// Octets of HTML in which the name of a charset is looked for.
pub(super) const HTML_HEAD: usize = 1_024;

/// The charset that a `<meta>` of HTML names, looked for in its first 1,024 octets as browsers do (HTML, section 13.2.3.2).
pub(super) fn html_charset(html: &[u8]) -> Option<Charset> {
    let head = html.get(..HTML_HEAD).unwrap_or(html).to_ascii_lowercase();
    let mut rest = head.as_slice();
    while let Some(at) = memchr::memmem::find(rest, b"<meta") {
        rest = tail(rest, at.saturating_add(5));
        let tag = rest.split(|&byte| byte == b'>').next().unwrap_or_default();
        let Some(at) = memchr::memmem::find(tag, b"charset") else { continue };
        let value = tail(tag, at.saturating_add(7)).trim_ascii_start();
        let Some(value) = value.strip_prefix(b"=") else { continue };
        let mut words = value.split(|&byte| is_space(byte) || matches!(byte, b'"' | b'\'' | b';' | b'/'));
        let label = words.find(|word| !word.is_empty()).and_then(|word| str::from_utf8(word).ok())?;
        // Whoever could read the label does not read two octets a character.
        return Charset::named(if label.starts_with("utf-16") { "utf-8" } else { label });
    }
    None
}
