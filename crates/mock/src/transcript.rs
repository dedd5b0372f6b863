//! Conversations in text files.
//!
//! One file is a test over TCP ([`serve`](crate::serve)), a test without sockets ([`play`](crate::play)), and
//! reading matter. Each line of it is one of these:
//!
//! | line | means |
//! |---|---|
//! | `S: text` | the server sends `text` and CRLF |
//! | `C: text` | the client sends `text` and CRLF |
//! | `# text`, or nothing | a comment |
//! | `--TLS--` | the TLS handshake; as the first line, a connection that starts with it |
//! | `--cut--` | the server's octets before and after it come in two segments |
//! | `--pause N--` | the same, `N` milliseconds apart over TCP (at most 60,000) |
//! | `--S N text--` | the server sends `N` octets: `text` over and over, cut to fit (at most 256 MiB) |
//! | `--C N--` | the client sends `N` octets, whatever they are (at most 256 MiB) |
//! | `--C HTTP--` | the client sends one request of HTTP/1.1, whatever it is (at most 1 MiB) |
//! | `--C DATA--` | the client sends a message, whatever it is, and the dot that ends it |
//! | `--C BDAT--` | the client sends one BDAT command with its octets, whatever they are |
//! | `--close--` | the server closes the connection |
//! | `--reset--` | the server breaks the connection: over TCP by a reset |
//!
//! `S:` lines that follow each other go out in one segment, that is in one write. After the last line the
//! client has nothing more to say: it closes, or waits.
//!
//! In `text`, `\r`, `\n`, `\t`, `\\` and `\xNN` stand for one octet, and a single `\` at the end takes the CRLF
//! away: `S: OK\n\` ends with a bare LF. `C:` lines may hold wildcards. These words are all there are, so that
//! `MAIL FROM:<a@b>` needs no escape (`\<any>` is the word itself):
//!
//! | word | in `C:` | in `S:` |
//! |---|---|---|
//! | `<any>` | any number of octets, none of them CR or LF | not allowed |
//! | `<tag>`, `<tag1>` … `<tag9>` | one octet or more, none of them CR, LF or space; kept | what was kept last |
//!
//! ```text
//! # RFC 3501 section 6.2.1
//! S: * OK IMAP4rev1 service ready
//! C: <tag> STARTTLS
//! S: <tag> OK begin TLS
//! --TLS--
//! C: <tag> AUTHENTICATE XOAUTH2 <any>
//! S: * BYE injected \x1b[2J\n\
//! --close--
//! ```

use std::{fmt, time::Duration};

use crate::pattern::Pattern;

/// A conversation between a client and a server, read from text.
///
/// The format is described in the [module](self).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    pub(crate) turns: Vec<Turn>,
}

/// A [`Step`](TurnKind) and the line that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) line: usize,
    pub(crate) kind: TurnKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TurnKind {
    Server(Pattern),
    ServerOctets { count: usize, text: Vec<u8> },
    Client(Pattern),
    ClientOctets(usize),
    ClientRequest,
    ClientMessage,
    ClientChunk,
    Tls,
    Cut(Duration),
    Close,
    Reset,
}

impl Transcript {
    /// Reads a transcript from the text of its file.
    ///
    /// # Errors
    ///
    /// Returns the number of the first line that is none of the [format](self)'s, with the rule it breaks.
    pub fn parse(text: &str) -> Result<Self, LineError> {
        let mut transcript = Self { turns: Vec::new() };
        for (number, content) in (1..).zip(text.lines()) {
            transcript.push(number, content)?;
        }
        Ok(transcript)
    }

    /// Reads one more line.
    pub(crate) fn push(&mut self, line: usize, content: &str) -> Result<(), LineError> {
        if let Some(kind) = turn(content).map_err(|rule| LineError { line, rule })? {
            self.turns.push(Turn { line, kind });
        }
        Ok(())
    }

    /// Returns whether the connection starts with TLS: whether the first line is `--TLS--`.
    #[must_use]
    pub fn starts_with_tls(&self) -> bool {
        matches!(self.turns.first(), Some(Turn { kind: TurnKind::Tls, .. }))
    }

    /// Returns all that the server sends, without TLS, and with `tag` for every `<tag>`: food for parsers, benches and
    /// fuzzers.
    #[must_use]
    pub fn server_octets(&self, tag: &str) -> Vec<u8> {
        let mut out = Vec::new();
        for turn in &self.turns {
            match &turn.kind {
                TurnKind::Server(pattern) => out.extend(pattern.fill(|_| Some(tag.as_bytes()))),
                TurnKind::ServerOctets { count, text } => out.extend(repeated(text, *count)),
                _ => {}
            }
        }
        out
    }

    /// Number of the last line that says something, to point at when the transcript is over.
    pub(crate) fn last_line(&self) -> usize {
        self.turns.last().map_or(0, |turn| turn.line)
    }
}

impl std::str::FromStr for Transcript {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, LineError> {
        Self::parse(text)
    }
}

/// `count` octets of `text`, over and over.
pub(crate) fn repeated(text: &[u8], count: usize) -> impl Iterator<Item = u8> {
    text.iter().copied().cycle().take(count)
}

/// A line of a transcript that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineError {
    /// Number of the line, the first is 1.
    pub line: usize,
    /// The rule of the format that it breaks.
    pub rule: &'static str,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.rule)
    }
}

impl std::error::Error for LineError {}

fn turn(content: &str) -> Result<Option<TurnKind>, &'static str> {
    if content.is_empty() || content.starts_with('#') {
        return Ok(None);
    }
    if let Some(mark) = content.strip_prefix("--").and_then(|rest| rest.strip_suffix("--")) {
        return mark_turn(mark).map(Some);
    }
    // Editors strip trailing spaces, so an empty line may come without the one after the colon.
    let (who, text) = match content.split_once(": ") {
        Some(split) => split,
        None => (content.strip_suffix(':').ok_or(WHAT)?, ""),
    };
    match who {
        "S" => Ok(Some(TurnKind::Server(Pattern::parse(text)?.without_any()?))),
        "C" => Ok(Some(TurnKind::Client(Pattern::parse(text)?.whole_if_wild()?))),
        _ => Err(WHAT),
    }
}

fn mark_turn(mark: &str) -> Result<TurnKind, &'static str> {
    let mut words = mark.splitn(3, ' ');
    let (name, first, text) = (words.next(), words.next(), words.next());
    match (name, first, text) {
        (Some("TLS"), None, _) => Ok(TurnKind::Tls),
        (Some("close"), None, _) => Ok(TurnKind::Close),
        (Some("reset"), None, _) => Ok(TurnKind::Reset),
        (Some("cut"), None, _) => Ok(TurnKind::Cut(Duration::ZERO)),
        (Some("pause"), Some(millis), None) => match millis.parse() {
            Ok(millis @ 0..=MAX_PAUSE_MILLIS) => Ok(TurnKind::Cut(Duration::from_millis(millis))),
            _ => Err("a pause takes milliseconds, at most 60000"),
        },
        (Some("C"), Some("HTTP"), None) => Ok(TurnKind::ClientRequest),
        (Some("C"), Some("DATA"), None) => Ok(TurnKind::ClientMessage),
        (Some("C"), Some("BDAT"), None) => Ok(TurnKind::ClientChunk),
        (Some("C"), Some(count), None) => Ok(TurnKind::ClientOctets(octets(count)?)),
        (Some("S"), Some(count), Some(text)) => {
            let text = Pattern::parse(text)?.literal().ok_or("repeated text takes no wildcard")?;
            Ok(TurnKind::ServerOctets { count: octets(count)?, text })
        }
        _ => Err("no such mark"),
    }
}

fn octets(count: &str) -> Result<usize, &'static str> {
    match count.parse() {
        Ok(count @ 0..=MAX_OCTETS) => Ok(count),
        _ => Err("a number of octets is at most 268435456"),
    }
}

const WHAT: &str = "neither `C: `, `S: `, a comment nor a mark";
const MAX_PAUSE_MILLIS: u64 = 60_000;
const MAX_OCTETS: usize = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_line_that_it_cannot_read() {
        let rows = [
            ("S: a\nX: b", 2),
            ("S: a\n\n# c\nhello", 4),
            ("S:a", 1),
            ("--tls--", 1),
            ("--TLS now--", 1),
            ("--pause--", 1),
            ("--pause 60001--", 1),
            ("--pause -1--", 1),
            ("--C 268435457--", 1),
            ("--S 5--", 1),
            ("--S 5 <tag>--", 1),
            ("S: \\q", 1),
            ("S: \\x1", 1),
            ("S: \\xgg", 1),
            ("S: <any>", 1),
            ("C: <any>\\", 1),
            ("C: a\\nb<any>", 1),
        ];
        for (text, line) in rows {
            assert_eq!(Transcript::parse(text).map_err(|error| error.line), Err(line), "{text:?}");
        }
    }

    #[test]
    fn says_what_the_server_sends() {
        let rows: &[(&str, &[u8])] = &[
            ("S: * OK\nC: <tag> NOOP\nS: <tag> OK", b"* OK\r\nT1 OK\r\n"),
            ("S: a\\n\\\nS: b\\\nS:\nS: ", b"a\nb\r\n\r\n"),
            ("S: \\x00\\r\\t\\\\\\x1B\\", b"\0\r\t\\\x1b"),
            ("S: Gr\u{fc}\u{df}e\r\nS: \\xfc\r\n", b"Gr\xc3\xbc\xc3\x9fe\r\n\xfc\r\n"),
            ("S: {7}\n--S 7 abc--\n--cut--\nS: )", b"{7}\r\nabcabca)\r\n"),
            ("S: \\<tag> <tags> <", b"<tag> <tags> <\r\n"),
            ("--S 3 --\n--S 2 \\x00--", b"\0\0"),
        ];
        for (text, want) in rows {
            let transcript = Transcript::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            assert_eq!(transcript.server_octets("T1"), *want, "{text:?}");
        }
    }
}
