//! A message comes out of DATA as it went in but for its line ends, however it is cut up on the way, and ends nowhere
//! but at its end.

use mailbearer_smtp::server::DataDecoder;
use mailbearer_wire::DotEncoder;

use crate::pieces::{knobs, pieces};

/// `data` is how to cut before and after, and a message.
pub fn run(data: &[u8]) {
    let ([before, room, after], message) = knobs(data);
    let mut wire = Vec::new();
    let mut encoder = DotEncoder::new();
    for piece in pieces(message, before) {
        let mut rest = piece;
        while !rest.is_empty() {
            let (room, held) = (usize::from(room).max(2), wire.len());
            let taken = encoder.encode(rest, &mut wire, room);
            assert!(taken > 0 && wire.len() - held <= room);
            rest = &rest[taken..];
        }
    }
    encoder.finish(&mut wire);
    assert!(wire.ends_with(b"\r\n.\r\n") || wire == b".\r\n");
    assert_eq!(wire.windows(5).filter(|window| *window == b"\r\n.\r\n").count(), usize::from(wire.len() > 3));
    let bare = wire.windows(2).any(|pair| (pair[0] == b'\r') != (pair[1] == b'\n'));
    assert!(!bare && !wire.starts_with(b"\n"), "{}", wire.escape_ascii());
    assert_eq!(encoder, DotEncoder::new());

    // What follows is the next command.
    wire.extend_from_slice(b"QUIT\r\n");
    let (mut decoder, mut read, mut consumed) = (DataDecoder::new(), Vec::new(), 0);
    for piece in pieces(&wire, after) {
        if let Some(count) = decoder.decode(piece, &mut read) {
            consumed += count;
            break;
        }
        consumed += piece.len();
    }
    assert_eq!(&wire[consumed..], b"QUIT\r\n");
    assert!(!decoder.saw_bare_line_end());
    assert_eq!(read.escape_ascii().to_string(), canonical(message).escape_ascii().to_string());

    // Any octets at all are decoded the same however they are cut.
    let whole = decoded(message, 0);
    assert_eq!(whole, decoded(message, before.max(1)));
}

fn decoded(wire: &[u8], cut: u8) -> (Vec<u8>, Option<usize>, bool) {
    let (mut decoder, mut read, mut consumed) = (DataDecoder::new(), Vec::new(), 0);
    for piece in pieces(wire, cut) {
        if let Some(count) = decoder.decode(piece, &mut read) {
            return (read, Some(consumed + count), decoder.saw_bare_line_end());
        }
        consumed += piece.len();
    }
    (read, None, decoder.saw_bare_line_end())
}

/// With CRLF for every line end, also at the end.
fn canonical(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut octets = message.iter().peekable();
    while let Some(&octet) = octets.next() {
        match octet {
            b'\r' => {
                octets.next_if(|next| **next == b'\n');
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
