//! Logins by a person: in a browser on this machine, in one elsewhere whose address is pasted, or by a code on any
//! device.

use std::time::{Duration, Instant, SystemTime};

use mailbearer_net::Runtime;
use mailbearer_oauth::{self as oauth, Claims, DeviceExchange, DeviceRequest, Endpoint, Revocation};
use mailbearer_wire::Secret;

use crate::{
    Client, Error, Grant, Login, OAuth, Person, Token,
    client::{Access, Requested},
    fetch::{endpoint, oauth_client},
};

mod browser;
mod device;
mod listen;
mod page;
mod paste;

pub use browser::BrowserLogin;
pub use device::DeviceLogin;
pub use paste::{Pasted, Pasting};

/// How a login proceeds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoginOptions {
    /// `prompt` of the authorization request, such as `select_account`, `login` or `consent`. Default none.
    pub prompt: Option<String>,
    /// Whether to tell the provider who is about to log in (`login_hint`). Default true.
    pub hint: bool,
    /// How long to wait for the person. Default 15 minutes.
    pub patience: Duration,
    /// Whether this machine listens for the redirect, if the account's redirect leads to it. Default true. If false,
    /// the person pastes the address.
    pub listen: bool,
}

impl Default for LoginOptions {
    fn default() -> Self {
        Self { prompt: None, hint: true, patience: Duration::from_secs(15 * 60), listen: true }
    }
}

/// A completed login. It is kept if the account has a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoggedIn {
    /// The first token.
    pub token: Token,
    /// Who logged in, in the provider's words. `None` if it names nobody, so that nobody could be compared.
    pub user: Option<String>,
    /// Whether tokens can be renewed without the person.
    pub renewable: bool,
    /// When somebody has to log in again, however often tokens are renewed. `None` if the provider does not say.
    pub ends_at: Option<SystemTime>,
    /// Whether the provider revoked the login that this one replaced. `None` if there was none, and if
    /// [`Person::ends_replaced`] is off.
    pub ended_replaced: Option<bool>,
}

/// The result of a logout.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoggedOut {
    /// Whether there was a login.
    pub was_logged_in: bool,
    /// Whether the provider revoked it, or why not. `None` if it offers no revocation. The kept tokens are deleted in
    /// any case.
    pub revoked: Option<Result<(), Error>>,
}

/// What is known of a login without asking the provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoginStatus {
    /// Whether there is a refresh token, so that tokens can be renewed.
    pub renewable: bool,
    /// When the access token at hand was requested.
    pub requested_at: Option<SystemTime>,
    /// When that token expires. `None` if there is none.
    pub expires_at: Option<SystemTime>,
    /// The scopes that were granted, if the server said so.
    pub scope: Option<String>,
    /// When somebody has to log in again, however often tokens are renewed. `None` if the provider does not say.
    pub ends_at: Option<SystemTime>,
}

impl<R: Runtime> Client<R> {
    /// Begins a login in a browser: listens for the redirect, and returns the address to open.
    ///
    /// The store is tried first, so that no login is lost for lack of a place to keep it.
    ///
    /// # Errors
    ///
    /// Fails for an account without [`Grant::Person`] or without an `authorize_url`, for a store that does not work,
    /// and if this machine can't listen.
    pub fn begin_login(&self, options: LoginOptions) -> R::Task<'_, Result<BrowserLogin<R>, Error>> {
        R::task(async move {
            self.probe_store().await?;
            BrowserLogin::begin(self.clone(), options)
        })
    }

    /// Begins a login on another device: returns the code to enter there, and the page.
    ///
    /// # Errors
    ///
    /// Fails for an account without [`Grant::Person`] or without a `device_url`, for a store that does not work, and if
    /// the provider refuses.
    pub fn begin_device_login(&self) -> R::Task<'_, Result<DeviceLogin<R>, Error>> {
        R::task(async move {
            let (oauth, person) = self.person()?;
            let url = person.device_url.as_deref().unwrap_or_default();
            let request = DeviceRequest::new(endpoint("device URL", url)?, oauth_client(oauth), &oauth.scope);
            self.probe_store().await?;
            let asked_at = Instant::now();
            // Repeating it is harmless: nobody sees the other code.
            let exchange = || DeviceExchange::new(&request);
            let authorization =
                self.exchange_again(request.endpoint(), exchange, Error::is_transient).await?;
            Ok(DeviceLogin::new(self.clone(), authorization, asked_at))
        })
    }

    /// Ends a login: revokes it at the provider if that is possible (RFC 7009), and deletes what is kept.
    ///
    /// # Errors
    ///
    /// Fails for an account without [`Grant::Person`], and if the store fails. If the provider could not revoke it, the
    /// result says so.
    pub fn log_out(&self) -> R::Task<'_, Result<LoggedOut, Error>> {
        R::task(async move {
            let (oauth, person) = self.person()?;
            let requested = self.requested()?;
            let url = person.revoke_url.as_deref().map(|url| endpoint("revoke URL", url)).transpose()?;
            let revoke = async |token: Secret| match &url {
                Some(url) => self.revoke(url, oauth, token).await,
                None => Ok(()),
            };
            let (was_logged_in, revoked) = match &requested.keeper {
                Some(keeper) => keeper.place().log_out(revoke).await?,
                None => match requested.tokens.refresh_token() {
                    Some(token) => (true, revoke(token).await),
                    None => (false, Ok(())),
                },
            };
            requested.tokens.log_out();
            Ok(LoggedOut { was_logged_in, revoked: url.filter(|_| was_logged_in).map(|_| revoked) })
        })
    }

    /// Returns what is known of the login, or of the present token, without asking the provider. `None` if nothing is
    /// kept.
    ///
    /// # Errors
    ///
    /// Fails if the store fails, and for an account that requests no tokens.
    pub fn login_status(&self) -> R::Task<'_, Result<Option<LoginStatus>, Error>> {
        R::task(async move {
            let Some(keeper) = &self.requested()?.keeper else { return Ok(None) };
            let Some(kept) = keeper.place().peek().await? else { return Ok(None) };
            let status = LoginStatus {
                renewable: kept.refresh_token.is_some(),
                requested_at: kept.stored_at,
                expires_at: kept.token.as_ref().and_then(|token| token.expires_at),
                ends_at: kept.refresh_expires_at.filter(|_| kept.refresh_token.is_some()),
                scope: kept.token.and_then(|token| token.scope),
            };
            Ok(Some(status).filter(|status| status.renewable || status.expires_at.is_some()))
        })
    }

    fn person(&self) -> Result<(&OAuth, &Person), Error> {
        match &self.account().login {
            Login::OAuth(oauth @ OAuth { grant: Grant::Person(person), .. }) => Ok((oauth, person)),
            _ => Err(Error::settings("the account is not one that a person logs in to".into())),
        }
    }

    fn requested(&self) -> Result<&Requested, Error> {
        match &self.shared.access {
            Access::Tokens(requested) => Ok(requested),
            _ => Err(Error::settings("the account requests no tokens".into())),
        }
    }

    async fn probe_store(&self) -> Result<(), Error> {
        match &self.requested()?.keeper {
            Some(keeper) => Ok(keeper.place().probe().await?),
            None => Ok(()),
        }
    }

    /// Returns who is expected to log in.
    fn expected(&self) -> &str {
        let name = self.person().ok().and_then(|(_, person)| person.name.as_deref());
        name.unwrap_or(&self.account().user)
    }

    /// Checks who logged in, and keeps the token that `login` returns. [`end_replaced`](Self::end_replaced) does the
    /// rest.
    async fn finish_login(
        &self,
        login: impl Future<Output = Result<oauth::Token, Error>> + Send,
    ) -> Result<(LoggedIn, Option<Secret>), Error> {
        let mut user = None;
        let checked = async {
            let token = login.await?;
            user = name_in(&token);
            match &user {
                Some(user) if !user.eq_ignore_ascii_case(self.expected()) => {
                    Err(Error::other_person(self.expected(), user))
                }
                _ => Ok(token),
            }
        };
        let requested = self.requested()?;
        let (token, asked_at, replaced) = match &requested.keeper {
            Some(keeper) => keeper.place().log_in(checked).await?,
            None => {
                let asked_at = SystemTime::now();
                (checked.await?, asked_at, requested.tokens.refresh_token())
            }
        };
        let is_same = |before: &Secret| {
            token.refresh_token.as_ref().is_some_and(|token| token.expose() == before.expose())
        };
        let replaced = replaced.filter(|before| !is_same(before));
        let renewable = token.refresh_token.is_some();
        let ends_at = token.refresh_token_expires_in.and_then(|life| asked_at.checked_add(life));
        let token = requested.tokens.logged_in(token, asked_at);
        Ok((LoggedIn { token, user, renewable, ends_at, ended_replaced: None }, replaced))
    }

    /// Revokes the login that was replaced, if the account wants that. Whatever comes of it, the new one is complete.
    async fn end_replaced(&self, (mut done, replaced): (LoggedIn, Option<Secret>)) -> LoggedIn {
        if let (Some(token), Ok((oauth, person))) = (replaced, self.person())
            && person.ends_replaced
            && let Some(url) = &person.revoke_url
        {
            let revoked = match endpoint("revoke URL", url) {
                Ok(url) => self.revoke(&url, oauth, token).await,
                Err(error) => Err(error),
            };
            done.ended_replaced = Some(revoked.is_ok());
        }
        done
    }

    /// Revokes a refresh token at the provider. Doing so twice is harmless.
    async fn revoke(&self, url: &Endpoint, oauth: &OAuth, token: Secret) -> Result<(), Error> {
        let exchange = || Revocation::new(url.clone(), oauth_client(oauth), token.clone());
        self.exchange_again(url, exchange, Error::is_transient).await
    }
}

/// Returns the person that a token names.
fn name_in(token: &oauth::Token) -> Option<String> {
    let tokens = [token.id_token.as_ref(), Some(&token.access_token)];
    tokens.into_iter().flatten().find_map(|token| Claims::read(token)?.user)
}
