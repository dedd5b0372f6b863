use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::book::{Book, millis};
use crate::token::file::{make_folder, open};

/// What the processes of one host share about an account: a file with the [`Book`], and a file for each connection,
/// which is locked while that is open. The system unlocks what a killed process held.
#[derive(Debug)]
pub(super) struct Host {
    folder: PathBuf,
    name: String,
}

impl Host {
    /// Uses `folder`, and creates it when it is needed.
    pub(super) fn new(folder: &Path, host: &str, user: &str) -> Self {
        let octets = [host, user].into_iter().flat_map(|text| text.bytes().chain([0]));
        let hash = octets.fold(FNV_OFFSET, |hash, octet| {
            (hash ^ u64::from(octet.to_ascii_lowercase())).wrapping_mul(FNV_PRIME)
        });
        Self { folder: folder.to_owned(), name: format!("pool-{hash:016x}") }
    }

    /// Reads and changes the book. No other process does so at the same time.
    ///
    /// # Errors
    ///
    /// Fails if the file can't be used, or if another process holds it for a second.
    pub(super) fn update<T>(&self, change: &impl Fn(&mut Book, u64) -> T) -> io::Result<T> {
        let mut file = self.open("")?;
        lock(&file)?;
        let mut text = String::new();
        // A file that is no text was put there by someone else, or the disk is broken: it is written again.
        let _ = (&mut file).take(LIMIT).read_to_string(&mut text);
        let before = Book::of_text(&text);
        let mut book = before.clone();
        let now = millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        let result = change(&mut book, now);
        if book != before {
            // In place: a process that is killed meanwhile leaves old lines at the end, which allow too few messages
            // rather than too many.
            let text = book.to_text();
            file.seek(SeekFrom::Start(0))?;
            file.write_all(text.as_bytes())?;
            file.set_len(u64::try_from(text.len()).unwrap_or(u64::MAX))?;
        }
        Ok(result)
    }

    /// Takes one of `most` places for a connection. Returns its number, or `None` if others have them all.
    pub(super) fn seat(&self, most: usize) -> io::Result<Option<(usize, File)>> {
        for number in 1..=most {
            if let Some(file) = self.place(number)? {
                return Ok(Some((number, file)));
            }
        }
        Ok(None)
    }

    /// Returns how many of `all` places this process and others have taken.
    pub(super) fn taken(&self, all: usize) -> io::Result<usize> {
        let mut taken = 0_usize;
        for number in 1..=all {
            // Holds a free place for a moment. Another process that wants it then looks again.
            taken = taken.saturating_add(usize::from(self.place(number)?.is_none()));
        }
        Ok(taken)
    }

    fn place(&self, number: usize) -> io::Result<Option<File>> {
        let file = self.open(&format!("-{number}"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn open(&self, end: &str) -> io::Result<File> {
        let path = self.folder.join(format!("{}{end}.lock", self.name));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        match open(&path, &mut options) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folder(&self.folder).map_err(io::Error::other)?;
                open(&path, &mut options)
            }
            opened => opened,
        }
    }
}

/// Locks a file. Others hold the lock for a few system calls only.
fn lock(file: &File) -> io::Result<()> {
    for _ in 0..1000 {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds the pool's file for too long"))
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
/// The most octets of the file that are read.
const LIMIT: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_share_places_and_counts() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("state");
        let new = |user| Host::new(&inner, "SMTP.mail.test", user);
        let (one, two, other) = (new("Ann@mail.test"), new("ann@mail.test"), new("bob@mail.test"));
        let held = one.seat(2).unwrap().unwrap();
        let _second = two.seat(2).unwrap().unwrap();
        assert!(
            two.seat(2).unwrap().is_none()
                && two.seat(3).unwrap().is_some()
                && other.seat(2).unwrap().is_some()
        );
        drop(held);
        assert!(two.seat(2).unwrap().is_some(), "what is closed is free");

        assert!(one.update(&|book, now| book.permit(now, 2)).unwrap().is_ok());
        assert!(two.update(&|book, now| book.permit(now, 2)).unwrap().is_ok());
        assert!(one.update(&|book, now| book.permit(now, 2)).unwrap().is_err());
        assert!(other.update(&|book, now| book.permit(now, 2)).unwrap().is_ok());
        // A file that makes no sense counts as a new one.
        std::fs::write(inner.join(format!("{}.lock", one.name)), b"\xff\xfe").unwrap();
        assert!(one.update(&|book, now| book.permit(now, 2)).unwrap().is_ok());
    }

    /// The other process: takes a place, and counts three messages.
    #[test]
    fn other_process() {
        let Some(folder) = std::env::var_os("MAILBEARER_TEST_POOL") else { return };
        let host = Host::new(Path::new(&folder), "h", "u");
        let place = host.seat(1).unwrap();
        for _ in 0..3 {
            if let Ok(stamp) = host.update(&|book, now| book.permit(now, 3)).unwrap() {
                writeln!(io::stdout(), "\ngranted").unwrap();
                host.update(&|book, now| book.renew(stamp, now)).unwrap();
            }
        }
        drop(place);
    }

    /// Kills a process at each system call that the pool makes. Its place is free at once, no message is counted twice
    /// or lost except the one that it was about to count, and a minute later nothing is left of it.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_killed_process_held_comes_back() {
        use std::process::Command;

        /// More than the process makes of one kind.
        const CALLS: usize = 100;

        // Where there is no strace, or where it may not trace.
        if !Command::new("strace").arg("true").output().is_ok_and(|traced| traced.status.success()) {
            return;
        }
        let mut kills = 0;
        for call in ["flock", "lseek", "write", "ftruncate"] {
            for when in 1..=CALLS {
                assert!(when < CALLS, "{call} is called for ever");
                let folder = tempfile::tempdir().unwrap();
                let child = Command::new("strace")
                    .args(["-f", "-qq", "-o", "/dev/null", "-P"])
                    .args([folder.path().join(format!("{}.lock", Host::new(folder.path(), "h", "u").name))])
                    .args(["-P"])
                    .args([folder.path().join(format!("{}-1.lock", Host::new(folder.path(), "h", "u").name))])
                    .args(["-e", &format!("inject={call}:signal=KILL:when={when}")])
                    .arg(std::env::current_exe().unwrap())
                    .args(["--exact", "--nocapture", "pool::host::tests::other_process"])
                    .env("MAILBEARER_TEST_POOL", folder.path())
                    .output()
                    .unwrap();
                let granted = String::from_utf8_lossy(&child.stdout).matches("granted").count();
                let what = format!("killed at {call} {when}, with {granted}");
                let host = Host::new(folder.path(), "h", "u");
                assert!(host.seat(1).unwrap().is_some(), "{what}: its place is taken");
                let permit = || host.update(&|book, now| book.permit(now, 3)).unwrap().is_ok();
                let own = (0..4).filter(|_| permit()).count();
                assert!(granted + own <= 3 && granted + own >= 2, "{what}: {own} more");
                let minute = 60_000;
                let later = host.update(&|book, now| (0..3).all(|_| book.permit(now + minute, 3).is_ok()));
                assert!(later.unwrap(), "{what}: it is counted for longer than a minute");
                if child.status.success() {
                    break;
                }
                kills += 1;
            }
        }
        assert!(kills > 10, "{kills}");
    }

    #[test]
    fn sixteen_threads_never_pass_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::new(folder.path(), "h", "u");
        let granted: usize = thread::scope(|scope| {
            let work = || {
                (0..20).filter(|_| host.update(&|book, now| book.permit(now, 30)).unwrap().is_ok()).count()
            };
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(granted, 30);
    }
}
