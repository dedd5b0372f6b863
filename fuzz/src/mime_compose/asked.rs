//! A message that is composed call by call, and what should become of it by what the methods promise.

use mailbearer_mime::{
    Address, DateTime, Message, calendar,
    compose::{Error, Field, Priority},
};

/// Between arguments.
const COMMA: u8 = 0xFE;

pub(super) type Group = (String, Vec<Address>);

/// What was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) from: Address,
    pub(super) sender: Option<Address>,
    /// Reply-To, To, Cc, Bcc.
    pub(super) mailboxes: [Vec<Address>; 4],
    /// The same; the first and the last have none.
    pub(super) groups: [Vec<Group>; 4],
    pub(super) subject: Option<String>,
    /// Without brackets.
    pub(super) message_id: Option<String>,
    /// Ids in brackets, the answered one last.
    pub(super) thread: Vec<String>,
    /// Other fields.
    pub(super) fields: Vec<(String, String)>,
    text: Option<String>,
    html: Option<String>,
    calendar: Option<String>,
    pub(super) inline: Vec<File>,
    pub(super) files: Vec<File>,
    pub(super) eight_bit: bool,
    pub(super) date: DateTime,
    pub(super) random: [u8; 16],
    /// What was wrong, even if another call came later.
    wrong: Vec<Error>,
}

#[derive(Debug)]
pub(super) struct File {
    name: String,
    kind: String,
    content: Vec<u8>,
    /// Empty if it is attached.
    pub(super) id: String,
    pub(super) is_message: bool,
}

/// A part with all that is in it.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    Multipart(String, Vec<Part>),
    Leaf { kind: String, name: String, id: String, body: String },
}

pub(super) fn arguments(octets: &[u8]) -> Vec<Vec<u8>> {
    octets.split(|&octet| octet == COMMA).map(Vec::from).collect()
}

/// `Name <address>`, an address, or a name and an address.
pub(super) fn mailbox(arguments: &[Vec<u8>]) -> Option<Address> {
    match arguments {
        [one] => Address::parse(&text_of(one)).ok(),
        [name, address, ..] => Address::named(&text_of(name), &text_of(address)).ok(),
        [] => None,
    }
}

impl Asked {
    pub(super) fn new(from: Address) -> Self {
        Self {
            from,
            sender: None,
            mailboxes: Default::default(),
            groups: Default::default(),
            subject: None,
            message_id: None,
            thread: Vec::new(),
            fields: Vec::new(),
            text: None,
            html: None,
            calendar: None,
            inline: Vec::new(),
            files: Vec::new(),
            eight_bit: false,
            date: DateTime::new(1_057_049_557, 120).expect("a date"),
            random: [7; 16],
            wrong: Vec::new(),
        }
    }

    /// Does what the letter stands for.
    pub(super) fn call(&mut self, message: Message, letter: u8, arguments: &[Vec<u8>]) -> Message {
        let octets = |at: usize| arguments.get(at).map_or(&b""[..], Vec::as_slice);
        let argument = |at: usize| text_of(octets(at));
        match letter {
            b'd' => {
                let seconds: u32 = argument(0).parse().unwrap_or_default();
                let zone = argument(1).parse::<i16>().unwrap_or_default() % 720;
                self.date = DateTime::new(seconds.into(), zone).expect("a year that is near");
                self.random = [argument(2).parse().unwrap_or(7); 16];
                message
            }
            b'8' => {
                self.eight_bit = true;
                message.allow_8bit(true)
            }
            b'S' | b'r' | b't' | b'c' | b'b' => self.mailbox(message, letter, arguments),
            b'T' | b'C' => self.group(message, letter, arguments),
            b's' => {
                self.subject = Some(argument(0));
                message.subject(argument(0))
            }
            b'i' => {
                let bare = |id: &str| Some(id.strip_prefix('<')?.strip_suffix('>')?.to_owned());
                self.message_id = Some(bare(&argument(0)).unwrap_or_else(|| argument(0)));
                message.message_id(argument(0))
            }
            b'R' => self.answer(message, arguments),
            b'H' => {
                let (name, text) = (argument(0), argument(1));
                let is_usual = name.starts_with("X-")
                    && name.len() <= 76
                    && name.bytes().all(is_token)
                    && !name.eq_ignore_ascii_case("X-Priority");
                self.wrong_if(!is_usual, Error::HeaderName(name.chars().take(80).collect()));
                self.wrong_if(has_break(&text), Error::ControlCharacter(Field::Header));
                self.fields.push((name.clone(), text.clone()));
                message.header(&name, &text)
            }
            b'U' | b'V' => self.unsubscribe(message, letter == b'V', arguments),
            b'h' | b'l' => {
                let is_high = letter == b'h';
                let (importance, number) =
                    if is_high { ("high", "1 (Highest)") } else { ("low", "5 (Lowest)") };
                self.once("Importance", importance);
                self.once("X-Priority", number);
                message.priority(if is_high { Priority::High } else { Priority::Low })
            }
            b'p' => {
                self.text = Some(argument(0));
                message.text(argument(0))
            }
            b'w' => {
                self.html = Some(argument(0));
                message.html(argument(0))
            }
            b'k' => {
                let given = argument(0);
                let data = given.strip_prefix('\u{FEFF}').unwrap_or(&given);
                let data = text_of(&with_crlf(data.as_bytes()));
                let method = method(&data);
                let is_wrong = method.is_empty() || method.len() > 40 || !method.bytes().all(is_token);
                self.wrong_if(is_wrong, Error::Calendar);
                self.calendar = Some(data);
                message.calendar(given)
            }
            b'I' | b'a' | b'm' => self.file(message, letter, arguments),
            _ => message,
        }
    }

    fn mailbox(&mut self, message: Message, letter: u8, arguments: &[Vec<u8>]) -> Message {
        let Some(mailbox) = mailbox(arguments) else { return message };
        let (list, add): (_, fn(Message, Address) -> Message) = match letter {
            b'r' => (0, Message::reply_to),
            b't' => (1, Message::to),
            b'c' => (2, Message::cc),
            b'b' => (3, Message::bcc),
            _ => {
                self.sender = Some(mailbox.clone());
                return message.sender(mailbox);
            }
        };
        self.mailboxes[list].push(mailbox.clone());
        add(message, mailbox)
    }

    /// A name, and members.
    fn group(&mut self, message: Message, letter: u8, arguments: &[Vec<u8>]) -> Message {
        let (name, members) = arguments.split_first().expect("one at least");
        let name = text_of(name);
        let members = members.iter().filter_map(|one| mailbox(std::slice::from_ref(one)));
        let members: Vec<Address> = members.collect();
        self.wrong_if(name.trim().is_empty(), Error::Empty(Field::Group));
        self.wrong_if(name.trim().contains(char::is_control), Error::ControlCharacter(Field::Group));
        let (list, add): (_, fn(Message, String, Vec<Address>) -> Message) =
            if letter == b'T' { (1, Message::to_group) } else { (2, Message::cc_group) };
        self.groups[list].push((name.trim().into(), members.clone()));
        add(message, name, members)
    }

    /// An id, and the others of its thread.
    fn answer(&mut self, message: Message, arguments: &[Vec<u8>]) -> Message {
        let ids: Vec<String> = arguments.iter().map(|id| text_of(id)).collect();
        let (answered, others) = ids.split_first().expect("one at least");
        // Ids in brackets are kept as their mailers wrote them.
        let bracketed = |id: &String| {
            let inside = id.trim().strip_prefix('<').and_then(|id| id.strip_suffix('>'));
            let is_kept = inside.map_or(is_id(id.trim()), is_word_of_an_id);
            is_kept.then(|| format!("<{}>", inside.unwrap_or(id.trim())))
        };
        if let Some(own) = bracketed(answered) {
            self.thread = others.iter().filter_map(bracketed).filter(|id| *id != own).collect();
            self.thread.push(own.clone());
            self.once("In-Reply-To", &own);
            self.once("References", "");
        }
        message.in_reply_to(answered, others)
    }

    fn unsubscribe(&mut self, message: Message, one_click: bool, arguments: &[Vec<u8>]) -> Message {
        let uris: Vec<String> =
            arguments.iter().map(|uri| text_of(uri)).filter(|uri| !uri.is_empty()).collect();
        let begins = |uri: &String, scheme: &str| uri.to_ascii_lowercase().starts_with(scheme);
        let is_wrong = |uri: &String| {
            !(begins(uri, "https://") || begins(uri, "mailto:"))
                || !(9..=900).contains(&uri.len())
                || !uri.bytes().all(|octet| octet.is_ascii_graphic() && !b"<>,\"\\".contains(&octet))
        };
        self.wrong_if(uris.is_empty() || uris.iter().any(is_wrong), Error::Unsubscribe);
        self.wrong_if(one_click && !uris.iter().any(|uri| begins(uri, "https://")), Error::Unsubscribe);
        let value: Vec<String> = uris.iter().map(|uri| format!("<{uri}>")).collect();
        self.once("List-Unsubscribe", &value.join(", "));
        self.fields.retain(|(name, _)| name != "List-Unsubscribe-Post");
        if one_click {
            self.once("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
        }
        message.list_unsubscribe(uris.iter().map(String::as_str), one_click)
    }

    /// An id if it is a picture in the text, a name, a type and octets.
    fn file(&mut self, message: Message, letter: u8, arguments: &[Vec<u8>]) -> Message {
        let mut arguments = arguments.iter().map(Vec::as_slice);
        let mut next = || arguments.next().unwrap_or_default();
        let id = if letter == b'I' { text_of(next()) } else { String::new() };
        let name = text_of(next());
        let mut kind = if letter == b'm' { "message/rfc822".into() } else { text_of(next()) };
        let mut content = next().to_vec();
        self.wrong_if(has_break(&name), Error::ControlCharacter(Field::FileName));
        if letter == b'm' {
            let given = std::mem::take(&mut content);
            content = with_crlf(&given);
            let is_short = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).len() <= 998;
            let is_message = !content.contains(&0) && content.split(|&octet| octet == b'\n').all(is_short);
            if !is_message {
                kind = "application/octet-stream".into();
            }
            self.files.push(File { name: name.clone(), kind, content, id, is_message });
            return message.attach_message(name, &given);
        }
        let is_usual = kind.split_once('/').is_some_and(|(kind, subtype)| {
            let is_word =
                |word: &str| !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_alphanumeric());
            is_word(kind)
                && is_word(subtype)
                && !["multipart", "message"].contains(&&*kind.to_ascii_lowercase())
        });
        self.wrong_if(has_break(&kind), Error::ControlCharacter(Field::ContentType));
        self.wrong_if(kind.is_empty(), Error::Empty(Field::ContentType));
        self.wrong_if((!is_usual || kind.len() > 500) && !kind.is_empty(), Error::ContentType(kind.clone()));
        let file = File {
            name: name.clone(),
            kind: kind.clone(),
            content: content.clone(),
            id: id.clone(),
            is_message: false,
        };
        if letter == b'a' {
            self.files.push(file);
            return message.attach(name, kind, content);
        }
        let is_graphic = |octet: u8| octet.is_ascii_graphic() && !b"<>".contains(&octet);
        self.wrong_if(id.is_empty() || id.len() > 250 || !id.bytes().all(is_graphic), Error::ContentId);
        self.inline.push(file);
        message.inline(id, name, kind, content)
    }

    /// A field that is there once, in place of the one before.
    fn once(&mut self, name: &str, value: &str) {
        self.fields.retain(|(own, _)| own != name);
        self.fields.push((name.into(), value.into()));
    }

    fn wrong_if(&mut self, is_wrong: bool, error: Error) {
        if is_wrong {
            self.wrong.push(error);
        }
    }

    /// All that is wrong, and perhaps of names of fields and types some that are not.
    pub(super) fn wrong(&self) -> Vec<Error> {
        let mut wrong = self.wrong.clone();
        let mut wrong_if = |is_wrong: bool, error| wrong.extend(is_wrong.then_some(error));
        let subject = self.subject.as_deref().unwrap_or_default();
        wrong_if(has_break(subject), Error::ControlCharacter(Field::Subject));
        let id = self.message_id.as_deref().unwrap_or("a@b");
        wrong_if(has_break(id), Error::ControlCharacter(Field::MessageId));
        wrong_if(!is_id(id), Error::MessageId);
        wrong_if(self.recipients().next().is_none(), Error::NoRecipients);
        wrong
    }

    /// Those of To, Cc and Bcc, then those of groups.
    pub(super) fn recipients(&self) -> impl Iterator<Item = &Address> {
        let members = self.groups.iter().flatten().flat_map(|(_, members)| members);
        self.mailboxes.iter().skip(1).flatten().chain(members)
    }

    /// The parts that the message should have.
    pub(super) fn parts(&self) -> Part {
        let mut texts = Vec::new();
        if self.text.is_some() || self.html.is_none() {
            texts.push(text_part("text/plain utf-8", self.text.as_deref().unwrap_or_default()));
        }
        let mut pictures: Vec<Part> = self.inline.iter().map(File::part).collect();
        if let Some(html) = &self.html {
            let mut html = text_part("text/html utf-8", html);
            if !pictures.is_empty() {
                pictures.insert(0, html);
                html = Part::Multipart("multipart/related text/html".into(), std::mem::take(&mut pictures));
            }
            texts.push(html);
        }
        if let Some(data) = &self.calendar {
            texts.push(text_part(&format!("text/calendar utf-8{}", method(data)), data));
        }
        let text = match texts.len() {
            1 => texts.remove(0),
            _ => Part::Multipart("multipart/alternative ".into(), texts),
        };
        // Pictures that no text shows are files.
        let mut parts = pictures;
        parts.extend(self.files.iter().map(File::part));
        if parts.is_empty() {
            return text;
        }
        parts.insert(0, text);
        Part::Multipart("multipart/mixed ".into(), parts)
    }
}

impl File {
    fn part(&self) -> Part {
        let essence = self.kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let disposition = if self.id.is_empty() { "attachment" } else { "inline" };
        Part::Leaf {
            kind: format!("{essence} {disposition}"),
            name: self.name.clone(),
            id: self.id.clone(),
            body: self.content.escape_ascii().to_string(),
        }
    }
}

/// A text. The last line has an end, too.
fn text_part(kind: &str, text: &str) -> Part {
    let mut body = with_crlf(text.as_bytes());
    if !body.is_empty() && !body.ends_with(b"\n") {
        body.extend(b"\r\n");
    }
    Part::Leaf {
        kind: kind.into(),
        name: String::new(),
        id: String::new(),
        body: body.escape_ascii().to_string(),
    }
}

/// With CRLF for every line end.
fn with_crlf(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = octets;
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        match octet {
            b'\r' => rest = after.strip_prefix(b"\n").unwrap_or(after),
            b'\n' => {}
            _ => {
                out.push(octet);
                continue;
            }
        }
        out.extend(b"\r\n");
    }
    out
}

pub(super) fn text_of(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn method(data: &str) -> String {
    calendar::invitation(data).map(|event| event.method).unwrap_or_default()
}

fn has_break(text: &str) -> bool {
    text.contains(['\r', '\n', '\0'])
}

/// `left@right` in printable ASCII without brackets.
fn is_id(id: &str) -> bool {
    let halves: Vec<&str> = id.split('@').collect();
    halves.len() == 2 && halves.iter().all(|half| !half.is_empty()) && is_word_of_an_id(id)
}

/// Printable ASCII without brackets, as some mailers write ids.
fn is_word_of_an_id(id: &str) -> bool {
    let is_graphic = |octet: u8| octet.is_ascii_graphic() && !b"<>".contains(&octet);
    (1..=250).contains(&id.len()) && id.bytes().all(is_graphic)
}

/// RFC 2045 section 5.1.
fn is_token(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet)
}
