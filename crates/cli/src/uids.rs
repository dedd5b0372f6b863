//! Sets of UIDs, and which of their messages exist.

use std::fmt;

use mailbearer::{
    Blocking, Examined, UidSet,
    proto::imap::{Number, SearchKey, SequenceSet},
};

use crate::{error::Error, exit::Exit};

/// A set of UIDs as it was given. To us `n:*` means no message below `n`, though IMAP may give one.
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

    /// Asks which of them are in the open mailbox.
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

    /// Which of `found` were asked for, and which were asked for and do not exist. Ranges of UIDs have holes, so a range counts
    /// as missing only if it is empty.
    fn split(&self, found: &UidSet) -> (UidSet, UidSet) {
        // If 7 is the last message, servers read `9:*` as `7:9`. Only `*` alone surely means the last one.
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

/// One message, or a set for commands that take several.
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

    /// The UID of a single message; 0 for a set.
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

/// Messages that were asked for and exist.
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

    /// Splits the messages into sets that fit a command or two, so that progress can be reported after each.
    pub(crate) fn sets(&self) -> Vec<UidSet> {
        self.there.lines(PORTION).map(|set| UidSet::of(&set)).collect()
    }

    /// Notes that of `set` those in `done` are done. The others were removed meanwhile, and count as missing.
    pub(crate) fn lost(&mut self, set: &UidSet, done: &UidSet) {
        self.missing = self.missing.union(&set.difference(done));
    }

    /// Ends a command after all existing messages are done. `done` is the word for that.
    ///
    /// # Errors
    ///
    /// Fails if some of the messages did not exist.
    pub(crate) fn finish(self, done: &str) -> Result<(), Error> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(none_of(&self.missing, &self.folder).hint(format!("the others are {done}")))
    }
}

/// The most octets of a set in one command.
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
            // The server includes its last message, whatever number stands before the star.
            ("9:*", "7", "", "9:*"),
            ("*:9", "7", "", "9:*"),
            ("7:*", "7,12", "7,12", ""),
            ("*", "7", "7", ""),
            ("*", "", "", ""),
            ("1,*", "1,7", "1,7", ""),
            // A broken server may list more than was asked for.
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
