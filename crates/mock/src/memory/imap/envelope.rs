//! The header of a message as ENVELOPE tells it: texts unfolded and otherwise as they came.

use mailbearer_imap::{Address, Envelope, List, Text};
use mailbearer_mime::Headers;

/// The envelope of the message that starts with `header`; an empty one for a header past all bounds.
pub(crate) fn envelope(header: &[u8]) -> Envelope<'static> {
    let Ok(headers) = Headers::parse(header) else { return Envelope::default() };
    let text = |name| headers.get(name).map(|field| Text::from(field.value().into_owned()));
    let list = |name| headers.get(name).map(|field| addresses(&field.value()));
    let from = list("From").unwrap_or_default();
    // RFC 9051 section 7.5.2: the server fills these in where they are missing or empty.
    let or_from = |name| list(name).filter(|list| !list.is_empty()).unwrap_or_else(|| from.clone());
    Envelope {
        date: text("Date"),
        subject: text("Subject"),
        sender: List::from(or_from("Sender")),
        reply_to: List::from(or_from("Reply-To")),
        to: List::from(list("To").unwrap_or_default()),
        cc: List::from(list("Cc").unwrap_or_default()),
        bcc: List::from(list("Bcc").unwrap_or_default()),
        in_reply_to: text("In-Reply-To"),
        message_id: text("Message-ID"),
        from: List::from(from),
    }
}

/// Reads an address list of RFC 5322 section 3.4.
fn addresses(value: &[u8]) -> Vec<Address<'static>> {
    let (mut list, mut entry, mut in_group) = (Vec::new(), Entry::default(), false);
    let mut rest = value;
    while let Some((&octet, after)) = rest.split_first() {
        rest = match octet {
            b',' => {
                list.extend(std::mem::take(&mut entry).address());
                after
            }
            b':' if entry.spec.is_none() && !in_group => {
                let name = std::mem::take(&mut entry).phrase();
                list.push(Address { mailbox: owned(name), ..Address::default() });
                in_group = true;
                after
            }
            b';' if in_group => {
                list.extend(std::mem::take(&mut entry).address());
                list.push(Address::default());
                in_group = false;
                after
            }
            b'"' => {
                let (text, after) = quoted(after, b'"');
                // Quotes belong to a local part and not to a name.
                if after.starts_with(b"@") {
                    entry.words.push_quoted(&text);
                } else {
                    entry.words.0.extend(text);
                }
                after
            }
            b'(' => quoted(after, b')').1,
            b'<' => {
                let (spec, after) = quoted(after, b'>');
                entry.spec = Some(spec);
                after
            }
            _ => {
                entry.words.0.push(octet);
                after
            }
        };
    }
    list.extend(entry.address());
    if in_group {
        list.push(Address::default());
    }
    list
}

#[derive(Default)]
struct Entry {
    words: Words,
    spec: Option<Vec<u8>>,
}

#[derive(Default)]
struct Words(Vec<u8>);

impl Words {
    fn push_quoted(&mut self, text: &[u8]) {
        self.0.push(b'"');
        for &octet in text {
            if matches!(octet, b'"' | b'\\') {
                self.0.push(b'\\');
            }
            self.0.push(octet);
        }
        self.0.push(b'"');
    }
}

impl Entry {
    fn phrase(&self) -> Vec<u8> {
        self.words.0.trim_ascii().to_vec()
    }

    fn address(self) -> Option<Address<'static>> {
        let phrase = self.phrase();
        let (name, spec) = match self.spec {
            Some(spec) => (phrase, spec),
            None => (Vec::new(), phrase),
        };
        if name.is_empty() && spec.is_empty() {
            return None;
        }
        // A source route, `@a,@b:`, stands before the address.
        let (route, spec) = match spec.iter().position(|&octet| octet == b':') {
            Some(colon) if spec.starts_with(b"@") => spec.split_at_checked(colon)?,
            _ => (&[][..], spec.as_slice()),
        };
        let spec = spec.strip_prefix(b":").unwrap_or(spec);
        let at = spec.iter().rposition(|&octet| octet == b'@');
        let (mailbox, host) = match at.and_then(|at| spec.split_at_checked(at)) {
            Some((mailbox, host)) => (mailbox, host.get(1..).unwrap_or_default()),
            None => (spec, &b".MISSING-HOST-NAME."[..]),
        };
        Some(Address {
            name: owned(name),
            route: owned(route.to_vec()),
            mailbox: Some(Text::from(mailbox.trim_ascii().to_vec())),
            host: Some(Text::from(host.trim_ascii().to_vec())),
        })
    }
}

fn owned(text: Vec<u8>) -> Option<Text<'static>> {
    (!text.is_empty()).then_some(Text::from(text))
}

/// What is before `end`, without backslashes, and what is behind it. Comments may hold comments.
fn quoted(text: &[u8], end: u8) -> (Vec<u8>, &[u8]) {
    let (mut out, mut depth, mut rest) = (Vec::new(), 0usize, text);
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        match octet {
            b'\\' => {
                out.extend(after.first());
                rest = after.get(1..).unwrap_or_default();
            }
            _ if octet == end && depth == 0 => break,
            b'(' if end == b')' => depth = depth.saturating_add(1),
            b')' if end == b')' => depth = depth.saturating_sub(1),
            _ => out.push(octet),
        }
    }
    (out, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(list: &[Address<'_>]) -> String {
        let text = |text: &Option<Text<'_>>| {
            text.as_ref().map_or("~".to_owned(), |text| String::from_utf8_lossy(text).into_owned())
        };
        let one = |address: &Address<'_>| {
            [&address.name, &address.route, &address.mailbox, &address.host].map(text).join("/")
        };
        list.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn reads_addresses() {
        let rows = [
            ("a@b", "~/~/a/b"),
            ("Ann <a@b>, c@d", "Ann/~/a/b ~/~/c/d"),
            ("\"Doe, \\\"J\\\"\" <a@b>", "Doe, \"J\"/~/a/b"),
            ("=?UTF-8?B?w6Q=?= <a@b>", "=?UTF-8?B?w6Q=?=/~/a/b"),
            ("<@x,@y:a@b>", "~/@x,@y/a/b"),
            ("\"a b\"@c", "~/~/\"a b\"/c"),
            ("a@b (Ann (nested) \\) x)", "~/~/a/b"),
            ("list: a@b, Ann <c@d>;, e@f", "~/~/list/~ ~/~/a/b Ann/~/c/d ~/~/~/~ ~/~/e/f"),
            ("undisclosed-recipients:;", "~/~/undisclosed-recipients/~ ~/~/~/~"),
            ("open: a@b", "~/~/open/~ ~/~/a/b ~/~/~/~"),
            (" , ,", ""),
            ("nobody", "~/~/nobody/.MISSING-HOST-NAME."),
            ("\"open", "~/~/open/.MISSING-HOST-NAME."),
        ];
        for (value, want) in rows {
            assert_eq!(shown(&addresses(value.as_bytes())), want, "{value}");
        }
    }

    #[test]
    fn fills_in_the_sender() {
        let envelope = envelope(b"From: a@b\r\nReply-To:\r\nSubject: x\r\n  y\r\n\r\n");
        let list = |list: &List<'_, Address<'static>>| shown(&list.iter().collect::<Vec<_>>());
        assert_eq!(list(&envelope.sender), "~/~/a/b");
        assert_eq!(list(&envelope.reply_to), "~/~/a/b");
        assert_eq!(list(&envelope.to), "");
        assert_eq!(envelope.subject.as_deref(), Some(&b"x  y"[..]));
    }
}
