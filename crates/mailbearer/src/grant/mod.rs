//! Grants of robots that need more than a secret: what proves an application's identity, and what gives a machine one.
//!
//! Each is behind a trait object, so that a program links only the ones that it makes.

use std::{
    error, fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mailbearer_net::Tls;
use mailbearer_oauth::{self as oauth, http};
use mailbearer_wire::Secret;

use crate::{
    Error,
    token::{Pending, SourceError},
};

mod certificate;
mod federated;
mod managed;
mod service_account;

pub use certificate::ClientCertificate;
pub use federated::{FileAssertion, GitHubActions, VariableAssertion};
pub use mailbearer_oauth::{Algorithm, Identity};
pub use managed::ManagedIdentity;
pub use service_account::ServiceAccountKey;

/// Gives what an application proves its identity with in place of a secret: a JWT that it signs, or one of an issuer whom
/// the token endpoint trusts (RFC 7523). It is asked before each token request.
///
/// A closure is one, too.
pub trait AssertionSource: Send + Sync {
    /// Returns the assertion for a request.
    ///
    /// # Errors
    ///
    /// Fails if there is none, with any error; its text must hold no secret.
    fn assertion<'a>(&'a self, asking: &'a Asking<'a>) -> Pending<'a, Result<Secret, SourceError>>;

    /// When what it proves identity with ends, where that is known.
    fn ends_at(&self) -> Option<SystemTime> {
        None
    }
}

impl<F> AssertionSource for F
where
    F: Fn() -> Result<Secret, SourceError> + Send + Sync,
{
    fn assertion<'a>(&'a self, _: &'a Asking<'a>) -> Pending<'a, Result<Secret, SourceError>> {
        Box::pin(std::future::ready(self()))
    }
}

impl fmt::Debug for dyn AssertionSource + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AssertionSource")
    }
}

/// A way to access tokens that is no form posted to a token endpoint.
pub trait TokenFlow: Send + Sync {
    /// What tells it from other flows in a store of tokens.
    fn name(&self) -> &'static str;

    /// Gets a token.
    ///
    /// # Errors
    ///
    /// Fails if there is none, with any error; its text must hold no secret.
    fn token<'a>(&'a self, asking: &'a Asking<'a>) -> Pending<'a, Result<oauth::Token, SourceError>>;
}

impl fmt::Debug for dyn TokenFlow + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A token request that is under way, as an [`AssertionSource`] or a [`TokenFlow`] sees it.
pub struct Asking<'a> {
    pub(crate) token_url: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) scope: &'a str,
    pub(crate) tls: &'a Tls,
    pub(crate) http: &'a dyn Http,
}

impl<'a> Asking<'a> {
    /// The token endpoint that is asked.
    #[must_use]
    pub const fn token_url(&self) -> &'a str {
        self.token_url
    }

    /// The application's id.
    #[must_use]
    pub const fn client_id(&self) -> &'a str {
        self.client_id
    }

    /// What the token is for.
    #[must_use]
    pub const fn scope(&self) -> &'a str {
        self.scope
    }

    /// The time since 1970, by this machine's clock.
    #[must_use]
    pub fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// Random octets.
    ///
    /// # Errors
    ///
    /// Fails if the system gives none.
    pub fn random(&self) -> Result<[u8; 16], Error> {
        let mut random = [0; 16];
        self.tls.random(&mut random).map_err(|error| Error::settings(error.to_string()))?;
        Ok(random)
    }

    /// Asks another server, as the token endpoint is asked: through the account's proxy, verified, within its time.
    ///
    /// # Errors
    ///
    /// Fails if the server can't be reached or does not speak HTTP; any status is an answer.
    pub fn exchange(&'a self, request: http::Request) -> Pending<'a, Result<http::Response, Error>> {
        self.http.exchange(request)
    }
}

impl fmt::Debug for Asking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("token_url", &self.token_url).finish_non_exhaustive()
    }
}

/// Asks servers on whatever runtime the client runs.
pub(crate) trait Http: Send + Sync {
    fn exchange(&self, request: http::Request) -> Pending<'_, Result<http::Response, Error>>;
}

/// A failure with a text of this crate.
#[derive(Debug)]
struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for Failure {}

fn failure(text: String) -> SourceError {
    Box::new(Failure(text))
}
