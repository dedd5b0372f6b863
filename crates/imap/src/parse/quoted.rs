//! Quoted strings, the leaves of the grammar that most octets stand in.
//!
//! Each comes in two: a plain way, for a string with nothing unusual in it, and one for all.

use alloc::vec::Vec;

use super::{
    Res, fail,
    swar::{find_mark, mark_in, next_mark},
};
use crate::Text;

/// `quoted = DQUOTE *QUOTED-CHAR DQUOTE`
///
/// Borrowed unless there is an escape in it.
#[inline]
pub(crate) fn quoted(input: &[u8]) -> Res<'_, Text<'_>> {
    if let Some((text, rest)) = plain_quoted(input) {
        return Ok((rest, Text::of(text)));
    }
    let (rest, (inner, escaped)) = quoted_slow(input)?;
    Ok((rest, unquoted(inner, escaped)))
}

/// A line that is one quoted string from its first octet to its last, whatever quotes are in it; any spaces may follow.
#[cold]
pub(crate) fn quoted_whole(line: &[u8]) -> Option<Text<'_>> {
    let inside = line.trim_ascii_end().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    Some(unquoted(inside, inside.contains(&b'\\')))
}

/// What stands between the quotes, and whether there is an escape in it.
#[inline]
pub(crate) fn quoted_raw(input: &[u8]) -> Res<'_, (&[u8], bool)> {
    match plain_quoted(input) {
        Some((text, rest)) => Ok((rest, (text, false))),
        None => quoted_slow(input),
    }
}

/// What follows NIL or a quoted string without a mark in it. Whether that shows it to be the end is for the caller to
/// see.
#[inline(always)]
pub(crate) fn plain_nstring(input: &[u8]) -> Option<&[u8]> {
    match input {
        [b'"', inner @ ..] => match inner.get(next_mark(inner)..) {
            Some([b'"', rest @ ..]) => Some(rest),
            _ => None,
        },
        [b'N', b'I', b'L', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// What follows NIL or a quoted string and the octet behind it, if that is `end` and nothing is unusual.
///
/// `end` is one that [`ends_string`].
#[inline(always)]
pub(crate) fn plain_nstring_to(input: &[u8], end: u8) -> Option<&[u8]> {
    if let Some(rest) = nil_to(input, end) {
        return Some(rest);
    }
    let [b'"', inner @ ..] = input else { return None };
    match inner.get(next_mark(inner)..) {
        Some([b'"', last, rest @ ..]) if *last == end => Some(rest),
        _ => None,
    }
}

/// [`plain_nstring_to`], with escapes or without.
#[inline(always)]
pub(crate) fn nstring_to(input: &[u8], end: u8) -> Option<&[u8]> {
    if let Some(rest) = nil_to(input, end) {
        return Some(rest);
    }
    let [b'"', inner @ ..] = input else { return None };
    match inner.get(next_mark(inner)..) {
        Some([b'"', last, rest @ ..]) if *last == end => Some(rest),
        Some([b'\\', ..]) => escaped_to(inner, end).map(|(_, rest)| rest),
        _ => None,
    }
}

/// What stands in a quoted string behind its first quote, and what follows it and the octet behind it, if that is `end`
/// and nothing is unusual but escapes.
#[inline(never)]
pub(crate) fn escaped_to(inner: &[u8], end: u8) -> Option<(&[u8], &[u8])> {
    let mut rest = inner;
    loop {
        rest = match rest {
            [b'\\', _, rest @ ..] => rest,
            [b'"', last, rest @ ..] if *last == end => {
                let length = inner.len().checked_sub(rest.len())?.checked_sub(2)?;
                return Some((inner.get(..length)?, rest));
            }
            [b'"' | b'\n' | b'\\', ..] => return None,
            _ => rest.get(find_mark(rest)..).filter(|rest| !rest.is_empty())?,
        };
    }
}

/// What follows NIL and `end`, compared as the one word of a register that they are.
#[inline(always)]
pub(crate) fn nil_to(input: &[u8], end: u8) -> Option<&[u8]> {
    let (first, rest) = input.split_first_chunk::<4>()?;
    (*first == [b'N', b'I', b'L', end]).then_some(rest)
}

/// What stands in a quoted string, and what follows the one space behind it.
#[inline(always)]
pub(crate) fn plain_quoted_sp(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let [b'"', inner @ ..] = input else { return None };
    match inner.split_at_checked(find_mark(inner)) {
        Some((text, [b'"', b' ', rest @ ..])) if !matches!(rest, [b' ', ..]) => Some((text, rest)),
        _ => None,
    }
}

/// What stands in a quoted string and what follows it, if there is nothing unusual in that.
#[inline(always)]
fn plain_quoted(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let [b'"', inner @ ..] = input else { return None };
    match inner.split_at_checked(find_mark(inner)) {
        Some((text, [b'"', rest @ ..])) if ends_string(rest) => Some((text, rest)),
        _ => None,
    }
}

/// [`quoted_raw`] where the first mark is not the end.
#[cold]
fn quoted_slow(input: &[u8]) -> Res<'_, (&[u8], bool)> {
    // A quote with more of the string behind it is one that should have been escaped (`Quirks::stray_quote`).
    quoted_until(input, ends_string)
}

/// What stands between the first quote and the next that `ends`, as what follows it shows, and whether there is an
/// escape or a line break in it.
pub(crate) fn quoted_until(input: &[u8], ends: impl Fn(&[u8]) -> bool) -> Res<'_, (&[u8], bool)> {
    let Some(inner) = input.strip_prefix(b"\"") else { return fail(input, "quoted") };
    let (mut at, mut escaped) = (find_mark(inner), false);
    loop {
        match inner.get(at..) {
            Some([b'"', rest @ ..]) => {
                if ends(rest) {
                    return Ok((rest, (inner.get(..at).unwrap_or_default(), escaped)));
                }
                at = at.saturating_add(1);
            }
            Some([b'\\', ..]) => {
                escaped = true;
                at = at.saturating_add(2);
                // Where there is one escape, there often is another.
                if let Some([b'"' | b'\\', ..]) = inner.get(at..) {
                    continue;
                }
            }
            // A line break where the framer went on with the next line (`Quirks::line_break`), and no literal.
            Some([b'\n', rest @ ..]) => {
                let text = inner.get(..at).unwrap_or_default();
                if rest.is_empty() || text.strip_suffix(b"\r").unwrap_or(text).ends_with(b"}") {
                    return fail(input, "quoted");
                }
                escaped = true;
                at = at.saturating_add(1);
            }
            Some([]) | None => return fail(input, "quoted"),
            Some(_) => at = at.saturating_add(1),
        }
        at = at.saturating_add(find_mark(inner.get(at..).unwrap_or_default()));
    }
}

/// Whether what follows a quote shows that it ended the string.
#[inline]
fn ends_string(rest: &[u8]) -> bool {
    matches!(rest, [b' ' | b')' | b'\r' | b'\n' | b']' | b'(', ..] | [])
}

/// [`escaped_to`], with what the string says.
#[inline(never)]
pub(crate) fn unescaped_to(inner: &[u8], end: u8) -> Option<(Text<'_>, &[u8])> {
    short_unescaped_to(inner, end).or_else(|| {
        let (text, rest) = escaped_to(inner, end)?;
        Some((Text::from(unescape(text)), rest))
    })
}

/// The same in one pass, sixteen octets at a time over what was too much of the sixteen before, where the string is short
/// and enough follows it.
fn short_unescaped_to(inner: &[u8], end: u8) -> Option<(Text<'_>, &[u8])> {
    let (mut out, mut length, mut rest) = ([0; 128], 0_usize, inner);
    loop {
        let sixteen = rest.first_chunk()?;
        *out.get_mut(length..)?.first_chunk_mut()? = *sixteen;
        let at = mark_in(sixteen).unwrap_or(16);
        length = length.wrapping_add(at);
        rest = match rest.get(at..)? {
            [b'\\', octet, rest @ ..] => {
                *out.get_mut(length)? = *octet;
                length = length.wrapping_add(1);
                rest
            }
            [b'"', last, rest @ ..] if *last == end => {
                return Some((Text::from(out.get(..length)?.to_vec()), rest));
            }
            rest if at == 16 => rest,
            _ => return None,
        };
    }
}

/// The value of a quoted string whose octets are `text`.
pub(crate) fn unquoted(text: &[u8], escaped: bool) -> Text<'_> {
    if escaped { Text::from(unescape(text)) } else { Text::of(text) }
}

/// Without backslashes in front of octets, and without line breaks.
fn unescape(text: &[u8]) -> Vec<u8> {
    // The capacity is enough, so nothing grows.
    let mut out = Vec::with_capacity(text.len());
    let mut octets = text.iter();
    while let Some(octet) = octets.next() {
        out.push(match octet {
            b'\\' => *octets.next().unwrap_or(octet),
            b'\n' => continue,
            b'\r' if octets.as_slice().first() == Some(&b'\n') => continue,
            octet => *octet,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, format};

    use super::*;

    #[test]
    fn an_escape_is_read_wherever_it_stands() {
        // Below and above one step and what is done in one pass.
        for before in (0..20).chain(100..150) {
            for (escape, octet) in [("\\\\", "\\"), ("\\\"", "\""), ("\\x", "x")] {
                for behind in [0, 1, 15, 16, 17] {
                    let (front, back) = ("a".repeat(before), "b".repeat(behind));
                    let (text, want) = (format!("{front}{escape}{back}"), format!("{front}{octet}{back}"));
                    for rest in ["", "x", "NIL \"more than sixteen octets\" NIL)"] {
                        let inner = format!("{text}\" {rest}");
                        let (inner, rest) = (inner.as_bytes(), rest.as_bytes());
                        assert_eq!(
                            unescaped_to(inner, b' '),
                            Some((Text::from(want.as_str()), rest)),
                            "{text}"
                        );
                        assert_eq!(escaped_to(inner, b' '), Some((text.as_bytes(), rest)), "{text}");
                        assert_eq!(unescaped_to(inner, b')'), None, "{text}");
                    }
                }
            }
        }
        for inner in ["", "a", "a\\", "a\\\"", "a\\\" b", "a\\\"\nb\" ", "a\\\"b\"c\" "] {
            for end in [inner.to_owned(), format!("{inner}{}", "c".repeat(150))] {
                assert_eq!(unescaped_to(end.as_bytes(), b' '), None, "{end}");
            }
        }
    }
}
