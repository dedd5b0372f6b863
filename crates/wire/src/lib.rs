//! The core that every Mailbearer protocol crate is built on: conversations without I/O.
//!
//! A conversation with a mail server is a [`Machine`]. It owns no socket, no clock and no thread: its caller
//! hands it two buffers, [`RecvBuf`] with what the peer sent and [`SendBuf`] for what the peer is to get, and
//! does what the returned [`Step`] says. Every buffer has a limit, every secret is a [`Secret`], and what a
//! trace may show of the bytes is decided where they are written and consumed.
//!
//! ```
//! use mailbearer_wire::{BufferFull, Lines, Machine, RecvBuf, SendBuf, Step};
//!
//! /// Waits for a greeting, says goodbye.
//! struct Goodbye(Lines);
//!
//! impl Machine for Goodbye {
//!     type Event = String;
//!     type Error = &'static str;
//!     fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<String>, &'static str> {
//!         match self.0.next(rx).map_err(|_| "line too long")? {
//!             Some(line) => {
//!                 let text = String::from_utf8_lossy(line.of(rx)).into_owned();
//!                 rx.consume(line.total);
//!                 tx.push(b"QUIT\r\n");
//!                 Ok(Step::Event(text))
//!             }
//!             None if rx.is_eof() => Ok(Step::Close),
//!             None => Ok(Step::Read),
//!         }
//!     }
//! }
//!
//! let (mut machine, mut rx, mut tx) = (Goodbye(Lines::new(512)), RecvBuf::with_limit(1024), SendBuf::new());
//! assert_eq!(machine.step(&mut rx, &mut tx), Ok(Step::Read));
//! rx.extend(b"+OK rea")?;
//! assert_eq!(machine.step(&mut rx, &mut tx), Ok(Step::Read));
//! rx.extend(b"dy\r\n")?;
//! assert_eq!(machine.step(&mut rx, &mut tx), Ok(Step::Event("+OK ready".into())));
//! assert_eq!(tx.unsent(), b"QUIT\r\n");
//! # Ok::<(), BufferFull>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod date_time;
mod json;
mod line;
mod machine;
mod octets;
mod printable;
mod recv;
mod secret;
mod send;
mod stuffing;
mod trace;
mod wait;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod wiped;

pub use date_time::{Date, DateOutOfRange, DateTime};
pub use json::{Json, json_string};
pub use line::{Line, LineTooLong, Lines, find_octet};
pub use machine::{Machine, Security, Step};
pub use octets::Octets;
pub use printable::{printable, printable_bytes};
pub use recv::{BufferFull, RecvBuf};
pub use secret::Secret;
pub use send::SendBuf;
pub use stuffing::DotEncoder;
pub use trace::{Describe, Described, Direction, TraceLine, TracePart};
pub use wait::suggested_wait;
