use core::fmt;

use crate::RecvBuf;

/// Finds lines in a [`RecvBuf`], in linear time however the bytes arrive.
///
/// A line ends with LF; a CR before it belongs to the end. Every protocol crate takes its lines from here, so a
/// stream is cut the same way by all that look at it.
#[derive(Clone, Debug)]
pub struct Lines {
    /// Octets of the present line that were searched already.
    scanned: usize,
    limit: usize,
}

impl Lines {
    /// Lines of at most `limit` octets, their end included.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { scanned: 0, limit }
    }

    /// The next whole line, or `None` while its end is missing. Consumes nothing: the caller consumes
    /// [`Line::total`] before it asks for the next.
    ///
    /// # Errors
    ///
    /// Returns [`LineTooLong`] for a line that passes the limit, as soon as that is certain.
    pub fn next(&mut self, rx: &RecvBuf) -> Result<Option<Line>, LineTooLong> {
        self.next_of(rx.unread())
    }

    /// As [`next`](Self::next), for a caller that takes several lines and consumes them together: `unread` begins behind
    /// the lines that it took.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    #[inline]
    pub fn next_of(&mut self, unread: &[u8]) -> Result<Option<Line>, LineTooLong> {
        let fresh = unread.get(self.scanned..).unwrap_or_default();
        let Some(position) = find_octet(fresh, b'\n') else {
            self.scanned = unread.len();
            return if self.scanned >= self.limit {
                Err(LineTooLong { limit: self.limit })
            } else {
                Ok(None)
            };
        };
        let before_lf = self.scanned.saturating_add(position);
        self.scanned = 0;
        let total = before_lf.saturating_add(1);
        if total > self.limit {
            return Err(LineTooLong { limit: self.limit });
        }
        let text = unread.get(..before_lf).unwrap_or_default();
        Ok(Some(Line { content: text.strip_suffix(b"\r").unwrap_or(text).len(), total }))
    }
}

/// Where `octet` first stands in `octets`.
///
/// Looks at eight at a time: lines of a protocol are too short for more to pay, and one at a time costs eight times
/// as much.
#[inline]
#[must_use]
pub fn find_octet(octets: &[u8], octet: u8) -> Option<usize> {
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

    let wanted = u64::from_ne_bytes([octet; 8]);
    let mut rest = octets;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        // Zero where the octet stands. The highest bit is set in the lowest zero octet, and may be set above it.
        let differences = u64::from_le_bytes(*eight) ^ wanted;
        let found = differences.wrapping_sub(LOW) & !differences & HIGH;
        if found > 0 {
            let within = usize::try_from(found.trailing_zeros().div_euclid(8)).ok()?;
            return Some(octets.len().saturating_sub(rest.len()).saturating_add(within));
        }
        rest = after;
    }
    let position = rest.iter().position(|each| *each == octet)?;
    Some(octets.len().saturating_sub(rest.len()).saturating_add(position))
}

/// Where a line is, at the start of what is unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a line is where it is, without its end and with it")]
pub struct Line {
    /// Octets without the line end.
    pub content: usize,
    /// Octets with the line end.
    pub total: usize,
}

impl Line {
    /// The line's octets without its end, if it was not consumed yet.
    #[must_use]
    pub fn of<'a>(&self, rx: &'a RecvBuf) -> &'a [u8] {
        rx.unread().get(..self.content).unwrap_or_default()
    }
}

/// The peer sent a line longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the limit is all that there is to it")]
pub struct LineTooLong {
    /// The limit in octets, line end included.
    pub limit: usize,
}

impl fmt::Display for LineTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line longer than {} octets", self.limit)
    }
}

impl core::error::Error for LineTooLong {}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec::Vec};

    use super::*;

    fn lines(input: &[u8], limit: usize, chunk: usize) -> (Vec<Vec<u8>>, Result<(), LineTooLong>) {
        let (mut lines, mut rx, mut found) = (Lines::new(limit), RecvBuf::with_limit(1 << 20), Vec::new());
        for piece in input.chunks(chunk) {
            rx.extend(piece).unwrap();
            loop {
                match lines.next(&rx) {
                    Ok(Some(line)) => {
                        found.push(line.of(&rx).to_vec());
                        rx.consume(line.total);
                    }
                    Ok(None) => break,
                    Err(error) => return (found, Err(error)),
                }
            }
        }
        (found, Ok(()))
    }

    #[test]
    fn cuts_at_every_line_end_however_the_bytes_arrive() {
        let rows: &[(&str, &[u8], &[&[u8]])] = &[
            ("one", b"a\r\n", &[b"a"]),
            ("bare LF", b"a\nb\r\n", &[b"a", b"b"]),
            ("empty", b"\r\n\n", &[b"", b""]),
            ("CR inside", b"a\rb\r\r\n", &[b"a\rb\r"]),
            ("unfinished", b"a\r\nb", &[b"a"]),
        ];
        for (name, input, want) in rows {
            for chunk in 1..=input.len() {
                let (found, end) = lines(input, 100, chunk);
                let want: Vec<Vec<u8>> = want.iter().map(|line| line.to_vec()).collect();
                assert_eq!((found, end), (want, Ok(())), "{name} by {chunk}");
            }
        }
    }

    #[test]
    fn says_what_the_limit_was() {
        assert_eq!(LineTooLong { limit: 5 }.to_string(), "line longer than 5 octets");
    }

    #[test]
    fn an_octet_is_found_wherever_it_stands() {
        for length in 0..40 {
            for octet in [b'\n', 0, 0x0b, 0x8a, 0xff] {
                for filling in [b'x', 0, 0x0b, 0x8a, 0x80, 1, 0xff, b'\n'] {
                    let mut octets = alloc::vec![filling; length];
                    assert_eq!(find_octet(&octets, octet), octets.iter().position(|each| *each == octet));
                    for at in 0..length {
                        octets[at] = octet;
                        assert_eq!(find_octet(&octets, octet), octets.iter().position(|each| *each == octet));
                        octets[at] = filling;
                    }
                }
            }
        }
    }

    #[test]
    fn refuses_a_line_over_the_limit() {
        for chunk in 1..8 {
            assert_eq!(lines(b"abc\r\n", 5, chunk).1, Ok(()), "at the limit, by {chunk}");
            assert_eq!(lines(b"abcd\r\n", 5, chunk).1, Err(LineTooLong { limit: 5 }), "over it, by {chunk}");
            assert_eq!(lines(b"abcdefg", 5, chunk).1, Err(LineTooLong { limit: 5 }), "no end, by {chunk}");
        }
    }
}
