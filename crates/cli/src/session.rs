use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
#[cfg(feature = "keyring")]
use mailbearer::KeyringStore;
use mailbearer::{
    Account, AccountKey, BestEffort, Blocking, Client, FileStore, Grant, Kept, Kind, Login, Pending,
    StoreError, StoreLock, TokenStore, Turn,
    error::Missing,
    proto::{
        oauth,
        wire::{Direction, printable},
    },
    trace::{Recorder, TraceEvent, TraceKind},
};
use mailbearer_bridge::named;

use crate::{
    cli::GlobalArgs,
    config::{self, Keeping, Loaded, Store, folders},
    error::Error,
    output,
    store::{self, CommandStore, Ending, Watched},
};

/// An account, its client, and the store of its tokens.
pub(crate) struct Session {
    pub(crate) client: Client<Blocking>,
    /// What the configuration calls the account.
    pub(crate) name: String,
    keeping: Keeping,
}

impl Session {
    /// Opens the account that the command line and the configuration name. Without `use_cache` it ignores access tokens in the
    /// store.
    ///
    /// # Errors
    ///
    /// Fails if there is no account, and for mistakes in its settings.
    pub(crate) fn open(arguments: &GlobalArgs, use_cache: bool) -> Result<Self, Error> {
        Self::begin(arguments, use_cache, Recorder::new)
    }

    /// Opens the account for a login. A trace of it is played as one.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn open_for_login(arguments: &GlobalArgs) -> Result<Self, Error> {
        Self::begin(arguments, true, Recorder::login)
    }

    fn begin(arguments: &GlobalArgs, use_cache: bool, record: Record) -> Result<Self, Error> {
        Self::with(config::load(arguments)?, arguments, use_cache, record)
    }

    /// Opens an account of a configuration that was read.
    ///
    /// # Errors
    ///
    /// Fails where the place of its tokens or the trace can't be used.
    pub(crate) fn of(loaded: Loaded, arguments: &GlobalArgs) -> Result<Self, Error> {
        Self::with(loaded, arguments, true, Recorder::new)
    }

    fn with(loaded: Loaded, arguments: &GlobalArgs, use_cache: bool, record: Record) -> Result<Self, Error> {
        let Loaded { name, account, keeping } = loaded;
        let mut account = with_store(account, &name, &keeping, use_cache)?;
        account.pool_folder = folders::cache();
        Ok(Self { client: client(account, arguments, record)?, name, keeping })
    }

    /// Counts a message that is sent by a session of its own, together with what other programs of this host send; waits where
    /// the provider allows no more for now. To be kept while it is sent.
    ///
    /// # Errors
    ///
    /// Fails if that takes too long.
    pub(crate) fn turn(&self) -> Result<Turn<Blocking>, Error> {
        Ok(self.client.pool().turn(tell_wait)?)
    }

    /// Does `work`, which begins with a login.
    ///
    /// # Errors
    ///
    /// Fails as `work` does.
    pub(crate) fn with_token<T>(
        &self,
        work: impl FnOnce(&Client<Blocking>) -> Result<T, mailbearer::Error>,
    ) -> Result<T, Error> {
        work(&self.client).map_err(|error| {
            self.client.pool().heed(&error);
            self.failed(error)
        })
    }

    /// What is told of a failure. If a person has to log in, the program that was named for that is started.
    pub(crate) fn failed(&self, error: mailbearer::Error) -> Error {
        if needs_login(&error) {
            store::login_needed(&self.keeping, &self.name, &self.client.account().user);
        }
        Error::from(error)
    }
}

/// Says that nothing can be sent yet, and for how long.
pub(crate) fn tell_wait(wait: Duration) {
    output::notice(format_args!(
        "waiting {} s: the provider allows no more for now",
        wait.as_secs().saturating_add(1)
    ));
}

/// Gives the account the store of its tokens.
///
/// If the store can't be used, that is a warning where tokens can be requested again. It is an error where a refresh token is
/// kept, which can't be had again once the server replaced it.
fn with_store(account: Account, name: &str, keeping: &Keeping, use_cache: bool) -> Result<Account, Error> {
    let Login::OAuth(oauth) = &account.login else { return Ok(account) };
    let is_state = matches!(oauth.grant, Grant::RefreshToken(_) | Grant::Person(_));
    if !is_state && !use_cache {
        return Ok(account);
    }
    let Some(folder) = (if is_state { folders::state() } else { folders::cache() }) else {
        output::warning(
            "tokens are not kept between runs: no folder is known for them; set HOME, or let systemd set \
             CACHE_DIRECTORY and STATE_DIRECTORY",
        );
        return Ok(account);
    };
    let place = match &keeping.store {
        Store::File => Place(Box::new(FileStore::new(folder))),
        #[cfg(feature = "keyring")]
        Store::Keyring => Place(Box::new(KeyringStore::new(folder))),
        Store::Command { load, save } => {
            Place(Box::new(CommandStore::new(load.clone(), save.clone(), FileStore::new(folder))))
        }
    };
    let place = match &keeping.token_changed {
        Some(words) => Place(Box::new(Watched::new(place, words.clone(), name, &account))),
        None => place,
    };
    let place = Place(Box::new(Ending::new(place, name)));
    Ok(match (is_state, use_cache) {
        (true, true) => account.store(place),
        (true, false) => account.store(RefreshTokens(place)),
        (false, _) => account.store(BestEffort::new(place, warn)),
    })
}

/// Whether a person has to log in before this can succeed.
fn needs_login(error: &mailbearer::Error) -> bool {
    error.kind() == Kind::Missing(Missing::Login)
        || error.cause::<oauth::Error>().is_some_and(oauth::Error::needs_login)
}

/// Any of the stores.
struct Place(Box<dyn TokenStore>);

impl TokenStore for Place {
    fn load<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<Option<Kept>, StoreError>> {
        self.0.load(account)
    }

    fn save<'a>(&'a self, account: &'a AccountKey, kept: &'a Kept) -> Pending<'a, Result<(), StoreError>> {
        self.0.save(account, kept)
    }

    fn lock<'a>(
        &'a self,
        account: &'a AccountKey,
        patience: Duration,
    ) -> Pending<'a, Result<StoreLock, StoreError>> {
        self.0.lock(account, patience)
    }

    fn probe<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<(), StoreError>> {
        self.0.probe(account)
    }
}

fn warn(error: &StoreError) {
    let remedy = error.remedy().map(|remedy| format!("; mend it with: {remedy}")).unwrap_or_default();
    output::warning(&format!("the kept token is not used: {error}{remedy}"));
}

/// A store that hides its access tokens, for `--no-cache`.
struct RefreshTokens(Place);

impl TokenStore for RefreshTokens {
    fn load<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<Option<Kept>, StoreError>> {
        Box::pin(async {
            Ok(self.0.load(account).await?.map(|mut kept| {
                kept.token = None;
                kept
            }))
        })
    }

    fn save<'a>(&'a self, account: &'a AccountKey, kept: &'a Kept) -> Pending<'a, Result<(), StoreError>> {
        self.0.save(account, kept)
    }

    fn lock<'a>(
        &'a self,
        account: &'a AccountKey,
        patience: Duration,
    ) -> Pending<'a, Result<StoreLock, StoreError>> {
        self.0.lock(account, patience)
    }

    fn probe<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<(), StoreError>> {
        self.0.probe(account)
    }
}

/// Begins a trace in a file.
type Record = fn(File, &Account) -> Recorder<File>;

/// Makes the client of `account`. With `--trace` its conversations go to standard error or to a file.
fn client(account: Account, arguments: &GlobalArgs, record: Record) -> Result<Client<Blocking>, Error> {
    let Some(path) = &arguments.trace else { return Ok(account.blocking()?) };
    let tell = trace(&account, arguments, path, record)?;
    Ok(Client::observed(account, move |event| tell(event))?)
}

/// What hears all that is said.
pub(crate) type Tell = Arc<dyn Fn(&TraceEvent<'_>) + Send + Sync>;

/// Where what is said goes; `None` without `--trace`. Whatever the process does goes into the one file, which an account has
/// begun.
pub(crate) fn shared_trace(arguments: &GlobalArgs) -> Option<Tell> {
    arguments.trace.as_ref()?;
    if arguments.shows_trace() {
        return Some(Arc::new(show));
    }
    FILE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

static FILE: Mutex<Option<Tell>> = Mutex::new(None);

/// As [`shared_trace`], and begins the file `path` where no account has.
fn trace(account: &Account, arguments: &GlobalArgs, path: &Path, record: Record) -> Result<Tell, Error> {
    if arguments.shows_trace() {
        return Ok(Arc::new(show));
    }
    begin_once(&FILE, || write_trace(account, path, record))
}

/// What is in `shared`, or what `begin` makes, which no two threads do: the second would empty the file of the first.
fn begin_once(
    shared: &Mutex<Option<Tell>>,
    begin: impl FnOnce() -> Result<Tell, Error>,
) -> Result<Tell, Error> {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(tell) = &*shared {
        return Ok(Arc::clone(tell));
    }
    Ok(Arc::clone(shared.insert(begin()?)))
}

fn write_trace(account: &Account, path: &Path, record: Record) -> Result<Tell, Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // A trace holds no secrets, but it shows whom the user writes to: only the user may read it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| Error::output("create the trace file", path, &error))?;
    let (recorder, name) = (record(file, account), named(path));
    let is_told = AtomicBool::new(false);
    Ok(Arc::new(move |event| {
        recorder.record(event);
        if let Some(error) = recorder.failure()
            && !is_told.swap(true, Ordering::Relaxed)
        {
            output::warning(&format!("the trace file {name} is not whole: {error}"));
        }
    }))
}

fn show(event: &TraceEvent<'_>) {
    let time = Timestamp::try_from(event.at).unwrap_or_default().strftime("%H:%M:%S%.3f");
    let number = event.connection;
    let said = match event.kind {
        TraceKind::Opening => {
            let mailbearer::trace::Place { service, host, port, .. } = event.place;
            let way = if *service == "client" { "from" } else { "to" };
            format!("* {service}: {way} {} port {port}", printable(host))
        }
        TraceKind::Tls(version) => format!("* {version}"),
        TraceKind::Line(line) => {
            let direction = match line.direction {
                Direction::Sent => '>',
                Direction::Received => '<',
            };
            match line.octets {
                0 => format!("{direction} {}", line.text),
                octets => format!("{direction} {}  ({octets})", line.text),
            }
        }
        TraceKind::Closed => "* done".to_owned(),
        _ => return,
    };
    // A standard error that is closed is no reason to stop.
    let _ = writeln!(io::stderr(), "{time} #{number} {said}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn sessions_that_open_at_once_begin_one_trace() {
        let shared = Mutex::new(None);
        let begin = || -> Result<Tell, Error> {
            assert!(shared.try_lock().is_err(), "another session waits until the file is begun");
            Ok(Arc::new(|_| {}))
        };
        let first = begin_once(&shared, begin).unwrap();
        let second = begin_once(&shared, || panic!("it is begun")).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn a_trace_that_can_not_be_begun_is_begun_again() {
        let shared = Mutex::new(None);
        let failed = begin_once(&shared, || Err(Error::new(Exit::CantCreate, "no")));
        assert!(failed.is_err() && begin_once(&shared, || Ok(Arc::new(|_| {}))).is_ok());
    }
}
