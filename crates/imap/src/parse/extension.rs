//! Untagged responses of extensions, in nom's combinators. They are rare, so only the size of this code matters.
//!
//! Only THREAD is parsed by hand, because its depth must not use stack.

use alloc::vec::Vec;

use nom::{
    Parser,
    branch::alt,
    combinator::{peek, value},
    multi::many0,
    sequence::{delimited, preceded, terminated},
};

use super::{
    Context, Res,
    element::{delimiter, mailbox},
    fail,
    list::{nastring, params, texts},
    overlook,
    scan::{self, astring, atom, closing, nil, number, number64, opening, sp, spaced, spaces, string},
};
use crate::{Data, List, Namespace, QuotaResource, Text, ThreadMember, rule::Fault};

/// `"(" *element ")"`, with any spaces in between
fn list_of<'a, T>(
    rule: &'static str,
    element: impl Parser<&'a [u8], Output = T, Error = Fault<'a>>,
) -> impl Parser<&'a [u8], Output = Vec<T>, Error = Fault<'a>> {
    delimited(opening(rule), many0(spaced(element)), closing)
}

/// `*(SP element)` up to the end of the line
fn to_the_end<'a, T>(
    element: impl Parser<&'a [u8], Output = T, Error = Fault<'a>>,
) -> impl Parser<&'a [u8], Output = Vec<T>, Error = Fault<'a>> {
    preceded(|input| Ok((spaces(input), ())), many0(spaced(element)))
}

/// `id-response = "ID" SP id-params-list`, `id-params-list = "(" *(string SP nstring) ")" / nil` (RFC 2971)
pub(super) fn id<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Data<'a>> {
    let nothing = |input: &'a [u8]| match input {
        [b'\r' | b'\n', ..] | [] => overlook(cx.quirks.wrong_nil, input, "nil").map(|()| (input, ())),
        _ => nil(input),
    };
    let list = preceded(opening("id-params-list"), |input| params(cx, input));
    alt((list, value(List::EMPTY, nothing))).map(Data::Id).parse(input)
}

/// `namespace-response = "NAMESPACE" SP namespace SP namespace SP namespace` (RFC 2342)
pub(super) fn namespace<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Data<'a>> {
    let mut each = spaced(|input| namespaces(cx, input));
    let (rest, personal) = each.parse(input)?;
    let (rest, other) = each.parse(rest)?;
    let (rest, shared) = each.parse(rest)?;
    Ok((rest, Data::Namespace { personal, other, shared }))
}

/// `namespace = nil / "(" 1*( "(" string SP (DQUOTE QUOTED-CHAR DQUOTE / nil) *namespace-extension ")" ) ")"`
fn namespaces<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Vec<Namespace<'a>>> {
    // namespace-extension = SP string SP "(" string *(SP string) ")"
    let extension = (terminated(astring, sp), |input| scan::value(cx, input).map(text));
    let descr = (terminated(mailbox, sp), spaced(|input| delimiter(cx, input)), many0(spaced(extension)));
    let descr = descr.map(|(prefix, delimiter, extensions)| Namespace { prefix, delimiter, extensions });
    let descr = delimited(opening("namespace"), descr, closing);
    alt((nil.map(|()| Vec::new()), list_of("namespace", descr))).parse(input)
}

fn text<'a>((rest, octets): (&'a [u8], &'a [u8])) -> (&'a [u8], Text<'a>) {
    (rest, Text::of(octets))
}

/// `thread-data = "THREAD" [SP 1*thread-list]` (RFC 5256), without the name
///
/// Parentheses nest as deep as a discussion, and use no stack. Empty ones mean nothing.
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
    let resource = (terminated(atom, sp), terminated(number64, sp), number64);
    let resource = resource.map(|(name, usage, limit)| QuotaResource { name: Text::of(name), usage, limit });
    (terminated(astring, sp), list_of("quota-list", resource))
        .map(|(root, resources)| Data::Quota { root, resources })
        .parse(input)
}

/// `quotaroot-response = "QUOTAROOT" SP mailbox *(SP quota-root-name)` (RFC 9208)
pub(super) fn quota_root(input: &[u8]) -> Res<'_, Data<'_>> {
    (mailbox, to_the_end(astring)).map(|(mailbox, roots)| Data::QuotaRoot { mailbox, roots }).parse(input)
}

/// `acl-data = "ACL" SP mailbox *(SP identifier SP rights)` (RFC 4314)
pub(super) fn acl(input: &[u8]) -> Res<'_, Data<'_>> {
    let granted = (terminated(astring, sp), astring);
    (mailbox, to_the_end(granted)).map(|(mailbox, rights)| Data::Acl { mailbox, rights }).parse(input)
}

/// `listrights-data = "LISTRIGHTS" SP mailbox SP identifier SP rights *(SP rights)` (RFC 4314)
pub(super) fn list_rights(input: &[u8]) -> Res<'_, Data<'_>> {
    (terminated(mailbox, sp), astring, to_the_end(astring))
        .map(|(mailbox, identifier, rights)| Data::ListRights { mailbox, identifier, rights })
        .parse(input)
}

/// `myrights-data = "MYRIGHTS" SP mailbox SP rights` (RFC 4314)
pub(super) fn my_rights(input: &[u8]) -> Res<'_, Data<'_>> {
    (terminated(mailbox, sp), astring)
        .map(|(mailbox, rights)| Data::MyRights { mailbox, rights })
        .parse(input)
}

/// `metadata-resp = "METADATA" SP mailbox SP (entry-values / entry-list)` (RFC 5464)
pub(super) fn metadata(input: &[u8]) -> Res<'_, Data<'_>> {
    let literal8 = preceded(peek(alt((scan::octet(b'~', "~"), scan::octet(b'{', "{")))), string);
    let entry = (terminated(astring, sp), alt((literal8.map(Some), nastring)));
    let values = list_of("entry-values", entry);
    let names = to_the_end(astring.map(|name| (name, None)));
    (terminated(mailbox, sp), alt((values, names)))
        .map(|(mailbox, entries)| Data::Metadata { mailbox, entries })
        .parse(input)
}

/// `language-data = "LANGUAGE" SP "(" lang-tag-quoted *(SP lang-tag-quoted) ")"` (RFC 5255)
pub(super) fn language<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Data<'a>> {
    texts(cx, input).map(|(rest, tags)| (rest, Data::Language(tags)))
}
