use std::{
    any::Any,
    error, fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

use mailbearer_wire::printable;

use super::{Kept, Pending};

/// Keeps tokens between runs, for one account or many.
///
/// A client calls it before it uses a token. It loads; if no kept token is usable, it locks, loads again, requests a
/// token, saves it and unlocks. So many processes that start at once make one request, and a refresh token that the
/// server replaced is never used and lost.
///
/// An error of any method fails the operation that needs the token. [`BestEffort`](super::BestEffort) turns errors into
/// warnings, for tokens that can be requested again at any time.
pub trait TokenStore: Send + Sync {
    /// Returns what is kept for `account`; `None` if that is nothing. Does not wait for a lock: what it returns was
    /// saved as a whole.
    ///
    /// # Errors
    ///
    /// Fails if something is there that can't be read or trusted.
    fn load<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<Option<Kept>, StoreError>>;

    /// Keeps `kept` in place of what was there. After a crash at any point, either the old or the new is there, as a
    /// whole.
    ///
    /// Called only while a lock of the same account is held.
    ///
    /// # Errors
    ///
    /// Fails if it can't be kept, and changes nothing then.
    fn save<'a>(&'a self, account: &'a AccountKey, kept: &'a Kept) -> Pending<'a, Result<(), StoreError>>;

    /// Keeps all others out, in this process and in other ones, until the lock is dropped or the process ends.
    ///
    /// # Errors
    ///
    /// Fails with [`Trouble::Busy`] if another holds the lock for all of `patience`, and if locking is not possible.
    fn lock<'a>(
        &'a self,
        account: &'a AccountKey,
        patience: Duration,
    ) -> Pending<'a, Result<StoreLock, StoreError>>;

    /// Finds out whether a token could be kept, before a person logs in for one. By default it locks and loads. A store
    /// in which that proves little should try more.
    ///
    /// # Errors
    ///
    /// Fails as [`lock`](Self::lock) and [`load`](Self::load) do.
    fn probe<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<(), StoreError>> {
        Box::pin(async {
            let _lock = self.lock(account, PROBE).await?;
            self.load(account).await.map(drop)
        })
    }
}

/// How long a probe waits for another process that holds the lock.
const PROBE: Duration = Duration::from_secs(30);

/// Names an account to a [`TokenStore`], by everything that its tokens are requested with except the secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountKey {
    fields: Vec<(&'static str, String)>,
}

impl AccountKey {
    pub(crate) const fn new(fields: Vec<(&'static str, String)>) -> Self {
        Self { fields }
    }

    /// Iterates over the parts, each with its name: token URL, client id, scope, grant and user.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Returns a short name of lower-case letters, digits and hyphens, which is the same in each version. Two accounts
    /// may happen to share it, so what is kept under it says which account it is for ([`Kept::to_text`]).
    #[must_use]
    pub fn name(&self) -> String {
        let octets = self.fields.iter().flat_map(|(_, value)| value.bytes().chain([0]));
        format!("token-{:016x}", fnv(octets))
    }
}

/// A lock of a [`TokenStore`]. Dropping it unlocks.
pub struct StoreLock {
    _held: Box<dyn Any + Send + Sync>,
}

impl StoreLock {
    /// Makes a lock that lasts as long as `held`, such as a locked [`File`](std::fs::File). `()` is for a store that
    /// only one process uses.
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self { _held: Box::new(held) }
    }
}

impl fmt::Debug for StoreLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreLock")
    }
}

/// Why a [`TokenStore`] failed.
#[derive(Debug)]
pub struct StoreError {
    place: PathBuf,
    trouble: Trouble,
}

/// What went wrong in a [`StoreError`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// Another process or task has held the lock for this long.
    Busy(Duration),
    /// Others may read the file, or write to the folder. Has its permission bits.
    Exposed(u32),
    /// It belongs to another user.
    Foreign,
    /// It is not a plain file, or not a folder where one should be.
    Kind,
    /// Its contents are no token. Says what is wrong.
    Malformed(&'static str),
    /// The keyring is locked and nobody unlocked it: a person refused, or did not answer for this long.
    Locked(Option<Duration>),
    /// There is no keyring here. Says why.
    NoKeyring(String),
    /// Reading or writing failed.
    Io(io::Error),
    /// Any other trouble of a store that the program brings.
    Other(Box<dyn error::Error + Send + Sync>),
}

impl StoreError {
    /// Describes trouble at `place`: a file, a folder, or another name that the store knows.
    pub fn new(place: impl Into<PathBuf>, trouble: Trouble) -> Self {
        Self { place: place.into(), trouble }
    }

    /// Returns the file or folder, or another name that the store knows.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Returns what went wrong.
    #[must_use]
    pub const fn trouble(&self) -> &Trouble {
        &self.trouble
    }

    /// Returns a shell command that mends it, if there is one.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        // A store of another kind has no file there.
        self.place.symlink_metadata().ok()?;
        let name = format!("'{}'", self.place.to_string_lossy().replace('\'', "'\\''"));
        let is_folder = self.place.is_dir();
        Some(match &self.trouble {
            Trouble::Exposed(_) if is_folder => format!("chmod 700 {name}"),
            Trouble::Exposed(_) => format!("chmod 600 {name}"),
            Trouble::Foreign => format!("sudo chown -R \"$(id -u)\" {name}"),
            Trouble::Kind | Trouble::Malformed(_) => format!("mv {name} {name}.old"),
            Trouble::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                format!("chmod u+rw{} {name}", if is_folder { "x" } else { "" })
            }
            Trouble::Busy(_)
            | Trouble::Locked(_)
            | Trouble::NoKeyring(_)
            | Trouble::Io(_)
            | Trouble::Other(_) => return None,
        })
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token store {}: ", printable(&self.place.to_string_lossy()))?;
        match &self.trouble {
            Trouble::Busy(patience) => {
                write!(f, "another process holds the lock for {} s", patience.as_secs())
            }
            Trouble::Exposed(mode) => write!(f, "other users can get at it (mode {mode:04o})"),
            Trouble::Foreign => f.write_str("it belongs to another user"),
            Trouble::Kind => f.write_str("it is not a plain file in a folder"),
            Trouble::Malformed(what) => f.write_str(what),
            Trouble::Locked(None) => f.write_str("it is locked, and was not unlocked"),
            Trouble::Locked(Some(silence)) => {
                write!(f, "it was silent for {} s; most likely it is locked", silence.as_secs())
            }
            Trouble::NoKeyring(why) => write!(f, "there is none here: {}", printable(why)),
            Trouble::Io(error) => error.fmt(f),
            Trouble::Other(error) => f.write_str(&printable(&error.to_string())),
        }
    }
}

impl error::Error for StoreError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.trouble {
            Trouble::Io(error) => Some(error),
            Trouble::Other(error) => Some(&**error),
            _ => None,
        }
    }
}

/// FNV-1a of 64 bits.
pub(super) fn fnv(octets: impl IntoIterator<Item = u8>) -> u64 {
    let octets = octets.into_iter();
    octets.fold(FNV_OFFSET, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(FNV_PRIME))
}

/// The initial value of FNV-1a.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
/// The prime of FNV-1a.
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
