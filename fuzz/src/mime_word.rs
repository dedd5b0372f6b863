//! A subject that is written is read as it was, and encoded words of anybody never panic nor grow without bound.

use mailbearer_mime::{Address, DateTime, Headers, Message, decode};

use crate::by_hand;

/// `data` is a value with encoded words in it, and a subject to be written.
pub fn run(data: &[u8]) {
    let read = decode::unstructured(data);
    assert!(read.len() <= data.len().saturating_mul(4) + 4, "{} octets became {}", data.len(), read.len());
    if data.is_ascii() && !data.windows(2).any(|pair| pair == b"=?") && !data.contains(&b'\n') {
        assert_eq!(read.as_bytes(), data, "text without words stays");
    }
    read_as_written(&String::from_utf8_lossy(data));
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
        // Not by our own reader alone.
        let raw = str::from_utf8(field.raw()).expect("ASCII");
        assert_eq!(by_hand::read(raw.trim_end_matches(['\r', '\n'])), *subject, "{raw:?}");
        assert!(
            field.raw().split(|octet| *octet == b'\n').all(|line| line.len() <= 79),
            "{}",
            field.raw().escape_ascii()
        );
        // Each word is text by itself: some readers don't join what is cut within a character (RFC 2047 section 5).
        let is_whole = |line: &[u8]| !decode::unstructured(line.trim_ascii()).contains('\u{FFFD}');
        let mut lines = field.raw().split(|octet| *octet == b'\n');
        assert!(subject.contains('\u{FFFD}') || lines.all(is_whole), "{}", field.raw().escape_ascii());
        assert_eq!(headers.iter().count(), 8, "{}", composed.octets.escape_ascii());
    }
}

/// Words that others write are read as the text that they are of: each character in a word of its own, and many in one.
fn read_as_written(text: &str) {
    let text = text.replace('\u{feff}', "");
    let characters: Vec<String> = text.chars().map(String::from).collect();
    let in_q = |text: &String| format!("=?UTF-8?q?{}?=", by_hand::escaped(text.as_bytes(), '=').concat());
    let in_b = |text: &String| format!("=?utf-8*en?B?{}?=", by_hand::base64(text.as_bytes()));
    for words in [
        characters.iter().map(in_q).collect::<Vec<_>>(),
        characters.iter().map(in_b).collect(),
        characters.chunks(9).map(|some| in_b(&some.concat())).collect(),
    ] {
        assert_eq!(decode::unstructured(words.join("\r\n ").as_bytes()), text, "{words:?}");
    }
    // Of ISO 8859-1 what windows-1252 has too.
    let latin: String =
        text.chars().filter(|&c| c.is_ascii() || ('\u{a0}'..='\u{ff}').contains(&c)).collect();
    let octets: Vec<u8> = latin.chars().map(|c| u8::try_from(c).expect("Latin-1")).collect();
    for words in [
        octets
            .chunks(9)
            .map(|some| format!("=?iso-8859-1?Q?{}?=", by_hand::escaped(some, '=').concat()))
            .collect(),
        octets
            .chunks(9)
            .map(|some| format!("=?ISO-8859-1?b?{}?=", by_hand::base64(some)))
            .collect::<Vec<_>>(),
    ] {
        assert_eq!(decode::unstructured(words.join(" ").as_bytes()), latin, "{words:?}");
    }
}
