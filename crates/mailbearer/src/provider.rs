//! Presets: what providers publish about themselves.

use core::{fmt, str::FromStr, time::Duration};

use mailbearer_wire::Security;

use crate::Server;

mod grant;
mod presets;

pub use grant::{GrantType, NoGrant, UnknownGrantType};
use presets::{Login, Preset};

/// Mail providers with known endpoints, scopes and hosts, as published in 2026.
///
/// A preset only fills in an [`Account`](crate::Account). Each of its settings can be changed afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// Microsoft 365 (Exchange Online), worldwide and GCC.
    Microsoft365,
    /// Microsoft 365 US Government GCC High.
    Microsoft365UsGov,
    /// Microsoft 365 US Government DoD.
    Microsoft365UsDod,
    /// Microsoft 365 operated by 21Vianet in China.
    Microsoft365China,
    /// Personal Outlook.com; delegated access only.
    OutlookCom,
    /// Gmail and Google Workspace.
    Google,
    /// Yahoo Mail.
    Yahoo,
    /// AOL Mail.
    Aol,
    /// Fastmail.
    Fastmail,
    /// Comcast Xfinity.
    Comcast,
    /// Yandex Mail.
    Yandex,
    /// Mail.ru.
    MailRu,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Microsoft365,
        Self::Microsoft365UsGov,
        Self::Microsoft365UsDod,
        Self::Microsoft365China,
        Self::OutlookCom,
        Self::Google,
        Self::Yahoo,
        Self::Aol,
        Self::Fastmail,
        Self::Comcast,
        Self::Yandex,
        Self::MailRu,
    ];

    /// Returns the name in a configuration file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.preset().name
    }

    /// Returns other names that a configuration file may use.
    #[must_use]
    pub const fn aliases(self) -> &'static [&'static str] {
        self.preset().aliases
    }

    /// Returns the token endpoint. Microsoft's has the tenant in its path, others have none.
    ///
    /// `None` if a tenant is needed and missing.
    #[must_use]
    pub fn token_url(self, tenant: Option<&str>) -> Option<String> {
        match self.preset().login {
            Login::Microsoft { .. } => self.microsoft(tenant, None, "token"),
            Login::Fixed { token, .. } => Some(token.into()),
        }
    }

    /// Returns the token endpoint for a person's grants. Without a tenant, Microsoft's accepts people of any
    /// organization.
    #[must_use]
    pub fn person_token_url(self, tenant: Option<&str>) -> String {
        match self.preset().login {
            Login::Microsoft { .. } => self.microsoft(tenant, ANYONE, "token").unwrap_or_default(),
            Login::Fixed { token, .. } => token.into(),
        }
    }

    /// Returns the page where a person logs in and consents. Without a tenant, Microsoft's accepts people of any
    /// organization.
    #[must_use]
    pub fn authorize_url(self, tenant: Option<&str>) -> String {
        match self.preset().login {
            Login::Microsoft { .. } => self.microsoft(tenant, ANYONE, "authorize").unwrap_or_default(),
            Login::Fixed { authorize, .. } => authorize.into(),
        }
    }

    /// Returns the endpoint where a device requests a code (RFC 8628). `None` if the provider has no such login for
    /// mail.
    #[must_use]
    pub fn device_url(self, tenant: Option<&str>) -> Option<String> {
        match self.preset().login {
            Login::Microsoft { .. } => self.microsoft(tenant, ANYONE, "devicecode"),
            Login::Fixed { .. } => None,
        }
    }

    /// Returns the endpoint where a token is revoked (RFC 7009). `None` if the provider has none.
    #[must_use]
    pub const fn revoke_url(self) -> Option<&'static str> {
        self.preset().revoke
    }

    /// Returns how the provider identifies itself in a redirect (`iss`, RFC 9207). `None` if that is not known.
    #[must_use]
    pub const fn issuer(self) -> Option<&'static str> {
        self.preset().issuer
    }

    /// Returns the page where applications are registered. `None` if that is not known.
    #[must_use]
    pub const fn portal(self) -> Option<&'static str> {
        self.preset().portal
    }

    /// Returns the grants that the provider has for mail, the preferred ones first.
    #[must_use]
    pub const fn grants(self) -> &'static [GrantType] {
        self.preset().grants
    }

    pub(crate) const fn grants_applications(self) -> bool {
        matches!(self.preset().login, Login::Microsoft { tenant: None, .. })
    }

    /// Returns the audience of an assertion that another issuer gives instead of a secret (RFC 7523). `None` if the
    /// provider accepts no assertions.
    #[must_use]
    pub const fn assertion_audience(self) -> Option<&'static str> {
        match self.preset().login {
            Login::Microsoft { audience, tenant: None, .. } => Some(audience),
            _ => None,
        }
    }

    /// Returns the scope for client credentials: everything that the application was granted.
    ///
    /// `None` if the provider has no such grant for mail, or if no public page names its scope.
    #[must_use]
    pub const fn application_scope(self) -> Option<&'static str> {
        self.preset().application
    }

    /// Returns the scopes for these protocols, separated by spaces. For a person's login they include a refresh token.
    /// `None` if no scope is known, and for a refresh token, which keeps the scopes of its consent.
    ///
    /// At Microsoft an application has one scope for all protocols, and a person grants a scope for each.
    #[must_use]
    pub fn scope(self, grant: GrantType, protocols: &[MailProtocol]) -> Option<String> {
        let preset = self.preset();
        match grant {
            GrantType::RefreshToken => None,
            grant if grant.is_application() => preset.application.map(str::to_owned),
            _ => {
                let delegated = &preset.delegated;
                let mut scopes = Vec::new();
                for protocol in protocols {
                    let scope = match protocol {
                        MailProtocol::Imap => Some(delegated.imap),
                        MailProtocol::Pop3 => delegated.pop3,
                        MailProtocol::Smtp => delegated.smtp,
                    };
                    scopes.extend(scope.filter(|scope| !scopes.contains(scope)));
                }
                // The implicit grant gives no refresh token, and a service account needs none.
                if !matches!(grant, GrantType::Implicit | GrantType::ServiceAccount)
                    && !delegated.besides.is_empty()
                {
                    scopes.push(delegated.besides);
                }
                Some(scopes.join(" "))
            }
        }
    }

    /// Returns which redirect addresses the provider accepts.
    #[must_use]
    pub const fn redirect(self) -> Redirect {
        self.preset().redirect
    }

    /// Returns the host of the redirect address that the provider accepts from programs that listen on this machine;
    /// any port will do. `None` if it accepts none of these.
    #[must_use]
    pub const fn redirect_host(self) -> Option<&'static str> {
        match self.preset().redirect {
            Redirect::Loopback(host) => Some(host),
            Redirect::Pasted => None,
        }
    }

    /// Returns how its servers behave.
    #[must_use]
    pub const fn habits(self) -> Habits {
        self.preset().habits
    }

    /// Returns what it allows.
    #[must_use]
    pub const fn limits(self) -> Limits {
        self.preset().limits
    }

    /// Returns what to know about this preset: what no public source confirms, and what the provider does not have.
    #[must_use]
    pub const fn note(self) -> Option<&'static str> {
        self.preset().note
    }

    /// Returns the IMAP server, over TLS.
    #[must_use]
    pub fn imap(self) -> Server {
        Server::new(self.preset().imap, 993, Security::Implicit)
    }

    /// Returns the POP3 server, over TLS. `None` if the provider has none.
    #[must_use]
    pub fn pop3(self) -> Option<Server> {
        self.preset().pop3.map(|host| Server::new(host, 995, Security::Implicit))
    }

    /// Returns the submission server. Microsoft's has no implicit TLS.
    #[must_use]
    pub fn smtp(self) -> Server {
        let (host, port, security) = self.preset().smtp;
        Server::new(host, port, security)
    }

    fn microsoft(self, tenant: Option<&str>, default: Option<&str>, what: &str) -> Option<String> {
        let Login::Microsoft { host, tenant: own, .. } = self.preset().login else { return None };
        let tenant = tenant.or(own).or(default)?;
        Some(format!("https://{host}/{tenant}/oauth2/v2.0/{what}"))
    }

    const fn preset(self) -> &'static Preset {
        match self {
            Self::Microsoft365 => &presets::MICROSOFT_365,
            Self::Microsoft365UsGov => &presets::MICROSOFT_365_US_GOV,
            Self::Microsoft365UsDod => &presets::MICROSOFT_365_US_DOD,
            Self::Microsoft365China => &presets::MICROSOFT_365_CHINA,
            Self::OutlookCom => &presets::OUTLOOK_COM,
            Self::Google => &presets::GOOGLE,
            Self::Yahoo => &presets::YAHOO,
            Self::Aol => &presets::AOL,
            Self::Fastmail => &presets::FASTMAIL,
            Self::Comcast => &presets::COMCAST,
            Self::Yandex => &presets::YANDEX,
            Self::MailRu => &presets::MAIL_RU,
        }
    }
}

/// A mail protocol that a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "these are the protocols that mail is fetched and submitted by")]
pub enum MailProtocol {
    /// IMAP.
    Imap,
    /// POP3.
    Pop3,
    /// Submission.
    Smtp,
}

/// Which redirect addresses a provider accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redirect {
    /// `http` with this host, and any port of this machine.
    Loopback(&'static str),
    /// Only `https`: a person pastes the address at which the browser ends.
    Pasted,
}

/// How a provider's servers behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Habits {
    /// Whether the servers accept tokens by `XOAUTH2` only, not by `OAUTHBEARER`.
    pub xoauth2_only: bool,
    /// Whether POP3 wants the token in a line of its own after the line with `AUTH`.
    pub pop3_token_on_its_own_line: bool,
    /// How long an IDLE should last before it is renewed. RFC 2177 asks for less than 29 minutes.
    pub idle: Duration,
    /// Whether submission leaves a copy in the folder of sent mail.
    pub saves_sent_mail: bool,
}

/// What a provider allows. `None` if no public page says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Submission sessions of one mailbox at a time.
    pub smtp_connections: Option<u32>,
    /// Messages of one mailbox in a minute.
    pub messages_per_minute: Option<u32>,
    /// Recipients of one mailbox in a day.
    pub recipients_per_day: Option<u32>,
    /// Recipients of one message.
    pub recipients_per_message: Option<u32>,
    /// Octets of a message as it is sent.
    pub message_octets: Option<u64>,
}

/// The tenant for a person who logs in without one.
const ANYONE: Option<&str> = Some("organizations");

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(name: &str) -> Result<Self, UnknownProvider> {
        let is_meant = |provider: &Self| provider.name() == name || provider.aliases().contains(&name);
        Self::ALL.into_iter().find(is_meant).ok_or(UnknownProvider { closed: CLOSED.contains(&name) })
    }
}

/// The error for a name that no preset has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownProvider {
    closed: bool,
}

/// Names for the cloud that Microsoft closed.
const CLOSED: [&str; 4] = ["microsoft365-germany", "microsoft365-de", "office365-germany", "germany"];

impl fmt::Display for UnknownProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.closed {
            return f.write_str(
                "Microsoft closed its German cloud on 2021-10-29 and moved its mailboxes: use microsoft365",
            );
        }
        f.write_str("unknown provider; known are ")?;
        Provider::ALL.iter().try_for_each(|provider| write!(f, "{provider}, "))?;
        f.write_str("and \"custom\"")
    }
}

impl std::error::Error for UnknownProvider {}

#[cfg(test)]
mod tests {
    use mailbearer_oauth::Endpoint;

    use super::*;

    /// `gmail`, `outlook`, `hotmail`, `office365` are aliases.
    #[test]
    fn every_name_is_there_once_and_leads_to_its_provider() {
        let mut names = Vec::new();
        for provider in Provider::ALL {
            for name in [provider.name()].into_iter().chain(provider.aliases().iter().copied()) {
                assert_eq!(name.parse(), Ok(provider));
                names.push(name);
            }
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for (alias, want) in [
            ("gmail", Provider::Google),
            ("outlook", Provider::OutlookCom),
            ("hotmail", Provider::OutlookCom),
            ("office365", Provider::Microsoft365),
        ] {
            assert_eq!(alias.parse(), Ok(want));
        }
        assert_eq!("custom".parse::<Provider>(), Err(UnknownProvider { closed: false }));
        let closed = "microsoft365-germany".parse::<Provider>().unwrap_err();
        assert!(closed.to_string().contains("closed its German cloud"), "{closed}");
    }

    #[test]
    fn every_endpoint_is_one() {
        for provider in Provider::ALL {
            let tenant = Some("contoso.example");
            let urls = [
                provider.token_url(tenant),
                Some(provider.authorize_url(tenant)),
                Some(provider.person_token_url(None)),
                provider.device_url(tenant),
                provider.revoke_url().map(str::to_owned),
                provider.issuer().map(str::to_owned),
                provider.portal().map(str::to_owned),
            ];
            for url in urls.into_iter().flatten() {
                Endpoint::parse(&url).unwrap_or_else(|error| panic!("{provider}: {url}: {error}"));
            }
        }
    }

    #[test]
    fn redirects_go_where_the_provider_takes_them() {
        for (provider, want) in [
            (Provider::Microsoft365, Some("localhost")),
            (Provider::Microsoft365China, Some("localhost")),
            (Provider::OutlookCom, Some("localhost")),
            (Provider::Google, Some("127.0.0.1")),
            (Provider::Yahoo, None),
            (Provider::Aol, None),
        ] {
            assert_eq!(provider.redirect_host(), want, "{provider}");
        }
    }

    #[test]
    fn tenants_go_into_microsofts_paths() {
        let microsoft = Provider::Microsoft365;
        assert_eq!(microsoft.token_url(None), None);
        let of = |tenant: &str, what: &str| {
            format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/{what}")
        };
        assert_eq!(microsoft.token_url(Some("t")), Some(of("t", "token")));
        assert_eq!(microsoft.authorize_url(None), of("organizations", "authorize"));
        assert_eq!(microsoft.device_url(None), Some(of("organizations", "devicecode")));
        let personal = Provider::OutlookCom;
        assert_eq!(personal.token_url(None), Some(of("consumers", "token")));
        assert_eq!(personal.authorize_url(None), of("consumers", "authorize"));
        assert_eq!(personal.token_url(Some("t")), Some(of("t", "token")));
        assert_eq!(Provider::Google.device_url(None), None);
    }

    #[test]
    fn scopes_are_by_grant_and_protocol() {
        use GrantType::{AuthorizationCode, ClientCredentials, Implicit, RefreshToken, ServiceAccount};
        use MailProtocol::{Imap, Pop3, Smtp};
        let rows: &[(Provider, GrantType, &[MailProtocol], Option<&str>)] = &[
            (
                Provider::Microsoft365,
                AuthorizationCode,
                &[Imap, Smtp],
                Some(
                    "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send \
                     offline_access openid profile",
                ),
            ),
            (
                Provider::Microsoft365,
                Implicit,
                &[Pop3],
                Some("https://outlook.office.com/POP.AccessAsUser.All"),
            ),
            (
                Provider::Microsoft365,
                ClientCredentials,
                &[Imap],
                Some("https://outlook.office365.com/.default"),
            ),
            (Provider::Microsoft365UsDod, ClientCredentials, &[Imap], None),
            (Provider::Microsoft365, RefreshToken, &[Imap], None),
            (Provider::Google, ServiceAccount, &[Imap, Smtp], Some("https://mail.google.com/")),
            (Provider::Google, AuthorizationCode, &[Smtp], Some("https://mail.google.com/ openid email")),
            (Provider::Yandex, AuthorizationCode, &[Imap, Smtp], Some("mail:imap_full mail:smtp")),
            (
                Provider::Comcast,
                AuthorizationCode,
                &[Imap, Smtp],
                Some("https://email.comcast.net/ profile openid"),
            ),
        ];
        for (provider, grant, protocols, want) in rows {
            assert_eq!(provider.scope(*grant, protocols).as_deref(), *want, "{provider} {grant}");
        }
    }

    #[test]
    fn each_cloud_has_its_own_of_everything() {
        let clouds = [
            (Provider::Microsoft365, "login.microsoftonline.com", "api://AzureADTokenExchange"),
            (Provider::Microsoft365UsGov, "login.microsoftonline.us", "api://AzureADTokenExchangeUSGov"),
            (Provider::Microsoft365UsDod, "login.microsoftonline.us", "api://AzureADTokenExchangeUSGov"),
            (
                Provider::Microsoft365China,
                "login.partner.microsoftonline.cn",
                "api://AzureADTokenExchangeChina",
            ),
        ];
        for (cloud, host, audience) in clouds {
            assert_eq!(cloud.token_url(Some("t")), Some(format!("https://{host}/t/oauth2/v2.0/token")));
            assert_eq!(cloud.assertion_audience(), Some(audience));
            // No token of one cloud is good for another.
            if let Some(scope) = cloud.application_scope() {
                assert!(scope.contains(&cloud.imap().host), "{scope}");
            }
        }
        assert_eq!(Provider::OutlookCom.assertion_audience(), None);
    }
}
