//! What one session knows of the folder that it has selected.

use mailbearer_imap::SequenceSet;

use crate::memory::mailbox::{Folder, Store};

/// A selected folder, numbered as this client was told.
///
/// Other sessions change the folder meanwhile; the client's numbers stay until [`catch_up`](Self::catch_up).
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) folder: String,
    pub(crate) read_only: bool,
    /// UIDVALIDITY of the folder. A folder of the same name with another value is another folder.
    validity: u32,
    revision: u64,
    /// By number, less one.
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    uid: u32,
    flags: Vec<String>,
}

/// What a client has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Expunged(u32),
    Exists(u32),
    Flags {
        number: u32,
        uid: u32,
    },
    /// The folder is gone.
    Gone,
}

impl View {
    pub(crate) fn open(store: &Store, name: &str, read_only: bool) -> Option<Self> {
        let folder = store.folder(name)?;
        let known =
            folder.messages.iter().map(|message| Known { uid: message.uid, flags: message.flags.clone() });
        Some(Self {
            folder: name.to_owned(),
            read_only,
            validity: folder.uid_validity,
            revision: store.revision,
            known: known.collect(),
        })
    }

    /// The folder itself, while it is there.
    pub(crate) fn of<'a>(&self, store: &'a Store) -> Option<&'a Folder> {
        store.folder(&self.folder).filter(|folder| folder.uid_validity == self.validity)
    }

    /// How many messages the client knows of.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.known.len()).unwrap_or(u32::MAX)
    }

    /// Number and UID of each message in `set`, each once, ascending.
    ///
    /// `None` for a number that the client can't know (RFC 3501 section 6.4: numbers must be there; UIDs need not).
    pub(crate) fn pick(&self, set: &SequenceSet, by_uid: bool) -> Option<Vec<(u32, u32)>> {
        let count = self.count();
        let highest = if by_uid { self.known.last().map_or(0, |known| known.uid) } else { count };
        if !by_uid && set.ranges().any(|(first, last)| [first, last].iter().any(|end| past(*end, count))) {
            return None;
        }
        let all = (1..).zip(self.known.iter().map(|known| known.uid));
        Some(all.filter(|&(number, uid)| set.contains(if by_uid { uid } else { number }, highest)).collect())
    }

    /// All messages, as [`pick`](Self::pick) gives them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        (1..).zip(self.known.iter().map(|known| known.uid))
    }

    /// Says that the client was just told these flags.
    pub(crate) fn told_flags(&mut self, number: u32, flags: &[String]) {
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        if let Some(known) = index.and_then(|index| self.known.get_mut(index)) {
            known.flags = flags.to_vec();
        }
    }

    /// What changed since the last time. Without `may_expunge` the numbers stay, and so nothing new is reported either
    /// (RFC 9051 section 7.5.1: not while a command is answered that speaks of numbers).
    pub(crate) fn catch_up(&mut self, store: &Store, may_expunge: bool) -> Vec<Change> {
        if self.revision == store.revision {
            return Vec::new();
        }
        let Some(folder) = self.of(store) else { return vec![Change::Gone] };
        let mut changes = Vec::new();
        let mut number = 0_u32;
        let mut complete = true;
        self.known.retain_mut(|known| {
            number = number.saturating_add(1);
            let Some(message) = folder.message(known.uid) else {
                if may_expunge {
                    changes.push(Change::Expunged(number));
                    number = number.saturating_sub(1);
                }
                complete &= may_expunge;
                return !may_expunge;
            };
            if message.flags != known.flags {
                known.flags.clone_from(&message.flags);
                changes.push(Change::Flags { number, uid: known.uid });
            }
            true
        });
        let highest = self.known.last().map_or(0, |known| known.uid);
        let fresh = folder.messages.iter().filter(|message| message.uid > highest && complete);
        let before = self.known.len();
        self.known.extend(fresh.map(|message| Known { uid: message.uid, flags: message.flags.clone() }));
        if self.known.len() > before {
            changes.push(Change::Exists(self.count()));
        }
        if complete {
            self.revision = store.revision;
        }
        changes
    }
}

fn past(end: mailbearer_imap::Number, count: u32) -> bool {
    match end {
        mailbearer_imap::Number::Is(number) => number > count,
        mailbearer_imap::Number::Highest => count == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Limits, Mailbox};

    fn three() -> (Mailbox, View) {
        let mailbox = Mailbox::new(Limits::default(), std::sync::Arc::default(), &[("Drafts", "Drafts")]);
        for _ in 0..4 {
            mailbox.deliver(*b"x").unwrap();
        }
        mailbox.remove("INBOX", 2);
        let view = View::open(&mailbox.lock(), "inbox", false).unwrap();
        (mailbox, view)
    }

    #[test]
    fn picks_by_number_and_by_uid() {
        let (_mailbox, view) = three();
        let rows: &[(&str, bool, Option<&[(u32, u32)]>)] = &[
            ("1:*", false, Some(&[(1, 1), (2, 3), (3, 4)])),
            ("3,1,3", false, Some(&[(1, 1), (3, 4)])),
            ("*", false, Some(&[(3, 4)])),
            ("3:1", false, Some(&[(1, 1), (2, 3), (3, 4)])),
            ("4", false, None),
            ("1:4294967295", false, None),
            ("1:4294967295", true, Some(&[(1, 1), (2, 3), (3, 4)])),
            ("2", true, Some(&[])),
            ("9:*", true, Some(&[(3, 4)])),
        ];
        for (set, by_uid, want) in rows {
            assert_eq!(view.pick(&set.parse().unwrap(), *by_uid).as_deref(), *want, "{set} {by_uid}");
        }
        let mailbox = Mailbox::new(Limits::default(), std::sync::Arc::default(), &[("Drafts", "Drafts")]);
        let empty = View::open(&mailbox.lock(), "INBOX", false).unwrap();
        assert_eq!(empty.pick(&"*".parse().unwrap(), false), None);
        assert_eq!(empty.pick(&"1:*".parse().unwrap(), true), Some(vec![]));
    }

    #[test]
    fn keeps_its_numbers_until_it_may_change_them() {
        let (mailbox, mut view) = three();
        assert_eq!(view.catch_up(&mailbox.lock(), true), []);
        mailbox.remove("INBOX", 1);
        mailbox.remove("INBOX", 3);
        mailbox.set_flags("INBOX", 4, vec!["\\Seen".into()]);
        mailbox.deliver(*b"y").unwrap();
        assert_eq!(view.catch_up(&mailbox.lock(), false), [Change::Flags { number: 3, uid: 4 }]);
        assert_eq!(view.count(), 3);
        let want = [Change::Expunged(1), Change::Expunged(1), Change::Exists(2)];
        assert_eq!(view.catch_up(&mailbox.lock(), true), want);
        assert_eq!(view.all().collect::<Vec<_>>(), [(1, 4), (2, 5)]);
        mailbox.set_flags("INBOX", 5, vec!["x".into()]);
        view.told_flags(2, &["x".to_owned()]);
        assert_eq!(view.catch_up(&mailbox.lock(), true), [], "told already");
    }

    #[test]
    fn a_folder_made_anew_is_another() {
        let mailbox = Mailbox::new(Limits::default(), std::sync::Arc::default(), &[("Drafts", "Drafts")]);
        let mut view = View::open(&mailbox.lock(), "Drafts", true).unwrap();
        assert!(mailbox.lock().delete("Drafts") && mailbox.lock().create("Drafts"));
        assert_eq!(view.catch_up(&mailbox.lock(), true), [Change::Gone]);
        assert!(view.of(&mailbox.lock()).is_none());
    }
}
