use alloc::{vec, vec::Vec};
use core::{fmt, iter, mem, str::FromStr};

use crate::{Invalid, Number, SequenceSet};

/// A set of UIDs or message numbers. It may be empty.
///
/// Kept as ascending ranges that do not touch, so that a mailbox of contiguous UIDs takes eight octets. Each UID is in
/// it once, in ascending order. Where another order or `*` matters, use [`SequenceSet`], which is what goes over the
/// wire. 0 is no UID and never in a set.
///
/// ```
/// use mailbearer_imap::UidSet;
///
/// let seen: UidSet = [7, 1, 2, 3].into_iter().collect();
/// let all = UidSet::range(1, 9);
/// assert_eq!(all.difference(&seen).to_string(), "4:6,8:9");
/// assert_eq!((seen.count(), seen.contains(3), seen.last()), (4, true, Some(7)));
/// assert!(UidSet::new().to_sequence_set().is_none(), "no command can name no message");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct UidSet(Vec<(u32, u32)>);

impl UidSet {
    /// Returns the empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Makes the set of all UIDs that there can be.
    #[must_use]
    pub fn all() -> Self {
        Self::range(1, u32::MAX)
    }

    /// Makes the set of the UIDs from the lower to the higher of these two, both included.
    #[must_use]
    pub fn range(one: u32, other: u32) -> Self {
        let (first, last) = (one.min(other).max(1), one.max(other));
        if last == 0 { Self::new() } else { Self(vec![(first, last)]) }
    }

    /// Makes a set of the UIDs that a command or an answer names. `*` counts as the highest UID that there can be.
    #[must_use]
    pub fn of(set: &SequenceSet) -> Self {
        let end = |number| match number {
            Number::Is(number) => number,
            Number::Highest => u32::MAX,
        };
        set.ranges().map(|(first, last)| (end(first), end(last))).collect()
    }

    /// Returns whether no UID is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many UIDs are in it.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum, range| sum.saturating_add(length(*range)))
    }

    /// Returns the lowest UID.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        self.0.first().map(|(first, _)| *first)
    }

    /// Returns the highest UID.
    #[must_use]
    pub fn last(&self) -> Option<u32> {
        self.0.last().map(|(_, last)| *last)
    }

    /// Returns whether `uid` is in it.
    #[must_use]
    pub fn contains(&self, uid: u32) -> bool {
        self.from(uid).first().is_some_and(|(first, _)| *first <= uid)
    }

    /// Returns how many UIDs from `first` to `last` are in it.
    #[must_use]
    pub fn count_between(&self, first: u32, last: u32) -> u64 {
        let meeting = self.from(first).iter().take_while(|range| range.0 <= last);
        meeting.map(|range| length((range.0.max(first), range.1.min(last)))).fold(0, u64::saturating_add)
    }

    /// Iterates over the ranges in ascending order, by the first and last UID of each.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = (u32, u32)> + DoubleEndedIterator + '_ {
        self.0.iter().copied()
    }

    /// Iterates over the UIDs in ascending order. There may be four thousand million of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// Adds a UID. Takes constant time if it is higher than all others, as most are.
    pub fn insert(&mut self, uid: u32) {
        if uid == 0 {
            return;
        }
        match self.0.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(uid) => *last = uid,
            Some((_, last)) if uid <= *last => self.insert_within(uid),
            _ => self.0.push((uid, uid)),
        }
    }

    /// Removes a message number and decrements all higher ones, as EXPUNGE does.
    pub fn expunge(&mut self, number: u32) {
        let start = self.0.partition_point(|(_, last)| *last < number);
        if number == 0 {
            return;
        }
        for (first, last) in self.0.iter_mut().skip(start) {
            *first = first.saturating_sub(u32::from(*first > number));
            *last = last.saturating_sub(1);
        }
        if self.0.get(start).is_some_and(|(first, last)| first > last) {
            self.0.remove(start);
        }
        // The ranges on both sides of it may touch now.
        if let Some(before) = start.checked_sub(1)
            && let (Some(&(_, end)), Some(&(first, last))) = (self.0.get(before), self.0.get(start))
            && end.saturating_add(1) == first
        {
            self.0.remove(start);
            if let Some(range) = self.0.get_mut(before) {
                range.1 = last;
            }
        }
    }

    /// Returns the UIDs that are in this set or the other.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.ranges().chain(other.ranges()).collect()
    }

    /// Returns the UIDs that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut rest, mut common) = (other.0.as_slice(), Vec::new());
        for &(first, last) in &self.0 {
            while let [(start, end), after @ ..] = rest {
                if *start <= last && *end >= first {
                    common.push((first.max(*start), last.min(*end)));
                }
                if *end > last {
                    break;
                }
                rest = after;
            }
        }
        Self(common)
    }

    /// Returns the UIDs that are in this set and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    /// Returns the `count` highest UIDs.
    #[must_use]
    pub fn highest(&self, count: u32) -> Self {
        let mut left = u64::from(count);
        let mut kept = Vec::new();
        for (first, last) in self.ranges().rev() {
            let Ok(most) = u32::try_from(left.saturating_sub(1)) else { break };
            if left == 0 {
                break;
            }
            let first = first.max(last.saturating_sub(most));
            left = left.saturating_sub(length((first, last)));
            kept.push((first, last));
        }
        kept.reverse();
        Self(kept)
    }

    /// Returns the set as a command names it. `None` for the empty set, which no command can name.
    #[must_use]
    pub fn to_sequence_set(&self) -> Option<SequenceSet> {
        SequenceSet::from_ranges(self.ranges())
    }

    /// Cuts the set into sets that take at most `octets` on a command line each, or one range if that is longer. The
    /// empty set gives none, so that a loop over them sends nothing.
    pub fn lines(&self, octets: usize) -> impl Iterator<Item = SequenceSet> + '_ {
        let mut rest = self.0.as_slice();
        iter::from_fn(move || {
            let mut room = octets;
            let fits = rest.iter().take_while(|range| {
                let left = room.checked_sub(printed(**range));
                room = left.unwrap_or_default();
                left.is_some()
            });
            let (now, later) = rest.split_at_checked(fits.count().max(1))?;
            rest = later;
            SequenceSet::from_ranges(now.iter().copied())
        })
    }

    /// The UIDs that are not in it.
    pub(crate) fn complement(&self) -> Self {
        let mut start = Some(1_u32);
        let mut gaps = Vec::with_capacity(self.0.len().saturating_add(1));
        for &(first, last) in &self.0 {
            gaps.extend(start.zip(first.checked_sub(1)).filter(|(start, end)| start <= end));
            start = last.checked_add(1);
        }
        gaps.extend(start.map(|start| (start, u32::MAX)));
        Self(gaps)
    }

    /// The ranges that end at `uid` or later.
    fn from(&self, uid: u32) -> &[(u32, u32)] {
        let start = self.0.partition_point(|(_, last)| *last < uid);
        self.0.get(start..).unwrap_or_default()
    }

    /// Adds a UID that is not higher than all others.
    fn insert_within(&mut self, uid: u32) {
        let next = self.0.partition_point(|(_, last)| *last < uid);
        let before = next.checked_sub(1).and_then(|before| self.0.get(before));
        let joins_before = before.is_some_and(|(_, last)| last.checked_add(1) == Some(uid));
        let Some(range) = self.0.get_mut(next) else { return };
        if range.0 <= uid {
            return;
        }
        let joins_next = range.0 == uid.saturating_add(1);
        match (joins_before, joins_next) {
            (_, true) => {
                range.0 = uid;
                if joins_before {
                    let (_, last) = self.0.remove(next);
                    if let Some(before) = self.0.get_mut(next.saturating_sub(1)) {
                        before.1 = last;
                    }
                }
            }
            (true, false) => {
                if let Some(before) = self.0.get_mut(next.saturating_sub(1)) {
                    before.1 = uid;
                }
            }
            (false, false) => self.0.insert(next, (uid, uid)),
        }
    }
}

/// Takes ranges in any order. They may overlap, and their ends may be swapped; 0 is left out.
impl FromIterator<(u32, u32)> for UidSet {
    fn from_iter<I: IntoIterator<Item = (u32, u32)>>(ranges: I) -> Self {
        let ends = ranges.into_iter().map(|(one, other)| (one.min(other).max(1), one.max(other)));
        let mut ends: Vec<(u32, u32)> = ends.filter(|(_, last)| *last > 0).collect();
        if !ends.is_sorted() {
            ends.sort_unstable();
        }
        // In place, because the answer to a search may have a million numbers.
        ends.dedup_by(|next, before| {
            let touches = next.0 <= before.1.saturating_add(1);
            if touches {
                before.1 = before.1.max(next.1);
            }
            touches
        });
        ends.shrink_to_fit();
        Self(ends)
    }
}

/// Takes numbers in any order; zeros are left out.
impl FromIterator<u32> for UidSet {
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> Self {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for uid in uids {
            match ranges.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(uid) => *last = uid,
                _ => ranges.push((uid, uid)),
            }
        }
        ranges.into_iter().collect()
    }
}

impl Extend<u32> for UidSet {
    fn extend<I: IntoIterator<Item = u32>>(&mut self, uids: I) {
        let more: Self = uids.into_iter().collect();
        *self = self.union(&more);
    }
}

impl From<u32> for UidSet {
    fn from(uid: u32) -> Self {
        Self::range(uid, uid)
    }
}

impl From<&SequenceSet> for UidSet {
    fn from(set: &SequenceSet) -> Self {
        Self::of(set)
    }
}

impl IntoIterator for UidSet {
    type Item = (u32, u32);
    type IntoIter = vec::IntoIter<(u32, u32)>;

    /// Returns the ranges.
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Reads `1,4:7,20:*`, or the empty text for the empty set.
impl FromStr for UidSet {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "" => Ok(Self::new()),
            "$" => Err(Invalid("not a set of numbers")),
            text => SequenceSet::parse(text.as_bytes()).map(|set| Self::of(&set)),
        }
    }
}

impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for (first, last) in self.ranges() {
            f.write_str(mem::replace(&mut comma, ","))?;
            match last {
                _ if first == last => write!(f, "{first}")?,
                u32::MAX => write!(f, "{first}:*")?,
                _ => write!(f, "{first}:{last}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

/// Returns how many numbers are in a range.
fn length((first, last): (u32, u32)) -> u64 {
    u64::from(last).saturating_add(1).saturating_sub(u64::from(first))
}

/// Returns how many octets a range takes on the wire, with the comma behind it.
fn printed((first, last): (u32, u32)) -> usize {
    let digits = |number: u32| usize::try_from(number.max(1).ilog10()).unwrap_or_default().saturating_add(1);
    let second = if first == last { 0 } else { digits(last).saturating_add(1) };
    digits(first).saturating_add(second).saturating_add(1)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a model of few numbers")]
mod tests {
    use alloc::{collections::BTreeSet, string::ToString};

    use proptest::prelude::*;

    use super::*;

    fn set(text: &str) -> UidSet {
        text.parse().unwrap()
    }

    #[test]
    fn sets_are_read_put_in_order_and_printed() {
        for (text, want, count) in [
            ("", "", 0),
            ("5", "5", 1),
            ("9,1:4,3", "1:4,9", 5),
            ("7:4", "4:7", 4),
            ("3,1,2", "1:3", 3),
            ("9:*,*", "9:*", u64::from(u32::MAX) - 8),
            ("1:*", "1:*", u64::from(u32::MAX)),
            ("4294967295", "4294967295", 1),
        ] {
            assert_eq!((set(text).to_string().as_str(), set(text).count()), (want, count), "{text}");
        }
        for text in ["$", "0", "a", "1,", "4294967296", "1 ", "-1"] {
            assert!(text.parse::<UidSet>().is_err(), "{text}");
        }
        assert_eq!([0, 0, 2].into_iter().collect::<UidSet>(), set("2"));
        assert_eq!([(0, 0), (3, 0)].into_iter().collect::<UidSet>(), set("1:3"));
    }

    #[test]
    fn numbers_behind_an_expunged_one_move_down() {
        for (before, number, want) in [
            ("1:9", 3, "1:8"),
            ("1:9", 9, "1:8"),
            ("1:9", 1, "1:8"),
            ("1:9", 10, "1:9"),
            ("5", 5, ""),
            ("5", 2, "4"),
            ("5", 0, "5"),
            ("1:3,5,7:9", 5, "1:3,6:8"),
            ("1:3,5:9", 4, "1:8"),
            ("1:3,5,7", 4, "1:4,6"),
            ("1:3,5,7", 6, "1:3,5:6"),
            ("", 1, ""),
        ] {
            let mut set = set(before);
            set.expunge(number);
            assert_eq!(set.to_string(), want, "{number} out of {before}");
        }
    }

    #[test]
    fn sets_are_cut_from_each_other() {
        for (from, cut, want) in [
            ("1:9", "3:4", "1:2,5:9"),
            ("1:9", "1:9", ""),
            ("1:9", "", "1:9"),
            ("", "1:9", ""),
            ("2,4,6", "1:3,6", "4"),
            ("1:*", "4294967295", "1:4294967294"),
            ("5", "1:4,6:9", "5"),
        ] {
            assert_eq!(set(from).difference(&set(cut)), set(want), "{from} without {cut}");
        }
    }

    #[test]
    fn the_highest_are_kept() {
        for (all, count, want) in [
            ("1:9", 3, "7:9"),
            ("1,5,9", 2, "5,9"),
            ("9,1:4", 3, "3:4,9"),
            ("1:2", 9, "1:2"),
            ("1:2", 0, ""),
            ("", 3, ""),
            ("1:*", 1, "4294967295"),
            ("1:*", u32::MAX, "1:*"),
        ] {
            assert_eq!(set(all).highest(count), set(want), "{count} of {all}");
        }
    }

    #[test]
    fn lines_are_cut_and_none_is_lost_or_empty() {
        assert_eq!(UidSet::new().lines(800).count(), 0);
        assert_eq!(UidSet::all().lines(0).map(|line| line.to_string()).collect::<Vec<_>>(), ["1:4294967295"]);
        let long: UidSet = (1..2_000_u32).map(|number| number * 2_000_000).collect();
        for most in [1, 20, 800] {
            let lines: Vec<SequenceSet> = long.lines(most).collect();
            assert!(lines.iter().all(|line| line.to_string().len() <= most.max(10)), "{most}");
            let joined = lines.iter().fold(UidSet::new(), |all, line| all.union(&UidSet::of(line)));
            assert_eq!(joined, long, "{most}");
        }
        assert_eq!(long.lines(800).count(), 27, "each is as full as it can be");
    }

    proptest! {
        #[test]
        fn a_set_is_the_set_of_its_numbers(
            ours in prop::collection::vec((1_u32..60, 1_u32..6), 0..12),
            theirs in prop::collection::vec(1_u32..60, 0..40),
        ) {
            let spread = |(first, length): &(u32, u32)| *first..first + length;
            let model: BTreeSet<u32> = ours.iter().flat_map(spread).collect();
            let other: BTreeSet<u32> = theirs.iter().copied().collect();
            let set: UidSet = ours.iter().map(|(first, length)| (*first, first + length - 1)).collect();
            let mut inserted = UidSet::new();
            theirs.iter().for_each(|uid| inserted.insert(*uid));
            let with: UidSet = theirs.iter().copied().collect();
            prop_assert_eq!(&inserted, &with);
            prop_assert!(set.ranges().zip(set.ranges().skip(1)).all(|(one, next)| one.1 + 1 < next.0));
            let check = |set: &UidSet, model: BTreeSet<u32>| {
                prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), model);
                Ok(())
            };
            check(&set, model.clone())?;
            check(&set.union(&with), &model | &other)?;
            check(&set.intersection(&with), &model & &other)?;
            check(&set.difference(&with), &model - &other)?;
            for number in 0..70 {
                prop_assert_eq!(set.contains(number), model.contains(&number));
                let between = model.range(number..number + 9).count();
                prop_assert_eq!(set.count_between(number, number + 8), u64::try_from(between).unwrap());
            }
        }
    }
}
