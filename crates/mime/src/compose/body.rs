//! Bodies: transfer encodings, attachments and the boundaries between parts.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

#[cfg(not(feature = "simd"))]
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::header::{FileName, HeaderLine};
use crate::LineEnds;
use crate::ascii::{hex_octets, is_wsp, lower_hex, tail};

/// Longest line of a message without its CRLF (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 998;
/// Longest line of quoted-printable and of base64 (RFC 2045 sections 6.7 and 6.8).
const MAX_ENCODED_LINE: usize = 76;
/// Octets that make one such line of base64.
const OCTETS_PER_LINE: usize = 57;

/// A text part.
pub(super) struct Text<'a> {
    subtype: &'a str,
    text: Cow<'a, str>,
    encoding: Encoding,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    SevenBit,
    EightBit,
    /// Whichever of quoted-printable and base64 is shorter.
    Encoded,
}

impl<'a> Text<'a> {
    /// Chooses the encoding. The text goes out as it is if it can.
    pub(super) fn new(subtype: &'a str, text: impl Into<Cow<'a, str>>, allow_8bit: bool) -> Self {
        let text = text.into();
        let encoding = if !is_sendable(text.as_bytes()) {
            Encoding::Encoded
        } else if text.is_ascii() {
            Encoding::SevenBit
        } else if allow_8bit {
            Encoding::EightBit
        } else {
            Encoding::Encoded
        };
        Self { subtype, text, encoding }
    }

    /// Whether its octets are not all ASCII.
    pub(super) fn is_8bit(&self) -> bool {
        self.encoding == Encoding::EightBit
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for piece in ["Content-Type: text/", self.subtype, "; charset=utf-8\r\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
        let encoding: &[u8] = match self.encoding {
            Encoding::SevenBit => b"Content-Transfer-Encoding: 7bit\r\n\r\n",
            Encoding::EightBit => b"Content-Transfer-Encoding: 8bit\r\n\r\n",
            Encoding::Encoded => return write_encoded(self.text.as_bytes(), out),
        };
        out.extend_from_slice(encoding);
        with_crlf(self.text.as_bytes(), out);
    }

    /// The text, if it goes out as it is: a line of it could look like a boundary.
    fn plain(&self) -> Option<&[u8]> {
        (self.encoding != Encoding::Encoded).then_some(self.text.as_bytes())
    }
}

const ENCODING: &str = "Content-Transfer-Encoding";

/// Writes a text in quoted-printable or in base64, whichever is shorter, and before it the field that says which.
fn write_encoded(text: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let Counts { octets, escapes } = Counts::of(text);
    let limit = base64_len(octets);
    if octets.saturating_add(escapes.saturating_mul(2)) <= limit {
        HeaderLine::start(out, ENCODING).word(&["quoted-printable"]);
        out.extend_from_slice(b"\r\n");
        let body = out.len();
        quoted_printable(text, out);
        if out.len().saturating_sub(body) <= limit {
            return;
        }
        out.truncate(start);
    }
    HeaderLine::start(out, ENCODING).word(&["base64"]);
    out.extend_from_slice(b"\r\n");
    let mut lines = Vec::with_capacity(octets);
    with_crlf(text, &mut lines);
    write_base64(out, &lines);
}

/// An attachment.
#[derive(Clone, Debug)]
pub(super) struct Attachment {
    pub(super) file_name: String,
    pub(super) content_type: String,
    pub(super) content: Content,
    /// The id by which the HTML text shows it, if it does.
    pub(super) content_id: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Octets(Vec<u8>),
    /// A file that is read while the message is sent, and its size in octets, if that is known.
    Later(Option<u64>),
    /// A message, which must not be encoded (RFC 2046 section 5.2.1). It [is sendable](is_sendable).
    Message(Vec<u8>),
}

impl Attachment {
    /// Writes the part. Returns true if its octets still have to follow, because the file is read later.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> bool {
        let name = FileName::new(&self.file_name);
        HeaderLine::start(out, "Content-Type").with_name(&self.content_type, &name);
        let encoding = match &self.content {
            Content::Message(_) if self.is_8bit() => "8bit",
            Content::Message(_) => "7bit",
            _ => "base64",
        };
        HeaderLine::start(out, ENCODING).word(&[encoding]);
        if let Some(id) = &self.content_id {
            HeaderLine::start(out, "Content-ID").word(&["<", id, ">"]);
        }
        let disposition = if self.content_id.is_some() { "inline" } else { "attachment" };
        HeaderLine::start(out, "Content-Disposition").with_file_name(disposition, &name);
        out.extend_from_slice(b"\r\n");
        match &self.content {
            Content::Octets(octets) => write_base64(out, octets),
            Content::Message(message) => out.extend_from_slice(message),
            Content::Later(_) => return true,
        }
        false
    }

    /// Whether its octets are not all ASCII in the message.
    pub(super) fn is_8bit(&self) -> bool {
        matches!(&self.content, Content::Message(message) if !message.is_ascii())
    }

    /// Length of its content once it is encoded. `None` if that is not known.
    pub(super) fn encoded_len(&self) -> Option<usize> {
        match &self.content {
            Content::Octets(octets) => Some(base64_len(octets.len())),
            Content::Message(message) => Some(message.len()),
            Content::Later(octets) => {
                octets.map(|octets| usize::try_from(octets).map_or(usize::MAX, base64_len))
            }
        }
    }

    /// The content, if it goes out as it is: a line of it could look like a boundary.
    fn text(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Message(message) => Some(message),
            _ => None,
        }
    }
}

/// Encodes a file that comes in pieces of any size, in the lines of base64 that a message has.
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
    /// The last octets, which do not make a whole line yet.
    held: Vec<u8>,
}

impl FileEncoder {
    /// Takes the next octets, and appends the lines that are full to `out`.
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

/// Whether octets can be sent as they are: no line is too long, and there is no NUL.
pub(super) fn is_sendable(octets: &[u8]) -> bool {
    has_short_lines(octets) && memchr::memchr(0, octets).is_none()
}

/// Hands out boundaries that no line of a text begins with.
pub(super) struct Boundaries<'m> {
    texts: [Option<&'m Text<'m>>; 3],
    files: &'m [Attachment],
    is_8bit: bool,
    /// Numbers that stand behind the stem in a text, and so can be in no boundary. There is hardly ever one. `None` until the
    /// first boundary is made.
    taken: Option<Vec<[u8; 8]>>,
    stem: Stem,
    next: u32,
}

impl<'m> Boundaries<'m> {
    pub(super) fn new(
        random: [u8; 16],
        texts: [Option<&'m Text<'m>>; 3],
        files: &'m [Attachment],
        is_8bit: bool,
    ) -> Self {
        let mut stem = *b"=_00000000000000000000000000000000_";
        if let Some(digits) = stem.get_mut(2..34) {
            digits.copy_from_slice(lower_hex(random).as_flattened());
        }
        Self { texts, files, is_8bit, taken: None, stem, next: 0 }
    }

    fn find_taken(&self) -> Vec<[u8; 8]> {
        let mut taken = Vec::new();
        let texts = self.texts.iter().flatten().filter_map(|text| text.plain());
        for body in texts.chain(self.files.iter().filter_map(Attachment::text)) {
            let mut rest = body;
            while let Some(at) = memchr::memchr(b'=', rest) {
                let found = tail(rest, at);
                let number = found.strip_prefix(self.stem.as_slice()).and_then(<[u8]>::first_chunk);
                taken.extend(number);
                rest = tail(found, 1);
            }
        }
        taken
    }

    /// Writes the `Content-Type` of a multipart. The empty line after its headers comes with the first
    /// delimiter.
    pub(super) fn open(&mut self, out: &mut Vec<u8>, subtype: &str) -> Boundary {
        let taken = self.taken.take().unwrap_or_else(|| self.find_taken());
        // All numbers have one length, so that no boundary is the beginning of another.
        let number = loop {
            let [[a, b], [c, d], [e, f], [g, h]] = lower_hex(self.next.to_be_bytes());
            let number = [a, b, c, d, e, f, g, h];
            self.next = self.next.wrapping_add(1);
            if !taken.contains(&number) {
                break number;
            }
        };
        self.taken = Some(taken);
        let boundary = Boundary { stem: self.stem, number };
        HeaderLine::start(out, "Content-Type").multipart(subtype, [&boundary.stem, &boundary.number]);
        if self.is_8bit {
            // RFC 2045 section 6.4: a multipart without this field has no 8-bit part.
            HeaderLine::start(out, ENCODING).word(&["8bit"]);
        }
        boundary
    }
}

/// What a boundary begins with. `=_` is in no line of quoted-printable or base64 (RFC 2045 section 6.7); the random digits
/// behind it make the rest unlikely.
type Stem = [u8; 35];

/// Boundary of a multipart that is being written (RFC 2046 section 5.1.1).
///
/// The line end before a delimiter belongs to it, not to the part that it ends.
pub(super) struct Boundary {
    stem: Stem,
    number: [u8; 8],
}

impl Boundary {
    pub(super) fn delimit(&self, out: &mut Vec<u8>) {
        self.write(out, b"\r\n");
    }

    pub(super) fn close(&self, out: &mut Vec<u8>) {
        self.write(out, b"--\r\n");
    }

    fn write(&self, out: &mut Vec<u8>, end: &[u8]) {
        for piece in [b"\r\n--", self.stem.as_slice(), &self.number, end] {
            out.extend_from_slice(piece);
        }
    }
}

/// Every CRLF, bare CR and bare LF becomes CRLF, and the last line ends in one.
fn with_crlf(text: &[u8], out: &mut Vec<u8>) {
    LineEnds::append(text, out);
    if !matches!(text, [] | [.., b'\r' | b'\n']) {
        out.extend_from_slice(b"\r\n");
    }
}

/// Whether no line is longer than [`MAX_LINE`].
///
/// Looks for a line end in the next `MAX_LINE` + 1 octets. If there is none, the line is too long. Else goes on behind the last
/// one there.
fn has_short_lines(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(window) = rest.get(..=MAX_LINE) {
        let Some(end) = memchr::memrchr2(b'\r', b'\n', window) else { return false };
        rest = tail(rest, end.saturating_add(1));
    }
    true
}

/// What decides how a text is encoded.
struct Counts {
    /// Length of the text with CRLF for each line end.
    octets: usize,
    /// How many octets quoted-printable escapes. White space at the end of a line does not count.
    escapes: usize,
}

impl Counts {
    fn of(text: &[u8]) -> Self {
        let (mut escapes, mut ends, mut pairs) = (0usize, 0usize, 0usize);
        // Sums that fit an octet let the compiler count many octets at once.
        for (chunk, at) in text.chunks(128).zip((0usize..).step_by(128)) {
            let count = |is: fn(u8) -> bool| {
                chunk.iter().fold(0u8, |sum, &byte| sum.wrapping_add(u8::from(is(byte))))
            };
            let breaks = count(|byte| matches!(byte, b'\r' | b'\n'));
            escapes = escapes.saturating_add(usize::from(count(|byte| !is_printable(byte) && byte != b'\t')));
            escapes = escapes.saturating_sub(usize::from(breaks));
            ends = ends.saturating_add(usize::from(breaks));
            let behind = tail(text, at.saturating_add(1));
            let pair = chunk.iter().zip(behind).fold(0u8, |sum, (&first, &second)| {
                sum.wrapping_add(u8::from(first == b'\r' && second == b'\n'))
            });
            pairs = pairs.saturating_add(usize::from(pair));
        }
        let lacks_end = !matches!(text, [] | [.., b'\r' | b'\n']);
        let added =
            ends.saturating_sub(pairs.saturating_mul(2)).saturating_add(if lacks_end { 2 } else { 0 });
        Self { octets: text.len().saturating_add(added), escapes }
    }
}

/// Writes a text in quoted-printable (RFC 2045 section 6.7). Every line end becomes CRLF, and the last line gets one.
fn quoted_printable(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len().saturating_add(text.len() / 8));
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at_checked(end).unwrap_or_default();
        quoted_printable_line(line, out);
        out.extend_from_slice(b"\r\n");
        rest = tail(after, if after.starts_with(b"\r\n") { 2 } else { 1 });
    }
}

fn quoted_printable_line(line: &[u8], out: &mut Vec<u8>) {
    let mut rest = line;
    // The last column is kept for the `=` of a soft line break. Only the end of the line may take it.
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
        // Octets to escape often follow each other: those of one letter do.
        while let Some((&byte, after)) = rest.split_first() {
            let is_last = after.is_empty();
            let width = if is_plain(byte) && !(is_last && is_wsp(byte)) { 1 } else { 3 };
            if width > room.saturating_add(usize::from(is_last)) {
                out.extend_from_slice(b"=\r\n");
                room = MAX_ENCODED_LINE.saturating_sub(1);
                break;
            }
            if width == 1 {
                break;
            }
            let [high, low] = hex_octets(byte);
            out.extend_from_slice(&[b'=', high, low]);
            room = room.saturating_sub(3);
            rest = after;
        }
    }
}

/// How many octets at the start are not escaped.
fn plain_run(text: &[u8]) -> usize {
    let (chunks, _) = text.as_chunks::<16>();
    // The compiler tests the 16 octets of a chunk at once.
    let whole =
        chunks.iter().take_while(|chunk| chunk.iter().fold(true, |all, &byte| all & is_printable(byte)));
    let skipped = whole.count().saturating_mul(16);
    let rest = tail(text, skipped);
    skipped.saturating_add(rest.iter().position(|&byte| !is_plain(byte)).unwrap_or(rest.len()))
}

/// Whether an octet is not escaped, unless it is a space at the end of a line.
const fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'='
}

/// As [`is_printable`], and the tab: whether an octet is not escaped, unless it is white space at the end of a line.
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
            table[byte as usize] = is_printable(byte) || byte == b'\t';
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

#[cfg(feature = "simd")]
fn write_base64(out: &mut Vec<u8>, octets: &[u8]) {
    encodify::base64::MIME.encode_append(octets, out);
}

#[cfg(not(feature = "simd"))]
fn write_base64(out: &mut Vec<u8>, octets: &[u8]) {
    out.reserve(base64_len(octets.len()));
    let mut line = [0; MAX_ENCODED_LINE];
    for chunk in octets.chunks(OCTETS_PER_LINE) {
        // A line is as long as what a chunk becomes.
        let len = STANDARD.encode_slice(chunk, &mut line).unwrap_or_default();
        out.extend_from_slice(line.get(..len).unwrap_or_default());
        out.extend_from_slice(b"\r\n");
    }
}
