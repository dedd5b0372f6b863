//! Answers, and messages that are passed on.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Error, List, Message};
use crate::decode::{AddressOrGroup, DisplayAddress};
use crate::lines::with_lf;
use crate::{Address, parse};

impl Message {
    /// Begins an answer by `from`: sets its recipients, its subject and its place in the thread. Set the text yourself;
    /// [`quotation`] returns the old one.
    ///
    /// The answer goes to `Reply-To`, or else to the author. If the author is `from`, it goes to the recipients of the
    /// original. `to_all` adds the other recipients as Cc. Names without an address are left out.
    ///
    /// # Errors
    ///
    /// Fails with [`Error::Recipient`] if mail can't be sent to one of these addresses, such as one whose domain is written
    /// in characters that IDNA maps to others. Leaving it out would go unnoticed.
    pub fn reply(original: &parse::Message<'_>, from: Address, to_all: bool) -> Result<Self, Error> {
        Self::reply_by(original, from, &[], to_all)
    }

    /// Does the same as [`reply`](Self::reply) for somebody who has other addresses too: an answer goes to none of them, nor
    /// to `from`.
    ///
    /// # Errors
    ///
    /// Fails as [`reply`](Self::reply) does.
    pub fn reply_by(
        original: &parse::Message<'_>,
        from: Address,
        others: &[Address],
        to_all: bool,
    ) -> Result<Self, Error> {
        let own = || others.iter().chain([&from]);
        let is_own = |address: &str| own().any(|own| own.address().eq_ignore_ascii_case(address));
        let mut to = addresses(original.reply_to())?;
        if to.is_empty() {
            let author = original.from();
            let is_to_own = mailboxes(author.clone()).iter().any(|author| is_own(&author.address));
            to = addresses(if is_to_own { original.to() } else { author })?;
            // Whoever writes to nobody else answers that.
            if to.iter().any(|address| !is_own(address.address())) {
                to.retain(|address| !is_own(address.address()));
            }
        }
        let mut known = BTreeSet::new();
        let mut is_new = |address: &Address| known.insert(address.address().to_ascii_lowercase());
        to.retain(&mut is_new);
        let mut cc = Vec::new();
        if to_all {
            for own in own() {
                is_new(own);
            }
            cc = addresses(original.to())?;
            cc.extend(addresses(original.cc())?);
            cc.retain(is_new);
        }
        let mut reply = Self::new(from).subject(prefixed("Re: ", &REPLIES, original));
        reply.mailboxes = to.into_iter().map(|address| (List::To, address)).collect();
        reply.mailboxes.extend(cc.into_iter().map(|address| (List::Cc, address)));
        Ok(reply.in_thread_of(original))
    }

    /// Begins a message by `from` that passes another one on: sets its subject and its place in the thread. Set text and
    /// recipients yourself: [`passed_on`] returns the old text, [`attach_message`](Self::attach_message) attaches the whole
    /// message.
    #[must_use]
    pub fn forward(original: &parse::Message<'_>, from: Address) -> Self {
        Self::new(from).subject(prefixed("Fwd: ", &FORWARDS, original)).in_thread_of(original)
    }

    /// Adds the [`files`](parse::Message::files) of `original`, unchanged, with the charset of texts.
    #[must_use]
    pub fn attachments_of(mut self, original: &parse::Message<'_>) -> Self {
        for part in original.files() {
            let name: String =
                part.file_name().unwrap_or("attachment").chars().filter(|c| !c.is_control()).collect();
            let content_type = part.content_type();
            let essence = content_type.essence.as_str();
            if let Some(message) = part.attached_message() {
                self = self.attach_message(name, &message);
                continue;
            }
            let charset = content_type.charset().map(|charset| format!("{essence}; charset={charset}"));
            let mut forms = charset.into_iter().chain([essence.into()]);
            let known = forms.find(|form| super::is_content_type(form));
            let known = known.unwrap_or_else(|| "application/octet-stream".into());
            self = self.attach(name, known, part.bytes().into_owned());
        }
        self
    }

    fn in_thread_of(self, original: &parse::Message<'_>) -> Self {
        let Some(id) = original.message_id() else { return self };
        let mut references = original.references();
        if references.is_empty() {
            // RFC 5322 section 3.6.4: the parent's In-Reply-To, if it names one message.
            references = original.in_reply_to();
            references.truncate(usize::from(references.len() == 1));
        }
        self.in_reply_to(&id, references)
    }
}

/// Quotes `text`, which is that of [`parse::Message::text`], below a line that says who wrote it and when.
#[must_use]
pub fn quotation(original: &parse::Message<'_>, text: &str) -> String {
    let author = mailboxes(original.from()).into_iter().next();
    let author = author.map(|author| if author.name.is_empty() { author.address } else { author.name });
    let author = one_line(&author.unwrap_or_default());
    let mut quoted = match (original.date(), author.as_str()) {
        (_, "") => String::new(),
        (Some(date), author) => format!("On {date}, {author} wrote:\n"),
        (None, author) => format!("{author} wrote:\n"),
    };
    for line in with_lf(text.trim_end()).lines() {
        // A quotation of a quotation has its marks side by side.
        quoted.push_str(if line.is_empty() || line.starts_with('>') { ">" } else { "> " });
        quoted.push_str(line);
        quoted.push('\n');
    }
    quoted
}

/// Returns the text of a message that is passed on: author, date, subject and recipients, then `body`.
#[must_use]
pub fn passed_on(original: &parse::Message<'_>, body: &str) -> String {
    let mut text = String::from("---------- Forwarded message ----------\n");
    let list = |entries: Vec<AddressOrGroup>| {
        mailboxes(entries).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    for (name, value) in [
        ("From", list(original.from())),
        ("Date", original.date().map(|date| date.to_string()).unwrap_or_default()),
        ("Subject", original.subject().unwrap_or_default().into_owned()),
        ("To", list(original.to())),
        ("Cc", list(original.cc())),
    ] {
        if !value.is_empty() {
            text.push_str(&format!("{name}: {}\n", one_line(&value)));
        }
    }
    text.push('\n');
    text.push_str(body);
    text
}

/// What mail programs of different languages put in front of the subject of an answer.
const REPLIES: [&str; 12] = [
    "re",
    "aw",
    "sv",
    "vs",
    "antw",
    "odp",
    "res",
    "ynt",
    "\u{56de}\u{590d}",
    "\u{7b54}\u{590d}",
    "\u{56de}\u{8986}",
    "\u{7b54}\u{8986}",
];
/// The same for a message that is passed on.
const FORWARDS: [&str; 10] =
    ["fwd", "fw", "wg", "tr", "rv", "vb", "enc", "doorst", "\u{8f6c}\u{53d1}", "\u{8f49}\u{5bc4}"];

/// Puts `prefix` in front of the subject, unless the subject begins with one of the `known` and a colon: `Re:`, `RE :`,
/// `Re[2]:`.
fn prefixed(prefix: &str, known: &[&str], original: &parse::Message<'_>) -> String {
    let subject = one_line(&original.subject().unwrap_or_default());
    let (start, _) = subject.split_once([':', '\u{ff1a}']).unwrap_or_default();
    let name = start.trim().trim_end_matches(|c: char| c.is_ascii_digit() || "[]()^".contains(c));
    let has = |known: &&str| known.eq_ignore_ascii_case(name);
    if known.iter().any(has) { subject } else { [prefix, &subject].concat().trim_end().into() }
}

/// Makes a text one line: a sender can hide line ends in encoded words.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        .filter(|piece| !piece.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn mailboxes(entries: Vec<AddressOrGroup>) -> Vec<DisplayAddress> {
    let members = |entry| match entry {
        AddressOrGroup::Address(mailbox) => Vec::from([mailbox]),
        AddressOrGroup::Group { members, .. } => members,
    };
    entries.into_iter().flat_map(members).collect()
}

fn addresses(entries: Vec<AddressOrGroup>) -> Result<Vec<Address>, Error> {
    let named = mailboxes(entries).into_iter().filter(|mailbox| !mailbox.address.is_empty());
    let sendable = |mailbox: DisplayAddress| {
        Address::named(&one_line(&mailbox.name), &mailbox.address)
            .map_err(|error| Error::Recipient { address: mailbox.address, error })
    };
    named.map(sendable).collect()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    #[cfg(feature = "idna")]
    use crate::AddressError;
    use crate::DateTime;

    const ORIGINAL: &[u8] = b"From: =?utf-8?q?J=C3=B6rg=0D=0ABcc=3A_x=40y?= <j@example.org>\r\nTo: Me <me@example.org>, Bob <bob@example.org>\r\n\
        Cc: c@example.org, ME@example.org, Nobody Known, BOB@example.org\r\nDate: Tue, 1 Jul 2003 10:52:37 +0200\r\n\
        Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe=0D=0AX=3A_y?=\r\nMessage-ID: <2@example.org>\r\nReferences: <0@x>\r\n <1@x>\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst\r\n> old\r\n\r\nlast\r\n\r\n\
        --b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\npdf\r\n--b--\r\n";

    fn me() -> Address {
        Address::parse("me@example.org").unwrap()
    }

    fn shown(message: &Message) -> (Vec<String>, Vec<String>, String) {
        let show = |list| message.mailboxes(list).map(ToString::to_string).collect();
        (show(List::To), show(List::Cc), message.subject.clone().unwrap_or_default())
    }

    #[test]
    fn an_answer_goes_to_whom_it_should() {
        let original = parse::Message::parse(ORIGINAL);
        // The line end that was hidden in the name is a space.
        let author = || vec!["\"J\u{f6}rg Bcc: x@y\" <j@example.org>".to_string()];
        let subject = || "Re: Gr\u{fc}\u{df}e X: y".to_string();
        assert_eq!(shown(&Message::reply(&original, me(), false).unwrap()), (author(), vec![], subject()));
        let all = vec!["Bob <bob@example.org>".into(), "c@example.org".into()];
        assert_eq!(shown(&Message::reply(&original, me(), true).unwrap()), (author(), all, subject()));

        // To none of one's own addresses, whichever the answer is from.
        let others = [Address::parse("BOB@example.org").unwrap()];
        let all = Message::reply_by(&original, me(), &others, true).unwrap();
        assert_eq!(shown(&all), (author(), vec!["c@example.org".into()], subject()));
        let own = parse::Message::parse(
            b"From: bob@example.org\r\nTo: b@x, bob@example.org, me@example.org\r\n\r\n",
        );
        assert_eq!(shown(&Message::reply_by(&own, me(), &others, false).unwrap()).0, ["b@x"]);
        let note = parse::Message::parse(b"From: bob@example.org\r\nTo: bob@example.org\r\n\r\n");
        assert_eq!(shown(&Message::reply_by(&note, me(), &others, false).unwrap()).0, ["bob@example.org"]);

        let rows: &[(&str, &str, &str)] = &[
            ("From: a@x\r\nReply-To: list@x\r\nSubject: RE: hi\r\n\r\n", "list@x", "RE: hi"),
            ("From: me@example.org\r\nTo: b@x\r\n\r\n", "b@x", "Re:"),
            ("From: a@x\r\nReply-To: Ann <b@x>, B@x\r\nSubject: RE : hi\r\n\r\n", "Ann <b@x>", "RE : hi"),
            ("Subject: Re[2]: hi\r\n\r\n", "", "Re[2]: hi"),
            ("Subject: \u{56de}\u{590d}\u{ff1a}hi\r\n\r\n", "", "\u{56de}\u{590d}\u{ff1a}hi"),
            ("Subject: Re 2024: hi\r\n\r\n", "", "Re: Re 2024: hi"),
            ("Subject: Rest: hi\r\n\r\n", "", "Re: Rest: hi"),
            ("Subject: Re\r\n\r\n", "", "Re: Re"),
            ("Subject: x\r\n\r\n", "", "Re: x"),
        ];
        for (raw, to, subject) in rows {
            let reply = Message::reply(&parse::Message::parse(raw.as_bytes()), me(), false).unwrap();
            let (got, _, got_subject) = shown(&reply);
            assert_eq!((got.join(","), got_subject.as_str()), ((*to).to_string(), *subject), "{raw}");
        }
        let octets = Message::reply(&original, me(), false)
            .unwrap()
            .build(DateTime::new(0, 0).unwrap(), [0; 16])
            .unwrap()
            .octets;
        let reply = parse::Message::parse(&octets);
        assert_eq!(reply.in_reply_to(), ["<2@example.org>"]);
        assert_eq!(reply.references(), ["<0@x>", "<1@x>", "<2@example.org>"]);
        let rows: &[(&str, &[&str])] = &[("<1@x>", &["<1@x>", "<2@x>"]), ("<0@x> <1@x>", &["<2@x>"])];
        for (parents, want) in rows {
            let no_references = format!("Message-ID: <2@x>\r\nIn-Reply-To: {parents}\r\nFrom: a@x\r\n\r\n");
            let reply =
                Message::reply(&parse::Message::parse(no_references.as_bytes()), me(), false).unwrap();
            let octets = reply.build(DateTime::new(0, 0).unwrap(), [0; 16]).unwrap().octets;
            assert_eq!(parse::Message::parse(&octets).references(), *want);
        }
    }

    #[cfg(feature = "idna")]
    #[test]
    fn no_answer_goes_to_somebody_else() {
        let rows: &[(&str, &str, AddressError)] = &[
            ("From: Ann <ann@org\u{b3}>", "ann@org\u{b3}", AddressError::MappedDomain),
            ("From: ann@\u{ff45}xample.org", "ann@\u{ff45}xample.org", AddressError::MappedDomain),
            ("From: b@x\nReply-To: a@x, ann@b\u{ad}ank", "ann@b\u{ad}ank", AddressError::Domain),
            ("From: ann@x\u{202e}\u{202d}", "ann@x\u{202e}\u{202d}", AddressError::Domain),
            ("From: root", "root", AddressError::MissingDomain),
            ("From: a@x\nReply-To: broken@", "broken@", AddressError::MissingDomain),
            ("From: a@x\nCc: broken@", "broken@", AddressError::MissingDomain),
        ];
        for (raw, address, error) in rows {
            let original = format!("{raw}\n\n");
            let got = Message::reply(&parse::Message::parse(original.as_bytes()), me(), true);
            let want = Error::Recipient { address: (*address).into(), error: *error };
            assert_eq!(got.map(|message| shown(&message)), Err(want), "{raw}");
        }
        let shown =
            Error::Recipient { address: "a\u{202e}b".into(), error: AddressError::Domain }.to_string();
        assert_eq!(
            shown,
            "no mail can be sent to a\\u{202e}b, which the message names: bad domain in address"
        );
    }

    #[test]
    fn the_old_text_is_quoted_and_passed_on() {
        let original = parse::Message::parse(ORIGINAL);
        assert_eq!(
            quotation(&original, &original.text()),
            "On Tue, 1 Jul 2003 10:52:37 +0200, J\u{f6}rg Bcc: x@y wrote:\n> first\n>> old\n>\n> last\n"
        );
        assert_eq!(quotation(&parse::Message::parse(b"\n"), "a\rb\r\n\rc\r"), "> a\n> b\n>\n> c\n");
        let text = passed_on(&original, &original.text());
        assert!(text.starts_with("---------- Forwarded message ----------\nFrom: \"J\u{f6}rg Bcc: x@y\" <j@example.org>\nDate: Tue, 1 Jul"), "{text}");
        assert!(
            text.contains("\nSubject: Gr\u{fc}\u{df}e X: y\nTo: Me <me@example.org>, Bob")
                && text.ends_with("\n\nfirst\r\n> old\r\n\r\nlast\r\n"),
            "{text}"
        );
        let forward = Message::forward(&original, me()).to(me()).text(text).attachments_of(&original);
        let octets = forward.build(DateTime::new(0, 0).unwrap(), [0; 16]).unwrap().octets;
        let parsed = parse::Message::parse(&octets);
        assert_eq!(parsed.subject().as_deref(), Some("Fwd: Gr\u{fc}\u{df}e X: y"));
        let files: Vec<_> = parsed
            .attachments()
            .map(|part| (part.file_name().unwrap().to_string(), part.bytes().into_owned()))
            .collect();
        assert_eq!(files, [("a.pdf".to_string(), b"pdf".to_vec())]);
        // A name that would be refused, a text in its charset, a message, and types that can't be written.
        let original = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n\
            --b\r\nContent-Type: text/csv; charset=gbk; name*=utf-8''a%0D%0Ab%00\r\n\r\n\xc4\xe3\xba\xc3\r\n\
            --b\r\nContent-Type: text/x; charset=\"a,b\"; name=x\r\n\r\nx\r\n\
            --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ninner\r\n\
            --b\r\nContent-Type: message/odd\r\n\r\nx\r\n\
            --b\r\nContent-Type: image/jpeg\r\nContent-Disposition: inline; filename=photo.jpg\r\n\r\nx\r\n\
            --b\r\nContent-Type: a/b/c; name=y\r\n\r\nx\r\n--b--\r\n";
        let forward = Message::forward(&parse::Message::parse(original), me()).to(me()).text("t");
        let forward = forward.attachments_of(&parse::Message::parse(original));
        let octets = forward.build(DateTime::new(0, 0).unwrap(), [0; 16]).unwrap().octets;
        let parsed = parse::Message::parse(&octets);
        let files: Vec<_> = parsed
            .attachments()
            .map(|part| {
                let kind = part.content_type();
                format!("{} {:?} {:?}", kind.essence, kind.charset(), part.file_name())
            })
            .collect();
        let want = [
            "text/csv Some(\"gbk\") Some(\"ab\")",
            "text/x None Some(\"x\")",
            "message/rfc822 None Some(\"attachment\")",
            "application/octet-stream None Some(\"attachment\")",
            "image/jpeg None Some(\"photo.jpg\")",
            "application/octet-stream None Some(\"y\")",
        ];
        assert_eq!(files, want);
        assert_eq!(parsed.attachments().next().unwrap().text(), "\u{4f60}\u{597d}");
    }
}
