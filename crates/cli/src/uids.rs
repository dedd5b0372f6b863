//! Which messages: sets of UIDs, and what of them is there.

use std::fmt;

use mailbearer::{
    Blocking, Imap,
    imap_protocol::{Number, SearchKey, SequenceSet},
};

use crate::{error::Error, exit::Exit};

/// A set of UIDs as it was given. No message below `n` is meant by `n:*`, whatever IMAP makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Uids(SequenceSet);

impl Uids {
    /// Reads `1,4:7,20:*`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match SequenceSet::parse(text.as_bytes()) {
            Ok(set) if !set.is_saved() => Ok(Self(set)),
            _ => Err("a set of UIDs is numbers from 1 on and ranges, as in 1,4:7,20:*".into()),
        }
    }

    /// Looks which of them are in the open mailbox, `folder`.
    ///
    /// # Errors
    ///
    /// Fails if none is there.
    pub(crate) fn look_up(&self, imap: &mut Imap<Blocking>, folder: &str) -> Result<Present, Error> {
        let found = imap.search(&SearchKey::Uid(self.0.clone()))?;
        let found = found.uids.as_ref().map(|set| Ranges::of(set.ranges(), 0)).unwrap_or_default();
        let (there, missing) = self.split(&found);
        if there.is_empty() {
            return Err(none_of(&missing, folder));
        }
        Ok(Present { folder: folder.to_owned(), there, missing })
    }

    /// What of `found` was asked for, and what was asked for by name and is not there. That a range has holes is in
    /// the nature of UIDs; one that is empty counts as not there.
    fn split(&self, found: &Ranges) -> (Ranges, Ranges) {
        // Servers take `9:*` for `7:9` if 7 is the last message; `*` alone is the last one for sure.
        let last = found.0.last().map_or(0, |(_, last)| *last);
        let asked = self.0.ranges().map(|range| match range {
            (Number::Highest, Number::Highest) => (last, last),
            (Number::Is(number), Number::Highest) | (Number::Highest, Number::Is(number)) => {
                (number, u32::MAX)
            }
            (Number::Is(one), Number::Is(other)) => (one.min(other), one.max(other)),
        });
        let asked: Vec<(u32, u32)> = asked.collect();
        let missing = asked.iter().copied().filter(|range| !found.touches(*range));
        (found.within(&Ranges::from_ends(asked.clone())), Ranges::from_ends(missing.collect()))
    }
}

/// Messages that were asked for and are there.
#[derive(Debug)]
pub(crate) struct Present {
    folder: String,
    there: Ranges,
    missing: Ranges,
}

impl Present {
    /// The messages in sets that each fit a command line.
    pub(crate) fn sets(&self) -> Vec<SequenceSet> {
        pieces(&self.there)
    }

    /// Those with `uids` are done; returns the others in `set`, which went away meanwhile, and counts them as missing.
    pub(crate) fn lost(&mut self, set: &SequenceSet, done: &SequenceSet) {
        let done = Ranges::of(done.ranges(), 0);
        let gone = Ranges::of(set.ranges(), 0).without(&done);
        self.missing = Ranges::from_ends([self.missing.0.as_slice(), gone.0.as_slice()].concat());
    }

    /// Fails if some were not there, now that the others are done; `done` says what that means.
    ///
    /// # Errors
    ///
    /// As said.
    pub(crate) fn finish(self, done: &str) -> Result<(), Error> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(none_of(&self.missing, &self.folder).hint(format!("the others are {done}")))
    }
}

/// A set in sets that each fit a command line.
pub(crate) fn in_pieces(set: &SequenceSet) -> Vec<SequenceSet> {
    pieces(&Ranges::of(set.ranges(), u32::MAX))
}

/// The last `count` of a set of numbers, in ascending order.
pub(crate) fn newest(set: &SequenceSet, count: u32) -> SequenceSet {
    let mut left = count;
    let mut kept = Vec::new();
    for (first, last) in Ranges::of(set.ranges(), u32::MAX).0.into_iter().rev() {
        if left == 0 {
            break;
        }
        let first = first.max(last.saturating_sub(left.saturating_sub(1)));
        left = left.saturating_sub(last.saturating_sub(first).saturating_add(1));
        kept.push((first, last));
    }
    kept.reverse();
    SequenceSet::from_ranges(kept)
}

fn none_of(missing: &Ranges, folder: &str) -> Error {
    if missing.is_empty() {
        return Error::new(Exit::NoInput, format!("no message in {folder:?}"));
    }
    Error::new(Exit::NoInput, format!("no message with UID {missing} in {folder:?}"))
}

/// Numbers in ascending ranges that don't touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    fn of(ranges: impl Iterator<Item = (Number, Number)>, highest: u32) -> Self {
        let number = |number| match number {
            Number::Is(number) => number,
            Number::Highest => highest,
        };
        Self::from_ends(ranges.map(|(one, other)| (number(one), number(other))).collect())
    }

    fn from_ends(ends: Vec<(u32, u32)>) -> Self {
        let mut ends: Vec<(u32, u32)> = ends
            .into_iter()
            .map(|(one, other)| (one.min(other), one.max(other)))
            .filter(|(_, last)| *last > 0)
            .collect();
        ends.sort_unstable();
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for (first, last) in ends {
            match ranges.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => ranges.push((first, last)),
            }
        }
        Self(ranges)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn touches(&self, (first, last): (u32, u32)) -> bool {
        let next = self.0.partition_point(|range| range.1 < first);
        self.0.get(next).is_some_and(|range| range.0 <= last)
    }

    fn within(&self, other: &Self) -> Self {
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

    fn without(&self, other: &Self) -> Self {
        let mut start = Some(0_u32);
        let mut gaps = Vec::new();
        for &(first, last) in &other.0 {
            gaps.extend(start.zip(first.checked_sub(1)).filter(|(start, end)| start <= end));
            start = last.checked_add(1);
        }
        gaps.extend(start.map(|start| (start, u32::MAX)));
        self.within(&Self(gaps))
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            f.write_str(if index > 0 { "," } else { "" })?;
            match last {
                _ if first == last => write!(f, "{first}")?,
                &u32::MAX => write!(f, "{first}:*")?,
                _ => write!(f, "{first}:{last}")?,
            }
        }
        Ok(())
    }
}

/// RFC 7162 section 4 asks clients to keep a command line below 8192 octets; a range takes 22 at most.
fn pieces(ranges: &Ranges) -> Vec<SequenceSet> {
    ranges.0.chunks(350).map(|piece| SequenceSet::from_ranges(piece.iter().copied())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(text: &str) -> Ranges {
        if text.is_empty() {
            Ranges::default()
        } else {
            Ranges::of(SequenceSet::parse(text.as_bytes()).unwrap().ranges(), 0)
        }
    }

    #[test]
    fn what_is_there_and_what_is_not() {
        let rows = [
            ("1,4:7", "1,4,7", "1,4,7", ""),
            ("2,9", "2", "2", "9"),
            ("5,6", "", "", "5:6"),
            ("1:9", "3", "3", ""),
            ("1:9,20:30", "3", "3", "20:30"),
            ("7:4", "4:7", "4:7", ""),
            ("3,3,3", "3", "3", ""),
            // The server names its last message whatever stands before the star.
            ("9:*", "7", "", "9:4294967295"),
            ("*:9", "7", "", "9:4294967295"),
            ("7:*", "7,12", "7,12", ""),
            ("*", "7", "7", ""),
            ("*", "", "", ""),
            ("1,*", "1,7", "1,7", ""),
            // And more than was asked for by one that is broken.
            ("2", "1:4294967295", "2", ""),
        ];
        for (asked, found, there, missing) in rows {
            let got = Uids::parse(asked).unwrap().split(&ranges(found));
            assert_eq!(got, (ranges(there), ranges(missing)), "{asked} of {found}");
        }
        for text in ["", "0", "$", "a", "1,", "4294967296", "1:2:3", "1 ", "-1"] {
            assert!(Uids::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn ranges_are_cut_from_each_other() {
        for (from, cut, want) in [
            ("1:9", "3:4", "1:2,5:9"),
            ("1:9", "1:9", ""),
            ("1:9", "", "1:9"),
            ("2,4,6", "1:3,6", "4"),
            ("1:4294967295", "4294967295", "1:4294967294"),
            ("5", "1:4,6:9", "5"),
        ] {
            assert_eq!(ranges(from).without(&ranges(cut)), ranges(want), "{from} without {cut}");
        }
    }

    #[test]
    fn the_newest_are_the_highest() {
        for (set, count, want) in [
            ("1:9", 3, "7:9"),
            ("1,5,9", 2, "5,9"),
            ("9,1:4", 3, "3:4,9"),
            ("1:2", 9, "1:2"),
            ("1:4294967295", 1, "4294967295"),
        ] {
            let set = SequenceSet::parse(set.as_bytes()).unwrap();
            assert_eq!(newest(&set, count).to_string(), want, "{set} {count}");
        }
    }

    #[test]
    fn long_sets_go_out_in_pieces() {
        let odd: SequenceSet = (0..1000).map(|number| number * 2 + 4_000_000_001).collect();
        let pieces = in_pieces(&odd);
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece.to_string().len() < 8000));
        assert_eq!(pieces.iter().filter_map(SequenceSet::count).sum::<u64>(), 1000);
    }
}
