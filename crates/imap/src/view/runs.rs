use alloc::vec::Vec;
use core::mem;

use super::{Message, messages::Messages};
use crate::UidSet;

/// The messages of a mailbox in the order of their numbers. Those that are not known are only counted.
///
/// Known messages are in runs of at most [`RUN`], so that removing one moves few. No two runs of unknown messages
/// touch, no run is empty, and UIDs ascend.
#[derive(Clone, Debug)]
pub(super) struct Runs {
    runs: Vec<Run>,
    count: u32,
    known: usize,
    /// Index of a run, and the number of its first message: where a search for a higher number can start.
    hint: (usize, u32),
}

#[derive(Clone, Debug)]
enum Run {
    Unknown(u32),
    Known(Messages),
}

/// What is at a number.
pub(super) enum Found<'a> {
    Nothing,
    Unknown,
    /// A known message: the run, and its place in it.
    Known(&'a mut Messages, usize),
}

impl Runs {
    pub(super) const NONE: Self = Self { runs: Vec::new(), count: 0, known: 0, hint: (0, 1) };

    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    pub(super) const fn known(&self) -> usize {
        self.known
    }

    pub(super) const fn stretches(&self) -> usize {
        self.runs.len()
    }

    pub(super) fn get(&self, sequence: u32) -> Option<Message> {
        let (run, offset) = self.locate(sequence, (0, 1))?;
        match self.runs.get(run)? {
            Run::Known(messages) => messages.get(offset),
            Run::Unknown(_) => None,
        }
    }

    pub(super) fn seek(&mut self, sequence: u32) -> Found<'_> {
        let Some((run, offset)) = self.locate(sequence, self.hint) else { return Found::Nothing };
        self.hint = (run, sequence.saturating_sub(number(offset)));
        match self.runs.get_mut(run) {
            Some(Run::Known(messages)) => Found::Known(messages, offset),
            _ => Found::Unknown,
        }
    }

    /// Returns the number of the message with this UID, and whether its flags are known.
    pub(super) fn find(&self, uid: u32) -> Option<(u32, bool)> {
        let mut start = 1_u32;
        for run in &self.runs {
            if let Some(messages) = run.messages().filter(|messages| messages.last() >= Some(uid)) {
                let at = messages.position(uid)?;
                return Some((start.saturating_add(number(at)), messages.has_flags(at)));
            }
            start = start.saturating_add(run.len());
        }
        None
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Message)> + '_ {
        let mut start = 1_u32;
        self.runs.iter().flat_map(move |run| {
            let first = start;
            start = start.saturating_add(run.len());
            (first..).zip(run.messages().into_iter().flat_map(Messages::iter))
        })
    }

    /// The highest UID that is known.
    pub(super) fn last(&self) -> Option<u32> {
        self.runs.iter().rev().find_map(|run| run.messages()?.last())
    }

    pub(super) fn forget_mod_seqs(&mut self) {
        for run in &mut self.runs {
            if let Run::Known(messages) = run {
                messages.forget_mod_seqs();
            }
        }
    }

    /// Returns the numbers of messages that are not known, and on request of those without flags too.
    pub(super) fn unknown(&self, or_without_flags: bool) -> UidSet {
        let mut start = 1_u32;
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut add = |first: u32, last: u32| match ranges.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(first) => *end = last,
            _ => ranges.push((first, last)),
        };
        for run in &self.runs {
            if let Run::Unknown(count) = run {
                add(start, start.saturating_add(count.saturating_sub(1)));
            }
            if let Some(messages) = run.messages().filter(|_| or_without_flags) {
                let offsets = (0..messages.len()).filter(|offset| !messages.has_flags(*offset));
                offsets
                    .map(|offset| start.saturating_add(number(offset)))
                    .for_each(|found| add(found, found));
            }
            start = start.saturating_add(run.len());
        }
        ranges.into_iter().collect()
    }

    /// Adds unknown messages at the end.
    pub(super) fn append(&mut self, more: u32) {
        self.count = self.count.saturating_add(more);
        match self.runs.last_mut() {
            _ if more == 0 => {}
            Some(Run::Unknown(count)) => *count = count.saturating_add(more),
            _ => self.runs.push(Run::Unknown(more)),
        }
    }

    /// Forgets everything but the number of messages.
    pub(super) fn lose(&mut self, count: u32) {
        *self = Self::default();
        self.append(count);
    }

    /// Makes messages unknown again.
    pub(super) fn unlearn(&mut self, which: impl Fn(&Message) -> bool) {
        let runs = mem::take(self).runs;
        for run in runs {
            let Run::Known(messages) = run else {
                self.append(run.len());
                continue;
            };
            for message in messages.iter() {
                if which(&message) {
                    self.append(1);
                    continue;
                }
                self.count = self.count.saturating_add(1);
                self.known = self.known.saturating_add(1);
                match self.runs.last_mut() {
                    Some(Run::Known(last)) if last.len() < RUN => last.push(message),
                    _ => self.runs.push(Run::Known(message.into())),
                }
            }
        }
    }

    /// Removes the unknown messages. Returns how many are known.
    pub(super) fn drop_unknown(&mut self) -> u32 {
        self.runs.retain(|run| matches!(run, Run::Known(_)));
        self.count = number(self.known);
        self.hint = (0, 1);
        self.count
    }

    /// Removes the message with this number. Returns its UID if that was known, `None` if there is no such message.
    pub(super) fn remove(&mut self, sequence: u32) -> Option<Option<u32>> {
        let (run, offset) = self.locate(sequence, self.hint)?;
        self.hint = (0, 1);
        self.count = self.count.saturating_sub(1);
        let uid = match self.runs.get_mut(run)? {
            Run::Unknown(count) => {
                *count = count.saturating_sub(1);
                None
            }
            Run::Known(messages) => {
                self.known = self.known.saturating_sub(1);
                messages.remove(offset)
            }
        };
        self.tidy(run);
        Some(uid)
    }

    /// Removes the messages with these UIDs. If `exact`, each of `uids` is a message, so those that are not known are
    /// removed from the unknown ones, and their number is returned too.
    pub(super) fn remove_uids(&mut self, uids: &UidSet, exact: bool) -> (UidSet, u32) {
        let (mut removed, mut others) = (UidSet::new(), 0_u32);
        let mut known = 0_usize;
        let mut before = 0_u32;
        let mut index = 0;
        while index < self.runs.len() {
            let after = self.runs.get(index.saturating_add(1)).and_then(|run| run.messages()?.first());
            let after = after.map_or(u32::MAX, |uid| uid.saturating_sub(1));
            match self.runs.get_mut(index) {
                Some(Run::Unknown(count)) if exact => {
                    let between = uids.count_between(before.saturating_add(1), after);
                    let gone = u32::try_from(between).unwrap_or(u32::MAX).min(*count);
                    *count = count.saturating_sub(gone);
                    others = others.saturating_add(gone);
                }
                Some(Run::Known(messages)) => {
                    let first = messages.first().unwrap_or_default();
                    before = messages.last().unwrap_or(before);
                    if uids.count_between(first, before) > 0 {
                        messages.retain(|uid| {
                            let gone = uids.contains(uid);
                            if gone {
                                removed.insert(uid);
                                known = known.saturating_add(1);
                            }
                            !gone
                        });
                    }
                }
                _ => {}
            }
            index = index.saturating_add(1);
        }
        if !removed.is_empty() || others > 0 {
            self.count = self.count.saturating_sub(number(known)).saturating_sub(others);
            self.known = self.known.saturating_sub(known);
            self.rebuild();
        }
        (removed, others)
    }

    /// Makes an unknown message known. Returns false if its UID does not fit between those of its neighbours.
    pub(super) fn learn(&mut self, sequence: u32, message: Message) -> bool {
        let Some((index, offset)) = self.locate(sequence, self.hint) else { return false };
        let Some(Run::Unknown(count)) = self.runs.get(index) else { return false };
        let (before, after) = (number(offset), count.saturating_sub(number(offset)).saturating_sub(1));
        let previous = index.checked_sub(1).and_then(|index| self.runs.get(index)?.messages()?.last());
        let next = self.runs.get(index.saturating_add(1)).and_then(|run| run.messages()?.first());
        // Each unknown message in between has a UID of its own.
        let room_before = message.uid.checked_sub(previous.unwrap_or_default());
        let room_after = next.unwrap_or(u32::MAX).checked_sub(message.uid);
        let fits = room_before.is_some_and(|room| room > before)
            && room_after.is_some_and(|room| room > after || next.is_none());
        if !fits {
            return false;
        }
        self.known = self.known.saturating_add(1);
        self.hint = (0, 1);
        if before == 0 && self.push_to_previous(index, &message) {
            let previous = index.saturating_sub(1);
            if after == 0 {
                self.runs.remove(index);
                self.tidy(previous);
            } else if let Some(Run::Unknown(count)) = self.runs.get_mut(index) {
                *count = after;
                // Servers mostly report messages in order.
                let length = self.runs.get(previous).map_or(0, Run::len);
                self.hint = (previous, sequence.saturating_add(1).saturating_sub(length));
            }
            return true;
        }
        let split = [Run::Unknown(before), Run::Known(message.into()), Run::Unknown(after)];
        self.runs.splice(index..=index, split.into_iter().filter(|run| run.len() > 0));
        let own = index.saturating_add(usize::from(before > 0));
        if after > 0 {
            self.hint = (own, sequence);
        } else {
            self.tidy(own);
        }
        true
    }

    fn push_to_previous(&mut self, index: usize, message: &Message) -> bool {
        match index.checked_sub(1).and_then(|previous| self.runs.get_mut(previous)) {
            Some(Run::Known(messages)) if messages.len() < RUN => {
                messages.push(message.clone());
                true
            }
            _ => false,
        }
    }

    /// Returns the run that holds this number, and the message's place in it.
    fn locate(&self, sequence: u32, hint: (usize, u32)) -> Option<(usize, usize)> {
        if sequence == 0 || sequence > self.count {
            return None;
        }
        let (mut index, mut start) = if sequence >= hint.1 { hint } else { (0, 1) };
        loop {
            let offset = sequence.saturating_sub(start);
            let length = self.runs.get(index)?.len();
            if offset < length {
                return Some((index, usize::try_from(offset).ok()?));
            }
            start = start.saturating_add(length);
            index = index.saturating_add(1);
        }
    }

    /// Restores order around a run that became smaller.
    fn tidy(&mut self, index: usize) {
        if self.runs.get(index).is_some_and(|run| run.len() == 0) {
            self.runs.remove(index);
        }
        for left in [index, index.saturating_sub(1)] {
            self.join(left);
        }
    }

    /// Joins a run with the next one, if they can be one.
    fn join(&mut self, left: usize) {
        let right = left.saturating_add(1);
        let Some([one, two]) = self.runs.get_mut(left..=right) else { return };
        if one.take_over(two) {
            self.runs.remove(right);
        }
    }

    /// Whether everything is true that is said of [`Runs`] above, and its counts are right.
    #[cfg(test)]
    pub(super) fn is_tidy(&self) -> bool {
        let known = |run: &Run| run.messages().map_or(0, Messages::len);
        let uids: std::vec::Vec<u32> = self.iter().map(|(_, message)| message.uid).collect();
        self.runs.iter().all(|run| run.len() > 0 && known(run) <= RUN)
            && self.runs.windows(2).all(|two| !two.iter().all(|run| matches!(run, Run::Unknown(_))))
            && uids.is_sorted_by(|one, two| one < two)
            && self.known == self.runs.iter().map(known).sum::<usize>()
            && self.count == self.runs.iter().map(Run::len).sum::<u32>()
    }

    /// Restores order everywhere, in one pass.
    fn rebuild(&mut self) {
        self.hint = (0, 1);
        let mut runs: Vec<Run> = Vec::with_capacity(self.runs.len());
        for mut run in mem::take(&mut self.runs) {
            let is_joined = runs.last_mut().is_some_and(|last| last.take_over(&mut run));
            if run.len() > 0 && !is_joined {
                runs.push(run);
            }
        }
        self.runs = runs;
    }
}

impl Default for Runs {
    fn default() -> Self {
        Self::NONE
    }
}

impl Run {
    fn len(&self) -> u32 {
        match self {
            Self::Unknown(count) => *count,
            Self::Known(messages) => number(messages.len()),
        }
    }

    const fn messages(&self) -> Option<&Messages> {
        match self {
            Self::Unknown(_) => None,
            Self::Known(messages) => Some(messages),
        }
    }

    /// Moves the contents of the next run here, if the two can be one. Returns whether it did.
    fn take_over(&mut self, next: &mut Self) -> bool {
        match (self, next) {
            (Self::Unknown(one), Self::Unknown(two)) => {
                *one = one.saturating_add(*two);
                true
            }
            // Well below the limit, so that runs are not joined and split by turns.
            (Self::Known(one), Self::Known(two))
                if one.len().saturating_add(two.len()) <= RUN.saturating_div(2) =>
            {
                one.append(two);
                true
            }
            _ => false,
        }
    }
}

/// The most messages in one run. Few in tests, so that these have many runs.
const RUN: usize = if cfg!(test) { 4 } else { 512 };

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
