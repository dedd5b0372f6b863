//! The interface of `sendmail`, as programs have called it for forty years: its options, and what it does to a message
//! before it goes out.
//!
//! Nothing here sends. [`Arguments`] are the command line, [`Aliases`] resolve local names, and [`repair`] turns the start of a
//! text into the header of a message.

mod aliases;
mod arguments;
mod header;
mod unique;

pub use aliases::{AliasError, Aliases};
pub use arguments::{ArgumentError, Arguments, Mode};
pub use header::{Repair, Repaired, header_is_whole, repair};
pub use unique::Unique;
