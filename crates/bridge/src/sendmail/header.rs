use std::borrow::Cow;

use mailbearer::{
    Address,
    proto::mime::{
        decode::{AddressOrGroup, DisplayAddress, address_list},
        mailbox_field,
    },
};

use super::{AliasError, Aliases, Unique};

/// How to repair a header.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an argument of one function")]
pub struct Repair<'r> {
    /// The address of the account. It replaces local senders, and local recipients without an alias.
    pub own: &'r str,
    /// The addresses of local names.
    pub aliases: &'r Aliases,
    /// The name of this machine. Addresses with this domain are local.
    pub host: &'r str,
}

/// The repaired start of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a result of one function")]
pub struct Repaired {
    /// The header section, an empty line, and what followed.
    pub octets: Vec<u8>,
    /// The recipients in the header, each once, with local names resolved: those of To, Cc and Bcc, or those of the first block of
    /// Resent-To, Resent-Cc and Resent-Bcc if there is one.
    pub recipients: Vec<String>,
}

impl Repair<'_> {
    /// Returns the addresses that a recipient stands for.
    ///
    /// # Errors
    ///
    /// As [`Aliases::resolve`].
    pub fn recipient(&self, address: &str) -> Result<Vec<String>, AliasError> {
        match self.local(address) {
            Some(name) => self.aliases.resolve(name, self.own),
            None => Ok(vec![address.to_owned()]),
        }
    }

    /// Returns the address of a sender, or `own` for a local one.
    #[must_use]
    pub fn sender<'a>(&'a self, address: &'a str) -> &'a str {
        if self.local(address).is_some() { self.own } else { address }
    }

    /// The local part of an address of this machine. `a@localhost@localhost` is `a`.
    fn local<'a>(&self, address: &'a str) -> Option<&'a str> {
        let mut name = address;
        while let Some((local, domain)) = name.rsplit_once('@') {
            let is_here = |own: &str| !own.is_empty() && domain.eq_ignore_ascii_case(own);
            let here = is_here("localhost") || is_here("localhost.localdomain") || is_here(self.host);
            // Who has the account's own address is no local user, even on its mail server.
            if !here || name.eq_ignore_ascii_case(self.own) {
                return (name != address).then_some(name);
            }
            name = local;
        }
        (!name.is_empty() || name != address).then_some(name)
    }
}

/// Repairs the header of a message, given the start of its text, at most 1 MiB.
///
/// Removes a `From ` line. Puts an empty line in front of a text that does not begin with a field, and before the first line of
/// the header that is no field. In the lines that follow, up to the next empty line, it removes the fields of hidden recipients;
/// these recipients count nevertheless. Replaces local senders in fields by [`Repair::own`], and local recipients by what the
/// aliases say.
///
/// # Errors
///
/// As [`Aliases::resolve`], for a local recipient in the header.
pub fn repair(start: &[u8], repair: &Repair<'_>) -> Result<Repaired, AliasError> {
    let mut rest = first_field(start);
    let (mut out, mut fields, mut is_open) = (Vec::with_capacity(start.len()), Fields::default(), true);
    let mut hidden = None;
    while is_open {
        let (field, after) = split_field(rest);
        match field_name(field) {
            Some(name) => {
                fields.note(name, field);
                hidden = is_hidden(field).then(|| b"Bcc:".to_vec());
                match rewritten(name, field, repair)? {
                    Some(changed) => out.extend_from_slice(&changed),
                    None => out.extend_from_slice(field),
                }
                rest = after;
                // A last line may have no end.
                if rest.is_empty() && !ends_line(field) {
                    out.extend_from_slice(b"\r\n");
                }
                is_open = !rest.is_empty();
            }
            None => is_open = false,
        }
    }
    let (line, after) = split_line(rest);
    let is_ended = without_end(line).is_empty() && !line.is_empty();
    let has_fields = !out.is_empty();
    // CR CR LF is one line end to some, and there have to be two.
    if out.last() == Some(&b'\r') {
        out.push(b'\n');
    }
    out.extend_from_slice(b"\r\n");
    if is_ended {
        rest = after;
    }
    if !is_ended || !has_fields {
        rest = fields.take_hidden(rest, has_fields, hidden, &mut out);
    }
    out.extend_from_slice(rest);
    let mut recipients = Unique::default();
    for address in fields.recipients() {
        for address in repair.recipient(&address)? {
            // As it stands in a field that was rewritten.
            let own = Address::new(&address);
            recipients.add(own.as_ref().map_or(&address, |own| own.address()));
        }
    }
    Ok(Repaired { octets: out, recipients: recipients.into_addresses() })
}

/// Whether [`repair`] needs no more of the text than this start: it has fields, and behind them an empty line.
#[must_use]
pub fn header_is_whole(start: &[u8]) -> bool {
    let mut rest = first_field(start);
    let mut has_fields = false;
    loop {
        let (field, after) = split_field(rest);
        if field_name(field).is_none() {
            break;
        }
        (rest, has_fields) = (after, true);
    }
    let (line, after) = split_line(rest);
    let is_blank = without_end(line).is_empty() && !line.is_empty();
    // What comes next could still be a part of the line end.
    has_fields && is_blank && after.first().is_some_and(|octet| !matches!(octet, b'\r' | b'\n'))
}

/// The text without what stands in front of its first field.
fn first_field(start: &[u8]) -> &[u8] {
    let mut rest = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    while rest.starts_with(b"From ") || rest.starts_with(b">From ") {
        rest = split_line(rest).1;
    }
    rest
}

/// Whom the fields name.
#[derive(Default)]
struct Fields {
    to: Vec<String>,
    resent: Vec<String>,
    /// The kinds of `Resent-` fields that were there: one that comes again begins another block.
    seen: Vec<Vec<u8>>,
    is_second_block: bool,
}

impl Fields {
    fn note(&mut self, name: &[u8], field: &[u8]) {
        let resent = name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"Resent-"));
        if resent {
            // RFC 5322 section 3.6.6: newer blocks stand in front, each beginning anew.
            let name = name.to_ascii_lowercase();
            self.is_second_block |= self.seen.contains(&name);
            self.seen.push(name);
        }
        let kind = if resent { name.get(7..).unwrap_or_default() } else { name };
        if !RECIPIENTS.iter().any(|own| kind.eq_ignore_ascii_case(own)) || (resent && self.is_second_block) {
            return;
        }
        let into = if resent { &mut self.resent } else { &mut self.to };
        let addresses = members(address_list(&value(field))).into_iter().map(|one| one.address);
        into.extend(addresses.filter(|address| !address.is_empty()));
    }

    /// Copies lines that may have been meant for the header, though what stands before them says that it ended, without
    /// the hidden recipients; returns what follows. `hidden` is what is known of the field that the first line may go on with.
    fn take_hidden<'t>(
        &mut self,
        text: &'t [u8],
        is_header: bool,
        mut hidden: Option<Vec<u8>>,
        out: &mut Vec<u8>,
    ) -> &'t [u8] {
        let blank = |line: &[u8]| without_end(line).is_empty() && !line.is_empty();
        let (mut lines, mut rest, mut began) = (Vec::new(), text, false);
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            if blank(line) && began {
                break;
            }
            began |= !blank(line);
            lines.push(line);
            rest = after;
        }
        let names_people = |line: &&[u8]| ["From", "To"].iter().any(|name| is_named(line, name));
        if !is_header && !lines.iter().any(names_people) {
            out.extend(lines.concat());
            return rest;
        }
        for (at, line) in lines.into_iter().enumerate() {
            let goes_on = line.starts_with(b" ") || line.starts_with(b"\t");
            if !goes_on || (at == 0 && hidden.is_none()) {
                if let Some(field) = hidden.take() {
                    self.note(b"Bcc", &field);
                }
                hidden = is_hidden(line).then(Vec::new);
            }
            match &mut hidden {
                Some(field) => field.extend_from_slice(line),
                None => out.extend_from_slice(line),
            }
        }
        if let Some(field) = hidden {
            self.note(b"Bcc", &field);
        }
        rest
    }

    fn recipients(self) -> Vec<String> {
        if self.seen.is_empty() { self.to } else { self.resent }
    }
}

/// The field with a domain for each address, where it has one without.
fn rewritten(name: &[u8], field: &[u8], repair: &Repair<'_>) -> Result<Option<Vec<u8>>, AliasError> {
    let is = |names: &[&[u8]]| {
        let kind = match name.get(..7) {
            Some(start) if start.eq_ignore_ascii_case(b"Resent-") => name.get(7..).unwrap_or_default(),
            _ => name,
        };
        names.iter().any(|own| kind.eq_ignore_ascii_case(own))
    };
    let is_sender = is(SENDERS);
    if !is_sender && !is(RECIPIENTS) {
        return Ok(None);
    }
    let entries = address_list(&value(field));
    // A group has a name that would be lost.
    if entries.iter().any(|entry| matches!(entry, AddressOrGroup::Group { .. })) {
        return Ok(None);
    }
    let people = members(entries);
    if people.is_empty() && name.eq_ignore_ascii_case(b"From") {
        // It is as missing as one that is not there, and servers refuse it.
        return Ok(Address::new(repair.own).ok().map(|own| mailbox_field("From", &[own])));
    }
    if !people.iter().any(|one| repair.local(&one.address).is_some()) {
        return Ok(None);
    }
    let mut addresses = Vec::new();
    for DisplayAddress { name, address } in &people {
        let targets = match repair.local(address) {
            Some(_) if is_sender => vec![repair.own.to_owned()],
            _ => repair.recipient(address)?,
        };
        for target in targets {
            match Address::named(&name.replace(char::is_control, " "), &target) {
                Ok(address) => addresses.push(address),
                // One that is no address at all: the server has a word for it.
                Err(_) => return Ok(None),
            }
        }
    }
    let name = String::from_utf8_lossy(name).into_owned();
    Ok((!addresses.is_empty()).then(|| mailbox_field(&name, &addresses)))
}

fn members(entries: Vec<AddressOrGroup>) -> Vec<DisplayAddress> {
    let members = entries.into_iter().flat_map(|entry| match entry {
        AddressOrGroup::Address(one) => vec![one],
        AddressOrGroup::Group { members, .. } => members,
    });
    members.collect()
}

/// A field with the lines that go on with it, and what follows.
fn split_field(octets: &[u8]) -> (&[u8], &[u8]) {
    let mut end = split_line(octets).0.len();
    while let Some(rest) = octets.get(end..).filter(|rest| rest.starts_with(b" ") || rest.starts_with(b"\t"))
    {
        let (line, _) = split_line(rest);
        // A line of white space alone looks like the empty line to some.
        if without_end(line).iter().all(|octet| matches!(octet, b' ' | b'\t')) {
            break;
        }
        end = end.saturating_add(line.len());
    }
    octets.split_at_checked(end).unwrap_or((octets, &[]))
}

/// A line with its end, which is CRLF, LF or CR, and what follows.
fn split_line(octets: &[u8]) -> (&[u8], &[u8]) {
    let end = match octets.iter().position(|octet| matches!(octet, b'\r' | b'\n')) {
        Some(at) => {
            let rest = octets.get(at..).unwrap_or_default();
            // A CR more before a line end is no line of its own.
            let more = rest.iter().take_while(|octet| **octet == b'\r').count();
            let is_lf = rest.get(more) == Some(&b'\n');
            at.saturating_add(if is_lf { more } else { 0 }).saturating_add(1)
        }
        None => octets.len(),
    };
    octets.split_at_checked(end).unwrap_or((octets, &[]))
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let end = line.iter().rev().take_while(|octet| **octet == b'\r').count();
    line.get(..line.len().saturating_sub(end)).unwrap_or_default()
}

fn ends_line(line: &[u8]) -> bool {
    line.ends_with(b"\n") || line.ends_with(b"\r")
}

/// `field-name = 1*ftext` (RFC 5322 section 3.6.8), with the white space before the colon that older mail has.
fn field_name(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|octet| *octet == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    // Invisible marks in a name are taken out further on; they don't make it text.
    let is_name = !name.is_empty() && name.iter().all(|octet| octet.is_ascii_graphic() || *octet >= 0x80);
    is_name.then_some(name)
}

/// Whether the field names hidden recipients.
fn is_hidden(line: &[u8]) -> bool {
    is_named(line, "Bcc") || is_named(line, "Resent-Bcc")
}

/// Whether the line has this name before its colon, besides octets that no name may hold.
fn is_named(line: &[u8], name: &str) -> bool {
    let Some(colon) = line.iter().position(|octet| *octet == b':') else { return false };
    let before = line.get(..colon).unwrap_or_default().iter();
    before
        .filter(|octet| octet.is_ascii_graphic())
        .map(u8::to_ascii_lowercase)
        .eq(name.bytes().map(|octet| octet.to_ascii_lowercase()))
}

/// The value, unfolded (RFC 5322 section 2.2.3): a bracket that is never closed reaches to its end, and a line end is no part of an
/// address.
fn value(field: &[u8]) -> Cow<'_, [u8]> {
    let colon = field.iter().position(|octet| *octet == b':').unwrap_or(field.len());
    let value = without_end(field.get(colon.saturating_add(1)..).unwrap_or_default());
    let is_end = |octet: &u8| matches!(octet, b'\r' | b'\n');
    if value.iter().any(is_end) {
        Cow::Owned(value.iter().copied().filter(|octet| !is_end(octet)).collect())
    } else {
        Cow::Borrowed(value)
    }
}

const RECIPIENTS: &[&[u8]] = &[b"To", b"Cc", b"Bcc"];
const SENDERS: &[&[u8]] = &[b"From", b"Sender", b"Reply-To"];

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(text: &str) -> (String, Vec<String>) {
        let aliases = Aliases::parse("root: ann@x.test, bob@x.test\n").unwrap();
        let settings = Repair { own: "robot@x.test", aliases: &aliases, host: "box.test" };
        let repaired = repair(text.as_bytes(), &settings).unwrap();
        (String::from_utf8(repaired.octets).unwrap(), repaired.recipients)
    }

    #[test]
    fn what_is_whole_needs_no_more() {
        let aliases = Aliases::parse("root: ann@x.test\n").unwrap();
        let settings = Repair { own: "robot@x.test", aliases: &aliases, host: "box.test" };
        let rest = "z\n\nBcc: h@x\n\nbody\n";
        for (text, want) in [
            ("To: a@b\n\n", false),
            ("To: a@b\n\nx", true),
            ("To: a@b\n\n\n", false),
            ("To: a@b\r\n\r\nx", true),
            ("To: a@b\r\n\r\r", false),
            ("To: a@b\r\rx", true),
            ("To: root,\n a@b\nBcc: c@d\n\nx", true),
            ("From x\nTo: a@b\n\nx", true),
            ("From x\n\nx", false),
            ("\nBcc: a@b\n\nx", false),
            ("To: a@b\n \n\nx", false),
            ("To: a@b\nno field\n\nx", false),
            ("text\n\nx", false),
            ("", false),
        ] {
            assert_eq!(header_is_whole(text.as_bytes()), want, "{text:?}");
            if want {
                let start = repair(text.as_bytes(), &settings).unwrap();
                let whole = repair(format!("{text}{rest}").as_bytes(), &settings).unwrap();
                assert_eq!([&start.octets, rest.as_bytes()].concat(), whole.octets, "{text:?}");
                assert_eq!(start.recipients, whole.recipients, "{text:?}");
            }
        }
    }

    #[test]
    fn makes_a_header_of_what_there_is() {
        let rows: &[(&str, &str, &str, &[&str])] = &[
            ("as it is", "To: a@b\r\n\r\nbody", "To: a@b\r\n\r\nbody", &["a@b"]),
            ("text alone", "hello\nworld\n", "\r\nhello\nworld\n", &[]),
            ("text with a colon", "see there: it is\n", "\r\nsee there: it is\n", &[]),
            ("an empty line first", "\nhello\n", "\r\nhello\n", &[]),
            ("nothing", "", "\r\n", &[]),
            ("header alone", "To: a@b", "To: a@b\r\n\r\n", &["a@b"]),
            ("no empty line", "To: a@b\nhello there\n", "To: a@b\n\r\nhello there\n", &["a@b"]),
            ("mbox", "From x Thu Nov 26\nTo: a@b\n\nbody\n", "To: a@b\n\r\nbody\n", &["a@b"]),
            ("mbox without header", "From x Thu Nov 26\nhello\n", "\r\nhello\n", &[]),
            ("no From in it", "From:\nTo: c@d\n\n", "From: robot@x.test\r\nTo: c@d\n\r\n", &["c@d"]),
            ("the null address", "From: <>\n\n", "From: robot@x.test\r\n\r\n", &[]),
            ("a group stays", "From: nobody:;\n\n", "From: nobody:;\n\r\n", &[]),
            ("each once", "To: a@b, a@B, A@b, a@b\n\n", "To: a@b, a@B, A@b, a@b\n\r\n", &["a@b", "A@b"]),
            (
                "cron",
                "From: root (Cron Daemon)\nTo: root\n\nx\n",
                "From: Cron Daemon <robot@x.test>\r\nTo: ann@x.test, bob@x.test\r\n\r\nx\n",
                &["ann@x.test", "bob@x.test"],
            ),
            (
                "bracketed",
                "From: \"(Cron Daemon)\" <root>\nTo: c@d\n\n",
                "From: \"(Cron Daemon)\" <robot@x.test>\r\nTo: c@d\n\r\n",
                &["c@d"],
            ),
            (
                "this machine",
                "From: www@box.test\nTo: nobody@localhost\n\n",
                "From: robot@x.test\r\nTo: robot@x.test\r\n\r\n",
                &["robot@x.test"],
            ),
            (
                "folded",
                "To: a@b,\n c@d\nCc: a@b\nBcc: e@f\n\n",
                "To: a@b,\n c@d\nCc: a@b\nBcc: e@f\n\r\n",
                &["a@b", "c@d", "e@f"],
            ),
            (
                "resent",
                "Resent-To: r@x\nResent-Bcc: s@x\nTo: a@b\n\n",
                "Resent-To: r@x\nResent-Bcc: s@x\nTo: a@b\n\r\n",
                &["r@x", "s@x"],
            ),
            (
                "resent twice",
                "Resent-From: n@x\nResent-To: new@x\nResent-From: o@x\nResent-To: old@x\nTo: a@b\n\n",
                "Resent-From: n@x\nResent-To: new@x\nResent-From: o@x\nResent-To: old@x\nTo: a@b\n\r\n",
                &["new@x"],
            ),
            (
                "group",
                "To: g: a@b, root;\n\n",
                "To: g: a@b, root;\n\r\n",
                &["a@b", "ann@x.test", "bob@x.test"],
            ),
            ("bare CR", "To: a@b\r\rx", "To: a@b\r\n\r\nx", &["a@b"]),
            ("bare CR before what is no field", "To: a@b\r\0x", "To: a@b\r\n\r\n\0x", &["a@b"]),
            (
                "hidden behind what is no field",
                "To: a@b\ngarbage\nBcc: h@x,\n i@x\nX: y\nB\0cc : j@x\n\nBcc: body\n",
                "To: a@b\n\r\ngarbage\nX: y\n\nBcc: body\n",
                &["a@b", "h@x", "i@x", "j@x"],
            ),
            (
                "hidden behind white space",
                "To: a@b\nBcc: h@x,\n \n i@x\nX: y\n\nbody\n",
                "To: a@b\nBcc: h@x,\n\r\nX: y\n\nbody\n",
                &["a@b", "h@x", "i@x"],
            ),
            (
                "hidden behind empty lines",
                "\n\nTo: a@b\nBcc: h@x\n\nBcc: body\n",
                "\r\n\nTo: a@b\n\nBcc: body\n",
                &["h@x"],
            ),
            ("hidden at the first line", " Bcc: h@x\nTo: a@b\n\nx\n", "\r\nTo: a@b\n\nx\n", &["h@x"]),
            ("hidden of nobody", "hello\nBcc: is not the word\n", "\r\nhello\nBcc: is not the word\n", &[]),
            (
                "CR before CRLF",
                "To: a@b\r\r\nBcc: h@x\r\r\n\r\r\nx",
                "To: a@b\r\r\nBcc: h@x\r\r\n\r\nx",
                &["a@b", "h@x"],
            ),
            ("blank that is not empty", "To: a@b\n \nx\n", "To: a@b\n\r\n \nx\n", &["a@b"]),
        ];
        for (name, text, want, recipients) in rows {
            let (octets, found) = repaired(text);
            assert_eq!(
                (octets.as_str(), found),
                (*want, recipients.iter().map(|one| (*one).to_owned()).collect()),
                "{name}"
            );
        }
    }

    #[test]
    fn senders_and_recipients_of_the_envelope() {
        let aliases = Aliases::parse("loop: loop\n").unwrap();
        let settings = Repair { own: "robot@box.test", aliases: &aliases, host: "box.test" };
        assert_eq!(settings.sender("root"), "robot@box.test");
        assert_eq!(settings.sender(""), "", "the null sender stays");
        assert_eq!(settings.sender("robot@box.test"), "robot@box.test");
        assert_eq!(settings.sender("a@b"), "a@b");
        assert_eq!(settings.recipient("x@BOX.test").unwrap(), ["robot@box.test"]);
        assert!(settings.recipient("loop").is_err());
        assert!(repair(b"To: loop\n\n", &settings).is_err());
    }

    /// Texts of all the pieces that a header is made of, in every order: what is repaired once stays as it is, and names nobody
    /// whom it did not name before.
    #[test]
    fn a_second_repair_changes_nothing_and_names_nobody_else() {
        const PIECES: &[&str] = &[
            "To",
            "Cc",
            "Bcc",
            "From",
            "Resent-To",
            "Subject",
            ":",
            ":",
            " ",
            "\t",
            "\r\n",
            "\n",
            "\r",
            "\r\r\n",
            "\n ",
            "\r\n\t",
            "@",
            ",",
            ";",
            "<",
            ">",
            "\"",
            "(",
            ")",
            "\\",
            ".",
            "root",
            "a@b",
            "c@d",
            "\u{e9}",
            "\0",
            "=?utf-8?q?a=40b?=",
            "[",
            "]",
            "box",
            "@localhost",
            "x",
        ];
        let aliases = Aliases::parse("root: ann@x.test\ndefault: own@x.test\n").unwrap();
        let settings = Repair { own: "own@x.test", aliases: &aliases, host: "box" };
        let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |most: usize| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            usize::try_from(chance >> 33).unwrap().rem_euclid(most)
        };
        for _ in 0..20_000 {
            let mut text: String = (0..next(24)).map(|_| PIECES[next(PIECES.len())]).collect();
            if next(2) == 0 {
                text.insert_str(0, "To:");
            }
            let once = repair(text.as_bytes(), &settings).unwrap();
            let twice = repair(&once.octets, &settings).unwrap();
            assert_eq!(
                once.octets.escape_ascii().to_string(),
                twice.octets.escape_ascii().to_string(),
                "{text:?}"
            );
            let (before, after) = (once.recipients, twice.recipients);
            assert!(after.iter().all(|address| before.contains(address)), "{text:?}: {before:?} {after:?}");
        }
    }
}
