//! Finds where a command ends.

use mailbearer_wire::{Lines, RecvBuf, SendBuf};

/// Cuts what a client sends into commands: a line, or lines joined by literals (RFC 9051 section 4.3).
#[derive(Debug)]
pub(crate) struct Reader {
    lines: Lines,
    /// The command so far, literals included.
    command: Vec<u8>,
    /// Octets still to come of a literal.
    literal: usize,
    /// Octets of the lines of one command that are left.
    budget: usize,
}

/// Why there is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A literal is longer than it may be, and the client waits for leave to send it. It goes on without.
    Literal { tag: Vec<u8> },
    /// The client sends too much, and can't be stopped but by an end.
    TooMuch,
}

impl Reader {
    pub(crate) const fn new() -> Self {
        Self { lines: Lines::new(MAX_LINES), command: Vec::new(), literal: 0, budget: MAX_LINES }
    }

    /// The next whole command; each of its line ends is CRLF. Asks the client to go on where it waits for that.
    pub(crate) fn next(
        &mut self,
        rx: &mut RecvBuf,
        tx: &mut SendBuf,
        max_literal: usize,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        loop {
            if self.literal > 0 {
                let unread = rx.unread();
                let piece = unread.get(..self.literal).unwrap_or(unread);
                self.command.extend_from_slice(piece);
                let count = piece.len();
                self.literal = self.literal.saturating_sub(count);
                rx.consume_bulk(count);
                if self.literal > 0 {
                    return Ok(None);
                }
            }
            let Some(line) = self.lines.next(rx).map_err(|_| Refusal::TooMuch)? else { return Ok(None) };
            self.budget = self.budget.checked_sub(line.total).ok_or(Refusal::TooMuch)?;
            self.command.extend_from_slice(line.of(rx));
            self.command.extend_from_slice(b"\r\n");
            let announced = literal(line.of(rx));
            rx.consume_secret(line.total);
            match announced {
                None => {
                    self.budget = MAX_LINES;
                    return Ok(Some(std::mem::take(&mut self.command)));
                }
                Some(Literal { waits: false, octets }) if octets > max_literal => {
                    return Err(Refusal::TooMuch);
                }
                Some(Literal { octets, .. }) if octets > max_literal => {
                    self.budget = MAX_LINES;
                    let command = std::mem::take(&mut self.command);
                    let tag = command.split(|&octet| octet == b' ').next().unwrap_or_default().to_vec();
                    return Err(Refusal::Literal { tag });
                }
                Some(Literal { waits, octets }) => {
                    if waits {
                        tx.push(b"+ Ready for additional command text.\r\n");
                    }
                    self.literal = octets;
                }
            }
        }
    }

    /// The next line, whatever is in it: while authenticating, and in IDLE.
    pub(crate) fn next_line(&mut self, rx: &mut RecvBuf) -> Result<Option<Vec<u8>>, Refusal> {
        let Some(line) = self.lines.next(rx).map_err(|_| Refusal::TooMuch)? else { return Ok(None) };
        let text = line.of(rx).to_vec();
        rx.consume_secret(line.total);
        Ok(Some(text))
    }
}

/// Octets of the lines of one command.
const MAX_LINES: usize = 64 * 1024;

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
    // A number past all bounds is past ours.
    Some(Literal { octets: digits.parse().unwrap_or(usize::MAX), waits })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8], chunk: usize) -> (Vec<Result<String, Refusal>>, String) {
        let (mut reader, mut rx, mut tx) = (Reader::new(), RecvBuf::with_limit(1 << 20), SendBuf::new());
        let mut commands = Vec::new();
        for piece in input.chunks(chunk) {
            rx.extend(piece).unwrap();
            loop {
                match reader.next(&mut rx, &mut tx, 10) {
                    Ok(None) => break,
                    Ok(Some(command)) => commands.push(Ok(String::from_utf8(command).unwrap())),
                    Err(refusal) => {
                        let over = refusal == Refusal::TooMuch;
                        commands.push(Err(refusal));
                        if over {
                            return (commands, String::from_utf8(tx.unsent().to_vec()).unwrap());
                        }
                    }
                }
            }
        }
        (commands, String::from_utf8(tx.unsent().to_vec()).unwrap())
    }

    #[test]
    fn joins_lines_and_literals() {
        let ready = "+ Ready for additional command text.\r\n";
        let refused = |tag: &str| Err(Refusal::Literal { tag: tag.into() });
        let rows: &[(&str, Vec<Result<&str, Refusal>>, &str)] = &[
            ("a NOOP\r\nb NOOP\n", vec![Ok("a NOOP"), Ok("b NOOP")], ""),
            (
                "a X {3}\r\nb\r\n {2}\r\nyz\r\nb Y\r\n",
                vec![Ok("a X {3}\r\nb\r\n {2}\r\nyz"), Ok("b Y")],
                &ready.repeat(2),
            ),
            ("a X {3+}\r\n{9}\r\n", vec![Ok("a X {3+}\r\n{9}")], ""),
            ("a X {0}\r\n\r\n", vec![Ok("a X {0}\r\n")], ready),
            ("a X {10}\r\n0123456789\r\n", vec![Ok("a X {10}\r\n0123456789")], ready),
            ("a X {11}\r\nb Y\r\n", vec![refused("a"), Ok("b Y")], ""),
            ("a X {99999999999999999999999}\r\nb Y\r\n", vec![refused("a"), Ok("b Y")], ""),
            ("a X {11+}\r\n", vec![Err(Refusal::TooMuch)], ""),
            (
                "a {x}\r\na {-1}\r\na {}\r\na 3}\r\n",
                vec![Ok("a {x}"), Ok("a {-1}"), Ok("a {}"), Ok("a 3}")],
                "",
            ),
        ];
        for (input, want, asked) in rows {
            for chunk in 1..=input.len() {
                let (commands, tx) = read(input.as_bytes(), chunk);
                let want: Vec<_> =
                    want.iter().map(|row| row.clone().map(|line| format!("{line}\r\n"))).collect();
                assert_eq!((commands, tx.as_str()), (want, *asked), "{input:?} by {chunk}");
            }
        }
    }

    #[test]
    fn many_lines_are_too_much() {
        let pieces = "{1+}\r\nx".repeat(MAX_LINES / 5);
        assert_eq!(read(pieces.as_bytes(), 1000).0, [Err(Refusal::TooMuch)]);
        assert_eq!(read(&[b'x'; MAX_LINES], 1000).0, [Err(Refusal::TooMuch)]);
    }
}
