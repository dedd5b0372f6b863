use alloc::{boxed::Box, format, string::String, vec::Vec};

use crate::{Secret, printable_bytes};

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
    /// The line without its end; `[redacted]`, or what a [`Describe`] says, stands for a secret, `[N octets]` for the body
    /// of a message, and `[closed]` for the end of what the peer sends, `[reset]` for one by force.
    pub text: String,
    /// How many octets it had, its end included.
    pub octets: usize,
    /// The line as it was, its end included, but for secrets and bodies.
    pub parts: Vec<TracePart>,
}

/// A part of a [`TraceLine`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TracePart {
    /// Octets as they were.
    Text(Vec<u8>),
    /// A secret.
    Secret(Described),
    /// So many octets of a message.
    Bulk(usize),
    /// The peer sends no more.
    Closed,
    /// The connection was reset: the peer, or something on the way, broke it.
    Reset,
}

/// What is shown of a secret, and what may take its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Described {
    /// For people.
    pub shown: String,
    /// What makes a client behave the same and is no secret; empty where nothing does.
    pub stand_in: Vec<u8>,
}

impl Described {
    /// What is shown, and what may take its place.
    #[must_use]
    pub const fn new(shown: String, stand_in: Vec<u8>) -> Self {
        Self { shown, stand_in }
    }
}

/// Says what a secret is without telling it. The flag says whether these are all of its octets; where more may come and
/// they would be needed, it returns `None`.
pub type Describe = fn(&[u8], bool) -> Option<Described>;

impl TraceLine {
    /// The same line with every text put through `redact`, for a peer that repeats what it should not.
    #[must_use]
    pub fn redacted(&self, redact: impl Fn(&str) -> String) -> Self {
        let octets = |octets: &[u8]| {
            let text = String::from_utf8_lossy(octets);
            let told = redact(&text);
            // What is not UTF-8 stays as it is where there is nothing to hide.
            if told == *text { octets.to_vec() } else { told.into_bytes() }
        };
        let parts = self.parts.iter().map(|part| match part {
            TracePart::Text(text) => TracePart::Text(octets(text)),
            TracePart::Secret(secret) => {
                TracePart::Secret(Described::new(redact(&secret.shown), octets(&secret.stand_in)))
            }
            part => part.clone(),
        });
        Self { text: redact(&self.text), parts: parts.collect(), ..self.clone() }
    }
}

/// Takes secrets out of a line that a peer said.
pub(crate) type Redact = Box<dyn Fn(&str) -> String + Send + Sync>;

/// What hears the octets that pass through a buffer. A trait object, so that a program without traces links none of it.
pub(crate) trait Record: Send + Sync {
    fn plain(&mut self, bytes: &[u8]);

    fn secret(&mut self, bytes: &[u8]);

    fn bulk(&mut self, bytes: &[u8]);

    /// Whether nothing is put through a [`Redact`] yet.
    fn wants_redact(&self) -> bool;

    fn redact_with(&mut self, redact: Redact);

    /// The finished lines, and an unfinished one, unless it ends in a message or a secret that may go on.
    fn take(&mut self, end: Option<TracePart>) -> Vec<TraceLine>;
}

/// Turns the octets that pass through a buffer into [`TraceLine`]s.
pub(crate) struct Tape {
    direction: Direction,
    describe: Option<Describe>,
    line: String,
    octets: usize,
    parts: Vec<TracePart>,
    bulk: usize,
    /// Whether the octets of a message that came last end a line.
    bulk_ends_line: bool,
    /// Whether the octets before were a secret: one that comes in pieces is still one.
    in_secret: bool,
    /// The secret so far, where it is to be described.
    secret: Secret<Vec<u8>>,
    closed: bool,
    lines: Vec<TraceLine>,
    redact: Option<Redact>,
}

impl Tape {
    pub(crate) const fn new(direction: Direction, describe: Option<Describe>) -> Self {
        Self {
            direction,
            describe,
            line: String::new(),
            octets: 0,
            parts: Vec::new(),
            bulk: 0,
            bulk_ends_line: false,
            in_secret: false,
            secret: Secret::new(Vec::new()),
            closed: false,
            lines: Vec::new(),
            redact: None,
        }
    }

    fn text(&mut self, all: &[u8], shown: &[u8]) {
        self.octets = self.octets.saturating_add(all.len());
        let room = LINE_LIMIT.saturating_sub(self.line.len());
        if room > 0 {
            self.line.push_str(&printable_bytes(shown, room));
        }
        match self.parts.last_mut() {
            _ if all.is_empty() => {}
            Some(TracePart::Text(text)) => text.extend_from_slice(all),
            _ => self.parts.push(TracePart::Text(all.to_vec())),
        }
    }

    fn end_secret(&mut self, is_whole: bool) {
        if self.secret.expose().is_empty() {
            return;
        }
        let Some(described) = self.describe.and_then(|describe| describe(self.secret.expose(), is_whole))
        else {
            return;
        };
        self.secret = Secret::new(Vec::new());
        self.describe_as(described);
    }

    fn describe_as(&mut self, described: Described) {
        self.line.push_str(&described.shown);
        self.parts.push(TracePart::Secret(described));
    }

    fn end_bulk(&mut self) {
        if self.bulk > 0 {
            self.line.push_str(&format!("[{} octets]", self.bulk));
            self.parts.push(TracePart::Bulk(self.bulk));
            self.octets = self.octets.saturating_add(self.bulk);
            self.bulk = 0;
            if self.bulk_ends_line {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = TraceLine {
            direction: self.direction,
            text: core::mem::take(&mut self.line),
            octets: core::mem::take(&mut self.octets),
            parts: core::mem::take(&mut self.parts),
        };
        let redacted = self.redact.as_ref().map(|redact| line.redacted(redact));
        self.lines.push(redacted.unwrap_or(line));
    }
}

impl Record for Tape {
    fn plain(&mut self, mut bytes: &[u8]) {
        // A body comes in pieces that may have nothing in front of them, and is shown as one however many they are.
        if bytes.is_empty() {
            return;
        }
        self.end_bulk();
        self.end_secret(true);
        self.in_secret = false;
        while let Some(end) = bytes.iter().position(|&octet| octet == b'\n') {
            let (line, rest) = bytes.split_at_checked(end.saturating_add(1)).unwrap_or((bytes, &[]));
            self.text(line, line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(line));
            self.end_line();
            bytes = rest;
        }
        self.text(bytes, bytes.strip_suffix(b"\r").unwrap_or(bytes));
    }

    fn secret(&mut self, bytes: &[u8]) {
        self.end_bulk();
        self.octets = self.octets.saturating_add(bytes.len());
        if self.describe.is_some() {
            // Grown by hand: what a growing vector leaves behind is not wiped.
            let held = self.secret.expose();
            let mut grown = Vec::with_capacity(held.len().saturating_add(bytes.len()));
            grown.extend_from_slice(held);
            grown.extend_from_slice(bytes);
            self.secret = Secret::new(grown);
        } else if !self.in_secret {
            self.describe_as(Described::new("[redacted]".into(), Vec::new()));
        }
        self.in_secret = true;
    }

    fn bulk(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        self.end_secret(true);
        self.bulk = self.bulk.saturating_add(bytes.len());
        self.bulk_ends_line = *last == b'\n';
        self.in_secret = false;
    }

    fn wants_redact(&self) -> bool {
        self.redact.is_none()
    }

    fn redact_with(&mut self, redact: Redact) {
        self.redact = Some(redact);
    }

    fn take(&mut self, end: Option<TracePart>) -> Vec<TraceLine> {
        self.end_secret(end.is_some() || self.direction == Direction::Sent);
        if self.bulk == 0 && !self.parts.is_empty() {
            self.end_line();
        }
        if let Some(end) = end.filter(|_| !self.closed) {
            self.closed = true;
            self.end_bulk();
            self.line.push_str(if end == TracePart::Reset { "[reset]" } else { "[closed]" });
            self.parts.push(end);
            self.end_line();
        }
        core::mem::take(&mut self.lines)
    }
}

/// Octets of a line that a trace shows.
const LINE_LIMIT: usize = 1024;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// What passes through a buffer.
    enum Passes {
        Plain(&'static str),
        Secret(&'static str),
        Bulk(&'static str),
        /// The lines so far are taken, and this is how many there are.
        Taken(usize),
        End(TracePart),
    }

    use Passes::{Bulk, End, Plain, Secret as Hidden, Taken};

    fn text(text: &str) -> TracePart {
        TracePart::Text(text.into())
    }

    fn secret(shown: &str) -> TracePart {
        TracePart::Secret(Described::new(shown.into(), Vec::new()))
    }

    /// Tells a secret's length once all of it is there.
    fn length(octets: &[u8], is_whole: bool) -> Option<Described> {
        is_whole.then(|| Described::new(format!("<{}>", octets.len()), Vec::new()))
    }

    /// A line is the same however its octets were cut: what is alike and side by side is one part of it.
    #[test]
    fn a_line_is_made_of_as_few_parts_as_it_has_kinds() {
        type Row = (&'static str, Direction, Option<Describe>, Vec<Passes>, Vec<TraceLine>);
        let line =
            |direction, text: &str, octets, parts| TraceLine { direction, text: text.into(), octets, parts };
        let (sent, received) = (
            |text, octets, parts| line(Direction::Sent, text, octets, parts),
            |text, octets, parts| line(Direction::Received, text, octets, parts),
        );
        let rows: Vec<Row> = vec![
            (
                "text",
                Direction::Sent,
                None,
                vec![Plain("NO"), Plain(""), Plain("OP\r\nQU"), Plain("IT\r"), Plain("\n")],
                vec![sent("NOOP", 6, vec![text("NOOP\r\n")]), sent("QUIT", 6, vec![text("QUIT\r\n")])],
            ),
            ("a whole line", Direction::Sent, None, vec![Plain("A\n"), Taken(1), Taken(0)], vec![]),
            (
                "a secret",
                Direction::Sent,
                None,
                vec![Plain("A "), Hidden("ab"), Hidden("c"), Plain("\r\n")],
                vec![sent("A [redacted]", 7, vec![text("A "), secret("[redacted]"), text("\r\n")])],
            ),
            (
                "two secrets",
                Direction::Sent,
                None,
                vec![Hidden("ab"), Bulk("1"), Hidden("c"), Plain("\n")],
                vec![sent(
                    "[redacted][1 octets][redacted]",
                    5,
                    vec![secret("[redacted]"), TracePart::Bulk(1), secret("[redacted]"), text("\n")],
                )],
            ),
            (
                "a secret that is described",
                Direction::Sent,
                Some(length),
                vec![
                    Plain("A "),
                    Hidden("ab"),
                    Hidden("c"),
                    Plain("\r\n"),
                    Hidden("d"),
                    Bulk("e"),
                    Plain("\n"),
                ],
                vec![
                    sent("A <3>", 7, vec![text("A "), secret("<3>"), text("\r\n")]),
                    sent("<1>[1 octets]", 3, vec![secret("<1>"), TracePart::Bulk(1), text("\n")]),
                ],
            ),
            (
                "a message",
                Direction::Received,
                None,
                vec![Bulk("a"), Bulk(""), Bulk("b\n"), Taken(0), Plain(")\r\n")],
                vec![
                    received("[3 octets]", 3, vec![TracePart::Bulk(3)]),
                    received(")", 3, vec![text(")\r\n")]),
                ],
            ),
            (
                "what is sent is whole",
                Direction::Sent,
                Some(length),
                vec![Hidden("ab")],
                vec![sent("<2>", 2, vec![secret("<2>")])],
            ),
            ("what is received may go on", Direction::Received, Some(length), vec![Hidden("ab")], vec![]),
            (
                "and is whole at the end, which is told once",
                Direction::Received,
                Some(length),
                vec![Hidden("ab"), Taken(0), End(TracePart::Closed), Taken(0), End(TracePart::Reset)],
                vec![],
            ),
        ];
        for (name, direction, describe, passes, want) in rows {
            let mut tape = Tape::new(direction, describe);
            for one in passes {
                match one {
                    Plain(octets) => tape.plain(octets.as_bytes()),
                    Hidden(octets) => tape.secret(octets.as_bytes()),
                    Bulk(octets) => tape.bulk(octets.as_bytes()),
                    Taken(want) => assert_eq!(tape.take(None).len(), want, "{name}"),
                    End(end) => {
                        let lines = tape.take(Some(end.clone()));
                        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
                        let want: &[&str] = if end == TracePart::Closed { &["<2>", "[closed]"] } else { &[] };
                        assert_eq!(texts, want, "{name}");
                    }
                }
            }
            assert_eq!(tape.take(None), want, "{name}");
        }
    }

    /// What a peer repeats is hidden in each part that holds words, and the others stay as they are.
    #[test]
    fn each_part_of_a_line_is_redacted() {
        let described = |secret: &str| TracePart::Secret(Described::new(secret.into(), secret.into()));
        let line = |secret: &str| TraceLine {
            direction: Direction::Received,
            text: secret.into(),
            octets: 9,
            parts: vec![text(secret), described(secret), TracePart::Bulk(3), TracePart::Reset],
        };
        assert_eq!(line("a s3cret").redacted(|text| text.replace("s3cret", "[mine]")), line("a [mine]"));
    }
}
