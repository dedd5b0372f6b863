//! The grammar of responses: nom 8 in complete mode over one whole frame.
//!
//! A function per ABNF rule of RFC 9051 section 9 (or of the extension it names), with the rule as its doc
//! comment where it is not told from its name. What servers get wrong is behind a field of [`Quirks`].

use core::fmt;

use crate::{Limits, Quirks};

pub(crate) mod list;
pub(crate) mod scan;

/// What a parser function returns: what is left, and what was found in front of it.
pub(crate) type Res<'a, T> = nom::IResult<&'a [u8], T, Fault<'a>>;

/// Where the input stopped following a rule, as what is left there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault<'a> {
    pub(crate) at: &'a [u8],
    pub(crate) rule: &'static str,
}

impl<'a> nom::error::ParseError<&'a [u8]> for Fault<'a> {
    fn from_error_kind(at: &'a [u8], _: nom::error::ErrorKind) -> Self {
        Fault { at, rule: "what the rule repeats" }
    }

    fn append(_: &'a [u8], _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

#[inline]
pub(crate) fn fail<'a, T>(at: &'a [u8], rule: &'static str) -> Res<'a, T> {
    Err(nom::Err::Error(Fault { at, rule }))
}

/// What the grammar needs to know besides the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'q> {
    pub(crate) quirks: &'q Quirks,
    /// Levels of parentheses that may still be opened.
    pub(crate) depth: u8,
}

impl<'q> Context<'q> {
    pub(crate) const fn new(limits: &Limits, quirks: &'q Quirks) -> Self {
        Self { quirks, depth: limits.depth }
    }

    /// The context one level deeper.
    pub(crate) fn deeper(self, at: &[u8]) -> Result<Self, nom::Err<Fault<'_>>> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            // Not an error that another alternative could mend.
            None => Err(nom::Err::Failure(Fault { at, rule: "nesting within the limit" })),
        }
    }
}

/// Where a response stopped following the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Offset in the response.
    pub offset: usize,
    /// The rule of RFC 9051 that was expected there, or what it asks for.
    pub rule: &'static str,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} at octet {}", self.rule, self.offset)
    }
}

impl core::error::Error for ParseError {}
