use std::{sync::Arc, time::Duration, time::SystemTime};

use mailbearer_net::Tls;
use mailbearer_oauth as oauth;
use mailbearer_wire::Secret;

use super::{AccountKey, Kept, Pending, StoreError, Token, TokenStore};
use crate::{Account, ClientProof, Error, Grant, OAuth};

/// A store, and a function that makes an account's place in it. A pointer, so that a program that keeps no tokens links
/// none of this.
#[derive(Clone)]
pub(crate) struct Store {
    store: Arc<dyn TokenStore>,
    place: fn(Arc<dyn TokenStore>, &Account, &OAuth, &Tls) -> Box<dyn Keep>,
}

impl Store {
    pub(crate) fn new(store: Arc<dyn TokenStore>) -> Self {
        Self { store, place: Keeper::of }
    }

    pub(crate) fn keeper(&self, account: &Account, oauth: &OAuth, tls: &Tls) -> Box<dyn Keep> {
        (self.place)(Arc::clone(&self.store), account, oauth, tls)
    }
}

/// One account's place in a store.
pub(crate) trait Keep: Send + Sync {
    /// Returns the kept access token if that is usable. Otherwise calls `fetch` with the refresh token, and keeps the
    /// result.
    ///
    /// `refused` is not usable. `unsaved` is what could not be kept last time.
    fn renew<'a>(
        &'a self,
        refused: Option<Token>,
        unsaved: Option<Kept>,
        fetch: Fetch<'a>,
    ) -> Pending<'a, Result<Found, Unsaved>>;

    /// Forgets a kept access token that a server refused, unless another one replaced it.
    ///
    /// Failures are not reported: the refusal has to be, and the next run may try the token once more.
    fn discard<'a>(&'a self, refused: &'a Token) -> Pending<'a, ()>;

    /// Returns the place itself, for callers that know of it. They link the methods that they call.
    fn place(&self) -> &Keeper;
}

/// Requests a token, with a refresh token if there is one.
pub(crate) type Fetch<'a> =
    Box<dyn FnOnce(Option<Secret>) -> Pending<'a, Result<oauth::Token, Error>> + Send + 'a>;

pub(crate) struct Keeper {
    store: Arc<dyn TokenStore>,
    key: AccountKey,
    /// For digests and their salt.
    tls: Tls,
    /// The secret that proves the application's identity.
    client: Option<Secret>,
    /// The refresh token in the account.
    origin: Option<Secret>,
    /// Whether refresh tokens are used. Those of other grants do not belong in a cache.
    keeps_refresh_token: bool,
}

/// A token that was kept, or that was fetched and is kept now.
pub(crate) enum Found {
    Kept(Token),
    Fetched { token: oauth::Token, asked_at: SystemTime },
}

/// A failure, and the token that could not be kept, if there is one.
pub(crate) struct Unsaved {
    pub(crate) error: Error,
    pub(crate) kept: Option<Kept>,
}

impl<E: Into<Error>> From<E> for Unsaved {
    fn from(error: E) -> Self {
        Self { error: error.into(), kept: None }
    }
}

impl Keep for Keeper {
    fn renew<'a>(
        &'a self,
        refused: Option<Token>,
        unsaved: Option<Kept>,
        fetch: Fetch<'a>,
    ) -> Pending<'a, Result<Found, Unsaved>> {
        Box::pin(async move { self.renew(refused.as_ref(), unsaved, fetch).await })
    }

    fn discard<'a>(&'a self, refused: &'a Token) -> Pending<'a, ()> {
        Box::pin(async move { drop(self.discard(refused).await) })
    }

    fn place(&self) -> &Keeper {
        self
    }
}

impl Keeper {
    /// Makes the account's place in `store`.
    fn of(store: Arc<dyn TokenStore>, account: &Account, oauth: &OAuth, tls: &Tls) -> Box<dyn Keep> {
        let (grant, origin) = match &oauth.grant {
            Grant::ClientCredentials => ("client_credentials", None),
            Grant::RefreshToken(token) => ("refresh_token", Some(token.clone())),
            Grant::Password { .. } => ("password", None),
            // It is the same login, whichever way the person logs in.
            Grant::Person(_) => ("person", None),
            Grant::JwtBearer(_) => ("jwt_bearer", None),
            Grant::Flow(flow) => (flow.name(), None),
        };
        let client = match &oauth.client {
            ClientProof::None | ClientProof::Assertion(_) => None,
            ClientProof::Secret(secret) | ClientProof::Basic(secret) => Some(secret.clone()),
        };
        // Another password makes a kept token stale, just as another client secret does.
        let client = match &oauth.grant {
            Grant::Password { username, password } => {
                let client = client.as_ref().map_or("", |secret| secret.expose());
                Some(Secret::<String>::new([username, "\0", password.expose(), "\0", client].concat()))
            }
            _ => client,
        };
        let key = AccountKey::new(vec![
            ("token_url", oauth.token_url.clone()),
            ("client_id", oauth.client_id.clone()),
            ("scope", oauth.scope.clone()),
            ("grant", grant.into()),
            ("user", account.user.clone()),
        ]);
        let keeps_refresh_token = matches!(oauth.grant, Grant::RefreshToken(_) | Grant::Person(_));
        Box::new(Self { store, key, tls: tls.clone(), client, origin, keeps_refresh_token })
    }

    async fn renew(
        &self,
        refused: Option<&Token>,
        unsaved: Option<Kept>,
        fetch: Fetch<'_>,
    ) -> Result<Found, Unsaved> {
        if unsaved.is_none()
            && let Some(token) = self.load().await?.and_then(|kept| Self::at_hand(kept, refused))
        {
            return Ok(Found::Kept(token));
        }
        // A process that waited for the lock finds what the one before it fetched.
        let lock = match self.store.lock(&self.key, PATIENCE).await {
            Ok(lock) => lock,
            Err(error) => return Err(Unsaved { error: error.into(), kept: unsaved }),
        };
        let before = match unsaved {
            Some(kept) => match self.store.save(&self.key, &kept).await {
                Ok(()) => Some(kept),
                Err(error) => return Err(Unsaved { error: error.into(), kept: Some(kept) }),
            },
            None => self.load().await?,
        };
        if let Some(token) = before.clone().and_then(|kept| Self::at_hand(kept, refused)) {
            return Ok(Found::Kept(token));
        }
        let asked_at = SystemTime::now();
        let token = fetch(before.as_ref().and_then(|kept| kept.refresh_token.clone())).await?;
        let kept = self.kept(&token, asked_at, before)?;
        if let Err(error) = self.store.save(&self.key, &kept).await {
            let kept = kept.refresh_token.is_some().then_some(kept);
            return Err(Unsaved { error: error.into(), kept });
        }
        drop(lock);
        Ok(Found::Fetched { token, asked_at })
    }

    /// Finds out, before anybody logs in, whether the login can be kept.
    pub(crate) async fn probe(&self) -> Result<(), StoreError> {
        self.store.probe(&self.key).await
    }

    /// Returns what is kept, with whatever secrets it was requested.
    pub(crate) async fn peek(&self) -> Result<Option<Kept>, Error> {
        self.load().await
    }

    /// Keeps what `login` returns in place of an earlier login. Returns the refresh token of that too. Nobody else
    /// renews a token meanwhile.
    pub(crate) async fn log_in(
        &self,
        login: impl Future<Output = Result<oauth::Token, Error>>,
    ) -> Result<(oauth::Token, SystemTime, Option<Secret>), Error> {
        let _lock = self.store.lock(&self.key, PATIENCE).await?;
        let asked_at = SystemTime::now();
        let token = login.await?;
        // What can't be read is about to be replaced.
        let before = self.store.load(&self.key).await.ok().flatten();
        let kept = self.kept(&token, asked_at, None)?;
        self.store.save(&self.key, &kept).await?;
        Ok((token, asked_at, before.and_then(|kept| kept.refresh_token)))
    }

    /// Forgets everything, after `revoke` did what it can with the refresh token. Returns whether anything was there.
    pub(crate) async fn log_out<F: Future<Output = Result<(), Error>>>(
        &self,
        revoke: impl FnOnce(Secret) -> F,
    ) -> Result<(bool, Result<(), Error>), Error> {
        let _lock = self.store.lock(&self.key, PATIENCE).await?;
        let Some(kept) = self.store.load(&self.key).await? else { return Ok((false, Ok(()))) };
        let was_there = kept.token.is_some() || kept.refresh_token.is_some();
        let revoked = match kept.refresh_token {
            Some(token) => revoke(token).await,
            None => Ok(()),
        };
        self.store.save(&self.key, &Kept::default()).await?;
        Ok((was_there, revoked))
    }

    /// Forgets a kept access token that a server refused, unless another one replaced it.
    async fn discard(&self, refused: &Token) -> Result<(), StoreError> {
        let _lock = self.store.lock(&self.key, PATIENCE).await?;
        if let Some(kept) = self.store.load(&self.key).await?
            && kept.token.as_ref().is_some_and(|token| token.is_same_as(refused))
        {
            self.store.save(&self.key, &Kept { token: None, ..kept }).await?;
        }
        Ok(())
    }

    /// Returns what is kept and still valid for this account.
    async fn load(&self) -> Result<Option<Kept>, Error> {
        let Some(mut kept) = self.store.load(&self.key).await? else { return Ok(None) };
        if !self.is_of(self.origin.as_ref(), kept.origin.as_deref()) {
            return Ok(None);
        }
        if !self.is_of(self.client.as_ref(), kept.client.as_deref()) {
            kept.token = None;
        }
        Ok(Some(kept))
    }

    fn at_hand(kept: Kept, refused: Option<&Token>) -> Option<Token> {
        kept.usable(SystemTime::now())?;
        kept.token.filter(|token| !refused.is_some_and(|refused| refused.is_same_as(token)))
    }

    fn kept(&self, token: &oauth::Token, asked_at: SystemTime, before: Option<Kept>) -> Result<Kept, Error> {
        let digest = |secret: Option<&Secret>| secret.map(|secret| self.digest(secret)).transpose();
        let end = |life: Option<Duration>| life.and_then(|life| asked_at.checked_add(life));
        let expires_at = end(token.expires_in);
        // With a new refresh token, only what came with it counts.
        let before = before.unwrap_or_default();
        let last_end = before.refresh_expires_at.filter(|_| token.refresh_token.is_none());
        Ok(Kept {
            // It is not known how long a token without an end will be good.
            token: expires_at.map(|end| Token {
                scope: token.scope.clone(),
                ..Token::new(token.access_token.clone(), Some(end))
            }),
            stored_at: Some(asked_at),
            refresh_token: (token.refresh_token.clone().or(before.refresh_token))
                .filter(|_| self.keeps_refresh_token),
            refresh_expires_at: end(token.refresh_token_expires_in).or(last_end),
            client: digest(self.client.as_ref())?,
            origin: digest(self.origin.as_ref())?,
        })
    }

    /// Makes `SALT:DIGEST` of a secret, in hexadecimal digits. It does not reveal the secret, nor that two accounts
    /// have the same one.
    fn digest(&self, secret: &Secret) -> Result<String, Error> {
        let mut salt = [0; SALT];
        self.tls.random(&mut salt).map_err(|error| Error::settings(error.to_string()))?;
        self.salted(&hex(&salt), secret)
    }

    fn is_of(&self, secret: Option<&Secret>, digest: Option<&str>) -> bool {
        match (secret, digest) {
            (None, None) => true,
            (Some(secret), Some(digest)) => digest
                .split_once(':')
                .is_some_and(|(salt, _)| self.salted(salt, secret).is_ok_and(|salted| salted == digest)),
            _ => false,
        }
    }

    fn salted(&self, salt: &str, secret: &Secret) -> Result<String, Error> {
        let text = Secret::<String>::new([salt, ":", secret.expose()].concat());
        let digest = self.tls.sha256(text.expose().as_bytes());
        let digest = digest.map_err(|error| Error::settings(error.to_string()))?;
        Ok(format!("{salt}:{}", hex(&digest)))
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// How long to wait for another process, whose token request must be over by then.
const PATIENCE: Duration = Duration::from_secs(120);
/// Octets of salt.
const SALT: usize = 16;
