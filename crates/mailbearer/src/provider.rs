use core::{fmt, str::FromStr};

use mailbearer_wire::Security;

use crate::Server;

/// Mail providers whose endpoints, scopes and hosts are known; what they publish, as of 2026.
///
/// A preset only fills in an [`Account`](crate::Account): each of its settings can be changed afterwards.
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

    /// The name in a configuration file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.preset().name
    }

    /// Other names that are taken in a configuration file.
    #[must_use]
    pub const fn aliases(self) -> &'static [&'static str] {
        self.preset().aliases
    }

    /// The token endpoint. Microsoft's has the tenant in its path, others have none.
    ///
    /// `None` where a tenant is needed and missing.
    #[must_use]
    pub fn token_url(self, tenant: Option<&str>) -> Option<String> {
        match self.preset().login {
            Login::Microsoft { .. } => self.microsoft(tenant, None, "token"),
            Login::Fixed { token, .. } => Some(token.into()),
        }
    }

    /// Where a person logs in and consents. With no tenant Microsoft's takes people of any organization.
    #[must_use]
    pub fn authorize_url(self, tenant: Option<&str>) -> String {
        match self.preset().login {
            Login::Microsoft { .. } => self.microsoft(tenant, ANYONE, "authorize").unwrap_or_default(),
            Login::Fixed { authorize, .. } => authorize.into(),
        }
    }

    /// Where a device asks for a code (RFC 8628); `None` where the provider has no such login for mail.
    #[must_use]
    pub fn device_url(self, tenant: Option<&str>) -> Option<String> {
        match self.preset().login {
            Login::Microsoft { .. } => self.microsoft(tenant, ANYONE, "devicecode"),
            Login::Fixed { .. } => None,
        }
    }

    /// What to ask for with client credentials: everything that the application was granted.
    ///
    /// `None` where the provider has no such grant for mail.
    #[must_use]
    pub const fn application_scope(self) -> Option<&'static str> {
        self.preset().application_scope
    }

    /// What to ask a person to consent to, for IMAP and submission and a refresh token.
    #[must_use]
    pub const fn delegated_scope(self) -> &'static str {
        self.preset().delegated_scope
    }

    /// The host of the redirect address that the provider takes from programs that listen on this machine, where any
    /// port will do.
    #[must_use]
    pub const fn redirect_host(self) -> &'static str {
        self.preset().redirect_host
    }

    /// What to know about this preset: what no public source confirms, and what the provider does not have.
    #[must_use]
    pub const fn note(self) -> Option<&'static str> {
        self.preset().note
    }

    /// IMAP over TLS.
    #[must_use]
    pub fn imap(self) -> Server {
        Server::new(self.preset().imap, 993, Security::Implicit)
    }

    /// POP3 over TLS; `None` where the provider has none.
    #[must_use]
    pub fn pop3(self) -> Option<Server> {
        self.preset().pop3.map(|host| Server::new(host, 995, Security::Implicit))
    }

    /// Message submission. Microsoft has no implicit TLS here.
    #[must_use]
    pub fn smtp(self) -> Server {
        let (host, port, security) = self.preset().smtp;
        Server::new(host, port, security)
    }

    fn microsoft(self, tenant: Option<&str>, default: Option<&str>, what: &str) -> Option<String> {
        let Login::Microsoft { host, tenant: own } = self.preset().login else { return None };
        let tenant = tenant.or(own).or(default)?;
        Some(format!("https://{host}/{tenant}/oauth2/v2.0/{what}"))
    }

    const fn preset(self) -> &'static Preset {
        match self {
            Self::Microsoft365 => &MICROSOFT_365,
            Self::Microsoft365UsGov => &MICROSOFT_365_US_GOV,
            Self::Microsoft365UsDod => &MICROSOFT_365_US_DOD,
            Self::Microsoft365China => &MICROSOFT_365_CHINA,
            Self::OutlookCom => &OUTLOOK_COM,
            Self::Google => &GOOGLE,
            Self::Yahoo => &YAHOO,
            Self::Aol => &AOL,
            Self::Fastmail => &FASTMAIL,
            Self::Comcast => &COMCAST,
            Self::Yandex => &YANDEX,
            Self::MailRu => &MAIL_RU,
        }
    }
}

/// What is known of a provider.
struct Preset {
    name: &'static str,
    aliases: &'static [&'static str],
    login: Login,
    application_scope: Option<&'static str>,
    delegated_scope: &'static str,
    redirect_host: &'static str,
    imap: &'static str,
    pop3: Option<&'static str>,
    smtp: (&'static str, u16, Security),
    note: Option<&'static str>,
}

enum Login {
    /// The endpoints of Microsoft's identity platform at this host, and the tenant where it is always the same.
    Microsoft {
        host: &'static str,
        tenant: Option<&'static str>,
    },
    Fixed {
        authorize: &'static str,
        token: &'static str,
    },
}

/// Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth".
const MICROSOFT_365: Preset = Preset {
    name: "microsoft365",
    aliases: &["office365"],
    login: Login::Microsoft { host: "login.microsoftonline.com", tenant: None },
    application_scope: Some("https://outlook.office365.com/.default"),
    delegated_scope: "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access",
    redirect_host: "localhost",
    imap: "outlook.office365.com",
    pop3: Some("outlook.office365.com"),
    smtp: ("smtp.office365.com", 587, Security::StartTls),
    note: None,
};

/// Learn, "National clouds".
const MICROSOFT_365_US_GOV: Preset = Preset {
    name: "microsoft365-us-gov",
    aliases: &[],
    login: Login::Microsoft { host: "login.microsoftonline.us", tenant: None },
    application_scope: Some("https://outlook.office365.us/.default"),
    delegated_scope: "https://outlook.office365.us/IMAP.AccessAsUser.All https://outlook.office365.us/SMTP.Send offline_access",
    redirect_host: "localhost",
    imap: "outlook.office365.us",
    pop3: Some("outlook.office365.us"),
    smtp: ("smtp.office365.us", 587, Security::StartTls),
    note: Some("the scopes are inferred; no public page confirms them"),
};

const MICROSOFT_365_US_DOD: Preset = Preset {
    name: "microsoft365-us-dod",
    aliases: &[],
    login: Login::Microsoft { host: "login.microsoftonline.us", tenant: None },
    application_scope: None,
    delegated_scope: "https://outlook-dod.office365.us/IMAP.AccessAsUser.All https://outlook-dod.office365.us/SMTP.Send offline_access",
    redirect_host: "localhost",
    imap: "outlook-dod.office365.us",
    pop3: Some("outlook-dod.office365.us"),
    smtp: ("outlook-dod.office365.us", 587, Security::StartTls),
    note: Some("hosts and scopes are not confirmed by any public page; set what your administrator says"),
};

const MICROSOFT_365_CHINA: Preset = Preset {
    name: "microsoft365-china",
    aliases: &["21vianet"],
    login: Login::Microsoft { host: "login.partner.microsoftonline.cn", tenant: None },
    application_scope: Some("https://partner.outlook.cn/.default"),
    delegated_scope: "https://partner.outlook.cn/IMAP.AccessAsUser.All https://partner.outlook.cn/SMTP.Send offline_access",
    redirect_host: "localhost",
    imap: "partner.outlook.cn",
    pop3: Some("partner.outlook.cn"),
    smtp: ("smtp.partner.outlook.cn", 587, Security::StartTls),
    note: Some("the delegated scopes are inferred; no public page confirms them"),
};

const OUTLOOK_COM: Preset = Preset {
    name: "outlook.com",
    aliases: &["outlook", "hotmail"],
    login: Login::Microsoft { host: "login.microsoftonline.com", tenant: Some("consumers") },
    application_scope: None,
    smtp: ("smtp-mail.outlook.com", 587, Security::StartTls),
    note: Some("IMAP and POP have to be switched on in the mailbox's settings first"),
    ..MICROSOFT_365
};

/// Google, "OAuth 2.0 for Mobile & Desktop Apps" and "OAuth 2.0 Mechanism".
const GOOGLE: Preset = Preset {
    name: "google",
    aliases: &["gmail"],
    login: Login::Fixed {
        authorize: "https://accounts.google.com/o/oauth2/v2/auth",
        token: "https://oauth2.googleapis.com/token",
    },
    application_scope: None,
    delegated_scope: "https://mail.google.com/",
    redirect_host: "127.0.0.1",
    imap: "imap.gmail.com",
    pop3: Some("pop.gmail.com"),
    smtp: ("smtp.gmail.com", 465, Security::Implicit),
    note: Some("no device code for mail; refresh tokens of applications in testing end after 7 days"),
};

const YAHOO: Preset = Preset {
    name: "yahoo",
    aliases: &[],
    login: Login::Fixed {
        authorize: "https://api.login.yahoo.com/oauth2/request_auth",
        token: "https://api.login.yahoo.com/oauth2/get_token",
    },
    application_scope: None,
    delegated_scope: "mail-w",
    redirect_host: "127.0.0.1",
    imap: "imap.mail.yahoo.com",
    pop3: Some("pop.mail.yahoo.com"),
    smtp: ("smtp.mail.yahoo.com", 465, Security::Implicit),
    note: Some("the redirect address must be https; Yahoo has to approve the application for mail"),
};

const AOL: Preset = Preset {
    name: "aol",
    login: Login::Fixed {
        authorize: "https://api.login.aol.com/oauth2/request_auth",
        token: "https://api.login.aol.com/oauth2/get_token",
    },
    imap: "imap.aol.com",
    pop3: Some("pop.aol.com"),
    smtp: ("smtp.aol.com", 465, Security::Implicit),
    ..YAHOO
};

const FASTMAIL: Preset = Preset {
    name: "fastmail",
    aliases: &[],
    login: Login::Fixed {
        authorize: "https://api.fastmail.com/oauth/authorize",
        token: "https://api.fastmail.com/oauth/refresh",
    },
    application_scope: None,
    delegated_scope: "https://www.fastmail.com/dev/protocol-imap https://www.fastmail.com/dev/protocol-smtp offline_access",
    redirect_host: "127.0.0.1",
    imap: "imap.fastmail.com",
    pop3: Some("pop.fastmail.com"),
    smtp: ("smtp.fastmail.com", 465, Security::Implicit),
    note: Some("the host of the redirect address is not confirmed by a public page"),
};

const COMCAST: Preset = Preset {
    name: "comcast",
    aliases: &["xfinity"],
    login: Login::Fixed {
        authorize: "https://oauth.xfinity.com/oauth/authorize",
        token: "https://oauth.xfinity.com/oauth/token",
    },
    application_scope: None,
    delegated_scope: "https://email.comcast.net/ profile openid",
    redirect_host: "localhost",
    imap: "imap.comcast.net",
    pop3: None,
    smtp: ("smtp.comcast.net", 587, Security::StartTls),
    note: Some(FROM_THUNDERBIRD),
};

const YANDEX: Preset = Preset {
    name: "yandex",
    aliases: &[],
    login: Login::Fixed {
        authorize: "https://oauth.yandex.com/authorize",
        token: "https://oauth.yandex.com/token",
    },
    application_scope: None,
    delegated_scope: "mail:imap_full mail:smtp",
    redirect_host: "localhost",
    imap: "imap.yandex.com",
    pop3: None,
    smtp: ("smtp.yandex.com", 465, Security::Implicit),
    note: Some(FROM_THUNDERBIRD),
};

const MAIL_RU: Preset = Preset {
    name: "mail.ru",
    aliases: &["mailru"],
    login: Login::Fixed { authorize: "https://o2.mail.ru/login", token: "https://o2.mail.ru/token" },
    application_scope: None,
    delegated_scope: "mail.imap",
    redirect_host: "localhost",
    imap: "imap.mail.ru",
    pop3: None,
    smtp: ("smtp.mail.ru", 465, Security::Implicit),
    note: Some(FROM_THUNDERBIRD),
};

/// The tenant where none is given and a person logs in.
const ANYONE: Option<&str> = Some("organizations");
const FROM_THUNDERBIRD: &str =
    "endpoints and scopes as Thunderbird has them; no page of the provider was read";

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(name: &str) -> Result<Self, UnknownProvider> {
        let is_meant = |provider: &Self| provider.name() == name || provider.aliases().contains(&name);
        Self::ALL.into_iter().find(is_meant).ok_or(UnknownProvider)
    }
}

/// No preset has that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownProvider;

impl fmt::Display for UnknownProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        assert_eq!("custom".parse::<Provider>(), Err(UnknownProvider));
    }

    #[test]
    fn every_endpoint_is_one() {
        for provider in Provider::ALL {
            let tenant = Some("contoso.example");
            let urls = [
                provider.token_url(tenant),
                Some(provider.authorize_url(tenant)),
                provider.device_url(tenant),
            ];
            for url in urls.into_iter().flatten() {
                Endpoint::parse(&url).unwrap_or_else(|error| panic!("{provider}: {url}: {error}"));
            }
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
}
