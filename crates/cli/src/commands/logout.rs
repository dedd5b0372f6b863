use std::io::Write;

use serde_json::json;

use crate::{cli::GlobalArgs, error::Error, output::Output, session::Session};

pub(crate) fn run(global: &GlobalArgs, out: &mut Output<impl Write>) -> Result<(), Error> {
    let session = Session::open(global, true)?;
    let user = &session.client.account().user;
    let ended = session.client.log_out().map_err(Error::from)?;
    let told = match &ended.revoked {
        Some(Ok(())) => Some(true),
        Some(Err(_)) => Some(false),
        None => None,
    };
    if out.is_json() {
        out.json(&json!({ "user": user, "was_logged_in": ended.was_logged_in, "revoked": told }))?;
    } else {
        out.line(&match (ended.was_logged_in, told) {
            (false, _) => format!("{user} was not logged in"),
            (true, Some(true)) => format!("{user} is logged out, here and at the provider"),
            (true, Some(false)) => format!("{user} is logged out here"),
            (true, None) => format!(
                "{user} is logged out here; the provider offers no more: what was issued is good until it expires"
            ),
        })?;
    }
    match ended.revoked {
        Some(Err(error)) => {
            let error = Error::from(error);
            let text = format!("the provider could not be told that the login is over: {}", error.text);
            Err(Error { text, ..error })
        }
        _ => Ok(()),
    }
}
