//! `search-program` and its parts.

use alloc::{boxed::Box, vec::Vec};

use nom::{
    Parser,
    branch::alt,
    bytes::complete::tag,
    combinator::{cut, opt},
    sequence::{preceded, separated_pair, terminated},
};

use super::element::{
    astring, atom, checked, date, joined, keyword, list, list1, mark, number, one_of, sequence_set, sp,
    string, word,
};
use crate::{
    EntryScope, Flag, SearchKey, SearchReturn, SortCriterion, SortKey,
    rule::{Fault, Res, fail},
};

/// `["RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")" SP]`
pub(super) fn search_return_opts(input: &[u8]) -> Res<'_, Option<Vec<SearchReturn>>> {
    let returns = terminated(preceded(sp, list(search_return_opt)), sp);
    opt(preceded(word("RETURN"), cut(returns))).parse(input)
}

fn search_return_opt(input: &[u8]) -> Res<'_, SearchReturn> {
    let (rest, name) = keyword("search-return-opt")(input)?;
    let plain = match name.as_slice() {
        b"MIN" => SearchReturn::Min,
        b"MAX" => SearchReturn::Max,
        b"ALL" => SearchReturn::All,
        b"COUNT" => SearchReturn::Count,
        b"SAVE" => SearchReturn::Save,
        b"PARTIAL" => {
            let range = preceded(sp, partial_range);
            return range.map(|(first, last)| SearchReturn::Partial(first, last)).parse(rest);
        }
        _ => return fail(input, "search-return-opt"),
    };
    Ok((rest, plain))
}

/// `partial-range = partial-place ":" partial-place` (RFC 9394)
pub(super) fn partial_range(input: &[u8]) -> Res<'_, (i64, i64)> {
    separated_pair(partial_place, mark(":"), partial_place).parse(input)
}

/// `["-"] nz-number` (RFC 9394): a place in a result, counted from the end if negative
fn partial_place(input: &[u8]) -> Res<'_, i64> {
    let place = (opt(tag("-")), number::<u32>);
    checked("nz-number", place, |(from_end, number)| {
        let number = i64::from(number);
        (number > 0).then_some(if from_end.is_some() { number.saturating_neg() } else { number })
    })
    .parse(input)
}

/// `sort-criteria = "(" sort-criterion *(SP sort-criterion) ")"` (RFC 5256)
pub(super) fn sort_criteria(input: &[u8]) -> Res<'_, Vec<SortCriterion>> {
    let reverse = opt(terminated(word("REVERSE"), sp));
    let key = one_of("sort-key", |name| {
        SortKey::NAMES.into_iter().find(|(_, known)| known.as_bytes() == name).map(|(key, _)| key)
    });
    list1((reverse, key).map(|(reverse, key)| SortCriterion { reverse: reverse.is_some(), key })).parse(input)
}

/// `search-key *(SP search-key)`
pub(super) fn search_program(input: &[u8]) -> Res<'_, SearchKey<'_>> {
    let (rest, mut keys) = joined(|input| search_key(DEPTH, input)).parse(input)?;
    Ok((rest, if keys.len() > 1 { SearchKey::And(keys) } else { keys.pop().unwrap_or(SearchKey::All) }))
}

/// How deep parentheses, NOT and OR may nest.
const DEPTH: u8 = 64;

/// `search-key`, nested at most `depth` deep
fn search_key(depth: u8, input: &[u8]) -> Res<'_, SearchKey<'_>> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(nom::Err::Failure(Fault { at: input, rule: "nesting within the limit" }));
    };
    match input {
        [b'(', ..] => return list1(|input| search_key(depth, input)).map(SearchKey::And).parse(input),
        [b'0'..=b'9' | b'*' | b'$', ..] => return sequence_set.map(SearchKey::Sequence).parse(input),
        _ => {}
    }
    let (rest, name) = keyword("search-key")(input)?;
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
        name => return with_argument(depth, name, sp(rest)?.0),
    };
    Ok((rest, plain))
}

/// Takes the arguments of the key with this name.
fn with_argument<'a>(depth: u8, name: &[u8], input: &'a [u8]) -> Res<'a, SearchKey<'a>> {
    let key = |input| search_key(depth, input);
    match name {
        b"BCC" => astring.map(SearchKey::Bcc).parse(input),
        b"BEFORE" => date.map(SearchKey::Before).parse(input),
        b"BODY" => astring.map(SearchKey::Body).parse(input),
        b"CC" => astring.map(SearchKey::Cc).parse(input),
        b"EMAILID" => atom.map(SearchKey::EmailId).parse(input),
        b"FROM" => astring.map(SearchKey::From).parse(input),
        b"HEADER" => {
            let field = separated_pair(astring, sp, astring);
            field.map(|(name, value)| SearchKey::Header { name, value }).parse(input)
        }
        b"KEYWORD" => atom.map(|name| SearchKey::Flag(Flag::Keyword(name))).parse(input),
        b"LARGER" => number.map(SearchKey::Larger).parse(input),
        b"MODSEQ" => mod_seq(input),
        b"NOT" => key.map(|key| SearchKey::Not(Box::new(key))).parse(input),
        b"OLDER" => number.map(SearchKey::Older).parse(input),
        b"ON" => date.map(SearchKey::On).parse(input),
        b"OR" => {
            let both = separated_pair(key, sp, key);
            both.map(|(one, other)| SearchKey::Or(Box::new(one), Box::new(other))).parse(input)
        }
        b"SAVEDBEFORE" => date.map(SearchKey::SavedBefore).parse(input),
        b"SAVEDON" => date.map(SearchKey::SavedOn).parse(input),
        b"SAVEDSINCE" => date.map(SearchKey::SavedSince).parse(input),
        b"SENTBEFORE" => date.map(SearchKey::SentBefore).parse(input),
        b"SENTON" => date.map(SearchKey::SentOn).parse(input),
        b"SENTSINCE" => date.map(SearchKey::SentSince).parse(input),
        b"SINCE" => date.map(SearchKey::Since).parse(input),
        b"SMALLER" => number.map(SearchKey::Smaller).parse(input),
        b"SUBJECT" => astring.map(SearchKey::Subject).parse(input),
        b"TEXT" => astring.map(SearchKey::Text).parse(input),
        b"THREADID" => atom.map(SearchKey::ThreadId).parse(input),
        b"TO" => astring.map(SearchKey::To).parse(input),
        b"UID" => sequence_set.map(SearchKey::Uid).parse(input),
        b"UNKEYWORD" => atom.map(|name| SearchKey::NoFlag(Flag::Keyword(name))).parse(input),
        b"X-GM-LABELS" => astring.map(SearchKey::GmailLabel).parse(input),
        b"X-GM-MSGID" => number.map(SearchKey::GmailMessageId).parse(input),
        b"X-GM-RAW" => astring.map(SearchKey::GmailRaw).parse(input),
        b"X-GM-THRID" => number.map(SearchKey::GmailThreadId).parse(input),
        b"YOUNGER" => number.map(SearchKey::Younger).parse(input),
        _ => fail(input, "search-key"),
    }
}

/// `[entry-name SP entry-type-req SP] mod-sequence-valzer` (RFC 7162)
fn mod_seq(input: &[u8]) -> Res<'_, SearchKey<'_>> {
    let scope = one_of("entry-type-req", |name| match name {
        b"PRIV" => Some(EntryScope::Private),
        b"SHARED" => Some(EntryScope::Shared),
        b"ALL" => Some(EntryScope::All),
        _ => None,
    });
    let of = (terminated(string, cut(sp)), cut(terminated(scope, sp)), cut(number));
    alt((
        of.map(|(entry, scope, mod_seq)| SearchKey::ModSeqOf { entry, scope, mod_seq }),
        number.map(SearchKey::ModSeq),
    ))
    .parse(input)
}
