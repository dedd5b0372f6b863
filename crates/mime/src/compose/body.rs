//! Bodies: transfer encodings, attachments and the boundaries between parts.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::header::HeaderLine;
use crate::LineEnds;
use crate::ascii::{hex_digits, is_wsp};

/// Longest line of a message without its CRLF (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 998;
/// Longest encoded line (RFC 2045 section 6.7 and 6.8), and the octets that fill one in base64.
const MAX_ENCODED_LINE: usize = 76;
const OCTETS_PER_LINE: usize = 57;

/// A text part, encoded.
pub(super) struct Text {
    subtype: &'static str,
    encoding: &'static str,
    body: Vec<u8>,
}

impl Text {
    /// Encodes no more than the content needs.
    pub(super) fn encode(subtype: &'static str, text: &str, allow_8bit: bool) -> Self {
        let text = with_crlf(text);
        let sendable = !text.contains(&0) && lines(&text).all(|line| line.len() <= MAX_LINE);
        let (encoding, body) = if sendable && text.is_ascii() {
            ("7bit", text)
        } else if sendable && allow_8bit {
            ("8bit", text)
        } else {
            let printable = quoted_printable(&text);
            if printable.len() <= base64_len(text.len()) {
                ("quoted-printable", printable)
            } else {
                let mut body = Vec::with_capacity(base64_len(text.len()));
                write_base64(&mut body, &text);
                ("base64", body)
            }
        };
        Self { subtype, encoding, body }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        HeaderLine::start(out, "Content-Type").word(&format!("text/{}; charset=utf-8", self.subtype));
        HeaderLine::start(out, "Content-Transfer-Encoding").word(self.encoding);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
    }
}

/// A file that goes along.
#[derive(Clone, Debug)]
pub(super) struct Attachment {
    pub(super) file_name: String,
    pub(super) content_type: String,
    pub(super) content: Vec<u8>,
}

impl Attachment {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        HeaderLine::start(out, "Content-Type").word(&self.content_type);
        HeaderLine::start(out, "Content-Transfer-Encoding").word("base64");
        HeaderLine::start(out, "Content-Disposition").with_parameter(
            "attachment",
            "filename",
            &self.file_name,
        );
        out.extend_from_slice(b"\r\n");
        out.reserve(base64_len(self.content.len()));
        write_base64(out, &self.content);
    }
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
    pub(super) fn new(random: &str, texts: &[&Text]) -> Self {
        let stem = format!("=_{random}_");
        let numbers = texts.iter().flat_map(|text| lines(&text.body)).filter_map(|line| {
            let number = line.strip_prefix(b"--")?.strip_prefix(stem.as_bytes())?.get(..8)?;
            Some(String::from(str::from_utf8(number).ok()?))
        });
        Self { taken: numbers.collect(), stem, next: 0 }
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
        let boundary = format!("{}{number}", self.stem);
        HeaderLine::start(out, "Content-Type").with_parameter(
            &format!("multipart/{subtype}"),
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
        out.extend_from_slice(format!("\r\n--{}\r\n", self.0).as_bytes());
    }

    pub(super) fn close(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("\r\n--{}--\r\n", self.0).as_bytes());
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

/// Lines without their CRLF.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split_inclusive(|&byte| byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r\n").unwrap_or(line))
}

/// RFC 2045 section 6.7; `text` has CRLF line ends alone.
fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for line in lines(text) {
        let mut column = 0usize;
        let mut rest = line;
        while let Some((&byte, after)) = rest.split_first() {
            let last = after.is_empty();
            let plain = byte.is_ascii_graphic() && byte != b'=' || is_wsp(byte) && !last;
            let width = if plain { 1 } else { 3 };
            // The last column is the soft break's, unless the line ends there.
            let limit = if last { MAX_ENCODED_LINE } else { MAX_ENCODED_LINE.saturating_sub(1) };
            if column.saturating_add(width) > limit {
                out.extend_from_slice(b"=\r\n");
                column = 0;
            }
            if plain {
                out.push(byte);
            } else {
                let [high, low] = hex_digits(byte);
                out.extend(format!("={high}{low}").bytes());
            }
            column = column.saturating_add(width);
            rest = after;
        }
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Length of what [`write_base64`] writes.
fn base64_len(octets: usize) -> usize {
    let characters = octets.div_ceil(3).saturating_mul(4);
    characters.saturating_add(octets.div_ceil(OCTETS_PER_LINE).saturating_mul(2))
}

fn write_base64(out: &mut Vec<u8>, octets: &[u8]) {
    let mut line = String::with_capacity(MAX_ENCODED_LINE);
    for chunk in octets.chunks(OCTETS_PER_LINE) {
        line.clear();
        STANDARD.encode_string(chunk, &mut line);
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}
