//! Address headers for display: everything that looks like an address, and never an error.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::mem;

use super::charset::guess;
use super::encoded_word::{strict_len, unstructured};
use crate::ascii::{is_space, tail};

/// An entry of an address header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// One mailbox.
    Mailbox(DisplayMailbox),
    /// `group = display-name ":" [group-list] ";"` (RFC 5322 section 3.4), as `undisclosed-recipients:;` is.
    Group {
        /// Name of the group, decoded.
        name: String,
        /// Who is in it.
        members: Vec<DisplayMailbox>,
    },
}

/// A mailbox as it arrived, for people to read.
///
/// The address is not checked; [`crate::Mailbox::new`] tells whether mail can be sent to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisplayMailbox {
    /// Name, decoded; empty if there is none.
    pub name: String,
    /// Address without white space, comments and route; empty if there is none.
    pub address: String,
}

impl fmt::Display for DisplayMailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name.as_str(), self.address.as_str()) {
            ("", address) => f.write_str(address),
            (name, "") => f.write_str(name),
            (name, address) => write!(f, "{name} <{address}>"),
        }
    }
}

/// Reads the value of `From`, `To`, `Cc` and their like, folds included.
///
/// Takes the obsolete forms of RFC 5322 section 4.4: routes, white space and comments anywhere, empty places
/// in the list; the comment as name, `a@b (Name)`; and what mailers get wrong: encoded words in quotes or
/// with a comma in them, `;` between addresses, a quote, bracket or group left open, a name without an
/// address. Takes time linear in `value`.
#[must_use]
pub fn address_list(value: &[u8]) -> Vec<Address> {
    let mut list = List::default();
    let (mut quotes, mut rest) = (true, value);
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
                list.group = Some((mem::take(entry).name(), Vec::new()));
                after
            }
            // A quote left open is dropped, and no later one can be closed.
            b'"' if quotes && !has_quote(after) => {
                quotes = false;
                after
            }
            b'"' if quotes => entry.quoted_string(after),
            b'(' => entry.comment(after),
            b'<' => entry.angle(after),
            b'[' => entry.domain_literal(rest),
            b'=' => match strict_len(rest).and_then(|len| rest.split_at_checked(len)) {
                Some((word, after)) => {
                    entry.text(word);
                    after
                }
                None => {
                    entry.text(b"=");
                    after
                }
            },
            b'"' | b'\\' | b'>' => after,
            _ if is_space(byte) => {
                entry.phrase.push(byte);
                after
            }
            _ => {
                entry.text(&[byte]);
                after
            }
        };
    }
    list.end_of_group();
    list.entries
}

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

#[derive(Default)]
struct List {
    entries: Vec<Address>,
    group: Option<(String, Vec<DisplayMailbox>)>,
    entry: Entry,
}

impl List {
    fn end_of_entry(&mut self) {
        if let Some(mailbox) = mem::take(&mut self.entry).mailbox() {
            match &mut self.group {
                Some((_, members)) => members.push(mailbox),
                None => self.entries.push(Address::Mailbox(mailbox)),
            }
        }
    }

    fn end_of_group(&mut self) {
        self.end_of_entry();
        if let Some((name, members)) = self.group.take() {
            self.entries.push(Address::Group { name, members });
        }
    }
}

/// One entry while it is read; only its end tells whether the text is a name or an address.
#[derive(Default)]
struct Entry {
    /// Text without quotes, white space kept: a name.
    phrase: Vec<u8>,
    /// Text with quotes, white space dropped: an address.
    bare: Vec<u8>,
    angle: Option<Vec<u8>>,
    comment: Vec<u8>,
}

impl Entry {
    fn text(&mut self, text: &[u8]) {
        self.phrase.extend_from_slice(text);
        self.bare.extend_from_slice(text);
    }

    fn quoted_string<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        self.bare.push(b'"');
        let mut rest = input;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            match (byte, after) {
                (b'"', _) => break,
                (b'\\', [escaped, after @ ..]) => {
                    self.phrase.push(*escaped);
                    self.bare.extend_from_slice(&[byte, *escaped]);
                    rest = after;
                }
                _ => self.text(&[byte]),
            }
        }
        self.bare.push(b'"');
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
        let mut address = Vec::new();
        let (mut quoted, mut rest) = (false, input);
        while let Some((&byte, after)) = rest.split_first() {
            match byte {
                b'>' if !quoted => {
                    rest = after;
                    break;
                }
                // The commas of a route, `<@a,@b:c@d>`, are part of it.
                b',' if !quoted && !address.starts_with(b"@") => break,
                b'<' if !quoted => address.clear(),
                b'(' if !quoted => {
                    rest = self.comment(after);
                    continue;
                }
                b'"' => {
                    quoted = !quoted;
                    address.push(byte);
                }
                _ if is_space(byte) && !quoted => {}
                _ => address.push(byte),
            }
            rest = after;
        }
        if address.starts_with(b"@")
            && let Some(colon) = address.iter().position(|&byte| byte == b':')
        {
            address.drain(..=colon);
        }
        self.angle.get_or_insert(address);
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

    fn mailbox(self) -> Option<DisplayMailbox> {
        let comment = unstructured(self.comment.trim_ascii()).into_owned();
        let mailbox = match &self.angle {
            Some(angle) => DisplayMailbox { address: guess(angle).into_owned(), name: self.name() },
            None if self.bare.contains(&b'@') || self.is_word() => {
                DisplayMailbox { name: String::new(), address: guess(&self.bare).into_owned() }
            }
            None => DisplayMailbox { name: self.name(), address: String::new() },
        };
        if mailbox == DisplayMailbox::default() {
            return None;
        }
        Some(if mailbox.name.is_empty() { DisplayMailbox { name: comment, ..mailbox } } else { mailbox })
    }

    fn name(&self) -> String {
        unstructured(self.phrase.trim_ascii()).into_owned()
    }

    /// A user name alone, as local mail has it.
    fn is_word(&self) -> bool {
        let word = self.phrase.trim_ascii();
        !word.is_empty() && word.iter().all(u8::is_ascii_graphic) && strict_len(word).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::{format, vec};
    use proptest::prelude::*;

    fn show(list: &[Address]) -> String {
        let join = |members: &[DisplayMailbox]| {
            members.iter().map(|m| format!("{}|{}", m.name, m.address)).collect::<Vec<_>>().join("; ")
        };
        let entries = list.iter().map(|entry| match entry {
            Address::Mailbox(mailbox) => join(core::slice::from_ref(mailbox)),
            Address::Group { name, members } => format!("{name}:[{}]", join(members)),
        });
        entries.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn reads_address_headers() {
        let rows: &[(&str, &str)] = &[
            // RFC 5322 appendix A.1.2, A.1.3, A.5, A.6.1.
            ("\"Joe Q. Public\" <john.q.public@example.com>", "Joe Q. Public|john.q.public@example.com"),
            (
                "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
                "Mary Smith|mary@x.test; |jdoe@example.org; Who?|one@y.test",
            ),
            (
                "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
                "|boss@nil.test; Giant; \"Big\" Box|sysservices@example.net",
            ),
            (
                "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
                "A Group:[Ed Jones|c@a.test; |joe@where.test; John|jdoe@one.test]",
            ),
            ("A:b:c@d;", "A:[|b:c@d]"),
            ("Ann <a@b>: c@d", "Ann : c@d|a@b"),
            ("Undisclosed recipients:;", "Undisclosed recipients:[]"),
            ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete|pete@silly.test"),
            (
                "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n joe@example.org",
                "A Group:[Chris Jones|c@public.example; |joe@example.org]",
            ),
            ("Joe Q. Public <john.q.public@example.com>", "Joe Q. Public|john.q.public@example.com"),
            (
                "Mary Smith <@node.test,@other.test:mary@example.net>, , jdoe@test   . example",
                "Mary Smith|mary@example.net; |jdoe@test.example",
            ),
            // Encoded words, also where they do not belong.
            ("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore|moore@cs.utk.edu"),
            ("=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>", "André Pirard|PIRARD@vm1.ulg.ac.be"),
            ("\"=?utf-8?B?R3LDvMOfZQ==?=\" <a@b>", "Grüße|a@b"),
            ("=?utf-8?Q?Doe,_J=C3=B6rg?= <a@b>, c@d", "Doe, Jörg|a@b; |c@d"),
            ("=?utf-8?Q?J=C3=B6?=\r\n =?utf-8?Q?rg?= <a@b>", "Jörg|a@b"),
            ("=?utf-8?Q?J=C3=B6rg?=", "Jörg|"),
            ("Grüße <a@b>", "Grüße|a@b"),
            // Obsolete and broken.
            ("a@b (Ann)", "Ann|a@b"),
            ("a@b (=?utf-8?Q?=C3=84nn?=)", "Änn|a@b"),
            ("a@b; c@d", "|a@b; |c@d"),
            ("root", "|root"),
            ("John Doe", "John Doe|"),
            ("Ann <a@b, c@d", "Ann|a@b; |c@d"),
            ("Ann <<a@b>>", "Ann|a@b"),
            ("\"Ann <a@b>", "Ann|a@b"),
            ("\"john doe\"@b", "|\"john doe\"@b"),
            ("<\"a,b> c\"@d>", "|\"a,b> c\"@d"),
            ("a@[IPv6:::1], c@d", "|a@[IPv6:::1]; |c@d"),
            ("a@[1, c@d", "|a@[1; |c@d"),
            ("Ann <>", "Ann|"),
            (" ,, ; ", ""),
            ("(only a comment)", ""),
            ("", ""),
        ];
        for (input, want) in rows {
            assert_eq!(show(&address_list(input.as_bytes())), *want, "{input}");
        }
        assert_eq!(show(&address_list(b"Gr\xFC\xDFe <a@b>")), "Grüße|a@b");
    }

    #[test]
    fn shows_what_there_is() {
        let rows = [("A", "a@b", "A <a@b>"), ("", "a@b", "a@b"), ("A", "", "A")];
        for (name, address, want) in rows {
            let mailbox = DisplayMailbox { name: name.into(), address: address.into() };
            assert_eq!(mailbox.to_string(), want);
        }
    }

    #[test]
    fn deep_comments_take_no_stack() {
        let input = [vec![b'('; 1 << 20], b"a@b".to_vec()].concat();
        assert_eq!(address_list(&input), []);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a@<>\"\\\\(),;:=?qQ.\\[\\] \r\n]{0,40}", bytes in any::<Vec<u8>>()) {
            let _ = address_list(text.as_bytes());
            let _ = address_list(&bytes);
        }
    }
}
