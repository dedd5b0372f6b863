//! A message from its parts: headers, bodies, attachments, and the envelope that goes with it.

mod body;
mod header;
#[cfg(test)]
mod tests;

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use self::body::{Attachment, Boundaries, Text};
pub(crate) use self::header::HeaderLine;
use crate::ascii::{hex_digits, is_token};
use crate::flowed::flow;
use crate::{Address, DateTime};

/// Longest Message-ID that is taken, in octets: its line stays far below the 998 of RFC 5322 section 2.1.1.
const MAX_MESSAGE_ID: usize = 250;

/// A message to be sent, put together step by step.
///
/// Nothing that is passed in can add a header, a recipient or a body part. What is not ASCII is encoded:
/// names and subject as encoded words (RFC 2047), file names as RFC 2231 says, bodies by whichever of
/// quoted-printable and base64 is shorter. Lines are at most 78 octets where they can be folded, and never
/// over 998. Text is always UTF-8.
#[derive(Clone, Debug)]
pub struct Message {
    from: Address,
    reply_to: Vec<Address>,
    to: Vec<Address>,
    cc: Vec<Address>,
    bcc: Vec<Address>,
    subject: Option<String>,
    message_id: Option<String>,
    text: Option<String>,
    html: Option<String>,
    attachments: Vec<Attachment>,
    allow_8bit: bool,
    /// What breaks the lines of a flowed text. A pointer, so that who writes none does not link it.
    flow: Option<fn(&str) -> (String, bool)>,
}

impl Message {
    /// A message by `from`, who is also the sender in the envelope.
    #[must_use]
    pub fn new(from: Address) -> Self {
        Self {
            from,
            reply_to: Vec::new(),
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: None,
            message_id: None,
            text: None,
            html: None,
            attachments: Vec::new(),
            allow_8bit: false,
            flow: None,
        }
    }

    /// Adds one who answers should go to.
    #[must_use]
    pub fn reply_to(mut self, mailbox: Address) -> Self {
        self.reply_to.push(mailbox);
        self
    }

    /// Adds a recipient.
    #[must_use]
    pub fn to(mut self, mailbox: Address) -> Self {
        self.to.push(mailbox);
        self
    }

    /// Adds a recipient of a copy.
    #[must_use]
    pub fn cc(mut self, mailbox: Address) -> Self {
        self.cc.push(mailbox);
        self
    }

    /// Adds a recipient who is in the envelope alone, not in the headers.
    #[must_use]
    pub fn bcc(mut self, mailbox: Address) -> Self {
        self.bcc.push(mailbox);
        self
    }

    /// Sets the subject.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets the Message-ID, with or without its angle brackets. By default it is built from the random octets
    /// given to [`build`](Self::build) and the domain of the sender.
    #[must_use]
    pub fn message_id(mut self, message_id: impl Into<String>) -> Self {
        self.message_id = Some(message_id.into());
        self
    }

    /// Sets the plain text. Line ends of any kind become CRLF, and the last line gets one.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Sets the HTML text; with [`text`](Self::text) too, the two are alternatives. Line ends as there.
    #[must_use]
    pub fn html(mut self, html: impl Into<String>) -> Self {
        self.html = Some(html.into());
        self
    }

    /// Adds a file, whose octets arrive unchanged.
    ///
    /// `content_type` is `type/subtype`, with parameters if need be, like `text/csv; charset=utf-8`; their
    /// values are not quoted. `multipart` and `message` types are refused by [`build`](Self::build), because
    /// RFC 2046 does not let them be base64: send a message as `application/octet-stream`.
    #[must_use]
    pub fn attach(
        mut self,
        file_name: impl Into<String>,
        content_type: impl Into<String>,
        content: impl Into<Vec<u8>>,
    ) -> Self {
        let (file_name, content_type, content) = (file_name.into(), content_type.into(), content.into());
        self.attachments.push(Attachment { file_name, content_type, content });
        self
    }

    /// Whether texts may be sent as UTF-8 as they are. Allow it only if the server offers 8BITMIME (RFC
    /// 6152). Default no.
    #[must_use]
    pub fn allow_8bit(mut self, allow: bool) -> Self {
        self.allow_8bit = allow;
        self
    }

    /// Whether the plain text is sent as `format=flowed` (RFC 3676): its long lines are broken so that readers who know
    /// the form join them again, and those who don't see short lines. Spaces at the end of a line are dropped. Default no.
    #[must_use]
    pub fn flowed(mut self, flowed: bool) -> Self {
        self.flow = flowed.then_some(flow);
        self
    }

    /// Writes the message.
    ///
    /// `random` makes the Message-ID and the boundaries between parts; it need not be secret, but must differ
    /// for each message.
    ///
    /// # Errors
    ///
    /// Fails without any recipient; for CR, LF or NUL in the subject or a file name; for a Message-ID,
    /// content type or date (a year before 1900) that RFC 5322 or RFC 2045 does not allow.
    pub fn build(&self, date: DateTime, random: [u8; 16]) -> Result<Composed, Error> {
        self.check(date)?;
        let mut digits = String::with_capacity(32);
        for byte in random {
            digits.extend(hex_digits(byte).map(|digit| digit.to_ascii_lowercase()));
        }
        let random = digits;
        let mut octets = Vec::with_capacity(self.size_hint());
        self.write_headers(&mut octets, date, &random);
        // Encoded bodies are ASCII: only the fields and a text that is sent as it is can be something else.
        let needs_8bitmime = !octets.is_ascii() | self.write_body(&mut octets, &random);
        let envelope = || [&self.to, &self.cc, &self.bcc].into_iter().flatten();
        let mut recipients: Vec<String> = Vec::new();
        for address in envelope().map(Address::address) {
            if !recipients.iter().any(|known| known == address) {
                recipients.push(address.to_owned());
            }
        }
        Ok(Composed {
            sender: self.from.address().to_owned(),
            recipients,
            needs_smtputf8: envelope().chain([&self.from]).chain(&self.reply_to).any(Address::needs_smtputf8),
            needs_8bitmime,
            octets,
        })
    }

    /// About how many octets the message gets, so that its memory is taken once.
    fn size_hint(&self) -> usize {
        let texts = [&self.text, &self.html].into_iter().flatten().map(|text| text.len().saturating_add(512));
        let files =
            self.attachments.iter().map(|file| body::base64_len(file.content.len()).saturating_add(512));
        texts.chain(files).fold(1024, usize::saturating_add)
    }

    fn check(&self, date: DateTime) -> Result<(), Error> {
        if [&self.to, &self.cc, &self.bcc].into_iter().all(Vec::is_empty) {
            return Err(Error::NoRecipients);
        }
        if date.date().year() < 1900 {
            return Err(Error::Date);
        }
        let subject = self.subject.as_deref().unwrap_or_default();
        one_line(Field::Subject, subject)?;
        for file in &self.attachments {
            one_line(Field::FileName, &file.file_name)?;
            one_line(Field::ContentType, &file.content_type)?;
            if !is_content_type(&file.content_type) {
                return Err(Error::ContentType(file.content_type.clone()));
            }
        }
        if let Some(message_id) = &self.message_id {
            one_line(Field::MessageId, message_id)?;
            if !is_message_id(without_brackets(message_id)) {
                return Err(Error::MessageId);
            }
        }
        Ok(())
    }

    fn write_headers(&self, out: &mut Vec<u8>, date: DateTime, random: &str) {
        HeaderLine::start(out, "Date").word(&[date.to_string().as_str()]);
        HeaderLine::start(out, "From").mailboxes(core::slice::from_ref(&self.from));
        for (name, mailboxes) in [("Reply-To", &self.reply_to), ("To", &self.to), ("Cc", &self.cc)] {
            if !mailboxes.is_empty() {
                HeaderLine::start(out, name).mailboxes(mailboxes);
            }
        }
        if let Some(subject) = &self.subject {
            HeaderLine::start(out, "Subject").unstructured(subject);
        }
        let line = HeaderLine::start(out, "Message-ID");
        match &self.message_id {
            Some(id) => line.word(&["<", without_brackets(id), ">"]),
            None => line.word(&["<", random, "@", self.from.domain(), ">"]),
        }
        HeaderLine::start(out, "MIME-Version").word(&["1.0"]);
    }

    /// Returns whether a text is not all ASCII.
    fn write_body(&self, out: &mut Vec<u8>, random: &str) -> bool {
        let html = self.html.as_ref().map(|html| Text::encode("html", html, self.allow_8bit));
        let text = match (&self.text, &html, self.flow) {
            (None, Some(_), _) => None,
            (Some(text), _, Some(flow)) => {
                let (text, del_sp) = flow(text);
                let kind = if del_sp { "plain; format=flowed; delsp=yes" } else { "plain; format=flowed" };
                Some(Text::encode(kind, &text, self.allow_8bit))
            }
            (text, ..) => Some(Text::encode("plain", text.as_deref().unwrap_or_default(), self.allow_8bit)),
        };
        let texts: Vec<&Text> = text.iter().chain(&html).collect();
        let is_8bit = texts.iter().any(|text| text.is_8bit());
        let mut boundaries = Boundaries::new(random, &texts);
        if self.attachments.is_empty() {
            write_texts(out, &texts, &mut boundaries);
            return is_8bit;
        }
        let boundary = boundaries.open(out, "mixed");
        boundary.delimit(out);
        write_texts(out, &texts, &mut boundaries);
        for file in &self.attachments {
            boundary.delimit(out);
            file.write(out);
        }
        boundary.close(out);
        is_8bit
    }
}

/// A message as it goes over the wire, and its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Composed {
    /// Headers and body, every line ended by CRLF, not dot-stuffed.
    pub octets: Vec<u8>,
    /// Address for `MAIL FROM`, without angle brackets.
    pub sender: String,
    /// Addresses for `RCPT TO`, without angle brackets: To, Cc and Bcc, each once.
    pub recipients: Vec<String>,
    /// Whether the octets are not all ASCII, so that the server has to offer 8BITMIME (RFC 6152).
    pub needs_8bitmime: bool,
    /// Whether an address is not ASCII, so that the server has to offer SMTPUTF8 (RFC 6531).
    pub needs_smtputf8: bool,
}

/// Why a message cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Neither To nor Cc nor Bcc.
    NoRecipients,
    /// CR, LF or NUL, which could add a header.
    ControlCharacter(Field),
    /// Not `type/subtype` with plain parameters, or a type that attachments cannot have.
    ContentType(String),
    /// Not `left@right` in printable ASCII without spaces and brackets, or longer than 250 octets.
    MessageId,
    /// The year is before 1900.
    Date,
}

/// A part of a message that is given as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// [`Message::subject`]
    Subject,
    /// File name of [`Message::attach`]
    FileName,
    /// Content type of [`Message::attach`]
    ContentType,
    /// [`Message::message_id`]
    MessageId,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subject => "subject",
            Self::FileName => "file name of the attachment",
            Self::ContentType => "content type of the attachment",
            Self::MessageId => "Message-ID",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecipients => f.write_str("message has no recipients"),
            Self::ControlCharacter(field) => write!(f, "line break or NUL in {field}"),
            Self::ContentType(given) => {
                f.write_str("not a content type for an attachment: ")?;
                given.chars().try_for_each(|character| {
                    f.write_char(if character.is_ascii_graphic() { character } else { '?' })
                })
            }
            Self::MessageId => f.write_str("Message-ID is not of the form left@right"),
            Self::Date => f.write_str("date is before the year 1900"),
        }
    }
}

impl core::error::Error for Error {}

/// The texts as one part: as they are, or as alternatives with the richest last (RFC 2046 section 5.1.4).
fn write_texts(out: &mut Vec<u8>, texts: &[&Text], boundaries: &mut Boundaries) {
    if let [text] = texts {
        return text.write(out);
    }
    let boundary = boundaries.open(out, "alternative");
    for text in texts {
        boundary.delimit(out);
        text.write(out);
    }
    boundary.close(out);
}

fn one_line(field: Field, text: &str) -> Result<(), Error> {
    if text.contains(['\r', '\n', '\0']) { Err(Error::ControlCharacter(field)) } else { Ok(()) }
}

fn without_brackets(id: &str) -> &str {
    id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id)
}

/// `type "/" subtype *(";" attribute "=" token)` (RFC 2045 section 5.1), and nothing composite.
fn is_content_type(text: &str) -> bool {
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(is_token);
    let mut fields = text.split(';').map(str::trim);
    let essence = fields.next().and_then(|essence| essence.split_once('/'));
    let composite = |kind: &str| ["multipart", "message"].iter().any(|name| name.eq_ignore_ascii_case(kind));
    text.len() <= MAX_CONTENT_TYPE
        && !text.contains(char::is_control)
        && essence.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype) && !composite(kind))
        && fields
            .all(|field| field.split_once('=').is_some_and(|(name, value)| is_token(name) && is_token(value)))
}

/// RFC 6838 section 4.2 limits each half of a type to 127; the rest is for parameters.
const MAX_CONTENT_TYPE: usize = 500;

/// `id-left "@" id-right` (RFC 5322 section 3.6.4), a little wider.
fn is_message_id(id: &str) -> bool {
    let part = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>@".contains(&byte))
    };
    id.len() <= MAX_MESSAGE_ID && id.split_once('@').is_some_and(|(left, right)| part(left) && part(right))
}
