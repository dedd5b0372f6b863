use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use super::{Limits, bell::Bell};

/// The mailbox of a memory server: folders of messages, shared by everything that looks at it.
///
/// Clones are the same mailbox. There is always an `INBOX`.
#[derive(Clone, Debug)]
pub struct Mailbox {
    store: Arc<Mutex<Store>>,
}

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) folders: BTreeMap<String, Folder>,
    /// Grows with every change; sessions compare it with what they saw last.
    pub(crate) revision: u64,
    next_validity: u32,
    octets: usize,
    limits: Limits,
    bell: Arc<Bell>,
    uses: Folders,
    /// How often a folder is opened before the copy of a submitted message comes into it.
    pub(crate) late_copies: u32,
    /// Copies that are still to come, their folders, and how often those are opened before.
    late: Vec<(u32, String, Message)>,
}

/// One folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) uid_validity: u32,
    pub(crate) uid_next: u32,
    pub(crate) subscribed: bool,
    /// By ascending UID.
    pub(crate) messages: Vec<Message>,
}

/// A message in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Its number in the folder, never used twice.
    pub uid: u32,
    /// Flags and keywords, in no order, each once.
    pub flags: Vec<String>,
    /// When it arrived, in seconds since 1970 and minutes east of UTC.
    pub internal_date: (i64, i16),
    /// The message as it came.
    pub octets: Arc<[u8]>,
    /// How it was submitted; `None` if it came in another way.
    pub envelope: Option<Envelope>,
}

/// Sender and recipients of an SMTP transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// The `MAIL FROM` address, empty for none.
    pub from: String,
    /// The `RCPT TO` addresses that the server accepted.
    pub to: Vec<String>,
    /// The parameters behind the sender, such as `BODY=8BITMIME`.
    pub parameters: Vec<String>,
    /// The parameters behind each address of `to`, such as `NOTIFY=NEVER`.
    pub to_parameters: Vec<Vec<String>>,
}

/// Why the mailbox does not accept a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliverError {
    /// No such folder.
    NoFolder,
    /// It is longer than [`Limits::message_octets`].
    TooLarge,
    /// With it, the mailbox would hold more than [`Limits::messages`] or [`Limits::mailbox_octets`].
    Full,
}

impl fmt::Display for DeliverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoFolder => "no such folder",
            Self::TooLarge => "message too large",
            Self::Full => "mailbox full",
        })
    }
}

impl std::error::Error for DeliverError {}

impl Mailbox {
    /// Every change rings the bell.
    pub(crate) fn new(limits: Limits, bell: Arc<Bell>, folders: Folders) -> Self {
        let mut store = Store {
            folders: BTreeMap::new(),
            revision: 0,
            next_validity: first_validity(),
            octets: 0,
            limits,
            bell,
            uses: folders,
            late_copies: 0,
            late: Vec::new(),
        };
        store.create(INBOX);
        for (name, _) in folders {
            store.create(name);
        }
        Self { store: Arc::new(Mutex::new(store)) }
    }

    /// Puts a message into the `INBOX`, unread and dated now. Returns its UID.
    ///
    /// # Errors
    ///
    /// Fails for a message that is too large, and when the mailbox is full.
    pub fn deliver(&self, octets: impl Into<Arc<[u8]>>) -> Result<u32, DeliverError> {
        self.deliver_to(INBOX, octets)
    }

    pub(crate) fn deliver_to(&self, folder: &str, octets: impl Into<Arc<[u8]>>) -> Result<u32, DeliverError> {
        self.append(folder, Vec::new(), now(), octets)
    }

    /// Puts a message into a folder. Returns its UID. `date` is in seconds since 1970 and minutes east of UTC.
    ///
    /// # Errors
    ///
    /// Fails for a folder that is not there, a message that is too large, and when the mailbox is full.
    pub fn append(
        &self,
        folder: &str,
        flags: Vec<String>,
        date: (i64, i16),
        octets: impl Into<Arc<[u8]>>,
    ) -> Result<u32, DeliverError> {
        let message = Message { uid: 0, flags, internal_date: date, octets: octets.into(), envelope: None };
        self.lock().add(folder, message)
    }

    /// Returns the messages of a folder by ascending UID. If there is no such folder, there are none.
    #[must_use]
    pub fn messages(&self, folder: &str) -> Vec<Message> {
        self.lock().folders.get(&canonical(folder)).map(|folder| folder.messages.clone()).unwrap_or_default()
    }

    /// Replaces the flags of a message, as another client would.
    pub fn set_flags(&self, folder: &str, uid: u32, flags: Vec<String>) {
        self.lock().change(folder, |folder| {
            if let Some(message) = folder.message_mut(uid) {
                message.flags = flags;
            }
        });
    }

    /// Removes a message, as another client would.
    pub fn remove(&self, folder: &str, uid: u32) {
        self.lock().remove(folder, |message| message.uid == uid);
    }

    /// Delivers what was submitted, as `change` makes it of the UID that it gets and of what came; a copy goes to `sent`.
    pub(crate) fn submit(
        &self,
        envelope: Envelope,
        octets: Vec<u8>,
        change: impl FnOnce(u32, Vec<u8>) -> Vec<u8>,
        sent: Option<&str>,
    ) -> Result<u32, DeliverError> {
        let mut store = self.lock();
        let uid = store.folder(INBOX).map_or(0, |folder| folder.uid_next);
        let message = Message {
            uid: 0,
            flags: Vec::new(),
            internal_date: now(),
            octets: change(uid, octets).into(),
            envelope: Some(envelope),
        };
        let copy = Message { flags: vec!["\\Seen".to_owned()], envelope: None, ..message.clone() };
        let uid = store.add(INBOX, message)?;
        if let Some(sent) = sent {
            let late = store.late_copies;
            if late > 0 {
                store.late.push((late, sent.to_owned(), copy));
                return Ok(uid);
            }
            // A mailbox without room, or without the folder, keeps no copy.
            let _ = store.add(sent, copy);
        }
        Ok(uid)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Store> {
        // A test that panicked while it held the lock left whole messages behind all the same.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Adds a message under the folder's next UID.
    pub(crate) fn add(&mut self, folder: &str, mut message: Message) -> Result<u32, DeliverError> {
        let held: usize = self.folders.values().map(|folder| folder.messages.len()).sum();
        let octets = self.octets.saturating_add(message.octets.len());
        let folder = self.folders.get_mut(&canonical(folder)).ok_or(DeliverError::NoFolder)?;
        if message.octets.len() > self.limits.message_octets {
            return Err(DeliverError::TooLarge);
        }
        if held >= self.limits.messages || octets > self.limits.mailbox_octets || folder.uid_next == u32::MAX
        {
            return Err(DeliverError::Full);
        }
        message.uid = folder.uid_next;
        folder.uid_next = folder.uid_next.saturating_add(1);
        let uid = message.uid;
        folder.messages.push(message);
        self.octets = octets;
        self.changed();
        Ok(uid)
    }

    /// A client is about to open a folder: copies come into it whose time it is.
    pub(crate) fn about_to_open(&mut self, folder: &str) {
        let folder = canonical(folder);
        let mut come = Vec::new();
        for (left, name, copy) in std::mem::take(&mut self.late) {
            match (left, name == folder) {
                (0, true) => come.push(copy),
                (_, is_own) => self.late.push((left.saturating_sub(is_own.into()), name, copy)),
            }
        }
        for copy in come {
            // A mailbox without room keeps no copy.
            let _ = self.add(&folder, copy);
        }
    }

    /// The special use of RFC 6154 that a folder has by its name.
    pub(crate) fn special_use(&self, name: &str) -> Option<&'static str> {
        self.uses.iter().find(|(own, _)| *own == name).map(|(_, special_use)| *special_use)
    }

    pub(crate) fn folder(&self, name: &str) -> Option<&Folder> {
        self.folders.get(&canonical(name))
    }

    /// Changes a folder that is there.
    pub(crate) fn change<T>(&mut self, name: &str, change: impl FnOnce(&mut Folder) -> T) -> Option<T> {
        let folder = self.folders.get_mut(&canonical(name))?;
        let changed = change(folder);
        self.changed();
        Some(changed)
    }

    /// Removes the messages that `which` picks.
    pub(crate) fn remove(&mut self, name: &str, which: impl Fn(&Message) -> bool) {
        let freed = self.change(name, |folder| {
            let (gone, kept) = std::mem::take(&mut folder.messages).into_iter().partition(which);
            folder.messages = kept;
            Vec::into_iter(gone).map(|message: Message| message.octets.len()).fold(0, usize::saturating_add)
        });
        self.octets = self.octets.saturating_sub(freed.unwrap_or_default());
    }

    /// Makes a folder; whether there was none of that name, and room for one more.
    pub(crate) fn create(&mut self, name: &str) -> bool {
        let name = canonical(name);
        if self.folders.contains_key(&name) || self.folders.len() >= self.limits.folders {
            return false;
        }
        let uid_validity = self.next_validity;
        self.next_validity = self.next_validity.saturating_add(1);
        self.folders
            .insert(name, Folder { uid_validity, uid_next: 1, subscribed: true, messages: Vec::new() });
        self.changed();
        true
    }

    /// Removes a folder with all that is in it; the inbox stays.
    pub(crate) fn delete(&mut self, name: &str) -> bool {
        let name = canonical(name);
        if name == INBOX {
            return false;
        }
        self.remove(&name, |_| true);
        self.folders.remove(&name).is_some()
    }

    /// Gives a folder another name. The inbox can't be renamed here.
    pub(crate) fn rename(&mut self, from: &str, to: &str) -> bool {
        let (from, to) = (canonical(from), canonical(to));
        if from == INBOX || self.folders.contains_key(&to) {
            return false;
        }
        let Some(folder) = self.folders.remove(&from) else { return false };
        self.folders.insert(to, folder);
        self.changed();
        true
    }
}

impl Store {
    fn changed(&mut self) {
        self.revision = self.revision.wrapping_add(1);
        self.bell.ring();
    }
}

impl Folder {
    pub(crate) fn message(&self, uid: u32) -> Option<&Message> {
        let at = self.messages.binary_search_by_key(&uid, |message| message.uid).ok()?;
        self.messages.get(at)
    }

    pub(crate) fn message_mut(&mut self, uid: u32) -> Option<&mut Message> {
        let at = self.messages.binary_search_by_key(&uid, |message| message.uid).ok()?;
        self.messages.get_mut(at)
    }
}

impl Message {
    /// Whether it has `flag`, in any case.
    #[must_use]
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own.eq_ignore_ascii_case(flag))
    }
}

/// Name of the folder that mail arrives in.
pub(crate) const INBOX: &str = "INBOX";
/// The folders that are there from the start, and their special uses.
pub(crate) type Folders = &'static [(&'static str, &'static str)];

/// RFC 3501 section 5.1: `INBOX` in any case is the inbox.
fn canonical(name: &str) -> String {
    if name.eq_ignore_ascii_case(INBOX) { INBOX.to_owned() } else { name.to_owned() }
}

/// RFC 3501 section 2.3.1.1 suggests the time: a folder that is created again then has another validity.
fn first_validity() -> u32 {
    u32::try_from(now().0).unwrap_or(1).max(1)
}

pub(crate) fn now() -> (i64, i16) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (i64::try_from(since.as_secs()).unwrap_or_default(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_to_its_limits_and_never_reuses_a_uid() {
        let limits = Limits { message_octets: 4, mailbox_octets: 9, messages: 3, ..Limits::default() };
        let mailbox = Mailbox::new(limits, Arc::default(), &[("Drafts", "Drafts")]);
        assert_eq!(mailbox.deliver(*b"12345"), Err(DeliverError::TooLarge));
        assert_eq!(mailbox.deliver(*b"1234"), Ok(1));
        assert_eq!(mailbox.append("inbox", vec![], (0, 0), *b"1234"), Ok(2));
        assert_eq!(mailbox.deliver(*b"12"), Err(DeliverError::Full), "octets");
        assert_eq!(mailbox.append("Drafts", vec![], (0, 0), *b"1"), Ok(1), "each folder counts for itself");
        assert_eq!(mailbox.deliver(*b""), Err(DeliverError::Full), "messages");
        mailbox.remove("INBOX", 2);
        assert_eq!(mailbox.deliver(*b"1234"), Ok(3));
        assert_eq!(mailbox.append("Nowhere", vec![], (0, 0), *b""), Err(DeliverError::NoFolder));
        let uids: Vec<u32> = mailbox.messages("Inbox").iter().map(|message| message.uid).collect();
        assert_eq!(uids, [1, 3]);
    }

    #[test]
    fn folders_come_and_go_but_the_inbox_stays() {
        let mailbox = Mailbox::new(Limits::default(), Arc::default(), &[("Drafts", "Drafts")]);
        let mut store = mailbox.lock();
        assert!(store.create("a") && !store.create("a") && !store.create("Inbox"));
        let validity = store.folder("a").unwrap().uid_validity;
        assert!(store.rename("a", "b") && !store.rename("a", "c") && !store.rename("b", "INBOX"));
        assert_eq!(store.folder("b").unwrap().uid_validity, validity);
        assert!(store.delete("b") && !store.delete("b") && !store.delete("inbox"));
        assert!(store.create("b"));
        assert_ne!(store.folder("b").unwrap().uid_validity, validity, "a new folder under an old name");
    }
}
