use std::io::Write;

use jiff::Timestamp;
use mailbearer::Token;
use serde_json::json;

use crate::{
    cli::{GlobalArgs, TokenArgs},
    error::Error,
    output::Output,
    session::Session,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &TokenArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let session = Session::open(global, !arguments.no_cache)?;
    let token = session.with_token(|client| client.token())?;
    print(&token, out)
}

fn print(token: &Token, out: &mut Output<impl Write>) -> Result<(), Error> {
    if !out.is_json() {
        return out.line(token.access_token.expose());
    }
    let expires_at = token.expires_at.and_then(|time| Timestamp::try_from(time).ok());
    out.json(&json!({
        "access_token": token.access_token.expose(),
        "token_type": "Bearer",
        "expires_at": expires_at.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
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
