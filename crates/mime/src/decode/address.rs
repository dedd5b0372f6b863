//! Address headers for display: everything that looks like an address, and never an error.

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use core::ops::Range;

use super::charset::Charset;
use super::encoded_word::{strict_len, unstructured_in};
use crate::address::quote;
use crate::ascii::{is_space, tail};

/// An entry of an address header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "`address` of RFC 5322 is a mailbox or a group")]
pub enum AddressOrGroup {
    /// One mailbox.
    Address(DisplayAddress),
    /// `group = display-name ":" [group-list] ";"` (RFC 5322 section 3.4), as `undisclosed-recipients:;` is.
    Group {
        /// Name of the group, decoded.
        name: String,
        /// Who is in it.
        members: Vec<DisplayAddress>,
    },
}

/// A mailbox as it arrived, for people to read.
///
/// The address is not checked; [`crate::Address::new`] tells whether mail can be sent to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a name and an address")]
pub struct DisplayAddress {
    /// Name, decoded; empty if there is none.
    pub name: String,
    /// Address without white space, comments and route; empty if there is none.
    pub address: String,
}

impl DisplayAddress {
    /// A mailbox with this name, decoded, and this address.
    #[must_use]
    pub fn new(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self { name: name.into(), address: address.into() }
    }
}

impl fmt::Display for DisplayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name.as_str(), self.address.as_str()) {
            ("", address) => f.write_str(address),
            (name, "") => f.write_str(name),
            // So that a name is not taken for an address, or for two people.
            (name, address) if name.contains(['<', '>', '@', ',', ';']) => {
                write!(f, "{} <{address}>", quote(name))
            }
            (name, address) => write!(f, "{name} <{address}>"),
        }
    }
}

/// Reads the value of `From`, `To`, `Cc` and their like, folds included.
///
/// Takes the obsolete forms of RFC 5322 section 4.4: routes, white space and comments anywhere, empty places
/// in the list; the comment as name, `a@b (Name)`; and what mailers get wrong: encoded words in quotes or
/// with a comma in them, a name with commas and without quotes, `;` between addresses, a quote, bracket or group left
/// open, a colon in a name, a name without an address, brackets or commas that are missing. The list is split before anything in it is
/// decoded, and an address is never put together from words that white space separates. Takes time linear in `value`.
#[must_use]
pub fn address_list(value: &[u8]) -> Vec<AddressOrGroup> {
    address_list_in(value, Charset::Guess)
}

/// As [`address_list`], for a message that is written in `raw`.
pub(crate) fn address_list_in(value: &[u8], raw: Charset) -> Vec<AddressOrGroup> {
    match raw.without_halves(value) {
        Some(value) => list_of(&value, raw),
        None => list_of(value, raw),
    }
}

fn list_of(value: &[u8], raw: Charset) -> Vec<AddressOrGroup> {
    let mut list = List { entries: Vec::new(), group: None, entry: Entry::default(), names: Vec::new(), raw };
    let (mut quotes, mut rest) = (true, up_to_bare_cr(value));
    while let Some((&byte, after)) = rest.split_first() {
        let entry = &mut list.entry;
        rest = match byte {
            b',' => {
                list.end_of_entry();
                after
            }
            b';' => {
                list.end_of_group();
                after
            }
            b':' if list.group.is_none() && entry.angle.is_none() => {
                let name = mem::take(entry).name(raw);
                list.end_of_names();
                // As a link has it.
                if !name.eq_ignore_ascii_case("mailto") {
                    list.group = Some((name, Vec::new()));
                }
                after
            }
            // A quote left open is dropped, and no later one can be closed.
            b'"' if quotes && !has_quote(after) => {
                quotes = false;
                after
            }
            b'"' if quotes => entry.quoted_string(after),
            b'(' => entry.comment(after),
            b'<' => {
                if entry.angle.is_some() {
                    list.second_angle();
                }
                list.entry.angle(after)
            }
            b'[' => entry.domain_literal(rest),
            b'=' => match strict_len(rest).and_then(|len| rest.split_at_checked(len)) {
                Some((word, after)) => {
                    entry.encoded_word(word);
                    after
                }
                None => {
                    entry.text(b"=");
                    after
                }
            },
            b'"' | b'\\' | b'>' => after,
            _ if is_space(byte) => {
                entry.space(byte);
                after
            }
            _ => {
                let end = rest.iter().position(|byte| is_space(*byte) || SPECIALS.contains(byte));
                let (text, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or_default();
                match text {
                    [] => {
                        entry.text(&[byte]);
                        tail(rest, 1)
                    }
                    text => {
                        entry.text(text);
                        after
                    }
                }
            }
        };
    }
    list.end_of_list();
    list.entries
}

/// The octets up to a CR with text behind it, which ends no line. Where CR alone ends lines the other fields of the message
/// are behind it, and the ids in them look like addresses.
fn up_to_bare_cr(value: &[u8]) -> &[u8] {
    let is_bare = |&at: &usize| value.get(at.saturating_add(1)).is_some_and(|&next| !is_space(next));
    let end = memchr::memchr_iter(b'\r', value).find(is_bare);
    end.and_then(|end| value.get(..end)).unwrap_or(value)
}

/// Octets with a meaning in the grammar.
const SPECIALS: &[u8] = b",;:\"(<[=\\>";

/// Whether a quoted string that `input` is the inside of is closed.
fn has_quote(input: &[u8]) -> bool {
    let mut bytes = input.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return true,
            b'\\' => _ = bytes.next(),
            _ => {}
        }
    }
    false
}

struct List {
    entries: Vec<AddressOrGroup>,
    group: Option<(String, Vec<DisplayAddress>)>,
    entry: Entry,
    /// The entries before this one that may be pieces of its name: those of `Doe, Ann, PhD <a@b>`.
    names: Vec<DisplayAddress>,
    raw: Charset,
}

impl List {
    fn end_of_entry(&mut self) {
        let entry = mem::take(&mut self.entry);
        let has_angle = entry.angle.is_some();
        let mut mailboxes = entry.mailboxes(self.raw);
        match mailboxes.as_mut_slice() {
            [mailbox] if !has_angle && is_piece_of_name(mailbox) => return self.names.append(&mut mailboxes),
            [mailbox] if has_angle && !self.names.is_empty() && !mailbox.name.is_empty() => {
                let mut name = String::new();
                for piece in self.names.drain(..) {
                    // One of them is empty.
                    name.push_str(&piece.name);
                    name.push_str(&piece.address);
                    name.push_str(", ");
                }
                mailbox.name.insert_str(0, &name);
            }
            [] => return,
            _ => {}
        }
        self.end_of_names();
        self.push(mailboxes);
    }

    /// What no brackets follow are entries of their own.
    fn end_of_names(&mut self) {
        if !self.names.is_empty() {
            let names = mem::take(&mut self.names);
            self.push(names);
        }
    }

    fn push(&mut self, mailboxes: Vec<DisplayAddress>) {
        match &mut self.group {
            Some((_, members)) => members.extend(mailboxes),
            None => self.entries.extend(mailboxes.into_iter().map(AddressOrGroup::Address)),
        }
    }

    /// One entry has one pair of brackets. Where the pair before holds an address a comma is missing between the two, and
    /// where it does not, as in `Ann <Annie> Example <a@b>`, it is a piece of the name.
    fn second_angle(&mut self) {
        let Some(words) = self.entry.angle.take() else { return };
        let behind = self.entry.phrase.split_off(self.entry.angle_end.min(self.entry.phrase.len()));
        if words.list.iter().any(|word| word.is_address) {
            self.entry.angle = Some(words);
            self.end_of_entry();
        } else {
            let text = words.list.iter().map(|word| word.text.as_slice()).collect::<Vec<_>>().join(&b' ');
            self.entry.phrase.extend_from_slice(&[b"<", text.as_slice(), b">"].concat());
        }
        self.entry.phrase.extend_from_slice(&behind);
    }

    /// One person behind a colon, and no semicolon behind him: the colon is a piece of his name.
    fn end_of_list(&mut self) {
        self.end_of_entry();
        self.end_of_names();
        let Some((name, mut members)) = self.group.take() else { return };
        match members.as_mut_slice() {
            [member] if !member.name.is_empty() => {
                member.name.insert_str(0, &[&name, ": "].concat());
                self.push(members);
            }
            _ => self.entries.push(AddressOrGroup::Group { name, members }),
        }
    }

    fn end_of_group(&mut self) {
        self.end_of_entry();
        self.end_of_names();
        if let Some((name, members)) = self.group.take() {
            self.entries.push(AddressOrGroup::Group { name, members });
        }
    }
}

/// Whether an entry without brackets is no address: a name, or one word that is written as names are, and users are not.
fn is_piece_of_name(mailbox: &DisplayAddress) -> bool {
    let is_user = |first: &u8| first.is_ascii() && !first.is_ascii_uppercase();
    mailbox.address.is_empty()
        || mailbox.name.is_empty()
            && !mailbox.address.contains('@')
            && !mailbox.address.as_bytes().first().is_some_and(is_user)
}

/// One entry while it is read; only its end tells whether the text is a name or an address.
#[derive(Default)]
struct Entry {
    /// Text without quotes, white space kept: a name.
    phrase: Vec<u8>,
    /// The same text with quotes, as words: addresses, and what stands between them.
    words: Words,
    angle: Option<Words>,
    /// Offset in the phrase behind it.
    angle_end: usize,
    comment: Vec<u8>,
}

/// Text cut at white space, but for that around the `@` and before a dot, which RFC 5322 section 4.4 allows inside of
/// an address.
#[derive(Default)]
struct Words {
    list: Vec<Word>,
    spaced: bool,
}

#[derive(Default)]
struct Word {
    text: Vec<u8>,
    /// Where it begins and ends in the phrase.
    phrase: Range<usize>,
    /// Whether there is an `@` outside of quotes.
    is_address: bool,
}

impl Words {
    /// `at` is where the text stands in the phrase, `quoted` that it is the content of quotes.
    fn push(&mut self, text: &[u8], at: usize, quoted: bool) {
        let joins = match (self.list.last(), text.first()) {
            (None, _) => false,
            (Some(_), _) if !self.spaced || quoted => true,
            (Some(last), first) => {
                let after_at = last.text.ends_with(b"@");
                let before = match first {
                    Some(b'@') => !last.is_address,
                    Some(b'.') => true,
                    _ => false,
                };
                after_at || before || (last.is_address && last.text.ends_with(b".") && is_label(text))
            }
        };
        if !joins {
            self.list.push(Word { phrase: at..at, ..Word::default() });
        }
        self.spaced = false;
        if let Some(word) = self.list.last_mut() {
            word.is_address |= !quoted && memchr::memchr(b'@', text).is_some();
            word.text.extend_from_slice(text);
            word.phrase.end = at.saturating_add(text.len());
        }
    }
}

impl Word {
    /// Whether it looks like the end of a name of Lotus Notes, as of `Ann Example/Sales/Org@Domain`.
    fn is_of_notes(&self) -> bool {
        let at = memchr::memrchr(b'@', &self.text).unwrap_or_default();
        let (user, domain) = self.text.split_at_checked(at).unwrap_or_default();
        user.get(1..).is_some_and(|user| user.contains(&b'/')) && !domain.contains(&b'.')
    }

    /// Whether it is what white space cut off the address before it: what is left there is somebody else's.
    fn is_rest_of_domain(&self) -> bool {
        let inner = self.text.split_last().map(|(_, inner)| inner).unwrap_or_default();
        !self.is_address && is_label(&self.text) && inner.contains(&b'.')
    }
}

/// Whether `text` can be the rest of a domain that white space was put into.
fn is_label(text: &[u8]) -> bool {
    text.iter().all(|&byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
}

impl Entry {
    fn text(&mut self, text: &[u8]) {
        self.words.push(text, self.phrase.len(), false);
        self.phrase.extend_from_slice(text);
    }

    fn space(&mut self, byte: u8) {
        self.words.spaced = true;
        self.phrase.push(byte);
    }

    /// An encoded word is text for people, and no part of an address.
    fn encoded_word(&mut self, word: &[u8]) {
        self.words.spaced = true;
        self.words.push(&[], self.phrase.len(), false);
        if let Some(last) = self.words.list.last_mut() {
            last.text.extend_from_slice(word);
        }
        self.words.spaced = true;
        self.phrase.extend_from_slice(word);
    }

    fn quoted_string<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        self.words.push(b"\"", self.phrase.len(), false);
        let mut rest = input;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            match (byte, after) {
                (b'"', _) => break,
                (b'\\', [escaped, after @ ..]) => {
                    self.words.push(&[byte, *escaped], self.phrase.len(), true);
                    self.phrase.push(*escaped);
                    rest = after;
                }
                _ => {
                    self.words.push(&[byte], self.phrase.len(), true);
                    self.phrase.push(byte);
                }
            }
        }
        self.words.push(b"\"", self.phrase.len(), true);
        rest
    }

    /// `comment = "(" *([FWS] ccontent) [FWS] ")"`, nested to any depth; the first one counts.
    fn comment<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let first = self.comment.is_empty();
        let (mut depth, mut rest) = (0usize, input);
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            let mut kept = byte;
            match (byte, after) {
                (b')', _) if depth == 0 => break,
                (b')', _) => depth = depth.saturating_sub(1),
                (b'(', _) => depth = depth.saturating_add(1),
                (b'\\', [escaped, after @ ..]) => {
                    kept = *escaped;
                    rest = after;
                }
                _ => {}
            }
            if first {
                self.comment.push(kept);
            }
        }
        rest
    }

    /// `angle-addr` and `obs-angle-addr`; one left open ends before the next comma.
    fn angle<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let mut words = Words::default();
        let (mut quoted, mut rest, mut route) = (false, input, false);
        while let Some((&byte, after)) = rest.split_first() {
            match byte {
                b'>' if !quoted => {
                    rest = after;
                    break;
                }
                // The commas of a route, `<@a,@b:c@d>`, are part of it.
                b',' if !quoted && !route => break,
                b'<' if !quoted => words = Words::default(),
                b':' if !quoted && route => (words, route) = (Words::default(), false),
                b'(' if !quoted => {
                    rest = self.comment(after);
                    continue;
                }
                b'"' => {
                    words.push(b"\"", 0, quoted);
                    quoted = !quoted;
                }
                b'\\' if quoted => {
                    words.push(&[byte], 0, true);
                    if let Some((&escaped, after)) = after.split_first() {
                        words.push(&[escaped], 0, true);
                        rest = after;
                        continue;
                    }
                }
                _ if is_space(byte) && !quoted => words.spaced = true,
                _ => {
                    route |= byte == b'@' && words.list.is_empty();
                    words.push(&[byte], 0, quoted);
                }
            }
            rest = after;
        }
        self.angle = Some(words);
        self.angle_end = self.phrase.len();
        rest
    }

    /// `domain-literal`, whose colons open no group.
    fn domain_literal<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let end = input.iter().position(|&byte| matches!(byte, b']' | b',')).unwrap_or(input.len());
        let (literal, rest) = input.split_at_checked(end).unwrap_or_default();
        self.text(literal);
        if rest.first() == Some(&b']') {
            self.text(b"]");
            return tail(rest, 1);
        }
        rest
    }

    fn mailboxes(&self, raw: Charset) -> Vec<DisplayAddress> {
        let mut mailboxes = match &self.angle {
            Some(words) => Self::in_angle(words, self.name(raw)),
            None => self.in_phrase(raw),
        };
        mailboxes.retain(|mailbox| *mailbox != DisplayAddress::default());
        // A comment names the one address that it stands beside.
        if let [mailbox] = mailboxes.as_mut_slice()
            && mailbox.name.is_empty()
        {
            mailbox.name = unstructured_in(self.comment.trim_ascii(), raw).into_owned();
        }
        mailboxes
    }

    /// Brackets hold one address. Where words stand in them, those with an `@` are addresses.
    fn in_angle(words: &Words, mut name: String) -> Vec<DisplayAddress> {
        let one = words.list.len() == 1;
        let addresses = words.list.iter().enumerate().filter(|(at, word)| {
            one || word.is_address
                && !words.list.get(at.saturating_add(1)).is_some_and(Word::is_rest_of_domain)
        });
        let mailbox = |(_, word): (usize, &Word)| {
            let mut address = address(word);
            // As a link has it.
            if address.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:")) {
                address.drain(..7);
                address.truncate(address.find('?').unwrap_or(address.len()));
            }
            DisplayAddress { name: mem::take(&mut name), address }
        };
        let mailboxes: Vec<_> = addresses.map(mailbox).collect();
        if mailboxes.is_empty() { vec![DisplayAddress { name, address: String::new() }] } else { mailboxes }
    }

    /// Without brackets: each word with an `@` is an address, and what stands before it is its name.
    fn in_phrase(&self, raw: Charset) -> Vec<DisplayAddress> {
        let text = |range: Range<usize>| {
            let text = self.phrase.get(range).unwrap_or_default().trim_ascii();
            unstructured_in(text, raw).into_owned()
        };
        let mut mailboxes = Vec::new();
        let mut begin = 0;
        for word in self.words.list.iter().filter(|word| word.is_address) {
            let before = self.phrase.get(begin..word.phrase.start).unwrap_or_default();
            if word.is_of_notes() && !before.trim_ascii().is_empty() {
                continue;
            }
            let mut address = address(word);
            address.truncate(address.trim_end_matches('.').len());
            mailboxes.push(DisplayAddress { name: text(begin..word.phrase.start), address });
            begin = word.phrase.end;
        }
        match mailboxes.as_mut_slice() {
            [] => {
                let name = text(0..self.phrase.len());
                mailboxes.push(match self.words.list.as_slice() {
                    // A user name alone, as local mail has it.
                    [word] if self.is_word() => {
                        DisplayAddress { name: String::new(), address: address(word) }
                    }
                    _ => DisplayAddress { name, address: String::new() },
                });
            }
            [.., last] if last.name.is_empty() => last.name = text(begin..self.phrase.len()),
            _ => {}
        }
        mailboxes
    }

    fn name(&self, raw: Charset) -> String {
        unstructured_in(self.phrase.trim_ascii(), raw).into_owned()
    }

    fn is_word(&self) -> bool {
        let word = self.phrase.trim_ascii();
        !word.is_empty() && word.iter().all(u8::is_ascii_graphic) && strict_len(word).is_none()
    }
}

/// Octets that are no UTF-8 are shown as U+FFFD, which no [`crate::Address`] may hold: a charset that is guessed wrong
/// would name somebody else.
///
/// Quotes and brackets around the whole, as in `'a@b'` and `[a@b]`, are none of it: no domain ends so.
fn address(word: &Word) -> String {
    let text = match word.text.as_slice() {
        [b'\'', text @ .., b'\''] | [b'[', text @ .., b']'] if word.is_address => text,
        text => text,
    };
    String::from_utf8_lossy(text).into_owned()
}
