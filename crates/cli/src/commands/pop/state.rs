use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use mailbearer_bridge::named;
use serde_json::{Value, json};

use crate::{archive::sync_folder, error::Error, exit::Exit};

/// The messages that were fetched, by unique id. The file is replaced as a whole: if the program is killed, it is the old or
/// the new one.
///
/// A message is entered twice: as pending, when it is whole in the Maildir's `tmp`, and as known, when it is in `new`. What
/// is pending at the start of a run is finished, not fetched again.
pub(super) struct State {
    file: PathBuf,
    /// When each message was on the server last, in seconds since 1970.
    pub(super) known: BTreeMap<String, u64>,
    /// For each message its file's name in the Maildir, and when it was entered.
    pub(super) pending: BTreeMap<String, (String, u64)>,
    /// The lock, held until this is dropped, so that only one run works at a time.
    _lock: File,
}

impl State {
    /// Takes the lock, and reads the file if there is one.
    ///
    /// # Errors
    ///
    /// Fails if another run holds the lock, and if the file can't be read or is not of this kind.
    pub(super) fn open(file: &Path) -> Result<Self, Error> {
        let lock_file = with_suffix(file, ".lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_file)
            .map_err(|error| Error::kept("create", &lock_file, &error))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                Error::new(Exit::Transient, format!("another run has {}", named(file)))
            }
            TryLockError::Error(error) => Error::output("lock", &lock_file, &error),
        })?;
        let mut state =
            Self { file: file.to_owned(), known: BTreeMap::new(), pending: BTreeMap::new(), _lock: lock };
        match crate::partial::read_own(file) {
            Ok(octets) => state.parse(&octets).ok_or_else(|| {
                Error::damaged(file, "it is no list of fetched messages")
                    .hint("move it away to fetch everything again, or name another with --state")
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::input("the state", file, &error)),
        }
        Ok(state)
    }

    fn parse(&mut self, octets: &[u8]) -> Option<()> {
        let value: Value = serde_json::from_slice(octets).ok()?;
        if value.get("version")?.as_u64()? != VERSION {
            return None;
        }
        for (uid, seen) in value.get("known")?.as_object()? {
            self.known.insert(uid.clone(), seen.as_u64()?);
        }
        for (uid, pending) in value.get("pending")?.as_object()? {
            let name = pending.get("file")?.as_str()?.to_owned();
            self.pending.insert(uid.clone(), (name, pending.get("since")?.as_u64()?));
        }
        Some(())
    }

    /// Notes which messages are on the server now, and forgets those that were not there for a month: a server that shows an
    /// empty mailbox for a while must not have everything fetched again.
    pub(super) fn see(&mut self, listed: &BTreeSet<String>, now: u64) {
        for (uid, seen) in &mut self.known {
            if listed.contains(uid) {
                *seen = now;
            }
        }
        self.known.retain(|_, seen| now.saturating_sub(*seen) < MONTH);
    }

    /// Writes it to the disk.
    ///
    /// # Errors
    ///
    /// Fails if it can't be written, as on a full disk. The old file is still there then.
    pub(super) fn save(&self) -> Result<(), Error> {
        let pending: serde_json::Map<String, Value> = self
            .pending
            .iter()
            .map(|(uid, (file, since))| (uid.clone(), json!({ "file": file, "since": since })))
            .collect();
        let text = json!({ "version": VERSION, "known": self.known, "pending": pending }).to_string();
        let fresh = with_suffix(&self.file, ".new");
        let write = || {
            let mut file = File::create(&fresh)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&fresh, &self.file)?;
            sync_folder(parent(&self.file))
        };
        write().map_err(|error| Error::output("write", &self.file, &error))
    }
}

fn parent(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

const VERSION: u64 = 1;
const MONTH: u64 = 31 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was_and_lets_one_in_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state");
        let mut state = State::open(&file).unwrap();
        state.known.insert("a \"ü\u{1b}".into(), 7);
        state.pending.insert("b".into(), ("1.x".into(), 9));
        state.save().unwrap();
        let busy = State::open(&file).err().unwrap();
        assert_eq!(busy.exit, Exit::Transient, "{}", busy.text);
        let (known, pending) = (state.known.clone(), state.pending.clone());
        drop(state);
        let state = State::open(&file).unwrap();
        assert_eq!((&state.known, &state.pending), (&known, &pending));
        drop(state);
        for text in ["", "{}", "{\"version\":2,\"known\":{},\"pending\":{}}", "[]"] {
            fs::write(&file, text).unwrap();
            assert_eq!(State::open(&file).err().unwrap().exit, Exit::Data, "{text}");
        }
    }

    #[test]
    fn what_is_gone_for_a_month_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(&folder.path().join("state")).unwrap();
        state.known = BTreeMap::from([("here".into(), 1), ("gone".into(), 1)]);
        let listed = BTreeSet::from(["here".to_owned()]);
        state.see(&listed, MONTH);
        assert_eq!(state.known.len(), 2, "a day less");
        state.see(&listed, MONTH + 1);
        assert_eq!(state.known.keys().collect::<Vec<_>>(), ["here"]);
    }
}
