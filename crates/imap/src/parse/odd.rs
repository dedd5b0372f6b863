//! What servers make of the grammar that is no slip of a character, off the way of those that follow it.
//!
//! Each function is called where a rule has failed or its input is known to be odd, and looks at [`Quirks`] itself
//! or says that its caller did.
//!
//! [`Quirks`]: crate::Quirks

use alloc::vec::Vec;

use super::{
    Context, Fault, Res, Rest,
    body::{body_ext_mpart, body_fld_octets, body_fld_param, field, string_or_nil},
    fail,
    scan::{number, spaces, value},
};
use crate::{BodyStructure, Disposition, Item, List, MultiPart, Param, SinglePart, Text};

/// What stands behind an item of a FETCH response in place of `SP` or `)`.
#[cold]
pub(super) fn item_end<'a>(
    cx: Context<'_>,
    name: &'a [u8],
    rest: &'a [u8],
    items: &mut Vec<Item<'a>>,
) -> Rest<'a> {
    match rest {
        [b'\r', b'\n', after @ ..] | [b'\n', after @ ..]
            if cx.quirks.blank_line && matches!(after, [b' ' | b')', ..]) =>
        {
            Ok(after)
        }
        // mail.ru: the structure of the message behind that of a part of it (mscdex/node-imap pull request 904).
        [b'(', b'(' | b'"', ..] if cx.quirks.extra_parentheses => {
            let (rest, value) = value(rest)?;
            items.push(Item::Other { name: Text::of(name), value: Text::of(value) });
            Ok(rest)
        }
        [b'(', ..] if cx.quirks.extra_parentheses => Ok(rest),
        [b'A'..=b'Z', ..] if cx.quirks.spacing => Ok(rest),
        _ => Err(nom::Err::Error(Fault { at: rest, rule: "SP or )" })),
    }
}

/// A body of which one of the two words of its type was read, and in front of what follows that is no string.
///
/// - Gmail leaves out the parts where a multipart repeats the boundary of the one around it, and with them all but
///   the subtype: `("ALTERNATIVE" ("BOUNDARY" "x") NIL NIL)`, `("ALTERNATIVE")`. Others write NIL in their place
///   (MailKit issue 1393).
/// - A part with `Content-Type: X-ZIP` has its subtype only (MailKit issue 371); it is some application's.
///
/// Whether more has to follow; the caller has looked at [`Quirks::field_count`](crate::Quirks::field_count).
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
    if let Ok(rest) = fields(&mut part) {
        part.subtype = subtype;
        *to = BodyStructure::Single(part);
        return Ok((rest, true));
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
pub(super) fn list_for_digest<'a>(part: &SinglePart<'_>, input: &'a [u8]) -> Rest<'a> {
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
    if !cx.quirks.wrong_nil {
        return Err(nom::Err::Error(Fault { at: input, rule: "string" }));
    }
    let kind = Text::of(b"attachment");
    Ok((!parameters.is_empty()).then_some(Disposition { kind, parameters }))
}

/// A number goes on with a fraction or an exponent, as C++ prints one of six digits: `1.86931e+06`. What is behind the
/// point in the end is dropped. The caller has looked at [`Quirks::odd_number`](crate::Quirks::odd_number).
#[cold]
pub(super) fn fraction(input: &[u8], whole: u64) -> Res<'_, u64> {
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
