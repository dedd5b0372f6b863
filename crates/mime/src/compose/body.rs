//! Bodies: transfer encodings, attachments and the boundaries between parts.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

#[cfg(not(feature = "simd"))]
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::header::HeaderLine;
use crate::LineEnds;
use crate::ascii::{hex_octets, is_wsp, tail};

/// Longest line of a message without its CRLF (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 998;
/// Longest encoded line (RFC 2045 section 6.7 and 6.8), and the octets that fill one in base64.
const MAX_ENCODED_LINE: usize = 76;
const OCTETS_PER_LINE: usize = 57;

/// A text part, encoded.
pub(super) struct Text<'a> {
    subtype: &'a str,
    encoding: &'static str,
    body: Vec<u8>,
}

impl<'a> Text<'a> {
    /// Encodes no more than the content needs.
    pub(super) fn encode(subtype: &'a str, text: &str, allow_8bit: bool) -> Self {
        let text = with_crlf(text);
        let sendable = has_short_lines(&text) && memchr::memchr(0, &text).is_none();
        let (encoding, body) = if sendable && text.is_ascii() {
            ("7bit", text)
        } else if sendable && allow_8bit {
            ("8bit", text)
        } else {
            match quoted_printable(&text, base64_len(text.len())) {
                Some(printable) => ("quoted-printable", printable),
                None => {
                    let mut body = Vec::new();
                    write_base64(&mut body, &text);
                    ("base64", body)
                }
            }
        };
        Self { subtype, encoding, body }
    }

    /// Whether its octets are not all ASCII.
    pub(super) fn is_8bit(&self) -> bool {
        self.encoding == "8bit"
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        HeaderLine::start(out, "Content-Type").word(&["text/", self.subtype, "; charset=utf-8"]);
        HeaderLine::start(out, "Content-Transfer-Encoding").word(&[self.encoding]);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
    }
}

/// A file that goes along.
#[derive(Clone, Debug)]
pub(super) struct Attachment {
    pub(super) file_name: String,
    pub(super) content_type: String,
    pub(super) content: Content,
    /// What the HTML text calls it, if it is a picture in that.
    pub(super) content_id: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Octets(Vec<u8>),
    /// Read while the message is sent; so many octets, if that is known.
    Later(Option<u64>),
    /// A message, which is not encoded (RFC 2046 section 5.2.1). Its lines are fit to be sent.
    Message(Vec<u8>),
}

impl Attachment {
    /// Returns whether the octets of the file are to follow.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> bool {
        HeaderLine::start(out, "Content-Type").with_name(&self.content_type, &self.file_name);
        let encoding = match &self.content {
            Content::Message(message) if message.is_ascii() => "7bit",
            Content::Message(_) => "8bit",
            _ => "base64",
        };
        HeaderLine::start(out, "Content-Transfer-Encoding").word(&[encoding]);
        if let Some(id) = &self.content_id {
            HeaderLine::start(out, "Content-ID").word(&["<", id, ">"]);
        }
        let disposition = if self.content_id.is_some() { "inline" } else { "attachment" };
        HeaderLine::start(out, "Content-Disposition").with_file_name(disposition, &self.file_name);
        out.extend_from_slice(b"\r\n");
        match &self.content {
            Content::Octets(octets) => write_base64(out, octets),
            Content::Message(message) => out.extend_from_slice(message),
            Content::Later(_) => return true,
        }
        false
    }

    /// Octets that its content takes, encoded; `None` if that is not known.
    pub(super) fn encoded_len(&self) -> Option<usize> {
        match &self.content {
            Content::Octets(octets) => Some(base64_len(octets.len())),
            Content::Message(message) => Some(message.len()),
            Content::Later(octets) => {
                octets.map(|octets| usize::try_from(octets).map_or(usize::MAX, base64_len))
            }
        }
    }

    /// What could hold a line that looks like a boundary.
    fn text(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Message(message) => Some(message),
            _ => None,
        }
    }
}

/// Encodes a file in base64 lines, as a message has it, from pieces of any size.
///
/// ```
/// let (mut encoder, mut out) = (mailbearer_mime::compose::FileEncoder::default(), Vec::new());
/// encoder.encode(b"ab", &mut out);
/// encoder.encode(b"c", &mut out);
/// encoder.finish(&mut out);
/// assert_eq!(out, b"YWJj\r\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct FileEncoder {
    /// Less than a line.
    held: Vec<u8>,
}

impl FileEncoder {
    /// Appends to `out` the lines that are full.
    pub fn encode(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        let mut rest = octets;
        if !self.held.is_empty() {
            let room = OCTETS_PER_LINE.saturating_sub(self.held.len());
            let (first, after) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            self.held.extend_from_slice(first);
            rest = after;
            if self.held.len() < OCTETS_PER_LINE {
                return;
            }
            write_base64(out, &self.held);
            self.held.clear();
        }
        let full = rest.len().saturating_sub(rest.len() % OCTETS_PER_LINE);
        let (lines, after) = rest.split_at_checked(full).unwrap_or_default();
        write_base64(out, lines);
        self.held.extend_from_slice(after);
    }

    /// Ends the file: appends its last line.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        write_base64(out, &self.held);
        self.held.clear();
    }
}

/// Whether a message can be attached as it is: no line is too long to be sent, and it has no NUL.
pub(super) fn is_sendable(message: &[u8]) -> bool {
    has_short_lines(message) && memchr::memchr(0, message).is_none()
}

/// Hands out boundaries that no line of a text begins with.
pub(super) struct Boundaries {
    /// `=_` is in no quoted-printable or base64 line (RFC 2045 section 6.7), the random digits make the rest
    /// unlikely.
    stem: String,
    /// Numbers that follow the stem in a text all the same: hardly ever any.
    taken: Vec<String>,
    next: u32,
}

impl Boundaries {
    pub(super) fn new(random: &str, texts: &[&Text<'_>], files: &[Attachment]) -> Self {
        let stem = ["=_", random, "_"].concat();
        let mut taken = Vec::new();
        let bodies = texts.iter().map(|text| text.body.as_slice());
        for body in bodies.chain(files.iter().filter_map(Attachment::text)) {
            let mut rest = body;
            while let Some(at) = memchr::memchr(b'=', rest) {
                let found = tail(rest, at);
                let number = found.strip_prefix(stem.as_bytes()).and_then(|number| number.get(..8));
                taken.extend(number.and_then(|number| str::from_utf8(number).ok()).map(String::from));
                rest = tail(found, 1);
            }
        }
        Self { taken, stem, next: 0 }
    }

    /// Writes the `Content-Type` of a multipart. The empty line after its headers comes with the first
    /// delimiter.
    pub(super) fn open(&mut self, out: &mut Vec<u8>, subtype: &str) -> Boundary {
        // All numbers have one length, so that no boundary is the beginning of another.
        let mut number = format!("{:08x}", self.next);
        while self.taken.contains(&number) {
            self.next = self.next.wrapping_add(1);
            number = format!("{:08x}", self.next);
        }
        self.next = self.next.wrapping_add(1);
        let boundary = [self.stem.as_str(), &number].concat();
        HeaderLine::start(out, "Content-Type").with_parameter(
            &["multipart/", subtype].concat(),
            "boundary",
            &boundary,
        );
        Boundary(boundary)
    }
}

/// Boundary of a multipart that is being written (RFC 2046 section 5.1.1).
///
/// The line end before a delimiter belongs to it, not to the part that it ends.
pub(super) struct Boundary(String);

impl Boundary {
    pub(super) fn delimit(&self, out: &mut Vec<u8>) {
        for piece in ["\r\n--", &self.0, "\r\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
    }

    pub(super) fn close(&self, out: &mut Vec<u8>) {
        for piece in ["\r\n--", &self.0, "--\r\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
    }
}

/// Every CRLF, bare CR and bare LF becomes CRLF, and the last line ends in one.
fn with_crlf(text: &str) -> Vec<u8> {
    let mut out = LineEnds::to_crlf(text.as_bytes());
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Whether no line is longer than [`MAX_LINE`]: then a line end is among any octets that are more than that, and the
/// last one of them is as good a place to go on from as each.
fn has_short_lines(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(window) = rest.get(..MAX_LINE + 2).filter(|window| window.len() < rest.len()) {
        let Some(end) = memchr::memrchr(b'\n', window) else { return false };
        rest = tail(rest, end.saturating_add(1));
    }
    rest.len() <= MAX_LINE + 2
}

/// RFC 2045 section 6.7; `text` has CRLF line ends alone. `None` if it gets longer than `limit`.
fn quoted_printable(text: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len().saturating_add(text.len() / 8));
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let mut rest = line.strip_suffix(b"\r\n").unwrap_or(line);
        // The last column is the soft break's, unless the line ends there.
        let mut room = MAX_ENCODED_LINE.saturating_sub(1);
        while !rest.is_empty() {
            let seen = rest.get(..room.saturating_add(1)).unwrap_or(rest);
            let mut plain = plain_run(seen);
            let whole = plain == rest.len();
            if whole && rest.last().copied().is_some_and(is_wsp) {
                plain = plain.saturating_sub(1);
            }
            if !whole || plain < rest.len() {
                plain = plain.min(room);
            }
            let (run, after) = rest.split_at_checked(plain).unwrap_or_default();
            out.extend_from_slice(run);
            room = room.saturating_sub(plain);
            rest = after;
            let Some((&byte, after)) = rest.split_first() else { break };
            let (width, fits) =
                (if is_plain(byte) && !(after.is_empty() && is_wsp(byte)) { 1 } else { 3 }, room);
            let fits = if after.is_empty() { fits.saturating_add(1) } else { fits };
            if width > fits {
                out.extend_from_slice(b"=\r\n");
                room = MAX_ENCODED_LINE.saturating_sub(1);
            } else if width == 3 {
                let [high, low] = hex_octets(byte);
                out.extend_from_slice(&[b'=', high, low]);
                room = room.saturating_sub(3);
                rest = after;
            }
        }
        out.extend_from_slice(b"\r\n");
        if out.len() > limit {
            return None;
        }
    }
    Some(out)
}

/// How many octets from the start stand for themselves.
fn plain_run(text: &[u8]) -> usize {
    text.iter().position(|&byte| !is_plain(byte)).unwrap_or(text.len())
}

/// What stands for itself, but for white space at the end of a line.
fn is_plain(byte: u8) -> bool {
    // A look at a table is a third of the comparisons.
    PLAIN.get(usize::from(byte)).copied().unwrap_or_default()
}

static PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 0x7F {
        #[expect(
            clippy::indexing_slicing,
            clippy::as_conversions,
            reason = "checked by the compiler, which runs it"
        )]
        {
            table[byte as usize] = matches!(byte, b' '..=b'~' | b'\t') && byte != b'=';
        }
        byte = byte.wrapping_add(1);
    }
    table
};

/// Length of what [`write_base64`] writes.
pub(super) fn base64_len(octets: usize) -> usize {
    let characters = octets.div_ceil(3).saturating_mul(4);
    characters.saturating_add(octets.div_ceil(OCTETS_PER_LINE).saturating_mul(2))
}

fn write_base64(out: &mut Vec<u8>, octets: &[u8]) {
    let start = out.len();
    out.resize(start.saturating_add(base64_len(octets.len())), b'\n');
    let mut lines = out.get_mut(start..).unwrap_or_default().chunks_mut(MAX_ENCODED_LINE.saturating_add(2));
    // Some lines at a time: an encoder is at its best on more than one, and the lines are then cut from what is in cache.
    let mut block = [0; MAX_ENCODED_LINE * LINES_PER_BLOCK];
    for chunk in octets.chunks(OCTETS_PER_LINE * LINES_PER_BLOCK) {
        // The texts first: at their end a line would be taken out of the others, and stay empty.
        for (text, line) in encode(chunk, &mut block).chunks(MAX_ENCODED_LINE).zip(&mut lines) {
            if let Some((room, [end, _])) = line.split_at_mut_checked(text.len()) {
                room.copy_from_slice(text);
                *end = b'\r';
            }
        }
    }
}

const LINES_PER_BLOCK: usize = 32;

#[cfg(feature = "simd")]
fn encode<'b>(octets: &[u8], into: &'b mut [u8]) -> &'b [u8] {
    use base64_simd::AsOut as _;
    base64_simd::STANDARD.encode(octets, into.as_out())
}

#[cfg(not(feature = "simd"))]
fn encode<'b>(octets: &[u8], into: &'b mut [u8]) -> &'b [u8] {
    // The block is as long as what a chunk becomes.
    let len = STANDARD.encode_slice(octets, into).unwrap_or_default();
    into.get(..len).unwrap_or_default()
}
