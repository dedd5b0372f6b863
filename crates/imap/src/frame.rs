use alloc::{boxed::Box, vec::Vec};
use core::{fmt, mem, ops::Range, slice};

use mailbearer_wire::{Octets, RecvBuf};
use memchr::memchr;

use crate::{
    Data, Kind, Limits, ParseError, Quirks, Response,
    classify::{classify, may_announce},
    parse_response, parse_summary_data,
};

/// Cuts what a server sends into responses, in linear time however the bytes arrive.
///
/// A response is a line, or several lines joined by literals (RFC 9051 section 4.3). Only the framer knows "not yet":
/// what it returns is whole. The free text of a status response or of a command continuation never opens a literal,
/// whatever it ends with.
///
/// ```
/// use mailbearer_imap::{Framer, Limits, Piece};
/// use mailbearer_wire::RecvBuf;
///
/// let limits = Limits::default();
/// let (mut framer, mut rx) = (Framer::new(&limits), RecvBuf::with_limit(limits.buffer()));
/// rx.extend(b"* 1 FETCH (BODY[] {5}\r\nhel").unwrap();
/// assert!(framer.next(&mut rx).unwrap().is_none());
/// rx.extend(b"lo)\r\n").unwrap();
/// let Some(Piece::Response(frame)) = framer.next(&mut rx).unwrap() else { panic!() };
/// assert_eq!(&**frame.octets(), b"* 1 FETCH (BODY[] {5}\r\nhello)\r\n");
/// ```
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    state: State,
    /// Where the present line starts in the unread octets.
    line: usize,
    /// Up to where the unread octets were searched for the end of the present line.
    searched: usize,
    /// Where the held literals are in the unread octets. A trace does not show them.
    literals: Vec<Range<usize>>,
    /// The response so far, up to the end of the literal that was streamed last.
    kept: Vec<u8>,
    streamed: Vec<Streamed>,
    /// Whether a literal was announced since the last call of [`forget_literals`](Self::forget_literals).
    had_literal: bool,
    /// The limits and quirks to parse its frames by. `None` for the defaults.
    reading: Option<Box<Reading>>,
}

/// Limits and quirks of parsing, if they are not the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reading {
    limits: Limits,
    quirks: Quirks,
}

/// What is awaited.
#[derive(Debug)]
enum State {
    /// The end of the first line of a response.
    FirstLine,
    /// The end of a line after a literal.
    NextLine,
    /// The first octet behind an empty line that follows a literal.
    AfterBlank,
    /// The line at this offset, which follows a line of a FETCH response that did not end it. It belongs to the
    /// response unless it looks like one of its own.
    AfterBreak(usize),
    /// The rest of a literal that is held, up to this offset of the unread octets.
    Held(usize),
    /// The rest of a literal that is streamed: this many octets.
    Streaming(u64),
}

/// What a [`Framer`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a reader that passes over one of them loses octets")]
pub enum Piece {
    /// A whole response.
    Response(Frame),
    /// A literal starts that is too large to be held. Its octets follow as [`Piece::LiteralChunk`]s, then comes the
    /// [`Piece::Response`] with an empty literal in its place.
    LiteralStart {
        /// The response so far, including the announcement of the literal. [`LiteralOf`](crate::LiteralOf) tells what
        /// it belongs to.
        head: Octets,
        /// Length of the literal in octets.
        size: u64,
    },
    /// The next octets of the literal announced last.
    LiteralChunk(Octets),
}

impl Framer {
    /// Makes a framer for the start of a stream. Frames are parsed by these limits and the default [`Quirks`].
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self::with_quirks(limits, &Quirks::default())
    }

    /// Makes a framer for the start of a stream. Frames are parsed by these limits and quirks.
    #[must_use]
    pub fn with_quirks(limits: &Limits, quirks: &Quirks) -> Self {
        // They nearly always are, and then a frame needs no memory for them.
        let is_default = limits.depth == Limits::default().depth && *quirks == Quirks::default();
        let reading =
            (!is_default).then(|| Box::new(Reading { limits: limits.clone(), quirks: quirks.clone() }));
        Self {
            limits: limits.clone(),
            state: State::FirstLine,
            line: 0,
            searched: 0,
            literals: Vec::new(),
            kept: Vec::new(),
            streamed: Vec::new(),
            had_literal: false,
            reading,
        }
    }

    /// Returns the next piece, or `None` while it is incomplete.
    ///
    /// Consumes the piece from `rx`. Nothing else may consume in between: where a stream changes hands (as for TLS),
    /// make a new framer.
    ///
    /// # Errors
    ///
    /// Returns a [`FrameError`] if a line, a response or a literal exceeds its limit; a literal as soon as it is
    /// announced. The stream cannot be followed from there on.
    pub fn next(&mut self, rx: &mut RecvBuf) -> Result<Option<Piece>, FrameError> {
        if let State::FirstLine = self.state
            && let Some(octets) = self.single_line(rx)
        {
            return Ok(Some(Piece::Response(Frame {
                octets,
                streamed: Vec::new(),
                reading: self.reading.clone(),
            })));
        }
        self.any(rx)
    }

    /// Returns whether the stream is between two responses. If nothing is unread then, the stream may end here.
    #[must_use]
    pub const fn is_between(&self) -> bool {
        matches!(self.state, State::FirstLine)
    }

    pub(crate) const fn had_literal(&self) -> bool {
        self.had_literal
    }

    pub(crate) const fn forget_literals(&mut self) {
        self.had_literal = false;
    }

    /// Handles what most responses are: one line that has arrived, within all limits, and whole by itself. Leaves all
    /// others to [`any`](Self::any).
    #[inline]
    fn single_line(&mut self, rx: &mut RecvBuf) -> Option<Octets> {
        let unread = rx.unread();
        let Some(at) = memchr(b'\n', unread.get(self.searched..).unwrap_or_default()) else {
            self.searched = unread.len();
            return None;
        };
        self.searched = self.searched.saturating_add(at);
        let end = self.searched.saturating_add(1);
        let line = unread.get(..self.searched).unwrap_or_default();
        let opens = match line {
            [.., b'}'] | [.., b'}', b'\r'] => true,
            [.., b')', b'\r'] => false,
            _ => !ends_list(line) && is_fetch(line),
        };
        if opens || end > self.limits.line.min(self.limits.response) {
            return None;
        }
        self.searched = 0;
        Some(rx.take(end))
    }

    #[inline(never)]
    fn any(&mut self, rx: &mut RecvBuf) -> Result<Option<Piece>, FrameError> {
        loop {
            match self.state {
                State::FirstLine | State::NextLine => {
                    let unread = rx.unread();
                    let Some(end) = self.line_end(unread)? else { return Ok(None) };
                    let line = unread.get(self.line..end).unwrap_or_default();
                    let literal = announced(line).filter(|_| match self.state {
                        State::FirstLine => may_announce(line),
                        _ => true,
                    });
                    match literal {
                        None if matches!(line, b"\r\n" | b"\n") && self.is_open(unread) => {
                            self.resume(end);
                            self.state = State::AfterBlank;
                        }
                        None if !ends_list(line) && is_fetch(self.begin(unread)) => {
                            self.state = State::AfterBreak(end);
                        }
                        None => return Ok(Some(self.finish(rx, end))),
                        Some(size) => {
                            if let Some(piece) = self.open(rx, end, size)? {
                                return Ok(Some(piece));
                            }
                        }
                    }
                }
                State::AfterBlank => match rx.unread().get(self.line) {
                    None => return Ok(None),
                    Some(b' ' | b')') => self.state = State::NextLine,
                    Some(_) => return Ok(Some(self.finish(rx, self.line))),
                },
                State::AfterBreak(begin) => {
                    let unread = rx.unread();
                    let Some(end) = self.line_end(unread)? else { return Ok(None) };
                    let next = unread.get(begin..end).unwrap_or_default();
                    if is_continued(next) {
                        self.state = State::NextLine;
                        self.searched = begin;
                    } else {
                        return Ok(Some(self.finish(rx, begin)));
                    }
                }
                State::Held(end) if rx.unread().len() < end => return Ok(None),
                State::Held(end) => self.resume(end),
                State::Streaming(0) => self.resume(0),
                State::Streaming(left) => return Ok(self.chunk(rx, left)),
            }
        }
    }

    /// Returns the offset behind the present line's LF.
    fn line_end(&mut self, unread: &[u8]) -> Result<Option<usize>, FrameError> {
        let found = memchr(b'\n', unread.get(self.searched..).unwrap_or_default());
        let end = found.map_or(unread.len(), |at| self.searched.saturating_add(at).saturating_add(1));
        // A line without its end has at least one more octet.
        let least = if found.is_some() { end } else { end.saturating_add(1) };
        // The limit that is exceeded first is the error, whatever else has arrived.
        let line = self.line.saturating_add(self.limits.line);
        let response = self.limits.response.saturating_sub(self.kept.len());
        if least > line && line <= response {
            return Err(FrameError::LineTooLong { limit: self.limits.line });
        }
        if least > response {
            return Err(FrameError::ResponseTooLarge { limit: self.limits.response });
        }
        self.searched = end;
        Ok(found.map(|_| end))
    }

    /// Continues with a literal of `size` octets that the line ending at `end` announces.
    fn open(&mut self, rx: &mut RecvBuf, end: usize, size: u64) -> Result<Option<Piece>, FrameError> {
        if size > self.limits.literal {
            return Err(FrameError::LiteralTooLarge { size, limit: self.limits.literal });
        }
        self.had_literal = true;
        let held = self.kept.len().saturating_add(end);
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        let fits = held.saturating_add(length).saturating_add(self.limits.line) <= self.limits.response;
        if size <= self.limits.literal_inline && (fits || length < STREAM_LEAST) {
            if held.saturating_add(length) > self.limits.response {
                return Err(FrameError::ResponseTooLarge { limit: self.limits.response });
            }
            let held = end.saturating_add(length);
            self.literals.push(end..held);
            if length >= RESERVED_FROM {
                rx.reserve(held.saturating_add(BEHIND_LITERAL).saturating_sub(rx.unread().len()));
            }
            self.state = State::Held(held);
            return Ok(None);
        }
        let line = rx.unread().get(..end).unwrap_or_default();
        let mut head = Vec::with_capacity(held);
        head.extend_from_slice(&self.kept);
        head.extend_from_slice(line);
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let brace = text.iter().rposition(|&octet| octet == b'{').unwrap_or_default();
        self.kept.extend_from_slice(text.get(..brace).unwrap_or_default());
        self.kept.extend_from_slice(b"{0}\r\n");
        self.streamed.push(Streamed { at: self.kept.len(), size });
        let _ = rx.take_message(end, &self.literals);
        self.literals.clear();
        self.state = State::Streaming(size);
        Ok(Some(Piece::LiteralStart { head: Octets::from(head), size }))
    }

    /// Returns the next octets of a literal that has `left` to come.
    fn chunk(&mut self, rx: &mut RecvBuf, left: u64) -> Option<Piece> {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(rx.unread().len()).min(CHUNK);
        if count == 0 {
            return None;
        }
        self.state = State::Streaming(left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX)));
        Some(Piece::LiteralChunk(rx.take_message(count, slice::from_ref(&(0..count)))))
    }

    /// Whether a parenthesis is open, so that a response can't end with an empty line after a literal. Some servers
    /// send one nevertheless ([`Quirks::blank_line`](crate::Quirks::blank_line)).
    fn is_open(&self, unread: &[u8]) -> bool {
        matches!(self.state, State::NextLine) && is_fetch(self.begin(unread))
    }

    /// Returns the first octets of the present response.
    fn begin<'b>(&'b self, unread: &'b [u8]) -> &'b [u8] {
        if self.kept.is_empty() { unread } else { &self.kept }
    }

    const fn resume(&mut self, at: usize) {
        self.state = State::NextLine;
        self.line = at;
        self.searched = at;
    }

    fn finish(&mut self, rx: &mut RecvBuf, end: usize) -> Piece {
        let rest = rx.take_message(end, &self.literals);
        self.literals.clear();
        let octets = if self.kept.is_empty() {
            rest
        } else {
            let mut whole = mem::take(&mut self.kept);
            whole.extend_from_slice(&rest);
            Octets::from(whole)
        };
        self.state = State::FirstLine;
        self.line = 0;
        self.searched = 0;
        let streamed = mem::take(&mut self.streamed);
        Piece::Response(Frame { octets, streamed, reading: self.reading.clone() })
    }
}

/// Whether this begins a FETCH response, which ends with a parenthesis.
fn is_fetch(response: &[u8]) -> bool {
    let number = response.strip_prefix(b"* ").unwrap_or_default();
    let digits = number.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let name = number.get(digits..).unwrap_or_default();
    digits > 0
        && [b" FETCH (".as_slice(), b" UIDFETCH ("]
            .iter()
            .any(|wanted| name.get(..wanted.len()).is_some_and(|name| name.eq_ignore_ascii_case(wanted)))
}

/// Whether a line ends with a parenthesis, with or without spaces behind it.
fn ends_list(line: &[u8]) -> bool {
    line.trim_ascii_end().ends_with(b")")
}

/// Whether a line continues the one before, which broke inside a quoted string
/// ([`Quirks::line_break`](crate::Quirks::line_break)): no response starts like it.
fn is_continued(line: &[u8]) -> bool {
    !matches!(line, b"\r\n" | b"\n") && matches!(classify(line), Kind::Unknown)
}

/// Returns the size that a line announces at its end: `{n}`, `{n+}`, `~{n}` (RFC 9051 section 9, `literal`).
///
/// A number past 2^64 counts as the largest there is, so that it is refused and not taken for text.
#[inline]
pub(crate) fn announced(line: &[u8]) -> Option<u64> {
    match line {
        [line @ .., b'}', b'\r', b'\n'] | [line @ .., b'}', b'\n'] | [line @ .., b'}'] => size(line),
        _ => None,
    }
}

/// Returns the number at the end of a line without its `}`, with or without `+`.
fn size(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"+").unwrap_or(line);
    let digits = line.iter().rev().take_while(|octet| octet.is_ascii_digit()).count();
    let (before, digits) = line.split_at_checked(line.len().checked_sub(digits)?)?;
    if digits.is_empty() || !before.ends_with(b"{") {
        return None;
    }
    let size = digits.iter().fold(0_u64, |size, digit| {
        size.saturating_mul(10).saturating_add(u64::from(digit.wrapping_sub(b'0')))
    });
    Some(size)
}

/// The most octets of a streamed literal that are handed over at a time.
const CHUNK: usize = 64 * 1024;
/// A held literal of this size or more gets all its memory at once. That is at most [`Limits::literal_inline`].
const RESERVED_FROM: usize = 4096;
/// How much may arrive together with the end of a literal: as much as a driver reads at a time.
const BEHIND_LITERAL: usize = 16 * 1024;
/// A literal below this size is never streamed for lack of room, so that the head is seldom copied.
const STREAM_LEAST: usize = 64 * 1024;

/// One whole response as it arrived. Knows where literals were taken out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    octets: Octets,
    streamed: Vec<Streamed>,
    /// `None` for the defaults.
    reading: Option<Box<Reading>>,
}

/// A literal that was streamed. In its [`Frame`] it is an empty literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Streamed {
    /// Offset in the frame at which the literal's octets would start.
    pub at: usize,
    /// How many octets were streamed.
    pub size: u64,
}

impl Frame {
    /// Returns the response's octets, its line end included.
    #[must_use]
    pub const fn octets(&self) -> &Octets {
        &self.octets
    }

    /// Returns the kind of the response, without parsing it.
    #[must_use]
    pub fn kind(&self) -> Kind<'_> {
        classify(&self.octets)
    }

    /// Parses the response by the limits and quirks of its [`Framer`].
    ///
    /// # Errors
    ///
    /// Fails as [`parse_response`] does, which takes other limits and quirks.
    pub fn response(&self) -> Result<Response<'_>, ParseError> {
        match &self.reading {
            None => parse_response(&self.octets, &Limits::default(), &Quirks::default()),
            Some(reading) => parse_response(&self.octets, &reading.limits, &reading.quirks),
        }
    }

    /// Parses the response if it is of a kind that listings of messages consist of, as [`parse_summary_data`] does, by
    /// the limits and quirks of its [`Framer`].
    ///
    /// # Errors
    ///
    /// Fails as [`response`](Self::response) does.
    pub fn summary_data(&self) -> Result<Option<Data<'_>>, ParseError> {
        match &self.reading {
            None => parse_summary_data(&self.octets, &Limits::default(), &Quirks::default()),
            Some(reading) => parse_summary_data(&self.octets, &reading.limits, &reading.quirks),
        }
    }

    /// Returns the literals that were streamed, in their order.
    #[must_use]
    pub fn streamed(&self) -> &[Streamed] {
        &self.streamed
    }

    /// Returns how many octets were streamed in place of `value`, an empty slice that was parsed out of this frame.
    #[must_use]
    pub fn streamed_for(&self, value: &[u8]) -> Option<u64> {
        let at = self.range_of(value).filter(Range::is_empty)?.start;
        self.streamed.iter().find(|streamed| streamed.at == at).map(|streamed| streamed.size)
    }

    /// Returns where `value` is in the frame, if it was borrowed from it.
    #[must_use]
    pub fn range_of(&self, value: &[u8]) -> Option<Range<usize>> {
        let start = value.as_ptr().addr().checked_sub(self.octets.as_ptr().addr())?;
        let end = start.checked_add(value.len())?;
        (end <= self.octets.len()).then_some(start..end)
    }

    /// Returns the octets at `range` (see [`range_of`](Self::range_of)) without a copy. A body leaves the frame this
    /// way.
    #[must_use]
    pub fn into_part(self, range: Range<usize>) -> Octets {
        self.octets.part(range)
    }

    /// Returns the response in memory of its own if it keeps more than twice its size alive. For callers that keep it
    /// for long.
    #[must_use]
    pub fn settle(self) -> Self {
        Self { octets: self.octets.settle(), ..self }
    }

    /// Makes a response of other octets, to be parsed by the same limits and quirks.
    pub(crate) fn with_octets(self, octets: Vec<u8>) -> Self {
        Self { octets: octets.into(), streamed: Vec::new(), ..self }
    }

    /// Returns all octets.
    #[must_use]
    pub fn into_octets(self) -> Octets {
        self.octets
    }
}

/// Makes a frame of octets that hold exactly one whole response, as tests and tools have them.
impl From<Vec<u8>> for Frame {
    fn from(octets: Vec<u8>) -> Self {
        Self { octets: octets.into(), streamed: Vec::new(), reading: None }
    }
}

/// Why a framer cannot follow a stream any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// A line is longer than [`Limits::line`].
    LineTooLong {
        /// The limit in octets.
        limit: usize,
    },
    /// A response is larger than [`Limits::response`].
    ResponseTooLarge {
        /// The limit in octets.
        limit: usize,
    },
    /// The server announced a literal that is larger than [`Limits::literal`].
    LiteralTooLarge {
        /// The announced size in octets, or the largest number if it is larger than that.
        size: u64,
        /// The limit in octets.
        limit: u64,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong { limit } => write!(f, "line longer than {limit} octets"),
            Self::ResponseTooLarge { limit } => write!(f, "response larger than {limit} octets"),
            Self::LiteralTooLarge { size, limit } => {
                write!(f, "literal of {size} octets, more than {limit} are not accepted")
            }
        }
    }
}

impl core::error::Error for FrameError {}

#[cfg(test)]
mod tests;
