//! `fetch-att` and its parts.

use alloc::vec::Vec;

use nom::{
    Parser,
    branch::alt,
    combinator::{cut, opt, value},
    sequence::{delimited, preceded, separated_pair},
};

use super::element::{checked, keyword, list1, mark, number, one_or_list, section, section_part, sp, word};
use crate::{
    FetchItem, Part, Partial,
    rule::{Res, fail},
};

/// `"ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")"`
pub(super) fn fetch_items(input: &[u8]) -> Res<'_, Vec<FetchItem<'_>>> {
    let all = word("ALL").map(|_| FetchItem::ALL.into());
    let full = word("FULL").map(|_| FetchItem::FULL.into());
    let fast = word("FAST").map(|_| FetchItem::FAST.into());
    alt((all, full, fast, one_or_list(fetch_att))).parse(input)
}

/// `fetch-att`
pub(super) fn fetch_att(input: &[u8]) -> Res<'_, FetchItem<'_>> {
    let (rest, name) = keyword("fetch-att")(input)?;
    let plain = match name.as_slice() {
        b"UID" => FetchItem::Uid,
        b"FLAGS" => FetchItem::Flags,
        b"INTERNALDATE" => FetchItem::InternalDate,
        b"RFC822.SIZE" => FetchItem::Size,
        b"ENVELOPE" => FetchItem::Envelope,
        b"BODYSTRUCTURE" => FetchItem::BodyStructure,
        b"BODY" if !rest.starts_with(b"[") => FetchItem::Body,
        b"BODY" => return body_section(false, rest),
        b"BODY.PEEK" => return body_section(true, rest),
        b"BINARY" => return binary(false, rest),
        b"BINARY.PEEK" => return binary(true, rest),
        b"BINARY.SIZE" => return section_binary.map(FetchItem::BinarySize).parse(rest),
        b"RFC822" => FetchItem::Rfc822,
        b"RFC822.HEADER" => FetchItem::Rfc822Header,
        b"RFC822.TEXT" => FetchItem::Rfc822Text,
        b"MODSEQ" => FetchItem::ModSeq,
        b"EMAILID" => FetchItem::EmailId,
        b"THREADID" => FetchItem::ThreadId,
        b"SAVEDATE" => FetchItem::SaveDate,
        b"PREVIEW" => return preview(rest),
        b"X-GM-MSGID" => FetchItem::GmailMessageId,
        b"X-GM-THRID" => FetchItem::GmailThreadId,
        b"X-GM-LABELS" => FetchItem::GmailLabels,
        _ => return fail(input, "fetch-att"),
    };
    Ok((rest, plain))
}

/// `section [partial]`
fn body_section(peek: bool, input: &[u8]) -> Res<'_, FetchItem<'_>> {
    let item = (section, opt(partial));
    item.map(|(section, partial)| FetchItem::Section { section, partial, peek }).parse(input)
}

/// `section-binary [partial]` (RFC 3516)
fn binary(peek: bool, input: &[u8]) -> Res<'_, FetchItem<'_>> {
    let item = (section_binary, opt(partial));
    item.map(|(part, partial)| FetchItem::Binary { part, partial, peek }).parse(input)
}

/// `section-binary = "[" [section-part] "]"`
fn section_binary(input: &[u8]) -> Res<'_, Part<'_>> {
    delimited(mark("["), section_part, mark("]")).parse(input)
}

/// `partial = "<" number64 "." nz-number64 ">"`
fn partial(input: &[u8]) -> Res<'_, Partial> {
    let count = checked("nz-number64", number::<u64>, |count| (count > 0).then_some(count));
    let range = separated_pair(number::<u64>, mark("."), count);
    delimited(mark("<"), cut(range), cut(mark(">")))
        .map(|(offset, count)| Partial { offset, count })
        .parse(input)
}

/// `[SP "(" "LAZY" *(SP "LAZY") ")"]` (RFC 8970)
fn preview(input: &[u8]) -> Res<'_, FetchItem<'_>> {
    if !input.starts_with(b" (") {
        return Ok((input, FetchItem::Preview { lazy: false }));
    }
    value(FetchItem::Preview { lazy: true }, preceded(sp, list1(word("LAZY")))).parse(input)
}
