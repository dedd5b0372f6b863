use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mailbearer_mime::{Address, Composed, DateTime, Message};
use mailbearer_net::{
    self as net, Blocking, Connection, Options, Runtime, Security, Seen, Service, Tls, TraceLine,
};
use mailbearer_sasl::Credentials;
use mailbearer_smtp::Receipt;
use mailbearer_wire::Secret;

use crate::{
    Account, Error, Imap, Login, Position, RawMessage, Server, Smtp, Token, WatchOptions, Watcher,
    advice::PASSWORD,
    error::{Missing, Protocol},
    fetch::Ground,
    token::{Fetch, Keep, Lease, TokenSource, Tokens},
    trace::{Events, Hidden, Lines, Observe, Place, Plan, TraceEvent},
};

/// A client of an [`Account`]. Cloning is cheap, and clones share the token.
pub struct Client<R: Runtime = Blocking> {
    pub(crate) shared: Arc<Shared>,
    runtime: PhantomData<fn() -> R>,
}

/// What all connections of a client need.
pub(crate) struct Shared {
    pub(crate) account: Account,
    pub(crate) tls: Tls,
    pub(crate) access: Access,
    observer: Option<Arc<dyn Observe>>,
}

/// What a login shows to a server.
pub(crate) enum Access {
    Tokens(Box<Requested>),
    Source { source: Arc<dyn TokenSource>, refused: Mutex<Option<Token>> },
    Password(Secret),
    Nothing,
}

/// Tokens that the client requests.
pub(crate) struct Requested {
    pub(crate) ground: Ground,
    pub(crate) tokens: Tokens,
    pub(crate) keeper: Option<Box<dyn Keep>>,
}

/// A login that is in progress or about to begin.
struct Attempt {
    /// `None` for a password.
    lease: Option<Lease>,
    /// Whether no other token is tried if the server refuses this one.
    is_last: bool,
    /// What the token says of itself that may explain a refusal.
    doubt: Option<&'static str>,
}

impl<R: Runtime> Client<R> {
    /// Checks the account. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// Fails if the token URL is not an https URL; if the client id, the user or the password is empty; and if the user
    /// or the password holds characters that no login can carry.
    pub fn new(account: Account) -> Result<Self, Error> {
        Self::build(account, None)
    }

    /// Does the same as [`new`](Self::new), and gives `trace` every line of every conversation. Secrets are redacted,
    /// and what could steer a terminal is escaped.
    ///
    /// # Errors
    ///
    /// Fails as [`new`](Self::new) does.
    pub fn traced(
        account: Account,
        trace: impl Fn(&TraceLine) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Self::build(account, Some(Arc::new(Lines(Arc::new(trace)))))
    }

    /// Does the same as [`new`](Self::new), and gives `observe` all that happens on each connection, with times and TLS
    /// versions. In place of a secret it says what kind of secret it is.
    ///
    /// # Errors
    ///
    /// Fails as [`new`](Self::new) does.
    pub fn observed(
        account: Account,
        observe: impl Fn(&TraceEvent<'_>) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Self::build(account, Some(Arc::new(Events(Arc::new(observe)))))
    }

    fn build(account: Account, observer: Option<Arc<dyn Observe>>) -> Result<Self, Error> {
        let tls = account.tls.clone().map_or_else(Tls::new, Ok).map_err(Error::certificates)?;
        let invalid = |error: mailbearer_sasl::InvalidCredentials| Error::settings(error.to_string());
        // The user goes into every SASL response: a bad one should be refused before a token is fetched.
        Credentials::bearer(account.user.as_str(), "-").map_err(invalid)?;
        let access = match &account.login {
            Login::OAuth(oauth) => Access::Tokens(Box::new(Requested {
                ground: Ground::new(oauth)?,
                tokens: Tokens::new(),
                keeper: account.store.as_ref().map(|store| store.keeper(&account, oauth, &tls)),
            })),
            Login::Source(source) => Access::Source { source: Arc::clone(source), refused: Mutex::new(None) },
            Login::Password(password) => {
                Credentials::password(account.user.as_str(), password.clone()).map_err(invalid)?;
                Access::Password(password.clone())
            }
            Login::Nothing => Access::Nothing,
        };
        let shared = Shared { account, tls, access, observer };
        Ok(Self { shared: Arc::new(shared), runtime: PhantomData })
    }

    /// Returns the account that it was made of.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.shared.account
    }

    /// Returns a token that will be valid for a while: the present one, the one in the account's store, or a new one.
    ///
    /// However many callers ask at once, only one request is made. With a store this is true for all processes that
    /// share it.
    ///
    /// # Errors
    ///
    /// Fails if the token endpoint refuses or can't be reached, if the store fails, if the source has no token, and for
    /// an account with a password. After a failure, each waiting caller tries for itself.
    pub fn token(&self) -> R::Task<'_, Result<Token, Error>> {
        R::task(async move {
            match self.lease().await? {
                Some(lease) => Ok(lease.token),
                None => Err(Error::settings("the account logs in without a token".into())),
            }
        })
    }

    /// Takes a token that was requested earlier.
    ///
    /// The client uses it until it expires or a server refuses it. An account with a source or a password ignores it.
    pub fn keep_token(&self, token: Token) {
        if let Access::Tokens(requested) = &self.shared.access {
            requested.tokens.keep(token);
        }
    }

    /// Logs in to the IMAP server.
    ///
    /// # Errors
    ///
    /// Fails if the account has no IMAP server, if there is no token, if the server can't be reached, and if it does
    /// not let the user in. If it refused a token that had been in use before, the client has tried again with a new
    /// one.
    pub fn connect_imap(&self) -> R::Task<'_, Result<Imap<R>, Error>> {
        R::task(async move { self.open_imap().await.map(|(imap, _)| imap) })
    }

    /// Opens a mailbox and watches it, reconnecting for as long as it takes.
    ///
    /// # Errors
    ///
    /// Fails as [`connect_imap`](Self::connect_imap) does, and if the server refuses to open the mailbox.
    pub fn watch<'a>(&'a self, mailbox: &'a str) -> R::Task<'a, Result<Watcher<R>, Error>> {
        self.watch_with(mailbox, WatchOptions::default())
    }

    /// Does the same as [`watch`](Self::watch), and waits as `options` say.
    ///
    /// # Errors
    ///
    /// Fails as [`watch`](Self::watch) does.
    pub fn watch_with<'a>(
        &'a self,
        mailbox: &'a str,
        options: WatchOptions,
    ) -> R::Task<'a, Result<Watcher<R>, Error>> {
        R::task(Watcher::start(self.clone(), mailbox, options, None))
    }

    /// Does the same as [`watch_with`](Self::watch_with), from where an earlier watch of the same mailbox ended.
    /// Reports what came since.
    ///
    /// # Errors
    ///
    /// Fails as [`watch`](Self::watch) does.
    pub fn resume_watch<'a>(
        &'a self,
        mailbox: &'a str,
        options: WatchOptions,
        position: Position,
    ) -> R::Task<'a, Result<Watcher<R>, Error>> {
        R::task(Watcher::start(self.clone(), mailbox, options, Some(position)))
    }

    /// Logs in to the POP3 server.
    ///
    /// # Errors
    ///
    /// Fails as [`connect_imap`](Self::connect_imap) does, for the POP3 server.
    #[cfg(feature = "pop3")]
    pub fn connect_pop3(&self) -> R::Task<'_, Result<crate::Pop3<R>, Error>> {
        R::task(async move {
            let server = server(self.shared.account.pop3.as_ref(), Protocol::POP3)?;
            let open = |credentials| crate::Pop3::open(&self.shared, server, credentials);
            self.with_token(Protocol::POP3, open).await.map(|(pop3, _)| pop3)
        })
    }

    /// Logs in to the submission server.
    ///
    /// # Errors
    ///
    /// Fails as [`connect_imap`](Self::connect_imap) does, for the submission server.
    pub fn connect_smtp(&self) -> R::Task<'_, Result<Smtp<R>, Error>> {
        R::task(self.open_smtp())
    }

    pub(crate) async fn open_smtp(&self) -> Result<Smtp<R>, Error> {
        self.open_smtp_with_token().await.map(|(smtp, _)| smtp)
    }

    /// Opens a submission session. Returns it with the token that let it in.
    pub(crate) async fn open_smtp_with_token(&self) -> Result<(Smtp<R>, Option<Token>), Error> {
        let server = server(self.shared.account.smtp.as_ref(), Protocol::SMTP)?;
        if let Access::Nothing = self.shared.access {
            return Ok((Smtp::open(&self.shared, server, None).await?, None));
        }
        self.with_token(Protocol::SMTP, |credentials| Smtp::open(&self.shared, server, Some(credentials)))
            .await
    }

    /// Logs in, sends one message and says goodbye, in the fewest round trips.
    ///
    /// # Errors
    ///
    /// Fails as [`connect_smtp`](Self::connect_smtp) and [`Smtp::send`] do.
    pub fn send<'a>(&'a self, message: &'a Composed) -> R::Task<'a, Result<Receipt, Error>> {
        R::task(async move {
            let server = server(self.shared.account.smtp.as_ref(), Protocol::SMTP)?;
            if let Access::Nothing = self.shared.access {
                return Smtp::<R>::send_one(&self.shared, server, None, message).await;
            }
            let send = |credentials| Smtp::<R>::send_one(&self.shared, server, Some(credentials), message);
            self.with_token(Protocol::SMTP, send).await.map(|(receipt, _)| receipt)
        })
    }

    /// Builds a message, with the present time in UTC and a random Message-ID.
    ///
    /// # Errors
    ///
    /// Fails for a field that can't be in a message, and names the field.
    pub fn compose(&self, message: &Message) -> Result<Composed, Error> {
        let (now, random) = self.now_and_random()?;
        Ok(message.build(now, random)?)
    }

    /// Adds to a raw message what every message must have and this one lacks: From (`from`), Date and Message-ID.
    ///
    /// # Errors
    ///
    /// Fails if the system has no clock or no randomness.
    pub fn complete<I>(&self, message: &mut RawMessage<I>, from: &Address) -> Result<(), Error> {
        let (now, random) = self.now_and_random()?;
        message.header_mut().add_missing(from, now, random);
        Ok(())
    }

    /// Returns the present time in UTC, and random octets for a Message-ID.
    pub(crate) fn now_and_random(&self) -> Result<(DateTime, [u8; 16]), Error> {
        let mut random = [0; 16];
        self.shared.tls.random(&mut random).map_err(|error| Error::settings(error.to_string()))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = DateTime::new(i64::try_from(now.as_secs()).unwrap_or(i64::MAX), 0);
        let now = now.map_err(|error| Error::settings(format!("the clock: {error}")))?;
        Ok((now, random))
    }

    /// An IMAP session, and the token that let it in.
    pub(crate) async fn open_imap(&self) -> Result<(Imap<R>, Option<Token>), Error> {
        let server = server(self.shared.account.imap.as_ref(), Protocol::IMAP)?;
        self.with_token(Protocol::IMAP, |credentials| Imap::open(&self.shared, server, credentials)).await
    }

    /// Logs in with the present token. If the server refuses that one, tries the next once.
    async fn with_token<T, F: Future<Output = Result<T, Error>>>(
        &self,
        protocol: Protocol,
        login: impl Fn(Credentials) -> F,
    ) -> Result<(T, Option<Token>), Error> {
        self.with_lease(self.lease().await?, protocol, login).await
    }

    async fn with_lease<T, F: Future<Output = Result<T, Error>>>(
        &self,
        lease: Option<Lease>,
        protocol: Protocol,
        login: impl Fn(Credentials) -> F,
    ) -> Result<(T, Option<Token>), Error> {
        let mut attempt = Attempt { lease, is_last: false, doubt: None };
        loop {
            // A token that is known to be of no use counts as refused.
            let done = match self.credentials_of(&mut attempt, protocol) {
                Ok(credentials) => login(credentials).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(done) => return Ok((done, attempt.lease.map(|lease| lease.token))),
                Err(error) => attempt = self.attempt_after(attempt, error).await?,
            }
        }
    }

    fn credentials_of(&self, attempt: &mut Attempt, protocol: Protocol) -> Result<Credentials, Error> {
        let token = attempt.lease.as_ref().map(|lease| &lease.token);
        if let (Some(check), Some(token)) = (&self.shared.account.token_check, token) {
            attempt.doubt = check(&self.shared.account, token, protocol)?;
        }
        self.credentials(token)
    }

    /// Returns what to try after a login that failed. Fails with `error` if that is nothing.
    async fn attempt_after(&self, failed: Attempt, error: Error) -> Result<Attempt, Error> {
        let is_password = matches!(self.shared.access, Access::Password(_)) && error.is_auth();
        let error = error.with_doubt(if is_password { Some(PASSWORD) } else { failed.doubt });
        let Some(lease) = failed.lease.filter(|_| error.is_token_refused()) else { return Err(error) };
        self.forget_token(&lease.token);
        let next = if lease.fresh || failed.is_last { Ok(None) } else { self.lease().await };
        let next = match (next, &self.shared.access) {
            // The source has no other token, so the failure is what the server said.
            (Err(_), Access::Source { .. }) => None,
            (next, _) => next?.filter(|next| !next.token.is_same_as(&lease.token)),
        };
        if next.is_some() {
            return Ok(Attempt { lease: next, is_last: true, doubt: None });
        }
        self.discard(&lease.token).await;
        Err(error)
    }

    /// Forgets a token that expired early or was refused, unless another is in use already.
    pub(crate) fn forget_token(&self, token: &Token) {
        match &self.shared.access {
            Access::Tokens(requested) => requested.tokens.forget(token),
            Access::Source { refused, .. } => {
                *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
            }
            Access::Password(_) | Access::Nothing => {}
        }
    }

    /// Removes a token that was refused from the store, so that the next run does not begin with it.
    async fn discard(&self, token: &Token) {
        if let Access::Tokens(requested) = &self.shared.access
            && let Some(keeper) = &requested.keeper
        {
            keeper.discard(token).await;
        }
    }

    #[cfg(feature = "doctor")]
    pub(crate) fn tls(&self) -> &Tls {
        &self.shared.tls
    }

    #[cfg(feature = "doctor")]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn random_octet(&self) -> Result<u8, Error> {
        let mut octet = [0];
        self.shared.tls.random(&mut octet).map_err(|error| Error::settings(error.to_string()))?;
        let [octet] = octet;
        Ok(octet)
    }

    /// Returns a token to log in with. `None` for a password.
    pub(crate) async fn lease(&self) -> Result<Option<Lease>, Error> {
        match &self.shared.access {
            Access::Tokens(requested) => {
                let fetch: Fetch<'_> =
                    Box::new(|refresh_token| Box::pin(self.fetch(&requested.ground, refresh_token)));
                let jitter = self.random_octet()?;
                requested.tokens.lease(jitter, requested.keeper.as_deref(), fetch).await.map(Some)
            }
            Access::Source { source, refused } => {
                let refused = refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let token = source.token(refused.as_ref()).await.map_err(Error::source_of_tokens)?;
                Ok(Some(Lease { token, fresh: false }))
            }
            Access::Password(_) | Access::Nothing => Ok(None),
        }
    }

    /// Returns what to show to a server. Fails for an account that shows nothing.
    pub(crate) fn credentials(&self, token: Option<&Token>) -> Result<Credentials, Error> {
        let user = self.shared.account.user.as_str();
        let credentials = match (&self.shared.access, token) {
            (Access::Password(password), _) => Credentials::password(user, password.clone()),
            (Access::Nothing, _) => return Err(Error::settings("the account has no login".into())),
            (_, token) => Credentials::bearer(user, token.map_or("", |token| token.access_token.expose())),
        };
        credentials.map_err(|error| Error::settings(error.to_string()))
    }
}

/// How long a token request may take, look-up included.
pub(crate) const EXCHANGE: Duration = Duration::from_secs(30);

impl Shared {
    /// Makes a connection. All are made here.
    pub(crate) async fn connect<R: Runtime>(
        &self,
        service: Service,
        host: &str,
        port: u16,
        security: Security,
        plan: Plan,
    ) -> Result<Connection<R>, net::Error> {
        let (tls, options) = self.prepare(service, host, port, security, plan, &self.tls, None);
        Connection::open(host, port, security, &tls, options).await
    }

    /// Prepares a connection: its route, and who observes it. `seen` gets what `tls` shows, if it shows anything.
    #[expect(clippy::too_many_arguments, reason = "the place is four of them, as everywhere")]
    pub(crate) fn prepare(
        &self,
        service: Service,
        host: &str,
        port: u16,
        security: Security,
        plan: Plan,
        tls: &Tls,
        seen: Option<&Seen>,
    ) -> (Tls, Options) {
        let Plan { net: mut options, hidden } = plan;
        options.route = self.account.proxies.route(service, host, port).clone();
        options.keep_alive = Some(KEEP_ALIVE);
        let Some(observer) = &self.observer else { return (tls.clone(), options) };
        let place = Place::new(&self.account, service, host, port, security);
        let watch = observer.begin(place, hidden.unwrap_or_default(), tls, seen);
        options.trace = Some(watch.trace);
        (watch.tls.unwrap_or_else(|| tls.clone()), options)
    }

    /// Whether anybody observes what is said.
    pub(crate) const fn is_observed(&self) -> bool {
        self.observer.is_some()
    }

    /// The options of any connection. The machines hide secrets in its trace.
    pub(crate) fn options(&self) -> Plan {
        let mut options = Options::default();
        options.timeouts = self.account.timeouts;
        options.timeouts.opening.get_or_insert(LOGIN);
        Plan { net: options, hidden: self.observer.as_ref().map(|_| Hidden::default()) }
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

fn server(server: Option<&Server>, protocol: Protocol) -> Result<&Server, Error> {
    server.ok_or_else(|| Error::missing(Missing::Server(protocol)))
}

/// How long a login may take, look-up included. A server that takes longer is not well.
const LOGIN: Duration = Duration::from_secs(60);
/// A firewall forgets a connection that is silent for some minutes, and then tells neither side when it ends.
const KEEP_ALIVE: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests;
