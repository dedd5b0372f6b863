use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

use mailbearer_wire::Secret;

/// A command of a client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command {
    /// `CAPA`.
    Capa,
    /// `STLS`.
    Stls,
    /// `AUTH` with a mechanism; without one `AUTH` asks for their names, as old clients do.
    Auth {
        /// The mechanism's name in capitals, if there is one.
        mechanism: Option<String>,
        /// The initial response in base64, if there is one; empty for the `=` that stands for an empty one.
        initial: Option<Secret<Vec<u8>>>,
    },
    /// `USER` with a name.
    User(String),
    /// `PASS` with a password.
    Pass(Secret),
    /// `UTF8`.
    Utf8,
    /// `LANG` with a tag, if there is one.
    Lang(Option<String>),
    /// `STAT`.
    Stat,
    /// `LIST` with a message's number, if there is one.
    List(Option<u32>),
    /// `UIDL` with a message's number, if there is one.
    Uidl(Option<u32>),
    /// `RETR`.
    Retr(u32),
    /// `TOP` with a number and how many lines.
    Top(u32, u32),
    /// `DELE`.
    Dele(u32),
    /// `RSET`.
    Rset,
    /// `NOOP`.
    Noop,
    /// `QUIT`.
    Quit,
}

impl Command {
    /// Reads one line, without its end.
    ///
    /// # Errors
    ///
    /// Returns [`CommandError::Unknown`] for a verb that is none of these, and [`CommandError::Syntax`] for what is
    /// not UTF-8, holds a control character, or has other arguments than the verb takes.
    pub fn parse(line: &[u8]) -> Result<Self, CommandError> {
        let line = core::str::from_utf8(line).map_err(|_| CommandError::Syntax("not UTF-8"))?;
        if line.chars().any(char::is_control) {
            return Err(CommandError::Syntax("control character"));
        }
        let (verb, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        // A password may begin or end with a space.
        if verb == "PASS" {
            let password = Secret::from(arguments);
            return if arguments.is_empty() { Err(MISSING) } else { Ok(Self::Pass(password)) };
        }
        let mut words = arguments.split_ascii_whitespace();
        let command = match verb.as_str() {
            "CAPA" => Self::Capa,
            "STLS" => Self::Stls,
            "AUTH" => {
                let mechanism = words.next().map(str::to_ascii_uppercase);
                let initial = words.next().map(|text| if text == "=" { "" } else { text });
                Self::Auth { mechanism, initial: initial.map(|text| Secret::new(text.as_bytes().to_vec())) }
            }
            "USER" => {
                let name = arguments.trim_ascii();
                return if name.is_empty() { Err(MISSING) } else { Ok(Self::User(name.to_owned())) };
            }
            "UTF8" => Self::Utf8,
            "LANG" => Self::Lang(words.next().map(ToOwned::to_owned)),
            "STAT" => Self::Stat,
            "LIST" => Self::List(words.next().map(number).transpose()?),
            "UIDL" => Self::Uidl(words.next().map(number).transpose()?),
            "RETR" => Self::Retr(number(words.next().ok_or(MISSING)?)?),
            "TOP" => {
                let message = number(words.next().ok_or(MISSING)?)?;
                let lines = words.next().ok_or(MISSING)?.parse();
                Self::Top(message, lines.map_err(|_| CommandError::Syntax("not a number of lines"))?)
            }
            "DELE" => Self::Dele(number(words.next().ok_or(MISSING)?)?),
            "RSET" => Self::Rset,
            "NOOP" => Self::Noop,
            "QUIT" => Self::Quit,
            _ => return Err(CommandError::Unknown),
        };
        if words.next().is_some() { Err(CommandError::Syntax("too many arguments")) } else { Ok(command) }
    }
}

fn number(word: &str) -> Result<u32, CommandError> {
    let digits = word.bytes().all(|octet| octet.is_ascii_digit());
    let number = word.parse().ok().filter(|number| digits && *number > 0);
    number.ok_or(CommandError::Syntax("not a message number"))
}

const MISSING: CommandError = CommandError::Syntax("argument missing");

/// A line that is no [`Command`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a verb is known or not, and so is what follows it")]
pub enum CommandError {
    /// The verb is not known.
    Unknown,
    /// The verb is known and what follows is wrong.
    Syntax(&'static str),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("command unknown"),
            Self::Syntax(problem) => write!(f, "syntax: {problem}"),
        }
    }
}

impl core::error::Error for CommandError {}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    #[test]
    fn reads_commands() {
        let rows: &[(&str, &str)] = &[
            ("CAPA", "Capa"),
            ("stls", "Stls"),
            ("AUTH", "Auth { mechanism: None, initial: None }"),
            ("auth xoauth2", "Auth { mechanism: Some(\"XOAUTH2\"), initial: None }"),
            ("USER a b", "User(\"a b\")"),
            ("UTF8", "Utf8"),
            ("LANG", "Lang(None)"),
            ("LANG de", "Lang(Some(\"de\"))"),
            ("STAT ", "Stat"),
            ("LIST", "List(None)"),
            ("list 2", "List(Some(2))"),
            ("UIDL", "Uidl(None)"),
            ("UIDL 4294967295", "Uidl(Some(4294967295))"),
            ("RETR 1", "Retr(1)"),
            ("TOP 1 0", "Top(1, 0)"),
            ("DELE 7", "Dele(7)"),
            ("RSET", "Rset"),
            ("NOOP", "Noop"),
            ("QUIT", "Quit"),
        ];
        for (line, want) in rows {
            assert_eq!(format!("{:?}", Command::parse(line.as_bytes()).unwrap()), *want, "{line}");
        }
        for (line, initial) in [("AUTH PLAIN AHUAcA==", "AHUAcA=="), ("AUTH PLAIN =", "")] {
            let Ok(Command::Auth { initial: Some(found), .. }) = Command::parse(line.as_bytes()) else {
                panic!("{line}")
            };
            assert_eq!(found.expose(), initial.as_bytes());
        }
        let Ok(Command::Pass(password)) = Command::parse(b"pass  p w ") else { panic!() };
        assert_eq!(password.expose(), " p w ");
    }

    #[test]
    fn refuses_everything_else() {
        for line in [
            "USER",
            "USER ",
            "PASS",
            "RETR",
            "RETR 0",
            "RETR -1",
            "RETR +1",
            "RETR 4294967296",
            "RETR 1 2",
            "TOP 1",
            "TOP 1 x",
            "DELE x",
            "LIST 1 2",
            "NOOP x",
            "AUTH a b c",
            "RETR 1\0",
        ] {
            let error = Command::parse(line.as_bytes()).unwrap_err();
            assert!(matches!(error, CommandError::Syntax(_)), "{line}: {error}");
        }
        assert_eq!(Command::parse(b"\xff").unwrap_err().to_string(), "syntax: not UTF-8");
        for line in ["", "XTND", "RETRX 1", " NOOP"] {
            assert_eq!(Command::parse(line.as_bytes()).unwrap_err(), CommandError::Unknown, "{line:?}");
        }
    }
}
