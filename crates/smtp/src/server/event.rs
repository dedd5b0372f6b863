use alloc::{string::String, vec::Vec};
use core::fmt;

use mailbearer_sasl::{Mechanism, server::Login};

use super::Parameter;

/// What a client wants of a [`Session`](super::Session).
///
/// Each is answered by [`Session::answer`](super::Session::answer) before the next step, but for
/// [`Content`](Self::Content) and [`Reset`](Self::Reset), which have no answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// It logs in. 235 lets it in; a code from 400 on refuses it. Before the refusal of a token the client can be told
    /// the reason: [`Session::refuse_token`](super::Session::refuse_token).
    Login {
        /// The mechanism that it used.
        mechanism: Mechanism,
        /// Who it is, and what it proves that by.
        login: Login,
    },
    /// It begins a message: MAIL. A code below 400 accepts the sender.
    Mail {
        /// The sender without its angle brackets; empty for `<>`.
        sender: String,
        /// What follows it; only what the session offers.
        parameters: Vec<Parameter>,
    },
    /// It names a recipient: RCPT. A code below 400 accepts it.
    Recipient {
        /// The recipient without its angle brackets.
        recipient: String,
        /// What follows it.
        parameters: Vec<Parameter>,
    },
    /// It wants to send the content: DATA, or the first BDAT, after one accepted recipient at least. 354 lets it; to
    /// BDAT that is not said.
    Data,
    /// A piece of the content, with the doubled dots taken back: as much as arrived at once.
    Content(Vec<u8>),
    /// The content is whole. A code below 400 says that the message is in good hands. With LMTP it wants an answer for each
    /// accepted recipient, in order.
    EndOfContent,
    /// The message that was begun, and what arrived of its content, is to be forgotten: the client gave it up, or the
    /// session refused it.
    Reset,
}

/// Why a session failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The client went away within the content of a message, which therefore is none.
    Truncated,
    /// A method was called out of its turn, or an event was not answered.
    Misuse(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the client closed the connection within a message"),
            Self::Misuse(rule) => f.write_str(rule),
        }
    }
}

impl core::error::Error for Error {}
