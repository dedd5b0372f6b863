use alloc::{string::String, vec::Vec};
use core::fmt;

use mailbearer_sasl::{Mechanism, server::Login};

use crate::{Command, ParseError, server::parse_command};

/// What a client wants of a [`Session`](super::Session).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// It logs in. [`Session::complete`](super::Session::complete) lets it in or not; before the refusal of a token the
    /// client can be told the reason, by [`Session::refuse_token`](super::Session::refuse_token).
    Login {
        /// The mechanism that it used; `None` for the command LOGIN.
        mechanism: Option<Mechanism>,
        /// Who it is, and what it proves that by.
        login: Login,
    },
    /// A command: all that the session does not answer itself. It ends by
    /// [`Session::complete`](super::Session::complete); IDLE may go on by [`Session::idle`](super::Session::idle).
    Command(Received),
    /// The part of the answer that was given so far has left the session: there is room for more of it. It comes
    /// again on every step until the command is completed.
    Room,
    /// The client ended its IDLE, which has to be completed now.
    Done,
}

/// One whole command, as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    pub(super) tag: String,
    pub(super) octets: Vec<u8>,
}

impl Received {
    /// The command's tag.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Whether it is the command of this name, which may be `UID FETCH` and the like; in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        let rest = self.octets.get(self.tag.len().saturating_add(1)..).unwrap_or_default();
        let (start, end) = rest.split_at_checked(name.len()).unwrap_or((rest, b""));
        start.eq_ignore_ascii_case(name.as_bytes()) && matches!(end.first(), None | Some(b' ' | b'\r'))
    }

    /// Parses it. What it returns borrows literals and strings.
    ///
    /// # Errors
    ///
    /// Returns a [`ParseError`] for what is not a command of RFC 9051 or of an extension that [`Command`] names. The
    /// answer to it is `BAD`.
    pub fn command(&self) -> Result<Command<'_>, ParseError> {
        parse_command(&self.octets).map(|(_, command)| command).map_err(|bad| bad.error)
    }
}

/// Shows the tag alone: the rest may be a message.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("tag", &self.tag).field("octets", &self.octets.len()).finish()
    }
}

/// Why a session failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A method was called out of its turn, or an event was not answered.
    Misuse(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misuse(rule) => f.write_str(rule),
        }
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_name() {
        let rows = [
            ("a NOOP\r\n", "NOOP", true),
            ("a noop\r\n", "NOOP", true),
            ("a NOOP\r\n", "NO", false),
            ("a NO\r\n", "NOOP", false),
            ("a UID FETCH 1 UID\r\n", "UID FETCH", true),
            ("a UID FETCH 1 UID\r\n", "FETCH", false),
        ];
        for (octets, name, want) in rows {
            let received = Received { tag: "a".into(), octets: octets.into() };
            assert_eq!(received.is(name), want, "{octets} {name}");
        }
    }
}
