//! Messages that wait on the disk.
//!
//! One message is one file: its envelope, its octets, and behind them a line for each attempt. A message is taken once
//! its file is whole, on the disk and under its name; from then on it is delivered once, or comes to rest among those
//! that failed, or among those of which nobody knows whether the server took them. Killing the program, a full disk and
//! a clock that jumps change nothing of that.
//!
//! ```text
//! spool/queue/ID     waits: for its next attempt, some recipients at least
//! spool/failed/ID    was refused for good, or could not be delivered in five days
//! spool/unknown/ID   was given to a server to its last octet, and no answer came
//! spool/tmp/         is being written
//! spool/drop/        what others may put here, where an administrator made this folder
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

mod entry;
mod error;
mod file;
mod folder;
mod lane;
mod look;
mod runner;
mod write;

pub use entry::{Entry, Place, Recipient, State};
pub use error::Error;
pub use file::{Look, Stored};
pub use folder::{Limits, Spool};
pub use lane::Lane;
pub use look::{Found, Looked};
pub use runner::{Clients, Due, Fate, Report, Runner};
pub use write::Writer;
