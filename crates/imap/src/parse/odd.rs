//! What servers make of the grammar that is no slip of a character, off the way of those that follow it.
//!
//! Each function is called where a rule has failed or its input is known to be odd, and looks at
//! [`Quirks`](crate::Quirks) itself.

use alloc::vec::Vec;

use super::{
    Context, Fault, Res, Rest,
    body::{body_ext_mpart, body_fld_octets, body_fld_param, field, string_or_nil},
    fail,
    fetch::Known,
    overlook,
    scan::{self, number, spaces, value},
};
use crate::{BodyStructure, Disposition, Item, List, MultiPart, Param, SinglePart, Text};

/// What stands behind a value of an item of a FETCH response in place of `SP` or `)`: what follows, and whether it is
/// another value of that item.
#[cold]
pub(super) fn item_end<'a>(cx: Context<'_>, rest: &'a [u8]) -> Res<'a, bool> {
    let (on, after, again) = match rest {
        [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] if matches!(after, [b' ' | b')', ..]) => {
            (cx.quirks.blank_line, after, false)
        }
        // mail.ru: the structure of the message behind that of a part of it (mscdex/node-imap pull request 904).
        [b'(', second, ..] => (cx.quirks.extra_parentheses, rest, matches!(second, b'(' | b'"')),
        [b'A'..=b'Z', ..] => (cx.quirks.spacing, rest, false),
        [b'\r' | b'\n', ..] | [] => (false, rest, false),
        _ => return fail(rest, "SP or )"),
    };
    overlook(on, rest, "SP or )").map(|()| (after, again))
}

/// An item with nothing in place of its value, which is read as NIL. The caller has looked at
/// [`Quirks::wrong_nil`](crate::Quirks::wrong_nil).
#[cold]
pub(super) fn no_value<'a>(cx: Context<'_>, known: Known, name: &'a [u8], items: &mut Vec<Item<'a>>) {
    let before = items.len();
    if !matches!(scan::known(name, |name| known(cx, name, b" NIL", items)), Some(Ok([]))) {
        items.truncate(before);
        items.push(Item::Other { name: Text::of(name), value: Text::of(b"NIL") });
    }
}

/// A field that is left out, with what is `at` its place.
#[cold]
pub(super) fn missing<'a>(cx: Context<'_>, at: &'a [u8], rule: &'static str) -> Rest<'a> {
    overlook(cx.quirks.field_count, at, rule).map(|()| at)
}

/// A body of which one of the two words of its type was read, and in front of what follows that is no string.
///
/// - Gmail leaves out the parts where a multipart repeats the boundary of the one around it, and with them all but
///   the subtype: `("ALTERNATIVE" ("BOUNDARY" "x") NIL NIL)`, `("ALTERNATIVE")`. Others write NIL in their place
///   (MailKit issue 1393).
/// - A part with `Content-Type: X-ZIP` has its subtype only (MailKit issue 371); it is some application's.
///
/// Whether more has to follow.
#[cold]
pub(super) fn half_a_type<'a>(
    cx: Context<'_>,
    word: Text<'a>,
    input: &'a [u8],
    to: &mut BodyStructure<'a>,
) -> Res<'a, bool> {
    let (mut subtype, mut rest) = (word, input);
    let mut part = SinglePart::default();
    if subtype.is_empty() {
        rest = string_or_nil(cx, input, &mut subtype)?;
    } else {
        overlook(cx.quirks.field_count, input, "media-subtype")?;
        part.media = Text::of(b"application");
    }
    let fields = |part: &mut SinglePart<'a>| {
        let rest = body_fld_param(cx, rest, &mut part.parameters)?;
        let rest = field(rest, &mut part.id)?;
        let rest = field(rest, &mut part.description)?;
        let rest = string_or_nil(cx, rest, &mut part.encoding)?;
        match rest {
            [b'0'..=b'9' | b'-', ..] => body_fld_octets(cx, rest, &mut part.octets),
            _ => fail(rest, "body-fld-octets").map(|(rest, ())| rest),
        }
    };
    match fields(&mut part) {
        Ok(rest) => {
            part.subtype = subtype;
            *to = BodyStructure::Single(part);
            return Ok((rest, true));
        }
        Err(nom::Err::Error(_)) => overlook(cx.quirks.field_count, input, "body-fields")?,
        Err(failure) => return Err(failure),
    }
    let mut multi = MultiPart { subtype, ..MultiPart::default() };
    let rest = body_ext_mpart(cx, rest, &mut multi)?;
    *to = BodyStructure::Multi(multi);
    Ok((rest, false))
}

/// A list in place of Content-MD5.
///
/// That of a multipart that was not taken apart holds its parameters once more (GMX, MailKit issue 878). Any other is
/// the disposition, where the digest was left out.
#[cold]
pub(super) fn list_for_digest<'a>(cx: Context<'_>, part: &SinglePart<'_>, input: &'a [u8]) -> Rest<'a> {
    overlook(cx.quirks.field_count, input, "body-fld-md5")?;
    if part.media.eq_ignore_ascii_case(b"multipart") {
        return Ok(spaces(value(input)?.0));
    }
    Ok(input)
}

/// A disposition whose kind is NIL: none if it has no parameters either, else an attachment, as what is not known is
/// (RFC 2183 section 2.8).
#[cold]
pub(super) fn no_disposition<'a>(
    cx: Context<'_>,
    parameters: List<'a, Param<'a>>,
    input: &'a [u8],
) -> Result<Option<Disposition<'a>>, nom::Err<Fault<'a>>> {
    overlook(cx.quirks.wrong_nil, input, "string")?;
    let kind = Text::of(b"attachment");
    Ok((!parameters.is_empty()).then_some(Disposition { kind, parameters }))
}

/// A number goes on with a fraction or an exponent, as C++ prints one of six digits: `1.86931e+06`. What is behind the
/// point in the end is dropped.
#[cold]
pub(super) fn fraction<'a>(cx: Context<'_>, input: &'a [u8], whole: u64) -> Res<'a, u64> {
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

fn digits(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().position(|octet| !octet.is_ascii_digit()).unwrap_or(input.len());
    input.split_at_checked(end).unwrap_or((input, &[]))
}
