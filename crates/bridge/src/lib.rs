//! What stands between programs that know nothing of OAuth and accounts that know nothing else.
//!
//! [`spool`] keeps messages on the disk until they are delivered. [`sendmail`] is what programs call to send.

#![forbid(unsafe_code)]

pub mod sendmail;
pub mod spool;
