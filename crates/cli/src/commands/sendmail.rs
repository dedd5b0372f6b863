use std::{
    env,
    ffi::OsString,
    fs,
    hash::{BuildHasher, RandomState},
    io::{self, Cursor, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use mailbearer::{
    Address, DateTime, Envelope, RawMessage, Receipt,
    proto::mime::{RawError, RawHeader, mailbox_field},
};
use mailbearer_bridge::{
    named,
    relay::{Accounts, HandOver, HandOverError, Options, speak as relay_speak},
    sendmail::{Aliases, Arguments, Mode, Repair, Repaired, Unique, header_is_whole, repair},
    spool::{Limits, Spool},
};

use super::{queue, relay, send};
use crate::{
    cli::{self, GlobalArgs},
    config::{self, Outline, folders},
    error::Error,
    exit::Exit,
    output::{self, Output},
    progress::Progress,
    raw,
    session::Session,
    stream::Stream,
};

/// Runs as `sendmail` with these arguments.
pub(crate) fn run(
    global: &GlobalArgs,
    words: &[OsString],
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let arguments = Arguments::parse(words.iter().cloned()).map_err(|error| {
        Error::usage(error.to_string()).hint("`mailbearer help sendmail` lists the options")
    })?;
    let mut global = global.clone();
    global.account = arguments.account.clone().or(global.account);
    global.config = arguments.config.clone().or(global.config);
    if arguments.trace {
        global.trace.get_or_insert_with(|| cli::STDERR.into());
    }
    match arguments.mode {
        Mode::Help => cli::help_of("sendmail").lines().try_for_each(|line| out.line(line)),
        Mode::Nothing => Ok(()),
        Mode::List => queue::list(&queue::open(&global, arguments.spool.as_deref())?, out),
        Mode::Run => queue::deliver(&global, &queue::open(&global, arguments.spool.as_deref())?, out),
        Mode::Deliver | Mode::Verify => Job::new(global, arguments)?.run(out),
        Mode::Smtp => speak(&global, &arguments, out),
        _ => Err(Error::usage("this is not done here")),
    }
}

/// Serves SMTP on standard input and output. Each message goes into the spool. Without `--queue`, the spool is run when the
/// client has gone.
fn speak(global: &GlobalArgs, arguments: &Arguments, out: &mut Output<impl Write>) -> Result<(), Error> {
    let spool = queue::open(global, arguments.spool.as_deref())?;
    let mut options = Options::new(relay::host());
    let mut accounts = Accounts::new();
    if let Ok(session) = Session::open(global, true) {
        accounts = accounts.with(None, session.client);
    }
    options.limits.connections = 1;
    let (mut input, mut output) = (io::stdin().lock(), out.writer());
    relay_speak(options, spool.clone(), accounts, &mut input, &mut output)
        .map_err(|error| Error::new(Exit::Io, format!("the conversation broke: {error}")))?;
    let keep = arguments.queue || spool.is_guest() || config::outline(global)?.sendmail.queue == Some(true);
    if keep { Ok(()) } else { queue::deliver_quietly(global, &spool) }
}

/// A message to send or recipients to show, and what it takes.
struct Job {
    global: GlobalArgs,
    arguments: Arguments,
    outline: Outline,
    own: String,
    aliases: Aliases,
    host: String,
}

impl Job {
    fn new(global: GlobalArgs, arguments: Arguments) -> Result<Self, Error> {
        let outline = config::outline(&global)?;
        let aliases = aliases(arguments.aliases.as_deref(), outline.sendmail.aliases.as_deref())?;
        let host = host();
        // Without an account nothing is sent from here, but a message that is handed to the relay still needs a sender.
        let own = outline.user.clone().unwrap_or_else(|| {
            let user = ["LOGNAME", "USER"].into_iter().find_map(|name| env::var(name).ok());
            format!(
                "{}@{}",
                user.as_deref().unwrap_or("nobody"),
                if host.is_empty() { "localhost" } else { &host }
            )
        });
        Ok(Self { global, arguments, outline, own, aliases, host })
    }

    fn run(&self, out: &mut Output<impl Write>) -> Result<(), Error> {
        let verify = self.arguments.mode == Mode::Verify;
        let named = self.named()?;
        if verify && !self.arguments.from_header {
            return show(&named, out);
        }
        if io::stdin().is_terminal() {
            return Err(Error::new(Exit::NoInput, "there is no message: standard input is a terminal"));
        }
        let mut rest = io::stdin();
        let mut start = Vec::new();
        while start.len() < RawHeader::LIMIT && !header_is_whole(&start) {
            let read = Read::by_ref(&mut rest).take(PIECE).read_to_end(&mut start);
            if read.map_err(|error| Error::new(Exit::Io, format!("cannot read the message: {error}")))? == 0 {
                break;
            }
        }
        if RawHeader::is_utf16(&start) {
            return Err(raw::no_good(&RawError::Utf16.into()));
        }
        let Repaired { octets, recipients } =
            repair(&start, &self.repair()).map_err(|error| no_user(&error))?;
        drop(start);
        let more = recipients.into_iter().filter(|_| self.arguments.from_header);
        let all = named.into_iter().chain(more).collect::<Unique>().into_addresses();
        if verify {
            return show(&all, out);
        }
        let from = self.from()?;
        // A header without any field is none yet.
        let first = if octets.starts_with(b"\r\n") {
            mailbox_field("From", std::slice::from_ref(&from))
        } else {
            Vec::new()
        };
        let mut message = raw::read(Cursor::new(first).chain(Cursor::new(octets)).chain(rest))?;
        message.header_mut().add_missing(&from, now()?, random());
        let envelope = self.envelope(&message, all)?;
        self.hand_over(message, envelope)
    }

    /// The recipients on the command line.
    fn named(&self) -> Result<Vec<String>, Error> {
        let mut all = Unique::default();
        for address in &self.arguments.recipients {
            all.extend(self.repair().recipient(address).map_err(|error| no_user(&error))?);
        }
        let all = all.into_addresses();
        match all.iter().find_map(|address| Some((address, Address::new(address).err()?))) {
            Some((address, problem)) => Err(Error::usage(format!("the recipient {address:?}: {problem}"))),
            None if all.is_empty() && !self.arguments.from_header => {
                Err(Error::usage("no recipients").hint("name them, or let -t take them from the header"))
            }
            None => Ok(all),
        }
    }

    fn repair(&self) -> Repair<'_> {
        Repair { own: &self.own, aliases: &self.aliases, host: &self.host }
    }

    /// The sender of a message that names none.
    fn from(&self) -> Result<Address, Error> {
        let (sender, repair) = (self.arguments.sender.as_deref().unwrap_or_default(), self.repair());
        let name = self.arguments.name.as_deref().unwrap_or_default();
        let found =
            [repair.sender(sender), &self.own].into_iter().find_map(|one| Address::named(name, one).ok());
        found.ok_or_else(|| {
            Error::config(format!("the account's user {:?} is no address to send from", self.own))
        })
    }

    fn envelope<R: Read>(&self, message: &RawMessage<R>, recipients: Vec<String>) -> Result<Envelope, Error> {
        if recipients.is_empty() {
            return Err(Error::usage("the message names no recipients"));
        }
        let arguments = &self.arguments;
        let repair = self.repair();
        let sender = arguments.sender.as_deref().map(|sender| repair.sender(sender).to_owned());
        let known = sender.clone().filter(|sender| !sender.is_empty());
        let mut envelope =
            message.envelope(known, recipients, &self.own).map_err(|error| raw::no_good(&error))?;
        if let Some(sender) = sender {
            envelope.sender = sender;
        }
        envelope.deliver_by = arguments.deliver_by;
        envelope.dsn.notify = arguments.notify;
        envelope.dsn.returned = arguments.returned;
        envelope.dsn.envelope_id.clone_from(&arguments.envelope_id);
        Ok(envelope)
    }

    /// Sends the message at once, or puts it into the spool.
    fn hand_over<R: Read + Send>(&self, message: RawMessage<R>, envelope: Envelope) -> Result<(), Error> {
        let named = self.arguments.spool.as_deref();
        if self.arguments.queue || self.outline.sendmail.queue == Some(true) {
            let spool = queue::open(&self.global, named)?;
            return self.keep(&spool, message, &envelope);
        }
        let session = match self.session() {
            Ok(session) => session,
            Err(error) if error.denied => {
                // This user may not read the secret. Another user, who may, sends from the spool.
                let folder = named
                    .or(self.outline.sendmail.spool.as_deref())
                    .or(self.outline.relay.spool.as_deref())
                    .unwrap_or(Path::new(folders::MACHINE_SPOOL));
                match Spool::open(folder, Limits::default()) {
                    Ok(spool) => return self.keep(&spool, message, &envelope),
                    Err(_) => return self.give_to_relay(folder, message, envelope, error),
                }
            }
            Err(error) => return Err(error),
        };
        let progress = Progress::new(envelope.size, true);
        refused(&send::deliver_stream(&session, Stream::new(envelope, message, progress))?)
    }

    /// Hands the message to a relay that runs on this machine. If there is none, fails with `denied`.
    fn give_to_relay<R: Read>(
        &self,
        folder: &Path,
        message: RawMessage<R>,
        envelope: Envelope,
        denied: Error,
    ) -> Result<(), Error> {
        let (address, _) = relay::first_address(&self.global)?;
        let failed = |error: HandOverError| {
            let exit = match &error {
                HandOverError::Broken { is_unknown: true, .. } => Exit::OutcomeUnknown,
                HandOverError::Refused(refusal) if !refusal.is_transient() => Exit::Unavailable,
                HandOverError::Envelope(_) => Exit::Data,
                _ => Exit::Transient,
            };
            Error::new(exit, format!("{address}: {error}"))
        };
        let mut handing = match HandOver::begin(address, envelope) {
            Ok(handing) => handing,
            Err(HandOverError::Connect(_) | HandOverError::Elsewhere(_)) => {
                let hint = format!(
                    "or let this user put messages into {}, by a folder drop there, or run `mailbearer relay` at {address}",
                    named(folder)
                );
                return Err(denied.hint(hint));
            }
            Err(error) => return Err(failed(error)),
        };
        message.copy(|piece| handing.write(piece).map_err(failed))?;
        refused(&handing.finish().map_err(failed)?)
    }

    fn session(&self) -> Result<Session, Error> {
        if self.outline.is_closed {
            return Err(Error {
                denied: true,
                ..Error::config("this user may not read the configuration file")
            });
        }
        Session::open(&self.global, true)
    }

    fn keep<R: Read>(&self, spool: &Spool, message: RawMessage<R>, envelope: &Envelope) -> Result<(), Error> {
        let mut writer = spool.begin(envelope, self.global.account.as_deref())?;
        message.copy(|piece| Ok::<(), Error>(writer.write(piece)?))?;
        writer.commit()?;
        Ok(())
    }
}

/// Names the recipients who did not get the message. All others did.
fn refused(receipt: &Receipt) -> Result<(), Error> {
    let refused: Vec<String> =
        receipt.refused.iter().map(|(address, reply)| format!("{address}: {reply}")).collect();
    let unsent = &receipt.unsent;
    let mut told = Vec::new();
    if !unsent.recipients.is_empty() {
        told.push(format!("the message was not sent to {}: {}", unsent.recipients.join(", "), unsent.reason));
    }
    if !refused.is_empty() {
        told.push(format!("the server refused {}", refused.join("; ")));
    }
    if told.is_empty() {
        return Ok(());
    }
    let whom = if unsent.recipients.is_empty() { "the refused ones" } else { "those who are named" };
    Err(Error::new(Exit::SomeRefused, told.join("; "))
        .hint(format!("the others get the message: send it again to {whom} alone")))
}

fn show(recipients: &[String], out: &mut Output<impl Write>) -> Result<(), Error> {
    if recipients.is_empty() {
        return Err(Error::usage("no recipients"));
    }
    recipients.iter().try_for_each(|address| out.line(address))
}

/// The aliases of the file that the user named, or else of the first usual file that exists.
fn aliases(given: Option<&Path>, configured: Option<&Path>) -> Result<Aliases, Error> {
    if let Some(file) = given.or(configured) {
        let text = fs::read_to_string(file).map_err(|error| Error::input("the aliases", file, &error))?;
        return Aliases::parse(&text).map_err(|error| Error::config(format!("{}: {error}", named(file))));
    }
    for file in ALIASES.map(PathBuf::from) {
        match fs::read_to_string(&file).map(|text| Aliases::parse(&text)) {
            Err(_) => {}
            Ok(Ok(aliases)) => return Ok(aliases),
            // The file may be another program's, and a mistake in it is no reason to lose mail.
            Ok(Err(error)) => output::warning(&format!("{} is not used: {error}", named(&file))),
        }
    }
    Ok(Aliases::default())
}

/// How many octets of the message are read at a time until its header is complete.
const PIECE: u64 = 64 * 1024;

/// Where aliases are looked for.
const ALIASES: [&str; 2] = ["/etc/mailbearer/aliases", "/etc/aliases"];

fn no_user(error: &impl ToString) -> Error {
    Error::new(Exit::SomeRefused, error.to_string())
}

fn now() -> Result<DateTime, Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let time = DateTime::new(i64::try_from(now).unwrap_or(i64::MAX), 0);
    time.map_err(|error| Error::config(format!("the clock: {error}")))
}

/// Random octets, from the keys of a hasher: the standard library has no other source of randomness.
fn random() -> [u8; 16] {
    let mut octets = [0; 16];
    for half in octets.chunks_exact_mut(8) {
        half.copy_from_slice(&RandomState::new().hash_one(std::process::id()).to_be_bytes());
    }
    octets
}

/// The name of this machine.
pub(crate) fn host() -> String {
    #[cfg(target_os = "linux")]
    {
        let name = rustix::system::uname();
        name.nodename().to_string_lossy().into_owned()
    }
    #[cfg(not(target_os = "linux"))]
    env::var("HOSTNAME").or_else(|_| env::var("COMPUTERNAME")).unwrap_or_default()
}
