//! The server's half: parses commands, writes replies, decodes messages and keeps a session.
//!
//! [`Session`] is the server's side of one conversation as a [`Machine`](mailbearer_wire::Machine). It keeps the order
//! of commands, TLS, authentication exchanges and limits by itself. Its events are what needs a decision: who logs in,
//! sender and recipients, the message. The caller decides by an [`Answer`]:
//!
//! ```
//! use mailbearer_smtp::server::{Answer, Event, Options, Session};
//! use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};
//!
//! // A server on loopback that takes everything from anybody.
//! let mut options = Options::new("mx.example.org");
//! (options.security, options.login) = (None, false);
//! let mut session = Session::new(options);
//! let (mut rx, mut tx) = (RecvBuf::with_limit(64 * 1024), SendBuf::new());
//! rx.extend(b"EHLO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n..\r\n.\r\nQUIT\r\n")?;
//! let mut message = Vec::new();
//! loop {
//!     match session.step(&mut rx, &mut tx)? {
//!         Step::Event(Event::Data) => session.answer(&Answer::new(354, "Go ahead"))?,
//!         Step::Event(Event::Content(piece)) => message.extend(piece),
//!         Step::Event(_) => session.answer(&Answer::new(250, "2.0.0 OK"))?,
//!         Step::Close => break,
//!         _ => unreachable!("all of the input is there"),
//!     }
//! }
//! assert_eq!(message, b".\r\n");
//! assert!(tx.unsent().ends_with(b"354 Go ahead\r\n250 2.0.0 OK\r\n221 2.0.0 Bye\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It shares types with the client, but no code path, so neither half can hide a mistake of the other.

mod answer;
mod chunk;
mod command;
mod data;
mod event;
mod options;
mod session;

pub use answer::Answer;
pub use command::{Command, CommandError, Parameter};
pub use data::DataDecoder;
pub use event::{Error, Event};
pub use options::{Limits, Options, Wording};
pub use session::{End, Session};
