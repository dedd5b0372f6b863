//! What a message is composed of is what is read of it, nothing that is passed in adds a header, a recipient or a part, and
//! what is refused is told as what it is.

mod asked;

use mailbearer_mime::{
    Address, Composed, Headers, Message, calendar,
    compose::Error,
    decode::{self, AddressOrGroup, ContentType, DisplayAddress, Disposition, TransferEncoding, date_time},
    parse::{self, Defect, DefectKind, Kind, Role},
};

use self::asked::{Asked, Group, Part, arguments, mailbox, text_of};

/// `data` is calls as in [`Asked::call`], each ended by [`END`]. The first has the arguments alone: who the message is from.
pub fn run(data: &[u8]) {
    let mut calls = data.split(|&octet| octet == END);
    let Some(from) = calls.next().and_then(|from| mailbox(&arguments(from))) else { return };
    let (mut asked, mut message) = (Asked::new(from), None);
    for call in calls.take(100) {
        let (letter, rest) = call.split_first().unwrap_or((&0, b""));
        message = Some(asked.call(
            message.take().unwrap_or_else(|| Message::new(asked.from.clone())),
            *letter,
            &arguments(rest),
        ));
    }
    let Some(message) = message else { return };
    let composed = match message.build(asked.date, asked.random) {
        Ok(composed) => composed,
        Err(error) => return assert!(asked.wrong().contains(&error), "{error:?}: {asked:?}"),
    };
    // Of these the names alone are known that are surely right.
    let is_sure = |error: &&Error| !matches!(error, Error::HeaderName(_) | Error::ContentType(_));
    assert_eq!(asked.wrong().iter().find(is_sure), None, "{asked:?}");

    lines(&composed, &asked);
    let mut wanted: Vec<&str> = Vec::new();
    for recipient in asked.recipients() {
        if !wanted.contains(&recipient.address()) {
            wanted.push(recipient.address());
        }
    }
    assert_eq!(composed.recipients, wanted);
    assert_eq!(composed.sender, asked.sender.as_ref().unwrap_or(&asked.from).address());
    headers(&composed, &asked);
    let parts = asked.parts();
    assert_eq!(part(&composed.octets), parts);
    let parsed = parse::Message::parse(&composed.octets);
    assert_eq!(parsed_part(&parsed, 0), parts);
    // An attached message may have defects of its own. So may the charset of a file, named or not.
    let is_ours = |defect: &&Defect| {
        let of_charset = [DefectKind::UnknownCharset, DefectKind::UnnamedCharset].contains(&defect.kind);
        !(of_charset && parsed.parts()[defect.part].disposition().is_some())
    };
    if !asked.files.iter().any(|file| file.is_message) {
        assert_eq!(parsed.defects().iter().find(is_ours), None, "{}", composed.octets.escape_ascii());
    }
    for picture in &asked.inline {
        assert!(parsed.by_content_id(&picture.id).is_some(), "{picture:?}");
    }
    threads(&parsed, &asked);
    // The type of calendar data says what the data say.
    let data = parsed
        .parts()
        .iter()
        .filter(|part| part.disposition().is_none() && part.role() == Some(Role::Calendar));
    for part in data {
        let method = calendar::invitation(&part.text()).map(|event| event.method);
        assert_eq!(part.content_type().parameters.get("method"), method.as_deref(), "{asked:?}");
    }
}

/// Behind each call.
const END: u8 = 0xFF;

fn lines(composed: &Composed, asked: &Asked) {
    assert!(composed.octets.ends_with(b"\r\n"));
    for line in composed.octets.split_inclusive(|&octet| octet == b'\n') {
        let line = line.strip_suffix(b"\r\n").unwrap_or_else(|| panic!("a bare LF: {}", line.escape_ascii()));
        assert!(!line.contains(&b'\r') && line.len() <= 998, "{}", line.escape_ascii());
    }
    assert_eq!(composed.needs_8bitmime, !composed.octets.is_ascii());
    let is_allowed =
        asked.eight_bit || composed.needs_smtputf8 || asked.files.iter().any(|file| file.is_message);
    assert!(composed.octets.is_ascii() || is_allowed);
}

fn headers(composed: &Composed, asked: &Asked) {
    let headers = Headers::parse(&composed.octets).expect("few fields");
    let shown = || {
        headers.iter().map(|header| header.raw().escape_ascii().to_string()).collect::<Vec<_>>().join("\n")
    };
    let names: Vec<&str> = headers.iter().map(|header| header.name()).collect();
    let is_listed = |at: &usize| !asked.mailboxes[*at].is_empty() || !asked.groups[*at].is_empty();
    let lists = ["Reply-To", "To", "Cc"];
    let mut wanted = vec!["Date", "From"];
    wanted.extend(asked.sender.as_ref().map(|_| "Sender"));
    wanted.extend((0..3).filter(is_listed).map(|at| lists[at]));
    wanted.extend(asked.subject.as_ref().map(|_| "Subject"));
    wanted.push("Message-ID");
    wanted.extend(asked.fields.iter().map(|(name, _)| name.as_str()));
    wanted.extend(["MIME-Version", "Content-Type"]);
    wanted.extend(headers.get("content-transfer-encoding").map(|_| "Content-Transfer-Encoding"));
    assert_eq!(names, wanted, "{}", shown());

    let value = |name: &str| headers.get(name).map(|header| header.value().into_owned()).unwrap_or_default();
    assert_eq!(date_time(&value("date")), Ok(asked.date));
    addresses(&value("from"), std::slice::from_ref(&asked.from), &[]);
    addresses(&value("sender"), asked.sender.as_slice(), &[]);
    for (at, name) in lists.into_iter().enumerate() {
        addresses(&value(name), &asked.mailboxes[at], &asked.groups[at]);
    }
    if let (Some(subject), Some(header)) = (&asked.subject, headers.get("subject")) {
        assert_eq!(header.text(), subject.as_str(), "{}", header.raw().escape_ascii());
    }
    let start = names.iter().position(|name| *name == "Message-ID").expect("one") + 1;
    for (header, (name, text)) in headers.iter().skip(start).zip(&asked.fields) {
        let read = match name.as_str() {
            // What is no text has no encoded words either.
            "In-Reply-To" | "List-Unsubscribe" => text_of(&header.value()),
            "References" => continue,
            _ => header.text().into_owned(),
        };
        assert_eq!(read, *text, "{name}:{}", header.raw().escape_ascii());
    }
}

fn addresses(value: &[u8], mailboxes: &[Address], groups: &[Group]) {
    let mailbox = |one: &Address| DisplayAddress { name: one.name().into(), address: one.address().into() };
    let mut wanted: Vec<_> = mailboxes.iter().map(|one| AddressOrGroup::Address(mailbox(one))).collect();
    wanted.extend(groups.iter().map(|(name, members)| AddressOrGroup::Group {
        name: name.clone(),
        members: members.iter().map(mailbox).collect(),
    }));
    assert_eq!(decode::address_list(value), wanted, "{}", value.escape_ascii());
}

/// The ids of the message, of the one that it answers, and of their thread, which may have been cut.
fn threads(parsed: &parse::Message<'_>, asked: &Asked) {
    let id = parsed.message_id().expect("an id");
    match &asked.message_id {
        Some(wanted) => assert_eq!(id, format!("<{wanted}>")),
        None => assert!(id.ends_with(&format!("@{}>", asked.from.domain())), "{id}"),
    }
    let (answered, thread) = (parsed.in_reply_to(), parsed.references());
    assert!(answered.iter().eq(asked.thread.last()), "{answered:?}");
    assert_eq!(thread.first(), asked.thread.first());
    assert!(asked.thread.ends_with(thread.get(1..).unwrap_or_default()), "{thread:?} of {:?}", asked.thread);
    if asked.thread.iter().map(|id| id.len() + 1).sum::<usize>() <= 900 {
        assert_eq!(thread, asked.thread);
    }
}

/// A part by the plain way, not by our own parser alone.
fn part(octets: &[u8]) -> Part {
    let headers = Headers::parse(octets).expect("few fields");
    let value = |name: &str| headers.get(name).map(|header| header.value().into_owned());
    let kind = ContentType::parse(&value("content-type").unwrap_or_default());
    let Some(boundary) = kind.parameters.get("boundary").filter(|_| kind.essence.starts_with("multipart/"))
    else {
        let body = TransferEncoding::parse(&value("content-transfer-encoding").unwrap_or_default())
            .decode(headers.body());
        let disposition = value("content-disposition").map(|value| Disposition::parse(&value));
        let id = String::from_utf8(value("content-id").unwrap_or_default()).expect("ASCII");
        return leaf(&kind, disposition.as_ref(), id.trim_start_matches('<').trim_end_matches('>'), &body);
    };
    let (open, close) = (format!("\r\n--{boundary}\r\n"), format!("\r\n--{boundary}--\r\n"));
    // The line end in front of the first delimiter is that of the header section.
    let body = [b"\r\n", headers.body()].concat();
    let end = find(&body, close.as_bytes()).unwrap_or_else(|| panic!("no end of {boundary}"));
    assert_eq!(end + close.len(), body.len(), "{}", octets.escape_ascii());
    let (mut rest, mut parts) = (&body[..end], Vec::new());
    assert!(rest.starts_with(open.as_bytes()), "a preamble");
    while let Some(after) = rest.strip_prefix(open.as_bytes()) {
        let end = find(after, open.as_bytes()).unwrap_or(after.len());
        parts.push(part(&after[..end]));
        rest = &after[end..];
    }
    multipart(&kind, parts)
}

fn find(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets.windows(wanted.len()).position(|window| window == wanted)
}

/// A part as our own parser sees it.
fn parsed_part(message: &parse::Message<'_>, index: usize) -> Part {
    let part = &message.parts()[index];
    match part.kind() {
        Kind::Multipart => {
            let parts = message.children(index).map(|child| parsed_part(message, child.index()));
            multipart(part.content_type(), parts.collect())
        }
        _ => leaf(
            part.content_type(),
            part.disposition(),
            part.content_id().unwrap_or_default(),
            &part.bytes(),
        ),
    }
}

fn multipart(kind: &ContentType, parts: Vec<Part>) -> Part {
    Part::Multipart(format!("{} {}", kind.essence, kind.parameters.get("type").unwrap_or_default()), parts)
}

fn leaf(kind: &ContentType, disposition: Option<&Disposition>, id: &str, body: &[u8]) -> Part {
    let parameter = |name| kind.parameters.get(name).unwrap_or_default();
    Part::Leaf {
        // What a file has of parameters is up to the caller.
        kind: match disposition {
            Some(disposition) => format!("{} {}", kind.essence, disposition.kind),
            None => format!("{} {}{}", kind.essence, parameter("charset"), parameter("method")),
        },
        name: disposition.and_then(Disposition::file_name).unwrap_or_default().into(),
        id: id.into(),
        body: body.escape_ascii().to_string(),
    }
}
