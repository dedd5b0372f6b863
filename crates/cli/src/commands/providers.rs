use std::io::Write;

use mailbearer::{GrantType, MailProtocol, Provider, Security, Server};
use serde_json::{Value, json};

use crate::{error::Error, output::Output};

/// Prints a line for each provider.
pub(crate) fn run(out: &mut Output<impl Write>) -> Result<(), Error> {
    Provider::ALL.into_iter().try_for_each(|provider| {
        if out.is_json() { out.json(&object(provider)) } else { out.line(&line(provider)) }
    })
}

fn line(provider: Provider) -> String {
    let names = [provider.name()].into_iter().chain(provider.aliases().iter().copied());
    let names = names.collect::<Vec<_>>().join(", ");
    let servers = [Some(provider.imap()), provider.pop3(), Some(provider.smtp())].map(|server| {
        server.map_or_else(|| "-".to_owned(), |server| format!("{}:{}", server.host, server.port))
    });
    let grants = provider.grants().iter().map(|grant| grant.name()).collect::<Vec<_>>().join(", ");
    let line = format!("{names:<28}  {:<36}  {grants}", servers.join("  "));
    match provider.note() {
        Some(note) => format!("{line}; {note}"),
        None => line,
    }
}

fn object(provider: Provider) -> Value {
    let server = |server: Server| {
        let tls = if server.security == Security::Implicit { "implicit" } else { "starttls" };
        json!({ "host": server.host, "port": server.port, "tls": tls })
    };
    // The word in place of a tenant that the user has to set.
    let tenant = provider.token_url(None).is_none().then_some("TENANT");
    let scope = |protocol| {
        provider.scope(GrantType::AuthorizationCode, &[protocol]).filter(|scope| !scope.is_empty())
    };
    let (habits, limits) = (provider.habits(), provider.limits());
    json!({
        "name": provider.name(),
        "aliases": provider.aliases(),
        "grants": provider.grants().iter().map(|grant| grant.name()).collect::<Vec<_>>(),
        "token_url": provider.token_url(tenant),
        "authorize_url": provider.authorize_url(tenant),
        "device_url": provider.device_url(tenant),
        "revoke_url": provider.revoke_url(),
        "issuer": provider.issuer(),
        "portal": provider.portal(),
        "application_scope": provider.application_scope(),
        "assertion_audience": provider.assertion_audience(),
        "scopes": {
            "imap": scope(MailProtocol::Imap),
            "pop3": provider.pop3().and_then(|_| scope(MailProtocol::Pop3)),
            "smtp": scope(MailProtocol::Smtp),
        },
        "redirect_host": provider.redirect_host(),
        "imap": server(provider.imap()),
        "pop3": provider.pop3().map(server),
        "smtp": server(provider.smtp()),
        "habits": {
            "xoauth2_only": habits.xoauth2_only,
            "pop3_token_on_its_own_line": habits.pop3_token_on_its_own_line,
            "idle_seconds": habits.idle.as_secs(),
            "saves_sent_mail": habits.saves_sent_mail,
        },
        "limits": {
            "smtp_connections": limits.smtp_connections,
            "messages_per_minute": limits.messages_per_minute,
            "recipients_per_day": limits.recipients_per_day,
            "recipients_per_message": limits.recipients_per_message,
            "message_octets": limits.message_octets,
        },
        "note": provider.note(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(json: bool) -> Vec<String> {
        let mut octets = Vec::new();
        run(&mut Output::to(&mut octets, json)).unwrap();
        String::from_utf8(octets).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn each_provider_has_a_line() {
        let lines = printed(false);
        assert_eq!(lines.len(), Provider::ALL.len());
        let microsoft = lines.iter().find(|line| line.starts_with("microsoft365, office365 ")).unwrap();
        for part in
            ["outlook.office365.com:993", "smtp.office365.com:587", "client_credentials, managed_identity, "]
        {
            assert!(microsoft.contains(part), "{microsoft}");
        }
        assert!(lines.iter().any(|line| line.starts_with("google, gmail ") && !line.contains("client_cred")));
    }

    #[test]
    fn each_provider_is_an_object() {
        let objects: Vec<Value> =
            printed(true).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), Provider::ALL.len());
        let of = |name: &str| objects.iter().find(|object| object["name"] == name).unwrap();
        assert_eq!(of("google")["device_url"], Value::Null);
        assert_eq!(
            of("microsoft365")["token_url"],
            "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token"
        );
        assert_eq!(of("outlook.com")["smtp"]["tls"], "starttls");
    }
}
