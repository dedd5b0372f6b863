//! A message that arrives in pieces is taken apart as it would be whole, and nothing is made up.

use mailbearer_mime::parse::{Defect, Event, Kind, Limits, Message, Stream};

use crate::by_hand;
use crate::pieces::{Random, knobs, pieces};

/// `data` is how to cut, the limits, and a message.
pub fn run(data: &[u8]) {
    let ([cut, depth, count], raw) = knobs(data);
    let mut limits = Limits::default();
    limits.depth = usize::from(depth % 8);
    limits.parts = usize::from(count % 32).max(1);
    let message = Message::parse_with(raw, &limits);
    let parts = message.parts();
    assert!(!parts.is_empty() && parts.len() <= limits.parts.saturating_add(limits.depth));
    for part in parts {
        assert!(part.raw_header().len() + part.raw_body().len() <= raw.len());
        assert!(part.parent().is_none_or(|parent| parent < part.index()));
        drop((part.text(), part.file_name().map(str::len), part.headers().iter().count()));
    }
    let chosen = message.text_body().chain(message.html_body()).chain(message.attachments());
    assert!(chosen.count() <= parts.len().saturating_mul(3));
    drop((message.subject(), message.from(), message.date(), message.references()));

    let whole: Vec<_> = parts
        .iter()
        .map(|part| {
            (
                part.parent(),
                part.kind(),
                names(part.headers()),
                if part.kind() == Kind::Leaf { part.raw_body() } else { b"" }.to_vec(),
            )
        })
        .collect();
    let (mut told, mut defects): (Vec<(Option<usize>, Kind, String, Vec<u8>)>, Vec<Defect>) =
        Default::default();
    let mut tell = |event: Event<'_>| match event {
        Event::Part(head) => told.push((head.parent, head.kind, names(head.headers), Vec::new())),
        Event::Body { part, octets } => told[part].3.extend_from_slice(octets),
        Event::Defect(defect) => defects.push(defect),
        _ => {}
    };
    let mut stream = Stream::new(limits);
    for piece in pieces(raw, cut) {
        stream.feed(piece, &mut tell);
    }
    stream.finish(&mut tell);
    assert_eq!(told, whole);
    assert_eq!(defects, message.defects());
    read_as_written(data);
}

/// A message that is put together of parts is taken apart into them.
fn read_as_written(data: &[u8]) {
    let ([seed], data) = knobs(data);
    let mut random = Random(u32::from(seed));
    let mut written = Written { octets: Vec::new(), parts: Vec::new() };
    let bodies: Vec<&[u8]> = data.split(|&octet| octet == 0).take(12).collect();
    written.entity(&mut bodies.as_slice(), None, 3, &mut random);
    let message = Message::parse(&written.octets);
    let shown = || written.octets.escape_ascii().to_string();
    let read: Vec<_> = message
        .parts()
        .iter()
        .map(|part| {
            let body = if part.kind() == Kind::Leaf { part.bytes().into_owned() } else { Vec::new() };
            (
                part.parent(),
                part.kind(),
                part.headers().get("x-number").map(|field| field.text().into_owned()),
                body,
            )
        })
        .collect();
    assert_eq!(read, written.parts, "{}", shown());
    let is_wrong = |defect: &&Defect| defect.kind != mailbearer_mime::parse::DefectKind::UnnamedCharset;
    assert_eq!(message.defects().iter().find(is_wrong), None, "{}", shown());
}

struct Written {
    octets: Vec<u8>,
    /// Parent, kind, number and body of each part.
    parts: Vec<(Option<usize>, Kind, Option<String>, Vec<u8>)>,
}

impl Written {
    /// Writes a header section and a body: octets of `bodies` as they are or in base64, a multipart or a message.
    fn entity(&mut self, bodies: &mut &[&[u8]], parent: Option<usize>, depth: usize, random: &mut Random) {
        let index = self.parts.len();
        let begin = |written: &mut Self, kind, fields: &str, body| {
            written.octets.extend(format!("X-Number: {index}\r\n{fields}\r\n\r\n").into_bytes());
            written.parts.push((parent, kind, Some(index.to_string()), body));
        };
        let form = if depth == 0 || bodies.len() < 2 { random.below(2) } else { random.below(4) };
        if form < 2 {
            let first = bodies.first().copied().unwrap_or_default();
            *bodies = bodies.get(1..).unwrap_or_default();
            if form == 0 {
                begin(self, Kind::Leaf, "Content-Transfer-Encoding: base64", first.to_vec());
                let text = by_hand::base64(first);
                let lines: Vec<&[u8]> = text.as_bytes().chunks(76).collect();
                return self.octets.extend(lines.join(&b"\r\n"[..]));
            }
            // No line of it looks like a boundary, and no CR at its end belongs to one: `\r\r\n` is a line end, too.
            let end = first.iter().rposition(|&octet| octet != b'\r').map_or(0, |last| last + 1);
            let body: Vec<u8> =
                first[..end].iter().map(|&octet| if octet == b'-' { b'+' } else { octet }).collect();
            begin(self, Kind::Leaf, "Content-Type: text/plain", body.clone());
            return self.octets.extend(body);
        }
        if form == 2 {
            begin(self, Kind::Message, "Content-Type: message/rfc822", Vec::new());
            return self.entity(bodies, Some(index), depth - 1, random);
        }
        // One boundary may begin with another.
        let boundary = ["b", "bb", "b b"][depth - 1];
        let field = format!("Content-Type: multipart/mixed;\r\n boundary=\"{boundary}\"");
        begin(self, Kind::Multipart, &field, Vec::new());
        self.octets.extend(b"This is for old readers.");
        for _ in 0..=random.below(3) {
            self.octets.extend(format!("\r\n--{boundary}\r\n").into_bytes());
            self.entity(bodies, Some(index), depth - 1, random);
        }
        self.octets.extend(format!("\r\n--{boundary}--").into_bytes());
    }
}

fn names(headers: mailbearer_mime::Headers<'_>) -> String {
    headers.iter().map(|field| field.name().to_owned() + ",").collect()
}
