use core::fmt;

use mailbearer_sasl::{Mechanism, server::Login};

/// What a client of a [`Session`](super::Session) asks for.
///
/// Answer each before the next step, with [`Session::answer`](super::Session::answer) unless the event names another
/// method.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// It logs in. `+OK` lets it in. [`Session::refuse_token`](super::Session::refuse_token) refuses a token and tells the
    /// client why.
    Login {
        /// The mechanism that it used. `None` for USER and PASS.
        mechanism: Option<Mechanism>,
        /// Who it is, and its proof.
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
    /// It marks the message of this number as deleted.
    Delete(u32),
    /// It removes all marks.
    Reset,
    /// It said QUIT after a login. Remove the messages that it marked now. Answer `-ERR` if some could not be removed.
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
