//! A queue of messages on the disk.
//!
//! Each message is one file: its envelope, its octets, and then a line for each attempt. The spool has accepted a message when
//! its file is complete, on the disk and under its name. From then on it is delivered once, or ends in `failed`, or ends in
//! `unknown` if nobody knows whether a server accepted it. That holds if the program is killed, the disk is full or the clock
//! jumps.
//!
//! ```text
//! spool/queue/ID     waits for its next attempt, for at least one recipient
//! spool/failed/ID    was refused permanently, or could not be delivered in five days
//! spool/unknown/ID   was sent to its last octet, and no answer came
//! spool/tmp/         is being written
//! spool/drop/        messages of other users, if an administrator made this folder
//! spool/lock         held by the process that sends
//! ```
//!
//! ```no_run
//! use mailbearer::Envelope;
//! use mailbearer_bridge::spool::{Limits, Spool};
//!
//! # fn job(client: mailbearer::Client) -> Result<(), mailbearer_bridge::spool::Error> {
//! let spool = Spool::open("/var/spool/mailbearer", Limits::default())?;
//! let mut message = spool.begin(&Envelope::new("a@example.org", ["b@example.org"]), None)?;
//! message.write(b"Subject: hello\r\n\r\nhi\r\n")?;
//! let id = message.commit()?; // from here on it is taken
//!
//! let runner = spool.lock()?; // one at a time
//! runner.run(&mut |_| Ok(client.clone()), &mut |report| println!("{} {:?}", report.id, report.fate))?;
//! # Ok(()) }
//! ```

mod bounce;
mod entry;
mod error;
mod file;
mod folder;
mod lane;
mod look;
mod reporter;
mod runner;
mod write;

pub(crate) use bounce::{now, random};
pub use entry::{Entry, Place, Recipient, State};
pub use error::Error;
pub use file::{Look, Stored};
pub use folder::{Limits, Spool};
pub use lane::Lane;
pub use look::{Found, Looked};
pub use reporter::Reporter;
pub use runner::{Clients, Due, Fate, Report, Runner};
pub use write::Writer;
