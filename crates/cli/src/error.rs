use std::{fmt, io, path::Path};

use mailbearer::wire::printable;

use crate::{exit::Exit, hint};

/// Why a command failed: a line for people, a hint what to do, and the exit code.
///
/// The text is escaped when it is printed, so it may hold what files, arguments and servers say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Error {
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
    pub(crate) exit: Exit,
}

impl Error {
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { text: text.into(), hint: None, exit }
    }

    pub(crate) fn config(text: impl Into<String>) -> Self {
        Self::new(Exit::Config, text)
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(Exit::Usage, text)
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Standard output can't be written to. That its reader went away is no failure: it had enough.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::Success, ""),
            _ => Self::new(Exit::Io, format!("cannot write to standard output: {error}")),
        }
    }

    /// An input file that can't be read; `what` says what it is for.
    pub(crate) fn input(what: &str, path: &Path, error: &io::Error) -> Self {
        let exit = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory => {
                Exit::NoInput
            }
            _ => Exit::Io,
        };
        Self::new(exit, format!("cannot read {what} {}: {error}", path.display()))
    }

    /// Whether there is nothing to tell.
    pub(crate) const fn is_quiet(&self) -> bool {
        matches!(self.exit, Exit::Success)
    }
}

impl From<mailbearer::Error> for Error {
    fn from(error: mailbearer::Error) -> Self {
        Self { text: error.to_string(), hint: hint::of(&error), exit: Exit::from(&error) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", printable(&self.text))?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {}", printable(hint)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_one_line_and_a_hint() {
        let error = Error::config("no\u{1b}[2J").hint("do\nthis");
        assert_eq!(error.to_string(), "error: no\\x1b[2J\nhint: do\\nthis");
        assert_eq!(Error::usage("x").to_string(), "error: x");
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let gone = Error::stdout(&io::ErrorKind::BrokenPipe.into());
        assert!(gone.is_quiet());
        assert_eq!(Error::stdout(&io::ErrorKind::StorageFull.into()).exit, Exit::Io);
    }
}
