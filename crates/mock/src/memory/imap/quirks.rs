//! Puts the mistakes of a provider's servers into correct answers.

use mailbearer_imap::{
    Code, Data, Item, Number, Response, SequenceSet, Status, StatusLine,
    server::{Error, Received, Session as Protocol, encode_response},
};

use super::{Imap, body_structure::NO_LINES};
use crate::memory::personality::{ImapVoice, Quirks};

impl Imap {
    /// Tells data as the provider does.
    pub(super) fn tell(&mut self, data: Data<'_>) {
        let voice = self.voice();
        tell(&mut self.protocol, voice, data);
    }

    /// What SELECT says besides.
    pub(super) fn tell_more_at_select(&mut self) {
        if let Some(number) = self.voice().quirks.code_without_text {
            self.protocol.push(format!("* OK [HIGHESTMODSEQ {number}]\r\n").as_bytes());
        }
    }

    /// Refuses to open a folder for a client that did not say who it is.
    pub(super) fn unsafe_login(&mut self) -> Option<Result<(), Error>> {
        let text = self.voice().quirks.id_first.filter(|_| !self.introduced)?;
        Some(self.no(None, text))
    }

    /// Refuses a command in a line that is longer than the provider likes.
    pub(super) fn too_long(&mut self, received: &Received) -> Option<Result<(), Error>> {
        let (line, quirks) = (received.first_line(), &self.voice().quirks);
        if quirks.line_limit.is_some_and(|limit| line.len() > limit) {
            return Some(self.bad_command());
        }
        let (limit, text) = quirks.argument_limit?;
        let longest = line.split(|&octet| octet == b' ').map(<[u8]>::len).max();
        longest.filter(|longest| *longest > limit)?;
        let line = String::from_utf8_lossy(line).into_owned();
        let mut words = line.split(' ');
        let name = match words.next() {
            Some("UID") => format!("UID {}", words.next().unwrap_or_default()),
            name => name.unwrap_or_default().to_owned(),
        };
        Some(self.bad(&text.replace("{}", &name)))
    }

    /// Tells where messages went.
    pub(super) fn moved(&mut self, code: Option<Code<'_>>) {
        if !self.voice().quirks.bare_copyuid {
            return self.note(code, "Moved.");
        }
        let mut line = Vec::new();
        let status = StatusLine { status: Status::Ok, code, text: b"" };
        encode_response(&Response::Untagged(Data::Status(status)), &mut line);
        let bare = line.strip_prefix(b"* OK ").unwrap_or(&line).trim_ascii_end();
        self.protocol.push(&[bare, b"\r\n"].concat());
    }

    /// Whether `set` goes down where the provider does not like that.
    pub(super) fn dislikes(&self, set: &SequenceSet) -> bool {
        let value = |number: Number| match number {
            Number::Is(number) => number,
            Number::Highest => u32::MAX,
        };
        let mut before = 0;
        self.voice().quirks.no_descending_set
            && set.ranges().any(|(first, last)| {
                let down = value(first) < before || value(last) < value(first);
                before = value(last);
                down
            })
    }
}

/// Tells data as the provider does.
pub(super) fn tell(protocol: &mut Protocol, voice: &ImapVoice, data: Data<'_>) {
    let quirks = &voice.quirks;
    let (status, search) = (matches!(data, Data::MailboxStatus { .. }), matches!(data, Data::Search(_)));
    // A message may look like anything: nothing is changed in what holds one.
    let fetch = match &data {
        Data::Fetch(fetch) => Some(!fetch.items.iter().any(holds_text)),
        _ => None,
    };
    let structure = match &data {
        Data::Fetch(fetch) => {
            let has_text = |item: &Item<'_>| holds_text(item) && !matches!(item, Item::Envelope(_));
            !fetch.items.iter().any(has_text)
        }
        _ => false,
    };
    let unquoted = match &data {
        Data::List(listed) if quirks.unquoted_name => {
            let name = listed.mailbox.as_bytes();
            name.iter().any(u8::is_ascii_control).then(|| name.to_vec())
        }
        _ => None,
    };
    let mut line = Vec::new();
    encode_response(&Response::Untagged(data), &mut line);
    if let Some(name) = unquoted {
        let quoted = [b"\"", name.as_slice(), b"\"\r\n"].concat();
        replace(&mut line, &quoted, &[&name, b"\r\n".as_slice()].concat());
    }
    if structure {
        misshape(quirks, &mut line);
    }
    if fetch.is_some() && quirks.name_alone {
        name_alone(&mut line);
    }
    if status && quirks.space_after_status || search && quirks.space_after_search {
        insert_before(&mut line, b"\r\n", b" ");
    }
    if fetch.is_some() && quirks.space_in_fetch {
        insert_before(&mut line, b")\r\n", b" ");
    }
    if fetch == Some(true) && quirks.bare_disposition {
        replace(&mut line, b"(\"inline\" NIL)", b"\"inline\"");
        replace(&mut line, b"(\"INLINE\" NIL)", b"\"INLINE\"");
    }
    if fetch.is_some() && quirks.group_as_mailbox {
        let group = br#"((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))"#;
        replace(&mut line, group, br#"((NIL NIL "\"undisclosed-recipients\"" NIL))"#);
    }
    if fetch.is_some() && quirks.short_envelope {
        shorten_envelope(&mut line);
    }
    if fetch.is_some() && quirks.unescaped && structure {
        unescape(&mut line);
    }
    if status && quirks.empty_status {
        let open = line.iter().rposition(|&octet| octet == b'(').unwrap_or(line.len());
        line.truncate(open);
        line.extend_from_slice(b"()\r\n");
    }
    protocol.push(&line);
}

/// What goes wrong in a structure.
fn misshape(quirks: &Quirks, whole: &mut Vec<u8>) {
    let name = [&b"BODYSTRUCTURE ("[..], b"BODY ("].into_iter().find_map(|name| {
        let at = whole.windows(name.len()).position(|window| window == name)?;
        Some(at.saturating_add(name.len()).saturating_sub(1))
    });
    let Some(start) = name else { return };
    let Some(end) = closing(whole, start) else { return };
    let mut structure: Vec<u8> = whole.drain(start..=end).collect();
    misshape_structure(quirks, &mut structure);
    whole.splice(start..start, structure);
}

fn misshape_structure(quirks: &Quirks, line: &mut Vec<u8>) {
    if quirks.stray_description {
        replace(line, br#"("S/MIME Encrypted Message" NIL)"#, br#""S/MIME Encrypted Message""#);
    }
    if quirks.empty_disposition {
        replace(line, br#"("" NIL)"#, b"(NIL NIL)");
    }
    if quirks.no_line_count {
        replace(line, format!(" {NO_LINES}").as_bytes(), b" -1");
    }
    if quirks.empty_multipart {
        // The grammar's NIL for the parts, and the location, are missing.
        const START: &[u8] = b"(NIL \"";
        while let Some(start) = line.windows(START.len()).position(|window| window == START) {
            line.splice(start..start.saturating_add(START.len()), *b"(\"");
            let end = closing(line, start).unwrap_or(line.len());
            if line
                .get(..end)
                .is_some_and(|before| before.ends_with(b" NIL NIL") || before.ends_with(b") NIL NIL"))
            {
                line.drain(end.saturating_sub(b" NIL".len())..end);
            }
        }
    }
}

/// Where the first parenthesis that opens behind `start` is closed.
fn closing(line: &[u8], start: usize) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut rest = line.get(start..)?;
    while let Some((octet, after)) = rest.split_first() {
        let at = line.len().saturating_sub(rest.len());
        rest = after;
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' if !quoted => rest = literal(after)?.1,
            b'(' if !quoted => depth = depth.saturating_add(1),
            b')' if !quoted && depth == 1 => return Some(at),
            b')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Puts a name that has no address where names belong.
fn name_alone(line: &mut Vec<u8>) {
    const START: &[u8] = b"(NIL NIL \"";
    const END: &[u8] = b"\" \".MISSING-HOST-NAME.\")";
    let mut from = 0;
    while let Some(at) =
        line.get(from..).and_then(|rest| rest.windows(END.len()).position(|window| window == END))
    {
        let end = from.saturating_add(at);
        let start = line
            .get(..end)
            .and_then(|before| before.windows(START.len()).rposition(|window| window == START));
        from = end.saturating_add(1);
        let Some(start) = start else { continue };
        let name = line.get(start.saturating_add(START.len())..end).unwrap_or_default().to_vec();
        let name = name.strip_prefix(b"\\\"").and_then(|name| name.strip_suffix(b"\\\"")).unwrap_or(&name);
        // One word may be a mailbox of this host.
        if name.contains(&b' ') && !name.contains(&b'"') {
            let new = [b"(\"", name, b"\" NIL NIL \".MISSING-HOST-NAME.\")"].concat();
            line.splice(start..end.saturating_add(END.len()), new);
        }
    }
}

/// Takes the backslashes away that escape, and quotes what is a literal.
fn unescape(line: &mut Vec<u8>) {
    let (mut out, mut quoted, mut escaped) = (Vec::with_capacity(line.len()), false, false);
    let mut rest = line.as_slice();
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        match octet {
            b'\\' if quoted && !escaped => escaped = true,
            b'{' if !quoted => {
                let Some((octets, after)) = literal(after) else { return };
                out.extend_from_slice(&[b"\"", octets, b"\""].concat());
                rest = after;
            }
            _ => {
                quoted ^= octet == b'"' && !escaped;
                escaped = false;
                out.push(octet);
            }
        }
    }
    *line = out;
}

/// The octets of a literal whose brace was read, and what follows.
fn literal(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = rest.iter().position(|&octet| octet == b'}')?;
    let count: usize = str::from_utf8(rest.get(..end)?).ok()?.parse().ok()?;
    rest.get(end..)?.strip_prefix(b"}\r\n")?.split_at_checked(count)
}

fn holds_text(item: &Item<'_>) -> bool {
    matches!(
        item,
        Item::Body { .. } | Item::Rfc822(_) | Item::Rfc822Header(_) | Item::Rfc822Text(_) | Item::Envelope(_)
    )
}

/// Leaves out the last field of an envelope that has nothing in it.
fn shorten_envelope(line: &mut Vec<u8>) {
    const NAME: &[u8] = b"ENVELOPE (";
    let Some(start) = line.windows(NAME.len()).position(|window| window == NAME) else { return };
    let Some(at) = closing(line, start) else { return };
    const EMPTY: &[u8] = b" NIL";
    if line.get(..at).is_some_and(|before| before.ends_with(EMPTY)) {
        line.drain(at.saturating_sub(EMPTY.len())..at);
    }
}

fn insert_before(line: &mut Vec<u8>, end: &[u8], what: &[u8]) {
    if let Some(length) = line.strip_suffix(end).map(<[u8]>::len) {
        line.splice(length..length, what.iter().copied());
    }
}

fn replace(line: &mut Vec<u8>, from: &[u8], to: &[u8]) {
    while let Some(start) = line.windows(from.len()).position(|window| window == from) {
        line.splice(start..start.saturating_add(from.len()), to.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mailbearer_wire::Security;

    use super::*;
    use crate::memory::{
        Personality,
        testing::{Talk, USER, token, world, xoauth2},
    };

    #[test]
    fn each_provider_has_its_habits() {
        let message = "From: a@b\r\nContent-Disposition: inline\r\n\r\nx\r\n";
        let rows: &[(Personality, &str, &str)] = &[
            (
                Personality::Exchange,
                "STATUS INBOX (MESSAGES)",
                "* STATUS INBOX (MESSAGES 3) \r\nt OK STATUS completed.\r\n",
            ),
            (Personality::Exchange, "FETCH 1 BODYSTRUCTURE", " NIL \"inline\" NIL NIL))\r\n"),
            (Personality::Exchange, "ID ()", "t BAD Command Argument Error. 11\r\n"),
            (Personality::Exchange, "LOGIN a b", "t BAD "),
            (
                Personality::Gmail,
                "STATUS INBOX (MESSAGES)",
                "* STATUS INBOX (MESSAGES 3)\r\nt OK Success\r\n",
            ),
            (Personality::Gmail, "FETCH 1 BODYSTRUCTURE", " NIL (\"inline\" NIL) NIL NIL))\r\n"),
            (
                Personality::Gmail,
                "SELECT INBOX",
                "* OK [HIGHESTMODSEQ 12345]\r\nt OK [READ-WRITE] Success\r\n",
            ),
            (
                Personality::Gmail,
                "LIST \"\" [Gmail]/S%",
                "* LIST (\\HasNoChildren \\Sent) \"/\" \"[Gmail]/Sent Mail\"\r\n",
            ),
            (Personality::Yahoo, "SEARCH ALL", "* SEARCH 1 2 3 \r\nt OK SEARCH completed\r\n"),
            (Personality::Yahoo, "LIST \"\" I%", "* LIST (\\HasNoChildren) \"/\" Inbox\r\n"),
            (Personality::NetEase, "STATUS INBOX (MESSAGES)", "* STATUS INBOX ()\r\n"),
            (
                Personality::NetEase,
                "SELECT INBOX",
                "t NO SELECT Unsafe Login. Please contact kefu@188.com for help\r\n",
            ),
            (
                Personality::NetEase,
                "ID (\"name\" \"x\")\r\nt SELECT INBOX",
                "t OK [READ-WRITE] SELECT completed\r\n",
            ),
            (Personality::Qq, "FETCH 1 UID", "* 1 FETCH (UID 1 )\r\n"),
            (Personality::Qq, "FETCH 3:1 UID", "t BAD UID parameters!\r\n"),
            (Personality::Qq, "FETCH 1,3 UID", "t OK FETCH Completed\r\n"),
            (Personality::Dovecot, "FETCH 3:1 UID", "t OK FETCH completed (0.001 + 0.000 secs).\r\n"),
        ];
        for (personality, command, want) in rows {
            let world = world(|options| options.personality = *personality);
            for _ in 0..3 {
                world.mailbox.deliver(message.as_bytes()).unwrap();
            }
            let mut talk = Talk::new(Imap::new(Arc::clone(&world), Security::Implicit));
            let heard = talk.say(format!("a AUTHENTICATE XOAUTH2 {}\r\n", xoauth2(USER, &token(&world))));
            assert!(heard.contains("\r\na OK "), "{personality}: {heard}");
            talk.say("b SELECT INBOX\r\n");
            let heard = talk.say(format!("t {command}\r\n"));
            assert!(heard.contains(want), "{personality} {command}: {heard}");
        }
    }

    #[test]
    fn passwords_are_taken_where_the_provider_takes_them() {
        for personality in Personality::ALL {
            let world = world(|options| options.personality = personality);
            let password =
                world.password.as_ref().map_or("none", |password| password.expose().as_str()).to_owned();
            let mut talk = Talk::new(Imap::new(Arc::clone(&world), Security::Implicit));
            talk.say("");
            assert!(talk.say(format!("t LOGIN {USER} wrong\r\n")).starts_with("t NO "), "{personality}");
            let heard = talk.say(format!("t LOGIN {USER} \"{password}\"\r\n"));
            assert_eq!(
                heard.starts_with("t OK "),
                personality != Personality::Exchange,
                "{personality}: {heard}"
            );
        }
    }

    #[test]
    fn a_provider_counts_connections() {
        let world = world(|options| options.provider_limits = true);
        let mut open: Vec<_> = (0..21)
            .map(|_| {
                let mut talk = Talk::new(Imap::new(Arc::clone(&world), Security::Implicit));
                let heard = talk.say(format!("a AUTHENTICATE XOAUTH2 {}\r\n", xoauth2(USER, &token(&world))));
                (talk, heard.contains("a OK "))
            })
            .collect();
        assert_eq!(open.iter().filter(|(_, is_in)| *is_in).count(), 20);
        assert!(open.pop().is_some_and(|(_, is_in)| !is_in));
    }
}
