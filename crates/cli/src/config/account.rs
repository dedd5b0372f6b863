//! Makes the library's account from settings.

use std::{fs, path::Path};

use mailbearer::{Account, Provider, Proxies, Proxy, Security, Server, Tls, proto::smtp};
use mailbearer_bridge::named;

use super::{oauth, secret, settings::Settings, table};
use crate::{error::Error, output};

/// Makes the account called `name`; file names in `settings` are relative to `folder`.
///
/// # Errors
///
/// Names the setting that is missing or wrong, and where to put it.
pub(crate) fn account(
    name: &str,
    settings: &Settings,
    folder: &Path,
    warnings: &mut Vec<String>,
) -> Result<Account, Error> {
    let provider = provider(settings);
    let user = settings.text("user").ok_or_else(|| missing(name, "user"))?;
    let mut account = match provider {
        Some(provider) => Account::preset(provider, user, None),
        None => Account::custom(user, "", ""),
    };
    account.login = oauth::login(name, settings, provider, folder, warnings)?;
    account.imap = server(name, settings, "imap", account.imap.take(), [993, 143])?;
    account.pop3 = server(name, settings, "pop3", account.pop3.take(), [995, 110])?;
    account.smtp = server(name, settings, "smtp", account.smtp.take(), [465, 587])?;
    if is_lmtp(settings) {
        if settings.port("smtp.port").is_none() {
            return Err(missing(name, "smtp.port"));
        }
        // Host, port and security are the server's.
        let mut options = smtp::Options::new("", 0);
        options.lmtp = true;
        account.smtp_options = Some(Box::new(options));
    }
    let count = |key| settings.port(key).map(u32::from);
    let limits = &mut account.limits;
    limits.smtp_connections = count("smtp.connections").or(limits.smtp_connections);
    limits.messages_per_minute = count("smtp.messages_per_minute").or(limits.messages_per_minute);
    if let Some(file) = settings.path("tls.ca_file") {
        let file = secret::relative_to(settings, "tls.ca_file", folder, &file);
        let wrong =
            |problem: &str| settings.wrong("tls.ca_file", &format!("the file {} {problem}", named(&file)));
        let pem = fs::read(&file).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        account.tls = Some(Tls::with_ca_pem(&pem).map_err(|error| wrong(&format!("is of no use: {error}")))?);
    }
    account.proxies = proxies(settings, folder, warnings)?;
    if settings.text("oauth.claims").as_deref() != Some("ignore") {
        account = account.check_claims(|mismatch| {
            output::warning(&mismatch.to_string());
        });
    }
    let timeouts = &mut account.timeouts;
    for (key, timeout) in
        [("timeouts.connect", &mut timeouts.connect), ("timeouts.write", &mut timeouts.write)]
    {
        *timeout = settings.seconds(key).unwrap_or(*timeout);
    }
    timeouts.read = settings.seconds("timeouts.read").or(timeouts.read);
    timeouts.total = settings.seconds("timeouts.total").or(timeouts.total);
    Ok(account)
}

/// The proxies that the settings name, or else those of the environment.
fn proxies(settings: &Settings, folder: &Path, warnings: &mut Vec<String>) -> Result<Proxies, Error> {
    let Some(url) = secret::read(settings, "proxy", folder, warnings)? else {
        return Proxies::from_environment().map_err(|(variable, error)| {
            Error::config(format!("the variable {variable} is of no use as a proxy: {error}"))
                .hint("correct or unset it, or set proxy of the account, which may be \"none\"")
        });
    };
    if url.expose() == "none" {
        return Ok(Proxies::none());
    }
    let proxy = Proxy::parse(url.expose()).map_err(|error| settings.wrong("proxy", &error.to_string()))?;
    let direct = |name| std::env::var(name).ok();
    Ok(Proxies::all(proxy).except(&direct("no_proxy").or_else(|| direct("NO_PROXY")).unwrap_or_default()))
}

fn provider(settings: &Settings) -> Option<Provider> {
    // The table of settings allows no other word, and `custom` is no preset.
    settings.text("provider")?.parse().ok()
}

/// The server of one protocol, from the settings, then the preset, then the usual ports and ways to start TLS.
///
/// `ports` are those for TLS from the start and for STARTTLS.
fn server(
    name: &str,
    settings: &Settings,
    protocol: &str,
    preset: Option<Server>,
    ports: [u16; 2],
) -> Result<Option<Server>, Error> {
    if preset.is_none() && !settings.has_table(protocol) {
        return Ok(None);
    }
    let key = |key: &str| format!("{protocol}.{key}");
    let host = settings.text(&key("host"));
    let port = settings.port(&key("port"));
    let security = settings.text(&key("tls")).map(|word| match word.as_str() {
        "starttls" => Security::StartTls,
        _ => Security::Implicit,
    });
    let host = host.or_else(|| preset.as_ref().map(|preset| preset.host.clone()));
    let host = host.ok_or_else(|| missing(name, &key("host")))?;
    let [implicit, starttls] = ports;
    let security = security
        .or_else(|| match port {
            Some(port) if port == implicit => Some(Security::Implicit),
            Some(port) if port == starttls => Some(Security::StartTls),
            _ => preset.as_ref().map(|preset| preset.security),
        })
        .unwrap_or(if protocol == "smtp" { Security::StartTls } else { Security::Implicit });
    let usual = if security == Security::Implicit { implicit } else { starttls };
    let preset = preset.filter(|preset| preset.security == security).map(|preset| preset.port);
    Ok(Some(Server::new(host, port.or(preset).unwrap_or(usual), security)))
}

pub(super) fn is_lmtp(settings: &Settings) -> bool {
    settings.text("smtp.protocol").as_deref() == Some("lmtp")
}

pub(super) fn missing(account: &str, key: &str) -> Error {
    let variable = table::variable(key);
    let (table, last) = key.rsplit_once('.').unwrap_or(("", key));
    let dot = if table.is_empty() { "" } else { "." };
    Error::config(format!("account {account} has no {key}")).hint(format!(
        "set {last} in [accounts.{account}{dot}{table}] of the configuration file, or {variable}"
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mailbearer::{ClientProof, Grant, Login, OAuth, RedirectTo};

    use super::{super::settings::File, *};

    fn make(text: &str) -> Result<Account, Error> {
        let settings = File::parse("c", text).unwrap().accounts.remove("a").unwrap_or_default();
        account("a", &settings, Path::new("/"), &mut Vec::new())
    }

    fn oauth(account: &Account) -> &OAuth {
        match &account.login {
            Login::OAuth(oauth) => oauth,
            login => panic!("{login:?}"),
        }
    }

    const OAUTH: &str = "oauth = { tenant = 't.example', client_id = 'c', client_secret = 's' }\n";

    #[test]
    fn a_preset_fills_in_what_is_not_set() {
        let account =
            make(&format!("[accounts.a]\nprovider = 'microsoft365'\nuser = 'u@x'\n{OAUTH}")).unwrap();
        assert_eq!(
            oauth(&account).token_url,
            "https://login.microsoftonline.com/t.example/oauth2/v2.0/token"
        );
        assert_eq!(oauth(&account).scope, "https://outlook.office365.com/.default");
        assert_eq!(account.imap.unwrap().port, 993);
        let account = make(&format!(
            "[accounts.a]\nprovider = 'google'\nuser = 'u@x'\n{}\n\
             smtp.port = 587\nimap = {{ host = 'proxy' }}\ntimeouts = {{ connect = 2, total = 1.5 }}\n",
            OAUTH.replace(" }", ", grant = 'refresh_token', refresh_token = 'r' }")
        ))
        .unwrap();
        assert_eq!(account.smtp, Some(Server::new("smtp.gmail.com", 587, Security::StartTls)));
        assert_eq!(account.imap, Some(Server::new("proxy", 993, Security::Implicit)));
        assert_eq!(account.timeouts.connect, Duration::from_secs(2));
        assert_eq!(account.timeouts.total, Some(Duration::from_millis(1500)));
        assert_eq!(account.timeouts.read, None);
    }

    #[test]
    fn ports_and_tls_go_together() {
        let rows = [
            ("imap.host = 'h'", "imap", (993, Security::Implicit)),
            ("imap = { host = 'h', tls = 'starttls' }", "imap", (143, Security::StartTls)),
            ("imap = { host = 'h', port = 143 }", "imap", (143, Security::StartTls)),
            ("imap = { host = 'h', port = 1430 }", "imap", (1430, Security::Implicit)),
            ("imap = { host = 'h', port = 143, tls = 'implicit' }", "imap", (143, Security::Implicit)),
            ("smtp.host = 'h'", "smtp", (587, Security::StartTls)),
            ("smtp = { host = 'h', port = 465 }", "smtp", (465, Security::Implicit)),
            ("smtp = { host = 'h', tls = 'implicit' }", "smtp", (465, Security::Implicit)),
        ];
        for (text, protocol, (port, security)) in rows {
            let oauth = "oauth = { token_url = 'https://x', client_id = 'c', client_secret = 's' }";
            let account = make(&format!("[accounts.a]\nuser = 'u'\n{oauth}\n{text}\n")).unwrap();
            let server = if protocol == "imap" { account.imap } else { account.smtp };
            assert_eq!(server, Some(Server::new("h", port, security)), "{text}");
        }
    }

    #[test]
    fn lmtp_needs_a_port_and_no_login() {
        let text = "[accounts.a]\nuser = 'u'\nsmtp = { host = 'h', protocol = 'lmtp', tls = 'implicit' }\n";
        assert_eq!(make(text).unwrap_err().text, "account a has no smtp.port");
        let text = text.replace(" }", ", port = 24 }");
        let account = make(&text).unwrap();
        assert!(matches!(account.login, Login::Nothing));
        assert!(account.smtp_options.is_some_and(|options| options.lmtp));
        assert_eq!(account.smtp, Some(Server::new("h", 24, Security::Implicit)));
        let account = make(&text.replace("user = 'u'", "user = 'u'\npassword = 'p'")).unwrap();
        assert!(matches!(account.login, Login::Password(_)));
        let smtp = make(&text.replace("lmtp", "smtp")).unwrap_err();
        assert_eq!(smtp.text, "account a has no oauth.token_url");
    }

    #[test]
    fn says_what_is_missing_and_where_it_goes() {
        let rows = [
            ("", "user", "set user in [accounts.a] of the configuration file, or MAILBEARER_USER"),
            ("user = 'u'", "oauth.token_url", "[accounts.a.oauth]"),
            ("user = 'u'\nprovider = 'microsoft365'", "oauth.tenant", "MAILBEARER_OAUTH_TENANT"),
            (
                "user = 'u'\nprovider = 'office365'\noauth.tenant = 't'",
                "oauth.client_id",
                "MAILBEARER_OAUTH_CLIENT_ID",
            ),
            (
                "user = 'u'\nprovider = 'microsoft365-us-dod'\n\
                 oauth = { tenant = 't', client_id = 'c', client_secret = 's' }",
                "oauth.scope",
                "MAILBEARER_OAUTH_SCOPE",
            ),
            (
                "user = 'u'\nprovider = 'office365'\noauth = { tenant = 't', client_id = 'c' }",
                "oauth.client_secret",
                "MAILBEARER_OAUTH_CLIENT_SECRET",
            ),
            (
                "user = 'u'\nprovider = 'google'\noauth = { client_id = 'c', grant = 'refresh_token' }",
                "oauth.refresh_token",
                "MAILBEARER_OAUTH_REFRESH_TOKEN",
            ),
            (
                "user = 'u'\noauth = { token_url = 'https://x', client_id = 'c', client_secret = 's' }\nimap.port = 1",
                "imap.host",
                "MAILBEARER_IMAP_HOST",
            ),
        ];
        for (text, key, hint) in rows {
            let error = make(&format!("[accounts.a]\n{text}\n")).unwrap_err();
            assert_eq!(error.text, format!("account a has no {key}"));
            assert!(error.hint.as_ref().unwrap().contains(hint), "{error}");
        }
    }

    #[test]
    fn a_person_with_a_password_and_a_client_by_basic() {
        let text = "[accounts.a]\nuser = 'u'\n[accounts.a.oauth]\ntoken_url = 'https://x'\nclient_id = 'c'\n\
                    grant = 'password'\nclient_auth = 'basic'\nclient_secret = 's'\n";
        assert_eq!(make(text).unwrap_err().text, "account a has no oauth.password");
        for (more, want) in [("", "u"), ("username = 'n'\n", "n")] {
            let account = make(&format!("{text}password = 'hunter2'\n{more}")).unwrap();
            let OAuth { grant: Grant::Password { username, password }, client, .. } = oauth(&account) else {
                panic!("{account:?}")
            };
            assert_eq!((username.as_str(), password.expose().as_str()), (want, "hunter2"));
            assert!(matches!(client, ClientProof::Basic(secret) if secret.expose() == "s"));
        }
    }

    #[test]
    fn what_a_provider_does_not_have_is_refused() {
        let rows = [
            (
                "google",
                "grant = 'client_credentials'",
                "google has no client_credentials for mail",
                "service_account",
            ),
            ("gmail", "grant = 'device_code'", "google has no device_code for mail", "--no-browser"),
            (
                "outlook.com",
                "client_secret = 's'",
                "outlook.com has no client_credentials for mail",
                "person's consent",
            ),
            (
                "outlook.com",
                "grant = 'password'",
                "outlook.com has no password for mail",
                "authorization_code",
            ),
            ("yahoo", "scope = 'x'", "yahoo has no client_credentials for mail", "refresh_token"),
            (
                "office365",
                "tenant = 'common'",
                "microsoft365 gives no token for client_credentials to this tenant",
                "directory's id",
            ),
        ];
        for (provider, oauth, text, hint) in rows {
            let file = format!(
                "[accounts.a]\nprovider = '{provider}'\nuser = 'u'\noauth = {{ client_id = 'c', {oauth} }}\n"
            );
            let error = make(&file).unwrap_err();
            assert_eq!(error.text, format!("account a: {text}"));
            assert!(error.hint.as_ref().unwrap().contains(hint), "{error}");
        }
        // An endpoint of one's own is not the provider's.
        let own = "[accounts.a]\nprovider = 'google'\nuser = 'u'\n\
                   oauth = { client_id = 'c', client_secret = 's', token_url = 'https://x', scope = 'x' }\n";
        make(own).unwrap();
    }

    #[test]
    fn a_person_logs_in_as_the_provider_wants_it() {
        let person = |more: &str| {
            let text = format!("[accounts.a]\nuser = 'u@x'\n{more}\n[accounts.a.oauth]\nclient_id = 'c'\n");
            let account = make(&text.replace("oauth: ", "[accounts.a.oauth]\n").replace(
                "\n[accounts.a.oauth]\nclient_id",
                if more.contains("oauth: ") { "\nclient_id" } else { "\n[accounts.a.oauth]\nclient_id" },
            ));
            account.map(|account| match oauth(&account) {
                OAuth { grant: Grant::Person(person), scope, token_url, .. } => {
                    (person.clone(), scope.clone(), token_url.clone())
                }
                other => panic!("{other:?}"),
            })
        };
        let (found, scope, token_url) =
            person("provider = 'office365'\noauth: grant = 'authorization_code'").unwrap();
        assert_eq!(found.redirect, RedirectTo::Loopback { host: "localhost".into(), port: None });
        assert!(scope.contains("IMAP.AccessAsUser.All") && scope.contains("offline_access"), "{scope}");
        assert!(token_url.ends_with("/organizations/oauth2/v2.0/token"), "{token_url}");
        assert!(found.authorize_url.unwrap().ends_with("/organizations/oauth2/v2.0/authorize"));
        assert!(!found.prefers_code && !found.implicit && found.device_url.is_some());

        let (found, ..) = person(
            "provider = 'google'\noauth: grant = 'authorization_code'\nredirect_port = 8080\nusername = 'ann@x'",
        )
        .unwrap();
        assert_eq!(found.redirect, RedirectTo::Loopback { host: "127.0.0.1".into(), port: Some(8080) });
        assert_eq!(found.name.as_deref(), Some("ann@x"));
        let (found, ..) = person("provider = 'outlook.com'\noauth: grant = 'device_code'").unwrap();
        assert!(found.prefers_code && found.device_url.unwrap().contains("/consumers/"));
        let (found, ..) = person("provider = 'office365'\noauth: grant = 'implicit'").unwrap();
        assert!(found.implicit);
        let (found, ..) = person(
            "provider = 'yahoo'\noauth: grant = 'authorization_code'\nredirect_uri = 'https://x.test/y'",
        )
        .unwrap();
        assert_eq!(found.redirect, RedirectTo::Pasted("https://x.test/y".into()));

        for (more, want) in [
            (
                "provider = 'yahoo'\noauth: grant = 'authorization_code'",
                "account a has no oauth.redirect_uri",
            ),
            (
                "oauth: grant = 'authorization_code'\ntoken_url = 'https://x'",
                "account a has no oauth.authorize_url",
            ),
            ("oauth: grant = 'device_code'\ntoken_url = 'https://x'", "account a has no oauth.device_url"),
            (
                "provider = 'google'\noauth: grant = 'device_code'",
                "account a: google has no device_code for mail",
            ),
        ] {
            assert_eq!(person(more).unwrap_err().text, want);
        }
    }

    /// Key `password` in the account itself, in place of `[oauth]`.
    #[test]
    fn a_password_takes_the_place_of_oauth() {
        let text = "[accounts.a]\nuser = 'u'\npassword = 'hunter2'\nimap.host = 'h'\n";
        let account = make(text).unwrap();
        assert!(matches!(&account.login, Login::Password(password) if password.expose() == "hunter2"));
        let error = make(&format!("{text}oauth.client_id = 'c'\n")).unwrap_err();
        assert_eq!(
            error.text,
            "c:3:1: accounts.a.password: an account logs in with a password or by oauth, not with both"
        );
    }

    #[test]
    fn a_refresh_token_keeps_the_scopes_of_its_consent() {
        let text = "[accounts.a]\nprovider = 'outlook.com'\nuser = 'u'\n\
                    [accounts.a.oauth]\ngrant = 'refresh_token'\nclient_id = 'c'\nrefresh_token = 'r'\n";
        let account = make(text).unwrap();
        assert_eq!(oauth(&account).scope, "");
        assert!(matches!(oauth(&account).client, ClientProof::None));
        assert!(matches!(&oauth(&account).grant, Grant::RefreshToken(token) if token.expose() == "r"));
        assert_eq!(oauth(&make(&format!("{text}scope = 'a b'\n")).unwrap()).scope, "a b");
    }
}
