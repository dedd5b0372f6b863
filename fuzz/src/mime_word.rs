//! A subject that is written is read as it was, and encoded words of anybody never panic nor grow without bound.

use mailbearer_mime::{Address, DateTime, Headers, Message, decode};

/// `data` is a value with encoded words in it, and a subject to be written.
pub fn run(data: &[u8]) {
    let read = decode::unstructured(data);
    assert!(read.len() <= data.len().saturating_mul(4) + 4, "{} octets became {}", data.len(), read.len());
    if data.is_ascii() && !data.windows(2).any(|pair| pair == b"=?") && !data.contains(&b'\n') {
        assert_eq!(read.as_bytes(), data, "text without words stays");
    }
    for subject in [&*read, &String::from_utf8_lossy(data)] {
        let ann = Address::new("ann@example.org").expect("an address");
        let message = Message::new(ann.clone()).to(ann).subject(subject);
        let Ok(composed) = message.build(DateTime::new(0, 0).expect("a date"), [7; 16]) else {
            assert!(subject.contains(['\r', '\n', '\0']), "{subject:?}");
            continue;
        };
        let headers = Headers::parse(&composed.octets).expect("few fields");
        let field = headers.get("subject").expect("a subject");
        assert_eq!(field.text(), subject, "{}", field.raw().escape_ascii());
        assert!(field.raw().split(|octet| *octet == b'\n').all(|line| line.len() <= 79), "{}", field.raw().escape_ascii());
        // Each word is text by itself: some readers don't join what is cut within a character (RFC 2047 section 5).
        let is_whole = |line: &[u8]| !decode::unstructured(line.trim_ascii()).contains('\u{FFFD}');
        let mut lines = field.raw().split(|octet| *octet == b'\n');
        assert!(subject.contains('\u{FFFD}') || lines.all(is_whole), "{}", field.raw().escape_ascii());
        assert_eq!(headers.iter().count(), 8, "{}", composed.octets.escape_ascii());
    }
}
