use mailbearer_imap::{BodyStructure, Item, List, Param, SinglePart, Text};
use mailbearer_mime::decode::{ContentType, Disposition};

/// A part of a message, as the server describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// The number to fetch it by, as 1.2. Empty for a multipart that is the whole message.
    pub number: Vec<u32>,
    /// How many parts it is nested in.
    pub depth: usize,
    /// Its media type in lower case: `text/plain`.
    pub media_type: String,
    /// Its transfer encoding in lower case. Empty for a multipart.
    pub encoding: String,
    /// Its size in octets before decoding. `None` for a multipart.
    pub octets: Option<u64>,
    /// Its charset in lower case.
    pub charset: Option<String>,
    /// `attachment`, `inline`, …
    pub disposition: Option<String>,
    /// The name of a file, decoded. It may hold control characters.
    pub name: Option<String>,
    /// The name by which `cid:` in the HTML text refers to it.
    pub content_id: Option<String>,
    /// The `Content-Type` field, whose parameters say how to read the text. Empty for a multipart.
    pub(crate) content_type: Vec<u8>,
}

impl Part {
    /// Returns the parts of a message, each before those in it (RFC 9051 section 6.4.5). `told` are the items that a
    /// server sent of the message. `None` if there is no BODYSTRUCTURE among them.
    ///
    /// mail.ru sends two structures. The last one is the message's. The parts of the first come before it, and have no
    /// number to fetch them by.
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

/// A message that is a single part is part 1; one that is a multipart has no number of its own.
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

/// Writes a header field with these parameters, for the parser that knows all their encodings, also of quoted values.
fn field(value: &str, parameters: &List<'_, Param<'_>>) -> Vec<u8> {
    let mut field = value.as_bytes().to_vec();
    for Param { name, value } in parameters.iter() {
        let value = value.unwrap_or_default();
        field.extend_from_slice(b"; ");
        field.extend_from_slice(&name);
        field.push(b'=');
        field.push(b'"');
        for octet in value.iter() {
            if matches!(octet, b'"' | b'\\') {
                field.push(b'\\');
            }
            field.push(*octet);
        }
        field.push(b'"');
    }
    // A literal may hold line ends, and what follows one would become a field.
    field.iter_mut().filter(|octet| matches!(octet, b'\r' | b'\n')).for_each(|octet| *octet = b' ');
    field
}

fn lower(text: &Text<'_>) -> String {
    text.to_text().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use mailbearer_imap::{Data, Limits, Quirks, Response, parse_response};

    use super::*;

    #[test]
    fn names_are_what_the_parameters_say() {
        for (disposition, want) in [
            (r#"("FILENAME" "a.txt")"#, "a.txt"),
            (r#"("filename*" "utf-8''%E5%8F%91.txt")"#, "\u{53d1}.txt"),
            (r#"("filename*0*" "utf-8''a%20" "filename*1" "b.txt")"#, "a b.txt"),
            (r#"("filename" "a \"b\"; x=y\\.txt")"#, r#"a "b"; x=y\.txt"#),
            (r#"("filename" "a\"; x=\"b")"#, "a\"; x=\"b"),
            ("(\"filename\" {6}\r\na\r\nb: )", "a  b: "),
            ("(\"filename*\" {15}\r\nutf-8''a\r\nX: bc)", "a  X: bc"),
            (r#"("filename" "=?utf-8?q?=C3=BC?=.txt")"#, "\u{fc}.txt"),
            ("NIL", "of the type"),
        ] {
            let line = format!(
                "* 1 FETCH (BODYSTRUCTURE (\"a\" \"b\" (\"name\" \"of the type\") NIL NIL \"7bit\" 1 NIL (\"attachment\" {disposition}) NIL NIL))\r\n"
            );
            let response = parse_response(line.as_bytes(), &Limits::default(), &Quirks::default());
            let Ok(Response::Untagged(Data::Fetch(fetch))) = response else { panic!("{line}: {response:?}") };
            let parts = Part::all(&fetch.items).unwrap();
            let names: Vec<_> = parts.iter().map(|part| part.name.as_deref().unwrap_or_default()).collect();
            assert_eq!(names, [want], "{disposition}");
        }
    }
}
