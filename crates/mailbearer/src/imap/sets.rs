use std::fmt::Write;

use mailbearer_imap::{Number, SequenceSet};

/// The same messages in sets that fit on a line each: some servers take no command of more than 1,000 octets (Gmail),
/// many none of more than 8,000 or 64 Ki.
pub(super) fn pieces(set: &SequenceSet) -> Vec<SequenceSet> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    for (first, last) in set.ranges() {
        if text.len() > LONGEST {
            pieces.extend(SequenceSet::parse(text.as_bytes()));
            text.clear();
        }
        text.push_str(if text.is_empty() { "" } else { "," });
        // Writing to a String does not fail.
        let _ = if first == last { write!(text, "{first}") } else { write!(text, "{first}:{last}") };
    }
    // Of no range at all: what was saved.
    pieces.extend(if text.is_empty() { Ok(set.clone()) } else { SequenceSet::parse(text.as_bytes()) });
    pieces
}

/// One set of all, in their order.
pub(super) fn joined(sets: &[SequenceSet]) -> Option<SequenceSet> {
    let end = |number| match number {
        Number::Is(number) => number,
        Number::Highest => u32::MAX,
    };
    let ranges = sets.iter().flat_map(SequenceSet::ranges).map(|(first, last)| (end(first), end(last)));
    Some(SequenceSet::from_ranges(ranges)).filter(|set| !set.is_saved())
}

/// Octets of a set on one line, give or take a range.
const LONGEST: usize = 800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sets_are_cut_and_none_is_lost() {
        for text in ["1", "1:*", "$", "9,3:5,*", "*:4"] {
            assert_eq!(pieces(&text.parse().unwrap()), [text.parse().unwrap()], "{text}");
        }
        let long: SequenceSet = (1..2_000_u32).map(|number| number * 2_000_000).collect();
        let pieces = pieces(&long);
        assert!(pieces.len() > 10 && pieces.iter().all(|piece| piece.to_string().len() <= LONGEST + 30));
        assert_eq!(joined(&pieces), Some(long));
        assert_eq!(joined(&[]), None);
    }
}
