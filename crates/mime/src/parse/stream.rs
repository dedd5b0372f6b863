use alloc::vec::Vec;
use core::mem;

use super::split::{Fields, MAX_LOOK, Sink, Splitter};
use super::{Defect, Kind, Limits};
use crate::decode::{Charset, ContentType, Disposition, TransferEncoding};
use crate::headers::Headers;
use crate::line_end::{LineEnd, cr_line, without_cr};

/// What a [`Stream`] finds in a message, in the order of its octets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A part begins; its header section is whole.
    Part(Head<'a>),
    /// Octets of the body of a part that is a [`Leaf`](Kind::Leaf), as they stand in the message. A
    /// [`Decoder`](crate::decode::Decoder) of the part's encoding takes them.
    Body {
        /// Index of the part.
        part: usize,
        /// The octets.
        octets: &'a [u8],
    },
    /// The body of a part is over. A multipart or message ends after its parts.
    End {
        /// Index of the part.
        part: usize,
    },
    /// Something is wrong.
    Defect(Defect),
}

/// The beginning of a part.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Head<'a> {
    /// Place among the parts of the message; 0 is the message itself.
    pub index: usize,
    /// Index of the multipart or message that it is in.
    pub parent: Option<usize>,
    /// Its content.
    pub kind: Kind,
    /// Its header fields.
    pub headers: Headers<'a>,
    /// Its media type.
    pub content_type: &'a ContentType,
    /// Whether to show it or to offer it as a file.
    pub disposition: Option<&'a Disposition>,
    /// How its body is encoded.
    pub encoding: TransferEncoding,
    /// The name by which HTML refers to it as `cid:…`, without the brackets (RFC 2392).
    pub content_id: Option<&'a str>,
}

/// Takes a message apart while it arrives.
///
/// Holds one header section ([`Limits::headers`]), a line of at most 1,000 octets, and the boundaries of what is open:
/// however large the message, its memory is bounded.
///
/// ```
/// use mailbearer_mime::parse::{Event, Stream};
///
/// let mut stream = Stream::default();
/// let (mut subject, mut body) = (String::new(), Vec::new());
/// let mut tell = |event: Event<'_>| match event {
///     Event::Part(head) => subject.extend(head.headers.get("subject").map(|field| field.text().into_owned())),
///     Event::Body { octets, .. } => body.extend_from_slice(octets),
///     _ => {}
/// };
/// for piece in [&b"Subject: hi\r\n\r"[..], b"\nhel", b"lo\r\n"] {
///     stream.feed(piece, &mut tell);
/// }
/// stream.finish(&mut tell);
/// assert_eq!((subject.as_str(), body.as_slice()), ("hi", &b"hello\r\n"[..]));
/// ```
pub struct Stream {
    splitter: Splitter,
    held: Held,
    /// The start of a line that is not whole yet.
    line: Vec<u8>,
    /// Whether the start of that line was taken already.
    inside: bool,
    /// What ends the lines, once enough is there to tell.
    ends: Option<LineEnd>,
}

/// What is kept between the pieces.
struct Held {
    parent: Option<usize>,
    header: Vec<u8>,
    /// A line end of a body, with the part that it belongs to unless a boundary follows.
    ends: &'static [u8],
    part: usize,
    /// What ends the lines of the message.
    line_end: LineEnd,
}

impl Default for Stream {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl core::fmt::Debug for Stream {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

impl Stream {
    /// Begins a message.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let mut held = Held { parent: None, header: Vec::new(), ends: b"", part: 0, line_end: LineEnd::Lf };
        // A message begins before its first octet, and there is nothing to tell yet.
        let splitter =
            Splitter::new(limits, LineEnd::Lf, &mut Teller { held: &mut held, tell: &mut |_: Event<'_>| {} });
        Self { splitter, held, line: Vec::new(), inside: false, ends: None }
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.line.len()
    }

    /// Takes the next octets of the message, and calls `tell` with what is in them.
    pub fn feed(&mut self, octets: &[u8], tell: &mut impl FnMut(Event<'_>)) {
        match self.ends {
            Some(LineEnd::Lf) => self.lines(octets, tell),
            Some(LineEnd::Cr) => self.cr_lines(octets, tell),
            None if self.line.is_empty() && is_enough(octets) => {
                self.begin(octets);
                self.feed(octets, tell);
            }
            None => {
                self.line.extend_from_slice(octets);
                if is_enough(&self.line) {
                    self.begin_held(tell);
                }
            }
        }
    }

    /// Decides what ends the lines of the message that begins like this.
    fn begin(&mut self, start: &[u8]) {
        let ends = LineEnd::of(start);
        self.ends = Some(ends);
        self.held.line_end = ends;
        self.splitter.set_line_end(ends);
    }

    fn begin_held(&mut self, tell: &mut impl FnMut(Event<'_>)) {
        let start = mem::take(&mut self.line);
        self.begin(&start);
        self.feed(&start, tell);
    }

    /// Takes the next octets, where CR ends lines. One at the end waits for what follows, which may be an LF.
    fn cr_lines(&mut self, octets: &[u8], tell: &mut impl FnMut(Event<'_>)) {
        let mut rest = octets;
        while !rest.is_empty() {
            let len = match self.line.ends_with(b"\r") {
                true => usize::from(rest.starts_with(b"\n")),
                false => cr_line(rest),
            };
            let (piece, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            rest = after;
            self.line.extend_from_slice(piece);
            let waits = after.is_empty() && !piece.is_empty() && self.line.ends_with(b"\r");
            let whole = self.line.ends_with(b"\n") || self.line.ends_with(b"\r");
            if !waits && (whole || self.line.len() > MAX_PIECE) {
                let mut teller = Teller { held: &mut self.held, tell };
                self.splitter.piece(&self.line, !self.inside, &mut teller);
                self.inside = !whole;
                self.line.clear();
            }
        }
    }

    fn lines(&mut self, octets: &[u8], tell: &mut impl FnMut(Event<'_>)) {
        let mut teller = Teller { held: &mut self.held, tell };
        for piece in octets.split_inclusive(|&byte| byte == b'\n') {
            let whole = piece.ends_with(b"\n");
            // A line end may have three octets.
            if self.line.is_empty() && (whole || piece.len() > MAX_PIECE) {
                // No need to copy what is here as a whole; but a CR at its end may belong to a line end.
                let (now, later) = if whole { (piece, &[][..]) } else { before_cr(piece) };
                self.splitter.piece(now, !self.inside, &mut teller);
                self.line.extend_from_slice(later);
                self.inside = !whole;
                continue;
            }
            self.line.extend_from_slice(piece);
            if whole || self.line.len() > MAX_PIECE {
                let mut line = mem::take(&mut self.line);
                let keep = if whole { line.len() } else { before_cr(&line).0.len() };
                self.splitter.piece(line.get(..keep).unwrap_or_default(), !self.inside, &mut teller);
                self.inside = !whole;
                line.drain(..keep);
                self.line = line;
            }
        }
    }

    /// Ends the message.
    pub fn finish(mut self, tell: &mut impl FnMut(Event<'_>)) {
        if self.ends.is_none() {
            self.begin_held(tell);
        }
        let Self { mut splitter, mut held, line, inside, .. } = self;
        let mut teller = Teller { held: &mut held, tell };
        if !line.is_empty() {
            splitter.piece(&line, !inside, &mut teller);
        }
        teller.line_end();
        splitter.finish(&mut teller);
    }
}

/// Longer lines are taken in pieces. It is one octet more than is looked at, so that the result does not depend on where
/// the pieces are cut.
const MAX_PIECE: usize = MAX_LOOK + 4;

/// Whether what ends the lines can be told: a line is there, or so much of it as is looked at.
fn is_enough(start: &[u8]) -> bool {
    start.len() >= MAX_PIECE || memchr::memchr(b'\n', start).is_some()
}

fn before_cr(piece: &[u8]) -> (&[u8], &[u8]) {
    piece.split_at_checked(without_cr(piece).len()).unwrap_or_default()
}

struct Teller<'h, F> {
    held: &'h mut Held,
    tell: &'h mut F,
}

impl<F: FnMut(Event<'_>)> Teller<'_, F> {
    /// Hands out the line end that was held: no boundary follows, so it is part of the body.
    fn line_end(&mut self) {
        let octets = mem::take(&mut self.held.ends);
        if !octets.is_empty() {
            (self.tell)(Event::Body { part: self.held.part, octets });
        }
    }
}

impl<F: FnMut(Event<'_>)> Sink for Teller<'_, F> {
    fn begin(&mut self, _: usize, parent: Option<usize>, _: u64) {
        self.held.parent = parent;
        self.held.header.clear();
    }

    fn header(&mut self, _: usize, piece: &[u8]) {
        self.held.header.extend_from_slice(piece);
    }

    fn head(&mut self, index: usize, fields: Fields, _: u64) {
        self.held.ends = b"";
        let charset = fields.content_type.charset().and_then(Charset::for_label);
        let headers = Headers::of(&self.held.header, charset.unwrap_or_default(), self.held.line_end);
        (self.tell)(Event::Part(Head {
            index,
            parent: self.held.parent,
            kind: fields.kind,
            headers,
            content_type: &fields.content_type,
            disposition: fields.disposition.as_ref(),
            encoding: fields.encoding,
            content_id: fields.content_id.as_deref(),
        }));
    }

    fn body(&mut self, part: usize, piece: &[u8], ends: usize) {
        self.line_end();
        let octets = piece.get(..piece.len().saturating_sub(ends)).unwrap_or_default();
        if !octets.is_empty() {
            (self.tell)(Event::Body { part, octets });
        }
        self.held.part = part;
        self.held.ends = match ends {
            3 => b"\r\r\n",
            2 => b"\r\n",
            1 if piece.ends_with(b"\r") => b"\r",
            1 => b"\n",
            _ => b"",
        };
    }

    fn end(&mut self, part: usize, _: u64) {
        self.held.ends = b"";
        (self.tell)(Event::End { part });
    }

    fn defect(&mut self, defect: Defect) {
        (self.tell)(Event::Defect(defect));
    }
}
