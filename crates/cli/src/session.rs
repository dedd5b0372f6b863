use std::io::{self, Write};

use mailbearer::{Account, Blocking, Client, Token, TraceLine, wire::Direction};

use crate::{cache::TokenFile, cli::GlobalArgs, config, error::Error};

/// An account at work, with the token that was kept from last time.
pub(crate) struct Session {
    pub(crate) client: Client<Blocking>,
    file: Option<TokenFile>,
    kept: Option<Token>,
}

impl Session {
    /// Opens the account that the command line and the configuration say; `use_cache` is for its token.
    ///
    /// # Errors
    ///
    /// Fails if there is no account, and for what is wrong with it.
    pub(crate) fn open(arguments: &GlobalArgs, use_cache: bool) -> Result<Self, Error> {
        let account = config::load(arguments)?;
        let file = if use_cache { TokenFile::of(&account) } else { None };
        let client = client(account, arguments.trace)?;
        let kept = file.as_ref().and_then(TokenFile::load);
        if let Some(token) = &kept {
            client.keep_token(token.clone());
        }
        Ok(Self { client, file, kept })
    }

    /// Does a piece of work, and keeps on disk the token that it was done with.
    ///
    /// # Errors
    ///
    /// Fails as `work` does.
    pub(crate) fn with_token<T>(
        &self,
        work: impl FnOnce(&Client<Blocking>) -> Result<T, mailbearer::Error>,
    ) -> Result<T, Error> {
        if self.kept.is_none() {
            self.keep(&self.client.token()?);
        }
        match work(&self.client) {
            Ok(done) => {
                // The library may have replaced a kept token that a server refused.
                if let Some(kept) = &self.kept
                    && let Ok(token) = self.client.token()
                    && token.access_token.expose() != kept.access_token.expose()
                {
                    self.keep(&token);
                }
                Ok(done)
            }
            Err(error) => {
                if error.is_auth() || error.needs_new_token() {
                    // The next run asks for a fresh one.
                    self.file.iter().for_each(TokenFile::remove);
                }
                Err(error.into())
            }
        }
    }

    fn keep(&self, token: &Token) {
        self.file.iter().for_each(|file| file.store(token));
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
