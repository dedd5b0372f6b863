//! Looks at eight octets at a time in a register, as fast on any processor and at any optimisation level.
//!
//! Subtracting a limit from each octet of a word sets its high bit if it is below the limit, as long as the octets are
//! below 0x80. A borrow can only spoil octets above the first one that is found, and only the first one matters.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Returns where the next quote, backslash or LF is. Without one, the length.
#[inline(never)]
pub(super) fn find_mark(text: &[u8]) -> usize {
    // Most strings are short.
    match text.first_chunk().and_then(mark_in) {
        Some(at) => at,
        None => far_mark(text),
    }
}

/// [`find_mark`] for text without a mark in its first sixteen octets.
#[inline(never)]
fn far_mark(text: &[u8]) -> usize {
    let mut rest = text.get(16..).unwrap_or(text);
    while let Some((sixteen, after)) = rest.split_first_chunk() {
        if let Some(found) = mark_in(sixteen) {
            return text.len().wrapping_sub(rest.len()).wrapping_add(found);
        }
        rest = after;
    }
    match text.last_chunk() {
        Some(last) => mark_in(last).map_or(text.len(), |at| text.len().wrapping_sub(16).wrapping_add(at)),
        None => first(text, marks, is_mark),
    }
}

/// memchr's search by vector instructions that every processor of this kind has. memchr itself finds out at run time
/// which there are, which costs a call.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline(always)]
pub(super) fn mark_in(text: &[u8; 16]) -> Option<usize> {
    memchr::arch::x86_64::sse2::memchr::Three::new(b'"', b'\\', b'\n')?.find(text)
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline(always)]
pub(super) fn mark_in(text: &[u8; 16]) -> Option<usize> {
    Some(first(text, marks, is_mark)).filter(|&at| at < text.len())
}

#[inline(always)]
const fn marks(octets: u64) -> u64 {
    let quote = (octets ^ ONES.wrapping_mul(0x22)).wrapping_sub(ONES);
    let backslash = (octets ^ ONES.wrapping_mul(0x5c)).wrapping_sub(ONES);
    let line_feed = (octets ^ ONES.wrapping_mul(0x0a)).wrapping_sub(ONES);
    (quote | backslash | line_feed) & !octets & HIGHS
}

const fn is_mark(octet: u8) -> bool {
    matches!(octet, b'"' | b'\\' | b'\n')
}

/// Returns where the first octet is that is neither a space nor part of a word: a control, quote, parenthesis or brace.
#[inline(never)]
pub(super) fn words_end(text: &[u8]) -> usize {
    let found = |octets: u64| {
        let low = (octets ^ ONES.wrapping_mul(0x02)).wrapping_sub(ONES.wrapping_mul(0x21));
        let parenthesis = (octets ^ ONES.wrapping_mul(0x28)).wrapping_sub(ONES.wrapping_mul(2));
        // With this bit set, `{` becomes DEL.
        let brace = ((octets | ONES.wrapping_mul(0x04)) ^ ONES.wrapping_mul(0x7f)).wrapping_sub(ONES);
        (low | parenthesis | brace) & !octets & HIGHS
    };
    first(text, found, |octet| octet < b' ' || matches!(octet, b'"' | b'(' | b')' | b'{' | 0x7f))
}

/// Returns where the first octet is that can't be part of a word: a control, space, quote, parenthesis or brace.
#[inline]
pub(super) fn word_end(text: &[u8]) -> usize {
    let found = |octets: u64| {
        let low = octets.wrapping_sub(ONES.wrapping_mul(0x21));
        let quote = (octets ^ ONES.wrapping_mul(0x22)).wrapping_sub(ONES);
        let parenthesis = (octets ^ ONES.wrapping_mul(0x28)).wrapping_sub(ONES.wrapping_mul(2));
        let brace = ((octets | ONES.wrapping_mul(0x04)) ^ ONES.wrapping_mul(0x7f)).wrapping_sub(ONES);
        (low | quote | parenthesis | brace) & !octets & HIGHS
    };
    first(text, found, ends_word)
}

/// Whether this octet can't be part of a word.
#[inline]
pub(super) const fn ends_word(octet: u8) -> bool {
    octet <= b' ' || matches!(octet, b'"' | b'(' | b')' | b'{' | 0x7f)
}

/// Splits off the number in front. `None` if it has more than seven digits, or too few octets follow.
#[inline]
pub(super) fn short_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (eight, _) = text.split_first_chunk::<8>()?;
    let octets = u64::from_le_bytes(*eight);
    // Digits become 0 to 9.
    let turned = octets ^ ONES.wrapping_mul(0x30);
    let other = (turned.wrapping_add(ONES.wrapping_mul(0x76)) | octets) & HIGHS;
    let digits = other.trailing_zeros() / 8;
    if digits == 0 || other == 0 {
        return None;
    }
    // Moves the last digit to the highest octet, with zeros in front of the first one. Then adds up pairs, fours and
    // all eight at once.
    let ones = turned.wrapping_shl(64_u32.wrapping_sub(digits.wrapping_mul(8)));
    let tens = ones.wrapping_mul(10).wrapping_add(ones >> 8) & 0x00ff_00ff_00ff_00ff;
    let hundreds = tens.wrapping_mul(100).wrapping_add(tens >> 16) & 0x0000_ffff_0000_ffff;
    let value = hundreds.wrapping_mul(10_000).wrapping_add(hundreds >> 32) & 0xffff_ffff;
    Some((value, text.get(usize::try_from(digits).unwrap_or_default()..).unwrap_or_default()))
}

/// Returns how many octets in front are numbers of at most nine digits with spaces between them. Stops at the start of
/// a number.
///
/// Stops early if fewer than eight octets are left.
#[inline]
pub(super) fn short_numbers(text: &[u8]) -> usize {
    let (mut rest, mut at, mut run) = (text, 0_usize, 0_u32);
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let octets = u64::from_le_bytes(*eight);
        // Digits become 0 to 9, and a space 0x10.
        let turned = octets ^ ONES.wrapping_mul(0x30);
        let above_nine = turned.wrapping_add(ONES.wrapping_mul(0x76));
        let other = (turned ^ ONES.wrapping_mul(0x10)).wrapping_add(ONES.wrapping_mul(0x7f));
        if (octets | (above_nine & other)) & HIGHS != 0 {
            break;
        }
        let spaces = above_nine & HIGHS;
        let (before_first, behind_last) = (spaces.trailing_zeros() / 8, spaces.leading_zeros() / 8);
        if run.wrapping_add(before_first) > 9 {
            break;
        }
        run = if spaces == 0 { run.wrapping_add(8) } else { behind_last };
        at = at.wrapping_add(8);
        rest = after;
    }
    at.saturating_sub(usize::try_from(run).unwrap_or_default())
}

/// Returns where the first octet is that `found` marks among eight, and for which `is` is true among fewer.
#[inline(always)]
fn first(text: &[u8], found: impl Fn(u64) -> u64, is: impl Fn(u8) -> bool) -> usize {
    let (mut rest, mut at) = (text, 0_usize);
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let found = found(u64::from_le_bytes(*eight));
        if found != 0 {
            return at.wrapping_add(octets_before(found));
        }
        at = at.wrapping_add(8);
        rest = after;
    }
    if rest.is_empty() {
        return at;
    }
    let Some(eight) = text.last_chunk::<8>() else { return first_of_few(text, is) };
    // Reads the last eight octets, the end of which is left. Shifted, they have zeros behind them, which may or may not
    // be marked.
    let before = 8_usize.wrapping_sub(rest.len()).wrapping_mul(8);
    let tail = u64::from_le_bytes(*eight).wrapping_shr(u32::try_from(before).unwrap_or_default());
    at.wrapping_add(octets_before(found(tail)).min(rest.len()))
}

/// Returns how many octets are in front of the first one whose high bit is set.
#[inline(always)]
fn octets_before(found: u64) -> usize {
    usize::try_from(found.trailing_zeros() / 8).unwrap_or_default()
}

fn first_of_few(text: &[u8], is: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|&octet| is(octet)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec, vec::Vec};

    use super::*;

    /// Tries every octet at every place, among others that could be mistaken for it.
    fn check(find: fn(&[u8]) -> usize, is: fn(u8) -> bool) {
        for octet in 0..=0xff_u8 {
            for others in [b'~', b'!', b' ', 0xff, 0x80] {
                for length in 1..40 {
                    for place in 0..length {
                        let mut text = vec![others; length];
                        text[place] = octet;
                        let want = text.iter().position(|&octet| is(octet)).unwrap_or(length);
                        assert_eq!(find(&text), want, "{octet:#x} among {others:#x} at {place} of {length}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_mark_is_found_at_every_place() {
        check(find_mark, is_mark);
        check(|text| first(text, marks, is_mark), is_mark);
    }

    #[test]
    fn every_end_of_words_is_found_at_every_place() {
        check(words_end, |octet| octet < b' ' || matches!(octet, b'"' | b'(' | b')' | b'{' | 0x7f));
    }

    #[test]
    fn every_end_of_a_word_is_found_at_every_place() {
        check(word_end, |octet| octet <= b' ' || matches!(octet, b'"' | b'(' | b')' | b'{' | 0x7f));
    }

    #[test]
    fn the_first_of_several_marks_counts() {
        let finders: [(fn(&[u8]) -> usize, &[u8]); 2] =
            [(find_mark, b"\n\"\\"), (words_end, &[0, 0x1f, b'"', b'(', b')', b'{', 0x7f])];
        for (find, marks) in finders {
            for first in marks {
                for second in 0..=0xff_u8 {
                    let text: Vec<u8> = [b"ab", &[*first, second][..], b"cdefghijklmnopqrst"].concat();
                    assert_eq!(find(&text), 2, "{first:#x} {second:#x}");
                }
            }
        }
    }

    #[test]
    fn a_short_number_is_what_its_digits_say() {
        for value in [0_u64, 1, 9, 10, 42, 99, 100, 1_234, 65_535, 100_000, 987_654, 1_000_000, 9_999_999] {
            for zeros in ["", "0", "000"] {
                for end in [0_u8, b' ', b'/', b':', b')', 0x2f, 0x3a, 0x7f, 0x80, 0xb0, 0xb9, 0xff] {
                    let digits = format!("{zeros}{value}");
                    let text = [digits.as_bytes(), &[end], b"99999999"].concat();
                    let (_, rest) = text.split_at(digits.len());
                    let want = (digits.len() <= 7).then_some((value, rest));
                    assert_eq!(short_number(&text), want, "{}", text.escape_ascii());
                }
            }
        }
        for text in [&b""[..], b"1", b"1 34567", b" 1234567", b"a1234567", b"12345678"] {
            assert_eq!(short_number(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn short_numbers_end_where_another_parser_has_to_look() {
        let rows: &[(&[u8], usize)] = &[
            (b"", 0),
            (b"1 2 3", 0),
            (b"1 2 3 4 5", 8),
            (b"12 345678 9", 3),
            (b"123456789 123456789 1234", 20),
            (b"1 234567890 12345678", 12),
            (b"1 2345678901 2345678", 2),
            (b"1234567890123456", 0),
            (b"123456789012345 1234", 0),
            (b"1 2 3 4 1 2 3 4a", 8),
            (b"        1 1 1 1 1", 16),
            (b"1 2 3/4 ", 0),
            (b"1 2 3:4 ", 0),
            (b"1 2 3\xb04 ", 0),
            (b"1 2 3\x004 ", 0),
            (b"1 2 3@4 ", 0),
        ];
        for (text, want) in rows {
            assert_eq!(short_numbers(text), *want, "{}", text.escape_ascii());
        }
    }
}
