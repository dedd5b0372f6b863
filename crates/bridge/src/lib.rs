//! Sends mail for programs that know nothing of OAuth, by accounts that take nothing else.
//!
//! [`spool`] keeps messages on the disk until they are delivered. [`sendmail`] is what programs call to send.
//! [`relay`] is an SMTP server for devices.

#![forbid(unsafe_code)]

pub mod relay;
pub mod sendmail;
pub mod spool;

#[cfg(test)]
mod upstream;

/// Returns a name or a path for a message to people: as it is, or in quotes if it would not be seen there, because it is empty
/// or has white space at an end.
#[must_use]
pub fn named(name: &(impl AsRef<std::path::Path> + ?Sized)) -> String {
    let name = name.as_ref().to_string_lossy();
    if name.is_empty() || name.trim() != name { format!("{name:?}") } else { name.into_owned() }
}
