use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io,
    path::Path,
    time::{Duration, SystemTime},
};

use mailbearer::{
    Blocking, Client, Envelope, Kind, Receipt, Smtp,
    proto::smtp::{Refusal, Reply},
};

use super::{
    Entry, Error, Place, Spool, State, Stored,
    entry::INTERRUPTED,
    file::{Record, now},
    folder::{DROP, TMP, open_private, sync_folder},
};

/// The process that sends from a spool. There is one at a time.
#[derive(Debug)]
pub struct Runner<'s> {
    spool: &'s Spool,
    /// The system unlocks it when the process ends, however it ends.
    _lock: File,
}

/// What became of an attempt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The message.
    pub id: String,
    /// Its sender.
    pub sender: String,
    /// What came of it.
    pub fate: Fate,
    /// Each recipient that the attempt was for, and what is known of it now.
    pub recipients: Vec<(String, State)>,
    /// Why the attempt failed, if it failed as a whole.
    pub problem: Option<String>,
}

/// Where a message is after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is a place for each")]
pub enum Fate {
    /// Every recipient has it; it is gone from the spool.
    Delivered,
    /// It waits, for so long.
    Waits(Duration),
    /// It is among those that failed.
    Failed,
    /// It is among those of which nobody knows.
    Unknown,
}

/// Gives the client of an account; `None` is the default one. An error is the reason why it can't be had now.
pub type Clients<'c> = dyn FnMut(Option<&str>) -> Result<Client, String> + 'c;

impl<'s> Runner<'s> {
    pub(crate) fn lock(spool: &'s Spool) -> Result<Self, Error> {
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
        let runner = Self { spool, _lock: lock };
        runner.clear(&spool.folder().join(TMP));
        Ok(runner)
    }

    /// Tries once what is due, then returns. `report` hears of each message.
    ///
    /// A connection is used for all messages of its account. Where an account can't be used, its messages that are due
    /// wait for another time.
    ///
    /// # Errors
    ///
    /// Fails if the spool can't be read or written; a message that is damaged is left where it is, and `report` does
    /// not hear of it.
    pub fn run(&self, clients: &mut Clients<'_>, report: &mut dyn FnMut(&Report)) -> Result<(), Error> {
        self.take_over_drops()?;
        let mut connections = Connections { clients, open: BTreeMap::new() };
        let result = self.due()?.iter().try_for_each(|id| {
            match self.attempt(id, &mut connections) {
                Ok(Some(done)) => report(&done),
                // It went away, or someone else has it in his hands.
                Ok(None) | Err(Error::Busy | Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
            Ok(())
        });
        connections.close();
        result
    }

    /// The names of the messages that are due, the longest due first.
    ///
    /// # Errors
    ///
    /// Fails if the queue can't be read.
    pub fn due(&self) -> Result<Vec<String>, Error> {
        let now = now();
        let mut due = Vec::new();
        for id in self.spool.names_in(Place::Queue.folder())? {
            match Entry::open(self.spool, Place::Queue, &id, false) {
                Ok(Some(entry)) if is_due(entry.stored(), now) => due.push((entry.stored().next, id)),
                Ok(_) | Err(Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        due.sort();
        Ok(due.into_iter().map(|(_, id)| id).collect())
    }

    /// Takes over what others dropped: a copy of each becomes a message of this spool, then the original goes.
    ///
    /// # Errors
    ///
    /// Fails if the spool can't be written. What is no message of this program's is left where it is.
    pub fn take_over_drops(&self) -> Result<(), Error> {
        let folder = self.spool.folder().join(DROP);
        if !folder.is_dir() {
            return Ok(());
        }
        let mut taken = false;
        for id in self.spool.names_in(DROP)? {
            let path = folder.join(&id);
            let is_here = Place::ALL.iter().any(|place| self.spool.path(*place, &id).exists());
            // What is here already was copied by a run that was killed before it could remove the original.
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
        // A link, a folder, or one that the runner may not read is none of ours.
        let Ok(mut file) = open_private(path, OpenOptions::new().read(true)) else { return Ok(false) };
        let Ok(stored) = Stored::read(&mut file) else { return Ok(false) };
        // Whoever drops decides on the message and on nothing else: not on the account, and not on what was tried.
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

    /// Clears away what killed processes left. What is being written is locked, or was begun a moment ago.
    fn clear(&self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let is_own = folder.ends_with(TMP) || entry.file_name().as_encoded_bytes().starts_with(b".");
            let is_old = entry.metadata().and_then(|metadata| metadata.modified()).is_ok_and(|modified| {
                // One that is of the future is of a clock that was wrong.
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

    /// Tries to send one message. `None` if it is gone, or waits for nobody.
    fn attempt(&self, id: &str, connections: &mut Connections<'_, '_>) -> Result<Option<Report>, Error> {
        let Some(mut entry) = Entry::open(self.spool, Place::Queue, id, true)? else { return Ok(None) };
        let waiting = waiting(&entry);
        if entry.stored().is_interrupted() {
            // The attempt ended when the program did, and nobody knows how.
            let attempt = entry.stored().mark;
            let states =
                waiting.iter().map(|index| (State::Unknown(INTERRUPTED.into()), vec![*index])).collect();
            return self.settle(entry, attempt, states, None, None).map(Some);
        }
        if waiting.is_empty() {
            // A run was killed between the last line and the move.
            let place = resting_place(entry.stored());
            match place {
                Some(place) => entry.move_to(place)?,
                None => entry.remove()?,
            }
            return Ok(None);
        }
        let account = entry.stored().account.clone();
        let verdict = connections.send(account.as_deref(), &mut entry, &waiting)?;
        let attempt = entry.stored().attempts.saturating_add(1);
        self.settle(entry, attempt, verdict.states, verdict.wait, verdict.problem).map(Some)
    }

    /// Writes down what came of an attempt, and puts the message where it belongs.
    fn settle(
        &self,
        mut entry: Entry<'_>,
        attempt: u32,
        states: Vec<(State, Vec<usize>)>,
        wait: Option<Duration>,
        problem: Option<String>,
    ) -> Result<Report, Error> {
        let stored = entry.stored();
        let at = now();
        let passed = at.saturating_sub(stored.last).min(DAY);
        let waited = stored.waited.saturating_add(passed);
        let pause = pause(stored.attempts, wait);
        let mut after = stored.clone();
        let mut states = states;
        if waited >= FIVE_DAYS {
            for (state, _) in &mut states {
                if let State::Waiting(reply) = state {
                    let reply = reply.take().unwrap_or_default();
                    *state = State::Failed(format!("not delivered in five days; at last: {reply}"));
                }
            }
        }
        let which: Vec<usize> = states.iter().flat_map(|(_, which)| which.iter().copied()).collect();
        let next = at.saturating_add(pause.as_secs());
        let record = Record::Attempt { attempt, at, next, waited, results: grouped(states) };
        after.apply(&record);
        let waits = after.states.iter().any(|state| matches!(state, State::Waiting(_)));
        let place = if waits { Some(Place::Queue) } else { resting_place(&after) };
        let recipients = after.envelope.recipients.iter().zip(&after.states).enumerate();
        let recipients = recipients
            .filter(|(index, _)| which.contains(index))
            .map(|(_, (address, state))| (address.clone(), state.clone()))
            .collect();
        let fate = match place {
            None => Fate::Delivered,
            Some(Place::Queue) => Fate::Waits(pause),
            Some(Place::Failed) => Fate::Failed,
            Some(Place::Unknown) => Fate::Unknown,
        };
        let report = Report {
            id: entry.id().to_owned(),
            sender: after.envelope.sender.clone(),
            fate,
            recipients,
            problem,
        };
        match place {
            // Nothing has to be written down of what is gone; a full disk is no reason to keep it.
            None => entry.remove()?,
            Some(place) => {
                entry.record(&record)?;
                entry.move_to(place)?;
            }
        }
        Ok(report)
    }
}

/// Sessions that are open, by account.
struct Connections<'c, 'f> {
    clients: &'c mut Clients<'f>,
    open: BTreeMap<Option<String>, Connection>,
}

enum Connection {
    Open(Client, Option<Box<Smtp<Blocking>>>),
    /// The account can't be used in this run.
    Closed {
        problem: String,
        wait: Option<Duration>,
    },
}

/// What an attempt says of the recipients that it was for.
struct Verdict {
    states: Vec<(State, Vec<usize>)>,
    wait: Option<Duration>,
    problem: Option<String>,
}

impl Connections<'_, '_> {
    fn send(
        &mut self,
        account: Option<&str>,
        entry: &mut Entry<'_>,
        waiting: &[usize],
    ) -> Result<Verdict, Error> {
        let key = account.map(str::to_owned);
        let mut connection = match self.open.remove(&key) {
            Some(connection) => connection,
            None => match (self.clients)(account) {
                Ok(client) => Connection::Open(client, None),
                Err(problem) => Connection::Closed { problem, wait: None },
            },
        };
        let verdict = loop {
            let (client, session) = match &mut connection {
                Connection::Open(client, session) => (client, session),
                Connection::Closed { problem, wait } => break Ok(put_off(waiting, problem, *wait)),
            };
            let (mut smtp, was_open) = match session.take() {
                Some(smtp) => (smtp, true),
                None => match client.connect_smtp() {
                    Ok(smtp) => (Box::new(smtp), false),
                    Err(error) => {
                        let (problem, wait) = (error.to_string(), error.retry_after());
                        connection = Connection::Closed { problem, wait };
                        continue;
                    }
                },
            };
            match submit(&mut smtp, entry, waiting) {
                Ok(receipt) => {
                    *session = Some(smtp);
                    break Ok(of_receipt(entry.stored(), waiting, &receipt));
                }
                Err(Stopped::Spool(error)) => break Err(error),
                Err(Stopped::Server(error)) => {
                    // A session that was left alone for a while may have ended; another takes the message.
                    let is_over = error.ended_session()
                        || matches!(error.cause(), Some(Refusal::TooManyMessages { .. }));
                    let no_dot = entry.stored().mark <= entry.stored().attempts;
                    if was_open && is_over && no_dot && error.is_transient() {
                        continue;
                    }
                    if !error.ended_session() {
                        *session = Some(smtp);
                    }
                    break Ok(of_error(entry.stored(), waiting, &error));
                }
            }
        };
        self.open.insert(key, connection);
        verdict
    }

    fn close(self) {
        for (_, connection) in self.open {
            if let Connection::Open(_, Some(smtp)) = connection {
                // Every message has its verdict; whether the goodbye is heard changes nothing.
                let _ = smtp.quit();
            }
        }
    }
}

enum Stopped {
    Server(mailbearer::Error),
    Spool(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Spool(error)
    }
}

impl From<mailbearer::Error> for Stopped {
    fn from(error: mailbearer::Error) -> Self {
        Self::Server(error)
    }
}

fn submit(smtp: &mut Smtp<Blocking>, entry: &mut Entry<'_>, waiting: &[usize]) -> Result<Receipt, Stopped> {
    let mut submission = smtp.submit(envelope(entry.stored(), waiting))?;
    entry.copy(|piece| Ok::<(), Stopped>(submission.write(piece)?))?;
    // On the disk before the dot is on the wire: whoever finds the mark and no verdict knows that nobody knows.
    entry.mark()?;
    Ok(submission.finish()?)
}

/// The envelope for those who have not got it yet.
fn envelope(stored: &Stored, waiting: &[usize]) -> Envelope {
    let mut envelope = stored.envelope.clone();
    let recipients = waiting.iter().filter_map(|index| stored.envelope.recipients.get(*index).cloned());
    envelope.recipients = recipients.collect();
    envelope
}

fn waiting(entry: &Entry<'_>) -> Vec<usize> {
    let states = entry.stored().states.iter().enumerate();
    states.filter(|(_, state)| matches!(state, State::Waiting(_))).map(|(index, _)| index).collect()
}

/// Where a message goes that waits for nobody; `None` where everyone has it.
fn resting_place(stored: &Stored) -> Option<Place> {
    let any = |is: fn(&State) -> bool| stored.states.iter().any(is);
    if any(|state| matches!(state, State::Unknown(_))) {
        Some(Place::Unknown)
    } else if any(|state| matches!(state, State::Failed(_))) {
        Some(Place::Failed)
    } else {
        None
    }
}

/// Whether it is time. A time that is further off than any pause was set by a clock that was wrong.
fn is_due(stored: &Stored, now: u64) -> bool {
    stored.is_interrupted() || stored.next <= now || stored.next.saturating_sub(now) > DAY
}

/// How long to wait after the attempt that follows `attempts` others: RFC 5321 section 4.5.4.1 asks for 30 minutes at
/// least after the first tries, and for more as time goes on. What the server asks for counts where it is longer.
fn pause(attempts: u32, wait: Option<Duration>) -> Duration {
    let index = usize::try_from(attempts).unwrap_or(usize::MAX);
    let minutes = PAUSES.get(index).copied().unwrap_or(LONGEST_PAUSE);
    let pause = Duration::from_secs(minutes.saturating_mul(60));
    wait.map_or(pause, |wait| wait.max(pause)).min(Duration::from_secs(DAY))
}

fn of_receipt(stored: &Stored, waiting: &[usize], receipt: &Receipt) -> Verdict {
    let reply = receipt.reply.to_string();
    let states = waiting.iter().map(|index| {
        let address = stored.envelope.recipients.get(*index).map_or("", String::as_str);
        let refused = receipt.refused.iter().find(|(refused, _)| refused == address);
        (
            refused.map_or_else(|| State::Delivered(reply.clone()), |(_, reply)| refused_by(reply)),
            vec![*index],
        )
    });
    Verdict { states: states.collect(), wait: None, problem: None }
}

fn of_error(stored: &Stored, waiting: &[usize], error: &mailbearer::Error) -> Verdict {
    let text = error.to_string();
    let all = |state: State| waiting.iter().map(|index| (state.clone(), vec![*index])).collect();
    let states = match error.cause::<Refusal>() {
        _ if error.outcome_unknown() => all(State::Unknown(text.clone())),
        Some(Refusal::Recipients { refused }) => {
            let states = waiting.iter().map(|index| {
                let address = stored.envelope.recipients.get(*index).map_or("", String::as_str);
                let reply = refused.iter().find(|(refused, _)| refused == address).map(|(_, reply)| reply);
                (reply.map_or_else(|| State::Waiting(Some(text.clone())), refused_by), vec![*index])
            });
            states.collect()
        }
        // That the account is not let in is not the message's fault.
        Some(refusal) if !refusal.is_auth() && !refusal.is_transient() => all(State::Failed(text.clone())),
        _ if error.kind() == Kind::Message => all(State::Failed(text.clone())),
        _ => all(State::Waiting(Some(text.clone()))),
    };
    Verdict { states, wait: error.retry_after(), problem: Some(text) }
}

fn put_off(waiting: &[usize], problem: &str, wait: Option<Duration>) -> Verdict {
    let states = vec![(State::Waiting(Some(problem.to_owned())), waiting.to_vec())];
    Verdict { states, wait, problem: Some(problem.to_owned()) }
}

fn refused_by(reply: &Reply) -> State {
    if reply.is_transient() {
        State::Waiting(Some(reply.to_string()))
    } else {
        State::Failed(reply.to_string())
    }
}

/// Each state once, with all whom it is of.
fn grouped(states: Vec<(State, Vec<usize>)>) -> Vec<(State, Vec<usize>)> {
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
        let end = (0..=REPLY.min(reply.len())).rev().find(|end| reply.is_char_boundary(*end));
        reply.truncate(end.unwrap_or(0));
    }
}

const LOCK: &str = "lock";
/// Minutes between the first attempts.
const PAUSES: [u64; 6] = [1, 5, 15, 30, 60, 120];
/// Minutes between the others.
const LONGEST_PAUSE: u64 = 240;
const DAY: u64 = 24 * 3600;
const FIVE_DAYS: u64 = 5 * DAY;
/// After so long without a change, a file that nobody holds is what a killed process left.
const ABANDONED: Duration = Duration::from_secs(3600);
/// Octets of a server's words that are kept.
const REPLY: usize = 1000;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
