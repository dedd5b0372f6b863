//! An SMTP server in front of accounts: devices and programs that know a user name and a password, or nothing, send by it.
//!
//! The relay answers `250` when a message is in the [spool](crate::spool), and sends it from there by the account of its user.
//! [`Options`] say who may send, and [`Options::check`] refuses options that would open the relay to strangers.
//! [`Relay::start`] serves on ports that the caller opened, with a few threads for any number of clients.

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
