use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

use mailbearer_wire::Secret;

/// A command of a client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command {
    /// `EHLO` with the client's name.
    Ehlo(String),
    /// `HELO` with the client's name.
    Helo(String),
    /// `LHLO` with the client's name (RFC 2033).
    Lhlo(String),
    /// `STARTTLS`.
    StartTls,
    /// `AUTH`.
    Auth {
        /// The mechanism's name in capitals.
        mechanism: String,
        /// The initial response in base64, if there is one; empty for the `=` that stands for an empty one.
        initial: Option<Secret<Vec<u8>>>,
    },
    /// `MAIL FROM`.
    Mail {
        /// The sender without its angle brackets; empty for `<>`.
        sender: String,
        /// The parameters.
        parameters: Vec<Parameter>,
    },
    /// `RCPT TO`.
    Rcpt {
        /// The recipient without its angle brackets.
        recipient: String,
        /// The parameters.
        parameters: Vec<Parameter>,
    },
    /// `DATA`.
    Data,
    /// `BDAT` (RFC 3030 section 2).
    Bdat {
        /// Octets that follow.
        size: u64,
        /// Whether they are the last of the message.
        last: bool,
    },
    /// `RSET`.
    Rset,
    /// `NOOP`.
    Noop,
    /// `QUIT`.
    Quit,
    /// `VRFY` with its argument.
    Vrfy(String),
}

/// A parameter of MAIL or RCPT.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a keyword and its value")]
pub struct Parameter {
    /// The keyword in capitals.
    pub keyword: String,
    /// What is after the equals sign, if there is one.
    pub value: Option<String>,
}

impl Command {
    /// Reads one line, without its end.
    ///
    /// # Errors
    ///
    /// Returns [`CommandError::Unknown`] for a verb that is none of these, and [`CommandError::Syntax`] for what is
    /// not UTF-8, holds a control character, or has other arguments than the verb takes.
    pub fn parse(line: &[u8]) -> Result<Self, CommandError> {
        Self::parse_as(line, false)
    }

    /// As [`parse`](Self::parse), but accepts common mistakes of devices: EHLO or HELO without a name or with spaces in it, a
    /// space before a path, a path without angle brackets, and a source route, which is left out.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_lenient(line: &[u8]) -> Result<Self, CommandError> {
        Self::parse_as(line, true)
    }

    /// Whether a trace may show the line, as it begins with the verb of a command that has no secret.
    pub(super) fn is_shown(line: &[u8]) -> bool {
        const VERBS: &[&str] = &[
            "EHLO", "HELO", "LHLO", "STARTTLS", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "VRFY",
            "QUIT", "HELP",
        ];
        let verb = line.split(|&octet| octet == b' ').next().unwrap_or_default();
        VERBS.iter().any(|known| verb.eq_ignore_ascii_case(known.as_bytes()))
    }

    fn parse_as(line: &[u8], lenient: bool) -> Result<Self, CommandError> {
        let line = core::str::from_utf8(line).map_err(|_| CommandError::Syntax("not UTF-8"))?;
        if line.chars().any(char::is_control) {
            return Err(CommandError::Syntax("control character"));
        }
        let (verb, arguments) = match line.split_once(' ') {
            Some((verb, arguments)) => (verb, Some(arguments.trim_end_matches(' '))),
            None => (line, None),
        };
        let some =
            || arguments.filter(|text| !text.is_empty()).ok_or(CommandError::Syntax("argument missing"));
        let none = |command| match arguments {
            None | Some("") => Ok(command),
            Some(_) => Err(CommandError::Syntax("takes no argument")),
        };
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" | "LHLO" => {
                let name = match arguments {
                    _ if !lenient => word(some()?)?,
                    name => name.unwrap_or_default().trim_start().to_owned(),
                };
                Ok(match verb.as_bytes() {
                    [b'E' | b'e', ..] => Self::Ehlo(name),
                    [b'L' | b'l', ..] => Self::Lhlo(name),
                    _ => Self::Helo(name),
                })
            }
            "STARTTLS" => none(Self::StartTls),
            "AUTH" => auth(some()?),
            "MAIL" => {
                path(some()?, "FROM:", lenient).map(|(sender, parameters)| Self::Mail { sender, parameters })
            }
            "RCPT" => match path(some()?, "TO:", lenient)? {
                (recipient, _) if recipient.is_empty() => Err(CommandError::Syntax("empty recipient")),
                (recipient, parameters) => Ok(Self::Rcpt { recipient, parameters }),
            },
            "DATA" => none(Self::Data),
            "BDAT" => bdat(some()?),
            "RSET" => none(Self::Rset),
            // RFC 5321 section 4.1.1.9: its argument says nothing.
            "NOOP" => Ok(Self::Noop),
            "QUIT" => none(Self::Quit),
            "VRFY" => Ok(Self::Vrfy(some()?.to_owned())),
            _ => Err(CommandError::Unknown),
        }
    }
}

/// A line that is no [`Command`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "500 and 501 are all that there are")]
pub enum CommandError {
    /// The verb is unknown: reply code 500.
    Unknown,
    /// The verb is known, but its arguments are wrong: reply code 501.
    Syntax(&'static str),
}

impl CommandError {
    /// The reply code for it.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::Unknown => 500,
            Self::Syntax(_) => 501,
        }
    }
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

fn word(text: &str) -> Result<String, CommandError> {
    if text.contains(' ') { Err(CommandError::Syntax("more than one argument")) } else { Ok(text.to_owned()) }
}

/// `"AUTH" SP sasl-mech [SP initial-response]` (RFC 4954 section 8)
fn auth(arguments: &str) -> Result<Command, CommandError> {
    let (mechanism, initial) = match arguments.split_once(' ') {
        Some((mechanism, "=")) => (mechanism, Some(String::new())),
        Some((mechanism, initial)) => (mechanism, Some(word(initial)?)),
        None => (arguments, None),
    };
    let initial = initial.map(|text| Secret::new(text.into_bytes()));
    Ok(Command::Auth { mechanism: mechanism.to_ascii_uppercase(), initial })
}

/// `"FROM:" Reverse-path [SP Mail-parameters]` (RFC 5321 section 4.1.1.2), without source routes.
fn path(arguments: &str, keyword: &str, lenient: bool) -> Result<(String, Vec<Parameter>), CommandError> {
    let error = CommandError::Syntax("no path in angle brackets");
    let (start, rest) = arguments.split_at_checked(keyword.len()).ok_or(error)?;
    if !start.eq_ignore_ascii_case(keyword) {
        return Err(error);
    }
    let rest = if lenient { rest.trim_start_matches(' ') } else { rest };
    let (path, rest) = match rest.strip_prefix('<') {
        Some(rest) => split_path(rest).ok_or(error)?,
        None if lenient && !rest.is_empty() => {
            rest.split_at_checked(rest.find(' ').unwrap_or(rest.len())).ok_or(error)?
        }
        None => return Err(error),
    };
    let path = if lenient { without_route(path) } else { path };
    if !rest.is_empty() && !rest.starts_with(' ') {
        return Err(CommandError::Syntax("no space after the path"));
    }
    let parameters = rest.split(' ').filter(|word| !word.is_empty()).map(|word| {
        let (keyword, value) = match word.split_once('=') {
            Some((keyword, value)) => (keyword, Some(value.to_owned())),
            None => (word, None),
        };
        Parameter { keyword: keyword.to_ascii_uppercase(), value }
    });
    Ok((path.to_owned(), parameters.collect()))
}

/// `"BDAT" SP chunk-size [SP "LAST"]` (RFC 3030 section 2)
fn bdat(arguments: &str) -> Result<Command, CommandError> {
    let (size, last) = match arguments.split_once(' ') {
        Some((size, word)) if word.trim().eq_ignore_ascii_case("LAST") => (size, true),
        Some(_) => return Err(CommandError::Syntax("neither a size nor LAST")),
        None => (arguments, false),
    };
    // `parse` alone would take a sign.
    let is_number = !size.is_empty() && size.bytes().all(|octet| octet.is_ascii_digit());
    let size = is_number.then(|| size.parse().ok()).flatten();
    size.map(|size| Command::Bdat { size, last }).ok_or(CommandError::Syntax("no size"))
}

/// A path without `A-d-l = At-domain *( "," At-domain ) ":"`, which RFC 5321 section 4.1.1.3 has servers ignore.
fn without_route(path: &str) -> &str {
    match path.strip_prefix('@').and_then(|route| route.split_once(':')) {
        Some((_, address)) => address,
        None => path,
    }
}

/// Splits at the closing bracket; one in a quoted string does not close.
fn split_path(text: &str) -> Option<(&str, &str)> {
    let (mut quoted, mut escaped) = (false, false);
    let end = text.find(|character| match character {
        _ if escaped => {
            escaped = false;
            false
        }
        '\\' if quoted => {
            escaped = true;
            false
        }
        '"' => {
            quoted = !quoted;
            false
        }
        '>' => !quoted,
        _ => false,
    })?;
    let (path, rest) = text.split_at_checked(end)?;
    Some((path, rest.strip_prefix('>')?))
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn shown(line: &[u8]) -> String {
        told(Command::parse(line))
    }

    fn told(command: Result<Command, CommandError>) -> String {
        match command {
            Ok(Command::Auth { mechanism, initial }) => {
                let initial = initial.map(|text| String::from_utf8(text.expose().clone()).unwrap());
                format!("AUTH {mechanism} {initial:?}")
            }
            Ok(Command::Mail { sender, parameters }) => format!("MAIL {sender:?}{}", list(&parameters)),
            Ok(Command::Rcpt { recipient, parameters }) => format!("RCPT {recipient:?}{}", list(&parameters)),
            Ok(command) => format!("{command:?}"),
            Err(error) => format!("{} {error}", error.code()),
        }
    }

    fn list(parameters: &[Parameter]) -> String {
        parameters.iter().map(|each| format!(" {}={:?}", each.keyword, each.value.as_deref())).collect()
    }

    #[test]
    fn parses_commands() {
        let rows: &[(&str, &str)] = &[
            ("EHLO [127.0.0.1]", "Ehlo(\"[127.0.0.1]\")"),
            ("ehlo x", "Ehlo(\"x\")"),
            ("HELO x", "Helo(\"x\")"),
            ("lhlo x", "Lhlo(\"x\")"),
            ("LHLO", "501 syntax: argument missing"),
            ("EHLO", "501 syntax: argument missing"),
            ("EHLO a b", "501 syntax: more than one argument"),
            ("STARTTLS", "StartTls"),
            ("STARTTLS now", "501 syntax: takes no argument"),
            ("AUTH xoauth2", "AUTH XOAUTH2 None"),
            ("AUTH XOAUTH2 dXNlcg==", "AUTH XOAUTH2 Some(\"dXNlcg==\")"),
            ("AUTH PLAIN =", "AUTH PLAIN Some(\"\")"),
            ("AUTH PLAIN a b", "501 syntax: more than one argument"),
            ("MAIL FROM:<a@b>", "MAIL \"a@b\""),
            ("mail from:<>", "MAIL \"\""),
            ("MAIL FROM:<a@b> size=5 SMTPUTF8", "MAIL \"a@b\" SIZE=Some(\"5\") SMTPUTF8=None"),
            (
                "MAIL FROM:<\"a>\\\"b\"@c> BODY=8BITMIME",
                "MAIL \"\\\"a>\\\\\\\"b\\\"@c\" BODY=Some(\"8BITMIME\")",
            ),
            ("MAIL FROM:a@b", "501 syntax: no path in angle brackets"),
            ("MAIL FROM: <a@b>", "501 syntax: no path in angle brackets"),
            ("MAIL FROM:<a@b", "501 syntax: no path in angle brackets"),
            ("MAIL FROM:<a@b\\> SIZE=5", "MAIL \"a@b\\\\\" SIZE=Some(\"5\")"),
            ("MAIL FROM:<a@b>SIZE=5", "501 syntax: no space after the path"),
            ("MAIL TO:<a@b>", "501 syntax: no path in angle brackets"),
            ("MAIL ü", "501 syntax: no path in angle brackets"),
            ("RCPT TO:<ü@b>", "RCPT \"ü@b\""),
            ("RCPT TO:<>", "501 syntax: empty recipient"),
            ("DATA", "Data"),
            ("BDAT 5", "Bdat { size: 5, last: false }"),
            ("bdat 0 last", "Bdat { size: 0, last: true }"),
            ("BDAT", "501 syntax: argument missing"),
            ("BDAT +5", "501 syntax: no size"),
            ("BDAT 5 FIRST", "501 syntax: neither a size nor LAST"),
            ("BDAT 18446744073709551616", "501 syntax: no size"),
            ("RSET", "Rset"),
            ("NOOP whatever", "Noop"),
            ("QUIT", "Quit"),
            ("QUIT ", "Quit"),
            ("VRFY ann", "Vrfy(\"ann\")"),
            ("XYZZY", "500 command unknown"),
            ("", "500 command unknown"),
            ("RSET\rDATA", "501 syntax: control character"),
        ];
        for (line, want) in rows {
            assert_eq!(shown(line.as_bytes()), *want, "{line}");
        }
        assert_eq!(shown(b"EHLO \xff"), "501 syntax: not UTF-8");
    }

    #[test]
    fn takes_what_devices_say() {
        let rows: &[(&str, &str)] = &[
            ("EHLO", "Ehlo(\"\")"),
            ("HELO ", "Helo(\"\")"),
            ("EHLO my_printer", "Ehlo(\"my_printer\")"),
            ("EHLO 192.168.0.5", "Ehlo(\"192.168.0.5\")"),
            ("HELO the printer", "Helo(\"the printer\")"),
            ("MAIL FROM: <a@b>", "MAIL \"a@b\""),
            ("MAIL FROM:a@b", "MAIL \"a@b\""),
            ("MAIL FROM: a@b SIZE=5", "MAIL \"a@b\" SIZE=Some(\"5\")"),
            ("MAIL FROM:<>", "MAIL \"\""),
            ("MAIL FROM:<@a,@b:c@d>", "MAIL \"c@d\""),
            ("RCPT TO: <@a:c@d>", "RCPT \"c@d\""),
            ("RCPT TO:c@d", "RCPT \"c@d\""),
            ("MAIL FROM:", "501 syntax: no path in angle brackets"),
            ("MAIL FROM: ", "501 syntax: no path in angle brackets"),
            ("RCPT TO:<>", "501 syntax: empty recipient"),
            ("MAIL FROM:<a@b", "501 syntax: no path in angle brackets"),
        ];
        for (line, want) in rows {
            assert_eq!(told(Command::parse_lenient(line.as_bytes())), *want, "{line}");
        }
    }
}
