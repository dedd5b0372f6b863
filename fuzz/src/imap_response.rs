//! What parses, encodes, and parses again to the same; what is strict is also tolerated.

use mailbearer_imap::{
    Framer, Limits, ParseError, Piece, Quirks, Response, classify, parse_response, server::encode_response,
};
use mailbearer_wire::RecvBuf;

use crate::wire;

/// `data` is a server's stream, of which every whole response is looked at, and its rest as if it were one.
pub fn run(data: &[u8]) {
    let limits = Limits::default();
    let (mut framer, mut rx) = (Framer::new(&limits), RecvBuf::with_limit(limits.buffer()));
    if rx.extend(data).is_err() {
        return;
    }
    while let Ok(Some(piece)) = framer.next(&mut rx) {
        if let Piece::Response(frame) = piece {
            whole(frame.octets(), frame.streamed().is_empty());
        }
    }
    // No frame: whatever comes of it, it comes without a panic.
    let _ = classify(data);
    for quirks in [Quirks::default(), Quirks::NONE] {
        if let Err(error) = parse_response(data, &limits, &quirks).map(walk) {
            assert!(error.offset <= data.len());
        }
    }
}

fn whole(octets: &[u8], held: bool) {
    // No line can hold these: what has them is never written, though the parser puts up with it.
    let lines = wire::without_literals(octets);
    let stray = |pair: &[u8]| pair[0] == 0 || pair[0] == b'\r' && pair[1] != b'\n';
    if lines.windows(2).any(stray) {
        return;
    }
    let tolerant = parse(octets, &Quirks::default());
    if let Ok(strict) = parse(octets, &Quirks::NONE) {
        assert_eq!(tolerant.as_ref(), Ok(&strict), "only strict: {}", octets.escape_ascii());
        round(&strict, octets, &Quirks::NONE);
    }
    if let (Ok(response), true) = (&tolerant, held) {
        round(response, octets, &Quirks::default());
    }
}

/// What is written for `response` is one frame, and says the same.
fn round(response: &Response<'_>, octets: &[u8], quirks: &Quirks) {
    let written = written(response);
    let shown = || format!("{}\nwas written as {}", octets.escape_ascii(), written.escape_ascii());
    let again = parse(&written, quirks).unwrap_or_else(|error| panic!("{error}: {}", shown()));
    assert_eq!(again, *response, "{}", shown());
    assert!(framed(&written), "not one frame: {}", shown());
    let twice = self::written(&again);
    assert_eq!(twice.escape_ascii().to_string(), written.escape_ascii().to_string(), "{}", shown());
}

fn written(response: &Response<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_response(response, &mut out);
    out
}

fn framed(octets: &[u8]) -> bool {
    let limits = Limits::default();
    let (mut framer, mut rx) = (Framer::new(&limits), RecvBuf::with_limit(limits.buffer()));
    rx.extend(octets).unwrap();
    let first = framer.next(&mut rx).unwrap();
    matches!(first, Some(Piece::Response(frame)) if **frame.octets() == *octets)
}

fn parse<'a>(octets: &'a [u8], quirks: &Quirks) -> Result<Response<'a>, ParseError> {
    parse_response(octets, &Limits::default(), quirks)
}

/// Reads every list.
fn walk(response: Response<'_>) {
    drop(format!("{response:?}"));
}
