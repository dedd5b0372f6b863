//! Compares a token with an account and a protocol, as far as the token says what it is for.
//!
//! [`Account::check_claims`](crate::Account::check_claims) does so before a token is shown to a server, whose own
//! refusal says next to nothing. A program that does not call that links none of this.

use std::fmt;

use mailbearer_oauth::Claims;
use mailbearer_wire::printable;

use crate::{Account, Login, Token, error::Protocol};

/// How a token does not fit the account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// The token is for Microsoft Graph. No mail server accepts it.
    Graph,
    /// The token is for this other service.
    Audience(String),
    /// The token is of another directory.
    Tenant {
        /// The directory that the account names.
        wanted: String,
        /// The directory that issued the token.
        found: String,
    },
    /// The application lacks the role for the protocol.
    Role {
        /// The role that the protocol needs.
        wanted: &'static str,
        /// The roles that the token has.
        found: Vec<String>,
    },
    /// The person did not consent to the scope for the protocol.
    Scope {
        /// The scope that the protocol needs.
        wanted: &'static str,
        /// The scopes that the token has.
        found: Vec<String>,
    },
    /// The token is of this person, who is not the account's user. That is right if the user is a shared mailbox.
    Person(String),
}

impl Mismatch {
    /// Returns the id of the entry of the [catalogue](crate::advice) that explains it.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Graph => "token-for-graph",
            Self::Audience(_) => "token-audience",
            Self::Tenant { .. } => "token-other-tenant",
            Self::Role { .. } => "token-role-missing",
            Self::Scope { .. } => "token-scope-missing",
            Self::Person(_) => "token-other-account",
        }
    }

    /// Returns whether no server will accept the token. If that is not certain, the mismatch is worth a warning, and
    /// explains a refusal.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        !matches!(self, Self::Person(_))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |words: &[String]| if words.is_empty() { "none".to_owned() } else { words.join(" ") };
        match self {
            Self::Graph => f.write_str("the token is for Microsoft Graph, not for mail"),
            Self::Audience(audience) => write!(f, "the token is for {audience}, not for this server"),
            Self::Tenant { wanted, found } => {
                write!(f, "the token is of the directory {found}, not of {}", printable(wanted))
            }
            Self::Role { wanted, found } => {
                write!(f, "the token lacks the role {wanted}; its roles: {}", listed(found))
            }
            Self::Scope { wanted, found } => {
                write!(f, "the token lacks the scope {wanted}; its scopes: {}", listed(found))
            }
            Self::Person(person) => write!(f, "the token is of {person}, not of the account's user"),
        }
    }
}

impl std::error::Error for Mismatch {}

/// Compares what a token says of itself with what the account needs for a protocol. Returns the first mismatch; certain
/// ones come before the others.
///
/// Only tokens of Microsoft Entra say enough. All others fit, opaque ones too.
#[must_use]
pub fn compare(token: &Token, account: &Account, protocol: Protocol) -> Option<Mismatch> {
    let claims = Claims::read(&token.access_token)?;
    compare_claims(&claims, account, protocol)
}

/// Does the same as [`compare`] with claims that were read already.
#[must_use]
pub fn compare_claims(claims: &Claims, account: &Account, protocol: Protocol) -> Option<Mismatch> {
    let resources: Vec<Resource<'_>> =
        claims.audience.iter().map(|audience| Resource::of(audience)).collect();
    let mail = resources.iter().find_map(|resource| resource.mail());
    let is_graph = resources.iter().any(|resource| resource.is_graph());
    let by_microsoft = claims.issuer.as_deref().is_some_and(is_microsoft);
    if mail.is_none() && !is_graph && !by_microsoft {
        return None;
    }
    if is_graph && mail.is_none() {
        return Some(Mismatch::Graph);
    }
    let (endpoint, scope) = match &account.login {
        Login::OAuth(oauth) => (oauth.token_url.as_str(), oauth.scope.as_str()),
        _ => ("", ""),
    };
    let server = server(account, protocol).and_then(|host| Resource { host }.mail());
    let wanted = scope.split(' ').find_map(|scope| Resource::of(scope).mail());
    let audience = || Mismatch::Audience(claims.audience.join(" "));
    match (mail, server.or(wanted)) {
        // A program that asks for another service on purpose has a server that accepts its tokens.
        (None, None) => return None,
        (None, Some(_)) => return Some(audience()),
        (Some(Cloud::Any), _) | (Some(_), None | Some(Cloud::Any)) => {}
        (Some(of), Some(wanted)) if of != wanted => return Some(audience()),
        _ => {}
    }
    if let (Some(found), Some(wanted)) = (&claims.tenant, tenant(endpoint))
        && is_guid(found)
        && is_guid(wanted)
        && !found.eq_ignore_ascii_case(wanted)
    {
        return Some(Mismatch::Tenant { wanted: wanted.to_owned(), found: found.clone() });
    }
    let (role, scope) = permissions(protocol)?;
    let has = |list: &[String], name: &str| list.iter().any(|own| own.eq_ignore_ascii_case(name));
    if claims.scopes.is_empty() {
        let missing = !has(&claims.roles, role);
        return missing.then(|| Mismatch::Role { wanted: role, found: claims.roles.clone() });
    }
    // Some issuers list an application's rights among the scopes.
    if !has(&claims.scopes, scope) && !has(&claims.scopes, role) {
        return Some(Mismatch::Scope { wanted: scope, found: claims.scopes.clone() });
    }
    let person = claims.user.as_ref().filter(|person| !person.eq_ignore_ascii_case(&account.user))?;
    Some(Mismatch::Person(person.clone()))
}

/// Returns the application's role and the person's scope that Exchange Online wants for a protocol.
#[must_use]
pub fn permissions(protocol: Protocol) -> Option<(&'static str, &'static str)> {
    match protocol.name() {
        "IMAP" => Some(("IMAP.AccessAsApp", "IMAP.AccessAsUser.All")),
        "SMTP" => Some(("SMTP.SendAsApp", "SMTP.Send")),
        "POP3" => Some(("POP.AccessAsApp", "POP.AccessAsUser.All")),
        _ => None,
    }
}

/// One of Microsoft's clouds. Tokens of one are no good at servers of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cloud {
    /// Worldwide, GCC included.
    Global,
    /// GCC High.
    UsGov,
    /// The Department of Defense.
    UsDod,
    /// China, operated by 21Vianet.
    China,
    /// Any of them: the application id of Exchange is the same in all.
    Any,
}

impl Cloud {
    /// Returns the cloud of a host of Exchange Online or of a token endpoint. `None` for a host that is not
    /// Microsoft's.
    #[must_use]
    pub fn of_host(host: &str) -> Option<Self> {
        let host = host.to_ascii_lowercase();
        let is =
            |name: &str| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        HOSTS.iter().find(|(names, _)| names.iter().any(|name| is(name))).map(|(_, cloud)| *cloud)
    }

    /// Returns its name among the [presets](crate::Provider).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global | Self::Any => "microsoft365",
            Self::UsGov => "microsoft365-us-gov",
            Self::UsDod => "microsoft365-us-dod",
            Self::China => "microsoft365-china",
        }
    }
}

/// The first entry that fits counts.
const HOSTS: &[(&[&str], Cloud)] = &[
    (&["outlook-dod.office365.us", "webmail.apps.mil"], Cloud::UsDod),
    // Both American government clouds have this endpoint; only their servers differ.
    (&["login.microsoftonline.us"], Cloud::Any),
    (&["outlook.office365.us", "smtp.office365.us", "office365.us"], Cloud::UsGov),
    (
        &[
            "partner.outlook.cn",
            "login.partner.microsoftonline.cn",
            "login.chinacloudapi.cn",
            "sts.chinacloudapi.cn",
        ],
        Cloud::China,
    ),
    (
        &[
            "outlook.office365.com",
            "outlook.office.com",
            "smtp.office365.com",
            "smtp-mail.outlook.com",
            "outlook.com",
            "office365.com",
            "login.microsoftonline.com",
            "login.windows.net",
            "sts.windows.net",
        ],
        Cloud::Global,
    ),
];

/// What a token is for, or what a scope asks for: an address or an application id.
#[derive(Clone, Copy)]
struct Resource<'a> {
    host: &'a str,
}

impl<'a> Resource<'a> {
    fn of(name: &'a str) -> Self {
        let rest = name.split_once("://").map_or(name, |(_, rest)| rest);
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        Self { host }
    }

    fn is_graph(self) -> bool {
        GRAPH.iter().any(|name| self.host.eq_ignore_ascii_case(name))
    }

    /// Returns the cloud, if the resource is Exchange Online.
    fn mail(self) -> Option<Cloud> {
        if self.host.eq_ignore_ascii_case(EXCHANGE) {
            return Some(Cloud::Any);
        }
        let is_login = self.host.starts_with("login.") || self.host.starts_with("sts.");
        Cloud::of_host(self.host).filter(|_| !is_login)
    }
}

const GRAPH: [&str; 5] = [
    "graph.microsoft.com",
    "graph.microsoft.us",
    "dod-graph.microsoft.us",
    "microsoftgraph.chinacloudapi.cn",
    "00000003-0000-0000-c000-000000000000",
];
/// Office 365 Exchange Online.
const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";

fn is_microsoft(issuer: &str) -> bool {
    Cloud::of_host(Resource::of(issuer).host).is_some()
}

fn server(account: &Account, protocol: Protocol) -> Option<&str> {
    let server = match protocol {
        Protocol::IMAP => account.imap.as_ref(),
        Protocol::SMTP => account.smtp.as_ref(),
        #[cfg(feature = "pop3")]
        Protocol::POP3 => account.pop3.as_ref(),
        _ => None,
    };
    server.map(|server| server.host.as_str())
}

/// Returns the directory that is in the path of Microsoft's token endpoint.
pub(crate) fn tenant(endpoint: &str) -> Option<&str> {
    let (_, rest) = endpoint.split_once("://")?;
    let mut parts = rest.split('/');
    let (_, tenant) = (parts.next()?, parts.next()?);
    (parts.next() == Some("oauth2")).then_some(tenant)
}

/// Whether it is a directory's id, rather than a domain or a word like `common`.
pub(crate) fn is_guid(text: &str) -> bool {
    let is_digit = |(at, octet): (usize, u8)| match at {
        8 | 13 | 18 | 23 => octet == b'-',
        _ => octet.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Security, Server};

    const OURS: &str = "11111111-2222-3333-4444-555555555555";
    const THEIRS: &str = "99999999-2222-3333-4444-555555555555";

    fn account(scope: &str, host: &str) -> Account {
        let url = format!("https://login.microsoftonline.com/{OURS}/oauth2/v2.0/token");
        Account::custom("robot@contoso.com", url, scope)
            .imap(Server::new(host, 993, Security::Implicit))
            .smtp(Server::new(host, 587, Security::StartTls))
    }

    fn claims(audience: &str, roles: &str, scopes: &str) -> Claims {
        let words = |text: &str| text.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>();
        let mut claims = Claims::default();
        (claims.audience, claims.roles, claims.scopes) = (words(audience), words(roles), words(scopes));
        claims.tenant = Some(OURS.to_owned());
        claims.issuer = Some(format!("https://sts.windows.net/{OURS}/"));
        claims
    }

    #[test]
    fn tells_how_a_token_does_not_fit() {
        let mail = "https://outlook.office365.com";
        let all = "IMAP.AccessAsApp SMTP.SendAsApp";
        let person = "IMAP.AccessAsUser.All SMTP.Send";
        let rows = [
            ("robot", claims(mail, all, ""), None, None),
            (
                "Graph",
                claims("https://graph.microsoft.com", all, ""),
                Some("token-for-graph"),
                Some("token-for-graph"),
            ),
            (
                "Graph's id",
                claims(GRAPH[4], "", "Mail.Send"),
                Some("token-for-graph"),
                Some("token-for-graph"),
            ),
            ("Exchange's id", claims(EXCHANGE, all, ""), None, None),
            ("other name", claims("https://outlook.office.com/", all, ""), None, None),
            ("other service", claims("api://robot", all, ""), Some("token-audience"), Some("token-audience")),
            (
                "other cloud",
                claims("https://partner.outlook.cn", all, ""),
                Some("token-audience"),
                Some("token-audience"),
            ),
            ("no role", claims(mail, "", ""), Some("token-role-missing"), Some("token-role-missing")),
            ("role of the other", claims(mail, "SMTP.SendAsApp", ""), Some("token-role-missing"), None),
            ("a person", claims(mail, "", person), None, None),
            (
                "scope of the other",
                claims(mail, "", "IMAP.AccessAsUser.All"),
                None,
                Some("token-scope-missing"),
            ),
            (
                "Graph beside",
                claims("https://outlook.office.com https://graph.microsoft.com", all, ""),
                None,
                None,
            ),
        ];
        for host in ["outlook.office365.com", "localhost"] {
            let account = account("https://outlook.office365.com/.default", host);
            for (name, claims, imap, smtp) in &rows {
                let found =
                    |protocol| compare_claims(claims, &account, protocol).map(|mismatch| mismatch.id());
                assert_eq!((found(Protocol::IMAP), found(Protocol::SMTP)), (*imap, *smtp), "{name} {host}");
            }
        }
    }

    #[test]
    fn tells_whose_a_token_is() {
        let account = account("https://outlook.office365.com/.default", "outlook.office365.com");
        let good = claims("https://outlook.office365.com", "", "IMAP.AccessAsUser.All");
        let found = |claims: &Claims| compare_claims(claims, &account, Protocol::IMAP);
        let with = |change: fn(&mut Claims)| {
            let mut claims = good.clone();
            change(&mut claims);
            claims
        };
        let other = with(|claims| claims.tenant = Some(THEIRS.to_owned()));
        let mismatch = found(&other).unwrap();
        assert!(mismatch.is_certain() && mismatch.id() == "token-other-tenant", "{mismatch}");
        assert_eq!(mismatch.to_string(), format!("the token is of the directory {THEIRS}, not of {OURS}"));
        let ours = with(|claims| {
            (claims.tenant, claims.user) = (Some(OURS.to_uppercase()), Some("Robot@Contoso.com".into()));
        });
        assert_eq!(found(&ours), None);
        let ann = with(|claims| claims.user = Some("ann@contoso.com".into()));
        let mismatch = found(&ann).unwrap();
        assert!(!mismatch.is_certain() && mismatch.id() == "token-other-account", "{mismatch}");
    }

    #[test]
    fn tokens_of_others_fit() {
        // The directory of a test bench lists roles among the scopes.
        let mut bench = claims("https://outlook.office365.com", "", "IMAP.AccessAsApp SMTP.SendAsApp");
        let at = account("https://outlook.office365.com/.default", "outlook.office365.com");
        bench.user = Some(at.user.clone());
        assert_eq!(compare_claims(&bench, &at, Protocol::IMAP), None);
        let account = account("openid", "imap.example.org");
        let mut claims = claims("account", "", "email profile");
        claims.issuer = Some("https://keycloak.example.org/realms/mail".into());
        assert_eq!(compare_claims(&claims, &account, Protocol::IMAP), None);
        // A server of the user's own that accepts Microsoft's tokens.
        let own = self::claims("api://imap", "", "mail");
        assert_eq!(compare_claims(&own, &account, Protocol::IMAP), None);
        for token in ["ya29.opaque", "", "a.b.c"] {
            assert_eq!(compare(&Token::new(token.to_owned(), None), &account, Protocol::IMAP), None);
        }
    }

    #[test]
    fn hosts_have_a_cloud() {
        for (host, want) in [
            ("outlook.office365.com", Some(Cloud::Global)),
            ("SMTP.office365.com", Some(Cloud::Global)),
            ("eur03.outlook.com", Some(Cloud::Global)),
            ("outlook.office365.us", Some(Cloud::UsGov)),
            ("outlook-dod.office365.us", Some(Cloud::UsDod)),
            ("login.microsoftonline.us", Some(Cloud::Any)),
            ("partner.outlook.cn", Some(Cloud::China)),
            ("smtp.partner.outlook.cn", Some(Cloud::China)),
            ("notoutlook.com", None),
            ("outlook.com.example.org", None),
            ("imap.gmail.com", None),
            ("", None),
        ] {
            assert_eq!(Cloud::of_host(host), want, "{host}");
        }
    }
}
