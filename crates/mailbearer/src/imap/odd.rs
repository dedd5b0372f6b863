use std::{collections::VecDeque, fmt};

use mailbearer_imap::Frame;
use mailbearer_sasl::Redactor;
use mailbearer_wire::printable_bytes;

/// A line of a server that can't be read. It is not known what it was about, but the command did what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OddLine {
    /// The beginning of the line, escaped for a terminal.
    pub line: String,
    /// Which rule the line broke.
    pub problem: String,
}

/// Lines that can't be read, kept until the caller asks for them.
#[derive(Debug, Default)]
pub(super) struct Odd {
    lines: VecDeque<OddLine>,
}

impl Odd {
    pub(super) fn push(&mut self, line: OddLine) {
        if self.lines.len() < KEPT {
            self.lines.push_back(line);
        }
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = OddLine> + '_ {
        self.lines.drain(..)
    }
}

impl OddLine {
    pub(super) fn of(frame: &Frame, problem: &dyn fmt::Display, redactor: &Redactor) -> Self {
        let line = frame.octets();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Self { line: redactor.redact(&printable_bytes(line, SHOWN)), problem: problem.to_string() }
    }
}

impl fmt::Display for OddLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a line of the server can't be read ({}): {}", self.problem, self.line)
    }
}

/// The most lines that are kept.
const KEPT: usize = 100;
/// The most octets of a line that are kept.
const SHOWN: usize = 200;
