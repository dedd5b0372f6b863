//! Mail servers for tests: transcripts played to a client, and mail servers in memory.
//!
//! A [`Transcript`] is a conversation in a text file, in the format of the [`transcript`] module. [`serve`] plays
//! its server over TCP and checks what the client says; [`play`] does the same to a
//! [`Machine`](mailbearer_wire::Machine) without sockets.
//!
//! [`Server`] is a token endpoint, SMTP submission, IMAP and POP3 around one mailbox, each with TLS. What is sent
//! arrives at once:
//!
//! ```
//! use mailbearer_mock::{Server, memory::Options};
//!
//! let server = Server::start(Options::default())?;
//! server.mailbox().deliver(*b"Subject: hello\r\n\r\nworld\r\n")?;
//! let ports = server.ports();
//! println!("token at {}, SMTP at {}, IMAP at {}", server.token_url(), ports.smtp, ports.imaps);
//! assert_eq!(server.mailbox().messages("INBOX").len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The servers use the parsers and encoders of the protocol crates' `server` modules, which share no code with
//! the clients. Nothing here verifies a client, and nothing is kept: it is for loopback and tests.

#![forbid(unsafe_code)]

mod authority;
pub mod memory;
mod pattern;
mod play;
mod recording;
mod script;
mod serve;
mod spellings;
mod stream;
pub mod transcript;

pub use authority::{Authority, Certificate};
pub use memory::Server;
pub use play::{End, play};
pub use recording::{Playing, Recording};
pub use script::Difference;
pub use serve::{Serving, serve};
pub use spellings::spellings;
pub use transcript::{LineError, Transcript};
