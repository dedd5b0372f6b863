use alloc::{boxed::Box, format, string::String, vec::Vec};

use crate::printable_bytes;

/// Who sent the octets of a [`TraceLine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a conversation has two sides")]
pub enum Direction {
    /// This side.
    Sent,
    /// The peer.
    Received,
}

/// One line of a conversation, without secrets and fit for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceLine {
    /// Who sent it.
    pub direction: Direction,
    /// The line without its end; `[redacted]` and `[N octets]` stand for secrets and message bodies.
    pub text: String,
}

/// Takes secrets out of a line that a peer said.
pub(crate) type Redact = Box<dyn Fn(&str) -> String + Send + Sync>;

/// Turns the octets that pass through a buffer into [`TraceLine`]s.
pub(crate) struct Tape {
    direction: Direction,
    line: String,
    bulk: usize,
    /// Whether the octets of a message that came last end a line.
    bulk_ends_line: bool,
    /// Whether the octets before were a secret: one that comes in pieces is still one.
    in_secret: bool,
    lines: Vec<TraceLine>,
    redact: Option<Redact>,
}

impl Tape {
    pub(crate) const fn new(direction: Direction) -> Self {
        Self {
            direction,
            line: String::new(),
            bulk: 0,
            bulk_ends_line: false,
            in_secret: false,
            lines: Vec::new(),
            redact: None,
        }
    }

    pub(crate) fn redact_with(&mut self, redact: impl FnOnce() -> Redact) {
        self.redact.get_or_insert_with(redact);
    }

    pub(crate) fn plain(&mut self, mut bytes: &[u8]) {
        self.end_bulk();
        self.in_secret &= bytes.is_empty();
        while let Some(end) = bytes.iter().position(|&octet| octet == b'\n') {
            let (line, rest) = bytes.split_at_checked(end.saturating_add(1)).unwrap_or((bytes, &[]));
            self.text(line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(line));
            self.end_line();
            bytes = rest;
        }
        self.text(bytes.strip_suffix(b"\r").unwrap_or(bytes));
    }

    pub(crate) fn secret(&mut self) {
        self.end_bulk();
        if !self.in_secret {
            self.line.push_str("[redacted]");
            self.in_secret = true;
        }
    }

    pub(crate) fn bulk(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        self.bulk = self.bulk.saturating_add(bytes.len());
        self.bulk_ends_line = *last == b'\n';
        self.in_secret = false;
    }

    /// The finished lines, and an unfinished one, unless it ends in a message that may go on.
    pub(crate) fn take(&mut self) -> Vec<TraceLine> {
        if self.bulk == 0 && !self.line.is_empty() {
            self.end_line();
        }
        core::mem::take(&mut self.lines)
    }

    fn text(&mut self, bytes: &[u8]) {
        let room = LINE_LIMIT.saturating_sub(self.line.len());
        if room > 0 {
            self.line.push_str(&printable_bytes(bytes, room));
        }
    }

    fn end_bulk(&mut self) {
        if self.bulk > 0 {
            self.line.push_str(&format!("[{} octets]", self.bulk));
            self.bulk = 0;
            if self.bulk_ends_line {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = core::mem::take(&mut self.line);
        let text = self.redact.as_ref().map(|redact| redact(&line)).unwrap_or(line);
        self.lines.push(TraceLine { direction: self.direction, text });
    }
}

/// Octets of a line that a trace shows.
const LINE_LIMIT: usize = 1024;
