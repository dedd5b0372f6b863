use std::{
    error, fmt, io,
    path::{Path, PathBuf},
};

use crate::named;

/// Why an operation of the spool failed. It changed nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A system call failed for this file or folder.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The spool is full: [`Limits::octets`](super::Limits::octets).
    Full {
        /// How many octets it may hold.
        limit: u64,
    },
    /// The disk has too little free space: [`Limits::keep_free`](super::Limits::keep_free).
    DiskLow {
        /// Octets that must stay free.
        keep: u64,
    },
    /// Another process sends from this spool, or this message is being sent.
    Busy,
    /// There is no message of this name.
    NotFound {
        /// The name.
        id: String,
    },
    /// The contents of a file are not what the spool wrote.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The folder belongs to another user, and has no folder `drop` that this user may write to.
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// The envelope can't be stored, for this reason.
    Envelope(&'static str),
}

impl Error {
    pub(crate) fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::Io { path: path.as_ref().to_owned(), source }
    }

    pub(crate) fn damaged(path: impl AsRef<Path>, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.as_ref().to_owned(), what: what.into() }
    }

    /// Whether the same may succeed later, as there is no room now or another process holds a lock.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Full { .. } | Self::DiskLow { .. } | Self::Busy => true,
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            _ => false,
        }
    }

    /// Whether this user lacks the permission.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        match self {
            Self::Foreign { .. } => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, source } => write!(f, "{}: {source}", named(path)),
            Self::Full { limit } => write!(f, "the spool holds the {limit} octets that it may"),
            Self::DiskLow { keep } => write!(f, "less than {keep} octets are free on the spool's disk"),
            Self::Busy => f.write_str("another process is sending it"),
            Self::NotFound { id } => write!(f, "there is no message {} in the spool", named(id)),
            Self::Damaged { path, what } => write!(f, "{} is damaged: {what}", named(path)),
            Self::Foreign { path } => {
                write!(f, "{} is another user's, and this one may not drop messages there", named(path))
            }
            Self::Envelope(what) => write!(f, "the envelope can't be kept: {what}"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
