//! The mistakes of a provider's servers, made in what is correct.

use mailbearer_imap::{
    Data, Item, Number, Response, SequenceSet,
    server::{Error, Session as Protocol, encode_response},
};

use super::Imap;
use crate::memory::personality::ImapVoice;

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
    let mut line = Vec::new();
    encode_response(&Response::Untagged(data), &mut line);
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
    if status && quirks.empty_status {
        let open = line.iter().rposition(|&octet| octet == b'(').unwrap_or(line.len());
        line.truncate(open);
        line.extend_from_slice(b"()\r\n");
    }
    protocol.push(&line);
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
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, octet) in line.iter().enumerate().skip(start) {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            // What may follow a literal is anybody's guess.
            b'{' if !quoted => return,
            b'(' if !quoted => depth = depth.saturating_add(1),
            b')' if !quoted && depth == 1 => {
                const EMPTY: &[u8] = b" NIL";
                if line.get(..at).is_some_and(|before| before.ends_with(EMPTY)) {
                    line.drain(at.saturating_sub(EMPTY.len())..at);
                }
                return;
            }
            b')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
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
