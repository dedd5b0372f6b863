//! Finds mistakes that [`Quirks`] do not allow: in spaces, quotes and octets before the grammar runs, and in values
//! after it.
//!
//! The leaves of the grammar always tolerate these mistakes, because a check there would cost more. If a quirk is off,
//! this finds what they tolerated.

use super::{
    Fault,
    scan::{atom, literal, quoted_raw},
};
use crate::{
    BodyStructure, Code, Data, Fetch, Flag, Item, Kind, List, Number, Param, Quirks, Response, SequenceSet,
    StatusItem, classify,
};

/// Whether all quirks are on, so that there is nothing to find.
#[inline]
pub(super) const fn overlooks_all(quirks: &Quirks) -> bool {
    quirks.spacing
        && quirks.eight_bit
        && quirks.stray_quote
        && quirks.line_break
        && quirks.wrong_nil
        && quirks.odd_flag
        && quirks.zero_number
        && quirks.open_set
}

/// Fails at the first mistake in `response` that `quirks` do not allow.
pub(super) fn check<'a>(quirks: &Quirks, response: &'a [u8]) -> Result<(), Fault<'a>> {
    // The text of status responses is free.
    if !matches!(classify(response), Kind::Data | Kind::Capability) {
        return Ok(());
    }
    let (mut rest, mut before, mut depth) = (response, b' ', 0_usize);
    while let [first, after @ ..] = rest {
        let at = rest;
        let fault = |rule| Err(Fault { at, rule });
        rest = match first {
            b'"' => {
                let Ok((after, (text, _))) = quoted_raw(rest) else { return fault("quoted") };
                if !quirks.stray_quote && !is_escaped(text) {
                    return fault("quoted");
                }
                if !quirks.line_break && text.contains(&b'\n') {
                    return fault("quoted");
                }
                if !quirks.eight_bit && core::str::from_utf8(text).is_err() {
                    return fault("UTF-8");
                }
                after
            }
            b'{' => literal(rest).map_or(after, |(after, _)| after),
            _ => after,
        };
        let next = rest.first().copied().unwrap_or(b'\n');
        let spaced = match first {
            b'{' => matches!(before, b' ' | b'(' | b'~'),
            b'"' => matches!(before, b' ' | b'('),
            b' ' => !matches!(next, b' ' | b')' | b'\r' | b'\n') && before != b'(',
            b'(' => matches!(before, b' ' | b'(' | b')'),
            b')' => matches!(next, b' ' | b'(' | b')' | b']' | b'\r' | b'\n'),
            _ => true,
        };
        if !quirks.spacing && !spaced {
            return fault("SP");
        }
        // Only lists of flags and the like may be empty. Elsewhere, NIL stands for an empty list.
        if !quirks.wrong_nil && *first == b'(' && next == b')' && depth > 1 {
            return fault("list with an element");
        }
        depth = match first {
            b'(' => depth.saturating_add(1),
            b')' => depth.saturating_sub(1),
            _ => depth,
        };
        if !quirks.eight_bit && !first.is_ascii() {
            return fault("ASCII");
        }
        before = *first;
    }
    Ok(())
}

/// Whether every quote and backslash in `text` is escaped.
fn is_escaped(text: &[u8]) -> bool {
    let mut octets = text.iter();
    while let Some(octet) = octets.next() {
        match octet {
            b'"' => return false,
            b'\\' if !matches!(octets.next(), Some(b'"' | b'\\')) => return false,
            _ => {}
        }
    }
    true
}

/// Names the first rule that a value breaks and `quirks` do not allow to be broken.
pub(super) fn check_values(quirks: &Quirks, response: &Response<'_>) -> Result<(), &'static str> {
    let values = Values(quirks);
    match response {
        Response::Continuation { code, .. } => values.code(code.as_ref()),
        Response::Tagged { line, .. } | Response::Untagged(Data::Status(line)) => {
            values.code(line.code.as_ref())
        }
        Response::Untagged(data) => values.data(data),
    }
}

/// The same as [`check_values`], for responses that listings consist of.
pub(super) fn check_summary_data(quirks: &Quirks, data: &Data<'_>) -> Result<(), &'static str> {
    match data {
        Data::Fetch(fetch) | Data::UidFetch(fetch) => Values(quirks).fetch(fetch, Values::summary_item),
        Data::Expunge(number) => Values(quirks).number(*number),
        _ => Ok(()),
    }
}

struct Values<'q>(&'q Quirks);

impl Values<'_> {
    fn code(&self, code: Option<&Code<'_>>) -> Result<(), &'static str> {
        match code {
            Some(Code::PermanentFlags(flags)) => self.flags(flags, true),
            // It was kept as it came, which may be because of NIL.
            Some(Code::Other { name, .. }) if name.eq_ignore_ascii_case(b"PERMANENTFLAGS") => {
                if self.0.wrong_nil { Ok(()) } else { Err("flag-list") }
            }
            Some(Code::AppendUid { validity, uids }) => self.number(*validity).and(self.set(uids)),
            Some(Code::CopyUid { validity, from, to }) => {
                self.number(*validity).and(self.set(from)).and(self.set(to))
            }
            Some(Code::UidNext(number) | Code::UidValidity(number) | Code::Unseen(number)) => {
                self.number(*number)
            }
            _ => Ok(()),
        }
    }

    fn data(&self, data: &Data<'_>) -> Result<(), &'static str> {
        match data {
            Data::Flags(flags) => self.flags(flags, false),
            Data::List(listed) | Data::Lsub(listed) => self.flags(&listed.attributes, false),
            Data::Expunge(number) => self.number(*number),
            Data::Search(found) | Data::Sort(found) => {
                found.numbers.iter().try_for_each(|number| self.number(number))
            }
            Data::Vanished { uids, .. } => self.set(uids),
            Data::MailboxStatus { items, .. } => items.iter().try_for_each(|item| match item {
                StatusItem::UidNext(number) | StatusItem::UidValidity(number) => self.number(number),
                _ => Ok(()),
            }),
            Data::Fetch(fetch) | Data::UidFetch(fetch) => self.fetch(fetch, Self::item),
            _ => Ok(()),
        }
    }

    fn fetch(
        &self,
        fetch: &Fetch<'_>,
        check: fn(&Self, &Item<'_>) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        if fetch.items.is_empty() && !self.0.wrong_nil {
            return Err("msg-att with an item");
        }
        self.number(fetch.number)?;
        fetch.items.iter().try_for_each(|item| check(self, item))
    }

    fn item(&self, item: &Item<'_>) -> Result<(), &'static str> {
        match item {
            Item::BodyStructure { structure, .. } => self.structure(structure),
            item => self.summary_item(item),
        }
    }

    fn summary_item(&self, item: &Item<'_>) -> Result<(), &'static str> {
        match item {
            Item::Uid(uid) => self.number(*uid),
            Item::Flags(flags) => self.flags(flags, false),
            _ => Ok(()),
        }
    }

    fn structure(&self, structure: &BodyStructure<'_>) -> Result<(), &'static str> {
        match structure {
            BodyStructure::Single(part) => {
                self.params(&part.parameters)?;
                part.message.as_ref().map_or(Ok(()), |message| self.structure(&message.structure))
            }
            BodyStructure::Multi(multi) => {
                self.params(&multi.parameters)?;
                multi.parts.iter().try_for_each(|part| self.structure(part))
            }
        }
    }

    fn params(&self, params: &List<'_, Param<'_>>) -> Result<(), &'static str> {
        let all = self.0.wrong_nil || params.iter().all(|param| param.value.is_some());
        if all { Ok(()) } else { Err("parameter with a value") }
    }

    fn flags(&self, flags: &List<'_, Flag<'_>>, any: bool) -> Result<(), &'static str> {
        let fits = |flag: Flag<'_>| match flag {
            Flag::Any => any,
            flag => matches!(atom(flag.word()), Ok(([], _))),
        };
        if self.0.odd_flag || flags.iter().all(fits) { Ok(()) } else { Err("flag") }
    }

    fn number(&self, number: u32) -> Result<(), &'static str> {
        if number == 0 && !self.0.zero_number { Err("nz-number") } else { Ok(()) }
    }

    fn set(&self, set: &SequenceSet) -> Result<(), &'static str> {
        let open = |(first, last)| first == Number::Highest || last == Number::Highest;
        if !self.0.open_set && set.ranges().any(open) { Err("uid-set") } else { Ok(()) }
    }
}
