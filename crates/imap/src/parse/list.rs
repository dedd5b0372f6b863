//! Reads the elements of a [`List`](crate::List) out of octets that were checked before.

use alloc::vec::Vec;

use super::{
    Context, Fault, Res, Rest, fail, overlook,
    scan::{
        astring, behind_quote, digits, known, literal, nil, nil_to, nstring_to, number, number64, opening,
        plain_nstring, plain_number, quoted, quoted_raw, quoted_until, sp, spaces, token, unescaped_to,
        unquoted, value, value_within, word,
    },
    swar::{ends_word, find_mark, word_end, words_end},
};
use crate::{Address, Atom, Capability, Element, Flag, List, Param, StatusItem, Text};

/// Skips any spaces, and takes what `element` reads off `raw`. A list in parentheses is kept with everything behind it,
/// so that even its last elements can be searched eight octets at a time.
#[inline(always)]
fn next<'a, T>(raw: &mut &'a [u8], element: impl FnOnce(&'a [u8]) -> Res<'a, T>) -> Option<T> {
    let (rest, found) = match spaces(raw) {
        [] | [b')', ..] => return None,
        behind => element(behind).ok()?,
    };
    *raw = rest;
    Some(found)
}

// The usual case is read inline, the rest in a function of its own.

impl<'a> Element<'a> for Flag<'a> {
    #[inline]
    fn read(raw: &mut &'a [u8]) -> Option<Self> {
        if let [b')', ..] | [] = raw {
            return None;
        }
        match plain_flag(raw) {
            Some((flag, rest)) => {
                *raw = rest;
                Some(flag)
            }
            None => any_flag(raw),
        }
    }
}

#[inline(never)]
fn any_flag<'a>(raw: &mut &'a [u8]) -> Option<Flag<'a>> {
    let rest = spaces(raw);
    match rest.split_at_checked(word_end(rest))? {
        ([], _) => None,
        (word, rest) => {
            *raw = rest;
            Some(flag_of(word))
        }
    }
}

impl<'a> Element<'a> for Capability<'a> {
    fn read(raw: &mut &'a [u8]) -> Option<Self> {
        // Skips what is no word. These octets were not checked before.
        let start = raw.iter().position(|&octet| !ends_word(octet))?;
        let words = raw.get(start..)?;
        let (word, rest) = words.split_at_checked(word_end(words))?;
        *raw = rest;
        Some(Capability::of(word))
    }
}

impl<'a> Element<'a> for u32 {
    #[inline]
    fn read(raw: &mut &'a [u8]) -> Option<Self> {
        match plain_number(raw) {
            Some((number, [b' ', rest @ ..])) => {
                *raw = rest;
                Some(number)
            }
            _ => next(raw, number),
        }
    }
}

impl<'a> Element<'a> for StatusItem<'a> {
    fn read(raw: &mut &'a [u8]) -> Option<Self> {
        match plain_status(raw) {
            Some((item, rest)) => {
                *raw = rest;
                Some(item)
            }
            None => next(raw, status_att_val),
        }
    }
}

impl<'a> Element<'a> for Param<'a> {
    #[inline]
    fn read(raw: &mut &'a [u8]) -> Option<Self> {
        match raw {
            [b'"', ..] => plain_param(raw).or_else(|| any_param(raw)),
            [b')', ..] | [] => None,
            _ => any_param(raw),
        }
    }
}

#[inline(never)]
fn any_param<'a>(raw: &mut &'a [u8]) -> Option<Param<'a>> {
    next(raw, param)
}

impl<'a> Element<'a> for Text<'a> {
    fn read(raw: &mut &'a [u8]) -> Option<Self> {
        next(raw, astring)
    }
}

impl<'a> Element<'a> for Address<'a> {
    #[inline]
    fn read(raw: &mut &'a [u8]) -> Option<Self> {
        match raw {
            [b')', ..] | [] => None,
            _ => address(raw),
        }
    }
}

/// `address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"`
///
/// Nearly all are plain, and are read without the copies of the general way.
#[inline(never)]
fn address<'a>(raw: &mut &'a [u8]) -> Option<Address<'a>> {
    if let [b'(', rest @ ..] = *raw
        && let Some((name, rest)) = plain_to(rest, b' ')
        && let Some((route, rest)) = plain_to(rest, b' ')
        && let Some((mailbox, rest)) = plain_to(rest, b' ')
        && let Some((host, rest)) = plain_to(rest, b')')
    {
        *raw = rest;
        return Some(Address {
            name: name.map(Text::of),
            route: route.map(Text::of),
            mailbox: mailbox.map(Text::of),
            host: host.map(Text::of),
        });
    }
    escaped_address(raw).or_else(|| any_address_of(raw))
}

#[inline(never)]
fn any_address_of<'a>(raw: &mut &'a [u8]) -> Option<Address<'a>> {
    next(raw, odd_address)
}

/// A frequent flag in its usual spelling, with its space. Returns what follows.
#[inline(always)]
fn plain_flag(raw: &[u8]) -> Option<(Flag<'_>, &[u8])> {
    const fn octets(text: &[u8; 8]) -> u64 {
        u64::from_le_bytes(*text)
    }
    let (eight, rest) = raw.split_first_chunk::<8>()?;
    let eight = octets(eight);
    let (flag, rest) = if eight & octets(b"\xff\xff\xff\xff\xff\0\0\0") == octets(b"\\Seen\0\0\0") {
        (Flag::Seen, raw.get(5..)?)
    } else if eight == octets(b"\\Answere") {
        (Flag::Answered, rest.strip_prefix(b"d")?)
    } else if eight == octets(b"\\Flagged") {
        (Flag::Flagged, rest)
    } else if eight == octets(b"\\Deleted") {
        (Flag::Deleted, rest)
    } else if eight & octets(b"\xff\xff\xff\xff\xff\xff\0\0") == octets(b"\\Draft\0\0") {
        (Flag::Draft, raw.get(6..)?)
    } else if eight & octets(b"\xff\xff\xff\xff\xff\xff\xff\0") == octets(b"\\Recent\0") {
        (Flag::Recent, raw.get(7..)?)
    } else {
        return None;
    };
    match rest {
        [b' ', rest @ ..] => Some((flag, rest)),
        [b')', ..] => Some((flag, rest)),
        _ => None,
    }
}

/// `flag = "\Answered" / … / flag-keyword / flag-extension`, and `mbx-list-flags`
fn flag_of(word: &[u8]) -> Flag<'_> {
    match word {
        b"\\*" => Flag::Any,
        [b'\\', name @ ..] => Flag::system(Atom::of(name)),
        word => Flag::Keyword(Atom::of(word)),
    }
}

/// A value that nearly every client asks for, as nearly every server writes it, with its space. Returns what follows.
#[inline]
fn plain_status(raw: &[u8]) -> Option<(StatusItem<'_>, &[u8])> {
    const fn octets(text: &[u8; 8]) -> u64 {
        u64::from_le_bytes(*text)
    }
    const SEVEN: u64 = octets(b"\xff\xff\xff\xff\xff\xff\xff\0");
    let (eight, rest) = raw.split_first_chunk::<8>()?;
    let eight = octets(eight);
    let (item, rest): (fn(u32) -> StatusItem<'static>, _) = if eight == octets(b"MESSAGES") {
        (StatusItem::Messages, rest.strip_prefix(b" ")?)
    } else if eight & SEVEN == octets(b"UNSEEN \0") {
        (StatusItem::Unseen, raw.get(7..)?)
    } else if eight == octets(b"UIDNEXT ") {
        (StatusItem::UidNext, rest)
    } else if eight == octets(b"UIDVALID") {
        (StatusItem::UidValidity, rest.strip_prefix(b"ITY ")?)
    } else if eight & SEVEN == octets(b"RECENT \0") {
        (StatusItem::Recent, raw.get(7..)?)
    } else {
        return None;
    };
    let (rest, number) = number(rest).ok()?;
    match rest {
        [b' ', b' ', ..] => None,
        [b' ', rest @ ..] | rest @ [b')', ..] => Some((item(number), rest)),
        _ => None,
    }
}

/// `status-att-val = ("MESSAGES" SP number) / …` (RFC 9051 section 9)
fn status_att_val(input: &[u8]) -> Res<'_, StatusItem<'_>> {
    let (name, rest) = word(input);
    let (rest, ()) = sp(rest)?;
    let (after, raw, large) = match number64(rest) {
        // Nearly all values are numbers.
        Ok((after @ ([b' ' | b')', ..] | []), number)) => {
            (after, rest.get(..rest.len().saturating_sub(after.len())).unwrap_or_default(), Some(number))
        }
        _ => {
            // Its depth was checked before.
            let (after, raw) = value_within(u8::MAX, rest)?;
            let number = number64(raw).ok().filter(|(left, _)| left.is_empty()).map(|(_, number)| number);
            (after, raw, number)
        }
    };
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
            id.map(|id| StatusItem::MailboxId(Text::of(id.trim_ascii())))
        }
        _ => None,
    });
    Ok((after, item.unwrap_or(StatusItem::Other { name: Text::of(name), value: Text::of(raw) })))
}

/// `[status-att-list] ")"`
pub(crate) fn status_att_list<'a>(cx: Context<'_>, inside: &'a [u8]) -> Res<'a, List<'a, StatusItem<'a>>> {
    list(inside, |rest| match plain_status(rest) {
        Some((_, rest)) => Ok(rest),
        None => status_att_end(cx, rest),
    })
}

/// The end of a `status-att-val`
fn status_att_end<'a>(cx: Context<'_>, input: &'a [u8]) -> Rest<'a> {
    match word(input) {
        ([], _) => Err(nom::Err::Error(Fault { at: input, rule: "status-att" })),
        (_, rest) => {
            let (rest, ()) = sp(rest)?;
            match digits(rest) {
                ([_, ..], rest @ [b' ' | b')', ..]) => Ok(rest),
                _ => Ok(value(cx, rest)?.0),
            }
        }
    }
}

/// `"(" [flag *(SP flag)] ")"`
pub(crate) fn flags<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, List<'a, Flag<'a>>> {
    let [b'(', inside @ ..] = input else {
        let Ok((rest, ())) = nil(input) else { return fail(input, "flag-list") };
        return overlook(cx.quirks.wrong_nil, input, "flag-list").map(|()| (rest, List::EMPTY));
    };
    match plain_flags(inside) {
        Some((list, rest)) => Ok((rest, list)),
        None => list(inside, |rest| token(rest).map(|(rest, _)| rest)),
    }
}

/// `[flag *(SP flag)] ")"`. `None` if anything in it is unusual
#[inline(always)]
pub(crate) fn plain_flags(inside: &[u8]) -> Option<(List<'_, Flag<'_>>, &[u8])> {
    let mut rest = inside;
    while let Some((_, behind)) = plain_flag(rest) {
        rest = behind;
    }
    if let [b')', behind @ ..] = rest {
        return Some((List::raw(inside), behind));
    }
    match rest.get(words_end(rest)..) {
        Some([b')', behind @ ..]) => Some((List::raw(inside), behind)),
        _ => None,
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

/// `string SP nstring *(SP string SP nstring) ")"`, or only the `)`
pub(crate) fn params<'a>(cx: Context<'_>, inside: &'a [u8]) -> Res<'a, List<'a, Param<'a>>> {
    match plain_params(inside) {
        Some((list, rest)) => Ok((rest, list)),
        None => odd_params(cx, inside),
    }
}

/// The same. `None` if anything in them is unusual
#[inline]
pub(crate) fn plain_params(inside: &[u8]) -> Option<(List<'_, Param<'_>>, &[u8])> {
    let mut rest = inside;
    loop {
        rest = match plain_nstring(rest)? {
            [b' ', rest @ ..] => rest,
            [b')', rest @ ..] => return Some((List::raw(inside), rest)),
            _ => return None,
        };
    }
}

/// [`params`] that are not all quoted, or have quotes inside
#[cold]
fn odd_params<'a>(cx: Context<'_>, inside: &'a [u8]) -> Res<'a, List<'a, Param<'a>>> {
    let found = list(inside, separate);
    match with_quotes_inside(inside) {
        Some((rest, params)) if found.is_err() => {
            overlook(cx.quirks.stray_quote, inside, "quoted").map(|()| (rest, params))
        }
        _ => found.or_else(|_| list(inside, nastring_end)),
    }
}

/// The end of an `nstring`, or of a word in place of one, with a space or the end of the list
fn separate(input: &[u8]) -> Rest<'_> {
    match nastring_end(input)? {
        rest @ [b' ' | b')', ..] => Ok(rest),
        rest => fail(rest, "SP").map(|(rest, ())| rest),
    }
}

/// Parameters whose values have quotes inside that should have been escaped (`"NAME" "5" pipe.pdf"`). Each string ends
/// where another one begins, or the list ends. They are held in memory, so their number is limited.
fn with_quotes_inside(inside: &[u8]) -> Option<(&[u8], List<'_, Param<'_>>)> {
    fn nstring(input: &[u8]) -> Res<'_, Option<Text<'_>>> {
        match input {
            [b'"', ..] => careful(input).map(|(rest, (text, escaped))| (rest, Some(unquoted(text, escaped)))),
            _ => nastring(input),
        }
    }
    let ends =
        |rest: &[u8]| matches!(rest, [b' ', b'"' | b'{' | b'N' | b'n', ..] | [b')', ..] | [b' ', b')', ..]);
    let (mut rest, mut found) = (spaces(inside), Vec::new());
    loop {
        if let [b')', after @ ..] = rest {
            return Some((after, List::from(found)));
        }
        let (after, name) = nstring(rest).ok()?;
        let (after, value) = nstring(spaces(after)).ok()?;
        if !ends(after) || found.len() == 64 {
            return None;
        }
        found.push(Param { name: name.unwrap_or_default(), value });
        rest = spaces(after);
    }
}

/// A quoted string up to the quote that is followed by another string, NIL or the end of the list
fn careful(input: &[u8]) -> Res<'_, (&[u8], bool)> {
    let ends = |rest: &[u8]| match rest {
        [b' ', b'"' | b'{' | b')' | b'(', ..] | [b')', ..] => true,
        [b' ', rest @ ..] => nil(rest).is_ok_and(|(rest, ())| matches!(rest, [b' ' | b')', ..])),
        _ => false,
    };
    quoted_until(input, ends)
}

/// Elements with spaces between them, and the `)`
fn list<'a, T>(inside: &'a [u8], element: impl Fn(&'a [u8]) -> Rest<'a>) -> Res<'a, List<'a, T>> {
    let mut rest = spaces(inside);
    loop {
        if let [b')', after @ ..] = rest {
            return Ok((after, List::raw(inside)));
        }
        rest = spaces(element(rest)?);
    }
}

/// `string SP string` and the space behind it. `None` if anything in it is unusual
#[inline(always)]
fn plain_param<'a>(raw: &mut &'a [u8]) -> Option<Param<'a>> {
    let (name, rest) = plain_text_to(raw, b' ')?;
    let [b'"', inner @ ..] = rest else { return None };
    let (value, rest) = inner.split_at_checked(find_mark(inner))?;
    *raw = match rest {
        [b'"', b' ', rest @ ..] => rest,
        [b'"', rest @ ..] if matches!(rest, [b')', ..]) => rest,
        _ => return None,
    };
    Some(Param { name: name?, value: Some(Text::of(value)) })
}

/// A name and a value of `body-fld-param` or `id-params-list`
fn param(input: &[u8]) -> Res<'_, Param<'_>> {
    let (rest, name) = nastring(input)?;
    let (rest, value) = match spaces(rest) {
        [] | [b')', ..] => (rest, None),
        rest => nastring(rest)?,
    };
    Ok((rest, Param { name: name.unwrap_or_default(), value }))
}

/// `nstring`, or a word where a string should be
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

/// The end of an `nstring`, or of a word in place of one
#[inline]
pub(crate) fn nastring_end(input: &[u8]) -> Rest<'_> {
    match plain_nstring_end(input) {
        Some(rest) => Ok(rest),
        None => odd_nstring_end(input),
    }
}

/// The end of NIL or a quoted string. `None` if anything in it is unusual
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

/// [`address`], with or without escapes. `None` if anything else in it is unusual
fn escaped_address<'a>(raw: &mut &'a [u8]) -> Option<Address<'a>> {
    let [b'(', rest @ ..] = *raw else { return None };
    let (mut rest, mut fields) = (rest, [const { None }; 4]);
    for (field, end) in fields.iter_mut().zip(ADDRESS_ENDS) {
        (*field, rest) = text_to(rest, end)?;
    }
    *raw = rest;
    let [name, route, mailbox, host] = fields;
    Some(Address { name, route, mailbox, host })
}

/// The end of an address. `None` if anything in it is unusual
#[inline(always)]
pub(crate) fn plain_address_end(input: &[u8]) -> Option<&[u8]> {
    let [b'(', rest @ ..] = input else { return None };
    ADDRESS_ENDS.iter().try_fold(rest, |rest, end| nstring_to(rest, *end))
}

/// What follows each field of an address.
const ADDRESS_ENDS: [u8; 4] = *b"   )";

/// [`plain_text_to`], with or without escapes
fn text_to(input: &[u8], end: u8) -> Option<(Option<Text<'_>>, &[u8])> {
    let [b'"', inner @ ..] = input else { return nil_to(input, end).map(|rest| (None, rest)) };
    let (text, rest) = inner.split_at_checked(find_mark(inner))?;
    match behind_quote(rest, end) {
        Some(rest) => Some((Some(Text::of(text)), rest)),
        None if rest.starts_with(b"\\") => unescaped_to(inner, end).map(|(text, rest)| (Some(text), rest)),
        None => None,
    }
}

/// [`plain_to`] as a text
#[inline(always)]
fn plain_text_to(input: &[u8], end: u8) -> Option<(Option<Text<'_>>, &[u8])> {
    plain_to(input, end).map(|(text, rest)| (text.map(Text::of), rest))
}

/// NIL or a quoted string with `end` behind it. Returns its value, and what follows
#[inline(always)]
fn plain_to(input: &[u8], end: u8) -> Option<(Option<&[u8]>, &[u8])> {
    let [b'"', inner @ ..] = input else { return nil_to(input, end).map(|rest| (None, rest)) };
    let (text, rest) = inner.split_at_checked(find_mark(inner))?;
    behind_quote(rest, end).map(|rest| (Some(text), rest))
}

/// [`escaped_address`] with anything unusual in it, or NIL in its place
#[cold]
fn odd_address(input: &[u8]) -> Res<'_, Address<'_>> {
    let (rest, (raw, _)) = any_address(input)?;
    let [name, route, mailbox, host] = raw.map(|raw| raw.map(|(text, escaped)| unquoted(text, escaped)));
    Ok((rest, Address { name, route, mailbox, host }))
}

/// The fields of an address, whatever is unusual about them, and how they were found
pub(crate) fn any_address(input: &[u8]) -> Res<'_, ([Raw<'_>; 4], Fields)> {
    let mut rest = input;
    while let Ok((after, ())) = nil(rest) {
        rest = spaces(after);
    }
    let (inside, ()) = opening("address")(rest)?;
    match address_fields(inside, quoted_raw) {
        Ok((rest, (raw, 4))) => Ok((rest, (raw, Fields::All))),
        found => match address_fields(inside, careful) {
            Ok((rest, (raw, 4))) => Ok((rest, (raw, Fields::WithQuotes))),
            _ => found.map(|(rest, (raw, _))| (rest, (raw, Fields::Other))),
        },
    }
}

/// How the fields of an address were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fields {
    /// There are four.
    All,
    /// There are four, if quotes inside do not end a field.
    WithQuotes,
    /// There are more or fewer than four.
    Other,
}

/// A string as it came, and whether it has an escape or a line break in it. `None` for NIL.
type Raw<'a> = Option<(&'a [u8], bool)>;

/// The fields of an address, with spaces between them, their number, and the `)`
fn address_fields<'a>(
    inside: &'a [u8],
    quoted: fn(&'a [u8]) -> Res<'a, (&'a [u8], bool)>,
) -> Res<'a, ([Raw<'a>; 4], usize)> {
    let (mut rest, mut count) = (inside, 0_usize);
    let mut fields = [None; 4];
    loop {
        let (after, raw) = match rest {
            [b')', after @ ..] => return Ok((after, (fields, count))),
            [b'"', ..] if count == 3 => host(rest).map(|(rest, raw)| (rest, Some(raw)))?,
            [b'"', ..] => quoted(rest).map(|(rest, raw)| (rest, Some(raw)))?,
            [b'{', ..] | [b'~', b'{', ..] => literal(rest).map(|(rest, data)| (rest, Some((data, false))))?,
            _ => match token(rest)? {
                (rest, word) if word.eq_ignore_ascii_case(b"NIL") => (rest, None),
                (rest, word) => (rest, Some((word, false))),
            },
        };
        if !matches!(after, [b' ' | b')', ..]) {
            return fail(after, "SP");
        }
        if let Some(field) = fields.get_mut(count) {
            *field = raw;
        }
        count = count.saturating_add(1);
        rest = spaces(after);
    }
}

/// `addr-host` in quotes
///
/// No host has a quote in it, so a quote with a backslash in front ends the string if the parenthesis follows
/// (`Quirks::stray_quote`).
fn host(input: &[u8]) -> Res<'_, (&[u8], bool)> {
    let found = quoted_raw(input);
    if let Ok((_, (_, false))) = found {
        return found;
    }
    let inner = input.get(1..).unwrap_or_default();
    match inner.windows(3).position(|three| three == b"\\\")").and_then(|end| inner.split_at_checked(end)) {
        Some((text, rest)) if !text.contains(&b'"') => Ok((rest.get(2..).unwrap_or_default(), (text, false))),
        _ => found,
    }
}
