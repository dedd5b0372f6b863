//! Our parser and its peers, each the way its users call it.

use std::hint::black_box;

use imap_codec::{ResponseCodec, decode::Decoder, imap_types::response};
use mailbearer_imap::{
    Address, BodyStructure, Data, Envelope, Flag, Frame, Framer, Item, Limits, List, Param, Piece, Quirks,
    Response, Text, parse_response,
};
use mailbearer_wire::RecvBuf;

/// A way to take responses out of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parser {
    /// Framer and parser, fed in pieces of 16 KiB as a driver does, and each response read in full: every text, list,
    /// address and parameter visited.
    Ours,
    /// The parser alone, on frames that are there, and each response read in full.
    OursRead,
    /// The parser alone, with no list looked at.
    OursParse,
    ImapProto,
    ImapCodec,
}

impl Parser {
    pub const ALL: [Self; 5] =
        [Self::Ours, Self::OursRead, Self::OursParse, Self::ImapProto, Self::ImapCodec];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "mailbearer",
            Self::OursParse => "mailbearer-parse",
            Self::OursRead => "mailbearer-read",
            Self::ImapProto => "imap-proto",
            Self::ImapCodec => "imap-codec",
        }
    }

    /// What [`run`](Prepared::run) needs, so that only parsing is measured.
    pub fn prepare(self, octets: Vec<u8>) -> Prepared {
        let frames = match self {
            Self::OursParse | Self::OursRead => {
                let mut frames = Vec::new();
                frame_all(&octets, READ, |frame| frames.push(frame));
                frames
            }
            _ => Vec::new(),
        };
        Prepared { parser: self, octets, frames }
    }
}

/// A corpus ready for a parser.
pub struct Prepared {
    parser: Parser,
    octets: Vec<u8>,
    frames: Vec<Frame>,
}

impl Prepared {
    /// Parses everything and returns the number of responses.
    ///
    /// # Panics
    ///
    /// At a response that the parser does not accept.
    pub fn run(&self) -> usize {
        let (limits, quirks) = (Limits::default(), Quirks::default());
        match self.parser {
            Parser::Ours => ours(&self.octets, READ),
            Parser::OursParse => {
                for frame in &self.frames {
                    black_box(parse_response(frame.octets(), &limits, &quirks).unwrap());
                }
                self.frames.len()
            }
            Parser::OursRead => {
                for frame in &self.frames {
                    black_box(read(&parse_response(frame.octets(), &limits, &quirks).unwrap()));
                }
                self.frames.len()
            }
            Parser::ImapProto => each(&self.octets, |rest| {
                let (rest, response) = imap_proto::Response::parse(rest).unwrap();
                black_box(response);
                rest
            }),
            Parser::ImapCodec => {
                let codec = ResponseCodec::default();
                each(&self.octets, |rest| {
                    let (rest, response): (_, response::Response<'_>) = codec.decode(rest).unwrap();
                    black_box(response);
                    rest
                })
            }
        }
    }
}

/// Feeds `octets` to the framer in pieces of `piece`, parses each response and reads it in full; returns how many there
/// were.
///
/// # Panics
///
/// At a response that is not accepted.
pub fn ours(octets: &[u8], piece: usize) -> usize {
    let (limits, quirks) = (Limits::default(), Quirks::default());
    let mut count = 0;
    frame_all(octets, piece, |frame| {
        black_box(read(&parse_response(frame.octets(), &limits, &quirks).unwrap()));
        count += 1;
    });
    count
}

fn frame_all(octets: &[u8], piece: usize, mut with: impl FnMut(Frame)) {
    let limits = Limits::default();
    let (mut framer, mut rx) = (Framer::new(&limits), RecvBuf::with_limit(limits.buffer()));
    for piece in octets.chunks(piece) {
        rx.extend(piece).unwrap();
        while let Some(piece) = framer.next(&mut rx).unwrap() {
            let Piece::Response(frame) = piece else { panic!("a literal was streamed") };
            with(frame);
        }
    }
    assert!(rx.unread().is_empty());
}

fn each<'a>(octets: &'a [u8], mut parse: impl FnMut(&'a [u8]) -> &'a [u8]) -> usize {
    let (mut rest, mut count) = (octets, 0);
    while !rest.is_empty() {
        rest = parse(rest);
        count += 1;
    }
    count
}

/// Visits every text, list, address and parameter; how many octets they have. What the peers found lies in vectors, so
/// that nothing is left to do there.
fn read(response: &Response<'_>) -> usize {
    let Response::Untagged(data) = response else { return 0 };
    match data {
        Data::Capability(list) => list.iter().map(black_box).count(),
        Data::Flags(flags) => read_flags(flags),
        Data::List(list) => read_flags(&list.attributes) + black_box(list.mailbox.as_bytes()).len(),
        Data::MailboxStatus { mailbox, items } => {
            items.iter().map(black_box).count() + black_box(mailbox.as_bytes()).len()
        }
        Data::Search(found) => {
            found.numbers.iter().map(|number| usize::try_from(black_box(number)).unwrap()).sum()
        }
        Data::Status(line) => match &line.code {
            Some(mailbearer_imap::Code::PermanentFlags(flags)) => read_flags(flags),
            _ => black_box(line.text).len(),
        },
        Data::Fetch(fetch) => fetch.items.iter().map(read_item).sum(),
        _ => 0,
    }
}

fn read_flags(flags: &List<'_, Flag<'_>>) -> usize {
    flags.iter().map(|flag| usize::from(black_box(flag) == Flag::Seen)).sum()
}

fn read_item(item: &Item<'_>) -> usize {
    match item {
        Item::Flags(flags) => read_flags(flags),
        Item::Envelope(envelope) => read_envelope(envelope),
        Item::BodyStructure { structure, .. } => read_structure(structure),
        Item::Body { data, .. } => read_text(data),
        _ => 0,
    }
}

fn read_text(text: &Option<Text<'_>>) -> usize {
    black_box(text).as_deref().map_or(0, <[u8]>::len)
}

fn read_envelope(envelope: &Envelope<'_>) -> usize {
    let Envelope { date, subject, from, sender, reply_to, to, cc, bcc, in_reply_to, message_id } = envelope;
    let texts: usize = [date, subject, in_reply_to, message_id].into_iter().map(read_text).sum();
    let lists = [from, sender, reply_to, to, cc, bcc].into_iter();
    texts + lists.map(|list| list.iter().map(|address| read_address(&address)).sum::<usize>()).sum::<usize>()
}

fn read_address(address: &Address<'_>) -> usize {
    read_text(&address.name) + read_text(&address.mailbox) + read_text(&address.host)
}

fn read_params(params: &List<'_, Param<'_>>) -> usize {
    params.iter().map(|param| black_box(&param.name).len() + read_text(&param.value)).sum()
}

fn read_structure(structure: &BodyStructure<'_>) -> usize {
    let (parameters, extension, inner) = match structure {
        BodyStructure::Single(part) => {
            let inside = part.message.as_ref();
            let inside = inside
                .map_or(0, |message| read_envelope(&message.envelope) + read_structure(&message.structure));
            let texts = part.media.len() + part.subtype.len() + part.encoding.len();
            (
                &part.parameters,
                &part.extension,
                inside + texts + read_text(&part.id) + read_text(&part.description),
            )
        }
        BodyStructure::Multi(multi) => {
            (&multi.parameters, &multi.extension, multi.parts.iter().map(read_structure).sum())
        }
    };
    let disposition = extension.disposition.iter();
    let disposition: usize = disposition.map(|disposition| read_params(&disposition.parameters)).sum();
    let languages: usize = extension.languages.iter().map(|language| black_box(language).len()).sum();
    read_params(parameters) + languages + disposition + inner
}

/// Octets that a driver reads at a time.
const READ: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Corpus;

    #[test]
    fn every_parser_takes_every_corpus() {
        for corpus in Corpus::ALL {
            let count = if corpus == Corpus::Body1M { 1 } else { 100 };
            for parser in Parser::ALL {
                assert_eq!(parser.prepare(corpus.octets(count)).run(), count, "{parser:?} on {corpus:?}");
            }
        }
    }
}
