use alloc::{string::String, vec::Vec};
use core::fmt;

use super::Words;
use crate::{Atom, Flag, List};

/// The flags of a message, in no order.
///
/// `\Recent` is left out: it says something of the session, not of the message.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// A bit for each of [`SYSTEM`].
    system: u8,
    /// The others, sorted without regard to case and joined by spaces.
    words: Words,
}

impl Flags {
    /// Takes a server's list. Returns `None` if the keywords take more than `limit` octets.
    pub(super) fn of<'a>(listed: &List<'a, Flag<'a>>, limit: usize) -> Option<Self> {
        let mut flags = Self::default();
        let mut words: Vec<String> = Vec::new();
        let mut octets = 0_usize;
        for flag in listed {
            match SYSTEM.iter().zip(BITS).find(|(known, _)| **known == flag) {
                Some((_, bit)) => flags.system |= bit,
                None if matches!(flag, Flag::Recent | Flag::Any) => {}
                None => {
                    let name = String::from_utf8_lossy(flag.word());
                    let mut word = String::with_capacity(name.len().saturating_add(1));
                    word.push_str(if flag.has_backslash() { "\\" } else { "" });
                    word.push_str(&name);
                    octets = octets.saturating_add(word.len()).saturating_add(1);
                    if octets > limit.saturating_add(1) {
                        return None;
                    }
                    words.push(word);
                }
            }
        }
        words.sort_unstable_by_key(|word| word.to_ascii_lowercase());
        words.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
        flags.words = words.join(" ").into();
        Some(flags)
    }

    /// Returns whether `flag` is among them.
    #[must_use]
    pub fn has(&self, flag: &Flag<'_>) -> bool {
        self.iter().any(|own| own == *flag)
    }

    /// Iterates over all of them.
    pub fn iter(&self) -> impl Iterator<Item = Flag<'_>> + '_ {
        let system = SYSTEM.into_iter().zip(BITS).filter(|(_, bit)| self.system & bit != 0);
        let words = self.words.split(' ').filter(|word| !word.is_empty());
        system.map(|(flag, _)| flag).chain(words.map(|word| match word.strip_prefix('\\') {
            Some(name) => Flag::system(Atom::of(name.as_bytes())),
            None => Flag::Keyword(Atom::of(word.as_bytes())),
        }))
    }

    pub(super) const fn from_parts(system: u8, words: Words) -> Self {
        Self { system, words }
    }

    pub(super) fn into_parts(self) -> (u8, Words) {
        (self.system, self.words)
    }

    /// Returns whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.system == 0 && self.words.is_empty()
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

const SYSTEM: [Flag<'static>; 5] = [Flag::Seen, Flag::Answered, Flag::Flagged, Flag::Deleted, Flag::Draft];
const BITS: [u8; 5] = [1, 2, 4, 8, 16];
