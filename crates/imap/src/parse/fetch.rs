//! `msg-att`: what a FETCH response tells of a message (RFC 9051 section 7.5.2).

use alloc::vec::Vec;

use memchr::memchr;

use super::{
    Context, Res,
    body::{body, odd_number},
    envelope::envelope,
    fail,
    list::{flags, texts},
    scan::{astring, nil, nstring, number64, octet, quoted, sp, spaces, token, value, word},
    status::objectid,
};
use crate::{DateTime, Item, Part, Section, SectionOf, Text};

/// `msg-att = "(" (msg-att-dynamic / msg-att-static) *(SP (msg-att-dynamic / msg-att-static)) ")"`
pub(super) fn msg_att<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Vec<Item<'a>>> {
    let mut items = Vec::new();
    let (rest, ()) = msg_att_into(cx, input, &mut items)?;
    Ok((rest, items))
}

fn msg_att_into<'a>(cx: Context<'_>, input: &'a [u8], items: &mut Vec<Item<'a>>) -> Res<'a, ()> {
    let cx = cx.deeper(input)?;
    let (mut rest, ()) = octet(b'(', "msg-att")(input)?;
    loop {
        rest = spaces(rest);
        match rest {
            [b')', rest @ ..] => return Ok((rest, ())),
            [b'(', ..] if cx.quirks.extra_parentheses => rest = msg_att_into(cx, rest, items)?.0,
            _ => {
                let (after, item) = msg_att_item(cx, rest)?;
                items.push(item);
                rest = after;
            }
        }
    }
}

/// `msg-att-dynamic / msg-att-static`
///
/// An item that is not known, or whose value is not what it should be, is kept as it came.
fn msg_att_item<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Item<'a>> {
    match known_item(cx, input) {
        Err(nom::Err::Error(_)) => {}
        Ok((rest, item)) if matches!(rest, [b' ' | b')', ..]) => return Ok((rest, item)),
        Ok((rest, _)) => return fail(rest, "SP or )"),
        failure => return failure,
    }
    let (rest, name) = item_name(input)?;
    match spaces(rest) {
        rest @ [b')', ..] if cx.quirks.wrong_nil => {
            Ok((rest, Item::Other { name: Text::of(name), value: Text::default() }))
        }
        rest => value(rest)
            .map(|(rest, value)| (rest, Item::Other { name: Text::of(name), value: Text::of(value) })),
    }
}

fn known_item<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Item<'a>> {
    let (name, rest) = word(input);
    let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
    match name.len() {
        3 if is("UID") => {
            let (rest, uid) = odd_number(cx, sp(rest)?.0)?;
            u32::try_from(uid).map_or_else(|_| fail(input, "uniqueid"), |uid| Ok((rest, Item::Uid(uid))))
        }
        4 if is("BODY") => match rest {
            [b'[', ..] => msg_att_section(cx, rest),
            _ => structure(cx, false, sp(rest)?.0),
        },
        5 if is("FLAGS") => flags(cx, sp(rest)?.0).map(|(rest, flags)| (rest, Item::Flags(flags))),
        6 if is("BINARY") => msg_att_binary(cx, rest),
        6 if is("MODSEQ") => {
            let (rest, ()) = octet(b'(', "(")(sp(rest)?.0)?;
            let (rest, mod_seq) = odd_number(cx, rest)?;
            Ok((octet(b')', ")")(spaces(rest))?.0, Item::ModSeq(mod_seq)))
        }
        6 if is("RFC822") => data(cx, rest).map(|(rest, data)| (rest, Item::Rfc822(data))),
        7 if is("EMAILID") => {
            let (rest, ()) = octet(b'(', "(")(sp(rest)?.0)?;
            let (rest, id) = objectid(rest)?;
            Ok((octet(b')', ")")(rest)?.0, Item::EmailId(id)))
        }
        7 if is("PREVIEW") => nstring(sp(rest)?.0).map(|(rest, text)| (rest, Item::Preview(text))),
        8 if is("ENVELOPE") => {
            envelope(cx, sp(rest)?.0).map(|(rest, envelope)| (rest, Item::Envelope(envelope)))
        }
        8 if is("SAVEDATE") => match nil(sp(rest)?.0) {
            Ok((rest, ())) => Ok((rest, Item::SaveDate(None))),
            Err(_) => date_time(sp(rest)?.0).map(|(rest, date)| (rest, Item::SaveDate(Some(date)))),
        },
        8 if is("THREADID") => match sp(rest)?.0 {
            [b'(', rest @ ..] => {
                let (rest, id) = objectid(rest)?;
                Ok((octet(b')', ")")(rest)?.0, Item::ThreadId(Some(id))))
            }
            rest => nil(rest).map(|(rest, ())| (rest, Item::ThreadId(None))),
        },
        10 if is("X-GM-MSGID") => number64(sp(rest)?.0).map(|(rest, id)| (rest, Item::GmailMessageId(id))),
        10 if is("X-GM-THRID") => number64(sp(rest)?.0).map(|(rest, id)| (rest, Item::GmailThreadId(id))),
        11 if is("RFC822.SIZE") => odd_number(cx, sp(rest)?.0).map(|(rest, size)| (rest, Item::Size(size))),
        11 if is("RFC822.TEXT") => data(cx, rest).map(|(rest, data)| (rest, Item::Rfc822Text(data))),
        11 if is("X-GM-LABELS") => {
            texts(cx, sp(rest)?.0).map(|(rest, labels)| (rest, Item::GmailLabels(labels)))
        }
        11 if is("BINARY.SIZE") => msg_att_binary_size(cx, rest),
        12 if is("INTERNALDATE") => {
            date_time(sp(rest)?.0).map(|(rest, date)| (rest, Item::InternalDate(date)))
        }
        13 if is("BODYSTRUCTURE") => structure(cx, true, sp(rest)?.0),
        13 if is("RFC822.HEADER") => data(cx, rest).map(|(rest, data)| (rest, Item::Rfc822Header(data))),
        _ => fail(input, "msg-att"),
    }
}

/// The name of an item that is not known, with what is in brackets behind it.
fn item_name(input: &[u8]) -> Res<'_, &[u8]> {
    let (mut rest, mut name) = token(input)?;
    if let Some(open) = memchr(b'[', name) {
        let from_bracket = input.get(open..).unwrap_or_default();
        let Some(end) = memchr(b']', from_bracket) else { return fail(from_bracket, "]") };
        let (_, tail) = input.split_at_checked(open.saturating_add(end)).unwrap_or((input, &[]));
        rest = token(tail)?.0;
        name = input.get(..input.len().saturating_sub(rest.len())).unwrap_or_default();
    }
    Ok((rest, name))
}

/// `"BODY" ["STRUCTURE"] SP body`
fn structure<'a>(cx: Context<'_>, extended: bool, input: &'a [u8]) -> Res<'a, Item<'a>> {
    body(cx, input).map(|(rest, structure)| (rest, Item::BodyStructure { extended, structure }))
}

/// `"BODY" section ["<" number ">"] SP nstring`
fn msg_att_section<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Item<'a>> {
    let (rest, section) = section(input)?;
    let (rest, origin) = origin(rest)?;
    let (rest, data) = data(cx, rest)?;
    Ok((rest, Item::Body { section, origin, data }))
}

/// `"BINARY" section-binary ["<" number ">"] SP (nstring / literal8)` (RFC 3516)
fn msg_att_binary<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Item<'a>> {
    let (rest, part) = section_binary(input)?;
    let (rest, origin) = origin(rest)?;
    let (rest, data) = data(cx, rest)?;
    Ok((rest, Item::Binary { part, origin, data }))
}

/// `"BINARY.SIZE" section-binary SP number` (RFC 3516)
fn msg_att_binary_size<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Item<'a>> {
    let (rest, part) = section_binary(input)?;
    let (rest, size) = odd_number(cx, sp(rest)?.0)?;
    Ok((rest, Item::BinarySize { part, size }))
}

/// `SP nstring` and `literal8`; where the quirk is on, nothing at all for NIL.
fn data<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Option<Text<'a>>> {
    match spaces(input) {
        rest @ [b')', ..] if cx.quirks.wrong_nil => Ok((rest, None)),
        rest => nstring(rest),
    }
}

/// `"<" number ">"`, where it is there
fn origin(input: &[u8]) -> Res<'_, Option<u64>> {
    let [b'<', rest @ ..] = input else { return Ok((input, None)) };
    let (rest, origin) = number64(rest)?;
    Ok((octet(b'>', ">")(rest)?.0, Some(origin)))
}

/// `section-binary = "[" [section-part] "]"`
fn section_binary(input: &[u8]) -> Res<'_, Part<'_>> {
    let (rest, ()) = octet(b'[', "[")(input)?;
    let (rest, part) = section_part(rest)?;
    Ok((octet(b']', "]")(rest)?.0, part))
}

/// `section = "[" [section-spec] "]"`
pub(crate) fn section(input: &[u8]) -> Res<'_, Section<'_>> {
    let (rest, ()) = octet(b'[', "[")(input)?;
    let (rest, part) = section_part(rest)?;
    let rest = if part.is_none() { rest } else { rest.strip_prefix(b".").unwrap_or(rest) };
    let (name, after) = word(rest);
    let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
    let (rest, of) = match name.len() {
        0 => (rest, SectionOf::Whole),
        4 if is("TEXT") => (after, SectionOf::Text),
        4 if is("MIME") => (after, SectionOf::Mime),
        6 if is("HEADER") => (after, SectionOf::Header),
        13 if is("HEADER.FIELDS") => {
            header_list(sp(after)?.0).map(|(rest, names)| (rest, SectionOf::Fields(names)))?
        }
        17 if is("HEADER.FIELDS.NOT") => {
            header_list(sp(after)?.0).map(|(rest, names)| (rest, SectionOf::FieldsNot(names)))?
        }
        _ => return fail(rest, "section-msgtext"),
    };
    Ok((octet(b']', "]")(rest)?.0, Section { part, of }))
}

/// `section-part = nz-number *("." nz-number)`, or nothing
fn section_part(input: &[u8]) -> Res<'_, Part<'_>> {
    let digits =
        input.iter().position(|octet| !octet.is_ascii_digit() && *octet != b'.').unwrap_or(input.len());
    let text = input.get(..digits).unwrap_or_default();
    // The dot in front of `MIME`.
    let text = text.strip_suffix(b".").unwrap_or(text);
    let part = core::str::from_utf8(text).ok().and_then(|text| Part::parse(text).ok());
    let rest = input.get(text.len()..).unwrap_or_default();
    part.map_or_else(|| fail(input, "section-part"), |part| Ok((rest, part)))
}

/// `header-list = "(" header-fld-name *(SP header-fld-name) ")"`
fn header_list(input: &[u8]) -> Res<'_, Vec<Text<'_>>> {
    let (mut rest, ()) = octet(b'(', "header-list")(input)?;
    let mut names = Vec::new();
    loop {
        rest = spaces(rest);
        if let [b')', rest @ ..] = rest {
            return Ok((rest, names));
        }
        let (after, name) = astring(rest)?;
        names.push(name);
        rest = after;
    }
}

/// `date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE`
fn date_time(input: &[u8]) -> Res<'_, DateTime> {
    let (rest, text) = match input {
        [b'"', ..] => quoted(input)?,
        _ => nstring(input).map(|(rest, text)| (rest, text.unwrap_or_default()))?,
    };
    DateTime::parse(&text).map_or_else(|_| fail(input, "date-time"), |date| Ok((rest, date)))
}
