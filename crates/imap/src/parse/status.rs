//! Status responses and their codes (RFC 9051 section 7.1).

use memchr::memchr;
use nom::{
    Parser,
    branch::alt,
    bytes::complete::{tag, tag_no_case, take_until},
    combinator::opt,
    sequence::{delimited, preceded, separated_pair, terminated},
};

use super::{
    Context, Res, fail,
    list::flags,
    overlook,
    scan::{closing, known, number, number64, octet, opening, rest_of_line, sp, spaces, token, word},
};
use crate::{
    Capability, Code, List, Response, SequenceSet, Status, StatusLine, Text,
    rule::{Fault, named},
};

/// `continue-req = "+" SP (resp-text / base64) CRLF`
pub(super) fn continue_req<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Response<'a>> {
    let (rest, ()) = octet(b'+', "continue-req")(input)?;
    overlook(rest.starts_with(b" ") || cx.quirks.missing_text, rest, "SP")?;
    let (code, text) = resp_text(cx, rest.strip_prefix(b" ").unwrap_or(rest));
    Ok((&[], Response::Continuation { code, text }))
}

/// `response-tagged = tag SP resp-cond-state CRLF`
pub(super) fn response_tagged<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Response<'a>> {
    let (rest, tag) = token(input)?;
    let (rest, ()) = sp(rest)?;
    match resp_cond(cx, rest)? {
        (_, StatusLine { status: Status::PreAuth | Status::Bye, .. }) => fail(rest, "OK, NO or BAD"),
        (rest, line) => Ok((rest, Response::Tagged { tag, line })),
    }
}

/// `resp-cond-state = ("OK" / "NO" / "BAD") SP resp-text`, `resp-cond-auth` and `resp-cond-bye`
pub(super) fn resp_cond<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, StatusLine<'a>> {
    let (name, rest) = word(input);
    let Some(status) = Status::from_word(name) else { return fail(input, "OK, NO, BAD, PREAUTH or BYE") };
    let (code, text) = match rest {
        [b' ', rest @ ..] => resp_text(cx, rest),
        [b'\r' | b'\n', ..] | [] => {
            overlook(cx.quirks.missing_text, rest, "SP")?;
            (None, &[][..])
        }
        _ => return fail(rest, "SP"),
    };
    Ok((&[], StatusLine { status, code, text }))
}

/// The capabilities of `"*" SP capability-data CRLF`, or of the code of a status response
pub(super) fn capabilities<'a>(
    cx: Context<'_>,
    input: &'a [u8],
) -> Res<'a, Option<List<'a, Capability<'a>>>> {
    let (rest, ()) = sp(match input {
        [b'*', rest @ ..] => rest,
        _ => token(input)?.0,
    })?;
    let (name, arguments) = word(rest);
    if name.eq_ignore_ascii_case(b"CAPABILITY") {
        return capability_list(cx, spaces(arguments)).map(|(rest, list)| (rest, Some(list)));
    }
    // No other code is parsed.
    let code = Status::from_word(name).and_then(|_| rest_of_line(arguments).strip_prefix(b" ["));
    match code.map(word) {
        Some((name, words)) if name.eq_ignore_ascii_case(b"CAPABILITY") => {
            up_to_bracket(spaces(words)).map(|(_, words)| (&[][..], Some(List::raw(words))))
        }
        _ => Ok((&[], None)),
    }
}

/// `"*" SP "ENABLED" *(SP capability) CRLF`
pub(super) fn enabled<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, List<'a, Capability<'a>>> {
    let (name, arguments) = word(sp(octet(b'*', "untagged response")(input)?.0)?.0);
    if !name.eq_ignore_ascii_case(b"ENABLED") {
        return fail(input, "ENABLED");
    }
    capability_list(cx, spaces(arguments))
}

/// `*(SP capability)` up to the end of the line
///
/// Octets that are no words may be between them like spaces. They are not checked.
#[inline]
pub(super) fn capability_list<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, List<'a, Capability<'a>>> {
    let line = rest_of_line(input);
    let is_word = |octet: &u8| *octet == b' ' || token(&[*octet]).is_ok();
    overlook(cx.quirks.spacing || line.iter().all(is_word), input, "capability")?;
    Ok((&[], List::raw(line)))
}

/// `[COPYUID …]` without the `* OK` in front of it
pub(super) fn bare_code<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, StatusLine<'a>> {
    overlook(cx.quirks.bare_code, input, "response")?;
    match resp_text(cx, input) {
        (Some(code), text) => Ok((&[], StatusLine { status: Status::Ok, code: Some(code), text })),
        _ => fail(input, "response"),
    }
}

/// `resp-text = ["[" resp-text-code "]" SP] [text]`
///
/// Never fails: brackets without an end are part of the text.
pub(super) fn resp_text<'a>(cx: Context<'_>, input: &'a [u8]) -> (Option<Code<'a>>, &'a [u8]) {
    let line = rest_of_line(input);
    match line.strip_prefix(b"[").map(|code| resp_text_code(cx, code)) {
        Some(Ok((rest, code))) => (Some(code), rest.strip_prefix(b" ").unwrap_or(rest)),
        _ => (None, line),
    }
}

/// `resp-text-code = "ALERT" / "BADCHARSET" … / atom [SP 1*<any TEXT-CHAR except "]">]`, and the `]` behind it
fn resp_text_code<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Code<'a>> {
    let (name, rest) = word(input);
    if let Some((rest, code)) = known(name, |name| known_code(cx, str::from_utf8(name).ok()?, rest))
        && let Some(rest) = spaces(rest).strip_prefix(b"]")
    {
        return Ok((rest, code));
    }
    let Some(end) = memchr(b']', input) else { return fail(input, "]") };
    let (code, rest) = input.split_at_checked(end).unwrap_or((input, &[]));
    let end = memchr(b' ', code).unwrap_or(code.len());
    let (name, arguments) = code.split_at_checked(end).unwrap_or((code, &[]));
    Ok((
        rest.get(1..).unwrap_or_default(),
        Code::Other { name: Text::of(name), rest: Text::of(spaces(arguments)) },
    ))
}

/// A code that has a variant of its own, with arguments that follow its rule
fn known_code<'a>(cx: Context<'_>, name: &str, rest: &'a [u8]) -> Option<(&'a [u8], Code<'a>)> {
    // As text, because a match on octets becomes a tree several times as large.
    let plain = match name {
        "ALERT" => Code::Alert,
        "INUSE" => Code::InUse,
        "LIMIT" => Code::Limit,
        "PARSE" => Code::Parse,
        "CANNOT" => Code::Cannot,
        "CLOSED" => Code::Closed,
        "NOPERM" => Code::NoPerm,
        "TOOBIG" => Code::TooBig,
        "EXPIRED" => Code::Expired,
        "USEATTR" => Code::UseAttr,
        "NOMODSEQ" => Code::NoModSeq,
        "NOTSAVED" => Code::NotSaved,
        "CLIENTBUG" => Code::ClientBug,
        "OVERQUOTA" => Code::OverQuota,
        "READ-ONLY" => Code::ReadOnly,
        "SERVERBUG" => Code::ServerBug,
        "TRYCREATE" => Code::TryCreate,
        "CORRUPTION" => Code::Corruption,
        "READ-WRITE" => Code::ReadWrite,
        "HASCHILDREN" => Code::HasChildren,
        "NONEXISTENT" => Code::Nonexistent,
        "UIDREQUIRED" => Code::UidRequired,
        "UNAVAILABLE" => Code::Unavailable,
        "UNKNOWN-CTE" => Code::UnknownCte,
        "CONTACTADMIN" => Code::ContactAdmin,
        "UIDNOTSTICKY" => Code::UidNotSticky,
        "ALREADYEXISTS" => Code::AlreadyExists,
        "BADCOMPARATOR" => Code::BadComparator,
        "EXPUNGEISSUED" => Code::ExpungeIssued,
        "PRIVACYREQUIRED" => Code::PrivacyRequired,
        "COMPRESSIONACTIVE" => Code::CompressionActive,
        "NOTIFICATIONOVERFLOW" => Code::NotificationOverflow,
        "AUTHORIZATIONFAILED" => Code::AuthorizationFailed,
        "AUTHENTICATIONFAILED" => Code::AuthenticationFailed,
        "BADCHARSET" => return Some(bad_charset(rest)),
        // If a quirk is off, only the code fails and is kept as it came; `strict::check_values` then refuses it.
        _ => return with_argument(cx, name, spaces(rest)).ok(),
    };
    Some((rest, plain))
}

/// `"BADCHARSET" [SP "(" charset *(SP charset) ")"]`
fn bad_charset(rest: &[u8]) -> (&[u8], Code<'_>) {
    let charsets = delimited(tag("("), take_until(")"), tag(")"));
    match charsets.map(|charsets| Code::BadCharset(List::raw(charsets))).parse(spaces(rest)) {
        Ok::<_, nom::Err<Fault<'_>>>(found) => found,
        Err(_) => (rest, Code::BadCharset(List::EMPTY)),
    }
}

fn with_argument<'a>(cx: Context<'_>, name: &str, input: &'a [u8]) -> Res<'a, Code<'a>> {
    match name {
        "UNSEEN" => number.map(Code::Unseen).parse(input),
        "UIDNEXT" => number.map(Code::UidNext).parse(input),
        "COPYUID" => (terminated(number, sp), terminated(uid_set, sp), uid_set)
            .map(|(validity, from, to)| Code::CopyUid { validity, from, to })
            .parse(input),
        "BADURL" => up_to_bracket.map(|url| Code::BadUrl(Text::of(url))).parse(input),
        "BADEVENT" => up_to_bracket.map(|events| Code::BadEvent(Text::of(events))).parse(input),
        "METADATA" => metadata(input),
        "MODIFIED" => uid_set.map(Code::Modified).parse(input),
        "REFERRAL" => up_to_bracket.map(|url| Code::Referral(Text::of(url))).parse(input),
        "APPENDUID" => separated_pair(number, sp, uid_set)
            .map(|(validity, uids)| Code::AppendUid { validity, uids })
            .parse(input),
        "MAILBOXID" => delimited(opening("("), objectid, closing).map(Code::MailboxId).parse(input),
        "CAPABILITY" => up_to_bracket.map(|words| Code::Capability(List::raw(words))).parse(input),
        "UIDVALIDITY" => number.map(Code::UidValidity).parse(input),
        "MESSAGELIMIT" => (number, opt(preceded(sp, number)))
            .map(|(limit, lowest)| Code::MessageLimit { limit, lowest })
            .parse(input),
        "HIGHESTMODSEQ" => number64.map(Code::HighestModSeq).parse(input),
        "PERMANENTFLAGS" => flags(cx, input).map(|(rest, flags)| (rest, Code::PermanentFlags(flags))),
        _ => fail(input, "resp-text-code"),
    }
}

/// `"METADATA" SP ("LONGENTRIES" SP number / "MAXSIZE" SP number / "TOOMANY" / "NOPRIVATE")` (RFC 5464), without the
/// first
fn metadata(input: &[u8]) -> Res<'_, Code<'_>> {
    let size = |name: &'static str| preceded((tag_no_case(name), sp), number64);
    alt((
        size("LONGENTRIES").map(Code::MetadataLongEntries),
        size("MAXSIZE").map(Code::MetadataMaxSize),
        tag_no_case("TOOMANY").map(|_| Code::MetadataTooMany),
        tag_no_case("NOPRIVATE").map(|_| Code::MetadataNoPrivate),
    ))
    .parse(input)
}

/// `uid-set` and `sequence-set`
pub(super) fn uid_set(input: &[u8]) -> Res<'_, SequenceSet> {
    let end = input
        .iter()
        .position(|octet| !octet.is_ascii_digit() && !matches!(octet, b':' | b',' | b'*'))
        .unwrap_or(input.len());
    let (set, rest) = input.split_at_checked(end).unwrap_or((input, &[]));
    SequenceSet::parse(set).map_or_else(|_| fail(input, "sequence-set"), |set| Ok((rest, set)))
}

/// `objectid = 1*255(ALPHA / DIGIT / "_" / "-")` (RFC 8474)
pub(super) fn objectid(input: &[u8]) -> Res<'_, Text<'_>> {
    match word(input) {
        ([], _) => fail(input, "objectid"),
        (id, rest) => Ok((rest, Text::of(id))),
    }
}

fn up_to_bracket(input: &[u8]) -> Res<'_, &[u8]> {
    named("]", take_until("]")).parse(input)
}
