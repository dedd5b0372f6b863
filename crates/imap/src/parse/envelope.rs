//! `envelope` and the addresses in it (RFC 9051 section 7.5.2).

use super::{
    Context, Res, fail,
    list::nastring_end,
    scan::{nil, nstring, octet, quoted_raw, spaces, value},
};
use crate::{Address, Envelope, List, Text};

/// `envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP
/// env-bcc SP env-in-reply-to SP env-message-id ")"`
pub(super) fn envelope<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Envelope<'a>> {
    let (rest, ()) = octet(b'(', "envelope")(input)?;
    let (rest, date) = env_text(cx, rest)?;
    let (rest, subject) = env_text(cx, rest)?;
    let (rest, from) = env_addresses(cx, rest)?;
    let (rest, sender) = env_addresses(cx, rest)?;
    let (rest, reply_to) = env_addresses(cx, rest)?;
    let (rest, to) = env_addresses(cx, rest)?;
    let (rest, cc) = env_addresses(cx, rest)?;
    let (rest, bcc) = env_addresses(cx, rest)?;
    let (rest, in_reply_to) = env_text(cx, rest)?;
    let (rest, message_id) = env_text(cx, rest)?;
    let (rest, ()) = close(cx, rest)?;
    Ok((rest, Envelope { date, subject, from, sender, reply_to, to, cc, bcc, in_reply_to, message_id }))
}

/// `env-date`, `env-subject`, `env-in-reply-to`, `env-message-id`: `nstring`, and the space behind it
fn env_text<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Option<Text<'a>>> {
    match input {
        [b')', ..] if cx.quirks.field_count => Ok((input, None)),
        _ => nstring(input).map(|(rest, text)| (spaces(rest), text)),
    }
}

/// `env-from` and the other five: `"(" 1*address ")" / nil`, and the space behind it
fn env_addresses<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, List<'a, Address<'a>>> {
    let (rest, list) = match input {
        [b'(', rest @ ..] => addresses(cx, rest)?,
        [b')', ..] if cx.quirks.field_count => return Ok((input, List::EMPTY)),
        // Of six lists some servers leave one out, and its place is taken by In-Reply-To.
        [b'"', ..] if cx.quirks.field_count => match quoted_raw(input)? {
            (rest, ([], _)) => (rest, List::EMPTY),
            _ => return Ok((input, List::EMPTY)),
        },
        _ => nil(input).map(|(rest, ())| (rest, List::EMPTY))?,
    };
    Ok((spaces(rest), list))
}

/// `1*address ")"`
fn addresses<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, List<'a, Address<'a>>> {
    let mut rest = input;
    loop {
        rest = match rest {
            [b')', after @ ..] => {
                let length = input.len().saturating_sub(rest.len());
                if length == 0 && !cx.quirks.wrong_nil {
                    return fail(rest, "address");
                }
                return Ok((after, List::raw(input.get(..length).unwrap_or_default())));
            }
            [b'(', after @ ..] => address_end(cx, after)?,
            [b'N' | b'n', ..] if cx.quirks.wrong_nil => nil(rest)?.0,
            [b' ', ..] => spaces(rest),
            _ => return fail(rest, "address"),
        };
    }
}

/// What follows an address whose parenthesis is open.
fn address_end<'a>(cx: Context<'_>, input: &'a [u8]) -> Result<&'a [u8], nom::Err<super::Fault<'a>>> {
    let (mut rest, mut fields) = (input, 0_u8);
    loop {
        if let [b')', after @ ..] = rest {
            if fields != 4 && !cx.quirks.field_count {
                return Err(nom::Err::Error(super::Fault { at: rest, rule: "address" }));
            }
            return Ok(after);
        }
        fields = fields.saturating_add(1);
        rest = match rest {
            [b'"', ..] if fields == 4 => super::list::host(rest)?.0,
            _ => nastring_end(rest)?,
        };
        rest = spaces(rest);
    }
}

/// The end of a list with fields: `)`, and where the quirk is on whatever stands in front of it.
pub(super) fn close<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, ()> {
    let mut rest = input;
    loop {
        match rest {
            [b')', rest @ ..] => return Ok((rest, ())),
            [b' ', ..] => rest = spaces(rest),
            _ if !cx.quirks.field_count => return fail(rest, ")"),
            _ => rest = value(rest)?.0,
        }
    }
}
