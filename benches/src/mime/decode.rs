use std::{borrow::Cow, hint::black_box};

use mail_parser::{MessageParser, MimeHeaders, PartType, decoders, parsers::MessageStream};
use mailbearer_mime::{Headers, decode, decode::AddressOrGroup, parse};
use mailparse::{MailAddr, MailHeader, MailHeaderMap, ParsedMail};

use super::Library;

pub(super) fn headers(library: Library, input: &[u8]) -> usize {
    match library {
        Library::Ours => {
            let headers = Headers::parse(input).unwrap();
            let texts = ["subject", "message-id", "references", "in-reply-to", "list-unsubscribe"];
            let texts = texts.map(|name| headers.get(name).map_or(0, |field| black_box(field.text()).len()));
            let lists = ["from", "to", "cc", "reply-to"];
            let lists =
                lists.map(|name| headers.get(name).map_or(0, |field| our_addresses(&field.addresses())));
            let date = headers.get("date").map(|field| decode::date_time(field.raw()).unwrap());
            black_box(date);
            texts.into_iter().chain(lists).sum()
        }
        Library::MailParser => {
            let message = MessageParser::default().parse_headers(input).unwrap();
            read_mail_parser(&message)
                + black_box(message.header("List-Unsubscribe")).map_or(0, |_| LIST_UNSUBSCRIBE)
        }
        Library::MailParse => {
            let (headers, _) = mailparse::parse_headers(input).unwrap();
            read_mailparse(&headers) + text_of(&headers, "List-Unsubscribe")
        }
        _ => unreachable!(),
    }
}

/// What the peer that reads it as a list of addresses has of it.
const LIST_UNSUBSCRIBE: usize = 42;

pub(super) fn message(library: Library, input: &[u8]) -> usize {
    match library {
        Library::Ours => {
            let message = parse::Message::parse(input);
            black_box(message.date());
            let fields = [message.subject(), message.message_id().map(Cow::Owned)];
            let fields: usize = fields.into_iter().flatten().map(|text| black_box(text).len()).sum();
            let ids = [message.in_reply_to(), message.references()];
            let ids: usize = ids.iter().flatten().map(|id| black_box(id).len()).sum();
            let lists = [message.from(), message.to(), message.cc(), message.reply_to()];
            let lists: usize = lists.iter().map(|list| our_addresses(list)).sum();
            let leaves = message.parts().iter().filter(|part| part.kind() == parse::Kind::Leaf);
            let bodies = leaves.map(|part| match part.is_text() {
                true => black_box(part.text()).len(),
                false => black_box(part.bytes()).len() + black_box(part.file_name()).map_or(0, str::len),
            });
            fields + ids + lists + bodies.sum::<usize>()
        }
        Library::MailParser => {
            let message = MessageParser::default().parse(input).unwrap();
            let bodies = message.parts.iter().map(|part| match &part.body {
                PartType::Text(text) | PartType::Html(text) => black_box(text).len(),
                PartType::Binary(octets) | PartType::InlineBinary(octets) => {
                    black_box(octets).len() + black_box(part.attachment_name()).map_or(0, str::len)
                }
                _ => 0,
            });
            bodies.sum::<usize>() + read_mail_parser(&message)
        }
        Library::MailParse => {
            let message = mailparse::parse_mail(input).unwrap();
            let mut read = read_mailparse(&message.headers);
            let mut left = vec![&message];
            while let Some(part) = left.pop() {
                left.extend(&part.subparts);
                read += if part.subparts.is_empty() { body_of(part) } else { 0 };
            }
            read
        }
        _ => unreachable!(),
    }
}

fn body_of(part: &ParsedMail<'_>) -> usize {
    if part.ctype.mimetype.starts_with("text/") {
        return black_box(part.get_body().unwrap()).len();
    }
    let name = part.get_content_disposition().params.remove("filename");
    black_box(part.get_body_raw().unwrap()).len() + black_box(name).map_or(0, |name| name.len())
}

pub(super) fn words(library: Library, input: &[u8]) -> usize {
    match library {
        Library::Ours => black_box(decode::unstructured(input)).len(),
        Library::MailParser => {
            let line = [input, b"\r\n"].concat();
            black_box(MessageStream::new(&line).parse_unstructured().into_text()).map_or(0, |text| text.len())
        }
        Library::MailParse => {
            let line = [b"X: ".as_slice(), input, b"\r\n"].concat();
            black_box(mailparse::parse_header(&line).unwrap().0.get_value()).len()
        }
        Library::Rfc2047Decoder => black_box(rfc2047_decoder::decode(input).unwrap()).len(),
        _ => unreachable!(),
    }
}

pub(super) fn base64(library: Library, input: &[u8]) -> usize {
    match library {
        Library::Ours => black_box(decode::base64(input)).len(),
        Library::MailParser => black_box(decoders::base64::base64_decode(input).unwrap()).len(),
        Library::MailParse => in_a_message(b"base64", input),
        _ => unreachable!(),
    }
}

pub(super) fn quoted_printable(library: Library, input: &[u8]) -> usize {
    match library {
        Library::Ours => black_box(decode::quoted_printable(input)).len(),
        Library::MailParser => {
            black_box(decoders::quoted_printable::quoted_printable_decode(input).unwrap()).len()
        }
        Library::MailParse => in_a_message(b"quoted-printable", input),
        _ => unreachable!(),
    }
}

fn in_a_message(encoding: &[u8], input: &[u8]) -> usize {
    let header = [b"Content-Transfer-Encoding: ".as_slice(), encoding, b"\r\n\r\n", input].concat();
    black_box(mailparse::parse_mail(&header).unwrap().get_body_raw().unwrap()).len()
}

fn our_addresses(list: &[AddressOrGroup]) -> usize {
    let lens = list.iter().map(|entry| match entry {
        AddressOrGroup::Address(address) => address.name.len() + address.address.len(),
        AddressOrGroup::Group { .. } => 0,
    });
    black_box(lens.sum())
}

fn read_mail_parser(message: &mail_parser::Message<'_>) -> usize {
    black_box(message.date());
    let texts = [message.subject(), message.message_id()];
    let texts: usize = texts.into_iter().flatten().map(str::len).sum();
    let ids = [message.references(), message.in_reply_to()];
    let ids: usize =
        ids.iter().flat_map(|ids| ids.as_text_list().unwrap_or_default()).map(|id| id.len()).sum();
    let lists = [message.from(), message.to(), message.cc(), message.reply_to()];
    let addresses = lists.into_iter().flatten().flat_map(|list| list.iter());
    let lists: usize = addresses
        .map(|address| address.name().map_or(0, str::len) + address.address().map_or(0, str::len))
        .sum();
    black_box(texts + ids + lists)
}

fn read_mailparse(headers: &[MailHeader<'_>]) -> usize {
    let date = headers.get_first_value("Date").unwrap();
    black_box(mailparse::dateparse(&date).unwrap());
    let texts = ["Subject", "Message-ID", "References", "In-Reply-To"];
    let texts: usize = texts.iter().map(|name| text_of(headers, name)).sum();
    let lists = ["From", "To", "Cc", "Reply-To"].map(|name| headers.get_first_header(name));
    let lists = lists.into_iter().flatten().map(|field| {
        let list = mailparse::addrparse_header(field).unwrap();
        let lens = list.iter().map(|entry| match entry {
            MailAddr::Single(one) => one.addr.len() + one.display_name.as_ref().map_or(0, String::len),
            MailAddr::Group(_) => 0,
        });
        lens.sum::<usize>()
    });
    black_box(texts + lists.sum::<usize>())
}

fn text_of(headers: &[MailHeader<'_>], name: &str) -> usize {
    black_box(headers.get_first_value(name)).map_or(0, |text| text.len())
}
