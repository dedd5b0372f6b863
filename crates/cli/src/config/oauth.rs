//! From settings to a login: which grant, and what it needs.

use std::path::Path;

use mailbearer::{ClientProof, Grant, GrantType, Login, MailProtocol, OAuth, Provider, Secret};

use super::{account::missing, secret, settings::Settings};
use crate::error::Error;

/// What the account called `name` logs in with.
///
/// # Errors
///
/// Names the setting that is missing or wrong, and says what to do in place of a grant that the provider does not have.
pub(super) fn login(
    name: &str,
    settings: &Settings,
    provider: Option<Provider>,
    folder: &Path,
    warnings: &mut Vec<String>,
) -> Result<Login, Error> {
    if let Some(password) = secret::read(settings, "password", folder, warnings)? {
        if settings.has_table("oauth") {
            return Err(
                settings.wrong("password", "an account logs in with a password or by oauth, not with both")
            );
        }
        return Ok(Login::Password(password));
    }
    let mut reader = Reader { name, settings, provider, folder, warnings };
    reader.oauth().map(Login::OAuth)
}

struct Reader<'a> {
    name: &'a str,
    settings: &'a Settings,
    provider: Option<Provider>,
    folder: &'a Path,
    warnings: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn oauth(&mut self) -> Result<OAuth, Error> {
        let grant = self.text("grant").and_then(|name| name.parse().ok());
        let grant: GrantType = grant.unwrap_or(GrantType::ClientCredentials);
        self.check(grant)?;
        let mut oauth = OAuth::new(self.token_url(grant)?, self.scope(grant)?);
        oauth.client_id = self.text("client_id").ok_or_else(|| self.missing("client_id"))?;
        let client_secret = self.secret("client_secret")?;
        oauth.grant = match grant {
            GrantType::RefreshToken => Grant::RefreshToken(self.required("refresh_token")?),
            GrantType::Password => {
                let username = self.text("username").or_else(|| self.settings.text("user"));
                Grant::Password {
                    username: username.unwrap_or_default(),
                    password: self.required("password")?,
                }
            }
            _ if client_secret.is_none() => return Err(self.missing("client_secret")),
            _ => Grant::ClientCredentials,
        };
        oauth.client = match (client_secret, self.text("client_auth").as_deref()) {
            (None, _) => ClientProof::None,
            (Some(secret), Some("basic")) => ClientProof::Basic(secret),
            (Some(secret), _) => ClientProof::Secret(secret),
        };
        Ok(oauth)
    }

    /// Whether there is such a grant, before anything else is looked at.
    fn check(&self, grant: GrantType) -> Result<(), Error> {
        // With an endpoint of its own an account is not the provider's.
        if let Some(provider) = self.provider
            && self.text("token_url").is_none()
            && let Err(error) = provider.check(grant, self.text("tenant").as_deref())
        {
            return Err(Error::config(format!("account {}: {error}", self.name)).hint(error.instead));
        }
        let is_there =
            matches!(grant, GrantType::ClientCredentials | GrantType::RefreshToken | GrantType::Password);
        if !is_there {
            return Err(self.not_yet("grant"));
        }
        if self.text("store").is_some_and(|store| store != "file") {
            return Err(self.not_yet("store"));
        }
        let not_yet = [
            "client_certificate",
            "client_key",
            "client_pkcs12",
            "client_assertion",
            "hooks.login_needed",
            "hooks.token_changed",
        ];
        match not_yet.into_iter().find(|key| self.is_set(key)) {
            Some(key) => Err(self.not_yet(key)),
            None => Ok(()),
        }
    }

    fn token_url(&self, grant: GrantType) -> Result<String, Error> {
        if let Some(url) = self.text("token_url") {
            return Ok(url);
        }
        let tenant = self.text("tenant");
        match self.provider {
            Some(provider) if grant.is_application() => {
                provider.token_url(tenant.as_deref()).ok_or_else(|| self.missing("tenant"))
            }
            Some(provider) => Ok(provider.person_token_url(tenant.as_deref())),
            None => Err(self.missing("token_url")),
        }
    }

    fn scope(&self, grant: GrantType) -> Result<String, Error> {
        if let Some(scope) = self.text("scope") {
            return Ok(scope);
        }
        let preset = self
            .provider
            .and_then(|provider| provider.scope(grant, &[MailProtocol::Imap, MailProtocol::Smtp]));
        match preset {
            None if grant.is_application() && self.provider.is_some() => Err(self.missing("scope")),
            scope => Ok(scope.unwrap_or_default()),
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        self.settings.text(&path(key))
    }

    fn is_set(&self, key: &str) -> bool {
        let path = path(key);
        self.settings.origin(&path).is_some() || self.settings.has_table(&path)
    }

    fn secret(&mut self, key: &str) -> Result<Option<Secret>, Error> {
        secret::read(self.settings, &path(key), self.folder, self.warnings)
    }

    fn required(&mut self, key: &str) -> Result<Secret, Error> {
        self.secret(key)?.ok_or_else(|| self.missing(key))
    }

    fn missing(&self, key: &str) -> Error {
        missing(self.name, &path(key))
    }

    fn not_yet(&self, key: &str) -> Error {
        self.settings.wrong(&path(key), &format!("{} is not yet in this version", path(key)))
    }
}

fn path(key: &str) -> String {
    format!("oauth.{key}")
}
