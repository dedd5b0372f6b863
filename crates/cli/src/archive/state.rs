use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use mailbearer::UidSet;
use mailbearer_bridge::named;
use serde_json::{Value, json};

use super::{cannot, sync_folder, temporary};
use crate::{error::Error, exit::Exit};

/// Which folder of which account an archive holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) user: String,
    pub(crate) server: String,
    pub(crate) folder: String,
    pub(crate) uid_validity: u32,
}

/// The state of an archive, in a small JSON file beside the messages, and the lock that keeps other runs out.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    origin: Origin,
    /// The lock, held until this is dropped.
    _lock: File,
    /// For an mbox file: up to where it is complete, and which messages it holds.
    pub(super) mbox: Option<Written>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) octets: u64,
    pub(super) uids: UidSet,
    /// Whether the run that wrote it finished.
    pub(super) whole: bool,
}

impl State {
    /// Reads the file `name` in `folder`, or starts with an empty state.
    ///
    /// # Errors
    ///
    /// Fails if it is about another folder or account, if another run holds the lock, and if it can't be read or written.
    pub(super) fn open(folder: &Path, name: &str, origin: Origin) -> Result<Self, Error> {
        let lock_path = folder.join(format!("{name}.lock"));
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(|error| Error::kept("write", &lock_path, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let text = format!("another run is writing to {}", named(folder));
                return Err(Error::new(Exit::Transient, text));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(&lock_path, &error)),
        }
        let path = folder.join(name);
        let mut state = Self { path, origin, _lock: lock, mbox: None };
        match crate::partial::read_own(&state.path) {
            Ok(text) => state.take_in(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::kept("write", &state.path, &error)),
        }
        Ok(state)
    }

    fn take_in(&mut self, text: &[u8]) -> Result<(), Error> {
        let kept: Value = serde_json::from_slice(text).map_err(|_| self.unreadable())?;
        let text = |name: &str| kept.get(name).and_then(Value::as_str).ok_or_else(|| self.unreadable());
        let number = |value: Option<&Value>| value.and_then(Value::as_u64).ok_or_else(|| self.unreadable());
        let validity = u32::try_from(number(kept.get("uid_validity"))?).map_err(|_| self.unreadable())?;
        let held = Origin {
            user: text("user")?.to_owned(),
            server: text("server")?.to_owned(),
            folder: text("folder")?.to_owned(),
            uid_validity: validity,
        };
        let same_but_made_anew = Origin { uid_validity: self.origin.uid_validity, ..held.clone() };
        if held != self.origin {
            let place = named(self.path.parent().unwrap_or(Path::new(".")));
            let text = if same_but_made_anew == self.origin {
                format!(
                    "{:?} was made anew since {place} was written: its messages have other UIDs",
                    held.folder
                )
            } else {
                format!("{place} holds {:?} of {} at {}", held.folder, held.user, held.server)
            };
            return Err(Error::new(Exit::CantCreate, text).hint("give another place"));
        }
        if let Some(mbox) = kept.get("mbox") {
            let uids = mbox.get("uids").and_then(Value::as_str).and_then(|uids| uids.parse().ok());
            self.mbox = Some(Written {
                octets: number(mbox.get("octets"))?,
                uids: uids.ok_or_else(|| self.unreadable())?,
                whole: mbox.get("whole").and_then(Value::as_bool).ok_or_else(|| self.unreadable())?,
            });
        }
        Ok(())
    }

    fn unreadable(&self) -> Error {
        Error::damaged(&self.path, "it is no state of an archive")
            .hint("give another place, or remove it and what is with it")
    }

    pub(super) const fn uid_validity(&self) -> u32 {
        self.origin.uid_validity
    }

    /// Writes the state. If the program is killed meanwhile, the file holds the old or the new state.
    pub(super) fn save(&self) -> io::Result<()> {
        let Origin { user, server, folder, uid_validity } = &self.origin;
        let mut kept =
            json!({ "user": user, "server": server, "folder": folder, "uid_validity": uid_validity });
        if let (Some(mbox), Some(fields)) = (&self.mbox, kept.as_object_mut()) {
            let Written { octets, uids, whole } = mbox;
            let mbox = json!({ "octets": octets, "uids": uids.to_string(), "whole": whole });
            fields.insert("mbox".into(), mbox);
        }
        let place = self.path.parent().unwrap_or(Path::new("."));
        let mut file = temporary(place)?;
        file.as_file_mut().write_all(format!("{kept}\n").as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        sync_folder(place)
    }
}
