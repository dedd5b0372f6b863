use std::{
    collections::hash_map::RandomState,
    fs::{self, File, OpenOptions},
    hash::{BuildHasher, Hasher},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{archive::sync_folder, error::Error, exit::Exit};

/// A Maildir: messages are written in `tmp`, and come to `new` under the same name when they are on the disk.
pub(super) struct Maildir {
    folder: PathBuf,
    /// At the end of the names of all files that this account's runs write.
    mark: String,
    count: u64,
}

impl Maildir {
    /// Opens or makes the Maildir, for the runs of one account.
    ///
    /// # Errors
    ///
    /// Fails if a folder can't be made.
    pub(super) fn open(folder: &Path, account: &str) -> Result<Self, Error> {
        let make = || {
            for name in ["tmp", "new", "cur"] {
                fs::create_dir_all(folder.join(name))?;
            }
            sync_folder(folder)
        };
        make().map_err(|error| {
            Error::new(Exit::CantCreate, format!("cannot create {}: {error}", folder.display()))
        })?;
        Ok(Self { folder: folder.to_owned(), mark: format!(".{account}.mailbearer"), count: 0 })
    }

    /// Begins a message in `tmp`, under a name that no other has.
    pub(super) fn create(&mut self) -> Result<(String, File), Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.count = self.count.saturating_add(1);
        let random = RandomState::new().build_hasher().finish();
        let name = format!(
            "{}.M{}P{}Q{}R{random:x}{}",
            now.as_secs(),
            now.subsec_micros(),
            process::id(),
            self.count,
            self.mark
        );
        let path = self.folder.join("tmp").join(&name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            // Mail is nobody else's.
            options.mode(0o600);
        }
        let file = options.open(&path);
        file.map(|file| (name, file)).map_err(|error| self.cannot(&error))
    }

    pub(super) fn write(&self, file: &mut File, octets: &[u8]) -> Result<(), Error> {
        file.write_all(octets).map_err(|error| self.cannot(&error))
    }

    /// Has the octets of a message on the disk.
    pub(super) fn sync(&self, file: &File) -> Result<(), Error> {
        file.sync_all().map_err(|error| self.cannot(&error))
    }

    /// Has the names in a folder of it on the disk.
    pub(super) fn sync_names(&self, folder: &str) -> Result<(), Error> {
        sync_folder(&self.folder.join(folder)).map_err(|error| self.cannot(&error))
    }

    /// Moves a message to `new`; false if it is not in `tmp`.
    pub(super) fn deliver(&self, name: &str) -> Result<bool, Error> {
        match fs::rename(self.folder.join("tmp").join(name), self.folder.join("new").join(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.cannot(&error)),
        }
    }

    pub(super) fn discard(&self, name: &str) {
        // What can't be removed now is cleared away at the next run.
        let _ = fs::remove_file(self.folder.join("tmp").join(name));
    }

    /// Whether a message is in `new` or `cur`.
    pub(super) fn holds(&self, name: &str) -> bool {
        let in_cur = || {
            let entries = fs::read_dir(self.folder.join("cur")).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name()).any(|own| own.to_string_lossy().starts_with(name))
        };
        self.folder.join("new").join(name).exists() || in_cur()
    }

    /// Removes what earlier runs of this account left unfinished.
    pub(super) fn clear(&self, keep: impl Fn(&str) -> bool) {
        for entry in fs::read_dir(self.folder.join("tmp")).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(&self.mark) && !keep(&name) {
                self.discard(&name);
            }
        }
    }

    fn cannot(&self, error: &io::Error) -> Error {
        Error::new(Exit::Io, format!("cannot write to the Maildir {}: {error}", self.folder.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_to_new_and_leftovers_go() {
        let folder = tempfile::tempdir().unwrap();
        let mut maildir = Maildir::open(folder.path(), "u@h").unwrap();
        let (name, mut file) = maildir.create().unwrap();
        maildir.write(&mut file, b"x").unwrap();
        maildir.sync(&file).unwrap();
        assert!(!maildir.holds(&name) && maildir.deliver(&name).unwrap());
        assert!(maildir.holds(&name) && !maildir.deliver(&name).unwrap());
        let new = folder.path().join("new").join(&name);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o077, 0, "nobody else's");
        }
        fs::rename(&new, folder.path().join("cur").join(format!("{name}:2,S"))).unwrap();
        assert!(maildir.holds(&name), "read by someone");
        let (left, _) = maildir.create().unwrap();
        let (kept, _) = maildir.create().unwrap();
        fs::write(folder.path().join("tmp/other"), "x").unwrap();
        maildir.clear(|name| name == kept);
        let there = |name: &str| folder.path().join("tmp").join(name).exists();
        assert!(!there(&left) && there(&kept) && there("other"));
    }
}
