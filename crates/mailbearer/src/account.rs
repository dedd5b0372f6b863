use mailbearer_net::{Timeouts, Tls};
use mailbearer_wire::{Secret, Security};

use crate::{Client, Error, Provider, Runtime};

/// A mailbox and how to get at it: what a configuration file says.
///
/// A plain value: make it from a preset or from nothing, change what differs, and turn it into a [`Client`],
/// which checks it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The mailbox: the `user=` of XOAUTH2. For a shared mailbox its own address.
    pub user: String,
    /// Where tokens come from.
    pub oauth: OAuth,
    /// The IMAP server; none where mail is only sent.
    pub imap: Option<Server>,
    /// The submission server; none where mail is only read.
    pub smtp: Option<Server>,
    /// Whom to trust; the built-in roots where it is not said.
    pub tls: Option<Tls>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
}

/// How an access token is come by.
#[derive(Clone, Debug)]
pub struct OAuth {
    /// The token endpoint; https.
    pub token_url: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret; none for a public client.
    pub client_secret: Option<Secret>,
    /// Space-separated scopes.
    pub scope: String,
    /// What the token is granted for.
    pub grant: Grant,
}

/// A grant of OAuth 2.0 that needs no person at the keyboard.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Grant {
    /// The application's own rights (RFC 6749 section 4.4).
    ClientCredentials,
    /// A person's consent given earlier (RFC 6749 section 6).
    RefreshToken(Secret),
}

/// Where a server is and how it is talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl Account {
    /// A robot mailbox on Microsoft 365. `tenant` is the directory's id or one of its domains.
    ///
    /// Follow with [`client_credentials`](Self::client_credentials).
    #[must_use]
    pub fn microsoft365(user: impl Into<String>, tenant: &str) -> Self {
        Self::preset(Provider::Microsoft365, user, Some(tenant))
    }

    /// An account with a provider's endpoints. The token URL stays empty where the provider needs a tenant and
    /// none is given.
    #[must_use]
    pub fn preset(provider: Provider, user: impl Into<String>, tenant: Option<&str>) -> Self {
        Self {
            imap: Some(provider.imap()),
            smtp: Some(provider.smtp()),
            ..Self::custom(
                user,
                provider.token_url(tenant).unwrap_or_default(),
                provider.application_scope().unwrap_or_default(),
            )
        }
    }

    /// An account of which nothing is known but where its tokens come from.
    #[must_use]
    pub fn custom(user: impl Into<String>, token_url: impl Into<String>, scope: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            oauth: OAuth {
                token_url: token_url.into(),
                client_id: String::new(),
                client_secret: None,
                scope: scope.into(),
                grant: Grant::ClientCredentials,
            },
            imap: None,
            smtp: None,
            tls: None,
            timeouts: Timeouts::default(),
        }
    }

    /// Asks for tokens in the application's own name.
    #[must_use]
    pub fn client_credentials(
        mut self,
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
    ) -> Self {
        self.oauth.client_id = client_id.into();
        self.oauth.client_secret = Some(client_secret.into());
        self.oauth.grant = Grant::ClientCredentials;
        self
    }

    /// Asks for tokens in the name of the person who once consented.
    #[must_use]
    pub fn refresh_token(
        mut self,
        client_id: impl Into<String>,
        client_secret: Option<Secret>,
        refresh_token: impl Into<Secret>,
    ) -> Self {
        self.oauth.client_id = client_id.into();
        self.oauth.client_secret = client_secret;
        self.oauth.grant = Grant::RefreshToken(refresh_token.into());
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
