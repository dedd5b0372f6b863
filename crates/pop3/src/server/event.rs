use core::fmt;

use mailbearer_sasl::{Mechanism, server::Login};

/// What a client wants of a [`Session`](super::Session).
///
/// Each is answered before the next step: by [`Session::answer`](super::Session::answer), or, as they say, with lines or a
/// message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// It logs in. `+OK` lets it in. Before the refusal of a token the client can be told the reason:
    /// [`Session::refuse_token`](super::Session::refuse_token).
    Login {
        /// The mechanism that it used; `None` for USER and PASS.
        mechanism: Option<Mechanism>,
        /// Who it is, and what it proves that by.
        login: Login,
    },
    /// How many messages there are, and their octets: `+OK 2 320`.
    Stat,
    /// The size of this message in one line, `+OK 1 120`; of all in [lines](super::Session::answer_lines).
    List(Option<u32>),
    /// The unique id of this message in one line; of all in [lines](super::Session::answer_lines).
    Uidl(Option<u32>),
    /// The [message](super::Session::answer_message) of this number.
    Retrieve(u32),
    /// The [header and so many lines](super::Session::answer_top) of the message of this number.
    Top(u32, u32),
    /// The message of this number is to be removed at the end.
    Delete(u32),
    /// No message is to be removed.
    Reset,
    /// It takes its leave, and the messages that it marked are to be removed now. Comes only after a login. `-ERR` says that
    /// not all were.
    Quit,
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
