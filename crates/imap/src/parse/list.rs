//! How the elements of a [`List`](crate::List) are read again from octets that were proven well-formed.

use alloc::borrow::Cow;

use super::{
    Res,
    scan::{astring, nil, nstring, number, number64, octet, sp, spaces, token, value, word},
};
use crate::{Address, Atom, Capability, Flag, Param, StatusItem, Text, list::sealed::Read};

/// Reads by `element` what follows any spaces.
fn next<'a, T>(raw: &'a [u8], element: impl FnOnce(&'a [u8]) -> Res<'a, T>) -> Option<(T, &'a [u8])> {
    match spaces(raw) {
        [] => None,
        raw => element(raw).ok().map(|(rest, element)| (element, rest)),
    }
}

impl<'a> Read<'a> for Flag<'a> {
    fn read(raw: &'a [u8]) -> Option<(Self, &'a [u8])> {
        next(raw, flag)
    }
}

impl<'a> Read<'a> for Capability<'a> {
    fn read(raw: &'a [u8]) -> Option<(Self, &'a [u8])> {
        next(raw, |raw| token(raw).map(|(rest, word)| (rest, Capability::of(word))))
    }
}

impl<'a> Read<'a> for u32 {
    fn read(raw: &'a [u8]) -> Option<(Self, &'a [u8])> {
        next(raw, number)
    }
}

impl<'a> Read<'a> for StatusItem<'a> {
    fn read(raw: &'a [u8]) -> Option<(Self, &'a [u8])> {
        next(raw, status_att_val)
    }
}

impl<'a> Read<'a> for Param<'a> {
    fn read(raw: &'a [u8]) -> Option<(Self, &'a [u8])> {
        next(raw, param)
    }
}

impl<'a> Read<'a> for Text<'a> {
    fn read(raw: &'a [u8]) -> Option<(Self, &'a [u8])> {
        next(raw, astring)
    }
}

impl<'a> Read<'a> for Address<'a> {
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
    let other = StatusItem::Other { name, value: raw };
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
        9 if is("MAILBOXID") => {
            raw.strip_prefix(b"(").and_then(|raw| raw.strip_suffix(b")")).map(StatusItem::MailboxId)
        }
        _ => None,
    };
    Ok((after, item.unwrap_or(other)))
}

/// A name and a value of `body-fld-param` or `id-params-list`; some servers leave the quotes out.
pub(crate) fn param(input: &[u8]) -> Res<'_, Param<'_>> {
    let (rest, name) = astring(input)?;
    let (rest, ()) = sp(rest)?;
    let (rest, value) = nastring(rest)?;
    Ok((rest, Param { name, value }))
}

/// `nstring`, or an atom where a string is due.
pub(crate) fn nastring(input: &[u8]) -> Res<'_, Option<Text<'_>>> {
    match nstring(input) {
        Ok(found) => Ok(found),
        Err(_) if !matches!(input, [b'"' | b'{', ..]) => {
            token(input).map(|(rest, word)| (rest, Some(Cow::Borrowed(word))))
        }
        Err(error) => Err(error),
    }
}

/// `address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"`
pub(crate) fn address(input: &[u8]) -> Res<'_, Address<'_>> {
    let (rest, ()) = octet(b'(', "address")(input)?;
    let (rest, name) = nstring(rest)?;
    let (rest, route) = nstring(spaces(rest))?;
    let (rest, mailbox) = nstring(spaces(rest))?;
    let (rest, host) = nstring(spaces(rest))?;
    let (rest, ()) = octet(b')', "address")(spaces(rest))?;
    Ok((rest, Address { name, route, mailbox, host }))
}
