//! Grants of robots that need more than a secret: assertions that prove an application's identity, and identities of
//! machines.
//!
//! Each is behind a trait object, so that a program links only those that it uses.

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

/// Makes or fetches the assertion with which an application proves its identity instead of a secret: a JWT that it
/// signs, or one of an issuer whom the token endpoint trusts (RFC 7523). The client calls it before each token request.
///
/// A closure is an `AssertionSource` too.
pub trait AssertionSource: Send + Sync {
    /// Returns the assertion for a request.
    ///
    /// # Errors
    ///
    /// Fails with any error if there is none. The error's text must hold no secret.
    fn assertion<'a>(&'a self, asking: &'a Asking<'a>) -> Pending<'a, Result<Secret, SourceError>>;

    /// Returns when its means of proof expires, such as a certificate. `None` if that is not known.
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

/// A way to get access tokens other than posting a form to a token endpoint.
pub trait TokenFlow: Send + Sync {
    /// Returns a name that distinguishes it from other flows in a token store.
    fn name(&self) -> &'static str;

    /// Gets a token.
    ///
    /// # Errors
    ///
    /// Fails with any error if there is none. The error's text must hold no secret.
    fn token<'a>(&'a self, asking: &'a Asking<'a>) -> Pending<'a, Result<oauth::Token, SourceError>>;
}

impl fmt::Debug for dyn TokenFlow + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A token request in progress, as an [`AssertionSource`] or a [`TokenFlow`] sees it.
pub struct Asking<'a> {
    pub(crate) token_url: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) scope: &'a str,
    pub(crate) tls: &'a Tls,
    pub(crate) http: &'a dyn Http,
}

impl<'a> Asking<'a> {
    /// Returns the URL of the token endpoint.
    #[must_use]
    pub const fn token_url(&self) -> &'a str {
        self.token_url
    }

    /// Returns the application's id.
    #[must_use]
    pub const fn client_id(&self) -> &'a str {
        self.client_id
    }

    /// Returns the scope that the token is for.
    #[must_use]
    pub const fn scope(&self) -> &'a str {
        self.scope
    }

    /// Returns the time since 1970, by this machine's clock.
    #[must_use]
    pub fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// Returns random octets.
    ///
    /// # Errors
    ///
    /// Fails if the system has no randomness.
    pub fn random(&self) -> Result<[u8; 16], Error> {
        let mut random = [0; 16];
        self.tls.random(&mut random).map_err(|error| Error::settings(error.to_string()))?;
        Ok(random)
    }

    /// Sends a request to another server in the same way as to the token endpoint: through the account's proxy,
    /// verified, and within its time.
    ///
    /// # Errors
    ///
    /// Fails if the server can't be reached, or does not speak HTTP. Any status is an answer.
    pub fn exchange(&'a self, request: http::Request) -> Pending<'a, Result<http::Response, Error>> {
        self.http.exchange(request)
    }
}

impl fmt::Debug for Asking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("token_url", &self.token_url).finish_non_exhaustive()
    }
}

/// Sends HTTP requests, on whatever runtime the client uses.
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
