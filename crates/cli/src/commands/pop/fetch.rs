use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use mailbearer::{
    Blocking, Kind, Pop3,
    pop3::{Arrived, Body},
};
use serde_json::json;
use tempfile::NamedTempFile;

use super::{FetchArgs, delete, state::State};
use crate::{
    archive::{Folders, sync},
    cli::GlobalArgs,
    error::Error,
    exit::Exit,
    interrupt::Interrupts,
    output::{self, Output},
    partial::PartialFile,
    session::Session,
};

/// Fetches one message to standard output or a file.
pub(super) fn one(
    global: &GlobalArgs,
    arguments: &FetchArgs,
    interrupts: &Interrupts,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    if out.is_json() && arguments.output.is_none() {
        return Err(Error::usage("a message is no JSON").hint("with --json, give --output FILE"));
    }
    let mut file = arguments.output.as_ref().map(|name| PartialFile::create(name, interrupts)).transpose()?;
    let number = |pop3: &mut Pop3<Blocking>| match (&arguments.uid, arguments.number) {
        (Some(uid), _) => super::number(&pop3.list()?, uid),
        (None, number) => Ok(number.map_or(0, std::num::NonZeroU32::get)),
    };
    let (pop3, number) = super::begun(super::connect(global)?, number)?;
    // A body that breaks off in here is not read to its end for the sake of a goodbye.
    let mut broken = Ok(0);
    let copy = |pop3: &mut Pop3<Blocking>| {
        let mut body: Body<'_, Blocking> =
            if arguments.headers { pop3.top(number, 0)? } else { pop3.fetch(number)? };
        broken = copied(&mut body, file.as_mut(), out);
        Ok(())
    };
    let (pop3, ()) = super::begun(pop3, copy)?;
    let octets = broken?;
    // The message is whole. If the goodbye fails, the command does not.
    let _ = pop3.quit();
    if let (Some(file), Some(name)) = (file, &arguments.output) {
        file.finish()?;
        if out.is_json() {
            let file = name.display().to_string();
            out.json(&json!({ "number": number, "uid": arguments.uid, "octets": octets, "file": file }))?;
        }
    }
    out.flush()
}

/// Copies a message to a file or to standard output. Returns its octets.
fn copied(
    body: &mut Body<'_, Blocking>,
    mut file: Option<&mut PartialFile>,
    out: &mut Output<impl Write>,
) -> Result<u64, Error> {
    let mut octets = 0_u64;
    while let Some(piece) = body.next()? {
        octets = octets.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        match &mut file {
            Some(file) => file.write(&piece)?,
            None => out.octets(&piece)?,
        }
    }
    Ok(octets)
}

/// Fetches all messages that are not in the Maildir yet.
pub(super) fn all(
    global: &GlobalArgs,
    arguments: &FetchArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let Some(folder) = &arguments.maildir else { return Err(Error::usage("--all needs --maildir")) };
    let session = Session::open(global, true)?;
    let account = account(&session);
    let maildir = Maildir::open(folder, &account)?;
    let file = arguments.state.clone().unwrap_or_else(|| folder.join(format!(".pop3-{account}")));
    let mut collecting = Collecting { maildir, state: State::open(&file)?, batch: Vec::new(), octets: 0 };
    collecting.recover()?;
    let mut pop3 = session.with_token(|client| client.connect_pop3())?;
    let listed = pop3.list()?;
    let entries = keyed(listed.into_iter().map(|entry| (entry.number, entry.uid)))?;
    collecting.state.see(&entries.values().cloned().collect(), now());
    let failed = collecting.fetch(&mut pop3, &entries, out)?;
    collecting.state.save()?;
    if arguments.delete {
        let known =
            |(number, key): (&u32, &String)| collecting.state.known.contains_key(key).then_some(*number);
        let safe: Vec<u32> = entries.iter().filter_map(known).collect();
        for (number, error) in pop3.delete(&safe)? {
            output::warning(&format!("message {number}: {error}"));
        }
        delete::finish(&pop3.quit()?)?;
    } else {
        let _ = pop3.quit();
    }
    out.flush()?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// The mailbox as a part of file names.
fn account(session: &Session) -> String {
    let account = session.client.account();
    let host = account.pop3.as_ref().map_or("", |server| server.host.as_str());
    let plain = |c: char| c.is_ascii_alphanumeric() || "@-_.".contains(c);
    format!("{}@{host}", account.user).chars().map(|c| if plain(c) { c } else { '_' }).collect()
}

/// A key for each message. Copies of one message may share their unique id: the second gets a key of its own.
fn keyed(entries: impl IntoIterator<Item = (u32, Option<String>)>) -> Result<BTreeMap<u32, String>, Error> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut keyed = BTreeMap::new();
    for (number, uid) in entries {
        let Some(uid) = uid else {
            let message = "the server tells no unique ids, so what was fetched before can't be known";
            return Err(
                Error::new(Exit::Unavailable, message).hint("`pop fetch --number` fetches one message")
            );
        };
        let count = seen.entry(uid.clone()).or_default();
        *count = count.saturating_add(1);
        // No unique id of a server holds a line feed.
        let key = if *count == 1 { uid } else { format!("{uid}\n{count}") };
        keyed.insert(number, key);
    }
    Ok(keyed)
}

/// A Maildir, with this account's files in its `tmp`.
struct Maildir {
    folders: Folders,
    folder: PathBuf,
    /// The end of the names of all files that runs for this account write.
    mark: String,
}

impl Maildir {
    fn open(folder: &Path, account: &str) -> Result<Self, Error> {
        let folders = Folders::open(folder).map_err(|error| Error::output("create", folder, &error))?;
        Ok(Self { folders, folder: folder.to_owned(), mark: format!(".{account}.mailbearer") })
    }

    /// The result of a file operation, as the program's error.
    fn done<T>(&self, result: io::Result<T>) -> Result<T, Error> {
        result.map_err(|error| Error::output("write to the Maildir", &self.folder, &error))
    }
}

struct Collecting {
    maildir: Maildir,
    state: State,
    /// Messages that are whole in `tmp`, and not in the state yet.
    batch: Vec<Whole>,
    octets: u64,
}

/// A message in `tmp`.
struct Whole {
    number: u32,
    key: String,
    file: NamedTempFile,
    octets: u64,
}

impl Collecting {
    /// Finishes what an earlier run left unfinished.
    fn recover(&mut self) -> Result<(), Error> {
        let Self { maildir, state, .. } = self;
        for (key, (name, since)) in std::mem::take(&mut state.pending) {
            // If a file is in no folder, whoever reads the mail moved it away. But if it was in `tmp` for so long that it may
            // have been cleared away, it has to be fetched again.
            let was_delivered = maildir.done(maildir.folders.deliver(&name))?;
            let is_old = now().saturating_sub(since) > TMP;
            if was_delivered || !is_old || maildir.done(maildir.folders.holds(&name))? {
                state.known.insert(key, now());
            }
        }
        maildir.done(maildir.folders.sync_names("new"))?;
        state.save()?;
        maildir.done(maildir.folders.clear(&maildir.mark))
    }

    /// Fetches the messages that are not known yet. Returns the failure, if one did not come.
    fn fetch(
        &mut self,
        pop3: &mut Pop3<Blocking>,
        entries: &BTreeMap<u32, String>,
        out: &mut Output<impl Write>,
    ) -> Result<Option<mailbearer::Error>, Error> {
        let wanted: Vec<u32> = entries
            .iter()
            .filter(|(_, key)| !self.state.known.contains_key(*key))
            .map(|(number, _)| *number)
            .collect();
        let mut messages = pop3.fetch_each(wanted)?;
        let mut failed = None;
        let mut open: Option<(NamedTempFile, u64)> = None;
        loop {
            let arrived = match messages.next() {
                Ok(Some(arrived)) => arrived,
                Ok(None) => break,
                Err(error) => {
                    // The messages that are whole are kept.
                    self.enter(out)?;
                    return Err(error.into());
                }
            };
            match arrived {
                Arrived::Octets(_, piece) => {
                    let (file, octets) = begun(&mut open, &self.maildir)?;
                    self.maildir.done(file.as_file_mut().write_all(&piece))?;
                    *octets = octets.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
                }
                Arrived::Whole(number) => {
                    begun(&mut open, &self.maildir)?;
                    let (Some((file, octets)), Some(key)) = (open.take(), entries.get(&number)) else {
                        continue;
                    };
                    self.batch.push(Whole { number, key: key.clone(), file, octets });
                    self.octets = self.octets.saturating_add(octets);
                    if self.batch.len() >= BATCH || self.octets >= BATCH_OCTETS {
                        self.enter(out)?;
                    }
                }
                // Somebody else removed it meanwhile.
                Arrived::Refused(_, error) if error.kind() == Kind::NotFound => {}
                Arrived::Refused(number, error) => {
                    output::warning(&format!("message {number}: {error}"));
                    failed = Some(error);
                }
                _ => {}
            }
        }
        self.enter(out)?;
        Ok(failed)
    }

    /// Moves the messages that are whole to `new`. Each step is synced to the disk before the next.
    fn enter(&mut self, out: &mut Output<impl Write>) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        self.octets = 0;
        if batch.is_empty() {
            return Ok(());
        }
        let maildir = &self.maildir;
        maildir.done(sync(batch.iter().map(|whole| whole.file.as_file())))?;
        let mut names = Vec::new();
        for Whole { number, key, file, octets } in batch {
            // From here on a file stays where it is, whatever happens: the state names it.
            let (_, path) = maildir.done(file.keep().map_err(|error| error.error))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            names.push((number, key, name, octets));
        }
        maildir.done(maildir.folders.sync_names("tmp"))?;
        for (_, key, name, _) in &names {
            self.state.pending.insert(key.clone(), (name.clone(), now()));
        }
        self.state.save()?;
        for (_, key, name, _) in &names {
            if !maildir.done(maildir.folders.deliver(name))? {
                let message = format!("somebody removed tmp/{name} from the Maildir");
                return Err(Error::new(Exit::Io, message));
            }
            self.state.pending.remove(key);
            self.state.known.insert(key.clone(), now());
        }
        maildir.done(maildir.folders.sync_names("new"))?;
        self.state.save()?;
        for (number, key, name, octets) in names {
            let uid = key.split('\n').next().unwrap_or_default();
            if out.is_json() {
                let file = PathBuf::from("new").join(name).display().to_string();
                out.json(&json!({ "number": number, "uid": uid, "octets": octets, "file": file }))?;
            } else {
                out.line(&format!("fetched  {number:>7}  {octets:>10}  {uid}"))?;
            }
        }
        Ok(())
    }
}

/// The file of the message that arrives.
fn begun<'o>(
    open: &'o mut Option<(NamedTempFile, u64)>,
    maildir: &Maildir,
) -> Result<&'o mut (NamedTempFile, u64), Error> {
    if open.is_none() {
        *open = Some((maildir.done(maildir.folders.create(&maildir.mark))?, 0));
    }
    open.as_mut().ok_or_else(|| Error::new(Exit::Internal, "no file was begun"))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// How many messages are entered at a time, so that the state is not written for each.
const BATCH: usize = 100;
/// How many octets are entered at a time.
const BATCH_OCTETS: u64 = 8 << 20;
/// Seconds after which readers of a Maildir may clear a file out of `tmp`: 36 hours.
const TMP: u64 = 36 * 60 * 60;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn copies_with_one_unique_id_are_told_apart() {
        let keys = |uids: &[Option<&str>]| {
            let entries = (1..).zip(uids).map(|(number, uid)| (number, uid.map(ToOwned::to_owned)));
            keyed(entries).map(|keyed| keyed.into_values().collect::<BTreeSet<_>>().len())
        };
        assert_eq!(keys(&[Some("a"), Some("b"), Some("a"), Some("a")]).unwrap(), 4);
        assert_eq!(keys(&[Some("a"), None]).unwrap_err().exit, Exit::Unavailable);
    }
}
