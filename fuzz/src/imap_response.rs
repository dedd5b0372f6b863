//! What parses, encodes, and parses again to the same; what is strict is also tolerated; nothing nests deeper than it may,
//! and what can't be read hides no UID.

use mailbearer_imap::{
    Data, Framer, Item, Limits, ParseError, Piece, Quirks, Response, classify, parse_response,
    server::encode_response,
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
    behind_a_uid(data);
    // No frame: whatever comes of it, it comes without a panic.
    let _ = classify(data);
    for quirks in [Quirks::default(), Quirks::NONE] {
        if let Err(error) = parse_response(data, &limits, &quirks).map(walk) {
            assert!(error.offset <= data.len());
        }
    }
}

/// Whatever an item's value is, the UID in front of it is told. A parenthesis that the value opens takes the one that
/// closes the response, which then is none.
fn behind_a_uid(value: &[u8]) {
    if value.len() > 200 || value.iter().any(|octet| matches!(octet, b'\r' | b'\n' | b'(' | b')')) {
        return;
    }
    let response = [b"* 1 FETCH (UID 7 ENVELOPE ", value, b")\r\n"].concat();
    match parse(&response, &Quirks::default()) {
        Ok(Response::Untagged(Data::Fetch(fetch))) => assert_eq!(fetch.items.first(), Some(&Item::Uid(7))),
        Err(error) if error.rule == "nesting within the limit" => {}
        other => panic!("{other:?}: {}", response.escape_ascii()),
    }
}

/// What is accepted without quirks has its parentheses within the limit, but for the responses that [`Limits::depth`]
/// leaves out and those that are not looked into.
fn shallow(octets: &[u8]) {
    let mut limits = Limits::default();
    limits.depth = 4;
    let parsed = parse_response(octets, &limits, &Quirks::NONE);
    let Ok(Response::Untagged(data)) = parsed else { return };
    if matches!(
        data,
        Data::Thread(_) | Data::Status(_) | Data::Capability(_) | Data::Enabled(_) | Data::Other { .. }
    ) {
        return;
    }
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for octet in wire::without_literals(octets) {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        // A list of flags or words is one level that is always there, and an ENVELOPE has two of its own.
        assert!(depth <= 4 + 2, "too deep: {}", octets.escape_ascii());
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
        shallow(octets);
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
