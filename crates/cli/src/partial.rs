use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

use crate::{error::Error, exit::Exit, interrupt::Interrupts};

/// An output file that appears under its name when it is whole, and not before.
///
/// Written to a temporary name in the same folder, which goes away if this is dropped or a signal comes. What is no
/// regular file, such as a pipe or a device, is written to as it stands.
pub(crate) struct PartialFile {
    file: File,
    name: PathBuf,
    /// None where the file is written in place.
    temporary: Option<PathBuf>,
    interrupts: Interrupts,
}

impl PartialFile {
    /// Begins the file `name`.
    ///
    /// # Errors
    ///
    /// Fails if the folder is not there or can't be written to, and if `name` is a folder.
    pub(crate) fn create(name: &Path, interrupts: &Interrupts) -> Result<Self, Error> {
        let cannot = |error: &io::Error| {
            Error::new(Exit::CantCreate, format!("cannot create {}: {error}", name.display()))
        };
        // A link stays one, and what it leads to is replaced.
        let name = match fs::canonicalize(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => name.to_owned(),
            resolved => resolved.map_err(|error| cannot(&error))?,
        };
        let old = fs::metadata(&name).ok();
        if old.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(cannot(&io::ErrorKind::IsADirectory.into()));
        }
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            let file = OpenOptions::new().write(true).open(&name).map_err(|error| cannot(&error))?;
            return Ok(Self { file, name, temporary: None, interrupts: interrupts.clone() });
        }
        let temporary = beside(&name).ok_or_else(|| cannot(&io::ErrorKind::InvalidInput.into()))?;
        interrupts.register(&temporary);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => {
                let partial = Self { file, name, temporary: Some(temporary), interrupts: interrupts.clone() };
                if let Some(old) = old {
                    partial.file.set_permissions(old.permissions()).map_err(|error| cannot(&error))?;
                }
                Ok(partial)
            }
            Err(error) => {
                interrupts.release(&temporary, || ());
                Err(cannot(&error))
            }
        }
    }

    /// Writes the next octets.
    ///
    /// # Errors
    ///
    /// Fails if they can't be written: a full disk, most likely.
    pub(crate) fn write(&mut self, octets: &[u8]) -> Result<(), Error> {
        self.file.write_all(octets).map_err(|error| self.cannot_write(&error))
    }

    /// Puts the file on the disk and gives it its name.
    ///
    /// # Errors
    ///
    /// Fails as [`write`](Self::write); what was under that name is still there then.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let Some(temporary) = self.temporary.take() else { return Ok(()) };
        let done = self
            .file
            .sync_all()
            .and_then(|()| self.interrupts.release(&temporary, || fs::rename(&temporary, &self.name)));
        done.map_err(|error| {
            self.temporary = Some(temporary);
            self.cannot_write(&error)
        })
    }

    fn cannot_write(&self, error: &io::Error) -> Error {
        Error::new(Exit::Io, format!("cannot write {}: {error}", self.name.display()))
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            // It may never have come to be.
            let _ = self.interrupts.release(&temporary, || fs::remove_file(&temporary));
        }
    }
}

/// A name in the same folder that no other process uses at this time.
pub(crate) fn beside(name: &Path) -> Option<PathBuf> {
    let mut temporary = OsString::from(".");
    temporary.push(name.file_name()?);
    temporary.push(format!(".{}.partial", process::id()));
    Some(name.with_file_name(temporary))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for name in [folder.path().join("none/m.eml"), folder.path().to_owned(), PathBuf::from("..")] {
            let error = PartialFile::create(&name, &Interrupts::default()).err().unwrap();
            assert_eq!(error.exit, Exit::CantCreate, "{error}");
        }
        assert_eq!(names(folder.path()), [""; 0]);
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
