//! Internet messages: compose one to submit, decode the headers and bodies of those that arrive.
//!
//! [`Message`] builds the octets and the envelope of a message (RFC 5322, RFC 2045 to 2049, RFC 2231).
//! [`Headers`] walks a header section, and [`decode`] turns raw header values and bodies into text. Composing
//! is strict, nothing that is passed in can add a header or a recipient; decoding is tolerant, it always has
//! an answer and takes time linear in its input.
//!
//! There is no clock and no randomness in here: the date and the random octets of a message are arguments.
//!
//! ```
//! use mailbearer_mime::{DateTime, Headers, Address, Message};
//!
//! let message = Message::new(Address::parse("Grüße <robot@example.com>")?)
//!     .to(Address::parse("ann@example.org")?)
//!     .subject("Käse")
//!     .text("Hello\n")
//!     .build(DateTime::new(1_057_049_557, 120)?, [7; 16])?;
//! assert_eq!(message.recipients, ["ann@example.org"]);
//!
//! let headers = Headers::parse(&message.octets)?;
//! assert_eq!(headers.get("subject").ok_or("no subject")?.text(), "Käse");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Features
//!
//! `charsets` (default) brings every charset of the WHATWG Encoding Standard. Without it UTF-8, US-ASCII,
//! ISO-8859-1 and windows-1252 are known, and words in other charsets stay as they came.
//!
//! `guess` finds the charset of octets that name none by what they look like; see [`decode::guess`]. Without it they are
//! windows-1252, where they are no UTF-8.
//!
//! `tnef` opens `winmail.dat`, `dmarc` reads the reports that receivers send to the owner of a domain.
//!
//! `simd` encodes base64 by the vector instructions of the processor; it needs the standard library.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod ascii;
pub mod calendar;
pub mod compose;
mod date_time;
pub mod decode;
mod flowed;
mod headers;
mod html;
mod line_end;
mod lines;
pub mod parse;
mod raw;
pub mod report;
#[cfg(feature = "tnef")]
pub mod tnef;

pub use address::{Address, AddressError};
pub use compose::{Composed, Message};
pub use flowed::unflow;
pub use headers::{Header, Headers, HeadersIter, LimitExceeded, Limits};
pub use html::{HtmlLimits, html_to_text, html_to_text_with};
pub use lines::{LineEnds, Measure};
pub use mailbearer_wire::{Date, DateTime};
pub use raw::{RawError, RawHeader, mailbox_field};
