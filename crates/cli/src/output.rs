use std::{
    fmt,
    io::{self, IsTerminal, StdoutLock, Write},
};

use mailbearer::wire::printable;

use crate::error::Error;

/// Where results go: standard output, locked; in tests whatever takes octets.
///
/// Every line is written as soon as it is whole, so that a reader sees results as they arrive. A reader that went
/// away shows as an [`Error`] that [is quiet](Error::is_quiet).
pub(crate) struct Output<W = StdoutLock<'static>> {
    writer: W,
    json: bool,
    terminal: bool,
}

impl Output {
    pub(crate) fn stdout(json: bool) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        Self { writer: stdout.lock(), json, terminal }
    }
}

impl<W: Write> Output<W> {
    #[cfg(test)]
    pub(crate) const fn to(writer: W, json: bool) -> Self {
        Self { writer, json, terminal: true }
    }

    /// Whether `--json` was given.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a person is looking.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Prints a line of text, with an escape for everything that could steer a terminal.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Error> {
        self.whole(format_args!("{}\n", printable(text)))
    }

    /// Prints an object on a line of its own.
    ///
    /// JSON escapes ASCII's control characters by itself, the others are escaped here: a terminal may be reading.
    pub(crate) fn json(&mut self, object: &serde_json::Value) -> Result<(), Error> {
        let mut line = String::new();
        for character in object.to_string().chars() {
            let mut buffer = [0; 4];
            let text: &str = character.encode_utf8(&mut buffer);
            if printable(text) == text {
                line.push(character);
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    line.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        self.whole(format_args!("{line}\n"))
    }

    /// Passes on the octets of a message, as they are.
    pub(crate) fn octets(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.writer.write_all(octets).map_err(|error| Error::stdout(&error))
    }

    /// Writes out what is still held.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush().map_err(|error| Error::stdout(&error))
    }

    fn whole(&mut self, text: fmt::Arguments<'_>) -> Result<(), Error> {
        // The standard library's buffer ends at each line.
        self.writer.write_fmt(text).map_err(|error| Error::stdout(&error))
    }
}

/// Tells the person at the terminal something; that nobody listens is no failure.
pub(crate) fn notice(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Warns of something that does not stop the command.
pub(crate) fn warning(text: &str) {
    notice(format_args!("warning: {}", printable(text)));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_and_objects_cannot_steer_a_terminal() {
        let mut octets = Vec::new();
        let mut output = Output::to(&mut octets, true);
        output.line("a\u{1b}[2J\nb").unwrap();
        output.json(&json!({ "subject": "Grüße \u{1b}\u{9b}\u{202e}\u{7f}\"" })).unwrap();
        let text = String::from_utf8(octets).unwrap();
        let (line, object) = text.split_once('\n').unwrap();
        assert_eq!(line, "a\\x1b[2J\\nb");
        assert_eq!(object, "{\"subject\":\"Grüße \\u001b\\u009b\\u202e\\u007f\\\"\"}\n");
        let back: serde_json::Value = serde_json::from_str(object).unwrap();
        assert_eq!(back["subject"], "Grüße \u{1b}\u{9b}\u{202e}\u{7f}\"");
    }
}
