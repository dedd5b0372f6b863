use crate::{Receipt, Refusal, Reply};

/// What a [`Session`](crate::Session) tells its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The server answered EHLO over TLS, and [`Session::capabilities`](crate::Session::capabilities) holds what it
    /// offers there.
    Ready,
    /// The server accepted the credentials.
    Authenticated,
    /// The server waits for this message, and the session has room for a piece of it. Call
    /// [`Session::body`](crate::Session::body) with a piece, or end the message with
    /// [`Session::finish_body`](crate::Session::finish_body). This event comes once for each piece: a caller that gives nothing
    /// waits for the server.
    BodyWanted(Ticket),
    /// The server took the message.
    Submitted(Ticket, Receipt),
    /// The message was not sent, or the server refused it. The session wants no more of its body.
    Refused(Ticket, Refusal),
    /// The server answered RSET or NOOP; the reply may be of any kind.
    Done(Reply),
}

/// Names one message of a [`Session`](crate::Session), from [`submit`](crate::Session::submit) to its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub(crate) u64);
