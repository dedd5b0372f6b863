//! `response`, and the untagged responses that are no status (RFC 9051 sections 7.2 to 7.5).

use alloc::{boxed::Box, vec::Vec};

use nom::{
    Parser,
    branch::alt,
    bytes::complete::tag_no_case,
    combinator::opt,
    multi::many0,
    sequence::{delimited, preceded, terminated},
};

use super::{
    Context, Res, Rest,
    element::{delimiter, mailbox},
    extension, fail,
    fetch::{Known, any_item, msg_att, summary_item},
    list::{flags, status_att_list},
    overlook,
    scan::{
        astring, closing, known, line_end, nil, number, number64, opening, plain_number, quoted_whole,
        rest_of_line, sp, spaced, spaces, token, value, word,
    },
    status::{bare_code, capability_list, continue_req, resp_cond, response_tagged, uid_set},
    swar::short_numbers,
};
use crate::{Data, Esearch, Fetch, Found, List, Listed, Mailbox, Response, SequenceSet, StatusItem, Text};

/// `response-data / continue-req / response-done`
pub(super) fn response<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Response<'a>> {
    if let Some(fetch) = plain_fetch(cx, any_item, input) {
        return fetch.map(|(rest, fetch)| (rest, Response::Untagged(Data::Fetch(fetch))));
    }
    match input {
        [b'*', rest @ ..] => {
            let (rest, ()) = sp(rest)?;
            let (rest, data) = response_data(cx, rest)?;
            let (rest, ()) = line_end(rest)?;
            Ok((rest, Response::Untagged(data)))
        }
        [b'+', ..] => continue_req(cx, input),
        [b'[', ..] => bare_code(cx, input).map(|(rest, line)| (rest, Response::Untagged(Data::Status(line)))),
        _ => response_tagged(cx, input),
    }
}

/// `"*" SP nz-number SP "FETCH" SP msg-att CRLF`, which most responses are. `None` for others, and if there are more
/// spaces
#[inline(always)]
fn plain_fetch<'a>(cx: Context<'_>, items: Known, input: &'a [u8]) -> Option<Res<'a, Fetch<'a>>> {
    let (number, rest) = plain_number(input.strip_prefix(b"* ")?)?;
    if rest.first_chunk()? != b" FETCH (" {
        return None;
    }
    let mut found = Vec::new();
    Some(match msg_att(cx, items, rest.get(7..)?, &mut found) {
        Ok(b"\r\n") => Ok((&[], Fetch { number, items: found })),
        Ok(rest) => line_end(rest).map(|(rest, ())| (rest, Fetch { number, items: found })),
        Err(error) => Err(error),
    })
}

/// `"*" SP message-data CRLF` with the items of a listing. `None` for any other response, which is not parsed
pub(super) fn summary_data<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Option<Data<'a>>> {
    if let Some(fetch) = plain_fetch(cx, summary_item, input) {
        return fetch.map(|(rest, fetch)| (rest, Some(Data::Fetch(fetch))));
    }
    let Some((rest, ())) = input.strip_prefix(b"*").and_then(|rest| sp(rest).ok()) else {
        return Ok((&[], None));
    };
    let [b'0'..=b'9', ..] = rest else { return Ok((&[], None)) };
    let (rest, data) = message_data(cx, summary_item, rest)?;
    let (rest, ()) = line_end(rest)?;
    Ok((rest, Some(data)))
}

/// `response-data = "*" SP (resp-cond-state / resp-cond-bye / mailbox-data / message-data / capability-data /
/// enable-data) CRLF`, without its first two and the last
fn response_data<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Data<'a>> {
    if let [b'0'..=b'9', ..] = input {
        return message_data(cx, any_item, input);
    }
    if let [b'[', ..] = input {
        return bare_code(cx, input).map(|(rest, line)| (rest, Data::Status(line)));
    }
    let (name, after) = word(input);
    ends_word(cx, after)?;
    let arguments = spaces(after);
    let parsed = known(name, |name| {
        Some(match name {
            b"LIST" | b"XLIST" => mailbox_list(cx, arguments).map(|(rest, list)| (rest, Data::List(list))),
            b"LSUB" => mailbox_list(cx, arguments).map(|(rest, list)| (rest, Data::Lsub(list))),
            b"STATUS" => mailbox_status(cx, arguments),
            b"FLAGS" => flags(cx, arguments).map(|(rest, flags)| (rest, Data::Flags(flags))),
            b"SEARCH" => search.map(Data::Search).parse(arguments),
            b"SORT" => search.map(Data::Sort).parse(arguments),
            b"ESEARCH" => esearch(cx, arguments).map(|(rest, found)| (rest, Data::Esearch(Box::new(found)))),
            b"VANISHED" => vanished(arguments),
            b"CAPABILITY" => {
                capability_list(cx, arguments).map(|(rest, list)| (rest, Data::Capability(list)))
            }
            b"ENABLED" => capability_list(cx, arguments).map(|(rest, list)| (rest, Data::Enabled(list))),
            b"OK" | b"NO" | b"BAD" | b"BYE" | b"PREAUTH" => {
                resp_cond(cx, input).map(|(rest, line)| (rest, Data::Status(line)))
            }
            b"THREAD" => extension::thread(arguments),
            b"ID" => extension::id(cx, arguments),
            b"NAMESPACE" => extension::namespace(cx, arguments),
            b"QUOTA" => extension::quota(arguments),
            b"QUOTAROOT" => extension::quota_root(arguments),
            b"ACL" => extension::acl(arguments),
            b"LISTRIGHTS" => extension::list_rights(arguments),
            b"MYRIGHTS" => extension::my_rights(arguments),
            b"METADATA" => extension::metadata(arguments),
            b"LANGUAGE" => extension::language(cx, arguments),
            b"" => fail(input, "response-data"),
            _ => return None,
        })
    });
    let other = || {
        Ok((
            &[][..],
            Data::Other { number: None, keyword: Text::of(name), rest: Text::of(rest_of_line(arguments)) },
        ))
    };
    parsed.unwrap_or_else(other)
}

/// `message-data = nz-number SP ("EXPUNGE" / ("FETCH" SP msg-att))`, `number SP "EXISTS"`, `number SP "RECENT"`
fn message_data<'a>(cx: Context<'_>, items: Known, input: &'a [u8]) -> Res<'a, Data<'a>> {
    let (rest, number) = number(input)?;
    let (rest, ()) = sp(rest)?;
    let (name, rest) = word(rest);
    ends_word(cx, rest)?;
    let fetch = || {
        let mut found = Vec::new();
        msg_att(cx, items, spaces(rest), &mut found).map(|rest| (rest, Fetch { number, items: found }))
    };
    let parsed = known(name, |name| {
        Some(match name {
            b"FETCH" => fetch().map(|(rest, fetch)| (rest, Data::Fetch(fetch))),
            b"EXISTS" => Ok((rest, Data::Exists(number))),
            b"RECENT" => Ok((rest, Data::Recent(number))),
            b"EXPUNGE" => Ok((rest, Data::Expunge(number))),
            b"UIDFETCH" => fetch().map(|(rest, fetch)| (rest, Data::UidFetch(fetch))),
            b"" => fail(rest, "message-data"),
            _ => return None,
        })
    });
    let other = || {
        let (keyword, rest) = (Text::of(name), Text::of(rest_of_line(spaces(rest))));
        Ok((&[][..], Data::Other { number: Some(number), keyword, rest }))
    };
    parsed.unwrap_or_else(other)
}

/// Checks that a keyword ends where it seems to
fn ends_word<'a>(cx: Context<'_>, after: &'a [u8]) -> Rest<'a> {
    match after {
        [] | [b' ' | b'\r' | b'\n', ..] => Ok(after),
        _ => overlook(cx.quirks.spacing, after, "SP").map(|()| after),
    }
}

/// `mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox [SP mbox-list-extended]`
fn mailbox_list<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Listed<'a>> {
    let (rest, attributes) = flags(cx, input)?;
    let (rest, delimiter) = delimiter(cx, sp(rest)?.0)?;
    let (rest, ()) = sp(rest)?;
    let (after, (name, extended)) = match astring(rest) {
        Ok((after, name)) if is_line_end(after) => (after, (name, &[][..])),
        found => extended_name(cx, rest, found)?,
    };
    let Ok(mailbox) = Mailbox::try_from(name) else { return fail(rest, "mailbox") };
    Ok((after, Listed { attributes, delimiter, mailbox, extended }))
}

fn is_line_end(rest: &[u8]) -> bool {
    matches!(spaces(rest), [b'\r' | b'\n', ..] | [])
}

/// `mailbox [SP mbox-list-extended]` that is more than `found`, an astring
#[cold]
fn extended_name<'a>(
    cx: Context<'_>,
    input: &'a [u8],
    found: Res<'a, Text<'a>>,
) -> Res<'a, (Text<'a>, &'a [u8])> {
    let is_quoted = matches!(input, [b'"' | b'{', ..]);
    if let Ok((after, name)) = &found
        && let list @ [b'(', ..] = spaces(after)
        && (is_quoted || after.starts_with(b" ") && is_list_extended(cx, list))
    {
        return value(cx, list).map(|(rest, extended)| (rest, (name.clone(), extended)));
    }
    let line = rest_of_line(input);
    match quoted_whole(line) {
        Some(name) => overlook(cx.quirks.stray_quote, input, "quoted").map(|()| (&[][..], (name, &[][..]))),
        None if is_quoted => {
            let (after, _) = found?;
            fail(after, "CRLF")
        }
        None => {
            overlook(cx.quirks.unquoted_name, input, "astring").map(|()| (&[][..], (Text::of(line), &[][..])))
        }
    }
}

/// Whether this is `mbox-list-extended = "(" [mbox-list-extended-item *(SP mbox-list-extended-item)] ")"` rather than a
/// part of a name. An item is a tag and a value
fn is_list_extended(cx: Context<'_>, input: &[u8]) -> bool {
    let item = (terminated(astring, sp), |input| value(cx, input));
    let list = delimited(opening("mbox-list-extended"), many0(spaced(item)), closing);
    terminated(list, line_end).parse(input).is_ok()
}

/// `"STATUS" SP mailbox SP "(" [status-att-list] ")"`, without its first two
fn mailbox_status<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Data<'a>> {
    let items = |input| preceded(opening("("), |input| status_att_list(cx, input)).parse(input);
    let found = (spaced(mailbox), items).parse(input);
    let (rest, (mailbox, items)) = match found {
        Ok((rest, _)) if !is_line_end(rest) => odd_status(cx, input)?,
        Err(nom::Err::Error(_)) => odd_status(cx, input).or(found)?,
        found => found?,
    };
    Ok((rest, Data::MailboxStatus { mailbox, items }))
}

/// A name that should have been quoted, or has quotes that should have been escaped. It ends where the items begin that
/// end the line.
#[cold]
fn odd_status<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, (Mailbox<'a>, List<'a, StatusItem<'a>>)> {
    let begins = input.windows(2).enumerate().filter(|(_, pair)| *pair == b" (").map(|(at, _)| at);
    // A name has few parentheses.
    for at in begins.take(16) {
        let (name, rest) = input.split_at_checked(at).unwrap_or((input, &[]));
        let (rest, ()) = preceded(sp, opening("(")).parse(rest)?;
        let Ok((rest, items)) = status_att_list(cx, rest) else { continue };
        if !is_line_end(rest) {
            continue;
        }
        let (on, name) = match quoted_whole(name) {
            Some(name) => (cx.quirks.stray_quote, name),
            None => (cx.quirks.unquoted_name, Text::of(name)),
        };
        overlook(on, input, "mailbox")?;
        let Ok(name) = Mailbox::try_from(name) else { return fail(input, "mailbox") };
        return Ok((rest, (name, items)));
    }
    fail(input, "status-att-list")
}

/// `"SEARCH" *(SP nz-number) [SP search-sort-mod-seq]`, and `"SORT"` likewise (RFC 7162), without the name
fn search(input: &[u8]) -> Res<'_, Found<'_>> {
    let mut rest = input.get(short_numbers(input)..).map_or(input, spaces);
    while let [b'0'..=b'9', ..] = rest {
        let Ok((after, _)) = number(rest) else { return fail(rest, "nz-number") };
        rest = spaces(after);
    }
    // The numbers end where no other number follows.
    let numbers = List::raw(input);
    // search-sort-mod-seq = "(" "MODSEQ" SP mod-sequence-value ")"
    let mod_seq = delimited(opening("MODSEQ"), preceded((tag_no_case("MODSEQ"), sp), number64), closing);
    match rest {
        [b'(', ..] => {
            mod_seq.map(|mod_seq| Found { numbers: numbers.clone(), mod_seq: Some(mod_seq) }).parse(rest)
        }
        _ => Ok((rest, Found { numbers, mod_seq: None })),
    }
}

/// `esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)`, without the name
fn esearch<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Esearch<'a>> {
    let (mut rest, mut found, mut inside) = (input, Esearch::default(), false);
    if let [b'(', ..] = rest {
        rest = search_correlator(cx, rest, &mut found)?;
    }
    loop {
        let (name, after) = word(rest);
        if name.is_empty() {
            rest = match rest {
                // MODSEQ has parentheses in SEARCH responses, and some servers use them here too (MailKit issue 323).
                [b'(', after @ ..] if !inside => {
                    overlook(cx.quirks.extra_parentheses, rest, "search-return-data")?;
                    after
                }
                [b')', after @ ..] if inside => spaces(after),
                _ => return Ok((rest, found)),
            };
            inside = !inside;
            continue;
        }
        let after = spaces(after);
        let parsed = known(name, |name| search_return_data(name, after, &mut found));
        rest = spaces(match parsed {
            Some(rest) => rest?,
            None => {
                let (rest, value) = value(cx, after)?;
                found.other.push((Text::of(name), Text::of(value)));
                rest
            }
        });
    }
}

/// `search-correlator = SP "(" one-correlator *(SP one-correlator) ")"` (RFC 7377), from its parenthesis on: `TAG`, and
/// `MAILBOX` and `UIDVALIDITY` if several mailboxes were searched
fn search_correlator<'a>(cx: Context<'_>, input: &'a [u8], found: &mut Esearch<'a>) -> Rest<'a> {
    let name = |input| match word(input) {
        ([], _) => fail(input, "one-correlator"),
        (name, rest) => Ok((rest, name)),
    };
    let one = (terminated(name, sp), |input| value(cx, input));
    let (rest, all) =
        spaced(delimited(opening("search-correlator"), many0(spaced(one)), closing)).parse(input)?;
    for (name, value) in all {
        match astring(value) {
            Ok(([], tag)) if name.eq_ignore_ascii_case(b"TAG") => found.tag = Some(tag),
            _ => found.correlators.push((Text::of(name), Text::of(value))),
        }
    }
    Ok(rest)
}

/// `search-return-data` of this name, whose value is in `input`
fn search_return_data<'a>(name: &[u8], input: &'a [u8], found: &mut Esearch<'a>) -> Option<Rest<'a>> {
    let small = |to: &mut Option<u32>| {
        number(input).map(|(rest, number)| {
            *to = Some(number);
            rest
        })
    };
    Some(match name {
        b"UID" => {
            found.uid = true;
            Ok(input)
        }
        b"MIN" => small(&mut found.min),
        b"MAX" => small(&mut found.max),
        b"COUNT" => small(&mut found.count),
        b"ALL" => uid_set(input).map(|(rest, set)| {
            found.all = Some(set);
            rest
        }),
        b"MODSEQ" => number64(input).map(|(rest, number)| {
            found.mod_seq = Some(number);
            rest
        }),
        b"PARTIAL" => partial(input).map(|(rest, partial)| {
            found.partial = Some(partial);
            rest
        }),
        _ => return None,
    })
}

/// `"(" partial-range SP partial-results ")"`, `partial-results = sequence-set / "NIL"` (RFC 9394)
fn partial(input: &[u8]) -> Res<'_, (Text<'_>, Option<SequenceSet>)> {
    let results = alt((nil.map(|()| None), uid_set.map(Some)));
    delimited(opening("("), (spaced(token).map(Text::of), results), closing).parse(input)
}

/// `expunged-resp = "VANISHED" [SP "(EARLIER)"] SP known-uids` (RFC 7162), without the name
fn vanished(input: &[u8]) -> Res<'_, Data<'_>> {
    let earlier = spaced(delimited(opening("("), tag_no_case("EARLIER"), closing));
    (opt(earlier), uid_set)
        .map(|(earlier, uids)| Data::Vanished { earlier: earlier.is_some(), uids })
        .parse(input)
}
