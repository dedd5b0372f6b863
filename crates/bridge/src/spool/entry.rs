use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::PathBuf,
};

use super::{
    Error, Spool, Stored,
    file::{Look, MARK_AT, Record, mark},
    folder::{open_private, sync_folder},
    lane::Verdict,
    runner::grouped,
};

/// What happened to a message for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "mail is delivered or not, for now or for good, or nobody knows")]
pub enum State {
    /// It is not delivered yet. Holds what the server said at the last attempt.
    Waiting(Option<String>),
    /// A server accepted it, with these words.
    Delivered(String),
    /// A server refused it permanently, or five days have passed.
    Failed(String),
    /// A server got the whole message, but its answer did not come.
    Unknown(String),
}

impl State {
    /// The word for it: `waiting`, `delivered`, `failed` or `unknown`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Waiting(_) => "waiting",
            Self::Delivered(_) => "delivered",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
        }
    }

    /// What the server said, or why there was no answer.
    #[must_use]
    pub fn reply(&self) -> Option<&str> {
        match self {
            Self::Waiting(reply) => reply.as_deref(),
            Self::Delivered(reply) | Self::Failed(reply) | Self::Unknown(reply) => Some(reply),
        }
    }

    pub(crate) fn of(word: &str, reply: Option<String>) -> Option<Self> {
        let said = |reply: Option<String>| reply.unwrap_or_default();
        Some(match word {
            "waiting" => Self::Waiting(reply),
            "delivered" => Self::Delivered(said(reply)),
            "failed" => Self::Failed(said(reply)),
            "unknown" => Self::Unknown(said(reply)),
            _ => return None,
        })
    }
}

/// A recipient and its state.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Recipient<'e> {
    /// The address.
    pub address: &'e str,
    /// The state.
    pub state: &'e State,
}

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "there is a folder for each")]
pub enum Place {
    /// It waits to be sent.
    Queue,
    /// It failed for at least one recipient, and waits for no other.
    Failed,
    /// For at least one recipient nobody knows whether a server accepted it, and it waits for no other.
    Unknown,
}

impl Place {
    pub(crate) const ALL: [Self; 3] = [Self::Queue, Self::Failed, Self::Unknown];

    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// A message of the spool. Its file is locked while [`Spool::find`] or the runner holds it.
#[derive(Debug)]
pub struct Entry<'s> {
    pub(crate) spool: &'s Spool,
    id: String,
    place: Place,
    file: File,
    stored: Stored,
    /// Whether another process holds its lock.
    busy: bool,
}

impl<'s> Entry<'s> {
    /// Opens the message called `id`. With `lock`, locks its file against other processes.
    pub(crate) fn open(spool: &'s Spool, place: Place, id: &str, lock: bool) -> Result<Option<Self>, Error> {
        let path = spool.path(place, id);
        let mut file = match open_private(&path, OpenOptions::new().read(true).write(lock)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(_) if !fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file()) => {
                return Err(Error::damaged(&path, "it is no file of a message"));
            }
            opened => opened.map_err(|error| Error::io(&path, error))?,
        };
        let busy = match file.try_lock() {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(error)) => return Err(Error::io(&path, error)),
        };
        if busy && lock {
            return Err(Error::Busy);
        }
        // Another process may have moved it between opening and locking. The caller finds it in its new place.
        if lock && !path.exists() {
            return Ok(None);
        }
        let stored = Stored::read(&mut file).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => Error::damaged(&path, error.to_string()),
            _ => Error::io(&path, error),
        })?;
        if !lock && !busy {
            // Reading alone needs no lock.
            file.unlock().map_err(|error| Error::io(&path, error))?;
        }
        Ok(Some(Self { spool, id: id.to_owned(), place, file, stored, busy }))
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it is. If an attempt was killed after it had sent the final dot, the message counts as unknown, even while its file
    /// is in the queue, unless it waits for recipients to whom that attempt had not sent it.
    #[must_use]
    pub fn place(&self) -> Place {
        let waits = |(index, state): (usize, &State)| {
            matches!(state, State::Waiting(_)) && !self.stored.is_interrupted_for(index)
        };
        let is_unknown = self.stored.is_interrupted() && !self.busy;
        if is_unknown && !self.stored.states.iter().enumerate().any(waits) {
            Place::Unknown
        } else {
            self.place
        }
    }

    /// Whether another process is sending it now.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.busy
    }

    /// The contents of its file.
    #[must_use]
    pub const fn stored(&self) -> &Stored {
        &self.stored
    }

    /// Octets of the message.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.stored.body_octets
    }

    /// Each recipient and its state.
    pub fn recipients(&self) -> impl Iterator<Item = (&str, State)> {
        let pairs = self.stored.envelope.recipients.iter().zip(&self.stored.states).enumerate();
        pairs.map(|(index, (address, state))| {
            let state = match state {
                State::Waiting(_) if !self.busy && self.stored.is_interrupted_for(index) => {
                    State::Unknown(INTERRUPTED.into())
                }
                state => state.clone(),
            };
            (address.as_str(), state)
        })
    }

    /// Hands the message to `sink` in pieces. Each line ends with CRLF.
    ///
    /// # Errors
    ///
    /// Fails if the file can't be read, and as `sink` does.
    pub fn copy<E: From<Error>>(&mut self, mut sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let path = self.path();
        let failed = |error| E::from(Error::io(&path, error));
        self.file.seek(SeekFrom::Start(self.stored.body_at)).map_err(failed)?;
        let (mut left, mut piece) = (self.stored.body_octets, vec![0; PIECE]);
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            let count = match self.file.read(piece.get_mut(..want).unwrap_or_default()) {
                Ok(0) => return Err(Error::damaged(&path, "its message is cut off").into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            left = left.saturating_sub(super::file::octets(count));
            sink(piece.get(..count).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Returns the header section of the message with its empty line, at most `limit` octets of it.
    ///
    /// # Errors
    ///
    /// Fails if the file can't be read.
    pub fn header(&mut self, limit: usize) -> Result<Vec<u8>, Error> {
        let (mut head, mut piece) = (Vec::new(), Vec::new());
        loop {
            let seen = head.len().saturating_sub(3);
            self.read_at(super::file::octets(head.len()), &mut piece)?;
            head.extend_from_slice(&piece);
            let end = head.get(seen..).unwrap_or_default().windows(4).position(|end| end == b"\r\n\r\n");
            let end = end.map(|at| seen.saturating_add(at).saturating_add(4));
            if piece.is_empty() || end.is_some() || head.len() >= limit {
                head.truncate(end.unwrap_or(limit).min(limit));
                return Ok(head);
            }
        }
    }

    /// Reads a piece of the message, which begins at `offset`. The piece is empty at the end of the message.
    pub(crate) fn read_at(&mut self, offset: u64, piece: &mut Vec<u8>) -> Result<(), Error> {
        let left = self.stored.body_octets.saturating_sub(offset);
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
        piece.resize(want, 0);
        let at = self.stored.body_at.saturating_add(offset);
        let read = self.file.seek(SeekFrom::Start(at)).and_then(|_| self.file.read_exact(piece));
        read.map_err(|error| {
            piece.clear();
            match error.kind() {
                io::ErrorKind::UnexpectedEof => Error::damaged(self.path(), "its message is cut off"),
                _ => Error::io(self.path(), error),
            }
        })
    }

    /// Makes it due now for all recipients who did not get it.
    ///
    /// If it was unknown whether a server had accepted it, it may be delivered twice.
    ///
    /// # Errors
    ///
    /// Fails if the file can't be written or moved.
    pub fn retry(mut self) -> Result<(), Error> {
        // In this order: the next run puts a message back that is in the queue and waits for nobody.
        self.move_to(Place::Queue)?;
        let at = self.spool.now();
        self.record(&Record::Retry { at })
    }

    /// Records that it was delivered to the recipients for whom that was unknown. `words` say where it was found. Removes it from
    /// the spool, unless it failed for other recipients.
    ///
    /// # Errors
    ///
    /// Fails if the file can't be written or moved.
    pub fn found(mut self, words: &str) -> Result<(), Error> {
        let states = self.recipients().map(|(_, state)| state).enumerate();
        let which = states.filter(|(_, state)| matches!(state, State::Unknown(_))).map(|(index, _)| index);
        let results = vec![(State::Delivered(words.to_owned()), which.collect())];
        let Stored { attempts, mark, last, next, waited, .. } = self.stored;
        let attempt = attempts.max(mark).saturating_add(1);
        let owed = self.stored.owed.clone();
        let record = Record::Attempt { attempt, at: last, next, waited, results, owed };
        let mut after = self.stored.clone();
        after.apply(&record);
        let is_done = |state: &State| matches!(state, State::Delivered(_));
        if after.states.iter().all(is_done) {
            return self.remove();
        }
        self.record(&record)?;
        self.move_to(Place::Failed)
    }

    /// Records a search that did not find it. `said` is the result.
    pub(crate) fn looked(&mut self, said: &str) -> Result<(), Error> {
        let number = self.stored.look.as_ref().map_or(0, |look| look.number).saturating_add(1);
        let at = self.spool.now();
        self.record(&Record::Look(Look { at, number, said: said.to_owned() }))
    }

    /// Removes the message from the spool.
    ///
    /// # Errors
    ///
    /// Fails if its file can't be removed.
    pub fn remove(self) -> Result<(), Error> {
        let path = self.path();
        fs::remove_file(&path).map_err(|error| Error::io(&path, error))?;
        sync_folder(&self.spool.folder().join(self.place.folder()))
    }

    /// Records that the final dot is about to be sent for these recipients, which may be some of those who wait. The mark is on
    /// the disk when this returns.
    pub(crate) fn mark(&mut self, which: &[usize]) -> Result<(), Error> {
        let attempt = self.stored.attempts.saturating_add(1);
        let has_begun = self.stored.mark == attempt;
        let is_in_parts = matches!(&self.stored.parts, Some((known, _)) if *known == attempt);
        let waiting = self.stored.waiting();
        if is_in_parts || which.len() < waiting.len() {
            // A mark without a line was for all.
            let which = if has_begun && !is_in_parts { waiting } else { which.to_vec() };
            // First the line: without a mark it says nothing.
            self.record(&Record::Part { attempt, at: self.spool.now(), which })?;
        }
        if has_begun {
            return Ok(());
        }
        let path = self.path();
        let written = self
            .file
            .seek(SeekFrom::Start(MARK_AT))
            .and_then(|_| self.file.write_all(mark(attempt).as_bytes()))
            .and_then(|()| self.file.sync_data());
        written.map_err(|error| Error::io(&path, error))?;
        self.stored.mark = attempt;
        Ok(())
    }

    /// Records the verdicts of a part, of a message that has other parts to go. They are on the disk when this returns.
    pub(crate) fn known(&mut self, verdict: Verdict) -> Result<(), Error> {
        let attempt = self.stored.attempts.saturating_add(1);
        let (results, without_dsn) = (grouped(verdict.states), verdict.without_dsn);
        self.record(&Record::Known { attempt, at: self.spool.now(), results, without_dsn })
    }

    /// Appends a line. It is on the disk when this returns.
    pub(crate) fn record(&mut self, record: &Record) -> Result<(), Error> {
        let (path, end, line) = (self.path(), self.stored.end, record.to_line());
        // Removes a line that a crash or a full disk cut short.
        let written = self
            .file
            .set_len(end)
            .and_then(|()| self.file.seek(SeekFrom::Start(end)))
            .and_then(|_| self.file.write_all(line.as_bytes()))
            .and_then(|()| self.file.sync_data());
        written.map_err(|error| Error::io(&path, error))?;
        self.stored.apply(record);
        self.stored.end = end.saturating_add(super::file::octets(line.len()));
        Ok(())
    }

    /// Takes a line back that was written and perhaps did not reach the disk.
    pub(crate) fn take_back(&mut self) -> Result<(), Error> {
        self.file.set_len(self.stored.end).map_err(|error| Error::io(self.path(), error))
    }

    /// Moves the file to its place.
    pub(crate) fn move_to(&mut self, place: Place) -> Result<(), Error> {
        if place == self.place {
            return Ok(());
        }
        let (from, to) = (self.path(), self.spool.path(place, &self.id));
        fs::rename(&from, &to).map_err(|error| Error::io(&from, error))?;
        self.place = place;
        sync_folder(&self.spool.folder().join(place.folder()))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.spool.path(self.place, &self.id)
    }
}

/// What is said of an attempt that was killed behind the dot.
pub(crate) const INTERRUPTED: &str = "the program was stopped while it waited for the server's answer";
/// Octets that are read at a time.
const PIECE: usize = 64 * 1024;
