//! How the elements of a [`List`](crate::List) are read again from octets that were proven well-formed.

use super::{
    Context, Fault, Res, fail,
    scan::{
        astring, literal, nil, number, number64, octet, quoted, quoted_raw, sp, spaces, token, value, word,
    },
};
use crate::{Address, Atom, Capability, Element, Flag, List, Param, StatusItem, Text};

/// Reads by `element` what follows any spaces.
fn next<'a, T>(raw: &'a [u8], element: impl FnOnce(&'a [u8]) -> Res<'a, T>) -> Option<(T, &'a [u8])> {
    match spaces(raw) {
        [] => None,
        raw => element(raw).ok().map(|(rest, element)| (element, rest)),
    }
}

impl<'a> Element<'a> for Flag<'a> {
    fn read(raw: &'a [u8]) -> Option<(Self, &'a [u8])> {
        next(raw, flag)
    }
}

impl<'a> Element<'a> for Capability<'a> {
    fn read(raw: &'a [u8]) -> Option<(Self, &'a [u8])> {
        // What is no word is left out; the octets were not looked at before.
        let start = raw.iter().position(|octet| token(&[*octet]).is_ok())?;
        next(raw.get(start..)?, |raw| token(raw).map(|(rest, word)| (rest, Capability::of(word))))
    }
}

impl<'a> Element<'a> for u32 {
    fn read(raw: &'a [u8]) -> Option<(Self, &'a [u8])> {
        next(raw, number)
    }
}

impl<'a> Element<'a> for StatusItem<'a> {
    fn read(raw: &'a [u8]) -> Option<(Self, &'a [u8])> {
        next(raw, status_att_val)
    }
}

impl<'a> Element<'a> for Param<'a> {
    fn read(raw: &'a [u8]) -> Option<(Self, &'a [u8])> {
        next(raw, param)
    }
}

impl<'a> Element<'a> for Text<'a> {
    fn read(raw: &'a [u8]) -> Option<(Self, &'a [u8])> {
        next(raw, astring)
    }
}

impl<'a> Element<'a> for Address<'a> {
    fn read(raw: &'a [u8]) -> Option<(Self, &'a [u8])> {
        next(raw, address)
    }
}

/// `flag = "\Answered" / … / flag-keyword / flag-extension`, and `mbx-list-flags`
pub(crate) fn flag(input: &[u8]) -> Res<'_, Flag<'_>> {
    let (rest, word) = token(input)?;
    let flag = match word {
        b"\\*" => Flag::Any,
        [b'\\', name @ ..] => Flag::system(Atom::of(name)),
        word => Flag::Keyword(Atom::of(word)),
    };
    Ok((rest, flag))
}

/// `status-att-val = ("MESSAGES" SP number) / …` (RFC 9051 section 9)
pub(crate) fn status_att_val(input: &[u8]) -> Res<'_, StatusItem<'_>> {
    let (name, rest) = word(input);
    let (rest, ()) = sp(rest)?;
    let (after, raw) = value(rest)?;
    let other = StatusItem::Other { name: Text::of(name), value: Text::of(raw) };
    let small = number(raw).ok().filter(|(left, _)| left.is_empty()).map(|(_, number)| number);
    let large = number64(raw).ok().filter(|(left, _)| left.is_empty()).map(|(_, number)| number);
    let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
    let item = match name.len() {
        8 if is("MESSAGES") => small.map(StatusItem::Messages),
        6 if is("RECENT") => small.map(StatusItem::Recent),
        7 if is("UIDNEXT") => small.map(StatusItem::UidNext),
        11 if is("UIDVALIDITY") => small.map(StatusItem::UidValidity),
        6 if is("UNSEEN") => small.map(StatusItem::Unseen),
        7 if is("DELETED") => small.map(StatusItem::Deleted),
        4 if is("SIZE") => large.map(StatusItem::Size),
        13 if is("HIGHESTMODSEQ") => large.map(StatusItem::HighestModSeq),
        11 if is("APPENDLIMIT") && nil(raw).is_ok() => Some(StatusItem::AppendLimit(None)),
        11 if is("APPENDLIMIT") => large.map(|limit| StatusItem::AppendLimit(Some(limit))),
        9 if is("MAILBOXID") => raw
            .strip_prefix(b"(")
            .and_then(|raw| raw.strip_suffix(b")"))
            .map(|id| StatusItem::MailboxId(Text::of(id))),
        _ => None,
    };
    Ok((after, item.unwrap_or(other)))
}

/// `"(" [flag *(SP flag)] ")"`
pub(crate) fn flags<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, List<'a, Flag<'a>>> {
    let Some(inside) = input.strip_prefix(b"(") else {
        return match nil(input) {
            Ok((rest, ())) if cx.quirks.wrong_nil => Ok((rest, List::EMPTY)),
            _ => fail(input, "flag-list"),
        };
    };
    list(inside, |rest| token(rest).map(|(rest, _)| rest))
}

/// `"(" [astring *(SP astring)] ")"`
pub(crate) fn texts<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, List<'a, Text<'a>>> {
    let Some(inside) = input.strip_prefix(b"(") else {
        return match nil(input) {
            Ok((rest, ())) if cx.quirks.wrong_nil => Ok((rest, List::EMPTY)),
            _ => fail(input, "list"),
        };
    };
    list(inside, nastring_end)
}

/// `string SP nstring *(SP string SP nstring) ")"`, or nothing and the `)`
pub(crate) fn params<'a>(_: Context<'_>, inside: &'a [u8]) -> Res<'a, List<'a, Param<'a>>> {
    list(inside, nastring_end)
}

/// Elements with spaces between them up to a `)`.
fn list<'a, T>(
    inside: &'a [u8],
    element: impl Fn(&'a [u8]) -> Result<&'a [u8], nom::Err<Fault<'a>>>,
) -> Res<'a, List<'a, T>> {
    let mut rest = spaces(inside);
    loop {
        if let [b')', after @ ..] = rest {
            let length = inside.len().saturating_sub(rest.len());
            return Ok((after, List::raw(inside.get(..length).unwrap_or_default())));
        }
        rest = spaces(element(rest)?);
    }
}

/// A name and a value of `body-fld-param` or `id-params-list`.
fn param(input: &[u8]) -> Res<'_, Param<'_>> {
    let (rest, name) = nstring_or_word(input)?;
    let (rest, value) = match spaces(rest) {
        [] => (rest, None),
        rest => nstring_or_word(rest)?,
    };
    Ok((rest, Param { name: name.unwrap_or_default(), value }))
}

/// `nstring`, or a word where a string is due.
pub(crate) fn nastring<'a>(_: Context<'_>, input: &'a [u8]) -> Res<'a, Option<Text<'a>>> {
    nstring_or_word(input)
}

fn nstring_or_word(input: &[u8]) -> Res<'_, Option<Text<'_>>> {
    match input {
        [b'"', ..] => quoted(input).map(|(rest, text)| (rest, Some(text))),
        [b'{', ..] | [b'~', b'{', ..] => literal(input).map(|(rest, data)| (rest, Some(Text::of(data)))),
        _ => token(input).map(|(rest, word)| {
            (rest, if word.eq_ignore_ascii_case(b"NIL") { None } else { Some(Text::of(word)) })
        }),
    }
}

/// What follows an `nstring`, or a word in place of one.
#[inline]
pub(crate) fn nastring_end(input: &[u8]) -> Result<&[u8], nom::Err<Fault<'_>>> {
    match input {
        [b'"', ..] => quoted_raw(input).map(|(rest, _)| rest),
        [b'N', b'I', b'L', b' ' | b')', ..] => Ok(input.get(3..).unwrap_or_default()),
        [b'{', ..] | [b'~', b'{', ..] => literal(input).map(|(rest, _)| rest),
        _ => token(input).map(|(rest, _)| rest),
    }
}

/// `address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"`, or NIL in its place
fn address(input: &[u8]) -> Res<'_, Address<'_>> {
    let mut rest = input;
    while let Ok((after, ())) = nil(rest) {
        rest = spaces(after);
    }
    let (mut rest, ()) = octet(b'(', "address")(rest)?;
    let mut fields = [None, None, None, None];
    for (index, field) in fields.iter_mut().enumerate() {
        if let [b')', ..] = rest {
            break;
        }
        let (after, text) = match rest {
            [b'"', ..] if index == 3 => host(rest).map(|(rest, text)| (rest, Some(text)))?,
            _ => nstring_or_word(rest)?,
        };
        *field = text;
        rest = spaces(after);
    }
    while !matches!(rest, [b')', ..]) {
        rest = spaces(nastring_end(rest)?);
    }
    let [name, route, mailbox, host] = fields;
    Ok((rest.get(1..).unwrap_or_default(), Address { name, route, mailbox, host }))
}

/// `addr-host` in quotes
///
/// No host has a quote in it, so one with a backslash in front that stands before the parenthesis is the end
/// (`Quirks::stray_quote`).
pub(crate) fn host(input: &[u8]) -> Res<'_, Text<'_>> {
    let plain = quoted_raw(input);
    if let Ok((rest, (text, false))) = plain {
        return Ok((rest, Text::of(text)));
    }
    let inner = input.get(1..).unwrap_or_default();
    match inner.windows(3).position(|three| three == b"\\\")").and_then(|end| inner.split_at_checked(end)) {
        Some((text, rest)) if !text.contains(&b'"') => {
            Ok((rest.get(2..).unwrap_or_default(), Text::of(text)))
        }
        _ => quoted(input),
    }
}
