use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

#[cfg(feature = "guess")]
use super::Kind;
use super::split::{Fields, Sink, Splitter};
use super::{Defect, Limits, Part};
use crate::DateTime;
use crate::decode::{AddressOrGroup, Charset, unstructured};
#[cfg(feature = "guess")]
use crate::decode::{Utf8, looks_like_utf8};
use crate::headers::{BYTE_ORDER_MARK, Header, Headers};
use crate::line_end::{LineEnd, cr_line};

/// A message in memory, taken apart.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    parts: Vec<Part<'a>>,
    defects: Vec<Defect>,
}

impl<'a> Message<'a> {
    /// Takes a message apart with the default [`Limits`].
    #[must_use]
    pub fn parse(raw: &'a [u8]) -> Self {
        Self::parse_with(raw, &Limits::default())
    }

    /// Takes a message apart with these limits.
    #[must_use]
    pub fn parse_with(raw: &'a [u8], limits: &Limits) -> Self {
        let mut collector =
            Collector { raw, parts: Vec::new(), begins: Vec::new(), kept: 0, defects: Vec::new() };
        let ends = LineEnd::of(raw);
        let mut splitter = Splitter::new(limits.clone(), ends, &mut collector);
        let mut rest = raw;
        if ends == LineEnd::Lf {
            let mut start = 0usize;
            for end in memchr::memchr_iter(b'\n', raw) {
                let end = end.saturating_add(1);
                splitter.piece(raw.get(start..end).unwrap_or_default(), true, &mut collector);
                start = end;
            }
            rest = raw.get(start..).unwrap_or_default();
        }
        while !rest.is_empty() {
            let end = if ends == LineEnd::Lf { rest.len() } else { cr_line(rest) };
            let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            splitter.piece(line, true, &mut collector);
            rest = after;
        }
        splitter.finish(&mut collector);
        let Collector { mut parts, defects, .. } = collector;
        // A multipart has no charset of its own. Its first text has, and the header fields are written in it.
        let charset =
            parts.iter().find_map(|part| part.fields.content_type.charset().and_then(Charset::named));
        // Where there is none, all that is outside ASCII together tells most.
        let unnamed = if charset.is_none() { found_in(&parts) } else { Charset::Guess };
        for part in &mut parts {
            let own = part.fields.content_type.charset().and_then(Charset::named);
            part.raw_charset = own.or(charset).unwrap_or(unnamed);
            part.unnamed = unnamed;
            part.ends = ends;
            if part.fields.is_raw {
                part.read_again(&limits.headers);
            }
        }
        Self { parts, defects }
    }

    /// All parts in the order in which they stand in the message. The first is the message itself.
    #[must_use]
    pub fn parts(&self) -> &[Part<'a>] {
        &self.parts
    }

    /// The parts of the multipart `index`, or the one message of an attached message.
    #[must_use]
    pub fn children(&self, of: usize) -> Parts<'_, 'a> {
        Parts::of(self.parts.iter().filter(|part| part.parent == Some(of)).collect())
    }

    /// What is wrong with it, in the order of the octets.
    #[must_use]
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }

    /// The header fields of the message.
    #[must_use]
    pub fn headers(&self) -> Headers<'a> {
        self.parts.first().map_or_else(Headers::default, Part::headers)
    }

    /// `Subject`, decoded.
    #[must_use]
    pub fn subject(&self) -> Option<Cow<'a, str>> {
        self.field("subject").map(|field| field.text())
    }

    /// `From`: the authors, as the message names them.
    #[must_use]
    pub fn from(&self) -> Vec<AddressOrGroup> {
        self.addresses("from")
    }

    /// `To`.
    #[must_use]
    pub fn to(&self) -> Vec<AddressOrGroup> {
        self.addresses("to")
    }

    /// `Cc`.
    #[must_use]
    pub fn cc(&self) -> Vec<AddressOrGroup> {
        self.addresses("cc")
    }

    /// `Reply-To`: where replies go, if not to [`from`](Self::from).
    #[must_use]
    pub fn reply_to(&self) -> Vec<AddressOrGroup> {
        self.addresses("reply-to")
    }

    /// The addresses of every field of that name.
    #[must_use]
    pub fn addresses(&self, name: &str) -> Vec<AddressOrGroup> {
        let headers = self.headers();
        let fields = headers.iter().filter(|field| field.name().eq_ignore_ascii_case(name));
        fields.flat_map(|field| field.addresses()).collect()
    }

    /// `Date`. Of several fields the first that can be read.
    #[must_use]
    pub fn date(&self) -> Option<DateTime> {
        let headers = self.headers();
        let dates = headers.iter().filter(|field| field.name().eq_ignore_ascii_case("date"));
        dates.into_iter().find_map(|field| crate::decode::date_time(field.raw()).ok())
    }

    /// `Message-ID`, with its brackets.
    #[must_use]
    pub fn message_id(&self) -> Option<String> {
        self.ids("message-id").into_iter().next()
    }

    /// `In-Reply-To`: the messages that this one answers.
    #[must_use]
    pub fn in_reply_to(&self) -> Vec<String> {
        self.ids("in-reply-to")
    }

    /// `References`: the messages of its thread, the first one first.
    #[must_use]
    pub fn references(&self) -> Vec<String> {
        self.ids("references")
    }

    fn field(&self, name: &str) -> Option<Header<'a>> {
        self.headers().get(name)
    }

    /// `msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS]`. Text between two ids is left out.
    fn ids(&self, name: &str) -> Vec<String> {
        let Some(field) = self.field(name) else { return Vec::new() };
        let charset = self.parts.first().map_or(Charset::Guess, |part| part.raw_charset);
        let mut ids = Vec::new();
        add_ids(&charset.decode_raw(&field.value()), false, &mut ids);
        if ids.is_empty() && name == "message-id" {
            ids.extend(field.text().split_ascii_whitespace().next().map(Into::into));
        }
        ids
    }
}

/// What looks like an encoded word within an id is none (RFC 2047 section 5). Some mailers encode a whole id.
fn add_ids(text: &str, is_decoded: bool, ids: &mut Vec<String>) {
    let mut rest = text;
    while !rest.is_empty() {
        let (outside, after) = rest.split_once('<').unwrap_or((rest, ""));
        if !is_decoded && outside.contains("=?") {
            add_ids(&unstructured(outside.as_bytes()), true, ids);
        }
        let Some((id, after)) = after.split_once('>') else { break };
        let id = id.rsplit('<').next().unwrap_or(id);
        ids.push(["<", &id.split_ascii_whitespace().collect::<String>(), ">"].concat());
        rest = after;
    }
}

/// Some of the parts of a [`Message`], in their order.
#[derive(Clone, Debug)]
pub struct Parts<'m, 'a> {
    parts: alloc::vec::IntoIter<&'m Part<'a>>,
}

impl<'m, 'a> Parts<'m, 'a> {
    pub(super) fn of(parts: Vec<&'m Part<'a>>) -> Self {
        Self { parts: parts.into_iter() }
    }
}

impl<'m, 'a> Iterator for Parts<'m, 'a> {
    type Item = &'m Part<'a>;

    fn next(&mut self) -> Option<&'m Part<'a>> {
        self.parts.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.parts.size_hint()
    }
}

impl ExactSizeIterator for Parts<'_, '_> {}

/// Collects the parts of a message in memory, as places in its octets.
struct Collector<'a> {
    raw: &'a [u8],
    parts: Vec<Part<'a>>,
    begins: Vec<(usize, Option<usize>)>,
    /// Octets of the header section that are within the limits.
    kept: usize,
    defects: Vec<Defect>,
}

impl<'a> Collector<'a> {
    fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.raw.get(from..to).unwrap_or_default()
    }
}

/// Guesses the charset of those fields and texts that do not look like UTF-8.
#[cfg(feature = "guess")]
fn found_in(parts: &[Part<'_>]) -> Charset {
    Charset::found_in(&evidence(parts)).unwrap_or_default()
}

#[cfg(not(feature = "guess"))]
const fn found_in(_: &[Part<'_>]) -> Charset {
    Charset::Guess
}

/// Those fields and texts, one after the other. One octet more than is looked at is kept: it tells that there are more.
#[cfg(feature = "guess")]
pub(super) fn evidence(parts: &[Part<'_>]) -> Vec<u8> {
    let most = Charset::LOOK.saturating_add(1);
    let mut octets = Vec::new();
    for part in parts {
        for field in part.headers().iter().filter(|field| !looks_like_utf8(field.raw())) {
            octets.extend_from_slice(field.raw());
            octets.push(b'\n');
        }
        if octets.len() >= most {
            break;
        }
        if part.kind() == Kind::Leaf && part.is_text() {
            let (text, is_whole) = part.start(most);
            let mut utf8 = Utf8::default();
            utf8.take(&text);
            if is_whole {
                utf8.finish();
            }
            octets.extend_from_slice(if utf8.is_likely() { b"" } else { &text });
        }
    }
    octets.truncate(most);
    octets
}

fn at(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl Sink for Collector<'_> {
    fn begin(&mut self, _: usize, parent: Option<usize>, offset: u64) {
        self.begins.push((at(offset), parent));
        self.kept = 0;
    }

    fn begin_again(&mut self, index: usize, offset: u64) {
        if let Some((begin, _)) = self.begins.get_mut(index) {
            *begin = at(offset);
        }
    }

    fn header(&mut self, _: usize, piece: &[u8]) {
        self.kept = self.kept.saturating_add(piece.len());
    }

    fn head(&mut self, index: usize, fields: Fields, offset: u64) {
        let (mut begin, parent) = self.begins.get(index).copied().unwrap_or_default();
        if index == 0 && self.raw.starts_with(BYTE_ORDER_MARK) {
            begin = BYTE_ORDER_MARK.len();
        }
        self.parts.push(Part {
            index,
            parent,
            whole: self.slice(begin, self.raw.len()),
            header: self.slice(begin, begin.saturating_add(self.kept)),
            body: self.slice(at(offset), self.raw.len()),
            fields,
            raw_charset: Charset::Guess,
            unnamed: Charset::Guess,
            ends: LineEnd::Lf,
        });
    }

    fn body(&mut self, _: usize, _: &[u8], _: usize) {}

    fn end(&mut self, index: usize, offset: u64) {
        let rest = self.raw.len().saturating_sub(at(offset));
        if let Some(part) = self.parts.get_mut(index) {
            for octets in [&mut part.body, &mut part.whole] {
                *octets = octets.get(..octets.len().saturating_sub(rest)).unwrap_or_default();
            }
        }
    }

    fn defect(&mut self, defect: Defect) {
        self.defects.push(defect);
    }
}
