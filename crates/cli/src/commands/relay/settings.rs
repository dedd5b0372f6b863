use std::{
    collections::BTreeSet,
    fs,
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use mailbearer::{Address, Secret, proto::net::ServerTls};
use mailbearer_bridge::{
    named,
    relay::{Accounts, Mode, Observer, Options, PasswordHash, Refusals, User},
    spool::{Limits, Spool},
};

use super::{RelayArgs, certificate};
use crate::{
    cli::GlobalArgs,
    commands::queue,
    config::{self, Configuration, Outline, service},
    error::Error,
    exit::Exit,
    session::{self, Session},
};

/// Everything that a relay starts with.
pub(crate) struct Settings {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) options: Options,
    pub(crate) accounts: Accounts,
    pub(crate) log: Log,
    /// Files that are read again when they change.
    pub(crate) watched: Vec<PathBuf>,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    Text,
    Json,
    None,
}

impl Settings {
    /// What the command line and the configuration say. Nothing is listened on yet.
    pub(crate) fn read(
        global: &GlobalArgs,
        arguments: &RelayArgs,
        configuration: &Configuration,
        spool: &Spool,
    ) -> Result<Self, Error> {
        let outline = configuration.outline(global.account.as_deref());
        let table = &outline.relay;
        let listen = if arguments.listen.is_empty() { addresses(table)? } else { arguments.listen.clone() };
        let mut options = Options::new(table.name.clone().unwrap_or_else(host));
        options.plaintext = arguments.plaintext || table.plaintext == Some(true);
        options.allow_from = arguments.allow_from.clone();
        if options.allow_from.is_empty() {
            let parse = |text: &String| text.parse().map_err(|error| wrong("allow_from", &error));
            options.allow_from = table.allow_from.iter().map(parse).collect::<Result<_, _>>()?;
        }
        for user in &table.users {
            options.users.insert(name_of(user), read_user(user)?);
        }
        options.default_account.clone_from(&table.default_account);
        options.refusals = match table.refusals.as_deref() {
            Some("reply") => Refusals::Reply,
            _ => Refusals::Bounce,
        };
        limits(&mut options, table)?;
        let mut watched = Vec::new();
        if let Some(tls) = &table.tls {
            let mode = match tls.mode.as_deref() {
                Some("implicit") => Mode::Implicit,
                Some("both") => Mode::Both,
                _ => Mode::StartTls,
            };
            let (chain, key) = match (&tls.cert_file, &tls.key_file) {
                (Some(chain), Some(key)) => {
                    watched = vec![chain.clone(), key.clone()];
                    (read(chain, "cert_file")?, Secret::from(read(key, "key_file")?.as_str()))
                }
                _ => certificate::own(spool.folder(), &options.name)?,
            };
            let own = ServerTls::from_pem(chain.as_bytes(), &key);
            options.tls = Some((mode, own.map_err(|error| wrong("tls", &error))?));
        }
        options.check(&listen).map_err(|problem| Error::config(format!("relay: {problem}")))?;
        let log = match table.log.as_deref() {
            _ if global.json => Log::Json,
            Some("json") => Log::Json,
            Some("none") => Log::None,
            _ => Log::Text,
        };
        let accounts = accounts(global, configuration, &options)?;
        // An account begins the trace.
        options.observer = session::shared_trace(global).map(|tell| Observer::new(move |event| tell(event)));
        Ok(Self { listen, options, accounts, log, watched })
    }
}

/// The accounts of all users, each looked up by its name.
fn accounts(
    global: &GlobalArgs,
    configuration: &Configuration,
    options: &Options,
) -> Result<Accounts, Error> {
    let own = options.users.values().map(|user| user.account.clone());
    let mut names: BTreeSet<Option<String>> = own.chain([options.default_account.clone()]).collect();
    // Messages from `drop` and from `sendmail` go by the default account.
    names.insert(None);
    let mut accounts = Accounts::new();
    for name in names {
        let asked = name.as_ref().or(options.default_account.as_ref()).or(global.account.as_ref());
        let loaded = configuration.load(asked.map(String::as_str))?;
        accounts = accounts.with(name.as_deref(), Session::of(loaded, global)?.client);
    }
    Ok(accounts)
}

/// The spool of the command line or the configuration.
pub(crate) fn spool(named: Option<&Path>, mut outline: Outline) -> Result<Spool, Error> {
    let folder = named.map(Path::to_owned).or(outline.relay.spool.take());
    Ok(Spool::open(folder.unwrap_or_else(|| queue::folder_of(outline)), Limits::default())?)
}

/// Where a relay of this configuration is found first, and whether it greets there in the clear.
pub(crate) fn first_address(global: &GlobalArgs) -> Result<(SocketAddr, bool), Error> {
    let Outline { relay, .. } = config::outline(global)?;
    let mut address = *addresses(&relay)?.first().ok_or_else(|| Error::config("relay.listen: is empty"))?;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            [0, 0, 0, 0, 0, 0, 0, 1].into()
        });
    }
    Ok((address, relay.tls.is_none_or(|tls| tls.mode.as_deref() != Some("implicit"))))
}

fn addresses(table: &service::Relay) -> Result<Vec<SocketAddr>, Error> {
    if table.listen.is_empty() {
        return Ok(vec![SocketAddr::from(([127, 0, 0, 1], 2525))]);
    }
    let parse = |text: &String| {
        text.parse().map_err(|_| wrong("listen", &format!("{text:?} is not ADDRESS:PORT, as 127.0.0.1:2525")))
    };
    table.listen.iter().map(parse).collect()
}

fn name_of(user: &service::RelayUser) -> String {
    // Domains are looked up in small letters.
    if user.name.starts_with('@') { user.name.to_ascii_lowercase() } else { user.name.clone() }
}

fn read_user(user: &service::RelayUser) -> Result<User, Error> {
    let key = |key: &str| format!("users.{}.{key}", user.name);
    let hash =
        PasswordHash::parse(&user.password_hash).map_err(|error| wrong(&key("password_hash"), &error))?;
    let mut own = User::new(hash);
    own.account.clone_from(&user.account);
    own.senders.clone_from(&user.senders);
    own.from = match &user.from {
        Some(from) => Some(Address::parse(from).map_err(|error| wrong(&key("from"), &error))?),
        None => None,
    };
    Ok(own)
}

fn limits(options: &mut Options, table: &service::Relay) -> Result<(), Error> {
    let limits = &mut options.limits;
    for (name, number) in &table.limits {
        let key = format!("limits.{name}");
        let size = usize::try_from(*number).map_err(|error| wrong(&key, &error))?;
        match *name {
            "connections" => limits.connections = size,
            "connections_per_address" => limits.connections_per_address = size,
            "message" => limits.message = size,
            "recipients" => limits.recipients = size,
            "failed_logins" => {
                limits.failed_logins = u32::try_from(*number).map_err(|error| wrong(&key, &error))?
            }
            "lock_out" => limits.lock_out = Duration::from_secs(*number),
            _ => limits.silence = Duration::from_secs(*number),
        }
    }
    Ok(())
}

fn read(file: &Path, key: &str) -> Result<String, Error> {
    fs::read_to_string(file)
        .map_err(|error| wrong(&format!("tls.{key}"), &format!("{} cannot be read: {error}", named(file))))
}

fn wrong(key: &str, problem: &impl ToString) -> Error {
    Error::new(Exit::Config, format!("relay.{key}: {}", problem.to_string()))
}

/// The name of this machine.
pub(crate) fn host() -> String {
    let name = crate::commands::sendmail::host();
    if name.is_empty() { "localhost".into() } else { name }
}

/// Octets of chance: the keys of hashers are what the standard library has of randomness.
pub(crate) fn random() -> [u8; 16] {
    let mut octets = [0; 16];
    for half in octets.chunks_exact_mut(8) {
        half.copy_from_slice(&RandomState::new().hash_one(std::process::id()).to_be_bytes());
    }
    octets
}
