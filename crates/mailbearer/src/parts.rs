use mailbearer_imap::{BodyStructure, Item, List, Param, SinglePart, Text};
use mailbearer_mime::decode::{ContentType, Disposition};

/// A part of a message, as the server tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// The number it is fetched by, as 1.2; empty for a multipart that is all of a message.
    pub number: Vec<u32>,
    /// How many parts it stands in.
    pub depth: usize,
    /// In lower case: `text/plain`.
    pub media_type: String,
    /// The transfer encoding, in lower case; empty for a multipart.
    pub encoding: String,
    /// Its octets as they are encoded; `None` for a multipart.
    pub octets: Option<u64>,
    /// In lower case.
    pub charset: Option<String>,
    /// `attachment`, `inline`, …
    pub disposition: Option<String>,
    /// A file's name, decoded; may hold control characters.
    pub name: Option<String>,
    /// What `cid:` in the HTML text calls it.
    pub content_id: Option<String>,
    /// The `Content-Type` field, whose parameters the text is read by; empty for a multipart.
    pub(crate) content_type: Vec<u8>,
}

impl Part {
    /// The parts of a message, each before those in it (RFC 9051 section 6.4.5), from the BODYSTRUCTURE among the items
    /// that a server told; `None` where there is none.
    ///
    /// Of two structures, as mail.ru sends them, the last is the message's. What the first describes comes before it,
    /// and has no number by which it could be fetched.
    #[must_use]
    pub fn all(told: &[Item<'_>]) -> Option<Vec<Self>> {
        let mut structures = told.iter().filter_map(|item| match item {
            Item::BodyStructure { structure, .. } => Some(&**structure),
            _ => None,
        });
        let last = structures.next_back()?;
        let mut parts = Vec::new();
        for stray in structures {
            message(stray, &[], 0, &mut parts);
        }
        parts.iter_mut().for_each(|stray| stray.number.clear());
        message(last, &[], 0, &mut parts);
        Some(parts)
    }
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
        content_id: None,
        content_type: Vec::new(),
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
    let media_type = format!("{}/{}", lower(&single.media), lower(&single.subtype));
    let value = field(&media_type, &single.parameters);
    let content_type = ContentType::parse(&value);
    let disposition = single.extension.disposition.as_ref();
    let file_name = disposition
        .and_then(|disposition| {
            Disposition::parse(&field("x", &disposition.parameters)).file_name().map(ToOwned::to_owned)
        })
        .or_else(|| content_type.parameters.get("name").map(ToOwned::to_owned));
    to.push(Part {
        number: number.clone(),
        depth,
        media_type,
        encoding: lower(&single.encoding),
        octets: Some(single.octets),
        charset: content_type.charset().map(str::to_ascii_lowercase),
        disposition: disposition.map(|disposition| lower(&disposition.kind)),
        name: file_name,
        content_id: single.id.as_ref().map(content_id).filter(|id| !id.is_empty()),
        content_type: value,
    });
    if let Some(inner) = &single.message {
        message(&inner.structure, &number, depth.saturating_add(1), to);
    }
}

fn content_id(id: &Text<'_>) -> String {
    let id = id.to_text();
    id.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
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
    // A literal may hold line ends, and what follows one would be a field.
    field.iter_mut().filter(|octet| matches!(octet, b'\r' | b'\n')).for_each(|octet| *octet = b' ');
    field
}

fn lower(text: &Text<'_>) -> String {
    text.to_text().to_ascii_lowercase()
}
