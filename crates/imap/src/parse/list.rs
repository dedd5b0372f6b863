//! How the elements of a [`List`](crate::List) are read again from octets that were proven well-formed.

use super::{
    Context, Fault, Res, Rest, fail, overlook,
    scan::{
        astring, digits, known, literal, nil, number, number64, octet, plain_nstring, plain_quoted, quoted,
        quoted_raw, sp, spaces, token, value, word,
    },
    swar::words_end,
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
fn status_att_val(input: &[u8]) -> Res<'_, StatusItem<'_>> {
    let (name, rest) = word(input);
    let (after, raw) = value(sp(rest)?.0)?;
    let large = number64(raw).ok().filter(|(left, _)| left.is_empty()).map(|(_, number)| number);
    let small = large.and_then(|number| u32::try_from(number).ok());
    let item = known(name, |name| match name {
        b"MESSAGES" => small.map(StatusItem::Messages),
        b"RECENT" => small.map(StatusItem::Recent),
        b"UIDNEXT" => small.map(StatusItem::UidNext),
        b"UIDVALIDITY" => small.map(StatusItem::UidValidity),
        b"UNSEEN" => small.map(StatusItem::Unseen),
        b"DELETED" => small.map(StatusItem::Deleted),
        b"SIZE" => large.map(StatusItem::Size),
        b"DELETED-STORAGE" => large.map(StatusItem::DeletedStorage),
        b"HIGHESTMODSEQ" => large.map(StatusItem::HighestModSeq),
        b"APPENDLIMIT" if nil(raw).is_ok() => Some(StatusItem::AppendLimit(None)),
        b"APPENDLIMIT" => large.map(|limit| StatusItem::AppendLimit(Some(limit))),
        b"MAILBOXID" => {
            let id = raw.strip_prefix(b"(").and_then(|raw| raw.strip_suffix(b")"));
            id.map(|id| StatusItem::MailboxId(Text::of(id)))
        }
        _ => None,
    });
    Ok((after, item.unwrap_or(StatusItem::Other { name: Text::of(name), value: Text::of(raw) })))
}

/// `[status-att-list] ")"`
pub(crate) fn status_att_list(inside: &[u8]) -> Res<'_, List<'_, StatusItem<'_>>> {
    list(inside, |rest| match word(rest) {
        ([], _) => Err(nom::Err::Error(Fault { at: rest, rule: "status-att" })),
        (_, rest) => {
            let (rest, ()) = sp(rest)?;
            match digits(rest) {
                ([_, ..], rest @ [b' ' | b')', ..]) => Ok(rest),
                _ => Ok(value(rest)?.0),
            }
        }
    })
}

/// `"(" [flag *(SP flag)] ")"`
pub(crate) fn flags<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, List<'a, Flag<'a>>> {
    let Some(inside) = input.strip_prefix(b"(") else {
        let Ok((rest, ())) = nil(input) else { return fail(input, "flag-list") };
        return overlook(cx.quirks.wrong_nil, input, "flag-list").map(|()| (rest, List::EMPTY));
    };
    match inside.split_at_checked(words_end(inside)) {
        Some((words, [b')', rest @ ..])) => Ok((rest, List::raw(words))),
        _ => list(inside, |rest| token(rest).map(|(rest, _)| rest)),
    }
}

/// `"(" [astring *(SP astring)] ")"`
pub(crate) fn texts<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, List<'a, Text<'a>>> {
    let Some(inside) = input.strip_prefix(b"(") else {
        let Ok((rest, ())) = nil(input) else { return fail(input, "list") };
        return overlook(cx.quirks.wrong_nil, input, "list").map(|()| (rest, List::EMPTY));
    };
    list(inside, nastring_end)
}

/// `string SP nstring *(SP string SP nstring) ")"`, or nothing and the `)`
pub(crate) fn params(inside: &[u8]) -> Res<'_, List<'_, Param<'_>>> {
    let mut rest = inside;
    loop {
        rest = match plain_nstring(rest) {
            Some([b' ', rest @ ..]) => rest,
            Some(end @ [b')', rest @ ..]) => {
                let length = inside.len().saturating_sub(end.len());
                return Ok((rest, List::raw(inside.get(..length).unwrap_or_default())));
            }
            _ => return list(inside, nastring_end),
        };
    }
}

/// Elements with spaces between them up to a `)`.
fn list<'a, T>(inside: &'a [u8], element: impl Fn(&'a [u8]) -> Rest<'a>) -> Res<'a, List<'a, T>> {
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
    let (rest, name) = nastring(input)?;
    let (rest, value) = match spaces(rest) {
        [] => (rest, None),
        rest => nastring(rest)?,
    };
    Ok((rest, Param { name: name.unwrap_or_default(), value }))
}

/// `nstring`, or a word where a string is due.
#[inline]
pub(crate) fn nastring(input: &[u8]) -> Res<'_, Option<Text<'_>>> {
    match input {
        [b'"', ..] => quoted(input).map(|(rest, text)| (rest, Some(text))),
        [b'N', b'I', b'L', b' ' | b')', ..] => Ok((input.get(3..).unwrap_or_default(), None)),
        _ => literal_or_word(input),
    }
}

fn literal_or_word(input: &[u8]) -> Res<'_, Option<Text<'_>>> {
    match input {
        [b'{', ..] | [b'~', b'{', ..] => literal(input).map(|(rest, data)| (rest, Some(Text::of(data)))),
        _ => token(input).map(|(rest, word)| {
            (rest, if word.eq_ignore_ascii_case(b"NIL") { None } else { Some(Text::of(word)) })
        }),
    }
}

/// What follows an `nstring`, or a word in place of one.
#[inline]
pub(crate) fn nastring_end(input: &[u8]) -> Rest<'_> {
    match plain_nstring_end(input) {
        Some(rest) => Ok(rest),
        None => odd_nstring_end(input),
    }
}

/// What follows NIL or a quoted string, if there is nothing unusual in that.
#[inline(always)]
fn plain_nstring_end(input: &[u8]) -> Option<&[u8]> {
    plain_nstring(input).filter(|rest| matches!(rest, [b' ' | b')', ..]))
}

fn odd_nstring_end(input: &[u8]) -> Rest<'_> {
    match input {
        [b'"', ..] => quoted_raw(input).map(|(rest, _)| rest),
        [b'{', ..] | [b'~', b'{', ..] => literal(input).map(|(rest, _)| rest),
        _ => token(input).map(|(rest, _)| rest),
    }
}

/// `address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"`, or NIL in its place
#[inline]
fn address(input: &[u8]) -> Res<'_, Address<'_>> {
    match plain_address(input) {
        Some((address, rest)) => Ok((rest, address)),
        None => odd_address(input),
    }
}

/// The same, if there is nothing unusual in it.
#[inline]
fn plain_address(input: &[u8]) -> Option<(Address<'_>, &[u8])> {
    let (name, rest) = plain_text_to(input.strip_prefix(b"(")?, b' ')?;
    let (route, rest) = plain_text_to(rest, b' ')?;
    let (mailbox, rest) = plain_text_to(rest, b' ')?;
    let (host, rest) = plain_text_to(rest, b')')?;
    Some((Address { name, route, mailbox, host }, rest))
}

/// What NIL or a quoted string says, and what follows it and the octet behind it, if that is `end`.
#[inline(always)]
fn plain_text_to(input: &[u8], end: u8) -> Option<(Option<Text<'_>>, &[u8])> {
    match input {
        [b'N', b'I', b'L', last, rest @ ..] if *last == end => Some((None, rest)),
        _ => match plain_quoted(input) {
            Some((text, [last, rest @ ..])) if *last == end => Some((Some(Text::of(text)), rest)),
            _ => None,
        },
    }
}

fn odd_address(input: &[u8]) -> Res<'_, Address<'_>> {
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
            _ => nastring(rest)?,
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
