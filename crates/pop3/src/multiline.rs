/// Finds pieces of a message in what arrives of a multi-line answer, and where it ends (RFC 1939 section 3).
///
/// It holds no octets: what can't be told yet stays unread, which is never more than two octets. Only CRLF ends a line,
/// so that a message with a bare LF and a dot does not end there, and what follows is not taken for an answer; where the
/// server itself ends its lines with LF alone, LF does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Multiline {
    place: Place,
    /// LF alone ends a line.
    bare: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    LineStart,
    Inside,
    /// Behind a CR.
    Cr,
}

/// What stands at the start of the octets that are unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// So many octets of the message.
    Data(usize),
    /// A dot that was put in front of a line that begins with one.
    Dot,
    /// The end, of so many octets.
    End(usize),
    /// Too little to tell.
    More,
}

impl Multiline {
    pub(crate) const fn new(bare: bool) -> Self {
        Self { place: Place::LineStart, bare }
    }

    /// Looks at `unread`, which begins behind the piece that was found before.
    pub(crate) fn next(&mut self, unread: &[u8]) -> Piece {
        if self.place == Place::LineStart {
            match unread {
                [] | [b'.'] | [b'.', b'\r'] => return Piece::More,
                [b'.', b'\r', b'\n', ..] => return Piece::End(3),
                [b'.', b'\n', ..] if self.bare => return Piece::End(2),
                [b'.', ..] => {
                    self.place = Place::Inside;
                    return Piece::Dot;
                }
                _ => {}
            }
        }
        let count = self.run(unread);
        let Some(piece) = unread.get(..count).filter(|piece| !piece.is_empty()) else { return Piece::More };
        self.place = match piece {
            [.., b'\r', b'\n'] => Place::LineStart,
            [.., b'\n'] if self.bare => Place::LineStart,
            [b'\n'] if self.place == Place::Cr => Place::LineStart,
            [.., b'\r'] => Place::Cr,
            _ => Place::Inside,
        };
        Piece::Data(count)
    }

    /// How many octets come before the next dot at the start of a line. What is looked for is the dot: most lines have
    /// none, and in base64 there is none at all.
    fn run(&self, unread: &[u8]) -> usize {
        let mut from = 0_usize;
        while let Some(found) = unread.get(from..).and_then(|rest| memchr::memchr(b'.', rest)) {
            let dot = from.saturating_add(found);
            let before = unread.get(..dot).unwrap_or_default();
            let starts = match before {
                [.., b'\r', b'\n'] => true,
                [.., b'\n'] if self.bare => true,
                // A line's end that is cut in two.
                [b'\n'] => self.place == Place::Cr,
                _ => false,
            };
            if starts {
                return dot;
            }
            from = dot.saturating_add(1);
        }
        unread.len()
    }
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use mailbearer_wire::DotEncoder;
    use proptest::prelude::*;

    use super::*;

    /// The message, what is left unread, and whether its end was found.
    fn decode<'a>(bare: bool, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<u8>, bool) {
        let (mut multiline, mut unread, mut message) = (Multiline::new(bare), vec![], vec![]);
        let mut ended = false;
        for piece in pieces {
            unread.extend_from_slice(piece);
            while !ended {
                match multiline.next(&unread) {
                    Piece::Data(count) => message.extend(unread.drain(..count)),
                    Piece::Dot => drop(unread.drain(..1)),
                    Piece::End(count) => {
                        unread.drain(..count);
                        ended = true;
                    }
                    Piece::More => {
                        assert!(unread.len() <= 2, "{unread:?} is held back");
                        break;
                    }
                }
            }
        }
        (message, unread, ended)
    }

    #[test]
    fn a_message_ends_with_its_dot_alone_however_it_is_cut() {
        type Row = (bool, &'static [u8], &'static [u8], Option<&'static [u8]>);
        let rows: &[Row] = &[
            (false, b".\r\n", b"", Some(b"")),
            (false, b"a\r\n.\r\n+OK\r\n", b"a\r\n", Some(b"+OK\r\n")),
            (false, b"..\r\n...\r\n.\r\n", b".\r\n..\r\n", Some(b"")),
            (false, b".a\r\n.\r\n", b"a\r\n", Some(b"")),
            (false, b"a.b\r\nc.\r\n.\r\n", b"a.b\r\nc.\r\n", Some(b"")),
            (false, b"a\r\n.", b"a\r\n", None),
            (false, b"a\r\n.\r", b"a\r\n", None),
            (false, b"a\n.\n.\r\n.\r\n+OK", b"a\n.\n.\r\n", Some(b"+OK")),
            (false, b"a\r.\r\n.\r\n", b"a\r.\r\n", Some(b"")),
            (false, b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb\r\n", Some(b"")),
            (false, b"a\r\n.\n.\r\n\r\n.\r\n", b"a\r\n\n.\r\n\r\n", Some(b"")),
            (false, b"\r\r\n.\r\n", b"\r\r\n", Some(b"")),
            (false, b"\n.\r\n\r\n.\r\n", b"\n.\r\n\r\n", Some(b"")),
            (true, b"a\n..b\n.\n+OK", b"a\n.b\n", Some(b"+OK")),
            (true, b"a\r\n.\r\n+OK", b"a\r\n", Some(b"+OK")),
            (true, b".\n", b"", Some(b"")),
        ];
        for (bare, input, message, rest) in rows {
            let name = input.escape_ascii();
            for at in 0..=input.len() {
                let found = decode(*bare, [&input[..at], &input[at..]]);
                assert_eq!((found.0.as_slice(), found.2), (*message, rest.is_some()), "{name} at {at}");
                if let Some(rest) = rest {
                    assert_eq!(found.1, *rest, "{name} at {at}");
                }
            }
            let found = decode(*bare, input.chunks(1));
            assert_eq!((found.0.as_slice(), found.2), (*message, rest.is_some()), "{name} by octets");
        }
    }

    proptest! {
        #[test]
        fn what_a_server_stuffs_comes_back(message in "[.\r\na]{0,40}", chunk in 1_usize..9) {
            let (mut encoder, mut wire) = (DotEncoder::new(), vec![]);
            encoder.encode(message.as_bytes(), &mut wire, usize::MAX);
            encoder.finish(&mut wire);
            let (mut plain, mut canonical) = (DotEncoder::without_dots(), vec![]);
            plain.encode(message.as_bytes(), &mut canonical, usize::MAX);
            plain.end_line(&mut canonical);
            let (found, rest, ended) = decode(false, wire.chunks(chunk));
            prop_assert!(ended && rest.is_empty());
            prop_assert_eq!(found, canonical);
        }
    }
}
