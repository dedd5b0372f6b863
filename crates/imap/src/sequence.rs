use alloc::vec::Vec;
use core::{fmt, str::FromStr};

use crate::Invalid;

/// A set of message numbers or UIDs, `sequence-set` of RFC 9051 section 9.
///
/// Kept as ranges, so that `1:4294967295` costs as much as `1`. Numbers and ranges stay in the order given, because
/// COPYUID pairs two sets by their order.
///
/// A `SequenceSet` is never empty. For sets that may be, see [`UidSet`](crate::UidSet).
#[derive(Clone, PartialEq, Eq)]
pub struct SequenceSet(
    /// Empty only for [`saved`](SequenceSet::saved), which nobody makes by accident.
    Vec<(Number, Number)>,
);

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "`seq-number` is a number or `*`")]
pub enum Number {
    /// A number from 1 on.
    Is(u32),
    /// `*`: the highest number there is.
    Highest,
}

impl SequenceSet {
    /// Makes the set of all messages: `1:*`.
    #[must_use]
    pub fn all() -> Self {
        Self::from_on(1)
    }

    /// Makes `first:*`. In a mailbox that ends below `first`, that is the last message.
    #[must_use]
    pub fn from_on(first: u32) -> Self {
        Self(Vec::from([(Number::Is(first.max(1)), Number::Highest)]))
    }

    /// Makes `*`: the last message.
    #[must_use]
    pub fn last() -> Self {
        Self(Vec::from([(Number::Highest, Number::Highest)]))
    }

    /// Makes `first:last`. 0 counts as 1.
    #[must_use]
    pub fn range(first: u32, last: u32) -> Self {
        Self(Vec::from([(Number::Is(first.max(1)), Number::Is(last.max(1)))]))
    }

    /// Makes a set of these ranges, given by their first and last numbers, in this order. 0 counts as 1. Returns `None`
    /// if there is no range.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> Option<Self> {
        let ends = ranges.into_iter().map(|(first, last)| (first.max(1), last.max(1)));
        let ranges: Vec<_> = ends.map(|(first, last)| (Number::Is(first), Number::Is(last))).collect();
        (!ranges.is_empty()).then_some(Self(ranges))
    }

    /// Makes a set of these numbers in their order. Consecutive numbers become a range, zeros are left out. Returns
    /// `None` if there is no number.
    pub fn from_numbers(numbers: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for number in numbers.into_iter().filter(|&number| number > 0) {
            match ranges.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
                _ => ranges.push((number, number)),
            }
        }
        Self::from_ranges(ranges)
    }

    /// Makes `$`: what the last search found and saved (RFC 5182).
    #[must_use]
    pub const fn saved() -> Self {
        Self(Vec::new())
    }

    /// Returns whether this is [`saved`](Self::saved).
    #[must_use]
    pub const fn is_saved(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a set, as `1,4:7,20:*`.
    ///
    /// # Errors
    ///
    /// Returns [`Invalid`] for what is not a set, for a 0 and for a number past 32 bits.
    pub fn parse(text: &[u8]) -> Result<Self, Invalid> {
        if text == b"$" {
            return Ok(Self::saved());
        }
        let ranges = text.split(|&octet| octet == b',').map(|range| {
            let mut ends = range.splitn(2, |&octet| octet == b':');
            let first = Number::parse(ends.next()?)?;
            Some((first, ends.next().map_or(Some(first), Number::parse)?))
        });
        ranges.collect::<Option<_>>().map(Self).ok_or(Invalid("not a set of numbers"))
    }

    /// Iterates over the ranges in their order, with the ends of each as they were given.
    pub fn ranges(&self) -> impl Iterator<Item = (Number, Number)> + '_ {
        self.0.iter().copied()
    }

    /// Iterates over the numbers in their order, with `highest` for `*`. There may be four thousand million of them.
    pub fn numbers(&self, highest: u32) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(move |(first, last)| {
            let (first, last) = (first.or(highest), last.or(highest));
            first.min(last)..=first.max(last)
        })
    }

    /// Returns whether `number` is in the set, with `highest` for `*`.
    #[must_use]
    pub fn contains(&self, number: u32, highest: u32) -> bool {
        self.0.iter().any(|(first, last)| {
            let (first, last) = (first.or(highest), last.or(highest));
            (first.min(last)..=first.max(last)).contains(&number)
        })
    }

    /// Returns how many numbers are in the set, each as often as it is named. `None` if `*` is in the set.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        self.0.iter().try_fold(0_u64, |sum, range| match range {
            (Number::Is(first), Number::Is(last)) => {
                Some(sum.saturating_add(u64::from(first.abs_diff(*last))).saturating_add(1))
            }
            _ => None,
        })
    }
}

impl Number {
    fn parse(text: &[u8]) -> Option<Self> {
        if text == b"*" {
            return Some(Self::Highest);
        }
        if text.is_empty() {
            return None;
        }
        let value = text.iter().try_fold(0_u32, |value, octet| {
            let digit = octet.is_ascii_digit().then(|| u32::from(octet & 0xf))?;
            value.checked_mul(10)?.checked_add(digit)
        })?;
        (value > 0).then_some(Self::Is(value))
    }

    fn or(self, highest: u32) -> u32 {
        match self {
            Self::Is(number) => number,
            Self::Highest => highest,
        }
    }
}

impl From<u32> for SequenceSet {
    fn from(number: u32) -> Self {
        Self::range(number, number)
    }
}

impl FromStr for SequenceSet {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_saved() {
            return f.write_str("$");
        }
        for (index, (first, last)) in self.0.iter().enumerate() {
            f.write_str(if index > 0 { "," } else { "" })?;
            write!(f, "{first}")?;
            if first != last {
                write!(f, ":{last}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(number) => write!(f, "{number}"),
            Self::Highest => f.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString, vec};

    use super::*;

    #[test]
    fn sets_are_read_and_printed_alike() {
        for text in ["1", "*", "1:*", "*:4", "2,4:7,9,12:*", "1:4294967295", "3:1", "$", "5,5,1"] {
            assert_eq!(text.parse::<SequenceSet>().unwrap().to_string(), text);
        }
        for text in
            ["", "0", "1:", ":1", "1,", ",", "1:2:3", "4294967296", "-1", "1 ", "a", "$,1", "1:0", "+1"]
        {
            assert!(text.parse::<SequenceSet>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_gathered_and_looked_up() {
        let set = SequenceSet::from_numbers([1, 2, 3, 7, 0, 8, 5]).unwrap();
        assert_eq!(set.to_string(), "1:3,7:8,5");
        assert_eq!(set.numbers(9).collect::<Vec<_>>(), vec![1, 2, 3, 7, 8, 5]);
        assert_eq!((set.contains(8, 9), set.contains(4, 9), set.count()), (true, false, Some(6)));
        let open: SequenceSet = "*:4".parse().unwrap();
        assert_eq!(open.numbers(6).collect::<Vec<_>>(), vec![4, 5, 6]);
        assert_eq!((open.contains(2, 2), open.contains(3, 2), open.count()), (true, true, None));
        let all: SequenceSet = "1:4294967295,1:4294967295".parse().unwrap();
        assert_eq!(all.count(), Some(2 * u64::from(u32::MAX)));
        assert_eq!((SequenceSet::range(0, 0), SequenceSet::from_on(0)), (1.into(), SequenceSet::all()));
        assert_eq!(SequenceSet::from_ranges([(0, 2), (9, 7)]).unwrap().to_string(), "1:2,9:7");
        assert_eq!((SequenceSet::from_ranges([]), SequenceSet::from_numbers([0])), (None, None), "never `$`");
    }
}
