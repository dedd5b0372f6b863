use std::{
    io::{self, Write},
    time::Duration,
};

use mailbearer::{
    Account, AccountKey, BestEffort, Blocking, Client, FileStore, Grant, Kept, Kind, Login, Pending,
    StoreError, StoreLock, TokenStore, TraceLine,
    error::Missing,
    proto::{oauth, wire::Direction},
};

use crate::{
    cli::GlobalArgs,
    config::{self, Keeping, Loaded, Store, folders},
    error::Error,
    output,
    store::{self, CommandStore, Watched},
};

/// An account at work, with a place for its tokens.
pub(crate) struct Session {
    pub(crate) client: Client<Blocking>,
    /// What the configuration calls the account.
    pub(crate) name: String,
    keeping: Keeping,
}

impl Session {
    /// Opens the account that the command line and the configuration say. Without `use_cache` a kept access token is
    /// not used.
    ///
    /// # Errors
    ///
    /// Fails if there is no account, and for what is wrong with it.
    pub(crate) fn open(arguments: &GlobalArgs, use_cache: bool) -> Result<Self, Error> {
        let Loaded { name, account, keeping } = config::load(arguments)?;
        let account = with_store(account, &name, &keeping, use_cache)?;
        Ok(Self { client: client(account, arguments.trace)?, name, keeping })
    }

    /// Does a piece of work that begins with a login.
    ///
    /// # Errors
    ///
    /// Fails as `work` does.
    pub(crate) fn with_token<T>(
        &self,
        work: impl FnOnce(&Client<Blocking>) -> Result<T, mailbearer::Error>,
    ) -> Result<T, Error> {
        work(&self.client).map_err(|error| {
            if needs_login(&error) {
                store::login_needed(&self.keeping, &self.name, &self.client.account().user);
            }
            Error::from(error)
        })
    }
}

/// Gives the account the place where its tokens rest.
///
/// An access token that can be requested again costs a warning where it can't be kept. A refresh token that the server
/// replaced can't be had again, so there the same is an error.
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
    let files = FileStore::new(folder);
    let place = match &keeping.store {
        Store::File => Place(Box::new(files)),
        Store::Command { load, save } => {
            Place(Box::new(CommandStore::new(load.clone(), save.clone(), files)))
        }
        Store::Keyring => return Err(keyring(name)),
    };
    let place = match &keeping.token_changed {
        Some(words) => Place(Box::new(Watched::new(place, words.clone(), name, &account))),
        None => place,
    };
    Ok(match (is_state, use_cache) {
        (true, true) => account.store(place),
        (true, false) => account.store(RefreshTokens(place)),
        (false, _) => account.store(BestEffort::new(place, warn)),
    })
}

fn keyring(name: &str) -> Error {
    Error::config(format!("account {name}: this program was built without the desktop keyring"))
        .hint("build it with the feature keyring, or set store of oauth to \"file\" or \"command\"")
}

/// Whether a person has to log in before the same can succeed.
fn needs_login(error: &mailbearer::Error) -> bool {
    error.kind() == Kind::Missing(Missing::Login)
        || error.cause::<oauth::Error>().is_some_and(oauth::Error::needs_login)
}

/// Whichever store it is.
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

/// A store without its access tokens: what `--no-cache` leaves.
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
}

/// A client of `account`; with `trace` its conversations show on standard error.
pub(crate) fn client(account: Account, trace: bool) -> Result<Client<Blocking>, Error> {
    Ok(if trace { Client::traced(account, show)? } else { account.blocking()? })
}

fn show(line: &TraceLine) {
    let direction = match line.direction {
        Direction::Sent => '>',
        Direction::Received => '<',
    };
    // That nobody looks is no reason to stop.
    let _ = writeln!(io::stderr(), "{direction} {}", line.text);
}
