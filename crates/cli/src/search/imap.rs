//! Parses search keys in IMAP's own form (RFC 9051 section 6.4.4).

use mailbearer::proto::imap::{Atom, Date, Flag, SearchKey as K, SequenceSet, Text, parse_date};

use super::plain;

/// Parses a list of keys.
///
/// # Errors
///
/// Says what is wrong, and at which character.
pub(super) fn read(text: &str) -> Result<K<'static>, String> {
    let mut reader = Reader { text, rest: text };
    let key = reader.keys(0)?;
    if reader.rest.is_empty() { Ok(key) } else { Err(reader.error("there is nothing to close")) }
}

struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
}

impl Reader<'_> {
    /// Parses keys up to the end, or to a closing parenthesis.
    fn keys(&mut self, depth: usize) -> Result<K<'static>, String> {
        if depth > DEPTH {
            return Err(self.error("there are too many parentheses"));
        }
        let mut keys = vec![self.key(depth)?];
        loop {
            self.rest = self.rest.trim_start_matches(' ');
            if self.rest.is_empty() || self.rest.starts_with(')') {
                break;
            }
            keys.push(self.key(depth)?);
        }
        Ok(if keys.len() == 1 { keys.remove(0) } else { K::And(keys) })
    }

    fn key(&mut self, depth: usize) -> Result<K<'static>, String> {
        self.rest = self.rest.trim_start_matches(' ');
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            let key = self.keys(depth.saturating_add(1))?;
            self.rest =
                self.rest.strip_prefix(')').ok_or_else(|| self.error("a parenthesis is not closed"))?;
            return Ok(key);
        }
        let (before, next) = (self.rest, depth.saturating_add(1));
        let name = self.atom()?.to_ascii_lowercase();
        Ok(match name.as_str() {
            "not" if depth < DEPTH => K::Not(Box::new(self.key(next)?)),
            "or" if depth < DEPTH => K::Or(Box::new(self.key(next)?), Box::new(self.key(next)?)),
            "old" => K::NoFlag(Flag::Recent),
            "from" => K::From(self.string()?),
            "to" => K::To(self.string()?),
            "cc" => K::Cc(self.string()?),
            "bcc" => K::Bcc(self.string()?),
            "subject" => K::Subject(self.string()?),
            "body" => K::Body(self.string()?),
            "text" => K::Text(self.string()?),
            "header" => K::Header { name: self.string()?, value: self.string()? },
            "since" => K::Since(self.date()?),
            "before" => K::Before(self.date()?),
            "on" => K::On(self.date()?),
            "sentsince" => K::SentSince(self.date()?),
            "sentbefore" => K::SentBefore(self.date()?),
            "senton" => K::SentOn(self.date()?),
            "savedsince" => K::SavedSince(self.date()?),
            "savedbefore" => K::SavedBefore(self.date()?),
            "savedon" => K::SavedOn(self.date()?),
            "larger" => K::Larger(self.number()?),
            "smaller" => K::Smaller(self.number()?),
            "older" => K::Older(self.number()?),
            "younger" => K::Younger(self.number()?),
            "modseq" => K::ModSeq(self.number()?),
            "keyword" => K::Flag(self.flag()?),
            "unkeyword" => K::NoFlag(self.flag()?),
            "uid" => K::Uid(self.set()?),
            "emailid" => K::EmailId(self.object()?),
            "threadid" => K::ThreadId(self.object()?),
            "x-gm-raw" => K::GmailRaw(self.string()?),
            "x-gm-labels" => K::GmailLabel(self.string()?),
            "x-gm-msgid" => K::GmailMessageId(self.number()?),
            "x-gm-thrid" => K::GmailThreadId(self.number()?),
            _ if name.starts_with(|first: char| first.is_ascii_digit() || first == '*') => {
                self.rest = before;
                K::Sequence(self.set()?)
            }
            _ => {
                self.rest = before;
                let key = plain(&name).map_err(|_| self.error("there is no search key"))?;
                self.atom()?;
                key
            }
        })
    }

    /// A word without special characters.
    fn atom(&mut self) -> Result<&str, String> {
        self.rest = self.rest.trim_start_matches(' ');
        let ends =
            |letter: char| letter.is_whitespace() || letter.is_control() || "()\"\\{%".contains(letter);
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        match self.rest.split_at_checked(end) {
            Some((word, rest)) if end > 0 && !rest.starts_with(['"', '\\', '{', '%']) => {
                self.rest = rest;
                Ok(word)
            }
            _ => Err(self.error("there is no word")),
        }
    }

    fn string(&mut self) -> Result<Text<'static>, String> {
        self.rest = self.rest.trim_start_matches(' ');
        let Some(quoted) = self.rest.strip_prefix('"') else {
            return Ok(Text::from(self.atom()?.to_owned()));
        };
        let mut value = String::new();
        let mut letters = quoted.chars();
        loop {
            match letters.next() {
                Some('"') => break,
                Some('\\') => value.extend(letters.next()),
                Some(letter) if letter.is_control() => return Err(self.error("there is a control character")),
                Some(letter) => value.push(letter),
                None => return Err(self.error("the quote is not closed")),
            }
        }
        self.rest = letters.as_str();
        Ok(Text::from(value))
    }

    fn date(&mut self) -> Result<Date, String> {
        let before = self.rest;
        let text = self.string()?;
        parse_date(text.to_text().as_bytes()).map_err(|_| {
            self.rest = before;
            self.error("there is no date as 1-Feb-2026")
        })
    }

    fn number<N: std::str::FromStr>(&mut self) -> Result<N, String> {
        let before = self.rest;
        let number = self.atom()?.parse().ok();
        number.ok_or_else(|| {
            self.rest = before;
            self.error("there is no number")
        })
    }

    fn set(&mut self) -> Result<SequenceSet, String> {
        let before = self.rest;
        let set = SequenceSet::parse(self.atom()?.as_bytes()).ok().filter(|set| !set.is_saved());
        set.ok_or_else(|| {
            self.rest = before;
            self.error("there is no set of messages")
        })
    }

    fn flag(&mut self) -> Result<Flag<'static>, String> {
        self.object().map(Flag::Keyword)
    }

    fn object(&mut self) -> Result<Atom<'static>, String> {
        let before = self.rest;
        let atom = Atom::new(self.atom()?).map(Atom::into_owned);
        atom.map_err(|_| {
            self.rest = before;
            self.error("there is no word")
        })
    }

    fn error(&self, problem: &str) -> String {
        let at = self.text.len().saturating_sub(self.rest.len());
        let at = self.text.get(..at).map_or(at, |before| before.chars().count()).saturating_add(1);
        format!("imap: at character {at} {problem}")
    }
}

/// How deep parentheses and keys within keys may nest.
const DEPTH: usize = 32;
