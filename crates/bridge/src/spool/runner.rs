use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
    fs::{self, File, OpenOptions},
    io, iter, mem,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use mailbearer::{Client, proto::smtp::Dsn};

use super::{
    Entry, Error, Lane, Place, Reporter, Spool, State, Stored,
    entry::INTERRUPTED,
    file::Record,
    folder::{DROP, TMP, open_private, sync_folder},
    lane::{Ready, Verdict},
    reporter::Reported,
};

/// Sends messages from a spool. Only one process has it at a time.
pub struct Runner<'s> {
    spool: &'s Spool,
    /// The messages that were not due at the last look: the state of the file then, and when the message is due.
    known: Mutex<HashMap<String, (FileState, u64)>>,
    /// The system unlocks it when the process ends, even if it is killed.
    lock: Mutex<File>,
    pub(super) reporter: Option<&'s dyn Reporter>,
    /// The messages whose reports could not be written, and when that was.
    pub(super) resting: Mutex<HashMap<String, Instant>>,
}

/// A message that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Due {
    /// Its name.
    pub id: String,
    /// The account that sends it; `None` is the default one.
    pub account: Option<String>,
}

/// Size and time of change, which show that a file was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileState {
    octets: u64,
    changed: SystemTime,
}

impl FileState {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self { octets: metadata.len(), changed: metadata.modified().ok()? })
    }
}

/// The result of an attempt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The name of the message.
    pub id: String,
    /// The account that sends it; `None` is the default one.
    pub account: Option<String>,
    /// Its sender.
    pub sender: String,
    /// Where the message is now.
    pub fate: Fate,
    /// Each recipient of the attempt, and its state now.
    pub recipients: Vec<(String, State)>,
    /// Why the attempt failed, if it failed as a whole.
    pub problem: Option<String>,
    /// Which reports the sender wants.
    pub dsn: Dsn,
    /// Whether the server that accepted the message does not offer `DSN`, so it won't report the delivery.
    pub without_dsn: bool,
    /// The header of the message, where [a report is wanted](Self::is_wanted).
    pub(crate) header: Vec<u8>,
}

/// Where a message is after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is a place for each")]
pub enum Fate {
    /// All recipients have it, and it is no longer in the spool.
    Delivered,
    /// It waits in the queue for this long.
    Waits(Duration),
    /// It is in `failed`.
    Failed,
    /// It is in `unknown`.
    Unknown,
}

impl fmt::Debug for Runner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("spool", &self.spool).finish_non_exhaustive()
    }
}

fn lock_of(spool: &Spool) -> Result<File, Error> {
    let path = spool.folder().join(LOCK);
    let failed = |error| Error::io(&path, error);
    let mut options = OpenOptions::new();
    let lock = open_private(&path, options.write(true).create(true).truncate(false)).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Err(Error::Busy),
        Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
    }
    spool.give(&path).map_err(failed)?;
    Ok(lock)
}

/// A message that was looked at.
enum Opened<'s> {
    Ready(Box<Ready<'s>>),
    /// There is nothing to send.
    Over(Option<Box<Report>>),
}

/// Returns the client of an account, or why there is none now. `None` is the default account.
pub type Clients<'c> = dyn FnMut(Option<&str>) -> Result<Client, String> + 'c;

impl<'s> Runner<'s> {
    pub(crate) fn lock(spool: &'s Spool) -> Result<Self, Error> {
        let runner = Self {
            spool,
            known: Mutex::default(),
            lock: Mutex::new(lock_of(spool)?),
            reporter: None,
            resting: Mutex::default(),
        };
        runner.clear(&spool.folder().join(TMP));
        Ok(runner)
    }

    /// Takes the lock again if the spool was removed and made again. The lock that is held belongs to a folder that is gone, and
    /// another process may have the new one.
    fn hold(&self) -> Result<(), Error> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;

            let path = self.spool.folder().join(LOCK);
            let failed = |error| Error::io(&path, error);
            let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            let own = lock.metadata().map_err(failed)?;
            let is_own = |there: &fs::Metadata| (there.dev(), there.ino()) == (own.dev(), own.ino());
            match fs::symlink_metadata(&path) {
                Ok(there) if is_own(&there) => {}
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => *lock = lock_of(self.spool)?,
            }
        }
        Ok(())
    }

    pub(crate) const fn spool(&self) -> &'s Spool {
        self.spool
    }

    /// Tries to send each message that is due once. Calls `report` for each.
    ///
    /// The messages of an account share its connections. If an account can't be used, its messages stay in the queue.
    ///
    /// # Errors
    ///
    /// Fails if the spool can't be read or written. Skips a damaged message without a report.
    pub fn run(&self, clients: &mut Clients<'_>, report: &mut dyn FnMut(&Report)) -> Result<(), Error> {
        self.take_over_drops()?;
        let mut accounts: Vec<(Option<String>, Vec<String>)> = Vec::new();
        for Due { id, account } in self.due(&HashSet::new())? {
            match accounts.iter_mut().find(|(own, _)| *own == account) {
                Some((_, ids)) => ids.push(id),
                None => accounts.push((account, vec![id])),
            }
        }
        for (account, ids) in accounts {
            let mut lane = Lane::new(clients(account.as_deref()));
            self.attempt_all(&mut ids.into_iter(), &mut lane, &mut |_, done| {
                if let Some(done) = done {
                    report(done);
                }
            })?;
        }
        Ok(())
    }

    /// Lists the messages that are due, the longest due first, without those in `except`.
    ///
    /// # Errors
    ///
    /// Fails if the queue can't be read, and with [`Error::Busy`] if the spool was removed and made again, and another process sends
    /// from the new one.
    pub fn due(&self, except: &HashSet<String>) -> Result<Vec<Due>, Error> {
        self.hold()?;
        let now = self.spool.now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut due, mut seen) = (Vec::new(), HashMap::new());
        for id in self.spool.names_in(Place::Queue.folder())? {
            if except.contains(&id) {
                continue;
            }
            // A message that was not due is read again only if its file changed. Reading all of them each time costs more.
            let state = FileState::of(&self.spool.path(Place::Queue, &id));
            if let Some((file, next)) = known.remove(&id)
                && Some(file) == state
                && !is_time(next, now)
            {
                seen.insert(id, (file, next));
                continue;
            }
            match Entry::open(self.spool, Place::Queue, &id, false) {
                Ok(Some(entry)) if is_due(entry.stored(), now) || self.is_to_report(&entry) => {
                    let account = entry.stored().account.clone();
                    due.push((entry.stored().next, Due { id, account }));
                }
                Ok(Some(entry)) => {
                    seen.extend(state.map(|state| (id, (state, entry.stored().next))));
                }
                Ok(None) | Err(Error::Damaged { .. }) => {}
                // Another user's file is no reason to keep the others waiting.
                Err(error) if error.is_permission() => {}
                Err(error) => return Err(error),
            }
        }
        *known = seen;
        due.sort_by(|(next, one), (other, another)| (next, &one.id).cmp(&(other, &another.id)));
        Ok(due.into_iter().map(|(_, due)| due).collect())
    }

    /// Whether there is something to do for a message although it waits for nobody now.
    fn is_to_report(&self, entry: &Entry<'_>) -> bool {
        match &entry.stored().owed {
            Some(_) => self.reporter.is_some() && !self.rests(entry.id()),
            None => entry.stored().waiting().is_empty(),
        }
    }

    /// Moves the messages in `drop` into the queue: copies each, then removes the original.
    ///
    /// # Errors
    ///
    /// Fails if the spool can't be written. Skips files that this program did not write.
    pub fn take_over_drops(&self) -> Result<(), Error> {
        self.hold()?;
        let folder = self.spool.folder().join(DROP);
        if !folder.is_dir() {
            return Ok(());
        }
        let mut taken = false;
        for id in self.spool.names_in(DROP)? {
            let path = folder.join(&id);
            let is_here = Place::ALL.iter().any(|place| self.spool.path(*place, &id).exists());
            // A run that was killed before it could remove the original copied it already.
            if is_here || self.copy_drop(&path, &id)? {
                fs::remove_file(&path).map_err(|error| Error::io(&path, error))?;
                taken = true;
            }
        }
        self.clear(&folder);
        if taken { sync_folder(&folder) } else { Ok(()) }
    }

    fn copy_drop(&self, path: &Path, id: &str) -> Result<bool, Error> {
        let failed = |error| Error::io(path, error);
        // Links, folders and files that the runner may not read are not messages.
        let Ok(mut file) = open_private(path, OpenOptions::new().read(true)) else { return Ok(false) };
        let Ok(stored) = Stored::read(&mut file) else { return Ok(false) };
        // Only envelope and text come from the guest. The account and the record of attempts are this spool's.
        let mut writer = self.spool.begin(&stored.envelope, None)?.named(id)?;
        io::Seek::seek(&mut file, io::SeekFrom::Start(stored.body_at)).map_err(failed)?;
        let mut left = io::Read::take(file, stored.body_octets);
        let mut piece = vec![0; 64 * 1024];
        loop {
            match io::Read::read(&mut left, &mut piece).map_err(failed)? {
                0 => break,
                count => writer.write(piece.get(..count).unwrap_or_default())?,
            }
        }
        writer.commit()?;
        Ok(true)
    }

    /// Removes what killed processes left. A file that is being written is locked, or was made a moment ago.
    fn clear(&self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let is_own = folder.ends_with(TMP) || entry.file_name().as_encoded_bytes().starts_with(b".");
            let is_old = entry.metadata().and_then(|metadata| metadata.modified()).is_ok_and(|modified| {
                // A file from the future is one of a wrong clock: it stays.
                SystemTime::now().duration_since(modified).is_ok_and(|age| age >= ABANDONED)
            });
            let path = entry.path();
            let is_free = || {
                open_private(&path, OpenOptions::new().read(true)).is_ok_and(|file| file.try_lock().is_ok())
            };
            if is_own && is_old && is_free() {
                // The next run tries again.
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// Tries to send messages over as many connections as the account may have, one behind the other on each. Takes the next name
    /// from `ids` when a connection is free for it, and returns after `ids` has ended and all messages have.
    ///
    /// Calls `done` for each message after its result is on the disk; with `None` if the message is gone, damaged, locked by another
    /// process or waits for nobody, and if the lane was stopped before the message was begun.
    ///
    /// Several threads may call this at once, each with its own lane.
    ///
    /// # Errors
    ///
    /// Fails if the spool can't be read or written. Then it begins no other message, and returns when those that were begun have
    /// ended.
    pub fn attempt_all(
        &self,
        ids: &mut (dyn Iterator<Item = String> + Send),
        lane: &mut Lane<'_>,
        done: &mut dyn FnMut(&str, Option<&Report>),
    ) -> Result<(), Error> {
        // What came of messages without an attempt, and the error that ends this.
        let aside = Mutex::new((Vec::new(), None));
        let aside = || aside.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = iter::from_fn(|| {
            loop {
                if aside().1.is_some() {
                    return None;
                }
                let id = ids.next()?;
                let report = match self.open(&id) {
                    Ok(Opened::Ready(ready)) => return Some(*ready),
                    Ok(Opened::Over(report)) => report.map(|report| *report),
                    Err(error) => {
                        aside().1 = Some(error);
                        None
                    }
                };
                aside().0.push((id, report));
            }
        });
        lane.send_all(ready, |heard| {
            let over = mem::take(&mut aside().0);
            over.iter().for_each(|(id, report)| done(id, report.as_ref()));
            let Some((entry, verdict)) = heard else { return };
            let id = entry.id().to_owned();
            let settled = verdict.and_then(|verdict| {
                let Some(verdict) = verdict else { return Ok(None) };
                let attempt = entry.stored().attempts.saturating_add(1);
                self.settle(entry, attempt, verdict).map(Some)
            });
            match settled {
                Ok(report) => done(&id, report.as_ref()),
                Err(error) => {
                    aside().1 = Some(error);
                    done(&id, None);
                }
            }
        });
        let (over, error) = mem::take(&mut *aside());
        over.iter().for_each(|(id, report)| done(id, report.as_ref()));
        error.map_or(Ok(()), Err)
    }

    /// Opens a message to send it, or does what there is to do without sending it.
    fn open(&self, id: &str) -> Result<Opened<'s>, Error> {
        self.hold()?;
        let mut entry = match Entry::open(self.spool, Place::Queue, id, true) {
            Ok(Some(entry)) => entry,
            Ok(None) | Err(Error::Busy | Error::Damaged { .. }) => return Ok(Opened::Over(None)),
            Err(error) => return Err(error),
        };
        let waiting = entry.stored().waiting();
        if entry.stored().is_interrupted() {
            // The program was killed in the attempt, so the outcome is unknown. Those of parts that were not begun go on waiting.
            let attempt = entry.stored().mark;
            let is_reached = |index: &usize| entry.stored().is_interrupted_for(*index);
            let reached: Vec<usize> = waiting.iter().copied().filter(is_reached).collect();
            if !reached.is_empty() {
                let states = vec![(State::Unknown(INTERRUPTED.into()), reached)];
                let verdict = Verdict { states, wait: None, problem: None, without_dsn: false };
                return Ok(Opened::Over(Some(Box::new(self.settle(entry, attempt, verdict)?))));
            }
        }
        if waiting.is_empty() && !entry.stored().known.is_empty() {
            let verdict = Verdict { states: Vec::new(), wait: None, problem: None, without_dsn: false };
            let attempt = entry.stored().attempts.saturating_add(1);
            return Ok(Opened::Over(Some(Box::new(self.settle(entry, attempt, verdict)?))));
        }
        // A run was killed between the line and the report, or the report could not be written.
        let owed = entry.stored().owed.clone();
        let report = owed.map(|owed| Report::owed(&mut entry, &owed));
        let reported = report.as_ref().map(|report| self.report(&mut entry, report));
        if waiting.is_empty() {
            // A run was killed between the last line and the move.
            self.put_away(entry, reported.unwrap_or(Reported::NotNeeded))?;
            return Ok(Opened::Over(None));
        }
        if reported.is_some() && !is_due(entry.stored(), self.spool.now()) {
            return Ok(Opened::Over(None));
        }
        Ok(Opened::Ready(Box::new(Ready { entry, waiting })))
    }

    /// Writes down what came of an attempt and which report is owed for it, writes the report, and puts the message where it
    /// belongs.
    fn settle(&self, mut entry: Entry<'_>, attempt: u32, verdict: Verdict) -> Result<Report, Error> {
        let Verdict { mut states, wait, problem, mut without_dsn } = verdict;
        let stored = entry.stored();
        let at = self.spool.now();
        let passed = at.saturating_sub(stored.last).min(DAY);
        let waited = stored.waited.saturating_add(passed);
        let is_interrupted =
            |(state, _): &(State, Vec<usize>)| matches!(state, State::Unknown(words) if words == INTERRUPTED);
        // Those to whom an attempt that was killed did not come are due at once.
        let pause = match !states.is_empty() && states.iter().all(is_interrupted) {
            true => Duration::ZERO,
            false => pause(stored.attempts, wait),
        };
        let mut after = stored.clone();
        if waited >= FIVE_DAYS {
            for (state, _) in &mut states {
                if let State::Waiting(reply) = state {
                    let reply = reply.take().unwrap_or_default();
                    *state = State::Failed(format!("not delivered in five days; at last: {reply}"));
                }
            }
        }
        let mut which: BTreeSet<usize> = states.iter().flat_map(|(_, which)| which.iter().copied()).collect();
        // Those of whom a run that was killed did not get to tell.
        which.extend(&stored.known);
        without_dsn |= stored.without_dsn;
        let still_owed = stored.owed.clone();
        if let Some(owed) = &still_owed {
            let has_it = |index: &usize| matches!(stored.states.get(*index), Some(State::Delivered(_)));
            without_dsn |= owed.about.iter().any(has_it);
            which.extend(&owed.about);
        }
        let next = at.saturating_add(pause.as_secs());
        let results = grouped(states);
        let record = |owed| Record::Attempt { attempt, at, next, waited, results: results.clone(), owed };
        after.apply(&record(still_owed.clone()));
        let mut report = Report::about(&mut entry, &after, &which, pause, without_dsn);
        report.problem = problem;
        let owed = self.owed(still_owed.as_ref(), &report, &after);
        let is_owed = owed.is_some();
        let is_delivered = report.fate == Fate::Delivered;
        if is_owed || !is_delivered {
            match (entry.record(&record(owed)), self.reporter) {
                (Ok(()), _) => {}
                // The file goes, so a full disk must not keep it, even if it costs the report.
                (Err(error), Some(reporter)) if is_delivered => {
                    reporter.written(&report, Err(error));
                    entry.remove()?;
                    return Ok(report);
                }
                (Err(error), _) => return Err(error),
            }
        }
        let reported = self.report(&mut entry, &report);
        match report.fate {
            Fate::Waits(_) => {}
            Fate::Delivered if !is_owed => entry.remove()?,
            _ => self.put_away(entry, reported)?,
        }
        Ok(report)
    }
}

/// The place of a message that waits for nobody. `None` if every recipient got it.
pub(super) fn resting_place(stored: &Stored) -> Option<Place> {
    let any = |is: fn(&State) -> bool| stored.states.iter().any(is);
    if any(|state| matches!(state, State::Unknown(_))) {
        Some(Place::Unknown)
    } else if any(|state| matches!(state, State::Failed(_))) {
        Some(Place::Failed)
    } else {
        None
    }
}

fn is_due(stored: &Stored, now: u64) -> bool {
    let waits = !stored.waiting().is_empty();
    waits && (stored.is_interrupted() || is_time(stored.next, now))
}

/// Whether it is time. A time that is further off than any pause comes from a wrong clock.
const fn is_time(next: u64, now: u64) -> bool {
    next <= now || next.saturating_sub(now) > DAY
}

/// How long to wait after the attempt that follows `attempts` others: RFC 5321 section 4.5.4.1 asks for 30 minutes at
/// least after the first tries, and for more as time goes on. What the server asks for counts where it is longer.
fn pause(attempts: u32, wait: Option<Duration>) -> Duration {
    let index = usize::try_from(attempts).unwrap_or(usize::MAX);
    let minutes = PAUSES.get(index).copied().unwrap_or(LONGEST_PAUSE);
    let pause = Duration::from_secs(minutes.saturating_mul(60));
    wait.map_or(pause, |wait| wait.max(pause)).min(Duration::from_secs(DAY))
}

/// Joins equal states: each once, with all its recipients.
pub(crate) fn grouped(states: Vec<(State, Vec<usize>)>) -> Vec<(State, Vec<usize>)> {
    let mut groups: Vec<(State, Vec<usize>)> = Vec::new();
    for (mut state, mut which) in states {
        shorten(&mut state);
        match groups.iter_mut().find(|(own, _)| *own == state) {
            Some((_, own)) => own.append(&mut which),
            None => groups.push((state, which)),
        }
    }
    groups
}

fn shorten(state: &mut State) {
    if let State::Waiting(Some(reply))
    | State::Delivered(reply)
    | State::Failed(reply)
    | State::Unknown(reply) = state
    {
        let end = shortened(reply).len();
        reply.truncate(end);
    }
}

/// The part of a server's words that is kept.
pub(crate) fn shortened(reply: &str) -> &str {
    let end = (0..=REPLY.min(reply.len())).rev().find(|end| reply.is_char_boundary(*end));
    reply.get(..end.unwrap_or(0)).unwrap_or_default()
}

const LOCK: &str = "lock";
/// Minutes between the first attempts.
const PAUSES: [u64; 6] = [1, 5, 15, 30, 60, 120];
/// Minutes between the others.
const LONGEST_PAUSE: u64 = 240;
const DAY: u64 = 24 * 3600;
const FIVE_DAYS: u64 = 5 * DAY;
/// A file without a lock that did not change for so long was left by a killed process.
const ABANDONED: Duration = Duration::from_secs(3600);
/// Octets of a server's words that are kept.
const REPLY: usize = 1000;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
