//! The parts of a message: their numbers, what they are, and how to show them.

use mailbearer::{
    imap_protocol::{BodyStructure, Item, List, Param, SinglePart, Text},
    mime::decode::{ContentType, Disposition},
};
use serde_json::json;

/// A part of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The number it is fetched by; none for a multipart that is all of a message.
    pub(crate) number: Vec<u32>,
    /// Parts that it stands in.
    depth: usize,
    media_type: String,
    /// The transfer encoding.
    pub(crate) encoding: String,
    octets: Option<u64>,
    charset: Option<String>,
    /// `attachment`, `inline`, …
    disposition: Option<String>,
    /// A file's name, decoded; may hold control characters.
    name: Option<String>,
}

/// The parts of a message, each before those in it (RFC 9051 section 6.4.5); `None` where its structure is not told.
pub(crate) fn parts(told: &[Item<'_>]) -> Option<Vec<Part>> {
    // Of two structures, as mail.ru sends them, the first is that of a part.
    let structure = told.iter().rev().find_map(|item| match item {
        Item::BodyStructure { structure, .. } => Some(structure),
        _ => None,
    })?;
    let mut parts = Vec::new();
    message(structure, &[], 0, &mut parts);
    Some(parts)
}

/// A message has part 1 where it is one part alone, and no number for a multipart of its own.
fn message(structure: &BodyStructure<'_>, number: &[u32], depth: usize, to: &mut Vec<Part>) {
    match structure {
        BodyStructure::Single(single) => self::single(single, [number, &[1]].concat(), depth, to),
        BodyStructure::Multi(_) => multi(structure, Vec::new(), number, depth, to),
    }
}

fn multi(structure: &BodyStructure<'_>, own: Vec<u32>, number: &[u32], depth: usize, to: &mut Vec<Part>) {
    let BodyStructure::Multi(multi_part) = structure else { return };
    to.push(Part {
        number: own,
        depth,
        media_type: format!("multipart/{}", lower(&multi_part.subtype)),
        encoding: String::new(),
        octets: None,
        charset: None,
        disposition: None,
        name: None,
    });
    for (index, part) in (1_u32..).zip(&multi_part.parts) {
        let number = [number, &[index]].concat();
        let depth = depth.saturating_add(1);
        match part {
            BodyStructure::Single(single) => self::single(single, number, depth, to),
            BodyStructure::Multi(_) => multi(part, number.clone(), &number, depth, to),
        }
    }
}

fn single(single: &SinglePart<'_>, number: Vec<u32>, depth: usize, to: &mut Vec<Part>) {
    let content_type = ContentType::parse(&field("x/x", &single.parameters));
    let disposition = single.extension.disposition.as_ref();
    let file_name = disposition
        .and_then(|disposition| {
            Disposition::parse(&field("x", &disposition.parameters)).file_name().map(ToOwned::to_owned)
        })
        .or_else(|| content_type.parameters.get("name").map(ToOwned::to_owned));
    to.push(Part {
        number: number.clone(),
        depth,
        media_type: format!("{}/{}", lower(&single.media), lower(&single.subtype)),
        encoding: lower(&single.encoding),
        octets: Some(single.octets),
        charset: content_type.charset().map(str::to_ascii_lowercase),
        disposition: disposition.map(|disposition| lower(&disposition.kind)),
        name: file_name,
    });
    if let Some(inner) = &single.message {
        message(&inner.structure, &number, depth.saturating_add(1), to);
    }
}

/// A header field with these parameters, for the parser that knows all their encodings.
fn field(value: &str, parameters: &List<'_, Param<'_>>) -> Vec<u8> {
    let mut field = value.as_bytes().to_vec();
    for Param { name, value } in parameters.iter() {
        let value = value.unwrap_or_default();
        field.extend_from_slice(b"; ");
        field.extend_from_slice(&name);
        field.push(b'=');
        if name.ends_with(b"*") {
            // RFC 2231 section 4: an encoded value is not quoted.
            field.extend_from_slice(&value);
            continue;
        }
        field.push(b'"');
        for octet in value.iter() {
            if matches!(octet, b'"' | b'\\') {
                field.push(b'\\');
            }
            field.push(*octet);
        }
        field.push(b'"');
    }
    field
}

fn lower(text: &Text<'_>) -> String {
    text.to_text().to_ascii_lowercase()
}

impl Part {
    /// A line of the tree.
    pub(crate) fn line(&self) -> String {
        let mut words = vec![self.media_type.clone()];
        words.extend(self.charset.clone());
        words.extend(Some(self.encoding.clone()).filter(|encoding| !encoding.is_empty()));
        words.extend(self.octets.map(|octets| format!("{octets} octets")));
        words.extend(self.disposition.clone());
        words.extend(self.name.as_ref().map(|name| format!("{name:?}")));
        format!("{:<9} {}{}", dotted(&self.number), "  ".repeat(self.depth), words.join("  "))
    }

    pub(crate) fn object(&self) -> serde_json::Value {
        json!({
            "part": if self.number.is_empty() { None } else { Some(dotted(&self.number)) },
            "type": self.media_type,
            "charset": self.charset,
            "encoding": Some(&self.encoding).filter(|encoding| !encoding.is_empty()),
            "octets": self.octets,
            "disposition": self.disposition,
            "name": self.name,
        })
    }
}

fn dotted(number: &[u32]) -> String {
    number.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use mailbearer::imap_protocol::{Data, Frame, Response};

    use super::*;

    fn shown(structure: &str) -> Vec<String> {
        let frame = Frame::from(format!("* 1 FETCH (BODYSTRUCTURE {structure})\r\n").into_bytes());
        let Ok(Response::Untagged(Data::Fetch(fetch))) = frame.response() else { panic!("{structure}") };
        parts(&fetch.items).unwrap().iter().map(Part::line).collect()
    }

    const TEXT: &str = "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"UTF-8\") NIL NIL \"QUOTED-PRINTABLE\" 12 1)";

    #[test]
    fn parts_are_numbered_as_they_are_fetched() {
        assert_eq!(shown(TEXT), ["1         text/plain  utf-8  quoted-printable  12 octets"]);
        let both = shown(&format!("{TEXT}({TEXT}{TEXT} \"MIXED\")"));
        assert_eq!(both.len(), 3, "{both:?}");
        let pdf = "(\"application\" \"pdf\" (\"name*\" \"utf-8''Bericht%20f%C3%BCr%20Ann.pdf\") NIL NIL \"base64\" 99 NIL \
                   (\"attachment\" (\"filename\" \"=?utf-8?q?a=22b?=\")) NIL)";
        let envelope = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
        let alternative = format!("({TEXT}{TEXT} \"ALTERNATIVE\")");
        let message =
            |inner: &str| format!("(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 500 {envelope} {inner} 9)");
        let all = format!("({alternative}{pdf}{}{} \"MIXED\")", message(TEXT), message(&alternative));
        assert_eq!(
            shown(&all),
            [
                "          multipart/mixed",
                "1           multipart/alternative",
                "1.1           text/plain  utf-8  quoted-printable  12 octets",
                "1.2           text/plain  utf-8  quoted-printable  12 octets",
                "2           application/pdf  base64  99 octets  attachment  \"a\\\"b\"",
                "3           message/rfc822  7bit  500 octets",
                "3.1           text/plain  utf-8  quoted-printable  12 octets",
                "4           message/rfc822  7bit  500 octets",
                "              multipart/alternative",
                "4.1             text/plain  utf-8  quoted-printable  12 octets",
                "4.2             text/plain  utf-8  quoted-printable  12 octets",
            ]
        );
        let unnamed = pdf.replace("\"attachment\" (\"filename\" \"=?utf-8?q?a=22b?=\")", "\"inline\" NIL");
        assert!(shown(&unnamed)[0].ends_with("inline  \"Bericht für Ann.pdf\""), "{:?}", shown(&unnamed));
    }
}
