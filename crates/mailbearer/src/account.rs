use std::{fmt, sync::Arc};

use mailbearer_net::{Proxies, Timeouts, Tls};
use mailbearer_oauth::Retry;
use mailbearer_wire::{Secret, Security};

use crate::{
    Client, Error, GrantType, MailProtocol, Provider, Runtime, Token,
    claims::{self, Mismatch},
    error::Protocol,
    grant::{AssertionSource, ManagedIdentity, ServiceAccountKey, TokenFlow},
    provider::Limits,
    token::{SourceError, Store, TokenSource, TokenStore},
};

/// A mailbox and how to get at it: what a configuration file says.
///
/// A plain value: make it from a preset or from nothing, change what differs, and turn it into a [`Client`],
/// which checks it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Account {
    /// The mailbox: the `user=` of XOAUTH2. For a shared mailbox its own address.
    pub user: String,
    /// What the user logs in with.
    pub login: Login,
    /// The IMAP server; `None` where mail is only sent.
    pub imap: Option<Server>,
    /// The POP3 server; `None` where mail is read by IMAP.
    #[cfg(feature = "pop3")]
    pub pop3: Option<Server>,
    /// The submission server; `None` where mail is only read.
    pub smtp: Option<Server>,
    /// What the provider allows, as far as it is known: a [`Pool`](crate::Pool) keeps to it.
    pub limits: Limits,
    /// A folder by which all processes of this host that use the account keep to that together. Default none.
    pub pool_folder: Option<std::path::PathBuf>,
    /// Trust anchors. `None` means the built-in roots.
    pub tls: Option<Tls>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Where tokens rest between runs, as [`store`](Self::store) sets it. `None`: in the memory of the [`Client`] alone.
    pub(crate) store: Option<Store>,
    /// How submission sessions behave: the name in EHLO, limits, server bugs to tolerate. `None` means the defaults.
    /// Host, port and security in it are not used; they are those of [`smtp`](Self::smtp).
    pub smtp_options: Option<Box<mailbearer_smtp::Options>>,
    /// How IMAP sessions behave: what ID tells of the program, limits, server bugs to tolerate. `None` means the
    /// defaults. Host, port and security in it are not used; they are those of [`imap`](Self::imap).
    pub imap_options: Option<Box<mailbearer_imap::session::Options>>,
    /// How POP3 sessions behave: the form of AUTH, limits, server bugs to tolerate. `None` means the defaults. Host, port and
    /// security in it are not used; they are those of [`pop3`](Self::pop3).
    #[cfg(feature = "pop3")]
    pub pop3_options: Option<Box<mailbearer_pop3::Options>>,
    /// Through which proxies the servers and the token endpoint are reached. Default none: the environment counts where it
    /// is asked for, by [`Proxies::from_environment`].
    pub proxies: Proxies,
    /// How often a token request is repeated that failed for a reason that passes.
    pub retry: Retry,
    pub(crate) token_check: Option<TokenCheck>,
}

/// Looks at a token before it is shown to a server; names what may be wrong with it, or fails.
pub(crate) type TokenCheck =
    Arc<dyn Fn(&Account, &Token, Protocol) -> Result<Option<&'static str>, Error> + Send + Sync>;

/// What a user logs in with.
#[derive(Clone)]
#[non_exhaustive]
pub enum Login {
    /// An access token that is requested from an authorization server.
    OAuth(OAuth),
    /// An access token that the program brings.
    Source(Arc<dyn TokenSource>),
    /// A password, for servers that offer PLAIN or LOGIN.
    Password(Secret),
    /// Nothing, for a submission server that knows its clients by their network, as most do that speak LMTP. Mail can't be
    /// read with it.
    Nothing,
}

/// How access tokens are requested.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OAuth {
    /// The token endpoint; https.
    pub token_url: String,
    /// The application's id.
    pub client_id: String,
    /// What the application proves its id with.
    pub client: ClientProof,
    /// Space-separated scopes.
    pub scope: String,
    /// What the token is granted for.
    pub grant: Grant,
}

/// What an application proves its id with at the token endpoint.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientProof {
    /// Nothing: a public client.
    #[default]
    None,
    /// A secret in the form (`client_secret_post`), which Microsoft, Google and most others take.
    Secret(Secret),
    /// A secret in an `Authorization` field (`client_secret_basic`, RFC 6749 section 2.3.1).
    Basic(Secret),
    /// What stands for a secret, made or read for each request (RFC 7523): a [certificate](crate::grant::ClientCertificate)
    /// signs it, or another issuer gives it.
    Assertion(Arc<dyn AssertionSource>),
}

/// What a token is granted for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Grant {
    /// The application's own rights (RFC 6749 section 4.4).
    #[default]
    ClientCredentials,
    /// A person's consent given earlier (RFC 6749 section 6). A refresh token that the server gives in its place is
    /// used from then on, and rests in the account's store; another one in here takes its place.
    RefreshToken(Secret),
    /// A person's name and password (RFC 6749 section 4.3), for servers that have nothing better. Refresh tokens that
    /// come with it are not used.
    Password {
        /// The person's name at the authorization server.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A person who logs in once, by [`Client::begin_login`] or [`Client::begin_device_login`]. What is kept of that in
    /// the account's store gets tokens from then on.
    Person(Box<Person>),
    /// What an assertion says (RFC 7523 section 2.1), as the [key](crate::grant::ServiceAccountKey) of a service account
    /// signs it. The client id is not used.
    JwtBearer(Arc<dyn AssertionSource>),
    /// Another way to tokens, such as the [identity](crate::grant::ManagedIdentity) of a machine.
    Flow(Arc<dyn TokenFlow>),
}

/// How a person logs in.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Person {
    /// The page where a person logs in (RFC 6749 section 3.1); https.
    pub authorize_url: Option<String>,
    /// Where a code for another device is asked for (RFC 8628); https.
    pub device_url: Option<String>,
    /// Where a login is ended (RFC 7009); https. `None` where the provider has no such thing.
    pub revoke_url: Option<String>,
    /// Whether a login ends the one whose place it takes, once it is kept. Default no, since with some providers, Google
    /// among them, that ends every login of the same person by the same application, the new one too.
    pub ends_replaced: bool,
    /// What the provider names itself by in redirects (RFC 9207), where it does.
    pub issuer: Option<String>,
    /// Where the browser is sent.
    pub redirect: RedirectTo,
    /// Whether the person logs in by a code on another device rather than in a browser here, where both are possible.
    pub prefers_code: bool,
    /// Who logs in, where that is not the account's user, as for a shared mailbox.
    pub name: Option<String>,
    /// Whether the implicit grant is used: the token itself is in the redirect, pasted by the person; it lives an hour and
    /// can't be renewed. For servers that have nothing else (RFC 9700 section 2.1.2).
    pub implicit: bool,
}

/// Where the browser is sent after a login.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectTo {
    /// To this machine, by `http`.
    Loopback {
        /// `localhost`, `127.0.0.1` or `[::1]`, as it was registered. Default `localhost`.
        host: String,
        /// A fixed port, where the provider wants it as registered. Default any that is free.
        port: Option<u16>,
    },
    /// To this address, where the person copies what the browser shows.
    Pasted(String),
}

impl Default for RedirectTo {
    fn default() -> Self {
        Self::Loopback { host: "localhost".into(), port: None }
    }
}

impl Person {
    /// A provider's pages. [`redirect`](Self::redirect) stays the default where the provider takes https addresses alone;
    /// set the one that was registered.
    #[must_use]
    pub fn preset(provider: Provider, tenant: Option<&str>) -> Self {
        let redirect = match provider.redirect_host() {
            Some(host) => RedirectTo::Loopback { host: host.into(), port: None },
            None => RedirectTo::default(),
        };
        Self {
            authorize_url: Some(provider.authorize_url(tenant)),
            device_url: provider.device_url(tenant),
            revoke_url: provider.revoke_url().map(Into::into),
            issuer: provider.issuer().map(Into::into),
            redirect,
            ..Self::default()
        }
    }
}

/// Where a server is and how it is talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Server {
    /// DNS name or IP address; the certificate is checked against it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How TLS starts.
    pub security: Security,
}

impl Server {
    /// A server at `host` and `port`.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16, security: Security) -> Self {
        Self { host: host.into(), port, security }
    }
}

impl OAuth {
    /// Client credentials at this endpoint; the client is yet to be named.
    #[must_use]
    pub fn new(token_url: impl Into<String>, scope: impl Into<String>) -> Self {
        Self {
            token_url: token_url.into(),
            client_id: String::new(),
            client: ClientProof::None,
            scope: scope.into(),
            grant: Grant::ClientCredentials,
        }
    }

    /// A provider's endpoint and scope for applications. The token URL stays empty where the provider needs a tenant
    /// and none is given.
    #[must_use]
    pub fn preset(provider: Provider, tenant: Option<&str>) -> Self {
        Self::new(
            provider.token_url(tenant).unwrap_or_default(),
            provider.application_scope().unwrap_or_default(),
        )
    }
}

impl Account {
    /// A robot mailbox on Microsoft 365. `tenant` is the directory's id or one of its domains.
    ///
    /// Follow with [`client_credentials`](Self::client_credentials).
    #[must_use]
    pub fn microsoft365(user: impl Into<String>, tenant: &str) -> Self {
        Self::preset(Provider::Microsoft365, user, Some(tenant))
    }

    /// An account with a provider's servers and endpoint, as [`OAuth::preset`] has it.
    #[must_use]
    pub fn preset(provider: Provider, user: impl Into<String>, tenant: Option<&str>) -> Self {
        Self {
            imap: Some(provider.imap()),
            #[cfg(feature = "pop3")]
            pop3: provider.pop3(),
            #[cfg(feature = "pop3")]
            pop3_options: provider.habits().pop3_token_on_its_own_line.then(two_lines),
            smtp: Some(provider.smtp()),
            limits: provider.limits(),
            ..Self::new(user, Login::OAuth(OAuth::preset(provider, tenant)))
        }
    }

    /// An account without servers, whose tokens come from this endpoint.
    #[must_use]
    pub fn custom(user: impl Into<String>, token_url: impl Into<String>, scope: impl Into<String>) -> Self {
        Self::new(user, Login::OAuth(OAuth::new(token_url, scope)))
    }

    /// An account without servers that logs in with the tokens of a closure. [`Account::new`] takes any source.
    #[must_use]
    pub fn with_source<F>(user: impl Into<String>, source: F) -> Self
    where
        F: Fn(Option<&Token>) -> Result<Token, SourceError> + Send + Sync + 'static,
    {
        Self::new(user, Login::Source(Arc::new(source)))
    }

    /// An account without servers.
    #[must_use]
    pub fn new(user: impl Into<String>, login: Login) -> Self {
        Self {
            user: user.into(),
            login,
            imap: None,
            #[cfg(feature = "pop3")]
            pop3: None,
            #[cfg(feature = "pop3")]
            pop3_options: None,
            smtp: None,
            limits: Limits::default(),
            pool_folder: None,
            tls: None,
            timeouts: Timeouts::default(),
            store: None,
            smtp_options: None,
            imap_options: None,
            proxies: Proxies::none(),
            retry: Retry::DEFAULT,
            token_check: None,
        }
    }

    /// Asks for tokens in the application's own name.
    #[must_use]
    pub fn client_credentials(self, client_id: impl Into<String>, client_secret: impl Into<Secret>) -> Self {
        self.with_oauth(|oauth| {
            oauth.client_id = client_id.into();
            oauth.client = ClientProof::Secret(client_secret.into());
            oauth.grant = Grant::ClientCredentials;
        })
    }

    /// Asks for tokens in the name of a person who logs in once, as [`Client::begin_login`] has it. `client_id` is that of
    /// an application for native programs, which has no secret.
    ///
    /// ```
    /// use mailbearer::{Account, FileStore, MailProtocol, Provider};
    ///
    /// let account = Account::preset(Provider::Microsoft365, "ann@contoso.com", None)
    ///     .person(Provider::Microsoft365, None, "8f1b2c3d-…", &[MailProtocol::Imap, MailProtocol::Smtp])
    ///     .store(FileStore::new("/home/ann/.local/state/mailbearer"));
    /// # drop(account);
    /// ```
    #[must_use]
    pub fn person(
        self,
        provider: Provider,
        tenant: Option<&str>,
        client_id: impl Into<String>,
        protocols: &[MailProtocol],
    ) -> Self {
        self.with_oauth(|oauth| {
            oauth.token_url = provider.person_token_url(tenant);
            oauth.client_id = client_id.into();
            oauth.client = ClientProof::None;
            oauth.scope = provider.scope(GrantType::AuthorizationCode, protocols).unwrap_or_default();
            oauth.grant = Grant::Person(Box::new(Person::preset(provider, tenant)));
        })
    }

    /// Asks for tokens in the name of the person who once consented.
    #[must_use]
    pub fn refresh_token(
        self,
        client_id: impl Into<String>,
        client: ClientProof,
        refresh_token: impl Into<Secret>,
    ) -> Self {
        self.with_oauth(|oauth| {
            oauth.client_id = client_id.into();
            oauth.client = client;
            oauth.grant = Grant::RefreshToken(refresh_token.into());
        })
    }

    /// Asks for tokens in the application's own name, with an assertion in place of a secret: a
    /// [certificate](crate::grant::ClientCertificate), or a token of an issuer whom the server trusts.
    #[must_use]
    pub fn client_assertion(
        self,
        client_id: impl Into<String>,
        source: impl AssertionSource + 'static,
    ) -> Self {
        self.with_oauth(|oauth| {
            oauth.client_id = client_id.into();
            oauth.client = ClientProof::Assertion(Arc::new(source));
            oauth.grant = Grant::ClientCredentials;
        })
    }

    /// Asks for tokens with the key of a service account of Google Workspace.
    #[must_use]
    pub fn service_account(self, key: ServiceAccountKey) -> Self {
        self.with_oauth(|oauth| {
            oauth.token_url = key.token_url();
            // For whom it acts is another mailbox, with another token in the store.
            oauth.client_id = format!("{} for {}", key.email(), key.subject());
            if oauth.scope.is_empty() {
                let scope = Provider::Google.scope(GrantType::ServiceAccount, &[MailProtocol::Imap]);
                oauth.scope = scope.unwrap_or_default();
            }
            oauth.grant = Grant::JwtBearer(Arc::new(key));
        })
    }

    /// Asks for tokens in the name of the machine.
    #[must_use]
    pub fn managed_identity(self, identity: ManagedIdentity) -> Self {
        self.with_oauth(|oauth| {
            oauth.token_url = identity.service().endpoint().to_string();
            oauth.client_id = identity.service().name().unwrap_or_default().to_owned();
            oauth.grant = Grant::Flow(Arc::new(identity));
        })
    }

    pub(crate) const fn oauth(&self) -> Option<&OAuth> {
        match &self.login {
            Login::OAuth(oauth) => Some(oauth),
            Login::Source(_) | Login::Password(_) | Login::Nothing => None,
        }
    }

    /// How tokens are requested, to be changed; `None` for a login without requests.
    pub const fn oauth_mut(&mut self) -> Option<&mut OAuth> {
        match &mut self.login {
            Login::OAuth(oauth) => Some(oauth),
            Login::Source(_) | Login::Password(_) | Login::Nothing => None,
        }
    }

    /// Keeps tokens in `store` between runs. Only [`Login::OAuth`] uses it.
    #[must_use]
    pub fn store(self, store: impl TokenStore + 'static) -> Self {
        Self { store: Some(Store::new(Arc::new(store))), ..self }
    }

    /// Reads mail from `server`.
    #[must_use]
    pub fn imap(self, server: Server) -> Self {
        Self { imap: Some(server), ..self }
    }

    /// Reads mail from `server` by POP3.
    #[cfg(feature = "pop3")]
    #[must_use]
    pub fn pop3(self, server: Server) -> Self {
        Self { pop3: Some(server), ..self }
    }

    /// Sends mail by `server`.
    #[must_use]
    pub fn smtp(self, server: Server) -> Self {
        Self { smtp: Some(server), ..self }
    }

    /// Compares what a token says of itself with what the account and the protocol need, before it is shown to a server: its
    /// service, directory, roles or scopes ([`claims`](crate::claims)). One that no server will take fails the login with
    /// the [advice](crate::advice) that explains it, and another is asked for first where it was kept. `warn` is told
    /// what may be wrong and need not be, as a token of another person than the user.
    #[must_use]
    pub fn check_claims(self, warn: impl Fn(&Mismatch) + Send + Sync + 'static) -> Self {
        let check =
            move |account: &Self, token: &Token, protocol| match claims::compare(token, account, protocol) {
                Some(mismatch) if mismatch.is_certain() => Err(Error::mismatch(protocol, mismatch)),
                Some(mismatch) => {
                    warn(&mismatch);
                    Ok(Some(mismatch.id()))
                }
                None => Ok(None),
            };
        Self { token_check: Some(Arc::new(check)), ..self }
    }

    fn with_oauth(mut self, change: impl FnOnce(&mut OAuth)) -> Self {
        let mut oauth = match self.login {
            Login::OAuth(oauth) => oauth,
            // The empty URL is refused when the client is made.
            Login::Source(_) | Login::Password(_) | Login::Nothing => OAuth::new("", ""),
        };
        change(&mut oauth);
        self.login = Login::OAuth(oauth);
        self
    }

    /// Trusts the certificates of a PEM file besides the built-in roots.
    ///
    /// # Errors
    ///
    /// Fails for text that is not PEM, and for a certificate that can't be trusted.
    pub fn ca_pem(mut self, pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        self.tls = Some(Tls::with_ca_pem(pem.as_ref()).map_err(Error::certificates)?);
        Ok(self)
    }

    /// A client whose operations block the thread.
    ///
    /// # Errors
    ///
    /// As [`Client::new`].
    pub fn blocking(self) -> Result<Client<crate::Blocking>, Error> {
        Client::new(self)
    }

    /// A client whose operations are futures for a tokio runtime.
    ///
    /// # Errors
    ///
    /// As [`Client::new`].
    #[cfg(feature = "tokio")]
    pub fn tokio(self) -> Result<Client<crate::Tokio>, Error> {
        Client::new(self)
    }

    /// A client for any other [`Runtime`].
    ///
    /// # Errors
    ///
    /// As [`Client::new`].
    pub fn on<R: Runtime>(self) -> Result<Client<R>, Error> {
        Client::new(self)
    }
}

/// Host and port are those of the account's server.
#[cfg(feature = "pop3")]
fn two_lines() -> Box<mailbearer_pop3::Options> {
    let mut options = mailbearer_pop3::Options::new("", 0);
    options.auth = mailbearer_pop3::AuthForm::TwoLines;
    Box::new(options)
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("user", &self.user)
            .field("login", &self.login)
            .field("imap", &self.imap)
            .field("smtp", &self.smtp)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OAuth(oauth) => oauth.fmt(f),
            Self::Source(_) => f.write_str("Source"),
            Self::Nothing => f.write_str("Nothing"),
            Self::Password(password) => f.debug_tuple("Password").field(password).finish(),
        }
    }
}
