//! A command a file.

pub(crate) mod demo;
pub(crate) mod fetch;
pub(crate) mod list;
pub(crate) mod mock;
pub(crate) mod send;
pub(crate) mod token;

use mailbearer::imap_protocol::Mailbox;

use crate::error::Error;

/// Refuses what can't be the name of a folder, before anything is connected to.
fn check_folder(name: &str) -> Result<(), Error> {
    match Mailbox::new(name) {
        Ok(_) => Ok(()),
        Err(invalid) => Err(Error::usage(format!("{name:?} can't be a folder: {invalid}"))),
    }
}
