//! The name of a file that is written is read as it was, from both fields; parameters of anybody are each there once.

use std::collections::BTreeSet;

use mailbearer_mime::{
    Address, DateTime, Limits, Message,
    decode::{ContentType, Disposition},
    parse,
};

use crate::by_hand;
use crate::pieces::{Random, knobs};

/// `data` is the value of a field with parameters, and a file's name.
pub fn run(data: &[u8]) {
    let limits = Limits::default();
    for parameters in
        [ContentType::parse_with(data, &limits).parameters, Disposition::parse_with(data, &limits).parameters]
    {
        let mut names = BTreeSet::new();
        let mut octets = 0_usize;
        for (name, value) in parameters.iter() {
            assert!(names.insert(name.to_owned()), "{name} twice");
            assert_eq!(parameters.get(&name.to_ascii_uppercase()), Some(value));
            octets += name.len() + value.len();
        }
        assert!(octets <= data.len().saturating_mul(4) + 4, "{} octets became {octets}", data.len());
        assert!(names.len() <= limits.parameters);
    }
    read_as_written(data);
    let name = String::from_utf8_lossy(data);
    let ann = Address::new("ann@example.org").expect("an address");
    let message = Message::new(ann.clone()).to(ann).attach(&*name, "application/pdf", *b"x");
    let Ok(composed) = message.build(DateTime::new(0, 0).expect("a date"), [7; 16]) else {
        assert!(name.contains(['\r', '\n', '\0']), "{name:?}");
        return;
    };
    let parsed = parse::Message::parse(&composed.octets);
    assert_eq!((parsed.parts().len(), parsed.defects()), (3, &[][..]), "{}", composed.octets.escape_ascii());
    let part = &parsed.parts()[2];
    let shown = || part.raw_header().escape_ascii().to_string();
    assert_eq!(part.disposition().and_then(Disposition::file_name).unwrap_or_default(), name, "{}", shown());
    assert_eq!(part.content_type().parameters.get("name").unwrap_or_default(), name, "{}", shown());
    for parameters in [&part.content_type().parameters, &part.disposition().expect("one").parameters] {
        assert_eq!(parameters.iter().count(), 1, "{}", shown());
    }
    // Not by our own reader alone.
    let header = String::from_utf8_lossy(part.raw_header()).replace("\r\n ", " ");
    let field = |name: &str| header.lines().find_map(|line| line.strip_prefix(name)).expect("the field");
    assert_eq!(by_others(field("Content-Disposition: attachment;"), "filename"), name, "{}", shown());
    let old = by_others(field("Content-Type: application/pdf;"), "name");
    assert_eq!(if old.contains("=?") { by_hand::read(&old) } else { old }, name, "{}", shown());
}

/// The value of a parameter in a field of one line: that in the form of RFC 2231 if there is one, else in quotes or a token.
fn by_others(field: &str, name: &str) -> String {
    let mut octets = Vec::new();
    for number in 0.. {
        let names = if number == 0 {
            vec![format!(" {name}*="), format!(" {name}*0*=")]
        } else {
            vec![format!(" {name}*{number}*=")]
        };
        let Some(value) =
            names.iter().find_map(|name| field.split_once(name.as_str())).map(|(_, value)| value)
        else {
            break;
        };
        let value = value.split(';').next().unwrap_or_default();
        let mut rest = if number == 0 { value.strip_prefix("utf-8''").expect("a charset") } else { value };
        while let Some(octet) = rest.bytes().next() {
            let len = if octet == b'%' { 3 } else { 1 };
            octets.push(if octet == b'%' {
                u8::from_str_radix(&rest[1..3], 16).expect("two digits")
            } else {
                octet
            });
            rest = &rest[len..];
        }
    }
    if !octets.is_empty() {
        return String::from_utf8(octets).expect("UTF-8");
    }
    let (_, value) = field.split_once(&format!(" {name}=")).expect("the parameter");
    let Some(quoted) = value.strip_prefix('"') else { return value.into() };
    let (mut content, mut characters) = (String::new(), quoted.chars());
    while let Some(c) = characters.next().filter(|&c| c != '"') {
        content.push(if c == '\\' { characters.next().expect("what is escaped") } else { c });
    }
    content
}

/// Parameters that others write, in each form and with their sections in any order, are read as the values that they are of.
fn read_as_written(data: &[u8]) {
    let ([seed], data) = knobs(data);
    let mut random = Random(u32::from(seed));
    let (mut written, mut values) = (Vec::new(), Vec::new());
    for (number, octets) in
        data.split(|&octet| octet == 0).filter(|octets| !octets.is_empty()).take(8).enumerate()
    {
        let text = String::from_utf8_lossy(octets).replace('\u{feff}', "x");
        let plain: String = text.chars().filter(|c| matches!(c, ' '..='~')).collect();
        let plain = plain.replace("=?", "x");
        let value = match random.below(3) {
            0 => {
                written.push(format!("p{number}=\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\"")));
                plain
            }
            1 => {
                written
                    .push(format!("P{number}*=UTF-8'en'{}", by_hand::escaped(text.as_bytes(), '%').concat()));
                text
            }
            _ => {
                let escaped = by_hand::escaped(text.as_bytes(), '%');
                let sections = escaped.chunks(escaped.len().div_ceil(1 + random.below(12)));
                for (section, octets) in sections.enumerate() {
                    let charset = if section == 0 { "utf-8''" } else { "" };
                    written.push(format!("p{number}*{section}*={charset}{}", octets.concat()));
                }
                text
            }
        };
        values.push((format!("p{number}"), value));
    }
    for at in 1..written.len() {
        written.swap(at, random.below(at + 1));
    }
    let field = ["attachment", &written.join("; ")].join("; ");
    let read = Disposition::parse(field.as_bytes()).parameters;
    let read: Vec<_> = read.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(read, values, "{field:?}");
}
