//! `response` and the untagged responses that are no status (RFC 9051 sections 7.2 to 7.5).

use super::{
    Context, Res, extension, fail,
    fetch::msg_att,
    list::{flags, status_att_val},
    scan::{
        astring, line_end, nil, number, number64, octet, rest_of_line, sp, spaces, string, token, value, word,
    },
    status::{bare_code, continue_req, resp_cond, response_tagged, uid_set},
};
use crate::{Data, Esearch, Fetch, Found, List, Listed, Mailbox, Response, Status, StatusItem, Text};

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

/// `response-data = "*" SP (resp-cond-state / resp-cond-bye / mailbox-data / message-data / capability-data /
/// enable-data) CRLF`, without its first two and the last
fn response_data<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Data<'a>> {
    if let [b'0'..=b'9', ..] = input {
        return message_data(cx, input);
    }
    let (name, after) = word(input);
    let arguments = spaces(after);
    let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
    match name.len() {
        2 if is("ID") => return extension::id(cx, arguments),
        3 if is("ACL") => return extension::acl(cx, arguments),
        4 if is("LIST") => return mailbox_list(cx, arguments).map(|(rest, list)| (rest, Data::List(list))),
        4 if is("LSUB") => return mailbox_list(cx, arguments).map(|(rest, list)| (rest, Data::Lsub(list))),
        4 if is("SORT") => return search(arguments).map(|(rest, found)| (rest, Data::Sort(found))),
        5 if is("FLAGS") => return flags(cx, arguments).map(|(rest, flags)| (rest, Data::Flags(flags))),
        5 if is("QUOTA") => return extension::quota(cx, arguments),
        5 if is("XLIST") => return mailbox_list(cx, arguments).map(|(rest, list)| (rest, Data::List(list))),
        6 if is("SEARCH") => return search(arguments).map(|(rest, found)| (rest, Data::Search(found))),
        6 if is("STATUS") => return mailbox_status(cx, arguments),
        6 if is("THREAD") => return extension::thread(arguments),
        7 if is("ENABLED") => return Ok((&[], Data::Enabled(List::raw(rest_of_line(arguments))))),
        7 if is("ESEARCH") => return esearch(arguments).map(|(rest, found)| (rest, Data::Esearch(found))),
        8 if is("LANGUAGE") => return extension::language(cx, arguments),
        8 if is("METADATA") => return extension::metadata(cx, arguments),
        8 if is("MYRIGHTS") => return extension::my_rights(cx, arguments),
        8 if is("VANISHED") => return vanished(arguments),
        9 if is("NAMESPACE") => return extension::namespace(cx, arguments),
        9 if is("QUOTAROOT") => return extension::quota_root(cx, arguments),
        10 if is("CAPABILITY") => return Ok((&[], Data::Capability(List::raw(rest_of_line(arguments))))),
        10 if is("LISTRIGHTS") => return extension::list_rights(cx, arguments),
        0 => return fail(input, "response-data"),
        _ => {}
    }
    if Status::from_word(name).is_some() {
        return resp_cond(cx, input).map(|(rest, line)| (rest, Data::Status(line)));
    }
    Ok((&[], Data::Other { number: None, keyword: Text::of(name), rest: Text::of(rest_of_line(arguments)) }))
}

/// `message-data = nz-number SP ("EXPUNGE" / ("FETCH" SP msg-att))`, `number SP "EXISTS"`, `number SP "RECENT"`
fn message_data<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Data<'a>> {
    let (rest, number) = number(input)?;
    let (rest, ()) = sp(rest)?;
    let (name, rest) = word(rest);
    let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
    match name.len() {
        5 if is("FETCH") => {
            msg_att(cx, spaces(rest)).map(|(rest, items)| (rest, Data::Fetch(Fetch { number, items })))
        }
        6 if is("EXISTS") => Ok((rest, Data::Exists(number))),
        6 if is("RECENT") => Ok((rest, Data::Recent(number))),
        7 if is("EXPUNGE") => Ok((rest, Data::Expunge(number))),
        8 if is("UIDFETCH") => {
            msg_att(cx, spaces(rest)).map(|(rest, items)| (rest, Data::UidFetch(Fetch { number, items })))
        }
        0 => fail(rest, "message-data"),
        _ => Ok((
            &[],
            Data::Other {
                number: Some(number),
                keyword: Text::of(name),
                rest: Text::of(rest_of_line(spaces(rest))),
            },
        )),
    }
}

/// `mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox [SP mbox-list-extended]`
fn mailbox_list<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Listed<'a>> {
    let (rest, attributes) = flags(cx, input)?;
    let (rest, delimiter) = delimiter(cx, sp(rest)?.0)?;
    let (rest, ()) = sp(rest)?;
    let (after, name) = match astring(rest) {
        Ok((after, name)) if matches!(spaces(after), [b'\r' | b'\n' | b'(', ..] | []) => (after, name),
        Ok(_) if cx.quirks.unquoted_name && !matches!(rest, [b'"' | b'{', ..]) => {
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
        [b'"', b'"', rest @ ..] if cx.quirks.wrong_nil => Ok((rest, None)),
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
        rest if cx.quirks.unquoted_name && !matches!(input, [b'"' | b'{', ..]) => {
            let Some(end) = input.windows(2).rposition(|pair| pair == b" (") else { return fail(rest, "(") };
            let (name, rest) = input.split_at_checked(end).unwrap_or((input, &[]));
            let Ok(name) = Mailbox::from_wire(name) else { return fail(input, "mailbox") };
            (spaces(rest), name)
        }
        rest => return fail(rest, "("),
    };
    let (rest, ()) = octet(b'(', "(")(rest)?;
    let inside = spaces(rest);
    let mut rest = inside;
    while !matches!(rest, [b')', ..]) {
        rest = spaces(status_att_val(rest)?.0);
    }
    let items: List<'a, StatusItem<'a>> =
        List::raw(inside.get(..inside.len().saturating_sub(rest.len())).unwrap_or_default());
    Ok((rest.get(1..).unwrap_or_default(), Data::MailboxStatus { mailbox: name, items }))
}

/// `"SEARCH" *(SP nz-number) [SP search-sort-mod-seq]`, and `"SORT"` likewise (RFC 7162), without the name
fn search(input: &[u8]) -> Res<'_, Found<'_>> {
    let end = input.iter().position(|octet| !octet.is_ascii_digit() && *octet != b' ').unwrap_or(input.len());
    let (numbers, rest) = input.split_at_checked(end).unwrap_or((input, &[]));
    let fits = |digits: &[u8]| digits.len() < 10 || number(digits).is_ok();
    if !numbers.split(|&octet| octet == b' ').all(fits) {
        return fail(input, "nz-number");
    }
    let numbers = List::raw(numbers);
    let Some(list) = rest.strip_prefix(b"(") else { return Ok((rest, Found { numbers, mod_seq: None })) };
    let (name, list) = word(list);
    if !name.eq_ignore_ascii_case(b"MODSEQ") {
        return fail(rest, "MODSEQ");
    }
    let (list, mod_seq) = number64(sp(list)?.0)?;
    Ok((octet(b')', ")")(spaces(list))?.0, Found { numbers, mod_seq: Some(mod_seq) }))
}

/// `esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)`, without the name
fn esearch(input: &[u8]) -> Res<'_, Esearch<'_>> {
    let (mut rest, mut found) = (input, Esearch::default());
    if let Some(correlator) = rest.strip_prefix(b"(") {
        let (name, after) = word(correlator);
        if !name.eq_ignore_ascii_case(b"TAG") {
            return fail(correlator, "TAG");
        }
        let (after, tag) = string(sp(after)?.0).or_else(|_| astring(spaces(after)))?;
        found.tag = Some(tag);
        rest = spaces(octet(b')', ")")(spaces(after))?.0);
    }
    loop {
        let (name, after) = word(rest);
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        if name.is_empty() {
            return Ok((rest, found));
        }
        let after = spaces(after);
        rest = match name.len() {
            3 if is("UID") => {
                found.uid = true;
                after
            }
            3 if is("MIN") => number(after).map(|(rest, number)| (rest, found.min = Some(number)))?.0,
            3 if is("MAX") => number(after).map(|(rest, number)| (rest, found.max = Some(number)))?.0,
            3 if is("ALL") => uid_set(after).map(|(rest, set)| (rest, found.all = Some(set)))?.0,
            5 if is("COUNT") => number(after).map(|(rest, number)| (rest, found.count = Some(number)))?.0,
            6 if is("MODSEQ") => {
                number64(after).map(|(rest, number)| (rest, found.mod_seq = Some(number)))?.0
            }
            7 if is("PARTIAL") => {
                let (after, ()) = octet(b'(', "(")(after)?;
                let (after, range) = token(after)?;
                let after = spaces(after);
                let (after, set) = match nil(after) {
                    Ok((after, ())) => (after, None),
                    Err(_) => uid_set(after).map(|(after, set)| (after, Some(set)))?,
                };
                found.partial = Some((Text::of(range), set));
                octet(b')', ")")(after)?.0
            }
            _ => {
                value(after)
                    .map(|(rest, value)| (rest, found.other.push((Text::of(name), Text::of(value)))))?
                    .0
            }
        };
        rest = spaces(rest);
    }
}

/// `expunged-resp = "VANISHED" [SP "(EARLIER)"] SP known-uids` (RFC 7162), without the name
fn vanished(input: &[u8]) -> Res<'_, Data<'_>> {
    let (earlier, rest) = match input.split_at_checked(9) {
        Some((mark, rest)) if mark.eq_ignore_ascii_case(b"(EARLIER)") => (true, spaces(rest)),
        _ => (false, input),
    };
    uid_set(rest).map(|(rest, uids)| (rest, Data::Vanished { earlier, uids }))
}
