//! A list of addresses has none that its text does not have, and what is written of them reads back.

use mailbearer_mime::{
    Address, DateTime, Headers, Message,
    decode::{self, AddressOrGroup, DisplayAddress},
};

/// `data` is the value of an address field.
pub fn run(data: &[u8]) {
    let entries = decode::address_list(data);
    let mut read: Vec<DisplayAddress> = Vec::new();
    for entry in entries {
        match entry {
            AddressOrGroup::Address(one) => read.push(one),
            AddressOrGroup::Group { members, .. } => read.extend(members),
        }
    }
    let ats = |octets: &[u8]| octets.iter().filter(|octet| **octet == b'@').count();
    let with_at = read.iter().filter(|one| one.address.contains('@'));
    assert!(with_at.count() <= ats(data), "{read:?}");
    for one in &read {
        // Comments and white space are left out of an address, and nothing is put in: no encoded word makes one.
        let mut rest = data.iter();
        let is_there = |octet: u8| rest.any(|other| *other == octet);
        assert!(
            !one.address.is_ascii() || one.address.bytes().all(is_there),
            "{one:?} in {}",
            data.escape_ascii()
        );
    }
    round_trip(&read);
}

/// What can be sent to is written, and read as it was.
fn round_trip(read: &[DisplayAddress]) {
    let address = |one: &DisplayAddress| Address::named(&one.name, &one.address).ok();
    let wanted: Vec<Address> = read.iter().filter_map(address).collect();
    let Some(first) = wanted.first() else { return };
    let message = wanted.iter().cloned().fold(Message::new(first.clone()), Message::to);
    let composed = message.build(DateTime::new(0, 0).expect("a date"), [7; 16]).expect("a message");
    let headers = Headers::parse(&composed.octets).expect("few fields");
    let field = headers.get("to").expect("recipients");
    // Only an address makes a line longer, because it can't be folded.
    for line in str::from_utf8(field.raw()).expect("text").lines().filter(|line| line.len() > 78) {
        let alone = line.trim().trim_end_matches(',').trim_matches(['<', '>']);
        assert!(wanted.iter().any(|one| one.address() == alone), "{line}");
    }
    let again = field.addresses();
    assert_eq!(again.len(), wanted.len(), "{again:?}");
    for (entry, wanted) in again.iter().zip(&wanted) {
        let AddressOrGroup::Address(one) = entry else { panic!("{entry:?} for {wanted:?}") };
        assert_eq!((one.name.as_str(), one.address.as_str()), (wanted.name(), wanted.address()));
    }
}
