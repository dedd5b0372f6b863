//! The server's half: parses commands, writes responses, runs the session.
//!
//! [`Session`] is the server's side of one conversation as a [`Machine`](mailbearer_wire::Machine). Its events are
//! commands. The half shares types but no code with the client's, so that each can check the other. It is as strict as
//! the grammar.

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
