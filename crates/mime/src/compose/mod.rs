//! A message from its parts: headers, bodies, attachments, and the envelope that goes with it.

mod body;
mod draft;
mod error;
mod fields;
mod header;
mod recipients;
mod reply;
#[cfg(test)]
mod tests;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

pub use self::body::FileEncoder;
use self::body::{Attachment, Boundaries, Content, Text};
pub use self::draft::{Draft, Piece};
pub use self::error::{Error, Field};
pub use self::fields::Priority;
pub(crate) use self::header::HeaderLine;
use self::recipients::Gathered;
pub use self::recipients::Recipients;
pub use self::reply::{passed_on, quotation};
use crate::ascii::{is_token, lower_hex};
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
    /// All other mailboxes, each with its field.
    mailboxes: Vec<(List, Address)>,
    subject: Option<String>,
    message_id: Option<String>,
    text: Option<String>,
    allow_8bit: bool,
    /// Breaks the lines of a flowed text. A pointer, so that a program that writes none does not link the function.
    flow: Option<fn(&str) -> (String, bool)>,
    /// Boxed, so that most messages do not carry it.
    rare: Option<Box<Rare>>,
}

/// A field that names mailboxes, or the envelope alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    ReplyTo,
    To,
    Cc,
    Bcc,
}

/// What few messages have.
#[derive(Clone, Debug)]
struct Rare {
    sender: Option<Address>,
    groups: Vec<Group>,
    html: Option<String>,
    /// Calendar data, and its media type with the method.
    calendar: Option<(String, String)>,
    inline: Vec<Attachment>,
    attachments: Vec<Attachment>,
    /// Fields as they are written.
    fields: Vec<u8>,
    /// What is wrong with one of these.
    problem: Option<Error>,
    /// Checks and writes other bodies than one text.
    rich: Option<Rich>,
}

impl Rare {
    const fn new() -> Self {
        Self {
            sender: None,
            groups: Vec::new(),
            html: None,
            calendar: None,
            inline: Vec::new(),
            attachments: Vec::new(),
            fields: Vec::new(),
            problem: None,
            rich: None,
        }
    }
}

/// Stands in where a message has none of these.
static NOTHING_RARE: Rare = Rare::new();

/// Checks, measures and writes a message of more than one text. Pointers, so that a program that sends none does not link
/// the functions.
#[derive(Clone, Copy, Debug)]
struct Rich {
    check: fn(&Rare) -> Result<(), Error>,
    size: fn(&Rare) -> usize,
    write: fn(&mut BodyWriter<'_>, &Message, [u8; 16]),
}

impl Rich {
    const BODY: Option<Self> = Some(Self {
        check: Rare::check_files,
        size: Rare::size_of_files,
        write: |body, message, random| body.write(message, random),
    });
}

impl Message {
    /// A message by `from`, who is also the sender in the envelope.
    #[must_use]
    pub const fn new(from: Address) -> Self {
        Self {
            from,
            mailboxes: Vec::new(),
            subject: None,
            message_id: None,
            text: None,
            allow_8bit: false,
            flow: None,
            rare: None,
        }
    }

    /// Adds an address that answers should go to.
    #[must_use]
    pub fn reply_to(mut self, mailbox: Address) -> Self {
        self.mailboxes.push((List::ReplyTo, mailbox));
        self
    }

    /// Adds a recipient.
    #[must_use]
    pub fn to(mut self, mailbox: Address) -> Self {
        self.mailboxes.push((List::To, mailbox));
        self
    }

    /// Adds a recipient of a copy.
    #[must_use]
    pub fn cc(mut self, mailbox: Address) -> Self {
        self.mailboxes.push((List::Cc, mailbox));
        self
    }

    /// Adds a recipient to the envelope alone, so that no header names him.
    #[must_use]
    pub fn bcc(mut self, mailbox: Address) -> Self {
        self.mailboxes.push((List::Bcc, mailbox));
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

    /// Sets the HTML text. With [`text`](Self::text) too, the two are alternatives. Changes line ends as `text` does.
    #[must_use]
    pub fn html(mut self, html: impl Into<String>) -> Self {
        let rare = self.rich();
        rare.html = Some(html.into());
        self
    }

    /// Adds a file, whose octets arrive unchanged.
    ///
    /// `content_type` is `type/subtype`, with parameters if need be, like `text/csv; charset=utf-8`; their
    /// values are not quoted, and none is `name`. `multipart` and `message` types are refused by [`build`](Self::build), because
    /// RFC 2046 does not let them be base64: send a message as `application/octet-stream`.
    #[must_use]
    pub fn attach(
        mut self,
        file_name: impl Into<String>,
        content_type: impl Into<String>,
        content: impl Into<Vec<u8>>,
    ) -> Self {
        self.rich().attachments.push(Attachment {
            file_name: file_name.into(),
            content_type: content_type.into(),
            content: Content::Octets(content.into()),
            content_id: None,
        });
        self
    }

    /// Allows texts to be sent as plain UTF-8, without quoted-printable or base64. Allow it only if the server offers
    /// 8BITMIME (RFC 6152). Default no.
    #[must_use]
    pub fn allow_8bit(mut self, allow: bool) -> Self {
        self.allow_8bit = allow;
        self
    }

    /// Sends the plain text as `format=flowed` (RFC 3676). Long lines are broken; readers that know the form join them again,
    /// others show short lines. Spaces at the end of a line are dropped. Default no.
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

    /// Writes the message without the attachments that are read later, and tells where those belong.
    fn write(&self, date: DateTime, random: [u8; 16]) -> Result<(Composed, Vec<usize>), Error> {
        self.check(date)?;
        let mut octets = Vec::with_capacity(self.size_hint());
        self.write_headers(&mut octets, date, random);
        let mut body = BodyWriter { out: &mut octets, holes: Vec::new(), is_8bit: false };
        let rare = self.rare();
        match rare.rich {
            Some(rich) => (rich.write)(&mut body, self, random),
            None => body.text(self),
        }
        let BodyWriter { holes, is_8bit, .. } = body;
        let sender = rare.sender.as_ref().unwrap_or(&self.from);
        let members = rare.groups.iter().flat_map(|group| &group.members);
        // Each field but the addresses in it is ASCII, and who is in the envelope alone is in no field.
        let (hidden, named): (bool, bool) =
            self.mailboxes.iter().fold((false, false), |(hidden, named), (list, one)| {
                let is = one.needs_smtputf8();
                (hidden | is, named | is & (*list != List::Bcc))
            });
        let others = [&self.from, sender].into_iter().chain(members.clone()).any(Address::needs_smtputf8);
        let needs_smtputf8 = hidden | others;
        let is_8bit = is_8bit | named | others;
        let len = |sum: usize, address: &Address| sum.saturating_add(address.text_len()).saturating_add(1);
        let count = self.mailboxes.len().saturating_add(members.clone().count());
        let octets_of = self.mailboxes.iter().map(|(_, address)| address).chain(members).fold(0, len);
        let mut recipients = Gathered::with_capacity(count, octets_of);
        for list in [List::To, List::Cc, List::Bcc] {
            self.mailboxes(list).for_each(|address| recipients.add(address.address()));
        }
        for list in [List::To, List::Cc] {
            let members = rare.groups(list).flat_map(|group| &group.members);
            members.for_each(|address| recipients.add(address.address()));
        }
        let composed = Composed {
            sender: sender.address().to_owned(),
            recipients: recipients.all,
            needs_smtputf8,
            needs_8bitmime: is_8bit,
            octets,
        };
        Ok((composed, holes))
    }

    /// Estimates the size of the message, so that its memory is allocated once.
    fn size_hint(&self) -> usize {
        let (rare, len) = (self.rare(), |text: &Option<String>| text.as_ref().map_or(0, String::len));
        // A name, a subject and a text that are encoded get longer, but hardly ever more than twice as long.
        let of = |address: &Address| address.text_len().saturating_mul(2).saturating_add(24);
        let mailboxes = self.mailboxes.iter().map(|(_, address)| of(address));
        let size = mailboxes.fold(of(&self.from).saturating_add(256), usize::saturating_add);
        size.saturating_add(len(&self.subject).saturating_mul(2))
            .saturating_add(len(&self.message_id))
            .saturating_add(len(&self.text))
            .saturating_add(rare.fields.len())
            .saturating_add(rare.rich.map_or(0, |rich| (rich.size)(rare)))
    }

    fn mailboxes(&self, list: List) -> impl Iterator<Item = &Address> {
        self.mailboxes.iter().filter(move |(one, _)| *one == list).map(|(_, address)| address)
    }

    fn rare(&self) -> &Rare {
        self.rare.as_deref().unwrap_or(&NOTHING_RARE)
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(|| Box::new(Rare::new()))
    }

    /// As [`rare_mut`](Self::rare_mut), for a message that is more than one text.
    fn rich(&mut self) -> &mut Rare {
        let rare = self.rare_mut();
        rare.rich = Rich::BODY;
        rare
    }

    fn check(&self, date: DateTime) -> Result<(), Error> {
        let rare = self.rare();
        if let Some(problem) = &rare.problem {
            return Err(problem.clone());
        }
        if self.mailboxes.iter().all(|(list, _)| *list == List::ReplyTo)
            && rare.groups.iter().all(|group| group.members.is_empty())
        {
            return Err(Error::NoRecipients);
        }
        let local = i64::from(date.offset_minutes()).saturating_mul(60).saturating_add(date.unix_seconds());
        if local < YEAR_1900 {
            return Err(Error::Date);
        }
        let subject = self.subject.as_deref().unwrap_or_default();
        one_line(Field::Subject, subject)?;
        if let Some(rich) = rare.rich {
            (rich.check)(rare)?;
        }
        match &self.message_id {
            Some(id) if !is_message_id(without_brackets(id)) => {
                one_line(Field::MessageId, id)?;
                Err(Error::MessageId)
            }
            _ => Ok(()),
        }
    }

    fn write_headers(&self, out: &mut Vec<u8>, date: DateTime, random: [u8; 16]) {
        HeaderLine::start(out, "Date").date(date);
        HeaderLine::start(out, "From").mailboxes([&self.from].into_iter());
        let rare = self.rare();
        if let Some(sender) = &rare.sender {
            HeaderLine::start(out, "Sender").mailboxes([sender].into_iter());
        }
        for (name, list) in [("Reply-To", List::ReplyTo), ("To", List::To), ("Cc", List::Cc)] {
            let (mut mailboxes, mut groups) = (self.mailboxes(list).peekable(), rare.groups(list).peekable());
            if mailboxes.peek().is_some() || groups.peek().is_some() {
                HeaderLine::start(out, name).mailboxes_and_groups(mailboxes, groups);
            }
        }
        if let Some(subject) = &self.subject {
            HeaderLine::start(out, "Subject").unstructured(subject);
        }
        let line = HeaderLine::start(out, "Message-ID");
        match &self.message_id {
            Some(id) => line.word(&["<", without_brackets(id), ">"]),
            None => {
                let digits = lower_hex(random);
                let digits = str::from_utf8(digits.as_flattened()).unwrap_or_default();
                line.word(&["<", digits, "@", self.from.domain(), ">"]);
            }
        }
        out.extend_from_slice(&rare.fields);
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
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

impl Rare {
    fn groups(&self, list: List) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(move |group| group.list == list)
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
            if !matches!(file.content, Content::Message(_)) && !is_content_type(&file.content_type) {
                one_line(Field::ContentType, &file.content_type)?;
                return Err(match file.content_type.as_str() {
                    "" => Error::Empty(Field::ContentType),
                    given => Error::ContentType(given.into()),
                });
            }
        }
        Ok(())
    }
}

/// Mailboxes under a name (RFC 5322 section 3.4).
#[derive(Clone, Debug)]
struct Group {
    list: List,
    name: String,
    members: Vec<Address>,
}

/// Writes the body: `mixed(alternative(text, related(html, pictures), calendar), files)`, without the levels that are not
/// needed.
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

    fn write(&mut self, message: &Message, random: [u8; 16]) {
        let rare = message.rare();
        let html = rare.html.as_ref().map(|html| Text::new("html", html, message.allow_8bit));
        let calendar = rare.calendar.as_ref().map(|(kind, text)| Text::new(kind, text, message.allow_8bit));
        let text = message.plain_text(html.is_some());
        let texts = [text.as_ref(), html.as_ref(), calendar.as_ref()];
        self.is_8bit = texts.iter().flatten().any(|text| text.is_8bit())
            || rare.attachments.iter().any(Attachment::is_8bit);
        let mut boundaries = Boundaries::new(random, texts, &rare.attachments, self.is_8bit);
        // Without HTML there is nothing that a picture could be in.
        let (pictures, more): (&[Attachment], &[Attachment]) = match html {
            Some(_) => (&rare.inline, &[]),
            None => (&[], &rare.inline),
        };
        if rare.attachments.is_empty() && more.is_empty() {
            return self.alternatives(&texts, html.as_ref(), pictures, &mut boundaries);
        }
        let boundary = boundaries.open(self.out, "mixed");
        boundary.delimit(self.out);
        self.alternatives(&texts, html.as_ref(), pictures, &mut boundaries);
        for file in more.iter().chain(&rare.attachments) {
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
    pub recipients: Recipients,
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

/// `type "/" subtype *(";" attribute "=" token)` (RFC 2045 section 5.1), and nothing composite. Each attribute stands there
/// once, and none of them is the name of the file, which is given apart.
fn is_content_type(text: &str) -> bool {
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(is_token);
    let composite = |kind: &str| ["multipart", "message"].iter().any(|name| name.eq_ignore_ascii_case(kind));
    let mut fields = text.split(';').map(trimmed);
    let essence = fields.next().and_then(|essence| essence.split_once('/'));
    let mut names = Vec::from([String::from("name")]);
    let mut is_new = |name: &str| {
        let name = name.split('*').next().unwrap_or_default().to_ascii_lowercase();
        let is_new = !names.contains(&name);
        names.push(name);
        is_new
    };
    text.len() <= MAX_CONTENT_TYPE
        && essence.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype) && !composite(kind))
        && fields.all(|field| {
            let parameter = field.split_once('=');
            parameter.is_some_and(|(name, value)| is_token(name) && is_token(value) && is_new(name))
        })
}

/// Without the spaces and tabs around it.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// RFC 6838 section 4.2 limits each half of a type to 127; the rest is for parameters.
const MAX_CONTENT_TYPE: usize = 500;

/// RFC 5322 section 3.3 knows no year before that.
const YEAR_1900: i64 = -2_208_988_800;

/// `id-left "@" id-right` (RFC 5322 section 3.6.4), a little wider.
fn is_message_id(id: &str) -> bool {
    let graphic = |all, &byte: &u8| all & matches!(byte, b'!'..=b'~') & (byte != b'<') & (byte != b'>');
    let id = id.as_bytes();
    id.len() <= MAX_MESSAGE_ID
        && id.iter().fold(true, graphic)
        && !matches!(id, [b'@', ..] | [.., b'@'])
        && id.iter().fold(0_u8, |count, &byte| count.wrapping_add(u8::from(byte == b'@'))) == 1
}
