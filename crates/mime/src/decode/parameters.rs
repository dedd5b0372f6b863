//! `Content-Type` and `Content-Disposition` with their parameters (RFC 2045 section 5.1, RFC 2183, RFC 2231).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::charset::{Charset, guess};
use super::encoded_word::unstructured_in;
use crate::ascii::{find, hex_value, is_space, tail};
use crate::headers::{Limits, unfold};

/// Value of a `Content-Type` header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentType {
    /// `type/subtype` in lower case.
    pub essence: String,
    /// What follows it.
    pub parameters: Parameters,
}

impl ContentType {
    /// Reads the header's value with the default [`Limits::parameters`].
    ///
    /// A value without `type/subtype` counts as `text/plain`, as RFC 2045 section 5.2 suggests.
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        Self::parse_with(value, &Limits::default())
    }

    /// [`parse`](Self::parse) with other limits.
    #[must_use]
    pub fn parse_with(value: &[u8], limits: &Limits) -> Self {
        Self::parse_in(value, limits, Charset::Guess)
    }

    pub(crate) fn parse_in(value: &[u8], limits: &Limits, raw: Charset) -> Self {
        let (mut essence, parameters) = structured(value, limits, raw);
        // `text/plain, charset=utf-8`: a list of them is none of mail's.
        essence.truncate(essence.find(',').unwrap_or(essence.len()));
        if !essence.split_once('/').is_some_and(|(kind, subtype)| !kind.is_empty() && !subtype.is_empty()) {
            essence = String::from("text/plain");
        }
        Self { essence, parameters }
    }

    /// Label of the charset, if one is given.
    #[must_use]
    pub fn charset(&self) -> Option<&str> {
        self.parameters.get("charset")
    }
}

/// Value of a `Content-Disposition` header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disposition {
    /// `inline`, `attachment` or another word in lower case.
    pub kind: String,
    /// What follows it.
    pub parameters: Parameters,
}

impl Disposition {
    /// Reads the header's value with the default [`Limits::parameters`].
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        Self::parse_with(value, &Limits::default())
    }

    /// [`parse`](Self::parse) with other limits.
    #[must_use]
    pub fn parse_with(value: &[u8], limits: &Limits) -> Self {
        Self::parse_in(value, limits, Charset::Guess)
    }

    pub(crate) fn parse_in(value: &[u8], limits: &Limits, raw: Charset) -> Self {
        let (kind, parameters) = structured(value, limits, raw);
        Self { kind, parameters }
    }

    /// Name that the sender suggests for the file, decoded and otherwise as sent.
    ///
    /// It may be a path, hold control characters or be reserved on this system: never open a file by it
    /// unchecked.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.parameters.get("filename")
    }
}

/// Parameters of a header, decoded: continuations joined, percent escapes and charset resolved (RFC 2231),
/// and encoded words too, which many mailers put there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    list: Vec<(String, String)>,
}

impl Parameters {
    /// Value of the parameter of that name, whatever its case. The form of RFC 2231 wins over the plain one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Names in lower case, each once, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// One parameter as it is written. Its order is the order of assembly: by name, RFC 2231 before plain, by
/// section.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    name: String,
    section: Section,
    extended: bool,
    value: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    /// `name*=`
    Whole,
    /// `name*0=`, `name*0*=`
    Number(u16),
    /// `name=`
    Plain,
}

/// `raw` is the charset of octets that no label belongs to.
fn structured(value: &[u8], limits: &Limits, raw: Charset) -> (String, Parameters) {
    let whole = raw.without_halves(value);
    let value = unfold(whole.as_deref().unwrap_or(value));
    let mut fields = Fields { rest: &value, comments: true };
    let mut head = fields.next().unwrap_or_default().trim_ascii();
    // `Content-Disposition: filename=a.txt`
    if begins_known(head) {
        fields = Fields { rest: &value, comments: true };
        head = b"";
    }
    let head = first_word(head);
    let mut pieces: Vec<Piece> = fields.filter_map(Piece::parse).take(limits.parameters).collect();
    // Stable, so that of two equal names the first counts.
    pieces.sort_by(|a, b| (&a.name, a.section).cmp(&(&b.name, b.section)));
    let list = pieces
        .chunk_by(|a, b| a.name == b.name)
        .filter_map(|pieces| Some((pieces.first()?.name.clone(), assemble(pieces, raw)?)))
        .collect();
    (guess(&head).into_owned(), Parameters { list })
}

/// What stands in front of white space or a comment, in lower case and without quotes. RFC 2045 allows white space around a
/// slash.
fn first_word(head: &[u8]) -> Vec<u8> {
    let word =
        |text: &[u8]| text.iter().position(|&byte| is_space(byte) || byte == b'(').unwrap_or(text.len());
    let (first, rest) = head.split_at_checked(word(head)).unwrap_or_default();
    let mut essence = first.to_ascii_lowercase();
    if first.ends_with(b"/") || !rest.is_empty() {
        let slash =
            if first.ends_with(b"/") { Some(rest) } else { rest.trim_ascii_start().strip_prefix(b"/") };
        if let Some(second) = slash.map(<[u8]>::trim_ascii_start) {
            let slash = if first.ends_with(b"/") { &b""[..] } else { b"/" };
            essence.extend_from_slice(slash);
            essence.extend(second.get(..word(second)).unwrap_or_default().to_ascii_lowercase());
        }
    }
    essence.retain(|&byte| byte != b'"');
    essence
}

/// What is between semicolons, those in quotes and comments not counted. Where one is missing, white space before the
/// name of a parameter that mail has is as good.
struct Fields<'a> {
    rest: &'a [u8],
    /// Whether a comment that begins can end. Else `(` is a character of a file name.
    comments: bool,
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.end().unwrap_or_else(|| {
            self.comments = false;
            self.end().unwrap_or(self.rest.len())
        });
        let (field, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = tail(rest, 1);
        Some(field.trim_ascii())
    }
}

impl Fields<'_> {
    /// Where the next field ends; `None` where a comment does not.
    fn end(&self) -> Option<usize> {
        let (mut quoted, mut escaped, mut depth) = (false, false, 0_usize);
        let end = self.rest.iter().enumerate().position(|(at, &byte)| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted || depth > 0 => escaped = true,
                b'"' if depth == 0 => quoted = !quoted,
                _ if quoted => {}
                b'(' if self.comments => depth = depth.saturating_add(1),
                b')' => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                b';' => return true,
                _ if is_space(byte) && at > 0 => return begins_known(tail(self.rest, at.saturating_add(1))),
                _ => {}
            }
            false
        });
        if depth > 0 { None } else { Some(end.unwrap_or(self.rest.len())) }
    }
}

/// Whether `text` begins with `name=`, `name*=` or `name*0=` of a parameter that mail has.
fn begins_known(text: &[u8]) -> bool {
    let end =
        text.iter().take(MAX_NAME).position(|&byte| matches!(byte, b'=' | b';' | b'"') || is_space(byte));
    let Some(name) = end.filter(|&end| text.get(end) == Some(&b'=')).and_then(|end| text.get(..end)) else {
        return false;
    };
    let base = name.split(|&byte| byte == b'*').next().unwrap_or_default();
    KNOWN.iter().any(|known| base.eq_ignore_ascii_case(known.as_bytes()))
}

const MAX_NAME: usize = 24;

const KNOWN: [&str; 14] = [
    "charset",
    "name",
    "filename",
    "boundary",
    "format",
    "delsp",
    "report-type",
    "method",
    "type",
    "start",
    "size",
    "protocol",
    "micalg",
    "creation-date",
];

impl Piece {
    fn parse(field: &[u8]) -> Option<Self> {
        let equals = field.iter().position(|&byte| byte == b'=')?;
        let (name, value) = field.split_at_checked(equals)?;
        let name = str::from_utf8(name.trim_ascii()).ok()?.to_ascii_lowercase();
        let value = tail(value, 1).trim_ascii();
        let value = match value.strip_prefix(b"\"") {
            Some(quoted) => unquote(quoted),
            None => without_comment(value).to_vec(),
        };
        let (base, extended) = name.strip_suffix('*').map_or((name.as_str(), false), |base| (base, true));
        let (base, section) = match base.rsplit_once('*') {
            Some((base, number)) => (base, Section::Number(number.parse().ok()?)),
            None if extended => (base, Section::Whole),
            None => (base, Section::Plain),
        };
        Some(Self { name: base.into(), section, extended, value })
    }
}

/// Value of the pieces of one name, which are sorted.
fn assemble(pieces: &[Piece], raw: Charset) -> Option<String> {
    let first = pieces.first()?;
    let numbered = match first.section {
        Section::Plain => {
            return Some(plain(&first.value, raw));
        }
        Section::Whole => core::slice::from_ref(first),
        Section::Number(_) => pieces,
    };
    let mut bytes = Vec::new();
    let (mut charset, mut words) = (None, false);
    let mut expected = 0u16;
    for piece in numbered {
        match piece.section {
            Section::Number(number) if number == expected => expected = expected.saturating_add(1),
            Section::Whole => {}
            // The second of a doubled section, and what follows a gap.
            Section::Number(number) if number < expected => continue,
            Section::Number(_) | Section::Plain => break,
        }
        // What is encoded by RFC 2231 has no `=` and no `?`: a mailer has done both.
        words |= piece.extended && find(&piece.value, *b"=?").is_some();
        match &piece.extended {
            true if charset.is_none() && bytes.is_empty() => {
                // `charset'language'text`; without the quotes there is only text.
                let mut parts = piece.value.splitn(3, |&byte| byte == b'\'');
                let (label, _, text) = (parts.next(), parts.next(), parts.next());
                charset = label.filter(|_| text.is_some());
                percent_decode(text.unwrap_or(&piece.value), &mut bytes);
            }
            true => percent_decode(&piece.value, &mut bytes),
            false => bytes.extend_from_slice(&piece.value),
        }
    }
    if expected == 0 && first.section != Section::Whole {
        let plain = pieces.iter().find(|piece| piece.section == Section::Plain)?;
        return assemble(core::slice::from_ref(plain), raw);
    }
    let Some(label) = charset.filter(|_| !words) else { return Some(plain(&bytes, raw)) };
    let label = str::from_utf8(label).unwrap_or_default();
    Some(match Charset::for_label(label) {
        Some(charset) => charset.decode(&bytes).into_owned(),
        None if label.is_empty() => raw.decode_raw(&bytes).into_owned(),
        // What is not known is no windows-1252: what is not UTF-8 either shows that it was not read.
        None => String::from_utf8_lossy(&bytes).into_owned(),
    })
}

/// A value without a label. RFC 2047 section 5 forbids encoded words in it, and they are common, also cut over the
/// sections of RFC 2231.
fn plain(value: &[u8], raw: Charset) -> String {
    let decoded =
        if find(value, *b"=?").is_some() { unstructured_in(value, raw) } else { raw.decode_raw(value) };
    decoded.into_owned()
}

/// `ext-octet = "%" 2(DIGIT / "A" / … / "F")`; a percent sign that begins none stays.
fn percent_decode(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digits = match after {
            [high, low, after @ ..] if byte == b'%' => hex_value(*high).zip(hex_value(*low)).zip(Some(after)),
            _ => None,
        };
        match digits {
            Some(((high, low), after)) => {
                out.push(high << 4 | low);
                rest = after;
            }
            None => out.push(byte),
        }
    }
}

fn unquote(quoted: &[u8]) -> Vec<u8> {
    let last = memchr::memrchr(b'"', quoted).unwrap_or(quoted.len());
    let mut content = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter().copied().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' if at == last => break,
            // Only what needs an escape is one: Windows paths come unescaped.
            b'\\' => {
                let escaped = bytes.next_if(|(_, next)| matches!(next, b'"' | b'\\'));
                content.push(escaped.map_or(byte, |(_, escaped)| escaped));
            }
            // A quote that is not the last is one inside of quotes, as in `"the "new" one.pdf"`.
            _ => content.push(byte),
        }
    }
    content
}

/// Drops a comment at the end. One in the middle stays: it is part of a file name that should have been
/// quoted.
fn without_comment(value: &[u8]) -> Cow<'_, [u8]> {
    let open = value.iter().position(|&byte| byte == b'(');
    match open.and_then(|open| value.get(..open)) {
        Some(before) if value.ends_with(b")") => Cow::Borrowed(before.trim_ascii_end()),
        _ => Cow::Borrowed(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    /// RFC 2231 with an unknown charset is never silently windows-1252; encoded words over `filename*0`/`*1`.
    #[test]
    fn reads_parameters() {
        let rows: &[(&str, &str, &[(&str, &str)])] = &[
            ("text/plain; charset=us-ascii (Plain text)", "text/plain", &[("charset", "us-ascii")]),
            ("TEXT/Plain; CharSet=\"UTF-8\"", "text/plain", &[("charset", "UTF-8")]),
            ("text/html ; charset = \"a;b\\\"c\" ; x=1;", "text/html", &[("charset", "a;b\"c"), ("x", "1")]),
            ("text/plain (comment)", "text/plain", &[]),
            ("text/plain (a; charset=x (b; c=d)); charset=y", "text/plain", &[("charset", "y")]),
            ("text/plain; charset=y (a; charset=x); n=1", "text/plain", &[("charset", "y"), ("n", "1")]),
            ("text/plain (\\); charset=x) charset=y", "text/plain", &[("charset", "y")]),
            ("text/plain; name=a (1; charset=y", "text/plain", &[("name", "a (1"), ("charset", "y")]),
            ("text/plain; name=\"a (1\"; charset=y", "text/plain", &[("name", "a (1"), ("charset", "y")]),
            ("text", "text/plain", &[]),
            ("", "text/plain", &[]),
            ("multipart/mixed;\r\n\tboundary=\"a\r\n b\"", "multipart/mixed", &[("boundary", "a b")]),
            // RFC 2231 section 3, 4 and 4.1.
            (
                "message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
                "message/external-body",
                &[("access-type", "URL"), ("url", "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar")],
            ),
            (
                "application/x-stuff;\r\n title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
                "application/x-stuff",
                &[("title", "This is ***fun***")],
            ),
            (
                "application/x-stuff;\r\n title*0*=us-ascii'en'This%20is%20even%20more%20;\r\n title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n title*2=\"isn't it!\"",
                "application/x-stuff",
                &[("title", "This is even more ***fun*** isn't it!")],
            ),
            // Characters over two sections, any order, a gap, doubles.
            ("a/b; n*1*=%BC; n*0*=utf-8''%C3", "a/b", &[("n", "ü")]),
            ("a/b; n*0=a; n*2=c", "a/b", &[("n", "a")]),
            ("a/b; n*0=a; n*0=b; n*1=c", "a/b", &[("n", "ac")]),
            ("a/b; n*1=b; n=plain", "a/b", &[("n", "plain")]),
            ("a/b; n*1=b", "a/b", &[]),
            ("a/b; n=1; n=2", "a/b", &[("n", "1")]),
            ("a/b; n=plain; n*=utf-8''%e2%82%ac", "a/b", &[("n", "€")]),
            ("a/b; n*=utf-8''100%; m*=no%20quotes", "a/b", &[("n", "100%"), ("m", "no quotes")]),
            ("a/b; n*=x-klingon''%C3%BC", "a/b", &[("n", "ü")]),
            ("a/b; n*99999999999=x; n*x=y; n*-1=z", "a/b", &[]),
            // What mailers send.
            ("a/b; name=\"=?utf-8?Q?=C3=BC.pdf?=\"", "a/b", &[("name", "ü.pdf")]),
            ("a/b; name==?utf-8?Q?=C3=BC.pdf?=", "a/b", &[("name", "ü.pdf")]),
            ("a/b; name=my file (1).pdf", "a/b", &[("name", "my file (1).pdf")]),
            ("a/b; name=\"C:\\dir\\x.pdf\"", "a/b", &[("name", "C:\\dir\\x.pdf")]),
            ("a/b; name=\"open", "a/b", &[("name", "open")]),
            ("a/b; name=grün", "a/b", &[("name", "grün")]),
            ("a/b; =x; y; z=", "a/b", &[("z", "")]),
            ("a/b; name=\"the \"new\" one.pdf\"", "a/b", &[("name", "the \"new\" one.pdf")]),
            // Encoded words that are cut over sections.
            (
                "a/b; filename*0=\"=?UTF-8?B?R3LD\"; filename*1=\"vMOfZS5wZGY=?=\"",
                "a/b",
                &[("filename", "Grüße.pdf")],
            ),
            // Both at once.
            ("a/b; n*=utf-8''=?UTF-8?B?w7wucGRm?=", "a/b", &[("n", "ü.pdf")]),
            ("a/b; n*0*=utf-8''=?UTF-8?B?w7w; n*1*=ucGRm?=", "a/b", &[("n", "ü.pdf")]),
            ("a/b; n*=utf-8''%3D%3FUTF-8%3FB%3Fw7wucGRm%3F%3D", "a/b", &[("n", "=?UTF-8?B?w7wucGRm?=")]),
            // A parameter alone.
            ("charset=x; format=y", "text/plain", &[("charset", "x"), ("format", "y")]),
            // No semicolons.
            ("multipart/mixed\r\n\tboundary=\"b1\"", "multipart/mixed", &[("boundary", "b1")]),
            (
                "text/plain charset=utf-8 name=a b.txt",
                "text/plain",
                &[("charset", "utf-8"), ("name", "a b.txt")],
            ),
            ("a/b; name=\"x y\" charset=utf-8", "a/b", &[("name", "x y"), ("charset", "utf-8")]),
            ("a/b; filename=a filename*1=b", "a/b", &[("filename", "a")]),
            ("\"text/html\"; charset=utf-8", "text/html", &[("charset", "utf-8")]),
            ("Text / HTML (x); charset=utf-8", "text/html", &[("charset", "utf-8")]),
            ("text/ html", "text/html", &[]),
            ("text /html; n=1", "text/html", &[("n", "1")]),
            ("text html/x", "text/plain", &[]),
            ("text/html, charset=utf-8", "text/html", &[("charset", "utf-8")]),
            ("text/; charset=utf-8", "text/plain", &[("charset", "utf-8")]),
            // A charset that is not known is not windows-1252.
            ("a/b; n*=x-klingon''%E4%BD", "a/b", &[("n", "\u{FFFD}")]),
            ("a/b; n*=''%E4", "a/b", &[("n", "ä")]),
        ];
        for (input, essence, want) in rows {
            let got = ContentType::parse(input.as_bytes());
            assert_eq!(got.essence, *essence, "{input}");
            for (name, value) in *want {
                assert_eq!(got.parameters.get(name), Some(*value), "{input}");
            }
            let count = got.parameters.iter().filter(|(name, _)| !name.is_empty()).count();
            assert_eq!(count, want.len(), "{input}: {:?}", got.parameters);
        }
    }

    #[test]
    fn reads_dispositions() {
        let value = b"Attachment; FileName*=ISO-8859-1'de'%FCbung.txt; size=3";
        let disposition = Disposition::parse(value);
        assert_eq!(disposition.kind, "attachment");
        assert_eq!(disposition.file_name(), Some("übung.txt"));
        assert_eq!(disposition.parameters.get("SIZE"), Some("3"));
        let disposition = Disposition::parse(b"filename=a.txt; size=3");
        assert_eq!((disposition.kind.as_str(), disposition.file_name()), ("", Some("a.txt")));
        assert_eq!(disposition.parameters.get("size"), Some("3"));
    }

    #[test]
    fn ignores_what_is_past_the_limit() {
        let limits = Limits { parameters: 3, ..Limits::default() };
        let with = |count: usize| {
            let pieces: String = (0..count).map(|n| format!(";n*{n}={n}")).collect();
            ContentType::parse_with(format!("a/b{pieces}").as_bytes(), &limits)
        };
        assert_eq!(with(3).parameters.get("n"), Some("012"));
        assert_eq!(with(4).parameters.get("n"), Some("012"));
        assert_eq!(with(2).charset(), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a/;=*0-9'%\"\\\\()? \r\n]{0,40}", bytes in any::<Vec<u8>>()) {
            let _ = ContentType::parse(text.as_bytes());
            let _ = Disposition::parse(&bytes);
        }
    }
}
