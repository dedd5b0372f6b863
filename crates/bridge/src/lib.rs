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
