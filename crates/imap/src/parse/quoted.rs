//! Quoted strings, the leaves of the grammar that hold most octets.
//!
//! There are two ways for each: a plain one for strings with nothing unusual in them, and one for all.

use alloc::vec::Vec;

use super::{
    Res, fail,
    swar::{find_mark, mark_in},
};
use crate::Text;

/// `quoted = DQUOTE *QUOTED-CHAR DQUOTE`
///
/// Borrowed unless it has an escape in it.
#[inline]
pub(crate) fn quoted(input: &[u8]) -> Res<'_, Text<'_>> {
    if let Some((text, rest)) = plain_quoted(input) {
        return Ok((rest, Text::of(text)));
    }
    let (rest, (inner, escaped)) = quoted_slow(input)?;
    Ok((rest, unquoted(inner, escaped)))
}

/// A line that is a single quoted string, whatever quotes are in it. Any spaces may follow
#[cold]
pub(crate) fn quoted_whole(line: &[u8]) -> Option<Text<'_>> {
    let inside = line.trim_ascii_end().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    Some(unquoted(inside, inside.contains(&b'\\')))
}

/// The octets between the quotes, and whether there is an escape among them
#[inline]
pub(crate) fn quoted_raw(input: &[u8]) -> Res<'_, (&[u8], bool)> {
    match plain_quoted(input) {
        Some((text, rest)) => Ok((rest, (text, false))),
        None => quoted_slow(input),
    }
}

/// NIL or a quoted string without a mark in it. The caller has to check that what follows ends it
#[inline(always)]
pub(crate) fn plain_nstring(input: &[u8]) -> Option<&[u8]> {
    match input {
        [b'"', inner @ ..] => match inner.get(find_mark(inner)..) {
            Some([b'"', rest @ ..]) => Some(rest),
            _ => None,
        },
        [b'N', b'I', b'L', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// NIL or a quoted string, and the octet `end` behind it. `None` if anything but escapes in it is unusual
///
/// `end` must be an octet that [`ends_string`].
#[inline(always)]
pub(crate) fn nstring_to(input: &[u8], end: u8) -> Option<&[u8]> {
    let [b'"', inner @ ..] = input else { return nil_to(input, end) };
    let rest = inner.get(find_mark(inner)..)?;
    behind_quote(rest, end).or_else(|| match rest {
        [b'\\', ..] => escaped_to(inner, end).map(|(_, rest)| rest),
        _ => None,
    })
}

/// A quote and `end`, compared as one word in a register
#[inline(always)]
pub(crate) fn behind_quote(input: &[u8], end: u8) -> Option<&[u8]> {
    let (first, rest) = input.split_first_chunk::<2>()?;
    (*first == [b'"', end]).then_some(rest)
}

/// The rest of a quoted string behind its first quote, and the octet `end` behind it. Returns its octets. `None` if
/// anything but escapes is unusual
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

/// NIL and `end`, compared as one word in a register
#[inline(always)]
pub(crate) fn nil_to(input: &[u8], end: u8) -> Option<&[u8]> {
    let (first, rest) = input.split_first_chunk::<4>()?;
    (*first == [b'N', b'I', b'L', end]).then_some(rest)
}

/// A quoted string and exactly one space. Returns its octets
#[inline(always)]
pub(crate) fn plain_quoted_sp(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let [b'"', inner @ ..] = input else { return None };
    match inner.split_at_checked(find_mark(inner)) {
        Some((text, [b'"', b' ', rest @ ..])) if !matches!(rest, [b' ', ..]) => Some((text, rest)),
        _ => None,
    }
}

/// A quoted string. Returns its octets. `None` if anything in it is unusual
#[inline(always)]
fn plain_quoted(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let [b'"', inner @ ..] = input else { return None };
    match inner.split_at_checked(find_mark(inner)) {
        Some((text, [b'"', rest @ ..])) if ends_string(rest) => Some((text, rest)),
        _ => None,
    }
}

/// [`quoted_raw`] for strings whose first mark is not the end
#[cold]
fn quoted_slow(input: &[u8]) -> Res<'_, (&[u8], bool)> {
    // If more of the string follows a quote, that should have been escaped (`Quirks::stray_quote`).
    quoted_until(input, ends_string)
}

/// The octets from the first quote to the next one for which `ends` is true of what follows. Returns whether there is
/// an escape or a line break among them
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
                // After one escape, another one often follows soon.
                if let Some([b'"' | b'\\', ..]) = inner.get(at..) {
                    continue;
                }
            }
            // The framer joined the next line to this one here (`Quirks::line_break`); this is no literal.
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

/// Whether what follows a quote shows that the string has ended.
#[inline]
fn ends_string(rest: &[u8]) -> bool {
    matches!(rest, [b' ' | b')' | b'\r' | b'\n' | b']' | b'(', ..] | [])
}

/// [`escaped_to`] that returns the value of the string
#[inline(never)]
pub(crate) fn unescaped_to(inner: &[u8], end: u8) -> Option<(Text<'_>, &[u8])> {
    short_unescaped_to(inner, end).or_else(|| {
        let (text, rest) = escaped_to(inner, end)?;
        Some((Text::from(unescape(text)), rest))
    })
}

/// The same in one pass, for short strings with enough octets behind them. Copies sixteen octets at a time; each copy
/// overwrites the surplus of the one before.
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

/// Returns the value of a quoted string with the octets `text`.
pub(crate) fn unquoted(text: &[u8], escaped: bool) -> Text<'_> {
    if escaped { Text::from(unescape(text)) } else { Text::of(text) }
}

/// Removes the backslashes of escapes, and line breaks.
fn unescape(text: &[u8]) -> Vec<u8> {
    // The result is never longer, so this does not grow.
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
        // Shorter and longer than one step, and than what one pass can hold.
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
