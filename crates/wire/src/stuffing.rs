use alloc::vec::Vec;

/// Writes a message the way SMTP's DATA and POP3's RETR carry it: every line end is CRLF, a dot at the start of a line is
/// doubled (RFC 5321 section 4.5.2, RFC 1939 section 3), and a lone dot ends it.
///
/// CRLF, a bare LF and a bare CR each become one CRLF, so no peer can see an end of the message, or another
/// message, where this one has none. It may be fed in pieces cut anywhere, also between CR and LF.
///
/// ```
/// use mailbearer_wire::DotEncoder;
///
/// let (mut encoder, mut out) = (DotEncoder::new(), Vec::new());
/// assert_eq!(encoder.encode(b".a\n.", &mut out, usize::MAX), 4);
/// encoder.finish(&mut out);
/// assert_eq!(out, b"..a\r\n..\r\n.\r\n");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DotEncoder {
    place: Place,
    /// A chunk has a length and needs no end that could be mistaken.
    plain: bool,
}

/// Where in a line the next octet goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    LineStart,
    /// At the start of a line that a CR began: an LF belongs to it.
    AfterCr,
    Inside,
}

impl DotEncoder {
    /// At the start of a message.
    #[must_use]
    pub const fn new() -> Self {
        Self { place: Place::LineStart, plain: false }
    }

    /// At the start of a message whose length is announced, as SMTP's BDAT does: the line ends alone are changed.
    #[must_use]
    pub const fn without_dots() -> Self {
        Self { place: Place::LineStart, plain: true }
    }

    /// Appends `input` to `out`, as much as goes into `room` more octets; returns how much of `input` that was.
    ///
    /// From two octets of room on, at least one octet is taken.
    pub fn encode(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> usize {
        let end = out.len().saturating_add(room);
        let mut rest = input;
        while let [first, after @ ..] = rest {
            let room = end.saturating_sub(out.len());
            if room < 2 {
                break;
            }
            rest = match (first, self.place) {
                (b'\n', Place::AfterCr) => {
                    self.place = Place::LineStart;
                    after
                }
                (b'\r' | b'\n', _) => {
                    out.extend_from_slice(b"\r\n");
                    self.place = if *first == b'\r' { Place::AfterCr } else { Place::LineStart };
                    after
                }
                (b'.', Place::LineStart | Place::AfterCr) if !self.plain => {
                    out.extend_from_slice(b"..");
                    self.place = Place::Inside;
                    after
                }
                _ => {
                    let fits = rest.get(..room).unwrap_or(rest);
                    let run = fits.iter().position(|octet| matches!(octet, b'\r' | b'\n'));
                    let (run, rest) = rest.split_at_checked(run.unwrap_or(fits.len())).unwrap_or((rest, &[]));
                    out.extend_from_slice(run);
                    self.place = Place::Inside;
                    rest
                }
            };
        }
        input.len().saturating_sub(rest.len())
    }

    /// Ends the last line, if it has no end yet, and the message. The next one may follow.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.end_line(out);
        out.extend_from_slice(b".\r\n");
    }

    /// Ends the last line, if it has no end yet.
    pub fn end_line(&mut self, out: &mut Vec<u8>) {
        if self.place == Place::Inside {
            out.extend_from_slice(b"\r\n");
        }
        self.place = Place::LineStart;
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// More of it is tested where it serves: in smtp, against what was used for SMTP smuggling.
    #[test]
    fn writes_these_octets_however_they_are_cut() {
        let rows: &[(&[u8], &[u8])] = &[
            (b"", b".\r\n"),
            (b"a", b"a\r\n.\r\n"),
            (b"a\r\n", b"a\r\n.\r\n"),
            (b"a\n.b\r.c\r\n.\r\n", b"a\r\n..b\r\n..c\r\n..\r\n.\r\n"),
            (b"a.b\n", b"a.b\r\n.\r\n"),
            (b"\r\r\n\n", b"\r\n\r\n\r\n.\r\n"),
        ];
        for (input, want) in rows {
            for at in 0..=input.len() {
                let (mut encoder, mut out) = (DotEncoder::new(), vec![]);
                for piece in [&input[..at], &input[at..]] {
                    assert_eq!(encoder.encode(piece, &mut out, usize::MAX), piece.len());
                }
                encoder.finish(&mut out);
                assert_eq!(out, *want, "{input:?} at {at}");
            }
        }
    }
    #[test]
    fn dots_stay_alone_where_the_length_is_announced() {
        let (mut encoder, mut out) = (DotEncoder::without_dots(), vec![]);
        assert_eq!(encoder.encode(b".a\n..b\r.", &mut out, usize::MAX), 8);
        assert_eq!(out, b".a\r\n..b\r\n.");
        // Two octets are room enough, and one is none.
        let (mut encoder, mut out) = (DotEncoder::new(), vec![]);
        assert_eq!((encoder.encode(b".", &mut out, 1), encoder.encode(b".", &mut out, 2)), (0, 1));
        assert_eq!(out, b"..");
    }
}
