//! SEARCH, SORT and THREAD.

use core::fmt;

use super::{
    super::{Command, EntryScope, SearchKey, SearchReturn, SortKey, name_of, write::Writer},
    some,
};
use crate::{Flag, Invalid, datetime::Written};

impl Command<'_> {
    /// Writes the command, if it is one of these.
    pub(super) fn write_search(&self, out: &mut Writer) -> Result<(), Invalid> {
        match self {
            Self::Search { uid, returns, charset, key } => {
                out.raw(if *uid { "UID SEARCH " } else { "SEARCH " });
                write_returns(out, returns.as_deref())?;
                if let Some(charset) = charset {
                    out.raw("CHARSET ");
                    out.atom(charset)?;
                    out.raw(" ");
                }
                write_program(out, key)
            }
            Self::Sort { uid, returns, criteria, charset, key } => {
                out.raw(if *uid { "UID SORT " } else { "SORT " });
                write_returns(out, returns.as_deref())?;
                out.list(some(criteria)?, |out, criterion| {
                    out.raw(if criterion.reverse { "REVERSE " } else { "" });
                    out.raw(name_of(&SortKey::NAMES, &criterion.key));
                    Ok(())
                })?;
                out.raw(" ");
                out.atom(charset)?;
                out.raw(" ");
                write_program(out, key)
            }
            Self::Thread { uid, algorithm, charset, key } => {
                out.raw(if *uid { "UID THREAD " } else { "THREAD " });
                out.atom(algorithm)?;
                out.raw(" ");
                out.atom(charset)?;
                out.raw(" ");
                write_program(out, key)
            }
            _ => Ok(()),
        }
    }
}

/// `"PARTIAL" SP partial-range` (RFC 9394)
pub(super) fn write_partial(out: &mut Writer, (first, last): (i64, i64)) -> Result<(), Invalid> {
    // `nz-number`, with a minus on both or neither.
    let numbers = [first, last].map(|place| u32::try_from(place.unsigned_abs()));
    if numbers.iter().any(|number| !matches!(number, Ok(1..))) || (first < 0) != (last < 0) {
        return Err(Invalid("a range of a result that is none"));
    }
    out.raw("PARTIAL ");
    out.shown(first);
    out.raw(":");
    out.shown(last);
    Ok(())
}

/// `search-return-opts`, and the space behind it (RFC 4731, RFC 9394)
fn write_returns(out: &mut Writer, returns: Option<&[SearchReturn]>) -> Result<(), Invalid> {
    let Some(returns) = returns else { return Ok(()) };
    out.raw("RETURN ");
    out.list(returns, |out, option| {
        match option {
            SearchReturn::Min => out.raw("MIN"),
            SearchReturn::Max => out.raw("MAX"),
            SearchReturn::All => out.raw("ALL"),
            SearchReturn::Count => out.raw("COUNT"),
            SearchReturn::Save => out.raw("SAVE"),
            SearchReturn::Partial(first, last) => write_partial(out, (*first, *last))?,
        }
        Ok(())
    })?;
    out.raw(" ");
    Ok(())
}

/// `search-key *(SP search-key)`
fn write_program(out: &mut Writer, key: &SearchKey<'_>) -> Result<(), Invalid> {
    match key {
        SearchKey::And(keys) => out.joined(some(keys)?, write_key),
        key => write_key(out, key),
    }
}

/// `search-key`
fn write_key(out: &mut Writer, key: &SearchKey<'_>) -> Result<(), Invalid> {
    let text = |out: &mut Writer, name: &str, text: &[u8]| {
        out.raw(name);
        out.astring(text)
    };
    match key {
        SearchKey::All => out.raw("ALL"),
        SearchKey::New => out.raw("NEW"),
        SearchKey::SaveDateSupported => out.raw("SAVEDATESUPPORTED"),
        SearchKey::Flag(flag) => write_flag_key(out, flag, "", "KEYWORD ", "RECENT")?,
        SearchKey::NoFlag(flag) => write_flag_key(out, flag, "UN", "UNKEYWORD ", "OLD")?,
        SearchKey::Sequence(set) => out.shown(set),
        SearchKey::Uid(set) => shown(out, "UID ", set),
        SearchKey::Bcc(value) => text(out, "BCC ", value)?,
        SearchKey::Cc(value) => text(out, "CC ", value)?,
        SearchKey::From(value) => text(out, "FROM ", value)?,
        SearchKey::To(value) => text(out, "TO ", value)?,
        SearchKey::Subject(value) => text(out, "SUBJECT ", value)?,
        SearchKey::Body(value) => text(out, "BODY ", value)?,
        SearchKey::Text(value) => text(out, "TEXT ", value)?,
        SearchKey::Header { name, value } => {
            text(out, "HEADER ", name)?;
            text(out, " ", value)?;
        }
        SearchKey::Before(date) => shown(out, "BEFORE ", Written(*date)),
        SearchKey::On(date) => shown(out, "ON ", Written(*date)),
        SearchKey::Since(date) => shown(out, "SINCE ", Written(*date)),
        SearchKey::SentBefore(date) => shown(out, "SENTBEFORE ", Written(*date)),
        SearchKey::SentOn(date) => shown(out, "SENTON ", Written(*date)),
        SearchKey::SentSince(date) => shown(out, "SENTSINCE ", Written(*date)),
        SearchKey::SavedBefore(date) => shown(out, "SAVEDBEFORE ", Written(*date)),
        SearchKey::SavedOn(date) => shown(out, "SAVEDON ", Written(*date)),
        SearchKey::SavedSince(date) => shown(out, "SAVEDSINCE ", Written(*date)),
        SearchKey::Larger(size) => shown(out, "LARGER ", size),
        SearchKey::Smaller(size) => shown(out, "SMALLER ", size),
        SearchKey::Older(seconds) => shown(out, "OLDER ", seconds),
        SearchKey::Younger(seconds) => shown(out, "YOUNGER ", seconds),
        SearchKey::ModSeq(mod_seq) => shown(out, "MODSEQ ", mod_seq),
        SearchKey::ModSeqOf { entry, scope, mod_seq } => {
            out.raw("MODSEQ ");
            out.quoted(entry)?;
            out.raw(" ");
            out.raw(name_of(&EntryScope::NAMES, scope));
            out.raw(" ");
            out.shown(mod_seq);
        }
        SearchKey::EmailId(id) => {
            out.raw("EMAILID ");
            out.atom(id)?;
        }
        SearchKey::ThreadId(id) => {
            out.raw("THREADID ");
            out.atom(id)?;
        }
        SearchKey::GmailRaw(query) => text(out, "X-GM-RAW ", query)?,
        SearchKey::GmailLabel(label) => text(out, "X-GM-LABELS ", label)?,
        SearchKey::GmailMessageId(id) => shown(out, "X-GM-MSGID ", id),
        SearchKey::GmailThreadId(id) => shown(out, "X-GM-THRID ", id),
        SearchKey::And(keys) => out.list(some(keys)?, write_key)?,
        SearchKey::Not(key) => {
            out.raw("NOT ");
            write_key(out, key)?;
        }
        SearchKey::Or(one, other) => {
            out.raw("OR ");
            write_key(out, one)?;
            out.raw(" ");
            write_key(out, other)?;
        }
    }
    Ok(())
}

fn shown(out: &mut Writer, name: &str, value: impl fmt::Display) {
    out.raw(name);
    out.shown(value);
}

fn write_flag_key(
    out: &mut Writer,
    flag: &Flag<'_>,
    prefix: &str,
    keyword: &str,
    recent: &str,
) -> Result<(), Invalid> {
    let name = match flag {
        Flag::Recent => {
            out.raw(recent);
            return Ok(());
        }
        Flag::Keyword(name) => {
            out.raw(keyword);
            return out.atom(name);
        }
        Flag::Answered => "ANSWERED",
        Flag::Deleted => "DELETED",
        Flag::Draft => "DRAFT",
        Flag::Flagged => "FLAGGED",
        Flag::Seen => "SEEN",
        Flag::Any | Flag::System(_) => return Err(Invalid("a flag that cannot be searched for")),
    };
    out.raw(prefix);
    out.raw(name);
    Ok(())
}
