use std::future::ready;

use mailbearer_net::{RsaPadding, SigningKey};
use mailbearer_oauth::ServiceAccount;
use mailbearer_wire::Secret;

use super::{
    Asking, AssertionSource,
    certificate::{Key, wrong},
};
use crate::{
    Error,
    token::{Pending, SourceError},
};

/// The key of a service account of Google Workspace, which acts for a person by domain-wide delegation.
#[derive(Debug)]
pub struct ServiceAccountKey {
    account: ServiceAccount,
    key: Key,
    subject: String,
}

impl ServiceAccountKey {
    /// Takes the JSON file from Google's console, and the address of the person whose mailbox it is.
    ///
    /// # Errors
    ///
    /// Fails for a file of another kind, and for one without a usable key.
    pub fn from_json(json: &[u8], subject: impl Into<String>) -> Result<Self, Error> {
        let account = ServiceAccount::from_json(json).map_err(|error| Error::settings(error.to_string()))?;
        let key = Key(SigningKey::from_pem(&account.key, RsaPadding::Pkcs1).map_err(wrong)?);
        Ok(Self { account, key, subject: subject.into() })
    }

    /// Returns the URL at which it requests tokens.
    #[must_use]
    pub fn token_url(&self) -> String {
        self.account.endpoint.to_string()
    }

    /// Returns the service account's own address.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.account.email
    }

    /// Returns the address of the person for whom it acts.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    fn signed(&self, asking: &Asking<'_>) -> Result<Secret, SourceError> {
        let assertion =
            self.account.assertion(&self.subject, asking.scope(), asking.token_url(), asking.now());
        Ok(assertion.sign(&self.key)?)
    }
}

impl AssertionSource for ServiceAccountKey {
    fn assertion<'a>(&'a self, asking: &'a Asking<'a>) -> Pending<'a, Result<Secret, SourceError>> {
        Box::pin(ready(self.signed(asking)))
    }
}
