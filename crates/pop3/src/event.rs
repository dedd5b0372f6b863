use alloc::string::String;

use mailbearer_wire::Octets;

use crate::Reply;

/// What a [`Session`](crate::Session) reports to its caller.
///
/// Every command except AUTH and QUIT ends with [`Done`](Self::Done) or [`Refused`](Self::Refused).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The server answered CAPA over TLS, and [`Session::capabilities`](crate::Session::capabilities) holds what it
    /// offers there.
    Ready,
    /// The server accepted the credentials.
    Authenticated,
    /// The answer to STAT.
    Stat(Ticket, Stat),
    /// A line of the answer to LIST: a message and its size.
    Size(Ticket, Size),
    /// A line of the answer to UIDL: a message and its unique id.
    Uid(Ticket, Uid),
    /// A line of the answer to LANG: a language's tag and its name.
    Language(Ticket, Language),
    /// A piece of a message, as much as arrived at once, without the dots that the server doubled.
    Octets(Ticket, Octets),
    /// The server carried out the command, and its answer is complete.
    Done(Ticket, Reply),
    /// The server refused the command. The session goes on.
    Refused(Ticket, Reply),
    /// The server answered QUIT. Also comes without an answer if no message was marked.
    Left(Removal),
}

/// Names one command of a [`Session`](crate::Session).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

/// How many messages there are, and how large they are together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "RFC 1939 section 5: what follows is nobody's")]
pub struct Stat {
    /// Messages that are not marked as deleted.
    pub count: u32,
    /// Their octets, as the server counts them.
    pub octets: u64,
}

/// A message and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "RFC 1939 section 5: a scan listing")]
pub struct Size {
    /// The message's number in this session.
    pub number: u32,
    /// Its octets as the server counts them. Some servers count wrongly, so nothing should depend on it.
    pub octets: u64,
}

/// A message and its unique id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "RFC 1939 section 7: a unique-id listing")]
pub struct Uid {
    /// The message's number in this session.
    pub number: u32,
    /// The id, which the message keeps while it is in the mailbox. Escape it before you show it.
    pub uid: String,
}

/// A language that the server speaks (RFC 6856 section 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "RFC 6856 section 3.2: a tag and a name")]
pub struct Language {
    /// Its tag, such as `de`.
    pub tag: String,
    /// Its name in that language. Escape it before you show it.
    pub name: String,
}

/// What became of the messages that were marked as deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 1939 section 6: none, all, or the server says no")]
pub enum Removal {
    /// None was marked.
    Nothing,
    /// The server removed this many.
    Done(usize),
    /// The server could not remove all of them, and did not say which.
    Partial(Reply),
}
