//! The grammar of responses: nom 8 in complete mode over one whole frame.
//!
//! Each ABNF rule of RFC 9051 section 9, or of the extension that it names, has a function, with the rule as its doc
//! comment unless the name says enough. What servers get wrong is behind a field of [`Quirks`]. There is only one
//! grammar for all of them: at a mistake that is not tolerated it fails (see [`overlook`]), and never tries another
//! reading. So what is accepted without quirks is accepted with them, and means the same.
//!
//! How each module is written:
//!
//! | modules | |
//! |---|---|
//! | `data`, `status`, `extension`, and in `fetch` all but the items of a listing | nom's combinators; where many keywords are possible, a `match` chooses the rule, which saves comparisons with all of them |
//! | `quoted`, `scan`, `swar` | the leaves, by hand: they look at eight or sixteen octets at once, which no combinator does |
//! | `envelope`, `body`, `list`, and the items of a listing in `fetch` | by hand, with nom's results: combinators copy the values that they return, and these are large, so each rule writes what it finds to its place |
//! | `odd` | by hand: only reached after a rule has failed |

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
/// Everything in the result is borrowed from `octets`. Lists are checked here, and read when the caller iterates. Only
/// the depth of [`Limits`] matters here; the [`Framer`](crate::Framer) has checked the rest.
///
/// # Errors
///
/// Returns a [`ParseError`] if the response neither follows the grammar nor is tolerated by `quirks`.
pub fn parse_response<'a>(
    octets: &'a [u8],
    limits: &Limits,
    quirks: &Quirks,
) -> Result<Response<'a>, ParseError> {
    parse(octets, limits, quirks, data::response, strict::check_values)
}

/// Does the same as [`parse_response`] for programs that list messages: parses EXISTS, RECENT, EXPUNGE, and FETCH of
/// UID, FLAGS, ENVELOPE, INTERNALDATE and RFC822.SIZE. Any other item is an [`Item::Other`](crate::Item::Other). Any
/// other response is `None`, and is not parsed.
///
/// # Errors
///
/// Fails as [`parse_response`] does.
pub fn parse_summary_data<'a>(
    octets: &'a [u8],
    limits: &Limits,
    quirks: &Quirks,
) -> Result<Option<Data<'a>>, ParseError> {
    parse(octets, limits, quirks, data::summary_data, |quirks, data| {
        data.as_ref().map_or(Ok(()), |data| strict::check_summary_data(quirks, data))
    })
}

/// Returns the capabilities that a CAPABILITY response, or a code, lists.
pub(crate) fn parse_capabilities<'a>(
    octets: &'a [u8],
    limits: &Limits,
    quirks: &Quirks,
) -> Option<List<'a, Capability<'a>>> {
    parse(octets, limits, quirks, status::capabilities, |_, _| Ok(())).ok().flatten()
}

/// Returns the extensions of `ENABLED`. `None` for any other response.
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

/// The rest of the input, from a parser function that writes what it found to its place.
pub(crate) type Rest<'a> = Result<&'a [u8], nom::Err<Fault<'a>>>;

/// Goes on if the quirk that tolerates the mistake `at` this place is `on`. Otherwise fails for good: no alternative is
/// tried.
#[inline(always)]
pub(crate) fn overlook<'a>(on: bool, at: &'a [u8], rule: &'static str) -> Result<(), nom::Err<Fault<'a>>> {
    if on { Ok(()) } else { Err(nom::Err::Failure(Fault { at, rule })) }
}

/// Fails for good, because parentheses nest deeper than [`Limits::depth`] allows: no alternative is tried.
#[cold]
pub(crate) fn too_deep<T>(at: &[u8]) -> Result<T, nom::Err<Fault<'_>>> {
    Err(nom::Err::Failure(Fault { at, rule: "nesting within the limit" }))
}

/// What the grammar needs to know besides the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'q> {
    pub(crate) quirks: &'q Quirks,
    /// How many levels of parentheses may still be opened.
    pub(crate) depth: u8,
}

impl<'q> Context<'q> {
    pub(crate) const fn new(limits: &Limits, quirks: &'q Quirks) -> Self {
        Self { quirks, depth: limits.depth }
    }

    /// Returns the context one level deeper.
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
    /// The rule of RFC 9051 that should have matched there, or what it requires.
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
