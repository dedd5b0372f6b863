//! What the grammars of both halves take from nom: its results, with an error that names the rule.

use nom::Parser;

use crate::ParseError;

/// What a parser function returns: the rest of the input, and what it found in front of that.
pub(crate) type Res<'a, T> = nom::IResult<&'a [u8], T, Fault<'a>>;

/// The place where the input stopped following a rule, kept as the rest of the input there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault<'a> {
    pub(crate) at: &'a [u8],
    pub(crate) rule: &'static str,
}

impl Fault<'_> {
    /// Makes the error for the caller, who passed in `whole`.
    pub(crate) fn in_whole(error: nom::Err<Self>, whole: &[u8]) -> ParseError {
        match error {
            nom::Err::Error(fault) | nom::Err::Failure(fault) => {
                ParseError { offset: whole.len().saturating_sub(fault.at.len()), rule: fault.rule }
            }
            // Our parsers run on whole input and never ask for more.
            nom::Err::Incomplete(_) => ParseError { offset: whole.len(), rule: "more octets" },
        }
    }
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

/// Runs `parser`. If it fails, names the rule and the place where the rule began.
#[inline]
pub(crate) fn named<'a, T>(
    rule: &'static str,
    mut parser: impl Parser<&'a [u8], Output = T, Error = Fault<'a>>,
) -> impl FnMut(&'a [u8]) -> Res<'a, T> {
    move |input| parser.parse(input).map_err(|error| error.map(|_| Fault { at: input, rule }))
}
