//! Token requests: what is sent, over which connection, and how often.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use mailbearer_net::{Connection, Machine, Route, Runtime, Security, Service};
use mailbearer_oauth::{self as oauth, Endpoint, Hides, Limits, TokenExchange, TokenRequest, http};
#[cfg(feature = "doctor")]
use mailbearer_sasl::Redactor;
use mailbearer_wire::{Secret, printable};

#[cfg(feature = "doctor")]
use crate::client::Access;
use crate::{
    Client, ClientProof, Error, Grant, OAuth,
    client::{EXCHANGE, Shared},
    error::Missing,
    grant::{Asking, AssertionSource, Http, TokenFlow},
    token::Pending,
    trace::Hidden,
};

/// How a token is requested.
pub(crate) enum Ground {
    /// A form that is always the same.
    Form(TokenRequest),
    /// A form of a client that makes a new proof of its identity for each request.
    Proved(TokenRequest, Arc<dyn AssertionSource>),
    /// An assertion that is the grant itself, and is made for each request.
    Bearer(Endpoint, Arc<dyn AssertionSource>),
    Flow(Arc<dyn TokenFlow>),
}

impl Ground {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// Fails if the token URL is not a valid one, and if the client id is missing where one is needed.
    pub(crate) fn new(settings: &OAuth) -> Result<Self, Error> {
        if let Grant::Flow(flow) = &settings.grant {
            return Ok(Self::Flow(Arc::clone(flow)));
        }
        let endpoint = endpoint("token URL", &settings.token_url);
        if let Grant::JwtBearer(source) = &settings.grant {
            return Ok(Self::Bearer(endpoint?, Arc::clone(source)));
        }
        if settings.client_id.is_empty() {
            return Err(Error::missing(Missing::ClientId));
        }
        let request = form(settings, endpoint?);
        Ok(match &settings.client {
            ClientProof::Assertion(source) => Self::Proved(request, Arc::clone(source)),
            _ => Self::Form(request),
        })
    }

    /// What hides the secrets of its form. `None` for one that has none before it is sent.
    #[cfg(feature = "doctor")]
    fn redactor(&self) -> Option<Redactor> {
        match self {
            Self::Form(request) | Self::Proved(request, _) => Some(request.redactor()),
            Self::Bearer(..) | Self::Flow(_) => None,
        }
    }
}

/// Parses the URL of an endpoint. `what` names the setting.
pub(crate) fn endpoint(what: &str, url: &str) -> Result<Endpoint, Error> {
    let wrong = |error| Error::settings(format!("{what} \"{}\": {error}", printable(url)));
    Endpoint::parse(url).map_err(wrong)
}

pub(crate) fn oauth_client(settings: &OAuth) -> oauth::Client {
    let id = settings.client_id.as_str();
    match &settings.client {
        ClientProof::None | ClientProof::Assertion(_) => oauth::Client::public(id),
        ClientProof::Secret(secret) => oauth::Client::with_secret(id, secret.clone()),
        ClientProof::Basic(secret) => oauth::Client::with_basic_secret(id, secret.clone()),
    }
}

fn form(settings: &OAuth, endpoint: Endpoint) -> TokenRequest {
    let client = oauth_client(settings);
    match &settings.grant {
        Grant::Password { username, password } => {
            TokenRequest::password(endpoint, client, username, password.clone(), &settings.scope)
        }
        // The token is filled in when it is known.
        Grant::Person(_) => TokenRequest::refresh_token(endpoint, client, ""),
        Grant::RefreshToken(token) => {
            let request = TokenRequest::refresh_token(endpoint, client, token.clone());
            if settings.scope.is_empty() {
                request
            } else {
                request.parameter("scope", settings.scope.as_str())
            }
        }
        Grant::ClientCredentials | Grant::JwtBearer(_) | Grant::Flow(_) => {
            TokenRequest::client_credentials(endpoint, client, &settings.scope)
        }
    }
}

impl<R: Runtime> Client<R> {
    /// Requests a token, and repeats that after a temporary failure, which says nothing about the grant.
    pub(crate) async fn fetch(
        &self,
        ground: &Ground,
        refresh_token: Option<Secret>,
    ) -> Result<oauth::Token, Error> {
        let mut attempts = Attempts::new::<R>();
        loop {
            match self.fetch_once(ground, refresh_token.as_ref()).await {
                Err(error) if error.is_transient() => self.wait_after(&mut attempts, error).await?,
                result => return result,
            }
        }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    ///
    /// Returns `error` if there is to be no other attempt.
    async fn wait_after(&self, attempts: &mut Attempts, error: Error) -> Result<(), Error> {
        attempts.failed = attempts.failed.saturating_add(1);
        let elapsed = R::now().saturating_duration_since(attempts.began);
        let jitter = self.random_octet()?;
        let wait = self.shared.account.retry.wait(attempts.failed, elapsed, error.retry_after(), jitter);
        match wait.and_then(|wait| R::now().checked_add(wait)) {
            Some(end) => {
                R::sleep(end).await;
                Ok(())
            }
            None => Err(error),
        }
    }

    async fn fetch_once(
        &self,
        ground: &Ground,
        refresh_token: Option<&Secret>,
    ) -> Result<oauth::Token, Error> {
        let oauth = self.shared.account.oauth();
        let http = Asker::<R> {
            shared: &self.shared,
            deadline: R::now().checked_add(EXCHANGE),
            kept: Mutex::default(),
            hidden: Hidden::default(),
        };
        let asking = Asking {
            token_url: oauth.map_or("", |oauth| &oauth.token_url),
            client_id: oauth.map_or("", |oauth| &oauth.client_id),
            scope: oauth.map_or("", |oauth| &oauth.scope),
            tls: &self.shared.tls,
            http: &http,
        };
        let proof = |source: &'_ Arc<dyn AssertionSource>| {
            let source = Arc::clone(source);
            let asking = &asking;
            async move { source.assertion(asking).await.map_err(Error::source_of_tokens) }
        };
        let with_refresh_token = |request: &TokenRequest| {
            let request = request.clone();
            match (oauth.map(|oauth| &oauth.grant), refresh_token) {
                (Some(Grant::RefreshToken(_) | Grant::Person(_)), Some(token)) => {
                    Ok(request.parameter("refresh_token", token.clone()))
                }
                (Some(Grant::Person(_)), None) => Err(Error::missing(Missing::Login)),
                _ => Ok(request),
            }
        };
        let request = match ground {
            Ground::Form(request) => with_refresh_token(request)?,
            Ground::Proved(request, source) => {
                with_refresh_token(request)?.client_assertion(proof(source).await?)
            }
            Ground::Bearer(endpoint, source) => {
                TokenRequest::jwt_bearer(endpoint.clone(), proof(source).await?)
            }
            Ground::Flow(flow) => return flow.token(&asking).await.map_err(Error::source_of_tokens),
        };
        http.hide(&request);
        let response = http.ask(request.to_http()).await?;
        request.read(&response, &Limits::DEFAULT).map_err(Error::token_response)
    }
}

#[cfg(feature = "doctor")]
impl<R: Runtime> Client<R> {
    /// What hides the secrets that the token endpoint may know from earlier requests.
    pub(crate) async fn hidden_from_before(&self) -> Hidden {
        let hidden = Hidden::default();
        let Access::Tokens(requested) = &self.shared.access else { return hidden };
        requested.ground.redactor().into_iter().for_each(|redactor| hidden.add(redactor));
        let kept = match &requested.keeper {
            // The request for a token reports what is wrong with the store.
            Some(keeper) => keeper.place().peek().await.ok().flatten().and_then(|kept| kept.refresh_token),
            None => None,
        };
        let tokens: Vec<Secret> = kept.into_iter().chain(requested.tokens.refresh_token()).collect();
        hidden.add(Redactor::new(&tokens));
        hidden
    }
}

impl<R: Runtime> Client<R> {
    /// Runs `exchange` with an endpoint of the authorization server. Repeats it after failures for which `repeats` is
    /// true.
    pub(crate) async fn exchange_again<T: Send, M>(
        &self,
        endpoint: &Endpoint,
        exchange: impl Fn() -> M + Send + Sync,
        repeats: fn(&Error) -> bool,
    ) -> Result<T, Error>
    where
        M: Machine<Event = T, Error = oauth::Error> + Hides + Send,
    {
        let mut attempts = Attempts::new::<R>();
        loop {
            match self.exchange(endpoint, exchange()).await {
                Err(error) if repeats(&error) => self.wait_after(&mut attempts, error).await?,
                result => return result,
            }
        }
    }

    /// Runs one exchange with an endpoint of the authorization server.
    pub(crate) async fn exchange<T: Send>(
        &self,
        endpoint: &Endpoint,
        mut exchange: impl Machine<Event = T, Error = oauth::Error> + Hides + Send,
    ) -> Result<T, Error> {
        let asker = Asker::<R> {
            shared: &self.shared,
            deadline: None,
            kept: Mutex::default(),
            hidden: Hidden::default(),
        };
        asker.hide(&exchange);
        let mut connection = asker.connect(endpoint).await.map_err(Error::token_net)?;
        // The exchange ends with the response. HTTP has no goodbye.
        connection.next(&mut exchange).await.map_err(Error::token)?.ok_or_else(Error::token_closed)
    }
}

/// Counts failed attempts.
struct Attempts {
    failed: u32,
    began: Instant,
}

impl Attempts {
    fn new<R: Runtime>() -> Self {
        Self { failed: 0, began: R::now() }
    }
}

/// Sends requests to servers, one after the other, over the same connection if the server keeps it open.
struct Asker<'c, R: Runtime> {
    shared: &'c Shared,
    /// When to give up: others wait for the token, in this process and behind the store's lock.
    deadline: Option<Instant>,
    kept: Mutex<Option<Kept<R>>>,
    /// The secrets that were sent on these connections.
    hidden: Hidden,
}

struct Kept<R: Runtime> {
    to: (String, u16),
    connection: Connection<R>,
}

impl<R: Runtime> Asker<'_, R> {
    /// Hides the secrets of a request from the trace, if there is one.
    fn hide(&self, said: &dyn Hides) {
        if self.shared.is_observed() {
            self.hidden.add(said.redactor());
        }
    }

    async fn ask(&self, request: http::Request) -> Result<http::Response, Error> {
        let endpoint = request.endpoint();
        let to = (endpoint.connect_host().to_owned(), endpoint.port());
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Kept { connection, .. }) = kept.filter(|kept| kept.to == to)
            && let Ok(response) = self.over(connection, &to, request.clone()).await
        {
            return Ok(response);
        }
        // A server may close a kept connection at any time, so the request is repeated on a new one.
        let connection = self.connect(endpoint).await.map_err(Error::token_net)?;
        self.over(connection, &to, request).await
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Connection<R>, mailbearer_net::Error> {
        let mut options = self.shared.options();
        options.hidden = Some(self.hidden.clone());
        options.recv_limit = TokenExchange::RECV_LIMIT;
        let left = self.deadline.map_or(EXCHANGE, |deadline| deadline.saturating_duration_since(R::now()));
        options.timeouts.opening = Some(options.timeouts.opening.unwrap_or(EXCHANGE).min(left));
        let (host, port) = (endpoint.connect_host(), endpoint.port());
        if endpoint.is_clear() {
            // STARTTLS connections begin in the clear, and HTTP never starts TLS on one.
            let tls = &self.shared.tls;
            let (tls, mut options) =
                self.shared.prepare(Service::Https, host, port, Security::StartTls, options, tls, None);
            // The endpoint is this machine, or its host.
            options.route = Route::Direct;
            return Connection::open(host, port, Security::StartTls, &tls, options).await;
        }
        self.shared.connect::<R>(Service::Https, host, port, Security::Implicit, options).await
    }

    async fn over(
        &self,
        mut connection: Connection<R>,
        to: &(String, u16),
        request: http::Request,
    ) -> Result<http::Response, Error> {
        let mut exchange = http::Exchange::new(request, Limits::DEFAULT);
        // The exchange ends with the response. HTTP has no goodbye.
        let response = connection.next(&mut exchange).await.map_err(Error::token_http)?;
        let response = response.ok_or_else(Error::token_closed)?;
        if response.keeps_connection {
            let kept = Kept { to: to.clone(), connection };
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        }
        Ok(response)
    }
}

impl<R: Runtime> Http for Asker<'_, R> {
    fn exchange(&self, request: http::Request) -> Pending<'_, Result<http::Response, Error>> {
        self.hide(&request);
        Box::pin(self.ask(request))
    }
}
