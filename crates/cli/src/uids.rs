//! Which messages: sets of UIDs, and what of them is there.

use std::fmt;

use mailbearer::{
    Blocking, Examined, UidSet,
    proto::imap::{Number, SearchKey, SequenceSet},
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

    /// Looks which of them are in the open mailbox.
    ///
    /// # Errors
    ///
    /// Fails if none is there.
    pub(crate) fn look_up(&self, mailbox: &mut Examined<'_, Blocking>) -> Result<Present, Error> {
        let found = mailbox.search(&SearchKey::Uid(self.0.clone()))?.uids;
        let (there, missing) = self.split(&found);
        let folder = mailbox.name().to_owned();
        if there.is_empty() {
            return Err(none_of(&missing, &folder));
        }
        Ok(Present { folder, there, missing })
    }

    /// What of `found` was asked for, and what was asked for by name and is not there. That a range has holes is in
    /// the nature of UIDs; one that is empty counts as not there.
    fn split(&self, found: &UidSet) -> (UidSet, UidSet) {
        // Servers take `9:*` for `7:9` if 7 is the last message; `*` alone is the last one for sure.
        let last = found.last().unwrap_or_default();
        let asked = self.0.ranges().map(|range| match range {
            (Number::Highest, Number::Highest) => (last, last),
            (Number::Is(number), Number::Highest) | (Number::Highest, Number::Is(number)) => {
                (number, u32::MAX)
            }
            (Number::Is(one), Number::Is(other)) => (one.min(other), one.max(other)),
        });
        let asked: Vec<(u32, u32)> = asked.collect();
        let missing = asked.iter().copied().filter(|(first, last)| found.count_between(*first, *last) == 0);
        (found.intersection(&asked.iter().copied().collect()), missing.collect())
    }
}

/// One message, or a set of them where that is what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OneOrMany {
    set: Uids,
    one: u32,
}

impl OneOrMany {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let set = Uids::parse(text)?;
        Ok(Self { set, one: text.parse().unwrap_or_default() })
    }

    /// The UID, where it is one; 0 for a set.
    pub(crate) const fn get(&self) -> u32 {
        self.one
    }

    pub(crate) const fn set(&self) -> &Uids {
        &self.set
    }
}

impl fmt::Display for OneOrMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.one.fmt(f)
    }
}

/// Messages that were asked for and are there.
#[derive(Debug)]
pub(crate) struct Present {
    folder: String,
    there: UidSet,
    missing: UidSet,
}

impl Present {
    /// The messages.
    pub(crate) const fn all(&self) -> &UidSet {
        &self.there
    }

    /// The messages in sets that each fit a command line or two, so that what is done can be told as it is.
    pub(crate) fn sets(&self) -> Vec<UidSet> {
        self.there.lines(PORTION).map(|set| UidSet::of(&set)).collect()
    }

    /// Those of `set` with `done` are done; the others went away meanwhile, and count as missing.
    pub(crate) fn lost(&mut self, set: &UidSet, done: &UidSet) {
        self.missing = self.missing.union(&set.difference(done));
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

/// Octets of a set that is dealt with at once.
const PORTION: usize = 800;

fn none_of(missing: &UidSet, folder: &str) -> Error {
    if missing.is_empty() {
        return Error::new(Exit::NoInput, format!("no message in {folder:?}"));
    }
    Error::new(Exit::NoInput, format!("no message with UID {missing} in {folder:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> UidSet {
        text.parse().unwrap()
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
            ("9:*", "7", "", "9:*"),
            ("*:9", "7", "", "9:*"),
            ("7:*", "7,12", "7,12", ""),
            ("*", "7", "7", ""),
            ("*", "", "", ""),
            ("1,*", "1,7", "1,7", ""),
            // And more than was asked for by one that is broken.
            ("2", "1:*", "2", ""),
        ];
        for (asked, found, there, missing) in rows {
            let got = Uids::parse(asked).unwrap().split(&set(found));
            assert_eq!(got, (set(there), set(missing)), "{asked} of {found}");
        }
        for text in ["", "0", "$", "a", "1,", "4294967296", "1:2:3", "1 ", "-1"] {
            assert!(Uids::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_went_away_counts_as_missing() {
        let mut present = Present { folder: "INBOX".into(), there: set("1:3,9"), missing: set("4") };
        present.lost(&set("1:3,9"), &set("1,3"));
        assert_eq!(present.missing, set("2,4,9"));
    }
}
