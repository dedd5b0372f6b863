//! Untagged responses of extensions.

use alloc::vec::Vec;

use super::{
    Context, Res,
    data::{delimiter, mailbox},
    fail,
    list::{nastring, params, texts},
    overlook,
    scan::{astring, nil, number, number64, octet, sp, spaces, string, value},
};
use crate::{Data, List, Namespace, QuotaResource, Text, ThreadMember};

/// `id-response = "ID" SP id-params-list`, `id-params-list = "(" *(string SP nstring) ")" / nil` (RFC 2971)
pub(super) fn id<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Data<'a>> {
    match input {
        [b'(', rest @ ..] => params(rest).map(|(rest, params)| (rest, Data::Id(params))),
        [b'\r' | b'\n', ..] | [] => {
            overlook(cx.quirks.wrong_nil, input, "nil").map(|()| (input, Data::Id(List::EMPTY)))
        }
        _ => nil(input).map(|(rest, ())| (rest, Data::Id(List::EMPTY))),
    }
}

/// `namespace-response = "NAMESPACE" SP namespace SP namespace SP namespace` (RFC 2342)
pub(super) fn namespace<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Data<'a>> {
    let (rest, personal) = namespaces(cx, input)?;
    let (rest, other) = namespaces(cx, spaces(rest))?;
    let (rest, shared) = namespaces(cx, spaces(rest))?;
    Ok((rest, Data::Namespace { personal, other, shared }))
}

/// `namespace = nil / "(" 1*( "(" string SP (DQUOTE QUOTED-CHAR DQUOTE / nil) *namespace-extension ")" ) ")"`
fn namespaces<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Vec<Namespace<'a>>> {
    let Some(mut rest) = input.strip_prefix(b"(") else {
        return nil(input).map(|(rest, ())| (rest, Vec::new()));
    };
    let mut found = Vec::new();
    loop {
        rest = spaces(rest);
        if let [b')', rest @ ..] = rest {
            return Ok((rest, found));
        }
        let (after, ()) = octet(b'(', "namespace")(rest)?;
        let (after, prefix) = mailbox(after)?;
        let (after, delimiter) = delimiter(cx, sp(after)?.0)?;
        rest = spaces(after);
        while !matches!(rest, [b')', ..]) {
            rest = spaces(value(rest)?.0);
        }
        rest = rest.get(1..).unwrap_or_default();
        found.push(Namespace { prefix, delimiter });
    }
}

/// `thread-data = "THREAD" [SP 1*thread-list]` (RFC 5256), without the name
///
/// Parentheses nest as deep as a discussion does; that needs no stack. Those with nothing in them say nothing.
pub(super) fn thread(input: &[u8]) -> Res<'_, Data<'_>> {
    let (mut rest, mut members, mut level, mut outer) = (input, Vec::new(), 0_u32, Vec::new());
    loop {
        rest = match rest {
            [b'(', after @ ..] => {
                outer.push(level);
                let after = spaces(after);
                if let [b'(', ..] = after {
                    members.push(ThreadMember { message: None, level });
                    level = level.saturating_add(1);
                }
                after
            }
            [b')', after @ ..] => {
                let Some(before) = outer.pop() else { return fail(rest, "thread-list") };
                level = before;
                members.pop_if(|last| last.message.is_none() && last.level == level);
                after
            }
            [b' ', ..] => spaces(rest),
            [b'0'..=b'9', ..] if !outer.is_empty() => {
                let (after, message) = number(rest)?;
                members.push(ThreadMember { message: Some(message), level });
                level = level.saturating_add(1);
                after
            }
            _ if outer.is_empty() => return Ok((rest, Data::Thread(members))),
            _ => return fail(rest, "thread-members"),
        };
    }
}

/// `quota-response = "QUOTA" SP quota-root-name SP quota-list` (RFC 9208)
pub(super) fn quota(input: &[u8]) -> Res<'_, Data<'_>> {
    let (rest, root) = astring(input)?;
    let (mut rest, ()) = octet(b'(', "quota-list")(sp(rest)?.0)?;
    let mut resources = Vec::new();
    loop {
        rest = spaces(rest);
        if let [b')', rest @ ..] = rest {
            return Ok((rest, Data::Quota { root, resources }));
        }
        let (after, name) = super::scan::atom(rest)?;
        let (after, usage) = number64(sp(after)?.0)?;
        let (after, limit) = number64(sp(after)?.0)?;
        resources.push(QuotaResource { name: Text::of(name), usage, limit });
        rest = after;
    }
}

/// `quotaroot-response = "QUOTAROOT" SP mailbox *(SP quota-root-name)` (RFC 9208)
pub(super) fn quota_root(input: &[u8]) -> Res<'_, Data<'_>> {
    let (rest, mailbox) = mailbox(input)?;
    let (rest, roots) = words(rest)?;
    Ok((rest, Data::QuotaRoot { mailbox, roots }))
}

/// `acl-data = "ACL" SP mailbox *(SP identifier SP rights)` (RFC 4314)
pub(super) fn acl(input: &[u8]) -> Res<'_, Data<'_>> {
    let (mut rest, mailbox) = mailbox(input)?;
    let mut rights = Vec::new();
    while let after @ [first, ..] = spaces(rest) {
        if matches!(first, b'\r' | b'\n') {
            break;
        }
        let (after, identifier) = astring(after)?;
        let (after, granted) = astring(sp(after)?.0)?;
        rights.push((identifier, granted));
        rest = after;
    }
    Ok((rest, Data::Acl { mailbox, rights }))
}

/// `listrights-data = "LISTRIGHTS" SP mailbox SP identifier SP rights *(SP rights)` (RFC 4314)
pub(super) fn list_rights(input: &[u8]) -> Res<'_, Data<'_>> {
    let (rest, mailbox) = mailbox(input)?;
    let (rest, identifier) = astring(sp(rest)?.0)?;
    let (rest, rights) = words(rest)?;
    Ok((rest, Data::ListRights { mailbox, identifier, rights }))
}

/// `myrights-data = "MYRIGHTS" SP mailbox SP rights` (RFC 4314)
pub(super) fn my_rights(input: &[u8]) -> Res<'_, Data<'_>> {
    let (rest, mailbox) = mailbox(input)?;
    let (rest, rights) = astring(sp(rest)?.0)?;
    Ok((rest, Data::MyRights { mailbox, rights }))
}

/// `metadata-resp = "METADATA" SP mailbox SP (entry-values / entry-list)` (RFC 5464)
pub(super) fn metadata(input: &[u8]) -> Res<'_, Data<'_>> {
    let (rest, mailbox) = mailbox(input)?;
    let (mut rest, ()) = sp(rest)?;
    let mut entries = Vec::new();
    let Some(mut list) = rest.strip_prefix(b"(") else {
        let (after, names) = words(rest)?;
        entries.extend(names.into_iter().map(|name| (name, None)));
        rest = after;
        return Ok((rest, Data::Metadata { mailbox, entries }));
    };
    loop {
        list = spaces(list);
        if let [b')', rest @ ..] = list {
            return Ok((rest, Data::Metadata { mailbox, entries }));
        }
        let (after, name) = astring(list)?;
        let (after, value) = match sp(after)?.0 {
            after @ [b'~' | b'{', ..] => string(after).map(|(after, value)| (after, Some(value)))?,
            after => nastring(after)?,
        };
        entries.push((name, value));
        list = after;
    }
}

/// `language-data = "LANGUAGE" SP "(" lang-tag-quoted *(SP lang-tag-quoted) ")"` (RFC 5255)
pub(super) fn language<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Data<'a>> {
    texts(cx, input).map(|(rest, tags)| (rest, Data::Language(tags)))
}

/// `*(SP astring)` up to the end of the line
fn words(input: &[u8]) -> Res<'_, Vec<Text<'_>>> {
    let (mut rest, mut found) = (spaces(input), Vec::new());
    while !matches!(rest, [b'\r' | b'\n', ..] | []) {
        let (after, word) = astring(rest)?;
        found.push(word);
        rest = spaces(after);
    }
    Ok((rest, found))
}
