//! What is read of names, numbers and dates is written the same.

use mailbearer_imap::{Atom, Date, DateTime, Flag, Mailbox, Part, SequenceSet, parse_date, parse_date_time};

/// `data` is the text of each.
pub fn run(data: &[u8]) {
    if let Ok(mailbox) = Mailbox::from_wire(data) {
        assert_eq!(mailbox.as_bytes(), data);
        assert!(!mailbox.to_string().chars().any(char::is_control));
        named(&mailbox.to_text());
    }
    if let Ok(set) = SequenceSet::parse(data) {
        let shown = set.to_string();
        assert_eq!(SequenceSet::parse(shown.as_bytes()).as_ref(), Ok(&set));
        if set.count().is_some_and(|count| count < 1000) {
            let numbers: Vec<u32> = set.numbers(7).collect();
            assert_eq!(Some(numbers.len() as u64), set.count());
            assert!(numbers.iter().all(|number| set.contains(*number, 7)));
        }
    }
    if let Ok(date) = parse_date(data) {
        assert_eq!(Date::new(date.year(), date.month(), date.day()), Ok(date));
    }
    if let Ok(time) = parse_date_time(data) {
        assert_eq!(DateTime::at(time.date(), time.time(), time.offset_minutes()), Ok(time), "{time}");
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    named(text);
    if let Ok(part) = Part::parse(text) {
        let numbers: Vec<u32> = part.numbers().collect();
        assert_eq!(Part::new(&numbers).numbers().collect::<Vec<_>>(), numbers);
    }
    if let Ok(atom) = Atom::new(text) {
        assert_eq!(atom.as_bytes(), data);
    }
    if let Ok(flag) = Flag::new(text) {
        assert!(flag.is(text.strip_prefix('\\').unwrap_or(text)));
        let shown = flag.to_string();
        assert_eq!(Flag::new(&shown).as_ref(), Ok(&flag), "{shown}");
    }
}

/// What a person calls a mailbox is what a person reads of it, and goes over the wire in printable ASCII.
fn named(name: &str) {
    let Ok(mailbox) = Mailbox::new(name) else {
        assert!(name.contains(['\r', '\n', '\0']));
        return;
    };
    assert!(mailbox.as_bytes().iter().all(|octet| matches!(octet, b' '..=b'~')));
    let again = Mailbox::from_wire(mailbox.as_bytes());
    assert_eq!(again.as_ref().map(Mailbox::to_text).as_deref(), Ok(name));
}
