use std::{fmt, io, path::Path, time::Duration};

use mailbearer::{
    Kind, StoreError,
    advice::{self, Entry, Language},
    proto::{
        smtp::{Refusal, Reply},
        wire::printable,
    },
};
use mailbearer_bridge::{named, spool};
use serde_json::json;

use crate::exit::Exit;

/// Why a command failed: a line for people, what is known of such a failure, a hint what to do, and the exit code.
///
/// The text is escaped when it is printed, so it may hold what files, arguments and servers say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Error {
    pub(crate) text: String,
    pub(crate) entry: Option<&'static Entry>,
    /// How long a server asks to be left alone.
    pub(crate) wait: Option<Duration>,
    pub(crate) hint: Option<String>,
    pub(crate) exit: Exit,
    /// Who was refused, where nobody knows whether the others get the message.
    pub(crate) refused: Vec<(String, Reply)>,
    /// A file is there, and this user may not read it.
    pub(crate) denied: bool,
    /// The result of the command could not be printed.
    pub(crate) unprinted: bool,
}

impl Error {
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            entry: None,
            wait: None,
            hint: None,
            exit,
            refused: Vec::new(),
            denied: false,
            unprinted: false,
        }
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

    /// Standard output can't be written to. A closed pipe is not a failure: its reader had enough.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::Success, ""),
            _ => Self {
                unprinted: true,
                ..Self::new(Exit::Io, format!("cannot write to standard output: {error}"))
            },
        }
    }

    /// An input file that can't be read; `what` says what it is for.
    pub(crate) fn input(what: &str, path: &Path, error: &io::Error) -> Self {
        let exit = if is_of_the_place(error) { Exit::NoInput } else { Exit::Io };
        Self::new(exit, format!("cannot read {what} {}: {error}", named(path)))
    }

    /// A file or folder that can't be created or written; `what` says what is done to it.
    pub(crate) fn output(what: &str, path: &Path, error: &io::Error) -> Self {
        let exit = if is_of_the_place(error) { Exit::CantCreate } else { Exit::Io };
        // The path of a temporary file says nothing to a person, and the error does not give its cause away without it.
        let shown = error.to_string();
        let shown = shown.split_once(" at path \"").map_or(shown.as_str(), |(cause, _)| cause);
        Self::new(exit, format!("cannot {what} {}: {shown}", named(path)))
    }

    /// A file that the program keeps for itself between runs, and that does not hold what the program wrote there.
    pub(crate) fn damaged(path: &Path, what: impl fmt::Display) -> Self {
        Self::new(Exit::Data, format!("{} is damaged: {what}", named(path)))
    }

    /// A file that the program keeps for itself, and that can't be opened. What is no file is damage, too.
    pub(crate) fn kept(what: &str, path: &Path, error: &io::Error) -> Self {
        match path.metadata() {
            Ok(metadata) if !metadata.is_file() => Self::damaged(path, "it is no file").hint("remove it"),
            _ => Self::output(what, path, error),
        }
    }

    /// Whether nothing is printed for it.
    pub(crate) const fn is_quiet(&self) -> bool {
        matches!(self.exit, Exit::Success) || self.text.is_empty()
    }

    /// The end of a command whose output has said what failed.
    pub(crate) fn told(exit: Exit) -> Self {
        Self::new(exit, "")
    }
}

/// Whether another path would do: something else is there, or nothing, or it is out of bounds. A disk that is full or broken
/// is another matter.
fn is_of_the_place(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput
    )
}

/// Whether this process may hardly open any more files. Then a name can't be looked up, and what fails does not say why.
fn is_out_of_files() -> bool {
    // EMFILE and ENFILE, the same everywhere.
    let is_limit = |error: io::Error| matches!(error.raw_os_error(), Some(23 | 24));
    // A look-up opens some at once, and has closed them when it fails.
    let opened: Vec<_> = (0..8).map(|_| std::fs::File::open("/dev/null")).collect();
    cfg!(unix) && opened.into_iter().any(|file| file.is_err_and(is_limit))
}

impl From<mailbearer::Error> for Error {
    fn from(error: mailbearer::Error) -> Self {
        if error.kind() == Kind::NoAddress && is_out_of_files() {
            return Self::new(Exit::Io, format!("too many open files: {error}"))
                .hint("raise the limit of this process, as `ulimit -n 1024` does in a shell");
        }
        let remedy = error.cause().and_then(StoreError::remedy);
        let mut text = error.to_string();
        if !matches!(error.cause(), Some(Refusal::Recipients { .. })) {
            text.push_str(&told_of(error.refused_recipients()));
        }
        Self {
            text,
            entry: advice::of(&error),
            wait: error.retry_after(),
            hint: remedy.map(|remedy| format!("mend it with: {remedy}")),
            exit: Exit::from(&error),
            refused: error.refused_recipients().to_vec(),
            denied: false,
            unprinted: false,
        }
    }
}

/// Whom the server refused, where it ended before the others had a verdict.
fn told_of(refused: &[(String, Reply)]) -> String {
    let mut text = String::new();
    for (index, (address, reply)) in refused.iter().take(SHOWN).enumerate() {
        let before = if index == 0 { "; it refused " } else { "; " };
        text.push_str(&format!("{before}{address}: {reply}"));
    }
    match refused.len().saturating_sub(SHOWN) {
        0 => {}
        more => text.push_str(&format!("; and {more} more")),
    }
    text
}

/// How many of the recipients that were refused an error names.
const SHOWN: usize = 3;

impl From<spool::Error> for Error {
    fn from(error: spool::Error) -> Self {
        let exit = match &error {
            spool::Error::NotFound { .. } => Exit::NoInput,
            spool::Error::Damaged { .. } | spool::Error::Envelope(_) => Exit::Data,
            error if error.is_permission() => Exit::NoPermission,
            error if error.is_transient() => Exit::Transient,
            spool::Error::Io { source, .. } if is_of_the_place(source) => Exit::CantCreate,
            _ => Exit::Io,
        };
        let own = Self::new(exit, error.to_string());
        match error {
            spool::Error::Damaged { .. } => own.hint("`mailbearer queue drop NAME` removes it"),
            _ => own,
        }
    }
}

impl Error {
    /// As it is printed: two lines for people, or an object.
    pub(crate) fn shown(&self, json: bool, language: Language) -> String {
        let hint = self.hint_in(language);
        if !json {
            let mut text = format!("error: {}", printable(&self.text));
            if let Some(hint) = hint {
                text.push_str("\nhint: ");
                text.push_str(&printable(&hint));
            }
            return text;
        }
        let who =
            self.entry.map(|entry| entry.who().iter().map(|who| who.name(language)).collect::<Vec<_>>());
        let object = json!({
            "error": self.text,
            "code": self.entry.map_or_else(|| self.exit.name(), Entry::id),
            "cause": self.entry.map(|entry| entry.cause(language)),
            "hint": self.hint.as_deref().or_else(|| self.entry.map(|entry| entry.fix(language))),
            "who": who,
            "retry_after": self.wait.map(|wait| wait.as_secs().max(1)),
            "exit": self.exit.code(),
        });
        object.to_string()
    }

    fn hint_in(&self, language: Language) -> Option<String> {
        if self.hint.is_some() {
            return self.hint.clone();
        }
        let entry = self.entry?;
        let (cause, fix) = (entry.cause(language), entry.fix(language));
        let wait = self.wait.map(|wait| wait.as_secs().max(1));
        Some(match (language, wait) {
            (Language::Chinese, None) => format!("{cause}；{fix}"),
            (Language::Chinese, Some(wait)) => format!("{cause}；{fix}；服务器要求等待 {wait} 秒"),
            (_, None) => format!("{cause}; {fix}"),
            (_, Some(wait)) => format!("{cause}; {fix}; the server asks to wait {wait} s"),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(false, Language::English))
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

    /// Errors under `--json` are an object with code, cause, hint.
    #[test]
    fn an_error_is_an_object_under_json() {
        let error = Error::from(mailbearer::Error::from(mailbearer::proto::mime::RawError::Utf16));
        let object: serde_json::Value = serde_json::from_str(&error.shown(true, Language::English)).unwrap();
        assert_eq!((object["code"].as_str(), object["exit"].as_u64()), (Some("data"), Some(65)), "{object}");
        let error = Error::usage("no\u{1b}[2J").hint("x");
        let text = error.shown(true, Language::Chinese);
        assert!(!text.contains('\u{1b}') && !text.contains('\n'), "{text}");
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((object["hint"].as_str(), object["error"].as_str()), (Some("x"), Some("no\u{1b}[2J")));
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let gone = Error::stdout(&io::ErrorKind::BrokenPipe.into());
        assert!(gone.is_quiet());
        assert_eq!(Error::stdout(&io::ErrorKind::StorageFull.into()).exit, Exit::Io);
    }
}
