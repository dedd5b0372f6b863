//! The header section of a message, borrowed.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use crate::ascii::{is_wsp, tail};
use crate::decode::{self, Charset, ContentType, Disposition};
use crate::line_end::{LineEnd, without_cr};

/// How much of a message's headers is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of a header section, without the empty line after it. Default 1 MiB.
    pub header_octets: usize,
    /// Header fields in a section. Default 1,000.
    pub headers: usize,
    /// Parameters of one header, each piece of a continued one counted (RFC 2231 section 3). Default 256;
    /// those after it are ignored.
    pub parameters: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { header_octets: 1 << 20, headers: 1_000, parameters: 256 }
    }
}

/// The header fields of a message or a body part, in their order.
///
/// Lines end in CRLF, bare LF or CR CR LF; in CR alone where the section has no LF, as old Macs wrote it. A line that is
/// neither a field nor the continuation of one is passed over, as is a `From ` line of an mbox, and a byte order mark in
/// front of all. Octets that no label belongs to are read in the charset of the section's own `Content-Type`, unless they
/// are UTF-8.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    section: &'a [u8],
    body: &'a [u8],
    raw_charset: Charset,
    ends: LineEnd,
}

impl<'a> Headers<'a> {
    /// Finds the header section of `message` with the default [`Limits`].
    ///
    /// Without an empty line all of `message` is headers, which suits `BODY[HEADER]` and its like.
    ///
    /// # Errors
    ///
    /// Fails if the section has more octets or fields than the limits allow.
    pub fn parse(message: &'a [u8]) -> Result<Self, LimitExceeded> {
        Self::parse_with(message, &Limits::default())
    }

    /// [`parse`](Self::parse) with other limits.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_with(message: &'a [u8], limits: &Limits) -> Result<Self, LimitExceeded> {
        let (headers, exceeded) = Self::find(message, limits);
        exceeded.map_or(Ok(headers), Err)
    }

    /// The fields of a section that is known to be within the limits.
    pub(crate) fn of(section: &'a [u8], raw_charset: Charset, ends: LineEnd) -> Self {
        Self { section: without_wsp(section), body: &[], raw_charset, ends }
    }

    fn find(message: &'a [u8], limits: &Limits) -> (Self, Option<LimitExceeded>) {
        let message = message.strip_prefix(BYTE_ORDER_MARK).unwrap_or(message);
        let ends = LineEnd::of(message);
        let (mut rest, mut count, mut exceeded) = (message, 0usize, None);
        let body = loop {
            let after = ends.behind_line(rest);
            match rest.first() {
                None | Some(b'\r' | b'\n') if ends.starts_empty(rest) => break after,
                Some(b' ' | b'\t') => {}
                _ => count = count.saturating_add(1),
            }
            if message.len().saturating_sub(after.len()) > limits.header_octets {
                exceeded = Some(LimitExceeded::HeaderOctets(limits.header_octets));
                break rest;
            }
            if count > limits.headers {
                exceeded = Some(LimitExceeded::Headers(limits.headers));
                break rest;
            }
            rest = after;
        };
        let section = message.get(..message.len().saturating_sub(rest.len())).unwrap_or_default();
        let section = without_wsp(section);
        let mut headers = Self { section, body, raw_charset: Charset::Guess, ends };
        if !section.is_ascii() || memchr::memchr2(0x1B, 0x0E, section).is_some() {
            let content_type = headers.get("content-type");
            let charset = content_type
                .and_then(|field| Charset::for_label(field.content_type(&Limits::default()).charset()?));
            headers.raw_charset = charset.unwrap_or(Charset::Guess);
        }
        (headers, exceeded)
    }

    /// The fields from first to last.
    #[must_use]
    pub fn iter(&self) -> HeadersIter<'a> {
        HeadersIter { rest: self.section, raw_charset: self.raw_charset, ends: self.ends }
    }

    /// First field of that name, whatever its case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Header<'a>> {
        if self.ends == LineEnd::Cr {
            return self.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        }
        let mut rest = self.section;
        loop {
            rest = line_with(name, rest)?;
            // A line that is no field gives the field behind it.
            let field = HeadersIter { rest, ..self.iter() }.next()?;
            if field.name.eq_ignore_ascii_case(name) {
                return Some(field);
            }
            rest = self.ends.behind_line(rest);
        }
    }

    /// What follows the empty line.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }
}

/// Without white space in front of the first field, which goes on with nothing.
fn without_wsp(section: &[u8]) -> &[u8] {
    tail(section, section.iter().take_while(|&&byte| is_wsp(byte)).count())
}

/// The section from a line on that begins with the name. The first octets rule most lines out.
#[inline(never)]
fn line_with<'a>(name: &str, section: &'a [u8]) -> Option<&'a [u8]> {
    let mut rest = section;
    loop {
        if let Some((start, [b':' | b' ' | b'\t' | b'\r' | b'\n', ..])) = rest.split_at_checked(name.len())
            && start.eq_ignore_ascii_case(name.as_bytes())
        {
            return Some(rest);
        }
        let end = memchr::memchr(b'\n', rest)?;
        rest = tail(rest, end.saturating_add(1));
    }
}

impl<'a> IntoIterator for &Headers<'a> {
    type Item = Header<'a>;
    type IntoIter = HeadersIter<'a>;

    fn into_iter(self) -> HeadersIter<'a> {
        self.iter()
    }
}

/// Fields of [`Headers`].
#[derive(Clone, Debug)]
pub struct HeadersIter<'a> {
    rest: &'a [u8],
    raw_charset: Charset,
    ends: LineEnd,
}

impl<'a> Iterator for HeadersIter<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        while !self.rest.is_empty() {
            let start = self.rest;
            let mut rest = self.ends.behind_line(start);
            while rest.first().copied().is_some_and(is_wsp) {
                rest = self.ends.behind_line(rest);
            }
            self.rest = rest;
            let field = start.get(..start.len().saturating_sub(rest.len())).unwrap_or_default();
            if let Some(header) = Header::new(field, self.raw_charset, self.ends) {
                return Some(header);
            }
        }
        None
    }
}

/// One header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    name: &'a str,
    raw: &'a [u8],
    raw_charset: Charset,
    ends: LineEnd,
}

impl<'a> Header<'a> {
    fn new(field: &'a [u8], raw_charset: Charset, ends: LineEnd) -> Option<Self> {
        let colon = memchr::memchr(b':', field)?;
        let (name, value) = field.split_at_checked(colon)?;
        // White space before the colon is `obs-optional` of RFC 5322 section 4.5.
        let name = name.trim_ascii_end();
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let value = tail(value, 1);
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        let raw = value.strip_suffix(b"\r").unwrap_or(value);
        Some(Self { name: str::from_utf8(name).ok()?, raw, raw_charset, ends })
    }

    /// Name as it is written.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// What follows the colon, folds and white space included, without the last line end.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Value unfolded (RFC 5322 section 2.2.3) and without white space around it.
    #[must_use]
    pub fn value(&self) -> Cow<'a, [u8]> {
        let value = self.raw.trim_ascii();
        if self.ends == LineEnd::Cr { Cow::Owned(unfold_cr(value)) } else { unfold(value) }
    }

    /// What follows the colon, with folds that every reader of values knows.
    fn folded(&self) -> Cow<'a, [u8]> {
        if self.ends == LineEnd::Cr { Cow::Owned(unfold_cr(self.raw)) } else { Cow::Borrowed(self.raw) }
    }

    /// Value for people: unfolded, and with its encoded words decoded as [`decode::unstructured`] does.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        match self.folded() {
            Cow::Borrowed(raw) => decode::unstructured_in(raw.trim_ascii(), self.raw_charset),
            Cow::Owned(raw) => {
                Cow::Owned(decode::unstructured_in(raw.trim_ascii(), self.raw_charset).into_owned())
            }
        }
    }

    /// Value of an address header, as [`decode::address_list`] reads it.
    #[must_use]
    pub fn addresses(&self) -> Vec<decode::AddressOrGroup> {
        decode::address_list_in(&self.folded(), self.raw_charset)
    }

    /// Value of a `Content-Type`.
    #[must_use]
    pub fn content_type(&self, limits: &Limits) -> ContentType {
        ContentType::parse_in(&self.folded(), limits, self.raw_charset)
    }

    /// Value of a `Content-Disposition`.
    #[must_use]
    pub fn disposition(&self, limits: &Limits) -> Disposition {
        Disposition::parse_in(&self.folded(), limits, self.raw_charset)
    }
}

/// More headers than the [`Limits`] allow; holds the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitExceeded {
    /// [`Limits::header_octets`]
    HeaderOctets(usize),
    /// [`Limits::headers`]
    Headers(usize),
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderOctets(limit) => write!(f, "header section is longer than {limit} octets"),
            Self::Headers(limit) => write!(f, "message has more than {limit} header fields"),
        }
    }
}

impl core::error::Error for LimitExceeded {}

/// U+FEFF in UTF-8, with which some editors begin a file. It is part of no message.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Drops each line end that is followed by white space; the white space stays.
pub(crate) fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut unfolded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let (line, after) = rest.split_at_checked(end).unwrap_or_default();
        let after = tail(after, 1);
        if after.first().copied().is_some_and(is_wsp) {
            unfolded.extend_from_slice(without_cr(line));
        } else {
            unfolded.extend_from_slice(line);
            unfolded.push(b'\n');
        }
        rest = after;
    }
    unfolded.extend_from_slice(rest);
    Cow::Owned(unfolded)
}

/// A value whose folds end in CR. White space follows each line end in it.
fn unfold_cr(value: &[u8]) -> Vec<u8> {
    value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::{format, vec};
    use proptest::prelude::*;

    #[test]
    fn walks_the_fields() {
        let message =
            b"From someone Mon\nSubject : =?utf-8?Q?a?=\r\n =?utf-8?Q?b?=\r\nTo:a@b\n\tc\nnonsense\r\n\
            Empty:\r\nB\xE4d: x\r\n: y\r\nsubject: second\r\n\r\nbody: no\r\n\r\nmore";
        let headers = Headers::parse(message).unwrap();
        let got: Vec<(&str, &[u8])> = headers.iter().map(|header| (header.name(), header.raw())).collect();
        let want: Vec<(&str, &[u8])> = vec![
            ("Subject", b" =?utf-8?Q?a?=\r\n =?utf-8?Q?b?="),
            ("To", b"a@b\n\tc"),
            ("Empty", b""),
            ("subject", b" second"),
        ];
        assert_eq!(got, want);
        assert_eq!(headers.body(), b"body: no\r\n\r\nmore");
        let subject = headers.get("SUBJECT").unwrap();
        assert_eq!(subject.value().as_ref(), b"=?utf-8?Q?a?= =?utf-8?Q?b?=");
        assert_eq!(subject.text(), "ab");
        assert_eq!(headers.get("to").unwrap().value().as_ref(), b"a@b\tc");
        assert_eq!(headers.get("cc"), None);
    }

    #[test]
    fn finds_the_field_that_is_asked_for() {
        // A line that only begins like the name is no field, and the one behind it is another's.
        let broken = Headers::parse(b"To whom: x@y\r\nCC: a@b\r\nSubj\r\n : folded\r\n\r\n").unwrap();
        assert_eq!(broken.get("to"), None);
        assert_eq!(broken.get("cc").unwrap().name(), "CC");
        assert_eq!(broken.get("subj").unwrap().value().as_ref(), b"folded");
    }

    #[test]
    fn reads_raw_octets_as_the_message_is_written() {
        let rows: &[(&[u8], &str)] = &[
            (b"Subject: gr\xFCn\r\n", "grün"),
            (b"Subject: \xCF\xF0\r\nContent-Type: text/plain; charset=windows-1251\r\n", "Пр"),
            (b"\xEF\xBB\xBFSubject: gr\xC3\xBCn\r\nContent-Type: text/plain; charset=koi8-r\r\n", "grün"),
            (b"Content-Type: text/plain; charset=iso-2022-jp\r\nSubject: \x1B$BF|\x1B(B\r\n", "日"),
            (
                b"Content-Type: text/plain; charset=gb2312\r\nSubject: =?utf-8?q?=E4=BD=A0?= \xC4\xE3\r\n",
                "你 你",
            ),
            (b"Content-Type: text/plain; charset=x-klingon\r\nSubject: \xFC\r\n", "ü"),
        ];
        for (message, want) in rows {
            let headers = Headers::parse(message).unwrap();
            let subject = headers.get("subject").unwrap();
            let want = if cfg!(feature = "charsets") { *want } else { continue };
            assert_eq!(subject.text(), want, "{}", message.escape_ascii());
        }
    }

    #[test]
    fn finds_the_end() {
        let rows: &[(&[u8], usize, &[u8])] = &[
            (b"", 0, b""),
            (b"\r\n", 0, b""),
            (b"\nx", 0, b"x"),
            (b"A: b", 1, b""),
            (b"A: b\r", 1, b""),
            (b"A: b\r\n", 1, b""),
            (b"A: b\r\n\r\n", 1, b""),
            (b"A: b\n\nx", 1, b"x"),
            (b"A: b\r\r\nC: d\r\r\n\r\r\nx", 2, b"x"),
            (b"A: b\r\rx", 1, b"x"),
            (b"A: b\r\rx\n", 1, b""),
            (b"A: b\r\n \r\nC: d\r\n\r\nx", 2, b"x"),
            (b" first: x\r\nA: b\r\n\r\nx", 2, b"x"),
        ];
        for (message, count, body) in rows {
            let headers = Headers::parse(message).unwrap();
            let name = message.escape_ascii();
            assert_eq!((headers.iter().count(), headers.body()), (*count, *body), "{name}");
        }
    }

    #[test]
    fn keeps_to_its_limits() {
        let limits = Limits { header_octets: 12, headers: 2, ..Limits::default() };
        let rows: &[(&str, Result<usize, LimitExceeded>)] = &[
            ("A: b\r\nC: d\r\n\r\nE: f\r\n", Ok(2)),
            ("A: bcdef\r\n", Ok(1)),
            ("A: bcdefgh\r\n", Ok(1)),
            ("A: bcdefghi\r\n", Err(LimitExceeded::HeaderOctets(12))),
            ("A:\n \n \n \n \n\nx", Ok(1)),
            ("A:\nB:\nC:\n", Err(LimitExceeded::Headers(2))),
        ];
        for (message, want) in rows {
            let got = Headers::parse_with(message.as_bytes(), &limits).map(|headers| headers.iter().count());
            assert_eq!(got, *want, "{message:?}");
        }
        let many: String = (0..=Limits::default().headers).map(|n| format!("X: {n}\n")).collect();
        assert_eq!(Headers::parse(many.as_bytes()).err(), Some(LimitExceeded::Headers(1_000)));
    }

    /// Fields whose lines end in CR, and what follows them, where that is told within the first 1,000 octets.
    #[test]
    fn walks_fields_that_end_in_cr() {
        let folded = "Subject: =?utf-8?q?a?=\r =?utf-8?q?b?=\rTo: a@b,\r\tc@d\rContent-Type: a/b;\r x=y\r\r";
        for body in ["hi\rx: y\r", "hi\nx: y\n", ""] {
            let message = format!("{folded}{body}");
            let headers = Headers::parse(message.as_bytes()).unwrap();
            let subject = headers.get("SUBJECT").unwrap();
            assert_eq!((&*subject.text(), subject.raw()), ("ab", &b" =?utf-8?q?a?=\r =?utf-8?q?b?="[..]));
            assert_eq!(subject.value().as_ref(), b"=?utf-8?q?a?= =?utf-8?q?b?=");
            let to = headers.get("to").unwrap().addresses();
            let people = ["a@b", "c@d"]
                .map(|who| decode::AddressOrGroup::Address(decode::DisplayAddress::new("", who)));
            assert_eq!(to, people);
            let content_type = headers.get("content-type").unwrap().content_type(&Limits::default());
            assert_eq!((content_type.essence.as_str(), content_type.parameters.get("x")), ("a/b", Some("y")));
            assert_eq!((headers.iter().count(), headers.body()), (3, body.as_bytes()));
        }
        for (name, first, next, end, is_cr) in [
            ("a CR in time", 900, "B: c", "\r\rd", true),
            ("an LF after it", 900, "B: c", "\r\rd\n", true),
            ("a CR too late", 1_000, "B: c", "\r\rd", false),
            ("an LF in the section", 900, "B: c", "\rd\n\n", false),
            ("no field behind it", 900, "B c", "\r\rd", false),
            ("a line folded behind it", 900, " c", "\r\rd", true),
            ("a stray one in front of an LF", 900, "B: c", "\r\r\nE: f\n", false),
        ] {
            let message = format!("A: {}\r{next}{end}", "x".repeat(first - "A: ".len()));
            let headers = Headers::parse(message.as_bytes()).unwrap();
            let raw = headers.get("a").unwrap().raw();
            assert_eq!(headers.ends == LineEnd::Cr, is_cr, "{name}");
            assert_eq!(raw.contains(&b'\r'), !is_cr || next.starts_with(' '), "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>(), text in "[aB: \t\r\n]{0,40}") {
            for input in [bytes.as_slice(), text.as_bytes()] {
                if let Ok(headers) = Headers::parse(input) {
                    for header in &headers {
                        let _ = (header.value(), header.text());
                    }
                }
            }
        }
    }
}
