//! `fetch-att` and what is in it.

use alloc::vec::Vec;

use super::reader::{Read, Reader};
use crate::{FetchItem, Part, Partial};

/// `"ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")"`
pub(super) fn fetch_items<'a>(reader: &mut Reader<'a>) -> Read<Vec<FetchItem<'a>>> {
    if reader.peek() == Some(b'(') {
        return reader.list1(fetch_item);
    }
    if reader.eat_word("ALL") {
        return Ok(FetchItem::ALL.into());
    }
    if reader.eat_word("FULL") {
        return Ok(FetchItem::FULL.into());
    }
    if reader.eat_word("FAST") {
        return Ok(FetchItem::FAST.into());
    }
    fetch_item(reader).map(|item| Vec::from([item]))
}

/// `fetch-att`
pub(super) fn fetch_item<'a>(reader: &mut Reader<'a>) -> Read<FetchItem<'a>> {
    Ok(match reader.keyword("fetch-att")?.as_slice() {
        b"UID" => FetchItem::Uid,
        b"FLAGS" => FetchItem::Flags,
        b"INTERNALDATE" => FetchItem::InternalDate,
        b"RFC822.SIZE" => FetchItem::Size,
        b"ENVELOPE" => FetchItem::Envelope,
        b"BODYSTRUCTURE" => FetchItem::BodyStructure,
        b"BODY" if reader.peek() != Some(b'[') => FetchItem::Body,
        b"BODY" => section(reader, false)?,
        b"BODY.PEEK" => section(reader, true)?,
        b"BINARY" => binary(reader, false)?,
        b"BINARY.PEEK" => binary(reader, true)?,
        b"BINARY.SIZE" => FetchItem::BinarySize(bracketed_part(reader)?),
        b"RFC822" => FetchItem::Rfc822,
        b"RFC822.HEADER" => FetchItem::Rfc822Header,
        b"RFC822.TEXT" => FetchItem::Rfc822Text,
        b"MODSEQ" => FetchItem::ModSeq,
        b"EMAILID" => FetchItem::EmailId,
        b"THREADID" => FetchItem::ThreadId,
        b"SAVEDATE" => FetchItem::SaveDate,
        b"PREVIEW" => FetchItem::Preview { lazy: lazy(reader)? },
        b"X-GM-MSGID" => FetchItem::GmailMessageId,
        b"X-GM-THRID" => FetchItem::GmailThreadId,
        b"X-GM-LABELS" => FetchItem::GmailLabels,
        _ => return reader.fail("fetch-att"),
    })
}

fn section<'a>(reader: &mut Reader<'a>, peek: bool) -> Read<FetchItem<'a>> {
    Ok(FetchItem::Section { section: reader.section()?, partial: partial(reader)?, peek })
}

fn binary<'a>(reader: &mut Reader<'a>, peek: bool) -> Read<FetchItem<'a>> {
    Ok(FetchItem::Binary { part: bracketed_part(reader)?, partial: partial(reader)?, peek })
}

fn bracketed_part<'a>(reader: &mut Reader<'a>) -> Read<Part<'a>> {
    reader.need(b'[', "[")?;
    let part = reader.part()?;
    reader.need(b']', "]")?;
    Ok(part)
}

/// `partial = "<" number64 "." nz-number64 ">"`
fn partial(reader: &mut Reader<'_>) -> Read<Option<Partial>> {
    if !reader.eat(b'<') {
        return Ok(None);
    }
    let offset = reader.number()?;
    reader.need(b'.', ".")?;
    let count = reader.number()?;
    if count == 0 {
        return reader.fail("nz-number64");
    }
    reader.need(b'>', ">")?;
    Ok(Some(Partial { offset, count }))
}

fn lazy(reader: &mut Reader<'_>) -> Read<bool> {
    if !reader.is_next(b" (") {
        return Ok(false);
    }
    reader.sp()?;
    reader.list1(|reader| if reader.eat_word("LAZY") { Ok(()) } else { reader.fail("LAZY") })?;
    Ok(true)
}
