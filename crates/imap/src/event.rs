use alloc::string::String;
use core::{fmt, str};

use mailbearer_wire::{Octets, printable_bytes};

use crate::{Frame, Response, Status, StatusLine, problem::Problem};

/// What happened in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The greeting came, TLS is on, and the capabilities are known.
    Ready,
    /// The server accepted the credentials, or asked for none.
    Authenticated,
    /// An untagged response, not parsed yet. It may belong to a command in flight or to none.
    Data(Frame),
    /// A literal starts that is too large to be held ([`Limits::literal_inline`](crate::Limits)). Its octets follow as
    /// [`LiteralChunk`](Self::LiteralChunk)s, then the response comes as [`Data`](Self::Data).
    LiteralStart {
        /// The response up to the literal; [`LiteralOf`](crate::LiteralOf) tells what it belongs to.
        head: Octets,
        /// Length of the literal in octets.
        size: u64,
    },
    /// The next octets of the literal announced last.
    LiteralChunk(Octets),
    /// The server has accepted this IDLE.
    Idling(Tag),
    /// The server wants the message of this APPEND, or more of it: give it to
    /// [`Session::body`](crate::session::Session::body).
    BodyWanted(Tag),
    /// The server answered a command.
    Done(Completion),
    /// The server said goodbye after LOGOUT, with these words. [`Step::Close`](mailbearer_wire::Step) follows.
    Closed(String),
}

/// Names a command of one session. No two commands have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub(crate) u32);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "A{}", self.0)
    }
}

impl Tag {
    /// Whether `word` is exactly this tag (RFC 9051 section 2.2.1: the case counts).
    pub(crate) fn is(self, word: &[u8]) -> bool {
        match word {
            [b'A', digits @ ..] if !digits.starts_with(b"0") && digits.iter().all(u8::is_ascii_digit) => {
                str::from_utf8(digits).is_ok_and(|digits| digits.parse() == Ok(self.0))
            }
            _ => false,
        }
    }
}

/// How a command ended. NO and BAD are results like OK: the session goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completion {
    /// The command.
    pub tag: Tag,
    /// OK, NO or BAD.
    pub status: Status,
    /// The response as it arrived.
    pub frame: Frame,
}

impl Completion {
    /// Returns whether the command succeeded.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }

    /// Returns whether the command succeeded in part: the server stopped at the number of messages that it handles at once,
    /// `OK [MESSAGELIMIT 1000 23221]` (RFC 9738 section 3.1).
    #[must_use]
    pub fn is_partial(&self) -> bool {
        // By its third word, so that a program that wants no codes links none of their grammar.
        let mut words = self.frame.octets().split(|&octet| octet == b' ').filter(|word| !word.is_empty());
        self.is_ok() && words.nth(2).is_some_and(|word| word.eq_ignore_ascii_case(b"[MESSAGELIMIT"))
    }

    /// Parses the response, for its code. Returns `None` if the code does not follow the grammar of its name.
    #[must_use]
    pub fn line(&self) -> Option<StatusLine<'_>> {
        match self.frame.response() {
            Ok(Response::Tagged { line, .. }) => Some(line),
            _ => None,
        }
    }

    /// Returns the server's words for people.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer::of(self.frame.octets())
    }

    /// Returns the known problem that a NO or BAD stands for.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        if self.is_ok() { None } else { self.answer().problem() }
    }
}

/// Prints the server's words.
impl fmt::Display for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_partial() {
            f.write_str("done in part: ")?;
        }
        self.answer().fmt(f)
    }
}

/// The words of a status response. Each field is cut to 512 octets and escaped for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Its first word.
    pub status: Status,
    /// What stands in brackets.
    pub code: Option<String>,
    /// The text after the code.
    pub text: String,
}

impl Answer {
    /// Reads a response that [`classify`](crate::classify) calls a status. The response need not be well-formed.
    pub(crate) fn of(line: &[u8]) -> Self {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (_tag, rest) = word(line);
        let (status, rest) = word(rest);
        let (code, text) = bracketed(rest).map_or((None, rest), |(code, text)| (Some(code), text));
        Self {
            status: Status::from_word(status).unwrap_or(Status::Bad),
            code: code.map(|code| printable_bytes(code, SHOWN)),
            text: printable_bytes(text.trim_ascii(), SHOWN),
        }
    }

    /// Returns the same, with its texts passed through `redact`.
    pub(super) fn redacted(self, redact: impl Fn(&str) -> String) -> Self {
        Self { code: self.code.map(|code| redact(&code)), text: redact(&self.text), ..self }
    }

    /// Takes a line that has no status for a BYE.
    pub(crate) fn of_bare(line: &[u8]) -> Self {
        Self { status: Status::Bye, code: None, text: quoted(line) }
    }

    /// Returns the known problem that these words stand for.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let code = self.code.as_deref().unwrap_or_default();
        Problem::of_text(&self.text).or_else(|| Problem::of_code(code)).or_else(|| Problem::of_text(code))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status.as_str())?;
        if let Some(code) = &self.code {
            write!(f, " [{code}]")?;
        }
        if self.text.is_empty() { Ok(()) } else { write!(f, " {}", self.text) }
    }
}

/// Splits off the first word and the spaces behind it.
fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|&octet| octet == b' ').unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end).unwrap_or((line, b""));
    let spaces = rest.iter().take_while(|octet| **octet == b' ').count();
    (word, rest.get(spaces..).unwrap_or_default())
}

/// Splits off what stands in brackets at the start. Exchange quotes texts of its own there, so a bracket in quotes does
/// not count. Where the quotes do not match, the first bracket does.
fn bracketed(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"[")?;
    let mut quoted = false;
    let end = inner.iter().position(|&octet| {
        quoted ^= octet == b'"';
        octet == b']' && !quoted
    });
    let end = end.or_else(|| inner.iter().position(|&octet| octet == b']'));
    let (code, rest) = inner.split_at_checked(end?)?;
    Some((code, rest.strip_prefix(b"]").unwrap_or(rest)))
}

/// Makes a peer's octets fit to be quoted in an error.
pub(crate) fn quoted(octets: &[u8]) -> String {
    let line = octets.strip_suffix(b"\n").unwrap_or(octets);
    printable_bytes(line.strip_suffix(b"\r").unwrap_or(line), SHOWN)
}

/// How many octets of a server's text are kept.
const SHOWN: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_apart_cut_and_escaped() {
        let rows: &[(&[u8], Status, Option<&str>, &str)] = &[
            (b"A1 OK done\r\n", Status::Ok, None, "done"),
            (b"A1 NO\r\n", Status::No, None, ""),
            (b"*  BYE  [ALERT]  pay\r\n", Status::Bye, Some("ALERT"), "pay"),
            (b"A1 NO [ALERT] pay\r\n", Status::No, Some("ALERT"), "pay"),
            (b"* BYE [X", Status::Bye, None, "[X"),
            (b"* BYE [X\"] y\r\n", Status::Bye, Some("X\""), "y"),
            (
                b"A1 OK [Error=\"a]b\" C=0] AUTHENTICATE completed.\r\n",
                Status::Ok,
                Some("Error=\"a]b\" C=0"),
                "AUTHENTICATE completed.",
            ),
            (b"A1 BAD \x1b[2J\n", Status::Bad, None, "\\x1b[2J"),
        ];
        for (line, status, code, text) in rows {
            let want = Answer { status: *status, code: code.map(String::from), text: (*text).into() };
            assert_eq!(Answer::of(line), want, "{}", line.escape_ascii());
        }
        let long = Answer::of(&[b"A1 NO ".as_slice(), &[b'x'; SHOWN + 1]].concat());
        assert_eq!(long.text.chars().count(), SHOWN + 1);
        assert!(long.text.ends_with('…'));
    }

    #[test]
    fn a_tag_is_matched_octet_by_octet() {
        assert!(Tag(12).is(b"A12"));
        for word in [b"a12".as_slice(), b"A1", b"A012", b"A+12", b"A4294967308", b"12", b"A12 ", b"*", b""] {
            assert!(!Tag(12).is(word), "{}", word.escape_ascii());
        }
    }
}
