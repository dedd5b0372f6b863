use alloc::{string::String, vec::Vec};
use core::fmt;

use mailbearer_sasl::{Mechanism, server::Login};

use crate::{Command, ParseError, server::parse_command};

/// What a client asks of a [`Session`](super::Session).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The client logs in. [`Session::complete`](super::Session::complete) accepts or refuses it.
    /// [`Session::refuse_token`](super::Session::refuse_token) first tells the client why its token is refused.
    Login {
        /// The mechanism that it used. `None` for the command LOGIN.
        mechanism: Option<Mechanism>,
        /// The user, and the password or token.
        login: Login,
    },
    /// A command that the session does not answer itself. End it with [`Session::complete`](super::Session::complete).
    /// [`Session::idle`](super::Session::idle) accepts an IDLE.
    Command(Received),
    /// All of the answer that was given so far has left the session: there is room for more. The event comes on every
    /// step until the command is completed.
    Room,
    /// The client ended its IDLE. Complete the IDLE now.
    Done,
}

/// One whole command, as it arrived.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    pub(super) tag: String,
    pub(super) octets: Vec<u8>,
}

impl Received {
    /// Returns the command's tag.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Returns whether it is the command of this name, in any case. The name may be of two words, as `UID FETCH`.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        let rest = self.octets.get(self.tag.len().saturating_add(1)..).unwrap_or_default();
        let (start, end) = rest.split_at_checked(name.len()).unwrap_or((rest, b""));
        start.eq_ignore_ascii_case(name.as_bytes()) && matches!(end.first(), None | Some(b' ' | b'\r'))
    }

    /// Returns its first line without the tag and the line end; it may end in the announcement of a literal.
    #[must_use]
    pub fn first_line(&self) -> &[u8] {
        let rest = self.octets.get(self.tag.len().saturating_add(1)..).unwrap_or_default();
        rest.split(|&octet| octet == b'\r').next().unwrap_or_default()
    }

    /// Parses the command. The result borrows its literals and strings.
    ///
    /// # Errors
    ///
    /// Returns a [`ParseError`] for anything but a command of RFC 9051 or of an extension that [`Command`] names.
    /// Answer `BAD` to it.
    pub fn command(&self) -> Result<Command<'_>, ParseError> {
        parse_command(&self.octets).map(|(_, command)| command).map_err(|bad| bad.error)
    }
}

/// Shows the tag alone, because the rest may be a message.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("tag", &self.tag).field("octets", &self.octets.len()).finish()
    }
}

/// Why a session failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The caller called a method out of its turn, or left an event unanswered.
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
