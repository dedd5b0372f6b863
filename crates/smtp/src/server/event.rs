use alloc::{string::String, vec::Vec};
use core::fmt;

use mailbearer_sasl::{Mechanism, server::Login};

use super::Parameter;

/// What a client wants of a [`Session`](super::Session).
///
/// Answer each with [`Session::answer`](super::Session::answer) before the next step, except [`Content`](Self::Content) and
/// [`Reset`](Self::Reset), which have no answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The client logs in. 235 accepts, and a code from 400 on refuses. [`Session::refuse_token`](super::Session::refuse_token)
    /// refuses a token and tells the client why.
    Login {
        /// The mechanism that it used.
        mechanism: Mechanism,
        /// The user's name and secret.
        login: Login,
    },
    /// The client begins a message (MAIL). A code below 400 accepts the sender.
    Mail {
        /// The sender without its angle brackets; empty for `<>`.
        sender: String,
        /// The parameters, all of which the session offers.
        parameters: Vec<Parameter>,
    },
    /// The client names a recipient (RCPT). A code below 400 accepts the recipient.
    Recipient {
        /// The recipient without its angle brackets.
        recipient: String,
        /// The parameters, all of which the session offers.
        parameters: Vec<Parameter>,
    },
    /// The client wants to send the content (DATA, or the first BDAT), after at least one accepted recipient. 354 accepts; the
    /// session does not send it in answer to BDAT.
    Data,
    /// A piece of the content, as much as arrived at once, without dot-stuffing.
    Content(Vec<u8>),
    /// The content is complete. A code below 400 takes responsibility for the message. With LMTP, give an answer for each
    /// accepted recipient, in order.
    EndOfContent,
    /// Forget the message that was begun, and what arrived of its content: the client gave it up, or the session refused it.
    Reset,
}

/// Why a session failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The client closed the connection within the content of a message. There is no message.
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
