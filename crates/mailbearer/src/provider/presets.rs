//! What is known of each provider, and the source.

use core::time::Duration;

use mailbearer_wire::Security;

use super::{GrantType, Habits, Limits, Redirect};

/// What is known of a provider.
pub(super) struct Preset {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) login: Login,
    pub(super) revoke: Option<&'static str>,
    pub(super) issuer: Option<&'static str>,
    pub(super) portal: Option<&'static str>,
    pub(super) grants: &'static [GrantType],
    /// The scope of everything that an application was granted.
    pub(super) application: Option<&'static str>,
    pub(super) delegated: Delegated,
    pub(super) redirect: Redirect,
    pub(super) imap: &'static str,
    pub(super) pop3: Option<&'static str>,
    pub(super) smtp: (&'static str, u16, Security),
    pub(super) habits: Habits,
    pub(super) limits: Limits,
    pub(super) note: Option<&'static str>,
}

pub(super) enum Login {
    /// The endpoints of Microsoft's identity platform at this host, and the tenant if that is always the same.
    Microsoft {
        host: &'static str,
        tenant: Option<&'static str>,
        audience: &'static str,
    },
    Fixed {
        authorize: &'static str,
        token: &'static str,
    },
}

/// What a person consents to: a scope for each protocol, and others besides. A scope that is for several protocols is
/// requested once.
pub(super) struct Delegated {
    pub(super) imap: &'static str,
    pub(super) pop3: Option<&'static str>,
    pub(super) smtp: Option<&'static str>,
    pub(super) besides: &'static str,
}

const OFFLINE: &str = "offline_access";
/// For a refresh token, and for who logged in (Learn, "Scopes and permissions": the tokens for mail do not always say).
const ENTRA_BESIDES: &str = "offline_access openid profile";

/// Learn, "OAuth 2.0 and OpenID Connect protocols". Of a person's grants, only the code is certain to work with
/// Conditional Access.
const ENTRA: &[GrantType] = &[
    GrantType::ClientCredentials,
    GrantType::ManagedIdentity,
    GrantType::AuthorizationCode,
    GrantType::DeviceCode,
    GrantType::RefreshToken,
    GrantType::Password,
    GrantType::Implicit,
];
const CODE: &[GrantType] = &[GrantType::AuthorizationCode, GrantType::RefreshToken];

const PLAIN: Habits = Habits {
    xoauth2_only: false,
    pop3_token_on_its_own_line: false,
    idle: Duration::from_secs(28 * 60),
    saves_sent_mail: false,
};
const UNKNOWN: Limits = Limits {
    smtp_connections: None,
    messages_per_minute: None,
    recipients_per_day: None,
    recipients_per_message: None,
    message_octets: None,
};

/// Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth" and "Exchange Online limits". The habits were
/// observed on servers: MailKit #1948, getmail6 #256 (POP3), angus-mail #176 (IDLE).
pub(super) const MICROSOFT_365: Preset = Preset {
    name: "microsoft365",
    aliases: &["office365"],
    login: Login::Microsoft {
        host: "login.microsoftonline.com",
        tenant: None,
        audience: "api://AzureADTokenExchange",
    },
    revoke: None,
    issuer: None,
    portal: Some("https://portal.azure.com"),
    grants: ENTRA,
    application: Some("https://outlook.office365.com/.default"),
    delegated: Delegated {
        imap: "https://outlook.office.com/IMAP.AccessAsUser.All",
        pop3: Some("https://outlook.office.com/POP.AccessAsUser.All"),
        smtp: Some("https://outlook.office.com/SMTP.Send"),
        besides: ENTRA_BESIDES,
    },
    redirect: Redirect::Loopback("localhost"),
    imap: "outlook.office365.com",
    pop3: Some("outlook.office365.com"),
    smtp: ("smtp.office365.com", 587, Security::StartTls),
    habits: Habits {
        xoauth2_only: true,
        pop3_token_on_its_own_line: true,
        idle: Duration::from_secs(10 * 60),
        saves_sent_mail: true,
    },
    limits: Limits {
        smtp_connections: Some(3),
        messages_per_minute: Some(30),
        recipients_per_day: Some(10_000),
        recipients_per_message: Some(500),
        message_octets: Some(157_286_400),
    },
    note: None,
};

/// Learn, "National clouds".
pub(super) const MICROSOFT_365_US_GOV: Preset = Preset {
    name: "microsoft365-us-gov",
    aliases: &["gcc-high"],
    login: Login::Microsoft {
        host: "login.microsoftonline.us",
        tenant: None,
        audience: "api://AzureADTokenExchangeUSGov",
    },
    portal: Some("https://portal.azure.us"),
    application: Some("https://outlook.office365.us/.default"),
    delegated: Delegated {
        imap: "https://outlook.office365.us/IMAP.AccessAsUser.All",
        pop3: Some("https://outlook.office365.us/POP.AccessAsUser.All"),
        smtp: Some("https://outlook.office365.us/SMTP.Send"),
        besides: ENTRA_BESIDES,
    },
    imap: "outlook.office365.us",
    pop3: Some("outlook.office365.us"),
    smtp: ("smtp.office365.us", 587, Security::StartTls),
    note: Some("not confirmed by a public page: the scopes, which are inferred"),
    ..MICROSOFT_365
};

pub(super) const MICROSOFT_365_US_DOD: Preset = Preset {
    name: "microsoft365-us-dod",
    aliases: &["dod"],
    application: None,
    delegated: Delegated {
        imap: "https://outlook-dod.office365.us/IMAP.AccessAsUser.All",
        pop3: Some("https://outlook-dod.office365.us/POP.AccessAsUser.All"),
        smtp: Some("https://outlook-dod.office365.us/SMTP.Send"),
        besides: ENTRA_BESIDES,
    },
    imap: "outlook-dod.office365.us",
    pop3: Some("outlook-dod.office365.us"),
    smtp: ("outlook-dod.office365.us", 587, Security::StartTls),
    note: Some("not confirmed by a public page: hosts and scopes; set what your administrator says"),
    ..MICROSOFT_365_US_GOV
};

pub(super) const MICROSOFT_365_CHINA: Preset = Preset {
    name: "microsoft365-china",
    aliases: &["21vianet"],
    login: Login::Microsoft {
        host: "login.partner.microsoftonline.cn",
        tenant: None,
        audience: "api://AzureADTokenExchangeChina",
    },
    portal: Some("https://portal.azure.cn"),
    application: Some("https://partner.outlook.cn/.default"),
    delegated: Delegated {
        imap: "https://partner.outlook.cn/IMAP.AccessAsUser.All",
        pop3: Some("https://partner.outlook.cn/POP.AccessAsUser.All"),
        smtp: Some("https://partner.outlook.cn/SMTP.Send"),
        besides: ENTRA_BESIDES,
    },
    imap: "partner.outlook.cn",
    pop3: Some("partner.outlook.cn"),
    smtp: ("smtp.partner.outlook.cn", 587, Security::StartTls),
    note: Some("not confirmed by a public page: a person's scopes, which are inferred"),
    ..MICROSOFT_365
};

pub(super) const OUTLOOK_COM: Preset = Preset {
    name: "outlook.com",
    aliases: &["outlook", "hotmail"],
    login: Login::Microsoft {
        host: "login.microsoftonline.com",
        tenant: Some("consumers"),
        audience: "api://AzureADTokenExchange",
    },
    // Learn, "Resource owner password credentials": this grant does not exist for personal accounts.
    grants: &[GrantType::AuthorizationCode, GrantType::DeviceCode, GrantType::RefreshToken],
    application: None,
    smtp: ("smtp-mail.outlook.com", 587, Security::StartTls),
    // No page says that the limits of Exchange Online apply.
    limits: UNKNOWN,
    note: Some("IMAP and POP have to be switched on in the mailbox's settings first"),
    ..MICROSOFT_365
};

/// Google, "OAuth 2.0 for Mobile & Desktop Apps", "OAuth 2.0 for server to server applications" and "OAuth 2.0
/// Mechanism".
pub(super) const GOOGLE: Preset = Preset {
    name: "google",
    aliases: &["gmail"],
    login: Login::Fixed {
        authorize: "https://accounts.google.com/o/oauth2/v2/auth",
        token: "https://oauth2.googleapis.com/token",
    },
    revoke: Some("https://oauth2.googleapis.com/revoke"),
    issuer: Some("https://accounts.google.com"),
    portal: Some("https://console.cloud.google.com"),
    grants: &[GrantType::ServiceAccount, GrantType::AuthorizationCode, GrantType::RefreshToken],
    application: None,
    delegated: Delegated {
        imap: "https://mail.google.com/",
        pop3: Some("https://mail.google.com/"),
        smtp: Some("https://mail.google.com/"),
        besides: "openid email",
    },
    redirect: Redirect::Loopback("127.0.0.1"),
    imap: "imap.gmail.com",
    pop3: Some("pop.gmail.com"),
    smtp: ("smtp.gmail.com", 465, Security::Implicit),
    habits: Habits { saves_sent_mail: true, ..PLAIN },
    limits: UNKNOWN,
    note: Some("refresh tokens of applications in testing end after 7 days"),
};

/// Yahoo's discovery document.
pub(super) const YAHOO: Preset = Preset {
    name: "yahoo",
    aliases: &[],
    login: Login::Fixed {
        authorize: "https://api.login.yahoo.com/oauth2/request_auth",
        token: "https://api.login.yahoo.com/oauth2/get_token",
    },
    revoke: Some("https://api.login.yahoo.com/oauth2/revoke"),
    issuer: None,
    portal: Some("https://developer.yahoo.com/apps/"),
    grants: CODE,
    application: None,
    delegated: Delegated { imap: "mail-w", pop3: Some("mail-w"), smtp: Some("mail-w"), besides: "" },
    redirect: Redirect::Pasted,
    imap: "imap.mail.yahoo.com",
    pop3: Some("pop.mail.yahoo.com"),
    smtp: ("smtp.mail.yahoo.com", 465, Security::Implicit),
    habits: PLAIN,
    limits: UNKNOWN,
    note: Some("the redirect address must be https; Yahoo has to approve the application for mail"),
};

pub(super) const AOL: Preset = Preset {
    name: "aol",
    login: Login::Fixed {
        authorize: "https://api.login.aol.com/oauth2/request_auth",
        token: "https://api.login.aol.com/oauth2/get_token",
    },
    revoke: None,
    imap: "imap.aol.com",
    pop3: Some("pop.aol.com"),
    smtp: ("smtp.aol.com", 465, Security::Implicit),
    ..YAHOO
};

/// Fastmail, "OAuth" on its pages for developers.
pub(super) const FASTMAIL: Preset = Preset {
    name: "fastmail",
    aliases: &[],
    login: Login::Fixed {
        authorize: "https://api.fastmail.com/oauth/authorize",
        token: "https://api.fastmail.com/oauth/refresh",
    },
    revoke: Some("https://api.fastmail.com/oauth/revoke"),
    issuer: None,
    portal: Some("https://www.fastmail.com/for-developers/oauth/"),
    grants: CODE,
    application: None,
    delegated: Delegated {
        imap: "https://www.fastmail.com/dev/protocol-imap",
        pop3: Some("https://www.fastmail.com/dev/protocol-pop"),
        smtp: Some("https://www.fastmail.com/dev/protocol-smtp"),
        besides: OFFLINE,
    },
    redirect: Redirect::Loopback("localhost"),
    imap: "imap.fastmail.com",
    pop3: Some("pop.fastmail.com"),
    smtp: ("smtp.fastmail.com", 465, Security::Implicit),
    habits: PLAIN,
    limits: UNKNOWN,
    note: None,
};

pub(super) const COMCAST: Preset = Preset {
    name: "comcast",
    aliases: &["xfinity"],
    login: Login::Fixed {
        authorize: "https://oauth.xfinity.com/oauth/authorize",
        token: "https://oauth.xfinity.com/oauth/token",
    },
    revoke: None,
    issuer: None,
    portal: None,
    grants: CODE,
    application: None,
    delegated: Delegated {
        imap: "https://email.comcast.net/",
        pop3: None,
        smtp: Some("https://email.comcast.net/"),
        besides: "profile openid",
    },
    redirect: Redirect::Loopback("localhost"),
    imap: "imap.comcast.net",
    pop3: None,
    smtp: ("smtp.comcast.net", 587, Security::StartTls),
    habits: PLAIN,
    limits: UNKNOWN,
    note: Some(FROM_THUNDERBIRD),
};

pub(super) const YANDEX: Preset = Preset {
    name: "yandex",
    aliases: &[],
    login: Login::Fixed {
        authorize: "https://oauth.yandex.com/authorize",
        token: "https://oauth.yandex.com/token",
    },
    delegated: Delegated { imap: "mail:imap_full", pop3: None, smtp: Some("mail:smtp"), besides: "" },
    imap: "imap.yandex.com",
    smtp: ("smtp.yandex.com", 465, Security::Implicit),
    ..COMCAST
};

pub(super) const MAIL_RU: Preset = Preset {
    name: "mail.ru",
    aliases: &["mailru"],
    login: Login::Fixed { authorize: "https://o2.mail.ru/login", token: "https://o2.mail.ru/token" },
    delegated: Delegated { imap: "mail.imap", pop3: None, smtp: Some("mail.imap"), besides: "" },
    imap: "imap.mail.ru",
    smtp: ("smtp.mail.ru", 465, Security::Implicit),
    ..COMCAST
};

const FROM_THUNDERBIRD: &str =
    "not confirmed by a page of the provider: endpoints and scopes, which are as Thunderbird has them";
