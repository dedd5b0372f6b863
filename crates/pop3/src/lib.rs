//! POP3 without I/O: RFC 1939 and RFC 2449, over TLS alone, with access tokens.
//!
//! [`Session`] is the client: a [`Machine`](mailbearer_wire::Machine) that reads the greeting, starts TLS, authenticates,
//! and then carries out commands in the order in which they were given. All of them may be given at the start; if the server
//! offers `PIPELINING`, no command waits for the answer to another. Messages are streamed. Only QUIT removes messages, and
//! its [`Removal`] says what became of them.
//!
//! ```
//! use mailbearer_pop3::{Event, Options, Removal, Session};
//! use mailbearer_sasl::Credentials;
//! use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};
//!
//! let mut session = Session::new(Options::new("pop.example.com", 995))?;
//! session.authenticate(Credentials::bearer("robot@example.com", "s3cret")?)?;
//! let message = session.retrieve(1)?;
//! let mark = session.delete(1)?;
//! session.quit()?;
//!
//! // A driver does this over a TLS stream.
//! let (mut rx, mut tx) = (RecvBuf::with_limit(64 * 1024), SendBuf::new());
//! let mut turn = |session: &mut Session, server: &[u8]| {
//!     rx.extend(server).unwrap();
//!     let step = session.step(&mut rx, &mut tx);
//!     let sent = tx.unsent().to_vec();
//!     tx.sent(sent.len());
//!     (step, String::from_utf8(sent).unwrap())
//! };
//!
//! let (step, sent) = turn(&mut session, b"+OK ready\r\n");
//! assert_eq!((step, sent.as_str()), (Ok(Step::Read), "CAPA\r\n"));
//! let (step, _) = turn(&mut session, b"+OK\r\nSASL XOAUTH2\r\nPIPELINING\r\n.\r\n");
//! assert_eq!(step, Ok(Step::Event(Event::Ready)));
//! let (_, sent) = turn(&mut session, b"");
//! assert!(sent.starts_with("AUTH XOAUTH2 dXNlcj1yb2Jv"));
//! let (step, _) = turn(&mut session, b"+OK welcome\r\n");
//! assert_eq!(step, Ok(Step::Event(Event::Authenticated)));
//! let (_, sent) = turn(&mut session, b"");
//! assert_eq!(sent, "RETR 1\r\nDELE 1\r\nQUIT\r\n");
//! let (step, _) = turn(&mut session, b"+OK 9 octets\r\n..\r\nhello\r\n.\r\n+OK marked\r\n+OK bye\r\n");
//! assert_eq!(step, Ok(Step::Event(Event::Octets(message, b".\r\nhello\r\n".to_vec().into()))));
//! assert!(matches!(turn(&mut session, b"").0, Ok(Step::Event(Event::Done(ticket, _))) if ticket == message));
//! assert!(matches!(turn(&mut session, b"").0, Ok(Step::Event(Event::Done(ticket, _))) if ticket == mark));
//! assert_eq!(turn(&mut session, b"").0, Ok(Step::Event(Event::Left(Removal::Done(1)))));
//! assert_eq!(turn(&mut session, b"").0, Ok(Step::Close));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`server`], behind the feature of that name, is the server's side. Tests use it.

#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::exhaustive_structs, clippy::exhaustive_enums)]

extern crate alloc;

mod capabilities;
mod error;
mod event;
mod limits;
mod multiline;
mod options;
mod problem;
mod quirks;
mod reply;
#[cfg(feature = "server")]
pub mod server;
mod session;

pub use capabilities::{Capabilities, Capability};
pub use error::{Error, Misuse, Stage};
pub use event::{Event, Language, Removal, Size, Stat, Ticket, Uid};
pub use limits::Limits;
pub use options::{AuthForm, Options};
pub use problem::Problem;
pub use quirks::Quirks;
pub use reply::{Code, Reply, ReplyError};
pub use session::Session;
