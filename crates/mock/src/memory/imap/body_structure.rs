//! A message's structure as BODYSTRUCTURE and BODY tell it.

use mailbearer_imap::{
    BodyStructure, Disposition, Extension, List, Message, MultiPart, Param, SinglePart, Text,
};
use mailbearer_mime::{
    Headers,
    decode::{self, Parameters},
};

use super::{
    super::personality::Quirks,
    envelope::envelope,
    structure::{Kind, Node, content_type},
};

/// The structure of `node`, which is a part of the message `octets`, with the mistakes of `quirks` that need the message. `extended`
/// is BODYSTRUCTURE.
pub(crate) fn body_structure(
    octets: &[u8],
    node: &Node,
    quirks: &Quirks,
    extended: bool,
) -> BodyStructure<'static> {
    let header = octets.get(node.header.clone()).unwrap_or_default();
    let headers = Headers::parse(header).ok();
    let text = |name| {
        headers.and_then(|headers| headers.get(name)).map(|field| Text::from(field.value().into_owned()))
    };
    // In a digest, a message needs no Content-Type.
    let content = content_type(header, matches!(node.kind, Kind::Message(_)));
    let (media, subtype) = content.essence.split_once('/').unwrap_or(("text", "plain"));
    let disposition = text("Content-Disposition").map(|value: Text<'_>| {
        let disposition = decode::Disposition::parse(&value);
        Disposition { kind: owned(&disposition.kind), parameters: parameters(&disposition.parameters) }
    });
    let languages = text("Content-Language").into_iter().collect::<Vec<_>>();
    let mut extension = Extension::default();
    extension.disposition = disposition;
    extension.languages = List::from(languages);
    extension.location = text("Content-Location");
    // BODY has none of the extension data (RFC 9051 section 7.5.2).
    if !extended {
        extension = Extension::default();
    }
    if let Kind::Multi(parts) = &node.kind {
        if quirks.stray_description && extended && extension.disposition.is_none() {
            let stray = |kind| Disposition { kind, parameters: List::EMPTY };
            extension.disposition = text("Content-Description").map(stray);
        }
        return BodyStructure::Multi(MultiPart {
            parts: parts.iter().map(|part| body_structure(octets, part, quirks, extended)).collect(),
            subtype: owned(subtype),
            parameters: if extended { parameters(&content.parameters) } else { List::EMPTY },
            extension,
        });
    }
    let body = octets.get(node.body.clone()).unwrap_or_default();
    let message = match &node.kind {
        Kind::Message(inner) => Some(Box::new(Message {
            envelope: envelope(octets.get(inner.header.clone()).unwrap_or_default()),
            structure: body_structure(octets, inner, quirks, extended),
        })),
        _ => None,
    };
    if quirks.empty_multipart && media == "multipart" {
        return empty_multipart(subtype, &content.parameters, extension, extended);
    }
    // A multipart that could not be taken apart, or a message nested too deep, has none of its kind's fields.
    let (media, subtype) = match media {
        "multipart" => ("application", "octet-stream"),
        "message" if message.is_none() && subtype == "rfc822" => ("application", "octet-stream"),
        _ => (media, subtype),
    };
    let counts_lines = media == "text" || message.is_some();
    BodyStructure::Single(SinglePart {
        media: owned(media),
        subtype: owned(subtype),
        parameters: parameters(&content.parameters),
        id: text("Content-ID"),
        description: text("Content-Description"),
        encoding: text("Content-Transfer-Encoding").unwrap_or(Text::from(&b"7bit"[..])),
        octets: u64::try_from(body.len()).unwrap_or(u64::MAX),
        lines: counts_lines
            .then(|| lines(body))
            .map(|lines| if lines == 0 && quirks.no_line_count { NO_LINES } else { lines }),
        message,
        md5: text("Content-MD5").filter(|_| extended),
        extension,
    })
}

/// A multipart without parts, in Gmail's capitals.
fn empty_multipart(
    subtype: &str,
    own: &Parameters,
    mut extension: Extension<'static>,
    extended: bool,
) -> BodyStructure<'static> {
    let upper = |name: &str| owned(&name.to_ascii_uppercase());
    let named = own.iter().map(|(name, value)| Param { name: upper(name), value: Some(owned(value)) });
    if let Some(disposition) = &mut extension.disposition {
        disposition.kind = upper(&String::from_utf8_lossy(&disposition.kind));
    }
    BodyStructure::Multi(MultiPart {
        parts: Vec::new(),
        subtype: upper(subtype),
        parameters: if extended { named.collect() } else { List::EMPTY },
        extension,
    })
}

/// Stands for -1, which no number of the grammar is.
pub(crate) const NO_LINES: u64 = u64::MAX;

fn parameters(parameters: &Parameters) -> List<'static, Param<'static>> {
    parameters.iter().map(|(name, value)| Param { name: owned(name), value: Some(owned(value)) }).collect()
}

fn owned(text: &str) -> Text<'static> {
    Text::from(text.as_bytes().to_vec())
}

fn lines(body: &[u8]) -> u64 {
    u64::try_from(body.iter().filter(|&&octet| octet == b'\n').count()).unwrap_or(u64::MAX)
}
