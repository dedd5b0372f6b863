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
    let parameters = between_semicolons(field);
    let value = |name: String| {
        let pairs = parameters.iter().filter_map(|one| one.split_once('='));
        pairs.filter(|(own, _)| *own == name).map(|(_, value)| value).next()
    };
    let first = value(format!("{name}*")).or_else(|| value(format!("{name}*0*")));
    let rest = (1..).map_while(|number| value(format!("{name}*{number}*")));
    if let Some(first) = first {
        let escaped: String = first.strip_prefix("utf-8''").into_iter().chain(rest).collect();
        let mut pieces = escaped.split('%');
        let mut octets = pieces.next().unwrap_or_default().as_bytes().to_vec();
        for piece in pieces {
            let (digits, plain) = piece.split_at(2);
            octets.push(u8::from_str_radix(digits, 16).expect("two digits"));
            octets.extend(plain.as_bytes());
        }
        return String::from_utf8(octets).expect("UTF-8");
    }
    let value = value(name.into()).expect("the parameter");
    let Some(quoted) = value.strip_prefix('"') else { return value.into() };
    let (mut content, mut characters) = (String::new(), quoted.chars());
    while let Some(c) = characters.next().filter(|&c| c != '"') {
        content.push(if c == '\\' { characters.next().expect("what is escaped") } else { c });
    }
    content
}

/// What stands between the semicolons that are in no quotes.
fn between_semicolons(field: &str) -> Vec<&str> {
    let (mut all, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, octet) in field.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b';' if !quoted => {
                all.push(field[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    all.push(field[start..].trim());
    all
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
