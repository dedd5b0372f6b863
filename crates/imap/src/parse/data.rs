//! `response` and the untagged responses that are no status (RFC 9051 sections 7.2 to 7.5).

use alloc::boxed::Box;

use super::{
    Context, Res, Rest, extension, fail,
    fetch::{Known, any_item, msg_att, summary_item},
    list::{flags, status_att_list},
    overlook,
    scan::{
        astring, known, line_end, nil, number, number64, octet, rest_of_line, sp, spaces, token, value, word,
    },
    status::{bare_code, capability_list, continue_req, resp_cond, response_tagged, uid_set},
    swar::short_numbers,
};
use crate::{Data, Esearch, Fetch, Found, List, Listed, Mailbox, Response, SequenceSet, Text};

/// `response-data / continue-req / response-done`
pub(super) fn response<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Response<'a>> {
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

/// `"*" SP message-data CRLF` with the items of a listing; what is not that is `None` and not looked at.
pub(super) fn summary_data<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Option<Data<'a>>> {
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
    let (name, after) = word(input);
    ends_word(cx, after)?;
    let arguments = spaces(after);
    let parsed = known(name, |name| {
        Some(match name {
            b"LIST" | b"XLIST" => mailbox_list(cx, arguments).map(|(rest, list)| (rest, Data::List(list))),
            b"LSUB" => mailbox_list(cx, arguments).map(|(rest, list)| (rest, Data::Lsub(list))),
            b"STATUS" => mailbox_status(cx, arguments),
            b"FLAGS" => flags(cx, arguments).map(|(rest, flags)| (rest, Data::Flags(flags))),
            b"SEARCH" => search(arguments).map(|(rest, found)| (rest, Data::Search(found))),
            b"SORT" => search(arguments).map(|(rest, found)| (rest, Data::Sort(found))),
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
    // Of all responses most are this one.
    if let Some(rest) = rest.strip_prefix(b" FETCH ") {
        let (rest, items) = msg_att(cx, items, spaces(rest))?;
        return Ok((rest, Data::Fetch(Fetch { number, items })));
    }
    let (rest, ()) = sp(rest)?;
    let (name, rest) = word(rest);
    ends_word(cx, rest)?;
    let fetch = || msg_att(cx, items, spaces(rest)).map(|(rest, items)| (rest, Fetch { number, items }));
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

/// Whether a keyword ends where it seems to.
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
    let (after, name) = match astring(rest) {
        Ok((after, name)) if matches!(spaces(after), [b'\r' | b'\n' | b'(', ..] | []) => (after, name),
        Ok((after, _)) if !matches!(rest, [b'"' | b'{', ..]) => {
            overlook(cx.quirks.unquoted_name, after, "CRLF")?;
            (&[][..], Text::of(rest_of_line(rest)))
        }
        Ok((after, _)) => return fail(after, "CRLF"),
        Err(error) => return Err(error),
    };
    let (after, extended) = match spaces(after) {
        list @ [b'(', ..] => value(list)?,
        after => (after, &[][..]),
    };
    let Ok(mailbox) = Mailbox::try_from(name) else { return fail(rest, "mailbox") };
    Ok((after, Listed { attributes, delimiter, mailbox, extended }))
}

/// `DQUOTE QUOTED-CHAR DQUOTE / nil`
pub(super) fn delimiter<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Option<u8>> {
    match input {
        [b'"', b'\\', delimiter, b'"', rest @ ..] | [b'"', delimiter, b'"', rest @ ..] => {
            Ok((rest, Some(*delimiter)))
        }
        [b'"', b'"', rest @ ..] => overlook(cx.quirks.wrong_nil, input, "QUOTED-CHAR").map(|()| (rest, None)),
        _ => nil(input).map(|(rest, ())| (rest, None)),
    }
}

/// `mailbox = "INBOX" / astring`
pub(super) fn mailbox(input: &[u8]) -> Res<'_, Mailbox<'_>> {
    let (rest, name) = astring(input)?;
    Mailbox::try_from(name).map_or_else(|_| fail(input, "mailbox"), |mailbox| Ok((rest, mailbox)))
}

/// `"STATUS" SP mailbox SP "(" [status-att-list] ")"`, without its first two
fn mailbox_status<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Data<'a>> {
    let (rest, name) = mailbox(input)?;
    let (rest, name) = match spaces(rest) {
        rest @ [b'(', ..] => (rest, name),
        rest if !matches!(input, [b'"' | b'{', ..]) => {
            overlook(cx.quirks.unquoted_name, rest, "(")?;
            let Some(end) = input.windows(2).rposition(|pair| pair == b" (") else { return fail(rest, "(") };
            let (name, rest) = input.split_at_checked(end).unwrap_or((input, &[]));
            let Ok(name) = Mailbox::from_wire(name) else { return fail(input, "mailbox") };
            (spaces(rest), name)
        }
        rest => return fail(rest, "("),
    };
    let (rest, items) = status_att_list(octet(b'(', "(")(rest)?.0)?;
    Ok((rest, Data::MailboxStatus { mailbox: name, items }))
}

/// `"SEARCH" *(SP nz-number) [SP search-sort-mod-seq]`, and `"SORT"` likewise (RFC 7162), without the name
fn search(input: &[u8]) -> Res<'_, Found<'_>> {
    let mut rest = input.get(short_numbers(input)..).map_or(input, spaces);
    while let [b'0'..=b'9', ..] = rest {
        let Ok((after, _)) = number(rest) else { return fail(rest, "nz-number") };
        rest = spaces(after);
    }
    let numbers = List::raw(input.get(..input.len().saturating_sub(rest.len())).unwrap_or_default());
    let Some(list) = rest.strip_prefix(b"(") else { return Ok((rest, Found { numbers, mod_seq: None })) };
    let (name, list) = word(list);
    if !name.eq_ignore_ascii_case(b"MODSEQ") {
        return fail(rest, "MODSEQ");
    }
    let (list, mod_seq) = number64(sp(list)?.0)?;
    Ok((octet(b')', ")")(spaces(list))?.0, Found { numbers, mod_seq: Some(mod_seq) }))
}

/// `esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)`, without the name
fn esearch<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Esearch<'a>> {
    let (mut rest, mut found, mut inside) = (input, Esearch::default(), false);
    if let Some(correlator) = rest.strip_prefix(b"(") {
        rest = search_correlator(correlator, &mut found)?;
    }
    loop {
        let (name, after) = word(rest);
        if name.is_empty() {
            rest = match rest {
                // In SEARCH responses MODSEQ has parentheses, and some servers put them here too (MailKit issue 323).
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
                let (rest, value) = value(after)?;
                found.other.push((Text::of(name), Text::of(value)));
                rest
            }
        });
    }
}

/// `search-correlator = SP "(" one-correlator *(SP one-correlator) ")"` (RFC 7377) from behind its parenthesis: `TAG`,
/// and where several mailboxes were searched `MAILBOX` and `UIDVALIDITY`
fn search_correlator<'a>(input: &'a [u8], found: &mut Esearch<'a>) -> Rest<'a> {
    let mut rest = spaces(input);
    loop {
        if let [b')', rest @ ..] = rest {
            return Ok(spaces(rest));
        }
        let (name, after) = word(rest);
        if name.is_empty() {
            return fail(rest, "search-correlator").map(|(rest, ())| rest);
        }
        let (after, ()) = sp(after)?;
        rest = spaces(if name.eq_ignore_ascii_case(b"TAG") {
            let (after, tag) = astring(after)?;
            found.tag = Some(tag);
            after
        } else {
            let (after, value) = value(after)?;
            found.correlators.push((Text::of(name), Text::of(value)));
            after
        });
    }
}

/// `search-return-data` with this name, whose value is in `input`
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
    let (rest, ()) = octet(b'(', "(")(input)?;
    let (rest, range) = token(rest)?;
    let rest = spaces(rest);
    let (rest, set) = match nil(rest) {
        Ok((rest, ())) => (rest, None),
        Err(_) => uid_set(rest).map(|(rest, set)| (rest, Some(set)))?,
    };
    Ok((octet(b')', ")")(rest)?.0, (Text::of(range), set)))
}

/// `expunged-resp = "VANISHED" [SP "(EARLIER)"] SP known-uids` (RFC 7162), without the name
fn vanished(input: &[u8]) -> Res<'_, Data<'_>> {
    let (earlier, rest) = match input.split_at_checked(9) {
        Some((mark, rest)) if mark.eq_ignore_ascii_case(b"(EARLIER)") => (true, spaces(rest)),
        _ => (false, input),
    };
    uid_set(rest).map(|(rest, uids)| (rest, Data::Vanished { earlier, uids }))
}
