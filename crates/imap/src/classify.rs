use crate::Status;

/// What kind of response a line starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a reader has to treat every kind, and `Data` holds what is new")]
pub enum Kind<'a> {
    /// `+ …`: the server waits for more of a command.
    Continuation,
    /// `TAG OK …`: the end of the command with this tag.
    Tagged {
        /// The command's tag.
        tag: &'a [u8],
        /// How it ended: OK, NO or BAD.
        status: Status,
    },
    /// `* OK …` and the other untagged status responses.
    Status(Status),
    /// `* CAPABILITY …`.
    Capability,
    /// Any other untagged response.
    Data,
    /// Nothing that IMAP knows. The line is a response of its own, and announces no literal.
    Unknown,
}

/// Tells the kind of a response from its first words alone.
///
/// The readers of a response call it to see whether the response is for them, so that each is parsed in full at most
/// once.
#[must_use]
pub fn classify(response: &[u8]) -> Kind<'_> {
    match response {
        [b'*', b' ', b'0'..=b'9', ..] => Kind::Data,
        // The parser tolerates surplus spaces here, so the text behind them must announce no literal either.
        [b'*', b' ', rest @ ..] => match word(spaces(rest)) {
            (word, true) if word.eq_ignore_ascii_case(b"CAPABILITY") => Kind::Capability,
            (word, _) => Status::from_word(word).map_or(Kind::Data, Kind::Status),
        },
        [b'+', b' ' | b'\r' | b'\n', ..] | [b'+'] => Kind::Continuation,
        _ => {
            let (tag, _) = word(response);
            let rest = response.get(tag.len().saturating_add(1)..).unwrap_or_default();
            match Status::from_word(word(rest).0) {
                Some(status @ (Status::Ok | Status::No | Status::Bad)) if !tag.is_empty() => {
                    Kind::Tagged { tag, status }
                }
                _ => Kind::Unknown,
            }
        }
    }
}

/// Whether a literal may be announced at the end of this line. The human-readable text of a status response may end
/// like an announcement, and is none.
pub(crate) fn may_announce(line: &[u8]) -> bool {
    matches!(classify(line), Kind::Data | Kind::Capability) && !line.starts_with(b"* [")
}

/// The octets up to a space or a line end, and whether there is more on the line.
fn word(line: &[u8]) -> (&[u8], bool) {
    let end = line.iter().position(|octet| matches!(octet, b' ' | b'\r' | b'\n')).unwrap_or(line.len());
    (line.get(..end).unwrap_or_default(), line.get(end) == Some(&b' '))
}

/// What follows any spaces.
fn spaces(line: &[u8]) -> &[u8] {
    let count = line.iter().take_while(|octet| **octet == b' ').count();
    line.get(count..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_at_the_first_words_only() {
        let rows: &[(&[u8], Kind<'_>)] = &[
            (b"+ go on {3}\r\n", Kind::Continuation),
            (b"+\r\n", Kind::Continuation),
            (b"+", Kind::Continuation),
            (b"A1 OK done {3}\r\n", Kind::Tagged { tag: b"A1", status: Status::Ok }),
            (b"A1 no\r\n", Kind::Tagged { tag: b"A1", status: Status::No }),
            (b"A1 BYE x\r\n", Kind::Unknown),
            (b"* OK [X] y {3}\r\n", Kind::Status(Status::Ok)),
            (b"* Preauth hi\r\n", Kind::Status(Status::PreAuth)),
            (b"* BYE\r\n", Kind::Status(Status::Bye)),
            (b"*  NO [NOTSAVED] x {3}\r\n", Kind::Status(Status::No)),
            (b"*  CAPABILITY IMAP4rev1\r\n", Kind::Capability),
            (b"*  1 EXISTS\r\n", Kind::Data),
            (b"A1  OK done\r\n", Kind::Unknown),
            (b"* OKAY\r\n", Kind::Data),
            (b"* CAPABILITY IMAP4rev1\r\n", Kind::Capability),
            (b"* 1 FETCH (BODY[] {3}\r\n", Kind::Data),
            (b"Server Unavailable. 15\r\n", Kind::Unknown),
            (b"[COPYUID 55 31 6]\r\n", Kind::Unknown),
            (b" OK x\r\n", Kind::Unknown),
            (b"\r\n", Kind::Unknown),
            (b"", Kind::Unknown),
        ];
        for (input, want) in rows {
            assert_eq!(classify(input), *want, "{}", input.escape_ascii());
        }
    }
}
