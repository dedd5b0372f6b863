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
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Microsoft365,
        Self::Microsoft365UsGov,
        Self::Microsoft365China,
        Self::OutlookCom,
        Self::Google,
        Self::Yahoo,
        Self::Aol,
        Self::Fastmail,
    ];

    /// The name in a configuration file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Microsoft365 => "microsoft365",
            Self::Microsoft365UsGov => "microsoft365-us-gov",
            Self::Microsoft365China => "microsoft365-china",
            Self::OutlookCom => "outlook.com",
            Self::Google => "google",
            Self::Yahoo => "yahoo",
            Self::Aol => "aol",
            Self::Fastmail => "fastmail",
        }
    }

    /// The token endpoint. Microsoft's has the tenant in its path, others have none.
    ///
    /// `None` where a tenant is needed and missing.
    #[must_use]
    pub fn token_url(self, tenant: Option<&str>) -> Option<String> {
        let microsoft = |host: &str, tenant: Option<&str>| {
            tenant.map(|tenant| format!("https://{host}/{tenant}/oauth2/v2.0/token"))
        };
        match self {
            Self::Microsoft365 => microsoft("login.microsoftonline.com", tenant),
            Self::Microsoft365UsGov => microsoft("login.microsoftonline.us", tenant),
            Self::Microsoft365China => microsoft("login.partner.microsoftonline.cn", tenant),
            Self::OutlookCom => microsoft("login.microsoftonline.com", tenant.or(Some("consumers"))),
            Self::Google => Some("https://oauth2.googleapis.com/token".into()),
            Self::Yahoo => Some("https://api.login.yahoo.com/oauth2/get_token".into()),
            Self::Aol => Some("https://api.login.aol.com/oauth2/get_token".into()),
            Self::Fastmail => Some("https://api.fastmail.com/oauth/refresh".into()),
        }
    }

    /// What to ask for with client credentials: everything that the application was granted.
    ///
    /// `None` where the provider has no such grant for mail.
    #[must_use]
    pub const fn application_scope(self) -> Option<&'static str> {
        match self {
            Self::Microsoft365 => Some("https://outlook.office365.com/.default"),
            Self::Microsoft365UsGov => Some("https://outlook.office365.us/.default"),
            Self::Microsoft365China => Some("https://partner.outlook.cn/.default"),
            _ => None,
        }
    }

    /// IMAP over TLS.
    #[must_use]
    pub fn imap(self) -> Server {
        let host = match self {
            Self::Microsoft365 | Self::OutlookCom => "outlook.office365.com",
            Self::Microsoft365UsGov => "outlook.office365.us",
            Self::Microsoft365China => "partner.outlook.cn",
            Self::Google => "imap.gmail.com",
            Self::Yahoo => "imap.mail.yahoo.com",
            Self::Aol => "imap.aol.com",
            Self::Fastmail => "imap.fastmail.com",
        };
        Server::new(host, 993, Security::Implicit)
    }

    /// Message submission. Microsoft has no implicit TLS here.
    #[must_use]
    pub fn smtp(self) -> Server {
        let (host, port, security) = match self {
            Self::Microsoft365 => ("smtp.office365.com", 587, Security::StartTls),
            Self::Microsoft365UsGov => ("smtp.office365.us", 587, Security::StartTls),
            Self::Microsoft365China => ("smtp.partner.outlook.cn", 587, Security::StartTls),
            Self::OutlookCom => ("smtp-mail.outlook.com", 587, Security::StartTls),
            Self::Google => ("smtp.gmail.com", 465, Security::Implicit),
            Self::Yahoo => ("smtp.mail.yahoo.com", 465, Security::Implicit),
            Self::Aol => ("smtp.aol.com", 465, Security::Implicit),
            Self::Fastmail => ("smtp.fastmail.com", 465, Security::Implicit),
        };
        Server::new(host, port, security)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(name: &str) -> Result<Self, UnknownProvider> {
        Self::ALL.into_iter().find(|provider| provider.name() == name).ok_or(UnknownProvider)
    }
}

/// No preset has that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownProvider;

impl fmt::Display for UnknownProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown provider; known are ")?;
        Provider::ALL.iter().try_for_each(|provider| write!(f, "{provider}, "))?;
        f.write_str("and \"custom\"")
    }
}

impl std::error::Error for UnknownProvider {}
