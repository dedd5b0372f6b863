//! Settings and answers in words, for people.

use mailbearer_oauth::Claims;
use mailbearer_smtp as smtp;
use mailbearer_wire::printable;

use crate::{Login, OAuth, Security, Server};

/// Describes the settings. POP3 is among them only if the walk includes it: presets name a server that few people want.
pub(super) fn settings(account: &crate::Account, with_pop3: bool) -> String {
    let mut parts = vec![format!("user {}", printable(&account.user))];
    match &account.login {
        Login::OAuth(oauth) => {
            parts.push(format!("token from {}", printable(&oauth.token_url)));
            parts.push(format!("application {}", printable(&oauth.client_id)));
            if !oauth.scope.is_empty() {
                parts.push(format!("scope {}", printable(&oauth.scope)));
            }
        }
        Login::Source(_) => parts.push("token from the program".to_owned()),
        Login::Password(_) => parts.push("password".to_owned()),
        Login::Nothing => parts.push("no login".to_owned()),
    }
    let servers = [
        ("IMAP", &account.imap, true),
        ("SMTP", &account.smtp, true),
        #[cfg(feature = "pop3")]
        ("POP3", &account.pop3, with_pop3),
    ];
    #[cfg(not(feature = "pop3"))]
    let _ = with_pop3;
    for (name, server, _) in servers.into_iter().filter(|(.., told)| *told) {
        if let Some(Server { host, port, security }) = server {
            let tls = if *security == Security::Implicit { "TLS" } else { "STARTTLS" };
            parts.push(format!("{name} {} port {port} {tls}", printable(host)));
        }
    }
    parts.join("; ")
}

pub(super) fn shown_grant(oauth: &OAuth) -> String {
    // Only the name of the grant: its contents may be secret.
    let shown = format!("{:?}", oauth.grant);
    let name: String = shown.chars().take_while(|letter| letter.is_ascii_alphanumeric()).collect();
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
    }
    format!("grant {words}")
}

pub(super) fn shown_claims(claims: &Claims) -> String {
    let mut parts = vec![format!("for {}", claims.audience.join(" "))];
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            parts.push(format!("{name} {value}"));
        }
    };
    add("roles", &claims.roles.join(" "));
    add("scopes", &claims.scopes.join(" "));
    add("tenant", claims.tenant.as_deref().unwrap_or_default());
    add("application", claims.app_id.as_deref().unwrap_or_default());
    add("object", claims.object_id.as_deref().unwrap_or_default());
    add("of", claims.user.as_deref().unwrap_or_default());
    parts.join("; ")
}

pub(super) fn shown_capabilities(capabilities: &smtp::Capabilities) -> String {
    let names = capabilities.iter().map(|one| match one {
        smtp::Capability::Auth(mechanisms) => format!("AUTH {mechanisms}"),
        smtp::Capability::Other(name) => name.to_owned(),
        smtp::Capability::Size(Some(octets)) => format!("SIZE {octets}"),
        smtp::Capability::EightBitMime => "8BITMIME".to_owned(),
        other => {
            let shown = format!("{other:?}");
            shown.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase()
        }
    });
    printable(&names.collect::<Vec<_>>().join(", ")).into_owned()
}
