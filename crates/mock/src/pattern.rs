//! The text of one line of a transcript: octets and wildcards.

/// What a line is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Octets(Vec<u8>),
    Any,
    Tag(usize),
}

/// The tags that a conversation has shown so far, by their number.
pub(crate) type Tags = [Option<Vec<u8>>; 10];

/// What a pattern says about the start of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// The first octets are as they should be.
    Whole(usize),
    /// So far so good, but there is more to come.
    More,
    /// The line is a different one.
    Different,
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        let mut octets = Vec::new();
        let mut rest = text.as_bytes();
        let mut line_end: &[u8] = b"\r\n";
        while let Some((&octet, after)) = rest.split_first() {
            rest = after;
            match octet {
                b'\\' if after.is_empty() => line_end = b"",
                b'\\' => {
                    let (escaped, after) = escape(after)?;
                    octets.push(escaped);
                    rest = after;
                }
                b'<' => match wildcard(after) {
                    Some((part, after)) => {
                        parts.push(Part::Octets(std::mem::take(&mut octets)));
                        parts.push(part);
                        rest = after;
                    }
                    None => octets.push(octet),
                },
                _ => octets.push(octet),
            }
        }
        octets.extend_from_slice(line_end);
        parts.push(Part::Octets(octets));
        parts.retain(|part| *part != Part::Octets(Vec::new()));
        Ok(Self { parts })
    }

    /// Refuses `<any>`, which nobody could send.
    pub(crate) fn without_any(self) -> Result<Self, &'static str> {
        if self.parts.contains(&Part::Any) { Err("the server can't send `<any>`") } else { Ok(self) }
    }

    /// Refuses wildcards where the pattern is not exactly one line: they are matched within one.
    pub(crate) fn whole_if_wild(self) -> Result<Self, &'static str> {
        let wild = self.parts.iter().any(|part| !matches!(part, Part::Octets(_)));
        let octets = || self.parts.iter().filter_map(octets_of).flatten();
        let one_line =
            octets().filter(|&&octet| octet == b'\n').count() == 1 && octets().last() == Some(&b'\n');
        if wild && !one_line { Err("wildcards need a whole line") } else { Ok(self) }
    }

    /// The octets without the line end that [`parse`](Self::parse) put there; `None` for wildcards.
    pub(crate) fn literal(self) -> Option<Vec<u8>> {
        match self.parts.as_slice() {
            [Part::Octets(octets)] => Some(octets.strip_suffix(b"\r\n").unwrap_or(octets).to_vec()),
            [] => Some(Vec::new()),
            _ => None,
        }
    }

    /// The octets with tags filled in; a tag that is not known is left out.
    pub(crate) fn fill<'a>(&'a self, tag: impl Fn(usize) -> Option<&'a [u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        for part in &self.parts {
            match part {
                Part::Octets(octets) => out.extend_from_slice(octets),
                Part::Tag(number) => out.extend_from_slice(tag(*number).unwrap_or_default()),
                Part::Any => {}
            }
        }
        out
    }

    /// Compares the pattern with the start of `stream`, and keeps the tags found when it is there as a whole.
    pub(crate) fn compare(&self, stream: &[u8], tags: &mut Tags) -> Match {
        if let [Part::Octets(octets)] = self.parts.as_slice() {
            let common = octets.iter().zip(stream).take_while(|(a, b)| a == b).count();
            return match (common == octets.len(), common == stream.len()) {
                (true, _) => Match::Whole(common),
                (false, true) => Match::More,
                (false, false) => Match::Different,
            };
        }
        let Some(end) = stream.iter().position(|&octet| octet == b'\n') else {
            return if stream.len() < LINE_LIMIT { Match::More } else { Match::Different };
        };
        let length = end.saturating_add(1);
        let mut found = tags.clone();
        let line = stream.get(..length).unwrap_or(stream);
        if matches(&self.parts, line, &mut found) {
            *tags = found;
            Match::Whole(length)
        } else {
            Match::Different
        }
    }

    /// The pattern as a person would write it.
    pub(crate) fn shown(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Octets(octets) => text.push_str(&mailbearer_wire::printable_bytes(octets, 300)),
                Part::Any => text.push_str("<any>"),
                Part::Tag(0) => text.push_str("<tag>"),
                Part::Tag(number) => text.push_str(&format!("<tag{number}>")),
            }
        }
        text.strip_suffix("\\r\\n").map(str::to_owned).unwrap_or(text)
    }
}

/// Octets in a client's line, as far as wildcards look.
const LINE_LIMIT: usize = 1 << 20;

fn octets_of(part: &Part) -> Option<&Vec<u8>> {
    if let Part::Octets(octets) = part { Some(octets) } else { None }
}

fn escape(text: &[u8]) -> Result<(u8, &[u8]), &'static str> {
    match text {
        [b'r', rest @ ..] => Ok((b'\r', rest)),
        [b'n', rest @ ..] => Ok((b'\n', rest)),
        [b't', rest @ ..] => Ok((b'\t', rest)),
        [b'x', high, low, rest @ ..] => match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => Ok((high << 4 | low, rest)),
            _ => Err("`\\x` takes two hexadecimal digits"),
        },
        [octet @ (b'\\' | b'<'), rest @ ..] => Ok((*octet, rest)),
        _ => Err("no such escape"),
    }
}

fn digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn wildcard(text: &[u8]) -> Option<(Part, &[u8])> {
    match text {
        [b'a', b'n', b'y', b'>', rest @ ..] => Some((Part::Any, rest)),
        [b't', b'a', b'g', b'>', rest @ ..] => Some((Part::Tag(0), rest)),
        [b't', b'a', b'g', number @ b'1'..=b'9', b'>', rest @ ..] => {
            Some((Part::Tag(usize::from(number.saturating_sub(b'0'))), rest))
        }
        _ => None,
    }
}

/// Tries the shortest text for each wildcard first. Lines are short and wildcards few, so going back is cheap.
fn matches(parts: &[Part], line: &[u8], tags: &mut Tags) -> bool {
    let Some((part, rest)) = parts.split_first() else { return line.is_empty() };
    match part {
        Part::Octets(octets) => {
            line.strip_prefix(octets.as_slice()).is_some_and(|line| matches(rest, line, tags))
        }
        Part::Any => {
            let most = line.iter().take_while(|octet| !b"\r\n".contains(octet)).count();
            (0..=most).any(|count| line.get(count..).is_some_and(|line| matches(rest, line, tags)))
        }
        Part::Tag(number) => {
            let most = line.iter().take_while(|octet| !b"\r\n ".contains(octet)).count();
            (1..=most).any(|count| {
                let Some((tag, line)) = line.split_at_checked(count) else { return false };
                if let Some(slot) = tags.get_mut(*number) {
                    *slot = Some(tag.to_vec());
                }
                matches(rest, line, tags)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_with_what_has_come_so_far() {
        let rows: &[(&str, &[u8], Match)] = &[
            ("EHLO a", b"EHLO a\r\nMAIL", Match::Whole(8)),
            ("EHLO a", b"EHLO a\r", Match::More),
            ("EHLO a", b"EHLO b", Match::Different),
            ("EHLO a", b"EHLO a\n", Match::Different),
            ("", b"\r\n", Match::Whole(2)),
            ("a\\", b"ab", Match::Whole(1)),
            ("<tag> NOOP", b"A1 NOOP\r\nA2", Match::Whole(9)),
            ("<tag> NOOP", b"A1 NOOP", Match::More),
            ("<tag> NOOP", b" NOOP\r\n", Match::Different),
            ("<tag> NOOP", b"A 1 NOOP\r\n", Match::Different),
            ("EHLO <any>", b"EHLO \r\n", Match::Whole(7)),
            ("EHLO <any>", b"EHLO a b\r\n", Match::Whole(10)),
            ("EHLO <any>", b"EHLO a\rb\r\n", Match::Different),
            ("<any> b <any> d", b"a b b b c d\r\n", Match::Whole(13)),
            ("MAIL FROM:<a@b>", b"MAIL FROM:<a@b>\r\n", Match::Whole(17)),
            ("\\<any>", b"x\r\n", Match::Different),
        ];
        for (text, stream, want) in rows {
            let got = Pattern::parse(text).unwrap().compare(stream, &mut Tags::default());
            assert_eq!(got, *want, "{text:?}");
        }
    }

    #[test]
    fn keeps_tags_for_the_answer() {
        let mut tags = Tags::default();
        assert_eq!(
            Pattern::parse("<tag2> X <tag>").unwrap().compare(b"A7 X y\r\n", &mut tags),
            Match::Whole(8)
        );
        let answer = Pattern::parse("<tag2> OK <tag> <tag3>.").unwrap();
        assert_eq!(answer.fill(|number| tags[number].as_deref()), b"A7 OK y .\r\n");
        assert_eq!(answer.shown(), "<tag2> OK <tag> <tag3>.");
        let before = tags.clone();
        assert_eq!(Pattern::parse("<tag2> Z").unwrap().compare(b"A8 Y\r\n", &mut tags), Match::Different);
        assert_eq!(tags, before, "a line that differs keeps nothing");
    }
}
