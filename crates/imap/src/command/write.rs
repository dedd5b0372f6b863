//! How the elements of commands are written.

use alloc::{collections::VecDeque, vec::Vec};
use core::{fmt, str};

use mailbearer_wire::Secret;

use crate::{Atom, Flag, Invalid, Mailbox, Section, SectionOf};

/// What the server understands that changes how commands are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dialect {
    /// Which literals are sent without waiting for the server.
    pub literals: Literals,
    /// Whether quoted strings may hold UTF-8. True after ENABLE of `UTF8=ACCEPT` or `IMAP4rev2`.
    pub utf8: bool,
}

/// Which literals a client sends without waiting for the server's `+` (RFC 7888).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the two extensions of RFC 7888, or neither")]
pub enum Literals {
    /// None.
    #[default]
    Synchronizing,
    /// `LITERAL-`: those up to 4096 octets.
    Minus,
    /// `LITERAL+`: any.
    Plus,
}

impl Literals {
    const fn are_waited_for(self, size: u64) -> bool {
        match self {
            Self::Synchronizing => true,
            Self::Minus => size > 4096,
            Self::Plus => false,
        }
    }
}

/// A piece of a command.
pub(super) enum Fragment {
    Plain(Vec<u8>),
    Secret(Secret<Vec<u8>>),
    Bulk(Vec<u8>),
    /// Nothing more before the server's `+`.
    Wait,
    /// So many octets, which the caller sends.
    Stream(u64),
}

/// Builds a command.
pub(crate) struct Writer {
    dialect: Dialect,
    done: VecDeque<Fragment>,
    plain: Vec<u8>,
}

impl Writer {
    pub(super) const fn new(dialect: Dialect) -> Self {
        Self { dialect, done: VecDeque::new(), plain: Vec::new() }
    }

    pub(super) fn finish(mut self) -> VecDeque<Fragment> {
        self.plain.extend_from_slice(b"\r\n");
        self.flush();
        self.done
    }

    /// Appends text that is part of the grammar.
    #[inline(never)]
    pub(super) fn raw(&mut self, text: &str) {
        self.plain.extend_from_slice(text.as_bytes());
    }

    /// Appends a number, a set or a date: their text is part of the grammar.
    pub(super) fn shown(&mut self, value: impl fmt::Display) {
        use fmt::Write as _;
        struct Plain<'a>(&'a mut Vec<u8>);
        impl fmt::Write for Plain<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.extend_from_slice(text.as_bytes());
                Ok(())
            }
        }
        // Writing to a vector does not fail.
        let _ = write!(Plain(&mut self.plain), "{value}");
    }

    /// `atom`
    ///
    /// An atom that was read from a server may hold what no client may send.
    pub(super) fn atom(&mut self, atom: &Atom<'_>) -> Result<(), Invalid> {
        self.word(atom.as_bytes())
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Invalid> {
        if word.is_empty() || !word.iter().copied().all(|octet| is_atom_char(octet) || octet == b']') {
            return Err(Invalid("a word that is not an atom"));
        }
        self.plain.extend_from_slice(word);
        Ok(())
    }

    /// `flag`
    pub(super) fn flag(&mut self, flag: &Flag<'_>) -> Result<(), Invalid> {
        match flag {
            Flag::Recent | Flag::Any => Err(Invalid("a flag that only servers set")),
            Flag::Keyword(name) => self.atom(name),
            flag => {
                self.raw("\\");
                self.word(flag.word())
            }
        }
    }

    /// `"(" [flag *(SP flag)] ")"`
    pub(super) fn flags(&mut self, flags: &[Flag<'_>]) -> Result<(), Invalid> {
        self.list(flags, Self::flag)
    }

    /// `"(" [element *(SP element)] ")"`
    pub(super) fn list<T>(
        &mut self,
        elements: &[T],
        mut write: impl FnMut(&mut Self, &T) -> Result<(), Invalid>,
    ) -> Result<(), Invalid> {
        self.raw("(");
        self.joined(elements, &mut write)?;
        self.raw(")");
        Ok(())
    }

    /// `element *(SP element)`
    pub(super) fn joined<T>(
        &mut self,
        elements: &[T],
        mut write: impl FnMut(&mut Self, &T) -> Result<(), Invalid>,
    ) -> Result<(), Invalid> {
        for (index, element) in elements.iter().enumerate() {
            self.raw(if index > 0 { " " } else { "" });
            write(self, element)?;
        }
        Ok(())
    }

    /// `mailbox`. Once UTF-8 is enabled, it is no longer modified UTF-7 (RFC 6855 section 3).
    pub(super) fn mailbox(&mut self, mailbox: &Mailbox<'_>) -> Result<(), Invalid> {
        if self.dialect.utf8 && mailbox.as_bytes().is_ascii() {
            let name = mailbox.to_text();
            // Decoding modified UTF-7 can bring up what no name may hold.
            if name.contains(['\r', '\n', '\0']) {
                return Err(Invalid("mailbox name with a line end or NUL"));
            }
            return self.astring(name.as_bytes());
        }
        self.astring(mailbox.as_bytes())
    }

    /// `astring`
    pub(super) fn astring(&mut self, text: &[u8]) -> Result<(), Invalid> {
        let plain = !text.is_empty() && !text.eq_ignore_ascii_case(b"NIL");
        if plain && text.iter().copied().all(is_atom_char) {
            self.plain.extend_from_slice(text);
            return Ok(());
        }
        self.string(text)
    }

    /// `string`
    pub(super) fn string(&mut self, text: &[u8]) -> Result<(), Invalid> {
        if self.is_quotable(text) {
            self.quote(text);
            return Ok(());
        }
        if text.contains(&0) {
            return Err(Invalid("a string with NUL"));
        }
        self.literal(text);
        Ok(())
    }

    /// `quoted`, for places where the grammar allows nothing else
    pub(super) fn quoted(&mut self, text: &[u8]) -> Result<(), Invalid> {
        if !self.is_quotable(text) {
            return Err(Invalid("a string that cannot be quoted"));
        }
        self.quote(text);
        Ok(())
    }

    fn is_quotable(&self, text: &[u8]) -> bool {
        let quotable =
            |octet: &u8| !matches!(octet, b'\r' | b'\n' | 0) && (octet.is_ascii() || self.dialect.utf8);
        text.len() <= LONGEST_QUOTED && text.iter().all(quotable) && str::from_utf8(text).is_ok()
    }

    fn quote(&mut self, text: &[u8]) {
        self.raw("\"");
        for octet in text {
            if matches!(octet, b'"' | b'\\') {
                self.plain.push(b'\\');
            }
            self.plain.push(*octet);
        }
        self.raw("\"");
    }

    /// `nstring`
    pub(super) fn nstring(&mut self, text: Option<&[u8]>) -> Result<(), Invalid> {
        match text {
            Some(text) => self.string(text),
            None => {
                self.raw("NIL");
                Ok(())
            }
        }
    }

    /// `literal`
    pub(super) fn literal(&mut self, octets: &[u8]) {
        self.announce(u64::try_from(octets.len()).unwrap_or(u64::MAX));
        self.flush();
        self.done.push_back(Fragment::Bulk(octets.to_vec()));
    }

    /// A `literal` whose octets the caller sends.
    pub(super) fn stream(&mut self, size: u64) {
        self.announce(size);
        self.flush();
        self.done.push_back(Fragment::Stream(size));
    }

    fn announce(&mut self, size: u64) {
        let waits = self.dialect.literals.are_waited_for(size);
        self.raw("{");
        self.shown(size);
        self.raw(if waits { "}\r\n" } else { "+}\r\n" });
        if waits {
            self.flush();
            self.done.push_back(Fragment::Wait);
        }
    }

    /// `astring` that a trace does not show
    pub(super) fn secret(&mut self, text: &[u8]) -> Result<(), Invalid> {
        self.flush();
        let before = self.done.len();
        self.string(text)?;
        if self.done.len() == before {
            let quoted = core::mem::take(&mut self.plain);
            self.done.push_back(Fragment::Secret(quoted.into()));
        } else if let Some(Fragment::Bulk(octets)) = self.done.pop_back() {
            self.done.push_back(Fragment::Secret(octets.into()));
        }
        Ok(())
    }

    /// Base64 that a trace does not show
    pub(super) fn secret_base64(&mut self, text: &[u8]) -> Result<(), Invalid> {
        if !text.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=')) {
            return Err(Invalid("an initial response that is not base64"));
        }
        self.flush();
        let text = if text.is_empty() { b"=".to_vec() } else { text.to_vec() };
        self.done.push_back(Fragment::Secret(text.into()));
        Ok(())
    }

    /// `section`
    pub(super) fn section(&mut self, section: &Section<'_>) -> Result<(), Invalid> {
        let Section { part, of } = section;
        self.raw("[");
        self.raw(part.as_str());
        if !part.is_none() && *of != SectionOf::Whole {
            self.raw(".");
        }
        match of {
            SectionOf::Whole => {}
            SectionOf::Header => self.raw("HEADER"),
            SectionOf::Text => self.raw("TEXT"),
            SectionOf::Mime if part.is_none() => return Err(Invalid("MIME without a part")),
            SectionOf::Mime => self.raw("MIME"),
            SectionOf::Fields(names) | SectionOf::FieldsNot(names) => {
                if names.is_empty() {
                    return Err(Invalid("no header fields"));
                }
                let not = matches!(of, SectionOf::FieldsNot(_));
                self.raw(if not { "HEADER.FIELDS.NOT " } else { "HEADER.FIELDS " });
                self.list(names, |out, name| out.astring(name))?;
            }
        }
        self.raw("]");
        Ok(())
    }

    fn flush(&mut self) {
        if !self.plain.is_empty() {
            let plain = core::mem::take(&mut self.plain);
            self.done.push_back(Fragment::Plain(plain));
        }
    }
}

/// `ATOM-CHAR`
const fn is_atom_char(octet: u8) -> bool {
    octet.is_ascii_graphic() && !matches!(octet, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

/// A longer string is sent as a literal, because servers limit the length of a line.
const LONGEST_QUOTED: usize = 1000;
