//! What lies where in a message: the parts that `BODY[…]` and `BODYSTRUCTURE` speak of.

use std::ops::Range;

use mailbearer_imap::{Section, SectionOf, Text};
use mailbearer_mime::{Headers, decode::ContentType};

/// A message or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// The header with the empty line that ends it.
    pub(crate) header: Range<usize>,
    pub(crate) body: Range<usize>,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Leaf,
    Multi(Vec<Node>),
    Message(Box<Node>),
}

impl Node {
    /// Takes `octets` apart. What is nested too deep, or in too many parts, stays in one piece.
    pub(crate) fn parse(octets: &[u8]) -> Self {
        Finder { octets, parts_left: MAX_PARTS }.node(0..octets.len(), MAX_DEPTH, false)
    }

    /// The octets of a section; `None` where there is no such part.
    pub(crate) fn section(&self, octets: &[u8], section: &Section<'_>) -> Option<Piece> {
        if section.part.is_none() && matches!(section.of, SectionOf::Whole) {
            return Some(Piece::Range(0..octets.len()));
        }
        let mut part = self;
        let mut inner = Some(self);
        for number in section.part.numbers() {
            part = inner?.part(number)?;
            inner = match &part.kind {
                Kind::Message(message) => Some(message),
                Kind::Multi(_) => Some(part),
                Kind::Leaf => None,
            };
        }
        // A multipart has no header and text of its own kind, only a message has (RFC 9051 section 6.4.5.1).
        let message = match (&part.kind, section.part.is_none()) {
            (_, true) => Some(self),
            (Kind::Message(message), false) => Some(&**message),
            _ => None,
        };
        Some(match &section.of {
            SectionOf::Whole => Piece::Range(part.body.clone()),
            SectionOf::Mime => Piece::Range(part.header.clone()),
            SectionOf::Header => Piece::Range(message?.header.clone()),
            SectionOf::Text => Piece::Range(message?.body.clone()),
            SectionOf::Fields(names) => {
                Piece::Made(fields(octets.get(message?.header.clone())?, names, true))
            }
            SectionOf::FieldsNot(names) => {
                Piece::Made(fields(octets.get(message?.header.clone())?, names, false))
            }
        })
    }

    /// A part by its number; what is no multipart has itself as part 1.
    fn part(&self, number: u32) -> Option<&Self> {
        match &self.kind {
            Kind::Multi(parts) => parts.get(usize::try_from(number).ok()?.checked_sub(1)?),
            _ => (number == 1).then_some(self),
        }
    }
}

/// The octets of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// These of the message.
    Range(Range<usize>),
    /// Some that are put together again.
    Made(Vec<u8>),
}

const MAX_DEPTH: usize = 100;
const MAX_PARTS: usize = 10_000;

struct Finder<'a> {
    octets: &'a [u8],
    parts_left: usize,
}

impl Finder<'_> {
    fn node(&mut self, range: Range<usize>, depth: usize, digest: bool) -> Node {
        let octets = self.octets.get(range.clone()).unwrap_or_default();
        let split = range.start.saturating_add(header_end(octets));
        let (header, body) = (range.start..split, split..range.end);
        let fields = self.octets.get(header.clone()).unwrap_or_default();
        let kind = match (content_type(fields, digest), depth.checked_sub(1)) {
            (content, Some(depth)) if content.essence.starts_with("multipart/") => {
                let digest = content.essence == "multipart/digest";
                match content.parameters.get("boundary").map(|boundary| self.split(&body, boundary)) {
                    Some(ranges) if !ranges.is_empty() => {
                        Kind::Multi(ranges.into_iter().map(|range| self.node(range, depth, digest)).collect())
                    }
                    _ => Kind::Leaf,
                }
            }
            (content, Some(depth)) if content.essence == "message/rfc822" => {
                Kind::Message(Box::new(self.node(body.clone(), depth, false)))
            }
            _ => Kind::Leaf,
        };
        Node { header, body, kind }
    }

    /// The parts between the delimiters of RFC 2046 section 5.1.1; the line end before one belongs to it.
    fn split(&mut self, body: &Range<usize>, boundary: &str) -> Vec<Range<usize>> {
        let (mut parts, mut start, mut at) = (Vec::new(), None, body.start);
        for line in self.octets.get(body.clone()).unwrap_or_default().split_inclusive(|&octet| octet == b'\n')
        {
            let next = at.saturating_add(line.len());
            let rest = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary.as_bytes()));
            let last = match rest.map(<[u8]>::trim_ascii_end) {
                Some(b"") => false,
                Some(b"--") => true,
                _ => {
                    at = next;
                    continue;
                }
            };
            if let Some(start) = start {
                parts.push(start..self.before_line_end(start, at));
                self.parts_left = self.parts_left.saturating_sub(1);
            }
            start = (!last && self.parts_left > 0).then_some(next);
            if start.is_none() {
                return parts;
            }
            at = next;
        }
        if let Some(start) = start {
            parts.push(start..body.end);
        }
        parts
    }

    fn before_line_end(&self, start: usize, end: usize) -> usize {
        let octets = self.octets.get(start..end).unwrap_or_default();
        let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
        let octets = octets.strip_suffix(b"\r").unwrap_or(octets);
        start.saturating_add(octets.len())
    }
}

/// The `Content-Type` of a header, or the default if it has none.
pub(crate) fn content_type(header: &[u8], digest: bool) -> ContentType {
    let own = Headers::parse(header).ok().and_then(|headers| headers.get("Content-Type"));
    let default: &[u8] = if digest { b"message/rfc822" } else { b"text/plain" };
    own.map_or_else(|| ContentType::parse(default), |own| ContentType::parse(own.raw()))
}

/// Length of the header with its empty line, or of everything if there is no empty line.
fn header_end(octets: &[u8]) -> usize {
    let mut end = 0usize;
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        end = end.saturating_add(line.len());
        if matches!(line, b"\r\n" | b"\n") {
            break;
        }
    }
    end
}

/// The fields of `header` with one of `names`, or with none of them, and the empty line.
fn fields(header: &[u8], names: &[Text<'_>], wanted: bool) -> Vec<u8> {
    let (mut out, mut taking) = (Vec::new(), false);
    for line in header.split_inclusive(|&octet| octet == b'\n') {
        if matches!(line, b"\r\n" | b"\n") {
            break;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|&octet| octet == b':').next().unwrap_or_default().trim_ascii_end();
            taking = names.iter().any(|other| other.eq_ignore_ascii_case(name)) == wanted;
        }
        if taking {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {

    use mailbearer_imap::Part;

    use super::*;

    const MIXED: &str = "Subject: s\r\nTo: a,\r\n b\r\nContent-Type: multipart/mixed; boundary=\"x y\"\r\n\r\npreamble\r\n\
        --x y\r\nContent-Type: text/plain\r\n\r\none\r\n\
        --x y\r\nContent-Type: message/rfc822\r\nX: m\r\n\r\nSubject: inner\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
        --b\r\n\r\ntwo-one\r\n--b \r\nContent-Type: text/html\r\n\r\n<two>\r\n\r\n--b--\r\n\r\n\
        --x y\r\nContent-Type: message/rfc822\r\n\r\nSubject: plain\r\n\r\nthree\r\n--x y--\r\nepilogue\r\n";

    fn get(message: &str, part: &str, of: SectionOf<'_>) -> Option<String> {
        let octets = message.as_bytes();
        let section = Section { part: Part::parse(part).unwrap(), of };
        Node::parse(octets).section(octets, &section).map(|piece| {
            let octets = match piece {
                Piece::Range(range) => octets[range].to_vec(),
                Piece::Made(octets) => octets,
            };
            String::from_utf8(octets).unwrap()
        })
    }

    #[test]
    fn finds_each_section() {
        use SectionOf::{Header, Mime, Text, Whole};
        let plain = "Subject: s\r\n\r\nbody\r\n";
        let rows = [
            (plain, "", Whole, Some(plain)),
            (plain, "", Header, Some("Subject: s\r\n\r\n")),
            (plain, "", Text, Some("body\r\n")),
            (plain, "1", Whole, Some("body\r\n")),
            (plain, "2", Whole, None),
            (plain, "1.1", Whole, None),
            (plain, "1", Header, None),
            ("no header", "", Text, Some("")),
            ("\r\nonly body", "", Text, Some("only body")),
            (MIXED, "1", Whole, Some("one")),
            (MIXED, "1", Mime, Some("Content-Type: text/plain\r\n\r\n")),
            (MIXED, "1", Text, None),
            (MIXED, "2", Mime, Some("Content-Type: message/rfc822\r\nX: m\r\n\r\n")),
            (
                MIXED,
                "2",
                Header,
                Some("Subject: inner\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"),
            ),
            (MIXED, "2.1", Whole, Some("two-one")),
            (MIXED, "2.2", Whole, Some("<two>\r\n")),
            (MIXED, "2.2", Mime, Some("Content-Type: text/html\r\n\r\n")),
            (MIXED, "2.3", Whole, None),
            (MIXED, "3", Text, Some("three")),
            (MIXED, "3.1", Whole, Some("three")),
            (MIXED, "4", Whole, None),
        ];
        for (message, part, of, want) in rows {
            assert_eq!(get(message, part, of.clone()).as_deref(), want, "{part} {of:?}");
        }
    }

    #[test]
    fn picks_fields_with_their_folds() {
        let names = vec![Text::from(&b"to"[..]), Text::from(&b"NONE"[..])];
        let some = get(MIXED, "", SectionOf::Fields(names.clone())).unwrap();
        assert_eq!(some, "To: a,\r\n b\r\n\r\n");
        let rest = get(MIXED, "", SectionOf::FieldsNot(names)).unwrap();
        assert_eq!(rest, "Subject: s\r\nContent-Type: multipart/mixed; boundary=\"x y\"\r\n\r\n");
    }

    #[test]
    fn stays_within_its_bounds() {
        let mut nested = String::new();
        for level in 0..300 {
            nested.push_str(&format!("Content-Type: multipart/mixed; boundary={level}\r\n\r\n--{level}\r\n"));
        }
        assert!(get(&nested, &["1"; 100].join("."), SectionOf::Whole).is_some());
        assert!(get(&nested, &["1"; 102].join("."), SectionOf::Whole).is_none());
        let wide = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
            "--b\r\n\r\n".repeat(MAX_PARTS + 5)
        );
        assert!(get(&wide, "10000", SectionOf::Whole).is_some());
        assert!(get(&wide, "10001", SectionOf::Whole).is_none());
    }
}
