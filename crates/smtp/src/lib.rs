//! SMTP submission without I/O (RFC 5321, RFC 6409), only over TLS, with access tokens.
//!
//! [`Session`] is the client: a [`Machine`](mailbearer_wire::Machine) that greets, starts TLS, authenticates and
//! streams messages. The caller may ask for everything at the start, so the session never waits for the caller. If the
//! server offers `PIPELINING`, no command waits for the reply to another.
//!
//! ```
//! use mailbearer_sasl::Credentials;
//! use mailbearer_smtp::{Envelope, Event, Options, Session};
//! use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};
//!
//! let mut session = Session::new(Options::new("smtp.example.com", 465))?;
//! session.authenticate(Credentials::bearer("robot@example.com", "s3cret")?)?;
//! let ticket = session.submit(Envelope::new("robot@example.com", ["ann@example.net"]))?;
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
//! let (step, sent) = turn(&mut session, b"220 ready\r\n");
//! assert_eq!((step, sent.as_str()), (Ok(Step::Read), "EHLO [127.0.0.1]\r\n"));
//! let (step, _) = turn(&mut session, b"250-example\r\n250-PIPELINING\r\n250 AUTH XOAUTH2\r\n");
//! assert_eq!(step, Ok(Step::Event(Event::Ready)));
//! let (_, sent) = turn(&mut session, b"");
//! assert!(sent.starts_with("AUTH XOAUTH2 dXNlcj1yb2Jv"));
//! let (step, _) = turn(&mut session, b"235 welcome\r\n");
//! assert_eq!(step, Ok(Step::Event(Event::Authenticated)));
//! let (_, sent) = turn(&mut session, b"");
//! assert_eq!(sent, "MAIL FROM:<robot@example.com>\r\nRCPT TO:<ann@example.net>\r\nDATA\r\n");
//! let (step, _) = turn(&mut session, b"250 ok\r\n250 ok\r\n354 go ahead\r\n");
//! assert_eq!(step, Ok(Step::Event(Event::BodyWanted(ticket))));
//! assert_eq!(session.body(ticket, b"Subject: hello\n\nworld\n")?, 22);
//! session.finish_body(ticket)?;
//! let (_, sent) = turn(&mut session, b"");
//! assert_eq!(sent, "Subject: hello\r\n\r\nworld\r\n.\r\nQUIT\r\n");
//! let (step, _) = turn(&mut session, b"250 queued as 7\r\n221 bye\r\n");
//! let Ok(Step::Event(Event::Submitted(_, receipt))) = step else { panic!("{step:?}") };
//! assert_eq!(receipt.accepted, ["ann@example.net"]);
//! assert_eq!(turn(&mut session, b"").0, Ok(Step::Close));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`server`], behind the feature of that name, is the other half: the session of a server.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod capabilities;
mod dsn;
mod envelope;
mod error;
mod event;
mod limits;
mod options;
mod problem;
mod quirks;
mod reply;
#[cfg(feature = "server")]
pub mod server;
mod session;
#[cfg(test)]
mod stuffing;
#[cfg(test)]
mod verdicts;

pub use capabilities::{Capabilities, Capability, ServerLimits};
pub use dsn::{DeliverBy, Dsn, Notify, Returned};
pub use envelope::{Envelope, Receipt, Refusal, Unsent};
pub use error::{Error, Misuse, Stage};
pub use event::{Event, Ticket};
pub use limits::Limits;
pub use options::Options;
pub use problem::Problem;
pub use quirks::Quirks;
pub use reply::{Class, EnhancedCode, Reply, ReplyError, ReplyReader};
pub use session::Session;
