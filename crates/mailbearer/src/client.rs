use std::{
    fmt,
    marker::PhantomData,
    mem,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use mailbearer_mime::{Composed, DateTime, Mailbox, Message};
use mailbearer_net::{self as net, Blocking, Connection, Options, Runtime, Security, Tls, TraceLine};
use mailbearer_oauth::{self as oauth, Endpoint, TokenExchange, TokenRequest};
use mailbearer_sasl::Credentials;
use mailbearer_smtp::Receipt;
use mailbearer_wire::printable;

use crate::{
    Account, Error, Grant, Imap, RawMessage, Server, Smtp, Token, WatchOptions, Watcher,
    error::{Missing, Protocol},
    token::{Lease, Tokens},
};

/// An [`Account`] at work. Cheap to clone; clones share the token.
pub struct Client<R: Runtime = Blocking> {
    shared: Arc<Shared>,
    runtime: PhantomData<fn() -> R>,
}

/// What every connection of a client needs.
pub(crate) struct Shared {
    account: Account,
    tls: Tls,
    request: TokenRequest,
    tokens: Tokens,
    trace: Option<Arc<Trace>>,
}

type Trace = dyn Fn(&TraceLine) + Send + Sync;

impl<R: Runtime> Client<R> {
    /// Checks the account; connects to nothing yet.
    ///
    /// # Errors
    ///
    /// Fails if the token URL is no https URL, or the client id or the user is empty.
    pub fn new(account: Account) -> Result<Self, Error> {
        Self::build(account, None)
    }

    /// As [`new`](Self::new), with a sink for every line of every conversation: secrets are redacted, and what
    /// could steer a terminal is escaped.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn traced(
        account: Account,
        trace: impl Fn(&TraceLine) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Self::build(account, Some(Arc::new(trace)))
    }

    fn build(account: Account, trace: Option<Arc<Trace>>) -> Result<Self, Error> {
        let tls = account.tls.clone().map_or_else(Tls::new, Ok).map_err(Error::certificates)?;
        let request = request(&account)?;
        // The user goes into every SASL response; better to hear about it before a token is fetched.
        Credentials::bearer(account.user.as_str(), "-")
            .map_err(|error| Error::settings(error.to_string()))?;
        let shared = Shared { account, tls, request, tokens: Tokens::default(), trace };
        Ok(Self { shared: Arc::new(shared), runtime: PhantomData })
    }

    /// The account as it was given.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.shared.account
    }

    /// A token that is good for a while yet: the one at hand, or a fresh one.
    ///
    /// However many ask at once, one request is made.
    ///
    /// # Errors
    ///
    /// Fails if the token endpoint refuses or can't be reached; each caller then tries for itself.
    pub fn token(&self) -> R::Task<'_, Result<Token, Error>> {
        R::task(async move { self.lease().await.map(|lease| lease.token) })
    }

    /// Hands in a token that was fetched earlier, as a program does that keeps it between runs.
    ///
    /// It is used until it runs out or a server refuses it.
    pub fn keep_token(&self, token: Token) {
        self.shared.tokens.keep(token);
    }

    /// Logs in to the IMAP server.
    ///
    /// # Errors
    ///
    /// Fails without an IMAP server in the account, without a token, and when the server can't be reached or does
    /// not let the user in. If it refused a token that was in use before, this was tried again with a fresh one.
    pub fn connect_imap(&self) -> R::Task<'_, Result<Imap<R>, Error>> {
        R::task(async move { self.open_imap().await.map(|(imap, _)| imap) })
    }

    /// Opens a mailbox and listens to it for as long as it takes, on one connection after the other.
    ///
    /// # Errors
    ///
    /// As [`connect_imap`](Self::connect_imap), and when the server refuses to open the mailbox.
    pub fn watch<'a>(&'a self, mailbox: &'a str) -> R::Task<'a, Result<Watcher<R>, Error>> {
        self.watch_with(mailbox, WatchOptions::default())
    }

    /// As [`watch`](Self::watch), waiting as `options` say.
    ///
    /// # Errors
    ///
    /// As [`watch`](Self::watch).
    pub fn watch_with<'a>(
        &'a self,
        mailbox: &'a str,
        options: WatchOptions,
    ) -> R::Task<'a, Result<Watcher<R>, Error>> {
        R::task(Watcher::start(self.clone(), mailbox, options))
    }

    /// Logs in to the submission server.
    ///
    /// # Errors
    ///
    /// As [`connect_imap`](Self::connect_imap).
    pub fn connect_smtp(&self) -> R::Task<'_, Result<Smtp<R>, Error>> {
        R::task(async move {
            let server = server(self.shared.account.smtp.as_ref(), Protocol::SMTP)?;
            let open = |credentials| Smtp::open(&self.shared, server, credentials);
            self.with_token(open).await.map(|(smtp, _)| smtp)
        })
    }

    /// Logs in, sends one message and says goodbye, in the fewest round trips.
    ///
    /// # Errors
    ///
    /// As [`connect_smtp`](Self::connect_smtp) and [`Smtp::send`].
    pub fn send<'a>(&'a self, message: &'a Composed) -> R::Task<'a, Result<Receipt, Error>> {
        R::task(async move {
            let server = server(self.shared.account.smtp.as_ref(), Protocol::SMTP)?;
            let send = |credentials| Smtp::<R>::send_one(&self.shared, server, credentials, message);
            self.with_token(send).await.map(|(receipt, _)| receipt)
        })
    }

    /// Gives a message the present time in UTC and random octets for its Message-ID, and builds it.
    ///
    /// # Errors
    ///
    /// Fails for what can't stand in a message; names the field.
    pub fn compose(&self, message: &Message) -> Result<Composed, Error> {
        let (now, random) = self.now_and_random()?;
        Ok(message.build(now, random)?)
    }

    /// Adds to a raw message what every message has to have and this one lacks: From (`from`), Date and Message-ID.
    ///
    /// # Errors
    ///
    /// Fails without a clock or randomness.
    pub fn complete<I>(&self, message: &mut RawMessage<I>, from: &Mailbox) -> Result<(), Error> {
        let (now, random) = self.now_and_random()?;
        message.header_mut().add_missing(from, now, random);
        Ok(())
    }

    /// The present time in UTC, and random octets for a Message-ID.
    fn now_and_random(&self) -> Result<(DateTime, [u8; 16]), Error> {
        let mut random = [0; 16];
        self.shared.tls.random(&mut random).map_err(|error| Error::settings(error.to_string()))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = DateTime::new(i64::try_from(now.as_secs()).unwrap_or(i64::MAX), 0);
        let now = now.map_err(|error| Error::settings(format!("the clock: {error}")))?;
        Ok((now, random))
    }

    /// An IMAP session, and the token that let it in.
    pub(crate) async fn open_imap(&self) -> Result<(Imap<R>, Token), Error> {
        let server = server(self.shared.account.imap.as_ref(), Protocol::IMAP)?;
        self.with_token(|credentials| Imap::open(&self.shared, server, credentials)).await
    }

    /// Makes an attempt with the token at hand, and if the server refuses that one, another with the next.
    async fn with_token<T, F: Future<Output = Result<T, Error>>>(
        &self,
        attempt: impl Fn(Credentials) -> F,
    ) -> Result<(T, Token), Error> {
        let mut again = true;
        loop {
            let (lease, credentials) = self.credentials().await?;
            match attempt(credentials).await {
                Err(error) if self.may_retry(&lease, &error) && mem::take(&mut again) => {}
                result => return result.map(|result| (result, lease.token)),
            }
        }
    }

    /// Forgets a token that ran out before its time, unless another is in use already.
    pub(crate) fn forget_token(&self, token: &Token) {
        self.shared.tokens.forget(token);
    }

    pub(crate) fn random_octet(&self) -> Result<u8, Error> {
        let mut octet = [0];
        self.shared.tls.random(&mut octet).map_err(|error| Error::settings(error.to_string()))?;
        let [octet] = octet;
        Ok(octet)
    }

    async fn lease(&self) -> Result<Lease, Error> {
        self.shared.tokens.lease(self.random_octet()?, self.fetch()).await
    }

    async fn credentials(&self) -> Result<(Lease, Credentials), Error> {
        let lease = self.lease().await?;
        let credentials = Credentials::bearer(
            self.shared.account.user.as_str(),
            lease.token.access_token.expose().as_str(),
        );
        Ok((lease, credentials.map_err(|error| Error::settings(error.to_string()))?))
    }

    /// Whether a fresh token is worth a second attempt. Forgets the refused one.
    fn may_retry(&self, lease: &Lease, error: &Error) -> bool {
        let refused = error.is_auth() || error.needs_new_token();
        if refused {
            self.shared.tokens.forget(&lease.token);
        }
        refused && !lease.fresh
    }

    async fn fetch(&self) -> Result<oauth::Token, Error> {
        let request = match self.shared.tokens.refresh_token() {
            Some(token) => &self.shared.request.clone().parameter("refresh_token", token),
            None => &self.shared.request,
        };
        let endpoint = request.endpoint();
        let mut options = self.shared.options();
        options.recv_limit = TokenExchange::RECV_LIMIT;
        let mut connection = self
            .shared
            .connect::<R>(endpoint.host(), endpoint.port(), Security::Implicit, options)
            .await
            .map_err(Error::token_net)?;
        let mut exchange = TokenExchange::new(request);
        // The answer is all there is to it: nothing is said after it, not even goodbye.
        connection.next(&mut exchange).await.map_err(Error::token)?.ok_or_else(Error::token_closed)
    }
}

impl Shared {
    /// The one place from which connections are made.
    pub(crate) async fn connect<R: Runtime>(
        &self,
        host: &str,
        port: u16,
        security: Security,
        options: Options,
    ) -> Result<Connection<R>, net::Error> {
        Connection::open(host, port, security, &self.tls, options).await
    }

    pub(crate) fn options(&self) -> Options {
        let mut options = Options::default();
        options.timeouts = self.account.timeouts;
        if let Some(trace) = self.trace.clone() {
            options.trace = Some(Box::new(move |line| trace(line)));
        }
        options
    }
}

impl<R: Runtime> Clone for Client<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), runtime: PhantomData }
    }
}

impl<R: Runtime> fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("account", &self.shared.account).finish_non_exhaustive()
    }
}

fn request(account: &Account) -> Result<TokenRequest, Error> {
    let settings = &account.oauth;
    if settings.client_id.is_empty() {
        return Err(Error::missing(Missing::ClientId));
    }
    let endpoint = Endpoint::parse(&settings.token_url).map_err(|error| {
        Error::settings(format!("token URL \"{}\": {error}", printable(&settings.token_url)))
    })?;
    let client = match &settings.client_secret {
        Some(secret) => oauth::Client::with_secret(settings.client_id.as_str(), secret.clone()),
        None => oauth::Client::public(settings.client_id.as_str()),
    };
    Ok(match &settings.grant {
        Grant::ClientCredentials => TokenRequest::client_credentials(endpoint, client, &settings.scope),
        Grant::RefreshToken(token) => {
            let request = TokenRequest::refresh_token(endpoint, client, token.clone());
            if settings.scope.is_empty() {
                request
            } else {
                request.parameter("scope", settings.scope.as_str())
            }
        }
    })
}

fn server(server: Option<&Server>, protocol: Protocol) -> Result<&Server, Error> {
    server.ok_or_else(|| Error::missing(Missing::Server(protocol)))
}

#[cfg(test)]
mod tests {
    use std::{
        future::ready,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use mailbearer_net::DriveError;
    use mailbearer_smtp as smtp;

    use super::*;

    /// Many that share a client and are all refused must not wear out the server, or the token endpoint.
    #[test]
    fn a_refusal_is_tried_again_once_whoever_fetches_tokens_meanwhile() {
        let account =
            Account::custom("robot@mail.test", "https://localhost:1/", "x").client_credentials("id", "s");
        let client = account.blocking().unwrap();
        let token = |name: String| Token {
            access_token: name.into(),
            expires_at: SystemTime::now().checked_add(std::time::Duration::from_secs(3600)),
            refresh_token: None,
            scope: None,
        };
        client.keep_token(token("first".into()));
        let attempts = AtomicUsize::new(0);
        let attempt = |_| {
            let before = attempts.fetch_add(1, Ordering::Relaxed);
            assert!(before < 10, "goes on and on");
            client.keep_token(token(format!("another{before}")));
            let refused = smtp::Error::NoMechanism { offered: Vec::new() };
            ready(Err::<(), _>(Error::smtp(DriveError::Machine(refused))))
        };
        let result = Blocking::task(async { client.with_token(attempt).await.map(drop) });
        let error = result.unwrap_err();
        assert!(error.is_auth(), "{error}");
        assert_eq!(attempts.into_inner(), 2);
    }
}
