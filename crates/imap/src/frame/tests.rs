use alloc::{string::String, vec, vec::Vec};
use std::format;

use super::*;

/// Returns what a framer makes of `input` that arrives `chunk` octets at a time: responses, `<head>` and sizes of
/// streamed literals with their octets, and the error at the end.
fn pieces(input: &[u8], limits: &Limits, chunk: usize) -> (Vec<String>, Option<FrameError>) {
    let (mut framer, mut rx, mut found) = (Framer::new(limits), RecvBuf::with_limit(1 << 24), Vec::new());
    let mut body = String::new();
    for piece in input.chunks(chunk) {
        rx.extend(piece).unwrap();
        loop {
            match framer.next(&mut rx) {
                Ok(Some(Piece::Response(frame))) => {
                    if !body.is_empty() {
                        found.push(mem::take(&mut body));
                    }
                    found.push(text(frame.octets()));
                }
                Ok(Some(Piece::LiteralStart { head, size })) => {
                    found.push(format!("<{}> {size}", text(&head)))
                }
                Ok(Some(Piece::LiteralChunk(octets))) => body.push_str(&text(&octets)),
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
    }
    (found, None)
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn small() -> Limits {
    Limits { line: 40, response: 200, literal_inline: 10, literal: 1000, ..Limits::default() }
}

#[test]
fn responses_end_where_they_end_however_the_bytes_arrive() {
    let rows: &[(&str, &[&str])] = &[
        ("line", &["* OK hello\r\n"]),
        ("two lines", &["* 1 EXISTS\r\n", "A1 OK\r\n"]),
        ("bare LF", &["* 1 EXISTS\n", "A1 OK\n"]),
        ("literal", &["* 1 FETCH (BODY[] {4}\r\na\r\nb)\r\n", "A1 OK\r\n"]),
        ("literal after bare LF", &["* 1 FETCH (BODY[] {2}\nab)\n", "A1 OK\n"]),
        ("bare LF at the end", &["* 1 FETCH (BODY[] {2}\nab)\n"]),
        ("two literals", &["* 1 FETCH (X {1}\r\n) Y {0}\r\n)\r\n"]),
        ("literal of a response", &["* 1 FETCH (X {8}\r\nA1 OK\r\n )\r\n", "A1 OK\r\n"]),
        ("announcement in a literal", &["* 1 FETCH (X {5}\r\n{9}\r\n)\r\n", "A1 OK\r\n"]),
        ("literal8", &["* 1 FETCH (BINARY[1] ~{2}\r\n\0\n)\r\n"]),
        ("not waited for", &["* LIST () \"/\" {3+}\r\na\r\n\r\n"]),
        ("without a space", &["* 1 FETCH (RFC822{3}\r\nabc)\r\n"]),
        ("literal ends the response", &["* LIST () \"/\" {3}\r\nabc\r\n", "* 2 EXISTS\r\n"]),
        ("empty line in a response", &["* 1 FETCH (BODY[] {2}\r\nab\r\n)\r\n", "A1 OK\r\n"]),
        ("and one more item", &["* 1 fetch (X {2}\r\nab\r\n Y {1}\r\nc\n)\r\n", "A1 OK\r\n"]),
        ("empty line and no end", &["* 1 FETCH (BODY[] {2}\r\nab\r\n", "A1 OK\r\n"]),
        ("empty line of its own", &["* LIST () \"/\" {2}\r\nab\r\n", "\r\n", " x\r\n"]),
        ("no number", &["*  FETCH (BODY[] {2}\r\nab\r\n", ")\r\n"]),
        ("status text", &["* OK got {5}\r\n", "* 1 EXISTS\r\n"]),
        ("status text after a code", &["* no [ALERT] {5}\r\n", "* 1 EXISTS\r\n"]),
        ("bye", &["* BYE {5}\r\n", "* 1 EXISTS\r\n"]),
        ("tagged text", &["A1 OK [READ-ONLY] {5}\r\n", "* 1 EXISTS\r\n"]),
        ("continuation", &["+ {5}\r\n", "* 1 EXISTS\r\n"]),
        ("unknown line", &["hello {5}\r\n", "* 1 EXISTS\r\n"]),
        ("quoted", &["* LIST () \"/\" \"{3}\"\r\n", "* 1 EXISTS\r\n"]),
        ("no number", &["* LIST () \"/\" {}\r\n", "* LIST () \"/\" {-1}\r\n", "* LIST () \"/\" {1\r\n"]),
        ("empty lines", &["\r\n", "\n", "* 1 EXISTS\r\n"]),
    ];
    for (name, responses) in rows {
        let input = responses.concat();
        for chunk in 1..=input.len() {
            let (found, error) = pieces(input.as_bytes(), &Limits::default(), chunk);
            assert_eq!(
                (found, error),
                (responses.iter().map(|&text| text.into()).collect(), None),
                "{name} by {chunk}"
            );
        }
    }
}

#[test]
fn large_literals_stream() {
    let input = "* 1 FETCH (BODY[1] {3}\r\nabc BODY[2] {11}\r\nhello\r\nworl UID 7)\r\n* 1 EXISTS\r\n";
    let want = [
        "<* 1 FETCH (BODY[1] {3}\r\nabc BODY[2] {11}\r\n> 11",
        "hello\r\nworl",
        "* 1 FETCH (BODY[1] {3}\r\nabc BODY[2] {0}\r\n UID 7)\r\n",
        "* 1 EXISTS\r\n",
    ];
    for chunk in 1..=input.len() {
        let (found, error) = pieces(input.as_bytes(), &small(), chunk);
        assert_eq!((found, error), (want.map(Into::into).to_vec(), None), "by {chunk}");
    }
}

#[test]
fn a_streamed_literal_is_told_from_an_empty_one() {
    let (mut framer, mut rx) = (Framer::new(&small()), RecvBuf::with_limit(1000));
    rx.extend(b"* 1 FETCH (X {0}\r\n Y {11}\r\nhello world Z {12}\r\nhello worlds)\r\n").unwrap();
    let mut last = framer.next(&mut rx).unwrap().unwrap();
    let frame = loop {
        match last {
            Piece::Response(frame) => break frame,
            _ => last = framer.next(&mut rx).unwrap().unwrap(),
        }
    };
    let octets = frame.octets();
    assert_eq!(&**octets, b"* 1 FETCH (X {0}\r\n Y {0}\r\n Z {0}\r\n)\r\n");
    let after =
        |mark: &[u8]| octets.windows(mark.len()).position(|window| window == mark).unwrap() + mark.len();
    let sizes = [b"X {0}\r\n", b"Y {0}\r\n", b"Z {0}\r\n"]
        .map(|mark| frame.streamed_for(&octets[after(mark)..after(mark)]));
    assert_eq!(sizes, [None, Some(11), Some(12)]);
    assert_eq!(frame.streamed_for(b""), None);
}

#[test]
fn limits_hold_at_the_limit_and_not_above() {
    let limits = small();
    let rows: &[(&str, Vec<u8>, Option<FrameError>)] = &[
        ("line", [vec![b'x'; 38], b"\r\n".to_vec()].concat(), None),
        (
            "long line",
            [vec![b'x'; 39], b"\r\n".to_vec()].concat(),
            Some(FrameError::LineTooLong { limit: 40 }),
        ),
        ("line without end", vec![b'x'; 40], Some(FrameError::LineTooLong { limit: 40 })),
        ("literal", b"* 1 FETCH (X {1000}\r\n".to_vec(), None),
        (
            "large literal",
            b"* 1 FETCH (X {1001}\r\n".to_vec(),
            Some(FrameError::LiteralTooLarge { size: 1001, limit: 1000 }),
        ),
        (
            "literal past 64 bits",
            b"* 1 FETCH (X {99999999999999999999}\r\n".to_vec(),
            Some(FrameError::LiteralTooLarge { size: u64::MAX, limit: 1000 }),
        ),
        ("response", b"* X {10}\r\n".iter().copied().cycle().take(195).chain(*b"12\r\n").collect(), None),
        (
            "large response",
            b"* X {10}\r\n".iter().copied().cycle().take(230).collect(),
            Some(FrameError::ResponseTooLarge { limit: 200 }),
        ),
        (
            "large response, and its last line is long",
            b"* X {10}\r\n".iter().copied().cycle().take(180).chain([b'x'; 60]).chain(*b"\r\n").collect(),
            Some(FrameError::ResponseTooLarge { limit: 200 }),
        ),
    ];
    for (name, input, want) in rows {
        for chunk in 1..=input.len() {
            assert_eq!(pieces(input, &limits, chunk).1, *want, "{name} by {chunk}");
        }
    }
}

#[test]
fn a_body_leaves_without_a_copy() {
    let limits = Limits::default();
    let (mut framer, mut rx) = (Framer::new(&limits), RecvBuf::with_limit(limits.buffer()));
    rx.extend(b"* 1 FETCH (BODY[] {100000}\r\n").unwrap();
    rx.extend(&vec![b'x'; 100_000]).unwrap();
    rx.extend(b")\r\n").unwrap();
    let at = rx.unread().as_ptr();
    let Ok(Some(Piece::Response(frame))) = framer.next(&mut rx) else { panic!() };
    let range = frame.range_of(&frame.octets()[28..100_028]).unwrap();
    let body = frame.into_part(range);
    assert_eq!((body.as_ptr(), body.len()), (at.wrapping_add(28), 100_000));
}

/// Frames are parsed by the limits and quirks that their framer was given.
#[test]
fn frames_are_parsed_by_the_framers_limits_and_quirks() {
    let parsed = |line: &[u8], depth: u8, spacing: bool| {
        let limits = Limits { depth, ..Limits::default() };
        let quirks = Quirks { spacing, ..Quirks::default() };
        let mut rx = RecvBuf::with_limit(limits.buffer());
        rx.extend(line).unwrap();
        let mut framer = Framer::with_quirks(&limits, &quirks);
        let Some(Piece::Response(frame)) = framer.next(&mut rx).unwrap() else { panic!() };
        let frame = frame.settle();
        let both = (frame.response().is_ok(), frame.summary_data().is_ok());
        assert_eq!(both.0, both.1);
        both.0
    };
    let depth = Limits::default().depth;
    assert!(parsed(b"* SEARCH 1 2 \r\n", depth, true));
    assert!(!parsed(b"* SEARCH 1 2 \r\n", depth, false));
    let nested = b"* 1 FETCH (BODYSTRUCTURE (((\"a\" \"b\" NIL NIL NIL \"7BIT\" 1) \"x\") \"y\"))\r\n";
    assert!(parsed(nested, depth, true));
    assert!(!parsed(nested, 1, true));
}

/// A trace shows all of a response but its literals, however they arrive, so that it can be replayed.
#[test]
fn a_trace_hides_literals_and_nothing_else() {
    let input = b"* 1 FETCH (BODY[1] {3}\r\nabc BODY[2] {14}\r\nfourteen octet BODY[3] {4}\r\n\r\n\r\n)\r\n* OK x\r\n";
    for chunk in [1, 7, input.len()] {
        let (mut framer, mut rx) = (Framer::new(&small()), RecvBuf::with_limit(1 << 20));
        rx.start_trace(None);
        for piece in input.chunks(chunk) {
            rx.extend(piece).unwrap();
            while framer.next(&mut rx).unwrap().is_some() {}
        }
        let lines: Vec<String> = rx.take_trace().into_iter().map(|line| line.text).collect();
        let want = [
            "* 1 FETCH (BODY[1] {3}",
            "[3 octets] BODY[2] {14}",
            "[14 octets] BODY[3] {4}",
            "[4 octets]",
            ")",
            "* OK x",
        ];
        assert_eq!(lines, want, "by {chunk}");
    }
}
