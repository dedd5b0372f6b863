//! Archives of fetched messages: a Maildir, an mbox file or a folder of files. Each holds one folder of one account, and knows
//! which messages it has. So a run can continue where an earlier one was killed.

mod directory;
mod maildir;
mod mbox;
mod state;

#[cfg(target_os = "linux")]
use std::iter;
use std::{
    fs::File,
    io::{self, Write},
    mem,
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
    time::SystemTime,
};

use mailbearer::UidSet;
use tempfile::{NamedTempFile, TempPath};

pub(crate) use self::{
    directory::Directory,
    maildir::{Folders, Maildir},
    mbox::Mbox,
    state::Origin,
};
use crate::error::Error;

/// A place for messages.
///
/// Messages that [`add`](Self::add) took count once [`commit`](Self::commit) returns, and not before: a kill in between
/// leaves only files that the next run removes.
pub(crate) trait Archive {
    /// The messages that are in it, or once were.
    fn has(&self) -> &UidSet;

    /// The folder for temporary files of messages that come in pieces.
    fn spool(&self) -> &Path;

    /// Whether its messages have LF as line ends. Otherwise they have CRLF.
    fn has_lf(&self) -> bool;

    fn add(&mut self, message: &Meta, body: Body<'_>) -> io::Result<()>;

    /// Syncs the added messages to the disk.
    fn commit(&mut self) -> io::Result<()>;

    /// Begins to sync the added messages, and may return before that is done: they count once the next call of this, or of
    /// [`commit`](Self::commit), returns.
    fn begin_commit(&mut self) -> io::Result<()> {
        self.commit()
    }

    /// As [`commit`](Self::commit), at the end of a complete run.
    fn finish(&mut self) -> io::Result<()> {
        self.commit()
    }
}

/// What an archive keeps of a message besides its octets.
#[derive(Debug, Default)]
pub(crate) struct Meta {
    pub(crate) uid: u32,
    /// Maildir's letters for its flags, in alphabetical order.
    pub(crate) flags: String,
    pub(crate) arrived: Option<SystemTime>,
}

/// The octets of a message, with the line ends of the archive.
pub(crate) enum Body<'a> {
    Octets(&'a [u8]),
    File(NamedTempFile),
}

/// Makes a temporary file that no reader of the archive takes for a message.
pub(crate) fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    temporary_named(folder, PARTIAL, ".partial")
}

/// Makes a file with a unique part in the middle of its name.
fn temporary_named(folder: &Path, prefix: &str, suffix: &str) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(suffix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Only the user may read mail.
        builder.permissions(std::fs::Permissions::from_mode(0o600));
    }
    builder.tempfile_in(folder)
}

/// For messages behind those that could not be written.
fn after_a_failure() -> io::Error {
    io::Error::other("those before them could not be written")
}

/// Removes the files that a killed run left. The caller holds the lock of the archive, so no other run uses them.
fn clean(folder: &Path) -> io::Result<()> {
    remove(folder, |name| name.starts_with(PARTIAL))
}

/// Removes the files whose names `chosen` accepts.
fn remove(folder: &Path, is_chosen: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in folder.read_dir()? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&is_chosen) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Messages in files of their own. They have temporary names until all of them are on the disk.
struct Files {
    folder: PathBuf,
    /// The folder, open for as long as files are written: a sync of it reports each write that the disk refused meanwhile.
    #[cfg(target_os = "linux")]
    place: File,
    waiting: Vec<(TempPath, PathBuf)>,
    /// Commits the messages of one window while those of the next arrive.
    committing: Option<JoinHandle<io::Result<()>>>,
    /// Whether a window could not be committed. This sticks: a sync reports lost octets once, whichever window they are of.
    has_failed: bool,
}

impl Files {
    fn new(folder: PathBuf) -> io::Result<Self> {
        Ok(Self {
            #[cfg(target_os = "linux")]
            place: File::open(&folder)?,
            folder,
            waiting: Vec::new(),
            committing: None,
            has_failed: false,
        })
    }

    fn add(&mut self, message: &Meta, body: Body<'_>, name: PathBuf) -> io::Result<()> {
        let file = match body {
            Body::File(file) => file,
            Body::Octets(octets) => {
                let mut file = temporary(&self.folder)?;
                file.as_file_mut().write_all(octets)?;
                file
            }
        };
        if let Some(arrived) = message.arrived {
            // The file system may not be able to keep the time; the message is kept all the same.
            let _ = file.as_file().set_modified(arrived);
        }
        self.waiting.push((file.into_temp_path(), name));
        Ok(())
    }

    fn begin_commit(&mut self) -> io::Result<()> {
        self.wait()?;
        let begun = self.window().and_then(|window| thread::Builder::new().spawn(move || window.keep()));
        self.committing = Some(self.noted(begun)?);
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        self.wait()?;
        let kept = self.window().and_then(Window::keep);
        self.noted(kept)
    }

    fn wait(&mut self) -> io::Result<()> {
        if self.has_failed {
            return Err(after_a_failure());
        }
        let Some(committing) = self.committing.take() else { return Ok(()) };
        let kept = committing.join();
        self.noted(kept.unwrap_or_else(|_| Err(io::Error::other("the thread that syncs them panicked"))))
    }

    fn noted<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        if done.is_err() {
            self.has_failed = true;
            self.waiting.clear();
        }
        done
    }

    fn window(&mut self) -> io::Result<Window> {
        Ok(Window {
            #[cfg(target_os = "linux")]
            place: self.place.try_clone()?,
            files: mem::take(&mut self.waiting),
        })
    }
}

impl Drop for Files {
    /// The lock of the archive is let go next.
    fn drop(&mut self) {
        let _ = self.wait();
    }
}

/// Messages that are committed together.
struct Window {
    #[cfg(target_os = "linux")]
    place: File,
    files: Vec<(TempPath, PathBuf)>,
}

impl Window {
    fn keep(self) -> io::Result<()> {
        if self.files.is_empty() {
            return Ok(());
        }
        self.sync()?;
        let mut folders: Vec<PathBuf> =
            self.files.iter().filter_map(|(_, name)| name.parent()).map(Path::to_owned).collect();
        folders.dedup();
        for (file, name) in self.files {
            file.persist(name).map_err(|error| error.error)?;
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    fn sync(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            sync(iter::once(&self.place))
        }
        // One by one: so many may not be open at once.
        #[cfg(not(target_os = "linux"))]
        {
            let open = |file: &TempPath| std::fs::OpenOptions::new().write(true).open(file);
            self.files.iter().try_for_each(|(file, _)| open(file)?.sync_all())
        }
    }
}

/// Syncs files of one folder to the disk, with one wait for all of them where the system can.
pub(crate) fn sync<'a>(mut files: impl Iterator<Item = &'a File>) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if let Some(file) = files.next() {
        rustix::fs::syncfs(file)?;
    }
    #[cfg(not(target_os = "linux"))]
    files.try_for_each(File::sync_all)?;
    Ok(())
}

/// Syncs the names in a folder to the disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows can't open folders, and syncs the name of a file with the file.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    let _ = folder;
    Ok(())
}

fn cannot(path: &Path, error: &io::Error) -> Error {
    Error::output("write", path, error)
}

/// The prefix of files that are no messages.
const PARTIAL: &str = ".mailbearer-";

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds a message that is to be called `name`.
    fn add(files: &mut Files, folder: &Path, name: &str) {
        files.add(&Meta::default(), Body::Octets(b"x"), folder.join(name)).unwrap();
    }

    #[test]
    fn after_a_window_that_failed_none_is_committed() {
        // Where the failure shows: at the next window, at the end, or in a window that is not waited for.
        let next: [(_, fn(&mut Files) -> _); 3] =
            [("next", Files::begin_commit), ("end", Files::commit), ("alone", Files::wait)];
        for (name, next) in next {
            let folder = tempfile::tempdir().unwrap();
            let mut files = Files::new(folder.path().to_owned()).unwrap();
            add(&mut files, folder.path(), "good");
            files.begin_commit().unwrap();
            add(&mut files, folder.path(), "nowhere/bad");
            files.begin_commit().unwrap();
            add(&mut files, folder.path(), "late");
            assert_eq!(next(&mut files).unwrap_err().kind(), io::ErrorKind::NotFound, "{name}");
            for _ in 0..2 {
                add(&mut files, folder.path(), "later");
                let error = files.commit().unwrap_err();
                assert!(error.to_string().contains("before them"), "{name}: {error}");
                assert!(files.begin_commit().is_err(), "{name}");
            }
            drop(files);
            let left: Vec<_> =
                folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, ["good"], "{name}: no message, and no file of one");
        }
    }

    #[test]
    fn a_window_that_fails_at_once_is_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::new(folder.path().to_owned()).unwrap();
        add(&mut files, folder.path(), "nowhere/bad");
        assert_eq!(files.commit().unwrap_err().kind(), io::ErrorKind::NotFound);
        add(&mut files, folder.path(), "later");
        assert!(files.commit().is_err());
        assert!(!folder.path().join("later").exists());
    }
}
