//! Keeps a text in entries of a keyring, which hold little each: pieces, and a manifest that says which pieces count.
//!
//! The pieces of the next text are beside those of the present one until the manifest, a single entry, names them. So a
//! process that is killed leaves the old text or the new one, and a reader sees by the digest that it must read again
//! because of a writer.

use mailbearer_wire::Secret;

use super::super::{Trouble, store::fnv};

/// Our entries in a keyring. Each is written and read as a whole.
pub(super) trait Entries {
    /// Returns `None` if there is no such entry.
    fn get(&self, name: &str) -> Result<Option<Secret<Vec<u8>>>, Trouble>;

    /// Creates or replaces an entry of at most [`PIECE`] octets.
    fn set(&self, name: &str, octets: &[u8]) -> Result<(), Trouble>;

    /// Does not fail if there is no such entry.
    fn delete(&self, name: &str) -> Result<(), Trouble>;
}

/// The most octets in an entry: Windows' limit (`CRED_MAX_CREDENTIAL_BLOB_SIZE`).
pub(super) const PIECE: usize = 2560;

/// Reads what [`write`] wrote last. `None` if that is nothing.
pub(super) fn read(entries: &dyn Entries, name: &str) -> Result<Option<Secret<Vec<u8>>>, Trouble> {
    let Some(mut manifest) = Manifest::read(entries, name)? else { return Ok(None) };
    for _ in 0..TRIES {
        if let Some(text) = manifest.text(entries, name)? {
            return Ok(Some(text));
        }
        match Manifest::read(entries, name)? {
            // Somebody has written meanwhile.
            Some(other) if other != manifest => manifest = other,
            Some(_) => break,
            None => return Ok(None),
        }
    }
    Err(Trouble::Malformed("a piece of it is missing or of another text; log in again"))
}

/// Replaces the text by `text`. Only one process may write at a time.
pub(super) fn write(entries: &dyn Entries, name: &str, text: &[u8]) -> Result<(), Trouble> {
    let before = match Manifest::read(entries, name) {
        Ok(before) => before,
        // It is about to be replaced.
        Err(Trouble::Malformed(_)) => None,
        Err(trouble) => return Err(trouble),
    };
    let manifest = Manifest {
        side: before.map_or('a', |before| before.other_side()),
        count: text.len().div_ceil(PIECE),
        octets: text.len(),
        digest: fnv(text.iter().copied()),
    };
    let mut pieces = text.chunks(PIECE).enumerate();
    let written = pieces
        .try_for_each(|(number, piece)| entries.set(&manifest.piece(name, number), piece))
        .and_then(|()| entries.set(name, manifest.to_text().as_bytes()));
    if let Err(trouble) = written {
        clear(entries, name, manifest.side, 0, manifest.count);
        return Err(trouble);
    }
    // The new text counts from here on, whatever becomes of the old pieces.
    clear(entries, name, manifest.other_side(), 0, before.map_or(0, |before| before.count));
    clear(entries, name, manifest.side, manifest.count, manifest.count);
    Ok(())
}

/// Deletes the pieces of a side from number `from` on; those before `to` are known to exist. The next writer deletes
/// what is left after a failure: it does not count.
fn clear(entries: &dyn Entries, name: &str, side: char, from: usize, to: usize) {
    let is_there = |number: &usize| matches!(entries.get(&piece(name, side, *number)), Ok(Some(_)));
    let end = (to..COUNT).find(|number| !is_there(number)).unwrap_or(COUNT);
    // The last one first, so that a process that is killed here leaves no gap, behind which nobody would look.
    let mut numbers = (from..end).rev();
    let _ = numbers.try_for_each(|number| entries.delete(&piece(name, side, number)));
}

/// Which pieces count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Manifest {
    /// The side that the names of its pieces have. Those of the next text have the other side.
    side: char,
    count: usize,
    octets: usize,
    digest: u64,
}

impl Manifest {
    fn read(entries: &dyn Entries, name: &str) -> Result<Option<Self>, Trouble> {
        let Some(text) = entries.get(name)? else { return Ok(None) };
        Self::parse(text.expose()).map(Some).ok_or(Trouble::Malformed(
            "its first entry is of another program or of a later version; remove it from the keyring",
        ))
    }

    fn to_text(self) -> String {
        let Self { side, count, octets, digest } = self;
        format!("{FORM} {side} {count} {octets} {digest:016x}")
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?.strip_prefix(FORM)?;
        let mut words = text.split_ascii_whitespace();
        let side = words.next().filter(|side| matches!(*side, "a" | "b"))?.chars().next()?;
        let count = words.next()?.parse::<usize>().ok().filter(|count| *count <= COUNT)?;
        let octets =
            words.next()?.parse::<usize>().ok().filter(|octets| *octets <= count.saturating_mul(PIECE))?;
        let digest = u64::from_str_radix(words.next()?, 16).ok()?;
        Some(Self { side, count, octets, digest })
    }

    const fn other_side(self) -> char {
        if self.side == 'a' { 'b' } else { 'a' }
    }

    fn piece(self, name: &str, number: usize) -> String {
        piece(name, self.side, number)
    }

    /// Returns the text, unless pieces are missing.
    fn text(self, entries: &dyn Entries, name: &str) -> Result<Option<Secret<Vec<u8>>>, Trouble> {
        let mut pieces = Vec::with_capacity(self.count);
        for number in 0..self.count {
            let Some(piece) = entries.get(&self.piece(name, number))? else { return Ok(None) };
            pieces.push(piece);
        }
        // In one step: memory that a growing vector leaves behind is not wiped.
        let text = pieces.iter().map(|piece| piece.expose().as_slice()).collect::<Vec<_>>().concat();
        let text = Secret::<Vec<u8>>::new(text);
        let digest = fnv(text.expose().iter().copied());
        Ok((text.expose().len() == self.octets && digest == self.digest).then_some(text))
    }
}

fn piece(name: &str, side: char, number: usize) -> String {
    format!("{name}.{side}{number}")
}

/// The start of a manifest: the version of its form.
const FORM: &str = "mailbearer 1";
/// The most pieces of one text: 1 MiB in all.
const COUNT: usize = (1 << 20) / PIECE;
/// How often to read a text that others keep replacing.
const TRIES: usize = 8;

#[cfg(test)]
mod tests {
    use std::{
        cell::{Cell, RefCell},
        collections::BTreeMap,
    };

    use super::*;

    type Meanwhile = Box<dyn FnMut(&Memory)>;
    type Stored = BTreeMap<String, Vec<u8>>;

    /// A keyring in memory that fails after so many changes.
    #[derive(Default)]
    struct Memory {
        entries: RefCell<Stored>,
        /// How many changes still succeed. Those after that fail, as if the process had been killed.
        left: Cell<usize>,
        /// Runs before each reading.
        meanwhile: RefCell<Option<Meanwhile>>,
    }

    impl Memory {
        fn new() -> Self {
            let memory = Self::default();
            memory.left.set(usize::MAX);
            memory
        }

        fn change(&self) -> Result<(), Trouble> {
            let left = self.left.get().checked_sub(1).ok_or(Trouble::Locked(None))?;
            self.left.set(left);
            Ok(())
        }

        fn text(&self) -> Option<Vec<u8>> {
            read(self, "t").unwrap().map(|text| text.expose().clone())
        }
    }

    impl Entries for Memory {
        fn get(&self, name: &str) -> Result<Option<Secret<Vec<u8>>>, Trouble> {
            if let Some(mut meanwhile) = self.meanwhile.take() {
                meanwhile(self);
                *self.meanwhile.borrow_mut() = Some(meanwhile);
            }
            Ok(self.entries.borrow().get(name).cloned().map(Secret::new))
        }

        fn set(&self, name: &str, octets: &[u8]) -> Result<(), Trouble> {
            assert!(octets.len() <= PIECE, "{name}: {}", octets.len());
            self.change()?;
            self.entries.borrow_mut().insert(name.into(), octets.into());
            Ok(())
        }

        fn delete(&self, name: &str) -> Result<(), Trouble> {
            self.change()?;
            self.entries.borrow_mut().remove(name);
            Ok(())
        }
    }

    fn text(fill: u8, octets: usize) -> Vec<u8> {
        vec![fill; octets]
    }

    #[test]
    fn a_text_of_any_length_comes_back_and_leaves_no_piece_behind() {
        let memory = Memory::new();
        assert_eq!(memory.text(), None);
        for octets in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 20_000, 5, 0, COUNT * PIECE] {
            let text = text(b'x', octets);
            write(&memory, "t", &text).unwrap();
            assert_eq!(memory.text(), Some(text), "{octets}");
            assert_eq!(memory.entries.borrow().len(), 1 + octets.div_ceil(PIECE), "{octets}");
        }
    }

    /// A process that is killed after any change leaves the old or the new text, and the next writer tidies up.
    #[test]
    fn a_torn_write_leaves_the_old_text_or_the_new_one() {
        for (old, new) in [(6000, 7000), (6000, 100), (100, 6000), (0, 6000), (6000, 0)] {
            let (old, new) = (text(b'o', old), text(b'n', new));
            let mut seen = Vec::new();
            for changes in 0.. {
                let memory = Memory::new();
                write(&memory, "t", &text(b'f', 9000)).unwrap();
                write(&memory, "t", &old).unwrap();
                memory.left.set(changes);
                let done = write(&memory, "t", &new).is_ok();
                let left = memory.left.get();
                memory.left.set(usize::MAX);
                let found = memory.text().unwrap();
                assert!(found == if done { new.clone() } else { old.clone() }, "{changes}: {}", found.len());
                seen.push(done);
                write(&memory, "t", &text(b'l', 3000)).unwrap();
                assert_eq!(memory.text(), Some(text(b'l', 3000)));
                // A third writer must find what two that were killed left behind.
                write(&memory, "t", &text(b'l', 3000)).unwrap();
                assert_eq!(
                    memory.entries.borrow().len(),
                    3,
                    "{changes}: {:?}",
                    memory.entries.borrow().keys()
                );
                if left > 0 {
                    break;
                }
            }
            assert!(seen.contains(&true) && seen.contains(&false));
        }
    }

    #[test]
    fn a_reader_gets_a_whole_text_while_others_write() {
        let memory = Memory::new();
        write(&memory, "t", &text(b'0', 9000)).unwrap();
        let mut at = 0_u8;
        *memory.meanwhile.borrow_mut() = Some(Box::new(move |memory| {
            at += 1;
            // Two texts at once: the second has its pieces where the first ones were.
            if matches!(at, 2 | 4) {
                write(memory, "t", &text(b'1' + at, 9000)).unwrap();
                write(memory, "t", &text(b'2' + at, 9000)).unwrap();
            }
        }));
        let found = memory.text().unwrap();
        assert_eq!(found, text(b'6', 9000));
    }

    #[test]
    fn what_is_no_whole_text_is_an_error() {
        let spoil: [(&str, fn(&mut Stored)); 6] = [
            ("a piece is gone", |entries| drop(entries.remove("t.a1"))),
            ("a piece is of another text", |entries| entries.get_mut("t.a1").unwrap()[0] ^= 1),
            ("a piece is cut", |entries| entries.get_mut("t.a1").unwrap().truncate(9)),
            ("a piece is too long", |entries| entries.get_mut("t.a0").unwrap().push(b'x')),
            ("a later version", |entries| drop(entries.insert("t".into(), b"mailbearer 2 a 1".to_vec()))),
            ("too many pieces", |entries| {
                drop(entries.insert("t".into(), b"mailbearer 1 a 99999999 1 0".to_vec()));
            }),
        ];
        for (name, spoil) in spoil {
            let memory = Memory::new();
            write(&memory, "t", &text(b'x', 6000)).unwrap();
            spoil(&mut memory.entries.borrow_mut());
            assert!(matches!(read(&memory, "t"), Err(Trouble::Malformed(_))), "{name}");
            write(&memory, "t", &text(b'y', 6000)).unwrap();
            assert_eq!(memory.text(), Some(text(b'y', 6000)), "{name}");
        }
    }
}
