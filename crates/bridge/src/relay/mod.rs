//! An SMTP server in front of accounts: devices and programs that know a user name and a password, or nothing, send by it.
//!
//! What a client hands over is in the [spool](crate::spool) before it hears `250`, and goes out from there by the
//! account of whoever sent it. [`Options`] say who may send, and [`Options::check`] what may not be offered to others.
//! [`Relay::start`] serves on ports that the caller opened, on a few threads however many clients there are.

mod bounce;
mod guard;
mod hand_over;
mod header;
mod log;
mod network;
mod options;
mod outgoing;
mod password;
mod peer;
mod reception;
mod server;
mod speak;

pub use hand_over::{HandOver, HandOverError};
pub use log::{Counters, LogLine};
pub use network::{InvalidNetwork, Network};
pub use options::{Limits, Mode, Observer, Options, Refusals, User};
pub use password::{InvalidHash, PasswordHash};
pub use server::{Accounts, Relay};
pub use speak::speak;
