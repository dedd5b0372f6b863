//! SASL for mail access without I/O: `XOAUTH2`, `OAUTHBEARER` (RFC 7628), `PLAIN` (RFC 4616) and `LOGIN`.
//!
//! [`Credentials`] are checked when they are made, so that no user name or token can add a field to a
//! mechanism's message. An [`Exchange`] then says what to answer to each challenge of the server; it takes and
//! gives base64, as SMTP, IMAP and POP3 carry it. After a refusal [`Exchange::reason`] holds what the server
//! said about the token.
//!
//! ```
//! use mailbearer_sasl::{Credentials, Exchange, Mechanism};
//!
//! let credentials = Credentials::bearer("robot@contoso.com", "EwBAAl3BAAUFFpUA")?;
//! let offered = "AUTH LOGIN XOAUTH2".split(' ');
//! let mut exchange = Exchange::choose(&credentials, "smtp.office365.com", 587, offered).unwrap();
//! assert_eq!(exchange.mechanism(), Mechanism::XOAuth2);
//!
//! // `AUTH XOAUTH2 dXNlcj1…`; the server did not like the token and says why.
//! assert!(exchange.initial_response().is_some());
//! let answer = exchange.respond(b"eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIn0=")?;
//! assert!(answer.expose().is_empty());
//! assert_eq!(exchange.reason().unwrap().status.as_deref(), Some("400"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod base64;
mod credentials;
mod exchange;
mod mechanism;
mod reason;
mod redact;
pub mod server;

pub use credentials::{Credentials, InvalidCredentials};
pub use exchange::{ChallengeError, Exchange, Mismatch};
pub use mechanism::{Mechanism, UnknownMechanism};
pub use reason::Reason;
pub use redact::Redactor;
