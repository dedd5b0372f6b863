//! The leaves of the grammar, scanned by hand over a table of octets.
//!
//! nom calls them like any other parser. Unlike combinators, they cost the same at every optimisation level.

use nom::Parser;

pub(crate) use super::quoted::{
    behind_quote, nil_to, nstring_to, plain_nstring, plain_quoted_sp, quoted, quoted_raw, quoted_until,
    quoted_whole, unescaped_to, unquoted,
};
use super::{
    Context, Fault, Res, fail,
    swar::{short_number, word_end},
    too_deep,
};
use crate::Text;

/// Bits of [`CLASS`].
const ATOM: u8 = 1;
const WORD: u8 = 4;
const DIGIT: u8 = 8;

/// In which words an octet may be.
///
/// - `ATOM`: `ATOM-CHAR`, and octets above 0x7f, which many servers send.
/// - `WORD`: letters, digits and the marks in names of items, codes and keywords.
static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut octet = 0_u8;
    loop {
        let mut class = 0;
        if octet > b' ' && !matches!(octet, 0x7f | b'(' | b')' | b'{' | b'"' | b'%' | b'*' | b'\\' | b']') {
            class |= ATOM;
        }
        if octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_' | b'=' | b'+' | b'/' | b'$') {
            class |= WORD;
        }
        if octet.is_ascii_digit() {
            class |= DIGIT;
        }
        #[expect(
            clippy::indexing_slicing,
            clippy::as_conversions,
            reason = "256 entries, and From is not const"
        )]
        {
            table[octet as usize] = class;
        }
        let Some(next) = octet.checked_add(1) else { return table };
        octet = next;
    }
}

#[expect(clippy::indexing_slicing, reason = "an octet is always below 256")]
#[inline]
fn is(octet: u8, class: u8) -> bool {
    CLASS[usize::from(octet)] & class != 0
}

/// Splits off the octets in front that are of `class`.
#[inline]
fn span(input: &[u8], class: u8) -> (&[u8], &[u8]) {
    let end = input.iter().position(|&octet| !is(octet, class)).unwrap_or(input.len());
    input.split_at_checked(end).unwrap_or((input, &[]))
}

#[inline]
fn span1<'a>(input: &'a [u8], class: u8, rule: &'static str) -> Res<'a, &'a [u8]> {
    match span(input, class) {
        ([], _) => fail(input, rule),
        (found, rest) => Ok((rest, found)),
    }
}

/// Exactly this octet
#[inline]
pub(crate) fn octet<'a>(wanted: u8, rule: &'static str) -> impl Fn(&'a [u8]) -> Res<'a, ()> {
    move |input| match input {
        [first, rest @ ..] if *first == wanted => Ok((rest, ())),
        _ => fail(input, rule),
    }
}

/// `(`, and any spaces behind it
#[inline]
pub(crate) fn opening<'a>(rule: &'static str) -> impl Fn(&'a [u8]) -> Res<'a, ()> {
    move |input| match input {
        [b'(', rest @ ..] => Ok((spaces(rest), ())),
        _ => fail(input, rule),
    }
}

/// `)`, and any spaces in front of it
#[inline]
pub(crate) fn closing(input: &[u8]) -> Res<'_, ()> {
    match spaces(input) {
        [b')', rest @ ..] => Ok((rest, ())),
        rest => fail(rest, ")"),
    }
}

/// What `parser` parses, and any spaces behind it
#[inline]
pub(crate) fn spaced<'a, T>(
    mut parser: impl Parser<&'a [u8], Output = T, Error = Fault<'a>>,
) -> impl FnMut(&'a [u8]) -> Res<'a, T> {
    move |input| parser.parse(input).map(|(rest, found)| (spaces(rest), found))
}

/// `SP`, and any others that follow: surplus spaces change nothing
#[inline]
pub(crate) fn sp(input: &[u8]) -> Res<'_, ()> {
    match input {
        [b' ', rest @ ..] => Ok((spaces(rest), ())),
        _ => fail(input, "SP"),
    }
}

/// Skips any spaces.
#[inline]
pub(crate) fn spaces(input: &[u8]) -> &[u8] {
    match input {
        [b' ', b' ', ..] => many_spaces(input),
        [b' ', rest @ ..] => rest,
        _ => input,
    }
}

#[cold]
fn many_spaces(input: &[u8]) -> &[u8] {
    input.iter().position(|&octet| octet != b' ').and_then(|at| input.get(at..)).unwrap_or_default()
}

/// `CRLF`, or only LF, at the end of the frame
pub(crate) fn line_end(input: &[u8]) -> Res<'_, ()> {
    match spaces(input) {
        b"\r\n" | b"\n" | b"" => Ok((&[], ())),
        rest => fail(rest, "CRLF"),
    }
}

/// Returns the rest of the line.
pub(crate) fn rest_of_line(input: &[u8]) -> &[u8] {
    let line = input.strip_suffix(b"\n").unwrap_or(input);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// `atom = 1*ATOM-CHAR`
#[inline]
pub(crate) fn atom(input: &[u8]) -> Res<'_, &[u8]> {
    span1(input, ATOM, "atom")
}

/// Any word: an atom, also with characters that the grammar excludes from one needlessly
#[inline]
pub(crate) fn token(input: &[u8]) -> Res<'_, &[u8]> {
    match input.split_at_checked(word_end(input)) {
        Some((word @ [_, ..], rest)) => Ok((rest, word)),
        _ => fail(input, "word"),
    }
}

/// A word of letters, digits, dots and dashes, which may be empty
#[inline]
pub(crate) fn word(input: &[u8]) -> (&[u8], &[u8]) {
    span(input, WORD)
}

/// Digits, perhaps none
#[inline]
pub(crate) fn digits(input: &[u8]) -> (&[u8], &[u8]) {
    span(input, DIGIT)
}

/// `number = 1*DIGIT` below 2^32
#[inline]
pub(crate) fn number(input: &[u8]) -> Res<'_, u32> {
    let (rest, value) = number64(input)?;
    u32::try_from(value).map_or_else(|_| fail(input, "number"), |value| Ok((rest, value)))
}

/// A number of at most seven digits, with enough octets behind it
#[inline(always)]
pub(crate) fn plain_number(input: &[u8]) -> Option<(u32, &[u8])> {
    let (value, rest) = short_number(input)?;
    Some((u32::try_from(value).ok()?, rest))
}

/// `number64 = 1*DIGIT` below 2^64
#[inline]
pub(crate) fn number64(input: &[u8]) -> Res<'_, u64> {
    match short_number(input) {
        Some((value, rest)) => Ok((rest, value)),
        None => any_number(input),
    }
}

fn any_number(input: &[u8]) -> Res<'_, u64> {
    let (mut rest, mut value) = (input, 0_u64);
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit & 0xf));
        rest = after;
    }
    match input.len().saturating_sub(rest.len()) {
        0 => fail(input, "number"),
        // Nineteen digits always fit.
        1..=19 => Ok((rest, value)),
        _ => long_number(input),
    }
}

#[cold]
fn long_number(input: &[u8]) -> Res<'_, u64> {
    let (digits, rest) = span(input, DIGIT);
    let add = |value: u64, digit: &u8| {
        value.checked_mul(10).and_then(|value| value.checked_add((digit & 0xf).into()))
    };
    digits.iter().try_fold(0, add).map_or_else(|| fail(input, "number"), |value| Ok((rest, value)))
}

/// `literal = "{" number64 ["+"] "}" CRLF *CHAR8`, and `literal8` with its `~` (RFC 9051 section 9)
///
/// The frame is whole: the octets are there, or the length is false.
#[inline]
pub(crate) fn literal(input: &[u8]) -> Res<'_, &[u8]> {
    literal_at(input).map_or_else(|| fail(input, "literal"), Ok)
}

fn literal_at(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let after = input.strip_prefix(b"~").unwrap_or(input).strip_prefix(b"{")?;
    let (rest, size) = number64(after).ok()?;
    let rest = rest.strip_prefix(b"+").unwrap_or(rest).strip_prefix(b"}")?;
    let rest = rest.strip_prefix(b"\r").unwrap_or(rest).strip_prefix(b"\n")?;
    let (data, rest) = rest.split_at_checked(usize::try_from(size).ok()?)?;
    Some((rest, data))
}

/// `string = quoted / literal`
#[inline]
pub(crate) fn string(input: &[u8]) -> Res<'_, Text<'_>> {
    match input {
        [b'"', ..] => quoted(input),
        _ => literal(input).map(|(rest, data)| (rest, Text::of(data))),
    }
}

/// `nstring = string / nil`
#[inline]
pub(crate) fn nstring(input: &[u8]) -> Res<'_, Option<Text<'_>>> {
    match input {
        [b'"', ..] => quoted(input).map(|(rest, text)| (rest, Some(text))),
        [b'N' | b'n', ..] => nil(input).map(|(rest, ())| (rest, None)),
        _ => literal(input).map(|(rest, data)| (rest, Some(Text::of(data)))),
    }
}

/// Looks a word up by its name in upper case, with `table`.
///
/// Servers nearly always send upper case, so the word is first tried as it is.
#[inline]
pub(crate) fn known<T>(name: &[u8], mut table: impl FnMut(&[u8]) -> Option<T>) -> Option<T> {
    if let Some(found) = table(name) {
        return Some(found);
    }
    // As long as the longest name in any table.
    let mut upper = [0; 24];
    let copy = upper.get_mut(..name.len())?;
    copy.copy_from_slice(name);
    copy.make_ascii_uppercase();
    if copy == name { None } else { table(copy) }
}

/// `nil = "NIL"`
#[inline]
pub(crate) fn nil(input: &[u8]) -> Res<'_, ()> {
    match input {
        [b'N' | b'n', b'I' | b'i', b'L' | b'l', rest @ ..] => Ok((rest, ())),
        _ => fail(input, "nil"),
    }
}

/// `astring = 1*ASTRING-CHAR / string`
#[inline]
pub(crate) fn astring(input: &[u8]) -> Res<'_, Text<'_>> {
    match input {
        [b'"', ..] => quoted(input),
        [b'{' | b'~', ..] => match literal(input) {
            Ok((rest, data)) => Ok((rest, Text::of(data))),
            Err(_) if input.starts_with(b"~") => token(input).map(|(rest, word)| (rest, Text::of(word))),
            Err(error) => Err(error),
        },
        _ => token(input).map(|(rest, word)| (rest, Text::of(word))),
    }
}

/// One value of any shape: a word, a string, or parentheses around these, nested as deep as the context allows
pub(crate) fn value<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, &'a [u8]> {
    value_within(cx.depth, input)
}

/// One value of any shape, at most `depth` deep
///
/// Strings and literals inside are skipped as such. Uses no stack for depth.
pub(crate) fn value_within(depth: u8, input: &[u8]) -> Res<'_, &[u8]> {
    let (mut rest, mut open) = (input, 0_u8);
    loop {
        rest = match rest {
            [b'(', after @ ..] => {
                if open == depth {
                    return too_deep(rest);
                }
                open = open.saturating_add(1);
                after
            }
            [b')', after @ ..] if open > 0 => {
                open = open.saturating_sub(1);
                after
            }
            [b'"', ..] => quoted_raw(rest)?.0,
            [b'{', ..] | [b'~', b'{', ..] => literal(rest)?.0,
            [b' ', after @ ..] if open > 0 => after,
            _ => token(rest)?.0,
        };
        // Brackets or quotes behind a word, without a space, belong to it.
        if open == 0 && matches!(rest, [b' ' | b')' | b'\r' | b'\n', ..] | []) {
            let length = input.len().saturating_sub(rest.len());
            return Ok((rest, input.get(..length).unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn strings_end_where_they_end() {
        type Want = Result<(Option<&'static [u8]>, &'static [u8]), ()>;
        let rows: &[(&str, &[u8], Want)] = &[
            ("nil", b"nil x", Ok((None, b" x"))),
            ("NIL", b"NIL", Ok((None, b""))),
            ("empty", b"\"\" x", Ok((Some(b""), b" x"))),
            ("short", b"\"abc\")", Ok((Some(b"abc"), b")"))),
            ("quotes not escaped", b"\"\"\"\" x", Ok((Some(b"\"\""), b" x"))),
            ("eight", b"\"abcdefgh\"", Ok((Some(b"abcdefgh"), b""))),
            ("long", b"\"abcdefgh ijklmnop qr\")", Ok((Some(b"abcdefgh ijklmnop qr"), b")"))),
            ("escapes", b"\"a\\\"b\\\\\" x", Ok((Some(b"a\"b\\"), b" x"))),
            ("late escape", b"\"abcdefghijk\\\"lm\"", Ok((Some(b"abcdefghijk\"lm"), b""))),
            ("8 bit and tab", b"\"\xe4\xff\t\"", Ok((Some(b"\xe4\xff\t"), b""))),
            ("lone CR", b"\"a\rb\"", Ok((Some(b"a\rb"), b""))),
            ("line end", b"\"abc\r\n", Err(())),
            ("line break", b"\"abc\r\n def\"", Ok((Some(b"abc def"), b""))),
            ("a literal behind a quote", b"\"abc{3}\r\nxyz\"", Err(())),
            ("no end", b"\"abc", Err(())),
            ("escape at the end", b"\"abc\\\"", Err(())),
            ("literal", b"{3}\r\na\0b)", Ok((Some(b"a\0b"), b")"))),
            ("literal8", b"~{1}\r\na)", Ok((Some(b"a"), b")"))),
            ("not waited for", b"{1+}\r\na", Ok((Some(b"a"), b""))),
            ("bare LF", b"{1}\na", Ok((Some(b"a"), b""))),
            ("length lies", b"{3}\r\nab", Err(())),
            ("huge", b"{99999999999999999999}\r\nab", Err(())),
            ("word", b"abc", Err(())),
            ("nothing", b"", Err(())),
        ];
        for (name, input, want) in rows {
            let got = nstring(input).map(|(rest, text)| (text.map(|text| text.to_vec()), rest)).map_err(drop);
            assert_eq!(got, want.map(|(text, rest)| (text.map(<[u8]>::to_vec), rest)), "{name}");
        }
    }

    #[test]
    fn numbers_fit_or_are_refused() {
        for text in ["0", "7", "0012", "4294967295"] {
            assert_eq!(number(text.as_bytes()).unwrap(), (&b""[..], text.parse().unwrap()));
        }
        for text in ["", "-1", "4294967296", "a"] {
            assert!(number(text.as_bytes()).is_err(), "{text}");
        }
        let most = u64::MAX;
        assert_eq!(number64(format!("{most} ").as_bytes()).unwrap(), (&b" "[..], most));
        for text in ["18446744073709551616", "99999999999999999999"] {
            assert!(number64(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_of_any_shape_is_skipped() {
        let rows: &[(&[u8], Option<usize>)] = &[
            (b"abc def", Some(3)),
            (b"(a (b \")\" {1}\r\n)) c) d", Some(20)),
            (b"\"a b\" c", Some(5)),
            (b"a[b c] d", Some(3)),
            (b"NIL)", Some(3)),
            (b"()", Some(2)),
            (b"(a", None),
            (b")", None),
            (b"", None),
        ];
        for (input, want) in rows {
            assert_eq!(
                value_within(72, input).ok().map(|(_, value)| value.len()),
                *want,
                "{}",
                input.escape_ascii()
            );
        }
    }
}
