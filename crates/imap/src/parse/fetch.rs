//! `msg-att`: the items of a FETCH response (RFC 9051 section 7.5.2).

use alloc::{boxed::Box, vec::Vec};

use memchr::memchr;
use nom::{
    Parser,
    combinator::opt,
    multi::many0,
    sequence::{delimited, preceded, terminated},
};

use super::{
    Context, Res, Rest,
    body::body,
    envelope::envelope,
    fail,
    list::{flags, plain_flags, texts},
    odd::odd_number,
    overlook,
    scan::{
        self, astring, closing, literal, nil, nstring, number64, octet, opening, plain_number, quoted,
        quoted_raw, rest_of_line, sp, spaced, spaces, token, word,
    },
    status::objectid,
};
use crate::{BodyStructure, DateTime, Envelope, Item, Part, Section, SectionOf, Text, parse_date_time};

/// `msg-att = "(" (msg-att-dynamic / msg-att-static) *(SP (msg-att-dynamic / msg-att-static)) ")"`
pub(super) fn msg_att<'a>(
    cx: Context<'_>,
    known: Known,
    input: &'a [u8],
    items: &mut Vec<Item<'a>>,
) -> Rest<'a> {
    // As many as a listing asks for. Below 1 KiB, because allocators have blocks of that size at hand.
    items.reserve_exact(5);
    msg_att_into(cx, known, input, items)
}

fn msg_att_into<'a>(cx: Context<'_>, known: Known, input: &'a [u8], items: &mut Vec<Item<'a>>) -> Rest<'a> {
    let cx = cx.deeper(input)?;
    let (mut rest, ()) = opening("msg-att")(input)?;
    // Where the first item began whose value breaks its rule, and how many items there were in front of it.
    let mut odd = None;
    loop {
        match plain_item(rest, items) {
            Some([b' ', behind @ ..]) => {
                rest = behind;
                continue;
            }
            Some([_, behind @ ..]) => return Ok(behind),
            _ => {}
        }
        let (at, before) = (rest, items.len());
        let end = match at {
            [b')', rest @ ..] => return Ok(rest),
            [b'(', ..] => {
                overlook(cx.quirks.extra_parentheses, at, "msg-att")?;
                msg_att_into(cx, known, at, items)
            }
            _ => msg_att_item(cx, known, at, items),
        };
        rest = match end {
            Ok(rest) => spaces(rest),
            Err(nom::Err::Error(_)) => unreadable(cx, odd.unwrap_or((at, before)), items)?,
            Err(failure) => return Err(failure),
        };
        if let Some(Item::Other { name, .. }) = items.last()
            && odd.is_none()
            && is_known(cx, known, name)
        {
            odd = Some((at, before));
        }
    }
}

/// Whether the item of this name has a variant of its own. If such an item is kept as it came, it is odd.
#[cold]
fn is_known(cx: Context<'_>, known: Known, name: &[u8]) -> bool {
    scan::known(word(name).0, |name| known(cx, name, b"", &mut Vec::new())).is_some()
}

/// An item whose value follows no rule, with everything behind it, because its end can't be known. The items in front
/// of it, usually with the UID, still count.
///
/// The item begins `at`, behind `before` others.
#[cold]
fn unreadable<'a>(cx: Context<'_>, (at, before): (&'a [u8], usize), items: &mut Vec<Item<'a>>) -> Rest<'a> {
    let (rest, name) = item_name(at)?;
    let rest = spaces(rest);
    overlook(cx.quirks.unreadable_value, rest, "value")?;
    let Some(value) = rest_of_line(rest).trim_ascii_end().strip_suffix(b")") else {
        return fail(rest, "SP or )").map(|(rest, ())| rest);
    };
    items.truncate(before);
    items.push(Item::Other { name: Text::of(name), value: Text::of(value) });
    Ok(rest.get(value.len()..).unwrap_or_default())
}

/// An item of a listing other than ENVELOPE, as nearly every server writes it. Recognised by eight octets at once,
/// which saves finding the end of the name, and the comparisons with all names.
///
/// `None` for any other item, and if neither another item nor `)` follows.
#[inline]
fn plain_item<'a>(input: &'a [u8], items: &mut Vec<Item<'a>>) -> Option<&'a [u8]> {
    const fn octets(text: &[u8; 8]) -> u64 {
        u64::from_le_bytes(*text)
    }
    let ends = |rest: &'a [u8]| match rest {
        [b' ', b' ', ..] => None,
        [b' ' | b')', ..] => Some(rest),
        _ => None,
    };
    let (eight, rest) = input.split_first_chunk::<8>()?;
    let eight = octets(eight);
    if eight & octets(b"\xff\xff\xff\xff\0\0\0\0") == octets(b"UID \0\0\0\0") {
        let (uid, rest) = plain_number(input.get(4..)?)?;
        let rest = ends(rest)?;
        put(items, uid, Item::Uid);
        Some(rest)
    } else if eight & octets(b"\xff\xff\xff\xff\xff\xff\xff\0") == octets(b"FLAGS (\0") {
        let (list, rest) = plain_flags(input.get(7..)?)?;
        let rest = ends(rest)?;
        put(items, list, Item::Flags);
        Some(rest)
    } else if eight == octets(b"INTERNAL") {
        let (text, rest) = input.get(13..)?.split_first_chunk::<28>()?;
        let [b'"', text @ .., b'"'] = text else { return None };
        if input.get(5..13)? != b"NALDATE " {
            return None;
        }
        let date = parse_date_time(text).ok()?;
        let rest = ends(rest)?;
        put(items, date, Item::InternalDate);
        Some(rest)
    } else if eight == octets(b"RFC822.S") {
        let (four, rest) = rest.split_first_chunk()?;
        if four != b"IZE " {
            return None;
        }
        let (size, rest) = plain_number(rest)?;
        let rest = ends(rest)?;
        put(items, size.into(), Item::Size);
        Some(rest)
    } else {
        None
    }
}

/// `msg-att-dynamic / msg-att-static`
///
/// An unknown item, or one whose value breaks its rule, is kept as it came.
fn msg_att_item<'a>(cx: Context<'_>, known: Known, input: &'a [u8], items: &mut Vec<Item<'a>>) -> Rest<'a> {
    let before = items.len();
    let value = match input.split_first_chunk::<8>() {
        // Saves the comparisons with all names.
        Some((b"ENVELOPE", rest)) => Some(msg_att_envelope(cx, rest, items)),
        Some((b"BODYSTRU", rest)) if rest.starts_with(b"CTURE ") => {
            known(cx, b"BODYSTRUCTURE", rest.get(5..).unwrap_or_default(), items)
        }
        _ => {
            let (name, rest) = word(input);
            scan::known(name, |name| known(cx, name, rest, items))
        }
    };
    match value {
        Some(Ok(rest @ [b' ' | b')', ..])) => Ok(rest),
        value => odd_item(cx, known, input, value, before, items),
    }
}

/// An unknown item, or one that does not end behind its `value`. `before` items are in front of it.
#[cold]
fn odd_item<'a>(
    cx: Context<'_>,
    known: Known,
    input: &'a [u8],
    mut value: Option<Rest<'a>>,
    mut before: usize,
    items: &mut Vec<Item<'a>>,
) -> Rest<'a> {
    let (name, _) = word(input);
    let mut second = None;
    while let Some(end) = value {
        let end = match end {
            Ok(rest @ [b' ' | b')', ..]) => return Ok(rest),
            Ok(rest) => item_end(cx, rest),
            Err(error) => Err(error),
        };
        match end {
            Ok((rest, true)) => {
                (before, second) = (items.len(), Some(rest));
                value = scan::known(name, |name| known(cx, name, rest, items));
            }
            Ok((rest, false)) => return Ok(rest),
            // The value breaks the rule, or goes on.
            Err(nom::Err::Error(_)) => {
                items.truncate(before);
                break;
            }
            Err(failure) => return Err(failure),
        }
    }
    let (rest, name) = match second {
        Some(rest) => (rest, name),
        None => item_name(input)?,
    };
    match spaces(rest) {
        rest @ [b')', ..] => {
            overlook(cx.quirks.wrong_nil, rest, "value")?;
            no_value(cx, known, name, items);
            Ok(rest)
        }
        rest => {
            let (rest, value) = scan::value(cx, rest)?;
            items.push(Item::Other { name: Text::of(name), value: Text::of(value) });
            Ok(rest)
        }
    }
}

/// Whatever follows a value in a FETCH response in place of `SP` or `)`. Returns whether another value of the same item
/// follows.
#[cold]
fn item_end<'a>(cx: Context<'_>, rest: &'a [u8]) -> Res<'a, bool> {
    let (on, after, again) = match rest {
        [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] if matches!(after, [b' ' | b')', ..]) => {
            (cx.quirks.blank_line, after, false)
        }
        // mail.ru sends the structure of the message behind that of a part of it (mscdex/node-imap pull request 904).
        [b'(', second, ..] => (cx.quirks.extra_parentheses, rest, matches!(second, b'(' | b'"')),
        [b'A'..=b'Z', ..] => (cx.quirks.spacing, rest, false),
        [b'\r' | b'\n', ..] | [] => (false, rest, false),
        _ => return fail(rest, "SP or )"),
    };
    overlook(on, rest, "SP or )").map(|()| (after, again))
}

/// An item without a value, which is read as NIL. The caller has checked
/// [`Quirks::wrong_nil`](crate::Quirks::wrong_nil).
#[cold]
fn no_value<'a>(cx: Context<'_>, known: Known, name: &'a [u8], items: &mut Vec<Item<'a>>) {
    let before = items.len();
    if !matches!(scan::known(name, |name| known(cx, name, b" NIL", items)), Some(Ok([]))) {
        items.truncate(before);
        items.push(Item::Other { name: Text::of(name), value: Text::of(b"NIL") });
    }
}

/// Parses the value of an item that has a variant of its own. `None` for other names.
pub(super) type Known = for<'a> fn(Context<'_>, &[u8], &'a [u8], &mut Vec<Item<'a>>) -> Option<Rest<'a>>;

/// [`Known`] for the items of a listing
pub(super) fn summary_item<'a>(
    cx: Context<'_>,
    name: &[u8],
    rest: &'a [u8],
    items: &mut Vec<Item<'a>>,
) -> Option<Rest<'a>> {
    Some(match name {
        b"UID" => uniqueid(cx, rest).map(push(items, Item::Uid)),
        b"FLAGS" => value_sp(cx, rest).and_then(|rest| flags(cx, rest)).map(push(items, Item::Flags)),
        b"ENVELOPE" => msg_att_envelope(cx, rest, items),
        b"INTERNALDATE" => value_sp(cx, rest).and_then(date_time).map(push(items, Item::InternalDate)),
        b"RFC822.SIZE" => sp(rest).and_then(|(rest, ())| odd_number(cx, rest)).map(push(items, Item::Size)),
        _ => return None,
    })
}

/// [`Known`] for all items
pub(super) fn any_item<'a>(
    cx: Context<'_>,
    name: &[u8],
    rest: &'a [u8],
    items: &mut Vec<Item<'a>>,
) -> Option<Rest<'a>> {
    Some(match name {
        b"BODYSTRUCTURE" => msg_att_structure(cx, true, rest, items),
        b"BODY" if matches!(rest, [b'[', ..]) => msg_att_section(cx, rest).map(push(items, |item| item)),
        b"BODY" => msg_att_structure(cx, false, rest, items),
        b"MODSEQ" => permsg_modsequence(cx, rest).map(push(items, Item::ModSeq)),
        b"BINARY" => msg_att_binary(cx, rest).map(push(items, |item| item)),
        b"BINARY.SIZE" => msg_att_binary_size(cx, rest).map(push(items, |item| item)),
        b"RFC822" | b"RFC822.PEEK" | b"BODY.PEEK" if matches!(rest, [b'[', ..]) => {
            odd_section(cx, rest).map(push(items, |item| item))
        }
        b"RFC822" => data(cx, rest).map(push(items, Item::Rfc822)),
        b"RFC822.HEADER" => data(cx, rest).map(push(items, Item::Rfc822Header)),
        b"RFC822.TEXT" => data(cx, rest).map(push(items, Item::Rfc822Text)),
        b"EMAILID" | b"THREADID" => identity(cx, name, rest).map(push(items, |item| item)),
        b"SAVEDATE" => save_date(cx, rest).map(push(items, |item| item)),
        b"PREVIEW" => value_sp(cx, rest).and_then(nstring).map(push(items, Item::Preview)),
        b"X-GM-MSGID" => {
            sp(rest).and_then(|(rest, ())| number64(rest)).map(push(items, Item::GmailMessageId))
        }
        b"X-GM-THRID" => sp(rest).and_then(|(rest, ())| number64(rest)).map(push(items, Item::GmailThreadId)),
        b"X-GM-LABELS" => {
            value_sp(cx, rest).and_then(|rest| texts(cx, rest)).map(push(items, Item::GmailLabels))
        }
        _ => return summary_item(cx, name, rest, items),
    })
}

/// The space in front of a value. Some servers leave it out where the value shows where it begins
#[inline]
fn value_sp<'a>(cx: Context<'_>, input: &'a [u8]) -> Rest<'a> {
    match input {
        [b'(' | b'"' | b'{', ..] => overlook(cx.quirks.spacing, input, "SP").map(|()| input),
        _ => sp(input).map(|(rest, ())| rest),
    }
}

/// Creates an item of `value` in place. `push` would create it elsewhere and copy it, so that it can be dropped if
/// there is no room.
#[inline(always)]
fn put<'a, T>(items: &mut Vec<Item<'a>>, value: T, item: impl FnMut(T) -> Item<'a>) {
    items.extend(Some(value).into_iter().map(item));
}

/// Adds what was found to the items, and returns the rest
#[inline]
fn push<'a, 'v, T>(
    items: &'v mut Vec<Item<'a>>,
    item: impl Fn(T) -> Item<'a> + 'v,
) -> impl FnOnce((&'a [u8], T)) -> &'a [u8] + 'v {
    move |(rest, value)| {
        items.push(item(value));
        rest
    }
}

/// `"ENVELOPE" SP envelope`, without the name
fn msg_att_envelope<'a>(cx: Context<'_>, input: &'a [u8], items: &mut Vec<Item<'a>>) -> Rest<'a> {
    let rest = value_sp(cx, input)?;
    put(items, (), |()| Item::Envelope(Envelope::default()));
    match items.last_mut() {
        Some(Item::Envelope(to)) => envelope(cx, rest, to),
        _ => Ok(rest),
    }
}

/// `"BODY" ["STRUCTURE"] SP body`, without the name
fn msg_att_structure<'a>(
    cx: Context<'_>,
    extended: bool,
    input: &'a [u8],
    items: &mut Vec<Item<'a>>,
) -> Rest<'a> {
    let rest = value_sp(cx, input)?;
    items.push(Item::BodyStructure { extended, structure: Box::new(BodyStructure::EMPTY) });
    match items.last_mut() {
        Some(Item::BodyStructure { structure, .. }) => body(cx, rest, structure),
        _ => Ok(rest),
    }
}

/// `"UID" SP uniqueid`, without the name
fn uniqueid<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, u32> {
    let (rest, uid) = odd_number(cx, sp(input)?.0)?;
    u32::try_from(uid).map_or_else(|_| fail(input, "uniqueid"), |uid| Ok((rest, uid)))
}

/// `"MODSEQ" SP "(" permsg-modsequence ")"` (RFC 7162), without the name
fn permsg_modsequence<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, u64> {
    delimited(opening("("), |input| odd_number(cx, input), closing).parse(value_sp(cx, input)?)
}

/// `"EMAILID" SP "(" objectid ")"`, `"THREADID" SP ("(" objectid ")" / nil)` (RFC 8474), without the name
fn identity<'a>(cx: Context<'_>, name: &[u8], input: &'a [u8]) -> Res<'a, Item<'a>> {
    let rest = value_sp(cx, input)?;
    if let (b"THREADID", Ok((rest, ()))) = (name, nil(rest)) {
        return Ok((rest, Item::ThreadId(None)));
    }
    let (rest, id) = delimited(opening("("), objectid, closing).parse(rest)?;
    Ok((rest, if name == b"THREADID" { Item::ThreadId(Some(id)) } else { Item::EmailId(id) }))
}

/// `"SAVEDATE" SP (date-time / nil)` (RFC 8514), without the name
fn save_date<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Item<'a>> {
    let rest = value_sp(cx, input)?;
    match nil(rest) {
        Ok((rest, ())) => Ok((rest, Item::SaveDate(None))),
        Err(_) => date_time(rest).map(|(rest, date)| (rest, Item::SaveDate(Some(date)))),
    }
}

/// The name of an unknown item, with what is in brackets behind it
fn item_name(input: &[u8]) -> Res<'_, &[u8]> {
    let (mut rest, name) = token(input)?;
    let Some(open) = memchr(b'[', name) else { return Ok((rest, name)) };
    let bracket = input.get(open..).unwrap_or_default();
    rest = bracket;
    loop {
        rest = match rest {
            [b']', ..] => break,
            [b'"', ..] => quoted_raw(rest)?.0,
            [b'{', ..] => literal(rest)?.0,
            [b'\r' | b'\n', ..] | [] => return fail(bracket, "]"),
            [_, after @ ..] => after,
        };
    }
    rest = token(rest)?.0;
    Ok((rest, input.get(..input.len().saturating_sub(rest.len())).unwrap_or_default()))
}

/// `"BODY" section ["<" number ">"] SP nstring`
fn msg_att_section<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Item<'a>> {
    let (rest, section) = section(input)?;
    let (rest, origin) = origin(cx, rest)?;
    let (rest, data) = data(cx, rest)?;
    Ok((rest, Item::Body { section, origin, data }))
}

/// A section with the name that the client asked for, or with one that has no section: `BODY.PEEK[]`, `RFC822[]`.
#[cold]
fn odd_section<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Item<'a>> {
    overlook(cx.quirks.odd_section, input, "SP")?;
    msg_att_section(cx, input)
}

/// `"BINARY" section-binary ["<" number ">"] SP (nstring / literal8)` (RFC 3516)
fn msg_att_binary<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Item<'a>> {
    let (rest, part) = section_binary(input)?;
    let (rest, origin) = origin(cx, rest)?;
    let (rest, data) = data(cx, rest)?;
    Ok((rest, Item::Binary { part, origin, data }))
}

/// `"BINARY.SIZE" section-binary SP number` (RFC 3516)
fn msg_att_binary_size<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Item<'a>> {
    let (rest, part) = section_binary(input)?;
    let (rest, size) = odd_number(cx, sp(rest)?.0)?;
    Ok((rest, Item::BinarySize { part, size }))
}

/// `SP nstring` and `literal8`; with the quirk, nothing at all counts as NIL
fn data<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Option<Text<'a>>> {
    match spaces(input) {
        rest @ [b')', ..] => overlook(cx.quirks.wrong_nil, rest, "nstring").map(|()| (rest, None)),
        rest => nstring(rest),
    }
}

/// `"<" number ">"`, if it is there. Some servers repeat the length behind the number, as the client asked for it
fn origin<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Option<u64>> {
    let length = |input| {
        let (rest, _) = preceded(octet(b'.', "."), number64).parse(input)?;
        overlook(cx.quirks.odd_section, input, ">").map(|()| (rest, ()))
    };
    opt(delimited(octet(b'<', "<"), terminated(number64, opt(length)), octet(b'>', ">"))).parse(input)
}

/// `section-binary = "[" [section-part] "]"`
fn section_binary(input: &[u8]) -> Res<'_, Part<'_>> {
    delimited(octet(b'[', "["), section_part, octet(b']', "]")).parse(input)
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
    // The dot belongs to `MIME`, which follows.
    let text = text.strip_suffix(b".").unwrap_or(text);
    let part = core::str::from_utf8(text).ok().and_then(|text| Part::parse(text).ok());
    let rest = input.get(text.len()..).unwrap_or_default();
    part.map_or_else(|| fail(input, "section-part"), |part| Ok((rest, part)))
}

/// `header-list = "(" header-fld-name *(SP header-fld-name) ")"`
fn header_list(input: &[u8]) -> Res<'_, Vec<Text<'_>>> {
    delimited(opening("header-list"), many0(spaced(astring)), closing).parse(input)
}

/// `date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE`
fn date_time(input: &[u8]) -> Res<'_, DateTime> {
    let (rest, text) = match input {
        [b'"', ..] => quoted(input)?,
        _ => nstring(input).map(|(rest, text)| (rest, text.unwrap_or_default()))?,
    };
    parse_date_time(&text).map_or_else(|_| fail(input, "date-time"), |date| Ok((rest, date)))
}
