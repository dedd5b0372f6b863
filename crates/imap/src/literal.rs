use crate::{Data, Item, Limits, Part, Quirks, Response, Section, parse_response};

/// What a literal belongs to that is too large to be held: the message, and the item of it.
///
/// It is read from the head of a [`Piece::LiteralStart`](crate::Piece) or
/// [`Event::LiteralStart`](crate::session::Event). So a caller with several messages or parts in flight knows where the
/// octets go before the first of them arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiteralOf {
    /// Sequence number of the message. `None` if the response has only a UID (UIDFETCH, RFC 9586).
    pub number: Option<u32>,
    /// UID of the message, if it came before the literal. Servers may send it after the literal: then the response that
    /// follows the literal has it.
    pub uid: Option<u32>,
    /// What the octets are.
    pub item: LiteralItem,
}

/// An item of a FETCH response whose value can be a large literal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LiteralItem {
    /// `BODY[…]`.
    Body {
        /// Which part.
        section: Section<'static>,
        /// Offset at which the octets start in it, if the client asked for a piece only.
        origin: Option<u64>,
    },
    /// `BINARY[…]` (RFC 3516).
    Binary {
        /// Which part.
        part: Part<'static>,
        /// Offset at which the octets start in it, if the client asked for a piece only.
        origin: Option<u64>,
    },
    /// `RFC822`.
    Rfc822,
    /// `RFC822.HEADER`.
    Rfc822Header,
    /// `RFC822.TEXT`.
    Rfc822Text,
}

impl LiteralOf {
    /// Reads the head of a response, up to and including the announcement of a literal.
    ///
    /// Returns `None` if the literal is no such item (as one within an ENVELOPE, or of a response that is no FETCH), or
    /// if the head does not follow the grammar.
    #[must_use]
    pub fn of(head: &[u8], limits: &Limits, quirks: &Quirks) -> Option<Self> {
        let line = head.strip_suffix(b"\n")?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let brace = line.iter().rposition(|&octet| octet == b'{')?;
        // With an empty literal and an end, the head is a whole response.
        let whole = [line.get(..brace)?, b"{0}\r\n)\r\n"].concat();
        let (fetch, by_uid) = match parse_response(&whole, limits, quirks).ok()? {
            Response::Untagged(Data::Fetch(fetch)) => (fetch, false),
            Response::Untagged(Data::UidFetch(fetch)) => (fetch, true),
            _ => return None,
        };
        let told = fetch.uid();
        let item = match fetch.items.into_iter().next_back()? {
            Item::Body { section, origin, .. } => LiteralItem::Body { section: section.into_owned(), origin },
            Item::Binary { part, origin, .. } => LiteralItem::Binary { part: part.into_owned(), origin },
            Item::Rfc822(_) => LiteralItem::Rfc822,
            Item::Rfc822Header(_) => LiteralItem::Rfc822Header,
            Item::Rfc822Text(_) => LiteralItem::Rfc822Text,
            _ => return None,
        };
        let (number, uid) = if by_uid { (None, Some(fetch.number)) } else { (Some(fetch.number), told) };
        Some(Self { number, uid, item })
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use super::*;

    #[test]
    fn a_head_tells_what_follows() {
        let rows: &[(&[u8], &str)] = &[
            (
                b"* 12 FETCH (UID 7 BODY[1.2.TEXT]<10> {5000000}\r\n",
                "12/7 Body { section: Section { part: \"1.2\", of: Text }, origin: Some(10) }",
            ),
            (
                b"* 12 FETCH (FLAGS () BODY[] {5000000}\n",
                "12/? Body { section: Section { part: \"\", of: Whole }, origin: None }",
            ),
            (b"* 7 UIDFETCH (BINARY[3] ~{5000000+}\r\n", "?/7 Binary { part: \"3\", origin: None }"),
            // The literal before was held.
            (b"* 1 FETCH (BODY[1] {2}\r\n{) BODY[2] NIL RFC822 {5000000}\r\n", "1/? Rfc822"),
            (b"* 1 FETCH (RFC822.HEADER {5000000}\r\n", "1/? Rfc822Header"),
            (b"* 1 FETCH (RFC822.TEXT {5000000}\r\n", "1/? Rfc822Text"),
            (b"* 1 FETCH (ENVELOPE (NIL {5000000}\r\n", ""),
            (b"* 1 FETCH (X-NEW {5000000}\r\n", ""),
            (b"* LIST () \"/\" {5000000}\r\n", ""),
            (b"* 1 FETCH (UID 7)\r\n", ""),
            (b"* 1 FETCH (BODY[] {5", ""),
            (b"", ""),
        ];
        for (head, want) in rows {
            let got = LiteralOf::of(head, &Limits::default(), &Quirks::default());
            let got = got.map_or_else(String::new, |LiteralOf { number, uid, item }| {
                let shown = |number: Option<u32>| number.map_or("?".into(), |number| format!("{number}"));
                format!("{}/{} {item:?}", shown(number), shown(uid))
            });
            assert_eq!(got, *want, "{}", head.escape_ascii());
        }
    }
}
