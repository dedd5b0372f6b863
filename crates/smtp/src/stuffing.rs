use alloc::vec::Vec;

/// Writes a message the way DATA carries it: every line end is CRLF, a dot at the start of a line is doubled
/// (RFC 5321 section 4.5.2), and a lone dot ends it.
///
/// CRLF, a bare LF and a bare CR each become one CRLF, so no server can see an end of the message, or another
/// message, where this one has none. It may be fed in pieces cut anywhere, also between CR and LF.
///
/// ```
/// use mailbearer_smtp::DataEncoder;
///
/// let (mut encoder, mut out) = (DataEncoder::new(), Vec::new());
/// assert_eq!(encoder.encode(b".a\n.", &mut out, usize::MAX), 4);
/// encoder.finish(&mut out);
/// assert_eq!(out, b"..a\r\n..\r\n.\r\n");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataEncoder {
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

impl DataEncoder {
    /// At the start of a message.
    #[must_use]
    pub const fn new() -> Self {
        Self { place: Place::LineStart, plain: false }
    }

    /// At the start of a message that BDAT carries: the line ends alone are changed.
    pub(crate) const fn without_dots() -> Self {
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
    pub(crate) fn end_line(&mut self, out: &mut Vec<u8>) {
        if self.place == Place::Inside {
            out.extend_from_slice(b"\r\n");
        }
        self.place = Place::LineStart;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    /// The messages that a server sees which knows no line end but CRLF, and what it takes for commands after.
    pub(crate) fn strict_server(mut wire: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut messages = vec![];
        while wire.starts_with(b".\r\n") || wire.windows(5).any(|window| window == b"\r\n.\r\n") {
            let mut message = vec![];
            loop {
                let end = wire.windows(2).position(|pair| pair == b"\r\n").unwrap();
                let line = &wire[..end];
                wire = wire[end..].strip_prefix(b"\r\n").unwrap();
                if line == b"." {
                    break;
                }
                message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
                message.extend_from_slice(b"\r\n");
            }
            messages.push(message);
        }
        (messages, wire.to_vec())
    }

    /// What `input` says with CRLF for every line end and at the end.
    pub(crate) fn canonical(input: &[u8]) -> Vec<u8> {
        let mut out = vec![];
        let mut octets = input.iter().peekable();
        while let Some(&octet) = octets.next() {
            match octet {
                b'\r' => {
                    octets.next_if(|&&next| next == b'\n');
                    out.extend_from_slice(b"\r\n");
                }
                b'\n' => out.extend_from_slice(b"\r\n"),
                _ => out.push(octet),
            }
        }
        if !out.is_empty() && !out.ends_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    fn encode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let (mut encoder, mut out) = (DataEncoder::new(), vec![]);
        for piece in pieces {
            assert_eq!(encoder.encode(piece, &mut out, usize::MAX), piece.len());
        }
        encoder.finish(&mut out);
        out
    }

    #[track_caller]
    fn assert_one_message(input: &[u8], wire: &[u8]) {
        assert_eq!(strict_server(wire), (vec![canonical(input)], vec![]), "{input:?}");
        let ends = wire.windows(2).filter(|pair| pair == b"\r\n").count();
        for end in [b'\r', b'\n'] {
            assert_eq!(
                wire.iter().filter(|&&octet| octet == end).count(),
                ends,
                "bare line end for {input:?}"
            );
        }
    }

    /// What was used for SMTP smuggling, and the edges around it.
    pub(crate) const HOSTILE: &[&[u8]] = &[
        b"",
        b".",
        b"\n",
        b"\r",
        b"a\n.\r\n",
        b"a\r\n.\n",
        b"a\n.\n",
        b"a\r.\r",
        b"a\r.\r\n",
        b"a\r\n.\r",
        b"a\r\n\x00.\r\n",
        b".first",
        b"a\r\n..\r\nb",
        b"a\r\n\r\n.b",
        b"ends with CR\r",
        b"ends with LF\n",
        b"ends with CRLF dot\r\n.",
        b"ends with dot.",
        b"a\r\r\n.\r\n",
        b"a\n\r.\n\r",
        b"a\r\n.\r\n.\r\n",
    ];

    #[test]
    fn every_hostile_body_is_one_message_however_it_is_cut() {
        let payload = b"MAIL FROM:<x@evil>\r\nRCPT TO:<y>\r\nDATA\r\nSubject: smuggled\r\n\r\n.\r\n";
        for body in HOSTILE {
            for input in [body.to_vec(), [*body, payload].concat()] {
                for at in 0..=input.len() {
                    let (head, tail) = input.split_at(at);
                    assert_one_message(&input, &encode([head, tail]));
                }
                assert_one_message(&input, &encode(input.chunks(1)));
            }
        }
    }

    #[test]
    fn writes_these_octets() {
        let rows: &[(&[u8], &[u8])] = &[
            (b"", b".\r\n"),
            (b"a", b"a\r\n.\r\n"),
            (b"a\r\n", b"a\r\n.\r\n"),
            (b"a\n.b\r.c\r\n.\r\n", b"a\r\n..b\r\n..c\r\n..\r\n.\r\n"),
            (b"a.b\n", b"a.b\r\n.\r\n"),
            (b"\r\r\n\n", b"\r\n\r\n\r\n.\r\n"),
        ];
        for (input, want) in rows {
            assert_eq!(encode([*input]), *want, "{input:?}");
        }
    }

    #[test]
    fn never_writes_more_than_fits() {
        let input = b".\n.\r\nabcdefgh\r\r\n.i\n";
        for room in 2..12 {
            let (mut encoder, mut wire, mut taken) = (DataEncoder::new(), vec![], 0);
            while taken < input.len() {
                let mut out = vec![b'-'];
                let count = encoder.encode(&input[taken..], &mut out, room);
                assert!(count > 0 && out.len() <= room + 1, "{room}");
                taken += count;
                wire.extend_from_slice(&out[1..]);
            }
            encoder.finish(&mut wire);
            assert_one_message(input, &wire);
        }
        assert_eq!(DataEncoder::new().encode(b"a", &mut vec![], 1), 0);
    }

    proptest! {
        #[test]
        fn anything_is_one_message(pieces in prop::collection::vec("[.\r\na]{0,6}", 0..6)) {
            assert_one_message(pieces.concat().as_bytes(), &encode(pieces.iter().map(|piece| piece.as_bytes())));
        }
    }
}
