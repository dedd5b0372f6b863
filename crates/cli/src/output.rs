use std::{
    fmt,
    io::{self, IsTerminal, StdoutLock, Write},
    time::{Duration, Instant},
};

use console::Term;
use mailbearer::proto::wire::printable;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::error::Error;

/// Where results go: standard output, locked; in tests, any writer.
///
/// Writes every line as soon as it is whole, so that a reader sees results as they arrive. Where standard output is no
/// terminal, lines that come at once may be [written together](Self::gather). If the reader went away, writing returns an
/// [`Error`] that [is quiet](Error::is_quiet).
pub(crate) struct Output<W = StdoutLock<'static>> {
    writer: W,
    json: bool,
    /// `None` where output is no terminal.
    terminal: Option<Terminal>,
    gathered: Option<Gathered>,
}

/// Lines that wait to be written together.
struct Gathered {
    text: Vec<u8>,
    /// When lines were last written.
    written: Option<Instant>,
}

/// The terminal that results go to.
#[derive(Default)]
struct Terminal {
    /// None if the terminal does not say.
    width: Option<usize>,
    rows: Option<usize>,
    /// The first octets of a character or line end that is not complete yet.
    tail: Vec<u8>,
}

impl Output {
    pub(crate) fn stdout(json: bool) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal().then(|| {
            let size = Term::stdout().size_checked();
            Terminal {
                width: size.map(|(_, columns)| usize::from(columns)),
                rows: size.map(|(rows, _)| usize::from(rows)),
                tail: Vec::new(),
            }
        });
        Self { writer: stdout.lock(), json, terminal, gathered: None }
    }
}

impl<W: Write> Output<W> {
    #[cfg(test)]
    pub(crate) const fn to(writer: W, json: bool) -> Self {
        Self { writer, json, terminal: None, gathered: None }
    }

    /// The writer itself, for a conversation that is no result.
    pub(crate) const fn writer(&mut self) -> &mut W {
        &mut self.writer
    }

    /// Whether `--json` was given.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// From now on writes many lines at once where output is no terminal. A line waits a tenth of a second at most while more
    /// lines come. [`flush`](Self::flush) writes the rest.
    pub(crate) fn gather(&mut self) {
        if self.terminal.is_none() {
            self.gathered.get_or_insert(Gathered { text: Vec::with_capacity(MOST), written: None });
        }
    }

    /// How many columns a line may have; `None` where output is no terminal.
    pub(crate) fn width(&self) -> Option<usize> {
        self.terminal.as_ref().and_then(|terminal| terminal.width)
    }

    /// How many lines fit on the terminal; `None` where output is none.
    pub(crate) fn rows(&self) -> Option<usize> {
        self.terminal.as_ref().and_then(|terminal| terminal.rows)
    }

    /// Prints a line of text, and escapes everything that could steer a terminal.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Error> {
        self.whole(format_args!("{}\n", printable(text)))
    }

    /// Prints an object on a line of its own.
    ///
    /// JSON itself escapes ASCII's control characters. This escapes the others too, since a terminal may show them.
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

    /// Writes octets of a message as they are. On a terminal it escapes everything that could steer it.
    ///
    /// # Errors
    ///
    /// Fails if the octets can't be written, and if they are no text and go to a terminal.
    pub(crate) fn octets(&mut self, octets: &[u8]) -> Result<(), Error> {
        let Some(terminal) = &mut self.terminal else {
            return self.writer.write_all(octets).map_err(|error| Error::stdout(&error));
        };
        // Text holds no NUL in any charset that mail uses, and nearly every other file has one.
        if octets.contains(&0) {
            return Err(
                Error::usage("this is no text for a terminal").hint("write it to a file, --output FILE")
            );
        }
        let mut text = String::new();
        terminal.show(octets, &mut text);
        self.whole(format_args!("{text}"))
    }

    /// Writes the lines that are still held.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        if let Some(terminal) = &mut self.terminal {
            let mut text = String::new();
            terminal.finish(&mut text);
            self.whole(format_args!("{text}"))?;
        }
        if let Some(gathered) = &mut self.gathered {
            let text = std::mem::take(&mut gathered.text);
            self.writer.write_all(&text).map_err(|error| Error::stdout(&error))?;
        }
        self.writer.flush().map_err(|error| Error::stdout(&error))
    }

    fn whole(&mut self, text: fmt::Arguments<'_>) -> Result<(), Error> {
        if let Some(gathered) = &mut self.gathered {
            // Writing to memory does not fail.
            let _ = gathered.text.write_fmt(text);
            let now = Instant::now();
            let is_due = |written: Instant| now.saturating_duration_since(written) >= LONG;
            if gathered.text.len() < MOST && !gathered.written.is_none_or(is_due) {
                return Ok(());
            }
            gathered.written = Some(now);
            let written = self.writer.write_all(&gathered.text).and_then(|()| self.writer.flush());
            gathered.text.clear();
            return written.map_err(|error| Error::stdout(&error));
        }
        // The standard library's buffer ends at each line.
        self.writer.write_fmt(text).map_err(|error| Error::stdout(&error))
    }
}

/// Octets of lines that are written at once.
const MOST: usize = 32 << 10;
/// How long a line waits for others.
const LONG: Duration = Duration::from_millis(100);

impl Terminal {
    /// Appends the next octets to `text`, in the form that the terminal is to show.
    fn show(&mut self, octets: &[u8], text: &mut String) {
        self.tail.extend_from_slice(octets);
        let held = std::mem::take(&mut self.tail);
        let mut rest = held.as_slice();
        if let Some(before) = rest.strip_suffix(b"\r") {
            self.tail = b"\r".to_vec();
            rest = before;
        }
        loop {
            let (valid, wrong) = match str::from_utf8(rest) {
                Ok(valid) => (valid, None),
                Err(error) => {
                    let valid = rest.get(..error.valid_up_to()).unwrap_or_default();
                    (str::from_utf8(valid).unwrap_or_default(), Some(error.error_len()))
                }
            };
            escape_lines(valid, text);
            rest = rest.get(valid.len()..).unwrap_or_default();
            match wrong {
                None => return,
                // The first octets of a character.
                Some(None) if self.tail.is_empty() => return self.tail = rest.to_vec(),
                Some(length) => {
                    let (wrong, more) =
                        rest.split_at_checked(length.unwrap_or(rest.len())).unwrap_or((rest, b""));
                    escape_octets(wrong, text);
                    rest = more;
                }
            }
        }
    }

    /// Appends the octets that are still held.
    fn finish(&mut self, text: &mut String) {
        escape_octets(&std::mem::take(&mut self.tail), text);
    }
}

/// Escapes all control characters but tabs and line ends, which may be LF or CRLF.
fn escape_lines(valid: &str, text: &mut String) {
    for line in valid.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line.strip_suffix('\r').unwrap_or(line), "\n"),
            None => (line, ""),
        };
        for (number, field) in line.split('\t').enumerate() {
            text.push_str(if number > 0 { "\t" } else { "" });
            text.push_str(&printable(field));
        }
        text.push_str(end);
    }
}

fn escape_octets(octets: &[u8], text: &mut String) {
    for octet in octets {
        text.push_str(&format!("\\x{octet:02x}"));
    }
}

/// Columns that `text` takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// `text`, cut to `room` columns, with an ellipsis where something was cut.
pub(crate) fn fit(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut left = room.saturating_sub(1);
    let mut end = 0_usize;
    for (at, character) in text.char_indices() {
        let columns = UnicodeWidthChar::width(character).unwrap_or_default();
        let Some(rest) = left.checked_sub(columns) else { break };
        left = rest;
        end = at.saturating_add(character.len_utf8());
    }
    let mut fitting = text.get(..end).unwrap_or_default();
    // Characters together may take more columns than each alone: U+FE0F makes a picture of a letter.
    while width(fitting) >= room.max(1) {
        let is_seen = |character: char| UnicodeWidthChar::width(character) != Some(0);
        let Some((at, _)) = fitting.char_indices().rfind(|(_, character)| is_seen(*character)) else { break };
        fitting = fitting.get(..at).unwrap_or_default();
    }
    if room > 0 { format!("{fitting}…") } else { String::new() }
}

/// `text`, filled up with spaces to `room` columns.
pub(crate) fn pad(text: &str, room: usize) -> String {
    format!("{text}{}", " ".repeat(room.saturating_sub(width(text))))
}

/// Tells the person at the terminal something. A standard error that is closed is no failure.
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

    #[test]
    fn gathered_lines_are_few_writes_and_none_is_lost() {
        struct Writes<'a>(&'a mut Vec<usize>);
        impl Write for Writes<'_> {
            fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
                self.0.push(octets.len());
                Ok(octets.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut writes = Vec::new();
        let mut output = Output::to(Writes(&mut writes), false);
        output.gather();
        let lines = 10_000;
        (0..lines).for_each(|_| output.line("0123456789").unwrap());
        output.flush().unwrap();
        assert_eq!(writes.first(), Some(&11), "the first is not kept waiting");
        assert_eq!(writes.iter().sum::<usize>(), 11 * lines);
        // On a slow machine the time may run out now and then, which adds a write.
        assert!(writes.len() < lines / 10, "{}", writes.len());

        let mut shown = Vec::new();
        let mut output = Output::to(Writes(&mut shown), false);
        output.terminal = Some(Terminal::default());
        output.gather();
        (0..3).for_each(|_| output.line("a").unwrap());
        assert_eq!(shown.len(), 6, "each line, and its end, as without");
    }

    /// `fetch` lets no escape sequences of a message through to a terminal.
    #[test]
    fn a_message_cannot_steer_a_terminal_however_it_is_cut() {
        for (name, octets, want) in [
            ("lines", &b"a\r\nb\n\tc"[..], "a\nb\n\tc"),
            ("escape sequence", b"\x1b]0;x\x07\x1b[2J", "\\x1b]0;x\\x07\\x1b[2J"),
            ("CR alone", b"ab\rc\r", "ab\\rc\\x0d"),
            ("UTF-8", "Grüße 你好 \u{202e}\u{9b}".as_bytes(), "Grüße 你好 \\u{202e}\\x9b"),
            ("other octets", b"Gr\xfc\xdfe\xe4\xbd", "Gr\\xfc\\xdfe\\xe4\\xbd"),
            ("CR after half a character", b"\xe4\xbd\r\n", "\\xe4\\xbd\n"),
        ] {
            for size in 1..=octets.len() {
                let mut shown = Vec::new();
                let mut output = Output::to(&mut shown, false);
                output.terminal = Some(Terminal::default());
                octets.chunks(size).for_each(|piece| output.octets(piece).unwrap());
                output.flush().unwrap();
                assert_eq!(String::from_utf8(shown).unwrap(), want, "{name}, {size} at a time");
            }
            let mut exact = Vec::new();
            Output::to(&mut exact, false).octets(octets).unwrap();
            assert_eq!(exact, octets, "{name}");
        }
    }

    /// `fetch` lets no binary parts through to a terminal.
    #[test]
    fn binary_is_not_for_terminals() {
        let mut shown = Vec::new();
        let mut output = Output::to(&mut shown, false);
        output.octets(b"\x89PNG\0").unwrap();
        output.terminal = Some(Terminal::default());
        assert_eq!(output.octets(b"\x89PNG\0").unwrap_err().exit, crate::exit::Exit::Usage);
    }

    #[test]
    fn measures_and_cuts() {
        for (text, want) in [
            ("", 0),
            ("abc", 3),
            ("Grüße", 5),
            ("u\u{308}", 1),
            ("你好", 4),
            ("한국", 4),
            ("ｶﾅ", 2),
            ("👩\u{200d}🚀", 2),
        ] {
            assert_eq!(width(text), want, "{text}");
        }
        for (text, room, want) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("你好吗", 5, "你好…"),
            ("你好吗", 4, "你…"),
            ("ab", 1, "…"),
            ("ab", 0, ""),
            ("", 0, ""),
            ("\u{2764}\u{fe0f}\u{2764}\u{fe0f}\u{2764}\u{fe0f}", 5, "\u{2764}\u{fe0f}\u{2764}\u{fe0f}…"),
            ("1\u{fe0f}\u{20e3}2\u{fe0f}\u{20e3}3\u{fe0f}\u{20e3}", 4, "1\u{fe0f}\u{20e3}…"),
            ("👩\u{200d}🚀👩\u{200d}🚀", 3, "👩\u{200d}…"),
            ("u\u{308}u\u{308}u\u{308}", 2, "u\u{308}…"),
        ] {
            assert_eq!(fit(text, room), want, "{text} {room}");
            assert!(width(want) <= room, "{text} {room}");
        }
        assert_eq!(pad("你", 4), "你  ");
    }
}
