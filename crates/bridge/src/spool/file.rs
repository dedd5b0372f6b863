//! The form of a spool file. Nothing here reads or writes the disk.
//!
//! A file is a head of fixed length, the envelope as one line of JSON, the message, and a line of JSON for each attempt.
//! Only the mark in the head is ever written over. It says which attempt sent the final dot, and is on the disk before the
//! dot is sent. Everything else is appended, also the recipients of each part of a message that goes in parts and what became of it. A last line
//! that a crash cut short is ignored.
//!
//! The line of an attempt names the report that the sender is owed for it, and another line says that the report is in the queue.

use std::{
    collections::BTreeSet,
    io::{self, Read, Seek, SeekFrom},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mailbearer::{
    Envelope,
    proto::smtp::{DeliverBy, Dsn, Notify, Returned},
};
use serde_json::{Map, Value, json};

use super::{entry::State, folder::is_id};

/// The contents of a spool file, without the message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The envelope with which the spool accepted it.
    pub envelope: Envelope,
    /// The account to send it by; `None` for the default one.
    pub account: Option<String>,
    /// When the spool accepted it, in seconds since 1970.
    pub taken: u64,
    /// The state of each recipient, in the envelope's order.
    pub states: Vec<State>,
    /// How many attempts have ended.
    pub attempts: u32,
    /// When the next attempt is due, in seconds since 1970.
    pub next: u64,
    /// How long it has waited, in seconds. At most a day counts between two attempts, as the clock may have jumped.
    pub waited: u64,
    /// The last search for this message, if its outcome is unknown and someone searched.
    pub look: Option<Look>,
    /// When it was taken or last tried, in seconds since 1970.
    pub(crate) last: u64,
    /// The number of the last attempt that sent its final dot.
    pub(crate) mark: u32,
    /// The number of the last attempt that sent it in parts, and the recipients of the parts that it had come to.
    pub(crate) parts: Option<(u32, BTreeSet<usize>)>,
    /// How many copies of it may have been sent to different recipients.
    pub(crate) copies: u32,
    /// Those who have a verdict from a part of an attempt that has not ended.
    pub(crate) known: BTreeSet<usize>,
    /// Whether a server accepted such a part without its requests for reports.
    pub(crate) without_dsn: bool,
    /// The report that the sender is owed.
    pub(crate) owed: Option<Owed>,
    pub(crate) body_at: u64,
    pub(crate) body_octets: u64,
    /// Where the last whole line ends.
    pub(crate) end: u64,
}

/// A report for the sender (RFC 3464) that is not in the queue yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owed {
    /// The name that its file will have. One that is there was written already.
    pub(crate) id: String,
    /// The recipients that it tells of.
    pub(crate) about: BTreeSet<usize>,
}

/// A search for a message whose outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Look {
    /// When it was, in seconds since 1970.
    pub at: u64,
    /// Its number; 1 for the first.
    pub number: u32,
    /// Its result.
    pub said: String,
}

impl Stored {
    /// Reads everything but the message from a file, which may be damaged or hostile.
    ///
    /// # Errors
    ///
    /// Fails if reading fails, and with [`io::ErrorKind::InvalidData`] if this program did not write the file.
    pub fn read(from: &mut (impl Read + Seek)) -> io::Result<Self> {
        let mut head = [0; HEAD];
        from.read_exact(&mut head).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged("its head is cut off"),
            _ => error,
        })?;
        let head = Head::parse(&head).ok_or_else(|| damaged("its head is none"))?;
        let mut line = vec![0; head.envelope];
        from.read_exact(&mut line).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged("its envelope is cut off"),
            _ => error,
        })?;
        let body_at = octets(HEAD.saturating_add(head.envelope));
        let end = body_at.checked_add(head.body).ok_or_else(|| damaged("its length is none"))?;
        if from.seek(SeekFrom::End(0))? < end {
            return Err(damaged("its message is cut off"));
        }
        let mut stored = envelope(&line).ok_or_else(|| damaged("its envelope is none"))?;
        stored.envelope.size = Some(head.body);
        stored.envelope.eight_bit = head.eight_bit;
        (stored.body_at, stored.body_octets, stored.end, stored.mark) = (body_at, head.body, end, head.mark);
        from.seek(SeekFrom::Start(end))?;
        let mut lines = Vec::new();
        from.take(JOURNAL.saturating_add(1)).read_to_end(&mut lines)?;
        if octets(lines.len()) > JOURNAL {
            return Err(damaged("what follows its message is too long"));
        }
        for line in lines.split_inclusive(|octet| *octet == b'\n') {
            let Some(record) = line.strip_suffix(b"\n").and_then(Record::parse) else { break };
            if !stored.apply(&record) {
                break;
            }
            stored.end = stored.end.saturating_add(octets(line.len()));
        }
        Ok(stored)
    }

    /// Whether an attempt sent the final dot and ended before it could write down the result.
    pub(crate) const fn is_interrupted(&self) -> bool {
        self.mark > self.attempts
    }

    /// Whether an attempt that ended so may have sent it to this recipient.
    pub(crate) fn is_interrupted_for(&self, index: usize) -> bool {
        let is_of_part = match &self.parts {
            Some((attempt, which)) if *attempt == self.mark => which.contains(&index),
            _ => true,
        };
        self.is_interrupted() && is_of_part
    }

    /// Whether there may be several copies of it with the same Message-ID, each for other recipients.
    pub(crate) fn has_copies(&self) -> bool {
        self.copies > 1 || self.states.iter().any(|state| matches!(state, State::Delivered(_)))
    }

    /// The recipients who wait, by their place in the envelope.
    pub(crate) fn waiting(&self) -> Vec<usize> {
        let states = self.states.iter().enumerate();
        states.filter(|(_, state)| matches!(state, State::Waiting(_))).map(|(index, _)| index).collect()
    }

    /// Applies a line. Returns false if the line does not fit.
    pub(crate) fn apply(&mut self, record: &Record) -> bool {
        match record {
            Record::Attempt { attempt, at, next, waited, results, owed } => {
                let is_about = |index: &usize| *index < self.states.len();
                let fits =
                    owed.as_ref().is_none_or(|owed| is_id(&owed.id) && owed.about.iter().all(is_about));
                if *attempt <= self.attempts || !fits || !self.set(results) {
                    return false;
                }
                (self.attempts, self.last, self.next, self.waited) = (*attempt, *at, *next, *waited);
                (self.known, self.without_dsn) = (BTreeSet::new(), false);
                self.owed.clone_from(owed);
            }
            Record::Part { attempt, which, .. } => {
                if *attempt <= self.attempts || which.iter().any(|index| *index >= self.states.len()) {
                    return false;
                }
                // A part for all who wait follows the end of a message for all of them.
                let more = if which.len() < self.waiting().len() { 1 } else { 2 };
                self.copies = self.copies.saturating_add(more);
                match &mut self.parts {
                    Some((known, own)) if known == attempt => own.extend(which),
                    parts => *parts = Some((*attempt, which.iter().copied().collect())),
                }
            }
            Record::Known { attempt, results, without_dsn, .. } => {
                if *attempt <= self.attempts || !self.set(results) {
                    return false;
                }
                let has_verdict = |state: &State| !matches!(state, State::Waiting(_));
                let known = results.iter().filter(|(state, _)| has_verdict(state));
                self.known.extend(known.flat_map(|(_, which)| which));
                self.without_dsn |= without_dsn;
                // Parts go one after the other, so none is on its way now.
                self.parts = Some((*attempt, BTreeSet::new()));
            }
            Record::Retry { at } => {
                for state in &mut self.states {
                    if !matches!(state, State::Delivered(_)) {
                        *state = State::Waiting(None);
                    }
                }
                // A person decided, so the attempt that never ended counts no more.
                self.attempts = self.attempts.max(self.mark);
                (self.last, self.next, self.waited, self.look) = (*at, *at, 0, None);
                (self.known, self.without_dsn, self.owed) = (BTreeSet::new(), false, None);
            }
            Record::Reported { id, .. } => {
                if self.owed.as_ref().is_none_or(|owed| owed.id != *id) {
                    return false;
                }
                self.owed = None;
            }
            Record::Look(look) => self.look = Some(look.clone()),
        }
        true
    }

    /// Changes the states of recipients. Returns false, and changes none, if there is no such recipient.
    fn set(&mut self, results: &[(State, Vec<usize>)]) -> bool {
        let is_known = |index: &usize| *index < self.states.len();
        if !results.iter().flat_map(|(_, which)| which).all(is_known) {
            return false;
        }
        for (state, which) in results {
            for index in which {
                if let Some(own) = self.states.get_mut(*index) {
                    own.clone_from(state);
                }
            }
        }
        true
    }
}

/// The first octets of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) envelope: usize,
    pub(crate) body: u64,
    pub(crate) eight_bit: bool,
    pub(crate) mark: u32,
}

impl Head {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let bits = if self.eight_bit { 8 } else { 7 };
        format!("{MAGIC}{:08} {:016} {bits} {:08}\n", self.envelope, self.body, self.mark).into_bytes()
    }

    fn parse(octets: &[u8; HEAD]) -> Option<Self> {
        let text = str::from_utf8(octets).ok()?;
        let mut fields = text.strip_prefix(MAGIC)?.strip_suffix('\n')?.split(' ');
        let head = Self {
            envelope: number(fields.next()?, 8)?,
            body: number(fields.next()?, 16)?,
            eight_bit: match fields.next()? {
                "7" => false,
                "8" => true,
                _ => return None,
            },
            mark: number(fields.next()?, 8)?,
        };
        (fields.next().is_none() && head.envelope <= ENVELOPE).then_some(head)
    }
}

/// The mark as it is written in the head at [`MARK_AT`].
pub(crate) fn mark(attempt: u32) -> String {
    format!("{attempt:08}")
}

/// A line behind the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// An attempt ended.
    Attempt {
        attempt: u32,
        at: u64,
        next: u64,
        waited: u64,
        /// New states, and the recipients by their place in the envelope. The state of all others does not change.
        results: Vec<(State, Vec<usize>)>,
        /// The report that the sender is owed now.
        owed: Option<Owed>,
    },
    /// The final dot is about to be sent for these recipients only.
    Part { attempt: u32, at: u64, which: Vec<usize> },
    /// That part ended so, and others follow.
    Known { attempt: u32, at: u64, results: Vec<(State, Vec<usize>)>, without_dsn: bool },
    /// The report of this name is in the queue, or the sender has heard of it in another way.
    Reported { at: u64, id: String },
    /// A person wants it tried again.
    Retry { at: u64 },
    /// Someone looked whether it arrived.
    Look(Look),
}

impl Record {
    pub(crate) fn to_line(&self) -> String {
        let value = match self {
            Self::Attempt { attempt, at, next, waited, results: all, owed } => {
                let mut line = json!({ "attempt": attempt, "at": at, "next": next, "waited": waited, "results": results(all) });
                if let (Some(Owed { id, about }), Some(line)) = (owed, line.as_object_mut()) {
                    line.insert("owed".into(), json!({ "id": id, "about": about }));
                }
                line
            }
            Self::Part { attempt, at, which } => json!({ "part_of": attempt, "at": at, "which": which }),
            Self::Known { attempt, at, results: all, without_dsn } => {
                json!({ "part_of": attempt, "at": at, "results": results(all), "without_dsn": without_dsn })
            }
            Self::Reported { at, id } => json!({ "reported": id, "at": at }),
            Self::Retry { at } => json!({ "retry": true, "at": at }),
            Self::Look(Look { at, number, said }) => json!({ "look": number, "at": at, "said": said }),
        };
        format!("{value}\n")
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(line).ok()?;
        let at = value.get("at")?.as_u64()?;
        if value.get("retry").is_some() {
            return Some(Self::Retry { at });
        }
        if let Some(attempt) = value.get("part_of") {
            let attempt = u32::try_from(attempt.as_u64()?).ok()?;
            return Some(match value.get("which") {
                Some(which) => Self::Part { attempt, at, which: indexes(which)? },
                None => {
                    let without_dsn = value.get("without_dsn").is_some_and(|flag| *flag == true);
                    Self::Known { attempt, at, results: results_of(&value)?, without_dsn }
                }
            });
        }
        if let Some(id) = value.get("reported") {
            return Some(Self::Reported { at, id: id.as_str()?.to_owned() });
        }
        if let Some(number) = value.get("look") {
            let number = u32::try_from(number.as_u64()?).ok()?;
            let said = value.get("said")?.as_str()?.to_owned();
            return Some(Self::Look(Look { at, number, said }));
        }
        Some(Self::Attempt {
            attempt: u32::try_from(value.get("attempt")?.as_u64()?).ok()?,
            at,
            next: value.get("next")?.as_u64()?,
            waited: value.get("waited")?.as_u64()?,
            results: results_of(&value)?,
            owed: match value.get("owed") {
                Some(owed) => Some(Owed {
                    id: owed.get("id")?.as_str()?.to_owned(),
                    about: indexes(owed.get("about")?)?.into_iter().collect(),
                }),
                None => None,
            },
        })
    }
}

fn results(results: &[(State, Vec<usize>)]) -> Value {
    let each = results.iter();
    each.map(|(state, which)| json!({ "state": state.word(), "reply": state.reply(), "which": which }))
        .collect()
}

fn results_of(line: &Value) -> Option<Vec<(State, Vec<usize>)>> {
    let results = line.get("results")?.as_array()?.iter().map(|result| {
        let reply = result.get("reply")?.as_str().map(str::to_owned);
        let state = State::of(result.get("state")?.as_str()?, reply)?;
        Some((state, indexes(result.get("which")?)?))
    });
    results.collect()
}

fn indexes(value: &Value) -> Option<Vec<usize>> {
    value.as_array()?.iter().map(|index| usize::try_from(index.as_u64()?).ok()).collect()
}

/// The line of an envelope.
pub(crate) fn envelope_line(envelope: &Envelope, account: Option<&str>, taken: u64) -> String {
    let Envelope { sender, recipients, smtp_utf8, binary, require_tls, deliver_by, dsn, .. } = envelope;
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| drop(map.insert(key.into(), value));
    put("sender", json!(sender));
    put("recipients", json!(recipients));
    put("account", json!(account));
    put("taken", json!(taken));
    put("smtp_utf8", json!(smtp_utf8));
    put("binary", json!(binary));
    put("require_tls", json!(require_tls));
    put("deliver_by", json!(deliver_by.map(|by| json!([by.seconds, by.give_up]))));
    put("returned", json!(dsn.returned.map(|returned| returned == Returned::Full)));
    put("envelope_id", json!(dsn.envelope_id));
    put("original_recipients", json!(dsn.original_recipients));
    let when = |notify: Option<Notify>| notify.map(|when| json!([when.success, when.failure, when.delay]));
    put("notify", json!(when(dsn.notify)));
    let each = dsn.notify_of.iter().map(|(recipient, notify)| json!([recipient, when(*notify)]));
    put("notify_of", each.collect());
    format!("{}\n", Value::Object(map))
}

fn envelope(line: &[u8]) -> Option<Stored> {
    let value: Value = serde_json::from_slice(line.strip_suffix(b"\n")?).ok()?;
    let field = |key: &str| value.get(key);
    let text = |key: &str| field(key).and_then(Value::as_str).map(str::to_owned);
    let flag = |key: &str| field(key).and_then(Value::as_bool);
    let recipients = field("recipients")?.as_array()?.iter().map(|one| one.as_str().map(str::to_owned));
    let recipients = recipients.collect::<Option<Vec<_>>>()?;
    if recipients.is_empty() {
        return None;
    }
    let states = vec![State::Waiting(None); recipients.len()];
    let mut envelope = Envelope::new(text("sender")?, recipients);
    envelope.smtp_utf8 = flag("smtp_utf8")?;
    envelope.binary = flag("binary")?;
    envelope.require_tls = flag("require_tls")?;
    envelope.deliver_by = match field("deliver_by")? {
        Value::Null => None,
        by => Some(DeliverBy::new(u32::try_from(by.get(0)?.as_u64()?).ok()?, by.get(1)?.as_bool()?)),
    };
    let mut dsn = Dsn::default();
    dsn.returned = flag("returned").map(|full| if full { Returned::Full } else { Returned::Header });
    dsn.envelope_id = text("envelope_id");
    dsn.notify = notify(field("notify")?)?;
    // Files of older versions have neither.
    if let Some(each) = field("notify_of") {
        let pair = |pair: &Value| Some((pair.get(0)?.as_str()?.to_owned(), notify(pair.get(1)?)?));
        dsn.notify_of = each.as_array()?.iter().map(pair).collect::<Option<_>>()?;
    }
    if let Some(originals) = field("original_recipients") {
        let pair =
            |pair: &Value| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_str()?.to_owned()));
        dsn.original_recipients = originals.as_array()?.iter().map(pair).collect::<Option<_>>()?;
    }
    envelope.dsn = dsn;
    let taken = field("taken")?.as_u64()?;
    Some(Stored {
        envelope,
        account: text("account"),
        taken,
        states,
        attempts: 0,
        next: taken,
        waited: 0,
        look: None,
        last: taken,
        mark: 0,
        parts: None,
        copies: 0,
        known: BTreeSet::new(),
        without_dsn: false,
        owed: None,
        body_at: 0,
        body_octets: 0,
        end: 0,
    })
}

fn notify(value: &Value) -> Option<Option<Notify>> {
    if value.is_null() {
        return Some(None);
    }
    let mut notify = Notify::default();
    notify.success = value.get(0)?.as_bool()?;
    notify.failure = value.get(1)?.as_bool()?;
    notify.delay = value.get(2)?.as_bool()?;
    Some(Some(notify))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

pub(crate) fn octets(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Parses exactly `digits` digits. A sign or a shorter number is refused.
fn number<T: std::str::FromStr>(text: &str, digits: usize) -> Option<T> {
    let is_whole = text.len() == digits && text.bytes().all(|octet| octet.is_ascii_digit());
    is_whole.then(|| text.parse().ok()).flatten()
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

const MAGIC: &str = "mailbearer-spool 1 ";
/// Octets of the head.
pub(crate) const HEAD: usize = 56;
/// Where in the head the mark stands.
pub(crate) const MARK_AT: u64 = 47;
/// Octets of an envelope's line.
pub(crate) const ENVELOPE: usize = 4 << 20;
/// Octets of the lines behind a message.
const JOURNAL: u64 = 64 << 20;

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
