//! `Content-Type` and `Content-Disposition` with their parameters (RFC 2045 section 5.1, RFC 2183, RFC 2231).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::charset::{Charset, guess};
use super::encoded_word::unstructured;
use crate::ascii::{find, hex_value, tail};
use crate::headers::{Limits, unfold};

/// Value of a `Content-Type` header.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        let (mut essence, parameters) = structured(value, limits);
        if !essence.contains('/') {
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
        let (kind, parameters) = structured(value, limits);
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

fn structured(value: &[u8], limits: &Limits) -> (String, Parameters) {
    let value = unfold(value);
    let mut fields = Fields(&value);
    let head = without_comment(fields.next().unwrap_or_default()).to_ascii_lowercase();
    let mut pieces: Vec<Piece> = fields.filter_map(Piece::parse).take(limits.parameters).collect();
    // Stable, so that of two equal names the first counts.
    pieces.sort_by(|a, b| (&a.name, a.section).cmp(&(&b.name, b.section)));
    let list = pieces
        .chunk_by(|a, b| a.name == b.name)
        .filter_map(|pieces| Some((pieces.first()?.name.clone(), assemble(pieces)?)))
        .collect();
    (guess(&head).into_owned(), Parameters { list })
}

/// What is between semicolons, those in quotes not counted.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (mut quoted, mut escaped) = (false, false);
        let end = self.0.iter().position(|&byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
            byte == b';' && !quoted
        });
        let (field, rest) = self.0.split_at_checked(end.unwrap_or(self.0.len())).unwrap_or_default();
        self.0 = tail(rest, 1);
        Some(field.trim_ascii())
    }
}

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
fn assemble(pieces: &[Piece]) -> Option<String> {
    let first = pieces.first()?;
    let numbered = match first.section {
        Section::Plain => {
            let value = &first.value;
            // RFC 2047 section 5 forbids it, and it is common.
            let decoded = if find(value, *b"=?").is_some() { unstructured(value) } else { guess(value) };
            return Some(decoded.into_owned());
        }
        Section::Whole => core::slice::from_ref(first),
        Section::Number(_) => pieces,
    };
    let mut bytes = Vec::new();
    let mut charset = None;
    let mut expected = 0u16;
    for piece in numbered {
        match piece.section {
            Section::Number(number) if number == expected => expected = expected.saturating_add(1),
            Section::Whole => {}
            // The second of a doubled section, and what follows a gap.
            Section::Number(number) if number < expected => continue,
            Section::Number(_) | Section::Plain => break,
        }
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
        return assemble(core::slice::from_ref(plain));
    }
    let label = charset.and_then(|label| str::from_utf8(label).ok()).unwrap_or_default();
    Some(Charset::for_label(label).unwrap_or(Charset::Guess).decode(&bytes).into_owned())
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
    let mut content = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => break,
            // Only what needs an escape is one: Windows paths come unescaped.
            b'\\' => content.push(bytes.next_if(|next| matches!(next, b'"' | b'\\')).unwrap_or(byte)),
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

    #[test]
    fn reads_parameters() {
        let rows: &[(&str, &str, &[(&str, &str)])] = &[
            ("text/plain; charset=us-ascii (Plain text)", "text/plain", &[("charset", "us-ascii")]),
            ("TEXT/Plain; CharSet=\"UTF-8\"", "text/plain", &[("charset", "UTF-8")]),
            ("text/html ; charset = \"a;b\\\"c\" ; x=1;", "text/html", &[("charset", "a;b\"c"), ("x", "1")]),
            ("text/plain (comment)", "text/plain", &[]),
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
