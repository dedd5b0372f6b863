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

/// A mailbox and how to reach it: what a configuration file says.
///
/// It is a plain value. Make it from a preset or from nothing, change what differs, and turn it into a [`Client`],
/// which checks it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Account {
    /// The mailbox: the `user=` of XOAUTH2. For a shared mailbox, the address of that mailbox.
    pub user: String,
    /// What the user logs in with.
    pub login: Login,
    /// The IMAP server. `None` if the account only sends.
    pub imap: Option<Server>,
    /// The POP3 server. `None` if the account reads mail by IMAP.
    #[cfg(feature = "pop3")]
    pub pop3: Option<Server>,
    /// The submission server. `None` if the account only reads.
    pub smtp: Option<Server>,
    /// What the provider is known to allow. A [`Pool`](crate::Pool) keeps within it.
    pub limits: Limits,
    /// A folder through which all processes of this host that use the account keep within the limits together. Default
    /// none.
    pub pool_folder: Option<std::path::PathBuf>,
    /// Trust anchors. `None` means the built-in roots.
    pub tls: Option<Tls>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Where tokens are kept between runs, as [`store`](Self::store) sets it. `None` keeps them in the memory of the
    /// [`Client`] only.
    pub(crate) store: Option<Store>,
    /// How submission sessions behave: the name in EHLO, limits, server bugs to tolerate. `None` means the defaults.
    /// Its host, port and security are ignored: those of [`smtp`](Self::smtp) count.
    pub smtp_options: Option<Box<mailbearer_smtp::Options>>,
    /// How IMAP sessions behave: what ID says of the program, limits, server bugs to tolerate. `None` means the
    /// defaults. Its host, port and security are ignored: those of [`imap`](Self::imap) count.
    pub imap_options: Option<Box<mailbearer_imap::session::Options>>,
    /// How POP3 sessions behave: the form of AUTH, limits, server bugs to tolerate. `None` means the defaults. Its
    /// host, port and security are ignored: those of [`pop3`](Self::pop3) count.
    #[cfg(feature = "pop3")]
    pub pop3_options: Option<Box<mailbearer_pop3::Options>>,
    /// The proxies through which connections to servers and to the token endpoint go. Default none. The environment
    /// counts only if the program asks for it with [`Proxies::from_environment`].
    pub proxies: Proxies,
    /// How often to repeat a token request that failed for a temporary reason.
    pub retry: Retry,
    pub(crate) token_check: Option<TokenCheck>,
}

/// Checks a token before it is shown to a server. Names what may be wrong with it, or fails.
pub(crate) type TokenCheck =
    Arc<dyn Fn(&Account, &Token, Protocol) -> Result<Option<&'static str>, Error> + Send + Sync>;

/// What a user logs in with.
#[derive(Clone)]
#[non_exhaustive]
pub enum Login {
    /// An access token that the client requests from an authorization server.
    OAuth(OAuth),
    /// An access token that the program brings.
    Source(Arc<dyn TokenSource>),
    /// A password, for servers that offer PLAIN or LOGIN.
    Password(Secret),
    /// Nothing, for a submission server that knows its clients by their network, as most LMTP servers do. Such an
    /// account can't read mail.
    Nothing,
}

/// How access tokens are requested.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OAuth {
    /// URL of the token endpoint; https.
    pub token_url: String,
    /// The application's id.
    pub client_id: String,
    /// How the application proves its identity.
    pub client: ClientProof,
    /// Space-separated scopes.
    pub scope: String,
    /// Why the server should issue a token.
    pub grant: Grant,
}

/// How an application proves its identity at the token endpoint.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientProof {
    /// Nothing: a public client.
    #[default]
    None,
    /// A secret in the form (`client_secret_post`), which Microsoft, Google and most others accept.
    Secret(Secret),
    /// A secret in an `Authorization` field (`client_secret_basic`, RFC 6749 section 2.3.1).
    Basic(Secret),
    /// An assertion instead of a secret, made or read for each request (RFC 7523): signed with a
    /// [certificate](crate::grant::ClientCertificate), or issued by someone whom the server trusts.
    Assertion(Arc<dyn AssertionSource>),
}

/// Why an authorization server should issue a token.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Grant {
    /// The application has rights of its own (RFC 6749 section 4.4).
    #[default]
    ClientCredentials,
    /// A person consented earlier (RFC 6749 section 6). If the server replaces the refresh token, the client uses the
    /// new one from then on and keeps it in the account's store. A different token in this setting replaces that.
    RefreshToken(Secret),
    /// The name and password of a person (RFC 6749 section 4.3), for servers that have nothing better. Refresh tokens
    /// in the answer are not used.
    Password {
        /// The person's name at the authorization server.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A person logs in once, by [`Client::begin_login`] or [`Client::begin_device_login`]. From then on, what the
    /// account's store keeps of that login gets tokens.
    Person(Box<Person>),
    /// A signed assertion (RFC 7523 section 2.1), as the [key](crate::grant::ServiceAccountKey) of a service account
    /// makes it. The client id is not used.
    JwtBearer(Arc<dyn AssertionSource>),
    /// Any other way to tokens, such as the [identity](crate::grant::ManagedIdentity) of a machine.
    Flow(Arc<dyn TokenFlow>),
}

/// How a person logs in.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Person {
    /// The page where the person logs in (RFC 6749 section 3.1); https.
    pub authorize_url: Option<String>,
    /// Where the client requests a code for another device (RFC 8628); https.
    pub device_url: Option<String>,
    /// Where a login is revoked (RFC 7009); https. `None` if the provider has no such endpoint.
    pub revoke_url: Option<String>,
    /// Whether a new login, once kept, revokes the one that it replaces. Default false: at some providers, Google among
    /// them, that would end every login of the same person by the same application, the new one too.
    pub ends_replaced: bool,
    /// How the provider identifies itself in redirects (RFC 9207). `None` if it does not.
    pub issuer: Option<String>,
    /// Where the provider sends the browser after the login.
    pub redirect: RedirectTo,
    /// Whether the person logs in by a code on another device rather than in a browser here, if both are possible.
    pub prefers_code: bool,
    /// Who logs in, if that is not the account's user, as for a shared mailbox.
    pub name: Option<String>,
    /// Whether to use the implicit grant, for servers that have nothing else (RFC 9700 section 2.1.2). The token itself
    /// is in the redirect, which the person pastes. It is valid for an hour and can't be renewed.
    pub implicit: bool,
}

/// Where the provider sends the browser after a login.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectTo {
    /// To this machine, by `http`.
    Loopback {
        /// `localhost`, `127.0.0.1` or `[::1]`, whichever is registered. Default `localhost`.
        host: String,
        /// A fixed port, if the provider wants the registered one. Default `None`: any free port.
        port: Option<u16>,
    },
    /// To this address. The person copies what the browser shows then.
    Pasted(String),
}

impl Default for RedirectTo {
    fn default() -> Self {
        Self::Loopback { host: "localhost".into(), port: None }
    }
}

impl Person {
    /// Sets the pages of a provider. If the provider accepts https addresses only, [`redirect`](Self::redirect) stays
    /// the default: set the address that is registered.
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

/// Where a server is, and how its connections are secured.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Server {
    /// DNS name or IP address. The certificate is checked against it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How TLS starts.
    pub security: Security,
}

impl Server {
    /// Names a server at `host` and `port`.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16, security: Security) -> Self {
        Self { host: host.into(), port, security }
    }
}

impl OAuth {
    /// Sets client credentials at this endpoint. The client is still missing.
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

    /// Sets a provider's endpoint and scope for applications. The token URL stays empty if the provider needs a tenant
    /// and `tenant` is `None`.
    #[must_use]
    pub fn preset(provider: Provider, tenant: Option<&str>) -> Self {
        Self::new(
            provider.token_url(tenant).unwrap_or_default(),
            provider.application_scope().unwrap_or_default(),
        )
    }
}

impl Account {
    /// Makes the account of a robot's mailbox on Microsoft 365. `tenant` is the directory's id, or one of its domains.
    ///
    /// Continue with [`client_credentials`](Self::client_credentials).
    #[must_use]
    pub fn microsoft365(user: impl Into<String>, tenant: &str) -> Self {
        Self::preset(Provider::Microsoft365, user, Some(tenant))
    }

    /// Makes an account with a provider's servers and its endpoint, as [`OAuth::preset`] sets them.
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

    /// Makes an account without servers, whose tokens come from this endpoint.
    #[must_use]
    pub fn custom(user: impl Into<String>, token_url: impl Into<String>, scope: impl Into<String>) -> Self {
        Self::new(user, Login::OAuth(OAuth::new(token_url, scope)))
    }

    /// Makes an account without servers that logs in with the tokens of a closure. [`Account::new`] takes any source.
    #[must_use]
    pub fn with_source<F>(user: impl Into<String>, source: F) -> Self
    where
        F: Fn(Option<&Token>) -> Result<Token, SourceError> + Send + Sync + 'static,
    {
        Self::new(user, Login::Source(Arc::new(source)))
    }

    /// Makes an account without servers.
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

    /// Requests tokens in the application's own name.
    #[must_use]
    pub fn client_credentials(self, client_id: impl Into<String>, client_secret: impl Into<Secret>) -> Self {
        self.with_oauth(|oauth| {
            oauth.client_id = client_id.into();
            oauth.client = ClientProof::Secret(client_secret.into());
            oauth.grant = Grant::ClientCredentials;
        })
    }

    /// Requests tokens in the name of a person who logs in once, by [`Client::begin_login`]. `client_id` is that of an
    /// application for native programs, which has no secret.
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

    /// Requests tokens in the name of the person who gave consent earlier.
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

    /// Requests tokens in the application's own name, with an assertion instead of a secret: a
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

    /// Requests tokens with the key of a service account of Google Workspace.
    #[must_use]
    pub fn service_account(self, key: ServiceAccountKey) -> Self {
        self.with_oauth(|oauth| {
            oauth.token_url = key.token_url();
            // For another subject the key gets another token, so that needs a place of its own in the store.
            oauth.client_id = format!("{} for {}", key.email(), key.subject());
            if oauth.scope.is_empty() {
                let scope = Provider::Google.scope(GrantType::ServiceAccount, &[MailProtocol::Imap]);
                oauth.scope = scope.unwrap_or_default();
            }
            oauth.grant = Grant::JwtBearer(Arc::new(key));
        })
    }

    /// Requests tokens in the name of the machine.
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

    /// Gives access to how tokens are requested. `None` for a login that requests none.
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

    /// Compares what a token says of itself (its service, directory, roles or scopes, see [`claims`](crate::claims))
    /// with what the account and the protocol need, before it is shown to a server. If no server can accept the token,
    /// the login fails with the [advice](crate::advice) that explains it; if that token had been kept, a new one is
    /// requested first. `warn` gets what may be wrong but need not be, such as a token of another person than the user.
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
            // Making the client fails with an empty URL.
            Login::Source(_) | Login::Password(_) | Login::Nothing => OAuth::new("", ""),
        };
        change(&mut oauth);
        self.login = Login::OAuth(oauth);
        self
    }

    /// Trusts the certificates of a PEM file in addition to the built-in roots.
    ///
    /// # Errors
    ///
    /// Fails for text that is not PEM, and for a certificate that cannot be trusted.
    pub fn ca_pem(mut self, pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        self.tls = Some(Tls::with_ca_pem(pem.as_ref()).map_err(Error::certificates)?);
        Ok(self)
    }

    /// Makes a client whose operations block the thread.
    ///
    /// # Errors
    ///
    /// Fails as [`Client::new`] does.
    pub fn blocking(self) -> Result<Client<crate::Blocking>, Error> {
        Client::new(self)
    }

    /// Makes a client whose operations are futures for a tokio runtime.
    ///
    /// # Errors
    ///
    /// Fails as [`Client::new`] does.
    #[cfg(feature = "tokio")]
    pub fn tokio(self) -> Result<Client<crate::Tokio>, Error> {
        Client::new(self)
    }

    /// Makes a client for any other [`Runtime`].
    ///
    /// # Errors
    ///
    /// Fails as [`Client::new`] does.
    pub fn on<R: Runtime>(self) -> Result<Client<R>, Error> {
        Client::new(self)
    }
}

/// Its host and port are ignored: those of the account's server count.
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
