use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    future::ready,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{
    AccountKey, Kept, Pending, StoreError, StoreLock, TokenStore, Trouble,
    errand::{self, Caller},
};

/// Keeps tokens in a folder, in a file for each account: mode 0600 in a folder of mode 0700.
///
/// A file is replaced as a whole: written under a temporary name, synced to disk and renamed. If a process is killed
/// after writing, the next one that locks renames the file: the refresh token in it may be the only one that the server
/// still accepts. The lock is on a second file, which is never deleted. If the process ends, in whatever way, the
/// system unlocks it.
///
/// On Unix the store refuses what could be another user's: a file or folder with another owner, a file that others can
/// read, a folder that others can write to, and anything but a plain file.
#[derive(Clone, Debug)]
pub struct FileStore {
    folder: PathBuf,
}

impl FileStore {
    /// Makes a store in `folder`, which is created when it is needed.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn path(&self, account: &AccountKey, end: &str) -> PathBuf {
        self.folder.join(account.name() + end)
    }

    fn read(&self, account: &AccountKey) -> Result<Option<Kept>, StoreError> {
        if !check_folder(&self.folder)? {
            return Ok(None);
        }
        read_file(&self.path(account, DATA), account)
    }

    fn write(&self, account: &AccountKey, kept: &Kept) -> Result<(), StoreError> {
        make_folder(&self.folder)?;
        let (path, temporary) = (self.path(account, DATA), self.path(account, TEMPORARY));
        // Only the holder of the lock uses this name, so it was left by a process that was killed.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(trouble(&temporary, error)),
            _ => {}
        }
        let written =
            open(&temporary, OpenOptions::new().write(true).create_new(true)).and_then(|mut file| {
                file.write_all(kept.to_text(account).expose().as_bytes())?;
                rename(file, &temporary, &path)
            });
        if let Err(error) = written {
            // The caller gets the first failure. What can't be kept is removed.
            let _ = fs::remove_file(&temporary);
            return Err(trouble(&path, error));
        }
        sync_folder(&self.folder).map_err(|error| trouble(&self.folder, error))
    }

    /// Completes what a process left that was killed in [`write`](Self::write). Only the holder of the lock calls it.
    fn recover(&self, account: &AccountKey) -> Result<(), StoreError> {
        let (path, temporary) = (self.path(account, DATA), self.path(account, TEMPORARY));
        // The next writer removes a file that is incomplete or can't be trusted.
        let Ok(Some(_)) = read_file(&temporary, account) else { return Ok(()) };
        open(&temporary, OpenOptions::new().write(true))
            .and_then(|file| rename(file, &temporary, &path))
            .map_err(|error| trouble(&path, error))?;
        sync_folder(&self.folder).map_err(|error| trouble(&self.folder, error))
    }

    fn lock_file(&self, account: &AccountKey) -> Result<(PathBuf, File), StoreError> {
        make_folder(&self.folder)?;
        let path = self.path(account, LOCK);
        let file = open(&path, OpenOptions::new().read(true).write(true).create(true).truncate(false))
            .map_err(|error| trouble(&path, error))?;
        // It holds nothing to read, and whoever can write to it can only make others wait.
        check_file(&path, &file, 0o022)?;
        Ok((path, file))
    }
}

impl TokenStore for FileStore {
    fn load<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<Option<Kept>, StoreError>> {
        Box::pin(ready(self.read(account)))
    }

    fn save<'a>(&'a self, account: &'a AccountKey, kept: &'a Kept) -> Pending<'a, Result<(), StoreError>> {
        Box::pin(ready(self.write(account, kept)))
    }

    fn lock<'a>(
        &'a self,
        account: &'a AccountKey,
        patience: Duration,
    ) -> Pending<'a, Result<StoreLock, StoreError>> {
        let (path, file) = match self.lock_file(account) {
            Ok(opened) => opened,
            Err(error) => return Box::pin(ready(Err(error))),
        };
        match file.try_lock() {
            Ok(()) => Box::pin(ready(self.recover(account).map(|()| StoreLock::new(file)))),
            Err(TryLockError::Error(error)) => Box::pin(ready(Err(trouble(&path, error)))),
            Err(TryLockError::WouldBlock) => Box::pin(async move {
                let lock = wait(path, file, patience).await?;
                self.recover(account)?;
                Ok(lock)
            }),
        }
    }
}

/// Waits for the lock. A thread that sleeps in the system's own call could not be stopped when the future is dropped.
async fn wait(path: PathBuf, file: File, patience: Duration) -> Result<StoreLock, StoreError> {
    let locked = errand::run("token lock", move |caller| try_for(caller, file, patience)).await;
    match locked.and_then(|locked| locked) {
        Ok(file) => Ok(StoreLock::new(file)),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            Err(StoreError::new(path, Trouble::Busy(patience)))
        }
        Err(error) => Err(trouble(&path, error)),
    }
}

fn try_for(caller: &Caller<io::Result<File>>, file: File, patience: Duration) -> io::Result<File> {
    let began = Instant::now();
    let mut nap = Duration::from_millis(1);
    loop {
        thread::sleep(nap);
        nap = nap.saturating_mul(2).min(LONGEST_NAP);
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if began.elapsed() >= patience || caller.is_gone() => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

/// Creates a folder into which nobody else can put anything, unless it exists.
pub(crate) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    if check_folder(folder)? {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| trouble(folder, error))?;
    check_folder(folder).map(drop)
}

/// Opens a file that is no link, creates it with mode 0600, and does not wait for the other end of a pipe.
pub(crate) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    }
    options.open(path)
}

/// Returns what a file holds for `account`.
fn read_file(path: &Path, account: &AccountKey) -> Result<Option<Kept>, StoreError> {
    let file = match open(path, OpenOptions::new().read(true)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| trouble(path, error))?,
    };
    check_file(path, &file, 0o077)?;
    let mut text = Vec::with_capacity(LIMIT.min(16 * 1024));
    let limit = u64::try_from(LIMIT).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut text).map_err(|error| trouble(path, error))?;
    let text = mailbearer_wire::Secret::<Vec<u8>>::new(text);
    Kept::from_text(text.expose(), account).map_err(|what| StoreError::new(path, Trouble::Malformed(what)))
}

/// Replaces a file by another.
fn rename(file: File, from: &Path, to: &Path) -> io::Result<()> {
    // Before the renaming: after a power failure the name must not lead to an empty file.
    file.sync_all()?;
    drop(file);
    fs::rename(from, to)
}

/// Returns whether the folder exists. Fails if others can put anything into it.
fn check_folder(folder: &Path) -> Result<bool, StoreError> {
    let metadata = match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        metadata => metadata.map_err(|error| trouble(folder, error))?,
    };
    if !metadata.is_dir() {
        return Err(StoreError::new(folder, Trouble::Kind));
    }
    check_owner(folder, &metadata, 0o022)?;
    Ok(true)
}

/// Refuses a file that is not plain, belongs to another user, or has one of the permission bits `exposed`.
fn check_file(path: &Path, file: &File, exposed: u32) -> Result<(), StoreError> {
    let metadata = file.metadata().map_err(|error| trouble(path, error))?;
    if !metadata.is_file() {
        return Err(StoreError::new(path, Trouble::Kind));
    }
    check_owner(path, &metadata, exposed)
}

#[cfg(unix)]
fn check_owner(path: &Path, metadata: &fs::Metadata, exposed: u32) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt;
    let problem = match metadata.mode() & 0o7777 {
        _ if metadata.uid() != rustix::process::geteuid().as_raw() => Trouble::Foreign,
        mode if mode & exposed != 0 => Trouble::Exposed(mode),
        _ => return Ok(()),
    };
    Err(StoreError::new(path, problem))
}

#[cfg(not(unix))]
fn check_owner(_: &Path, _: &fs::Metadata, _: u32) -> Result<(), StoreError> {
    // A user's own folders are closed to others.
    Ok(())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    // Folders can't be opened there; the file system stores names by itself.
    Ok(())
}

fn trouble(path: &Path, error: io::Error) -> StoreError {
    let is_kind = matches!(error.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory);
    StoreError::new(path, if is_kind || is_link(&error) { Trouble::Kind } else { Trouble::Io(error) })
}

#[cfg(unix)]
fn is_link(error: &io::Error) -> bool {
    // A socket can't be opened either, and has an error of its own.
    let codes = [rustix::io::Errno::LOOP, rustix::io::Errno::NXIO].map(rustix::io::Errno::raw_os_error);
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

#[cfg(not(unix))]
fn is_link(_: &io::Error) -> bool {
    false
}

const DATA: &str = ".json";
const LOCK: &str = ".lock";
const TEMPORARY: &str = ".new";
/// The most octets of a file that are read.
const LIMIT: usize = 1 << 20;
/// How long it may take to notice that a lock is free.
const LONGEST_NAP: Duration = Duration::from_millis(32);

#[cfg(test)]
mod tests;
