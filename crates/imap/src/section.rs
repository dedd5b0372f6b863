use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt::{self, Write};

use crate::{Invalid, Text};

/// Which octets of a message a FETCH is about: what stands in the brackets of `BODY[…]`, `section` of RFC 9051 section
/// 9.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a part, and what of it")]
pub struct Section<'a> {
    /// The part; empty for the message itself.
    pub part: Part<'a>,
    /// Which octets of the part.
    pub of: SectionOf<'a>,
}

/// Which octets of a part of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "`section-spec` of RFC 9051 section 9")]
pub enum SectionOf<'a> {
    /// All of it.
    #[default]
    Whole,
    /// `HEADER`: the header of the message.
    Header,
    /// `HEADER.FIELDS`: these fields of it.
    Fields(Vec<Text<'a>>),
    /// `HEADER.FIELDS.NOT`: all fields of it but these.
    FieldsNot(Vec<Text<'a>>),
    /// `TEXT`: the message without its header.
    Text,
    /// `MIME`: the header of the part.
    Mime,
}

impl Section<'_> {
    /// Selects the whole message: `BODY[]`.
    pub const WHOLE: Section<'static> = Section { part: Part::NONE, of: SectionOf::Whole };
    /// Selects its header: `BODY[HEADER]`.
    pub const HEADER: Section<'static> = Section { part: Part::NONE, of: SectionOf::Header };
    /// Selects everything but its header: `BODY[TEXT]`.
    pub const TEXT: Section<'static> = Section { part: Part::NONE, of: SectionOf::Text };

    /// Returns the same section, borrowed from nothing.
    #[must_use]
    pub fn into_owned(self) -> Section<'static> {
        let owned =
            |names: Vec<Text<'_>>| names.into_iter().map(Text::into_owned).collect::<Vec<Text<'static>>>();
        let of = match self.of {
            SectionOf::Whole => SectionOf::Whole,
            SectionOf::Header => SectionOf::Header,
            SectionOf::Fields(names) => SectionOf::Fields(owned(names)),
            SectionOf::FieldsNot(names) => SectionOf::FieldsNot(owned(names)),
            SectionOf::Text => SectionOf::Text,
            SectionOf::Mime => SectionOf::Mime,
        };
        Section { part: self.part.into_owned(), of }
    }
}

/// The place of a part in a message, `section-part` of RFC 9051 section 9: `1.2.3`, or nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Part<'a>(Cow<'a, str>);

impl<'a> Part<'a> {
    /// The message itself.
    pub const NONE: Part<'static> = Part(Cow::Borrowed(""));

    /// Makes the part at these numbers: one for each level, counted from 1. 0 counts as 1.
    #[must_use]
    pub fn new(numbers: &[u32]) -> Part<'static> {
        let mut text = String::new();
        for number in numbers {
            text.push_str(if text.is_empty() { "" } else { "." });
            // Writing to a String does not fail.
            let _ = write!(text, "{}", number.max(&1));
        }
        Part(Cow::Owned(text))
    }

    /// Reads `1.2.3`. The empty text is the message itself.
    ///
    /// # Errors
    ///
    /// Returns [`Invalid`] for anything else: a 0, a number past 32 bits, nothing between two dots.
    pub fn parse(text: &'a str) -> Result<Self, Invalid> {
        let proper = |number: &str| {
            number.bytes().all(|octet| octet.is_ascii_digit())
                && number.parse::<u32>().is_ok_and(|number| number > 0)
        };
        if text.is_empty() || text.split('.').all(proper) {
            return Ok(Self(Cow::Borrowed(text)));
        }
        Err(Invalid("not the number of a part"))
    }

    /// Iterates over the numbers.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.split('.').filter_map(|number| number.parse().ok())
    }

    /// Returns whether this is the message itself.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the part as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the same part, borrowed from nothing.
    #[must_use]
    pub fn into_owned(self) -> Part<'static> {
        Part(Cow::Owned(self.0.into_owned()))
    }
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn parts_are_numbers_with_dots() {
        let rows = [("", vec![]), ("1", vec![1]), ("4.1.23", vec![4, 1, 23])];
        for (text, numbers) in rows {
            let part = Part::parse(text).unwrap();
            assert_eq!(part.numbers().collect::<Vec<_>>(), numbers);
            assert_eq!(part, Part::new(&numbers));
        }
        for text in [".", "1.", ".1", "0", "1.0", "a", "1]", "+1", "4294967296", "1 "] {
            assert!(Part::parse(text).is_err(), "{text}");
        }
    }
}
