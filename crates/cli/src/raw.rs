//! Messages in files and pipes, and the errors for those that can't be used.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use mailbearer::{
    Kind, RawMessage,
    proto::mime::{RawError, compose},
};

use crate::{error::Error, exit::Exit};

/// Opens the message in a file.
pub(crate) fn open(path: &Path) -> Result<RawMessage<File>, Error> {
    RawMessage::open(path).map_err(|error| match error.cause::<io::Error>() {
        Some(error) => Error::input("the message", path, error),
        None => no_good(&error),
    })
}

/// Reads the header of a message from a pipe. The body is read while it is sent.
pub(crate) fn read<R: Read>(from: R) -> Result<RawMessage<R>, Error> {
    RawMessage::read(from).map_err(|error| no_good(&error))
}

/// What is wrong with a message.
pub(crate) fn no_good(error: &mailbearer::Error) -> Error {
    if error.kind() == Kind::Input {
        return Error::new(Exit::Io, format!("cannot read the message: {error}"));
    }
    if error.cause() == Some(&compose::Error::NoRecipients) {
        return Error::new(Exit::Data, "the message can't be sent: it has no recipients")
            .hint("name them with --to");
    }
    let no_good = Error::new(Exit::Data, format!("the message can't be sent: {error}"));
    match error.cause() {
        Some(RawError::NoFields) => no_good.hint(
            "a message in RFC 5322 form begins with fields like From: and Subject:, then an empty line",
        ),
        Some(RawError::Utf16) => no_good.hint("save it as plain text in UTF-8 or ASCII"),
        _ => no_good,
    }
}
