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
    let mut parts = Vec::new();
    gather(octets, &mut parts);
    let kinds = parts.iter().map(|part: &Opened| part.essence.as_str());
    set("structure", kinds.collect::<Vec<_>>().join(" "));
    let names = parts.iter().filter_map(|part| part.name.clone());
    set("names", names.collect::<Vec<_>>().join(" / "));
    let told = |body: &[u8]| format!("{}:{:08x}", body.len(), crc32(body));
    let bodies = parts.iter().filter_map(|part| part.body.as_deref());
    set("bodies", bodies.map(|body| told(&with_lf(body))).collect::<Vec<_>>().join(" "));
    let binary = parts.iter().filter(|part| !part.essence.starts_with("text/"));
    let binary = binary.filter_map(|part| part.body.as_deref());
    set("binary", binary.map(told).collect::<Vec<_>>().join(" "));
    read
}

/// A part, and what it holds where that is no other parts.
struct Opened {
    essence: String,
    name: Option<String>,
    body: Option<Vec<u8>>,
}

/// The parts of a message, and those of the messages that are attached to it.
fn gather(octets: &[u8], parts: &mut Vec<Opened>) {
    for part in Message::parse(octets).parts() {
        let is_leaf = part.kind() == Kind::Leaf;
        let encoded = part.attached_message().filter(|_| is_leaf);
        let body = (is_leaf && encoded.is_none()).then(|| part.bytes().into_owned());
        let name = part.file_name().map(one_line);
        parts.push(Opened { essence: part.content_type().essence.clone(), name, body });
        if let Some(message) = encoded {
            gather(&message, parts);
        }
    }
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
