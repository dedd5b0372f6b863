use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use mailbearer::UidSet;
use tempfile::NamedTempFile;

use super::{
    Archive, Body, Files, Meta, Origin, cannot, clean, remove, state::State, sync_folder, temporary_named,
};
use crate::error::Error;

/// The folders of a Maildir (<https://cr.yp.to/proto/maildir.html>). A message is written in `tmp`, synced to the disk, and
/// only then renamed into `new`.
pub(crate) struct Folders {
    folder: PathBuf,
}

impl Folders {
    /// Opens the folders, or makes them.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        for name in ["tmp", "new", "cur"] {
            fs::create_dir_all(folder.join(name))?;
        }
        sync_folder(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Begins a message in `tmp`, under the name that it keeps in `new`. The name ends with `mark`.
    pub(crate) fn create(&self, mark: &str) -> io::Result<NamedTempFile> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let prefix = format!("{}.M{}P{}R", now.as_secs(), now.subsec_micros(), process::id());
        temporary_named(&self.of("tmp"), &prefix, mark)
    }

    /// Moves a message to `new`. Returns false if it is not in `tmp`.
    pub(crate) fn deliver(&self, name: &str) -> io::Result<bool> {
        match fs::rename(self.of("tmp").join(name), self.of("new").join(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Syncs the names in one of the folders to the disk.
    pub(crate) fn sync_names(&self, folder: &str) -> io::Result<()> {
        sync_folder(&self.of(folder))
    }

    /// The names of the messages in `new` and `cur`.
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for folder in ["new", "cur"] {
            for entry in self.of(folder).read_dir()? {
                names.extend(entry?.file_name().into_string());
            }
        }
        Ok(names)
    }

    /// Whether a message is in `new` or `cur`, with any flags.
    pub(crate) fn holds(&self, name: &str) -> io::Result<bool> {
        Ok(self.names()?.iter().any(|own| own.starts_with(name)))
    }

    /// Removes unfinished files of earlier runs with this mark.
    pub(crate) fn clear(&self, mark: &str) -> io::Result<()> {
        remove(&self.of("tmp"), |name| name.ends_with(mark))
    }
}

/// A Maildir that holds a folder of an IMAP server.
///
/// A message's name begins with its UIDVALIDITY and UID. Mail programs keep that part when they move the message to another
/// subfolder or change its flags.
pub(crate) struct Maildir {
    files: Files,
    folders: Folders,
    has: UidSet,
    state: State,
}

impl Maildir {
    pub(crate) fn open(folder: &Path, origin: Origin) -> Result<Self, Error> {
        let failed = |error: io::Error| cannot(folder, &error);
        let folders = Folders::open(folder).map_err(failed)?;
        let state = State::open(folder, ".mailbearer", origin)?;
        let has = Self::read(&folders, state.uid_validity()).map_err(failed)?;
        state.save().map_err(failed)?;
        let files = Files::new(folders.of("tmp")).map_err(failed)?;
        Ok(Self { files, folders, has, state })
    }

    fn read(folders: &Folders, uid_validity: u32) -> io::Result<UidSet> {
        clean(&folders.folder)?;
        clean(&folders.of("tmp"))?;
        // From here on this also counts the messages that a killed run renamed last.
        folders.sync_names("new")?;
        folders.sync_names("cur")?;
        Ok(folders.names()?.iter().filter_map(|name| uid_of(name, uid_validity)).collect())
    }
}

/// `UIDVALIDITY.UID.mailbearer`, with any flags behind it.
fn uid_of(name: &str, uid_validity: u32) -> Option<u32> {
    let mut words = name.splitn(3, '.');
    let (validity, uid, rest) = (words.next()?, words.next()?, words.next()?);
    (validity.parse() == Ok(uid_validity) && rest.starts_with(OURS)).then(|| uid.parse().ok()).flatten()
}

impl Archive for Maildir {
    fn has(&self) -> &UidSet {
        &self.has
    }

    fn spool(&self) -> &Path {
        &self.files.folder
    }

    fn has_lf(&self) -> bool {
        true
    }

    fn add(&mut self, message: &Meta, body: Body<'_>) -> io::Result<()> {
        let Meta { uid, flags, .. } = message;
        let name = format!("{}.{uid}.{OURS}{INFO}2,{flags}", self.state.uid_validity());
        self.files.add(message, body, self.folders.of("cur").join(name))
    }

    fn commit(&mut self) -> io::Result<()> {
        self.files.commit()
    }

    fn begin_commit(&mut self) -> io::Result<()> {
        self.files.begin_commit()
    }
}

const OURS: &str = "mailbearer";
/// Separates the name from the flags. Windows allows no colon in the name of a file.
const INFO: char = if cfg!(windows) { ';' } else { ':' };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_to_new_and_leftovers_go() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::open(folder.path()).unwrap();
        let kept = |mark: &str| {
            let (_, path) = folders.create(mark).unwrap().keep().unwrap();
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        let name = kept(".u@h.mailbearer");
        assert!(!folders.holds(&name).unwrap() && folders.deliver(&name).unwrap());
        assert!(folders.holds(&name).unwrap() && !folders.deliver(&name).unwrap());
        let new = folder.path().join("new").join(&name);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o077, 0, "nobody else's");
        }
        fs::rename(&new, folder.path().join("cur").join(format!("{name}:2,S"))).unwrap();
        assert!(folders.holds(&name).unwrap(), "read by someone");
        let (left, other) = (kept(".u@h.mailbearer"), kept(".v@h.mailbearer"));
        folders.clear(".u@h.mailbearer").unwrap();
        let there = |name: &str| folder.path().join("tmp").join(name).exists();
        assert!(!there(&left) && there(&other));
        let dropped = folders.create(".u@h.mailbearer").unwrap().path().to_owned();
        assert!(!dropped.exists(), "a message that did not come whole");
    }

    #[test]
    fn names_tell_their_uids() {
        for (name, want) in [
            ("17.4.mailbearer:2,", Some(4)),
            ("17.4294967295.mailbearer:2,FS", Some(4_294_967_295)),
            ("17.4.mailbearer", Some(4)),
            ("17.4.mailbearer,S=12:2,S", Some(4)),
            ("18.4.mailbearer:2,", None),
            ("17.4.other:2,", None),
            ("17.x.mailbearer:2,", None),
            ("1795498320.M1P2.host:2,S", None),
            ("", None),
        ] {
            assert_eq!(uid_of(name, 17), want, "{name}");
        }
    }
}
