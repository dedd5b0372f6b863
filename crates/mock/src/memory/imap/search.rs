//! SEARCH.

use std::borrow::Cow;

use mailbearer_imap::{
    Atom, Code, Data, Date, Esearch, Flag, Found, List, SearchKey, SearchReturn, SequenceSet, Text,
    server::Error,
};
use mailbearer_mime::Headers;

use super::{
    Imap,
    fetch::{internal_date, told_size},
    structure::{Kind, Node},
};
use crate::memory::{
    mailbox::{Message, now},
    personality::Quirks,
};

impl Imap {
    pub(super) fn search(
        &mut self,
        tag: &str,
        uid: bool,
        returns: Option<&[SearchReturn]>,
        charset: Option<&Atom<'_>>,
        key: &SearchKey<'_>,
    ) -> Result<(), Error> {
        let quirks = &self.voice().quirks;
        let charsets = if quirks.ascii_search { &CHARSETS[..1] } else { &CHARSETS[..] };
        let known = |name: &Atom<'_>| charsets.iter().any(|known| name.to_text().eq_ignore_ascii_case(known));
        if charset.is_some_and(|charset| !known(charset)) {
            if quirks.ascii_search {
                return self.no(None, "[BADCHARSET (US-ASCII)] The specified charset is not supported.");
            }
            let names = charsets.iter().map(|name| Text::from(*name)).collect();
            return self.no(Some(Code::BadCharset(names)), "The specified charset is not supported.");
        }
        let Some(view) = &self.view else { return Ok(()) };
        let highest = (view.count(), view.all().last().map_or(0, |(_, uid)| uid));
        let found: Option<Vec<u32>> = {
            let store = self.world.mailbox.lock();
            let folder = view.of(&store);
            let matching = |(number, message_uid): (u32, u32)| {
                let message = folder?.message(message_uid)?;
                let matched = matches(key, &Candidate { number, message, highest, quirks }, MAX_DEPTH);
                match matched {
                    Some(false) => None,
                    Some(true) => Some(Some(if uid { message_uid } else { number })),
                    None => Some(None),
                }
            };
            view.all().filter_map(matching).collect()
        };
        let Some(found) = found else { return self.bad_arguments() };
        match returns {
            None => self.tell(Data::Search(Found { numbers: List::from(found), mod_seq: None })),
            Some(returns) => self.tell(Data::Esearch(Box::new(esearch(tag, uid, returns, &found)))),
        }
        if self.tell_changes(uid) {
            return Ok(());
        }
        self.done("SEARCH")
    }
}

/// Charsets that search texts may be in.
const CHARSETS: [&str; 2] = ["US-ASCII", "UTF-8"];
/// Keys within keys.
const MAX_DEPTH: usize = 64;

fn esearch<'a>(tag: &'a str, uid: bool, returns: &[SearchReturn], found: &[u32]) -> Esearch<'a> {
    // RFC 4731 section 3.1: an empty list asks for ALL.
    let asked = |option: &SearchReturn| returns.contains(option);
    let all = returns.is_empty() || asked(&SearchReturn::All);
    let mut esearch = Esearch::default();
    esearch.tag = Some(Text::from(tag));
    esearch.uid = uid;
    esearch.min = found.first().copied().filter(|_| asked(&SearchReturn::Min));
    esearch.max = found.last().copied().filter(|_| asked(&SearchReturn::Max));
    esearch.all = SequenceSet::from_numbers(found.iter().copied()).filter(|_| all);
    esearch.count = asked(&SearchReturn::Count).then(|| u32::try_from(found.len()).unwrap_or(u32::MAX));
    esearch
}

struct Candidate<'a> {
    number: u32,
    message: &'a Message,
    /// The highest number and UID.
    highest: (u32, u32),
    quirks: &'a Quirks,
}

/// Whether the message is one that is looked for; `None` for a key that is not offered.
fn matches(key: &SearchKey<'_>, candidate: &Candidate<'_>, depth: usize) -> Option<bool> {
    let depth = depth.checked_sub(1)?;
    let message = candidate.message;
    let size = told_size(&message.octets, candidate.quirks);
    let arrived = || internal_date(message).map(|moment| moment.date());
    let header = |name: &str, text: &[u8]| Some(has_header(message, name, text));
    Some(match key {
        SearchKey::All => true,
        SearchKey::New => false,
        SearchKey::Flag(flag) => has(message, flag),
        // Nothing is recent here: RFC 9051 does away with it.
        SearchKey::NoFlag(flag) => !has(message, flag),
        SearchKey::Sequence(set) => set.contains(candidate.number, candidate.highest.0),
        SearchKey::Uid(set) => set.contains(message.uid, candidate.highest.1),
        SearchKey::Bcc(text) => return header("Bcc", text),
        SearchKey::Cc(text) => return header("Cc", text),
        SearchKey::From(text) => return header("From", text),
        SearchKey::To(text) => return header("To", text),
        SearchKey::Subject(text) => return header("Subject", text),
        SearchKey::Header { name, value } => return header(&name.to_text(), value),
        SearchKey::Body(text) => in_body(message, text),
        SearchKey::Text(text) => in_headers(message, text) || in_body(message, text),
        SearchKey::Before(date) => arrived()? < *date,
        SearchKey::On(date) => arrived()? == *date,
        SearchKey::Since(date) => arrived()? >= *date,
        SearchKey::SentBefore(date) => sent(message).is_some_and(|day| day < *date),
        SearchKey::SentOn(date) => sent(message).is_some_and(|day| day == *date),
        SearchKey::SentSince(date) => sent(message).is_some_and(|day| day >= *date),
        SearchKey::Larger(octets) => size > *octets,
        SearchKey::Smaller(octets) => size < *octets,
        SearchKey::Older(seconds) => age(message) >= i64::from(*seconds),
        SearchKey::Younger(seconds) => age(message) <= i64::from(*seconds),
        SearchKey::Not(key) => !matches(key, candidate, depth)?,
        SearchKey::Or(one, other) => matches(one, candidate, depth)? || matches(other, candidate, depth)?,
        SearchKey::And(keys) => {
            for key in keys {
                if !matches(key, candidate, depth)? {
                    return Some(false);
                }
            }
            true
        }
        _ => return None,
    })
}

fn has(message: &Message, flag: &Flag<'_>) -> bool {
    message.has_flag(&flag.to_string())
}

fn age(message: &Message) -> i64 {
    now().0.saturating_sub(message.internal_date.0)
}

/// The day of the `Date` header on its own clock.
fn sent(message: &Message) -> Option<Date> {
    let headers = Headers::parse(&message.octets).ok()?;
    Some(mailbearer_mime::decode::date_time(headers.get("Date")?.raw()).ok()?.date())
}

fn has_header(message: &Message, name: &str, text: &[u8]) -> bool {
    let Ok(headers) = Headers::parse(&message.octets) else { return false };
    let mut fields = headers.iter().filter(|field| field.name().eq_ignore_ascii_case(name));
    fields.any(|field| contains(&field.text(), text))
}

fn in_headers(message: &Message, text: &[u8]) -> bool {
    let Ok(headers) = Headers::parse(&message.octets) else { return false };
    headers.iter().any(|field| contains(field.name(), text) || contains(&field.text(), text))
}

/// Looks into the parts that are no multiparts, without their transfer encoding.
fn in_body(message: &Message, text: &[u8]) -> bool {
    any_leaf(&message.octets, &Node::parse(&message.octets), text)
}

fn any_leaf(octets: &[u8], node: &Node, text: &[u8]) -> bool {
    match &node.kind {
        Kind::Multi(parts) => parts.iter().any(|part| any_leaf(octets, part, text)),
        Kind::Message(message) => any_leaf(octets, message, text),
        Kind::Leaf => {
            let header = octets.get(node.header.clone()).unwrap_or_default();
            let body = octets.get(node.body.clone()).unwrap_or_default();
            let headers = Headers::parse(header).ok();
            let encoding = headers.and_then(|headers| headers.get("Content-Transfer-Encoding"));
            let decoded = match encoding {
                Some(field) => mailbearer_mime::decode::TransferEncoding::parse(field.raw()).decode(body),
                None => Cow::Borrowed(body),
            };
            contains(&String::from_utf8_lossy(&decoded), text)
        }
    }
}

/// RFC 9051 section 6.4.4: without regard to case.
fn contains(text: &str, wanted: &[u8]) -> bool {
    text.to_lowercase().contains(&String::from_utf8_lossy(wanted).to_lowercase())
}
