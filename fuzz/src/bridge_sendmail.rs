//! Whatever words sendmail is called with, and whatever text it is given: nothing of it can add a command or a field.

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

use mailbearer_bridge::sendmail::{Aliases, Arguments, Repair, repair};

use crate::pieces::knobs;

/// `data` is a kind, and words with a NUL between them, a file of aliases, or a text.
pub fn run(data: &[u8]) {
    let ([kind], rest) = knobs(data);
    match kind % 3 {
        0 => arguments(rest),
        1 => aliases(rest),
        _ => header(rest),
    }
}

fn arguments(words: &[u8]) {
    let words = words.split(|octet| *octet == 0).map(|word| OsString::from_vec(word.to_vec()));
    let Ok(arguments) = Arguments::parse(words) else { return };
    let texts = arguments.recipients.iter().chain(&arguments.sender).chain(&arguments.name);
    for text in texts.chain(&arguments.envelope_id) {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

fn aliases(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let Ok(aliases) = Aliases::parse(&text) else { return };
    for name in text.split([':', ',', '\n']).take(20) {
        if let Ok(found) = aliases.resolve(name.trim(), "own@x.test") {
            assert!(found.iter().all(|address| address.contains('@')), "{found:?}");
        }
    }
}

fn header(text: &[u8]) {
    let aliases = Aliases::parse("root: ann@x.test\ndefault: own@x.test\n").expect("it is fine");
    let settings = Repair { own: "own@x.test", aliases: &aliases, host: "box" };
    let once = repair(text, &settings).expect("every name has an address");
    // It has a header section, and its repair changes nothing more.
    let twice = repair(&once.octets, &settings).expect("every name has an address");
    assert_eq!(once.octets.escape_ascii().to_string(), twice.octets.escape_ascii().to_string());
    if may_hide(text) {
        // The first repair takes out the fields that name hidden recipients.
        let was_named = |address| once.recipients.contains(address);
        assert!(twice.recipients.iter().all(was_named), "{:?}", twice.recipients);
    } else {
        assert_eq!(once.recipients, twice.recipients);
    }
    assert!(once.recipients.iter().all(|address| !address.is_empty()));
}

/// Whether a line may name hidden recipients, whatever invisible octets are in its name.
fn may_hide(text: &[u8]) -> bool {
    let visible: Vec<u8> =
        text.iter().filter(|octet| octet.is_ascii_graphic()).map(u8::to_ascii_lowercase).collect();
    visible.windows(4).any(|four| four == b"bcc:")
}
