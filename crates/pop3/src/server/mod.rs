//! The server's side: parses commands, writes answers and messages, and keeps the session.
//!
//! [`Session`] is the server's side of one conversation as a [`Machine`](mailbearer_wire::Machine). It keeps the order
//! of commands, TLS, authentication exchanges, capabilities and limits by itself, and reports what needs a mailbox:
//!
//! ```
//! use mailbearer_pop3::server::{Answer, Event, Options, Session};
//! use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};
//!
//! // A server on loopback that lets everybody in and holds one message.
//! let mut options = Options::default();
//! (options.security, options.user) = (None, true);
//! let mut session = Session::new(options);
//! let (mut rx, mut tx) = (RecvBuf::with_limit(64 * 1024), SendBuf::new());
//! rx.extend(b"USER ann\r\nPASS secret\r\nRETR 1\r\nQUIT\r\n")?;
//! loop {
//!     match session.step(&mut rx, &mut tx)? {
//!         Step::Event(Event::Retrieve(1)) => {
//!             session.answer_message(&Answer::ok("7 octets"), b"..\r\nx\r\n".to_vec().into())?;
//!         }
//!         Step::Event(_) => session.answer(&Answer::ok(""))?,
//!         Step::Close => break,
//!         _ => unreachable!("all of the input is there"),
//!     }
//! }
//! assert!(tx.unsent().ends_with(b"+OK 7 octets\r\n...\r\nx\r\n.\r\n+OK\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It shares types with the client and no code path, so neither can hide a mistake of the other.

mod answer;
mod command;
mod event;
mod options;
mod session;

pub use answer::Answer;
pub use command::{Command, CommandError};
pub use event::{Error, Event};
pub use options::{Limits, Options, Wording};
pub use session::Session;
