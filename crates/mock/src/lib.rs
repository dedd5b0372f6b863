//! Mail servers for tests: transcripts played to a client, and mail servers in memory.
//!
//! A [`Transcript`] is a conversation in a text file, in the format of the [`transcript`] module. [`serve`] plays
//! its server over TCP and checks what the client says; [`play`] does the same to a
//! [`Machine`](mailbearer_wire::Machine) without sockets.

#![forbid(unsafe_code)]

mod authority;
pub mod memory;
mod pattern;
mod play;
mod script;
mod serve;
mod stream;
pub mod transcript;

pub use authority::{Authority, Certificate};
pub use memory::Server;
pub use play::{End, play};
pub use script::Difference;
pub use serve::{Serving, serve};
pub use transcript::{LineError, Transcript};
