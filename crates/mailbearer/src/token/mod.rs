//! Access tokens: where they come from, and where they are kept between runs.

use std::{pin::Pin, time::SystemTime};

use mailbearer_wire::Secret;

mod best_effort;
#[cfg(feature = "file-store")]
mod errand;
#[cfg(feature = "file-store")]
pub(crate) mod file;
mod keeper;
mod kept;
#[cfg(feature = "keyring")]
mod keyring;
mod source;
mod store;
mod tokens;

pub use best_effort::BestEffort;
#[cfg(feature = "file-store")]
pub use file::FileStore;
pub(crate) use keeper::{Fetch, Keep, Store};
pub use kept::Kept;
#[cfg(feature = "keyring")]
pub use keyring::KeyringStore;
pub use source::{SourceError, TokenSource};
pub use store::{AccountKey, StoreError, StoreLock, TokenStore, Trouble};
pub(crate) use tokens::{Lease, Tokens};

/// An access token and what is known of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Token {
    /// The token: visible ASCII, fit for any SASL mechanism and header.
    pub access_token: Secret,
    /// When it expires, by this machine's clock. `None` if the server does not say.
    pub expires_at: Option<SystemTime>,
    /// A new refresh token that came with this token. It replaces the old one.
    pub refresh_token: Option<Secret>,
    /// The scopes that were granted, if the server says so.
    pub scope: Option<String>,
}

impl Token {
    /// Makes a token of which only the time of its end is known.
    #[must_use]
    pub fn new(access_token: impl Into<Secret>, expires_at: Option<SystemTime>) -> Self {
        Self { access_token: access_token.into(), expires_at, refresh_token: None, scope: None }
    }

    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.access_token.expose() == other.access_token.expose()
    }
}

/// The future that a [`TokenSource`] or a [`TokenStore`] returns.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[cfg(test)]
mod tests;
