//! What we read.

use mailbearer_mime::{
    decode::AddressOrGroup,
    parse::{Kind, Message},
};

use crate::Read;

pub(crate) fn read(octets: &[u8]) -> Read {
    let message = Message::parse(octets);
    let mut read = Read::new();
    let mut set = |field: &str, value: String| _ = read.insert(field.into(), value);
    set("subject", one_line(&message.subject().unwrap_or_default()));
    set("from", addresses(message.from()));
    set("to", addresses(message.to()));
    set("date", message.date().map_or("none".into(), |date| date.unix_seconds().to_string()));
    let parts = message.parts();
    set(
        "structure",
        parts.iter().map(|part| part.content_type().essence.as_str()).collect::<Vec<_>>().join(" "),
    );
    let names = parts.iter().filter_map(|part| part.file_name()).map(one_line);
    set("names", names.collect::<Vec<_>>().join(" / "));
    let leaves = parts.iter().filter(|part| part.kind() == Kind::Leaf);
    let bodies = leaves.map(|part| with_lf(&part.bytes()));
    set(
        "bodies",
        bodies.map(|body| format!("{}:{:08x}", body.len(), crc32(&body))).collect::<Vec<_>>().join(" "),
    );
    let binary = parts.iter().filter(|part| part.kind() == Kind::Leaf && !part.is_text());
    let binary = binary.map(|part| part.bytes().into_owned());
    set(
        "binary",
        binary.map(|body| format!("{}:{:08x}", body.len(), crc32(&body))).collect::<Vec<_>>().join(" "),
    );
    read
}

/// White space of any kind as one space: how it is folded is not compared.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// CRLF as LF, as Python's parser makes it.
fn with_lf(octets: &[u8]) -> Vec<u8> {
    let pairs = octets.iter().zip(octets.iter().skip(1).map(Some).chain([None]));
    pairs
        .filter(|(octet, next)| !(**octet == b'\r' && *next == Some(&b'\n')))
        .map(|(octet, _)| *octet)
        .collect()
}

fn addresses(entries: Vec<AddressOrGroup>) -> String {
    let members = entries.into_iter().flat_map(|entry| match entry {
        AddressOrGroup::Address(mailbox) => vec![mailbox],
        AddressOrGroup::Group { members, .. } => members,
    });
    members
        .map(|mailbox| mailbox.address)
        .filter(|address| !address.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

/// As zlib counts it.
pub(crate) fn crc32(octets: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for octet in octets {
        sum ^= u32::from(*octet);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
        }
    }
    !sum
}
