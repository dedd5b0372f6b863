//! The server's half: commands parsed, responses written, and the session.
//!
//! [`Session`] is the server's side of one conversation as a [`Machine`](mailbearer_wire::Machine); its events are
//! commands. It shares types with the client's half and no code, so that each can prove the other, and is as strict
//! as the grammar.

mod command;
mod element;
mod encode;
mod fetch;
mod framer;
mod search;
mod session;

pub use command::{CommandError, parse_command};
pub use encode::encode_response;
pub use session::{Error, Event, Limits, Options, Received, Session, Wording};
