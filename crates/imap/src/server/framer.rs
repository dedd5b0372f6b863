//! Finds where a command ends.

use alloc::vec::Vec;
use core::{mem, str};

use mailbearer_wire::{Lines, RecvBuf};

/// Cuts what a client sends into commands. A command is a line, or lines joined by literals (RFC 9051 section 4.3).
#[derive(Debug)]
pub(super) struct CommandFramer {
    lines: Lines,
    max_lines: usize,
    /// The command so far, literals included.
    command: Vec<u8>,
    /// Octets of a literal that have yet to come.
    literal: usize,
    /// Octets that the lines of this command may still have.
    line_budget: usize,
    /// Octets of its literals so far.
    literal_octets: usize,
    secret: bool,
}

/// Why the framer has no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A literal is too long, and the client waits for leave to send it. Refused, the client goes on without it.
    Literal { command: Vec<u8> },
    /// The client sends too much, and only the end of the session stops it.
    TooMuch,
}

impl CommandFramer {
    /// `max_lines` limits the octets of the lines of one command.
    pub(super) const fn new(max_lines: usize) -> Self {
        Self {
            lines: Lines::new(max_lines),
            max_lines,
            command: Vec::new(),
            literal: 0,
            line_budget: max_lines,
            literal_octets: 0,
            secret: false,
        }
    }

    /// Returns the next whole command, in which each line end is CRLF. Calls `go_on` if the client waits for leave to
    /// send a literal. `max_literals` limits the octets of all literals of one command.
    pub(super) fn next(
        &mut self,
        rx: &mut RecvBuf,
        max_literals: usize,
        mut go_on: impl FnMut(),
    ) -> Result<Option<Vec<u8>>, Refusal> {
        loop {
            if self.literal > 0 {
                let unread = rx.unread();
                let piece = unread.get(..self.literal).unwrap_or(unread);
                self.command.extend_from_slice(piece);
                let count = piece.len();
                self.literal = self.literal.saturating_sub(count);
                if self.secret {
                    rx.consume_secret(count);
                } else {
                    rx.consume_bulk(count);
                }
                if self.literal > 0 {
                    return Ok(None);
                }
            }
            let Some(line) = self.lines.next(rx).map_err(|_| Refusal::TooMuch)? else { return Ok(None) };
            self.line_budget = self.line_budget.checked_sub(line.total).ok_or(Refusal::TooMuch)?;
            if self.command.is_empty() {
                self.secret = is_login(line.of(rx));
            }
            self.command.extend_from_slice(line.of(rx));
            self.command.extend_from_slice(b"\r\n");
            let announced = literal(line.of(rx));
            if self.secret {
                rx.consume_secret(line.total);
            } else {
                rx.consume(line.total);
            }
            let Some(literal) = announced else { return Ok(Some(self.take())) };
            self.literal_octets = self.literal_octets.saturating_add(literal.octets);
            if self.literal_octets <= max_literals {
                if literal.waits {
                    go_on();
                }
                self.literal = literal.octets;
            } else if literal.waits {
                return Err(Refusal::Literal { command: self.take() });
            } else {
                return Err(Refusal::TooMuch);
            }
        }
    }

    /// Returns the next line, whatever is in it. For authentication and IDLE.
    pub(super) fn line(&mut self, rx: &mut RecvBuf) -> Result<Option<Vec<u8>>, Refusal> {
        let Some(line) = self.lines.next(rx).map_err(|_| Refusal::TooMuch)? else { return Ok(None) };
        let text = line.of(rx).to_vec();
        rx.consume_secret(line.total);
        Ok(Some(text))
    }

    fn take(&mut self) -> Vec<u8> {
        (self.line_budget, self.literal_octets, self.secret) = (self.max_lines, 0, false);
        mem::take(&mut self.command)
    }
}

/// Whether a command logs in, by its second word. Its arguments are secret then.
fn is_login(line: &[u8]) -> bool {
    let name = line.split(|&octet| octet == b' ').nth(1).unwrap_or_default();
    name.eq_ignore_ascii_case(b"LOGIN") || name.eq_ignore_ascii_case(b"AUTHENTICATE")
}

struct Literal {
    octets: usize,
    waits: bool,
}

/// `literal = "{" number64 ["+"] "}" CRLF` at the end of a line.
fn literal(line: &[u8]) -> Option<Literal> {
    let rest = line.strip_suffix(b"}")?;
    let (rest, waits) = rest.strip_suffix(b"+").map_or((rest, true), |rest| (rest, false));
    let open = rest.iter().rposition(|octet| !octet.is_ascii_digit())?;
    if rest.get(open) != Some(&b'{') {
        return None;
    }
    let digits = str::from_utf8(rest.get(open.saturating_add(1)..)?).ok()?;
    if digits.is_empty() {
        return None;
    }
    // A number too large for us is larger than our limits.
    Some(Literal { octets: digits.parse().unwrap_or(usize::MAX), waits })
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String, vec};

    use super::*;

    const MAX_LINES: usize = 64 * 1024;

    fn read(input: &[u8], chunk: usize) -> (Vec<Result<String, Refusal>>, usize) {
        let (mut framer, mut rx) = (CommandFramer::new(MAX_LINES), RecvBuf::with_limit(1 << 20));
        let (mut commands, mut asked) = (Vec::new(), 0_usize);
        for piece in input.chunks(chunk) {
            rx.extend(piece).unwrap();
            loop {
                match framer.next(&mut rx, 10, || asked = asked.saturating_add(1)) {
                    Ok(None) => break,
                    Ok(Some(command)) => commands.push(Ok(String::from_utf8(command).unwrap())),
                    Err(refusal) => {
                        let over = refusal == Refusal::TooMuch;
                        commands.push(Err(refusal));
                        if over {
                            return (commands, asked);
                        }
                    }
                }
            }
        }
        (commands, asked)
    }

    #[test]
    fn joins_lines_and_literals() {
        let refused = |command: &str| Err(Refusal::Literal { command: format!("{command}\r\n").into() });
        let rows: &[(&str, Vec<Result<&str, Refusal>>, usize)] = &[
            ("a NOOP\r\nb NOOP\n", vec![Ok("a NOOP"), Ok("b NOOP")], 0),
            ("a X {3}\r\nb\r\n {2}\r\nyz\r\nb Y\r\n", vec![Ok("a X {3}\r\nb\r\n {2}\r\nyz"), Ok("b Y")], 2),
            ("a X {3+}\r\n{9}\r\n", vec![Ok("a X {3+}\r\n{9}")], 0),
            ("a X {0}\r\n\r\n", vec![Ok("a X {0}\r\n")], 1),
            ("a X {10}\r\n0123456789\r\n", vec![Ok("a X {10}\r\n0123456789")], 1),
            ("a X {11}\r\nb Y\r\n", vec![refused("a X {11}"), Ok("b Y")], 0),
            ("a X {9}\r\n012345678 {2}\r\nb Y {10}\r\n", vec![refused("a X {9}\r\n012345678 {2}")], 2),
            ("a X {99999999999999999999999}\r\n", vec![refused("a X {99999999999999999999999}")], 0),
            ("a X {11+}\r\n", vec![Err(Refusal::TooMuch)], 0),
            (
                "a {x}\r\na {-1}\r\na {}\r\na 3}\r\n",
                vec![Ok("a {x}"), Ok("a {-1}"), Ok("a {}"), Ok("a 3}")],
                0,
            ),
        ];
        for (input, want, asked) in rows {
            for chunk in 1..=input.len() {
                let want: Vec<_> =
                    want.iter().map(|row| row.clone().map(|line| format!("{line}\r\n"))).collect();
                assert_eq!(read(input.as_bytes(), chunk), (want, *asked), "{input:?} by {chunk}");
            }
        }
    }

    #[test]
    fn many_lines_are_too_much() {
        let pieces = "{0+}\r\n".repeat(MAX_LINES / 5);
        assert_eq!(read(pieces.as_bytes(), 1000).0, [Err(Refusal::TooMuch)]);
        assert_eq!(read(&[b'x'; MAX_LINES], 1000).0, [Err(Refusal::TooMuch)]);
    }

    #[test]
    fn a_trace_never_shows_a_login() {
        let (mut framer, mut rx) = (CommandFramer::new(MAX_LINES), RecvBuf::with_limit(1 << 20));
        rx.start_trace(None);
        rx.extend(b"a NOOP\r\nb login u {3}\r\nabc\r\nc X {4}\r\nbody\r\nd AUTHENTICATE PLAIN x\r\n")
            .unwrap();
        while framer.next(&mut rx, 10, || ()).unwrap().is_some() {}
        let lines: Vec<String> = rx.take_trace().into_iter().map(|line| line.text).collect();
        let text = lines.join("|");
        assert!(text.contains("a NOOP") && text.contains("c X {4}"), "{text}");
        assert!(!text.contains("abc") && !text.contains("PLAIN") && !text.contains("body"), "{text}");
    }
}
