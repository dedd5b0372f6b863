mod charset;
mod content;
mod stream;
mod structure;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::*;

/// `type[body]` of each part, children in parentheses.
fn outline(message: &Message<'_>, index: usize) -> String {
    let part = &message.parts()[index];
    let children: Vec<String> =
        message.children(index).map(|child| outline(message, child.index())).collect();
    match part.kind() {
        Kind::Leaf => format!("{}[{}]", part.content_type().essence, part.bytes().escape_ascii()),
        _ => format!("{}({})", part.content_type().essence, children.join(" ")),
    }
}

fn defects(message: &Message<'_>) -> Vec<DefectKind> {
    message.defects().iter().map(|defect| defect.kind).collect()
}

type Told = (Vec<(usize, Option<usize>, String, Vec<u8>)>, Vec<Defect>);

/// What a stream tells of a message that comes in pieces.
fn streamed(raw: &[u8], size: usize, limits: &Limits) -> Told {
    let (mut parts, mut wrong, mut open): Told2 = (Vec::new(), Vec::new(), 0i32);
    let mut tell = |event: Event<'_>| match event {
        Event::Part(head) => {
            open = open.saturating_add(1);
            let text = head.headers.iter().map(|field| field.name().to_owned()).collect::<Vec<_>>().join(",");
            parts.push((
                head.index,
                head.parent,
                format!("{} {text}", head.content_type.essence),
                Vec::new(),
            ));
        }
        Event::Body { part, octets } => parts[part].3.extend_from_slice(octets),
        Event::End { .. } => open = open.saturating_sub(1),
        Event::Defect(defect) => wrong.push(defect),
    };
    let mut stream = Stream::new(limits.clone());
    for piece in raw.chunks(size.max(1)) {
        stream.feed(piece, &mut tell);
        assert!(stream.held() <= 2_100, "{}", stream.held());
    }
    stream.finish(&mut tell);
    assert_eq!(open, 0);
    (parts, wrong)
}

type Told2 = (Vec<(usize, Option<usize>, String, Vec<u8>)>, Vec<Defect>, i32);

fn whole(message: &Message<'_>) -> Told {
    let parts = message.parts().iter().map(|part| {
        let text = part.headers().iter().map(|field| field.name().to_owned()).collect::<Vec<_>>().join(",");
        let body = if part.kind() == Kind::Leaf { part.raw_body().to_vec() } else { Vec::new() };
        (part.index(), part.parent(), format!("{} {text}", part.content_type().essence), body)
    });
    (parts.collect(), message.defects().to_vec())
}
