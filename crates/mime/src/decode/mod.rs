//! Header values and bodies of messages that arrive, made readable.
//!
//! Nothing in here fails: what is broken stays as it stands, so that a person can still read it. Two things
//! are left to the caller. Control characters, which a sender can also hide in encoded words, stay in the
//! text: escape them before they reach a terminal. And the result of a word in a multi-byte charset can be up
//! to three times its size.

mod address;
mod charset;
mod encoded_word;
mod parameters;
mod transfer;

pub use crate::date_time::{DateTimeError, Zone, date_time, date_time_and_zone};
pub(crate) use address::address_list_in;
pub use address::{AddressOrGroup, DisplayAddress, address_list};
pub(crate) use charset::{Charset, Utf8, looks_like_utf8};
pub use charset::{guess, text};
pub use encoded_word::unstructured;
pub(crate) use encoded_word::unstructured_in;
pub use parameters::{ContentType, Disposition, Parameters};
pub(crate) use transfer::uuencoded_name;
pub use transfer::{Base64, Decoder, QuotedPrintable, TransferEncoding, UuEncode, base64, quoted_printable};
