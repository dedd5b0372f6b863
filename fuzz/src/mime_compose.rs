//! What a message is composed of is what is read of it, and nothing that is passed in adds a header, a recipient or a
//! part.

use arbitrary::{Arbitrary, Unstructured};
use mailbearer_mime::{
    Address, Composed, DateTime, Headers, Message,
    decode::{self, AddressOrGroup, ContentType, Disposition, TransferEncoding},
};

#[derive(Arbitrary, Debug)]
struct Input {
    from: (String, u8),
    to: Vec<(String, u8)>,
    cc: Vec<(String, u8)>,
    bcc: Vec<(String, u8)>,
    reply_to: Vec<(String, u8)>,
    subject: Option<String>,
    message_id: Option<String>,
    text: Option<String>,
    html: Option<String>,
    files: Vec<(String, String, Vec<u8>)>,
    eight_bit: bool,
    seconds: u32,
    zone: i16,
    random: [u8; 16],
}

/// `data` is an [`Input`].
pub fn run(data: &[u8]) {
    let Ok(input) = Input::arbitrary(&mut Unstructured::new(data)) else { return };
    let Some(from) = mailbox(&input.from) else { return };
    let mut message = Message::new(from.clone()).allow_8bit(input.eight_bit);
    let list = |entries: &[(String, u8)]| entries.iter().take(20).filter_map(mailbox).collect::<Vec<_>>();
    let (to, cc, bcc, reply_to) = (list(&input.to), list(&input.cc), list(&input.bcc), list(&input.reply_to));
    message = to.iter().cloned().fold(message, Message::to);
    message = cc.iter().cloned().fold(message, Message::cc);
    message = bcc.iter().cloned().fold(message, Message::bcc);
    message = reply_to.iter().cloned().fold(message, Message::reply_to);
    if let Some(subject) = &input.subject {
        message = message.subject(subject.as_str());
    }
    if let Some(message_id) = &input.message_id {
        message = message.message_id(message_id.as_str());
    }
    if let Some(text) = &input.text {
        message = message.text(text.as_str());
    }
    if let Some(html) = &input.html {
        message = message.html(html.as_str());
    }
    let files = input.files.get(..4).unwrap_or(&input.files);
    for (name, kind, content) in files {
        message = message.attach(name.as_str(), kind.as_str(), content.as_slice());
    }
    let Ok(date) = DateTime::new(input.seconds.into(), input.zone % 720) else { return };
    let Ok(composed) = message.build(date, input.random) else { return };

    lines(&composed, input.eight_bit);
    let mut wanted: Vec<&str> = Vec::new();
    for mailbox in [&to, &cc, &bcc].into_iter().flatten() {
        if !wanted.contains(&mailbox.address()) {
            wanted.push(mailbox.address());
        }
    }
    assert_eq!(composed.recipients, wanted);
    assert_eq!(composed.sender, from.address());

    let headers = Headers::parse(&composed.octets).unwrap();
    let names: Vec<String> = headers.iter().map(|header| header.name().to_ascii_lowercase()).collect();
    let known = [
        "date",
        "from",
        "reply-to",
        "to",
        "cc",
        "subject",
        "message-id",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
    ];
    for (index, name) in names.iter().enumerate() {
        assert!(known.contains(&&**name) && !names[..index].contains(name), "{names:?}");
    }
    let value = |name: &str| headers.get(name).map(|header| header.value().into_owned()).unwrap_or_default();
    assert_eq!(mailbearer_mime::decode::date_time(&value("date")), Ok(date));
    addresses(&value("from"), std::slice::from_ref(&from));
    addresses(&value("to"), &to);
    addresses(&value("cc"), &cc);
    addresses(&value("reply-to"), &reply_to);
    if let (Some(subject), Some(header)) = (&input.subject, headers.get("subject")) {
        assert_eq!(header.text(), subject.as_str(), "{}", header.raw().escape_ascii());
    }
    let mut leaves = Vec::new();
    part(&composed.octets, &mut leaves);
    bodies(&input, files, &leaves);
}

/// A name in front of an address that is one in most cases.
fn mailbox((text, knob): &(String, u8)) -> Option<Address> {
    match knob % 4 {
        0 => Address::parse(text).ok(),
        1 => Address::new(text).ok(),
        2 => Address::named(text, "ann@example.org").ok(),
        _ => Address::named(text, &format!("a{knob}@example.org")).ok(),
    }
}

fn lines(composed: &Composed, eight_bit: bool) {
    assert!(composed.octets.ends_with(b"\r\n"));
    for line in composed.octets.split_inclusive(|&octet| octet == b'\n') {
        let line = line.strip_suffix(b"\r\n").unwrap_or_else(|| panic!("a bare LF: {}", line.escape_ascii()));
        assert!(!line.contains(&b'\r') && line.len() <= 998, "{}", line.escape_ascii());
    }
    assert_eq!(composed.needs_8bitmime, !composed.octets.is_ascii());
    assert!(composed.octets.is_ascii() || eight_bit || composed.needs_smtputf8);
}

fn addresses(value: &[u8], wanted: &[Address]) {
    let read = decode::address_list(value);
    let shown = || format!("{}\n{read:?}\n{wanted:?}", value.escape_ascii());
    assert_eq!(read.len(), wanted.len(), "{}", shown());
    for (address, wanted) in read.iter().zip(wanted) {
        let AddressOrGroup::Address(mailbox) = address else { panic!("{}", shown()) };
        assert_eq!(mailbox.address, wanted.address(), "{}", shown());
        assert_eq!(mailbox.name, wanted.name(), "{}", shown());
    }
}

/// A part that is no multipart, decoded: its type, its name, its octets.
type Leaf = (String, Option<String>, Vec<u8>);

fn part(octets: &[u8], leaves: &mut Vec<Leaf>) {
    let headers = Headers::parse(octets).unwrap();
    let value = |name: &str| headers.get(name).map(|header| header.value().into_owned()).unwrap_or_default();
    let kind = ContentType::parse(&value("content-type"));
    let Some(boundary) = kind.parameters.get("boundary").filter(|_| kind.essence.starts_with("multipart/"))
    else {
        let body = TransferEncoding::parse(&value("content-transfer-encoding")).decode(headers.body());
        let name = Disposition::parse(&value("content-disposition")).file_name().map(String::from);
        return leaves.push((kind.essence, name, body.into_owned()));
    };
    let (open, close) = (format!("\r\n--{boundary}\r\n"), format!("\r\n--{boundary}--\r\n"));
    // The line end in front of the first delimiter is that of the header section.
    let body = [b"\r\n", headers.body()].concat();
    let end = find(&body, close.as_bytes()).unwrap_or_else(|| panic!("no end of {boundary}"));
    assert_eq!(end + close.len(), body.len(), "{}", octets.escape_ascii());
    let mut rest = &body[..end];
    let first = find(rest, open.as_bytes());
    assert_eq!(first, Some(0), "a preamble");
    while let Some(0) = find(rest, open.as_bytes()) {
        rest = &rest[open.len()..];
        let end = find(rest, open.as_bytes()).unwrap_or(rest.len());
        part(&rest[..end], leaves);
        rest = &rest[end..];
    }
}

fn find(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets.windows(wanted.len()).position(|window| window == wanted)
}

fn bodies(input: &Input, files: &[(String, String, Vec<u8>)], leaves: &[Leaf]) {
    let mut leaves = leaves.iter();
    let texts = [(&input.text, "text/plain"), (&input.html, "text/html")];
    for (text, kind) in texts {
        if let Some(text) = text {
            let (essence, name, body) = leaves.next().expect("a text");
            assert_eq!((essence.as_str(), name), (kind, &None));
            assert_eq!(
                body.escape_ascii().to_string(),
                canonical(text).as_bytes().escape_ascii().to_string()
            );
        }
    }
    if input.text.is_none() && input.html.is_none() && leaves.len() > files.len() {
        let (_, _, body) = leaves.next().unwrap();
        assert!(body.is_empty() || body == b"\r\n", "{}", body.escape_ascii());
    }
    assert_eq!(leaves.len(), files.len());
    for ((_, read_name, read), (name, _, content)) in leaves.zip(files) {
        assert_eq!(read, content);
        let base = read_name.as_deref().unwrap_or_default();
        assert!(base == name || name.is_empty() || name.contains(['/', '\\']), "{name:?} became {base:?}");
    }
}

/// With CRLF for every line end, also at the end.
fn canonical(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = if text.is_empty() || text.ends_with('\n') { text } else { text + "\n" };
    text.replace('\n', "\r\n")
}
