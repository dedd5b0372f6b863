//! `search-program` and what goes with it.

use alloc::{boxed::Box, vec::Vec};

use super::reader::{Read, Reader};
use crate::{EntryScope, Flag, SearchKey, SearchReturn, SortCriterion, SortKey};

/// `["RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")" SP]`
pub(super) fn returns(reader: &mut Reader<'_>) -> Read<Option<Vec<SearchReturn>>> {
    if !reader.eat_word("RETURN") {
        return Ok(None);
    }
    reader.sp()?;
    let found = reader.list(|reader| {
        Ok(match reader.keyword("search-return-opt")?.as_slice() {
            b"MIN" => SearchReturn::Min,
            b"MAX" => SearchReturn::Max,
            b"ALL" => SearchReturn::All,
            b"COUNT" => SearchReturn::Count,
            b"SAVE" => SearchReturn::Save,
            b"PARTIAL" => {
                let (first, last) = partial_range(reader)?;
                SearchReturn::Partial(first, last)
            }
            _ => return reader.fail("search-return-opt"),
        })
    })?;
    reader.sp()?;
    Ok(Some(found))
}

/// `SP partial-range` (RFC 9394)
pub(super) fn partial_range(reader: &mut Reader<'_>) -> Read<(i64, i64)> {
    reader.sp()?;
    let first = place(reader)?;
    reader.need(b':', ":")?;
    Ok((first, place(reader)?))
}

/// A place in a result, counted from the end if negative (RFC 9394).
fn place(reader: &mut Reader<'_>) -> Read<i64> {
    let from_end = reader.eat(b'-');
    let number = i64::from(reader.number32()?);
    if number == 0 {
        return reader.fail("nz-number");
    }
    Ok(if from_end { number.saturating_neg() } else { number })
}

/// `"(" sort-criterion *(SP sort-criterion) ")"` (RFC 5256)
pub(super) fn sort_criteria(reader: &mut Reader<'_>) -> Read<Vec<SortCriterion>> {
    reader.list1(|reader| {
        let reverse = reader.eat_word("REVERSE");
        if reverse {
            reader.sp()?;
        }
        let name = reader.keyword("sort-key")?;
        let key = SortKey::NAMES.into_iter().find(|(_, known)| known.as_bytes() == name);
        key.map_or_else(|| reader.fail("sort-key"), |(key, _)| Ok(SortCriterion { reverse, key }))
    })
}

/// `search-key *(SP search-key)`
pub(super) fn search_program<'a>(reader: &mut Reader<'a>) -> Read<SearchKey<'a>> {
    let first = search_key(reader)?;
    if reader.is_done() {
        return Ok(first);
    }
    let mut keys = Vec::from([first]);
    while !reader.is_done() {
        reader.sp()?;
        keys.push(search_key(reader)?);
    }
    Ok(SearchKey::And(keys))
}

/// `search-key`
fn search_key<'a>(reader: &mut Reader<'a>) -> Read<SearchKey<'a>> {
    let Some(depth) = reader.depth.checked_sub(1) else { return reader.fail("nesting within the limit") };
    reader.depth = depth;
    let key = search_key_inside(reader);
    reader.depth = depth.saturating_add(1);
    key
}

fn search_key_inside<'a>(reader: &mut Reader<'a>) -> Read<SearchKey<'a>> {
    match reader.peek() {
        Some(b'(') => return reader.list1(search_key).map(SearchKey::And),
        Some(b'0'..=b'9' | b'*' | b'$') => return reader.set().map(SearchKey::Sequence),
        _ => {}
    }
    let name = reader.keyword("search-key")?;
    let plain = match name.as_slice() {
        b"ALL" => SearchKey::All,
        b"ANSWERED" => SearchKey::Flag(Flag::Answered),
        b"DELETED" => SearchKey::Flag(Flag::Deleted),
        b"DRAFT" => SearchKey::Flag(Flag::Draft),
        b"FLAGGED" => SearchKey::Flag(Flag::Flagged),
        b"NEW" => SearchKey::New,
        b"OLD" => SearchKey::NoFlag(Flag::Recent),
        b"RECENT" => SearchKey::Flag(Flag::Recent),
        b"SEEN" => SearchKey::Flag(Flag::Seen),
        b"UNANSWERED" => SearchKey::NoFlag(Flag::Answered),
        b"UNDELETED" => SearchKey::NoFlag(Flag::Deleted),
        b"UNDRAFT" => SearchKey::NoFlag(Flag::Draft),
        b"UNFLAGGED" => SearchKey::NoFlag(Flag::Flagged),
        b"UNSEEN" => SearchKey::NoFlag(Flag::Seen),
        b"SAVEDATESUPPORTED" => SearchKey::SaveDateSupported,
        name => return with_argument(reader, name),
    };
    Ok(plain)
}

fn with_argument<'a>(reader: &mut Reader<'a>, name: &[u8]) -> Read<SearchKey<'a>> {
    reader.sp()?;
    Ok(match name {
        b"BCC" => SearchKey::Bcc(reader.astring()?),
        b"BEFORE" => SearchKey::Before(reader.date()?),
        b"BODY" => SearchKey::Body(reader.astring()?),
        b"CC" => SearchKey::Cc(reader.astring()?),
        b"EMAILID" => SearchKey::EmailId(reader.atom()?),
        b"FROM" => SearchKey::From(reader.astring()?),
        b"HEADER" => {
            let name = reader.astring()?;
            reader.sp()?;
            SearchKey::Header { name, value: reader.astring()? }
        }
        b"KEYWORD" => SearchKey::Flag(Flag::Keyword(reader.atom()?)),
        b"LARGER" => SearchKey::Larger(reader.number()?),
        b"MODSEQ" => mod_seq(reader)?,
        b"NOT" => SearchKey::Not(Box::new(search_key(reader)?)),
        b"OLDER" => SearchKey::Older(reader.number32()?),
        b"ON" => SearchKey::On(reader.date()?),
        b"OR" => {
            let one = search_key(reader)?;
            reader.sp()?;
            SearchKey::Or(Box::new(one), Box::new(search_key(reader)?))
        }
        b"SAVEDBEFORE" => SearchKey::SavedBefore(reader.date()?),
        b"SAVEDON" => SearchKey::SavedOn(reader.date()?),
        b"SAVEDSINCE" => SearchKey::SavedSince(reader.date()?),
        b"SENTBEFORE" => SearchKey::SentBefore(reader.date()?),
        b"SENTON" => SearchKey::SentOn(reader.date()?),
        b"SENTSINCE" => SearchKey::SentSince(reader.date()?),
        b"SINCE" => SearchKey::Since(reader.date()?),
        b"SMALLER" => SearchKey::Smaller(reader.number()?),
        b"SUBJECT" => SearchKey::Subject(reader.astring()?),
        b"TEXT" => SearchKey::Text(reader.astring()?),
        b"THREADID" => SearchKey::ThreadId(reader.atom()?),
        b"TO" => SearchKey::To(reader.astring()?),
        b"UID" => SearchKey::Uid(reader.set()?),
        b"UNKEYWORD" => SearchKey::NoFlag(Flag::Keyword(reader.atom()?)),
        b"X-GM-LABELS" => SearchKey::GmailLabel(reader.astring()?),
        b"X-GM-MSGID" => SearchKey::GmailMessageId(reader.number()?),
        b"X-GM-RAW" => SearchKey::GmailRaw(reader.astring()?),
        b"X-GM-THRID" => SearchKey::GmailThreadId(reader.number()?),
        b"YOUNGER" => SearchKey::Younger(reader.number32()?),
        _ => return reader.fail("search-key"),
    })
}

/// `[search-modseq-ext] SP mod-sequence-valzer` (RFC 7162)
fn mod_seq<'a>(reader: &mut Reader<'a>) -> Read<SearchKey<'a>> {
    if reader.peek() != Some(b'"') {
        return reader.number().map(SearchKey::ModSeq);
    }
    let entry = reader.string()?;
    reader.sp()?;
    let scope = match reader.keyword("entry-type-req")?.as_slice() {
        b"PRIV" => EntryScope::Private,
        b"SHARED" => EntryScope::Shared,
        b"ALL" => EntryScope::All,
        _ => return reader.fail("entry-type-req"),
    };
    reader.sp()?;
    Ok(SearchKey::ModSeqOf { entry, scope, mod_seq: reader.number()? })
}
