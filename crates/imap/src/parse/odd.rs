//! Odd forms of numbers, and missing fields.
//!
//! These functions are called after a rule has failed, or for input that is known to be odd. They check the
//! [`Quirks`](crate::Quirks) themselves.

use super::{
    Context, Res, Rest, fail, overlook,
    scan::{digits, number, number64},
};

/// A field that is missing; `at` begins with what is in its place
#[cold]
pub(super) fn missing<'a>(cx: Context<'_>, at: &'a [u8], rule: &'static str) -> Rest<'a> {
    overlook(cx.quirks.field_count, at, rule).map(|()| at)
}

/// A number. With the quirk, a negative one is 0, and a fraction is dropped
#[inline]
pub(super) fn odd_number<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, u64> {
    match input {
        [b'-', rest @ ..] => {
            overlook(cx.quirks.odd_number, input, "number")?;
            fraction(cx, number64(rest)?.0, 0)
        }
        _ => number64(input).and_then(|(rest, value)| fraction(cx, rest, value)),
    }
}

fn fraction<'a>(cx: Context<'_>, rest: &'a [u8], value: u64) -> Res<'a, u64> {
    match rest {
        [b'.' | b'e' | b'E', ..] => exponent(cx, rest, value),
        _ => Ok((rest, value)),
    }
}

/// The fraction or exponent of a number, as C++ prints one of six digits: `1.86931e+06`. What remains behind the point
/// is dropped.
#[cold]
fn exponent<'a>(cx: Context<'_>, input: &'a [u8], whole: u64) -> Res<'a, u64> {
    overlook(cx.quirks.odd_number, input, "number")?;
    let (fraction, rest) = match input {
        [b'.', rest @ ..] => digits(rest),
        _ => (&[][..], input),
    };
    let exponent = match rest {
        [b'e' | b'E', b'-', rest @ ..] => Some((true, rest)),
        [b'e' | b'E', b'+', rest @ ..] | [b'e' | b'E', rest @ ..] => Some((false, rest)),
        _ if fraction.is_empty() => return fail(rest, "number"),
        _ => None,
    };
    let Some((down, exponent)) = exponent else { return Ok((rest, whole)) };
    let (rest, exponent) = number(exponent)?;
    let (mut value, mut behind) = (whole, fraction.iter());
    // No number has more digits.
    for _ in 0..exponent.min(20) {
        let digit = behind.next().map_or(0, |digit| u64::from(digit & 0xf));
        value = if down { value / 10 } else { value.saturating_mul(10).saturating_add(digit) };
    }
    Ok((rest, value))
}
