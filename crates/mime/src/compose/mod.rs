//! A message from its parts: headers, bodies, attachments, and the envelope that goes with it.

mod body;
mod draft;
mod error;
mod fields;
mod header;
mod reply;
#[cfg(test)]
mod tests;

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

pub use self::body::FileEncoder;
use self::body::{Attachment, Boundaries, Content, Text};
pub use self::draft::{Draft, Piece};
pub use self::error::{Error, Field};
pub use self::fields::Priority;
pub(crate) use self::header::HeaderLine;
pub use self::reply::{passed_on, quotation};
use crate::ascii::{hex_octets, is_token};
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
    sender: Option<Address>,
    reply_to: Vec<Address>,
    to: Vec<Address>,
    to_groups: Vec<Group>,
    cc: Vec<Address>,
    cc_groups: Vec<Group>,
    bcc: Vec<Address>,
    subject: Option<String>,
    message_id: Option<String>,
    text: Option<String>,
    html: Option<String>,
    /// Calendar data, and its media type with the method.
    calendar: Option<(String, String)>,
    inline: Vec<Attachment>,
    attachments: Vec<Attachment>,
    /// Fields that few messages have, as they are written.
    fields: Vec<u8>,
    /// What is wrong with one of these.
    problem: Option<Error>,
    allow_8bit: bool,
    /// What breaks the lines of a flowed text. A pointer, so that who writes none does not link it.
    flow: Option<fn(&str) -> (String, bool)>,
    /// What knows of other bodies than one text.
    rich: Option<Rich>,
}

/// How a message of more than one text is checked, measured and written. Pointers, so that who sends none does not link it.
#[derive(Clone, Copy, Debug)]
struct Rich {
    check: fn(&Message) -> Result<(), Error>,
    size: fn(&Message) -> usize,
    write: fn(&mut BodyWriter<'_>, &Message, &str),
}

impl Rich {
    const BODY: Option<Self> = Some(Self {
        check: Message::check_files,
        size: Message::size_of_files,
        write: |body, message, random| body.write(message, random),
    });
}

impl Message {
    /// A message by `from`, who is also the sender in the envelope.
    #[must_use]
    pub fn new(from: Address) -> Self {
        Self {
            from,
            sender: None,
            reply_to: Vec::new(),
            to: Vec::new(),
            to_groups: Vec::new(),
            cc: Vec::new(),
            cc_groups: Vec::new(),
            bcc: Vec::new(),
            subject: None,
            message_id: None,
            text: None,
            html: None,
            calendar: None,
            inline: Vec::new(),
            attachments: Vec::new(),
            fields: Vec::new(),
            problem: None,
            allow_8bit: false,
            flow: None,
            rich: None,
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
        self.rich = Rich::BODY;
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
        self.rich = Rich::BODY;
        self.attachments.push(Attachment {
            file_name: file_name.into(),
            content_type: content_type.into(),
            content: Content::Octets(content.into()),
            content_id: None,
        });
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
    /// content type or date (a year before 1900) that RFC 5322 or RFC 2045 does not allow; for a field that was given and
    /// can't stand in a message; and for an attachment that is [read later](Self::attach_later), which
    /// [`draft`](Self::draft) is for.
    pub fn build(&self, date: DateTime, random: [u8; 16]) -> Result<Composed, Error> {
        let (composed, holes) = self.write(date, random)?;
        if holes.is_empty() { Ok(composed) } else { Err(Error::ReadLater) }
    }

    /// The message without what is read later, and where that belongs.
    fn write(&self, date: DateTime, random: [u8; 16]) -> Result<(Composed, Vec<usize>), Error> {
        self.check(date)?;
        let random = random.map(|byte| hex_octets(byte).map(|digit| digit.to_ascii_lowercase()));
        let random = str::from_utf8(random.as_flattened()).unwrap_or_default();
        let mut octets = Vec::with_capacity(self.size_hint());
        self.write_headers(&mut octets, date, random);
        // Encoded bodies are ASCII: only the fields, and a text or a message that is sent as it is, can be something else.
        let is_8bit = !octets.is_ascii();
        let mut body = BodyWriter { out: &mut octets, holes: Vec::new(), is_8bit };
        match self.rich {
            Some(rich) => (rich.write)(&mut body, self, random),
            None => body.text(self),
        }
        let BodyWriter { holes, is_8bit, .. } = body;
        let sender = self.sender.as_ref().unwrap_or(&self.from);
        let mut needs_smtputf8 = [&self.from, sender].into_iter().any(Address::needs_smtputf8);
        needs_smtputf8 |= self.reply_to.iter().any(Address::needs_smtputf8);
        let lists = [&self.to, &self.cc, &self.bcc].map(Vec::as_slice);
        let groups = self.to_groups.iter().chain(&self.cc_groups).map(|group| group.members.as_slice());
        let lists = lists.into_iter().chain(groups);
        let count = lists.clone().map(<[Address]>::len).fold(0, usize::saturating_add);
        let (mut known, mut recipients) = (BTreeSet::new(), Vec::<String>::with_capacity(count));
        for address in lists.flatten() {
            needs_smtputf8 |= address.needs_smtputf8();
            let address = address.address();
            // A few are compared sooner than sorted.
            let is_new = if count <= 16 {
                !recipients.iter().any(|one| one == address)
            } else {
                known.insert(address)
            };
            if is_new {
                recipients.push(address.to_owned());
            }
        }
        let composed = Composed {
            sender: sender.address().to_owned(),
            recipients,
            needs_smtputf8,
            needs_8bitmime: is_8bit,
            octets,
        };
        Ok((composed, holes))
    }

    /// About how many octets the message gets, so that its memory is taken once.
    fn size_hint(&self) -> usize {
        let text = self.text.as_ref().map_or(0, String::len);
        text.saturating_add(1536).saturating_add(self.rich.map_or(0, |rich| (rich.size)(self)))
    }

    fn size_of_files(&self) -> usize {
        let html = self.html.as_ref().map_or(0, |html| html.len().saturating_add(512));
        let files = self.attachments.iter().chain(&self.inline).map(|file| match file.content {
            Content::Later(_) => 512,
            _ => file.encoded_len().unwrap_or_default().saturating_add(512),
        });
        files.fold(html, usize::saturating_add)
    }

    fn check_files(&self) -> Result<(), Error> {
        for file in self.attachments.iter().chain(&self.inline) {
            one_line(Field::FileName, &file.file_name)?;
            one_line(Field::ContentType, &file.content_type)?;
            if !is_content_type(&file.content_type) && !matches!(file.content, Content::Message(_)) {
                return Err(Error::ContentType(file.content_type.clone()));
            }
        }
        Ok(())
    }

    fn check(&self, date: DateTime) -> Result<(), Error> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let is_empty = |groups: &[Group]| groups.iter().all(|group| group.members.is_empty());
        if [&self.to, &self.cc, &self.bcc].into_iter().all(Vec::is_empty)
            && is_empty(&self.to_groups)
            && is_empty(&self.cc_groups)
        {
            return Err(Error::NoRecipients);
        }
        if date.date().year() < 1900 {
            return Err(Error::Date);
        }
        let subject = self.subject.as_deref().unwrap_or_default();
        one_line(Field::Subject, subject)?;
        if let Some(rich) = self.rich {
            (rich.check)(self)?;
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
        HeaderLine::start(out, "Date").date(date);
        HeaderLine::start(out, "From").mailboxes(core::slice::from_ref(&self.from));
        if let Some(sender) = &self.sender {
            HeaderLine::start(out, "Sender").mailboxes(core::slice::from_ref(sender));
        }
        for (name, mailboxes, groups) in [
            ("Reply-To", &self.reply_to, &[][..]),
            ("To", &self.to, &self.to_groups),
            ("Cc", &self.cc, &self.cc_groups),
        ] {
            if !mailboxes.is_empty() || !groups.is_empty() {
                HeaderLine::start(out, name).mailboxes_and_groups(mailboxes, groups);
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
        out.extend_from_slice(&self.fields);
        HeaderLine::start(out, "MIME-Version").word(&["1.0"]);
    }

    fn plain_text(&self, has_other: bool) -> Option<Text<'_>> {
        match (&self.text, self.flow) {
            (None, _) if has_other => None,
            (Some(text), Some(flow)) => {
                let (text, del_sp) = flow(text);
                let kind = if del_sp { "plain; format=flowed; delsp=yes" } else { "plain; format=flowed" };
                Some(Text::new(kind, text, self.allow_8bit))
            }
            (text, _) => Some(Text::new("plain", text.as_deref().unwrap_or_default(), self.allow_8bit)),
        }
    }
}

/// Mailboxes under a name (RFC 5322 section 3.4).
#[derive(Clone, Debug)]
struct Group {
    name: String,
    members: Vec<Address>,
}

/// Writes the body: `mixed(alternative(text, related(html, pictures), calendar), files)`, of that what there is.
struct BodyWriter<'o> {
    out: &'o mut Vec<u8>,
    /// Where what is read later belongs.
    holes: Vec<usize>,
    is_8bit: bool,
}

impl BodyWriter<'_> {
    /// The text of a message that has nothing else.
    fn text(&mut self, message: &Message) {
        if let Some(text) = message.plain_text(false) {
            self.is_8bit |= text.is_8bit();
            text.write(self.out);
        }
    }

    fn write(&mut self, message: &Message, random: &str) {
        let html = message.html.as_ref().map(|html| Text::new("html", html, message.allow_8bit));
        let calendar =
            message.calendar.as_ref().map(|(kind, text)| Text::new(kind, text, message.allow_8bit));
        let text = message.plain_text(html.is_some() || calendar.is_some());
        let texts = [text.as_ref(), html.as_ref(), calendar.as_ref()];
        self.is_8bit |= texts.iter().flatten().any(|text| text.is_8bit());
        let mut boundaries = Boundaries::new(random, texts, &message.attachments);
        // Without HTML there is nothing that a picture could be in.
        let (pictures, more): (&[Attachment], &[Attachment]) = match html {
            Some(_) => (&message.inline, &[]),
            None => (&[], &message.inline),
        };
        if message.attachments.is_empty() && more.is_empty() {
            return self.alternatives(&texts, html.as_ref(), pictures, &mut boundaries);
        }
        let boundary = boundaries.open(self.out, "mixed");
        boundary.delimit(self.out);
        self.alternatives(&texts, html.as_ref(), pictures, &mut boundaries);
        for file in more.iter().chain(&message.attachments) {
            boundary.delimit(self.out);
            self.file(file);
        }
        boundary.close(self.out);
    }

    /// The texts as one part: as they are, or as alternatives with the richest last (RFC 2046 section 5.1.4).
    fn alternatives(
        &mut self,
        texts: &[Option<&Text<'_>>],
        html: Option<&Text<'_>>,
        pictures: &[Attachment],
        boundaries: &mut Boundaries<'_>,
    ) {
        let boundary = (texts.iter().flatten().count() > 1).then(|| boundaries.open(self.out, "alternative"));
        for text in texts.iter().flatten() {
            if let Some(boundary) = &boundary {
                boundary.delimit(self.out);
            }
            let has_pictures = !pictures.is_empty() && html.is_some_and(|html| core::ptr::eq(html, *text));
            if !has_pictures {
                text.write(self.out);
                continue;
            }
            // RFC 2387: the first part is what is shown, and its type stands beside the boundary.
            let related = boundaries.open(self.out, "related; type=\"text/html\"");
            related.delimit(self.out);
            text.write(self.out);
            for picture in pictures {
                related.delimit(self.out);
                self.file(picture);
            }
            related.close(self.out);
        }
        if let Some(boundary) = boundary {
            boundary.close(self.out);
        }
    }

    fn file(&mut self, file: &Attachment) {
        if file.write(self.out) {
            self.holes.push(self.out.len());
        }
        self.is_8bit |= matches!(&file.content, Content::Message(message) if !message.is_ascii());
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

fn one_line(field: Field, text: &str) -> Result<(), Error> {
    if memchr::memchr3(b'\r', b'\n', 0, text.as_bytes()).is_some() {
        Err(Error::ControlCharacter(field))
    } else {
        Ok(())
    }
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
    let graphic = |all, &byte: &u8| all & matches!(byte, b'!'..=b'~') & (byte != b'<') & (byte != b'>');
    let id = id.as_bytes();
    let parts =
        memchr::memchr(b'@', id).and_then(|at| Some((id.get(..at)?, id.get(at.saturating_add(1)..)?)));
    id.len() <= MAX_MESSAGE_ID
        && id.iter().fold(true, graphic)
        && parts.is_some_and(|(left, right)| {
            !left.is_empty() && !right.is_empty() && memchr::memchr(b'@', right).is_none()
        })
}
