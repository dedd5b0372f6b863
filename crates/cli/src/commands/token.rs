use std::{io::Write, time::SystemTime};

use jiff::Timestamp;
use mailbearer::{Account, Grant, Login, Token, claims::compare, error::Protocol, proto::oauth::Claims};
use serde_json::json;

use crate::{
    cli::{GlobalArgs, TokenArgs},
    error::Error,
    exit::Exit,
    output::{self, Output},
    session::Session,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &TokenArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let session = Session::open(global, !arguments.no_cache)?;
    if arguments.status {
        return status(&session, out);
    }
    let token = session.with_token(|client| client.token())?;
    if arguments.inspect {
        return inspect(&token, session.client.account(), out);
    }
    print(&token, out)
}

/// Prints what the store holds, without a request and without the tokens.
fn status(session: &Session, out: &mut Output<impl Write>) -> Result<(), Error> {
    let status = session.client.login_status().map_err(Error::from)?;
    let user = &session.client.account().user;
    let time = |time: Option<SystemTime>| time.and_then(|time| Timestamp::try_from(time).ok()).map(shown);
    let expires_at = status.as_ref().and_then(|status| time(status.expires_at));
    let requested_at = status.as_ref().and_then(|status| time(status.requested_at));
    let is_good =
        status.as_ref().and_then(|status| status.expires_at).is_some_and(|end| end > SystemTime::now());
    let renewable = status.as_ref().is_some_and(|status| status.renewable);
    let ends_at = status.as_ref().and_then(|status| time(status.ends_at));
    if out.is_json() {
        out.json(&json!({
            "user": user,
            "renewable": renewable,
            "login_ends_at": ends_at,
            "requested_at": requested_at,
            "expires_at": expires_at,
            "expired": expires_at.as_ref().map(|_| !is_good),
            "scope": status.as_ref().and_then(|status| status.scope.as_deref()),
        }))?;
    } else {
        let token = match (&expires_at, is_good) {
            (Some(end), true) => format!("an access token is kept that is good until {end}"),
            (Some(end), false) => format!("the access token that is kept expired at {end}"),
            (None, _) => "no access token is kept".into(),
        };
        let renewal = match &ends_at {
            Some(end) => format!("; a refresh token is kept, which expires at {end}"),
            None if renewable => "; a refresh token is kept".into(),
            None => String::new(),
        };
        out.line(&format!("{user}: {token}{renewal}"))?;
    }
    let is_person = matches!(&session.client.account().login,
        Login::OAuth(oauth) if matches!(oauth.grant, Grant::Person(_)));
    if is_person && !renewable && !is_good {
        return Err(Error::new(
            Exit::NoPermission,
            "nobody has logged in to the account, or the login is over",
        )
        .hint("log in: mailbearer login"));
    }
    Ok(())
}

/// Prints the claims, and on standard error where they don't fit the account.
fn inspect(token: &Token, account: &Account, out: &mut Output<impl Write>) -> Result<(), Error> {
    let claims = Claims::read(&token.access_token);
    let octets = token.access_token.expose().len();
    if out.is_json() {
        out.json(&json!({
            "opaque": claims.is_none(),
            "octets": octets,
            "expires_at": token.expires_at.and_then(|time| Timestamp::try_from(time).ok()).map(shown),
            "audience": claims.as_ref().map(|claims| &claims.audience),
            "issuer": claims.as_ref().map(|claims| &claims.issuer),
            "roles": claims.as_ref().map(|claims| &claims.roles),
            "scopes": claims.as_ref().map(|claims| &claims.scopes),
            "expires": claims.as_ref().map(|claims| claims.expires_at.and_then(second)),
            "tenant": claims.as_ref().map(|claims| &claims.tenant),
            "app_id": claims.as_ref().map(|claims| &claims.app_id),
            "object_id": claims.as_ref().map(|claims| &claims.object_id),
            "user": claims.as_ref().map(|claims| &claims.user),
        }))?;
    } else if let Some(claims) = &claims {
        let rows = [
            ("audience", claims.audience.join(" ")),
            ("issuer", claims.issuer.clone().unwrap_or_default()),
            ("roles", claims.roles.join(" ")),
            ("scopes", claims.scopes.join(" ")),
            ("expires", claims.expires_at.and_then(second).unwrap_or_default()),
            ("tenant", claims.tenant.clone().unwrap_or_default()),
            ("application", claims.app_id.clone().unwrap_or_default()),
            ("object", claims.object_id.clone().unwrap_or_default()),
            ("user", claims.user.clone().unwrap_or_default()),
        ];
        for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
            out.line(&format!("{name:<12} {value}"))?;
        }
    } else {
        out.line(&format!("opaque token of {octets} octets: it says nothing of itself"))?;
    }
    let servers = [(account.imap.is_some(), Protocol::IMAP), (account.smtp.is_some(), Protocol::SMTP)];
    for (_, protocol) in servers.into_iter().filter(|(is_there, _)| *is_there) {
        if let Some(mismatch) = compare(token, account, protocol) {
            output::warning(&format!("{}: {mismatch}", protocol.name()));
        }
    }
    out.flush()
}

fn second(seconds: u64) -> Option<String> {
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok().map(shown)
}

fn shown(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn print(token: &Token, out: &mut Output<impl Write>) -> Result<(), Error> {
    if !out.is_json() {
        return out.line(token.access_token.expose());
    }
    let expires_at = token.expires_at.and_then(|time| Timestamp::try_from(time).ok());
    out.json(&json!({
        "access_token": token.access_token.expose(),
        "token_type": "Bearer",
        "expires_at": expires_at.map(shown),
        "scope": token.scope,
    }))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn prints_the_token_alone_or_all_that_is_known() {
        let mut token = Token::new("t", UNIX_EPOCH.checked_add(Duration::from_millis(1_800_000_000_500)));
        token.refresh_token = Some("r".into());
        for (json, want) in [
            (false, "t\n"),
            (
                true,
                "{\"access_token\":\"t\",\"expires_at\":\"2027-01-15T08:00:00Z\",\"scope\":null,\"token_type\":\"Bearer\"}\n",
            ),
        ] {
            let mut octets = Vec::new();
            print(&token, &mut Output::to(&mut octets, json)).unwrap();
            assert_eq!(String::from_utf8(octets).unwrap(), want);
        }
    }
}
