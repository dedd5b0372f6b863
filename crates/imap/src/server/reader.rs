//! The elements that commands are made of, read from the front of what is left.

use alloc::vec::Vec;
use core::str;

use crate::{
    Atom, Date, DateTime, Flag, Mailbox, Param, ParseError, Part, Section, SectionOf, SequenceSet, Text,
};

/// A command that is being read.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
    /// Levels of parentheses and of NOT and OR that may still be opened.
    pub(super) depth: u8,
}

pub(super) type Read<T> = Result<T, ParseError>;

impl<'a> Reader<'a> {
    pub(super) const fn new(command: &'a [u8]) -> Self {
        Self { rest: command, length: command.len(), depth: 64 }
    }

    pub(super) const fn fail<T>(&self, rule: &'static str) -> Read<T> {
        Err(ParseError { offset: self.length.saturating_sub(self.rest.len()), rule })
    }

    /// Whether nothing is left but the line end, which may be missing.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.rest, b"" | b"\r\n" | b"\n")
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn is_next(&self, octets: &[u8]) -> bool {
        self.rest.starts_with(octets)
    }

    /// Whether `octet` comes next; it is consumed then.
    pub(super) fn eat(&mut self, octet: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == octet => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    pub(super) fn need(&mut self, octet: u8, rule: &'static str) -> Read<()> {
        if self.eat(octet) { Ok(()) } else { self.fail(rule) }
    }

    pub(super) fn sp(&mut self) -> Read<()> {
        self.need(b' ', "SP")
    }

    pub(super) fn end(&self) -> Read<()> {
        if self.is_done() { Ok(()) } else { self.fail("CRLF") }
    }

    /// The octets in front for which `wanted` holds, at least one.
    pub(super) fn span(&mut self, rule: &'static str, wanted: impl Fn(u8) -> bool) -> Read<&'a [u8]> {
        let end = self.rest.iter().position(|&octet| !wanted(octet)).unwrap_or(self.rest.len());
        if end == 0 {
            return self.fail(rule);
        }
        let (found, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = rest;
        Ok(found)
    }

    /// Name of a command or an argument, upper case.
    pub(super) fn keyword(&mut self, rule: &'static str) -> Read<Vec<u8>> {
        self.span(rule, |octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'='))
            .map(<[u8]>::to_ascii_uppercase)
    }

    /// Whether `word` comes next, and after it no more letters; it is consumed then.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let Some((first, rest)) = self.rest.split_at_checked(word.len()) else { return false };
        let whole = !rest.first().is_some_and(|octet| octet.is_ascii_alphanumeric());
        if whole && first.eq_ignore_ascii_case(word.as_bytes()) {
            self.rest = rest;
            return true;
        }
        false
    }

    pub(super) fn atom(&mut self) -> Read<Atom<'a>> {
        self.span("atom", is_atom_char).map(Atom::of)
    }

    pub(super) fn number(&mut self) -> Read<u64> {
        let before = self.rest;
        let digits = self.span("number", |octet| octet.is_ascii_digit())?;
        match str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()) {
            Some(number) => Ok(number),
            None => {
                self.rest = before;
                self.fail("number")
            }
        }
    }

    pub(super) fn number32(&mut self) -> Read<u32> {
        let number = self.number()?;
        u32::try_from(number).or_else(|_| self.fail("number"))
    }

    /// `quoted`
    fn quoted(&mut self) -> Read<Text<'a>> {
        self.need(b'"', "quoted")?;
        let inside = self.rest;
        let mut owned: Option<Vec<u8>> = None;
        let mut at = 0_usize;
        loop {
            let octet = match inside.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    owned.get_or_insert_with(|| inside.get(..at).unwrap_or_default().to_vec());
                    at = at.saturating_add(1);
                    match inside.get(at) {
                        Some(octet @ (b'"' | b'\\')) => *octet,
                        _ => return self.fail("quoted-specials"),
                    }
                }
                Some(b'\r' | b'\n' | 0) | None => return self.fail("DQUOTE"),
                Some(octet) => *octet,
            };
            if let Some(owned) = &mut owned {
                owned.push(octet);
            }
            at = at.saturating_add(1);
        }
        self.rest = inside.get(at.saturating_add(1)..).unwrap_or_default();
        Ok(owned.map_or_else(|| Text::of(inside.get(..at).unwrap_or_default()), Text::from))
    }

    /// `literal`, and `literal8` where `binary` is allowed; whether it was the second
    pub(super) fn literal(&mut self, binary: bool) -> Read<(Text<'a>, bool)> {
        let eight = binary && self.eat(b'~');
        self.need(b'{', "literal")?;
        let size = self.number()?;
        self.eat(b'+');
        self.need(b'}', "literal")?;
        self.eat(b'\r');
        self.need(b'\n', "literal")?;
        let split = usize::try_from(size).ok().and_then(|size| self.rest.split_at_checked(size));
        let Some((octets, rest)) = split else { return self.fail("literal") };
        if !eight && octets.contains(&0) {
            return self.fail("CHAR8");
        }
        self.rest = rest;
        Ok((Text::of(octets), eight))
    }

    pub(super) fn string(&mut self) -> Read<Text<'a>> {
        if self.peek() == Some(b'"') { self.quoted() } else { self.literal(false).map(|(text, _)| text) }
    }

    pub(super) fn nstring(&mut self) -> Read<Option<Text<'a>>> {
        if self.eat_word("NIL") { Ok(None) } else { self.string().map(Some) }
    }

    pub(super) fn astring(&mut self) -> Read<Text<'a>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => self.span("astring", |octet| is_atom_char(octet) || octet == b']').map(Text::of),
        }
    }

    pub(super) fn mailbox(&mut self) -> Read<Mailbox<'a>> {
        let name = self.astring()?;
        Mailbox::try_from(name).or_else(|_| self.fail("mailbox"))
    }

    /// `list-mailbox`: a name with wildcards
    pub(super) fn pattern(&mut self) -> Read<Mailbox<'a>> {
        let name = match self.peek() {
            Some(b'"' | b'{') => self.string()?,
            _ => self
                .span("list-mailbox", |octet| is_atom_char(octet) || matches!(octet, b'%' | b'*' | b']'))
                .map(Text::of)?,
        };
        Mailbox::try_from(name).or_else(|_| self.fail("list-mailbox"))
    }

    pub(super) fn set(&mut self) -> Read<SequenceSet> {
        let text = self.span("sequence-set", |octet| {
            octet.is_ascii_digit() || matches!(octet, b':' | b',' | b'*' | b'$')
        })?;
        SequenceSet::parse(text).or_else(|_| self.fail("sequence-set"))
    }

    pub(super) fn flag(&mut self) -> Read<Flag<'a>> {
        let backslash = self.eat(b'\\');
        let name = self.atom()?;
        match if backslash { Flag::system(name) } else { Flag::Keyword(name) } {
            Flag::Recent => self.fail("flag"),
            flag => Ok(flag),
        }
    }

    /// `"(" [element *(SP element)] ")"`
    pub(super) fn list<T>(&mut self, mut element: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        self.need(b'(', "(")?;
        let mut found = Vec::new();
        if self.eat(b')') {
            return Ok(found);
        }
        loop {
            found.push(element(self)?);
            if self.eat(b')') {
                return Ok(found);
            }
            self.sp()?;
        }
    }

    /// `"(" element *(SP element) ")"`
    pub(super) fn list1<T>(&mut self, element: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let found = self.list(element)?;
        if found.is_empty() { self.fail("a list that is not empty") } else { Ok(found) }
    }

    pub(super) fn param(&mut self) -> Read<Param<'a>> {
        let name = self.string()?;
        self.sp()?;
        Ok(Param { name, value: self.nstring()? })
    }

    pub(super) fn date_time(&mut self) -> Read<DateTime> {
        let text = self.quoted()?;
        DateTime::parse(&text).or_else(|_| self.fail("date-time"))
    }

    pub(super) fn date(&mut self) -> Read<Date> {
        let text = if self.peek() == Some(b'"') { self.quoted()? } else { self.astring()? };
        Date::parse(&text).or_else(|_| self.fail("date"))
    }

    /// `section-part`, or nothing
    pub(super) fn part(&mut self) -> Read<Part<'a>> {
        let Some(b'0'..=b'9') = self.peek() else { return Ok(Part::NONE) };
        let all = self.span("section-part", |octet| octet.is_ascii_digit() || octet == b'.')?;
        // A dot at the end belongs to what follows.
        let digits = all.strip_suffix(b".").unwrap_or(all);
        match str::from_utf8(digits).ok().and_then(|text| Part::parse(text).ok()) {
            Some(part) => Ok(part),
            None => self.fail("section-part"),
        }
    }

    /// `section`
    pub(super) fn section(&mut self) -> Read<Section<'a>> {
        self.need(b'[', "section")?;
        let part = self.part()?;
        if self.eat(b']') {
            return Ok(Section { part, of: SectionOf::Whole });
        }
        let of = match self.keyword("section-text")?.as_slice() {
            b"HEADER" => SectionOf::Header,
            b"TEXT" => SectionOf::Text,
            b"MIME" if !part.is_none() => SectionOf::Mime,
            b"HEADER.FIELDS" => SectionOf::Fields(self.fields()?),
            b"HEADER.FIELDS.NOT" => SectionOf::FieldsNot(self.fields()?),
            _ => return self.fail("section-text"),
        };
        self.need(b']', "]")?;
        Ok(Section { part, of })
    }

    fn fields(&mut self) -> Read<Vec<Text<'a>>> {
        self.sp()?;
        self.list1(Self::astring)
    }
}

/// `ATOM-CHAR`
fn is_atom_char(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"(){%*\"\\]".contains(&octet)
}
