use alloc::{string::String, vec::Vec};
use core::{fmt, mem};

use mailbearer_wire::{Lines, RecvBuf, printable, printable_bytes};

use crate::Limits;

/// One whole reply of a server, of one line or more (RFC 5321 section 4.2).
///
/// The lines are as the server sent them, so they may hold anything. [`Display`](fmt::Display) and [`text`](Self::text)
/// escape them for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The three-digit code.
    pub code: u16,
    /// The status code of RFC 3463 at the start of the text, if it has one of the reply's class.
    pub enhanced: Option<EnhancedCode>,
    /// The text of all lines, with a line feed between them: one allocation for a reply, however many lines it has.
    raw: String,
}

impl Reply {
    /// A reply with this code and text, in which line feeds separate lines.
    #[must_use]
    pub fn new(code: u16, text: impl Into<String>) -> Self {
        let raw = text.into();
        let class = code.checked_div(100);
        let enhanced = EnhancedCode::split(raw.as_bytes()).map(|split| split.0);
        Self { code, enhanced: enhanced.filter(|enhanced| Some(enhanced.class) == class), raw }
    }

    /// The same, as `redact` lets its text be shown.
    pub(crate) fn redacted(self, redact: impl Fn(&str) -> String) -> Self {
        Self { raw: redact(&self.raw), ..self }
    }

    /// The reply's class, by its first digit. A client need not look at the other digits.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self.code {
            200..300 => Class::Success,
            300..400 => Class::Intermediate,
            400..500 => Class::Transient,
            _ => Class::Permanent,
        }
    }

    /// Whether the same may succeed later: a code of the form 4yz.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.class() == Class::Transient
    }

    /// The text of each line, after the code and the space or hyphen. At least one. What was not UTF-8 is U+FFFD.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.raw.split('\n')
    }

    /// The text without codes, its lines joined by spaces. Everything that could control a terminal is escaped.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in self.lines() {
            let line = match self.enhanced {
                Some(code) => EnhancedCode::split(line.as_bytes())
                    .filter(|split| split.0 == code)
                    .and_then(|split| line.get(split.1..))
                    .unwrap_or(line),
                None => line,
            };
            if !text.is_empty() && !line.is_empty() {
                text.push(' ');
            }
            text.push_str(&printable(line));
        }
        text
    }

    pub(crate) const fn is_closing(&self) -> bool {
        self.code == 421
    }

    /// The text of all lines, with a line feed between them.
    pub(crate) fn into_raw(self) -> String {
        self.raw
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        match self.text() {
            text if text.is_empty() => Ok(()),
            text => write!(f, " {text}"),
        }
    }
}

/// What the first digit of a reply code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the first digit says no more")]
pub enum Class {
    /// 2yz: done.
    Success,
    /// 3yz: go on.
    Intermediate,
    /// 4yz: not now.
    Transient,
    /// 5yz: no.
    Permanent,
}

/// An enhanced status code (RFC 3463): class, subject, detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the three numbers of RFC 3463")]
pub struct EnhancedCode {
    /// 2, 4 or 5.
    pub class: u16,
    /// The subject: 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 security.
    pub subject: u16,
    /// The detail.
    pub detail: u16,
}

impl EnhancedCode {
    /// The code at the start of a line, and where the text after it begins.
    ///
    /// `status-code = class "." subject "." detail` (RFC 3463 section 2)
    fn split(line: &[u8]) -> Option<(Self, usize)> {
        // Most are of this form, and most replies have one.
        if let [
            class @ (b'2' | b'4' | b'5'),
            b'.',
            subject @ b'0'..=b'9',
            b'.',
            detail @ b'0'..=b'9',
            b' ',
            ..,
        ] = line
        {
            let [class, subject, detail] =
                [class, subject, detail].map(|digit| u16::from(digit.saturating_sub(b'0')));
            return Some((Self { class, subject, detail }, 6));
        }
        let [b'2' | b'4' | b'5', b'.', ..] = line else { return None };
        let (class, rest) = number(line)?;
        let (subject, rest) = number(rest.strip_prefix(b".")?)?;
        let (detail, rest) = number(rest.strip_prefix(b".")?)?;
        let text = match rest {
            [] | [b'\n', ..] => rest,
            [b' ', text @ ..] => text,
            _ => return None,
        };
        Some((Self { class, subject, detail }, line.len().saturating_sub(text.len())))
    }
}

/// `1*3DIGIT`, and what follows.
fn number(text: &[u8]) -> Option<(u16, &[u8])> {
    let mut value = 0_u16;
    let mut rest = text;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        if text.len().saturating_sub(after.len()) > 3 {
            return None;
        }
        value = value.saturating_mul(10).saturating_add(u16::from(digit.saturating_sub(b'0')));
        rest = after;
    }
    (rest.len() < text.len()).then_some((value, rest))
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// Collects the lines of a [`RecvBuf`] into replies.
///
/// Each line is consumed as it comes, so the buffer need not hold more than one.
#[derive(Clone, Debug)]
pub struct ReplyReader {
    limits: Limits,
    scanner: Lines,
    code: u16,
    /// The text of the lines so far.
    raw: Vec<u8>,
    lines: usize,
    octets: usize,
}

impl ReplyReader {
    /// A reader that holds the server to `limits`.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { scanner: Lines::new(limits.reply_line), limits, code: 0, raw: Vec::new(), lines: 0, octets: 0 }
    }

    /// Returns the next reply, or `None` while a part of it is missing.
    ///
    /// A line may end with LF alone. The first digit must be 2, 3, 4 or 5, and the lines of one reply must agree
    /// in their code.
    ///
    /// # Errors
    ///
    /// Returns [`ReplyError`] for a line that is no reply line, and for a reply over one of the [`Limits`]. What follows in the
    /// buffer can't be understood then.
    pub fn next(&mut self, rx: &mut RecvBuf) -> Result<Option<Reply>, ReplyError> {
        let mut taken = 0;
        let next = self.take_lines(rx.unread(), &mut taken);
        rx.consume(taken);
        next
    }

    /// Returns a refusal of several lines that the server cut short when it closed. Other replies count only as a whole.
    pub(crate) fn refusal_cut_off(&mut self) -> Option<Reply> {
        (mem::take(&mut self.lines) > 0 && self.code >= 400).then(|| self.reply())
    }

    fn reply(&mut self) -> Reply {
        (self.lines, self.octets) = (0, 0);
        let raw = String::from_utf8(mem::take(&mut self.raw));
        let raw = raw.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Reply::new(self.code, raw)
    }

    /// Takes whole lines off `unread` up to the end of a reply, and counts their octets.
    fn take_lines(&mut self, unread: &[u8], taken: &mut usize) -> Result<Option<Reply>, ReplyError> {
        loop {
            let rest = unread.get(*taken..).unwrap_or_default();
            let limit = self.limits.reply_line;
            let found = self.scanner.next_of(rest).map_err(|_| ReplyError::LineTooLong { limit })?;
            let Some(line) = found else { return Ok(None) };
            let content = rest.get(..line.content).unwrap_or_default();
            let malformed = || ReplyError::Malformed { excerpt: printable_bytes(content, EXCERPT) };
            let (code, last, text) = split(content).ok_or_else(malformed)?;
            self.octets = self.octets.saturating_add(line.total);
            if self.lines > 0 && code != self.code {
                return Err(malformed());
            }
            if self.lines >= self.limits.reply_lines {
                return Err(ReplyError::TooManyLines { limit: self.limits.reply_lines });
            }
            if self.octets > self.limits.reply_octets {
                return Err(ReplyError::TooManyOctets { limit: self.limits.reply_octets });
            }
            *taken = taken.saturating_add(line.total);
            if self.lines == 0 {
                self.code = code;
                // Room for the lines that came together with the first one: they are most often all there are.
                let more = if last { 0 } else { rest.len().min(AHEAD) };
                self.raw = Vec::with_capacity(text.len().max(more));
            } else {
                self.raw.push(b'\n');
            }
            self.raw.extend_from_slice(text);
            self.lines = self.lines.saturating_add(1);
            if last {
                return Ok(Some(self.reply()));
            }
        }
    }
}

/// Why the bytes of a server are not a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyError {
    /// A line without a reply code, or with another one than the lines before it.
    Malformed {
        /// The start of the line, escaped.
        excerpt: String,
    },
    /// A line over [`Limits::reply_line`].
    LineTooLong {
        /// The limit in octets.
        limit: usize,
    },
    /// A reply over [`Limits::reply_lines`].
    TooManyLines {
        /// The limit in lines.
        limit: usize,
    },
    /// A reply over [`Limits::reply_octets`].
    TooManyOctets {
        /// The limit in octets.
        limit: usize,
    },
}

impl ReplyError {
    /// The same, as `redact` lets its text be shown.
    pub(crate) fn redacted(self, redact: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Malformed { excerpt } => Self::Malformed { excerpt: redact(&excerpt) },
            error => error,
        }
    }
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { excerpt } => write!(f, "not a reply: \"{excerpt}\""),
            Self::LineTooLong { limit } => write!(f, "reply line longer than {limit} octets"),
            Self::TooManyLines { limit } => write!(f, "reply of more than {limit} lines"),
            Self::TooManyOctets { limit } => write!(f, "reply of more than {limit} octets"),
        }
    }
}

impl core::error::Error for ReplyError {}

/// `Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF` (RFC 5321 section 4.2)
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let [hundreds @ b'2'..=b'5', tens @ b'0'..=b'9', ones @ b'0'..=b'9', rest @ ..] = line else {
        return None;
    };
    let digit = |octet: &u8| u16::from(octet.saturating_sub(b'0'));
    let code = digit(hundreds).saturating_mul(100).saturating_add(digit(tens).saturating_mul(10));
    let code = code.saturating_add(digit(ones));
    match rest {
        [] => Some((code, true, rest)),
        [b' ', text @ ..] => Some((code, true, text)),
        [b'-', text @ ..] => Some((code, false, text)),
        _ => None,
    }
}

/// Octets for which room is made before they are looked at.
const AHEAD: usize = 1024;
/// Octets of a broken line that an error shows.
const EXCERPT: usize = 80;

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString, vec};

    use super::*;

    /// Feeds `input` in pieces of `chunk` octets; all replies, and the error that ended them.
    fn read(input: &[u8], chunk: usize, limits: Limits) -> (Vec<Reply>, Option<ReplyError>) {
        let (mut reader, mut rx, mut replies) =
            (ReplyReader::new(limits), RecvBuf::with_limit(1 << 20), vec![]);
        for piece in input.chunks(chunk) {
            rx.extend(piece).unwrap();
            loop {
                match reader.next(&mut rx) {
                    Ok(Some(reply)) => replies.push(reply),
                    Ok(None) => break,
                    Err(error) => return (replies, Some(error)),
                }
            }
        }
        (replies, None)
    }

    #[test]
    fn reads_what_servers_send() {
        let rows: &[(&str, &[u8], &[&str])] = &[
            ("one line", b"250 Ok\r\n", &["250 Ok"]),
            ("no text", b"250\r\n354 \r\n", &["250", "354"]),
            ("bare LF", b"250-a\n250 b\n", &["250 a b"]),
            ("unknown code of a known class", b"299 odd\r\n", &["299 odd"]),
            ("enhanced", b"550 5.1.1 unknown user\r\n", &["550 5.1.1 unknown user"]),
            (
                "enhanced on each line (Gmail)",
                b"535-5.7.8 Username and Password not accepted.\r\n535 5.7.8  https://x - gsmtp\r\n",
                &["535 5.7.8 Username and Password not accepted.  https://x - gsmtp"],
            ),
            ("enhanced alone", b"250 2.0.0\r\n", &["250 2.0.0"]),
            ("enhanced of another class is text", b"550 2.0.0 ok\r\n", &["550 2.0.0 ok"]),
            ("an address is no code", b"220 2.0.0.1 ready\r\n", &["220 2.0.0.1 ready"]),
            ("a terminal is not steered", b"220 \x1b[2J\xff\r\n", &["220 \\x1b[2J\u{fffd}"]),
            ("two replies", b"250 a\r\n221 b\r\n", &["250 a", "221 b"]),
            ("unfinished", b"250-a\r\n250 b", &[]),
        ];
        for (name, input, want) in rows {
            for chunk in 1..=input.len() {
                let (replies, error) = read(input, chunk, Limits::default());
                let shown: Vec<String> = replies.iter().map(ToString::to_string).collect();
                assert_eq!(
                    (shown.as_slice(), error),
                    (&*want.iter().map(ToString::to_string).collect::<Vec<_>>(), None),
                    "{name} by {chunk}"
                );
            }
        }
        let enhanced = |input| read(input, 1, Limits::default()).0[0].enhanced;
        for reply in [&b"450 4.7.25 x\r\n"[..], b"450 4.7.25\r\n", b"450-4.7.25\r\n450 x\r\n"] {
            let want = EnhancedCode { class: 4, subject: 7, detail: 25 };
            assert_eq!(enhanced(reply), Some(want), "{}", reply.escape_ascii());
        }
        for not in [
            &b"354 3.0.0 x\r\n"[..],
            b"450 5.7.25 x\r\n",
            b"450 4.7 x\r\n",
            b"450 4..1 x\r\n",
            b"450 4.7.2500 x\r\n",
            b"450 4.+7.2 x\r\n",
        ] {
            assert_eq!(enhanced(not), None, "{not:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_reply() {
        let rows: &[(&str, &[u8], &str)] = &[
            ("IMAP", b"* OK IMAP4rev1 ready\r\n", "* OK IMAP4rev1 ready"),
            ("POP3", b"+OK ready\r\n", "+OK ready"),
            ("HTTP", b"HTTP/1.1 400 Bad Request\r\n", "HTTP/1.1 400 Bad Request"),
            ("empty line", b"\r\n", ""),
            ("two digits", b"25 Ok\r\n", "25 Ok"),
            ("first digit 1", b"150 Ok\r\n", "150 Ok"),
            ("first digit 6", b"650 Ok\r\n", "650 Ok"),
            ("no separator", b"250Ok\r\n", "250Ok"),
            ("not a digit", b"2x0 Ok\r\n", "2x0 Ok"),
            ("codes that differ", b"250-a\r\n550 b\r\n", "550 b"),
            ("steers a terminal", b"\x1b[2J\r\n", "\\x1b[2J"),
        ];
        for (name, input, excerpt) in rows {
            for chunk in 1..=input.len() {
                let want = Some(ReplyError::Malformed { excerpt: excerpt.to_string() });
                assert_eq!(read(input, chunk, Limits::default()), (vec![], want), "{name} by {chunk}");
            }
        }
        let (_, error) = read(&[vec![b'x'; 500], b"\r\n".to_vec()].concat(), 502, Limits::default());
        assert_eq!(error, Some(ReplyError::Malformed { excerpt: format!("{}…", "x".repeat(80)) }));
    }

    #[test]
    fn keeps_the_limits() {
        let limits = Limits { reply_line: 12, reply_lines: 3, reply_octets: 20, ..Limits::default() };
        let rows: &[(&str, &[u8], Option<ReplyError>)] = &[
            ("line at the limit", b"250 123456\r\n", None),
            ("line over it", b"250 1234567\r\n", Some(ReplyError::LineTooLong { limit: 12 })),
            ("line without end", b"250 12345678", Some(ReplyError::LineTooLong { limit: 12 })),
            ("lines at the limit", b"250-\r\n250-\r\n250 \r\n", None),
            (
                "lines over it",
                b"250-\r\n250-\r\n250-\r\n250 \r\n",
                Some(ReplyError::TooManyLines { limit: 3 }),
            ),
            ("octets at the limit", b"250-1234\r\n250 5678\r\n", None),
            ("octets over it", b"250-1234\r\n250 56789\r\n", Some(ReplyError::TooManyOctets { limit: 20 })),
            ("octets are counted anew", b"250 123456\r\n250 123456\r\n", None),
        ];
        for (name, input, want) in rows {
            for chunk in 1..=input.len() {
                assert_eq!(read(input, chunk, limits).1, *want, "{name} by {chunk}");
            }
        }
    }
}
