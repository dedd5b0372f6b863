//! A message that arrives in pieces is taken apart as it would be whole, and nothing is made up.

use mailbearer_mime::parse::{Defect, Event, Kind, Limits, Message, Stream};

use crate::pieces::{knobs, pieces};

/// `data` is how to cut, the limits, and a message.
pub fn run(data: &[u8]) {
    let ([cut, depth, count], raw) = knobs(data);
    let mut limits = Limits::default();
    limits.depth = usize::from(depth % 8);
    limits.parts = usize::from(count % 32).max(1);
    let message = Message::parse_with(raw, &limits);
    let parts = message.parts();
    assert!(!parts.is_empty() && parts.len() <= limits.parts.saturating_add(limits.depth));
    for part in parts {
        assert!(part.raw_header().len() + part.raw_body().len() <= raw.len());
        assert!(part.parent().is_none_or(|parent| parent < part.index()));
        drop((part.text(), part.file_name().map(str::len), part.headers().iter().count()));
    }
    let chosen = message.text_body().chain(message.html_body()).chain(message.attachments());
    assert!(chosen.count() <= parts.len().saturating_mul(3));
    drop((message.subject(), message.from(), message.date(), message.references()));

    let whole: Vec<_> = parts
        .iter()
        .map(|part| {
            (
                part.parent(),
                part.kind(),
                names(part.headers()),
                if part.kind() == Kind::Leaf { part.raw_body() } else { b"" }.to_vec(),
            )
        })
        .collect();
    let (mut told, mut defects): (Vec<(Option<usize>, Kind, String, Vec<u8>)>, Vec<Defect>) =
        Default::default();
    let mut tell = |event: Event<'_>| match event {
        Event::Part(head) => told.push((head.parent, head.kind, names(head.headers), Vec::new())),
        Event::Body { part, octets } => told[part].3.extend_from_slice(octets),
        Event::Defect(defect) => defects.push(defect),
        _ => {}
    };
    let mut stream = Stream::new(limits);
    for piece in pieces(raw, cut) {
        stream.feed(piece, &mut tell);
    }
    stream.finish(&mut tell);
    assert_eq!(told, whole);
    assert_eq!(defects, message.defects());
}

fn names(headers: mailbearer_mime::Headers<'_>) -> String {
    headers.iter().map(|field| field.name().to_owned() + ",").collect()
}
