//! The name of a file that is written is read as it was, from both fields; parameters of anybody are each there once.

use std::collections::BTreeSet;

use mailbearer_mime::{
    Address, DateTime, Limits, Message,
    decode::{ContentType, Disposition},
    parse,
};

/// `data` is the value of a field with parameters, and a file's name.
pub fn run(data: &[u8]) {
    let limits = Limits::default();
    for parameters in [ContentType::parse_with(data, &limits).parameters, Disposition::parse_with(data, &limits).parameters]
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
}
