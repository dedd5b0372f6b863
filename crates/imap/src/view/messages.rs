use alloc::vec::Vec;
use core::mem;

use super::{Flags, Message, Words};

/// Consecutive messages with ascending UIDs.
///
/// A program that watches many mailboxes keeps one of these for each, so a message takes an octet: consecutive UIDs are
/// only counted, keywords and MODSEQs are kept apart, and most messages have neither.
#[derive(Clone, Debug, Default)]
pub(super) struct Messages {
    /// UID of the first message.
    first: u32,
    /// The UIDs. Empty if each is one more than the one before.
    uids: Vec<u32>,
    /// The system flags of each message, with [`TOLD`] and [`MORE`].
    flags: Vec<u8>,
    /// The keywords of the messages with [`MORE`], by UID.
    words: Vec<(u32, Words)>,
    /// MODSEQ of each message. Empty if the server sent none.
    mod_seqs: Vec<u64>,
}

/// The server sent the flags.
const TOLD: u8 = 0x80;
/// The message has keywords.
const MORE: u8 = 0x40;

impl Messages {
    pub(super) const fn len(&self) -> usize {
        self.flags.len()
    }

    pub(super) fn uid(&self, offset: usize) -> Option<u32> {
        if offset >= self.len() {
            return None;
        }
        if self.uids.is_empty() {
            return self.first.checked_add(u32::try_from(offset).ok()?);
        }
        self.uids.get(offset).copied()
    }

    pub(super) fn has_flags(&self, offset: usize) -> bool {
        self.flags.get(offset).is_some_and(|bits| bits & TOLD != 0)
    }

    pub(super) fn first(&self) -> Option<u32> {
        self.uid(0)
    }

    pub(super) fn last(&self) -> Option<u32> {
        self.uid(self.len().checked_sub(1)?)
    }

    pub(super) fn get(&self, offset: usize) -> Option<Message> {
        let (uid, bits) = (self.uid(offset)?, *self.flags.get(offset)?);
        let words = self.words_of(uid, bits).and_then(|place| self.words.get(place));
        let words = words.map(|(_, words)| words.clone()).unwrap_or_default();
        let flags = (bits & TOLD != 0).then(|| Flags::from_parts(bits & !(TOLD | MORE), words));
        Some(Message { uid, mod_seq: self.mod_seqs.get(offset).copied().unwrap_or_default(), flags })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Message> + '_ {
        (0..self.len()).filter_map(|offset| self.get(offset))
    }

    /// Returns the place of the message with this UID.
    pub(super) fn position(&self, uid: u32) -> Option<usize> {
        if !self.uids.is_empty() {
            return self.uids.binary_search(&uid).ok();
        }
        let offset = usize::try_from(uid.checked_sub(self.first)?).ok()?;
        (offset < self.len()).then_some(offset)
    }

    /// Adds a message with a higher UID than all others.
    pub(super) fn push(&mut self, message: Message) {
        let Message { uid, mod_seq, flags } = message;
        if self.flags.is_empty() {
            self.first = uid;
        } else if !self.uids.is_empty() || self.last().and_then(|last| last.checked_add(1)) != Some(uid) {
            self.list_uids();
            self.uids.push(uid);
        }
        if mod_seq > 0 {
            self.mod_seqs.resize(self.len(), 0);
        }
        if mod_seq > 0 || !self.mod_seqs.is_empty() {
            self.mod_seqs.push(mod_seq);
        }
        self.flags.push(0);
        self.set_flags(self.len().saturating_sub(1), flags);
    }

    /// Changes what is known of a message.
    pub(super) fn set(&mut self, offset: usize, mod_seq: Option<u64>, flags: Option<Flags>) {
        if let Some(mod_seq) = mod_seq.filter(|mod_seq| *mod_seq > 0 || !self.mod_seqs.is_empty()) {
            self.mod_seqs.resize(self.len(), 0);
            if let Some(known) = self.mod_seqs.get_mut(offset) {
                *known = mod_seq;
            }
        }
        if flags.is_some() {
            self.set_flags(offset, flags);
        }
    }

    /// Removes a message. Returns its UID.
    pub(super) fn remove(&mut self, offset: usize) -> Option<u32> {
        let uid = self.uid(offset)?;
        let is_end = offset == 0 || offset.saturating_add(1) == self.len();
        if !is_end {
            self.list_uids();
        }
        let bits = self.flags.remove(offset);
        if let Some(place) = self.words_of(uid, bits) {
            self.words.remove(place);
        }
        if !self.mod_seqs.is_empty() {
            self.mod_seqs.remove(offset);
        }
        if !self.uids.is_empty() {
            self.uids.remove(offset);
        }
        if offset == 0 {
            self.first = self.uids.first().copied().unwrap_or(uid.saturating_add(1));
        }
        Some(uid)
    }

    /// Keeps the messages whose UIDs `stays` accepts.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(u32) -> bool) {
        for message in mem::take(self).iter() {
            if stays(message.uid) {
                self.push(message);
            }
        }
    }

    /// Adds all messages of `others`, whose UIDs are higher.
    pub(super) fn append(&mut self, others: &Self) {
        others.iter().for_each(|message| self.push(message));
    }

    pub(super) fn forget_mod_seqs(&mut self) {
        self.mod_seqs = Vec::new();
    }

    fn set_flags(&mut self, offset: usize, flags: Option<Flags>) {
        let (Some(uid), Some(bits)) = (self.uid(offset), self.flags.get(offset).copied()) else { return };
        let old = self.words_of(uid, bits);
        let (new, words) = flags.map_or((0, Words::default()), |flags| {
            let (system, words) = flags.into_parts();
            (system | TOLD, words)
        });
        let more = if words.is_empty() { 0 } else { MORE };
        match old {
            Some(place) if more == 0 => {
                self.words.remove(place);
            }
            Some(place) => {
                if let Some((_, known)) = self.words.get_mut(place) {
                    *known = words;
                }
            }
            None if more == 0 => {}
            None => {
                let place = self.words.partition_point(|(other, _)| *other < uid);
                self.words.insert(place, (uid, words));
            }
        }
        if let Some(bits) = self.flags.get_mut(offset) {
            *bits = new | more;
        }
    }

    fn words_of(&self, uid: u32, bits: u8) -> Option<usize> {
        if bits & MORE == 0 {
            return None;
        }
        self.words.binary_search_by_key(&uid, |(uid, _)| *uid).ok()
    }

    /// Lists all UIDs from now on.
    fn list_uids(&mut self) {
        if self.uids.is_empty() {
            self.uids = (self.first..).take(self.len()).collect();
        }
    }
}

impl From<Message> for Messages {
    fn from(message: Message) -> Self {
        let mut messages = Self::default();
        messages.push(message);
        messages
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String, vec};

    use super::*;

    fn message(uid: u32, dice: u32) -> Message {
        let words = match dice % 5 {
            0 => "$Done",
            1 => "$Done Work",
            _ => "",
        };
        let flags = (!dice.is_multiple_of(7))
            .then(|| Flags::from_parts(u8::try_from(dice % 32).unwrap(), words.into()));
        Message { uid, mod_seq: if dice.is_multiple_of(11) { u64::from(dice) } else { 0 }, flags }
    }

    /// Behaves as a list of messages would, whatever is done to it.
    #[test]
    fn is_a_list_of_messages() {
        for seed in 1..200_u32 {
            let mut state = seed;
            let mut roll = |sides: u32| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) % sides
            };
            let (mut packed, mut list) = (Messages::default(), Vec::<Message>::new());
            for _ in 0..60 {
                let place = usize::try_from(roll(1_000)).unwrap() % list.len().max(1);
                match roll(10) {
                    0 if !list.is_empty() => {
                        assert_eq!(packed.remove(place), Some(list.remove(place).uid));
                    }
                    1 if !list.is_empty() => {
                        let told = message(list[place].uid, roll(1_000));
                        packed.set(place, Some(told.mod_seq), told.flags.clone());
                        list[place].mod_seq = told.mod_seq;
                        list[place].flags = told.flags.or(list[place].flags.take());
                    }
                    2 => {
                        let (sides, side) = (roll(6) + 2, roll(2));
                        packed.retain(|uid| uid % sides != side);
                        list.retain(|message| message.uid % sides != side);
                    }
                    3 => {
                        let next = list.last().map_or(7, |last| last.uid + 1 + roll(2));
                        let others = vec![message(next, roll(1_000)), message(next + 1, roll(1_000))];
                        let mut more = Messages::from(others[0].clone());
                        more.push(others[1].clone());
                        packed.append(&more);
                        list.extend(others);
                    }
                    _ => {
                        let gap = if roll(8) == 0 { roll(5) } else { 0 };
                        let next = list.last().map_or(roll(9) + 1, |last| last.uid + 1 + gap);
                        let new = message(next, roll(1_000));
                        packed.push(new.clone());
                        list.push(new);
                    }
                }
                let context: String = format!("seed {seed}");
                assert_eq!(packed.iter().collect::<Vec<_>>(), list, "{context}");
                assert_eq!((packed.len(), packed.first()), (list.len(), list.first().map(|first| first.uid)));
                assert_eq!(packed.last(), list.last().map(|last| last.uid), "{context}");
                for uid in 0..list.last().map_or(3, |last| last.uid + 3) {
                    let want = list.iter().position(|message| message.uid == uid);
                    assert_eq!(packed.position(uid), want, "{context}");
                }
                let words = list
                    .iter()
                    .filter_map(Message::flags)
                    .filter(|flags| !(*flags).clone().into_parts().1.is_empty());
                assert_eq!(packed.words.len(), words.count(), "{context}");
            }
        }
    }

    #[test]
    fn a_message_like_its_neighbours_takes_an_octet() {
        let mut messages = Messages::default();
        for uid in 1..=512 {
            messages.push(Message { uid, mod_seq: 0, flags: Some(Flags::from_parts(1, Words::default())) });
        }
        let held = messages.flags.capacity() + messages.uids.capacity() * 4;
        assert_eq!((held, messages.words.capacity(), messages.mod_seqs.capacity()), (512, 0, 0));
        messages.forget_mod_seqs();
        messages.set(9, Some(7), None);
        assert_eq!(messages.get(9).map(|message| message.mod_seq), Some(7));
        messages.forget_mod_seqs();
        assert_eq!(messages.get(9).map(|message| message.mod_seq), Some(0));
    }
}
