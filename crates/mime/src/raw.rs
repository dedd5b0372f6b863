//! A message as it comes from a file or a pipe: who it is from and to, and its header made fit to be sent.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::{
    Address, DateTime, Headers, LimitExceeded,
    compose::HeaderLine,
    decode::{AddressOrGroup, address_list},
};

/// The header section of a message from outside, as it may go out.
///
/// Each line end is CRLF; CR CR LF counts as one. What stands before the first field and is no part of the message is
/// dropped: a byte order mark, spaces, the `From ` line of an mbox. The fields that name hidden recipients (`Bcc`,
/// `Resent-Bcc`) are dropped too; their addresses count among the [`recipients`](Self::recipients). Octets that no field
/// name may hold (RFC 5322 section 3.6.8), such as an invisible mark, are dropped from names: a recipient's program then
/// sees the same fields as we do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawHeader {
    octets: Vec<u8>,
    senders: Vec<String>,
    recipients: Vec<String>,
    has_from: bool,
    has_date: bool,
    has_message_id: bool,
}

impl RawHeader {
    /// Octets within which a header section has to end: 1 MiB.
    pub const LIMIT: usize = 1 << 20;

    /// Takes the header section off the start of a message; returns it and what follows the empty line.
    ///
    /// `is_whole` says that `start` is the whole message: then it may be without an empty line, and without a body.
    /// Otherwise `start` should be of [`LIMIT`](Self::LIMIT) octets.
    ///
    /// # Errors
    ///
    /// Fails if the section does not end within `start`, has no field or too many, or is in UTF-16.
    pub fn split(start: &[u8], is_whole: bool) -> Result<(Self, &[u8]), RawError> {
        if Self::is_utf16(start) {
            return Err(RawError::Utf16);
        }
        let (section, body) = match section_end(start) {
            // An end at the very last octet may be that of a CR whose LF is still to come.
            Some(end) if is_whole || end < start.len() => start.split_at_checked(end).unwrap_or((start, &[])),
            None if is_whole => (start, &[][..]),
            _ => return Err(RawError::Endless { limit: start.len() }),
        };
        let section = cleaned(section);
        let headers = Headers::parse(&section).map_err(RawError::Limit)?;
        if headers.iter().next().is_none() {
            return Err(RawError::NoFields);
        }
        let has = |name| headers.get(name).is_some();
        let addresses = |names: &[&str]| -> Vec<String> {
            let named = headers
                .iter()
                .filter(|header| names.iter().any(|name| header.name().eq_ignore_ascii_case(name)));
            named.flat_map(|header| addresses(&header.value())).collect()
        };
        let mut senders = addresses(&["Sender"]);
        senders.extend(addresses(&["From"]));
        let recipients = addresses(&["To", "Cc", "Bcc"]);
        let (has_from, has_date, has_message_id) = (has("From"), has("Date"), has("Message-ID"));
        let octets = without_hidden(&section);
        Ok((Self { octets, senders, recipients, has_from, has_date, has_message_id }, body))
    }

    /// Whether a message that starts like this is in UTF-16, in which no mail is sent.
    #[must_use]
    pub fn is_utf16(start: &[u8]) -> bool {
        start.starts_with(b"\xFF\xFE") || start.starts_with(b"\xFE\xFF")
    }

    /// The sender: the address in `Sender`, or the first in `From`.
    #[must_use]
    pub fn sender(&self) -> Option<&str> {
        self.senders.first().map(String::as_str)
    }

    /// The addresses in `To`, `Cc` and `Bcc`, in their order. One that is named twice is there twice.
    #[must_use]
    pub fn recipients(&self) -> &[String] {
        &self.recipients
    }

    /// The section with its empty line, as it may go out.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Whether it goes out only where the server offers SMTPUTF8 (RFC 6531): it is not ASCII, and UTF-8.
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.octets.is_ascii() && core::str::from_utf8(&self.octets).is_ok()
    }

    /// Adds `From`, `Date` and `Message-ID` where they are missing: a message has to have them (RFC 5322 section 3.6).
    ///
    /// `random` makes the Message-ID; it must differ for each message. Fields that are there stay as they are.
    pub fn add_missing(&mut self, from: &Address, date: DateTime, random: [u8; 16]) {
        let mut added = Vec::new();
        if !self.has_date {
            HeaderLine::start(&mut added, "Date").word(&[&date.to_string()]);
        }
        if !self.has_from {
            HeaderLine::start(&mut added, "From").mailboxes([from].into_iter());
        }
        if !self.has_message_id {
            let random = u128::from_be_bytes(random);
            HeaderLine::start(&mut added, "Message-ID")
                .word(&[&format!("<{random:032x}@{}>", from.domain())]);
        }
        added.append(&mut self.octets);
        self.octets = added;
        (self.has_from, self.has_date, self.has_message_id) = (true, true, true);
    }
}

/// Writes a field that names mailboxes, such as `To`, folded and encoded as in a composed message, with its line end.
///
/// `name` has to be a field's name.
#[must_use]
pub fn mailbox_field(name: &str, mailboxes: &[Address]) -> Vec<u8> {
    let mut field = Vec::new();
    HeaderLine::start(&mut field, name).mailboxes(mailboxes.iter());
    field
}

/// Why a message can't be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RawError {
    /// The header section has no end within so many octets.
    Endless {
        /// The limit.
        limit: usize,
    },
    /// The first line is empty, or no line is a field.
    NoFields,
    /// The header section has too many fields.
    Limit(LimitExceeded),
    /// The file is in UTF-16, as some editors write "Unicode"; a message is not.
    Utf16,
}

impl fmt::Display for RawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endless { limit } => write!(f, "its header section does not end within {limit} octets"),
            Self::NoFields => f.write_str("it has no header fields"),
            Self::Limit(limit) => limit.fmt(f),
            Self::Utf16 => f.write_str("it is in UTF-16"),
        }
    }
}

impl core::error::Error for RawError {}

fn addresses(value: &[u8]) -> Vec<String> {
    let members = address_list(value).into_iter().flat_map(|address| match address {
        AddressOrGroup::Address(mailbox) => alloc::vec![mailbox],
        AddressOrGroup::Group { members, .. } => members,
    });
    members.map(|mailbox| mailbox.address).filter(|address| !address.is_empty()).collect()
}

/// Where the header section ends, its empty line included. A line ends with CRLF, CR or LF, as it will go out.
fn section_end(octets: &[u8]) -> Option<usize> {
    let mut rest = octets;
    while !rest.is_empty() {
        let (line, after) = split_line(rest)?;
        if line.is_empty() {
            return Some(octets.len().saturating_sub(after.len()));
        }
        rest = after;
    }
    None
}

/// A line without its end, and what follows; `None` where no line ends.
fn split_line(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, rest) = octets.split_at_checked(memchr::memchr2(b'\r', b'\n', octets)?)?;
    let more = rest.iter().take_while(|octet| **octet == b'\r').count();
    let end = match rest.get(more) {
        Some(b'\n') => more.saturating_add(1),
        _ => 1,
    };
    Some((line, rest.get(end..)?))
}

/// Makes the line ends of `section` CRLF, and drops what is no part of it and what no field name may hold.
fn cleaned(section: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(section.len());
    let mut rest = section;
    while let Some((line, after)) = split_line(rest) {
        lines.extend_from_slice(line);
        lines.extend_from_slice(b"\r\n");
        rest = after;
    }
    lines.extend_from_slice(rest);
    let mut rest = &*lines;
    // In whichever order: an editor puts its mark in front of an mbox, too.
    loop {
        rest = match rest {
            // A line that goes on where there is none.
            [0xEF, 0xBB, 0xBF, after @ ..] | [b' ' | b'\t', after @ ..] => after,
            _ if rest.starts_with(b"From ") || rest.starts_with(b">From ") => after_line(rest),
            _ => break,
        }
    }
    let mut out = Vec::with_capacity(rest.len());
    for line in rest.split_inclusive(|octet| *octet == b'\n') {
        match name(line) {
            Some((name, value)) if !name.iter().all(is_ftext) => {
                out.extend(name.iter().copied().filter(is_ftext));
                out.extend_from_slice(value);
            }
            _ => out.extend_from_slice(line),
        }
    }
    out
}

fn after_line(octets: &[u8]) -> &[u8] {
    split_line(octets).map_or(&[], |(_, rest)| rest)
}

/// The name of the field that begins on this line, spaces behind it left out, and the rest from the colon on.
fn name(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return None;
    }
    let (name, value) = line.split_at_checked(memchr::memchr(b':', line)?)?;
    let name = name.trim_ascii_end();
    // A space inside is no part of a mistyped name: the line is no field.
    (!name.contains(&b' ') && name.iter().any(is_ftext)).then_some((name, value))
}

/// `ftext = %d33-57 / %d59-126` (RFC 5322 section 3.6.8)
fn is_ftext(octet: &u8) -> bool {
    octet.is_ascii_graphic() && *octet != b':'
}

/// `section` without the fields that name hidden recipients.
fn without_hidden(section: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(section.len());
    let mut hidden = false;
    for line in section.split_inclusive(|octet| *octet == b'\n') {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = name(line).map_or(&b""[..], |(name, _)| name);
            hidden = [&b"Bcc"[..], b"Resent-Bcc"].iter().any(|bcc| name.eq_ignore_ascii_case(bcc));
        }
        if !hidden {
            out.extend_from_slice(line);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, string::ToString, vec};

    use super::*;

    fn header(text: &[u8]) -> RawHeader {
        RawHeader::split(text, true).unwrap().0
    }

    #[test]
    fn the_header_names_people_and_loses_its_bcc() {
        let text = b"From: Ann <ann@x>\nTo: b@x,\n c@x, b@x\nBCC : d@x,\n\te@x\ncc: List: f@x, g@x;\nX: y\n\nBcc: body\n";
        let (header, body) = RawHeader::split(text, true).unwrap();
        assert_eq!(header.sender(), Some("ann@x"));
        assert_eq!(header.recipients(), ["b@x", "c@x", "b@x", "d@x", "e@x", "f@x", "g@x"]);
        let want = "From: Ann <ann@x>\r\nTo: b@x,\r\n c@x, b@x\r\ncc: List: f@x, g@x;\r\nX: y\r\n\r\n";
        assert_eq!(str::from_utf8(header.octets()).unwrap(), want);
        assert_eq!(body, b"Bcc: body\n");
        assert!(!header.needs_smtputf8());
    }

    /// A byte order mark or an mbox `From ` line in front of the header neither lets a Bcc out nor changes the
    /// sender.
    #[test]
    fn what_is_in_front_of_a_header_is_no_part_of_it() {
        let fields = "From: a@x\r\nTo: b@x\r\n\r\n";
        for front in [
            "\u{feff}",
            "From robot@x Thu Nov 26 14:00:00 2026\r\n",
            "\u{feff}From robot@x Thu Nov 26 14:00:00 2026\r\n",
            ">From robot@x\r\n\u{feff}",
            "Bcc: c@x\r\n",
            "\u{feff}Bcc: c@x\r\n",
            "\u{feff}\u{feff}bcc:\r\n c@x\r\n",
            "\u{200b}Bcc: c@x\r\n",
            "\u{200b}B\u{200d}cc\u{200b} : c@x\r\n",
            "From robot@x\r\nResent-Bcc: c@x\r\n",
            " Bcc: c@x\r\n",
            "\u{feff}\t Bcc: c@x\r\n c@x\r\n",
            " ",
        ] {
            for end in ["\n", "\r\n", "\r", "\r\r\n"] {
                let text = [front, fields].concat().replace("\r\n", end);
                let header = header(text.as_bytes());
                assert_eq!(str::from_utf8(header.octets()), Ok(fields), "{front:?} {end:?}");
                assert_eq!(header.sender(), Some("a@x"), "{front:?}");
            }
        }
        let marked = header("\u{200b}From: a@x\r\nTo: b@x\r\n\r\n".as_bytes());
        assert_eq!((marked.sender(), marked.octets()), (Some("a@x"), fields.as_bytes()));
        assert_eq!(header(b"Sender: s@x\r\nFrom: a@x\r\n\r\n").sender(), Some("s@x"));
    }

    #[test]
    fn what_a_message_must_have_is_added() {
        let from = Address::parse("Ann <ann@example.org>").unwrap();
        let date = DateTime::new(1_057_049_557, 120).unwrap();
        let with = |text: &[u8]| {
            let mut header = header(text);
            header.add_missing(&from, date, [7; 16]);
            header.octets().to_vec()
        };
        assert_eq!(
            str::from_utf8(&with(b"To: b@x\r\n\r\n")).unwrap(),
            "Date: Tue, 1 Jul 2003 10:52:37 +0200\r\nFrom: Ann <ann@example.org>\r\n\
             Message-ID: <07070707070707070707070707070707@example.org>\r\nTo: b@x\r\n\r\n"
        );
        let whole = b"from: a@x\r\nMESSAGE-ID: <1@x>\r\nDate: x\r\n\r\n";
        assert_eq!(with(whole), whole);
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, want) in [
            (&b""[..], "no header fields"),
            (b"\n\nhello", "no header fields"),
            (b"hello\n\n", "no header fields"),
            (b"\xFF\xFEF\0r\0", "UTF-16"),
        ] {
            let error = RawHeader::split(text, true).unwrap_err();
            assert!(error.to_string().contains(want), "{error}");
        }
        let long = vec![b'x'; 100];
        assert_eq!(RawHeader::split(&long, false), Err(RawError::Endless { limit: 100 }));
        assert!(RawHeader::split(b"To: a@x\r\n\r", false).is_err());
        let utf8 = header("To: a@x\r\nSubject: ü\r\n\r\n".as_bytes());
        assert!(utf8.needs_smtputf8() && utf8.recipients() == ["a@x".to_owned()]);
        assert!(!header(b"To: a@x\r\nSubject: \xFC\r\n\r\n").needs_smtputf8());
    }
}
