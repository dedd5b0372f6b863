//! `envelope` and the addresses in it (RFC 9051 section 7.5.2).

use super::{
    Context, Res, Rest, fail,
    list::{Fields, any_address, plain_address_end},
    odd, overlook,
    scan::{nil, nil_to, nstring, opening, quoted_raw, quoted_until, spaces, unescaped_to, unquoted, value},
    swar::find_mark,
};
use crate::{Address, Envelope, List, Text};

/// `envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP env-bcc SP
/// env-in-reply-to SP env-message-id ")"`, parsed into `to`
pub(super) fn envelope<'a>(cx: Context<'_>, input: &'a [u8], to: &mut Envelope<'a>) -> Rest<'a> {
    let (rest, ()) = opening("envelope")(input)?;
    let rest = env_text(cx, rest, &mut to.date)?;
    let subject = rest;
    let mut rest = env_text(cx, subject, &mut to.subject)?;
    if !matches!(rest, [b'(' | b'N' | b'n' | b')' | b'"', ..]) {
        rest = subject_with_quotes(cx, subject, &mut to.subject)?;
    }
    let from = rest;
    let rest = env_addresses(cx, rest, &mut to.from)?;
    // A message without Sender or Reply-To has From repeated here (RFC 9051 section 7.5.2).
    let from = from.get(..from.len().saturating_sub(rest.len())).unwrap_or_default();
    let rest = env_addresses_again(cx, rest, &mut to.sender, (from, &to.from))?;
    let rest = env_addresses_again(cx, rest, &mut to.reply_to, (from, &to.from))?;
    let rest = env_addresses(cx, rest, &mut to.to)?;
    let rest = env_addresses(cx, rest, &mut to.cc)?;
    let rest = env_addresses(cx, rest, &mut to.bcc)?;
    let rest = env_text(cx, rest, &mut to.in_reply_to)?;
    let rest = match rest {
        // Exmail and QQ send nine of the ten fields, and the last one is the Message-ID (MailKit issue 279).
        [b')', ..] => {
            overlook(cx.quirks.field_count, rest, "env-message-id")?;
            to.message_id = to.in_reply_to.take();
            rest
        }
        _ => env_text(cx, rest, &mut to.message_id)?,
    };
    close(cx, rest).map(|(rest, ())| rest)
}

/// `env-date`, `env-subject`, `env-in-reply-to`, `env-message-id`: `nstring`, and the space behind it
#[inline]
fn env_text<'a>(cx: Context<'_>, input: &'a [u8], to: &mut Option<Text<'a>>) -> Rest<'a> {
    if let [b'"', inner @ ..] = input
        && let Some((text, behind)) = inner.split_at_checked(find_mark(inner))
    {
        let rest = match behind {
            [b'"', b' ', rest @ ..] if !matches!(rest, [b' ', ..]) => Some(rest),
            // The last field.
            [b'"', rest @ ..] if matches!(rest, [b')', ..]) => Some(rest),
            [b'\\', ..] => return escaped_text(input, to),
            _ => None,
        };
        if let Some(rest) = rest {
            *to = Some(Text::of(text));
            return Ok(rest);
        }
    } else if let Some(rest) = nil_to(input, b' ') {
        return Ok(spaces(rest));
    }
    if let [b')', ..] = input {
        return odd::missing(cx, input, "nstring");
    }
    any_text(input, to)
}

fn any_text<'a>(input: &'a [u8], to: &mut Option<Text<'a>>) -> Rest<'a> {
    let (rest, text) = nstring(input)?;
    *to = text;
    Ok(spaces(rest))
}

fn escaped_text<'a>(input: &'a [u8], to: &mut Option<Text<'a>>) -> Rest<'a> {
    match input.get(1..).and_then(|inner| unescaped_to(inner, b' ')) {
        Some((text, rest)) => {
            *to = Some(text);
            Ok(spaces(rest))
        }
        None => any_text(input, to),
    }
}

/// A subject with quotes in it that should have been escaped (`"Rohr 5" lang"`). It ends where a list of addresses
/// begins.
#[cold]
fn subject_with_quotes<'a>(cx: Context<'_>, input: &'a [u8], to: &mut Option<Text<'a>>) -> Rest<'a> {
    let ends = |rest: &[u8]| {
        matches!(rest, [b' ', b'(', ..] | [b' ', b'N' | b'n', b'I' | b'i', b'L' | b'l', b' ', ..])
    };
    let (rest, (text, escaped)) = quoted_until(input, ends)?;
    overlook(cx.quirks.stray_quote, input, "quoted")?;
    *to = Some(unquoted(text, escaped));
    Ok(spaces(rest))
}

/// `env-from` and the other five: `"(" 1*address ")" / nil`, and the space behind it
fn env_addresses<'a>(cx: Context<'_>, input: &'a [u8], to: &mut List<'a, Address<'a>>) -> Rest<'a> {
    match input {
        [b'(', rest @ ..] => {
            let (rest, list) = addresses(cx, rest)?;
            *to = list;
            Ok(spaces(rest))
        }
        [b')', ..] => odd::missing(cx, input, "list of addresses"),
        // Some servers leave out one of the six lists, and In-Reply-To is in its place.
        [b'"', ..] => {
            let rest = odd::missing(cx, input, "list of addresses")?;
            match quoted_raw(rest)? {
                (rest, ([], _)) => Ok(spaces(rest)),
                _ => Ok(rest),
            }
        }
        _ => match nil_to(input, b' ') {
            Some(rest) => Ok(spaces(rest)),
            None => nil(input).map(|(rest, ())| spaces(rest)),
        },
    }
}

/// [`env_addresses`]. Has nothing to parse if the same octets as `before` follow
#[inline]
fn env_addresses_again<'a>(
    cx: Context<'_>,
    input: &'a [u8],
    to: &mut List<'a, Address<'a>>,
    before: (&'a [u8], &List<'a, Address<'a>>),
) -> Rest<'a> {
    match before {
        (before @ [b'(', .., b')', b' '], list) if input.starts_with(before) => {
            *to = list.clone();
            Ok(spaces(input.get(before.len()..).unwrap_or_default()))
        }
        _ => env_addresses(cx, input, to),
    }
}

/// `1*address ")"`
fn addresses<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, List<'a, Address<'a>>> {
    let mut rest = input;
    loop {
        rest = match rest {
            [b')', after @ ..] => {
                overlook(rest.len() < input.len() || cx.quirks.wrong_nil, rest, "address")?;
                return Ok((after, List::raw(input)));
            }
            [b'(', ..] => address_end(cx, rest)?,
            [b'N' | b'n', ..] => {
                overlook(cx.quirks.wrong_nil, rest, "address")?;
                nil(rest)?.0
            }
            [b' ', ..] => {
                overlook(cx.quirks.spacing, rest, "address")?;
                spaces(rest)
            }
            _ => return fail(rest, "address"),
        };
    }
}

/// The end of an address
#[inline]
fn address_end<'a>(cx: Context<'_>, input: &'a [u8]) -> Rest<'a> {
    match plain_address_end(input) {
        Some(rest) => Ok(rest),
        None => odd_address_end(cx, input),
    }
}

#[cold]
fn odd_address_end<'a>(cx: Context<'_>, input: &'a [u8]) -> Rest<'a> {
    let (rest, (_, fields)) = any_address(input)?;
    let on = match fields {
        Fields::All => true,
        Fields::WithQuotes => cx.quirks.stray_quote,
        Fields::Other => cx.quirks.field_count,
    };
    overlook(on, input, "address").map(|()| rest)
}

/// The end of a list of fields: `)`, and with the quirk anything in front of it
pub(super) fn close<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, ()> {
    let mut rest = input;
    loop {
        match rest {
            [b')', rest @ ..] => return Ok((rest, ())),
            [b' ', ..] => rest = spaces(rest),
            _ => {
                overlook(cx.quirks.field_count, rest, ")")?;
                rest = value(cx, rest)?.0;
            }
        }
    }
}
