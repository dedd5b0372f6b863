//! What DATA carries, as a server sees it.

use alloc::{vec, vec::Vec};

use mailbearer_wire::DotEncoder;
use proptest::prelude::*;

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
    let (mut encoder, mut out) = (DotEncoder::new(), vec![]);
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
        assert_eq!(wire.iter().filter(|&&octet| octet == end).count(), ends, "bare line end for {input:?}");
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
fn never_writes_more_than_fits() {
    let input = b".\n.\r\nabcdefgh\r\r\n.i\n";
    for room in 2..12 {
        let (mut encoder, mut wire, mut taken) = (DotEncoder::new(), vec![], 0);
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
    assert_eq!(DotEncoder::new().encode(b"a", &mut vec![], 1), 0);
}

proptest! {
    #[test]
    fn anything_is_one_message(pieces in prop::collection::vec("[.\r\na]{0,6}", 0..6)) {
        assert_one_message(pieces.concat().as_bytes(), &encode(pieces.iter().map(|piece| piece.as_bytes())));
    }
}
