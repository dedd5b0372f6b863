use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use mailbearer::Envelope;

use super::{Entry, Error, Place, Runner, Writer, file};

/// A folder of messages that wait to be sent.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: PathBuf,
    limits: Limits,
    role: Role,
    /// Seconds since 1970. A test sets another.
    pub(crate) clock: fn() -> u64,
    /// Octets of the files at the last count.
    counted: Arc<Mutex<Option<(Instant, u64)>>>,
}

/// How much a spool may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of all its files; default 4 GiB.
    pub octets: u64,
    /// Octets that must stay free on its disk; default 64 MiB.
    pub keep_free: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { octets: 4 << 30, keep_free: 64 << 20 }
    }
}

/// What this user may do in the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Everything. Files that root makes in another user's spool are given to that user.
    Owner { give_to: Option<(u32, u32)> },
    /// Put messages into `drop`.
    Guest,
}

impl Spool {
    /// Opens the spool in `folder`. Makes the folder if it is missing.
    ///
    /// The owner and root may do everything. Other users may put messages into the folder `drop`, if it exists and they may write
    /// to it. An administrator makes it, with mode 2730 and the group of those users.
    ///
    /// # Errors
    ///
    /// Fails if the folder can't be made or read, if other users could change its contents, and if it belongs to another user and
    /// has no `drop`.
    pub fn open(folder: impl Into<PathBuf>, limits: Limits) -> Result<Self, Error> {
        let folder = folder.into();
        match fs::metadata(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(&folder, true).map_err(|error| Error::io(&folder, error))?;
            }
            Err(error) => return Err(Error::io(&folder, error)),
            Ok(metadata) if !metadata.is_dir() => {
                return Err(Error::io(&folder, io::ErrorKind::NotADirectory.into()));
            }
            Ok(_) => {}
        }
        let metadata = fs::metadata(&folder).map_err(|error| Error::io(&folder, error))?;
        let role = role(&folder, &metadata)?;
        let spool = Self { folder, limits, role, clock: file::now, counted: Arc::default() };
        if let Role::Owner { .. } = spool.role {
            for name in Place::ALL.map(Place::folder).into_iter().chain([TMP]) {
                let path = spool.folder.join(name);
                match make(&path, false) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    made => made.and_then(|()| spool.give(&path)).map_err(|error| Error::io(&path, error))?,
                }
            }
        }
        Ok(spool)
    }

    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether this user may only put messages into it.
    #[must_use]
    pub const fn is_guest(&self) -> bool {
        matches!(self.role, Role::Guest)
    }

    /// Begins a message. The spool has accepted it when [`Writer::commit`] returns.
    ///
    /// The size of the message and whether it has octets over 127 are measured as it is written; the envelope need not say.
    ///
    /// # Errors
    ///
    /// Fails for an envelope without recipients or over 4 MiB, for an account in another user's spool, if there is no room, and if
    /// the file can't be made.
    pub fn begin(&self, envelope: &Envelope, account: Option<&str>) -> Result<Writer, Error> {
        if self.is_guest() && account.is_some() {
            return Err(Error::Envelope("an account can't be chosen for another user's spool"));
        }
        Writer::begin(self, envelope, account)
    }

    /// Lists all messages, oldest first. The list has an error in place of a message that can't be read.
    ///
    /// # Errors
    ///
    /// Fails if a folder can't be read.
    pub fn list(&self) -> Result<Vec<Result<Entry<'_>, Error>>, Error> {
        let mut entries = Vec::new();
        for (id, place) in self.names()? {
            if let Some(entry) = Entry::open(self, place, &id, false).transpose() {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// The name and the place of every message, oldest first.
    ///
    /// # Errors
    ///
    /// Fails if a folder can't be read.
    pub(crate) fn names(&self) -> Result<Vec<(String, Place)>, Error> {
        let mut names = Vec::new();
        for place in Place::ALL {
            names.extend(self.names_in(place.folder())?.into_iter().map(|name| (name, place)));
        }
        names.sort();
        Ok(names)
    }

    pub(crate) fn names_in(&self, folder: &str) -> Result<Vec<String>, Error> {
        let path = self.folder.join(folder);
        let entries = fs::read_dir(&path).map_err(|error| Error::io(&path, error))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| Error::io(&path, error))?;
            names.extend(entry.file_name().into_string().ok().filter(|name| is_id(name)));
        }
        names.sort();
        Ok(names)
    }

    /// Opens and locks a message by its name, or by a part of the name that only one message has.
    ///
    /// # Errors
    ///
    /// Fails if there is no such message, and if another process is sending it.
    pub fn find(&self, id: &str) -> Result<Entry<'_>, Error> {
        let not_found = || Error::NotFound { id: id.to_owned() };
        let names = self.names()?;
        let mut fitting = names.iter().filter(|(name, _)| name == id);
        let mut partly = names.iter().filter(|(name, _)| !id.is_empty() && name.contains(id));
        let (name, place) = match (fitting.next(), partly.next(), partly.next()) {
            (Some(exact), _, _) => exact,
            (None, Some(one), None) => one,
            _ => return Err(not_found()),
        };
        Entry::open(self, *place, name, true)?.ok_or_else(not_found)
    }

    /// Removes a message by its name, or by a part of the name that only one message has. Also removes a file that is damaged.
    ///
    /// # Errors
    ///
    /// Fails if there is no such message, if another process is sending it, and if its file can't be removed.
    pub fn remove(&self, id: &str) -> Result<(), Error> {
        match self.find(id) {
            Ok(entry) => entry.remove(),
            Err(Error::Damaged { path, .. }) => {
                fs::remove_file(&path).map_err(|error| Error::io(&path, error))?;
                path.parent().map_or(Ok(()), sync_folder)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes this process the one that sends from the spool, until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Busy`] if another process does, and [`Error::Foreign`] for another user's spool.
    pub fn lock(&self) -> Result<Runner<'_>, Error> {
        if self.is_guest() {
            return Err(Error::Foreign { path: self.folder.clone() });
        }
        Runner::lock(self)
    }

    /// Octets of all files, by the last count. A busy relay does not count them again for each message.
    fn octets(&self) -> Result<u64, Error> {
        let counted = *self.counted();
        match counted {
            Some((at, octets)) if at.elapsed() < RECENT => Ok(octets),
            _ => {
                let octets = self.count()?;
                *self.counted() = Some((Instant::now(), octets));
                Ok(octets)
            }
        }
    }

    /// Counts what was added since.
    pub(crate) fn add_octets(&self, more: u64) {
        if let Some((_, octets)) = &mut *self.counted() {
            *octets = octets.saturating_add(more);
        }
    }

    fn counted(&self) -> MutexGuard<'_, Option<(Instant, u64)>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Octets of all files, of which those in `tmp` are a part.
    fn count(&self) -> Result<u64, Error> {
        let mut sum = 0_u64;
        for folder in Place::ALL.map(Place::folder).into_iter().chain([TMP]) {
            let path = self.folder.join(folder);
            let entries = match fs::read_dir(&path) {
                // A guest sees nothing of it; the runner counts what it takes over.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries.map_err(|error| Error::io(&path, error))?,
            };
            for entry in entries {
                // A file that was removed meanwhile takes no room.
                let length = entry.and_then(|entry| entry.metadata()).map_or(0, |metadata| metadata.len());
                sum = sum.saturating_add(length);
            }
        }
        Ok(sum)
    }

    /// Fails if there is no room for `more` octets. `own` of them are counted already.
    pub(crate) fn check_room(&self, more: u64) -> Result<(), Error> {
        let Limits { octets, keep_free } = self.limits;
        if self.octets()?.saturating_add(more) > octets {
            return Err(Error::Full { limit: octets });
        }
        if free(&self.folder).is_some_and(|free| free < keep_free.saturating_add(more)) {
            return Err(Error::DiskLow { keep: keep_free });
        }
        Ok(())
    }

    pub(crate) fn path(&self, place: Place, id: &str) -> PathBuf {
        self.folder.join(place.folder()).join(id)
    }

    /// Makes the owner of the spool the owner of a file that root made.
    pub(crate) fn give(&self, path: &Path) -> io::Result<()> {
        match self.role {
            #[cfg(unix)]
            Role::Owner { give_to: Some((user, group)) } => {
                use rustix::fs::{Gid, Uid, chown};
                Ok(chown(path, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?)
            }
            _ => {
                let _ = path;
                Ok(())
            }
        }
    }
}

#[cfg(unix)]
fn role(folder: &Path, metadata: &Metadata) -> Result<Role, Error> {
    use std::os::unix::fs::MetadataExt;

    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() == user || user == 0 {
        if metadata.mode() & 0o022 != 0 {
            let problem = "others can write to the spool; chmod go-w it, and give them a folder drop in it";
            return Err(Error::io(folder, io::Error::new(io::ErrorKind::PermissionDenied, problem)));
        }
        let foreign = metadata.uid() != user;
        return Ok(Role::Owner { give_to: foreign.then(|| (metadata.uid(), metadata.gid())) });
    }
    let drop = folder.join(DROP);
    let may = rustix::fs::access(&drop, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
    match may {
        Ok(()) => Ok(Role::Guest),
        Err(_) => Err(Error::Foreign { path: folder.to_owned() }),
    }
}

#[cfg(not(unix))]
fn role(_: &Path, _: &Metadata) -> Result<Role, Error> {
    Ok(Role::Owner { give_to: None })
}

/// Makes a folder that is this user's alone.
fn make(folder: &Path, recursive: bool) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(recursive);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        // Its users have to get through this folder to reach `drop`.
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// Opens a file, and refuses links. A file that it makes has mode 0600. It does not wait for the other end of a pipe.
pub(crate) fn open_private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// Writes the names in a folder to the disk.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Error::io(folder, error))?;
    }
    #[cfg(not(unix))]
    let _ = folder; // It can't be opened there; the file system keeps names by itself.
    Ok(())
}

#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

#[cfg(not(unix))]
fn free(_: &Path) -> Option<u64> {
    None
}

/// Whether it is the name of a message. Other files in the folders are left alone.
pub(crate) fn is_id(name: &str) -> bool {
    name.len() == ID && name.bytes().all(|octet| octet.is_ascii_digit() || (b'a'..=b'f').contains(&octet))
}

/// How long a count of octets is used.
const RECENT: Duration = Duration::from_secs(1);
/// Characters of a name: eleven of the time, so that names sort by it, and sixteen of chance.
pub(crate) const ID: usize = 27;
pub(crate) const TMP: &str = "tmp";
pub(crate) const DROP: &str = "drop";
