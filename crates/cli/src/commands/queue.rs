use std::{
    collections::BTreeSet,
    io::Write,
    mem,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use clap::{Args, Subcommand};
use jiff::{Timestamp, tz::TimeZone};
use mailbearer::{
    Blocking, Client, Receipt,
    proto::{smtp::Reply, wire::printable},
};
use mailbearer_bridge::spool::{
    self, Entry, Fate, Found, Limits, Place, Report, Reporter, Runner, Spool, State,
};
use serde_json::{Value, json};

use super::sendmail;
use crate::{
    cli::GlobalArgs,
    config::{self, Outline, folders},
    error::Error,
    exit::Exit,
    output::{self, Output},
    session::Session,
};

#[derive(Debug, Args)]
pub(crate) struct QueueArgs {
    /// Folder of the messages that wait, in place of `spool` in the state folder
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: QueueCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// List the messages: those that wait, those that failed, those of which nobody knows
    List,
    /// Show all that is known of a message, and its header
    Show {
        /// The message's name, or a part of it that no other has
        id: String,
    },
    /// Try once to send what is due, then end
    ///
    /// Where it is unknown whether a message arrived, it is looked for among those that were sent, for a day.
    Run,
    /// Make messages due now, for everyone who did not get them
    ///
    /// Where it is unknown whether a server took a message, this may deliver it twice.
    Retry {
        /// Names of messages
        #[arg(required_unless_present = "all")]
        ids: Vec<String>,
        /// Every message that waits or failed; not those of which nobody knows
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Remove messages for good
    Drop {
        /// Names of messages
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Print a message as it would be sent
    Export {
        /// The message's name
        id: String,
    },
}

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &QueueArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let spool = open(global, arguments.spool.as_deref())?;
    match &arguments.command {
        QueueCommand::List => list(&spool, out),
        QueueCommand::Show { id } => show(&mut spool.find(id)?, out),
        QueueCommand::Run => deliver(global, &spool, out),
        QueueCommand::Retry { ids, .. } if !ids.is_empty() => {
            ids.iter().try_for_each(|id| Ok(spool.find(id)?.retry()?))
        }
        QueueCommand::Retry { .. } => retry_all(&spool),
        QueueCommand::Drop { ids } => ids.iter().try_for_each(|id| Ok(spool.remove(id)?)),
        QueueCommand::Export { id } => {
            let mut entry = spool.find(id)?;
            entry.copy(|piece| out.octets(piece))?;
            out.flush()
        }
    }
}

/// Opens the spool that the command line or the configuration says, or the one in the state folder.
///
/// # Errors
///
/// Fails if there is no place for one, and as [`Spool::open`].
pub(crate) fn open(global: &GlobalArgs, folder: Option<&Path>) -> Result<Spool, Error> {
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => folder_of(config::outline(global)?),
    };
    Ok(Spool::open(folder, Limits::default())?)
}

/// The spool's folder by the configuration, or the usual one.
pub(crate) fn folder_of(outline: Outline) -> PathBuf {
    let configured = outline.sendmail.spool.or(outline.relay.spool);
    // Without a home and a folder of systemd's, the caller is a service of the machine.
    configured.or_else(folders::spool).unwrap_or_else(|| folders::MACHINE_SPOOL.into())
}

pub(crate) fn list(spool: &Spool, out: &mut Output<impl Write>) -> Result<(), Error> {
    let mut failed = None;
    for entry in spool.list()? {
        match entry {
            Ok(entry) if out.is_json() => out.json(&object(&entry))?,
            Ok(entry) => out.line(&line(&entry, &TimeZone::system()))?,
            Err(error) => {
                output::warning(&error.to_string());
                failed = Some(error);
            }
        }
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

fn show(entry: &mut Entry<'_>, out: &mut Output<impl Write>) -> Result<(), Error> {
    if out.is_json() {
        return out.json(&object(entry));
    }
    let zone = TimeZone::system();
    let stored = entry.stored();
    out.line(&format!("id         {}", entry.id()))?;
    out.line(&format!("state      {}", word(entry)))?;
    out.line(&format!("account    {}", stored.account.as_deref().unwrap_or("the default one")))?;
    out.line(&format!("taken      {}", local(stored.taken, &zone)))?;
    out.line(&format!("attempts   {}", stored.attempts))?;
    if entry.place() == Place::Queue {
        out.line(&format!("next       {}", local(stored.next, &zone)))?;
    }
    out.line(&format!("octets     {}", entry.octets()))?;
    out.line(&format!("sender     {}", sender(entry)))?;
    if let Some(id) = entry.recipients().find_map(|(_, state)| server_message_id(&state)) {
        out.line(&format!("server id  {}", printable(&id)))?;
    }
    if let Some(look) = &stored.look {
        let times = if look.number == 1 { "once".to_owned() } else { format!("{} times", look.number) };
        out.line(&format!(
            "looked     {times}, at last {}: {}",
            local(look.at, &zone),
            printable(&look.said)
        ))?;
    }
    for (address, state) in entry.recipients() {
        let reply = state.reply().map(|reply| format!("  {reply}")).unwrap_or_default();
        out.line(&format!("recipient  {address}  {}{reply}", state.word()))?;
    }
    out.line("")?;
    let head = entry.header(HEADER)?;
    let text = String::from_utf8_lossy(head.strip_suffix(b"\r\n\r\n").unwrap_or(&head));
    text.lines().try_for_each(|line| out.line(line))
}

/// Octets of a header that are shown.
const HEADER: usize = 1 << 20;

/// Tries once what is due. Its error is the worst result of a message.
pub(crate) fn deliver(global: &GlobalArgs, spool: &Spool, out: &mut Output<impl Write>) -> Result<(), Error> {
    let runner = spool.lock()?;
    let (mut ends, mut written) = (Ends::default(), Ok(()));
    run_once(global, runner, &mut |report| {
        ends.count(report);
        if written.is_ok() {
            written = tell(report, out);
        }
    })?;
    written?;
    look_for_unknown(global, spool, &mut ends, out)?;
    ends.result()
}

/// Looks for messages whose outcome is unknown among those that were sent. A message that is not found stays unknown, and
/// nothing is sent again.
fn look_for_unknown(
    global: &GlobalArgs,
    spool: &Spool,
    ends: &mut Ends,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let mut written = Ok(());
    spool.look(false, &mut |account| client(global, account), &mut |looked| {
        let Found::There(words) = &looked.found else { return };
        ends.found(&looked.id);
        if written.is_ok() {
            let words = printable(words);
            written = if out.is_json() {
                out.json(&json!({ "id": looked.id, "found": words }))
            } else {
                out.line(&format!("delivered  {}  {words}", looked.id))
            };
        }
    })?;
    written
}

/// As [`deliver`], and says nothing of what went well. Where another process sends from the spool, it does this too.
pub(crate) fn deliver_quietly(global: &GlobalArgs, spool: &Spool) -> Result<(), Error> {
    let runner = match spool.lock() {
        Err(spool::Error::Busy) => return Ok(()),
        runner => runner?,
    };
    let mut ends = Ends::default();
    run_once(global, runner, &mut |report| ends.count(report))?;
    ends.result()
}

/// Tries once what is due, and the reports (RFC 3464) for senders who asked for them by NOTIFY: of what failed, and of what went
/// to a server that reports nothing.
fn run_once(global: &GlobalArgs, runner: Runner<'_>, heard: &mut dyn FnMut(&Report)) -> Result<(), Error> {
    let senders = Senders { global, reports: Mutex::new(Ok(false)) };
    let runner = runner.reporting(&senders);
    runner.run(&mut |account| client(global, account), heard)?;
    let written = mem::replace(&mut *senders.reports(), Ok(false));
    if written? {
        // Nobody asks for reports about these.
        runner.run(&mut |account| client(global, account), heard)?;
    }
    Ok(())
}

/// The senders of the queue's messages.
struct Senders<'g> {
    global: &'g GlobalArgs,
    /// Whether a report was put into the queue, or the first failure.
    reports: Mutex<Result<bool, spool::Error>>,
}

impl Senders<'_> {
    fn reports(&self) -> MutexGuard<'_, Result<bool, spool::Error>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter for Senders<'_> {
    fn host(&self) -> String {
        sendmail::host()
    }

    fn address(&self, account: Option<&str>) -> String {
        address(self.global, account)
    }

    fn written(&self, _: &Report, id: Result<&str, spool::Error>) {
        let mut reports = self.reports();
        match (id, &*reports) {
            (Ok(_), Ok(_)) => *reports = Ok(true),
            (Err(error), Ok(_)) => *reports = Err(error),
            (_, Err(_)) => {}
        }
    }
}

/// The address of an account of the spool.
fn address(global: &GlobalArgs, account: Option<&str>) -> String {
    let global = with_account(global, account);
    config::outline(&global).ok().and_then(|outline| outline.user).unwrap_or_default()
}

fn with_account(global: &GlobalArgs, account: Option<&str>) -> GlobalArgs {
    let mut global = global.clone();
    global.account = account.map(str::to_owned).or(global.account);
    global
}

/// The client of an account of the spool.
pub(crate) fn client(global: &GlobalArgs, account: Option<&str>) -> Result<Client<Blocking>, String> {
    Session::open(&with_account(global, account), true)
        .map(|session| session.client)
        .map_err(|error| error.text)
}

/// How many messages ended in which way.
#[derive(Default)]
pub(crate) struct Ends {
    waiting: usize,
    failed: usize,
    unknown: BTreeSet<String>,
}

impl Ends {
    pub(crate) fn count(&mut self, report: &Report) {
        let count = match report.fate {
            Fate::Delivered => return,
            Fate::Waits(_) => &mut self.waiting,
            Fate::Failed => &mut self.failed,
            Fate::Unknown => {
                self.unknown.insert(report.id.clone());
                return;
            }
        };
        *count = count.saturating_add(1);
    }

    /// Counts a message as found that was unknown.
    fn found(&mut self, id: &str) {
        self.unknown.remove(id);
    }

    /// The worst result, as an error.
    pub(crate) fn result(&self) -> Result<(), Error> {
        let error = match (self.unknown.len(), self.failed, self.waiting) {
            (0, 0, 0) => return Ok(()),
            (0, 0, waiting) => Error::new(Exit::Transient, format!("{waiting} not sent yet")),
            (0, failed, _) => Error::new(Exit::Unavailable, format!("{failed} failed")),
            (unknown, ..) => {
                Error::new(Exit::OutcomeUnknown, format!("whether {unknown} arrived is unknown"))
            }
        };
        Err(error.hint("`mailbearer queue list` shows them"))
    }
}

/// Prints what came of an attempt, a line for each recipient.
fn tell(report: &Report, out: &mut Output<impl Write>) -> Result<(), Error> {
    if out.is_json() {
        let retry_in = match report.fate {
            Fate::Waits(pause) => Some(pause.as_secs()),
            _ => None,
        };
        return out.json(&json!({
            "id": report.id,
            "sender": report.sender,
            "recipients": people(report.recipients.iter().map(|(address, state)| (address.as_str(), state.clone()))),
            "retry_in": retry_in,
            "problem": report.problem,
        }));
    }
    for (address, state) in &report.recipients {
        let reply = state.reply().unwrap_or_default();
        out.line(&format!("{:<9}  {}  {address}  {reply}", state.word(), report.id))?;
    }
    Ok(())
}

fn retry_all(spool: &Spool) -> Result<(), Error> {
    for entry in spool.list()? {
        let Ok(entry) = entry else { continue };
        if entry.place() != Place::Unknown && !entry.is_busy() {
            let id = entry.id().to_owned();
            drop(entry);
            match spool.find(&id) {
                // It went out meanwhile.
                Err(spool::Error::NotFound { .. } | spool::Error::Busy) => {}
                found => found?.retry()?,
            }
        }
    }
    Ok(())
}

/// The word for where a message is.
fn word(entry: &Entry<'_>) -> &'static str {
    match entry.place() {
        _ if entry.is_busy() => "sending",
        Place::Queue => "waiting",
        Place::Failed => "failed",
        Place::Unknown => "unknown",
    }
}

fn sender<'e>(entry: &'e Entry<'_>) -> &'e str {
    let sender = entry.stored().envelope.sender.as_str();
    if sender.is_empty() { "<>" } else { sender }
}

/// One line for a message: its name, its state and since when, its size, sender and recipients, and the last reply.
fn line(entry: &Entry<'_>, zone: &TimeZone) -> String {
    let open: Vec<_> =
        entry.recipients().filter(|(_, state)| !matches!(state, State::Delivered(_))).collect();
    let to: Vec<&str> = open.iter().map(|(address, _)| *address).collect();
    let reply = open.iter().find_map(|(_, state)| state.reply()).map(|reply| format!("  {reply}"));
    format!(
        "{}  {:<7}  {}  {:>9}  {} -> {}{}",
        entry.id(),
        word(entry),
        local(entry.stored().taken, zone),
        entry.octets(),
        sender(entry),
        to.join(", "),
        reply.unwrap_or_default(),
    )
}

fn object(entry: &Entry<'_>) -> Value {
    let stored = entry.stored();
    json!({
        "id": entry.id(),
        "state": word(entry),
        "account": stored.account,
        "taken": utc(stored.taken),
        "next": (entry.place() == Place::Queue).then(|| utc(stored.next)),
        "attempts": stored.attempts,
        "octets": entry.octets(),
        "sender": stored.envelope.sender,
        "recipients": people(entry.recipients()),
        "server_message_id": entry.recipients().find_map(|(_, state)| server_message_id(&state)),
        "look": stored.look.as_ref().map(|look| json!({
            "number": look.number,
            "at": utc(look.at),
            "said": look.said,
        })),
    })
}

/// The Message-ID that the server gave the message, where it said so when it took it.
fn server_message_id(state: &State) -> Option<String> {
    let State::Delivered(reply) = state else { return None };
    let (code, text) = reply.split_once(' ')?;
    let reply = Reply::new(code.parse().ok()?, text);
    Receipt::new(reply, Vec::new(), Vec::new()).server_message_id().map(str::to_owned)
}

fn people<'e>(recipients: impl Iterator<Item = (&'e str, State)>) -> Vec<Value> {
    recipients
        .map(|(address, state)| json!({ "address": address, "state": state.word(), "reply": state.reply() }))
        .collect()
}

fn time(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

fn utc(seconds: u64) -> Option<String> {
    time(seconds).map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn local(seconds: u64, zone: &TimeZone) -> String {
    let time =
        time(seconds).map(|time| time.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string());
    time.unwrap_or_else(|| "-".into())
}
