use std::{
    io::{self, Write},
    time::Duration,
};

use mailbearer::{
    Account, AccountKey, BestEffort, Blocking, Client, FileStore, Grant, Kept, Login, Pending, StoreError,
    StoreLock, TokenStore, TraceLine, proto::wire::Direction,
};

use crate::{
    cli::GlobalArgs,
    config::{self, folders},
    error::Error,
    output,
};

/// An account at work, with a place for its tokens.
pub(crate) struct Session {
    pub(crate) client: Client<Blocking>,
}

impl Session {
    /// Opens the account that the command line and the configuration say. Without `use_cache` a kept access token is
    /// not used.
    ///
    /// # Errors
    ///
    /// Fails if there is no account, and for what is wrong with it.
    pub(crate) fn open(arguments: &GlobalArgs, use_cache: bool) -> Result<Self, Error> {
        let account = with_store(config::load(arguments)?, use_cache);
        Ok(Self { client: client(account, arguments.trace)? })
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
        work(&self.client).map_err(Error::from)
    }
}

/// Gives the account the place where its tokens rest.
///
/// An access token that can be requested again costs a warning where it can't be kept. A refresh token that the server
/// replaced can't be had again, so there the same is an error.
fn with_store(account: Account, use_cache: bool) -> Account {
    let Login::OAuth(oauth) = &account.login else { return account };
    let (folder, is_state) = match oauth.grant {
        Grant::RefreshToken(_) => (folders::state(), true),
        _ if use_cache => (folders::cache(), false),
        _ => return account,
    };
    let Some(folder) = folder else {
        output::warning(
            "tokens are not kept between runs: no folder is known for them; set HOME, or let systemd set \
             CACHE_DIRECTORY and STATE_DIRECTORY",
        );
        return account;
    };
    let store = FileStore::new(folder);
    match (is_state, use_cache) {
        (true, true) => account.store(store),
        (true, false) => account.store(RefreshTokens(store)),
        (false, _) => account.store(BestEffort::new(store, warn)),
    }
}

fn warn(error: &StoreError) {
    let remedy = error.remedy().map(|remedy| format!("; mend it with: {remedy}")).unwrap_or_default();
    output::warning(&format!("the kept token is not used: {error}{remedy}"));
}

/// A store without its access tokens: what `--no-cache` leaves.
struct RefreshTokens(FileStore);

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
