//! However a stream is cut up, the framer finds the same pieces in it, and all of it.

use mailbearer_imap::{FrameError, Framer, Limits, Piece};
use mailbearer_wire::RecvBuf;

use crate::pieces::{knobs, pieces};

/// `data` is how to cut, a size for the limits, and a server's stream.
pub fn run(data: &[u8]) {
    let ([cut, size], stream) = knobs(data);
    let mut limits = Limits::default();
    if size > 0 {
        let size = usize::from(size);
        (limits.line, limits.response) = (size * 4, size * 8);
        (limits.literal_inline, limits.literal) = (size as u64, size as u64 * 16);
    }
    let whole = found(stream, 0, &limits);
    let cut = found(stream, cut.max(1), &limits);
    assert_eq!(whole, cut);
    complete(stream, &whole);
}

/// A piece, those of one literal put together.
#[derive(Debug, PartialEq)]
enum Found {
    Response(Vec<u8>, Vec<(usize, u64)>),
    Literal { head: Vec<u8>, size: u64, octets: Vec<u8> },
    Error(FrameError),
}

fn found(stream: &[u8], cut: u8, limits: &Limits) -> Vec<Found> {
    let (mut framer, mut rx) = (Framer::new(limits), RecvBuf::with_limit(stream.len()));
    let (mut found, mut calls) = (Vec::new(), 0);
    for piece in pieces(stream, cut) {
        rx.extend(piece).unwrap();
        loop {
            calls += 1;
            match framer.next(&mut rx) {
                Ok(None) => break,
                Ok(Some(Piece::Response(frame))) => {
                    let streamed = frame.streamed().iter().map(|streamed| (streamed.at, streamed.size));
                    let streamed = streamed.collect();
                    found.push(Found::Response(frame.into_octets().to_vec(), streamed));
                }
                Ok(Some(Piece::LiteralStart { head, size })) => {
                    found.push(Found::Literal { head: head.to_vec(), size, octets: Vec::new() });
                }
                Ok(Some(Piece::LiteralChunk(chunk))) => match found.last_mut() {
                    Some(Found::Literal { octets, .. }) => {
                        assert!(!chunk.is_empty());
                        octets.extend_from_slice(&chunk);
                    }
                    _ => panic!("a chunk of nothing"),
                },
                Err(error) => {
                    found.push(Found::Error(error));
                    return found;
                }
            }
            let held = rx.unread().len();
            assert!(held <= limits.response.saturating_add(piece.len()) + limits.line, "holds {held} octets");
        }
    }
    // A call takes octets away or is the last for its piece.
    assert!(calls <= 2 * stream.len() + 1);
    found
}

/// The pieces are the stream: each octet is in one of them, in its order.
fn complete(stream: &[u8], found: &[Found]) {
    let (mut rest, mut head) = (stream, 0);
    let mut expect = |octets: &[u8]| {
        let after = rest.strip_prefix(octets);
        rest = after.unwrap_or_else(|| panic!("{} is not next in the stream", octets.escape_ascii()));
    };
    for piece in found {
        match piece {
            // Its head came with the literals, whose announcements it changes.
            Found::Response(octets, streamed) => {
                let last = streamed.last().map_or(0, |(at, _)| *at);
                for (at, _) in streamed {
                    assert!(octets[..*at].ends_with(b"{0}\r\n"));
                }
                expect(&octets[last..]);
                head = 0;
            }
            Found::Literal { head: octets, size, octets: literal } => {
                expect(&octets[head..]);
                expect(literal);
                assert!(literal.len() as u64 <= *size);
                // The next head repeats this one with an empty literal.
                let line = octets.strip_suffix(b"\n").unwrap();
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let brace = line.iter().rposition(|&octet| octet == b'{').unwrap();
                head = brace + b"{0}\r\n".len();
            }
            Found::Error(_) => {}
        }
    }
}
