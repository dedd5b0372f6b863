//! The grammar of responses: nom 8 in complete mode over one whole frame.
//!
//! A function per ABNF rule of RFC 9051 section 9 (or of the extension it names), with the rule as its doc
//! comment where it is not told from its name. What servers get wrong is behind a field of [`Quirks`], and the grammar is
//! one for all of them: where it comes to a mistake that is not overlooked it ends (see [`overlook`]), and never tries to
//! read on in another way. So what is accepted without quirks is accepted with them, and says the same.
//!
//! What is written how:
//!
//! | modules | |
//! |---|---|
//! | `data`, `status`, `extension`, and in `fetch` all but the items of a listing | nom's combinators; where one of many keywords stands, a `match` on it chooses the rule, which saves a comparison for each of the others |
//! | `quoted`, `scan`, `swar` | the leaves, by hand: they look at eight or sixteen octets at once, which no combinator does |
//! | `envelope`, `body`, `list`, and the items of a listing in `fetch` | by hand, on nom's results: combinators hand values up by copying them, and these are large: each rule writes what it found to where it belongs |
//! | `odd` | by hand: reached only where a rule has failed |

use core::fmt;

pub(crate) use crate::rule::{Fault, Res, fail};
use crate::{Capability, Data, Limits, List, Quirks, Response};

mod body;
mod data;
mod element;
mod envelope;
mod extension;
mod fetch;
pub(crate) mod list;
mod odd;
mod quoted;
pub(crate) mod scan;
mod status;
mod strict;
mod swar;

/// Parses one whole response, its line end included.
///
/// Everything in the result is borrowed from `octets`, and lists are not gathered but read when they are looked
/// at. Only the depth of [`Limits`] matters here, for the rest has been seen to by the [`Framer`](crate::Framer).
///
/// # Errors
///
/// Returns a [`ParseError`] for what is neither a response by the grammar nor one that `quirks` allow.
pub fn parse_response<'a>(
    octets: &'a [u8],
    limits: &Limits,
    quirks: &Quirks,
) -> Result<Response<'a>, ParseError> {
    parse(octets, limits, quirks, data::response, strict::check_values)
}

/// As [`parse_response`], for who lists messages: EXISTS, RECENT, EXPUNGE, and FETCH of UID, FLAGS, ENVELOPE,
/// INTERNALDATE and RFC822.SIZE. Any other item is an [`Item::Other`](crate::Item::Other); any other response is `None`
/// and not looked at.
///
/// # Errors
///
/// As [`parse_response`].
pub fn parse_summary_data<'a>(
    octets: &'a [u8],
    limits: &Limits,
    quirks: &Quirks,
) -> Result<Option<Data<'a>>, ParseError> {
    parse(octets, limits, quirks, data::summary_data, |quirks, data| {
        data.as_ref().map_or(Ok(()), |data| strict::check_summary_data(quirks, data))
    })
}

/// The capabilities that a response lists, as what it is about or in its code.
pub(crate) fn parse_capabilities<'a>(
    octets: &'a [u8],
    limits: &Limits,
    quirks: &Quirks,
) -> Option<List<'a, Capability<'a>>> {
    parse(octets, limits, quirks, status::capabilities, |_, _| Ok(())).ok().flatten()
}

/// The extensions of `ENABLED`; `None` for any other response.
pub(crate) fn parse_enabled<'a>(
    octets: &'a [u8],
    limits: &Limits,
    quirks: &Quirks,
) -> Option<List<'a, Capability<'a>>> {
    parse(octets, limits, quirks, status::enabled, |_, _| Ok(())).ok()
}

/// Parses one rule, so that a program links only the rules it uses.
fn parse<'a, 'q, T>(
    octets: &'a [u8],
    limits: &Limits,
    quirks: &'q Quirks,
    rule: fn(Context<'q>, &'a [u8]) -> Res<'a, T>,
    check_values: fn(&Quirks, &T) -> Result<(), &'static str>,
) -> Result<T, ParseError> {
    let cx = Context::new(limits, quirks);
    let parsed = if strict::overlooks_all(quirks) {
        rule(cx, octets)
    } else {
        parse_strictly(cx, octets, rule, check_values)
    };
    parsed.map(|(_, found)| found).map_err(|error| Fault::in_whole(error, octets))
}

#[cold]
fn parse_strictly<'a, 'q, T>(
    cx: Context<'q>,
    octets: &'a [u8],
    rule: fn(Context<'q>, &'a [u8]) -> Res<'a, T>,
    check_values: fn(&Quirks, &T) -> Result<(), &'static str>,
) -> Res<'a, T> {
    strict::check(cx.quirks, octets).map_err(nom::Err::Error)?;
    let (rest, found) = rule(cx, octets)?;
    match check_values(cx.quirks, &found) {
        Ok(()) => Ok((rest, found)),
        Err(rule) => fail(octets, rule),
    }
}

/// What a parser function returns that writes what it found to where it belongs: what is left.
pub(crate) type Rest<'a> = Result<&'a [u8], nom::Err<Fault<'a>>>;

/// Goes on if the quirk that overlooks what stands `at` is `on`, and else ends it all: not an error that another
/// alternative could mend.
#[inline(always)]
pub(crate) fn overlook<'a>(on: bool, at: &'a [u8], rule: &'static str) -> Result<(), nom::Err<Fault<'a>>> {
    if on { Ok(()) } else { Err(nom::Err::Failure(Fault { at, rule })) }
}

/// Parentheses that nest deeper than [`Limits::depth`] allows: not an error that another alternative could mend.
#[cold]
pub(crate) fn too_deep<T>(at: &[u8]) -> Result<T, nom::Err<Fault<'_>>> {
    Err(nom::Err::Failure(Fault { at, rule: "nesting within the limit" }))
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
            None => too_deep(at),
        }
    }
}

/// Where a response stopped following the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

#[cfg(test)]
mod tests;
