//! Translates what `list --search` takes into search keys of IMAP.
//!
//! The keys are values, and the protocol's encoder writes them, so no text in them can become a command.

mod imap;

use mailbearer::proto::imap::{Atom, Flag, SearchKey, SequenceSet, Text};

use crate::value;

/// A search as it was given.
pub(crate) struct Query {
    text: String,
}

impl Query {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// Parses it.
    ///
    /// # Errors
    ///
    /// Names the key that is wrong.
    pub(crate) fn key(&self) -> Result<SearchKey<'static>, String> {
        match self.text.trim_start().strip_prefix("imap:") {
            Some(keys) => imap::read(keys.trim()),
            None => all_of(words(&self.text)?),
        }
    }
}

/// A word of the language.
enum Word {
    Or,
    Key(SearchKey<'static>),
}

fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end =
            rest.find(|character: char| character.is_whitespace() || character == ':').unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (value, after) = match after.strip_prefix(':') {
            Some(after) => {
                let (value, after) = value_of(name, after)?;
                (Some(value), after)
            }
            None => (None, after),
        };
        words.push(match (name, &value) {
            ("or" | "OR", None) => Word::Or,
            _ => Word::Key(key(name, value.as_deref())?),
        });
        rest = after.trim_start();
    }
    Ok(words)
}

/// Splits off the value behind `name:`. Returns the value and the rest.
fn value_of<'t>(name: &str, text: &'t str) -> Result<(String, &'t str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        return if value.contains('"') {
            Err(format!("{name}: a quote within a word; put all of it in quotes"))
        } else {
            Ok((value.to_owned(), rest))
        };
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next() {
            Some('"') => break,
            Some('\\') => value.extend(characters.next()),
            Some(character) => value.push(character),
            None => return Err(format!("{name}: the quote is not closed")),
        }
    }
    let rest = characters.as_str();
    if rest.is_empty() || rest.starts_with(char::is_whitespace) {
        return Ok((value, rest));
    }
    Err(format!("{name}: something follows the closing quote"))
}

fn key(name: &str, value: Option<&str>) -> Result<SearchKey<'static>, String> {
    let (name, negated) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
    let lower = name.to_ascii_lowercase();
    let key = match value {
        Some(value) => with_value(&lower, value),
        None => plain(&lower),
    };
    let key = key.map_err(|problem| format!("{name}: {problem}"))?;
    Ok(if negated { SearchKey::Not(Box::new(key)) } else { key })
}

fn plain(name: &str) -> Result<SearchKey<'static>, String> {
    let flag = |name: &str| {
        Some(match name {
            "seen" => Flag::Seen,
            "answered" => Flag::Answered,
            "flagged" => Flag::Flagged,
            "deleted" => Flag::Deleted,
            "draft" => Flag::Draft,
            "recent" => Flag::Recent,
            _ => return None,
        })
    };
    match (name, flag(name), name.strip_prefix("un").and_then(flag)) {
        ("all", ..) => Ok(SearchKey::All),
        ("new", ..) => Ok(SearchKey::New),
        (_, Some(flag), _) => Ok(SearchKey::Flag(flag)),
        (_, _, Some(flag)) => Ok(SearchKey::NoFlag(flag)),
        _ if with_value(name, "").is_err_and(|problem| problem == UNKNOWN) => {
            Err(format!("{UNKNOWN}; text:{name} looks for that word"))
        }
        _ => Err("it takes a value behind a colon".into()),
    }
}

fn with_value(name: &str, value: &str) -> Result<SearchKey<'static>, String> {
    use SearchKey as K;
    let text = || {
        if value.is_empty() {
            Err("no text to look for".to_owned())
        } else {
            Ok(Text::from(value.to_owned()))
        }
    };
    let day = || value::date(value);
    Ok(match name {
        "from" => K::From(text()?),
        "to" => K::To(text()?),
        "cc" => K::Cc(text()?),
        "bcc" => K::Bcc(text()?),
        "subject" => K::Subject(text()?),
        "body" => K::Body(text()?),
        "text" => K::Text(text()?),
        "header" => {
            let (name, value) = value.split_once('=').ok_or("it is header:NAME=TEXT")?;
            if name.is_empty() || !name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':') {
                return Err(format!("{name:?} is no name of a header field"));
            }
            K::Header { name: Text::from(name.to_owned()), value: Text::from(value.to_owned()) }
        }
        "since" => K::Since(day()?),
        "before" => K::Before(day()?),
        "on" => K::On(day()?),
        "sent-since" => K::SentSince(day()?),
        "sent-before" => K::SentBefore(day()?),
        "sent-on" => K::SentOn(day()?),
        "larger" => K::Larger(octets(value)?),
        "smaller" => K::Smaller(octets(value)?),
        "keyword" => {
            let word = Atom::new(value).map_err(|_| "a keyword is a word without special characters")?;
            K::Flag(Flag::Keyword(word.into_owned()))
        }
        "uid" => match SequenceSet::parse(value.as_bytes()) {
            Ok(set) if !set.is_saved() => K::Uid(set),
            _ => return Err("a set of UIDs is numbers and ranges, as in 1,4:7".into()),
        },
        _ => return Err(UNKNOWN.into()),
    })
}

/// Parses a size in octets; `k`, `M` and `G` stand for powers of 1024.
fn octets(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.as_bytes().last().map(u8::to_ascii_lowercase) {
        Some(b'k') => (text.get(..text.len().saturating_sub(1)), 1 << 10),
        Some(b'm') => (text.get(..text.len().saturating_sub(1)), 1 << 20),
        Some(b'g') => (text.get(..text.len().saturating_sub(1)), 1 << 30),
        _ => (Some(text), 1_u64),
    };
    let digits = digits.filter(|digits| digits.bytes().all(|octet| octet.is_ascii_digit()));
    // Servers count in 63 bits at most (RFC 9051 section 9, `number64`).
    let number = digits.and_then(|digits| digits.parse::<u64>().ok()?.checked_mul(unit));
    number
        .filter(|number| i64::try_from(*number).is_ok())
        .ok_or("a size is a number, or one with k, M or G behind".into())
}

fn all_of(words: Vec<Word>) -> Result<SearchKey<'static>, String> {
    let mut keys = Vec::new();
    // Keys that `or` joins. The last one waits for the key behind it.
    let mut any: Vec<SearchKey<'static>> = Vec::new();
    let mut joined = false;
    for word in words {
        match word {
            Word::Or if any.is_empty() || joined => return Err("or: it stands between two keys".into()),
            Word::Or => joined = true,
            Word::Key(key) => {
                if !joined {
                    keys.extend(one_of(std::mem::take(&mut any)));
                }
                any.push(key);
                joined = false;
            }
        }
    }
    if joined {
        return Err("or: it stands between two keys".into());
    }
    keys.extend(one_of(any));
    match keys.len() {
        0 => Err("no key to search for".into()),
        1 => Ok(keys.remove(0)),
        _ => Ok(SearchKey::And(keys)),
    }
}

/// Joins keys in a tree that is as flat as possible, since servers limit how deep keys may nest.
fn one_of(mut keys: Vec<SearchKey<'static>>) -> Option<SearchKey<'static>> {
    if keys.len() < 2 {
        return keys.pop();
    }
    let others = keys.split_off(keys.len() / 2);
    Some(SearchKey::Or(Box::new(one_of(keys)?), Box::new(one_of(others)?)))
}

const UNKNOWN: &str = "no such key";

#[cfg(test)]
mod tests {
    use SearchKey as K;
    use mailbearer::proto::imap::Date;

    use super::*;

    fn text(text: &str) -> Text<'static> {
        Text::from(text.to_owned())
    }

    fn not(key: K<'static>) -> K<'static> {
        K::Not(Box::new(key))
    }

    fn or(one: K<'static>, other: K<'static>) -> K<'static> {
        K::Or(Box::new(one), Box::new(other))
    }

    #[test]
    fn keys_become_those_of_imap() {
        let day = Date::new(2026, 1, 2).unwrap();
        let rows = [
            ("all", K::All),
            ("  unseen ", K::NoFlag(Flag::Seen)),
            ("FLAGGED", K::Flag(Flag::Flagged)),
            ("-draft", not(K::Flag(Flag::Draft))),
            ("from:ann", K::From(text("ann"))),
            ("From:\"Ann B\"", K::From(text("Ann B"))),
            ("subject:\"a \\\"b\\\" \\\\c\"", K::Subject(text("a \"b\" \\c"))),
            ("text:Grüße", K::Text(text("Grüße"))),
            ("body:a:b", K::Body(text("a:b"))),
            ("to:x cc:y bcc:z", K::And(vec![K::To(text("x")), K::Cc(text("y")), K::Bcc(text("z"))])),
            ("header:List-Id=a=b", K::Header { name: text("List-Id"), value: text("a=b") }),
            ("header:X-Spam=", K::Header { name: text("X-Spam"), value: text("") }),
            ("since:2026-01-02", K::Since(day)),
            ("-sent-on:2026-01-02", not(K::SentOn(day))),
            ("larger:1M smaller:2k", K::And(vec![K::Larger(1 << 20), K::Smaller(2048)])),
            ("larger:7", K::Larger(7)),
            ("keyword:$Forwarded", K::Flag(Flag::new("$Forwarded").unwrap())),
            ("uid:1,4:*", K::Uid("1,4:*".parse().unwrap())),
            (
                "from:a or from:b seen",
                K::And(vec![or(K::From(text("a")), K::From(text("b"))), K::Flag(Flag::Seen)]),
            ),
            ("seen or new or draft", or(K::Flag(Flag::Seen), or(K::New, K::Flag(Flag::Draft)))),
            ("text:or", K::Text(text("or"))),
            // All of this must stay text.
            ("subject:\"x\r\na2 DELETE INBOX\"", K::Subject(text("x\r\na2 DELETE INBOX"))),
            ("subject:{3}", K::Subject(text("{3}"))),
        ];
        for (query, want) in rows {
            assert_eq!(Query::new(query).key(), Ok(want), "{query}");
        }
    }

    #[test]
    fn keys_of_imap_are_read_as_they_are_written() {
        let rows = [
            ("imap:UNSEEN", K::NoFlag(Flag::Seen)),
            (
                "imap: OR FROM ann (SUBJECT \"two words\" LARGER 5)",
                or(K::From(text("ann")), K::And(vec![K::Subject(text("two words")), K::Larger(5)])),
            ),
            ("imap:SUBJECT \"Grüße\"", K::Subject(text("Grüße"))),
            ("imap:YOUNGER 3600", K::Younger(3600)),
            (
                "imap:2:4 unkeyword $Junk",
                K::And(vec![K::Sequence("2:4".parse().unwrap()), K::NoFlag(Flag::new("$Junk").unwrap())]),
            ),
            ("imap:NOT (SINCE 2-Jan-2026)", not(K::Since(Date::new(2026, 1, 2).unwrap()))),
            ("imap:UID 1,4:* OLD", K::And(vec![K::Uid("1,4:*".parse().unwrap()), K::NoFlag(Flag::Recent)])),
            ("imap:HEADER X-Spam \"\"", K::Header { name: text("X-Spam"), value: text("") }),
        ];
        for (query, want) in rows {
            assert_eq!(Query::new(query).key(), Ok(want), "{query}");
        }
        for query in [
            "imap:",
            "imap:UNSEN",
            "imap:RETURN (COUNT) ALL",
            "imap:CHARSET UTF-8 ALL",
            "imap:ALL\r\na2 LOGOUT",
            "imap:ALL) (",
            "imap:SUBJECT {3+}",
            "imap:SUBJECT \"a",
            "imap:SUBJECT \"a\r\nb\"",
            "imap:UID $",
            "imap:LARGER x",
            "imap:SINCE 2026-01-02",
            "imap:OR SEEN",
            "imap:(SEEN",
            &format!("imap:{}SEEN{}", "(".repeat(40), ")".repeat(40)),
            &format!("imap:{}SEEN", "NOT ".repeat(4000)),
        ] {
            assert!(Query::new(query).key().is_err(), "{query}");
        }
    }

    #[test]
    fn says_which_key_is_wrong() {
        for (query, want) in [
            ("", "no key to search for"),
            ("unsen", "unsen: no such key; text:unsen looks for that word"),
            ("form:ann", "form: no such key"),
            ("from", "from: it takes a value behind a colon"),
            ("from:", "from: no text to look for"),
            ("from: ann", "from: no text to look for"),
            ("from:\"ann", "from: the quote is not closed"),
            ("from:\"ann\"x", "from: something follows the closing quote"),
            ("from:a\"b", "from: a quote within a word; put all of it in quotes"),
            ("since:yesterday", "since: a day is written YYYY-MM-DD"),
            ("larger:1T", "larger: a size is a number, or one with k, M or G behind"),
            ("larger:99999999999G", "larger: a size is a number, or one with k, M or G behind"),
            ("header:a", "header: it is header:NAME=TEXT"),
            ("header:a b=c", "header: it is header:NAME=TEXT"),
            ("uid:$", "uid: a set of UIDs is numbers and ranges, as in 1,4:7"),
            ("or seen", "or: it stands between two keys"),
            ("seen or", "or: it stands between two keys"),
            ("seen or or new", "or: it stands between two keys"),
            ("seen:x", "seen: no such key"),
        ] {
            assert_eq!(Query::new(query).key(), Err(want.to_owned()), "{query}");
        }
        let many = vec!["seen"; 10_000].join(" or ");
        assert!(Query::new(&many).key().is_ok());
    }
}
