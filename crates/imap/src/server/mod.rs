//! The server's half: commands parsed, responses written.
//!
//! It shares types with the client's half and no code, so that each can prove the other. The mock server is its
//! user; it is as strict as the grammar, which no client needs to be told twice.

mod command;
mod element;
mod encode;
mod fetch;
mod search;

pub use command::{CommandError, parse_command};
pub use encode::encode_response;
