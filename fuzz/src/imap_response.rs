//! What parses, encodes, and parses again to the same; what is strict is also tolerated.

use mailbearer_imap::{
    BodyStructure, Data, Framer, Item, Limits, ParseError, Piece, Quirks, Response, StatusItem, classify,
    parse_response, server::encode_response,
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
    let strict = parse(octets, &Quirks::NONE);
    if let Ok(strict) = &strict {
        // An item that is kept as it came is none by the grammar, and with what is overlooked it may be another.
        assert!(tolerant.is_ok() || keeps_an_item(strict), "only strict: {}", octets.escape_ascii());
        // A list of capabilities ends where there is none any more, and what is behind is not looked at.
        let listed = matches!(strict, Response::Untagged(Data::Capability(_) | Data::Enabled(_)));
        let cut_short = listed && lines.iter().any(|octet| b"(){}\"".contains(octet));
        if !cut_short && !is_tied_to_its_place(strict, octets) {
            round(strict, octets, &Quirks::NONE);
        }
    }
    if let (Ok(response), true) = (&tolerant, held)
        && !is_tied_to_its_place(response, octets)
    {
        round(response, octets, &Quirks::default());
    }
}

/// Whether it holds what is read otherwise in another place: an item without a value, which only the last one can be,
/// a second value right behind that of an item, which is kept as it came, something unknown among what correlates a
/// search, which is kept among its results, and a multipart without parts, which is none by the grammar.
fn is_tied_to_its_place(response: &Response<'_>, octets: &[u8]) -> bool {
    match response {
        Response::Untagged(Data::Fetch(fetch) | Data::UidFetch(fetch)) => {
            let second = |pair: &[Item<'_>]| match pair {
                [_, Item::Other { value, .. }] => value.starts_with(b"((") || value.starts_with(b"(\""),
                _ => false,
            };
            fetch.items.iter().any(|item| matches!(item, Item::Other { value, .. } if value.is_empty()))
                || fetch.items.windows(2).any(second)
                || fetch.items.iter().any(|item| match item {
                    Item::BodyStructure { structure, .. } => lacks_parts(structure),
                    _ => false,
                })
        }
        Response::Untagged(Data::Esearch(found)) => {
            !found.other.is_empty() && octets.windows(2).any(|pair| pair == b" (")
        }
        Response::Untagged(Data::MailboxStatus { items, .. }) => {
            items.iter().any(|item| matches!(item, StatusItem::Other { value, .. } if value.is_empty()))
        }
        _ => false,
    }
}

fn keeps_an_item(response: &Response<'_>) -> bool {
    match response {
        Response::Untagged(Data::Fetch(fetch) | Data::UidFetch(fetch)) => {
            fetch.items.iter().any(|item| matches!(item, Item::Other { .. }))
        }
        _ => false,
    }
}

fn lacks_parts(structure: &BodyStructure<'_>) -> bool {
    match structure {
        BodyStructure::Single(part) => {
            part.message.as_ref().is_some_and(|inner| lacks_parts(&inner.structure))
        }
        BodyStructure::Multi(multi) => multi.parts.is_empty() || multi.parts.iter().any(lacks_parts),
    }
}

/// What is written for `response` is one frame, and says the same.
fn round(response: &Response<'_>, octets: &[u8], quirks: &Quirks) {
    let written = written(response);
    let shown = || format!("{}\nwas written as {}", octets.escape_ascii(), written.escape_ascii());
    let again = parse(&written, quirks).unwrap_or_else(|error| panic!("{error}: {}", shown()));
    // A backslash and a quote before a parenthesis may be the end of a host, which has no quote in it.
    if written.windows(3).any(|window| window == br#"\")"#) {
        return;
    }
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
