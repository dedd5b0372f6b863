use alloc::string::{String, ToString};
use core::fmt;

use mailbearer_wire::{LineTooLong, printable};

/// The status line of an answer, without its mark (RFC 1939 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// Whether it is `+OK` rather than `-ERR`.
    pub ok: bool,
    /// The code in brackets at the start of the text of an `-ERR`, if it is a registered one.
    pub code: Option<Code>,
    /// What follows the mark, as the server sent it.
    text: String,
}

/// Why a server refuses: an extended response code (RFC 2449 section 8, RFC 3206, RFC 6856).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// `IN-USE`: another session holds the mailbox.
    InUse,
    /// `LOGIN-DELAY`: the user logged in a moment ago.
    LoginDelay,
    /// `SYS/TEMP`: the server has a problem, which passes.
    SysTemp,
    /// `SYS/PERM`: the server has a problem, which a person has to solve.
    SysPerm,
    /// `AUTH`: the credentials are at fault.
    Auth,
    /// `UTF8`: only a client that sent UTF8 may fetch the message.
    Utf8,
}

/// What the first octets of a line say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Reply(Reply),
    /// `"+" SP [base64]` (RFC 5034 section 4)
    Challenge(&'a [u8]),
}

impl Reply {
    /// An answer with this text.
    #[must_use]
    pub fn new(ok: bool, text: impl Into<String>) -> Self {
        let text = text.into();
        let code = if ok { None } else { Code::split(&text).map(|(code, _)| code) };
        Self { ok, code, text }
    }

    /// Returns the text as the server sent it, with U+FFFD for what is not UTF-8.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.text
    }

    /// Returns the text without its code, escaped for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let text = Code::split(&self.text).filter(|_| !self.ok).map_or(self.text.as_str(), |(_, text)| text);
        printable(text).into_owned()
    }

    /// Returns whether the same may succeed later, by its code.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self.code, Some(Code::InUse | Code::LoginDelay | Code::SysTemp))
    }

    /// Returns the same with its text put through `redact`.
    pub(crate) fn redacted(self, redact: impl Fn(&str) -> String) -> Self {
        Self { text: redact(&self.text), ..self }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.ok { "+OK" } else { "-ERR" })?;
        if let Some(code) = self.code {
            write!(f, " [{code}]")?;
        }
        match self.text() {
            text if text.is_empty() => Ok(()),
            text => write!(f, " {text}"),
        }
    }
}

impl Code {
    const ALL: [Self; 6] =
        [Self::InUse, Self::LoginDelay, Self::SysTemp, Self::SysPerm, Self::Auth, Self::Utf8];

    /// Returns the code as it stands in the brackets.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InUse => "IN-USE",
            Self::LoginDelay => "LOGIN-DELAY",
            Self::SysTemp => "SYS/TEMP",
            Self::SysPerm => "SYS/PERM",
            Self::Auth => "AUTH",
            Self::Utf8 => "UTF8",
        }
    }

    /// The code at the start of a text, and the text behind it. Servers write them without `RESP-CODES` too; what is
    /// registered nowhere is a part of the text.
    fn split(text: &str) -> Option<(Self, &str)> {
        let (code, rest) = text.strip_prefix('[')?.split_once(']')?;
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        // RFC 2449 section 8: what a client does not know of a code's end it leaves off.
        let is_it = |own: &Self| {
            let name = own.name();
            let start = code.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
            start && matches!(code.as_bytes().get(name.len()), None | Some(b'/'))
        };
        Self::ALL.into_iter().find(is_it).map(|code| (code, rest))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<'a> Line<'a> {
    /// Reads a line without its end; `None` for what is no status line.
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let text = |rest: &[u8]| {
            let rest = rest.strip_prefix(b" ").unwrap_or(rest);
            String::from_utf8_lossy(rest).to_string()
        };
        if let Some(rest) = line.strip_prefix(b"+OK") {
            return Some(Self::Reply(Reply::new(true, text(rest))));
        }
        if let Some(rest) = line.strip_prefix(b"-ERR") {
            return Some(Self::Reply(Reply::new(false, text(rest))));
        }
        match line.strip_prefix(b"+")? {
            [] => Some(Self::Challenge(b"")),
            [b' ', challenge @ ..] => Some(Self::Challenge(challenge.trim_ascii())),
            _ => None,
        }
    }
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyError {
    /// A line is longer than [`Limits::line`](crate::Limits::line).
    LineTooLong {
        /// The limit in octets.
        limit: usize,
    },
    /// More lines than [`Limits::capabilities`](crate::Limits::capabilities) or
    /// [`Limits::listing`](crate::Limits::listing).
    TooManyLines {
        /// The limit.
        limit: usize,
    },
    /// A listing is larger than [`Limits::listing_octets`](crate::Limits::listing_octets).
    ListingTooLarge {
        /// The limit in octets.
        limit: usize,
    },
    /// A message is larger than [`Limits::message`](crate::Limits::message).
    MessageTooLarge {
        /// The limit in octets.
        limit: u64,
    },
    /// A line is not an answer. This is its start, escaped.
    NotAReply(String),
    /// A line of a listing or the answer to STAT is malformed. This is its start, escaped.
    NotAListing(String),
}

impl ReplyError {
    /// Returns the same with its text put through `redact`.
    pub(crate) fn redacted(self, redact: impl Fn(&str) -> String) -> Self {
        match self {
            Self::NotAReply(line) => Self::NotAReply(redact(&line)),
            Self::NotAListing(line) => Self::NotAListing(redact(&line)),
            error => error,
        }
    }
}

impl From<LineTooLong> for ReplyError {
    fn from(LineTooLong { limit }: LineTooLong) -> Self {
        Self::LineTooLong { limit }
    }
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong { limit } => write!(f, "line longer than {limit} octets"),
            Self::TooManyLines { limit } => write!(f, "answer of more than {limit} lines"),
            Self::ListingTooLarge { limit } => write!(f, "listing of more than {limit} octets"),
            Self::MessageTooLarge { limit } => write!(f, "message of more than {limit} octets"),
            Self::NotAReply(line) => write!(f, "not a POP3 answer: {line}"),
            Self::NotAListing(line) => write!(f, "not a line of such a listing: {line}"),
        }
    }
}

impl core::error::Error for ReplyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_status_lines() {
        let ok = |text: &str| Some(Line::Reply(Reply::new(true, text)));
        let err = |text: &str| Some(Line::Reply(Reply::new(false, text)));
        let rows: &[(&[u8], Option<Line<'_>>)] = &[
            (b"+OK", ok("")),
            (b"+OK ", ok("")),
            (b"+OK ready <1@x>", ok("ready <1@x>")),
            (b"+OK \xff\xfe", ok("\u{fffd}\u{fffd}")),
            (b"+OKready", ok("ready")),
            (b"-ERR", err("")),
            (b"-ERR no", err("no")),
            (b"+", Some(Line::Challenge(b""))),
            (b"+ ", Some(Line::Challenge(b""))),
            (b"+ eyJ9 ", Some(Line::Challenge(b"eyJ9"))),
            (b"+ok", None),
            (b"* OK", None),
            (b"ERR", None),
            (b"", None),
        ];
        for (line, want) in rows {
            assert_eq!(Line::parse(line), *want, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn reads_codes_of_refusals() {
        let rows = [
            (
                "[IN-USE] do you have another session?",
                Some(Code::InUse),
                "-ERR [IN-USE] do you have another session?",
            ),
            ("[LOGIN-DELAY] wait", Some(Code::LoginDelay), "-ERR [LOGIN-DELAY] wait"),
            ("[sys/temp]", Some(Code::SysTemp), "-ERR [SYS/TEMP]"),
            ("[SYS/PERM] x", Some(Code::SysPerm), "-ERR [SYS/PERM] x"),
            ("[AUTH] no\u{1b}[2J", Some(Code::Auth), "-ERR [AUTH] no\\x1b[2J"),
            ("[AUTH/NEW] no", Some(Code::Auth), "-ERR [AUTH] no"),
            ("[UTF8] x", Some(Code::Utf8), "-ERR [UTF8] x"),
            ("[AUTHX] no", None, "-ERR [AUTHX] no"),
            ("[robot] no", None, "-ERR [robot] no"),
            ("[AUTH no", None, "-ERR [AUTH no"),
        ];
        for (text, code, shown) in rows {
            let reply = Reply::new(false, text);
            assert_eq!((reply.code, reply.to_string().as_str()), (code, shown));
            assert_eq!(Reply::new(true, text).code, None, "{text}");
        }
    }
}
