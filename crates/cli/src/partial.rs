use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile};

use crate::{error::Error, interrupt::Interrupts};

/// An output file that gets its name only when it is whole.
///
/// Until then it has a temporary name in the same folder. Dropping this or a signal removes it. Pipes and devices are written
/// to directly.
pub(crate) struct PartialFile {
    file: Target,
    name: PathBuf,
    interrupts: Interrupts,
}

enum Target {
    Temporary(NamedTempFile),
    InPlace(File),
    /// Whether the file has its name, or was removed.
    Done,
}

/// All of a file that this program wrote. A pipe or a device would never end.
pub(crate) fn read_own(name: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(name)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is no file"));
    }
    fs::read(name)
}

impl PartialFile {
    /// Begins the file `name`.
    ///
    /// # Errors
    ///
    /// Fails if the folder is not there or can't be written to, and if `name` is a folder.
    pub(crate) fn create(name: &Path, interrupts: &Interrupts) -> Result<Self, Error> {
        let cannot = |error: io::Error| Error::output("create", name, &error);
        // A symbolic link stays, and the file that it leads to is replaced.
        let name = match fs::canonicalize(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => name.to_owned(),
            resolved => resolved.map_err(cannot)?,
        };
        let file = match fs::metadata(&name).ok() {
            Some(old) if old.is_dir() => return Err(cannot(io::ErrorKind::IsADirectory.into())),
            Some(old) if !old.is_file() => {
                Target::InPlace(OpenOptions::new().write(true).open(&name).map_err(cannot)?)
            }
            old => {
                let file = interrupts.create(|| temporary(&name)).map_err(cannot)?;
                if let Some(old) = old {
                    file.as_file().set_permissions(old.permissions()).map_err(cannot)?;
                }
                Target::Temporary(file)
            }
        };
        Ok(Self { file, name, interrupts: interrupts.clone() })
    }

    /// Writes the next octets.
    ///
    /// # Errors
    ///
    /// Fails if they can't be written, as on a full disk.
    pub(crate) fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        let written = match &mut self.file {
            // Writes to the file inside the wrapper, whose errors would name the temporary file.
            Target::Temporary(file) => file.as_file_mut().write_all(octets),
            Target::InPlace(file) => file.write_all(octets),
            Target::Done => Err(io::ErrorKind::NotFound.into()),
        };
        written.map_err(|error| self.cannot_write(&error))
    }

    /// Puts the file on the disk and gives it its name.
    ///
    /// # Errors
    ///
    /// Fails as [`write`](Self::write). A file that had the name before is still there then.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let Target::Temporary(file) = std::mem::replace(&mut self.file, Target::Done) else { return Ok(()) };
        let temporary = file.path().to_owned();
        let synced = file.as_file().sync_all();
        let done = self.interrupts.release(&temporary, || {
            synced?;
            file.persist(&self.name).map_err(|error| error.error)
        });
        done.map(drop).map_err(|error| self.cannot_write(&error))
    }

    fn cannot_write(&self, error: &io::Error) -> Error {
        Error::output("write", &self.name, error)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if let Target::Temporary(file) = std::mem::replace(&mut self.file, Target::Done) {
            let temporary = file.path().to_owned();
            self.interrupts.release(&temporary, || drop(file));
        }
    }
}

/// Makes a file with a unique name in the folder of `name`.
fn temporary(name: &Path) -> io::Result<NamedTempFile> {
    let last = name.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = name.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut prefix = OsString::from(".");
    prefix.push(last);
    prefix.push(".");
    readable(folder, &prefix)
}

/// Makes a file with a unique name in a folder. The umask decides who may read it, as for any new file.
pub(crate) fn readable(folder: &Path, prefix: &OsStr) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(prefix).suffix(".partial");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn appears_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("m.eml");
        let mut file = PartialFile::create(&name, &Interrupts::default()).unwrap();
        file.write(b"ab").unwrap();
        assert!(!name.exists());
        file.write(b"c").unwrap();
        file.finish().unwrap();
        assert_eq!(
            (fs::read(&name).unwrap(), names(folder.path())),
            (b"abc".to_vec(), vec!["m.eml".to_owned()])
        );
    }

    #[test]
    fn leaves_what_was_there_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("m.eml");
        fs::write(&name, "old").unwrap();
        let mut file = PartialFile::create(&name, &Interrupts::default()).unwrap();
        file.write(b"new").unwrap();
        drop(file);
        assert_eq!(
            (fs::read(&name).unwrap(), names(folder.path())),
            (b"old".to_vec(), vec!["m.eml".to_owned()])
        );
    }

    #[test]
    fn says_what_it_cannot_create() {
        let folder = tempfile::tempdir().unwrap();
        for name in
            [folder.path().join("none/m.eml"), folder.path().to_owned(), PathBuf::from(".."), PathBuf::new()]
        {
            let error = PartialFile::create(&name, &Interrupts::default()).err().unwrap();
            assert_eq!(error.exit, Exit::CantCreate, "{error}");
        }
        assert_eq!(names(folder.path()), [""; 0]);
    }

    /// `fetch --output` does not fail on a `.partial` that a killed process of the same PID left.
    #[test]
    fn what_a_killed_process_left_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("m.eml");
        fs::write(folder.path().join(format!(".m.eml.{}.partial", std::process::id())), "left").unwrap();
        let first = PartialFile::create(&name, &Interrupts::default()).unwrap();
        let second = PartialFile::create(&name, &Interrupts::default()).unwrap();
        second.finish().unwrap();
        first.finish().unwrap();
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn keeps_links_and_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let [name, link] = ["m.eml", "link"].map(|name| folder.path().join(name));
        fs::write(&name, "old").unwrap();
        fs::set_permissions(&name, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&name, &link).unwrap();
        let mut file = PartialFile::create(&link, &Interrupts::default()).unwrap();
        file.write(b"new").unwrap();
        file.finish().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&name).unwrap(), b"new");
        assert_eq!(fs::metadata(&name).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_device_is_told() {
        let mut file = PartialFile::create(Path::new("/dev/full"), &Interrupts::default()).unwrap();
        let error = file.write(b"x").unwrap_err();
        assert_eq!(error.exit, Exit::Io);
        assert!(error.text.starts_with("cannot write /dev/full: "), "{error}");
    }
}
