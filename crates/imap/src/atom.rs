use alloc::{borrow::Cow, string::String};
use core::fmt;

use mailbearer_wire::printable_bytes;

use crate::Invalid;

/// A word without spaces, quotes, parentheses, braces or controls, `atom` of RFC 9051 section 9.
///
/// A word that a server sent may also hold octets above 0x7f and a few characters that the grammar reserves. Words are
/// compared without regard to case.
#[derive(Clone)]
pub struct Atom<'a>(Cow<'a, [u8]>);

impl<'a> Atom<'a> {
    /// Checks a word.
    ///
    /// # Errors
    ///
    /// Returns [`Invalid`] for the empty word and for one with a character that the rule excludes.
    pub fn new(word: &'a str) -> Result<Self, Invalid> {
        let special = |octet: u8| {
            !octet.is_ascii_graphic()
                || matches!(octet, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
        };
        if word.is_empty() || word.bytes().any(special) {
            return Err(Invalid("not an atom"));
        }
        Ok(Self(Cow::Borrowed(word.as_bytes())))
    }

    pub(crate) const fn of(octets: &'a [u8]) -> Self {
        Self(Cow::Borrowed(octets))
    }

    /// Returns the octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the word as text; what is not UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Returns the same word with memory of its own.
    #[must_use]
    pub fn into_owned(self) -> Atom<'static> {
        Atom(Cow::Owned(self.0.into_owned()))
    }
}

impl PartialEq for Atom<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Atom<'_> {}

impl fmt::Debug for Atom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Atom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable_bytes(&self.0, usize::MAX))
    }
}

/// A flag of a message, or an attribute of a mailbox (RFC 9051 sections 2.3.2 and 7.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "`System` and `Keyword` hold every other")]
pub enum Flag<'a> {
    /// `\Seen`.
    Seen,
    /// `\Answered`.
    Answered,
    /// `\Flagged`.
    Flagged,
    /// `\Deleted`.
    Deleted,
    /// `\Draft`.
    Draft,
    /// `\Recent`. Only servers send it.
    Recent,
    /// `\*`: the client may make new keywords. Only servers send it.
    Any,
    /// Any other flag with a backslash, which is not part of the word: `\Sent`, `\Noselect`, …
    System(Atom<'a>),
    /// A flag without a backslash: `$Forwarded`, …
    Keyword(Atom<'a>),
}

impl<'a> Flag<'a> {
    /// Makes the flag of this name, its backslash included.
    ///
    /// # Errors
    ///
    /// Returns [`Invalid`] if the name, without its backslash, is not an [`Atom`].
    pub fn new(name: &'a str) -> Result<Self, Invalid> {
        let Some(name) = name.strip_prefix('\\') else { return Atom::new(name).map(Self::Keyword) };
        if name == "*" {
            return Ok(Self::Any);
        }
        Atom::new(name).map(Self::system)
    }

    pub(crate) fn system(name: Atom<'a>) -> Self {
        let is = |word: &[u8]| name.as_bytes().eq_ignore_ascii_case(word);
        match name.as_bytes().len() {
            4 if is(b"seen") => Self::Seen,
            5 if is(b"draft") => Self::Draft,
            6 if is(b"recent") => Self::Recent,
            7 if is(b"flagged") => Self::Flagged,
            7 if is(b"deleted") => Self::Deleted,
            8 if is(b"answered") => Self::Answered,
            _ => Self::System(name),
        }
    }

    /// Returns whether this is the special use or other attribute `name`, written without its backslash.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.word().eq_ignore_ascii_case(name.as_bytes())
    }

    /// Returns the same flag with memory of its own.
    #[must_use]
    pub fn into_owned(self) -> Flag<'static> {
        match self {
            Self::Seen => Flag::Seen,
            Self::Answered => Flag::Answered,
            Self::Flagged => Flag::Flagged,
            Self::Deleted => Flag::Deleted,
            Self::Draft => Flag::Draft,
            Self::Recent => Flag::Recent,
            Self::Any => Flag::Any,
            Self::System(name) => Flag::System(name.into_owned()),
            Self::Keyword(name) => Flag::Keyword(name.into_owned()),
        }
    }

    pub(crate) const fn has_backslash(&self) -> bool {
        !matches!(self, Self::Keyword(_))
    }

    /// The name without the backslash.
    pub(crate) fn word(&self) -> &[u8] {
        match self {
            Self::Seen => b"Seen",
            Self::Answered => b"Answered",
            Self::Flagged => b"Flagged",
            Self::Deleted => b"Deleted",
            Self::Draft => b"Draft",
            Self::Recent => b"Recent",
            Self::Any => b"*",
            Self::System(name) | Self::Keyword(name) => name.as_bytes(),
        }
    }
}

impl fmt::Display for Flag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.has_backslash() { "\\" } else { "" })?;
        f.write_str(&printable_bytes(self.word(), usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_known_by_name_in_any_case() {
        let rows = [
            ("\\Seen", Ok(Flag::Seen)),
            ("\\ANSWERED", Ok(Flag::Answered)),
            ("\\flagged", Ok(Flag::Flagged)),
            ("\\Deleted", Ok(Flag::Deleted)),
            ("\\Draft", Ok(Flag::Draft)),
            ("\\Recent", Ok(Flag::Recent)),
            ("\\*", Ok(Flag::Any)),
            ("\\Sent", Ok(Flag::System(Atom::of(b"sent")))),
            ("$Forwarded", Ok(Flag::Keyword(Atom::of(b"$forwarded")))),
            ("Seen", Ok(Flag::Keyword(Atom::of(b"seen")))),
        ];
        for (name, want) in rows {
            assert_eq!(Flag::new(name), want, "{name}");
        }
    }

    #[test]
    fn no_word_can_end_an_argument() {
        for word in [
            "", " ", "a b", "a\r\n", "a)", "(a", "{3}", "a{3}", "a\"", "a\\b", "\\a\\", "%", "*", "a]", "\0",
            "ü",
        ] {
            assert!(Flag::new(word).is_err(), "{word:?}");
        }
    }
}
