//! Makes the login of an account from settings: the grant, and what it needs.

use std::{env, path::Path, sync::Arc};

use jiff::Timestamp;
use mailbearer::{
    Account, ClientProof, Grant, GrantType, Login, MailProtocol, OAuth, Person, Provider, RedirectTo, Secret,
    grant::{
        Algorithm, AssertionSource, ClientCertificate, FileAssertion, GitHubActions, Identity,
        ManagedIdentity, ServiceAccountKey,
    },
};

use super::{
    account::{is_lmtp, missing},
    secret,
    settings::Settings,
};
use crate::error::Error;

/// The login of the account called `name`.
///
/// # Errors
///
/// Names the setting that is missing or wrong. If the provider does not have the grant, says which to use.
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
    if is_lmtp(settings) && !settings.has_table("oauth") {
        return Ok(Login::Nothing);
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
        match grant {
            GrantType::ManagedIdentity => return self.managed_identity(),
            GrantType::ServiceAccount => return self.service_account(),
            _ => {}
        }
        let mut oauth = OAuth::new(self.token_url(grant)?, self.scope(grant)?);
        oauth.client_id = match self.text("client_id") {
            Some(id) => id,
            // Kubernetes' workload identity sets it beside the file with the assertion.
            None => self.workload("AZURE_CLIENT_ID").ok_or_else(|| self.missing("client_id"))?,
        };
        oauth.client = self.proof()?;
        oauth.grant = match grant {
            GrantType::RefreshToken => Grant::RefreshToken(self.required("refresh_token")?),
            GrantType::Password => {
                let username = self.text("username").or_else(|| self.settings.text("user"));
                Grant::Password {
                    username: username.unwrap_or_default(),
                    password: self.required("password")?,
                }
            }
            grant if grant.needs_person() => Grant::Person(Box::new(self.person(grant)?)),
            _ if matches!(oauth.client, ClientProof::None) => {
                oauth.client = self.workload_identity()?.ok_or_else(|| self.missing("client_secret"))?;
                Grant::ClientCredentials
            }
            _ => Grant::ClientCredentials,
        };
        Ok(oauth)
    }

    /// The application's proof of its identity, from the one setting that is given.
    fn proof(&mut self) -> Result<ClientProof, Error> {
        let kinds = ["client_secret", "client_certificate", "client_pkcs12", "client_assertion"];
        let mut set = kinds.into_iter().filter(|key| self.is_set(key));
        let kind = set.next();
        if let (Some(one), Some(other)) = (kind, set.next()) {
            return Err(self.settings.wrong(
                &self.place(other),
                &format!("an application proves its identity by {one} or by {other}, not by both"),
            ));
        }
        drop(set);
        Ok(match kind {
            Some("client_secret") => {
                match (self.secret("client_secret")?, self.text("client_auth").as_deref()) {
                    (None, _) => ClientProof::None,
                    (Some(secret), Some("basic")) => ClientProof::Basic(secret),
                    (Some(secret), _) => ClientProof::Secret(secret),
                }
            }
            Some("client_certificate") => {
                let pem = self.file("client_certificate")?;
                let key = match self.secret("client_key")? {
                    Some(key) => key,
                    None => Secret::new(String::from_utf8_lossy(pem.expose()).into_owned()),
                };
                let certificate = ClientCertificate::from_pem(pem.expose(), &key, self.algorithm());
                self.certificate("client_certificate", certificate)?
            }
            Some("client_pkcs12") => {
                let file = self.file("client_pkcs12")?;
                let password = self.secret("client_pkcs12_password")?.unwrap_or_default();
                let certificate = ClientCertificate::from_pkcs12(file.expose(), &password, self.algorithm());
                self.certificate("client_pkcs12", certificate)?
            }
            Some(_) => {
                let (settings, folder) = (self.settings.clone(), self.folder.to_owned());
                ClientProof::Assertion(Arc::new(move || {
                    let found = secret::read(&settings, "oauth.client_assertion", &folder, &mut Vec::new());
                    Ok(found.map_err(|error| error.text)?.unwrap_or_default())
                }))
            }
            None => ClientProof::None,
        })
    }

    /// The certificate of the setting `key`. Warns if it is about to end.
    fn certificate(
        &mut self,
        key: &str,
        certificate: Result<ClientCertificate, mailbearer::Error>,
    ) -> Result<ClientProof, Error> {
        let certificate = certificate.map_err(|error| self.wrong(key, &error))?;
        let end = certificate.ends_at().and_then(|end| Timestamp::try_from(end).ok());
        if let Some(end) = end {
            let left = end.duration_since(Timestamp::now());
            let day = end.strftime("%Y-%m-%d");
            let what = match left.as_hours().div_euclid(24) {
                _ if left.is_negative() => format!("ended on {day}"),
                days if days < SOON => format!("ends on {day}, in {days} days"),
                _ => return Ok(ClientProof::Assertion(Arc::new(certificate))),
            };
            let warning =
                format!("the application's certificate of account {} {what}: register another", self.name);
            self.warnings.push(warning);
        }
        Ok(ClientProof::Assertion(Arc::new(certificate)))
    }

    /// The assertion that the environment of Kubernetes or of GitHub Actions offers.
    fn workload_identity(&self) -> Result<Option<ClientProof>, Error> {
        if let Some(file) = FileAssertion::from_environment() {
            return Ok(Some(ClientProof::Assertion(Arc::new(file))));
        }
        let audience = self.provider.and_then(Provider::assertion_audience).unwrap_or(GitHubActions::AZURE);
        let source = GitHubActions::from_environment(audience)
            .map_err(|error| Error::config(format!("account {}: {error}", self.name)))?;
        Ok(source.map(|source| ClientProof::Assertion(Arc::new(source))))
    }

    /// A variable that Kubernetes' workload identity sets. It counts only where its assertion is used.
    fn workload(&self, variable: &str) -> Option<String> {
        let kinds = ["client_secret", "client_certificate", "client_pkcs12", "client_assertion"];
        FileAssertion::from_environment().filter(|_| !kinds.into_iter().any(|key| self.is_set(key)))?;
        env::var(variable).ok().filter(|value| !value.is_empty())
    }

    fn managed_identity(&self) -> Result<OAuth, Error> {
        let identity = match self.text("token_url") {
            Some(url) => ManagedIdentity::at(&url).map_err(|error| self.wrong("token_url", &error))?,
            None => ManagedIdentity::from_environment()
                .map_err(|error| Error::config(format!("account {}: {error}", self.name)))?,
        };
        let identity = match self.text("client_id") {
            Some(id) => identity.with_identity(Identity::ClientId, id),
            None => identity,
        };
        let account = Account::custom("", "", self.scope(GrantType::ManagedIdentity)?);
        self.finished(account.managed_identity(identity))
    }

    fn service_account(&mut self) -> Result<OAuth, Error> {
        let json = self.required("service_account_key")?;
        let subject = self.text("subject").or_else(|| self.settings.text("user")).unwrap_or_default();
        let key = ServiceAccountKey::from_json(json.expose().as_bytes(), subject)
            .map_err(|error| self.wrong("service_account_key", &error))?;
        let account = Account::custom("", "", self.scope(GrantType::ServiceAccount)?);
        let mut oauth = self.finished(account.service_account(key))?;
        if let Some(url) = self.text("token_url") {
            oauth.token_url = url;
        }
        Ok(oauth)
    }

    fn finished(&self, account: Account) -> Result<OAuth, Error> {
        match account.login {
            Login::OAuth(oauth) => Ok(oauth),
            _ => Err(self.missing("grant")),
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self.text("assertion_algorithm").as_deref() {
            Some("RS256") => Algorithm::Rs256,
            _ => Algorithm::Ps256,
        }
    }

    /// The contents of the file that a setting names.
    fn file(&mut self, key: &str) -> Result<Secret<Vec<u8>>, Error> {
        let path = path(key);
        let name = self.settings.path(&path).ok_or_else(|| self.missing(key))?;
        secret::octets(self.settings, &path, &secret::relative_to(self.settings, &path, self.folder, &name))
    }

    /// Checks that the provider has the grant. This comes first, so that its error does too.
    fn check(&self, grant: GrantType) -> Result<(), Error> {
        // The provider's grants say nothing about an account with a token endpoint of its own.
        if let Some(provider) = self.provider
            && self.text("token_url").is_none()
            && let Err(error) = provider.check(grant, self.text("tenant").as_deref())
        {
            return Err(Error::config(format!("account {}: {error}", self.name)).hint(error.instead));
        }
        Ok(())
    }

    /// How the person logs in.
    fn person(&self, grant: GrantType) -> Result<Person, Error> {
        let tenant = self.text("tenant");
        let mut person = match self.provider {
            Some(provider) => Person::preset(provider, tenant.as_deref()),
            None => Person::default(),
        };
        let own = |key: &str, preset: &mut Option<String>| {
            if let Some(url) = self.text(key) {
                *preset = Some(url);
            }
        };
        own("authorize_url", &mut person.authorize_url);
        own("device_url", &mut person.device_url);
        own("revoke_url", &mut person.revoke_url);
        person.ends_replaced = match self.text("replaced_login").as_deref() {
            Some(word) => word == "end",
            // RFC 7009 lets a server end the whole grant with the token. Only the user knows whether his server does.
            None => self.text("revoke_url").is_some(),
        };
        if self.text("authorize_url").is_some() || self.text("token_url").is_some() {
            // A server of the user's own has another name.
            person.issuer = None;
        }
        person.implicit = grant == GrantType::Implicit;
        person.prefers_code = grant == GrantType::DeviceCode;
        person.name = self.text("username");
        if grant == GrantType::DeviceCode && person.device_url.is_none() {
            return Err(self.missing("device_url"));
        }
        if grant != GrantType::DeviceCode && person.authorize_url.is_none() {
            return Err(self.missing("authorize_url"));
        }
        if let Some(uri) = self.text("redirect_uri") {
            person.redirect = RedirectTo::Pasted(uri);
            return Ok(person);
        }
        if let (Some(provider), None) = (self.provider, self.text("redirect_host"))
            && provider.redirect_host().is_none()
            && grant != GrantType::DeviceCode
        {
            let error = self.missing("redirect_uri");
            return Err(error.hint("it is the https address that was registered with the application"));
        }
        if let RedirectTo::Loopback { host, port } = &mut person.redirect {
            if let Some(own) = self.text("redirect_host") {
                *host = own;
            }
            *port = self.settings.port(&path("redirect_port"));
        }
        Ok(person)
    }

    fn token_url(&self, grant: GrantType) -> Result<String, Error> {
        if let Some(url) = self.text("token_url") {
            return Ok(url);
        }
        let tenant = self.text("tenant").or_else(|| self.workload("AZURE_TENANT_ID"));
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

    /// Where the setting stands: itself, or the source of a secret.
    fn place(&self, key: &str) -> String {
        let path = path(key);
        let sources = ["env", "file", "command"].map(|source| format!("{path}.{source}"));
        sources.into_iter().find(|source| self.settings.origin(source).is_some()).unwrap_or(path)
    }

    fn wrong(&self, key: &str, error: &mailbearer::Error) -> Error {
        self.settings.wrong(&self.place(key), &error.to_string())
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
}

/// The token store of an account, and its hooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keeping {
    pub(crate) store: Store,
    /// The program to run when a person has to log in.
    pub(crate) login_needed: Option<Vec<String>>,
    /// The program to run when there is a new token.
    pub(crate) token_changed: Option<Vec<String>>,
}

/// A kind of token store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Store {
    #[default]
    File,
    #[cfg(feature = "keyring")]
    Keyring,
    Command {
        load: Vec<String>,
        save: Vec<String>,
    },
}

/// The token store and the hooks of the account called `name`.
///
/// # Errors
///
/// Names the program that is missing.
pub(super) fn keeping(name: &str, settings: &Settings) -> Result<Keeping, Error> {
    let command = |key: &str| settings.command(&path(key));
    let required = |key: &str| command(key).ok_or_else(|| missing(name, &path(key)));
    let store = match settings.text("oauth.store").as_deref() {
        Some("command") => Store::Command { load: required("store_load")?, save: required("store_save")? },
        #[cfg(feature = "keyring")]
        Some("keyring") => Store::Keyring,
        #[cfg(not(feature = "keyring"))]
        Some("keyring") => {
            return Err(settings.wrong(
                &path("store"),
                "this program was built without `keyring`; take `file` or `command`",
            ));
        }
        _ => Store::File,
    };
    let (login_needed, token_changed) = (command("hooks.login_needed"), command("hooks.token_changed"));
    Ok(Keeping { store, login_needed, token_changed })
}

/// How many days before a certificate expires the warning comes.
const SOON: i64 = 30;

fn path(key: &str) -> String {
    format!("oauth.{key}")
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::{super::settings::File, *};

    const KEY: &str = include_str!("../../../../tests/fixtures/keys/rsa-pkcs8.pem");

    /// A certificate of the key in the tests' fixtures that ends in so many days.
    fn certificate(days: i64) -> String {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        let end =
            Timestamp::now().as_second().saturating_add(days.saturating_mul(86_400)).saturating_add(3600);
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        let since = Duration::from_secs(u64::try_from(end).unwrap());
        parameters.not_after =
            rcgen::date_time_ymd(1970, 1, 1).checked_add(since.try_into().unwrap()).unwrap();
        parameters.self_signed(&rcgen::KeyPair::from_pem(KEY).unwrap()).unwrap().pem()
    }

    #[test]
    fn a_certificate_that_is_about_to_end_draws_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key"), KEY).unwrap();
        for (days, want) in [(-10, "ended on "), (0, ", in 0 days"), (29, ", in 29 days"), (31, "")] {
            fs::write(folder.path().join("certificate"), certificate(days)).unwrap();
            let text = "[accounts.a.oauth]\ntenant = 't'\nclient_id = 'c'\nclient_certificate = 'certificate'\n\
                        client_key = { file = 'key' }\n";
            let settings = File::parse("c", text).unwrap().accounts.remove("a").unwrap();
            let mut warnings = Vec::new();
            login("a", &settings, Some(Provider::Microsoft365), folder.path(), &mut warnings).unwrap();
            // If others can read the key, there is one more warning.
            warnings.retain(|warning| warning.contains("certificate"));
            assert_eq!(warnings.is_empty(), want.is_empty(), "{days}: {warnings:?}");
            assert!(warnings.concat().contains(want), "{days}: {warnings:?}");
        }
    }
}
